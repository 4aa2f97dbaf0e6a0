"""The figures of the dashboard: by part of the organisation, exact, within sight, each in one statement."""

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import event, select

from domain.account import Bill, Dispute, Payment, Reversal
from domain.arrears.facts import ArrearsFacts
from domain.calendars import CHINA
from store import dues, intake, ledger, reports
from store.database import Database
from store.ledger import AccountRecord
from store.people import Person
from store.reports import DueFilter, Sum
from store.tables import dues as kept
from tests.store.debts import PACK, ready, record_facts

AT = datetime(2026, 4, 20, 9, tzinfo=CHINA)
ALL = Person(id="head", name="x", roles=("supervisor",))
GRID = Person(id="wang", name="x", roles=("collector",), grid="东1-01")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=CHINA)


def account(database: Database, no: str, *, grid: str, bills: dict[str, int], section: str = "东1") -> str:
    """An account with a bill a due day; returns its case."""
    record = AccountRecord(
        no=no, customer_class="resident", name=f"示例{no}", address="示例路1号", grid=grid, section=section, office="东"
    )
    said = [
        Bill(no=f"B{day}", period=day[:7], amount_fen=fen, due_on=date.fromisoformat(day), at=at("2026-01-02"))
        for day, fen in bills.items()
    ]
    return intake.open_arrears(database, record, said, pack=PACK, at=AT).case_no


def pay(database: Database, no: str, reference: str, fen: int, when: str) -> None:
    paid = Payment(reference=reference, amount_fen=fen, paid_at=at(when), at=at(when))
    intake.record_payment(database, no, paid)


@pytest.fixture
def filled(database: Database) -> Database:
    account(database, "1", grid="东1-01", bills={"2026-03-10": 10_000, "2026-04-10": 10_000})
    account(database, "2", grid="东1-01", bills={"2026-03-10": 30_000})
    account(database, "3", grid="东1-02", bills={"2026-03-10": 60_000, "2026-04-25": 9_000})
    pay(database, "1", "T1", 10_000, "2026-03-20")
    pay(database, "2", "T2", 30_000, "2026-04-02")
    return database


@pytest.mark.clause("liaocheng.escalation.analyse-grid-dynamics")
def test_the_recovery_of_a_month_and_a_year_by_part(filled: Database) -> None:
    with filled.read() as connection:
        found = reports.recovery(connection, ALL, month=202603, at=AT)
    assert found.all_month == Sum(due=100_000, paid=10_000, disputed=0, bills=3)
    assert found.all_year == Sum(due=100_000, paid=40_000, disputed=0, bills=3)
    assert found.all_month.rate == Decimal("0.1")
    grids = {each.name: (each.month.paid, each.year.paid) for each in found.parts if each.part == "grid"}
    assert grids == {"东1-01": (10_000, 40_000), "东1-02": (0, 0)}
    assert [each.part for each in found.parts] == ["office", "section", "grid", "grid"]
    with filled.read() as connection:
        april = reports.recovery(connection, ALL, month=202604, at=AT)
    assert april.all_month == Sum(due=10_000, paid=0, disputed=0, bills=1)  # the 25th is still to come
    assert [no for no, _ in april.months] == [202601, 202602, 202603, 202604]


def test_a_payment_taken_back_counts_no_more_and_an_account_takes_its_bills_along(filled: Database) -> None:
    intake.reverse_payment(filled, "2", Reversal(reference="T2", at=at("2026-04-05")))
    moved = AccountRecord(no="1", customer_class="resident", grid="东1-02")
    with filled.write() as connection:
        ledger.put_account(connection, moved, at=AT)
        found = reports.recovery(connection, ALL, month=202603, at=AT)
    assert found.all_year.paid == 10_000
    assert {each.name: each.year.paid for each in found.parts if each.part == "grid"} == {"东1-01": 0, "东1-02": 10_000}


def test_nobody_counts_beyond_their_own_part(filled: Database) -> None:
    with filled.read() as connection:
        found = reports.recovery(connection, GRID, month=202603, at=AT)
        ages = reports.ageing(connection, GRID, at=AT)
        rows = reports.watched(connection, GRID, DueFilter(), at=AT, after=None, limit=50).rows
        outside = Person(id="c", name="x", roles=("contractor",))
        assert reports.ageing(connection, outside, at=AT)[0].bills == 0
    assert found.all_month.due == 40_000
    assert sum(each.unpaid for each in ages) == 10_000
    assert {row.account_no for row in rows} == {"1", "2"}


