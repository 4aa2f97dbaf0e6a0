"""Cases by HTTP: opened, looked into, told things, and walked up the first steps of the ladder."""

from datetime import timedelta
from typing import Any

import pytest

from runtime.wall_clock import now
from tests.api.conftest import Site, eventually, opening

SERVED = {"form": {"outcome": "served", "method": "posted", "photo": "door.jpg"}}


def a_day(days: int) -> str:
    return (now() + timedelta(days=days)).date().isoformat()


def test_the_first_steps_of_the_ladder(site: Site, opened: dict[str, Any]) -> None:
    case_no = opened["case_no"]
    assert (opened["stage"], opened["status"], opened["amount"], opened["joined"]) == (
        "reminded",
        "open",
        "86.40",
        False,
    )
    (task,) = opened["tasks"]
    assert (task["key"], task["role"], task["holder"]) == ("arrears.serve-dunning-notice", "collector", None)
    assert opened["next"]["tasks"] == ["arrears.serve-dunning-notice"]

    told = site.post(f"/tasks/{task['task_id']}/decide", SERVED)
    assert told.status_code == 200
    assert told.json()["stage"] == "grace"

    case = site.get(f"/cases/{case_no}").json()
    assert case["tasks"] == []
    assert (case["next"]["kind"], case["next"]["zh"]) == ("wait", "催缴期限届满前等待")
    assert case["next_moment"]["event"] == "PeriodEnded"
    assert case["next_moment"]["clauses"] == ["jinan.dunning.resident-wait-30-days"]
    met = {condition["key"]: condition["met"] for condition in case["arrears"]["may_limit"]}
    assert met["debt"] is True
    assert met["periods-over"] is False
    assert met["notices-served"] is False


def test_the_page_that_follows_a_decision_shows_it(site: Site, opened: dict[str, Any]) -> None:
    told = site.post(f"/cases/{opened['case_no']}/tasks/arrears.serve-dunning-notice/decide", SERVED).json()
    entries = site.get(f"/cases/{opened['case_no']}/timeline").json()["items"]
    assert [entry["sequence"] for entry in entries] == list(range(1, len(entries) + 1))
    assert told["sequence"] <= len(entries)
    decided = next(entry for entry in entries if entry["event"] == "TaskDecided")
    assert decided["actor"] == "collector"
    assert decided["body"]["form"]["photo"] == "door.jpg"


def test_money_on_the_timeline_is_a_string_in_yuan(site: Site, opened: dict[str, Any]) -> None:
    site.post(f"/cases/{opened['case_no']}/tasks/arrears.serve-dunning-notice/decide", SERVED)
    entries = site.get(f"/cases/{opened['case_no']}/timeline").json()["items"]
    served = next(entry for entry in entries if entry["event"] == "NoticeServed")
    assert served["body"]["amount"] == "86.40"
    assert "fen" not in str(entries)


def test_the_timeline_is_read_in_parts(site: Site, opened: dict[str, Any]) -> None:
    path = f"/cases/{opened['case_no']}/timeline"
    # By day a fifth follows, the reminder as sent; at night it waits for the morning.
    eventually(lambda: len(site.get(path).json()["items"]) >= 4)
    first = site.get(path, limit=2).json()
    assert [entry["sequence"] for entry in first["items"]] == [1, 2]
    rest = site.get(path, after=first["next"]).json()
    assert [entry["sequence"] for entry in rest["items"]][:2] == [3, 4]
    assert rest["next"] is None


def test_a_payment_closes_the_case(site: Site, opened: dict[str, Any]) -> None:
    body = {"account": opened["subject"], "reference": f"T-{opened['subject']}", "amount": "86.40"}
    taken = site.post("/payments", body, who="clerk")
    assert (taken.status_code, taken.json()["new"]) == (201, True)
    eventually(lambda: site.get(f"/cases/{opened['case_no']}").json()["status"] == "closed")
    again = site.post("/payments", body, who="clerk")
    assert (again.status_code, again.json()["new"]) == (200, False)
    other = site.post("/payments", body | {"amount": "86.41"}, who="clerk")
    assert (other.status_code, other.json()["code"]) == (409, "duplicate")


def test_a_payment_taken_back_opens_the_case_again(site: Site, opened: dict[str, Any]) -> None:
    reference = f"T-{opened['subject']}"
    site.post("/payments", {"account": opened["subject"], "reference": reference, "amount": "86.40"}, who="clerk")
    eventually(lambda: site.get(f"/cases/{opened['case_no']}").json()["status"] == "closed")
    wrong = site.post(f"/payments/{reference}/reverse", {"account": "not-its-own-1"}, who="clerk")
    assert (wrong.status_code, wrong.json()["code"]) == (404, "unknown")
    assert site.post(f"/payments/{reference}/reverse", who="clerk").json()["new"] is True
    eventually(lambda: site.get(f"/cases/{opened['case_no']}").json()["status"] == "open")
    assert site.post(f"/payments/{reference}/reverse", {}, who="clerk").json()["new"] is False


