"""Notices on paper: made out once, of the debt as it is then, and printed one by one or as one run in route order.

Making out is the case's: it numbers the notice and puts bills, sum and the hash of what it says on record. What it says
with name and address is kept by that hash. The first print is the original, each later one says that it is a copy.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field
from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool

from api import bodies, files, processes
from api.access import DecidableCase, Decider, SignedIn, VisibleCase
from api.errands import Errand, Errands, Pending
from api.errors import documented
from api.house import EngineAway, Here, House
from api.once import Once
from api.shown import Listed
from domain.arrears.commands import IssueNotice
from domain.arrears.facts import IssuedNotice
from domain.arrears.notices import Notice, as_told, nothing_due, notice, notices_due, standing_notice
from domain.money import Yuan, yuan
from domain.refusals import RefusalCode, Refused
from policies.packs import load_pack
from store import papers, reads
from store.notices import starred
from store.papers import PaperKept, PaperMade
from store.people import Person, watches_only

log = structlog.get_logger()
router = APIRouter(tags=["notices"])
MOST = 1000
LONGEST_NO = 60
AT_ONCE = 8
TRIES = 3  # a case that moves on between look and word is looked at again
A_PDF: dict[int | str, dict[str, Any]] = {200: {"content": {"application/pdf": {}}, "description": "The paper"}}
UNKNOWN = "there is no such notice, or not for you: look its number up in its case"


class PaperShown(BaseModel):
    """A notice that was made out. `bills`: what it asked for of each; `content`: the hash of all that it says."""

    case_no: str
    no: str
    name: str
    title: str
    task: str | None
    at: datetime
    by: str
    amount: Yuan
    bills: dict[str, Yuan]
    content: str
    instead_of: str | None
    reason: str | None
    served_at: datetime | None
    printed: int
    pdf: str


class NoticeBody(bodies.Body):
    """`anew`: why another notice takes the place of one that was made out and not served."""

    anew: bodies.Prose | None = Field(None, examples=["新账单并入"])


class RunBody(bodies.Body):
    cases: Annotated[tuple[str, ...], Field(min_length=1, max_length=MOST)] = Field(examples=[["QF-20260311-0001"]])


class NotMade(BaseModel):
    """A case without a notice, and why."""

    case_no: str
    code: RefusalCode
    message: str


class RunShown(BaseModel):
    """The notices of a run in the order of a round on foot, those that have none, and where the run is printed."""

    items: list[PaperShown]
    refused: list[NotMade]
    pdf: str | None


def paper_shown(paper: PaperMade, pack: str) -> PaperShown:
    arrears = load_pack(pack).arrears
    words = arrears.notices.get(paper.name) if arrears is not None else None
    return PaperShown(
        **paper.model_dump(exclude={"amount_fen", "bills"}),
        title=words.title.value if words is not None else paper.name,
        amount=yuan(paper.amount_fen),
        bills={no: yuan(fen) for no, fen in paper.bills.items()},
        pdf=f"/api/v1/cases/{paper.case_no}/notices/{paper.no}.pdf",
    )


@router.post("/cases/{case_no}/notices", responses=documented(403, 404, 409, 422, 503))
async def make_out(
    case: DecidableCase, person: Decider, house: Here, errand: Errand, body: NoticeBody | None = None
) -> PaperShown:
    """Make the notice out that the case calls for now; one that stands already is answered and not made out again.

    Collector, supervisor, clerk.
    """
    issued = await made_out(house, person, case, anew=body.anew if body else None, errand=errand)
    return await run_in_threadpool(_shown, house, person, issued.no)


@router.get("/cases/{case_no}/notices", responses=documented(404))
def list_notices(house: Here, case: VisibleCase) -> Listed[PaperShown]:
    """Every notice that was made out for a case, in the order of their numbers."""
    with house.database.read() as connection:
        return Listed(items=[paper_shown(paper, case.pack) for paper in papers.made_out(connection, case.case_no)])


@router.get("/cases/{case_no}/notices/{notice_no}.pdf", response_class=Response, responses=A_PDF | documented(404, 503))
def read_notice(house: Here, person: SignedIn, case: VisibleCase, notice_no: str) -> Response:
    """A notice as a PDF: the first time the original, then a copy that says so. Each print is on record."""
    return printed(house, person, [notice_no], of=case.case_no)


@router.post("/notices", responses=documented(403, 413, 422, 503))
async def make_out_many(house: Here, person: Decider, body: RunBody) -> RunShown:
    """Make out the notices that these cases call for now. One that cannot be made out stops no other.

    Collector, supervisor, clerk.
    """
    return await run_of(house, person, body.cases)


@router.get("/notices.pdf", response_class=Response, responses=A_PDF | documented(404, 422, 503))
def read_run(
    house: Here,
    person: SignedIn,
    no: Annotated[list[str], Query(min_length=1, max_length=MOST, description="numbers of notices")],
) -> Response:
    """Notices as one PDF, in the order of a round on foot. Each print is on record."""
    return printed(house, person, no)


async def made_out(
    house: House, person: Person, case: Any, *, anew: str | None = None, errand: Errands | None = None
) -> IssuedNotice:
    """The notice that a case calls for now, made out if none of its kind stands. `errand`: of a door asked only once.

    Raises `Refused`, and `EngineAway` where nobody answers: what is printed must be on record first.
    """
    errand = errand or Errands(person, house, Once(None, ""), Response())
    for left in reversed(range(TRIES)):
        standing, command = await run_in_threadpool(_filled_in, house, person, case.case_no, anew)
        if standing is not None:
            return standing
        try:
            told = await errand.tell(case, IssueNotice, **command)
        except Refused as refused:
            if refused.code == "gate" and left:
                continue
            raise
        if isinstance(told, Pending):
            raise EngineAway("the notice is made out once a worker is back")
        issued = await run_in_threadpool(_issued, house, case.case_no, command["name"])
        if issued is not None:
            return issued
    raise nothing_due()


def _filled_in(
    house: House, person: Person, case_no: str, anew: str | None
) -> tuple[IssuedNotice | None, dict[str, Any]]:
    """The notice that stands, or what the case is to be told of the one that was just filled in and kept."""
    at = house.clock()
    with house.database.read() as connection:
        row = reads.case_on_record(connection, case_no)
        if row.process != "arrears":
            raise nothing_due()
        case = processes.on_record(connection, row)
        to = papers.addressee(connection, case.facts.account.no)
    due = next(iter(notices_due(case.facts, case.policy)), None)
    if due is None:
        raise nothing_due()
    standing = standing_notice(case.facts, due.name)
    if standing is not None and anew is None:
        return standing, {}
    pack = load_pack(case.facts.pack)
    filled = notice(
        due=due,
        facts=case.facts,
        policy=case.policy,
        calendar=case.calendar,
        utility=pack.title.zh,
        addressee=to,
        at=at,
    )
    kept = PaperKept(template=case.policy.notices[due.name].template.value, pack=pack.name, notice=filled)
    with house.database.write() as connection:
        papers.keep(connection, case_no, kept, at=at, by=person.id)
    return None, as_told(due, filled) | {"anew": anew if standing is not None else None}


def _issued(house: House, case_no: str, name: str) -> IssuedNotice | None:
    with house.database.read() as connection:
        case = processes.on_record(connection, reads.case_on_record(connection, case_no))
    issued: IssuedNotice | None = case.facts.issued.get(name)
    return issued


def _shown(house: House, person: Person, no: str) -> PaperShown:
    with house.database.read() as connection:
        paper = papers.of_numbers(connection, person, [no]).get(no)
        case = reads.case_on_record(connection, no.rpartition("-T")[0])
    if paper is None:
        raise Refused("unknown", UNKNOWN)
    return paper_shown(paper, case.pack)


async def run_of(house: House, person: Person, case_nos: Sequence[str]) -> RunShown:
    """Each case's notice made out, in route order; what was refused beside them."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(case_no: str) -> PaperShown | NotMade:
        async with gate:
            try:
                case = await run_in_threadpool(_case, house, person, case_no)
                issued = await made_out(house, person, case)
                return await run_in_threadpool(_shown, house, person, issued.no)
            except Refused as refused:
                return NotMade(case_no=case_no, code=refused.code, message=refused.message)

    wanted = list(dict.fromkeys(case_nos))
    came = await asyncio.gather(*(one(case_no) for case_no in wanted))
    made = [each for each in came if isinstance(each, PaperShown)]
    order = await run_in_threadpool(_route, house, [each.case_no for each in made])
    made.sort(key=lambda each: order.get(each.case_no, 0))
    numbers = "&".join(f"no={each.no}" for each in made)
    return RunShown(
        items=made,
        refused=[each for each in came if isinstance(each, NotMade)],
        pdf=f"/api/v1/notices.pdf?{numbers}" if made else None,
    )


