"""Which columns each list has as a workbook, in both languages, with words for people in the cells."""

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from api.pages.clocks import PARTIES
from api.pages.frame import label, task_title
from api.pages.words import Language
from api.returned import FILLED, KNOWN
from api.workbooks import Column, Sheet
from domain.arrears.policy import RecoveryGoals
from domain.calendars import local
from domain.policy import Sourced
from domain.reconciliation import BillDifference, Difference
from domain.recovery import meets
from store.approvals import ApprovalRow
from store.arrears_work import WorkRow
from store.board import ProjectRow
from store.caselines import OpenTask
from store.ledger_plan import RowFault
from store.reports import DueRow, PartRecovery, Recovery, Sum
from store.service_ledger import ServiceRow
from store.work import Group, InboxRow

GROUPS: dict[Group, tuple[str, str]] = {
    "late": ("已超时", "Late"),
    "today": ("今天到期", "Due today"),
    "later": ("以后", "Later"),
    "paused": ("等别人", "With others"),
}


def tasks_sheet(language: Language, at: datetime) -> Sheet[InboxRow]:
    words = _Words(language)
    return Sheet("我的任务", "My tasks", [*_task_columns(words, at, lambda row: row), *_places(lambda row: row)])


def approvals_sheet(language: Language, at: datetime) -> Sheet[ApprovalRow]:
    words = _Words(language)
    return Sheet(
        "审批",
        "Approvals",
        [
            *_task_columns(words, at, lambda row: row.task),
            Column("已过（天）", "Days", lambda row: row.days, "number"),
            Column("争议金额", "Disputed", lambda row: row.disputed_fen, "money"),
            Column("受保护", "Protected", lambda row: words.all(row.protected)),
            Column("已送达", "Served", lambda row: words.served(row.served), width=40),
            Column("暂缓", "Holds", lambda row: words.all(hold["kind"] for hold in row.holds)),
            *_places(lambda row: row.task),
        ],
    )


def cases_sheet(language: Language) -> Sheet[Any]:
    words = _Words(language)
    return Sheet(
        "案件",
        "Cases",
        [
            Column("案号", "Case", lambda row: row.case_no, width=20),
            Column("流程", "Process", lambda row: words(row.process)),
            Column("户号或项目", "Account or project", lambda row: row.subject, width=20),
            Column("阶段", "Stage", lambda row: words(row.stage)),
            Column("状态", "Status", lambda row: words(row.status)),
            Column("结果", "Outcome", lambda row: words(row.outcome)),
            Column("停在", "Stands still for", lambda row: words(row.standing)),
            Column("金额（元）", "Amount (yuan)", lambda row: _owed(row), "money"),
            Column("立案时间", "Opened", lambda row: row.opened_at, "instant"),
            Column("结案时间", "Closed", lambda row: row.closed_at, "instant"),
            Column("下次自动推进", "Moves by itself", lambda row: row.next_wake, "instant"),
            Column("制度", "Pack", lambda row: row.pack, width=20),
            *_places(lambda row: row),
        ],
    )


def board_sheet(language: Language) -> Sheet[ProjectRow]:
    words = _Words(language)
    return Sheet(
        "项目",
        "Projects",
        [
            Column("案号", "Case", lambda row: row.case_no, width=20),
            Column("项目", "Project", lambda row: row.name, width=28),
            Column("地址", "Address", lambda row: row.address, width=28),
            Column("区县", "District", lambda row: row.district),
            Column("类型", "Kind", lambda row: words(row.kind)),
            Column("表数", "Meters", lambda row: row.meters, "number"),
            Column("阶段", "Phase", lambda row: words(row.phase)),
            Column("现在要办的", "Open now", lambda row: words.tasks(row.tasks), width=32),
            Column("下一时限（此刻之前）", "Next due before", lambda row: row.due_at, "instant"),
            Column("我方超时", "Late", lambda row: row.late),
            Column("谁的时间", "Whose time", lambda row: words.party(row.party)),
            Column("停在", "Stands still for", lambda row: words(row.waits_for)),
            Column("负责人", "Responsible", lambda row: words(row.responsible)),
            Column("缺少的资料", "Papers missing", lambda row: words.all(row.missing), width=28),
            Column("不合格项", "Failing items", lambda row: row.failing, "number"),
            Column("第几轮", "Round", lambda row: row.round, "number"),
            Column("项目暂停", "Suspended", lambda row: row.suspended),
            Column("受理时间", "Opened", lambda row: row.opened_at, "instant"),
            Column("已过（天）", "Days", lambda row: row.days, "number"),
            Column("计划完成", "Planned end", lambda row: row.planned_end, "instant"),
            *_places(lambda row: row),
        ],
    )


