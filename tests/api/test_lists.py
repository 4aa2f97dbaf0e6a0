"""Lists: page by page in a stable order, with as many statements at ten rows as at a thousand."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, insert

from domain.calendars import CHINA
from domain.refusals import Refused
from store import reads, work
from store.database import Database
from store.people import Person
from store.pressing import NO_TERM
from store.reads import CaseFilter
from store.tables import cases, openings, tasks
from store.work import InboxFilter

START = datetime(2026, 3, 11, 9, tzinfo=CHINA)
AUDITOR = Person(id="auditor", name="auditor", roles=("auditor",))
SUPERVISOR = Person(id="supervisor", name="supervisor", roles=("supervisor", "collector"))
OF_G1 = Person(id="li", name="li", roles=("collector",), grid="G1")


def fill(database: Database, count: int, *, first: int = 0) -> None:
    """Cases of three grids, four at each instant, every fifth closed; a task each."""
    with database.write() as connection:
        for no in range(first, first + count):
            case_no, at, grid = f"QF-20260311-{no:04d}", START + timedelta(minutes=no // 4), f"G{no % 3}"
            status = "closed" if no % 5 == 0 else "open"
            connection.execute(
                insert(openings).values(
                    case_no=case_no, process="arrears", subject=str(no), open_subject=None, pack="p", at=at
                )
            )
            connection.execute(
                insert(cases).values(
                    case_no=case_no,
                    process="arrears",
                    subject=str(no),
                    workflow_id=f"arrears/{no}",
                    pack="p",
                    stage="limited" if no % 7 == 0 else "grace",
                    status=status,
                    amount_fen=no,
                    opened_at=at,
                    sequence=1,
                    run=1,
                    history=1,
                    ledger_position=0,
                    chain_hash="",
                    facts={},
                    grid=grid,
                )
            )
            connection.execute(
                insert(tasks).values(
                    task_id=f"{case_no}-01",
                    case_no=case_no,
                    process="arrears",
                    key="arrears.restore",
                    role="collector" if no % 2 else "engineer",
                    level="section" if no % 11 == 0 else "grid",
                    status="open" if status == "open" else "decided",
                    opened_at=at,
                    due_at=None if no % 13 == 0 else at + timedelta(days=1),
                    presses_at=NO_TERM if no % 13 == 0 else at + timedelta(days=1),
                    paused=False,
                    sequence=1,
                    body={},
                    grid=grid,
                )
            )


def every_page(read: Any, *, limit: int) -> list[str]:
    found: list[str] = []
    after = None
    while True:
        page = read(after, limit)
        assert len(page.rows) <= limit
        found += [getattr(row, "task_id", None) or row.case_no for row in page.rows]
        if (after := page.next) is None:
            return found


@pytest.mark.parametrize("newest", [True, False])
@pytest.mark.parametrize(
    ("person", "where", "fits"),
    [
        (AUDITOR, CaseFilter(), lambda no: True),
        (AUDITOR, CaseFilter(status="open"), lambda no: no % 5),
        (AUDITOR, CaseFilter(process="arrears", stage="limited"), lambda no: no % 7 == 0),
        (AUDITOR, CaseFilter(grid="G2"), lambda no: no % 3 == 2),
        (AUDITOR, CaseFilter(account="17"), lambda no: no == 17),
        (AUDITOR, CaseFilter(account="15", status="open"), lambda no: False),
        (AUDITOR, CaseFilter(process="order"), lambda no: False),
        (OF_G1, CaseFilter(), lambda no: no % 3 == 1),
    ],
)
def test_every_case_that_fits_is_on_one_page_and_in_order(
    database: Database, person: Person, where: CaseFilter, fits: Any, newest: bool
) -> None:
    fill(database, 100)
    with database.read() as connection:
        found = every_page(
            lambda after, limit: reads.case_list(connection, person, where, after=after, limit=limit, newest=newest),
            limit=7,
        )
    expected = [f"QF-20260311-{no:04d}" for no in range(100) if fits(no)]
    assert found == (expected[::-1] if newest else expected)


@pytest.mark.parametrize(
    ("person", "where", "fits"),
    [
        (SUPERVISOR, InboxFilter(), lambda no: no % 2 or no % 11 == 0),
        (SUPERVISOR, InboxFilter(everyone=True), lambda no: True),
        (SUPERVISOR, InboxFilter(everyone=True, role="engineer"), lambda no: no % 2 == 0),
        (OF_G1, InboxFilter(), lambda no: no % 2 and no % 3 == 1),
        (OF_G1, InboxFilter(mine=True), lambda no: False),
        (SUPERVISOR, InboxFilter(case_no="QF-20260311-0031"), lambda no: no == 31),
        (AUDITOR, InboxFilter(), lambda no: False),
    ],
)
def test_every_task_that_falls_to_me_is_on_one_page_and_in_order(
    database: Database, person: Person, where: InboxFilter, fits: Any
) -> None:
    fill(database, 100)
    with database.read() as connection:
        found = every_page(
            lambda after, limit: work.inbox(connection, person, where, at=START, after=after, limit=limit), limit=6
        )
    mine = [no for no in range(100) if no % 5 and fits(no)]
    dated = sorted((no for no in mine if no % 13), key=lambda no: (no // 4, no))
    assert found == [f"QF-20260311-{no:04d}-01" for no in [*dated, *(no for no in mine if no % 13 == 0)]]


def test_what_comes_in_between_two_pages_neither_repeats_nor_hides_a_row(database: Database) -> None:
    fill(database, 20)
    with database.read() as connection:
        first = reads.case_list(connection, AUDITOR, CaseFilter(), after=None, limit=8)
    fill(database, 20, first=20)
    with database.read() as connection:
        rest = reads.case_list(connection, AUDITOR, CaseFilter(), after=first.next, limit=50)
    assert [row.case_no for row in [*first.rows, *rest.rows]] == [f"QF-20260311-{no:04d}" for no in range(19, -1, -1)]


def test_a_list_takes_as_many_statements_at_ten_rows_as_at_a_thousand(database: Database) -> None:
    def statements() -> list[int]:
        said: list[str] = []
        event.listen(database.engine, "before_cursor_execute", lambda *given: said.append(given[2]))
        counts = []
        with database.read() as connection:
            for limit in (3, 200):
                for person in (AUDITOR, OF_G1, SUPERVISOR):
                    said.clear()
                    reads.case_list(connection, person, CaseFilter(), after=None, limit=limit)
                    work.inbox(connection, person, InboxFilter(everyone=True), at=START, after=None, limit=limit)
                    counts.append(len(said))
        return counts

    fill(database, 10)
    few = statements()
    fill(database, 990, first=10)
    assert max(statements()) <= max(few) == 3


@pytest.mark.parametrize("cursor", ["", "x", "W10", "WyJhIiwiYiJd", "eyJhIjoxfQ", "WyIyMDI2LTAzLTExIiwiYSJd"])
def test_a_cursor_that_is_none_is_refused(database: Database, cursor: str) -> None:
    with database.read() as connection, pytest.raises(Refused) as refused:
        reads.case_list(connection, AUDITOR, CaseFilter(), after=cursor, limit=5)
    assert refused.value.code == "form-invalid"
