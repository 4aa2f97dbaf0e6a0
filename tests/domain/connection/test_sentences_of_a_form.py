"""What each sentence wants on record before a step of a project is done, at the utility whose sentence it is.

Left out or denied, the decision is refused and names it; projects that the sentence does not speak of go without.
"""

from typing import Any

import pytest

from domain.connection.facts import Project
from domain.connection.items import Check, Measured, faults
from domain.connection.kinds import KINDS
from domain.connection.phases import item_checks
from domain.tasks import Task
from policies.packs import load_pack
from tests.claiming import claiming
from tests.domain.connection.test_sentences_of_a_project import life, open_until
from tests.policies.lives import TABLED, ProjectLife

BY_THE_FORM = (
    "jinan.design.show-fee-basis",
    "jinan.design.survey-items",
    "jinan.construction.works-flush-and-quality",
)
"""Sentences that a field of the form keeps, at every utility: no pack has them on the task."""
METERED = ("single", "estate", "linear")
ESTATE, SINGLE = ("estate",), ("single",)


def begun(pack: str, key: str, **about: Any) -> tuple[ProjectLife, Task]:
    """A project at the step that has this key; papers are missing first where that is what brings it about."""
    forms = {}
    if key == "supply-papers":
        forms["check-papers"] = {"outcome": "missing", "missing": ["身份证明"]}
    played = life(pack, {"meters": 5} | about, **forms)
    return played, open_until(played, f"connection.{key}")


@pytest.mark.parametrize(
    ("clause", "key", "field", "kinds"),
    [
        claiming("jinan.design.customer-survey-form", "survey", "customer_sheet", KINDS),
        claiming("jinan.design.explain-papers-fees-limit", "survey", "fees_told", KINDS),
        claiming("jinan.design.show-fee-basis", "survey", "fees_told", KINDS),
        *(
            claiming("jinan.design.survey-items", "survey", field, KINDS)
            for field in ("scope", "tapping_point", "diameter", "depth_cm", "pressure", "secondary_supply")
        ),
        claiming("jinan.acceptance.accept-by-general-drawing", "accept", "general_drawing", KINDS),
        claiming("jinan.acceptance.accept-invite-one-day-ahead", "accept", "invited", KINDS),
        claiming("jinan.acceptance.accept-start-reading-signed", "accept", "start_readings_signed", KINDS),
        claiming("jinan.acceptance.acceptance-on-time", "accept", "attendance", KINDS),
        claiming("jinan.acceptance.as-built-matches-design", "accept", "matches_drawings", KINDS),
        claiming("jinan.acceptance.acceptance-report-filed", "accept", "report", KINDS),
        claiming("jinan.construction.survey-before-backfill", "inspect-node", "as_built_survey", KINDS),
        claiming("jinan.construction.works-flush-and-quality", "test-water", "flushed", KINDS),
        claiming("jinan.construction.works-flush-and-quality", "test-water", "passed", KINDS),
        claiming("kaifeng.acceptance.works-finished", "accept", "works_finished", METERED),
        claiming("kaifeng.acceptance.surroundings-finished", "accept", "surroundings_finished", METERED),
        claiming("kaifeng.acceptance.papers-complete", "accept", "papers_complete", KINDS),
        claiming("kaifeng.acceptance.tables-match-doors", "accept", "tables_match_doors", METERED),
        claiming("kaifeng.acceptance.check-each-household", "accept", "households_checked", METERED),
        claiming("kaifeng.acceptance.estate-valves-closed", "accept", "valves_closed", ESTATE),
        claiming("kaifeng.acceptance.single-valve-open", "accept", "valve_open", SINGLE),
        claiming("kaifeng.acceptance.chamber-masonry", "accept", "masonry_sound", METERED),
        claiming("kaifeng.acceptance.cover-direction", "accept", "covers_right", METERED),
        claiming("kaifeng.acceptance.burial-depth-40cm", "accept", "depth_least", METERED),
        claiming("kaifeng.acceptance.burial-depth-40cm", "accept", "depth_most", METERED),
        claiming("kaifeng.acceptance.meter-group-space", "accept", "space_right", METERED),
        claiming("kaifeng.acceptance.pit-location", "accept", "place_right", METERED),
        claiming("kaifeng.acceptance.minutes-by-developer", "accept", "minutes", ESTATE),
        claiming("qingdao.connection.survey-customer-signs", "survey", "signed", KINDS),
        claiming("qingdao.construction.eng-rep-filing-and-inspection", "register-works", "nodes", KINDS),
        claiming("qingdao.construction.contact-customer-ahead", "register-works", "customer_contact", KINDS),
        claiming("qingdao.design.customer-commissions-qualified-designer", "submit-drawings", "qualification", KINDS),
        claiming("qingdao.account-opening.site-check-new-data", "open-account", "data_checked_on_site", KINDS),
        claiming("qingdao.account-opening.complete-data-before-account", "open-account", "data_checked_on_site", KINDS),
        claiming("qingdao.account-opening.fix-book-and-cycle", "open-account", "reading_book", KINDS),
        claiming("qingdao.account-opening.fix-book-and-cycle", "open-account", "reading_cycle", KINDS),
        claiming("qingdao.account-opening.validate-remote-reading", "open-account", "remote_reading_checked", KINDS),
        claiming("qingdao.account-opening.complete-customer-data", "open-account", "developer_data", KINDS),
        claiming("qingdao.account-opening.collect-and-proof-new-customer-data", "open-account", "data_proofed", KINDS),
        claiming("qingdao.account-opening.publicise-reading-and-payment", "open-account", "publicised", KINDS),
        claiming("qingdao.follow-up.connection-follow-up-content", "follow-up", "opinion", KINDS),
        claiming("changchun.follow-up.collect-and-register-opinions", "follow-up", "opinion", KINDS),
        claiming("changchun.follow-up.follow-up-four-methods", "follow-up", "method", KINDS),
        claiming("changchun.connection.papers-online-or-at-home", "supply-papers", "handed_in", KINDS),
        claiming("changchun.design.designers-contractors-name-rep", "design", "unit_representative", KINDS),
        claiming("changchun.design.designers-contractors-name-rep", "register-works", "unit_representative", KINDS),
    ],
)
@pytest.mark.parametrize("kind", KINDS)
def test_a_step_is_not_done_without_what_its_sentence_wants(
    clause: str, key: str, field: str, kinds: tuple[str, ...], kind: str
) -> None:
    played, task = begun(clause.partition(".")[0], key, kind=kind)
    assert played.tried(task, {}) is not None, played.told[-1]
    taken = played.tried(task, {field: None}) is not None
    assert taken is (kind not in kinds), played.told[-1]
    if kind in kinds:
        assert field in str(played.told[-1])
        by_the_form = clause in BY_THE_FORM or (field == "papers_complete" and kind not in METERED)
        assert clause in task.clauses or by_the_form


