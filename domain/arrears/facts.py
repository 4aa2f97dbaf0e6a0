"""What an arrears case knows: its events, and the facts they fold into."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from domain.account import (
    Account,
    Bill,
    Dispute,
    Frozen,
    LedgerFact,
    Payment,
    Protected,
    Reversal,
    Standing,
    received,
    standing,
)
from domain.case import CaseFacts, CoreEvent, Event, PackMoved, TaskOpened, TaskWithdrawn, core_changes
from domain.terms import Term

Hold = Literal["hold", "promise", "plan"]
ContactOutcome = Literal["reached", "promised", "invoice-wanted", "not-reached", "wrong-number"]
SPOKE: tuple[ContactOutcome, ...] = ("reached", "promised", "invoice-wanted")
"""What comes of a contact that reached the customer."""


class Part(Frozen):
    """One instalment: an amount to be paid before `due_at` (exclusive: 24:00 of the day agreed)."""

    amount_fen: int
    due_at: datetime


class HoldPlaced(Event):
    """The ladder stands still: for a reason until an instant, or for a promise or plan as long as it is kept."""

    event: Literal["HoldPlaced"] = "HoldPlaced"
    id: str
    kind: Hold
    reason: str
    until: datetime | None = None
    parts: tuple[Part, ...] = ()


class HoldEnded(Event):
    event: Literal["HoldEnded"] = "HoldEnded"
    id: str
    kind: Hold
    how: Literal["released", "over", "kept", "broken"]


class BillRecorded(Event):
    event: Literal["BillRecorded"] = "BillRecorded"
    bill: Bill
    position: int


class BillFellOverdue(Event):
    event: Literal["BillFellOverdue"] = "BillFellOverdue"
    no: str


class PaymentRecorded(Event):
    event: Literal["PaymentRecorded"] = "PaymentRecorded"
    payment: Payment
    position: int


class PaymentReversed(Event):
    event: Literal["PaymentReversed"] = "PaymentReversed"
    reversal: Reversal
    position: int


class ProtectionChanged(Event):
    event: Literal["ProtectionChanged"] = "ProtectionChanged"
    protection: Protected
    position: int


class BillDisputed(Event):
    event: Literal["BillDisputed"] = "BillDisputed"
    bill: str


class DisputeResolved(Event):
    event: Literal["DisputeResolved"] = "DisputeResolved"
    bill: str


class ContactRecorded(Event):
    """A try to speak to the customer. `spoke_at`: when, if it was written down later (a phone without a network)."""

    event: Literal["ContactRecorded"] = "ContactRecorded"
    method: Literal["phone", "visit", "message"]
    reached: bool
    note: str | None = None
    outcome: ContactOutcome | None = None
    place: str | None = None
    photo: str | None = None
    spoke_at: datetime | None = None


class PeriodEnded(Event):
    """A waiting period ran out. `at` is its exclusive end, whenever the case woke up."""

    event: Literal["PeriodEnded"] = "PeriodEnded"
    period: str


class DeferralEnded(Event):
    event: Literal["DeferralEnded"] = "DeferralEnded"


class LimitWindowOpened(Event):
    event: Literal["LimitWindowOpened"] = "LimitWindowOpened"


class LimitOrderIssued(Event):
    event: Literal["LimitOrderIssued"] = "LimitOrderIssued"
    order_no: str
    fence: int


class LimitOrderRefused(Event):
    """The interlock said no; `unmet` names the conditions."""

    event: Literal["LimitOrderRefused"] = "LimitOrderRefused"
    unmet: tuple[str, ...]
    retry_at: datetime


class LimitOrderRecalled(Event):
    event: Literal["LimitOrderRecalled"] = "LimitOrderRecalled"
    order_no: str
    because: str


class NoticeIssued(Event):
    """A notice was made out on paper, of these bills (fen still owed of each); `content` is the hash of what it says.

    `name` is the pack's, `task` what serves it. `instead_of`: the one that this takes the place of, and why.
    """

    event: Literal["NoticeIssued"] = "NoticeIssued"
    no: str
    name: str
    task: str | None
    bills: dict[str, int]
    amount_fen: int
    content: str
    instead_of: str | None = None
    reason: str | None = None


class NoticeServed(Event):
    """A notice reached the customer. `at` is when it was served, `amount_fen` what it named.

    `notice`, `bills` and `content` are those of the paper that was served. Without one `bills` is empty: what was
    overdue then was spoken of, and `amount_fen` is what was owed.
    """

    event: Literal["NoticeServed"] = "NoticeServed"
    task: str
    method: str
    amount_fen: int
    notice: str | None = None
    bills: dict[str, int] = {}
    content: str | None = None


class NoticeAttemptFailed(Event):
    event: Literal["NoticeAttemptFailed"] = "NoticeAttemptFailed"
    task: str
    method: str
    reason: str | None = None
    counts_from: datetime


class NonpayerReported(Event):
    event: Literal["NonpayerReported"] = "NonpayerReported"
    task: str
    reason: str


class CustomerDunned(Event):
    """The representative reached the customer and wrote it down (催收记录)."""

    event: Literal["CustomerDunned"] = "CustomerDunned"
    task: str
    method: str
    record: str


class CustomerNotReached(Event):
    event: Literal["CustomerNotReached"] = "CustomerNotReached"
    task: str
    method: str
    record: str
    again_at: datetime


class LimitPublished(Event):
    """The coming limit was made known in the estate's groups, without a name, a door or an amount."""

    event: Literal["LimitPublished"] = "LimitPublished"
    task: str
    channel: str
    text: str


