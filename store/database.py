"""The database: one object that hands out read and write transactions on SQLite or PostgreSQL."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from functools import lru_cache
from pathlib import Path
from threading import Lock
from types import SimpleNamespace
from typing import Any

from sqlalchemy import Column, Connection, Dialect, Engine, Insert, Table, create_engine, event, insert
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.exc import IntegrityError
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.schema import CallableColumnDefault, ScalarElementColumnDefault

ANALYSED = 4000


class Database:
    """Transactions on one database.

    SQLite runs in WAL mode and takes its write lock at `BEGIN` (a deferred one fails under load); `durable` keeps every
    acknowledged commit through a power cut, and is only switched off for throw-away stores.
    """

    def __init__(self, url: str, *, durable: bool = True) -> None:
        self.url = url
        self.engine = _engine(url, durable=durable)
        # SQLite's own waiting sleeps in growing steps; writers of one process queue here instead, and go on at once.
        self._turn = Lock() if self.engine.dialect.name == "sqlite" else nullcontext()

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction that commits at the end of the block, and rolls back when it raises."""
        with self._turn, self.engine.connect().execution_options(writes=True) as connection, connection.begin():
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent view; nothing written in it is kept."""
        with self.engine.connect() as connection:
            yield connection

    def analyse(self) -> None:
        """Let the planner know how many rows there are, and how they are spread: after many have come, or now and then.

        What it knows of a table that was small makes it walk through a large one. On SQLite some thousand rows of each
        index are looked at, which takes milliseconds; PostgreSQL draws a sample by itself, but only some time later.
        """
        with self.write() as connection:
            if connection.dialect.name == "sqlite":
                connection.exec_driver_sql(f"PRAGMA analysis_limit={ANALYSED}")
            connection.exec_driver_sql("ANALYZE")

    def close(self) -> None:
        self.engine.dispose()


def _engine(url: str, *, durable: bool) -> Engine:
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return create_engine(parsed, pool_size=10, max_overflow=20, pool_pre_ping=True)
    if parsed.database:
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(parsed, pool_size=10, max_overflow=30, connect_args={"timeout": 30})

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # transactions are begun below, not by the driver
        cursor = connection.cursor()
        for pragma in (
            "journal_mode=WAL",
            f"synchronous={'FULL' if durable else 'OFF'}",
            "busy_timeout=30000",
            "foreign_keys=ON",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def upsert(
    connection: Connection, table: Table, row: Mapping[str, Any], *, key: tuple[str, ...], keep: tuple[str, ...] = ()
) -> bool:
    """Insert a row, or overwrite its columns except the key and those to `keep`; False when nothing was written."""
    statement = _upsertion(table, tuple(row), key, keep, connection.dialect.name)
    return connection.execute(statement, row).rowcount > 0


def upsert_all(
    connection: Connection,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    *,
    key: tuple[str, ...],
    keep: tuple[str, ...] = (),
) -> None:
    """The same of several rows of the same columns, in one statement."""
    if rows:
        connection.execute(_upsertion(table, tuple(rows[0]), key, keep, connection.dialect.name), rows)


@lru_cache(maxsize=500)
def _upsertion(
    table: Table, columns: tuple[str, ...], key: tuple[str, ...], keep: tuple[str, ...], dialect: str
) -> Insert:
    """Made once for each set of columns: SQLAlchemy takes longer over making it than the database over running it."""
    statement = (postgresql if dialect == "postgresql" else sqlite).insert(table)
    changed = {name: statement.excluded[name] for name in columns if name not in key and name not in keep}
    if changed:
        statement = statement.on_conflict_do_update(index_elements=list(key), set_=changed)
    else:
        statement = statement.on_conflict_do_nothing(index_elements=list(key))
    upserting: Insert = statement.execution_options(preserve_rowcount=True)
    return upserting


def insert_many(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows of the same columns, columns with a default of their own among them or not.

    What SQLAlchemy does for each parameter of each row is done a column at a time; PostgreSQL has them copied in.
    """
    if not rows:
        return
    given = {name: [row[name] for row in rows] for name in rows[0]}
    for column in table.columns:
        if column.name not in given and isinstance(column.default, ScalarElementColumnDefault | CallableColumnDefault):
            given[column.name] = [_default(column.default, row) for row in rows]
    bound = {name: _bound(table.c[name], values, connection.dialect) for name, values in given.items()}
    if connection.dialect.name == "postgresql":
        _copy(connection, table, bound)
        return
    statement = insert(table).inline().compile(dialect=connection.dialect, column_keys=list(given))
    order = statement.positiontup if isinstance(statement, SQLCompiler) and statement.positiontup else list(bound)
    connection.exec_driver_sql(str(statement), list(zip(*(bound[name] for name in order), strict=True)))


def _copy(connection: Connection, table: Table, bound: Mapping[str, Sequence[Any]]) -> None:
    """Rows as PostgreSQL takes many. Raises SQLAlchemy's `IntegrityError`, as an insertion does."""
    names = ", ".join(connection.dialect.identifier_preparer.quote(name) for name in bound)
    driver: Any = connection.connection.driver_connection
    try:
        with driver.cursor() as cursor, cursor.copy(f"COPY {table.name} ({names}) FROM STDIN") as copy:
            for row in zip(*bound.values(), strict=True):
                copy.write_row(row)
    except connection.dialect.loaded_dbapi.IntegrityError as broken:
        raise IntegrityError("COPY", None, broken) from broken


def _default(default: ScalarElementColumnDefault | CallableColumnDefault, row: Mapping[str, Any]) -> Any:
    if isinstance(default, ScalarElementColumnDefault):
        return default.arg
    asked: Any = SimpleNamespace(get_current_parameters=lambda **_: row)
    return default.arg(asked)


def _bound(column: Column[Any], values: list[Any], dialect: Dialect) -> list[Any]:
    """The values as the driver takes them; one that stands in every row is made ready once."""
    processor = column.type.dialect_impl(dialect).bind_processor(dialect)
    if processor is None:
        return values
    first = values[0]
    if all(value is first for value in values):
        return [processor(first)] * len(values)
    return [processor(value) for value in values]
