"""Packs as people read them: titles, units, and two of them side by side."""

import json

import pytest
from typer.testing import CliRunner

from cli import app
from domain.connection.forms import CONNECTION_TASKS
from policies.packs import load_pack, pack_versions, titles
from policies.shown import differences, name_of, shown, title_of


@pytest.mark.parametrize("name", pack_versions())
def test_every_value_has_a_title_in_both_languages_and_a_name_of_its_own(name: str) -> None:
    values = shown(load_pack(name))
    for value in values:
        assert value.title.en.isascii(), value.name
        assert not value.title.zh.isascii(), value.name
    names = [value.name for value in values]
    assert len(names) == len(set(names))


def test_no_title_is_left_over() -> None:
    used = {value.name for name in pack_versions() for value in shown(load_pack(name))}
    of_other_kinds = {f"connection.contract_phase_of.{kind}" for kind in ("single", "linear", "temporary")}
    assert set(titles()) - used == of_other_kinds


def test_every_field_that_a_pack_can_demand_has_a_title_in_both_languages() -> None:
    for kind in CONNECTION_TASKS.values():
        for field in kind.form.model_fields:
            title = title_of(f"connection.demands.{kind.key}.{field}")
            assert title.en.isascii(), field
            assert title.zh != title.en


def test_a_rung_keeps_its_name_wherever_it_stands_on_the_ladder() -> None:
    paths = {name: {value.name: value.path for value in shown(load_pack(name))} for name in ("jinan", "liaocheng")}
    served = "arrears.ladder.approve-limit.term"
    assert paths["jinan"][served] == "arrears.ladder[5].term"
    assert paths["liaocheng"][served] == "arrears.ladder[6].term"
    assert name_of(load_pack("jinan"), "arrears.threshold") == "arrears.threshold"


def test_a_unit_comes_from_the_term_itself_or_from_the_title() -> None:
    units = {value.name: value.unit for value in shown(load_pack("jinan"))}
    assert units["arrears.restore"] == "时长 elapsed time"
    assert units["connection.terms.design_estate"] == "工作日 working days"
    assert units["arrears.threshold"] == "元 yuan"
    assert units["arrears.quiet_hours"] is None


def test_a_pack_does_not_differ_from_itself() -> None:
    assert differences(load_pack("jinan"), load_pack("jinan@2020-01-29")) == ()


def test_two_packs_side_by_side_show_what_differs_and_what_one_has_alone() -> None:
    found = {each.name: each for each in differences(load_pack("jinan"), load_pack("kaifeng"))}
    limit = found["arrears.ladder.serve-limit-notice.term"]
    assert limit.a is not None
    assert limit.b is not None
    assert (limit.a.value, limit.b.value) == ("P3D", "P0D")
    assert limit.b.clauses == ("kaifeng.dunning.issue-shutoff-notice",)
    assert found["arrears.ladder.contacts.count"].a is None
    assert found["arrears.ladder.grace.resident"].b is None
    assert "arrears.threshold" not in found


def test_the_command_shows_a_pack_with_its_readings() -> None:
    told = CliRunner().invoke(app, ["packs", "show", "qingdao"])
    assert told.exit_code == 0
    assert "arrears.ladder[1].term = 5WD 工作日 working days  [qingdao.dunning.dun-after-due + chosen]" in told.output
    assert "X05  [qingdao.dunning.dun-after-due + qingdao.dunning.dun-after-sms]" in told.output
    whole = json.loads(CliRunner().invoke(app, ["packs", "show", "qingdao", "--json"]).output)
    assert {reading["code"] for reading in whole["readings"]} >= {"X05", "X09", "I13"}
    assert whole["values"][0]["title"] == {"zh": "催缴起点金额", "en": "Least debt that is pursued", "unit": "元 yuan"}


def test_the_command_sets_two_packs_side_by_side() -> None:
    told = CliRunner().invoke(app, ["packs", "diff", "jinan", "kaifeng", "--json"])
    assert told.exit_code == 0
    whole = json.loads(told.output)
    assert (whole["a"], whole["b"]) == ("jinan@2020-01-29", "kaifeng@2021-01-01")
    depth = next(each for each in whole["differences"] if each["name"] == "connection.depth_cm")
    assert depth["a"] is None
    assert depth["b"]["clauses"] == ["kaifeng.acceptance.burial-depth-40cm"]
    assert "connection.depth_cm  水表埋深" in CliRunner().invoke(app, ["packs", "diff", "jinan", "kaifeng"]).output


def test_a_pack_that_is_not_there_is_told_with_those_that_are() -> None:
    told = CliRunner().invoke(app, ["packs", "diff", "jinan", "beijing"])
    assert told.exit_code == 2
    assert "no such pack: there are changchun@2019-10-09" in told.output