def _case(house: House, person: Person, case_no: str) -> Any:
    with house.database.read() as connection:
        row = reads.case(connection, person, case_no)
    if row is None:
        raise Refused("unknown", "there is no such case, or not for you: look its number up in the list")
    return row


def _route(house: House, case_nos: list[str]) -> dict[str, int]:
    with house.database.read() as connection:
        return papers.in_route_order(connection, case_nos)


def printed(house: House, person: Person, numbers: Sequence[str], *, of: str | None = None) -> Response:
    """Notices as a PDF in route order, with each print on record before anything is shown.

    Raises `Refused("unknown")` alike for a number that is not there, out of sight, or of another case than `of`.
    """
    at = house.clock()
    with house.database.read() as connection:
        found = _found(connection, person, numbers, of)
    if len({(kept.template, kept.pack.partition("@")[0]) for _, kept in found}) > 1:
        raise Refused("form-invalid", "no: these notices are printed with different templates: print them apart")
    template, pack = found[0][1].template, found[0][1].pack
    cases, hashes = {paper.case_no for paper, _ in found}, [(paper.case_no, paper.content) for paper, _ in found]
    counts = {paper.content: paper.printed for paper, _ in found}
    while True:
        shown = [_copy(kept.notice, counts.get(paper.content, 0), person) for paper, kept in found]
        if len(shown) == 1:
            pdf = house.press.printed(template, shown[0], pack=pack)
        else:
            pdf = house.press.print_run(template, shown, pack=pack)
        with house.database.write() as connection:
            now = papers.printed(connection, *cases)
            if all(now.get(content, 0) == counts.get(content, 0) for _, content in hashes):
                papers.note_looks(connection, hashes, "print", at=at, by=person.id)
                break
        counts = now  # somebody else printed one of them meanwhile: theirs is the original
    return as_pdf(pdf, found[0][0].no if len(found) == 1 else f"notices-{len(found)}")


