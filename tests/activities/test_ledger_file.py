import csv
import re
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path

import phonenumbers
import pytest
import xlsxwriter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from activities.ledger_file import LedgerFile, OverdueRow, RowError, UnreadableLedger, read_ledger
from rehearsal.sample_ledger import HEADINGS, write_sample_ledger

HEADER = [
    "户号",
    "用户类别",
    "小区类型",
    "手机号",
    "特殊用户",
    "账单号",
    "账期",
    "应缴金额",
    "缴费期限",
    "违约金",
    "户名",
]
PLAIN = ["0410023", "居民", "开放式", "13800000000", "", "B1", "2026-02", "86.40", "2026-03-10", "", "示例某"]
AS_OF = date(2026, 3, 11)

fuzz = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def csv_file(folder: Path, rows: Iterable[Sequence[object]], *, encoding: str = "utf-8", delimiter: str = ",") -> Path:
    path = folder / "ledger.csv"
    with path.open("w", encoding=encoding, newline="") as stream:
        csv.writer(stream, delimiter=delimiter).writerows(rows)
    return path


def workbook(
    folder: Path, rows: Iterable[Sequence[object]], *, formats: Mapping[int, str] | None = None, **options: object
) -> Path:
    path = folder / "ledger.xlsx"
    with xlsxwriter.Workbook(path, {"strings_to_formulas": False, **options}) as book:
        book.set_properties({"created": datetime(2026, 3, 11)})  # the same bytes every time, for the fuzzing below
        styles = {column: book.add_format({"num_format": code}) for column, code in (formats or {}).items()}
        sheet = book.add_worksheet("台账")
        for number, row in enumerate(rows):
            for column, value in enumerate(row):
                if isinstance(value, str):
                    sheet.write_string(number, column, value)
                elif isinstance(value, datetime):
                    sheet.write_datetime(number, column, value, book.add_format({"num_format": "yyyy/m/d"}))
                else:
                    sheet.write(number, column, value, styles.get(column))
    return path


def with_cells(**changed: object) -> list[object]:
    """The plain row with some cells changed, by heading."""
    return [changed.get(heading, value) for heading, value in zip(HEADER, PLAIN, strict=True)]


def rewritten(path: Path, change: Callable[[str, bytes], bytes | None]) -> Path:
    """A workbook with the content of its parts changed; None leaves a part out."""
    target = path.with_name("changed.xlsx")
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as book:
        for name in source.namelist():
            if (content := change(name, source.read(name))) is not None:
                book.writestr(name, content)
    return target


def rows_of(ledger: LedgerFile) -> list[OverdueRow]:
    found = list(ledger)
    assert not [error for error in found if isinstance(error, RowError)]
    return [row for row in found if isinstance(row, OverdueRow)]


def only_row(path: Path) -> OverdueRow:
    (row,) = rows_of(read_ledger(path))
    return row


def errors_of(path: Path) -> list[RowError]:
    found = list(read_ledger(path))
    assert not [row for row in found if isinstance(row, OverdueRow)]
    return [error for error in found if isinstance(error, RowError)]


def test_a_plain_row_becomes_an_overdue_bill(tmp_path: Path) -> None:
    ledger = read_ledger(csv_file(tmp_path, [HEADER, PLAIN]))
    assert rows_of(ledger) == [
        OverdueRow(
            row=2,
            account_no="0410023",
            customer_class="resident",
            estate="open",
            phone="13800000000",
            bill_no="B1",
            period="2026-02",
            amount_fen=8_640,
            due_on=date(2026, 3, 10),
            name="示例某",
        )
    ]
    assert (ledger.header_row, ledger.total_rows, ledger.ignored) == (1, 1, ())


