"""Events and local activities of whole cases, counted and not timed: counts know no slow machine."""

from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bench.counts import all_events, bare_events, events_in
from rehearsal.clock import EngineClock, engine_clock
from rehearsal.files import read
from rehearsal.run import play

FILES = Path(__file__).parent.parent / "rehearsals"
MARKER = "EVENT_TYPE_MARKER_RECORDED"
STEPS = ("WORKFLOW_EXECUTION_UPDATE_COMPLETED", "TIMER_FIRED", "WORKFLOW_EXECUTION_SIGNALED", "ACTIVITY_TASK_COMPLETED")


@pytest.fixture
async def clock() -> AsyncIterator[EngineClock]:
    async with engine_clock() as running:
        yield running


async def played(clock: EngineClock, name: str, folder: Path) -> Counter[str]:
    kept = folder / "history.json"
    await play(read(FILES / f"{name}.yaml"), clock, keep_history=kept)
    return events_in(kept)


async def test_each_decision_of_a_project_is_one_local_activity(clock: EngineClock, tmp_path: Path) -> None:
    kinds = await played(clock, "connection-single-to-water", tmp_path)
    decisions = kinds["EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED"]
    assert decisions > 10
    assert kinds["EVENT_TYPE_TIMER_FIRED"] == 0
    assert kinds[MARKER] == kinds["record"] == decisions + 1  # and its opening
    assert all_events(kinds) <= bare_events(kinds)


async def test_a_limit_reads_the_ledger_and_asks_the_interlock_besides_its_records(
    clock: EngineClock, tmp_path: Path
) -> None:
    """The ledger is read at the ends of both periods and when money came; the interlock is asked at the decision, at
    the order and at the valve. Before a question the record is brought up to date: one more than there are steps."""
    kinds = await played(clock, "to-the-limit-and-back", tmp_path)
    steps = 1 + sum(kinds[f"EVENT_TYPE_{kind}"] for kind in STEPS)
    assert (kinds["read_ledger"], kinds["ask_interlock"]) == (3, 3)
    assert kinds["record"] == steps + 1
    assert all_events(kinds) <= 1.11 * bare_events(kinds)
