"""What an arrears case knows: its events, and the facts they fold into."""

from collections import deque
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from domain.account import (
    Account,
    Bill,
    Changed,
    Classed,
    CustomerClass,
    Dispute,
    Frozen,
    LedgerFact,
    Payment,
    Protected,
    Reversal,
    Standing,
    Void,
    received,
    standing,
)
from domain.case import CaseFacts, CoreEvent, Event, PackMoved, TaskOpened, TaskWithdrawn, core_changes
from domain.terms import Term

Hold = Literal["hold", "promise", "plan"]
ContactOutcome = Literal["reached", "promised", "invoice-wanted", "not-reached", "wrong-number"]
SPOKE: tuple[ContactOutcome, ...] = ("reached", "promised", "invoice-wanted")
"""What comes of a contact that reached the customer."""
Ground = Literal[
    "vulnerable-review",
    "meter-check",
    "force-majeure",
    "court",
    "bankruptcy",
    "death",
    "bank-in-transit",
    "use-class",
    "relief",
    "invoice-first",
]
"""Why a ladder may stand still, besides a customer's promise or plan. The pack says how long each may last."""


class Part(Frozen):
    """One instalment: an amount to be paid before `due_at` (exclusive: 24:00 of the day agreed)."""

    amount_fen: int
    due_at: datetime


class HoldPlaced(Event):
    """The ladder stands still: for a reason until an instant, or for a promise or plan as long as it is kept.

    `ground` is a reason of the pack's list. `looked_at`: at its end somebody looks before the ladder goes on.
    `reference` names a collection that is on its way through the bank.
    """

    event: Literal["HoldPlaced"] = "HoldPlaced"
    id: str
    kind: Hold
    reason: str
    until: datetime | None = None
    parts: tuple[Part, ...] = ()
    ground: Ground | None = None
    evidence: str | None = None
    reference: str | None = None
    looked_at: bool = False


class HoldFellDue(Event):
    """A hold has come to its end and stands on until a supervisor has looked at it."""

    event: Literal["HoldFellDue"] = "HoldFellDue"
    id: str
    ground: Ground | None = None


class HoldProlonged(Event):
    event: Literal["HoldProlonged"] = "HoldProlonged"
    id: str
    until: datetime
    reason: str | None = None


class HoldEnded(Event):
    event: Literal["HoldEnded"] = "HoldEnded"
    id: str
    kind: Hold
    how: Literal["released", "over", "kept", "broken"]
    ground: Ground | None = None
    reason: str | None = None


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


class BillVoided(Event):
    """A bill was taken back because it was wrong; the one in its place, if any, was recorded before."""

    event: Literal["BillVoided"] = "BillVoided"
    void: Void
    position: int


class NoticeOverstated(Event):
    """A notice named more than is owed now that a bill was corrected: it is to be served again."""

    event: Literal["NoticeOverstated"] = "NoticeOverstated"
    task: str
    amount_fen: int
    periods: tuple[str, ...] = ()


class ClassChanged(Event):
    event: Literal["ClassChanged"] = "ClassChanged"
    classed: Classed
    position: int


class AccountChanged(Event):
    """Another tenant or owner, or an account closed, suspended, resumed or demolished."""

    event: Literal["AccountChanged"] = "AccountChanged"
    change: Changed
    position: int


class FinalSettled(Event):
    """The final settlement with whoever left: what becomes of these bills."""

    event: Literal["FinalSettled"] = "FinalSettled"
    how: Literal["refer", "keep"]
    bills: tuple[str, ...]
    again_at: datetime | None = None


class SettlementDueAgain(Event):
    """What was left behind and kept here is looked at again."""

    event: Literal["SettlementDueAgain"] = "SettlementDueAgain"


class LeftBehindReferred(Event):
    """What a predecessor left behind was referred to legal recovery."""

    event: Literal["LeftBehindReferred"] = "LeftBehindReferred"
    bills: tuple[str, ...]


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


class WaiverAsked(Event):
    """Late fees (fen, by bill) are to be waived, if a second person agrees."""

    event: Literal["WaiverAsked"] = "WaiverAsked"
    id: str
    fees: dict[str, int]
    reason: str
    evidence: str | None = None


class FeesWaived(Event):
    event: Literal["FeesWaived"] = "FeesWaived"
    id: str
    fees: dict[str, int]


class WaiverRefused(Event):
    event: Literal["WaiverRefused"] = "WaiverRefused"
    id: str
    reason: str | None = None


class ViolationRecorded(Event):
    """A limited valve was found opened, or its seal broken: the limit stands, and the violation is pursued."""

    event: Literal["ViolationRecorded"] = "ViolationRecorded"
    id: str
    found: str
    note: str | None = None
    evidence: str


class ViolationHandled(Event):
    event: Literal["ViolationHandled"] = "ViolationHandled"
    id: str
    how: str


