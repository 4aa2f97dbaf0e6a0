"""An estate accepted item by item through its doors: tables, looks, mended items, accounts, and their first bill."""

from datetime import timedelta
from typing import Any

import pypdfium2

from runtime.wall_clock import now
from tests.api.conftest import Site, eventually, second
from tests.api.estates import decided, driven, estate, table, take_table, tried


def preview(site: Site, case_no: str, text: str, **more: Any) -> Any:
    return site.post(
        f"/cases/{case_no}/item-tables/preview", who="inspector", files={"file": ("t.csv", text.encode())}, **more
    )


def looked(site: Site, case_no: str, looks: list[dict[str, Any]], *, who: str = "inspector", round_: int = 1) -> Any:
    return site.post(f"/cases/{case_no}/items/looks", {"round": round_, "looks": looks}, who=who)


def test_a_table_with_faults_is_told_row_by_row_and_not_taken_in(site: Site) -> None:
    built = estate(site, 24)
    told = preview(site, built, table(24).replace("SB00003,20", "SB00003,大")).json()
    assert (told["items"], told["meters"], told["fits"], told["faults_total"]) == (24, 24, False, 1)
    assert (told["faults"][0]["row"], told["faults"][0]["column"]) == (4, "口径")
    refused = site.post(f"/cases/{built}/item-tables", {"sha256": told["sha256"]}, who="inspector")
    assert (refused.status_code, refused.json()["code"]) == (422, "form-invalid")
    short = preview(site, built, table(23)).json()
    assert (short["fits"], short["items"]) == (False, 23)
    refused = site.post(f"/cases/{built}/item-tables", {"sha256": short["sha256"]}, who="inspector")
    assert "the project 24" in refused.json()["message"]
    assert site.get(f"/cases/{built}/item-tables").json() == {"tables": [], "mismatched": []}
    nothing = preview(site, built, "a,b\n1,2")
    assert (nothing.status_code, nothing.json()["code"]) == (422, "form-invalid")


def test_a_table_is_taken_in_once_and_its_doors_are_held_against_the_handover(site: Site) -> None:
    case_no = estate(site, 12)
    first = take_table(site, case_no, table(12))
    assert (first["new"], first["table"]["items"]) == (True, 12)
    again = take_table(site, case_no, table(12))
    assert (again["new"], again["told"]["sequence"]) == (False, first["told"]["sequence"])
    handed = table(12).replace("1,102,SB00002", "1,102,SB99999").replace("1,403", "1,999")
    take_table(site, case_no, handed, kind="handover")
    found = {(each["kind"], each["door"]) for each in site.get(f"/cases/{case_no}/item-tables").json()["mismatched"]}
    assert found == {
        ("other-meter", "1号楼-1-102"),
        ("missing", "1号楼-1-403"),
        ("extra", "1号楼-1-999"),
    }
    facts = site.get(f"/cases/{case_no}/timeline").json()["items"]
    taken = [entry for entry in facts if entry["event"] == "ItemTableTaken"]
    assert [(entry["body"]["table"], entry["body"]["items"]) for entry in taken] == [("order", 12), ("handover", 12)]


