"""Papers of a project through doors: what is missing told once, and the supply contract, each a PDF."""

from typing import Any

from fastapi import APIRouter, Request, Response, status
from starlette.concurrency import run_in_threadpool

from api import files, links, processes
from api.access import ServedCase, SignedIn, VisibleCase
from api.errors import documented
from api.house import Here, House
from domain.connection.paperwork import SUPPLY_CONTRACT, TOLD_ONCE, Applicant, supply_contract, told_once
from domain.evidence import STANDS_FOR
from domain.refusals import Refused
from policies.packs import clauses, load_pack
from store import files as shelf
from store import links as kept
from store import projects, reads
from store.people import Person
from store.projects import Shown

router = APIRouter(prefix="/cases/{case_no}", tags=["files"])
CONTRACT = "供用水合同"
PDF: dict[int | str, dict[str, Any]] = {200: {"content": {"application/pdf": {}}, "description": "The paper"}}


@router.get("/told-once.pdf", response_class=Response, responses=documented(404, 409) | PDF)
def read_told_once(request: Request, person: SignedIn, house: Here, case: VisibleCase) -> Response:
    """一次性告知单: everything that is missing at once, by when, and where it is handed in."""
    with house.database.read() as connection:
        link = kept.of_case(connection, case.case_no, at=house.clock())
        shown = _project(connection, case, person)
    if link is None and case.status == "open" and person.holds(*links.HANDS_OUT):
        link = links.given(house, case, by=person.id)  # a paper without its page would send people to the counter
    return as_pdf(told_once_pdf(house, case, shown, address=links.address(request, link) if link else None), case)


def told_once_pdf(house: House, case: Any, shown: Shown, *, address: str | None) -> bytes:
    """The paper as it is printed. Raises `Refused` where nothing is missing."""
    standing = _standing(house, case)
    pack = load_pack(case.pack)
    term = standing.policy.terms.check_papers
    said = (clauses().get(id) for id in term.clauses)
    paper = told_once(
        standing.facts,
        standing.policy,
        utility=pack.title.zh,
        applicant=applicant(shown),
        basis=[f"{each.document}：{each.text}" for each in said if each is not None],
        address=address,
    )
    return house.press.printed(TOLD_ONCE, paper, pack=pack.pack)


@router.post("/contract", status_code=status.HTTP_201_CREATED, responses=documented(403, 404, 409))
async def make_contract(person: SignedIn, house: Here, case: ServedCase) -> files.FileShown:
    """供用水合同: made out for signing as the project stands, and put with its files. Its hash stands in the file."""
    return await run_in_threadpool(contract, house, case, person)


def contract(house: House, case: Any, person: Person) -> files.FileShown:
    """The contract, made out now by this person. Raises `Refused` while it is not to be signed."""
    standing = _standing(house, case)
    with house.database.read() as connection:
        shown = _project(connection, case, person)
        done = reads.tasks_of(connection, case.case_no, status="decided")
    surveys = [task.body.get("form") or {} for task in done if task.key == "connection.survey"]
    pack = load_pack(case.pack)
    at = house.clock().replace(hour=0, minute=0, second=0, microsecond=0)  # made out twice on a day it is the same
    paper = supply_contract(
        standing.facts,
        utility=pack.title.zh,
        applicant=applicant(shown),
        survey=surveys[-1] if surveys else {},
        at=at,
    )
    pdf = house.press.printed(SUPPLY_CONTRACT, paper, pack=pack.pack)
    return files.keep_paper(house, case.case_no, pdf, name=CONTRACT, by=person.id)


def made_out(house: House, case_no: str, key: str) -> dict[str, str]:
    """What the form of the signing is filled with: the contract that was made out last, and its number."""
    if key != "connection.sign-contract":
        return {}
    with house.database.read() as connection:
        made = [each for each in shelf.of_case(connection, case_no) if each.name == CONTRACT]
    if not made:
        return {}
    return {"contract_no": f"{case_no}-HT", "document": f"{STANDS_FOR}{made[-1].sha256}"}


def as_pdf(pdf: bytes, case: Any) -> Response:
    headers = files.AS_A_FILE | {"Content-Disposition": f'attachment; filename="{case.case_no}.pdf"'}
    return Response(pdf, media_type="application/pdf", headers=headers)


def applicant(shown: Shown) -> Applicant:
    return Applicant(name=shown.name, address=shown.address, contact=shown.contact, phone=shown.phone)


def _project(connection: Any, case: Any, person: Person) -> Shown:
    if case.process != "connection":
        zh = "只有报装项目有这张单子。"
        raise Refused("form-invalid", "only a connection project has this paper", zh=zh)
    return projects.shown(connection, person, case.case_no)


def _standing(house: House, case: Any) -> processes.Case:
    with house.database.read() as connection:
        return processes.on_record(connection, reads.case_on_record(connection, case.case_no))
