"""The calendar's doors and its command, in a house of their own: a year that is published is told to every case."""

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from api.app import create_app
from api.calendar_console import spelled_days
from cli import app
from domain.calendars import CHINA
from settings import Settings
from store.database import Database
from store.people import Person, add_person
from tests.api.conftest import Site
from tests.conftest import free_port


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Its engine is away: nobody is there to be told."""
    house = Site(tmp_path_factory.mktemp("calendars"), f"127.0.0.1:{free_port()}")
    yield house
    house.close()


@pytest.fixture
def command(house: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> CliRunner:
    """The command, aimed at the house as its administrator."""
    (tmp_path / "people.json").write_text(json.dumps({"administrator": house.tokens["administrator"]}))
    monkeypatch.setenv("GUANJIA_DATA", str(tmp_path))
    monkeypatch.setenv("GUANJIA_API_PORT", str(house.settings.api_port))
    return CliRunner()


def test_an_administrator_publishes_a_year_and_everybody_sees_it(house: Site) -> None:
    body = {"days_off": ["2150-01-01", "2150-01-02"], "make_up": [], "notice": "国办发明电〔2149〕1号"}
    told = house.post("/calendars/2150", body, who="administrator")
    assert told.status_code == 200, told.text
    assert told.json()["changed"]
    assert house.post("/calendars/2150", body, who="administrator").json()["changed"] is False
    year = house.get("/calendars/2150", who="collector").json()
    assert (year["source"], year["by"], year["notice"]) == ("published", "administrator", "国办发明电〔2149〕1号")
    assert year["days"][0] == {"day": "2150-01-01", "off": True, "zh": "元旦", "en": "New Year's Day"}


def test_wrong_days_are_refused_with_what_is_wrong(house: Site) -> None:
    for body, words in (
        ({"days_off": ["2151-01-01"], "make_up": ["2151-01-01"]}, "both a day off and a make-up day"),
        ({"days_off": ["2152-01-01"]}, "stands under 2151"),
        ({}, "give the days off"),
    ):
        refused = house.post("/calendars/2151", body, who="administrator")
        assert (refused.status_code, refused.json()["code"]) == (422, "form-invalid")
        assert words in refused.json()["message"]


def test_the_years_around_now_say_where_they_come_from(database: Database, tmp_path: Path) -> None:
    """In a house where no task waits, for one that is due in a year that nobody published is warned of."""
    with database.write() as connection:
        token = add_person(connection, Person(id="clerk", name="clerk", roles=("clerk",)))
    at = datetime(2026, 3, 11, 9, tzinfo=CHINA)
    with TestClient(create_app(Settings(data=tmp_path), database=database, clock=lambda: at)) as http:
        told = http.get("/api/v1/calendars", headers={"Authorization": f"Bearer {token}"}).json()
    assert {row["year"]: row["source"] for row in told["items"]}[2026] == "release"
    assert told["warnings"] == []


def test_the_command_publishes_and_shows(command: CliRunner, tmp_path: Path) -> None:
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
