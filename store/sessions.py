"""Passwords and the sessions they open.

A session is an opaque token of 256 random bits, kept as its hash. Whoever holds it is the person as they are now: roles
are read at every request. It ends by itself when idle or old, and all of a person's end with a new password.
"""

import secrets
import unicodedata
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from limits import RateLimitItem, parse
from pwdlib import PasswordHash
from sqlalchemy import Connection, Select, and_, delete, select, update

from domain.policy import Strict
from domain.refusals import Refused
from store import access_log, attempts
from store.attempts import TooOften
from store.database import Database
from store.people import Person, as_present, hashed, present
from store.tables import people, sessions

SHORTEST, LONGEST = 12, 128
FEWEST_DIFFERENT = 5
HASHING = PasswordHash.recommended()


class NotLetIn(Exception):
    """No account has this id and this password. Which of the two is wrong is not told."""


class Terms(Strict):
    """How long a session lasts, and how often somebody may try."""

    idle: timedelta
    longest: timedelta
    per_account: str
    per_address: str


def set_password(
    connection: Connection, id: str, password: str, *, by: str, at: datetime, hashing: PasswordHash = HASHING
) -> None:
    """Give a person a password; all their sessions end.

    Raises `Refused("form-invalid")` for one that is too easily guessed, `Refused("unknown")` for no such person.
    """
    kept = hashing.hash(_good(password, id))
    found = update(people).where(people.c.id == id, people.c.active).values(password_hash=kept)
    if not connection.execute(found).rowcount:
        raise Refused("unknown", f"there is no person {id}")
    _end(connection, id)
    access_log.note(connection, "password", person=id, by=by, at=at)


def log_in(
    database: Database,
    id: str,
    password: str,
    *,
    address: str,
    terms: Terms,
    at: datetime,
    hashing: PasswordHash = HASHING,
) -> str:
    """The token of a new session. Raises `NotLetIn` or `TooOften`.

    An attempt counts before it is judged, so that many at once gain nothing; a success gives it back. No lock is held
    while a password is hashed, and one is hashed for an id that does not exist as well: both take as long.
    """
    admit(database, id, address=address, terms=terms, at=at)
    with database.read() as connection:
        found = connection.execute(
            select(people.c.id, people.c.password_hash).where(people.c.id == id, people.c.active)
        ).one_or_none()
    kept = found.password_hash if found is not None else None
    fits, better = hashing.verify_and_update(_normal(password), kept or _nobodys(hashing))
    with database.write() as connection:
        # A password that was changed meanwhile lets nobody in any more.
        still = kept is not None and fits and connection.scalar(_password_of(id)) == kept
        if still:
            if better is not None:
                connection.execute(update(people).where(people.c.id == id).values(password_hash=better))
            attempts.forget(connection, _account(id))
            attempts.give_back(connection, _place(address), at=at)
            token = _begin(connection, id, terms=terms, at=at)
        access_log.note(connection, "in" if still else "wrong", person=found and found.id, by=None, at=at)
        attempts.sweep(connection, at=at)
    if not still:
        raise NotLetIn
    return token


def admit(database: Database, id: str, *, address: str, terms: Terms, at: datetime) -> None:
    """Count an attempt of this account from this address. Raises `TooOften`, which is noted once in a row."""
    limits = {_account(id): _limit(terms.per_account), _place(address): _limit(terms.per_address)}
    try:
        with database.write() as connection:
            attempts.acquire(connection, limits, at=at)
    except TooOften:
        with database.write() as connection:
            known = connection.scalar(select(people.c.id).where(people.c.id == id))
            if access_log.last(connection, known) != "too-often":
                access_log.note(connection, "too-often", person=known, by=None, at=at)
        raise


