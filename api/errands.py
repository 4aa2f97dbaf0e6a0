"""Commands on their way to a case: sent as an update, waited for a while, and never lost nor doubled.

Without a worker the command goes into the outbox under the same update id, and the answer is "pending": the relay
brings it again, and the engine knows it by its id. Without an engine nothing is taken: 503.
"""

import asyncio
from typing import Annotated, Any, Literal
from uuid import uuid4

import structlog
from fastapi import Depends, Response
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from temporalio.client import WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.service import RPCError, RPCStatusCode

from api import once, processes
from api.access import SignedIn
from api.errors import STATUS
from api.house import EngineAway, Here, House
from api.once import Once, OnceOnly
from domain.arrears.commands import refuse_limit_without_its_time
from domain.arrears.forms import LIMIT_PRESSURE
from domain.commands import Command, DecideTask
from domain.refusals import RefusalCode, Refused
from store import outbox, reads
from store.answers import Kept
from store.people import Person
from workflows.messages import Answer, workflow_id

log = structlog.get_logger()


class Told(BaseModel):
    """Carried out and on record: the case's last entry, and its stage now."""

    case_no: str
    sequence: int
    stage: str | None
    pending: Literal[False] = False


class Pending(BaseModel):
    """Accepted, and carried out once a worker is back. `id` is the command's own."""

    case_no: str
    pending: Literal[True] = True
    id: str | None = None


class Errands:
    """What an endpoint sends a case's commands with."""

    def __init__(self, person: Person, house: House, once: Once, response: Response) -> None:
        self.person = person
        self._house = house
        self._once = once
        self._response = response

    async def tell(self, case: Any, kind: type[Command], **said: Any) -> Told | Pending:
        """Tell a case something, in this person's name and now. Raises as `send` does."""
        command = kind(by=self.person.actor, at=self._house.clock(), **said)
        processes.refuse_foreign(command, case.process)
        return await self.send(case, command)

    async def decide(
        self,
        case: Any,
        key: str,
        form: dict[str, Any],
        *,
        task_id: str | None = None,
        subject: str | None = None,
        against: Refused | None = None,
    ) -> Told | Pending:
        """Decide a task with a filled form, in this person's name and now. Raises as `send` does."""
        by, at = self.person.actor, self._house.clock()
        command = DecideTask(by=by, at=at, key=key, subject=subject, task_id=task_id, form=form)
        if against is None and key == LIMIT_PRESSURE.key:
            against = await run_in_threadpool(self._untimed, case, command)
        return await self.send(case, command, against=against)

    async def send(self, case: Any, command: Command, *, against: Refused | None = None) -> Told | Pending:
        """Have the case (a row of it, or of one of its tasks) carry a command out.

        Raises `Refused` as the case does, and `EngineAway`. `against` is what the store itself has against the command:
        raised unless this very command is on its way already.
        """
        kept = Kept()
        if self._once.key is not None:
            kept = await run_in_threadpool(lambda: once.begin(self._house.database, self._once, at=command.at))
        if kept.answer is None:
            try:
                if against is not None and kept.effect is None:
                    raise against
                kept = await self._carried_out(case, command, kept)
            except (Refused, EngineAway):
                await once.forget(self._house.database, self._once)
                raise
        self._response.status_code = kept.status or 200
        return Told.model_validate(kept.answer) if kept.status == 200 else Pending.model_validate(kept.answer)

    async def _carried_out(self, case: Any, command: Command, kept: Kept) -> Kept:
        update = "decide" if isinstance(command, DecideTask) else "instruct"
        update_id = once.update_id(self._once, str(uuid4()))
        client = await self._house.engine.client()
        handle = client.get_workflow_handle(workflow_id(case.process, case.subject))
        try:
            async with asyncio.timeout(self._house.settings.decision_timeout):
                answer = await handle.execute_update(update, command, id=update_id, result_type=Answer)
        except (TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError):
            if not await self._house.engine.answers():
                raise EngineAway(case.process) from None
            if kept.effect is None:
                await run_in_threadpool(self._queue, case, command, update, update_id)
            return Kept(status=202, answer=Pending(case_no=case.case_no, id=update_id).model_dump())
        except WorkflowUpdateFailedError as failed:
            raise _refusal(failed) from None
        except RPCError as failure:
            if failure.status is RPCStatusCode.NOT_FOUND:
                raise Refused("not-open", f"case {case.case_no} is not open: nothing can be told to it") from None
            log.warning("api.engine", status=failure.status.name)
            raise EngineAway(failure.status.name) from None
        told = Told.model_validate(answer, from_attributes=True)
        return await once.finish(self._house.database, self._once, status=200, answer=told.model_dump())

    def _untimed(self, case: Any, command: DecideTask) -> Refused | None:
        """What is against a limit of which nobody can tell whether it was done within the hours for it."""
        with self._house.database.read() as connection:
            stands = processes.on_record(connection, reads.case_on_record(connection, case.case_no))
        try:
            refuse_limit_without_its_time(command, stands.policy, stands.calendar)
        except Refused as refused:
            return refused
        return None

    def _queue(self, case: Any, command: Command, update: str, update_id: str) -> None:
        """Leave the command to the relay, unless what is on record refuses it: then it is refused now.

        Only "not open" proves nothing here: a slow worker may have carried out this very command in the meantime.
        """
        with self._house.database.read() as connection:
            row = reads.case_on_record(connection, case.case_no)
            standing = processes.on_record(connection, row)
        try:
            processes.refuse_by_record(command, standing)
        except Refused as refused:
            if refused.code != "not-open":
                raise

        def put(connection: Any) -> str:
            body = {"update": update, "id": update_id, "case_no": case.case_no}
            body["command"] = command.model_dump(mode="json")
            outbox.put(connection, kind="command", process=case.process, subject=case.subject, at=command.at, body=body)
            return update_id

        once.effect(self._house.database, self._once, put, at=command.at)


async def _errands(person: SignedIn, house: Here, once: OnceOnly, response: Response) -> Errands:
    return Errands(person, house, once, response)


Errand = Annotated[Errands, Depends(_errands)]


def _refusal(failed: WorkflowUpdateFailedError) -> Exception:
    """The refusal that an update came back with; any other failure of it is ours, and shows as one."""
    code = getattr(failed.cause, "type", None)
    if code in STATUS:
        known: RefusalCode = code
        zh = next((str(detail) for detail in getattr(failed.cause, "details", ())), "")
        return Refused(known, getattr(failed.cause, "message", str(failed.cause)), zh=zh)
    log.error("api.update-failed", type=code)
    return failed
