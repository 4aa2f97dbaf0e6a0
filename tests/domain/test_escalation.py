"""Lateness through any number of pauses, and the chain of every pack that comes with Guanjia."""

from datetime import datetime, timedelta
from itertools import pairwise
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.calendars import CHINA
from domain.case import (
    EscalationPolicy,
    TaskDecided,
    TaskEscalated,
    answered_escalation,
    changed_task,
    next_escalation,
    paused_task,
    resumed_task,
)
from domain.clock import Interval, Party, by_party, by_phase, spent
from domain.people import LEVELS, Level
from domain.tasks import Task
from domain.terms import Term, due_at
from policies.packs import load_calendar, load_pack, pack_versions
from tests.domain.test_tasks import HOURS, POLICY

CN = load_calendar()
HOUR = timedelta(hours=1)
PARTIES: tuple[Party, ...] = get_args(Party)
OTHERS = tuple(party for party in PARTIES if party != "utility")
instants = st.datetimes(datetime(2025, 1, 2), datetime(2026, 9, 30), timezones=st.just(CHINA))
terms = st.sampled_from([Term.parse(text) for text in ("1WD", "3WD", "P3D", "P0D", "PT10M", "PT12H", "PT40H")])
stops = st.lists(st.tuples(st.integers(0, 120), st.integers(0, 300), st.sampled_from(OTHERS)), max_size=6)


def open_task(term: Term, opened_at: datetime, *, level: Level | None = "grid") -> Task:
    return Task(
        id="T-01",
        key="arrears.serve-dunning-notice",
        role="collector",
        level=level,
        opened_at=opened_at,
        counts_from=opened_at,
        term=term,
        due=due_at(term=term, started_at=opened_at, calendar=CN),
        clock=(Interval(party="utility", started_at=opened_at),),
    )


def rung(task: Task, *, until: datetime | None, policy: EscalationPolicy) -> Task:
    """The task after every alarm that comes before `until`."""
    while (alarm := next_escalation(task, policy=policy, calendar=CN)) is not None:
        if until is not None and alarm.at > until:
            break
        task = changed_task(task, alarm)
    return task


def lived(task: Task, pauses: list[tuple[int, int, Party]], policy: EscalationPolicy = POLICY) -> Task:
    """The task through its pauses, alarms ringing on the way, and then left alone until the last one."""
    now = task.opened_at
    for ran, stood, party in pauses:
        now += HOUR * ran
        task = rung(task, until=now, policy=policy)
        task = changed_task(
            task, paused_task(task, party=party, reason="r", evidence="e", at=now, by="li", calendar=CN)
        )
        assert next_escalation(task, policy=policy, calendar=CN) is None
        now += HOUR * stood
        task = changed_task(task, resumed_task(task, at=now, by="li", calendar=CN))
    return rung(task, until=None, policy=policy)


@given(terms, instants, stops)
def test_every_level_hears_once_in_its_order_and_only_when_it_may(term, opened_at, pauses):
    late = lived(open_task(term, opened_at), pauses)
    assert [each.level for each in late.escalations] == ["section", "office", "centre"]
    rings = [each.at for each in late.escalations]
    assert rings == sorted(rings)
    for at in rings:
        assert term.elapsed or HOURS.contains(at, CN), "an alarm at night or on a day off"
        theirs = [each for each in late.clock if each.party != "utility" and each.ended_at is not None]
        assert not any(each.started_at < at < each.ended_at for each in theirs), "an alarm in another party's time"
    assert late.breached_at is not None
    assert late.due_at is not None
    assert rings[0] >= late.due_at


@given(st.sampled_from([Term.parse("PT10M"), Term.parse("PT12H"), Term.parse("PT40H")]), instants, stops)
def test_a_term_and_each_budget_in_hours_get_their_full_utility_time_however_often_it_stood_still(
    term, opened_at, pauses
):
    late = lived(open_task(term, opened_at), pauses)
    starts = [opened_at, *(each.at for each in late.escalations)]
    budgets = [term.duration, *(POLICY.urgent_budgets[level].duration for level in ("section", "office"))]
    for (since, until), budget in zip(pairwise(starts), budgets, strict=True):
        cut = tuple(
            each.model_copy(update={"started_at": max(each.started_at, since)})
            for each in late.clock
            if each.ended_at is None or each.ended_at > since
        )
        before = tuple(
            each.model_copy(update={"ended_at": min(each.ended_at or until, until)})
            for each in cut
            if each.started_at <= until
        )
        assert spent(before, party="utility", until=until) == budget


@given(terms, instants, stops)
def test_each_days_budget_is_at_least_one_working_day_away_from_the_alarm_before(term, opened_at, pauses):
    if term.elapsed:
        return
    rings = [each.at for each in lived(open_task(term, opened_at), pauses).escalations]
    for one, other in pairwise(rings):
        assert other.date() > one.date()
        between = [one.date() + timedelta(days=n) for n in range(1, (other.date() - one.date()).days + 1)]
        assert sum(CN.is_working_day(day) for day in between) >= 1