def test_a_decision_on_a_closed_case_is_refused_not_open(site: Site, opened: dict[str, Any]) -> None:
    body = {"account": opened["subject"], "reference": f"T-{opened['subject']}", "amount": "86.40"}
    site.post("/payments", body, who="clerk")
    eventually(lambda: site.get(f"/cases/{opened['case_no']}").json()["status"] == "closed")
    path = f"/cases/{opened['case_no']}/tasks/arrears.serve-dunning-notice/decide"
    for refused in (
        site.post(path, SERVED),
        site.post(f"/tasks/{opened['tasks'][0]['task_id']}/decide", SERVED),
        site.post(f"/cases/{opened['case_no']}/contact", {"method": "phone"}),
    ):
        assert (refused.status_code, refused.json()["code"]) == (409, "not-open")


def test_a_second_opening_joins_the_open_case(site: Site, opened: dict[str, Any], account_no: str) -> None:
    more = opening(account_no)
    more["bills"][0] |= {"no": "B2", "amount": "20.00"}
    joined = site.post("/arrears-cases", more, who="clerk")
    assert joined.status_code == 200
    assert (joined.json()["case_no"], joined.json()["joined"]) == (opened["case_no"], True)
    assert joined.json()["amount"] == "106.40"


def test_another_bill_joins_by_its_own_door(site: Site, opened: dict[str, Any]) -> None:
    bill = {"account": opened["subject"], "no": "B9", "period": "2026-03", "amount": "10.00", "due_on": a_day(-1)}
    taken = site.post("/bills", bill, who="administrator")
    assert (taken.status_code, taken.json()["case_no"]) == (201, opened["case_no"])
    eventually(lambda: site.get(f"/cases/{opened['case_no']}").json()["amount"] == "96.40")
    assert site.post("/bills", bill, who="administrator").status_code == 200


def test_what_is_left_out_of_an_opening_keeps_what_is_known(site: Site, account_no: str) -> None:
    site.post("/arrears-cases", opening(account_no, protected=["hospital"], estate="gated"), who="clerk")
    more = opening(account_no)
    more["bills"][0]["no"] = "B2"
    account = site.post("/arrears-cases", more, who="clerk").json()["arrears"]["account"]
    assert (account["protected"], account["estate"]) == (["hospital"], "gated")
    freed = site.post("/arrears-cases", opening(account_no, protected=[]), who="clerk").json()
    assert freed["arrears"]["account"]["protected"] == []


def test_a_bill_that_is_not_overdue_opens_nothing(site: Site, account_no: str) -> None:
    body = opening(account_no)
    body["bills"][0]["due_on"] = a_day(1)
    refused = site.post("/arrears-cases", body, who="clerk")
    assert (refused.status_code, refused.json()["code"]) == (422, "form-invalid")
    bill = {"account": account_no, "no": "B1", "period": "2026-03", "amount": "1.00", "due_on": a_day(1)}
    assert site.post("/bills", bill, who="clerk").status_code == 404


@pytest.mark.parametrize(
    ("verb", "body", "event"),
    [
        ("contact", {"method": "phone", "note": "说月底交"}, "ContactRecorded"),
        ("dispute", ["B1"], "BillDisputed"),
        ("plan", {"parts": [{"amount": "50.00", "due_on": a_day(10)}, {"amount": "36.40", "due_on": a_day(40)}]}, None),
        ("promise", {"amount": "86.40", "by": a_day(5)}, "HoldPlaced"),
        ("promise", {"amount": "86.40", "by": (now() + timedelta(days=5)).isoformat()}, "HoldPlaced"),
        ("hold", {"reason": "表计检定"}, "HoldPlaced"),
        ("hold", {"reason": "表计检定", "until": a_day(7)}, "HoldPlaced"),
        ("urge", {"task": "arrears.serve-dunning-notice"}, "TaskUrged"),
        ("escalate", {"task": "arrears.serve-dunning-notice", "reason": "用户拒不配合"}, "TaskEscalated"),
        ("pause", {"task": "arrears.serve-dunning-notice", "party": "customer", "reason": "不在家"}, "TaskPaused"),
        ("reassign", {"task": "arrears.serve-dunning-notice", "to": "collector"}, "TaskReassigned"),
        ("withdraw", {"reason": "误开"}, "CaseWithdrawn"),
    ],
)
def test_each_verb_is_carried_out_and_on_record(
    site: Site, opened: dict[str, Any], verb: str, body: Any, event: str | None
) -> None:
    who = "supervisor" if verb in ("reassign", "withdraw") else "collector"
    told = site.post(f"/cases/{opened['case_no']}/{verb}", body, who=who)
    assert told.status_code == 200, told.text
    events = [entry["event"] for entry in site.get(f"/cases/{opened['case_no']}/timeline").json()["items"]]
    assert (event or "HoldPlaced") in events