def test_what_a_bill_was_made_from_is_read_and_never_keeps_a_row_out(tmp_path: Path) -> None:
    header = [*HEADER, "上期止码", "本期止码", "用水量", "是否估抄"]
    rows = [
        [*PLAIN, "100", "123.5", "23.5", "是"],
        [*with_cells(账单号="B2"), "——", "#DIV/0!", "约20方", ""],
        [*with_cells(账单号="B3"), "1,100", "1e3", "NaN", "否"],
    ]
    seen = rows_of(read_ledger(csv_file(tmp_path, [header, *rows])))
    told = [tuple(map(str, (row.reading_before, row.reading, row.volume, row.estimated))) for row in seen]
    assert told == [
        ("100", "123.5", "23.5", "True"),
        ("None", "None", "None", "False"),
        ("1100", "None", "None", "False"),
    ]


@pytest.mark.parametrize("ending", ["xlsx", "csv"])
def test_the_sample_ledger_reads_without_one_error(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"sample.{ending}"
    bills = write_sample_ledger(path, accounts=300, seed=7, as_of=AS_OF)
    ledger = read_ledger(path)
    rows = rows_of(ledger)
    assert len(rows) == bills == ledger.total_rows
    assert len({row.account_no for row in rows}) == 300 < bills
    assert {row.customer_class for row in rows} == {"resident", "organisation"}
    assert {row.estate for row in rows} == {"open", "gated"}
    assert any(row.protected for row in rows)
    assert any(row.late_fee_fen for row in rows)
    assert all(row.due_on < AS_OF for row in rows)
    assert all(row.phone and row.phone.startswith("1380000") for row in rows)
    assert all(row.grid and row.section and row.office for row in rows)


def test_the_sample_ledger_is_the_same_in_both_formats_and_every_time(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("a.xlsx", "b.xlsx", "c.csv")]
    for path in paths:
        write_sample_ledger(path, accounts=40, seed=3, as_of=AS_OF)
    assert read_ledger(paths[0]).sha256 == read_ledger(paths[1]).sha256
    assert rows_of(read_ledger(paths[0])) == rows_of(read_ledger(paths[2]))
    assert set(read_ledger(paths[0]).headings.values()) == set(HEADINGS)


def test_a_sample_ledger_of_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"not \.pdf"):
        write_sample_ledger(tmp_path / "sample.pdf", accounts=1, seed=1, as_of=AS_OF)


def test_reading_again_gives_the_same_rows_and_the_same_digest(tmp_path: Path) -> None:
    path = csv_file(tmp_path, [HEADER, PLAIN])
    ledger = read_ledger(path)
    assert list(ledger) == list(ledger) == list(read_ledger(path))
    assert ledger.sha256 == read_ledger(path).sha256


@pytest.mark.parametrize(
    "header",
    [
        "用户编号 用户性质 所属期 欠费金额 到期日",
        "用水户号 客户类别 费用月份 应收水费 应缴日期",
        "客户编号 用水性质 账务月份 应缴水费 缴费截止日期",
        " 户 号 用户类别* 帐期 应缴金额（元） 缴费期限（年-月-日）",
        "account_no customer_class period amount due_on",
        "Account No. Class Period Amount Due-Date",
    ],
)
def test_the_headings_that_offices_use_are_known(tmp_path: Path, header: str) -> None:
    titles = header.replace("Account No.", "Account\xa0No.").replace(" 户 号", "户\u3000号").split(" ")
    row = only_row(csv_file(tmp_path, [titles, ["0410023", "居民", "2026-02", "86.40", "2026-03-10"]]))
    assert (row.account_no, row.period, row.amount_fen, row.due_on) == ("0410023", "2026-02", 8_640, date(2026, 3, 10))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030", "utf-16"])
def test_chinese_text_reads_in_every_encoding_that_offices_save(tmp_path: Path, encoding: str) -> None:
    assert only_row(csv_file(tmp_path, [HEADER, PLAIN], encoding=encoding)).name == "示例某"


@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
def test_the_delimiter_is_found_by_its_headings(tmp_path: Path, delimiter: str) -> None:
    assert only_row(csv_file(tmp_path, [HEADER, PLAIN], delimiter=delimiter)).bill_no == "B1"


