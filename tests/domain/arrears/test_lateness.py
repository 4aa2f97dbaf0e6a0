"""Alarms and pauses of a case's tasks: service hours, levels, the word that comes down, calendars published late."""

from datetime import date

from domain.arrears.commands import PlaceHold
from domain.calendars import Calendar, PublishedYear
from domain.case import EscalationAnswered, TaskEscalated
from domain.clock import spent
from domain.commands import PauseTask, ReassignTask, ResumeTask
from tests.domain.arrears.openings import APPROVE, DAY, DUNNING, LIMIT, LIMIT_NOTICE, at
from tests.domain.arrears.play import Play, opened


def alarms(play: Play) -> list[tuple[str, object]]:
    return [(alarm.level, alarm.at) for alarm in play.heard(TaskEscalated)]


def test_a_late_notice_climbs_and_stays_open():
    play = opened().until("2026-03-21 00:00")
    assert alarms(play) == [
        ("section", at("2026-03-16 08:30")),
        ("office", at("2026-03-18 08:30")),
        ("centre", at("2026-03-20 08:30")),
    ]
    assert (play.open(), play.task(DUNNING).due_at) == ([DUNNING], at("2026-03-15 00:00"))


def test_what_the_higher_level_did_is_told_to_every_level_below():
    play = opened().until("2026-03-21 00:00")
    play.decide(DUNNING)
    (answered,) = play.heard(EscalationAnswered)
    assert (answered.level, answered.told) == ("centre", ("grid", "section", "office"))


def test_a_decision_in_time_is_told_to_nobody():
    play = opened()
    play.decide(DUNNING)
    assert (play.heard(EscalationAnswered), play.heard(TaskEscalated)) == ([], [])


def test_a_late_approval_goes_up_from_the_section_it_belongs_to():
    play = opened().drive(APPROVE)
    play.until(play.now + DAY * 14)
    assert [level for level, _ in alarms(play)] == ["office", "centre"]


def test_an_alarm_stops_when_the_customer_pays():
    play = opened().until("2026-03-17 00:00")
    play.pay("T", "86.40")
    play.until("2026-04-17 00:00")
    assert [level for level, _ in alarms(play)] == ["section"]


def test_lateness_moves_no_period_of_the_customer():
    play = opened().until("2026-03-21 00:00")
    play.decide(DUNNING, when="2026-03-21 10:00")
    # The thirtieth day after 21 March is Monday 20 April.
    assert play.until("2026-05-30 00:00").openings(LIMIT_NOTICE) == [at("2026-04-21 00:00")]


def test_a_failed_attempt_after_the_term_raises_one_alarm_then_not_all_of_them_at_once():
    play = opened().until("2026-03-21 00:00")
    play.decide(DUNNING, outcome="failed", reason="nobody in", when="2026-03-21 10:00")
    play.until("2026-03-23 09:00")
    # Saturday: the section hears on Monday.
    assert alarms(play)[3:] == [("section", at("2026-03-23 08:30"))]


def test_a_paused_task_goes_on_with_what_was_left_and_says_whose_time_it_was():
    play = opened()
    play.instruct(PauseTask, task=DUNNING, party="customer", reason="abroad", when="2026-03-12 09:00")
    play.until("2026-03-30 09:00")
    assert alarms(play) == []
    play.instruct(ResumeTask)
    task = play.task(DUNNING)
    assert task.due_at == at("2026-04-02 00:00")
    assert spent(task.clock, party="customer", until=play.now) == DAY * 18
    assert spent(task.clock, party="utility", until=play.now) == DAY


def test_a_pause_of_a_task_stops_no_period_of_the_customer():
    play = opened().drive(APPROVE)
    ended = dict(play.facts.periods)
    play.instruct(PauseTask, task=APPROVE, party="government", reason="hearing")
    play.until(play.now + DAY * 5)
    play.instruct(ResumeTask)
    assert (play.facts.periods, play.open()) == (ended, [APPROVE])


def test_a_paused_task_that_a_hold_withdraws_is_new_after_it():
    play = opened()
    play.instruct(PauseTask, task=DUNNING, party="customer", reason="abroad")
    play.instruct(PlaceHold, reason="court", until=date(2026, 3, 20))
    play.until("2026-03-21 09:00")
    assert (play.task(DUNNING).pause, play.task(DUNNING).due_at) == (None, at("2026-03-24 00:00"))


def test_a_task_reassigned_keeps_its_deadline():
    play = opened().drive(LIMIT)
    due_at = play.task(LIMIT).due_at
    play.instruct(ReassignTask, task=LIMIT, to="qian")
    assert (play.task(LIMIT).assignee, play.task(LIMIT).due_at) == ("qian", due_at)


def test_a_period_follows_a_calendar_published_on_the_way():
    play = opened(when="2026-12-08 09:00")
    play.decide(DUNNING, when="2026-12-09 10:00")
    # The thirtieth day is Friday 8 January 2027. The notice makes it a day off, and Saturday with it.
    play.until("2026-12-20 09:00").publish(2027, PublishedYear(days_off=(date(2027, 1, 8),), make_up=()))
    assert play.until("2027-01-30 00:00").openings(LIMIT_NOTICE) == [at("2027-01-12 00:00")]


def test_without_the_calendar_the_period_ends_on_its_weekday():
    play = opened(when="2026-12-08 09:00")
    play.decide(DUNNING, when="2026-12-09 10:00")
    assert play.until("2027-01-30 00:00").openings(LIMIT_NOTICE) == [at("2027-01-09 00:00")]


def test_a_deadline_in_a_year_not_published_is_provisional_until_it_is():
    play = opened(when="2026-03-11 09:00").drive(APPROVE)
    play.decide(APPROVE, outcome="defer", until=date(2026, 12, 31).isoformat())
    play.until("2027-01-01 00:00")
    task = play.task(APPROVE)
    assert task.due is not None
    assert not task.due.provisional
    play.decide(APPROVE, outcome="defer", until=date(2027, 1, 1).isoformat(), when="2026-12-31 10:00")
    provisional = play.until("2027-01-01 09:00").task(APPROVE).due
    assert provisional is not None
    assert (provisional.provisional, provisional.at) == (True, at("2027-01-02 00:00"))
    assert isinstance(play.calendar, Calendar)
    play.publish(2027, PublishedYear(days_off=(date(2027, 1, 1), date(2027, 1, 4)), make_up=()))
    settled = play.task(APPROVE).due
    assert settled is not None
    assert (settled.provisional, settled.at) == (False, at("2027-01-06 00:00"))
