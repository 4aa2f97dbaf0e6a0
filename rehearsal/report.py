"""What a rehearsal saw, read from the store: the object that `--json` prints and that expectations are held against."""

import re
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta, timezone
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PlainSerializer
from sqlalchemy import Connection, select

from domain.calendars import local
from domain.clock import spent
from domain.people import Level, Role
from domain.policy import Strict
from domain.refusals import RefusalCode
from domain.tasks import Task
from store.casebook import Entry, timeline
from store.tables import cases, notices, tasks

YEARS = range(1900, 2200)
LONGEST = timedelta(days=36525)
_N = "([0-9]{1,9})"
_DAY = re.compile(r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})")
_INSTANT = re.compile(
    rf"{_DAY.pattern}(?:[Tt]|[ \t]+)([0-9]{{1,2}}):([0-9]{{2}})(?::([0-9]{{2}})(?:\.([0-9]{{1,6}}))?)?[ \t]*"
    r"(?P<offset>[Zz]|(?P<sign>[+-])(?P<hours>[0-9]{1,2})(?::?(?P<minutes>[0-9]{2}))?)?"
)
_DURATION = re.compile(rf"P(?=[0-9T])(?:{_N}W)?(?:{_N}D)?(?:T(?=[0-9])(?:{_N}H)?(?:{_N}M)?(?:{_N}S)?)?")


def instant(given: object) -> datetime:
    """The instant that a file writes (2026-03-12T10:00:00+08:00), at +08:00. Raises ValueError with how to mend it."""
    if isinstance(given, datetime):
        return local(given)
    found = _INSTANT.fullmatch(given) if isinstance(given, str) else None
    if found is None:
        if isinstance(given, str) and _DAY.fullmatch(given):
            raise ValueError(f"{given} is a day, not an instant: add the time, as in {given}T09:00:00+08:00")
        raise ValueError(f"{given!r} is not an instant: write it as 2026-03-12T10:00:00+08:00")
    if found["offset"] is None:
        raise ValueError(f"{given} has no offset: write it as {str(given).strip()}+08:00")
    year, month, on, hour, minute = (int(part) for part in found.groups()[:5])
    second, fraction = int(found[6] or 0), int((found[7] or "").ljust(6, "0"))
    offset = timedelta(hours=int(found["hours"] or 0), minutes=int(found["minutes"] or 0))
    try:
        zone = timezone(-offset if found["sign"] == "-" else offset)
        read = datetime(year, month, on, hour, minute, second, fraction, tzinfo=zone)
    except ValueError as wrong:
        raise ValueError(f"{given} is not an instant: {wrong}") from None
    _refuse_far(year)
    return local(read)


def day(given: object) -> date:
    """The day that a file writes (2026-03-10). Raises ValueError saying how to mend it."""
    if isinstance(given, date) and not isinstance(given, datetime):
        return given
    found = _DAY.fullmatch(given) if isinstance(given, str) else None
    if found is None:
        raise ValueError(f"{given!r} is not a day: write it as 2026-03-10")
    year, month, on = (int(part) for part in found.groups())
    _refuse_far(year)
    try:
        return date(year, month, on)
    except ValueError as wrong:
        raise ValueError(f"{given} is not a day: {wrong}") from None


def duration(given: object) -> timedelta:
    """The length of time that a file writes (PT1H, P1D, P1DT2H). Raises ValueError saying how to mend it."""
    if isinstance(given, timedelta):
        return given
    found = _DURATION.fullmatch(given) if isinstance(given, str) else None
    if found is None:
        raise ValueError(f"{given!r} is not a length of time: write it as PT1H, P1D or P1DT2H")
    weeks, days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    length = timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
    if length > LONGEST:
        raise ValueError(f"{given} is longer than a hundred years: write a shorter one")
    return length


def _refuse_far(year: int) -> None:
    if year not in YEARS:
        raise ValueError(f"the year {year:04d} is out of reach: write one from {YEARS[0]} to {YEARS[-1]}")


