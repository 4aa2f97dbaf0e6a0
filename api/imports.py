"""Ledger files: a spreadsheet of overdue bills in, its faults by row out."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import structlog
from fastapi import APIRouter, Depends, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse
from pydantic import BaseModel, ValidationError
from sqlalchemy.exc import OperationalError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile

from activities.ledger_file import read_ledger
from api import bodies, shown, workbooks
from api.access import SignedIn
from api.errors import documented
from api.house import Here, House
from api.incoming import suffix_of
from api.pages.words import language_of
from api.previews import Importer, incoming_of, kept_file
from api.running import Running
from api.sheets import faults_sheet
from api.workbooks import BOOK
from domain.refusals import Refused
from store import import_runs, imports, reads
from store.import_runs import Run
from store.imports import ImportResult, import_ledger
from store.ledger_plan import RowFault
from store.people import Person

router = APIRouter(tags=["billing"], prefix="/ledger/imports")
log = structlog.get_logger()
LOOKS_EVERY = 5.0
SPREADSHEET, PREVIEWED = "multipart/form-data", "application/json"
BODY = {
    "requestBody": {
        "required": True,
        "content": {
            SPREADSHEET: {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary", "title": "The ledger"}},
                }
            },
            PREVIEWED: {"schema": bodies.PreviewedFile.model_json_schema()},
        },
    }
}


class ImportShown(BaseModel):
    """A file that was taken in. The first thousand faults are listed."""

    sha256: str
    filename: str
    at: datetime
    by: str
    rows: int
    cases_opened: int
    bills_new: int
    bills_known: int
    errors_total: int
    errors: list[RowFault]


async def _sent(request: Request, person: Importer) -> AsyncIterator[UploadFile | str]:
    """A file, or the digest of one that was previewed. The person is asked first, then the body."""
    if request.headers.get("Content-Type", "").partition(";")[0].strip().lower() != SPREADSHEET:
        body = await request.body()
        try:
            yield bodies.PreviewedFile.model_validate_json(body).sha256
        except ValidationError as error:
            faults = [fault | {"loc": ("body", *fault["loc"])} for fault in error.errors(include_url=False)]
            raise RequestValidationError(faults) from None
        return
    async with request.form(max_files=1, max_fields=10) as form:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise RequestValidationError([{"type": "missing", "loc": ("body", "file"), "msg": "Field required"}])
        yield file


@router.post("", responses=documented(403, 404, 413, 422, 503), openapi_extra=BODY)
def take_in(person: Importer, house: Here, sent: Annotated[UploadFile | str, Depends(_sent)]) -> ImportResult:
    """Take a ledger in (.xlsx or .csv). Rows with faults are left out and named; the same file again changes nothing.

    A file that `POST /ledger/preview` has told of is named by its `sha256` in JSON instead of being sent again: exactly
    those bytes are taken in. Clerk, collector, supervisor; an import covers the whole utility, and so must their view.
    """
    if isinstance(sent, str):
        return take_kept(house, person, sent)
    at = house.clock()
    with tempfile.TemporaryDirectory(prefix="guanjia-import-") as folder:
        name = Path(sent.filename or "ledger").name
        path = Path(folder) / f"ledger{suffix_of(name)}"
        with path.open("wb") as copy:
            shutil.copyfileobj(sent.file, copy)
        return _take(house, person, path, filename=name, at=at)


def take_kept(
    house: House, person: Person, sha256: str, progress: Callable[[int, int], None] | None = None
) -> ImportResult:
    """Take in a file that was previewed. Refuses `unknown` when it is not kept any more."""
    at = house.clock()
    kept = kept_file(house, sha256)
    kept.keep_on(at=at)
    return _take(house, person, kept.file, filename=kept.what_was_told().filename, at=at, progress=progress)


def _take(house: House, person: Person, path: Path, *, filename: str, at: datetime, **more: Any) -> ImportResult:
    more |= {"at": at, "by": person.id, "filename": filename, "clock": house.clock}
    return import_ledger(house.database, read_ledger(path), pack=house.pack_on(at), **more)


async def carry_on_now_and_then(house: House, running: Running) -> None:
    """Go on with imports whose process is gone, where their file is kept here. Begins with the API, and never ends."""
    while True:
        try:
            for run in await run_in_threadpool(_abandoned, house):
                log.info("api.import-goes-on", done=run.counts.done, total=run.total)
                await running.begin(run.sha256, partial(_carry_on, house, run), wait=0)
        except OperationalError as error:
            log.warning("api.imports-not-looked-at", error=type(error).__name__)
        await asyncio.sleep(LOOKS_EVERY)


def _abandoned(house: House) -> list[Run]:
    with house.database.read() as connection:
        runs = import_runs.abandoned(connection, now=house.clock())
    kept = incoming_of(house)
    return [run for run in runs if kept.find(run.sha256, at=house.clock()) is not None]


def _carry_on(house: House, run: Run, progress: Callable[[int, int], None]) -> ImportResult:
    kept = kept_file(house, run.sha256)
    kept.keep_on(at=house.clock())
    told = run.model_dump(include={"pack", "at", "by", "filename"})
    return import_ledger(house.database, read_ledger(kept.file), **told, clock=house.clock, progress=progress)


class ImportState(BaseModel):
    """How far an import is. `broken`: nobody is at it; confirmed or sent again it goes on where it stood."""

    state: Literal["running", "broken", "done"]
    done: int
    total: int
    result: ImportShown | None


async def _whole_view(person: SignedIn) -> Person:
    if person.part is not None or not person.inside:
        raise Refused("wrong-role", "imports cover the whole utility: this is for people whose view is not bounded")
    return person


WholeView = Annotated[Person, Depends(_whole_view)]


def state_of(house: House, sha256: str) -> ImportState:
    """How far an import is, in whichever process. Refuses `unknown`."""
    with house.database.read() as connection:
        row = reads.import_of(connection, sha256)
        run = import_runs.run_of(connection, sha256) if row is None else None
    if row is not None:
        shown_result = _shown(row)
        return ImportState(state="done", done=shown_result.rows, total=shown_result.rows, result=shown_result)
    if run is None:
        raise Refused("unknown", "no such file was taken in", zh="没有导入过这个文件。")
    lost = run.failed is not None or run.beat_at < house.clock() - import_runs.QUIET
    done = run.counts.done
    return ImportState(state="broken" if lost else "running", done=done, total=max(done, run.total), result=None)


@router.get("/{sha256}", responses=documented(403, 404, 422))
def read_import(person: WholeView, house: Here, sha256: str) -> ImportState:
    """How far an import is, or what came of it."""
    return state_of(house, sha256)


@router.get("/{sha256}/errors.xlsx", response_class=FileResponse, responses=documented(403, 404, 422) | BOOK)
def export_faults(request: Request, person: WholeView, house: Here, sha256: str) -> FileResponse:
    """Every row that was left out, as Excel: which one, what is wrong with it, and what to do about it."""
    state_of(house, sha256)
    language = language_of(request)
    faults = import_runs.every_fault(house.database, sha256)
    return workbooks.sent(faults_sheet(language), faults, language=language, at=house.clock())


@router.get("", responses=documented(403, 422))
def list_imports(
    person: WholeView, house: Here, limit: Annotated[int, Query(ge=1, le=100)] = 20
) -> shown.Listed[ImportShown]:
    """The files taken in, newest first."""
    with house.database.read() as connection:
        rows = reads.import_list(connection, limit=limit)
    return shown.Listed(items=[_shown(row) for row in rows])


def _shown(row: Any) -> ImportShown:
    told = imports.as_result(row).model_dump(exclude={"unchanged"})
    return ImportShown(sha256=row.sha256, filename=row.filename, at=row.at, by=row.by, **told)
