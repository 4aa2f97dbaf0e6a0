"""The evidence of a case as one PDF: what it rests on, in words, with its photos and every hash."""

import hashlib
from typing import Any

from sqlalchemy import select, update

from store.tables import entries, file_looks
from tests.api.conftest import Site, eventually, opening
from tests.api.test_files import photo, send
from tests.api.test_notices import issue, owing, pages
from tests.api.test_pages_access import OWN, address


def evidence(site: Site, case: dict[str, Any], who: str = "supervisor") -> tuple[str, bytes]:
    answer = site.get(f"/cases/{case['case_no']}/evidence.pdf", who)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/pdf"), answer.text
    return "".join("".join(pages(answer.content)).split()), answer.content


def served(site: Site, account_no: str, colour: Any = "navy") -> tuple[dict[str, Any], dict[str, Any], str]:
    """A case whose notice was printed and served with a photo."""
    case = owing(site, account_no)
    paper = issue(site, case)
    sha256 = send(site, case, photo(colour=colour)).json()["sha256"]
    form = {"outcome": "served", "method": "posted", "place": "单元门口", "photo": f"sha256:{sha256}"}
    answer = site.post(f"/cases/{case['case_no']}/tasks/arrears.serve-dunning-notice/decide", {"form": form})
    assert answer.status_code == 200, answer.text
    return case, paper, sha256


def test_the_evidence_tells_what_the_case_rests_on(site: Site, account_no: str) -> None:
    case, paper, sha256 = served(site, account_no, colour=tuple(hashlib.sha256(account_no.encode()).digest()[:3]))
    site.post(f"/cases/{case['case_no']}/contact", {"method": "phone", "note": "答应月底缴"})
    site.post(f"/cases/{case['case_no']}/dispute", ["B1"])
    eventually(lambda: site.get(f"/cases/{case['case_no']}").json()["arrears"]["disputes"])
    text, pdf = evidence(site, case)
    with site.database.read() as connection:
        mine = select(entries.c.sequence, entries.c.chain_hash).where(entries.c.case_no == case["case_no"])
        chain = connection.execute(mine.order_by(entries.c.sequence)).all()
        looks = connection.execute(select(file_looks).where(file_looks.c.size == "evidence")).all()
    for words in (
        f"编号{case['case_no']}-E{chain[-1].sequence}",
        "王示例",
        account_no,
        "86.40",
        paper["no"],
        paper["content"],
        sha256,
        "单元门口",
        "答应月底缴",
        "起30日内，末日遇休息日顺延，送达当日不计",
        "无争议的逾期欠费高于限额不满足",
        "本次核对：完整",
    ):
        assert "".join(words.split()) in text, words
    assert all(each.chain_hash in text for each in chain)
    seen = [(each.sha256, each.by) for each in looks if each.case_no == case["case_no"]]
    assert seen == [(hashlib.sha256(pdf).hexdigest(), "supervisor")]
    assert b"/DCTDecode" in pdf


def test_evidence_says_when_a_file_or_the_record_is_not_what_it_was(site: Site, account_no: str) -> None:
    case, _, sha256 = served(site, account_no, colour="orange")
    text, _ = evidence(site, case)
    assert "相符" in text
    (site.settings.data / "files" / sha256[:2] / sha256).write_bytes(b"another")
    with site.database.write() as connection:
        mine = entries.c.case_no == case["case_no"], entries.c.event == "NoticeServed"
        connection.execute(update(entries).where(*mine).values(by="somebody-else"))
    text, _ = evidence(site, case)
    assert "缺失或被改动" in text
    assert "不完整，不得作为凭据" in text


def test_those_who_watch_have_the_evidence_without_name_and_address(site: Site, account_no: str) -> None:
    text, _ = evidence(site, owing(site, account_no), who="auditor")
    assert "王示例" not in text
    assert "王**" in text


def test_a_project_has_its_evidence_too(site: Site, account_no: str) -> None:
    body = {"project": {"name": f"示例 {account_no}", "kind": "single", "address": "示例路2号"}}
    made = site.post("/connection-projects", body, who="clerk").json()
    text, _ = evidence(site, made)
    assert f"示例{account_no}" in text
    assert "本次核对：完整" in text


def test_pages_lead_to_the_evidence(site: Site, account_no: str) -> None:
    case = site.post("/arrears-cases", opening(account_no), who="clerk").json()
    page = site.http.get(address(site, f"/arrears/{case['case_no']}"), headers=site.as_("supervisor") | OWN).text
    assert f"/api/v1/cases/{case['case_no']}/evidence.pdf" in page
