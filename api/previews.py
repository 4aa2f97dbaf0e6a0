"""What a ledger file would bring about, told before anything is done; and the file kept for an hour, for a yes."""

from datetime import date, datetime
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, Request, UploadFile
from fastapi.responses import FileResponse
from pydantic import Field

from activities.ledger_file import read_ledger
from api import shown, workbooks
from api.access import Opener
from api.errors import documented
from api.house import Here, House
from api.incoming import Incoming, Kept, Told
from api.pages.words import language_of
from api.sheets import faults_sheet
from api.workbooks import BOOK
from domain.account import CustomerClass, Estate, Protection
from domain.refusals import Refused
from store.ledger_plan import RowFault
from store.people import Person
from store.preview import Becomes, preview_ledger

router = APIRouter(tags=["billing"], prefix="/ledger/preview")


class RowShown(shown.Of):
    """A row as it was read. `becomes`: a new bill, a known one, or none: it stands with another amount, or not yet."""

    row: int
    account_no: str
    name: str | None
    customer_class: CustomerClass = Field(serialization_alias="class")
    estate: Estate
    protected: list[Protection]
    phone: str | None
    address: str | None
    bill_no: str
    period: str
    amount: shown.Money = Field(validation_alias="amount_fen")
    late_fee: shown.Money = Field(validation_alias="late_fee_fen")
    due_on: date
    becomes: Becomes


class PreviewShown(shown.Of):
    """What an import of this file would do now. `sha256` goes into the import, within the hour.

    `rows_left_out` have a fault; `errors` are the first thousand of `errors_total`, and all of them can be had as a
    workbook. `accounts_changed`: known accounts of which the file says something else. `cases_joined`: open cases
    that get new bills. `bills_changed` stand with another amount and are left out. `ignored`: headings that are not
    used. `unchanged`: the file was taken in before, and an import would do nothing.
    """

    sha256: str
    filename: str
    at: datetime
    sheet: str
    ignored: list[str]
    rows: int
    rows_left_out: int
    errors_total: int
    errors: list[RowFault]
    accounts_new: int
    accounts_known: int
    accounts_changed: int
    bills_new: int
    bills_known: int
    bills_changed: int
    cases_opened: int
    cases_joined: int
    amount_new: shown.Money = Field(validation_alias="amount_new_fen")
    amount_known: shown.Money = Field(validation_alias="amount_known_fen")
    first: list[RowShown]
    unchanged: bool


def whole_utility(person: Person) -> Person:
    """An import covers the whole utility, and so must the view of whoever brings it in. Refuses `wrong-role`."""
    if person.part is not None:
        column, own = person.part
        raise Refused(
            "wrong-role",
            f"an import covers the whole utility; your part is {column} {own}",
            zh=f"台账导入涉及全公司，您的范围是 {own}：请交给全公司的受理员或主任。",
        )
    return person


async def _importer(person: Opener) -> Person:
    return whole_utility(person)


Importer = Annotated[Person, Depends(_importer)]
"""Brings whole ledgers in: clerk, collector or supervisor, of no part of the utility."""


def incoming_of(house: House) -> Incoming:
    return Incoming(house.settings.data)


def kept_file(house: House, sha256: str) -> Kept:
    """A previewed file. Refuses `unknown` for one that is not kept, or no more."""
    kept = incoming_of(house).find(sha256, at=house.clock())
    if kept is None:
        raise Refused(
            "unknown",
            "sha256: no such file was previewed here within the hour: send it again",
            zh="预览只保留一小时：没有这个文件，或者已经过期，请重新上传。",
        )
    return kept


@router.post("", responses=documented(403, 413, 422, 503))
def preview(person: Importer, house: Here, file: UploadFile) -> PreviewShown:
    """Say what taking a ledger in (.xlsx or .csv) would do: what would be new, and what is wrong with which row.

    Nothing is changed. The file is kept for an hour, so that `POST /ledger/imports` can take `sha256` instead of it.
    """
    return preview_shown(look_at(house, person, file))


@router.get("/{sha256}", responses=documented(403, 404, 422))
def read_preview(person: Importer, house: Here, sha256: str) -> PreviewShown:
    """What was told of a file within the hour."""
    return preview_shown(kept_file(house, sha256).what_was_told())


@router.get("/{sha256}/errors.xlsx", response_class=FileResponse, responses=documented(403, 404, 422) | BOOK)
def export_faults(request: Request, person: Importer, house: Here, sha256: str) -> FileResponse:
    """Every fault of a previewed file as Excel: which row, what is wrong, and what to do about it."""
    language, kept = language_of(request), kept_file(house, sha256)
    return workbooks.sent(faults_sheet(language), kept.faults(), language=language, at=house.clock())


def look_at(house: House, person: Person, file: UploadFile) -> Told:
    """Keep a file and find out what an import of it would do. Raises `UnreadableLedger`; then nothing is kept."""
    at = house.clock()
    name = Path(file.filename or "ledger").name[:200]
    with incoming_of(house).receive(file.file, name, at=at) as kept:
        ledger = read_ledger(kept.file)
        with kept.faults_out() as note:
            found = preview_ledger(house.database, ledger, at=at, told=note)
        told = Told(
            sha256=ledger.sha256,
            filename=name,
            at=at,
            by=person.id,
            sheet=name if ledger.sheet == kept.file.name else ledger.sheet,
            ignored=ledger.ignored,
            preview=found,
        )
        kept.tell(told)
    return told


def preview_shown(told: Told) -> PreviewShown:
    given = {name: getattr(told, name) for name in ("sha256", "filename", "at", "sheet", "ignored")}
    return PreviewShown.model_validate(dict(told.preview) | given)
