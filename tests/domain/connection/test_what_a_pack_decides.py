"""What differs between utilities is decided by the pack: gates, who designs, who serves, what a form must hold."""

from datetime import datetime
from typing import Any

import pytest

from domain.calendars import CHINA
from domain.commands import DecideTask
from domain.connection.commands import assignment, decide
from domain.connection.facts import Done, Project, ProjectFacts
from domain.connection.phases import closed_gates, designer, next_step
from domain.connection.policy import ConnectionPolicy
from domain.people import Actor
from domain.refusals import Refused
from domain.steps import Ask, asked
from domain.tasks import Task
from policies.packs import load_calendar, load_pack

AT = datetime(2026, 3, 11, 9, tzinfo=CHINA)
DONE = ("check-papers", "arrange-survey", "survey", "draft-scheme", "approve-scheme", "design", "submit-drawings")
BUILT = (*DONE, "review-drawings", "sign-contract", "register-works", "install-meters")


def policy(pack: str) -> ConnectionPolicy:
    connection = load_pack(pack).connection
    assert connection is not None
    return connection


def facts(*done: str, **about: Any) -> ProjectFacts:
    return ProjectFacts(
        case_no="BZ-20260311-0001",
        pack="any",
        opened_at=AT,
        as_of=AT,
        project=Project.model_validate({"kind": "single", **about}),
        papers_complete=True,
        assigned_to="representative",
        done={f"connection.{key}": Done(by="somebody", at=AT) for key in done},
    )


def called_for(pack: str, *done: str, **about: Any) -> dict[str, Ask]:
    step = next_step(facts(*done, **about), policy(pack), load_calendar())
    assert step is not None
    return {ask.key.removeprefix("connection."): ask for ask in asked(step)}


@pytest.mark.clause("kaifeng.acceptance.rep-signs-acceptance")
def test_at_kaifeng_the_representative_accepts_and_at_jinan_the_inspector() -> None:
    assert called_for("kaifeng", *BUILT)["accept"].role == "representative"
    assert called_for("jinan", *BUILT)["accept"].role is None


@pytest.mark.clause("kaifeng.acceptance.notify-contract-and-opening-date", "kaifeng.acceptance.single-valve-open")
def test_at_kaifeng_an_estate_signs_once_its_data_is_in_and_a_single_meter_before_the_works() -> None:
    drawn = (*DONE, "review-drawings")
    assert set(called_for("kaifeng", *drawn)) == {"sign-contract"}
    assert set(called_for("kaifeng", *drawn, kind="estate")) == {"register-works"}
    unsigned = [key for key in (*BUILT, "accept", "test-water") if key != "sign-contract"]
    assert "sign-contract" not in called_for("kaifeng", *unsigned, kind="estate")
    assert "sign-contract" in called_for("kaifeng", *unsigned, "open-account", kind="estate")


def test_a_gate_that_the_pack_has_not_holds_nothing_back() -> None:
    accepted = facts(*BUILT, "accept", "test-water")
    assert closed_gates(accepted, policy("kaifeng"), certificate="") == []
    assert len(closed_gates(accepted, policy("jinan"), certificate="")) == 1


@pytest.mark.parametrize("pack", ["jinan", "kaifeng"])
def test_a_high_rise_shows_its_certificate(pack: str) -> None:
    everything = facts(*BUILT, "accept", "test-water", "settle-fee", "open-account", kind="estate", high_rise=True)
    assert len(closed_gates(everything, policy(pack), certificate=" ")) == 1
    assert closed_gates(everything, policy(pack), certificate="HG-7") == []


def test_what_the_pack_demands_is_asked_for_by_kind_and_cited() -> None:
    estate, single = called_for("kaifeng", *BUILT, kind="estate")["accept"], called_for("kaifeng", *BUILT)["accept"]
    assert {"minutes", "valves_closed", "depth_most"} <= set(estate.demands)
    assert "valve_open" in single.demands
    assert "minutes" not in single.demands
    assert "kaifeng.acceptance.burial-depth-40cm" in single.clauses
    assert called_for("kaifeng", *BUILT, kind="temporary")["accept"].demands == ()


def acceptance(pack: str, form: dict[str, Any]) -> None:
    ask = called_for(pack, *BUILT)["accept"]
    open_task = Task(
        id="T-1",
        key=ask.key,
        role=ask.role or "inspector",
        opened_at=AT,
        counts_from=AT,
        demands=ask.demands,
    )
    known = facts(*BUILT).model_copy(update={"tasks": {"T-1": open_task}})
    person = Actor(id="p", roles=(open_task.role,))
    decide(DecideTask(by=person, at=AT, key=ask.key, form=form), known, policy(pack))


def test_a_form_without_what_the_pack_demands_is_refused_and_names_it() -> None:
    plain = {"start_readings_signed": True, "matches_drawings": True, "papers_complete": True, "report": "YSBG-1"}
    acceptance("jinan", plain | {"general_drawing": True, "invited": True, "attendance": "late"})
    with pytest.raises(Refused, match="depth_most"):
        acceptance("kaifeng", plain)


