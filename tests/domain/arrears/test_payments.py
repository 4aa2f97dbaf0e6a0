"""What the ledger brings: part payments, payments repeated or taken back, second bills, closing and coming back."""

import pytest

from domain.account import Bill, Payment, Reversal
from domain.arrears.commands import DisputeBills, PlaceHold, RecordContact, ResolveDispute, WithdrawCase
from domain.arrears.events import (
    BillFellOverdue,
    BillRecorded,
    LadderRestarted,
    LimitApproved,
    MessageDue,
    PaymentRecorded,
    PaymentReversed,
)
from domain.case import CalendarPublished, CaseClosed, CaseReopened
from domain.money import fen
from tests.domain.arrears.openings import (
    APPROVE,
    DAY,
    DUNNING,
    HOUR,
    LIMIT,
    LIMIT_NOTICE,
    RESTORE,
    SECOND,
    WANG,
    at,
    bill,
)
from tests.domain.arrears.play import Play, opened


def noticed() -> Play:
    """A case in its grace period, which ends with 13 April."""
    play = opened()
    play.decide(DUNNING, when="2026-03-12 10:00")
    return play


def restored() -> Play:
    """A case limited, paid, restored and closed."""
    play = opened().drive(LIMIT)
    play.decide(LIMIT)
    play.pay("T", "86.40")
    play.decide(RESTORE)
    assert play.facts.outcome == "restored"
    return play


# Paid.


@pytest.mark.parametrize("key", [DUNNING, LIMIT_NOTICE, APPROVE])
def test_a_payment_withdraws_the_task_that_is_open_and_settles_the_case(key):
    play = opened().drive(key)
    play.pay("T", "86.40")
    assert (play.task(key).status, play.facts.outcome, play.stages()[-1]) == ("withdrawn", "settled", "settled")
    assert [closed.at for closed in play.heard(CaseClosed)] == [play.now]


def test_a_settled_case_says_nothing_more():
    play = opened()
    play.pay("T", "86.40")
    said = len(play.said)
    play.until("2027-03-11 00:00")
    assert (len(play.said), play.next_wake) == (said, None)


def test_the_same_payment_reported_a_thousand_times_has_one_effect():
    play = noticed()
    for _ in range(1000):
        play.pay("T", "30")
    assert len(play.heard(PaymentRecorded)) == 1
    assert play.facts.owed().overdue == 5640


def test_a_part_payment_keeps_the_stage_and_the_period():
    play = noticed()
    play.pay("T", "36.39")
    assert play.facts.stage == "grace"
    assert play.until("2026-05-30 00:00").openings(LIMIT_NOTICE) == [at("2026-04-14 00:00")]


def test_paid_down_to_the_threshold_the_ladder_stands_still_and_the_case_stays_open():
    play = noticed()
    play.pay("T", "36.40")
    play.until("2026-12-30 00:00")
    assert (play.openings(LIMIT_NOTICE), play.facts.outcome, play.facts.stage) == ([], None, "grace")
    assert play.next_wake is not None


def test_what_was_paid_too_much_nets_the_next_bill():
    play = noticed()
    play.pay("T", "60")
    play.pay("U", "100")
    assert play.facts.owed().prepaid == fen("73.60")


def test_a_late_fee_alone_keeps_no_case_open():
    play = opened(bill("B1", "86.40", "2026-03-10", late_fee="5"))
    play.pay("T", "86.40")
    assert (play.facts.outcome, play.facts.owed().late_fees) == ("settled", 500)


def test_facts_are_taken_in_by_their_time_not_by_their_place_in_the_ledger():
    # Two doors: the second stamped first. Neither may be lost, whatever was read last.
    play = noticed()
    early, late = play.now + SECOND, play.now + HOUR
    play.ledger.append(Payment(reference="late", amount_fen=fen("40"), paid_at=late, at=late))
    play.ledger.append(Payment(reference="early", amount_fen=fen("46.40"), paid_at=early, at=early))
    play.now = late
    play.hear()
    assert [paid.payment.reference for paid in play.heard(PaymentRecorded)] == ["early", "late"]
    assert (play.facts.ledger_position, play.facts.outcome) == (3, "settled")


# Taken back.


def test_a_payment_taken_back_before_the_case_closed_takes_the_ladder_on_where_it_stood():
    play = noticed()
    play.pay("T", "40")
    play.reverse("T")
    assert (play.facts.owed().overdue, play.facts.stage) == (8640, "grace")
    assert play.until("2026-05-30 00:00").openings(LIMIT_NOTICE) == [at("2026-04-14 00:00")]


