"""Files of cases: which there are, who may see them, and who has looked. The bytes are on the shelf (`store.shelf`).

A file belongs to cases, and whoever may see one of them may see it in it. The same bytes are one file, however often
and to however many cases they are sent; what was said of them (name, role) stays with the case it was said to.
"""

from collections.abc import Iterable
from datetime import datetime, time
from typing import Any, Literal

from sqlalchemy import Connection, Row, func, select

from domain.calendars import local
from domain.policy import Strict
from domain.refusals import Refused
from store.database import upsert
from store.people import Person, within
from store.tables import case_files, cases, file_looks, files

MOST_OF_A_CASE = 1000
FileRole = Literal["photo", "signature", "paper"]
Size = Literal["thumb", "preview", "original"]


class FileRecord(Strict):
    """A file as it comes to a case: what the bytes are, and what whoever sent them calls them."""

    sha256: str
    media_type: str
    size: int
    width: int | None = None
    height: int | None = None
    role: FileRole
    name: str | None = None
    filename: str
    task_id: str | None = None


_LINKED = [*case_files.c, files.c.media_type, files.c.size, files.c.width, files.c.height]
_JOINED = case_files.join(files, files.c.sha256 == case_files.c.sha256)


def add(connection: Connection, case_no: str, file: FileRecord, *, at: datetime, by: str) -> bool:
    """Give a case a file; False when it had it already, and nothing changed.

    Raises `Refused("form-invalid")` for a case that has a thousand.
    """
    of_bytes = file.model_dump(include={"sha256", "media_type", "size", "width", "height"}) | {"at": at}
    upsert(connection, files, of_bytes, key=("sha256",), keep=tuple(of_bytes))
    many = select(func.count()).select_from(case_files).where(case_files.c.case_no == case_no)
    if (connection.scalar(many) or 0) >= MOST_OF_A_CASE:
        raise Refused("form-invalid", f"file: the case has {MOST_OF_A_CASE} files already, and takes no more")
    of_case = file.model_dump(include={"sha256", "role", "name", "filename", "task_id"})
    of_case |= {"case_no": case_no, "at": at, "by": by}
    return upsert(connection, case_files, of_case, key=("case_no", "sha256"), keep=tuple(of_case))


def of_case(connection: Connection, case_no: str) -> list[Row[Any]]:
    """Every file of a case, in the order in which they came."""
    mine = select(*_LINKED).select_from(_JOINED).where(case_files.c.case_no == case_no)
    return list(connection.execute(mine.order_by(case_files.c.at, case_files.c.sha256)).all())


def among(connection: Connection, case_no: str, hashes: Iterable[str]) -> dict[str, Row[Any]]:
    """Those of these hashes that are files of the case."""
    mine = select(*_LINKED).select_from(_JOINED)
    rows = connection.execute(mine.where(case_files.c.case_no == case_no, case_files.c.sha256.in_(list(hashes))))
    return {row.sha256: row for row in rows}


def visible(connection: Connection, person: Person, sha256: str, case_no: str | None) -> Row[Any] | None:
    """A file as the case has it, or (no case named) as the oldest case in sight has it; None when absent or outside."""
    found = select(*_LINKED).select_from(_JOINED.join(cases, cases.c.case_no == case_files.c.case_no))
    found = found.where(case_files.c.sha256 == sha256, within(person, cases))
    if case_no is not None:
        found = found.where(case_files.c.case_no == case_no)
    return connection.execute(found.order_by(case_files.c.at, case_files.c.case_no).limit(1)).one_or_none()


def looked_today(connection: Connection, case_no: str, sha256: str, size: Size, *, by: str, at: datetime) -> bool:
    """Whether this person's looks at a file in this size are on record for the day already."""
    midnight = datetime.combine(local(at).date(), time(), local(at).tzinfo)
    mine = select(file_looks.c.id).where(
        file_looks.c.case_no == case_no,
        file_looks.c.sha256 == sha256,
        file_looks.c.by == by,
        file_looks.c.size == size,
        file_looks.c.at >= midnight,
    )
    return connection.scalar(mine.limit(1)) is not None


def note_look(connection: Connection, case_no: str, sha256: str, size: Size, *, by: str, at: datetime) -> None:
    """Put on record that somebody has looked at a file."""
    row = {"case_no": case_no, "sha256": sha256, "size": size, "by": by, "at": at}
    connection.execute(file_looks.insert().values(**row))
