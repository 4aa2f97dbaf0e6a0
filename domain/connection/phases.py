"""The five phases: what a project calls for now, as the regulation tells it, and what time alone will bring."""

from collections.abc import Callable, Iterator
from datetime import date, datetime
from typing import Any

from domain.calendars import Calendar
from domain.case import Event
from domain.chain import alarms
from domain.clauses import keeps
from domain.connection import works
from domain.connection.events import ProjectResumed, ReviewDue
from domain.connection.facts import Project, ProjectFacts
from domain.connection.forms import CONNECTION_TASKS
from domain.connection.items import Check
from domain.connection.policy import ConnectionPolicy, DesignBy, Gate, Phase, Server, Where
from domain.connection.works import attending, in_hand, permit_wanted
from domain.cosigning import with_signatures
from domain.policy import Sourced
from domain.steps import Ask, Calls, Close, StandStill, Step
from domain.terms import Term, due_at


@keeps("qingdao.customer-service.complete-papers-move-on", "changchun.connection.every-customer-one-rep")
def application(facts: ProjectFacts, policy: ConnectionPolicy) -> Iterator[Ask]:
    """受理申请: papers checked the same day, missing ones told once; someone is made responsible."""
    if facts.missing:
        yield _ask("supply-papers", policy.terms.supply_papers, subject="missing", party="customer")
    elif not facts.papers_complete:
        yield _ask("check-papers", policy.terms.check_papers)
    elif facts.assigned_to is None:
        yield _ask("assign", policy.terms.assign)


def survey(facts: ProjectFacts, policy: ConnectionPolicy) -> Iterator[Ask]:
    """现场勘察: the appointment is fixed the day the project arrives; the customer signs."""
    if not facts.is_done("arrange-survey"):
        yield _ask("arrange-survey", policy.terms.arrange_survey)
    elif not facts.is_done("survey"):
        yield _ask("survey", policy.terms.survey)


@keeps("qingdao.connection.plan-approved-before-handover", "qingdao.design.drawing-review-on-notice")
def design(facts: ProjectFacts, policy: ConnectionPolicy) -> Iterator[Ask]:
    """方案设计: scheme, its approval by another, drawings by utility or customer, their review by another."""
    terms, by = policy.terms, designer(facts.project, policy)
    if not facts.is_done("draft-scheme"):
        yield _ask("draft-scheme", terms.draft_scheme)
    elif not facts.is_done("approve-scheme"):
        yield _ask("approve-scheme", terms.approve_scheme, not_by=facts.who_did("draft-scheme"))
    elif by == "customer" and not facts.is_done("submit-drawings"):
        yield _ask("submit-drawings", terms.submit_drawings, party="customer")
    elif by == "utility" and not facts.is_done("design"):
        yield _ask("design", terms.design_single if facts.project.kind == "single" else terms.design_estate)
    elif by in reviewed(policy) and not facts.is_done("review-drawings"):
        yield _ask("review-drawings", terms.review_drawings, not_by=facts.who_did("design"))
    elif signs_in("design", facts, policy):
        yield _ask("sign-contract", terms.sign_contract)


@keeps("kaifeng.acceptance.failed-part-reaccepted")
def inspection(facts: ProjectFacts, policy: ConnectionPolicy) -> Iterator[Ask]:
    """施工验收: works and nodes, meters, acceptance item by item until no item fails."""
    terms = policy.terms
    nodes = [node for node, passed in facts.nodes.items() if not passed]
    to_rectify = [item for item in facts.failing if item not in facts.rectified]
    if not facts.is_done("register-works"):
        yield _ask("register-works", terms.register_works)
    elif nodes:
        # A node that opens a road waits for the permit, whose time is the government's.
        if permit_wanted(facts.works, facts.nodes):
            yield _ask("obtain-permit", policy.works.terms.obtain_permit, party="government")
        ready = [node for node in nodes if not facts.works.waits_for_the_road(node)]
        yield from (_ask("inspect-node", terms.inspect_node, subject=node) for node in ready)
    elif facts.project.metered and not facts.is_done("install-meters"):
        yield _ask("install-meters", installing(facts, policy))
    elif to_rectify:
        yield from (_ask("rectify", terms.rectify, subject=str(item), party="contractor") for item in to_rectify)
    elif not facts.is_done("accept"):
        yield _ask("accept", terms.accept)
    if accounts_wait(facts, policy):
        yield from accounts(facts, policy)


