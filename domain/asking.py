"""What a case does about the tasks that a step asks for: withdraws, opens, and asks again under another pack."""

from collections.abc import Iterator
from datetime import datetime

from domain.calendars import Calendar
from domain.case import CaseFacts, DeadlineMoved, Event, PackMoved, TaskOpened, TaskReasked, TaskWithdrawn
from domain.clock import Interval
from domain.people import Level, Role
from domain.steps import Ask, Step, asked
from domain.tasks import Task, TaskKind
from domain.terms import Due, Remaining, Term, due_at, remaining, resumed


def not_called_for(facts: CaseFacts, step: Step) -> list[TaskWithdrawn]:
    """The end of each open task that the step does not ask for."""
    wanted = {(ask.key, ask.subject) for ask in asked(step)}
    because = "no longer called for"
    return [
        TaskWithdrawn(at=facts.as_of, task_id=task.id, key=task.key, because=because)
        for task in facts.tasks.values()
        if (task.key, task.subject) not in wanted
    ]


def not_open(facts: CaseFacts, step: Step) -> list[Ask]:
    """What the step asks for and is not open yet, in its order."""
    open_now = {(task.key, task.subject) for task in facts.tasks.values()}
    return [ask for ask in asked(step) if (ask.key, ask.subject) not in open_now]


def opened(ask: Ask, *, facts: CaseFacts, kinds: dict[str, TaskKind], calendar: Calendar) -> TaskOpened:
    """The task that an ask opens now, under the next number of its case."""
    at, (role, level) = facts.as_of, whose(ask, kinds)
    starts_at = ask.counts_from or at
    task = Task(
        id=f"{facts.case_no}-{facts.tasks_opened + 1:02d}",
        key=ask.key,
        role=role,
        level=level,
        opened_at=at,
        counts_from=starts_at,
        term=ask.term,
        due=due_at(term=ask.term, started_at=starts_at, calendar=calendar),
        clauses=ask.clauses,
        subject=ask.subject,
        not_by=ask.not_by,
        demands=ask.demands,
        assists=ask.assists,
        assignee=ask.assignee,
        clock=(Interval(party=ask.party, started_at=at),),
    )
    return TaskOpened(at=at, clauses=ask.clauses, task=task)


def whose(ask: Ask, kinds: dict[str, TaskKind]) -> tuple[Role, Level | None]:
    """Who decides the task: as the pack says, or as the kind of task has it."""
    kind = kinds[ask.key]
    return (ask.role, ask.level) if ask.role else (kind.role, kind.level)


def reasked(
    facts: CaseFacts, step: Step | None, kinds: dict[str, TaskKind], *, moved: PackMoved, calendar: Calendar
) -> list[Event]:
    """What changes about open tasks that the step of another pack asks for too.

    A term counts from where it counted from before. It stays as it was where the new one would take time from another
    party, or would be over at the move already: nobody becomes late by a move.
    """
    said: list[Event] = []
    for ask in asked(step) if step is not None else ():
        task = facts.open_task(ask.key, subject=ask.subject)
        if task is not None and (task.key, task.subject) == (ask.key, ask.subject):
            said += _asked_again(task, ask, kinds, moved=moved, calendar=calendar)
    return said


def _asked_again(
    task: Task, ask: Ask, kinds: dict[str, TaskKind], *, moved: PackMoved, calendar: Calendar
) -> Iterator[Event]:
    (role, level), about = whose(ask, kinds), {"task_id": task.id, "key": task.key}
    term, due, left = _term_moved(task, ask.term, party=ask.party, at=moved.at, calendar=calendar)
    before = (task.role, task.level, task.not_by, task.demands, task.assists, task.term, task.clauses)
    if before != (role, level, ask.not_by, ask.demands, ask.assists, term, ask.clauses):
        yield TaskReasked(
            at=moved.at,
            by=moved.by,
            clauses=ask.clauses,
            **about,
            role=role,
            level=level,
            not_by=ask.not_by,
            demands=ask.demands,
            assists=ask.assists,
            term=term,
            left=left,
        )
    if due != task.due:
        yield DeadlineMoved(at=moved.at, by=moved.by, clauses=ask.clauses, **about, due=due, because="pack moved")


def _term_moved(
    task: Task, term: Term, *, party: str, at: datetime, calendar: Calendar
) -> tuple[Term, Due, Remaining | None]:
    """The term that holds for an open task from now on, when it ends, and what was left at its last pause."""
    left_now = task.pause.left if task.pause else task.left
    if task.term is None or task.due is None:
        due, left = _counted_anew(task, term, calendar)
        return term, due, left
    if term == task.term:
        return term, task.due, left_now
    due, left = _counted_anew(task, term, calendar)
    stands_at = task.pause.since if task.pause else at
    if due.at < task.due.at and (party != "utility" or due.at <= stands_at):
        return task.term, task.due, left_now
    return term, due, left


def _counted_anew(task: Task, term: Term, calendar: Calendar) -> tuple[Due, Remaining | None]:
    """A term from the task's own start, the stretches in which it was paused left out."""
    due = due_at(term=term, started_at=task.first_from or task.counts_from, calendar=calendar)
    left = None
    for pause in task.clock[1::2]:  # the first stretch runs, then pauses and running ones alternate
        left = remaining(due=due, term=term, paused_at=pause.started_at, calendar=calendar)
        if pause.ended_at is None:
            break
        due = resumed(left=left, term=term, resumed_at=pause.ended_at, calendar=calendar)
    return due, left
