"""When a task or a case presses: one instant by which lists stand in order and fall into groups.

While the clock is ours it is the deadline. The rest comes after every deadline, in years that no deadline reaches: ours
without a term, then what is in another party's hands, then cases with no task open.
"""

from collections.abc import Iterable
from datetime import date, datetime, timedelta

from domain.calendars import CHINA, local, start_of
from domain.clock import Party
from domain.tasks import Task

NO_TERM = datetime(8997, 1, 1, tzinfo=CHINA)
WITH_OTHERS = datetime(8998, 1, 1, tzinfo=CHINA)
NOTHING_OPEN = datetime(8999, 1, 1, tzinfo=CHINA)
NEVER = date(8999, 1, 1)


def party_of(task: Task) -> Party:
    """Whose time it is now."""
    if task.pause is not None:
        return task.pause.party
    return task.clock[-1].party if task.clock else "utility"


def presses_at(task: Task) -> datetime:
    if party_of(task) != "utility":
        return WITH_OTHERS
    return min(task.due_at or NO_TERM, NO_TERM)


def case_presses_at(tasks: Iterable[Task]) -> datetime:
    """That of the most pressing open task."""
    return min(map(presses_at, tasks), default=NOTHING_OPEN)


def party_of_case(tasks: Iterable[Task]) -> Party | None:
    """Ours as long as any open task is; None when none is open."""
    parties = [party_of(task) for task in tasks]
    return "utility" if "utility" in parties else next(iter(parties), None)


def end_of_today(at: datetime) -> datetime:
    """24:00 of the day."""
    return start_of(local(at).date() + timedelta(days=1))
