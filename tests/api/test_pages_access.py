"""Who gets to see a page: nobody without a session, and nobody else's cases with one."""

from uuid import uuid4

import pytest

from tests.api.conftest import Site, opening
from tests.api.test_access import ABSENT, NEED_NO_TOKEN, routes

FOR_ANYBODY = {
    ("GET", "/login"),
    ("POST", "/login"),
    ("POST", "/logout"),
    ("POST", "/preferences"),
    ("GET", "/static/{name}"),
    ("GET", "/offline.js"),
}
BY_LINK = "/p/{token}"
"""Pages of applicants, whose address is the key: `test_applicant.py`."""
OTHERS = {
    "place": "arrears",
    "clause": "none",
    "name": "none",
    "id": "none",
    "number": "1",
    "no": "1",
    "page": "inbox",
    "what": "problem",
}
OWN = {"Sec-Fetch-Site": "same-origin"}


def pages(site: Site) -> list[tuple[str, str]]:
    return sorted(
        (method, path)
        for method, path in routes(site) - NEED_NO_TOKEN - FOR_ANYBODY
        if not path.startswith(("/api/", BY_LINK)) and method != "HEAD"
    )


def address(site: Site, path: str) -> str:
    return f"http://127.0.0.1:{site.settings.api_port}{path}"


def test_no_page_opens_without_a_session(site: Site) -> None:
    seen = pages(site)
    assert len(seen) > 30
    for method, path in seen:
        where = path.format(**(ABSENT | OTHERS))
        answer = site.http.request(method, address(site, where), headers=OWN, follow_redirects=False)
        if path == "/live":
            assert answer.status_code == 401
            continue
        assert answer.status_code == 303, (method, path)
        assert answer.headers["Location"].startswith("/login"), (method, path)


def test_another_site_cannot_send_a_form_in_somebodys_name(site: Site) -> None:
    answer = site.http.post(address(site, "/logout"), headers={"Sec-Fetch-Site": "cross-site"}, follow_redirects=False)
    assert answer.status_code == 403


@pytest.mark.parametrize(
    "path", ["/arrears/{case_no}", "/cases/{case_no}", "/tasks/{task_id}", "/tasks/{task_id}/form"]
)
def test_a_case_out_of_sight_looks_like_none(site: Site, account_no: str, path: str) -> None:
    opened = site.post("/arrears-cases", opening(account_no, grid="here"), who="clerk").json()
    far = site.add(f"far-{uuid4().hex[:8]}", "collector", grid="elsewhere")
    ids = {"case_no": opened["case_no"], "task_id": opened["tasks"][0]["task_id"]}
    site.http.get(address(site, "/tour"), headers=site.as_(far))  # the first page carries more than those after it
    told = [
        site.http.get(address(site, path.format(**names)), headers=site.as_(far), follow_redirects=False)
        for names in (ids, ABSENT)
    ]
    assert [answer.status_code for answer in told] == [404, 404]
    assert told[0].text == told[1].text.replace(ABSENT["task_id"], ids["task_id"]).replace(
        ABSENT["case_no"], ids["case_no"]
    )
    assert account_no not in told[0].text


def test_a_page_addressed_from_outside_leads_nowhere_else(site: Site) -> None:
    for next_ in ("//evil.example", "https://evil.example/", "/\\evil.example", "javascript:alert(1)"):
        answer = site.http.get(address(site, "/login"), params={"next": next_})
        assert answer.status_code == 200
        assert "evil.example" not in answer.text.split('name="next"')[1].split(">")[0]
        assert "javascript" not in answer.text.split('name="next"')[1].split(">")[0]


def test_a_view_of_a_list_is_saved_used_and_taken_out(site: Site) -> None:
    own = site.as_("representative") | OWN
    sent = {"page": "projects", "name": "园区晚了", "query": "kind=estate&late=true"}
    kept = site.http.post(address(site, "/views"), data=sent, headers=own, follow_redirects=False)
    assert (kept.status_code, kept.headers["Location"]) == (303, "/projects?kind=estate&late=true")
    page = site.http.get(address(site, "/projects"), headers=own).text
    assert "园区晚了" in page
    assert "园区晚了" not in site.http.get(address(site, "/projects"), headers=site.as_("clerk")).text
    gone = site.http.post(
        address(site, "/views/projects/remove"), data={"name": "园区晚了"}, headers=own, follow_redirects=False
    )
    assert gone.status_code == 303
    assert "园区晚了" not in site.http.get(address(site, "/projects"), headers=own).text


def test_what_a_small_form_says_wrongly_is_told_and_nothing_breaks(site: Site, account_no: str) -> None:
    opened = site.post("/arrears-cases", opening(account_no), who="clerk").json()
    case, task = address(site, f"/arrears/{opened['case_no']}"), opened["tasks"][0]["task_id"]
    own = site.as_("collector") | OWN
    for verb, form in {
        "contact": {"method": "pigeon"},
        "promise": {"amount": "much", "by": "2027-01-10"},
        "plan": {"parts": "86.40 soon"},
        "hold": {"reason": "x", "until": "never"},
    }.items():
        answer = site.http.post(f"{case}/{verb}", data=form, headers=own)
        assert answer.status_code == 422, (verb, answer.text)
        assert "填写有误" in answer.text or "wrong" in answer.text
    strangers = {"nobody": "supervisor", "auditor": "supervisor", "engineer": "supervisor"}
    for to, who in strangers.items():  # one who is not here, one who decides nothing, one of another role
        sent = site.http.post(address(site, f"/tasks/{task}/reassign"), data={"to": to}, headers=site.as_(who) | OWN)
        assert sent.status_code == 422, (to, sent.text)
    given = site.http.post(
        address(site, f"/tasks/{task}/reassign"),
        data={"to": "collector"},
        headers=site.as_("supervisor") | OWN,
        follow_redirects=False,
    )
    assert given.status_code == 303
    assert site.get(f"/tasks/{task}").json()["assignee"] == "collector"
