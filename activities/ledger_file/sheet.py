"""A sheet, whatever file it stands in: numbered rows of cells as text."""

from collections.abc import Callable, Generator
from datetime import date
from typing import NamedTuple

Cells = dict[int, str]
"""One row: the text of each cell that is not blank by column index from 0; numbers as Excel would show them."""

Rows = Generator[tuple[int, Cells], None, None]
"""Rows that are not blank, numbered from 1 as the person sees them."""

EXCEL_EPOCH = date(1899, 12, 30)


class Sheet(NamedTuple):
    """A sheet or text file; `rows` may be called again. `height` are the rows it claims, `epoch` day 0 of its dates."""

    title: str
    rows: Callable[[], Rows]
    height: int | None
    epoch: date = EXCEL_EPOCH
