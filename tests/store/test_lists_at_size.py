"""What a page costs is the same however many rows there are: counted in steps of the database, not in time."""

from collections.abc import Iterator
from random import Random

import pytest
from sqlalchemy import event

from bench import grown, lists
from store import events, search, work
from store.database import Database

SEED = {"arrears": 1_800, "projects": 200}
SMALL, LARGE = 2, 8
IN_ORDER = {"walks ix_tasks_open"}
"""Whoever reads everybody's tasks reads them along the index of all: from its start, as far as the page goes."""
BY_DENSITY = (
    *("inbox, a stage", "inbox, name of many", "inbox, name of many, grid", "arrears, name of many"),
    *("cases, part of address", "cases, name of many", "bills of a month, covering"),
)
"""What is neither so little that it is read whole nor so much that a page of it is soon found: it is looked for in the
order of the list, where there are `search.ENOUGH` of it at the least, and costs more the more rows it lies among."""


@pytest.fixture(scope="module")
def costs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[int, dict[str, tuple[int, int, set[str]]]]]:
    """By how often the first cases are there: of each list the statements, steps, and what is read whole.

    Pages are of five rows and few is few, so that every list has more than it shows in the small store too.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lists, "LIMIT", 5)
        patch.setattr(search, "ENOUGH", 60)
        patch.setattr(work, "MANY", 20)
        patch.setattr("store.board.MANY", 20)
        yield {times: _costs(tmp_path_factory.mktemp("lists") / f"{times}.db", times) for times in (SMALL, LARGE)}


def _costs(path: object, times: int) -> dict[str, tuple[int, int, set[str]]]:
    database = Database(f"sqlite:///{path}", durable=False)
    grown.fill(database, **SEED, times=times, at=lists.AT)
    found = {}
    with database.read() as connection:
        said = lists.Said(connection)
        for name, read in lists.lists().items():
            chance = Random(4)
            looks = [lists.cost(connection, said, read, chance) for _ in range(6)]
            whole = {each for _, _, odd in looks for each in odd}
            found[name] = (max(look[0] for look in looks), max(look[1] for look in looks), whole)
    database.close()
    return found


def test_no_list_walks_through_a_table(costs: dict[int, dict[str, tuple[int, int, set[str]]]]) -> None:
    assert {name: odd - IN_ORDER for name, (_, _, odd) in costs[LARGE].items() if odd - IN_ORDER} == {}


def test_a_page_takes_as_many_statements_and_steps_of_four_times_the_rows(
    costs: dict[int, dict[str, tuple[int, int, set[str]]]],
) -> None:
    small, large = costs[SMALL], costs[LARGE]
    assert len(large) > 60
    assert {name: each[0] for name, each in large.items()} == {name: each[0] for name, each in small.items()}
    assert max(each[0] for each in large.values()) <= 3
    pages = {name: (small[name][1], each[1]) for name, each in large.items() if name not in BY_DENSITY}
    assert {name: (few, many) for name, (few, many) in pages.items() if many > 1.6 * few + 1_000} == {}


@pytest.mark.parametrize("backend", ["sqlite"])
def test_what_waits_of_billing_is_looked_for_among_the_few_that_are_not_taken(database: Database) -> None:
    """Every minute, and billing may have told of millions."""
    said: list[tuple[str, object]] = []
    event.listen(database.engine, "before_cursor_execute", lambda *given: said.append((given[2], given[3])))
    events.take_what_waited(database, pack="p", at=lists.AT)
    (asked,) = [each for each in said if "billing_events" in each[0]]
    with database.read() as connection:
        plan = [row.detail for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {asked[0]}", asked[1])]
    assert [step for step in plan if "billing_events" in step] == [
        "SCAN billing_events USING INDEX ix_billing_events_unsettled"
    ]
