"""A connection project through its doors: opened once, decided, refused at a gate, withdrawn; and who may not."""

from typing import Any
from uuid import uuid4

import pytest

from tests.api.conftest import Site, eventually


@pytest.fixture
def project(site: Site, account_no: str) -> dict[str, Any]:
    answer = site.post("/connection-projects", shop(account_no), who="clerk")
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def shop(reference: str) -> dict[str, Any]:
    return {"project": {"name": "泉城路小店", "kind": "single", "address": "泉城路 1 号", "reference": reference}}


def test_an_application_opens_a_project_and_says_what_comes_next(project: dict[str, Any]) -> None:
    assert project["case_no"].startswith("BZ-")
    assert (project["process"], project["stage"], project["status"]) == ("connection", "application", "open")
    assert [task["key"] for task in project["tasks"]] == ["connection.check-papers"]
    assert project["tasks"][0]["clauses"] == ["jinan.design.one-time-notice-same-day"]
    assert project["next"]["tasks"] == ["connection.check-papers"]


def test_the_same_reference_finds_the_same_project(site: Site, project: dict[str, Any], account_no: str) -> None:
    again = site.post("/connection-projects", shop(account_no), who="clerk")
    assert (again.status_code, again.json()["case_no"]) == (200, project["case_no"])


def test_a_clerk_finds_a_paper_missing_and_the_time_is_the_customers(site: Site, project: dict[str, Any]) -> None:
    form = {"form": {"outcome": "missing", "missing": ["产权证明"]}}
    told = site.post(f"/tasks/{project['tasks'][0]['task_id']}/decide", form, who="clerk")
    assert told.status_code == 200, told.text
    case = site.get(f"/cases/{project['case_no']}").json()
    assert [(task["key"], task["clock"][0]["party"]) for task in case["tasks"]] == [
        ("connection.supply-papers", "customer")
    ]
    assert set(case["time"]) == {"utility", "customer"}
    refused = site.post(f"/cases/{project['case_no']}/tasks/connection.survey/decide", {"form": {}}, who="engineer")
    assert refused.status_code in (409, 422)


def test_a_project_is_withdrawn(site: Site, project: dict[str, Any]) -> None:
    site.post(f"/cases/{project['case_no']}/withdraw", {"reason": "不再开店"}, who="supervisor")
    case = site.get(f"/cases/{project['case_no']}").json()
    assert (case["stage"], case["status"], case["outcome"]) == ("closed", "closed", "withdrawn")


def test_a_collector_opens_no_project_and_a_bad_one_is_told_field_by_field(site: Site) -> None:
    assert site.post("/connection-projects", shop("x"), who="collector").json()["code"] == "wrong-role"
    bad = site.post("/connection-projects", {"project": {"name": "x", "kind": "castle", "meters": 0}}, who="clerk")
    assert (bad.status_code, bad.json()["code"]) == (422, "form-invalid")
    assert "kind" in bad.text
    assert "meters" in bad.text


def test_a_new_project_stands_on_the_board_and_its_first_task_is_counted(site: Site) -> None:
    name = f"明湖{uuid4().hex[:8]}小区"
    body = {"project": {"name": name, "kind": "estate", "address": "示例路8号"}}
    opened = site.post("/connection-projects", body, who="clerk")
    assert opened.status_code == 201, opened.text
    (line,) = site.get("/board", "clerk", q=name[2:]).json()["items"]
    assert (line["name"], line["phase"], line["party"]) == (name, "application", "utility")
    assert [task["key"] for task in line["tasks"]] == ["connection.check-papers"]
    counts = {each["phase"]: each["projects"] for each in site.get("/board/counts", "clerk", q=name).json()}
    assert counts == {"application": 1, "survey": 0, "design": 0, "inspection": 0, "activation": 0}
    today = site.get("/tasks/counts", "clerk", q=name).json()
    assert (today["late"] + today["today"], today["later"], today["paused"], today["mine"]) == (1, 0, 0, 0)
    (task,) = site.get("/tasks", "clerk", q=name).json()["items"]
    assert (task["title"], task["party"]) == (name, "utility")
    assert [case["case_no"] for case in site.get("/cases", "clerk", q=name).json()["items"]] == [line["case_no"]]


def decided(site: Site, case_no: str, key: str, who: str, form: dict[str, Any] | None = None) -> Any:
    return site.post(f"/cases/{case_no}/tasks/{key}/decide", {"form": form or {}}, who=who)


def test_a_decision_waits_for_the_signature_that_was_asked_for(site: Site, project: dict[str, Any]) -> None:
    no, (task,) = project["case_no"], project["tasks"]
    asking = {"task": task["task_id"], "of": "engineer", "reason": "请看管位"}
    assert site.post(f"/cases/{no}/cosign", asking, who="designer").json()["code"] == "wrong-role"
    assert site.post(f"/cases/{no}/cosign", asking | {"of": "auditor"}, who="clerk").json()["code"] == "form-invalid"
    assert site.post(f"/cases/{no}/cosign", asking | {"of": "clerk"}, who="clerk").json()["code"] == "four-eyes"
    assert site.post(f"/cases/{no}/cosign", asking, who="clerk").status_code == 200
    form = {"outcome": "complete"}
    assert decided(site, no, task["key"], "clerk", form).json()["code"] == "four-eyes"
    (mine,) = [
        each for each in site.get("/tasks", who="engineer", mine="true").json()["items"] if each["case_no"] == no
    ]
    assert mine["key"] == "connection.cosign"
    signed = site.post(f"/tasks/{mine['task_id']}/decide", {"form": {"outcome": "agree"}}, who="engineer")
    assert signed.status_code == 200, signed.text
    assert decided(site, no, task["key"], "clerk", form).status_code == 200


