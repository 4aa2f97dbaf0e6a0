"""Ledger files: taken in once, their faults named by row, and whole again after a crash in the middle."""

import hashlib
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select
from starlette.testclient import TestClient

from activities.ledger_file import read_ledger
from api import imports as import_doors
from api.app import create_app
from rehearsal.sample_ledger import write_sample_ledger
from runtime.wall_clock import now
from store import import_runs, imports
from store.database import Database
from store.imports import import_ledger
from store.tables import accounts, ledger, openings, outbox
from store.tables import imports as imported
from tests.api.conftest import Site, eventually
from tests.conftest import free_port

HEAD = "户号,用户类别,账期,应缴金额,缴费期限,手机号,账单号,特殊用户,户名\n"
PACK = "jinan@2020-01-29"
DUE = (now() - timedelta(days=9)).date().isoformat()
AHEAD = (now() + timedelta(days=9)).date().isoformat()


def send(site: Site, text: str, *, name: str = "台账.csv", who: str = "collector") -> Any:
    return site.post("/ledger/imports", who=who, files={"file": (name, text.encode())})


def take(database: Database, path: Path, **more: Any) -> imports.ImportResult:
    return import_ledger(database, read_ledger(path), pack=PACK, at=now(), by="test", **more)


def counts(database: Database) -> tuple[int, ...]:
    with database.read() as connection:
        tables = (accounts, ledger, openings, outbox)
        return tuple(connection.scalar(select(func.count()).select_from(table)) or 0 for table in tables)


def test_a_ledger_opens_a_case_for_each_account_that_owes(site: Site, account_no: str) -> None:
    text = HEAD + (
        f"{account_no}1,居民,2026-02,86.40,{DUE},13800000000,,,张示例\n"
        f"{account_no}1,居民,2026-03,12.00,{DUE},13800000000,,,张示例\n"
        f"{account_no}2,单位,2026-02,¥1200,{DUE},,,,\n"
        f"{account_no}3,什么,2026-02,86.40,{DUE},,,,\n"
        f"{account_no}4,居民,2026-02,-5,{DUE},12,,,李示例\n"
        f"{account_no}5,居民,2026-02,5.00,{AHEAD},,,,\n"
    )
    answer = send(site, text)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert {key: told[key] for key in ("rows", "cases_opened", "bills_new", "bills_known", "unchanged")} == {
        "rows": 6,
        "cases_opened": 2,
        "bills_new": 3,
        "bills_known": 0,
        "unchanged": False,
    }
    assert [(error["row"], error["column"]) for error in told["errors"]] == [
        (5, "用户类别"),
        (6, "应缴金额"),
        (6, "手机号"),
        (7, "缴费期限"),
    ]
    assert all(error["problem"] and error["problem_zh"] and error["mend"] for error in told["errors"])
    assert "李示例" not in answer.text
    eventually(lambda: len(site.get("/cases", account=f"{account_no}1").json()["items"]) == 1)
    assert site.get("/cases", account=f"{account_no}1").json()["items"][0]["amount"] == "98.40"

    again = send(site, text, name="again.csv").json()
    assert again == told | {"unchanged": True}
    digest = hashlib.sha256(text.encode()).hexdigest()
    (listed,) = (row for row in site.get("/ledger/imports").json()["items"] if row["sha256"] == digest)
    assert (listed["filename"], listed["by"], listed["rows"], listed["errors_total"]) == ("台账.csv", "collector", 6, 4)


def test_another_month_of_the_same_account_joins_its_case(site: Site, account_no: str) -> None:
    send(site, f"{HEAD}{account_no},居民,2026-02,86.40,{DUE},,,,\n")
    case = eventually(lambda: site.get("/cases", account=account_no).json()["items"])[0]
    told = send(
        site, f"{HEAD}{account_no},居民,2026-02,86.40,{DUE},,,,\n{account_no},居民,2026-03,10,{DUE},,,,\n"
    ).json()
    assert (told["bills_known"], told["bills_new"], told["cases_opened"]) == (1, 1, 0)
    eventually(lambda: site.get(f"/cases/{case['case_no']}").json()["amount"] == "96.40")