def accounts_wait(facts: ProjectFacts, policy: ConnectionPolicy) -> bool:
    """Whether items that have passed go on to accounts while others are rectified."""
    as_passed = policy.accounts_as_passed
    waits = facts.project.metered and bool(facts.failing) and facts.passed > facts.accounted
    return waits and as_passed is not None and as_passed.value


def accounts(facts: ProjectFacts, policy: ConnectionPolicy) -> Iterator[Ask]:
    """建账立户: the accounts of what has passed, and the data that they want for."""
    if facts.data_wanted is not None:
        yield _ask("complete-data", policy.terms.complete_data or policy.terms.rectify, party="contractor")
    yield _ask("open-account", opening(facts, policy), more=policy.accounts_as_passed if facts.failing else None)


@keeps("qingdao.account-opening.chase-account-contract-handbook")
def activation(facts: ProjectFacts, policy: ConnectionPolicy) -> Iterator[Ask]:
    """通水立户: fee, contract, account, water test; the water is turned on once, through every gate."""
    terms, kind = policy.terms, facts.project.kind
    if has_gate("water-test", facts.project, policy) and not facts.is_done("test-water"):
        yield _ask("test-water", terms.test_water)
    if kind in policy.fee_kinds.value and not facts.is_done("settle-fee"):
        yield _ask("settle-fee", terms.settle_fee, party="customer")
    if facts.project.metered and not facts.is_done("open-account"):
        yield from accounts(facts, policy)
    elif not facts.project.metered and not facts.is_done("hand-over"):
        # A line without meters gets no accounts: whoever runs the network takes it over.
        yield _ask("hand-over", policy.works.terms.hand_over)
    elif signs_in("activation", facts, policy):
        yield _ask("sign-contract", terms.sign_contract)
    if not facts.is_done("activate"):
        yield _ask("activate", terms.activate)
        return
    if not facts.is_done("follow-up"):
        yield _ask("follow-up", terms.follow_up)
    if switches(facts, policy) and facts.occupancy >= policy.switch_share.value and not facts.is_done("switch-meters"):
        yield _ask("switch-meters", terms.switch_meters)
    if facts.works.supply_over and not facts.is_done("remove-temporary"):
        yield _ask("remove-temporary", policy.works.terms.remove_temporary)


PHASES: dict[str, Callable[[ProjectFacts, ConnectionPolicy], Iterator[Ask]]] = {
    "application": application,
    "survey": survey,
    "design": design,
    "inspection": inspection,
    "activation": activation,
}


def switches(facts: ProjectFacts, policy: ConnectionPolicy) -> bool:
    """Whether this project moves from its main meter to household meters once enough people have moved in."""
    return facts.project.kind in policy.switch_kinds.value


def phase_now(facts: ProjectFacts, policy: ConnectionPolicy) -> str:
    """The first phase that still calls for something; the last one once none does."""
    for name, phase in PHASES.items():
        if next(phase(facts, policy), None) is not None:
            return name
    return "activation"


def next_step(facts: ProjectFacts, policy: ConnectionPolicy, calendar: Calendar) -> Step | None:
    """What the project calls for now; None when it has ended."""
    if facts.outcome is not None:
        return None
    if facts.withdrawn is not None:
        return Close(outcome="withdrawn")
    asks: tuple[Ask, ...] = tuple(PHASES[phase_now(facts, policy)](facts, policy))
    if facts.tolerated:
        # May follow later: beside whatever the phase asks.
        asks = (*asks, _ask("supply-papers", policy.terms.supply_papers, subject="tolerated", party="customer"))
    asks = (*asks, *beside(facts, policy))
    if asks:
        step = Calls(asks=tuple(_as_the_pack_has_it(ask, facts, policy) for ask in asks))
        return with_signatures(step, facts, process="connection", term=policy.cosign)
    if switches(facts, policy) and not facts.is_done("switch-meters"):
        review_at = due_at(term=policy.review_every.value, started_at=facts.as_of, calendar=calendar).at
        review = ReviewDue(at=review_at, because="occupancy", clauses=policy.review_every.clauses)
        return StandStill(because="occupancy", moment=review)
    if (until := supply_until(facts)) is not None and not facts.is_done("remove-temporary"):
        return StandStill(because="temporary-supply", moment=next(_moments(facts, policy, calendar, until), None))
    return Close(outcome="closed")


