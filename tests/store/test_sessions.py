"""Passwords and sessions: who is let in, for how long, and what is kept of it."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import pytest
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import select

from domain.calendars import CHINA
from domain.refusals import Refused
from store import sessions
from store.attempts import TooOften
from store.database import Database
from store.migrate import upgrade
from store.people import Person, add_person, set_roles, shut_out
from store.sessions import NotLetIn, Terms, log_out, log_out_everywhere, seen, session_person, set_password
from store.tables import access_log, metadata, people
from store.tables import sessions as kept

AT = datetime(2026, 3, 2, 9, tzinfo=CHINA)
HOUR = timedelta(hours=1)
PASSWORD = "清水绕城流 canary-7f3a"
TERMS = Terms(idle=HOUR, longest=8 * HOUR, per_account="3 per 15 minutes", per_address="20 per 15 minutes")


class Counting(PasswordHash):
    """Cheap hashing that counts what it verifies."""

    def __init__(self, time_cost: int = 1) -> None:
        super().__init__((Argon2Hasher(time_cost=time_cost, memory_cost=64, parallelism=1),))
        self.verified = 0

    def verify_and_update(self, password: str | bytes, hash: str | bytes) -> tuple[bool, str | None]:
        self.verified += 1
        return super().verify_and_update(password, hash)


CHEAP = Counting()


def let_in(database: Database, id: str = "collector", password: str | None = PASSWORD) -> None:
    with database.write() as connection:
        add_person(connection, Person(id=id, name="王守信", roles=("collector",)))
        if password is not None:
            set_password(connection, id, password, by="administrator", at=AT, hashing=CHEAP)


def log_in(database: Database, id: str = "collector", password: str = PASSWORD, **more: Any) -> str:
    given = {"address": "203.0.113.7", "terms": TERMS, "at": AT, "hashing": CHEAP} | more
    return sessions.log_in(database, id, password, **given)


def who(database: Database, token: str, at: datetime = AT) -> Person | None:
    with database.read() as connection:
        found = session_person(connection, token, at=at)
    return found and found[0]


def noted(database: Database) -> list[tuple[str | None, str]]:
    with database.read() as connection:
        return [(row.person, row.action) for row in connection.execute(select(access_log).order_by(access_log.c.id))]


def test_a_session_is_the_person_and_only_its_hash_is_kept(database: Database) -> None:
    let_in(database)
    token = log_in(database)
    found = who(database, token)
    assert found is not None
    assert (found.id, found.name) == ("collector", "王守信")
    assert who(database, token[:-1]) is None
    everything = []
    with database.read() as connection:
        for table in metadata.sorted_tables:
            everything += [str(row) for row in connection.execute(select(table))]
    assert not any(secret in row for row in everything for secret in (token, PASSWORD, "canary-7f3a", "203.0.113.7"))
    assert noted(database) == [("collector", "password"), ("collector", "in")]


def test_a_session_ends_when_idle_and_when_old(database: Database) -> None:
    let_in(database)
    token = log_in(database)
    assert who(database, token, AT + HOUR - timedelta(seconds=1)) is not None
    assert who(database, token, AT + HOUR) is None
    at = AT
    for _ in range(15):
        at += HOUR / 2
        assert who(database, token, at) is not None
        seen(database, token, at=at)
    assert who(database, token, AT + 8 * HOUR) is None


def test_a_session_that_ended_is_not_seen_alive_again(database: Database) -> None:
    let_in(database)
    token = log_in(database)
    seen(database, token, at=AT + 2 * HOUR)
    assert who(database, token, AT + 2 * HOUR) is None


def test_reading_often_writes_seldom(database: Database) -> None:
    let_in(database)
    token = log_in(database)
    for seconds in (1, 30, 59, 61):
        seen(database, token, at=AT + timedelta(seconds=seconds))
        with database.read() as connection:
            last = connection.scalar(select(kept.c.last_seen_at))
        assert last == (AT + timedelta(seconds=61) if seconds == 61 else AT)


def test_a_role_or_a_person_taken_away_counts_at_once(database: Database) -> None:
    let_in(database)
    token = log_in(database)
    with database.write() as connection:
        set_roles(connection, "collector", ("auditor",))
    found = who(database, token)
    assert found is not None
    assert found.roles == ("auditor",)
    with database.write() as connection:
        shut_out(connection, "collector")
    assert who(database, token) is None
    with pytest.raises(NotLetIn):
        log_in(database)


def test_leaving_ends_one_session_or_all(database: Database) -> None:
    let_in(database)
    first, second, third = (log_in(database) for _ in range(3))
    with database.write() as connection:
        log_out(connection, first, at=AT)
    assert [who(database, token) is not None for token in (first, second, third)] == [False, True, True]
    with database.write() as connection:
        log_out_everywhere(connection, "collector", by="administrator", at=AT)
    assert [who(database, token) for token in (second, third)] == [None, None]


def test_a_new_password_ends_every_session(database: Database) -> None:
    let_in(database)
    token = log_in(database)
    with database.write() as connection:
        set_password(connection, "collector", "another sentence", by="collector", at=AT, hashing=CHEAP)
    assert who(database, token) is None
    with pytest.raises(NotLetIn):
        log_in(database)
    assert who(database, log_in(database, password="another sentence")) is not None


@pytest.mark.parametrize("weak", ["short", "a" * 12, "abab" * 4, "x" * 129, "the COLLECTOR himself"])
def test_a_password_that_is_easily_guessed_is_refused_without_being_said_back(database: Database, weak: str) -> None:
    let_in(database, password=None)
    with database.write() as connection, pytest.raises(Refused) as refused:
        set_password(connection, "collector", weak, by="administrator", at=AT, hashing=CHEAP)
    assert refused.value.code == "form-invalid"
    assert weak not in refused.value.message


def test_an_absent_id_and_one_without_a_password_cost_a_hash_too(database: Database) -> None:
    let_in(database)
    let_in(database, "billing", password=None)
    for id in ("collector", "nobody", "billing"):
        counting = Counting()
        with pytest.raises(NotLetIn):
            log_in(database, id, "a wrong password", hashing=counting)
        assert counting.verified == 1, id
    assert noted(database)[1:] == [("collector", "wrong"), (None, "wrong"), ("billing", "wrong")]


def test_a_hash_of_older_parameters_is_made_anew_at_the_next_login(database: Database) -> None:
    let_in(database)
    with database.read() as connection:
        before = connection.scalar(select(people.c.password_hash))
    log_in(database, hashing=Counting(time_cost=2))
    with database.read() as connection:
        after = connection.scalar(select(people.c.password_hash))
    assert ",t=1," in str(before)
    assert ",t=2," in str(after)
    assert log_in(database, hashing=Counting(time_cost=2))


def test_the_limit_of_an_account_moves_with_time(database: Database) -> None:
    let_in(database)
    for minute in range(3):
        with pytest.raises(NotLetIn):
            log_in(database, password="a wrong password", at=AT + timedelta(minutes=minute))
    for _ in range(2):
        with pytest.raises(TooOften) as refused:
            log_in(database, at=AT + timedelta(minutes=3))
    assert refused.value.retry_after == 12 * 60
    assert noted(database).count(("collector", "too-often")) == 1
    assert log_in(database, at=AT + timedelta(minutes=15, seconds=1))


def test_success_counts_from_nothing_again(database: Database) -> None:
    let_in(database)
    for _ in range(4):
        for _ in range(2):
            with pytest.raises(NotLetIn):
                log_in(database, password="a wrong password")
        log_in(database)


def test_an_address_that_is_refused_shuts_no_account(database: Database) -> None:
    let_in(database)
    few = TERMS.model_copy(update={"per_address": "2 per minute"})
    for number in range(2):
        with pytest.raises(NotLetIn):
            log_in(database, f"nobody-{number}", terms=few)
    for _ in range(5):
        with pytest.raises(TooOften):
            log_in(database, terms=few)
    assert log_in(database, terms=few, address="203.0.113.8")


def test_many_at_once_from_two_processes_are_no_more_than_the_limit(database: Database) -> None:
    let_in(database)
    spelled = database.engine.url.render_as_string(hide_password=False)
    other = Database(spelled, durable=False)

    def attempt(number: int) -> str:
        with suppress(NotLetIn):
            try:
                log_in((database, other)[number % 2], password="a wrong password")
            except TooOften:
                return "too often"
        return "judged"

    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(attempt, range(16)))
    other.close()
    assert told.count("judged") == 3


def test_many_log_in_at_once_and_each_has_a_session(database: Database) -> None:
    for number in range(8):
        let_in(database, f"collector-{number}")
    with ThreadPoolExecutor(8) as pool:
        tokens = list(pool.map(lambda number: log_in(database, f"collector-{number}"), range(8)))
    assert [found.id for token in tokens if (found := who(database, token))] == [f"collector-{n}" for n in range(8)]


def test_an_older_database_keeps_its_people(empty_url: str) -> None:
    upgrade(empty_url, "0002")
    database = Database(empty_url)
    row = {"id": "billing", "name": "billing", "roles": ["administrator"], "active": True}
    with database.write() as connection:
        connection.execute(people.insert().values(**row))
    upgrade(empty_url)
    with database.write() as connection:
        set_password(connection, "billing", PASSWORD, by="administrator", at=AT, hashing=CHEAP)
    assert who(database, log_in(database, "billing")) is not None
    database.close()
