"""水费回收率: of the bills due in a period, how much was paid by the period's end; and how old the rest is.

By amount. A bill counts in the month and year of its due day. Paid is what went to it by the end of that period,
payments taken back left out, as the account itself allots them. A disputed bill counts as due, and is shown apart.
"""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal

from domain.account import Bill, Dispute, Frozen, LedgerFact, Payment, Void, standing
from domain.calendars import start_of
from domain.clauses import keeps

AGES: tuple[tuple[int, int | None], ...] = ((0, 30), (31, 60), (61, 90), (91, 180), (181, 365), (366, None))
"""Days since the due day, first and last of each; the oldest has no last."""


class Collected(Frozen):
    """One bill, and what was paid on it (fen): by the end of its month, of its year, and so far."""

    no: str
    due_on: date
    amount_fen: int
    month_fen: int
    year_fen: int
    paid_fen: int
    disputed: bool

    @property
    def month(self) -> int:
        return month_of(self.due_on)


def month_of(day: date) -> int:
    """A month as a number that sorts: 202603."""
    return day.year * 100 + day.month


def month_end(day: date) -> datetime:
    """24:00 of the last day of the month."""
    return start_of(date(day.year + day.month // 12, day.month % 12 + 1, 1))


def year_end(day: date) -> datetime:
    return start_of(date(day.year + 1, 1, 1))


def collected(facts: Iterable[LedgerFact], disputes: Iterable[Dispute] = ()) -> list[Collected]:
    """Each bill of an account with what was paid on it, from all facts known.

    A bill that was taken back is none. It depends on no present time: a bill that is not due yet stands as it will
    when it falls due, if nothing more happens.
    """
    facts, disputes = list(facts), list(disputes)
    taken_back = {fact.no for fact in facts if isinstance(fact, Void)}
    bills: dict[str, Bill] = {}
    for fact in facts:
        if isinstance(fact, Bill) and fact.no not in taken_back:
            bills.setdefault(fact.no, fact)
    if not bills:
        return []
    contested = {dispute.bill for dispute in disputes if dispute.ended_at is None}
    nothing_paid = not any(isinstance(fact, Payment) for fact in facts)  # so it is with most of a ledger that comes in
    ends = {end for bill in bills.values() for end in (month_end(bill.due_on), year_end(bill.due_on))}
    last = max(ends | {fact.at for fact in facts})
    owed = (
        {} if nothing_paid else {end: standing(facts=facts, disputes=disputes, as_of=end).owed for end in ends | {last}}
    )

    def paid(bill: Bill, by: datetime) -> int:
        return 0 if nothing_paid else bill.amount_fen - owed[by].get(bill.no, 0)

    return [
        Collected(
            no=bill.no,
            due_on=bill.due_on,
            amount_fen=bill.amount_fen,
            month_fen=paid(bill, month_end(bill.due_on)),
            year_fen=paid(bill, year_end(bill.due_on)),
            paid_fen=paid(bill, last),
            disputed=bill.no in contested,
        )
        for bill in bills.values()
    ]


@keeps("kaifeng.dunning.secure-recovery-rate")
def meets(paid_fen: int, due_fen: int, goal: Decimal) -> bool | None:
    """Whether a rate reaches its goal (以上 includes the goal itself, 民法典 1259); None when nothing was due.

    Compared exactly: 96.996 % is not 97 %.
    """
    return None if due_fen == 0 else paid_fen >= goal * due_fen


def rate(paid_fen: int, due_fen: int) -> Decimal | None:
    """As a share, cut off (never rounded up) after the fourth decimal: 0.9699."""
    return None if due_fen == 0 else Decimal(paid_fen * 10_000 // due_fen) / 10_000


def due_between(age: tuple[int, int | None], *, today: date) -> tuple[date | None, date]:
    """The first (None: however early) and the last due day of bills of an age."""
    youngest, oldest = age
    return (None if oldest is None else today - timedelta(days=oldest)), today - timedelta(days=max(1, youngest))
