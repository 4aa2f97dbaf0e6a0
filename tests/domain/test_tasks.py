from datetime import date, datetime, timedelta

import pytest

from domain.calendars import CHINA, Calendar, PublishedYear, ServiceHours
from domain.case import (
    EscalationPolicy,
    TaskDecided,
    TaskEscalated,
    TaskWithdrawn,
    changed_task,
    moved_deadlines,
    next_escalation,
    paused_task,
    resumed_task,
)
from domain.clock import Interval, spent
from domain.people import LEVELS, Actor, Level, Role
from domain.refusals import Refused
from domain.tasks import Escalation, Task, refuse_unless_decidable
from domain.terms import Term, due_at
from policies.packs import load_calendar

HOURS = ServiceHours.model_validate({"opens": "08:30", "closes": "17:30"})
POLICY = EscalationPolicy(
    service_hours=HOURS,
    budgets={"section": Term.parse("1WD"), "office": Term.parse("1WD")},
    urgent_budgets={"section": Term.parse("PT2H"), "office": Term.parse("PT2H")},
)
CN = load_calendar()


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=CHINA)


def task(
    *,
    term: str | None = "P3D",
    opened_at: str = "2026-03-11 09:00",
    counts_from: str | None = None,
    role: Role = "collector",
    level: Level | None = "grid",
    not_by: tuple[str, ...] = (),
    calendar: Calendar = CN,
) -> Task:
    given, start = Term.parse(term) if term else None, at(counts_from or opened_at)
    return Task(
        id="T-01",
        key="arrears.serve-dunning-notice",
        role=role,
        level=level,
        opened_at=at(opened_at),
        counts_from=start,
        term=given,
        due=due_at(term=given, started_at=start, calendar=calendar) if given else None,
        not_by=not_by,
        clock=(Interval(party="utility", started_at=at(opened_at)),),
    )


def alarms(late: Task, *, calendar: Calendar = CN) -> list[tuple[str, datetime]]:
    """Every alarm the task raises when nobody touches it."""
    raised = []
    while (alarm := next_escalation(late, policy=POLICY, calendar=calendar)) is not None:
        raised.append((alarm.level, alarm.at))
        late = changed_task(late, alarm)
    return raised


def paused(running: Task, when: str, *, until: str | None = None) -> Task:
    stopped = changed_task(
        running, paused_task(running, party="customer", reason="abroad", at=at(when), by="li", calendar=CN)
    )
    return resumed(stopped, until) if until else stopped


def resumed(stopped: Task, when: str) -> Task:
    return changed_task(stopped, resumed_task(stopped, at=at(when), by="li", calendar=CN))


# Who may decide.


def test_the_holder_of_the_role_decides():
    open_task = task()
    wang = Actor(id="wang", roles=("collector",))
    assert refuse_unless_decidable(open_task, key=open_task.key, actor=wang) is open_task


def test_another_role_is_refused():
    with pytest.raises(Refused, match="zhao holds engineer") as refused:
        refuse_unless_decidable(task(), key="k", actor=Actor(id="zhao", roles=("engineer",)))
    assert refused.value.code == "wrong-role"


@pytest.mark.parametrize("held", [*LEVELS, None])
@pytest.mark.parametrize("wanted", [*LEVELS, None])
def test_a_higher_level_acts_for_a_lower_one_and_never_the_other_way(held, wanted):
    li = Actor(id="li", roles=("supervisor",), level=held)
    enough = held is None or wanted is None or LEVELS.index(held) >= LEVELS.index(wanted)
    assert li.holds("supervisor", level=wanted) is enough


def test_whoever_did_the_work_does_not_check_it():
    with pytest.raises(Refused) as refused:
        refuse_unless_decidable(task(not_by=("wang",)), key="k", actor=Actor(id="wang", roles=("collector",)))
    assert refused.value.code == "four-eyes"


@pytest.mark.parametrize("status", ["decided", "withdrawn"])
def test_a_task_that_is_over_is_not_open(status):
    over = task().model_copy(update={"status": status})
    with pytest.raises(Refused) as refused:
        refuse_unless_decidable(over, key="k", actor=Actor(id="wang", roles=("collector",)))
    assert refused.value.code == "not-open"


def test_a_task_that_never_was_is_not_open():
    with pytest.raises(Refused, match="nothing to decide") as refused:
        refuse_unless_decidable(None, key="k", actor=Actor(id="wang", roles=("collector",)))
    assert refused.value.code == "not-open"


# Lateness.


