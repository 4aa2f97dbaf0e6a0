"""How we are doing: recovery by part, ages of what is owed, what each step of the ladder brought in, what is late.

Every report is one statement over an index, within the part of the organisation that its reader sees; the lists behind
the figures are pages by keys like any other.
"""

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, case, exists, func, select

from domain.calendars import local, start_of
from domain.clauses import keeps
from domain.policy import Strict
from domain.recovery import AGES, due_between, month_of, rate
from store.keyset import Page, beyond, page_of, together
from store.notices import starred
from store.people import Person, bounds, watches_only, within
from store.pressing import WITH_OTHERS
from store.tables import (
    MONEY_CAME,
    OPEN_CASE,
    OPEN_TASK,
    PARTS,
    STANDING,
    UNPAID,
    accounts,
    cases,
    dues,
    entries,
    ledger,
    tasks,
)

Part = Literal["grid", "section", "office"]
ACROSS: tuple[Part, ...] = ("office", "section", "grid")


class Sum(Strict):
    """Bills due in a period (fen): of `due` was `paid` by its end, and `disputed` is contested and unpaid."""

    due: int = 0
    paid: int = 0
    disputed: int = 0
    bills: int = 0

    @property
    def rate(self) -> Decimal | None:
        return rate(self.paid, self.due)

    def __add__(self, other: "Sum") -> "Sum":
        return Sum(**{name: getattr(self, name) + getattr(other, name) for name in Sum.model_fields})


class PartRecovery(Strict):
    """One grid, section or office (None: of no such part): the month's bills by its end, the year's by the year's."""

    part: Part
    name: str | None
    month: Sum
    year: Sum


class Recovery(Strict):
    """`months`: each of the year up to the month asked for, the whole of what the reader sees."""

    month: int
    all_month: Sum
    all_year: Sum
    months: list[tuple[int, Sum]]
    parts: list[PartRecovery]


@keeps("liaocheng.escalation.analyse-grid-dynamics")
def recovery(connection: Connection, person: Person, *, month: int, at: datetime) -> Recovery:
    """The month's and its year's recovery. Bills whose due day is not over are not due yet. One statement."""
    year, today = month // 100, local(at).date()
    contested = case((dues.c.disputed, dues.c.amount_fen - dues.c.paid_fen), else_=0)
    found = connection.execute(
        select(
            dues.c.month,
            *(dues.c[part] for part in PARTS),
            *(func.sum(dues.c[name]).label(name) for name in ("amount_fen", "month_fen", "year_fen")),
            func.sum(contested).label("disputed"),
            func.count().label("bills"),
        )
        .where(dues.c.month.between(year * 100 + 1, month), dues.c.due_on < today, within(person, dues))
        .group_by(dues.c.month, *(dues.c[part] for part in PARTS))
    ).all()
    months = {no: Sum() for no in range(year * 100 + 1, month + 1)}
    of_month: dict[tuple[Part, str | None], Sum] = {}
    of_year: dict[tuple[Part, str | None], Sum] = {}
    whole = Sum()
    for row in found:
        given = {"due": int(row.amount_fen), "disputed": int(row.disputed), "bills": row.bills}
        monthly, yearly = Sum(paid=int(row.month_fen), **given), Sum(paid=int(row.year_fen), **given)
        months[row.month] += monthly
        whole += yearly
        for part in ACROSS:
            key = (part, getattr(row, part))
            of_year[key] = of_year.get(key, Sum()) + yearly
            if row.month == month:
                of_month[key] = of_month.get(key, Sum()) + monthly
    parts = [
        PartRecovery(part=part, name=name, month=of_month.get((part, name), Sum()), year=total)
        for (part, name), total in sorted(
            of_year.items(), key=lambda each: (ACROSS.index(each[0][0]), each[0][1] is None, each[0][1] or "")
        )
    ]
    return Recovery(month=month, all_month=months[month], all_year=whole, months=list(months.items()), parts=parts)


class AgeSum(Strict):
    """What is unpaid of bills that fell due so many days ago. `last` None: no end."""

    first: int
    last: int | None
    bills: int
    unpaid: int
    disputed: int


