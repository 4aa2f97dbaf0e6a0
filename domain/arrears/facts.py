"""What an arrears case knows: the facts that its events fold into."""

from collections import deque
from datetime import datetime

from domain.account import (
    Account,
    Bill,
    CustomerClass,
    Dispute,
    Frozen,
    LedgerFact,
    Standing,
    Void,
    received,
    standing,
)
from domain.arrears.events import (
    Ground,
    Hold,
    Part,
)
from domain.case import CaseFacts
from domain.terms import Term


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

    def left(self, paid_fen: int) -> tuple[Part, ...]:
        """The parts that so much money does not cover, the earliest first, each with what is left of it."""
        left: list[Part] = []
        for part in sorted(self.parts, key=lambda part: part.due_at):
            covered = min(paid_fen, part.amount_fen)
            paid_fen -= covered
            if covered < part.amount_fen:
                left.append(part.model_copy(update={"amount_fen": part.amount_fen - covered}))
        return tuple(left)


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