def test_each_level_has_its_own_budget_and_none_is_alarmed_outside_service_hours():
    # Due on Saturday's 24:00: the section hears on Monday, the office on Wednesday, the centre on Friday.
    assert alarms(task()) == [
        ("section", at("2026-03-16 08:30")),
        ("office", at("2026-03-18 08:30")),
        ("centre", at("2026-03-20 08:30")),
    ]


def test_a_task_of_a_section_goes_up_to_its_office_first():
    assert [level for level, _ in alarms(task(level="section"))] == ["office", "centre"]


def test_a_task_of_the_centre_has_nobody_above_it():
    assert alarms(task(level="centre")) == []


def test_a_task_without_a_term_is_never_late():
    assert alarms(task(term=None)) == []


def test_a_term_of_elapsed_time_alarms_by_night_too():
    assert alarms(task(term="PT12H", opened_at="2026-03-13 22:00")) == [
        ("section", at("2026-03-14 10:00")),
        ("office", at("2026-03-14 12:00")),
        ("centre", at("2026-03-14 14:00")),
    ]


def test_no_alarm_rings_through_the_spring_festival():
    assert alarms(task(opened_at="2026-02-11 10:00"))[0] == ("section", at("2026-02-24 08:30"))


def test_a_make_up_day_is_a_day_of_service():
    # Saturday 14 February 2026 is worked.
    assert alarms(task(opened_at="2026-02-10 10:00"))[0] == ("section", at("2026-02-14 08:30"))


def test_the_alarm_waits_for_the_office_to_open_on_the_same_day():
    assert alarms(task(term="1WD", opened_at="2026-03-11 09:00"))[0] == ("section", at("2026-03-13 08:30"))


def test_a_task_opened_anew_after_its_term_is_late_from_then_on():
    again = task(opened_at="2026-03-20 10:00", counts_from="2026-03-11 09:00")
    assert alarms(again)[0] == ("section", at("2026-03-20 10:00"))


def test_the_first_breach_is_when_the_term_ended_not_when_the_alarm_rang():
    alarm = next_escalation(task(), policy=POLICY, calendar=CN)
    assert alarm is not None
    assert changed_task(task(), alarm).breached_at == at("2026-03-15 00:00")


def test_a_late_decision_is_a_breach_though_no_alarm_has_rung():
    decided = TaskDecided(at=at("2026-03-15 00:00"), by="wang", task_id="T-01", key="k", form={})
    assert changed_task(task(), decided).breached_at == at("2026-03-15 00:00")


def test_a_decision_within_the_term_is_none():
    decided = TaskDecided(at=at("2026-03-14 23:59:59"), by="wang", task_id="T-01", key="k", form={})
    assert changed_task(task(), decided).breached_at is None


# Pauses.


def test_a_paused_task_raises_no_alarm():
    assert alarms(paused(task(), "2026-03-12 10:00")) == []


def test_after_a_pause_the_term_goes_on_with_what_was_left():
    # Two of three days left on the 12th; the day of the resume is not counted.
    gone_on = paused(task(), "2026-03-12 10:00", until="2026-03-18 10:00")
    assert gone_on.due_at == at("2026-03-21 00:00")


def test_a_pause_within_one_day_changes_nothing():
    gone_on = paused(task(), "2026-03-12 10:00", until="2026-03-12 16:00")
    assert gone_on.due_at == task().due_at


def test_two_pauses_leave_what_both_left():
    once = paused(task(), "2026-03-12 10:00", until="2026-03-18 10:00")
    assert paused(once, "2026-03-19 10:00", until="2026-03-25 10:00").due_at == at("2026-03-27 00:00")


def test_an_overdue_task_stays_overdue_through_a_pause_and_is_alarmed_when_it_goes_on():
    gone_on = paused(task(), "2026-03-16 07:00", until="2026-03-18 10:00")
    assert gone_on.due_at == at("2026-03-15 00:00")
    assert alarms(gone_on)[0] == ("section", at("2026-03-18 10:00"))


def test_the_budget_of_the_level_that_has_it_stands_still_in_a_pause():
    alarm = next_escalation(task(), policy=POLICY, calendar=CN)
    assert alarm is not None
    assert alarm.at == at("2026-03-16 08:30")
    gone_on = paused(changed_task(task(), alarm), "2026-03-16 10:00", until="2026-03-25 10:00")
    assert alarms(gone_on)[0] == ("office", at("2026-03-27 08:30"))


