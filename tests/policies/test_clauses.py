"""The register: sentences word for word, glosses in both languages, and a reading of it that is quick and right."""

import os
import re
from collections import Counter
from pathlib import Path

import pytest

from policies import packs
from policies.packs import clauses
from policies.register import Clause, at_a_glance
from policies.written import read

SEEDS = os.environ.get("GUANJIA_SEEDS")


def without_space(text: str) -> str:
    return re.sub(r"\s+", "", text)


def test_every_sentence_of_the_five_utilities_is_in_the_register() -> None:
    assert Counter(clause.utility for clause in clauses().values()) == {
        "changchun": 124,
        "jinan": 271,
        "kaifeng": 183,
        "liaocheng": 83,
        "qingdao": 124,
    }


@pytest.mark.parametrize("clause", clauses().values(), ids=lambda clause: clause.id)
def test_a_clause_is_short_and_glossed_in_our_own_words(clause: Clause) -> None:
    assert clause.id in clauses()
    assert len(clause.text) <= 90
    assert clause.gloss_en.isascii()
    assert not clause.gloss_zh.isascii()
    assert clause.text not in clause.gloss_zh


@pytest.mark.parametrize("path", sorted(packs.FOLDER.glob("*/clauses.yaml")), ids=lambda path: path.parent.name)
def test_a_register_read_at_a_glance_says_what_the_strict_reader_says(path: Path) -> None:
    said = at_a_glance(path.read_text(encoding="utf-8"))
    root, faults = read(path.read_bytes())
    assert faults == []
    assert root is not None
    assert said == root.plain


PLAIN = """document: D
clauses:
  jinan.x.y:
    section: 一
    text: 3日內
"""


@pytest.mark.parametrize(
    ("written", "means"),
    [("3日內", "3日內"), ('"8:00: \\"a\\""', '8:00: "a"'), ("true", True), ("[X01, I02]", ["X01", "I02"])],
)
def test_a_glance_reads_plain_writing(written: str, means: object) -> None:
    said = at_a_glance(PLAIN.replace("3日內", written))
    assert said == {"document": "D", "clauses": {"jinan.x.y": {"section": "一", "text": means}}}
    root, _ = read(PLAIN.replace("3日內", written).encode())
    assert root is not None
    assert root.plain == said


@pytest.mark.parametrize(
    "written",
    ["'quoted'", "|", "> folded", "&a b", "*a", "!tag b", "a: b", "a # b", "12", "null", "{a: b}", '"open', "[a, 'b']"],
)
def test_a_glance_leaves_to_the_strict_reader_what_is_not_plain(written: str) -> None:
    assert at_a_glance(PLAIN.replace("3日內", written)) is None


@pytest.mark.parametrize("line", ["  jinan.x.y:", "    text: again", "      deep: er", "other: 1", "\ttext: x", "---"])
def test_a_glance_leaves_to_the_strict_reader_a_line_out_of_place(line: str) -> None:
    assert at_a_glance(PLAIN + line + "\n") is None


@pytest.mark.skipif(SEEDS is None, reason="GUANJIA_SEEDS does not say where the regulations' texts are")
def test_every_clause_is_word_for_word_in_its_regulation() -> None:
    utilities = {id_.partition(".")[0] for id_ in clauses()}
    texts = {name: without_space(Path(str(SEEDS), f"{name}.txt").read_text(encoding="utf-8")) for name in utilities}
    assert [c.id for c in clauses().values() if without_space(c.text) not in texts[c.id.partition(".")[0]]] == []
