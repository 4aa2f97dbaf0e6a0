"""Debts brought in: an account's overdue bills, and its one open case."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any, Literal

from fastapi import APIRouter, Response, status
from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool

from api import bodies, once, shown
from api.access import Opener, ProjectOpener, in_part
from api.cases import looked_into
from api.errands import Pending
from api.errors import documented
from api.house import Here, House
from api.once import Once, OnceOnly
from domain.connection.policy import Kind
from domain.refusals import Refused
from policies.packs import load_pack
from store import postings, projects, reads
from store.people import Person

router = APIRouter(tags=["cases"])
LOOK_AGAIN = (0.01, 0.02, 0.05, 0.1)


class OpenedShown(shown.CaseShown):
    """The case that the debt runs under. `joined`: it was open already, and the bills came to it."""

    joined: bool
    pending: Literal[False] = False


@router.post(
    "/arrears-cases",
    status_code=status.HTTP_201_CREATED,
    response_model=OpenedShown,
    responses=documented(403, 404, 409, 413, 422, 503)
    | {
        200: {"model": OpenedShown, "description": "The account had an open case: the bills joined it"},
        202: {"model": Pending, "description": "In the ledger; the case goes on record once a worker is back"},
    },
)
async def open_arrears_case(person: Opener, house: Here, opening: bodies.ArrearsOpening, key: OnceOnly) -> Response:
    """Bring an account's overdue bills in, and give it its one open case. Clerk, collector, supervisor."""
    at = house.clock()
    account = in_part(person, opening.account.record())
    bills = [bill.fact(at) for bill in opening.bills]

    def opens(connection: Connection) -> dict[str, Any]:
        reads.refuse_foreign_account(connection, person, account.no)
        given = opening.account.model_fields_set
        place = postings.open_case(connection, account, bills, given=given, pack=house.pack_on(at), at=at)
        return place.model_dump() | {"position": reads.ledger_position(connection, account.no)}

    return await _answer_opening(house, person, key, opens, at=at)


@router.post(
    "/connection-projects",
    status_code=status.HTTP_201_CREATED,
    response_model=OpenedShown,
    responses=documented(403, 409, 413, 422, 503)
    | {
        200: {"model": OpenedShown, "description": "The reference had opened this project before"},
        202: {"model": Pending, "description": "Taken in; the case goes on record once a worker is back"},
    },
)
async def open_connection_project(
    person: ProjectOpener, house: Here, opening: bodies.ConnectionOpening, key: OnceOnly
) -> Response:
    """Take an application for water in, and give it its case."""
    at = house.clock()
    pack = house.pack_on(at)
    checklist = papers_of(pack, opening.project.kind)
    record = opening.record(checklist=checklist, grid=person.grid, section=person.section, office=person.office)

    def opens(connection: Connection) -> dict[str, Any]:
        reads.refuse_foreign_project(connection, person, record.reference)
        return projects.open_in(connection, record, pack=pack, at=at).model_dump() | {"position": 0}

    return await _answer_opening(house, person, key, opens, at=at)


def papers_of(pack: str, kind: Kind) -> tuple[str, ...]:
    """The checklist of a kind of project. Raises `Refused("form-invalid")` where the pack connects nobody."""
    connection = load_pack(pack).connection
    if connection is None:
        raise Refused("form-invalid", f"pack {pack} has no connection section: this utility opens no projects here")
    return connection.checklist[kind].value if kind in connection.checklist else ()


async def _answer_opening(
    house: House, person: Person, key: Once, opens: Callable[[Connection], dict[str, Any]], *, at: datetime
) -> Response:
    """One effect a key; the case itself when it is on record in time, else word that it is pending."""
    kept = await run_in_threadpool(lambda: once.effect(house.database, key, opens, at=at))
    if kept.answer is None:
        house.engine.deliver_soon(at)
        case_no, new, position = (kept.effect[name] for name in ("case_no", "new", "position"))
        if not await on_record(house, case_no, position):
            pending = Pending(case_no=case_no)
            return Response(pending.model_dump_json(), status_code=202, media_type="application/json")
        answer = await run_in_threadpool(lambda: _opened(house, person, case_no, joined=not new))
        kept = await once.finish(house.database, key, status=201 if new else 200, answer=answer)
    return once.answered(kept)


def _opened(house: House, person: Person, case_no: str, *, joined: bool) -> dict[str, Any]:
    with house.database.read() as connection:
        row = reads.case_on_record(connection, case_no)
        fields = looked_into(connection, row, person, at=house.clock())
    return OpenedShown(**fields, joined=joined).model_dump(mode="json", by_alias=True)


async def on_record(house: House, case_no: str, position: int) -> bool:
    """Wait, as long as a door waits, until a case is on record and has taken in the ledger up to a position."""

    def there() -> bool:
        with house.database.read() as connection:
            return reads.case_at(connection, case_no, position)

    try:
        async with asyncio.timeout(house.settings.decision_timeout):
            looks = 0
            while not await run_in_threadpool(there):
                await asyncio.sleep(LOOK_AGAIN[min(looks, len(LOOK_AGAIN) - 1)])
                looks += 1
    except TimeoutError:
        return False
    return True
