"""Chosen rows of the work list told the same at once: notices served, a contact recorded, each row's word back."""

from typing import Annotated, Any, Literal
from uuid import uuid4

from fastapi import APIRouter, Depends, Query, Request, Response, UploadFile
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.datastructures import UploadFile as Uploaded

from api import bodies, files, processes
from api.access import Decider
from api.pages.contacts import OUTCOMES
from api.pages.forms import read_back
from api.pages.frame import Looking, Viewer
from api.pages.refusals import said_refusal
from api.together import Together, faults_of, open_service, together_of
from domain.arrears.forms import Service
from domain.money import yuan
from domain.refusals import Refused
from store import arrears_work, batches
from store.arrears_work import WorkFilter, WorkRow
from store.batches import MOST, Batch, BatchRow

router = APIRouter(include_in_schema=False, prefix="/arrears/together")
Do = Literal["serve", "contact"]
A_MOMENT = 1.0
METHODS: dict[Do, tuple[str, ...]] = {
    "serve": ("posted", "in-person", "registered", "sms", "phone"),
    "contact": ("phone", "visit", "message"),
}


async def _acting(viewer: Looking, person: Decider) -> Viewer:
    return viewer


Acting = Annotated[Viewer, Depends(_acting)]
"""Somebody who decides; those who only watch choose nothing."""


@router.get("")
def ask(
    viewer: Acting,
    do: Do = "contact",
    case: Annotated[list[str], Query(max_length=MOST)] = [],  # noqa: B006
) -> Response:
    """The chosen rows, and what is to be said of them."""
    return _asked(viewer, do, case)


def _asked(viewer: Viewer, do: Do, case_nos: list[str], *, status: int = 200) -> Response:
    rows = chosen(viewer, case_nos)
    return viewer.show(
        "together.html",
        status=status,
        do=do,
        rows=[(row, open_service(row.tasks)) for row in rows],
        methods=METHODS[do],
        once=uuid4().hex,
        outcomes=OUTCOMES,
        given={"method": "phone"},
        faults={},
    )


def chosen(viewer: Viewer, case_nos: list[str]) -> list[WorkRow]:
    """The rows of these cases, as this person sees them, in the order of the list."""
    if not case_nos:
        return []
    with viewer.house.database.read() as connection:
        where = WorkFilter(case_nos=tuple(dict.fromkeys(case_nos)))
        page = arrears_work.arrears_work(connection, viewer.person, where, at=viewer.now, after=None, limit=MOST)
    return page.rows


@router.post("")
async def begin(request: Request, viewer: Acting) -> Response:
    """Carry it out, row by row. The same form sent twice is one batch."""
    sent = await request.form(max_files=MOST, max_fields=4 * MOST + 40, max_part_size=2**20)
    once = str(sent.get("once") or "")
    do: Do = "serve" if sent.get("do") == "serve" else "contact"
    if not (len(once) == 32 and once.isalnum()):
        raise Refused("form-invalid", "once: open the form anew", zh="请从清单重新打开这一页。")
    ticked = [str(no) for no in sent.getlist("case")][:MOST]
    if not ticked:
        return await run_in_threadpool(_asked, viewer, do, [], status=422)
    batch = await run_in_threadpool(_known, viewer, once)
    if batch is None:
        rows = await run_in_threadpool(_rows, viewer, do, once, ticked, sent)
        batch = await run_in_threadpool(_kept, viewer, once, rows)
    await _run(request, viewer, batch)
    return viewer.go(f"/arrears/together/{batch.id}")


def _known(viewer: Viewer, id: str) -> Batch | None:
    with viewer.house.database.read() as connection:
        return batches.read(connection, viewer.person.id, id)


def _kept(viewer: Viewer, id: str, rows: list[BatchRow]) -> Batch:
    at = viewer.now
    new = Batch(id=id, person=viewer.person.id, kind="together", filename=None, at=at, confirmed_at=at, rows=rows)
    with viewer.house.database.write() as connection:
        batches.put(connection, new)
        stands = batches.read(connection, viewer.person.id, id)
    if stands is None:  # somebody else's, by its number
        raise Refused("unknown", "no such batch", zh="请从清单重新打开这一页。")
    return stands


