"""What the sentences ask of a project, at every utility whose pack speaks of projects."""

from typing import Any

import pytest

from domain.case import next_escalation
from domain.commands import DecideTask, ReassignTask
from domain.connection.commands import assignment, decide, events_of
from domain.connection.events import ComplaintRecorded
from domain.connection.facts import Project
from domain.people import Actor
from domain.refusals import Refused
from domain.tasks import Task
from policies.packs import load_calendar, load_pack, pack_versions
from tests.policies.lives import HOUR, ProjectLife, begun

PACKS = [name for name in pack_versions() if load_pack(name).connection is not None]
everywhere = pytest.mark.parametrize("pack", PACKS)


def life(pack: str, project: dict[str, Any] | None = None, **forms: dict[str, Any]) -> ProjectLife:
    policy = load_pack(pack).connection
    assert policy is not None
    return begun(policy, project or {"kind": "estate", "meters": 5}, {f"connection.{k}": f for k, f in forms.items()})


def told(played: ProjectLife, event: str) -> list[dict[str, Any]]:
    return [each for each in played.told if isinstance(each, dict) and each["event"] == event]


def tasks(played: ProjectLife) -> list[str]:
    """Keys (and what each is about) in the order in which they opened."""
    opened = [each["task"] for each in told(played, "TaskOpened")]
    return [t["key"].removeprefix("connection.") + (f" {t['subject']}" if t["subject"] else "") for t in opened]


def open_until(played: ProjectLife, key: str) -> Task:
    """Live until a task of this kind is open."""
    if not played.told:
        played.live_until(key)
    return next(task for task in played.facts.tasks.values() if task.key == key)


@pytest.mark.clause(
    "jinan.design.check-received-papers",
    "qingdao.customer-service.preliminary-paper-review",
    "qingdao.customer-service.complete-papers-move-on",
)
@everywhere
def test_nothing_goes_on_before_the_papers_are_looked_through_and_complete(pack: str) -> None:
    played = life(pack, **{"check-papers": {"outcome": "missing", "missing": ["身份证明"]}})
    played.live()
    assert tasks(played)[:3] == ["check-papers", "supply-papers missing", "check-papers"]


@pytest.mark.clause(
    "qingdao.customer-service.tell-customer-of-defects", "changchun.connection.tell-once-guide-throughout"
)
@everywhere
def test_missing_papers_are_named_to_the_customer_all_at_once(pack: str) -> None:
    played = life(pack)
    task = open_until(played, "connection.check-papers")
    assert played.tried(task, {"outcome": "missing", "missing": []}, completed=False) is None
    decided = played.tried(task, {"outcome": "missing", "missing": ["身份证明", "营业执照"]}, completed=False)
    assert decided is not None
    played.say(decided)
    played.settle()
    assert played.facts.missing == ("身份证明", "营业执照")
    assert [task.key for task in played.facts.tasks.values()] == ["connection.supply-papers"]


@pytest.mark.clause("qingdao.connection.survey-record")
@everywhere
def test_no_scheme_is_drafted_without_the_record_of_a_survey(pack: str) -> None:
    played = life(pack)
    played.live()
    order = tasks(played)
    assert order.index("survey") < order.index("draft-scheme")


@pytest.mark.clause("qingdao.connection.plan-approved-before-handover", "qingdao.design.drawing-review-on-notice")
@everywhere
def test_nobody_draws_before_the_scheme_is_approved_and_a_customers_drawings_are_reviewed(pack: str) -> None:
    forms = {"approve-scheme": {"outcome": "return", "reason": "管径"}}
    played = life(pack, {"kind": "single", "design_by": "customer"}, **forms)
    played.live()
    order = tasks(played)
    drawing = "submit-drawings" if "submit-drawings" in order else "design"
    assert order.count("approve-scheme") == 2
    assert order.index(drawing) > max(at for at, key in enumerate(order) if key == "approve-scheme")
    if drawing == "submit-drawings":
        assert order[order.index(drawing) + 1] == "review-drawings"


@pytest.mark.clause("qingdao.construction.inspect-each-node")
@everywhere
def test_each_node_is_inspected_and_no_meter_installed_before_all_have_passed(pack: str) -> None:
    played = life(pack, **{"register-works": {"nodes": ["沟槽", "试压", "回填"]}})
    played.forms["connection.inspect-node"] = {"outcome": "defects", "reason": "未试压"}
    played.live()
    order = tasks(played)
    inspected = [key for key in order if key.startswith("inspect-node")]
    assert sorted(set(inspected)) == sorted(["inspect-node 回填", "inspect-node 沟槽", "inspect-node 试压"])
    assert len(inspected) == 4
    assert order.index("install-meters") > max(order.index(key) for key in inspected)


