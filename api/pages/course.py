"""A project's course as bars: what was promised above, what was real below, along one line of time."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from domain.connection.course import PhaseCourse, Stretch

WIDE = 1000.0


class Bar(NamedTuple):
    """Where the bars of a task begin and how long they are, of a thousand; `over`: what lies beyond the promise."""

    stretch: Stretch
    promised: tuple[float, float] | None
    real: tuple[float, float] | None
    over: tuple[float, float] | None


class Drawn(NamedTuple):
    """Phases with the bars of their tasks; `now` is where today stands, None once all is done."""

    phases: list[tuple[PhaseCourse, list[Bar]]]
    now: float | None
    from_at: datetime
    to_at: datetime


def drawn(phases: Iterable[PhaseCourse], *, now: datetime) -> Drawn | None:
    """The course on one line of time, from its first task to the last day that is promised; None without any task."""
    kept = list(phases)
    stretches = [stretch for phase in kept for stretch in phase.stretches]
    if not stretches:
        return None
    begins = min(each.from_at for each in stretches)
    ends = max(at for each in stretches for at in (each.from_at, _end(each, now), each.promised_at) if at is not None)
    whole = max((ends - begins).total_seconds(), 1.0)

    def place(at: datetime) -> float:
        return round(WIDE * (at - begins).total_seconds() / whole, 1)

    def span(since: datetime, until: datetime) -> tuple[float, float]:
        return place(since), max(round(place(until) - place(since), 1), 3.0)

    def bar(each: Stretch) -> Bar:
        promised = each.promised_at or each.expected_at
        if each.standing == "to-come":
            return Bar(each, span(each.from_at, promised or each.from_at), None, None)
        end = _end(each, now)
        late_from = max(each.promised_at, each.from_at) if each.promised_at is not None and each.late else None
        return Bar(
            each,
            span(each.from_at, promised) if promised is not None and promised > each.from_at else None,
            span(each.from_at, min(end, late_from) if late_from else end),
            span(late_from, end) if late_from is not None else None,
        )

    here = place(now) if begins <= now <= ends and any(each.standing != "done" for each in stretches) else None
    return Drawn([(phase, [bar(each) for each in phase.stretches]) for phase in kept], here, begins, ends)


def _end(each: Stretch, now: datetime) -> datetime:
    if each.standing == "to-come":
        return each.expected_at or each.from_at
    return each.real_at or max(now, each.from_at)
