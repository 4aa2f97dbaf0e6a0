"""Many cases told something at once: row by row, each once, and what became of each is kept.

A row that is refused stops no other. What runs here is lost with the process and nothing else is: the rows that are
left stand as ready, and whoever gave them goes on.
"""

import asyncio
from contextlib import suppress
from typing import Any

import structlog
from fastapi import FastAPI, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from starlette.concurrency import run_in_threadpool

from api import bodies, files, processes
from api.errands import Errands, Pending, Told
from api.house import EngineAway, House
from api.once import Once
from api.pages.forms import faults_by_field
from api.pages.refusals import headline, said_fault, said_refusal
from domain.arrears.commands import RecordContact
from domain.arrears.forms import Service
from domain.processes import TASKS
from domain.refusals import RefusalCode, Refused
from store import answers, batches, inbox, reads, refusals
from store.batches import Batch, BatchRow, State
from store.people import Person

log = structlog.get_logger()
AT_ONCE = 8
FORMS: dict[str, Any] = {"serve": Service, "contact": bodies.ContactBody}


class Together:
    """The batches that this process carries out now."""

    def __init__(self) -> None:
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def begin(self, house: House, person: Person, batch: Batch, *, wait: float) -> None:
        """Carry out what is left of a batch, unless that runs already, and wait a moment for it."""
        task = self._tasks.get(batch.id)
        if task is None:
            task = self._tasks[batch.id] = asyncio.create_task(self._run(house, person, batch))
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(task), wait)

    def runs(self, id: str) -> bool:
        return id in self._tasks

    async def _run(self, house: House, person: Person, batch: Batch) -> None:
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(row: BatchRow) -> None:
            async with gate:
                await _settled(house, person, batch.id, row)

        try:
            ready = [row for row in batch.rows if row.state == "ready"]
            for broken in await asyncio.gather(*map(one, ready), return_exceptions=True):
                if isinstance(broken, Exception):  # the row stands as ready still
                    log.warning("api.row-broke-off", error=type(broken).__name__)
        finally:
            del self._tasks[batch.id]

    async def finish(self) -> None:
        """Wait for what runs: at the end of the process."""
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)


def together_of(app: FastAPI) -> Together:
    together: Together = app.state.together
    return together


async def _settled(house: House, person: Person, id: str, row: BatchRow) -> None:
    """Carry one row out and keep what became of it; an engine that is away leaves it as it is."""
    zh = en = None
    state: State
    try:
        told = await _told(house, person, row)
        state = "pending" if isinstance(told, Pending) else "done"
    except EngineAway:
        return
    except (RequestValidationError, ValidationError) as invalid:
        (zh, en), state = faults_of(row.action, invalid), "refused"
    except Refused as refused:
        await run_in_threadpool(_note, house, person, row, refused.code, refused.message)
        zh = f"{headline(refused.code, 'zh')} {said_refusal(refused.message, refused.zh, 'zh')}"
        en = f"{headline(refused.code, 'en')} {refused.message}"
        state = "refused"

    def keep() -> None:
        with house.database.write() as connection:
            batches.settle(connection, id, row.no, state=state, zh=zh, en=en)

    await run_in_threadpool(keep)


async def _told(house: House, person: Person, row: BatchRow) -> Told | Pending:
    once = Once(f"{person.id}:{row.once}", answers.fingerprint("batch", row.case_no, row.action, row.said))
    errand = Errands(person, house, once, Response())
    case, task = await run_in_threadpool(_subject, house, person, row)
    if case is None or (row.action == "serve" and task is None):
        raise Refused("unknown", "there is no such case, or not for you: look its number up in the list")
    await run_in_threadpool(files.refuse_foreign_files, house, case.case_no, row.said)
    if row.action == "contact":
        return await errand.tell(case, RecordContact, **bodies.ContactBody.model_validate(row.said).said())
    form = {name: value for name, value in row.said.items() if name != "task_id"}
    processes.refuse_bad_form(task.key, form)
    against = inbox.against(task, by=person.actor, stands_for=person.stands_for)
    return await errand.decide(task, task.key, form, task_id=task.task_id, against=against)


def _subject(house: House, person: Person, row: BatchRow) -> tuple[Any, Any]:
    """The case and the task that a row is about, where its person sees them."""
    with house.database.read() as connection:
        case = reads.case(connection, person, row.case_no or "")
        task = reads.task(connection, person, row.said["task_id"]) if row.said.get("task_id") else None
    return case, task if task is not None and case is not None and task.case_no == case.case_no else None


def _note(house: House, person: Person, row: BatchRow, code: RefusalCode, message: str) -> None:
    command = f"together {row.action}"
    refusals.note(
        house.database,
        case_no=row.case_no,
        command=command,
        code=code,
        message=message,
        by=person.id,
        at=house.clock(),
    )


def faults_of(action: str, invalid: RequestValidationError | ValidationError) -> tuple[str, str]:
    """What is wrong with a row, in both languages, with the field it is wrong in."""
    form: type[BaseModel] = FORMS[action]
    errors = invalid if isinstance(invalid, RequestValidationError) else RequestValidationError(invalid.errors())
    told = faults_by_field(errors, form).values()
    return " ".join(said_fault(words, "zh") for words in told), " ".join(said_fault(words, "en") for words in told)


def open_service(tasks: Any) -> Any | None:
    """The notice that is to be served among the open tasks of a case."""
    return next((task for task in tasks if TASKS[task.key].form is Service), None)
