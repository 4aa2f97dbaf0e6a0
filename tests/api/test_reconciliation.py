"""Reconciliation through its doors and on its page; what an account owed at any moment."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from runtime.wall_clock import now
from tests.api.conftest import Site, opening
from tests.api.test_exports import Read
from tests.conftest import free_port


def days_ago(ago: int) -> str:
    """So many days ago, by the clock that the door looks at."""
    return (now().date() - timedelta(days=ago)).isoformat()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Site]:
    """A ledger of the test's own, for a comparison is with all of it; its engine is away."""
    site = Site(tmp_path / "books", f"127.0.0.1:{free_port()}", decision_timeout=0.1)
    for no in ("H1", "H2"):
        site.post("/arrears-cases", opening(no), who="clerk")
    yield site
    site.close()


def test_a_list_of_billings_is_compared_and_the_differences_are_told(house: Site) -> None:
    owed = [
        {"account": "H1", "balance": "86.40"},
        {"account": "H9", "balance": "7.00", "bills": [{"no": "B7", "owed": "7"}]},
    ]
    answer = house.post("/ledger/reconciliations", {"day": days_ago(1), "accounts": owed}, who="administrator")
    assert answer.status_code == 201, answer.text
    told = answer.json()
    assert {key: told["about"][key] for key in ("accounts", "differences", "ours", "theirs")} == {
        "accounts": 2,
        "differences": 2,
        "ours": "172.80",
        "theirs": "93.40",
    }
    assert [(each["account"], each["kind"], each["ours"], each["theirs"]) for each in told["first"]] == [
        ("H2", "not-there", "86.40", "0.00"),
        ("H9", "not-here", "0.00", "7.00"),
    ]
    assert told["formula"]
    number = told["about"]["id"]
    assert house.get(f"/ledger/reconciliations/{number}").json() == told
    assert house.get("/ledger/reconciliations").json()["items"][0] == told["about"]
    book = Read(house.get(f"/ledger/reconciliations/{number}/differences.xlsx").content)
    assert [(row["户号"], row["账单号"], row["相差"]) for row in book.table()] == [
        ("H2", None, 86.4),
        ("H9", "B7", -7.0),
    ]
    assert house.get(f"/ledger/reconciliations/{number + 1}").status_code == 404


def test_a_list_that_cannot_be_right_is_refused(house: Site) -> None:
    one = {"account": "H1", "balance": "5.00"}
    for wrong in (
        {"day": days_ago(0), "accounts": [one]},
        {"day": days_ago(1), "accounts": [one, one]},
        {"day": days_ago(1), "accounts": [one | {"bills": [{"no": "B1", "owed": "4.00"}]}]},
        {"day": days_ago(1), "accounts": [one | {"balance": "-5.00"}]},
    ):
        answer = house.post("/ledger/reconciliations", wrong, who="administrator")
        assert (answer.status_code, answer.json()["code"]) == (422, "form-invalid"), wrong
    bounded = house.add("bounded", "clerk", grid="G1")
    assert house.post("/ledger/reconciliations", {"day": days_ago(1), "accounts": []}, who=bounded).status_code == 403


def ask(site: Site, method: str, path: str, who: str = "clerk", **more: Any) -> Any:
    address = f"http://127.0.0.1:{site.settings.api_port}{path}"
    return site.http.request(method, address, headers=site.as_(who), follow_redirects=False, **more)


def test_a_list_comes_in_on_the_page(house: Site) -> None:
    assert 'enctype="multipart/form-data"' in ask(house, "GET", "/ledger/reconciliations").text
    assert "multipart" not in ask(house, "GET", "/ledger/reconciliations", "auditor").text
    files = {"file": ("余额.csv", "户号,账单号,欠费余额\nH1,B1,80.00\nH2,B1,86.40\n".encode())}
    sent = ask(house, "POST", "/ledger/reconciliations", files=files, data={"day": days_ago(1)})
    assert sent.status_code == 303, sent.text
    shown = ask(house, "GET", sent.headers["Location"])
    words = " ".join(re.sub(r"<[^>]+>", " ", shown.text).split())
    assert "1 户不一致：我方合计 ¥172.80，营业系统合计 ¥166.40。" in words
    assert "B1 · 营业系统少欠：我方可能缺缴费 · ¥86.40 / ¥80.00" in words
    assert sent.headers["Location"] in ask(house, "GET", "/ledger/reconciliations").text
    assert 'href="/ledger/reconciliations"' in ask(house, "GET", "/ledger").text
    agreeing = {"file": ("余额.csv", "户号,欠费余额\nH1,86.40\nH2,86.40\n".encode())}
    sent = ask(house, "POST", "/ledger/reconciliations", files=agreeing, data={"day": days_ago(1)})
    assert "全部一致：2 户，合计 ¥172.80。" in ask(house, "GET", sent.headers["Location"]).text
    for name, content, day, said in (
        ("余额.csv", "a,b\n1,2\n", days_ago(1), "没有找到含户号和余额的表"),
        ("余额.csv", "户号,欠费余额\nH1,1\n", days_ago(0), "这一天还没有结束"),
        ("余额.csv", "户号,欠费余额\nH1,1\n", "gestern", "请填写对账日期"),
    ):
        refused = ask(
            house, "POST", "/ledger/reconciliations", files={"file": (name, content.encode())}, data={"day": day}
        )
        assert refused.status_code == 422
        assert said in refused.text
    assert (
        ask(house, "POST", "/ledger/reconciliations", "auditor", files=files, data={"day": days_ago(1)}).status_code
        == 403
    )


def test_what_an_account_owed_at_any_moment(house: Site, account_no: str) -> None:
    house.post("/arrears-cases", opening(account_no), who="clerk")
    before = now()
    house.post("/payments", {"account": account_no, "reference": f"T-{account_no}", "amount": "6.40"}, who="clerk")
    assert house.get(f"/accounts/{account_no}/balance").json()["overdue"] == "80.00"
    then = house.get(f"/accounts/{account_no}/balance", at=before.isoformat()).json()
    assert (then["overdue"], then["bills"], then["prepaid"]) == ("86.40", {"B1": "86.40"}, "0.00")
    earlier = (now() - timedelta(days=3)).isoformat()
    assert house.get(f"/accounts/{account_no}/balance", at=earlier).json()["overdue"] == "0.00"
    assert house.get("/accounts/none/balance").status_code == 404
    assert house.get(f"/accounts/{account_no}/balance", at="gestern").status_code == 422
