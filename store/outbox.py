"""What a door has committed and a workflow has yet to hear: written in the door's own transaction, relayed after it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Connection, delete, select, update

from store.tables import outbox

Kind = Literal["open", "reopen", "nudge", "command", "calendar"]


def put(
    connection: Connection, *, kind: Kind, process: str, subject: str, at: datetime, body: dict[str, Any] | None = None
) -> None:
    """Leave word for a workflow. `subject` is the account no. for arrears."""
    connection.execute(
        outbox.insert().values(
            kind=kind, process=process, subject=subject, body=body or {}, created_at=at, next_try_at=at, attempts=0
        )
    )


def waiting(connection: Connection, *, now: datetime) -> bool:
    """Whether any row is due: a read, so that an idle relay takes no write lock."""
    return connection.scalar(select(outbox.c.id).where(outbox.c.next_try_at <= now).limit(1)) is not None


def take(
    connection: Connection, *, now: datetime, limit: int = 100, lease: timedelta = timedelta(seconds=30)
) -> list[Any]:
    """The oldest rows that are due, leased to this relay: another one leaves them alone until the lease is over."""
    due = (
        select(outbox)
        .where(outbox.c.next_try_at <= now)
        .order_by(outbox.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    rows = list(connection.execute(due))
    if rows:
        connection.execute(
            update(outbox).where(outbox.c.id.in_([row.id for row in rows])).values(next_try_at=now + lease)
        )
    return rows


def done(connection: Connection, row_ids: Sequence[int]) -> None:
    connection.execute(delete(outbox).where(outbox.c.id.in_(row_ids)))


def put_back(connection: Connection, row_id: int, *, attempts: int, error: str, next_try_at: datetime) -> None:
    """A delivery that failed: tried again later, with the error (its type only) kept for the operator."""
    connection.execute(
        update(outbox).where(outbox.c.id == row_id).values(attempts=attempts, last_error=error, next_try_at=next_try_at)
    )
