"""Keeps the parts of one data folder up: in order at the start, each on its own after a death, in reverse at the end.

It knows nothing of what the parts do. A part that dies is started again alone: the others find it again by themselves.
"""

import asyncio
import fcntl
import json
import logging
import os
import signal
import subprocess
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import IO, BinaryIO, cast

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 10.0
HEALTHY_AFTER = 30.0
GRACE = 10.0
LOG_BYTES = 20_000_000

# Everything a part writes holds customers' business: nobody else on the machine reads it.
PRIVATE = 0o077

# Reads the process groups that live now, one line after each change; the end of its input is the supervisor's death.
UNDERTAKER = """
exec >/dev/null 2>&1
trap '' HUP INT TERM
while read -r line; do groups=$line; done
[ -z "$groups" ] || kill -s KILL -- $groups
"""

log = logging.getLogger("guanjia.supervisor")


class AlreadyRunning(RuntimeError):
    """Another supervisor holds this data folder."""


class State(StrEnum):
    WAITING = "waiting"
    STARTING = "starting"
    READY = "ready"
    PAUSED = "paused"
    STOPPED = "stopped"


@dataclass(frozen=True)
class PartStatus:
    part: str
    pid: int | None
    state: State
    restarts: int


@dataclass(frozen=True)
class Status:
    supervisor: int
    parts: list[PartStatus]


@dataclass(frozen=True)
class Part:
    """One process to keep up.

    `ready` returns when the part serves and may raise when it gives up; without it a part is ready as it starts. One
    that is not ready within `ready_within` seconds is killed and counts as dead. `before` runs in the supervisor ahead
    of every start. `env` is laid over the supervisor's own environment.
    """

    name: str
    command: Sequence[str]
    ready: Callable[[], Awaitable[object]] | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    before: Callable[[], object] | None = None
    ready_within: float = 60.0


