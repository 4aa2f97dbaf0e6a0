"""Real debts with real payment behaviour, played on the real arrears workflows; every invariant after every event.

`python -m bench.fines PATH [--pack jinan] [--json]` reads a log of fines (see `rehearsal.debts`) and plays each as an
account with its bills. Staff decide plainly after a seeded delay between half an hour and four days; some attempts
fail. Exit 1 when an invariant is violated.

Longer than most: the play and the table are one tool.
"""

import argparse
import asyncio
import json
import statistics
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import select

from domain.account import Bill, Payment
from domain.arrears.commands import ArrearsCommand, DisputeBills, RecordContact, ResolveDispute
from domain.arrears.policy import Limit
from domain.calendars import CHINA, start_of
from domain.commands import DecideTask
from domain.filling import filled
from domain.people import Actor
from domain.processes import TASKS
from domain.refusals import Refused
from domain.tasks import Task
from policies.packs import load_calendar, load_pack
from rehearsal.clock import EngineClock, engine_clock
from rehearsal.debts import DAY, Deed, Fine, read_fines
from rehearsal.files import DEFAULT_PEOPLE
from rehearsal.invariants import CHECKS, violations
from rehearsal.stage import Stage, staged
from store import casebook, intake, ledger
from store.casebook import Entry
from store.ledger import AccountRecord
from store.tables import cases, limit_orders, notices, openings

HORIZON = datetime(2027, 6, 30, tzinfo=CHINA)
SHORTEST, LONGEST = timedelta(minutes=30), timedelta(days=4)


# The play.


@dataclass
class Figures:
    """What was seen over all fines. Every list of text is empty when nothing was wrong."""

    fines: int = 0
    never_sent: int = 0
    paid_before_due: int = 0
    opened: int = 0
    cases: int = 0
    sweeps: int = 0
    moments: int = 0
    crashes: int = 0
    settled_in: Counter[str] = field(default_factory=Counter)
    open_at: Counter[str] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)
    messages: Counter[str] = field(default_factory=Counter)
    orders: Counter[str] = field(default_factory=Counter)
    decisions: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    late_tasks: int = 0
    limited_out_of_hours: int = 0
    days_to_settle: list[float] = field(default_factory=list)
    hours_limited_after_settling: list[float] = field(default_factory=list)
    close_calls: int = 0
    paid_with_an_order_out: int = 0
    payments: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)

    @property
    def checks(self) -> int:
        return self.sweeps * len(CHECKS)


async def play_all(
    fines: Sequence[Fine], clock: EngineClock, *, pack: str, seed: int, until: datetime = HORIZON, crash: float = 0.0
) -> Figures:
    """Play every fine, one stage each. `crash`: the chance that the worker is killed before a decision."""
    figures = Figures(fines=len(fines))
    for fine in fines:
        await _Play(fine, clock, figures, pack=pack, seed=seed, until=until, crash=crash).run()
    return figures


