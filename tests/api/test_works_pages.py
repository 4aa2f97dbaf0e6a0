"""What is declared of a project, on its pages and in the service ledger; each page without a script."""

from typing import Any
from uuid import uuid4

import pypdfium2 as pdfium
import pytest

from domain.connection.works_forms import DECLARATIONS
from domain.filling import filled
from domain.processes import TASKS
from tests.api.conftest import Site, eventually, second

OWN = {"Sec-Fetch-Site": "same-origin"}


def opened(site: Site, **more: Any) -> str:
    about = {
        "name": f"工业北路{uuid4().hex[:4]}",
        "kind": "linear",
        "address": "工业北路",
        "sections": ["一段", "二段"],
    }
    answer = site.post("/connection-projects", {"project": about | more}, who="clerk")
    assert answer.status_code == 201, answer.text
    return str(answer.json()["case_no"])


def driven(site: Site, case_no: str, *, until: str) -> str:
    """Every task decided the plain good way until one of this kind waits; returns its id."""

    def step() -> str | None:
        for task in site.get(f"/cases/{case_no}").json()["tasks"]:
            if task["key"] == until:
                return str(task["task_id"])
            asked = site.get(f"/tasks/{task['task_id']}").json()["schema"].get("required", ())
            form = filled(TASKS[task["key"]].form, {}, demands=asked)
            for who in (task["role"], second(task["role"])):
                told = site.post(f"/tasks/{task['task_id']}/decide", {"form": form}, who=who)
                if told.json().get("code") != "four-eyes":
                    break
            assert told.status_code in (200, 409), told.text
        return None

    return eventually(step)


def page(site: Site, path: str, who: str, **said: Any) -> Any:
    method = "POST" if said else "GET"
    address = f"http://127.0.0.1:{site.settings.api_port}{path}"
    return site.http.request(method, address, headers=site.as_(who) | OWN, data=said or None, follow_redirects=False)


@pytest.fixture(scope="module")
def at_work(site: Site) -> str:
    """A line whose works are registered."""
    case_no = opened(site)
    task_id = driven(site, case_no, until="connection.register-works")
    form = page(site, f"/tasks/{task_id}", "engineer").text
    assert all(f'name="nodes" value="{node}"' in form for node in ("一段", "二段", "阀门井"))
    driven(site, case_no, until="connection.inspect-node")
    return case_no


def test_a_declaration_that_is_wrong_comes_back_with_its_fault_and_a_good_one_is_on_the_page(
    site: Site, at_work: str
) -> None:
    address = f"/projects/{at_work}/declare/design-change"
    assert 'name="reason"' in page(site, address, "engineer").text
    wrong = page(site, address, "engineer", reason="地下电缆占位", node="没有这个节点")
    assert wrong.status_code == 422
    assert "没有这个查验节点" in wrong.text
    assert "地下电缆占位" in wrong.text
    right = page(site, address, "engineer", reason="地下电缆占位", stops="yes")
    assert (right.status_code, right.headers["Location"]) == (303, f"/projects/{at_work}?told=declare")
    shown = page(site, f"/projects/{at_work}", "engineer").text
    change = driven_to(site, at_work, "connection.change-design")
    told = page(site, f"/tasks/{change}", "designer").text
    assert "地下电缆占位" in told
    assert "设计单位 跟踪" in told
    assert site.get(f"/cases/{at_work}").json()["project"]["works"]["changes"]["1"]["stops"] is True
    assert "地下电缆占位" in shown
    assert "停工" in shown
    assert "设计变更现场处理" in shown


def test_only_what_a_person_may_declare_is_offered(site: Site, at_work: str) -> None:
    def offered(who: str) -> set[str]:
        text = page(site, f"/projects/{at_work}", who).text
        return {what for what in DECLARATIONS if f"/declare/{what}" in text}

    assert offered("engineer") == {what for what, kind in DECLARATIONS.items() if "engineer" in kind.roles} - {"term"}
    assert offered("follow-up") == set()


