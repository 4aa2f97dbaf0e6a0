"""Calendar years that an operator published after this release was made."""

from datetime import datetime

from sqlalchemy import Connection, select

from domain.calendars import Calendar, PublishedYear
from store import outbox
from store.database import upsert
from store.tables import calendars, cases


def published(connection: Connection, calendar: Calendar) -> Calendar:
    """`calendar` with every year that was published here laid over it."""
    for row in connection.execute(select(calendars).order_by(calendars.c.year)):
        calendar = calendar.published(row.year, PublishedYear.model_validate(row.body))
    return calendar


def publish(connection: Connection, *, year: int, days: PublishedYear, by: str, at: datetime) -> int:
    """Publish a year, and leave word for every open case; returns how many there are."""
    body = days.model_dump(mode="json")
    upsert(connection, calendars, {"year": year, "body": body, "by": by, "at": at}, key=("year",))
    open_cases = connection.execute(select(cases.c.process, cases.c.subject).where(cases.c.status == "open")).all()
    for case in open_cases:
        outbox.put(
            connection,
            kind="calendar",
            process=case.process,
            subject=case.subject,
            at=at,
            body={"year": year, "days": body, "at": at.isoformat()},
        )
    return len(open_cases)
