"""The works of a project: what is known of them, what they call for besides the phases, and what time brings.

Side tasks open only because something was declared, or because the project was opened as one of a special kind. A
project of which nobody declares anything goes its way without any.
"""

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Any, Literal

from domain.account import Frozen
from domain.calendars import Calendar, start_of
from domain.case import Event, TaskDecided
from domain.connection.works_forms import (
    DECLARATIONS,
    WORKS_TASKS,
    ChangeNeeded,
    ChangeReviewed,
    DesignChanged,
    Excavated,
    Liaised,
    PartyNamed,
    PermitObtained,
    ProblemRaised,
    ProblemSolved,
    RoadRestored,
    SecondLook,
    ServiceGiven,
    SiteInspected,
    SiteMended,
    SiteVisitCalled,
    SpoilRemoved,
    Step,
    StepAccompanied,
    TermSet,
    Unit,
    ValveNotified,
    WorksFinished,
)
from domain.connection.works_policy import Attends, WorksPolicy
from domain.policy import Sourced
from domain.tasks import Form
from domain.terms import Term, due_at

Permit = Literal["wanted", "granted", "running-out", "over"]


class Declared(Event):
    """Somebody told the project something beside its tasks."""

    event: Literal["Declared"] = "Declared"
    what: str
    form: dict[str, Any]


class PermitRunsOut(Event):
    """The road-opening permit nears its end, or has come to it, with nodes that need it still open."""

    event: Literal["PermitRunsOut"] = "PermitRunsOut"
    stands: Literal["running-out", "over"]


class SupplyEnded(Event):
    """The last day of a temporary supply is over."""

    event: Literal["SupplyEnded"] = "SupplyEnded"
    last_day: date


class LiaisonDue(Event):
    """It is time to speak with a unit again."""

    event: Literal["LiaisonDue"] = "LiaisonDue"
    unit: Unit


WorksEvent = Declared | PermitRunsOut | SupplyEnded | LiaisonDue


class Party(Frozen):
    """Who represents a unit in this project."""

    representative: str
    organisation: str | None = None
    contact: str | None = None
    account: str | None = None


class Change(Frozen):
    """One design change, from what was found on site to its end."""

    reason: str
    node: str | None = None
    stops: bool = False
    at: datetime
    by: str
    stands: Literal["open", "to-review", "settled"] = "open"
    treatment: str | None = None
    drawing: str | None = None
    drawn_by: str | None = None


class Finding(Frozen):
    """Something that was not in order on site."""

    why: str
    at: datetime
    mended: bool = False


class Problem(Frozen):
    what: str
    at: datetime
    result: str | None = None
    solved_at: datetime | None = None


class Given(Frozen):
    """A service, a step accompanied, a talk: one line of the service ledger."""

    what: str
    unit: Unit | None = None
    note: str | None = None
    at: datetime
    by: str


class Works(Frozen):
    """What is known of the works. Side tasks number their subjects: the first design change is change 1."""

    parties: dict[Unit, Party] = {}
    contractor: str | None = None
    starts_on: date | None = None
    ends_on: date | None = None
    drawing: str | None = None
    backfill: tuple[str, ...] = ()
    road_nodes: tuple[str, ...] = ()
    permit: Permit | None = None
    permit_no: str | None = None
    permit_until: date | None = None
    changes: dict[str, Change] = {}
    looks: int = 0
    looked: int = 0
    seen_at: datetime | None = None
    findings: dict[str, Finding] = {}
    road_since: datetime | None = None
    road_protected: str | None = None
    spoil_since: datetime | None = None
    sample_passed_at: datetime | None = None
    problems: dict[str, Problem] = {}
    given: tuple[Given, ...] = ()
    spoken: dict[Unit, datetime] = {}
    to_speak_with: tuple[Unit, ...] = ()
    supply_until: date | None = None
    supply_over: bool = False
    entered_at: datetime | None = None

    def stopped_by(self, node: str | None, *, reviewed: bool) -> str | None:
        """The design change for which a node, or all that follows the nodes (None), stands still."""
        for no, change in self.changes.items():
            open_still = change.stands == "open" or (change.stands == "to-review" and reviewed)
            if change.stops and open_still and change.node in (None, node):
                return no
        return None

    def waits_for_the_road(self, node: str) -> bool:
        """Whether a node cannot be inspected because no permit stands to open the road for it."""
        return node in self.road_nodes and self.permit not in ("granted", "running-out")


class SideAsk(Frozen):
    """A side task that is called for."""

    key: str
    term: Sourced[Term]
    subject: str | None = None
    party: str = "utility"
    not_by: tuple[str, ...] = ()
    counts_from: datetime | None = None


# What is known.


def declared(works: Works, event: Declared) -> Works:
    """The works after something was declared."""
    form = DECLARATIONS[event.what].form.model_validate(event.form)
    return works.model_copy(update=_of_declaration(works, form, event))


