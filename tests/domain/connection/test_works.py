"""The works: side tasks that only something declared brings about, and what stands still until they are decided."""

from datetime import datetime, timedelta
from typing import Any, get_args

import pytest

from api.bodies import ProjectBody
from domain.calendars import CHINA, start_of
from domain.case import TaskReassigned
from domain.connection.commands import Declare, events_of
from domain.connection.kinds import KINDS
from domain.connection.works_forms import DECLARATIONS, WORKS_TASKS, Service, Step
from domain.people import Actor
from domain.refusals import Refused
from domain.tasks import Task
from policies.packs import load_calendar, load_pack
from tests.domain.connection.test_sentences_of_a_project import everywhere, life, tasks, told
from tests.policies.lives import HOUR, ProjectLife

NODES = {"register-works": {"nodes": ["沟槽", "试压", "回填"], "backfill": ["回填"]}}


def at_work(pack: str, project: dict[str, Any] | None = None, **forms: dict[str, Any]) -> ProjectLife:
    """A project whose works are registered and whose first node waits to be inspected."""
    played = life(pack, project, **(NODES | forms))
    played.live_until("connection.inspect-node")
    return played


def declared(played: ProjectLife, what: str, **form: Any) -> None:
    before = len(told(played, "Declared"))
    played.declare(what, form)
    assert len(told(played, "Declared")) == before + 1, played.told[-1]
    played.settle()


def open_task(played: ProjectLife, key: str, subject: str | None = None) -> Task:
    task = played.facts.open_task(f"connection.{key}", subject=subject)
    assert task is not None, [each.key for each in played.facts.tasks.values()]
    return task


def decided(played: ProjectLife, task: Task, **form: Any) -> None:
    played.now += HOUR
    event = played.tried(task, form)
    assert event is not None, played.told[-1]
    played.say(event)
    played.settle()


def refused(played: ProjectLife, task: Task, **form: Any) -> str:
    assert played.tried(task, form) is None
    return str(played.told[-1])


@everywhere
@pytest.mark.parametrize("kind", KINDS)
def test_where_nobody_declares_anything_no_side_task_opens(pack: str, kind: str) -> None:
    played = life(pack, {"kind": kind, "meters": 2})
    played.live()
    assert played.facts.outcome == "closed"
    assert not {f"connection.{key.partition(' ')[0]}" for key in tasks(played)} & set(WORKS_TASKS)


@everywhere
@pytest.mark.parametrize("what", sorted(set(DECLARATIONS) - {"term"}))
def test_everything_that_may_be_declared_has_a_plain_form_and_somebody_who_may(pack: str, what: str) -> None:
    played = at_work(pack, {"kind": "linear"})
    declared(played, what)
    played.declare_as(Actor(id="a", roles=("auditor",)), what, {})
    assert played.told[-1][1] == "wrong-role"


@everywhere
def test_a_node_that_covers_the_pipe_waits_for_the_survey_of_it(pack: str) -> None:
    played = at_work(pack)
    cover = open_task(played, "inspect-node", "回填")
    for missing in ({"as_built_survey": False}, {"result_map": None}, {"gis_ready": None}):
        whole = {"as_built_survey": True, "result_map": "CGT-1", "gis_ready": True}
        assert next(iter(missing)) in refused(played, cover, **(whole | missing))
    decided(played, cover, as_built_survey=True, result_map="CGT-1", gis_ready=True)
    assert played.facts.nodes["回填"]


@pytest.mark.clause("jinan.construction.as-built-survey-map", "jinan.construction.gis-quality")
def test_at_jinan_the_last_node_brings_the_map_and_no_other_is_asked_for_it() -> None:
    played = at_work("jinan", **{"register-works": {"nodes": ["沟槽", "试压"]}})
    assert set(open_task(played, "inspect-node", "沟槽").demands) == {"as_built_survey"}
    last = open_task(played, "inspect-node", "试压")
    assert set(last.demands) == {"as_built_survey", "result_map", "gis_ready"}
    assert "result_map" in refused(played, last, as_built_survey=True, result_map=None, gis_ready=True)
    # What is still to be mended has no map yet.
    defects = {
        "outcome": "defects",
        "reason": "未试压",
        "as_built_survey": False,
        "result_map": None,
        "gis_ready": None,
    }
    assert played.tried(last, defects) is not None


def test_a_change_that_stops_one_node_leaves_the_others() -> None:
    played = at_work("jinan")
    declared(played, "design-change", node="沟槽", stops=True)
    assert "design change 1" in refused(played, open_task(played, "inspect-node", "沟槽"))
    decided(played, open_task(played, "inspect-node", "试压"))
    decided(played, open_task(played, "change-design", "1"))
    decided(played, open_task(played, "inspect-node", "沟槽"))


def test_a_change_that_stops_nothing_stops_nothing() -> None:
    played = at_work("jinan")
    declared(played, "design-change")
    decided(played, open_task(played, "inspect-node", "沟槽"))
    open_task(played, "change-design", "1")


