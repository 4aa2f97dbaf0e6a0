"""The engine of a rehearsal behind three methods: what time it is, move on, and crash the worker."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from functools import lru_cache
from logging import getLogger

from temporalio.client import Client
from temporalio.runtime import LogForwardingConfig, LoggingConfig, Runtime, TelemetryConfig, TelemetryFilter
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from activities.notices import Channel
from domain.calendars import CHINA
from runtime.engine import test_server_program
from store.database import Database
from worker import build_worker
from workflows.payloads import data_converter

TASK_QUEUE = "rehearsal"
STUCK_AFTER = 60
"""Seconds in which a workflow that does not yield counts as hanging."""
# Not a secret: it keeps the form of stored histories what it is in life, and rehearsals hold no personal data.
KEYS = {"rehearsal": b"rehearsals-hold-no-personal-data"}


class EngineClock:
    """A time-skipping server. Its time is global and only goes forward, so each rehearsal has a `shift` of its own."""

    def __init__(self, environment: WorkflowEnvironment) -> None:
        self._environment = environment

    @property
    def client(self) -> Client:
        return self._environment.client

    async def now(self) -> datetime:
        """Engine time."""
        return (await self._environment.get_current_time()).astimezone(CHINA)

    async def advance(self, by: timedelta) -> None:
        """Skip ahead; timers on the way fire, and workflows then catch up in real time."""
        if by > timedelta():
            await self._environment.sleep(by)


class Players:
    """The worker of a rehearsal, which can be killed and brought back."""

    def __init__(self, client: Client, database: Database, channel: Channel, *, task_queue: str, sticky: bool) -> None:
        self._parts = (client, database, channel)
        self._sticky = sticky
        self._task_queue = task_queue
        self._worker: Worker | None = None

    async def start(self) -> None:
        client, database, channel = self._parts
        # A killed worker leaves a sticky queue that this server never gives up on: rehearsals that crash keep no cache.
        cached = 100 if self._sticky else 0
        self._worker = build_worker(
            client, database, channel, task_queue=self._task_queue, max_cached_workflows=cached, threads=4
        )
        if (workflows := self._worker._workflow_worker) is not None:
            # The SDK has no setting for it: a machine busy for seconds must not look like a workflow that hangs.
            workflows._deadlock_timeout_seconds = STUCK_AFTER
        await self._worker.__aenter__()

    async def stop(self) -> None:
        if self._worker is not None:
            await self._worker.__aexit__(None, None, None)
            self._worker = None

    async def crash(self) -> None:
        """The worker goes, with everything it had in memory; another one takes over from the record."""
        await self.stop()
        await self.start()


@asynccontextmanager
async def engine_clock() -> AsyncIterator[EngineClock]:
    """A time-skipping server for as long as the block lasts; nothing is downloaded."""
    environment = await WorkflowEnvironment.start_time_skipping(
        data_converter=data_converter(KEYS), runtime=_runtime(), test_server_existing_path=str(test_server_program())
    )
    async with environment:
        yield EngineClock(environment)


@lru_cache
def _runtime() -> Runtime:
    """The engine's client tells its warnings through `logging`: by itself it prints them among a rehearsal's output."""
    warnings = TelemetryFilter(core_level="WARN", other_level="ERROR")
    told_to = LogForwardingConfig(logger=getLogger("temporalio.core"))
    return Runtime(telemetry=TelemetryConfig(logging=LoggingConfig(filter=warnings, forwarding=told_to)))
