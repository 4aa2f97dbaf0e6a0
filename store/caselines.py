"""Pages of open cases of one process, shared by the board and the arrears work list.

An order has an index of its own, within each part of the organisation too. A filter that leaves few rows is read by its
own index and put in order; one that leaves many is so dense that the page is full before long: either way a page costs
a bounded number of rows, and one statement besides the page says which way it is.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, select

from domain.policy import Strict
from store import search
from store.keyset import Kind, Page, beyond, page_of
from store.people import Person, within
from store.tables import OPEN_CASE, OPEN_TASK, PARTS, accounts, cases, tasks


class Order(NamedTuple):
    """A key that ends in something unique; `down`: the greatest first."""

    key: tuple[ColumnElement[Any], ...]
    kinds: tuple[Kind, ...]
    down: bool = False

    def by(self, statement: Select[Any]) -> Select[Any]:
        return statement.order_by(*(part.desc() if self.down else part for part in self.key))


PRESSING = Order((cases.c.presses_at, cases.c.case_no), ("instant", "text"))
NEWEST = Order((cases.c.opened_at, cases.c.case_no), ("instant", "text"), down=True)
OLDEST = Order((cases.c.opened_at, cases.c.case_no), ("instant", "text"))


class OpenTask(Strict):
    """What is open in a case now: whose time it is, and who has it in hand."""

    task_id: str
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
    holder: str | None
    assignee: str | None


class Narrowed(NamedTuple):
    """What rows must fit. `q`: a search, apart from it because it can be read from either end; `few`: predicates that
    an index of its own leads to, and that may leave few rows."""

    q: str | None
    few: list[ColumnElement[bool]]
    rest: list[ColumnElement[bool]]


def case_page(
    connection: Connection,
    person: Person,
    statement: Select[Any],
    where: Narrowed,
    *,
    process: str,
    order: Order,
    after: str | None,
    limit: int,
    by_account: bool = False,
) -> Page[Any]:
    """A page of `statement`'s rows: a select from cases and what is joined to them.

    `by_account`: the order is one of accounts, whose open case is looked up.
    """
    mine = [cases.c.process == process, OPEN_CASE, within(person, cases)]
    wanted = [*mine, *where.few, *where.rest]
    if after is not None:
        wanted.append(beyond(order.key, order.kinds, after, down=order.down))
    few, looked_up = narrowed(connection, where, mine)
    wanted += looked_up

    def of(*columns: ColumnElement[Any]) -> Select[Any]:
        owner = accounts.c.account_no == cases.c.subject
        return select(*columns).join_from(accounts, cases, owner) if by_account else select(*columns)

    if few:
        # Read whole before it is put in order: otherwise the order's own index would be walked from its start.
        left = of(cases.c.case_no, *(part.label(f"key{no}") for no, part in enumerate(order.key)))
        read = left.where(*wanted).cte("read").prefix_with("MATERIALIZED")
        keys = [read.c[f"key{no}"] for no in range(len(order.key))]
        first = select(read.c.case_no).order_by(*(key.desc() if order.down else key for key in keys))
        drawn = first.limit(limit + 1)
    else:
        drawn = order.by(of(cases.c.case_no).where(*wanted)).limit(limit + 1)
    page = statement.add_columns(*(part.label(f"_key{no}") for no, part in enumerate(order.key)))
    rows = connection.execute(order.by(page.where(cases.c.case_no.in_(drawn)))).all()
    return page_of(rows, limit, lambda row: [row._mapping[f"_key{no}"] for no in range(len(order.key))])


def narrowed(
    connection: Connection, where: Narrowed, mine: Sequence[ColumnElement[bool]]
) -> tuple[bool, list[ColumnElement[bool]]]:
    """Whether few rows are left, and the search as a predicate: from its own end when that is the shortest way."""
    candidates = [search.cases_found(where.q)] if where.q else []
    candidates += [select(cases.c.case_no).where(*mine, bound) for bound in where.few]
    least = search.fewest(connection, candidates)
    if not where.q:
        return least is not None, []
    return least is not None, [cases.c.case_no.in_(candidates[0]) if least == 0 else search.case_fits(where.q)]


def in_parts(where: Any) -> list[ColumnElement[bool]]:
    """The filters by grid, section and office."""
    return [cases.c[part] == value for part in PARTS if (value := getattr(where, part)) is not None]


def open_tasks(connection: Connection, case_nos: Sequence[str]) -> dict[str, list[OpenTask]]:
    """The open tasks of the cases of a page, the most pressing first. One statement."""
    found: dict[str, list[OpenTask]] = {case_no: [] for case_no in case_nos}
    if not found:
        return found
    shown = [tasks.c[name] for name in OpenTask.model_fields]
    mine = select(tasks.c.case_no, *shown).where(OPEN_TASK, tasks.c.case_no.in_(case_nos))
    for row in connection.execute(mine.order_by(tasks.c.presses_at, tasks.c.task_id)):
        given = dict(row._mapping)
        found[given.pop("case_no")].append(OpenTask.model_validate(given))
    return found
