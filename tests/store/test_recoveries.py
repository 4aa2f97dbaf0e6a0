"""The store put back to an earlier point: limits wait until billing's own list shows what is missing."""

import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest

from activities.casebook import Casebook, LedgerQuestion
from domain.account import Payment
from domain.arrears.interlock import Moment
from domain.reconciliation import Theirs
from store import intake, ledger, orders, places, reconciliations, recoveries
from store.database import Database
from store.tables import metadata
from tests.store.debts import ORDER_AT, open_case, payment, ready, record_facts, request
from tests.store.test_orders import before_the_order, unmet, with_its_order_out

DAY = timedelta(days=1)


def put_back(database: Database) -> None:
    with database.write() as connection:
        recoveries.told(connection, at=ORDER_AT)


def compare(database: Database, *, fen: int = 8640, days: int = 0, accounts: tuple[str, ...] = ("0410023",)) -> None:
    """Billing's list of the day of the order, or of so many days later."""
    day = (ORDER_AT + DAY * days).date()
    theirs = {no: Theirs(balance_fen=fen) for no in accounts}
    reconciliations.take(database, theirs, day=day, source="billing", by="li", at=ORDER_AT + DAY)


@pytest.mark.parametrize("moment", ["decision", "issue", "valve"])
def test_nobody_is_limited_on_a_store_that_was_put_back(database: Database, moment: Moment) -> None:
    facts, order = with_its_order_out(database)
    put_back(database)
    number = order.no if moment == "valve" else f"{facts.case_no}-L2"
    answer = orders.ask(database, request(facts, moment=moment, sequence=2, order_no=number))
    assert (answer.allowed, unmet(answer)) == (False, {"ledger-recovered"})


@pytest.mark.parametrize(("fen", "days", "allowed"), [(8640, 0, True), (8640, -1, False), (0, 0, False)])
def test_a_list_of_a_day_that_ends_after_it_lets_limits_go_on_where_the_balances_agree(
    database: Database, fen: int, days: int, allowed: bool
) -> None:
    facts = before_the_order(database)
    put_back(database)
    compare(database, fen=fen, days=days)
    answer = orders.ask(database, request(facts))
    assert (answer.allowed, "ledger-recovered" in unmet(answer)) == (allowed, not allowed)


def test_a_list_compared_before_the_store_was_put_back_says_nothing(database: Database) -> None:
    facts = before_the_order(database)
    compare(database)
    with database.write() as connection:
        recoveries.told(connection, at=ORDER_AT + DAY * 2)
    assert unmet(orders.ask(database, request(facts))) == {"ledger-recovered"}


def test_a_case_that_knows_more_than_the_store_holds_every_limit_back(database: Database) -> None:
    facts, other = before_the_order(database), before_the_order(database, "0410024")
    assert unmet(orders.ask(database, request(facts, sequence=5))) == {"record-current", "ledger-recovered"}
    assert unmet(orders.ask(database, request(other))) == {"ledger-recovered"}


def test_a_case_that_writes_on_from_where_the_store_has_not_been_holds_every_limit_back(database: Database) -> None:
    facts, other = before_the_order(database), before_the_order(database, "0410024")
    record_facts(database, other, sequence=2)
    assert orders.ask(database, request(facts)).allowed
    record_facts(database, other, sequence=5)
    assert unmet(orders.ask(database, request(facts))) == {"ledger-recovered"}


def test_tokens_and_numbers_given_out_after_it_were_never_given_out_before(database: Database) -> None:
    facts = before_the_order(database)
    put_back(database)
    compare(database)
    answer = orders.ask(database, request(facts))
    assert answer.fence is not None
    assert answer.fence > recoveries.APART
    with database.write() as connection:
        number = places.next_number(connection, f"QF-{ORDER_AT:%Y%m%d}")
        fresh = places.next_number(connection, f"BZ-{ORDER_AT:%Y%m%d}")
    assert (number, fresh) == (f"QF-{ORDER_AT:%Y%m%d}-1001", f"BZ-{ORDER_AT:%Y%m%d}-1001")


def test_a_case_that_had_read_on_hears_of_what_is_posted_after_it(tmp_path: Path) -> None:
    """Both stores under work; the database is put back to a copy of before the payment that the case has read."""
    url = f"sqlite:///{tmp_path}/store.db"
    database = Database(url)
    metadata.create_all(database.engine)
    place = open_case(database)
    record_facts(database, ready(place.case_no))
    with sqlite3.connect(tmp_path / "store.db") as live, sqlite3.connect(tmp_path / "copy.db") as copy:
        live.backup(copy)
    for no in range(3):
        intake.record_payment(database, "0410023", payment(f"lost-{no}", fen=100))
    with database.read() as connection:
        read_up_to = max(position for position, _ in ledger.facts_after(connection, "0410023", 0))
    database.close()
    with sqlite3.connect(tmp_path / "copy.db") as copy, sqlite3.connect(tmp_path / "store.db") as live:
        copy.backup(live)
    database = Database(url)
    put_back(database)
    intake.record_payment(database, "0410023", payment("T9"))
    heard = Casebook(database).read_ledger(LedgerQuestion(account_no="0410023", after=read_up_to))
    assert [fact.reference for _, fact in heard.facts if isinstance(fact, Payment)] == ["T9"]
    assert unmet(orders.ask(database, request(ready(place.case_no)))) >= {"ledger-recovered", "debt"}
    database.close()


def test_a_store_that_was_never_put_back_holds_nothing_back(database: Database) -> None:
    before_the_order(database)
    compare(database, fen=1)
    with database.read() as connection:
        assert not recoveries.forbids(connection, "0410023")
