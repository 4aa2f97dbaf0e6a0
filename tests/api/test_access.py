"""Who may do what, route by route, and who sees what."""

from typing import Any

import pytest
from fastapi.routing import iter_route_contexts
from sqlalchemy import select

from domain.people import ROLES
from store.people import set_roles, shut_out
from store.tables import refusals
from tests.api.conftest import Site, eventually, opening

EVERYBODY = frozenset(ROLES)
DECIDES = EVERYBODY - {"auditor", "administrator"}
OPENS = {"clerk", "collector", "supervisor"}
SERVES = {"clerk", "representative", "service-manager", "supervisor"}
BOOKS = {"clerk", "administrator"}
KEEPS = {"supervisor", "leading-group", "administrator"}
STAFF = EVERYBODY - {"customer", "contractor"}

# Roles that each door lets in. What a case takes from whom is the case's own rule, tested with its process.
MATRIX: dict[tuple[str, str], frozenset[str] | set[str]] = {
    ("GET", "/cases"): EVERYBODY,
    ("GET", "/cases/{case_no}"): EVERYBODY,
    ("GET", "/cases/{case_no}/timeline"): EVERYBODY,
    ("GET", "/cases/{case_no}/files"): EVERYBODY,
    ("GET", "/cases/{case_no}/slots"): EVERYBODY,
    ("GET", "/cases/{case_no}/course"): EVERYBODY,
    ("GET", "/cases/{case_no}/course.xlsx"): EVERYBODY,
    ("GET", "/board-course.xlsx"): EVERYBODY,
    ("GET", "/cases/{case_no}/told-once.pdf"): EVERYBODY,
    ("POST", "/cases/{case_no}/contract"): SERVES,
    ("POST", "/cases/{case_no}/files"): DECIDES,
    ("GET", "/cases/{case_no}/items"): EVERYBODY,
    ("POST", "/cases/{case_no}/items/looks"): DECIDES,
    ("GET", "/cases/{case_no}/item-tables"): EVERYBODY,
    ("GET", "/cases/{case_no}/accounts"): EVERYBODY,
    ("GET", "/cases/{case_no}/minutes/{round_no}.pdf"): EVERYBODY,
    ("GET", "/cases/{case_no}/acceptance-report.pdf"): EVERYBODY,
    ("POST", "/cases/{case_no}/acceptance-report"): DECIDES,
    ("GET", "/cases/{case_no}/reading-notice.pdf"): EVERYBODY,
    ("GET", "/first-bills"): STAFF,
    ("POST", "/cases/{case_no}/item-tables"): DECIDES,
    ("POST", "/cases/{case_no}/item-tables/preview"): DECIDES,
    ("GET", "/files/{sha256}"): EVERYBODY,
    ("GET", "/cases/{case_no}/notices"): EVERYBODY,
    ("POST", "/cases/{case_no}/notices"): DECIDES,
    ("GET", "/cases/{case_no}/notices/{notice_no}.pdf"): EVERYBODY,
    ("GET", "/cases/{case_no}/evidence.pdf"): EVERYBODY,
    ("POST", "/notices"): DECIDES,
    ("GET", "/notices.pdf"): EVERYBODY,
    ("POST", "/cases/{case_no}/link"): SERVES,
    ("DELETE", "/cases/{case_no}/link"): SERVES,
    ("POST", "/arrears-cases"): OPENS,
    ("POST", "/connection-projects"): SERVES,
    **{
        ("POST", f"/cases/{{case_no}}/{verb}"): DECIDES
        for verb in (
            "contact",
            "dispute",
            "resolve",
            "plan",
            "promise",
            "hold",
            "release",
            "waive",
            "violation",
            "pause",
            "resume",
            "reassign",
            "urge",
            "progress",
            "escalate",
            "withdraw",
            "cosign",
            "drop-cosign",
            "send-back",
            "take-back",
            "reopen",
            "occupancy",
            "check-paper",
            "invite",
            "data-wanted",
            "declare",
            "book",
            "arrive",
        )
    },
    ("POST", "/cases/{case_no}/tasks/{key}/decide"): DECIDES,
    ("GET", "/board"): EVERYBODY,
    ("GET", "/board/counts"): EVERYBODY,
    ("GET", "/tasks"): EVERYBODY,
    ("GET", "/tasks/counts"): EVERYBODY,
    ("GET", "/tasks/{task_id}"): EVERYBODY,
    ("POST", "/tasks/{task_id}/rectified"): DECIDES,
    ("POST", "/tasks/{task_id}/claim"): DECIDES,
    ("POST", "/tasks/{task_id}/release"): DECIDES,
    ("POST", "/tasks/{task_id}/decide"): DECIDES,
    ("POST", "/payments"): BOOKS,
    ("POST", "/payments/{reference}/reverse"): BOOKS,
    ("POST", "/bills"): BOOKS,
    ("POST", "/bills/{no}/correct"): BOOKS,
    ("POST", "/accounts/{account}/changes"): BOOKS,
    ("POST", "/ledger/confirm"): {"administrator"},
    ("POST", "/ledger/imports"): OPENS,
    ("GET", "/ledger/imports"): STAFF,
    ("POST", "/ledger/reconciliations"): OPENS | {"administrator"},
    ("GET", "/ledger/reconciliations"): STAFF,
    ("GET", "/ledger/reconciliations/{number}"): STAFF,
    ("GET", "/ledger/reconciliations/{number}/differences.xlsx"): STAFF,
    ("GET", "/accounts/{account_no}/balance"): STAFF,
    ("GET", "/ledger/imports/{sha256}"): STAFF,
    ("GET", "/ledger/imports/{sha256}/errors.xlsx"): STAFF,
    ("POST", "/ledger/preview"): OPENS,
    ("GET", "/ledger/preview/{sha256}"): OPENS,
    ("GET", "/ledger/preview/{sha256}/errors.xlsx"): OPENS,
    **{("GET", f"/{name}.xlsx"): EVERYBODY for name in ("tasks", "cases", "board", "arrears-work", "approvals")},
    ("GET", "/service-ledger"): EVERYBODY,
    ("GET", "/service-ledger.xlsx"): EVERYBODY,
    ("GET", "/organisation"): STAFF,
    ("POST", "/organisation/grids"): KEEPS,
    ("POST", "/organisation/posts"): KEEPS,
    ("POST", "/organisation/posts/approve"): KEEPS,
    ("POST", "/organisation/hand-overs"): KEEPS,
    ("POST", "/absences"): STAFF,
    ("POST", "/duties"): KEEPS,
    ("POST", "/duties/{number}/end"): KEEPS,
    ("POST", "/absences/{number}/end"): STAFF,
    ("POST", "/people/{id}/hand-over"): {"supervisor", "leading-group"},
    **{
        ("GET", f"/reports/{name}"): EVERYBODY
        for name in ("recovery", "recovery.xlsx", "ageing", "ladder", "lateness", "load", "bills", "bills.xlsx")
    },
    ("DELETE", "/session"): EVERYBODY,
    ("GET", "/calendars"): EVERYBODY,
    ("GET", "/calendars/{year}"): EVERYBODY,
    ("POST", "/calendars/{year}"): {"administrator"},
    ("GET", "/me"): EVERYBODY,
    ("GET", "/forms"): EVERYBODY,
    ("GET", "/declarations"): EVERYBODY,
    ("GET", "/customer-cost"): EVERYBODY,
}
PHOTO = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b550000000a49444154789c63f80f0001010100b138f614"
    "0000000049454e44ae426082"
)  # one white pixel
NEED_NO_TOKEN = {
    ("POST", "/api/v1/session"),
    ("POST", "/api/v1/ledger/events"),  # signed instead
    ("POST", "/api/v1/messages/receipts"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/docs"),
    ("GET", "/api/v1/openapi.json"),
}
ABSENT = {
    "case_no": "QF-20010101-0001",
    "notice_no": "QF-20010101-0001-T1",
    "task_id": "QF-20010101-0001-01",
    "key": "arrears.restore",
    "reference": "none",
    "no": "none",
    "account": "none",
    "number": "9007199254740992",
    "id": "none",
    "year": "2199",
    "sha256": "0" * 64,
    "round_no": "1",
    "account_no": "none",
}


def routes(site: Site) -> set[tuple[str, str]]:
    """Every door of the running application."""
    return {
        (method, route.path) for route in iter_route_contexts(site.app.routes) for method in route.methods - {"HEAD"}
    }


def test_the_matrix_names_every_door(site: Site) -> None:
    doors = {(method, path) for method, path in routes(site) if path.startswith("/api/")}
    assert {(method, f"/api/v1{path}") for method, path in MATRIX} == doors - NEED_NO_TOKEN


@pytest.mark.parametrize(("method", "path"), sorted(MATRIX))
def test_no_door_opens_without_a_token(site: Site, method: str, path: str) -> None:
    address = path.format(**ABSENT)
    for headers in ({}, {"Authorization": "Bearer nobody"}, {"Authorization": "Basic Y2xlcms6Y2xlcms="}):
        for body in (b"", b"{}", b"{not json"):
            answer = site.http.request(
                method, address, headers=headers | {"Content-Type": "application/json"}, content=body
            )
            assert (answer.status_code, answer.json()["code"]) == (401, "not-signed-in")
            assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(("method", "path"), sorted(MATRIX))
def test_each_role_at_each_door(site: Site, method: str, path: str) -> None:
    """A role that is let in gets as far as the body or the id; one that is not is told so, whatever it sent."""
    address = path.format(**ABSENT)
    for role in ROLES:
        answer = site.http.request(method, address, headers=site.as_(role), json=None if method == "GET" else {})
        if role in MATRIX[method, path]:
            assert answer.status_code in (200, 204, 404, 422), (role, answer.text)
        else:
            assert (answer.status_code, answer.json()["code"]) == (403, "wrong-role"), (role, answer.text)


def test_auditors_and_administrators_decide_nothing(site: Site, opened: dict[str, Any]) -> None:
    task = opened["tasks"][0]["task_id"]
    served = {"form": {"outcome": "served", "method": "posted", "photo": "door.jpg"}}
    for who in ("auditor", "administrator"):
        for path, body in ((f"/tasks/{task}/decide", served), (f"/cases/{opened['case_no']}/urge", {"task": task})):
            assert site.post(path, body, who=who).json()["code"] == "wrong-role"
    assert site.get(f"/cases/{opened['case_no']}").json()["tasks"][0]["status"] == "open"


def test_a_task_is_decided_by_its_role_alone(site: Site, opened: dict[str, Any]) -> None:
    served = {"form": {"outcome": "served", "method": "posted", "photo": "door.jpg"}}
    for role in sorted(DECIDES - {"collector", "customer", "contractor"}):
        answer = site.post(f"/tasks/{opened['tasks'][0]['task_id']}/decide", served, who=role)
        assert (answer.status_code, answer.json()["code"]) == (403, "wrong-role"), role


@pytest.mark.clause("kaifeng.escalation.rep-works-in-own-grid", "kaifeng.privacy.no-disclosure-to-unrelated")
def test_a_view_is_bounded_by_grid_section_or_office(site: Site, account_no: str) -> None:
    place = {"grid": f"G{account_no}", "section": f"S{account_no}", "office": f"O{account_no}"}
    site.post("/arrears-cases", opening(account_no, **place), who="clerk")
    other = f"{account_no}x"
    site.post("/arrears-cases", opening(other, grid="elsewhere", section="elsewhere", office="elsewhere"), who="clerk")
    for column, name in place.items():
        who = site.add(f"of-{name}", "collector", **{column: name})
        assert [case["subject"] for case in site.get("/cases", who).json()["items"]] == [account_no], column
        assert [task["subject"] for task in site.get("/tasks", who).json()["items"]] == [account_no], column
    watching = site.add(f"watching-{account_no}", "auditor", grid=place["grid"])
    seen = {site.get("/cases", watching, account=no).json()["items"][0]["subject"] for no in (account_no, other)}
    assert seen == {account_no, other}


def test_a_foreign_id_and_an_absent_id_answer_alike(site: Site, opened: dict[str, Any]) -> None:
    who = site.add(f"elsewhere-{opened['subject']}", "collector", "supervisor", "clerk", grid="elsewhere")
    foreign = {
        "case_no": opened["case_no"],
        "task_id": opened["tasks"][0]["task_id"],
        "key": "arrears.serve-dunning-notice",
        "account_no": opened["subject"],
    }
    reference = f"T-{opened['subject']}"
    payment = {"account": opened["subject"], "reference": reference, "amount": "1.00"}
    site.post("/payments", payment, who="clerk")
    bodies: dict[str, Any] = {
        "contact": {"method": "phone"},
        "dispute": ["B1"],
        "decide": {"form": {"outcome": "served", "method": "posted", "photo": "x"}},
        "claim": None,
        "release": None,
        "timeline": None,
        "reverse": {},
    }
    photo = {"file": ("door.png", PHOTO)}
    made = site.post(f"/cases/{opened['case_no']}/files", who="collector", files=photo)
    foreign["sha256"] = made.json()["sha256"]
    foreign["notice_no"] = site.post(f"/cases/{opened['case_no']}/notices", who="collector").json()["no"]
    for method, path in sorted(MATRIX):
        verb = path.rpartition("/")[2]
        sent: dict[str, Any] = {"json": bodies.get(verb)}
        if (method, verb) == ("POST", "files"):
            sent = {"files": photo}
        elif "{" not in path or "{year}" in path or "/ledger/" in path or (method == "POST" and verb not in bodies):
            continue
        answers = [
            site.http.request(method, path.format(**ids), headers=site.as_(who), **sent)
            for ids in (foreign | {"reference": reference, "round_no": "1"}, ABSENT | {"key": foreign["key"]})
        ]
        told = [(answer.status_code, answer.json()) for answer in answers]
        assert told[0] == told[1], path
        assert told[0][0] == 404, path
    unknown = [site.post("/payments", payment | {"account": no}, who=who) for no in (opened["subject"], "none-1")]
    assert unknown[0].json() == unknown[1].json()
    assert site.get("/cases", who, account=opened["subject"]).json()["items"] == []


def test_a_collector_of_a_grid_opens_cases_in_it_alone(site: Site, account_no: str) -> None:
    who = site.add(f"grid-{account_no}", "collector", grid=f"G{account_no}")
    refused = site.post("/arrears-cases", opening(account_no, grid="elsewhere"), who=who)
    assert (refused.status_code, refused.json()["code"]) == (403, "wrong-role")
    made = site.post("/arrears-cases", opening(account_no), who=who)
    assert (made.status_code, made.json()["grid"]) == (201, f"G{account_no}")
    foreign = f"{account_no}x"
    site.post("/arrears-cases", opening(foreign, grid="elsewhere"), who="clerk")
    assert site.post("/arrears-cases", opening(foreign), who=who).json()["code"] == "unknown"
    assert site.post("/ledger/imports", who=who, files={"file": ("l.csv", b"x")}).json()["code"] == "wrong-role"


def test_a_role_taken_away_is_gone_at_the_next_request(site: Site, opened: dict[str, Any]) -> None:
    who = site.add(f"moved-{opened['subject']}", "supervisor", "collector")
    urge = f"/cases/{opened['case_no']}/urge"
    assert site.post(urge, {"task": "arrears.serve-dunning-notice"}, who=who).status_code == 200
    with site.database.write() as connection:
        set_roles(connection, who, ("auditor",))
    assert site.post(urge, {"task": "arrears.serve-dunning-notice"}, who=who).json()["code"] == "wrong-role"
    with site.database.write() as connection:
        shut_out(connection, who)
    assert site.get("/me", who).status_code == 401


@pytest.mark.clause("kaifeng.privacy.confidentiality")
def test_those_who_watch_see_personal_data_masked(site: Site, account_no: str) -> None:
    made = site.post("/arrears-cases", opening(account_no, name="张示例", address="示例路1号"), who="clerk").json()
    seen = {
        who: site.get(f"/cases/{made['case_no']}", who).json()["arrears"]["account"] for who in ("collector", "auditor")
    }
    assert (seen["collector"]["name"], seen["collector"]["phone"]) == ("张示例", "13800000000")
    assert seen["collector"]["address"] == "示例路1号"
    assert (seen["auditor"]["name"], seen["auditor"]["phone"]) == ("张**", "138****0000")
    assert seen["auditor"]["address"] == "示**"


def test_customers_and_contractors_see_only_what_is_in_their_hands(site: Site, opened: dict[str, Any]) -> None:
    for who in (site.somebody("customer"), site.somebody("contractor")):
        assert site.get("/cases", who).json()["items"] == []
        assert site.get("/tasks", who).json()["items"] == []
        assert site.get(f"/cases/{opened['case_no']}", who).status_code == 404
        assert site.get(f"/tasks/{opened['tasks'][0]['task_id']}", who).status_code == 404


def test_every_refusal_is_kept_with_who_what_and_why(site: Site, opened: dict[str, Any]) -> None:
    case_no, who = opened["case_no"], site.add(f"refused-{opened['subject']}", "engineer", "auditor")
    task = opened["tasks"][0]["task_id"]
    site.post(f"/tasks/{task}/decide", {"form": {"outcome": "served", "method": "posted", "photo": "x"}}, who=who)
    site.post("/payments", {}, who=who)
    site.post(f"/cases/{case_no}/contact", {"method": "telepathy 13800000000"}, who=who)
    site.post(f"/cases/{case_no}/hold", {"reason": "x"}, who=who)
    site.get("/cases/QF-20010101-0001", who)

    def kept() -> list[tuple[str, str | None, str]]:
        with site.database.read() as connection:
            rows = connection.execute(select(refusals).where(refusals.c.by == who).order_by(refusals.c.id)).all()
        assert not any("13800000000" in row.message for row in rows)
        return [(row.command, row.case_no, row.code) for row in rows]

    eventually(lambda: len(kept()) == 5)
    assert kept() == [
        ("POST /tasks/{task_id}/decide", None, "wrong-role"),
        ("POST /payments", None, "wrong-role"),
        ("POST /cases/{case_no}/contact", case_no, "form-invalid"),
        ("POST /cases/{case_no}/hold", case_no, "wrong-role"),
        ("GET /cases/{case_no}", "QF-20010101-0001", "unknown"),
    ]


def test_a_reference_that_stands_for_a_foreign_project_shows_nothing_of_it(site: Site, account_no: str) -> None:
    project = {"project": {"name": "秘密工程", "kind": "single", "reference": account_no}}
    first = site.add(f"here-{account_no}", "clerk", grid=f"G{account_no}")
    assert site.post("/connection-projects", project, who=first).status_code == 201
    other = site.add(f"there-{account_no}", "clerk", grid="elsewhere")
    refused = site.post("/connection-projects", project, who=other)
    assert (refused.status_code, refused.json()["code"]) == (409, "duplicate")
    assert "BZ-" not in refused.text