@pytest.mark.parametrize("write", [csv_file, workbook])
def test_titles_above_blanks_between_and_totals_below_are_passed_over(
    tmp_path: Path, write: Callable[[Path, list[Sequence[object]]], Path]
) -> None:
    sheet: list[Sequence[object]] = [
        ["示例水务欠费台账"],
        ["单位：元", "", "截至 2026-03-11"],
        HEADER,
        PLAIN,
        [],
        ["", " ", "\u3000"],
        HEADER,
        with_cells(账单号="B2"),
        ["小 计", *[""] * 6, "172.80"],
        ["合计：2户", *[""] * 6, "172.80"],
        ["制表人：示例某", "", "审核人：示例某"],
    ]
    rows = rows_of(read_ledger(write(tmp_path, sheet)))
    assert [(row.row, row.bill_no) for row in rows] == [(4, "B1"), (8, "B2")]


def test_the_first_visible_sheet_with_the_headings_counts(tmp_path: Path) -> None:
    path = tmp_path / "ledger.xlsx"
    with xlsxwriter.Workbook(path) as book:
        notes, hidden, ledger = (book.add_worksheet(name) for name in ("说明", "旧台账", "台账"))
        notes.write_row(0, 0, ["填写说明"])
        hidden.write_row(0, 0, HEADER)
        hidden.write_row(1, 0, with_cells(账单号="OLD"))
        hidden.hide()
        ledger.write_row(0, 0, HEADER)
        ledger.write_row(1, 0, PLAIN)
    assert read_ledger(path).sheet == "台账"
    assert only_row(path).bill_no == "B1"


def test_leading_zeros_of_text_stay(tmp_path: Path) -> None:
    assert only_row(workbook(tmp_path, [HEADER, with_cells(户号="000410023")])).account_no == "000410023"


def test_leading_zeros_that_only_the_number_format_shows_are_kept(tmp_path: Path) -> None:
    path = workbook(tmp_path, [HEADER, with_cells(户号=410023)], formats={0: "0000000"})
    assert only_row(path).account_no == "0410023"


@pytest.mark.parametrize(
    "cell", [410023, 410023.0, "410023.0", "410023.000", "'410023", '="410023"', "４１００２３ ", "\t410023"]
)
def test_an_account_number_that_an_export_dressed_up_is_undressed(tmp_path: Path, cell: object) -> None:
    assert only_row(workbook(tmp_path, [HEADER, with_cells(户号=cell)])).account_no == "410023"


@pytest.mark.parametrize("no", ["0005180e401", "12e5", "410E0023"])
def test_an_account_number_with_a_letter_in_it_is_no_number_that_lost_its_digits(tmp_path: Path, no: str) -> None:
    assert only_row(csv_file(tmp_path, [HEADER, with_cells(户号=no)])).account_no == no


@pytest.mark.parametrize("cell", [4100231234567890, 4.10023123456789e18, "4.10023E+17", "4.1e17", "4E+12"])
def test_an_account_number_whose_digits_were_lost_is_refused(tmp_path: Path, cell: object) -> None:
    (error,) = errors_of(workbook(tmp_path, [HEADER, with_cells(户号=cell)]))
    assert (error.row, error.column) == (2, "户号")
    assert "digits are lost" in error.problem
    assert "末尾数字已丢失" in error.problem_zh


def test_a_long_account_number_kept_as_text_is_whole(tmp_path: Path) -> None:
    assert (
        only_row(csv_file(tmp_path, [HEADER, with_cells(户号="4100231234567890123")])).account_no
        == "4100231234567890123"
    )


@pytest.mark.parametrize("cell", ["0410 023", "户号", "=1+1", "../etc", "a" * 33 + "1", "-5", "#REF!"])
def test_what_is_no_account_number_is_refused(tmp_path: Path, cell: str) -> None:
    (error,) = errors_of(csv_file(tmp_path, [HEADER, with_cells(户号=cell)]))
    assert error.column == "户号"
    assert error.mend
    assert error.mend_zh


DAYS = [
    "2026-03-10",
    "2026/3/10",
    "2026.3.10",
    "2026年3月10日",
    "20260310",
    "46091",
    "46091.75",
    "２０２６－０３－１０",
]