def test_a_budget_in_minutes_stands_still_to_the_minute():
    urgent = task(term="PT12H", opened_at="2026-03-13 22:00")
    raised = changed_task(urgent, TaskEscalated(at=at("2026-03-14 10:00"), task_id="T-01", key="k", level="section"))
    gone_on = paused(raised, "2026-03-14 10:30", until="2026-03-14 20:00")
    assert alarms(gone_on)[0] == ("office", at("2026-03-14 21:30"))


def test_a_pause_is_on_the_clock_of_the_party_that_has_it():
    gone_on = paused(task(), "2026-03-12 09:00", until="2026-03-18 09:00")
    day = timedelta(days=1)
    assert spent(gone_on.clock, party="customer", until=at("2026-03-20 09:00")) == day * 6
    assert spent(gone_on.clock, party="utility", until=at("2026-03-20 09:00")) == day * 3


def test_a_task_withdrawn_in_its_pause_was_never_late():
    stopped = paused(task(), "2026-03-12 10:00")
    gone = changed_task(stopped, TaskWithdrawn(at=at("2026-04-12 10:00"), task_id="T-01", key="k", because="paid"))
    assert (gone.status, gone.breached_at) == ("withdrawn", None)
    assert gone.clock[-1].ended_at == at("2026-04-12 10:00")


# A calendar published on the way.


def unpublished(year: int) -> Calendar:
    return Calendar(years={no: days for no, days in CN.years.items() if no != year})


def test_a_deadline_in_an_unpublished_year_is_provisional():
    waiting = task(term="5WD", opened_at="2025-12-29 10:00", calendar=unpublished(2026))
    assert waiting.due is not None
    assert waiting.due.provisional


def test_publishing_a_year_moves_the_deadlines_that_count_in_it():
    waiting = task(term="5WD", opened_at="2025-12-29 10:00", calendar=unpublished(2026))
    (moved,) = moved_deadlines([waiting], calendar=CN, at=at("2025-12-30 09:00"))
    # 1 and 2 January are off, Sunday the 4th is worked.
    assert (waiting.due_at, moved.due.at) == (at("2026-01-06 00:00"), at("2026-01-07 00:00"))
    assert not moved.due.provisional
    assert changed_task(waiting, moved).due_at == at("2026-01-07 00:00")


def test_publishing_a_year_moves_no_other_deadline():
    assert moved_deadlines([task()], calendar=CN.published(2027, NOTHING), at=at("2026-03-12 09:00")) == []


def test_a_paused_task_is_projected_when_it_goes_on_not_before():
    waiting = paused(task(term="5WD", opened_at="2025-12-29 10:00", calendar=unpublished(2026)), "2025-12-29 12:00")
    assert moved_deadlines([waiting], calendar=CN, at=at("2025-12-30 09:00")) == []


def test_a_task_gone_on_after_a_pause_is_projected_with_what_was_left():
    gone_on = paused(task(term="5WD", opened_at="2025-12-25 10:00"), "2025-12-29 10:00", until="2025-12-31 10:00")
    off = PublishedYear(days_off=(date(2026, 1, 5), date(2026, 1, 6)), make_up=())
    (moved,) = moved_deadlines([gone_on], calendar=CN.published(2026, off), at=at("2026-01-01 09:00"))
    # Three working days were left on the 29th; those of January are counted anew.
    assert moved.due.at == at("2026-01-08 00:00")


NOTHING = PublishedYear(days_off=(), make_up=())


def decides(actor: Actor, risen: Task) -> bool:
    try:
        refuse_unless_decidable(risen, key=risen.key, actor=actor)
    except Refused as refused:
        return refused.code != "wrong-role"
    return True


def test_what_has_risen_is_decided_by_its_own_post_or_by_whoever_resolves_it_at_that_level() -> None:
    nobody, own = Actor(id="a", roles=("supervisor",), level="grid"), Actor(id="b", roles=("collector",))
    head = Actor(id="c", roles=("supervisor",), level="section")
    plain = task()
    climbed = plain.model_copy(update={"escalations": (Escalation(level="section", at=at("2026-03-16 08:30")),)})
    resolved = Escalation(level="section", at=at("2026-03-16 08:30"), resolver="supervisor")
    with_resolver = plain.model_copy(update={"escalations": (resolved,)})
    assert [decides(who, plain) for who in (own, head, nobody)] == [True, False, False]
    assert [decides(who, climbed) for who in (own, head, nobody)] == [True, False, False]
    assert [decides(who, with_resolver) for who in (own, head, nobody)] == [True, True, False]
