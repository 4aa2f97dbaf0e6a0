"""A task on a page: its form, claimed, decided in place, and what happened when somebody else was quicker."""

from typing import Any
from uuid import uuid4

from fastapi import APIRouter, Request, Response, UploadFile
from fastapi.exceptions import RequestValidationError
from markupsafe import Markup
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData

from api import acceptance, errors, files, processes
from api.access import DecidableTask, VisibleTask
from api.arithmetic import arithmetic_of
from api.cases import looked_into
from api.errands import Pending
from api.errors import NotSignedIn
from api.house import EngineAway
from api.once import Once
from api.pages import ladder_steps
from api.pages.choices import brief, choices, going_along
from api.pages.field_answers import beaten_told, done_told, fault_told
from api.pages.forms import Field, faults_by_field, fields_of, read_back
from api.pages.frame import Looking, Viewer
from api.pages.notices import paper_here
from api.pages.refusals import headline, said_fault, said_refusal
from api.pages.timeline import moments, said_value, spoken_of
from api.project_papers import made_out
from domain.arrears.unusual import unusual
from domain.chain import may_raise
from domain.policy import Sourced
from domain.processes import TASKS
from domain.refusals import Refused
from domain.tasks import Task
from store import answers, inbox, items, organisation, people, reads, work
from store import files as shelf
from store.around import around

router = APIRouter(include_in_schema=False, prefix="/tasks/{task_id}")
LATEST = 12
# The word stands above the list, and the list looks again: the row that was decided goes.
TOLD_ABOVE = {"HX-Retarget": "#told", "HX-Reswap": "innerHTML", "HX-Trigger-After-Swap": "recorded"}
SERVING = ("arrears.serve-dunning-notice", "arrears.serve-limit-notice")
WEIGHED = ("arrears.approve-limit", "arrears.limit-pressure", "arrears.refer-legal")


@router.get("")
def look(viewer: Looking, task: VisibleTask) -> Response:
    """One task and the form that decides it."""
    return _page(viewer, task, **form_of(viewer, task, inline=False), said=None)


def _page(viewer: Viewer, task: Any, *, status: int = 200, **facts: Any) -> Response:
    """The whole page of a task, with what a decision about somebody's water rests on."""
    rests_on = evidence(viewer, task) if task.key in WEIGHED else {}
    serves = task.key in SERVING and task.status == "open"
    on_paper = notices_of(viewer, task) if serves else {"papers": [], "to_print": None}
    raised = {"may_raise": task.status == "open" and may_raise(viewer.person.actor, Task.model_validate(task.body))}
    facts = about(viewer, task) | raised | rests_on | on_paper | {"along": going_along(viewer.house, task)} | facts
    return viewer.show("task.html", status=status, **facts, evidence=bool(rests_on))


def notices_of(viewer: Viewer, task: Any) -> dict[str, Any]:
    """The notice that this task serves, to be printed."""
    with viewer.house.database.read() as connection:
        return paper_here(connection, reads.case_on_record(connection, task.case_no), viewer.person)


def evidence(viewer: Viewer, task: Any) -> dict[str, Any]:
    """What a limit rests on: every condition, the ladder climbed, the bills, and the photos."""
    with viewer.house.database.read() as connection:
        row = reads.case_on_record(connection, task.case_no)
        stands = processes.on_record(connection, row)
        case = looked_into(connection, row, viewer.person, at=viewer.now, case=stands)
        kept = [files.file_shown(each) for each in shelf.of_case(connection, task.case_no)]
        served_by = people.names(connection, [served.by for served in stands.facts.served.values()])
        differs = unusual(stands.facts, around(connection, row.case_no, row.subject), at=viewer.now)
    return {
        "differs": differs,
        "case": case,
        "may_limit": case["arrears"].may_limit,
        "steps": ladder_steps.steps(stands.facts, stands.policy, stands.calendar),
        "kept": kept,
        "served_by": served_by,
    }


