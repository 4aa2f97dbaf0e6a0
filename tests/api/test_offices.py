"""What offices meet, at the doors and on the case page: each said once, by whoever may, and seen there afterwards."""

import re
from typing import Any

import pytest

from tests.api.conftest import Site, eventually, opening

OWN = {"Sec-Fetch-Site": "same-origin"}
CLASS = {"what": "class", "on": "2026-11-01", "class": "organisation"}


def sent(site: Site, path: str, form: dict[str, str], who: str, **more: Any) -> Any:
    address = f"http://127.0.0.1:{site.settings.api_port}{path}"
    return site.http.post(address, data=form, headers=site.as_(who) | OWN, follow_redirects=False, **more)


def page(site: Site, case_no: str, who: str) -> str:
    address = f"http://127.0.0.1:{site.settings.api_port}/arrears/{case_no}"
    answer = site.http.get(address, headers=site.as_(who))
    assert answer.status_code == 200, answer.text
    return answer.text


def arrears(site: Site, case_no: str) -> dict[str, Any]:
    shown: dict[str, Any] = site.get(f"/cases/{case_no}").json()["arrears"]
    return shown


def detailed(no: str) -> dict[str, Any]:
    body = opening(no, amount="86.40")
    body["bills"][0] |= {
        "reading_before": "100",
        "reading": "123.5",
        "volume": "23.5",
        "fees": {"水费": "60.00", "污水处理费": "26.40"},
        "late_fee": "3.00",
        "estimated": True,
    }
    return body


@pytest.fixture
def case_no(site: Site, account_no: str) -> str:
    answer = site.post("/arrears-cases", detailed(account_no), who="clerk")
    assert answer.status_code == 201, answer.text
    return str(answer.json()["case_no"])


def test_a_bill_is_shown_with_what_it_was_made_from(site: Site, case_no: str, account_no: str) -> None:
    (bill,) = arrears(site, case_no)["bills"]
    assert (bill["reading_before"], bill["reading"], bill["volume"], bill["estimated"]) == (
        "100",
        "123.5",
        "23.5",
        True,
    )
    assert bill["fees"] == {"水费": "60.00", "污水处理费": "26.40"}
    seen = page(site, case_no, "collector")
    assert "100 → 123.5" in seen
    assert "估抄" in seen
    wrong = opening(f"{account_no}x")
    wrong["bills"][0] |= {"fees": {"水费": "60.00"}}
    refused = site.post("/arrears-cases", wrong, who="clerk")
    assert (refused.status_code, "add up" in refused.text) == (422, True)


def test_a_bill_is_corrected_once_by_the_counter(site: Site, case_no: str, account_no: str) -> None:
    due = arrears(site, case_no)["bills"][0]["due_on"]
    instead = {"no": "B1-2", "period": "2026-02", "amount": "60.00", "due_on": due}
    body = {"account": account_no, "reason": "抄错止码", "instead": instead}
    assert site.post("/bills/B1/correct", body, who="collector").json()["code"] == "wrong-role"
    first, again = (site.post("/bills/B1/correct", body, who="clerk").json() for _ in range(2))
    assert (first["new"], again["new"], first["case_no"]) == (True, False, case_no)
    other = body | {"instead": instead | {"no": "B1-3"}}
    assert site.post("/bills/B1/correct", other, who="clerk").json()["code"] == "duplicate"
    assert site.post("/bills/B9/correct", body, who="clerk").json()["code"] == "unknown"
    assert site.post("/bills/B1-2/correct", body, who="clerk").json()["code"] == "form-invalid"
    eventually(lambda: len(arrears(site, case_no)["bills"]) == 2)
    bills = {bill["no"]: bill for bill in arrears(site, case_no)["bills"]}
    assert (bills["B1"]["taken_back"], bills["B1"]["corrected_by"], bills["B1"]["owed"]) == (True, "B1-2", "0.00")
    assert arrears(site, case_no)["owed"]["overdue"] == "60.00"
    assert "已作废 → B1-2" in re.sub(r"\s+", " ", page(site, case_no, "auditor"))


