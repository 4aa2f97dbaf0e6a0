"""From a file to the items of a project: the header found, each cell read, every fault with its row."""

import hashlib
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import closing
from decimal import Decimal, InvalidOperation
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel

from activities.ledger_file.problems import Problem, UnreadableLedger
from activities.ledger_file.reading import sheets_of
from activities.ledger_file.sheet import HEADER_WITHIN, Cells, Sheet
from activities.ledger_file.words import FORMULA_ERRORS, NOTHING, bare, meaning, narrow
from domain.connection.items import MOST_ITEMS, Item

WORDING: Mapping[str, Any] = tomllib.loads(Path(__file__).with_name("wording.toml").read_text(encoding="utf-8"))
_HEADS = {word: field for field, words in WORDING["headings"].items() for word in words.split()}
_REQUIRED = ("building", "room")
_LONGEST = 60


class ItemFault(BaseModel, frozen=True):
    """What keeps a row from being an item, and what to do about it."""

    row: int
    column: str | None
    problem: str
    problem_zh: str
    mend: str
    mend_zh: str


class TableRead(BaseModel, frozen=True):
    """A table that was read: its items in their order, and what is wrong. With any fault it is not taken in."""

    sha256: str
    items: tuple[Item, ...]
    faults: tuple[ItemFault, ...]
    ignored: tuple[str, ...]


class _Header(NamedTuple):
    row: int
    titles: Cells
    columns: dict[str, int]


class _Wrong(Exception):
    def __init__(self, problem: str) -> None:
        self.problem = problem


def heads(title: str) -> str | None:
    """The field that a heading names."""
    return _HEADS.get(bare(title))


def read_table(path: Path) -> TableRead:
    """The items of a file. Rows are numbered as they stand where the file has no numbers of its own.

    Raises `UnreadableLedger` when the file is no such table.
    """
    best: tuple[Sheet, _Header] | None = None
    for sheet in sheets_of(path, heads):
        header = _header(sheet)
        if header is not None and (best is None or len(header.columns) > len(best[1].columns)):
            best = sheet, header
            if all(field in header.columns for field in _REQUIRED):
                break
    if best is None:
        raise _unreadable("empty", path.name)
    sheet, header = best
    missing = [_called(field) for field in _REQUIRED if field not in header.columns]
    if missing:
        raise _unreadable("missing-columns", f"{sheet.title}, row {header.row}", fields="、".join(missing))
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    items, found = _Rows(header).read(sheet)
    ours = header.columns.values()
    ignored = tuple(title for index, title in header.titles.items() if index not in ours)
    return TableRead(sha256=digest, items=items, faults=found, ignored=ignored)


def _header(sheet: Sheet) -> _Header | None:
    best: _Header | None = None
    with closing(sheet.rows()) as rows:
        for row, titles in islice(rows, HEADER_WITHIN):
            columns: dict[str, int] = {}
            for index, title in titles.items():
                if field := heads(title):
                    columns.setdefault(field, index)
            if columns and (best is None or len(columns) > len(best.columns)):
                best = _Header(row, titles, columns)
    return best


def _called(field: str) -> str:
    return str(WORDING["headings"][field]).partition(" ")[0]


def _unreadable(problem: str, where: str, **details: str) -> UnreadableLedger:
    return UnreadableLedger(problem, where=where, said=Problem(*WORDING["files"][problem]), **details)


class _Rows:
    """One reading of the rows under a header."""

    def __init__(self, header: _Header) -> None:
        self._header = header
        self._faults: list[ItemFault] = []

    def read(self, sheet: Sheet) -> tuple[tuple[Item, ...], tuple[ItemFault, ...]]:
        items: list[Item] = []
        rows: dict[int, int] = {}
        for row, cells in sheet.rows():
            if row <= self._header.row or cells.keys().isdisjoint(self._header.columns.values()):
                continue
            if len(items) >= MOST_ITEMS:
                self._fault(row, None, "many", many=MOST_ITEMS)
                break
            values = dict(self._values(row, cells))
            if values.get("building") is None or values.get("room") is None:
                continue
            no = values.setdefault("no", len(items) + 1)
            if no in rows:
                self._fault(row, "no", "twice", first=rows[no])
                continue
            rows[no] = row
            items.append(Item.model_validate(values))
        if not self._faults and sorted(rows) != list(range(1, len(rows) + 1)):
            last = max(rows)
            self._fault(rows[last], "no", "gap", many=len(rows))
        return tuple(sorted(items, key=lambda item: item.no)), tuple(self._faults)

    def _values(self, row: int, cells: Cells) -> Iterator[tuple[str, Any]]:
        """What the cells of a row say; each that says nothing it can mean is a fault."""
        for field, index in self._header.columns.items():
            text = cells.get(index)
            try:
                if text in FORMULA_ERRORS:
                    raise _Wrong("formula")
                value = None if text is None else _value(field, narrow(text))
                if value is None and field in _REQUIRED:
                    raise _Wrong("missing")
            except _Wrong as wrong:
                self._fault(row, field, wrong.problem)
                continue
            if value is not None:
                yield field, value

    def _fault(self, row: int, field: str | None, problem: str, **details: object) -> None:
        column = None if field is None else self._header.titles[self._header.columns[field]]
        en, zh, mend, mend_zh = WORDING["problems"][problem]
        details |= {"column": column}
        self._faults.append(
            ItemFault(
                row=row,
                column=column,
                problem=en.format(**details),
                problem_zh=zh.format(**details),
                mend=mend,
                mend_zh=mend_zh,
            )
        )


def _value(field: str, text: str) -> Any:
    """A cell as its field has it; None where it says nothing."""
    if text.casefold() in NOTHING and field not in ("building", "unit", "room", "remote"):
        return None
    match field:
        case "no":
            return _whole(text, "number", most=MOST_ITEMS)
        case "dn":
            return _whole(text.casefold().removeprefix("dn").removesuffix("mm"), "dn", least=15, most=2000)
        case "start_reading":
            return _reading(text)
        case "customer_class":
            if found := meaning("classes", text):
                return found
            raise _Wrong("class")
        case "remote":
            yes, no = ("是", "yes", "true", "1", "√", "远传"), ("否", "no", "false", "0", "机械", *NOTHING)
            if text.casefold() in (*yes, *no):
                return text.casefold() in yes
            raise _Wrong("yes")
        case _:
            if len(text) > _LONGEST:
                raise _Wrong("long")
            return text.removesuffix(".0") or None


def _whole(text: str, problem: str, *, least: int = 1, most: int) -> int:
    text = text.strip().removesuffix(".0")
    if not text.isdecimal() or len(text) > 9 or not least <= int(text) <= most:
        raise _Wrong(problem)
    return int(text)


def _reading(text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise _Wrong("reading") from None
    exponent = value.as_tuple().exponent
    if not value.is_finite() or not 0 <= value <= 9_999_999 or not isinstance(exponent, int) or exponent < -3:
        raise _Wrong("reading")
    return value