@pytest.mark.parametrize(
    ("clause", "field"),
    [
        claiming("qingdao.account-opening.handbook-for-residents", "handbook"),
        claiming("qingdao.account-opening.handbook-direct-or-via-manager", "handbook_via"),
        claiming("qingdao.account-opening.household-handbook-and-data", "household_data"),
    ],
)
@pytest.mark.parametrize(
    ("about", "household"),
    [
        ({"kind": "estate", "sector": "real-estate"}, True),
        ({"kind": "single", "sector": "other"}, True),
        ({"kind": "single", "sector": "trade"}, False),
        ({"kind": "temporary", "sector": "industry"}, False),
    ],
)
def test_households_get_their_handbook_and_their_data_is_taken_down(
    clause: str, field: str, about: dict[str, Any], *, household: bool
) -> None:
    played, task = begun("qingdao", "open-account", **about)
    assert (played.tried(task, {field: None}) is None) is household


@pytest.mark.parametrize(
    ("clause", "check", "seen", "kinds"),
    [
        claiming("kaifeng.acceptance.check-each-household", "nameplate", {"nameplate": "M2"}, METERED),
        claiming("kaifeng.acceptance.check-each-household", "reading", {"reading": 4}, METERED),
        claiming("kaifeng.acceptance.check-each-household", "seal", {"seal": "S2"}, METERED),
        claiming("kaifeng.acceptance.check-each-household", "flow", {"flow": "reversed"}, METERED),
        claiming("kaifeng.acceptance.estate-valves-closed", "valve-closed", {"valve": "open"}, ESTATE),
        claiming("kaifeng.acceptance.single-valve-open", "valve-open", {"valve": "closed"}, SINGLE),
        claiming("kaifeng.acceptance.chamber-masonry", "masonry", {"masonry": False}, METERED),
        claiming("kaifeng.acceptance.cover-direction", "cover", {"cover": False}, METERED),
        claiming("kaifeng.acceptance.burial-depth-40cm", "depth", {"depth_cm": 34}, METERED),
        claiming("kaifeng.acceptance.burial-depth-40cm", "depth", {"depth_cm": 46}, METERED),
        claiming("kaifeng.acceptance.meter-group-space", "space", {"space": False}, METERED),
        claiming("kaifeng.acceptance.pit-location", "place", {"place": False}, METERED),
    ],
)
@pytest.mark.parametrize("kind", KINDS)
def test_a_meter_with_this_fault_does_not_pass_at_kaifeng(
    clause: str, check: Check, seen: dict[str, Any], kinds: tuple[str, ...], kind: str
) -> None:
    policy = load_pack("kaifeng").connection
    assert policy is not None
    assert policy.depth_cm is not None
    checks = item_checks(Project.model_validate({"kind": kind}), policy)
    found = [fault.check for fault in faults(TABLED, Measured.model_validate(seen), checks, policy.depth_cm.value)]
    assert found == ([check] if kind in kinds else [])


@pytest.mark.clause("kaifeng.acceptance.burial-depth-40cm")
@pytest.mark.parametrize("kind", METERED)
def test_a_pit_is_thirty_five_to_forty_five_centimetres_deep(kind: str) -> None:
    played, task = begun("kaifeng", "accept", kind=kind)
    passing = [cm for cm in range(30, 51) if played.tried(task, {"depth_least": cm, "depth_most": cm}) is not None]
    assert passing == list(range(35, 46))