def session_person(connection: Connection, token: str, *, at: datetime) -> tuple[Person, bool] | None:
    """Whose session this is, as they are now, and whether to say that it was `seen`; None for one that has ended and
    for a person who was shut out. One statement.
    """
    this = and_(sessions.c.token_hash == hashed(token), sessions.c.idle_until > at, sessions.c.expires_at > at)
    whose = present(at).join(sessions, and_(sessions.c.person == people.c.id, this))
    rows = connection.execute(whose.add_columns(sessions.c.last_seen_at, sessions.c.idle_until)).all()
    person = as_present(rows)
    return None if person is None else (person, _long_unseen(rows[0], at=at))


def seen(database: Database, token: str, *, at: datetime) -> None:
    """Put the end of an idle session off, at most once in a sixtieth of the time it may be idle: reads stay reads."""
    this = sessions.c.token_hash == hashed(token)
    with database.read() as connection:
        row = connection.execute(select(sessions).where(this)).one_or_none()
    if row is None or not _long_unseen(row, at=at):
        return
    idle = row.idle_until - row.last_seen_at
    with database.write() as connection:
        connection.execute(
            update(sessions).where(this, sessions.c.idle_until > at).values(last_seen_at=at, idle_until=at + idle)
        )


def _long_unseen(session: Any, *, at: datetime) -> bool:
    last: datetime = session.last_seen_at
    idle: timedelta = session.idle_until - last
    return at - last >= idle / 60


def log_out(connection: Connection, token: str, *, at: datetime) -> None:
    """End this session; one that has ended stays so."""
    this = sessions.c.token_hash == hashed(token)
    whose = connection.scalar(select(sessions.c.person).where(this))
    if whose is not None:
        connection.execute(delete(sessions).where(this))
        access_log.note(connection, "out", person=whose, by=whose, at=at)


def log_out_everywhere(connection: Connection, id: str, *, by: str, at: datetime) -> None:
    """End all sessions of a person."""
    _end(connection, id)
    access_log.note(connection, "out-everywhere", person=id, by=by, at=at)


def _begin(connection: Connection, id: str, *, terms: Terms, at: datetime) -> str:
    connection.execute(delete(sessions).where(sessions.c.person == id, sessions.c.expires_at <= at))
    connection.execute(delete(sessions).where(sessions.c.person == id, sessions.c.idle_until <= at))
    token = secrets.token_urlsafe(32)
    row = {"token_hash": hashed(token), "person": id, "created_at": at, "last_seen_at": at}
    ends = {"idle_until": at + terms.idle, "expires_at": at + terms.longest}
    connection.execute(sessions.insert().values(**row, **ends))
    return token


def _end(connection: Connection, id: str) -> None:
    connection.execute(delete(sessions).where(sessions.c.person == id))


def _password_of(id: str) -> Select[tuple[str | None]]:
    return select(people.c.password_hash).where(people.c.id == id, people.c.active).with_for_update()


def _good(password: str, id: str) -> str:
    if not SHORTEST <= len(password) <= LONGEST:
        raise Refused("form-invalid", f"password: write {SHORTEST} to {LONGEST} characters; a sentence is easily kept")
    if len(set(password)) < FEWEST_DIFFERENT:
        raise Refused("form-invalid", f"password: write at least {FEWEST_DIFFERENT} different characters")
    if id.casefold() in password.casefold():
        raise Refused("form-invalid", "password: leave the account id out of it")
    return _normal(password)


def _normal(password: str) -> str:
    """The same text however a keyboard composes it. What is too long for a password fits none."""
    return unicodedata.normalize("NFC", password[: LONGEST + 1].encode(errors="replace").decode())


@cache
def _nobodys(hashing: PasswordHash) -> str:
    """A hash that no password fits, as costly to try as anybody's."""
    return hashing.hash(secrets.token_urlsafe(32))


@cache
def _limit(words: str) -> RateLimitItem:
    return parse(words)


def _account(id: str) -> str:
    return f"account {id}"


def _place(address: str) -> str:
    return f"address {address}"
