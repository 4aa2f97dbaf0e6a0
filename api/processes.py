"""What a door needs to know of each process: its commands, and its rules on the facts that are on record."""

from datetime import date
from typing import Any, NamedTuple

from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from sqlalchemy import Connection

from domain.calendars import Calendar
from domain.commands import Command, DecideTask
from domain.processes import PROCESSES, TASKS, Process
from domain.refusals import Refused
from policies.packs import load_calendar, load_pack
from store import calendars

WORDS: dict[str, tuple[str, ...]] = {
    name: tuple(process.commands.json_schema()["discriminator"]["mapping"]) for name, process in PROCESSES.items()
}
"""The commands that each kind of case knows."""


class Case(NamedTuple):
    """A case as it stands on record, ready to be asked by the rules."""

    process: Process
    facts: Any
    policy: Any
    calendar: Calendar


def calendar_now(connection: Connection) -> Calendar:
    """The days off of this release, and those that were published here since."""
    return calendars.published(connection, load_calendar())


def on_record(connection: Connection, row: Any) -> Case:
    """The case of a row, with the policy that it carries and the calendar as published now."""
    process = PROCESSES[row.process]
    calendar = calendar_now(connection)
    policy = getattr(load_pack(row.pack), row.process)
    return Case(process, process.facts.model_validate(row.facts), policy, calendar)


def refuse_foreign(command: Command, process: str) -> None:
    """Raises `Refused("form-invalid")` for a command that this kind of case does not know."""
    word = getattr(command, "command", None)
    known = WORDS[process]
    if word not in known:
        raise Refused("form-invalid", f"{word}: this is no word for a case of {process}; it knows {', '.join(known)}")


def refuse_by_record(command: Command, case: Case) -> None:
    """Raises the refusal that the case itself would give, by what is on record."""
    if isinstance(command, DecideTask):
        case.process.decide(command, case.facts, case.policy)
    else:
        case.process.events_of(command, case.facts, case.policy, case.calendar)


def refuse_bad_form(key: str, form: dict[str, Any]) -> None:
    """Raises `Refused("unknown")` for a task that no process has, `RequestValidationError` naming each field at fault.

    Days far from any life are at fault too: the engine has no timer that long.
    """
    kind = TASKS.get(key)
    if kind is None:
        raise Refused("unknown", "no task has this key; GET /api/v1/forms lists them")
    try:
        filled = kind.form.model_validate(form)
    except ValidationError as invalid:
        faults = invalid.errors(include_url=False, include_input=False)
        raise RequestValidationError([fault | {"loc": ("body", "form", *fault["loc"])} for fault in faults]) from None
    far = [name for name in type(filled).model_fields if _is_far(getattr(filled, name))]
    if far:
        fault = {"type": "far", "msg": "lies outside the years 2001 to 2199"}
        raise RequestValidationError([fault | {"loc": ("body", "form", name)} for name in far])


def _is_far(value: object) -> bool:
    return isinstance(value, date) and not 2000 < value.year < 2200