@router.get("/form")
def form(viewer: Looking, task: VisibleTask) -> Response:
    """The form alone, to be decided in the list that it is in."""
    facts = about(viewer, task)
    if task.status != "open":
        return viewer.show("task_done.html", **facts)
    if facts["against"] is not None:
        return viewer.show("told_fragment.html", kind="", headline=facts["against"], detail=None, address_after=None)
    return viewer.show("task_form.html", **facts, **form_of(viewer, task, inline=True))


@router.get("/clock")
def clock(viewer: Looking, task: VisibleTask) -> Response:
    """How the deadline was counted, in words."""
    with viewer.house.database.read() as connection:
        case = processes.on_record(connection, reads.case_on_record(connection, task.case_no))
    arithmetic = arithmetic_of(Task.model_validate(task.body), case.calendar)
    return viewer.show("task_clock.html" if viewer.by_htmx else "task_clock_page.html", task=task, sum=arithmetic)


@router.post("/claim")
def claim(viewer: Looking, task: DecidableTask) -> Response:
    inbox.claim(
        viewer.house.database,
        task.task_id,
        by=viewer.person.actor,
        at=viewer.now,
        stands_for=viewer.person.stands_for,
    )
    return _claimed(viewer, task)


@router.post("/release")
def release(viewer: Looking, task: DecidableTask) -> Response:
    inbox.release(viewer.house.database, task.task_id, by=viewer.person.actor, at=viewer.now)
    return _claimed(viewer, task)


def _claimed(viewer: Viewer, task: Any) -> Response:
    if viewer.by_htmx:
        return Response(status_code=204, headers={"HX-Trigger": "recorded"})
    return viewer.go(f"/tasks/{task.task_id}")


@router.post("/decide")
async def decide(request: Request, viewer: Looking, task: DecidableTask) -> Response:
    """The decision; a form that is wrong comes back as it was filled in, with each fault at its field.

    A phone that sends what it kept while it had no network asks for JSON, and says with `as` whose it is.
    """
    sent = await request.form(max_files=10, max_part_size=2**20)
    kind = TASKS[task.key]
    if sent.get("as") not in (None, viewer.person.id):
        raise NotSignedIn
    filled, uploads = read_back(kind.form, sent)
    filled = await run_in_threadpool(acceptance.folded, viewer.house, task.case_no, task.key, filled)
    try:
        for name, upload in uploads.items():
            filled[name] = await run_in_threadpool(_kept, viewer, task, name, upload)
        processes.refuse_bad_form(task.key, filled)
        await run_in_threadpool(files.refuse_foreign_files, viewer.house, task.case_no, filled)
        told = await _decided(viewer, task, filled, sent)
    except RequestValidationError as invalid:
        faults = {
            name: said_fault(words, viewer.language) for name, words in faults_by_field(invalid, kind.form).items()
        }
        return fault_told(faults) if viewer.by_queue else _again(viewer, task, filled, sent, faults)
    except Refused as refused:
        await errors.audit(request, refused.code, refused.message)
        if refused.code == "form-invalid":
            faults = {"": said_refusal(refused.message, refused.zh, viewer.language)}
            return fault_told(faults) if viewer.by_queue else _again(viewer, task, filled, sent, faults)
        if viewer.by_queue:
            return await run_in_threadpool(beaten_told, viewer, _read(viewer, task.task_id), refused, filled)
        return await run_in_threadpool(_too_late, viewer, task.task_id, refused)
    except EngineAway:
        words = viewer.say(
            "系统暂时连不上，您填的都在，请稍后再提交。",
            "The engine does not answer; nothing is lost: send it again in a while.",
        )
        if viewer.by_queue:
            return fault_told({"": words}, status=503)
        return _again(viewer, task, filled, sent, {"": words}, status=503)
    if viewer.by_queue:
        return done_told(pending=isinstance(told, Pending))
    return await run_in_threadpool(_done, viewer, task, isinstance(told, Pending))


