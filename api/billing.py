"""What billing reports: payments, payments taken back, further bills, and that the ledger is complete.

By a clerk at the counter, or by the billing system under an administrator's account. Only the latter may say that the
ledger is complete: a customer's water hangs on it.
"""

from datetime import datetime, timedelta
from typing import Any

from fastapi import APIRouter, Response, status
from pydantic import BaseModel
from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool

from api import bodies, once, shown
from api.access import BillingSystem, Bookkeeper
from api.errors import documented
from api.house import Here, House
from api.once import OnceOnly
from domain.account import Payment, Reversal, Void
from domain.refusals import Refused
from store import ledger, postings, reads
from store.answers import Kept
from store.people import Person

router = APIRouter(tags=["billing"])
CLOCKS_DIFFER = timedelta(minutes=5)
REFUSES = documented(403, 404, 409, 413, 422, 503)


class PaymentTaken(BaseModel):
    """A payment in the ledger. `new`: false when the same one was there already, and nothing changed."""

    account: str
    reference: str
    amount: shown.Money
    bills: list[str]
    paid_at: datetime
    new: bool


class ReversalTaken(BaseModel):
    account: str
    reference: str
    new: bool


class BillTaken(BaseModel):
    """A bill in the ledger, and the open case that it runs under once anything is overdue."""

    account: str
    no: str
    new: bool
    case_no: str | None


class CorrectionTaken(BaseModel):
    """A bill taken back. `new`: false when it was already, and nothing changed."""

    account: str
    no: str
    corrected_by: str | None
    new: bool
    case_no: str | None


class AccountChangeTaken(BaseModel):
    account: str
    new: bool


class LedgerConfirmed(BaseModel):
    source: str
    at: datetime


@router.post(
    "/payments",
    status_code=status.HTTP_201_CREATED,
    response_model=PaymentTaken,
    responses=REFUSES | {200: {"model": PaymentTaken, "description": "Known already: nothing changed"}},
)
async def take_payment(person: Bookkeeper, house: Here, body: bodies.PaymentBody, key: OnceOnly) -> Response:
    """Money received. The same reference and amount again changes nothing; another amount is refused `duplicate`.

    Clerk, or the billing system (administrator).
    """
    at = house.clock()
    paid_at = _not_ahead(body.paid_at or at, at, "paid_at")
    payment = Payment(reference=body.reference, amount_fen=body.amount, bills=body.bills, paid_at=paid_at, at=at)

    def takes(connection: Connection) -> dict[str, Any]:
        reads.refuse_foreign_account(connection, person, body.account, absent=False)
        new = postings.post(connection, body.account, payment)
        taken = PaymentTaken(
            **body.model_dump(exclude={"paid_at", "amount"}), amount=body.amount, paid_at=paid_at, new=new
        )
        return taken.model_dump(mode="json")

    return await _posted(house, key, takes, at=at)


@router.post("/payments/{reference}/reverse", response_model=ReversalTaken, responses=REFUSES)
async def reverse_payment(
    person: Bookkeeper, house: Here, reference: str, key: OnceOnly, body: bodies.ReversalBody | None = None
) -> Response:
    """A payment taken back: returned by the bank, or booked to the wrong account. Again changes nothing.

    Clerk, or the billing system (administrator).
    """
    at = house.clock()

    def takes(connection: Connection) -> dict[str, Any]:
        account = reads.account_of_payment(connection, person, reference)
        if account is None or (body is not None and body.account not in (None, account)):
            raise Refused("unknown", "there is no such payment, or not for you: look its reference and account up")
        new = postings.post(connection, account, Reversal(reference=reference, at=at))
        return ReversalTaken(account=account, reference=reference, new=new).model_dump(mode="json")

    return await _posted(house, key, takes, at=at, created=200)


@router.post(
    "/bills",
    status_code=status.HTTP_201_CREATED,
    response_model=BillTaken,
    responses=REFUSES | {200: {"model": BillTaken, "description": "Known already: nothing changed"}},
)
async def take_bill(person: Bookkeeper, house: Here, body: bodies.BillBody, key: OnceOnly) -> Response:
    """Another bill of an account: it joins the open case, or opens one when it is overdue.

    Clerk, or the billing system (administrator).
    """
    at = house.clock()

    def takes(connection: Connection) -> dict[str, Any]:
        reads.refuse_foreign_account(connection, person, body.account, absent=False)
        new, place = postings.bill(connection, body.account, body.fact(at), pack=house.pack_on(at), at=at)
        case_no = place.case_no if place else None
        return BillTaken(account=body.account, no=body.no, new=new, case_no=case_no).model_dump(mode="json")

    return await _posted(house, key, takes, at=at)


