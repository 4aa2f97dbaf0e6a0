"""Migrations make the tables that the code knows, keep every row, and may be run by two at once."""

import hashlib
import re
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import JSON, Connection, bindparam, func, inspect, select, text

from store import migrate
from store.database import Database
from store.tables import Instant, accounts, ledger, metadata
from tests.store.debts import OPENED_AT

ROWS, ACCOUNTS = 100_000, 1_000

A_LATER_REVISION = '''
"""Rebuilds the table of accounts, which others point at, and that of the ledger."""

import sqlalchemy as sa
from alembic import op

revision: str = "later"
down_revision: str | None = {before!r}


def upgrade() -> None:
    with op.batch_alter_table("accounts") as batch:
        batch.alter_column("phone", existing_type=sa.String(50), type_=sa.String(80))
    with op.batch_alter_table("ledger") as batch:
        batch.add_column(sa.Column("channel", sa.String(20), nullable=True))
        batch.create_index("ix_ledger_channel", ["channel"])
    {then}


def downgrade() -> None:
    with op.batch_alter_table("ledger") as batch:
        batch.drop_index("ix_ledger_channel")
        batch.drop_column("channel")
    with op.batch_alter_table("accounts") as batch:
        batch.alter_column("phone", existing_type=sa.String(80), type_=sa.String(50))
'''


@pytest.fixture
def with_a_later_one(tmp_path: Path) -> Path:
    """The release's revisions, and one after them."""
    return _versions(tmp_path / "versions", then="pass")


def _versions(folder: Path, *, then: str) -> Path:
    folder.mkdir()
    for revision in migrate.VERSIONS.glob("r*.py"):
        (folder / revision.name).write_text(revision.read_text())
    (folder / "later.py").write_text(A_LATER_REVISION.format(before=_head(), then=then))
    return folder


def _head() -> str:
    revisions = [path.read_text() for path in migrate.VERSIONS.glob("r*.py")]
    names = {line.split('"')[1] for text in revisions for line in text.splitlines() if line.startswith("revision")}
    before = {line for text in revisions for line in text.splitlines() if line.startswith("down_revision")}
    (head,) = [name for name in names if not any(f'"{name}"' in line for line in before)]
    return head


PUT_ACCOUNTS = """
    INSERT INTO accounts (account_no, customer_class, estate, phone, name, protected, updated_at)
    WITH RECURSIVE counted(no) AS (SELECT 0 UNION ALL SELECT no + 1 FROM counted WHERE no < :accounts - 1)
    SELECT CAST(no AS VARCHAR(50)), 'resident', 'open', CASE no % 3 WHEN 0 THEN NULL ELSE '13800000000' END,
        '户' || no, :body, :at
    FROM counted
"""
PUT_FACTS = """
    INSERT INTO ledger (account_no, kind, unique_key, amount_fen, body, at)
    WITH RECURSIVE counted(no) AS (SELECT 0 UNION ALL SELECT no + 1 FROM counted WHERE no < :rows - 1)
    SELECT CAST(no % :accounts AS VARCHAR(50)), 'payment', 'T' || no, no, :body, :at FROM counted
"""


def _fill(url: str) -> None:
    body, at = bindparam("body", type_=JSON), bindparam("at", type_=Instant)
    values = {"accounts": ACCOUNTS, "rows": ROWS, "body": {"备注": ["a", 1, None]}, "at": OPENED_AT}
    database = Database(url, durable=False)
    with database.write() as connection:
        for statement in (PUT_ACCOUNTS, PUT_FACTS):
            connection.execute(text(statement).bindparams(body, at), values)
        assert connection.scalar(select(func.count()).select_from(ledger)) == ROWS
    database.close()


def _checksums(url: str) -> dict[str, str]:
    """One a table, over every row in order of its key, of the columns that the first release has."""
    database, sums = Database(url), {}
    with database.read() as connection:
        for table in (accounts, ledger):
            digest = hashlib.sha256()
            columns = text(", ".join(f'"{column.name}"' for column in table.c))
            for row in connection.execute(select(columns).select_from(table).order_by(*table.primary_key)):
                digest.update(repr(tuple(row)).encode())
            sums[table.name] = digest.hexdigest()
    database.close()
    return sums


def _shape(connection: Connection) -> dict[str, object]:
    """Every table as the database itself describes it."""
    look = inspect(connection)
    shape: dict[str, object] = {}
    for name in sorted(set(look.get_table_names()) - {"alembic_version"}):
        # A column that came later stands last in a table that was there, and that is all the same.
        columns = sorted(
            (c["name"], str(c["type"]), c["nullable"], str(c.get("default"))) for c in look.get_columns(name)
        )
        indexes = [(i["name"], i["column_names"], bool(i["unique"])) for i in look.get_indexes(name)]
        foreign = [(f["name"], f["constrained_columns"], f["referred_table"]) for f in look.get_foreign_keys(name)]
        unique = [(u["name"], u["column_names"]) for u in look.get_unique_constraints(name)]
        shape[name] = (
            columns,
            look.get_pk_constraint(name)["constrained_columns"],
            sorted(indexes, key=str),
            sorted(foreign, key=str),
            sorted(unique, key=str),
        )
    return shape


