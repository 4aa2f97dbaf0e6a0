"""The lists behind the pages: what they hold, in which order, for whom, and with how many statements."""

from collections.abc import Callable
from datetime import datetime
from itertools import islice
from typing import Any

import pytest
from sqlalchemy import event, update

from bench.listed import Listed, arrears_cases, connection_projects, put
from domain.calendars import CHINA
from domain.refusals import Refused
from store import search, work
from store.approvals import APPROVALS, approvals
from store.arrears_work import WorkFilter, arrears_work
from store.board import BoardFilter, board, board_counts
from store.database import Database
from store.people import Person
from store.pressing import WITH_OTHERS, end_of_today
from store.tables import tasks as tasks_table
from store.work import InboxFilter, inbox, inbox_counts, under_clause

AT = datetime(2026, 3, 11, 9, tzinfo=CHINA)
ALL = Person(id="chief", name="chief", roles=("supervisor", "collector", "engineer", "leading-group"))
OF_SECTION = Person(id="holder-7", name="li", roles=("collector",), section="城东2管区")
OF_GRID = Person(id="wang", name="wang", roles=("collector", "representative"), grid="西1-03")
AUDITOR = Person(id="auditor", name="auditor", roles=("auditor",))
OUTSIDER = Person(id="builder", name="builder", roles=("contractor",))


@pytest.fixture
def rows(database: Database) -> list[Listed]:
    """300 accounts in arrears and 200 projects, as rows and as they stand in the store."""
    rows = [*arrears_cases(300, at=AT), *connection_projects(200, at=AT)]
    put(database, iter(rows[:300]))
    put(database, iter(rows[300:]))
    return rows


def every(read: Callable[[str | None], Any]) -> list[Any]:
    found, after = [], None
    while True:
        page = read(after)
        found += page.rows
        if (after := page.next) is None:
            return found


def tasks_of(rows: list[Listed], fits: Callable[[dict[str, Any]], Any]) -> list[str]:
    found = [task for row in rows for task in row.tasks if fits(task)]
    return [task["task_id"] for task in sorted(found, key=lambda task: (task["presses_at"], task["task_id"]))]


def cases_of(rows: list[Listed], process: str, fits: Callable[[Listed], Any]) -> set[str]:
    return {row.case["case_no"] for row in rows if row.case["process"] == process and fits(row)}


def mine(person: Person, task: dict[str, Any]) -> bool:
    if person.part is not None and task[person.part[0]] != person.part[1]:
        return False
    risen = person.holds("supervisor") and task["level"] in ("section", "office", "centre")
    return task["role"] in person.roles or risen


INBOX: list[tuple[InboxFilter, Callable[[dict[str, Any]], Any]]] = [
    (InboxFilter(), lambda task: True),
    (InboxFilter(key="arrears.approve-limit"), lambda task: task["key"] == "arrears.approve-limit"),
    (InboxFilter(role="engineer"), lambda task: task["role"] == "engineer"),
    (InboxFilter(process="connection"), lambda task: task["process"] == "connection"),
    (InboxFilter(process="arrears", role="collector"), lambda task: task["role"] == "collector"),
    (InboxFilter(office="城东营业所"), lambda task: task["office"] == "城东营业所"),
    (InboxFilter(grid="西1-03"), lambda task: task["grid"] == "西1-03"),
    (InboxFilter(group="late"), lambda task: task["presses_at"] <= AT),
    (InboxFilter(group="today"), lambda task: AT < task["presses_at"] <= end_of_today(AT)),
    (InboxFilter(group="later"), lambda task: end_of_today(AT) < task["presses_at"] < WITH_OTHERS),
    (InboxFilter(group="paused"), lambda task: task["party"] != "utility"),
]


@pytest.mark.parametrize("person", [ALL, OF_SECTION, OF_GRID, AUDITOR], ids=lambda person: person.id)
def test_the_inbox_holds_what_falls_to_me_and_fits_in_the_order_in_which_it_presses(
    database: Database, rows: list[Listed], person: Person
) -> None:
    for where, fits in INBOX:
        check_inbox(database, rows, person, where, fits)


