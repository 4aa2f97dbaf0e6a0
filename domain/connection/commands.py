"""What people may tell a connection project, and what follows at once from an event."""

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import Field

from domain.calendars import Calendar
from domain.case import (
    CaseOpened,
    EscalationAnswered,
    StageEntered,
    TaskDecided,
    TaskReassigned,
    answered_escalation,
    paused_task,
    resumed_task,
)
from domain.chain import raised
from domain.clauses import keeps
from domain.commands import (
    REASSIGN,
    Command,
    DecideTask,
    EscalateTask,
    PauseTask,
    PlaceHold,
    ReassignTask,
    ReleaseHold,
    ResumeTask,
    TellProgress,
    UrgeTask,
    WithdrawCase,
    changed_by,
    decided_task,
    end_of,
    refuse_unless_acting,
    task_at,
)
from domain.connection import visits
from domain.connection.acceptance import (
    AcceptanceCommand,
    InviteToAcceptance,
    ReportData,
    ReportRectified,
    TakeItemTable,
    entailed,
    refuse_unless_right,
    told,
)
from domain.connection.events import (
    ComplaintRecorded,
    ConnectionEvent,
    ItemsFailed,
    ItemsPassed,
    OccupancyReported,
    PaperChecked,
    ProjectAssigned,
    ProjectResumed,
    ProjectSuspended,
    ProjectWithdrawn,
)
from domain.connection.facts import Project, ProjectFacts, fold
from domain.connection.forms import (
    CONNECTION_TASKS,
    Acceptance,
    Activated,
    Assignment,
    FollowedUp,
    NodeInspected,
    PapersChecked,
    Satisfaction,
)
from domain.connection.items import ranges
from domain.connection.phases import closed_gates, phase_now
from domain.connection.policy import ConnectionPolicy, Server
from domain.connection.sending_back import SendBack, TakeBack, sent_back
from domain.connection.visits import Arrive, BookVisit, VisitCommand
from domain.connection.works import Declared, in_hand
from domain.connection.works_rules import declared, refuse_for_the_works
from domain.cosigning import AskCosigner, DropCosigner, cosigned, refuse_unless_signed
from domain.people import Role
from domain.refusals import Refused

IN_CHARGE: tuple[Role, ...] = ("representative", "service-manager", "supervisor")


NO_OPINION = "没有写意见"


class ReportOccupancy(Command):
    """The share of households that have moved in, 0 to 1."""

    command: Literal["occupancy"] = "occupancy"
    share: Decimal = Field(ge=0, le=1)


class CheckPaper(Command):
    """A paper that came after the papers had been checked is looked at, and in order."""

    command: Literal["check-paper"] = "check-paper"
    paper: str = Field(min_length=1, max_length=100)


class Declare(Command):
    """Something told to a project beside its tasks; `form` as its kind of declaration has it."""

    command: Literal["declare"] = "declare"
    what: str
    form: dict[str, Any] = Field(default_factory=dict)


class RateService(Command):
    """The customer says how it went, without being called: that is their follow-up."""

    command: Literal["rate"] = "rate"
    satisfaction: Satisfaction
    opinion: str | None = Field(None, max_length=2000)


ConnectionCommand = Annotated[
    PauseTask
    | ResumeTask
    | ReassignTask
    | UrgeTask
    | TellProgress
    | EscalateTask
    | AskCosigner
    | DropCosigner
    | SendBack
    | TakeBack
    | PlaceHold
    | ReleaseHold
    | WithdrawCase
    | ReportOccupancy
    | AcceptanceCommand
    | CheckPaper
    | Declare
    | RateService
    | VisitCommand,
    Field(discriminator="command"),
]


def decide(command: DecideTask, facts: ProjectFacts, policy: ConnectionPolicy) -> TaskDecided:
    """The decision, when it may be taken; what only a connection project knows is checked here. Raises `Refused`."""
    decided = decided_task(command, facts, CONNECTION_TASKS)
    refuse_unless_signed(decided, facts)
    form = CONNECTION_TASKS[command.key].filled(command.form)
    refuse_unless_right(command, form, facts)
    match form:
        case PapersChecked(tolerated=(_, *_)) if policy.tolerates_papers and not policy.tolerates_papers.value:
            raise Refused("form-invalid", "tolerated: here only complete papers move on; name them as missing")
        case Acceptance():
            _refuse_foreign_items(form, facts)
            _refuse_wrong_depth(form, policy)
        case NodeInspected(node=str() as node) if node != facts.tasks[decided.task_id].subject:
            raise Refused(
                "form-invalid", f"node: this task is about {facts.tasks[decided.task_id].subject}, not {node}"
            )
        case Activated():
            closed = closed_gates(facts, policy, certificate=form.secondary_supply_certificate)
            if closed:
                raise Refused("gate", "the water is turned on once " + "; ".join(closed))
        case _:
            pass
    refuse_for_the_works(form, decided, facts, policy)
    return decided


