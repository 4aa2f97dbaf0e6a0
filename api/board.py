"""The board of connection projects."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from api import bodies, shown
from api.access import SignedIn
from api.errors import documented
from api.house import Here
from domain.connection.policy import Kind
from store import board
from store.board import BoardFilter, BoardOrder, PhaseCount, ProjectRow
from store.keyset import LONGEST_PAGE

router = APIRouter(tags=["cases"])


class BoardQuery(BaseModel):
    """Filters of the board; all that are given must fit."""

    model_config = ConfigDict(extra="forbid")

    phase: Literal["application", "survey", "design", "inspection", "activation"] | None = None
    responsible: bodies.Line | None = None
    kind: Kind | None = None
    late: bool = Field(False, description="a task is past due on our own clock")
    paused: bool = Field(False, description="all that is open is in another party's hands")
    grid: bodies.Line | None = None
    section: bodies.Line | None = None
    office: bodies.Line | None = None
    q: bodies.Line | None = None


class BoardPage(BoardQuery):
    order: BoardOrder = "due"
    after: str | None = Field(None, max_length=400, description="`next` of the page before")
    limit: int = Field(50, ge=1, le=LONGEST_PAGE)


@router.get("/board", responses=documented(422))
def read_board(person: SignedIn, house: Here, query: Annotated[BoardPage, Query()]) -> shown.Listed[ProjectRow]:
    """Open projects with what is open in each, whose time it is, and the next deadline; late ones first."""
    with house.database.read() as connection:
        page = board.board(
            connection,
            person,
            _where(query),
            at=house.clock(),
            order=query.order,
            after=query.after,
            limit=query.limit,
        )
    return shown.Listed(items=page.rows, next=page.next)


@router.get("/board/counts", responses=documented(422))
def count_board(person: SignedIn, house: Here, query: Annotated[BoardQuery, Query()]) -> list[PhaseCount]:
    """How many open projects each phase has, how many are late, and how many in another party's hands."""
    with house.database.read() as connection:
        return board.board_counts(connection, person, _where(query), at=house.clock())


def _where(query: BoardQuery) -> BoardFilter:
    return BoardFilter(**query.model_dump(include=set(BoardFilter.model_fields)))