def check_inbox(
    database: Database, rows: list[Listed], person: Person, where: InboxFilter, fits: Callable[[Any], bool]
) -> None:
    with database.read() as connection:
        found = every(lambda after: inbox(connection, person, where, at=AT, after=after, limit=23))
        counts = inbox_counts(connection, person, where, at=AT)
        whole = every(
            lambda after: inbox(
                connection, person, where.model_copy(update={"everyone": True}), at=AT, after=after, limit=99
            )
        )
    expected = tasks_of(rows, lambda task: mine(person, task) and fits(task))
    assert [row.task_id for row in found] == expected
    if where.group is None:
        groups = [row.group(AT) for row in found]
        assert counts.model_dump(exclude={"mine"}) == {
            name: groups.count(name) for name in ("late", "today", "later", "paused")
        }
    in_part = (lambda task: task[person.part[0]] == person.part[1]) if person.part else (lambda task: True)
    assert [row.task_id for row in whole] == tasks_of(rows, lambda task: in_part(task) and fits(task))


def test_whoever_leads_a_project_finds_the_representatives_tasks_of_it(database: Database) -> None:
    rows = list(connection_projects(200, at=AT))
    theirs = tasks_of(rows, lambda task: task["role"] == "representative" and task["status"] == "open")
    assert len(theirs) > 1, "the sample has too few of them to tell anything"
    led = theirs[::2]
    for row in rows:
        for task in row.tasks:
            if task["task_id"] in led:
                task["role"] = "service-manager"
    put(database, iter(rows))
    manager = Person(id="manager", name="manager", roles=("service-manager",))
    for where in (InboxFilter(), InboxFilter(process="connection"), InboxFilter(process="arrears")):
        with database.read() as connection:
            found = every(lambda after: inbox(connection, manager, where, at=AT, after=after, limit=23))  # noqa: B023
        assert [row.task_id for row in found] == ([] if where.process == "arrears" else led)


def test_what_is_in_my_hands_is_found_whatever_its_role(database: Database, rows: list[Listed]) -> None:
    me = Person(id="holder-7", name="li", roles=("clerk",))
    with database.read() as connection:
        found = every(lambda after: inbox(connection, me, InboxFilter(mine=True), at=AT, after=after, limit=5))
        counts = inbox_counts(connection, me, InboxFilter(), at=AT)
    expected = tasks_of(rows, lambda task: task["holder"] == "holder-7")
    assert [row.task_id for row in found] == expected
    assert counts.mine == len(expected)


def test_a_row_tells_what_its_case_is_about(database: Database, rows: list[Listed]) -> None:
    by_case = {row.case["case_no"]: row for row in rows}
    with database.read() as connection:
        for row in inbox(connection, ALL, InboxFilter(everyone=True), at=AT, after=None, limit=200).rows:
            listed = by_case[row.case_no]
            assert (row.title, row.address) == (listed.owner["name"], listed.owner["address"])
            assert (row.amount_fen, row.stage) == (listed.case["amount_fen"], listed.case["stage"])


def test_names_and_addresses_are_masked_for_those_who_only_watch(database: Database, rows: list[Listed]) -> None:
    with database.read() as connection:
        found = inbox(connection, AUDITOR, InboxFilter(everyone=True), at=AT, after=None, limit=50).rows
        projects = board(connection, AUDITOR, BoardFilter(), at=AT, after=None, limit=50).rows
        accounts = arrears_work(connection, AUDITOR, WorkFilter(), at=AT, after=None, limit=50).rows
    shown = {text for row in found for text in (row.title, row.address)}
    shown |= {text for row in projects for text in (row.name, row.address)}
    shown |= {text for row in accounts for text in (row.title, row.address)}
    assert all(text.endswith("**") and len(text) == 3 for text in shown)


def test_an_outsider_sees_only_what_was_given_into_their_hands(database: Database, rows: list[Listed]) -> None:
    with database.read() as connection:
        assert inbox(connection, OUTSIDER, InboxFilter(everyone=True), at=AT, after=None, limit=9).rows == []
        assert board(connection, OUTSIDER, BoardFilter(), at=AT, after=None, limit=9).rows == []
        assert arrears_work(connection, OUTSIDER, WorkFilter(), at=AT, after=None, limit=9).rows == []
        assert sum(count.projects for count in board_counts(connection, OUTSIDER, at=AT)) == 0


BOARD: list[tuple[BoardFilter, Callable[[Listed], Any]]] = [
    (BoardFilter(), lambda row: True),
    (BoardFilter(phase="design"), lambda row: row.case["stage"] == "design"),
    (BoardFilter(responsible="rep-7"), lambda row: row.case["responsible"] == "rep-7"),
    (BoardFilter(kind="estate"), lambda row: row.case["kind"] == "estate"),
    (BoardFilter(late=True), lambda row: row.case["presses_at"] <= AT),
    (BoardFilter(paused=True), lambda row: row.case["presses_at"] == WITH_OTHERS),
    (BoardFilter(q="历山"), lambda row: "历山" in row.owner["name"] or row.owner["address"].startswith("历山")),
    (BoardFilter(section="城东2管区"), lambda row: row.case["section"] == "城东2管区"),
]


