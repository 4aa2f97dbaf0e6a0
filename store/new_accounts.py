"""What comes of accepted items: accounts and meters, and the watch for their first bill.

Made within the transaction that records the decision, each item once: an item that has its account keeps it, however
often the entry is written. The watch is a question to the ledger, asked when somebody looks: it holds no case open.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, and_, case, exists, func, insert, not_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from domain.clauses import keeps
from domain.connection.items import Item
from domain.connection.policy import AccountNumbers
from domain.policy import Strict
from domain.refusals import Refused
from store import search
from store.database import upsert
from store.imports import add_accounts
from store.keyset import Page, beyond, page_of
from store.ledger import AccountRecord
from store.people import Person, within
from store.tables import PARTS, accounts, cases, items, ledger, meters, numbers, projects, reading_watches

METER = ("meter_no", "dn", "start_reading", "seal_no", "position", "remote")
KNOWN = {"customer_class", "address"}
HOUSEHOLDS = (None, "other", "real-estate")


def open_of(connection: Connection, case_no: str, opened: Mapping[str, Any], *, at: datetime) -> int:
    """Give each item of a project that has passed and has none its account and meter; how many were new."""
    mine = select(items).where(items.c.case_no == case_no, items.c.kind == "order", items.c.account_no.is_(None))
    waiting = [not_(items.c.no.between(first, last)) for first, last in opened.get("without", ())]
    rows = connection.execute(mine.where(*waiting).order_by(items.c.no)).all()
    if not rows:
        return 0
    project = connection.execute(select(projects).where(projects.c.case_no == case_no)).one()
    given = _numbers(connection, AccountNumbers(prefix=opened["prefix"], digits=opened["digits"]), len(rows))
    by_no = dict(zip((row.no for row in rows), given, strict=True))
    add_accounts(connection, [_account(row, project, by_no[row.no]) for row in rows], at=at)
    for row in rows:
        key = and_(items.c.case_no == case_no, items.c.kind == "order", items.c.no == row.no)
        connection.execute(update(items).where(key).values(account_no=by_no[row.no]))
    made = [
        {name: getattr(row, name) for name in METER}
        | {
            "account_no": by_no[row.no],
            "case_no": case_no,
            "item": row.no,
            "reading_book": opened.get("reading_book"),
            "reading_cycle": opened.get("reading_cycle"),
            "since": at,
        }
        for row in rows
    ]
    connection.execute(insert(meters), made)
    search.also(connection, "connection", case_no, given)
    return len(rows)


def _numbers(connection: Connection, shape: AccountNumbers, many: int) -> list[str]:
    """The next numbers of a series that no account has: those that billing brought in are passed over."""
    series = f"account:{shape.prefix}"
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    free: list[str] = []
    while len(free) < many:
        wanted = many - len(free)
        first = dialect.insert(numbers).values(prefix=series, last=wanted)
        taken = first.on_conflict_do_update(index_elements=["prefix"], set_={"last": numbers.c.last + wanted})
        last: int = connection.execute(taken.returning(numbers.c.last)).scalar_one()
        drawn = [shape.written(number) for number in range(last - wanted + 1, last + 1)]
        known = set(connection.scalars(select(accounts.c.account_no).where(accounts.c.account_no.in_(drawn))))
        free += [number for number in drawn if number not in known]
    return free


def _account(item: Any, project: Any, account_no: str) -> AccountRecord:
    sector = project.body.get("sector")
    door = "-".join(part for part in (item.building, item.unit, item.room) if part)
    return AccountRecord(
        no=account_no,
        customer_class=item.customer_class or ("resident" if sector in HOUSEHOLDS else "organisation"),
        address=f"{project.address or project.name} {door}"[:300],
        **{part: getattr(project, part) for part in PARTS},
    )


def watch(connection: Connection, case_no: str, begins: Mapping[str, Any], *, at: datetime) -> None:
    """From here on the first bills of a project's accounts are waited for."""
    row = {
        "case_no": case_no,
        "of": begins["of"],
        "since": at,
        "route": begins.get("route"),
        "route_by": _instant(begins.get("route_by")),
        "billed_by": _instant(begins["billed_by"]),
    }
    upsert(connection, reading_watches, row, key=("case_no", "of"))
    if row["route"] is not None:
        connection.execute(update(meters).where(meters.c.case_no == case_no).values(reading_book=row["route"]))


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


class FirstBills(Strict):
    """How the first bills of one project stand: `of` its opened accounts, or of those that were switched."""

    case_no: str
    name: str
    of: str
    since: datetime
    route: str | None
    route_by: datetime | None
    billed_by: datetime
    accounts: int
    in_route: int
    billed: int

    def late(self, at: datetime) -> bool:
        """Whether a cycle is over and some account has had no bill, or a month and some meter is in no book."""
        unread = self.route_by is not None and self.route_by <= at and self.in_route < self.accounts
        return unread or (self.billed_by <= at and self.billed < self.accounts)


def first_bills(
    connection: Connection,
    person: Person,
    *,
    at: datetime,
    late: bool = False,
    case_no: str | None = None,
    after: str | None = None,
    limit: int = 50,
) -> Page[FirstBills]:
    """Projects whose accounts wait for their first bill, the soonest due first; billed ones are no longer there."""
    statement = _counted().where(within(person, cases), reading_watches.c.ended_at.is_(None))
    waiting = statement.subquery()
    wanted = select(waiting).where(waiting.c.accounts > 0, waiting.c.billed < waiting.c.accounts)
    if late:
        wanted = wanted.where(waiting.c.billed_by <= at)
    if case_no is not None:
        wanted = wanted.where(waiting.c.case_no == case_no)
    key = (waiting.c.billed_by, waiting.c.case_no, waiting.c.of)
    if after is not None:
        wanted = wanted.where(beyond(key, ("instant", "text", "text"), after, down=False))
    rows = connection.execute(wanted.order_by(*key).limit(limit + 1)).all()
    found = [FirstBills.model_validate(dict(row._mapping)) for row in rows]
    return page_of(found, limit, lambda row: (row.billed_by, row.case_no, row.of))


