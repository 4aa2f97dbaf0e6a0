"""The order of a round on foot, and what is one visit."""

from typing import NamedTuple

from domain.walk import visits, walk_key


class Row(NamedTuple):
    title: str
    address: str | None


def test_addresses_are_walked_by_their_numbers() -> None:
    walked = [
        "示例园2号楼1单元101室",
        "示例园2号楼一单元102室",
        "示例园2号楼2单元101室",
        "示例园２号楼二单元1001室",
        "示例园10号楼1单元101室",
        "示例园十二号楼1单元101室",
        "示例园二十号楼1单元101室",
    ]
    assert sorted(sorted(walked, reverse=True), key=walk_key) == walked


def test_a_reading_book_has_the_word_over_addresses() -> None:
    keys = [
        walk_key("乙路", book="A2", place=1),
        walk_key("甲路", book="A2", place=10),
        walk_key("丙路", book="A10", place=1),
        walk_key("丁路", book="A10"),
        walk_key("甲路"),
    ]
    assert sorted(keys) == keys


def test_several_meters_of_one_household_are_one_visit() -> None:
    rows = [
        Row("示例甲", "示例园1号101室"),
        Row("示例乙", "示例园1号101室"),
        Row("示例甲", "示例园 １号101室"),
        Row("示例甲", None),
        Row("示例甲", None),
    ]
    assert [[row.title for row in each] for each in visits(rows)] == [
        ["示例甲", "示例甲"],
        ["示例乙"],
        ["示例甲"],
        ["示例甲"],
    ]
