"""Visits that are agreed on: the hours a utility offers, an hour taken, moved, and kept or not."""

from datetime import datetime, timedelta
from typing import Literal

from pydantic import AwareDatetime, Field

from domain.account import Frozen
from domain.calendars import CHINA, Calendar, day_of, local
from domain.case import TaskDecided
from domain.clauses import keeps
from domain.commands import Command, DecideTask, decided_task, refuse_unless_acting
from domain.connection.events import ConnectionEvent, Punctual, SurveyorArrived, VisitBooked
from domain.connection.facts import ProjectFacts
from domain.connection.forms import CONNECTION_TASKS, Appointment, Survey
from domain.connection.policy import ConnectionPolicy
from domain.cosigning import refuse_unless_signed
from domain.people import Actor, Role
from domain.refusals import Refused
from domain.terms import due_at

ARRANGE, SURVEY = "connection.arrange-survey", "connection.survey"
AGREES: tuple[Role, ...] = ("representative", "service-manager", "supervisor")
ONLINE = "申请人在网上选定 chosen online"
_DAY, _MINUTE = timedelta(days=1), timedelta(minutes=1)


class Slot(Frozen):
    """Hours in which somebody comes, the end not included."""

    starts_at: datetime
    ends_at: datetime


class BookVisit(Command):
    """The survey is at this hour, or from the one to the other. `reason`: why an hour that was agreed is moved."""

    command: Literal["book"] = "book"
    starts_at: AwareDatetime
    ends_at: AwareDatetime | None = None
    reason: str | None = Field(None, max_length=500)


class Arrive(Command):
    """Whoever surveys is there."""

    command: Literal["arrive"] = "arrive"


VisitCommand = BookVisit | Arrive


def slots(policy: ConnectionPolicy, calendar: Calendar, *, now: datetime) -> tuple[Slot, ...]:
    """What is on offer: the hours of each working day that have not begun, up to as far ahead as the pack has it."""
    if policy.visits is None:
        return ()
    last = day_of(due_at(term=policy.visits.ahead.value, started_at=now, calendar=calendar).at)
    day, found = local(now).date(), []
    while day <= last:
        if calendar.is_working_day(day):
            for hours in policy.visits.hours.value:
                opens, closes = (datetime.combine(day, time, tzinfo=CHINA) for time in (hours.opens, hours.closes))
                found.append(Slot(starts_at=opens, ends_at=closes if closes > opens else closes + _DAY))
        day += _DAY
    return tuple(slot for slot in found if slot.starts_at > now)


def told(
    command: VisitCommand, facts: ProjectFacts, policy: ConnectionPolicy, calendar: Calendar
) -> list[ConnectionEvent]:
    """What a word about the visit makes happen. Raises `Refused`: wrong-role, not-open, form-invalid, gate."""
    match command:
        case BookVisit():
            return [_booked(command, facts, policy, calendar)]
        case Arrive():
            task = facts.open_task(SURVEY)
            if task is None:
                zh = "现场勘察现在没有开着：不用登记到达。"
                raise Refused("not-open", "the survey is not open: nobody arrives", zh=zh)
            refuse_unless_acting(command.by, task.role, "supervisor")
            if facts.visit is not None and facts.visit.arrived_at is not None:
                raise Refused("not-open", "somebody has arrived already", zh="已经登记过到达。")
            return [_arrived(command.at, command.by.id, command.at, facts, policy)]


@keeps("liaocheng.customer-service.late-explain")
def _booked(
    command: BookVisit, facts: ProjectFacts, policy: ConnectionPolicy, calendar: Calendar
) -> TaskDecided | VisitBooked:
    refuse_unless_acting(command.by, "customer", *AGREES)
    arranging, surveying = facts.open_task(ARRANGE), facts.open_task(SURVEY)
    if arranging is None and surveying is None:
        zh = "现在不用约勘察：还没到这一步，或者已经勘察过。"
        raise Refused("not-open", "no survey is to be arranged now", zh=zh)
    if command.starts_at <= command.at or (command.ends_at is not None and command.ends_at <= command.starts_at):
        raise Refused(
            "form-invalid", "starts_at: the visit lies ahead, and ends after it starts", zh="请选以后的时间。"
        )
    outside = not any(command.by.holds(role) for role in AGREES)
    taken = (command.starts_at, command.ends_at)
    if outside and taken not in [(slot.starts_at, slot.ends_at) for slot in slots(policy, calendar, now=command.at)]:
        zh = "这个时间现在不能约：请从列出的时间里选。"
        raise Refused("gate", "starts_at: this hour is not on offer now: take one of those that are", zh=zh)
    if arranging is not None:
        form = {"appointment": command.starts_at, "until": command.ends_at, "contact": ONLINE if outside else None}
        by = Actor(id=command.by.id, roles=(arranging.role,), level=arranging.level)
        filled = {name: value for name, value in form.items() if value is not None}
        decide = DecideTask(by=by, at=command.at, key=ARRANGE, task_id=arranging.id, form=filled)
        decided = decided_task(decide, facts, CONNECTION_TASKS)
        refuse_unless_signed(decided, facts)
        return decided
    if not outside and not (command.reason or "").strip():
        zh = "改约要写明原因，会告诉申请人。"
        raise Refused("form-invalid", "reason: whoever moves an hour that was agreed says why", zh=zh)
    return VisitBooked(
        at=command.at, by=command.by.id, starts_at=command.starts_at, ends_at=command.ends_at, reason=command.reason
    )


def entailed(
    form: object, facts: ProjectFacts, policy: ConnectionPolicy, decided: TaskDecided
) -> list[ConnectionEvent]:
    """What a form of the survey states about the visit."""
    match form:
        case Appointment(appointment=datetime() as starts_at):
            return [VisitBooked(at=decided.at, by=decided.by, starts_at=starts_at, ends_at=form.until)]
        case Survey(arrived_at=datetime() as arrived_at) if facts.visit is None or facts.visit.arrived_at is None:
            return [_arrived(decided.at, decided.by, arrived_at, facts, policy)]
        case _:
            return []


def _arrived(
    at: datetime, by: str, arrived_at: datetime, facts: ProjectFacts, policy: ConnectionPolicy
) -> SurveyorArrived:
    visit, punctual, minutes = facts.visit, None, 0
    if visit is not None and visit.starts_at is not None and policy.visits is not None:
        grace = policy.visits.punctual.value.duration
        punctual, minutes = judged(arrived_at, visit.starts_at, visit.ends_at, grace=grace)
    clauses = policy.visits.punctual.clauses if policy.visits is not None else ()
    return SurveyorArrived(at=at, by=by, clauses=clauses, arrived_at=arrived_at, punctual=punctual, minutes=minutes)


@keeps("jinan.design.survey-on-time")
def judged(
    arrived_at: datetime, starts_at: datetime, ends_at: datetime | None, *, grace: timedelta
) -> tuple[Punctual, int]:
    """Whether somebody came when it was agreed, and by how many minutes not; `grace` counts on both sides."""
    if arrived_at < starts_at - grace:
        return "early", int((starts_at - arrived_at) / _MINUTE)
    last = ends_at or starts_at
    if arrived_at > last + grace:
        return "late", int((arrived_at - last) / _MINUTE)
    return "on-time", 0