def _spelled_indexes(connection: Connection) -> list[str]:
    """Those with a condition or an expression, as the database spells them."""
    catalogue = (
        "SELECT indexdef AS spelled FROM pg_indexes WHERE schemaname = 'public'"
        if connection.dialect.name == "postgresql"
        else "SELECT sql AS spelled FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
    )
    spelled = (" ".join(row.spelled.split()) for row in connection.execute(text(catalogue)))
    return sorted(index for index in spelled if " WHERE " in index or "coalesce" in index.lower())


def test_the_migrated_tables_are_those_that_the_code_knows(empty_url: str, database: Database) -> None:
    migrate.upgrade(empty_url)
    migrated = Database(empty_url)
    with migrated.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []
        shape, spelled = _shape(connection), _spelled_indexes(connection)
    migrated.close()
    with database.read() as connection:
        assert shape == _shape(connection)
        assert spelled == _spelled_indexes(connection)
    assert len(spelled) > 30


def test_up_and_down_and_up_again_keeps_every_row(empty_url: str, with_a_later_one: Path) -> None:
    migrate.upgrade(empty_url)
    _fill(empty_url)
    before = _checksums(empty_url)
    migrate.upgrade(empty_url, versions=with_a_later_one)
    assert migrate.current(empty_url) == "later"
    assert _checksums(empty_url) == before
    migrate.downgrade(empty_url, _head(), versions=with_a_later_one)
    assert migrate.current(empty_url) == _head()
    assert _checksums(empty_url) == before
    migrate.upgrade(empty_url, versions=with_a_later_one)
    assert _checksums(empty_url) == before


def test_down_to_nothing_and_up_again_is_as_new(empty_url: str) -> None:
    assert migrate.current(empty_url) is None
    migrate.upgrade(empty_url)
    database = Database(empty_url)
    with database.read() as connection:
        shape = _shape(connection)
    migrate.downgrade(empty_url, "base")
    assert migrate.current(empty_url) is None
    with database.read() as connection:
        assert _shape(connection) == {}
    migrate.upgrade(empty_url)
    with database.read() as connection:
        assert _shape(connection) == shape
    database.close()


def test_a_migration_that_fails_leaves_everything_as_it_was(empty_url: str, tmp_path: Path) -> None:
    migrate.upgrade(empty_url)
    broken = _versions(tmp_path / "broken", then='raise RuntimeError("in the middle")')
    database = Database(empty_url)
    with database.read() as connection:
        shape = _shape(connection)
    with pytest.raises(RuntimeError, match="in the middle"):
        migrate.upgrade(empty_url, versions=broken)
    assert migrate.current(empty_url) == _head()
    with database.read() as connection:
        assert _shape(connection) == shape
    database.close()


def test_a_migration_that_leaves_rows_pointing_at_nothing_is_refused(
    empty_url: str, tmp_path: Path, backend: str
) -> None:
    """PostgreSQL checks by itself; SQLite's check is off while tables are rebuilt, and is made up for at the end."""
    migrate.upgrade(empty_url)
    _fill_one(empty_url)
    broken = _versions(tmp_path / "broken", then='op.execute("DELETE FROM accounts")')
    with pytest.raises(RuntimeError if backend == "sqlite" else Exception, match="ledger"):
        migrate.upgrade(empty_url, versions=broken)
    assert migrate.current(empty_url) == _head()


def _fill_one(url: str) -> None:
    database = Database(url)
    account = {"account_no": "1", "customer_class": "resident", "estate": "open", "protected": []}
    fact = {"account_no": "1", "kind": "payment", "unique_key": "T1", "body": {}, "at": OPENED_AT}
    with database.write() as connection:
        connection.execute(accounts.insert().values(**account, updated_at=OPENED_AT))
        connection.execute(ledger.insert().values(**fact))
    database.close()


def test_processes_that_migrate_at_once_wait_for_one_another(empty_url: str) -> None:
    program = "import sys; from store.migrate import upgrade; upgrade(sys.argv[1])"
    command = [sys.executable, "-c", program, empty_url]
    root = Path(migrate.__file__).parents[1]
    started = [subprocess.Popen(command, cwd=root, stderr=subprocess.PIPE) for _ in range(3)]
    ended = [(process.communicate(timeout=240)[1], process.returncode) for process in started]
    assert [code for _, code in ended] == [0, 0, 0], ended
    assert migrate.current(empty_url) == _head()


def test_each_migration_has_a_number_of_its_own_and_follows_the_one_before() -> None:
    versions = Path(__file__).parents[2] / "store" / "migrations" / "versions"
    found = [
        re.search(r'^revision: str = "(\d+)"\ndown_revision: str \| None = (?:"(\d+)"|None)$', text, re.MULTILINE)
        for text in (path.read_text("utf-8") for path in sorted(versions.glob("r*.py")))
    ]
    steps = [(step[1], step[2]) for step in found if step is not None]
    assert len(steps) == len(found) > 20
    assert [before for _, before in steps] == [None, *(number for number, _ in steps[:-1])]
