"""Real parts for every test: one engine a session, a store for each test, and workers on queues of their own.

`engine` is a running dev server; `client` speaks to it in the test's own loop; `database` is an empty SQLite file with
every table; `worker` and `relay` run for as long as the test. Case names are per account: take `account_no`, which no
other test of the session has.
"""

import asyncio
import os
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import settings as hypothesis_settings
from sqlalchemy import insert
from temporalio.client import Client
from temporalio.worker import Worker

from activities.channels import JournalChannel
from runtime.engine import UMASK, EngineOptions, prepare, start_command, wait_ready
from runtime.relay import Relay
from runtime.wall_clock import now
from settings import Settings
from store.database import Database
from store.empty import empty_store
from store.tables import numbers
from worker import build_worker
from workflows.payloads import data_converter

# The gate asks the same examples of every change, so that it judges the change; `make explore` looks for new ones.
hypothesis_settings.register_profile("house", deadline=None, derandomize="GUANJIA_EXPLORE" not in os.environ)
hypothesis_settings.load_profile("house")

# What is set for a running house on this machine, or for its terminal, is not for those of the tests.
for name in (*(f"GUANJIA_{name.upper()}" for name in Settings.model_fields), "FORCE_COLOR", "PY_COLORS", "COLUMNS"):
    os.environ.pop(name, None)
Settings.model_config["env_file"] = None

TEST_KEYS = {"test": b"tests-hold-no-personal-data-here"}
ACCOUNTS = count(1)


@dataclass(frozen=True)
class RunningEngine:
    """A dev server on a free port, on a file of its own."""

    options: EngineOptions
    process: subprocess.Popen[bytes]

    @property
    def address(self) -> str:
        return self.options.address

    async def connect(self) -> Client:
        """A client for the loop that runs now."""
        return await Client.connect(self.address, data_converter=data_converter(TEST_KEYS))

    def stop(self) -> None:
        """Take the server down; its file stays."""
        self.process.terminate()
        self.process.wait(timeout=120)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start_engine(folder: Path, *, port: int | None = None) -> RunningEngine:
    """A dev server that serves. Whoever starts one stops it."""
    options = EngineOptions(data_folder=folder, port=port or free_port())
    prepare(options)
    log = (folder / "engine.log").open("ab")
    process = subprocess.Popen(start_command(options), stdout=log, stderr=log, umask=UMASK, cwd=folder, env=os.environ)
    try:
        asyncio.run(wait_ready(options.address, options.namespace, timedelta(seconds=120)))
    except BaseException:
        process.kill()
        process.wait()
        raise
    return RunningEngine(options, process)


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEngine]:
    """One dev server for the session."""
    running = start_engine(tmp_path_factory.mktemp("engine"))
    yield running
    running.stop()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """An empty store with every table; not durable, for tests do not outlive a power cut."""
    store = empty_store(tmp_path / "guanjia.db")
    yield store
    store.close()


def number_apart(database: Database, day: datetime) -> None:
    """Let the projects of a store begin, on a day, with a number that no other store has.

    A project's workflow is named by its day and number, and all stores of the session share one engine.
    """
    with database.write() as connection:
        connection.execute(insert(numbers).values(prefix=f"BZ-{day:%Y%m%d}", last=10_000 + 100 * next(ACCOUNTS)))


@pytest.fixture
def account_no() -> str:
    """An account number that no other test has."""
    return f"{next(ACCOUNTS):05d}{uuid4().hex[:6]}"


@pytest.fixture
def task_queue() -> str:
    return f"test-{uuid4().hex[:8]}"


@pytest.fixture
async def client(engine: RunningEngine) -> Client:
    return await engine.connect()


@pytest.fixture
async def worker(client: Client, database: Database, task_queue: str, tmp_path: Path) -> AsyncIterator[Worker]:
    """A worker for every process, on the test's own queue and store."""
    channel = JournalChannel(tmp_path / "messages")
    async with build_worker(client, database, channel, task_queue=task_queue, threads=4) as running:
        yield running


@pytest.fixture
async def relay(client: Client, database: Database, task_queue: str) -> AsyncIterator[Relay]:
    """A relay that carries what the doors commit, all the time."""
    running = Relay(client, database, task_queue=task_queue)
    task = asyncio.create_task(running.run(now, every=0.02))
    yield running
    task.cancel()
