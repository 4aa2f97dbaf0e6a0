"""Once: the same key has one effect and one answer; two who decide at once get one yes and one clear no."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
from sqlalchemy import func, select

from runtime.wall_clock import now
from store.answers import finish, forget, note, take
from store.database import Database
from store.tables import answers, ledger, openings
from tests.api.conftest import Site, opening

SERVED = {"form": {"outcome": "served", "method": "posted", "photo": "door.jpg"}}
FAILED = {"form": {"outcome": "failed", "method": "posted", "reason": "没人"}}


def at_once(times: int, call: Callable[[int], httpx2.Response]) -> list[httpx2.Response]:
    with ThreadPoolExecutor(max_workers=min(times, 25)) as callers:
        return list(callers.map(call, range(times)))


def test_the_same_key_a_hundred_times_opens_one_case_with_one_answer(site: Site, account_no: str) -> None:
    given = at_once(
        100, lambda _: site.post("/arrears-cases", opening(account_no), who="clerk", key=f"open-{account_no}")
    )
    assert {answer.status_code for answer in given} == {201}
    assert len({answer.text for answer in given}) == 1
    with site.database.read() as connection:
        count = select(func.count()).select_from(openings).where(openings.c.subject == account_no)
        assert connection.scalar(count) == 1


def test_the_same_key_a_hundred_times_takes_one_payment_with_one_answer(site: Site, opened: dict[str, Any]) -> None:
    body = {"account": opened["subject"], "reference": f"R-{opened['subject']}", "amount": "10.00"}
    given = at_once(100, lambda _: site.post("/payments", body, who="clerk", key=f"pay-{opened['subject']}"))
    assert {(answer.status_code, answer.text) for answer in given} == {(201, given[0].text)}
    with site.database.read() as connection:
        count = select(func.count()).select_from(ledger).where(ledger.c.unique_key == body["reference"])
        assert connection.scalar(count) == 1


def test_the_same_key_many_times_is_one_decision_with_one_answer(site: Site, opened: dict[str, Any]) -> None:
    path = f"/tasks/{opened['tasks'][0]['task_id']}/decide"
    given = at_once(30, lambda _: site.post(path, FAILED, key=f"decide-{opened['subject']}"))
    assert {(answer.status_code, answer.text) for answer in given} == {(200, given[0].text)}
    later = site.post(path, FAILED, key=f"decide-{opened['subject']}")
    assert later.text == given[0].text
    entries = site.get(f"/cases/{opened['case_no']}/timeline").json()["items"]
    assert [entry["event"] for entry in entries].count("TaskDecided") == 1


def test_a_contact_recorded_under_one_key_counts_once(site: Site, opened: dict[str, Any]) -> None:
    path, key = f"/cases/{opened['case_no']}/contact", f"contact-{opened['subject']}"
    given = at_once(20, lambda _: site.post(path, {"method": "phone"}, key=key))
    assert {(answer.status_code, answer.text) for answer in given} == {(200, given[0].text)}
    entries = site.get(f"/cases/{opened['case_no']}/timeline").json()["items"]
    assert [entry["event"] for entry in entries].count("ContactRecorded") == 1


def test_another_body_or_door_under_the_same_key_is_refused(site: Site, opened: dict[str, Any]) -> None:
    key = f"one-{opened['subject']}"
    body = {"account": opened["subject"], "reference": f"A-{opened['subject']}", "amount": "1.00"}
    assert site.post("/payments", body, who="clerk", key=key).status_code == 201
    for path, other in (("/payments", body | {"amount": "2.00"}), (f"/cases/{opened['case_no']}/urge", {"task": "x"})):
        refused = site.post(path, other, who="clerk", key=key)
        assert (refused.status_code, refused.json()["code"]) == (409, "duplicate")


def test_a_key_belongs_to_its_person(site: Site, opened: dict[str, Any]) -> None:
    key = f"shared-{opened['subject']}"
    body = {"account": opened["subject"], "reference": f"B-{opened['subject']}", "amount": "1.00"}
    assert site.post("/payments", body, who="clerk", key=key).json()["new"] is True
    assert site.post("/payments", body, who="administrator", key=key).json()["new"] is False


def test_a_refused_request_put_right_may_use_its_key_again(site: Site, opened: dict[str, Any]) -> None:
    key, path = f"mended-{opened['subject']}", f"/cases/{opened['case_no']}/dispute"
    assert site.post(path, ["B7"], key=key).json()["code"] == "unknown"
    assert site.post(path, ["B1"], key=key).status_code == 200
    body = {"account": "nobody-1", "reference": f"C-{opened['subject']}", "amount": "1.00"}
    assert site.post("/payments", body, who="clerk", key=key).json()["code"] == "unknown"
    assert site.post("/payments", body | {"account": opened["subject"]}, who="clerk", key=key).status_code == 201


def test_two_who_decide_at_once_get_one_yes_and_one_clear_no(site: Site, account_no: str) -> None:
    first = site.add(f"one-{account_no}", "collector")
    second = site.add(f"two-{account_no}", "collector")
    for attempt in range(5):
        made = site.post("/arrears-cases", opening(f"{account_no}{attempt}"), who="clerk").json()
        path = f"/tasks/{made['tasks'][0]['task_id']}/decide"
        given = at_once(2, lambda n, path=path: site.post(path, SERVED, who=(first, second)[n]))
        assert sorted(answer.status_code for answer in given) == [200, 409]
        refused = next(answer for answer in given if answer.status_code == 409)
        assert refused.json()["code"] == "not-open"


def test_keys_are_kept_without_the_body_they_stand_for(site: Site, opened: dict[str, Any]) -> None:
    body = {"method": "phone", "note": "密语 13800000000"}
    site.post(f"/cases/{opened['case_no']}/contact", body, key=f"note-{opened['subject']}")
    with site.database.read() as connection:
        kept = connection.execute(select(answers).where(answers.c.key.contains(f"note-{opened['subject']}"))).one()
    assert "13800000000" not in str(kept)


def test_the_answer_that_was_kept_first_stands(database: Database) -> None:
    at = now()
    with database.write() as connection:
        take(connection, key="k", fingerprint="f", at=at)
        note(connection, "k", {"case_no": "QF-1"})
    with database.write() as connection:
        assert finish(connection, "k", status=201, answer={"said": 1}).answer == {"said": 1}
        assert finish(connection, "k", status=200, answer={"said": 2}).status == 201
    with database.write() as connection:
        kept = take(connection, key="k", fingerprint="f", at=at)
        assert (kept.effect, kept.status, kept.answer) == ({"case_no": "QF-1"}, 201, {"said": 1})
        forget(connection, "k")
    with database.write() as connection:
        assert take(connection, key="k", fingerprint="f", at=at).answer == {"said": 1}
