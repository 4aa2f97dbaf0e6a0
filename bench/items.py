"""An acceptance at size: how long the list of an estate's items takes at the server, and how it scrolls on a phone.

`python -m bench.items [ITEMS] [--rounds N] [--browser] [--slower N]` puts an estate with its table and half its looks
into a throw-away store, serves it in a process of its own, and reads the page, its rows and a look, over one kept
connection. With `--browser` Chromium opens it 390 points wide with a processor N times slower (4), and is scrolled
from end to end: what it took to stand, the frames, and tasks longer than 50 ms.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path

import httpx2
from playwright.sync_api import sync_playwright

from bench.lists import percentiles
from bench.pages import processor
from domain.calendars import CHINA
from domain.case import TaskOpened
from domain.connection.facts import Done, Project, ProjectFacts
from domain.connection.items import Item, Look, Measured
from domain.tasks import Task
from runtime.wall_clock import now
from settings import Settings
from store import casebook, items, projects
from store.casebook import Batch, Entry, Snapshot
from store.database import Database
from store.people import Person, add_person
from store.projects import ProjectRecord
from store.sessions import set_password
from store.tables import metadata
from tests.conftest import free_port

PACK = "kaifeng@2021-01-01"
AT = datetime(2026, 3, 11, 9, tzinfo=CHINA)
WARM = 5
CHROMIUM = os.environ.get("GUANJIA_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser") or ""
PASSWORD = "water for every house"  # noqa: S105 - of a throw-away store


def estate(database: Database, many: int) -> str:
    """An estate whose acceptance is open: its task, its table, and looks at every second item."""
    project = Project(kind="estate", meters=many)
    record = ProjectRecord(name="示例家园", address="示例路 8 号", project=project, papers=())
    case_no = projects.open_project(database, record, pack=PACK, at=AT).case_no
    task = Task(id=f"{case_no}-09", key="connection.accept", role="representative", opened_at=AT, counts_from=AT)
    done = {f"connection.{key}": Done(by="e", at=AT) for key in ("register-works", "install-meters")}
    facts = ProjectFacts(
        case_no=case_no,
        pack=PACK,
        opened_at=AT,
        as_of=AT,
        stage="inspection",
        project=project,
        done=done,
        tasks={task.id: task},
        tasks_opened=9,
    )
    snapshot = Snapshot(
        process="connection",
        subject=case_no,
        workflow_id=f"connection/{case_no}",
        pack=PACK,
        stage="inspection",
        outcome=None,
        standing=None,
        amount_fen=0,
        opened_at=AT,
        closed_at=None,
        next_wake=None,
        ledger_position=0,
        facts=facts.model_dump(mode="json"),
    )
    body = TaskOpened(at=AT, task=task).model_dump(mode="json", exclude={"event", "at", "by", "clauses"})
    entry = Entry(sequence=1, event="TaskOpened", at=AT, by="system", body=body)
    casebook.record(
        database, Batch(case_no=case_no, run=1, history=3, entries=(entry,), snapshot=snapshot, tasks=(task,))
    )
    table = [
        Item(
            no=no,
            building=f"{1 + no // 120}号楼",
            unit=str(1 + no % 2),
            room=f"{1 + no % 120 // 4}0{1 + no % 4}",
            meter_no=f"SB{no:06d}",
            dn=20,
            seal_no=f"QF{no:06d}",
        )
        for no in range(1, many + 1)
    ]
    with database.write() as connection:
        items.put_table(connection, case_no, "order", table, sha256="a" * 64, filename="t.xlsx", at=AT, by="r")
        for no in range(1, many + 1, 2):
            seen = Look(
                passed=no % 10 != 1, reason="埋深不符" if no % 10 == 1 else None, measured=Measured(depth_cm=40)
            )
            items.note(connection, case_no, 1, no, seen, at=AT + timedelta(days=1), by="representative")
    return task.id


def served(http: httpx2.Client, task: str, token: str, *, pid: int, rounds: int) -> None:
    headers = {"Authorization": f"Bearer {token}", "Accept-Encoding": "gzip", "Sec-Fetch-Site": "same-origin"}
    reads: dict[str, tuple[str, str, dict[str, str]]] = {
        "page of fifty": ("GET", f"/field/{task}/items", {}),
        "failed ones of a building": ("GET", f"/field/{task}/items?show=failed&building=2号楼", {}),
        "every row for the script": ("GET", f"/field/{task}/items/rows", {}),
        "a look noted": ("POST", f"/tasks/{task}/items/2", {"passed": "yes", "round": "1", "depth_cm": "40"}),
    }
    print(f"{'request':<28}{'p50 ms':>8}{'p99 ms':>8}{'cpu ms':>8}{'kB sent':>9}")
    for name, (method, path, form) in reads.items():
        took, sent, spent = [], 0, 0.0
        for no in range(WARM + rounds):
            if no == WARM:
                spent = processor(pid)
            began = time.perf_counter()
            wanted = headers | ({"Accept": "application/json"} if form else {})
            with http.stream(method, path, headers=wanted, data=form or None) as answer:
                raw = b"".join(answer.iter_raw())
            assert answer.status_code == 200, (path, answer.status_code, raw[:300])
            if no >= WARM:
                took.append(time.perf_counter() - began)
                sent = len(raw)
        middle, most = percentiles(took)
        cpu = (processor(pid) - spent) / rounds
        print(f"{name:<28}{middle:8.1f}{most:8.1f}{cpu * 1e3:8.1f}{sent / 1e3:9.1f}")


FRAMES = """async () => {
    const frames = [], long = [];
    const hear = (list) => list.getEntries().forEach((entry) => long.push(entry.duration));
    new PerformanceObserver(hear).observe({type: 'longtask'});
    let before = performance.now(), running = true;
    const tick = (at) => { frames.push(at - before); before = at; if (running) requestAnimationFrame(tick); };
    requestAnimationFrame(tick);
    const end = document.documentElement.scrollHeight - innerHeight, steps = 240;
    for (let step = 1; step <= steps; step += 1) {
        scrollTo(0, (end * step) / steps);
        await new Promise((next) => requestAnimationFrame(next));
    }
    running = false;
    return {frames: frames.slice(2), long, drawn: document.querySelectorAll('.item').length};
}"""


def scrolled(port: int, task: str, *, slower: float) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_context(
            base_url=f"http://127.0.0.1:{port}",
            viewport={"width": 390, "height": 844},
            device_scale_factor=2,
            is_mobile=True,
            has_touch=True,
        ).new_page()
        page.goto("/login")
        page.fill("input[name=id]", "representative")
        page.fill("input[name=password]", PASSWORD)
        page.click("button.main")
        page.wait_for_url(lambda address: "/login" not in address)
        page.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": slower})
        began = time.perf_counter()
        page.goto(f"/field/{task}/items")
        page.wait_for_selector("html[data-items-ready]", state="attached")
        stood = time.perf_counter() - began
        seen = page.evaluate(FRAMES)
        page.evaluate("scrollTo(0, 0)")
        page.wait_for_selector('.item[data-no="2"]', state="attached")
        tapped = page.evaluate(
            """async () => {
                const row = document.querySelector('.item[data-no="2"]'), began = performance.now();
                row.querySelector('[data-fail]').click();
                document.querySelector('[data-reasons] button').click();
                await new Promise((next) => requestAnimationFrame(() => requestAnimationFrame(next)));
                return [performance.now() - began, document.querySelector('.item[data-no="2"]').className];
            }"""
        )
        browser.close()
    middle, most = percentiles([frame / 1000 for frame in seen["frames"]])
    print(f"on a phone, processor {slower:g} times slower: the list stands after {stood:.2f} s")
    print(
        f"scrolled from end to end in {len(seen['frames'])} frames: p50 {middle:.1f} ms, p99 {most:.1f} ms, "
        f"{len(seen['long'])} tasks over 50 ms (longest {max(seen['long'], default=0):.0f} ms), "
        f"{seen['drawn']} rows drawn"
    )
    print(f"two taps to a failed item, on the screen after {tapped[0]:.0f} ms ({tapped[1]})")


def main() -> None:
    ask = argparse.ArgumentParser(description="How an acceptance of thousands of meters is served, and how it scrolls.")
    ask.add_argument("items", type=int, nargs="?", default=3000)
    ask.add_argument("--rounds", type=int, default=200)
    ask.add_argument("--browser", action="store_true")
    ask.add_argument("--slower", type=float, default=4)
    asked = ask.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        settings = Settings(data=data, api_port=free_port())
        database = Database(settings.database, durable=False)
        metadata.create_all(database.engine)
        task = estate(database, asked.items)
        with database.write() as connection:
            token = add_person(connection, Person(id="representative", name="客户代表", roles=("representative",)))
            set_password(connection, "representative", PASSWORD, by="bench", at=now())
        database.close()
        env = os.environ | {"GUANJIA_DATA": str(data), "GUANJIA_API_PORT": str(settings.api_port)}
        server = subprocess.Popen([sys.executable, "-m", "cli", "api"], env=env)
        try:
            with httpx2.Client(base_url=f"http://127.0.0.1:{settings.api_port}", timeout=30) as http:
                until = time.monotonic() + 60
                while time.monotonic() < until:
                    try:
                        http.get("/healthz")
                        break
                    except httpx2.TransportError:
                        time.sleep(0.1)
                served(http, task, token, pid=server.pid, rounds=asked.rounds)
            if asked.browser:
                scrolled(settings.api_port, task, slower=asked.slower)
        finally:
            server.terminate()
            server.wait(timeout=20)
    print(f"{asked.items} items, {now().date()}, load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
