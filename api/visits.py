"""The survey's hour through doors: what is on offer, taken or moved, and that somebody has come."""

from datetime import datetime
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel
from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool

from api import bodies, processes, shown
from api.access import DecidableCase, VisibleCase
from api.errands import Errand, Errands, Pending, Told
from api.errors import documented
from api.house import EngineAway, Here, House
from domain.connection.visits import SURVEY, Arrive, BookVisit, Slot, slots
from domain.people import Role
from domain.processes import TASKS
from domain.refusals import Refused
from store import visits
from store.visits import Offer

router = APIRouter(prefix="/cases/{case_no}", tags=["what a case is told"])
TOLD = documented(403, 404, 409, 422, 503) | {
    202: {"model": Pending, "description": "Accepted; carried out once a worker is back"}
}


class OfferShown(BaseModel):
    """Hours on offer for the survey; `taken` of `room` visits are agreed on already."""

    starts_at: datetime
    ends_at: datetime
    taken: int
    room: int


@router.get("/slots", responses=documented(404))
def list_slots(house: Here, case: VisibleCase) -> shown.Listed[OfferShown]:
    """The hours at which the survey of a project may be, the next first; none for another case."""
    with house.database.read() as connection:
        found = on_offer(connection, case, at=house.clock())
    return shown.Listed(items=[OfferShown(**each.model_dump()) for each in found])


@router.post("/book", responses=TOLD)
async def book(case: DecidableCase, body: bodies.BookBody, errand: Errand, house: Here) -> Told | Pending:
    """Agree on the survey's hour, or move it. The customer, representative, service manager, supervisor."""
    return await booked(house, errand, case, body.starts_at, body.ends_at, reason=body.reason)


@router.post("/arrive", responses=TOLD)
async def arrive(case: DecidableCase, errand: Errand, body: bodies.ReleaseBody | None = None) -> Told | Pending:
    """Whoever surveys is there: on time or not, by what was agreed. The survey's role, supervisor."""
    return await errand.tell(case, Arrive)


async def booked(
    house: House,
    errand: Errands,
    case: Any,
    starts_at: datetime,
    ends_at: datetime | None,
    *,
    reason: str | None = None,
) -> Told | Pending:
    """Take an hour and tell the case; an hour that the case does not take is free again. Raises as `Errands.tell`."""
    outside = not errand.person.inside

    def holds() -> visits.Held | None:
        with house.database.write() as connection:
            terms = _terms(connection, case)
            if terms is None:
                return None
            return visits.hold(connection, case, starts_at, ends_at, may_overbook=not outside, **terms)

    held = await run_in_threadpool(holds)
    try:
        return await errand.tell(case, BookVisit, starts_at=starts_at, ends_at=ends_at, reason=reason)
    except (Refused, EngineAway):
        if held is not None:
            await run_in_threadpool(_give_back, house, held)
        raise


def _give_back(house: House, held: visits.Held) -> None:
    with house.database.write() as connection:
        visits.give_back(connection, held)


def on_offer(connection: Connection, case: Any, *, at: datetime) -> list[Offer]:
    """The hours at which this project may be surveyed, with what of them is taken."""
    terms = _terms(connection, case)
    if terms is None:
        return []
    standing = processes.on_record(connection, case)
    found: tuple[Slot, ...] = slots(standing.policy, standing.calendar, now=at)
    return visits.offers(connection, case, found, **terms)


def _terms(connection: Connection, case: Any) -> dict[str, Any] | None:
    """Who surveys, and how many such visits each can make; None where nobody can say."""
    if case.process != "connection":
        return None
    policy = processes.on_record(connection, case).policy
    if policy.visits is None:
        return None
    who = policy.who.get(SURVEY)
    role: Role = who.value.role if who is not None else TASKS[SURVEY].role
    return {"role": role, "each": policy.visits.each.value}
