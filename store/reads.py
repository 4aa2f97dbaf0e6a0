"""Lists and looks into the casebook: one statement or two each, however many rows, and within a person's part.

A list gives its rows and the cursor of the next page; cursors are keys of rows, so that rows which come and go between
two pages neither repeat nor hide others.
"""

import base64
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, literal, select, true, tuple_, union_all

from domain.calendars import CHINA
from domain.clock import Ledger
from domain.policy import Strict
from domain.refusals import Refused
from domain.tasks import Task
from store.people import Person, task_within, tasks_for, within
from store.tables import Instant, accounts, cases, entries, imports, ledger, limit_orders, notices, projects, tasks

PROCESSES = ("arrears", "connection", "order")
STATUSES = ("open", "closed")
LONGEST_PAGE = 200
R = TypeVar("R")


class Page(Strict, Generic[R]):
    """Some rows in order, and where the next ones start; `next` None on the last page."""

    rows: list[R]
    next: str | None = None


class CaseFilter(Strict):
    process: str | None = None
    status: str | None = None
    stage: str | None = None
    account: str | None = None
    grid: str | None = None


class TaskFilter(Strict):
    """`everyone`: tasks of every role, not only those that fall to the person who asks."""

    key: str | None = None
    role: str | None = None
    mine: bool = False
    everyone: bool = False
    due_before: datetime | None = None
    case_no: str | None = None


_CASE_COLUMNS = [column for column in cases.c if column.name != "facts"]


def case_list(
    connection: Connection, person: Person, where: CaseFilter, *, after: str | None, limit: int, newest: bool = True
) -> Page[Any]:
    """Cases by opening, newest first or oldest first. Raises `Refused("form-invalid")` for a cursor of another list.

    One statement: a part for each process and status, each along its own index, put together in order.
    """
    key = (cases.c.opened_at, cases.c.case_no)
    wanted = [within(person, cases)]
    wanted += [cases.c.stage == where.stage] if where.stage else []
    wanted += [cases.c.grid == where.grid] if where.grid else []
    if after is not None:
        opened_at, case_no = _read_cursor(after)
        here = tuple_(*key), tuple_(literal(_instant(opened_at), Instant), case_no)
        wanted.append(here[0] < here[1] if newest else here[0] > here[1])
    parts = []
    for process in [where.process] if where.process else PROCESSES:
        part = select(cases.c.case_no).where(cases.c.process == process)
        if where.account is not None:
            # A handful of rows. An order asked for here, or a bare status, would lead the planner along all cases.
            few = part.where(cases.c.subject == where.account, *wanted)
            parts.append(few.where(cases.c.status.concat("") == where.status) if where.status else few)
            continue
        for status in [where.status] if where.status else STATUSES:
            ordered = _ordered(part.where(cases.c.status == status, *wanted), key, newest)
            parts.append(select(ordered.limit(limit + 1).subquery().c.case_no))
    found = select(*_CASE_COLUMNS).where(cases.c.case_no.in_(union_all(*parts)))
    rows = connection.execute(_ordered(found, key, newest).limit(limit + 1)).all()
    return _page(rows, limit, lambda row: [row.opened_at.isoformat(), row.case_no])


def _ordered(statement: Select[Any], key: tuple[ColumnElement[Any], ...], newest: bool) -> Select[Any]:
    return statement.order_by(*(column.desc() for column in key)) if newest else statement.order_by(*key)


def case(connection: Connection, person: Person, case_no: str) -> Row[Any] | None:
    """One case with its facts; None alike when there is none and when it lies outside the person's part."""
    if not case_no.isprintable():
        return None
    return connection.execute(select(cases).where(cases.c.case_no == case_no, within(person, cases))).one_or_none()


def case_on_record(connection: Connection, case_no: str) -> Row[Any]:
    """A case that is there, whoever asks."""
    return connection.execute(select(cases).where(cases.c.case_no == case_no)).one()


_TASK_COLUMNS = [*tasks.c, cases.c.subject, cases.c.stage, cases.c.amount_fen]