class _Play:
    """One fine on its stage: the ledger's doors, the staff, and a sweep of every invariant after each moment."""

    def __init__(
        self, fine: Fine, clock: EngineClock, figures: Figures, *, pack: str, seed: int, until: datetime, crash: float
    ) -> None:
        self.fine, self.clock, self.figures, self.until, self.crash = fine, clock, figures, until, crash
        found = load_pack(pack)
        assert found.arrears is not None
        self.pack, self.policy = found.name, found.arrears
        self.calendar = load_calendar()
        self.seed = seed
        self.account = AccountRecord(no=f"F-{fine.no}", customer_class="resident", estate="gated", phone="13800000000")
        self.planned: dict[str, datetime] = {}
        self.bills: dict[str, Bill] = {}
        self.told: set[str] = set()
        self.stage: Stage

    async def run(self) -> None:
        deeds = [deed for deed in self.fine.deeds if deed.at < self.until]
        first = next((at for at, deed in enumerate(deeds) if deed.kind == "overdue"), None)
        payments = Counter(deed.kind for deed in self.fine.deeds)["pay"]
        if first is None:
            self.figures.never_sent += 1
            self.figures.payments["never sent"] += payments
            return
        self.figures.payments["after the end"] += payments - Counter(deed.kind for deed in deeds)["pay"]
        async with staged(
            self.clock, starts_at=deeds[first].at, calendar=self.calendar, crashes=self.crash > 0
        ) as self.stage:
            with self.stage.database.write() as connection:
                ledger.put_account(connection, self.account, at=deeds[0].at)
            for deed in deeds:
                if deed.at > self.stage.now:
                    await self.live_to(deed.at)
                await self.take(deed)
            await self.live_to(self.until)
            self.count()

    # What the world does.

    async def take(self, deed: Deed) -> None:
        database, no, at = self.stage.database, self.account.no, deed.at
        place = None
        match deed.kind:
            case "bill":
                self.bills[deed.no] = deed.bill()
                place = intake.add_bill(database, no, self.bills[deed.no], pack=self.pack, at=at)
            case "overdue":
                # Billing hands in the bill again each morning: known already, it opens a case or joins the open one.
                place = intake.add_bill(database, no, self.bills[deed.no], pack=self.pack, at=at)
            case "pay":
                self.figures.payments[self.standing()] += 1
                payment = Payment(reference=deed.no, amount_fen=deed.amount_fen, paid_at=at, at=at)
                intake.record_payment(database, no, payment)
            case "dispute":
                await self.tell(DisputeBills(by=DEFAULT_PEOPLE["clerk"], at=at, bills=tuple(self.bills)))
            case "resolve":
                await self.tell(ResolveDispute(by=DEFAULT_PEOPLE["clerk"], at=at, bills=tuple(self.bills)))
        if place is None and not self.stage.case_no:
            await self.stage.relay.deliver(now=at)
        elif place is not None:
            self.stage.begin(place, process="arrears", subject=self.account.no)
        await self.sweep()

    async def tell(self, command: ArrearsCommand) -> None:
        if not self.stage.case_no:
            self.figures.refusals[f"{command.command} before any case"] += 1
            return
        try:
            await self.stage.instruct(command)
        except Refused as refused:
            self.figures.refusals[f"{command.command} {refused.code}"] += 1

    async def live_to(self, instant: datetime) -> None:
        """Let time pass up to `instant`: the case wakes, and staff decide what they planned to."""
        if not self.stage.case_no:
            await self.clock.advance(instant - self.stage.now)
            self.stage.now = instant
            return
        while True:
            wake = await self.stage.rest()
            plans = self.plans()
            moment = min([*plans, *([wake] if wake else [])], default=None)
            if moment is None or moment > instant:
                break
            await self.stage.hop_to(moment)
            await self.sweep()
            if moment in plans:
                await self.work(plans[moment])
                await self.sweep()
        await self.stage.hop_to(instant)
        await self.sweep()

    def standing(self) -> str:
        """Where the case stands now, in a word."""
        with self.stage.database.read() as connection:
            case = connection.execute(select(cases).where(cases.c.case_no == self.stage.case_no)).one_or_none()
        if case is None:
            return "before any case"
        return f"after it closed ({case.outcome})" if case.outcome else str(case.stage)

    # What people do.

    def plans(self) -> dict[datetime, Task | None]:
        """When someone will do which open task; None: the next contact, in a pack that asks for contacts."""
        waiting: dict[str, Task | None] = {task.id: task for task in self.stage.open_tasks() if task.pause is None}
        with self.stage.database.read() as connection:
            case = connection.execute(select(cases).where(cases.c.case_no == self.stage.case_no)).one()
        if case.standing == "contacts":
            waiting[f"contact-{case.sequence}"] = None
        plans = {}
        for name, task in waiting.items():
            if name not in self.planned:
                delay = self.chance(name).uniform(SHORTEST / DAY, LONGEST / DAY) * DAY
                self.planned[name] = self.stage.now + timedelta(seconds=int(delay.total_seconds()))
            plans[self.planned[name]] = task
        return plans

    def chance(self, name: str) -> Random:
        return Random(f"{self.seed}/{self.fine.no}/{name}")

    async def work(self, task: Task | None) -> None:
        stage = self.stage
        name = task.id if task else f"contact at {stage.now.isoformat()}"
        chance = self.chance(f"{name}!")
        if chance.random() < self.crash:
            await stage.players.crash()
            self.figures.crashes += 1
        if task is None:
            reached = chance.random() < 0.7
            contact = RecordContact(by=DEFAULT_PEOPLE["collector"], at=stage.now, method="phone", reached=reached)
            await self.tell(contact)
            return
        form = filled(TASKS[task.key].form, self.form(task, chance))
        command = DecideTask(by=_someone(task, chance), at=stage.now, key=task.key, task_id=task.id, form=form)
        try:
            await stage.decide(command)
        except Refused as refused:
            self.figures.refusals[f"{task.key} {refused.code}"] += 1
            self.planned[task.id] += DAY
        else:
            self.figures.decisions[f"{task.key} {form.get('outcome', 'decided')}"] += 1
            self.figures.late_tasks += task.due_at is not None and task.due_at <= stage.now

    def form(self, task: Task, chance: Random) -> dict[str, Any]:
        """The plain good outcome most of the time."""
        luck = chance.random()
        match task.key:
            case "arrears.serve-dunning-notice" | "arrears.serve-limit-notice" if luck < 0.2:
                return {"outcome": "failed", "method": "phone", "reason": "nobody answered"}
            case "arrears.approve-limit" if luck < 0.1:
                until = self.stage.now.date() + timedelta(days=chance.randint(2, 10))
                return {"outcome": "defer", "until": until.isoformat()}
            case "arrears.approve-limit" if luck < 0.2:
                return {"outcome": "refuse", "reason": "hardship"}
            case "arrears.limit-pressure" if luck < 0.25:
                return {"outcome": "unable", "reason": "the door was locked"}
            case "arrears.restore":
                with self.stage.database.read() as connection:
                    stage = connection.scalar(select(cases.c.stage).where(cases.c.case_no == self.stage.case_no))
                return {"outcome": "restored" if stage == "limited" else "valve-untouched"}
            case "arrears.refer-legal" if luck < 0.3:
                return {"outcome": "keep"}
        return {}

    # What is seen.

    async def sweep(self) -> None:
        """Every invariant, once the case is at rest."""
        if not self.stage.case_no:
            return
        await self.stage.rest()
        self.figures.moments += 1
        self.judge(self.stage.case_no)

    def judge(self, case_no: str) -> None:
        with self.stage.database.read() as connection:
            wrong = violations(connection, case_no, self.policy, self.calendar)
        self.figures.sweeps += 1
        new = [each for each in wrong if each not in self.told]
        self.told.update(new)
        self.figures.violations += [f"{self.fine.no} at {self.stage.now.isoformat()}: {each}" for each in new]

    def count(self) -> None:
        """Count what became of the debt's cases; the earlier ones are judged once more."""
        with self.stage.database.read() as connection:
            mine = connection.execute(select(cases).order_by(cases.c.opened_at)).all()
            numbers = connection.scalars(select(openings.c.case_no)).all()
            messages = connection.execute(select(notices)).all()
            orders = connection.execute(select(limit_orders)).all()
            said = {row.case_no: casebook.timeline(connection, row.case_no) for row in mine}
        for case_no in numbers:
            self.judge(case_no)
        self.figures.paid_before_due += not mine
        self.figures.opened += bool(mine)
        self.figures.cases += len(mine)
        self.figures.messages.update(f"{row.template} {row.status}" for row in messages)
        self.figures.orders.update(row.status for row in orders)
        window = next(rung.window.value for rung in self.policy.ladder if isinstance(rung, Limit))
        limited = [entry.at for entries in said.values() for entry in entries if entry.event == "PressureLimited"]
        self.figures.limited_out_of_hours += sum(not window.contains(at, self.calendar) for at in limited)
        for row in mine:
            _count_case(row, said[row.case_no], self.figures, due_on=self.fine.sent_on)
        nearly = [entry.at for entries in said.values() for entry in entries if _brings_a_limit(entry)]
        for at in (deed.at for deed in self.fine.deeds if deed.kind == "pay"):
            out = any(order.issued_at <= at <= (order.closed_at or self.until) for order in orders)
            self.figures.close_calls += out or any(abs(each - at) <= DAY for each in nearly)
            self.figures.paid_with_an_order_out += out


