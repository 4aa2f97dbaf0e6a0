"""What a rehearsal file expects, and whether a report bears it out."""

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime, timedelta
from difflib import get_close_matches
from typing import Annotated, Any, NamedTuple, assert_never

from pydantic import AfterValidator, BaseModel, Field, StringConstraints, ValidationInfo

from domain.people import Level, Role
from domain.policy import Strict
from domain.refusals import RefusalCode
from rehearsal.report import Duration, Instant, Report, written

Text = Annotated[str, StringConstraints(min_length=1)]


class Known(NamedTuple):
    """The names that a file may use, passed as validation context; None: not known, and so not checked."""

    tasks: Collection[str] | None = None
    stages: Collection[str] | None = None
    people: Collection[str] | None = None
    steps: int | None = None


def one_of(what: str, names: Callable[[Known], Collection[str] | None], *, mend: str = "") -> AfterValidator:
    """A name among those that the validation context (`Known`) has, or an error that names the nearest."""

    def known(name: str, info: ValidationInfo) -> str:
        there = names(info.context) if info.context is not None else None
        if there is None or name in there:
            return name
        near = get_close_matches(name, sorted(there), n=1, cutoff=0.7)
        told = f"did you mean {near[0]}?" if near else mend or f"write one of {', '.join(there)}"
        raise ValueError(f"{name!r} is no {what}: {told}")

    return AfterValidator(known)


def _step_there(number: int, info: ValidationInfo) -> int:
    steps = info.context.steps if info.context is not None else None
    if steps is not None and number > steps:
        raise ValueError(f"there is no step {number}: steps count from 1, the last is {steps}")
    return number


TaskKey = Annotated[str, one_of("task of this process", lambda known: known.tasks)]
StageName = Annotated[str, one_of("stage of this process", lambda known: known.stages)]
PersonId = Annotated[
    str,
    one_of("person known here", lambda known: known.people, mend="declare it under people, or take a role's name"),
]
StepNumber = Annotated[int, Field(ge=1), AfterValidator(_step_there)]


class _Expectation(Strict):
    """`line` is where it stands; `within` loosens its instants and lengths of time."""

    within: Duration = timedelta()
    line: int = Field(0, exclude=True, repr=False)


class TaskExpected(_Expectation):
    """Some opening of the task (for this item or node) has all that is given; `count` is how often it opened."""

    task: TaskKey
    item: Text | None = None
    node: Text | None = None
    opened_at: Instant | None = None
    due_at: Instant | None = None
    decided_at: Instant | None = None
    by: PersonId | None = None
    role: Role | None = None
    count: int | None = Field(None, ge=0)


class NeverExpected(_Expectation):
    never: TaskKey


class StageExpected(_Expectation):
    """The stage was entered, ever, or at that instant."""

    stage: StageName
    at: Instant | None = None


class OutcomeExpected(_Expectation):
    outcome: Text


class NoticeExpected(_Expectation):
    """A message of this template went out to the customer."""

    notice: Text
    channel: Text | None = None
    at: Instant | None = None


class RefusedExpected(_Expectation):
    """A step (from 1) was refused; without a code, with any."""

    refused: StepNumber
    code: RefusalCode | None = None


class ClockExpected(_Expectation):
    """Some opening of the task took this much of each party's time."""

    clock: TaskKey
    utility: Duration | None = None
    customer: Duration | None = None


class EscalatedExpected(_Expectation):
    escalated: TaskKey
    level: Level | None = None
    at: Instant | None = None


Expectation = (
    TaskExpected
    | NeverExpected
    | StageExpected
    | OutcomeExpected
    | NoticeExpected
    | RefusedExpected
    | ClockExpected
    | EscalatedExpected
)
KINDS: dict[str, type[Expectation]] = {
    "task": TaskExpected,
    "never": NeverExpected,
    "stage": StageExpected,
    "outcome": OutcomeExpected,
    "notice": NoticeExpected,
    "refused": RefusedExpected,
    "clock": ClockExpected,
    "escalated": EscalatedExpected,
}
"""By the key that says which it is."""


