"""An overdue ledger (欠费台账) out of a spreadsheet, as checked rows: no database, no network.

Longer than other modules because it holds one thing at three depths: what a row means (columns and words), how a cell
is read, and how `.xlsx` and `.csv` give their cells. The workbook is read as a stream of XML: a reader that builds the
whole sheet took 1.3 MB per thousand rows here, lost the zeros of account numbers shown through a number format, and
one stray cell at the sheet's far corner made it ask for 512 GB and abort the process.
"""

import codecs
import csv
import hashlib
import re
import struct
import zipfile
import zlib
from array import array
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Context
from itertools import islice
from pathlib import Path
from typing import NamedTuple, TypeVar
from xml.parsers import expat

import phonenumbers
from pydantic import BaseModel

from domain.account import CustomerClass, Estate, Protection
from domain.money import NotMoney, fen


class OverdueRow(BaseModel, frozen=True):
    """One overdue bill that passed every check; `row` is its row in the sheet, amounts are fen.

    `bill_no` is `<account>-<period>` where the file has none: the same file read again names the bill the same.
    `phone` is digits only (with `-` before an extension); of several in a cell the first mobile, else the first.
    """

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
    name: str | None = None
    address: str | None = None
    grid: str | None = None
    section: str | None = None
    office: str | None = None


class RowError(BaseModel, frozen=True):
    """What keeps one row from being a bill: `column` as headed in the file, `value` with personal data masked."""

    row: int
    column: str | None
    value: str
    problem: str
    problem_zh: str
    mend: str
    mend_zh: str


class UnreadableLedger(Exception):
    """The file is not a ledger at all: what is wrong, where, and what the person who sent it can do."""

    def __init__(self, what: str, what_zh: str, *, where: str, mend: str, mend_zh: str) -> None:
        super().__init__(f"{what} ({where}). {mend}")
        self.what, self.what_zh, self.where, self.mend, self.mend_zh = what, what_zh, where, mend, mend_zh


class _Column(NamedTuple):
    zh: str
    required: bool
    headings: frozenset[str]


def _column(zh: str, headings: str, *, required: bool = False) -> _Column:
    return _Column(zh, required, frozenset([zh, *headings.split()]))


_COLUMNS: Mapping[str, _Column] = {
    "account_no": _column(
        "户号",
        "用户编号 用水户号 客户编号 用户号 用户户号 客户号 户编号 用户代码 客户代码 accountno account accountnumber "
        "customerno",
        required=True,
    ),
    "customer_class": _column(
        "用户类别",
        "用户性质 用户类型 用户分类 客户类别 客户性质 客户类型 用水性质 用水类别 class customerclass customertype",
        required=True,
    ),
    "period": _column(
        "账期",
        "所属期 费用月份 费用所属期 账单月份 账务月份 账务年月 水费月份 计费月份 period billingperiod billmonth",
        required=True,
    ),
    "amount_fen": _column(
        "应缴金额",
        "欠费金额 应收水费 应缴水费 欠缴金额 欠缴水费 应收金额 欠费 金额 amount amountdue overdueamount",
        required=True,
    ),
    "due_on": _column(
        "缴费期限",
        "到期日 到期日期 应缴日期 应缴日 缴费截止日 缴费截止日期 缴费期限日 截止日期 最后缴费日 due dueon duedate",
        required=True,
    ),
    "bill_no": _column("账单号", "账单编号 账单编码 单据号 billno bill billnumber invoiceno"),
    "estate": _column("小区类型", "小区性质 小区类别 小区形式 estate estatetype"),
    "phone": _column("手机号", "联系电话 手机号码 手机 电话 电话号码 联系方式 移动电话 phone phoneno mobile telephone"),
    "protected": _column("特殊用户", "特殊用户类型 特殊用户类别 特殊类别 保护类别 protected protection"),
    "late_fee_fen": _column("违约金", "滞纳金 逾期违约金 latefee"),
    "name": _column("户名", "用户名称 客户名称 用户姓名 客户姓名 单位名称 姓名 name customername"),
    "address": _column("用水地址", "用户地址 装表地址 地址 address"),
    "grid": _column("网格", "网格号 网格编号 网格名称 所属网格 grid"),
    "section": _column("管区", "所属管区 管区名称 片区 section"),
    "office": _column("营业所", "所属营业所 营业所名称 供水所 office"),
}
_FIELD_OF = {heading: name for name, column in _COLUMNS.items() for heading in column.headings}

_Meaning = TypeVar("_Meaning", bound=str)


def _by_word(words: Mapping[_Meaning, str]) -> dict[str, _Meaning]:
    return {word: meaning for meaning, line in words.items() for word in line.split()}


