"""The inbox: open tasks that fall to a person, in the order in which they press, with all that a row shows.

A part for each reason why a task falls to somebody, each along an index of its own that holds open tasks alone; the
parts give keys, and only the rows of the page are looked up. At most two statements a page.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Literal, get_args

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Row,
    Select,
    String,
    and_,
    cast,
    exists,
    false,
    func,
    or_,
    select,
    true,
    union_all,
)

from domain.clock import Ledger
from domain.connection.policy import Server
from domain.policy import Strict
from domain.processes import PROCESSES, TASKS
from store import search
from store.keyset import Page, beyond, page_of, together
from store.notices import starred
from store.people import Person, reasons, task_bounds, task_within, watches_only
from store.pressing import WITH_OTHERS, end_of_today
from store.tables import OPEN_CASE, OPEN_TASK, PARTS, RISEN, accounts, cases, projects, tasks

Group = Literal["late", "today", "later", "paused"]
_Part = tuple[ColumnElement[bool], ...]
MANY = 1_000
"""Counted up to here: beyond it a count says more than that."""
AMONG = 20_000


class InboxFilter(Strict):
    """All that are given must fit. `mine`: in my hands or given to me; `everyone`: tasks of every role.

    `group`: late, due today, due later (or without a term), or paused: in another party's hands. `q`: see `search`.
    `hand`: in this person's hands.
    """

    mine: bool = False
    everyone: bool = False
    key: str | None = None
    keys: tuple[str, ...] = ()
    role: str | None = None
    process: str | None = None
    stage: str | None = None
    grid: str | None = None
    section: str | None = None
    office: str | None = None
    case_no: str | None = None
    group: Group | None = None
    due_before: datetime | None = None
    q: str | None = None
    hand: str | None = None

    @property
    def overdue(self) -> bool:
        return self.group == "late"


class InboxRow(Strict):
    """A task as a row shows it. `title` and `address` are personal, and masked for those who only watch.

    `presses_at`: the deadline while the clock is ours; else an instant beyond every deadline (see `pressing`).
    """

    task_id: str
    case_no: str
    process: str
    subject: str
    title: str
    address: str | None
    amount_fen: int
    stage: str | None
    standing: str | None
    limited_at: datetime | None
    key: str
    item: str | None
    role: str
    level: str | None
    opened_at: datetime
    due_at: datetime | None
    presses_at: datetime
    provisional: bool
    paused: bool
    party: str
    clock: Ledger
    holder: str | None
    assignee: str | None
    urged: int
    grid: str | None
    section: str | None
    office: str | None

    def group(self, at: datetime) -> Group:
        """Where the row belongs on a page seen at `at`."""
        if self.presses_at >= WITH_OTHERS:
            return "paused"
        if self.presses_at <= at:
            return "late"
        return "today" if self.presses_at <= end_of_today(at) else "later"


class InboxCounts(Strict):
    """How many tasks are in each group, each up to `MANY`; one more means more than that."""

    late: int
    today: int
    later: int
    paused: int
    mine: int


_KEY = (tasks.c.presses_at, tasks.c.task_id)
_ROWS = (
    select(
        *(tasks.c[name] for name in InboxRow.model_fields if name in tasks.c),
        tasks.c.body,
        *(cases.c[name] for name in ("subject", "amount_fen", "stage", "standing", "limited_at")),
        func.coalesce(accounts.c.name, projects.c.name, cases.c.subject).label("title"),
        func.coalesce(accounts.c.address, projects.c.address).label("address"),
    )
    .join_from(tasks, cases, cases.c.case_no == tasks.c.case_no)
    .outerjoin(accounts, and_(tasks.c.process == "arrears", accounts.c.account_no == cases.c.subject))
    .outerjoin(projects, projects.c.case_no == tasks.c.case_no)
    .order_by(*_KEY)
)


def inbox(
    connection: Connection, person: Person, where: InboxFilter, *, at: datetime, after: str | None, limit: int
) -> Page[InboxRow]:
    """Open tasks in the order in which they press. Raises `Refused("form-invalid")` for a cursor of another list."""
    parts = _parts(person, where)
    if not parts:
        return Page(rows=[])
    few, searched = _few(connection, where)
    wanted = [OPEN_TASK, *_filters(where, at=at), *searched]
    if after is not None:
        wanted.append(beyond(_KEY, ("instant", "text"), after, down=False))
    read: FromClause
    if few:
        # Read whole before it is put in order: otherwise the planner would walk along all tasks instead.
        any_part = or_(*(and_(*part) for part in parts))
        read = select(*_KEY).where(*wanted, any_part).cte("read").prefix_with("MATERIALIZED")
    else:
        drawn = [select(*_KEY).where(*wanted, *part).order_by(*_KEY).limit(limit + 1) for part in parts]
        read = together(drawn).subquery()
    first = select(read.c.task_id).order_by(read.c.presses_at, read.c.task_id).limit(limit + 1)
    rows = connection.execute(_ROWS.where(tasks.c.task_id.in_(first)))
    hide = watches_only(person)
    return page_of([_row(row, hide=hide) for row in rows], limit, lambda row: (row.presses_at, row.task_id))


def inbox_counts(connection: Connection, person: Person, where: InboxFilter, *, at: datetime) -> InboxCounts:
    """How many tasks of a filter are in each group. One statement, and one more with a search."""
    today = end_of_today(at)
    groups: dict[str, tuple[ColumnElement[bool], ...]] = {
        "late": (tasks.c.presses_at <= at,),
        "today": (tasks.c.presses_at > at, tasks.c.presses_at <= today),
        "later": (tasks.c.presses_at > max(at, today), tasks.c.presses_at < WITH_OTHERS),
        "paused": (tasks.c.presses_at >= WITH_OTHERS,),
        "mine": (),
    }
    where = where.model_copy(update={"group": None})
    parts, (_, searched) = _parts(person, where, apart=True), _few(connection, where)
    wanted = [OPEN_TASK, *_filters(where, at=at), *searched]
    apart, counts = not where.mine and len(task_bounds(person)) == 1, []
    for name, group in groups.items():
        theirs = _in_hand(person) if name == "mine" else parts
        drawn = [select(tasks.c.task_id).where(*wanted, *group, *part).limit(MANY + 1) for part in theirs]
        counts.append(_count(drawn, apart=apart and name != "mine").label(name))
    found = connection.execute(select(*counts)).one()._mapping
    return InboxCounts(**{name: min(found[name], MANY + 1) for name in groups})


def _in_hand(person: Person) -> list[_Part]:
    """What this person has or was given, and those whom they stand in for."""
    whose, mine = (person.id, *person.stands_for), task_within(person, lead=False)
    return [(column == id, mine) for id in whose for column in (tasks.c.holder, tasks.c.assignee)]


def _few(connection: Connection, where: InboxFilter) -> tuple[bool, list[ColumnElement[bool]]]:
    """Whether a search or a case leaves few tasks, and what they must fit for it."""
    if where.case_no is not None:
        mine = tasks.c.case_no == where.case_no
        return True, [mine, search.task_fits(where.q)] if where.q else [mine]
    ways: list[tuple[Select[Any], ColumnElement[bool], ColumnElement[bool]]] = []
    if where.q:
        found = tasks.c.task_id.in_(search.tasks_found(where.q))
        ways.append((search.probe(where.q), found, search.task_fits(where.q)))
    if where.stage is not None:
        at = (cases.c.stage == where.stage, OPEN_CASE)
        of_stage = select(cases.c.case_no).where(cases.c.process.in_(tuple(PROCESSES)), *at)
        its = exists().where(cases.c.case_no == tasks.c.case_no, *at)
        ways.append((of_stage, tasks.c.case_no.in_(of_stage), its))
    least = search.fewest(connection, [probe for probe, _, _ in ways])
    return least is not None, [found if no == least else fits for no, (_, found, fits) in enumerate(ways)]


def _filters(where: InboxFilter, *, at: datetime) -> list[ColumnElement[bool]]:
    wanted = [tasks.c[name] == value for name in PARTS if (value := getattr(where, name)) is not None]
    wanted += [tasks.c[name] == value for name in ("key", "process") if (value := getattr(where, name)) is not None]
    wanted += [tasks.c.key.in_(where.keys)] if where.keys else []
    wanted += [tasks.c.role == where.role] if where.role is not None else []
    wanted += [tasks.c.presses_at < where.due_before] if where.due_before is not None else []
    today = end_of_today(at)
    match where.group:
        case "late":
            wanted.append(tasks.c.presses_at <= at)
        case "today":
            wanted += [tasks.c.presses_at > at, tasks.c.presses_at <= today]
        case "later":
            wanted += [tasks.c.presses_at > today, tasks.c.presses_at < WITH_OTHERS]
        case "paused":
            wanted.append(tasks.c.presses_at >= WITH_OTHERS)
        case None:
            pass
    return wanted


def _parts(person: Person, where: InboxFilter, *, apart: bool = False) -> list[_Part]:
    """Why a task falls to this person and where: what it must fit for each index that leads to such tasks.

    `apart`: no task fits two reasons, which a list in order would only walk further for.
    """
    if where.mine:
        return _in_hand(person)
    falls = _falling(person, where, apart=apart)
    if where.hand is not None:
        its, mine = or_(*falls) if falls else false(), task_within(person, lead=False)
        given = and_(tasks.c.assignee == where.hand, tasks.c.holder.is_(None))
        return [(hand, its, mine) for hand in (tasks.c.holder == where.hand, given)]
    return [(why, bound) for why in falls for bound in task_bounds(person)]


def _falling(person: Person, where: InboxFilter, *, apart: bool) -> list[ColumnElement[bool]]:
    found = reasons(person)
    if keys := (where.key,) if where.key is not None else where.keys:
        falls = true() if where.everyone else or_(*(tasks.c[column] == value for column, value in found))
        return [and_(tasks.c.key == key, falls) for key in keys] if where.everyone or found else []
    if where.everyone:
        if where.process is None:
            return [true()]
        return [tasks.c.key == key for key in TASKS if key.startswith(f"{where.process}.")]
    parts: list[ColumnElement[bool]] = []
    for column, value in found:
        if column == "level":
            parts.append(and_(tasks.c.level == value, RISEN, *([tasks.c.role.not_in(person.roles)] if apart else [])))
        elif where.role in (None, value):
            parts += _of_role(value, where.process)
    return parts


LEADERS = tuple(server for server in get_args(Server) if server != "representative")


def _of_role(role: str, process: str | None) -> list[ColumnElement[bool]]:
    if process is None:
        return [tasks.c.role == role]
    kinds = [kind for kind in TASKS.values() if kind.key.startswith(f"{process}.")]
    own = [tasks.c.key == kind.key for kind in kinds if kind.role == role]
    if process != "connection" or role not in LEADERS:
        return own
    # Whoever serves a project in place of a representative has the representative's tasks of it.
    led = [kind.key for kind in kinds if kind.role == "representative"]
    return own + [and_(tasks.c.key == key, tasks.c.role == role) for key in led]


def _count(drawn: Sequence[Select[Any]], *, apart: bool) -> ColumnElement[int]:
    """How many tasks stand in several parts together, up to a bound; no task stands in two that are `apart`."""
    if not drawn:
        return select(func.count()).where(false()).scalar_subquery()
    if apart and len(drawn) > 1:
        each = union_all(*(select(part.subquery()) for part in drawn)).limit(MANY + 1).subquery()
    else:
        each = together(drawn).subquery()
    return select(func.count()).select_from(each).scalar_subquery()


def _row(row: Any, *, hide: bool) -> InboxRow:
    given = {name: value for name, value in row._mapping.items() if name != "body"}
    given["clock"] = row.body.get("clock", ())
    if hide:
        given |= {"title": starred(row.title), "address": starred(row.address)}
    return InboxRow.model_validate(given)


def title_of(connection: Connection, person: Person, case_no: str) -> str:
    """What a case is about: the project's name, or the account's name or number; masked for those who only watch."""
    return titles_of(connection, person, [case_no]).get(case_no, case_no)


def titles_of(connection: Connection, person: Person, case_nos: Iterable[str]) -> dict[str, str]:
    """The same for several cases. One statement."""
    found = connection.execute(
        select(cases.c.case_no, func.coalesce(accounts.c.name, projects.c.name, cases.c.subject).label("title"))
        .select_from(cases)
        .outerjoin(accounts, and_(cases.c.process == "arrears", accounts.c.account_no == cases.c.subject))
        .outerjoin(projects, projects.c.case_no == cases.c.case_no)
        .where(cases.c.case_no.in_(list(case_nos)))
    )
    hide = watches_only(person)
    return {row.case_no: (starred(row.title) or row.title) if hide else row.title for row in found}


def under_clause(connection: Connection, person: Person, clause: str, *, limit: int) -> list[Row[Any]]:
    """Open tasks that rest on a sentence, the most pressing first: where it is running now, in this person's sight.

    Looked for in the tasks themselves, and therefore only among the most pressing, `AMONG` of them.
    """
    mine = [select(*_KEY).where(OPEN_TASK, bound).order_by(*_KEY).limit(AMONG) for bound in task_bounds(person)]
    resting = cast(tasks.c.body, String).contains(f'"{clause}"', autoescape=True)
    each = together(mine).subquery()
    pressing = select(each.c.task_id).order_by(each.c.presses_at, each.c.task_id).limit(AMONG)
    found = select(tasks).where(tasks.c.task_id.in_(pressing), resting).order_by(*_KEY).limit(limit)
    return list(connection.execute(found).all())


def address_of(connection: Connection, person: Person, case_no: str) -> str | None:
    """Where a case is at work, if an address is on record; masked for those who only watch."""
    address = connection.scalar(
        select(func.coalesce(accounts.c.address, projects.c.address))
        .select_from(cases)
        .outerjoin(accounts, and_(cases.c.process == "arrears", accounts.c.account_no == cases.c.subject))
        .outerjoin(projects, projects.c.case_no == cases.c.case_no)
        .where(cases.c.case_no == case_no)
    )
    return starred(address) if watches_only(person) else address
