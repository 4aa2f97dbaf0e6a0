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

from domain.account import Bill, LedgerFact, standing
from domain.calendars import local
from domain.policy import Strict
from store import search
from store.database import Database, upsert
from store.ledger import FACT, AccountRecord, put_account
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


class RowFault(Strict):
    """What kept a row from being taken in, and what to do about it. Names no personal data."""

    row: int
    column: str | None
    problem: str
    problem_zh: str
    mend: str
    mend_zh: str


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

    def fault(self, row: int, column: str | None, problem: str, problem_zh: str, mend: str, mend_zh: str) -> None:
        self.errors_total += 1
        if len(self.errors) < KEPT_FAULTS:
            fault = RowFault(row=row, column=column, problem=problem, problem_zh=problem_zh, mend=mend, mend_zh=mend_zh)
            self.errors.append(fault)

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
        bills = [row for row in chunk if not hasattr(row, "problem")]
        for wrong in chunk:
            if hasattr(wrong, "problem"):
                faulty.add(wrong.row)
                tally.fault(wrong.row, wrong.column, wrong.problem, wrong.problem_zh, wrong.mend, wrong.mend_zh)
        tally.rows += len(bills)
        _take_in(database, bills, tally, file.headings, pack=pack, at=at)
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
    database: Database, rows: list[Any], tally: _Tally, headings: Mapping[str, str], *, pack: str, at: datetime
) -> None:
    by_account: dict[str, list[tuple[Any, Bill]]] = {}
    for row in rows:
        bill = Bill(
            no=row.bill_no,
            period=row.period,
            amount_fen=row.amount_fen,
            due_on=row.due_on,
            late_fee_fen=row.late_fee_fen,
            at=at,
        )
        if bill.overdue_from > at:
            tally.fault(
                row.row,
                headings.get("due_on"),
                "the bill is not overdue yet",
                "该账单尚未逾期",
                "take it in once its due day is over",
                "请在缴费期限届满后再导入",
            )
        else:
            by_account.setdefault(row.account_no, []).append((row, bill))
    if not by_account:
        return
    for last_try in (False, True):
        try:
            with database.write() as connection:
                counted = _write(connection, by_account, headings, pack=pack, at=at)
            break
        except IntegrityError:
            # Another door has brought one of these accounts or bills in at this moment: now it is known.
            if last_try:
                raise
    tally.bills_new += counted.bills_new
    tally.bills_known += counted.bills_known
    tally.cases_opened += counted.cases_opened
    for fault in counted.errors:
        tally.fault(**fault.model_dump())


def _write(
    connection: Connection,
    by_account: dict[str, list[tuple[Any, Bill]]],
    headings: Mapping[str, str],
    *,
    pack: str,
    at: datetime,
) -> _Tally:
    """One transaction: accounts, new bills, and word for the engine."""
    counted = _Tally()
    _put_accounts(connection, by_account, headings, at=at)
    keys = [f"{no}/{bill.no}" for no, given in by_account.items() for _, bill in given]
    here = select(ledger.c.unique_key, ledger.c.amount_fen).where(
        ledger.c.kind == "bill", ledger.c.unique_key.in_(keys)
    )
    amounts = {known.unique_key: known.amount_fen for known in connection.execute(here)}
    fresh: dict[str, list[Bill]] = {}
    for no, given in by_account.items():
        for row, bill in given:
            amount = amounts.get(f"{no}/{bill.no}")
            if amount is None:
                fresh.setdefault(no, []).append(bill)
            elif amount == bill.amount_fen:
                counted.bills_known += 1
            else:
                counted.fault(
                    row.row,
                    headings.get("amount_fen"),
                    "the bill stands already, with another amount",
                    "该账单已存在，且金额不同",
                    "give a corrected bill a number of its own, and take the old one back in billing",
                    "更正后的账单请使用新的账单号，并在营业系统中作废原账单",
                )
    counted.bills_new = sum(map(len, fresh.values()))
    _append_bills(connection, fresh)
    at_home = _open_accounts(connection, list(by_account))
    _leave_word(connection, "nudge", [(no, {}) for no in fresh if no in at_home], at=at)
    owing = _owing(connection, [no for no in by_account if no not in at_home], at=at)
    _leave_word(connection, "open", _open_places(connection, owing, pack=pack, at=at), at=at)
    counted.cases_opened = len(owing)
    return counted


def _put_accounts(
    connection: Connection,
    by_account: dict[str, list[tuple[Any, Bill]]],
    headings: Mapping[str, str],
    *,
    at: datetime,
) -> None:
    """Add the accounts or bring them up to date. What the file has no column or word for stays as it is known.

    A column left out says nothing: read as "none" it would take away protections that forbid a limit.
    """
    mine = select(accounts).where(accounts.c.account_no.in_(by_account)).with_for_update()
    known = {row.account_no: row for row in connection.execute(mine)}
    fresh = []
    for no, given in by_account.items():
        row, before = given[-1][0], known.get(no)
        says = {name: getattr(row, name) for name in AccountRecord.model_fields if name in row.model_fields_set}
        if "protected" in headings:
            says["protected"] = row.protected
        stands = {} if before is None else {name: value for name, value in before._mapping.items() if value is not None}
        kept = {name: stands[name] for name in AccountRecord.model_fields if name in stands}
        account = AccountRecord.model_validate({"no": no, **kept, **says})
        if before is None:
            values = account.model_dump(mode="json") | {"account_no": no, "updated_at": at}
            values.pop("no")
            fresh.append(values)
        elif any(
            value != (tuple(kept[name]) if name == "protected" else kept.get(name)) for name, value in says.items()
        ):
            put_account(connection, account, at=at)
    if fresh:
        connection.execute(insert(accounts), fresh)
        search.put_new(
            connection,
            "arrears",
            {
                each["account_no"]: search.terms(
                    name=each["name"], address=each["address"], numbers=(each["account_no"],)
                )
                for each in fresh
            },
        )


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


def _open_accounts(connection: Connection, nos: Sequence[str]) -> set[str]:
    """The accounts among these that have an open case."""
    mine = select(openings.c.open_subject).where(openings.c.process == "arrears", openings.c.open_subject.in_(nos))
    return {no for no in connection.scalars(mine) if no is not None}


def _owing(connection: Connection, nos: Sequence[str], *, at: datetime) -> list[str]:
    """The accounts among these that owe anything overdue, by everything the ledger has of them."""
    facts: dict[str, list[LedgerFact]] = {no: [] for no in nos}
    mine = select(ledger.c.account_no, ledger.c.body).where(ledger.c.account_no.in_(nos)).order_by(ledger.c.position)
    for row in connection.execute(mine):
        facts[row.account_no].append(FACT.validate_python(row.body))
    return [no for no, known in facts.items() if standing(facts=known, as_of=at).overdue > 0]


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
