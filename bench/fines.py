"""Real debts through the real process, every invariant checked after each event.

`python -m bench.fines PATH [--pack jinan] [--seed 1]`: PATH is the public road-traffic-fines log in CSV, or a part of
it. A fine is an account with one bill (its amount and postage), its sending the due day, its penalty a second bill, a
payment a payment, an appeal a dispute. Each fine's dates move as a whole, by whole weeks, so that it falls due in
January 2026. Clerks, supervisors and engineers do what they are asked after a seeded delay, some of it late, some of it
in vain. Exit 1 when any invariant is violated.
"""

import argparse
import asyncio
import csv
import importlib
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path

from sqlalchemy import select

from domain.account import Bill, Payment
from domain.arrears.commands import DisputeBills, ResolveDispute
from domain.calendars import CHINA
from domain.commands import DecideTask
from domain.money import fen
from domain.people import Actor
from domain.processes import TASKS
from domain.refusals import Refused
from domain.tasks import Task
from policies.packs import Pack, load_calendar, load_pack
from rehearsal.clock import EngineClock, engine_clock
from rehearsal.filling import filled
from rehearsal.invariants import violations
from rehearsal.stage import Stage, staged
from store import casebook, intake
from store.ledger import AccountRecord
from store.tables import cases

FIRST_MONDAY = date(2026, 1, 5)
HORIZON = datetime(2027, 7, 1, tzinfo=CHINA)
APPEALS = ("Insert Date Appeal to Prefecture", "Appeal to Judge")
RESULTS = ("Notify Result Appeal to Offender",)


@dataclass(frozen=True)
class Happening:
    """Something that the log says happened to a fine, at its moved instant."""

    at: datetime
    kind: str
    amount_fen: int = 0
    reference: str = ""


@dataclass
class Fine:
    no: str
    owed_fen: int
    due_on: date
    happenings: list[Happening] = field(default_factory=list)


@dataclass
class Tally:
    """What came of all the fines."""

    outcomes: Counter[str] = field(default_factory=Counter)
    stages: Counter[str] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    days_to_settle: list[int] = field(default_factory=list)
    checks: int = 0
    near_misses: int = 0
    wrong: list[str] = field(default_factory=list)


def read_fines(path: Path) -> list[Fine]:
    """The fines of a log that were sent, each moved as a whole; others never fell due."""
    lines: dict[str, list[dict[str, str]]] = {}
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            lines.setdefault(row["case:concept:name"], []).append(row)
    return [fine for no, rows in lines.items() if (fine := _fine(no, rows)) is not None]


def _fine(no: str, rows: list[dict[str, str]]) -> Fine | None:
    sent = next((row for row in rows if row["concept:name"] == "Send Fine"), None)
    if sent is None:
        return None
    created = next(row for row in rows if row["concept:name"] == "Create Fine")
    sent_on = datetime.fromisoformat(sent["time:timestamp"]).date()
    weeks = (FIRST_MONDAY - sent_on).days // 7 + (1 if sent_on.weekday() else 0)
    moved = timedelta(weeks=weeks)
    amount = fen(_money(created["amount"]))
    fine = Fine(no, amount + fen(_money(sent["expense"])), sent_on + moved)
    for at_minute, row in enumerate(rows):
        on = datetime.fromisoformat(row["time:timestamp"]).date() + moved
        at = datetime(on.year, on.month, on.day, 10, at_minute % 60, tzinfo=CHINA)
        match row["concept:name"]:
            case "Payment":
                reference = f"{no}-{at_minute}"
                fine.happenings.append(Happening(at, "payment", fen(_money(row["paymentAmount"])), reference))
            case "Add penalty":
                fine.happenings.append(Happening(at, "penalty", fen(_money(row["amount"])) - amount))
            case name if name in APPEALS:
                fine.happenings.append(Happening(at, "appeal"))
            case name if name in RESULTS:
                fine.happenings.append(Happening(at, "result"))
            case _:
                pass
    fine.happenings.sort(key=lambda each: each.at)
    return fine


