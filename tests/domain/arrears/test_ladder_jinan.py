"""Jinan's ladder up to the approval: reminder, dunning notice, grace, limit notice, notice period, a second person."""

from datetime import timedelta

import pytest

from domain.arrears.commands import RecordContact
from domain.arrears.events import MessageDue, MessageSettled, NoticeServed, PeriodEnded
from domain.case import StageEntered
from domain.refusals import Refused
from tests.domain.arrears.openings import APPROVE, CHEN, DUNNING, HOUR, LI, LIMIT, LIMIT_NOTICE, SECOND, WANG, at, bill
from tests.domain.arrears.play import Play, opened


def noticed(served_at: str = "2026-03-12 10:00", **said: str) -> Play:
    """A case in its grace period."""
    play = opened(**said)
    play.decide(DUNNING, when=served_at)
    return play


def warned(served_at: str = "2026-04-14 10:00") -> Play:
    """A case in its notice period: grace over on 14 April, a Tuesday."""
    play = noticed()
    play.decide(LIMIT_NOTICE, when=served_at)
    return play


def asked(served_at: str = "2026-04-14 10:00") -> Play:
    """A case that waits for the approval, opened on Saturday 18 April."""
    return warned(served_at).until("2026-04-18 00:00")


# The reminder.


@pytest.mark.clause("jinan.dunning.notice-within-3-days")
def test_a_case_opens_with_one_reminder_by_sms():
    play = opened()
    assert [(due.template, due.channel, due.at) for due in play.heard(MessageDue)] == [
        ("reminder", "sms", at("2026-03-11 09:00"))
    ]
    assert [sent.status for sent in play.heard(MessageSettled)] == ["sent"]
    assert play.stages() == ["reminded"]


@pytest.mark.clause("jinan.follow-up.quiet-hours-22", "jinan.follow-up.feedback-next-day-0830")
@pytest.mark.parametrize("night", ["2026-03-11 22:00", "2026-03-12 00:00", "2026-03-12 08:29:59"])
def test_a_reminder_in_quiet_hours_waits_for_their_end(night):
    play = opened(when=night)
    assert play.heard(MessageSettled) == []
    play.until("2026-03-12 12:00")
    assert [sent.at for sent in play.heard(MessageSettled)] == [at("2026-03-12 08:30")]


def test_a_reminder_that_still_waits_is_not_sent_once_the_debt_is_paid():
    play = opened(when="2026-03-11 22:00").until("2026-03-12 07:00")
    play.pay("T", "86.40")
    play.until("2026-03-13 12:00")
    assert [sent.status for sent in play.heard(MessageSettled)] == ["withdrawn"]


@pytest.mark.parametrize("amounts", [("50.00",), ("30.00", "20.00")])
def test_fifty_yuan_go_past_the_reminder_and_are_never_limited(amounts):
    play = opened(*(bill(f"B{no}", amount, "2026-03-10") for no, amount in enumerate(amounts)))
    with pytest.raises(Refused, match="debt"):
        play.drive(LIMIT)
    assert play.open() == [APPROVE]
    play.pay("T", "0.01")
    play.until("2027-03-11 09:00")
    assert APPROVE not in play.open()


@pytest.mark.parametrize("amounts", [("49.99",), ("30.00", "19.99")])
def test_less_than_fifty_yuan_go_no_further_than_the_reminder(amounts):
    play = opened(*(bill(f"B{no}", amount, "2026-03-10") for no, amount in enumerate(amounts)))
    play.until("2027-03-11 09:00")
    assert play.tasks == {}
    assert (play.stages(), len(play.heard(MessageDue))) == (["reminded"], 1)
    assert play.next_wake is not None


@pytest.mark.parametrize("amounts", [("50.01",), ("30.00", "20.01")])
def test_a_fen_above_fifty_yuan_goes_on(amounts):
    assert opened(*(bill(f"B{no}", amount, "2026-03-10") for no, amount in enumerate(amounts))).open() == [DUNNING]


