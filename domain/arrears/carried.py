"""What an account's last case leaves standing for the next one: a dispute or a hold does not end with a case."""

from collections.abc import Iterator
from datetime import datetime

from domain.account import Bill, Changed
from domain.arrears.events import BillDisputed, Ground, HoldPlaced, Part
from domain.arrears.facts import ArrearsFacts, OpenHold

OF_THE_CUSTOMER: tuple[Ground, ...] = (
    "vulnerable-review",
    "meter-check",
    "force-majeure",
    "court",
    "bankruptcy",
    "death",
    "use-class",
    "relief",
)
"""Grounds that lie in the customer or the meter. The others speak of a debt, and go with it once it is settled."""


def carried_over(last: ArrearsFacts, *, at: datetime) -> tuple[BillDisputed | HoldPlaced, ...]:
    """What a next case, opened at `at`, has to say of what stood when the last one ended."""
    return (*_disputes(last, at), *_holds(last, at))


def _disputes(last: ArrearsFacts, at: datetime) -> Iterator[BillDisputed]:
    contested = {dispute.bill for dispute in last.disputes if dispute.ended_at is None}
    for no in dict.fromkeys(fact.no for fact in last.ledger if isinstance(fact, Bill) and fact.no in contested):
        yield BillDisputed(at=at, bill=no)


def _holds(last: ArrearsFacts, at: datetime) -> Iterator[HoldPlaced]:
    others = [c.at for c in last.ledger if isinstance(c, Changed) and c.what in ("tenant", "owner")]
    for hold in last.holds:
        somebody_else = any(hold.started_at <= since for since in others)
        parts = _still_to_pay(hold, last, at)
        over = parts is None or (hold.until is not None and hold.until <= at and not hold.looked_at)
        goes_on = last.withdrawn is not None or hold.ground in OF_THE_CUSTOMER
        if somebody_else or over or not goes_on:
            continue
        kept = hold.model_dump(exclude={"started_at", "fell_due", "parts"})
        yield HoldPlaced(at=at, **kept, parts=parts or ())


def _still_to_pay(hold: OpenHold, last: ArrearsFacts, at: datetime) -> tuple[Part, ...] | None:
    """The parts of a plan or promise that are not paid yet; None when it was kept or broken."""
    if not hold.parts:
        return ()
    left = hold.left(last.paid_since(hold.started_at))
    return left if left and left[0].due_at > at else None
