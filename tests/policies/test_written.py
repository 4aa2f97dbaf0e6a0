"""Reading what is written: places, surprises, and any garbage at all."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.packs import FOLDER, check_packs
from policies.written import DEEPEST, Node, read, spelled

PACK = (FOLDER / "kaifeng" / "2021-01-01.yaml").read_text(encoding="utf-8")


def tree(text: str) -> Node:
    root, faults = read(text.encode())
    assert root is not None
    assert faults == []
    return root


def faults(raw: bytes | str) -> list[str]:
    _, found = read(raw if isinstance(raw, bytes) else raw.encode())
    return [f"{fault.line}:{fault.column}: {fault.path}: {fault.message}" for fault in found]


def test_only_numbers_truth_and_nothing_are_more_than_text() -> None:
    text = "{a: 1, b: -2.50, c: true, d: ~, e: , f: yes, g: 08:30, h: 2020-01-29, i: 0x1F, j: .inf, k: '1', l: 1e3}"
    assert tree(text).plain == {
        "a": 1,
        "b": -2.5,
        "c": True,
        "d": None,
        "e": None,
        "f": "yes",
        "g": "08:30",
        "h": "2020-01-29",
        "i": "0x1F",
        "j": ".inf",
        "k": "1",
        "l": "1e3",
    }


def test_a_number_too_long_to_be_meant_stays_text() -> None:
    assert tree("a: " + "9" * 5000).plain == {"a": "9" * 5000}


def test_each_value_knows_its_place_and_that_of_its_key() -> None:
    root = tree("# a comment\nwater:\n  - meter:  7\n    值: 'x'\n")
    seven, path = root.find(("water", 0, "meter"))
    assert (seven.value, seven.at, seven.key_at, spelled(path)) == (7, (3, 13), (3, 5), "water[0].meter")
    after_chinese, _ = root.find(("water", 0, "值"))
    assert after_chinese.at == (4, 8)


def test_a_path_that_was_never_written_leads_as_far_as_it_goes() -> None:
    root = tree("a: [{b: 1}]")
    node, path = root.find(("a", 0, "a-tag", "b", "value"))
    assert (node.value, path) == (1, ("a", 0, "b"))
    assert spelled(()) == "file"


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "1:1: file: the file is empty"),
        (b"# nothing\n", "1:1: file: the file is empty"),
        (b"a: 1\nb: \xff\n", "2:4: file: not UTF-8 text: save the file as UTF-8"),
        (b"a: 1\n---\nb: 2\n", "2:1: file: a second document: one file holds one, take the --- out"),
        (b"a: [1\nb: 2\n", "2:2: file: not YAML: "),
        (b"a: 1\n\tb: 2\n", "2:1: file: not YAML: "),
        (b"a: 1\nb: \x00\n", "2:4: file: not YAML: special characters are not allowed: take the character out"),
        (b'a: 1\nb: "\\U0011ffff"\n', "2:1: file: not YAML: "),
        (b"%YAML 1.x\n---\na: 1\n", "1:"),
        (b"? [a]\n: 1\n", "1:3: file: a key is a word, not a list or a mapping"),
        (b"a: &x 1\nb: *x\n", "2:4: b: aliases are not followed: write the value out instead of *x"),
        (b"a: !!int '1'\n", "1:4: a: tags are not obeyed: take tag:yaml.org,2002:int out"),
        (b"a: {b: 1, b: 2}\n", "1:11: a.b: written twice, first on line 1: keep one of them"),
    ],
)
def test_what_cannot_be_meant_is_told_at_its_place(raw: bytes, said: str) -> None:
    told = faults(raw)
    assert len(told) == 1
    assert told[0].startswith(said), told


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? "])
def test_nesting_without_end_is_refused_and_does_not_crash(opening: str) -> None:
    told = faults(opening * 5000)
    assert len(told) == 1
    assert told[0].endswith(f"nested deeper than {DEEPEST}: no policy is")


def test_a_byte_order_mark_is_no_fault() -> None:
    assert read(b"\xef\xbb\xbfa: 1\n")[0] == tree("a: 1\n")


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.binary(max_size=200), st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace"))))
def test_any_bytes_are_read_or_told_about(raw: bytes) -> None:
    root, found = read(raw)
    assert root is not None or found


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="ab:-[]{}\"'!&*|>%?#,~\\ \n\t0189.xUu<=@`\u0085\u2028", max_size=60))
def test_any_punctuation_is_read_or_told_about(text: str) -> None:
    root, found = read(text.encode())
    assert root is not None or found


@settings(max_examples=60, deadline=None)
@given(
    at=st.integers(0, len(PACK)),
    drop=st.integers(0, 12),
    insert=st.one_of(
        st.text(max_size=6), st.sampled_from(["\n", "  ", "{", "}", "[", ": ", "- ", "!!set ", "&a ", "null"])
    ),
)
def test_a_pack_with_any_slip_of_the_keyboard_is_sound_or_told_about(
    tmp_path_factory: pytest.TempPathFactory, at: int, drop: int, insert: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "kaifeng" / "2021-01-01.yaml"
    path.parent.mkdir(exist_ok=True)
    slipped = PACK[:at] + insert + PACK[at + drop :]
    path.write_bytes(slipped.encode("utf-8", "replace"))
    for fault in check_packs([path]):
        assert fault.startswith(f"{path}:")
        assert int(fault.removeprefix(f"{path}:").split(":")[0]) <= slipped.count("\n") + 1
