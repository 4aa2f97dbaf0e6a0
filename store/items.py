"""The items of acceptances: their tables, what was seen of each, and the two put together for those who inspect.

A case knows its table by hash and length; the rows are here. What an inspector notes of an item is a draft until the
acceptance is decided; of two who note the same item the later one stands, and is told what it replaced.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Select, and_, delete, func, insert, select

from domain.connection.items import Item, Look, Measured, Table
from domain.policy import Strict
from store import search
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
        search.also(connection, "connection", case_no, [item.meter_no for item in rows])
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
    values = {name: getattr(row, name) for name in Item.model_fields}
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


Show = Literal["all", "open", "failed", "passed"]


def seen(
    connection: Connection,
    case_no: str,
    round_: int,
    numbers: Sequence[int],
    *,
    show: Show = "all",
    building: str | None = None,
    after: int = 0,
    limit: int | None = None,
) -> list[Seen]:
    """Items among these with what was noted of them in a round, by number: those that fit, after one, up to a limit.

    One statement; two for a project without a table, whose items are numbers alone.
    """
    wanted = _joined(case_no, round_, numbers).where(items.c.no > after).order_by(items.c.no).limit(limit)
    if building is not None:
        wanted = wanted.where(items.c.building == building)
    wanted = wanted.where(*_of_state(show))
    rows = connection.execute(wanted).all()
    if rows or not numbers or _tabled(connection, case_no):
        return [_seen(row.no, _item(row), row if row.looked_at is not None else None) for row in rows]
    return _untabled(connection, case_no, round_, numbers, show=show, building=building, after=after)[:limit]


def _joined(case_no: str, round_: int, numbers: Sequence[int]) -> Select[Any]:
    noted = and_(item_looks.c.case_no == items.c.case_no, item_looks.c.round == round_, item_looks.c.no == items.c.no)
    looked = [item_looks.c[name] for name in ("passed", "reason", "measured", "photo", "by")]
    mine = select(*_OF_ITEM, *looked, item_looks.c.at.label("looked_at")).join_from(
        items, item_looks, noted, isouter=True
    )
    mine = mine.where(items.c.case_no == case_no, items.c.kind == "order")
    return mine if isinstance(numbers, range) else mine.where(items.c.no.in_(numbers))


def _of_state(show: Show) -> list[ColumnElement[bool]]:
    match show:
        case "open":
            return [item_looks.c.passed.is_(None)]
        case "failed" | "passed":
            return [item_looks.c.passed.is_(show == "passed")]
        case "all":
            return []


def _tabled(connection: Connection, case_no: str) -> bool:
    mine = select(items.c.no).where(items.c.case_no == case_no, items.c.kind == "order")
    return connection.scalar(mine.limit(1)) is not None


def _untabled(
    connection: Connection,
    case_no: str,
    round_: int,
    numbers: Sequence[int],
    *,
    show: Show,
    building: str | None,
    after: int,
) -> list[Seen]:
    if building is not None:
        return []
    mine = select(item_looks, item_looks.c.at.label("looked_at")).where(
        item_looks.c.case_no == case_no, item_looks.c.round == round_
    )
    noted = {row.no: row for row in connection.execute(mine)}
    found = (_seen(no, None, noted.get(no)) for no in numbers if no > after)
    fits = {"all": (None, True, False), "open": (None,), "passed": (True,), "failed": (False,)}[show]
    return [each for each in found if (each.look.passed if each.look else None) in fits]


def _seen(no: int, item: Item | None, look: Any) -> Seen:
    if look is None:
        return Seen.model_construct(no=no, item=item, look=None, by=None, at=None)
    return Seen.model_construct(no=no, item=item, look=_look(look), by=look.by, at=look.looked_at)


def lines(connection: Connection, case_no: str, round_: int, numbers: Sequence[int]) -> list[list[Any]]:
    """Every item of a round as a script draws it, without a model a row: thousands are sent at once.

    Number, door, building, meter, seal, start, position; passed, reason, whether there is a photo, what was measured.
    """
    rows = connection.execute(_joined(case_no, round_, numbers).order_by(items.c.no)).all()
    if rows or not numbers or _tabled(connection, case_no):
        return [
            [
                row.no,
                "-".join(filter(None, (row.building, row.unit, row.room))),
                row.building,
                row.meter_no,
                row.seal_no,
                row.start_reading,
                row.position,
                row.passed,
                row.reason,
                row.photo is not None,
                row.measured or {},
            ]
            for row in rows
        ]
    bare = _untabled(connection, case_no, round_, numbers, show="all", building=None, after=0)
    return [
        [each.no, "", "", None, None, None, None, *_of_look(each.look)]
        if each.look
        else [each.no, "", "", *[None] * 6, False, {}]
        for each in bare
    ]


def _of_look(look: Look) -> list[Any]:
    return [look.passed, look.reason, look.photo is not None, look.measured.model_dump(mode="json", exclude_none=True)]


def buildings(connection: Connection, case_no: str, numbers: Sequence[int]) -> list[str]:
    """The buildings of some items, in the order of the table."""
    mine = select(items.c.building).where(items.c.case_no == case_no, items.c.kind == "order")
    mine = mine if isinstance(numbers, range) else mine.where(items.c.no.in_(numbers))
    return list(connection.scalars(mine.group_by(items.c.building).order_by(func.min(items.c.no))))


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
