"""Every rehearsal of this folder holds, on the real workflows."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from rehearsal.clock import EngineClock, engine_clock
from rehearsal.command import failures_of
from rehearsal.files import read
from rehearsal.run import play

FILES = sorted(Path(__file__).parent.glob("*.yaml"))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def clock() -> AsyncIterator[EngineClock]:
    async with engine_clock() as clock:
        yield clock


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("file", FILES, ids=[file.stem for file in FILES])
async def test_the_rehearsal_holds(file: Path, clock: EngineClock) -> None:
    rehearsal = read(file)
    assert rehearsal.expect, "a rehearsal that expects nothing proves nothing"
    seen = await play(rehearsal, clock)
    assert failures_of(rehearsal, seen) == []


def test_there_are_enough_of_them() -> None:
    packs = {read(file).pack for file in FILES}
    assert len(FILES) >= 20
    assert {"jinan", "kaifeng", "qingdao", "changchun", "liaocheng", "standard"} <= packs
