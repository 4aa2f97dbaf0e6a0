"""The rows under a header, checked one after another: each cell by itself, then each row against those before it."""

import re
from collections.abc import Callable
from datetime import date
from functools import partial
from typing import NamedTuple

from activities.ledger_file import problems
from activities.ledger_file.cells import READERS, day, free_text, period
from activities.ledger_file.columns import COLUMNS
from activities.ledger_file.header import Header
from activities.ledger_file.masking import masked
from activities.ledger_file.problems import Problem, Refused
from activities.ledger_file.rows import OverdueRow, RowError
from activities.ledger_file.sheet import Cells
from activities.ledger_file.words import FORMULA_ERRORS, narrow
from domain.account import CustomerClass, Estate

_SUM_ROW = re.compile(
    r"(?:本页|本月|本期|全部)?(?:总?合计|总计|小计|共计|累计)(?:[:(\d].*)?|(?:grand|sub)?-?totals?:?", re.IGNORECASE
)
_SIGNATURE_ROW = re.compile(r"(?:制表|填表|审核|复核|打印|备注|说明|注)(?:人|日期|时间)?:.*")


class _Account(NamedTuple):
    row: int
    customer_class: CustomerClass
    estate: Estate


class Checks:
    """One reading of a sheet. Of the bills that passed it remembers what tells a later row that contradicts them."""

    def __init__(self, header: Header, *, epoch: date) -> None:
        self._columns, self._headings = header.columns, header.headings
        self._readers: dict[str, Callable[[str], object]] = {
            **READERS,
            "period": partial(period, epoch=epoch),
            "due_on": partial(day, epoch=epoch),
        }
        self._bills: dict[str, int] = {}
        self._accounts: dict[str, _Account] = {}

    def is_no_bill(self, cells: Cells) -> bool:
        """Whether the row is a total, a repeated header, a signature line or a stray cell, to be passed over."""
        if not any(index in cells for index in self._columns.values()):
            return True  # a stray cell outside every column that is read
        account, amount, due = (cells.get(self._columns[name]) for name in ("account_no", "amount_fen", "due_on"))
        if (account, amount) == (self._headings["account_no"], self._headings["amount_fen"]):
            return True
        if due is not None:
            return False
        first = narrow(cells[min(cells)]).replace(" ", "")
        return bool(_SUM_ROW.fullmatch(first) or (amount is None and _SIGNATURE_ROW.fullmatch(first)))

    def checked(self, row: int, cells: Cells) -> OverdueRow | list[RowError]:
        """The bill that the row is, or one error for each of its problems."""
        values: dict[str, object] = {"row": row}
        errors: list[RowError] = []
        for name, index in self._columns.items():
            text = cells.get(index)
            try:
                if text is None:
                    if COLUMNS[name].required:
                        raise Refused(problems.MISSING)
                elif text in FORMULA_ERRORS:
                    raise Refused(problems.FORMULA)
                else:
                    values[name] = self._readers[name](narrow(text)) if name in self._readers else free_text(text)
            except Refused as refused:
                errors.append(self._error(row, cells, name, refused.problem))
        if errors:
            return errors
        values.setdefault("bill_no", f"{values['account_no']}-{values['period']}")
        bill = OverdueRow.model_validate(values)
        return [self._error(row, cells, *found) for found in self._contradictions(bill)] or bill

    def _contradictions(self, bill: OverdueRow) -> list[tuple[str, Problem, int]]:
        """Field, problem and earlier row of whatever an accepted row said otherwise; a bill without any is accepted."""
        new = _Account(bill.row, bill.customer_class, bill.estate)
        account = self._accounts.get(bill.account_no, new)
        key = f"{bill.account_no}\n{bill.bill_no}"
        found = []
        if bill.customer_class != account.customer_class:
            found.append(("customer_class", problems.DISAGREES, account.row))
        if bill.estate != account.estate:
            found.append(("estate", problems.DISAGREES, account.row))
        if first := self._bills.get(key):
            found.append(("bill_no" if "bill_no" in self._columns else "account_no", problems.TWICE, first))
        if not found:
            self._accounts[bill.account_no], self._bills[key] = account, bill.row
        return found

    def _error(self, row: int, cells: Cells, name: str, problem: Problem, first: int = 0) -> RowError:
        heading = self._headings[name]
        return RowError(
            row=row,
            column=heading,
            value=masked(name, cells.get(self._columns[name], "")),
            problem=problem.en.format(column=heading, first=first),
            problem_zh=problem.zh.format(column=heading, first=first),
            mend=problem.mend,
            mend_zh=problem.mend_zh,
        )
