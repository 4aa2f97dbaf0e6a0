"""A pack move as the terminal shows it: one line a case as it comes, a bar while it goes on, and the totals."""

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from domain.calendars import local
from domain.move_preview import MovePreview
from runtime.pack_moves import Moved, PackMove
from settings import Settings

Say = Callable[[str], None]
SAID = {"moved": "moved", "closed": "closed meanwhile: skipped", "no-answer": "no answer: run the same command again"}


def print_dry_run(move: PackMove, *, as_json: bool) -> int:
    """List what would change in each case; returns the exit code."""
    totals: Counter[str] = Counter()
    with _telling(move.total()) as say:
        for seen in move.would_change():
            totals["cannot move" if seen.refused else "would change" if seen.changes else "would change nothing"] += 1
            say(seen.model_dump_json() if as_json else f"{seen.case_no}  {seen.stage}  {words_of(seen)}")
    _end(move, totals, as_json=as_json)
    return 1 if totals["cannot move"] else 0


async def print_move(move: PackMove, settings: Settings, *, as_json: bool) -> int:
    """Move the cases and say what became of each; returns the exit code."""
    from worker import connect

    totals: Counter[str] = Counter()
    client = await connect(settings)
    with _telling(move.total()) as say:
        async for each in move.move(client):
            totals[each.became] += 1
            say(each.model_dump_json() if as_json else f"{each.case_no}  {each.stage}  {_became(each)}")
    _end(move, totals, as_json=as_json)
    return 1 if totals["refused"] or totals["no-answer"] else 0


def _became(each: Moved) -> str:
    return SAID.get(each.became) or f"cannot move: {_refusal(each.code, each.why)}"


def _refusal(code: str | None, why: tuple[str, str]) -> str:
    return f"{code}: {why[0]}" + (f" / {why[1]}" if why[1] else "")


def _end(move: PackMove, totals: Counter[str], *, as_json: bool) -> None:
    totals += Counter()  # drop what did not come up
    waiting = move.not_begun()
    about = {"from": move.was.name, "to": move.to.name}
    if as_json:
        print(json.dumps(about | {"totals": dict(totals), "not_begun": waiting}))
        return
    counted = ", ".join(f"{number} {word}" for word, number in totals.items()) or "no open case"
    print(f"{about['from']} → {about['to']}: {counted}")
    if waiting:
        print(f"{waiting} more have not begun yet, and begin under {about['from']}: run it again then")


@contextmanager
def _telling(total: int) -> Iterator[Say]:
    """Lines as they come, above a bar where somebody looks on; a file or pipe gets the lines alone."""
    looked_on = sys.stdout.isatty()
    columns: tuple[Any, ...] = (TextColumn("cases"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=not looked_on), redirect_stdout=False) as progress:
        bar = progress.add_task("cases", total=total)

        def say(line: str) -> None:
            if looked_on:
                progress.console.print(line, markup=False, highlight=False, soft_wrap=True)
            else:
                print(line)
            progress.advance(bar)

        yield say


def words_of(seen: MovePreview) -> str:
    """What a move would change in one case, in one line."""
    if seen.refused is not None:
        return f"cannot move: {_refusal(seen.refused, seen.why)}"
    told = []
    if seen.stage != seen.stage_after:
        told.append(f"stage {seen.stage} → {seen.stage_after}")
    if seen.next != seen.next_after:
        told.append(f"next {seen.next} → {seen.next_after}")
    if seen.until != seen.until_after:
        told.append(f"waits until {_day(seen.until)} → {_day(seen.until_after)}")
    for task in seen.tasks:
        name = f"{task.key} {task.subject}" if task.subject else task.key
        match task.fate:
            case "opened":
                told.append(f"opens {name}, due {_day(task.after)}")
            case "withdrawn":
                told.append(f"withdraws {name}")
            case "moved" if task.before == task.after:
                told.append(f"asks for {name} otherwise, due as before")
            case "moved":
                told.append(f"{name} due {_day(task.before)} → {_day(task.after)}")
    return "; ".join(told) or "nothing"


def _day(at: datetime | None) -> str:
    return local(at).strftime("%Y-%m-%d %H:%M") if at is not None else "none"
