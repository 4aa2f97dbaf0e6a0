"""A sheet, whatever file it stands in, and which of its rows is the header."""

import re
from collections.abc import Callable, Generator, Mapping
from contextlib import closing
from datetime import date
from itertools import islice
from typing import NamedTuple

from activities.ledger_file.problems import UnreadableLedger
from activities.ledger_file.words import REQUIRED, called, field_under, narrow

Cells = dict[int, str]
"""One row: the text of each cell that is not blank by column index from 0; numbers as Excel would show them."""
Rows = Generator[tuple[int, Cells], None, None]
"""Rows that are not blank, numbered from 1 as the person sees them."""

EXCEL_EPOCH = date(1899, 12, 30)
HEADER_WITHIN = 30  # title rows above the header; a sheet that says nothing by then is not a ledger
_OTHER_UNIT = re.compile(r"单位:?(?:人民币)?[十百千万亿]+元")


class Sheet(NamedTuple):
    """A sheet or text file; `rows` may be called again. `height` are the rows it claims, `epoch` day 0 of its dates."""

    title: str
    rows: Callable[[], Rows]
    height: int | None
    epoch: date = EXCEL_EPOCH


class Header(NamedTuple):
    """The row with the headings: every title by column index, and the column of each field that has one."""

    row: int
    titles: Cells
    columns: Mapping[str, int]

    @property
    def missing(self) -> list[str]:
        return [field for field in REQUIRED if field not in self.columns]


def find_header(sheet: Sheet) -> Header | None:
    """The row among the first that heads most of our columns, None for a sheet without any text.

    Raises `UnreadableLedger` when a title row names another unit than yuan, or two columns head one field.
    """
    best: Header | None = None
    with closing(sheet.rows()) as rows:
        for row, titles in islice(rows, HEADER_WITHIN):
            if any(_OTHER_UNIT.search(narrow(title).replace(" ", "")) for title in titles.values()):
                raise UnreadableLedger("other-unit", where=f"{sheet.title}, row {row}")
            columns: dict[str, int] = {}
            for index, title in titles.items():
                if field := field_under(title):
                    columns.setdefault(field, index)
            if best is None or len(columns) > len(best.columns):
                best = Header(row, titles, columns)
                if not best.missing:
                    _refuse_doubled(sheet, best)
                    break
    return best


def _refuse_doubled(sheet: Sheet, header: Header) -> None:
    for field in header.columns:
        titles = [title for title in header.titles.values() if field_under(title) == field]
        if len(titles) > 1:
            where, found = f"{sheet.title}, row {header.row}", "、".join(titles)
            raise UnreadableLedger("doubled-column", where=where, count=len(titles), field=called(field), titles=found)
