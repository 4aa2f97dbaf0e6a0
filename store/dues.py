"""Every bill with what was paid on it: kept beside the ledger in the transaction that adds to it, for reports."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Connection, delete, select, tuple_, update

from domain.account import Dispute, LedgerFact
from domain.recovery import collected
from store.database import insert_many
from store.tables import PARTS, accounts, cases, dues, ledger

FACT: TypeAdapter[LedgerFact] = TypeAdapter(LedgerFact)
DISPUTES: TypeAdapter[list[Dispute]] = TypeAdapter(list[Dispute])
AT_ONCE = 500


def refresh(connection: Connection, account_nos: Iterable[str]) -> None:
    """Bring the bills of some accounts to what the ledger and their disputes say now, 500 accounts at a time."""
    nos = list(dict.fromkeys(account_nos))
    for first in range(0, len(nos), AT_ONCE):
        _refresh(connection, nos[first : first + AT_ONCE])


def _refresh(connection: Connection, nos: Sequence[str]) -> None:
    facts: dict[str, list[LedgerFact]] = {no: [] for no in nos}
    mine = select(ledger.c.account_no, ledger.c.body).where(ledger.c.account_no.in_(nos)).order_by(ledger.c.position)
    for row in connection.execute(mine):
        facts[row.account_no].append(FACT.validate_python(row.body))
    disputes = _disputes(connection, nos)
    parts = select(accounts.c.account_no, *(accounts.c[part] for part in PARTS)).where(accounts.c.account_no.in_(nos))
    scope = {row.account_no: {part: getattr(row, part) for part in PARTS} for row in connection.execute(parts)}
    wanted = {
        (row["account_no"], row["bill_no"]): row
        for no, said in facts.items()
        for row in _rows(no, said, scope[no], disputes.get(no, ()))
    }
    standing = {
        (row.account_no, row.bill_no): dict(row._mapping)
        for row in connection.execute(select(dues).where(dues.c.account_no.in_(nos)))
    }
    _remove(connection, [key for key in standing if key not in wanted])
    _remove(connection, changed := [key for key, row in wanted.items() if key in standing and standing[key] != row])
    if new := [row for key, row in wanted.items() if key not in standing or key in changed]:
        insert_many(connection, dues, new)


def put_new(connection: Connection, bills: Mapping[str, Sequence[LedgerFact]], parts: Mapping[str, Any]) -> None:
    """The bills of accounts of which nothing else is known; `parts` has each account's place in the organisation."""
    rows = (_rows(no, said, {part: getattr(parts[no], part) for part in PARTS}) for no, said in bills.items())
    insert_many(connection, dues, [row for of_one in rows for row in of_one])


def _rows(
    no: str, said: Sequence[LedgerFact], scope: Mapping[str, Any], disputes: Sequence[Dispute] = ()
) -> list[dict[str, Any]]:
    return [
        {"account_no": no, "bill_no": bill.no, "month": bill.month, **scope} | bill.model_dump(exclude={"no"})
        for bill in collected(said, disputes)
    ]


def _disputes(connection: Connection, nos: Sequence[str]) -> dict[str, list[Dispute]]:
    """What customers contest, as their cases have it."""
    mine = (cases.c.process == "arrears", cases.c.subject.in_(nos))
    found: dict[str, list[Dispute]] = {}
    for row in connection.execute(select(cases.c.subject, cases.c.facts["disputes"].label("disputes")).where(*mine)):
        if row.disputes:
            found.setdefault(row.subject, []).extend(DISPUTES.validate_python(row.disputes))
    return found


def _remove(connection: Connection, keys: Sequence[tuple[str, str]]) -> None:
    for first in range(0, len(keys), AT_ONCE):
        gone = tuple_(dues.c.account_no, dues.c.bill_no).in_(keys[first : first + AT_ONCE])
        connection.execute(delete(dues).where(gone))


def move(connection: Connection, account_no: str, parts: dict[str, Any]) -> None:
    """The account belongs to another part of the organisation now, and its bills with it."""
    connection.execute(update(dues).where(dues.c.account_no == account_no).values(parts))
