"""The ledger: accounts, bills, payments and reversals as billing reports them. Append-only; each fact once."""

import hashlib
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Connection, func, select, update

from domain.account import (
    Account,
    Bill,
    Changed,
    Classed,
    CustomerClass,
    Estate,
    LedgerFact,
    Payment,
    Protected,
    Protection,
    Reversal,
    Void,
)
from domain.policy import Strict
from domain.refusals import Refused
from domain.walk import walk_key
from store import dues, outbox, search
from store.database import upsert
from store.tables import PARTS, accounts, ledger, sources

FACT: TypeAdapter[LedgerFact] = TypeAdapter(LedgerFact)


_FOUND_BY = ("name", "address", "book", "book_place", "walk")


class AccountRecord(Strict):
    """An account as a door hands it over. Name, address and phone are personal: they stay in this table.

    `book`, `book_place`: the reading book it is read in, and where in it.
    """

    no: str
    customer_class: CustomerClass
    estate: Estate = "open"
    phone: str | None = None
    name: str | None = None
    address: str | None = None
    protected: tuple[Protection, ...] = ()
    grid: str | None = None
    section: str | None = None
    office: str | None = None
    book: str | None = None
    book_place: int | None = None


def put_account(connection: Connection, account: AccountRecord, *, at: datetime) -> None:
    """Add an account or bring it up to date; a value left out keeps what is known."""
    row = account.model_dump(exclude_none=True) | {"account_no": account.no, "updated_at": at}
    row.pop("no")
    row["protected"] = list(account.protected)
    mine = accounts.c.account_no == account.no
    before = connection.execute(
        select(accounts.c.protected, accounts.c.customer_class).where(mine).with_for_update()
    ).one_or_none()
    upsert(connection, accounts, row, key=("account_no",))
    if before is not None and (parts := {part: row[part] for part in PARTS if part in row}):
        dues.move(connection, account.no, parts)
    if before is None or {"name", "address", "book", "book_place"} & row.keys():
        stands = connection.execute(select(*(accounts.c[name] for name in _FOUND_BY)).where(mine)).one()
        walk = walk_key(stands.address, book=stands.book, place=stands.book_place)
        if walk != stands.walk:
            connection.execute(update(accounts).where(mine).values(walk=walk))
        terms = search.terms(name=stands.name, address=stands.address, numbers=(account.no,))
        search.put(connection, "arrears", account.no, terms)
    changes: list[Protected | Classed] = []
    if before is not None and set(before.protected) != set(account.protected):
        changes.append(Protected(protected=account.protected, at=at))
    if before is not None and before.customer_class != account.customer_class:
        changes.append(Classed(customer_class=account.customer_class, at=at))
    for change in changes:
        # Numbered, not timed: it may change twice at one instant.
        known = select(func.count()).where(ledger.c.account_no == account.no, ledger.c.kind == change.kind)
        key = f"{account.no}/{connection.execute(known).scalar_one() + 1}"
        _append(connection, account.no, change, key=key, amount_fen=None)
    if changes:
        nudge(connection, account.no, at=at)


def post(
    connection: Connection,
    account_no: str,
    fact: Bill | Payment | Reversal | Void | Changed,
    *,
    names_later: bool = False,
) -> bool:
    """Add one fact; False when it was here already and nothing changed. The caller leaves word with `nudge`.

    `names_later`: a payment may name bills that come after it, and goes to them when they do. Raises `Refused`:
    `unknown` for an account, bill or payment that the ledger does not have, `duplicate` for a reference that stands
    with another amount, account or bill.
    """
    lock_account(connection, account_no)
    key: str
    amount: int | None
    match fact:
        case Bill():
            key, amount = f"{account_no}/{fact.no}", fact.amount_fen
        case Payment():
            key, amount = fact.reference, fact.amount_fen
            if not names_later:
                _refuse_unknown_bills(connection, account_no, fact)
        case Reversal():
            key, amount = fact.reference, None
            if _standing(connection, "payment", key, account_no) is None:
                raise Refused("unknown", f"no payment {key} on account {account_no}: nothing to reverse")
        case Void():
            key, amount = f"{account_no}/{fact.no}", None
            for no in (fact.no, fact.corrected_by):
                if no is not None:
                    refuse_unknown_bill(connection, account_no, no)
        case Changed():
            # Told again with other bills it is another fact: what it names too is nobody's of today.
            named = f"/{_digest(fact.bills)}" if fact.bills else ""
            key, amount = f"{account_no}/{fact.what}/{fact.changed_on.isoformat()}{named}", None
    standing = connection.execute(
        select(ledger).where(ledger.c.kind == fact.kind, ledger.c.unique_key == key)
    ).one_or_none()
    if standing is not None and standing.account_no == account_no and standing.amount_fen == amount:
        if isinstance(fact, Void) and standing.body["corrected_by"] != fact.corrected_by:
            raise Refused("duplicate", f"bill {fact.no} was taken back already, with another in its place")
        return False
    # One that another account's door brings in at this very moment is found by the insertion.
    if standing is not None or not _append(connection, account_no, fact, key=key, amount_fen=amount):
        raise Refused("duplicate", f"{fact.kind} {key} stands already, with another amount or account")
    return True