def task_list(connection: Connection, person: Person, where: TaskFilter, *, after: str | None, limit: int) -> Page[Any]:
    """Open tasks by what is due first; those without a term come last. Raises `Refused("form-invalid")` as above.

    One statement, and a second one on the page where the tasks without a term begin.
    """
    wanted = [tasks.c.status == "open", task_within(person)]
    wanted += [tasks.c.key == where.key] if where.key else []
    wanted += [tasks.c.role == where.role] if where.role else []
    wanted += [tasks.c.due_at < where.due_before] if where.due_before else []
    due, task_id = _read_cursor(after) if after is not None else ("", "")
    rows: list[Any] = []
    if after is None or due:
        dated: list[ColumnElement[bool]] = [tasks.c.due_at.is_not(None)]
        if due:
            here = tuple_(literal(_instant(due), Instant), task_id)
            dated.append(tuple_(tasks.c.due_at, tasks.c.task_id) > here)
        rows += _tasks(connection, person, where, [*wanted, *dated], (tasks.c.due_at, tasks.c.task_id), limit)
    if len(rows) <= limit and where.due_before is None:
        undated: list[ColumnElement[bool]] = [tasks.c.due_at.is_(None)]
        if after is not None and not due:
            undated.append(tasks.c.task_id > task_id)
        rows += _tasks(connection, person, where, [*wanted, *undated], (tasks.c.task_id,), limit)
    return _page(rows, limit, lambda row: [row.due_at.isoformat() if row.due_at else "", row.task_id])


def _tasks(
    connection: Connection,
    person: Person,
    where: TaskFilter,
    wanted: list[ColumnElement[bool]],
    key: tuple[ColumnElement[Any], ...],
    limit: int,
) -> Sequence[Row[Any]]:
    """A page's worth of tasks: a part for each reason why they fall to this person, each along an index of its own."""
    reasons = [true()] if where.everyone else tasks_for(person)
    if where.mine:
        reasons = [tasks.c.holder == person.id, tasks.c.assignee == person.id]
    if not reasons:
        return []
    if where.case_no is not None or where.mine:
        # A handful of rows: an order asked for here would lead the planner along all tasks instead.
        few = select(tasks.c.task_id).where(*wanted)
        few = few.where(tasks.c.case_no == where.case_no) if where.case_no is not None else few
        parts = [few.where(reason) for reason in reasons]
    else:
        ordered = [select(tasks.c.task_id).where(*wanted, reason).order_by(*key).limit(limit + 1) for reason in reasons]
        parts = [select(part.subquery().c.task_id) for part in ordered]
    found = select(*_TASK_COLUMNS).join(cases, cases.c.case_no == tasks.c.case_no)
    mine = found.where(tasks.c.task_id.in_(union_all(*parts)))
    return connection.execute(mine.order_by(*key).limit(limit + 1)).all()


def task(connection: Connection, person: Person, task_id: str) -> Row[Any] | None:
    """One task, open or done, with its case's account, stage and amount; None when absent or outside."""
    if not task_id.isprintable():
        return None
    found = select(*_TASK_COLUMNS).join(cases, cases.c.case_no == tasks.c.case_no)
    return connection.execute(found.where(tasks.c.task_id == task_id, task_within(person))).one_or_none()


def tasks_of(connection: Connection, case_no: str, *, status: str = "open") -> list[Row[Any]]:
    """A case's tasks, in the order of their opening."""
    found = select(*_TASK_COLUMNS).join(cases, cases.c.case_no == tasks.c.case_no)
    mine = and_(tasks.c.case_no == case_no, tasks.c.status == status)
    return list(connection.execute(found.where(mine).order_by(tasks.c.task_id)).all())


def clocks_of(connection: Connection, case_no: str) -> list[Ledger]:
    """The clock ledger of every task of a case, open and done."""
    bodies = connection.scalars(select(tasks.c.body).where(tasks.c.case_no == case_no))
    return [Task.model_validate(body).clock for body in bodies]


