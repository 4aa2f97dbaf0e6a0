"""Notices on paper through the doors: made out once, printed as original and copy, one by one and as a run."""

from typing import Any
from uuid import uuid4

import pypdfium2
import pytest
from sqlalchemy import select

from domain.arrears.notices import Notice
from store.tables import entries, file_looks, papers
from tests.api.conftest import Site, eventually, opening
from tests.api.test_pages_access import OWN, address

SERVED = {"outcome": "served", "method": "posted", "photo": "door.jpg"}


def pages(pdf: bytes) -> list[str]:
    document = pypdfium2.PdfDocument(pdf)
    try:
        return [page.get_textpage().get_text_bounded() for page in document]
    finally:
        document.close()


def owing(site: Site, no: str, **account: Any) -> dict[str, Any]:
    """A case with a name and an address."""
    body = opening(no, **{"name": "王示例", "address": "示例路1号", "estate": "gated"} | account)
    answer = site.post("/arrears-cases", body, who="clerk")
    assert answer.status_code == 201, answer.text
    return answer.json()


def issue(site: Site, case: dict[str, Any], who: str = "collector", **body: Any) -> dict[str, Any]:
    answer = site.post(f"/cases/{case['case_no']}/notices", body, who=who)
    assert answer.status_code == 200, answer.text
    return answer.json()


def pdf_of(site: Site, paper: dict[str, Any], who: str = "collector") -> str:
    answer = site.get(paper["pdf"].removeprefix("/api/v1"), who)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/pdf"), answer.text
    (page,) = pages(answer.content)
    return page


def bill(site: Site, case: dict[str, Any], no: str, amount: str) -> None:
    """Another bill falls overdue, and the case has heard of it."""
    due = opening("x")["bills"][0]["due_on"]
    sent = {"account": case["subject"], "no": no, "period": "2026-01", "amount": amount, "due_on": due}
    assert site.post("/bills", sent, who="clerk").status_code in (200, 201)
    eventually(lambda: no in [each["no"] for each in site.get(f"/cases/{case['case_no']}").json()["arrears"]["bills"]])


def events(site: Site, case: dict[str, Any], event: str) -> list[dict[str, Any]]:
    with site.database.read() as connection:
        mine = select(entries).where(entries.c.case_no == case["case_no"], entries.c.event == event)
        return [row.body for row in connection.execute(mine.order_by(entries.c.sequence))]


def test_a_notice_is_made_out_once_and_says_what_is_on_record(site: Site, account_no: str) -> None:
    case = owing(site, account_no)
    paper = issue(site, case)
    assert (paper["title"], paper["amount"], paper["bills"]) == ("水费催缴通知单", "86.40", {"B1": "86.40"})
    assert paper["no"] == f"{case['case_no']}-T1"
    page = pdf_of(site, paper)
    for words in ("水费催缴通知单", paper["no"], account_no, "王示例", "示例路1号", "86.40", "捌拾陆元肆角整", "30日"):
        assert words in page, words
    assert paper["content"][:16] in page
    assert issue(site, case)["no"] == paper["no"]
    (issued,) = events(site, case, "NoticeIssued")
    assert (issued["no"], issued["amount_fen"], issued["content"]) == (paper["no"], 8640, paper["content"])


def test_readings_and_volume_are_on_it_where_billing_tells_them(site: Site, account_no: str) -> None:
    body = opening(account_no)
    body["bills"][0] |= {"reading_before": "120", "reading": "147", "volume": "27", "estimated": True}
    case = site.post("/arrears-cases", body, who="clerk").json()
    page = pdf_of(site, issue(site, case))
    for words in ("上次读数", "120", "147（估）", "水量（m³）", "27"):
        assert words in page, words
    assert "上次读数" not in pdf_of(site, issue(site, owing(site, f"{account_no}x")))


def test_the_hash_on_record_is_that_of_what_the_paper_says(site: Site, account_no: str) -> None:
    paper = issue(site, owing(site, account_no))
    with site.database.read() as connection:
        row = connection.execute(select(papers).where(papers.c.content == paper["content"])).one()
    kept = Notice.model_validate(row.body)
    assert kept.sealed().content == paper["content"]
    assert kept.model_copy(update={"customer": "别人"}).sealed().content != paper["content"]
    assert kept.code is not None
    assert kept.code.text == f"https://pay.example.invalid/jinan?account={account_no}&notice={paper['no']}"


