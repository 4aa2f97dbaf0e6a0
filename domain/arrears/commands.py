"""What people may tell an arrears case besides deciding its tasks."""

from datetime import date, timedelta
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from domain.account import Bill, Frozen
from domain.arrears.events import (
    SPOKE,
    ArrearsEvent,
    BillDisputed,
    CaseWithdrawn,
    ContactOutcome,
    ContactRecorded,
    DisputeResolved,
    HoldEnded,
    HoldPlaced,
    MessageReported,
    NoticeIssued,
    Part,
    ViolationRecorded,
    WaiverAsked,
)
from domain.arrears.facts import ArrearsFacts
from domain.arrears.forms import (
    APPROVE_LIMIT,
    ARREARS_TASKS,
    LIMIT_PRESSURE,
    HoldReview,
    LimitPublication,
    LimitRecord,
    RestoreRecord,
    Service,
    ViolationRecord,
    WaiverDecision,
)
from domain.arrears.notices import next_notice_no, pursued, standing_notice
from domain.arrears.policy import ArrearsPolicy, Limit, Serve
from domain.calendars import Calendar, local
from domain.case import TaskDecided
from domain.chain import raised
from domain.commands import (
    Command,
    DecideTask,
    EscalateTask,
    PauseTask,
    PlaceHold,
    ReassignTask,
    ReleaseHold,
    ResumeTask,
    TellProgress,
    UrgeTask,
    WithdrawCase,
    changed_by,
    decided_task,
    end_of,
    refuse_unless_acting,
    task_at,
)
from domain.cosigning import AskCosigner, DropCosigner, cosigned, refuse_unless_signed
from domain.money import Yuan
from domain.people import SYSTEM
from domain.refusals import Refused
from domain.terms import due_at

Found = Literal["self-opened", "seal-broken", "bypass", "other"]

CLOCKS_DIFFER = timedelta(minutes=10)
"""A phone on site may be wrong about the time by so much."""


class RecordContact(Command):
    """A try to speak to the customer, and what came of it; `promised` with `amount` until `until` is a promise too.

    `outcome` says whether the customer was reached; without one, `reached` does.
    """

    command: Literal["contact"] = "contact"
    method: Literal["phone", "visit", "message"]
    reached: bool = True
    note: str | None = Field(None, max_length=1000)
    outcome: ContactOutcome | None = None
    amount: Yuan | None = Field(None, gt=0)
    until: AwareDatetime | date | None = None
    place: str | None = Field(None, max_length=200)
    photo: str | None = Field(None, max_length=200)
    spoke_at: AwareDatetime | None = None


class ReportMessage(Command):
    """What a provider reported of a message. Told by the system alone, at the door of receipts."""

    command: Literal["report-message"] = "report-message"
    key: str
    template: str
    channel: str
    status: Literal["delivered", "failed"]
    detail: str | None = None


class DisputeBills(Command):
    command: Literal["dispute"] = "dispute"
    bills: tuple[str, ...] = Field(min_length=1)


class ResolveDispute(Command):
    command: Literal["resolve"] = "resolve"
    bills: tuple[str, ...] = Field(min_length=1)


class Instalment(Frozen):
    amount: Yuan = Field(gt=0)
    due_on: date


class AgreePlan(Command):
    command: Literal["plan"] = "plan"
    parts: tuple[Instalment, ...] = Field(min_length=1, max_length=60)


class TakePromise(Command):
    """The customer promises an amount before the end of a day, or before an instant."""

    command: Literal["promise"] = "promise"
    amount: Yuan = Field(gt=0)
    until: AwareDatetime | date


class IssueNotice(Command):
    """A notice is made out on paper, as the door has filled it in: number, amount and the hash of what it says.

    `anew`: why another one takes the place of what was made out before and not served.
    """

    command: Literal["issue-notice"] = "issue-notice"
    name: str
    task: str | None
    no: str
    amount_fen: int
    content: str = Field(pattern=r"^[0-9a-f]{64}$")
    anew: str | None = Field(None, min_length=1, max_length=500)


class WaiveFees(Command):
    """Late fees are to be waived: of these bills, or of all. A second person decides."""

    command: Literal["waive"] = "waive"
    bills: tuple[str, ...] = ()
    reason: str = Field(min_length=1, max_length=500)
    evidence: str | None = Field(None, max_length=200)


