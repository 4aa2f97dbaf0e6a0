"""What a connection project knows: its events, and the facts they fold into."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import Field

from domain.account import Frozen
from domain.case import CaseFacts, CoreEvent, Event, TaskDecided, core_changes
from domain.connection.forms import (
    CONNECTION_TASKS,
    Acceptance,
    Assignment,
    NodeInspected,
    PapersChecked,
    PapersSupplied,
    Rectified,
    Review,
    WorksRegistered,
)
from domain.connection.policy import DesignBy, Kind, Server
from domain.connection.policy import Sector as Sector


class Project(Frozen):
    """What the rules need to know of a project. Its name and address stay in the store."""

    kind: Kind
    meters: int = 1
    high_rise: bool = False
    design_by: DesignBy = "utility"
    district: str | None = None
    sector: Sector | None = None
    investment_fen: int | None = None
    high_reliability: bool = False
    petition: bool = False
    key_government: bool = False
    exceptional: bool = False


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


class OccupancyReported(Event):
    event: Literal["OccupancyReported"] = "OccupancyReported"
    share: Decimal


class ComplaintRecorded(Event):
    """The follow-up brought a complaint: it is recorded for an order."""

    event: Literal["ComplaintRecorded"] = "ComplaintRecorded"
    opinion: str | None = None


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
    | OccupancyReported
    | ComplaintRecorded
    | ReviewDue
    | ProjectSuspended
    | ProjectResumed
    | ProjectWithdrawn,
    Field(discriminator="event"),
]


class Done(Frozen):
    by: str
    at: datetime


class ProjectFacts(CaseFacts):
    """Everything the phases are a function of. `done` holds what stands: a returned scheme is not done."""

    project: Project
    papers: tuple[str, ...] = ()
    papers_complete: bool = False
    missing: tuple[str, ...] = ()
    tolerated: tuple[str, ...] = ()
    assigned_to: Server | None = None
    done: dict[str, Done] = {}
    nodes: dict[str, bool] = {}
    round: int = 1
    failing: dict[int, str] = {}
    rectified: tuple[int, ...] = ()
    occupancy: Decimal = Decimal(0)
    suspended: bool = False
    suspended_until: datetime | None = None
    withdrawn: str | None = None

    def is_done(self, *keys: str) -> bool:
        return all(f"connection.{key}" in self.done for key in keys)

    def who_did(self, *keys: str) -> tuple[str, ...]:
        """Whoever did these tasks: four eyes keep them from checking their own work."""
        return tuple(sorted({self.done[f"connection.{key}"].by for key in keys if f"connection.{key}" in self.done}))


def fold(facts: ProjectFacts, event: ConnectionEvent) -> ProjectFacts:
    """The facts after `event`. The only way facts change."""
    return facts.model_copy(update=core_changes(facts, event) | _changes(facts, event))


def _changes(facts: ProjectFacts, event: ConnectionEvent) -> dict[str, Any]:
    match event:
        case TaskDecided():
            return _decided(facts, event)
        case ProjectAssigned():
            return {"assigned_to": event.to}
        case OccupancyReported():
            return {"occupancy": event.share}
        case ProjectSuspended():
            return {"suspended": True, "suspended_until": event.until}
        case ProjectResumed():
            return {"suspended": False, "suspended_until": None}
        case ProjectWithdrawn():
            return {"withdrawn": event.reason}
        case _:
            return {}


def _decided(facts: ProjectFacts, event: TaskDecided) -> dict[str, Any]:
    subject = facts.tasks[event.task_id].subject
    form = CONNECTION_TASKS[event.key].filled(event.form)
    done = {**facts.done, event.key: Done(by=event.by, at=event.at)}
    match form:
        case PapersChecked():
            tolerated = tuple(dict.fromkeys((*facts.tolerated, *form.tolerated)))
            return {"papers_complete": not form.missing, "missing": form.missing, "tolerated": tolerated, "done": done}
        case PapersSupplied():
            return {"papers": (*facts.papers, *form.papers), "tolerated" if subject == "tolerated" else "missing": ()}
        case Assignment():
            return {"done": done}
        case Review(outcome="return"):
            # Back to whoever made it: neither the work nor its review stands.
            sent_back = {"connection.approve-scheme": SCHEME, "connection.review-drawings": DRAWINGS}[event.key]
            return {"done": {key: each for key, each in facts.done.items() if key not in sent_back}}
        case WorksRegistered():
            return {"nodes": dict.fromkeys(form.nodes, False), "done": done}
        case NodeInspected():
            return {"nodes": {**facts.nodes, subject or "": form.outcome == "passed"}}
        case Acceptance():
            accepted = done if not form.failed else facts.done
            failing = dict(sorted(form.failed.items()))
            return {"failing": failing, "rectified": (), "round": facts.round + bool(failing), "done": accepted}
        case Rectified():
            return {"rectified": (*facts.rectified, int(subject or 0))}
        case _:
            return {"done": done}


SCHEME = ("connection.draft-scheme", "connection.approve-scheme")
DRAWINGS = ("connection.design", "connection.submit-drawings", "connection.review-drawings")