def work_sheet(language: Language, *, sheet_no: str | None = None) -> Sheet[WorkRow]:
    """The work list; with a number it is one to be filled in and sent back (`api.returned`)."""
    words = _Words(language)
    to_fill: list[Column[WorkRow]] = []
    if sheet_no is not None:
        blank = [Column[WorkRow](zh, en, lambda row: None, width=14) for zh, en in FILLED.values()]
        to_fill = [*blank, Column(*KNOWN["sheet"], lambda row: sheet_no, width=12)]
    return Sheet(
        "催缴",
        "Arrears",
        [
            Column("案号", "Case", lambda row: row.case_no, width=20),
            Column("户号", "Account", lambda row: row.account_no),
            Column("户名", "Name", lambda row: row.title, width=20),
            Column("地址", "Address", lambda row: row.address, width=28),
            Column("类别", "Class", lambda row: words(row.kind)),
            Column("受保护", "Protected", lambda row: words.all(row.protected)),
            Column("欠费（元）", "Owed (yuan)", lambda row: row.amount_fen, "money"),
            Column("争议金额", "Disputed", lambda row: row.disputed_fen, "money"),
            Column("账单数", "Bills", lambda row: row.bills, "number"),
            Column("最早应缴日", "Oldest due on", lambda row: row.oldest_due_on, "day"),
            Column("已欠（天）", "Days", lambda row: row.days, "number"),
            Column("阶段", "Stage", lambda row: words(row.stage)),
            Column("停在", "Stands still for", lambda row: words(row.waits_for)),
            Column("现在要办的", "Open now", lambda row: words.tasks(row.tasks), width=28),
            Column("下一时限（此刻之前）", "Next due before", lambda row: row.due_at, "instant"),
            Column("已超时", "Late", lambda row: row.late),
            Column("上次沟通", "Last contact", lambda row: row.contact and row.contact.at, "instant"),
            Column("沟通方式", "By", lambda row: row.contact and words(row.contact.method)),
            Column("送达时间", "Served", lambda row: row.served and row.served.at, "instant"),
            Column("送达方式", "Served by", lambda row: row.served and words(row.served.method)),
            Column("缺送达凭证", "Proof missing", lambda row: row.proof_missing),
            Column("限压时间", "Limited", lambda row: row.limited_at, "instant"),
            Column("立案时间", "Opened", lambda row: row.opened_at, "instant"),
            *_places(lambda row: row),
            *to_fill,
        ],
    )


def faults_sheet(language: Language) -> Sheet[RowFault]:
    zh = language == "zh"
    return Sheet(
        "有问题的行",
        "Rows at fault",
        [
            Column("行", "Row", lambda fault: fault.row, "number"),
            Column("列", "Column", lambda fault: fault.column),
            Column("问题", "Problem", lambda fault: fault.problem_zh if zh else fault.problem, width=44),
            Column("怎样改", "What to do", lambda fault: fault.mend_zh if zh else fault.mend, width=60),
        ],
    )


