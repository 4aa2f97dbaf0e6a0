"""The applicant's page: opened by a link alone, about one project alone, and good for what the applicant may do."""

import base64
import re
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from sqlalchemy import select, update

from api.links import link_of, token
from api.pages.applicant import AT_HOME
from domain.connection.forms import CONNECTION_TASKS
from store import attempts
from store.people import set_card
from store.tables import entries, link_log, links, refusals
from tests.api.conftest import Site, eventually
from tests.api.test_files import photo

PRIVATE = {"contact": "示例联系人甲", "phone": "13800000000", "address": "示例路 8 号楼 1 单元"}
OWN = {"Sec-Fetch-Site": "same-origin"}
SURVEY = {
    "scope": "全户生活用水",
    "tapping_point": "门前支管",
    "diameter": 25,
    "depth_cm": 80,
    "pressure": "0.28",
    "secondary_supply": False,
    "customer_sheet": True,
    "fees_told": True,
    "signed": True,
}


def opened(site: Site, **more: Any) -> dict[str, Any]:
    name = f"示例{uuid4().hex[:8]}茶馆"
    body = {"project": {"name": name, "kind": "single", **PRIVATE} | more}
    answer = site.post("/connection-projects", body, who="clerk")
    assert answer.status_code == 201, answer.text
    return {"name": name, **answer.json()}


def link(site: Site, case: dict[str, Any], who: str = "clerk") -> str:
    answer = site.post(f"/cases/{case['case_no']}/link", who=who)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["address"])


def look(site: Site, address: str, **query: str) -> httpx2.Response:
    return httpx2.get(address, params=query, timeout=30)


def send(address: str, verb: str, data: dict[str, Any] | None = None, **more: Any) -> httpx2.Response:
    return httpx2.post(f"{address}/{verb}", data=data or {}, timeout=30, follow_redirects=True, **more)


def decide(site: Site, case: dict[str, Any], key: str, form: dict[str, Any], who: str) -> None:
    told = site.post(f"/cases/{case['case_no']}/tasks/connection.{key}/decide", {"form": form}, who=who)
    assert told.status_code == 200, told.text


@pytest.fixture
def case(site: Site) -> dict[str, Any]:
    return opened(site)


def test_who_has_the_link_sees_the_project_and_needs_no_account(site: Site, case: dict[str, Any]) -> None:
    page = look(site, link(site, case))
    assert page.status_code == 200
    for said in (case["name"], case["case_no"], "受理申请", "通水立户", "我们正在办：核对资料", "用水申请表"):
        assert said in page.text
    assert "通水；您这边越快" in page.text  # a day by which, if everybody keeps the terms
    english = look(site, str(page.url), lang="en").text
    assert "We are at work on: Check the papers" in english


def test_an_address_is_told_to_nobody_and_the_page_runs_nothing(site: Site, case: dict[str, Any]) -> None:
    page = look(site, link(site, case))
    headers = page.headers
    assert (headers["Referrer-Policy"], headers["Cache-Control"]) == ("no-referrer", "no-store")
    assert "noindex" in headers["X-Robots-Tag"]
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script" not in policy
    assert "<script" not in page.text
    assert len(page.content) < 60 * 1024


@pytest.mark.usefixtures("wrong_links_uncounted")
def test_every_link_that_opens_nothing_looks_alike(site: Site, case: dict[str, Any]) -> None:
    address = link(site, case)
    base, _, mine = address.rpartition("/")
    altered = mine[:-1] + ("A" if mine[-1] != "A" else "B")
    foreign = token(site.settings, uuid4().hex)  # signed by us, and never given to anybody
    at_random = base64.urlsafe_b64encode(uuid4().bytes * 2).decode().rstrip("=")
    told = [look(site, f"{base}/{each}") for each in (altered, foreign, at_random, "x", "%E6%B0%B4")]
    site.http.delete(f"/cases/{case['case_no']}/link", headers=site.as_("representative"))
    told.append(look(site, address))
    expired = opened(site)
    over = link(site, expired)
    with site.database.write() as connection:
        connection.execute(
            update(links).where(links.c.case_no == expired["case_no"]).values(expires_at=links.c.created_at)
        )
    told.append(look(site, over))
    told.append(send(address, "withdraw", {"reason": "不再开店"}))
    assert [answer.status_code for answer in told] == [404] * len(told)
    assert len({answer.text for answer in told}) == 1
    assert all(answer.headers["Referrer-Policy"] == "no-referrer" for answer in told)


