"""Debts as people really pay them, on the real workflows: whatever they do, every invariant holds.

A log of our own, small and invented, always runs; a real one of the same shape (see `bench/fines.py`) runs where
`GUANJIA_FINES` names it.
"""

import os
from collections.abc import AsyncIterator
from datetime import date, datetime
from pathlib import Path

import pytest
import pytest_asyncio

from bench.fines import Figures, play_all, told
from domain.account import Bill
from domain.calendars import CHINA
from policies.packs import load_calendar, load_pack
from rehearsal.clock import EngineClock, engine_clock
from rehearsal.debts import Deed, Fine, read_fines
from rehearsal.invariants import CHECKS
from rehearsal.stage import staged
from store import intake, outbox
from store.ledger import AccountRecord

pytestmark = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="module")]
SEED = 2026
LOG = """\
amount,case:concept:name,concept:name,dismissal,expense,paymentAmount,time:timestamp,totalPaymentAmount
80.0,A1,Create Fine,NIL,,0.0,2005-03-01 00:00:00+01:00,0.0
,A1,Payment,,,80.0,2005-03-05 00:00:00+01:00,80.0
36.0,A2,Create Fine,NIL,,0.0,2005-01-10 00:00:00+01:00,0.0
,A2,Send Fine,,11.0,,2005-04-07 00:00:00+02:00,
120.0,A3,Create Fine,NIL,,0.0,2005-02-01 00:00:00+01:00,0.0
,A3,Send Fine,,11.0,,2005-04-12 00:00:00+02:00,
,A3,Payment,,,131.0,2005-04-20 16:20:00+02:00,131.0
35.0,A4,Create Fine,NIL,,0.0,2005-02-01 00:00:00+01:00,0.0
,A4,Send Fine,,13.0,,2006-05-02 00:00:00+02:00,
71.5,A4,Add penalty,,,,2006-07-01 00:00:00+02:00,
,A4,Payment,,,49.25,2006-11-28 00:00:00+01:00,49.25
,A4,Send for Credit Collection,,,,2007-02-01 00:00:00+01:00,
,A4,Payment,,,35.25,2007-02-20 00:00:00+01:00,84.5
148.0,A5,Create Fine,NIL,,0.0,2005-02-01 00:00:00+01:00,0.0
,A5,Send Fine,,0.0,,2005-06-01 00:00:00+02:00,
,A5,Insert Date Appeal to Prefecture,,,,2005-06-20 00:00:00+02:00,
,A5,Notify Result Appeal to Offender,NIL,,,2005-08-01 00:00:00+02:00,
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def clock() -> AsyncIterator[EngineClock]:
    async with engine_clock() as clock:
        yield clock


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "fines.csv"
    path.write_text(LOG, encoding="utf-8")
    return path


async def test_the_log_moves_as_a_whole_and_keeps_its_weekdays(log: Path) -> None:
    fines = {fine.no: fine for fine in read_fines(log)}
    assert fines["A1"].sent_on is None
    assert fines["A2"].sent_on == date(2026, 1, 1)  # 7 April 2005 was a Thursday too
    assert fines["A3"].sent_on == date(2026, 1, 6)
    assert fines["A4"].sent_on == date(2026, 1, 27)  # 390 days after the first: folded back by 52 weeks


async def test_a_fine_is_a_bill_its_penalty_another_and_a_payment_keeps_its_hour(log: Path) -> None:
    fines = {fine.no: fine for fine in read_fines(log)}
    assert [(deed.no, deed.amount_fen, deed.late_fee_fen) for deed in _of("bill", fines["A4"])] == [
        ("B1", 3500, 1300),
        ("B2", 3650, 0),
    ]
    assert [deed.amount_fen for deed in _of("pay", fines["A4"])] == [4925, 3525]
    assert _of("pay", fines["A3"])[0].at == datetime(2026, 1, 14, 16, 20, tzinfo=CHINA)
    assert 10 <= _of("pay", fines["A4"])[0].at.hour < 15
    assert [deed.kind for deed in fines["A5"].deeds][-2:] == ["dispute", "resolve"]


async def test_a_log_of_another_shape_is_refused_by_name(tmp_path: Path) -> None:
    other = tmp_path / "receipt.csv"
    other.write_text("case,event\n1,arrived\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"receipt\.csv: no log of fines: columns amount, "):
        read_fines(other)


async def test_every_invariant_holds_for_invented_debts(log: Path, clock: EngineClock) -> None:
    until = datetime(2026, 12, 31, tzinfo=CHINA)
    figures = await play_all(read_fines(log), clock, pack="jinan", seed=SEED, until=until)
    assert figures.violations == []
    assert (figures.never_sent, figures.opened) == (1, 4)
    assert figures.open_at["reminded (below-threshold)"] == 1  # A2 owes 36 yuan: it is reminded of and no more
    before_any_limit = ("reminded, settled", "notified, settled", "grace, settled")
    assert sum(figures.settled_in[name] for name in before_any_limit) == 1  # A3 pays all within days
    assert figures.events["PressureLimited"] >= 2  # A4 and A5 come to the limit, late staff or not
    assert figures.events["BillDisputed"] == 1
    assert figures.checks > 50 * len(CHECKS)
    assert figures.refusals == {}


async def test_every_invariant_holds_where_contacts_come_first(log: Path, clock: EngineClock) -> None:
    until = datetime(2026, 6, 30, tzinfo=CHINA)
    fines = [fine for fine in read_fines(log) if fine.no in ("A3", "A5")]
    figures = await play_all(fines, clock, pack="kaifeng", seed=SEED, until=until)
    assert figures.violations == []
    assert figures.events["ContactRecorded"] >= 2


async def test_word_from_billing_at_the_very_instant_of_a_wake_waits_for_it(clock: EngineClock) -> None:
    opens = datetime(2026, 1, 13, 9, tzinfo=CHINA)
    async with staged(clock, starts_at=opens, calendar=load_calendar(), crashes=False) as stage:
        bill = Bill(no="B1", period="2026-01", amount_fen=3000, due_on=date(2026, 1, 12), at=opens)
        account = AccountRecord(no="1", customer_class="resident", phone="13800000000")
        place = intake.open_arrears(stage.database, account, [bill], pack=load_pack("jinan").name, at=opens)
        stage.begin(place, process="arrears", subject=account.no)
        for _ in range(3):
            wake = await stage.rest()
            assert wake is not None
            with stage.database.write() as connection:
                outbox.put(connection, kind="nudge", process="arrears", subject=account.no, at=wake)
            await stage.hop_to(wake)
            later = await stage.rest()
            assert later is not None
            assert later > wake


async def test_every_invariant_holds_for_real_debts(clock: EngineClock) -> None:
    if not (path := os.environ.get("GUANJIA_FINES")):
        pytest.skip("no real log: name one in GUANJIA_FINES")
    fines = read_fines(Path(path))
    figures: Figures = await play_all(fines, clock, pack="jinan", seed=SEED)
    assert figures.violations == [], told(figures)
    assert figures.opened + figures.never_sent + figures.paid_before_due == len(fines)


def _of(kind: str, fine: Fine) -> list[Deed]:
    return [deed for deed in fine.deeds if deed.kind == kind]