@pytest.mark.parametrize(("least", "most"), [(34, 42), (38, 46)])
def test_a_meter_deeper_or_shallower_than_the_pack_allows_does_not_pass(least: int, most: int) -> None:
    whole = dict.fromkeys(called_for("kaifeng", *BUILT)["accept"].demands, True)
    whole |= {"start_readings_signed": True, "matches_drawings": True}
    acceptance("kaifeng", whole | {"depth_least": 35, "depth_most": 45})
    with pytest.raises(Refused, match=f"{least if least < 35 else most} cm"):
        acceptance("kaifeng", whole | {"depth_least": least, "depth_most": most})


def test_whom_the_applicant_names_designs_where_the_pack_lets_them() -> None:
    assert designer(Project(kind="single", design_by="customer"), policy("jinan")) == "customer"
    assert designer(Project(kind="single"), policy("jinan")) == "utility"


def test_where_one_person_serves_every_tier_an_unknown_sum_decides_nothing() -> None:
    unknown = Project(kind="single", sector="industry")
    assert assignment(unknown, policy("kaifeng")) == ("representative", "general")
    assert assignment(unknown, policy("jinan")) is None


@pytest.mark.clause("qingdao.design.customer-commissions-qualified-designer")
def test_at_qingdao_the_customer_designs_whatever_the_applicant_ticked() -> None:
    assert designer(Project(kind="single", design_by="utility"), policy("qingdao")) == "customer"


@pytest.mark.clause("qingdao.account-opening.contract-for-organisations")
@pytest.mark.parametrize("kind", ["single", "linear", "temporary"])
@pytest.mark.parametrize("sector", ["industry", "trade", "real-estate", "government"])
def test_at_qingdao_whatever_an_organisation_builds_it_signs_before_the_water(kind: str, sector: str) -> None:
    done = [key for key in (*BUILT, "accept", "open-account") if key != "sign-contract"]
    opened = facts(*done, kind=kind, sector=sector)
    assert any("sign-contract" in gate for gate in map(str, closed_gates(opened, policy("qingdao"), certificate="")))


@pytest.mark.clause("kaifeng.acceptance.data-entry-before-opening")
def test_at_kaifeng_no_estate_has_water_before_its_data_is_in() -> None:
    done = (*BUILT, "accept", "test-water", "settle-fee")
    assert len(closed_gates(facts(*done, kind="estate"), policy("kaifeng"), certificate="")) == 1
    assert closed_gates(facts(*done, "open-account", kind="estate"), policy("kaifeng"), certificate="") == []


@pytest.mark.clause("changchun.design.designers-contractors-name-rep", "jinan.design.single-meter-1-2wd")
@pytest.mark.parametrize("pack", ["changchun", "jinan"])
def test_utility_or_customer_designs_as_the_applicant_says(pack: str) -> None:
    assert [designer(Project(kind="single", design_by=by), policy(pack)) for by in ("utility", "customer")] == [
        "utility",
        "customer",
    ]


@pytest.mark.clause("changchun.design.design-construction-full-service")
@pytest.mark.parametrize("kind", ["single", "estate", "linear", "temporary"])
def test_at_changchun_the_contract_is_signed_after_the_drawings_and_before_the_works(kind: str) -> None:
    drawn = (*DONE, "review-drawings")
    assert set(called_for("changchun", *drawn, kind=kind)) == {"sign-contract"}
    assert set(called_for("changchun", *drawn, "sign-contract", kind=kind)) == {"register-works"}


@pytest.mark.clause("jinan.meter-service.install-over-20-7wd")
@pytest.mark.parametrize(("meters", "many"), [(20, False), (21, True)])
def test_at_jinan_more_than_twenty_meters_are_many(meters: int, *, many: bool) -> None:
    done = [key for key in BUILT if key != "install-meters"]
    ask = called_for("jinan", *done, kind="estate", meters=meters)["install-meters"]
    assert ("jinan.meter-service.install-over-20-7wd" in ask.clauses) is many


@pytest.mark.clause("qingdao.account-opening.contract-for-organisations")
def test_at_qingdao_an_organisation_signs_and_a_household_does_not() -> None:
    opened = facts(*[key for key in (*BUILT, "accept", "test-water", "open-account") if key != "sign-contract"])
    for sector, shut in (("other", 0), ("trade", 1)):
        project = opened.project.model_copy(update={"sector": sector})
        stands = opened.model_copy(update={"project": project})
        assert len(closed_gates(stands, policy("qingdao"), certificate="")) == shut


@pytest.mark.clause("changchun.connection.general-under-50m", "changchun.connection.general-realestate-under-3bn")
@pytest.mark.parametrize(
    ("about", "served"),
    [
        ({"sector": "industry", "investment_fen": 5_000_000_000}, ("service-manager", "large")),
        ({"sector": "industry", "investment_fen": 4_999_999_999}, ("representative", "general")),
        ({"sector": "industry"}, None),
        ({"sector": "real-estate", "investment_fen": 299_999_999_999}, ("representative", "general")),
        ({"sector": "government", "investment_fen": 5_000_000_000}, None),
        (
            {"sector": "government", "investment_fen": 5_000_000_000, "key_government": True},
            ("service-manager", "large"),
        ),
        ({"sector": "government"}, None),
        ({"sector": "industry", "exceptional": True}, ("supervisor", "exceptional")),
        ({"kind": "linear"}, ("engineer", "linear")),
    ],
)
def test_changchuns_tiers(about: dict[str, Any], served: tuple[str, str] | None) -> None:
    assert assignment(Project.model_validate({"kind": "estate", **about}), policy("changchun")) == served
