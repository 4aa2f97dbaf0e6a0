"""What goes into a case and comes out of it. Passed through the sandbox: models are built once, not once a case."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidatorFunctionWrapHandler, WrapValidator

from domain.account import Account, LedgerFact
from domain.arrears.events import BillDisputed, HoldPlaced
from domain.arrears.policy import ArrearsPolicy
from domain.calendars import Calendar, PublishedYear
from domain.connection.facts import Project
from domain.connection.policy import ConnectionPolicy

AT_MOST = 50
"""So many policies are kept; utilities have one or two in force, and a few more that running cases are pinned to."""


def _shared() -> Callable[[Any, ValidatorFunctionWrapHandler], Any]:
    """Has all cases that are pinned to the same policy hold one object: a value, 100 to 150 KB, that nobody changes."""
    known: dict[str, Any] = {}

    def read(said: Any, validate: ValidatorFunctionWrapHandler) -> Any:
        if not isinstance(said, dict):
            return validate(said)
        text = json.dumps(said)
        if text not in known:
            if len(known) >= AT_MOST:
                known.clear()
            known[text] = validate(said)
        return known[text]

    return read


class Answer(BaseModel):
    """What a command came to: the last entry it made, and where the case stands now."""

    model_config = ConfigDict(frozen=True)

    case_no: str
    sequence: int
    stage: str | None


class Publication(BaseModel):
    """An operator has published a year's days off."""

    model_config = ConfigDict(frozen=True)

    year: int
    days: PublishedYear
    at: AwareDatetime


class Carried(BaseModel):
    """What goes from one run of a case to the next: facts, the record's sequence, and commands already carried out."""

    model_config = ConfigDict(frozen=True)

    facts: dict[str, Any]
    sequence: int
    run: int
    processed: tuple[str, ...] = ()
    reopened_at: AwareDatetime | None = None
    reopened_by: str = "system"
    reopened_because: str = "debt came back after closing"


class Opened(BaseModel):
    """How any case starts. `shift` is business time minus engine time: zero in life, set by a rehearsal."""

    model_config = ConfigDict(frozen=True)

    case_no: str
    pack: str
    calendar: Calendar
    opened_at: AwareDatetime
    shift: timedelta = timedelta()
    renew_after: int = 4000
    carried: Carried | None = None


def workflow_id(process: str, subject: str) -> str:
    """The name of a case's workflow: `arrears/<account no>`, `connection/<case no>`. Never personal data."""
    return f"{process}/{subject}"


class ArrearsOpened(Opened):
    """An account with overdue bills, and the ladder pinned for it. `stands`: what the case before left standing."""

    account: Account
    policy: Annotated[ArrearsPolicy, WrapValidator(_shared())]
    ledger: tuple[tuple[int, LedgerFact], ...]
    stands: tuple[BillDisputed | HoldPlaced, ...] = ()


class ProjectOpened(Opened):
    """An application for water, and the rules pinned for it."""

    project: Project
    papers: tuple[str, ...]
    policy: Annotated[ConnectionPolicy, WrapValidator(_shared())]