def test_a_link_opens_one_case_and_says_nothing_of_another(site: Site, case: dict[str, Any]) -> None:
    other = opened(site, contact="另一位示例", phone="13900000000", address="另一处 9 号")
    page = look(site, link(site, case)).text
    for foreign in (other["name"], other["case_no"], "另一位示例", "13900000000", "另一处"):
        assert foreign not in page


def test_no_id_no_remark_and_nobodys_name_but_the_card_is_on_the_page(site: Site, case: dict[str, Any]) -> None:
    """A canary: what the office writes and who wrote it stays inside, through a good part of a project's life."""
    mine = site.add(f"staff-{uuid4().hex[:6]}", "representative")
    with site.database.write() as connection:
        set_card(connection, mine, post="片区客户代表", work_phone="0531-00000000")
    address = link(site, case)
    site.post(f"/cases/{case['case_no']}/urge", {"task": "connection.check-papers"}, who="supervisor")
    decide(site, case, "check-papers", {"outcome": "complete", "tolerated": ["产权证明"]}, "clerk")
    task = site.get(f"/cases/{case['case_no']}").json()["tasks"]
    arrange = next(each for each in task if each["key"] == "connection.arrange-survey")
    site.post(
        f"/cases/{case['case_no']}/reassign",
        {"task": arrange["task_id"], "to": mine, "reason": "金丝雀理由"},
        who="supervisor",
    )
    decide(site, case, "arrange-survey", {"contact": "金丝雀电话联系"}, mine)
    decide(
        site,
        case,
        "survey",
        {
            "scope": "金丝雀范围",
            "tapping_point": "门前",
            "diameter": 20,
            "depth_cm": 80,
            "pressure": "0.28",
            "secondary_supply": False,
            "customer_sheet": True,
            "fees_told": True,
            "signed": True,
        },
        "engineer",
    )
    decide(site, case, "draft-scheme", {"summary": "金丝雀方案"}, "designer")
    decide(site, case, "approve-scheme", {"outcome": "return", "reason": "金丝雀退回"}, "supervisor")
    for language in ("zh", "en"):
        page = look(site, address, lang=language).text
        assert "金丝雀" not in page
        assert "片区客户代表" in page
        assert "0531-00000000" in page
        assert not re.search(rf"{case['case_no']}-\d", page)  # ids of tasks
        for inside in ("engineer", "supervisor", "designer", "clerk", "sha256", PRIVATE["phone"], PRIVATE["contact"]):
            assert inside not in page.lower()
    assert page.count(mine) == 1  # the name on the card
    shown = look(site, address, lang="zh").text
    assert "审批供水方案" not in shown.partition("已经办过的")[2]


def test_papers_are_sent_through_the_page_and_the_case_hears_once_all_are_there(
    site: Site, case: dict[str, Any]
) -> None:
    decide(site, case, "check-papers", {"outcome": "missing", "missing": ["身份证明", "产权证明"]}, "clerk")
    address = link(site, case)
    page = look(site, address).text
    assert "正在等您：补交资料" in page
    assert page.count(' name="paper-') == 2
    about = {"about": "missing", "name-0": "身份证明", "name-1": "产权证明"}
    none = send(address, "papers", about)
    assert (none.status_code, "还没有选文件" in none.text) == (422, True)
    bad = send(address, "papers", about, files={"paper-0": ("id.jpg", b"no picture at all")})
    assert bad.status_code == 422
    one = send(address, "papers", about, files={"paper-0": ("id.jpg", photo(colour="teal"))})
    assert (one.status_code, "文件收到了" in one.text) == (200, True)
    assert "正在等您：补交资料" in one.text
    both = send(address, "papers", about, files={"paper-1": ("deed.jpg", photo(colour="olive"))})
    assert "我们正在办：核对资料" in both.text
    (told,) = [each for each in decided(site, case) if each.body["key"] == "connection.supply-papers"]
    assert told.by == "applicant"
    assert told.body["form"] == {"papers": ["身份证明", "产权证明"], "handed_in": "online"}
    files = site.get(f"/cases/{case['case_no']}/files").json()["items"]
    assert [(each["name"], each["by"]) for each in files] == [("身份证明", "applicant"), ("产权证明", "applicant")]
    again = send(address, "papers", about, files={"paper-0": ("id.jpg", photo(colour="pink"))})
    assert (again.status_code, "不需要您办理" in again.text) == (409, True)


