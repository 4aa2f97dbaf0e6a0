"""The chain that a late task climbs: who is told at each level, who resolves it there, and that progress is told.

A pack without one has its late tasks show at the next level and nothing more.
"""

from collections.abc import Iterator
from datetime import datetime

from domain.calendars import Calendar
from domain.case import EscalationPolicy, Event, ProgressDue, next_escalation
from domain.people import Level, Role
from domain.policy import Sourced, Strict
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
    if risen is not None and chain is not None:
        told, resolver = chain.groups.get(risen.level), chain.resolves.get(risen.level)
        clauses = (*(told.clauses if told else ()), *(resolver.clauses if resolver else ()))
        changes = {"told": told.value if told else (), "resolver": resolver.value if resolver else None}
        risen = risen.model_copy(update={**changes, "clauses": clauses})
    if risen is not None:
        yield risen
    if chain is not None and chain.progress is not None:
        yield from _progress(task, chain.progress, policy=policy, calendar=calendar)


def _progress(
    task: Task, term: Sourced[Term], *, policy: EscalationPolicy, calendar: Calendar
) -> Iterator[ProgressDue]:
    theirs = task.pause is not None or (bool(task.clock) and task.clock[-1].party != "utility")
    if not task.escalations or theirs or task.status != "open":
        return
    since = max(task.escalations[-1].at, task.progress_at or task.escalations[-1].at)
    if task.progress_due_at is not None and task.progress_due_at >= since:
        return
    over_at: datetime = due_at(term=term.value, started_at=since, calendar=calendar).at
    fires_at = policy.service_hours.next_inside(max(over_at, task.counts_from), calendar)
    level = task.escalations[-1].level
    yield ProgressDue(at=fires_at, clauses=term.clauses, task_id=task.id, key=task.key, level=level)
