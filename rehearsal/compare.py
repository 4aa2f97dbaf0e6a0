"""Two packs beside each other: what became of the same cases under each, added up, and what that changes."""

import statistics
from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta

from rich.table import Table

from domain.calendars import day_of
from domain.money import yuan
from domain.people import Role
from domain.policy import Strict
from domain.processes import TASKS
from rehearsal.clock import EngineClock
from rehearsal.lives import Doing, Life
from rehearsal.living import lived
from rehearsal.population import Member

WEEK = timedelta(weeks=1)
Lang = str


class TaskCount(Strict):
    """How often a task was asked for, decided, and late."""

    key: str
    role: Role
    opened: int
    decided: int
    late: int


class RoleCount(Strict):
    """A role's work: decisions, tasks late, decisions a week over the weeks that had any, and in the fullest week."""

    role: Role
    decided: int
    late: int
    a_week: float
    most_a_week: int


class Spread(Strict):
    """How some values lie: None where there are none."""

    count: int
    least: float | None = None
    median: float | None = None
    mean: float | None = None
    nine_in_ten: float | None = None
    most: float | None = None


class Side(Strict):
    """What became of all cases under one pack. Money in fen; `days` from opening to end of those that ended.

    `limits_avoided`: cases that came near a limit (its notice, its approval, its order) and were not limited.
    """

    pack: str
    cases: int
    closed: int
    outcomes: dict[str, int]
    steps: int
    late: int
    escalations: int
    messages: int
    days: tuple[float, ...]
    spread: Spread
    utility_days: float
    customer_days: float
    limited: int
    near_limit: int
    limits_avoided: int
    recovered: dict[str, int]
    tasks: tuple[TaskCount, ...]
    roles: tuple[RoleCount, ...]
    workload: dict[Role, dict[date, int]]

    @property
    def steps_a_case(self) -> float:
        return self.steps / self.cases if self.cases else 0.0


class Change(Strict):
    """One case that came out differently."""

    no: str
    what: str
    before: str
    after: str


class Comparison(Strict):
    """The same cases under two packs. `limits_avoided`: limited under the first and not under the second.

    `unopened`: members of the population for whom neither pack opened a case.
    """

    source: str
    seed: int | None
    sample: int
    unopened: int
    one: Side
    other: Side
    limits_avoided: int
    limits_added: int
    changed: tuple[Change, ...]


async def compare_population(
    members: Sequence[Member],
    clock: EngineClock,
    *,
    pack: str,
    compare: str,
    seed: int,
    source: str,
    done: Callable[[], None] = lambda: None,
) -> Comparison:
    """Let every member's case be lived under both packs, one after the other; `done` is called after each life."""
    ones: list[Life] = []
    others: list[Life] = []
    unopened = 0
    for member in members:
        pair = []
        for name in (pack, compare):
            pair.append(await lived(member, clock, pack=name, seed=seed))
            done()
        one, other = pair
        unopened += one is None and other is None
        ones += [one] if one is not None else []
        others += [other] if other is not None else []
    return compared(ones, others, packs=(pack, compare), source=source, seed=seed, sample=len(members)).model_copy(
        update={"unopened": unopened}
    )


def compared(
    ones: Sequence[Life],
    others: Sequence[Life],
    *,
    packs: tuple[str, str],
    source: str,
    seed: int | None = None,
    sample: int | None = None,
) -> Comparison:
    """The lives under two packs, added up and set against each other case by case."""
    after = {life.no: life for life in others}
    pairs = [(life, after[life.no]) for life in ones if life.no in after]
    return Comparison(
        source=source,
        seed=seed,
        sample=sample if sample is not None else len(ones),
        unopened=0,
        one=added_up(ones, pack=packs[0]),
        other=added_up(others, pack=packs[1]),
        limits_avoided=sum(one.limited and not other.limited for one, other in pairs),
        limits_added=sum(other.limited and not one.limited for one, other in pairs),
        changed=tuple(_changes(pairs)),
    )


