"""The arrears work list: whom to visit or call, with what is owed, what was served, and what proof is missing."""

from datetime import date, datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, func, select, text

from domain.calendars import local
from domain.policy import Strict
from domain.refusals import Refused
from store.caselines import PRESSING, Bound, Narrowed, OpenTask, Order, case_page, in_parts, open_tasks
from store.keyset import Page
from store.notices import starred
from store.people import Person, watches_only, within
from store.pressing import NEVER, WITH_OTHERS, end_of_today
from store.tables import PARTS, accounts, cases

_WALK, _GRID = (func.coalesce(accounts.c[name], text("''")) for name in ("walk", "grid"))
ORDERS = {
    "due": PRESSING,
    "amount": Order((cases.c.amount_fen, cases.c.case_no), ("fen", "text"), down=True, along=("amount_fen",)),
    "days": Order((cases.c.oldest_due_on, cases.c.case_no), ("day", "text")),
}
WorkOrder = Literal["due", "amount", "days", "route"]


class WorkFilter(Strict):
    """`proof_missing`: a notice is still to be served, perhaps after failed attempts. `amount_from` in fen.

    `case_nos`: these alone, as they were chosen in a list.
    """

    stage: str | None = None
    standing: str | None = None
    kind: str | None = None
    grid: str | None = None
    section: str | None = None
    office: str | None = None
    amount_from: int | None = None
    proof_missing: bool = False
    due_today: bool = False
    late: bool = False
    q: str | None = None
    case_nos: tuple[str, ...] = ()


class Contact(Strict):
    at: datetime
    method: str
    reached: bool
    outcome: str | None = None


class ServedNotice(Strict):
    """The last notice that was served: which, when, how, and the kind of its proof."""

    task: str
    at: datetime
    method: str
    proof: Literal["photo", "receipt"] | None = None


class WorkRow(Strict):
    """An account in arrears as a row shows it. `title` and `address` are masked for those who only watch.

    `days` since the oldest unpaid bill fell due; `attempts` that failed to serve what is to be served now; `holds`:
    what keeps the ladder still; `waits_for`: why it stands still, if it does; `tasks`: what is open.
    """

    case_no: str
    account_no: str
    title: str
    address: str | None
    kind: str | None
    estate: str | None
    protected: list[str]
    grid: str | None
    section: str | None
    office: str | None
    amount_fen: int
    disputed_fen: int
    bills: int
    oldest_due_on: date | None
    days: int
    stage: str | None
    waits_for: str | None
    next_wake: datetime | None
    limited_at: datetime | None
    opened_at: datetime
    contact: Contact | None
    served: ServedNotice | None
    notices: int
    attempts: int
    proof_missing: bool
    holds: list[dict[str, Any]]
    party: str | None
    due_at: datetime | None
    late: bool
    tasks: list[OpenTask]


_OF_CASE = (
    *("case_no", "kind", "grid", "section", "office", "amount_fen", "oldest_due_on", "stage", "next_wake"),
    *("limited_at", "opened_at", "proof_missing", "party"),
)
_ROW = [
    *(cases.c[name] for name in (*_OF_CASE, "presses_at", "glance")),
    cases.c.subject.label("account_no"),
    cases.c.standing.label("waits_for"),
    func.coalesce(accounts.c.name, cases.c.subject).label("title"),
    accounts.c.address,
    accounts.c.estate,
]
WORK = select(*_ROW).join_from(cases, accounts, accounts.c.account_no == cases.c.subject, isouter=True)


def arrears_work(
    connection: Connection,
    person: Person,
    where: WorkFilter,
    *,
    at: datetime,
    order: WorkOrder = "due",
    after: str | None,
    limit: int,
) -> Page[WorkRow]:
    """Open arrears cases: most pressing first, most owed first, oldest debt first, or as a round on foot.

    Raises `Refused("form-invalid")` for a round through more than one section. At most three statements.
    """
    filters = _filters(where, at=at, on_foot=order == "route")
    way, around = ORDERS.get(order), None
    if way is None:
        way, around = _round(person, where)
    page = case_page(
        connection,
        person,
        WORK,
        filters,
        process="arrears",
        order=way,
        after=after,
        limit=limit,
        around=around,
    )
    open_now = open_tasks(connection, [row.case_no for row in page.rows])
    hide = watches_only(person)
    return Page(rows=[_row(row, open_now[row.case_no], at=at, hide=hide) for row in page.rows], next=page.next)


