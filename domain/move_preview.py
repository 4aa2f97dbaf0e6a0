"""What a move to another pack would change in a case: the very events that the case would say, and nothing written."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Literal

from domain.asking import not_called_for, not_open, opened, reasked
from domain.calendars import Calendar
from domain.case import CaseFacts
from domain.pack_moves import MovePack
from domain.policy import Strict
from domain.processes import Process
from domain.refusals import RefusalCode, Refused
from domain.steps import Ask, Calls, Close, StandStill

Fate = Literal["opened", "withdrawn", "moved"]
OVER_BY_ITSELF = ("PeriodEnded", "DeferralEnded", "LimitWindowOpened")
"""Moments with a day of their own. A review is counted from the last event, and every move is one."""


class TaskChange(Strict):
    """What becomes of one task; `before` and `after` are its deadlines."""

    key: str
    subject: str | None = None
    fate: Fate
    before: datetime | None = None
    after: datetime | None = None


class MovePreview(Strict):
    """A case before and after a move: stage, next step, the end of what it waits for, and its tasks.

    `refused` and `why` (English, Chinese): it cannot be moved, and nothing else is said.
    """

    case_no: str
    process: str
    stage: str | None
    refused: RefusalCode | None = None
    why: tuple[str, str] = ("", "")
    stage_after: str | None = None
    next: str | None = None
    next_after: str | None = None
    until: datetime | None = None
    until_after: datetime | None = None
    tasks: tuple[TaskChange, ...] = ()

    @property
    def changes(self) -> bool:
        """Whether anything but the name of the pack would change."""
        before, after = (self.stage, self.next, self.until), (self.stage_after, self.next_after, self.until_after)
        return bool(self.tasks) or before != after


def preview(
    process: Process, name: str, facts: CaseFacts, command: MovePack, *, policy: Any, to: Any, calendar: Calendar
) -> MovePreview:
    """The case as it stands at the command's instant, and as it would stand after the move."""
    facts = _caught_up(process, facts, policy, calendar, command.at)
    shown: dict[str, Any] = {"case_no": facts.case_no, "process": name, "stage": facts.stage}
    try:
        moved = process.moved(command, facts, policy, to, calendar)
    except Refused as refused:
        return MovePreview(**shown, refused=refused.code, why=(refused.message, refused.zh))
    step = process.next_step(facts, policy, calendar)
    after, _ = process.say(facts, moved, to, calendar)
    step_after = process.next_step(after, to, calendar)
    for event in reasked(after, step_after, process.kinds, moved=moved, calendar=calendar):
        after, _ = process.say(after, event, to, calendar)
    step_after = process.next_step(after, to, calendar)
    if step_after is not None:
        for withdrawn in not_called_for(after, step_after):
            after, _ = process.say(after, withdrawn, to, calendar)
        for ask in not_open(after, step_after):
            after, _ = process.say(
                after, opened(ask, facts=after, kinds=process.kinds, calendar=calendar), to, calendar
            )
    return MovePreview(
        **shown,
        stage_after=after.stage,
        next=_named(step),
        next_after=_named(step_after),
        until=_until(step),
        until_after=_until(step_after),
        tasks=tuple(_tasks(facts, after)),
    )


def _caught_up(process: Process, facts: CaseFacts, policy: Any, calendar: Calendar, at: datetime) -> CaseFacts:
    """What time alone has brought by then, and the record has not heard of yet."""
    while (moment := process.next_moment(facts, policy, calendar)) is not None and moment.at <= at:
        facts, _ = process.say(facts, moment, policy, calendar)
    return facts


def _named(step: Any) -> str | None:
    match step:
        case Ask():
            return step.key
        case Calls():
            return " + ".join(dict.fromkeys(ask.key for ask in step.asks))
        case StandStill():
            return step.because
        case Close():
            return step.outcome
        case None:
            return None
        case _:
            return "limit-order"


def _until(step: Any) -> datetime | None:
    moment = step.moment if isinstance(step, StandStill) else None
    return moment.at if moment is not None and getattr(moment, "event", "") in OVER_BY_ITSELF else None


def _tasks(before: CaseFacts, after: CaseFacts) -> Iterator[TaskChange]:
    for task in before.tasks.values():
        then, about = after.tasks.get(task.id), {"key": task.key, "subject": task.subject}
        if then is None:
            yield TaskChange(**about, fate="withdrawn", before=task.due_at)
        elif then != task:
            yield TaskChange(**about, fate="moved", before=task.due_at, after=then.due_at)
    for task in after.tasks.values():
        if task.id not in before.tasks:
            yield TaskChange(key=task.key, subject=task.subject, fate="opened", after=task.due_at)
