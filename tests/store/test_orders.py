"""The cut interlock in the database: no order, and no limit, once its grounds are gone."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import pairwise
from threading import Barrier

import pytest
from sqlalchemy import select, update

from domain.account import Dispute, Reversal
from domain.arrears.facts import ArrearsFacts, LimitOrder
from domain.arrears.interlock import Moment
from store import intake, ledger, orders
from store.database import Database
from store.ledger import AccountRecord
from store.orders import LimitAnswer
from store.tables import limit_orders
from tests.store.debts import ORDER_AT, confirm_ledger, on_hold, open_case, payment, ready, record_facts, request

ROUNDS = 40


def before_the_order(database: Database, account_no: str = "0410023") -> ArrearsFacts:
    """A case for which everything speaks for the limit."""
    place = open_case(database, account_no)
    facts = ready(place.case_no, account_no)
    record_facts(database, facts)
    confirm_ledger(database)
    return facts


def with_its_order_out(database: Database) -> tuple[ArrearsFacts, LimitOrder]:
    """The same, its order issued and on record."""
    facts = before_the_order(database)
    answer = orders.ask(database, request(facts))
    assert answer.fence is not None
    order = LimitOrder(no=request(facts).order_no, fence=answer.fence, issued_at=ORDER_AT)
    facts = facts.model_copy(update={"order": order})
    record_facts(database, facts, sequence=2)
    return facts, order


def unmet(answer: LimitAnswer) -> set[str]:
    return {condition.key for condition in answer.unmet}


def issued(database: Database) -> list[tuple[str, int, str]]:
    with database.read() as connection:
        found = select(limit_orders.c.order_no, limit_orders.c.fence, limit_orders.c.status)
        return [tuple(row) for row in connection.execute(found.order_by(limit_orders.c.fence))]


def test_an_order_is_issued_once_however_often_it_is_asked_for(database: Database) -> None:
    facts = before_the_order(database)
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: orders.ask(database, request(facts)), range(20)))
    assert {(answer.allowed, answer.fence) for answer in answers} == {(True, 1)}
    assert issued(database) == [(f"{facts.case_no}-L1", 1, "issued")]


def test_a_payment_that_races_the_order_is_either_too_late_or_stops_it(database: Database) -> None:
    """Never issued after the payment is committed: the payment's own transaction saw every order there would be.

    In the first round the payment is over before the order is asked for, in the second the order is out before it is
    paid; in the others they race, and whoever wins, the two agree.
    """
    first: dict[int, bool] = {}
    with ThreadPoolExecutor(2) as pool:
        for no in range(ROUNDS):
            account_no = f"04100{no:02d}"
            facts = before_the_order(database, account_no)
            start = Barrier(2)

            def pay(no: int = no, account_no: str = account_no, start: Barrier = start) -> bool:
                if no > 1:
                    start.wait()
                    time.sleep(0.0005 * (no % 12) if no % 2 else 0)
                with database.write() as connection:
                    ledger.post(connection, account_no, payment(f"T{no}", at=ORDER_AT + timedelta(seconds=3)))
                    seen = select(limit_orders.c.order_no).where(limit_orders.c.account_no == account_no)
                    return connection.scalar(seen) is not None

            def issue(no: int = no, facts: ArrearsFacts = facts, start: Barrier = start) -> LimitAnswer:
                if no > 1:
                    start.wait()
                    time.sleep(0 if no % 2 else 0.003 * (no % 12))
                return orders.ask(database, request(facts))

            if no == 0:
                order_was_there, answer = pay(), issue()
            elif no == 1:
                answer, order_was_there = issue(), pay()
            else:
                paying, asking = pool.submit(pay), pool.submit(issue)
                order_was_there, answer = paying.result(), asking.result()
            assert answer.allowed is order_was_there
            assert answer.allowed or unmet(answer) == {"debt"}
            first[no] = answer.allowed
    assert (first[0], first[1]) == (False, True)


def test_money_that_is_here_stops_the_order_though_it_was_paid_after_the_instant_asked_about(
    database: Database,
) -> None:
    facts = before_the_order(database)
    intake.record_payment(database, "0410023", payment(at=ORDER_AT + timedelta(minutes=2)))
    answer = orders.ask(database, request(facts, at=ORDER_AT))
    assert (answer.allowed, unmet(answer)) == (False, {"debt"})
    assert issued(database) == []


def test_a_payment_that_was_taken_back_stops_nothing(database: Database) -> None:
    facts = before_the_order(database)
    intake.record_payment(database, "0410023", payment())
    intake.reverse_payment(database, "0410023", Reversal(reference="T1", at=ORDER_AT))
    assert orders.ask(database, request(facts)).allowed


def test_an_order_asked_for_again_after_its_grounds_are_gone_is_taken_back(database: Database) -> None:
    """The worker died before the case heard of its order; the customer paid; the next worker asks again."""
    facts = before_the_order(database)
    assert orders.ask(database, request(facts)).fence == 1
    intake.record_payment(database, "0410023", payment())
    answer = orders.ask(database, request(facts))
    assert (answer.allowed, unmet(answer)) == (False, {"debt"})
    assert issued(database) == [(f"{facts.case_no}-L1", 1, "recalled")]


def test_an_order_asked_for_again_is_the_same_although_the_dead_worker_wrote_on(database: Database) -> None:
    facts = before_the_order(database)
    assert orders.ask(database, request(facts)).fence == 1
    record_facts(database, facts, sequence=2)
    assert orders.ask(database, request(facts, sequence=1)).fence == 1


def test_a_number_taken_back_is_issued_again_with_a_higher_token(database: Database) -> None:
    facts = before_the_order(database)
    orders.ask(database, request(facts))
    intake.record_payment(database, "0410023", payment())
    orders.ask(database, request(facts))
    intake.reverse_payment(database, "0410023", Reversal(reference="T1", at=ORDER_AT))
    assert orders.ask(database, request(facts)).fence == 2
    assert issued(database) == [(f"{facts.case_no}-L1", 2, "issued")]


def test_a_decision_leaves_no_order(database: Database) -> None:
    facts = before_the_order(database)
    assert orders.ask(database, request(facts, moment="decision")).allowed
    assert issued(database) == []


@pytest.mark.parametrize("moment", ["decision", "issue", "valve"])
@pytest.mark.parametrize(
    "because",
    ["record-current", "ledger-current", "debt", "not-protected", "no-hold", "notices-served"],
)
def test_any_one_condition_not_met_or_unknown_is_a_no_at_every_moment(
    database: Database, moment: str, because: str
) -> None:
    facts, order = with_its_order_out(database)
    sequence = 2
    if because == "record-current":
        sequence = 1
    elif because == "ledger-current":
        confirm_ledger(database, at=ORDER_AT - timedelta(days=400))
    elif because == "debt":
        intake.record_payment(database, "0410023", payment())
    elif because == "not-protected":
        with database.write() as connection:
            record = AccountRecord(no="0410023", customer_class="resident", protected=("hospital",))
            ledger.put_account(connection, record, at=ORDER_AT)
    else:
        facts = on_hold(facts) if because == "no-hold" else facts.model_copy(update={"served": {}})
        record_facts(database, facts, sequence=3)
        sequence = 3
    order_no = order.no if moment == "valve" else f"{facts.case_no}-L2"
    answer = orders.ask(database, request(facts, moment=moment, sequence=sequence, order_no=order_no))
    assert not answer.allowed
    assert because in unmet(answer)
    assert issued(database) == [(order.no, 1, "issued")]


def test_a_case_that_is_not_on_record_is_unknown_and_gets_no_order(database: Database) -> None:
    place = open_case(database)
    confirm_ledger(database)
    answer = orders.ask(database, request(ready(place.case_no)))
    assert (answer.allowed, unmet(answer)) == (False, {"record-current"})


def test_the_valve_is_marked_done_once_and_answers_the_same_again(database: Database) -> None:
    facts, order = with_its_order_out(database)
    for _ in range(2):
        assert orders.ask(database, request(facts, moment="valve", sequence=2)) == LimitAnswer(
            allowed=True, fence=order.fence if _ else None
        )
    assert issued(database) == [(order.no, 1, "done")]


def test_a_payment_at_the_valve_is_refused_its_limit(database: Database) -> None:
    facts, order = with_its_order_out(database)
    intake.record_payment(database, "0410023", payment())
    answer = orders.ask(database, request(facts, moment="valve", sequence=2))
    assert (answer.allowed, unmet(answer)) == (False, {"debt"})
    assert issued(database) == [(order.no, 1, "issued")]


@pytest.mark.parametrize("moment", ["decision", "issue", "valve"])
def test_a_dispute_on_record_counts_though_the_clock_was_put_back(database: Database, moment: Moment) -> None:
    facts, _ = with_its_order_out(database)
    contested = Dispute(bill="B1", started_at=ORDER_AT + timedelta(hours=1))
    record_facts(database, facts.model_copy(update={"disputes": (contested,)}), sequence=3)
    answer = orders.ask(database, request(facts, moment=moment, sequence=3))
    assert (answer.allowed, unmet(answer)) == (False, {"debt"})


def test_the_account_is_taken_before_anything_is_read(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite has one writer at a time; elsewhere a payment waits for the answer only by this."""
    facts, taken = before_the_order(database), list[str]()
    lock, look = ledger.lock_account, orders.conditions_now
    monkeypatch.setattr(
        ledger, "lock_account", lambda connection, no: (taken.append(f"took {no}"), lock(connection, no))
    )
    monkeypatch.setattr(orders, "conditions_now", lambda *a, **k: (taken.append("looked"), look(*a, **k))[1])
    assert orders.ask(database, request(facts)).allowed
    assert taken == ["took 0410023", "looked"]


