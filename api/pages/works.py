"""The works of a project on pages: what was declared of them, the forms to declare more, and the board at the site."""

from typing import Any
from uuid import uuid4

from fastapi import APIRouter, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.concurrency import run_in_threadpool

from api import files, processes
from api.access import DecidableCase, VisibleCase
from api.declarations import declared
from api.once import Once
from api.pages.forms import faults_by_field, fields_of, read_back
from api.pages.frame import Looking, Viewer
from api.pages.refusals import said_fault, said_refusal
from api.pages.tasks import case_address
from api.project_papers import as_pdf
from domain.connection.phases import supply_until
from domain.connection.site_board import TEMPLATE, SiteBoard, site_board
from domain.connection.works import accompanied, attending
from domain.connection.works_forms import DECLARATIONS
from domain.refusals import Refused
from policies.packs import load_pack
from store import answers, projects, reads

router = APIRouter(include_in_schema=False, prefix="/projects/{case_no}")
# One kind of project alone has a term, and what is declared of a site comes after the works are registered.
OF_A_KIND = {"term": "temporary"}


def works_of(viewer: Viewer, stands: processes.Case, open_tasks: list[Any]) -> dict[str, Any]:
    """What a project's page tells of its works."""
    facts, policy = stands.facts, stands.policy.works
    return {
        "works": facts.works,
        "supply_until": supply_until(facts),
        "steps_with": accompanied(facts.works, policy),
        "attending": {task.key: [each.value for each in attending(task.key, policy)] for task in open_tasks},
        "may_declare": {
            what: kind
            for what, kind in DECLARATIONS.items()
            if viewer.person.holds(*kind.roles) and OF_A_KIND.get(what, facts.project.kind) == facts.project.kind
        },
    }


@router.get("/declare/{what}")
def look(viewer: Looking, case: DecidableCase, what: str) -> Response:
    """The form of something to be declared."""
    return _page(viewer, case, what)


@router.post("/declare/{what}")
async def declare(request: Request, viewer: Looking, case: DecidableCase, what: str) -> Response:
    """The declaration; a form that is wrong comes back as it was filled in, with each fault at its field."""
    kind = _kind(what)
    sent = await request.form(max_files=4, max_part_size=2**20)
    filled, uploads = read_back(kind.form, sent)
    key = str(sent.get("once") or "")
    try:
        for name, upload in uploads.items():
            kept = await run_in_threadpool(
                files.take, viewer.house, case.case_no, viewer.person, None, upload, None, None, None
            )
            filled[name] = str(kept.effect["value"])
        once = Once(None, "")
        if 0 < len(key) <= 80 and key.isalnum():
            once = Once(f"{viewer.person.id}:{key}", answers.fingerprint("POST", request.url.path, filled))
        await declared(case, what, filled, viewer.errands(once), viewer.house)
    except RequestValidationError as invalid:
        told = faults_by_field(invalid, kind.form)
        faults = {name: said_fault(words, viewer.language) for name, words in told.items()}
        return await run_in_threadpool(_page, viewer, case, what, filled, faults)
    except Refused as refused:
        if refused.code != "form-invalid":
            raise
        faults = {_field_of(refused, kind.form): said_refusal(refused.message, refused.zh, viewer.language)}
        return await run_in_threadpool(_page, viewer, case, what, filled, faults)
    return viewer.go(f"{case_address(case.process, case.case_no)}?told=declare")


def _field_of(refused: Refused, form: type[Any]) -> str:
    """The field that a refusal names first, or none."""
    words = refused.message.replace(":", " ").split()
    return next((word for word in words if word in form.model_fields), "")


def _kind(what: str) -> Any:
    if what not in DECLARATIONS:
        raise Refused("unknown", "there is no such thing to declare", zh="没有这种登记事项，请从列表里选。")
    return DECLARATIONS[what]


def _page(
    viewer: Viewer,
    case: Any,
    what: str,
    given: dict[str, Any] | None = None,
    faults: dict[str, str] | None = None,
) -> Response:
    kind = _kind(what)
    return viewer.show(
        "declare.html",
        status=422 if faults else 200,
        case=case,
        what=what,
        kind=kind,
        fields=fields_of(kind.form, given=given, faults=faults),
        general_fault=(faults or {}).get(""),
        once=uuid4().hex,
        address_of_case=case_address(case.process, case.case_no),
    )


@router.get("/board")
def board(viewer: Looking, case: VisibleCase) -> Response:
    """The sign for the site: the same form for every site, with what is still to be had of it."""
    return viewer.show("site_board.html", case=case, board=drawn_board(viewer, case))


@router.get("/board.pdf")
def printed_board(viewer: Looking, case: VisibleCase) -> Response:
    """The sign as it is printed."""
    paper = drawn_board(viewer, case)
    return as_pdf(viewer.house.press.printed(TEMPLATE, paper, pack=load_pack(case.pack).pack), case)


def drawn_board(viewer: Viewer, case: Any) -> SiteBoard:
    """The board of a project as it stands. Raises `Refused` for a case that has none."""
    with viewer.house.database.read() as connection:
        stands = processes.on_record(connection, reads.case_on_record(connection, case.case_no))
        shown = projects.shown(connection, viewer.person, case.case_no) if case.process == "connection" else None
    paper = None
    if shown is not None:
        at = viewer.now.replace(hour=0, minute=0, second=0, microsecond=0)  # printed twice on a day it is the same
        paper = site_board(
            stands.facts,
            stands.policy.works,
            utility=load_pack(case.pack).title.zh,
            name=shown.name,
            address=shown.address,
            at=at,
        )
    if paper is None:
        raise Refused("unknown", "there is no such board", zh="这个案件没有施工公示牌。")
    return paper
