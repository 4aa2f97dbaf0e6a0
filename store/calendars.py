"""Calendar years that an operator published after this release was made, and how every open case hears of them.

A year keeps what it replaced: `before` is the list of earlier publications, never shortened.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, insert, select

from domain.calendars import Calendar, PublishedYear, day_of
from domain.policy import Strict
from domain.refusals import Refused
from store.database import upsert
from store.tables import calendars, openings, tasks
from store.tables import outbox as outbox_table

CASES_A_SECOND = 50
"""How fast open cases are told: what customers and payments bring goes between."""
AT_ONCE = 1000


class Publication(Strict):
    """A year as it was published here: by whom, when, out of which notice, and why it corrects an earlier one."""

    year: int
    days: PublishedYear
    by: str
    at: datetime
    notice: str | None = None
    because: str | None = None
    before: tuple[dict[str, Any], ...] = ()


class Published(Strict):
    """What publishing came to. `changed_past`: days lived through otherwise; `cases`: open ones that are told."""

    year: int
    changed: bool
    cases: int
    changed_past: tuple[str, ...] = ()


class ProvisionalTask(Strict):
    """An open task whose deadline rests on a year that is not published yet."""

    task_id: str
    case_no: str
    key: str
    due_at: datetime


def published(connection: Connection, calendar: Calendar) -> Calendar:
    """`calendar` with every year that was published here laid over it."""
    for row in connection.execute(select(calendars).order_by(calendars.c.year)):
        calendar = calendar.published(row.year, PublishedYear.model_validate(row.body))
    return calendar


def publications(connection: Connection) -> list[Publication]:
    """Every year published here, as it stands, with what it replaced."""
    return [_publication(row) for row in connection.execute(select(calendars).order_by(calendars.c.year))]


def publish_with_care(
    connection: Connection,
    *,
    year: int,
    days: PublishedYear,
    calendar: Calendar,
    by: str,
    at: datetime,
    notice: str | None = None,
    because: str | None = None,
) -> Published:
    """Publish a year as people do. `calendar` is that of the release; the same days again change and tell nothing.

    Raises `Refused("gate")` when days lived through were published otherwise and no reason is given, and
    `Refused("form-invalid")` for days that do not stand under the year.
    """
    try:
        Calendar(years={year: days})
    except ValueError as wrong:
        raise Refused("form-invalid", f"days: {_first_words(wrong)}") from None
    row = connection.execute(select(calendars).where(calendars.c.year == year)).one_or_none()
    if row is not None and PublishedYear.model_validate(row.body) == days:
        return Published(year=year, changed=False, cases=0)
    known = published(connection, calendar)
    past = known.contradicted(days, year=year, before=day_of(at))
    listed = tuple(day.isoformat() for day in past)
    if past and because is None and known.is_published(year):
        raise Refused(
            "gate",
            f"{', '.join(listed)}: lived through otherwise, by the days published for {year};"
            " deadlines were kept by them. Correct the days, or say why in `because`",
        )
    cases = publish(connection, year=year, days=days, by=by, at=at, notice=notice, because=because)
    return Published(year=year, changed=True, cases=cases, changed_past=listed)


def publish(
    connection: Connection,
    *,
    year: int,
    days: PublishedYear,
    by: str,
    at: datetime,
    notice: str | None = None,
    because: str | None = None,
) -> int:
    """Publish a year, and leave word for every open case, spread over time; returns how many there are.

    One that is about to begin is told too: its start may have been put together before.
    """
    body = days.model_dump(mode="json")
    row = connection.execute(select(calendars).where(calendars.c.year == year)).one_or_none()
    before = [*_publication(row).before, _as_it_was(row)] if row is not None else []
    kept = body | {"notice": notice, "because": because, "before": before}
    upsert(connection, calendars, {"year": year, "body": kept, "by": by, "at": at}, key=("year",))
    held = openings.c.open_subject.is_not(None)
    told = connection.execute(select(openings.c.process, openings.c.subject).where(held)).all()
    word = {"year": year, "days": body, "at": at.isoformat()}
    for first in range(0, len(told), AT_ONCE):
        rows = [
            {
                "kind": "calendar",
                "process": case.process,
                "subject": case.subject,
                "body": word,
                "created_at": at,
                "next_try_at": at + timedelta(seconds=place // CASES_A_SECOND),
                "attempts": 0,
            }
            for place, case in enumerate(told[first : first + AT_ONCE], first)
        ]
        connection.execute(insert(outbox_table), rows)
    return len(told)


def waiting_for(connection: Connection, *, limit: int = 10_000) -> int:
    """How many cases have yet to hear of a publication, counted up to `limit`."""
    few = select(outbox_table.c.id).where(outbox_table.c.kind == "calendar").limit(limit)
    return len(connection.execute(few).all())


def provisional_tasks(connection: Connection, *, before: datetime, limit: int = 100) -> list[ProvisionalTask]:
    """Open tasks due before an instant on days not published yet, soonest first: somebody has to publish them."""
    found = (
        select(tasks.c.task_id, tasks.c.case_no, tasks.c.key, tasks.c.due_at)
        .where(tasks.c.status == "open", tasks.c.provisional.is_(True), tasks.c.due_at < before)
        .order_by(tasks.c.due_at, tasks.c.task_id)
        .limit(limit)
    )
    return [ProvisionalTask(**row._mapping) for row in connection.execute(found)]


def _publication(row: Any) -> Publication:
    body = dict(row.body)
    return Publication(
        year=row.year,
        days=PublishedYear.model_validate(body),
        by=row.by,
        at=row.at,
        notice=body.get("notice"),
        because=body.get("because"),
        before=tuple(body.get("before", ())),
    )


def _as_it_was(row: Any) -> dict[str, Any]:
    return _publication(row).model_dump(mode="json", exclude={"before", "year"})


def _first_words(wrong: ValueError) -> str:
    errors = getattr(wrong, "errors", None)
    return str(errors()[0]["ctx"]["error"]) if errors else str(wrong)
