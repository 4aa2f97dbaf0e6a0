"""`guanjia packs move`: running cases to another version of their pack, or what that would change."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import select
from sqlalchemy.sql.functions import count
from temporalio.client import Client, WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.service import RPCError, RPCStatusCode

from domain.calendars import Calendar
from domain.move_preview import MovePreview, preview
from domain.pack_moves import MovePack
from domain.people import Actor
from domain.policy import Strict
from domain.processes import PROCESSES
from domain.refusals import RefusalCode, Refused
from policies.packs import Pack, load_calendar, load_pack
from store import calendars, people, refusals
from store.database import Database
from store.tables import cases, openings
from workflows.messages import workflow_id

A_PAGE = 200
AT_ONCE = 16
PATIENCE = 15.0
Became = Literal["moved", "refused", "closed", "no-answer"]


class Moved(Strict):
    """What became of one case. `no-answer`: nobody works on it now; the same command goes on where this one ended."""

    case_no: str
    process: str
    stage: str | None
    became: Became
    code: RefusalCode | None = None
    why: tuple[str, str] = ("", "")


class PackMove:
    """One move of all open cases under a version, or of some of them, by somebody, for a reason.

    Raises `Refused` when the packs are not two versions of one utility or `by` is no administrator on record, and
    `PackError` for a pack that there is not. Run again it takes up what is left: moved cases are under another version.
    """

    def __init__(
        self,
        database: Database,
        *,
        from_pack: str,
        to_pack: str,
        by: str,
        reason: str,
        at: datetime,
        process: str | None = None,
        case_no: str | None = None,
    ) -> None:
        self.database, self.at, self.reason = database, at, reason
        self.was, self.to = load_pack(from_pack), load_pack(to_pack)
        if self.was.pack != self.to.pack:
            raise Refused("gate", f"{self.to.name} is another utility's pack: cases stay with their utility")
        if self.was.name == self.to.name:
            raise Refused("gate", f"both are {self.to.name}: name the version to move from and the one to move to")
        with database.read() as connection:
            person = people.person(connection, by)
        if person is None or not person.holds("administrator"):
            raise Refused("wrong-role", f"{by} is no administrator on record: packs are moved by one, named with --by")
        self.by: Actor = person.actor
        self._mine = [cases.c.pack == self.was.name, cases.c.status == "open"]
        self._mine += [cases.c.process == process] if process else []
        self._mine += [cases.c.case_no == case_no] if case_no else []

    def total(self) -> int:
        """How many open cases there are to move."""
        with self.database.read() as connection:
            return int(connection.scalar(select(count()).select_from(cases).where(*self._mine)) or 0)

    def not_begun(self) -> int:
        """Openings under the old version that no case has begun with yet: they begin under it."""
        begun = select(cases.c.case_no).where(cases.c.case_no == openings.c.case_no).exists()
        waiting = (openings.c.pack == self.was.name, openings.c.open_subject.is_not(None), ~begun)
        with self.database.read() as connection:
            return int(connection.scalar(select(count()).select_from(openings).where(*waiting)) or 0)

    def would_change(self) -> Iterator[MovePreview]:
        """The dry run: each case as it is on record now and as it would be, in order of case number."""
        with self.database.read() as connection:
            calendar = calendars.published(connection, load_calendar())
        for row in self._rows():
            yield self._preview(row, calendar)

    async def move(self, client: Client) -> AsyncIterator[Moved]:
        """Move each case by an Update of its own, so many at a time; what a case refuses is kept on record."""
        rows, waiting = self._rows(), set[asyncio.Task[Moved]]()
        try:
            while True:
                while len(waiting) < AT_ONCE and (row := await asyncio.to_thread(next, rows, None)) is not None:
                    waiting.add(asyncio.create_task(self._move(client, row)))
                if not waiting:
                    return
                done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    yield task.result()
        finally:
            for task in waiting:
                task.cancel()

    def _rows(self) -> Iterator[Any]:
        """The cases, a page at a time by number: one that moves meanwhile lies behind, and none comes twice."""
        after = ""
        while True:
            with self.database.read() as connection:
                page = connection.execute(
                    select(
                        cases.c.case_no,
                        cases.c.process,
                        cases.c.subject,
                        cases.c.stage,
                        cases.c.sequence,
                        cases.c.facts,
                    )
                    .where(*self._mine, cases.c.case_no > after)
                    .order_by(cases.c.case_no)
                    .limit(A_PAGE)
                ).all()
            yield from page
            if len(page) < A_PAGE:
                return
            after = page[-1].case_no

    def _preview(self, row: Any, calendar: Calendar) -> MovePreview:
        policy, to = _section(self.was, row.process), _section(self.to, row.process)
        if to is None or policy is None:
            words = self._no_section(row.process)
            return MovePreview(case_no=row.case_no, process=row.process, stage=row.stage, refused="gate", why=words)
        process = PROCESSES[row.process]
        facts = process.facts.model_validate(row.facts)
        return preview(process, row.process, facts, self._command({}), policy=policy, to=to, calendar=calendar)

    def _command(self, policy: dict[str, Any]) -> MovePack:
        return MovePack(
            by=self.by,
            at=self.at,
            from_pack=self.was.name,
            to_pack=self.to.name,
            reason=self.reason or "dry run",
            policy=policy,
        )

    def _no_section(self, process: str) -> tuple[str, str]:
        return f"{self.to.name} says nothing of {process}", f"{self.to.name}没有{process}部分。"

    async def _move(self, client: Client, row: Any) -> Moved:
        about = {"case_no": row.case_no, "process": row.process, "stage": row.stage}
        policy = _section(self.to, row.process)
        if policy is None:
            return await self._refused(about, "gate", self._no_section(row.process))
        command = self._command(policy.model_dump(mode="json"))
        handle = client.get_workflow_handle(workflow_id(row.process, row.subject))
        # The same case at the same place of its record, to the same pack: one update, however often it is sent.
        update_id = f"move-{row.case_no}-{row.sequence}-{self.to.name}"
        try:
            async with asyncio.timeout(PATIENCE):
                await handle.execute_update("move_pack", command, id=update_id)
        except (TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError):
            return Moved(**about, became="no-answer")
        except WorkflowUpdateFailedError as failed:
            code = getattr(failed.cause, "type", None)
            zh = next(iter(getattr(failed.cause, "details", ())), "")
            words = (str(getattr(failed.cause, "message", "")), str(zh))
            return Moved(**about, became="closed") if code == "not-open" else await self._refused(about, code, words)
        except RPCError as failure:
            if failure.status is not RPCStatusCode.NOT_FOUND:
                raise
            return Moved(**about, became="closed")
        return Moved(**about, became="moved")

    async def _refused(self, about: dict[str, Any], code: Any, why: tuple[str, str]) -> Moved:
        await asyncio.to_thread(
            refusals.note,
            self.database,
            case_no=about["case_no"],
            command=f"packs move {self.to.name}",
            code=code,
            message=why[0],
            by=self.by.id,
            at=self.at,
        )
        return Moved(**about, became="refused", code=code, why=why)


def _section(pack: Pack, process: str) -> Any:
    return getattr(pack, process)
