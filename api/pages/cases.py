"""A case on a page: what its record and its rules say now, for projects and arrears alike."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Response, UploadFile

from api import bodies, files, processes
from api.access import DecidableCase, VisibleCase
from api.cases import looked_into
from api.pages import applicant_link, course, items, ladder_steps, rails, timeline, visits
from api.pages.case_forms import small_forms
from api.pages.contacts import form_of
from api.pages.forms import meant
from api.pages.frame import Looking, Viewer
from api.pages.notices import paper_here
from api.pages.tasks import case_address
from api.pages.works import works_of
from api.project_course import course_of
from domain.arrears.commands import AgreePlan, DisputeBills, ResolveDispute, TakePromise
from domain.commands import Command, ReleaseHold, WithdrawCase
from domain.connection.commands import CheckPaper, ReportOccupancy
from domain.connection.papers import Paper, papers
from domain.connection.sending_back import BACK_TO, refuse_unless_reopening
from domain.refusals import Refused
from store import files as shelf
from store import people, projects, reads
from store.arrears_work import same_household

router = APIRouter(include_in_schema=False)
LONGEST = 400
"""Entries of a timeline on one page; older ones are a click away."""


@router.get("/cases/{case_no}")
def anywhere(viewer: Looking, case: VisibleCase) -> Response:
    """The page of a case, whatever its process."""
    return viewer.go(case_address(case.process, case.case_no))


@router.get("/projects/{case_no}")
def project(viewer: Looking, case: VisibleCase) -> Response:
    if case.process != "connection":
        return viewer.go(case_address(case.process, case.case_no))
    facts = about(viewer, case)
    stops = rails.rail(rails.of_project(), case.stage, facts.pop("entered"), over=case.status == "closed")
    stands = facts["stands"]
    return viewer.show(
        "project.html",
        **facts,
        **_second_thoughts(viewer, stands),
        **works_of(viewer, stands, facts["open_tasks"]),
        **applicant_link.panel(viewer, case),
        **visits.panel(viewer, case, facts["stands"].facts),
        **items.panel(viewer, case, facts["stands"].facts),
        asked_papers=_papers(facts),
        course=_course(viewer, case),
        rail=stops,
    )


def _second_thoughts(viewer: Viewer, stands: processes.Case) -> dict[str, Any]:
    """What of a project may be done again, taken back by its viewer, or opened again."""
    facts = stands.facts
    signed_for = facts.is_done("accept") or facts.failing or facts.round > 1
    last = max(facts.done, key=lambda key: facts.done[key].at, default=None)
    again = () if signed_for else tuple(key for name in BACK_TO if (key := f"connection.{name}") in facts.done)
    mine = last if last in again and facts.done[last].by == viewer.person.id else None
    try:
        refuse_unless_reopening(facts, stands.policy, stands.calendar, by=viewer.person.actor, at=viewer.now)
    except Refused:
        return {"back_to": again, "mine_last": mine, "may_reopen": False}
    return {"back_to": again, "mine_last": mine, "may_reopen": True}


def _course(viewer: Viewer, case: Any) -> course.Drawn | None:
    with viewer.house.database.read() as connection:
        return course.drawn(course_of(connection, case, at=viewer.now), now=viewer.now)


def _papers(facts: dict[str, Any]) -> list[tuple[Paper, list[files.FileShown]]]:
    """Each paper of a project, and the files that were sent under its name."""
    stands, kept = facts["stands"], facts["kept"]
    return [
        (paper, [each for each in kept if each.name == paper.name]) for paper in papers(stands.facts, stands.policy)
    ]


@router.get("/arrears/{case_no}")
def arrears(viewer: Looking, case: VisibleCase) -> Response:
    if case.process != "arrears":
        return viewer.go(case_address(case.process, case.case_no))
    facts = about(viewer, case)
    stands = facts["stands"]
    with viewer.house.database.read() as connection:
        together = same_household(connection, viewer.person, case.subject)
    stops = rails.of_arrears(stands.policy, case.stage)
    return viewer.show(
        "arrears.html",
        **facts,
        **form_of(),
        rail=rails.rail(stops, case.stage, facts["entered"], over=case.status == "closed"),
        steps=ladder_steps.steps(stands.facts, stands.policy, stands.calendar),
        household=together,
        small_forms=small_forms(viewer, facts["case"]["arrears"], stands.policy) if case.status == "open" else [],
    )


def about(viewer: Viewer, row: Any) -> dict[str, Any]:
    """Everything that a case's page tells, in a bounded number of statements."""
    with viewer.house.database.read() as connection:
        stands = processes.on_record(connection, row)
        case = looked_into(connection, row, viewer.person, at=viewer.now, case=stands)
        open_tasks = reads.tasks_of(connection, row.case_no)
        entries = reads.timeline(connection, row.case_no, after=0, limit=5000)
        kept = [files.file_shown(each) for each in shelf.of_case(connection, row.case_no)]
        ids = timeline.spoken_of(entries) | {each.by for each in kept}
        ids |= {done.by for done in getattr(stands.facts, "done", {}).values()}
        ids |= {name for task in open_tasks for name in (task.holder, task.assignee) if name}
        names = people.names(connection, ids)
        shown = projects.shown(connection, viewer.person, row.case_no) if row.process == "connection" else None
        on_paper = paper_here(connection, row, viewer.person)
    return on_paper | {
        "shown": shown,
        "case": case,
        "row": row,
        "stands": stands,
        "open_tasks": open_tasks,
        "entered": rails.stages_entered(entries),
        "timeline": timeline.moments(viewer, entries[-LONGEST:], names),
        "all_entries": len(entries),
        "names": names,
        "kept": kept,
        "by_hash": {each.sha256: each for each in kept},
        "just": viewer.request.query_params.get("decided"),
        "pending": viewer.request.query_params.get("pending"),
        "may_act": viewer.person.inside and not viewer.person.holds("auditor", "administrator"),
    }


