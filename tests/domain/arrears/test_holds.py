"""Disputes, holds, plans and promises: the ladder stands still, the customer's periods with it, and goes on after."""

from datetime import date

import pytest

from domain.arrears.commands import (
    AgreePlan,
    DisputeBills,
    PlaceHold,
    ReleaseHold,
    ResolveDispute,
    TakePromise,
    WithdrawCase,
)
from domain.arrears.events import ClockStopped, ClockWentOn, HoldEnded, ReviewDue
from domain.refusals import Refused
from tests.domain.arrears.openings import APPROVE, DUNNING, LIMIT, LIMIT_NOTICE, SECOND, WANG, at, bill
from tests.domain.arrears.play import Play, opened


def noticed(*, second: str | None = None) -> Play:
    """A resident's case served on 12 March: the thirtieth day is Saturday 11 April, grace ends with Monday the 13th."""
    play = opened(
        bill("B1", "86.40", "2026-03-10"), *([bill("B2", second, "2026-03-10")] if second is not None else [])
    )
    play.decide(DUNNING, when="2026-03-12 10:00")
    return play


def grace_end(play: Play) -> object:
    return play.until("2026-07-30 00:00").openings(LIMIT_NOTICE)[0]


def ends(play: Play) -> list[tuple[str, str, object]]:
    return [(ended.kind, ended.how, ended.at) for ended in play.heard(HoldEnded)]


# Disputes.


def test_a_dispute_of_one_of_two_bills_lets_the_rest_go_on():
    play = noticed(second="90")
    play.instruct(DisputeBills, bills=("B2",), when="2026-03-16 10:00")
    assert (play.heard(ClockStopped), play.facts.owed().undisputed) == ([], 8640)
    assert grace_end(play) == at("2026-04-14 00:00")


def test_a_dispute_that_leaves_no_more_than_the_threshold_stops_the_ladder():
    play = noticed(second="50")
    play.instruct(DisputeBills, bills=("B1",), when="2026-03-16 10:00")
    assert len(play.heard(ClockStopped)) == 1
    assert play.until("2026-07-30 00:00").openings(LIMIT_NOTICE) == []


def test_a_dispute_of_no_more_than_the_threshold_stops_no_period():
    play = noticed(second="50")
    play.until("2026-03-15 10:00").pay("T-1", "86.40", "B1")
    play.instruct(DisputeBills, bills=("B2",), when="2026-03-16 10:00")
    assert (play.facts.owed().own, play.heard(ClockStopped)) == (5000, [])


def test_a_dispute_of_every_bill_stops_the_ladder_and_keeps_the_case_open():
    play = noticed(second="90")
    play.instruct(DisputeBills, bills=("B1", "B2"), when="2026-03-16 10:00")
    play.until("2026-12-30 00:00")
    assert (play.open(), play.facts.outcome, play.facts.stage) == ([], None, "grace")
    assert play.heard(ReviewDue)[0].because == "disputed"


def test_days_in_dispute_are_not_the_customers():
    play = noticed()
    play.instruct(DisputeBills, bills=("B1",), when="2026-03-16 10:00")
    play.instruct(ResolveDispute, bills=("B1",), when="2026-03-26 10:00")
    # The thirtieth day moves by ten, to Tuesday 21 April.
    assert grace_end(play) == at("2026-04-22 00:00")


def test_a_dispute_raised_and_resolved_on_one_day_moves_nothing():
    play = noticed()
    play.instruct(DisputeBills, bills=("B1",), when="2026-03-16 10:00")
    play.instruct(ResolveDispute, bills=("B1",), when="2026-03-16 17:00")
    assert grace_end(play) == at("2026-04-14 00:00")


def test_two_standstills_both_count():
    play = noticed()
    play.instruct(DisputeBills, bills=("B1",), when="2026-03-16 10:00")
    play.instruct(ResolveDispute, bills=("B1",), when="2026-03-20 10:00")
    play.instruct(PlaceHold, reason="meter check", when="2026-03-24 10:00", until=date(2026, 3, 30))
    # Four days, then six: 21 April again.
    assert grace_end(play) == at("2026-04-22 00:00")


