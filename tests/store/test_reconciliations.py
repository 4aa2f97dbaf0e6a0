"""Billing's list beside the ledger, on either database; and a limit that waits until the two agree."""

from datetime import date, timedelta

from domain.arrears.facts import ArrearsFacts
from domain.reconciliation import Theirs
from store import intake, ledger, orders, reconciliations
from store.database import Database
from tests.store.debts import OPENED_AT, ORDER_AT, open_case, payment, ready, record_facts, request

YESTERDAY = ORDER_AT.date() - timedelta(days=1)
STATED = {"source": "billing", "at": ORDER_AT, "by": "administrator"}


def compare(database: Database, day: date = YESTERDAY, **fen: int) -> int:
    theirs = {name.removeprefix("a"): Theirs(balance_fen=owed) for name, owed in fen.items()}
    return reconciliations.take(database, theirs, day=day, **STATED)


def unmet(database: Database, facts: ArrearsFacts) -> set[str]:
    return {condition.key for condition in orders.ask(database, request(facts)).unmet}


def test_every_account_is_compared_and_those_that_differ_are_kept(database: Database) -> None:
    for number in range(3):
        open_case(database, f"{number}")
    number = compare(database, a0=8640, a1=5000, a9=70)
    with database.read() as connection:
        row = reconciliations.one(connection, number)
    assert row is not None
    assert (row.accounts, row.differences, row.ours_fen, row.theirs_fen, row.day) == (3, 3, 25920, 13710, YESTERDAY)
    found = {
        line.account_no: (line.kind, line.ours_fen, line.theirs_fen) for line in reconciliations.lines(database, number)
    }
    assert found == {"1": ("differs", 8640, 5000), "2": ("not-there", 8640, 0), "9": ("not-here", 0, 70)}
    assert [line.account_no for line in reconciliations.lines(database, number, limit=2)] == ["1", "2"]
    before = compare(database, OPENED_AT.date() - timedelta(days=2), a0=0)
    assert list(reconciliations.lines(database, before)) == []


def test_an_account_that_differs_is_not_limited_until_it_agrees(database: Database) -> None:
    facts = ready(open_case(database).case_no)
    record_facts(database, facts)
    with database.write() as connection:
        ledger.confirm_sync(connection, source="billing", at=ORDER_AT)
    compare(database, a0410023=0)
    assert unmet(database, facts) == {"ledger-agrees"}
    compare(database, a0410023=8640)
    assert orders.ask(database, request(facts)).allowed


def test_the_payment_that_was_missing_makes_them_agree(database: Database) -> None:
    facts = ready(open_case(database).case_no)
    record_facts(database, facts)
    compare(database, a0410023=8000)
    with database.read() as connection:
        assert reconciliations.differs(connection, "0410023")
        assert not reconciliations.differs(connection, "0410024")
    missing = payment(fen=640, at=ORDER_AT).model_copy(update={"paid_at": ORDER_AT - timedelta(days=3)})
    intake.record_payment(database, "0410023", missing)
    with database.read() as connection:
        assert not reconciliations.differs(connection, "0410023")
    assert "ledger-agrees" not in unmet(database, facts)
