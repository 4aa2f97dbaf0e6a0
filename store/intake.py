"""What comes in at the doors: each call one transaction, with word left for the engine in it."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, func, select

from domain.account import Bill, Payment, Reversal, standing
from domain.policy import Strict
from domain.refusals import Refused
from store import ledger, places
from store.database import Database
from store.ledger import AccountRecord
from store.tables import cases


class Place(Strict):
    """The case an account's debt runs under; `new` when this call gave it its number."""

    case_no: str
    new: bool


def open_arrears(
    database: Database, account: AccountRecord, bills: Sequence[Bill], *, pack: str, at: datetime
) -> Place:
    """Put an account's overdue bills in the ledger and give them their one open case.

    Bills known already change nothing; an account with an open case gets its bills joined to it. Raises `Refused`:
    `form-invalid` when no bill is overdue, `duplicate` when a bill stands with another amount.
    """
    with database.write() as connection:
        return open_in(connection, account, bills, pack=pack, at=at)


def open_in(connection: Connection, account: AccountRecord, bills: Sequence[Bill], *, pack: str, at: datetime) -> Place:
    """`open_arrears` within the caller's transaction."""
    ledger.put_account(connection, account, at=at)
    for bill in bills:
        ledger.post(connection, account.no, bill)
    if not owes(connection, account.no, at=at):
        raise Refused("form-invalid", f"bills: none of account {account.no} is overdue and unpaid at {at.isoformat()}")
    return _placed(connection, account.no, pack=pack, at=at)


def add_bill(database: Database, account_no: str, bill: Bill, *, pack: str, at: datetime) -> Place | None:
    """Another bill of an account: joins its open case, or opens one when the bill is overdue. Raises `Refused`."""
    with database.write() as connection:
        new = ledger.post(connection, account_no, bill)
        if owes(connection, account_no, at=at):
            return _placed(connection, account_no, pack=pack, at=at)
        if new:
            ledger.nudge(connection, account_no, at=at)
        return None


def _placed(connection: Connection, account_no: str, *, pack: str, at: datetime) -> Place:
    """The account's open case. A new one reads the whole ledger when it starts; a running one is told to."""
    case_no, new = places.open_place(connection, process="arrears", subject=account_no, prefix="QF", pack=pack, at=at)
    if not new:
        ledger.nudge(connection, account_no, at=at)
    return Place(case_no=case_no, new=new)


def record_payment(database: Database, account_no: str, payment: Payment) -> bool:
    """Money received; False when this reference and amount were here already. Raises `Refused`."""
    return _posted(database, account_no, payment)


def reverse_payment(database: Database, account_no: str, reversal: Reversal) -> bool:
    """A payment taken back; False when it was already. Raises `Refused("unknown")`."""
    return _posted(database, account_no, reversal)


def _posted(database: Database, account_no: str, fact: Payment | Reversal) -> bool:
    with database.write() as connection:
        new = ledger.post(connection, account_no, fact)
        if new:
            ledger.nudge(connection, account_no, at=fact.at)
        return new


def owes(connection: Connection, account_no: str, *, at: datetime) -> bool:
    """Whether anything of the account is overdue at `at`, by the ledger, and needs a case.

    What a predecessor left behind needs one that refers it; not another one for what its last case knew already.
    """
    known = ledger.facts_after(connection, account_no, 0)
    owed = standing(facts=[fact for _, fact in known], as_of=at)
    if owed.own > 0 or not owed.left_behind:
        return owed.own > 0
    mine = (cases.c.process == "arrears", cases.c.subject == account_no)
    read_up_to = connection.scalar(select(func.max(cases.c.ledger_position)).where(*mine)) or 0
    bills = {fact.no: position for position, fact in known if isinstance(fact, Bill)}
    return any(bills[no] > read_up_to for no in owed.left_behind)
