"""Who holds which grid: appointed, handed over, stood in for; and where the register departs from the rules."""

from collections import Counter
from collections.abc import Collection, Iterable
from datetime import date
from typing import Any, Literal

from domain.clauses import keeps
from domain.people import Role
from domain.policy import Sourced, Strict
from domain.refusals import Refused

GridKind = Literal["reading-area", "team-area"]
Post = Literal["A", "B"]
Function = Literal["reading", "dunning", "patrol", "service", "business", "acceptance"]
Handed = Literal["phone", "number", "wechat", "accounts", "keys"]
OFFERED: dict[Function, Role] = {
    "reading": "collector",
    "dunning": "collector",
    "patrol": "representative",
    "service": "representative",
    "business": "representative",
    "acceptance": "representative",
}
"""In which role a person carries out a function of a grid."""


class OrganisationPolicy(Strict):
    """What a pack says about grids and posts.

    `holders`: people a grid has, one or an A and a B; `grids_each`: grids one person may hold as A. `counts`: grids by
    office, and in `all` (全市) of them. `hands_over`: what goes to the successor. `appointed_by`: whose word makes a
    holder; anyone else's is a proposal. `kinds_of_post`: how representatives are told apart, where they are.
    """

    kinds: Sourced[tuple[GridKind, ...]]
    holders: Sourced[int]
    grids_each: Sourced[int]
    functions: Sourced[tuple[Function, ...]]
    counts: dict[str, Sourced[int]] = {}
    work_phone: Sourced[bool]
    wechat_on_work_phone: Sourced[bool]
    hands_over: Sourced[tuple[Handed, ...]]
    appointed_by: Sourced[Role]
    kinds_of_post: Sourced[tuple[str, ...]] | None = None


class Holder(Strict):
    """Who holds a post of a grid. `approved`: the word that makes it so was given; a proposal is not in force."""

    grid: str
    post: Post
    person: str
    roles: tuple[Role, ...]
    work_phone: str | None = None
    wechat: bool = False
    kind: str | None = None
    since: date
    approved: bool = True


class Grid(Strict):
    """One grid of the service area, and the part of the organisation that it belongs to."""

    name: str
    kind: GridKind
    section: str | None = None
    office: str | None = None


class Departure(Strict):
    """Where the register is not as the pack has it. `about`: a grid, office or person; `value`: the pack's value."""

    key: Literal["vacant", "one-of-two", "too-many", "no-phone", "no-wechat", "count", "kind", "roles", "proposed"]
    about: str
    value: str
    clauses: tuple[str, ...] = ()


ALL = "all"


@keeps("liaocheng.organisation.grid-by-reading-area")
def departures(grids: Collection[Grid], holders: Collection[Holder], policy: OrganisationPolicy) -> list[Departure]:
    """Everything in the register that is not as the pack has it, grid by grid, then people, then counts."""
    in_force = [holder for holder in holders if holder.approved]
    found: list[Departure] = []

    def note(key: str, about: str, value: Sourced[Any], said: object) -> None:
        found.append(
            Departure.model_validate({"key": key, "about": about, "value": str(said), "clauses": value.clauses})
        )

    for grid in grids:
        here = {holder.post for holder in in_force if holder.grid == grid.name}
        if "A" not in here:
            note("vacant", grid.name, policy.holders, policy.holders.value)
        elif len(here) < policy.holders.value:
            note("one-of-two", grid.name, policy.holders, policy.holders.value)
        if grid.kind not in policy.kinds.value:
            note("kind", grid.name, policy.kinds, ", ".join(policy.kinds.value))
    held = Counter(holder.person for holder in in_force if holder.post == "A")
    for person, count in sorted(held.items()):
        if count > policy.grids_each.value:
            note("too-many", person, policy.grids_each, policy.grids_each.value)
    for holder in in_force:
        if holder.post == "A" and (lacking := _lacking(holder.roles, policy)):
            note("roles", holder.person, policy.functions, ", ".join(lacking))
        if policy.work_phone.value and not holder.work_phone:
            note("no-phone", holder.person, policy.work_phone, holder.grid)
        elif policy.wechat_on_work_phone.value and not holder.wechat:
            note("no-wechat", holder.person, policy.wechat_on_work_phone, holder.grid)
    for holder in holders:
        if not holder.approved:
            note("proposed", holder.person, policy.appointed_by, policy.appointed_by.value)
    by_office = Counter(grid.office for grid in grids)
    for office, wanted in policy.counts.items():
        there = len(grids) if office == ALL else by_office[office]
        if there != wanted.value:
            note("count", office, wanted, f"{there}/{wanted.value}")
    return found


