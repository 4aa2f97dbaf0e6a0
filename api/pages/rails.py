"""The phase rail: the stops of a process, where a case stands, and where it went back."""

from collections.abc import Iterable
from typing import Any, Literal, NamedTuple

from domain.arrears.policy import ArrearsPolicy
from domain.connection.phases import PHASES


class Stop(NamedTuple):
    """`back`: how many times the case came to this stop from a later one."""

    stage: str
    stands: Literal["past", "here", "ahead"]
    back: int


def rail(stops: tuple[str, ...], stage: str | None, entered: Iterable[str], *, over: bool = False) -> list[Stop]:
    """The stops of a case that stands at `stage`, having `entered` stages in this order."""
    back = dict.fromkeys(stops, 0)
    before = -1
    for each in entered:
        if each not in back:
            continue
        at = stops.index(each)
        back[each] += at < before
        before = at
    here = stops.index(stage) if stage in back else (len(stops) if over else -1)
    return [
        Stop(each, "past" if over or at < here else "here" if at == here else "ahead", back[each])
        for at, each in enumerate(stops)
    ]


def of_project() -> tuple[str, ...]:
    return tuple(PHASES)


def of_arrears(policy: ArrearsPolicy, stage: str | None) -> tuple[str, ...]:
    """The stages that this pack's ladder enters, and the end that the case came to."""
    climbed = [stage for rung in policy.ladder if (stage := getattr(rung, "enters", None)) is not None]
    end = stage if stage in ("restored", "settled", "closed") else "settled"
    return tuple(dict.fromkeys(["reminded", *climbed, end]))


def stages_entered(entries: Iterable[Any]) -> list[str]:
    return [entry.body["stage"] for entry in entries if entry.event == "StageEntered"]