def test_a_dispute_and_a_hold_at_the_same_time_count_once():
    play = noticed()
    play.instruct(DisputeBills, bills=("B1",), when="2026-03-16 10:00")
    play.instruct(PlaceHold, reason="meter check", when="2026-03-18 10:00")
    play.instruct(ResolveDispute, bills=("B1",), when="2026-03-20 10:00")
    play.instruct(ReleaseHold, when="2026-03-26 10:00")
    assert (len(play.heard(ClockStopped)), len(play.heard(ClockWentOn))) == (1, 1)
    assert grace_end(play) == at("2026-04-22 00:00")


def test_a_dispute_withdraws_the_open_task_and_a_resolution_asks_for_it_again():
    play = opened().drive(APPROVE)
    play.instruct(DisputeBills, bills=("B1",))
    assert (play.open(), play.task(APPROVE).status) == ([], "withdrawn")
    play.instruct(ResolveDispute, bills=("B1",))
    assert play.open() == [APPROVE]


def test_a_payment_for_the_rest_leaves_the_disputed_bill_and_the_case():
    play = noticed(second="90")
    play.instruct(DisputeBills, bills=("B2",), when="2026-03-16 10:00")
    play.pay("T", "86.40")
    assert (play.facts.outcome, play.facts.owed().owed) == (None, {"B2": 9000})
    play.instruct(ResolveDispute, bills=("B2",), when="2026-03-20 10:00")
    assert play.facts.stage == "grace"


def test_the_disputed_bill_alone_is_settled_by_a_payment_that_names_it():
    play = noticed()
    play.instruct(DisputeBills, bills=("B1",), when="2026-03-16 10:00")
    play.pay("T", "86.40", "B1")
    assert play.facts.outcome == "settled"


# Holds.


def test_a_hold_stops_everything_until_its_end():
    play = noticed()
    play.instruct(PlaceHold, reason="vulnerable review", when="2026-03-16 10:00", until=date(2026, 4, 30))
    play.until("2026-04-30 23:59:59")
    assert (play.open(), play.facts.stage) == ([], "grace")
    play.until("2026-05-01 00:00")
    assert ends(play) == [("hold", "over", at("2026-05-01 00:00"))]


def test_a_hold_until_a_day_counts_that_day_as_the_customers_no_more():
    play = noticed()
    play.instruct(PlaceHold, reason="meter check", when="2026-03-16 10:00", until=date(2026, 3, 26))
    assert grace_end(play) == at("2026-04-22 00:00")


def test_a_hold_until_an_instant_ends_then():
    play = noticed()
    play.instruct(PlaceHold, reason="meter check", when="2026-03-16 10:00", until=at("2026-03-26 15:00"))
    assert grace_end(play) == at("2026-04-22 00:00")
    assert ends(play) == [("hold", "over", at("2026-03-26 15:00"))]


def test_a_hold_released_early_goes_on_from_then():
    play = noticed()
    play.instruct(PlaceHold, reason="meter check", when="2026-03-16 10:00", until=date(2026, 5, 26))
    play.instruct(ReleaseHold, when="2026-03-26 10:00")
    assert grace_end(play) == at("2026-04-22 00:00")
    assert ends(play) == [("hold", "released", at("2026-03-26 10:00"))]


def test_a_hold_without_an_end_is_looked_at_every_review_term():
    play = noticed()
    play.instruct(PlaceHold, reason="court", when="2026-03-16 10:00")
    play.until("2026-06-01 00:00")
    assert [review.because for review in play.heard(ReviewDue)] == ["hold", "hold"]


def test_the_ladder_goes_on_only_when_the_last_hold_is_over():
    play = noticed()
    play.instruct(PlaceHold, reason="meter check", when="2026-03-16 10:00", until=date(2026, 3, 20))
    play.instruct(PlaceHold, reason="court", until=date(2026, 3, 26))
    assert grace_end(play) == at("2026-04-22 00:00")


def test_a_hold_on_the_last_days_of_a_period_leaves_it_what_was_left():
    play = noticed()
    play.instruct(PlaceHold, reason="meter check", when="2026-04-10 10:00", until=date(2026, 4, 20))
    # One day was left on the 10th: Tuesday the 21st.
    assert grace_end(play) == at("2026-04-22 00:00")


