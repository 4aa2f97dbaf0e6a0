from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

from sqlalchemy import func, select

from store import outbox
from store.database import Database
from store.tables import outbox as table
from tests.store.debts import OPENED_AT

LEASE = timedelta(seconds=30)


def put(database: Database, rows: int) -> None:
    with database.write() as connection:
        for no in range(rows):
            outbox.put(connection, kind="nudge", process="arrears", subject=f"A{no}", at=OPENED_AT)


def test_two_relays_never_take_the_same_row(database: Database) -> None:
    put(database, 400)
    relays = 4
    ready = Barrier(relays)

    def relay(_: int) -> list[int]:
        ready.wait()
        taken: list[int] = []
        empty = 0
        while empty < 3:
            with database.write() as connection:
                rows = outbox.take(connection, now=OPENED_AT, limit=7, lease=LEASE)
            taken += [row.id for row in rows]
            empty = empty + 1 if not rows else 0
        return taken

    with ThreadPoolExecutor(relays) as pool:
        taken = [row_id for ids in pool.map(relay, range(relays)) for row_id in ids]
    assert len(taken) == len(set(taken)) == 400


def test_while_one_relay_holds_its_rows_another_takes_the_next_ones_or_waits(database: Database, backend: str) -> None:
    put(database, 10)
    with database.write() as connection:
        mine = {row.id for row in outbox.take(connection, now=OPENED_AT, limit=5, lease=LEASE)}
        if backend == "postgresql":
            with database.write() as other:
                theirs = {row.id for row in outbox.take(other, now=OPENED_AT, limit=10, lease=LEASE)}
            assert len(theirs) == 5
            assert not mine & theirs
    assert len(mine) == 5


def test_rows_of_a_relay_that_died_are_due_again_when_its_lease_is_over(database: Database) -> None:
    put(database, 3)
    with database.write() as connection:
        first = [row.id for row in outbox.take(connection, now=OPENED_AT, lease=LEASE)]
    with database.write() as connection:
        assert outbox.take(connection, now=OPENED_AT + LEASE - timedelta(seconds=1)) == []
        assert [row.id for row in outbox.take(connection, now=OPENED_AT + LEASE)] == first


def test_what_is_delivered_is_gone_and_what_failed_waits_with_its_error(database: Database) -> None:
    put(database, 2)
    with database.write() as connection:
        one, other = outbox.take(connection, now=OPENED_AT)
        outbox.done(connection, [one.id])
        outbox.put_back(connection, other.id, attempts=1, error="RPCError", next_try_at=OPENED_AT + timedelta(hours=1))
    with database.read() as connection:
        assert connection.scalar(select(func.count()).select_from(table)) == 1
        assert not outbox.waiting(connection, now=OPENED_AT)
        assert outbox.waiting(connection, now=OPENED_AT + timedelta(hours=1))
        left = connection.execute(select(table)).one()
    assert (left.id, left.attempts, left.last_error) == (other.id, 1, "RPCError")


def test_word_left_in_a_transaction_that_fails_was_never_left(database: Database) -> None:
    try:
        with database.write() as connection:
            outbox.put(connection, kind="nudge", process="arrears", subject="A1", at=OPENED_AT)
            raise RuntimeError
    except RuntimeError:
        pass
    with database.read() as connection:
        assert not outbox.waiting(connection, now=OPENED_AT)
