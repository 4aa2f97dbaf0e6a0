"""How far the taking in of a ledger file is: kept beside what it wrote, to go on after a crash where it stood.

Every transaction of an import moves its run on; one that finds the run moved by somebody else writes nothing.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from pydantic import AwareDatetime
from sqlalchemy import Connection, delete, insert, select, update

from domain.policy import Strict
from store.database import Database, upsert
from store.ledger_plan import RowFault
from store.tables import import_faults, import_runs, imports

QUIET = timedelta(seconds=30)
"""A run that nobody has moved for so long has lost its process."""
FAULTS_A_READ = 1000


class Counts(Strict):
    """What has been counted so far. `items`: bills and faults read, in file order; `last_at_fault`: a row, in part."""

    items: int = 0
    rows: int = 0
    rows_at_fault: int = 0
    last_at_fault: int = 0
    cases_opened: int = 0
    bills_new: int = 0
    bills_known: int = 0
    errors_total: int = 0

    @property
    def done(self) -> int:
        return self.rows + self.rows_at_fault


class Run(Strict):
    """An import that is not over: of which file, by whom, under which pack, and how far it is.

    What is taken in after a crash is taken in as of its beginning, `at`. `failed`: what broke it off, by its kind.
    """

    sha256: str
    filename: str
    by: str
    pack: str
    at: AwareDatetime
    beat_at: AwareDatetime
    total: int
    counts: Counts
    failed: str | None = None


class MovedElsewhere(Exception):
    """Somebody else goes on with this import, or has ended it."""


def begin(
    connection: Connection, sha256: str, *, filename: str, by: str, pack: str, at: datetime, total: int, now: datetime
) -> Run:
    """The file's run: a new one, or the one that stands, which goes on."""
    row = {"sha256": sha256, "filename": filename, "by": by, "pack": pack, "at": at, "beat_at": now, "total": total}
    row |= {"through": 0, "counts": Counts().model_dump()}
    if not upsert(connection, import_runs, row, key=("sha256",), keep=tuple(row)):
        mine = update(import_runs).where(import_runs.c.sha256 == sha256)
        connection.execute(mine.values(beat_at=now, failed=None))
    found = run_of(connection, sha256)
    if found is None:
        raise MovedElsewhere(sha256)
    return found


def move_on(
    connection: Connection, sha256: str, *, before: Counts, after: Counts, faults: Sequence[RowFault], now: datetime
) -> None:
    """Part of the transaction that takes some rows in. Raises `MovedElsewhere`."""
    mine = update(import_runs).where(import_runs.c.sha256 == sha256, import_runs.c.through == before.items)
    if connection.execute(mine.values(through=after.items, counts=after.model_dump(), beat_at=now)).rowcount != 1:
        raise MovedElsewhere(sha256)
    if faults:
        rows = [{"sha256": sha256, "row": fault.row, "body": fault.model_dump()} for fault in faults]
        connection.execute(insert(import_faults), rows)


def end(connection: Connection, sha256: str, *, before: Counts) -> None:
    """The import is over. Raises `MovedElsewhere`."""
    mine = delete(import_runs).where(import_runs.c.sha256 == sha256, import_runs.c.through == before.items)
    if connection.execute(mine).rowcount != 1:
        raise MovedElsewhere(sha256)


def note_failure(connection: Connection, sha256: str, kind: str) -> None:
    """An import that broke off by itself: it waits for somebody to say that it shall go on."""
    connection.execute(update(import_runs).where(import_runs.c.sha256 == sha256).values(failed=kind[:50]))


def run_of(connection: Connection, sha256: str) -> Run | None:
    row = connection.execute(select(import_runs).where(import_runs.c.sha256 == sha256)).one_or_none()
    return None if row is None else _as_run(row)


def abandoned(connection: Connection, *, now: datetime) -> list[Run]:
    """Runs whose process is gone, oldest first."""
    lost = (import_runs.c.beat_at < now - QUIET, import_runs.c.failed.is_(None))
    return [_as_run(row) for row in connection.execute(select(import_runs).where(*lost).order_by(import_runs.c.at))]


def _as_run(row: Any) -> Run:
    given = {name: getattr(row, name) for name in Run.model_fields}
    return Run(**given | {"counts": Counts.model_validate(row.counts)})


def first_faults(connection: Connection, sha256: str, *, limit: int) -> list[RowFault]:
    """The first faults that a run has found."""
    mine = select(import_faults.c.body).where(import_faults.c.sha256 == sha256)
    bodies = connection.scalars(mine.order_by(import_faults.c.id).limit(limit))
    return [RowFault.model_validate(body) for body in bodies]


def every_fault(database: Database, sha256: str) -> Iterator[RowFault]:
    """All faults of a file, in file order; the first thousand of one taken in before all were kept."""
    after = 0
    while True:
        with database.read() as connection:
            mine = select(import_faults).where(import_faults.c.sha256 == sha256, import_faults.c.id > after)
            rows = connection.execute(mine.order_by(import_faults.c.id).limit(FAULTS_A_READ)).all()
            if not rows and not after:
                kept = connection.scalar(select(imports.c.errors).where(imports.c.sha256 == sha256)) or {}
                yield from (RowFault.model_validate(body) for body in kept.get("first", ()))
        if not rows:
            return
        yield from (RowFault.model_validate(row.body) for row in rows)
        after = rows[-1].id
