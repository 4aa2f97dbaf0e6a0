"""The board of connection projects: where every project is, what is stuck, and whose time it is."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Select, and_, func, select

from domain.calendars import local
from domain.connection.phases import PHASES
from domain.policy import Strict
from store.caselines import (
    NEWEST,
    OLDEST,
    PRESSING,
    Bound,
    Narrowed,
    OpenTask,
    case_page,
    in_parts,
    narrowed,
    open_tasks,
)
from store.keyset import Page
from store.notices import starred
from store.people import Person, watches_only, within
from store.pressing import NOTHING_OPEN, WITH_OTHERS
from store.tables import OPEN_CASE, cases, projects
from store.work import MANY

ORDERS = {"due": PRESSING, "newest": NEWEST, "oldest": OLDEST}
BoardOrder = Literal["due", "newest", "oldest"]


class BoardFilter(Strict):
    """`late`: a task is past due on our own clock; `paused`: all that is open is in another party's hands."""

    phase: str | None = None
    responsible: str | None = None
    kind: str | None = None
    late: bool = False
    paused: bool = False
    grid: str | None = None
    section: str | None = None
    office: str | None = None
    q: str | None = None


class PhaseCount(Strict):
    """A column of the board; each figure counted up to `MANY`, one more means more than that."""

    phase: str
    projects: int
    late: int
    paused: int


class ProjectRow(Strict):
    """A project as a row shows it. `name` and `address` are masked for those who only watch.

    `responsible`: whom the application names, else the role assigned; `party`: whose time it is, None while only time
    is waited for; `due_at`: the next deadline on our own clock; `waits_for`: why it stands still; `tasks`: those open.
    """

    case_no: str
    name: str
    address: str | None
    district: str | None
    channel: str | None
    kind: str | None
    meters: int
    phase: str | None
    responsible: str | None
    assigned_to: str | None
    party: str | None
    due_at: datetime | None
    late: bool
    suspended: bool
    missing: list[str]
    failing: int
    round: int
    waits_for: str | None
    opened_at: datetime
    days: int
    planned_end: datetime | None
    grid: str | None
    section: str | None
    office: str | None
    tasks: list[OpenTask]


_ROW = [
    *(
        cases.c[name]
        for name in ("case_no", "kind", "responsible", "party", "presses_at", "opened_at", "glance", "grid", "section")
    ),
    cases.c.office,
    cases.c.stage.label("phase"),
    cases.c.standing.label("waits_for"),
    func.coalesce(projects.c.name, cases.c.case_no).label("name"),
    *(projects.c[name] for name in ("address", "district", "channel", "planned_end")),
]
_SHOWN = (
    *("case_no", "name", "address", "district", "channel", "kind", "phase", "responsible", "party", "waits_for"),
    *("opened_at", "planned_end", "grid", "section", "office"),
)


def board(
    connection: Connection,
    person: Person,
    where: BoardFilter,
    *,
    at: datetime,
    order: BoardOrder = "due",
    after: str | None,
    limit: int,
) -> Page[ProjectRow]:
    """Open projects, late ones first, or by their opening. At most three statements."""
    statement = select(*_ROW).join_from(cases, projects, projects.c.case_no == cases.c.case_no, isouter=True)
    page = case_page(
        connection,
        person,
        statement,
        _filters(where, at=at),
        process="connection",
        order=ORDERS[order],
        after=after,
        limit=limit,
    )
    open_now = open_tasks(connection, [row.case_no for row in page.rows])
    hide = watches_only(person)
    return Page(rows=[_row(row, open_now[row.case_no], at=at, hide=hide) for row in page.rows], next=page.next)


def board_counts(
    connection: Connection, person: Person, where: BoardFilter | None = None, *, at: datetime
) -> list[PhaseCount]:
    """The columns of the board in their order, under a filter without its phase. One statement, two with a search."""
    where = (where or BoardFilter()).model_copy(update={"phase": None})
    filters, mine = _filters(where, at=at), [cases.c.process == "connection", OPEN_CASE, within(person, cases)]
    wanted = [*mine, *(bound.leading for bound in filters.few), *filters.rest]
    if where.q:
        wanted += narrowed(connection, filters._replace(few=[]), "connection")[1]
    bounds: dict[str, Sequence[ColumnElement[bool]]] = {
        "projects": (),
        "late": (cases.c.presses_at <= at,),
        "paused": (_paused(cases.c.presses_at),),
    }
    figures = [
        _count(select(cases.c.case_no).where(*wanted, cases.c.stage == phase, *bound)).label(f"{phase}/{name}")
        for phase in PHASES
        for name, bound in bounds.items()
    ]
    found = connection.execute(select(*figures)).one()._mapping
    return [PhaseCount(phase=phase, **{name: found[f"{phase}/{name}"] for name in bounds}) for phase in PHASES]


def _count(each: Select[Any]) -> ColumnElement[int]:
    return select(func.count()).select_from(each.limit(MANY + 1).subquery()).scalar_subquery()


def _paused(presses_at: ColumnElement[Any]) -> ColumnElement[bool]:
    return and_(presses_at >= WITH_OTHERS, presses_at < NOTHING_OPEN)


def _filters(where: BoardFilter, *, at: datetime) -> Narrowed:
    few = [Bound("responsible", lambda column: column == where.responsible)] if where.responsible is not None else []
    few += [Bound("stage", lambda column: column == where.phase)] if where.phase is not None else []
    few += [Bound("presses_at", lambda column: column <= at)] if where.late else []
    few += [Bound("presses_at", _paused)] if where.paused else []
    rest = in_parts(where)
    rest += [cases.c.kind == where.kind] if where.kind is not None else []
    return Narrowed(where.q, few, rest)


def _row(row: Any, tasks: list[OpenTask], *, at: datetime, hide: bool) -> ProjectRow:
    glance, given = row.glance or {}, {name: getattr(row, name) for name in _SHOWN}
    if hide:
        given |= {"name": starred(row.name), "address": starred(row.address)}
    return ProjectRow(
        **given,
        **{name: glance.get(name, empty) for name, empty in _EMPTY.items()},
        due_at=next((task.due_at for task in tasks if task.presses_at < WITH_OTHERS), None),
        late=row.presses_at <= at,
        days=(local(at).date() - local(row.opened_at).date()).days,
        tasks=tasks,
    )


_EMPTY: dict[str, Any] = {
    "meters": 1,
    "assigned_to": None,
    "suspended": False,
    "missing": [],
    "failing": 0,
    "round": 1,
}
