"""Any list as an Excel workbook: typed cells, a head that stays, and no text that a program would ever carry out."""

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime
from itertools import islice
from pathlib import Path
from typing import Any, Generic, Literal, NamedTuple, TypeVar

import xlsxwriter
from fastapi.responses import FileResponse
from starlette.background import BackgroundTask

from api.pages.words import Language
from domain.calendars import local
from domain.money import yuan
from store.keyset import Page

Row = TypeVar("Row")
Kind = Literal["text", "money", "number", "day", "instant"]

MOST_ROWS = 50_000
ROWS_A_PAGE = 1000
MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
LONGEST_TEXT = 32_767
BOOK: dict[int | str, dict[str, Any]] = {
    200: {"content": {MEDIA_TYPE: {}}, "description": "The list as a workbook; one that was cut says so in a last row"}
}
"""The answer of a door that sends one."""
_FORMATS: dict[Kind, str] = {
    "text": "@",
    "money": "#,##0.00",
    "number": "0",
    "day": "yyyy-mm-dd",
    "instant": "yyyy-mm-dd hh:mm",
}
_WIDTHS: dict[Kind, int] = {"text": 16, "money": 13, "number": 8, "day": 12, "instant": 17}
# Excel keeps a text a text, but a file saved again as CSV forgets it: these stand with a mark that says so in the cell.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


class Column(NamedTuple, Generic[Row]):
    """A column: its title, what a row has in it, and of which kind. Money is fen; an instant is written at +08:00."""

    zh: str
    en: str
    of: Callable[[Row], Any]
    kind: Kind = "text"
    width: int | None = None


class Sheet(NamedTuple, Generic[Row]):
    """A list as a workbook is made of it."""

    zh: str
    en: str
    columns: Sequence[Column[Row]]


def every_row(read: Callable[[str | None, int], Page[Row]], *, limit: int = MOST_ROWS) -> Iterator[Row]:
    """The rows of a list, page by page, and one more than `limit` if there are as many."""
    after: str | None = None
    left = limit + 1
    while left > 0:
        page = read(after, min(left, ROWS_A_PAGE))
        yield from page.rows
        left -= len(page.rows)
        after = page.next
        if after is None:
            return


def written(
    path: Path, sheet: Sheet[Row], rows: Iterable[Row], *, language: Language, limit: int = MOST_ROWS
) -> tuple[int, bool]:
    """Write a list into a new file, a row at a time; how many rows, and whether it was cut at `limit`.

    A list that was cut says so in a last row.
    """
    stream = iter(rows)
    options = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
        "tmpdir": str(path.parent),
    }
    with xlsxwriter.Workbook(str(path), options) as book:
        page = book.add_worksheet(sheet.zh if language == "zh" else sheet.en)
        head = book.add_format({"bold": True, "bottom": 1})
        shapes = {kind: book.add_format({"num_format": shape}) for kind, shape in _FORMATS.items()}
        marked = book.add_format({"num_format": "@", "quote_prefix": True})
        for index, column in enumerate(sheet.columns):
            page.set_column(index, index, column.width or _WIDTHS[column.kind])
        page.freeze_panes(1, 0)
        for index, column in enumerate(sheet.columns):
            page.write_string(0, index, column.zh if language == "zh" else column.en, head)
        count = 0
        for count, row in enumerate(islice(stream, limit), 1):
            for index, column in enumerate(sheet.columns):
                _write(page, count, index, column.of(row), column.kind, shapes, marked)
        page.autofilter(0, 0, count, len(sheet.columns) - 1)
        cut = next(stream, None) is not None
        if cut:
            words = (
                f"只导出了前 {limit} 行，后面还有：请缩小范围再导出。",
                f"Only the first {limit} rows are here, and there are more: narrow the list down and export again.",
            )
            page.write_string(count + 1, 0, words[language == "en"], head)
    return count, cut


def _write(page: Any, row: int, column: int, value: Any, kind: Kind, shapes: dict[Kind, Any], marked: Any) -> None:
    if value is None or value == "":
        return
    if isinstance(value, bool):
        value = "✓" if value else ""
    match kind:
        case "money":
            page.write_number(row, column, float(yuan(value)), shapes[kind])
        case "number":
            page.write_number(row, column, value, shapes[kind])
        case "day":
            page.write_datetime(row, column, _midnight(value), shapes[kind])
        case "instant":
            page.write_datetime(row, column, local(value).replace(tzinfo=None), shapes[kind])
        case "text":
            text = str(value)[:LONGEST_TEXT]
            page.write_string(row, column, text, marked if text.startswith(_FORMULA_STARTS) else shapes[kind])


def _midnight(on: date) -> datetime:
    return datetime(on.year, on.month, on.day)  # noqa: DTZ001 - a day has no zone, and Excel no zones at all


def sent(
    sheet: Sheet[Row], rows: Iterable[Row], *, language: Language, at: datetime, limit: int = MOST_ROWS
) -> FileResponse:
    """A list as an answer: the workbook is written on disk, sent, and gone."""
    folder = tempfile.TemporaryDirectory(prefix="guanjia-out-")
    try:
        path = Path(folder.name) / "list.xlsx"
        written(path, sheet, rows, language=language, limit=limit)
    except BaseException:
        folder.cleanup()
        raise
    name = f"{sheet.zh if language == 'zh' else sheet.en} {local(at):%Y-%m-%d}.xlsx"
    return FileResponse(path, media_type=MEDIA_TYPE, filename=name, background=BackgroundTask(folder.cleanup))
