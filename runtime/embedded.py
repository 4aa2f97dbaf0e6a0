"""One machine, one command: engine, worker and API under one supervisor, with sample people and a sample ledger."""

import asyncio
import json
import os
import secrets
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

import httpx2
import structlog
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from activities.ledger_file import read_ledger
from domain.calendars import CHINA
from policies.packs import load_pack
from rehearsal.sample_ledger import write_sample_ledger
from runtime import sample_work, wall_clock
from runtime.engine import EngineOptions, prepare, retain, start_command, wait_ready
from runtime.sample_people import DOES, SAMPLE_PEOPLE
from runtime.supervisor import PRIVATE, Part, Supervisor
from settings import Settings
from store.database import Database
from store.imports import import_ledger
from store.migrate import upgrade
from store.people import add_person, everybody
from store.sessions import set_password

log = structlog.get_logger()
RETENTION_DAYS = 3650
SAMPLE_SEED = 20260311
PRIVATE_FILE = 0o600


class PortTaken(RuntimeError):
    """A port that this installation wants is in use; the message says by which setting to choose another."""


def parts(settings: Settings) -> list[Part]:
    """Engine, worker and API: each a process of its own, restarted alone when it dies."""
    _, _, port = settings.temporal_address.partition(":")
    engine = EngineOptions(
        data_folder=settings.data,
        port=int(port or 7233),
        ui_port=settings.engine_ui_port,
        namespace=settings.temporal_namespace,
        retention_days=RETENTION_DAYS,
    )
    guanjia = [sys.executable, "-m", "cli"]

    async def engine_ready() -> None:
        client = await wait_ready(engine.address, engine.namespace, timedelta(seconds=60))
        await retain(client, days=engine.retention_days)

    return [
        Part("engine", start_command(engine), ready=engine_ready, before=lambda: prepare(engine)),
        Part("worker", [*guanjia, "worker"]),
        Part("api", [*guanjia, "api"], ready=lambda: answered(f"{base_url(settings)}/healthz")),
    ]


def base_url(settings: Settings) -> str:
    return f"http://{settings.api_host}:{settings.api_port}"


async def answered(url: str) -> None:
    """Returns once the address answers 200."""
    async with httpx2.AsyncClient() as http:
        while True:
            with suppress(httpx2.TransportError):
                if (await http.get(url)).status_code == 200:
                    return
            await asyncio.sleep(0.1)


def check_ports(settings: Settings) -> None:
    """Raises `PortTaken` before anything is started."""
    wanted = {
        "GUANJIA_TEMPORAL_ADDRESS": int(settings.temporal_address.partition(":")[2] or 7233),
        "GUANJIA_API_PORT": settings.api_port,
    }
    if settings.engine_ui_port is not None:
        wanted["GUANJIA_ENGINE_UI_PORT"] = settings.engine_ui_port
    for name, port in wanted.items():
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                raise PortTaken(f"port {port} of 127.0.0.1 is in use: stop what uses it, or set {name}") from None


async def run(settings: Settings, *, sample: bool, clock: Callable[[], datetime]) -> None:
    """Everything up until SIGTERM or SIGINT; stopped and started again it goes on where it was."""
    os.umask(PRIVATE)
    check_ports(settings)
    settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    settings.encryption_keys()
    upgrade(settings.database)
    supervisor = Supervisor(parts(settings), settings.data)
    console = Console()
    welcoming = asyncio.create_task(welcome(settings, console, sample=sample, clock=clock))
    welcoming.add_done_callback(lambda task: supervisor.stop() if not task.cancelled() and task.exception() else None)
    try:
        await supervisor.run()
    finally:
        welcoming.cancel()
    if not welcoming.cancelled() and welcoming.done() and (fault := welcoming.exception()):
        raise fault


async def welcome(settings: Settings, console: Console, *, sample: bool, clock: Callable[[], datetime]) -> None:
    """Once all is up: sample data the first time, and where to look."""
    await answered(f"{base_url(settings)}/readyz")
    if sample:
        await asyncio.to_thread(put_samples, settings, console, clock())
    await asyncio.to_thread(say_where, settings, console)
    if sample:
        await let_work(settings, console, clock=clock)


async def let_work(settings: Settings, console: Console, *, clock: Callable[[], datetime]) -> None:
    """The sample people's first day, once, and the sample billing system for as long as it is the only one."""
    database, done = Database(settings.database), settings.data / "sample-work.json"
    confirming = asyncio.create_task(sample_work.keep_confirming(database, clock=clock))
    try:
        if settings.sample_work and not await asyncio.to_thread(done.exists):
            await first_day(settings, console, done, now=clock())
        await confirming
    finally:
        confirming.cancel()
        database.close()


