from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Connection, delete, func, select, update
from sqlalchemy.exc import IntegrityError

from store import casebook
from store.casebook import BrokenChain
from store.database import Database
from store.tables import STANDING, cases, entries, metadata, openings, tasks
from tests.store.records import AT, SUBJECT, Told, expected, place, shown, write

CASE = "QF-20260311-0001"


def everything(database: Database) -> dict[str, Any]:
    with database.read() as connection:
        return {name: sorted(map(repr, connection.execute(select(table)))) for name, table in metadata.tables.items()}


def look(database: Database) -> dict[str, Any]:
    """What the store shows of the case, once its record has been verified."""
    with database.read() as connection:
        casebook.verify(connection, CASE)
        return shown(connection, CASE)


def count(database: Database, **where: Any) -> int:
    wanted = [entries.c[name] == value for name, value in where.items()]
    with database.read() as connection:
        return connection.scalar(select(func.count()).select_from(entries).where(*wanted)) or 0


def test_a_batch_written_twice_is_written_once(database: Database) -> None:
    told = place(database).noting("a").opening_a_task("serve")
    batch = told.batch(history=3)
    assert casebook.record(database, batch) == 2
    once = everything(database)
    assert casebook.record(database, batch) == 2
    assert everything(database) == once


def test_a_batch_written_by_thirty_at_once_is_written_once(database: Database) -> None:
    told = place(database).noting("a").opening_a_task("serve")
    batch = told.batch(history=3)
    with ThreadPoolExecutor(30) as pool:
        assert set(pool.map(lambda _: casebook.record(database, batch), range(30))) == {2}
    assert look(database) == expected(told)
    assert count(database) == 2


def test_a_retry_that_says_the_same_adds_nothing_but_its_rank(database: Database) -> None:
    told = place(database).noting("a").opening_a_task("serve")
    write(database, told, history=3)
    write(database, told, history=6)
    assert count(database) == 2
    write(database, told.noting("zombie"), history=5)
    assert look(database) == expected(told)


def test_a_retry_may_say_in_one_batch_what_was_said_in_two(database: Database) -> None:
    start = place(database)
    first = write(database, start.noting("a"), history=3)
    write(database, first.noting("b"), history=3)
    whole = start.noting("a").noting("b").noting("c")
    write(database, whole, history=6)
    assert look(database) == expected(whole)
    assert count(database, superseded=True) == 0


def test_of_two_at_one_sequence_the_later_workflow_task_stands(database: Database) -> None:
    orders = (f"{CASE}-L1",)
    start = write(database, place(database, orders=orders).opening_a_task("serve"), history=3)
    dead = start.deciding(start.open_tasks[0]).withdrawing_a_message("reminder-1").recalling(orders[0])
    write(database, dead.opening_a_task("restore"), history=8)
    lives = start.noting("a hold came first").escalating(start.open_tasks[0])
    write(database, lives, history=12)
    assert look(database) == expected(lives, orders=orders)
    assert count(database, superseded=True) == 4


def test_an_order_done_by_a_dead_worker_and_recalled_by_the_next_is_recalled(database: Database) -> None:
    orders = (f"{CASE}-L1", f"{CASE}-L2")
    start = write(database, place(database, orders=orders).noting("a"), history=3)
    write(database, start.limiting(orders[0]).limiting(orders[1]), history=8)
    lives = write(database, start.recalling(orders[0]), history=12)
    assert look(database) == expected(lives, orders=orders)


def test_an_order_done_at_the_valve_before_its_recall_was_heard_is_done(database: Database) -> None:
    orders = (f"{CASE}-L1",)
    told = write(database, place(database, orders=orders).recalling(orders[0]), history=3)
    told = write(database, told.limiting(orders[0]), history=8)
    assert look(database) == expected(told, orders=orders)


