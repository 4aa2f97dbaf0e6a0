"""What can happen in an arrears case, an event each: with `fold` in `facts` they are all that a case knows."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from domain.account import (
    Bill,
    Changed,
    Classed,
    Frozen,
    Payment,
    Protected,
    Reversal,
    Void,
)
from domain.case import CoreEvent, Event

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
