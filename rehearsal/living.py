"""Living one case of a population under a pack, on the real workflows: the world as it was, the staff as they may be.

The world does not change with the pack: people pay, dispute and apply as they did. Staff decide plainly; how long each
takes and what goes wrong is drawn by the seed, the case and the task's kind, so that two packs meet the same luck.
"""

import re
from collections import Counter
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from sqlalchemy import select

from domain.account import Bill, Payment
from domain.arrears.commands import DisputeBills, RecordContact, ResolveDispute
from domain.calendars import Calendar
from domain.commands import Command, DecideTask
from domain.connection.commands import ReportOccupancy
from domain.filling import filled
from domain.people import Actor
from domain.processes import TASKS
from domain.refusals import Refused
from domain.tasks import Form, Task
from policies.packs import load_calendar, load_pack
from rehearsal.clock import EngineClock
from rehearsal.debts import Deed
from rehearsal.files import DEFAULT_PEOPLE
from rehearsal.lives import Life, life
from rehearsal.population import Applicant, Debtor, Member
from rehearsal.report import report
from rehearsal.run import checklist
from rehearsal.stage import Stage, staged
from store import intake, ledger, projects
from store.tables import cases

DAY = timedelta(days=1)
SHORTEST, LONGEST = timedelta(minutes=30), timedelta(days=4)
MOVED_IN_AFTER = timedelta(days=180)
LIVES_FOR = timedelta(days=540)
FAILS = 0.2
TIRED = 20
"""A task refused this often is left alone: no plain decision suits it."""


async def lived(member: Member, clock: EngineClock, *, pack: str, seed: int) -> Life | None:
    """The case of a member under a pack, to its end or for a year and a half; None when none was opened."""
    living = _Living(member, clock, pack=pack, seed=seed)
    return await (living.debt(member) if isinstance(member, Debtor) else living.application(member))


