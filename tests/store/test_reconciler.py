"""What fell between store and engine is found, and word is left again: once, and not for what is merely on its way."""

import asyncio
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, select
from structlog.testing import capture_logs

from domain.account import Reversal
from runtime import reconciler
from runtime.reconciler import LOOKS_BACK, Findings, Looked, look, reconcile, reconcile_for_ever, report
from store import intake, ledger, outbox
from store.database import Database
from store.tables import cases, openings, tasks
from store.tables import outbox as outbox_table
from tests.store.debts import OPENED_AT, ORDER_AT, bill, open_case, payment, ready, record_facts

SOON = timedelta(seconds=59)
MINUTE = timedelta(minutes=1)
NOON = ORDER_AT + timedelta(hours=3, minutes=30)


def forget_words(database: Database) -> None:
    """The relay has delivered everything, or a hand has emptied the table."""
    with database.write() as connection:
        connection.execute(delete(outbox_table))


def words(database: Database) -> list[tuple[str, str, str, dict[str, Any]]]:
    with database.read() as connection:
        rows = connection.execute(select(outbox_table).order_by(outbox_table.c.id)).all()
    return [(row.kind, row.process, row.subject, row.body) for row in rows]


def open_and_current(database: Database, account_no: str = "0410023", **snapshot: object) -> str:
    """A case that has heard of everything, and will wake up in time."""
    place = open_case(database, account_no)
    with database.read() as connection:
        position = max(position for position, _ in ledger.facts_after(connection, account_no, 0))
    shown = {"next_wake": NOON + timedelta(days=1)} | snapshot
    record_facts(database, ready(place.case_no, account_no), ledger_position=position, **shown)
    forget_words(database)
    return place.case_no


def close(database: Database, account_no: str = "0410023", *, outcome: str = "settled") -> str:
    """A case that was paid and has ended."""
    place = open_case(database, account_no)
    intake.record_payment(database, account_no, payment(f"T{account_no}"))
    with database.read() as connection:
        position = max(position for position, _ in ledger.facts_after(connection, account_no, 0))
    facts = ready(place.case_no, account_no).model_copy(update={"outcome": outcome})
    record_facts(database, facts, ledger_position=position, closed_at=ORDER_AT)
    forget_words(database)
    return place.case_no


def test_nothing_is_said_where_nothing_is_wrong(database: Database) -> None:
    open_and_current(database)
    close(database, "0410024")
    assert reconcile(database, now=NOON) == Findings()
    assert words(database) == []


def test_a_payment_that_the_case_has_not_heard_of_is_told_again_after_a_minute(database: Database) -> None:
    case_no = open_and_current(database)
    intake.record_payment(database, "0410023", payment(at=NOON))
    forget_words(database)
    assert reconcile(database, now=NOON + SOON) == Findings()
    assert reconcile(database, now=NOON + MINUTE) == Findings(unheard=(case_no,))
    assert words(database) == [("nudge", "arrears", "0410023", {})]


def test_word_that_waits_already_is_not_left_twice(database: Database) -> None:
    open_and_current(database)
    intake.record_payment(database, "0410023", payment(at=NOON))
    for minutes in range(1, 4):
        assert reconcile(database, now=NOON + minutes * MINUTE).unheard
    assert len(words(database)) == 1


def test_an_opening_without_case_or_word_is_put_again(database: Database) -> None:
    place = open_case(database, at=OPENED_AT)
    assert reconcile(database, now=OPENED_AT + MINUTE) == Findings()
    forget_words(database)
    assert reconcile(database, now=OPENED_AT + SOON) == Findings()
    assert reconcile(database, now=OPENED_AT + MINUTE) == Findings(unopened=(place.case_no,))
    assert words(database) == [("open", "arrears", "0410023", {"case_no": place.case_no})]
    assert reconcile(database, now=OPENED_AT + 2 * MINUTE) == Findings()


