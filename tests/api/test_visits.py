"""The survey's hour through doors: offered, taken by the applicant or agreed by telephone, full, moved, and kept."""

from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select

from store.tables import visits
from tests.api.conftest import Site, eventually
from tests.api.test_applicant import decide, link, look, opened, send
from tests.api.test_once import at_once


@pytest.fixture
def section(site: Site) -> str:
    """A section of its own with one engineer, so that no other test takes its hours."""
    name = f"第{uuid4().hex[:6]}管区"
    for role in ("clerk", "representative", "engineer"):
        site.add(f"{role}-{name[1:7]}", role, section=name)
    return name


def staff(section: str, role: str) -> str:
    return f"{role}-{section[1:7]}"


def arranging(site: Site, section: str) -> dict[str, Any]:
    """A project whose survey is to be arranged, in a section."""
    body = {"project": {"name": f"示例{uuid4().hex[:8]}茶馆", "kind": "single"}}
    answer = site.post("/connection-projects", body, who=staff(section, "clerk"))
    assert answer.status_code == 201, answer.text
    case = dict(answer.json())
    decide(site, case, "check-papers", {"outcome": "complete"}, staff(section, "clerk"))
    return case


def offers(site: Site, case: dict[str, Any], who: str = "auditor") -> list[dict[str, Any]]:
    answer = site.get(f"/cases/{case['case_no']}/slots", who)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


def book(site: Site, case: dict[str, Any], slot: dict[str, Any], who: str, **more: Any) -> Any:
    body = {"starts_at": slot["starts_at"], "ends_at": slot["ends_at"], **more}
    return site.post(f"/cases/{case['case_no']}/book", body, who=who)


def of(slot: dict[str, Any]) -> dict[str, str]:
    return {"slot": f"{slot['starts_at']}/{slot['ends_at']}"}


def booked(site: Site, case: dict[str, Any]) -> list[Any]:
    with site.database.read() as connection:
        mine = select(visits.c.starts_at).where(visits.c.case_no == case["case_no"])
        return list(connection.scalars(mine))


def test_an_applicant_takes_an_hour_on_the_page_and_the_survey_is_arranged(site: Site, section: str) -> None:
    case = arranging(site, section)
    first, second, *_ = offers(site, case)
    assert first["taken"] == 0
    assert first["room"] >= 6  # two engineers may come here, three visits each in half a day
    assert first["room"] % 3 == 0
    address = link(site, case, staff(section, "clerk"))
    page = look(site, address).text
    assert "请选一个方便的时间" in page
    taken = send(address, "visit", of(first))
    assert (taken.status_code, "约在" in taken.text) == (200, True)
    shown = site.get(f"/cases/{case['case_no']}").json()
    assert [task["key"] for task in shown["tasks"]] == ["connection.survey"]
    assert shown["project"]["visit"]["starts_at"] == first["starts_at"]
    moved = send(address, "visit", of(second))
    assert moved.status_code == 200
    visit = site.get(f"/cases/{case['case_no']}").json()["project"]["visit"]
    assert (visit["starts_at"], visit["moved"]) == (second["starts_at"], 1)
    assert [at.isoformat() for at in booked(site, case)] == [second["starts_at"]]
    bad = send(address, "visit", {"slot": "2031-01-01T09:00:00+08:00/2031-01-01T11:00:00+08:00"})
    assert (bad.status_code, "从列出的时间里选" in bad.text) == (409, True)
    assert [at.isoformat() for at in booked(site, case)] == [second["starts_at"]]  # what was refused holds no hour


def test_full_hours_are_offered_to_no_applicant_and_sold_once(site: Site, section: str) -> None:
    waiting = [arranging(site, section)]
    slot = offers(site, waiting[0])[0]
    room = slot["room"]
    waiting += [arranging(site, section) for _ in range(room + 1)]
    addresses = [link(site, case, staff(section, "clerk")) for case in waiting]
    taken = [answer.status_code for answer in at_once(len(waiting), lambda n: send(addresses[n], "visit", of(slot)))]
    assert sorted(taken) == [200] * room + [409, 409]
    late, early = taken.index(409), taken.index(200)
    assert slot["starts_at"] not in look(site, addresses[late]).text
    found = offers(site, waiting[late])[0]
    assert (found["taken"], found["room"]) == (room, room)
    over = book(site, waiting[late], slot, staff(section, "representative"))  # by somebody who answers for it
    assert over.status_code == 200, over.text
    assert offers(site, waiting[early])[0]["taken"] == room  # its own visit is no other's


