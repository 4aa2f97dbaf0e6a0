"""Photos and papers of cases: sent as they are, kept as evidence under their hash, shown as pictures made of them.

What was sent is given out as an attachment alone; pages show pictures, which carry nothing of the camera's notes.
Whoever may see the case may see its files; who looked is on record.
"""

import hashlib
import io
import unicodedata
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Form, Query, Request, Response, UploadFile, status
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse
from pydantic import BaseModel
from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool

from activities.evidence import SIZES, Kind, Limits, UnfitFile, picture, told
from api import bodies, once, shown
from api.access import DecidableCase, SignedIn, VisibleCase
from api.errors import documented
from api.house import Here, House
from api.once import OnceKey
from domain.evidence import STANDS_FOR, files_in
from domain.refusals import Refused
from settings import Settings
from store import answers, files, reads
from store.answers import Kept
from store.files import FileRecord, FileRole, Size
from store.people import Person
from store.shelf import EvidenceDamaged, Shelf

log = structlog.get_logger()
router = APIRouter(tags=["files"])
LONGEST_FILENAME = 100
AS_A_FILE = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "private, no-cache",  # whoever may look no more is told so, also by a browser that keeps a copy
}
UNKNOWN = "there is no such file, or not for you: look it up in the files of its case"


class FileShown(BaseModel):
    """A file of a case. `value` stands for it in a form; `thumb` and `preview` are addresses of pictures of a photo."""

    sha256: str
    value: str
    media_type: str
    size: int
    width: int | None
    height: int | None
    role: FileRole
    name: str | None
    filename: str
    task_id: str | None
    at: datetime
    by: str
    original: str
    thumb: str | None
    preview: str | None


class FileTaken(FileShown):
    """`new`: false when the case had these bytes already, and nothing changed."""

    case_no: str
    new: bool


def shelf(settings: Settings) -> Shelf:
    """Where the bytes are."""
    return Shelf(settings.data / "files")


def file_shown(row: Any) -> FileShown:
    """A row of `store.files` as people and pages read it."""
    address = f"/api/v1/files/{row.sha256}?case_no={row.case_no}&size="
    pictured = row.media_type.startswith("image/")
    return FileShown(
        **{name: getattr(row, name) for name in FileShown.model_fields if hasattr(row, name)},
        value=f"{STANDS_FOR}{row.sha256}",
        original=f"{address}original",
        thumb=f"{address}thumb" if pictured else None,
        preview=f"{address}preview" if pictured else None,
    )


def files_of_form(connection: Connection, case_no: str, form: Any) -> dict[str, FileShown]:
    """The files that a form of a case names, by the form's field: what stands for none, or names a photo, is left out.

    One statement, however many fields.
    """
    named = {field: sha256 for field, sha256 in files_in(form) if sha256 is not None}
    known = files.among(connection, case_no, named.values()) if named else {}
    return {field: file_shown(known[sha256]) for field, sha256 in named.items() if sha256 in known}


def refuse_foreign_files(house: House, case_no: str, form: dict[str, Any]) -> None:
    """Raises `RequestValidationError` naming each field of a form that stands for no file of its case."""
    named = list(files_in(form))
    if not named:
        return
    with house.database.read() as connection:
        known = files.among(connection, case_no, [sha256 for _, sha256 in named if sha256 is not None])
    strange = [field for field, sha256 in named if sha256 not in known]
    if strange:
        words = "is no file of this case: upload it to the case first, or give a plain name"
        raise RequestValidationError(
            [{"type": "no-file", "loc": ("body", "form", *field.split(".")), "msg": words} for field in strange]
        )


