"""The sample people at work: what a newcomer finds has been decided by somebody, through the doors that people use.

Business time is today and cannot be made up: projects come as far as a day's work takes them, debts as far as their
first notices, contacts and promises.
"""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import structlog
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from sqlalchemy import select

from domain.calendars import local
from domain.filling import filled
from domain.organisation import Grid
from domain.processes import TASKS
from policies.packs import load_pack
from rehearsal.sample_projects import sample_projects
from runtime.sample_people import SAMPLE_PEOPLE
from settings import Settings
from store import organisation, postings, projects
from store.database import Database
from store.tables import accounts

log = structlog.get_logger()
SEED = 20260312
BILLING = "sample-billing"
BEAT = timedelta(minutes=10)
AT_ONCE = 3
DEBTS = 60
PATIENCE = 60.0
MOST_DECISIONS = 25
SECTION_OF_COLLECTOR_2 = next(person.section for person in SAMPLE_PEOPLE if person.id == "collector-2")

# Where projects stop: on the desk of somebody, in the hands of somebody else, or nowhere.
STOPS: tuple[str, ...] = (
    "connection.check-papers",
    "connection.follow-up",
    "connection.survey",
    "connection.draft-scheme",
    "connection.accept",
    "connection.supply-papers",
    "connection.approve-scheme",
    "connection.install-meters",
    "connection.activate",
    "connection.arrange-survey",
    "connection.design",
    "connection.review-drawings",
    "connection.sign-contract",
    "connection.rectify",
    "connection.inspect-node",
    "connection.register-works",
    "connection.test-water",
    "",
)
# Whoever only the outside world has a person for: what is theirs waits for them.
OUTSIDE = ("customer", "contractor")
LAST = ("connection.activate",)


def put_grids(database: Database, *, now: datetime) -> None:
    """The grids of the sample accounts, while nobody has entered any; who holds them is for whoever looks around."""
    places = select(accounts.c.grid, accounts.c.section, accounts.c.office).where(accounts.c.grid.is_not(None))
    with database.write() as connection:
        if organisation.register(connection)[0]:
            return
        for row in connection.execute(places.distinct().order_by(accounts.c.grid)):
            grid = Grid(name=row.grid, kind="reading-area", section=row.section, office=row.office)
            organisation.add_grid(connection, grid, by="administrator", at=now)


def put_projects(settings: Settings, database: Database, *, now: datetime) -> int:
    """Take the sample applications in, each once; returns how many are new. A pack that connects nobody takes none."""
    pack = load_pack(settings.pack, on=now.date())
    if pack.connection is None or not settings.sample_projects:
        return 0
    checklist: dict[str, tuple[str, ...]] = {kind: papers.value for kind, papers in pack.connection.checklist.items()}
    records = sample_projects(settings.sample_projects, seed=SEED, checklist=checklist)
    with database.write() as connection:
        return sum(projects.open_in(connection, record, pack=pack.name, at=now).new for record in records)


class Doors:
    """The API as one of the sample people uses it. Every call has a key of its own: done again it has one effect."""

    def __init__(self, http: httpx2.AsyncClient, tokens: dict[str, str]) -> None:
        self._http = http
        self._tokens = tokens

    async def get(self, path: str, who: str, **query: Any) -> Any:
        answer = await self._http.get(path, headers=self._as(who), params=query)
        return answer.raise_for_status().json()

    async def post(self, path: str, body: Any, who: str) -> bool:
        """Whether it was carried out; a refusal is an answer, too."""
        key = {"Idempotency-Key": f"sample:{who}:{path}:{body.get('reference', '')}"}
        answer = await self._http.post(path, json=body, headers=self._as(who) | key)
        if answer.status_code >= 400:
            log.info("sample.refused", path=path.rpartition("/")[2], status=answer.status_code)
        return answer.status_code == 200

    def _as(self, who: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._tokens[who]}"}


@asynccontextmanager
async def doors(base_url: str, people: Path) -> AsyncIterator[Doors]:
    tokens = json.loads(await asyncio.to_thread(people.read_text))
    async with httpx2.AsyncClient(base_url=f"{base_url}/api/v1", timeout=20) as http:
        yield Doors(http, tokens)