_CLASSES: Mapping[str, CustomerClass] = _by_word(
    {
        "resident": "居民 居民生活 城镇居民 城市居民 居民家庭 个人 家庭 resident residential",
        "organisation": "单位 企业 非居民 非居民生活 企事业 企事业单位 事业单位 行政事业 机关 机关单位 商业 工业 "
        "工商业 经营 经营性 特种 特种行业 特殊行业 organisation organization nonresident nonresidential company",
    }
)
_ESTATES: Mapping[str, Estate] = _by_word(
    {
        "open": "开放式 开放 开放小区 开放式小区 open",
        "gated": "封闭式 封闭 封闭小区 封闭式小区 gated closed",
    }
)
_PROTECTIONS: Mapping[str, Protection] = _by_word(
    {
        "hospital": "医院 医疗机构 卫生院 hospital",
        "school": "学校 幼儿园 中小学 school",
        "vulnerable": "困难 困难户 困难群众 特困 特困户 低保 低保户 孤寡老人 残疾 残疾人 vulnerable",
        "shared-master": "总表 总表户 共用总表 合用总表 物业总表 shared-master sharedmaster",
    }
)
_NOTHING = frozenset(["-", "--", "/", "无", "暂无", "否", "none", "n/a", "null"])
_FORMULA_ERRORS = frozenset(["#N/A", "#DIV/0!", "#REF!", "#NAME?", "#VALUE!", "#NUM!", "#NULL!"])
_SUM_ROW = re.compile(
    r"(?:本页|本月|本期|全部)?(?:总?合计|总计|小计|共计|累计)(?:[:(\d].*)?|(?:grand|sub)?-?totals?:?", re.IGNORECASE
)
_SIGNATURE_ROW = re.compile(r"(?:制表|填表|审核|复核|打印|备注|说明|注)(?:人|日期|时间)?:.*")


class _Problem(NamedTuple):
    en: str
    zh: str
    mend: str
    mend_zh: str


class _Refused(Exception):
    def __init__(self, problem: _Problem) -> None:
        self.problem = problem


_MISSING = _Problem(
    "{en} is missing",
    "缺少{zh}",
    "fill the cell in; merged cells have to be unmerged and filled on every row",
    "请补填；合并单元格须先取消合并并逐行填写",
)
_FORMULA = _Problem(
    "the cell shows a formula error", "单元格公式出错", "paste the value instead of the formula", "请改为粘贴数值"
)
_DIGITS_LOST = _Problem(
    "the number is in scientific notation, its last digits are lost",
    "号码为科学计数法，末尾数字已丢失",
    "export again with the column formatted as text before the data goes in",
    "请先将该列设为文本格式，再重新导出",
)
_ACCOUNT = _Problem(
    "not an account number: letters, digits and hyphens, at most 32",
    "不是有效的户号：只能为字母、数字和连字符，最长32位",
    "write the account number as it stands in the billing system",
    "请按营业系统中的户号填写",
)
_BILL = _Problem(
    "not a bill number: no spaces, at most 64 characters",
    "不是有效的账单号：不能含空格，最长64个字符",
    "write the bill number as it stands in the billing system, or leave the cell empty",
    "请按营业系统中的账单号填写，或留空",
)
_PERIOD = _Problem(
    "not a billing month",
    "不是有效的账期",
    "write one month such as 2026-02; split a bill over several months or use its last one",
    "请填写单个月份，如 2026-02；跨月账单请拆分，或填最后一个月",
)
_DAY = _Problem(
    "not a calendar date",
    "不是有效的日期",
    "write year, month, day such as 2026-03-10",
    "请按年月日填写，如 2026-03-10",
)
_MONEY = _Problem(
    "not an amount in yuan",
    "不是有效的金额（元）",
    "write yuan with at most two decimals, such as 86.40",
    "请以元填写，最多两位小数，如 86.40",
)
_NOT_OWED = _Problem(
    "the amount is not above zero: nothing is overdue",
    "金额不大于零，不构成欠费",
    "take the row out, or correct the amount",
    "请删除该行或更正金额",
)
_NEGATIVE_FEE = _Problem("the late fee is negative", "违约金为负数", "write 0 where none is due", "没有违约金请填 0")
_CLASS = _Problem(
    "unknown customer class: the notice period depends on it",
    "无法识别的用户类别（决定催缴期限）",
    "write 居民 or 单位",
    "请填写“居民”或“单位”",
)
_ESTATE = _Problem("unknown estate type", "无法识别的小区类型", "write 开放式 or 封闭式", "请填写“开放式”或“封闭式”")
_PROTECTED = _Problem(
    "unknown protection: a protected customer must not be limited by mistake",
    "无法识别的特殊用户类型（受保护用户不得误限）",
    "write 医院, 学校, 困难 or 总表, separated by 、 or leave the cell empty",
    "请填写医院、学校、困难或总表，多项用“、”分隔；没有则留空",
)
_PHONE = _Problem(
    "not a phone number that can be reached",
    "不是有效的电话号码",
    "write a mobile number, a landline with area code, or leave the cell empty",
    "请填写手机号或带区号的固定电话；没有则留空",
)
_TOO_LONG = _Problem("the text is longer than 200 characters", "文字超过200个字符", "shorten the text", "请缩短文字")
_TWICE = _Problem(
    "the same bill stands in row {first}",
    "与第{first}行为同一账单",
    "delete one of the two; two bills of one month need their own bill numbers",
    "请删除重复行；同月多张账单须分别填写账单号",
)