def _counted() -> Select[Any]:
    """Each watch with its accounts, and how many of them are in a book and have had a bill since."""
    billed = exists().where(
        ledger.c.account_no == meters.c.account_no,
        ledger.c.kind == "bill",
        ledger.c.at >= reading_watches.c.since,
    )
    return (
        select(
            *(column for column in reading_watches.c if column.name != "ended_at"),
            projects.c.name,
            func.count(meters.c.account_no).label("accounts"),
            func.count(meters.c.reading_book).label("in_route"),
            func.coalesce(func.sum(case((billed, 1), else_=0)), 0).label("billed"),
        )
        .join_from(reading_watches, cases, cases.c.case_no == reading_watches.c.case_no)
        .join(projects, projects.c.case_no == reading_watches.c.case_no)
        .outerjoin(meters, meters.c.case_no == reading_watches.c.case_no)
        .group_by(*reading_watches.c, projects.c.name)
    )


def watched(connection: Connection) -> bool:
    """Whether any first bill is waited for."""
    return (
        connection.scalar(select(reading_watches.c.case_no).where(reading_watches.c.ended_at.is_(None)).limit(1))
        is not None
    )


def settle(connection: Connection, *, at: datetime, limit: int = 1000) -> list[str]:
    """End each watch whose accounts have all had a bill; the case numbers of those that are late, the oldest first."""
    due = reading_watches.c.billed_by
    waiting = _counted().where(reading_watches.c.ended_at.is_(None)).order_by(due).limit(limit)
    rows = connection.execute(waiting).all()
    late = []
    for row in rows:
        found = FirstBills.model_validate(dict(row._mapping))
        if found.accounts and found.billed >= found.accounts:
            mine = (reading_watches.c.case_no == found.case_no, reading_watches.c.of == found.of)
            connection.execute(update(reading_watches).where(*mine).values(ended_at=at))
        elif found.accounts and found.late(at):
            late.append(found.case_no)
    return list(dict.fromkeys(late))


@keeps("qingdao.account-opening.complete-existing-project-data")
def complete(connection: Connection, case_no: str, rows: Sequence[Item], *, at: datetime) -> int:
    """Complete what is known of a project's accounts and meters from a table that says more; how many it changed.

    A cell that the table leaves empty keeps what is known, and no account gets another number. Raises `Refused` for a
    table of other items than those that have their accounts.
    """
    known = {
        row.no: row
        for row in connection.execute(select(items).where(items.c.case_no == case_no, items.c.kind == "order"))
    }
    if {item.no for item in rows} != set(known):
        raise Refused(
            "form-invalid",
            f"items: {len(rows)} in the table, {len(known)} have their accounts: number them alike",
            zh=f"表里有 {len(rows)} 户，已立户的是 {len(known)} 户：编号要一致。",
        )
    changed = 0
    project = connection.execute(select(projects).where(projects.c.case_no == case_no)).one()
    for item in rows:
        before = known[item.no]
        start = None if item.start_reading is None else format(item.start_reading, "f")
        said = item.model_dump(exclude_none=True, exclude={"no"}) | ({"start_reading": start} if start else {})
        new = {name: value for name, value in said.items() if getattr(before, name) != value}
        if not new:
            continue
        changed += 1
        mine = and_(items.c.case_no == case_no, items.c.kind == "order", items.c.no == item.no)
        connection.execute(update(items).where(mine).values(**new))
        of_meter = {name: value for name, value in new.items() if name in METER}
        if of_meter:
            connection.execute(update(meters).where(meters.c.account_no == before.account_no).values(**of_meter))
        if new.keys() & {"building", "unit", "room", "customer_class"}:
            stands = connection.execute(select(items).where(mine)).one()
            connection.execute(
                update(accounts)
                .where(accounts.c.account_no == before.account_no)
                .values(**_account(stands, project, before.account_no).model_dump(include=KNOWN), updated_at=at)
            )
    return changed


class NewAccount(Strict):
    """An account that came of an item. No personal data: a door and its meter."""

    account_no: str
    item: int
    door: str
    meter_no: str | None
    dn: int | None
    start_reading: str | None
    reading_book: str | None
    reading_cycle: str | None
    since: datetime


def opened(connection: Connection, case_no: str, *, after: int = 0, limit: int | None = None) -> list[NewAccount]:
    """The accounts of a project, by item."""
    named = [name for name in NewAccount.model_fields if name != "door"]
    of_item = and_(items.c.case_no == meters.c.case_no, items.c.kind == "order", items.c.no == meters.c.item)
    mine = (
        select(*(meters.c[name] for name in named), items.c.building, items.c.unit, items.c.room)
        .join_from(meters, items, of_item)
        .where(meters.c.case_no == case_no, meters.c.item > after)
        .order_by(meters.c.item)
        .limit(limit)
    )
    return [
        NewAccount(
            door="-".join(part for part in (row.building, row.unit, row.room) if part),
            **{name: row._mapping[name] for name in named},
        )
        for row in connection.execute(mine)
    ]
