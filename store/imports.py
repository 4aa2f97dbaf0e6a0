"""Ledger files taken in: some hundred rows a transaction, each row once however often its file comes.

In bulk what `intake.open_in` does for one account: the same rows, written together. An account whose case is only now
given its number gets no nudge beside its opening, which reads the ledger anyway.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, Protocol

from sqlalchemy import Connection, insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError

from domain.account import Bill
from domain.calendars import local
from domain.policy import Strict
from store import dues, search
from store.database import Database, upsert
from store.ledger import AccountRecord, put_account
from store.ledger_plan import Bills, Plan, RowFault, bills_of, plan
from store.tables import accounts, imports, ledger, numbers, openings, outbox

ROWS_A_TRANSACTION = 500
KEPT_FAULTS = 1000
# Writers who wait for the one lock of SQLite look again after some milliseconds: a file must not starve decisions.
BREATH = 0.01


class LedgerRows(Protocol):
    """A checked ledger file. Iterating gives bills (`activities.ledger_file.OverdueRow`) and faults (`RowError`)."""

    @property
    def sha256(self) -> str: ...
    @property
    def total_rows(self) -> int | None: ...
    @property
    def headings(self) -> Mapping[str, str]: ...
    def __iter__(self) -> Iterator[Any]: ...


class ImportResult(Strict):
    """What became of a file. `errors` are the first thousand of `errors_total`; `unchanged`: it was here before."""

    rows: int
    cases_opened: int
    bills_new: int
    bills_known: int
    errors: tuple[RowFault, ...]
    errors_total: int
    unchanged: bool = False


class _Tally:
    """What has been counted so far."""

    def __init__(self) -> None:
        self.rows = self.cases_opened = self.bills_new = self.bills_known = self.errors_total = 0
        self.errors: list[RowFault] = []

    def fault(self, faults: Sequence[RowFault]) -> None:
        self.errors_total += len(faults)
        self.errors += faults[: KEPT_FAULTS - len(self.errors)]

    def result(self) -> ImportResult:
        return ImportResult(**vars(self) | {"errors": tuple(self.errors)})


def import_ledger(
    database: Database,
    file: LedgerRows,
    *,
    pack: str,
    at: datetime,
    by: str,
    filename: str = "",
    progress: Callable[[int, int], None] | None = None,
) -> ImportResult:
    """Take a ledger file in: its bills into the ledger, and each account that owes gets its one open case.

    The same file again changes nothing and says what was said then. After a crash in the middle it is simply read
    again: rows taken in before count as known. `progress` hears of rows done and rows expected. What the file's reading
    raises (`UnreadableLedger`) leaves the rows before it taken in.
    """
    if (before := _answered(database, file.sha256)) is not None:
        return before
    tally, rows, faulty = _Tally(), iter(file), set[int]()
    while chunk := list(islice(rows, ROWS_A_TRANSACTION)):
        faulty.update(row.row for row in chunk if hasattr(row, "problem"))
        tally.rows += sum(not hasattr(row, "problem") for row in chunk)
        found = bills_of(chunk, file.headings, at=at)
        tally.fault(found.faults)
        if found.by_account:
            _take_in(database, found, tally, file.headings, pack=pack, at=at)
        if progress is not None:
            done = tally.rows + len(faulty)
            progress(done, max(done, file.total_rows or 0))
        time.sleep(BREATH)
    tally.rows += len(faulty)
    result = tally.result()
    with database.write() as connection:
        row = result.model_dump(mode="json", exclude={"unchanged", "errors_total"}) | {
            "sha256": file.sha256,
            "filename": filename[:200],
            "at": at,
            "by": by,
            "errors": {"total": result.errors_total, "first": [fault.model_dump() for fault in result.errors]},
        }
        upsert(connection, imports, row, key=("sha256",))
    return result


def _answered(database: Database, sha256: str) -> ImportResult | None:
    with database.read() as connection:
        row = connection.execute(select(imports).where(imports.c.sha256 == sha256)).one_or_none()
    return None if row is None else as_result(row).model_copy(update={"unchanged": True})


def as_result(row: Any) -> ImportResult:
    """What became of a file, as its row in `imports` has it."""
    return ImportResult(
        rows=row.rows,
        cases_opened=row.cases_opened,
        bills_new=row.bills_new,
        bills_known=row.bills_known,
        errors=row.errors["first"],
        errors_total=row.errors["total"],
    )


def _take_in(
    database: Database, found: Bills, tally: _Tally, headings: Mapping[str, str], *, pack: str, at: datetime
) -> None:
    for last_try in (False, True):
        try:
            with database.write() as connection:
                planned = plan(connection, found.by_account, headings, at=at, lock=True)
                _write(connection, planned, pack=pack, at=at)
            break
        except IntegrityError:
            # Another door has brought one of these accounts or bills in at this moment: now it is known.
            if last_try:
                raise
    tally.bills_new += sum(map(len, planned.new_bills.values()))
    tally.bills_known += len(planned.known_bills)
    tally.cases_opened += len(planned.owing)
    tally.fault(planned.faults)


def _write(connection: Connection, planned: Plan, *, pack: str, at: datetime) -> None:
    """One transaction: accounts, new bills, and word for the engine."""
    for account in planned.changed_accounts:
        put_account(connection, account, at=at)
    add_accounts(connection, planned.new_accounts, at=at)
    _append_bills(connection, planned.new_bills)
    dues.refresh(connection, planned.new_bills)
    _leave_word(connection, "nudge", [(no, {}) for no in planned.new_bills if no in planned.at_home], at=at)
    _leave_word(connection, "open", _open_places(connection, planned.owing, pack=pack, at=at), at=at)


def add_accounts(connection: Connection, new: Sequence[AccountRecord], *, at: datetime) -> None:
    """Accounts that are not there yet, written together."""
    if not new:
        return
    rows = [
        account.model_dump(mode="json", exclude={"no"}) | {"account_no": account.no, "updated_at": at}
        for account in new
    ]
    connection.execute(insert(accounts), rows)
    found_by = {
        account.no: search.terms(name=account.name, address=account.address, numbers=(account.no,)) for account in new
    }
    search.put_new(connection, "arrears", found_by)


def _append_bills(connection: Connection, fresh: dict[str, list[Bill]]) -> None:
    rows = [
        {
            "account_no": no,
            "kind": "bill",
            "unique_key": f"{no}/{bill.no}",
            "amount_fen": bill.amount_fen,
            "body": bill.model_dump(mode="json"),
            "at": bill.at,
        }
        for no, bills in fresh.items()
        for bill in bills
    ]
    if rows:
        connection.execute(insert(ledger), rows)


def _open_places(
    connection: Connection, nos: Sequence[str], *, pack: str, at: datetime
) -> list[tuple[str, dict[str, Any]]]:
    """Give each account its open case, numbered one after the other."""
    if not nos:
        return []
    prefix = f"QF-{local(at):%Y%m%d}"
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    first = dialect.insert(numbers).values(prefix=prefix, last=len(nos))
    taken = first.on_conflict_do_update(index_elements=["prefix"], set_={"last": numbers.c.last + len(nos)})
    last: int = connection.execute(taken.returning(numbers.c.last)).scalar_one()
    case_nos = [f"{prefix}-{number:04d}" for number in range(last - len(nos) + 1, last + 1)]
    rows = [
        {"case_no": case_no, "process": "arrears", "subject": no, "open_subject": no, "pack": pack, "at": at}
        for no, case_no in zip(nos, case_nos, strict=True)
    ]
    connection.execute(insert(openings), rows)
    return [(no, {"case_no": case_no}) for no, case_no in zip(nos, case_nos, strict=True)]


def _leave_word(connection: Connection, kind: str, words: list[tuple[str, dict[str, Any]]], *, at: datetime) -> None:
    rows = [
        {
            "kind": kind,
            "process": "arrears",
            "subject": no,
            "body": body,
            "created_at": at,
            "next_try_at": at,
            "attempts": 0,
        }
        for no, body in words
    ]
    if rows:
        connection.execute(insert(outbox), rows)