def test_items_are_looked_at_by_several_until_their_accounts_have_a_first_bill(site: Site) -> None:
    built = estate(site, 24)
    driven(site, built, "accept")
    take_table(site, built, table(24))
    assert looked(site, built, [{"no": 1, "passed": True}], who="engineer").json()["code"] == "wrong-role"
    assert looked(site, built, [{"no": 25, "passed": True}]).json()["code"] == "form-invalid"
    assert looked(site, built, [{"no": 1, "passed": False}]).status_code == 422
    assert looked(site, built, [{"no": 1, "passed": True}], round_=2).json()["code"] == "not-open"

    seen = [
        {"no": 1, "passed": True, "measured": {"nameplate": "SB00001", "reading": "2.5", "seal": "QF00001"}},
        {"no": 2, "passed": True, "measured": {"flow": "reversed"}},
        {"no": 3, "passed": False, "reason": "漏水"},
        {"no": 4, "passed": False, "reason": "铅封缺失"},
    ]
    told = looked(site, built, seen).json()
    assert (told["passed"], told["failed"], told["left"]) == (1, 3, 20)
    assert told["looks"][1]["passed"] is False
    assert told["looks"][1]["faults"][0]["check"] == "flow"
    told = looked(site, built, [{"no": 4, "passed": True}, {"no": 3, "passed": None}], who=second("inspector")).json()
    assert told["looks"][0]["replaced"]["by"] == "inspector"
    assert (told["passed"], told["failed"], told["left"]) == (2, 1, 21)
    looked(site, built, [{"no": 3, "passed": False, "reason": "漏水"}])
    failed = site.get(f"/cases/{built}/items", show="failed").json()["items"]
    assert [(item["no"], item["door"], item["reason"]) for item in failed] == [
        (2, "1号楼-1-102", "水表流向相反"),
        (3, "1号楼-1-103", "漏水"),
    ]
    page = site.get(f"/cases/{built}/items", building="2号楼", limit=10).json()
    assert ([item["no"] for item in page["items"]], page["next"]) == (list(range(13, 23)), "22")

    decided(site, driven(site, built, "accept"))
    open_now = site.get(f"/cases/{built}").json()["tasks"]
    mending = [task for task in open_now if task["key"] == "connection.rectify"]
    assert [task["item"] for task in mending] == ["2", "3"]
    assert {task["key"] for task in open_now} == {"connection.rectify", "connection.open-account"}
    (accepted,) = (
        entry["body"]["form"]
        for entry in site.get(f"/cases/{built}/timeline", limit=1000).json()["items"]
        if entry["event"] == "TaskDecided" and entry["body"]["key"] == "connection.accept"
    )
    assert accepted["failed"] == {"2": "水表流向相反", "3": "漏水"}
    assert len(accepted["record"]) == 64
    assert accepted["water_used"] == "2.0"

    report = {"items": [2, 3], "remark": "已整改"}
    one = f"/tasks/{mending[0]['task_id']}/rectified"
    assert site.post(one, report, who="contractor").status_code == 404
    for task in mending:
        given = {"task": task["task_id"], "to": "contractor"}
        assert site.post(f"/cases/{built}/reassign", given, who="supervisor").status_code == 200
    assert site.post(one, report | {"items": [2, 9]}, who="contractor").status_code == 409
    assert site.post(one, report, who="contractor").status_code == 200
    again = driven(site, built, "accept")
    assert [item["no"] for item in site.get(f"/cases/{built}/items").json()["items"]] == [2, 3]
    looked(site, built, [{"no": 2, "passed": True}, {"no": 3, "passed": True}], round_=2)
    decided(site, again)

    driven(site, built, "settle-fee")
    wanted = {"what": "3 号缺房号", "items": [3]}
    assert site.post(f"/cases/{built}/data-wanted", wanted, who="representative").status_code == 200
    opening = driven_to_open_account(site, built)
    decided(site, opening, reading_book="册 07")
    _papers(site, built)
    _first_bills(site, built)
    _completed(site, built)


def driven_to_open_account(site: Site, case_no: str) -> dict[str, Any]:
    """The account opens once the data that was wanted is there."""
    tasks = {task["key"]: task for task in site.get(f"/cases/{case_no}").json()["tasks"]}
    opening = tasks["connection.open-account"]
    form = {"reading_book": "册 07", "data_checked_on_site": True}
    refused = site.post(f"/tasks/{opening['task_id']}/decide", {"form": form}, who="representative")
    assert (refused.status_code, refused.json()["code"]) == (409, "gate")
    given = {"task": tasks["connection.complete-data"]["task_id"], "to": "contractor"}
    site.post(f"/cases/{case_no}/reassign", given, who="supervisor")
    decided(site, tasks["connection.complete-data"])
    return opening


