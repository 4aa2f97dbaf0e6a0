"""The tool that breaks what keeps a sentence breaks it in sound files; `make mutants-of-clauses` runs for an hour."""

import ast

from bench.clause_breaks import breaks
from bench.clause_mutants import all_kept
from bench.mutants import ROOT
from policies.coverage import Reference, coverage
from policies.packs import load_pack


def broken(kind: str, path: str) -> dict[str, str]:
    """What each break is called, and the line it makes of the one it begins in."""
    found = {}
    for guard in breaks(Reference.model_validate({"kind": kind, "path": path})):
        made = guard.taken_away((ROOT / guard.path).read_bytes()).decode()
        found[guard.what] = made.splitlines()[guard.line - 1].strip()
    return found


def test_a_value_becomes_another_and_the_pack_still_reads() -> None:
    assert broken("value", "jinan@2020-01-29 arrears.ladder[2].resident") == {
        'term: "P92D"': 'resident: {value: {term: "P92D", roll: true}, clause: jinan.dunning.resident-wait-30-days}',
        "roll: false": "resident: {value: {term: P30D, roll: false}, clause: jinan.dunning.resident-wait-30-days}",
    }


def test_an_entry_of_a_list_of_names_is_left_out_and_a_list_loses_one() -> None:
    found = broken("value", "kaifeng@2021-01-01 connection.demands.connection.accept.masonry_sound")
    assert list(found) == ['[{"kinds": ["single", "estate"]}]', "left out"]
    assert found["left out"] == ""


def test_a_value_that_could_only_be_read_as_it_is_has_no_break() -> None:
    assert broken("value", "kaifeng@2021-01-01 arrears.ladder[0].channel") == {}


def test_a_field_may_stay_empty_and_a_task_is_somebody_elses() -> None:
    assert list(broken("field", "connection.survey signed").values()) == ["signed: bool = Field("]
    assert list(broken("task", "connection.assign")) == ["a task of the clerk"]
    (gone,) = breaks(Reference(kind="optional-field", path="connection.restore-road measures"))
    ast.parse(gone.taken_away((ROOT / gone.path).read_bytes()))


def test_whatever_keeps_a_sentence_and_is_no_value_has_a_break_in_sound_code() -> None:
    for reference in {kept.reference for kept in all_kept() if kept.reference.kind != "value"}:
        found = breaks(reference)
        assert found, reference
        for guard in (found[0], found[-1]):
            ast.parse(guard.taken_away((ROOT / guard.path).read_bytes()))


def test_every_kept_sentence_is_among_them_with_tests_that_need_no_browser() -> None:
    found = all_kept()
    assert {kept.clause for kept in found} == {id_ for id_, each in coverage().items() if each.state == "kept"}
    assert not [kept.clause for kept in found if not kept.tests]
    assert {kept.reference.path.split("@")[0] for kept in found if kept.reference.kind == "value"} < {
        load_pack(name).pack for name in ("jinan", "kaifeng", "qingdao", "liaocheng", "changchun", "standard")
    }