def timeline(connection: Connection, case_no: str, *, after: int, limit: int) -> list[Row[Any]]:
    """The entries of a case that stand, in order, from the one after `after`."""
    return list(
        connection.execute(
            select(entries)
            .where(entries.c.case_no == case_no, entries.c.superseded.is_(False), entries.c.sequence > after)
            .order_by(entries.c.sequence)
            .limit(limit)
        ).all()
    )


def notices_of(connection: Connection, case_no: str) -> list[Row[Any]]:
    return list(connection.execute(select(notices).where(notices.c.case_no == case_no).order_by(notices.c.at)).all())


def order_of(connection: Connection, order_no: str) -> Row[Any] | None:
    """A limit order as it stands."""
    return connection.execute(select(limit_orders).where(limit_orders.c.order_no == order_no)).one_or_none()


def account_on_record(connection: Connection, account_no: str) -> Row[Any]:
    """An account that is there, with its personal data, whoever asks."""
    return connection.execute(select(accounts).where(accounts.c.account_no == account_no)).one()


def refuse_foreign_account(connection: Connection, person: Person, account_no: str, *, absent: bool = True) -> None:
    """Raises `Refused("unknown")` for an account outside the person's part; `absent`: a new one passes."""
    mine = within(person, accounts).label("mine")
    found = connection.execute(select(mine).where(accounts.c.account_no == account_no)).one_or_none()
    if not (absent if found is None else found.mine):
        raise Refused("unknown", "account: there is none of this number, or not for you: open its case or import it")


def refuse_foreign_project(connection: Connection, person: Person, reference: str | None) -> None:
    """Raises `Refused("duplicate")` for a sender's number under which a project outside the person's part stands."""
    mine = within(person, projects).label("mine")
    found = connection.execute(select(mine).where(projects.c.reference == reference)).one_or_none()
    if found is not None and not found.mine:
        raise Refused("duplicate", "reference: stands for another application already; take another number")


def account_of_payment(connection: Connection, person: Person, reference: str) -> str | None:
    """Whose account a payment went to; None when absent or outside."""
    found: str | None = connection.scalar(
        select(ledger.c.account_no)
        .join(accounts, accounts.c.account_no == ledger.c.account_no)
        .where(ledger.c.kind == "payment", ledger.c.unique_key == reference, within(person, accounts))
    )
    return found


def ledger_position(connection: Connection, account_no: str) -> int:
    """The last position of the account's ledger; 0 for an empty one."""
    last = select(ledger.c.position).where(ledger.c.account_no == account_no).order_by(ledger.c.position.desc())
    return connection.scalar(last.limit(1)) or 0


def case_at(connection: Connection, case_no: str, position: int) -> bool:
    """Whether the case is on record and has taken in the ledger up to a position."""
    taken_in = connection.scalar(select(cases.c.ledger_position).where(cases.c.case_no == case_no))
    return taken_in is not None and taken_in >= position


def import_list(connection: Connection, *, limit: int) -> list[Row[Any]]:
    """The ledger files taken in, newest first."""
    return list(connection.execute(select(imports).order_by(imports.c.at.desc()).limit(limit)).all())


def _page(rows: Any, limit: int, key: Any) -> Page[Any]:
    shown = list(rows[:limit])
    more = len(rows) > limit
    return Page(rows=shown, next=_cursor(key(shown[-1])) if more else None)


def _cursor(key: list[str]) -> str:
    return base64.urlsafe_b64encode(json.dumps(key, separators=(",", ":")).encode()).decode().rstrip("=")


def _read_cursor(cursor: str) -> list[str]:
    try:
        key = json.loads(base64.urlsafe_b64decode(cursor.encode() + b"=" * (-len(cursor) % 4)))
        if not (isinstance(key, list) and len(key) == 2 and all(isinstance(part, str) for part in key)):
            raise ValueError(cursor)
        if key[0]:
            _instant(key[0])
        if not all(part.isprintable() for part in key):
            raise ValueError(cursor)
    except (ValueError, RecursionError):
        raise Refused("form-invalid", "after: not a cursor of this list; take it from `next` of a page") from None
    return key


def _instant(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None or not 2000 <= at.year <= 9000:
        raise ValueError(text)
    return at.astimezone(CHINA)
