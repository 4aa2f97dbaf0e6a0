"""An operator manages accounts from a terminal."""

import json
from datetime import datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli import app
from domain.calendars import CHINA
from settings import Settings
from store.database import Database
from store.migrate import upgrade
from store.people import bearer

TERMINAL = CliRunner()
PASSWORD = "a sentence to keep"
NOW = datetime(2026, 3, 11, 9, tzinfo=CHINA)


@pytest.fixture(autouse=True)
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("GUANJIA_DATA", str(tmp_path))
    settings = Settings()
    upgrade(settings.database)
    return settings


def run(*words: str, typed: str | None = None) -> tuple[int, str]:
    done = TERMINAL.invoke(app, ["people", *words], input=typed)
    return done.exit_code, done.output


def test_an_account_from_its_first_day_to_its_last(installation: Settings) -> None:
    code, token = run("add", "east-1", "--role", "collector", "--name", "王守信", "--grid", "东1-01")
    assert code == 0
    database = Database(installation.database)
    with database.read() as connection:
        found = bearer(connection, token.strip(), at=NOW)
    assert found is not None
    assert (found.name, found.part) == ("王守信", ("grid", "东1-01"))
    assert run("roles", "east-1", "--role", "collector", "--role", "clerk")[0] == 0
    code, told = run("password", "east-1", typed=f"{PASSWORD}\n{PASSWORD}\n")
    assert code == 0
    assert PASSWORD not in told
    listed = json.loads(run("list", "--json")[1])
    assert [(each["id"], each["roles"], each["active"], each["password"]) for each in listed] == [
        ("east-1", ["collector", "clerk"], True, True)
    ]
    assert run("shut-out", "east-1")[0] == 0
    assert "shut out" in run("list")[1]
    with database.read() as connection:
        assert bearer(connection, token.strip(), at=NOW) is None
    database.close()


def test_a_service_card_says_a_post_and_a_number_at_work(installation: Settings) -> None:
    run("add", "east-1", "--role", "representative")
    assert run("card", "east-1", "--post", "片区客户代表", "--work-phone", "0531-00000000")[0] == 0
    (listed,) = json.loads(run("list", "--json")[1])
    assert (listed["post"], listed["work_phone"]) == ("片区客户代表", "0531-00000000")
    assert run("card", "nobody")[0] == 1
    for nobody in ("applicant", "system"):
        assert run("add", nobody, "--role", "clerk")[0] == 1


def test_what_cannot_be_done_is_said(installation: Settings) -> None:
    assert run("shut-out", "nobody") == (1, "unknown: there is no person nobody\n")
    run("add", "east-1", "--role", "collector")
    assert run("add", "east-1", "--role", "clerk")[1].startswith("duplicate:")
    assert run("password", "east-1", typed="short\nshort\n")[1].splitlines()[-1].startswith("form-invalid: password:")
    assert run("add", "east-2", "--role", "king")[0] == 2
