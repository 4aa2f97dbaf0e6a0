"""What is still to come of a project, and by when: its own rules lived ahead, nothing sent back and nobody away.

Nothing is written, and nothing here decides: the same facts under the same pack on the same day say the same.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from domain.account import Frozen
from domain.asking import not_called_for, not_open, opened
from domain.calendars import Calendar
from domain.case import Event, TaskDecided
from domain.clock import Party
from domain.commands import DecideTask
from domain.connection.commands import decide, say
from domain.connection.facts import ProjectFacts
from domain.connection.forms import CONNECTION_TASKS
from domain.connection.phases import next_step
from domain.connection.policy import ConnectionPolicy
from domain.filling import filled
from domain.people import Actor
from domain.refusals import Refused
from domain.steps import Calls
from domain.tasks import Task
from domain.terms import resumed

FURTHEST = 2000
"""Tasks of one project; a course that does not come to its end by then is cut."""

AS_ASKED: dict[str, dict[str, Any]] = {"connection.activate": {"secondary_supply_certificate": "HG-0001"}}
"""What a form may leave empty and a gate does not."""

Pace = Callable[[Task, datetime], datetime]
"""When a task that is open at an instant is decided."""


class Coming(Frozen):
    """A task that is open or still to come, of those that nobody can do without.

    `opens_at`: when it opens; `by`: when it is decided at that pace, which by the terms is the promise. `party`: whose
    time it is; `clauses`: the sentences behind its term; `is_open`: it is no forecast that it opens. `provisional`:
    the days off of some year up to then are not published.
    """

    key: str
    subject: str | None
    phase: str | None
    party: Party
    clauses: tuple[str, ...]
    opens_at: datetime
    by: datetime
    is_open: bool
    provisional: bool = False


def forecast(
    facts: ProjectFacts,
    policy: ConnectionPolicy,
    calendar: Calendar,
    *,
    now: datetime,
    pace: Pace | None = None,
) -> tuple[Coming, ...]:
    """Every task up to the water and after it, in the order in which they are decided; `pace` None: by the terms.

    At the terms each task takes all of its own: who keeps his promises is never later than this. What is open and
    overdue is counted from now. A project that has ended, or waits for people to move in, has nothing to come.
    """
    course = _Course(facts, policy, calendar, now)
    last_day = pace or by_terms(calendar)
    coming: list[Coming] = []
    while len(coming) < FURTHEST and course.settled():
        planned = [(max(last_day(task, course.now), course.now), task) for task in course.facts.tasks.values()]
        for decided_at, task in sorted(planned, key=lambda each: (each[0], each[1].id)):
            phase = course.facts.stage
            if course.decide(task, decided_at):
                coming.append(_coming(task, phase, decided_at, known=facts))
                break
        else:
            break
    unsure = False
    for at, each in enumerate(coming):
        unsure = unsure or each.provisional
        coming[at] = each.model_copy(update={"provisional": unsure})
    return tuple(coming)


def by_terms(calendar: Calendar) -> Pace:
    """Each task at the end of its term; one in another's hands goes on at once with what was left of it."""

    def pace(task: Task, now: datetime) -> datetime:
        if task.pause is not None and task.pause.left is not None and task.term is not None:
            return resumed(left=task.pause.left, term=task.term, resumed_at=now, calendar=calendar).at
        return max(task.due_at or now, now)

    return pace


def after(each: timedelta, *, agreed: dict[str, datetime] | None = None) -> Pace:
    """Each task so long after it opened, and none before the hour that was agreed for it."""

    def pace(task: Task, now: datetime) -> datetime:
        return max(task.opened_at + each, (agreed or {}).get(task.key, now), now)

    return pace


def water_on(coming: tuple[Coming, ...]) -> Coming | None:
    """The task that turns the water on, if it is still to come."""
    return next((each for each in coming if each.key == "connection.activate"), None)


def _coming(task: Task, phase: str | None, at: datetime, *, known: ProjectFacts) -> Coming:
    return Coming(
        key=task.key,
        subject=task.subject,
        phase=phase,
        party=task.pause.party if task.pause else task.clock[-1].party if task.clock else "utility",
        clauses=task.clauses,
        opens_at=task.opened_at,
        by=at,
        is_open=task.id in known.tasks,
        provisional=task.due is not None and task.due.provisional,
    )


class _Course:
    """A project lived ahead on a copy of its facts."""

    def __init__(self, facts: ProjectFacts, policy: ConnectionPolicy, calendar: Calendar, now: datetime) -> None:
        self.now = max(now, facts.as_of, facts.suspended_until or now)
        # Whoever would not sign is asked again, or done without: the course goes on.
        signing = {no: each for no, each in facts.cosigns.items() if each.answer != "disagree"}
        self.facts = facts.model_copy(update={"as_of": self.now, "cosigns": signing})
        self.policy, self.calendar = policy, calendar

    def settled(self) -> bool:
        """Open what is called for, and say whether anything is: what ends or only waits goes no further."""
        step = next_step(self.facts, self.policy, self.calendar)
        if not isinstance(step, Calls):
            return False
        for withdrawn in not_called_for(self.facts, step):
            self._say(withdrawn)
        for ask in not_open(self.facts, step):
            self._say(opened(ask, facts=self.facts, kinds=CONNECTION_TASKS, calendar=self.calendar))
        return bool(self.facts.tasks)

    def decide(self, task: Task, at: datetime) -> bool:
        """The plain good decision, by somebody who may; False while a gate is shut."""
        form = filled(CONNECTION_TASKS[task.key].form, AS_ASKED.get(task.key, {}), demands=task.demands)
        by = next(name for name in (task.assignee, "first", "second", "third") if name and name not in task.not_by)
        actor = Actor(id=by, roles=(task.role,))
        try:
            decided: TaskDecided = decide(
                DecideTask(by=actor, at=at, key=task.key, task_id=task.id, form=form), self.facts, self.policy
            )
        except Refused:
            return False
        self.now = at
        self._say(decided)
        return True

    def _say(self, event: Event) -> None:
        self.facts, _ = say(self.facts, event, self.policy, self.calendar)  # type: ignore[arg-type]
