"""Ledger files taken in: some hundred rows a transaction, each row once however often its file comes.

In bulk what `intake.open_in` does for one account: the same rows, written together. An account whose case is only now
given its number gets no nudge beside its opening, which reads the ledger anyway.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from itertools import islice, pairwise
from typing import Any, Protocol

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError, OperationalError

from domain.account import Bill
from domain.calendars import local
from domain.policy import Strict
from domain.walk import walk_key
from store import dues, import_runs, search
from store.database import Database, insert_many, upsert
from store.import_runs import Counts, Run
from store.ledger import AccountRecord, put_account
from store.ledger_plan import Bills, Plan, RowFault, bills_of, plan
from store.tables import accounts, imports, ledger, numbers, openings, outbox

ROWS_A_TRANSACTION = 500
KEPT_FAULTS = 1000
MANY = 1000
# Writers who wait for the one lock of SQLite look again after some milliseconds: a file must not starve decisions.
BREATH = 0.01


class LedgerRows(Protocol):
    """A checked ledger file. Iterating gives bills (`activities.ledger_file.OverdueRow`) and faults (`RowError`, which
    are `at_fault`), each time the same in the same order."""

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


def import_ledger(
    database: Database,
    file: LedgerRows,
    *,
    pack: str,
    at: datetime,
    by: str,
    filename: str = "",
    progress: Callable[[int, int], None] | None = None,
    clock: Callable[[], datetime] | None = None,
) -> ImportResult:
    """Take a ledger file in: its bills into the ledger, and each account that owes gets its one open case.

    The same file again changes nothing and says what was said then. After a crash in the middle it goes on behind the
    last rows that were taken in, as of its beginning, and counts as if nothing had happened. `progress` hears of rows
    done and rows expected, `clock` says that somebody is at it. What the file's reading raises (`UnreadableLedger`)
    leaves the rows before it taken in. Raises `MovedElsewhere` when another process goes on with the same file.
    """
    if (before := _answered(database, file.sha256)) is not None:
        return before
    now = clock or (lambda: at)
    with database.write() as connection:
        run = import_runs.begin(
            connection,
            file.sha256,
            filename=filename[:200],
            by=by,
            pack=pack,
            at=at,
            total=file.total_rows or 0,
            now=now(),
        )
    try:
        counts = run.counts
        rows = islice(iter(file), counts.items, None)
        while chunk := list(islice(rows, ROWS_A_TRANSACTION)):
            counts = _take_in(database, run, chunk, counts, file.headings, now=now())
            if progress is not None:
                progress(counts.done, max(counts.done, file.total_rows or 0))
            time.sleep(BREATH)
        if counts.bills_new >= MANY:
            # PostgreSQL looks by itself when it gets round to it, and until then reads as if the tables were small.
            database.analyse()
        return _ended(database, run, counts)
    except import_runs.MovedElsewhere:
        if (done := _answered(database, file.sha256)) is not None:
            return done
        raise
    except Exception as failure:
        with suppress(OperationalError), database.write() as connection:
            import_runs.note_failure(connection, file.sha256, type(failure).__name__)
        raise


def _ended(database: Database, run: Run, counts: Counts) -> ImportResult:
    with database.write() as connection:
        import_runs.end(connection, run.sha256, before=counts)
        told = counts.model_dump(include={"cases_opened", "bills_new", "bills_known", "errors_total"})
        errors = import_runs.first_faults(connection, run.sha256, limit=KEPT_FAULTS)
        result = ImportResult(rows=counts.done, errors=tuple(errors), **told)
        row = result.model_dump(mode="json", exclude={"unchanged", "errors_total"})
        row |= run.model_dump(include={"sha256", "filename", "at", "by"})
        row["errors"] = {"total": result.errors_total, "first": [fault.model_dump() for fault in result.errors]}
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
    database: Database, run: Run, chunk: Sequence[Any], counts: Counts, headings: Mapping[str, str], *, now: datetime
) -> Counts:
    """Some hundred rows, in one transaction with how far the import is."""
    found = bills_of(chunk, headings, at=run.at)
    for last_try in (False, True):
        try:
            with database.write() as connection:
                planned = plan(connection, found.by_account, headings, at=run.at, lock=True)
                _write(connection, planned, pack=run.pack, at=run.at)
                after = _counted(counts, chunk, found, planned)
                faults = [*found.faults, *planned.faults]
                import_runs.move_on(connection, run.sha256, before=counts, after=after, faults=faults, now=now)
            return after
        except IntegrityError:
            # Another door has brought one of these accounts or bills in at this moment: now it is known.
            if last_try:
                raise
    raise AssertionError("the second try either returns or raises")


def _counted(counts: Counts, chunk: Sequence[Any], found: Bills, planned: Plan) -> Counts:
    """All that was counted, with some hundred rows more. One row may have several faults, which stand together."""
    at_fault = [row.row for row in chunk if row.at_fault]
    rows_at_fault = sum(row != before for before, row in pairwise([counts.last_at_fault, *at_fault]))
    return Counts(
        items=counts.items + len(chunk),
        rows=counts.rows + len(chunk) - len(at_fault),
        rows_at_fault=counts.rows_at_fault + rows_at_fault,
        last_at_fault=at_fault[-1] if at_fault else counts.last_at_fault,
        cases_opened=counts.cases_opened + len(planned.owing),
        bills_new=counts.bills_new + sum(map(len, planned.new_bills.values())),
        bills_known=counts.bills_known + len(planned.known_bills),
        errors_total=counts.errors_total + len(found.faults) + len(planned.faults),
    )


def _write(connection: Connection, planned: Plan, *, pack: str, at: datetime) -> None:
    """One transaction: accounts, new bills, and word for the engine."""
    for account in planned.changed_accounts:
        put_account(connection, account, at=at)
    add_accounts(connection, planned.new_accounts, at=at)
    _append_bills(connection, planned.new_bills)
    new = {account.no: account for account in planned.new_accounts}
    dues.put_new(connection, {no: bills for no, bills in planned.new_bills.items() if no in new}, new)
    dues.refresh(connection, [no for no in planned.new_bills if no not in new])
    _leave_word(connection, "nudge", [(no, {}) for no in planned.new_bills if no in planned.at_home], at=at)
    _leave_word(connection, "open", _open_places(connection, planned.owing, pack=pack, at=at), at=at)


def add_accounts(connection: Connection, new: Sequence[AccountRecord], *, at: datetime) -> None:
    """Accounts that are not there yet, written together."""
    if not new:
        return
    rows = [
        account.model_dump(mode="json", exclude={"no"})
        | {
            "account_no": account.no,
            "updated_at": at,
            "walk": walk_key(account.address, book=account.book, place=account.book_place),
        }
        for account in new
    ]
    insert_many(connection, accounts, rows)
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
    insert_many(connection, ledger, rows)


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
    insert_many(connection, openings, rows)
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
    insert_many(connection, outbox, rows)
