"""How a deadline comes about, step by step, so that anyone can count it again on paper.

Pure, and the same rules in another form than `terms`: what is listed here ends where the task says that it ends.
"""

from datetime import date, datetime, timedelta
from typing import Literal, NamedTuple

from pydantic import AwareDatetime

from domain.calendars import Calendar, day_of, local, start_of
from domain.clock import Interval, Party
from domain.holidays import holiday_of
from domain.policy import Strict
from domain.tasks import Task
from domain.terms import Due, Remaining, Term, due_at, remaining, resumed

Why = Literal["start", "weekend", "holiday", "make-up"]
_DAY = timedelta(days=1)


class DayRead(Strict):
    """A day that needs a word: one not counted and why, or a weekend day that is worked and so counted."""

    day: date
    why: Why
    holiday_zh: str | None = None
    holiday_en: str | None = None


class Stretch(Strict):
    """A part of the term that ran without a break, from `starts_at` to the pause or the end at `ends_at`.

    Day terms: `counted` days of it counted, up to `last_day`, and `days` are those worth a word; `rolled` are the days
    off that the last day gave way over. Elapsed terms: `elapsed`.
    """

    starts_at: AwareDatetime
    ends_at: AwareDatetime
    counted: int | None = None
    elapsed: timedelta | None = None
    days: tuple[DayRead, ...] = ()
    last_day: date | None = None
    rolled: tuple[DayRead, ...] = ()


class Stood(Strict):
    """A pause: who had the task, why, on what evidence, and what was left of the term. `until` None while it lasts."""

    party: Party
    reason: str | None
    evidence: str | None
    since: AwareDatetime
    until: AwareDatetime | None
    left: Remaining

    @property
    def lasted(self) -> timedelta | None:
        """How long the clock stood still; a resume stamped before its pause counts as one at the pause."""
        return None if self.until is None else max(self.until - self.since, timedelta())


class Arithmetic(Strict):
    """A deadline and all that it rests on.

    `starts` says what the term counts from: the task's opening, or an instant that the rules give. `parts` run and
    stand in turn; `ends_at` is the exclusive end. `overdue` when the term was over before a pause, which then moves
    nothing. `provisional_years` are those whose days off are not published yet and mattered.
    """

    term: Term
    starts: Literal["opened", "given"]
    starts_at: AwareDatetime
    parts: tuple[Stretch | Stood, ...]
    ends_at: AwareDatetime
    standing: bool = False
    overdue: bool = False
    provisional: bool = False
    provisional_years: tuple[int, ...] = ()
    clauses: tuple[str, ...] = ()


class _Run(NamedTuple):
    """A stretch being counted: from where, to which end, and whether a day was left to count."""

    starts_at: datetime
    due: Due
    days_left: bool = True


def explained(task: Task, *, calendar: Calendar) -> Arithmetic | None:
    """How the deadline of `task` comes about by `calendar`; None for a task without a term.

    On the calendar that the case has, it ends at `task.due`; on a newer one, where the case will put it.
    """
    term = task.term
    if term is None or task.due is None:
        return None
    first = task.first_from or (task.counts_from if task.left is None else task.opened_at)
    run = _Run(first, due_at(term=term, started_at=first, calendar=calendar))
    parts: list[Stretch | Stood] = []
    standing = overdue = False
    pauses = task.clock[1::2]
    for number, pause in enumerate(pauses, 1):
        last = number == len(pauses)
        left = _left(task, term, pause, run.due, calendar, last=last)
        if left.overdue is not None:
            run = run._replace(due=left.overdue)
        if not overdue:
            parts.append(_stretch(term, run, calendar, left=left))
        overdue = overdue or left.overdue is not None
        parts.append(_stood(pause, left))
        standing = pause.ended_at is None or (last and task.pause is not None)
        if not standing and pause.ended_at is not None:
            due = resumed(left=left, term=term, resumed_at=pause.ended_at, calendar=calendar)
            run = _Run(max(pause.ended_at, left.paused_at), due, days_left=left.days != 0)
    if not standing and not overdue:
        parts.append(_stretch(term, run, calendar))
    due = task.due if standing else run.due
    return Arithmetic(
        term=term,
        starts="opened" if first == task.opened_at else "given",
        starts_at=local(first),
        parts=tuple(parts),
        ends_at=local(due.at),
        standing=standing,
        overdue=overdue,
        provisional=due.provisional,
        provisional_years=_unpublished_years(first, due.at, calendar) if due.provisional else (),
        clauses=task.clauses,
    )


def _left(task: Task, term: Term, pause: Interval, due: Due, calendar: Calendar, *, last: bool) -> Remaining:
    """What was left at a pause: as it was recorded then, else counted again."""
    if pause.left is not None:
        return pause.left
    known = task.pause.left if task.pause is not None else task.left
    if last and known is not None:
        return known
    return remaining(due=due, term=term, paused_at=pause.started_at, calendar=calendar)


def _stood(pause: Interval, left: Remaining) -> Stood:
    return Stood(
        party=pause.party,
        reason=pause.reason,
        evidence=pause.evidence,
        since=pause.started_at,
        until=pause.ended_at,
        left=left,
    )


def _stretch(term: Term, run: _Run, calendar: Calendar, *, left: Remaining | None = None) -> Stretch:
    """The stretch up to the pause that left `left`, or up to its end."""
    starts_at, due = local(run.starts_at), run.due
    paused_at = left.paused_at if left is not None and left.overdue is None else None
    ends_at = due.at if paused_at is None else local(paused_at)
    if due.started_on is None or due.last_day is None:
        return Stretch(starts_at=starts_at, ends_at=ends_at, elapsed=ends_at - starts_at)
    unrolled = due.rolled_from or due.last_day
    if not run.days_left and term.counts == "working":
        unrolled = due.started_on
    last = unrolled if paused_at is None else min(max(day_of(paused_at), due.started_on), unrolled)
    days = [DayRead(day=due.started_on, why="start")] if last > due.started_on else []
    counted = 0
    for day in _days(due.started_on + _DAY, last + _DAY):
        if term.counts == "working" and calendar.is_day_off(day):
            days.append(_day_off(day, calendar))
            continue
        counted += 1
        if term.counts == "working" and calendar.said_of(day) == "make-up":
            days.append(DayRead(day=day, why="make-up"))
    return Stretch(
        starts_at=starts_at,
        ends_at=start_of(due.last_day + _DAY) if paused_at is None else ends_at,
        counted=None if term.counts == "month-end" else counted,
        days=tuple(days),
        last_day=due.last_day if paused_at is None else None,
        rolled=tuple(_day_off(day, calendar) for day in _days(unrolled, due.last_day)) if paused_at is None else (),
    )


def _days(first: date, end: date) -> list[date]:
    """The days from `first` up to, and without, `end`."""
    return [first + _DAY * ahead for ahead in range((end - first).days)]


def _day_off(day: date, calendar: Calendar) -> DayRead:
    """A day off by its name where it is part of a published holiday, else a weekend day."""
    if calendar.said_of(day) != "day-off":
        return DayRead(day=day, why="weekend")
    holiday = holiday_of(day)
    return DayRead(
        day=day,
        why="holiday",
        holiday_zh=holiday.zh if holiday else None,
        holiday_en=holiday.en if holiday else None,
    )


def _unpublished_years(first: datetime, ends_at: datetime, calendar: Calendar) -> tuple[int, ...]:
    years = range(day_of(first).year, day_of(ends_at).year + 1)
    return tuple(year for year in years if not calendar.is_published(year))
