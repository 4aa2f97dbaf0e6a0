"""Workers that die on command, each in a process of its own, and an engine that is soon to miss them."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client, Interceptor, OutboundInterceptor, StartWorkflowInput, WorkflowHandle

from store.database import Database
from tests.conftest import TEST_KEYS, RunningEngine
from tests.crash.dying_worker import Order
from tests.crash.ladder import hastened
from workflows.payloads import data_converter

ROOT = Path(__file__).parents[2]


class Impatient(Interceptor):
    """Cases whose dead worker is missed after two seconds instead of ten, and whose periods are as short.

    Not sooner: a case's first task loads its modules, and on a busy machine a worker that lives must not be missed.
    """

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:
        return _Impatient(next)


class _Impatient(OutboundInterceptor):
    async def start_workflow(self, input: StartWorkflowInput) -> WorkflowHandle[Any, Any]:
        (opened,) = input.args
        input.args = [opened.model_copy(update={"policy": hastened(opened.policy)})]
        input.task_timeout = timedelta(seconds=2)
        return await super().start_workflow(input)


class Workers:
    """One works, the next one stands ready: it has taken in its modules already, and only waits for the word."""

    def __init__(self, address: str, database: Database, task_queue: str, order: Order) -> None:
        self.order = order
        self._command = [sys.executable, "-m", "tests.crash.dying_worker"]
        self._command += [address, database.url, task_queue, str(order.path)]
        self._ready = self._process()
        self._works: subprocess.Popen[str] | None = None

    def _process(self) -> subprocess.Popen[str]:
        return subprocess.Popen(self._command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    async def start(self) -> None:
        """The next worker takes over; returns when it is up."""
        self._works, self._ready = self._ready, self._process()
        stdin, stdout = self._works.stdin, self._works.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write("go\n")
        stdin.flush()
        assert await asyncio.to_thread(stdout.readline) == "up\n"

    async def death(self) -> None:
        """Returns when the one that works has been killed."""
        assert self._works is not None
        assert await asyncio.to_thread(self._works.wait) == -9

    def stop(self) -> None:
        for process in (self._works, self._ready):
            if process is not None:
                process.kill()
                process.wait()


@pytest.fixture
def workers(engine: RunningEngine, database: Database, task_queue: str, tmp_path: Path) -> Iterator[Workers]:
    crew = Workers(engine.address, database, task_queue, Order(tmp_path / "order.json"))
    yield crew
    crew.stop()


@pytest.fixture
async def impatient_client(engine: RunningEngine) -> Client:
    """A client that starts impatient cases."""
    return await Client.connect(engine.address, data_converter=data_converter(TEST_KEYS), interceptors=[Impatient()])