class Neighbour(Strict):
    """Another account of the same household that owes too: a visit is one for both, the cases are two."""

    case_no: str
    account_no: str
    amount_fen: int
    stage: str | None


def same_household(connection: Connection, person: Person, account_no: str) -> list[Neighbour]:
    """Open cases of other accounts at the very address of this one, in the same part of the town."""
    mine = connection.execute(select(accounts).where(accounts.c.account_no == account_no)).one_or_none()
    if mine is None or not mine.address:
        return []
    # Said so that the address leads, of which there are few, and no part of the town.
    parts = [accounts.c[part].concat("") == mine._mapping[part] for part in PARTS if mine._mapping[part] is not None]
    others = select(accounts.c.account_no).where(
        accounts.c.address == mine.address, accounts.c.account_no != account_no, *parts
    )
    rows = connection.execute(
        select(cases.c.case_no, cases.c.subject.label("account_no"), cases.c.amount_fen, cases.c.stage)
        .where(cases.c.process == "arrears", cases.c.subject.in_(others), cases.c.status.concat("") == "open")
        .where(within(person, cases, lead=False))
        .order_by(cases.c.case_no)
        .limit(20)
    )
    return [Neighbour.model_validate(dict(row._mapping)) for row in rows]


def _round(person: Person, where: WorkFilter) -> tuple[Order, list[ColumnElement[bool]]]:
    """The order of a round on foot, and where it goes: through one grid, or one section grid by grid."""
    part, own = person.part or ("", None)
    if (grid := where.grid or (own if part == "grid" else None)) is not None:
        return Order((_WALK, accounts.c.account_no), ("text", "text")), [accounts.c.grid == grid]
    if (section := where.section or (own if part == "section" else None)) is not None:
        key = (_GRID, _WALK, accounts.c.account_no)
        return Order(key, ("text", "text", "text")), [accounts.c.section == section]
    raise Refused("form-invalid", "order: a round leads through one section or one grid; choose which")


def _filters(where: WorkFilter, *, at: datetime, on_foot: bool) -> Narrowed:
    asked = {
        "stage": (where.stage is not None, "stage", lambda column: column == where.stage),
        "standing": (where.standing is not None, "standing", lambda column: column == where.standing),
        "amount": (where.amount_from is not None, "amount_fen", lambda column: column >= where.amount_from),
        "proof": (where.proof_missing, "proof_missing", lambda column: column.is_(True)),
        "today": (where.due_today, "presses_at", lambda column: column <= end_of_today(at)),
        "late": (where.late, "presses_at", lambda column: column <= at),
    }
    few = [Bound(column, asks) for given, column, asks in asked.values() if given]
    rest = in_parts(where, lead=not on_foot)
    rest += [cases.c.kind == where.kind] if where.kind is not None else []
    rest += [cases.c.case_no.in_(where.case_nos)] if where.case_nos else []
    return Narrowed(where.q, few, rest)


def _row(row: Any, tasks: list[OpenTask], *, at: datetime, hide: bool) -> WorkRow:
    glance, given = row.glance or {}, {name: getattr(row, name) for name in _OF_CASE}
    served = (glance.get("served") or [None])[-1]
    since = row.oldest_due_on if row.oldest_due_on != NEVER else None
    return WorkRow(
        **given | {"oldest_due_on": since},
        account_no=row.account_no,
        title=starred(row.title) if hide else row.title,
        address=starred(row.address) if hide else row.address,
        estate=row.estate,
        waits_for=row.waits_for,
        protected=glance.get("protected", []),
        disputed_fen=glance.get("disputed_fen", 0),
        bills=glance.get("bills", 0),
        days=(local(at).date() - since).days if since else 0,
        contact=glance.get("contact"),
        served=served | {"proof": glance.get("proof")} if served else None,
        notices=len(glance.get("served", [])),
        attempts=glance.get("attempts", 0),
        holds=glance.get("holds", []),
        due_at=next((task.due_at for task in tasks if task.presses_at < WITH_OTHERS), None),
        late=row.presses_at <= at,
        tasks=tasks,
    )
