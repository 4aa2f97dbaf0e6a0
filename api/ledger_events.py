"""The billing system's own door: payments, payments taken back, bills, accounts, its word that all of it is here.

Signed (`api/signed.py`), idempotent by the event's id, in any order. docs/guides/billing.en.md tells its people how.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field, StringConstraints
from starlette.concurrency import run_in_threadpool

from api import bodies, signed
from api.errors import documented
from api.house import Here, House
from domain.account import Payment, Reversal
from domain.money import PositiveYuan
from store import events, postings
from store.events import BillingEvent, Taken
from store.ledger import AccountRecord

router = APIRouter(tags=["billing"])
CLOCKS_DIFFER = timedelta(minutes=5)
MOST_EVENTS = 1000
SOURCE = "billing"
SAID = {
    "duplicate": "stands already with another amount, account or content: give what is new an id and number of its own",
    "form-invalid": "at: lies in the future; give when it happened",
    "unknown": "waits for its account, or for the payment that it takes back",
}
EventId = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,100}$")]


class _Told(bodies.Body):
    id: EventId = Field(description="The sender's own; the same id again changes nothing")
    at: bodies.Instant = Field(description="When it happened in billing")


class _Of(_Told):
    account: bodies.AccountNo


class BillTold(_Of):
    kind: Literal["bill"]
    bill: bodies.OpeningBill


class PaymentTold(_Of):
    """`at` is when the customer paid. `bills` left out: undisputed overdue bills, oldest first."""

    kind: Literal["payment"]
    reference: bodies.Reference
    amount: PositiveYuan
    bills: bodies.BillNos = ()


class ReversalTold(_Of):
    kind: Literal["reversal"]
    reference: bodies.Reference


class AccountTold(_Told):
    """A field left out says nothing of it; of each field the latest word holds."""

    kind: Literal["account"]
    account: bodies.OpeningAccount


class ConfirmTold(_Told):
    """Everything up to `at` is here. A limit needs this to be recent."""

    kind: Literal["confirm"]


EventTold = Annotated[BillTold | PaymentTold | ReversalTold | AccountTold | ConfirmTold, Field(discriminator="kind")]


class EventsBody(bodies.Body):
    events: tuple[EventTold, ...] = Field(min_length=1, max_length=MOST_EVENTS)


class EventTaken(BaseModel):
    """What became of the event at `index`. `known`: it had come before. `waiting`: for its account or payment."""

    index: int
    fate: Literal["taken", "waiting", "refused"]
    known: bool
    code: str | None = None
    message: str | None = None


class EventsTaken(BaseModel):
    """How many were taken in, had come before, wait, were refused; one by one those that were not simply taken."""

    taken: int
    known: int
    waiting: int
    refused: int
    told: list[EventTaken]


async def _events(request: Request, house: Here) -> EventsBody:
    return await signed.read(request, house.settings.secrets_of("billing"), EventsBody, now=house.clock())


BODY = {"requestBody": {"required": True, "content": {"application/json": {"schema": EventsBody.model_json_schema()}}}}


@router.post("/ledger/events", responses=documented(413, 503), openapi_extra=signed.DESCRIBED | BODY)
async def take_events(house: Here, told: Annotated[EventsBody, Depends(_events)]) -> EventsTaken:
    """What billing tells, signed. Each event has one effect however often and in whatever order it comes.

    An event that is refused does not stop the others: the answer names it by its place.
    """
    at = house.clock()
    outcomes = await run_in_threadpool(_take, house, told.events, at=at)
    house.engine.deliver_soon(at)
    fates = [each.fate for each in outcomes if not each.known]
    counts = {fate: fates.count(fate) for fate in ("taken", "waiting", "refused")}
    return EventsTaken(
        **counts,
        known=len(outcomes) - len(fates),
        told=[
            EventTaken(index=index, **each.model_dump(), message=SAID.get(each.code or ""))
            for index, each in enumerate(outcomes)
            if each.known or each.fate != "taken"
        ],
    )


def _take(house: House, told: Sequence[Any], *, at: datetime) -> list[Taken]:
    pack = house.pack_on(at)
    return [_one(house, each, pack=pack, at=at) for each in told]


def _one(house: House, told: Any, *, pack: str, at: datetime) -> Taken:
    if told.at > at + CLOCKS_DIFFER:
        return Taken(fate="refused", code="form-invalid")
    said_at = min(told.at, at)
    if isinstance(told, ConfirmTold):
        with house.database.write() as connection:
            postings.confirm(connection, SOURCE, at=said_at)
        return Taken(fate="taken")
    return events.take(house.database, _as_event(told, at=at), pack=pack, at=at)


def _as_event(told: Any, *, at: datetime) -> BillingEvent:
    body = told.model_dump(mode="json")
    match told:
        case AccountTold():
            account = AccountRecord(**told.account.model_dump())
            given = frozenset(told.account.model_fields_set) - {"no"}
            return BillingEvent(told.id, account.no, told.at, body, account=account, given=given)
        case BillTold():
            return BillingEvent(told.id, told.account, told.at, body, fact=told.bill.fact(at))
        case PaymentTold():
            payment = Payment(
                reference=told.reference, amount_fen=told.amount, bills=told.bills, paid_at=min(told.at, at), at=at
            )
            return BillingEvent(told.id, told.account, told.at, body, fact=payment)
        case _:
            return BillingEvent(told.id, told.account, told.at, body, fact=Reversal(reference=told.reference, at=at))