def _refuse_foreign_items(form: Acceptance, facts: ProjectFacts) -> None:
    foreign = sorted(set(form.failed) - set(facts.round_items()))
    if foreign:
        meant = "those that failed before" if facts.failing else f"1 to {facts.project.meters}"
        raise Refused("form-invalid", f"failed: items {foreign[:10]} are not in this round; its items are {meant}")


def _refuse_wrong_depth(form: Acceptance, policy: ConnectionPolicy) -> None:
    if policy.depth_cm is None:
        return
    allowed = policy.depth_cm.value
    for name, depth in (("depth_least", form.depth_least), ("depth_most", form.depth_most)):
        if depth is not None and not allowed.least <= depth <= allowed.most:
            raise Refused(
                "form-invalid",
                f"{name}: {depth} cm is not within {allowed.least} to {allowed.most} cm; name that meter as failed",
            )


def events_of(
    command: ConnectionCommand, facts: ProjectFacts, policy: ConnectionPolicy, calendar: Calendar
) -> list[ConnectionEvent]:
    """What a command makes happen. Raises `Refused` when it may not."""
    if facts.outcome is not None:
        raise Refused("not-open", f"case {facts.case_no} has ended ({facts.outcome})")
    match command:
        case PauseTask() | ResumeTask() | ReassignTask() | UrgeTask() | TellProgress():
            by = policy.reassigned_by.value if policy.reassigned_by else REASSIGN
            return [changed_by(command, facts, calendar, reassigned_by=by)]
        case EscalateTask():
            task = task_at(command.task, facts)
            return [raised(command, task, policy=policy.escalation.value, chain=policy.chain)]
        case AskCosigner() | DropCosigner():
            return [*cosigned(command, facts, policy.cosign)]
        case SendBack() | TakeBack():
            return [sent_back(command, facts, policy, calendar, *IN_CHARGE)]
        case PlaceHold():
            refuse_unless_acting(command.by, *IN_CHARGE)
            if facts.suspended:
                raise Refused("not-open", "the project is suspended already: release it first")
            until = end_of(command.until) if command.until is not None else None
            return [ProjectSuspended(at=command.at, by=command.by.id, reason=command.reason, until=until)]
        case ReleaseHold():
            refuse_unless_acting(command.by, *IN_CHARGE)
            if not facts.suspended:
                raise Refused("not-open", "the project is not suspended: nothing to release")
            return [ProjectResumed(at=command.at, by=command.by.id)]
        case WithdrawCase():
            refuse_unless_acting(command.by, "customer", "clerk", *IN_CHARGE)
            return [ProjectWithdrawn(at=command.at, by=command.by.id, reason=command.reason)]
        case ReportOccupancy():
            refuse_unless_acting(command.by, "representative", "meter-technician", "service-manager", "supervisor")
            return [OccupancyReported(at=command.at, by=command.by.id, share=command.share)]
        case TakeItemTable() | InviteToAcceptance() | ReportRectified() | ReportData():
            return told(command, facts, policy, calendar)
        case RateService():
            return [_rated(command, facts)]
        case BookVisit() | Arrive():
            return visits.told(command, facts, policy, calendar)
        case CheckPaper():
            refuse_unless_acting(command.by, "clerk", *IN_CHARGE)
            if command.paper not in facts.unchecked:
                zh = f"{command.paper}没有等着核对。"
                raise Refused("not-open", f"{command.paper} does not wait to be looked at", zh=zh)
            return [PaperChecked(at=command.at, by=command.by.id, paper=command.paper)]
        case Declare():
            return [declared(command.what, command.form, facts, policy, calendar, by=command.by, at=command.at)]


def _rated(command: RateService, facts: ProjectFacts) -> TaskDecided:
    refuse_unless_acting(command.by, "customer")
    task = facts.open_task("connection.follow-up")
    if task is None:
        zh = "现在没有要回访的：还没有通水，或者已经评价过。"
        raise Refused("not-open", "no follow-up is open: nothing to rate now", zh=zh)
    # Whoever was asked for an opinion and wrote none has none; a rule that demands one is kept by having asked.
    opinion = command.opinion or (NO_OPINION if "opinion" in task.demands else None)
    form = {"satisfaction": command.satisfaction, "opinion": opinion, "method": "questionnaire"}
    filled = {name: value for name, value in form.items() if value is not None}
    by = command.by.model_copy(update={"roles": (task.role,), "level": task.level})
    return decided_task(
        DecideTask(by=by, at=command.at, key=task.key, task_id=task.id, form=filled), facts, CONNECTION_TASKS
    )


def say(
    facts: ProjectFacts, event: ConnectionEvent, policy: ConnectionPolicy, calendar: Calendar
) -> tuple[ProjectFacts, list[ConnectionEvent]]:
    """The facts after `event` and everything it entails, and all that was said, in order, the event itself first."""
    before, facts = facts, fold(facts, event)
    said: list[ConnectionEvent] = [event]
    follows = _entailed(before, event, policy, calendar)
    while follows:
        facts = fold(facts, follows[0])
        said.append(follows.pop(0))
    while (derived := _derived(facts, policy, event)) is not None:
        facts = fold(facts, derived)
        said.append(derived)
    return facts, said