async def work(doors: Doors, console: Console, *, expected: int, now: datetime) -> Counter[str]:
    """Take some projects and some debts forward, a bar for those who watch; what is not done in a minute stays.

    `expected` projects are waited for until the engine has begun them. Returns how many decisions were taken in
    projects, and how many debts were looked after.
    """
    cases = []
    with suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE):
            cases += [("connection", case) for case in await _cases(doors, "connection", expected=expected)]
    cases += [("arrears", case) for case in await _cases(doors, "arrears", expected=DEBTS)]
    done: Counter[str] = Counter()
    columns = (TextColumn("[bold]{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        bar = progress.add_task("sample people at work", total=len(cases))
        waiting = list(enumerate(cases))[::-1]

        async def one_after_the_other() -> None:
            while waiting:
                no, (process, case) = waiting.pop()
                take = _project_forward if process == "connection" else _debt_forward
                await take(doors, case, no, done, now)
                progress.advance(bar)

        try:
            async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as group:
                for _ in range(AT_ONCE):
                    group.create_task(one_after_the_other())
        except TimeoutError:
            log.info("sample.out-of-time", left=len(waiting))
    return done


async def _cases(doors: Doors, process: str, *, expected: int) -> list[dict[str, Any]]:
    """The oldest open cases, once so many have begun, or when no more begin."""
    seen = None
    while expected:
        wanted = {"process": process, "status": "open", "order": "oldest", "limit": expected}
        items: list[dict[str, Any]] = (await doors.get("/cases", "auditor", **wanted))["items"]
        if len(items) == expected or (seen == len(items) and process == "arrears"):
            return items
        seen = len(items)
        await asyncio.sleep(1)
    return []


async def _project_forward(doors: Doors, case: dict[str, Any], no: int, done: Counter[str], now: datetime) -> None:
    stop = STOPS[no % len(STOPS)]
    for _ in range(MOST_DECISIONS):
        shown = await doors.get(f"/cases/{case['case_no']}", "auditor")
        on_desks = [task for task in shown["tasks"] if task["role"] not in OUTSIDE and task["pause"] is None]
        if shown["status"] != "open" or any(task["key"] == stop for task in shown["tasks"]):
            return
        decided = False
        for task in sorted(on_desks, key=lambda task: task["key"] in LAST):
            if task["key"] in LAST and len(shown["tasks"]) > 1:
                continue  # its gates are closed while anything else is open
            kind = TASKS[task["key"]]
            form = filled(kind.form, _said(kind.key, stop), demands=kind.form.model_fields)
            who = "designer-2" if task["key"] == "connection.review-drawings" else task["role"]
            decided = await doors.post(f"/tasks/{task['task_id']}/decide", {"form": form}, who) or decided
            done["decisions"] += 1
        if not decided:
            return


def _said(key: str, stop: str) -> dict[str, Any]:
    """What the form says besides the plain case, so that the project comes to its stop."""
    if key == "connection.check-papers" and stop == "connection.supply-papers":
        return {"outcome": "missing", "missing": ["产权证明"]}
    if key == "connection.accept" and stop == "connection.rectify":
        return {"failed": {1: "埋深不足"}}
    return {}


async def _debt_forward(doors: Doors, case: dict[str, Any], no: int, done: Counter[str], now: datetime) -> None:
    """One of six things that a collector may find; every other account is left as it is."""
    case_no, tomorrow = case["case_no"], (local(now) + timedelta(days=5)).date().isoformat()
    path = f"/cases/{case_no}"
    match no % 12:
        case 0 | 2:
            served = {"outcome": "served", "method": "posted", "photo": "sample-notice.jpg"}
            if no % 24 == 2:
                served = {"outcome": "failed", "method": "in-person", "reason": "家中无人"}
            for task in (await doors.get(path, "auditor"))["tasks"]:
                if task["role"] == "collector" and task["key"].startswith("arrears.serve-"):
                    await doors.post(f"/tasks/{task['task_id']}/decide", {"form": served}, "collector")
        case 4:
            await doors.post(
                f"{path}/contact", {"method": "phone", "reached": True, "note": "答应尽快缴费"}, "collector"
            )
            await doors.post(f"{path}/promise", {"amount": case["amount"], "by": tomorrow}, "collector")
        case 6:
            who = "collector-2" if case["section"] == SECTION_OF_COLLECTOR_2 else "collector"
            await doors.post(f"{path}/contact", {"method": "visit", "reached": False}, who)
        case 8:
            await doors.post(f"{path}/hold", {"reason": "用户申请复核水表", "until": tomorrow}, "supervisor")
        case 10:
            payment = {"account": case["subject"], "reference": f"SAMPLE-{case_no}", "amount": case["amount"]}
            await doors.post("/payments", payment, "clerk")
        case _:
            return
    done["debts"] += 1


async def keep_confirming(database: Database, *, clock: Callable[[], datetime]) -> None:
    """Vouch for the sample ledger as billing would, for ever; no more once a real ledger or billing system has come.

    A limit rests on this word. It is taken back at the end, so that the word of the real one alone counts.
    """
    while await asyncio.to_thread(confirm_samples, database, clock()):  # noqa: ASYNC110  # what it waits for is in the store
        await asyncio.sleep(BEAT.total_seconds())


def confirm_samples(database: Database, at: datetime) -> bool:
    """One word of the sample billing system; False once a real one speaks, or another ledger has come."""
    with database.write() as connection:
        if postings.others_report(connection, BILLING):
            postings.withdraw_source(connection, BILLING)
            return False
        postings.confirm(connection, BILLING, at=at)
        return True