class Supervisor:
    """Runs the parts until SIGTERM, SIGINT or `stop`.

    In the data folder: `supervisor.lock` (its pid; held while it lives), `status.json`, and `logs/<part>.log`. A death
    is answered after 0.5 s, then twice as long each time up to 10 s; 30 s of health begin anew. Every part leads its
    own process group, and when the supervisor itself is killed, all groups are killed within a moment.
    """

    def __init__(self, parts: Sequence[Part], data_folder: Path) -> None:
        if len({part.name for part in parts}) != len(parts):
            raise ValueError(f"Two parts have one name: {', '.join(part.name for part in parts)}")
        self._folder = data_folder
        self._stopping = asyncio.Event()
        self._undertaker = _Undertaker()
        self._kept = [_Kept(part, data_folder / "logs", self._changed) for part in parts]

    def stop(self) -> None:
        """Ask `run` to end. Harmless when repeated."""
        self._stopping.set()

    async def run(self) -> None:
        """Keep every part up until asked to stop; all are gone when it returns. Raises AlreadyRunning at once."""
        (self._folder / "logs").mkdir(parents=True, exist_ok=True)
        self._folder.chmod(0o700)
        with _locked(self._folder), self._signals_heard(), closing(self._undertaker):
            stopping = asyncio.create_task(self._stopping.wait())
            keeping: list[asyncio.Task[None]] = []
            self._changed()
            try:
                for kept in self._kept:
                    keeping.append(asyncio.create_task(kept.keep()))
                    up = asyncio.create_task(kept.up.wait())
                    await asyncio.wait({stopping, up, *keeping}, return_when=asyncio.FIRST_COMPLETED)
                    if not up.done():
                        up.cancel()
                        break
                # A keeper ends by itself only through a fault of ours, which ends everything and is raised below.
                await asyncio.wait({stopping, *keeping}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                stopping.cancel()
                for task in reversed(keeping):
                    task.cancel()
                    await asyncio.wait({task})
            for task in keeping:
                if not task.cancelled() and (fault := task.exception()):
                    raise fault

    @contextmanager
    def _signals_heard(self) -> Iterator[None]:
        loop, asked = asyncio.get_running_loop(), (signal.SIGTERM, signal.SIGINT)
        for number in asked:
            loop.add_signal_handler(number, self.stop)
        try:
            yield
        finally:
            for number in asked:
                loop.remove_signal_handler(number)

    def _changed(self) -> None:
        self._undertaker.watch([kept.pid for kept in self._kept if kept.pid is not None])
        parts = [PartStatus(each.part.name, each.pid, each.state, each.restarts) for each in self._kept]
        fresh = self._folder / "status.json.new"
        try:
            fresh.write_text(json.dumps(asdict(Status(os.getpid(), parts)), indent=1))
            fresh.replace(self._folder / "status.json")
        except OSError as refusal:  # a full disk must not end what still runs
            log.warning("the status of %s cannot be written: %s", self._folder, refusal)


def status(data_folder: Path) -> Status | None:
    """What the supervisor of the data folder last wrote down, or None when no supervisor is alive there."""
    try:
        with (data_folder / "supervisor.lock").open("rb") as lock, suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return None
        told = json.loads((data_folder / "status.json").read_text())
    except FileNotFoundError:
        return None
    parts = [PartStatus(**part | {"state": State(part["state"])}) for part in told["parts"]]
    return Status(supervisor=told["supervisor"], parts=parts)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    with (folder / "supervisor.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise AlreadyRunning(
                f"A supervisor (pid {lock.read().strip() or 'unknown'}) already runs on {folder}. "
                "Stop it first, or give this one another data folder."
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


class _Kept:
    """A part and its present life."""

    def __init__(self, part: Part, logs: Path, changed: Callable[[], None]) -> None:
        self.part = part
        self.state = State.WAITING
        self.pid: int | None = None
        self.restarts = 0
        self.up = asyncio.Event()
        self._log = logs / f"{part.name}.log"
        self._changed = changed

    async def keep(self) -> None:
        """Start the part again and again; ends by cancellation, when the part is gone."""
        pause = FIRST_PAUSE
        try:
            while True:
                if await self._live() >= HEALTHY_AFTER:
                    pause = FIRST_PAUSE
                self.restarts += 1
                self._is(State.PAUSED)
                log.warning("%s starts again in %.1f s; its log: %s", self.part.name, pause, self._log)
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
        finally:
            self._is(State.STOPPED)

    async def _live(self) -> float:
        """One life of the part, from its start to its burial; returns the seconds for which it was ready."""
        self._is(State.STARTING)
        try:
            if self.part.before:
                self.part.before()
            process = await self._start()
        except Exception as refusal:
            log.warning("%s cannot be started: %s", self.part.name, refusal)
            return 0.0
        self.pid = process.pid
        self._is(State.STARTING)
        death = asyncio.create_task(process.wait())
        ready = asyncio.create_task(self._ready())
        try:
            await asyncio.wait({death, ready}, return_when=asyncio.FIRST_COMPLETED)
            if death.done():
                log.warning("%s ended with %s before it was ready", self.part.name, death.result())
                return 0.0
            if fault := ready.exception():
                log.warning("%s did not become ready: %s", self.part.name, str(fault) or "it took too long")
                return 0.0
            self.up.set()
            self._is(State.READY)
            log.info("%s is ready", self.part.name)
            since = asyncio.get_running_loop().time()
            log.warning("%s ended with %s", self.part.name, await death)
            return asyncio.get_running_loop().time() - since
        finally:
            ready.cancel()
            await self._bury(process)
            await asyncio.gather(death, ready, return_exceptions=True)
            self.pid = None

    async def _start(self) -> asyncio.subprocess.Process:
        with self._output() as output:
            return await asyncio.create_subprocess_exec(
                *self.part.command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, **self.part.env},
                umask=PRIVATE,
                process_group=0,
            )

    def _output(self) -> BinaryIO:
        if self._log.exists() and self._log.stat().st_size > LOG_BYTES:
            self._log.replace(self._log.with_suffix(".log.1"))
        return open(self._log, "ab", opener=lambda path, flags: os.open(path, flags, 0o600))

    async def _ready(self) -> None:
        async with asyncio.timeout(self.part.ready_within):
            if self.part.ready:
                await self.part.ready()

    async def _bury(self, process: asyncio.subprocess.Process) -> None:
        if process.returncode is None:
            process.terminate()
            with suppress(TimeoutError):
                async with asyncio.timeout(GRACE):
                    await process.wait()
        # The part itself when it would not go, and whatever it started and left behind.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()

    def _is(self, state: State) -> None:
        self.state = state
        self._changed()


class _Undertaker:
    """A small shell that outlives the supervisor by a moment and kills what it left, on Linux and on macOS."""

    def __init__(self) -> None:
        self._shell: subprocess.Popen[bytes] | None = None

    def close(self) -> None:
        if self._shell:
            self._shell.communicate()

    def watch(self, groups: Sequence[int]) -> None:
        """From now on these process groups, and no others, die with the supervisor."""
        if self._shell is None or self._shell.poll() is not None:
            # A session of its own, so that a Ctrl-C or a closed terminal does not reach it.
            self._shell = subprocess.Popen(  # noqa: S603 — a fixed script, nothing of it comes from outside
                ["/bin/sh", "-c", UNDERTAKER], stdin=subprocess.PIPE, start_new_session=True, bufsize=0
            )
        line = " ".join(f"-{group}" for group in groups) + "\n"
        with suppress(BrokenPipeError):  # killed in this very moment, it is replaced at the next change
            cast("IO[bytes]", self._shell.stdin).write(line.encode())
