"""`guanjia rehearse`: files in, what held and what did not out."""

import asyncio
import json
import sys
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from logging import ERROR, getLogger
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from policies.packs import PackError, load_pack
from rehearsal.clock import engine_clock
from rehearsal.compare import Comparison, compare_population, compared, table
from rehearsal.expectations import check, unexpected_refusals
from rehearsal.files import Rehearsal, WrongFile, read
from rehearsal.lives import life
from rehearsal.population import read_population, sampled
from rehearsal.report import Opened, Report, written
from rehearsal.run import play
from rehearsal.verbs import Pay

HELD, FAILED, WRONG = 0, 1, 2


async def rehearse(files: Sequence[Path], *, pack: str | None, compare: str | None, as_json: bool) -> int:
    """Run every file; returns the exit code: 0 all holds, 1 something does not, 2 a file is wrong, nothing was run."""
    rehearsals, faults = _read(files)
    faults += _wrong_packs({"--pack": pack, "--compare": compare}, {rehearsal.process for rehearsal in rehearsals})
    if faults:
        print("\n".join(faults), file=sys.stderr)
        return WRONG
    failed = False
    console = Console(stderr=as_json)
    _quiet_core()
    async with engine_clock() as clock:
        for rehearsal in rehearsals:
            seen = await play(rehearsal, clock, pack=pack)
            failures = failures_of(rehearsal, seen)
            failed = failed or bool(failures)
            if as_json:
                print(json.dumps(seen.model_dump(mode="json"), ensure_ascii=False))
            # Each in one line however narrow the screen: whoever reads them may be a program.
            console.print(
                f"{'[red]fails' if failures else '[green]holds'}[/]  {escape(rehearsal.file)}", soft_wrap=True
            )
            for failure in failures:
                console.print(f"  {failure}", markup=False, soft_wrap=True)
            if compare is not None:
                other = await play(rehearsal, clock, pack=compare)
                comparison = side_by_side(rehearsal, seen, other)
                if as_json:
                    print(json.dumps(comparison.model_dump(mode="json"), ensure_ascii=False))
                console.print(stages(seen, other))
                console.print(table(comparison))
    return FAILED if failed else HELD


def _quiet_core() -> None:
    """Each case has a worker, and each worker the same warning of the engine's."""
    getLogger("temporalio.core").setLevel(ERROR)


def failures_of(rehearsal: Rehearsal, seen: Report) -> list[str]:
    """Every expectation that does not hold, and every refusal that none named."""
    checked = (check(expectation, seen) for expectation in rehearsal.expect)
    return [*(failure for failure in checked if failure), *unexpected_refusals(rehearsal.expect, seen)]


def side_by_side(rehearsal: Rehearsal, one: Report, other: Report) -> Comparison:
    """One case under two packs."""
    lives = [life(report, payments=paid(rehearsal, report)) for report in (one, other)]
    return compared(lives[:1], lives[1:], packs=(one.pack, other.pack), source=rehearsal.file)


def stages(one: Report, other: Report) -> Table:
    """When each stage was first reached, and when each task first opened, was due and was decided."""
    table = Table("", one.pack, other.pack)
    for stage in dict.fromkeys([*(s.stage for s in one.stages), *(s.stage for s in other.stages)]):
        table.add_row(stage, *(_first(written(s.at) for s in r.stages if s.stage == stage) for r in (one, other)))
    for key in dict.fromkeys([*(t.key for t in one.tasks), *(t.key for t in other.tasks)]):
        table.add_row(key, *(_first(_times(t) for t in r.tasks if t.key == key) for r in (one, other)))
    table.add_row("outcome", one.outcome or "open", other.outcome or "open")
    return table


def paid(rehearsal: Rehearsal, report: Report) -> list[tuple[datetime, int]]:
    """The payments of a file that the case took in: instants and fen."""
    pays = [step.body for step in rehearsal.steps if isinstance(step.body, Pay)]
    amounts = list({pay.reference: pay.amount for pay in pays}.values())
    recorded = [entry.at for entry in report.timeline if entry.event == "PaymentRecorded"]
    return list(zip(recorded, amounts, strict=False))


def _times(task: Opened) -> str:
    due = f" due {written(task.due_at)}" if task.due_at is not None else ""
    done = f" done {written(task.decided_at)}" if task.decided_at is not None else ""
    return f"{written(task.opened_at)}{due}{done}"


async def rehearse_population(
    file: Path,
    *,
    pack: str,
    compare: str,
    sample: int | None,
    seed: int,
    as_json: bool,
    drawn_in: Path | None,
    lang: str,
) -> int:
    """Let a sample of a population be lived under two packs; returns the exit code: 0, or 2 when the file is wrong."""
    try:
        packs = [load_pack(name).name for name in (pack, compare)]
        members = sampled(read_population(file), size=sample, seed=seed)
    except (WrongFile, PackError) as wrong:
        print("\n".join(wrong.faults), file=sys.stderr)
        return WRONG
    console = Console(stderr=as_json)
    _quiet_core()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        bar = progress.add_task(file.name, total=2 * len(members))
        async with engine_clock() as clock:
            comparison = await compare_population(
                members,
                clock,
                pack=packs[0],
                compare=packs[1],
                seed=seed,
                source=file.name,
                done=lambda: progress.advance(bar),
            )
    if as_json:
        print(json.dumps(comparison.model_dump(mode="json"), ensure_ascii=False, indent=2))
    console.print(table(comparison, lang=lang))
    if drawn_in is not None:
        await asyncio.to_thread(draw, comparison, drawn_in, name=file.stem, lang=lang)
    return HELD


def draw(comparison: Comparison, folder: Path, *, name: str, lang: str) -> None:
    """The comparison's charts as files in a folder."""
    from rehearsal.charts import charts  # drawing needs a second to load; a table does not wait for it

    folder.mkdir(parents=True, exist_ok=True)
    for number, svg in enumerate(charts(comparison, lang=lang), 1):
        (folder / f"{name}-{number}.svg").write_text(svg, encoding="utf-8")


def _first(found: object) -> str:
    return next(iter(found), "-")  # type: ignore[call-overload]


def _wrong_packs(named: Mapping[str, str | None], processes: Collection[str]) -> list[str]:
    """What is wrong with the packs that were named beside the files: unknown, or silent on what is rehearsed."""
    faults: list[str] = []
    for option, name in named.items():
        try:
            pack = load_pack(name) if name is not None else None
        except PackError as wrong:
            faults += [f"{option}: {fault}" for fault in wrong.faults]
        else:
            silent = [process for process in processes if pack is not None and getattr(pack, process) is None]
            faults += [f"{option}: {name} says nothing of {process}: name another pack" for process in sorted(silent)]
    return faults


def _read(files: Sequence[Path]) -> tuple[list[Rehearsal], list[str]]:
    rehearsals: list[Rehearsal] = []
    faults: list[str] = []
    for file in files:
        try:
            rehearsals.append(read(file))
        except WrongFile as wrong:
            faults += wrong.faults
    return rehearsals, faults
