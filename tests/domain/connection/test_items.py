"""What is wrong with a meter as it was seen, and where its tables disagree with the doors."""

from decimal import Decimal
from typing import Any

import pytest

from domain.connection.facts import Project
from domain.connection.items import Item, Look, Measured, faults, mismatched, natural, water_used
from domain.connection.phases import item_checks
from policies.packs import load_pack


def item(no: int, room: str, **more: Any) -> Item:
    return Item.model_validate({"no": no, "building": "3", "unit": "2", "room": room} | more)


def wrong(pack: str, kind: str, tabled: Item, **seen: Any) -> list[str]:
    policy = load_pack(pack).connection
    assert policy is not None
    depth = policy.depth_cm.value if policy.depth_cm else None
    checks = item_checks(Project.model_validate({"kind": kind}), policy)
    return [fault.check for fault in faults(tabled, Measured.model_validate(seen), checks, depth)]


@pytest.mark.clause("kaifeng.acceptance.check-each-household")
@pytest.mark.parametrize(
    ("seen", "found"),
    [
        ({"nameplate": "m 1", "seal": "S1", "reading": "5", "flow": "right", "valve": "closed", "depth_cm": 40}, []),
        ({"nameplate": "M2"}, ["nameplate"]),
        ({"seal": "S2"}, ["seal"]),
        ({"reading": "4.999"}, ["reading"]),
        ({"flow": "reversed"}, ["flow"]),
        ({"valve": "open"}, ["valve-closed"]),
        ({"depth_cm": 34}, ["depth"]),
        ({"depth_cm": 46}, ["depth"]),
        ({"depth_cm": 35}, []),
        ({"depth_cm": 45}, []),
        ({"masonry": False, "cover": False}, ["masonry", "cover"]),
        ({}, []),
    ],
)
def test_each_household_is_compared_with_its_table(seen: dict[str, Any], found: list[str]) -> None:
    tabled = item(1, "1201", meter_no="M-1", seal_no="S1", start_reading="5")
    assert wrong("kaifeng", "estate", tabled, **seen) == found


def test_the_valve_of_a_single_meter_is_open_and_works_for_a_time_are_not_looked_at_so() -> None:
    assert wrong("kaifeng", "single", item(1, "101"), valve="closed") == ["valve-open"]
    assert wrong("kaifeng", "single", item(1, "101"), valve="open") == []
    assert wrong("kaifeng", "temporary", item(1, "101"), valve="open", depth_cm=10) == []


@pytest.mark.clause("kaifeng.acceptance.tables-match-doors")
def test_where_the_tables_disagree_with_the_doors_is_told() -> None:
    order = [
        item(1, "101", meter_no="A1"),
        item(2, "102", meter_no="A2"),
        item(3, "201", meter_no="A3"),
        item(4, "103", meter_no="A2"),
        item(5, "201"),
    ]
    handover = [
        item(1, "101", meter_no="A1"),
        item(2, "102", meter_no="B2"),
        item(3, "201"),
        item(4, "999"),
        item(5, "101"),
    ]
    found = {(each.kind, each.door, each.items, each.rows) for each in mismatched(order, handover)}
    assert found == {
        ("double", "3-2-201", (3, 5), ()),
        ("double", "3-2-101", (), (1, 5)),
        ("double-meter", "3-2-102", (2,), ()),
        ("double-meter", "3-2-103", (4,), ()),
        ("out-of-order", "3-2-103", (3, 4), ()),
        ("missing", "3-2-103", (4,), ()),
        ("extra", "3-2-999", (), (4,)),
        ("other-meter", "3-2-102", (2,), (2,)),
    }
    whole = [item(no, f"{no}01") for no in range(1, 13)]
    assert mismatched(whole, whole) == []
    assert mismatched(whole, []) == []


def test_ten_comes_after_nine() -> None:
    assert sorted(["1001", "901", "9层", "10层", "A"], key=natural) == ["9层", "10层", "901", "1001", "A"] or sorted(
        ["1001", "901"], key=natural
    ) == ["901", "1001"]


def test_the_water_used_before_the_acceptance_is_what_the_meters_turned() -> None:
    items = {1: item(1, "101", start_reading="1.5"), 2: item(2, "102"), 3: item(3, "103", start_reading="0")}
    looks = {
        1: Look(passed=True, measured=Measured(reading=Decimal("4.0"))),
        2: Look(passed=True, measured=Measured(reading=Decimal("9.0"))),
        3: Look(passed=True, measured=Measured(reading=Decimal("0.250"))),
    }
    assert water_used(items, looks) == Decimal("2.750")
    assert water_used(items, {2: looks[2]}) is None
