"""Commands any case takes: imperative, one frozen object each, stamped with who and when at the door."""

from datetime import date, datetime, timedelta
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from domain.calendars import Calendar, start_of
from domain.case import (
    CaseFacts,
    ProgressTold,
    TaskDecided,
    TaskPaused,
    TaskReassigned,
    TaskResumed,
    TaskUrged,
    paused_task,
    resumed_task,
)
from domain.clauses import keeps
from domain.clock import Party
from domain.people import LEVELS, Actor, Role
from domain.refusals import Refused
from domain.tasks import Task, TaskKind, refuse_unless_complete, refuse_unless_decidable


class Command(BaseModel):
    """`by` and `at` (business time) are set by the door, never by the sender."""

    model_config = ConfigDict(frozen=True)

    by: Actor
    at: AwareDatetime


class DecideTask(Command):
    """Decide the open task of this key (and item or node, or this very task id)."""

    command: Literal["decide"] = "decide"
    key: str
    subject: str | None = None
    task_id: str | None = None
    form: dict[str, Any] = Field(default_factory=dict)


class PauseTask(Command):
    """`evidence`: what shows that another party has it: words, or the reference of a document or picture."""

    command: Literal["pause"] = "pause"
    task: str
    party: Party
    reason: str = Field(min_length=1, max_length=500)
    evidence: str | None = Field(None, max_length=500)


class ResumeTask(Command):
    command: Literal["resume"] = "resume"
    task: str | None = None


class ReassignTask(Command):
    command: Literal["reassign"] = "reassign"
    task: str
    to: str = Field(min_length=1, max_length=100)
    reason: str | None = Field(None, max_length=500)


class UrgeTask(Command):
    command: Literal["urge"] = "urge"
    task: str


class PlaceHold(Command):
    """`ground`: a reason of the pack's list; `evidence` shows it. `reference`: of money on its way through the bank."""

    command: Literal["hold"] = "hold"
    reason: str = Field(min_length=1, max_length=500)
    until: AwareDatetime | date | None = None
    ground: str | None = Field(None, max_length=30)
    evidence: str | None = Field(None, max_length=200)
    reference: str | None = Field(None, max_length=100)


class ReleaseHold(Command):
    """`hold`: this one alone; left out, all that stand. `how`: whether what it waited for came about."""

    command: Literal["release"] = "release"
    hold: str | None = Field(None, max_length=40)
    how: Literal["released", "kept", "broken"] = "released"
    reason: str | None = Field(None, max_length=500)


class WithdrawCase(Command):
    """The case is called off, by the customer or because it should not have been opened."""

    command: Literal["withdraw"] = "withdraw"
    reason: str = Field(min_length=1, max_length=500)


class TellProgress(Command):
    """通报进度: how far something that has risen is, told to each level below that had it before."""

    command: Literal["progress"] = "progress"
    task: str
    note: str = Field(min_length=1, max_length=500)


class EscalateTask(Command):
    """上报: what whoever has a task cannot resolve is raised to the level above, late or not."""

    command: Literal["escalate"] = "escalate"
    task: str
    reason: str = Field(min_length=1, max_length=500)


TaskCommand = PauseTask | ResumeTask | ReassignTask | UrgeTask | TellProgress


def end_of(until: datetime | date) -> datetime:
    """The exclusive end of a day (24:00), or the instant itself."""
    return until if isinstance(until, datetime) else start_of(until + timedelta(days=1))


def refuse_unless_acting(actor: Actor, *roles: Role) -> None:
    """Raises `Refused("wrong-role")` unless the person holds one of the roles."""
    if not any(actor.holds(role) for role in roles):
        raise Refused(
            "wrong-role", f"this is for a {' or '.join(roles)}; {actor.id} holds {', '.join(actor.roles) or 'no role'}"
        )


