"""Kaifeng's ladder: no dunning notice and no grace; two contacts, a written report, the limit notice the same day."""

import pytest

from domain.arrears.commands import DisputeBills, PlaceHold, RecordContact, ReleaseHold, ResolveDispute
from domain.arrears.events import MessageDue, ReviewDue
from domain.case import EscalationAnswered, TaskEscalated
from domain.refusals import Refused
from tests.domain.arrears.openings import (
    APPROVE,
    CHEN,
    DUNNING,
    HOUR,
    LI,
    LIMIT,
    LIMIT_NOTICE,
    REPORT,
    RESTORE,
    WANG,
    at,
    bill,
)
from tests.domain.arrears.play import Play, opened


def contacted(times: int = 2, *, day: str = "2026-03-12") -> Play:
    play = opened(pack="kaifeng")
    for no in range(times):
        play.instruct(RecordContact, by=WANG, method="phone", when=f"{day} 1{no}:00")
    return play


@pytest.mark.clause("kaifeng.dunning.reminder-channels")
def test_a_case_opens_with_a_reminder_and_no_task():
    play = opened(pack="kaifeng")
    assert (play.open(), play.stages()) == ([], ["reminded"])
    assert [due.template for due in play.heard(MessageDue)] == ["reminder"]


def test_a_case_nobody_contacts_stands_still_and_is_looked_at_every_review_term():
    play = opened(pack="kaifeng").until("2026-06-30 00:00")
    assert play.tasks == {}
    assert [(review.at, review.because) for review in play.heard(ReviewDue)] == [
        (at("2026-04-11 00:00"), "contacts"),
        (at("2026-05-11 00:00"), "contacts"),
        (at("2026-06-10 00:00"), "contacts"),
    ]


@pytest.mark.clause("kaifeng.dunning.two-contacts-before-shutoff-notice")
def test_one_contact_is_not_enough():
    assert contacted(1).open() == []


def test_a_contact_that_did_not_reach_the_customer_does_not_count():
    play = contacted(1)
    play.instruct(RecordContact, by=WANG, method="visit", reached=False)
    assert (play.open(), play.facts.stage) == ([], "reminded")


@pytest.mark.clause("kaifeng.dunning.two-contacts-before-shutoff-notice")
def test_the_second_contact_that_reached_the_customer_calls_for_the_report():
    play = contacted()
    assert (play.openings(REPORT), play.facts.stage) == ([at("2026-03-12 11:00")], "notified")
    assert play.task(REPORT).role == "collector"


@pytest.mark.clause("kaifeng.dunning.report-nonpayer-in-writing")
def test_a_report_gives_a_reason():
    with pytest.raises(Refused) as refused:
        contacted().decide(REPORT, reason="")
    assert refused.value.code == "form-invalid"


@pytest.mark.clause("kaifeng.dunning.issue-shutoff-notice")
def test_the_limit_notice_is_due_on_the_day_of_the_report():
    play = contacted()
    play.decide(REPORT, when="2026-03-12 16:00")
    task = play.task(LIMIT_NOTICE)
    assert (task.opened_at, task.due_at) == (at("2026-03-12 16:00"), at("2026-03-13 00:00"))


def test_the_notice_period_runs_from_the_served_limit_notice():
    play = contacted()
    play.decide(REPORT, when="2026-03-12 16:00")
    play.decide(LIMIT_NOTICE, when="2026-03-12 17:00")
    assert play.facts.stage == "limit-notified"
    # The third day is Sunday 15 March: it rolls to Monday.
    assert play.until("2026-05-30 00:00").openings(APPROVE) == [at("2026-03-17 00:00")]


def test_a_limit_notice_cannot_have_been_served_before_the_report():
    play = contacted()
    play.decide(REPORT, when="2026-03-12 16:00")
    with pytest.raises(Refused) as refused:
        play.decide(LIMIT_NOTICE, served_at="2026-03-12T15:59:59+08:00")
    assert refused.value.code == "form-invalid"


@pytest.mark.parametrize("work", [REPORT, LIMIT_NOTICE])
def test_neither_who_wrote_the_report_nor_who_served_the_notice_approves(work):
    play = contacted()
    play.decide(REPORT, by=CHEN if work == REPORT else WANG)
    play.decide(LIMIT_NOTICE, by=CHEN if work == LIMIT_NOTICE else WANG)
    play.until("2026-03-17 09:00")
    with pytest.raises(Refused) as refused:
        play.decide(APPROVE, by=CHEN)
    assert refused.value.code == "four-eyes"
    play.decide(APPROVE, by=LI)
    assert play.open() == [LIMIT]


