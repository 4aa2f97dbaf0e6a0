"""Our ledger beside billing's own list of a day: who owes more here than there, who less, and by which bill.

A balance is what is overdue at the end of the day: principal of bills past their due day, less payments by when they
were made, as if those taken back had never been; late fees stand apart, and what is disputed is owed all the same.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

from domain.account import Bill, Frozen, LedgerFact, standing

Kind = Literal["not-here", "not-there", "differs"]
BillKind = Literal["bill-not-here", "paid-here", "paid-there"]


class Theirs(Frozen):
    """What billing says that an account owes; by bill, where it says so."""

    balance_fen: int
    bills: dict[str, int] | None = None


class BillDifference(Frozen):
    """A bill of which they say something else. `paid-there`: less is owed there, a payment is missing here."""

    no: str
    kind: BillKind
    ours_fen: int
    theirs_fen: int


class Difference(Frozen):
    """An account on which the two do not agree. `not-here`: nothing is known of it; `not-there`: they have no debt."""

    account_no: str
    kind: Kind
    ours_fen: int
    theirs_fen: int
    bills: tuple[BillDifference, ...] = ()


def owed(facts: Iterable[LedgerFact], *, as_of: datetime) -> dict[str, int]:
    """What is overdue, by bill."""
    return standing(facts=facts, as_of=as_of).owed


def difference(
    account_no: str, facts: Iterable[LedgerFact] | None, theirs: Theirs | None, *, as_of: datetime
) -> Difference | None:
    """How an account differs; None where both say the same. `facts` None: the account is not known here.

    By the whole of it: two systems may put one payment to different bills, and agree.
    """
    facts = None if facts is None else list(facts)
    here = {} if facts is None else owed(facts, as_of=as_of)
    ours_fen, theirs_fen = sum(here.values()), theirs.balance_fen if theirs is not None else 0
    if ours_fen == theirs_fen:
        return None
    kind: Kind = "not-here" if facts is None else "not-there" if not theirs_fen else "differs"
    bills: tuple[BillDifference, ...] = ()
    if theirs is not None and theirs.bills is not None:
        known = {fact.no for fact in facts or () if isinstance(fact, Bill)}
        bills = tuple(_bills(here, theirs.bills, known))
    return Difference(account_no=account_no, kind=kind, ours_fen=ours_fen, theirs_fen=theirs_fen, bills=bills)


def _bills(here: dict[str, int], there: dict[str, int], known: set[str]) -> Iterable[BillDifference]:
    for no in sorted(here.keys() | there.keys()):
        ours_fen, theirs_fen = here.get(no, 0), there.get(no, 0)
        if ours_fen == theirs_fen:
            continue
        kind: BillKind = "paid-there" if ours_fen > theirs_fen else "paid-here" if no in known else "bill-not-here"
        yield BillDifference(no=no, kind=kind, ours_fen=ours_fen, theirs_fen=theirs_fen)
