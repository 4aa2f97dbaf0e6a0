"""What taking a ledger file in would bring about, told without doing it: by the very plan that an import writes."""

from collections.abc import Callable, Container, Sequence
from datetime import date, datetime
from itertools import islice
from typing import Any, Literal

from sqlalchemy import select

from domain.account import CustomerClass, Estate, Protection
from domain.policy import Strict
from store.database import Database
from store.imports import KEPT_FAULTS, ROWS_A_TRANSACTION, LedgerRows
from store.ledger_plan import Before, Plan, RowFault, bills_of, plan
from store.tables import imports

FIRST = 50
Becomes = Literal["new", "known", "changed", "not-yet"]


class UnderstoodRow(Strict):
    """A row as it was read. `becomes`: a new bill, one that is known, or a fault: changed, not overdue yet."""

    row: int
    account_no: str
    name: str | None
    customer_class: CustomerClass
    estate: Estate
    protected: tuple[Protection, ...]
    phone: str | None
    address: str | None
    bill_no: str
    period: str
    amount_fen: int
    late_fee_fen: int
    due_on: date
    becomes: Becomes


class LedgerPreview(Strict):
    """What an import at this moment would do.

    `rows_left_out` have a fault; `errors` are the first thousand of `errors_total`. `accounts_changed`: known ones of
    which the file says something else. `cases_joined`: open cases that get new bills. `unchanged`: the file was taken
    in before, and an import would do nothing.
    """

    rows: int
    rows_left_out: int
    errors_total: int
    errors: tuple[RowFault, ...]
    accounts_new: int
    accounts_known: int
    accounts_changed: int
    bills_new: int
    bills_known: int
    bills_changed: int
    cases_opened: int
    cases_joined: int
    amount_new_fen: int
    amount_known_fen: int
    first: tuple[UnderstoodRow, ...]
    unchanged: bool


class _Count:
    """What has been counted so far. Memory grows by the accounts of the file, not by its rows."""

    def __init__(self) -> None:
        self.before = Before()
        self.rows = self.bills_new = self.bills_known = self.bills_changed = 0
        self.amount_new_fen = self.amount_known_fen = self.errors_total = 0
        self.known, self.changed, self.joined = set[str](), set[str](), set[str]()
        self.left_out = set[int]()
        self.errors: list[RowFault] = []

    def fault(self, faults: Sequence[RowFault]) -> None:
        self.left_out.update(fault.row for fault in faults)
        self.errors_total += len(faults)
        self.errors += faults[: KEPT_FAULTS - len(self.errors)]

    def take(self, planned: Plan) -> None:
        """Count what some hundred rows come to, and remember what the rows after them need to know."""
        before = self.before
        self.known.update(no for no in planned.known_accounts if no not in before.accounts)
        self.changed.update(account.no for account in planned.changed_accounts)
        before.accounts.update(account.no for account in planned.new_accounts)
        self.bills_known += len(planned.known_bills)
        self.amount_known_fen += sum(planned.known_bills.values())
        self.bills_changed += len(planned.changed_bills)
        opened = set(planned.owing)
        for no, bills in planned.new_bills.items():
            self.bills_new += len(bills)
            self.amount_new_fen += sum(bill.amount_fen for bill in bills)
            if no in planned.at_home:
                self.joined.add(no)
            elif no not in opened and no not in before.opened:
                before.unopened.setdefault(no, []).extend(bills)
        before.opened |= opened
        self.fault(planned.faults)


def preview_ledger(
    database: Database,
    file: LedgerRows,
    *,
    at: datetime,
    told: Callable[[Sequence[RowFault]], None] = lambda _: None,
) -> LedgerPreview:
    """What `import_ledger` would do at `at`; nothing is written. `told` hears of every fault, in file order of chunks.

    The file's reading may raise `UnreadableLedger`.
    """
    count, first, rows = _Count(), list[UnderstoodRow](), iter(file)
    while chunk := list(islice(rows, ROWS_A_TRANSACTION)):
        found = bills_of(chunk, file.headings, at=at)
        count.rows += sum(not row.at_fault for row in chunk)
        unreadable = {row.row for row in chunk if row.at_fault}
        count.rows += len(unreadable - count.left_out)
        count.fault(found.faults)
        with database.read() as connection:
            planned = plan(connection, found.by_account, file.headings, at=at, before=count.before)
        count.take(planned)
        told([*found.faults, *planned.faults])
        if len(first) < FIRST:
            late = {fault.row for fault in found.faults}
            first += [_understood(row, planned, late) for row in chunk if not row.at_fault]
    with database.read() as connection:
        before = connection.scalar(select(imports.c.at).where(imports.c.sha256 == file.sha256))
    return LedgerPreview(
        rows=count.rows,
        rows_left_out=len(count.left_out),
        errors_total=count.errors_total,
        errors=tuple(count.errors),
        accounts_new=len(count.before.accounts),
        accounts_known=len(count.known),
        accounts_changed=len(count.changed),
        bills_new=count.bills_new,
        bills_known=count.bills_known,
        bills_changed=count.bills_changed,
        cases_opened=len(count.before.opened),
        cases_joined=len(count.joined),
        amount_new_fen=count.amount_new_fen,
        amount_known_fen=count.amount_known_fen,
        first=tuple(first[:FIRST]),
        unchanged=before is not None,
    )


def _understood(row: Any, planned: Plan, late: set[int]) -> UnderstoodRow:
    words: dict[Becomes, Container[int]] = {
        "not-yet": late,
        "known": planned.known_bills,
        "changed": planned.changed_bills,
    }
    becomes: Becomes = next((word for word, rows in words.items() if row.row in rows), "new")
    given = {name: getattr(row, name) for name in UnderstoodRow.model_fields if name != "becomes"}
    return UnderstoodRow(**given, becomes=becomes)
