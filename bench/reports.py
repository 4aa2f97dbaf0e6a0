"""The dashboard at size: each report of it, its statements and milliseconds, over a year of bills.

`python -m bench.reports [--accounts N] [--postgres]` fills a throw-away store in bulk: accounts with open cases, a bill
a month for each, most of them paid, and the payments of the running month on record in their cases.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import Connection, event, insert, select

from bench.listed import arrears_cases, put
from bench.lists import AT, CHIEF, people, store
from domain.account import Bill, Payment
from domain.calendars import start_of
from store import dues, reports
from store.database import Database
from store.reports import DueFilter
from store.tables import accounts, cases, entries, ledger, metadata

MONTH, ROUNDS, AT_ONCE = 202603, 15, 1000
Read = Callable[[Connection, Random], Any]
READS: dict[str, Read] = {
    "recovery, all": lambda c, x: reports.recovery(c, CHIEF, month=MONTH, at=AT),
    "recovery, December": lambda c, x: reports.recovery(c, CHIEF, month=202512, at=AT),
    "recovery, section or grid": lambda c, x: reports.recovery(c, people(x), month=MONTH, at=AT),
    "ageing, all": lambda c, x: reports.ageing(c, CHIEF, at=AT),
    "by step, all": lambda c, x: reports.by_step(c, CHIEF, month=MONTH),
    "by stage, all": lambda c, x: reports.by_stage(c, CHIEF),
    "lateness, all": lambda c, x: reports.lateness(c, CHIEF, month=MONTH, at=AT),
    "load, all": lambda c, x: reports.load(c, CHIEF, at=AT),
    "who has not paid, page": lambda c, x: reports.watched(
        c, CHIEF, DueFilter(month=MONTH, paid=False), at=AT, after=None, limit=50
    ),
    "who has not paid, grid": lambda c, x: reports.watched(
        c, people(x), DueFilter(month=MONTH, paid=False), at=AT, after=None, limit=50
    ),
    "older than a year, page": lambda c, x: reports.watched(
        c, CHIEF, DueFilter(age=(181, 365), paid=False), at=AT, after=None, limit=50
    ),
    "counts of who has paid": lambda c, x: reports.watched_counts(c, CHIEF, DueFilter(month=MONTH), at=AT),
}


def fill(database: Database, count: int) -> None:
    """Accounts with cases, fifteen months of bills, and payments in the ledger and on record."""
    put(database, arrears_cases(count, at=AT))
    chance = Random(7)
    months = [date(2025 + (no + 0) // 12, no % 12 + 1, 5) for no in range(15)]
    with database.read() as connection:
        known = connection.execute(select(accounts.c.account_no, cases.c.case_no).join(cases, _OWNER)).all()
    for first in range(0, len(known), AT_ONCE):
        some = known[first : first + AT_ONCE]
        rows: list[dict[str, Any]] = []
        said: list[dict[str, Any]] = []
        for account_no, case_no in some:
            for month in months:
                amount = chance.randint(2_000, 40_000)
                at = start_of(month - timedelta(days=20))
                bill = Bill(no=f"{month:%Y%m}", period=f"{month:%Y-%m}", amount_fen=amount, due_on=month, at=at)
                rows.append(_fact(account_no, "bill", f"{account_no}/{bill.no}", bill, amount))
                if chance.random() < 0.93:
                    paid_at = start_of(month + timedelta(days=chance.randint(-10, 40)))
                    if paid_at > AT:
                        continue
                    reference = f"T{account_no}{bill.no}"
                    paid = Payment(
                        reference=reference, amount_fen=amount, bills=(bill.no,), paid_at=paid_at, at=paid_at
                    )
                    rows.append(_fact(account_no, "payment", reference, paid, amount))
                    if month.year == 2026:
                        said += _said(case_no, paid, len(said))
        with database.write() as connection:
            connection.execute(insert(ledger), rows)
            if said:
                connection.execute(insert(entries), said)


_OWNER = cases.c.subject == accounts.c.account_no


def _fact(account_no: str, kind: str, key: str, fact: Bill | Payment, amount: int) -> dict[str, Any]:
    body = fact.model_dump(mode="json")
    given = {"account_no": account_no, "kind": kind, "unique_key": key, "amount_fen": amount, "body": body}
    return given | {"at": fact.at}


def _said(case_no: str, paid: Payment, no: int) -> Iterator[dict[str, Any]]:
    common = {"case_no": case_no, "content_hash": "", "run": 1, "history": 1, "late": False, "chain_hash": ""}
    common |= {"superseded": False, "at": paid.at, "by": "system", "clauses": []}
    body = {"payment": paid.model_dump(mode="json"), "position": 1}
    yield common | {"sequence": 2 * no + 10, "event": "StageEntered", "body": {"stage": "grace"}}
    yield common | {"sequence": 2 * no + 11, "event": "PaymentRecorded", "body": body}


def measure(database: Database) -> None:
    chance = Random(3)
    asked = 0

    def count(*said: Any) -> None:
        nonlocal asked
        asked += said[2] != "BEGIN"

    event.listen(database.engine, "before_cursor_execute", count)
    print(f"{'report':<28}{'statements':>11}{'p50 ms':>9}{'worst ms':>10}{'cpu ms':>9}")
    for name, read in READS.items():
        times, works, most = [], [], 0
        for _ in range(ROUNDS):
            asked, began, worked = 0, time.perf_counter(), time.process_time()
            with database.read() as connection:
                read(connection, chance)
            times.append((time.perf_counter() - began) * 1000)
            works.append((time.process_time() - worked) * 1000)
            most = max(most, asked)
        figures = f"{statistics.median(times):>9.1f}{max(times):>10.1f}{statistics.median(works):>9.1f}"
        print(f"{name:<28}{most:>11}{figures}")


def main() -> None:
    asked = argparse.ArgumentParser(prog="bench.reports")
    asked.add_argument("--accounts", type=int, default=20_000)
    asked.add_argument("--postgres", action="store_true")
    given = asked.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="guanjia-bench-") as folder,
        store(Path(folder), postgres=given.postgres) as database,
    ):
        metadata.create_all(database.engine)
        fill(database, given.accounts)
        began, worked = time.perf_counter(), time.process_time()
        with database.read() as connection:
            nos = list(connection.scalars(select(accounts.c.account_no)))
        for first in range(0, len(nos), AT_ONCE):
            with database.write() as connection:
                dues.refresh(connection, nos[first : first + AT_ONCE])
        took = f"{time.perf_counter() - began:.1f} s, {time.process_time() - worked:.1f} s of the processor"
        database.analyse()
        print(f"{len(nos)} accounts, 15 bills each: told by the ledger in {took}")
        measure(database)


if __name__ == "__main__":
    main()
