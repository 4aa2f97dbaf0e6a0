"""What every case is made of: events, the facts they fold into, and the deadlines of its tasks.

An event says what happened, when (business time) and who did it. Facts are only ever changed by `fold`.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from domain.calendars import Calendar, PublishedYear, ServiceHours
from domain.clauses import keeps
from domain.clock import Party, ended, handed_to
from domain.people import LEVELS, Level, Role, level_above
from domain.tasks import Escalation, Pause, Task
from domain.terms import Due, Remaining, Term, due_at, remaining, resumed


class Event(BaseModel):
    """Something that happened to a case, in the past tense. `at` is business time, `by` an account id or `system`."""

    model_config = ConfigDict(frozen=True)

    at: datetime
    by: str = "system"
    clauses: tuple[str, ...] = ()


class CaseOpened(Event):
    event: Literal["CaseOpened"] = "CaseOpened"
    process: str
    pack: str
    subject: str
    about: dict[str, Any] = {}


class CaseReopened(Event):
    event: Literal["CaseReopened"] = "CaseReopened"
    because: str


class CaseClosed(Event):
    event: Literal["CaseClosed"] = "CaseClosed"
    outcome: str


class StageEntered(Event):
    event: Literal["StageEntered"] = "StageEntered"
    stage: str


class TaskOpened(Event):
    event: Literal["TaskOpened"] = "TaskOpened"
    task: Task


class TaskDecided(Event):
    event: Literal["TaskDecided"] = "TaskDecided"
    task_id: str
    key: str
    outcome: str | None = None
    form: dict[str, Any]


class TaskWithdrawn(Event):
    event: Literal["TaskWithdrawn"] = "TaskWithdrawn"
    task_id: str
    key: str
    because: str


class TaskPaused(Event):
    event: Literal["TaskPaused"] = "TaskPaused"
    task_id: str
    key: str
    party: Party
    reason: str
    evidence: str | None = None
    left: Remaining | None = None


class TaskResumed(Event):
    event: Literal["TaskResumed"] = "TaskResumed"
    task_id: str
    key: str
    left: Remaining | None
    due: Due | None


class TaskReassigned(Event):
    event: Literal["TaskReassigned"] = "TaskReassigned"
    task_id: str
    key: str
    to: str
    reason: str | None = None


class CosignAsked(Event):
    """加签: whoever has the task wants another person's signature under it before it is decided."""

    event: Literal["CosignAsked"] = "CosignAsked"
    task_id: str
    key: str
    of: str
    role: Role
    reason: str


class CosignDropped(Event):
    """The signature is not waited for any more."""

    event: Literal["CosignDropped"] = "CosignDropped"
    task_id: str
    key: str
    reason: str | None = None


class TaskUrged(Event):
    event: Literal["TaskUrged"] = "TaskUrged"
    task_id: str
    key: str


class TaskEscalated(Event):
    """A task rises: late, or raised by somebody who gives the `reason`.

    `told`: the posts that hear of it there; `resolver`: the one that may decide it from now.
    """

    event: Literal["TaskEscalated"] = "TaskEscalated"
    task_id: str
    key: str
    level: Level
    told: tuple[Role, ...] = ()
    resolver: Role | None = None
    reason: str | None = None


class ProgressDue(Event):
    """What has risen takes long: its level is to say how far it is."""

    event: Literal["ProgressDue"] = "ProgressDue"
    task_id: str
    key: str
    level: Level


class ProgressTold(Event):
    """How far it is, told to each level below that had it before."""

    event: Literal["ProgressTold"] = "ProgressTold"
    task_id: str
    key: str
    level: Level
    note: str
    told: tuple[Level, ...]


class EscalationAnswered(Event):
    """What the higher level did, told to each level below that had it before."""

    event: Literal["EscalationAnswered"] = "EscalationAnswered"
    task_id: str
    key: str
    level: Level
    told: tuple[Level, ...]


