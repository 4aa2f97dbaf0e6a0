"""What a ledger would bring about is told beforehand, to the row and the yuan, and nothing is done by telling it."""

import os
import stat
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import func, select

from activities.ledger_file import read_ledger
from api.incoming import Incoming
from domain.account import Payment
from runtime.wall_clock import now
from store import intake
from store.database import Database
from store.imports import import_ledger
from store.preview import preview_ledger
from store.tables import metadata
from tests.api.conftest import Site, eventually
from tests.conftest import RunningEngine

HEAD = "户号,用户类别,账期,应缴金额,缴费期限,手机号,账单号,特殊用户,户名,备忘\n"
PACK = "jinan@2020-01-29"
DUE = (now() - timedelta(days=9)).date().isoformat()
AHEAD = (now() + timedelta(days=9)).date().isoformat()


def send(site: Site, text: str, *, name: str = "台账.csv", who: str = "collector") -> Any:
    return site.post("/ledger/preview", who=who, files={"file": (name, text.encode())})


def take_kept(site: Site, sha256: str, *, who: str = "collector") -> Any:
    return site.post("/ledger/imports", {"sha256": sha256}, who=who)


def rows_of(database: Database) -> dict[str, int]:
    with database.read() as connection:
        return {
            table.name: connection.scalar(select(func.count()).select_from(table)) or 0
            for table in metadata.sorted_tables
            if table.name not in ("refusals", "sessions")
        }


def mixed(seed: int, *, accounts: int, rows: int) -> str:
    """A ledger with every fault in it: words nobody knows, bills twice, other amounts, bills not overdue yet."""
    chance, lines = Random(seed), [HEAD]
    for _ in range(rows):
        no = f"M{chance.randrange(accounts):04d}"
        amount = chance.choice(["86.40"] * 12 + ["12", "0.01", "1,860.55", "-5", "x", "86.405"])
        kind = chance.choice(["居民"] * 12 + ["单位", "什么"])
        due = chance.choice([DUE] * 9 + [AHEAD, "31.2."])
        period = f"2026-{chance.randrange(1, 13):02d}"
        protected = chance.choice(["", "", "医院"])
        lines.append(f'{no},{kind},{period},"{amount}",{due},,,{protected},张示例,x\n')
    return "".join(lines)


