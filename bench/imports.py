"""A ledger file parsed, checked and stored, and a bare reading of the same file.

`python -m bench.imports [--accounts N] [--postgres]`; into an empty store, so that the tables grow from nothing.

The opening of cases is apart: it is left as word for the engine. CPU is what this process used, for a machine at rest
waits for little else; the wall clock is printed beside it, with the load that the machine had.
"""

import argparse
import os
import resource
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from activities.ledger_file import read_ledger
from bench.lists import store
from rehearsal.sample_ledger import write_sample_ledger
from runtime.wall_clock import now
from store.database import Database
from store.imports import import_ledger
from store.migrate import upgrade

ACCOUNTS = 87_500
"""About one in seven owes two bills: some 100,000 rows."""


def main() -> None:
    asked = argparse.ArgumentParser(prog="bench.imports")
    asked.add_argument("--accounts", type=int, default=ACCOUNTS)
    asked.add_argument("--postgres", action="store_true")
    given = asked.parse_args()
    with tempfile.TemporaryDirectory(prefix="guanjia-bench-", ignore_cleanup_errors=True) as name:
        folder, accounts = Path(name), given.accounts
        folder.chmod(0o755)  # PostgreSQL may run under a user of its own
        path = folder / "ledger.xlsx"
        rows = write_sample_ledger(path, accounts=accounts, seed=1, as_of=date(2026, 11, 20))
        before = memory()
        timed(f"read and checked, {rows} rows", lambda: sum(1 for _ in read_ledger(path)))
        with store(folder, postgres=given.postgres, durable=True) as database:
            upgrade(database.url)
            timed(f"taken in, {rows} rows, {database.engine.dialect.name}", lambda: taken_in(database, path))
            timed("the same again", lambda: taken_in(database, path))
        print(f"memory: {before:.0f} MB before, {memory():.0f} MB at the most; load {os.getloadavg()[0]:.1f}")


def taken_in(database: Database, path: Path) -> Any:
    return import_ledger(database, read_ledger(path), pack="jinan@2020-01-29", at=now(), by="bench")


def timed(what: str, work: Callable[[], Any]) -> None:
    began, used = time.perf_counter(), time.process_time()
    work()
    print(f"{what}: {time.process_time() - used:.1f} s CPU, {time.perf_counter() - began:.1f} s")


def memory() -> float:
    """The most that this process has held, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