def test_a_payment_taken_back_after_closing_opens_the_same_case_again():
    play = noticed()
    play.pay("T", "86.40")
    play.until("2026-03-20 10:00")
    play.reverse("T")
    assert [reopened.at for reopened in play.heard(CaseReopened)] == [at("2026-03-20 10:00")]
    assert (play.facts.outcome, play.facts.stage) == (None, "grace")
    assert len(play.heard(MessageDue)) == 1


def test_the_period_of_a_notice_already_served_is_respected_after_a_reopening():
    play = noticed()
    play.pay("T", "86.40")
    play.until("2026-03-20 10:00").reverse("T")
    assert play.until("2026-05-30 00:00").openings(LIMIT_NOTICE) == [at("2026-04-14 00:00")]


def test_a_period_that_ended_while_the_case_was_closed_has_ended():
    play = noticed()
    play.pay("T", "86.40")
    play.until("2026-05-20 10:00").reverse("T")
    assert play.openings(LIMIT_NOTICE) == [at("2026-05-20 10:00")]


def test_a_notice_is_not_served_twice_for_one_debt():
    play = opened().drive(APPROVE)
    play.pay("T", "86.40")
    play.until(play.now + DAY * 20).reverse("T")
    assert (play.open(), len(play.openings(DUNNING)), len(play.openings(LIMIT_NOTICE))) == ([APPROVE], 1, 1)


def test_an_approval_does_not_outlive_the_debt_it_was_given_for():
    play = opened().drive(APPROVE)
    play.decide(APPROVE, when="2026-04-24 10:00")
    play.pay("T", "86.40")
    play.until("2026-04-25 10:00").reverse("T")
    assert (play.open(), len(play.heard(LimitApproved))) == ([APPROVE], 1)


def test_an_approval_does_not_outlive_a_debt_that_money_kept_beside_a_dispute_settled():
    play = opened().drive(APPROVE)
    play.decide(APPROVE, when="2026-04-24 10:00")
    play.instruct(DisputeBills, bills=("B1",))
    play.pay("T", "86.40")
    play.instruct(ResolveDispute, bills=("B1",))
    assert play.facts.outcome == "settled"
    play.until("2026-04-25 10:00").reverse("T")
    assert play.open() == [APPROVE]


def test_a_payment_taken_back_after_a_restore_asks_a_second_person_again():
    play = restored()
    play.reverse("T")
    assert (play.facts.outcome, play.open(), play.facts.stage) == (None, [APPROVE], "limit-notified")


def test_a_payment_taken_back_while_the_restore_is_open_leaves_the_limit():
    play = opened().drive(LIMIT)
    play.decide(LIMIT)
    play.pay("T", "86.40")
    play.reverse("T")
    assert (play.task(RESTORE).status, play.open(), play.facts.stage) == ("withdrawn", [], "limited")


def test_a_payment_taken_back_after_a_recall_still_has_the_valve_looked_at():
    play = opened().drive(LIMIT)
    play.pay("T", "86.40")
    play.reverse("T")
    assert play.open() == [RESTORE]
    play.decide(RESTORE, outcome="valve-untouched")
    assert play.open() == [APPROVE]


def test_a_payment_taken_back_twice_is_taken_back_once():
    play = noticed()
    play.pay("T", "40")
    play.reverse("T")
    play.reverse("T")
    assert len(play.heard(PaymentReversed)) == 1


def test_the_order_in_which_a_payment_and_its_reversal_are_heard_of_does_not_matter():
    play = noticed()
    paid_at = play.now
    play.until(paid_at + HOUR)
    play.post(Reversal(reference="T", at=play.now))
    play.post(Payment(reference="T", amount_fen=8640, paid_at=paid_at, at=paid_at))
    assert (play.facts.owed().overdue, play.facts.outcome) == (8640, None)


def test_a_reversal_of_a_small_payment_brings_no_settled_case_back():
    play = noticed()
    play.pay("T", "10")
    play.pay("U", "86.40")
    play.until("2026-03-20 10:00").reverse("T")
    assert (play.facts.outcome, play.heard(CaseReopened)) == ("settled", [])


def test_a_case_withdrawn_is_not_reopened():
    play = noticed()
    play.pay("T", "40")
    play.instruct(WithdrawCase, reason="wrong account")
    play.reverse("T")
    assert (play.facts.outcome, play.heard(CaseReopened)) == ("withdrawn", [])


# Another bill.