def _of_declaration(works: Works, form: Form, event: Declared) -> dict[str, Any]:
    at, by = event.at, event.by
    match form:
        case ChangeNeeded():
            change = Change(reason=form.reason, node=form.node, stops=form.stops, at=at, by=by)
            return {"changes": {**works.changes, _next(works.changes): change}}
        case PartyNamed():
            party = Party.model_validate(form.model_dump(exclude={"unit", "reason"}))
            return {"parties": {**works.parties, form.unit: party}}
        case StepAccompanied():
            return {"given": (*works.given, Given(what=form.step, unit=form.unit, note=form.note or "", at=at, by=by))}
        case ServiceGiven():
            return {"given": (*works.given, Given(what=form.service, note=form.note, at=at, by=by))}
        case ProblemRaised():
            return {"problems": {**works.problems, _next(works.problems): Problem(what=form.problem, at=at)}}
        case SiteVisitCalled():
            return {"looks": works.looks + 1}
        case Excavated():
            return {"spoil_since": works.spoil_since or form.excavated_at or at}
        case WorksFinished():
            finished = form.finished_at or at
            road, spoil = (finished if form.road else works.road_since), works.spoil_since
            return {"road_since": road, "spoil_since": spoil or (finished if form.spoil else None)}
        case Liaised():
            left = tuple(unit for unit in works.to_speak_with if unit != form.unit)
            talk = Given(what="liaised", unit=form.unit, note=form.note, at=at, by=by)
            return {
                "spoken": {**works.spoken, form.unit: at},
                "to_speak_with": left,
                "given": (*works.given, talk),
            }
        case TermSet():
            return {"supply_until": form.ends_on, "supply_over": False}
        case _:
            return {}


def _next(numbered: Mapping[str, Any]) -> str:
    return str(len(numbered) + 1)


def decided(works: Works, event: TaskDecided, *, subject: str | None) -> Works | None:
    """The works after a side task was decided; None for a task that is none."""
    if event.key not in WORKS_TASKS:
        return None
    form = WORKS_TASKS[event.key].filled(event.form)
    return works.model_copy(update=_of_decision(works, form, event, subject or ""))


def _of_decision(works: Works, form: Form, event: TaskDecided, subject: str) -> dict[str, Any]:
    match form:
        case DesignChanged():
            stands = "to-review" if form.outcome == "redrawn" else "settled"
            told = {"treatment": form.treatment, "drawing": form.drawing, "drawn_by": event.by, "stands": stands}
            return {"changes": _with(works.changes, subject, told)}
        case ChangeReviewed():
            stands = "settled" if form.outcome == "approve" else "open"
            return {"changes": _with(works.changes, subject, {"stands": stands})}
        case PermitObtained(outcome="granted"):
            return {"permit": "granted", "permit_no": form.permit_no, "permit_until": form.valid_until}
        case SiteInspected():
            found = {name: Finding(why=why, at=event.at) for name, why in form.failed.items()}
            return {"looked": works.looked + 1, "seen_at": event.at, "findings": {**works.findings, **found}}
        case SiteMended():
            return {"findings": _with(works.findings, subject, {"mended": True})}
        case SecondLook(outcome="passed"):
            return {"findings": {name: each for name, each in works.findings.items() if name != subject}}
        case SecondLook():
            return {"findings": _with(works.findings, subject, {"mended": False, "why": form.reason})}
        case RoadRestored():
            return {"road_since": None, "road_protected": form.measures if form.outcome == "made-safe" else None}
        case SpoilRemoved():
            return {"spoil_since": None}
        case ValveNotified():
            return {"sample_passed_at": None}
        case ProblemSolved():
            solved = {"result": form.result, "solved_at": event.at}
            return {"problems": _with(works.problems, subject, solved)}
        case _:
            return {}


def _with(numbered: Mapping[str, Any], name: str, change: dict[str, Any]) -> dict[str, Any]:
    return {key: each.model_copy(update=change) if key == name else each for key, each in numbered.items()}


def came(works: Works, event: PermitRunsOut | SupplyEnded | LiaisonDue) -> Works:
    """The works after something that time alone brought."""
    match event:
        case PermitRunsOut():
            return works.model_copy(update={"permit": event.stands})
        case SupplyEnded():
            return works.model_copy(update={"supply_over": True})
        case LiaisonDue():
            return works.model_copy(update={"to_speak_with": (*works.to_speak_with, event.unit)})


# What is called for.


