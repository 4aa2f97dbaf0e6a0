"""What a door has taken in forbids a limit at once, though ledger and case hear of it only later."""

from datetime import date, timedelta
from typing import Any

import pytest

from domain.account import Bill, Changed, Payment
from domain.arrears.interlock import Moment
from runtime.reconciler import reconcile
from store import events, intake, ledger, orders, outbox
from store.database import Database
from store.events import BillingEvent
from store.ledger import AccountRecord
from tests.store.debts import OPENED_AT, ORDER_AT, PACK, open_case, payment, request
from tests.store.test_orders import before_the_order, unmet, with_its_order_out

MINUTE = timedelta(minutes=1)
ELSE = {"by": {"id": "li", "roles": ["supervisor"]}, "at": "2026-04-20T08:59:00+08:00"}


def left_to_the_relay(database: Database, command: dict[str, Any], *, subject: str = "0410023") -> None:
    """A command that was accepted while no worker answered."""
    body = {"update": "instruct", "id": "u", "case_no": "QF", "command": ELSE | command}
    with database.write() as connection:
        outbox.put(connection, kind="command", process="arrears", subject=subject, at=ORDER_AT, body=body)


@pytest.mark.parametrize("moment", ["decision", "issue", "valve"])
@pytest.mark.parametrize(
    "command",
    [
        {"command": "dispute", "bills": ["B1"]},
        {"command": "hold", "reason": "court"},
        {"command": "plan", "parts": []},
        {"command": "promise", "amount": "86.40"},
        {"command": "withdraw", "reason": "wrong account"},
        {"command": "contact", "outcome": "promised"},
    ],
)
def test_a_command_on_its_way_to_the_case_forbids_a_limit(
    database: Database, command: dict[str, Any], moment: Moment
) -> None:
    facts, order = with_its_order_out(database)
    left_to_the_relay(database, command)
    number = order.no if moment == "valve" else f"{facts.case_no}-L2"
    answer = orders.ask(database, request(facts, moment=moment, sequence=2, order_no=number))
    assert (answer.allowed, unmet(answer)) == (False, {"all-heard"})


@pytest.mark.parametrize(
    ("command", "subject"),
    [
        ({"command": "contact", "outcome": "reached"}, "0410023"),
        ({"key": "arrears.limit-pressure", "form": {}}, "0410023"),
        ({"command": "hold", "reason": "court"}, "0410099"),
    ],
)
def test_what_forbids_nothing_or_is_about_another_account_keeps_nobody_waiting(
    database: Database, command: dict[str, Any], subject: str
) -> None:
    facts, order = with_its_order_out(database)
    left_to_the_relay(database, command, subject=subject)
    assert orders.ask(database, request(facts, moment="valve", sequence=2, order_no=order.no)).allowed


def told_before_its_account(database: Database, account_no: str = "0410023", *, kind: str = "payment") -> None:
    money = payment("W1", at=OPENED_AT - MINUTE)
    owed = Bill(no="B9", period="2026-02", amount_fen=100, due_on=date(2026, 3, 10), at=OPENED_AT)
    fact = money if kind == "payment" else owed
    event = BillingEvent(f"e-{account_no}-{kind}", account_no, OPENED_AT, {"kind": kind}, fact=fact)
    assert events.take(database, event, pack=PACK, at=OPENED_AT).fate == "waiting"


def test_money_told_before_its_account_came_forbids_a_limit(database: Database) -> None:
    told_before_its_account(database)
    facts = before_the_order(database)
    answer = orders.ask(database, request(facts))
    assert (answer.allowed, unmet(answer)) == (False, {"all-heard"})


def test_money_told_before_its_account_counts_within_a_minute_whatever_door_the_account_came_by(
    database: Database,
) -> None:
    told_before_its_account(database)
    told_before_its_account(database, "0410098")
    open_case(database)
    reconcile(database, now=OPENED_AT + MINUTE, pack=PACK)
    with database.read() as connection:
        known = [fact for _, fact in ledger.facts_after(connection, "0410023", 0)]
    assert [fact.reference for fact in known if isinstance(fact, Payment)] == ["W1"]


def test_a_bill_that_waits_for_its_account_forbids_nothing(database: Database) -> None:
    told_before_its_account(database, kind="bill")
    facts = before_the_order(database)
    assert orders.ask(database, request(facts)).allowed


def test_a_change_of_tenant_told_again_with_another_bill_leaves_that_one_behind_too(database: Database) -> None:
    facts = before_the_order(database)
    change = Changed(what="tenant", changed_on=date(2026, 2, 1), at=OPENED_AT)
    named = change.model_copy(update={"bills": ("B1",)})
    with database.write() as connection:
        taken = [ledger.post(connection, "0410023", each) for each in (change, named, change, named)]
    assert taken == [True, True, False, False]
    answer = orders.ask(database, request(facts))
    assert (answer.allowed, unmet(answer)) == (False, {"debt"})


@pytest.mark.parametrize("moment", ["decision", "issue", "valve"])
def test_another_tenant_counts_though_the_clock_was_put_back(database: Database, moment: Moment) -> None:
    facts, order = with_its_order_out(database)
    change = Changed(what="tenant", changed_on=date(2026, 4, 20), at=ORDER_AT + timedelta(hours=1))
    with database.write() as connection:
        ledger.post(connection, "0410023", change)
    number = order.no if moment == "valve" else f"{facts.case_no}-L2"
    answer = orders.ask(database, request(facts, moment=moment, sequence=2, order_no=number))
    assert (answer.allowed, unmet(answer)) == (False, {"debt"})


def test_another_account_with_the_same_bill_number_is_another_account(database: Database) -> None:
    before_the_order(database)
    record = AccountRecord(no="0410024", customer_class="resident")
    other = Bill(no="B1", period="2026-02", amount_fen=9999, due_on=date(2026, 3, 10), at=OPENED_AT)
    assert intake.open_arrears(database, record, [other], pack=PACK, at=OPENED_AT).new