def test_a_second_bill_joins_the_case_and_moves_neither_stage_nor_period():
    play = noticed()
    play.post(bill("B2", "90", "2026-03-20", recorded_at="2026-03-15 10:00"))
    play.until("2026-04-13 23:59:59")
    assert (play.facts.owed().overdue, play.facts.stage, play.facts.round) == (17640, "grace", 1)
    assert play.until("2026-05-30 00:00").openings(LIMIT_NOTICE) == [at("2026-04-14 00:00")]


def test_a_bill_counts_from_the_midnight_on_which_it_falls_overdue():
    play = noticed()
    play.post(bill("B2", "90", "2026-03-20", recorded_at="2026-03-15 10:00"))
    assert play.until("2026-03-20 23:59:59").facts.owed().overdue == 8640
    assert play.until("2026-03-21 00:00").facts.owed().overdue == 17640
    assert [each.at for each in play.heard(BillFellOverdue)] == [at("2026-03-21 00:00")]


def test_a_bill_recorded_twice_is_recorded_once():
    play = noticed()
    for _ in range(3):
        play.post(bill("B2", "90", "2026-03-20"))
    assert len(play.heard(BillRecorded)) == 1


def test_the_first_bill_paid_the_second_goes_on_only_from_the_first_rung():
    play = noticed()
    play.post(bill("B2", "90", "2026-04-10", recorded_at="2026-03-15 10:00"))
    play.pay("T", "80", "B1")
    play.until("2026-04-11 00:00")
    assert [restarted.at for restarted in play.heard(LadderRestarted)] == [at("2026-04-11 00:00")]
    assert (play.open(), play.facts.stage, play.facts.served) == ([DUNNING], "reminded", {})
    assert [due.at for due in play.heard(MessageDue)] == [at("2026-03-11 09:00"), at("2026-04-11 00:00")]


def test_while_the_first_bill_is_unpaid_the_second_does_not_send_the_case_back():
    play = noticed()
    play.post(bill("B2", "90", "2026-04-10", recorded_at="2026-03-15 10:00"))
    play.pay("T", "36.39", "B1")
    play.until("2026-04-11 00:00")
    assert (play.heard(LadderRestarted), play.facts.stage) == ([], "grace")


def test_a_small_debt_lifted_above_the_threshold_by_a_second_bill_goes_on_without_another_reminder():
    play = opened(bill("B1", "30", "2026-03-10"))
    play.post(bill("B2", "40", "2026-03-20", recorded_at="2026-03-15 10:00"))
    assert play.open() == []
    play.until("2026-03-21 00:00")
    assert (play.open(), len(play.heard(MessageDue))) == ([DUNNING], 1)


def test_a_payment_in_advance_nets_the_second_bill():
    play = noticed()
    play.post(bill("B2", "90", "2026-03-20", recorded_at="2026-03-15 10:00"))
    play.pay("T", "176.40")
    assert play.facts.outcome == "settled"


def test_a_bill_that_fell_overdue_while_the_calendar_was_published_starts_its_own_ladder():
    # Woken late, a case hears of the publication first: the bill's midnight lies behind it.
    play = noticed()
    play.post(bill("B2", "90", "2026-04-10", recorded_at="2026-03-15 10:00"))
    play.pay("T", "80", "B1")
    days = play.calendar.years[2026]
    play.say(CalendarPublished(at=at("2026-04-11 01:00"), year=2026, days=days))
    play.settle()
    assert (len(play.heard(LadderRestarted)), play.open()) == (1, [DUNNING])


def test_a_bill_already_overdue_when_it_is_recorded_counts_at_once():
    play = noticed()
    play.pay("T", "80")
    overdue: Bill = bill("B2", "90", "2026-03-01", recorded_at="2026-03-15 10:00")
    play.until("2026-03-15 10:00").post(overdue)
    assert (play.facts.stage, play.open()) == ("reminded", [DUNNING])


def test_a_contact_before_the_second_bill_is_no_reason_to_lose_a_bill():
    play = opened(bill("B1", "30", "2026-03-10"))
    play.instruct(RecordContact, by=WANG, method="phone")
    play.post(bill("B2", "40", "2026-03-20", recorded_at="2026-03-15 10:00"))
    play.until("2026-03-21 00:00")
    assert (play.facts.owed().overdue, play.open()) == (7000, [DUNNING])


def test_a_ladder_without_notices_does_not_begin_anew_for_want_of_one():
    play = opened(pack="qingdao").until("2026-05-11 09:00")
    assert play.heard(LadderRestarted) == []


# Never while the ladder may not go on.


def test_a_hold_does_not_keep_a_paid_case_open():
    play = noticed()
    play.instruct(PlaceHold, reason="court")
    play.pay("T", "86.40")
    assert play.facts.outcome == "settled"