@router.post(
    "/cases/{case_no}/files",
    status_code=status.HTTP_201_CREATED,
    response_model=FileTaken,
    responses=documented(403, 404, 409, 413, 422)
    | {200: {"model": FileTaken, "description": "The case had these bytes already: nothing changed"}},
)
async def take_file(
    person: SignedIn,
    case: DecidableCase,
    house: Here,
    key: OnceKey,
    file: UploadFile,
    role: Annotated[FileRole | None, Form(description="left out: photo or paper, by what the file is")] = None,
    name: Annotated[bodies.Line | None, Form(description="what it is to the case: a paper of the checklist")] = None,
    task_id: Annotated[bodies.Line | None, Form(description="the task of the case that it proves")] = None,
) -> Response:
    """A photo (JPEG, PNG, WebP) or paper (PDF, XLSX, DOCX) for a case, told by its bytes. Kept as it was sent.

    Any role that decides; a form names it as `sha256:…`.
    """
    kept = await run_in_threadpool(take, house, case.case_no, person, key, file, role, name, task_id)
    return once.answered(Kept(answer=kept.effect, status=201 if kept.effect["new"] else 200))


def take(
    house: House,
    case_no: str,
    person: Person,
    key: str | None,
    file: UploadFile,
    role: FileRole | None,
    name: str | None,
    task_id: str | None,
) -> Kept:
    at, sha256 = house.clock(), _digest(file)
    meant = once.meaning(key, "POST", f"/cases/{case_no}/files", [sha256, role, name, task_id])
    kept = once.begin(house.database, meant, at=at)
    if kept.effect is not None:
        return kept
    try:
        _refuse_foreign_task(house, person, case_no, task_id)
        place = shelf(house.settings)
        kind = _kept(house.settings, place, file, sha256)
        record = FileRecord(
            **kind.model_dump(),
            sha256=sha256,
            size=place.path(sha256).stat().st_size,
            role=role or ("photo" if kind.is_photo else "paper"),
            name=name,
            filename=filename(file.filename, kind),
            task_id=task_id,
        )

        def adds(connection: Connection) -> dict[str, Any]:
            new = files.add(connection, case_no, record, at=at, by=person.id)
            row = files.among(connection, case_no, [sha256])[sha256]
            return FileTaken(**file_shown(row).model_dump(), case_no=case_no, new=new).model_dump(mode="json")

        return once.effect(house.database, meant, adds, at=at)
    except (Refused, RequestValidationError):
        if key is not None:
            with house.database.write() as connection:
                answers.forget(connection, key)
        raise


def keep_paper(house: House, case_no: str, pdf: bytes, *, name: str, by: str) -> FileShown:
    """Put a paper that was made out here with its case: the same paper again is the same file."""
    place, sha256 = shelf(house.settings), hashlib.sha256(pdf).hexdigest()
    place.keep(place.candidate(io.BytesIO(pdf)), sha256)
    record = FileRecord(
        sha256=sha256, media_type="application/pdf", size=len(pdf), role="paper", name=name, filename=f"{name}.pdf"
    )
    with house.database.write() as connection:
        files.add(connection, case_no, record, at=house.clock(), by=by)
        return file_shown(files.among(connection, case_no, [sha256])[sha256])


def _refuse_foreign_task(house: House, person: Person, case_no: str, task_id: str | None) -> None:
    if task_id is None:
        return
    with house.database.read() as connection:
        task = reads.task(connection, person, task_id)
    if task is None or task.case_no != case_no:
        raise Refused("form-invalid", "task_id: is no task of this case: leave it out, or give one of its tasks")


def _digest(file: UploadFile) -> str:
    digest = hashlib.sha256()
    file.file.seek(0)
    while chunk := file.file.read(1 << 20):
        digest.update(chunk)
    file.file.seek(0)
    return digest.hexdigest()


def _kept(settings: Settings, place: Shelf, file: UploadFile, sha256: str) -> Kind:
    """Put the bytes on the shelf once they have been looked into, and say what they are. Raises as `told` does."""
    mega = 1024 * 1024
    limits = Limits(
        photo_bytes=settings.photo_megabytes * mega,
        photo_pixels=settings.photo_megapixels * 1_000_000,
        paper_bytes=settings.paper_megabytes * mega,
    )
    candidate = place.candidate(file.file)
    try:
        kind = told(candidate, limits)
        place.keep(candidate, sha256)
    except UnfitFile as unfit:
        raise RequestValidationError([{"type": "unfit", "loc": ("body", "file"), "msg": unfit.words}]) from None
    finally:
        candidate.unlink(missing_ok=True)
    if kind.is_photo:
        for size in SIZES:
            picture_of(place, sha256, size)
    return kind