def next_moment(facts: ProjectFacts, policy: ConnectionPolicy, calendar: Calendar) -> Event | None:
    """The next thing that time alone will bring: an alarm of an open task, or a look at a project that stands still."""
    if facts.outcome is not None:
        return None
    step = next_step(facts, policy, calendar)
    moments = [
        alarm
        for task in facts.tasks.values()
        for alarm in alarms(task, policy=policy.escalation.value, chain=policy.chain, calendar=calendar)
    ]
    if facts.suspended_until is not None:
        moments.append(ProjectResumed(at=max(facts.suspended_until, facts.as_of)))
    if isinstance(step, StandStill) and step.moment is not None:
        moments.append(step.moment)
    moments += _moments(facts, policy, calendar, supply_until(facts))
    return min(moments, key=lambda event: event.at, default=None)


def _moments(facts: ProjectFacts, policy: ConnectionPolicy, calendar: Calendar, until: date | None) -> Iterator[Event]:
    return works.moments(
        facts.works,
        policy.works,
        nodes=facts.nodes,
        until=until,
        stage=facts.stage,
        since=facts.as_of,
        calendar=calendar,
    )


def supply_until(facts: ProjectFacts) -> date | None:
    """The last day of a temporary supply that has one and is not over for good."""
    if facts.project.kind != "temporary" or facts.is_done("remove-temporary"):
        return None
    return facts.works.supply_until or facts.project.ends_on


def beside(facts: ProjectFacts, policy: ConnectionPolicy) -> Iterator[Ask]:
    """The side tasks that the works call for, beside whatever the phase asks."""
    looked_at = designer(facts.project, policy) in reviewed(policy)
    for side in works.side_asks(facts.works, policy.works, reviewed=looked_at, water_on=facts.is_done("activate")):
        yield _ask(
            side.key,
            side.term,
            subject=side.subject,
            party=side.party,
            not_by=side.not_by,
            counts_from=side.counts_from,
        )


def installing(facts: ProjectFacts, policy: ConnectionPolicy) -> Sourced[Term]:
    """The term of an installation order by its number of meters."""
    meters = facts.project.meters
    if meters <= 1:
        return policy.terms.install_one
    return policy.terms.install_many if meters > policy.many_meters.value else policy.terms.install_few


def opening(facts: ProjectFacts, policy: ConnectionPolicy) -> Sourced[Term]:
    """The term in which an accepted meter gets its account."""
    single = policy.terms.open_account_single
    return single if single is not None and facts.project.kind == "single" else policy.terms.open_account


def designer(project: Project, policy: ConnectionPolicy) -> DesignBy:
    """Who draws: whom the applicant named, if the pack lets them; else whom the pack has."""
    allowed = policy.design_by.value if policy.design_by else (project.design_by,)
    return project.design_by if project.design_by in allowed else allowed[0]


def reviewed(policy: ConnectionPolicy) -> tuple[DesignBy, ...]:
    """Whose drawings another person reviews."""
    return policy.reviews_drawings_of.value if policy.reviews_drawings_of else ("utility", "customer")


def signs_in(phase: Phase, facts: ProjectFacts, policy: ConnectionPolicy) -> bool:
    """Whether the supply contract is still to be signed, and in this phase."""
    chosen = policy.contract_phase_of.get(facts.project.kind, policy.contract_phase)
    return chosen.value == phase and has_gate("contract", facts.project, policy) and not facts.is_done("sign-contract")


def fits(project: Project, where: Where) -> bool:
    """Whether a project is one of those that something is for."""
    return any(
        project.kind in which.kinds
        and (which.sectors is None or project.sector in which.sectors)
        and (which.high_rise is None or project.high_rise == which.high_rise)
        for which in where
    )


