"""What can happen in a connection project, an event each: with `fold` in `facts` they are all that a case knows."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from domain.case import CoreEvent, Event
from domain.connection.items import Table
from domain.connection.policy import Server
from domain.connection.works import (
    WorksEvent,
)


class ProjectAssigned(Event):
    """Who looks after the project, and the rule or person that said so."""

    event: Literal["ProjectAssigned"] = "ProjectAssigned"
    to: Server
    tier: str


class ItemsPassed(Event):
    """Meters signed at an acceptance, as ranges: [[1, 40], [42, 50]]."""

    event: Literal["ItemsPassed"] = "ItemsPassed"
    round: int
    ranges: tuple[tuple[int, int], ...]


class ItemsFailed(Event):
    event: Literal["ItemsFailed"] = "ItemsFailed"
    round: int
    items: dict[int, str]


class ItemTableTaken(Event):
    """A table of the items stands in the store; the case knows it by its hash and length alone."""

    event: Literal["ItemTableTaken"] = "ItemTableTaken"
    table: Table
    sha256: str
    items: int


class AcceptanceInvited(Event):
    """The customer is invited to an acceptance."""

    event: Literal["AcceptanceInvited"] = "AcceptanceInvited"
    round: int
    appointment: datetime
    method: str


class AcceptanceAttended(Event):
    """When the acceptance was appointed, and by how many minutes whoever accepts came late."""

    event: Literal["AcceptanceAttended"] = "AcceptanceAttended"
    round: int
    appointment: datetime
    late_minutes: int


class WaterUsed(Event):
    """The water that ran before a round of the acceptance; its fee where the pack has a price."""

    event: Literal["WaterUsed"] = "WaterUsed"
    round: int
    cubic_metres: Decimal
    fee_fen: int | None = None


class DataReported(Event):
    """Data of new customers is missing or wrong: whoever owes it is asked, and no account opens before."""

    event: Literal["DataReported"] = "DataReported"
    what: str
    items: tuple[int, ...] = ()


class AccountsOpened(Event):
    """Each accepted item of the table gets its account, numbered as the pack has it; the store makes them.

    `items`: how many have theirs then; `without` are ranges of those that are still to pass.
    """

    event: Literal["AccountsOpened"] = "AccountsOpened"
    items: int
    without: tuple[tuple[int, int], ...] = ()
    prefix: str
    digits: int
    reading_book: str
    reading_cycle: str | None = None


class ReadingBegins(Event):
    """From here on these meters are read: by when they are in a route, and by when they have had their first bill."""

    event: Literal["ReadingBegins"] = "ReadingBegins"
    of: Literal["opened", "switched"]
    route: str | None = None
    route_by: datetime | None = None
    billed_by: datetime


class OccupancyReported(Event):
    event: Literal["OccupancyReported"] = "OccupancyReported"
    share: Decimal


class ComplaintRecorded(Event):
    """The follow-up brought a complaint: it is recorded for an order."""

    event: Literal["ComplaintRecorded"] = "ComplaintRecorded"
    opinion: str | None = None


class SentBack(Event):
    """Work that does not stand: `to` is to be done again, and with it all of `undone`."""

    event: Literal["SentBack"] = "SentBack"
    to: str
    reason: str
    undone: tuple[str, ...]
    taken_back: bool = False


class PaperChecked(Event):
    """A paper that came after the papers had been checked was looked at."""

    event: Literal["PaperChecked"] = "PaperChecked"
    paper: str


Punctual = Literal["early", "on-time", "late"]


class VisitBooked(Event):
    """The hour of the survey is agreed on, or moved to another. `reason` is told to the applicant."""

    event: Literal["VisitBooked"] = "VisitBooked"
    starts_at: datetime
    ends_at: datetime | None = None
    reason: str | None = None


class SurveyorArrived(Event):
    """Whoever surveys came. `punctual`: at the hour that was agreed, or by how many minutes not; None: none was."""

    event: Literal["SurveyorArrived"] = "SurveyorArrived"
    arrived_at: datetime
    punctual: Punctual | None = None
    minutes: int = 0


class ReviewDue(Event):
    event: Literal["ReviewDue"] = "ReviewDue"
    because: str


class ProjectSuspended(Event):
    """The whole project stands still: every open task is paused until it is resumed."""

    event: Literal["ProjectSuspended"] = "ProjectSuspended"
    reason: str
    until: datetime | None = None


class ProjectResumed(Event):
    event: Literal["ProjectResumed"] = "ProjectResumed"


class ProjectWithdrawn(Event):
    event: Literal["ProjectWithdrawn"] = "ProjectWithdrawn"
    reason: str


ConnectionEvent = Annotated[
    CoreEvent
    | ProjectAssigned
    | ItemsPassed
    | ItemsFailed
    | ItemTableTaken
    | AcceptanceInvited
    | AcceptanceAttended
    | WaterUsed
    | DataReported
    | AccountsOpened
    | ReadingBegins
    | OccupancyReported
    | ComplaintRecorded
    | SentBack
    | PaperChecked
    | VisitBooked
    | SurveyorArrived
    | ReviewDue
    | ProjectSuspended
    | ProjectResumed
    | ProjectWithdrawn
    | WorksEvent,
    Field(discriminator="event"),
]