def service_sheet(language: Language) -> Sheet[ServiceRow]:
    words = _Words(language)
    return Sheet(
        "客户代表服务台账",
        "Service ledger",
        [
            Column("案号", "Case", lambda row: row.case_no, width=20),
            Column("项目", "Project", lambda row: row.name, width=28),
            Column("地址", "Address", lambda row: row.address, width=28),
            Column("类型", "Kind", lambda row: words(row.kind)),
            Column("服务人员", "Served by", lambda row: words(row.served_by)),
            Column("网格客户代表", "Representative of the grid", lambda row: row.holder),
            Column("阶段", "Phase", lambda row: words(row.phase)),
            Column("现在要办的", "Open now", lambda row: words.tasks(row.tasks), width=32),
            Column("下一时限（此刻之前）", "Next due before", lambda row: row.due_at, "instant"),
            Column("我方超时", "Late", lambda row: row.late),
            Column("存在问题", "Problems", lambda row: "; ".join(each.what for each in row.problems), width=40),
            Column(
                "解决结果",
                "What came of them",
                lambda row: "; ".join(each.result or "—" for each in row.problems),
                width=40,
            ),
            Column(
                "服务记录", "Services", lambda row: "; ".join(words(each.what) or "" for each in row.given), width=40
            ),
            Column("受理时间", "Opened", lambda row: row.opened_at, "instant"),
            Column("办结时间", "Closed", lambda row: row.closed_at, "instant"),
            Column("已过（天）", "Days", lambda row: row.days, "number"),
            *_places(lambda row: row),
        ],
    )


def dues_sheet(language: Language) -> Sheet[DueRow]:
    words = _Words(language)
    return Sheet(
        "交费情况",
        "Who has paid",
        [
            Column("户号", "Account", lambda row: row.account_no),
            Column("户名", "Name", lambda row: row.title, width=20),
            Column("地址", "Address", lambda row: row.address, width=28),
            Column("账单号", "Bill", lambda row: row.bill_no),
            Column("缴费期限", "Due on", lambda row: row.due_on, "day"),
            Column("应缴（元）", "Due (yuan)", lambda row: row.amount_fen, "money"),
            Column("已缴（元）", "Paid (yuan)", lambda row: row.paid_fen, "money"),
            Column("未缴（元）", "Unpaid (yuan)", lambda row: row.amount_fen - row.paid_fen, "money"),
            Column("争议", "Disputed", lambda row: row.disputed),
            Column("案号", "Case", lambda row: row.case_no, width=20),
            Column("阶段", "Stage", lambda row: words(row.stage)),
            *_places(lambda row: row),
        ],
    )


def recovery_sheet(language: Language, goals: RecoveryGoals | None, formula: str) -> Sheet[PartRecovery | Recovery]:
    """A row a part; last the whole, with the goals and how the rate is made."""
    words = _Words(language)
    whole = words.pair(("全部", "All"))

    def month(row: PartRecovery | Recovery) -> Sum:
        return row.all_month if isinstance(row, Recovery) else row.month

    def year(row: PartRecovery | Recovery) -> Sum:
        return row.all_year if isinstance(row, Recovery) else row.year

    def share(figures: Sum, goal: Sourced[Decimal] | None) -> str:
        if figures.rate is None:
            return ""
        met = meets(figures.paid, figures.due, goal.value) if goal else None
        return f"{figures.rate:.2%}" + ("" if met is None else words.pair((" 达标", " met")) if met else " ✗")

    return Sheet(
        "回收率",
        "Recovery",
        [
            Column("层级", "Level", lambda row: whole if isinstance(row, Recovery) else words(row.part)),
            Column("名称", "Name", lambda row: None if isinstance(row, Recovery) else row.name, width=16),
            Column("当月应收（元）", "Month due (yuan)", lambda row: month(row).due, "money"),
            Column("月末已收（元）", "Paid by its end", lambda row: month(row).paid, "money"),
            Column("当月回收率", "Month rate", lambda row: share(month(row), goals.month if goals else None)),
            Column("当月争议未缴", "Month disputed", lambda row: month(row).disputed, "money"),
            Column("全年应收（元）", "Year due (yuan)", lambda row: year(row).due, "money"),
            Column("年末已收（元）", "Paid by its end", lambda row: year(row).paid, "money"),
            Column("全年回收率", "Year rate", lambda row: share(year(row), goals.year if goals else None)),
            Column("全年争议未缴", "Year disputed", lambda row: year(row).disputed, "money"),
            Column("算法", "How", lambda row: formula if isinstance(row, Recovery) else None, width=60),
        ],
    )


