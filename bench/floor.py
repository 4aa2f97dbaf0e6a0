"""The bare floor: what the engine itself costs for a case that only starts, is decided twice and closes.

`python -m bench.floor` prints the table. Another benchmark takes the floor's contenders from `floor()`, adds its own
`Contender`s and gives all to `compare`, which runs them interleaved in this one process: the machine's mood of the
moment then falls on all of them alike.
"""

import argparse
import asyncio
import importlib
import os
import platform
import socket
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import Worker, WorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

with workflow.unsafe.imports_passed_through():
    from sqlalchemy import Engine, create_engine, event, text

    from runtime.engine import PROMPT, UMASK, EngineOptions, prepare, start_command, wait_ready

CLIENTS = (1, 16, 64)

# The sandbox without its re-imports, which cost a new case about as much as all the rest of its Python.
RUNNER = SandboxedWorkflowRunner(restrictions=SandboxRestrictions.default.with_passthrough_all_modules())


class Book:
    """One SQLite transaction a transition, as durable as the casebook's: WAL, BEGIN IMMEDIATE, synchronous=FULL."""

    def __init__(self, file: Path) -> None:
        self._engine: Engine = create_engine(f"sqlite:///{file}", connect_args={"timeout": 30})
        event.listen(self._engine, "connect", self._open)
        event.listen(self._engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
        with self._engine.begin() as connection:
            connection.execute(text("CREATE TABLE entry (id INTEGER PRIMARY KEY, case_no TEXT, step TEXT)"))

    @staticmethod
    def _open(connection: sqlite3.Connection, _: object) -> None:
        connection.isolation_level = None
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")

    @activity.defn
    def record(self, case: str, step: str) -> None:
        with self._engine.begin() as connection:
            connection.execute(
                text("INSERT INTO entry (case_no, step) VALUES (:case_no, :step)"), {"case_no": case, "step": step}
            )


@workflow.defn
class BareCase:
    """Start, update, a timer raced with an update, close: 14 events when the first update rides with the start."""

    @workflow.init
    def __init__(self, recording: str) -> None:
        self._recording = recording
        self._steps: list[str] = []

    @workflow.run
    async def run(self, recording: str) -> None:
        await workflow.wait_condition(lambda: "opened" in self._steps)
        await workflow.wait_condition(lambda: "decided" in self._steps, timeout=timedelta(days=15))

    @workflow.update
    async def take(self, step: str) -> None:
        entry, patience = [workflow.info().workflow_id, step], timedelta(seconds=10)
        match self._recording:
            case "local":
                await workflow.execute_local_activity_method(Book.record, args=entry, start_to_close_timeout=patience)
            case "regular":
                await workflow.execute_activity_method(Book.record, args=entry, start_to_close_timeout=patience)
        self._steps.append(step)


Case = Callable[[str], Awaitable[float]]


@dataclass(frozen=True)
class Contender:
    """One way to run a case.

    `case` takes a fresh case number, runs the case to its end and returns the seconds that its first decision took from
    the moment when the start was acknowledged.
    """

    name: str
    case: Case


def bare_case(client: Client, task_queue: str, recording: str) -> Case:
    async def run(case_no: str) -> float:
        handle = await client.start_workflow(BareCase.run, recording, id=case_no, task_queue=task_queue)
        began = time.perf_counter()
        await handle.execute_update(BareCase.take, "opened")
        first = time.perf_counter() - began
        await handle.execute_update(BareCase.take, "decided")
        await handle.result()
        return first

    return run


@asynccontextmanager
async def engine(folder: Path, *, dynamic_config: Mapping[str, int | float | bool | str]) -> AsyncIterator[Client]:
    """A server of its own on a fresh file in the folder, durable as in life, with these settings."""
    options = EngineOptions(data_folder=folder, port=free_port(), dynamic_config=dynamic_config)
    prepare(options)
    with (folder / "engine.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(*start_command(options), stdout=log, stderr=log, umask=UMASK)
    try:
        yield await wait_ready(options.address, options.namespace, timedelta(seconds=30))
    finally:
        process.kill()
        await process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@asynccontextmanager
async def floor(folder: Path, *, runner: WorkflowRunner = RUNNER) -> AsyncIterator[list[Contender]]:
    """The four settings of the floor, each ready to run: plain, prompt, with a local and with a regular activity.

    Give the runner that ours runs under, so that the difference is ours and not the sandbox's.
    """
    async with AsyncExitStack() as stack:
        threads = stack.enter_context(ThreadPoolExecutor(16))
        book = Book(folder / "book.db")
        plain = await stack.enter_async_context(engine(folder / "plain", dynamic_config={}))
        prompt = await stack.enter_async_context(engine(folder / "prompt", dynamic_config=PROMPT))
        contenders = []
        for name, client, recording in (
            ("WAL, server defaults", plain, "none"),
            ("+ poll setting", prompt, "none"),
            ("+ one local activity a transition", prompt, "local"),
            ("+ one regular activity instead", prompt, "regular"),
        ):
            queue = f"floor-{recording}"
            worker = Worker(
                client,
                task_queue=queue,
                workflows=[BareCase],
                activities=[book.record],
                activity_executor=threads,
                workflow_runner=runner,
            )
            await stack.enter_async_context(worker)
            contenders.append(Contender(name, bare_case(client, queue, recording)))
        yield contenders


@dataclass(frozen=True)
class Burst:
    """What one contender did in one stretch: cases a second, and the seconds of each first decision."""

    rate: float
    first: list[float]


@dataclass(frozen=True)
class Bout:
    """All bursts of all contenders: `bursts[name, clients][round]`; `pace_ms` is the machine's own, see `pace`."""

    contenders: list[str]
    clients: tuple[int, ...]
    bursts: dict[tuple[str, int], list[Burst]]
    pace_ms: list[float]

    def rate(self, name: str, clients: int) -> float:
        return statistics.median(burst.rate for burst in self.bursts[name, clients])

    def ratio(self, name: str, base: str, clients: int) -> float:
        """The median of each round's own ratio: both sides of it ran within seconds of each other."""
        pairs = zip(self.bursts[name, clients], self.bursts[base, clients], strict=True)
        return statistics.median(own.rate / other.rate for own, other in pairs)

    def first_ms(self, name: str, clients: int, quantile: float) -> float:
        """Of all rounds together; of a hundred samples a p99 is the worst one, no more."""
        seconds = sorted(second for burst in self.bursts[name, clients] for second in burst.first)
        return 1000 * seconds[min(len(seconds) - 1, int(quantile * len(seconds)))]

    def noise(self, name: str, clients: int) -> float:
        """How far apart the rounds of one cell lie: (largest − smallest) / median of their rates."""
        return spread([burst.rate for burst in self.bursts[name, clients]])

    def first_noise(self, name: str, clients: int) -> float:
        """The same of each round's median first decision."""
        return spread([statistics.median(burst.first) for burst in self.bursts[name, clients]])


def spread(values: Sequence[float]) -> float:
    """Not a number where a single round has nothing to lie apart from."""
    if len(values) == 1:
        return float("nan")
    return (max(values) - min(values)) / statistics.median(values)


async def burst(contender: Contender, *, clients: int, seconds: float) -> Burst:
    """Cases that end within the window while so many clients run one after another.

    The window opens when half as many cases have ended as there are clients, so that they no longer march in step, and
    cases that end after it has closed do not count.
    """
    opens = closes = float("inf")
    ended = 0
    first: list[float] = []

    async def one_client() -> None:
        nonlocal opens, closes, ended
        while time.perf_counter() < closes:
            took = await contender.case(uuid4().hex)
            now = time.perf_counter()
            ended += 1
            if opens < now <= closes:
                first.append(took)
            elif ended == max(1, clients // 2):
                opens, closes = now, now + seconds

    await asyncio.gather(*(one_client() for _ in range(clients)))
    if not first:
        raise RuntimeError(f"{contender.name} ended no case in {seconds} s with {clients} clients; give it longer")
    return Burst(rate=len(first) / seconds, first=first)


def pace() -> float:
    """Milliseconds of a fixed piece of arithmetic: what it varies by is the machine's doing and nobody else's."""
    began = time.perf_counter()
    sum(range(3_000_000))
    return 1000 * (time.perf_counter() - began)


async def compare(
    contenders: Sequence[Contender],
    *,
    clients: tuple[int, ...] = CLIENTS,
    rounds: int = 3,
    seconds: float = 0.8,
    budget: float = 110.0,
) -> Bout:
    """Every contender at every load, round by round, the order turned by one in each round.

    After the first, no round begins that would not end within `budget` seconds if it took as long as the one before.
    """
    bursts: dict[tuple[str, int], list[Burst]] = {(each.name, load): [] for each in contenders for load in clients}
    paces = []
    for each in contenders:
        await each.case(uuid4().hex)
    last, until = 0.0, time.perf_counter() + budget
    for turn in range(rounds):
        began = time.perf_counter()
        if began + last > until:
            break
        shift = turn % len(contenders)
        for load in clients:
            paces.append(pace())
            for each in (*contenders[shift:], *contenders[:shift]):
                # A lone client needs a longer window for a p99 that means something.
                stretch = seconds * 2 if load == 1 else seconds
                bursts[each.name, load].append(await burst(each, clients=load, seconds=stretch))
        last = time.perf_counter() - began
    return Bout([each.name for each in contenders], clients, bursts, paces)


def table(bout: Bout, *, base: str) -> str:
    """Medians, ratios to the base and the machine's noise, as markdown."""
    loads = " / ".join(str(load) for load in bout.clients)
    one = bout.clients[0]
    lines = [
        f"| setting | cases/s at {loads} clients | ratio to “{base}” | first update p50 / p99, each in ms | noise |",
        "|---|---|---|---|---|",
    ]
    for name in bout.contenders:
        rates = " / ".join(f"{bout.rate(name, load):.0f}" for load in bout.clients)
        ratios = " / ".join(f"{bout.ratio(name, base, load):.2f}" for load in bout.clients)
        first = ", ".join(
            f"{bout.first_ms(name, load, 0.5):.0f} / {bout.first_ms(name, load, 0.99):.0f}" for load in bout.clients
        )
        noise = " / ".join(f"{bout.noise(name, load):.0%}" for load in bout.clients)
        lines.append(f"| {name} | {rates} | {ratios} | {first} | {noise}, first {bout.first_noise(name, one):.0%} |")
    rounds = len(bout.bursts[base, one])
    lines += [
        "",
        f"Medians of {rounds} interleaved rounds; noise is (largest − smallest round) / median. {platform.machine()}, "
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the end, Python {platform.python_version()}. "
        f"The same arithmetic took {min(bout.pace_ms):.0f} to {max(bout.pace_ms):.0f} ms in between.",
    ]
    return "\n".join(lines)


async def main() -> None:
    ask = argparse.ArgumentParser(description="Measure the bare floor of the engine on this machine.")
    ask.add_argument("--rounds", type=int, default=3)
    ask.add_argument("--seconds", type=float, default=0.8, help="window of a burst; a lone client gets twice as long")
    ask.add_argument("--budget", type=float, default=110.0, help="seconds after which no round may end")
    asked = ask.parse_args()
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="floor-") as folder:
        async with floor(Path(folder)) as contenders:
            bout = await compare(contenders, rounds=asked.rounds, seconds=asked.seconds, budget=asked.budget)
    print(table(bout, base=contenders[1].name))
    print(f"Took {time.perf_counter() - began:.0f} s.", file=sys.stderr)


if __name__ == "__main__":
    # The sandbox finds a workflow by the name of its module, which is not `__main__`.
    asyncio.run(importlib.import_module("bench.floor").main())
