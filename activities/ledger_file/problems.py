"""What can be wrong with a cell, in both languages, and what to do; `{column}` is its heading, `{first}` a row."""

from typing import NamedTuple


class Problem(NamedTuple):
    en: str
    zh: str
    mend: str
    mend_zh: str


class Refused(Exception):
    """A cell that is not taken."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem


MISSING = Problem(
    "{column} is missing",
    "缺少{column}",
    "fill the cell in; merged cells have to be unmerged and filled on every row",
    "请补填；合并单元格须先取消合并并逐行填写",
)
FORMULA = Problem(
    "the cell shows a formula error", "单元格公式出错", "paste the value instead of the formula", "请改为粘贴数值"
)
DIGITS_LOST = Problem(
    "the number is in scientific notation, its last digits are lost",
    "号码为科学计数法，末尾数字已丢失",
    "export again with the column formatted as text before the data goes in",
    "请先将该列设为文本格式，再重新导出",
)
ACCOUNT = Problem(
    "not an account number: letters, digits and hyphens, at most 32",
    "不是有效的户号：只能为字母、数字和连字符，最长32位",
    "write the account number as it stands in the billing system",
    "请按营业系统中的户号填写",
)
BILL = Problem(
    "not a bill number: no spaces, at most 64 characters",
    "不是有效的账单号：不能含空格，最长64个字符",
    "write the bill number as it stands in the billing system, or leave the cell empty",
    "请按营业系统中的账单号填写，或留空",
)
PERIOD = Problem(
    "not a billing month",
    "不是有效的账期",
    "write one month such as 2026-02; split a bill over several months or use its last one",
    "请填写单个月份，如 2026-02；跨月账单请拆分，或填最后一个月",
)
DAY = Problem(
    "not a calendar date",
    "不是有效的日期",
    "write year, month, day such as 2026-03-10",
    "请按年月日填写，如 2026-03-10",
)
MONEY = Problem(
    "not an amount in yuan",
    "不是有效的金额（元）",
    "write yuan with at most two decimals, such as 86.40",
    "请以元填写，最多两位小数，如 86.40",
)
NOT_OWED = Problem(
    "the amount is not above zero: nothing is overdue",
    "金额不大于零，不构成欠费",
    "take the row out, or correct the amount",
    "请删除该行或更正金额",
)
NEGATIVE_FEE = Problem("the late fee is negative", "违约金为负数", "write 0 where none is due", "没有违约金请填 0")
CLASS = Problem(
    "unknown customer class: the notice period depends on it",
    "无法识别的用户类别（决定催缴期限）",
    "write 居民 or 单位",
    "请填写“居民”或“单位”",
)
ESTATE = Problem("unknown estate type", "无法识别的小区类型", "write 开放式 or 封闭式", "请填写“开放式”或“封闭式”")
PROTECTED = Problem(
    "unknown protection: a protected customer must not be limited by mistake",
    "无法识别的特殊用户类型（受保护用户不得误限）",
    "write 医院, 学校, 困难 or 总表, separated by 、 or leave the cell empty",
    "请填写医院、学校、困难或总表，多项用“、”分隔；没有则留空",
)
PHONE = Problem(
    "not a phone number that can be reached",
    "不是有效的电话号码",
    "write a mobile number, a landline with area code, or leave the cell empty",
    "请填写手机号或带区号的固定电话；没有则留空",
)
TOO_LONG = Problem("the text is longer than 200 characters", "文字超过200个字符", "shorten the text", "请缩短文字")
TWICE = Problem(
    "the same bill stands in row {first}",
    "与第{first}行为同一账单",
    "delete one of the two; two bills of one month need their own bill numbers",
    "请删除重复行；同月多张账单须分别填写账单号",
)
DISAGREES = Problem(
    "row {first} gives another {column} for the same account",
    "与第{first}行同一户号的{column}不一致",
    "write the same in every row of the account, not empty in some",
    "同一户号各行须填写一致，不可部分留空",
)