def _papers(site: Site, case_no: str) -> None:
    """The minutes of each round, the report, and the notice for the new customers."""
    first, second = (printed(site, case_no, f"minutes/{no}.pdf") for no in (1, 2))
    assert "1、4—24" in first
    assert "1号楼-1-102" in first
    assert "2—3" in second
    report = printed(site, case_no, "acceptance-report.pdf")
    assert "全部 24 户验收合格" in report
    assert site.get(f"/cases/{case_no}/minutes/3.pdf").status_code == 409
    filed = site.post(f"/cases/{case_no}/acceptance-report", who="inspector")
    again = site.post(f"/cases/{case_no}/acceptance-report", who="inspector")
    assert (filed.status_code, filed.json()["name"]) == (201, "验收报告")
    assert filed.json()["sha256"] == again.json()["sha256"]
    assert "缴费" in printed(site, case_no, "reading-notice.pdf")


def printed(site: Site, case_no: str, paper: str) -> str:
    answer = site.get(f"/cases/{case_no}/{paper}", "inspector")
    assert answer.status_code == 200, answer.text
    document = pypdfium2.PdfDocument(answer.content)
    text = "".join(page.get_textpage().get_text_bounded() for page in document)
    return text.replace("\r", "").replace("\n", "")


def _first_bills(site: Site, case_no: str) -> None:
    def waiting() -> list[dict[str, Any]]:
        return [row for row in site.get("/first-bills").json()["items"] if row["case_no"] == case_no]

    (found,) = eventually(waiting)
    assert (found["accounts"], found["billed"], found["late"]) == (24, 0, False)
    opened = site.get(f"/cases/{case_no}/accounts").json()["items"]
    assert len({row["account_no"] for row in opened}) == 24
    assert (opened[0]["door"], opened[0]["meter_no"], opened[0]["reading_book"]) == ("1号楼-1-101", "SB00001", "册 07")
    due = (now().date() + timedelta(days=20)).isoformat()
    for row in opened:
        bill = {"no": "B1", "period": f"{now():%Y-%m}", "amount": "10.00", "due_on": due}
        made = site.post("/bills", {"account": row["account_no"], **bill}, who="clerk")
        assert made.status_code < 300, made.text
    assert waiting() == []


def _completed(site: Site, built: str) -> None:
    """A table that says more completes the accounts that are open."""
    opened = site.get(f"/cases/{built}/accounts").json()["items"]
    more = take_table(site, built, table(24).replace("1,403,SB00012", "1,413,SB99912"))
    assert (more["completed"], more["told"]) == (1, None)
    after = site.get(f"/cases/{built}/accounts").json()["items"]
    assert [(row["account_no"], row["door"], row["meter_no"]) for row in after if row not in opened] == [
        (opened[11]["account_no"], "1号楼-1-413", "SB99912")
    ]


def test_a_customer_is_invited_for_tomorrow_and_not_for_today(site: Site) -> None:
    case_no = estate(site, 3)
    driven(site, case_no, "accept")
    today, later = now().isoformat(), (now() + timedelta(days=3)).isoformat()
    refused = site.post(f"/cases/{case_no}/invite", {"appointment": today}, who="inspector")
    assert (refused.status_code, refused.json()["code"]) == (422, "form-invalid")
    assert site.post(f"/cases/{case_no}/invite", {"appointment": later}, who="inspector").status_code == 200
    page = f"http://127.0.0.1:{site.settings.api_port}/projects/{case_no}"
    headers = site.as_("inspector") | {"Sec-Fetch-Site": "same-origin"}
    said = {"appointment": f"{now() + timedelta(days=2):%Y-%m-%d}T09:00", "method": "sms"}
    moved = site.http.post(f"{page}/invite", data=said, headers=headers, follow_redirects=False)
    assert moved.status_code == 303
    assert site.http.post(f"{page}/invite", data=said | {"appointment": "soon"}, headers=headers).status_code == 422
    assert "约定验收" in site.http.get(page, headers=headers).text
    task = driven(site, case_no, "accept")
    early = tried(site, task)
    assert (early.status_code, early.json()["code"]) == (409, "gate")
