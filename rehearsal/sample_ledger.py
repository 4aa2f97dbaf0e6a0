"""An invented overdue ledger to try things on: no account, name, address or number in it belongs to anybody."""

import csv
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from random import Random

import xlsxwriter

from domain.money import yuan

HEADINGS = [
    "户号",
    "户名",
    "用户类别",
    "小区类型",
    "特殊用户",
    "手机号",
    "用水地址",
    "账单号",
    "账期",
    "应缴金额",
    "缴费期限",
    "违约金",
    "营业所",
    "管区",
    "网格",
]

_SURNAMES = "王李张刘陈杨赵黄周吴"
_TRADES = ["食品厂", "酒店", "洗车行", "写字楼", "印染厂", "商场"]
_OFFICES = ["城东营业所", "城西营业所", "城南营业所"]


def write_sample_ledger(path: Path, *, accounts: int, seed: int, as_of: date) -> int:
    """Write a ledger of so many accounts and return its number of bills.

    `.xlsx` or `.csv` (UTF-8 with its mark) by the path's ending, `ValueError` for another. One account in seven or so
    owes two bills, one in eight is an organisation, one in a hundred is protected; every due date lies before `as_of`.
    The same arguments give the same file, byte for byte.
    """
    if path.suffix == ".csv":
        with path.open("w", encoding="utf-8-sig", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(HEADINGS)
            rows = list(_rows(accounts=accounts, seed=seed, as_of=as_of))
            writer.writerows(rows)
        return len(rows)
    if path.suffix != ".xlsx":
        raise ValueError(f"a sample ledger is .xlsx or .csv, not {path.suffix or 'without an ending'}")
    return _write_workbook(path, _rows(accounts=accounts, seed=seed, as_of=as_of), as_of)


def _write_workbook(path: Path, rows: Iterator[list[str]], as_of: date) -> int:
    amounts = {HEADINGS.index("应缴金额"), HEADINGS.index("违约金")}
    due = HEADINGS.index("缴费期限")
    bills = 0
    with xlsxwriter.Workbook(path, {"constant_memory": True, "strings_to_formulas": False}) as book:
        book.set_properties({"created": datetime.combine(as_of, time(), UTC)})
        day, money = book.add_format({"num_format": "yyyy-mm-dd"}), book.add_format({"num_format": "0.00"})
        sheet = book.add_worksheet("欠费台账")
        sheet.freeze_panes(1, 0)
        sheet.set_column(0, len(HEADINGS) - 1, 14)
        sheet.write_row(0, 0, HEADINGS)
        for bills, row in enumerate(rows, 1):
            for column, text in enumerate(row):
                if column == due:
                    sheet.write_datetime(bills, column, datetime.fromisoformat(text), day)
                elif column in amounts:
                    sheet.write_number(bills, column, float(text), money)
                else:
                    sheet.write_string(bills, column, text)
    return bills


def _rows(*, accounts: int, seed: int, as_of: date) -> Iterator[list[str]]:
    chance = Random(seed)  # noqa: S311  # invented data, no secret
    for number in range(1, accounts + 1):
        organisation = chance.random() < 1 / 8
        gated = chance.random() < 0.6
        office = chance.randrange(len(_OFFICES))
        section = chance.randint(1, 4)
        customer = [
            f"{410000 + number:07d}",
            f"示例{chance.choice(_TRADES)}{number}" if organisation else f"{chance.choice(_SURNAMES)}某某",
            "单位" if organisation else "居民",
            "封闭式" if gated else "开放式",
            _protection(chance, organisation=organisation),
            f"1380000{chance.randrange(10_000):04d}",
            f"示例{'园' if gated else '路'}{chance.randint(1, 60)}号{chance.randint(1, 6)}-{chance.randint(1, 18)}室",
        ]
        place = [
            _OFFICES[office],
            f"{_OFFICES[office][:2]}{section}管区",
            f"{_OFFICES[office][1]}{section}-{chance.randint(1, 9):02d}",
        ]
        due_on = as_of - timedelta(days=chance.randint(1, 45))
        for _ in range(2 if chance.random() < 1 / 7 else 1):
            owed = chance.randint(20_000, 2_000_000) if organisation else chance.randint(1_800, 42_000)
            late_fee = owed * (as_of - due_on).days // 2000 if chance.random() < 0.3 else 0
            period = due_on.replace(day=1) - timedelta(days=1)  # billed for the month before the one it falls due in
            bill = [f"ZD{period:%Y%m}{number:07d}", f"{period:%Y-%m}", yuan(owed), due_on.isoformat(), yuan(late_fee)]
            yield [*customer, *bill, *place]
            due_on -= timedelta(days=31)


def _protection(chance: Random, *, organisation: bool) -> str:
    if chance.random() >= 0.01:
        return ""
    return chance.choice(["医院", "学校", "总表"] if organisation else ["困难"])
