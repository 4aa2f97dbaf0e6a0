"""The inbox: what falls to whom, in which order, and who has it in hand."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update

from runtime.wall_clock import now
from store.pressing import NO_TERM
from store.tables import inbox_log, tasks
from tests.api.conftest import Site, opening

SERVED = {"form": {"outcome": "served", "method": "posted", "photo": "door.jpg"}}


def test_the_inbox_shows_tasks_of_my_roles_soonest_due_first(site: Site, account_no: str) -> None:
    grid = f"G{account_no}"
    for n in range(5):
        site.post("/arrears-cases", opening(f"{account_no}{n}", grid=grid), who="clerk")
    collector, engineer = site.add(f"c-{grid}", "collector", grid=grid), site.add(f"e-{grid}", "engineer", grid=grid)
    seen = site.get("/tasks", collector).json()["items"]
    assert [task["subject"] for task in seen] == [f"{account_no}{n}" for n in range(5)]
    assert seen == sorted(seen, key=lambda task: (task["due_at"], task["task_id"]))
    assert seen[0]["title_zh"] == "送达《水费催缴通知单》"
    assert seen[0]["amount"] == "86.40"
    assert site.get("/tasks", engineer).json()["items"] == []
    refused = site.get("/tasks", engineer, all=True)
    assert (refused.status_code, refused.json()["code"]) == (403, "wrong-role")
    supervisor = site.add(f"s-{grid}", "supervisor", grid=grid)
    assert site.get("/tasks", supervisor).json()["items"] == []
    assert len(site.get("/tasks", supervisor, all=True).json()["items"]) == 5
    assert len(site.get("/tasks", collector, key="arrears.serve-dunning-notice", role="collector").json()["items"]) == 5
    assert site.get("/tasks", collector, key="arrears.restore").json()["items"] == []


def test_the_inbox_is_read_page_by_page(site: Site, account_no: str) -> None:
    grid = f"G{account_no}"
    for n in range(7):
        site.post("/arrears-cases", opening(f"{account_no}{n}", grid=grid), who="clerk")
    who = site.add(f"c-{grid}", "collector", grid=grid)
    with site.database.write() as connection:  # a task without a term comes last
        undated = f"{site.get('/tasks', who).json()['items'][2]['task_id']}"
        connection.execute(update(tasks).where(tasks.c.task_id == undated).values(due_at=None, presses_at=NO_TERM))
    read, after = [], None
    while True:
        page = site.get("/tasks", who, limit=3, **({"after": after} if after else {})).json()
        read += [task["task_id"] for task in page["items"]]
        if (after := page["next"]) is None:
            break
    assert len(read) == len(set(read)) == 7
    assert read[-1] == undated
    due = site.get("/tasks", who).json()["items"][0]["due_at"]
    assert site.get("/tasks", who, due_before=due).json()["items"] == []


def test_a_task_that_has_risen_shows_at_the_level_it_rose_to(site: Site, opened: dict[str, Any]) -> None:
    task_id = opened["tasks"][0]["task_id"]
    with site.database.write() as connection:
        connection.execute(
            update(tasks).where(tasks.c.task_id == task_id).values(level="section", grid=opened["subject"])
        )
    section = site.add(f"sec-{opened['subject']}", "supervisor", level="section", grid=opened["subject"])
    office = site.add(f"off-{opened['subject']}", "supervisor", level="office", grid=opened["subject"])
    assert [task["task_id"] for task in site.get("/tasks", section).json()["items"]] == [task_id]
    assert site.get("/tasks", office).json()["items"] == []


def test_a_claimed_task_is_decided_by_nobody_else(site: Site, opened: dict[str, Any]) -> None:
    task_id = opened["tasks"][0]["task_id"]
    wang, li = site.add(f"wang-{task_id}", "collector"), site.add(f"li-{task_id}", "collector")
    claimed = site.post(f"/tasks/{task_id}/claim", who=wang)
    assert (claimed.status_code, claimed.json()["holder"]) == (200, wang)
    assert site.post(f"/tasks/{task_id}/claim", who=wang).status_code == 200
    for path, body in (
        (f"/tasks/{task_id}/claim", None),
        (f"/tasks/{task_id}/decide", SERVED),
        (f"/cases/{opened['case_no']}/tasks/arrears.serve-dunning-notice/decide", SERVED),
    ):
        refused = site.post(path, body, who=li)
        assert (refused.status_code, refused.json()["code"]) == (409, "not-open")
        assert wang in refused.json()["message"]
    assert [task["task_id"] for task in site.get("/tasks", wang, mine=True).json()["items"]] == [task_id]
    assert site.get("/tasks", li, mine=True).json()["items"] == []
    assert site.post(f"/tasks/{task_id}/release", who=li).json()["code"] == "wrong-role"
    assert site.post(f"/tasks/{task_id}/release", who=wang).json()["holder"] is None
    assert site.post(f"/tasks/{task_id}/release", who=wang).json()["code"] == "not-open"
    assert site.post(f"/tasks/{task_id}/decide", SERVED, who=li).status_code == 200
    assert site.post(f"/tasks/{task_id}/claim", who=wang).json()["code"] == "not-open"
    with site.database.read() as connection:
        rows = connection.execute(select(inbox_log).where(inbox_log.c.task_id == task_id).order_by(inbox_log.c.id))
        assert [(row.action, row.by) for row in rows] == [("claim", wang), ("release", wang)]


def test_fifty_who_claim_at_once_get_one_task_in_one_hand(site: Site, opened: dict[str, Any]) -> None:
    task_id = opened["tasks"][0]["task_id"]
    people = [site.add(f"p{n}-{task_id}", "collector") for n in range(20)]
    with ThreadPoolExecutor(max_workers=20) as callers:
        given = list(callers.map(lambda who: site.post(f"/tasks/{task_id}/claim", who=who), people))
    assert sorted(answer.status_code for answer in given) == [200] + [409] * 19
    holder = site.get(f"/tasks/{task_id}").json()["holder"]
    assert people[[answer.status_code for answer in given].index(200)] == holder


def test_only_those_who_could_decide_a_task_may_claim_it(site: Site, opened: dict[str, Any]) -> None:
    task_id = opened["tasks"][0]["task_id"]
    refused = site.post(f"/tasks/{task_id}/claim", who="engineer")
    assert (refused.status_code, refused.json()["code"]) == (403, "wrong-role")


def test_a_supervisor_releases_what_another_holds(site: Site, opened: dict[str, Any]) -> None:
    task_id = opened["tasks"][0]["task_id"]
    site.post(f"/tasks/{task_id}/claim")
    assert site.post(f"/tasks/{task_id}/release", who="supervisor").json()["holder"] is None


def test_a_reassigned_task_leaves_the_hands_that_held_it(site: Site, opened: dict[str, Any]) -> None:
    task_id, case = opened["tasks"][0]["task_id"], f"/cases/{opened['case_no']}"
    wang, li = site.add(f"wang-{task_id}", "collector"), site.add(f"li-{task_id}", "collector")
    site.post(f"/tasks/{task_id}/claim", who=wang)
    told = site.post(f"{case}/reassign", {"task": task_id, "to": li, "reason": "休假"}, who="supervisor")
    assert told.status_code == 200, told.text
    task = site.get(f"/tasks/{task_id}").json()
    assert (task["holder"], task["assignee"]) == (None, li)
    assert [each["task_id"] for each in site.get("/tasks", li, mine=True).json()["items"]] == [task_id]
    assert site.post(f"/tasks/{task_id}/decide", SERVED, who=li).status_code == 200


def test_a_task_goes_to_nobody_who_is_not_here_or_could_not_decide_it(site: Site, opened: dict[str, Any]) -> None:
    path, task = f"/cases/{opened['case_no']}/reassign", "arrears.serve-dunning-notice"
    elsewhere = site.add(f"elsewhere-{opened['subject']}", "collector", grid="elsewhere")
    for to in ("nobody", "engineer", elsewhere):
        refused = site.post(path, {"task": task, "to": to}, who="supervisor")
        assert (refused.status_code, refused.json()["code"]) == (422, "form-invalid"), to


def test_a_task_tells_whose_time_it_was_and_how_it_is_decided(site: Site, opened: dict[str, Any]) -> None:
    task_id = opened["tasks"][0]["task_id"]
    pause = {"task": task_id, "party": "customer", "reason": "用户出差", "evidence": "用户来电登记单"}
    site.post(f"/cases/{opened['case_no']}/pause", pause)
    task = site.get(f"/tasks/{task_id}").json()
    assert [interval["party"] for interval in task["clock"]] == ["utility", "customer"]
    assert task["clauses"] == ["jinan.dunning.notice-within-3-days"]
    assert task["schema"]["properties"]["outcome"]["enum"] == ["served", "failed"]
    assert task["clock"][1]["evidence"] == "用户来电登记单"
    assert task["utility_seconds"] <= task["total_seconds"]
    kinds = [line["kind"] for line in task["arithmetic"]["lines"]]
    assert kinds[0] == "term"
    assert kinds[-3:] == ["pause", "end", "source"]
    assert task["arithmetic"]["ends_at"] == task["due_at"]
    assert task["arithmetic"]["standing"]
    assert task["due_at"].endswith("+08:00")
    assert task["opened_at"].endswith("+08:00")
    assert timedelta(0) < now() - datetime.fromisoformat(task["opened_at"]) < timedelta(hours=1)


def test_every_form_of_every_process_is_listed(site: Site) -> None:
    forms = {form["key"]: form for form in site.get("/forms", "collector").json()["items"]}
    assert {"arrears.restore", "connection.accept"} <= set(forms)
    assert forms["arrears.approve-limit"]["role"] == "supervisor"
    assert forms["arrears.approve-limit"]["level"] == "section"
    assert "outcome" in forms["arrears.approve-limit"]["schema"]["properties"]


def test_i_am_who_my_token_says(site: Site) -> None:
    me = site.get("/me", "supervisor").json()
    assert me == {
        "id": "supervisor",
        "name": "supervisor",
        "roles": ["supervisor"],
        "level": None,
        "grid": None,
        "section": None,
        "office": None,
    }
