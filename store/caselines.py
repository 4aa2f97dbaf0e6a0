"""Pages of open cases of one process, shared by the board and the arrears work list.

An order has an index of its own, within each part of the organisation too, and some filters have one in the order.
Another filter that leaves few rows is read by its own index and put in order; one that leaves many is so dense that the
page is full before long: either way a page costs a bounded number of rows, and one statement besides the page says
which way it is.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, FromClause, Select, func, select

from domain.policy import Strict
from store import search
from store.keyset import Kind, Page, beyond, page_of, together
from store.people import Person, bounds, within
from store.tables import OPEN_CASE, OPEN_TASK, PARTS, accounts, cases, tasks


class Order(NamedTuple):
    """A key that ends in something unique; `down`: the greatest first; `along`: columns whose index has it as well."""

    key: tuple[ColumnElement[Any], ...]
    kinds: tuple[Kind, ...]
    down: bool = False
    along: tuple[str, ...] = ()

    def by(self, statement: Select[Any]) -> Select[Any]:
        return statement.order_by(*(part.desc() if self.down else part for part in self.key))


_PRESSING = ("presses_at", "stage", "standing", "proof_missing", "responsible")
PRESSING = Order((cases.c.presses_at, cases.c.case_no), ("instant", "text"), along=_PRESSING)
NEWEST = Order((cases.c.opened_at, cases.c.case_no), ("instant", "text"), down=True, along=("stage",))
OLDEST = NEWEST._replace(down=False)


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


class Bound(NamedTuple):
    """A column of cases with an index of its own, and what is asked of it."""

    column: str
    asks: Callable[[ColumnElement[Any]], ColumnElement[bool]]

    @property
    def leading(self) -> ColumnElement[bool]:
        return self.asks(cases.c[self.column])

    @property
    def following(self) -> ColumnElement[bool]:
        """The same, said so that no index leads by it: one that does not have the order would have all put in order."""
        return self.asks(func.coalesce(cases.c[self.column], cases.c[self.column]))


class Narrowed(NamedTuple):
    """What rows must fit. `q`: a search, and `few`: what may leave few rows; both can be read from either end."""

    q: str | None
    few: list[Bound]
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
    around: Sequence[ColumnElement[bool]] | None = None,
) -> Page[Any]:
    """A page of `statement`'s rows: a select from cases and what is joined to them.

    `around`: the order is one of the accounts that fit these, and the open case of each is looked up.
    """
    in_order = not where.q and len(where.few) == 1 and where.few[0].column in order.along
    few, looked_up = (False, []) if in_order else narrowed(connection, where, process)
    # What was found to be few leads, whatever the planner has counted.
    of_process = (cases.c.process.concat("") if few else cases.c.process) == process
    is_open = cases.c.status.concat("") == "open" if few else OPEN_CASE
    wanted = [of_process, *where.rest, *looked_up]
    wanted += [each.leading if not few and each.column in order.along else each.following for each in where.few]
    further = [*(around or ())]
    if after is not None:
        further.append(beyond(order.key, order.kinds, after, down=order.down))
    named = [part.label(f"key{no}") for no, part in enumerate(order.key)]
    owner = accounts.c.account_no == cases.c.subject
    left = select(cases.c.case_no, *named).where(is_open, *wanted, *further)
    read: FromClause
    if few:
        # Read whole before it is put in order: otherwise the order's own index would be walked from its start.
        mine = left if around is None else left.join_from(cases, accounts, owner)
        read = mine.where(within(person, cases, lead=False)).cte("read").prefix_with("MATERIALIZED")
    elif around is None:
        each = [order.by(left.where(bound)).limit(limit + 1) for bound in bounds(person, cases)]
        read = together(each).subquery()
    else:
        # The accounts come first, in their order, and then the case of each: no index of open cases is to lead.
        its = select(cases.c.case_no).where(owner, cases.c.status.concat("") == "open", *wanted)
        open_case = its.where(within(person, cases, lead=False)).limit(1).correlate(accounts).scalar_subquery()
        of_each = select(open_case.label("case_no"), *named).where(*further).subquery()
        read = select(of_each).where(of_each.c.case_no.is_not(None)).subquery()
    keys = [read.c[f"key{no}"] for no in range(len(order.key))]
    first = select(read.c.case_no).order_by(*(key.desc() if order.down else key for key in keys))
    drawn = first.limit(limit + 1)
    page = statement.add_columns(*(part.label(f"_key{no}") for no, part in enumerate(order.key)))
    rows = connection.execute(order.by(page.where(cases.c.case_no.in_(drawn)))).all()
    return page_of(rows, limit, lambda row: [row._mapping[f"_key{no}"] for no in range(len(order.key))])


def narrowed(connection: Connection, where: Narrowed, process: str) -> tuple[bool, list[ColumnElement[bool]]]:
    """Whether few rows are left, and the predicates that read them from the shortest way's own end.

    Each way is asked for alone: of two predicates at once the planner may follow the longer.
    """
    ways = [select(cases.c.case_no).where(cases.c.process == process, OPEN_CASE, bound.leading) for bound in where.few]
    if not where.q:
        least = search.fewest(connection, ways)
        return (False, []) if least is None else (True, [cases.c.case_no.in_(ways[least])])
    least = search.fewest(connection, [search.probe(where.q), *ways])
    if least == 0:
        return True, [cases.c.case_no.in_(search.cases_found(where.q))]
    fits = search.case_fits(where.q)
    return (False, [fits]) if least is None else (True, [cases.c.case_no.in_(ways[least - 1]), fits])


def in_parts(where: Any, *, lead: bool = True) -> list[ColumnElement[bool]]:
    """The filters by grid, section and office, which indexes of cases lead to or not."""
    given = {cases.c[part]: value for part in PARTS if (value := getattr(where, part)) is not None}
    return [(part if lead else part.concat("")) == value for part, value in given.items()]


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
