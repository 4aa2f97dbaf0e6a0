"""The ledger of projects that are served, on a page."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from api.pages.frame import Looking
from api.service_ledger import ServiceQuery
from store.service_ledger import service_ledger
from store.time_to_water import QUARTER, customer_cost

router = APIRouter(include_in_schema=False)
ROWS = 50


class LedgerQuery(ServiceQuery):
    after: str | None = None


@router.get("/service-ledger")
def look(viewer: Looking, query: Annotated[LedgerQuery, Query()]) -> Response:
    """Every project in sight: who serves it, how far it is, what the customer met with, and what came of it."""
    with viewer.house.database.read() as connection:
        page = service_ledger(connection, viewer.person, query.where(), at=viewer.now, after=query.after, limit=ROWS)
        cost = [customer_cost(connection, viewer.person, until=until) for until in (viewer.now, viewer.now - QUARTER)]
    return viewer.show("service_ledger.html", page=page, query=query, cost=cost)
