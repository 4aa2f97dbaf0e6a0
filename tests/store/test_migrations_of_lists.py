"""What lists need is filled in for cases, tasks and subjects that an earlier release has written."""

from datetime import date, timedelta

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import select

from domain.account import Bill
from domain.connection.facts import Project
from store import casebook, intake, projects
from store.database import Database
from store.ledger import AccountRecord
from store.migrate import downgrade, upgrade
from store.projects import ProjectRecord
from store.tables import cases, found_by, metadata, tasks
from tests.store.debts import OPENED_AT, PACK, ready, record_facts
from tests.store.records import Told


@pytest.fixture
def filled(empty_url: str) -> Database:
    """A database at this release's tables, with a case whose task is open, one limited, and a project."""
    upgrade(empty_url)
    database = Database(empty_url)
    bill = Bill(no="B1", period="2026-02", amount_fen=8640, due_on=date(2026, 3, 10), at=OPENED_AT)
    account = AccountRecord(no="0410023", customer_class="resident", name="王某某", address="示例园3号2-12室")
    debt = intake.open_arrears(database, account, [bill], pack=PACK, at=OPENED_AT)
    record_facts(database, ready(debt.case_no).model_copy(update={"limited_at": OPENED_AT}))
    other = AccountRecord(no="0410024", customer_class="resident")
    told = Told(intake.open_arrears(database, other, [bill], pack=PACK, at=OPENED_AT).case_no, subject="0410024")
    told = told.opening_a_task("arrears.serve-dunning-notice").noting("called")
    casebook.record(database, told.batch(history=3))
    record = ProjectRecord(name="明湖家园", project=Project(kind="estate"), papers=(), responsible="rep-1")
    projects.open_project(database, record, pack=PACK, at=OPENED_AT + timedelta(hours=1))
    return database


def test_what_the_projection_writes_and_what_the_migration_fills_in_are_the_same(filled: Database) -> None:
    def shown() -> list[list[object]]:
        with filled.read() as connection:
            return [
                sorted(map(repr, connection.execute(select(cases)))),
                sorted(map(repr, connection.execute(select(tasks)))),
                sorted(map(repr, connection.execute(select(found_by)))),
            ]

    projected = shown()
    assert len(projected[0]) == 2
    assert any("B1" not in row and "12室" in row for row in map(str, projected[2]))
    downgrade(filled.url, "0001")
    upgrade(filled.url)
    assert shown() == projected
    with filled.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    filled.close()