class RecordViolation(Command):
    """A limited valve was found opened, its seal broken, or a pipe around it."""

    command: Literal["violation"] = "violation"
    found: Found
    evidence: str = Field(min_length=1, max_length=200)
    note: str | None = Field(None, max_length=1000)


ArrearsCommand = Annotated[
    PauseTask
    | ResumeTask
    | ReassignTask
    | UrgeTask
    | TellProgress
    | EscalateTask
    | AskCosigner
    | DropCosigner
    | RecordContact
    | ReportMessage
    | DisputeBills
    | ResolveDispute
    | AgreePlan
    | TakePromise
    | IssueNotice
    | WaiveFees
    | RecordViolation
    | PlaceHold
    | ReleaseHold
    | WithdrawCase,
    Field(discriminator="command"),
]


def decide(command: DecideTask, facts: ArrearsFacts) -> TaskDecided:
    """The decision, when it may be taken; what only the arrears process knows is checked here. Raises `Refused`."""
    _refuse_limit_while_held(command, facts)
    decided = decided_task(command, facts, ARREARS_TASKS)
    refuse_unless_signed(decided, facts)
    form = ARREARS_TASKS[command.key].filled(command.form)
    if isinstance(form, Service) and form.served_at is not None:
        if form.served_at > command.at:
            raise Refused("form-invalid", "served_at: lies in the future; give when the notice was served")
        if form.served_at < facts.asked_from.get(command.key, facts.opened_at):
            raise Refused("form-invalid", "served_at: lies before this notice was called for; serve it anew")
    if isinstance(form, LimitPublication) and facts.account.no in form.text:
        raise Refused("form-invalid", "text: names the account; others in the group must not learn whose debt it is")
    if isinstance(form, LimitRecord) and facts.order is None and facts.limited_at is None:
        raise Refused("not-open", f"{command.key}: the order was recalled; leave the valve as it is")
    subject = facts.tasks[decided.task_id].subject
    still_asked = {each.id for each in (*facts.waivers, *facts.violations)} | {hold.id for hold in facts.holds}
    if isinstance(form, WaiverDecision | ViolationRecord | HoldReview) and subject not in still_asked:
        raise Refused(
            "not-open", f"{command.key} is not open in this case: nothing to decide now", zh="已经不用办理了。"
        )
    if isinstance(form, HoldReview) and form.until is not None and end_of(form.until) <= command.at:
        raise Refused("form-invalid", "until: lies in the past; give the day or instant on which the hold ends")
    if isinstance(form, RestoreRecord) and form.outcome == "valve-untouched" and facts.limited_at is not None:
        raise Refused("form-invalid", "outcome: the pressure was limited here, so the valve must be restored")
    return decided


def _refuse_limit_while_held(command: DecideTask, facts: ArrearsFacts) -> None:
    """A limit approved or done while a hold, plan or promise has taken its task back. Raises `Refused`."""
    of_a_limit = command.key in (APPROVE_LIMIT.key, LIMIT_PRESSURE.key)
    if not of_a_limit or not facts.holds or facts.outcome is not None or facts.open_task(command.key) is not None:
        return
    hold = facts.holds[0]
    raise Refused(
        "interlock",
        f"{command.key}: {hold.kind} stands ({hold.reason}); nobody is limited until it ends or is released",
        zh="暂缓、分期或承诺期间不得限压；解除或到期后再办。",
    )


def refuse_sms_that_serves_nothing(command: DecideTask, policy: ArrearsPolicy) -> None:
    """An SMS as the proof of service, at a utility where it is none. Raises `Refused`."""
    form = ARREARS_TASKS[command.key].filled(command.form)
    if not isinstance(form, Service) or form.outcome != "served" or form.method != "sms":
        return
    rung = next((rung for rung in policy.ladder if isinstance(rung, Serve) and rung.task == command.key), None)
    if rung is not None and rung.sms_serves is not None and not rung.sms_serves.value:
        raise Refused(
            "form-invalid",
            "method: an SMS does not serve this notice here; take it to the customer, post it or register it",
            zh="本公司不以短信作为送达：请上门、张贴或挂号送达。",
        )


