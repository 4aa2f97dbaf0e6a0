"""Reconciliations: billing's list of a day beside our ledger, and the accounts on which the two did not agree."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from domain.account import LedgerFact
from domain.calendars import start_of
from domain.reconciliation import Difference, Theirs, difference, owed
from store import ledger
from store.database import Database
from store.tables import accounts, reconciliation_lines, reconciliations
from store.tables import ledger as books

AT_ONCE = 500
LINES_A_READ = 1000


def ends(day: date) -> datetime:
    """A day's list speaks of the day's end: 24:00."""
    return start_of(day + timedelta(days=1))


def take(database: Database, theirs: Mapping[str, Theirs], *, day: date, source: str, at: datetime, by: str) -> int:
    """Compare the whole ledger with a list, keep the result, and return its number."""
    found: list[Difference] = []
    ours_fen = seen = 0
    for nos, facts in _accounts(database):
        for no in nos:
            ours_fen += sum(owed(facts.get(no, ()), as_of=ends(day)).values())
            seen += no in theirs
            if (differs := difference(no, facts.get(no, ()), theirs.get(no), as_of=ends(day))) is not None:
                found.append(differs)
    if seen < len(theirs):
        known = {no for nos, _ in _accounts(database, facts=False) for no in nos}
        strangers = (difference(no, None, said, as_of=ends(day)) for no, said in theirs.items() if no not in known)
        found += [differs for differs in strangers if differs is not None]
    with database.write() as connection:
        row = {
            "day": day,
            "source": source,
            "at": at,
            "by": by,
            "accounts": len(theirs),
            "differences": len(found),
            "ours_fen": ours_fen,
            "theirs_fen": sum(said.balance_fen for said in theirs.values()),
        }
        number = int(connection.execute(insert(reconciliations).returning(reconciliations.c.id), row).scalar_one())
        if found:
            connection.execute(
                insert(reconciliation_lines), [{"reconciliation": number, **each.model_dump()} for each in found]
            )
    return number


def _accounts(database: Database, *, facts: bool = True) -> Iterator[tuple[list[str], dict[str, list[LedgerFact]]]]:
    """All accounts, some hundred at a time, with their facts."""
    after = ""
    while True:
        with database.read() as connection:
            following = select(accounts.c.account_no).where(accounts.c.account_no > after)
            nos = list(connection.scalars(following.order_by(accounts.c.account_no).limit(AT_ONCE)))
            if not nos:
                return
            yield nos, _facts(connection, nos) if facts else {}
        after = nos[-1]


def _facts(connection: Connection, nos: Iterable[str]) -> dict[str, list[LedgerFact]]:
    found: dict[str, list[LedgerFact]] = {}
    mine = select(books.c.account_no, books.c.body).where(books.c.account_no.in_(nos))
    for row in connection.execute(mine.order_by(books.c.position)):
        found.setdefault(row.account_no, []).append(ledger.FACT.validate_python(row.body))
    return found


def differs(connection: Connection, account_no: str) -> bool:
    """Whether an account's balance was another in billing's newest list, and is so still by what is known now."""
    newest = select(reconciliations.c.id, reconciliations.c.day).order_by(
        reconciliations.c.day.desc(), reconciliations.c.id.desc()
    )
    last = connection.execute(newest.limit(1)).one_or_none()
    if last is None:
        return False
    mine = (reconciliation_lines.c.reconciliation == last.id, reconciliation_lines.c.account_no == account_no)
    line = connection.execute(select(reconciliation_lines.c.theirs_fen).where(*mine)).one_or_none()
    if line is None:
        return False
    facts = [fact for _, fact in ledger.facts_after(connection, account_no, 0)]
    return sum(owed(facts, as_of=ends(last.day)).values()) != int(line.theirs_fen)


def listed(connection: Connection, *, limit: int) -> list[Row[Any]]:
    """Reconciliations, newest first."""
    return list(connection.execute(select(reconciliations).order_by(reconciliations.c.id.desc()).limit(limit)).all())


def one(connection: Connection, number: int) -> Row[Any] | None:
    return connection.execute(select(reconciliations).where(reconciliations.c.id == number)).one_or_none()


def lines(database: Database, number: int, *, limit: int | None = None) -> Iterator[Difference]:
    """The accounts that did not agree, in the order of their numbers."""
    after, left = "", limit
    while left is None or left > 0:
        with database.read() as connection:
            mine = (reconciliation_lines.c.reconciliation == number, reconciliation_lines.c.account_no > after)
            following = select(reconciliation_lines).where(*mine).order_by(reconciliation_lines.c.account_no)
            rows = connection.execute(following.limit(min(LINES_A_READ, left or LINES_A_READ))).all()
        for row in rows:
            yield Difference(**{name: getattr(row, name) for name in Difference.model_fields})
        if len(rows) < LINES_A_READ:
            return
        after, left = rows[-1].account_no, None if left is None else left - len(rows)