def ageing(connection: Connection, person: Person, *, at: datetime) -> list[AgeSum]:
    """The ages of what is owed. One statement."""
    today, left = local(at).date(), dues.c.amount_fen - dues.c.paid_fen
    figures: list[ColumnElement[Any]] = []
    for no, age in enumerate(AGES):
        fits = _due(*due_between(age, today=today))
        figures += [
            func.coalesce(func.sum(case((fits, 1), else_=0)), 0).label(f"bills{no}"),
            func.coalesce(func.sum(case((fits, left), else_=0)), 0).label(f"unpaid{no}"),
            func.coalesce(func.sum(case((fits & dues.c.disputed, left), else_=0)), 0).label(f"disputed{no}"),
        ]
    row = connection.execute(select(*figures).where(UNPAID, dues.c.due_on < today, within(person, dues))).one()._mapping
    return [
        AgeSum(first=first, last=last, **{name: int(row[f"{name}{no}"]) for name in ("bills", "unpaid", "disputed")})
        for no, (first, last) in enumerate(AGES)
    ]


def _due(first: date | None, last: date, *, due_on: ColumnElement[date] = dues.c.due_on) -> ColumnElement[bool]:
    return due_on <= last if first is None else due_on.between(first, last)


class StepSum(Strict):
    """Money that came in while cases stood at a stage (fen)."""

    stage: str
    payments: int
    paid: int