def _money(text: str) -> str:
    return f"{float(text or 0):.2f}"


class Office:
    """The people, each with habits drawn from one seed."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self._acts_at: dict[str, datetime] = {}

    def acts_at(self, task: Task) -> datetime:
        """When somebody gets round to a task: from half an hour to four days after it opened."""
        delay = timedelta(minutes=self._chance.randrange(30, 4 * 24 * 60))
        return self._acts_at.setdefault(task.id, task.opened_at + delay)

    def later(self, task: Task, at: datetime) -> None:
        """It could not be done now: tried again the next day."""
        self._acts_at[task.id] = at + timedelta(days=1)

    def decision(self, task: Task, at: datetime) -> DecideTask:
        given: dict[str, object] = {}
        if task.key.startswith("arrears.serve-") and self._chance.random() < 0.15:
            given = {"outcome": "failed", "method": "in-person", "reason": "无人"}
        if task.key == "arrears.limit-pressure" and self._chance.random() < 0.2:
            given = {"outcome": "unable", "reason": "门锁"}
        name = next(name for name in (task.role, f"{task.role}-2") if name not in task.not_by)
        form = filled(TASKS[task.key].form, given)
        if task.key == "arrears.restore" and not given:
            form["outcome"] = "restored"
        return DecideTask(by=Actor(id=name, roles=(task.role,)), at=at, key=task.key, task_id=task.id, form=form)


async def play_fine(fine: Fine, clock: EngineClock, pack: Pack, office: Office, tally: Tally) -> None:
    """One account from its due day to the end of the log, a year after it, or the horizon."""
    opens_at = datetime.combine(fine.due_on, datetime.min.time(), CHINA) + timedelta(days=1, hours=9)
    early = [each for each in fine.happenings if each.kind == "payment" and each.at < opens_at]
    if sum(each.amount_fen for each in early) >= fine.owed_fen:
        tally.outcomes["paid in time, no case"] += 1
        return
    async with staged(clock, starts_at=opens_at, calendar=load_calendar(), crashes=False) as stage:
        account = AccountRecord(no=fine.no, customer_class="resident", phone="13800000000")
        bill = Bill(no="B1", period="2026-01", amount_fen=fine.owed_fen, due_on=fine.due_on, at=opens_at)
        place = intake.open_arrears(stage.database, account, [bill], pack=pack.name, at=opens_at)
        stage.begin(place, process="arrears", subject=fine.no)
        await stage.rest()
        last = max((each.at for each in fine.happenings), default=opens_at)
        until = min(HORIZON, max(last, opens_at) + timedelta(days=365))
        ahead = sorted(fine.happenings, key=lambda each: max(each.at, opens_at))
        await live(stage, fine, ahead, until, pack, office, tally)
        settle_up(stage, fine, tally)


async def live(
    stage: Stage, fine: Fine, ahead: list[Happening], until: datetime, pack: Pack, office: Office, tally: Tally
) -> None:
    while True:
        check(stage, pack, tally)
        wake = await stage.rest()
        waiting = {task.id: task for task in stage.open_tasks() if task.pause is None}
        acting = min(waiting.values(), key=office.acts_at, default=None)
        moments = [max(ahead[0].at, stage.now)] if ahead else []
        moments += [max(office.acts_at(acting), stage.now)] if acting else []
        moments += [wake] if wake else []
        if not moments or min(moments) > until:
            return
        moment = min(moments)
        await stage.hop_to(moment)
        if ahead and ahead[0].at <= moment:
            await happen(stage, fine, ahead.pop(0), pack, tally)
        elif acting and office.acts_at(acting) <= moment:
            await act(stage, acting, office, tally)


async def happen(stage: Stage, fine: Fine, each: Happening, pack: Pack, tally: Tally) -> None:
    at = max(each.at, stage.now)
    tally.events[each.kind] += 1
    match each.kind:
        case "payment":
            payment = Payment(reference=each.reference, amount_fen=each.amount_fen, paid_at=each.at, at=at)
            near = [task for task in stage.open_tasks() if task.key == "arrears.limit-pressure"]
            tally.near_misses += bool(near)
            await asyncio.to_thread(intake.record_payment, stage.database, fine.no, payment)
        case "penalty":
            bill = Bill(no="B2", period="2026-02", amount_fen=each.amount_fen, due_on=day_before(at), at=at)
            await asyncio.to_thread(intake.add_bill, stage.database, fine.no, bill, pack=pack.name, at=at)
        case "appeal" | "result":
            command = DisputeBills if each.kind == "appeal" else ResolveDispute
            try:
                await stage.instruct(command(by=Actor(id="clerk", roles=("clerk",)), at=at, bills=("B1",)))
            except Refused as refused:
                tally.refusals[refused.code] += 1
    await stage.rest()


def day_before(at: datetime) -> date:
    return at.date() - timedelta(days=1)


async def act(stage: Stage, task: Task, office: Office, tally: Tally) -> None:
    try:
        await stage.decide(office.decision(task, stage.now))
        tally.events[task.key] += 1
    except Refused as refused:
        tally.refusals[f"{task.key} {refused.code}"] += 1
        office.later(task, stage.now)
    await stage.rest()


def check(stage: Stage, pack: Pack, tally: Tally) -> None:
    assert pack.arrears is not None
    with stage.database.read() as connection:
        wrong = violations(connection, stage.case_no, pack.arrears, load_calendar())
    tally.checks += 1
    tally.wrong += [f"{stage.case_no} at {stage.now.isoformat()}: {each}" for each in wrong]


def settle_up(stage: Stage, fine: Fine, tally: Tally) -> None:
    with stage.database.read() as connection:
        casebook.verify(connection, stage.case_no)
        row = connection.execute(select(cases).where(cases.c.case_no == stage.case_no)).one()
        entered = {e.body["stage"] for e in casebook.timeline(connection, stage.case_no) if e.event == "StageEntered"}
    tally.stages.update(entered)
    tally.outcomes[row.outcome or f"open: {row.stage}{f' ({row.standing})' if row.standing else ''}"] += 1
    if row.closed_at is not None:
        tally.days_to_settle.append((row.closed_at.date() - fine.due_on).days)


def told(tally: Tally, took: float) -> Iterator[str]:
    yield f"invariants: {tally.checks} times all of them, {len(tally.wrong)} violations; {took:.0f} s"
    for title, counter in (
        ("came to", tally.outcomes),
        ("stages entered", tally.stages),
        ("happened", tally.events),
        ("refused", tally.refusals),
    ):
        yield f"{title}: " + ", ".join(f"{name} {count}" for name, count in counter.most_common())
    days = sorted(tally.days_to_settle)
    if days:
        yield f"days from due to settled: median {days[len(days) // 2]}, longest {days[-1]}"
    yield f"payments that came while a limit order was out: {tally.near_misses}"
    yield from tally.wrong[:20]


async def main() -> None:
    ask = argparse.ArgumentParser(description="Real debts through the arrears process, invariants checked.")
    ask.add_argument("path", type=Path)
    ask.add_argument("--pack", default="jinan")
    ask.add_argument("--seed", type=int, default=1)
    asked = ask.parse_args()
    fines = await asyncio.to_thread(read_fines, asked.path)
    tally, took = await run(fines, pack=load_pack(asked.pack), seed=asked.seed)
    print(f"{len(fines)} fines that were sent, pack {asked.pack}, seed {asked.seed}")
    print("\n".join(told(tally, took)), flush=True)
    sys.exit(1 if tally.wrong else 0)


async def run(fines: list[Fine], *, pack: Pack, seed: int) -> tuple[Tally, float]:
    """Play every fine, one after the other on one engine; returns what came of them and the seconds it took."""
    tally, office, began = Tally(), Office(seed), time.perf_counter()
    async with engine_clock() as clock:
        for fine in fines:
            await play_fine(fine, clock, pack, office, tally)
    return tally, time.perf_counter() - began


if __name__ == "__main__":
    asyncio.run(importlib.import_module("bench.fines").main())
