"""进度: the page of the one who applied for water, behind a link of their own. No login, and nobody else's data.

It tells where the project stands, what is needed from the applicant, and by when what comes next is promised; what it
takes goes to the case through the same errands as everybody's. Names of people, ids of tasks and accounts, and what
colleagues write to each other stay inside.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, NamedTuple, cast

import limits
from fastapi import APIRouter, Depends, Form, Request, Response, UploadFile
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.datastructures import UploadFile as Uploaded
from starlette.exceptions import HTTPException

from api import bodies, errors, files, processes, sessions
from api import links as links_of
from api.errands import Errands
from api.house import EngineAway, Here, House
from api.links import link_of
from api.once import Once
from api.pages import rails
from api.pages.assets import first_style
from api.pages.forms import meant
from api.pages.frame import Viewer, label, task_title
from api.pages.refusals import said_fault, said_refusal
from api.pages.visits import chosen
from api.pages.words import LANGUAGE_COOKIE, Language
from api.project_papers import as_pdf, told_once_pdf
from api.visits import booked, on_offer
from domain.case import COSIGN
from domain.clauses import keeps
from domain.commands import WithdrawCase
from domain.connection.commands import RateService
from domain.connection.forecast import Coming, forecast, water_on
from domain.connection.papers import SUPPLY, papers, wanted
from domain.connection.visits import ARRANGE, SURVEY
from domain.refusals import Refused
from domain.tasks import Task
from policies.packs import clauses
from store import attempts, cards, links, projects, reads
from store import files as shelf
from store.links import APPLICANT, Link
from store.people import Person

router = APIRouter(include_in_schema=False, prefix="/p/{token}")
A_YEAR = 365 * 24 * 3600
STYLE = "applicant.css"
PERSON = Person(id=APPLICANT, name="申请人", roles=("customer",))
DRAWINGS = "connection.submit-drawings"
FEE = "connection.settle-fee"
AT_HOME = (SUPPLY, DRAWINGS, FEE)
"""What of a project is the applicant's to decide, all of it without a trip to the counter."""
NOT_TOLD = ("return", "defects")
"""Outcomes that are the office's own business: what was sent back comes again, and is told when it stands."""
MOST_FILES = 20


class Visitor(NamedTuple):
    """Whoever has the address of a project's page, and the project."""

    viewer: Viewer
    token: str
    link: Link
    case: Any

    @property
    def address(self) -> str:
        return f"/p/{self.token}"


def _visitor(request: Request, house: Here, token: str) -> Visitor:
    """The project of a link, and the look on record. A link that opens nothing is nothing, whatever the reason."""
    at, settings = house.clock(), house.settings
    request.state.person = PERSON
    with house.database.write() as connection:
        link_id = link_of(settings, token)
        found = links.opens(connection, link_id, at=at) if link_id is not None else None
        if found is not None:
            link, case = found
            looks = request.method == "GET"
            often = settings.looks_per_link if looks else settings.sent_per_link
            counted = {f"link {'looks' if looks else 'sent'} {link.link_id}": limits.parse(often)}
            attempts.acquire(connection, counted, at=at)
            links.note(connection, link, "looked" if looks else "submitted", by=APPLICANT, at=at)
            return Visitor(viewer_of(request, house), token, link, case)
        wrong = {f"wrong link {sessions.address_of(request)}": limits.parse(settings.wrong_links)}
        attempts.acquire(connection, wrong, at=at)
    raise HTTPException(404)


Visiting = Annotated[Visitor, Depends(_visitor)]


def viewer_of(request: Request, house: House) -> Viewer:
    """Chinese, unless English was asked for."""
    viewer = Viewer(request, house, None)
    asked = request.query_params.get("lang") or request.cookies.get(LANGUAGE_COOKIE)
    viewer.language = "en" if asked == "en" else "zh"
    return viewer