@pytest.mark.parametrize(
    "cell", [*DAYS, "2026-03-10 00:00:00", "2026-03-10T08:30", datetime(2026, 3, 10), 46091, 46091.5, 20260310]
)
def test_a_due_date_reads_however_it_is_written(tmp_path: Path, cell: object) -> None:
    assert only_row(workbook(tmp_path, [HEADER, with_cells(缴费期限=cell)])).due_on == date(2026, 3, 10)


def test_a_workbook_that_counts_days_from_1904_gives_the_same_date(tmp_path: Path) -> None:
    row = only_row(workbook(tmp_path, [HEADER, with_cells(缴费期限=datetime(2026, 3, 10))], date_1904=True))
    assert row.due_on == date(2026, 3, 10)


@pytest.mark.parametrize("cell", ["2026-02-30", "3/10/2026", "10.3.26", "tomorrow", "99999", "1", "20261310"])
def test_what_is_no_date_is_refused(tmp_path: Path, cell: str) -> None:
    (error,) = errors_of(csv_file(tmp_path, [HEADER, with_cells(缴费期限=cell)]))
    assert (error.column, error.value) == ("缴费期限", cell)


PERIODS = ["2026-02", "2026/2", "2026.02", "202602", "2026年2月", "2026年02月份", "2026-02-15", "20260201"]


@pytest.mark.parametrize("cell", [*PERIODS, 202602, datetime(2026, 2, 1)])
def test_a_billing_month_reads_however_it_is_written(tmp_path: Path, cell: object) -> None:
    assert only_row(workbook(tmp_path, [HEADER, with_cells(账期=cell)])).period == "2026-02"


@pytest.mark.parametrize("cell", ["2026-13", "2026年1-2月", "2026-01~2026-02", "26-02", "二月"])
def test_what_is_no_single_month_is_refused(tmp_path: Path, cell: str) -> None:
    (error,) = errors_of(csv_file(tmp_path, [HEADER, with_cells(账期=cell)]))
    assert error.column == "账期"


@pytest.mark.parametrize(
    ("cell", "amount"),
    [
        ("1,860.55", 186_055),
        ("¥86.40", 8_640),
        ("￥８６．４０", 8_640),
        ("86.4000", 8_640),
        (86.4, 8_640),
        (0.1 + 0.2, 30),
        (86, 8_600),
    ],
)
def test_an_amount_is_exact_to_the_fen(tmp_path: Path, cell: object, amount: int) -> None:
    assert only_row(workbook(tmp_path, [HEADER, with_cells(应缴金额=cell)])).amount_fen == amount


@pytest.mark.parametrize(
    "cell", ["0", "0.00", "-86.40", "86.405", "1,86", "NaN", "八十六元", "1e2", "#DIV/0!", 86.405, 0, True]
)
def test_an_amount_that_is_nothing_or_no_amount_is_refused(tmp_path: Path, cell: object) -> None:
    (error,) = errors_of(workbook(tmp_path, [HEADER, with_cells(应缴金额=cell)]))
    assert error.column == "应缴金额"


def test_the_value_of_a_formula_is_read_and_its_error_refused(tmp_path: Path) -> None:
    path = tmp_path / "ledger.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        for number, row in enumerate([HEADER, PLAIN, with_cells(账单号="B2")]):
            sheet.write_row(number, 0, row)
        sheet.write_formula(1, HEADER.index("应缴金额"), "=43.2*2", None, 86.4)
        sheet.write_formula(2, HEADER.index("应缴金额"), "=1/0", None, "#DIV/0!")
    bill, error = read_ledger(path)
    assert isinstance(bill, OverdueRow)
    assert bill.amount_fen == 8_640
    assert isinstance(error, RowError)
    assert "formula" in error.problem


def test_rich_text_reads_as_plain_text_without_its_pronunciation(tmp_path: Path) -> None:
    def enriched(_: str, content: bytes) -> bytes:
        rich = b"<r><t>0410</t></r><r><t>023</t></r><rPh sb='0' eb='1'><t>x</t></rPh>"
        return content.replace(b"<t>0410023</t>", rich).replace("示例某".encode(), "示例_x000D_\n某".encode())

    row = only_row(rewritten(workbook(tmp_path, [HEADER, PLAIN]), enriched))
    assert (row.account_no, row.name) == ("0410023", "示例 某")