def test_after_a_supersession_the_sequence_goes_on_from_what_stands(database: Database) -> None:
    start = write(database, place(database).noting("a"), history=3)
    write(database, start.noting("b").noting("c").noting("d"), history=8)
    lives = write(database, start.noting("B"), history=12)
    lives = write(database, lives.noting("C").opening_a_task("serve"), history=20)
    assert lives.sequence == 4
    assert look(database) == expected(lives)


def test_what_a_dead_worker_wrote_beyond_a_retry_gives_way_though_the_retry_said_only_the_beginning(
    database: Database,
) -> None:
    start = place(database)
    write(database, write(database, start.noting("a"), history=3).opening_a_task("serve"), history=3)
    lives = write(database, start.noting("a"), history=6)
    assert look(database) == expected(lives)
    lives = write(database, lives.opening_a_task("serve"), history=6)
    assert look(database) == expected(lives)


def test_what_gave_way_and_is_said_again_is_written_again(database: Database) -> None:
    start = write(database, place(database).noting("a"), history=3)
    write(database, start.noting("paid"), history=8)
    write(database, start.noting("held"), history=11)
    lives = write(database, start.noting("paid"), history=14)
    assert look(database) == expected(lives)
    assert count(database, sequence=2, superseded=True) == 2


@pytest.mark.parametrize("times", [1, 2])
def test_a_zombie_changes_nothing_and_is_kept(database: Database, times: int) -> None:
    start = write(database, place(database).opening_a_task("serve"), history=3)
    zombie = start.deciding(start.open_tasks[0]).telling("CaseClosed", outcome="settled")
    lives = write(database, start.noting("a hold came first"), history=12)
    before = look(database)
    for _ in range(times):
        assert casebook.record(database, zombie.batch(history=8)) == lives.sequence
    assert look(database) == before
    assert count(database, late=True, superseded=True) == 2


def test_a_later_run_wins_over_a_longer_history_of_the_run_before(database: Database) -> None:
    start = write(database, place(database).noting("a"), run=1, history=4000)
    lives = write(database, start.noting("b"), run=2, history=3)
    write(database, start.noting("zombie"), run=1, history=4010)
    assert look(database) == expected(lives)


def test_of_two_of_equal_rank_the_last_to_write_stands(database: Database) -> None:
    """The engine gives a third attempt at a workflow task the same history as the second."""
    start = write(database, place(database).noting("a"), history=3)
    write(database, start.noting("second attempt").noting("and more"), history=8)
    lives = write(database, start.noting("third attempt"), history=8)
    assert look(database) == expected(lives)
    lives = write(database, lives.noting("goes on"), history=13)
    assert look(database) == expected(lives)


def test_an_attempt_of_equal_rank_that_comes_late_is_put_right_by_the_next_word(database: Database) -> None:
    start = write(database, place(database).opening_a_task("serve"), history=3)
    lives = write(database, start.deciding(start.open_tasks[0]).opening_a_task("restore"), history=8)
    lives = write(database, lives.noting("third attempt"), history=8)
    write(database, start.opening_a_task("zombie").noting("b"), history=8)
    look(database)
    lives = write(database, lives.noting("goes on"), history=13)
    assert look(database) == expected(lives)


def test_an_echo_of_what_the_same_workflow_task_wrote_takes_nothing_back(database: Database) -> None:
    start = place(database).noting("a")
    first = start.batch(history=3)
    lives = write(database, write(database, start, history=3).noting("b").opening_a_task("serve"), history=3)
    assert casebook.record(database, first) == lives.sequence
    assert look(database) == expected(lives)


def test_a_task_opened_again_under_its_number_stays_with_whoever_holds_it(database: Database) -> None:
    start = write(database, place(database).noting("a"), history=3)
    dead = write(database, start.opening_a_task("serve").opening_a_task("restore"), history=8)
    with database.write() as connection:
        connection.execute(update(tasks).values(holder="collector-7"))
    lives = start.noting("a hold came first").opening_a_task("serve").opening_a_task("report")
    write(database, lives, history=12)
    with database.read() as connection:
        holders = {row.key: row.holder for row in connection.execute(select(tasks.c.key, tasks.c.holder))}
    assert holders == {"serve": "collector-7", "report": None}
    assert [task.id for task in dead.open_tasks] == [task.id for task in lives.open_tasks]