@router.post("/cases/{case_no}/files")
def upload(
    viewer: Looking,
    case: DecidableCase,
    file: UploadFile,
    name: Annotated[str | None, Form(max_length=200)] = None,
) -> Response:
    """A photo or a paper, put with the case."""
    files.take(viewer.house, case.case_no, viewer.person, None, file, None, name or None, None)
    return viewer.go(case_address(case.process, case.case_no))


# What people tell a case besides deciding its tasks.


@router.post("/{place}/{case_no}/promise")
async def promise(
    viewer: Looking, place: str, case: DecidableCase, amount: Annotated[str, Form()], by: Annotated[str, Form()]
) -> Response:
    said = meant(bodies.PromiseBody, amount=amount, by=by).model_dump()
    return await _tell(viewer, case, TakePromise, amount=said["amount"], until=said["by"])


@router.post("/{place}/{case_no}/plan")
async def plan(
    viewer: Looking, place: str, case: DecidableCase, parts: Annotated[str, Form(max_length=4000)]
) -> Response:
    """Instalments as they are typed: an amount and a day a line."""
    lines = [line.replace("，", " ").split() for line in parts.splitlines() if line.strip()]
    if any(len(line) != 2 for line in lines):
        raise Refused(
            "form-invalid", "parts: one instalment a line: amount, blank, day", zh="每行一期：金额，空格，日期。"
        )
    body = meant(bodies.PlanBody, parts=[{"amount": amount, "due_on": day} for amount, day in lines])
    return await _tell(viewer, case, AgreePlan, **body.model_dump())


@router.post("/{place}/{case_no}/release")
async def release(
    viewer: Looking,
    place: str,
    case: DecidableCase,
    hold: Annotated[str | None, Form(max_length=40)] = None,
    how: Annotated[str, Form()] = "released",
    reason: Annotated[str | None, Form(max_length=500)] = None,
) -> Response:
    """One hold, with whether what it waited for came about; none named: every one."""
    body = meant(bodies.ReleaseBody, hold=hold or None, how=how, reason=reason or None)
    return await _tell(viewer, case, ReleaseHold, **body.model_dump())


@router.post("/{place}/{case_no}/dispute")
async def dispute(viewer: Looking, place: str, case: DecidableCase, bill: Annotated[list[str], Form()]) -> Response:
    return await _tell(viewer, case, DisputeBills, bills=tuple(bill))


@router.post("/{place}/{case_no}/resolve")
async def resolve(viewer: Looking, place: str, case: DecidableCase, bill: Annotated[list[str], Form()]) -> Response:
    return await _tell(viewer, case, ResolveDispute, bills=tuple(bill))


@router.post("/{place}/{case_no}/withdraw")
async def withdraw(viewer: Looking, place: str, case: DecidableCase, reason: Annotated[str, Form()]) -> Response:
    return await _tell(viewer, case, WithdrawCase, reason=meant(bodies.WithdrawBody, reason=reason).reason)


@router.post("/{place}/{case_no}/occupancy")
async def occupancy(viewer: Looking, place: str, case: DecidableCase, share: Annotated[str, Form()]) -> Response:
    body = meant(bodies.OccupancyBody, share=share)
    return await _tell(viewer, case, ReportOccupancy, share=body.share)


@router.post("/{place}/{case_no}/check-paper")
async def check_paper(viewer: Looking, place: str, case: DecidableCase, paper: Annotated[str, Form()]) -> Response:
    return await _tell(viewer, case, CheckPaper, paper=meant(bodies.PaperBody, paper=paper).paper)


async def _tell(viewer: Viewer, case: Any, kind: type[Command], **said: Any) -> Response:
    await viewer.errands().tell(case, kind, **said)
    return viewer.go(f"{case_address(case.process, case.case_no)}?told={said_of(kind)}")


def said_of(kind: type[Command]) -> str:
    return str(kind.model_fields["command"].default)
