"""What billing reports, within a door's transaction: a bill, a payment, a payment taken back."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime

from sqlalchemy import Connection, delete, select

from domain.account import Bill, Changed, Payment, Reversal, Void
from domain.refusals import Refused
from store import intake, ledger, places
from store.intake import Place
from store.ledger import AccountRecord
from store.tables import imports, sources


def post(connection: Connection, account_no: str, fact: Payment | Reversal, *, names_later: bool = False) -> bool:
    """Add a payment or take one back; False when that was done already. Raises `Refused`."""
    new = ledger.post(connection, account_no, fact, names_later=names_later)
    if new:
        ledger.nudge(connection, account_no, at=fact.at)
    return new


def bill(connection: Connection, account_no: str, bill: Bill, *, pack: str, at: datetime) -> tuple[bool, Place | None]:
    """Another bill: whether it is new, and the open case that it joined or opened once anything is overdue."""
    new = ledger.post(connection, account_no, bill)
    return new, _placed(connection, account_no, new=new, pack=pack, at=at)


def correct(
    connection: Connection, account_no: str, void: Void, instead: Bill | None, *, pack: str, at: datetime
) -> tuple[bool, Place | None]:
    """A bill taken back, with the one in its place: at one instant, so that the case never sees neither of them."""
    if instead is not None:
        ledger.post(connection, account_no, instead)
    new = ledger.post(connection, account_no, void)
    return new, _placed(connection, account_no, new=new, pack=pack, at=at)


def change(connection: Connection, account_no: str, change: Changed) -> bool:
    """Another tenant or owner, or an account closed, suspended, resumed or demolished; False when known already."""
    for no in change.bills:
        ledger.refuse_unknown_bill(connection, account_no, no)
    new = ledger.post(connection, account_no, change)
    if new:
        ledger.nudge(connection, account_no, at=change.at)
    return new


def _placed(connection: Connection, account_no: str, *, new: bool, pack: str, at: datetime) -> Place | None:
    place = None
    if intake.owes(connection, account_no, at=at):
        case_no, opened = places.open_place(
            connection, process="arrears", subject=account_no, prefix="QF", pack=pack, at=at
        )
        place = Place(case_no=case_no, new=opened)
    if new and (place is None or not place.new):
        ledger.nudge(connection, account_no, at=at)
    return place


def open_case(
    connection: Connection, account: AccountRecord, bills: Sequence[Bill], *, given: set[str], pack: str, at: datetime
) -> Place:
    """`intake.open_in`, where what was not `given` of a known account stays as it is known.

    Protection left out of a body says nothing; read as "none" it would take away what forbids a limit.
    """
    with suppress(Refused):
        known = ledger.account(connection, account.no)
        kept = {name: getattr(known, name) for name in ("estate", "protected") if name not in given}
        account = account.model_copy(update=kept)
    return intake.open_in(connection, account, bills, pack=pack, at=at)


def confirm(connection: Connection, source: str, *, at: datetime) -> datetime:
    """Billing vouches for everything up to `at`; returns the latest instant that it has vouched for."""
    before = connection.scalar(select(sources.c.synced_at).where(sources.c.name == source))
    latest = max(at, before) if before is not None else at
    ledger.confirm_sync(connection, source=source, at=latest)
    return latest


def others_report(connection: Connection, source: str) -> bool:
    """Whether anybody besides a source vouches for the ledger, or a second ledger file has been taken in."""
    if connection.scalar(select(sources.c.name).where(sources.c.name != source).limit(1)) is not None:
        return True
    return len(connection.execute(select(imports.c.sha256).limit(2)).all()) > 1


def withdraw_source(connection: Connection, source: str) -> None:
    """A source vouches for nothing any more: the ledger is as complete as the others say."""
    connection.execute(delete(sources).where(sources.c.name == source))