async def first_day(settings: Settings, console: Console, done: Path, *, now: datetime) -> None:
    """Samples are no reason to go down: what fails is said, and tried again at the next start."""
    try:
        async with sample_work.doors(base_url(settings), people_file(settings)) as doors:
            expected = settings.sample_projects if load_pack(settings.pack, on=now.date()).connection else 0
            counted = await sample_work.work(doors, console, expected=expected, now=now)
    except (httpx2.HTTPError, ExceptionGroup, OSError) as failure:
        log.warning("sample.stopped", error=type(failure).__name__)
        return
    await asyncio.to_thread(done.write_text, json.dumps(counted) + "\n")
    console.print(f"  sample people    took {counted['decisions']} decisions, looked after {counted['debts']} debts\n")


def put_samples(settings: Settings, console: Console, now: datetime) -> None:
    """People with a token each and one password, and a ledger of invented overdue accounts, once."""
    database = Database(settings.database)
    tokens = people_file(settings)
    if not tokens.exists():
        with database.write() as connection:
            found = {person.id: add_person(connection, person) for person in SAMPLE_PEOPLE}
        write_privately(tokens, json.dumps(found, indent=1) + "\n")
    put_password(settings, database, now)
    sheet = settings.data / "sample-ledger.xlsx"
    if not sheet.exists():
        partial = sheet.with_name("sample-ledger-part.xlsx")
        as_of = now.astimezone(CHINA).date()
        write_sample_ledger(partial, accounts=settings.sample_accounts, seed=SAMPLE_SEED, as_of=as_of)
        partial.rename(sheet)
    import_with_progress(settings, database, sheet, console=console, now=now, by="administrator")
    sample_work.put_grids(database, now=now)
    if new := sample_work.put_projects(settings, database, now=now):
        console.print(f"sample projects: {new} applications taken in")
    database.close()


def put_password(settings: Settings, database: Database, now: datetime) -> None:
    """One random password of this installation, for every sample person who has none."""
    path = password_file(settings)
    if not path.exists():
        write_privately(path, f"{secrets.token_urlsafe(12)}\n")
    password = path.read_text().strip()
    known = json.loads(people_file(settings).read_text())
    with database.read() as connection:
        without = {person.id for person, active, has_password in everybody(connection) if active and not has_password}
    for person in SAMPLE_PEOPLE:
        if person.id in known and person.id in without:
            with database.write() as connection:
                set_password(connection, person.id, password, by="administrator", at=now)


def write_privately(path: Path, text: str) -> None:
    path.touch(mode=PRIVATE_FILE)
    path.write_text(text)


def import_with_progress(
    settings: Settings, database: Database, sheet: Path, *, console: Console, now: datetime, by: str
) -> None:
    """Read a ledger into the store, a bar for those who wait. A file that was read before changes nothing."""
    columns = (TextColumn("[bold]{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task("ledger", total=None)
        result = import_ledger(
            database,
            read_ledger(sheet),
            pack=load_pack(settings.pack, on=now.date()).name,
            at=now,
            by=by,
            filename=sheet.name,
            clock=wall_clock.now,
            progress=lambda done, total: progress.update(bar, completed=done, total=total),
        )
    if result.unchanged:
        console.print(f"{sheet.name}: read before, nothing changed")
        return
    console.print(
        f"{sheet.name}: {result.rows} rows, {result.bills_new} new bills, {result.cases_opened} cases opened, "
        f"{len(result.errors)} rows with errors"
    )
    for error in result.errors[:10]:
        console.print(f"  row {error.row}: {error.problem} {error.mend}")


def people_file(settings: Settings) -> Path:
    return settings.data / "people.json"


def password_file(settings: Settings) -> Path:
    return settings.data / "password.txt"


def say_where(settings: Settings, console: Console) -> None:
    """Addresses and who to be."""
    pages = settings.public_url or base_url(settings)
    console.print(f"\n[bold]Guanjia is up.[/bold]  Pages [cyan]{pages.rstrip('/')}/[/cyan]")
    console.print(f"  the API          {base_url(settings)}/api/v1, described at {base_url(settings)}/docs")
    if settings.engine_ui_port is not None:
        console.print(f"  the engine       http://127.0.0.1:{settings.engine_ui_port}")
    if password_file(settings).exists():
        say_who(settings, console)
    if people_file(settings).exists():
        console.print(f"  the command      takes --as collector; tokens in {people_file(settings)}")
        console.print("  try              guanjia tasks --as collector")
    console.print("  stop             Ctrl-C; start again and it goes on where it was\n")


def say_who(settings: Settings, console: Console) -> None:
    """The sample people as a table, and the password they share."""
    password = password_file(settings).read_text().strip()
    table = Table("log in as", "name", "part", "what they do", box=None, padding=(0, 2, 0, 0))
    for person in SAMPLE_PEOPLE:
        part = person.part[1] if person.part is not None else "all"
        table.add_row(person.id, person.name, part, DOES[person.roles[0]])
    console.print()
    console.print(table)
    console.print(f"\n  password         [bold]{password}[/bold]  (all of them; kept in {password_file(settings)})")