def test_an_hour_is_free_again_once_the_project_is_withdrawn(site: Site, section: str) -> None:
    case, other = arranging(site, section), arranging(site, section)
    slot = offers(site, case)[0]
    assert book(site, case, slot, staff(section, "representative")).status_code == 200
    assert offers(site, other)[0]["taken"] == 1
    site.post(f"/cases/{case['case_no']}/withdraw", {"reason": "不再开店"}, who="supervisor")
    assert eventually(lambda: offers(site, other)[0]["taken"] == 0)


def test_staff_move_an_hour_with_a_reason_that_the_applicant_reads(site: Site, section: str) -> None:
    case = arranging(site, section)
    first, second, *_ = offers(site, case)
    representative = staff(section, "representative")
    base = f"http://127.0.0.1:{site.settings.api_port}/projects/{case['case_no']}"
    own = site.as_(representative) | {"Sec-Fetch-Site": "same-origin"}
    assert f"已约 0 / {first['room']}" in site.http.get(base, headers=own).text
    answer = site.http.post(f"{base}/book", data=of(first), headers=own, follow_redirects=False)
    assert answer.status_code == 303, answer.text
    silent = book(site, case, second, representative)
    assert (silent.status_code, silent.json()["code"]) == (422, "form-invalid")
    moved = site.http.post(f"{base}/book", data=of(second) | {"reason": "道路封闭"}, headers=own, follow_redirects=True)
    assert "改约 1 次" in moved.text
    page = look(site, link(site, case, representative)).text
    assert "道路封闭" in page
    assert book(site, case, first, "engineer").json()["code"] == "wrong-role"


def test_whoever_surveys_says_that_they_are_there(site: Site, section: str) -> None:
    case = arranging(site, section)
    slot = offers(site, case)[2]  # hours away, whenever this runs
    engineer = staff(section, "engineer")
    assert site.post(f"/cases/{case['case_no']}/arrive", who=engineer).json()["code"] == "not-open"
    book(site, case, slot, staff(section, "representative"))
    task = site.get(f"/cases/{case['case_no']}").json()["tasks"][0]["task_id"]
    base = f"http://127.0.0.1:{site.settings.api_port}/field/{task}"
    own = site.as_(engineer) | {"Sec-Fetch-Site": "same-origin"}
    assert "我到了" in site.http.get(base, headers=own).text
    page = site.http.post(f"{base}/arrive", headers=own, follow_redirects=True).text
    assert "早到" in page
    visit = site.get(f"/cases/{case['case_no']}").json()["project"]["visit"]
    assert (visit["punctual"], visit["minutes"] > 0) == ("early", True)
    assert site.post(f"/cases/{case['case_no']}/arrive", who=engineer).json()["code"] == "not-open"
    timeline = site.get(f"/cases/{case['case_no']}/timeline").json()["items"]
    assert [each["body"]["punctual"] for each in timeline if each["event"] == "SurveyorArrived"] == ["early"]


def test_an_hour_agreed_in_the_form_counts_like_one_that_was_chosen(site: Site, section: str) -> None:
    case, other = arranging(site, section), arranging(site, section)
    slot = offers(site, case)[1]
    decide(site, case, "arrange-survey", {"appointment": slot["starts_at"]}, staff(section, "representative"))
    assert offers(site, other)[1]["taken"] == 1


def test_a_customer_rates_the_service_on_the_page(site: Site) -> None:
    case = opened(site)
    address = link(site, case)
    early = send(address, "rate", {"satisfaction": "satisfied"})
    assert (early.status_code, "没有要回访的" in early.text) == (409, True)
    assert send(address, "rate", {"satisfaction": "delighted"}).status_code == 422
