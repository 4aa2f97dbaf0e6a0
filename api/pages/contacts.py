"""A contact with a customer in two taps: what came of it, and save. At the desk, in the row, or at the door."""

from typing import Any
from uuid import uuid4

from fastapi import APIRouter, Request, Response, UploadFile
from fastapi.exceptions import RequestValidationError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.datastructures import UploadFile as Uploaded

from api import bodies, errors, files
from api.access import DecidableCase, VisibleCase
from api.cases import looked_into
from api.errands import Pending
from api.errors import NotSignedIn
from api.house import EngineAway
from api.once import Once
from api.pages.field_answers import closed_told, done_told, fault_told
from api.pages.forms import faults_by_field, meant
from api.pages.frame import Looking, Viewer
from api.pages.refusals import said_fault, said_refusal
from api.pages.tasks import TOLD_ABOVE
from domain.arrears.commands import RecordContact
from domain.refusals import Refused
from store import answers, reads, work

router = APIRouter(include_in_schema=False)
OUTCOMES = ("reached", "promised", "invoice-wanted", "not-reached", "wrong-number")
GIVEN = ("method", "outcome", "note", "amount", "by", "place", "spoke_at", "photo")


@router.get("/arrears/{case_no}/contact")
def ask(viewer: Looking, case: DecidableCase) -> Response:
    return viewer.show("contact.html", **about(viewer, case), **form_of())


@router.get("/arrears/{case_no}/contact/form")
def form(viewer: Looking, case: DecidableCase) -> Response:
    """The form alone, in the row of a list."""
    return viewer.show("contact_form.html", **about(viewer, case), **form_of(inline=True))


@router.get("/field/contact/{case_no}")
def at_the_door(viewer: Looking, case: VisibleCase) -> Response:
    """The same on a phone: whom to meet, where, and what came of it, with or without a network."""
    return viewer.show("field_contact.html", **_at_the_door(viewer, case), **form_of(method="visit"))


def _at_the_door(viewer: Viewer, case: Any) -> dict[str, Any]:
    with viewer.house.database.read() as connection:
        row = reads.case_on_record(connection, case.case_no)
        shown = looked_into(connection, row, viewer.person, at=viewer.now)
        address = work.address_of(connection, viewer.person, case.case_no)
    return about(viewer, case) | {"case": shown, "address_of_work": address}


def form_of(
    *,
    inline: bool = False,
    method: str = "phone",
    given: dict[str, Any] | None = None,
    faults: dict[str, str] | None = None,
) -> dict[str, Any]:
    return {
        "outcomes": OUTCOMES,
        "given": {"method": method} | (given or {}),
        "faults": faults or {},
        "inline": inline,
        "once": uuid4().hex,
    }


def about(viewer: Viewer, case: Any) -> dict[str, Any]:
    with viewer.house.database.read() as connection:
        title = work.title_of(connection, viewer.person, case.case_no)
    return {"row": case, "title": title, "case_no": case.case_no}


@router.post("/arrears/{case_no}/contact")
async def contact(request: Request, viewer: Looking, case: DecidableCase) -> Response:
    """Kept as it was said; a phone that sends what it kept asks for JSON, and says with `as` whose it is."""
    sent = await request.form(max_files=2, max_part_size=2**20)
    if sent.get("as") not in (None, viewer.person.id):
        raise NotSignedIn
    said: dict[str, Any] = {name: text for name in GIVEN if (text := str(_text(sent.get(name))).strip())}
    if "outcome" not in said and "reached" in sent:
        said["reached"] = sent.get("reached") == "yes"
    elif said.get("outcome") != "promised":
        said = {name: value for name, value in said.items() if name not in ("amount", "by")}
    try:
        photo: Any = sent.get("photo")
        if isinstance(photo, Uploaded) and photo.filename:
            said["photo"] = await run_in_threadpool(_kept, viewer, case, photo)
        body = meant(bodies.ContactBody, **said)
        await run_in_threadpool(files.refuse_foreign_files, viewer.house, case.case_no, {"photo": body.photo})
        once = _once(viewer, case, said, sent)
        told = await viewer.errands(once).tell(case, RecordContact, **body.said())
    except RequestValidationError as invalid:
        faults: dict[str, str] = {}
        for name, words in faults_by_field(invalid, bodies.ContactBody).items():
            faults[name] = said_fault(words, viewer.language)
        return await run_in_threadpool(_again, viewer, case, said, faults)
    except Refused as refused:
        if refused.code not in ("form-invalid", "not-open"):
            raise
        await errors.audit(request, refused.code, refused.message)
        words = said_refusal(refused.message, refused.zh, viewer.language)
        if viewer.by_queue and refused.code == "not-open":
            return await run_in_threadpool(closed_told, viewer, case, refused)
        return await run_in_threadpool(_again, viewer, case, said, {"": words}, errors.STATUS[refused.code])
    except EngineAway:
        words = viewer.say("系统暂时没有响应，请稍后再试。", "The system does not answer; try again in a while.")
        return await run_in_threadpool(_again, viewer, case, said, {"": words}, 503)
    if viewer.by_queue:
        return done_told(pending=isinstance(told, Pending))
    if viewer.by_htmx:
        words = viewer.say("沟通已记录在案。", "The contact is on record.")
        after = f"/arrears/{case.case_no}"
        return viewer.show(
            "told_fragment.html", headers=TOLD_ABOVE, kind="done", headline=words, detail=None, address_after=after
        )
    return viewer.go(f"/arrears/{case.case_no}?{'pending' if isinstance(told, Pending) else 'decided'}=contact")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _kept(viewer: Viewer, case: Any, photo: Uploaded) -> str:
    upload = UploadFile(photo.file, size=photo.size, filename=photo.filename, headers=photo.headers)
    try:
        kept = files.take(viewer.house, case.case_no, viewer.person, None, upload, None, None, None)
    except RequestValidationError as unfit:
        raise RequestValidationError([each | {"loc": ("body", "photo")} for each in unfit.errors()]) from None
    return str(kept.effect["value"])


def _once(viewer: Viewer, case: Any, said: dict[str, Any], sent: FormData) -> Once:
    key = str(sent.get("once") or "")
    if not (0 < len(key) <= 80 and key.isalnum()):
        return Once(None, "")
    return Once(f"{viewer.person.id}:{key}", answers.fingerprint("contact", case.case_no, said))


def _again(viewer: Viewer, case: Any, said: dict[str, Any], faults: dict[str, str], status: int = 422) -> Response:
    if viewer.by_queue:
        return fault_told(faults, status=status if status == 503 else 422)
    facts = about(viewer, case) | form_of(inline=viewer.by_htmx, given=said, faults=faults)
    return viewer.show("contact_form.html" if viewer.by_htmx else "contact.html", status=status, **facts)
