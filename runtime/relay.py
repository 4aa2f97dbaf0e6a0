"""The relay: carries what the doors committed to the engine, at least once, in order of commit.

What it delivers is safe to deliver twice: a start by id, a nudge that carries nothing, an update with its own id.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, cast, get_args

import structlog
from temporalio.client import (
    Client,
    WorkflowHandle,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from domain.calendars import Calendar
from domain.refusals import RefusalCode
from runtime.starts import Start, Starts
from store import outbox, refusals
from store.database import Database
from workflows.messages import Publication, workflow_id

log = structlog.get_logger()
AT_ONCE = 16
PATIENCE = timedelta(seconds=5)
"""How long a command waits for its case: one that nobody works on holds up its own rows and no others."""


class Relay:
    """Delivers the outbox. `shift` is business time minus engine time, zero but in a rehearsal."""

    def __init__(
        self,
        client: Client,
        database: Database,
        *,
        task_queue: str,
        shift: Callable[[], timedelta] = timedelta,
        calendar: Calendar | None = None,
        renew_after: int = 4000,
        patience: timedelta = PATIENCE,
    ) -> None:
        self.client = client
        self.database = database
        self.task_queue = task_queue
        self.patience = patience
        self.starts = Starts(database, shift=shift, calendar=calendar, renew_after=renew_after)

    async def deliver(self, *, now: datetime, limit: int = 100) -> int:
        """Deliver what is due; returns how many rows were taken. One that fails is put back with a growing delay."""
        rows = await asyncio.to_thread(self._take, now, limit)
        by_case: dict[tuple[str, str], list[Any]] = {}
        for row in rows:
            by_case.setdefault((row.process, row.subject), []).append(row)
        places = asyncio.Semaphore(AT_ONCE)
        done: list[int] = []
        await asyncio.gather(*(self._deliver_in_order(each, now, places, done) for each in by_case.values()))
        if done:
            await asyncio.to_thread(self._done, done)
        return len(rows)

    async def _deliver_in_order(
        self, rows: list[Any], now: datetime, places: asyncio.Semaphore, done: list[int]
    ) -> None:
        """The rows of one case, one after the other; cases go side by side."""
        async with places:
            error: str | None = None
            for row in rows:
                if error == TimeoutError.__name__:
                    # Nobody works on the case: what is behind would only wait as long again, and overtake.
                    await asyncio.to_thread(self._put_back, row, now, error)
                    continue
                try:
                    error = None if await self._deliver(row, now) else "not there yet"
                except Exception as failure:  # whatever the engine or network did: the row stays, others go on
                    error = type(failure).__name__
                if error is None:
                    done.append(row.id)
                else:
                    await asyncio.to_thread(self._put_back, row, now, error)

    async def run(self, clock: Callable[[], datetime], *, every: float = 0.1) -> None:
        """Deliver for ever; idle polls cost one indexed read."""
        while True:
            try:
                taken = await self.deliver(now=clock())
            except Exception as failure:  # the database is away: nothing is lost, it is tried again
                log.warning("relay.unable", error=type(failure).__name__)
                taken = 0
            if not taken:
                await asyncio.sleep(every)

    async def _deliver(self, row: Any, now: datetime) -> bool:
        match row.kind:
            case "open":
                await self._open(row.body["case_no"])
                return True
            case "reopen":
                return await self._reopen(row.body)
            case "nudge":
                return await self._nudge(row.process, row.subject)
            case "command":
                await self._command(row, now)
                return True
            case "calendar":
                publication = Publication.model_validate(row.body)
                await _if_running(self.handle(row.process, row.subject).signal("calendar_published", publication))
                return True
        raise ValueError(f"outbox row {row.id} is of unknown kind {row.kind}")

    async def _open(self, case_no: str) -> None:
        opened = await asyncio.to_thread(self.starts.opening, case_no)
        if opened is not None:
            await self.start(opened)

    async def _reopen(self, body: dict[str, Any]) -> bool:
        """Start the next run of a closed project. False while the run before is still on its way out."""
        start = await asyncio.to_thread(self.starts.project_reopening, body)
        if start is not None:
            try:
                await self.start(start, found=WorkflowIDConflictPolicy.FAIL)
            except WorkflowAlreadyStartedError:
                return False
        return True

    async def start(
        self, start: Start, *, found: WorkflowIDConflictPolicy = WorkflowIDConflictPolicy.USE_EXISTING
    ) -> WorkflowHandle[Any, Any]:
        """Start a case; one that runs under its name already is found instead, or refused."""
        return await self.client.start_workflow(
            start.workflow,
            start.opened,
            id=workflow_id(start.process, start.subject),
            task_queue=self.task_queue,
            id_conflict_policy=found,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        )

    async def _nudge(self, process: str, subject: str) -> bool:
        """Wake a case. An arrears case that has closed is opened again when money taken back has left it unpaid."""
        if await _if_running(self.handle(process, subject).signal("nudge")):
            return True
        if process != "arrears":
            return True
        start = await asyncio.to_thread(self.starts.reopening, subject)
        if isinstance(start, bool):
            return start
        await self.start(start)
        return True

    async def _command(self, row: Any, now: datetime) -> None:
        """A command that a door accepted while no worker answered. What the rules refuse now is refused for good.

        Raises `TimeoutError` when no worker takes it within the patience: the engine knows it by its id the next time.
        """
        body, handle = row.body, self.handle(row.process, row.subject)
        try:
            async with asyncio.timeout(self.patience.total_seconds()):
                await handle.execute_update(body["update"], body["command"], id=body["id"])
        except WorkflowUpdateRPCTimeoutOrCancelledError:
            raise TimeoutError from None
        except WorkflowUpdateFailedError as failed:
            code = getattr(failed.cause, "type", None)
            await self._refused(row, code, getattr(failed.cause, "message", ""), now)
        except RPCError as failure:
            if failure.status is not RPCStatusCode.NOT_FOUND:
                raise
            await self._refused(row, "not-open", "the case had closed before the command came", now)

    async def _refused(self, row: Any, code: str | None, message: str, now: datetime) -> None:
        """Keep a refusal that nobody waits for any more beside those of the doors."""
        log.warning("relay.refused", process=row.process, code=code)
        if code not in get_args(RefusalCode):
            return
        command = row.body["command"]
        await asyncio.to_thread(
            refusals.note,
            self.database,
            case_no=row.body.get("case_no"),
            command=f"relay {row.body['update']} {command.get('key') or command.get('command', '')}".strip(),
            code=cast("RefusalCode", code),
            message=message,
            by=command["by"]["id"],
            at=now,
        )

    def handle(self, process: str, subject: str) -> WorkflowHandle[Any, Any]:
        return self.client.get_workflow_handle(workflow_id(process, subject))

    def _take(self, now: datetime, limit: int) -> list[Any]:
        with self.database.read() as connection:
            if not outbox.waiting(connection, now=now):
                return []
        with self.database.write() as connection:
            return outbox.take(connection, now=now, limit=limit)

    def _done(self, row_ids: list[int]) -> None:
        with self.database.write() as connection:
            outbox.done(connection, row_ids)

    def _put_back(self, row: Any, now: datetime, error: str) -> None:
        delay = timedelta(seconds=min(60, 0.5 * 2 ** min(row.attempts, 10)))
        with self.database.write() as connection:
            outbox.put_back(connection, row.id, attempts=row.attempts + 1, error=error, next_try_at=now + delay)
        if row.attempts == 5:
            log.warning("relay.stuck", row=row.id, kind=row.kind, error=error)


async def _if_running(signalled: Any) -> bool:
    """Await a signal; False when no such case is running."""
    try:
        await signalled
    except RPCError as failure:
        if failure.status is RPCStatusCode.NOT_FOUND:
            return False
        raise
    return True