class _Living:
    def __init__(self, member: Member, clock: EngineClock, *, pack: str, seed: int) -> None:
        self.member, self.clock, self.seed = member, clock, seed
        self.pack = load_pack(pack)
        self.calendar: Calendar = load_calendar()
        self.planned: dict[str, datetime] = {}
        self.drawn: Counter[str] = Counter()
        self.tired: Counter[str] = Counter()
        self.refused: dict[str, str] = {}
        self.bills: dict[str, Bill] = {}
        self.paid: list[tuple[datetime, int]] = []
        self.stage: Stage

    async def debt(self, debtor: Debtor) -> Life | None:
        first = next((at for at, deed in enumerate(debtor.deeds) if deed.kind == "overdue"), None)
        if first is None:
            return None
        starts_at = debtor.deeds[first].at
        until = starts_at + LIVES_FOR
        async with staged(self.clock, starts_at=starts_at, calendar=self.calendar, crashes=False) as self.stage:
            with self.stage.database.write() as connection:
                ledger.put_account(connection, debtor.account, at=debtor.deeds[0].at)
            for deed in debtor.deeds:
                if deed.at > until:
                    break
                if deed.at > self.stage.now:
                    await self.live_to(deed.at)
                await self.take(debtor, deed)
            await self.live_to(until)
            return self.seen("arrears")

    async def application(self, applicant: Applicant) -> Life | None:
        record, at = applicant.record, applicant.at
        if not record.papers:
            papers = checklist(self.pack.name, record.project.kind)
            record = record.model_copy(update={"papers": papers})
        async with staged(self.clock, starts_at=at, calendar=self.calendar, crashes=False) as self.stage:
            place = projects.open_project(self.stage.database, record, pack=self.pack.name, at=at)
            self.stage.begin(place, process="connection", subject=place.case_no)
            await self.live_to(at + LIVES_FOR)
            return self.seen("connection")

    def seen(self, process: str) -> Life | None:
        if not self.stage.case_no:
            return None
        with self.stage.database.read() as connection:
            told = report(
                connection,
                self.stage.case_no,
                file=self.member.no,
                process=process,
                refusals=(),
                until=self.stage.now,
            )
        return life(told, payments=self.paid)

    # What the world does.

    async def take(self, debtor: Debtor, deed: Deed) -> None:
        database, no, at = self.stage.database, debtor.account.no, deed.at
        clerk = DEFAULT_PEOPLE["clerk"]
        place = None
        match deed.kind:
            case "bill":
                self.bills[deed.no] = deed.bill()
                place = intake.add_bill(database, no, self.bills[deed.no], pack=self.pack.name, at=at)
            case "overdue":
                # Billing hands the bill in again: known already, it opens a case or joins the open one.
                place = intake.add_bill(database, no, self.bills[deed.no], pack=self.pack.name, at=at)
            case "pay":
                if self.stage.case_no:
                    self.paid.append((at, deed.amount_fen))
                payment = Payment(reference=deed.no, amount_fen=deed.amount_fen, paid_at=at, at=at)
                intake.record_payment(database, no, payment)
            case "dispute":
                await self.tell(DisputeBills(by=clerk, at=at, bills=tuple(self.bills)))
            case "resolve":
                await self.tell(ResolveDispute(by=clerk, at=at, bills=tuple(self.bills)))
        if place is not None:
            self.stage.begin(place, process="arrears", subject=no)
        elif not self.stage.case_no:
            await self.stage.relay.deliver(now=at)
        if self.stage.case_no:
            await self.stage.rest()

    async def tell(self, command: Command) -> None:
        if self.stage.case_no:
            try:
                await self.stage.instruct(command)
            except Refused:
                return  # said too late, or again: it changes nothing

    async def live_to(self, instant: datetime) -> None:
        """Let time pass up to `instant`: the case wakes, and staff do what they planned to."""
        stage = self.stage
        if not stage.case_no:
            await self.clock.advance(instant - stage.now)
            stage.now = max(stage.now, instant)
            return
        while True:
            wake = await stage.rest()
            plans = self.plans()
            moment = min([*plans, *([wake] if wake else [])], default=None)
            if moment is None or moment > instant:
                break
            await stage.hop_to(moment)
            if moment in plans:
                await self.work(plans[moment])
        await stage.hop_to(instant)

    # What people do.

    def plans(self) -> dict[datetime, Task | str]:
        """When somebody will do which open task, or what else the case waits for."""
        stage = self.stage
        with stage.database.read() as connection:
            case = connection.execute(select(cases).where(cases.c.case_no == stage.case_no)).one_or_none()
        if case is None or case.status == "closed":
            return {}
        waiting: dict[str, Task | str] = {
            task.id: task for task in stage.open_tasks() if task.pause is None and self.tired[task.id] < TIRED
        }
        if case.standing in ("contacts", "occupancy"):
            waiting[f"{case.standing}-{case.sequence}"] = case.standing
        plans: dict[datetime, Task | str] = {}
        for name, what in sorted(waiting.items()):
            if name not in self.planned:
                self.planned[name] = self.moment_for(what)
            plans[max(self.planned[name], stage.now)] = what
        return plans

    def moment_for(self, what: Task | str) -> datetime:
        """In the hours of service, but for what is counted in minutes; how long it takes is this person's luck."""
        if what == "occupancy":
            return self.stage.now + MOVED_IN_AFTER
        kind = what.key if isinstance(what, Task) else what
        luck = self.luck(kind)
        if isinstance(what, Task) and what.term is not None and what.term.elapsed:
            return self.stage.now + luck.uniform(0.1, 1.2) * what.term.duration
        delay = timedelta(seconds=int(luck.uniform(SHORTEST.total_seconds(), LONGEST.total_seconds())))
        section = getattr(self.pack, "arrears", None) or self.pack.connection
        if section is None:
            return self.stage.now + delay
        return section.escalation.value.service_hours.next_inside(self.stage.now + delay, self.calendar)

    def luck(self, kind: str) -> Random:
        """The chance of one doing: the same for the nth of its kind, whatever the pack."""
        self.drawn[kind] += 1
        return Random(f"{self.seed}/{self.member.no}/{kind}/{self.drawn[kind]}")  # noqa: S311 - seeded, drawn again alike

    async def work(self, what: Task | str) -> None:
        stage = self.stage
        if what == "contacts":
            reached = self.luck("reached").random() >= FAILS
            collector = DEFAULT_PEOPLE["collector"]
            await self.tell(RecordContact(by=collector, at=stage.now, method="phone", reached=reached))
        elif what == "occupancy":
            await self.tell(ReportOccupancy(by=DEFAULT_PEOPLE["representative"], at=stage.now, share=Decimal("0.9")))
        elif isinstance(what, Task):
            await self.decide(what)

    async def decide(self, task: Task) -> None:
        kind = TASKS[task.key]
        command = DecideTask(
            by=_somebody(task),
            at=self.stage.now,
            key=task.key,
            task_id=task.id,
            form=filled(kind.form, self.form(task) | _asked_for(kind.form, self.refused.get(task.id, ""))),
        )
        try:
            await self.stage.decide(command)
        except Refused as refused:
            self.tired[task.id] += 1
            self.refused[task.id] = refused.message
            self.planned[task.id] = self.stage.now + DAY

    def form(self, task: Task) -> dict[str, Any]:
        """The plain good outcome most of the time."""
        failed = self.luck(f"{task.key}!").random() < FAILS
        match task.key:
            case "arrears.serve-dunning-notice" | "arrears.serve-limit-notice" if failed:
                return {"outcome": "failed", "method": "phone", "reason": "nobody answered"}
            case "arrears.limit-pressure" if failed:
                return {"outcome": "unable", "reason": "the door was locked"}
            case "arrears.restore":
                with self.stage.database.read() as connection:
                    stage = connection.scalar(select(cases.c.stage).where(cases.c.case_no == self.stage.case_no))
                return {"outcome": "restored" if stage == "limited" else "valve-untouched"}
        return {}


def _asked_for(form: type[Form], refusal: str) -> dict[str, Any]:
    """The fields that a refusal names: a pack may demand some that the form itself leaves open."""
    fields = form.model_json_schema().get("properties", {})
    named = set(re.findall(r"[a-z_]+", refusal))
    return {name: field["examples"][0] for name, field in fields.items() if name in named and "examples" in field}


def _somebody(task: Task) -> Actor:
    names = (task.role, f"{task.role}-2")
    return DEFAULT_PEOPLE[next(name for name in names if name not in task.not_by)]