def _brings_a_limit(entry: Entry) -> bool:
    """Whether a limit is about to go out: asked for, approved, or ordered."""
    asked = entry.event == "TaskOpened" and entry.body["task"]["key"] == "arrears.approve-limit"
    return asked or entry.event in ("LimitApproved", "LimitWindowOpened", "LimitOrderIssued", "PressureLimited")


def _someone(task: Task, chance: Random) -> Actor:
    """One of the two people who hold the role, and never one who did the work that is to be checked."""
    names = [name for name in (task.role, f"{task.role}-2") if name not in task.not_by]
    return DEFAULT_PEOPLE[chance.choice(names)]


def _count_case(row: Any, said: Sequence[Entry], figures: Figures, *, due_on: date | None) -> None:
    figures.events.update(entry.event for entry in said)
    way = [entry.body["stage"] for entry in said if entry.event == "StageEntered"]
    if row.status == "open":
        figures.open_at[f"{row.stage} ({row.standing or 'task'})"] += 1
        return
    before = next(stage for stage in reversed(way) if stage not in ("settled", "restored"))
    figures.settled_in[f"{before}, {row.outcome}"] += 1
    paid_at = max(entry.at for entry in said if entry.event == "PaymentRecorded")
    if due_on is not None:
        figures.days_to_settle.append((paid_at - start_of(due_on + DAY)) / DAY)
    restored = [entry.at for entry in said if entry.event == "WaterRestored" and entry.at >= paid_at]
    if restored:
        figures.hours_limited_after_settling.append((restored[0] - paid_at) / timedelta(hours=1))


