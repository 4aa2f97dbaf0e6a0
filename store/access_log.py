"""Who came, who was not let in, and whose account was changed: one row each, with account ids and nothing else."""

from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, select

from store.tables import access_log

Action = Literal["in", "wrong", "too-often", "out", "out-everywhere", "added", "roles", "password", "card", "shut-out"]


def note(connection: Connection, action: Action, *, person: str | None, by: str | None, at: datetime) -> None:
    """Keep one row. `person` None: an account that does not exist; what was typed for it is not kept."""
    connection.execute(access_log.insert().values(person=person, action=action, by=by, at=at))


def last(connection: Connection, person: str | None) -> str | None:
    """What was noted last about an account."""
    rows = select(access_log.c.action).where(access_log.c.person.is_not_distinct_from(person))
    return connection.scalar(rows.order_by(access_log.c.id.desc()).limit(1))