def test_what_is_wrong_on_site_goes_to_the_contractor_and_is_looked_at_again() -> None:
    played = at_work("jinan")
    declared(played, "site-visit")
    decided(played, open_task(played, "inspect-site", "1"), failed={"barriers": "缺灯", "drain": "直排马路"})
    assert [open_task(played, "mend-site", name).role for name in ("barriers", "drain")] == ["contractor"] * 2
    mend = open_task(played, "mend-site", "drain")
    assert mend.clock[0].party == "contractor"
    assert mend.due_at == mend.opened_at + timedelta(hours=4)
    assert "jinan.construction.drain-to-sewer" in mend.clauses
    decided(played, mend)
    decided(played, open_task(played, "look-again", "drain"), outcome="defects", reason="仍在直排")
    decided(played, open_task(played, "mend-site", "drain"))
    decided(played, open_task(played, "look-again", "drain"))
    assert list(played.facts.works.findings) == ["barriers"]


@pytest.mark.clause("jinan.construction.barrier-1.2m", "jinan.construction.barrier-1.8m")
@pytest.mark.parametrize(("kind", "least"), [("single", 120), ("estate", 120), ("temporary", 120), ("linear", 180)])
def test_a_barrier_too_low_cannot_pass(kind: str, least: int) -> None:
    played = at_work("jinan", {"kind": kind})
    declared(played, "site-visit")
    task = open_task(played, "inspect-site", "1")
    assert f"below {least} cm" in refused(played, task, barrier_cm=least - 1)
    assert played.tried(task, {"barrier_cm": least - 1, "failed": {"barriers": "太低"}}) is not None
    assert played.tried(task, {"barrier_cm": least}) is not None


@pytest.mark.clause("jinan.construction.night-no-heavy-machinery")
@pytest.mark.parametrize(("hour", "wrong"), [(21, False), (22, True), (3, True), (6, False)])
def test_heavy_machines_among_homes_by_night_cannot_pass(hour: int, wrong: bool) -> None:
    played = at_work("jinan")
    declared(played, "site-visit")
    task, at = open_task(played, "inspect-site", "1"), datetime(2026, 3, 20, hour, tzinfo=CHINA).isoformat()
    seen = {"heavy_machinery": True, "residential": True, "done_at": at}
    assert (played.tried(task, seen) is None) is wrong
    assert played.tried(task, seen | {"residential": False}) is not None
    assert played.tried(task, seen | {"failed": {"night-machinery": "夜间破碎作业"}}) is not None


@pytest.mark.clause("jinan.construction.winter-ice")
@pytest.mark.parametrize(("month", "asked"), [(1, True), (3, True), (4, False), (7, False), (11, True)])
def test_ice_is_looked_for_in_winter_alone(month: int, asked: bool) -> None:
    policy = load_pack("jinan").connection
    assert policy is not None
    assert ("winter-ice" in policy.works.checklist("single", month)) is asked


@pytest.mark.clause("jinan.construction.road-restored-24h", "jinan.construction.spoil-removed-same-day")
def test_road_and_spoil_run_from_when_the_works_were_done() -> None:
    played = at_work("jinan")
    done = played.now - timedelta(hours=2)
    declared(played, "works-finished", finished_at=done.isoformat(), road=True, spoil=True)
    assert open_task(played, "restore-road").due_at == done + timedelta(hours=24)
    assert open_task(played, "remove-spoil").due_at == start_of(done.date() + timedelta(days=1))


@pytest.mark.parametrize(
    "when", ["2020-01-01T00:00:00+08:00", "2099-01-01T00:00:00+08:00", "9999-12-31T23:59:00+08:00"]
)
def test_what_happened_happened_while_there_was_a_project_and_not_tomorrow(when: str) -> None:
    played = at_work("jinan")
    for what, name in (("excavated", "excavated_at"), ("works-finished", "finished_at")):
        played.declare(what, {name: when})
        assert played.told[-1][:2] == (what, "form-invalid")


@pytest.mark.clause("jinan.construction.else-safety-measures")
def test_a_road_that_cannot_be_restored_yet_is_made_safe() -> None:
    played = at_work("jinan")
    declared(played, "works-finished", road=True)
    task = open_task(played, "restore-road")
    for form in ({"reason": None}, {"measures": None}):
        assert "measures" in refused(played, task, outcome="made-safe", **form)
    decided(played, task, outcome="made-safe")
    assert played.facts.works.road_protected == "钢板覆盖，围挡，警示灯"