def _rows(viewer: Viewer, do: Do, once: str, ticked: list[str], sent: FormData) -> list[BatchRow]:
    found = {row.case_no: row for row in chosen(viewer, ticked)}
    common = _contact(sent) if do == "contact" else _service(sent)
    rows = []
    for no, case_no in enumerate(dict.fromkeys(ticked)):
        row = found.get(case_no)
        fields = {"no": no, "case_no": case_no, "action": do, "once": f"{once}-{no}"}
        if row is None:
            gone = "案件已经结案，或者不在您的范围内。", "The case has ended, or is not for you."
            rows.append(BatchRow(**fields, title=case_no, said={}, state="fault", zh=gone[0], en=gone[1]))
            continue
        title = f"{row.title} · {row.account_no}"
        try:
            said = common | (_of_row_contact(row, common) if do == "contact" else _of_row(viewer, row, sent))
            if do == "contact":
                bodies.ContactBody.model_validate(said)
            else:
                service = open_service(row.tasks)
                if service is None:
                    none = "没有要送达的通知单。", "No notice is to be served here."
                    rows.append(BatchRow(**fields, title=title, said={}, state="fault", zh=none[0], en=none[1]))
                    continue
                processes.refuse_bad_form(service.key, said)
                said = said | {"task_id": service.task_id}
        except (RequestValidationError, ValidationError) as invalid:
            zh, en = faults_of(do, invalid)
            rows.append(BatchRow(**fields, title=title, said={}, state="fault", zh=zh, en=en))
        except Refused as refused:
            zh = said_refusal(refused.message, refused.zh, "zh")
            rows.append(BatchRow(**fields, title=title, said={}, state="fault", zh=zh, en=refused.message))
        else:
            rows.append(BatchRow(**fields, title=title, said=said))
    return rows


def _service(sent: FormData) -> dict[str, Any]:
    """What is the same for every notice."""
    filled, _ = read_back(Service, sent)
    return {name: filled[name] for name in ("method", "place", "served_at") if name in filled} | {"outcome": "served"}


def _of_row(viewer: Viewer, row: WorkRow, sent: FormData) -> dict[str, Any]:
    """The proof of one notice: its photo, kept with its case, or what was written."""
    said: dict[str, Any] = {}
    if receipt := str(sent.get(f"receipt-{row.case_no}") or sent.get("receipt") or "").strip():
        said["receipt"] = receipt
    photo: Any = sent.get(f"photo-{row.case_no}")
    service = open_service(row.tasks)
    if isinstance(photo, Uploaded) and photo.filename and service is not None:
        upload = UploadFile(photo.file, size=photo.size, filename=photo.filename, headers=photo.headers)
        kept = files.take(viewer.house, row.case_no, viewer.person, None, upload, None, None, service.task_id)
        said["photo"] = str(kept.effect["value"])
    return said


def _contact(sent: FormData) -> dict[str, Any]:
    given = {name: str(sent.get(name) or "").strip() for name in ("method", "outcome", "note", "amount", "by")}
    said = {name: value for name, value in given.items() if value}
    if said.get("outcome") != "promised":
        said = {name: value for name, value in said.items() if name not in ("amount", "by")}
    return said


def _of_row_contact(row: WorkRow, common: dict[str, Any]) -> dict[str, Any]:
    """A promise without an amount is one of all that is owed."""
    if common.get("outcome") == "promised" and "amount" not in common:
        return {"amount": yuan(row.amount_fen - row.disputed_fen)}
    return {}


async def _run(request: Request, viewer: Viewer, batch: Batch) -> None:
    running: Together = together_of(request.app)
    await running.begin(viewer.house, viewer.person, batch, wait=A_MOMENT)


@router.post("/{id}")
async def go_on(request: Request, viewer: Acting, id: str) -> Response:
    """Carry out what is left: of a sheet that was looked at, or of a batch that broke off."""
    batch = await run_in_threadpool(_confirmed, viewer, id)
    await _run(request, viewer, batch)
    return viewer.go(f"/arrears/together/{id}")


def _confirmed(viewer: Viewer, id: str) -> Batch:
    batch = own(viewer, id)
    if batch.confirmed_at is None:
        with viewer.house.database.write() as connection:
            batches.confirm(connection, id, at=viewer.now)
    return batch


@router.get("/{id}")
def look(request: Request, viewer: Acting, id: str) -> Response:
    return viewer.show("together_done.html", **state_of(request, viewer, id))


@router.get("/{id}/state")
def state(request: Request, viewer: Acting, id: str) -> Response:
    """How far it is, for a page that stands."""
    return viewer.show("together_state.html", **state_of(request, viewer, id))


def state_of(request: Request, viewer: Viewer, id: str) -> dict[str, Any]:
    runs = together_of(request.app).runs(id)
    batch = own(viewer, id)
    return {"batch": batch, "runs": runs and bool(batch.left), "again": _again(batch)}


def _again(batch: Batch) -> list[str]:
    """The cases of which nothing was recorded."""
    return [row.case_no for row in batch.rows if row.state in ("fault", "refused") and row.case_no]


def own(viewer: Viewer, id: str) -> Batch:
    batch = _known(viewer, id)
    if batch is None:
        raise Refused("unknown", "no such batch", zh="没有这一批，或者是别人的。")
    return batch