def test_a_late_fee_does_not_lift_a_debt_to_the_threshold():
    assert opened(bill("B1", "49.99", "2026-03-10", late_fee="30")).open() == []


# The dunning notice.


@pytest.mark.clause("jinan.dunning.notice-within-3-days")
def test_the_dunning_notice_is_due_three_days_after_the_opening():
    task = opened().task(DUNNING)
    assert (task.role, task.opened_at, task.due_at) == ("collector", at("2026-03-11 09:00"), at("2026-03-15 00:00"))
    assert task.clauses == ("jinan.dunning.notice-within-3-days",)


def test_a_case_opened_at_midnight_counts_from_the_day_that_ends():
    assert opened(when="2026-03-12 00:00").task(DUNNING).due_at == at("2026-03-15 00:00")


def test_the_utilitys_own_term_does_not_roll():
    # Three days from Thursday 12 March end on Sunday.
    assert opened(when="2026-03-12 09:00").task(DUNNING).due_at == at("2026-03-16 00:00")


def test_a_failed_attempt_is_asked_for_again_and_keeps_the_term_of_the_first():
    play = opened()
    play.decide(DUNNING, outcome="failed", method="in-person", reason="nobody in", when="2026-03-13 10:00")
    task = play.task(DUNNING)
    assert (task.status, task.opened_at, task.due_at) == ("open", at("2026-03-13 10:00"), at("2026-03-15 00:00"))
    play.decide(DUNNING, outcome="failed", method="phone", reason="no answer", when="2026-03-14 10:00")
    assert play.task(DUNNING).due_at == at("2026-03-15 00:00")
    assert len(play.openings(DUNNING)) == 3


def test_a_failed_attempt_starts_no_period():
    play = opened()
    play.decide(DUNNING, outcome="failed", reason="nobody in", when="2026-03-12 10:00")
    play.until("2026-06-30 00:00")
    assert play.openings(LIMIT_NOTICE) == []
    assert play.stages() == ["reminded"]


def test_a_notice_served_late_still_starts_the_grace():
    assert noticed("2026-03-20 10:00").until("2026-04-21 00:00").open() == [LIMIT_NOTICE]


def test_a_served_notice_says_how_much_was_owed_and_by_whom_it_was_served():
    (served,) = noticed().heard(NoticeServed)
    assert (served.amount_fen, served.by, served.method, served.at) == (8640, "wang", "posted", at("2026-03-12 10:00"))


# The grace period.


@pytest.mark.clause("jinan.dunning.resident-wait-30-days")
def test_a_resident_has_thirty_days_and_the_day_off_at_their_end_rolls():
    # The thirtieth day after 12 March is Saturday 11 April: the period ends with Monday.
    play = noticed().until(at("2026-04-14 00:00") - SECOND)
    assert play.openings(LIMIT_NOTICE) == []
    assert play.until("2026-04-14 00:00").openings(LIMIT_NOTICE) == [at("2026-04-14 00:00")]


@pytest.mark.clause("jinan.dunning.unit-wait-15-days")
def test_an_organisation_has_fifteen_days():
    play = noticed(customer_class="organisation").until("2026-05-30 00:00")
    assert play.openings(LIMIT_NOTICE) == [at("2026-03-28 00:00")]


def test_a_period_that_would_end_in_the_tomb_sweeping_holiday_ends_after_it():
    play = noticed("2026-03-20 10:00", when="2026-03-20 09:00", customer_class="organisation")
    assert play.until("2026-05-30 00:00").openings(LIMIT_NOTICE) == [at("2026-04-08 00:00")]


def test_a_period_may_end_on_a_make_up_day():
    # The fifteenth day after 30 January is Saturday 14 February 2026, which is worked.
    play = noticed("2026-01-30 10:00", when="2026-01-30 09:00", customer_class="organisation")
    assert play.until("2026-05-30 00:00").openings(LIMIT_NOTICE) == [at("2026-02-15 00:00")]


