"""What a pack says about connection projects: terms, gates, who does what, and what each form must hold."""

from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from domain.calendars import ServiceHours
from domain.case import EscalationPolicy
from domain.chain import Chain
from domain.connection.forms import CONNECTION_TASKS
from domain.connection.items import Check, Depth
from domain.connection.kinds import KINDS
from domain.connection.kinds import Kind as Kind
from domain.connection.works_policy import WorksPolicy
from domain.money import Yuan
from domain.people import Role
from domain.policy import Sourced, Strict, Who
from domain.terms import Term

Sector = Literal["industry", "trade", "real-estate", "government", "other"]
Server = Literal["representative", "service-manager", "engineer", "supervisor"]
DesignBy = Literal["utility", "customer"]
Gate = Literal["water-test", "fee", "contract", "account", "tolerated", "certificate", "arrears"]
Phase = Literal["design", "activation"]


class Which(Strict):
    """Some of the projects: those of these kinds, and of these sectors and of this height where they are given."""

    kinds: tuple[Kind, ...] = KINDS
    sectors: tuple[Sector, ...] | None = None
    high_rise: bool | None = None


Where = tuple[Which, ...]
"""Which projects something is for: those that any of these describes."""


class AccountNumbers(Strict):
    """How new accounts are numbered: a prefix and a running number filled up with zeros, as 0426 and 000017."""

    prefix: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z-]{0,12}$")]
    digits: Annotated[int, Field(ge=4, le=12)]

    def written(self, number: int) -> str:
        return f"{self.prefix}{number:0{self.digits}d}"


def _always(reason: str) -> Sourced[Where]:
    return Sourced(value=(Which(),), chosen=True, reason=reason)


# What a project pinned before packs spoke of gates goes through.
FIRST_GATES: dict[Gate, Sourced[Where]] = {
    "water-test": _always("Before packs spoke of gates every project had its water tested."),
    "fee": _always("Before packs spoke of gates whoever had a fee to settle settled it first."),
    "contract": _always("Before packs spoke of gates every project signed a contract first."),
    "account": _always("Before packs spoke of gates every project had its account open first."),
    "tolerated": _always("Before packs spoke of gates tolerated papers were in first."),
    "certificate": Sourced(
        value=(Which(high_rise=True),), chosen=True, reason="Before packs spoke of gates every high-rise showed it."
    ),
}


class Assigning(Strict):
    """Which projects are large, and who serves which tier.

    `exceptional` serves what the leading group's list calls so; `undecided_government` is the investment from which a
    government project that is not a key one falls in no tier, so that the leading group decides. `leads`: whoever
    serves a project has the representative's tasks of it, and a representative assists.
    """

    large_investment: Sourced[Yuan]
    large_real_estate: Sourced[Yuan]
    large: Sourced[Server]
    general: Sourced[Server]
    linear: Sourced[Server]
    exceptional: Sourced[Server] | None = None
    undecided_government: Sourced[Yuan] | None = None
    leads: Sourced[bool] | None = None


class Visits(Strict):
    """The hours at which somebody comes, as an applicant may choose them.

    `each`: how many visits one person makes within such hours; `ahead`: up to when they are on offer; `punctual`: how
    much before or after still counts as the hour that was agreed.
    """

    hours: Sourced[Annotated[tuple[ServiceHours, ...], Field(min_length=1, max_length=8)]]
    each: Sourced[Annotated[int, Field(ge=1)]]
    ahead: Sourced[Term]
    punctual: Sourced[Term]


class Terms(Strict):
    """How long each task may take; where it depends on the project, one value each."""

    check_papers: Sourced[Term]
    supply_papers: Sourced[Term]
    assign: Sourced[Term]
    arrange_survey: Sourced[Term]
    survey: Sourced[Term]
    draft_scheme: Sourced[Term]
    approve_scheme: Sourced[Term]
    design_single: Sourced[Term]
    design_estate: Sourced[Term]
    submit_drawings: Sourced[Term]
    review_drawings: Sourced[Term]
    sign_contract: Sourced[Term]
    register_works: Sourced[Term]
    inspect_node: Sourced[Term]
    install_one: Sourced[Term]
    install_few: Sourced[Term]
    install_many: Sourced[Term]
    accept: Sourced[Term]
    rectify: Sourced[Term]
    test_water: Sourced[Term]
    settle_fee: Sourced[Term]
    open_account: Sourced[Term]
    open_account_single: Sourced[Term] | None = None
    activate: Sourced[Term]
    follow_up: Sourced[Term]
    switch_meters: Sourced[Term]
    complete_data: Sourced[Term] | None = None


class ConnectionPolicy(Strict):
    """The connection section of a pack, pinned into each project that opens under it."""

    checklist: dict[Kind, Sourced[tuple[str, ...]]]
    assigning: Assigning
    terms: Terms
    many_meters: Sourced[int]
    contract_phase: Sourced[Phase]
    contract_phase_of: dict[Kind, Sourced[Phase]] = {}
    fee_kinds: Sourced[tuple[Kind, ...]]
    switch_kinds: Sourced[tuple[Kind, ...]]
    switch_share: Sourced[Decimal]
    review_every: Sourced[Term]
    escalation: Sourced[EscalationPolicy]
    chain: Chain | None = None
    design_by: Sourced[Annotated[tuple[DesignBy, ...], Field(min_length=1)]] | None = None
    reviews_drawings_of: Sourced[tuple[DesignBy, ...]] | None = None
    tolerates_papers: Sourced[bool] | None = None
    gates: dict[Gate, Sourced[Where]] = FIRST_GATES
    who: dict[str, Sourced[Who]] = {}
    reassigned_by: Sourced[tuple[Role, ...]] | None = None
    demands: dict[str, dict[str, Sourced[Where]]] = {}
    visits: Visits | None = None
    hand_in: Sourced[str] | None = None
    depth_cm: Sourced[Depth] | None = None
    item_checks: dict[Check, Sourced[Where]] = {}
    item_reasons: Sourced[tuple[str, ...]] | None = None
    invite_ahead: Sourced[Term] | None = None
    accept_water_price: Sourced[Yuan] | None = None
    accounts_as_passed: Sourced[bool] | None = None
    account_numbers: Sourced[AccountNumbers] | None = None
    first_bill: Sourced[Term] | None = None
    switched_into_route: Sourced[Term] | None = None
    reading_notice: Sourced[str] | None = None
    cosign: Sourced[Term] | None = None
    take_back_within: Sourced[Term] | None = None
    reopen_within: Sourced[Term] | None = None
    works: WorksPolicy = WorksPolicy()

    @model_validator(mode="after")
    def _speaks_of_what_there_is(self) -> Self:
        """Tasks and fields are named as the forms name them."""
        attended = [key for attends in self.works.attends.values() for key in attends.value.tasks]
        for key in (*self.who, *self.demands, *attended):
            if key not in CONNECTION_TASKS:
                raise ValueError(f"no task is called {key}: write one of {', '.join(sorted(CONNECTION_TASKS))}")
        for key, fields in self.demands.items():
            known = CONNECTION_TASKS[key].form.model_fields
            if unknown := [name for name in fields if name not in known]:
                raise ValueError(f"{key} has no field {unknown[0]}: write one of {', '.join(known)}")
        return self
