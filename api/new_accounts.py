"""New customers: the accounts and meters that came of a project, and the first bills that are waited for."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel

from api import shown
from api.access import SignedIn, VisibleCase
from api.errors import documented
from api.house import Here
from domain.refusals import Refused
from store import new_accounts
from store.keyset import LONGEST_PAGE
from store.new_accounts import NewAccount

router = APIRouter(tags=["new customers"])


class FirstBillsShown(BaseModel):
    """How the first bills of a project stand. `late`: a cycle is over and some account had none, or is in no book."""

    case_no: str
    name: str
    of: str
    since: datetime
    route: str | None
    route_by: datetime | None
    billed_by: datetime
    accounts: int
    in_route: int
    billed: int
    late: bool


@router.get("/first-bills", responses=documented(403, 422))
def list_first_bills(
    person: SignedIn,
    house: Here,
    late: Annotated[bool, Query(description="only those whose cycle is over")] = False,
    after: Annotated[str | None, Query(max_length=400)] = None,
    limit: Annotated[int, Query(ge=1, le=LONGEST_PAGE)] = 50,
) -> shown.Listed[FirstBillsShown]:
    """Projects whose new accounts wait for their first bill, the soonest due first; one that is billed is gone."""
    if not person.inside:
        raise Refused("wrong-role", "first bills: this is for people of the utility")
    at = house.clock()
    with house.database.read() as connection:
        page = new_accounts.first_bills(connection, person, at=at, late=late, after=after, limit=limit)
    rows = [FirstBillsShown(**row.model_dump(), late=row.late(at)) for row in page.rows]
    return shown.Listed(items=rows, next=page.next)


@router.get("/cases/{case_no}/accounts", responses=documented(404, 422))
def list_accounts(
    house: Here,
    case: VisibleCase,
    after: Annotated[int, Query(ge=0, le=2**31 - 1, description="`next` of the page before")] = 0,
    limit: Annotated[int, Query(ge=1, le=LONGEST_PAGE)] = LONGEST_PAGE,
) -> shown.Listed[NewAccount]:
    """The accounts that were opened of a project's items, by item."""
    with house.database.read() as connection:
        rows = new_accounts.opened(connection, case.case_no, after=after, limit=limit + 1)
    return shown.Listed(items=rows[:limit], next=str(rows[limit - 1].item) if len(rows) > limit else None)