def picture_of(place: Shelf, sha256: str, size: str) -> Path:
    """The picture of a photo in a size, made when it is not there."""
    made = place.derived(sha256, size)
    if not made.exists():
        original = place.verified(sha256)
        place.write(made, lambda into: picture(original, SIZES[size], into))
    return made


def filename(sent: str | None, kind: Kind) -> str:
    """The sender's name of a file, fit to be shown: no folders, nothing invisible or turning, and its true ending."""
    last = (sent or "").replace("\\", "/").rpartition("/")[2]
    said = " ".join(unicodedata.normalize("NFC", last).split())
    plain = "".join(sign for sign in said if unicodedata.category(sign)[0] != "C")
    stem = Path(plain).stem.strip(". ")[:LONGEST_FILENAME]
    return (stem or "file") + kind.ending


@router.get("/cases/{case_no}/files", responses=documented(404))
def list_files(house: Here, case: VisibleCase) -> shown.Listed[FileShown]:
    """Every file of a case, in the order in which they came."""
    with house.database.read() as connection:
        return shown.Listed(items=_shown(files.of_case(connection, case.case_no)))


def _shown(rows: Iterable[Any]) -> list[FileShown]:
    return [file_shown(row) for row in rows]


@router.get(
    "/files/{sha256}",
    response_class=FileResponse,
    responses=documented(404, 422)
    | {
        200: {"content": {"image/jpeg": {}, "application/octet-stream": {}}, "description": "The file, or a picture"},
        304: {"description": "The copy that you have is the same"},
    },
)
def read_file(
    request: Request,
    person: SignedIn,
    house: Here,
    sha256: str,
    size: Annotated[Size, Query(description="pictures are there of photos alone")] = "preview",
    case_no: Annotated[str | None, Query(max_length=40, description="left out: any case in sight that has it")] = None,
) -> Response:
    """A file in sight: the original as an attachment, or a picture of a photo that carries no notes of the camera."""
    case_no = case_no if case_no is None or case_no.isprintable() else ""
    with house.database.read() as connection:
        row = files.visible(connection, person, sha256, case_no) if sha256.isalnum() else None
    if row is None or (size in SIZES and not row.media_type.startswith("image/")):
        raise Refused("unknown", UNKNOWN)
    place, tag = shelf(house.settings), f'"{sha256}-{size}"'
    try:
        path = picture_of(place, sha256, size) if size in SIZES else place.verified(sha256)
    except EvidenceDamaged as damaged:
        log.error("api.evidence-damaged", case_no=row.case_no, sha256=sha256, why=str(damaged))
        raise
    _note(house, row.case_no, sha256, size, person)
    headers = AS_A_FILE | {"ETag": tag}
    if tag in request.headers.get("If-None-Match", ""):
        return Response(status_code=304, headers=headers)
    if size in SIZES:
        name, kind = f"{Path(row.filename).stem}.{size}.jpg", "inline"
        return FileResponse(
            path, media_type="image/jpeg", filename=name, content_disposition_type=kind, headers=headers
        )
    return FileResponse(path, media_type=row.media_type, filename=row.filename, headers=headers)


def _note(house: House, case_no: str, sha256: str, size: Size, person: Person) -> None:
    """Put the look on record before anything is shown: each one at an original, one a day at a picture."""
    at = house.clock()
    if size in SIZES:
        with house.database.read() as connection:
            if files.looked_today(connection, case_no, sha256, size, by=person.id, at=at):
                return
    with house.database.write() as connection:
        files.note_look(connection, case_no, sha256, size, by=person.id, at=at)
