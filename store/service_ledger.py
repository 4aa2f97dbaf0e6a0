"""客户代表服务台账: every project that is or was served, with its progress, its problems and what came of them."""

from datetime import datetime
from itertools import product
from typing import Any

from sqlalchemy import Connection, and_, select, union_all

from domain.calendars import local
from domain.clauses import keeps
from domain.policy import Strict
from store.caselines import OpenTask, open_tasks
from store.keyset import Page, beyond, page_of
from store.notices import starred
from store.people import Person, bounds, watches_only
from store.pressing import WITH_OTHERS
from store.reads import STATUSES
from store.tables import cases, people, posts, projects

_KEY = (cases.c.opened_at, cases.c.case_no)


class ServiceFilter(Strict):
    """All that are given must fit. `open_problems`: something that the customer met with is not solved yet."""

    status: str | None = None
    grid: str | None = None
    section: str | None = None
    office: str | None = None


class ProblemLine(Strict):
    """What a customer met with, and what came of it; `result` None while it is not solved."""

    what: str
    at: datetime
    result: str | None = None
    solved_at: datetime | None = None


class GivenLine(Strict):
    """A service, an accompanied step or a talk, on record."""

    what: str
    note: str | None = None
    at: datetime
    by: str


class ServiceRow(Strict):
    """One project of the ledger. `served_by`: the role that the rule assigned; `holder`: who holds its grid.

    `name` and `address` are masked for those who only watch.
    """

    case_no: str
    name: str
    address: str | None
    kind: str | None
    status: str
    phase: str | None
    outcome: str | None
    served_by: str | None
    holder: str | None
    opened_at: datetime
    closed_at: datetime | None
    days: int
    due_at: datetime | None
    late: bool
    tasks: list[OpenTask]
    problems: list[ProblemLine]
    given: list[GivenLine]
    grid: str | None
    section: str | None
    office: str | None


_HELD = and_(posts.c.grid == cases.c.grid, posts.c.post == "A", posts.c.until_on.is_(None))
_ROWS = (
    select(
        *(cases.c[name] for name in ("case_no", "kind", "status", "outcome", "opened_at", "closed_at", "grid")),
        *(cases.c[name] for name in ("section", "office", "presses_at")),
        cases.c.stage.label("phase"),
        cases.c.facts["assigned_to"].label("served_by"),
        cases.c.facts["works"]["problems"].label("problems"),
        cases.c.facts["works"]["given"].label("given"),
        projects.c.name,
        projects.c.address,
        people.c.name.label("holder"),
    )
    .join_from(cases, projects, projects.c.case_no == cases.c.case_no, isouter=True)
    .outerjoin(posts, _HELD)
    .outerjoin(people, people.c.id == posts.c.person)
)


@keeps(
    "changchun.connection.service-ledger",
    "changchun.connection.ledger-fields",
    "changchun.connection.project-list",
    "changchun.organisation.manager-organises-reps",
    "changchun.organisation.manager-assists-dept-head",
)
def service_ledger(
    connection: Connection, person: Person, where: ServiceFilter, *, at: datetime, after: str | None, limit: int
) -> Page[ServiceRow]:
    """The projects in sight, the newest first. Two statements a page."""
    wanted = [cases.c.process == "connection"]
    wanted += [cases.c[name] == value for name, value in where if value is not None and name != "status"]
    if after is not None:
        wanted.append(beyond(_KEY, ("instant", "text"), after, down=True))
    newest = tuple(column.desc() for column in _KEY)
    # Open ones and closed ones, and those of each part in sight: each along an index of its own, then put together.
    shown = union_all(
        *(
            select(
                select(cases.c.case_no)
                .where(*wanted, cases.c.status == status, bound)
                .order_by(*newest)
                .limit(limit + 1)
                .subquery()
            )
            for status, bound in product([where.status] if where.status else STATUSES, bounds(person, cases))
        )
    )
    rows = list(connection.execute(_ROWS.where(cases.c.case_no.in_(shown)).order_by(*newest).limit(limit + 1)))
    open_now = open_tasks(connection, [row.case_no for row in rows[:limit]])
    hide = watches_only(person)
    page = page_of(rows, limit, lambda row: (row.opened_at, row.case_no))
    return Page(rows=[_row(row, open_now[row.case_no], at=at, hide=hide) for row in page.rows], next=page.next)


def _row(row: Any, tasks: list[OpenTask], *, at: datetime, hide: bool) -> ServiceRow:
    own = (*("case_no", "kind", "status", "phase", "outcome", "served_by", "holder", "opened_at", "closed_at"), "grid")
    name, address = row.name or row.case_no, row.address
    return ServiceRow(
        **{field: getattr(row, field) for field in (*own, "section", "office")},
        name=starred(name) if hide else name,
        address=starred(address) if hide else address,
        days=(local(row.closed_at or at).date() - local(row.opened_at).date()).days,
        due_at=next((task.due_at for task in tasks if task.presses_at < WITH_OTHERS), None),
        late=row.status == "open" and row.presses_at <= at,
        tasks=tasks,
        problems=[ProblemLine.model_validate(each) for each in (row.problems or {}).values()],
        given=[
            GivenLine.model_validate({name: each.get(name) for name in GivenLine.model_fields})
            for each in row.given or ()
        ],
    )
