"""Idempotency-Key: a request sent again has one effect and one answer."""

import hashlib
import json
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, NamedTuple

from fastapi import Depends, Header, Request, Response
from fastapi.responses import JSONResponse
from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool

from api.access import SignedIn
from domain.refusals import Refused
from store import answers
from store.answers import Kept
from store.database import Database

KEY = Header(
    alias="Idempotency-Key",
    description="Up to 80 visible ASCII characters of the sender's own. The same key with the same body has one effect "
    "and one answer; with another body it is refused `duplicate`.",
)


class Once(NamedTuple):
    """A request's key, made the person's own; None when the sender gave none."""

    key: str | None
    fingerprint: str


async def _key(person: SignedIn, idempotency_key: Annotated[str | None, KEY] = None) -> str | None:
    key = idempotency_key
    if key is None:
        return None
    if not (0 < len(key) <= 80 and key.isascii() and key.isprintable() and " " not in key):
        raise Refused("form-invalid", "Idempotency-Key: send 1 to 80 visible ASCII characters")
    return f"{person.id}:{key}"


OnceKey = Annotated[str | None, Depends(_key)]
"""The key alone, for a door whose body is a file: it says itself with `meaning` what the body was."""


async def _once(request: Request, key: OnceKey) -> Once:
    if key is None:
        return Once(None, "")
    body = await request.body()
    try:
        meant = json.loads(body) if body else None
    except (ValueError, RecursionError):
        meant = hashlib.sha256(body).hexdigest()
    return meaning(key, request.method, request.url.path, meant)


OnceOnly = Annotated[Once, Depends(_once)]


def meaning(key: str | None, *parts: Any) -> Once:
    """A request under a key, told from others by these parts."""
    return Once(key, "" if key is None else answers.fingerprint(*parts))


def update_id(once: Once, fresh: str) -> str:
    """The id of an update: the person and a digest of their key, for ids are not encrypted in the engine."""
    if once.key is None:
        return fresh
    person, _, key = once.key.partition(":")
    return f"{person}:{hashlib.sha256(key.encode()).hexdigest()[:32]}"


def begin(database: Database, once: Once, *, at: datetime) -> Kept:
    """Take the key, or find what was answered under it. Raises `Refused("duplicate")`."""
    if once.key is None:
        return Kept()
    with database.write() as connection:
        return answers.take(connection, key=once.key, fingerprint=once.fingerprint, at=at)


def effect(database: Database, once: Once, does: Callable[[Connection], Any], *, at: datetime) -> Kept:
    """Do something in the store, once a key: the key and what it brought about are one transaction."""
    with database.write() as connection:
        if once.key is None:
            return Kept(effect=does(connection))
        kept = answers.take(connection, key=once.key, fingerprint=once.fingerprint, at=at)
        if kept.effect is None:
            kept = Kept(effect=does(connection))
            answers.note(connection, once.key, kept.effect)
        return kept


async def finish(database: Database, once: Once, *, status: int, answer: Any) -> Kept:
    """Keep the answer under the key; whoever comes first has the word, and all others say the same."""
    given = Kept(status=status, answer=answer)
    if once.key is None:
        return given
    key = once.key

    def keep() -> Kept:
        with database.write() as connection:
            return answers.finish(connection, key, status=status, answer=answer)

    return await run_in_threadpool(keep)


def answered(kept: Kept) -> Response:
    """The answer that is kept, as it is sent."""
    return JSONResponse(kept.answer, status_code=kept.status or 200)


async def forget(database: Database, once: Once) -> None:
    """After a refusal: the request, put right, may be sent under the same key."""
    if once.key is None:
        return
    key = once.key

    def drop() -> None:
        with database.write() as connection:
            answers.forget(connection, key)

    await run_in_threadpool(drop)
