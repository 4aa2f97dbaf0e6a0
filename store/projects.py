"""Connection projects as they come in: what was applied for, by whom, and through which channel."""

from typing import Any

from pydantic import AwareDatetime
from sqlalchemy import Connection, func, select

from domain.connection.facts import Project
from domain.policy import Strict
from store import places, search
from store.database import Database
from store.intake import Place
from store.notices import masked, starred
from store.people import Person, watches_only
from store.tables import cases, projects


class ProjectRecord(Strict):
    """An application as a door hands it over. Name and address stay in this table.

    `reference` is the sender's own number: the same one again finds the project it opened. `arrived_at` is when the
    sender says it arrived there; our own terms count from our own door.
    """

    name: str
    project: Project
    papers: tuple[str, ...]
    reference: str | None = None
    address: str | None = None
    district: str | None = None
    channel: str | None = None
    department: str | None = None
    responsible: str | None = None
    contact: str | None = None
    phone: str | None = None
    arrived_at: AwareDatetime | None = None
    planned_end: AwareDatetime | None = None
    grid: str | None = None
    section: str | None = None
    office: str | None = None


def open_project(database: Database, record: ProjectRecord, *, pack: str, at: AwareDatetime) -> Place:
    """Take an application in and give it its case number, once a reference."""
    with database.write() as connection:
        return open_in(connection, record, pack=pack, at=at)


def open_in(connection: Connection, record: ProjectRecord, *, pack: str, at: AwareDatetime) -> Place:
    """`open_project` within the caller's transaction."""
    if record.reference is not None:
        known = connection.scalar(select(projects.c.case_no).where(projects.c.reference == record.reference))
        if known is not None:
            return Place(case_no=known, new=False)
    case_no, _ = places.open_place(connection, process="connection", subject=None, prefix="BZ", pack=pack, at=at)
    row: dict[str, Any] = record.model_dump(exclude={"project", "papers"}) | {
        "case_no": case_no,
        "body": record.project.model_dump(mode="json"),
        "papers": list(record.papers),
        "at": at,
    }
    connection.execute(projects.insert().values(**row))
    numbers = (case_no, record.reference, record.phone, record.contact)
    terms = search.terms(name=record.name, address=record.address, numbers=numbers)
    search.put_new(connection, "connection", {case_no: terms})
    return Place(case_no=case_no, new=True)


def project(connection: Connection, case_no: str) -> tuple[Project, tuple[str, ...]]:
    """What a case may know of its project, and the papers handed in."""
    row = connection.execute(select(projects.c.body, projects.c.papers).where(projects.c.case_no == case_no)).one()
    return Project.model_validate(row.body), tuple(row.papers)


class Shown(Strict):
    """What a page says of a project beside what the rules know; masked for those who only watch."""

    name: str
    address: str | None
    district: str | None
    channel: str | None
    responsible: str | None
    contact: str | None
    phone: str | None
    planned_end: AwareDatetime | None


def about(connection: Connection, case_no: str) -> Shown:
    """What was applied for, unmasked: for the one who applied."""
    columns = [projects.c[name] for name in Shown.model_fields]
    row = connection.execute(select(*columns).where(projects.c.case_no == case_no)).one()
    return Shown.model_validate(dict(row._mapping))


def shown(connection: Connection, person: Person, case_no: str) -> Shown:
    """A project as this person may read it."""
    found = about(connection, case_no)
    if not watches_only(person):
        return found
    hidden = {"name": starred(found.name) or "", "address": starred(found.address)}
    return found.model_copy(update=hidden | {"contact": starred(found.contact), "phone": masked(found.phone)})


def references(connection: Connection) -> dict[str, str]:
    """Every reference known, with its case number."""
    rows = connection.execute(select(projects.c.reference, projects.c.case_no).where(projects.c.reference.is_not(None)))
    return {row.reference: row.case_no for row in rows}


def on_record(connection: Connection) -> int:
    """How many projects that came with a reference have begun."""
    joined = select(func.count()).select_from(projects).join(cases, cases.c.case_no == projects.c.case_no)
    return connection.scalar(joined.where(projects.c.reference.is_not(None))) or 0