@pytest.mark.clause("jinan.dunning.unit-wait-15-days")
def test_a_period_that_would_end_in_the_spring_festival_ends_after_it():
    play = noticed("2026-01-31 10:00", when="2026-01-30 09:00", customer_class="organisation")
    assert play.until("2026-05-30 00:00").openings(LIMIT_NOTICE) == [at("2026-02-25 00:00")]


def test_the_grace_counts_from_when_the_notice_was_served_not_from_when_it_was_recorded():
    play = opened()
    play.decide(DUNNING, when="2026-03-14 18:00", served_at="2026-03-12T10:00:00+08:00")
    assert play.until("2026-05-30 00:00").openings(LIMIT_NOTICE) == [at("2026-04-14 00:00")]


def test_nothing_is_asked_of_anybody_during_the_grace():
    play = noticed().until("2026-04-13 23:59:59")
    assert play.open() == []
    assert play.facts.stage == "grace"


@pytest.mark.parametrize("paid_at", ["2026-04-13 23:59:59", "2026-04-14 00:00", "2026-04-14 00:00:01"])
def test_a_debt_paid_around_the_end_of_the_grace_is_settled(paid_at):
    play = noticed().until(paid_at)
    play.pay("T", "86.40")
    assert (play.facts.outcome, play.open()) == ("settled", [])
    assert play.until("2026-06-30 00:00").openings(LIMIT) == []


def test_money_paid_before_the_end_and_not_yet_heard_of_is_read_at_the_end():
    play = noticed().until("2026-04-13 23:00")
    play.pay("T", "86.40", heard=False)
    play.until("2026-04-14 00:00")
    assert (play.facts.outcome, play.openings(LIMIT_NOTICE)) == ("settled", [])


# The limit notice.


@pytest.mark.clause("jinan.dunning.restriction-notice-within-3-days")
def test_the_limit_notice_is_called_for_at_the_end_of_the_grace_and_counts_from_its_last_day():
    task = noticed().until("2026-04-14 00:00").task(LIMIT_NOTICE)
    assert (task.opened_at, task.due_at) == (at("2026-04-14 00:00"), at("2026-04-17 00:00"))


@pytest.mark.clause("jinan.dunning.restriction-sms-or-call")
def test_with_the_limit_notice_an_sms_goes_out_at_once():
    play = warned()
    assert [(sent.template, sent.at) for sent in play.heard(MessageSettled)[1:]] == [
        ("limit-notice", at("2026-04-14 10:00"))
    ]


def test_the_sms_of_a_limit_notice_served_at_night_waits_for_the_morning():
    play = warned("2026-04-14 22:00").until("2026-04-16 00:00")
    assert [sent.at for sent in play.heard(MessageSettled)[1:]] == [at("2026-04-15 08:30")]


def test_the_notice_period_is_three_days_rolled():
    assert asked().openings(APPROVE) == [at("2026-04-18 00:00")]
    # Served on Wednesday 15 April, the third day is a Saturday.
    assert warned("2026-04-15 10:00").until("2026-05-30 00:00").openings(APPROVE) == [at("2026-04-21 00:00")]


def test_a_notice_period_over_labour_day_ends_with_the_first_day_of_work():
    assert warned("2026-04-29 10:00").until("2026-05-30 00:00").openings(APPROVE) == [at("2026-05-07 00:00")]


# The approval.


def test_the_approval_is_a_section_supervisors_and_due_within_a_working_day():
    task = asked().task(APPROVE)
    assert (task.role, task.level, task.due_at) == ("supervisor", "section", at("2026-04-21 00:00"))


def test_whoever_served_the_limit_notice_does_not_approve():
    play = noticed()
    play.decide(LIMIT_NOTICE, by=CHEN, when="2026-04-14 10:00")
    with pytest.raises(Refused) as refused:
        play.decide(APPROVE, by=CHEN, when="2026-04-20 10:00")
    assert refused.value.code == "four-eyes"
    for outcome in ({"outcome": "refuse", "reason": "no"}, {"outcome": "defer", "until": "2026-05-20"}):
        with pytest.raises(Refused, match="second person"):
            play.decide(APPROVE, by=CHEN, **outcome)
    play.decide(APPROVE, by=LI)
    assert play.facts.approval is not None
    assert play.facts.approval.by == "li"


