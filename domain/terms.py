"""Terms: how long a task or a period lasts, the instant at which it ends, and what is left of it after a pause.

民法典 201: the day on which a period starts is not counted. 203: it ends at 24:00 of its last day; a last day that is a
legal day off gives way to the first day after it. Ends are exclusive: 24:00 of the 15th is 00:00 of the 16th.
"""

import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any, Literal, NamedTuple, Self, assert_never

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    model_serializer,
    model_validator,
)

from domain.calendars import Calendar, day_of, local, start_of

Count = Literal["elapsed", "natural", "working", "month-end"]

_N = "(0|[1-9][0-9]{0,4})"
_WORKING = "([1-9][0-9]{0,3})"
_DAYS = "(0|[1-9][0-9]{0,3})"
_PATTERN = rf"^(?:PT(?=[0-9])(?:{_N}H)?(?:{_N}M)?(?:{_N}S)?|P{_DAYS}D|{_WORKING}WD|month-end)$"
_ACCEPTED = "PT10M, PT12H (elapsed time), P0D, P3D (natural days), 5WD (working days) or month-end"
_DAY = timedelta(days=1)


def _refusal(given: object) -> str:
    return f"{given!r} is not a term: write {_ACCEPTED}"


class _Measure(NamedTuple):
    counts: Count
    days: int = 0
    duration: timedelta = timedelta()


@lru_cache(maxsize=512)
def _measure(written: str) -> _Measure:
    found = re.fullmatch(_PATTERN, written)
    if found is None:
        raise ValueError(_refusal(written))
    hours, minutes, seconds, natural, working = found.groups()
    if written == "month-end":
        return _Measure("month-end")
    if natural is not None:
        return _Measure("natural", days=int(natural))
    if working is not None:
        return _Measure("working", days=int(working))
    return _Measure(
        "elapsed", duration=timedelta(hours=int(hours or 0), minutes=int(minutes or 0), seconds=int(seconds or 0))
    )


class Term(BaseModel):
    """How long something may last, as a pack writes it: `P3D`, or `{term: P3D, roll: true}`.

    `roll` moves a last day that is a legal day off to the first working day after it; a term of elapsed time has no
    last day and refuses it. Equal when written alike (PT60M is not PT1H). Raises ValueError for other text.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    written: str = Field(alias="term")
    roll: bool = False

    @classmethod
    def parse(cls, text: str, *, roll: bool = False) -> Self:
        """The term that `text` writes. Raises ValueError saying what is accepted."""
        _refuse_unless_sensible(text, roll)
        return cls(term=text, roll=roll)

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, given: Any) -> Any:
        if isinstance(given, str):
            return {"term": given}
        if not isinstance(given, (Mapping, Term)):
            raise ValueError(_refusal(given))
        return given

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        _refuse_unless_sensible(self.written, self.roll)
        return self

    @model_serializer
    def _as_written(self) -> str | dict[str, Any]:
        return {"term": self.written, "roll": True} if self.roll else self.written

    @classmethod
    def __get_pydantic_json_schema__(cls, _schema: Any, _handler: GetJsonSchemaHandler) -> dict[str, Any]:
        text = {"type": "string", "pattern": _PATTERN, "examples": ["P3D"]}
        mapping = {
            "type": "object",
            "properties": {"term": text, "roll": {"type": "boolean", "default": False}},
            "required": ["term"],
            "additionalProperties": False,
        }
        return {"title": "Term", "description": _ACCEPTED, "anyOf": [text, mapping]}

    @property
    def counts(self) -> Count:
        """What the term counts: elapsed time, natural days, working days, or up to the month's end."""
        return _measure(self.written).counts

    @property
    def elapsed(self) -> bool:
        """True for `PT…`: an exact length of time, whatever the calendar says."""
        return self.counts == "elapsed"

    @property
    def counts_days(self) -> bool:
        """True for a number of natural or working days; `month-end` counts none, `PT…` counts time."""
        return self.counts in ("natural", "working")

    @property
    def days(self) -> int:
        """How many days it counts; 0 for terms that count none."""
        return _measure(self.written).days

    @property
    def duration(self) -> timedelta:
        """The length of an elapsed term; zero for the others."""
        return _measure(self.written).duration

    def __str__(self) -> str:
        return self.written


def _refuse_unless_sensible(written: str, roll: bool) -> None:
    if _measure(written).counts == "elapsed" and roll:
        raise ValueError(f"{written} cannot roll: only a term with a last day does ({_ACCEPTED})")


class Due(BaseModel):
    """When a term ends, and the arithmetic that explains it.

    `at` is the exclusive end at +08:00; `provisional` when it mattered whether a day of an unpublished year is a day
    off. The rest is empty for elapsed terms: `started_on` is the day that was not counted, `last_day` the day whose
    24:00 is the end, `rolled_from` the day off that `last_day` replaced, `skipped` the days off that a working-day term
    passed over.
    """

    model_config = ConfigDict(frozen=True)

    at: AwareDatetime
    provisional: bool = False
    started_on: date | None = None
    last_day: date | None = None
    rolled_from: date | None = None
    skipped: int = 0