def test_a_signature_that_is_not_needed_any_more_is_dropped_with_its_task(site: Site, project: dict[str, Any]) -> None:
    no, (task,) = project["case_no"], project["tasks"]
    asking = {"task": task["task_id"], "of": "engineer", "reason": "请看管位"}
    site.post(f"/cases/{no}/cosign", asking, who="clerk")
    dropped = site.post(f"/cases/{no}/drop-cosign", {"task": task["task_id"]}, who="clerk")
    assert dropped.status_code == 200, dropped.text
    assert [each["key"] for each in site.get(f"/cases/{no}").json()["tasks"] if each["status"] == "open"] == [
        task["key"]
    ]
    assert decided(site, no, task["key"], "clerk", {"outcome": "complete"}).status_code == 200


def test_work_is_sent_back_and_taken_back_until_a_meter_is_signed_for(site: Site, project: dict[str, Any]) -> None:
    no = project["case_no"]
    assert decided(site, no, "connection.check-papers", "clerk", {"outcome": "complete"}).status_code == 200
    taken = site.post(f"/cases/{no}/take-back", {"task": "connection.check-papers", "reason": "看错"}, who="clerk")
    assert taken.status_code == 200, taken.text
    assert taken.json()["stage"] == "application"
    assert decided(site, no, "connection.check-papers", "clerk", {"outcome": "complete"}).status_code == 200
    assert decided(site, no, "connection.arrange-survey", "representative").status_code == 200
    late = site.post(f"/cases/{no}/take-back", {"task": "connection.check-papers", "reason": "看错"}, who="clerk")
    assert late.json()["code"] == "not-open"
    back = {"to": "connection.check-papers", "reason": "证照过期"}
    assert site.post(f"/cases/{no}/send-back", back, who="collector").json()["code"] == "wrong-role"
    assert site.post(f"/cases/{no}/send-back", back | {"to": "connection.accept"}, who="engineer").json()["code"] == (
        "form-invalid"
    )
    assert site.post(f"/cases/{no}/send-back", back, who="engineer").json()["stage"] == "application"
    told = site.get(f"/cases/{no}/timeline").json()["items"]
    assert [each["body"]["undone"] for each in told if each["event"] == "SentBack"][-1] == [
        "connection.check-papers",
        "connection.arrange-survey",
    ]


def test_a_project_called_off_by_mistake_goes_on_where_it_stood(site: Site, project: dict[str, Any]) -> None:
    no = project["case_no"]
    assert site.post(f"/cases/{no}/reopen", {"reason": "误撤"}, who="clerk").json()["code"] == "not-open"
    assert decided(site, no, "connection.check-papers", "clerk", {"outcome": "complete"}).status_code == 200
    site.post(f"/cases/{no}/withdraw", {"reason": "不再开店"}, who="supervisor")
    assert site.post(f"/cases/{no}/reopen", {"reason": "误撤"}, who="collector").json()["code"] == "wrong-role"
    assert site.post(f"/cases/{no}/reopen", {"reason": "误撤"}, who="clerk").status_code == 202
    again = site.post(f"/cases/{no}/reopen", {"reason": "误撤"}, who="clerk")
    # Asked for twice, opened once: the second either still waits with the first, or finds the case open already.
    assert again.status_code == 202 or again.json()["code"] == "not-open"
    eventually(lambda: site.get(f"/cases/{no}").json()["status"] == "open")
    assert decided(site, no, "connection.arrange-survey", "representative").status_code == 200
    told = site.get(f"/cases/{no}/timeline").json()["items"]
    (reopened,) = [each for each in told if each["event"] == "CaseReopened"]
    assert (reopened["body"]["because"], reopened["actor"]) == ("误撤", "clerk")


def test_everything_that_may_be_declared_has_a_form_and_a_declaration_goes_on_record(
    site: Site, project: dict[str, Any]
) -> None:
    kinds = {each["what"]: each for each in site.get("/declarations").json()["items"]}
    assert kinds["problem"]["schema"]["required"] == ["problem"]
    address = f"/cases/{project['case_no']}/declare"
    told = site.post(address, {"what": "problem", "form": {"problem": "施工占用出入口"}}, who="representative")
    assert told.status_code == 200, told.text
    case = site.get(f"/cases/{project['case_no']}").json()
    assert {task["key"] for task in case["tasks"]} == {"connection.check-papers", "connection.solve-problem"}
    for body, code in (
        ({"what": "nothing", "form": {}}, "unknown"),
        ({"what": "problem", "form": {}}, "form-invalid"),
        ({"what": "design-change", "form": {"reason": "x"}}, "not-open"),
        ({"what": "party", "form": {"unit": "branch", "representative": "x", "account": "nobody"}}, "form-invalid"),
        ({"what": "problem", "form": {"problem": "x", "photo": f"sha256:{'0' * 64}"}}, "form-invalid"),
    ):
        assert site.post(address, body, who="representative").json()["code"] == code
    assert site.post(address, {"what": "service", "form": {}}, who="clerk").json()["code"] == "wrong-role"