def refuse_limit_without_its_time(command: DecideTask, policy: ArrearsPolicy, calendar: Calendar) -> None:
    """A limit that a desk writes down outside the hours for it, and does not say when it was done. Raises `Refused`.

    Asked at the doors alone, where somebody can still say so; within the hours the writing down speaks for itself.
    """
    form = ARREARS_TASKS[command.key].filled(command.form)
    if not isinstance(form, LimitRecord) or form.outcome != "done" or form.done_at is not None:
        return
    window = next(rung.window.value for rung in policy.ladder if isinstance(rung, Limit))
    if not window.contains(command.at, calendar):
        raise Refused(
            "form-invalid",
            "done_at: is missing: this is written down outside the hours for a limit, so say when it was done on site",
            zh="现在不在允许限压的时段：请填写现场时间。",
        )


def refuse_limit_at_another_time(
    command: DecideTask, facts: ArrearsFacts, policy: ArrearsPolicy, calendar: Calendar
) -> None:
    """A limit that was done on site outside the hours for it, or before its order went out. Raises `Refused`.

    Judged by the time on site that the form states, as a phone does. One that states none is taken at its word: when
    it is written down says nothing of when it was done (docs/decisions/0021-the-limit-window-at-the-valve.md).
    """
    form = ARREARS_TASKS[command.key].filled(command.form)
    if not isinstance(form, LimitRecord) or form.outcome != "done" or form.done_at is None or facts.order is None:
        return
    window = next(rung.window.value for rung in policy.ladder if isinstance(rung, Limit))
    when = f"{local(form.done_at):%Y-%m-%d %H:%M}"
    if not window.contains(form.done_at, calendar):
        hours = f"{window.opens:%H:%M}-{window.closes:%H:%M}"
        raise Refused(
            "gate",
            f"done_at: {when} is outside the hours for a limit ({hours}, on a working day that no day off follows); "
            "put the pressure back and report the visit as unable: the order is tried again in the next hours for it",
            zh=f"现场时间{when}不在允许限压的时段（次日非休息日的工作日{hours}）：请恢复压力，并按“未能执行”填报，系统会在下一时段再派单。",
        )
    if form.done_at + CLOCKS_DIFFER < facts.order.issued_at:
        raise Refused(
            "gate",
            f"done_at: {when} lies before the order went out; put the pressure back and report the visit as unable",
            zh=f"现场时间{when}早于限压单签发时间：请恢复压力，并按“未能执行”填报。",
        )


def events_of(
    command: ArrearsCommand, facts: ArrearsFacts, policy: ArrearsPolicy, calendar: Calendar
) -> list[ArrearsEvent]:
    """What a command makes happen. Raises `Refused` when it may not; a command already carried out says nothing."""
    if facts.outcome is not None:
        raise Refused("not-open", f"case {facts.case_no} has ended ({facts.outcome})")
    said = {"at": command.at, "by": command.by.id}
    match command:
        case PauseTask() | ResumeTask() | ReassignTask() | UrgeTask() | TellProgress():
            return [changed_by(command, facts, calendar)]
        case EscalateTask():
            task = task_at(command.task, facts)
            return [raised(command, task, policy=policy.escalation.value, chain=policy.chain)]
        case AskCosigner() | DropCosigner():
            return [*cosigned(command, facts, policy.cosign)]
        case RecordContact():
            roles = policy.contacted_by.value if policy.contacted_by else ("collector", "supervisor")
            refuse_unless_acting(command.by, *roles)
            return _contacted(command, facts)
        case ReportMessage():
            if command.by.id != SYSTEM.id:
                raise Refused(
                    "wrong-role",
                    "what became of a message is told by its provider, at the door of receipts",
                    zh="消息是否到达由短信平台回报，不由人填写。",
                )
            told = command.model_dump(include={"key", "template", "channel", "status", "detail"})
            return [MessageReported(**said, **told)]
        case DisputeBills():
            refuse_unless_acting(command.by, "collector", "supervisor", "clerk")
            _refuse_unknown_bills(command.bills, facts)
            standing = {d.bill for d in facts.disputes if d.ended_at is None}
            return [BillDisputed(**said, bill=no) for no in dict.fromkeys(command.bills) if no not in standing]
        case ResolveDispute():
            refuse_unless_acting(command.by, "collector", "supervisor", "clerk")
            _refuse_unknown_bills(command.bills, facts)
            standing = {d.bill for d in facts.disputes if d.ended_at is None}
            return [DisputeResolved(**said, bill=no) for no in dict.fromkeys(command.bills) if no in standing]
        case AgreePlan():
            refuse_unless_acting(command.by, "collector", "supervisor")
            parts = tuple(Part(amount_fen=part.amount, due_at=end_of(part.due_on)) for part in command.parts)
            return [_promised(command, "plan", parts, facts)]
        case TakePromise():
            refuse_unless_acting(command.by, "collector", "supervisor")
            part = Part(amount_fen=command.amount, due_at=end_of(command.until))
            return [_promised(command, "promise", (part,), facts)]
        case IssueNotice():
            refuse_unless_acting(command.by, "collector", "supervisor", "clerk")
            return _issued(command, facts)
        case WaiveFees():
            return [_waiver(command, facts, policy)]
        case RecordViolation():
            return [_violation(command, facts, policy)]
        case PlaceHold():
            return [_hold(command, facts, policy, calendar)]
        case ReleaseHold():
            refuse_unless_acting(command.by, "collector", "supervisor")
            ended = [hold for hold in facts.holds if command.hold in (None, hold.id)]
            if not ended:
                raise Refused("not-open", "no hold, plan or promise stands in this case: nothing to release")
            how = {"how": command.how, "reason": command.reason}
            return [HoldEnded(**said, id=hold.id, kind=hold.kind, ground=hold.ground, **how) for hold in ended]
        case WithdrawCase():
            refuse_unless_acting(command.by, "supervisor")
            return [CaseWithdrawn(**said, reason=command.reason)]


