"""Days off: what is published, what rests on days that are not, and the publishing of a year on the running system."""

from datetime import date, datetime, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from fastapi import Path as InPath
from pydantic import BaseModel, Field, ValidationError

from api import bodies, processes
from api.access import SignedIn, holding
from api.errors import documented
from api.house import Here
from domain.calendars import CHINA, PublishedYear, day_of
from domain.holidays import holiday_of
from domain.refusals import Refused
from policies.packs import load_calendar
from store import calendars
from store.calendars import ProvisionalTask, Published
from store.people import Person

router = APIRouter(tags=["calendars"], prefix="/calendars")
Administrator = Annotated[Person, holding("administrator")]
Year = Annotated[int, InPath(ge=2004, le=2199)]
SOON = 30


class PublicationBody(bodies.Body):
    """A year's days. Left out, both: the days that came with this release."""

    days_off: tuple[bodies.Day, ...] | None = Field(None, max_length=120, examples=[["2027-01-01"]])
    make_up: tuple[bodies.Day, ...] = Field((), max_length=60, examples=[["2027-02-06"]])
    notice: bodies.Line | None = Field(None, description="the notice that gives these days", examples=["国办发明电"])
    because: bodies.Prose | None = Field(None, description="why days already lived through are corrected")


class DayShown(BaseModel):
    day: date
    off: bool
    zh: str | None
    en: str | None


class YearShown(BaseModel):
    """A year. `source`: the release, published here, or none: then dates that count its days are provisional."""

    year: int
    source: Literal["release", "published", "none"]
    notice: str | None = None
    by: str | None = None
    at: datetime | None = None
    because: str | None = None
    replaced: int = Field(0, description="how many earlier publications of the year this one replaced")
    days_off: int = 0
    make_up: int = 0
    days: list[DayShown] | None = None


class CalendarShown(BaseModel):
    """The years, those who wait for one, and how many open cases have yet to hear of the last publication."""

    items: list[YearShown]
    unheard: int
    provisional: list[ProvisionalTask] = Field(description="open tasks due soon on days that are not published")
    warnings: list[str]


@router.get("", responses=documented(422))
def list_years(
    person: SignedIn, house: Here, within: Annotated[int, Query(ge=1, le=366, description="days ahead")] = SOON
) -> CalendarShown:
    """The years around now, what is provisional in them, and what somebody has to do about it."""
    at = house.clock()
    this_year = day_of(at).year
    with house.database.read() as connection:
        known = processes.calendar_now(connection)
        here = {publication.year: publication for publication in calendars.publications(connection)}
        soon = calendars.provisional_tasks(connection, before=at + timedelta(days=within))
        unheard = calendars.waiting_for(connection)
    last = max([*known.years, this_year + 1])
    years = [_year(year, here.get(year), known.years.get(year)) for year in range(this_year - 1, last + 1)]
    warnings = []
    soon = soon if person.part is None and person.inside else []
    if soon:
        missing = sorted({due.astimezone(CHINA).year for due in (task.due_at for task in soon)} - set(known.years))
        named = "、".join(str(year) for year in missing) or str(this_year + 1)
        warnings.append(
            f"{len(soon)} open tasks are due within {within} days on days of {named} that are not published:"
            f" publish them / {within} 天内有 {len(soon)} 项任务的期限落在尚未公布的 {named} 年，请公布节假日安排"
        )
    return CalendarShown(items=years, unheard=unheard, provisional=soon, warnings=warnings)


@router.get("/{year}", responses=documented(422))
def read_year(person: SignedIn, house: Here, year: Year) -> YearShown:
    """One year with each day that is not what its weekday makes it."""
    with house.database.read() as connection:
        known = processes.calendar_now(connection)
        here = {publication.year: publication for publication in calendars.publications(connection)}
    days = known.years.get(year)
    told = _year(year, here.get(year), days)
    if days is not None:
        listed = [(day, True) for day in days.days_off] + [(day, False) for day in days.make_up]
        told.days = [_day(day, off=off) for day, off in sorted(listed)]
    return told


@router.post("/{year}", responses=documented(403, 409, 422))
def publish(person: Administrator, house: Here, year: Year, body: PublicationBody) -> Published:
    """Publish a year's days off and make-up days, and tell every open case; its deadlines are counted again.

    The same days again change nothing. Days lived through otherwise need a reason. Administrator.
    """
    release = load_calendar()
    if body.days_off is None:
        if body.make_up or year not in release.years:
            raise Refused(
                "form-invalid",
                f"days_off: give the days off of {year}; this release can fill in its own years only, whole",
            )
        days = release.years[year]
    else:
        try:
            days = PublishedYear(days_off=body.days_off, make_up=body.make_up)
        except ValidationError as wrong:
            raise Refused("form-invalid", f"days: {wrong.errors()[0]['ctx']['error']}") from None
    with house.database.write() as connection:
        return calendars.publish_with_care(
            connection,
            year=year,
            days=days,
            calendar=release,
            by=person.id,
            at=house.clock(),
            notice=body.notice,
            because=body.because,
        )


def _year(year: int, here: calendars.Publication | None, days: PublishedYear | None) -> YearShown:
    counts = {"days_off": len(days.days_off), "make_up": len(days.make_up)} if days else {}
    if here is not None:
        return YearShown(
            year=year,
            source="published",
            notice=here.notice,
            by=here.by,
            at=here.at,
            because=here.because,
            replaced=len(here.before),
            **counts,
        )
    return YearShown(year=year, source="release" if days else "none", **counts)


def _day(day: date, *, off: bool) -> DayShown:
    if not off:
        return DayShown(day=day, off=False, zh="调休上班", en="worked for a holiday")
    holiday = holiday_of(day)
    return DayShown(day=day, off=True, zh=holiday.zh if holiday else None, en=holiday.en if holiday else None)