_WIDE = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {
    0x3000: 0x20,
    0x3002: 0x2E,
    0x00A0: 0x20,
    0xFFE5: 0xA5,
}
_QUOTED_NUMBER = re.compile(r"=\"(.*)\"")
_SCIENTIFIC = re.compile(r"[0-9]+(?:\.[0-9]+)?[eE][+-]?[0-9]{1,3}")
_FLOAT_TAIL = re.compile(r"([0-9]+)\.0+")
_ACCOUNT_NO = re.compile(r"(?=.*[0-9])[0-9A-Za-z][0-9A-Za-z-]{0,31}")
_BILL_NO = re.compile(r"\S{1,64}")
_YEAR_MONTH = re.compile(r"(20[0-9]{2})(?:[-/.年]([0-9]{1,2})月?(?:份)?|([0-9]{2}))")
_YEAR_MONTH_DAY = re.compile(
    r"(20[0-9]{2})(?:[-/.年]([0-9]{1,2})[-/.月]([0-9]{1,2})日?|([0-9]{2})([0-9]{2}))"
    r"(?:[ T][0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?)?"
)
_SERIAL_DAY = re.compile(r"([0-9]{5})(?:\.[0-9]+)?")
_PLAIN_MOBILE = re.compile(r"1[38][0-9]{9}")  # every such number is assigned; the library costs 40 µs a number
_HOTLINE = re.compile(r"12[0-9]{3}|9[56][0-9]{3,4}")
_LOCAL_LANDLINE = re.compile(r"[2-8][0-9]{6,7}")
_PHONE_TEXT = re.compile(r"([+0-9 ()-]{5,24})(?:(?:转|ext\.?|x)([0-9]{1,6}))?", re.IGNORECASE)
_EXCEL_EPOCH = date(1899, 12, 30)
_MAC_EPOCH = date(1904, 1, 1)


def _narrow(text: str) -> str:
    """Half-width letters, digits and signs; NFKC would also turn 86² into 862."""
    return text if text.isascii() else text.translate(_WIDE).strip()


def _number_text(text: str) -> str:
    """A number kept as text, without the marks of exports (`="…"`, a leading apostrophe) or the tail of a float."""
    if wrapped := _QUOTED_NUMBER.fullmatch(text):
        text = wrapped[1].strip()
    text = text.lstrip("'`")
    if _SCIENTIFIC.fullmatch(text):
        raise _Refused(_DIGITS_LOST)
    return tail[1] if (tail := _FLOAT_TAIL.fullmatch(text)) else text


def _account_no(text: str) -> str:
    number = _number_text(text)
    if not _ACCOUNT_NO.fullmatch(number):
        raise _Refused(_ACCOUNT)
    return number


def _bill_no(text: str) -> str:
    number = _number_text(text)
    if not _BILL_NO.fullmatch(number):
        raise _Refused(_BILL)
    return number


def _amount(text: str, refused: _Problem = _NOT_OWED, least: int = 1) -> int:
    if "." in text:
        whole, _, part = text.partition(".")
        text = (
            f"{whole}.{part[:2]}" if not part[2:].strip("0") else text
        )  # 86.4000: a database's scale, not a fen split
    try:
        amount = fen(text)
    except NotMoney as error:
        raise _Refused(_MONEY) from error
    if amount < least:
        raise _Refused(refused)
    return amount


def _late_fee(text: str) -> int:
    return _amount(text, _NEGATIVE_FEE, 0)


def _day(text: str, epoch: date) -> date:
    try:
        if found := _YEAR_MONTH_DAY.fullmatch(text):
            year, *parts = found.groups()
            month, day = (part for part in parts if part)
            return date(int(year), int(month), int(day))
        if found := _SERIAL_DAY.fullmatch(text):
            day_on = epoch + timedelta(days=int(found[1]))
            if 2000 <= day_on.year < 2100:
                return day_on
    except ValueError:
        pass
    raise _Refused(_DAY)


def _period(text: str, epoch: date) -> str:
    if (found := _YEAR_MONTH.fullmatch(text)) and 1 <= (month := int(found[2] or found[3])) <= 12:
        return f"{found[1]}-{month:02d}"
    try:
        return f"{_day(text, epoch):%Y-%m}"
    except _Refused:
        raise _Refused(_PERIOD) from None


def _customer_class(text: str) -> CustomerClass:
    word = text.casefold().replace("-", "").replace(" ", "")
    for end in ("", "用户", "用水", "客户", "户"):
        if found := _CLASSES.get(word.removesuffix(end)):
            return found
    raise _Refused(_CLASS)


def _estate(text: str) -> Estate:
    if found := _ESTATES.get(text.casefold()):
        return found
    raise _Refused(_ESTATE)


def _protected(text: str) -> tuple[Protection, ...]:
    found: dict[Protection, None] = {}
    for word in re.split(r"[、,;/|\s]+", text.casefold()):
        if word and word not in _NOTHING:
            if word not in _PROTECTIONS:
                raise _Refused(_PROTECTED)
            found[_PROTECTIONS[word]] = None
    return tuple(found)


def _phone(text: str) -> str | None:
    if _PLAIN_MOBILE.fullmatch(text):
        return text
    if text.casefold() in _NOTHING or text == "0":
        return None
    parts = [text] if _one_phone(text) else [part for part in re.split(r"[/、,;|\s]+", text) if part]
    numbers = [_one_phone(part) for part in parts]
    if not numbers or not all(numbers):
        raise _Refused(_PHONE)
    return next((number for number in numbers if number and len(number) == 11 and number[0] == "1"), numbers[0])


