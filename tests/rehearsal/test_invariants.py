"""A store that breaks an invariant is seen to: each breach is planted in the store of a case that did no wrong."""

import json
import sqlite3
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from domain.account import Bill, Payment
from domain.calendars import CHINA
from domain.case import ends
from domain.commands import DecideTask
from domain.filling import filled
from domain.processes import TASKS
from domain.terms import Term
from policies.packs import load_calendar, load_pack
from rehearsal.clock import engine_clock
from rehearsal.files import DEFAULT_PEOPLE
from rehearsal.invariants import CHECKS, period_over_at, violations
from rehearsal.stage import Stage, staged
from store import intake
from store.database import Database
from store.ledger import AccountRecord

pytestmark = pytest.mark.engine
in_module = pytest.mark.asyncio(loop_scope="module")
NO = "0410023"
DEEDS = [
    ("2026-03-12T10:00", "collector", "arrears.serve-dunning-notice"),
    ("2026-04-15T10:00", "collector", "arrears.serve-limit-notice"),
    ("2026-04-21T09:30", "supervisor", "arrears.approve-limit"),
    ("2026-04-21T11:00", "engineer", "arrears.limit-pressure"),
]
Breach = Callable[[sqlite3.Connection], Any]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=CHINA)


def stored(text: str) -> str:
    """An instant as SQLite keeps it: UTC."""
    return (at(text) - timedelta(hours=8)).strftime("%Y-%m-%d %H:%M:%S.%f")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stores(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One case limited, then settled, then restored and closed: its store at each of these moments."""
    folder, opens = tmp_path_factory.mktemp("stores"), at("2026-03-11T09:00")
    calendar = load_calendar()
    async with engine_clock() as clock, staged(clock, starts_at=opens, calendar=calendar, crashes=False) as stage:
        bill = Bill(no="B1", period="2026-02", amount_fen=8640, due_on=date(2026, 3, 10), at=opens)
        account = AccountRecord(no=NO, customer_class="resident", phone="13800000000")
        place = intake.open_arrears(stage.database, account, [bill], pack=load_pack("jinan").name, at=opens)
        stage.begin(place, process="arrears", subject=NO)
        for moment, by, key in DEEDS:
            await _decide(stage, at(moment), by, key)
        found = {"limited": _kept(stage, folder / "limited.db")}
        await stage.hop_to(at("2026-04-22T09:00"))
        payment = Payment(reference="T-1", amount_fen=8640, paid_at=stage.now, at=stage.now)
        intake.record_payment(stage.database, NO, payment)
        await stage.rest()
        found["settled"] = _kept(stage, folder / "settled.db")
        await _decide(stage, at("2026-04-22T10:30"), "engineer", "arrears.restore")
        return found | {"closed": _kept(stage, folder / "closed.db")}


async def _decide(stage: Stage, moment: datetime, by: str, key: str) -> None:
    await stage.hop_to(moment)
    await stage.decide(DecideTask(by=DEFAULT_PEOPLE[by], at=moment, key=key, form=filled(TASKS[key].form, {})))
    await stage.rest()


def _kept(stage: Stage, path: Path) -> Path:
    with sqlite3.connect(stage.database.url.removeprefix("sqlite:///")) as there, sqlite3.connect(path) as here:
        there.backup(here)
    return path


def wrong(path: Path) -> list[str]:
    """What the checks say of the case in a store."""
    database, policy = Database(f"sqlite:///{path}", durable=False), load_pack("jinan").arrears
    assert policy is not None
    try:
        with database.read() as connection:
            return violations(connection, "QF-20260311-0001", policy, load_calendar())
    finally:
        database.close()


@in_module
@pytest.mark.parametrize("moment", ["limited", "settled", "closed"])
async def test_a_case_that_did_no_wrong_has_none_said_of_it(stores: dict[str, Path], moment: str) -> None:
    assert wrong(stores[moment]) == []


def instead_of(event: str, put: str, body: dict[str, Any], **columns: str) -> Breach:
    """The first entry of a kind, made into another."""

    def breach(store: sqlite3.Connection) -> None:
        values = {"event": put, "body": json.dumps(body), **columns}
        names = ", ".join(f'"{name}" = ?' for name in values)
        first = store.execute("SELECT min(id) FROM entries WHERE event = ?", [event]).fetchone()
        store.execute(f"UPDATE entries SET {names} WHERE id = ?", [*values.values(), *first])  # noqa: S608

    return breach


def sql(*statements: str) -> Breach:
    return lambda store: [store.execute(statement) for statement in statements]


def paid_first(store: sqlite3.Connection) -> None:
    """A payment that the ledger had an hour before the order went out, and that the case never took in."""
    when = at("2026-04-21T08:30")
    body = Payment(reference="T-0", amount_fen=8640, paid_at=when, at=when).model_dump(mode="json")
    store.execute(
        "INSERT INTO ledger (kind, unique_key, account_no, body, at) VALUES ('payment', 'T-0', ?, ?, ?)",
        [NO, json.dumps(body), stored("2026-04-21T08:30")],
    )


def moved(rows: str, to: str) -> Breach:
    """Rows (`table WHERE …`) to another instant."""
    table, _, where = rows.partition(" WHERE ")
    return lambda store: store.execute(f"UPDATE {table} SET at = ? WHERE {where or 1}", [stored(to)])  # noqa: S608


def copied(table: str, **columns: str) -> Breach:
    """A row again, with other values (SQL) in some columns."""

    def breach(store: sqlite3.Connection) -> None:
        names = [row[1] for row in store.execute(f"PRAGMA table_info({table})") if row[1] != "id"]
        quoted = ", ".join(f'"{name}"' for name in names)
        values = ", ".join(columns.get(name, f'"{name}"') for name in names)
        store.execute(f"INSERT INTO {table} ({quoted}) SELECT {values} FROM {table} LIMIT 1")  # noqa: S608

    return breach


def in_turn(*breaches: Breach) -> Breach:
    return lambda store: [breach(store) for breach in breaches]


REMIND = "UPDATE entries SET body = json_set(body, '$.key', 'reminder-9') WHERE event = 'MessageDue' AND sequence = 2"
LIMIT_NOTICE = "entries WHERE event = 'NoticeServed' AND body LIKE '%serve-limit%'"
HOLD = {"id": "hold-1", "kind": "hold", "reason": "court", "until": None, "parts": []}
UNABLE = {"order_no": "QF-20260311-0001-L1", "reason": "locked", "retry_at": "2026-04-22T08:30:00+08:00"}
ANOTHER = {
    "key": "limit-notice-9",
    "template": "limit-notice",
    "channel": "sms",
    "not_before": "2026-04-14T09:00:00+08:00",
}
TWICE = """
    UPDATE entries SET event = 'PaymentRecorded', body = (SELECT body FROM entries WHERE event = 'PaymentRecorded')
    WHERE event = 'LimitApproved'
"""
CASE_2 = {"case_no": "'QF-20260311-0002'"}
PLANTED: list[tuple[int, str, str, Breach]] = [
    (1, "limited", "for 0.00 of undisputed", paid_first),
    (1, "limited", "for 0.00 of undisputed", instead_of("MessageSettled", "BillDisputed", {"bill": "B1"})),
    (1, "limited", "while hold-1 stood", instead_of("MessageSettled", "HoldPlaced", HOLD)),
    (1, "limited", "protected as hospital", sql("UPDATE accounts SET protected = '[\"hospital\"]'")),
    (2, "limited", "serve-dunning-notice was not served", instead_of("NoticeServed", "ReviewDue", {"because": "x"})),
    (2, "limited", "served without proof", sql("UPDATE entries SET body = json_remove(body, '$.form.photo')")),
    (2, "limited", "the period notice runs until", moved(LIMIT_NOTICE, "2026-04-18T10:00")),
    (2, "limited", "nobody approved", instead_of("LimitApproved", "DeferralEnded", {})),
    (2, "limited", "their own work", instead_of("LimitApproved", "LimitApproved", {}, by="collector")),
    (
        2,
        "limited",
        "outside the hours",
        sql("UPDATE entries SET at = datetime(at, '+8 hours') WHERE event LIKE 'Limit%'"),
    ),
    (
        2,
        "limited",
        "with 0.00 of debt that a served notice spoke of",
        sql("UPDATE ledger SET body = json_set(body, '$.due_on', '2026-04-17')"),
    ),
    (3, "limited", "right after notified", sql("UPDATE entries SET event = 'ReviewDue' WHERE body LIKE '%\"grace\"%'")),
    (
        3,
        "limited",
        "the period grace runs until",
        moved("entries WHERE event = 'TaskOpened'", "2026-04-01T10:00"),
    ),
    (3, "settled", "with 86.40 overdue", instead_of("LimitApproved", "StageEntered", {"stage": "settled"})),
    (4, "settled", "0 restores are open", sql("UPDATE tasks SET status = 'withdrawn' WHERE key = 'arrears.restore'")),
    (
        4,
        "settled",
        "2 restores are open",
        in_turn(
            copied("tasks", task_id="'x'"),
            sql("UPDATE tasks SET key = 'arrears.restore', status = 'open' WHERE task_id = 'x'"),
        ),
    ),
    (
        4,
        "limited",
        "0 restores are open",
        sql("UPDATE ledger SET body = json_set(body, '$.due_on', '2026-04-17') WHERE kind = 'bill'"),
    ),
    (4, "settled", "no due time", sql("UPDATE tasks SET due_at = NULL")),
    (
        4,
        "limited",
        "nothing to restore",
        in_turn(
            sql("UPDATE tasks SET status = 'open', key = 'arrears.restore' WHERE key = 'arrears.limit-pressure'"),
            instead_of("PressureLimited", "LimitNotPossible", UNABLE),
        ),
    ),
    (4, "settled", "is out and nothing is owed", sql("UPDATE limit_orders SET status = 'issued'")),
    (4, "closed", "left the valve as it was", instead_of("WaterRestored", "ReviewDue", {"because": "x"})),
    (
        5,
        "limited",
        "2 messages limit-notice",
        in_turn(copied("notices", key="'limit-notice-9'"), instead_of("PeriodEnded", "MessageDue", ANOTHER)),
    ),
    (5, "closed", "nothing was owed any more", moved("notices", "2026-04-22T12:00")),
    (5, "limited", "no entry called for it", sql(REMIND)),
    (5, "limited", "in quiet hours", moved("notices", "2026-03-12T23:00")),
    (6, "limited", "the case says 0.01", sql("UPDATE cases SET amount_fen = 1")),
    (6, "limited", "the case says 86.40", sql("UPDATE ledger SET body = json_set(body, '$.amount_fen', 9000)")),
    (6, "settled", "taken in more than once", sql(TWICE)),
    (
        7,
        "limited",
        "has open cases",
        in_turn(copied("openings", **CASE_2, open_subject="NULL"), copied("cases", **CASE_2)),
    ),
    (7, "limited", "place free", sql("UPDATE openings SET open_subject = NULL")),
    (7, "limited", "the case shows stage reminded", sql("UPDATE cases SET stage = 'reminded'")),
    (7, "closed", "the case shows closed (settled)", sql("UPDATE cases SET outcome = 'settled'")),
    (
        8,
        "limited",
        "do not grow",
        copied("limit_orders", order_no="'x'", fence="0", issued_at=f"'{stored('2026-04-21T12:00')}'"),
    ),
    (
        8,
        "limited",
        "out beside a later one",
        in_turn(
            copied("limit_orders", order_no="'x'", fence="2", issued_at=f"'{stored('2026-04-21T12:00')}'"),
            sql("UPDATE limit_orders SET status = 'issued'"),
        ),
    ),
    (8, "limited", "the record another", sql("UPDATE limit_orders SET fence = 7")),
    (9, "limited", "other facts: orders_issued", sql("UPDATE cases SET facts = json_set(facts, '$.orders_issued', 0)")),
    (10, "limited", "its content was changed", sql("UPDATE entries SET by = 'nobody' WHERE sequence = 4")),
    (10, "limited", "the end differs", sql("DELETE FROM entries WHERE id = (SELECT max(id) FROM entries)")),
    (10, "limited", "is open, on record decided", sql("UPDATE tasks SET status = 'open'")),
    (10, "limited", "has no row", sql("DELETE FROM tasks WHERE key = 'arrears.approve-limit'")),
    (10, "limited", "order x has a row and no entry", copied("limit_orders", order_no="'x'", fence="2")),
    (10, "limited", "message reminder-1 is failed", sql("UPDATE notices SET status = 'failed'")),
    (11, "limited", "who did the work", sql("UPDATE entries SET by = 'collector' WHERE event = 'TaskDecided'")),
    (
        12,
        "limited",
        "no timer, no task",
        in_turn(sql("UPDATE cases SET next_wake = NULL"), sql("UPDATE tasks SET status = 'decided'")),
    ),
    (12, "closed", "is open", sql("UPDATE tasks SET status = 'open' WHERE key = 'arrears.restore'")),
]


@in_module
@pytest.mark.parametrize(
    ("number", "moment", "said", "breach"), PLANTED, ids=[f"{n}: {said}" for n, _, said, _ in PLANTED]
)
async def test_a_planted_breach_is_seen(
    stores: dict[str, Path], tmp_path: Path, number: int, moment: str, said: str, breach: Breach
) -> None:
    path = tmp_path / "store.db"
    path.write_bytes(stores[moment].read_bytes())
    with sqlite3.connect(path) as store:
        breach(store)
    store.close()
    seen = wrong(path)
    assert any(each.startswith(f"{number}: ") and said in each for each in seen), seen


@in_module
async def test_a_number_without_a_record_is_seen(stores: dict[str, Path], tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    path.write_bytes(stores["limited"].read_bytes())
    with sqlite3.connect(path) as store:
        store.execute("DELETE FROM cases")
    store.close()
    assert wrong(path) == ["12: case QF-20260311-0001 has its number and no record"]


def test_every_invariant_has_a_breach_planted() -> None:
    assert {number for number, *_ in PLANTED} == set(CHECKS)


TERMS = ["P0D", "P3D", "P15D", "P30D", "5WD", "PT36H"]


@given(
    term=st.sampled_from(TERMS),
    roll=st.booleans(),
    served_after=st.integers(0, 300 * 24),
    gaps=st.lists(st.integers(0, 240), max_size=6),
)
def test_a_period_counted_day_by_day_ends_when_the_terms_say(
    term: str, roll: bool, served_after: int, gaps: list[int]
) -> None:
    counted = Term.parse(term, roll=roll and not term.startswith("PT"))
    served_at = at("2026-01-01T00:00") + timedelta(hours=served_after)
    moments = [served_at + timedelta(hours=sum(gaps[: count + 1])) for count in range(len(gaps))]
    stops = list(zip(moments[::2], moments[1::2], strict=False))
    expected = ends(term=counted, started_at=served_at, paused=stops, calendar=load_calendar()).at
    assert period_over_at(term=counted, served_at=served_at, stops=[*stops], calendar=load_calendar()) == expected


def test_a_period_that_stands_still_is_not_over() -> None:
    served_at, stopped_at = at("2026-03-12T10:00"), at("2026-03-20T09:00")
    term = Term.parse("P15D", roll=True)
    assert period_over_at(term=term, served_at=served_at, stops=[(stopped_at, None)], calendar=load_calendar()) is None