# The table.


def told(figures: Figures) -> dict[str, Any]:
    """The figures as plain values, in the order in which they are read."""
    return {
        "fines": figures.fines,
        "never sent, paid at once": figures.never_sent,
        "sent, paid before they fell due": figures.paid_before_due,
        "fines that opened a case": figures.opened,
        "cases": figures.cases,
        "settled, by the stage they stood in": dict(figures.settled_in.most_common()),
        "still open, by stage": dict(figures.open_at.most_common()),
        "messages": dict(figures.messages.most_common()),
        "limit orders": dict(figures.orders.most_common()),
        "limited": figures.events["PressureLimited"],
        "of them outside the limit window": figures.limited_out_of_hours,
        "restored": figures.events["WaterRestored"],
        "recalled": figures.events["LimitOrderRecalled"],
        "referred": figures.events["DebtReferred"],
        "ladders started anew": figures.events["LadderRestarted"],
        "disputes": figures.events["BillDisputed"],
        "decisions": dict(sorted(figures.decisions.items())),
        "of them late": figures.late_tasks,
        "escalations": figures.events["TaskEscalated"],
        "refusals": dict(figures.refusals.most_common()),
        "orders refused by the interlock": figures.events["LimitOrderRefused"],
        "payments, by where the case stood": dict(figures.payments.most_common()),
        "paid within a day of a limit": figures.close_calls,
        "paid with a limit order out": figures.paid_with_an_order_out,
        "days from due to settled": _spread(figures.days_to_settle),
        "hours from paid to restored": _spread(figures.hours_limited_after_settling),
        "entries": sum(figures.events.values()),
        "worker crashes": figures.crashes,
        "moments judged": figures.moments,
        "invariant checks": figures.checks,
        "violations": figures.violations,
    }


def _spread(values: Sequence[float]) -> dict[str, float]:
    if not values:
        return {}
    return {
        "least": round(min(values), 1),
        "median": round(statistics.median(values), 1),
        "most": round(max(values), 1),
    }


def show(seen: dict[str, Any]) -> None:
    for name, value in seen.items():
        if isinstance(value, dict):
            value = ", ".join(f"{key}: {each}" for key, each in value.items()) or "none"
        elif isinstance(value, list):
            value = "\n".join([str(len(value)), *(f"  {each}" for each in value)])
        print(f"{name:<38} {value}")


async def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="bench.fines", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("path", type=Path)
    parser.add_argument("--pack", default="jinan")
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--first", type=int, help="only so many fines of the log")
    parser.add_argument("--crash", type=float, default=0.0, help="chance that the worker is killed before a decision")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(arguments)
    began = time.perf_counter()
    fines = read_fines(given.path)[: given.first]
    async with engine_clock() as clock:
        figures = await play_all(fines, clock, pack=given.pack, seed=given.seed, crash=given.crash)
    seen = told(figures) | {"seconds": round(time.perf_counter() - began, 1)}
    if given.json:
        print(json.dumps(seen, ensure_ascii=False, indent=2))
    else:
        show(seen)
    return 1 if figures.violations else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