def _one_phone(text: str) -> str | None:
    found = _PHONE_TEXT.fullmatch(_number_text(text))
    if found is None:
        return None
    digits = re.sub(r"[^0-9+]", "", found[1])
    extension = f"-{found[2]}" if found[2] else ""
    if _HOTLINE.fullmatch(digits) or _LOCAL_LANDLINE.fullmatch(digits):
        return digits + extension
    try:
        number = phonenumbers.parse(found[1], "CN")
    except phonenumbers.NumberParseException:
        return None
    if number.country_code != 86 or not phonenumbers.is_valid_number(number):
        return None
    national = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL)
    return re.sub(r"[^0-9]", "", national) + extension


def _words(text: str) -> str:
    if len(text) > 200:
        raise _Refused(_TOO_LONG)
    return text


_READERS: Mapping[str, Callable[[str], object]] = {
    "account_no": _account_no,
    "customer_class": _customer_class,
    "amount_fen": _amount,
    "bill_no": _bill_no,
    "estate": _estate,
    "phone": _phone,
    "protected": _protected,
    "late_fee_fen": _late_fee,
}
_DATED: Mapping[str, Callable[[str, date], object]] = {"period": _period, "due_on": _day}
_FREE_TEXT = frozenset(["name", "address", "grid", "section", "office"])


def _starred(text: str, head: int, tail: int) -> str:
    if len(text) <= head + tail:
        return text[:1] + "*" * (len(text) - 1)
    return text[:head] + "*" * min(len(text) - head - tail, 12) + text[len(text) - tail :]


def _masked(name: str, text: str) -> str:
    """Enough to know the cell again; phone and identity lengths are masked in every column, for columns get shifted."""
    if name == "name":
        return _starred(text[:8], 1, 0)
    if name == "address":
        return text[:4] + "…"
    if name == "phone":
        return _starred(text, 3, 2)
    shown = text if len(text) <= 40 else text[:39] + "…"
    return re.sub(r"[0-9]{11,}", lambda run: _starred(run[0], 3, 4), shown)


Cells = dict[int, str]
"""One sheet row: the text of each cell that is not blank by column index from 0; numbers as Excel would show them."""


Rows = Generator[tuple[int, Cells], None, None]


@dataclass(frozen=True)
class _Sheet:
    """Rows of one sheet or text file, numbered as the person sees them; `rows` may be called again."""

    title: str
    rows: Callable[[], Rows]
    height: int | None
    epoch: date = _EXCEL_EPOCH


@dataclass(frozen=True)
class _Header:
    row: int
    columns: Mapping[str, int]
    titles: Mapping[int, str]

    @property
    def missing(self) -> list[str]:
        return [name for name, column in _COLUMNS.items() if column.required and name not in self.columns]


@dataclass(frozen=True)
class LedgerFile:
    """The checked rows of a ledger, streamed: memory grows by some 150 bytes a bill, to tell one standing twice.

    Iterating yields each row as one `OverdueRow`, or as a `RowError` for every problem in it, in file order; it may be
    done again and may raise `UnreadableLedger` where the damage lies deeper than the head. Blank rows, totals, repeated
    headings and signature lines are passed over. `total_rows` is what the file claims, for a progress bar: near, not
    exact, None where it does not say. `ignored` are headings that no column of ours answers to.
    """

    path: Path
    sha256: str
    sheet: str
    header_row: int
    headings: Mapping[str, str]
    ignored: tuple[str, ...]
    total_rows: int | None
    _source: _Sheet = field(repr=False)
    _columns: Mapping[str, int] = field(repr=False)

    def __iter__(self) -> Iterator[OverdueRow | RowError]:
        first_rows: dict[str, int] = {}
        for row, cells in self._source.rows():
            if row <= self.header_row or self._is_no_bill(cells):
                continue
            checked = self._checked(row, cells)
            if isinstance(checked, OverdueRow):
                first = first_rows.setdefault(f"{checked.account_no}\n{checked.bill_no}", row)
                if first != row:
                    problem = _TWICE._replace(en=_TWICE.en.format(first=first), zh=_TWICE.zh.format(first=first))
                    named = "bill_no" if "bill_no" in self._columns else "account_no"
                    checked = [self._error(row, named, cells.get(self._columns[named], ""), problem)]
            if isinstance(checked, OverdueRow):
                yield checked
            else:
                yield from checked

    def _is_no_bill(self, cells: Cells) -> bool:
        if not cells:
            return True
        account, amount, due = (cells.get(self._columns[name]) for name in ("account_no", "amount_fen", "due_on"))
        if account is not None and account == self.headings["account_no"] and amount == self.headings["amount_fen"]:
            return True
        if due is not None:
            return False
        first = _narrow(cells[min(cells)]).replace(" ", "")
        return bool(_SUM_ROW.fullmatch(first) or (amount is None and _SIGNATURE_ROW.fullmatch(first)))

    def _checked(self, row: int, cells: Cells) -> OverdueRow | list[RowError]:
        values: dict[str, object] = {}
        errors: list[RowError] = []
        for name, index in self._columns.items():
            text = cells.get(index)
            try:
                if text is None:
                    if _COLUMNS[name].required:
                        raise _Refused(_MISSING)
                    continue
                if text in _FORMULA_ERRORS:
                    raise _Refused(_FORMULA)
                if name in _FREE_TEXT:
                    values[name] = _words(text)
                elif name in _DATED:
                    values[name] = _DATED[name](_narrow(text), self._source.epoch)
                else:
                    values[name] = _READERS[name](_narrow(text))
            except _Refused as refused:
                errors.append(self._error(row, name, text or "", refused.problem))
        if errors:
            return errors
        values.setdefault("bill_no", f"{values['account_no']}-{values['period']}")
        return OverdueRow.model_validate({"row": row, **values})

    def _error(self, row: int, name: str, text: str, problem: _Problem) -> RowError:
        heading = self.headings[name]
        return RowError(
            row=row,
            column=heading,
            value=_masked(name, text),
            problem=problem.en.replace("{en}", heading),
            problem_zh=problem.zh.replace("{zh}", heading),
            mend=problem.mend,
            mend_zh=problem.mend_zh,
        )


