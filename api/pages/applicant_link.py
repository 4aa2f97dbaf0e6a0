"""The applicant's link in the hands of whoever serves the project: made, shown as a picture, printed, taken back."""

from typing import Any

from fastapi import APIRouter, Response
from markupsafe import Markup

from api import links, project_papers
from api.access import ServedCase
from api.pages.frame import Looking, Viewer
from api.pages.tasks import case_address
from domain.refusals import Refused
from store import links as kept
from store import people, projects

router = APIRouter(include_in_schema=False, prefix="/projects/{case_no}/link")


def panel(viewer: Viewer, case: Any) -> dict[str, Any]:
    """The link of a project for those who may hand it out, and who used it last."""
    if not viewer.person.holds(*links.HANDS_OUT):
        return {"hands_out": False, "link": None}
    with viewer.house.database.read() as connection:
        link = kept.of_case(connection, case.case_no, at=viewer.now)
        used = kept.log_of(connection, case.case_no, limit=8)
        names = people.names(connection, {each.by for each in used})
    address = links.address(viewer.request, link) if link else None
    return {"hands_out": True, "link": link, "link_address": address, "link_used": used, "link_names": names}


@router.get("")
def show(viewer: Looking, case: ServedCase) -> Response:
    """The link on a sheet to hand over: the address, and a picture to point a phone at."""
    with viewer.house.database.read() as connection:
        link = kept.of_case(connection, case.case_no, at=viewer.now)
        shown = projects.shown(connection, viewer.person, case.case_no) if case.process == "connection" else None
    if link is None or shown is None:
        raise Refused(
            "unknown", "there is no link of this project: make one first", zh="这个项目还没有链接：请先生成。"
        )
    address = links.address(viewer.request, link)
    code = Markup(links.qr(address, scale=6))  # noqa: S704 - drawn by us of an address that we made
    return viewer.show("applicant_link.html", case=case, name=shown.name, link=link, link_address=address, qr=code)


@router.post("")
def give(viewer: Looking, case: ServedCase) -> Response:
    links.given(viewer.house, case, by=viewer.person.id)
    return viewer.go(f"{case_address(case.process, case.case_no)}#applicant")


@router.post("/revoke")
def revoke(viewer: Looking, case: ServedCase) -> Response:
    links.revoked(viewer.house, case, by=viewer.person.id)
    return viewer.go(f"{case_address(case.process, case.case_no)}#applicant")


papers = APIRouter(include_in_schema=False, prefix="/projects/{case_no}")


@papers.post("/contract")
def contract(viewer: Looking, case: ServedCase) -> Response:
    """The supply contract, made out and put with the project's papers, ready to be signed."""
    made = project_papers.contract(viewer.house, case, viewer.person)
    return viewer.go(f"{case_address(case.process, case.case_no)}?made={made.sha256[:12]}#files")
