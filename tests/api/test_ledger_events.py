"""Billing's own door: signed, once each, in any order, however many at a time."""

import json
import random
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr
from sqlalchemy import func, select

from api import signed
from domain.account import Payment, Reversal, standing
from runtime.wall_clock import now
from store import ledger as books
from store.tables import accounts, billing_events, ledger
from tests.api.conftest import BILLING, NEXT, Site, eventually
from tests.conftest import free_port

DUE = (now() - timedelta(days=9)).date().isoformat()
LONG_AGO = (now() - timedelta(days=1)).isoformat(timespec="seconds")


def send(site: Site, *told: dict[str, Any], secret: str = BILLING, old: float = 0.0, **headers: str) -> Any:
    body = json.dumps({"events": told}, ensure_ascii=False).encode()
    stamp = str(int(now().timestamp() - old))
    signing = {signed.TIMESTAMP: stamp, signed.SIGNATURE: f"v1={signed.signature(secret, stamp, body)}"}
    return site.http.post("/ledger/events", content=body, headers=signing | headers)


def account(no: str, *, at: str = LONG_AGO, id: str | None = None, **more: Any) -> dict[str, Any]:
    told = {"no": no, "class": "resident", "phone": "13800000000"} | more
    return {"id": id or f"A-{no}", "kind": "account", "at": at, "account": told}


def bill(no: str, amount: str, name: str = "B1") -> dict[str, Any]:
    told = {"no": name, "period": "2026-02", "amount": amount, "due_on": DUE}
    return {"id": f"B-{no}-{name}", "kind": "bill", "at": LONG_AGO, "account": no, "bill": told}


def payment(no: str, reference: str, amount: str, *bills: str) -> dict[str, Any]:
    told = {"account": no, "reference": reference, "amount": amount, "bills": bills}
    return {"id": f"P-{reference}", "kind": "payment", "at": LONG_AGO} | told


def reversal(no: str, reference: str) -> dict[str, Any]:
    return {"id": f"R-{reference}", "kind": "reversal", "at": LONG_AGO, "account": no, "reference": reference}


def owed(site: Site, no: str) -> tuple[int, int]:
    with site.database.read() as connection:
        facts = [fact for _, fact in books.facts_after(connection, no, 0)]
    stands = standing(facts=facts, as_of=now())
    return stands.overdue, stands.prepaid


def test_a_debt_comes_and_is_paid_through_the_door(site: Site, account_no: str) -> None:
    answer = send(site, account(account_no), bill(account_no, "86.40"))
    assert (answer.status_code, answer.json()) == (
        200,
        {"taken": 2, "known": 0, "waiting": 0, "refused": 0, "told": []},
    )
    case = eventually(lambda: site.get("/cases", account=account_no).json()["items"])[0]
    assert case["amount"] == "86.40"
    paid = payment(account_no, f"T-{account_no}", "86.40", "B1")
    assert send(site, paid).json()["taken"] == 1
    assert send(site, paid).json() == {
        "taken": 0,
        "known": 1,
        "waiting": 0,
        "refused": 0,
        "told": [{"index": 0, "fate": "taken", "known": True, "code": None, "message": None}],
    }
    eventually(lambda: site.get(f"/cases/{case['case_no']}").json()["stage"] == "settled")
    assert send(site, {"id": "C-1", "kind": "confirm", "at": LONG_AGO}).json()["taken"] == 1