def decided(site: Site, case: dict[str, Any]) -> list[Any]:
    with site.database.read() as connection:
        mine = (entries.c.case_no == case["case_no"], entries.c.event == "TaskDecided")
        return list(connection.execute(select(entries).where(*mine).order_by(entries.c.sequence)))


def test_what_was_tolerated_follows_through_the_page_and_is_looked_at(site: Site, case: dict[str, Any]) -> None:
    decide(site, case, "check-papers", {"outcome": "complete", "tolerated": ["产权证明"]}, "clerk")
    address = link(site, case)
    assert "容缺，可以后补" in look(site, address).text
    sent = {"about": "tolerated", "name-0": "产权证明"}
    page = send(address, "papers", sent, files={"paper-0": ("deed.jpg", photo(colour="gold"))}).text
    assert "已提交，待核对" in page
    told = site.post(f"/cases/{case['case_no']}/check-paper", {"paper": "产权证明"}, who="clerk")
    assert told.status_code == 200, told.text
    assert "已提交，待核对" not in look(site, address).text
    twice = site.post(f"/cases/{case['case_no']}/check-paper", {"paper": "产权证明"}, who="clerk")
    assert twice.json()["code"] == "not-open"
    assert (
        site.post(f"/cases/{case['case_no']}/check-paper", {"paper": "x"}, who="engineer").json()["code"]
        == "wrong-role"
    )


def test_the_applicant_calls_the_application_off(site: Site, case: dict[str, Any]) -> None:
    address = link(site, case)
    assert send(address, "withdraw", {"reason": " "}).status_code == 422
    page = send(address, "withdraw", {"reason": "不再开店"})
    assert "申请已经撤回" in page.text
    assert "撤回申请</button>" not in page.text
    shown = eventually(lambda: (c := site.get(f"/cases/{case['case_no']}").json())["status"] == "closed" and c)
    assert shown["outcome"] == "withdrawn"


def test_every_look_and_every_use_of_a_link_is_on_record(site: Site, case: dict[str, Any]) -> None:
    address = link(site, case, who="representative")
    look(site, address)
    send(address, "fee", {"reference": "JF-1"})
    assert link(site, case, who="clerk") == address  # extended, so that what was printed still leads there
    site.http.delete(f"/cases/{case['case_no']}/link", headers=site.as_("representative"))
    with site.database.read() as connection:
        mine = select(link_log.c.action, link_log.c.by).where(link_log.c.case_no == case["case_no"])
        log = [tuple(row) for row in connection.execute(mine.order_by(link_log.c.id))]
        refused = connection.execute(select(refusals).where(refusals.c.case_no.is_(None), refusals.c.by == "applicant"))
        commands = {row.command for row in refused}
    assert log == [
        ("given", "representative"),
        ("looked", "applicant"),
        ("submitted", "applicant"),
        ("renewed", "clerk"),
        ("revoked", "representative"),
    ]
    assert "POST /p/{token}/fee" in commands  # the address itself is kept nowhere
    another = link(site, case)
    assert another != address
    assert (look(site, address).status_code, look(site, another).status_code) == (404, 200)


def test_a_link_is_made_by_those_who_serve_and_for_projects_alone(site: Site, case: dict[str, Any]) -> None:
    assert site.post(f"/cases/{case['case_no']}/link", who="engineer").json()["code"] == "wrong-role"
    assert site.post("/cases/BZ-20010101-0001/link", who="clerk").status_code == 404
    own = site.as_("representative") | OWN
    base = f"http://127.0.0.1:{site.settings.api_port}/projects/{case['case_no']}"
    assert "生成链接" in site.http.get(base, headers=own).text
    site.http.post(f"{base}/link", headers=own, follow_redirects=False)
    page = site.http.get(base, headers=own).text
    assert "/p/" in page
    sheet = site.http.get(f"{base}/link", headers=own).text
    assert "<svg" in sheet.partition('class="qr"')[2]
    assert "/p/" not in site.http.get(base, headers=site.as_("engineer")).text
    site.http.post(f"{base}/link/revoke", headers=own, follow_redirects=False)
    assert "生成链接" in site.http.get(base, headers=own).text
    assert site.http.get(f"{base}/link", headers=own).status_code == 404


