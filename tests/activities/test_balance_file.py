"""Billing's list of balances as a file: a row an account or a row a bill, or refused with what to do."""

from pathlib import Path

import pytest
import xlsxwriter

from activities.balance_file import read_balances
from activities.ledger_file import UnreadableLedger
from domain.reconciliation import Theirs


def text(folder: Path, words: str, *, encoding: str = "utf-8") -> Path:
    path = folder / "balances.csv"
    path.write_text(words, encoding=encoding)
    return path


def test_a_row_an_account(tmp_path: Path) -> None:
    path = text(tmp_path, "某月余额\n户号,户名,欠费余额（元）\n0410023,张某某,86.40\n0410024,,0\n", encoding="gb18030")
    assert read_balances(path) == {"0410023": Theirs(balance_fen=8640), "0410024": Theirs(balance_fen=0)}


def test_a_row_a_bill_in_a_workbook(tmp_path: Path) -> None:
    path = tmp_path / "balances.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        for row, cells in enumerate(
            [["Account", "Bill no", "Balance"], ["0410023", "B1", 86.4], ["0410023", "B2", 10]]
        ):
            sheet.write_row(row, 0, cells)
    assert read_balances(path) == {"0410023": Theirs(balance_fen=9640, bills={"B1": 8640, "B2": 1000})}


@pytest.mark.parametrize(
    ("words", "what", "what_zh"),
    [
        ("户号,欠费余额\n1,8.6.4\n", "row 2: the balance is no amount in yuan", "第2行：余额不是有效的金额"),
        ("户号,欠费余额\n1,-5\n", "row 2: the balance is no amount", "第2行"),
        ("户号,欠费余额\n1,5\n1,6\n", "row 3: stands in an earlier row already", "第3行：与前面的行重复"),
        ("户号,账单号,欠费余额\n1,,5\n", "row 2: the bill has no number", "第2行：缺少账单号"),
        ("户号,地址\n1,某路\n", "no sheet with account numbers and balances", "没有找到含户号和余额的表"),
        ("户号,欠费余额（万元）\n1,5\n", "no sheet with account numbers and balances", "没有找到含户号和余额的表"),
    ],
)
def test_a_list_that_is_wrong_is_no_list(tmp_path: Path, words: str, what: str, what_zh: str) -> None:
    with pytest.raises(UnreadableLedger) as refused:
        read_balances(text(tmp_path, words))
    assert what in refused.value.what
    assert what_zh in refused.value.what_zh
    assert refused.value.mend_zh
