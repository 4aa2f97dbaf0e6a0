"""A case that an earlier build left limited for debt that nobody was told of: the next thing it hears mends it."""

from datetime import date, datetime, timedelta

import pytest

from domain.account import Bill, Payment
from domain.arrears import ladder
from domain.calendars import CHINA
from domain.commands import DecideTask
from domain.filling import filled
from domain.processes import TASKS
from policies.packs import load_calendar, load_pack
from rehearsal.clock import engine_clock
from rehearsal.files import DEFAULT_PEOPLE
from rehearsal.stage import Stage, staged
from store import intake
from store.ledger import AccountRecord

pytestmark = pytest.mark.engine
NO = "0410077"
OPENED_AT = datetime(2026, 3, 11, 9, tzinfo=CHINA)
DEEDS = [
    (datetime(2026, 3, 12, 10, tzinfo=CHINA), "arrears.serve-dunning-notice"),
    (datetime(2026, 4, 15, 10, tzinfo=CHINA), "arrears.serve-limit-notice"),
    (datetime(2026, 4, 21, 9, 30, tzinfo=CHINA), "arrears.approve-limit"),
    (datetime(2026, 4, 21, 11, tzinfo=CHINA), "arrears.limit-pressure"),
]
PAID_AT = datetime(2026, 4, 24, 20, tzinfo=CHINA)


def a_bill(no: str, due_on: date, at: datetime) -> Bill:
    return Bill(no=no, period="2026", amount_fen=9000, due_on=due_on, at=at)


def pay(stage: Stage, reference: str, fen: int) -> None:
    payment = Payment(reference=reference, amount_fen=fen, bills=("B1",), paid_at=stage.now, at=stage.now)
    intake.record_payment(stage.database, NO, payment)


async def test_a_case_left_limited_for_an_untold_bill_restores_at_the_next_word(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pack = load_pack("jinan").name
    async with (
        engine_clock() as clock,
        staged(clock, starts_at=OPENED_AT, calendar=load_calendar(), crashes=True) as stage,
    ):
        with monkeypatch.context() as earlier:
            earlier.setattr(ladder, "begins_anew", lambda facts, policy: False)
            await stage.players.crash()
            account = AccountRecord(no=NO, customer_class="resident", phone="13800000000")
            bill = a_bill("B1", date(2026, 3, 10), OPENED_AT)
            place = intake.open_arrears(stage.database, account, [bill], pack=pack, at=OPENED_AT)
            stage.begin(place, process="arrears", subject=NO)
            for moment, key in DEEDS:
                await stage.hop_to(moment)
                by = DEFAULT_PEOPLE[TASKS[key].role]
                await stage.decide(DecideTask(by=by, at=moment, key=key, form=filled(TASKS[key].form, {})))
            await stage.hop_to(PAID_AT - timedelta(days=1))
            later = a_bill("B2", date(2026, 4, 22), stage.now)
            intake.add_bill(stage.database, NO, later, pack=pack, at=stage.now)
            await stage.hop_to(PAID_AT)
            pay(stage, "T-1", 9000)
            await stage.rest()
            assert stage.open_tasks() == []
        await stage.players.crash()
        await stage.hop_to(PAID_AT + timedelta(days=1))
        assert stage.open_tasks() == []
        pay(stage, "T-2", 1)
        await stage.rest()
        (task,) = stage.open_tasks()
        assert (task.key, task.opened_at) == ("arrears.restore", stage.now)
        # And what it says then replays: another worker finds the same case.
        await stage.players.crash()
        await stage.hop_to(stage.now + timedelta(hours=1))
        assert [each.key for each in stage.open_tasks()] == ["arrears.restore"]