def test_what_is_owed_by_age_and_the_bills_behind_each(filled: Database) -> None:
    with filled.read() as connection:
        ages = reports.ageing(connection, ALL, at=AT)
        for each in ages:
            where = DueFilter(age=(each.first, each.last), paid=False)
            rows = reports.watched(connection, ALL, where, at=AT, after=None, limit=50).rows
            assert (len(rows), sum(row.amount_fen - row.paid_fen for row in rows)) == (each.bills, each.unpaid)
    assert [(each.first, each.unpaid) for each in ages if each.unpaid] == [(0, 10_000), (31, 60_000)]


@pytest.mark.clause("kaifeng.dunning.watch-payments")
def test_who_has_paid_and_who_has_not_in_a_grid(filled: Database) -> None:
    march = DueFilter(month=202603)
    with filled.read() as connection:
        counts = reports.watched_counts(connection, GRID, march, at=AT)
        paid, unpaid = (
            reports.watched(connection, ALL, march.model_copy(update={"paid": said}), at=AT, after=None, limit=50).rows
            for said in (True, False)
        )
        first = reports.watched(connection, ALL, march, at=AT, after=None, limit=2)
        rest = reports.watched(connection, ALL, march, at=AT, after=first.next, limit=2)
    assert (counts.bills, counts.paid, counts.unpaid, counts.unpaid_fen) == (2, 2, 0, 0)
    assert ([row.account_no for row in paid], [row.account_no for row in unpaid]) == (["1", "2"], ["3"])
    assert [row.account_no for row in (*first.rows, *rest.rows)] == ["1", "2", "3"]
    watching = Person(id="a", name="x", roles=("auditor",))
    with filled.read() as connection:
        seen = reports.watched(connection, watching, march, at=AT, after=None, limit=1).rows
    assert seen[0].title == "示**"


def test_a_disputed_bill_is_due_and_shown_apart(database: Database) -> None:
    case_no = account(database, "1", grid="东1-01", bills={"2026-03-10": 10_000, "2026-03-11": 5_000})
    contested = Dispute(bill="B2026-03-10", started_at=AT)
    facts: ArrearsFacts = ready(case_no, "1").model_copy(update={"disputes": (contested,)})
    record_facts(database, facts)
    with database.write() as connection:
        dues.refresh(connection, ["1"])
        found = reports.recovery(connection, ALL, month=202603, at=AT)
    assert found.all_month == Sum(due=15_000, paid=0, disputed=10_000, bills=2)


READS: dict[str, Callable[[Any], Any]] = {
    "recovery": lambda c: reports.recovery(c, ALL, month=202603, at=AT),
    "ageing": lambda c: reports.ageing(c, ALL, at=AT),
    "by_step": lambda c: reports.by_step(c, ALL, month=202604),
    "by_stage": lambda c: reports.by_stage(c, ALL),
    "load": lambda c: reports.load(c, ALL, at=AT),
    "watched": lambda c: reports.watched(c, ALL, DueFilter(month=202603), at=AT, after=None, limit=50),
    "came_in": lambda c: reports.came_in(c, ALL, month=202604, stage=None, after=None, limit=50),
}


@pytest.mark.parametrize("name", READS)
def test_a_report_is_one_statement_however_many_accounts(filled: Database, name: str) -> None:
    asked: list[str] = []
    event.listen(filled.engine, "before_cursor_execute", lambda *said: asked.append(said[2]))
    with filled.read() as connection:
        READS[name](connection)
    assert len([said for said in asked if said.startswith("SELECT")]) == 1


def test_a_row_stays_as_it_is_when_nothing_is_new(filled: Database) -> None:
    with filled.write() as connection:
        stands = connection.execute(select(kept)).all()
        written: list[str] = []
        event.listen(filled.engine, "before_cursor_execute", lambda *said: written.append(said[2]))
        dues.refresh(connection, ["1", "2", "3"])
        assert connection.execute(select(kept)).all() == stands
    assert not [said for said in written if said.startswith(("INSERT", "DELETE", "UPDATE"))]