def test_what_is_not_signed_is_not_read(site: Site, account_no: str) -> None:
    told = account(account_no)
    body = json.dumps({"events": [told]}).encode()
    stamp = str(int(now().timestamp()))
    fits = f"v1={signed.signature(BILLING, stamp, body)}"
    wrong = {
        "nothing": {},
        "no signature": {signed.TIMESTAMP: stamp},
        "another secret": {signed.TIMESTAMP: stamp, signed.SIGNATURE: f"v1={signed.signature('x' * 20, stamp, body)}"},
        "another time": {signed.TIMESTAMP: str(int(stamp) + 1), signed.SIGNATURE: fits},
        "no time": {signed.TIMESTAMP: "gestern", signed.SIGNATURE: fits},
        "no hex": {signed.TIMESTAMP: stamp, signed.SIGNATURE: "v1=ü,,"},
    }
    for name, headers in wrong.items():
        raw = {key: value.encode() for key, value in headers.items()}
        answer = site.http.post("/ledger/events", content=body, headers=raw)
        assert (answer.status_code, answer.json()["code"]) == (401, "not-signed-in"), name
        assert account_no not in answer.text
    for content in (body + b" ", b"", b"{"):
        headers = {signed.TIMESTAMP: stamp, signed.SIGNATURE: fits}
        assert site.http.post("/ledger/events", content=content, headers=headers).status_code == 401
    for old in (301, -301):
        assert "five minutes" in send(site, told, old=old).json()["message"]
    with site.database.read() as connection:
        assert connection.scalar(select(accounts.c.account_no).where(accounts.c.account_no == account_no)) is None
    assert send(site, told, old=240).status_code == 200


def test_two_secrets_hold_while_one_takes_the_others_place(site: Site, account_no: str) -> None:
    assert send(site, account(account_no), secret=NEXT).json()["taken"] == 1
    assert send(site, account(account_no), secret=BILLING).json()["known"] == 1
    body = json.dumps({"events": [account(account_no)]}).encode()
    stamp = str(int(now().timestamp()))
    both = ", ".join(f"v1={signed.signature(secret, stamp, body)}" for secret in ("y" * 20, NEXT))
    headers = {signed.TIMESTAMP: stamp, signed.SIGNATURE: both}
    assert site.http.post("/ledger/events", content=body, headers=headers).status_code == 200


def test_a_door_without_a_secret_is_shut(tmp_path: Path) -> None:
    site = Site(tmp_path, f"127.0.0.1:{free_port()}", decision_timeout=0.5)
    try:
        assert send(site, account("1")).status_code == 401
    finally:
        site.close()


def test_a_body_in_wrong_form_is_told_without_being_said_back(site: Site) -> None:
    answer = send(site, account("1") | {"kind": "13800000000"}, payment("2", "T", "１"), {"id": "张示例 13800000000"})
    assert (answer.status_code, answer.json()["code"]) == (422, "form-invalid")
    assert "13800000000" not in answer.text
    assert "张示例" not in answer.text
    assert send(site).status_code == 422
    large = send(site, account("1", name="x" * 1_100_000))
    assert (large.status_code, large.json()["code"]) == (413, "too-large")


def test_an_event_that_is_refused_stops_no_other(site: Site, account_no: str) -> None:
    first = payment(account_no, f"T-{account_no}", "10.00")
    ahead = {"id": f"X-{account_no}", "kind": "confirm", "at": (now() + timedelta(hours=1)).isoformat()}
    answer = send(
        site, account(account_no), first, first | {"amount": "11.00"}, ahead, bill(account_no, "20.00")
    ).json()
    assert (answer["taken"], answer["refused"]) == (3, 2)
    assert [(each["index"], each["code"]) for each in answer["told"]] == [(2, "duplicate"), (3, "form-invalid")]
    other = first | {"id": f"again-{account_no}", "amount": "11.00"}
    assert send(site, other).json()["told"][0]["code"] == "duplicate"
    assert owed(site, account_no) == (1000, 0)


def test_what_comes_too_early_waits_and_has_its_effect(site: Site, account_no: str) -> None:
    reference = f"T-{account_no}"
    told = [
        reversal(account_no, reference),
        payment(account_no, reference, "5.00", "B1"),
        bill(account_no, "9.00"),
        account(account_no),
    ]
    fates = [send(site, each).json() for each in told[:3]]
    address = f"http://127.0.0.1:{site.settings.api_port}/ledger"
    waits = site.http.get(address, headers=site.as_("clerk")).text
    assert waits.count(f"<td>{account_no}</td>") == 3
    fates.append(send(site, told[3]).json())
    assert [each["waiting"] for each in fates] == [1, 1, 1, 0]
    assert account_no not in site.http.get(address, headers=site.as_("clerk")).text
    assert owed(site, account_no) == (900, 0)
    known = send(site, *told).json()
    assert {(each["fate"], each["known"]) for each in known["told"]} == {("taken", True)}