def test_an_alarm_that_waited_for_the_office_is_not_rung_into_another_partys_time():
    # The section's day is over on Friday's 24:00, the office would hear on Monday; the customer has it from Sunday on.
    def at(text: str) -> datetime:
        return datetime.fromisoformat(text).replace(tzinfo=CHINA)

    late = open_task(Term.parse("1WD"), at("2026-03-10 09:00"))
    late = rung(late, until=at("2026-03-14 12:00"), policy=POLICY)
    assert [(each.level, each.at) for each in late.escalations] == [("section", at("2026-03-12 08:30"))]
    pause = paused_task(late, party="customer", reason="r", at=at("2026-03-15 10:00"), by="li", calendar=CN)
    late = changed_task(late, pause)
    late = changed_task(late, resumed_task(late, at=at("2026-03-18 14:00"), by="li", calendar=CN))
    alarm = next_escalation(late, policy=POLICY, calendar=CN)
    assert alarm is not None
    assert (alarm.level, alarm.at) == ("office", at("2026-03-18 14:00"))


def test_a_case_that_opens_again_does_not_ring_every_alarm_at_once():
    # A task whose term was over long before it opened again: the section hears at once, the others after their day.
    def at(text: str) -> datetime:
        return datetime.fromisoformat(text).replace(tzinfo=CHINA)

    again = open_task(Term.parse("P3D"), at("2026-03-20 10:00")).model_copy(
        update={
            "counts_from": at("2026-01-05 09:00"),
            "due": due_at(term=Term.parse("P3D"), started_at=at("2026-01-05 09:00"), calendar=CN),
        }
    )
    rings = [each.at for each in rung(again, until=None, policy=POLICY).escalations]
    assert rings == [at("2026-03-20 10:00"), at("2026-03-24 08:30"), at("2026-03-26 08:30")]


# The packs.


def policies() -> list[tuple[str, EscalationPolicy]]:
    found = []
    for version in pack_versions():
        pack = load_pack(version)
        for process in ("arrears", "connection"):
            section = getattr(pack, process)
            if section is not None:
                found.append((f"{version}/{process}", section.escalation.value))
    return found


@pytest.mark.parametrize(("name", "policy"), policies(), ids=[name for name, _ in policies()])
@pytest.mark.parametrize("term", ["P3D", "PT12H"])
def test_each_packs_chain_goes_up_level_by_level_with_its_own_budgets_and_back_down(name, policy, term):
    opened_at = datetime(2026, 3, 11, 9, tzinfo=CHINA)
    for start in (*LEVELS[:3], None):
        late = rung(open_task(Term.parse(term), opened_at, level=start), until=None, policy=policy)
        budgets = policy.urgent_budgets if term.startswith("PT") else policy.budgets
        above = [LEVELS[LEVELS.index(start or "grid") + 1]]
        while above[-1] in budgets and above[-1] != LEVELS[-1]:
            above.append(LEVELS[LEVELS.index(above[-1]) + 1])
        assert [each.level for each in late.escalations] == above
        for one, other in pairwise(late.escalations):
            over_at = due_at(term=budgets[one.level], started_at=one.at, calendar=CN).at
            fires_at = over_at if term.startswith("PT") else policy.service_hours.next_inside(over_at, CN)
            assert other.at == fires_at
        decided = TaskDecided(at=opened_at + timedelta(days=60), by="zhao", task_id=late.id, key=late.key, form={})
        answered = answered_escalation(late, decided)
        assert answered is not None
        below = LEVELS[LEVELS.index(start or "grid") : LEVELS.index(above[-1])]
        assert (answered.level, answered.told) == (above[-1], below)
        assert answered.by == "zhao"


def test_a_task_that_never_climbed_has_nobody_to_tell():
    task = open_task(Term.parse("P3D"), datetime(2026, 3, 11, 9, tzinfo=CHINA))
    decided = TaskDecided(at=task.opened_at, by="wang", task_id=task.id, key=task.key, form={})
    assert answered_escalation(task, decided) is None
    assert isinstance(next_escalation(task, policy=POLICY, calendar=CN), TaskEscalated)


# The clock, phase by phase.


@given(stops, st.lists(st.integers(1, 400), min_size=1, max_size=5))
def test_the_time_of_the_phases_adds_up_to_the_time_of_the_case(pauses, hours):
    opened_at = datetime(2026, 3, 11, 9, tzinfo=CHINA)
    task = open_task(Term.parse("P3D"), opened_at)
    now = opened_at
    for ran, stood, party in pauses:
        now += HOUR * ran
        task = changed_task(task, paused_task(task, party=party, reason="r", at=now, by="li", calendar=CN))
        now += HOUR * stood
        task = changed_task(task, resumed_task(task, at=now, by="li", calendar=CN))
    entered, at = [("application", opened_at)], opened_at
    for number, each in enumerate(hours):
        at += HOUR * each
        entered.append((f"phase-{number % 2}", at))
    until = max(now, at) + HOUR
    phases = by_phase([task.clock, task.clock], entered=entered, until=until)
    whole = by_party([task.clock, task.clock], until=until)
    for party in PARTIES:
        total = sum((times.get(party, timedelta()) for times in phases.values()), timedelta())
        assert total == whole.get(party, timedelta())
