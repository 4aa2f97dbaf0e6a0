"""Every sentence is kept, not software, or open; and what says so holds together."""

import ast
from pathlib import Path

import pytest

from policies import coverage
from policies.coverage import Proof, Reference


def claims(source: str) -> list[str]:
    return [clause for _, mark in coverage._claims(ast.parse(source)) for clause in coverage._texts(mark)]


def test_every_reference_is_proved_and_every_claim_names_a_sentence_that_is_kept() -> None:
    assert coverage.faults() == []


def test_a_reference_without_a_proof_a_proof_without_a_reference_and_two_states_are_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    code = Reference(kind="code", path="domain/x.py gate")
    test = Proof(kind="test", path="tests/x.py::test_x")
    references = (
        coverage._Named("kaifeng.acceptance.papers-complete", code),
        coverage._Named("kaifeng.conduct.know-laws", code),
    )
    proofs = (
        coverage._Named("kaifeng.acceptance.cover-direction", test),
        coverage._Named("kaifeng.conduct.know-laws", test),
        coverage._Named("kaifeng.x.y", test),
    )
    monkeypatch.setattr(coverage, "_references", lambda: references)
    monkeypatch.setattr(coverage, "_proofs", lambda: proofs)
    monkeypatch.setattr(coverage, "coverage", coverage.coverage.__wrapped__)
    assert sorted(coverage.faults()) == [
        "kaifeng.acceptance.cover-direction: "
        "proved by tests/x.py::test_x, and nothing says it keeps it: mark what does",
        "kaifeng.acceptance.papers-complete: kept by domain/x.py gate, and no test or rehearsal says so: add one",
        "kaifeng.conduct.know-laws: not software, and kept by domain/x.py gate: it can be one of the two",
        "tests/x.py::test_x: kaifeng.x.y is no clause of the register: mend the id",
    ]


def test_every_sentence_stands_in_one_of_three_ways() -> None:
    stands = coverage.coverage()
    assert len(stands) == 785
    for each in stands.values():
        assert (each.why is None) == (each.state != "open")
        if each.state == "kept":
            assert each.references
            assert each.proofs


def test_a_value_of_a_pack_is_a_reference_with_its_path() -> None:
    kept = coverage.coverage()["jinan.dunning.notice-within-3-days"]
    assert Reference(kind="value", path="jinan@2020-01-29 arrears.ladder[1].term") in kept.references


def test_code_is_marked_by_a_decorator() -> None:
    source = '@keeps("jinan.x.y", "jinan.x.z")\ndef gate():\n    ...\n\n\ndef other():\n    keeps("jinan.no.no")\n'
    assert [(named.clause, named.at) for named in coverage._marked_in("domain/a.py", source)] == [
        ("jinan.x.y", Reference(kind="code", path="domain/a.py gate")),
        ("jinan.x.z", Reference(kind="code", path="domain/a.py gate")),
    ]


def test_a_claim_is_a_decorator_of_a_test_or_stands_inside_one() -> None:
    source = """
@pytest.mark.clause("a", "b")
@pytest.mark.parametrize("x", [1, pytest.param(2, marks=pytest.mark.clause("c"))])
@pytest.mark.parametrize(("clause", "y"), [claiming("e", "no clause"), claiming("f", 1)])
async def test_it(x):
    pytest.mark.clause("d")
"""
    assert sorted(claims(source)) == ["a", "b", "c", "e", "f"]


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ('@pytest.mark.skip\n@pytest.mark.clause("jinan.x.y")\ndef test_x():\n    ...', "may not run"),
        (
            '@pytest.mark.skipif(True, reason="")\n@pytest.mark.clause("jinan.x.y")\ndef test_x():\n    ...',
            "may not run",
        ),
        ('@pytest.mark.xfail\n@pytest.mark.clause("jinan.x.y")\ndef test_x():\n    ...', "may not run"),
        ('@pytest.mark.clause("jinan.x.y")\ndef played():\n    ...', "no test"),
        ("@pytest.mark.clause(ID)\ndef test_x():\n    ...", "name each clause as a text"),
        ("@pytest.mark.clause()\ndef test_x():\n    ...", "name each clause as a text"),
        ('@pytest.mark.parametrize("x", [claiming(ID, "jinan.x.y")])\ndef test_x():\n    ...', "each clause as a text"),
    ],
)
def test_a_claim_that_may_prove_nothing_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, said: str
) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_a.py").write_text(source, encoding="utf-8")
    monkeypatch.setattr(coverage, "ROOT", tmp_path)
    claimed = coverage._marks.__wrapped__()
    assert claimed.single == ()
    assert len(claimed.faults) == 1
    assert said in claimed.faults[0]


def test_a_rehearsal_claims_at_its_top(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "tests" / "rehearsals"
    folder.mkdir(parents=True)
    (folder / "a.yaml").write_text("pack: jinan\nclauses: [jinan.x.y]\n", encoding="utf-8")
    (folder / "b.yaml").write_text("pack: jinan\nclauses:\n  - jinan.x.z\n", encoding="utf-8")
    monkeypatch.setattr(coverage, "ROOT", tmp_path)
    assert [(named.clause, named.at) for named in coverage._of_rehearsals()] == [
        ("jinan.x.y", Proof(kind="rehearsal", path="tests/rehearsals/a.yaml")),
        ("jinan.x.z", Proof(kind="rehearsal", path="tests/rehearsals/b.yaml")),
    ]