class LimitApproved(Event):
    event: Literal["LimitApproved"] = "LimitApproved"


class LimitPutOff(Event):
    """Refused or deferred by the second person: asked again at `until`."""

    event: Literal["LimitPutOff"] = "LimitPutOff"
    how: Literal["refused", "deferred"]
    until: datetime
    reason: str | None = None


class PressureLimited(Event):
    event: Literal["PressureLimited"] = "PressureLimited"
    order_no: str


class LimitNotPossible(Event):
    """The engineer could not limit (locked door, valve not found): a new order is tried from `retry_at`."""

    event: Literal["LimitNotPossible"] = "LimitNotPossible"
    order_no: str
    reason: str
    retry_at: datetime


class WaterRestored(Event):
    event: Literal["WaterRestored"] = "WaterRestored"


class ValveFoundUntouched(Event):
    event: Literal["ValveFoundUntouched"] = "ValveFoundUntouched"


class DebtReferred(Event):
    event: Literal["DebtReferred"] = "DebtReferred"


class ReferralPutOff(Event):
    event: Literal["ReferralPutOff"] = "ReferralPutOff"
    until: datetime


class LadderRestarted(Event):
    """A debt of which no notice could speak, after the one that was told is gone: told from the first rung on."""

    event: Literal["LadderRestarted"] = "LadderRestarted"


class MessageDue(Event):
    """A message to the customer, to be sent once, not before `not_before`; by another channel `instead_of` one that
    failed."""

    event: Literal["MessageDue"] = "MessageDue"
    key: str
    template: str
    channel: str
    not_before: datetime
    instead_of: str | None = None


class MessageHeld(Event):
    """A message that nobody was there to send when it was due waits for the morning."""

    event: Literal["MessageHeld"] = "MessageHeld"
    key: str
    not_before: datetime


class MessageSettled(Event):
    """What became of a message: accepted by the provider, failed for good, no longer wanted, or nobody knows."""

    event: Literal["MessageSettled"] = "MessageSettled"
    key: str
    template: str
    channel: str
    status: Literal["sent", "failed", "withdrawn", "unknown"]
    detail: str | None = None


class MessageReported(Event):
    """What the provider reported of a message afterwards: that it reached the customer's phone, or never will."""

    event: Literal["MessageReported"] = "MessageReported"
    key: str
    template: str
    channel: str
    status: Literal["delivered", "failed"]
    detail: str | None = None


class ClockStopped(Event):
    """The ladder stands still on a hold or dispute: the customer's periods stop running."""

    event: Literal["ClockStopped"] = "ClockStopped"
    because: str


class ClockWentOn(Event):
    event: Literal["ClockWentOn"] = "ClockWentOn"


class ReviewDue(Event):
    """Nothing has moved for the pack's review term: someone should look."""

    event: Literal["ReviewDue"] = "ReviewDue"
    because: str


class CaseWithdrawn(Event):
    event: Literal["CaseWithdrawn"] = "CaseWithdrawn"
    reason: str


ArrearsEvent = Annotated[
    CoreEvent
    | HoldPlaced
    | HoldEnded
    | BillRecorded
    | BillFellOverdue
    | PaymentRecorded
    | PaymentReversed
    | ProtectionChanged
    | BillDisputed
    | DisputeResolved
    | ContactRecorded
    | PeriodEnded
    | NoticeIssued
    | NoticeServed
    | NoticeAttemptFailed
    | NonpayerReported
    | CustomerDunned
    | CustomerNotReached
    | LimitPublished
    | LimitApproved
    | LimitPutOff
    | PressureLimited
    | LimitNotPossible
    | WaterRestored
    | ValveFoundUntouched
    | DebtReferred
    | ReferralPutOff
    | DeferralEnded
    | LimitWindowOpened
    | LimitOrderIssued
    | LimitOrderRefused
    | LimitOrderRecalled
    | LadderRestarted
    | MessageDue
    | MessageHeld
    | MessageSettled
    | MessageReported
    | ClockStopped
    | ClockWentOn
    | ReviewDue
    | CaseWithdrawn,
    Field(discriminator="event"),
]


