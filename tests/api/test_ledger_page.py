"""The page of ledgers: a file in, what it would do in words, each row's fault, a yes, and what came of it."""

import re
import threading
from typing import Any

import pytest

from api.pages import ledger as page
from api.pages.words import translations
from tests.api.conftest import Site, eventually
from tests.api.test_exports import Read
from tests.api.test_previews import AHEAD, DUE, HEAD


def ask(site: Site, method: str, path: str, who: str = "clerk", **more: Any) -> Any:
    headers = site.as_(who) | more.pop("headers", {})
    address = f"http://127.0.0.1:{site.settings.api_port}{path}"
    return site.http.request(method, address, headers=headers, follow_redirects=False, **more)


def send(site: Site, text: str, *, name: str = "台账.csv", who: str = "clerk", **more: Any) -> Any:
    return ask(site, "POST", "/ledger/preview", who, files={"file": (name, text.encode())}, **more)


def words(answer: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.text).split())


@pytest.fixture
def ledger(account_no: str) -> str:
    return HEAD + (
        f"{account_no}1,居民,2026-01,1860.55,{DUE},,,,张示例,\n"
        f"{account_no}1,居民,2026-02,10,{DUE},,,,张示例,\n"
        f"{account_no}2,单位,2026-02,<b>,{DUE},,,,=1+1,\n"
        f"{account_no}3,居民,2026-02,5,{AHEAD},,,,<script>,\n"
    )


def test_a_ledger_comes_in_through_its_preview(site: Site, ledger: str, account_no: str) -> None:
    first = ask(site, "GET", "/ledger")
    assert first.status_code == 200
    assert 'enctype="multipart/form-data"' in first.text
    sent = send(site, ledger)
    assert sent.status_code == 303, sent.text
    shown = ask(site, "GET", sent.headers["Location"])
    assert "将立案 1 户，新增账单 2 张，合计 ¥1,870.55。" in words(shown)
    assert "4行，其中2行有问题，不会导入" in words(shown).replace(" ", "")
    assert "不是有效的金额（元）" in shown.text
    assert "该账单尚未逾期" in shown.text
    assert "不用的列" in shown.text
    assert "<script>" not in shown.text.split("<main")[1]
    assert site.get("/cases", account=f"{account_no}1").json()["items"] == []

    faults = re.search(r'href="(/api/v1/ledger/preview/[0-9a-f]{64}/errors\.xlsx)"', shown.text)
    assert faults is not None
    book = Read(ask(site, "GET", faults[1]).content)
    assert [(row["行"], row["列"]) for row in book.table()] == [(4.0, "应缴金额"), (5.0, "缴费期限")]

    confirm = re.search(r'action="(/ledger/imports/[0-9a-f]{64})"', shown.text)
    assert confirm is not None
    done = ask(site, "POST", confirm[1], data={})
    assert done.headers["Location"] == confirm[1]

    def taken_in() -> Any:
        told = ask(site, "GET", confirm[1])
        return None if "正在导入" in told.text else told

    told = eventually(taken_in)
    assert "已导入：立案 1 户，新增账单 2 张，已有 0 张。" in words(told)
    assert "不是有效的金额（元）" in told.text
    eventually(lambda: site.get("/cases", account=f"{account_no}1").json()["items"])

    again = ask(site, "GET", send(site, ledger).headers["Location"])
    assert "这个文件已经导入过" in again.text
    assert f'action="{confirm[1]}"' not in again.text
    assert confirm[1] in ask(site, "GET", "/ledger").text


def test_a_wrong_file_is_refused_on_the_page_with_what_to_do(site: Site) -> None:
    for name, text, said in (
        ("账.csv", "a,b\n1,2\n", "缺少必需的列"),
        ("账.xlsx", "<html>", "不是电子表格文件"),
        ("账.csv", "", "文件是空的"),
    ):
        answer = send(site, text, name=name)
        assert answer.status_code == 422
        assert said in answer.text
        assert 'type="file"' in answer.text
    assert ask(site, "POST", "/ledger/preview", data={"file": ""}).status_code == 422
    english = send(site, "a,b\n1,2\n", headers={"Accept-Language": "en"})
    assert "Required columns are missing" in english.text


def test_a_file_too_large_is_refused_on_a_page(site: Site) -> None:
    answer = ask(site, "POST", "/ledger/preview/x/drop", content=b"x" * 2_000_000)
    assert answer.status_code == 413
    assert "文件太大了" in answer.text
    assert "请拆成几份再传" in answer.text


def test_what_is_not_wanted_is_gone_at_once(site: Site, ledger: str) -> None:
    address = send(site, ledger).headers["Location"]
    assert ask(site, "POST", f"{address}/drop", data={}).headers["Location"] == "/ledger"
    gone = ask(site, "GET", address)
    assert gone.status_code == 404
    assert "重新上传" in gone.text
    assert not (site.settings.data / "incoming" / address.rpartition("/")[2]).exists()


def test_who_may_not_import_sees_no_form_and_is_refused(site: Site, ledger: str, account_no: str) -> None:
    address = send(site, ledger).headers["Location"]
    bounded = site.add(f"part-{account_no}", "collector", grid="G1")
    for who in ("engineer", "customer", bounded):
        assert ask(site, "GET", "/ledger", who).status_code == 403
    assert 'type="file"' not in ask(site, "GET", "/ledger", "administrator").text
    for who in ("administrator", "engineer", bounded):
        assert send(site, ledger, who=who).status_code == 403
        assert ask(site, "GET", address, who).status_code == 403
        assert ask(site, "POST", address.replace("preview", "imports"), who, data={}).status_code == 403


def test_a_long_import_tells_how_far_it_is_and_may_be_left(
    site: Site, ledger: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    go = threading.Event()
    take = page.take_kept

    def slow(house: Any, person: Any, sha256: str, progress: Any) -> Any:
        progress(120, 400)
        go.wait(240)
        return take(house, person, sha256, progress)

    monkeypatch.setattr(page, "take_kept", slow)
    monkeypatch.setattr(page, "A_MOMENT", 0.01)
    address = send(site, ledger).headers["Location"].replace("preview", "imports")
    ask(site, "POST", address, data={})
    ask(site, "POST", address, data={})
    told = ask(site, "GET", address)
    assert "120 行，共 400 行" in words(told)
    assert '<noscript><meta http-equiv="refresh"' in told.text
    assert "hx-get" in ask(site, "GET", f"{address}/state").text
    go.set()
    eventually(lambda: "已导入" in ask(site, "GET", address).text)


def test_an_import_that_broke_off_is_gone_on_with(site: Site, ledger: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*_: Any) -> None:
        raise RuntimeError("power cut")

    with monkeypatch.context() as patched:
        patched.setattr(page, "take_kept", breaks)
        address = send(site, ledger).headers["Location"].replace("preview", "imports")
        ask(site, "POST", address, data={})
        told = ask(site, "GET", address)
        assert "导入没有做完" in told.text
        assert "power cut" not in told.text
    ask(site, "POST", address, data={})
    assert "已导入" in ask(site, "GET", address).text


def test_every_word_of_the_page_has_its_english(site: Site, ledger: str) -> None:
    address = send(site, ledger).headers["Location"]
    english = {"Accept-Language": "en"}
    for path in ("/ledger", address):
        shown = ask(site, "GET", path, headers=english).text.split("<main")[1]
        left = re.sub(r"台账\.csv|张示例|备忘|户号|用户类别|应缴金额|缴费期限|账期", "", shown)
        assert not re.findall(r"[\u4e00-\u9fff]+", left)
    assert translations("en").gettext("台账预览") == "Ledger preview"
