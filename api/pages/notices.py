"""Notices printed from the pages: one from its case or task, or a run of those chosen in the work list."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Query, Response
from pydantic import BaseModel
from sqlalchemy import Connection

from api import notices, processes
from api.access import DecidableCase, Decider
from api.notices import MOST, paper_shown
from api.pages.frame import Looking, Viewer
from api.pages.refusals import headline, said_refusal
from domain.arrears.notices import notices_due, standing_notice
from store import papers, reads
from store.people import Person

router = APIRouter(include_in_schema=False)


async def _acting(viewer: Looking, person: Decider) -> Viewer:
    return viewer


Acting = Annotated[Viewer, Depends(_acting)]


class ToPrint(BaseModel):
    """A chosen case: the notice that it has or will have, by its title; None: nothing is to be made out."""

    case_no: str
    account_no: str
    name: str | None
    address: str | None
    title: str | None
    no: str | None


class Run(BaseModel):
    case: list[str] = []


def paper_here(connection: Connection, row: Any, person: Person) -> dict[str, Any]:
    """What the page of a case or of its task says of its notices: those made out, and the one that could be."""
    if row.process != "arrears":
        return {"papers": [], "to_print": None}
    return {
        "papers": [paper_shown(paper, row.pack) for paper in papers.made_out(connection, row.case_no)],
        "to_print": _to_print(processes.on_record(connection, row)),
        "may_print": person.holds("collector", "supervisor", "clerk"),
        "print_case": row.case_no,
    }


def _to_print(case: processes.Case) -> dict[str, str | None] | None:
    due = next(iter(notices_due(case.facts, case.policy)), None)
    if due is None:
        return None
    standing = standing_notice(case.facts, due.name)
    title = case.policy.notices[due.name].title.value
    return {"title": title, "no": standing.no if standing is not None else None}


@router.post("/arrears/{case_no}/notices")
async def print_one(viewer: Acting, case: DecidableCase, anew: Annotated[str, Form(max_length=500)] = "") -> Response:
    """The notice that the case calls for, made out if none stands, as a paper to print."""
    issued = await notices.made_out(viewer.house, viewer.person, case, anew=anew.strip() or None)
    return viewer.go(f"/api/v1/cases/{case.case_no}/notices/{issued.no}.pdf")


@router.get("/arrears/notices")
def ask(viewer: Acting, case: Annotated[list[str], Query(max_length=MOST)] = []) -> Response:  # noqa: B006
    """The chosen cases in the order of a round, each with the notice that it has or will have."""
    return viewer.show("notices.html", rows=_chosen(viewer, case), run=None, refused=[])


@router.post("/arrears/notices")
async def make_out(viewer: Acting, run: Annotated[Run, Form()]) -> Response:
    """Make them out, and say where the run is printed and which have none."""
    done = await notices.run_of(viewer.house, viewer.person, run.case[:MOST])
    refused = [
        (each.case_no, headline(each.code, viewer.language), said_refusal(each.message, "", viewer.language))
        for each in done.refused
    ]
    return viewer.show("notices.html", rows=[], run=done, refused=refused)


def _chosen(viewer: Viewer, case_nos: list[str]) -> list[ToPrint]:
    found: list[ToPrint] = []
    with viewer.house.database.read() as connection:
        order = papers.in_route_order(connection, case_nos)
        for case_no in sorted(dict.fromkeys(case_nos), key=lambda no: order.get(no, 0)):
            row = reads.case(connection, viewer.person, case_no)
            if row is None or row.process != "arrears":
                continue
            account = reads.account_on_record(connection, row.subject)
            due = _to_print(processes.on_record(connection, row)) or {"title": None, "no": None}
            of_account = {"account_no": row.subject, "name": account.name, "address": account.address}
            found.append(ToPrint(case_no=case_no, **of_account, **due))
    return found
