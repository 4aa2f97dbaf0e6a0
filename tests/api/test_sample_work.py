"""The sample people's first day: through the doors alone, each project to its stop, and never twice."""

import json
from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console
from sqlalchemy import insert, select

from domain.account import Bill
from runtime import sample_work
from runtime.wall_clock import now
from store import intake, postings
from store.database import Database
from store.ledger import AccountRecord, synced_at
from store.tables import cases, entries, imports, metadata, refusals
from tests.api.conftest import Site, eventually, standing


@pytest.fixture
def sampled(tmp_path: Path) -> Iterator[Site]:
    """A house of its own: another house's projects have the same numbers."""
    with standing(tmp_path, sample_projects=18) as house:
        yield house


@pytest.mark.slow
def test_projects_come_to_their_stops_without_a_refusal(sampled: Site, tmp_path: Path) -> None:
    at = now()
    assert sample_work.put_projects(sampled.settings, sampled.database, now=at) == 18
    assert sample_work.put_projects(sampled.settings, sampled.database, now=at) == 0
    due = at.date() - timedelta(days=365)
    for no in range(4):
        bill = Bill(no="B1", period="2025-01", amount_fen=8640, due_on=due, at=at)
        account = AccountRecord(no=f"041{no:04d}", customer_class="resident")
        intake.open_arrears(sampled.database, account, [bill], pack="jinan@2020-01-29", at=at)
    eventually(lambda: len(sampled.get("/cases", limit=50).json()["items"]) == 22)
    people = tmp_path / "people.json"
    people.write_text(json.dumps(sampled.tokens))

    async def day() -> int:
        base_url = f"http://127.0.0.1:{sampled.settings.api_port}"
        async with sample_work.doors(base_url, people) as doors:
            done = await sample_work.work(doors, Console(file=StringIO()), expected=18, now=now())
        return done["decisions"]

    assert sampled.run(day()) > 60
    with sampled.database.read() as connection:
        stages = set(connection.scalars(select(cases.c.stage).where(cases.c.process == "connection")))
        assert connection.execute(select(refusals)).all() == []
        by = set(connection.scalars(select(entries.c.by).where(entries.c.event == "TaskDecided")))
    assert stages >= {"application", "survey", "design", "inspection", "activation"}
    assert by <= set(sampled.tokens)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'store.db'}", durable=False)
    metadata.create_all(database.engine)
    yield database
    database.close()


def test_the_sample_billing_system_is_silent_once_a_real_one_speaks(store: Database) -> None:
    at = now()
    assert sample_work.confirm_samples(store, at)
    with store.write() as connection:
        assert synced_at(connection) == at
        postings.confirm(connection, "billing", at=at - timedelta(days=300))
    assert not sample_work.confirm_samples(store, at)
    with store.read() as connection:
        assert synced_at(connection) == at - timedelta(days=300)


def test_the_sample_billing_system_is_silent_once_a_second_ledger_comes(store: Database) -> None:
    at = now()
    assert sample_work.confirm_samples(store, at)
    with store.write() as connection:
        for sha256 in "ab":
            row = {"filename": "", "at": at, "by": "x", "rows": 0, "bills_new": 0, "bills_known": 0, "cases_opened": 0}
            connection.execute(insert(imports).values(sha256=sha256, errors={}, **row))
    assert not sample_work.confirm_samples(store, at)
    with store.read() as connection:
        assert synced_at(connection) is None
