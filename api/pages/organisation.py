"""The grids on a page: who holds them, what is not as the pack has it, who is away, and who stands in."""

from collections.abc import Iterable
from itertools import groupby
from typing import Annotated, Any

from fastapi import APIRouter, Form, Response

from api import organisation
from api.access import holding
from api.labels import LABELS
from api.organisation import FUNCTIONS, KEEPING, Keeper, Staff
from api.pages.forms import instant_of, meant
from api.pages.frame import Looking, Viewer
from domain.organisation import HANDED, Departure, Grid
from store import people
from store.people import Person

router = APIRouter(include_in_schema=False)
DEPARTED: dict[str, tuple[str, str]] = {
    "vacant": ("没有客户代表", "has no representative"),
    "one-of-two": ("只有一人，应有 {0} 人", "has one holder of {0}"),
    "too-many": ("负责的网格超过 {0} 个", "holds more than {0} grids"),
    "no-phone": ("没有登记工作手机（网格 {0}）", "has no work phone (grid {0})"),
    "no-wechat": ("微信没有开在工作号上（网格 {0}）", "has no WeChat on the work number (grid {0})"),
    "count": ("网格数 {0}", "grids, there are and should be: {0}"),
    "kind": ("划分方式不在制度之内（{0}）", "is cut another way than the rules have it ({0})"),
    "roles": ("的岗位办不了：{0}", "cannot carry out: {0}"),
    "proposed": ("等 {0} 审核", "waits for the word of: {0}"),
}


@router.get("/organisation")
def look(viewer: Looking, _: Staff) -> Response:
    shown = organisation.organised(viewer.house)
    policy = organisation.rules(viewer.house)
    held = {(holder.grid, holder.post): holder for holder in shown.holders}
    with viewer.house.database.read() as connection:
        accounts = [who for who, _, _ in people.everybody(connection)]
        colleagues = people.inside(connection)
    return viewer.show(
        "organisation.html",
        by_section=_by_section(shown.grids),
        colleagues=colleagues,
        anybody=accounts,
        shown=shown,
        held=held,
        policy=policy,
        functions=[viewer.say(*FUNCTIONS[each]) for each in policy.functions.value],
        handed={name: viewer.say(*HANDED[name]) for name in policy.hands_over.value},
        departed=_together(viewer, shown.departures),
        keeps=viewer.person.holds(*KEEPING),
        may_approve=viewer.person.holds(policy.appointed_by.value),
        moves=viewer.person.holds("supervisor", "leading-group"),
    )


def _by_section(grids: Iterable[Grid]) -> list[tuple[tuple[str, str], list[Grid]]]:
    """Grids under the office and section that they lie in; those that lie in none come first."""

    def where(grid: Grid) -> tuple[str, str]:
        return grid.office or "", grid.section or ""

    ordered = sorted(grids, key=lambda grid: (where(grid), grid.name))
    return [(place, list(found)) for place, found in groupby(ordered, where)]


def _together(viewer: Viewer, departures: Iterable[Departure]) -> list[tuple[str, list[str], tuple[str, ...]]]:
    """What is not as it should be, each kind of it once: its words, whom or what it is about, and its sentences."""
    found: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for each in departures:
        about = viewer.say("全市", "all grids") if each.about == "all" else each.about
        found.setdefault((_said(viewer, each), each.clauses), []).append(about)
    return [(words, about, clauses) for (words, clauses), about in found.items()]


def _said(viewer: Viewer, departure: Departure) -> str:
    words = LABELS | FUNCTIONS
    value = viewer.say("、", ", ").join(
        viewer.say(*words.get(part, (part, part))) for part in departure.value.split(", ")
    )
    return viewer.say(*DEPARTED[departure.key]).format(value)


@router.post("/organisation/grids")
def add_grid(
    viewer: Looking,
    person: Keeper,
    name: Annotated[str, Form()],
    kind: Annotated[str, Form()],
    section: Annotated[str, Form()] = "",
    office: Annotated[str, Form()] = "",
) -> Response:
    body = meant(organisation.GridBody, name=name, kind=kind, section=section or None, office=office or None)
    organisation.add_grid(person, viewer.house, body)
    return viewer.go("/organisation")


