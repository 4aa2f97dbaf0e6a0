"""What a page costs is the same however many rows there are: counted in steps of the database, not in time."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
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


TO_BE_COUNTED = (
    *("inbox, contractor", "bills of a month, unpaid", "bills of a month, section"),
    *("bills of a month, covering", "bills of an age, grid", "inbox, one process"),
)
"""Read along the shortest way only once the planner has counted, which it does as soon as a worker is up."""

Costs = dict[str, tuple[int, int, set[str]]]
"""Of each list the statements, the steps, and what is read whole."""


@dataclass(frozen=True)
class Measured:
    small: Costs
    large: Costs
    uncounted: Costs
    """The large one, where the planner has never counted anything."""


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Measured]:
    """Pages are of five rows and few is few, so that every list has more than it shows in the small store too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lists, "LIMIT", 5)
        patch.setattr(search, "ENOUGH", 60)
        patch.setattr(work, "MANY", 20)
        patch.setattr("store.board.MANY", 20)
        small, large = (_filled(tmp_path_factory.mktemp("lists") / f"{times}.db", times) for times in (SMALL, LARGE))
        counted = _costs(small), _costs(large)
        _forget(large)
        yield Measured(*counted, _costs(large))


def _filled(path: Path, times: int) -> str:
    database = Database(f"sqlite:///{path}", durable=False)
    grown.fill(database, **SEED, times=times, at=lists.AT)
    database.close()
    return database.url


def _forget(url: str) -> None:
    database = Database(url, durable=False)
    with database.write() as connection:
        connection.exec_driver_sql("DELETE FROM sqlite_stat1")
    database.close()


def _costs(url: str) -> Costs:
    database, found = Database(url, durable=False), {}
    with database.read() as connection:
        said = lists.Said(connection)
        for name, read in lists.lists().items():
            chance = Random(4)
            looks = [lists.cost(connection, said, read, chance) for _ in range(6)]
            whole = {each for _, _, odd in looks for each in odd}
            found[name] = (max(look[0] for look in looks), max(look[1] for look in looks), whole)
    database.close()
    return found


def test_no_list_walks_through_a_table(measured: Measured) -> None:
    for costs in (measured.large, measured.uncounted):
        assert {name: odd - IN_ORDER for name, (_, _, odd) in costs.items() if odd - IN_ORDER} == {}


def test_a_page_takes_as_many_statements_and_steps_of_four_times_the_rows(measured: Measured) -> None:
    small, large = measured.small, measured.large
    assert len(large) > 60
    assert {name: each[0] for name, each in large.items()} == {name: each[0] for name, each in small.items()}
    assert max(each[0] for each in large.values()) <= 3
    assert _grown(small, large) == {}


def test_a_page_takes_no_more_steps_where_the_planner_has_not_counted(measured: Measured) -> None:
    grew = _grown(measured.large, measured.uncounted)
    assert {name: steps for name, steps in grew.items() if name not in TO_BE_COUNTED} == {}


def _grown(before: Costs, after: Costs) -> dict[str, tuple[int, int]]:
    pages = {name: (before[name][1], each[1]) for name, each in after.items() if name not in BY_DENSITY}
    return {name: (few, many) for name, (few, many) in pages.items() if many > 1.6 * few + 1_000}


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