@pytest.mark.clause(
    "kaifeng.acceptance.partial-pass-sign-good-part",
    "kaifeng.acceptance.failed-part-reaccepted",
    "kaifeng.acceptance.failed-part-rectified",
)
@everywhere
def test_what_passed_is_signed_and_what_failed_is_rectified_and_accepted_again_alone(pack: str) -> None:
    played = life(pack, accept={"failed": {2: "铅封缺失", 4: "埋深"}})
    played.live()
    assert [(each["round"], each["ranges"]) for each in told(played, "ItemsPassed")] == [
        (1, [[1, 1], [3, 3], [5, 5]]),
        (2, [[2, 2], [4, 4]]),
    ]
    assert [sorted(each["items"]) for each in told(played, "ItemsFailed")] == [["2", "4"]]
    order = [key for key in tasks(played) if key.startswith(("accept", "rectify"))]
    assert order == ["accept", "rectify 2", "rectify 4", "accept"]


@pytest.mark.clause("changchun.complaint.follow-up-record-complaints")
@everywhere
def test_a_complaint_at_the_follow_up_is_on_record(pack: str) -> None:
    played = life(pack, **{"follow-up": {"satisfaction": "dissatisfied", "opinion": "等了很久"}})
    played.live()
    (complaint,) = told(played, ComplaintRecorded.__name__)
    assert complaint["opinion"] == "等了很久"


@pytest.mark.clause(
    "changchun.connection.every-customer-one-rep",
    "changchun.organisation.rep-definition",
    "changchun.connection.served-customers",
)
@everywhere
@pytest.mark.parametrize("project", [{"kind": "single"}, {"kind": "linear"}, {"kind": "single", "sector": "trade"}])
def test_no_project_leaves_the_application_without_somebody_who_serves_it(pack: str, project: dict[str, Any]) -> None:
    played = life(pack, project)
    played.live()
    assigned = next(
        at for at, each in enumerate(played.told) if isinstance(each, dict) and each["event"] == "ProjectAssigned"
    )
    surveyed = next(
        at for at, each in enumerate(played.told) if isinstance(each, dict) and each.get("stage") == "survey"
    )
    assert assigned < surveyed


@pytest.mark.clause(
    "changchun.connection.two-tiers",
    "changchun.connection.large-government-key",
    "changchun.connection.large-high-reliability",
    "changchun.connection.large-petition",
)
@everywhere
@pytest.mark.parametrize("flag", ["key_government", "high_reliability", "petition"])
def test_a_project_is_large_for_what_it_is_whatever_its_investment(pack: str, flag: str) -> None:
    policy = load_pack(pack).connection
    assert policy is not None
    assert assignment(Project(kind="single", **{flag: True}), policy) == (policy.assigning.large.value, "large")
    assert assignment(Project(kind="single", sector="other"), policy) == (policy.assigning.general.value, "general")


@pytest.mark.clause("changchun.connection.leading-group-assigns")
def test_where_the_rule_cannot_tell_the_leading_group_assigns_and_nobody_else() -> None:
    played = life("jinan@2020-01-29", {"kind": "single", "sector": "industry"})
    task = open_until(played, "connection.assign")
    with pytest.raises(Refused, match="leading-group"):
        decide_as(played, task, Actor(id="x", roles=("clerk", "representative", "supervisor")))
    decided = played.tried(task, {"to": "service-manager"})
    assert decided is not None
    played.say(decided)
    assert played.facts.assigned_to == "service-manager"


def decide_as(played: ProjectLife, task: Task, by: Actor) -> object:
    form = played.plain(task, {})
    return decide(DecideTask(by=by, at=played.now, key=task.key, form=form), played.facts, played.policy)


@pytest.mark.clause("changchun.connection.reassign-allowed")
@everywhere
def test_whoever_leads_hands_a_task_to_another_and_nobody_else_does(pack: str) -> None:
    played = life(pack)
    task = open_until(played, "connection.survey")
    policy, calendar = played.policy, load_calendar()
    leads = policy.reassigned_by.value if policy.reassigned_by else ("supervisor", "leading-group")
    for role in leads:
        by = Actor(id="boss", roles=(role,))
        (event,) = events_of(ReassignTask(by=by, at=played.now, task=task.key, to="b"), played.facts, policy, calendar)
        assert getattr(event, "to", None) == "b"
    for other in {"clerk", "customer", "contractor", "auditor"} - set(leads):
        by_another = ReassignTask(by=Actor(id="a", roles=(other,)), at=played.now, task=task.key, to="b")
        with pytest.raises(Refused):
            events_of(by_another, played.facts, policy, calendar)


@pytest.mark.clause("changchun.connection.chase-each-step")
@everywhere
def test_each_step_that_the_utility_lets_lie_is_called_out(pack: str) -> None:
    played = life(pack)
    late = set()
    for _ in range(60):
        if not played.told:
            played.live_until("connection.check-papers")
        ours = [task for task in played.facts.tasks.values() if task.clock[-1].party == "utility"]
        late |= {task.key for task in ours if alarm_of(played, task)}
        assert {task.key for task in ours} <= late
        if played.facts.outcome is not None or not played.step_on():
            break
        played.settle()
    assert {"connection.check-papers", "connection.survey", "connection.accept", "connection.activate"} <= late


def alarm_of(played: ProjectLife, task: Task) -> bool:
    alarm = next_escalation(task, policy=played.policy.escalation.value, calendar=load_calendar())
    return (
        alarm is not None and task.due_at is not None and alarm.at >= task.due_at and alarm.at > task.opened_at + HOUR
    )