def test_a_case_that_goes_on_after_all_does_not_take_the_place_of_the_next(database: Database) -> None:
    told = write(database, place(database).telling("CaseClosed", outcome="settled"), history=3)
    next_one = {"case_no": "QF-20260311-0002", "process": "arrears", "subject": SUBJECT, "open_subject": SUBJECT}
    with database.write() as connection:
        connection.execute(openings.insert().values(**next_one, pack="jinan@2020-01-29", at=AT))
    told = write(database, told.telling("CaseReopened", because="debt came back while closing"), history=3)
    assert look(database)["place"] is None
    told = write(database, told.telling("CaseClosed", outcome="settled"), history=9)
    with database.read() as connection:
        places = select(openings.c.case_no).where(openings.c.open_subject == SUBJECT)
        assert connection.scalars(places).all() == ["QF-20260311-0002"]


def test_a_case_that_goes_on_after_all_takes_its_place_again_when_it_is_free(database: Database) -> None:
    told = write(database, place(database).telling("CaseClosed", outcome="settled"), history=3)
    told = write(database, told.telling("CaseReopened", because="debt came back while closing"), history=3)
    assert look(database) == expected(told)


def test_any_text_is_read_back_as_it_was_hashed(database: Database) -> None:
    told = place(database)
    for text in ("水费", "nul \x00 inside", "emoji 🚰", "é and e\u0301", "line\nbreak\ttab", "'; drop table cases", ""):
        told = told.noting(text)
    told = write(
        database, told.telling("Figures", amount=1.5, big=2**60, none=None, yes=True, deep=[{"a": [1, 2]}]), history=3
    )
    assert look(database) == expected(told)


def test_a_store_put_back_to_an_earlier_point_says_that_entries_are_missing(database: Database) -> None:
    told = write(database, place(database).noting("a"), history=3)
    lost = told.noting("lost").written()
    write(database, lost.noting("after"), history=12)
    with database.read() as connection, pytest.raises(BrokenChain, match="entry 3"):
        casebook.verify(connection, CASE)


def _record_of_a_case(database: Database) -> Told:
    """Six entries stand; one gave way and one came late."""
    start = write(database, place(database).noting("1").opening_a_task("serve").noting("3"), history=3)
    write(database, start.noting("dead"), history=8)
    lives = write(database, start.noting("4").noting("5"), history=12)
    write(database, start.noting("late"), history=9)
    return write(database, lives.noting("6"), history=20)


def _swap(connection: Connection, one: int, other: int) -> None:
    """Two rows change places in the order of writing."""
    for before, after in ((one, -1), (other, one), (-1, other)):
        connection.execute(update(entries).where(entries.c.id == before).values(id=after))


def _values(**values: Any) -> Callable[[Connection, list[Any]], None]:
    def change(connection: Connection, rows: list[Any]) -> None:
        connection.execute(update(entries).where(entries.c.id == rows[2].id).values(**values))

    return change


def _flag(row: int, superseded: bool) -> Callable[[Connection, list[Any]], None]:
    def change(connection: Connection, rows: list[Any]) -> None:
        connection.execute(update(entries).where(entries.c.id == rows[row].id).values(superseded=superseded))

    return change


def _put_back_in_place_of_the_other(connection: Connection, rows: list[Any]) -> None:
    connection.execute(update(entries).where(entries.c.id == rows[4].id).values(superseded=True))
    connection.execute(update(entries).where(entries.c.id == rows[3].id).values(superseded=False))


def _without(row: int) -> Callable[[Connection, list[Any]], None]:
    def change(connection: Connection, rows: list[Any]) -> None:
        connection.execute(delete(entries).where(entries.c.id == rows[row].id))

    return change