def test_tokens_of_an_account_only_grow_and_a_stale_one_is_refused(database: Database) -> None:
    facts, first = with_its_order_out(database)
    for no in range(2, 6):
        assert orders.ask(database, request(facts, sequence=2, order_no=f"{facts.case_no}-L{no}")).fence == no
    fences = [fence for _, fence, _ in issued(database)]
    assert all(one < other for one, other in pairwise(fences))
    stale = orders.ask(database, request(facts, moment="valve", sequence=2, order_no=first.no))
    assert (stale.allowed, unmet(stale)) == (False, {"fence"})
    latest = orders.ask(database, request(facts, moment="valve", sequence=2, order_no=f"{facts.case_no}-L5"))
    assert latest.allowed


@pytest.mark.parametrize("status", ["recalled", "unable"])
def test_an_order_that_is_out_no_more_is_refused_at_the_valve(database: Database, status: str) -> None:
    facts, order = with_its_order_out(database)
    with database.write() as connection:
        connection.execute(update(limit_orders).values(status=status))
    answer = orders.ask(database, request(facts, moment="valve", sequence=2, order_no=order.no))
    assert (answer.allowed, unmet(answer)) == (False, {"fence"})


def test_orders_asked_for_at_once_in_many_cases_of_one_account_get_tokens_of_their_own(database: Database) -> None:
    facts = before_the_order(database)
    numbers = [f"{facts.case_no}-L{no}" for no in range(1, 13)]
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda no: orders.ask(database, request(facts, order_no=no)), numbers))
    assert sorted(answer.fence or 0 for answer in answers) == list(range(1, 13))
