"""The relay: carries what the doors committed to the engine, at least once, in order of commit.

What it delivers is safe to deliver twice: a start by id, a nudge that carries nothing, an update with its own id.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import structlog
from pydantic import TypeAdapter
from sqlalchemy import Connection, select
from temporalio.client import Client, WorkflowHandle, WorkflowUpdateFailedError
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.service import RPCError, RPCStatusCode

from domain.account import standing
from domain.arrears.commands import ArrearsCommand
from domain.arrears.facts import ArrearsFacts
from domain.calendars import Calendar
from domain.commands import DecideTask
from policies.packs import load_calendar, load_pack
from store import calendars, ledger, outbox
from store.database import Database
from store.tables import cases, openings
from workflows.arrears_case import ArrearsCase
from workflows.messages import ArrearsOpened, Carried, Publication, arrears_workflow_id

log = structlog.get_logger()
INSTRUCTION: TypeAdapter[ArrearsCommand] = TypeAdapter(ArrearsCommand)


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
    ) -> None:
        self.client = client
        self.database = database
        self.task_queue = task_queue
        self.shift = shift
        self.calendar = calendar
        self.renew_after = renew_after

    async def deliver(self, *, now: datetime, limit: int = 100) -> int:
        """Deliver what is due; returns how many rows were taken. A row that fails is put back with a growing delay."""
        rows = await asyncio.to_thread(self._take, now, limit)
        for row in rows:
            try:
                delivered = await self._deliver(row)
            except Exception as failure:  # whatever the engine or network did: the row stays, the others go on
                await asyncio.to_thread(self._put_back, row, now, type(failure).__name__)
            else:
                if delivered:
                    await asyncio.to_thread(self._done, row.id)
                else:
                    await asyncio.to_thread(self._put_back, row, now, "not there yet")
        return len(rows)

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

    async def _deliver(self, row: Any) -> bool:
        match row.kind:
            case "open":
                await self._open(row.body["case_no"])
                return True
            case "nudge":
                return await self._nudge(row.subject)
            case "command":
                await self._command(row)
                return True
            case "calendar":
                handle = self._handle(row.subject)
                await _if_running(handle.signal(ArrearsCase.calendar_published, Publication.model_validate(row.body)))
                return True
        raise ValueError(f"outbox row {row.id} is of unknown kind {row.kind}")

    async def _open(self, case_no: str) -> None:
        opened = await asyncio.to_thread(self._opening, case_no)
        if opened is not None:
            await self._start(opened)

    async def _start(self, opened: ArrearsOpened) -> None:
        await self.client.start_workflow(
            ArrearsCase.run,
            opened,
            id=arrears_workflow_id(opened.account.no),
            task_queue=self.task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        )

    async def _nudge(self, account_no: str) -> bool:
        """Wake the account's case. One that has closed is opened again when money taken back has left it unpaid."""
        if await _if_running(self._handle(account_no).signal(ArrearsCase.nudge)):
            return True
        opening = await asyncio.to_thread(self.reopening, account_no)
        if isinstance(opening, bool):
            return opening
        await self._start(opening)
        return True

    async def _command(self, row: Any) -> None:
        """A command that a door accepted while no worker answered. What the rules refuse now is refused for good."""
        body, handle = row.body, self._handle(row.subject)
        try:
            if body["update"] == "decide":
                decision = DecideTask.model_validate(body["command"])
                await handle.execute_update(ArrearsCase.decide, decision, id=body["id"])
            else:
                command = INSTRUCTION.validate_python(body["command"])
                await handle.execute_update(ArrearsCase.instruct, command, id=body["id"])
        except WorkflowUpdateFailedError as failed:
            log.warning("relay.refused", process=row.process, code=getattr(failed.cause, "type", None))
        except RPCError as failure:
            if failure.status is not RPCStatusCode.NOT_FOUND:
                raise
            log.warning("relay.refused", process=row.process, code="not-open")

    def _handle(self, account_no: str) -> WorkflowHandle[ArrearsCase, str]:
        return self.client.get_workflow_handle_for(ArrearsCase.run, arrears_workflow_id(account_no))

    def _take(self, now: datetime, limit: int) -> list[Any]:
        with self.database.read() as connection:
            if not outbox.waiting(connection, now=now):
                return []
        with self.database.write() as connection:
            return outbox.take(connection, now=now, limit=limit)

    def _done(self, row_id: int) -> None:
        with self.database.write() as connection:
            outbox.done(connection, row_id)

    def _put_back(self, row: Any, now: datetime, error: str) -> None:
        delay = timedelta(seconds=min(60, 0.5 * 2 ** min(row.attempts, 10)))
        with self.database.write() as connection:
            outbox.put_back(connection, row.id, attempts=row.attempts + 1, error=error, next_try_at=now + delay)
        if row.attempts == 5:
            log.warning("relay.stuck", row=row.id, kind=row.kind, error=error)

    def _opening(self, case_no: str) -> ArrearsOpened | None:
        """The start of a case, read from the store as it is now; None when the case has begun already."""
        with self.database.read() as connection:
            if connection.scalar(select(cases.c.case_no).where(cases.c.case_no == case_no)) is not None:
                return None
            place = connection.execute(select(openings).where(openings.c.case_no == case_no)).one()
            return self._opened(connection, case_no, place.subject, pack=place.pack, opened_at=place.at)

    def reopening(self, account_no: str) -> ArrearsOpened | bool:
        """The next run of a closed case; True when there is nothing to do, False when it is too early to say."""
        with self.database.read() as connection:
            mine = (openings.c.process == "arrears", openings.c.subject == account_no)
            if connection.scalar(select(openings.c.case_no).where(*mine, openings.c.open_subject.is_not(None))):
                return False  # its start is on its way, or its end is being recorded
            last = connection.execute(
                select(cases)
                .where(cases.c.process == "arrears", cases.c.subject == account_no)
                .order_by(cases.c.opened_at.desc(), cases.c.case_no.desc())
                .limit(1)
            ).one_or_none()
            if last is None:
                return True
            news = [fact for _, fact in ledger.facts_after(connection, account_no, last.ledger_position)]
            taken_back = [fact.at for fact in news if fact.kind == "reversal"]
            facts = ArrearsFacts.model_validate(last.facts)
            if not taken_back or facts.outcome == "withdrawn":
                return True
            everything = [fact for _, fact in ledger.facts_after(connection, account_no, 0)]
            if standing(facts=everything, disputes=facts.disputes, as_of=max(taken_back)).overdue == 0:
                return True
            carried = Carried(facts=last.facts, sequence=last.sequence, run=last.run + 1, reopened_at=min(taken_back))
            opened = self._opened(connection, last.case_no, account_no, pack=last.pack, opened_at=last.opened_at)
            return opened.model_copy(update={"carried": carried})

    def _opened(
        self, connection: Connection, case_no: str, account_no: str, *, pack: str, opened_at: datetime
    ) -> ArrearsOpened:
        policy = load_pack(pack).arrears
        if policy is None:
            raise ValueError(f"pack {pack} has no arrears section")
        calendar = self.calendar or calendars.published(connection, load_calendar())
        return ArrearsOpened(
            case_no=case_no,
            pack=pack,
            calendar=calendar.only(range(opened_at.year, opened_at.year + 4)),
            opened_at=opened_at,
            shift=self.shift(),
            renew_after=self.renew_after,
            account=ledger.account(connection, account_no),
            policy=policy,
            ledger=tuple(ledger.facts_after(connection, account_no, 0)),
        )


async def _if_running(signalled: Any) -> bool:
    """Await a signal; False when no such case is running."""
    try:
        await signalled
    except RPCError as failure:
        if failure.status is RPCStatusCode.NOT_FOUND:
            return False
        raise
    return True