def test_a_hold_on_the_day_off_that_a_period_rolls_over_ends_with_a_day_of_work():
    play = noticed()
    play.instruct(PlaceHold, reason="meter check", when="2026-04-12 10:00", until=date(2026, 4, 18))
    # No day was left; Saturday the 18th rolls to Monday.
    assert grace_end(play) == at("2026-04-21 00:00")


def test_a_hold_after_a_period_does_not_bring_it_back():
    play = noticed().until("2026-04-14 09:00")
    play.instruct(PlaceHold, reason="meter check", until=date(2026, 4, 20))
    play.until("2026-04-21 00:00")
    assert play.openings(LIMIT_NOTICE) == [at("2026-04-14 00:00"), at("2026-04-21 00:00")]


def test_a_task_called_for_again_after_a_hold_has_its_whole_term():
    play = opened()
    play.decide(DUNNING, outcome="failed", reason="nobody in", when="2026-03-12 10:00")
    play.instruct(PlaceHold, reason="meter check", until=date(2026, 3, 30))
    play.until("2026-03-31 09:00")
    task = play.task(DUNNING)
    assert (task.opened_at, task.due_at, task.breached_at) == (at("2026-03-31 00:00"), at("2026-04-03 00:00"), None)


def test_during_a_hold_no_notice_is_served_and_nothing_is_approved():
    play = opened().drive(APPROVE)
    play.instruct(PlaceHold, reason="court")
    with pytest.raises(Refused) as refused:
        play.decide(APPROVE)
    assert (refused.value.code, play.open()) == ("interlock", [])


# Promises.


def test_a_promise_kept_settles_the_case_when_it_was_for_everything():
    play = noticed()
    play.instruct(TakePromise, by=WANG, amount="86.40", until=date(2026, 4, 20), when="2026-03-16 10:00")
    play.until("2026-04-20 23:59:59").pay("T", "86.40")
    assert (ends(play), play.facts.outcome) == ([("promise", "kept", at("2026-04-20 23:59:59"))], "settled")


def test_a_promise_kept_for_a_part_goes_on_with_the_rest_where_the_ladder_stood():
    play = noticed()
    play.instruct(TakePromise, amount="30", until=date(2026, 4, 20), when="2026-03-16 10:00")
    play.until("2026-03-26 10:00").pay("T", "30")
    assert ends(play) == [("promise", "kept", at("2026-03-26 10:00"))]
    assert grace_end(play) == at("2026-04-22 00:00")


@pytest.mark.parametrize("late", [False, True])
def test_a_promise_is_broken_at_the_end_of_its_day_and_not_before(late):
    play = noticed()
    play.instruct(TakePromise, amount="86.40", until=date(2026, 3, 26), when="2026-03-16 10:00")
    play.until(at("2026-03-27 00:00") - (0 * SECOND if late else SECOND))
    play.pay("T", "36.39")
    assert ends(play) == ([("promise", "broken", at("2026-03-27 00:00"))] if late else [])


def test_a_promise_paid_in_the_last_second_and_heard_of_after_it_is_kept():
    play = noticed()
    play.instruct(TakePromise, amount="30", until=date(2026, 3, 26), when="2026-03-16 10:00")
    play.until("2026-03-26 23:59:59").pay("T", "30", heard=False)
    play.until("2026-03-27 00:00")
    assert [how for _, how, _ in ends(play)] == ["kept"]


def test_after_a_broken_promise_the_period_goes_on_with_what_was_left():
    play = noticed()
    play.instruct(TakePromise, amount="86.40", until=date(2026, 3, 26), when="2026-03-16 10:00")
    assert grace_end(play) == at("2026-04-22 00:00")


def test_after_a_broken_promise_an_approval_given_before_still_stands():
    play = opened().drive(APPROVE)
    play.decide(APPROVE, when="2026-04-24 10:00")
    play.instruct(TakePromise, amount="86.40", until=date(2026, 4, 28))
    assert play.until("2026-04-28 12:00").openings(LIMIT) == []
    assert play.until("2026-04-29 09:00").openings(LIMIT) == [at("2026-04-29 08:30")]


