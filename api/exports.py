"""Every list as Excel: the same filters as on its page, the same rows, the same masking, all pages of it."""

from collections.abc import Callable
from typing import Annotated, Literal
from uuid import uuid4

from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse
from pydantic import BaseModel, Field
from sqlalchemy import Connection

from api import workbooks
from api.access import SignedIn
from api.errors import documented
from api.house import Here, House
from api.pages.inbox import InboxQuery
from api.pages.lists import BoardQuery, WorkQuery, waiting_for
from api.pages.words import language_of
from api.sheets import approvals_sheet, board_sheet, cases_sheet, tasks_sheet, work_sheet
from api.workbooks import BOOK, Row, Sheet, every_row
from store import approvals, arrears_work, board, reads, work
from store.keyset import Page
from store.reads import CaseFilter

router = APIRouter(tags=["exports"])


class CasesQuery(BaseModel):
    """Filters of the list of cases; an empty one is none."""

    process: Literal["arrears", "connection", "order", ""] = ""
    status: Literal["open", "closed", ""] = ""
    stage: str = Field("", max_length=30)
    account: str = Field("", max_length=40)
    grid: str = Field("", max_length=50)
    section: str = Field("", max_length=50)
    office: str = Field("", max_length=50)
    order: Literal["newest", "oldest"] = "newest"
    q: str = Field("", max_length=100)

    def where(self) -> CaseFilter:
        names = CaseFilter.model_fields
        return CaseFilter(**{name: getattr(self, name).strip() or None for name in names})


@router.get("/tasks.xlsx", response_class=FileResponse, responses=documented(422) | BOOK)
def export_tasks(
    request: Request, person: SignedIn, house: Here, query: Annotated[InboxQuery, Query()]
) -> FileResponse:
    """My tasks as Excel, in the order in which they press; filters as in the address bar of the inbox."""
    at, where = house.clock(), query.where(person)
    return sent(
        request,
        house,
        tasks_sheet(language_of(request), at),
        lambda connection, after, limit: work.inbox(connection, person, where, at=at, after=after, limit=limit),
    )


@router.get("/cases.xlsx", response_class=FileResponse, responses=documented(422) | BOOK)
def export_cases(
    request: Request, person: SignedIn, house: Here, query: Annotated[CasesQuery, Query()]
) -> FileResponse:
    """Cases in sight as Excel, by their opening."""
    where, newest = query.where(), query.order == "newest"
    return sent(
        request,
        house,
        cases_sheet(language_of(request)),
        lambda connection, after, limit: reads.case_list(
            connection, person, where, after=after, limit=limit, newest=newest
        ),
    )


@router.get("/board.xlsx", response_class=FileResponse, responses=documented(422) | BOOK)
def export_board(
    request: Request, person: SignedIn, house: Here, query: Annotated[BoardQuery, Query()]
) -> FileResponse:
    """The board of projects as Excel; filters as in its address bar."""
    at, where = house.clock(), query.where()
    return sent(
        request,
        house,
        board_sheet(language_of(request)),
        lambda connection, after, limit: board.board(
            connection, person, where, at=at, order=query.order, after=after, limit=limit
        ),
    )


@router.get("/arrears-work.xlsx", response_class=FileResponse, responses=documented(422) | BOOK)
def export_arrears_work(
    request: Request, person: SignedIn, house: Here, query: Annotated[WorkQuery, Query()]
) -> FileResponse:
    """The arrears work list as Excel; filters as in its address bar, `amount` in yuan.

    With `fill` it has columns to be filled in and sent back on the page of sheets.
    """
    at, where, order = house.clock(), query.where(), query.order_for(person)
    return sent(
        request,
        house,
        work_sheet(language_of(request), sheet_no=uuid4().hex[:12] if query.fill else None),
        lambda connection, after, limit: arrears_work.arrears_work(
            connection, person, where, at=at, order=order, after=after, limit=limit
        ),
    )


@router.get("/approvals.xlsx", response_class=FileResponse, responses=documented(422) | BOOK)
def export_approvals(request: Request, person: SignedIn, house: Here) -> FileResponse:
    """What waits for a yes or a no as Excel, with what the decision rests on."""
    at = house.clock()
    return sent(
        request,
        house,
        approvals_sheet(language_of(request), at),
        lambda connection, after, limit: approvals.approvals(
            connection, person, at=at, where=waiting_for(person), after=after, limit=limit
        ),
    )


def sent(
    request: Request, house: House, sheet: Sheet[Row], read: Callable[[Connection, str | None, int], Page[Row]]
) -> FileResponse:
    limit = workbooks.MOST_ROWS
    with house.database.read() as connection:
        rows = every_row(lambda after, count: read(connection, after, count), limit=limit)
        return workbooks.sent(sheet, rows, language=language_of(request), at=house.clock(), limit=limit)