def test_a_number_whose_place_was_given_up_is_not_opened(database: Database) -> None:
    open_case(database)
    forget_words(database)
    with database.write() as connection:
        connection.execute(openings.update().values(open_subject=None))
    assert reconcile(database, now=NOON) == Findings()


def test_money_taken_back_after_the_case_has_closed_is_told_again(database: Database) -> None:
    case_no = close(database)
    intake.reverse_payment(database, "0410023", Reversal(reference="T0410023", at=NOON))
    forget_words(database)
    assert reconcile(database, now=NOON + SOON) == Findings()
    assert reconcile(database, now=NOON + MINUTE) == Findings(unreopened=(case_no,))
    assert words(database) == [("nudge", "arrears", "0410023", {})]


def test_money_taken_back_and_paid_again_opens_nothing(database: Database) -> None:
    close(database)
    intake.reverse_payment(database, "0410023", Reversal(reference="T0410023", at=NOON))
    intake.record_payment(database, "0410023", payment("T2", at=NOON - MINUTE))
    forget_words(database)
    assert reconcile(database, now=NOON + MINUTE) == Findings()


def test_a_withdrawn_case_is_not_opened_again(database: Database) -> None:
    close(database, outcome="withdrawn")
    intake.reverse_payment(database, "0410023", Reversal(reference="T0410023", at=NOON))
    forget_words(database)
    assert reconcile(database, now=NOON + MINUTE) == Findings()


def test_money_taken_back_while_the_next_case_is_open_belongs_to_that_one(database: Database) -> None:
    close(database)
    with database.write() as connection:
        intake.open_in(
            connection,
            ledger.AccountRecord(no="0410023", customer_class="resident"),
            [bill("B2")],
            pack="jinan@2020-01-29",
            at=NOON,
        )
    intake.reverse_payment(database, "0410023", Reversal(reference="T0410023", at=NOON))
    assert reconcile(database, now=NOON + MINUTE) == Findings()


def test_a_case_that_overslept_by_more_than_five_minutes_is_woken_and_an_alarm(database: Database) -> None:
    case_no = open_and_current(database, next_wake=NOON)
    assert reconcile(database, now=NOON + 5 * MINUTE) == Findings()
    findings = reconcile(database, now=NOON + 5 * MINUTE + timedelta(seconds=1))
    assert findings == Findings(overslept=(case_no,))
    assert words(database) == [("nudge", "arrears", "0410023", {})]


def test_one_that_never_reacts_is_nudged_once_an_hour_after_the_first(database: Database) -> None:
    open_and_current(database, next_wake=NOON)
    nudged = []
    for minutes in range(60 * 4):
        now = NOON + minutes * MINUTE
        reconcile(database, now=now)
        if words(database):
            nudged.append(minutes)
        forget_words(database)
    assert nudged[:3] == [6, 7, 8]
    assert [minutes for minutes in nudged if minutes >= 60] == [90, 150, 210]


def test_a_case_that_nothing_will_ever_move_is_an_alarm(database: Database) -> None:
    case_no = open_and_current(database, next_wake=None)
    assert reconcile(database, now=NOON) == Findings(adrift=(case_no,))
    assert words(database) == []
    with database.write() as connection:
        task = {"task_id": f"{case_no}-01", "case_no": case_no, "process": "arrears", "key": "arrears.restore"}
        task |= {"role": "engineer", "opened_at": NOON, "paused": False, "sequence": 1, "body": {}}
        connection.execute(tasks.insert().values(**task, status="open"))
    assert reconcile(database, now=NOON) == Findings()
    with database.write() as connection:
        connection.execute(tasks.update().values(status="decided"))
    assert reconcile(database, now=NOON) == Findings(adrift=(case_no,))


def test_a_closed_case_needs_no_waking(database: Database) -> None:
    close(database)
    with database.write() as connection:
        connection.execute(cases.update().values(next_wake=OPENED_AT, ledger_position=0))
    assert reconcile(database, now=NOON) == Findings()


