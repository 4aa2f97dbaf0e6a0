"""What a pack says about connection projects: terms, gates and who looks after whom."""

from decimal import Decimal
from typing import Literal

from domain.case import EscalationPolicy
from domain.money import Yuan
from domain.policy import Sourced, Strict
from domain.terms import Term

Kind = Literal["single", "estate", "linear", "temporary"]
Server = Literal["representative", "service-manager", "engineer", "supervisor"]


class Assigning(Strict):
    """Which projects are large, and who serves which tier."""

    large_investment: Sourced[Yuan]
    large_real_estate: Sourced[Yuan]
    large: Sourced[Server]
    general: Sourced[Server]
    linear: Sourced[Server]


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
    activate: Sourced[Term]
    follow_up: Sourced[Term]
    switch_meters: Sourced[Term]


class ConnectionPolicy(Strict):
    """The connection section of a pack, pinned into each project that opens under it."""

    checklist: dict[Kind, Sourced[tuple[str, ...]]]
    assigning: Assigning
    terms: Terms
    many_meters: Sourced[int]
    contract_phase: Sourced[Literal["design", "activation"]]
    fee_kinds: Sourced[tuple[Kind, ...]]
    switch_kinds: Sourced[tuple[Kind, ...]]
    switch_share: Sourced[Decimal]
    review_every: Sourced[Term]
    escalation: Sourced[EscalationPolicy]