def item_checks(project: Project, policy: ConnectionPolicy) -> tuple[Check, ...]:
    """What is looked at in front of each meter of this project."""
    return tuple(check for check, where in policy.item_checks.items() if fits(project, where.value))


def has_gate(gate: Gate, project: Project, policy: ConnectionPolicy) -> bool:
    """Whether this pack holds this project's water back until the gate is open."""
    return gate in policy.gates and fits(project, policy.gates[gate].value)


def closed_gates(facts: ProjectFacts, policy: ConnectionPolicy, *, certificate: str) -> list[str]:
    """What still stands between this project and its water, in words."""
    fee_due = facts.project.kind in policy.fee_kinds.value and not facts.is_done("settle-fee")
    closed: dict[Gate, tuple[bool, str]] = {
        "water-test": (not facts.is_done("test-water"), "the water test has passed (connection.test-water)"),
        "fee": (fee_due, "the fee is settled (connection.settle-fee)"),
        "contract": (not facts.is_done("sign-contract"), "the supply contract is signed (connection.sign-contract)"),
        "account": (
            not facts.is_done("open-account" if facts.project.metered else "hand-over"),
            "the account is open with its data (connection.open-account)",
        ),
        "tolerated": (bool(facts.tolerated), f"tolerated papers are in ({', '.join(facts.tolerated)})"),
        "certificate": (
            not certificate.strip(),
            "the certificate of the secondary supply is there (secondary_supply_certificate)",
        ),
    }
    return [words for gate, (shut, words) in closed.items() if shut and has_gate(gate, facts.project, policy)]


def _as_the_pack_has_it(ask: Ask, facts: ProjectFacts, policy: ConnectionPolicy) -> Ask:
    """The task as this utility has it: who decides it, what its form must hold, and the sentences behind it."""
    project, who = facts.project, policy.who.get(ask.key)
    demanded = {
        name: v
        for name, v in policy.demands.get(ask.key, {}).items()
        if fits(project, v.value) and not (name in AS_BUILT and ask.subject not in covering(facts))
    }
    gates = policy.gates.values() if ask.key == "connection.activate" else ()
    sources: list[Sourced[Any]] = [
        *([who] if who else []),
        *demanded.values(),
        *attending(ask.key, policy.works),
        *(gate for gate in gates if fits(project, gate.value)),
    ]
    leads = leader(ask.key, facts, policy) if who is None else None
    named = dict.fromkeys(clause for source in sources for clause in source.clauses)
    return ask.model_copy(
        update={
            "role": who.value.role if who else leads,
            "level": who.value.level if who else None,
            "demands": tuple(demanded),
            "assists": (CONNECTION_TASKS[ask.key].role,) if leads else (),
            "assignee": in_hand(ask.key, facts.works, policy.works),
            "clauses": tuple(dict.fromkeys((*ask.clauses, *named))),
        }
    )


def leader(key: str, facts: ProjectFacts, policy: ConnectionPolicy) -> Server | None:
    """Who has a representative's task in hand where somebody else serves the project; None: the representative."""
    leads, serves = policy.assigning.leads, facts.assigned_to
    theirs = key in CONNECTION_TASKS and CONNECTION_TASKS[key].role == "representative"
    return serves if theirs and leads is not None and leads.value and serves != "representative" else None


AS_BUILT = ("result_map", "gis_ready")
"""What only the survey of the whole pipe brings: asked for where the trench is filled."""


def covering(facts: ProjectFacts) -> tuple[str, ...]:
    """The nodes after which the pipe is out of sight: those named so, or the last."""
    return facts.works.backfill or tuple(facts.nodes)[-1:]


def _ask(
    key: str,
    term: Sourced[Term],
    *,
    subject: str | None = None,
    party: str = "utility",
    not_by: tuple[str, ...] = (),
    counts_from: datetime | None = None,
    more: Sourced[Any] | None = None,
) -> Ask:
    return Ask.model_validate(
        {
            "key": f"connection.{key}",
            "term": term.value,
            "clauses": tuple(dict.fromkeys((*term.clauses, *(more.clauses if more else ())))),
            "subject": subject,
            "party": party,
            "not_by": not_by,
            "counts_from": counts_from,
        }
    )