def test_several_wrong_at_once_are_each_told_once(database: Database) -> None:
    late = open_and_current(database, "0410023", next_wake=OPENED_AT)
    intake.record_payment(database, "0410023", payment(at=OPENED_AT))
    forget_words(database)
    unopened = open_case(database, "0410024").case_no
    forget_words(database)
    now = NOON.replace(minute=0)
    assert reconcile(database, now=now) == Findings(unheard=(late,), unopened=(unopened,), overslept=(late,))
    assert sorted((kind, subject) for kind, _, subject, _ in words(database)) == [
        ("nudge", "0410023"),
        ("open", "0410024"),
    ]


def test_alarms_name_cases_and_nobody(database: Database) -> None:
    case_no = open_and_current(database, next_wake=NOON)
    findings = reconcile(database, now=NOON + 6 * MINUTE)
    with capture_logs() as logged:
        report(findings)
    (line,) = logged
    assert line == {
        "event": "reconciler.overslept",
        "log_level": "error",
        "alarm": True,
        "count": 1,
        "cases": [case_no],
    }
    assert not any(personal in str(line) for personal in ("0410023", "13800000000"))


async def test_it_looks_again_and_again_and_a_database_that_is_away_does_not_end_it(database: Database) -> None:
    open_and_current(database)
    intake.record_payment(database, "0410023", payment(at=NOON))
    forget_words(database)
    instants = iter([NOON, ValueError("the clock is away"), NOON + MINUTE])

    def clock() -> Any:
        instant = next(instants, NOON + 2 * MINUTE)
        if isinstance(instant, Exception):
            raise instant
        return instant

    with capture_logs() as logged:
        looking = asyncio.create_task(reconcile_for_ever(database, clock, every=timedelta(milliseconds=5)))
        async with asyncio.timeout(120):
            while not await asyncio.to_thread(words, database):
                await asyncio.sleep(0.01)
        looking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await looking
    assert _events(logged)[:2] == ["reconciler.unable", "reconciler.unheard"]


def _events(logged: Iterable[Any]) -> list[str]:
    return [line["event"] for line in logged]


def test_word_left_by_the_reconciler_is_taken_like_any_other(database: Database) -> None:
    open_case(database)
    forget_words(database)
    reconcile(database, now=NOON)
    with database.write() as connection:
        assert [row.kind for row in outbox.take(connection, now=NOON)] == ["open"]


def test_after_some_looks_only_what_the_ledger_took_in_since_is_asked_about_and_who_was_found_is_asked_again(
    database: Database,
) -> None:
    first, second = open_and_current(database), open_and_current(database, "0410024")
    looked = Looked()
    for minutes in range(LOOKS_BACK):
        found, looked = look(database, now=NOON + minutes * MINUTE, before=looked)
        assert found == Findings()
    later = NOON + LOOKS_BACK * MINUTE
    intake.record_payment(database, "0410023", payment(at=later))
    forget_words(database)
    for minutes in range(1, LOOKS_BACK + 3):
        found, looked = look(database, now=later + minutes * MINUTE, before=looked)
        assert found.unheard == (first,)
    intake.record_payment(database, "0410024", payment("T2", at=later))
    forget_words(database)
    long_since = Looked(through=(10**9,) * LOOKS_BACK, unheard=looked.unheard)
    assert look(database, now=later + 9 * MINUTE, before=long_since)[0].unheard == (first,)
    assert set(reconcile(database, now=later + 9 * MINUTE).unheard) == {first, second}


def test_where_more_was_found_than_fits_every_case_is_asked_again(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciler, "AT_MOST", 1)
    for account_no in ("0410023", "0410024"):
        open_and_current(database, account_no)
        intake.record_payment(database, account_no, payment(f"T{account_no}", at=NOON))
    found, looked = look(database, now=NOON + MINUTE, before=Looked(through=(0,) * LOOKS_BACK))
    assert len(found.unheard) == 1
    assert looked == Looked()
