"""The columns that a ledger may have, and the headings under which offices write them."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from activities.ledger_file.words import narrow


class Column(NamedTuple):
    zh: str
    headings: str
    required: bool = False


COLUMNS: Mapping[str, Column] = {
    "account_no": Column(
        "户号",
        "用户编号 用水户号 客户编号 用户号 用户户号 客户号 户编号 用户代码 客户代码 accountno account accountnumber "
        "customerno",
        required=True,
    ),
    "customer_class": Column(
        "用户类别",
        "用户性质 用户类型 用户分类 客户类别 客户性质 客户类型 用水性质 用水类别 class customerclass customertype",
        required=True,
    ),
    "period": Column(
        "账期",
        "所属期 费用月份 费用所属期 账单月份 账务月份 账务年月 水费月份 计费月份 period billingperiod billmonth",
        required=True,
    ),
    "amount_fen": Column(
        "应缴金额",
        "欠费金额 应收水费 应缴水费 欠缴金额 欠缴水费 应收金额 欠费 金额 amount amountdue overdueamount",
        required=True,
    ),
    "due_on": Column(
        "缴费期限",
        "到期日 到期日期 应缴日期 应缴日 缴费截止日 缴费截止日期 缴费期限日 截止日期 最后缴费日 due dueon duedate",
        required=True,
    ),
    "bill_no": Column("账单号", "账单编号 账单编码 单据号 billno bill billnumber invoiceno"),
    "estate": Column("小区类型", "小区性质 小区类别 小区形式 estate estatetype"),
    "phone": Column("手机号", "联系电话 手机号码 手机 电话 电话号码 联系方式 移动电话 phone phoneno mobile telephone"),
    "protected": Column("特殊用户", "特殊用户类型 特殊用户类别 特殊类别 保护类别 protected protection"),
    "late_fee_fen": Column("违约金", "滞纳金 逾期违约金 latefee"),
    "name": Column("户名", "用户名称 客户名称 用户姓名 客户姓名 单位名称 姓名 name customername"),
    "address": Column("用水地址", "用户地址 装表地址 地址 address"),
    "grid": Column("网格", "网格号 网格编号 网格名称 所属网格 grid"),
    "section": Column("管区", "所属管区 管区名称 片区 section"),
    "office": Column("营业所", "所属营业所 营业所名称 供水所 office"),
}
_FIELDS = {word: field for field, column in COLUMNS.items() for word in (column.zh, *column.headings.split())}


def field_under(title: str) -> str | None:
    """The field that a heading names, whatever its spaces, marks and harmless brackets; one in 万元 names none."""
    word = re.sub(r'[\s*_:."\-]', "", narrow(title)).casefold().replace("帐", "账")
    return _FIELDS.get(re.sub(r"[(\[【][^十百千万亿分角]*[)\]】]", "", word).removesuffix("必填"))