def test_a_token_is_known_by_our_key_alone(site: Site) -> None:
    id = uuid4().hex
    mine = token(site.settings, id)
    assert link_of(site.settings, mine) == id
    for other in (mine[:-2] + "AA", mine + "A", "", "é", mine.swapcase(), mine + "=", mine[:21]):
        assert link_of(site.settings, other) != id
    assert id not in mine


@pytest.fixture
def wrong_links_uncounted(site: Site) -> Iterator[None]:
    """All tests come from one address: what others tried is forgotten before, and what this one tried after."""

    def forget() -> None:
        with site.database.write() as connection:
            attempts.forget(connection, "wrong link 127.0.0.1")

    forget()
    yield
    forget()


@pytest.mark.usefixtures("wrong_links_uncounted")
def test_links_that_open_nothing_are_not_tried_for_ever(site: Site, case: dict[str, Any]) -> None:
    mine = link(site, case)
    base, _, _ = mine.rpartition("/")
    seen = [look(site, f"{base}/{uuid4().hex}").status_code for _ in range(31)]
    assert seen == [404] * 30 + [429]
    assert look(site, mine).status_code == 200


def test_a_page_that_is_looked_at_too_often_rests(site: Site, case: dict[str, Any]) -> None:
    mine = link(site, case)
    seen = [look(site, mine).status_code for _ in range(122)]
    assert seen.count(200) == 120
    answer = look(site, mine)
    assert (answer.status_code, "太频繁" in answer.text) == (429, True)
    assert int(answer.headers["Retry-After"]) > 0


@pytest.mark.parametrize("by", ["name", "address", "contact", "phone", "reference", "case_no"])
def test_a_project_is_found_by_whatever_its_applicant_says(site: Site, by: str) -> None:
    own = uuid4().hex[:8]
    given = {"contact": f"示例{own}", "phone": f"138{own.translate(str.maketrans('abcdef', '123456'))}"}
    given |= {"address": f"示例{own}路 8 号", "reference": f"R-{own}"}
    mine = opened(site, **given)
    asked = {"name": mine["name"][:8], "case_no": mine["case_no"], **given}[by]
    found = site.get("/board", "clerk", q=asked).json()["items"]
    assert [line["case_no"] for line in found] == [mine["case_no"]]


@pytest.mark.clause("kaifeng.customer-service.at-most-one-trip")
def test_nothing_that_is_the_applicants_to_do_needs_a_trip(site: Site) -> None:
    """Each task of a customer's has its form on the page; here one after the other, on an estate drawn by another."""
    assert {key for key, kind in CONNECTION_TASKS.items() if kind.role == "customer"} == set(AT_HOME)
    mine = opened(site, kind="estate", meters=2, design_by="customer")
    address = link(site, mine)
    decide(site, mine, "check-papers", {"outcome": "complete"}, "clerk")
    decide(site, mine, "arrange-survey", {}, "representative")
    decide(site, mine, "survey", SURVEY, "engineer")
    decide(site, mine, "draft-scheme", {"summary": "两路进水"}, "designer")
    decide(site, mine, "approve-scheme", {"outcome": "approve"}, "supervisor")
    assert "提交图纸" in look(site, address).text
    empty = send(address, "drawings", {"drawing": " ", "qualification": "A1"})
    assert empty.status_code == 422
    sent = {"drawing": "T-1", "qualification": "资质证书 A1"}
    page = send(address, "drawings", sent, files={"file": ("plan.jpg", photo(colour="tan"))})
    assert "我们正在办：施工图审查" in page.text
    assert [each["name"] for each in site.get(f"/cases/{mine['case_no']}/files").json()["items"]] == ["T-1"]
