"""The cut interlock: every condition under which water may be limited, each met, not met, or unknown.

Called inside one database transaction, at the decision, at issue and at the valve. Anything unknown refuses.
"""

from datetime import datetime
from typing import Literal

from domain.account import Standing
from domain.arrears.facts import ArrearsFacts
from domain.arrears.ladder import limitable, period_end, told
from domain.arrears.policy import Approve, ArrearsPolicy, Contacts, Dun, Report, Serve, Wait
from domain.calendars import Calendar
from domain.policy import Strict
from domain.terms import due_at

Moment = Literal["decision", "issue", "valve"]


class Condition(Strict):
    """One condition in words. `met` None means unknown, which counts as no."""

    key: str
    met: bool | None
    zh: str
    en: str


def interlock(
    *,
    moment: Moment,
    facts: ArrearsFacts,
    owed: Standing,
    policy: ArrearsPolicy,
    calendar: Calendar,
    at: datetime,
    synced_at: datetime | None,
    snapshot_is_current: bool,
    fence_is_current: bool | None = None,
    approver: str | None = None,
    billing_differs: bool = False,
    unheard: bool = False,
    recovering: bool = False,
) -> tuple[Condition, ...]:
    """Every condition for limiting this account at `at`.

    `owed` is the ledger's balance read in the same transaction, `synced_at` when billing last confirmed the ledger
    (None: never), `snapshot_is_current` whether `facts` are the latest recorded, `fence_is_current` (at the valve)
    whether the order's token is the highest issued. `approver` is who approves now, at the decision. `billing_differs`:
    billing's own list of a day has another balance for this account than we have of that day. `unheard`: a door has
    taken something in for this account that forbids a limit, and neither ledger nor case has it yet. `recovering`:
    the store was put back to an earlier point, and what is missing since has not been found out.
    """
    oldest = due_at(term=policy.ledger_max_age.value, started_at=synced_at, calendar=calendar).at if synced_at else None
    served = [rung.task for rung in policy.ladder if isinstance(rung, Serve)]
    conditions = [
        Condition(
            key="debt",
            met=limitable(owed, policy),
            zh="无争议的逾期欠费高于限额",
            en="undisputed overdue debt is above the threshold",
        ),
        Condition(
            key="ledger-current",
            met=None if oldest is None else at < oldest,
            zh="账务数据在时限内更新过",
            en="the ledger was confirmed by billing recently enough",
        ),
        Condition(
            key="record-current",
            met=snapshot_is_current or None,
            zh="案卷记录为最新",
            en="the case record read is the latest",
        ),
        Condition(
            key="notices-served",
            met=all(task in facts.served for task in served),
            zh="应送达的通知单均已送达并有凭证",
            en="every required notice was served with proof",
        ),
        Condition(
            key="debt-told",
            met=not limitable(owed, policy) or told(owed, facts) > policy.threshold.value,
            zh="所追缴的欠费中，已送达的通知单指到的部分高于限额",
            en="of the debt that is pursued, the part that a served notice spoke of is above the threshold",
        ),
        Condition(
            key="steps-taken",
            met=_steps_taken(facts, policy),
            zh="应有的沟通与书面报告已完成",
            en="contacts and report are done",
        ),
        Condition(
            key="periods-over",
            met=_periods_over(facts, policy, calendar, at),
            zh="各期限均已届满",
            en="every period is over",
        ),
        Condition(
            key="approved",
            met=_approved(facts, policy, moment, approver),
            zh="经另一人审批",
            en="a second person approved",
        ),
        Condition(
            key="no-hold",
            met=not any(hold.kind == "hold" for hold in facts.holds),
            zh="没有暂缓",
            en="no hold stands",
        ),
        Condition(
            key="no-plan",
            met=not any(hold.kind != "hold" for hold in facts.holds),
            zh="没有履行中的分期或承诺",
            en="no instalment plan or promise is being kept",
        ),
        Condition(
            key="not-protected",
            met=not facts.account.protected,
            zh="不是受保护用户",
            en="the account is not protected",
        ),
        Condition(key="not-withdrawn", met=facts.withdrawn is None, zh="案件未撤销", en="the case is not withdrawn"),
    ]
    if billing_differs and policy.differences_hold is not None and policy.differences_hold.value:
        conditions.append(
            Condition(
                key="ledger-agrees",
                met=None,
                zh="与营业系统对账一致",
                en="the balance agrees with billing's own list",
            )
        )
    if unheard:
        conditions.append(
            Condition(
                key="all-heard",
                met=None,
                zh="已受理的缴费、异议、暂缓等均已入案",
                en="whatever was taken in for the account has reached its ledger and case",
            )
        )
    if recovering:
        conditions.append(
            Condition(
                key="ledger-recovered",
                met=None,
                zh="数据恢复后已与营业系统对账",
                en="since the store was put back, its ledger was compared with billing's own list",
            )
        )
    if moment == "valve":
        conditions.append(
            Condition(
                key="fence",
                met=fence_is_current if facts.order is not None else False,
                zh="限压单为最新有效单",
                en="the order is the latest one issued and still out",
            )
        )
    return tuple(conditions)


def unmet(conditions: tuple[Condition, ...]) -> tuple[Condition, ...]:
    """The conditions that stand in the way, unknown ones among them."""
    return tuple(condition for condition in conditions if condition.met is not True)


def _steps_taken(facts: ArrearsFacts, policy: ArrearsPolicy) -> bool:
    for rung in policy.ladder:
        if isinstance(rung, Contacts) and facts.contacts < rung.count.value:
            return False
        if isinstance(rung, Dun) and rung.task not in facts.did:
            return False
        if isinstance(rung, Report) and rung.task not in facts.reports:
            return False
    return True


def _periods_over(facts: ArrearsFacts, policy: ArrearsPolicy, calendar: Calendar, at: datetime) -> bool:
    waits = [rung for rung in policy.ladder if isinstance(rung, Wait)]
    return all(rung.after in facts.served and period_end(rung, facts, calendar).at <= at for rung in waits)


def _approved(facts: ArrearsFacts, policy: ArrearsPolicy, moment: Moment, approver: str | None) -> bool:
    by = approver if moment == "decision" else facts.approval.by if facts.approval else None
    checked: set[str] = set()
    for rung in policy.ladder:
        if isinstance(rung, Approve):
            checked |= {facts.served[key].by for key in rung.not_by.value if key in facts.served}
            checked |= {facts.reports[key] for key in rung.not_by.value if key in facts.reports}
    return by is not None and by not in checked
