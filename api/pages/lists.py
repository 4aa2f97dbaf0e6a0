"""The lists of cases: where every project is, whom to visit or call today, and what waits for a yes."""

from itertools import groupby
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field, field_validator

from api.labels import LABELS
from api.pages.frame import Looking, Viewer
from api.pages.saved import saved
from domain.money import fen
from domain.walk import visits
from store import approvals, arrears_work, board
from store.arrears_work import WorkFilter, WorkOrder
from store.board import BoardFilter
from store.people import READS_ALL, Person
from store.work import MANY, InboxFilter

router = APIRouter(include_in_schema=False)
ROWS = 50
SERVING = ("representative", "service-manager", "engineer")
STAGES = ("reminded", "notified", "grace", "limit-notified", "limited")


class BoardQuery(BaseModel):
    """The address bar of the board."""

    phase: Literal["application", "survey", "design", "inspection", "activation", ""] = ""
    kind: Literal["single", "estate", "linear", "temporary", ""] = ""
    responsible: str = Field("", max_length=100)
    late: bool = False
    paused: bool = False
    order: Literal["due", "newest", "oldest"] = "due"
    q: str = Field("", max_length=100)
    after: str | None = Field(None, max_length=400)

    def where(self) -> BoardFilter:
        return BoardFilter(
            phase=self.phase or None,
            kind=self.kind or None,
            responsible=_word(self.responsible.strip()) or None,
            late=self.late,
            paused=self.paused,
            q=self.q.strip() or None,
        )


def _word(said: str) -> str:
    """Whom a project is assigned to as the board keeps it: a role by its word, whatever it is called on the page."""
    return next((role for role in SERVING if said in LABELS[role]), said)


@router.get("/projects")
def projects(viewer: Looking, query: Annotated[BoardQuery, Query()]) -> Response:
    return viewer.show("board.html", **_board(viewer, query), **saved(viewer, "projects"))


@router.get("/projects/rows")
def project_rows(viewer: Looking, query: Annotated[BoardQuery, Query()]) -> Response:
    return viewer.show("board_rows.html", **_board(viewer, query))


def _board(viewer: Viewer, query: BoardQuery) -> dict[str, Any]:
    where = query.where()
    with viewer.house.database.read() as connection:
        page = board.board(
            connection, viewer.person, where, at=viewer.now, order=query.order, after=query.after, limit=ROWS
        )
        anywhere = where.model_copy(update={"phase": None, "late": False, "paused": False})
        counts = board.board_counts(connection, viewer.person, anywhere, at=viewer.now)
    return {"rows": page.rows, "next": page.next, "counts": counts, "query": query, "many": MANY, "serving": SERVING}


class WorkQuery(BaseModel):
    """The address bar of the arrears work list; `amount` in yuan."""

    stage: str = Field("", max_length=30)
    grid: str = Field("", max_length=50)
    section: str = Field("", max_length=50)
    amount: str = Field("", max_length=12, pattern=r"^(\d+(\.\d{1,2})?)?$")
    proof_missing: bool = False
    due_today: bool = False
    late: bool = False
    order: Literal["due", "amount", "days", "route"] = "due"
    q: str = Field("", max_length=100)
    rows: Literal[50, 200] = 50
    case: list[str] = Field([], max_length=200)
    fill: bool = False
    after: str | None = Field(None, max_length=400)

    @field_validator("rows", mode="before")
    @classmethod
    def _number(cls, said: object) -> object:
        return int(said) if isinstance(said, str) and said.isdigit() else said

    def where(self) -> WorkFilter:
        return WorkFilter(
            stage=self.stage or None,
            grid=self.grid.strip() or None,
            section=self.section.strip() or None,
            amount_from=fen(self.amount) if self.amount else None,
            proof_missing=self.proof_missing,
            due_today=self.due_today,
            late=self.late,
            q=self.q.strip() or None,
            case_nos=tuple(self.case),
        )

    def order_for(self, person: Person) -> WorkOrder:
        """The order asked for; a round on foot leads through one grid or section, or there is none."""
        part = person.part
        route_fits = bool(self.grid or self.section or (part and part[0] in ("grid", "section")))
        return self.order if self.order != "route" or route_fits else "due"


@router.get("/arrears")
def arrears(viewer: Looking, query: Annotated[WorkQuery, Query()]) -> Response:
    return viewer.show("arrears_list.html", **_work(viewer, query), **saved(viewer, "arrears"))


@router.get("/arrears/rows")
def arrears_rows(viewer: Looking, query: Annotated[WorkQuery, Query()]) -> Response:
    return viewer.show("arrears_rows.html", **_work(viewer, query))


def _work(viewer: Viewer, query: WorkQuery) -> dict[str, Any]:
    order = query.order_for(viewer.person)
    with viewer.house.database.read() as connection:
        page = arrears_work.arrears_work(
            connection, viewer.person, query.where(), at=viewer.now, order=order, after=query.after, limit=query.rows
        )
    return {
        "rows": page.rows,
        "next": page.next,
        "query": query,
        "stages": STAGES,
        "no_route": order != query.order,
        "may_act": viewer.person.holds("collector", "supervisor"),
    }


@router.get("/arrears/walk")
def walk(viewer: Looking, query: Annotated[WorkQuery, Query()]) -> Response:
    """The round on foot as a list to print: one visit a household, in the order of the way."""
    query = query.model_copy(update={"order": "route", "rows": 200})
    facts = _work(viewer, query)
    seen = 0
    stops = []
    for grid, rows in groupby(facts["rows"], key=lambda row: row.grid):
        found = visits(rows)
        stops.append((grid, seen, found))
        seen += len(found)
    return viewer.show("walk.html", **facts, stops=stops, visits=seen)


@router.get("/approvals")
def waiting(viewer: Looking, after: str | None = None) -> Response:
    return viewer.show("approvals.html", **_waiting(viewer, after))


@router.get("/approvals/rows")
def waiting_rows(viewer: Looking, after: str | None = None) -> Response:
    return viewer.show("approvals_rows.html", **_waiting(viewer, after))


def waiting_for(person: Person) -> InboxFilter:
    """What waits for this person's yes; those who watch see what waits for anybody's."""
    return InboxFilter(everyone=person.holds(*READS_ALL))


def _waiting(viewer: Viewer, after: str | None) -> dict[str, Any]:
    with viewer.house.database.read() as connection:
        page = approvals.approvals(
            connection,
            viewer.person,
            at=viewer.now,
            where=waiting_for(viewer.person),
            after=after,
            limit=ROWS,
        )
    return {"rows": page.rows, "next": page.next}
