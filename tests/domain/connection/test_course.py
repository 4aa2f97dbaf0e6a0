"""What was promised, what was done, what is late and whose time it was; and then what is to come."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from domain.case import CoreEvent, TaskOpened, changed_task
from domain.commands import PauseTask, ResumeTask
from domain.connection import commands
from domain.connection.commands import events_of
from domain.connection.course import PhaseCourse, course, late_tasks
from domain.people import Actor
from domain.tasks import Task
from tests.domain.connection.test_forecast import ahead, decided, life
from tests.policies.lives import OPENED_AT, ProjectLife, load_calendar

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
BOSS = Actor(id="boss", roles=("supervisor",))


@dataclass
class Recorded(ProjectLife):
    """A life that keeps what a record keeps: every task as it ended, and when each phase was entered."""

    kept: dict[str, Task] = field(default_factory=dict)
    entered: list[tuple[str, datetime]] = field(default_factory=list)

    def say(self, event: Any) -> None:
        before = self.facts.tasks
        self.facts, said = commands.say(self.facts, event, self.policy, load_calendar())
        for each in said:
            self.told.append(each.model_dump(mode="json"))
            if isinstance(each, TaskOpened):
                self.kept[each.task.id] = each.task
            elif (no := getattr(each, "task_id", None)) is not None:
                task: Task = self.kept.get(no) or before[no]
                core: CoreEvent = each  # type: ignore[assignment]
                self.kept[no] = changed_task(task, core)
            elif each.event == "StageEntered":
                self.entered.append((each.stage, each.at))


def lived() -> Recorded:
    """A shop of Jinan, just opened."""
    opened = life("jinan@2020-01-29", {"kind": "single"})
    played = Recorded(opened.policy, opened.facts, {})
    played.facts = opened.facts.model_copy(update={"tasks": {}, "tasks_opened": 0, "stage": None})
    played.live_until("connection.check-papers")
    return played


def seen(played: Recorded) -> tuple[PhaseCourse, ...]:
    return course(played.kept.values(), ahead(played), entered=played.entered, now=played.now)


def test_a_course_has_what_was_done_what_is_open_and_what_is_to_come() -> None:
    played = lived()
    task = played.facts.open_task("connection.check-papers")
    assert task is not None
    decided(played, task, OPENED_AT + HOUR)
    phases = {phase.phase: phase for phase in seen(played)}
    assert list(phases) == ["application", "survey", "design", "inspection", "activation"]
    done = phases["application"].stretches[0]
    assert (done.standing, done.promised_at, done.real_at, done.late) == (
        "done",
        task.due_at,
        OPENED_AT + HOUR,
        timedelta(),
    )
    assert phases["application"].real_at == OPENED_AT + HOUR
    first, *rest = phases["survey"].stretches
    assert (first.key, first.standing, first.real_at) == ("connection.arrange-survey", "open", None)
    assert first.expected_at is not None
    assert [each.standing for each in rest] == ["to-come"]
    assert phases["survey"].real_at is None
    inspected = [each for each in phases["inspection"].stretches if each.key == "connection.inspect-node"]
    assert [(each.standing, each.subject) for each in inspected] == [("to-come", None)]  # nobody has named a node yet
    ends = [phase.promised_at for phase in phases.values()]
    assert ends == sorted(ends, key=lambda at: at or OPENED_AT)


def test_lateness_is_the_utilitys_own_and_time_of_others_is_told_apart() -> None:
    played = lived()
    task = played.facts.open_task("connection.check-papers")
    assert task is not None
    assert task.due_at is not None
    decided(played, task, task.due_at + 5 * HOUR)
    arrange = played.facts.open_task("connection.arrange-survey")
    assert arrange is not None
    for kind, when in ((PauseTask, played.now + HOUR), (ResumeTask, played.now + 3 * DAY)):
        more = {"party": "customer", "reason": "出差"} if kind is PauseTask else {}
        command = kind(by=BOSS, at=when, task=arrange.key, **more)
        for event in events_of(command, played.facts, played.policy, load_calendar()):
            played.now = when
            played.say(event)
    late = late_tasks(seen(played))
    assert [(each.key, each.late) for each in late] == [("connection.check-papers", 5 * HOUR)]
    survey = next(phase for phase in seen(played) if phase.phase == "survey")
    assert survey.late == timedelta()
    assert survey.times["customer"] == 3 * DAY - HOUR


def test_what_a_customer_takes_is_no_lateness() -> None:
    played = lived()
    task = played.facts.open_task("connection.check-papers")
    assert task is not None
    played.say(played.tried(task, {"outcome": "missing", "missing": ["身份证明"]}, completed=False))
    played.settle()
    played.now += 90 * DAY
    application = seen(played)[0]
    assert [each.key for each in application.stretches[:2]] == ["connection.check-papers", "connection.supply-papers"]
    assert application.late == timedelta()
    assert application.times["customer"] > 89 * DAY
    assert late_tasks(seen(played)) == []
