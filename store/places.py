"""Places: the case numbers given out, and the one open case that a subject may have."""

from datetime import datetime

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from domain.calendars import local
from store import outbox
from store.tables import numbers, openings


def open_place(
    connection: Connection, *, process: str, subject: str | None, prefix: str, pack: str, at: datetime
) -> tuple[str, bool]:
    """The case number under which a subject's open case runs or is to run, and whether it is new.

    The number is taken and word left for the engine in the caller's transaction: one open case a subject, by a unique
    key, and no number without a case. Without a subject the number itself is the subject.
    """
    if subject is not None:
        standing = connection.scalar(
            select(openings.c.case_no).where(openings.c.process == process, openings.c.open_subject == subject)
        )
        if standing is not None:
            return standing, False
    case_no = next_number(connection, f"{prefix}-{local(at):%Y%m%d}")
    subject = subject or case_no
    connection.execute(
        openings.insert().values(
            case_no=case_no, process=process, subject=subject, open_subject=subject, pack=pack, at=at
        )
    )
    outbox.put(connection, kind="open", process=process, subject=subject, at=at, body={"case_no": case_no})
    return case_no, True


def next_number(connection: Connection, prefix: str) -> str:
    """The next number of a day: QF-20260311-0001, one after the other, whoever asks at the same time."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    first = dialect.insert(numbers).values(prefix=prefix, last=1)
    taken = first.on_conflict_do_update(index_elements=["prefix"], set_={"last": numbers.c.last + 1})
    number: int = connection.execute(taken.returning(numbers.c.last)).scalar_one()
    return f"{prefix}-{number:04d}"
