"""Which row of a sheet is its header, and which columns answer to our fields."""

import re
from collections.abc import Mapping
from contextlib import closing
from itertools import islice
from typing import NamedTuple

from activities.ledger_file.columns import COLUMNS, field_under
from activities.ledger_file.masking import masked, starred
from activities.ledger_file.sheet import Cells, Sheet
from activities.ledger_file.unreadable import UnreadableLedger
from activities.ledger_file.words import narrow

HEADER_WITHIN = 30  # title rows above the header; a sheet that says nothing by then is not a ledger
_OTHER_UNIT = re.compile(r"单位:?(?:人民币)?[十百千万亿]+元")


class Header(NamedTuple):
    """The row with the headings: every title by column index, and the column of each field that has one."""

    row: int
    titles: Cells
    columns: Mapping[str, int]

    @property
    def missing(self) -> list[str]:
        return [name for name, column in COLUMNS.items() if column.required and name not in self.columns]

    @property
    def headings(self) -> dict[str, str]:
        return {name: self.titles[index] for name, index in self.columns.items()}


def find_header(sheet: Sheet) -> Header | None:
    """The row among the first that heads most of our columns, None for a sheet without any text.

    Raises `UnreadableLedger` when a title row names another unit than yuan, or two columns head one field.
    """
    best: Header | None = None
    with closing(sheet.rows()) as rows:
        for row, cells in islice(rows, HEADER_WITHIN):
            _refuse_other_unit(sheet, row, cells)
            columns: dict[str, int] = {}
            for index, title in sorted(cells.items()):
                if name := field_under(title):
                    columns.setdefault(name, index)
            if best is None or len(columns) > len(best.columns):
                best = Header(row, cells, columns)
                if not best.missing:
                    _refuse_doubled(sheet, best)
                    break
    return best


def _refuse_other_unit(sheet: Sheet, row: int, cells: Cells) -> None:
    if any(_OTHER_UNIT.search(narrow(text).replace(" ", "")) for text in cells.values()):
        raise UnreadableLedger(
            "the sheet says that its amounts are not in yuan",
            "表头注明的金额单位不是元",
            where=f"{sheet.title}, row {row}",
            mend="Give the amounts in yuan and correct the unit line.",
            mend_zh="请以元为单位填写金额，并更正单位说明。",
        )


def _refuse_doubled(sheet: Sheet, header: Header) -> None:
    for name in header.columns:
        alike = [title for title in header.titles.values() if field_under(title) == name]
        if len(alike) > 1:
            titles = "、".join(alike)
            raise UnreadableLedger(
                f"{len(alike)} columns could be the {COLUMNS[name].zh}: {titles}",
                f"有{len(alike)}列都可能是“{COLUMNS[name].zh}”：{titles}",
                where=f"{sheet.title}, row {header.row}",
                mend="Delete or rename all but one.",
                mend_zh="请只保留一列，其余删除或改名。",
            )


def columns_missing(sheet: Sheet, header: Header) -> UnreadableLedger:
    missing = "、".join(COLUMNS[name].zh for name in header.missing)
    # with no heading known the row may be a customer's: then first characters only
    titles = list(header.titles.values())[:20]
    found = "、".join(masked("", title[:20]) if header.columns else starred(title[:4], 1, 0) for title in titles)
    return UnreadableLedger(
        f"required columns are missing: {missing}",
        f"缺少必需的列：{missing}",
        where=f"{sheet.title}, row {header.row}, found: {found}",
        mend="Add the columns, or head them with these words; a unit other than yuan is not taken.",
        mend_zh="请补充这些列，或把列名改为上述名称；金额单位须为元。",
    )
