"""The organisation through its doors: posts held and handed over, and work that goes on when somebody is away."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from runtime.wall_clock import now
from tests.api.conftest import Site, opening


@pytest.fixture
def part() -> str:
    return f"网格{uuid4().hex[:6]}"


@pytest.fixture
def pair(site: Site, part: str) -> tuple[str, str]:
    """Two who each work in a grid of their own."""
    here = site.add(f"a-{part[-6:]}", "collector", "representative", grid=part)
    there = site.add(f"b-{part[-6:]}", "collector", "representative", grid=f"{part}-2")
    for name in (part, f"{part}-2"):
        made = site.post("/organisation/grids", {"name": name, "kind": "reading-area"}, who="administrator")
        assert made.status_code == 200, made.text
    return here, there


def away(site: Site, person: str, stand_in: str | None, *, who: str | None = None, hours: int = 8) -> Any:
    body = {"person": person, "starts_at": now().isoformat(), "ends_at": (now() + timedelta(hours=hours)).isoformat()}
    given = {"stand_in": stand_in} if stand_in else {}
    return site.post("/absences", body | given | {"reason": "年休假"}, who=who or person)


def test_a_post_is_held_handed_over_and_told_with_what_is_not_as_it_should_be(
    site: Site, pair: tuple[str, str], part: str
) -> None:
    here, there = pair
    post = {"grid": part, "person": here}
    appointed = site.post("/organisation/posts", post, who="supervisor")
    assert (appointed.status_code, appointed.json()["approved"]) == (200, True)
    assert site.post("/organisation/posts", post | {"person": there}, who="supervisor").json()["code"] == "duplicate"
    told = site.get("/organisation", who="collector").json()
    assert [each["person"] for each in told["holders"] if each["grid"] == part] == [here]
    assert {"key": "vacant", "about": f"{part}-2", "value": "1", "clauses": []} in told["departures"]
    over = {"grid": part, "person": there, "handed": []}
    assert site.post("/organisation/hand-overs", over, who="supervisor").json()["code"] == "gate"
    over["handed"] = ["accounts"]
    assert site.post("/organisation/hand-overs", over, who="supervisor").status_code == 200
    told = site.get("/organisation", who="auditor").json()
    assert [each["person"] for each in told["holders"] if each["grid"] == part] == [there]


def test_nobody_of_this_name_holds_a_post_and_no_grid_is_entered_twice(
    site: Site, pair: tuple[str, str], part: str
) -> None:
    stranger = {"grid": part, "person": "nobody-at-all"}
    assert site.post("/organisation/posts", stranger, who="supervisor").json()["code"] == "unknown"
    again = site.post("/organisation/grids", {"name": part, "kind": "reading-area"}, who="supervisor")
    assert again.json()["code"] == "duplicate"


@pytest.mark.clause("liaocheng.organisation.ab-two-cover")
def test_work_goes_on_with_a_stand_in_and_is_theirs_no_longer_than_that(
    site: Site, pair: tuple[str, str], part: str, account_no: str
) -> None:
    here, there = pair
    case = site.post("/arrears-cases", opening(account_no, grid=part), who="clerk").json()
    (task,) = case["tasks"]
    assert site.post(f"/tasks/{task['task_id']}/claim", who=here).status_code == 200
    decision = {"form": {"outcome": "served", "method": "posted", "receipt": "门口张贴"}}
    assert site.get(f"/tasks/{task['task_id']}", who=there).status_code == 404
    entered = away(site, here, there)
    assert entered.status_code == 200, entered.text
    mine = [each["task_id"] for each in site.get("/tasks", who=there, mine="true").json()["items"]]
    assert task["task_id"] in mine
    assert [each["task_id"] for each in site.get("/tasks", who=there).json()["items"]].count(task["task_id"]) == 1
    number = entered.json()["id"]
    assert site.post(f"/absences/{number}/end", who=there).json()["code"] == "wrong-role"
    assert site.post(f"/absences/{number}/end", who=here).status_code == 204
    assert site.get(f"/tasks/{task['task_id']}", who=there).status_code == 404
    assert away(site, here, there, who="supervisor").status_code == 200
    done = site.post(f"/tasks/{task['task_id']}/decide", decision, who=there)
    assert done.status_code == 200, done.text
    told = site.get(f"/cases/{case['case_no']}/timeline").json()["items"]
    assert [each["actor"] for each in told if each["event"] == "TaskDecided"] == [there]


def test_an_absence_needs_somebody_who_can_do_the_work_and_an_end_to_come(site: Site, pair: tuple[str, str]) -> None:
    here, there = pair
    assert away(site, here, None).json()["code"] == "form-invalid"  # no other holder of the grid
    assert away(site, here, "inspector").json()["code"] == "form-invalid"
    assert away(site, here, here).json()["code"] == "form-invalid"
    assert away(site, here, there, hours=-1).json()["code"] == "form-invalid"
    assert away(site, here, there, who="designer").json()["code"] == "wrong-role"


@pytest.mark.clause("changchun.connection.fixed-site-by-district-rep")
def test_a_project_is_its_own_districts_representatives_and_no_others(
    site: Site, pair: tuple[str, str], part: str
) -> None:
    here, there = pair
    body = {"project": {"name": "小店", "kind": "single", "reference": uuid4().hex}}
    project = site.post("/connection-projects", body, who=here).json()
    site.post(
        f"/cases/{project['case_no']}/tasks/connection.check-papers/decide",
        {"form": {"outcome": "complete"}},
        who="clerk",
    )
    assert site.get(f"/cases/{project['case_no']}", who=here).status_code == 200
    assert site.get(f"/cases/{project['case_no']}", who=there).status_code == 404


def test_all_that_somebody_has_goes_to_a_successor_with_the_reason_on_record(
    site: Site, part: str, account_no: str
) -> None:
    leaving, coming = (site.add(f"{name}-{part[-6:]}", "collector") for name in ("old", "new"))
    case = site.post("/arrears-cases", opening(account_no), who="clerk").json()
    (task,) = case["tasks"]
    site.post(f"/tasks/{task['task_id']}/claim", who=leaving)
    body = {"to": coming, "reason": "调岗"}
    assert site.post(f"/people/{leaving}/hand-over", body, who="collector").json()["code"] == "wrong-role"
    told = site.post(f"/people/{leaving}/hand-over", body | {"to": "designer"}, who="supervisor").json()
    assert [(each["done"], each["code"]) for each in told] == [(False, "form-invalid")]
    told = site.post(f"/people/{leaving}/hand-over", body, who="supervisor").json()
    assert [(each["task_id"], each["done"]) for each in told] == [(task["task_id"], True)]
    assert [each["task_id"] for each in site.get("/tasks", who=coming, mine="true").json()["items"]] == [
        task["task_id"]
    ]
    said = site.get(f"/cases/{case['case_no']}/timeline").json()["items"]
    assert [each["body"]["reason"] for each in said if each["event"] == "TaskReassigned"] == ["调岗"]


def test_work_of_the_holidays_goes_to_whoever_is_on_duty_there(site: Site, part: str, account_no: str) -> None:
    engineer = site.add(f"duty-{part[-6:]}", "collector", grid=f"{part}-2")
    case = site.post("/arrears-cases", opening(account_no, grid=part), who="clerk").json()
    (task,) = case["tasks"]
    assert site.get(f"/tasks/{task['task_id']}", who=engineer).status_code == 404
    duty = {"person": engineer, "part": "grid", "name": part, "starts_at": now().isoformat()}
    duty["ends_at"] = (now() + timedelta(hours=8)).isoformat()
    assert site.post("/duties", duty, who=engineer).json()["code"] == "wrong-role"
    entered = site.post("/duties", duty, who="supervisor")
    assert entered.status_code == 200, entered.text
    assert [row["task_id"] for row in site.get("/tasks", who=engineer, case_no=case["case_no"]).json()["items"]] == [
        task["task_id"]
    ]
    page = site.http.get(
        f"http://127.0.0.1:{site.settings.api_port}/tasks/{task['task_id']}", headers=site.as_("supervisor")
    )
    assert engineer in page.text
    assert site.post(f"/duties/{entered.json()['id']}/end", who="supervisor").status_code == 204
    assert site.get(f"/tasks/{task['task_id']}", who=engineer).status_code == 404
