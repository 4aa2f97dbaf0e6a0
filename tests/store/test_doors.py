"""Many at one door at once: one number, one row, one place."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import func, select

from domain.refusals import Refused
from store import intake, ledger, notices, places
from store.database import Database
from store.ledger import AccountRecord
from store.tables import ledger as ledger_table
from store.tables import openings, outbox
from tests.store.debts import OPENED_AT, ORDER_AT, PACK, bill, open_case, payment


def rows(database: Database, kind: str) -> int:
    with database.read() as connection:
        found = select(func.count()).select_from(ledger_table).where(ledger_table.c.kind == kind)
        return connection.execute(found).scalar_one()


def words(database: Database) -> Counter[str]:
    with database.read() as connection:
        return Counter(connection.scalars(select(outbox.c.kind)))


def test_fifty_who_open_one_account_at_once_get_one_case_number(database: Database) -> None:
    with ThreadPoolExecutor(50) as pool:
        places = list(pool.map(lambda _: open_case(database), range(50)))
    assert {place.case_no for place in places} == {"QF-20260311-0001"}
    assert sum(place.new for place in places) == 1
    assert rows(database, "bill") == 1
    assert words(database)["open"] == 1
    with database.read() as connection:
        assert connection.execute(select(openings.c.case_no, openings.c.open_subject)).all() == [
            ("QF-20260311-0001", "0410023")
        ]


def test_the_first_numbers_of_a_day_go_to_many_accounts_at_once_without_a_gap(database: Database) -> None:
    with ThreadPoolExecutor(20) as pool:
        places = list(pool.map(lambda no: open_case(database, f"04100{no:02d}"), range(20)))
    assert sorted(place.case_no for place in places) == [f"QF-20260311-{no:04d}" for no in range(1, 21)]


def test_a_payment_sent_a_hundred_times_at_once_is_one_row(database: Database) -> None:
    open_case(database)
    with ThreadPoolExecutor(100) as pool:
        answers = Counter(pool.map(lambda _: intake.record_payment(database, "0410023", payment()), range(100)))
    assert answers == {True: 1, False: 99}
    assert rows(database, "payment") == 1
    assert words(database)["nudge"] == 1


def test_a_reference_with_another_amount_is_refused_as_a_duplicate(database: Database) -> None:
    open_case(database)
    intake.record_payment(database, "0410023", payment())
    with pytest.raises(Refused) as refusal:
        intake.record_payment(database, "0410023", payment(fen=8641))
    assert refusal.value.code == "duplicate"
    assert rows(database, "payment") == 1


def test_one_reference_for_many_accounts_at_once_goes_to_one_and_is_refused_to_the_others(database: Database) -> None:
    accounts = [f"04100{no:02d}" for no in range(12)]
    for account_no in accounts:
        open_case(database, account_no)

    def pay(account_no: str) -> str:
        try:
            return "paid" if intake.record_payment(database, account_no, payment()) else "known"
        except Refused as refusal:
            return refusal.code

    with ThreadPoolExecutor(12) as pool:
        assert Counter(pool.map(pay, accounts)) == {"paid": 1, "duplicate": 11}
    assert rows(database, "payment") == 1


def test_a_payment_of_an_unknown_account_or_bill_is_refused_and_leaves_nothing(database: Database) -> None:
    with pytest.raises(Refused, match="no account"):
        intake.record_payment(database, "0410023", payment())
    open_case(database)
    before = words(database)
    with pytest.raises(Refused, match="no bill"):
        intake.record_payment(database, "0410023", payment().model_copy(update={"bills": ("B9",)}))
    assert rows(database, "payment") == 0
    assert words(database) == before


def test_a_protection_that_changes_twice_at_one_instant_is_two_facts_and_the_case_is_told(database: Database) -> None:
    open_case(database)
    for protected in (("hospital",), (), ("hospital",), ("hospital",)):
        with database.write() as connection:
            record = AccountRecord(no="0410023", customer_class="resident", protected=protected)
            ledger.put_account(connection, record, at=OPENED_AT)
    with database.read() as connection:
        facts = [fact for _, fact in ledger.facts_after(connection, "0410023", 0)]
    assert [fact.protected for fact in facts if fact.kind == "protection"] == [("hospital",), (), ("hospital",)]
    assert words(database)["nudge"] == 3


def test_protections_changed_at_once_leave_the_account_as_its_last_fact_has_it(database: Database) -> None:
    open_case(database)

    def protect(turn: int) -> None:
        with database.write() as connection:
            record = AccountRecord(
                no="0410023", customer_class="resident", protected=("hospital",) if turn % 2 else ("school",)
            )
            ledger.put_account(connection, record, at=OPENED_AT + timedelta(seconds=turn))

    with ThreadPoolExecutor(10) as pool:
        list(pool.map(protect, range(20)))
    with database.read() as connection:
        facts = [fact for _, fact in ledger.facts_after(connection, "0410023", 0) if fact.kind == "protection"]
        assert ledger.account(connection, "0410023").protected == facts[-1].protected
    assert all(one.protected != other.protected for one, other in pairwise(facts))


def test_facts_of_one_account_are_numbered_in_the_order_in_which_they_can_be_read(database: Database) -> None:
    """A reader that goes on from the last position it saw must not miss a fact that was committed later."""
    open_case(database)
    seen: list[int] = []

    def pay(turn: int) -> None:
        intake.record_payment(database, "0410023", payment(f"T{turn}", fen=1))

    def follow(_: int) -> None:
        while len(seen) < 41:
            with database.read() as connection:
                last = seen[-1] if seen else 0
                seen.extend(position for position, _ in ledger.facts_after(connection, "0410023", last))

    with ThreadPoolExecutor(9) as pool:
        following = pool.submit(follow, 0)
        list(pool.map(pay, range(40)))
        following.result(timeout=120)
    assert len(set(seen)) == 41


def test_a_bill_joins_the_open_case_of_its_account(database: Database) -> None:
    first = open_case(database)
    place = intake.add_bill(database, "0410023", bill("B2"), pack=PACK, at=OPENED_AT)
    assert place is not None
    assert (place.case_no, place.new) == (first.case_no, False)
    assert words(database) == {"open": 1, "nudge": 1}


def letter_of(case_no: str) -> dict[str, Any]:
    said = {"case_no": case_no, "account_no": "0410023", "pack": PACK, "key": "reminder-1", "template": "reminder"}
    return said | {"channel": "sms", "amount_fen": 8640, "at": ORDER_AT}


def test_a_settled_account_is_not_written_to_and_what_was_sent_before_stays_sent(database: Database) -> None:
    place = open_case(database)
    letter = letter_of(place.case_no)
    with database.write() as connection:
        assert notices.reserve(connection, letter, texts=lambda _pack, _template: "").settled is None
        notices.settle(connection, place.case_no, "reminder-1", status="sent", reference="r")
    intake.record_payment(database, "0410023", payment(at=ORDER_AT - timedelta(hours=1)))
    with database.write() as connection:
        assert notices.reserve(connection, letter, texts=lambda _pack, _template: "").settled == "sent"
        another = letter | {"key": "reminder-2"}
        assert notices.reserve(connection, another, texts=lambda _pack, _template: "").settled == "withdrawn"


@pytest.mark.parametrize("paid", [0, 8640])
def test_an_account_that_owes_nothing_overdue_gets_no_case_and_leaves_no_trace(database: Database, paid: int) -> None:
    record = AccountRecord(no="0410023", customer_class="resident")
    if paid:
        with database.write() as connection:
            ledger.put_account(connection, record, at=OPENED_AT)
            ledger.post(connection, "0410023", payment(fen=paid, at=OPENED_AT), names_later=True)
    owed = bill() if paid else bill().model_copy(update={"due_on": OPENED_AT.date()})
    with pytest.raises(Refused, match="overdue"):
        intake.open_arrears(database, record, [owed], pack=PACK, at=OPENED_AT)
    assert (rows(database, "bill"), words(database)["open"]) == (0, 0)
    with database.read() as connection:
        assert connection.scalar(select(func.count()).select_from(openings)) == 0


def test_a_case_of_no_account_is_its_own_subject(database: Database) -> None:
    with database.write() as connection:
        no, new = places.open_place(
            connection, process="connection", subject=None, prefix="BZ", pack=PACK, at=OPENED_AT
        )
        row = connection.execute(select(openings.c.case_no, openings.c.subject, openings.c.open_subject)).one()
    assert (new, tuple(row)) == (True, (no, no, no))
