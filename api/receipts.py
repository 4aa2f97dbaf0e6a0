"""Receipts of messages: what a provider, or the gateway before it, reports of them afterwards; signed (`signed`)."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field, StringConstraints
from starlette.concurrency import run_in_threadpool

from api import bodies, signed
from api.errors import documented
from api.house import Here, House
from store import notices
from store.notices import Receipt

router = APIRouter(tags=["messages"])
MOST_RECEIPTS = 1000


class ReceiptTold(bodies.Body):
    """`reference`: our own, which travelled with the message. `code`: the carrier's, when it failed."""

    reference: Annotated[str, StringConstraints(pattern=r"^[!-.0-~]{1,40}/[!-.0-~]{1,60}$")]
    status: Literal["delivered", "failed"]
    code: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.:-]{1,60}$")] | None = None
    at: bodies.Instant


class ReceiptsBody(bodies.Body):
    receipts: tuple[ReceiptTold, ...] = Field(min_length=1, max_length=MOST_RECEIPTS)


class ReceiptsTaken(BaseModel):
    """How many were news, had come before, and belong to no message of ours."""

    taken: int
    known: int
    unknown: int


async def _receipts(request: Request, house: Here) -> ReceiptsBody:
    return await signed.read(request, house.settings.secrets_of("receipts"), ReceiptsBody, now=house.clock())


BODY = {
    "requestBody": {"required": True, "content": {"application/json": {"schema": ReceiptsBody.model_json_schema()}}}
}


@router.post("/messages/receipts", responses=documented(413, 503), openapi_extra=signed.DESCRIBED | BODY)
async def take_receipts(house: Here, told: Annotated[ReceiptsBody, Depends(_receipts)]) -> ReceiptsTaken:
    """What became of messages, signed. Each counts once; one that failed goes by the next channel of the pack."""
    fates = await run_in_threadpool(_take, house, told)
    house.engine.deliver_soon(house.clock())
    return ReceiptsTaken(**{fate: fates.count(fate) for fate in ("taken", "known", "unknown")})


def _take(house: House, told: ReceiptsBody) -> list[str]:
    at = house.clock()
    fates: list[str] = []
    for each in told.receipts:
        receipt = Receipt(**each.model_dump(exclude={"at"}), at=min(each.at, at))
        with house.database.write() as connection:
            fates.append(notices.report(connection, receipt, at=at))
    return fates
