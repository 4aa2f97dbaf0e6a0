"""Invented applications for water to try things on: no name, place or number in them belongs to anybody."""

from random import Random

from domain.connection.facts import Project, Sector
from domain.connection.policy import Kind
from store.projects import ProjectRecord

REFERENCE = "SAMPLE-"
_OFFICES = {"城东营业所": "东湖示例区", "城西营业所": "西山示例区", "城南营业所": "南苑示例区"}
_WORDS = ("云水", "明渠", "青禾", "松涛", "鹿鸣", "星野", "春和", "听泉", "竹影", "长风", "望岳", "沐光")
_KINDS: tuple[Kind, ...] = ("single", "single", "estate", "single", "linear", "estate", "single", "temporary")
_SHOPS = ("早点铺", "书店", "诊所", "洗车店", "茶馆", "面馆", "幼儿园", "健身房")
_WORKS = {"linear": "路供水管线", "temporary": "工地临时用水"}
_SECTORS: dict[Kind, tuple[Sector, ...]] = {
    "single": ("trade", "other"),
    "estate": ("real-estate",),
    "linear": ("government",),
    "temporary": ("other",),
}


def sample_projects(count: int, *, seed: int, checklist: dict[str, tuple[str, ...]]) -> list[ProjectRecord]:
    """So many applications of every kind, spread over the offices of the sample ledger; the same arguments, the same.

    Of each kind the papers are those of `checklist`. Each has a reference of its own, so that it opens once.
    """
    chance = Random(seed)  # noqa: S311  # invented data, no secret
    return [_record(chance, no, checklist) for no in range(1, count + 1)]


def _record(chance: Random, no: int, checklist: dict[str, tuple[str, ...]]) -> ProjectRecord:
    kind = _KINDS[no % len(_KINDS)]
    office = tuple(_OFFICES)[no % len(_OFFICES)]
    section = chance.randint(1, 4)
    return ProjectRecord(
        name=_name(chance, kind),
        project=_project(chance, kind, no, _OFFICES[office]),
        papers=checklist.get(kind, ()),
        reference=f"{REFERENCE}{no:04d}",
        address=f"{_OFFICES[office]}示例路{chance.randint(1, 300)}号",
        district=_OFFICES[office],
        channel=chance.choice(("online", "window", "phone")),
        grid=f"{office[1]}{section}-{chance.randint(1, 9):02d}",
        section=f"{office[:2]}{section}管区",
        office=office,
    )


def _name(chance: Random, kind: Kind) -> str:
    word = chance.choice(_WORDS)
    if kind == "single":
        return f"示例{word}{chance.choice(_SHOPS)}"
    if kind == "estate":
        return f"示例{word}{chance.choice(('家园', '花苑', '新村'))}{chance.choice('一二三')}期"
    return f"示例{word}{_WORKS[kind]}"


def _project(chance: Random, kind: Kind, no: int, district: str) -> Project:
    sector = chance.choice(_SECTORS[kind])
    investment = {"trade": 3_000_000_00, "real-estate": chance.choice((800_000_000_00, 3_200_000_000_00))}.get(sector)
    return Project(
        kind=kind,
        meters={"single": 1, "estate": chance.randint(24, 360), "linear": 2, "temporary": 1}[kind],
        high_rise=kind == "estate" and chance.random() < 0.5,
        design_by="customer" if kind == "estate" and no % 3 == 0 else "utility",
        district=district,
        sector=sector,
        # Some forget to say how much they invest: then the leading group decides who serves them.
        investment_fen=None if no % 11 == 0 else investment,
        petition=no % 29 == 0,
    )