def test_a_clerk_corrects_a_bill_and_changes_the_tenant_on_the_page(site: Site, case_no: str) -> None:
    due = arrears(site, case_no)["bills"][0]["due_on"]
    seen = page(site, case_no, "clerk")
    ids = re.findall(r'\sid="([^"]+)"', seen)
    assert len(ids) == len(set(ids)), "two fields of one name: a label would point at the wrong one"
    for verb in ("correct", "account", "hold", "waive"):
        assert f'action="/arrears/{case_no}/{verb}"' in seen, verb
    assert f'action="/arrears/{case_no}/correct"' not in page(site, case_no, "collector")
    form = {"bill": "B1", "reason": "表具故障", "no": "B1-2", "period": "2026-02", "amount": "70.00", "due_on": due}
    assert sent(site, f"/arrears/{case_no}/correct", form, "collector").status_code == 403
    assert sent(site, f"/arrears/{case_no}/correct", form | {"amount": "much"}, "clerk").status_code == 422
    told = sent(site, f"/arrears/{case_no}/correct", form, "clerk")
    assert (told.status_code, told.headers["Location"]) == (303, f"/arrears/{case_no}?told=correct")
    eventually(lambda: arrears(site, case_no)["owed"]["overdue"] == "70.00")
    assert sent(site, f"/arrears/{case_no}/account", {"what": "tenant"}, "clerk").status_code == 422
    moved = sent(site, f"/arrears/{case_no}/account", {"what": "tenant", "on": "2026-11-01"}, "clerk")
    assert moved.status_code == 303, moved.text
    eventually(lambda: arrears(site, case_no)["owed"]["apart"] == "70.00")
    tasks = [task["key"] for task in site.get(f"/cases/{case_no}").json()["tasks"] if task["status"] == "open"]
    assert tasks == ["arrears.settle-final"]
    assert "前用户的" in page(site, case_no, "clerk")


def test_an_account_is_changed_at_its_door(site: Site, case_no: str, account_no: str) -> None:
    door = f"/accounts/{account_no}/changes"
    assert site.post(door, {"what": "closed", "on": "2026-11-01"}, who="collector").json()["code"] == "wrong-role"
    for wanting in ({"what": "closed"}, {"what": "class", "on": "2026-11-01"}):
        assert site.post(door, wanting, who="clerk").json()["code"] == "form-invalid"
    assert (
        site.post(door, {"what": "tenant", "on": "2026-11-01", "bills": ["B9"]}, who="clerk").json()["code"]
        == "unknown"
    )
    assert site.post(door, CLASS, who="clerk").json()["new"] is True
    assert site.post(door, CLASS, who="clerk").json()["new"] is False
    closed = {"what": "closed", "on": "2026-11-01"}
    assert [site.post(door, closed, who="clerk").json()["new"] for _ in range(2)] == [True, False]
    eventually(lambda: arrears(site, case_no)["owed"]["apart"] == "86.40")
    assert site.get(f"/cases/{case_no}").json()["stage"] == "reminded"


def test_a_hold_stands_on_a_ground_with_its_evidence(site: Site, case_no: str) -> None:
    photo = bytes.fromhex(
        "89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b550000000a49444154789c63f80f0001010100b138f614"
        "0000000049454e44ae426082"
    )
    wanting = sent(site, f"/arrears/{case_no}/hold", {"ground": "court", "reason": "法院受理"}, "clerk")
    assert wanting.status_code == 422
    assert "凭证" in wanting.text
    files = {"evidence": ("court.png", photo, "image/png")}
    held = sent(site, f"/arrears/{case_no}/hold", {"ground": "court", "reason": "法院受理"}, "clerk", files=files)
    assert held.status_code == 303, held.text
    (hold,) = arrears(site, case_no)["holds"]
    assert (hold["ground"], hold["looked_at"], hold["evidence"][:7]) == ("court", True, "sha256:")
    assert "到期由主任复核" in page(site, case_no, "supervisor")
    bank = {"reason": "代扣", "ground": "bank-in-transit", "reference": "DK-1"}
    assert site.post(f"/cases/{case_no}/hold", bank, who="clerk").status_code == 200
    assert site.post(f"/cases/{case_no}/hold", bank | {"ground": "weather"}, who="clerk").status_code == 422
    one = {"hold": hold["id"], "how": "released"}
    assert sent(site, f"/arrears/{case_no}/release", one, "supervisor").status_code == 303
    assert [each["reference"] for each in arrears(site, case_no)["holds"]] == ["DK-1"]
    assert site.post(f"/cases/{case_no}/release", {"how": "broken", "reason": "余额不足"}).status_code == 200
    assert arrears(site, case_no)["holds"] == []


def test_late_fees_are_waived_by_two_people(site: Site, case_no: str) -> None:
    asked = sent(site, f"/arrears/{case_no}/waive", {"reason": "投递有误"}, "clerk")
    assert asked.status_code == 303, asked.text
    assert "违约金减免待审批" in page(site, case_no, "supervisor")
    assert site.post(f"/cases/{case_no}/waive", {"reason": "再来"}, who="clerk").json()["code"] == "form-invalid"
    (task,) = (
        each["task_id"]
        for each in site.get(f"/cases/{case_no}").json()["tasks"]
        if each["key"] == "arrears.approve-waiver"
    )
    decided = site.post(f"/tasks/{task}/decide", {"form": {"outcome": "approve"}}, who="supervisor")
    assert decided.status_code == 200, decided.text
    assert arrears(site, case_no)["owed"]["late_fees"] == "0.00"
    assert arrears(site, case_no)["bills"][0]["waived"] == "3.00"