def _came(
    person: Person, *, month: int, after: str | None = None
) -> tuple[ColumnElement[Any], list[ColumnElement[bool]]]:
    """The stage at which a payment found its case, and which payments of a month stand, those `after` a cursor."""
    first = date(month // 100, month % 100, 1)
    over = (first + timedelta(days=32)).replace(day=1)
    before = entries.alias()
    stage = (
        select(before.c.body["stage"].as_string())
        .where(
            before.c.case_no == cases.c.case_no,  # the case's own part is asked first, of whatever payment
            before.c.id < entries.c.id,
            before.c.event == "StageEntered",
            before.c.superseded.is_(False),
        )
        .order_by(before.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    reference = entries.c.body["payment"]["reference"].as_string()
    back = exists().where(
        ledger.c.kind == "reversal", ledger.c.unique_key == reference, ledger.c.account_no == cases.c.subject
    )
    # A cursor is where to begin: the month's own beginning is said so that nothing is walked from there.
    since = entries.c.at if after is None else func.coalesce(entries.c.at, entries.c.at)
    wanted = [
        MONEY_CAME,
        STANDING,
        since >= start_of(first),
        entries.c.at < start_of(over),
        ~back,
        within(person, cases),
    ]
    return stage, wanted


def by_step(connection: Connection, person: Person, *, month: int) -> list[StepSum]:
    """What came in during a month by the stage at which it found the case; payments taken back left out."""
    stage, wanted = _came(person, month=month)
    paid = entries.c.body["payment"]["amount_fen"].as_integer().label("paid")
    came = select(stage.label("stage"), paid).join_from(entries, cases, cases.c.case_no == entries.c.case_no)
    each = came.where(*wanted).subquery()
    rows = connection.execute(
        select(each.c.stage, func.count().label("payments"), func.sum(each.c.paid).label("paid"))
        .where(each.c.stage.is_not(None))
        .group_by(each.c.stage)
    )
    return [StepSum(stage=row.stage, payments=row.payments, paid=int(row.paid)) for row in rows]


class Came(Strict):
    """One payment of an account whose case was open. `title` is masked for those who only watch."""

    id: int
    case_no: str
    account_no: str
    title: str
    at: datetime
    stage: str
    paid: int


def came_in(
    connection: Connection, person: Person, *, month: int, stage: str | None, after: str | None, limit: int
) -> Page[Came]:
    """The payments behind `by_step`, oldest first."""
    at_stage, wanted = _came(person, month=month, after=after)
    if stage is not None:
        wanted.append(at_stage == stage)
    if after is not None:
        wanted.append(beyond((entries.c.at, entries.c.id), ("instant", "fen"), after, down=False))
    statement = (
        select(
            entries.c.id,
            entries.c.case_no,
            entries.c.at,
            at_stage.label("stage"),
            entries.c.body["payment"]["amount_fen"].as_integer().label("paid"),
            cases.c.subject.label("account_no"),
            func.coalesce(accounts.c.name, cases.c.subject).label("title"),
        )
        .join_from(entries, cases, cases.c.case_no == entries.c.case_no)
        .outerjoin(accounts, accounts.c.account_no == cases.c.subject)
        .where(*wanted, at_stage.is_not(None))
        .order_by(entries.c.at, entries.c.id)
        .limit(limit + 1)
    )
    hide = watches_only(person)
    rows = [
        Came.model_validate(dict(row._mapping) | ({"title": starred(row.title)} if hide else {}))
        for row in connection.execute(statement)
    ]
    return page_of(rows, limit, lambda row: (row.at, row.id))


class StageSum(Strict):
    stage: str | None
    cases: int
    owed: int
    limited: int


def by_stage(connection: Connection, person: Person) -> list[StageSum]:
    """Open arrears cases by the stage they stand at."""
    limited = func.sum(case((cases.c.limited_at.is_not(None), 1), else_=0))
    rows = connection.execute(
        select(cases.c.stage, func.count().label("cases"), func.sum(cases.c.amount_fen).label("owed"), limited)
        .where(cases.c.process == "arrears", OPEN_CASE, within(person, cases))
        .group_by(cases.c.stage)
    )
    return [StageSum(stage=row[0], cases=row[1], owed=int(row[2]), limited=int(row[3])) for row in rows]


class StepLate(Strict):
    """A step: how many of its open tasks are past due, by whose time it is; and of those closed in the month, how many
    were late. `party` of the open ones: ours, or whoever's hands they are in.
    """

    key: str
    open: int
    late: dict[str, int]
    closed: int
    closed_late: int


def lateness(connection: Connection, person: Person, *, month: int, at: datetime) -> list[StepLate]:
    """What is late, by step and by party. Two statements."""
    past = case((tasks.c.due_at <= at, 1), else_=0)
    found: dict[str, dict[str, Any]] = {}

    def of(key: str) -> dict[str, Any]:
        return found.setdefault(key, {"key": key, "open": 0, "late": {}, "closed": 0, "closed_late": 0})

    open_now = (
        select(tasks.c.key, tasks.c.party, func.count().label("open"), func.sum(past).label("late"))
        .where(OPEN_TASK, within(person, tasks))
        .group_by(tasks.c.key, tasks.c.party)
    )
    for row in connection.execute(open_now):
        of(row.key)["open"] += row.open
        if row.late:
            of(row.key)["late"][row.party] = int(row.late)
    first = date(month // 100, month % 100, 1)
    after = (first + timedelta(days=32)).replace(day=1)
    was_late = case((tasks.c.closed_at > tasks.c.due_at, 1), else_=0)
    over = (
        select(tasks.c.key, func.count().label("closed"), func.sum(was_late).label("late"))
        .where(tasks.c.closed_at >= start_of(first), tasks.c.closed_at < start_of(after), within(person, tasks))
        .group_by(tasks.c.key)
    )
    for row in connection.execute(over):
        of(row.key).update(closed=row.closed, closed_late=int(row.late or 0))
    return sorted((StepLate(**each) for each in found.values()), key=lambda each: (-sum(each.late.values()), each.key))


class Load(Strict):
    """What one person has in hand; `hand` None: what nobody has taken."""

    hand: str | None
    open: int
    late: int


def load(connection: Connection, person: Person, *, at: datetime) -> list[Load]:
    """Open tasks by whose hands they are in, most first."""
    hand = func.coalesce(tasks.c.holder, tasks.c.assignee)
    ours = tasks.c.presses_at < WITH_OTHERS
    late = func.sum(case((tasks.c.presses_at <= at, 1), else_=0))
    rows = connection.execute(
        select(hand.label("hand"), func.count().label("open"), late.label("late"))
        .where(OPEN_TASK, ours, within(person, tasks))
        .group_by(hand)
        .order_by(func.count().desc(), hand)
    )
    return [Load(hand=row.hand, open=row.open, late=int(row.late or 0)) for row in rows]


class DueFilter(Strict):
    """Bills due in a month, or of an age in days; paid or not; of a part of the organisation."""

    month: int | None = None
    age: tuple[int, int | None] | None = None
    paid: bool | None = None
    disputed: bool | None = None
    grid: str | None = None
    section: str | None = None
    office: str | None = None


class DueRow(Strict):
    """A bill and what was paid on it. `title` and `address` are masked for those who only watch."""

    account_no: str
    bill_no: str
    title: str
    address: str | None
    due_on: date
    amount_fen: int
    paid_fen: int
    disputed: bool
    case_no: str | None
    stage: str | None
    grid: str | None
    section: str | None
    office: str | None


class DueCounts(Strict):
    bills: int
    paid: int
    unpaid: int
    unpaid_fen: int


def _dues(where: DueFilter, *, at: datetime, lead: bool) -> list[ColumnElement[bool]]:
    """What bills must fit. `lead`: all of them are added up; else the first are read, in the order of accounts."""
    today = local(at).date()
    due_on = dues.c.due_on if lead else func.coalesce(dues.c.due_on, dues.c.due_on)
    wanted: list[ColumnElement[bool]] = [dues.c[part] == name for part in PARTS if (name := getattr(where, part))]
    if where.month is not None:
        month = dues.c.month if lead else func.coalesce(dues.c.month, dues.c.month)
        wanted += [month == where.month, due_on < today]
    if where.age is not None:
        wanted.append(_due(*due_between(where.age, today=today), due_on=due_on))
    if where.disputed is not None:
        wanted.append(dues.c.disputed.is_(where.disputed))
    if where.paid is not None:
        wanted.append(dues.c.paid_fen >= dues.c.amount_fen if where.paid else UNPAID)
    return wanted


@keeps("kaifeng.dunning.watch-payments")
def watched(
    connection: Connection, person: Person, where: DueFilter, *, at: datetime, after: str | None, limit: int
) -> Page[DueRow]:
    """Who has paid and who has not: bills by account, with the open case of each that has one. One statement."""
    key = (dues.c.account_no, dues.c.bill_no)
    # SQLite would take the index of months and put all of a month in order; PostgreSQL knows how many they are.
    wanted = _dues(where, at=at, lead=connection.dialect.name != "sqlite")
    if after is not None:
        wanted.append(beyond(key, ("text", "text"), after, down=False))
    parts = [select(*key).where(*wanted, bound).order_by(*key).limit(limit + 1) for bound in bounds(person, dues)]
    each = together(parts).subquery()
    drawn = select(each).order_by(each.c.account_no, each.c.bill_no).limit(limit + 1).subquery()
    open_case = (cases.c.process == "arrears") & (cases.c.subject == dues.c.account_no) & OPEN_CASE
    statement = (
        select(
            *(dues.c[name] for name in DueRow.model_fields if name in dues.c),
            func.coalesce(accounts.c.name, dues.c.account_no).label("title"),
            accounts.c.address,
            cases.c.case_no,
            cases.c.stage,
        )
        .join_from(drawn, dues, (drawn.c.account_no == dues.c.account_no) & (drawn.c.bill_no == dues.c.bill_no))
        .join(accounts, accounts.c.account_no == dues.c.account_no)
        .outerjoin(cases, open_case)
        .order_by(*key)
    )
    hide = watches_only(person)
    rows = [_row(row, hide=hide) for row in connection.execute(statement)]
    return page_of(rows, limit, lambda row: (row.account_no, row.bill_no))


def _row(row: Any, *, hide: bool) -> DueRow:
    given = dict(row._mapping)
    if hide:
        given |= {"title": starred(row.title), "address": starred(row.address)}
    return DueRow.model_validate(given)


def watched_counts(connection: Connection, person: Person, where: DueFilter, *, at: datetime) -> DueCounts:
    """How many of the bills of a filter are paid, whatever it says of paid. One statement."""
    unpaid = case((UNPAID, 1), else_=0)
    left = case((UNPAID, dues.c.amount_fen - dues.c.paid_fen), else_=0)
    wanted = [within(person, dues), *_dues(where.model_copy(update={"paid": None}), at=at, lead=True)]
    row = connection.execute(select(func.count(), func.sum(unpaid), func.sum(left)).where(*wanted)).one()
    bills, owing, fen = int(row[0]), int(row[1] or 0), int(row[2] or 0)
    return DueCounts(bills=bills, paid=bills - owing, unpaid=owing, unpaid_fen=fen)


def this_month(at: datetime) -> int:
    return month_of(local(at).date())