class DeadlineMoved(Event):
    event: Literal["DeadlineMoved"] = "DeadlineMoved"
    task_id: str
    key: str
    due: Due
    because: str


class CalendarPublished(Event):
    event: Literal["CalendarPublished"] = "CalendarPublished"
    year: int
    days: PublishedYear


class PackMoved(Event):
    """The case goes on under another version of its pack. `kept`: terms of the customer's running periods till now."""

    event: Literal["PackMoved"] = "PackMoved"
    from_pack: str
    to_pack: str
    reason: str
    kept: dict[str, Term] = {}


class TaskReasked(Event):
    """An open task as another version of the pack asks for it. `left` is that of its last pause, counted anew."""

    event: Literal["TaskReasked"] = "TaskReasked"
    task_id: str
    key: str
    role: Role
    level: Level | None
    not_by: tuple[str, ...]
    demands: tuple[str, ...]
    assists: tuple[Role, ...] = ()
    term: Term
    left: Remaining | None


CoreEvent = (
    CaseOpened
    | CaseReopened
    | CaseClosed
    | StageEntered
    | TaskOpened
    | TaskDecided
    | TaskWithdrawn
    | TaskPaused
    | TaskResumed
    | TaskReassigned
    | CosignAsked
    | CosignDropped
    | TaskUrged
    | TaskEscalated
    | ProgressDue
    | ProgressTold
    | EscalationAnswered
    | DeadlineMoved
    | CalendarPublished
    | PackMoved
    | TaskReasked
)


class Cosign(BaseModel):
    """Whose signature an open task waits for; `answer` once it is given, or refused."""

    model_config = ConfigDict(frozen=True)

    of: str
    role: Role
    asked_by: str
    asked_at: datetime
    reason: str
    answer: Literal["agree", "disagree"] | None = None


class CaseFacts(BaseModel):
    """What is known of a case. Open tasks only: a closed one is in the record. `as_of` never goes back.

    `cosigns`: the last signature asked for, by the id of the open task that it goes under.
    """

    model_config = ConfigDict(frozen=True)

    case_no: str
    pack: str
    opened_at: datetime
    as_of: datetime
    stage: str | None = None
    tasks: dict[str, Task] = {}
    tasks_opened: int = 0
    cosigns: dict[str, Cosign] = {}
    outcome: str | None = None

    def open_task(self, key: str, *, subject: str | None = None) -> Task | None:
        """The open task of that kind (and item or node, where several of a kind are open)."""
        for task in self.tasks.values():
            if task.key == key and task.status == "open" and (subject is None or task.subject == subject):
                return task
        return None


def changed_task(task: Task, event: CoreEvent) -> Task:
    """The task after an event about it."""
    match event:
        case TaskDecided():
            closing: dict[str, Any] = {"status": "decided", "decided_by": event.by, "form": event.form}
        case TaskWithdrawn():
            closing = {"status": "withdrawn"}
        case TaskPaused():
            pause = Pause(
                party=event.party, reason=event.reason, evidence=event.evidence, since=event.at, left=event.left
            )
            clock = handed_to(
                task.clock,
                party=event.party,
                at=event.at,
                reason=event.reason,
                evidence=event.evidence,
                left=event.left,
            )
            return task.model_copy(update={"pause": pause, "clock": clock})
        case TaskResumed():
            clock = handed_to(task.clock, party=task.clock[0].party if task.clock else "utility", at=event.at)
            first_from = task.first_from or task.counts_from
            going_on = {"counts_from": event.at, "first_from": first_from, "left": event.left, "due": event.due}
            return task.model_copy(update={"pause": None, "clock": clock, **going_on})
        case TaskReassigned():
            return task.model_copy(update={"assignee": event.to})
        case TaskUrged():
            return task.model_copy(update={"urged": task.urged + 1})
        case TaskEscalated():
            escalation = Escalation(level=event.level, at=event.at, resolver=event.resolver, reason=event.reason)
            in_time = event.reason is not None and (task.due_at is None or event.at < task.due_at)
            breached = task.breached_at or (None if in_time else task.due_at)
            return task.model_copy(update={"escalations": (*task.escalations, escalation), "breached_at": breached})
        case ProgressDue():
            return task.model_copy(update={"progress_due_at": event.at})
        case ProgressTold():
            return task.model_copy(update={"progress_at": event.at})
        case DeadlineMoved():
            return task.model_copy(update={"due": event.due})
        case TaskReasked():
            asked: dict[str, Any] = {
                name: getattr(event, name) for name in ("role", "level", "not_by", "demands", "assists", "term")
            }
            if task.pause is not None:
                standing: dict[str, Any] = {"pause": task.pause.model_copy(update={"left": event.left})}
            else:
                standing = {"left": event.left}
            return task.model_copy(update=asked | {"clauses": event.clauses} | standing)
        case _:
            return task
    late = task.due_at if task.due_at and task.pause is None and task.due_at <= event.at else None
    closing |= {"closed_at": event.at, "clock": ended(task.clock, at=event.at), "breached_at": task.breached_at or late}
    return task.model_copy(update=closing)