def added_up(lives: Sequence[Life], *, pack: str) -> Side:
    """One side: all cases under one pack."""
    doings = [doing for each in lives for doing in each.doings]
    decided = [doing for doing in doings if doing.decided_at is not None]
    workload = _workload(decided)
    days = tuple(sorted(round(each.days, 3) for each in lives if each.days is not None))
    recovered: dict[str, int] = {}
    for each in lives:
        for stage, amount in each.recovered.items():
            recovered[stage] = recovered.get(stage, 0) + amount
    outcomes = [each.outcome or f"open: {each.stage}" for each in lives]
    near = sum(each.near_limit for each in lives)
    limited = sum(each.limited for each in lives)
    return Side(
        pack=pack,
        cases=len(lives),
        closed=len(days),
        outcomes={outcome: outcomes.count(outcome) for outcome in sorted(set(outcomes))},
        steps=len(decided),
        late=sum(doing.late for doing in doings),
        escalations=sum(each.escalations for each in lives),
        messages=sum(each.messages for each in lives),
        days=days,
        spread=spread(days),
        utility_days=round(sum(each.utility_days for each in lives), 3),
        customer_days=round(sum(each.customer_days for each in lives), 3),
        limited=limited,
        near_limit=near,
        limits_avoided=near - limited,
        recovered=recovered,
        tasks=tuple(_by_task(doings)),
        roles=tuple(_by_role(doings, workload)),
        workload=workload,
    )