@pytest.mark.parametrize("order", ["due", "newest", "oldest"])
@pytest.mark.parametrize("enough", [search.ENOUGH, 0], ids=["few", "many"])
def test_the_board_holds_every_open_project_that_fits(
    database: Database, rows: list[Listed], order: Any, enough: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "ENOUGH", enough)
    for where, fits in BOARD:
        check_board(database, rows, where, fits, order)


def check_board(
    database: Database, rows: list[Listed], where: BoardFilter, fits: Callable[[Listed], bool], order: Any
) -> None:
    by_case = {row.case["case_no"]: row for row in rows}
    with database.read() as connection:
        found = every(lambda after: board(connection, ALL, where, at=AT, order=order, after=after, limit=17))
        counts = board_counts(connection, ALL, where, at=AT)
    expected = cases_of(rows, "connection", fits)
    assert len(found) == len(expected)
    assert {row.case_no for row in found} == expected
    keys = [by_case[row.case_no].case["presses_at" if order == "due" else "opened_at"] for row in found]
    assert keys == sorted(keys, reverse=order == "newest")
    for row in found:
        assert {task.task_id for task in row.tasks} == {task["task_id"] for task in by_case[row.case_no].tasks}
    if where.phase is None:
        assert sum(count.projects for count in counts) == len(expected)
        assert sum(count.late for count in counts) == sum(row.late for row in found)


WORK: list[tuple[WorkFilter, Callable[[Listed], Any]]] = [
    (WorkFilter(section="城东2管区"), lambda row: True),
    (WorkFilter(section="城东2管区", stage="grace"), lambda row: row.case["stage"] == "grace"),
    (WorkFilter(section="城东2管区", amount_from=200_000), lambda row: row.case["amount_fen"] >= 200_000),
    (WorkFilter(section="城东2管区", proof_missing=True), lambda row: row.case["proof_missing"]),
    (WorkFilter(section="城东2管区", due_today=True), lambda row: row.case["presses_at"] <= end_of_today(AT)),
    (WorkFilter(section="城东2管区", q="历山"), lambda row: row.owner["address"].startswith("历山")),
]


@pytest.mark.parametrize("order", ["due", "amount", "days", "route"])
@pytest.mark.parametrize("enough", [search.ENOUGH, 0], ids=["few", "many"])
def test_the_work_list_holds_every_account_that_fits(
    database: Database, rows: list[Listed], order: Any, enough: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "ENOUGH", enough)
    for where, fits in WORK:
        check_work(database, rows, where, fits, order)


def check_work(
    database: Database, rows: list[Listed], where: WorkFilter, fits: Callable[[Listed], bool], order: Any
) -> None:
    by_case = {row.case["case_no"]: row for row in rows}
    with database.read() as connection:
        found = every(lambda after: arrears_work(connection, ALL, where, at=AT, order=order, after=after, limit=4))
    expected = cases_of(rows, "arrears", lambda row: row.case["section"] == "城东2管区" and fits(row))
    assert len(found) == len(expected)
    assert {row.case_no for row in found} == expected
    if order == "amount":
        assert [row.amount_fen for row in found] == sorted((row.amount_fen for row in found), reverse=True)
    if order == "days":
        assert [row.days for row in found] == sorted((row.days for row in found), reverse=True)
    if order == "due":
        keys = [by_case[row.case_no].case["presses_at"] for row in found]
        assert keys == sorted(keys)
    if order == "route":
        assert [row.grid for row in found] == sorted(row.grid for row in found)


def test_a_round_without_a_section_or_grid_is_refused(database: Database) -> None:
    with database.read() as connection:
        with pytest.raises(Refused, match="choose which"):
            arrears_work(connection, ALL, WorkFilter(), at=AT, order="route", after=None, limit=9)
        assert arrears_work(connection, OF_GRID, WorkFilter(), at=AT, order="route", after=None, limit=9).rows == []


SEARCHES: list[tuple[str, Callable[[Listed], Any]]] = [
    ("QF-20260311-0000017", lambda row: row.case["case_no"] == "QF-20260311-0000017"),
    ("qf-20260311-0000017", lambda row: row.case["case_no"] == "QF-20260311-0000017"),
    ("000000017", lambda row: row.case["subject"] == "000000017"),
    ("bz-20260311", lambda row: row.case["process"] == "connection"),
    ("家园12号", lambda row: False),
    ("12号楼", lambda row: "家园12号楼" in row.owner["address"]),
    ("王某", lambda row: row.owner["name"].startswith("王")),
    ("no such thing", lambda row: False),
]


