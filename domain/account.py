"""An account's bills, payments and disputes, and what is owed at any moment: a pure function of all of them.

The balance does not depend on the order in which facts arrived: everything is replayed by its own instant.
Money is integer fen (分).
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from domain.calendars import start_of

CustomerClass = Literal["resident", "organisation"]
Estate = Literal["open", "gated"]
Protection = Literal["hospital", "school", "vulnerable", "shared-master"]


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
    """One bill. `amount_fen` is the principal; a late fee (违约金) stands apart and never limits."""

    kind: Literal["bill"] = "bill"
    no: str
    period: str
    amount_fen: int
    due_on: date
    late_fee_fen: int = 0
    at: datetime

    @property
    def overdue_from(self) -> datetime:
        """First instant at which the bill is overdue: 24:00 of its due day."""
        return start_of(self.due_on + timedelta(days=1))


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


LedgerFact = Annotated[Bill | Payment | Reversal | Protected, Field(discriminator="kind")]


class Dispute(Frozen):
    """A bill the customer contests; the rest of the debt goes on."""

    bill: str
    started_at: datetime
    ended_at: datetime | None = None


class Standing(Frozen):
    """What is owed, in fen. `overdue` counts every bill past its due day, `undisputed` those that may be pursued."""

    overdue: int
    undisputed: int
    late_fees: int
    prepaid: int
    owed: dict[str, int]

    @property
    def disputed(self) -> int:
        return self.overdue - self.undisputed


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


def received(facts: Iterable[Bill | Payment | Reversal | Protected]) -> list[Payment]:
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
    facts: Iterable[Bill | Payment | Reversal | Protected],
    disputes: Iterable[Dispute] = (),
    as_of: datetime,
) -> Standing:
    """What the account owes at `as_of`, from all facts known, whatever order they came in.

    A payment that names bills goes to them first, also to one that was recorded after it; what is left, and one that
    names none, goes to undisputed overdue bills, oldest first, principal before late fees; the rest is prepaid and nets
    the next bill that falls due. A reversed payment counts as never made, one reported twice as made once.
    """
    facts = list(facts)
    books = _Books()
    bills = (fact for fact in facts if isinstance(fact, Bill))
    for bill in sorted(bills, key=lambda b: (b.at, b.no, b.due_on, b.amount_fen, b.late_fee_fen)):
        if bill.no not in books.owed:
            books.owed[bill.no] = bill
            books.left[bill.no], books.fees[bill.no] = bill.amount_fen, bill.late_fee_fen
    # At one instant bills fall overdue first, then disputes begin, then others end, and then money comes in.
    moments: list[tuple[datetime, int, str, Payment | None]] = []
    moments += ((bill.overdue_from, 0, bill.no, None) for bill in books.owed.values())
    for dispute in disputes:
        moments.append((dispute.started_at, 1, dispute.bill, None))
        if dispute.ended_at is not None:
            moments.append((max(dispute.started_at, dispute.ended_at), 2, dispute.bill, None))
    moments += ((payment.counts_from, 3, payment.reference, payment) for payment in received(facts))
    for at, rank, no, payment in sorted(moments, key=lambda m: m[:3]):
        if at > as_of:
            break
        if payment is not None:
            books.prepaid += payment.amount_fen
            books.pay(named for named in payment.bills if named in books.owed)
        elif rank:
            books.disputed[no] += 1 if rank == 1 else -1
        books.pay(books.pursued(at=at))
    overdue = [no for no, bill in books.owed.items() if bill.overdue_from <= as_of]
    return Standing(
        overdue=sum(books.left[no] for no in overdue),
        undisputed=sum(books.left[no] for no in overdue if not books.disputed[no]),
        late_fees=sum(books.fees[no] for no in overdue),
        prepaid=books.prepaid,
        owed={no: books.left[no] for no in overdue if books.left[no]},
    )
