"""What the billing system tells by itself, event by event: each has one effect, whatever order they come in.

An event for which something is missing yet (its account, the payment that it takes back) waits, and is tried again
whenever anything new comes for its account.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, Row, literal_column, select, update

from domain.account import Bill, Payment, Reversal
from domain.policy import Strict
from domain.refusals import Refused
from store import ledger, postings
from store.answers import fingerprint
from store.database import Database, upsert
from store.ledger import AccountRecord
from store.tables import accounts, billing_events

Fate = Literal["taken", "waiting", "refused"]
UNSETTLED = billing_events.c.status != literal_column("'taken'")
"""Written out, as its index has it: those that are taken are never looked at again."""


@dataclass(frozen=True)
class BillingEvent:
    """One event. `said_at` is billing's own instant; of an account `given` names the fields that it tells.

    `told` is the event as it was sent, to tell it from another under the same id; only its digest is kept.
    """

    id: str
    account_no: str
    said_at: datetime
    told: Any
    fact: Bill | Payment | Reversal | None = None
    account: AccountRecord | None = None
    given: frozenset[str] = frozenset()

    @property
    def kind(self) -> str:
        return self.fact.kind if self.fact is not None else "account"


class Taken(Strict):
    """What became of an event: `known` when it had come before, and then what became of it then."""

    fate: Fate
    known: bool = False
    code: str | None = None


def take(database: Database, event: BillingEvent, *, pack: str, at: datetime) -> Taken:
    """Take one event in, once; the same id with another content is refused `duplicate` and changes nothing."""
    with database.write() as connection:
        _lock(connection, event.account_no)
        digest = fingerprint(event.told)
        row = {
            "id": event.id,
            "account_no": event.account_no,
            "kind": event.kind,
            "fingerprint": digest,
            "said_at": event.said_at,
            "at": at,
            "status": "new",
            # What waits must be kept whole; of an account, which never waits, only which fields it told.
            "body": sorted(event.given) if event.fact is None else event.fact.model_dump(mode="json"),
        }
        if not upsert(connection, billing_events, row, key=("id",), keep=tuple(row)):
            return _known(connection, event, digest)
        taken = _settled(connection, event, pack=pack, at=at)
    # In a transaction of its own: whoever brought what was missing, or waits for it, commits last and sees the other.
    _try_again(database, event.account_no, pack=pack, at=at)
    if taken.fate == "waiting":
        with database.read() as connection:
            return _fate(connection, event.id)
    return taken


def take_what_waited(database: Database, *, pack: str, at: datetime, limit: int = 1000) -> int:
    """Try again what waits on accounts that are here by now, by whatever door they came; how many of them there are."""
    with database.read() as connection:
        waiting = select(billing_events.c.account_no).where(UNSETTLED, billing_events.c.status == "waiting")
        # In the order of the index of the few: SQLite would look for accounts along all that ever came.
        waits = waiting.order_by(billing_events.c.at, billing_events.c.id).cte().prefix_with("MATERIALIZED")
        here = select(waits.c.account_no).distinct().join(accounts, accounts.c.account_no == waits.c.account_no)
        found = list(connection.scalars(here.limit(limit)))
    for account_no in found:
        _try_again(database, account_no, pack=pack, at=at)
    return len(found)


def unsettled(connection: Connection, *, limit: int) -> list[Row[Any]]:
    """Events that wait or were refused, newest first: somebody should ask billing about them."""
    columns = [billing_events.c[name] for name in ("id", "account_no", "kind", "said_at", "at", "status", "code")]
    wanted = select(*columns).where(UNSETTLED)
    return list(connection.execute(wanted.order_by(billing_events.c.at.desc(), billing_events.c.id).limit(limit)).all())


def _lock(connection: Connection, account_no: str) -> None:
    mine = select(accounts.c.account_no).where(accounts.c.account_no == account_no)
    connection.execute(mine.with_for_update())


def _known(connection: Connection, event: BillingEvent, digest: str) -> Taken:
    stood = connection.execute(select(billing_events).where(billing_events.c.id == event.id)).one()
    if stood.fingerprint != digest:
        return Taken(fate="refused", code="duplicate")
    return _as_told(stood).model_copy(update={"known": True})


def _fate(connection: Connection, id: str) -> Taken:
    return _as_told(connection.execute(select(billing_events).where(billing_events.c.id == id)).one())


def _as_told(row: Any) -> Taken:
    return Taken(fate=row.status, code=row.code)


def _settled(connection: Connection, event: BillingEvent, *, pack: str, at: datetime) -> Taken:
    try:
        _do(connection, event, pack=pack, at=at)
        taken = Taken(fate="taken")
    except Refused as refused:
        taken = Taken(fate="waiting" if refused.code == "unknown" else "refused", code=refused.code)
    stands = update(billing_events).where(billing_events.c.id == event.id)
    connection.execute(stands.values(status=taken.fate, code=taken.code))
    return taken


def _do(connection: Connection, event: BillingEvent, *, pack: str, at: datetime) -> None:
    match event.fact:
        case Bill() as bill:
            postings.bill(connection, event.account_no, bill, pack=pack, at=at)
        case Payment() | Reversal() as fact:
            postings.post(connection, event.account_no, fact, names_later=True)
        case None:
            _put_account(connection, event, at=at)


def _put_account(connection: Connection, event: BillingEvent, *, at: datetime) -> None:
    """Of each field the latest word holds, whichever came last."""
    given = event.account
    if given is None:
        raise ValueError(f"event {event.id} tells neither a fact nor an account")
    mine = (billing_events.c.account_no == event.account_no, billing_events.c.kind == "account")
    others = connection.execute(
        select(billing_events.c.id, billing_events.c.said_at, billing_events.c.body).where(
            *mine, billing_events.c.status == "taken"
        )
    )
    later = [row.body for row in others if (row.said_at, row.id) > (event.said_at, event.id)]
    says = event.given - {field for fields in later for field in fields}
    stands = connection.execute(select(accounts).where(accounts.c.account_no == event.account_no)).one_or_none()
    if stands is None:
        ledger.put_account(connection, given, at=at)
        return
    kept = {name: getattr(stands, name) for name in AccountRecord.model_fields if name != "no"}
    new = {name: getattr(given, name) for name in says}
    ledger.put_account(connection, AccountRecord.model_validate({"no": event.account_no, **kept, **new}), at=at)


def _try_again(database: Database, account_no: str, *, pack: str, at: datetime) -> None:
    """Whatever waits for something of this account; again as long as anything moves."""
    waits = (billing_events.c.account_no == account_no, billing_events.c.status == "waiting")
    with database.read() as connection:
        if connection.scalar(select(billing_events.c.id).where(*waits).limit(1)) is None:
            return
    with database.write() as connection:
        _lock(connection, account_no)
        rows = connection.execute(
            select(billing_events).where(*waits).order_by(billing_events.c.at, billing_events.c.id)
        )
        # What is taken back comes after what it takes back.
        for row in sorted(rows, key=lambda row: row.kind == "reversal"):
            fact: Any = ledger.FACT.validate_python(row.body)
            event = BillingEvent(row.id, account_no, row.said_at, None, fact=fact.model_copy(update={"at": at}))
            _settled(connection, event, pack=pack, at=at)
