"""A dispute or a hold does not end with a case: the account's next one begins with it."""

from datetime import timedelta
from typing import Any

import pytest

from domain.account import Changed
from domain.arrears.carried import carried_over
from domain.arrears.commands import AgreePlan, DisputeBills, PlaceHold, ResolveDispute, TakePromise, WithdrawCase
from domain.arrears.events import BillDisputed, HoldPlaced
from domain.money import yuan
from tests.domain.arrears.openings import DAY, bill
from tests.domain.arrears.play import Play, opened


def of_next(play: Play, after: timedelta = DAY) -> list[tuple[str, Any]]:
    said = carried_over(play.facts, at=play.now + after)
    return [(each.bill, None) if isinstance(each, BillDisputed) else (each.kind, each.until) for each in said]


def withdrawn(play: Play) -> Play:
    play.instruct(WithdrawCase, reason="opened twice")
    assert play.facts.outcome == "withdrawn"
    return play


def test_a_dispute_outlives_a_case_that_was_withdrawn() -> None:
    play = opened(bill("B1", "86.40", "2026-03-10"), bill("B2", "90.00", "2026-03-10"))
    play.instruct(DisputeBills, bills=("B1",))
    assert of_next(withdrawn(play)) == [("B1", None)]


def test_a_dispute_outlives_a_payment_under_protest() -> None:
    play = opened()
    play.instruct(DisputeBills, bills=("B1",))
    play.pay("T1", "86.40", "B1")
    assert play.facts.outcome == "settled"
    assert of_next(play) == [("B1", None)]


def test_a_dispute_that_was_decided_is_over() -> None:
    play = opened()
    play.instruct(DisputeBills, bills=("B1",))
    play.instruct(ResolveDispute, bills=("B1",))
    assert of_next(withdrawn(play)) == []


@pytest.mark.parametrize(("ground", "stands"), [("court", True), ("meter-check", True), ("bank-in-transit", False)])
def test_a_hold_whose_ground_lies_in_the_customer_outlives_the_debt(ground: str, stands: bool) -> None:
    play = opened()
    play.instruct(PlaceHold, reason="r", ground=ground, evidence="f.pdf", reference="T9")
    placed = play.heard(HoldPlaced)[-1]
    play.pay("T1", "86.40")
    assert play.facts.outcome == "settled"
    assert of_next(play) == ([("hold", placed.until)] if stands else [])


def test_a_hold_that_is_over_by_then_is_not_carried_on_unless_somebody_has_to_look() -> None:
    play = opened()
    play.instruct(PlaceHold, reason="asked for time", until=play.now + DAY * 2)
    assert len(of_next(withdrawn(play), after=DAY)) == 1
    assert of_next(play, after=DAY * 2) == []


def test_a_hold_for_whoever_was_there_before_is_not_the_next_tenants() -> None:
    play = opened()
    play.instruct(PlaceHold, reason="died", ground="death", evidence="f.pdf")
    play.post(Changed(what="tenant", changed_on=(play.now + DAY).date(), at=play.now + timedelta(hours=1)))
    assert of_next(withdrawn(play)) == []


@pytest.mark.parametrize(("paid", "left"), [(None, [5000, 3640]), ("60.00", [2640]), ("86.40", None)])
def test_of_a_plan_what_is_not_paid_yet_is_carried_on(paid: str | None, left: list[int] | None) -> None:
    play = opened(bill("B1", "186.40", "2026-03-10"))
    days = [(play.now + DAY * no).date() for no in (5, 9)]
    told = tuple({"amount": yuan(fen), "due_on": day} for fen, day in zip((5000, 3640), days, strict=True))
    play.instruct(AgreePlan, parts=told)
    if paid is not None:
        play.pay("T1", paid)
    found = carried_over(withdrawn(play).facts, at=play.now + DAY)
    plans = [[part.amount_fen for part in each.parts] for each in found if isinstance(each, HoldPlaced)]
    assert plans == ([left] if left else [])


def test_a_promise_that_was_due_and_not_kept_is_not_carried_on() -> None:
    play = opened()
    play.instruct(TakePromise, amount=yuan(8640), until=play.now + DAY)
    assert len(of_next(withdrawn(play), after=timedelta(hours=1))) == 1
    assert of_next(play, after=DAY) == []


def test_a_hold_is_not_ended_by_a_change_that_brings_nobody_else() -> None:
    play = opened()
    play.instruct(PlaceHold, reason="in court", ground="court", evidence="f.pdf")
    play.post(Changed(what="suspended", changed_on=play.now.date(), at=play.now + timedelta(hours=1)))
    assert len(of_next(withdrawn(play))) == 1


def test_a_hold_placed_as_the_next_tenant_came_was_for_whoever_was_there_before() -> None:
    play = opened()
    play.instruct(PlaceHold, reason="in court", ground="court", evidence="f.pdf")
    play.post(Changed(what="owner", changed_on=(play.now + DAY).date(), at=play.now))
    assert of_next(withdrawn(play)) == []


def test_a_hold_that_somebody_has_to_look_at_is_carried_on_after_its_last_day() -> None:
    play = opened()
    play.instruct(PlaceHold, reason="in court", ground="court", evidence="f.pdf")
    assert len(of_next(withdrawn(play), after=DAY * 400)) == 1
