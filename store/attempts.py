"""Attempts to log in, counted over a moving window that all API processes share."""

import hashlib
from datetime import datetime, timedelta
from math import ceil

from limits import RateLimitItem
from sqlalchemy import Connection, delete, select, update

from store.database import upsert
from store.tables import attempts


class TooOften(Exception):
    """Nobody is let in here for now. `retry_after` is in whole seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"too many attempts: try again in {retry_after} seconds")
        self.retry_after = retry_after


def acquire(connection: Connection, limits: dict[str, RateLimitItem], *, at: datetime) -> None:
    """Count one attempt under every name, or under none and raise `TooOften`.

    A name is kept as a hash, and for as long as its window: what was typed, and from where, is not on record. Its row
    stays locked to the end of the transaction, so that of many at once no more are let through than the limit.
    """
    now = at.timestamp()
    windows = {name: _locked(connection, name, limit, at=at) for name, limit in limits.items()}
    waits = [
        hits[-limit.amount] + limit.get_expiry() - now
        for name, limit in limits.items()
        if len(hits := windows[name]) >= limit.amount
    ]
    if waits:
        raise TooOften(max(1, ceil(max(waits))))
    for name, limit in limits.items():
        until = at + timedelta(seconds=limit.get_expiry())
        kept = {"hits": [*windows[name], now], "until": until}
        connection.execute(update(attempts).where(attempts.c.key == _key(name)).values(**kept))


def give_back(connection: Connection, name: str, *, at: datetime) -> None:
    """Take the attempt of this instant back: it has hurt nobody."""
    hits = connection.scalar(select(attempts.c.hits).where(attempts.c.key == _key(name)).with_for_update())
    if hits and at.timestamp() in hits:
        hits.remove(at.timestamp())
        connection.execute(update(attempts).where(attempts.c.key == _key(name)).values(hits=hits))


def forget(connection: Connection, name: str) -> None:
    """Count from nothing again under this name."""
    connection.execute(delete(attempts).where(attempts.c.key == _key(name)))


def sweep(connection: Connection, *, at: datetime) -> None:
    """Drop what no window reaches any more; rows that somebody holds are left to the next."""
    stale = select(attempts.c.key).where(attempts.c.until <= at).with_for_update(skip_locked=True)
    connection.execute(delete(attempts).where(attempts.c.key.in_(stale)))


def _locked(connection: Connection, name: str, limit: RateLimitItem, *, at: datetime) -> list[float]:
    """The hits of a name within its window, oldest first."""
    row = {"key": _key(name), "hits": [], "until": at + timedelta(seconds=limit.get_expiry())}
    upsert(connection, attempts, row, key=("key",), keep=("hits",))
    hits: list[float] = connection.execute(select(attempts.c.hits).where(attempts.c.key == _key(name))).scalar_one()
    return sorted(hit for hit in hits if hit > at.timestamp() - limit.get_expiry())


def _key(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()
