"""验收, meter by meter: looks noted with a tap, tables of doors taken in, and mended items reported together.

The list works without script, fifty items a page. With it `items.js` draws the same rows from `rows`, keeps what is
tapped on the phone until it is sent, and asks for no page again.
"""

import json
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request, Response, UploadFile
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData

from activities.ledger_file import UnreadableLedger
from api import acceptance, acceptance_papers, bodies, files, item_tables
from api import tasks as task_doors
from api.acceptance import ACCEPT, Noted, Standing
from api.access import DecidableCase, DecidableTask, VisibleCase, VisibleTask
from api.errors import STATUS, NotSignedIn
from api.items import look_of
from api.pages.forms import instant_of, meant
from api.pages.frame import Looking, Viewer
from api.pages.refusals import headline, said_refusal
from api.pages.tasks import about, case_address
from domain.connection.acceptance import InviteToAcceptance, ReportData
from domain.connection.items import Table, mismatched
from domain.refusals import Refused
from store import items, new_accounts, people, projects, reads
from store.items import Show

router = APIRouter(include_in_schema=False)
ROWS = 50
NUMBERS = ("nameplate", "reading", "seal", "depth_cm")
SEEN = ("masonry", "cover", "place", "space")
MOST_MISMATCHES = 100


@router.get("/tasks/{task_id}/items")
@router.get("/field/{task_id}/items")
def look(
    viewer: Looking,
    task: VisibleTask,
    show: Show = "all",
    building: Annotated[str | None, Query(max_length=60)] = None,
    after: Annotated[int, Query(ge=0, le=2**31 - 1)] = 0,
) -> Response:
    """The items of the round that is on, fifty at a time."""
    stands = _standing(viewer, task)
    numbers, round_ = stands.facts.round_items(), stands.facts.round
    with viewer.house.database.read() as connection:
        rows = items.seen(
            connection,
            task.case_no,
            round_,
            numbers,
            show=show,
            building=building or None,
            after=after,
            limit=ROWS + 1,
        )
        passed, failed = items.counted(connection, task.case_no, round_)
        names = items.buildings(connection, task.case_no, numbers)
    page = rows[:ROWS]
    return viewer.show(
        "items.html",
        **about(viewer, task),
        many=len(numbers),
        passed=passed,
        failed=failed,
        left=len(numbers) - passed - failed,
        stands=stands,
        rows=page,
        show=show,
        building=building or "",
        buildings=names,
        asked=measures(stands),
        next=str(page[-1].no) if len(rows) > ROWS else None,
    )


@router.get("/tasks/{task_id}/items/rows")
@router.get("/field/{task_id}/items/rows")
def rows_of(viewer: Looking, task: VisibleTask) -> Response:
    """Every item of the round on a line, for a script that draws them itself."""
    stands = _standing(viewer, task)
    with viewer.house.database.read() as connection:
        rows = items.lines(connection, task.case_no, stands.facts.round, stands.facts.round_items())
    said = json.dumps({"round": stands.facts.round, "rows": rows}, ensure_ascii=False, separators=(",", ":"))
    return Response(said, media_type="application/json", headers={"Cache-Control": "no-store"})


def _standing(viewer: Viewer, task: Any) -> Standing:
    if task.key != ACCEPT:
        raise Refused("unknown", "items are looked at in an acceptance", zh="只有竣工验收才逐户记录。")
    with viewer.house.database.read() as connection:
        return acceptance.standing(connection, task.case_no)


def measures(stands: Standing) -> list[str]:
    """What may be written of each meter here: by the pack's checks, in the order of the hand."""
    checks: set[str] = set(stands.checks)
    found: list[str] = [name for name in ("nameplate", "reading", "seal", "flow") if name in checks]
    found += ["valve"] if checks & {"valve-closed", "valve-open"} else []
    found += ["depth_cm"] if stands.depth is not None and "depth" in checks else []
    return found + [name for name in SEEN if name in checks]


@router.post("/tasks/{task_id}/items/{no}")
async def note(request: Request, viewer: Looking, task: DecidableTask, no: int) -> Response:
    """One item seen. A phone that sends what it kept asks for JSON, and says with `as` whose it is."""
    sent = await request.form(max_files=1, max_part_size=2**20)
    if sent.get("as") not in (None, viewer.person.id):
        raise NotSignedIn
    try:
        passed, round_ = _said(sent)
        said = await run_in_threadpool(_look_sent, viewer, task, sent, passed)
        look_ = None if said is None else look_of(said, passed)
        (noted,) = await run_in_threadpool(
            acceptance.note, viewer.house, viewer.person, task.case_no, round_, [(no, look_)]
        )
    except Refused as refused:
        if not viewer.by_queue:
            raise
        words = said_refusal(refused.message, refused.zh, viewer.language)
        return JSONResponse(
            {"state": "refused", "words": f"{headline(refused.code, viewer.language)} {words}"},
            status_code=STATUS[refused.code],
        )
    except RequestValidationError:
        words = viewer.say("不合格要写明原因，数字要填对。", "A failed item says why, and figures are figures.")
        if viewer.by_queue:
            return JSONResponse({"state": "refused", "words": words}, status_code=422)
        raise Refused("form-invalid", words, zh=words) from None
    if viewer.by_queue:
        return JSONResponse(await run_in_threadpool(_noted, viewer, noted))
    return viewer.go(f"{sent.get('back') or f'/tasks/{task.task_id}/items'!s}#i{no}")