@pytest.mark.clause("jinan.construction.works-open-valve-10-min")
def test_ten_minutes_after_the_sample_passed_the_valve_is_due_and_the_water_ends_it() -> None:
    played = life("jinan")
    played.live_until("connection.test-water")
    passed, tomorrow = played.now.isoformat(), (played.now + timedelta(days=1)).isoformat()
    assert "future" in refused(played, open_task(played, "test-water"), passed_at=tomorrow)
    decided(played, open_task(played, "test-water"), passed_at=passed)
    notify = open_task(played, "notify-valve")
    assert notify.due_at == datetime.fromisoformat(passed) + timedelta(minutes=10)
    while played.facts.open_task("connection.activate") is None or len(played.facts.tasks) > 2:
        other = next(t for t in played.facts.tasks.values() if t.key not in (notify.key, "connection.activate"))
        decided(played, other)
    decided(played, open_task(played, "activate"))
    assert played.facts.open_task("connection.notify-valve") is None


@pytest.mark.clause(
    "qingdao.connection.eng-rep-construction-to-supply", "qingdao.connection.dept-rep-accepts-applications"
)
def test_at_qingdao_whoever_is_named_for_a_unit_has_its_steps_in_hand() -> None:
    played = life("qingdao")
    played.live_until("connection.check-papers")
    declared(played, "party", unit="customer-service", representative="客服部工程代表", account="dept-1")
    assert open_task(played, "check-papers").assignee == "dept-1"
    assert [each["to"] for each in told(played, TaskReassigned.__name__)] == ["dept-1"]
    declared(played, "party", unit="works-management", representative="工程部工程代表", account="eng-1")
    while played.facts.open_task("connection.register-works") is None:
        assert played.step_on()
        played.settle()
    assert open_task(played, "register-works").assignee == "eng-1"


@pytest.mark.clause(
    "changchun.design.designers-contractors-name-rep", "changchun.design.design-construction-full-service"
)
def test_units_name_who_represents_them_and_go_along_step_by_step() -> None:
    played = at_work("changchun")
    parties = played.facts.works.parties
    assert {unit: party.representative for unit, party in parties.items()} == {
        "design-unit": "设计单位客户代表",
        "construction-unit": "施工单位客户代表",
    }
    declared(played, "party", unit="construction-unit", representative="另一位代表", reason="调岗")
    assert played.facts.works.parties["construction-unit"].representative == "另一位代表"
    for step in get_args(Step):
        declared(played, "accompanied", step=step, unit="construction-unit")
    assert [given.what for given in played.facts.works.given] == list(get_args(Step))


@pytest.mark.clause(
    "changchun.connection.rep-seven-services",
    "changchun.connection.rep-eight-services",
    "changchun.connection.solve-difficulties-in-time",
)
def test_services_and_problems_are_on_record_and_a_problem_is_solved_in_time() -> None:
    played = at_work("changchun")
    for service in get_args(Service):
        declared(played, "service", service=service)
    declared(played, "problem", problem="施工占用出入口")
    solve = open_task(played, "solve-problem", "1")
    assert (solve.role, str(solve.term)) == ("representative", "3WD")
    decided(played, solve, result="已协调改道")
    assert played.facts.works.problems["1"].result == "已协调改道"


@pytest.mark.clause("qingdao.design.dept-rep-design-liaison", "qingdao.construction.eng-rep-contractor-liaison")
@pytest.mark.parametrize(
    ("key", "units"), [("draft-scheme", {"design-unit"}), ("register-works", {"construction-unit", "supervision-unit"})]
)
def test_at_qingdao_it_is_said_when_nobody_has_spoken_with_a_unit(key: str, units: set[str]) -> None:
    played = life("qingdao")
    played.live_until(f"connection.{key}")
    played.passes_on()
    assert {each["unit"] for each in told(played, "LiaisonDue")} == units
    assert set(played.facts.works.to_speak_with) == units
    played.declare("liaised", {"unit": sorted(units)[0]})
    assert set(played.facts.works.to_speak_with) == units - {sorted(units)[0]}


@everywhere
def test_the_deposit_that_a_form_gives_as_its_example_is_enough(pack: str) -> None:
    played = life(pack, {"kind": "temporary"})
    played.live()
    signed = [each for each in told(played, "TaskDecided") if each["key"] == "connection.sign-contract"]
    assert all(each["form"]["deposit"] == "2000.00" for each in signed)


def test_a_deposit_too_small_is_refused() -> None:
    played = life("jinan", {"kind": "temporary"})
    played.live_until("connection.sign-contract")
    assert "2000.00" in refused(played, open_task(played, "sign-contract"), deposit="1999.99")


@pytest.mark.parametrize(
    ("about", "said"),
    [
        ({"kind": "estate", "metered": False}, "metered"),
        ({"kind": "single", "sections": ["东段"]}, "sections"),
        ({"kind": "linear", "ends_on": "2026-12-31"}, "ends_on"),
    ],
)
def test_a_project_says_of_itself_what_its_kind_can(about: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        ProjectBody.model_validate({"name": "x", **about})


def test_nothing_is_declared_by_a_name_that_there_is_not() -> None:
    played = at_work("jinan")
    command = Declare(by=Actor(id="a", roles=("engineer",)), at=played.now, what="x")
    with pytest.raises(Refused, match="nothing is declared as x"):
        events_of(command, played.facts, played.policy, load_calendar())
