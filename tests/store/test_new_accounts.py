"""Accounts and meters of accepted items: made once, with the entry that says so, and watched for their first bill."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from domain.account import Bill
from domain.connection.facts import Project, ProjectFacts
from domain.connection.items import Item
from domain.refusals import Refused
from runtime.reconciler import reconcile
from store import casebook, items, ledger, new_accounts, projects, search
from store.casebook import Batch, Entry, Snapshot
from store.database import Database
from store.ledger import AccountRecord
from store.people import Person
from store.projects import ProjectRecord
from store.tables import accounts, found_by, meters
from tests.store.debts import OPENED_AT, PACK

CHIEF = Person(id="chief", name="chief", roles=("supervisor",))
ELSEWHERE = Person(id="li", name="li", roles=("representative",), section="别处")
OPENS = {"items": 3, "prefix": "01", "digits": 8, "reading_book": "册 07", "reading_cycle": "每月"}
BILLED_BY = OPENED_AT + timedelta(days=31)


@pytest.fixture
def case_no(database: Database) -> str:
    record = ProjectRecord(
        name="明湖家园", address="示例路 8 号", section="东1", project=Project(kind="estate", meters=3), papers=()
    )
    found = projects.open_project(database, record, pack=PACK, at=OPENED_AT).case_no
    table = [Item(no=no, building="3", room=f"{no}01", meter_no=f"M{no}", dn=20) for no in (1, 2, 3)]
    with database.write() as connection:
        items.put_table(connection, found, "order", table, sha256="a" * 64, filename="t", at=OPENED_AT, by="r")
    return found


def say(database: Database, case_no: str, *said: tuple[str, dict[str, Any]], history: int = 10) -> None:
    facts = ProjectFacts(
        case_no=case_no,
        pack=PACK,
        opened_at=OPENED_AT,
        as_of=OPENED_AT,
        project=Project(kind="estate", meters=3),
    )
    snapshot = Snapshot(
        process="connection",
        subject=case_no,
        workflow_id=f"connection/{case_no}",
        pack=PACK,
        stage="activation",
        outcome=None,
        standing=None,
        amount_fen=0,
        opened_at=OPENED_AT,
        closed_at=None,
        next_wake=None,
        ledger_position=0,
        facts=facts.model_dump(mode="json"),
    )
    entries = tuple(
        Entry(sequence=no, event=event, at=OPENED_AT, by="r", body=body) for no, (event, body) in enumerate(said, 1)
    )
    casebook.record(
        database, Batch(case_no=case_no, run=1, history=history, entries=entries, snapshot=snapshot, tasks=())
    )


def numbered(database: Database) -> list[Any]:
    with database.read() as connection:
        return list(connection.execute(select(accounts).order_by(accounts.c.account_no)))


def test_each_item_gets_its_account_and_meter_once_however_often_the_entry_is_written(
    database: Database, case_no: str
) -> None:
    with database.write() as connection:
        taken = AccountRecord(no="0100000002", customer_class="resident")
        ledger.put_account(connection, taken, at=OPENED_AT)
    for history in (10, 10, 12):
        say(database, case_no, ("AccountsOpened", OPENS), history=history)
    made = [row for row in numbered(database) if row.address is not None]
    assert [(row.account_no, row.address, row.customer_class, row.section) for row in made] == [
        ("0100000001", "示例路 8 号 3-101", "resident", "东1"),
        ("0100000003", "示例路 8 号 3-201", "resident", "东1"),
        ("0100000004", "示例路 8 号 3-301", "resident", "东1"),
    ]
    with database.read() as connection:
        found = connection.execute(select(meters).order_by(meters.c.item)).all()
        searched = set(connection.scalars(select(found_by.c.subject).where(found_by.c.process == "arrears")))
        projects_found = set(connection.scalars(search.probe("0100000003")))
    assert [(row.account_no, row.item, row.meter_no, row.dn, row.reading_book) for row in found] == [
        ("0100000001", 1, "M1", 20, "册 07"),
        ("0100000003", 2, "M2", 20, "册 07"),
        ("0100000004", 3, "M3", 20, "册 07"),
    ]
    assert {row.account_no for row in made} <= searched
    assert projects_found == {"0100000003", case_no}  # the account itself, and the project that it came from


def test_an_item_that_is_still_to_pass_gets_its_account_later(database: Database, case_no: str) -> None:
    def with_accounts() -> list[int]:
        with database.read() as connection:
            return list(connection.scalars(select(meters.c.item).order_by(meters.c.account_no)))

    partly = ("AccountsOpened", OPENS | {"items": 1, "without": [[1, 1], [3, 3]]})
    say(database, case_no, partly)
    assert with_accounts() == [2]
    say(database, case_no, partly, ("AccountsOpened", OPENS), history=12)
    assert with_accounts() == [2, 1, 3]


def test_without_a_table_nobody_gets_an_account(database: Database) -> None:
    record = ProjectRecord(name="明湖家园", project=Project(kind="estate", meters=3), papers=())
    case_no = projects.open_project(database, record, pack=PACK, at=OPENED_AT).case_no
    say(database, case_no, ("AccountsOpened", OPENS))
    assert numbered(database) == []


def waiting(database: Database, person: Person = CHIEF, **asked: Any) -> list[Any]:
    asked = {"at": BILLED_BY, "late": False} | asked
    with database.read() as connection:
        return new_accounts.first_bills(connection, person, **asked).rows


@pytest.mark.clause("jinan.account-opening.billed-within-one-cycle")
def test_first_bills_are_waited_for_until_every_account_has_one_and_are_late_after_a_cycle(
    database: Database, case_no: str
) -> None:
    begins = {"of": "opened", "billed_by": BILLED_BY.isoformat()}
    say(database, case_no, ("AccountsOpened", OPENS), ("ReadingBegins", begins))
    (found,) = waiting(database)
    assert (found.accounts, found.billed, found.in_route, found.late(BILLED_BY)) == (3, 0, 3, True)
    assert not found.late(BILLED_BY - timedelta(seconds=1))
    assert waiting(database, late=True, at=BILLED_BY - timedelta(days=1)) == []
    assert len(waiting(database, late=True)) == 1
    assert waiting(database, ELSEWHERE) == []
    for no in [row.account_no for row in numbered(database)]:
        assert len(waiting(database)) == 1
        with database.write() as connection:
            ledger.post(connection, no, bill(OPENED_AT - timedelta(days=1), "old"))
            ledger.post(connection, no, bill(OPENED_AT + timedelta(days=20), "first"))
    assert waiting(database) == []


def test_a_watch_ends_with_the_last_first_bill_and_is_an_alarm_until_then(database: Database, case_no: str) -> None:
    begins = {"of": "opened", "billed_by": BILLED_BY.isoformat()}
    assert reconcile(database, now=BILLED_BY).unbilled == ()
    say(database, case_no, ("AccountsOpened", OPENS), ("ReadingBegins", begins))
    assert reconcile(database, now=BILLED_BY - timedelta(seconds=1)).unbilled == ()
    assert reconcile(database, now=BILLED_BY).unbilled == (case_no,)
    for row in numbered(database):
        with database.write() as connection:
            ledger.post(connection, row.account_no, bill(BILLED_BY, "first"))
    assert reconcile(database, now=BILLED_BY).unbilled == ()
    with database.read() as connection:
        assert not new_accounts.watched(connection)


@pytest.mark.clause("qingdao.account-opening.complete-existing-project-data")
def test_a_table_that_says_more_completes_the_accounts_of_a_project_that_has_them(
    database: Database, case_no: str
) -> None:
    say(database, case_no, ("AccountsOpened", OPENS))
    more = [
        Item(no=1, building="3", room="101", meter_no="M1"),
        Item(no=2, building="3", room="202", meter_no="M9", seal_no="S2", customer_class="organisation"),
        Item(no=3, building="3", room="301", start_reading="0.5"),
    ]
    with database.write() as connection:
        assert new_accounts.complete(connection, case_no, more, at=OPENED_AT) == 2
        assert new_accounts.complete(connection, case_no, more, at=OPENED_AT) == 0
        with pytest.raises(Refused, match="number them alike"):
            new_accounts.complete(connection, case_no, more[:2], at=OPENED_AT)
        found = new_accounts.opened(connection, case_no)
    assert [(each.door, each.meter_no, each.dn, each.start_reading) for each in found] == [
        ("3-101", "M1", 20, None),
        ("3-202", "M9", 20, None),
        ("3-301", "M3", 20, "0.5"),
    ]
    second = numbered(database)[1]
    assert (second.address, second.customer_class) == ("示例路 8 号 3-202", "organisation")


def bill(at: datetime, no: str) -> Bill:
    return Bill(no=no, period="2026-03", amount_fen=100, due_on=date(2026, 4, 10), at=at)


@pytest.mark.clause("jinan.account-opening.switched-into-route-same-month")
def test_switched_meters_are_in_the_route_that_was_named_or_it_is_late(database: Database, case_no: str) -> None:
    soon = (OPENED_AT + timedelta(days=20)).isoformat()
    unread = OPENS | {"reading_book": None}
    switched = {"of": "switched", "route": None, "route_by": soon, "billed_by": BILLED_BY.isoformat()}
    say(database, case_no, ("AccountsOpened", unread), ("ReadingBegins", switched))
    (found,) = waiting(database)
    assert (found.in_route, found.late(OPENED_AT + timedelta(days=20))) == (0, True)
    named = switched | {"route": "线 03"}
    say(database, case_no, ("AccountsOpened", unread), ("ReadingBegins", named), history=12)
    (found,) = waiting(database)
    assert (found.in_route, found.late(OPENED_AT + timedelta(days=20))) == (3, False)