@router.post("/organisation/posts")
def appoint(
    viewer: Looking,
    keeper: Keeper,
    grid: Annotated[str, Form()],
    post: Annotated[str, Form()],
    person: Annotated[str, Form()],
    work_phone: Annotated[str, Form()] = "",
    wechat: Annotated[str, Form()] = "",
    kind: Annotated[str, Form()] = "",
) -> Response:
    said = {"grid": grid, "post": post, "person": person, "work_phone": work_phone or None, "kind": kind or None}
    organisation.appoint(keeper, viewer.house, meant(organisation.PostBody, **said, wechat=bool(wechat)))
    return viewer.go("/organisation")


@router.post("/organisation/approve")
def approve(viewer: Looking, keeper: Keeper, grid: Annotated[str, Form()], post: Annotated[str, Form()]) -> Response:
    organisation.approve(keeper, viewer.house, meant(organisation.ApprovalBody, grid=grid, post=post))
    return viewer.go("/organisation")


@router.post("/organisation/hand-over")
def hand_over(
    viewer: Looking,
    keeper: Keeper,
    grid: Annotated[str, Form()],
    post: Annotated[str, Form()],
    person: Annotated[str, Form()],
    handed: Annotated[list[str] | None, Form()] = None,
    work_phone: Annotated[str, Form()] = "",
    wechat: Annotated[str, Form()] = "",
    kind: Annotated[str, Form()] = "",
) -> Response:
    said = {"grid": grid, "post": post, "person": person, "work_phone": work_phone or None, "kind": kind or None}
    body = meant(organisation.HandOverBody, **said, wechat=bool(wechat), handed=tuple(handed or ()))
    organisation.handed_over(viewer.house, keeper, body)
    return viewer.go("/organisation")


@router.post("/organisation/absences")
def be_absent(
    viewer: Looking,
    who: Staff,
    starts_at: Annotated[str, Form()],
    ends_at: Annotated[str, Form()],
    reason: Annotated[str, Form()],
    person: Annotated[str, Form()] = "",
    stand_in: Annotated[str, Form()] = "",
) -> Response:
    """Instants as a browser types them, without an offset: those of the utility."""
    given: dict[str, Any] = {"person": person or None, "stand_in": stand_in or None, "reason": reason}
    body = meant(organisation.AbsenceBody, **given, starts_at=instant_of(starts_at), ends_at=instant_of(ends_at))
    organisation.entered(viewer.house, who, body)
    return viewer.go("/organisation")


@router.post("/organisation/absences/{number}/end")
def be_back(viewer: Looking, who: Staff, number: int) -> Response:
    organisation.returned(viewer.house, who, number)
    return viewer.go("/organisation")


@router.post("/organisation/duties")
def be_on_duty(
    viewer: Looking,
    keeper: Keeper,
    person: Annotated[str, Form()],
    starts_at: Annotated[str, Form()],
    ends_at: Annotated[str, Form()],
    part: Annotated[str, Form()] = "",
    name: Annotated[str, Form()] = "",
) -> Response:
    given = {"person": person, "part": part or None, "name": name or None}
    body = meant(organisation.DutyBody, **given, starts_at=instant_of(starts_at), ends_at=instant_of(ends_at))
    organisation.be_on_duty(keeper, viewer.house, body)
    return viewer.go("/organisation")


@router.post("/organisation/duties/{number}/end")
def off_duty(viewer: Looking, keeper: Keeper, number: int) -> Response:
    organisation.off_duty(keeper, viewer.house, number)
    return viewer.go("/organisation")


@router.post("/organisation/tasks")
async def hand_over_tasks(
    viewer: Looking,
    who: Annotated[Person, holding("supervisor", "leading-group")],
    of: Annotated[str, Form(max_length=100)],
    to: Annotated[str, Form()],
    reason: Annotated[str, Form()],
) -> Response:
    """All that somebody has goes to another; the page tells what did not."""
    errand = viewer.errands()
    body = meant(organisation.TasksBody, to=to, reason=reason)
    done = await organisation.handed(viewer.house, who, errand, of, body)
    return viewer.show("organisation_handed.html", done=done, of=of, to=to, names=viewer.names([of, to]))