def _entailed(
    before: ProjectFacts, event: ConnectionEvent, policy: ConnectionPolicy, calendar: Calendar
) -> list[ConnectionEvent]:
    at, by, open_tasks = event.at, event.by, before.tasks.values()
    match event:
        case ProjectSuspended(reason=reason):
            running = [task for task in open_tasks if task.pause is None]
            return [paused_task(t, party="customer", reason=reason, at=at, by=by, calendar=calendar) for t in running]
        case ProjectResumed():
            return [resumed_task(t, at=at, by=by, calendar=calendar) for t in open_tasks if t.pause is not None]
        case TaskDecided():
            return _stated(before, event, policy, calendar)
        case _:
            return []


@keeps("kaifeng.acceptance.partial-pass-sign-good-part", "changchun.complaint.follow-up-record-complaints")
def _stated(
    before: ProjectFacts, event: TaskDecided, policy: ConnectionPolicy, calendar: Calendar
) -> list[ConnectionEvent]:
    """The facts that a filled form states."""
    task = before.tasks[event.task_id]
    said = {"at": event.at, "by": event.by, "clauses": task.clauses}
    stated: list[ConnectionEvent] = []
    form = CONNECTION_TASKS[event.key].filled(event.form)
    match form:
        case Assignment(to=to):
            stated.append(ProjectAssigned(**said, to=to, tier="leading-group"))
        case Acceptance(failed=failed):
            passed = ranges([item for item in before.round_items() if item not in failed])
            stated.append(ItemsPassed(**said, round=before.round, ranges=passed))
            if failed:
                stated.append(ItemsFailed(**said, round=before.round, items=dict(sorted(failed.items()))))
        case FollowedUp(satisfaction="dissatisfied") as followed:
            stated.append(ComplaintRecorded(**said, opinion=followed.opinion))
        case _:
            pass
    stated += entailed(form, before, policy, calendar, said)
    stated += visits.entailed(form, before, policy, event)
    answered: EscalationAnswered | None = answered_escalation(task, event)
    return [*stated, *([answered] if answered else [])]


def _derived(facts: ProjectFacts, policy: ConnectionPolicy, event: ConnectionEvent) -> ConnectionEvent | None:
    """The next thing that the facts themselves entail: who serves, when a rule can say, and the phase they are in."""
    if facts.papers_complete and facts.assigned_to is None and (rule := assignment(facts.project, policy)) is not None:
        to, tier = rule
        return ProjectAssigned(at=event.at, to=to, tier=tier)
    if isinstance(event, Declared) and (handed := _handed(facts, policy, event)) is not None:
        return handed
    stage = "closed" if facts.withdrawn or facts.outcome else phase_now(facts, policy)
    if isinstance(event, CaseOpened) and facts.stage is None:
        stage = "application"
    if stage != facts.stage:
        return StageEntered(at=event.at, by=event.by, clauses=event.clauses, stage=stage)
    return None


def _handed(facts: ProjectFacts, policy: ConnectionPolicy, event: Declared) -> TaskReassigned | None:
    """The next open task that a representative who was just named has in charge."""
    if event.what != "party":
        return None
    for task in facts.tasks.values():
        to = in_hand(task.key, facts.works, policy.works)
        if to is not None and to == event.form.get("account") and task.assignee != to:
            return TaskReassigned(at=event.at, by=event.by, task_id=task.id, key=task.key, to=to)
    return None


@keeps(
    "changchun.connection.large-government-key",
    "changchun.connection.large-high-reliability",
    "changchun.connection.large-petition",
    "changchun.connection.two-tiers",
    "changchun.connection.general-under-50m",
    "changchun.connection.general-realestate-under-3bn",
    "changchun.organisation.rep-definition",
    "changchun.connection.served-customers",
)
def assignment(project: Project, policy: ConnectionPolicy) -> tuple[Server, str] | None:
    """Who serves a project and in which tier, or None when the rule cannot tell and the leading group decides."""
    rule = policy.assigning
    if project.exceptional and rule.exceptional is not None:
        return rule.exceptional.value, "exceptional"
    if project.kind == "linear":
        return rule.linear.value, "linear"
    if project.high_reliability or project.petition or project.key_government:
        return rule.large.value, "large"
    if project.sector in ("industry", "trade", "real-estate"):
        if project.investment_fen is None:
            # Where one person serves both tiers, not knowing which it is decides nothing.
            return (rule.general.value, "general") if rule.large.value == rule.general.value else None
        limit = rule.large_real_estate if project.sector == "real-estate" else rule.large_investment
        if project.investment_fen >= limit.value:
            return rule.large.value, "large"
    if project.sector == "government" and (open_from := rule.undecided_government) is not None:
        small = project.investment_fen is not None and project.investment_fen < open_from.value
        return (rule.general.value, "general") if small else None
    return rule.general.value, "general"
