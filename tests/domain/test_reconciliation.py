"""Ours beside theirs: the same facts agree in any order, and what is missing on either side is named."""

from datetime import date, datetime, timedelta
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from domain.account import Bill, LedgerFact, Payment, Reversal, Void, standing
from domain.calendars import CHINA
from domain.reconciliation import Theirs, difference, owed

DAY = datetime(2026, 6, 1, tzinfo=CHINA)
START = datetime(2026, 1, 1, 9, tzinfo=CHINA)
HOUR = timedelta(hours=1)
moments = st.integers(0, 24 * 200).map(lambda hours: START + HOUR * hours)


def bill(
    no: str, fen: int = 8640, *, due_on: date = date(2026, 3, 10), late_fee: int = 0, at: datetime = START
) -> Bill:
    return Bill(no=no, period="2026-02", amount_fen=fen, due_on=due_on, late_fee_fen=late_fee, at=at)


def paid(reference: str, fen: int, *bills: str, at: datetime = START) -> Payment:
    return Payment(reference=reference, amount_fen=fen, bills=bills, paid_at=at, at=at)


@st.composite
def ledgers(draw: st.DrawFn) -> list[LedgerFact]:
    """Bills with and without late fees, some corrected or taken back, payments, some taken back."""
    facts: list[LedgerFact] = []
    numbers = ["B1", "B2", "B3", "B4"]
    for no in numbers:
        due_on = date(2026, 1, 5) + timedelta(days=draw(st.integers(0, 160)))
        fee = draw(st.sampled_from([0, 350]))
        facts.append(bill(no, draw(st.integers(1, 20_000)), due_on=due_on, late_fee=fee, at=draw(moments)))
    for no, instead in (("B1", "B2"), ("B3", None)):
        if draw(st.booleans()):
            facts.append(Void(no=no, corrected_by=instead, reason="misread", at=draw(moments)))
    for index in range(draw(st.integers(0, 6))):
        at = draw(moments)
        names = draw(st.lists(st.sampled_from(numbers), max_size=2, unique=True))
        facts.append(paid(f"T{index}", draw(st.integers(1, 20_000)), *names, at=at))
        if draw(st.booleans()):
            facts.append(Reversal(reference=f"T{index}", at=at + HOUR))
    return facts


@given(ledgers(), moments, st.randoms(use_true_random=False))
def test_a_balance_of_any_moment_is_the_same_in_any_order_and_however_often_facts_come(
    facts: list[LedgerFact], as_of: datetime, chance: Random
) -> None:
    shuffled = [*facts, *chance.sample(facts, len(facts) // 2)]
    chance.shuffle(shuffled)
    assert standing(facts=shuffled, as_of=as_of) == standing(facts=facts, as_of=as_of)
    there = owed(shuffled, as_of=as_of)
    assert difference("1", facts, Theirs(balance_fen=sum(there.values()), bills=there), as_of=as_of) is None


@given(ledgers(), st.integers(1, 5000))
def test_a_balance_that_is_another_is_a_difference_of_that_much(facts: list[LedgerFact], more: int) -> None:
    there = sum(owed(facts, as_of=DAY).values()) + more
    found = difference("1", facts, Theirs(balance_fen=there), as_of=DAY)
    assert found is not None
    assert found.theirs_fen - found.ours_fen == more


def test_a_payment_that_is_missing_here_shows_at_its_bill() -> None:
    found = difference("1", [bill("B1"), bill("B2", 1000)], Theirs(balance_fen=1000, bills={"B2": 1000}), as_of=DAY)
    assert found is not None
    assert (found.kind, found.ours_fen, found.theirs_fen) == ("differs", 9640, 1000)
    assert [(each.no, each.kind, each.ours_fen, each.theirs_fen) for each in found.bills] == [
        ("B1", "paid-there", 8640, 0)
    ]


def test_a_payment_and_a_bill_that_they_do_not_have_show_too() -> None:
    facts = [bill("B1"), paid("T1", 8640)]
    found = difference("1", facts, Theirs(balance_fen=9000, bills={"B1": 8640, "B9": 360}), as_of=DAY)
    assert found is not None
    assert [(each.no, each.kind) for each in found.bills] == [("B1", "paid-here"), ("B9", "bill-not-here")]


def test_an_account_may_be_missing_on_either_side() -> None:
    strange = difference("1", None, Theirs(balance_fen=100), as_of=DAY)
    alone = difference("1", [bill("B1")], None, as_of=DAY)
    assert strange is not None
    assert alone is not None
    assert (strange.kind, alone.kind, alone.theirs_fen) == ("not-here", "not-there", 0)
    assert difference("1", None, Theirs(balance_fen=0), as_of=DAY) is None
    assert difference("1", [bill("B1"), paid("T1", 8640)], None, as_of=DAY) is None


def test_a_payment_put_to_another_bill_is_no_difference() -> None:
    facts = [bill("B1"), bill("B2"), paid("T1", 8640)]
    assert difference("1", facts, Theirs(balance_fen=8640, bills={"B1": 8640}), as_of=DAY) is None


def test_what_is_not_overdue_or_a_late_fee_or_void_does_not_count() -> None:
    facts = [
        bill("B1", late_fee=500),
        bill("B2", due_on=date(2026, 6, 1)),
        bill("B3"),
        Void(no="B3", reason="misread", at=START),
    ]
    assert owed(facts, as_of=DAY) == {"B1": 8640}
