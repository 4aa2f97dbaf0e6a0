"""When a part of the house is away: reads go on, nothing acknowledged is lost, nothing is done twice."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from runtime.relay import Relay
from runtime.wall_clock import now
from store.tables import outbox, refusals
from tests.api.conftest import Site, eventually, opening
from tests.conftest import RunningEngine, free_port, start_engine

SERVED = {"form": {"outcome": "served", "method": "posted", "photo": "door.jpg"}}
FAILED = {"form": {"outcome": "failed", "method": "posted", "reason": "没人"}}


@pytest.fixture
def lonely(engine: RunningEngine, tmp_path: Path) -> Iterator[Site]:
    """A house of its own with a worker, which the test sends away."""
    site = Site(tmp_path, engine.address)
    site.call_worker()
    yield site
    site.close()


def events(site: Site, case_no: str) -> list[str]:
    return [entry["event"] for entry in site.get(f"/cases/{case_no}/timeline").json()["items"]]


def test_a_decision_without_a_worker_is_pending_and_applied_once_when_one_comes(lonely: Site, account_no: str) -> None:
    made = lonely.post("/arrears-cases", opening(account_no), who="clerk").json()
    path = f"/tasks/{made['tasks'][0]['task_id']}/decide"
    lonely.send_worker_away()

    pending = lonely.post(path, FAILED, key="d1")
    assert pending.status_code == 202
    assert (pending.json()["pending"], pending.json()["case_no"]) == (True, made["case_no"])
    assert lonely.post(path, FAILED, key="d1").json() == pending.json()
    with lonely.database.read() as connection:
        queued = connection.execute(select(outbox).where(outbox.c.kind == "command")).all()
    assert [row.body["id"] for row in queued] == [pending.json()["id"]]
    assert events(lonely, made["case_no"]).count("TaskDecided") == 0

    lonely.call_worker()
    eventually(lambda: "TaskDecided" in events(lonely, made["case_no"]))
    eventually(lambda: not _waiting(lonely))
    assert events(lonely, made["case_no"]).count("TaskDecided") == 1
    told = lonely.post(path, FAILED, key="d1")
    assert (told.status_code, told.json()["pending"]) == (200, False)
    assert events(lonely, made["case_no"]).count("TaskDecided") == 1


def test_a_command_that_is_refused_late_is_kept_as_a_refusal(lonely: Site, account_no: str) -> None:
    made = lonely.post("/arrears-cases", opening(account_no), who="clerk").json()
    path = f"/tasks/{made['tasks'][0]['task_id']}/decide"
    lonely.send_worker_away()
    assert [lonely.post(path, FAILED, key=key).status_code for key in ("d1", "d2")] == [202, 202]

    lonely.call_worker()
    eventually(lambda: not _waiting(lonely))
    with lonely.database.read() as connection:
        (kept,) = connection.execute(select(refusals)).all()
    assert (kept.case_no, kept.command) == (made["case_no"], "relay decide arrears.serve-dunning-notice")
    assert (kept.code, kept.by) == ("not-open", "collector")
    assert events(lonely, made["case_no"]).count("TaskDecided") == 1


def test_a_command_for_a_case_that_nobody_works_on_holds_up_no_other_case(lonely: Site, account_no: str) -> None:
    made = lonely.post("/arrears-cases", opening(account_no), who="clerk").json()
    lonely.send_worker_away()
    path = f"/tasks/{made['tasks'][0]['task_id']}/decide"
    assert [lonely.post(path, FAILED, key=key).status_code for key in ("d1", "d2")] == [202, 202]
    assert lonely.post("/arrears-cases", opening(f"{account_no}x"), who="clerk").status_code == 202

    async def deliver() -> int:
        client = await lonely.app.state.house.engine.client()
        patience = timedelta(seconds=0.5)
        relay = Relay(client, lonely.database, task_queue=lonely.settings.task_queue, patience=patience)
        return await relay.deliver(now=now() + timedelta(minutes=1))  # past the lease of whoever tried before

    assert lonely.run(deliver()) == 3
    with lonely.database.read() as connection:
        left = connection.execute(select(outbox).order_by(outbox.c.id)).all()
    assert [(row.kind, row.last_error) for row in left] == [("command", "TimeoutError")] * 2


def test_without_a_worker_what_the_record_refuses_is_refused_at_once(lonely: Site, account_no: str) -> None:
    made = lonely.post("/arrears-cases", opening(account_no), who="clerk").json()
    path, task = f"/cases/{made['case_no']}", made["tasks"][0]["task_id"]
    lonely.send_worker_away()
    for answer, code in (
        (lonely.post(f"/tasks/{task}/decide", SERVED, who="engineer"), "wrong-role"),
        (lonely.post(f"{path}/contact", {"method": "phone"}, who="engineer"), "wrong-role"),
        (lonely.post(f"{path}/dispute", ["B7"]), "unknown"),
    ):
        assert answer.json()["code"] == code
    assert not _waiting(lonely)


def test_a_case_opened_without_a_worker_is_pending_and_on_record_when_one_comes(lonely: Site, account_no: str) -> None:
    lonely.send_worker_away()
    pending = lonely.post("/arrears-cases", opening(account_no), who="clerk", key="o1")
    assert pending.status_code == 202
    case_no = pending.json()["case_no"]
    assert pending.json()["pending"] is True
    lonely.call_worker()
    eventually(lambda: lonely.get(f"/cases/{case_no}").status_code == 200)
    made = lonely.post("/arrears-cases", opening(account_no), who="clerk", key="o1")
    assert (made.status_code, made.json()["case_no"], made.json()["joined"]) == (201, case_no, False)


def test_money_is_taken_without_a_worker(lonely: Site, account_no: str) -> None:
    made = lonely.post("/arrears-cases", opening(account_no), who="clerk").json()
    lonely.send_worker_away()
    body = {"account": account_no, "reference": f"T-{account_no}", "amount": "86.40"}
    assert lonely.post("/payments", body, who="clerk").status_code == 201
    lonely.call_worker()
    eventually(lambda: lonely.get(f"/cases/{made['case_no']}").json()["status"] == "closed")


def test_reads_work_and_commands_answer_503_while_the_engine_is_down(tmp_path: Path, account_no: str) -> None:
    port = free_port()
    running = start_engine(tmp_path / "engine", port=port)
    site = Site(tmp_path / "site", running.address)
    try:
        site.call_worker()
        made = site.post("/arrears-cases", opening(account_no), who="clerk").json()
        path, task = f"/cases/{made['case_no']}", made["tasks"][0]["task_id"]
        site.send_worker_away()
        running.stop()

        assert site.get(path).json()["tasks"][0]["task_id"] == task
        assert site.get("/tasks", "collector").status_code == 200
        assert site.http.get("/../../healthz").status_code == 200
        ready = site.http.get("/../../readyz")
        assert (ready.status_code, ready.json()) == (503, {"database": True, "engine": False})
        refused = site.post(f"/tasks/{task}/decide", SERVED, key="k")
        assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")
        assert int(refused.headers["Retry-After"]) > 0
        paid = site.post("/payments", {"account": account_no, "reference": account_no, "amount": "1.00"}, who="clerk")
        assert paid.status_code == 201
        other = site.post("/arrears-cases", opening(f"{account_no}x"), who="clerk")
        assert (other.status_code, other.json()["pending"]) == (202, True)

        running = start_engine(tmp_path / "engine", port=port)
        site.call_worker()
        told = eventually(lambda: _done(site, f"/tasks/{task}/decide"))
        assert told["stage"] == "grace"
        eventually(lambda: site.get(path).json()["amount"] == "85.40")
        eventually(lambda: site.get(f"/cases/{other.json()['case_no']}").status_code == 200)
    finally:
        site.close()
        running.stop()


def test_the_api_starts_and_reads_without_an_engine(tmp_path: Path) -> None:
    site = Site(tmp_path, f"127.0.0.1:{free_port()}", decision_timeout=0.5)
    try:
        assert site.get("/cases").json() == {"items": [], "next": None}
        pending = site.post("/arrears-cases", opening("1"), who="clerk")
        assert pending.status_code == 202
        assert site.http.get("/../../readyz").json() == {"database": True, "engine": False}
    finally:
        site.close()


def _waiting(site: Site) -> list[Any]:
    with site.database.read() as connection:
        return list(connection.execute(select(outbox).where(outbox.c.kind == "command")).all())


def _done(site: Site, path: str) -> Any:
    answer = site.post(path, SERVED, key="k")
    return answer.json() if answer.status_code == 200 else None