def core_changes(facts: CaseFacts, event: Event) -> dict[str, Any]:
    """What an event of the core changes in the facts of any case; a process adds its own to these."""
    changes: dict[str, Any] = {"as_of": max(facts.as_of, event.at)}
    match event:
        case StageEntered():
            changes["stage"] = event.stage
        case TaskOpened():
            changes["tasks"] = {**facts.tasks, event.task.id: event.task}
            changes["tasks_opened"] = facts.tasks_opened + 1
        case TaskDecided() | TaskWithdrawn():
            changes["tasks"] = {no: task for no, task in facts.tasks.items() if no != event.task_id}
            if facts.cosigns:
                changes["cosigns"] = _answered(facts, event)
        case CosignAsked():
            asked = Cosign(of=event.of, role=event.role, asked_by=event.by, asked_at=event.at, reason=event.reason)
            changes["cosigns"] = {**facts.cosigns, event.task_id: asked}
        case CosignDropped():
            changes["cosigns"] = {no: each for no, each in facts.cosigns.items() if no != event.task_id}
        case (
            TaskPaused()
            | TaskResumed()
            | TaskReassigned()
            | TaskUrged()
            | TaskEscalated()
            | ProgressDue()
            | ProgressTold()
            | DeadlineMoved()
            | TaskReasked()
        ):
            if task := facts.tasks.get(event.task_id):
                changes["tasks"] = {**facts.tasks, task.id: changed_task(task, event)}
        case CaseClosed():
            changes["outcome"] = event.outcome
        case CaseReopened():
            changes["outcome"] = None
        case PackMoved():
            changes["pack"] = event.to_pack
        case _:
            pass
    return changes


def _answered(facts: CaseFacts, event: TaskDecided | TaskWithdrawn) -> dict[str, Cosign]:
    """The signatures waited for after a task has ended: its own no more, and the one that it was about is given."""
    left = {no: each for no, each in facts.cosigns.items() if no != event.task_id}
    about = facts.tasks[event.task_id].subject if event.task_id in facts.tasks else None
    if isinstance(event, TaskDecided) and event.key.endswith(COSIGN) and about in left:
        left[about] = left[about].model_copy(update={"answer": event.outcome})
    return left


COSIGN = ".cosign"
"""How the key of a task ends that is nothing but a signature under another one (its subject)."""


class EscalationPolicy(BaseModel):
    """How lateness climbs: each level's own budget, and the hours in which alarms may fire."""

    model_config = ConfigDict(frozen=True)

    service_hours: ServiceHours
    budgets: dict[Level, Term]
    urgent_budgets: dict[Level, Term]


