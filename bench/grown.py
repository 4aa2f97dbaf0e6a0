"""A store at size, in minutes: some thousand cases with all their rows, copied under other numbers again and again.

The first rows are those of `bench.listed`, with a ledger, bills and a record beside them; the rest is copied in the
database itself, each copy with numbers of its own. Two of five cases in arrears are closed.
"""

import time
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

from sqlalchemy import Connection, Index, Table, insert, select, text, update

from bench.listed import arrears_cases, connection_projects, put
from domain.account import Bill, Payment
from domain.calendars import start_of
from store import dues
from store.database import Database, insert_many
from store.pressing import NOTHING_OPEN
from store.tables import accounts, cases, entries, found_by, ledger, metadata, openings, projects, tasks
from store.tables import dues as dues_table

AT_ONCE = 1000
ARREARS, PROJECTS = 9_300, 700
"""Of ten thousand cases."""
HEARD_ALL = 10**12


def fill(database: Database, *, arrears: int, projects: int, times: int, at: datetime) -> None:
    """Every table and `times` as many cases, the indexes of lists last: built over rows they cost a tenth."""
    later = [index for table in metadata.tables.values() for index in table.indexes]
    for index in later:
        _table(index).indexes.discard(index)
    try:
        metadata.create_all(database.engine)
    finally:
        for index in later:
            _table(index).indexes.add(index)
    needed = [index for index in later if index.name == "ix_ledger_account_no_position"]
    began = time.perf_counter()
    with database.write() as connection:
        for index in needed:
            index.create(connection)
    put(database, connection_projects(projects, at=at))
    put(database, arrears_cases(arrears, at=at))
    _record(database, at=at)
    _close(database, at=at)
    for copy in range(1, times):
        with database.write() as connection:
            _copy(connection, arrears * copy, projects * copy, arrears, projects)
    rows = time.perf_counter()
    with database.write() as connection:
        for index in later:
            if index not in needed:
                index.create(connection)
    database.analyse()
    took = time.perf_counter()
    print(f"{(projects + arrears) * times:,} cases in {rows - began:.0f} s, indexes in {took - rows:.0f} s")


def _table(index: Index) -> Table:
    assert index.table is not None
    return index.table


def _record(database: Database, *, at: datetime) -> None:
    """Three bills an account, the last one paid by every other; and what their cases have on record."""
    chance = Random(7)
    with database.read() as connection:
        owner = cases.c.subject == accounts.c.account_no
        known = connection.execute(select(accounts.c.account_no, cases.c.case_no).join(cases, owner)).all()
    for first in range(0, len(known), AT_ONCE):
        some = known[first : first + AT_ONCE]
        facts: list[dict[str, Any]] = []
        said: list[dict[str, Any]] = []
        for account_no, case_no in some:
            said += _said(case_no, at=at)
            for month in (1, 2, 3):
                due_on = date(2026, month, 5)
                amount = chance.randint(2_000, 40_000)
                billed_at = start_of(due_on - timedelta(days=20))
                bill = Bill(
                    no=f"2026{month:02d}", period=f"2026-{month:02d}", amount_fen=amount, due_on=due_on, at=billed_at
                )
                facts.append(_fact(account_no, "bill", f"{account_no}/{bill.no}", bill, amount))
                if month == 3 and chance.random() < 0.5:
                    paid_at = at - timedelta(minutes=chance.randrange(60 * 24 * 10))
                    reference = f"T{account_no}{bill.no}"
                    paid = Payment(
                        reference=reference, amount_fen=amount, bills=(bill.no,), paid_at=paid_at, at=paid_at
                    )
                    facts.append(_fact(account_no, "payment", reference, paid, amount))
                    body = {"payment": paid.model_dump(mode="json"), "position": 1}
                    said.append(_entry(case_no, 4, "PaymentRecorded", body, at=paid_at))
        with database.write() as connection:
            connection.execute(insert(ledger), facts)
            insert_many(connection, entries, said)
            dues.refresh(connection, [account_no for account_no, _ in some])


def _fact(account_no: str, kind: str, key: str, fact: Bill | Payment, amount: int) -> dict[str, Any]:
    body = fact.model_dump(mode="json")
    given = {"account_no": account_no, "kind": kind, "unique_key": key, "amount_fen": amount, "body": body}
    return given | {"at": fact.at}


def _said(case_no: str, *, at: datetime) -> Iterator[dict[str, Any]]:
    for no, (event, body) in enumerate(
        [("CaseOpened", {}), ("StageEntered", {"stage": "reminded"}), ("TaskOpened", {"task": {"id": f"{case_no}-01"}})]
    ):
        yield _entry(case_no, no + 1, event, body, at=at - timedelta(days=20))


