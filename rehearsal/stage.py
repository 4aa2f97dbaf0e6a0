"""The stage of a rehearsal: a throw-away store, the real workflows, and a clock that hops from wake to wake."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import func, select
from temporalio.client import WorkflowHandle, WorkflowUpdateFailedError
from temporalio.service import RPCError, RPCStatusCode

from activities.channels import JournalChannel
from domain.calendars import Calendar
from domain.commands import Command, DecideTask
from domain.refusals import Refused
from domain.tasks import Task
from rehearsal.clock import TASK_QUEUE, EngineClock, Players
from runtime.relay import Relay
from runtime.starts import Start
from store import ledger, outbox
from store.database import Database
from store.empty import empty_store
from store.intake import Place
from store.tables import cases, tasks
from store.tables import ledger as ledger_table

PATIENCE = 60.0
LONG_AGO = timedelta(days=3650)


class Stuck(Exception):
    """The case did not come to rest in time: a fault of the engine or of Guanjia, never of the file."""


class Stage:
    """One case on its stage. Instants are business time; the engine's own clock runs `shift` behind."""

    def __init__(
        self,
        clock: EngineClock,
        database: Database,
        relay: Relay,
        players: Players,
        *,
        starts_at: datetime,
        shift: timedelta,
    ) -> None:
        self.clock = clock
        self.database = database
        self.relay = relay
        self.players = players
        self.now = starts_at
        self.shift = shift
        self.case_no = self.process = self.subject = ""

    def begin(self, place: Place, *, process: str, subject: str) -> None:
        """The case that this stage is about."""
        self.case_no, self.process, self.subject = place.case_no, process, subject

    # Time.

    async def hop_to(self, instant: datetime) -> None:
        """Move to `instant`, stopping at every wake of the case on the way until it has dealt with it."""
        while True:
            wake = await self.rest()
            target = instant if wake is None else min(wake, instant)
            business_now = await self.clock.now() + self.shift
            await self.clock.advance(target - business_now)
            self.now = max(self.now, target)
            if wake is None or wake > instant:
                return

    async def rest(self) -> datetime | None:
        """Wait until the case has done all it can now; returns its next wake."""
        deadline = asyncio.get_running_loop().time() + PATIENCE
        while True:
            if not await asyncio.to_thread(self._due, await self.clock.now() + self.shift):
                await self.relay.deliver(now=self.now)
            wake = await asyncio.to_thread(self._at_rest, await self.clock.now() + self.shift)
            if not isinstance(wake, bool):
                return wake
            if asyncio.get_running_loop().time() > deadline:
                raise Stuck(f"case {self.case_no} did not come to rest at {self.now.isoformat()}")
            await asyncio.sleep(0.003)

    def _at_rest(self, business_now: datetime) -> datetime | bool | None:
        """The next wake (None: there is none), or False while the case, the relay or a message still has to move."""
        with self.database.read() as connection:
            if outbox.waiting(connection, now=self.now):
                return False
            case = connection.execute(
                select(cases.c.status, cases.c.next_wake, cases.c.ledger_position).where(
                    cases.c.case_no == self.case_no
                )
            ).one_or_none()
            if case is None:
                return False
            if case.status == "closed":
                returns = self.process == "arrears" and isinstance(self.relay.starts.reopening(self.subject), Start)
                return False if returns else None
            known = select(func.max(ledger_table.c.position)).where(ledger_table.c.account_no == self.subject)
            if case.ledger_position < (connection.scalar(known) or 0):
                return False
            wake: datetime | None = case.next_wake
            return False if wake is not None and wake <= business_now else wake

    def _due(self, business_now: datetime) -> bool:
        """Whether the case's own timer is about to fire or has just fired.

        Word from outside waits until the case has dealt with it: a timer that the case moves for another reason at the
        very instant at which it fires is more than the time-skipping server can take.
        """
        with self.database.read() as connection:
            mine = (cases.c.case_no == self.case_no, cases.c.status == "open", cases.c.next_wake <= business_now)
            return connection.scalar(select(cases.c.case_no).where(*mine)) is not None

    # What can be done on it.

    async def decide(self, command: DecideTask) -> None:
        """Decide a task. Raises `Refused`."""
        await self._update("decide", command)

    async def instruct(self, command: Command) -> None:
        """Tell the case something. Raises `Refused`."""
        await self._update("instruct", command)

    async def _update(self, update: str, command: Command) -> None:
        try:
            await self.handle.execute_update(update, command)
        except WorkflowUpdateFailedError as failed:
            code, message = getattr(failed.cause, "type", None), getattr(failed.cause, "message", str(failed.cause))
            raise Refused(code or "unknown", message) from None
        except RPCError as failure:
            if failure.status is not RPCStatusCode.NOT_FOUND:
                raise
            raise Refused("not-open", f"case {self.case_no} has ended: nothing to decide") from None

    @property
    def handle(self) -> WorkflowHandle[Any, Any]:
        return self.relay.handle(self.process, self.subject)

    async def leave(self) -> None:
        """End the case where it stands: its timers would hold up the server's clock for the next rehearsal."""
        if self.case_no:
            with suppress(RPCError):
                await self.handle.terminate("the rehearsal is over")

    def sync_ledger(self, *, stale: bool) -> None:
        """Let billing's last word be long ago, or current for as long as the rehearsal lasts."""
        with self.database.write() as connection:
            at = self.now - LONG_AGO if stale else self.now + LONG_AGO
            ledger.confirm_sync(connection, source="billing", at=at)

    def open_tasks(self) -> list[Task]:
        """The tasks open now, oldest first."""
        with self.database.read() as connection:
            rows = connection.execute(
                select(tasks.c.body)
                .where(tasks.c.case_no == self.case_no, tasks.c.status == "open")
                .order_by(tasks.c.opened_at, tasks.c.task_id)
            )
            return [Task.model_validate(row.body) for row in rows]

    def took_back(self, key: str) -> bool:
        """Whether the case, which is still open, has withdrawn a task of that key."""
        with self.database.read() as connection:
            found = select(tasks.c.task_id).join(cases, cases.c.case_no == tasks.c.case_no)
            mine = (tasks.c.case_no == self.case_no, tasks.c.key == key, tasks.c.status == "withdrawn")
            return connection.scalar(found.where(*mine, cases.c.status == "open").limit(1)) is not None


@asynccontextmanager
async def staged(clock: EngineClock, *, starts_at: datetime, calendar: Calendar, crashes: bool) -> AsyncIterator[Stage]:
    """A stage for as long as the block lasts; nothing of it is kept."""
    with TemporaryDirectory(prefix="guanjia-rehearsal-") as folder:
        database = await asyncio.to_thread(empty_store, Path(folder) / "store.db")
        shift = starts_at - await clock.now()
        task_queue = f"{TASK_QUEUE}-{id(database)}"
        relay = Relay(clock.client, database, task_queue=task_queue, shift=lambda: shift, calendar=calendar)
        players = Players(
            clock.client, database, JournalChannel(Path(folder) / "messages"), task_queue=task_queue, sticky=not crashes
        )
        await players.start()
        stage = Stage(clock, database, relay, players, starts_at=starts_at, shift=shift)
        stage.sync_ledger(stale=False)
        try:
            yield stage
        finally:
            await stage.leave()
            await players.stop()
            database.close()