def spread(values: Sequence[float]) -> Spread:
    """Least, middle and most of some values; nine in ten lie at or below `nine_in_ten`."""
    if not values:
        return Spread(count=0)
    ordered = sorted(values)
    return Spread(
        count=len(ordered),
        least=ordered[0],
        median=statistics.median(ordered),
        mean=round(statistics.fmean(ordered), 3),
        nine_in_ten=ordered[-(-9 * len(ordered) // 10) - 1],
        most=ordered[-1],
    )


def _by_task(doings: Sequence[Doing]) -> Iterable[TaskCount]:
    order = list(TASKS)
    for key in sorted({doing.key for doing in doings}, key=order.index):
        mine = [doing for doing in doings if doing.key == key]
        yield TaskCount(
            key=key,
            role=mine[0].role,
            opened=len(mine),
            decided=sum(doing.decided_at is not None for doing in mine),
            late=sum(doing.late for doing in mine),
        )


def _by_role(doings: Sequence[Doing], workload: dict[Role, dict[date, int]]) -> Iterable[RoleCount]:
    for role in sorted({doing.role for doing in doings}):
        weeks = workload.get(role, {})
        decided = sum(weeks.values())
        yield RoleCount(
            role=role,
            decided=decided,
            late=sum(doing.late for doing in doings if doing.role == role),
            a_week=round(decided / len(weeks), 2) if weeks else 0.0,
            most_a_week=max(weeks.values(), default=0),
        )


def _workload(decided: Sequence[Doing]) -> dict[Role, dict[date, int]]:
    """Decisions by role and week, a week named by its Monday."""
    workload: dict[Role, dict[date, int]] = {}
    for doing in sorted(decided, key=lambda doing: (doing.role, doing.decided_at)):
        if doing.decided_at is None:
            continue
        day = day_of(doing.decided_at)
        weeks, monday = workload.setdefault(doing.role, {}), day - timedelta(days=day.weekday())
        weeks[monday] = weeks.get(monday, 0) + 1
    return workload


def _changes(pairs: Sequence[tuple[Life, Life]]) -> Iterable[Change]:
    for one, other in pairs:
        said = [
            ("outcome", one.outcome or f"open: {one.stage}", other.outcome or f"open: {other.stage}"),
            ("limited", "yes" if one.limited else "no", "yes" if other.limited else "no"),
            ("late", str(_late(one)), str(_late(other))),
        ]
        for what, before, after in said:
            if before != after:
                yield Change(no=one.no, what=what, before=before, after=after)


def _late(life: Life) -> int:
    return sum(doing.late for doing in life.doings)


# The table.

WORDS: dict[str, tuple[str, str]] = {
    "cases": ("案件", "cases"),
    "closed": ("已办结", "closed"),
    "steps_a_case": ("每案办理步骤", "steps a case"),
    "late": ("超期任务", "late tasks"),
    "escalations": ("升级", "escalations"),
    "messages": ("发出消息", "messages sent"),
    "days": ("办结天数（中位／九成）", "days to the end (median / nine in ten)"),
    "utility_days": ("供水企业用时（天／案）", "utility's days a case"),
    "customer_days": ("用户用时（天／案）", "customer's days a case"),
    "limited": ("限压", "limited"),
    "limits_avoided": ("临近限压而未限", "near a limit, not limited"),
    "recovered": ("回收金额（元）", "money recovered (yuan)"),
}


NAMES_ZH: dict[str, str] = {
    "clerk": "受理员",
    "representative": "客户代表",
    "service-manager": "客户服务经理",
    "designer": "设计员",
    "engineer": "工程技术员",
    "inspector": "验收员",
    "meter-technician": "装表员",
    "collector": "催缴员",
    "supervisor": "主管",
    "leading-group": "领导小组",
    "contractor": "施工单位",
    "follow-up": "回访员",
    "customer": "用户",
    "reminded": "已提醒",
    "notified": "已催缴",
    "grace": "宽限期",
    "limit-notified": "已送限压通知",
    "limited": "已限压",
    "restored": "已恢复",
    "settled": "已结清",
    "closed": "已办结",
}
"""Roles and stages of the figures, in Chinese."""


def named(name: str, place: int) -> str:
    """A role or stage in the language at `place`: 0 Chinese, 1 as the code has it."""
    return NAMES_ZH.get(name, name) if place == 0 else name


def table(comparison: Comparison, *, lang: Lang = "en") -> Table:
    """Side by side, with what changes: the figures, then tasks late, work a week by role, and money by stage."""
    zh = lang == "zh"
    one, other = comparison.one, comparison.other
    title = f"{comparison.source}: {one.pack} | {other.pack}"
    found = Table("", one.pack, other.pack, "变化" if zh else "change", title=title)
    for column in found.columns[1:]:
        column.justify = "right"

    def row(name: str, before: float, after: float, shown: Callable[[float], str] = _figure) -> None:
        found.add_row(name, shown(before), shown(after), _signed(after - before, shown))

    def word(key: str) -> str:
        return WORDS[key][0 if zh else 1]

    for key in ("cases", "closed", "steps_a_case", "late", "escalations", "messages", "limited", "limits_avoided"):
        row(word(key), getattr(one, key), getattr(other, key))
    found.add_row(word("days"), _middle(one.spread), _middle(other.spread), _between(one.spread, other.spread))
    for key in ("utility_days", "customer_days"):
        row(word(key), _a_case(one, key), _a_case(other, key))
    row(word("recovered"), sum(one.recovered.values()), sum(other.recovered.values()), lambda fen: yuan(int(fen)))
    found.add_section()
    for stage in dict.fromkeys([*one.recovered, *other.recovered]):
        name = f"  {'其中' if zh else 'in'} {named(stage, 0 if zh else 1)}"
        row(name, one.recovered.get(stage, 0), other.recovered.get(stage, 0), lambda fen: yuan(int(fen)))
    found.add_section()
    before, after = {each.key: each for each in one.tasks}, {each.key: each for each in other.tasks}
    for key in dict.fromkeys([*before, *after]):
        kind = TASKS[key]
        sides = [side.get(key) for side in (before, after)]
        shown = [f"{side.opened} / {side.late}" if side else "-" for side in sides]
        lates = [side.late if side else 0 for side in sides]
        opened = [side.opened if side else 0 for side in sides]
        title = f"{kind.title_zh if zh else kind.title_en} {'（开启／超期）' if zh else '(opened / late)'}"
        change = f"{_signed(opened[1] - opened[0])} / {_signed(lates[1] - lates[0])}"
        found.add_row(title, *shown, change)
    found.add_section()
    roles = {side.pack: {each.role: each for each in side.roles} for side in (one, other)}
    for role in dict.fromkeys([*roles[one.pack], *roles[other.pack]]):
        mine = [roles[side.pack].get(role) for side in (one, other)]
        weekly = [each.a_week if each else 0.0 for each in mine]
        shown = [f"{each.a_week:g} ({each.most_a_week})" if each else "-" for each in mine]
        title = f"{named(role, 0 if zh else 1)} {'每周件数（最多）' if zh else 'decisions a week (most)'}"
        found.add_row(title, *shown, _signed(weekly[1] - weekly[0]))
    found.add_section()
    found.add_row(
        "一方限压、另一方未限" if zh else "limited on one side only",
        str(comparison.limits_avoided),
        str(comparison.limits_added),
        "",
    )
    return found


def _a_case(side: Side, key: str) -> float:
    total: float = getattr(side, key)
    return total / side.cases if side.cases else 0.0


def _figure(value: float) -> str:
    return f"{round(value, 2):g}"


def _signed(value: float, shown: Callable[[float], str] = _figure) -> str:
    return "" if round(value, 2) == 0 else f"{'+' if value > 0 else '-'}{shown(abs(value))}"


def _middle(days: Spread) -> str:
    if days.median is None or days.nine_in_ten is None:
        return "-"
    return f"{days.median:.1f} / {days.nine_in_ten:.1f}"


def _between(one: Spread, other: Spread) -> str:
    if one.median is None or other.median is None or one.nine_in_ten is None or other.nine_in_ten is None:
        return ""
    changes = (other.median - one.median, other.nine_in_ten - one.nine_in_ten)
    return " / ".join(_signed(round(change, 1)) or "0" for change in changes)