@keeps("changchun.connection.chase-each-step")
def next_escalation(task: Task, *, policy: EscalationPolicy, calendar: Calendar) -> TaskEscalated | None:
    """The next alarm of an open task, or None: another party's time, without a deadline, or already at the top.

    The first comes when the task's own term is over, each further one when the budget of the level that has it is over;
    what was raised before it was late climbs no further by itself until it is. None comes outside service hours unless
    the task's term is elapsed time.
    """
    if task.due_at is None or task.with_another or task.status != "open":
        return None
    urgent = task.term is not None and task.term.elapsed
    if not task.escalations:
        # A term that was over before the task opened again or went on: late from then on, not at an instant before.
        level, over_at = level_above(task.level or "grid"), max(task.due_at, task.opened_at, task.counts_from)
    else:
        last = task.escalations[-1]
        budget = (policy.urgent_budgets if urgent else policy.budgets).get(last.level)
        level = level_above(last.level)
        if budget is None:
            return None
        paused = [(i.started_at, i.ended_at) for i in task.clock if i.party != "utility" and i.ended_at is not None]
        # A budget that was over while the alarm waited for the office to open: not rung into another party's time.
        over_at = max(ends(term=budget, started_at=last.at, paused=paused, calendar=calendar).at, task.counts_from)
        if last.reason is not None:
            over_at = max(over_at, task.due_at)
    if level is None:
        return None
    fires_at = over_at if urgent else policy.service_hours.next_inside(over_at, calendar)
    return TaskEscalated(at=fires_at, task_id=task.id, key=task.key, level=level)


def ends(*, term: Term, started_at: datetime, paused: Iterable[tuple[datetime, datetime]], calendar: Calendar) -> Due:
    """When a term ends that stood still for some stretches, given in order of time: each is left out."""
    due = due_at(term=term, started_at=started_at, calendar=calendar)
    for since, until in paused:
        if until <= started_at or since >= due.at:
            continue
        left = remaining(due=due, term=term, paused_at=max(since, started_at), calendar=calendar)
        due = resumed(left=left, term=term, resumed_at=until, calendar=calendar)
    return due


@keeps("kaifeng.escalation.feedback-down")
def answered_escalation(task: Task, event: TaskDecided) -> EscalationAnswered | None:
    """The word that goes down the chain when a task that had climbed is decided; None when it had not."""
    if not task.escalations:
        return None
    top = task.escalations[-1].level
    told = LEVELS[LEVELS.index(task.level or "grid") : LEVELS.index(top)]
    return EscalationAnswered(at=event.at, by=event.by, task_id=task.id, key=task.key, level=top, told=told)


def paused_task(
    task: Task, *, party: Party, reason: str, at: datetime, by: str, calendar: Calendar, evidence: str | None = None
) -> TaskPaused:
    """Stop the utility's clock on a task, keeping what is left of its term."""
    left = None
    if task.term is not None and task.due is not None:
        left = remaining(due=task.due, term=task.term, paused_at=at, calendar=calendar)
    return TaskPaused(
        at=at, by=by, task_id=task.id, key=task.key, party=party, reason=reason, evidence=evidence, left=left
    )


def resumed_task(task: Task, *, at: datetime, by: str, calendar: Calendar) -> TaskResumed:
    """Start the utility's clock again with what was left."""
    left = task.pause.left if task.pause else None
    due = task.due
    if left is not None and task.term is not None:
        due = resumed(left=left, term=task.term, resumed_at=at, calendar=calendar)
    return TaskResumed(at=at, by=by, task_id=task.id, key=task.key, left=left, due=due)


def moved_deadlines(tasks: Iterable[Task], *, calendar: Calendar, at: datetime) -> list[DeadlineMoved]:
    """What a newly published calendar changes: deadlines of open tasks, projected again."""
    moved = []
    for task in tasks:
        if task.status != "open" or task.pause is not None:
            continue
        due = task.projected(calendar)
        if due is not None and due != task.due:
            moved.append(DeadlineMoved(at=at, task_id=task.id, key=task.key, due=due, because="calendar published"))
    return moved