def side_asks(works: Works, policy: WorksPolicy, *, reviewed: bool, water_on: bool) -> Iterator[SideAsk]:
    """Every side task that the works call for now, beside whatever the phase asks."""
    terms = policy.terms
    for no, change in works.changes.items():
        if change.stands == "open":
            yield SideAsk(key="change-design", term=terms.change_design, subject=no, counts_from=change.at)
        elif change.stands == "to-review" and reviewed:
            author = (change.drawn_by,) if change.drawn_by else ()
            yield SideAsk(key="review-change", term=terms.review_change, subject=no, not_by=author)
    for look in range(works.looked + 1, works.looks + 1):
        yield SideAsk(key="inspect-site", term=terms.inspect_site, subject=str(look))
    for name, finding in works.findings.items():
        if finding.mended:
            yield SideAsk(key="look-again", term=terms.look_again, subject=name)
        elif (item := policy.site.get(name)) is not None:
            term = item.model_copy(update={"value": item.value.mend})
            yield SideAsk(key="mend-site", term=term, subject=name, party="contractor")
    if works.road_since is not None:
        yield SideAsk(key="restore-road", term=terms.restore_road, party="contractor", counts_from=works.road_since)
    if works.spoil_since is not None:
        yield SideAsk(key="remove-spoil", term=terms.remove_spoil, party="contractor", counts_from=works.spoil_since)
    if works.sample_passed_at is not None and not water_on:
        yield SideAsk(key="notify-valve", term=terms.notify_valve, counts_from=works.sample_passed_at)
    for no, problem in works.problems.items():
        if problem.solved_at is None:
            yield SideAsk(key="solve-problem", term=terms.solve_problem, subject=no, counts_from=problem.at)


def permit_wanted(works: Works, nodes: Mapping[str, bool]) -> bool:
    """Whether a permit is still to be had, or to be had anew, for a node that has not passed."""
    return works.permit in ("wanted", "running-out", "over") and _needs_the_road(works, nodes)


def _needs_the_road(works: Works, nodes: Mapping[str, bool]) -> bool:
    return any(not nodes.get(node, True) for node in works.road_nodes)


# What time brings.


def moments(
    works: Works,
    policy: WorksPolicy,
    *,
    nodes: Mapping[str, bool],
    until: date | None,
    stage: str | None,
    since: datetime,
    calendar: Calendar,
) -> Iterator[Event]:
    """What time alone will bring about the works. `until` is the last day of a temporary supply."""
    if works.permit_until is not None and _needs_the_road(works, nodes):
        over_at = start_of(works.permit_until + timedelta(days=1))
        if works.permit == "granted":
            yield PermitRunsOut(at=max(since, over_at - _length(policy.permit_watch.value)), stands="running-out")
        elif works.permit == "running-out":
            yield PermitRunsOut(at=max(since, over_at), stands="over")
    if until is not None and not works.supply_over:
        yield SupplyEnded(at=max(since, start_of(until + timedelta(days=1))), last_day=until)
    for unit, every in policy.liaison.items():
        if works.entered_at is None or stage not in SPOKEN_WITH_IN.get(unit, ()) or unit in works.to_speak_with:
            continue
        last = max(works.entered_at, works.spoken.get(unit, works.entered_at))
        due = due_at(term=every.value, started_at=last, calendar=calendar).at
        yield LiaisonDue(at=max(since, due), unit=unit, clauses=every.clauses)


def _length(term: Term) -> timedelta:
    return timedelta(days=term.days) if term.counts_days else term.duration


SPOKEN_WITH_IN: dict[Unit, tuple[str, ...]] = {
    "design-unit": ("survey", "design"),
    "construction-unit": ("inspection",),
    "supervision-unit": ("inspection",),
}
"""In which phases somebody speaks regularly with a unit."""


# Who takes part.

OF_THE_CONTRACTOR = tuple(f"connection.{key}" for key in ("rectify", "mend-site", "restore-road", "remove-spoil"))


def attending(key: str, policy: WorksPolicy) -> list[Sourced[Attends]]:
    """Who takes part in a task, whoever has it in hand first."""
    there = [attends for attends in policy.attends.values() if key in attends.value.tasks]
    return sorted(there, key=lambda each: each.value.part != "in-charge")


def in_hand(key: str, works: Works, policy: WorksPolicy) -> str | None:
    """The account of the representative in charge of a task, when the project names one.

    What falls to the contractor is the construction unit's in every project.
    """
    contractor = works.parties.get("construction-unit")
    if key in OF_THE_CONTRACTOR and contractor is not None and contractor.account:
        return contractor.account
    charged = (
        works.parties.get(unit)
        for attends in attending(key, policy)
        if attends.value.part == "in-charge"
        for unit in attends.value.units
    )
    return next((party.account for party in charged if party is not None and party.account), None)


def accompanied(works: Works, policy: WorksPolicy) -> dict[Step, list[Given]]:
    """Who was with the customer at each of the steps that are accompanied here."""
    return {step: [each for each in works.given if each.what == step] for step in policy.accompanied_steps.value}
