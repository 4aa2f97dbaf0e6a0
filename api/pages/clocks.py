"""The clock chip: what is left of our time on a task, or whose time it is now."""

from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple

from api.pages.shapes import stretch
from api.pages.words import Language
from domain.tasks import Task

Mood = Literal["in-time", "soon", "late", "paused", "no-term", "done"]
SOON = 4
PARTIES: dict[str, tuple[str, str]] = {
    "utility": ("我方", "us"),
    "customer": ("用户", "the customer"),
    "government": ("政府部门", "the authorities"),
    "contractor": ("施工方", "the contractor"),
    "force-majeure": ("不可抗力", "force majeure"),
}


class Chip(NamedTuple):
    """`words` say it; `mood` gives colour and shape. `due_at` is an exclusive end."""

    mood: Mood
    words: str
    due_at: datetime | None
    provisional: bool


def chip(row: Any, *, now: datetime, language: Language) -> Chip:
    """The chip of a task's row, with its body or, from a list, with the few columns that a chip needs."""
    if (body := getattr(row, "body", None)) is not None:
        return of_task(Task.model_validate(body), now=now, language=language)
    return _running(
        party=row.party,
        due_at=row.due_at,
        counts_from=row.opened_at,
        provisional=row.provisional,
        now=now,
        language=language,
    )


def of_task(task: Task, *, now: datetime, language: Language) -> Chip:
    """The chip of a task; of one that is over, whether it was done in time."""
    due = task.due
    provisional = due is not None and due.provisional
    if task.status != "open":
        late = task.breached_at is not None
        words = ("超时办结", "done late") if late else ("按时办结", "done in time")
        return Chip("late" if late else "done", words[language == "en"], task.due_at, provisional)
    holder = task.pause.party if task.pause else task.clock[-1].party if task.clock else "utility"
    return _running(
        party=holder,
        due_at=None if task.pause else task.due_at,
        counts_from=task.counts_from,
        provisional=provisional,
        now=now,
        language=language,
    )


def _running(
    *,
    party: str,
    due_at: datetime | None,
    counts_from: datetime,
    provisional: bool,
    now: datetime,
    language: Language,
) -> Chip:
    """Under a quarter of the budget left is soon; another party's time is no lateness of ours."""
    zh = language == "zh"
    left = due_at - now if due_at is not None else None
    if party != "utility":
        who = PARTIES[party][0 if zh else 1]
        if left is not None and left <= timedelta():
            over = stretch(-left, language=language)
            return Chip("paused", f"{who}超 {over}" if zh else f"{who}: {over} over", due_at, provisional)
        return Chip("paused", f"等{who}" if zh else f"waits for {who}", due_at, provisional)
    if left is None or due_at is None:
        return Chip("no-term", "无时限" if zh else "no term", None, False)
    if left <= timedelta():
        over = stretch(-left, language=language)
        return Chip("late", f"超 {over}" if zh else f"{over} over", due_at, provisional)
    words = f"剩 {stretch(left, language=language)}" if zh else f"{stretch(left, language=language)} left"
    return Chip("soon" if left * SOON < due_at - counts_from else "in-time", words, due_at, provisional)