def test_a_violation_needs_a_limit(site: Site, case_no: str) -> None:
    said = {"found": "self-opened", "evidence": "valve.jpg"}
    assert site.post(f"/cases/{case_no}/violation", said, who="engineer").json()["code"] == "not-open"
    assert site.post(f"/cases/{case_no}/violation", said, who="designer").json()["code"] == "wrong-role"
    assert f'action="/arrears/{case_no}/violation"' not in page(site, case_no, "engineer")


@pytest.mark.clause("jinan.dunning.open-estate-post", "jinan.dunning.closed-estate-call")
def test_the_page_of_a_notice_says_how_it_reaches_such_an_estate(site: Site, account_no: str) -> None:
    for estate, way in (("open", "张贴"), ("gated", "电话、短信")):
        case = site.post("/arrears-cases", opening(f"{account_no}{estate}", estate=estate), who="clerk").json()
        task = case["tasks"][0]["task_id"]
        address = f"http://127.0.0.1:{site.settings.api_port}/tasks/{task}"
        seen = re.sub(r"\s+", "", site.http.get(address, headers=site.as_("collector")).text)
        assert f"本小区按规定：{way}" in seen, estate
        form = {"outcome": "served", "method": "posted", "photo": "door.jpg"}
        assert site.post(f"/tasks/{task}/decide", {"form": form}).status_code == 200
        entries = site.get(f"/cases/{case['case_no']}/timeline").json()["items"]
        served = next(entry for entry in entries if entry["event"] == "NoticeServed")
        assert served["body"]["otherwise"] is (estate == "gated")


def test_progress_is_told_of_what_has_risen_alone(site: Site, case_no: str) -> None:
    said = {"task": "arrears.serve-dunning-notice", "note": "已约用户"}
    assert site.post(f"/cases/{case_no}/progress", said, who="supervisor").json()["code"] == "not-open"


@pytest.mark.clause("jinan.escalation.escalate-by-leak-standard", "kaifeng.escalation.l4-to-l3")
def test_what_its_level_cannot_resolve_is_raised_from_the_tasks_page_and_told_with_its_reason(
    site: Site, case_no: str
) -> None:
    (task,) = site.get(f"/cases/{case_no}").json()["tasks"]
    address = f"http://127.0.0.1:{site.settings.api_port}/tasks/{task['task_id']}"
    there = {who: site.http.get(address, headers=site.as_(who)).text for who in ("collector", "engineer", "supervisor")}
    assert [f'action="/tasks/{task["task_id"]}/escalate"' in text for text in there.values()] == [True, False, True]
    said = {"task": task["task_id"], "reason": "用户拒不配合"}
    assert site.post(f"/cases/{case_no}/escalate", said, who="engineer").json()["code"] == "wrong-role"
    assert site.post(f"/cases/{case_no}/escalate", said, who="collector").status_code == 200
    assert site.post(f"/cases/{case_no}/escalate", said, who="collector").json()["code"] == "wrong-role"
    (now,) = site.get(f"/cases/{case_no}").json()["tasks"]
    assert [(each["level"], each["reason"]) for each in now["escalations"]] == [("section", "用户拒不配合")]
    assert "用户拒不配合" in page(site, case_no, "supervisor")


def test_the_meters_of_one_household_are_shown_together(site: Site, account_no: str) -> None:
    at_home = {"address": f"示例路{account_no}号2-301", "grid": f"G{account_no}"}
    one, two = (
        site.post("/arrears-cases", opening(f"{account_no}{no}", **at_home), who="clerk").json() for no in (1, 2)
    )
    elsewhere = opening(f"{account_no}3", address="示例路9号", grid=f"G{account_no}")
    site.post("/arrears-cases", elsewhere, who="clerk")
    eventually(lambda: site.get(f"/cases/{two['case_no']}").status_code == 200)
    seen = page(site, one["case_no"], "collector")
    assert f'href="/arrears/{two["case_no"]}"' in seen
    assert f"{account_no}3" not in seen
    address = f"http://127.0.0.1:{site.settings.api_port}/arrears?grid=G{account_no}"
    listed = site.http.get(address, headers=site.as_("collector")).text
    assert listed.count("同一户 2 表") == 2