@pytest.mark.parametrize(
    ("cell", "meaning"),
    [
        ("居民用户", "resident"),
        ("居民生活用水", "resident"),
        ("Resident", "resident"),
        ("非居民", "organisation"),
        ("企业", "organisation"),
        ("单位用户", "organisation"),
        ("特种行业用水", "organisation"),
        ("non-resident", "organisation"),
    ],
)
def test_the_customer_class_is_read_from_the_offices_words(tmp_path: Path, cell: str, meaning: str) -> None:
    assert only_row(csv_file(tmp_path, [HEADER, with_cells(用户类别=cell)])).customer_class == meaning


@pytest.mark.parametrize("heading", ["户号", "用户类别", "账期", "应缴金额", "缴费期限"])
def test_a_row_without_a_required_cell_is_refused(tmp_path: Path, heading: str) -> None:
    (error,) = errors_of(csv_file(tmp_path, [HEADER, with_cells(**{heading: " "})]))
    assert (error.column, error.problem_zh) == (heading, f"缺少{heading}")


@pytest.mark.parametrize(
    ("heading", "cell"), [("用户类别", "居民合表"), ("小区类型", "半封闭"), ("特殊用户", "网红店")]
)
def test_an_unknown_word_is_refused_rather_than_guessed(tmp_path: Path, heading: str, cell: str) -> None:
    (error,) = errors_of(csv_file(tmp_path, [HEADER, with_cells(**{heading: cell})]))
    assert (error.column, error.value) == (heading, cell)


def test_an_estate_left_empty_is_open(tmp_path: Path) -> None:
    assert only_row(csv_file(tmp_path, [HEADER, with_cells(小区类型="")])).estate == "open"
    assert only_row(csv_file(tmp_path, [HEADER, with_cells(小区类型="封闭式小区")])).estate == "gated"


@pytest.mark.parametrize(
    ("cell", "protections"),
    [
        ("医院", ("hospital",)),
        ("困难户、总表", ("vulnerable", "shared-master")),
        ("学校，学校", ("school",)),
        ("无", ()),
        ("", ()),
    ],
)
def test_protections_are_read_all_and_once(tmp_path: Path, cell: str, protections: tuple[str, ...]) -> None:
    assert only_row(csv_file(tmp_path, [HEADER, with_cells(特殊用户=cell)])).protected == protections


@pytest.mark.parametrize(
    ("cell", "phone"),
    [
        ("138 0000 0000", "13800000000"),
        ("+86 138-0000-0000", "13800000000"),
        (13800000000, "13800000000"),
        ("0531-80000000", "053180000000"),
        ("（0531）80000000转801", "053180000000-801"),
        ("80000000", "80000000"),
        ("0531-80000000/13800000000", "13800000000"),
        ("96116", "96116"),
        ("12345", "12345"),
        ("无", None),
        ("0", None),
        ("", None),
    ],
)
def test_a_phone_is_read_as_digits(tmp_path: Path, cell: object, phone: str | None) -> None:
    assert only_row(workbook(tmp_path, [HEADER, with_cells(手机号=cell)])).phone == phone


@pytest.mark.parametrize(
    "cell", ["1380000000", "12800000000", "物业代收", "13800000000 示例某", "+1 202 555 0100", "138abcd0000"]
)
def test_text_that_is_no_phone_is_refused_and_masked(tmp_path: Path, cell: str) -> None:
    (error,) = errors_of(csv_file(tmp_path, [HEADER, with_cells(手机号=cell)]))
    assert error.column == "手机号"
    assert error.value != cell
    assert "*" in error.value


@given(st.from_regex(r"1[38][0-9]{9}", fullmatch=True))
def test_mobiles_read_without_the_library_are_those_that_it_takes(number: str) -> None:
    assert phonenumbers.is_valid_number(phonenumbers.parse(number, "CN"))


