"""`guanjia rehearse`: files in, what held and what did not out."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from rehearsal.clock import engine_clock
from rehearsal.expectations import check, unexpected_refusals
from rehearsal.files import Rehearsal, WrongFile, read
from rehearsal.report import Report
from rehearsal.run import play

HELD, FAILED, WRONG = 0, 1, 2


async def rehearse(files: Sequence[Path], *, pack: str | None, compare: str | None, as_json: bool) -> int:
    """Run every file; returns the exit code: 0 all holds, 1 something does not, 2 a file is wrong, nothing was run."""
    rehearsals, faults = _read(files)
    if faults:
        print("\n".join(faults), file=sys.stderr)
        return WRONG
    failed = False
    console = Console(stderr=as_json)
    async with engine_clock() as clock:
        for rehearsal in rehearsals:
            seen = await play(rehearsal, clock, pack=pack)
            failures = failures_of(rehearsal, seen)
            failed = failed or bool(failures)
            if as_json:
                print(json.dumps(seen.model_dump(mode="json"), ensure_ascii=False))
            console.print(f"{'[red]fails' if failures else '[green]holds'}[/]  {rehearsal.file}")
            for failure in failures:
                console.print(f"  {failure}", markup=False)
            if compare is not None:
                console.print(compared(seen, await play(rehearsal, clock, pack=compare)))
    return FAILED if failed else HELD


def failures_of(rehearsal: Rehearsal, seen: Report) -> list[str]:
    """Every expectation that does not hold, and every refusal that none named."""
    checked = (check(expectation, seen) for expectation in rehearsal.expect)
    return [*(failure for failure in checked if failure), *unexpected_refusals(rehearsal.expect, seen)]


def compared(one: Report, other: Report) -> Table:
    """Two packs side by side: when each stage was reached, and when each task opened and was due."""
    table = Table("", one.pack, other.pack)
    stages = dict.fromkeys([*(s.stage for s in one.stages), *(s.stage for s in other.stages)])
    for stage in stages:
        table.add_row(stage, *(_first(str(s.at) for s in r.stages if s.stage == stage) for r in (one, other)))
    for key in dict.fromkeys([*(t.key for t in one.tasks), *(t.key for t in other.tasks)]):
        table.add_row(
            key, *(_first(f"{t.opened_at} due {t.due_at}" for t in r.tasks if t.key == key) for r in (one, other))
        )
    table.add_row("outcome", one.outcome or "open", other.outcome or "open")
    return table


def _first(found: object) -> str:
    return next(iter(found), "-")  # type: ignore[call-overload]


def _read(files: Sequence[Path]) -> tuple[list[Rehearsal], list[str]]:
    rehearsals: list[Rehearsal] = []
    faults: list[str] = []
    for file in files:
        try:
            rehearsals.append(read(file))
        except WrongFile as wrong:
            faults += wrong.faults
    return rehearsals, faults