def test_money_paid_before_a_promise_does_not_keep_it():
    play = noticed()
    play.pay("T", "30")
    play.instruct(TakePromise, amount="30", until=date(2026, 3, 26), when="2026-03-16 10:00")
    play.until("2026-03-27 00:00")
    assert [how for _, how, _ in ends(play)] == ["broken"]


def test_money_taken_back_does_not_keep_a_promise():
    play = noticed()
    play.instruct(TakePromise, amount="50", until=date(2026, 3, 26), when="2026-03-16 10:00")
    play.pay("T", "30")
    play.reverse("T")
    play.pay("U", "20")
    play.until("2026-03-27 00:00")
    assert [how for _, how, _ in ends(play)] == ["broken"]


# Plans.


PARTS = (
    {"amount": "30", "due_on": "2026-03-26"},
    {"amount": "30", "due_on": "2026-04-26"},
    {"amount": "26.40", "due_on": "2026-05-26"},
)


def planned() -> Play:
    play = noticed()
    play.instruct(AgreePlan, parts=PARTS, when="2026-03-16 10:00")
    return play


def test_a_plan_kept_to_its_last_part_settles_the_case():
    play = planned()
    for reference, amount, when in (("T", "30", "2026-03-26 20:00"), ("U", "30", "2026-04-20 10:00")):
        play.until(when).pay(reference, amount)
        assert (play.open(), play.facts.outcome) == ([], None)
    play.until("2026-05-26 23:59:59").pay("V", "26.40")
    assert (ends(play)[0][1], play.facts.outcome) == ("kept", "settled")


def test_a_plan_is_broken_at_the_first_part_that_is_not_covered():
    play = planned()
    play.until("2026-03-26 10:00").pay("T", "30")
    play.until("2026-07-30 00:00")
    assert ends(play) == [("plan", "broken", at("2026-04-27 00:00"))]
    # Stood still from 16 March to 26 April: 26 days were left, and the 26th is Friday 22 May.
    assert play.openings(LIMIT_NOTICE) == [at("2026-05-23 00:00")]


def test_more_than_a_part_counts_for_the_next():
    play = planned()
    play.until("2026-03-20 10:00").pay("T", "60")
    play.until("2026-05-26 23:59:59")
    assert ends(play) == []


def test_parts_agreed_in_any_order_are_due_in_order_of_time():
    play = noticed()
    play.instruct(AgreePlan, parts=PARTS[::-1], when="2026-03-16 10:00")
    play.until("2026-03-27 00:00")
    assert ends(play) == [("plan", "broken", at("2026-03-27 00:00"))]


def test_a_plan_agreed_while_another_stands_leaves_both_to_be_kept():
    play = planned()
    play.instruct(TakePromise, amount="10", until=date(2026, 3, 20), when="2026-03-17 10:00")
    play.until("2026-03-21 00:00")
    assert ends(play) == [("promise", "broken", at("2026-03-21 00:00"))]
    assert [hold.kind for hold in play.facts.holds] == ["plan"]


def test_a_plan_may_be_released():
    play = planned()
    play.instruct(ReleaseHold, when="2026-03-26 10:00")
    assert grace_end(play) == at("2026-04-22 00:00")


# The end.


def test_a_case_withdrawn_in_a_hold_ends():
    play = noticed()
    play.instruct(PlaceHold, reason="court", when="2026-03-16 10:00")
    play.instruct(WithdrawCase, reason="estate in bankruptcy")
    assert (play.facts.outcome, play.facts.stage, play.stages()[-1]) == ("withdrawn", "closed", "closed")


@pytest.mark.parametrize("key", [DUNNING, LIMIT_NOTICE, APPROVE])
def test_a_case_is_withdrawn_at_any_rung_and_its_task_with_it(key):
    play = opened().drive(key)
    play.instruct(WithdrawCase, reason="wrong account")
    assert (play.facts.outcome, play.task(key).status, play.open()) == ("withdrawn", "withdrawn", [])


def test_a_message_not_yet_sent_goes_with_a_case_withdrawn():
    play = opened(when="2026-03-11 22:30")
    play.instruct(WithdrawCase, reason="wrong account", when="2026-03-11 23:00")
    assert play.facts.messages == {}
    assert play.until("2026-03-13 00:00").next_wake is None
