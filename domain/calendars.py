"""Days and hours in China: the published calendar of days off and make-up days, and the hours within a day.

Local time is fixed +08:00 here: mainland China keeps one offset all year, so no time zone database and no host setting
can change a date that a customer was told.
"""

from abc import abstractmethod
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta, timezone
from typing import Literal, Self

from pydantic import BaseModel, field_validator, model_validator

CHINA = timezone(timedelta(hours=8))
MIDNIGHT = time(0)
_DAY = timedelta(days=1)
_SATURDAY = 5


def local(instant: datetime) -> datetime:
    """The same instant shown at +08:00. Raises ValueError when `instant` is naive."""
    if instant.utcoffset() is None:
        raise ValueError(f"an instant needs its offset, such as +08:00: {instant.isoformat()} is naive")
    return instant.astimezone(CHINA)


def start_of(day: date) -> datetime:
    """The instant at which `day` begins: 00:00:00+08:00."""
    return datetime.combine(day, MIDNIGHT, tzinfo=CHINA)


def day_of(instant: datetime) -> date:
    """The local day that `instant` belongs to; exactly 00:00:00 belongs to the day that it ends, as 24:00."""
    return (local(instant) - datetime.resolution).date()


class PublishedYear(BaseModel, frozen=True):
    """One year as published: the days off, weekends within a holiday too, and the weekend days worked instead (调休).

    Kept sorted, each day once. Raises ValueError for a day that is both, and for a make-up day that is no weekend day.
    """

    days_off: tuple[date, ...]
    make_up: tuple[date, ...]

    @field_validator("days_off", "make_up")
    @classmethod
    def _in_order(cls, days: tuple[date, ...]) -> tuple[date, ...]:
        return tuple(sorted(set(days)))

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if both := set(self.days_off) & set(self.make_up):
            raise ValueError(f"{_listed(both)}: both a day off and a make-up day")
        if weekdays := {day for day in self.make_up if day.weekday() < _SATURDAY}:
            raise ValueError(f"{_listed(weekdays)}: a make-up day is a Saturday or a Sunday that is worked")
        return self


class Calendar(BaseModel, frozen=True):
    """What an operator has published, year by year; plain data, so that a case carries it and replays alike.

    The notice of a year may also name days of the December before it (31 December 2018 was off by the notice for 2019);
    they stand under the notice's year, and it has the last word on them. Raises ValueError for any other foreign date.
    """

    years: dict[int, PublishedYear]

    @model_validator(mode="after")
    def _dates_are_the_years_own(self) -> Self:
        for year, published in self.years.items():
            for day in (*published.days_off, *published.make_up):
                if day.year != year and (day.year, day.month) != (year - 1, 12):
                    raise ValueError(
                        f"{day.isoformat()} stands under {year}, but belongs to neither it nor the December before"
                    )
        return self

    def is_published(self, year: int) -> bool:
        """Whether the days off of `year` are known."""
        return year in self.years

    def said_of(self, day: date) -> Literal["day-off", "make-up"] | None:
        """What a notice says of `day`; None when it is named in none, and so is what its weekday makes it."""
        # Only December can stand under the year after its own.
        for year in (day.year + 1, day.year) if day.month == 12 else (day.year,):
            if published := self.years.get(year):
                if day in published.days_off:
                    return "day-off"
                if day in published.make_up:
                    return "make-up"
        return None

    def is_day_off(self, day: date) -> bool:
        """Whether `day` is a legal day off; of an unpublished year only the weekends are known to be."""
        said = self.said_of(day)
        return said == "day-off" if said is not None else day.weekday() >= _SATURDAY

    def is_working_day(self, day: date) -> bool:
        """Whether `day` is worked, make-up days included."""
        return not self.is_day_off(day)

    def next_working_day(self, day: date) -> date:
        """The first working day on or after `day`."""
        while self.is_day_off(day):
            day += _DAY
        return day

    def published(self, year: int, days: PublishedYear) -> "Calendar":
        """A new calendar in which `year` is `days`, whether it was published before or not."""
        return Calendar(years={**self.years, year: days})

    def contradicted(self, days: PublishedYear, *, year: int, before: date) -> tuple[date, ...]:
        """The days up to, and without, `before` that people have lived through otherwise than `days` has them.

        Deadlines were kept and missed by these days: no publication changes them unasked.
        """
        newer = self.published(year, days)
        first = date(year - 1, 12, 1)
        lived = (first + _DAY * ahead for ahead in range((min(before, date(year + 1, 1, 1)) - first).days))
        return tuple(day for day in lived if self.is_day_off(day) != newer.is_day_off(day))

    def only(self, years: Iterable[int]) -> "Calendar":
        """The section for `years` that a case carries; years not published stay so."""
        return Calendar(years={year: self.years[year] for year in sorted(set(years) & set(self.years))})


