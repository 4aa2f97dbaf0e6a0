"""看板: how are we doing. Every figure opens the rows behind it."""

from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from api.pages.frame import Looking, Viewer
from api.pages.lists import STAGES
from api.reports import FORMULA, DuesQuery, goals_on, number_of, sum_shown, written
from domain.recovery import AGES
from store import people, reports
from store.reports import PartRecovery, StepSum, Sum

router = APIRouter(include_in_schema=False, prefix="/dashboard")
ROWS = 50
PARTIES = ("utility", "customer", "government", "contractor", "force-majeure")
HANDS = 20
MonthOf = Annotated[str, Query(pattern=r"^(20[0-9]{2}-(0[1-9]|1[0-2]))?$")]


class Bar(NamedTuple):
    """One bar of a chart: its name, how long it is (0 to 1), its figure in words, where it leads, and its colour."""

    name: str
    share: float
    words: str
    href: str
    mood: str


@router.get("")
def look(viewer: Looking, month: MonthOf = "") -> Response:
    return viewer.show("dashboard.html", **_figures(viewer, number_of(month, at=viewer.now)))


def _figures(viewer: Viewer, month: int) -> dict[str, Any]:
    """Everything on the page, in a fixed number of statements."""
    person, at = viewer.person, viewer.now
    goals = goals_on(viewer.house, at)
    with viewer.house.database.read() as connection:
        recovery = reports.recovery(connection, person, month=month, at=at)
        ages = reports.ageing(connection, person, at=at)
        came = {each.stage: each for each in reports.by_step(connection, person, month=month)}
        stages = {each.stage: each for each in reports.by_stage(connection, person)}
        late = reports.lateness(connection, person, month=month, at=at)
        load = reports.load(connection, person, at=at)
        names = people.names(connection, [each.hand for each in load[:HANDS] if each.hand])
    monthly, yearly = (goals.month, goals.year) if goals else (None, None)
    most = max((each.unpaid for each in ages), default=0)
    return {
        "month": written(month),
        "before": written(month - 89 if month % 100 == 1 else month - 1),
        "after": written(month + 89 if month % 100 == 12 else month + 1),
        "running": month == reports.this_month(at),
        "formula": FORMULA[viewer.language == "en"],
        "goals": goals,
        "whole": (sum_shown(recovery.all_month, monthly), sum_shown(recovery.all_year, yearly)),
        "months": [_month_bar(no, each, monthly) for no, each in recovery.months],
        "goal_share": float(monthly.value) if monthly else None,
        "parts_shown": [_part(each, monthly, yearly) for each in _told_apart(recovery.parts)],
        "ages": [
            (each, Bar(_age(each.first, each.last), each.unpaid / most if most else 0, "", "", "soon")) for each in ages
        ],
        "came": [came.get(stage, StepSum(stage=stage, payments=0, paid=0)) for stage in STAGES],
        "came_whole": sum(each.paid for each in came.values()),
        "stages": [stages[stage] for stage in STAGES if stage in stages],
        "late": late,
        "parties": [party for party in PARTIES if any(party in each.late for each in late)],
        "load": load[:HANDS],
        "more_hands": max(0, len(load) - HANDS),
        "names": names,
    }


def _month_bar(no: int, figures: Sum, goal: Any) -> Bar:
    shown = sum_shown(figures, goal)
    mood = "none" if shown.met is None else "met" if shown.met else "unmet"
    words = percent(figures)
    href = f"/dashboard/payments?month={written(no)}"
    return Bar(f"{no % 100}", float(figures.rate or 0), words, href, mood)


def percent(figures: Sum | Any) -> str:
    """The rate with two decimals, cut off: 96.99 %."""
    share = figures.rate
    return "—" if share is None else f"{float(share):.2%}"


def _told_apart(parts: list[PartRecovery]) -> list[PartRecovery]:
    """Without the levels at which nothing has a name: they say what the whole says."""
    named = {each.part for each in parts if each.name is not None}
    return [each for each in parts if each.part in named]


def _part(each: PartRecovery, monthly: Any, yearly: Any) -> dict[str, Any]:
    return {
        "part": each.part,
        "name": each.name,
        "month": sum_shown(each.month, monthly),
        "year": sum_shown(each.year, yearly),
    }


def _age(first: int, last: int | None) -> str:
    return f">{first - 1}" if last is None else f"{first}-{last}"


class PaymentsQuery(DuesQuery):
    """The address bar of the list of who has paid."""

    after: str | None = Field(None, max_length=400)


@router.get("/payments")
def payments(viewer: Looking, query: Annotated[PaymentsQuery, Query()]) -> Response:
    """Who has paid and who has not."""
    where = query.where(at=viewer.now)
    with viewer.house.database.read() as connection:
        page = reports.watched(connection, viewer.person, where, at=viewer.now, after=query.after, limit=ROWS)
        counts = reports.watched_counts(connection, viewer.person, where, at=viewer.now)
    return viewer.show(
        "payments.html",
        rows=page.rows,
        next=page.next,
        counts=counts,
        query=query,
        month=written(where.month) if where.month else "",
        ages=[f"{first}-{'' if last is None else last}" for first, last in AGES],
    )


class CameQuery(BaseModel):
    month: str = Field("", pattern=r"^(20[0-9]{2}-(0[1-9]|1[0-2]))?$")
    stage: str = Field("", max_length=30)
    after: str | None = Field(None, max_length=400)


@router.get("/came-in")
def came_in(viewer: Looking, query: Annotated[CameQuery, Query()]) -> Response:
    """The payments that came in during a month, by the stage at which they found their case."""
    month = number_of(query.month, at=viewer.now)
    with viewer.house.database.read() as connection:
        page = reports.came_in(
            connection, viewer.person, month=month, stage=query.stage or None, after=query.after, limit=ROWS
        )
    return viewer.show("came_in.html", rows=page.rows, next=page.next, query=query, month=written(month), stages=STAGES)
