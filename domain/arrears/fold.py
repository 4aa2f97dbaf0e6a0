"""How the facts of an arrears case follow from its events: the only way they change."""

from typing import Any

from domain.account import (
    Bill,
    Changed,
    Classed,
    Dispute,
    LedgerFact,
    Payment,
    Protected,
    Reversal,
    Void,
)
from domain.arrears.events import (
    AccountChanged,
    ArrearsEvent,
    BillDisputed,
    BillRecorded,
    BillVoided,
    CaseWithdrawn,
    ClassChanged,
    ClockStopped,
    ClockWentOn,
    ContactRecorded,
    CustomerDunned,
    CustomerNotReached,
    DebtReferred,
    DeferralEnded,
    DisputeResolved,
    FeesWaived,
    FinalSettled,
    HoldEnded,
    HoldFellDue,
    HoldPlaced,
    HoldProlonged,
    LadderRestarted,
    LeftBehindReferred,
    LimitApproved,
    LimitationAnswered,
    LimitationNear,
    LimitGivenUp,
    LimitNotPossible,
    LimitOrderIssued,
    LimitOrderRecalled,
    LimitOrderRefused,
    LimitPublished,
    LimitPutOff,
    MessageDue,
    MessageHeld,
    MessageSettled,
    NonpayerReported,
    NoticeAttemptFailed,
    NoticeIssued,
    NoticeOverstated,
    NoticeServed,
    PaymentRecorded,
    PaymentReversed,
    PeriodEnded,
    PressureLimited,
    ProtectionChanged,
    ReferralPutOff,
    SettlementDueAgain,
    UnableJudged,
    ValveFoundUntouched,
    ViolationHandled,
    ViolationRecorded,
    WaiverAsked,
    WaiverRefused,
    WaterRestored,
)
from domain.arrears.facts import (
    Approval,
    ArrearsFacts,
    Asking,
    Attempts,
    Did,
    IssuedNotice,
    LimitOrder,
    Message,
    OpenHold,
    Served,
    Stood,
)
from domain.case import PackMoved, TaskOpened, TaskWithdrawn, core_changes

LADDER_START: dict[str, Any] = {
    "contacts": 0,
    "reports": {},
    "did": {},
    "dun_again_at": None,
    "asked_from": {},
    "attempts": {},
    "issued": {},
    "served": {},
    "periods": {},
    "kept_terms": {},
    "approval": None,
    "ask_again_at": None,
    "retry_at": None,
    "restored_at": None,
    "referred": False,
    "refer_again_at": None,
    "notice_overstated": False,
    "unable": 0,
    "limit_given_up_at": None,
}
RENEWS = (NoticeServed, CustomerDunned, PaymentRecorded, DebtReferred)
"""What begins the years of the statute of limitations anew, besides a talk, a promise and a plan."""


def fold(facts: ArrearsFacts, event: ArrearsEvent) -> ArrearsFacts:
    """The facts after `event`. The only way facts change."""
    changes = core_changes(facts, event) | _changes(facts, event)
    if _renews(event):
        changes |= {"renewed_at": max(facts.renewed_at or event.at, event.at), "limitation_open": False}
    folded = facts.model_copy(update=changes)
    if (folded.approval or folded.ask_again_at or folded.retry_at) and folded.owed().own == 0:
        # An approval was given for this debt: should the payment be reversed, a second person looks again.
        folded = folded.model_copy(update={"approval": None, "ask_again_at": None, "retry_at": None})
    return folded


def _renews(event: ArrearsEvent) -> bool:
    """Whether the customer was asked for the debt, or owned up to it (Civil Code 195)."""
    match event:
        case ContactRecorded():
            return event.reached
        case HoldPlaced():
            return event.kind != "hold"
        case LimitationAnswered():
            return event.how == "asked-again"
        case _:
            return isinstance(event, RENEWS)