def test_of_an_account_the_latest_word_of_each_field_holds(site: Site, account_no: str) -> None:
    words = [
        account(account_no, id=f"{account_no}-1", at="2026-03-01T09:00:00+08:00", name="甲示例", estate="open"),
        account(
            account_no, id=f"{account_no}-2", at="2026-03-02T09:00:00+08:00", name="乙示例", protected=["hospital"]
        ),
        account(account_no, id=f"{account_no}-3", at="2026-03-03T09:00:00+08:00", estate="gated"),
    ]
    for each in random.Random(account_no).sample(words, 3):
        send(site, each)
    with site.database.read() as connection:
        stands = connection.execute(select(accounts).where(accounts.c.account_no == account_no)).one()
    assert (stands.name, stands.estate, stands.protected) == ("乙示例", "gated", ["hospital"])


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A door whose engine is away: what it commits is all there is to look at."""
    site = Site(
        tmp_path_factory.mktemp("alone"),
        f"127.0.0.1:{free_port()}",
        decision_timeout=0.1,
        billing_secrets=SecretStr(BILLING),
    )
    yield site
    site.close()


def test_a_thousand_callbacks_shuffled_and_doubled_have_one_effect_each(alone: Site) -> None:
    chance = random.Random(20260311)
    nos = [f"K{number}" for number in range(20)]
    told = [account(no) for no in nos] + [bill(no, "500.00") for no in nos]
    payments = [
        payment(chance.choice(nos), f"S-{number}", f"{chance.randint(1, 900) / 100:.2f}") for number in range(1000)
    ]
    taken_back = chance.sample(payments, 60)
    told += payments + [reversal(each["account"], each["reference"]) for each in taken_back]
    calls = told + chance.sample(told, 300)
    chance.shuffle(calls)
    with ThreadPoolExecutor(max_workers=16) as callers:
        answers = list(callers.map(lambda each: send(alone, each), calls))
    assert {answer.status_code for answer in answers} == {200}
    assert sum(answer.json()["known"] for answer in answers) == 300
    with alone.database.read() as connection:
        by_kind = select(ledger.c.kind, func.count()).group_by(ledger.c.kind)
        kinds = {kind: count for kind, count in connection.execute(by_kind)}  # noqa: C416
        waiting = select(func.count()).select_from(billing_events).where(billing_events.c.status != "taken")
        assert (kinds, connection.scalar(waiting)) == ({"bill": 20, "payment": 1000, "reversal": 60}, 0)
    for no in nos:
        stays = [each for each in payments if each["account"] == no and each not in taken_back]
        paid = sum(round(float(each["amount"]) * 100) for each in stays)
        assert owed(alone, no) == (max(50000 - paid, 0), max(paid - 50000, 0))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.randoms(use_true_random=False))
def test_no_order_makes_a_difference(alone: Site, chance: random.Random) -> None:
    """Each account gets the same story, told in another order and partly twice: all owe the same."""
    no = f"O{uuid4().hex[:12]}"
    told = [
        account(no),
        bill(no, "30.00"),
        bill(no, "12.00", "B2"),
        payment(no, f"{no}-1", "20.00", "B2"),
        payment(no, f"{no}-2", "7.00"),
        payment(no, f"{no}-3", "4.00"),
        reversal(no, f"{no}-3"),
    ]
    calls: Sequence[dict[str, Any]] = told + chance.sample(told, 3)
    for each in chance.sample(calls, len(calls)):
        assert send(alone, each).json()["refused"] == 0
    with alone.database.read() as connection:
        facts = [fact for _, fact in books.facts_after(connection, no, 0)]
    stands = standing(facts=facts, as_of=now())
    assert (stands.overdue, stands.owed, stands.prepaid) == (1500, {"B1": 1500}, 0)
    assert sum(isinstance(fact, Payment | Reversal) for fact in facts) == 4