def drawn(viewer: Viewer, template: str, *, status: int = 200, **facts: Any) -> Response:
    """A page that carries all it needs, runs nothing, and may be shown in no other."""
    style, hashed = first_style(STYLE)
    answer = Response(viewer.text(template, own_style=style, **facts), status_code=status, media_type="text/html")
    answer.headers["Content-Security-Policy"] = (
        f"default-src 'none'; style-src 'sha256-{hashed}'; img-src 'self' data:; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    )
    chosen = viewer.request.query_params.get("lang")
    if chosen in ("zh", "en"):
        answer.set_cookie(LANGUAGE_COOKIE, chosen, max_age=A_YEAR, samesite="lax")
    return answer


def refused(request: Request, house: House, status: int, headers: Mapping[str, str]) -> Response:
    """What is told when nothing is shown: the same of a link that never was and of one that is over."""
    kind = {404: "gone", 413: "large", 422: "wrong", 429: "often"}.get(status, "away")
    answer = drawn(viewer_of(request, house), "applicant_told.html", status=status, kind=kind)
    answer.headers.update({name: headers[name] for name in ("retry-after",) if name in headers})
    return answer


@router.get("")
@keeps("kaifeng.customer-service.at-most-one-trip")
def look(visitor: Visiting) -> Response:
    """Where the project stands, what is needed, what comes next and when, and what was done."""
    return page(visitor)


def page(visitor: Visitor, *, status: int = 200, fault: str | None = None) -> Response:
    viewer, row = visitor.viewer, visitor.case
    with viewer.house.database.read() as connection:
        stands = processes.on_record(connection, row)
        shown = projects.about(connection, row.case_no)
        entries = reads.timeline(connection, row.case_no, after=0, limit=5000)
        sent = [(each.name, each.at) for each in shelf.of_case(connection, row.case_no) if each.by == APPLICANT]
        card = cards.of_project(connection, row.case_no, stands.facts.assigned_to)
        to_arrange = stands.facts.open_task(ARRANGE) or stands.facts.open_task(SURVEY)
        offers = on_offer(connection, row, at=viewer.now) if to_arrange else []
    facts, over = stands.facts, row.status == "closed"
    coming = () if over else _told(forecast(facts, stands.policy, stands.calendar, now=viewer.now))
    mine = [task for task in facts.tasks.values() if task.role == "customer" and task.pause is None]
    return drawn(
        viewer,
        "applicant.html",
        status=status,
        fault=fault,
        just=viewer.request.query_params.get("just"),
        to=visitor.address,
        row=row,
        name=shown.name,
        over=over,
        rail=rails.rail(
            rails.of_project(), row.stage, rails.stages_entered(entries), over=over and not facts.withdrawn
        ),
        sentence=_sentence(viewer, facts, coming, over=over),
        needs=[(task, wanted(task, facts)) for task in mine],
        supply=SUPPLY,
        drawings=DRAWINGS,
        fee=FEE,
        offers=[offer for offer in offers if not offer.full] if not facts.suspended else [],
        visit=facts.visit if to_arrange else None,
        invited=facts.invited if facts.open_task("connection.accept") else None,
        follow_up=facts.open_task("connection.follow-up"),
        next=_next(viewer, coming),
        water=water_on(coming),
        papers=papers(facts, stands.policy) if not over else (),
        sent={name for name, _ in sent if name},
        done=list(_done(viewer, entries))[::-1],
        card=card,
        expires_at=visitor.link.expires_at,
    )


def _told(coming: Iterable[Coming]) -> tuple[Coming, ...]:
    """What is an applicant's business: who signs under what inside is not."""
    return tuple(each for each in coming if not each.key.endswith(COSIGN))


def _sentence(viewer: Viewer, facts: Any, coming: Sequence[Coming], *, over: bool) -> str:
    """Where the project is, in one sentence."""
    if over:
        if facts.outcome == "withdrawn":
            return viewer.say("申请已经撤回。", "The application has been withdrawn.")
        return viewer.say("已经全部办完。", "Everything is done.")
    if facts.suspended:
        return viewer.say("项目暂停办理，恢复后继续。", "The project is suspended, and goes on once it is resumed.")
    ours = [each for each in coming if each.is_open and each.party == "utility"]
    theirs = [each for each in coming if each.is_open and each.party == "customer"]
    titles = _titles(viewer, ours)
    if ours and theirs:
        return viewer.say(
            f"我们正在办：{titles}；同时等您：{_titles(viewer, theirs)}。",
            f"We are at work on: {titles}; and wait for you: {_titles(viewer, theirs)}.",
        )
    if theirs:
        return viewer.say(f"正在等您：{_titles(viewer, theirs)}。", f"We wait for you: {_titles(viewer, theirs)}.")
    if ours:
        return viewer.say(f"我们正在办：{titles}。", f"We are at work on: {titles}.")
    if coming and coming[0].is_open:
        who = label(coming[0].party, viewer.language)
        return viewer.say(
            f"正在等{who}：{_titles(viewer, coming[:1])}。", f"It waits for {who}: {_titles(viewer, coming[:1])}."
        )
    return viewer.say("现在没有要办的事。", "Nothing is to be done at the moment.")


def _titles(viewer: Viewer, tasks: Iterable[Coming]) -> str:
    return viewer.say("、", ", ").join(dict.fromkeys(task_title(each.key, viewer.language) for each in tasks))


class Next(NamedTuple):
    """What we do next and by when; `sentence`: the words that promise it, where a regulation has some."""

    coming: Coming
    sentence: str | None
    source: str | None


def _next(viewer: Viewer, coming: Sequence[Coming]) -> Next | None:
    ours = next((each for each in coming if each.party == "utility"), None)
    if ours is None:
        return None
    found = next((clauses().get(id) for id in ours.clauses), None)
    if found is None:
        return Next(ours, None, None)
    return Next(ours, found.text if viewer.language == "zh" else found.gloss_en, found.document)


def _done(viewer: Viewer, entries: Iterable[Any]) -> Iterable[tuple[Any, str]]:
    """What was done, when: the task's own name, and nothing of who, how and what was written."""
    language: Language = viewer.language
    for entry in entries:
        body = entry.body
        if entry.event == "CaseOpened":
            yield entry.at, viewer.say("收到申请", "The application came in")
        elif entry.event == "TaskDecided" and body.get("outcome") not in NOT_TOLD and not body["key"].endswith(COSIGN):
            yield entry.at, task_title(body["key"], language)
        elif entry.event == "CaseClosed":
            yield entry.at, label(body["outcome"], language)


@router.get("/told-once.pdf")
def told_once(request: Request, visitor: Visiting) -> Response:
    """What is missing, on paper."""
    house, case = visitor.viewer.house, visitor.case
    with house.database.read() as connection:
        shown = projects.about(connection, case.case_no)
    address = links_of.address(request, visitor.link)
    return as_pdf(told_once_pdf(house, case, shown, address=address), case)


# What the applicant sends.


@router.post("/papers")
async def supply(request: Request, visitor: Visiting) -> Response:
    """Papers that were asked for, as many as are ready; once all are there the case hears of it."""
    sent = await request.form(max_files=MOST_FILES)
    return await _answered(request, visitor, lambda: _supplied(visitor, sent), just="papers")


async def _supplied(visitor: Visitor, sent: FormData) -> None:
    task, standing = await run_in_threadpool(_task, visitor, SUPPLY, sent)
    asked = wanted(task, standing.facts)
    uploads = [
        (paper, cast(UploadFile, upload))
        for at, paper in enumerate(asked)
        if isinstance(upload := sent.get(f"paper-{at}"), Uploaded)
        and upload.filename
        and sent.get(f"name-{at}") == paper
    ]
    if not uploads:
        zh = "还没有选文件：请给至少一项资料选一个文件。"
        raise Refused("form-invalid", "no file was chosen: choose one for at least one paper", zh=zh)
    for paper, upload in uploads:
        await run_in_threadpool(
            files.take, visitor.viewer.house, visitor.case.case_no, PERSON, None, upload, "paper", paper, None
        )
    there = await run_in_threadpool(_there, visitor, task)
    if set(asked) <= there:
        await _errand(visitor).decide(
            visitor.case, SUPPLY, {"papers": list(asked), "handed_in": "online"}, task_id=task.id
        )


def _there(visitor: Visitor, task: Task) -> set[str]:
    """The papers that the applicant has sent since they were asked for."""
    with visitor.viewer.house.database.read() as connection:
        rows = shelf.of_case(connection, visitor.case.case_no)
    return {row.name for row in rows if row.name and row.by == APPLICANT and row.at >= task.opened_at}


@router.post("/drawings")
async def drawings(request: Request, visitor: Visiting) -> Response:
    """Drawings of a designer whom the applicant has hired, with the designer's qualification."""
    sent = await request.form(max_files=MOST_FILES)

    async def submits() -> None:
        task, _ = await run_in_threadpool(_task, visitor, DRAWINGS, sent)
        form = {name: str(sent.get(name) or "").strip() for name in ("drawing", "qualification")}
        processes.refuse_bad_form(DRAWINGS, form)
        for upload in sent.getlist("file"):
            if isinstance(upload, Uploaded) and upload.filename:
                taken = (visitor.viewer.house, visitor.case.case_no, PERSON, None, cast(UploadFile, upload))
                await run_in_threadpool(files.take, *taken, "paper", form["drawing"][:100], None)
        await _errand(visitor).decide(visitor.case, DRAWINGS, form, task_id=task.id)

    return await _answered(request, visitor, submits, just="sent")


@router.post("/fee")
async def fee(request: Request, visitor: Visiting, reference: Annotated[str, Form(max_length=100)] = "") -> Response:
    """The fee is paid, by this receipt."""

    async def pays() -> None:
        task, _ = await run_in_threadpool(_task, visitor, FEE, FormData())
        form = {"reference": reference.strip()}
        processes.refuse_bad_form(FEE, form)
        await _errand(visitor).decide(visitor.case, FEE, form, task_id=task.id)

    return await _answered(request, visitor, pays, just="sent")


@router.post("/visit")
async def visit(request: Request, visitor: Visiting, slot: Annotated[str, Form(max_length=100)] = "") -> Response:
    """Hours on offer, taken by the applicant, or taken in place of those agreed on before."""

    async def books() -> None:
        body = chosen(slot)
        await booked(visitor.viewer.house, _errand(visitor), visitor.case, body.starts_at, body.ends_at)

    return await _answered(request, visitor, books, just="sent")


@router.post("/rate")
async def rate(
    request: Request,
    visitor: Visiting,
    satisfaction: Annotated[str, Form(max_length=20)] = "",
    opinion: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """How it went, in the applicant's own words: that is the follow-up."""

    async def rates() -> None:
        body = meant(bodies.RatingBody, satisfaction=satisfaction, opinion=opinion.strip() or None)
        await _errand(visitor).tell(visitor.case, RateService, **body.model_dump())

    return await _answered(request, visitor, rates, just="sent")


@router.post("/withdraw")
async def withdraw(request: Request, visitor: Visiting, reason: Annotated[str, Form(max_length=500)] = "") -> Response:
    """The applicant calls the application off."""

    async def withdraws() -> None:
        body = meant(bodies.WithdrawBody, reason=reason)
        await _errand(visitor).tell(visitor.case, WithdrawCase, reason=body.reason)

    return await _answered(request, visitor, withdraws, just="withdrawn")


def _errand(visitor: Visitor) -> Errands:
    return Errands(PERSON, visitor.viewer.house, Once(None, ""), Response())


def _task(visitor: Visitor, key: str, sent: FormData) -> tuple[Task, Any]:
    """The applicant's open task of a key (and what it is about, where two are open), and the case as it stands."""
    subject = sent.get("about")
    with visitor.viewer.house.database.read() as connection:
        standing = processes.on_record(connection, reads.case_on_record(connection, visitor.case.case_no))
    task = standing.facts.open_task(key, subject=str(subject) if subject else None)
    if task is None:
        zh = "这一步现在不需要您办理：可能已经办好了。"
        raise Refused("not-open", f"{key} is not open in this case: nothing to decide now", zh=zh)
    return task, standing


async def _answered(request: Request, visitor: Visitor, does: Any, *, just: str) -> Response:
    """Back to the page, with a word of what was taken, or of what was wrong."""
    viewer = visitor.viewer
    try:
        await does()
    except RequestValidationError as invalid:
        words = [
            said_fault(str(fault["msg"]).removeprefix("Value error, "), viewer.language) for fault in invalid.errors()
        ]
        return await run_in_threadpool(page, visitor, status=422, fault=" ".join(dict.fromkeys(words)))
    except Refused as refused_:
        await errors.audit(request, refused_.code, refused_.message)
        words_ = said_refusal(refused_.message, refused_.zh, viewer.language)
        return await run_in_threadpool(page, visitor, status=errors.STATUS[refused_.code], fault=words_)
    except EngineAway:
        away = viewer.say("系统暂时没有响应，请稍后再试。", "The system does not answer: please try again in a while.")
        return await run_in_threadpool(page, visitor, status=503, fault=away)
    return RedirectResponse(f"{visitor.address}?just={just}", status_code=303)
