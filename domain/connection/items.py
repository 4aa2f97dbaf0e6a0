"""The items of an acceptance: which meter is behind which door, what was seen of it, and what that makes of it.

An item is a meter, numbered as the order table (顺序表) has it. The handover table (移交表) names the same doors again;
where the two disagree is told before anybody stands in front of a pit.
"""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from domain.clauses import keeps
from domain.policy import Strict

Table = Literal["order", "handover"]
Check = Literal[
    "nameplate", "reading", "seal", "flow", "valve-closed", "valve-open", "depth", "masonry", "cover", "place", "space"
]
"""What may be looked at in front of each meter; a pack says for which projects."""


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("holds characters that cannot be read: write plain text")
    return text


Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60), AfterValidator(_printable)]
CubicMetres = Annotated[Decimal, Field(ge=0, le=9_999_999, decimal_places=3)]
MOST_ITEMS = 20_000
LONGEST_REASON = 200


class Item(Strict):
    """One meter as a table has it. No personal data: a door, not who lives behind it."""

    no: int = Field(ge=1, le=MOST_ITEMS)
    building: Line
    unit: Line | None = None
    room: Line
    position: Line | None = None
    meter_no: Line | None = None
    dn: int | None = Field(None, ge=15, le=2000)
    start_reading: CubicMetres | None = None
    seal_no: Line | None = None
    customer_class: Literal["resident", "organisation"] | None = None
    remote: bool | None = None

    @property
    def door(self) -> str:
        """The door as people write it: 3-2-1201."""
        return "-".join(part for part in (self.building, self.unit, self.room) if part)


class Measured(Strict):
    """What was read, measured and seen at one meter. What was not looked at stays None."""

    nameplate: Line | None = None
    reading: CubicMetres | None = None
    seal: Line | None = None
    flow: Literal["right", "reversed"] | None = None
    valve: Literal["closed", "open"] | None = None
    depth_cm: int | None = Field(None, ge=0, le=500)
    masonry: bool | None = None
    cover: bool | None = None
    place: bool | None = None
    space: bool | None = None


class Look(Strict):
    """What an inspector made of one item. A failed one says why."""

    passed: bool
    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST_REASON)] | None = (
        None
    )
    measured: Measured = Measured()
    photo: str | None = Field(None, max_length=80)

    @model_validator(mode="after")
    def _says_why(self) -> Self:
        if not self.passed and self.reason is None:
            raise ValueError("reason: a failed item says why")
        return self


class Fault(Strict):
    """Why a meter does not pass by the utility's own rules, in both languages."""

    check: Check
    zh: str
    en: str


class Depth(Strict):
    """How deep a meter may lie, in centimetres, both ends included."""

    least: int
    most: int

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.least > self.most:
            raise ValueError(f"least {self.least} is deeper than most {self.most}: exchange them")
        return self


@keeps("kaifeng.acceptance.check-each-household")
def faults(item: Item | None, measured: Measured, checks: Iterable[Check], depth: Depth | None) -> list[Fault]:
    """What is wrong with a meter as it was seen: compared with its table and with what this utility asks for.

    Something that was not measured is not wrong: the inspector's word that an item passed stands for it.
    """
    asked, found = set(checks), list[Fault]()

    def wrong(check: Check, zh: str, en: str) -> None:
        if check in asked:
            found.append(Fault(check=check, zh=zh, en=en))

    table = item or Item(no=1, building="-", room="-")
    if measured.nameplate and table.meter_no and _plain(measured.nameplate) != _plain(table.meter_no):
        wrong("nameplate", f"铭牌号与表上的 {table.meter_no} 不符", f"the nameplate is not {table.meter_no}")
    if measured.reading is not None and table.start_reading is not None and measured.reading < table.start_reading:
        wrong("reading", f"表指低于起度 {table.start_reading}", f"reads less than its start, {table.start_reading}")
    if measured.seal and table.seal_no and _plain(measured.seal) != _plain(table.seal_no):
        wrong("seal", f"铅封号与表上的 {table.seal_no} 不符", f"the seal is not {table.seal_no}")
    if measured.flow == "reversed":
        wrong("flow", "水表流向相反", "the meter is set against the flow")
    if measured.valve == "open":
        wrong("valve-closed", "表前阀没有关闭", "the valve before the meter is open")
    if measured.valve == "closed":
        wrong("valve-open", "表前阀没有开通", "the valve before the meter is closed")
    if depth is not None and measured.depth_cm is not None and not depth.least <= measured.depth_cm <= depth.most:
        wrong(
            "depth",
            f"埋深 {measured.depth_cm} 厘米，要在 {depth.least} 到 {depth.most} 厘米之间",
            f"lies {measured.depth_cm} cm deep, not {depth.least} to {depth.most} cm",
        )
    seen: tuple[tuple[Check, str, str], ...] = (
        ("masonry", "井室砌筑不合格", "the masonry of the pit is not sound"),
        ("cover", "井盖方向不符合要求", "the cover lies the wrong way round"),
        ("place", "表井位置不便维护抄收", "the pit is in a place that cannot be served"),
        ("space", "表组空间、位置不合适", "the meters have no room, or are laid out wrong"),
    )
    for check, zh, en in seen:
        if getattr(measured, check) is False:
            wrong(check, zh, en)
    return found