def test_a_bill_that_stands_with_another_amount_is_a_fault_of_its_row(site: Site, account_no: str) -> None:
    send(site, f"{HEAD}{account_no},居民,2026-02,86.40,{DUE},,,,\n")
    told = send(site, f"{HEAD}{account_no},居民,2026-02,99.00,{DUE},,,,\n").json()
    assert [(error["row"], error["column"]) for error in told["errors"]] == [(2, "应缴金额")]
    assert "another amount" in told["errors"][0]["problem"]


def test_a_file_that_is_no_ledger_is_refused_in_words(site: Site) -> None:
    for name, text in (("x.csv", "a,b\n1,2\n"), ("x.xlsx", "<html>"), ("empty.csv", "")):
        answer = send(site, text, name=name)
        assert (answer.status_code, answer.json()["code"]) == (422, "form-invalid"), name
        assert answer.json()["where"][0]["field"] == "file"
    assert site.post("/ledger/imports", {"file": "x"}).status_code == 422


def test_a_column_left_out_takes_no_protection_away(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "l.csv"
    path.write_text(f"{HEAD}H1,单位,2026-02,86.40,{DUE},13800000000,,医院,示例医院\n", encoding="utf-8")
    take(database, path)
    path.write_text(f"户号,用户类别,账期,应缴金额,缴费期限\nH1,单位,2026-03,86.40,{DUE}\n", encoding="utf-8")
    take(database, path)
    with database.read() as connection:
        known = connection.execute(select(accounts)).one()
    assert (known.protected, known.name, known.phone) == (["hospital"], "示例医院", "13800000000")
    path.write_text(f"{HEAD}H1,单位,2026-04,86.40,{DUE},,,,\n", encoding="utf-8")
    take(database, path)
    with database.read() as connection:
        assert connection.execute(select(accounts)).one().protected == []
        kinds = connection.scalars(select(ledger.c.kind).order_by(ledger.c.position)).all()
    assert kinds == ["bill", "bill", "protection", "bill"]


def test_an_import_that_crashed_in_the_middle_goes_on_where_it_stood(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "l.csv"
    bills = write_sample_ledger(path, accounts=120, seed=7, as_of=now().date())
    with path.open("a", encoding="utf-8") as lines:
        lines.writelines(f"Z{no},某某,什么,开放式,,12,,,2026-02,-5,{DUE},,,,\n" for no in range(30))
    monkeypatch.setattr(imports, "ROWS_A_TRANSACTION", 20)

    class Crash(Exception):
        pass

    def crash(done: int, total: int) -> None:
        if done > bills // 2:
            raise Crash

    with pytest.raises(Crash):
        take(database, path, progress=crash)
    half = counts(database)
    assert 0 < half[0] < 120
    seen: list[tuple[int, int]] = []
    whole = take(database, path, progress=lambda done, total: seen.append((done, total)))
    assert (whole.rows, whole.bills_new, whole.bills_known, whole.cases_opened) == (bills + 30, bills, 0, 120)
    assert (whole.errors_total, [error.row for error in whole.errors[:4]]) == (90, [bills + 2] * 3 + [bills + 3])
    assert (seen[0][0] > bills // 2, seen[-1]) == (True, (bills + 30, bills + 30))
    assert counts(database)[:3] == (120, bills, 120)
    assert [fault.row for fault in import_runs.every_fault(database, read_ledger(path).sha256)][-1] == bills + 31
    before = counts(database)
    assert take(database, path) == whole.model_copy(update={"unchanged": True})
    assert counts(database) == before


KILLED = """
import os, signal, sys
from pathlib import Path
from activities.ledger_file import read_ledger
from runtime.wall_clock import now
from store import imports
from store.database import Database
imports.ROWS_A_TRANSACTION = 20
url, path = sys.argv[1:]
def die(done, total):
    if done > total // 4:
        os.kill(os.getpid(), signal.SIGKILL)
file = read_ledger(Path(path))
imports.import_ledger(Database(url), file, pack="jinan@2020-01-29", at=now(), by="x", clock=now, progress=die)
"""


def killed_in_the_middle(database: Database, path: Path, bills: int) -> None:
    """A process of its own takes the file in and is killed outright on the way."""
    killed = subprocess.run([sys.executable, "-c", KILLED, database.url, str(path)], check=False)
    assert killed.returncode == -signal.SIGKILL
    with database.read() as connection:
        run = import_runs.run_of(connection, read_ledger(path).sha256)
    assert run is not None
    assert 0 < run.counts.done < bills


def test_an_import_whose_process_is_killed_goes_on_and_doubles_nothing(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "l.csv"
    bills = write_sample_ledger(path, accounts=600, seed=7, as_of=now().date())
    killed_in_the_middle(database, path, bills)
    whole = take(database, path)
    assert (whole.rows, whole.bills_new, whole.bills_known, whole.cases_opened) == (bills, bills, 0, 600)
    assert (whole.errors, counts(database)[:3]) == ((), (600, bills, 600))
    with database.read() as connection:
        assert connection.scalar(select(imported.c.by)) == "x"


def test_of_two_who_take_the_same_file_in_one_goes_on(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "l.csv"
    bills = write_sample_ledger(path, accounts=120, seed=7, as_of=now().date())
    monkeypatch.setattr(imports, "ROWS_A_TRANSACTION", 20)
    results: list[imports.ImportResult] = []

    def overtake(done: int, total: int) -> None:
        if not results:
            results.append(take(database, path))

    first = take(database, path, progress=overtake)
    assert first == results[0].model_copy(update={"unchanged": True})
    assert counts(database)[:3] == (120, bills, 120)


def test_an_api_that_comes_back_goes_on_with_what_it_was_taking_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_runs, "QUIET", timedelta(0))
    monkeypatch.setattr(import_doors, "LOOKS_EVERY", 0.1)
    away = f"127.0.0.1:{free_port()}"
    site = Site(tmp_path / "site", away, decision_timeout=0.1)
    path = tmp_path / "l.csv"
    bills = write_sample_ledger(path, accounts=400, seed=9, as_of=now().date())
    told = site.post("/ledger/preview", who="collector", files={"file": ("台账.csv", path.read_bytes())}).json()
    site.close()
    killed_in_the_middle(Database(site.settings.database, durable=False), path, bills)
    with TestClient(create_app(site.settings)) as again:
        address, signed_in = f"/api/v1/ledger/imports/{told['sha256']}", site.as_("auditor")

        def state() -> dict[str, Any]:
            return dict(again.get(address, headers=signed_in).json())

        done = eventually(lambda: (found := state())["state"] == "done" and found)
    assert (done["done"], done["result"]["bills_new"], done["result"]["bills_known"]) == (bills, bills, 0)


def test_an_account_that_owes_nothing_any_more_gets_no_case(database: Database, tmp_path: Path) -> None:
    from domain.account import Payment
    from store import intake

    path = tmp_path / "l.csv"
    path.write_text(f"{HEAD}P1,居民,2026-02,86.40,{DUE},,,,\n", encoding="utf-8")
    take(database, path)
    at = now()
    intake.record_payment(database, "P1", Payment(reference="T", amount_fen=20000, paid_at=at, at=at))
    with database.write() as connection:
        connection.execute(openings.update().values(open_subject=None))
    path.write_text(f"{HEAD}P1,居民,2026-03,86.40,{DUE},,,,\n", encoding="utf-8")
    told = take(database, path)
    assert (told.bills_new, told.cases_opened) == (1, 0)