def _contacted(command: RecordContact, facts: ArrearsFacts) -> list[ArrearsEvent]:
    """The contact, and the promise that came of it."""
    if command.spoke_at is not None and not facts.opened_at <= command.spoke_at <= command.at:
        raise Refused(
            "form-invalid",
            "spoke_at: lies in the future, or before the case was opened; give when the customer was spoken to",
            zh="联系时间不能晚于现在，也不能早于立案。",
        )
    outcome = command.outcome
    contact = ContactRecorded(
        at=command.at,
        by=command.by.id,
        method=command.method,
        reached=command.reached if outcome is None else outcome in SPOKE,
        note=command.note,
        outcome=outcome,
        place=command.place,
        photo=command.photo,
        spoke_at=command.spoke_at,
    )
    if outcome != "promised":
        return [contact]
    if command.amount is None or command.until is None:
        raise Refused(
            "form-invalid",
            "amount, until: a promise needs how much, and by which day",
            zh="承诺付款要写明金额和日期。",
        )
    part = Part(amount_fen=command.amount, due_at=end_of(command.until))
    return [contact, _promised(command, "promise", (part,), facts)]


def _issued(command: IssueNotice, facts: ArrearsFacts) -> list[ArrearsEvent]:
    """The notice, if the door filled it in by what the case knows; nothing when one of its kind stands already."""
    standing, bills = standing_notice(facts, command.name), pursued(facts)
    if standing is not None and command.anew is None:
        return []
    if command.task is not None and facts.open_task(command.task) is None:
        raise Refused(
            "not-open",
            f"{command.task} is not open in this case: there is no notice to make out",
            zh="送达任务现在没有开着，不能开具通知单。",
        )
    if (command.no, command.amount_fen) != (next_notice_no(facts), sum(bills.values())) or not bills:
        raise Refused(
            "gate",
            "the case has moved on since the notice was filled in: look at it again",
            zh="填写通知单期间案件有变动，请重新查看。",
        )
    before = facts.issued.get(command.name)
    unserved = before if before is not None and before.served_at is None else None
    return [
        NoticeIssued(
            at=command.at,
            by=command.by.id,
            no=command.no,
            name=command.name,
            task=command.task,
            bills=bills,
            amount_fen=command.amount_fen,
            content=command.content,
            instead_of=unserved.no if unserved else None,
            reason=(command.anew or "owes-less") if unserved else None,
        )
    ]


def _promised(
    command: AgreePlan | TakePromise | RecordContact,
    kind: Literal["plan", "promise"],
    parts: tuple[Part, ...],
    facts: ArrearsFacts,
) -> HoldPlaced:
    if any(part.due_at <= command.at for part in parts):
        raise Refused("form-invalid", "every part is due in the future; give later days")
    return HoldPlaced(
        at=command.at,
        by=command.by.id,
        id=f"{kind}-{facts.holds_placed + 1}",
        kind=kind,
        reason=f"customer's {kind}",
        parts=parts,
    )