def test_a_search_finds_numbers_names_and_parts_of_an_address(database: Database, rows: list[Listed]) -> None:
    for q, fits in SEARCHES:
        with database.read() as connection:
            where = InboxFilter(everyone=True, q=q)
            found = every(lambda after, where=where: inbox(connection, ALL, where, at=AT, after=after, limit=50))  # type: ignore[misc]
        expected = {task["task_id"] for row in rows if fits(row) for task in row.tasks}
        assert {row.task_id for row in found} == expected, q


def test_a_search_that_finds_many_reads_in_order_and_finds_the_same(
    database: Database, rows: list[Listed], monkeypatch: pytest.MonkeyPatch
) -> None:
    def read() -> list[Any]:
        with database.read() as connection:
            where = InboxFilter(everyone=True, q="某某")
            works = [arrears_work(connection, ALL, WorkFilter(q="某某"), at=AT, after=None, limit=50).rows]
            return works + every(lambda after: inbox(connection, ALL, where, at=AT, after=after, limit=50))

    by_search = read()
    monkeypatch.setattr(search, "ENOUGH", 3)
    assert read() == by_search
    assert len(by_search) > 100


def test_approvals_show_what_the_decision_rests_on(database: Database, rows: list[Listed]) -> None:
    with database.read() as connection:
        found = every(lambda after: approvals(connection, ALL, at=AT, after=after, limit=20))
    assert [row.task.task_id for row in found] == tasks_of(
        rows, lambda task: task["key"] in APPROVALS and mine(ALL, task)
    )
    limits = [row for row in found if row.task.key == "arrears.approve-limit"]
    assert limits
    assert all(row.served[0].task == "arrears.serve-dunning-notice" and row.days > 0 for row in limits)


def test_lists_take_as_many_statements_at_ten_rows_as_at_five_thousand(database: Database) -> None:
    def statements() -> dict[str, int]:
        said: list[str] = []
        event.listen(database.engine, "before_cursor_execute", lambda *given: said.append(given[2]))
        counts = {}
        with database.read() as connection:
            connection.scalar(search.cases_found("x").limit(1))
            for name, read in reads.items():
                said.clear()
                read(connection)
                counts[name] = len(said)
        return counts

    page = {"at": AT, "after": None, "limit": 200}
    reads: dict[str, Callable[[Any], Any]] = {
        "inbox": lambda c: inbox(c, ALL, InboxFilter(), **page),
        "inbox, searched": lambda c: inbox(c, ALL, InboxFilter(q="历山"), **page),
        "counts": lambda c: inbox_counts(c, ALL, InboxFilter(), at=AT),
        "board": lambda c: board(c, ALL, BoardFilter(), **page),
        "board, narrowed": lambda c: board(c, ALL, BoardFilter(q="bz-2026"), **page),
        "board counts": lambda c: board_counts(c, ALL, at=AT),
        "work": lambda c: arrears_work(c, ALL, WorkFilter(), **page),
        "work, narrowed": lambda c: arrears_work(c, ALL, WorkFilter(q="某某", amount_from=1), **page),
        "approvals": lambda c: approvals(c, ALL, **page),
    }
    arrears, projects = arrears_cases(4000, at=AT), connection_projects(1000, at=AT)
    put(database, islice(arrears, 8))
    put(database, islice(projects, 4))
    few = statements()
    put(database, arrears)
    put(database, projects)
    assert statements() == few
    assert max(few.values()) <= 3


def test_where_a_sentence_is_running_is_looked_for_among_the_most_pressing_in_sight(
    database: Database, rows: list[Listed], monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = tasks_of(rows, lambda task: task["section"] == "城东2管区")
    with database.write() as connection:
        for id in (mine[3], mine[9]):
            resting = {"clauses": ["jinan.a.b"]}
            connection.execute(update(tasks_table).where(tasks_table.c.task_id == id).values(body=resting))

    def found() -> list[str]:
        with database.read() as connection:
            return [row.task_id for row in under_clause(connection, OF_SECTION, "jinan.a.b", limit=9)]

    assert found() == [mine[3], mine[9]]
    monkeypatch.setattr(work, "AMONG", 5)
    assert found() == [mine[3]]