def written(value: datetime | timedelta) -> str:
    """An instant at +08:00 (2026-03-12T10:00:00+08:00) or a length of time (P1DT2H), to the second."""
    if isinstance(value, datetime):
        return local(value).isoformat(timespec="seconds")
    seconds = int(value.total_seconds())
    days, rest = divmod(seconds, 86400)
    clock = [(rest // 3600, "H"), (rest % 3600 // 60, "M"), (rest % 60, "S")]
    time = "".join(f"{count}{unit}" for count, unit in clock if count)
    if days:
        return f"P{days}D" + (f"T{time}" if time else "")
    return f"PT{time or '0S'}"


Instant = Annotated[
    datetime, BeforeValidator(instant), PlainSerializer(written, return_type=str, when_used="json-unless-none")
]
"""An aware instant; read as a file writes it, shown at +08:00 to the second."""

Day = Annotated[date, BeforeValidator(day)]

Duration = Annotated[
    timedelta, BeforeValidator(duration), PlainSerializer(written, return_type=str, when_used="json-unless-none")
]
"""A length of elapsed time; P1D is 24 hours."""


class Opened(Strict):
    """One opening of a task and what became of it. `by` is who decided; a withdrawn task was decided by nobody.

    `subject`: which item or node it is about, where a key has several; a file may ask for it, the JSON has no such key.
    """

    key: str
    role: Role
    level: Level | None
    opened_at: Instant
    due_at: Instant | None
    provisional: bool
    decided_at: Instant | None
    by: str | None
    status: str
    form: dict[str, Any] | None
    clauses: tuple[str, ...]
    subject: str | None = Field(None, exclude=True)


class Notice(Strict):
    template: str
    channel: str
    at: Instant
    to: str | None
    status: str


class Entered(Strict):
    stage: str
    at: Instant


class Clock(Strict):
    """Whose time a task's was. `budget` is its term as the pack writes it."""

    task: str
    budget: str | None
    utility: Duration
    customer: Duration
    breached_at: Instant | None


class Escalated(Strict):
    task: str
    level: Level
    at: Instant


class Refusal(Strict):
    """A step (from 1) that was refused and changed nothing.

    `also`: codes that are as true of it. `driven`: met by a drive, which leaves the task open and goes on.
    """

    step: int
    code: RefusalCode
    message: str
    also: tuple[RefusalCode, ...] = Field((), exclude=True)
    driven: bool = Field(False, exclude=True)


class Happened(Strict):
    sequence: int
    at: Instant
    event: str
    actor: str
    clauses: tuple[str, ...]


class Report(Strict):
    """One rehearsal; `model_dump(mode="json")` is what `--json` prints."""

    file: str
    pack: str
    process: str
    case_no: str
    stage: str | None
    outcome: str | None
    closed_at: Instant | None
    tasks: tuple[Opened, ...]
    notices: tuple[Notice, ...]
    stages: tuple[Entered, ...]
    clocks: tuple[Clock, ...]
    escalations: tuple[Escalated, ...]
    refusals: tuple[Refusal, ...]
    timeline: tuple[Happened, ...]


def report(
    connection: Connection, case_no: str, *, file: str, process: str, refusals: Sequence[Refusal], until: datetime
) -> Report:
    """What the store knows of a case, with tasks and clocks in order of opening; those still open run up to `until`.

    Raises LookupError when the case was never recorded.
    """
    case = connection.execute(select(cases).where(cases.c.case_no == case_no)).one_or_none()
    if case is None:
        raise LookupError(f"case {case_no} is not on record")
    happened = timeline(connection, case_no)
    opened = _tasks(connection, case_no, happened)
    return Report(
        file=file,
        pack=case.pack,
        process=process,
        case_no=case_no,
        stage=case.stage,
        outcome=case.outcome,
        closed_at=case.closed_at,
        tasks=tuple(_opened(task) for task in opened),
        notices=_notices(connection, case_no),
        stages=tuple(Entered(stage=e.body["stage"], at=e.at) for e in happened if e.event == "StageEntered"),
        clocks=tuple(_clock(task, until=until) for task in opened),
        escalations=tuple(
            Escalated(task=e.body["key"], level=e.body["level"], at=e.at)
            for e in happened
            if e.event == "TaskEscalated"
        ),
        refusals=tuple(refusals),
        timeline=tuple(
            Happened(sequence=e.sequence, at=e.at, event=e.event, actor=e.by, clauses=e.clauses) for e in happened
        ),
    )


def _tasks(connection: Connection, case_no: str, happened: Iterable[Entry]) -> list[Task]:
    # The record says in which order they opened: several may open at one instant, and ids sort as text.
    opening = {entry.body["task"]["id"]: entry.sequence for entry in happened if entry.event == "TaskOpened"}
    rows = connection.execute(select(tasks.c.body).where(tasks.c.case_no == case_no))
    found = [Task.model_validate(row.body) for row in rows]
    return sorted(found, key=lambda task: (opening.get(task.id, 0), task.id))


def _opened(task: Task) -> Opened:
    return Opened(
        key=task.key,
        role=task.role,
        level=task.level,
        opened_at=task.opened_at,
        due_at=task.due_at,
        provisional=task.due is not None and task.due.provisional,
        decided_at=task.closed_at if task.status == "decided" else None,
        by=task.decided_by,
        status=task.status,
        form=task.form,
        clauses=task.clauses,
        subject=task.subject,
    )


def _notices(connection: Connection, case_no: str) -> tuple[Notice, ...]:
    rows = connection.execute(select(notices).where(notices.c.case_no == case_no).order_by(notices.c.at, notices.c.key))
    return tuple(
        Notice(template=row.template, channel=row.channel, at=row.at, to=row.recipient, status=row.status)
        for row in rows
    )


def _clock(task: Task, *, until: datetime) -> Clock:
    late = task.due_at
    if late is not None and (task.status != "open" or late > (task.pause.since if task.pause else until)):
        late = None  # what is closed has its own answer; a clock that stands still does not run out
    return Clock(
        task=task.key,
        budget=task.term.written if task.term else None,
        utility=spent(task.clock, party="utility", until=until),
        customer=spent(task.clock, party="customer", until=until),
        breached_at=task.breached_at or late,
    )