class LimitationNear(Event):
    """The three years in which the debt can be sued for (Civil Code 188) are soon over for the oldest of it."""

    event: Literal["LimitationNear"] = "LimitationNear"
    until: datetime


class LimitationAnswered(Event):
    """What was done about it: the customer was asked again, which begins the years anew, or the debt is let lapse."""

    event: Literal["LimitationAnswered"] = "LimitationAnswered"
    how: Literal["asked-again", "let-lapse"]
    method: str | None = None


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

    `otherwise`: by another way than the pack asks for in such an estate. `recipient`: who took it, where that was
    somebody else than the customer.
    """

    event: Literal["NoticeServed"] = "NoticeServed"
    task: str
    method: str
    amount_fen: int
    notice: str | None = None
    bills: dict[str, int] = {}
    content: str | None = None
    otherwise: bool = False
    recipient: str | None = None


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
    cause: str | None = None


class LimitGivenUp(Event):
    """The ladder goes on past the limit: this account is never limited, and its debt is referred."""

    event: Literal["LimitGivenUp"] = "LimitGivenUp"
    because: str


class UnableJudged(Event):
    """Tried in vain as often as the pack allows: the supervisor says what follows."""

    event: Literal["UnableJudged"] = "UnableJudged"
    how: Literal["try-again", "refer"]
    again_at: datetime | None = None
    reason: str | None = None


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
    | HoldFellDue
    | HoldProlonged
    | HoldEnded
    | BillVoided
    | NoticeOverstated
    | ClassChanged
    | AccountChanged
    | FinalSettled
    | SettlementDueAgain
    | LeftBehindReferred
    | WaiverAsked
    | FeesWaived
    | WaiverRefused
    | ViolationRecorded
    | ViolationHandled
    | LimitationNear
    | LimitationAnswered
    | UnableJudged
    | LimitGivenUp
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
    """A notice that reached the customer, with who served it and the amount and (on paper) the bills it named.

    `customer_class` is the one the customer had then: it stays that of the period that runs from here.
    """

    at: datetime
    by: str
    method: str
    amount_fen: int
    notice: str | None = None
    bills: dict[str, int] = {}
    content: str | None = None
    customer_class: CustomerClass | None = None


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
    ground: Ground | None = None
    evidence: str | None = None
    reference: str | None = None
    looked_at: bool = False
    fell_due: bool = False


class Asking(Frozen):
    """Something that waits for a person beside the ladder: a waiver asked for, a violation found."""

    id: str
    by: str
    fees: dict[str, int] = {}
    reason: str | None = None
    found: str | None = None
    evidence: str | None = None


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


_ASKED: deque[tuple[tuple[LedgerFact, ...], tuple[Dispute, ...], dict[str, int], datetime, Standing]] = deque(maxlen=8)
"""The last balances that were worked out. One step of a case asks for the same one some ten times."""


def _owed(
    ledger: tuple[LedgerFact, ...], disputes: tuple[Dispute, ...], waived: dict[str, int], as_of: datetime
) -> Standing:
    # By the very objects, which nobody changes: to compare what is in them would cost what it is to save.
    for known in tuple(_ASKED):
        if known[0] is ledger and known[1] is disputes and known[2] is waived and known[3] == as_of:
            return known[4]
    owed = standing(facts=ledger, disputes=disputes, waived=waived, as_of=as_of)
    _ASKED.append((ledger, disputes, waived, as_of, owed))
    return owed


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
    notice_overstated: bool = False
    unable: int = 0
    limit_given_up_at: datetime | None = None
    waivers: tuple[Asking, ...] = ()
    waivers_asked: int = 0
    waived: dict[str, int] = {}
    violations: tuple[Asking, ...] = ()
    violations_found: int = 0
    settled_bills: tuple[str, ...] = ()
    referred_bills: tuple[str, ...] = ()
    settle_again_at: datetime | None = None
    renewed_at: datetime | None = None
    limitation_warned: datetime | None = None
    limitation_open: bool = False

    def owed(self) -> Standing:
        """What the account owes now, from every ledger fact the case has seen."""
        return _owed(self.ledger, self.disputes, self.waived, self.as_of)

    def overdue_bills(self) -> set[str]:
        """Numbers of the bills past their due day, paid or not."""
        return {f.no for f in self.ledger if isinstance(f, Bill) and f.overdue_from <= self.as_of}

    def bills(self) -> list[Bill]:
        """The bills that stand, each once: one that was taken back stands no more."""
        taken_back = {fact.no for fact in self.ledger if isinstance(fact, Void)}
        bills = {fact.no: fact for fact in self.ledger if isinstance(fact, Bill) and fact.no not in taken_back}
        return sorted(bills.values(), key=lambda bill: (bill.due_on, bill.no))

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
