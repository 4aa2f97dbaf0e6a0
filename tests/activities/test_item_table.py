"""Tables of meters and doors as offices write them: read, numbered, and every fault named with its row."""

from decimal import Decimal
from pathlib import Path

import pytest
import xlsxwriter

from activities.item_table import read_table
from activities.ledger_file import UnreadableLedger

HEAD = ["序号", "楼栋", "单元", "室号", "表号", "口径", "起度", "铅封号", "备注"]


def book(path: Path, rows: list[list[object]], *, head: list[str] = HEAD) -> Path:
    with xlsxwriter.Workbook(str(path)) as written:
        sheet = written.add_worksheet("顺序表")
        sheet.write_string(0, 0, "明湖家园水表顺序表")
        for at, row in enumerate([head, *rows], 1):
            for column, cell in enumerate(row):
                sheet.write(at, column, cell)
    return path


def text(path: Path, *lines: str, encoding: str = "utf-8") -> Path:
    path.write_bytes("\n".join(lines).encode(encoding))
    return path


def test_a_workbook_of_hundreds_is_read_as_it_was_written(tmp_path: Path) -> None:
    rows = [[no, f"{1 + no // 200}号楼", "2", 101 + no, f"SB{no:06d}", "DN20", 0.35, f"QF{no}"] for no in range(1, 601)]
    found = read_table(book(tmp_path / "t.xlsx", rows))
    assert (len(found.items), found.faults, found.ignored) == (600, (), ("备注",))
    item = found.items[41]
    assert (item.no, item.building, item.unit, item.room, item.door) == (42, "1号楼", "2", "143", "1号楼-2-143")
    assert (item.meter_no, item.dn, item.start_reading, item.seal_no) == ("SB000042", 20, Decimal("0.35"), "QF42")


def test_rows_without_numbers_are_numbered_as_they_stand_and_text_comes_in_any_encoding(tmp_path: Path) -> None:
    lines = ("楼号,门牌号,水表编号,是否远传,用水性质", "3,101,A1,是,居民", "3,102,,否,", "3,103,A3,,单位")
    for encoding in ("utf-8", "gb18030"):
        found = read_table(text(tmp_path / f"{encoding}.csv", *lines, encoding=encoding))
        assert [(item.no, item.room, item.meter_no, item.remote) for item in found.items] == [
            (1, "101", "A1", True),
            (2, "102", None, False),
            (3, "103", "A3", None),
        ]
        assert found.items[2].customer_class == "organisation"
    assert read_table(text(tmp_path / "a.csv", *lines)).sha256 == read_table(text(tmp_path / "b.csv", *lines)).sha256


def test_every_fault_is_named_with_its_row_and_column(tmp_path: Path) -> None:
    rows: list[list[object]] = [
        [1, "3", "1", "101", "A1", 20, "0.1234"],
        [2, "", "1", "102", "A2", 20, 0],
        [3, "3", "1", "103", "A3", "大", 0],
        [1, "3", "1", "104", "A4", 20, -1],
    ]
    found = read_table(book(tmp_path / "t.xlsx", rows))
    assert [(fault.row, fault.column, fault.problem_zh) for fault in found.faults] == [
        (3, "起度", "不是有效的表底数（立方米）"),
        (4, "楼栋", "缺少楼栋"),
        (5, "口径", "不是有效的口径（毫米）"),
        (6, "起度", "不是有效的表底数（立方米）"),
        (6, "序号", "与第3行编号相同"),
    ]


def test_numbers_run_from_one_without_a_gap(tmp_path: Path) -> None:
    found = read_table(text(tmp_path / "t.csv", "序号,楼栋,室号", "1,3,101", "3,3,102"))
    assert [(fault.row, fault.problem_zh) for fault in found.faults] == [(3, "编号不是从1连续到2")]


def test_a_file_that_is_no_table_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(UnreadableLedger, match="楼栋"):
        raise_in_chinese(text(tmp_path / "t.csv", "户号,表号", "1,2"))
    with pytest.raises(UnreadableLedger, match="没有找到表头"):
        raise_in_chinese(text(tmp_path / "u.csv", "a,b", "1,2"))


def raise_in_chinese(path: Path) -> None:
    try:
        read_table(path)
    except UnreadableLedger as error:
        raise UnreadableLedger("empty", where=error.what_zh) from None