@router.post("/bills/{no}/correct", response_model=CorrectionTaken, responses=REFUSES)
async def correct_bill(
    person: Bookkeeper, house: Here, no: bodies.BillNo, body: bodies.CorrectionBody, key: OnceOnly
) -> Response:
    """A bill was wrong: it counts as never issued, and the one in its place stands. Again changes nothing.

    A notice that named more than is due is served again. Clerk, or the billing system (administrator).
    """
    return await corrected(person, house, no, body, key)


async def corrected(person: Person, house: House, no: str, body: bodies.CorrectionBody, key: once.Once) -> Response:
    """The same for a page."""
    at = house.clock()
    instead = body.instead.fact(at) if body.instead else None
    void = Void(no=no, corrected_by=instead.no if instead else None, reason=body.reason, at=at)
    if instead is not None and instead.no == no:
        raise Refused(
            "form-invalid",
            "instead.no: a corrected bill has a number of its own: give another",
            zh="更正后的账单要用新的账单号。",
        )

    def takes(connection: Connection) -> dict[str, Any]:
        reads.refuse_foreign_account(connection, person, body.account, absent=False)
        new, place = postings.correct(connection, body.account, void, instead, pack=house.pack_on(at), at=at)
        taken = CorrectionTaken(
            account=body.account,
            no=no,
            corrected_by=void.corrected_by,
            new=new,
            case_no=place.case_no if place else None,
        )
        return taken.model_dump(mode="json")

    return await _posted(house, key, takes, at=at, created=200)


@router.post("/accounts/{account}/changes", response_model=AccountChangeTaken, responses=REFUSES)
async def change_account(
    person: Bookkeeper, house: Here, account: bodies.AccountNo, body: bodies.AccountChangeBody, key: OnceOnly
) -> Response:
    """Another tenant or owner, an account closed, suspended or resumed, a house demolished, another class.

    Whoever comes after is never limited for what was left behind. Clerk, or the billing system (administrator).
    """
    return await changed(person, house, account, body, key)


async def changed(
    person: Person, house: House, account: str, body: bodies.AccountChangeBody, key: once.Once
) -> Response:
    """The same for a page."""
    at = house.clock()

    def takes(connection: Connection) -> dict[str, Any]:
        reads.refuse_foreign_account(connection, person, account, absent=False)
        new = False
        if body.customer_class is not None:
            stands = ledger.account_record(connection, account)
            new = stands.customer_class != body.customer_class
            ledger.put_account(connection, stands.model_copy(update={"customer_class": body.customer_class}), at=at)
        if (change := body.fact(at)) is not None:
            new = postings.change(connection, account, change) or new
        return AccountChangeTaken(account=account, new=new).model_dump(mode="json")

    return await _posted(house, key, takes, at=at, created=200)


@router.post("/ledger/confirm", responses=documented(403, 413, 422, 503))
def confirm_ledger(person: BillingSystem, house: Here, body: bodies.ConfirmBody) -> LedgerConfirmed:
    """Billing says: everything up to `at` is here. A limit needs this to be recent; an earlier one changes nothing.

    The billing system (administrator) alone.
    """
    at = _not_ahead(body.at, house.clock(), "at")
    with house.database.write() as connection:
        return LedgerConfirmed(source=body.source, at=postings.confirm(connection, body.source, at=at))


def _not_ahead(said: datetime, now: datetime, field: str) -> datetime:
    """Clocks differ by minutes; what lies further ahead is a mistake, and would count money or data not there yet."""
    if said > now + CLOCKS_DIFFER:
        raise Refused("form-invalid", f"{field}: lies in the future; give when it happened")
    return min(said, now)


async def _posted(house: House, key: once.Once, takes: Any, *, at: datetime, created: int = 201) -> Response:
    kept = await run_in_threadpool(lambda: once.effect(house.database, key, takes, at=at))
    house.engine.deliver_soon(at)
    return once.answered(Kept(answer=kept.effect, status=created if kept.effect["new"] else 200))
