"""What is still to come: never before now, the later the later, and just what a project then lives."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.calendars import CHINA
from domain.commands import DecideTask, PauseTask
from domain.connection.commands import decide, events_of
from domain.connection.facts import ProjectFacts
from domain.connection.forecast import after, forecast, water_on
from domain.connection.forms import CONNECTION_TASKS
from domain.connection.policy import ConnectionPolicy
from domain.cosigning import AskCosigner
from domain.filling import filled
from domain.people import Actor
from domain.tasks import Task
from policies.packs import load_calendar, load_pack, pack_versions
from tests.policies.lives import OPENED_AT, PROJECTS, ProjectLife, begun

PACKS = [name for name in pack_versions() if load_pack(name).connection is not None]
HOUR = timedelta(hours=1)


def policy_of(pack: str) -> ConnectionPolicy:
    policy = load_pack(pack).connection
    assert policy is not None
    return policy


def life(pack: str, project: dict[str, Any]) -> ProjectLife:
    """A project just opened, with its first task."""
    played = begun(policy_of(pack), project, {})
    played.live_until("connection.check-papers")
    return played


def ahead(played: ProjectLife, **more: Any) -> tuple[Any, ...]:
    return forecast(played.facts, played.policy, load_calendar(), now=more.pop("now", played.now), **more)


def decided(played: ProjectLife, task: Task, at: datetime) -> None:
    """The plain good way, by somebody who may."""
    form = filled(
        CONNECTION_TASKS[task.key].form,
        {"secondary_supply_certificate": "HG-1"} if "activate" in task.key else {},
        demands=task.demands,
    )
    by = Actor(id=next(id for id in "xyz" if id not in task.not_by), roles=(task.role,))
    played.now = at
    played.say(decide(DecideTask(by=by, at=at, key=task.key, task_id=task.id, form=form), played.facts, played.policy))
    played.settle()


@pytest.mark.parametrize("pack", PACKS)
@pytest.mark.parametrize("project", PROJECTS[:7], ids=lambda each: f"{each['kind']}-{each.get('meters', 1)}")
def test_a_project_that_keeps_its_terms_to_the_day_lives_what_was_forecast(pack: str, project: dict[str, Any]) -> None:
    played = life(pack, project)
    expected = ahead(played)
    assert water_on(expected) is not None
    for each in expected:
        task = played.facts.open_task(each.key, subject=each.subject)
        assert task is not None, each
        assert (task.opened_at, task.due_at) == (each.opens_at, task.due_at)
        assert each.by >= (task.due_at or each.by)
        decided(played, task, each.by)
    assert not played.facts.tasks


@settings(max_examples=40, deadline=None)
@given(
    pack=st.sampled_from(PACKS),
    project=st.sampled_from(PROJECTS[:7]),
    done=st.integers(0, 25),
    hours=st.integers(0, 24 * 40),
    later=st.integers(0, 24 * 20),
)
def test_nothing_is_forecast_before_now_and_waiting_brings_nothing_forward(
    pack: str, project: dict[str, Any], done: int, hours: int, later: int
) -> None:
    played = life(pack, project)
    for _ in range(done):
        task = next(iter(ahead(played, pace=after(HOUR))), None)
        if task is None:
            break
        decided(played, played.facts.open_task(task.key, subject=task.subject), task.by)  # type: ignore[arg-type]
    now = played.now + timedelta(hours=hours)
    first, then = ahead(played, now=now), ahead(played, now=now + timedelta(hours=later))
    assert all(each.by >= now for each in first)
    assert all(each.opens_at >= now for each in first if not each.is_open)
    assert [each.by for each in first] == sorted(each.by for each in first)
    assert {each.key for each in first} == {each.key for each in then}
    before = {(each.key, each.subject): each.by for each in first}
    assert all(each.by >= before[each.key, each.subject] for each in then)
    soonest = {(each.key, each.subject): each.by for each in ahead(played, now=now, pace=after(timedelta()))}
    assert all(soonest[place] <= by for place, by in before.items())


def test_a_task_in_another_partys_hands_goes_on_with_what_was_left() -> None:
    played = life("jinan@2020-01-29", {"kind": "single"})
    played.live_until("connection.design")
    task = played.facts.open_task("connection.design")
    assert task is not None
    by = Actor(id="boss", roles=("supervisor",))
    pause = PauseTask(by=by, at=played.now, task=task.key, party="customer", reason="补图")
    for event in events_of(pause, played.facts, played.policy, load_calendar()):
        played.say(event)
    a_month_on = played.now + timedelta(days=30)
    first = ahead(played, now=a_month_on)[0]
    assert (first.key, first.party) == ("connection.design", "customer")
    assert first.by > a_month_on


@pytest.mark.parametrize("answer", [None, "disagree"])
def test_a_signature_that_is_waited_for_does_not_end_the_course(answer: str | None) -> None:
    played = life("jinan@2020-01-29", {"kind": "single"})
    played.live_until("connection.draft-scheme")
    by = Actor(id="d", roles=("designer",))
    task = played.facts.open_task("connection.draft-scheme")
    assert task is not None
    ask = AskCosigner(by=by, at=played.now, task=task.id, of="boss", role="supervisor", reason="大管径")
    for event in events_of(ask, played.facts, played.policy, load_calendar()):
        played.say(event)
    if answer is not None:
        unwilling = {no: each.model_copy(update={"answer": answer}) for no, each in played.facts.cosigns.items()}
        played.facts = played.facts.model_copy(update={"cosigns": unwilling})
    assert water_on(ahead(played)) is not None


def test_a_survey_is_not_before_the_hour_that_was_agreed() -> None:
    played = life("jinan@2020-01-29", {"kind": "single"})
    agreed = OPENED_AT + timedelta(days=9)
    coming = ahead(played, pace=after(timedelta(), agreed={"connection.survey": agreed}))
    by = {each.key: each.by for each in coming}
    assert by["connection.arrange-survey"] == played.now
    assert by["connection.survey"] == agreed
    assert by["connection.draft-scheme"] == agreed


def test_what_has_ended_has_nothing_to_come_and_an_unpublished_year_makes_it_unsure() -> None:
    played = life("jinan@2020-01-29", {"kind": "single"})
    far = datetime(2031, 5, 4, 9, tzinfo=CHINA)
    assert all(each.provisional for each in ahead(played, now=far)[2:])
    assert not any(each.provisional for each in ahead(played))
    played.live()
    ended: ProjectFacts = played.facts
    assert ended.outcome == "closed"
    assert ahead(played) == ()
