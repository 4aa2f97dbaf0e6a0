"""Receipts of messages: signed, once each; a message that is reported lost goes by the next channel of the pack."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from api import signed
from runtime.wall_clock import now
from tests.api.conftest import RECEIPTS, Site, eventually, opening
from tests.conftest import RunningEngine
from tests.own_packs import looked_up_in, write_pack


@pytest.fixture(scope="module")
def house(engine: RunningEngine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Under a pack with a second channel, whose nights are far from the hour of the test."""
    folder = tmp_path_factory.mktemp("house")
    night = now() + timedelta(hours=12)
    quiet = f'{{opens: "{night:%H:%M}", closes: "{night + timedelta(minutes=1):%H:%M}"}}'
    pack = write_pack(
        folder / "packs",
        "2021-02-03",
        ("reminder: {value: [sms]", "reminder: {value: [sms, wechat]"),
        ('value: {opens: "22:00", closes: "08:30"}', f"value: {quiet}"),
    )
    with looked_up_in(folder / "packs"):
        site = Site(folder, engine.address, pack=pack, receipts_secrets=SecretStr(RECEIPTS))
        site.call_worker()
        yield site
        site.close()


def told(reference: str, status: str = "failed", **more: str) -> dict[str, str]:
    return {"reference": reference, "status": status, "at": now().isoformat()} | more


def send(site: Site, *receipts: dict[str, str], secret: str = RECEIPTS) -> Any:
    body = json.dumps({"receipts": receipts}).encode()
    stamp = str(int(now().timestamp()))
    headers = {signed.TIMESTAMP: stamp, signed.SIGNATURE: f"v1={signed.signature(secret, stamp, body)}"}
    return site.http.post("/messages/receipts", content=body, headers=headers)


def messages(site: Site, case_no: str) -> list[tuple[str, str, str | None]]:
    notices = site.get(f"/cases/{case_no}").json()["notices"]
    return [(each["channel"], each["status"], each["receipt"]) for each in notices]


def reminded(site: Site, account_no: str) -> str:
    """A case whose reminder has gone out."""
    case_no: str = site.post("/arrears-cases", opening(account_no), who="clerk").json()["case_no"]
    eventually(lambda: messages(site, case_no) == [("sms", "sent", None)])
    return case_no


def test_a_message_reported_lost_goes_by_the_next_channel_once(house: Site, account_no: str) -> None:
    case_no = reminded(house, account_no)
    lost = told(f"{case_no}/reminder-1", code="UNDELIV")
    with ThreadPoolExecutor(max_workers=16) as callers:
        answers = list(callers.map(lambda _: send(house, lost).json(), range(48)))
    assert sum(answer["taken"] for answer in answers) == 1
    eventually(lambda: messages(house, case_no) == [("sms", "sent", "failed"), ("wechat", "sent", None)])
    assert send(house, told(f"{case_no}/reminder-2", "delivered")).json() == {"taken": 1, "known": 0, "unknown": 0}
    assert send(house, told(f"{case_no}/reminder-2")).json()["known"] == 1
    assert messages(house, case_no)[1] == ("wechat", "sent", "delivered")
    entries = house.get(f"/cases/{case_no}/timeline").json()["items"]
    assert [entry["event"] for entry in entries].count("MessageReported") == 1
    assert [entry["event"] for entry in entries].count("MessageDue") == 2


def test_a_message_reported_lost_after_the_debt_was_paid_is_left_at_that(house: Site, account_no: str) -> None:
    case_no = reminded(house, account_no)
    paid = {"account": account_no, "reference": f"T-{account_no}", "amount": "86.40"}
    assert house.post("/payments", paid, who="clerk").status_code == 201
    eventually(lambda: house.get(f"/cases/{case_no}").json()["status"] == "closed")
    assert send(house, told(f"{case_no}/reminder-1")).json()["taken"] == 1
    assert messages(house, case_no) == [("sms", "sent", "failed")]


def test_a_receipt_for_nothing_of_ours_or_not_signed_is_no_receipt(house: Site) -> None:
    assert send(house, told("QF-20010101-0001/reminder-1")).json() == {"taken": 0, "known": 0, "unknown": 1}
    assert send(house, told("QF-20010101-0001/reminder-1"), secret="x" * 20).status_code == 401
    wrong = send(house, told("13800000000"), told("a/b", code="张示例"))
    assert wrong.status_code == 422
    assert "13800000000" not in wrong.text
