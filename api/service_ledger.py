"""The ledger of projects that are served: as JSON, and as Excel with a line for each problem."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse
from pydantic import BaseModel, ConfigDict, Field

from api import bodies, shown
from api.access import SignedIn
from api.errors import documented
from api.exports import sent
from api.house import Here
from api.pages.words import language_of
from api.sheets import service_sheet
from api.workbooks import BOOK
from store.keyset import LONGEST_PAGE
from store.service_ledger import ServiceFilter, ServiceRow, service_ledger
from store.time_to_water import QUARTER, CustomerCost, customer_cost

router = APIRouter(tags=["cases"])


class ServiceQuery(BaseModel):
    """Filters of the ledger; all that are given must fit, and an empty one is none."""

    model_config = ConfigDict(extra="forbid")

    status: Literal["open", "closed", ""] = ""
    grid: bodies.Line | Literal[""] = ""
    section: bodies.Line | Literal[""] = ""
    office: bodies.Line | Literal[""] = ""

    def where(self) -> ServiceFilter:
        return ServiceFilter(**{name: getattr(self, name) or None for name in ServiceFilter.model_fields})


class ServicePage(ServiceQuery):
    after: str | None = Field(None, max_length=400, description="`next` of the page before")
    limit: int = Field(50, ge=1, le=LONGEST_PAGE)


@router.get("/service-ledger", responses=documented(422))
def read_ledger(person: SignedIn, house: Here, query: Annotated[ServicePage, Query()]) -> shown.Listed[ServiceRow]:
    """Projects in sight with progress, problems and what came of them, the newest first."""
    with house.database.read() as connection:
        page = service_ledger(connection, person, query.where(), at=house.clock(), after=query.after, limit=query.limit)
    return shown.Listed(items=page.rows, next=page.next)


@router.get("/customer-cost", responses=documented())
def read_cost(person: SignedIn, house: Here) -> list[CustomerCost]:
    """What projects took of their customers: those done in this quarter of a year, and in the one before."""
    at = house.clock()
    with house.database.read() as connection:
        return [customer_cost(connection, person, until=until) for until in (at, at - QUARTER)]


@router.get("/service-ledger.xlsx", response_class=FileResponse, responses=documented(422) | BOOK)
def export_ledger(
    request: Request, person: SignedIn, house: Here, query: Annotated[ServiceQuery, Query()]
) -> FileResponse:
    """The ledger as Excel."""
    at, where = house.clock(), query.where()
    return sent(
        request,
        house,
        service_sheet(language_of(request)),
        lambda connection, after, limit: service_ledger(connection, person, where, at=at, after=after, limit=limit),
    )