def test_a_bill_without_a_number_is_named_after_its_account_and_month(tmp_path: Path) -> None:
    path = csv_file(tmp_path, [HEADER, with_cells(账单号="")])
    assert only_row(path).bill_no == "0410023-2026-02"


def test_the_same_bill_twice_is_refused_with_the_row_where_it_stands(tmp_path: Path) -> None:
    other = with_cells(户号="0410024")
    first, second, error = read_ledger(csv_file(tmp_path, [HEADER, PLAIN, other, PLAIN]))
    assert isinstance(first, OverdueRow)
    assert isinstance(second, OverdueRow)
    assert isinstance(error, RowError)
    assert (error.row, error.column, error.problem) == (4, "账单号", "the same bill stands in row 2")
    assert error.problem_zh == "与第2行为同一账单"


def test_a_refused_row_does_not_stand_in_the_way_of_its_correction(tmp_path: Path) -> None:
    error, bill = read_ledger(csv_file(tmp_path, [HEADER, with_cells(应缴金额="?"), PLAIN]))
    assert isinstance(error, RowError)
    assert isinstance(bill, OverdueRow)


def test_every_problem_of_a_row_is_told_at_once(tmp_path: Path) -> None:
    errors = errors_of(csv_file(tmp_path, [HEADER, with_cells(应缴金额="", 缴费期限="?", 用户类别="?")]))
    assert [error.column for error in errors] == ["用户类别", "应缴金额", "缴费期限"]


def test_text_that_looks_like_a_formula_is_text(tmp_path: Path) -> None:
    name = '=HYPERLINK("x")'
    assert only_row(workbook(tmp_path, [HEADER, with_cells(户名=name)])).name == name


def test_names_addresses_and_long_digits_are_masked_in_errors(tmp_path: Path) -> None:
    long_name = "示例" * 150
    shifted = with_cells(户名=long_name, 应缴金额="13800001234", 缴费期限="110101199001010000")
    errors = {error.column: error.value for error in errors_of(csv_file(tmp_path, [HEADER, shifted]))}
    assert errors == {"缴费期限": "110***********0000", "户名": "示*******"}


def test_a_late_fee_is_fen_and_never_negative(tmp_path: Path) -> None:
    assert only_row(csv_file(tmp_path, [HEADER, with_cells(违约金="1.05")])).late_fee_fen == 105
    (error,) = errors_of(csv_file(tmp_path, [HEADER, with_cells(违约金="-1")]))
    assert error.column == "违约金"


def test_a_line_break_inside_a_quoted_cell_is_part_of_the_cell(tmp_path: Path) -> None:
    path = csv_file(tmp_path, [HEADER, with_cells(户名="示例\n某"), with_cells(账单号="B2")])
    assert [(row.row, row.name) for row in rows_of(read_ledger(path))] == [(2, "示例 某"), (3, "示例某")]


def test_a_quotation_mark_never_closed_swallows_no_rows(tmp_path: Path) -> None:
    path = tmp_path / "ledger.csv"
    lines = [",".join(HEADER), ",".join(map(str, with_cells(户名='"示例'))), ",".join(PLAIN)]
    path.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(UnreadableLedger, match="quotation mark"):
        list(read_ledger(path))


def unreadable(path: Path) -> UnreadableLedger:
    with pytest.raises(UnreadableLedger) as caught:
        list(read_ledger(path))
    for said in (caught.value.what, caught.value.what_zh, caught.value.where, caught.value.mend, caught.value.mend_zh):
        assert said
    return caught.value


def test_missing_columns_are_named_beside_what_was_found(tmp_path: Path) -> None:
    error = unreadable(csv_file(tmp_path, [["户号", "账期", "应缴金额", "表位"], ["1", "2026-02", "1", "x"]]))
    assert "用户类别、缴费期限" in error.what
    assert "户号、账期、应缴金额、表位" in error.where


def test_a_ledger_without_any_heading_shows_no_customer_in_its_error(tmp_path: Path) -> None:
    error = unreadable(csv_file(tmp_path, [PLAIN]))
    assert "示例某" not in str(error)
    assert "13800000000" not in str(error)


