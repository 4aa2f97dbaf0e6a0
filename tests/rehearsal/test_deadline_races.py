"""Money a millisecond before, at and after each deadline, on the real workflow: told first, and after the timer fired.

The grid is in `tests/domain/arrears/test_deadline_races.py`; here are the orders that only an engine has.
"""

from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import date, datetime, timedelta

import pytest
import pytest_asyncio

from domain.account import Bill, Payment
from domain.calendars import CHINA
from domain.commands import DecideTask
from domain.filling import filled
from domain.processes import TASKS
from domain.refusals import Refused
from policies.packs import load_calendar, load_pack
from rehearsal.clock import EngineClock, engine_clock
from rehearsal.files import DEFAULT_PEOPLE
from rehearsal.invariants import violations
from rehearsal.stage import Stage, staged
from store import casebook, intake
from store.ledger import AccountRecord

pytestmark = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="module")]
NO = "0410055"
MS = timedelta(milliseconds=1)
OPENED_AT = datetime(2026, 3, 11, 9, tzinfo=CHINA)
DUNNED = (datetime(2026, 3, 12, 10, tzinfo=CHINA), "arrears.serve-dunning-notice")
TOLD = (datetime(2026, 4, 15, 10, tzinfo=CHINA), "arrears.serve-limit-notice")
BY_DAY = (datetime(2026, 4, 21, 9, 30, tzinfo=CHINA), "arrears.approve-limit")
BY_NIGHT = (datetime(2026, 4, 21, 18, tzinfo=CHINA), "arrears.approve-limit")
DEADLINES = {
    "the end of the grace": (datetime(2026, 4, 14, tzinfo=CHINA), [DUNNED], None),
    "the end of the notice": (datetime(2026, 4, 21, tzinfo=CHINA), [DUNNED, TOLD], None),
    "the approval": (datetime(2026, 4, 21, 9, 30, tzinfo=CHINA), [DUNNED, TOLD], "arrears.approve-limit"),
    "the order": (datetime(2026, 4, 22, 8, 30, tzinfo=CHINA), [DUNNED, TOLD, BY_NIGHT], None),
    "the valve": (datetime(2026, 4, 21, 11, tzinfo=CHINA), [DUNNED, TOLD, BY_DAY], "arrears.limit-pressure"),
}


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def clock() -> AsyncIterator[EngineClock]:
    async with engine_clock() as running:
        yield running


async def decide(stage: Stage, key: str) -> None:
    command = DecideTask(by=DEFAULT_PEOPLE[TASKS[key].role], at=stage.now, key=key, form=filled(TASKS[key].form, {}))
    await stage.decide(command)


async def move(stage: Stage, to: datetime) -> None:
    """The clock goes on and timers fire; whatever word is on its way stays there."""
    await stage.clock.advance(to - (await stage.clock.now() + stage.shift))
    stage.now = max(stage.now, to)


@pytest.mark.parametrize("told_first", [True, False], ids=["told first", "the timer first"])
@pytest.mark.parametrize("name", DEADLINES)
async def test_whoever_pays_around_a_deadline_is_not_limited(clock: EngineClock, name: str, told_first: bool) -> None:
    for ms in (-1, 0, 1):
        async with staged(clock, starts_at=OPENED_AT, calendar=load_calendar(), crashes=False) as stage:
            await race(stage, name, ms * MS, told_first=told_first)


async def race(stage: Stage, name: str, offset: timedelta, *, told_first: bool) -> None:
    pack = load_pack("jinan")
    assert pack.arrears is not None
    deadline, before, key = DEADLINES[name]
    bill = Bill(no="B1", period="2026-02", amount_fen=8640, due_on=date(2026, 3, 10), at=OPENED_AT)
    account = AccountRecord(no=NO, customer_class="resident", phone="13800000000")
    place = intake.open_arrears(stage.database, account, [bill], pack=pack.name, at=OPENED_AT)
    stage.begin(place, process="arrears", subject=NO)
    for moment, done in before:
        await stage.hop_to(moment)
        await decide(stage, done)
    await stage.hop_to(deadline - timedelta(seconds=2))

    paid_at = deadline + offset
    for moment in sorted({paid_at, deadline}):
        await move(stage, moment)
        if moment == paid_at:
            payment = Payment(reference="T-1", amount_fen=8640, paid_at=paid_at, at=paid_at)
            intake.record_payment(stage.database, NO, payment)
            if told_first:
                await stage.rest()
        if moment == deadline and key is not None:
            with suppress(Refused):
                await decide(stage, key)
        if moment == deadline:
            await stage.rest()  # deals with the timer before it takes word
    await stage.hop_to(deadline + timedelta(seconds=2))
    await stage.rest()

    limited = name == "the valve" and paid_at > deadline
    with stage.database.read() as connection:
        said = casebook.timeline(connection, stage.case_no)
        assert violations(connection, stage.case_no, pack.arrears, load_calendar()) == []
    events = [entry.event for entry in said]
    assert events.count("PressureLimited") == limited
    ordered = "LimitOrderIssued" in events
    assert [task.key for task in stage.open_tasks()] == (["arrears.restore"] if ordered else [])
    assert ordered or events[-1] == "CaseClosed"
