"""The store put back to an earlier point: what was posted since is gone from it, and nobody is limited on what is left.

A case knows that it had written more than the store has. From then on every limit is held back until billing's own list
of a day that ends after it has been compared; then only for accounts that it has otherwise.
"""

from datetime import datetime
from typing import Literal

import structlog
from sqlalchemy import Connection, func, insert, select, text, update

from domain.calendars import local
from store import reconciliations
from store.reconciliations import ends
from store.tables import ledger, numbers, recoveries
from store.tables import reconciliations as lists

log = structlog.get_logger()

APART = 1_000_000
"""So far beyond all that was ever given out lie positions and numbers that are given out after a recovery."""
Because = Literal["behind-its-case", "told"]


def note(connection: Connection, *, because: Because, at: datetime, case_no: str | None = None) -> None:
    """The store is behind. Said once until billing's list has been compared, however many cases notice it."""
    if because == "told" or not held_back(connection):
        connection.execute(insert(recoveries), {"at": at, "because": because, "case_no": case_no})
        log.error("store.recovered", alarm=True, because=because, case=case_no)


def told(connection: Connection, *, at: datetime) -> None:
    """An operator has put a backup back: limits are held back, and nothing is given out again that was given out since.

    Cases read the ledger by position, and may have read beyond what is left of it: new facts come after all of that.
    """
    note(connection, because="told", at=at)
    newest = connection.scalar(select(func.max(ledger.c.position)).where(ledger.c.kind.in_(("bill", "payment"))))
    if newest is not None:
        # Heard again it changes nothing: each bill and payment counts once.
        beyond = (connection.scalar(select(func.max(ledger.c.position))) or 0) + APART
        connection.execute(update(ledger).where(ledger.c.position == newest).values(position=beyond))
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT setval(pg_get_serial_sequence('ledger', 'position'), :at)"), {"at": beyond})
    day = f"{local(at):%Y%m%d}"
    connection.execute(update(numbers).where(numbers.c.prefix.endswith(day)).values(last=numbers.c.last + 1000))
    known = set(connection.scalars(select(numbers.c.prefix).where(numbers.c.prefix.endswith(day))))
    if fresh := [{"prefix": each, "last": 1000} for each in (f"QF-{day}", f"BZ-{day}") if each not in known]:
        connection.execute(insert(numbers), fresh)


def held_back(connection: Connection) -> bool:
    """Whether the store was put back and no list of billing's has been compared since that shows what is missing."""
    last = connection.scalar(select(func.max(recoveries.c.at)))
    if last is None:
        return False
    newest = connection.scalar(select(func.max(lists.c.day)).where(lists.c.at > last))
    return newest is None or ends(newest) <= last


def forbids(connection: Connection, account_no: str) -> bool:
    """Whether nobody may say yet that this account still owes what is in the store."""
    if connection.scalar(select(recoveries.c.id).limit(1)) is None:
        return False
    return held_back(connection) or reconciliations.differs(connection, account_no)


def least_fence(connection: Connection) -> int:
    """A token that is beyond all that were issued before the store was put back."""
    return APART * int(connection.scalar(select(func.count()).select_from(recoveries)) or 0)