def read_ledger(path: Path) -> LedgerFile:
    """Open an `.xlsx` or `.csv` ledger and find its header; rows are read when the result is iterated.

    The kind is told from the content. Of a workbook the first visible sheet with a full header counts; the header may
    stand under title rows. Text may be UTF-8, UTF-16 with its mark, or GB18030, split by comma, tab, semicolon or bar.
    Raises `UnreadableLedger` when the file is no ledger, `OSError` when it cannot be opened at all.
    """
    sheets, digest = _sheets_of(path)
    closest: tuple[_Header, _Sheet] | None = None
    for sheet in sheets:
        header = _find_header(sheet)
        if header and not header.missing:
            return LedgerFile(
                path=path,
                sha256=digest,
                sheet=sheet.title,
                header_row=header.row,
                headings={name: header.titles[index] for name, index in header.columns.items()},
                ignored=tuple(title for index, title in header.titles.items() if index not in header.columns.values()),
                total_rows=None if sheet.height is None else max(sheet.height - header.row, 0),
                _source=sheet,
                _columns=header.columns,
            )
        if header and (closest is None or len(header.columns) > len(closest[0].columns)):
            closest = header, sheet
    raise _no_header(closest)


def _no_header(closest: tuple[_Header, _Sheet] | None) -> UnreadableLedger:
    if closest is None:
        return UnreadableLedger(
            "the file is empty",
            "文件是空的",
            where="every visible sheet",
            mend="Send the sheet that lists the overdue bills, not a hidden one.",
            mend_zh="请发送列有欠费账单的工作表，且不要隐藏。",
        )
    header, sheet = closest
    missing = "、".join(_COLUMNS[name].zh for name in header.missing)
    # with no heading known the row may be a customer's: then first characters only
    titles = list(header.titles.values())[:20]
    found = "、".join(_masked("", title[:20]) if header.columns else _starred(title[:4], 1, 0) for title in titles)
    return UnreadableLedger(
        f"required columns are missing: {missing}",
        f"缺少必需的列：{missing}",
        where=f"{sheet.title}, row {header.row}, found: {found}",
        mend="Add the columns, or head them with these words; a unit other than yuan is not taken.",
        mend_zh="请补充这些列，或把列名改为上述名称；金额单位须为元。",
    )


_HEADER_WITHIN = 30  # title rows above the header; a sheet that says nothing by then is not a ledger


def _find_header(sheet: _Sheet) -> _Header | None:
    """The row among the first that heads most of our columns, None for a sheet without any text."""
    best: _Header | None = None
    with closing(sheet.rows()) as rows:
        for row, cells in islice(rows, _HEADER_WITHIN):
            if any(
                re.search(r"单位:?(?:人民币)?[十百千万亿]+元", _narrow(text).replace(" ", ""))
                for text in cells.values()
            ):
                raise _wrong_unit(sheet.title, row)
            if cells and (best is None or len(_recognised(cells)) > len(best.columns)):
                best = _Header(row, {name: at[0] for name, at in _recognised(cells).items()}, cells)
                if not best.missing:
                    break
    if best is not None and not best.missing:
        _refuse_doubled(sheet, best)
    return best


def _recognised(cells: Cells) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for index, title in sorted(cells.items()):
        if name := _FIELD_OF.get(_heading_word(title)):
            found.setdefault(name, []).append(index)
    return found


def _heading_word(title: str) -> str:
    """A heading without spaces, marks and harmless brackets; one in 万元 stays as it is, and so unknown."""
    word = re.sub(r"[\s*_:.\-]", "", _narrow(title)).casefold().replace("帐", "账")
    return re.sub(r"[(\[【][^十百千万亿分角]*[)\]】]", "", word).removesuffix("必填")


def _refuse_doubled(sheet: _Sheet, header: _Header) -> None:
    for name, at in _recognised(dict(header.titles)).items():
        if len(at) > 1:
            titles = "、".join(header.titles[index] for index in at)
            raise UnreadableLedger(
                f"{len(at)} columns could be the {_COLUMNS[name].zh}: {titles}",
                f"有{len(at)}列都可能是“{_COLUMNS[name].zh}”：{titles}",
                where=f"{sheet.title}, row {header.row}",
                mend="Delete or rename all but one.",
                mend_zh="请只保留一列，其余删除或改名。",
            )


def _wrong_unit(title: str, row: int) -> UnreadableLedger:
    return UnreadableLedger(
        "the sheet says that its amounts are not in yuan",
        "表头注明的金额单位不是元",
        where=f"{title}, row {row}",
        mend="Give the amounts in yuan and correct the unit line.",
        mend_zh="请以元为单位填写金额，并更正单位说明。",
    )


