"""The rows under a header: each cell by itself, then each row against those before it."""

import re
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import ClassVar, NamedTuple

from pydantic import BaseModel

from activities.ledger_file.cells import DETAILS, free_text, readers
from activities.ledger_file.problems import PROBLEMS, Refused, masked
from activities.ledger_file.sheet import Cells
from activities.ledger_file.words import FORMULA_ERRORS, REQUIRED, narrow
from domain.account import CustomerClass, Estate, Protection

_SUM_ROW = re.compile(
    r"(?:本页|本月|本期|全部)?(?:总?合计|总计|小计|共计|累计)(?:[:(\d].*)?|(?:grand|sub)?-?totals?:?", re.IGNORECASE
)
_SIGNATURE_ROW = re.compile(r"(?:制表|填表|审核|复核|打印|备注|说明|注)(?:人|日期|时间)?:.*")


class OverdueRow(BaseModel, frozen=True):
    """One overdue bill that passed every check; `row` is its row in the sheet, amounts are fen.

    `bill_no` is `<account>-<period>` where the file has none: the same file read again names the bill the same.
    `phone` is digits only (with `-` before an extension); of several in a cell the first mobile, else the first.
    `model_fields_set` are the fields of which the row says something.
    """

    at_fault: ClassVar[bool] = False

    row: int
    account_no: str
    customer_class: CustomerClass
    estate: Estate = "open"
    phone: str | None = None
    protected: tuple[Protection, ...] = ()
    bill_no: str
    period: str
    amount_fen: int
    due_on: date
    late_fee_fen: int = 0
    reading_before: Decimal | None = None
    reading: Decimal | None = None
    volume: Decimal | None = None
    estimated: bool = False
    name: str | None = None
    address: str | None = None
    grid: str | None = None
    section: str | None = None
    office: str | None = None


class RowError(BaseModel, frozen=True):
    """What keeps one row from being a bill: `column` as headed in the file, `value` with personal data masked."""

    at_fault: ClassVar[bool] = True

    row: int
    column: str | None
    value: str
    problem: str
    problem_zh: str
    mend: str
    mend_zh: str


class _Account(NamedTuple):
    row: int
    customer_class: CustomerClass
    estate: Estate


class Checks:
    """One reading of the rows. Of the bills that passed it remembers what tells a later row that contradicts them."""

    def __init__(self, columns: Mapping[str, int], headings: Mapping[str, str], *, epoch: date) -> None:
        self._columns, self._headings = columns, headings
        self._readers = readers(epoch=epoch)
        self._bills: dict[str, int] = {}
        self._accounts: dict[str, _Account] = {}

    def is_no_bill(self, cells: Cells) -> bool:
        """Whether a row is a total, a repeated header, a signature, or stands beside our columns altogether."""
        if cells.keys().isdisjoint(self._columns.values()):
            return True
        account, amount, due = (cells.get(self._columns[field]) for field in ("account_no", "amount_fen", "due_on"))
        if (account, amount) == (self._headings["account_no"], self._headings["amount_fen"]):
            return True
        if due is not None:
            return False
        first = narrow(cells[min(cells)]).replace(" ", "")
        return bool(_SUM_ROW.fullmatch(first) or (amount is None and _SIGNATURE_ROW.fullmatch(first)))

    def outcome(self, row: int, cells: Cells) -> Iterator[OverdueRow | RowError]:
        """The bill that a row is, or one error for each of its problems."""
        values: dict[str, object] = {"row": row}
        found: list[tuple[str, str, int]] = []
        for field, index in self._columns.items():
            try:
                if (text := cells.get(index)) in FORMULA_ERRORS and field in DETAILS:
                    continue
                if text in FORMULA_ERRORS:
                    found.append((field, "formula", 0))
                elif text is not None:
                    values[field] = self._readers[field](narrow(text)) if field in self._readers else free_text(text)
                elif field in REQUIRED:
                    found.append((field, "missing", 0))
            except Refused as refused:
                found.append((field, refused.problem, 0))
        if not found:
            values.setdefault("bill_no", f"{values['account_no']}-{values['period']}")
            bill = OverdueRow.model_validate(values)
            found = self._contradictions(bill)
            if not found:
                yield bill
        for field, key, first in found:
            heading, problem = self._headings[field], PROBLEMS[key]
            yield RowError(
                row=row,
                column=heading,
                value=masked(field, cells.get(self._columns[field], "")),
                problem=problem.en.format(column=heading, first=first),
                problem_zh=problem.zh.format(column=heading, first=first),
                mend=problem.mend,
                mend_zh=problem.mend_zh,
            )

    def _contradictions(self, bill: OverdueRow) -> list[tuple[str, str, int]]:
        """Field, problem and earlier row of whatever an accepted row said otherwise; without any, it is accepted."""
        account = self._accounts.get(bill.account_no) or _Account(bill.row, bill.customer_class, bill.estate)
        key = f"{bill.account_no}\n{bill.bill_no}"
        found = []
        if bill.customer_class != account.customer_class:
            found.append(("customer_class", "disagrees", account.row))
        # A row that leaves the estate empty stands for open: beside one that says gated it would open the estate.
        if bill.estate != account.estate:
            found.append(("estate", "disagrees", account.row))
        if first := self._bills.get(key):
            found.append(("bill_no" if "bill_no" in self._columns else "account_no", "twice", first))
        if not found:
            self._accounts[bill.account_no], self._bills[key] = account, bill.row
        return found
