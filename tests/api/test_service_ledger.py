"""The ledger of projects that are served: progress, problems, results; as JSON, as Excel and on its page."""

from io import BytesIO
from typing import Any
from uuid import uuid4
from zipfile import ZipFile

import pytest

from tests.api.conftest import Site


@pytest.fixture
def served(site: Site) -> dict[str, Any]:
    """A project in a grid of its own, past its papers."""
    grid = f"网格{uuid4().hex[:6]}"
    rep = site.add(f"rep-{grid[-6:]}", "representative", grid=grid)
    body = {"project": {"name": f"小店{grid[-6:]}", "kind": "single", "reference": grid}}
    made = site.post("/connection-projects", body, who=rep).json()
    site.post(
        f"/cases/{made['case_no']}/tasks/connection.check-papers/decide", {"form": {"outcome": "complete"}}, who="clerk"
    )
    return {"case_no": made["case_no"], "grid": grid, "rep": rep, "name": body["project"]["name"]}


def rows(site: Site, served: dict[str, Any]) -> list[dict[str, Any]]:
    return list(site.get("/service-ledger", who="service-manager", grid=served["grid"]).json()["items"])


@pytest.mark.clause(
    "changchun.connection.service-ledger",
    "changchun.connection.ledger-fields",
    "changchun.organisation.manager-organises-reps",
    "changchun.organisation.manager-assists-dept-head",
)
def test_a_project_stands_in_the_ledger_with_progress_problems_and_what_came_of_them(
    site: Site, served: dict[str, Any]
) -> None:
    no = served["case_no"]
    (row,) = rows(site, served)
    assert (row["case_no"], row["name"], row["phase"], row["status"]) == (no, served["name"], "survey", "open")
    assert (row["served_by"], row["problems"]) == ("representative", [])
    assert [task["key"] for task in row["tasks"]] == ["connection.arrange-survey"]
    problem = {"what": "problem", "form": {"problem": "施工占用小区出入口"}}
    told = site.post(f"/cases/{no}/declare", problem, who=served["rep"])
    assert told.status_code == 200, told.text
    (row,) = rows(site, served)
    assert [(each["what"], each["solved_at"]) for each in row["problems"]] == [("施工占用小区出入口", None)]
    form = site.post(
        f"/cases/{no}/tasks/connection.solve-problem/decide", {"form": {"result": "已协调改道"}}, who=served["rep"]
    )
    assert form.status_code == 200, form.text
    (row,) = rows(site, served)
    assert [each["result"] for each in row["problems"]] == ["已协调改道"]


@pytest.mark.clause("changchun.connection.project-list")
def test_the_list_of_projects_served_goes_out_as_excel_and_shows_nobody_elses(
    site: Site, served: dict[str, Any]
) -> None:
    book = site.get("/service-ledger.xlsx", who=served["rep"], status="open")
    with ZipFile(BytesIO(book.content)) as parts:
        said = b"".join(parts.read(name) for name in parts.namelist()).decode(errors="ignore")
    assert served["case_no"] in said
    other = site.add(f"other-{served['grid'][-6:]}", "representative", grid="elsewhere")
    assert [row["case_no"] for row in site.get("/service-ledger", who=other).json()["items"]] == []


def test_the_page_shows_the_same_and_an_auditor_no_names(site: Site, served: dict[str, Any]) -> None:
    address = f"http://127.0.0.1:{site.settings.api_port}/service-ledger?grid={served['grid']}"
    page = site.http.get(address, headers=site.as_("service-manager"))
    assert page.status_code == 200
    assert served["name"] in page.text
    masked = site.http.get(address, headers=site.as_("auditor"))
    assert served["case_no"] in masked.text
    assert served["name"] not in masked.text
