"""The chain that a late task climbs: who is told at each level, who resolves it there, and that progress is told.

A pack without one has its late tasks show at the next level and nothing more.
"""

from collections.abc import Iterator
from datetime import datetime

from domain.calendars import Calendar
from domain.case import EscalationPolicy, Event, ProgressDue, TaskEscalated, next_escalation
from domain.clauses import keeps
from domain.commands import EscalateTask
from domain.people import Actor, Level, Role, level_above
from domain.policy import Sourced, Strict
from domain.refusals import Refused
from domain.tasks import Task
from domain.terms import Term, due_at


class Chain(Strict):
    """`groups`: the posts that hear of what has risen to a level. `resolves`: the post that may decide it there.

    `progress`: what has been at a level for so long has its progress told, and again after as long.
    """

    groups: dict[Level, Sourced[tuple[Role, ...]]] = {}
    resolves: dict[Level, Sourced[Role]] = {}
    progress: Sourced[Term] | None = None


def alarms(task: Task, *, policy: EscalationPolicy, chain: Chain | None, calendar: Calendar) -> Iterator[Event]:
    """What lateness will bring about a task by itself: its next rise, and that its progress is to be told."""
    risen = next_escalation(task, policy=policy, calendar=calendar)
    if risen is not None:
        yield _heard(risen, chain)
    if chain is not None and chain.progress is not None:
        yield from _progress(task, chain.progress, policy=policy, calendar=calendar)


def _progress(
    task: Task, term: Sourced[Term], *, policy: EscalationPolicy, calendar: Calendar
) -> Iterator[ProgressDue]:
    if not task.escalations or task.with_another or task.status != "open":
        return
    since = max(task.escalations[-1].at, task.progress_at or task.escalations[-1].at)
    if task.progress_due_at is not None and task.progress_due_at >= since:
        return
    over_at: datetime = due_at(term=term.value, started_at=since, calendar=calendar).at
    fires_at = policy.service_hours.next_inside(max(over_at, task.counts_from), calendar)
    level = task.escalations[-1].level
    yield ProgressDue(at=fires_at, clauses=term.clauses, task_id=task.id, key=task.key, level=level)


@keeps(
    "kaifeng.escalation.l4-to-l3",
    "kaifeng.escalation.l3-to-l2",
    "kaifeng.escalation.l2-to-l1",
    "liaocheng.escalation.major-event-report-at-once",
    "jinan.escalation.escalate-by-leak-standard",
)
def raised(command: EscalateTask, task: Task, *, policy: EscalationPolicy, chain: Chain | None) -> TaskEscalated:
    """What a level cannot resolve goes up at once, by whoever has it there. Raises `Refused`: wrong-role, not-open."""
    here = _level(task)
    if not may_raise(command.by, task):
        who = f"whoever has it at level {here}: its {task.role} at first, then a supervisor of that level"
        raise Refused("wrong-role", f"{task.key} is raised by {who}", zh="由承办人或所在一级的主任上报。")
    if task.with_another:
        raise Refused("not-open", f"{task.key} is another party's now", zh="现在是别方的时间，没有什么可上报的。")
    level = level_above(here) if not task.escalations or here in policy.budgets else None
    if level is None:
        raise Refused("not-open", f"{task.key} is at the top of the chain: {here}", zh="已经到了最高一级，不能再上报。")
    said = {"at": command.at, "by": command.by.id, "task_id": task.id, "key": task.key, "reason": command.reason}
    return _heard(TaskEscalated(**said, level=level), chain)


def may_raise(actor: Actor, task: Task) -> bool:
    """Whether the task is this person's at the level where it is, or below them."""
    if not task.escalations and actor.holds(task.role, level=task.level):
        return True
    return actor.holds("supervisor", level=_level(task))


def _level(task: Task) -> Level:
    """Where the task is: the level that it has risen to, or the one whose it is."""
    return task.escalations[-1].level if task.escalations else task.level or "grid"


def _heard(risen: TaskEscalated, chain: Chain | None) -> TaskEscalated:
    """With who hears of it at its level, and who may resolve it there."""
    if chain is None:
        return risen
    told, resolver = chain.groups.get(risen.level), chain.resolves.get(risen.level)
    clauses = (*(told.clauses if told else ()), *(resolver.clauses if resolver else ()))
    changes = {"told": told.value if told else (), "resolver": resolver.value if resolver else None}
    return risen.model_copy(update={**changes, "clauses": clauses})