def _hold(command: PlaceHold, facts: ArrearsFacts, policy: ArrearsPolicy, calendar: Calendar) -> HoldPlaced:
    """A hold for a reason in words, or on a ground of the pack's list, which ends as the pack says."""
    if command.ground is None:
        refuse_unless_acting(command.by, "collector", "supervisor")
    else:
        refuse_unless_acting(command.by, "collector", "supervisor", "clerk")
    until = end_of(command.until) if command.until is not None else None
    if until is not None and until <= command.at:
        raise Refused("form-invalid", "until: lies in the past; give the day or instant on which the hold ends")
    placed = HoldPlaced(
        at=command.at,
        by=command.by.id,
        id=f"hold-{facts.holds_placed + 1}",
        kind="hold",
        reason=command.reason,
        until=until,
        evidence=command.evidence,
        reference=command.reference,
    )
    if command.ground is None:
        return placed
    rule = next((rule for ground, rule in policy.holds.items() if ground == command.ground), None)
    if rule is None:
        known = ", ".join(policy.holds) or "none"
        raise Refused(
            "form-invalid",
            f"ground: {command.ground} is none of this utility's reasons to hold: {known}",
            zh="本单位的制度没有这种暂缓理由，请从清单里选。",
        )
    if rule.evidence.value and not command.evidence:
        raise Refused(
            "form-invalid",
            f"evidence: this utility asks for it before a case is held for {command.ground}; name the file",
            zh="这种暂缓要有凭证：请写明文件，并上传到案卷。",
        )
    longest = due_at(term=rule.longest.value, started_at=command.at, calendar=calendar).at
    if until is not None and until > longest:
        raise Refused(
            "form-invalid",
            f"until: {command.ground} may hold a case until {longest.isoformat()} at the longest; give an earlier day",
            zh=f"这种暂缓最长到{longest:%Y年%m月%d日}，请写更早的日期。",
        )
    changes = {
        "ground": command.ground,
        "until": until or longest,
        "looked_at": rule.then.value == "look",
        "clauses": rule.longest.clauses,
    }
    return placed.model_copy(update=changes)


def _waiver(command: WaiveFees, facts: ArrearsFacts, policy: ArrearsPolicy) -> WaiverAsked:
    refuse_unless_acting(command.by, "collector", "supervisor", "clerk")
    if policy.waiver is None:
        raise Refused("gate", "this utility's rules know no waiver of late fees", zh="本单位的制度没有违约金减免。")
    _refuse_unknown_bills(command.bills, facts)
    asked = {no for waiver in facts.waivers for no in waiver.fees}
    bills = [bill for bill in facts.bills() if not command.bills or bill.no in command.bills]
    left = {bill.no: bill.late_fee_fen - facts.waived.get(bill.no, 0) for bill in bills if bill.no not in asked}
    fees = {no: fen for no, fen in left.items() if fen > 0}
    if not fees:
        raise Refused(
            "form-invalid",
            "bills: none of them has a late fee that could be waived, or it is asked for already",
            zh="这些账单没有可减免的违约金，或者已经在审批。",
        )
    return WaiverAsked(
        at=command.at,
        by=command.by.id,
        clauses=policy.waiver.clauses,
        id=f"waiver-{facts.waivers_asked + 1}",
        fees=fees,
        reason=command.reason,
        evidence=command.evidence,
    )


def _violation(command: RecordViolation, facts: ArrearsFacts, policy: ArrearsPolicy) -> ViolationRecorded:
    refuse_unless_acting(command.by, "collector", "engineer", "meter-technician", "supervisor")
    if facts.limited_at is None:
        raise Refused(
            "not-open", "the pressure is not limited here: nothing to open without leave", zh="这里没有限压。"
        )
    return ViolationRecorded(
        at=command.at,
        by=command.by.id,
        clauses=policy.violation.clauses if policy.violation else (),
        id=f"violation-{facts.violations_found + 1}",
        found=command.found,
        note=command.note,
        evidence=command.evidence,
    )


def _refuse_unknown_bills(nos: tuple[str, ...], facts: ArrearsFacts) -> None:
    known = {fact.no for fact in facts.ledger if isinstance(fact, Bill)}
    if unknown := [no for no in nos if no not in known]:
        raise Refused("unknown", f"bills: no bill {', '.join(unknown)} in this case; it has {', '.join(sorted(known))}")
