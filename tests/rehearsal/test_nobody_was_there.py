"""Nobody is there for a fortnight, engine, relay and worker alike; they come back in the middle of the night.

What the doors took in meanwhile was stamped by them, so the case lives through its fortnight at once.
"""

from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta

import pytest
import pytest_asyncio
from sqlalchemy import select

from domain.account import Bill
from domain.calendars import CHINA
from policies.packs import load_calendar, load_pack
from rehearsal.clock import EngineClock, engine_clock
from rehearsal.stage import Stage, staged
from store import casebook, intake
from store.ledger import AccountRecord
from store.tables import cases, notices

pytestmark = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="module")]
OPENED_AT = datetime(2026, 3, 11, 23, 0, tzinfo=CHINA)
BACK_AT = datetime(2026, 3, 25, 3, 0, tzinfo=CHINA)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def clock() -> AsyncIterator[EngineClock]:
    async with engine_clock() as running:
        yield running


def escalations(stage: Stage) -> list[tuple[str, datetime]]:
    with stage.database.read() as connection:
        said = casebook.timeline(connection, stage.case_no)
    return [(entry.body["level"], entry.at) for entry in said if entry.event == "TaskEscalated"]


def sent(stage: Stage) -> list[datetime]:
    with stage.database.read() as connection:
        rows = connection.execute(select(notices.c.at).where(notices.c.status == "sent").order_by(notices.c.at))
        return [row.at for row in rows]


async def test_alarms_stand_at_their_own_instants_and_nobody_is_written_to_at_night(clock: EngineClock) -> None:
    pack = load_pack("jinan")
    bill = Bill(no="B1", period="2026-02", amount_fen=8640, due_on=date(2026, 3, 10), at=OPENED_AT)
    account = AccountRecord(no="0410099", customer_class="resident", estate="open", phone="13800138009")
    async with staged(clock, starts_at=BACK_AT, calendar=load_calendar(), crashes=False) as stage:
        place = intake.open_arrears(stage.database, account, [bill], pack=pack.name, at=OPENED_AT)
        stage.begin(place, process="arrears", subject=account.no)
        await stage.rest()

        # Each at the instant at which it came, in the hours of service, and none of them now.
        assert pack.arrears is not None
        rings = escalations(stage)
        assert [level for level, _ in rings] == ["section", "office", "centre"]
        assert rings[0][1] == datetime(2026, 3, 16, 8, 30, tzinfo=CHINA)
        hours = pack.arrears.escalation.value.service_hours
        assert all(hours.contains(at, load_calendar()) for _, at in rings)
        assert len({at for _, at in rings}) == 3

        morning = datetime(2026, 3, 25, 8, 30, tzinfo=CHINA)
        assert sent(stage) == []
        with stage.database.read() as connection:
            assert connection.scalar(select(cases.c.next_wake)) == morning
            said = casebook.timeline(connection, stage.case_no)
        held = [(entry.at, entry.body["not_before"]) for entry in said if entry.event == "MessageHeld"]
        assert [(instant >= BACK_AT, datetime.fromisoformat(until)) for instant, until in held] == [(True, morning)]
        await stage.hop_to(BACK_AT + timedelta(hours=6))
        assert sent(stage) == [morning]