def _changes(facts: ArrearsFacts, event: ArrearsEvent) -> dict[str, Any]:
    match event:
        case TaskOpened(task=task):
            return {"asked_from": {task.key: task.opened_at} | facts.asked_from}
        case TaskWithdrawn():
            # Called for again later, it has a term of its own: it was not the utility that let this one pass.
            return {"attempts": {key: tried for key, tried in facts.attempts.items() if key != event.key}}
        case BillRecorded(bill=fact) | PaymentRecorded(payment=fact):
            return {"ledger": (*facts.ledger, fact)} | _read_up_to(event.position, facts)
        case PaymentReversed(reversal=fact):
            return {"ledger": (*facts.ledger, fact), "restored_at": None} | _read_up_to(event.position, facts)
        case ProtectionChanged(protection=fact):
            account = facts.account.model_copy(update={"protected": fact.protected})
            return {"account": account, "limit_given_up_at": None} | _read_up_to(event.position, facts)
        case ClassChanged(classed=fact):
            account = facts.account.model_copy(update={"customer_class": fact.customer_class})
            return {"account": account} | _read_up_to(event.position, facts)
        case BillVoided(void=fact):
            # A paper that names the wrong bill and was not served yet is made out again.
            good = {name: p for name, p in facts.issued.items() if p.served_at is not None or fact.no not in p.bills}
            return {"ledger": (*facts.ledger, fact), "issued": good} | _read_up_to(event.position, facts)
        case AccountChanged(change=fact):
            return {"ledger": (*facts.ledger, fact)} | _read_up_to(event.position, facts)
        case NoticeOverstated():
            return {
                "served": {key: each for key, each in facts.served.items() if key != event.task},
                "asked_from": {key: at for key, at in facts.asked_from.items() if key != event.task},
                "periods": {name: at for name, at in facts.periods.items() if name not in event.periods},
                "approval": None,
                "ask_again_at": None,
                "retry_at": None,
                "notice_overstated": facts.limited_at is not None,
            }
        case FinalSettled():
            settled = tuple(dict.fromkeys((*facts.settled_bills, *event.bills)))
            return {"settled_bills": settled if event.how == "refer" else (), "settle_again_at": event.again_at}
        case SettlementDueAgain():
            return {"settle_again_at": None}
        case LeftBehindReferred():
            return {"referred_bills": tuple(dict.fromkeys((*facts.referred_bills, *event.bills)))}
        case WaiverAsked():
            asked = Asking(id=event.id, by=event.by, fees=event.fees, reason=event.reason, evidence=event.evidence)
            return {"waivers": (*facts.waivers, asked), "waivers_asked": facts.waivers_asked + 1}
        case FeesWaived():
            waived = {no: facts.waived.get(no, 0) + fen for no, fen in event.fees.items()}
            left = tuple(asked for asked in facts.waivers if asked.id != event.id)
            return {"waived": {**facts.waived, **waived}, "waivers": left}
        case WaiverRefused():
            return {"waivers": tuple(asked for asked in facts.waivers if asked.id != event.id)}
        case ViolationRecorded():
            found = Asking(id=event.id, by=event.by, reason=event.note, found=event.found, evidence=event.evidence)
            return {"violations": (*facts.violations, found), "violations_found": facts.violations_found + 1}
        case ViolationHandled():
            return {"violations": tuple(found for found in facts.violations if found.id != event.id)}
        case LimitationNear():
            return {"limitation_warned": event.until, "limitation_open": True}
        case LimitationAnswered():
            return {"limitation_open": False}
        case UnableJudged(how="refer"):
            return {"limit_given_up_at": event.at}
        case UnableJudged():
            return {"unable": 0, "retry_at": event.again_at}
        case LimitGivenUp():
            return {"limit_given_up_at": event.at}
        case BillDisputed():
            return {"disputes": (*facts.disputes, Dispute(bill=event.bill, started_at=event.at))}
        case DisputeResolved():
            return {
                "disputes": tuple(
                    d.model_copy(update={"ended_at": event.at}) if d.bill == event.bill and d.ended_at is None else d
                    for d in facts.disputes
                )
            }
        case HoldPlaced():
            hold = OpenHold(
                id=event.id,
                kind=event.kind,
                reason=event.reason,
                started_at=event.at,
                until=event.until,
                parts=event.parts,
                ground=event.ground,
                evidence=event.evidence,
                reference=event.reference,
                looked_at=event.looked_at,
            )
            return {"holds": (*facts.holds, hold), "holds_placed": facts.holds_placed + 1}
        case HoldFellDue():
            return {"holds": _with_hold(facts, event.id, fell_due=True)}
        case HoldProlonged():
            return {"holds": _with_hold(facts, event.id, fell_due=False, until=event.until)}
        case HoldEnded():
            return {"holds": tuple(hold for hold in facts.holds if hold.id != event.id)}
        case ContactRecorded(reached=True):
            return {"contacts": facts.contacts + 1}
        case NoticeIssued():
            issued = IssuedNotice(
                **{
                    name: getattr(event, name)
                    for name in ("no", "name", "task", "at", "bills", "amount_fen", "content")
                }
            )
            return {"issued": {**facts.issued, event.name: issued}, "notices_issued": facts.notices_issued + 1}
        case NoticeServed():
            of_paper = ("at", "by", "method", "amount_fen", "notice", "bills", "content")
            named = {name: getattr(event, name) for name in of_paper}
            served = Served(**named, customer_class=facts.account.customer_class)
            handed_over = {
                name: each.model_copy(update={"served_at": event.at})
                for name, each in facts.issued.items()
                if each.no == event.notice
            }
            return {"served": {**facts.served, event.task: served}, "issued": {**facts.issued, **handed_over}}
        case NoticeAttemptFailed():
            earlier = facts.attempts.get(event.task)
            attempts = Attempts(counts_from=event.counts_from, failed=earlier.failed + 1 if earlier else 1)
            return {"attempts": {**facts.attempts, event.task: attempts}}
        case NonpayerReported():
            return {"reports": {**facts.reports, event.task: event.by}}
        case CustomerDunned() | LimitPublished():
            return {"did": {**facts.did, event.task: Did(by=event.by, at=event.at)}}
        case CustomerNotReached():
            return {"dun_again_at": event.again_at}
        case LimitApproved():
            return {"approval": Approval(by=event.by, at=event.at)}
        case LimitPutOff():
            return {"ask_again_at": event.until}
        case PressureLimited():
            return {"order": None, "limited_at": event.at, "unable": 0}
        case LimitNotPossible():
            return {"order": None, "retry_at": event.retry_at, "unable": facts.unable + 1}
        case WaterRestored():
            # With a new debt on the first rung meanwhile, the restore ends the old one and is no end of this.
            on_a_new_debt = (not facts.served or facts.notice_overstated) and facts.owed().own > 0
            return {
                "limited_at": None,
                "check_valve": False,
                "restored_at": None if on_a_new_debt else event.at,
                "approval": None,
                "referred": False,
                "notice_overstated": False,
            }
        case ValveFoundUntouched():
            return {"check_valve": False}
        case DebtReferred():
            return {"referred": True}
        case ReferralPutOff():
            return {"refer_again_at": event.until}
        case PeriodEnded():
            return {"periods": {**facts.periods, event.period: event.at}}
        case DeferralEnded():
            return {"ask_again_at": None}
        case LimitOrderIssued():
            order = LimitOrder(no=event.order_no, fence=event.fence, issued_at=event.at)
            return {"order": order, "orders_issued": facts.orders_issued + 1, "retry_at": None}
        case LimitOrderRefused():
            return {"retry_at": event.retry_at}
        case LimitOrderRecalled():
            return {"order": None, "check_valve": True}
        case LadderRestarted():
            # A limit for the old debt does not serve the new one: it is still to be undone.
            check_valve = facts.check_valve or facts.limited_at is not None
            return {**LADDER_START, "round": facts.round + 1, "ladder_from": event.at, "check_valve": check_valve}
        case MessageDue():
            message = Message(
                key=event.key, template=event.template, channel=event.channel, not_before=event.not_before
            )
            replaced = (*facts.replaced, event.instead_of) if event.instead_of else facts.replaced
            return {
                "messages": {**facts.messages, event.key: message},
                "messages_due": facts.messages_due + 1,
                "replaced": replaced,
            }
        case MessageHeld(key=key) if (held := facts.messages.get(key)) is not None:
            held = held.model_copy(update={"not_before": event.not_before})
            return {"messages": {**facts.messages, key: held}}
        case MessageSettled():
            return {"messages": {key: m for key, m in facts.messages.items() if key != event.key}}
        case ClockStopped():
            return {"stood": (*facts.stood, Stood(started_at=event.at))}
        case ClockWentOn():
            return {"stood": (*facts.stood[:-1], facts.stood[-1].model_copy(update={"ended_at": event.at}))}
        case CaseWithdrawn():
            return {"withdrawn": event.reason}
        case PackMoved():
            # The customer was given these terms: the new pack may lengthen a period that runs, never shorten it.
            kept = {period: (*facts.kept_terms.get(period, ()), term) for period, term in event.kept.items()}
            return {"kept_terms": {**facts.kept_terms, **kept}}
        case _:
            return {}


def _read_up_to(position: int, facts: ArrearsFacts) -> dict[str, Any]:
    """Facts are said in order of time, which is not always that of their positions."""
    return {"ledger_position": max(facts.ledger_position, position)}


def _with_hold(facts: ArrearsFacts, hold_id: str, **changed: Any) -> tuple[OpenHold, ...]:
    return tuple(hold.model_copy(update=changed) if hold.id == hold_id else hold for hold in facts.holds)


def heard(position: int, fact: LedgerFact) -> ArrearsEvent:
    """What a case says of a fact that its ledger has."""
    match fact:
        case Bill():
            return BillRecorded(at=fact.at, bill=fact, position=position)
        case Payment():
            return PaymentRecorded(at=fact.at, payment=fact, position=position)
        case Reversal():
            return PaymentReversed(at=fact.at, reversal=fact, position=position)
        case Protected():
            return ProtectionChanged(at=fact.at, protection=fact, position=position)
        case Void():
            return BillVoided(at=fact.at, void=fact, position=position)
        case Classed():
            return ClassChanged(at=fact.at, classed=fact, position=position)
        case Changed():
            return AccountChanged(at=fact.at, change=fact, position=position)
