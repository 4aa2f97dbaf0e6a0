"""What a connection project knows: the facts that its events fold into."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from domain.account import Frozen
from domain.case import CaseFacts, CaseReopened, StageEntered, TaskDecided, core_changes
from domain.connection.events import (
    AcceptanceInvited,
    ConnectionEvent,
    DataReported,
    ItemTableTaken,
    OccupancyReported,
    PaperChecked,
    ProjectAssigned,
    ProjectResumed,
    ProjectSuspended,
    ProjectWithdrawn,
    Punctual,
    SentBack,
    SurveyorArrived,
    VisitBooked,
    WaterUsed,
)
from domain.connection.forms import (
    CONNECTION_TASKS,
    Acceptance,
    AccountOpened,
    Assignment,
    DataCompleted,
    Design,
    DrawingsSubmitted,
    NodeInspected,
    PapersChecked,
    PapersSupplied,
    Rectified,
    Review,
    WaterTested,
    WorksRegistered,
)
from domain.connection.items import Table
from domain.connection.policy import DesignBy, Kind, Server
from domain.connection.policy import Sector as Sector
from domain.connection.works import (
    Declared,
    LiaisonDue,
    Party,
    PermitRunsOut,
    SupplyEnded,
    Works,
    came,
    decided,
    declared,
)
from domain.connection.works_forms import Unit
from domain.cosigning import Signature


class Project(Frozen):
    """What the rules need to know of a project. Its name and address stay in the store.

    `metered`: whether meters belong to it: a line may have none. `sections` of a line, in order; `ends_on` is the last
    day of a temporary supply that has one from the start. `account` is one that whoever applies has here already.
    """

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
    metered: bool = True
    sections: tuple[str, ...] = ()
    ends_on: date | None = None
    account: str | None = None


def refuse_odd(*, kind: Kind, metered: bool, sections: tuple[str, ...], ends_on: date | None) -> None:
    """Raises ValueError for a project that says of itself what only another kind can."""
    if not metered and kind != "linear":
        raise ValueError("metered: only works along a line go without meters")
    if sections and kind != "linear":
        raise ValueError("sections: only works along a line have them")
    if ends_on is not None and kind != "temporary":
        raise ValueError("ends_on: only a temporary supply has a last day")
    if ends_on is not None and not 2000 < ends_on.year < 2200:
        raise ValueError("ends_on: lies outside the years 2001 to 2199")


class Done(Frozen):
    by: str
    at: datetime


class ItemTable(Frozen):
    """The table of items that stands, as the case knows it."""

    sha256: str
    items: int


class Invitation(Frozen):
    round: int
    appointment: datetime


class Visit(Frozen):
    """The survey's hour, how often it was moved and why last, and when somebody came."""

    starts_at: datetime | None = None
    ends_at: datetime | None = None
    moved: int = 0
    reason: str | None = None
    arrived_at: datetime | None = None
    punctual: Punctual | None = None
    minutes: int = 0


class ProjectFacts(CaseFacts):
    """Everything the phases are a function of. `done` holds what stands: a returned scheme is not done.

    `unchecked` are papers that came after a check; `looked_at`: those of them that somebody has looked at since.
    `accounted`: how many items have their account while others are still to pass; `passed_at`: when any passed last.
    """

    project: Project
    papers: tuple[str, ...] = ()
    papers_complete: bool = False
    missing: tuple[str, ...] = ()
    tolerated: tuple[str, ...] = ()
    unchecked: tuple[str, ...] = ()
    looked_at: dict[str, Done] = {}
    visit: Visit | None = None
    assigned_to: Server | None = None
    done: dict[str, Done] = {}
    nodes: dict[str, bool] = {}
    round: int = 1
    failing: dict[int, str] = {}
    accounted: int = 0
    passed_at: datetime | None = None
    rectified: tuple[int, ...] = ()
    occupancy: Decimal = Decimal(0)
    suspended: bool = False
    suspended_until: datetime | None = None
    withdrawn: str | None = None
    tables: dict[Table, ItemTable] = {}
    invited: Invitation | None = None
    fees: dict[int, int] = {}
    data_wanted: str | None = None
    works: Works = Works()

    def is_done(self, *keys: str) -> bool:
        return all(f"connection.{key}" in self.done for key in keys)

    @property
    def fee_fen(self) -> int | None:
        """What the water used before the acceptance costs, over all rounds; None while nobody has read it."""
        return sum(self.fees.values()) if self.fees else None

    def round_items(self) -> Sequence[int]:
        """The items of the acceptance that is on: all in the first round, those that failed before in a later one."""
        return sorted(self.failing) if self.failing else range(1, self.project.meters + 1)

    @property
    def passed(self) -> int:
        """How many items have passed an acceptance."""
        return self.project.meters - len(self.failing) if self.failing or self.is_done("accept") else 0

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
        case SentBack():
            done = {key: each for key, each in facts.done.items() if key not in event.undone}
            again: dict[str, Any] = {"done": done}
            if "connection.check-papers" in event.undone:
                again |= {"papers_complete": False, "missing": ()}
            if "connection.register-works" in event.undone:
                again["nodes"] = {}
            if "connection.survey" in event.undone:
                again["visit"] = None
            return again
        case CaseReopened():
            # A project that was done is looked at again by those who follow up; one called off goes on where it stood.
            done = {key: each for key, each in facts.done.items() if key != "connection.follow-up"}
            return {"withdrawn": None, "done": done}
        case OccupancyReported():
            return {"occupancy": event.share}
        case ItemTableTaken():
            return {"tables": {**facts.tables, event.table: ItemTable(sha256=event.sha256, items=event.items)}}
        case AcceptanceInvited():
            return {"invited": Invitation(round=event.round, appointment=event.appointment)}
        case WaterUsed() if event.fee_fen is not None:
            return {"fees": {**facts.fees, event.round: event.fee_fen}}
        case DataReported():
            return {"data_wanted": event.what}
        case VisitBooked():
            moved = facts.visit.moved + 1 if facts.visit is not None and facts.visit.starts_at is not None else 0
            return {"visit": Visit(starts_at=event.starts_at, ends_at=event.ends_at, moved=moved, reason=event.reason)}
        case SurveyorArrived():
            arrival = {name: getattr(event, name) for name in ("arrived_at", "punctual", "minutes")}
            return {"visit": (facts.visit or Visit()).model_copy(update=arrival)}
        case PaperChecked():
            looked_at = facts.looked_at | {event.paper: Done(by=event.by, at=event.at)}
            left = tuple(paper for paper in facts.unchecked if paper != event.paper)
            return {"unchecked": left, "looked_at": looked_at}
        case ProjectSuspended():
            return {"suspended": True, "suspended_until": event.until}
        case ProjectResumed():
            return {"suspended": False, "suspended_until": None}
        case ProjectWithdrawn():
            return {"withdrawn": event.reason}
        case Declared():
            return {"works": declared(facts.works, event)}
        case PermitRunsOut() | SupplyEnded() | LiaisonDue():
            return {"works": came(facts.works, event)}
        case StageEntered():
            return {"works": facts.works.model_copy(update={"entered_at": event.at, "to_speak_with": ()})}
        case _:
            return {}