def _digest(bills: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(sorted(set(bills))).encode()).hexdigest()[:16]


def nudge(connection: Connection, account_no: str, *, at: datetime) -> None:
    """Leave word for the account's case that the ledger has something new."""
    outbox.put(connection, kind="nudge", process="arrears", subject=account_no, at=at)


def _append(
    connection: Connection,
    account_no: str,
    fact: LedgerFact,
    *,
    key: str,
    amount_fen: int | None,
) -> bool:
    row = {
        "account_no": account_no,
        "kind": fact.kind,
        "unique_key": key,
        "amount_fen": amount_fen,
        "body": fact.model_dump(mode="json"),
        "at": fact.at,
    }
    new = upsert(connection, ledger, row, key=("kind", "unique_key"), keep=tuple(row))
    if new and fact.kind != "protection":
        dues.refresh(connection, [account_no])
    return new


def _standing(connection: Connection, kind: str, key: str, account_no: str) -> Any:
    return connection.execute(
        select(ledger).where(ledger.c.kind == kind, ledger.c.unique_key == key, ledger.c.account_no == account_no)
    ).one_or_none()


def _refuse_unknown_bills(connection: Connection, account_no: str, payment: Payment) -> None:
    for no in payment.bills:
        refuse_unknown_bill(connection, account_no, no)


def refuse_unknown_bill(connection: Connection, account_no: str, no: str) -> None:
    """Raises `Refused("unknown")` for a bill that the account does not have."""
    if _standing(connection, "bill", f"{account_no}/{no}", account_no) is None:
        raise Refused("unknown", f"no bill {no} on account {account_no}: name its bills, or none")


def lock_account(connection: Connection, account_no: str) -> None:
    """Take the account for this transaction. Raises `Refused("unknown")` when the ledger does not have it."""
    found = connection.scalar(
        select(accounts.c.account_no).where(accounts.c.account_no == account_no).with_for_update()
    )
    if found is None:
        raise Refused("unknown", f"no account {account_no}: open its case or import it first")


def account(connection: Connection, account_no: str) -> Account:
    """What a case may know of an account: no personal data. Raises `Refused("unknown")`."""
    row = connection.execute(select(accounts).where(accounts.c.account_no == account_no)).one_or_none()
    if row is None:
        raise Refused("unknown", f"no account {account_no}")
    return Account(
        no=row.account_no,
        customer_class=row.customer_class,
        estate=row.estate,
        protected=tuple(row.protected),
        reachable=row.phone is not None,
    )


def account_record(connection: Connection, account_no: str) -> AccountRecord:
    """An account as its door handed it over, the latest word of each. Raises `Refused("unknown")`."""
    row = connection.execute(select(accounts).where(accounts.c.account_no == account_no)).one_or_none()
    if row is None:
        raise Refused("unknown", f"no account {account_no}")
    known = {name: getattr(row, name) for name in AccountRecord.model_fields if name != "no"}
    return AccountRecord.model_validate({"no": row.account_no, **known})


def phones(connection: Connection, numbers: Iterable[str]) -> dict[str, str]:
    """The phones of accounts that have one. Personal: for those who act on their cases."""
    wanted = accounts.c.account_no.in_(tuple(numbers))
    rows = connection.execute(select(accounts.c.account_no, accounts.c.phone).where(wanted))
    return {row.account_no: row.phone for row in rows if row.phone is not None}


def facts_after(connection: Connection, account_no: str, position: int) -> list[tuple[int, LedgerFact]]:
    """The account's facts after a ledger position, oldest first."""
    rows = connection.execute(
        select(ledger.c.position, ledger.c.body)
        .where(ledger.c.account_no == account_no, ledger.c.position > position)
        .order_by(ledger.c.position)
    )
    return [(row.position, FACT.validate_python(row.body)) for row in rows]


def synced_at(connection: Connection) -> datetime | None:
    """When billing last confirmed that the ledger is complete; None when it never has."""
    found: datetime | None = connection.scalar(select(sources.c.synced_at).order_by(sources.c.synced_at).limit(1))
    return found


def confirm_sync(connection: Connection, *, source: str, at: datetime) -> None:
    """Billing says: everything up to `at` is here."""
    upsert(connection, sources, {"name": source, "synced_at": at}, key=("name",))
