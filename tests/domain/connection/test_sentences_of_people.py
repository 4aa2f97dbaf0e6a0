"""Who serves, comes along and stands in, what is looked at on a site, and what comes before the water, by sentence."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from domain.commands import ReassignTask
from domain.connection.commands import assignment, events_of
from domain.connection.facts import Project
from domain.connection.works import attending
from domain.connection.works_forms import WORKS_TASKS
from domain.people import ROLES, Actor, Role
from domain.refusals import Refused
from domain.terms import Term, due_at
from policies.packs import load_calendar, load_pack
from tests.claiming import claiming
from tests.domain.connection.test_sentences_of_a_form import begun
from tests.domain.connection.test_sentences_of_a_project import life, open_until, tasks, told
from tests.domain.connection.test_works import at_work, decided, declared, open_task
from tests.policies.lives import OPENED_AT, ProjectLife, neglected_from

COURSE = (
    *("check-papers", "arrange-survey", "survey", "draft-scheme", "approve-scheme", "design", "submit-drawings"),
    *("review-drawings", "sign-contract", "register-works", "inspect-node", "install-meters", "accept", "test-water"),
    *("open-account", "activate", "follow-up"),
)
BUILT = ("design", "submit-drawings", "register-works", "inspect-node", "install-meters", "accept")


def policy(pack: str) -> Any:
    connection = load_pack(pack).connection
    assert connection is not None
    return connection


# Who serves.


@pytest.mark.parametrize(
    ("clause", "project", "served"),
    [
        claiming(
            "changchun.connection.large-invest-50m",
            {"kind": "single", "sector": "industry", "investment_fen": 5_000_000_000},
            ("service-manager", "large"),
        ),
        claiming(
            "changchun.connection.large-invest-50m",
            {"kind": "single", "sector": "trade", "investment_fen": 4_999_999_999},
            ("representative", "general"),
        ),
        claiming(
            "changchun.connection.large-realestate-3bn",
            {"kind": "estate", "sector": "real-estate", "investment_fen": 300_000_000_000},
            ("service-manager", "large"),
        ),
        claiming(
            "changchun.connection.large-realestate-3bn",
            {"kind": "estate", "sector": "real-estate", "investment_fen": 299_999_999_999},
            ("representative", "general"),
        ),
        claiming(
            "changchun.connection.large-served-by-manager",
            {"kind": "single", "petition": True},
            ("service-manager", "large"),
        ),
        claiming(
            "changchun.connection.exceptional-served-by-head",
            {"kind": "single", "exceptional": True},
            ("supervisor", "exceptional"),
        ),
        claiming(
            "changchun.connection.general-small-government",
            {"kind": "single", "sector": "government", "investment_fen": 4_999_999_999},
            ("representative", "general"),
        ),
        claiming(
            "changchun.connection.general-small-government",
            {"kind": "single", "sector": "government", "investment_fen": 5_000_000_000},
            None,
        ),
        claiming(
            "changchun.connection.general-served-by-rep",
            {"kind": "single", "sector": "other"},
            ("representative", "general"),
        ),
        claiming("changchun.connection.linear-by-technician", {"kind": "linear"}, ("engineer", "linear")),
        claiming(
            "kaifeng.customer-service.guide-and-coordinate",
            {"kind": "single", "sector": "other"},
            ("representative", "general"),
        ),
        claiming(
            "kaifeng.customer-service.guide-and-coordinate",
            {"kind": "single", "petition": True},
            ("representative", "large"),
        ),
        claiming("kaifeng.customer-service.guide-and-coordinate", {"kind": "linear"}, ("representative", "linear")),
        claiming(
            "qingdao.connection.dept-rep-coordinates",
            {"kind": "single", "sector": "other"},
            ("representative", "general"),
        ),
        claiming(
            "qingdao.connection.dept-rep-coordinates", {"kind": "single", "petition": True}, ("representative", "large")
        ),
        claiming("qingdao.connection.dept-rep-coordinates", {"kind": "linear"}, ("representative", "linear")),
        claiming(
            "liaocheng.organisation.territorial-principle",
            {"kind": "single", "sector": "other"},
            ("representative", "general"),
        ),
        claiming(
            "liaocheng.organisation.territorial-principle",
            {"kind": "single", "petition": True},
            ("representative", "large"),
        ),
        claiming("liaocheng.organisation.territorial-principle", {"kind": "linear"}, ("representative", "linear")),
    ],
)
def test_a_project_is_served_by_whom_its_sentence_says(
    clause: str, project: dict[str, Any], served: tuple[str, str] | None
) -> None:
    assert assignment(Project.model_validate(project), policy(clause.partition(".")[0])) == served


@pytest.mark.parametrize(
    ("clause", "may"),
    [
        claiming("kaifeng.acceptance.stand-in-on-clash", ("supervisor",)),
        claiming("liaocheng.organisation.ab-posts", ("representative", "supervisor")),
        claiming("qingdao.organisation.ab-role", ("representative", "engineer", "supervisor")),
        claiming("changchun.connection.reassign-allowed", ("leading-group",)),
    ],
)
def test_a_stand_in_is_named_by_whom_the_sentence_says(clause: str, may: tuple[Role, ...]) -> None:
    played, task = begun(clause.partition(".")[0], "accept", kind="estate")

    def allowed(role: Role) -> bool:
        command = ReassignTask(by=Actor(id="p", roles=(role,)), at=played.now, task=task.key, to="another")
        try:
            events_of(command, played.facts, played.policy, load_calendar())
        except Refused:
            return False
        return True

    assert tuple(role for role in ROLES if allowed(role) and role != "administrator") == may


# Who comes along.


@pytest.mark.parametrize(
    ("clause", "units", "part", "keys"),
    [
        claiming("changchun.connection.tracking-all-steps", ("customer-service",), "accompanies", COURSE),
        claiming(
            "changchun.connection.key-steps",
            ("customer-service",),
            "accompanies",
            ("check-papers", "design", "submit-drawings", "register-works", "inspect-node", "accept"),
        ),
        claiming(
            "changchun.connection.liaise-six-units",
            ("design-unit", "construction-unit", "works-management", "dispatch", "network-centre", "metering-centre"),
            "assists",
            (*BUILT, "test-water", "activate"),
        ),
        claiming("changchun.connection.coordinate-and-chase", ("customer-service",), "tracks", COURSE),
        claiming(
            "changchun.design.design-construction-full-service",
            ("design-unit", "construction-unit"),
            "accompanies",
            (
                *("design", "submit-drawings", "sign-contract", "settle-fee", "register-works", "inspect-node"),
                *("accept", "change-design"),
            ),
        ),
        claiming("qingdao.connection.branch-rep-assists", ("branch",), "assists", COURSE),
        claiming(
            "qingdao.construction.branch-tracks-meters-data-progress",
            ("branch",),
            "tracks",
            ("register-works", "inspect-node", "install-meters", "open-account"),
        ),
        claiming(
            "qingdao.connection.dept-rep-accepts-applications",
            ("customer-service",),
            "in-charge",
            ("check-papers", "supply-papers"),
        ),
        claiming(
            "qingdao.connection.dept-rep-survey-plan-approval",
            ("customer-service",),
            "in-charge",
            ("arrange-survey", "survey", "draft-scheme", "approve-scheme", "review-drawings"),
        ),
        claiming(
            "qingdao.connection.eng-rep-construction-to-supply",
            ("works-management",),
            "in-charge",
            ("register-works", "inspect-node", "install-meters", "accept", "test-water"),
        ),
        claiming("qingdao.connection.eng-rep-organises-water-on", ("works-management",), "in-charge", ("activate",)),
        claiming(
            "jinan.design.technical-tracking",
            ("design-unit",),
            "tracks",
            ("register-works", "inspect-node", "install-meters", "accept", "change-design"),
        ),
    ],
)
def test_whose_representatives_take_part_in_a_step_and_how(
    clause: str, units: tuple[str, ...], part: str, keys: tuple[str, ...]
) -> None:
    works = policy(clause.partition(".")[0]).works

    def theirs(key: str) -> bool:
        return any(
            clause in each.clauses and (each.value.units, each.value.part) == (units, part)
            for each in attending(key, works)
        )

    there = {
        key.removeprefix("connection.")
        for key in (
            *(f"connection.{key}" for key in COURSE),
            *WORKS_TASKS,
            "connection.supply-papers",
            "connection.settle-fee",
        )
        if theirs(key)
    }
    assert there == set(keys)


# What is looked at on a site.


@pytest.mark.parametrize(
    ("clause", "point", "words", "hours"),
    [
        claiming("jinan.construction.barriers-lights-signs", "barriers", "围挡、夜间警示灯、交通指示、警示标语", 2),
        claiming("jinan.construction.warning-tape", "tape", "警示带", 2),
        claiming("jinan.construction.barriers-tidy", "barriers-tidy", "围挡整洁", 0),
        claiming("jinan.construction.temporary-way", "way", "便道便桥并张贴提示", 4),
        claiming("jinan.construction.peak-traffic-guide", "peak-guide", "交通高峰有专人疏导", 2),
        claiming(
            "jinan.construction.site-board-content", "board", "公示牌写明工程简介、工期、示意图、施工单位、监督电话", 0
        ),
        claiming("jinan.construction.materials-tidy-covered", "materials", "材料堆放整齐，PE 管材、渣土有篷盖", 0),
        claiming("jinan.construction.dust-person", "dust-person", "专人洒水", 4),
        claiming("jinan.construction.noise-dust-control", "machinery", "防尘、防噪声", 4),
        claiming("jinan.construction.night-no-heavy-machinery", "night-machinery", "夜间居民区无大型机械", 2),
        claiming("jinan.construction.drain-to-sewer", "drain", "排水入下水道或泄水沟渠，不直排马路", 4),
        claiming("jinan.construction.drain-diversion", "drain-diversion", "排水引流", 4),
    ],
)
@pytest.mark.parametrize("kind", ["single", "linear"])
def test_a_point_found_wanting_on_a_site_is_mended_in_its_time(
    clause: str, point: str, words: str, hours: int, kind: str
) -> None:
    played = at_work("jinan", {"kind": kind})
    declared(played, "site-visit")
    assert words in played.policy.works.checklist("single", 7)[point].value.zh
    decided(played, open_task(played, "inspect-site", "1"), failed={point: "不合格"})
    task = open_task(played, "mend-site", point)
    assert clause in task.clauses
    assert str(task.term) == (f"PT{hours}H" if hours else "P1D")
    for month in range(1, 13):
        assert point in played.policy.works.checklist("estate", month)
        assert point in played.policy.works.checklist("temporary", month)


@pytest.mark.clause("jinan.construction.winter-ice")
def test_ice_is_looked_for_from_november_to_march() -> None:
    works = policy("jinan").works
    asked = [month for month in range(1, 13) if "winter-ice" in works.checklist("linear", month)]
    assert asked == [1, 2, 3, 11, 12]
    assert str(works.checklist("linear", 1)["winter-ice"].value.mend) == "PT4H"


@pytest.mark.clause("jinan.construction.spoil-covered-clean-site")
@pytest.mark.parametrize("point", ["covered", "site_clean"])
def test_spoil_is_not_away_before_it_is_covered_and_the_site_clean(point: str) -> None:
    played = at_work("jinan")
    declared(played, "excavated")
    task = open_task(played, "remove-spoil")
    assert played.tried(task, {point: False}) is None
    assert played.tried(task, {}) is not None


# Before the water, and after it.


def done(played: ProjectLife, *but: str) -> None:
    """Decide the plain good way whatever is open, and what comes of it, but tasks of these kinds."""
    while others := [task for task in played.facts.tasks.values() if task.key.removeprefix("connection.") not in but]:
        event = played.tried(others[0], {})
        assert event is not None, played.told[-1]
        played.say(event)
        played.settle()


def refused_without(key: str, played: ProjectLife) -> bool:
    """Whether the water is refused for as long as this step alone is not done."""
    open_until(played, "connection.check-papers")
    if form := played.forms.pop("connection.check-papers", None):
        played.say(played.tried(open_until(played, "connection.check-papers"), form) or pytest.fail("gap"))
        played.settle()
    done(played, "activate", key)
    activate = open_until(played, "connection.activate")
    assert played.facts.open_task(f"connection.{key}") is not None, f"nothing asks for {key}"
    refused = played.tried(activate, {}) is None
    done(played, "activate")
    assert played.tried(activate, {}) is not None, played.told[-1]
    return refused


@pytest.mark.parametrize(
    ("clause", "key", "project"),
    [
        claiming("jinan.water-quality.test-after-pipe-works", "test-water", {"kind": "single"}),
        claiming("jinan.water-quality.test-after-pipe-works", "test-water", {"kind": "temporary"}),
        claiming("jinan.account-opening.billed-within-one-cycle", "open-account", {"kind": "temporary"}),
        claiming("kaifeng.acceptance.settle-water-fee-5wd", "settle-fee", {"kind": "estate"}),
        claiming("kaifeng.acceptance.data-entry-before-opening", "open-account", {"kind": "estate"}),
        claiming("kaifeng.account-opening.contract-backfill-notify", "sign-contract", {"kind": "estate"}),
        claiming("liaocheng.customer-data.customer-base-data", "open-account", {"kind": "temporary"}),
        claiming("qingdao.account-opening.prepare-meter-reading", "open-account", {"kind": "temporary"}),
        claiming(
            "qingdao.account-opening.contract-for-organisations", "sign-contract", {"kind": "single", "sector": "trade"}
        ),
        claiming("qingdao.account-opening.contract-for-public-building-meters", "sign-contract", {"kind": "estate"}),
    ],
)
def test_no_water_before_the_step_that_its_sentence_wants_first(clause: str, key: str, project: dict[str, Any]) -> None:
    about = {"kind": "estate", "meters": 5, "sector": "other"} | project
    assert refused_without(key, life(clause.partition(".")[0], about))


@pytest.mark.clause("kaifeng.secondary-supply.highrise-certificate-before-opening")
def test_at_kaifeng_no_high_rise_has_water_without_the_certificate_of_its_pumps() -> None:
    played, activate = begun("kaifeng", "activate", kind="estate", high_rise=True)
    done(played, "activate")
    assert played.tried(activate, {"secondary_supply_certificate": ""}) is None
    assert played.tried(activate, {"secondary_supply_certificate": "HG-7"}) is not None


@pytest.mark.clause("kaifeng.customer-service.accept-with-gaps")
def test_at_kaifeng_a_paper_may_follow_and_is_in_before_the_water() -> None:
    gap = {"outcome": "missing", "missing": [], "tolerated": ["营业执照"]}
    assert refused_without("supply-papers", life("kaifeng", **{"check-papers": gap}))


@pytest.mark.parametrize(
    ("clause", "key", "term"),
    [
        claiming("changchun.follow-up.follow-up-or-survey", "follow-up", "5WD"),
        claiming("jinan.follow-up.design-follow-up", "follow-up", "5WD"),
        claiming("qingdao.follow-up.connection-follow-up", "follow-up", "5WD"),
        claiming("jinan.meter-service.install-and-water-on", "activate", "2WD"),
        claiming("jinan.water-quality.test-after-pipe-works", "test-water", "2WD"),
        claiming("kaifeng.customer-service.respond-to-requests", "check-papers", "P0D"),
        claiming("liaocheng.customer-data.customer-base-data", "open-account", "month-end"),
    ],
)
def test_what_a_customer_waits_for_has_a_term(clause: str, key: str, term: str) -> None:
    _, task = begun(clause.partition(".")[0], key, kind="estate")
    assert str(task.term) == term


@pytest.mark.clause("kaifeng.follow-up.satisfaction-survey")
def test_nobody_is_followed_up_without_being_asked_how_satisfied_they_are() -> None:
    played, task = begun("kaifeng", "follow-up", kind="single")
    assert played.tried(task, {"satisfaction": None}) is None
    assert played.tried(task, {"satisfaction": "neutral"}) is not None


@pytest.mark.clause("jinan.meter-service.switch-at-70-percent", "jinan.meter-service.switch-readings-signed")
@pytest.mark.parametrize(("kind", "switched"), [("estate", True), ("single", False)])
def test_from_seventy_of_a_hundred_an_estate_is_switched_with_the_customers_signature(
    kind: str, *, switched: bool
) -> None:
    played = life("jinan", {"kind": kind, "meters": 30})
    played.live()
    assert ("switch-meters" in tasks(played)) is switched
    if switched:
        opened = next(each for each in told(played, "TaskOpened") if each["task"]["key"] == "connection.switch-meters")
        assert opened["task"]["term"] == "5WD"
        shares = [each["share"] for each in told(played, "OccupancyReported")]
        assert float(shares[-1]) == pytest.approx(0.7)
        played, task = begun("jinan", "switch-meters", kind=kind)
        assert played.tried(task, {"readings_signed": False}) is None
        assert "jinan.meter-service.switch-readings-signed" in task.clauses


@pytest.mark.parametrize(
    ("clause", "taken"),
    [
        claiming("kaifeng.customer-service.accept-with-gaps", True),
        claiming("jinan.design.one-time-notice-same-day", True),
        claiming("changchun.connection.papers-online-or-at-home", True),
        claiming("qingdao.customer-service.complete-papers-move-on", False),
    ],
)
def test_whether_a_paper_may_follow_is_the_utilitys_word(clause: str, *, taken: bool) -> None:
    played, task = begun(clause.partition(".")[0], "check-papers", kind="single")
    gap = {"outcome": "missing", "missing": [], "tolerated": ["身份证明"]}
    assert (played.tried(task, gap) is not None) is taken


Heard = list[tuple[str, tuple[str, ...], str | None]]
SECTION = ("section", ("representative", "collector", "supervisor"), "supervisor")
CENTRE = ("centre", ("supervisor", "dispatcher"), "supervisor")


@pytest.mark.parametrize(
    ("clause", "heard"),
    [
        claiming("kaifeng.escalation.four-levels", [SECTION, ("office", (), None), CENTRE]),
        claiming("kaifeng.escalation.l3-group-members", [SECTION, ("office", (), None), CENTRE]),
        claiming("kaifeng.escalation.l1-group-members", [SECTION, ("office", (), None), CENTRE]),
        claiming("kaifeng.escalation.l3-section-resolves", [SECTION, ("office", (), None), CENTRE]),
        claiming("kaifeng.escalation.l1-centre-coordinates", [SECTION, ("office", (), None), CENTRE]),
        claiming("liaocheng.escalation.major-event-mechanism", [("section", ("supervisor",), None)]),
        claiming("liaocheng.escalation.major-event-report-at-once", [("section", ("supervisor",), None)]),
        claiming(
            "jinan.escalation.escalate-by-leak-standard",
            [("section", (), None), ("office", (), None), ("centre", (), None)],
        ),
    ],
)
def test_a_late_step_of_a_project_is_heard_of_level_by_level(clause: str, heard: Heard) -> None:
    said = neglected_from(policy(clause.partition(".")[0]), {"kind": "single"}, "connection.register-works")
    risen = [each for each in said if isinstance(each, dict) and each["event"] == "TaskEscalated"]
    assert [(each["level"], tuple(each["told"]), each["resolver"]) for each in risen] == heard


@pytest.mark.clause("kaifeng.escalation.progress-when-long")
def test_at_kaifeng_the_progress_of_a_late_step_is_told_after_two_working_days_at_the_centre() -> None:
    said = neglected_from(policy("kaifeng"), {"kind": "single"}, "connection.register-works")
    late = [each for each in said if isinstance(each, dict) and each["event"] in ("TaskEscalated", "ProgressDue")]
    first = next(at for at, each in enumerate(late) if each["event"] == "ProgressDue")
    risen, due = late[first - 1], late[first]
    two_days = due_at(term=Term.parse("2WD"), started_at=datetime.fromisoformat(risen["at"]), calendar=load_calendar())
    assert (due["level"], risen["level"]) == ("centre", "centre")
    assert two_days.at <= datetime.fromisoformat(due["at"]) < two_days.at + timedelta(days=4)


@pytest.mark.parametrize(
    ("clause", "key", "unit", "days"),
    [
        claiming("qingdao.design.dept-rep-design-liaison", "draft-scheme", "design-unit", 30),
        claiming("qingdao.construction.eng-rep-contractor-liaison", "register-works", "construction-unit", 14),
        claiming("qingdao.construction.eng-rep-contractor-liaison", "register-works", "supervision-unit", 14),
    ],
)
def test_at_qingdao_somebody_speaks_with_a_unit_every_so_often(clause: str, key: str, unit: str, days: int) -> None:
    said = neglected_from(policy("qingdao"), {"kind": "single"}, f"connection.{key}")
    spoken = [each for each in said if isinstance(each, dict) and each["event"] == "LiaisonDue"]
    due = next(each for each in spoken if each["unit"] == unit)
    since = (datetime.fromisoformat(due["at"]) - OPENED_AT).days
    assert days <= since <= days + 5
    assert clause in due["clauses"]


@pytest.mark.clause("changchun.connection.exceptional-served-by-head")
def test_at_changchun_late_work_comes_to_the_head_of_the_office_and_goes_no_further() -> None:
    said = neglected_from(policy("changchun"), {"kind": "single"}, "connection.register-works")
    risen = [each["level"] for each in said if isinstance(each, dict) and each["event"] == "TaskEscalated"]
    assert risen == ["section", "office"]
