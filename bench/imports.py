"""A ledger file parsed, checked and stored: `python -m bench.imports [accounts]`, and a bare reading of the same file.

The opening of cases is apart: it is left as word for the engine. CPU is what this process used, for a machine at rest
waits for little else; the wall clock is printed beside it, with the load that the machine had.
"""

import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from activities.ledger_file import read_ledger
from rehearsal.sample_ledger import write_sample_ledger
from runtime.wall_clock import now
from store.database import Database
from store.imports import import_ledger
from store.migrate import upgrade

ACCOUNTS = 87_500
"""About one in seven owes two bills: some 100,000 rows."""


def main(accounts: int) -> None:
    with tempfile.TemporaryDirectory(prefix="guanjia-bench-") as name:
        folder = Path(name)
        path = folder / "ledger.xlsx"
        rows = write_sample_ledger(path, accounts=accounts, seed=1, as_of=date(2026, 11, 20))
        before = memory()
        timed(f"read and checked, {rows} rows", lambda: sum(1 for _ in read_ledger(path)))
        url = f"sqlite:///{folder / 'guanjia.db'}"
        upgrade(url)
        database = Database(url)
        timed(f"taken in, {rows} rows", lambda: taken_in(database, path))
        timed("the same again", lambda: taken_in(database, path))
        database.close()
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
    main(int(sys.argv[1]) if len(sys.argv) > 1 else ACCOUNTS)
