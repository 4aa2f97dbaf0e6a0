"""Lists and looks into the casebook: one statement or two each, however many rows, and within a person's part.

A list gives its rows and the cursor of the next page; cursors are keys of rows, so that rows which come and go between
two pages neither repeat nor hide others.
"""

from datetime import datetime
from itertools import product
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, select, union_all

from domain.case import Cosign
from domain.clock import Ledger
from domain.policy import Strict
from domain.refusals import Refused
from domain.tasks import Task
from store import search
from store.keyset import Page, beyond, page_of
from store.people import Person, bounds, task_within, within
from store.tables import accounts, cases, entries, imports, ledger, limit_orders, notices, projects, tasks

PROCESSES = ("arrears", "connection", "order")
STATUSES = ("open", "closed")


class CaseFilter(Strict):
    process: str | None = None
    status: str | None = None
    stage: str | None = None
    account: str | None = None
    grid: str | None = None
    section: str | None = None
    office: str | None = None
    q: str | None = None


_HIDDEN = ("facts", "glance")
_CASE_COLUMNS = [column for column in cases.c if column.name not in _HIDDEN]


def case_list(
    connection: Connection, person: Person, where: CaseFilter, *, after: str | None, limit: int, newest: bool = True
) -> Page[Any]:
    """Cases by opening, newest first or oldest first. Raises `Refused("form-invalid")` for a cursor of another list.

    One statement, two with a search: a part for each process, status and part of the organisation, each along its own
    index, put together in order.
    """
    key = (cases.c.opened_at, cases.c.case_no)
    wanted: list[ColumnElement[bool]] = []
    for name in ("stage", "grid", "section", "office"):
        wanted += [cases.c[name] == value] if (value := getattr(where, name)) else []
    if after is not None:
        wanted.append(beyond(key, ("instant", "text"), after, down=newest))
    found_few = None
    if where.q and search.fewest(connection, [search.probe(where.q)]) is not None:
        found_few = search.cases_found(where.q)
    elif where.q:
        wanted.append(search.case_fits(where.q))
    parts = []
    for process in [where.process] if where.process else PROCESSES:
        of_process = (cases.c.process if found_few is None else cases.c.process.concat("")) == process
        part = select(cases.c.case_no).where(of_process)
        if where.account is not None or found_few is not None:
            # A handful of rows. An order asked for here, or a bare status, would lead the planner along all cases.
            few = part.where(*wanted, within(person, cases, lead=False))
            few = few.where(cases.c.subject == where.account) if where.account is not None else few
            few = few.where(cases.c.case_no.in_(found_few)) if found_few is not None else few
            parts.append(few.where(cases.c.status.concat("") == where.status) if where.status else few)
            continue
        for status, bound in product([where.status] if where.status else STATUSES, bounds(person, cases)):
            ordered = _ordered(part.where(cases.c.status == status, bound, *wanted), key, newest)
            parts.append(select(ordered.limit(limit + 1).subquery().c.case_no))
    found = select(*_CASE_COLUMNS).where(cases.c.case_no.in_(union_all(*parts)))
    rows = connection.execute(_ordered(found, key, newest).limit(limit + 1)).all()
    return page_of(rows, limit, lambda row: (row.opened_at, row.case_no))


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


_TASKS: Select[Any] = select(*tasks.c, cases.c.subject, cases.c.stage, cases.c.amount_fen).join_from(
    tasks, cases, cases.c.case_no == tasks.c.case_no
)


def task(connection: Connection, person: Person, task_id: str) -> Row[Any] | None:
    """One task, open or done, with its case's account, stage and amount; None when absent or outside."""
    if not task_id.isprintable():
        return None
    return connection.execute(_TASKS.where(tasks.c.task_id == task_id, task_within(person))).one_or_none()


def tasks_of(connection: Connection, case_no: str, *, status: str = "open") -> list[Row[Any]]:
    """A case's tasks, in the order of their opening."""
    mine = and_(tasks.c.case_no == case_no, tasks.c.status == status)
    return list(connection.execute(_TASKS.where(mine).order_by(tasks.c.task_id)).all())


def clocks_of(connection: Connection, case_no: str) -> list[Ledger]:
    """The clock ledger of every task of a case, open and done."""
    bodies = connection.scalars(select(tasks.c.body).where(tasks.c.case_no == case_no))
    return [Task.model_validate(body).clock for body in bodies]


def stages_of(connection: Connection, case_no: str) -> list[tuple[str, datetime]]:
    """The stages that a case entered, and when, in order."""
    mine = (entries.c.case_no == case_no, entries.c.superseded.is_(False), entries.c.event == "StageEntered")
    rows = connection.execute(select(entries.c.body, entries.c.at).where(*mine).order_by(entries.c.sequence))
    return [(row.body["stage"], row.at) for row in rows]


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


def latest(connection: Connection, case_no: str, *, limit: int) -> list[Row[Any]]:
    """The last entries of a case that stand, in order."""
    mine = select(entries).where(entries.c.case_no == case_no, entries.c.superseded.is_(False))
    return list(connection.execute(mine.order_by(entries.c.sequence.desc()).limit(limit)).all())[::-1]


def notices_of(connection: Connection, case_no: str) -> list[Row[Any]]:
    return list(connection.execute(select(notices).where(notices.c.case_no == case_no).order_by(notices.c.at)).all())


def order_of(connection: Connection, order_no: str) -> Row[Any] | None:
    """A limit order as it stands."""
    return connection.execute(select(limit_orders).where(limit_orders.c.order_no == order_no)).one_or_none()


def account_on_record(connection: Connection, account_no: str) -> Row[Any]:
    """An account that is there, with its personal data, whoever asks."""
    return connection.execute(select(accounts).where(accounts.c.account_no == account_no)).one()


def cosign_of(connection: Connection, case_no: str, task_id: str) -> Cosign | None:
    """The signature that an open task waits for, or last had an answer to."""
    found = connection.scalar(select(cases.c.facts["cosigns"][task_id]).where(cases.c.case_no == case_no))
    return Cosign.model_validate(found) if found else None


def refuse_foreign_account(connection: Connection, person: Person, account_no: str, *, absent: bool = True) -> None:
    """Raises `Refused("unknown")` for an account outside the person's part; `absent`: a new one passes."""
    mine = within(person, accounts).label("mine")
    found = connection.execute(select(mine).where(accounts.c.account_no == account_no)).one_or_none()
    if not (absent if found is None else found.mine):
        raise Refused("unknown", "account: there is none of this number, or not for you: open its case or import it")


def refuse_foreign_project(connection: Connection, person: Person, reference: str | None) -> None:
    """Raises `Refused("duplicate")` for a sender's number under which a project outside the person's part stands."""
    if reference is None:
        return
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


def import_of(connection: Connection, sha256: str) -> Row[Any] | None:
    """A ledger file that was taken in."""
    return connection.execute(select(imports).where(imports.c.sha256 == sha256)).one_or_none()
