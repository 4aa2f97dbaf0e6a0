"""A comparison as charts: SVG for a page, drawn from data alone, light or dark, in Chinese or English."""

from html import escape
from typing import Any

import altair as alt
import vl_convert

from domain.processes import TASKS
from rehearsal.compare import Comparison, Side, named

WIDTH = 460
LIGHT = {"ink": "#1f2933", "quiet": "#7b8794", "one": "#7b8794", "other": "#0b69a3"}
DARK = {"ink": "#e4e7eb", "quiet": "#9aa5b1", "one": "#9aa5b1", "other": "#5ed0fa"}
FONTS = "Noto Sans CJK SC, Noto Sans SC, PingFang SC, Microsoft YaHei, sans-serif"
TITLES: dict[str, tuple[str, str]] = {
    "days": ("办结天数的分布", "How the days to the end lie"),
    "late": ("超期任务", "Late tasks"),
    "workload": ("各角色每周办理件数", "Decisions a week, by role"),
    "recovered": ("各阶段回收金额（元）", "Money recovered, by stage (yuan)"),
    "limits": ("限压与避免的限压", "Limits, and limits avoided"),
}
LIMITS: dict[str, tuple[str, str]] = {
    "limited": ("限压", "limited"),
    "limits_avoided": ("临近限压而未限", "near a limit, not limited"),
}
STEPS = 101
FEW = 10


def charts(comparison: Comparison, *, dark: bool = False, lang: str = "zh") -> list[str]:
    """The charts of a comparison, each an SVG with its `<title>`; what has no data has no chart."""
    place = 0 if lang == "zh" else 1
    drawn = []
    for key, rows, mark in (
        ("days", _days(comparison, place), "line"),
        ("late", _late(comparison, place), "bar"),
        ("workload", _workload(comparison, place), "bar"),
        ("recovered", _recovered(comparison, place), "bar"),
        ("limits", _limits(comparison, place), "bar"),
    ):
        if rows:
            chart = _lines(rows, place) if mark == "line" else _bars(rows)
            drawn.append(_svg(chart, TITLES[key][place], comparison, LIGHT if not dark else DARK))
    return drawn


Rows = list[dict[str, Any]]


def _sides(comparison: Comparison) -> tuple[tuple[str, Side], tuple[str, Side]]:
    one, other = comparison.one, comparison.other
    names = (one.pack, other.pack) if one.pack != other.pack else (f"{one.pack} (1)", f"{other.pack} (2)")
    return (names[0], one), (names[1], other)


def _days(comparison: Comparison, place: int) -> Rows:
    """The share of all cases that have ended by a day, at each of a hundred days between the first and the last."""
    last = max((side.days[-1] for _, side in _sides(comparison) if side.days), default=0.0)
    if not last:
        return []
    rows = []
    for name, side in _sides(comparison):
        for step in range(STEPS):
            day = last * step / (STEPS - 1)
            ended = sum(days <= day for days in side.days)
            rows.append({"pack": name, "day": round(day, 2), "share": ended / side.cases if side.cases else 0.0})
    return rows


def _late(comparison: Comparison, place: int) -> Rows:
    keys = dict.fromkeys(each.key for _, side in _sides(comparison) for each in side.tasks if each.late)
    late = {name: {each.key: each.late for each in side.tasks} for name, side in _sides(comparison)}
    titles = {key: (TASKS[key].title_zh, TASKS[key].title_en)[place] for key in keys}
    return [{"pack": name, "of": titles[key], "value": late[name].get(key, 0)} for key in keys for name in late]


def _workload(comparison: Comparison, place: int) -> Rows:
    weekly = {name: {each.role: each.a_week for each in side.roles} for name, side in _sides(comparison)}
    roles = sorted({role for each in weekly.values() for role in each})
    return [
        {"pack": name, "of": named(role, place), "value": weekly[name].get(role, 0)}
        for role in roles
        for name in weekly
    ]


def _recovered(comparison: Comparison, place: int) -> Rows:
    stages = dict.fromkeys(stage for _, side in _sides(comparison) for stage in side.recovered)
    return [
        {"pack": name, "of": named(stage, place), "value": side.recovered.get(stage, 0) / 100}
        for stage in stages
        for name, side in _sides(comparison)
    ]


def _limits(comparison: Comparison, place: int) -> Rows:
    rows = [
        {"pack": name, "of": words[place], "value": getattr(side, key)}
        for key, words in LIMITS.items()
        for name, side in _sides(comparison)
    ]
    return rows if any(row["value"] for row in rows) else []


def _bars(rows: Rows) -> Any:
    order = list(dict.fromkeys(row["of"] for row in rows))
    packs = list(dict.fromkeys(row["pack"] for row in rows))
    return (
        alt.Chart(alt.InlineData(values=rows))
        .mark_bar(cornerRadius=1)
        .encode(
            x=alt.X("value:Q", title=None, axis=_axis(rows)),
            y=alt.Y("of:N", title=None, sort=order, axis=alt.Axis(labelLimit=260)),
            yOffset=alt.YOffset("pack:N", sort=packs),
            color=alt.Color("pack:N", sort=packs, scale=alt.Scale(domain=packs), title=None),
        )
        .properties(width=WIDTH, height=alt.Step(14))
    )


def _lines(rows: Rows, place: int) -> Any:
    packs = list(dict.fromkeys(row["pack"] for row in rows))
    return (
        alt.Chart(alt.InlineData(values=rows))
        .mark_line(interpolate="step-after", strokeWidth=2)
        .encode(
            x=alt.X("day:Q", title=("天", "days")[place]),
            y=alt.Y("share:Q", title=None, axis=alt.Axis(format="%"), scale=alt.Scale(domain=[0, 1])),
            color=alt.Color("pack:N", sort=packs, scale=alt.Scale(domain=packs), title=None),
        )
        .properties(width=WIDTH, height=180)
    )


def _axis(rows: Rows) -> alt.Axis:
    """Whole counts have whole ticks."""
    values = [float(row["value"]) for row in rows]
    if all(value.is_integer() for value in values) and max(values) <= FEW:
        return alt.Axis(values=list(range(int(max(values)) + 1)), format="d")
    return alt.Axis()


def _svg(chart: Any, title: str, comparison: Comparison, colours: dict[str, str]) -> str:
    ink, quiet = colours["ink"], colours["quiet"]
    spec = chart.properties(title=title).to_dict()
    spec["config"] = {
        "background": "transparent",
        "font": FONTS,
        "view": {"stroke": None},
        "range": {"category": [colours["one"], colours["other"]]},
        "axis": {"labelColor": ink, "titleColor": ink, "gridColor": quiet, "gridOpacity": 0.25, "domainColor": quiet}
        | {"tickColor": quiet},
        "legend": {"labelColor": ink, "orient": "top"},
        "title": {"color": ink, "anchor": "start"},
    }
    svg: str = vl_convert.vegalite_to_svg(spec, allowed_base_urls=[])
    told = f"{title}: {comparison.one.pack} | {comparison.other.pack}"
    head, end, rest = svg.partition(">")
    return f'{head} role="img"{end}<title>{escape(told)}</title>{rest}'
