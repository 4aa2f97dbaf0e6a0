"""Accounts in debt, and a case that stands right before its limit order."""

from datetime import date, datetime, timedelta
from typing import Literal

from domain.account import Bill, Payment
from domain.arrears.facts import Approval, ArrearsFacts, LimitOrder, OpenHold, Served
from domain.arrears.policy import ArrearsPolicy, Contacts, Report, Serve
from domain.calendars import CHINA
from policies.packs import load_calendar, load_pack
from store import casebook, intake, ledger
from store.casebook import Batch, Entry, Snapshot
from store.database import Database
from store.intake import Place
from store.ledger import AccountRecord
from store.orders import LimitRequest

PACK = "jinan@2020-01-29"
OPENED_AT = datetime(2026, 3, 11, 9, tzinfo=CHINA)
ORDER_AT = datetime(2026, 4, 20, 9, tzinfo=CHINA)
CALENDAR = load_calendar()


def policy() -> ArrearsPolicy:
    arrears = load_pack(PACK).arrears
    assert arrears is not None
    return arrears


def bill(no: str = "B1", *, fen: int = 8640) -> Bill:
    return Bill(no=no, period="2026-02", amount_fen=fen, due_on=date(2026, 3, 10), at=OPENED_AT)


def payment(reference: str = "T1", *, fen: int = 8640, at: datetime = ORDER_AT) -> Payment:
    return Payment(reference=reference, amount_fen=fen, paid_at=at, at=at)


def open_case(database: Database, account_no: str = "0410023", *, at: datetime = OPENED_AT) -> Place:
    record = AccountRecord(no=account_no, customer_class="resident", phone="13800000000")
    return intake.open_arrears(database, record, [bill()], pack=PACK, at=at)


def ready(case_no: str, account_no: str = "0410023", *, order: LimitOrder | None = None) -> ArrearsFacts:
    """Facts that the interlock finds nothing wrong with at `ORDER_AT`."""
    served_at = ORDER_AT - timedelta(days=40)
    ladder = policy().ladder
    return ArrearsFacts.model_validate(
        {
            "case_no": case_no,
            "pack": PACK,
            "opened_at": OPENED_AT,
            "as_of": ORDER_AT,
            "account": {"no": account_no, "customer_class": "resident"},
            "ledger": (bill(),),
            "contacts": max((rung.count.value for rung in ladder if isinstance(rung, Contacts)), default=0),
            "reports": {rung.task: "collector" for rung in ladder if isinstance(rung, Report)},
            "served": {
                rung.task: Served(at=served_at, by="collector", method="posted", amount_fen=8640)
                for rung in ladder
                if isinstance(rung, Serve)
            },
            "approval": Approval(by="supervisor", at=ORDER_AT),
            "order": order,
        }
    )


def record_facts(
    database: Database, facts: ArrearsFacts, *, sequence: int = 1, ledger_position: int = 0, **snapshot: object
) -> None:
    """Put a case on record with these facts."""
    account_no = facts.account.no
    shown = {
        "process": "arrears",
        "subject": account_no,
        "workflow_id": f"arrears/{account_no}",
        "pack": PACK,
        "stage": "limit-notified",
        "outcome": facts.outcome,
        "standing": None,
        "amount_fen": 8640,
        "opened_at": OPENED_AT,
        "closed_at": None,
        "next_wake": None,
        "ledger_position": ledger_position,
        "facts": facts.model_dump(mode="json"),
    }
    entry = Entry(sequence=sequence, event="ContactRecorded", at=ORDER_AT, by="collector", body={})
    batch = Batch(
        case_no=facts.case_no,
        run=1,
        history=3 * sequence,
        entries=(entry,),
        snapshot=Snapshot.model_validate(shown | snapshot),
        tasks=(),
    )
    casebook.record(database, batch)


def confirm_ledger(database: Database, *, at: datetime = ORDER_AT) -> None:
    with database.write() as connection:
        ledger.confirm_sync(connection, source="billing", at=at)


def request(
    facts: ArrearsFacts,
    *,
    moment: Literal["decision", "issue", "valve"] = "issue",
    sequence: int = 1,
    order_no: str | None = None,
    at: datetime = ORDER_AT,
) -> LimitRequest:
    return LimitRequest(
        moment=moment,
        case_no=facts.case_no,
        account_no=facts.account.no,
        sequence=sequence,
        policy=policy(),
        calendar=CALENDAR,
        at=at,
        order_no=order_no or f"{facts.case_no}-L1",
        approver="supervisor",
    )


def on_hold(facts: ArrearsFacts) -> ArrearsFacts:
    hold = OpenHold(id="hold-1", kind="hold", reason="asked for time", started_at=ORDER_AT)
    return facts.model_copy(update={"holds": (hold,)})