def judged(look: Look, item: Item | None, checks: Iterable[Check], depth: Depth | None) -> tuple[Look, list[Fault]]:
    """The look as it is kept: one that passed in spite of what was measured has failed, for the reason of the rule."""
    found = faults(item, look.measured, checks, depth)
    if look.passed and found:
        reason = "；".join(fault.zh for fault in found)[:LONGEST_REASON]
        return look.model_copy(update={"passed": False, "reason": reason}), found
    return look, found


def fingerprint(looks: Mapping[int, Look]) -> str:
    """The hash of what was seen of every item: the case keeps it, and the rows can be held against it for ever."""
    rows = [[no, looks[no].model_dump(mode="json", exclude_none=True)] for no in sorted(looks)]
    return hashlib.sha256(json.dumps(rows, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


def _plain(text: str) -> str:
    return re.sub(r"[\s\-]", "", text).casefold()


# Two tables of the same doors.

Mismatch = Literal["missing", "extra", "double", "out-of-order", "other-meter", "double-meter"]


class Mismatched(Strict):
    """Where the tables and the doors disagree. `items` are numbers of the order table, `rows` those of the handover."""

    kind: Mismatch
    door: str
    items: tuple[int, ...] = ()
    rows: tuple[int, ...] = ()


@keeps("kaifeng.acceptance.tables-match-doors")
def mismatched(order: Sequence[Item], handover: Sequence[Item]) -> list[Mismatched]:
    """What does not fit: within the order table by itself, and against the handover table when there is one.

    `missing`: a door of the order table that was not handed over; `extra`: one that was and is not in the order table.
    Out of order is a door that stands before one it should follow, within its building and unit.
    """
    found = list[Mismatched]()
    by_door, handed = _by_door(order), _by_door(handover)
    found += (Mismatched(kind="double", door=door, items=nos) for door, nos in by_door.items() if len(nos) > 1)
    found += (Mismatched(kind="double", door=door, rows=nos) for door, nos in handed.items() if len(nos) > 1)
    meters = Counter(_plain(item.meter_no) for item in order if item.meter_no)
    twice = {meter for meter, times in meters.items() if times > 1}
    found += (
        Mismatched(kind="double-meter", door=item.door, items=(item.no,))
        for item in order
        if item.meter_no and _plain(item.meter_no) in twice
    )
    found += _out_of_order(order)
    if handover:
        found += (
            Mismatched(kind="missing", door=door, items=nos) for door, nos in by_door.items() if door not in handed
        )
        found += (Mismatched(kind="extra", door=door, rows=nos) for door, nos in handed.items() if door not in by_door)
        meter_of = {item.door: item for item in handover if item.meter_no}
        found += (
            Mismatched(kind="other-meter", door=item.door, items=(item.no,), rows=(meter_of[item.door].no,))
            for item in order
            if item.meter_no
            and item.door in meter_of
            and _plain(item.meter_no) != _plain(meter_of[item.door].meter_no or "")
        )
    return found


def _by_door(items: Sequence[Item]) -> dict[str, tuple[int, ...]]:
    found: dict[str, tuple[int, ...]] = {}
    for item in items:
        found[item.door] = (*found.get(item.door, ()), item.no)
    return found


def _out_of_order(order: Sequence[Item]) -> list[Mismatched]:
    found, last = list[Mismatched](), dict[tuple[str, str], Item]()
    for item in order:
        stair = (item.building, item.unit or "")
        before = last.get(stair)
        if before is not None and natural(item.room) < natural(before.room):
            found.append(Mismatched(kind="out-of-order", door=item.door, items=(before.no, item.no)))
        last[stair] = item
    return found


def natural(text: str) -> tuple[tuple[int, str], ...]:
    """A key by which 2 comes before 10, and 9层 before 10层."""
    return tuple((int(run), "") if run.isdigit() else (-1, run) for run in re.findall(r"\d+|\D+", text))


def water_used(items: Mapping[int, Item], looks: Mapping[int, Look]) -> Decimal | None:
    """The water that ran before the acceptance, in cubic metres: readings less start readings; None: none is known."""
    used = [
        look.measured.reading - item.start_reading
        for no, look in looks.items()
        if look.measured.reading is not None
        and (item := items.get(no)) is not None
        and item.start_reading is not None
        and look.measured.reading >= item.start_reading
    ]
    return sum(used, Decimal(0)) if used else None


def ranges(items: list[int]) -> tuple[tuple[int, int], ...]:
    """Numbers as runs of neighbours: 1, 2, 3, 5 as (1, 3), (5, 5)."""
    runs: list[tuple[int, int]] = []
    for item in items:
        if runs and runs[-1][1] == item - 1:
            runs[-1] = (runs[-1][0], item)
        else:
            runs.append((item, item))
    return tuple(runs)