def _decided(facts: ProjectFacts, event: TaskDecided) -> dict[str, Any]:
    subject = facts.tasks[event.task_id].subject
    form = CONNECTION_TASKS[event.key].filled(event.form)
    done = {**facts.done, event.key: Done(by=event.by, at=event.at)}
    if (works := decided(facts.works, event, subject=subject)) is not None:
        return {"works": works, "done": done if event.key in LASTING else facts.done}
    match form:
        case PapersChecked():
            tolerated = tuple(dict.fromkeys((*facts.tolerated, *form.tolerated)))
            checked = {"papers_complete": not form.awaited, "unchecked": (), "looked_at": {}, "done": done}
            return {"missing": form.awaited, "tolerated": tolerated, **checked}
        case PapersSupplied():
            wanted = "tolerated" if subject == "tolerated" else "missing"
            handed_in = form.papers or getattr(facts, wanted)
            return {
                "papers": tuple(dict.fromkeys((*facts.papers, *handed_in))),
                "unchecked": tuple(dict.fromkeys((*facts.unchecked, *handed_in))),
                wanted: (),
            }
        case Signature():
            return {}
        case Assignment():
            return {"done": done}
        case Review(outcome="return"):
            # Back to whoever made it: neither the work nor its review stands.
            sent_back = {"connection.approve-scheme": SCHEME, "connection.review-drawings": DRAWINGS}[event.key]
            return {"done": {key: each for key, each in facts.done.items() if key not in sent_back}}
        case WorksRegistered():
            works = registered(_represented(facts.works, "construction-unit", form), form)
            return {"nodes": dict.fromkeys(form.nodes, False), "done": done, "works": works}
        case Design():
            works = _represented(facts.works, "design-unit", form)
            return {"done": done, "works": works.model_copy(update={"drawing": form.drawing})}
        case DrawingsSubmitted():
            return {"done": done, "works": facts.works.model_copy(update={"drawing": form.drawing})}
        case WaterTested(passed_at=passed_at) if passed_at is not None:
            return {"done": done, "works": facts.works.model_copy(update={"sample_passed_at": passed_at})}
        case NodeInspected():
            return {"nodes": {**facts.nodes, subject or "": form.outcome == "passed"}}
        case Acceptance():
            accepted = done if not form.failed else facts.done
            failing = dict(sorted(form.failed.items()))
            passed_at = event.at if len(failing) < len(facts.round_items()) else facts.passed_at
            standing = {"failing": failing, "rectified": (), "round": facts.round + bool(failing), "done": accepted}
            return standing | {"passed_at": passed_at}
        case AccountOpened() if facts.failing:
            # Those that passed have theirs; it is done once every item has.
            return {"accounted": facts.passed}
        case DataCompleted():
            return {"data_wanted": None}
        case Rectified():
            return {"rectified": (*facts.rectified, int(subject or 0))}
        case _:
            return {"done": done}


def _represented(works: Works, unit: Unit, form: Design | WorksRegistered) -> Works:
    """The works with the representative that a unit names in a form."""
    if not form.unit_representative:
        return works
    organisation = form.contractor if isinstance(form, WorksRegistered) else None
    party = Party(representative=form.unit_representative, organisation=organisation)
    return works.model_copy(update={"parties": {**works.parties, unit: party}})


def registered(works: Works, form: WorksRegistered) -> Works:
    """The works as they were registered."""
    told = form.model_dump(include={"contractor", "starts_on", "ends_on", "road_nodes", "backfill"})
    return works.model_copy(update=told | {"permit": (works.permit or "wanted") if form.road_nodes else None})


LASTING = ("connection.hand-over", "connection.remove-temporary")
"""Side tasks that are done once: the others open again whenever something is declared again."""
SCHEME = ("connection.draft-scheme", "connection.approve-scheme")
DRAWINGS = ("connection.design", "connection.submit-drawings", "connection.review-drawings")