def _kept(viewer: Viewer, task: Any, field: str, upload: UploadFile) -> str:
    """A photo or signature of the form, put with the case's files; returns what stands for it in the form."""
    role: Any = "signature" if field == "signature" else None
    try:
        kept = files.take(viewer.house, task.case_no, viewer.person, None, upload, role, None, task.task_id)
    except RequestValidationError as unfit:
        raise RequestValidationError([each | {"loc": ("body", "form", field)} for each in unfit.errors()]) from None
    return str(kept.effect["value"])


async def _decided(viewer: Viewer, task: Any, filled: dict[str, Any], sent: FormData) -> Any:
    key = str(sent.get("once") or "")
    once = Once(None, "")
    if 0 < len(key) <= 80 and key.isalnum():
        print_ = answers.fingerprint("POST", f"/tasks/{task.task_id}/decide", filled)
        once = Once(f"{viewer.person.id}:{key}", print_)
    errand = viewer.errands(once)
    against = inbox.against(task, by=viewer.person.actor, stands_for=viewer.person.stands_for)
    return await errand.decide(task, task.key, filled, task_id=task.task_id, against=against)


def _again(
    viewer: Viewer,
    task: Any,
    filled: dict[str, Any],
    sent: FormData,
    faults: dict[str, str],
    *,
    status: int = 422,
) -> Response:
    once = str(sent.get("once") or "")
    facts = form_of(
        viewer, task, inline=viewer.by_htmx, given=filled, faults=faults, once=once if status != 422 else None
    )
    if viewer.by_htmx:
        return viewer.show("task_form.html", status=status, **about(viewer, task), **facts)
    return _page(viewer, task, status=status, **facts, said=None)


def _done(viewer: Viewer, task: Any, pending: bool) -> Response:
    facts = about(viewer, _read(viewer, task.task_id))
    if not viewer.by_htmx:
        return viewer.go(f"{facts['case_address']}?{'pending' if pending else 'decided'}={task.task_id}")
    if pending:
        headline = viewer.say("已接收，稍后自动办理。", "Accepted: it is carried out as soon as a worker is back.")
        return viewer.show(
            "told_fragment.html",
            headers=TOLD_ABOVE,
            kind="pending",
            headline=headline,
            detail=None,
            address_after=facts["case_address"],
        )
    return viewer.show("task_done.html", headers=TOLD_ABOVE, **facts)


def _too_late(viewer: Viewer, task_id: str, refused: Refused) -> Response:
    """What stands in the way: mostly that somebody else was quicker, and then who, when and how."""
    task = _read(viewer, task_id)
    status = errors.STATUS[refused.code]
    if task is not None and task.status != "open":
        facts = about(viewer, task)
        words = viewer.text("task_beaten.html", **facts)
        if viewer.by_htmx:
            return viewer.show("plain.html", status=status, text=words, headers=TOLD_ABOVE)
        return _page(viewer, task, status=status, **form_of(viewer, task, inline=False), said=Markup(words))  # noqa: S704  # drawn by a template just above
    template = "told_fragment.html" if viewer.by_htmx else "told.html"
    return viewer.show(
        template,
        status=status,
        kind="refused",
        headline=headline(refused.code, viewer.language),
        detail=said_refusal(refused.message, refused.zh, viewer.language),
        back=f"/tasks/{task_id}",
        address_after=None,
    )


def _read(viewer: Viewer, task_id: str) -> Any:
    with viewer.house.database.read() as connection:
        return reads.task(connection, viewer.person, task_id)


