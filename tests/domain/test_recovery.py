"""The recovery rate: which bills count where, and what counts as paid by when."""

from datetime import date, datetime
from decimal import Decimal
from itertools import pairwise

import pytest

from domain.account import Bill, Dispute, LedgerFact, Payment, Reversal, Void
from domain.calendars import CHINA
from domain.recovery import AGES, collected, due_between, meets, month_end, rate


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=CHINA)


def bill(no: str, due_on: str, fen: int = 10_000) -> Bill:
    return Bill(no=no, period=due_on[:7], amount_fen=fen, due_on=date.fromisoformat(due_on), at=at("2026-01-02"))


def paid(reference: str, when: str, fen: int = 10_000, *bills: str) -> Payment:
    return Payment(reference=reference, amount_fen=fen, bills=bills, paid_at=at(when), at=at(when))


def figures(facts: list[LedgerFact], *disputes: Dispute) -> dict[str, tuple[int, int, int]]:
    return {each.no: (each.month_fen, each.year_fen, each.paid_fen) for each in collected(facts, disputes)}


def test_a_payment_counts_in_the_month_by_whose_end_it_was_made() -> None:
    facts: list[LedgerFact] = [bill("A", "2026-03-10"), bill("B", "2026-03-12"), bill("C", "2026-12-05")]
    facts += [paid("1", "2026-03-31T23:59:59"), paid("2", "2026-04-01T00:00:01"), paid("3", "2027-01-02", 10_000, "C")]
    assert figures(facts) == {"A": (10_000, 10_000, 10_000), "B": (0, 10_000, 10_000), "C": (0, 0, 10_000)}


def test_a_payment_before_the_due_day_counts_and_one_taken_back_does_not() -> None:
    facts: list[LedgerFact] = [bill("A", "2026-03-31"), paid("1", "2026-03-05", 4_000)]
    assert figures(facts) == {"A": (4_000, 4_000, 4_000)}
    facts += [paid("2", "2026-03-20", 6_000), Reversal(reference="2", at=at("2026-05-02"))]
    assert figures(facts) == {"A": (4_000, 4_000, 4_000)}


def test_a_disputed_bill_stands_and_what_names_no_bill_passes_it_by() -> None:
    facts: list[LedgerFact] = [bill("A", "2026-03-10"), bill("B", "2026-03-12"), paid("1", "2026-03-20")]
    contested = Dispute(bill="A", started_at=at("2026-03-15"))
    assert figures(facts, contested) == {"A": (0, 0, 0), "B": (10_000, 10_000, 10_000)}
    assert [each.disputed for each in collected(facts, [contested])] == [True, False]


def test_a_bill_taken_back_is_none_and_the_one_in_its_place_is_due() -> None:
    facts: list[LedgerFact] = [bill("A", "2026-03-10"), bill("B", "2026-03-12", 4_000), paid("1", "2026-03-20", 4_000)]
    facts.append(Void(no="A", corrected_by="B", reason="misread", at=at("2026-03-15")))
    assert figures(facts) == {"B": (4_000, 4_000, 4_000)}


def test_a_month_ends_with_its_last_day() -> None:
    assert month_end(date(2026, 12, 5)) == at("2027-01-01")
    assert month_end(date(2026, 2, 28)) == at("2026-03-01")


@pytest.mark.clause("kaifeng.dunning.secure-recovery-rate")
def test_a_goal_is_reached_exactly_or_not_at_all() -> None:
    goal = Decimal("0.97")
    assert meets(9_700, 10_000, goal) is True
    assert meets(9_699_999, 10_000_000, goal) is False
    assert rate(9_699_999, 10_000_000) == Decimal("0.9699")
    assert meets(0, 0, goal) is None
    assert rate(0, 0) is None


def test_the_ages_meet_and_leave_nothing_out() -> None:
    today = date(2026, 6, 30)
    bounds = [due_between(age, today=today) for age in AGES]
    assert bounds[0] == (date(2026, 5, 31), date(2026, 6, 29))
    for (first, _), (_, last) in pairwise(bounds):
        assert first is not None
        assert (first - last).days == 1
    assert bounds[-1][0] is None
