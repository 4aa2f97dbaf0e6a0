"""Ledger files: a spreadsheet of overdue bills in, its faults by row out."""

import shutil
import tempfile
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from starlette.datastructures import UploadFile

from activities.ledger_file import read_ledger
from api import bodies, shown
from api.access import SignedIn
from api.errors import documented
from api.house import Here, House
from api.incoming import suffix_of
from api.previews import Importer, kept_file
from domain.refusals import Refused
from store import imports, reads
from store.imports import ImportResult, import_ledger
from store.ledger_plan import RowFault
from store.people import Person

router = APIRouter(tags=["billing"], prefix="/ledger/imports")
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
    """A file that was taken in. Faults are counted here and listed in the answer to the import."""

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
    ledger = read_ledger(path)
    return import_ledger(house.database, ledger, pack=house.pack_on(at), at=at, by=person.id, filename=filename, **more)


@router.get("", responses=documented(403, 422))
def list_imports(
    person: SignedIn, house: Here, limit: Annotated[int, Query(ge=1, le=100)] = 20
) -> shown.Listed[ImportShown]:
    """The files taken in, newest first."""
    if person.part is not None or not person.inside:
        raise Refused("wrong-role", "imports cover the whole utility: this is for people whose view is not bounded")
    with house.database.read() as connection:
        rows = reads.import_list(connection, limit=limit)
    items = [
        ImportShown(sha256=row.sha256, filename=row.filename, at=row.at, by=row.by, **_counted(imports.as_result(row)))
        for row in rows
    ]
    return shown.Listed(items=items)


def _counted(result: ImportResult) -> dict[str, object]:
    return result.model_dump(exclude={"unchanged"})
