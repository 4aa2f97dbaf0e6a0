"""What every door needs: settings, the store, the engine, and what time it is."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Annotated

import structlog
from fastapi import Depends, Request
from temporalio.client import Client
from temporalio.service import RPCError

from activities.papers import Press
from policies.packs import load_pack
from policies.templates import templates
from runtime.relay import Relay
from settings import Settings
from store.database import Database
from worker import connect

log = structlog.get_logger()
AT_ONCE = 4
ROWS_AT_ONCE = 20
HASHES_AT_ONCE = 2  # each takes 64 MiB and a core; more who log in wait here, on no thread
PATIENCE = 15.0  # a command for a case that nobody works on waits for ever


class EngineAway(Exception):
    """The engine does not answer."""


class Engine:
    """The way to the engine, made when it is first needed: reads never wait for it."""

    def __init__(self, settings: Settings, database: Database, client: Client | None) -> None:
        self._settings = settings
        self._database = database
        self._client = client
        self._connecting = asyncio.Lock()
        self._relay: Relay | None = None
        self._delivering: set[asyncio.Task[None]] = set()

    async def client(self) -> Client:
        """A connected client. Raises `EngineAway`."""
        if self._client is None:
            async with self._connecting:
                if self._client is None:
                    try:
                        async with asyncio.timeout(self._settings.decision_timeout):
                            self._client = await connect(self._settings)
                    except (RuntimeError, RPCError, TimeoutError) as error:
                        raise EngineAway(str(error)) from None
        return self._client

    async def answers(self) -> bool:
        """Whether the engine serves, asked now."""
        try:
            client = await self.client()
            return await client.service_client.check_health(timeout=timedelta(seconds=1))
        except (EngineAway, RuntimeError, RPCError):
            return False

    def deliver_soon(self, now: datetime) -> None:
        """Carry what was just committed to the engine without waiting for the relay, which brings what this leaves."""
        if len(self._delivering) < AT_ONCE:
            task = asyncio.create_task(self._deliver(now))
            self._delivering.add(task)
            task.add_done_callback(self._delivering.discard)

    async def _deliver(self, now: datetime) -> None:
        try:
            if self._relay is None:
                client = await self.client()
                self._relay = Relay(client, self._database, task_queue=self._settings.task_queue)
            async with asyncio.timeout(PATIENCE):
                await self._relay.deliver(now=now, limit=ROWS_AT_ONCE)
        except Exception as error:  # the rows stand in the outbox, where the relay finds them
            log.info("api.left-to-the-relay", error=type(error).__name__)

    async def close(self) -> None:
        for task in tuple(self._delivering):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


@dataclass(frozen=True)
class House:
    """The parts that doors call. `clock` says the business time at the door."""

    settings: Settings
    database: Database
    engine: Engine
    clock: Callable[[], datetime]
    hashing: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(HASHES_AT_ONCE))

    @cached_property
    def press(self) -> Press:
        """What papers are printed on."""
        return Press(templates, fonts=self.settings.paper_fonts)

    def pack_on(self, at: datetime) -> str:
        """The pack that a case opened now runs under."""
        return load_pack(self.settings.pack, on=at.date()).name


# Dependencies without I/O are `async`: a plain one would cost each request the way to a thread and back.


async def _house(request: Request) -> House:
    house: House = request.app.state.house
    return house


Here = Annotated[House, Depends(_house)]