def check(expectation: Expectation, report: Report) -> str | None:
    """None when the expectation holds, else one line: what was expected, and what was seen instead."""
    match expectation:
        case TaskExpected():
            return _task(expectation, report)
        case NeverExpected(never=key):
            opened = [written(task.opened_at) for task in report.tasks if task.key == key]
            return f"never {key}: it opened at {', '.join(opened)}" if opened else None
        case StageExpected(stage=stage):
            candidates = [entered for entered in report.stages if entered.stage == stage]
            others = "stages entered: ", (f"{entered.stage} {written(entered.at)}" for entered in report.stages)
            return _nearest(f"stage {stage}", expectation, ("at",), candidates, others)
        case OutcomeExpected(outcome=outcome):
            seen = f"outcome {report.outcome}" if report.outcome else f"the case open, at stage {report.stage}"
            return None if report.outcome == outcome else f"outcome {outcome}: seen {seen}"
        case NoticeExpected(notice=template):
            sent = [notice for notice in report.notices if notice.status not in ("withdrawn", "failed")]
            candidates_sent = [notice for notice in sent if notice.template == template]
            others = (
                "notices: ",
                (f"{n.template} by {n.channel} {written(n.at)} ({n.status})" for n in report.notices),
            )
            return _nearest(f"notice {template}", expectation, ("channel", "at"), candidates_sent, others)
        case RefusedExpected():
            return _refused(expectation, report)
        case ClockExpected(clock=key):
            clocks = [clock for clock in report.clocks if clock.task == key]
            return _nearest(f"clock of {key}", expectation, ("utility", "customer"), clocks, _opened(report))
        case EscalatedExpected(escalated=key):
            escalations = [each for each in report.escalations if each.task == key]
            others = "escalations: ", (f"{e.task} to {e.level} {written(e.at)}" for e in report.escalations)
            return _nearest(f"escalated {key}", expectation, ("level", "at"), escalations, others)
        case _:
            assert_never(expectation)


def unexpected_refusals(expectations: Iterable[Expectation], report: Report) -> list[str]:
    """Each refusal that no expectation names, in one line: it fails the rehearsal.

    Not so where a drive comes to a limit that the interlock forbids: that is how far the plain good way leads.
    """
    named = {(each.refused, each.code) for each in expectations if isinstance(each, RefusedExpected)}
    return [
        f"step {refusal.step} was refused and nothing expects it: {refusal.code}: {refusal.message}"
        for refusal in report.refusals
        if not named & {(refusal.step, code) for code in (refusal.code, *refusal.also, None)}
        and not (refusal.driven and refusal.code == "interlock")
    ]


Others = tuple[str, Iterable[str]]


def _task(expected: TaskExpected, report: Report) -> str | None:
    about = expected.item or expected.node
    opened = [task for task in report.tasks if task.key == expected.task and about in (None, task.subject)]
    what = f"task {expected.task}" + (f" ({about})" if about else "")
    if expected.count is not None and len(opened) != expected.count:
        at = ", ".join(written(task.opened_at) for task in opened)
        return f"{what}: expected {expected.count} openings, seen {len(opened)}" + (f" (at {at})" if at else "")
    if expected.count == 0:
        return None
    return _nearest(what, expected, ("opened_at", "due_at", "decided_at", "by", "role"), opened, _opened(report))


def _refused(expected: RefusedExpected, report: Report) -> str | None:
    seen = [refusal for refusal in report.refusals if refusal.step == expected.refused]
    if not seen:
        others = "; ".join(f"step {refusal.step} ({refusal.code})" for refusal in report.refusals)
        return f"refused {expected.refused}: the step was not refused; refused were: {others or 'none'}"
    if expected.code is None or any(expected.code in (refusal.code, *refusal.also) for refusal in seen):
        return None
    told = "; ".join(f"{refusal.code}: {refusal.message}" for refusal in seen)
    return f"refused {expected.refused}: expected code {expected.code}, seen {told}"


def _opened(report: Report) -> Others:
    return "tasks opened: ", dict.fromkeys(task.key for task in report.tasks)


def _nearest(
    what: str, expected: Expectation, names: Sequence[str], candidates: Sequence[BaseModel], others: Others
) -> str | None:
    """None when a candidate has everything expected, else how the nearest one differs; without any, what there was."""
    if not candidates:
        lead, there = others
        return f"{what}: not seen; {lead}{', '.join(there) or 'none'}"
    wanted = {name: value for name in names if (value := getattr(expected, name)) is not None}
    differences = [
        [
            f"{name} expected {_told(value)}, seen {_told(getattr(candidate, name))}"
            for name, value in wanted.items()
            if not _same(value, getattr(candidate, name), within=expected.within)
        ]
        for candidate in candidates
    ]
    fewest = min(range(len(candidates)), key=lambda at: len(differences[at]))
    if not differences[fewest]:
        return None
    nearest = f" (the nearest of {len(candidates)})" if len(candidates) > 1 else ""
    return f"{what}: {'; '.join(differences[fewest])}{nearest}"


def _same(expected: Any, seen: Any, *, within: timedelta) -> bool:
    """Equal; instants and lengths of time to the second, or no further apart than `within`."""
    match expected, seen:
        case datetime(), datetime():
            return abs(seen.replace(microsecond=0) - expected.replace(microsecond=0)) <= within
        case timedelta(), timedelta():
            return abs(int(seen.total_seconds()) - int(expected.total_seconds())) <= within.total_seconds()
        case _:
            return bool(expected == seen)


def _told(value: Any) -> str:
    if isinstance(value, datetime | timedelta):
        return written(value)
    return "none" if value is None else str(value)