def test_two_columns_for_one_thing_are_refused_by_name(tmp_path: Path) -> None:
    error = unreadable(csv_file(tmp_path, [[*HEADER, "欠费金额"], [*PLAIN, "10.00"]]))
    assert "应缴金额、欠费金额" in error.what


@pytest.mark.parametrize("unit", ["应缴金额（万元）", "应缴金额(分)"])
def test_amounts_in_another_unit_are_not_taken_for_yuan(tmp_path: Path, unit: str) -> None:
    header = [unit if title == "应缴金额" else title for title in HEADER]
    assert "应缴金额" in unreadable(csv_file(tmp_path, [header, PLAIN])).what


def test_a_title_that_says_ten_thousand_yuan_is_heeded(tmp_path: Path) -> None:
    assert "not in yuan" in unreadable(csv_file(tmp_path, [["欠费台账", "单位：万元"], HEADER, PLAIN])).what


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("ledger.csv", b"", "empty"),
        ("ledger.csv", b"\xef\xbb\xbf\n\n", "empty"),
        ("ledger.csv", b"%PDF-1.7 ...", "not a spreadsheet"),
        ("ledger.xls", b"<html><table><tr><td>1</td></tr></table>", "not a spreadsheet"),
        ("ledger.xlsx", "户号,账期".encode(), "not a spreadsheet"),
        ("ledger.xls", bytes.fromhex("D0CF11E0A1B11AE1") + bytes(600), "old .xls"),
        (
            "ledger.xlsx",
            bytes.fromhex("D0CF11E0A1B11AE1") + bytes(600) + "EncryptedPackage".encode("utf-16-le"),
            "encrypted",
        ),
        ("ledger.csv", b"\xff\x00\x80\x00" * 20, "cannot be read"),
        ("ledger.csv", b"a" * (3 << 20), "cannot be read"),
        ("ledger.xlsx", b"PK\x03\x04" + bytes(100), "cannot be read"),
    ],
)
def test_a_file_that_is_no_ledger_is_refused_with_what_to_do(
    tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    assert said in unreadable(path).what


SHEET = "xl/worksheets/sheet1.xml"


def test_an_empty_workbook_and_a_stranger_to_workbooks_are_refused(tmp_path: Path) -> None:
    assert "empty" in unreadable(workbook(tmp_path, [])).what
    archive = tmp_path / "archive.xlsx"
    with zipfile.ZipFile(archive, "w") as book:
        book.writestr("letter.txt", "hello")
    assert "not a spreadsheet" in unreadable(archive).what


def test_a_workbook_cut_off_in_the_middle_is_refused_where_the_damage_lies(tmp_path: Path) -> None:
    path = workbook(tmp_path, [HEADER, *(with_cells(账单号=f"B{number}") for number in range(5_000))])
    cut = rewritten(path, lambda name, content: content[: len(content) // 2] if name == SHEET else content)
    read: list[OverdueRow | RowError] = []
    with pytest.raises(UnreadableLedger, match="after row"):
        read.extend(read_ledger(cut))
    assert "cannot be read" in unreadable(rewritten(path, lambda name, it: None if name == SHEET else it)).what


def test_a_stray_cell_in_the_far_corner_costs_nothing(tmp_path: Path) -> None:
    path = tmp_path / "ledger.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, HEADER)
        sheet.write_row(1, 0, PLAIN)
        sheet.write(1_048_575, 16_383, "stray")
    assert only_row(path).bill_no == "B1"


def test_a_document_type_with_its_entities_is_refused(tmp_path: Path) -> None:
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><worksheet>&b;</worksheet>'
    path = rewritten(workbook(tmp_path, [HEADER, PLAIN]), lambda name, content: bomb if name == SHEET else content)
    assert "document type" in unreadable(path).what


@pytest.mark.parametrize(
    ("part", "opening", "megabytes", "said"),
    [
        ("xl/styles.xml", b"<styleSheet>", 33, "to a size"),
        (SHEET, b'<worksheet><sheetData><row><c t="inlineStr"><is><t>', 20, "cell without end"),
        (SHEET, b'<worksheet><sheetData><row><c r="', 20, "tag without end"),
    ],
)
def test_a_part_that_swells_when_unpacked_is_refused(
    tmp_path: Path, part: str, opening: bytes, megabytes: int, said: str
) -> None:
    endless = opening + b"a" * (megabytes << 20)
    path = rewritten(workbook(tmp_path, [HEADER, PLAIN]), lambda name, content: endless if name == part else content)
    assert path.stat().st_size < 100_000
    assert said in unreadable(path).what


def test_a_workbook_that_stands_at_another_path_is_found(tmp_path: Path) -> None:
    path = workbook(tmp_path, [HEADER, PLAIN])
    moved = tmp_path / "moved.xlsx"
    with zipfile.ZipFile(path) as before, zipfile.ZipFile(moved, "w") as after:
        for name in before.namelist():
            content = before.read(name)
            if name == "_rels/.rels":
                content = content.replace(b"xl/workbook.xml", b"book/workbook.xml")
            after.writestr(re.sub("^xl/", "book/", name), content)
    assert only_row(moved).bill_no == "B1"


def test_a_workbook_written_with_namespace_prefixes_reads_the_same(tmp_path: Path) -> None:
    def prefixed(name: str, content: bytes) -> bytes:
        if name not in (SHEET, "xl/sharedStrings.xml"):
            return content
        return re.sub(rb"<(/?)(\w)", rb"<\1x:\2", content).replace(b"xmlns=", b"xmlns:x=")

    assert only_row(rewritten(workbook(tmp_path, [HEADER, PLAIN]), prefixed)).bill_no == "B1"


def outcome(path: Path) -> None:
    """Whatever the bytes, rows and errors come out or the file is refused: nothing else may escape."""
    try:
        for found in read_ledger(path):
            assert isinstance(found, OverdueRow | RowError)
    except UnreadableLedger:
        return


@fuzz
@given(content=st.binary(max_size=2_000), name=st.sampled_from(["ledger.csv", "ledger.xlsx", "ledger.txt"]))
def test_random_bytes_are_refused_and_crash_nothing(tmp_path: Path, content: bytes, name: str) -> None:
    path = tmp_path / name
    for start in (b"", b"PK\x03\x04", ",".join(HEADER).encode() + b"\n"):
        path.write_bytes(start + content)
        outcome(path)


cells = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=30) | st.sampled_from(
    PLAIN
)


@fuzz
@given(rows=st.lists(st.lists(cells, min_size=len(HEADER), max_size=len(HEADER)), max_size=8))
def test_any_text_in_the_cells_ends_in_a_bill_or_a_named_error(tmp_path: Path, rows: list[list[str]]) -> None:
    found = list(read_ledger(csv_file(tmp_path, [HEADER, *rows])))
    assert all(isinstance(row, OverdueRow) or (row.column in HEADER and row.problem_zh) for row in found)


@fuzz
@given(st.data())
def test_a_workbook_with_bytes_changed_crashes_nothing(tmp_path: Path, data: st.DataObject) -> None:
    path = workbook(tmp_path, [HEADER, PLAIN, with_cells(账单号=5, 应缴金额=1.5)])
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(bytes(content[: data.draw(st.integers(len(content) // 2, len(content)))]))
    outcome(path)


@fuzz
@given(st.data())
def test_a_workbook_whose_parts_are_changed_inside_crashes_nothing(tmp_path: Path, data: st.DataObject) -> None:
    path = workbook(tmp_path, [HEADER, PLAIN, with_cells(账单号=5, 应缴金额=1.5)], formats={5: "000"})
    victim = data.draw(
        st.sampled_from([SHEET, "xl/sharedStrings.xml", "xl/workbook.xml", "xl/styles.xml", "_rels/.rels"])
    )

    def changed(name: str, content: bytes) -> bytes:
        if name != victim:
            return content
        at = data.draw(st.integers(0, len(content) - 1))
        return content[:at] + data.draw(st.binary(max_size=6)) + content[at + data.draw(st.integers(0, 6)) :]

    outcome(rewritten(path, changed))
