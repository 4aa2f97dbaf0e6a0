"""The items of a project: listed with what was seen of each, and looks at many of them noted at once."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from api import acceptance, bodies, files, shown
from api.access import DecidableCase, SignedIn, VisibleCase
from api.errors import documented
from api.house import Here
from domain.connection.items import Fault, Item, Look, Measured
from store import items
from store.items import Replaced, Seen, Show
from store.keyset import LONGEST_PAGE

router = APIRouter(prefix="/cases/{case_no}", tags=["items"])


class ItemQuery(BaseModel):
    """Filters of the items; all that are given must fit. `show` open: not looked at yet."""

    model_config = ConfigDict(extra="forbid")

    show: Show = "all"
    building: bodies.Line | None = None
    after: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0
    limit: int = Field(50, ge=1, le=LONGEST_PAGE)


class ItemShown(BaseModel):
    """An item and the last look at it in the round that is on."""

    no: int
    door: str | None
    item: Item | None
    passed: bool | None
    reason: str | None
    measured: Measured | None
    photo: str | None
    by: str | None
    at: datetime | None


class Answered(BaseModel):
    """What became of a look: failed after all where the rules found something, and whose look it replaced."""

    no: int
    passed: bool | None
    reason: str | None
    faults: list[Fault]
    replaced: Replaced | None


class LooksNoted(BaseModel):
    round: int
    passed: int
    failed: int
    left: int
    looks: list[Answered]


@router.get("/items", responses=documented(404, 422))
def list_items(house: Here, case: VisibleCase, query: Annotated[ItemQuery, Query()]) -> shown.Listed[ItemShown]:
    """The items of the round that is on, by their numbers."""
    with house.database.read() as connection:
        stands = acceptance.standing(connection, case.case_no)
        rows = items.seen(
            connection,
            case.case_no,
            stands.facts.round,
            stands.facts.round_items(),
            show=query.show,
            building=query.building,
            after=query.after,
            limit=query.limit + 1,
        )
    page = rows[: query.limit]
    return shown.Listed(items=[_shown(row) for row in page], next=str(page[-1].no) if len(rows) > query.limit else None)


def _shown(row: Seen) -> ItemShown:
    look = row.look
    return ItemShown(
        no=row.no,
        door=row.item.door if row.item else None,
        item=row.item,
        passed=look.passed if look else None,
        reason=look.reason if look else None,
        measured=look.measured if look else None,
        photo=look.photo if look else None,
        by=row.by,
        at=row.at,
    )


@router.post("/items/looks", responses=documented(403, 404, 409, 413, 422))
async def note_looks(person: SignedIn, case: DecidableCase, body: bodies.LooksBody, house: Here) -> LooksNoted:
    """What was seen of items, up to 500 at once, all or none; whoever may decide the open acceptance.

    One that passed in spite of what was measured is kept as failed, with the reason. The last look at an item stands.
    """
    looks = [(look.no, look_of(look.model_dump(exclude={"no"}), look.passed)) for look in body.looks]
    await run_in_threadpool(
        files.refuse_foreign_files, house, case.case_no, {"photo": [look.photo for look in body.looks if look.photo]}
    )
    noted = await run_in_threadpool(acceptance.note, house, person, case.case_no, body.round, looks)
    with house.database.read() as connection:
        passed, failed = items.counted(connection, case.case_no, body.round)
        asked = len(acceptance.standing(connection, case.case_no).facts.round_items())
    return LooksNoted(
        round=body.round,
        passed=passed,
        failed=failed,
        left=asked - passed - failed,
        looks=[answered(each) for each in noted],
    )


def look_of(said: dict[str, Any], passed: bool | None) -> Look | None:
    """The look that was said; None takes one back. Raises `RequestValidationError` for a failure without a reason."""
    if passed is None:
        return None
    try:
        return Look.model_validate(said)
    except ValueError:
        fault = {"type": "missing", "loc": ("body", "looks", "reason"), "msg": "a failed item says why"}
        raise RequestValidationError([fault]) from None


def answered(noted: acceptance.Noted) -> Answered:
    look = noted.look
    return Answered(
        no=noted.no,
        passed=look.passed if look else None,
        reason=look.reason if look else None,
        faults=noted.faults,
        replaced=noted.replaced,
    )
