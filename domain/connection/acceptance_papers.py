"""Papers of an acceptance: the minutes of a round, the report on all of them, and the words on reading and payment."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from domain.clauses import keeps
from domain.connection.facts import ProjectFacts
from domain.connection.forms import Acceptance
from domain.connection.items import Item
from domain.connection.paperwork import KINDS
from domain.money import Yuan
from domain.papers import Paper, Picture
from domain.policy import Strict
from domain.refusals import Refused

MINUTES, REPORT, READING_NOTICE = "minutes", "acceptance-report", "reading-notice"
POINTS = (
    "works_finished",
    "surroundings_finished",
    "papers_complete",
    "tables_match_doors",
    "matches_drawings",
    "general_drawing",
    "households_checked",
    "valves_closed",
    "valve_open",
    "masonry_sound",
    "covers_right",
    "space_right",
    "place_right",
    "start_readings_signed",
)
"""What an acceptance states of the works, in the order in which it is printed."""


class Decided(Strict):
    """An acceptance as it was decided: when, by whom (a name), and its filled form."""

    at: datetime
    by: str
    form: dict[str, Any]


class Failed(Strict):
    no: int
    door: str
    reason: str


class RoundAccepted(Strict):
    """One round in figures; `passed` are runs of numbers, as 1—40."""

    round: int
    at: datetime
    by: str
    passed: tuple[str, ...]
    passed_many: int
    failed: tuple[Failed, ...]


class Minutes(Paper):
    """验收纪要 of one round. `record`: the hash of what was seen of each item, where it was looked at one by one."""

    utility: str
    no: str
    project: str
    address: str | None
    kind: str
    meters: int
    round: RoundAccepted
    attendants: tuple[str, ...]
    points: tuple[str, ...]
    terms: str | None
    record: str | None
    signature: Picture | None


class AcceptanceReport(Paper):
    """验收报告 on every round up to now. `whole`: every item has passed."""

    utility: str
    no: str
    project: str
    address: str | None
    kind: str
    meters: int
    rounds: tuple[RoundAccepted, ...]
    points: tuple[str, ...]
    depth: str | None
    water_used: str | None
    fee: Yuan | None
    table: str | None
    whole: bool


class ReadingNotice(Paper):
    """抄表缴费告知: how the new customers are read, told and paid, in the words of the pack."""

    utility: str
    project: str
    address: str | None
    words: str
    reading_book: str | None
    reading_cycle: str | None


def rounds(facts: ProjectFacts, accepted: Sequence[Decided], tabled: Mapping[int, Item]) -> tuple[RoundAccepted, ...]:
    """Each round as it was decided: its items are all of them first, and those that failed before from then on."""
    asked: Sequence[int] = range(1, facts.project.meters + 1)
    found = []
    for no, each in enumerate(accepted, 1):
        failed = {int(item): str(reason) for item, reason in (each.form.get("failed") or {}).items()}
        passed = [item for item in asked if item not in failed]
        found.append(
            RoundAccepted(
                round=no,
                at=each.at,
                by=each.by,
                passed=tuple(runs(passed)),
                passed_many=len(passed),
                failed=tuple(
                    Failed(no=item, door=tabled[item].door if item in tabled else "", reason=reason)
                    for item, reason in sorted(failed.items())
                ),
            )
        )
        asked = sorted(failed)
    return tuple(found)


def runs(items: Sequence[int]) -> list[str]:
    """Numbers as they are printed: 1—3, 5."""
    spans: list[list[int]] = []
    for item in items:
        if spans and spans[-1][1] == item - 1:
            spans[-1][1] = item
        else:
            spans.append([item, item])
    return [str(first) if first == last else f"{first}—{last}" for first, last in spans]


def _points(form: Mapping[str, Any]) -> tuple[str, ...]:
    """What a form states as true, as its fields are called in Chinese."""
    titles = {name: (field.title or name).partition(" ")[0] for name, field in Acceptance.model_fields.items()}
    return tuple(titles[name] for name in POINTS if form.get(name) is True)


def _refuse_none(accepted: Sequence[Decided], round_: int) -> None:
    if not 1 <= round_ <= len(accepted):
        raise Refused(
            "not-open",
            f"round {round_} of the acceptance is not decided: its papers come after it",
            zh=f"第 {round_} 轮验收还没有办结，办结之后才有这张单子。",
        )


@keeps("kaifeng.acceptance.minutes-by-developer")
def minutes(
    facts: ProjectFacts,
    accepted: Sequence[Decided],
    tabled: Mapping[int, Item],
    *,
    round_: int,
    utility: str,
    project: str,
    address: str | None,
) -> Minutes:
    """The minutes of a round. Raises `Refused` while it is not decided."""
    _refuse_none(accepted, round_)
    held = accepted[round_ - 1]
    return Minutes(
        title="验收纪要",
        dated_at=held.at,
        utility=utility,
        no=held.form.get("minutes") or f"{facts.case_no}-YSJY-{round_}",
        project=project,
        address=address,
        kind=KINDS[facts.project.kind],
        meters=facts.project.meters,
        round=rounds(facts, accepted, tabled)[round_ - 1],
        attendants=tuple(held.form.get("attendants") or ()),
        points=_points(held.form),
        terms=held.form.get("terms"),
        record=held.form.get("record"),
        signature=_picture(held.form.get("signature")),
    )


@keeps("jinan.acceptance.acceptance-report-filed")
def report(
    facts: ProjectFacts,
    accepted: Sequence[Decided],
    tabled: Mapping[int, Item],
    *,
    utility: str,
    project: str,
    address: str | None,
) -> AcceptanceReport:
    """The report on every round decided. Raises `Refused` before the first."""
    _refuse_none(accepted, max(1, len(accepted)))
    last, table = accepted[-1], facts.tables.get("order")
    shallow = [form["depth_least"] for form in (each.form for each in accepted) if form.get("depth_least") is not None]
    deep = [form["depth_most"] for form in (each.form for each in accepted) if form.get("depth_most") is not None]
    used = [each.form["water_used"] for each in accepted if each.form.get("water_used") is not None]
    return AcceptanceReport(
        title="验收报告",
        dated_at=last.at,
        utility=utility,
        no=last.form.get("report") or f"{facts.case_no}-YSBG",
        project=project,
        address=address,
        kind=KINDS[facts.project.kind],
        meters=facts.project.meters,
        rounds=rounds(facts, accepted, tabled),
        points=_points(last.form),
        depth=f"{min(shallow)}—{max(deep)} 厘米" if shallow and deep else None,
        water_used="、".join(str(each) for each in used) + " 立方米" if used else None,
        fee=None if facts.fee_fen is None else _yuan(facts.fee_fen),
        table=table.sha256[:16] if table else None,
        whole=not last.form.get("failed"),
    )


def _yuan(fee_fen: int) -> Any:
    return f"{fee_fen // 100}.{fee_fen % 100:02d}"


def _picture(value: Any) -> Picture | None:
    sha256 = value.removeprefix("sha256:") if isinstance(value, str) and value.startswith("sha256:") else None
    return Picture(sha256=sha256) if sha256 else None


@keeps("qingdao.account-opening.publicise-reading-and-payment")
def reading_notice(
    words: str | None,
    *,
    opened: Mapping[str, Any] | None,
    utility: str,
    project: str,
    address: str | None,
    at: datetime,
) -> ReadingNotice:
    """The notice for the new customers of a project. Raises `Refused` where the pack has no words for it."""
    if words is None:
        raise Refused("not-open", "the pack has no words on reading and payment", zh="制度里没有写抄表缴费告知的内容。")
    form = opened or {}
    return ReadingNotice(
        title="抄表缴费告知书",
        dated_at=at,
        utility=utility,
        project=project,
        address=address,
        words=words,
        reading_book=form.get("reading_book"),
        reading_cycle=form.get("reading_cycle"),
    )