def test_the_first_print_is_the_original_and_each_later_one_a_copy_of_it(site: Site, account_no: str) -> None:
    case = owing(site, account_no)
    paper = issue(site, case)
    assert "副本" not in pdf_of(site, paper)
    bill(site, case, f"B2-{account_no}", "200.00")
    again = issue(site, case)
    assert (again["no"], again["printed"], again["amount"]) == (paper["no"], 1, "86.40")
    copy = pdf_of(site, again)
    assert "副本，第 2 次打印" in copy
    assert "86.40" in copy
    assert "200.00" not in copy
    with site.database.read() as connection:
        looks = connection.execute(select(file_looks).where(file_looks.c.sha256 == paper["content"])).all()
    assert [(row.size, row.by, row.case_no) for row in looks] == [("print", "collector", case["case_no"])] * 2


def test_a_bill_that_joins_is_on_the_notice_when_somebody_says_why(site: Site, account_no: str) -> None:
    case = owing(site, account_no)
    first = issue(site, case)
    bill(site, case, f"B2-{account_no}", "200.00")
    second = issue(site, case, anew="新账单并入")
    assert (second["instead_of"], second["reason"], second["amount"]) == (first["no"], "新账单并入", "286.40")
    listed = site.get(f"/cases/{case['case_no']}/notices").json()["items"]
    assert [paper["no"] for paper in listed] == [first["no"], second["no"]]


def test_the_same_request_sent_twice_makes_one_out(site: Site, account_no: str) -> None:
    case = owing(site, account_no)
    issue(site, case)
    path, key = f"/cases/{case['case_no']}/notices", f"again-{account_no}"
    numbers = [site.post(path, {"anew": "墨迹不清"}, key=key).json()["no"] for _ in range(2)]
    assert numbers == [f"{case['case_no']}-T2"] * 2
    assert len(events(site, case, "NoticeIssued")) == 2


def test_the_proof_of_service_names_the_paper_that_was_served(site: Site, account_no: str) -> None:
    case = owing(site, account_no)
    paper = issue(site, case)
    bill(site, case, f"B2-{account_no}", "200.00")
    site.post(f"/cases/{case['case_no']}/tasks/arrears.serve-dunning-notice/decide", {"form": SERVED})
    (served,) = events(site, case, "NoticeServed")
    assert (served["notice"], served["content"], served["bills"]) == (paper["no"], paper["content"], {"B1": 8640})
    (listed,) = site.get(f"/cases/{case['case_no']}/notices").json()["items"]
    assert listed["served_at"]


def test_no_notice_where_none_is_called_for(site: Site, account_no: str) -> None:
    case = owing(site, account_no)
    site.post(f"/cases/{case['case_no']}/hold", {"reason": "核实"}, who="supervisor")
    answer = site.post(f"/cases/{case['case_no']}/notices", {})
    assert (answer.status_code, answer.json()["code"]) == (409, "not-open")
    for who in ("engineer", "representative"):
        assert site.post(f"/cases/{case['case_no']}/notices", {}, who=who).status_code in (403, 409)
    assert events(site, case, "NoticeIssued") == []


def test_a_run_is_one_pdf_in_the_order_of_a_round(site: Site, account_no: str) -> None:
    place = {"grid": f"G{account_no}", "section": f"S{account_no}"}
    doors = ("示例路10号", "示例路9号", "示例路2号")  # a round goes by the numbers of houses, not by their signs
    cases = [owing(site, f"{account_no}{at}", address=door, **place) for at, door in enumerate(doors)]
    held = owing(site, f"{account_no}9", **place)
    site.post(f"/cases/{held['case_no']}/hold", {"reason": "核实"}, who="supervisor")
    issue(site, cases[1])
    asked = [*(case["case_no"] for case in cases), held["case_no"], "QF-20010101-0001"]
    run = site.post("/notices", {"cases": asked}).json()
    numbers = [f"{case['case_no']}-T1" for case in reversed(cases)]
    assert [paper["no"] for paper in run["items"]] == numbers
    assert [(each["case_no"], each["code"]) for each in run["refused"]] == [
        (held["case_no"], "not-open"),
        ("QF-20010101-0001", "unknown"),
    ]
    printed = site.http.get(run["pdf"].removeprefix("/api/v1"), headers=site.as_("collector"))
    sheets = pages(printed.content)
    assert len(sheets) == 3
    assert [no in sheet for no, sheet in zip(numbers, sheets, strict=True)] == [True] * 3