_ZIP, _OLE = b"PK\x03\x04", bytes.fromhex("D0CF11E0A1B11AE1")
_CHUNK = 1 << 16
_LONGEST_LINE = 1 << 20


def _sheets_of(path: Path) -> tuple[Iterator[_Sheet], str]:
    with path.open("rb") as stream:
        head = stream.read(4096)
    if not head:
        raise _no_header(None)
    if head.startswith(_ZIP):
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        return _workbook_sheets(path), digest
    if head.startswith(_OLE):
        raise _old_or_encrypted(path)
    start = head.lstrip(b"\xef\xbb\xbf \r\n\t").lower()
    if path.suffix.casefold() in (".xlsx", ".xlsm", ".xls") or start.startswith((b"%pdf", b"<", b"{")):
        raise _wrong_type(path, "a page, a document or another kind of file under a spreadsheet's name")
    encoding, digest, lines = _scan_text(path)
    return iter([_text_sheet(path, encoding, lines)]), digest


def _wrong_type(path: Path, what: str) -> UnreadableLedger:
    return UnreadableLedger(
        f"not a spreadsheet: {what}",
        "不是电子表格文件",
        where=path.name,
        mend="Open it in Excel or WPS and save it as .xlsx or .csv.",
        mend_zh="请用 Excel 或 WPS 打开，另存为 .xlsx 或 .csv。",
    )


def _old_or_encrypted(path: Path) -> UnreadableLedger:
    with path.open("rb") as stream:
        encrypted = "EncryptedPackage".encode("utf-16-le") in stream.read(1 << 24)
    if not encrypted:
        return _wrong_type(path, "the old .xls format, or another Office document")
    return UnreadableLedger(
        "the workbook is encrypted",
        "工作簿已加密",
        where=path.name,
        mend="Take the password off and send it again.",
        mend_zh="请取消密码后重新发送。",
    )


def _scan_text(path: Path) -> tuple[str, str, int]:
    """Encoding, digest and number of lines in one pass over the bytes."""
    digest, lines, unbroken = hashlib.sha256(), 0, 0
    with path.open("rb") as stream:
        wide = stream.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
        stream.seek(0)
        open_to = {
            name: codecs.getincrementaldecoder(name)() for name in (["utf-16"] if wide else ["utf-8-sig", "gb18030"])
        }
        while True:
            chunk = stream.read(_CHUNK)
            digest.update(chunk)
            breaks = max(chunk.count(b"\n"), chunk.count(b"\r"))
            unbroken = 0 if breaks else unbroken + len(chunk)
            lines += breaks
            for name, decoder in list(open_to.items()):
                try:
                    decoded = decoder.decode(chunk, final=not chunk)
                except UnicodeDecodeError:
                    decoded = "\0"
                if "\0" in decoded:
                    del open_to[name]
            if not open_to or unbroken > _LONGEST_LINE:
                raise _damaged(path.name, f"near line {lines + 1}", "neither text nor a workbook")
            if not chunk:
                return next(iter(open_to)), digest.hexdigest(), lines


def _damaged(name: str, where: str, why: str) -> UnreadableLedger:
    return UnreadableLedger(
        f"the file cannot be read: {why}",
        "文件无法读取，可能已损坏",
        where=f"{name}, {where}",
        mend="Open it in Excel or WPS, save it again as .xlsx and send that.",
        mend_zh="请用 Excel 或 WPS 打开，另存为 .xlsx 后重新发送。",
    )


def _text_sheet(path: Path, encoding: str, lines: int) -> _Sheet:
    def split_by(delimiter: str) -> _Sheet:
        def rows() -> Rows:
            row = 0
            try:
                with path.open(encoding=encoding, newline="") as stream:
                    # strict: a quotation mark never closed would otherwise swallow the rows after it without a word
                    for row, record in enumerate(csv.reader(stream, delimiter=delimiter, strict=True), 1):
                        yield row, {at: text for at, cell in enumerate(record) if (text := " ".join(cell.split()))}
            except (csv.Error, UnicodeError) as error:
                raise _damaged(path.name, f"after row {row}", f"{error}, check the quotation marks") from error

        return _Sheet(path.name, rows, lines)

    def recognised(sheet: _Sheet) -> int:
        most = 0
        with closing(sheet.rows()) as rows, suppress(UnreadableLedger):  # damage further down is told when it is read
            for _, cells in islice(rows, _HEADER_WITHIN):
                most = max(most, len(_recognised(cells)))
        return most

    return max((split_by(delimiter) for delimiter in ",\t;|"), key=recognised)


_BROKEN = (
    *(zipfile.BadZipFile, zlib.error, struct.error, expat.ExpatError),
    *(EOFError, OSError, LookupError, ValueError, OverflowError, RuntimeError),
)
"""What a damaged package raises on the way down; it was opened and read before, so an OSError is a wrong seek."""
# Unpacked sizes: a full sheet of 1,048,576 rows fits; a part that swells does not, nor what memory has to hold of it.
_LARGEST_SHEET, _LARGEST_STRINGS, _LARGEST_PART = 1 << 30, 1 << 28, 1 << 25
_LONGEST_CELL = 100_000  # Excel allows 32,767 characters
_WIDEST = 256