def differences_sheet(language: Language) -> Sheet[tuple[Difference, BillDifference | None]]:
    words = _Words(language)
    return Sheet(
        "对账差异",
        "Differences",
        [
            Column("户号", "Account", lambda row: row[0].account_no),
            Column("差异", "Difference", lambda row: words(row[0].kind), width=24),
            Column("我方余额", "Ours", lambda row: row[0].ours_fen, "money"),
            Column("营业系统余额", "Billing's", lambda row: row[0].theirs_fen, "money"),
            Column("相差", "Between them", lambda row: row[0].ours_fen - row[0].theirs_fen, "money"),
            Column("账单号", "Bill", lambda row: row[1] and row[1].no),
            Column("账单差异", "Of the bill", lambda row: row[1] and words(row[1].kind), width=24),
            Column("我方欠额", "Bill, ours", lambda row: row[1] and row[1].ours_fen, "money"),
            Column("营业系统欠额", "Bill, billing's", lambda row: row[1] and row[1].theirs_fen, "money"),
        ],
    )


class _Words:
    """Cells in the language of the reader."""

    def __init__(self, language: Language) -> None:
        self._language: Language = language

    def __call__(self, word: str | None) -> str | None:
        return None if word is None else label(word, self._language)

    def pair(self, both: tuple[str, str]) -> str:
        return both[self._language == "en"]

    def all(self, words: Any) -> str:
        return ("、" if self._language == "zh" else ", ").join(label(word, self._language) for word in words)

    def party(self, party: str | None) -> str | None:
        return None if party is None else self.pair(PARTIES[party])

    def title(self, key: str, item: str | None) -> str:
        return f"{task_title(key, self._language)} {item}" if item else task_title(key, self._language)

    def tasks(self, tasks: Sequence[OpenTask]) -> str:
        return "; ".join(self.title(task.key, task.item) for task in tasks)

    def served(self, notices: Sequence[Any]) -> str:
        return "; ".join(
            f"{self.title(each.task, None)} {local(each.at):%Y-%m-%d %H:%M} {label(each.method, self._language)}"
            for each in notices
        )


def _task_columns(words: _Words, at: datetime, of: Callable[[Any], InboxRow]) -> list[Column[Any]]:
    return [
        Column("时限", "Due", lambda row: words.pair(GROUPS[of(row).group(at)]), width=11),
        Column("截止时刻（此刻之前）", "Due before", lambda row: of(row).due_at, "instant"),
        Column("任务", "Task", lambda row: words.title(of(row).key, of(row).item), width=24),
        Column("流程", "Process", lambda row: words(of(row).process), width=8),
        Column("阶段", "Stage", lambda row: words(of(row).stage)),
        Column("案号", "Case", lambda row: of(row).case_no, width=20),
        Column("户号或项目", "Account or project", lambda row: of(row).subject, width=20),
        Column("对象", "About", lambda row: of(row).title, width=24),
        Column("地址", "Address", lambda row: of(row).address, width=28),
        Column("欠费（元）", "Owed (yuan)", lambda row: _owed(of(row)), "money"),
        Column("谁来办", "Role", lambda row: words(of(row).role)),
        Column("层级", "Level", lambda row: words(of(row).level), width=8),
        Column("在谁手上", "In whose hands", lambda row: of(row).holder or of(row).assignee),
        Column("谁的时间", "Whose time", lambda row: words.party(of(row).party)),
        Column("催办次数", "Urged", lambda row: of(row).urged, "number"),
        Column("开出时间", "Opened", lambda row: of(row).opened_at, "instant"),
    ]


def _owed(row: Any) -> int | None:
    """A debt is an arrears case's; a project's nothing is no amount."""
    return row.amount_fen if row.process == "arrears" else None


def _places(of: Callable[[Any], Any]) -> list[Column[Any]]:
    return [
        Column("网格", "Grid", lambda row: of(row).grid, width=12),
        Column("管区", "Section", lambda row: of(row).section, width=12),
        Column("营业所", "Office", lambda row: of(row).office, width=14),
    ]