def test_a_site_is_looked_at_point_by_point(site: Site, at_work: str) -> None:
    builder = site.somebody("contractor")
    told = {"unit": "construction-unit", "representative": "施工代表", "account": builder}
    assert page(site, f"/projects/{at_work}/declare/party", "engineer", **told).status_code == 303
    assert page(site, f"/projects/{at_work}/declare/site-visit", "engineer", note="例行").status_code == 303
    task_id = driven_to(site, at_work, "connection.inspect-site")
    for place in ("tasks", "field"):
        form = page(site, f"/{place}/{task_id}", "engineer").text
        assert 'name="failed.barriers"' in form
        assert "围挡、夜间警示灯" in form
    sent = {"failed.barriers": "缺夜间警示灯", "failed.drain": "  "}
    assert page(site, f"/tasks/{task_id}/decide", "engineer", **sent).status_code == 303
    mend = driven_to(site, at_work, "connection.mend-site")
    shown = page(site, f"/field/{mend}", builder).text
    assert "围挡和警示" in shown
    assert "缺夜间警示灯" in shown
    assert "缺夜间警示灯" in page(site, f"/projects/{at_work}", "engineer").text


def driven_to(site: Site, case_no: str, key: str) -> str:
    def found() -> str | None:
        tasks = site.get(f"/cases/{case_no}").json()["tasks"]
        return next((str(task["task_id"]) for task in tasks if task["key"] == key), None)

    return eventually(found)


@pytest.mark.clause("jinan.construction.site-board-uniform", "jinan.construction.site-board-content")
def test_the_board_at_the_site_says_what_every_board_says(site: Site, at_work: str) -> None:
    text = page(site, f"/projects/{at_work}/board", "engineer").text
    title = site.get(f"/cases/{at_work}").json()["project"]
    assert title["kind"] == "linear"
    for part in ("供水工程施工公示牌", "工程简介", "工期", "示意图", "施工单位", "监督电话", "D-0001", "工业北路"):
        assert part in text
    printed = page(site, f"/projects/{at_work}/board.pdf", "engineer")
    assert printed.headers["Content-Type"] == "application/pdf"
    document = pdfium.PdfDocument(printed.content)
    said = document[0].get_textpage().get_text_range()
    assert len(document) == 1
    assert document[0].get_width() > document[0].get_height()
    for part in ("供水工程施工公示牌", "工程简介", "监督电话", "D-0001"):
        assert part in said
    assert page(site, f"/projects/{opened(site)}/declare/nothing", "engineer").status_code == 404


@pytest.mark.clause("changchun.connection.lower-customer-cost")
def test_what_projects_cost_their_customers_is_told_quarter_by_quarter(site: Site) -> None:
    """One project whose customer brings papers twice, in a part of the organisation of its own."""
    part = f"cost-{uuid4().hex[:6]}"
    clerk, watcher = site.add(f"c-{part}", "clerk", grid=part), site.add(f"w-{part}", "representative", grid=part)
    customer = site.add(f"k-{part}", "customer")
    made = site.post("/connection-projects", {"project": {"name": "小店", "kind": "single"}}, who=clerk)
    case_no = made.json()["case_no"]
    for _ in range(2):
        check = driven_to(site, case_no, "connection.check-papers")
        missing = {"form": {"outcome": "missing", "missing": ["产权证明"]}}
        assert site.post(f"/tasks/{check}/decide", missing, who=clerk).status_code == 200
        supply = driven_to(site, case_no, "connection.supply-papers")
        site.post(f"/cases/{case_no}/reassign", {"task": supply, "to": customer}, who="supervisor")
        told = site.post(f"/tasks/{supply}/decide", {"form": {"papers": ["产权证明"]}}, who=customer)
        assert told.status_code == 200, told.text
    task_id = driven(site, case_no, until="connection.follow-up")
    assert [each["projects"] for each in site.get("/customer-cost", who=watcher).json()] == [0, 0]
    site.post(f"/tasks/{task_id}/decide", {"form": {"satisfaction": "satisfied"}}, who="follow-up")
    (now, before) = eventually(lambda: cost(site, watcher))
    assert (now["projects"], now["papers_brought"], before["days"]) == (1, 2.0, None)
    assert "补件 2.0 次" in page(site, "/service-ledger", watcher).text


def cost(site: Site, who: str) -> list[dict[str, Any]] | None:
    told = site.get("/customer-cost", who=who).json()
    return list(told) if told[0]["projects"] else None


def test_a_task_may_be_given_to_whoever_leads_and_to_whoever_assists(site: Site) -> None:
    case_no = opened(site, kind="single", sections=[], petition=True)
    task_id = driven(site, case_no, until="connection.arrange-survey")
    assert site.get(f"/tasks/{task_id}").json()["role"] == "service-manager"
    choice = page(site, f"/tasks/{task_id}", "supervisor").text.partition('name="to"')[2].partition("</select>")[0]
    assert 'value="service-manager"' in choice
    assert 'value="representative"' in choice
    assert 'value="collector"' not in choice