def decided_task(command: DecideTask, facts: CaseFacts, kinds: dict[str, TaskKind]) -> TaskDecided:
    """The decision, when it may be taken. Raises `Refused`: unknown, not-open, wrong-role, four-eyes, form-invalid."""
    kind = kinds.get(command.key)
    if kind is None:
        raise Refused("unknown", f"no task is called {command.key}; this process has {', '.join(sorted(kinds))}")
    if command.task_id is not None:
        task = facts.tasks.get(command.task_id)
    else:
        task = facts.open_task(command.key, subject=command.subject)
    task = refuse_unless_decidable(task, key=command.key, actor=command.by)
    if task.key != command.key:
        raise Refused("unknown", f"task {task.id} is {task.key}, not {command.key}")
    form = kind.filled(command.form)
    refuse_unless_complete(task, form)
    return TaskDecided(
        at=command.at,
        by=command.by.id,
        clauses=task.clauses,
        task_id=task.id,
        key=task.key,
        outcome=form.decision,
        form=form.model_dump(mode="json", exclude_none=True),
    )


REASSIGN: tuple[Role, ...] = ("supervisor", "leading-group")


@keeps("changchun.connection.reassign-allowed")
def changed_by(
    command: TaskCommand, facts: CaseFacts, calendar: Calendar, *, reassigned_by: tuple[Role, ...] = REASSIGN
) -> TaskPaused | TaskResumed | TaskReassigned | TaskUrged | ProgressTold:
    """What a command about a task changes. Raises `Refused`: not-open, wrong-role, form-invalid."""
    match command:
        case PauseTask():
            task = task_at(command.task, facts)
            refuse_unless_acting(command.by, task.role, "supervisor")
            if command.party == "utility":
                raise Refused("form-invalid", "party: a pause names the party that now holds the task, not the utility")
            if task.pause is not None:
                raise Refused("not-open", f"{task.key} is paused already, for the {task.pause.party}: resume it first")
            return paused_task(
                task,
                party=command.party,
                reason=command.reason,
                evidence=command.evidence,
                at=command.at,
                by=command.by.id,
                calendar=calendar,
            )
        case ResumeTask():
            task = _paused(command.task, facts)
            refuse_unless_acting(command.by, task.role, "supervisor")
            return resumed_task(task, at=command.at, by=command.by.id, calendar=calendar)
        case ReassignTask():
            task = task_at(command.task, facts)
            refuse_unless_acting(command.by, *reassigned_by)
            return TaskReassigned(
                at=command.at, by=command.by.id, task_id=task.id, key=task.key, to=command.to, reason=command.reason
            )
        case UrgeTask():
            task = task_at(command.task, facts)
            return TaskUrged(at=command.at, by=command.by.id, task_id=task.id, key=task.key)
        case TellProgress():
            return _progress_told(command, task_at(command.task, facts))


@keeps("kaifeng.escalation.progress-when-long")
def _progress_told(command: TellProgress, task: Task) -> ProgressTold:
    """Told by whoever has it at its level, to those who had it before."""
    if not task.escalations:
        raise Refused(
            "not-open", f"{task.key} has not risen: nobody above has it", zh="这项任务没有上报，不用通报进度。"
        )
    level = task.escalations[-1].level
    if not command.by.holds("supervisor", level=level):
        raise Refused(
            "wrong-role",
            f"progress is told by a supervisor of level {level} or above; {command.by.id} is none",
            zh="由上报到的那一级主任通报进度。",
        )
    told = LEVELS[LEVELS.index(task.level or "grid") : LEVELS.index(level)]
    said = {"at": command.at, "by": command.by.id, "task_id": task.id, "key": task.key}
    return ProgressTold(**said, level=level, note=command.note, told=told)


def task_at(key_or_id: str, facts: CaseFacts) -> Task:
    task = facts.tasks.get(key_or_id) or facts.open_task(key_or_id)
    if task is None:
        raise Refused("not-open", f"{key_or_id} is not open in this case")
    return task


def _paused(key_or_id: str | None, facts: CaseFacts) -> Task:
    paused = [task for task in facts.tasks.values() if task.pause is not None]
    if key_or_id is not None:
        paused = [task for task in paused if key_or_id in (task.id, task.key)]
    if not paused:
        raise Refused("not-open", f"{key_or_id or 'no task'} is not paused in this case: nothing to resume")
    return paused[0]
