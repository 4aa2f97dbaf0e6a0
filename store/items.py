"""The items of acceptances: their tables, what was seen of each, and the two put together for those who inspect.

A case knows its table by hash and length; the rows are here. What an inspector notes of an item is a draft until the
acceptance is decided; of two who note the same item the later one stands, and is told what it replaced.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select

from domain.connection.items import Item, Look, Measured, Table
from domain.policy import Strict
from store.database import upsert
from store.tables import item_looks, item_tables, items

_OF_ITEM = [items.c[name] for name in Item.model_fields]


class TableKept(Strict):
    """A table as it came."""

    kind: Table
    sha256: str
    items: int
    filename: str
    at: datetime
    by: str


class Seen(Strict):
    """An item and the last look at it in a round; `item` None: the project has no table."""

    no: int
    item: Item | None = None
    look: Look | None = None
    by: str | None = None
    at: datetime | None = None


class Replaced(Strict):
    """What a look came in the place of."""

    passed: bool
    reason: str | None
    by: str
    at: datetime


def put_table(
    connection: Connection,
    case_no: str,
    kind: Table,
    rows: Sequence[Item],
    *,
    sha256: str,
    filename: str,
    at: datetime,
    by: str,
) -> bool:
    """Put a table in the place of the one before; False when it stands already, and nothing changed."""
    stands = tables_of(connection, case_no).get(kind)
    if stands is not None and stands.sha256 == sha256:
        return False
    connection.execute(delete(items).where(items.c.case_no == case_no, items.c.kind == kind))
    if rows:
        connection.execute(insert(items), [_row(item) | {"case_no": case_no, "kind": kind} for item in rows])
    kept = {
        "case_no": case_no,
        "kind": kind,
        "sha256": sha256,
        "items": len(rows),
        "filename": filename[:200],
        "at": at,
        "by": by,
    }
    upsert(connection, item_tables, kept, key=("case_no", "kind"))
    return True


def _row(item: Item) -> dict[str, Any]:
    start = item.start_reading
    return item.model_dump() | {"start_reading": None if start is None else format(start, "f")}


def tables_of(connection: Connection, case_no: str) -> dict[Table, TableKept]:
    """The tables that a project has."""
    rows = connection.execute(select(item_tables).where(item_tables.c.case_no == case_no))
    kept = [TableKept.model_validate({name: getattr(row, name) for name in TableKept.model_fields}) for row in rows]
    return {each.kind: each for each in kept}


def of_case(connection: Connection, case_no: str, kind: Table = "order") -> list[Item]:
    """The items of a table, in their order."""
    mine = select(*_OF_ITEM).where(items.c.case_no == case_no, items.c.kind == kind).order_by(items.c.no)
    return [_item(row) for row in connection.execute(mine)]


def _item(row: Any) -> Item:
    # The store holds what was validated on its way in: thousands of rows are read for one page.
    values = dict(row._mapping)
    return Item.model_construct(**values | {"start_reading": _decimal(values["start_reading"])})


def _decimal(text: str | None) -> Any:
    return None if text is None else Measured(reading=text).reading


def note(
    connection: Connection, case_no: str, round_: int, no: int, look: Look, *, at: datetime, by: str
) -> Replaced | None:
    """Keep a look at an item; what it replaced when somebody else had looked before."""
    mine = (item_looks.c.case_no == case_no, item_looks.c.round == round_, item_looks.c.no == no)
    before = connection.execute(select(item_looks).where(*mine).with_for_update()).one_or_none()
    row = {
        "case_no": case_no,
        "round": round_,
        "no": no,
        "passed": look.passed,
        "reason": look.reason,
        "measured": look.measured.model_dump(mode="json", exclude_none=True),
        "photo": look.photo or (before.photo if before is not None and not look.passed else None),
        "at": at,
        "by": by,
        "times": 1 if before is None else before.times + 1,
    }
    upsert(connection, item_looks, row, key=("case_no", "round", "no"))
    if before is None or before.by == by:
        return None
    return Replaced(passed=before.passed, reason=before.reason, by=before.by, at=before.at)


def forget(connection: Connection, case_no: str, round_: int, no: int) -> None:
    """Take a look back: the item counts as not looked at."""
    mine = (item_looks.c.case_no == case_no, item_looks.c.round == round_, item_looks.c.no == no)
    connection.execute(delete(item_looks).where(*mine))


def looks(connection: Connection, case_no: str, round_: int) -> dict[int, Look]:
    """What was noted of each item in a round."""
    mine = select(item_looks).where(item_looks.c.case_no == case_no, item_looks.c.round == round_)
    return {row.no: _look(row) for row in connection.execute(mine.order_by(item_looks.c.no))}


def last_looks(connection: Connection, case_no: str) -> dict[int, Look]:
    """The last look at each item, of whatever round."""
    mine = select(item_looks).where(item_looks.c.case_no == case_no)
    return {row.no: _look(row) for row in connection.execute(mine.order_by(item_looks.c.round, item_looks.c.no))}


def _look(row: Any) -> Look:
    return Look(passed=row.passed, reason=row.reason, measured=Measured.model_validate(row.measured), photo=row.photo)


def seen(connection: Connection, case_no: str, round_: int, numbers: Iterable[int]) -> list[Seen]:
    """Each of these items with what was noted of it in a round. Two statements, however many."""
    by_no = {item.no: item for item in of_case(connection, case_no)}
    mine = select(item_looks).where(item_looks.c.case_no == case_no, item_looks.c.round == round_)
    noted = {row.no: row for row in connection.execute(mine)}
    return [_seen(no, by_no, noted.get(no)) for no in numbers]


def _seen(no: int, by_no: Mapping[int, Item], row: Any) -> Seen:
    if row is None:
        return Seen.model_construct(no=no, item=by_no.get(no), look=None, by=None, at=None)
    return Seen.model_construct(no=no, item=by_no.get(no), look=_look(row), by=row.by, at=row.at)


def one(connection: Connection, case_no: str, no: int) -> Item | None:
    """One item of the order table."""
    mine = (items.c.case_no == case_no, items.c.kind == "order", items.c.no == no)
    row = connection.execute(select(*_OF_ITEM).where(*mine)).one_or_none()
    return None if row is None else _item(row)


def counted(connection: Connection, case_no: str, round_: int) -> tuple[int, int]:
    """How many items of a round have passed and failed by their looks so far."""
    mine = select(item_looks.c.passed, func.count()).where(
        item_looks.c.case_no == case_no, item_looks.c.round == round_
    )
    found = {bool(row[0]): int(row[1]) for row in connection.execute(mine.group_by(item_looks.c.passed))}
    return found.get(True, 0), found.get(False, 0)


def buildings(rows: Collection[Seen]) -> list[str]:
    """The buildings of some items, in their order."""
    return list(dict.fromkeys(row.item.building for row in rows if row.item is not None))
