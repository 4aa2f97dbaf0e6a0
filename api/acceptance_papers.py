"""Papers of an acceptance through doors: minutes of a round, the report on all, the notice on reading and payment."""

from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Response, status
from fastapi import Path as InPath
from starlette.concurrency import run_in_threadpool

from api import acceptance, files
from api.access import DecidableCase, SignedIn, VisibleCase
from api.errors import documented
from api.house import Here, House
from api.project_papers import PDF, as_pdf
from domain.connection.acceptance_papers import (
    MINUTES,
    READING_NOTICE,
    REPORT,
    Decided,
    Minutes,
    minutes,
    reading_notice,
    report,
)
from policies.packs import load_pack
from store import items, people, projects, reads
from store.notices import starred
from store.people import Person, watches_only

router = APIRouter(prefix="/cases/{case_no}", tags=["items"])
FILED = "验收报告"
Round = Annotated[int, InPath(ge=1, le=1000)]


@router.get("/minutes/{round_no}.pdf", response_class=Response, responses=documented(404, 409, 422) | PDF)
def read_minutes(person: SignedIn, house: Here, case: VisibleCase, round_no: Round) -> Response:
    """验收纪要 of a round: who took part, what passed as runs of numbers, what failed and why, what was agreed."""
    with house.database.read() as connection:
        told = _told(connection, house, case, person)
    paper = minutes(*told.pop("of"), round_=round_no, **told)
    pictures = _pictures(house, paper)
    return as_pdf(house.press.printed(MINUTES, paper, pack=load_pack(case.pack).pack, pictures=pictures), case)


@router.get("/acceptance-report.pdf", response_class=Response, responses=documented(404, 409, 422) | PDF)
def read_report(person: SignedIn, house: Here, case: VisibleCase) -> Response:
    """验收报告 on every round decided so far."""
    return as_pdf(report_pdf(house, case, person), case)


@router.post("/acceptance-report", status_code=status.HTTP_201_CREATED, responses=documented(403, 404, 409, 422))
async def file_report(person: SignedIn, house: Here, case: DecidableCase) -> files.FileShown:
    """存档: the report as it stands, put with the case's files. Its hash stands in the file."""
    return await run_in_threadpool(filed, house, case, person)


def filed(house: House, case: Any, person: Person) -> files.FileShown:
    pdf = report_pdf(house, case, person)
    return files.keep_paper(house, case.case_no, pdf, name=FILED, by=person.id)


def report_pdf(house: House, case: Any, person: Person) -> bytes:
    """The report as it is printed. Raises `Refused` before the first round is decided."""
    with house.database.read() as connection:
        told = _told(connection, house, case, person)
    return house.press.printed(REPORT, report(*told.pop("of"), **told), pack=load_pack(case.pack).pack)


@router.get("/reading-notice.pdf", response_class=Response, responses=documented(404, 409, 422) | PDF)
def read_notice(person: SignedIn, house: Here, case: VisibleCase) -> Response:
    """抄表缴费告知书: how new customers are read, told and paid, in the pack's words."""
    with house.database.read() as connection:
        told = _told(connection, house, case, person)
        stands = acceptance.standing(connection, case.case_no)
        done = reads.tasks_of(connection, case.case_no, status="decided")
    told.pop("of")
    opened = [task for task in done if task.key == "connection.open-account"]
    words = stands.policy.reading_notice.value if stands.policy.reading_notice else None
    at = opened[-1].closed_at if opened else house.clock().replace(hour=0, minute=0, second=0, microsecond=0)
    paper = reading_notice(words, opened=opened[-1].body.get("form") if opened else None, at=at, **told)
    return as_pdf(house.press.printed(READING_NOTICE, paper, pack=load_pack(case.pack).pack), case)


def _told(connection: Any, house: House, case: Any, person: Person) -> dict[str, Any]:
    """What the papers are made of; names and addresses as this person may read them."""
    stands = acceptance.standing(connection, case.case_no)
    shown = projects.shown(connection, person, case.case_no)
    done = [
        task for task in reads.tasks_of(connection, case.case_no, status="decided") if task.key == acceptance.ACCEPT
    ]
    names = people.names(connection, {task.body["decided_by"] for task in done})
    accepted = [
        Decided(
            at=task.closed_at,
            by=names.get(task.body["decided_by"], task.body["decided_by"]),
            form=_seen(task.body.get("form") or {}, person),
        )
        for task in sorted(done, key=lambda task: task.closed_at)
    ]
    tabled = {item.no: item for item in items.of_case(connection, case.case_no)}
    return {
        "of": (stands.facts, accepted, tabled),
        "utility": load_pack(case.pack).title.zh,
        "project": shown.name,
        "address": shown.address,
    }


def _seen(form: dict[str, Any], person: Person) -> dict[str, Any]:
    if not watches_only(person):
        return form
    return form | {"attendants": [starred(name) for name in form.get("attendants") or ()], "signature": None}


def _pictures(house: House, paper: Minutes) -> dict[str, Path]:
    if paper.signature is None:
        return {}
    return {paper.signature.sha256: files.shelf(house.settings).verified(paper.signature.sha256)}