def _said(sent: FormData) -> tuple[bool | None, int]:
    passed = {"yes": True, "no": False}.get(str(sent.get("passed") or ""))
    try:
        return passed, int(str(sent.get("round") or "1"))
    except ValueError:
        raise RequestValidationError([{"type": "int", "loc": ("body", "round"), "msg": "no round"}]) from None


def _look_sent(viewer: Viewer, task: Any, sent: FormData, passed: bool | None) -> dict[str, Any] | None:
    """What a form says of an item, its photo put with the case's files; None takes the look back."""
    if passed is None:
        return None
    reason = str(sent.get("own") or sent.get("reason") or "").strip() or None
    measured: dict[str, Any] = {
        name: text for name in (*NUMBERS, "flow", "valve") if (text := str(sent.get(name) or "").strip())
    }
    measured |= {name: said == "yes" for name in SEEN if (said := str(sent.get(name) or ""))}
    photo = sent.get("photo")
    kept = None
    if isinstance(photo, UploadFile) or (photo is not None and hasattr(photo, "filename") and photo.filename):
        taken = files.take(viewer.house, task.case_no, viewer.person, None, photo, "photo", None, task.task_id)  # type: ignore[arg-type]
        kept = str(taken.effect["value"])
    return {"passed": passed, "reason": None if passed else reason, "measured": measured, "photo": kept}


def _noted(viewer: Viewer, noted: Noted) -> dict[str, Any]:
    replaced = noted.replaced
    words = None
    if replaced is not None:
        with viewer.house.database.read() as connection:
            who = people.names(connection, [replaced.by]).get(replaced.by, replaced.by)
        before = viewer.say("合格" if replaced.passed else "不合格", "passed" if replaced.passed else "failed")
        words = viewer.say(f"{who} 先前记的是{before}，现在以您的为准。", f"{who} had {before}; yours stands now.")
    return {
        "state": "done",
        "no": noted.no,
        "passed": noted.look.passed if noted.look else None,
        "reason": noted.look.reason if noted.look else None,
        "faults": [viewer.say(fault.zh, fault.en) for fault in noted.faults],
        "replaced": words,
    }


# Items mended, reported together.


@router.get("/tasks/{task_id}/rectified")
def to_rectify(viewer: Looking, task: VisibleTask) -> Response:
    """What of this project is in the contractor's hands, to be reported as mended in one go."""
    return viewer.show("rectified.html", **about(viewer, task), rows=_in_hand(viewer, task))


def _in_hand(viewer: Viewer, task: Any) -> list[dict[str, Any]]:
    with viewer.house.database.read() as connection:
        stands = acceptance.standing(connection, task.case_no)
        open_now = [each for each in reads.tasks_of(connection, task.case_no) if each.key == "connection.rectify"]
        tabled = {item.no: item for item in items.of_case(connection, task.case_no)}
    mine = [each for each in open_now if viewer.person.inside or viewer.person.id in (each.assignee, each.holder)]
    return [
        {
            "no": int(each.item),
            "door": tabled[int(each.item)].door if int(each.item) in tabled else "",
            "why": stands.facts.failing.get(int(each.item), ""),
            "task": each,
        }
        for each in mine
    ]


@router.post("/tasks/{task_id}/rectified")
async def report(
    viewer: Looking,
    task: DecidableTask,
    item: Annotated[list[int], Form()],
    remark: Annotated[str, Form(max_length=500)],
    photo: UploadFile | None = None,
) -> Response:
    kept = None
    if photo is not None and photo.filename:
        taken = await run_in_threadpool(
            files.take, viewer.house, task.case_no, viewer.person, None, photo, "photo", None, task.task_id
        )
        kept = taken.effect["value"]
    body = meant(bodies.RectifiedBody, items=item, remark=remark, photo=kept)
    errand = viewer.errands()
    await task_doors.rectified(task, body, errand, viewer.house)
    return viewer.go("/inbox" if not viewer.person.inside else case_address(task.process, task.case_no))


# What is told a project about its acceptance and its new customers.