def _found(
    connection: Connection, person: Person, numbers: Sequence[str], of: str | None
) -> list[tuple[PaperMade, PaperKept]]:
    """Notices with what they say, in the order of a round."""
    wanted = [no for no in dict.fromkeys(numbers) if no.isprintable() and len(no) <= LONGEST_NO]
    made = papers.of_numbers(connection, person, wanted)
    if len(made) < len(set(numbers)) or any(of not in (None, paper.case_no) for paper in made.values()):
        raise Refused("unknown", UNKNOWN, zh="没有这张通知单，或者不在您的范围内。")
    says = papers.contents(connection, [paper.content for paper in made.values()])
    lost = [paper for paper in made.values() if paper.content not in says]
    for paper in lost:
        log.error("api.paper-lost", case_no=paper.case_no, no=paper.no)
    if lost:
        raise Refused("unknown", "what this notice says is not here any more: make it out anew")
    order = papers.in_route_order(connection, [paper.case_no for paper in made.values()])
    on_foot = sorted(made.values(), key=lambda paper: (order.get(paper.case_no, 0), paper.at, paper.no))
    return [(paper, says[paper.content]) for paper in on_foot]


def _copy(filled: Notice, printed_before: int, person: Person) -> Notice:
    """The notice as this person may have it: a copy that says so, and without name and address for who only watches."""
    copy = filled.model_copy(update={"copy_no": printed_before})
    if watches_only(person):
        copy = copy.model_copy(update={"customer": starred(copy.customer), "address": starred(copy.address)})
    return copy


def as_pdf(pdf: bytes, name: str) -> Response:
    """A PDF that the browser shows, and that no other site can."""
    headers = {
        "Content-Disposition": f'inline; filename="{name}.pdf"',
        "Cross-Origin-Resource-Policy": files.AS_A_FILE["Cross-Origin-Resource-Policy"],
        "Cache-Control": files.AS_A_FILE["Cache-Control"],
    }
    return Response(pdf, media_type="application/pdf", headers=headers)
