"""What rows of a ledger file mean for the store: which accounts and bills are new, and whose case would open.

Reads only. The import writes what is planned here, and the preview counts it: what was shown is what comes about.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from domain.account import BILL_DETAILS, Bill, LedgerFact, standing
from domain.policy import Strict
from store.ledger import FACT, AccountRecord
from store.tables import accounts, ledger, openings


class RowFault(Strict):
    """What kept a row from being taken in, and what to do about it. Names no personal data."""

    row: int
    column: str | None
    problem: str
    problem_zh: str
    mend: str
    mend_zh: str


@dataclass
class Bills:
    """The bills of some hundred rows that can be taken in, by account, each with its row; faults of the rest."""

    by_account: dict[str, list[tuple[Any, Bill]]] = field(default_factory=dict)
    faults: list[RowFault] = field(default_factory=list)


@dataclass
class Before:
    """What earlier rows of one file, not written yet, would have brought about."""

    accounts: set[str] = field(default_factory=set)
    opened: set[str] = field(default_factory=set)
    unopened: dict[str, list[Bill]] = field(default_factory=dict)


@dataclass
class Plan:
    """What some hundred rows come to. `owing`: accounts that get their case; `at_home`: those that have it.

    Known bills by their row, with their amount; changed ones, which are faults, by their row.
    """

    new_accounts: list[AccountRecord] = field(default_factory=list)
    known_accounts: list[str] = field(default_factory=list)
    changed_accounts: list[AccountRecord] = field(default_factory=list)
    new_bills: dict[str, list[Bill]] = field(default_factory=dict)
    known_bills: dict[int, int] = field(default_factory=dict)
    changed_bills: list[int] = field(default_factory=list)
    faults: list[RowFault] = field(default_factory=list)
    at_home: set[str] = field(default_factory=set)
    owing: list[str] = field(default_factory=list)


def bills_of(rows: Sequence[Any], headings: Mapping[str, str], *, at: datetime) -> Bills:
    """The bills that rows of a file stand for. One that is not overdue yet is a fault of its row."""
    found = Bills()
    for row in rows:
        if row.at_fault:
            found.faults.append(RowFault(**row.model_dump(exclude={"value"})))
            continue
        bill = Bill(
            no=row.bill_no,
            period=row.period,
            amount_fen=row.amount_fen,
            due_on=row.due_on,
            late_fee_fen=row.late_fee_fen,
            **{name: getattr(row, name) for name in BILL_DETAILS if hasattr(row, name)},
            at=at,
        )
        if bill.overdue_from <= at:
            found.by_account.setdefault(row.account_no, []).append((row, bill))
            continue
        found.faults.append(
            RowFault(
                row=row.row,
                column=headings.get("due_on"),
                problem="the bill is not overdue yet",
                problem_zh="该账单尚未逾期",
                mend="take it in once its due day is over",
                mend_zh="请在缴费期限届满后再导入",
            )
        )
    return found


def plan(
    connection: Connection,
    by_account: Mapping[str, Sequence[tuple[Any, Bill]]],
    headings: Mapping[str, str],
    *,
    at: datetime,
    before: Before | None = None,
    lock: bool = False,
) -> Plan:
    """What bills and what is said of their accounts come to. `lock`: nobody changes these accounts before we do."""
    found, before = Plan(), before or Before()
    _plan_accounts(connection, by_account, headings, found, lock=lock)
    _plan_bills(connection, by_account, headings, found)
    nos = list(by_account)
    cases = select(openings.c.open_subject).where(openings.c.process == "arrears", openings.c.open_subject.in_(nos))
    found.at_home = {no for no in connection.scalars(cases) if no is not None}
    away = [no for no in nos if no not in found.at_home and no not in before.opened]
    found.owing = _owing(connection, away, found, before, at=at)
    return found


def _plan_accounts(
    connection: Connection,
    by_account: Mapping[str, Sequence[tuple[Any, Bill]]],
    headings: Mapping[str, str],
    found: Plan,
    *,
    lock: bool,
) -> None:
    """Accounts to add or to bring up to date. What the file has no column or word for stays as it is known.

    A column left out says nothing: read as "none" it would take away protections that forbid a limit.
    """
    mine = select(accounts).where(accounts.c.account_no.in_(by_account))
    known = {row.account_no: row for row in connection.execute(mine.with_for_update() if lock else mine)}
    for no, given in by_account.items():
        row, stands = given[-1][0], known.get(no)
        says = {name: getattr(row, name) for name in AccountRecord.model_fields if name in row.model_fields_set}
        if "protected" in headings:
            says["protected"] = row.protected
        if stands is None:
            found.new_accounts.append(AccountRecord.model_validate({"no": no, **says}))
            continue
        found.known_accounts.append(no)
        stood = {name: value for name, value in stands._mapping.items() if value is not None}
        kept = {name: stood[name] for name in AccountRecord.model_fields if name in stood}
        if any(value != (tuple(kept[name]) if name == "protected" else kept.get(name)) for name, value in says.items()):
            found.changed_accounts.append(AccountRecord.model_validate({"no": no, **kept, **says}))


def _plan_bills(
    connection: Connection,
    by_account: Mapping[str, Sequence[tuple[Any, Bill]]],
    headings: Mapping[str, str],
    found: Plan,
) -> None:
    keys = [f"{no}/{bill.no}" for no, given in by_account.items() for _, bill in given]
    here = select(ledger.c.unique_key, ledger.c.amount_fen).where(
        ledger.c.kind == "bill", ledger.c.unique_key.in_(keys)
    )
    amounts = {known.unique_key: known.amount_fen for known in connection.execute(here)}
    for no, given in by_account.items():
        for row, bill in given:
            amount = amounts.get(f"{no}/{bill.no}")
            if amount is None:
                found.new_bills.setdefault(no, []).append(bill)
            elif amount == bill.amount_fen:
                found.known_bills[row.row] = amount
            else:
                found.changed_bills.append(row.row)
                found.faults.append(
                    RowFault(
                        row=row.row,
                        column=headings.get("amount_fen"),
                        problem="the bill stands already, with another amount",
                        problem_zh="该账单已存在，且金额不同",
                        mend="give a corrected bill a number of its own, and take the old one back in billing",
                        mend_zh="更正后的账单请使用新的账单号，并在营业系统中作废原账单",
                    )
                )


def _owing(connection: Connection, nos: Sequence[str], found: Plan, before: Before, *, at: datetime) -> list[str]:
    """The accounts among these that owe anything overdue, by everything that the ledger has of them or is to have."""
    new = {account.no for account in found.new_accounts}
    facts: dict[str, list[LedgerFact]] = {no: list(before.unopened.get(no, ())) for no in nos}
    mine = select(ledger.c.account_no, ledger.c.body).where(
        ledger.c.account_no.in_([no for no in nos if no not in new])
    )
    for row in connection.execute(mine.order_by(ledger.c.position)):
        facts[row.account_no].append(FACT.validate_python(row.body))
    owing = []
    for no, known in facts.items():
        fresh = found.new_bills.get(no, [])
        # An account of which nothing else is known owes its bills, which are overdue.
        owed = standing(facts=[*known, *fresh], as_of=at) if known else None
        # What a predecessor left behind opens a case when it is heard of, and not each time that it is in a file.
        if (owed is None and fresh) or (owed and (owed.own > 0 or (fresh and owed.left_behind))):
            owing.append(no)
    return owing
