import asyncio
import os
import re
import signal
import stat
import subprocess
import sys
import textwrap
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from runtime import supervisor as supervision
from runtime.supervisor import AlreadyRunning, Part, PartStatus, State, Supervisor, status

ROOT = Path(__file__).parents[2]

# Says in the journal when it comes up and when it is asked to go.
OBEDIENT = """
import signal, sys
name, journal = sys.argv[1:]
def tell(what):
    with open(journal, "a") as file:
        file.write(f"{name} {what}\\n")
def go(*_):
    tell("down")
    sys.exit(0)
signal.signal(signal.SIGTERM, go)
tell("up")
while True:
    signal.pause()
"""

# Ignores SIGTERM and starts a child that ignores it as well; prints both process ids.
STUBBORN = """
import os, signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = os.fork()
if child:
    print(os.getpid(), child, flush=True)
while True:
    signal.pause()
"""


def python(code: str, *arguments: str) -> list[str]:
    return [sys.executable, "-S", "-c", code, *arguments]


def obedient(name: str, journal: Path) -> list[str]:
    return python(OBEDIENT, name, str(journal))


async def until(true: Callable[[], object]) -> None:
    """Returns once it is true. What happens in a moment here takes a busy machine longer."""
    async with asyncio.timeout(60):
        while not true():
            await asyncio.sleep(0.02)


def lives(pid: int) -> bool:
    """A process that is dead but not yet collected by its parent does not live."""
    told = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return told.stdout.strip() not in ("", "Z", "Z+", "Zs")


@asynccontextmanager
async def running(parts: list[Part], folder: Path) -> AsyncIterator[Supervisor]:
    supervisor = Supervisor(parts, folder)
    task = asyncio.create_task(supervisor.run())
    try:
        await until(lambda: task.done() or status(folder))
        yield supervisor
    finally:
        supervisor.stop()
        await task


def now(folder: Path) -> dict[str, PartStatus]:
    told = status(folder)
    assert told, "no supervisor is alive"
    return {part.part: part for part in told.parts}


def is_ready(folder: Path, *names: str) -> Callable[[], bool]:
    return lambda: all(now(folder)[name].state is State.READY for name in names)


async def test_a_part_starts_when_the_one_before_it_is_ready_and_they_stop_in_reverse(tmp_path: Path) -> None:
    journal, database_serves = tmp_path / "journal", asyncio.Event()
    parts = [
        Part("database", obedient("database", journal), ready=database_serves.wait),
        Part("shop", obedient("shop", journal), ready=lambda: until(lambda: "shop up" in journal.read_text())),
    ]
    async with running(parts, tmp_path / "data"):
        await until(lambda: journal.exists() and "database up" in journal.read_text())
        await asyncio.sleep(0.2)
        assert now(tmp_path / "data")["database"].state is State.STARTING
        assert now(tmp_path / "data")["shop"].state is State.WAITING
        database_serves.set()
        await until(is_ready(tmp_path / "data", "database", "shop"))
    assert journal.read_text().splitlines() == ["database up", "shop up", "shop down", "database down"]


