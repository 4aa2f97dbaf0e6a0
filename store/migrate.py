"""Migrations: a database brought to a release's tables, step by step, by one process at a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, text

from store.database import Database

SCRIPTS = Path(__file__).parent / "migrations"
VERSIONS = SCRIPTS / "versions"
# Any number will do, so long as nothing else in the same PostgreSQL database locks it.
ADVISORY_LOCK = 7_301_955_012


def upgrade(url: str, revision: str = "head", *, versions: Path = VERSIONS) -> None:
    """Bring a database to `revision`; one that is there already is left alone. All or nothing.

    A second process that comes at the same time waits for the first, and then finds nothing to do.
    """
    with _alone(url) as connection:
        command.upgrade(_config(connection, versions), revision)


def downgrade(url: str, revision: str, *, versions: Path = VERSIONS) -> None:
    """Take a database back to `revision`; `base` is an empty one. What a later revision has added is lost."""
    with _alone(url) as connection:
        command.downgrade(_config(connection, versions), revision)


def current(url: str) -> str | None:
    """The revision that a database is at; None for an empty one."""
    database = Database(url)
    try:
        with database.read() as connection:
            return MigrationContext.configure(connection).get_current_revision()
    finally:
        database.close()


@contextmanager
def _alone(url: str) -> Iterator[Connection]:
    """One transaction that holds everybody else who migrates this database off."""
    database = Database(url)
    try:
        with database.engine.connect().execution_options(writes=True) as connection:
            sqlite = connection.dialect.name == "sqlite"
            if sqlite:
                # A table that is rebuilt is dropped for a moment; the switch does nothing once a transaction has begun.
                connection.connection.cursor().execute("PRAGMA foreign_keys=OFF")
            with connection.begin():
                if not sqlite:
                    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK})
                yield connection
                if sqlite and (broken := connection.exec_driver_sql("PRAGMA foreign_key_check").first()):
                    raise RuntimeError(f"rows of {broken[0]} would point at rows of {broken[2]} that are not there")
    finally:
        database.close()


def _config(connection: Connection, versions: Path) -> Config:
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.set_main_option("version_locations", str(versions).replace("%", "%%"))
    config.set_main_option("path_separator", "newline")
    config.attributes["connection"] = connection
    return config