class _Strings:
    """A workbook's shared strings in two flat buffers: a string object each would cost several times the text."""

    def __init__(self) -> None:
        self._text = bytearray()
        self._ends = array("Q", [0])

    def append(self, text: str) -> None:
        self._text += text.encode("utf-8", "replace")
        self._ends.append(len(self._text))

    def __getitem__(self, at: int) -> str:
        if not 0 <= at < len(self._ends) - 1:
            raise ValueError(f"no shared string {at}")
        return self._text[self._ends[at] : self._ends[at + 1]].decode()


def _part(book: zipfile.ZipFile, name: str, parser: expat.XMLParserType, *, largest: int) -> Iterator[None]:
    """Feed one part of a workbook to a parser, chunk by chunk; a document type or too much content is refused."""

    def no_doctype(*_: object) -> None:
        raise ValueError("a document type declaration")

    parser.StartDoctypeDeclHandler = no_doctype
    parser.buffer_text = True
    info = book.getinfo(name)
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) or info.file_size > largest:
        raise ValueError("packed in a way, or to a size, that no spreadsheet program writes")
    with book.open(info) as stream:
        while chunk := stream.read(_CHUNK):
            parser.Parse(chunk, False)
            yield
    parser.Parse(b"", True)
    yield


def _elements(book: zipfile.ZipFile, name: str) -> list[tuple[str, dict[str, str]]]:
    """Every element of a small part by local name, in document order; attributes by local name, too."""
    found: list[tuple[str, dict[str, str]]] = []
    parser = expat.ParserCreate()

    def start(tag: str, attributes: dict[str, str]) -> None:
        found.append((_local(tag), {_local(key): value for key, value in attributes.items()}))

    parser.StartElementHandler = start
    for _ in _part(book, name, parser, largest=_LARGEST_PART):
        if len(found) > 200_000:
            raise ValueError("too many elements")
    return found


def _local(tag: str) -> str:
    return tag.rpartition(":")[2]


def _targets(book: zipfile.ZipFile, folder: str, of: str) -> list[tuple[str, str, str]]:
    """(id, kind, part) of what a part refers to."""
    names = f"{folder}_rels/{of}.rels"
    return [
        (
            found.get("Id", ""),
            found.get("Type", "").rpartition("/")[2],
            found["Target"].removeprefix("/") if found["Target"].startswith("/") else folder + found["Target"],
        )
        for tag, found in _elements(book, names)
        if tag == "Relationship" and "Target" in found
    ]


def _workbook_sheets(path: Path) -> Iterator[_Sheet]:
    """The visible worksheets in their order; shared strings are held while any of them is in use."""
    try:
        with zipfile.ZipFile(path) as book:
            if "_rels/.rels" not in book.namelist():
                raise _wrong_type(path, "a zip archive")
            names = [part for _, kind, part in _targets(book, "", "") if kind == "officeDocument"]
            if not names or not names[0].endswith("workbook.xml"):
                raise _wrong_type(path, "another Office document")
            folder, _, workbook = names[0].rpartition("/")
            targets = _targets(book, f"{folder}/" if folder else "", workbook)
            contents = _elements(book, names[0])
            strings, zeros = _Strings(), list[int]()
            for _, kind, part in targets:
                if kind == "sharedStrings":
                    strings = _shared_strings(book, part)
                elif kind == "styles":
                    zeros = _leading_zeros(book, part)
            parts = {ident: part for ident, kind, part in targets if kind == "worksheet"}
    except _BROKEN as error:
        raise _damaged(path.name, "workbook", str(error)) from error
    mac = any(tag == "workbookPr" and found.get("date1904") in ("1", "true") for tag, found in contents)
    for tag, found in contents:
        if tag == "sheet" and found.get("state", "visible") == "visible" and found.get("id") in parts:
            sheet = _WorksheetRows(path, found.get("name", ""), parts[found["id"]], strings, zeros)
            yield _Sheet(sheet.title, sheet.rows, sheet.height(), _MAC_EPOCH if mac else _EXCEL_EPOCH)


def _leading_zeros(book: zipfile.ZipFile, name: str) -> list[int]:
    """For each cell style the digits that its number format fills up with zeros: 410023 as 0000000 is 0410023."""
    formats: dict[str, int] = {}
    widths: list[int] = []
    group = ""
    for tag, found in _elements(book, name):
        if tag == "numFmt" and (zeros := re.fullmatch(r"(0{2,30})(?:[;_].*)?", found.get("formatCode", ""))):
            formats[found.get("numFmtId", "")] = len(zeros[1])
        elif tag in ("cellStyleXfs", "cellXfs", "cellStyles", "dxfs"):
            group = tag
        elif tag == "xf" and group == "cellXfs":
            widths.append(formats.get(found.get("numFmtId", ""), 0))
    return widths


def _shared_strings(book: zipfile.ZipFile, name: str) -> _Strings:
    strings = _Strings()
    pieces: list[str] = []
    reading = phonetic = False
    parser = expat.ParserCreate()

    def start(tag: str, _: dict[str, str]) -> None:
        nonlocal reading, phonetic
        tag = _local(tag)
        phonetic = phonetic or tag == "rPh"
        reading = tag == "t" and not phonetic
        if tag == "si":
            pieces.clear()

    def end(tag: str) -> None:
        nonlocal reading, phonetic
        tag = _local(tag)
        reading = False
        if tag == "si":
            strings.append("".join(pieces))
        elif tag == "rPh":
            phonetic = False

    def text(data: str) -> None:
        if reading:
            pieces.append(data)

    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, text
    for _ in _part(book, name, parser, largest=_LARGEST_STRINGS):
        pass
    return strings


