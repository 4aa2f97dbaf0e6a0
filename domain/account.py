"""An account's bills, payments and disputes, and what is owed at any moment: a pure function of all of them.

The balance does not depend on the order in which facts arrived: everything is replayed by its own instant.
Money is integer fen (分).
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from domain.calendars import start_of

CustomerClass = Literal["resident", "organisation"]
Estate = Literal["open", "gated"]
Protection = Literal["hospital", "school", "vulnerable", "shared-master"]
Change = Literal["tenant", "owner", "closed", "suspended", "demolished", "resumed"]


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class Account(Frozen):
    """What a case needs to know of an account. No personal data: name, address and phone stay in the store."""

    no: str
    customer_class: CustomerClass
    estate: Estate = "open"
    protected: tuple[Protection, ...] = ()
    reachable: bool = True


class Bill(Frozen):
    """One bill. `amount_fen` is the principal; a late fee (违约金) stands apart and never limits.

    What it was made from is for those who explain it: meter readings and volume in cubic metres, the fees that the
    principal is made of (fen, by name), and whether the reading was estimated. `final` is the last one of a customer
    who leaves.
    """

    kind: Literal["bill"] = "bill"
    no: str
    period: str
    amount_fen: int
    due_on: date
    late_fee_fen: int = 0
    at: datetime
    reading_before: Decimal | None = None
    reading: Decimal | None = None
    volume: Decimal | None = None
    fees: dict[str, int] = {}
    estimated: bool = False
    final: bool = False

    @property
    def overdue_from(self) -> datetime:
        """First instant at which the bill is overdue: 24:00 of its due day."""
        return start_of(self.due_on + timedelta(days=1))


BILL_DETAILS = ("reading_before", "reading", "volume", "fees", "estimated", "final")
"""The fields of a bill that say what it was made from."""


class Payment(Frozen):
    """Money received. `at` is when it came through our door, `paid_at` when the customer paid."""

    kind: Literal["payment"] = "payment"
    reference: str
    amount_fen: int
    bills: tuple[str, ...] = ()
    paid_at: datetime
    at: datetime

    @property
    def counts_from(self) -> datetime:
        """When it begins to count: as it was paid, and at the latest as we had it, whatever a bank's clock said."""
        return min(self.paid_at, self.at)


class Reversal(Frozen):
    """A payment taken back (returned by the bank, booked to the wrong account)."""

    kind: Literal["reversal"] = "reversal"
    reference: str
    at: datetime


class Protected(Frozen):
    """The account's protection as the billing system now has it."""

    kind: Literal["protection"] = "protection"
    protected: tuple[Protection, ...]
    at: datetime


class Void(Frozen):
    """A bill taken back because it was wrong: it counts as never issued. `corrected_by`: the bill in its place."""

    kind: Literal["void"] = "void"
    no: str
    corrected_by: str | None = None
    reason: str
    at: datetime


class Classed(Frozen):
    """The class of customer as the billing system now has it."""

    kind: Literal["class"] = "class"
    customer_class: CustomerClass
    at: datetime


class Changed(Frozen):
    """Another tenant or owner from a day on, or an account closed, suspended, resumed, or its house demolished.

    `bills` belong to whoever was there before although their month says otherwise.
    """

    kind: Literal["change"] = "change"
    what: Change
    changed_on: date
    bills: tuple[str, ...] = ()
    at: datetime

    def leaves_behind(self, bill: Bill) -> bool:
        """Whether a bill is the debt of somebody who has no part in this account from here on."""
        if self.what in ("tenant", "owner"):
            earlier = bill.period < f"{self.changed_on:%Y-%m}"
            return earlier or bill.no in self.bills or bill.final
        return self.what != "resumed"


LedgerFact = Annotated[Bill | Payment | Reversal | Protected | Void | Classed | Changed, Field(discriminator="kind")]


class Dispute(Frozen):
    """A bill the customer contests; the rest of the debt goes on."""

    bill: str
    started_at: datetime
    ended_at: datetime | None = None

    def stands_at(self, at: datetime) -> bool:
        return self.started_at <= at and (self.ended_at is None or at < self.ended_at)


class Standing(Frozen):
    """What is owed, in fen. `overdue` counts every bill past its due day, `undisputed` those that may be pursued.

    `left_behind` are the bills of a predecessor, or of an account that is no more: referred, never pursued here.
    `whole`: of all that fell overdue nothing was paid, is disputed or was left behind.
    """

    overdue: int
    undisputed: int
    late_fees: int
    prepaid: int
    owed: dict[str, int]
    left_behind: tuple[str, ...] = ()
    whole: bool = False

    @property
    def apart(self) -> int:
        """What was left behind."""
        return sum(self.owed[no] for no in self.left_behind)

    @property
    def own(self) -> int:
        """What the customer of today owes."""
        return self.overdue - self.apart

    @property
    def disputed(self) -> int:
        return self.own - self.undisputed


@dataclass
class _Books:
    owed: dict[str, Bill] = field(default_factory=dict)
    left: dict[str, int] = field(default_factory=dict)
    fees: dict[str, int] = field(default_factory=dict)
    disputed: Counter[str] = field(default_factory=Counter)
    prepaid: int = 0

    def pursued(self, *, at: datetime) -> list[str]:
        """Undisputed overdue bills, oldest due day first."""
        bills = (b for b in self.owed.values() if not self.disputed[b.no] and b.overdue_from <= at)
        return [b.no for b in sorted(bills, key=lambda b: (b.due_on, b.no)) if self.left[b.no] or self.fees[b.no]]

    def pay(self, nos: Iterable[str]) -> None:
        """Spend what is prepaid on these bills: principal of each first, then their late fees."""
        nos = list(nos)
        for pot in (self.left, self.fees):
            for no in nos:
                part = min(self.prepaid, pot.get(no, 0))
                if part:
                    pot[no] -= part
                    self.prepaid -= part