class _Hours(BaseModel, frozen=True):
    """Local hours of a day, half-open [opens, closes)."""

    opens: time
    closes: time

    @field_validator("opens", "closes")
    @classmethod
    def _local(cls, clock: time) -> time:
        if clock.tzinfo is not None:
            raise ValueError(f"hours are local (+08:00) and written without an offset: {clock.isoformat()}")
        return clock

    def _hold(self, clock: time) -> bool:
        if self.opens < self.closes:
            return self.opens <= clock < self.closes
        return clock >= self.opens or clock < self.closes


class DailyHours(_Hours, frozen=True):
    """The same hours every day, such as quiet hours 22:00 to 08:30; they may run past midnight.

    Raises ValueError when `opens` equals `closes`: hours without an outside would hold a message for ever.
    """

    @model_validator(mode="after")
    def _leave_an_outside(self) -> Self:
        if self.opens == self.closes:
            raise ValueError(f"opens and closes are both {self.opens:%H:%M}: nothing would ever be outside these hours")
        return self

    def contains(self, instant: datetime) -> bool:
        """Whether `instant` falls within the hours."""
        return self._hold(local(instant).time())

    def next_outside(self, instant: datetime) -> datetime:
        """`instant` itself when it is outside, else the first instant outside: the close of these hours."""
        if not self.contains(instant):
            return instant
        here = local(instant)
        closing = datetime.combine(here.date(), self.closes, tzinfo=CHINA)
        return closing if closing > here else closing + _DAY


class _WorkingWindow(_Hours, frozen=True):
    """Hours on the days that `opens_on` admits. Closing at 00:00 means 24:00; raises ValueError when they wrap.

    Unlike the start of a term, an instant at 00:00:00 counts to the day that it begins, as half-open hours do.
    """

    @model_validator(mode="after")
    def _within_one_day(self) -> Self:
        if self.closes != MIDNIGHT and self.closes <= self.opens:
            raise ValueError(
                f"opens {self.opens:%H:%M} is not before closes {self.closes:%H:%M}: one working day has both"
            )
        return self

    @abstractmethod
    def opens_on(self, day: date, calendar: Calendar) -> bool:
        """Whether the hours hold on `day` at all."""

    def contains(self, instant: datetime, calendar: Calendar) -> bool:
        """Whether `instant` is inside: on a day that counts, within the hours."""
        here = local(instant)
        return self._hold(here.time()) and self.opens_on(here.date(), calendar)

    def next_inside(self, instant: datetime, calendar: Calendar) -> datetime:
        """`instant` itself when it is inside, else the next opening at +08:00."""
        if self.contains(instant, calendar):
            return instant
        here = local(instant)
        day = here.date() if here.time() < self.opens else here.date() + _DAY
        while not self.opens_on(day, calendar):
            day += _DAY
        return datetime.combine(day, self.opens, tzinfo=CHINA)


class ServiceHours(_WorkingWindow, frozen=True):
    """The hours in which an office serves: working days, make-up days included."""

    def opens_on(self, day: date, calendar: Calendar) -> bool:
        return calendar.is_working_day(day)


class LimitWindow(_WorkingWindow, frozen=True):
    """The hours in which pressure may be limited: on a working day that no day off follows, so help is near."""

    def opens_on(self, day: date, calendar: Calendar) -> bool:
        next_day = day + _DAY
        if next_day.year != day.year and not calendar.is_published(next_day.year):
            return False  # the first of January is a day off, published or not
        return calendar.is_working_day(day) and calendar.is_working_day(next_day)


def _listed(days: Iterable[date]) -> str:
    return ", ".join(day.isoformat() for day in sorted(days))
