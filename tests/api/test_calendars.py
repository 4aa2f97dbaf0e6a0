"""The calendar's doors and its command. Years far ahead, so that no other test's cases count in them."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.calendar_console import spelled_days
from cli import app
from tests.api.conftest import Site


@pytest.fixture
def command(site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> CliRunner:
    """The command, aimed at the running site as its administrator."""
    (tmp_path / "people.json").write_text(json.dumps({"administrator": site.tokens["administrator"]}))
    monkeypatch.setenv("GUANJIA_DATA", str(tmp_path))
    monkeypatch.setenv("GUANJIA_API_PORT", str(site.settings.api_port))
    return CliRunner()


def test_an_administrator_publishes_a_year_and_everybody_sees_it(site: Site) -> None:
    body = {"days_off": ["2150-01-01", "2150-01-02"], "make_up": [], "notice": "国办发明电〔2149〕1号"}
    told = site.post("/calendars/2150", body, who="administrator")
    assert told.status_code == 200, told.text
    assert told.json()["changed"]
    assert site.post("/calendars/2150", body, who="administrator").json()["changed"] is False
    year = site.get("/calendars/2150", who="collector").json()
    assert (year["source"], year["by"], year["notice"]) == ("published", "administrator", "国办发明电〔2149〕1号")
    assert year["days"][0] == {"day": "2150-01-01", "off": True, "zh": "元旦", "en": "New Year's Day"}


def test_wrong_days_are_refused_with_what_is_wrong(site: Site) -> None:
    for body, words in (
        ({"days_off": ["2151-01-01"], "make_up": ["2151-01-01"]}, "both a day off and a make-up day"),
        ({"days_off": ["2152-01-01"]}, "stands under 2151"),
        ({}, "give the days off"),
    ):
        refused = site.post("/calendars/2151", body, who="administrator")
        assert (refused.status_code, refused.json()["code"]) == (422, "form-invalid")
        assert words in refused.json()["message"]


def test_the_years_around_now_say_where_they_come_from(site: Site) -> None:
    told = site.get("/calendars").json()
    sources = {row["year"]: row["source"] for row in told["items"]}
    assert sources[2026] == "release"
    assert told["warnings"] == []


def test_the_command_publishes_and_shows(site: Site, command: CliRunner, tmp_path: Path) -> None:
    done = command.invoke(app, ["calendar", "publish", "2160", "--days-off", "2160-01-01..2160-01-03"])
    assert done.exit_code == 0, done.output
    assert "2160 is published" in done.output
    shown = command.invoke(app, ["calendar", "show", "2160"])
    assert "2160-01-03  off  元旦 New Year's Day" in shown.output
    listed = command.invoke(app, ["calendar", "show"])
    assert listed.exit_code == 0, listed.output
    file = tmp_path / "2161.yaml"
    file.write_text("2161:\n  days_off: [2161-01-01]\n  make_up: []\n")
    assert command.invoke(app, ["calendar", "publish", "2161", str(file)]).exit_code == 0
    again = command.invoke(app, ["calendar", "publish", "2161", str(file)])
    assert "nothing changes" in again.output


def test_the_command_says_what_is_wrong_with_a_file_or_a_day(command: CliRunner, tmp_path: Path) -> None:
    file = tmp_path / "wrong.yaml"
    file.write_text("days: [2161-01-01]\n")
    assert command.invoke(app, ["calendar", "publish", "2162", str(file)]).exit_code == 1
    assert command.invoke(app, ["calendar", "publish", "2162", "--days-off", "soon"]).exit_code == 1


def test_days_are_spelled_alone_and_in_runs() -> None:
    assert spelled_days("2027-01-01, 2027-02-05..2027-02-07") == [
        "2027-01-01",
        "2027-02-05",
        "2027-02-06",
        "2027-02-07",
    ]