def _entry(case_no: str, sequence: int, event: str, body: Any, *, at: datetime) -> dict[str, Any]:
    common = {"case_no": case_no, "content_hash": "", "run": 1, "history": 1, "late": False, "chain_hash": ""}
    common |= {"superseded": False, "at": at, "by": "system", "clauses": []}
    return common | {"sequence": sequence, "event": event, "body": body}


def _close(database: Database, *, at: datetime) -> None:
    """Two of five cases in arrears have ended, and their accounts owe nothing by them."""
    numbered = [f"%{digit}" for digit in (1, 4, 6, 9)]
    with database.write() as connection:
        connection.execute(update(cases).values(ledger_position=HEARD_ALL, next_wake=at + timedelta(days=5)))
        for like in numbered:
            which = (cases.c.process == "arrears") & cases.c.case_no.like(like)
            gone = {"status": "closed", "outcome": "settled", "closed_at": at, "presses_at": NOTHING_OPEN}
            gone |= {"party": None, "proof_missing": False, "next_wake": None}
            connection.execute(update(cases).where(which).values(**gone))
            of_case = (tasks.c.process == "arrears") & tasks.c.case_no.like(like)
            connection.execute(update(tasks).where(of_case).values(status="obsolete", closed_at=at))
            of_opening = (openings.c.process == "arrears") & openings.c.case_no.like(like)
            connection.execute(update(openings).where(of_opening).values(open_subject=None))


def _copy(connection: Connection, arrears_on: int, projects_on: int, arrears_of: int, projects_of: int) -> None:
    """Every row of the first cases once more, with numbers further on."""
    for process, on, many, prefix in (
        ("arrears", arrears_on, arrears_of, "QF-20260311-"),
        ("connection", projects_on, projects_of, "BZ-20260311-"),
    ):
        number = _number(connection.dialect.name, on)
        case_no = f"substr(case_no, 1, 12) || {number('substr(case_no, 13, 7)', 7)}"
        subject = number("subject", 9) if process == "arrears" else case_no.replace("case_no", "subject")
        bounds = {"first": f"{prefix}{1:07d}", "last": f"{prefix}{many:07d}"}
        by_case = "case_no BETWEEN :first AND :last"
        of_case: dict[str, str] = {"case_no": case_no}
        run = _runs(connection, bounds)
        own = of_case | {"subject": subject}
        run(openings, own | {"open_subject": f"CASE WHEN open_subject IS NULL THEN NULL ELSE {subject} END"}, by_case)
        run(cases, own | {"workflow_id": f"process || '/' || {subject}"}, by_case)
        task_id = f"substr(task_id, 1, 12) || {number('substr(task_id, 13, 7)', 7)} || substr(task_id, 20)"
        run(tasks, of_case | {"task_id": task_id}, by_case)
        run(entries, of_case, by_case)
        if process == "connection":
            later = f"'R' || (CAST(substr(reference, 2) AS INTEGER) + {on})"
            run(projects, of_case | {"reference": later}, by_case)
            found = "process = 'connection' AND subject BETWEEN :first AND :last"
        else:
            bounds |= {"first": f"{1:09d}", "last": f"{many:09d}"}
            of_account = {"account_no": number("account_no", 9)}
            by_account = "account_no BETWEEN :first AND :last"
            run = _runs(connection, bounds)
            run(accounts, of_account, by_account)
            key = (
                f"CASE kind WHEN 'bill' THEN {number('account_no', 9)} || substr(unique_key, 10) "
                f"ELSE 'T' || {number('account_no', 9)} || substr(unique_key, 11) END"
            )
            run(ledger, of_account | {"unique_key": key}, by_account)
            run(dues_table, of_account, by_account)
            found = "process = 'arrears' AND subject BETWEEN :first AND :last"
        term = f"CASE WHEN term = lower(subject) THEN lower({subject}) ELSE term END"
        run(found_by, {"subject": subject, "term": term}, found)


def _number(dialect: str, on: int) -> Any:
    def sqlite(text: str, width: int) -> str:
        return f"printf('%0{width}d', CAST({text} AS INTEGER) + {on})"

    def postgresql(text: str, width: int) -> str:
        return f"lpad((CAST({text} AS BIGINT) + {on})::text, {width}, '0')"

    return sqlite if dialect == "sqlite" else postgresql


def _runs(connection: Connection, bounds: dict[str, str]) -> Any:
    def run(table: Table, changed: dict[str, str], where: str) -> None:
        names = [column.name for column in table.c if column.autoincrement is not True]
        into = ", ".join(f'"{name}"' for name in names)
        given = ", ".join(changed.get(name, f'"{name}"') for name in names)
        connection.execute(
            text(f"INSERT INTO {table.name} ({into}) SELECT {given} FROM {table.name} WHERE {where}"),  # noqa: S608 of our own
            bounds,
        )

    return run