def received(facts: Iterable[LedgerFact]) -> list[Payment]:
    """Payments that stand, in order of time: each reference once, those taken back left out."""
    facts = list(facts)
    taken_back = {fact.reference for fact in facts if isinstance(fact, Reversal)}
    payments = [fact for fact in facts if isinstance(fact, Payment) and fact.reference not in taken_back]
    once: dict[str, Payment] = {}
    for payment in sorted(payments, key=lambda p: (p.counts_from, p.reference, p.amount_fen)):
        once.setdefault(payment.reference, payment)
    return list(once.values())


def standing(
    *,
    facts: Iterable[LedgerFact],
    disputes: Iterable[Dispute] = (),
    waived: Mapping[str, int] | None = None,
    as_of: datetime,
) -> Standing:
    """What the account owes at `as_of`, from all facts known, whatever order they came in.

    A payment that names bills goes to them first, also to one that was recorded after it; what is left, and one that
    names none, goes to undisputed overdue bills, oldest first, principal before late fees; the rest is prepaid and nets
    the next bill that falls due. A reversed payment counts as never made, one reported twice as made once, a bill taken
    back as never issued: money that named it names the one in its place. `waived` late fees were never charged.
    """
    facts = list(facts)
    books, instead = _Books(), _instead(facts)
    bills = (fact for fact in facts if isinstance(fact, Bill) and fact.no not in instead)
    for bill in sorted(bills, key=lambda b: (b.at, b.no, b.due_on, b.amount_fen, b.late_fee_fen)):
        if bill.no not in books.owed:
            books.owed[bill.no] = bill
            books.left[bill.no] = bill.amount_fen
            books.fees[bill.no] = max(0, bill.late_fee_fen - (waived or {}).get(bill.no, 0))
    # At one instant bills fall overdue first, then disputes begin, then others end, and then money comes in.
    moments: list[tuple[datetime, int, str, Payment | None]] = []
    moments += ((bill.overdue_from, 0, bill.no, None) for bill in books.owed.values())
    left_behind = list(_left_behind(facts, books.owed.values()))
    # A successor's money is not spent on a predecessor's bills; where nobody came after, whoever pays pays for these.
    for dispute in [*disputes, *(each for each, succeeded in left_behind if succeeded)]:
        moments.append((dispute.started_at, 1, dispute.bill, None))
        if dispute.ended_at is not None:
            moments.append((max(dispute.started_at, dispute.ended_at), 2, dispute.bill, None))
    moments += ((payment.counts_from, 3, payment.reference, payment) for payment in received(facts))
    for at, rank, no, payment in sorted(moments, key=lambda m: m[:3]):
        if at > as_of:
            break
        if payment is not None:
            books.prepaid += payment.amount_fen
            named = (_in_place_of(no, instead) for no in payment.bills)
            books.pay(no for no in named if no is not None and no in books.owed)
        elif rank:
            books.disputed[no] += 1 if rank == 1 else -1
        books.pay(books.pursued(at=at))
    overdue = [no for no, bill in books.owed.items() if bill.overdue_from <= as_of]
    gone = {each.bill for each, _ in left_behind if each.stands_at(as_of)}
    undisputed = sum(books.left[no] for no in overdue if not books.disputed[no] and no not in gone)
    return Standing(
        overdue=sum(books.left[no] for no in overdue),
        undisputed=undisputed,
        whole=undisputed == sum(books.owed[no].amount_fen for no in overdue),
        late_fees=sum(books.fees[no] for no in overdue),
        prepaid=books.prepaid,
        owed={no: books.left[no] for no in overdue if books.left[no]},
        left_behind=tuple(no for no in overdue if books.left[no] and no in gone),
    )


def in_place_of(facts: Iterable[LedgerFact], amounts: Mapping[str, int]) -> dict[str, int]:
    """Amounts by bill (fen), each at the bill that stands where that one stood; what stands nowhere is left out."""
    instead = _instead(facts)
    moved: Counter[str] = Counter()
    for no, fen in amounts.items():
        if (stands := _in_place_of(no, instead)) is not None:
            moved[stands] += fen
    return dict(moved)


def _instead(facts: Iterable[LedgerFact]) -> dict[str, str | None]:
    """Bills taken back, each with the one in its place."""
    voids = sorted((fact for fact in facts if isinstance(fact, Void)), key=lambda v: (v.at, v.no, v.corrected_by or ""))
    return {void.no: void.corrected_by for void in voids}


def _in_place_of(no: str, instead: Mapping[str, str | None]) -> str | None:
    """The bill that stands where this one stood; None when none does."""
    seen: set[str] = set()
    while no in instead:
        following = instead[no]
        if following is None or no in seen:
            return None
        seen.add(no)
        no = following
    return no


def _left_behind(facts: Iterable[LedgerFact], bills: Iterable[Bill]) -> Iterator[tuple[Dispute, bool]]:
    """The bills that are no debt of a customer of today, each from when and until when, and whether one is there."""
    changes = sorted((fact for fact in facts if isinstance(fact, Changed)), key=lambda c: (c.at, c.changed_on, c.what))
    bills = list(bills)
    for change in changes:
        if change.what == "resumed":
            continue
        resumed = (later.at for later in changes if later.what == "resumed" and later.at >= change.at)
        until = next(resumed, None) if change.what == "suspended" else None
        for bill in bills:
            if change.leaves_behind(bill):
                left = Dispute(bill=bill.no, started_at=change.at, ended_at=until)
                yield left, change.what in ("tenant", "owner")