class Remaining(BaseModel):
    """What is left of a term that stands still: one of time, a number of days, a fixed day, or nothing (`overdue`).

    `paused_at` is the instant of the pause; `provisional` says that the days used up before it, or the days left, were
    counted in a year not published then.
    """

    model_config = ConfigDict(frozen=True)

    paused_at: AwareDatetime
    duration: timedelta | None = None
    days: int | None = None
    until: date | None = None
    overdue: Due | None = None
    provisional: bool = False


def due_at(*, term: Term, started_at: datetime, calendar: Calendar) -> Due:
    """When `term`, started at the instant `started_at`, ends (exclusive, +08:00; 民法典 201, 203).

    A start at exactly 00:00:00 belongs to the day that it ends, so a `P0D` started then ends at once. Raises ValueError
    for a naive instant.
    """
    if term.elapsed:
        return Due(at=local(started_at) + term.duration)
    return _counted(term=term, started_on=day_of(started_at), days=term.days, calendar=calendar)


def remaining(*, due: Due, term: Term, paused_at: datetime, calendar: Calendar) -> Remaining:
    """What is left of `term`, due at `due`, when it pauses at `paused_at`.

    Elapsed terms keep the exact time left; day terms the natural or working days after the day of the pause, up to the
    last day before any roll; `month-end` its day. At or after its end a term is overdue, and stays due when it was.
    A `Due` that knows only its instant is read as ending at 24:00 without a roll.
    """
    paused_at = local(paused_at)
    if paused_at >= due.at:
        return Remaining(paused_at=paused_at, overdue=due)
    if term.elapsed:
        return Remaining(paused_at=paused_at, duration=due.at - paused_at)
    last = due.rolled_from or due.last_day or day_of(due.at)
    used = day_of(paused_at)
    if due.started_on is not None:
        used = max(used, due.started_on)
    match term.counts:
        case "natural":
            return Remaining(paused_at=paused_at, days=max((last - used).days, 0))
        case "working":
            left = sum(calendar.is_working_day(used + _DAY * ahead) for ahead in range(1, (last - used).days + 1))
            return Remaining(
                paused_at=paused_at,
                days=left,
                provisional=_count_is_unsure(due, used=used, last=last, calendar=calendar),
            )
        case "month-end":
            return Remaining(paused_at=paused_at, until=last)
        case "elapsed":
            raise AssertionError("elapsed terms are answered above")
        case _:
            assert_never(term.counts)


def resumed(*, left: Remaining, term: Term, resumed_at: datetime, calendar: Calendar) -> Due:
    """When `term` ends after it goes on at `resumed_at` with what was `left`.

    The day of the resume is not counted, as at a start; with no day left the term ends at 24:00 of it (a working-day
    term: of the first working day from it on). `month-end` never moves, unless the resume comes after its day: then by
    24:00 of the day of the resume, for there is no month left to count. Then it rolls, if the term does. Pausing and
    resuming on the same day changes nothing. A resume stamped before its pause counts as one at the pause.
    """
    if left.overdue is not None:
        return left.overdue
    resumed_at = max(local(resumed_at), local(left.paused_at))
    if left.duration is not None:
        return Due(at=resumed_at + left.duration)
    due = _counted(term=term, started_on=day_of(resumed_at), days=left.days or 0, until=left.until, calendar=calendar)
    return due.model_copy(update={"provisional": True}) if left.provisional else due


def _counted(*, term: Term, started_on: date, days: int, calendar: Calendar, until: date | None = None) -> Due:
    skipped, unsure = 0, False
    match term.counts:
        case "natural":
            last = started_on + _DAY * days
        case "working":
            last = _working_day(started_on, days, calendar)
            skipped = (last - started_on).days - days
            unsure = _unpublished(started_on if days == 0 else started_on + _DAY, last, calendar)
        case "month-end":
            last = max(until or _end_of_month(started_on), started_on)
        case "elapsed":
            raise AssertionError(f"{term} has no last day")
        case _:
            assert_never(term.counts)
    rolled_from = None
    if term.roll:
        unrolled, last = last, calendar.next_working_day(last)
        rolled_from = unrolled if last != unrolled else None
        unsure = unsure or _unpublished(unrolled, last, calendar)
    return Due(
        at=start_of(last + _DAY),
        provisional=unsure,
        started_on=started_on,
        last_day=last,
        rolled_from=rolled_from,
        skipped=skipped,
    )


def _working_day(after: date, days: int, calendar: Calendar) -> date:
    """The last of `days` working days after the day `after`; with none to count, the first from that day on."""
    if days == 0:
        return calendar.next_working_day(after)
    day = after
    for _ in range(days):
        day = calendar.next_working_day(day + _DAY)
    return day


def _end_of_month(day: date) -> date:
    # The 28th plus four days is always in the next month.
    return (day.replace(day=28) + _DAY * 4).replace(day=1) - _DAY


def _unpublished(first: date, last: date, calendar: Calendar) -> bool:
    return not all(calendar.is_published(year) for year in range(first.year, last.year + 1))


def _count_is_unsure(due: Due, *, used: date, last: date, calendar: Calendar) -> bool:
    """Whether the number of working days left may still be wrong."""
    if due.started_on is None:
        return due.provisional
    if used > due.started_on and _unpublished(due.started_on + _DAY, used, calendar):
        return True
    # Provisional although every day from start to end is published: an earlier pause was unsure, or this due was
    # counted before the publication. Days still to come are no reason: they are counted again at the resume.
    return due.provisional and not _unpublished(due.started_on + _DAY, last, calendar)