@dataclass(frozen=True)
class _WorksheetRows:
    path: Path
    title: str
    part: str
    strings: _Strings
    zeros: Sequence[int]

    def height(self) -> int | None:
        """Rows that the sheet says it has; one that claims a single cell, or nothing, has not counted them."""
        try:
            with zipfile.ZipFile(self.path) as book, book.open(self.part) as stream:
                found = re.search(rb'<(?:\w+:)?dimension ref="[A-Z]+[0-9]+:[A-Z]+([0-9]{1,7})"', stream.read(4096))
                return int(found[1]) if found else None
        except _BROKEN:
            return None

    def rows(self) -> Rows:
        ready: list[tuple[int, Cells]] = []
        parser = expat.ParserCreate()
        _collect_rows(parser, ready, self.strings, self.zeros)
        last = 0
        try:
            with zipfile.ZipFile(self.path) as book:
                for _ in _part(book, self.part, parser, largest=_LARGEST_SHEET):
                    if ready:
                        yield from ready
                        last = ready[-1][0]
                        ready.clear()
        except _BROKEN as error:
            raise _damaged(self.path.name, f"sheet {self.title}, after row {last}", str(error)) from error


def _collect_rows(
    parser: expat.XMLParserType, ready: list[tuple[int, Cells]], strings: _Strings, zeros: Sequence[int]
) -> None:
    """Have the parser put each finished row into `ready`. Closures, not methods: they run some ten million times."""
    columns: dict[str, int] = {}
    cells: Cells = {}
    pieces: list[str] = []
    row, column, size = 0, -1, 0
    kind = style = ""
    reading = phonetic = False

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal row, column, size, kind, style, reading, phonetic
        if ":" in tag:
            tag = _local(tag)
        if tag == "v" or tag == "t":
            reading = not phonetic
        elif tag == "c":
            pieces.clear()
            size = 0
            kind, style = attributes.get("t", "n"), attributes.get("s", "")
            letters = attributes.get("r", "").rstrip("0123456789")
            column = columns.get(letters, -1) if letters else column + 1
            if column < 0:
                column = columns[letters] = _column_index(letters)
        elif tag == "row":
            row, column = int(attributes.get("r", row + 1)), -1
        elif tag == "rPh":
            phonetic = True

    def end(tag: str) -> None:
        nonlocal reading, phonetic
        if ":" in tag:
            tag = _local(tag)
        if tag == "v" or tag == "t":
            reading = False
        elif tag == "c":
            if pieces and column < _WIDEST and (text := cell_text("".join(pieces))):
                cells[column] = text
        elif tag == "row":
            if cells:
                ready.append((row, dict(cells)))
                cells.clear()
        elif tag == "rPh":
            phonetic = False

    def text(data: str) -> None:
        nonlocal size
        if reading:
            pieces.append(data)
            size += len(data)
            if size > _LONGEST_CELL:
                raise ValueError("a cell without end")

    def cell_text(raw: str) -> str:
        if kind == "n":
            number = _shown_number(raw.strip())
            return number.zfill(zeros[int(style)]) if style and number.isdigit() and int(style) < len(zeros) else number
        if kind == "s":
            raw = strings[int(raw)]
        elif kind == "b":
            raw = "TRUE" if raw.strip() == "1" else "FALSE"
        return " ".join((_unescaped(raw) if "_x" in raw else raw).split())

    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, text


def _column_index(letters: str) -> int:
    if not re.fullmatch(r"[A-Z]{1,3}", letters):
        raise ValueError(f"no column {letters[:10]!r}")
    index = 0
    for letter in letters:
        index = index * 26 + ord(letter) - 64
    return index - 1


_FIFTEEN_DIGITS = Context(prec=15)
_SHORT_FRACTION = re.compile(r"-?[0-9]{1,9}\.[0-9]{0,4}[1-9]")


def _shown_number(raw: str) -> str:
    """A stored double as Excel shows it: fifteen digits, so that 86.400000000000006 is 86.4 again.

    A whole number beyond fifteen digits has lost the rest already; it comes out in scientific notation, as in Excel.
    """
    if (raw.isdigit() and len(raw) <= 15) or _SHORT_FRACTION.fullmatch(raw):
        return raw
    try:
        number = _FIFTEEN_DIGITS.create_decimal(raw).normalize(_FIFTEEN_DIGITS)
    except ArithmeticError:
        return raw  # no number at all: for the column to refuse
    return f"{number:f}" if number.is_finite() and -10 < number.adjusted() < 15 else f"{number:E}"


def _unescaped(text: str) -> str:
    """Excel writes what XML cannot carry as _x000D_; a mark that prints nothing becomes a space."""
    return re.sub(r"_x([0-9A-Fa-f]{4})_", lambda code: _printed(chr(int(code[1], 16))), text)


def _printed(letter: str) -> str:
    return letter if letter.isprintable() else " "