def test_there_is_no_dunning_notice_and_no_grace():
    play = opened(pack="kaifeng").drive(LIMIT)
    play.decide(LIMIT)
    assert play.openings(DUNNING) == []
    assert play.stages() == ["reminded", "notified", "limit-notified", "limited"]


def test_a_customer_who_pays_after_the_first_contact_is_settled():
    play = contacted(1)
    play.pay("T", "86.40")
    assert play.facts.outcome == "settled"
    assert play.until("2026-06-30 00:00").tasks == {}


def test_the_report_is_withdrawn_when_the_customer_pays():
    play = contacted()
    play.pay("T", "86.40")
    assert (play.task(REPORT).status, play.facts.outcome) == ("withdrawn", "settled")


def test_less_than_fifty_yuan_are_not_reported_whatever_the_contacts():
    play = opened(bill("B1", "49.99", "2026-03-10"), pack="kaifeng")
    for _ in range(3):
        play.instruct(RecordContact, by=WANG, method="phone")
    assert play.until("2026-12-30 00:00").tasks == {}


def test_contacts_made_before_count_when_a_second_bill_lifts_the_debt():
    play = opened(bill("B1", "60", "2026-03-10"), pack="kaifeng")
    play.instruct(RecordContact, by=WANG, method="phone")
    play.post(bill("B2", "40", "2026-03-20", recorded_at="2026-03-12 09:00"))
    play.instruct(RecordContact, by=WANG, method="visit", when="2026-03-25 10:00")
    assert play.openings(REPORT) == [at("2026-03-25 10:00")]


def test_a_new_debt_after_the_old_one_was_paid_down_is_contacted_anew():
    play = contacted()
    play.post(bill("B2", "90", "2026-04-10", recorded_at="2026-03-12 12:00"))
    play.pay("T", "60", "B1")
    play.until("2026-04-11 00:00")
    assert (play.facts.contacts, play.open(), play.facts.stage) == (0, [], "reminded")
    assert len(play.heard(MessageDue)) == 2


def test_a_contact_made_in_a_hold_counts_when_the_ladder_goes_on():
    play = contacted(1)
    play.instruct(PlaceHold, reason="meter check", when="2026-03-12 12:00")
    play.instruct(RecordContact, by=WANG, method="phone")
    assert play.open() == []
    play.instruct(ReleaseHold, when="2026-03-20 10:00")
    assert play.openings(REPORT) == [at("2026-03-20 10:00")]


def test_a_dispute_stops_the_notice_period_in_kaifeng_too():
    play = contacted()
    play.decide(REPORT, when="2026-03-16 10:00")
    play.decide(LIMIT_NOTICE, when="2026-03-16 10:00")
    play.instruct(DisputeBills, bills=("B1",), when="2026-03-17 10:00")
    play.instruct(ResolveDispute, bills=("B1",), when="2026-03-24 10:00")
    # Two days of three were left: 26 March, a Thursday, is the last.
    assert play.until("2026-05-30 00:00").openings(APPROVE) == [at("2026-03-27 00:00")]


@pytest.mark.clause(
    "kaifeng.escalation.four-levels",
    "kaifeng.escalation.level-1",
    "kaifeng.escalation.level-2",
    "kaifeng.escalation.level-3",
    "kaifeng.escalation.level-4",
    "kaifeng.escalation.l4-to-l3",
    "kaifeng.escalation.l3-to-l2",
    "kaifeng.escalation.l2-to-l1",
    "kaifeng.escalation.feedback-down",
)
def test_what_nobody_does_climbs_from_the_grid_to_the_centre_and_the_word_goes_down_to_each_level():
    play = contacted()
    assert play.task(REPORT).level == "grid"
    play.until("2026-03-25 12:00")
    assert [alarm.level for alarm in play.heard(TaskEscalated)] == ["section", "office", "centre"]
    play.decide(REPORT)
    (answered,) = play.heard(EscalationAnswered)
    assert (answered.level, answered.told) == ("centre", ("grid", "section", "office"))


def test_lateness_climbs_the_four_levels_and_the_word_comes_down_again():
    play = contacted()
    play.until("2026-03-19 12:00")
    assert [(alarm.level, alarm.at) for alarm in play.heard(TaskEscalated)] == [
        ("section", at("2026-03-16 08:30")),
        ("office", at("2026-03-18 08:30")),
    ]
    play.decide(REPORT)
    (answered,) = play.heard(EscalationAnswered)
    assert (answered.level, answered.told) == ("office", ("grid", "section"))


def test_a_restore_is_the_same_promise_in_kaifeng():
    play = opened(pack="kaifeng").drive(LIMIT)
    play.decide(LIMIT)
    play.pay("T", "86.40")
    assert play.task(RESTORE).due_at == play.now + 12 * HOUR