@pytest.mark.parametrize("seed", range(4))
def test_the_preview_says_what_the_import_then_does(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    for room in ("store.preview", "store.imports"):
        monkeypatch.setattr(f"{room}.ROWS_A_TRANSACTION", 7)
    path, at = tmp_path / "l.csv", now()
    for part in range(3):
        # The second file knows what the first has brought in, some of it paid and its case gone.
        path.write_text(mixed(seed * 10 + part, accounts=12, rows=90), encoding="utf-8")
        before = rows_of(database)
        heard: list[Any] = []
        told = preview_ledger(database, read_ledger(path), at=at, told=heard.extend)
        assert rows_of(database) == before
        assert len(heard) == told.errors_total
        done = import_ledger(database, read_ledger(path), pack=PACK, at=at, by="test")
        after = rows_of(database)
        assert (told.rows, told.errors_total, told.errors) == (done.rows, done.errors_total, done.errors)
        assert (told.bills_new, told.bills_known) == (done.bills_new, done.bills_known)
        assert told.cases_opened == done.cases_opened == after["openings"] - before["openings"]
        assert told.accounts_new == after["accounts"] - before["accounts"]
        assert told.rows_left_out + told.bills_new + told.bills_known == told.rows
        assert told.errors_total > 10
        assert preview_ledger(database, read_ledger(path), at=at).unchanged
    assert told.accounts_known
    assert told.bills_known
    assert told.bills_changed


def test_an_account_that_has_paid_ahead_opens_with_the_bill_that_goes_beyond(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for room in ("store.preview", "store.imports"):
        monkeypatch.setattr(f"{room}.ROWS_A_TRANSACTION", 1)
    path, at = tmp_path / "l.csv", now()
    path.write_text(f"{HEAD}P1,居民,2026-01,10,{DUE},,,,,\n", encoding="utf-8")
    import_ledger(database, read_ledger(path), pack=PACK, at=at, by="test")
    intake.record_payment(database, "P1", Payment(reference="T", amount_fen=2500, paid_at=at, at=at))
    with database.write() as connection:
        connection.execute(metadata.tables["openings"].update().values(open_subject=None))
    lines = [f"P1,居民,2026-0{month},10,{DUE},,,,,\n" for month in (2, 3, 4)]
    for given, opened in ((lines[:1], 0), (lines, 1)):
        path.write_text(HEAD + "".join(given), encoding="utf-8")
        told = preview_ledger(database, read_ledger(path), at=at)
        assert (told.cases_opened, told.cases_joined, told.accounts_known) == (opened, 0, 1)
    assert import_ledger(database, read_ledger(path), pack=PACK, at=at, by="test").cases_opened == 1


def test_a_preview_names_rows_accounts_bills_cases_and_yuan(site: Site, account_no: str) -> None:
    site.post(
        "/ledger/imports",
        who="collector",
        files={"file": ("l.csv", f"{HEAD}{account_no}1,居民,2026-01,10,{DUE},,,,,\n".encode())},
    )
    text = HEAD + (
        f"{account_no}1,居民,2026-01,10,{DUE},,,,,\n"
        f"{account_no}1,居民,2026-02,86.40,{DUE},,,医院,,\n"
        f"{account_no}2,单位,2026-02,1200,{DUE},13800138001,,,张示例,\n"
        f"{account_no}3,什么,2026-02,86.40,{DUE},,,,,\n"
        f"{account_no}5,居民,2026-02,5.00,{AHEAD},,,,,\n"
    )
    answer = send(site, text)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    expected = {
        "filename": "台账.csv",
        "sheet": "台账.csv",
        "ignored": ["备忘"],
        "rows": 5,
        "rows_left_out": 2,
        "errors_total": 2,
        "accounts_new": 1,
        "accounts_known": 1,
        "accounts_changed": 1,
        "bills_new": 2,
        "bills_known": 1,
        "bills_changed": 0,
        "cases_opened": 1,
        "cases_joined": 1,
        "amount_new": "1286.40",
        "amount_known": "10.00",
        "unchanged": False,
    }
    assert {name: told[name] for name in expected} == expected
    assert [(row["row"], row["becomes"], row["amount"], row["class"]) for row in told["first"]] == [
        (2, "known", "10.00", "resident"),
        (3, "new", "86.40", "resident"),
        (4, "new", "1200.00", "organisation"),
        (6, "not-yet", "5.00", "resident"),
    ]
    assert [(error["row"], error["column"]) for error in told["errors"]] == [(5, "用户类别"), (6, "缴费期限")]
    assert all(error["problem_zh"] and error["mend_zh"] and error["problem"] for error in told["errors"])
    assert site.get(f"/ledger/preview/{told['sha256']}", "collector").json() == told

    assert site.get("/cases", account=f"{account_no}2").json()["items"] == []
    done = take_kept(site, told["sha256"]).json()
    assert {name: done[name] for name in ("rows", "bills_new", "bills_known", "cases_opened", "errors_total")} == {
        name: told[name] for name in ("rows", "bills_new", "bills_known", "cases_opened", "errors_total")
    }
    eventually(lambda: site.get("/cases", account=f"{account_no}2").json()["items"])
    imported = {row["sha256"]: row["filename"] for row in site.get("/ledger/imports").json()["items"]}
    assert imported[told["sha256"]] == "台账.csv"
    assert take_kept(site, told["sha256"]).json() == done | {"unchanged": True}
    assert send(site, text).json()["unchanged"] is True


def test_a_preview_changes_nothing_in_the_store(engine: RunningEngine, tmp_path: Path) -> None:
    house = Site(tmp_path, engine.address)  # of its own: in the shared one other tests' cases still go on
    try:
        before = rows_of(house.database)
        assert send(house, f"{HEAD}P1,居民,2026-02,86.40,{DUE},,,,,\n").status_code == 200
        assert rows_of(house.database) == before
    finally:
        house.close()


def test_what_is_kept_is_for_our_own_account_alone_and_gone_after_an_hour(site: Site, account_no: str) -> None:
    told = send(site, f"{HEAD}{account_no},居民,2026-02,86.40,{DUE},,,,,\n").json()
    home = site.settings.data / "incoming" / told["sha256"]
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in home.iterdir()} == {0o600}
    long_ago = (now() - timedelta(minutes=61)).timestamp()
    os.utime(home, (long_ago, long_ago))
    for answer in (take_kept(site, told["sha256"]), site.get(f"/ledger/preview/{told['sha256']}", "clerk")):
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown")
    Incoming(site.settings.data).sweep(at=now())
    assert not home.exists()
    assert not list(home.parent.glob("new-*"))


def test_a_file_that_is_no_ledger_is_refused_in_words_and_not_kept(site: Site) -> None:
    folder = site.settings.data / "incoming"
    before = set(folder.glob("*"))
    for name, text in (("x.csv", "a,b\n1,2\n"), ("x.xlsx", "<html>"), ("empty.csv", "")):
        answer = send(site, text, name=name)
        assert (answer.status_code, answer.json()["code"]) == (422, "form-invalid"), name
        assert answer.json()["where"][0]["field"] == "file"
    assert set(folder.glob("*")) == before


@pytest.mark.parametrize("sha256", ["x", "0" * 63, "G" * 64, "../../payload.key", "0" * 64, None])
def test_a_digest_that_names_no_kept_file_takes_nothing_in(site: Site, sha256: Any) -> None:
    answer = take_kept(site, sha256)
    assert (answer.status_code, answer.json()["code"]) in ((422, "form-invalid"), (404, "unknown"))
    for path in ("..", "../imports", "%2e%2e", "..%2f..%2fpayload.key", "0" * 64):
        assert site.get(f"/ledger/preview/{path}", "clerk").status_code in (404, 405, 200)
        assert "key" not in site.get(f"/ledger/preview/{path}", "clerk").text


def test_whose_view_is_bounded_previews_nothing(site: Site, account_no: str) -> None:
    who = site.add(f"grid-{account_no}", "collector", grid="G1")
    told = send(site, f"{HEAD}{account_no},居民,2026-02,86.40,{DUE},,,,,\n").json()
    for answer in (
        send(site, HEAD, who=who),
        take_kept(site, told["sha256"], who=who),
        site.get(f"/ledger/preview/{told['sha256']}", who),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "wrong-role")
