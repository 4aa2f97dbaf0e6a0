"""Ledger files: a spreadsheet of overdue bills in, its faults by row out."""

import shutil
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Query, UploadFile
from pydantic import BaseModel

from activities.ledger_file import read_ledger
from api import shown
from api.access import Opener, SignedIn
from api.errors import documented
from api.house import Here
from domain.refusals import Refused
from store import imports, reads
from store.imports import ImportResult, RowFault, import_ledger

router = APIRouter(tags=["billing"], prefix="/ledger/imports")


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


@router.post("", responses=documented(403, 413, 422, 503))
def take_in(person: Opener, house: Here, file: UploadFile) -> ImportResult:
    """Take a ledger in (.xlsx or .csv). Rows with faults are left out and named; the same file again changes nothing.

    Clerk, collector, supervisor; an import covers the whole utility, and so must their view.
    """
    if person.part is not None:
        column, own = person.part
        raise Refused("wrong-role", f"an import covers the whole utility; your part is {column} {own}")
    at = house.clock()
    with tempfile.TemporaryDirectory(prefix="guanjia-import-") as folder:
        name = Path(file.filename or "ledger").name
        path = Path(folder) / f"ledger{Path(name).suffix[:10]}"
        with path.open("wb") as copy:
            shutil.copyfileobj(file.file, copy)
        return import_ledger(
            house.database, read_ledger(path), pack=house.pack_on(at), at=at, by=person.id, filename=name
        )


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