async def test_a_killed_part_comes_back_and_the_others_are_left_alone(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    parts = [Part(name, obedient(name, journal)) for name in ("database", "shop")]
    async with running(parts, tmp_path):
        await until(is_ready(tmp_path, "database", "shop"))
        before = now(tmp_path)
        assert before["database"].pid
        os.kill(before["database"].pid, signal.SIGKILL)
        await until(lambda: now(tmp_path)["database"].restarts)
        await until(is_ready(tmp_path, "database"))
        after = now(tmp_path)
        assert after["database"].pid != before["database"].pid
        assert after["database"].restarts == 1
        assert after["shop"] == before["shop"]


def pauses(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What the supervisor said it waits before each start, in seconds."""
    return [each for said in caplog.messages for each in re.findall(r"starts again in (\S+) s", said)]


async def test_a_part_that_dies_again_and_again_waits_twice_as_long_each_time(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    starts: list[float] = []
    hopeless = Part("hopeless", python("raise SystemExit(3)"), before=lambda: starts.append(time.monotonic()))
    async with running([hopeless], tmp_path):
        await until(lambda: len(starts) == 3)
    assert pauses(caplog)[:2] == ["0.5", "1.0"]
    assert all(later - earlier >= pause for (earlier, later), pause in zip(pairwise(starts), (0.5, 1.0), strict=True))


async def test_health_forgives_the_deaths_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(supervision, "HEALTHY_AFTER", 0.0)
    async with running([Part("brief", python("raise SystemExit"))], tmp_path):
        await until(lambda: now(tmp_path)["brief"].restarts >= 3)
    assert pauses(caplog)[:3] == ["0.5", "0.5", "0.5"]


async def test_a_part_that_is_not_ready_in_time_is_killed_and_started_again(tmp_path: Path) -> None:
    seen: list[int | None] = []

    async def never() -> None:
        seen.append(now(tmp_path)["mute"].pid)
        await asyncio.Event().wait()

    mute = Part("mute", obedient("mute", tmp_path / "journal"), ready=never, ready_within=0.3)
    async with running([mute], tmp_path):
        await until(lambda: len(seen) == 2)
        assert seen[0]
        assert not lives(seen[0])
        assert now(tmp_path)["mute"].restarts >= 1


async def test_a_part_that_cannot_be_started_is_tried_again_and_stopping_still_works(tmp_path: Path) -> None:
    async with running([Part("absent", [str(tmp_path / "no-such-program")])], tmp_path):
        await until(lambda: now(tmp_path)["absent"].restarts >= 2)
    assert status(tmp_path) is None


async def test_who_ignores_the_request_to_stop_is_killed_with_its_children(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervision, "GRACE", 0.3)
    log = tmp_path / "logs" / "stubborn.log"
    async with running([Part("stubborn", python(STUBBORN))], tmp_path):
        await until(lambda: log.exists() and log.read_text())
        family = [int(pid) for pid in log.read_text().split()]
        assert all(lives(pid) for pid in family)
    await until(lambda: not any(lives(pid) for pid in family))


async def test_what_a_part_says_and_writes_is_for_its_owner_only(tmp_path: Path) -> None:
    code = f"import os; print(os.environ['GREETING'], flush=True); open({str(tmp_path / 'written')!r}, 'w'); input()"
    data = tmp_path / "data"
    async with running([Part("clerk", python(code), env={"GREETING": "您好"})], data):
        await until((tmp_path / "written").exists)
    assert (data / "logs" / "clerk.log").read_text().startswith("您好")
    for file in (tmp_path / "written", data / "logs" / "clerk.log"):
        assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0, file
    assert stat.S_IMODE(data.stat().st_mode) == 0o700


async def test_a_second_supervisor_on_one_data_folder_is_refused_by_name_of_the_first(tmp_path: Path) -> None:
    async with running([], tmp_path):
        with pytest.raises(AlreadyRunning, match=f"pid {os.getpid()}.* already runs on {tmp_path}"):
            await Supervisor([], tmp_path).run()
    async with running([], tmp_path):
        assert status(tmp_path)


def test_two_parts_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="one name: shop, shop"):
        Supervisor([Part("shop", ["true"]), Part("shop", ["true"])], tmp_path)


@pytest.fixture
def alone(tmp_path: Path) -> subprocess.Popen[bytes]:
    """A supervisor in a process of its own, over an obedient and a stubborn part."""
    code = f"""
        import asyncio
        from pathlib import Path
        from runtime.supervisor import Part, Supervisor
        parts = [Part("shop", {obedient("shop", tmp_path / "journal")!r}), Part("stubborn", {python(STUBBORN)!r})]
        asyncio.run(Supervisor(parts, Path({str(tmp_path)!r})).run())
    """
    return subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)], cwd=ROOT)


async def family_of(folder: Path) -> list[int]:
    log = folder / "logs" / "stubborn.log"
    await until(lambda: log.exists() and log.read_text() and (folder / "journal").exists())
    shop = now(folder)["shop"].pid
    assert shop
    return [shop, *(int(pid) for pid in log.read_text().split())]


async def test_nothing_outlives_a_supervisor_that_is_killed(tmp_path: Path, alone: subprocess.Popen[bytes]) -> None:
    family = await family_of(tmp_path)
    assert all(lives(pid) for pid in family)
    alone.kill()
    alone.wait()
    await until(lambda: not any(lives(pid) for pid in family))
    assert status(tmp_path) is None


async def test_a_supervisor_asked_to_stop_by_signal_stops_all_and_ends_well(
    tmp_path: Path, alone: subprocess.Popen[bytes]
) -> None:
    family = await family_of(tmp_path)
    os.kill(family[1], signal.SIGKILL)  # the stubborn one would take the whole grace of 10 s
    alone.send_signal(signal.SIGTERM)
    assert await asyncio.to_thread(alone.wait, 60) == 0
    await until(lambda: not any(lives(pid) for pid in family))
    assert (tmp_path / "journal").read_text().splitlines() == ["shop up", "shop down"]