def _cut_off_with_the_case(connection: Connection, rows: list[Any]) -> None:
    """The last entry is taken away, and the case set back to match."""
    connection.execute(delete(entries).where(entries.c.id == rows[-1].id))
    connection.execute(update(cases).values(sequence=5))


def _copied(connection: Connection, rows: list[Any]) -> None:
    row = dict(rows[0]._mapping) | {"superseded": True}
    del row["id"]
    connection.execute(entries.insert().values(**row))


def _without_the_case(connection: Connection, rows: list[Any]) -> None:
    connection.execute(delete(cases))


CHANGES: dict[str, Callable[[Connection, list[Any]], None]] = {
    "content": _values(body={"note": "another"}),
    "author": _values(by="somebody else"),
    "instant": _values(at=AT),
    "event": _values(event="NoticeServed"),
    "clauses": _values(clauses=[]),
    "sequence": _values(sequence=9),
    "run": _values(run=2),
    "rank": _values(history=4),
    "hash": _values(content_hash="f" * 64),
    "first deleted": _without(0),
    "middle deleted": _without(2),
    "superseded deleted": _without(3),
    "late deleted": _without(6),
    "last deleted": _without(-1),
    "last deleted, case set back": _cut_off_with_the_case,
    "all deleted": lambda connection, rows: connection.execute(delete(entries)) and None,
    "reordered": lambda connection, rows: _swap(connection, rows[0].id, rows[1].id),
    "superseded and late reordered": lambda connection, rows: _swap(connection, rows[3].id, rows[6].id),
    "put back": _put_back_in_place_of_the_other,
    "set aside": _flag(-1, superseded=True),
    "added": _copied,
    "case set back": lambda connection, rows: connection.execute(update(cases).values(sequence=5)) and None,
    "case deleted": _without_the_case,
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_record_that_was_changed_does_not_verify(database: Database, change: str) -> None:
    told = _record_of_a_case(database)
    assert look(database) == expected(told)
    with database.write() as connection:
        rows = list(connection.execute(select(entries).order_by(entries.c.id)))
        assert [row.superseded for row in rows] == [False, False, False, True, False, False, True, False]
        CHANGES[change](connection, rows)
    with database.read() as connection, pytest.raises(BrokenChain):
        casebook.verify(connection, CASE)


def test_two_entries_cannot_stand_at_one_sequence(database: Database) -> None:
    _record_of_a_case(database)
    with database.read() as connection:
        one = connection.execute(select(entries).where(STANDING, entries.c.sequence == 4)).one()
    twin = entries.insert().values(**dict(one._mapping) | {"id": one.id + 100})
    with database.engine.connect() as connection, pytest.raises(IntegrityError):
        connection.execute(twin)


def test_every_case_has_a_chain_of_its_own(database: Database) -> None:
    one, other = place(database), place(database, "QF-20260311-0002", "0410024")
    one, other = write(database, one.noting("a"), history=3), write(database, other.noting("a"), history=3)
    one = write(database, one.noting("b"), history=5)
    assert look(database) == expected(one)
    with database.read() as connection:
        assert casebook.verify(connection, other.case_no) == 1
        assert shown(connection, other.case_no) == expected(replace(other))


def test_all_cases_are_checked_in_short_looks_and_one_whose_row_is_gone_is_found_by_its_opening(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(casebook, "CASES_A_LOOK", 2)
    for number in range(1, 6):
        told = place(database, f"QF-20260311-000{number}", f"041002{number}").noting("a")
        write(database, told, history=3)
    assert list(casebook.verify_all(database)) == [(2, 2), (4, 4), (5, 5)]
    with database.write() as connection:
        connection.execute(delete(cases).where(cases.c.case_no == "QF-20260311-0004"))
    with pytest.raises(BrokenChain, match="QF-20260311-0004"):
        list(casebook.verify_all(database))