def test_what_is_out_of_sight_is_neither_made_out_nor_printed(site: Site, account_no: str) -> None:
    case = owing(site, account_no, grid="here")
    paper = issue(site, case)
    far = site.add(f"far-{uuid4().hex[:8]}", "collector", grid="elsewhere")
    assert site.post("/notices", {"cases": [case["case_no"]]}, who=far).json()["refused"][0]["code"] == "unknown"
    assert site.get("/notices.pdf", far, no=paper["no"]).status_code == 404
    other = owing(site, f"{account_no}x")
    crossed = site.get(f"/cases/{other['case_no']}/notices/{paper['no']}.pdf", "collector")
    assert (crossed.status_code, crossed.json()["code"]) == (404, "unknown")
    for no in ("", "-T1", "x" * 300, "QF-1-T", "\x00", "../QF-20010101-0001-T1"):
        assert site.get("/notices.pdf", "collector", no=no).status_code in (404, 422), no


def test_those_who_watch_read_a_notice_without_name_and_address(site: Site, account_no: str) -> None:
    page = pdf_of(site, issue(site, owing(site, account_no)), who="auditor")
    assert "王示例" not in page
    assert "示例路1号" not in page
    assert "王**" in page


def test_a_name_made_of_code_is_printed_and_not_run(site: Site, account_no: str) -> None:
    name = '#panic("x") $ ` ] * <b>'
    page = pdf_of(site, issue(site, owing(site, account_no, name=name)))
    assert "".join(name.split()) in "".join(page.split())


def test_a_page_prints_the_notice_of_a_case_and_of_its_task(site: Site, account_no: str) -> None:
    case = owing(site, account_no)
    own = site.as_("collector") | OWN
    for path in (f"/arrears/{case['case_no']}", f"/tasks/{case['tasks'][0]['task_id']}"):
        page = site.http.get(address(site, path), headers=own).text
        assert f'action="/arrears/{case["case_no"]}/notices"' in page, path
    sent = site.http.post(address(site, f"/arrears/{case['case_no']}/notices"), headers=own, follow_redirects=False)
    assert sent.status_code == 303
    assert sent.headers["Location"] == f"/api/v1/cases/{case['case_no']}/notices/{case['case_no']}-T1.pdf"
    page = site.http.get(address(site, f"/arrears/{case['case_no']}"), headers=own).text
    assert f"{case['case_no']}-T1" in page


def test_chosen_rows_of_the_work_list_are_printed_as_a_run(site: Site, account_no: str) -> None:
    cases = [owing(site, f"{account_no}{at}", address=f"示例路{at}号") for at in range(2)]
    own, numbers = site.as_("collector") | OWN, [case["case_no"] for case in cases]
    asked = site.http.get(address(site, "/arrears/notices"), params={"case": numbers}, headers=own)
    assert asked.status_code == 200
    assert all(no in asked.text for no in numbers)
    assert events(site, cases[0], "NoticeIssued") == []  # looking makes nothing out
    done = site.http.post(address(site, "/arrears/notices"), data={"case": numbers}, headers=own)
    assert done.status_code == 200
    assert f"/api/v1/notices.pdf?no={numbers[0]}-T1&amp;no={numbers[1]}-T1" in done.text


def test_a_template_that_fails_says_so_and_names_nobody(
    site: Site, account_no: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    paper = issue(site, owing(site, account_no))
    broken = {"notice.typ": "#let paper(d) = panic(d.customer)"}
    monkeypatch.setattr(site.app.state.house.press, "_templates", lambda _pack: broken)
    answer = site.get(paper["pdf"].removeprefix("/api/v1"), "collector")
    assert (answer.status_code, answer.json()["code"]) == (500, "unexpected")
    assert "王示例" not in answer.text
