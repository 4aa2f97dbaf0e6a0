"""Idempotency: what was answered under a key, so that a request sent again has one effect and one answer."""

import hashlib
import json
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, select, update

from domain.policy import Strict
from domain.refusals import Refused
from store.database import upsert
from store.tables import answers


class Kept(Strict):
    """What is known under a key: what its effect was once it had one, and the answer once it was given."""

    effect: Any = None
    status: int | None = None
    answer: Any = None


def fingerprint(*parts: Any) -> str:
    """What tells one request from another: its method, path and body."""
    text = json.dumps(parts, ensure_ascii=True, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def take(connection: Connection, *, key: str, fingerprint: str, at: datetime) -> Kept:
    """Take the key for this request, or find what is kept under it; others with the same key wait for the commit.

    Raises `Refused("duplicate")` when another request stands under it.
    """
    row = {"key": key, "fingerprint": fingerprint, "at": at, "body": None}
    upsert(connection, answers, row, key=("key",), keep=tuple(row))
    kept = connection.execute(select(answers).where(answers.c.key == key).with_for_update()).one()
    if kept.fingerprint != fingerprint:
        raise Refused("duplicate", "Idempotency-Key: stands for another request already; take a new key for this one")
    return Kept.model_validate(kept.body or {})


def note(connection: Connection, key: str, effect: Any) -> None:
    """Keep what a request has brought about, in the transaction that does it."""
    _write(connection, key, Kept(effect=effect))


def finish(connection: Connection, key: str, *, status: int, answer: Any) -> Kept:
    """Keep the answer, unless one was given before: then that one stands, and is returned."""
    body = connection.scalar(select(answers.c.body).where(answers.c.key == key).with_for_update())
    kept = Kept.model_validate(body or {})
    if kept.answer is None:
        kept = Kept(effect=kept.effect, status=status, answer=answer)
        _write(connection, key, kept)
    return kept


def forget(connection: Connection, key: str) -> None:
    """Give the key back after a refusal: the request, put right, may use it again."""
    body = connection.scalar(select(answers.c.body).where(answers.c.key == key).with_for_update())
    if body is None:
        connection.execute(delete(answers).where(answers.c.key == key))


def _write(connection: Connection, key: str, kept: Kept) -> None:
    connection.execute(update(answers).where(answers.c.key == key).values(body=kept.model_dump(mode="json")))
