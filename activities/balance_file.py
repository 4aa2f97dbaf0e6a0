"""Billing's own list of balances out of an `.xlsx` or `.csv` file: a row an account, or a row a bill."""

from collections.abc import Mapping
from contextlib import closing
from itertools import islice
from pathlib import Path

from activities.ledger_file.problems import Problem, UnreadableLedger
from activities.ledger_file.reading import sheets_of
from activities.ledger_file.sheet import HEADER_WITHIN, Cells, Sheet
from activities.ledger_file.words import bare, narrow
from domain.money import NotMoney, fen
from domain.reconciliation import Theirs

HEADINGS = {
    "account_no": "户号 用户号 用户编号 account accountno",
    "balance": "余额 欠费余额 欠费金额 欠费 应缴余额 balance owed",
    "bill_no": "账单号 账单编号 bill billno",
}
_HEADS = {word: field for field, words in HEADINGS.items() for word in words.split()}
_REQUIRED = ("account_no", "balance")
_EMPTY = Problem(
    "no sheet with account numbers and balances was found",
    "没有找到含户号和余额的表",
    "Head two columns 户号 and 欠费余额; a third, 账单号, gives each bill.",
    "请设“户号”和“欠费余额”两列；另设“账单号”列可逐张核对。",
)
_ROW = Problem(
    "row {row}: {what}", "第{row}行：{what_zh}", "Correct the row and send the file again.", "请改正这一行再上传。"
)


def read_balances(path: Path) -> dict[str, Theirs]:
    """What the file says that each account owes. Raises `UnreadableLedger`: a list that is wrong is no list."""
    for sheet in sheets_of(path, lambda title: _HEADS.get(bare(title))):
        if (head := _head(sheet)) is not None:
            return _read(sheet, *head)
    raise UnreadableLedger("empty", where=path.name, said=_EMPTY)


def _head(sheet: Sheet) -> tuple[int, Mapping[str, int]] | None:
    with closing(sheet.rows()) as rows:
        for row, titles in islice(rows, HEADER_WITHIN):
            columns = {field: at for at, title in titles.items() if (field := _HEADS.get(bare(title)))}
            if all(field in columns for field in _REQUIRED):
                return row, columns
    return None


def _read(sheet: Sheet, head: int, columns: Mapping[str, int]) -> dict[str, Theirs]:
    by_account: dict[str, dict[str, int]] = {}
    for row, cells in sheet.rows():
        if row <= head or columns["account_no"] not in cells:
            continue
        account_no = narrow(cells[columns["account_no"]]).strip()
        bill_no = narrow(cells.get(columns.get("bill_no", -1), "")).strip()
        if "bill_no" in columns and not bill_no:
            raise _wrong(sheet, row, "the bill has no number", "缺少账单号")
        bills = by_account.setdefault(account_no, {})
        if bill_no in bills:
            raise _wrong(sheet, row, "stands in an earlier row already", "与前面的行重复")
        bills[bill_no] = _amount(sheet, row, cells, columns["balance"])
    by_bill = "bill_no" in columns
    return {
        no: Theirs(balance_fen=sum(bills.values()), bills=bills if by_bill else None)
        for no, bills in by_account.items()
    }


def _amount(sheet: Sheet, row: int, cells: Cells, column: int) -> int:
    try:
        amount = fen(narrow(cells.get(column, "")))
    except NotMoney:
        amount = -1
    if amount < 0:
        raise _wrong(sheet, row, "the balance is no amount in yuan", "余额不是有效的金额（元）")
    return amount


def _wrong(sheet: Sheet, row: int, what: str, what_zh: str) -> UnreadableLedger:
    return UnreadableLedger("row", where=f"{sheet.title}, row {row}", said=_ROW, row=row, what=what, what_zh=what_zh)
