"""What comes next in a case, said in Chinese and English."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel

from domain.case import Event
from domain.processes import TASKS
from domain.steps import Act, Ask, Calls, Close, StandStill

WAITS: dict[str, tuple[str, str]] = {
    "grace": ("催缴期限届满前等待", "the grace period is running"),
    "notice": ("限压通知期限届满前等待", "the notice period before a limit is running"),
    "refer": ("限压后等待，期满移交法律程序", "limited; referred to legal recovery after the pack's term"),
    "contacts": ("等待与用户有效沟通", "more contacts that reach the customer are needed"),
    "hold": ("已暂缓", "on hold"),
    "plan": ("分期履行中", "an instalment plan is being kept"),
    "promise": ("付款承诺履行中", "a promise to pay is being kept"),
    "disputed": ("余下欠费均有争议", "only disputed debt is left"),
    "below-threshold": ("欠费低于催缴限额", "the debt is below the threshold"),
    "at-threshold": ("欠费等于催缴限额，不得限压", "the debt is exactly the threshold: nobody is limited for it"),
    "put-off": ("限压审批已推迟", "the approval of the limit was put off"),
    "protected": ("受保护用户，不得限压", "the account is protected: never limited"),
    "limit-window": ("等待下一个限压作业时段", "waiting for the next hours in which pressure may be limited"),
    "left-behind": ("等前用户的欠费了结", "what a predecessor left behind is settled or referred"),
    "end-of-ladder": ("催缴程序已走完", "the ladder has been climbed"),
    "temporary-supply": ("临时用水期内", "a temporary supply is running"),
    "occupancy": ("等待入住率达到切换比例", "waiting for enough households to move in"),
}
MOMENTS: dict[str, tuple[str, str]] = {
    "PeriodEnded": ("期限届满", "the period ends"),
    "DeferralEnded": ("再次提请审批", "the approval is asked for again"),
    "LimitWindowOpened": ("限压作业时段开始", "the hours for limiting begin"),
    "HoldEnded": ("暂缓、承诺或分期到期", "the hold, promise or plan comes to its end"),
    "HoldFellDue": ("暂缓到期，由主任复核", "the hold is looked at before the ladder goes on"),
    "LimitationNear": ("诉讼时效提醒", "a warning that the debt is soon out of time"),
    "SettlementDueAgain": ("再次处理前用户欠费", "the predecessor's debt is looked at again"),
    "BillFellOverdue": ("又一账单逾期", "another bill falls overdue"),
    "ProgressDue": ("通报上报事项的进度", "progress of what has risen is to be told"),
    "TaskEscalated": ("任务升级上报", "a task rises to the next level"),
    "ReviewDue": ("案件复核", "the case is looked at again"),
    "PermitRunsOut": ("占掘路许可到期", "the road-opening permit runs out"),
    "SupplyEnded": ("临时用水到期", "the temporary supply is over"),
    "LiaisonDue": ("该与单位沟通", "it is time to speak with a unit"),
    "ProjectResumed": ("项目恢复办理", "the project goes on"),
}
OUTCOMES: dict[str, tuple[str, str]] = {
    "settled": ("欠费结清，结案", "settled: the case closes"),
    "restored": ("供水已恢复，结案", "restored: the case closes"),
    "referred": ("前用户欠费已移交，结案", "the predecessor's debt is referred: the case closes"),
    "withdrawn": ("撤销，结案", "withdrawn: the case closes"),
    "closed": ("办结", "done: the case closes"),
}


class NextStep(BaseModel):
    """What the case calls for now. `tasks` are keys of the tasks asked for; `clauses` the sentences it rests on."""

    kind: Literal["ask", "wait", "act", "close"]
    zh: str
    en: str
    tasks: list[str] = []
    clauses: list[str] = []


class NextMoment(BaseModel):
    """The next thing that time alone will bring, and when."""

    at: datetime
    event: str
    zh: str
    en: str
    clauses: list[str] = []


def said_step(step: Ask | Calls | StandStill | Act | Close | None) -> NextStep | None:
    """A step in words; None for a case that has ended."""
    match step:
        case None:
            return None
        case Ask() | Calls():
            asks = (step,) if isinstance(step, Ask) else step.asks
            kinds = [TASKS[ask.key] for ask in asks]
            return NextStep(
                kind="ask",
                zh="、".join(dict.fromkeys(kind.title_zh for kind in kinds)),
                en="; ".join(dict.fromkeys(kind.title_en for kind in kinds)),
                tasks=[ask.key for ask in asks],
                clauses=list(dict.fromkeys(clause for ask in asks for clause in ask.clauses)),
            )
        case StandStill(because=because, moment=moment):
            zh, en = WAITS.get(because, (because, because))
            return NextStep(kind="wait", zh=zh, en=en, clauses=list(moment.clauses) if moment else [])
        case Close(outcome=outcome):
            zh, en = OUTCOMES.get(outcome, (outcome, outcome))
            return NextStep(kind="close", zh=zh, en=en)
        case Act():
            return NextStep(kind="act", zh="签发限压单", en="the limit order is issued if every condition is met")


def said_moment(moment: Event | None) -> NextMoment | None:
    if moment is None:
        return None
    name = type(moment).__name__
    zh, en = MOMENTS.get(name, (name, name))
    return NextMoment(at=moment.at, event=name, zh=zh, en=en, clauses=list(moment.clauses))