def _lacking(roles: Collection[Role], policy: OrganisationPolicy) -> list[Function]:
    """The functions of a grid that nobody with these roles carries out."""
    return [each for each in policy.functions.value if OFFERED[each] not in roles]


@keeps("kaifeng.organisation.reader-is-customer-rep")
def appointed(
    holder: Holder,
    *,
    grids: Iterable[Grid],
    holders: Collection[Holder],
    by: Collection[Role],
    policy: OrganisationPolicy,
) -> Holder:
    """The holder as they stand in the register: in force at once where `by` may say so, else proposed.

    Raises `Refused`: unknown grid, a post that is taken (hand it over), too many grids, functions nobody could do.
    """
    if all(grid.name != holder.grid for grid in grids):
        raise Refused("unknown", f"grid: there is no grid {holder.grid}", zh="没有这个网格：请先建网格。")
    if holder.post == "B" and policy.holders.value < 2:
        zh = "本单位一个网格只有一名客户代表，不设B角。"
        raise Refused("form-invalid", "post: a grid has one holder here, and no B", zh=zh)
    if any((held.grid, held.post) == (holder.grid, holder.post) for held in holders):
        zh = "这个岗位已有人：请办交接。"
        raise Refused("duplicate", f"post {holder.post} of {holder.grid} is held: hand it over", zh=zh)
    others = sum(held.person == holder.person and held.post == "A" for held in holders)
    if holder.post == "A" and others >= policy.grids_each.value:
        zh = f"一名客户代表最多负责 {policy.grids_each.value} 个网格。"
        raise Refused("gate", f"person: holds {others} grids already, and may hold {policy.grids_each.value}", zh=zh)
    if holder.post == "A" and (lacking := _lacking(holder.roles, policy)):
        needed = ", ".join(dict.fromkeys(OFFERED[each] for each in lacking))
        zh = "此人还缺网格职能需要的岗位，请先由系统管理员授予。"
        raise Refused("gate", f"person: the functions {', '.join(lacking)} need the roles {needed}", zh=zh)
    if policy.kinds_of_post is not None and holder.kind not in policy.kinds_of_post.value:
        said = ", ".join(policy.kinds_of_post.value)
        raise Refused("form-invalid", f"kind: a representative is one of {said}", zh=f"客户代表类别要写：{said}。")
    return holder.model_copy(update={"approved": policy.appointed_by.value in by})


def refuse_unless_handed_over(handed: Collection[Handed], policy: OrganisationPolicy) -> None:
    """Raises `Refused("gate")` naming what the successor has not been given yet."""
    if wanting := [each for each in policy.hands_over.value if each not in handed]:
        zh = "还有没交接的：" + "、".join(HANDED[each][0] for each in wanting) + "。"
        raise Refused("gate", f"not handed over yet: {', '.join(wanting)}", zh=zh)


HANDED: dict[Handed, tuple[str, str]] = {
    "phone": ("工作手机", "work phone"),
    "number": ("工作号码", "work number"),
    "wechat": ("工作微信号", "work WeChat"),
    "accounts": ("户册和台账", "books and ledgers"),
    "keys": ("表箱钥匙", "keys of meter chambers"),
}