@router.post("/projects/{case_no}/invite")
async def invite(
    viewer: Looking,
    case: DecidableCase,
    appointment: Annotated[str, Form(max_length=40)],
    method: Annotated[str, Form()],
) -> Response:
    """The customer is asked to be at the acceptance; a browser's time says no zone, and is the utility's own."""
    body = meant(bodies.InviteBody, appointment=instant_of(appointment), method=method)
    return await _tell(viewer, case, InviteToAcceptance, **body.model_dump())


@router.post("/projects/{case_no}/data-wanted")
async def data_wanted(viewer: Looking, case: DecidableCase, what: Annotated[str, Form(max_length=500)]) -> Response:
    return await _tell(viewer, case, ReportData, **meant(bodies.DataWantedBody, what=what).model_dump())


@router.post("/projects/{case_no}/acceptance-report")
async def file_report(viewer: Looking, case: DecidableCase) -> Response:
    """存档: the report as it stands goes to the case's files."""
    await run_in_threadpool(acceptance_papers.filed, viewer.house, case, viewer.person)
    return viewer.go(f"/projects/{case.case_no}")


async def _tell(viewer: Viewer, case: Any, kind: Any, **said: Any) -> Response:
    await viewer.errands().tell(case, kind, **said)
    return viewer.go(f"{case_address(case.process, case.case_no)}?told={kind.model_fields['command'].default}")


@router.get("/first-bills")
def first_bills(
    viewer: Looking, late: bool = False, after: Annotated[str | None, Query(max_length=400)] = None
) -> Response:
    """New accounts that wait for their first bill, project by project, the soonest due first."""
    if not viewer.person.inside:
        raise Refused("wrong-role", "first bills: this is for people of the utility", zh="首期账单由本单位人员查看。")
    with viewer.house.database.read() as connection:
        page = new_accounts.first_bills(connection, viewer.person, at=viewer.now, late=late, after=after)
    return viewer.show("first_bills.html", rows=page.rows, next=page.next, late=late)


def panel(viewer: Viewer, case: Any, facts: Any) -> dict[str, Any]:
    """What a project's page says of its acceptance: rounds whose papers can be had, and first bills waited for."""
    with viewer.house.database.read() as connection:
        bills = new_accounts.first_bills(connection, viewer.person, at=viewer.now, case_no=case.case_no).rows
    rounds = facts.round if facts.is_done("accept") else facts.round - 1
    return {"rounds": list(range(1, rounds + 1)), "bills": bills}


# Tables of doors.


@router.get("/projects/{case_no}/items")
def tables(viewer: Looking, case: VisibleCase) -> Response:
    """Which tables a project has, and where they disagree with the doors."""
    return _tables(viewer, case)


@router.post("/projects/{case_no}/items/preview")
def preview(viewer: Looking, case: DecidableCase, file: UploadFile, table: Annotated[Table, Form()]) -> Response:
    """Read a table and lead to what it says; one that is none is asked for again, with the reason."""
    if not file.filename:
        return _tables(viewer, case, status=422, refused=viewer.say("请先选择一个文件。", "Choose a file first."))
    try:
        told = item_tables.look_at(viewer.house, viewer.person, case, table, file)
    except UnreadableLedger as error:
        zh = viewer.language == "zh"
        words = f"{error.what_zh}。{error.mend_zh}" if zh else f"{error.what}. {error.mend}"
        return _tables(viewer, case, status=422, refused=words)
    return viewer.go(f"/projects/{case.case_no}/items/preview/{told.sha256}")


@router.get("/projects/{case_no}/items/preview/{sha256}")
def previewed(viewer: Looking, case: DecidableCase, sha256: str) -> Response:
    return _tables(viewer, case, told=item_tables.previewed(viewer.house, sha256))


@router.post("/projects/{case_no}/items/preview/{sha256}")
async def take(viewer: Looking, case: DecidableCase, sha256: str) -> Response:
    """Take in exactly what was previewed."""
    errand = viewer.errands()
    await item_tables.taken(viewer.house, errand, case, sha256)
    return viewer.go(f"/projects/{case.case_no}/items")


def _tables(viewer: Viewer, case: Any, *, status: int = 200, **more: Any) -> Response:
    with viewer.house.database.read() as connection:
        stands = acceptance.standing(connection, case.case_no)
        kept = items.tables_of(connection, case.case_no)
        both = [items.of_case(connection, case.case_no, kind) for kind in ("order", "handover")]
        shown = projects.shown(connection, viewer.person, case.case_no)
        names = people.names(connection, {table.by for table in kept.values()})
    told = more.get("told")
    found = list(told.mismatched) if told is not None else mismatched(*both)
    return viewer.show(
        "item_tables.html",
        status=status,
        case=case,
        shown=shown,
        meters=stands.facts.project.meters,
        kept=kept,
        names=names,
        told=told,
        found=found[:MOST_MISMATCHES],
        found_total=len(found),
        refused=more.get("refused"),
        may_take=viewer.person.inside and not viewer.person.holds("auditor", "administrator"),
    )