class IssuedNotice(Frozen):
    """A notice made out on paper: what it speaks of stays as it was then."""

    no: str
    name: str
    task: str | None
    at: datetime
    bills: dict[str, int]
    amount_fen: int
    content: str
    served_at: datetime | None = None


class Served(Frozen):
    """A notice that reached the customer, with who served it and the amount and (on paper) the bills it named."""

    at: datetime
    by: str
    method: str
    amount_fen: int
    notice: str | None = None
    bills: dict[str, int] = {}
    content: str | None = None


class Attempts(Frozen):
    """Failed attempts to serve a notice: the term still counts from the first opening."""

    counts_from: datetime
    failed: int


class Did(Frozen):
    """A rung whose record is all it needs: who did it, and when."""

    by: str
    at: datetime


class OpenHold(Frozen):
    id: str
    kind: Hold
    reason: str
    started_at: datetime
    until: datetime | None = None
    parts: tuple[Part, ...] = ()


class Stood(Frozen):
    """A stretch in which the ladder stood still; `ended_at` None while it does."""

    started_at: datetime
    ended_at: datetime | None = None


class Approval(Frozen):
    by: str
    at: datetime


class LimitOrder(Frozen):
    no: str
    fence: int
    issued_at: datetime


class Message(Frozen):
    key: str
    template: str
    channel: str
    not_before: datetime


class ArrearsFacts(CaseFacts):
    """Everything the ladder is a function of."""

    account: Account
    ledger: tuple[LedgerFact, ...] = ()
    ledger_position: int = 0
    disputes: tuple[Dispute, ...] = ()
    holds: tuple[OpenHold, ...] = ()
    holds_placed: int = 0
    stood: tuple[Stood, ...] = ()
    round: int = 1
    contacts: int = 0
    reports: dict[str, str] = {}
    did: dict[str, Did] = {}
    dun_again_at: datetime | None = None
    ladder_from: datetime | None = None
    asked_from: dict[str, datetime] = {}
    attempts: dict[str, Attempts] = {}
    issued: dict[str, IssuedNotice] = {}
    notices_issued: int = 0
    served: dict[str, Served] = {}
    periods: dict[str, datetime] = {}
    kept_terms: dict[str, tuple[Term, ...]] = {}
    approval: Approval | None = None
    ask_again_at: datetime | None = None
    order: LimitOrder | None = None
    orders_issued: int = 0
    retry_at: datetime | None = None
    check_valve: bool = False
    limited_at: datetime | None = None
    restored_at: datetime | None = None
    referred: bool = False
    refer_again_at: datetime | None = None
    withdrawn: str | None = None
    messages: dict[str, Message] = {}
    messages_due: int = 0
    replaced: tuple[str, ...] = ()

    def owed(self) -> Standing:
        """What the account owes now, from every ledger fact the case has seen."""
        return standing(facts=self.ledger, disputes=self.disputes, as_of=self.as_of)

    def overdue_bills(self) -> set[str]:
        """Numbers of the bills past their due day, paid or not."""
        return {f.no for f in self.ledger if isinstance(f, Bill) and f.overdue_from <= self.as_of}

    def paid_since(self, at: datetime) -> int:
        """Payments (fen) made from `at` on and not taken back."""
        return sum(payment.amount_fen for payment in received(self.ledger) if payment.counts_from >= at)


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
}


def fold(facts: ArrearsFacts, event: ArrearsEvent) -> ArrearsFacts:
    """The facts after `event`. The only way facts change."""
    folded = facts.model_copy(update=core_changes(facts, event) | _changes(facts, event))
    if (folded.approval or folded.ask_again_at or folded.retry_at) and folded.owed().overdue == 0:
        # An approval was given for this debt: should the payment be reversed, a second person looks again.
        folded = folded.model_copy(update={"approval": None, "ask_again_at": None, "retry_at": None})
    return folded


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
            return {"account": account} | _read_up_to(event.position, facts)
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
            )
            return {"holds": (*facts.holds, hold), "holds_placed": facts.holds_placed + 1}
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
            served = Served(**{name: getattr(event, name) for name in of_paper})
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
            return {"order": None, "limited_at": event.at}
        case LimitNotPossible():
            return {"order": None, "retry_at": event.retry_at}
        case WaterRestored():
            # With a new debt on the first rung meanwhile, the restore ends the old one and is no end of this.
            on_a_new_debt = not facts.served and facts.owed().overdue > 0
            return {
                "limited_at": None,
                "check_valve": False,
                "restored_at": None if on_a_new_debt else event.at,
                "approval": None,
                "referred": False,
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
