"""`guanjia intake`: a log of applications opened as connection projects, once each, in order of arrival."""

import time
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from activities.applications import read_applications
from policies.packs import load_pack
from store import projects
from store.database import Database

APPLICATIONS_A_TRANSACTION = 50
PATIENCE = 120.0


class Taken(NamedTuple):
    """What became of a log: applications in it, opened now, known from before, begun by the engine."""

    applications: int
    opened: int
    known: int
    begun: int


def take_in(database: Database, path: Path, *, pack: str, at: datetime, console: Console) -> Taken:
    """Open every application of a log that is not open yet, and wait until the engine has begun them all.

    Safe to stop and run again: a reference opens one project. Raises `UnreadableApplications`; `TimeoutError` when
    nothing begins any more for two minutes (is a worker running?).
    """
    rules = load_pack(pack, on=at.date())
    if rules.connection is None:
        raise ValueError(f"pack {rules.name} has no connection section: choose another by GUANJIA_PACK")
    checklist: dict[str, tuple[str, ...]] = {kind: papers.value for kind, papers in rules.connection.checklist.items()}
    records = read_applications(path, checklist=checklist)
    opened = 0
    with Progress(
        TextColumn("[bold]{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
    ) as progress:
        bar = progress.add_task("applications", total=len(records))
        for start in range(0, len(records), APPLICATIONS_A_TRANSACTION):
            chunk = records[start : start + APPLICATIONS_A_TRANSACTION]
            with database.write() as connection:
                opened += sum(projects.open_in(connection, each, pack=rules.name, at=at).new for each in chunk)
            progress.update(bar, advance=len(chunk))
        begun = _wait(database, progress, records=len(records))
    return Taken(len(records), opened, len(records) - opened, begun)


def _wait(database: Database, progress: Progress, *, records: int) -> int:
    bar = progress.add_task("begun", total=records)
    begun, moved_at = 0, time.monotonic()
    while True:
        with database.read() as connection:
            seen = projects.on_record(connection)
        if seen != begun:
            begun, moved_at = seen, time.monotonic()
            progress.update(bar, completed=min(begun, records))
        if begun >= records:
            return begun
        if time.monotonic() - moved_at > PATIENCE:
            raise TimeoutError(f"{begun} of {records} projects have begun and no more: is `guanjia run` up?")
        time.sleep(0.2)
