"""Many rows told something at once: what is to be done with each, and what became of it.

A batch is its person's alone. Each row is carried out once, under a key of its own, however often it is asked for.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, Row, func, select, update

from domain.policy import Strict
from store.database import upsert
from store.tables import batch_rows, batches

MOST = 200
Action = Literal["serve", "contact"]
State = Literal["ready", "fault", "done", "pending", "refused"]
"""`ready`: still to be carried out; `fault`: never will be; the rest is what became of it."""


class BatchRow(Strict):
    """One row: `said` is what the case is told; `line` where it stands in a sheet; `title` whom it is about.

    `zh` and `en` say why it was refused, or what is wrong with it.
    """

    no: int
    line: int | None = None
    case_no: str | None
    title: str
    action: Action
    said: dict[str, Any]
    once: str
    state: State = "ready"
    zh: str | None = None
    en: str | None = None


class Batch(Strict):
    """`confirmed_at` None: only looked at so far."""

    id: str
    person: str
    kind: Literal["together", "sheet"]
    filename: str | None
    at: datetime
    confirmed_at: datetime | None
    rows: list[BatchRow]

    def count(self, *states: State) -> int:
        return sum(row.state in states for row in self.rows)

    @property
    def left(self) -> int:
        """Rows still to be carried out."""
        return self.count("ready")


def put(connection: Connection, batch: Batch) -> bool:
    """Keep a batch; False when one of this id is there already, which then stands."""
    row = batch.model_dump(exclude={"rows"})
    if not upsert(connection, batches, row, key=("id",), keep=tuple(row)):
        return False
    if batch.rows:
        connection.execute(batch_rows.insert(), [each.model_dump() | {"batch": batch.id} for each in batch.rows])
    return True


def read(connection: Connection, person: str, id: str) -> Batch | None:
    """A person's own batch."""
    mine = select(batches).where(batches.c.id == id, batches.c.person == person)
    found = connection.execute(mine).one_or_none()
    if found is None:
        return None
    rows = connection.execute(select(batch_rows).where(batch_rows.c.batch == id).order_by(batch_rows.c.no))
    return Batch(**found._mapping, rows=[_row(each) for each in rows])


def _row(row: Row[Any]) -> BatchRow:
    return BatchRow.model_validate({name: row._mapping[name] for name in BatchRow.model_fields})


def confirm(connection: Connection, id: str, *, at: datetime) -> None:
    mine = (batches.c.id == id, batches.c.confirmed_at.is_(None))
    connection.execute(update(batches).where(*mine).values(confirmed_at=at))


def settle(connection: Connection, id: str, no: int, *, state: State, zh: str | None, en: str | None) -> None:
    """What became of a row; a word that was given stands."""
    mine = (batch_rows.c.batch == id, batch_rows.c.no == no, batch_rows.c.state == "ready")
    connection.execute(update(batch_rows).where(*mine).values(state=state, zh=zh, en=en))


def earlier(connection: Connection, person: str, kind: str, *, limit: int) -> Sequence[Row[Any]]:
    """A person's last batches of a kind, with how many rows each has."""
    rows = select(func.count()).where(batch_rows.c.batch == batches.c.id).scalar_subquery()
    mine = select(batches, rows.label("rows")).where(batches.c.person == person, batches.c.kind == kind)
    return connection.execute(mine.order_by(batches.c.at.desc()).limit(limit)).all()