def test_whoever_served_the_dunning_notice_may_approve():
    play = opened()
    play.decide(DUNNING, by=CHEN, when="2026-03-12 10:00")
    play.decide(LIMIT_NOTICE, by=WANG, when="2026-04-14 10:00")
    play.decide(APPROVE, by=CHEN, when="2026-04-20 10:00")
    assert play.open() == [LIMIT]


def test_an_approval_on_an_old_ledger_is_refused_and_leaves_the_task_open():
    play = asked()
    play.stale = True
    with pytest.raises(Refused, match="ledger-current") as refused:
        play.decide(APPROVE, when="2026-04-20 10:00")
    assert (refused.value.code, play.open()) == ("interlock", [APPROVE])


def test_a_refusal_is_asked_again_after_the_packs_term():
    play = asked()
    play.decide(APPROVE, outcome="refuse", reason="family in hospital", when="2026-04-20 10:00")
    assert play.open() == []
    assert play.until("2026-06-30 00:00").openings(APPROVE)[1:] == [at("2026-05-21 00:00")]


def test_a_deferral_is_asked_again_on_its_date():
    play = asked()
    play.decide(APPROVE, outcome="defer", until="2026-05-06", when="2026-04-20 10:00")
    assert play.until("2026-05-05 23:59:59").open() == []
    assert play.until("2026-05-06 00:00").openings(APPROVE)[1:] == [at("2026-05-06 00:00")]


def test_a_deferral_may_name_an_instant():
    play = asked()
    play.decide(APPROVE, outcome="defer", until="2026-05-06T14:00:00+08:00", when="2026-04-20 10:00")
    assert play.until("2026-06-30 00:00").openings(APPROVE)[1:] == [at("2026-05-06 14:00")]


def test_a_deferral_does_not_outlive_the_debt():
    play = asked()
    play.decide(APPROVE, outcome="defer", until="2026-05-06", when="2026-04-20 10:00")
    play.pay("T", "86.40")
    assert play.facts.outcome == "settled"
    play.until("2026-06-30 00:00")
    assert len(play.openings(APPROVE)) == 1


def test_a_protected_account_gets_its_notices_and_no_approval():
    play = opened(protected=("hospital",)).drive(APPROVE)
    with pytest.raises(Refused, match="not-protected") as refused:
        play.decide(APPROVE)
    assert refused.value.code == "interlock"
    play.until("2026-12-30 00:00")
    assert play.openings(LIMIT) == []


# The whole.


def test_stages_come_one_after_the_other():
    play = opened().drive(LIMIT)
    play.decide(LIMIT)
    assert play.stages() == ["reminded", "notified", "grace", "limit-notified", "limited"]


def test_each_stage_is_entered_when_what_it_means_happened():
    play = asked()
    assert [(entered.stage, entered.at) for entered in play.heard(StageEntered)] == [
        ("reminded", at("2026-03-11 09:00")),
        ("notified", at("2026-03-12 10:00")),
        ("grace", at("2026-03-12 10:00")),
        ("limit-notified", at("2026-04-14 10:00")),
    ]


def test_contacts_open_nothing_in_jinan():
    play = opened()
    for _ in range(3):
        play.instruct(RecordContact, by=WANG, method="phone", when=play.now + HOUR)
    assert (play.open(), play.facts.stage) == ([DUNNING], "reminded")


def test_every_period_that_ended_names_its_sentence():
    ended = asked().heard(PeriodEnded)
    assert [each.period for each in ended] == ["grace", "notice"]
    assert ended[0].clauses == ("jinan.dunning.resident-wait-30-days",)


def test_a_case_that_is_left_alone_goes_on_waiting_with_a_task_or_a_moment():
    play = opened()
    for _ in range(60):
        assert play.open() or play.next_wake is not None
        play.until(play.now + timedelta(days=7))
    assert play.open() == [DUNNING]