def test_holds_disputes_and_pauses_come_to_their_end(site: Site, opened: dict[str, Any]) -> None:
    path = f"/cases/{opened['case_no']}"
    site.post(f"{path}/pause", {"task": "arrears.serve-dunning-notice", "party": "customer", "reason": "不在家"})
    paused = site.get(path).json()["tasks"][0]
    assert (paused["paused"], paused["pause"]["party"]) == (True, "customer")
    assert (paused["arithmetic"]["standing"], paused["arithmetic"]["ends_at"]) == (True, paused["due_at"])
    case = site.get(path).json()
    assert sum(case["phase_time"]["reminded"].values()) <= sum(case["time"].values()) + 1
    assert case["gross_seconds"] >= case["time"].get("utility", 0)
    (listed,) = site.get("/tasks", "collector", case_no=case["case_no"]).json()["items"]
    assert (listed["party"], listed["paused"]) == ("customer", True)
    assert listed["utility_seconds"] <= listed["total_seconds"]
    assert site.post(f"{path}/resume").status_code == 200
    site.post(f"{path}/dispute", ["B1"])
    disputed = site.get(path).json()
    assert (disputed["standing"], disputed["arrears"]["bills"][0]["disputed"]) == ("disputed", True)
    assert site.post(f"{path}/resolve", ["B1"], who="clerk").status_code == 200
    site.post(f"{path}/promise", {"amount": "86.40", "by": a_day(5)})
    held = site.get(path).json()
    assert held["next"]["zh"] == "付款承诺履行中"
    assert held["arrears"]["holds"][0]["parts"][0]["amount"] == "86.40"
    assert site.post(f"{path}/release", {}).status_code == 200
    assert site.get(path).json()["arrears"]["holds"] == []


def test_a_word_for_another_process_is_refused(site: Site, opened: dict[str, Any]) -> None:
    refused = site.post(f"/cases/{opened['case_no']}/occupancy", {"share": 0.7}, who="supervisor")
    assert (refused.status_code, refused.json()["code"]) == (422, "form-invalid")
    assert "arrears" in refused.json()["message"]


def test_billing_vouches_for_the_ledger_but_not_for_the_future(site: Site, opened: dict[str, Any]) -> None:
    ahead = site.post("/ledger/confirm", {"source": "billing", "at": a_day(1) + "T00:00:00+08:00"}, who="administrator")
    assert (ahead.status_code, ahead.json()["code"]) == (422, "form-invalid")
    at = now().isoformat()
    assert site.post("/ledger/confirm", {"source": "billing", "at": at}, who="administrator").status_code == 200
    earlier = site.post(
        "/ledger/confirm", {"source": "billing", "at": a_day(-3) + "T00:00:00+08:00"}, who="administrator"
    )
    assert earlier.json()["at"] == at
    conditions = site.get(f"/cases/{opened['case_no']}").json()["arrears"]["may_limit"]
    assert next(each["met"] for each in conditions if each["key"] == "ledger-current") is True


def test_money_paid_tomorrow_is_a_mistake(site: Site, opened: dict[str, Any]) -> None:
    body = {
        "account": opened["subject"],
        "reference": "ahead-1",
        "amount": "1",
        "paid_at": a_day(2) + "T00:00:00+08:00",
    }
    refused = site.post("/payments", body, who="clerk")
    assert (refused.status_code, refused.json()["code"]) == (422, "form-invalid")


def test_a_dispute_and_a_hold_go_on_in_the_accounts_next_case(
    site: Site, opened: dict[str, Any], account_no: str
) -> None:
    case_no = opened["case_no"]
    assert site.post(f"/cases/{case_no}/dispute", ["B1"]).status_code == 200
    hold = {"reason": "法院受理", "until": a_day(9)}
    assert site.post(f"/cases/{case_no}/hold", hold, who="supervisor").status_code == 200
    assert site.post(f"/cases/{case_no}/withdraw", {"reason": "误开"}, who="supervisor").status_code == 200
    following = eventually(
        lambda: (
            (told := site.post("/arrears-cases", opening(account_no), who="clerk").json())["case_no"] != case_no
            and told
        )
    )
    entries = site.get(f"/cases/{following['case_no']}/timeline").json()["items"]
    said = [entry["event"] for entry in entries if entry["event"] in ("BillDisputed", "HoldPlaced")]
    assert said == ["BillDisputed", "HoldPlaced"]
    case = site.get(f"/cases/{following['case_no']}").json()
    met = {condition["key"]: condition["met"] for condition in case["arrears"]["may_limit"]}
    assert (met["debt"], met["no-hold"]) == (False, False)
