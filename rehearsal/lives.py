"""What became of one case, in figures that can be added up: read off a rehearsal's report."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from domain.people import Role
from domain.policy import Strict
from rehearsal.report import Instant, Report

DAY = timedelta(days=1)
NEAR_A_LIMIT = ("arrears.serve-limit-notice", "arrears.approve-limit", "arrears.limit-pressure")
SENT_NOT = ("withdrawn", "failed")


class Doing(Strict):
    """A task that was asked for: by when, when it was decided (None: never), and whether it was late."""

    key: str
    role: Role
    opened_at: Instant
    due_at: Instant | None
    decided_at: Instant | None
    late: bool


class Life(Strict):
    """One case. `days` from opening to end, None while it is open; money in fen, by the stage in which it came."""

    no: str
    case_no: str
    process: str
    opened_at: Instant
    doings: tuple[Doing, ...]
    days: float | None
    outcome: str | None
    stage: str | None
    utility_days: float
    customer_days: float
    messages: int
    escalations: int
    limited: bool
    near_limit: bool
    recovered: dict[str, int]


def life(report: Report, *, payments: Sequence[tuple[datetime, int]] = ()) -> Life:
    """The life of a report's case; `payments` are instants and fen, those before its opening left out."""
    opened_at = report.timeline[0].at
    doings = tuple(
        Doing(
            key=task.key,
            role=task.role,
            opened_at=task.opened_at,
            due_at=task.due_at,
            decided_at=task.decided_at,
            late=clock.breached_at is not None,
        )
        for task, clock in zip(report.tasks, report.clocks, strict=True)
    )
    recovered: dict[str, int] = {}
    for at, amount in payments:
        if at >= opened_at:
            stage = _stage_before(report, at)
            recovered[stage] = recovered.get(stage, 0) + amount
    limited = any(entry.event == "PressureLimited" for entry in report.timeline)
    return Life(
        no=report.file,
        case_no=report.case_no,
        process=report.process,
        opened_at=opened_at,
        doings=doings,
        days=(report.closed_at - opened_at) / DAY if report.closed_at is not None else None,
        outcome=report.outcome,
        stage=report.stage,
        utility_days=sum((clock.utility for clock in report.clocks), timedelta()) / DAY,
        customer_days=sum((clock.customer for clock in report.clocks), timedelta()) / DAY,
        messages=sum(notice.status not in SENT_NOT for notice in report.notices),
        escalations=len(report.escalations),
        limited=limited,
        near_limit=limited or any(doing.key in NEAR_A_LIMIT for doing in doings),
        recovered=recovered,
    )


def _stage_before(report: Report, at: datetime) -> str:
    """The stage in which a payment found the case: what it brings about comes after it."""
    return next((entered.stage for entered in reversed(report.stages) if entered.at < at), "reminded")
