"""Limit orders: issued, and marked done, only in a transaction that finds every condition of the interlock met."""

from datetime import datetime
from typing import Any, Literal

from pydantic import AwareDatetime
from sqlalchemy import Connection, func, select, update

from domain.account import Changed, LedgerFact, Payment, Standing, standing
from domain.arrears.facts import ArrearsFacts
from domain.arrears.interlock import Condition, Moment, interlock, unmet
from domain.arrears.policy import ArrearsPolicy
from domain.calendars import Calendar
from domain.policy import Strict
from store import ledger, reconciliations, recoveries, unheard
from store.database import Database, upsert
from store.tables import cases, limit_orders


class LimitRequest(Strict):
    """A question to the interlock. `sequence` is the last entry the asking case has recorded."""

    moment: Moment
    case_no: str
    account_no: str
    sequence: int
    policy: ArrearsPolicy
    calendar: Calendar
    at: AwareDatetime
    order_no: str
    approver: str | None = None


class LimitAnswer(Strict):
    """`allowed` only when nothing is unmet; at issue with the order's fence token, which only grows."""

    allowed: bool
    unmet: tuple[Condition, ...] = ()
    fence: int | None = None


def ask(database: Database, request: LimitRequest) -> LimitAnswer:
    """Check every condition in one transaction with the ledger, and in it issue the order or mark it done.

    Asked again after it was carried out (the worker died before it heard), it answers the same and changes nothing;
    but an order whose grounds are gone by then is taken back, and the answer is no.
    """
    with database.write() as connection:
        ledger.lock_account(connection, request.account_no)
        order = connection.execute(
            select(limit_orders).where(limit_orders.c.order_no == request.order_no)
        ).one_or_none()
        if order is not None and (request.moment, order.status) == ("valve", "done"):
            return LimitAnswer(allowed=True, fence=order.fence)
        conditions = conditions_now(connection, request, order=order)
        if order is not None and (request.moment, order.status) == ("issue", "issued"):
            # The case may be on record beyond the question: what the dead worker heard and wrote after the order.
            missing = tuple(condition for condition in unmet(conditions) if condition.key != "record-current")
            if not missing:
                return LimitAnswer(allowed=True, fence=order.fence)
            _close(connection, request, "recalled")
            return LimitAnswer(allowed=False, unmet=missing)
        if missing := unmet(conditions):
            return LimitAnswer(allowed=False, unmet=missing)
        return _carry_out(connection, request)


def conditions_now(connection: Connection, request: LimitRequest, *, order: Any) -> tuple[Condition, ...]:
    """The interlock's conditions as the database has them in this transaction."""
    case = connection.execute(
        select(cases.c.facts, cases.c.sequence).where(cases.c.case_no == request.case_no)
    ).one_or_none()
    if case is None:
        nothing = Condition(
            key="record-current", met=None, zh="案卷记录为最新", en="the case record read is the latest"
        )
        return (nothing,)
    if request.sequence > case.sequence:
        recoveries.note(connection, because="behind-its-case", at=request.at, case_no=request.case_no)
    facts = ArrearsFacts.model_validate(case.facts)
    latest = connection.scalar(
        select(func.max(limit_orders.c.fence)).where(limit_orders.c.account_no == request.account_no)
    )
    account = ledger.account(connection, request.account_no)
    return interlock(
        moment=request.moment,
        facts=facts.model_copy(update={"account": account}),
        owed=balance(connection, request, facts),
        policy=request.policy,
        calendar=request.calendar,
        at=request.at,
        synced_at=ledger.synced_at(connection),
        snapshot_is_current=case.sequence == request.sequence,
        fence_is_current=order is not None and order.status == "issued" and order.fence == latest,
        approver=request.approver,
        billing_differs=reconciliations.differs(connection, request.account_no),
        unheard=unheard.waits(connection, request.account_no),
        recovering=recoveries.forbids(connection, request.account_no),
    )


def balance(connection: Connection, request: LimitRequest, facts: ArrearsFacts) -> Standing:
    """What the account owes by the ledger itself, not by what the case has heard of it.

    Money that is here counts, and so does a dispute on record and another tenant, even where the question is about an
    instant before.
    """
    known = [_known(fact, request.at) for _, fact in ledger.facts_after(connection, request.account_no, 0)]
    disputes = [d.model_copy(update={"started_at": min(d.started_at, request.at)}) for d in facts.disputes]
    return standing(facts=known, disputes=disputes, waived=facts.waived, as_of=request.at)


def _known(fact: LedgerFact, at: datetime) -> LedgerFact:
    match fact:
        case Payment():
            return fact.model_copy(update={"paid_at": min(fact.paid_at, at)})
        case Changed():
            return fact.model_copy(update={"at": min(fact.at, at)})
        case _:
            return fact


def _carry_out(connection: Connection, request: LimitRequest) -> LimitAnswer:
    match request.moment:
        case "decision":
            return LimitAnswer(allowed=True)
        case "issue":
            latest = connection.scalar(
                select(func.max(limit_orders.c.fence)).where(limit_orders.c.account_no == request.account_no)
            )
            fence = max(latest or 0, recoveries.least_fence(connection)) + 1
            # A number whose order was taken back before the case heard of it is given out again, with a new token.
            row = {
                "order_no": request.order_no,
                "case_no": request.case_no,
                "account_no": request.account_no,
                "fence": fence,
                "status": "issued",
                "issued_at": request.at,
                "closed_at": None,
            }
            upsert(connection, limit_orders, row, key=("order_no",))
            return LimitAnswer(allowed=True, fence=fence)
        case "valve":
            _close(connection, request, "done")
            return LimitAnswer(allowed=True)


def _close(connection: Connection, request: LimitRequest, status: Literal["done", "recalled"]) -> None:
    mine = limit_orders.c.order_no == request.order_no
    connection.execute(update(limit_orders).where(mine).values(status=status, closed_at=request.at))
