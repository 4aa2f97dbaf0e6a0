"""Papers for an applicant: all that is missing on one sheet with its code, and a contract signed as it was made."""

import hashlib
from typing import Any

import httpx2
import pypdfium2
import pytest

from tests.activities.test_papers import pages
from tests.api.conftest import Site, second
from tests.api.test_applicant import PRIVATE, decide, link, look, opened
from tests.api.test_files import photo


def told(site: Site, case: dict[str, Any], who: str = "clerk") -> httpx2.Response:
    return site.get(f"/cases/{case['case_no']}/told-once.pdf", who)


@pytest.fixture
def case(site: Site) -> dict[str, Any]:
    return opened(site)


@pytest.mark.clause("jinan.design.one-time-notice-same-day")
def test_everything_missing_is_told_once_on_paper_with_its_days_and_the_page(site: Site, case: dict[str, Any]) -> None:
    assert told(site, case).json()["code"] == "not-open"
    form = {"outcome": "missing", "missing": ["身份证明", "委托书"], "tolerated": ["产权证明"]}
    decide(site, case, "check-papers", form, "clerk")
    answer = told(site, case)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/pdf")
    (page,) = pages(answer.content)
    text = "".join(page.split())
    for words in (
        "一次性告知单",
        case["name"],
        "身份证明",
        "委托书",
        "产权证明",
        "容缺：可以后补",
        "用水申请表",
        "扫码看进度",
    ):
        assert words in text, words
    assert "遇有客戶資料不全應在核對當日向客戶一次告知" in text  # the sentence that asks for it
    assert text.count("年") >= 5  # the day it was told, and each paper's last
    address = link(site, case)
    assert told(site, case).content == answer.content  # the same paper, to the byte; its code leads to this page
    document = pypdfium2.PdfDocument(answer.content)
    document.close()
    mine = httpx2.get(f"{address}/told-once.pdf", timeout=30)
    assert mine.content == answer.content
    assert "told-once.pdf" in look(site, address).text


def test_who_only_watches_reads_the_paper_without_the_name(site: Site, case: dict[str, Any]) -> None:
    decide(site, case, "check-papers", {"outcome": "missing", "missing": ["身份证明"]}, "clerk")
    (page,) = pages(told(site, case, "auditor").content)
    assert case["name"] not in "".join(page.split())
    assert PRIVATE["address"].replace(" ", "") not in "".join(page.split())
    assert "身份证明" in page


def until_contract(site: Site, case: dict[str, Any]) -> None:
    survey = {
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
    decide(site, case, "check-papers", {"outcome": "complete"}, "clerk")
    decide(site, case, "arrange-survey", {}, "representative")
    decide(site, case, "survey", survey, "engineer")
    decide(site, case, "draft-scheme", {"summary": "接自门前支管"}, "designer")
    decide(site, case, "approve-scheme", {"outcome": "approve"}, "supervisor")
    decide(site, case, "design", {"drawing": "D-1"}, "designer")
    decide(site, case, "review-drawings", {"outcome": "approve"}, second("designer"))


def test_a_contract_is_made_of_the_project_signed_on_the_phone_and_kept_by_its_hash(
    site: Site, case: dict[str, Any]
) -> None:
    early = site.post(f"/cases/{case['case_no']}/contract", who="representative")
    assert (early.status_code, early.json()["code"]) == (409, "not-open")
    until_contract(site, case)
    assert site.post(f"/cases/{case['case_no']}/contract", who="engineer").json()["code"] == "wrong-role"
    made = site.post(f"/cases/{case['case_no']}/contract", who="representative")
    assert made.status_code == 201, made.text
    again = site.post(f"/cases/{case['case_no']}/contract", who="representative").json()
    assert again["sha256"] == made.json()["sha256"]
    pdf = site.get(f"/files/{again['sha256']}", "representative", size="original").content
    assert hashlib.sha256(pdf).hexdigest() == again["sha256"]
    text = "".join("".join(page.split()) for page in pages(pdf))
    for words in ("供用水合同", case["name"], "第六百五十六条", "25mm", "门前支管", PRIVATE["contact"], "济南水务集团"):
        assert words in text, words
    task = site.get(f"/cases/{case['case_no']}").json()["tasks"][0]
    base = f"http://127.0.0.1:{site.settings.api_port}"
    own = site.as_("representative") | {"Sec-Fetch-Site": "same-origin"}
    page = site.http.get(f"{base}/field/{task['task_id']}", headers=own).text
    assert f'value="{again["value"]}"' in page
    assert f'value="{case["case_no"]}-HT"' in page
    assert task["task_id"] in site.http.get(f"{base}/field", headers=own).text
    sent = site.http.post(
        f"{base}/tasks/{task['task_id']}/decide",
        data={"contract_no": f"{case['case_no']}-HT", "document": again["value"]},
        files={"signature": ("s.png", photo("PNG"))},
        headers=own,
        follow_redirects=False,
    )
    assert sent.status_code == 303, sent.text
    form = site.get(f"/tasks/{task['task_id']}").json()["form"]
    assert form["document"] == again["value"]
    assert form["signature"].startswith("sha256:")
    found = site.get("/board", "clerk", q=f"{case['case_no']}-ht").json()["items"]
    assert [line["case_no"] for line in found] == [case["case_no"]]  # by the contract's number
    foreign = opened(site)
    assert site.post(f"/cases/{foreign['case_no']}/contract", who="representative").status_code == 409