def about(viewer: Viewer, task: Any) -> dict[str, Any]:
    """What a page tells of a task: its case, what stands against this person deciding it, and what was answered."""
    refused = None
    if task.status == "open":
        refused = inbox.against(task, by=viewer.person.actor, stands_for=viewer.person.stands_for)
    form, given = TASKS[task.key].form, task.body.get("form") or {}
    with viewer.house.database.read() as connection:
        subject = work.title_of(connection, viewer.person, task.case_no)
        decided_by = task.body.get("decided_by")
        entries = reads.latest(connection, task.case_no, limit=LATEST)
        cosign = reads.cosign_of(connection, task.case_no, task.task_id) if task.status == "open" else None
        signer = cosign.of if cosign else None
        place = {part: getattr(task, part) for part in ("grid", "section", "office")}
        on_duty = organisation.on_duty(connection, place, task.role, at=viewer.now) if task.status == "open" else []
        ids = {*on_duty, *spoken_of(entries)}
        ids |= {name for name in (decided_by, task.holder, task.assignee, signer) if name}
        names = people.names(connection, ids)
        colleagues = people.inside(connection) if task.status == "open" and viewer.person.inside else []
    titles = {field.name: field.title for field in fields_of(form)}
    return {
        "task": task,
        "subject": task.body.get("subject"),
        "about": subject,
        "case_address": case_address(task.process, task.case_no),
        "against": None if refused is None else _against(viewer, refused),
        "decided_by": names.get(decided_by, decided_by),
        "names": names,
        "latest": moments(viewer, entries, names),
        "cosign": cosign,
        "colleagues": colleagues,
        "takers": [each for each in colleagues if each.holds(*Task.model_validate(task.body).posts)],
        "on_duty": [names.get(id, id) for id in on_duty],
        "answers": [(titles.get(name, name), said_value(viewer, value)) for name, value in given.items()],
        "guest": not viewer.person.inside,
        "noted": _noted(viewer, task),
        "ways": _ways(viewer, task),
    }


def _ways(viewer: Viewer, task: Any) -> Sourced[tuple[str, ...]] | None:
    """How the pack has a notice reach a customer in such an estate."""
    if not task.key.startswith("arrears.serve-"):
        return None
    with viewer.house.database.read() as connection:
        stands = processes.on_record(connection, reads.case_on_record(connection, task.case_no))
    rung = next((each for each in stands.policy.ladder if getattr(each, "task", None) == task.key), None)
    ways: Sourced[tuple[str, ...]] | None = rung.ways.get(stands.facts.account.estate) if rung else None
    return ways


def _noted(viewer: Viewer, task: Any) -> tuple[int, int, int] | None:
    """Of an open acceptance: how many items were seen to pass, seen to fail, and not looked at yet."""
    if task.key != acceptance.ACCEPT or task.status != "open":
        return None
    with viewer.house.database.read() as connection:
        stands = acceptance.standing(connection, task.case_no)
        passed, failed = items.counted(connection, task.case_no, stands.facts.round)
    return passed, failed, len(stands.facts.round_items()) - passed - failed


def _against(viewer: Viewer, refused: Refused) -> str:
    detail = said_refusal(refused.message, refused.zh, viewer.language)
    return f"{headline(refused.code, viewer.language)} {detail}"


def case_address(process: str, case_no: str) -> str:
    """Where a case is looked at."""
    return f"/{'arrears' if process == 'arrears' else 'projects'}/{case_no}"


def form_of(
    viewer: Viewer,
    task: Any,
    *,
    inline: bool,
    given: dict[str, Any] | None = None,
    faults: dict[str, str] | None = None,
    once: str | None = None,
) -> dict[str, Any]:
    """The task's form, with what may be picked in it."""
    faults = dict(faults or {})
    there = choices(viewer.house, task, language=viewer.language, at=viewer.now)
    if given is None:
        given = acceptance.folded(viewer.house, task.case_no, task.key, {})
        given = {**made_out(viewer.house, task.case_no, task.key), **(given or {})}
        given |= acceptance.fee_due(viewer.house, task.case_no, task.key)
    fields: list[Field] = fields_of(
        TASKS[task.key].form, given=given, faults=faults, options=there.options, told=there.told
    )
    # The hash of the items' looks is put in by the door, not typed.
    fields = [field for field in fields if field.name != "record"]
    general = faults.get("")
    return {
        "fields": fields,
        "general_fault": general,
        "inline": inline,
        "once": once or uuid4().hex,
        "brief": brief(viewer.house, task),
    }
