"""Tables of items and looks at them, on both databases."""

from decimal import Decimal
from typing import Any

import pytest

from domain.connection.facts import Project
from domain.connection.items import Item, Look, Measured, fingerprint
from store import items, projects, search
from store.database import Database
from store.projects import ProjectRecord
from tests.store.debts import OPENED_AT

A, B = "a" * 64, "b" * 64


@pytest.fixture
def case_no(database: Database) -> str:
    record = ProjectRecord(name="明湖家园", project=Project(kind="estate", meters=3), papers=())
    return projects.open_project(database, record, pack="jinan@2020-01-29", at=OPENED_AT).case_no


def rows(*rooms: str) -> list[Item]:
    return [
        Item(no=no, building="3", room=room, start_reading=Decimal("0.350"), seal_no=f"S{no}")
        for no, room in enumerate(rooms, 1)
    ]


def put(database: Database, case_no: str, table: list[Item], sha256: str, kind: Any = "order") -> bool:
    with database.write() as connection:
        return items.put_table(
            connection, case_no, kind, table, sha256=sha256, filename="t.xlsx", at=OPENED_AT, by="clerk"
        )


def test_a_table_is_taken_once_and_another_takes_its_place(database: Database, case_no: str) -> None:
    assert put(database, case_no, rows("101", "102", "103"), A)
    assert not put(database, case_no, rows("101", "102", "103"), A)
    assert put(database, case_no, rows("9"), B, "handover")
    with database.read() as connection:
        assert items.of_case(connection, case_no) == rows("101", "102", "103")
        assert {kind: table.items for kind, table in items.tables_of(connection, case_no).items()} == {
            "order": 3,
            "handover": 1,
        }
    assert put(database, case_no, rows("201"), B)
    with database.read() as connection:
        assert [item.room for item in items.of_case(connection, case_no)] == ["201"]
        assert items.one(connection, case_no, 1) == rows("201")[0]
        assert items.one(connection, case_no, 2) is None


def note(database: Database, case_no: str, no: int, look: Look, by: str, round_: int = 1) -> Any:
    with database.write() as connection:
        return items.note(connection, case_no, round_, no, look, at=OPENED_AT, by=by)


def test_of_two_looks_at_an_item_the_later_stands_and_is_told_what_it_replaced(
    database: Database, case_no: str
) -> None:
    put(database, case_no, rows("101", "102", "103"), A)
    failed = Look(passed=False, reason="埋深不符", measured=Measured(depth_cm=48, reading=Decimal("1.5")))
    assert note(database, case_no, 2, failed, "li") is None
    assert note(database, case_no, 2, failed, "li") is None
    replaced = note(database, case_no, 2, Look(passed=True), "wang")
    assert (replaced.passed, replaced.reason, replaced.by) == (False, "埋深不符", "li")
    note(database, case_no, 1, failed, "wang")
    note(database, case_no, 2, failed, "wang", round_=2)
    with database.read() as connection:
        assert items.counted(connection, case_no, 1) == (1, 1)
        seen = items.seen(connection, case_no, 1, range(1, 4))
        assert [(each.no, each.look.passed if each.look else None, each.by) for each in seen] == [
            (1, False, "wang"),
            (2, True, "wang"),
            (3, None, None),
        ]
        first = items.looks(connection, case_no, 1)
        assert first[1] == failed
        assert items.last_looks(connection, case_no)[2] == failed
        assert fingerprint(first) != fingerprint(items.last_looks(connection, case_no))
    with database.write() as connection:
        items.forget(connection, case_no, 1, 1)
    with database.read() as connection:
        assert items.counted(connection, case_no, 1) == (1, 0)


def test_a_project_is_found_by_the_number_of_any_of_its_meters(database: Database, case_no: str) -> None:
    metered = [item.model_copy(update={"meter_no": f"LXS-{item.no:06d}"}) for item in rows("101", "102", "103")]
    put(database, case_no, metered, A)
    put(database, case_no, metered, B)  # the same meters once more stand once
    with database.read() as connection:
        for asked in ("LXS-000002", "lxs-000003"):
            assert list(connection.scalars(search.probe(asked))) == [case_no]
        assert list(connection.scalars(search.probe("LXS-000009"))) == []
