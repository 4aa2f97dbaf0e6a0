"""Planned against real through doors: as JSON, on the project's page, and as Excel."""

from typing import Any
from uuid import uuid4

import pytest

from tests.api.conftest import Site, opening
from tests.api.test_applicant import decide, opened
from tests.api.test_exports import Read


@pytest.fixture
def case(site: Site) -> dict[str, Any]:
    mine = opened(site)
    decide(site, mine, "check-papers", {"outcome": "complete"}, "clerk")
    return mine


def rows(content: bytes) -> list[list[Any]]:
    return Read(content).rows


def test_a_course_says_what_was_promised_done_and_is_to_come(site: Site, case: dict[str, Any]) -> None:
    phases = site.get(f"/cases/{case['case_no']}/course").json()["items"]
    assert [phase["phase"] for phase in phases] == ["application", "survey", "design", "inspection", "activation"]
    done = phases[0]["tasks"][0]
    assert (done["task"], done["standing"], done["late_seconds"]) == ("connection.check-papers", "done", 0)
    assert done["real_at"] < done["promised_at"]
    assert [task["standing"] for task in phases[1]["tasks"]] == ["open", "to-come"]
    expected = [task["expected_at"] for phase in phases for task in phase["tasks"] if task["standing"] != "done"]
    assert expected == sorted(expected)
    water = next(task for task in phases[-1]["tasks"] if task["task"] == "connection.activate")
    assert water["expected_at"] > phases[1]["tasks"][0]["expected_at"]


def test_the_page_draws_it_and_says_it_in_words_too(site: Site, case: dict[str, Any]) -> None:
    address = f"http://127.0.0.1:{site.settings.api_port}/projects/{case['case_no']}"
    page = site.http.get(address, headers=site.as_("representative")).text
    drawn = page.partition('id="course"')[2].partition("</section>")[0]
    assert drawn.count("<svg") == drawn.count('scope="row"')
    for words in ("核对资料", "预约勘察", "并网通水", "未开始", "办理中"):
        assert words in drawn


def test_a_course_and_a_boards_courses_are_workbooks(site: Site, case: dict[str, Any]) -> None:
    answer = site.get(f"/cases/{case['case_no']}/course.xlsx", "representative")
    assert answer.status_code == 200
    head, *lines = rows(answer.content)
    assert head[:10] == ["案号", "项目", "阶段", "任务", "子项", "状态", "开始", "承诺", "实际", "预计"]
    assert lines[0][:4] == [case["case_no"], case["name"], "受理申请", "核对资料"]
    assert lines[-1][5] == "未开始"
    board = rows(site.get("/board-course.xlsx", "representative", q=case["name"][2:]).content)
    assert [line[3] for line in board[1:]] == ["核对资料", "预约勘察"]
    masked = rows(site.get(f"/cases/{case['case_no']}/course.xlsx", "auditor").content)
    assert case["name"] not in {line[1] for line in masked}


def test_a_debt_has_no_course(site: Site) -> None:
    debt = site.post("/arrears-cases", opening(uuid4().hex[:8]), who="clerk").json()
    assert site.get(f"/cases/{debt['case_no']}/course").json()["code"] == "form-invalid"
