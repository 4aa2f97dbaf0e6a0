"""Playing a rehearsal: its steps in order, on the real workflows, and what was seen."""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from domain.arrears.commands import IssueNotice
from domain.arrears.facts import ArrearsFacts
from domain.arrears.forms import APPROVE_LIMIT, LIMIT_PRESSURE
from domain.arrears.notices import as_told, nothing_due, notice, notices_due
from domain.calendars import Calendar
from domain.case import COSIGN, StageEntered
from domain.commands import REASSIGN, DecideTask
from domain.connection import commands
from domain.connection.commands import ReportOccupancy
from domain.connection.policy import Kind
from domain.connection.works_forms import DECLARATIONS
from domain.filling import filled
from domain.people import Actor, Role
from domain.processes import TASKS
from domain.refusals import RefusalCode, Refused
from domain.tasks import Task
from policies.packs import load_calendar, load_pack
from rehearsal.clock import EngineClock
from rehearsal.files import Rehearsal, Step
from rehearsal.openings import ArrearsOpening, ConnectionOpening, OrderOpening
from rehearsal.report import Refusal, Report, report
from rehearsal.stage import Stage, staged
from rehearsal.verbs import (
    AnotherBill,
    Body,
    ChangeOfAccount,
    Correct,
    Crash,
    Decide,
    Declare,
    Drive,
    Instruction,
    Occupancy,
    Pay,
    Print,
    Publish,
    Reassign,
    Reverse,
    Unfit,
)
from store import calendars, casebook, intake, ledger, papers, postings, projects, reads

BY_DEFAULT: dict[str, dict[str, Role]] = {
    "arrears": dict.fromkeys(
        ("contact", "dispute", "resolve", "plan", "promise", "pause", "resume", "urge", "waive", "violation"),
        "collector",
    ),
    "connection": {"withdraw": "customer", "hold": "representative", "release": "representative"},
}


def checklist(pack: str, kind: Kind) -> tuple[str, ...]:
    """The papers that a kind of project hands in, by the pack."""
    connection = load_pack(pack).connection
    return connection.checklist[kind].value if connection and kind in connection.checklist else ()


async def play(
    rehearsal: Rehearsal, clock: EngineClock, *, pack: str | None = None, keep_history: Path | None = None
) -> Report:
    """Run a rehearsal and report what was seen. A refused step changes nothing.

    `pack` replaces the file's; the engine's history of the case's last run is written to `keep_history` as JSON.
    """
    known = load_calendar()
    for year in rehearsal.calendar:
        if year.at is None or year.at <= rehearsal.starts_at:
            known = known.published(year.year, year.days)
    crashes = any(isinstance(step.body, Crash) for step in rehearsal.steps)
    async with staged(clock, starts_at=rehearsal.starts_at, calendar=known, crashes=crashes) as stage:
        seen = await _Player(rehearsal, stage, known, pack=load_pack(pack or rehearsal.pack).name).play()
        if keep_history is not None:
            if seen.outcome is not None:
                await stage.handle.result()
            history = await stage.handle.fetch_history()
            await asyncio.to_thread(keep_history.write_text, history.to_json(), encoding="utf-8")
        return seen


@dataclass
class _Driving:
    """A drive that is on: tasks it was refused, with the code, and those that wait for a gate to open (`shut`)."""

    drive: Drive
    number: int
    began_at: datetime
    refused: dict[str, str] = field(default_factory=dict)
    shut: dict[str, Refusal] = field(default_factory=dict)


class _Player:
    def __init__(self, rehearsal: Rehearsal, stage: Stage, calendar: Calendar, *, pack: str) -> None:
        self.rehearsal = rehearsal
        self.stage = stage
        self.pack = pack
        self.calendar = calendar
        self.refusals: list[Refusal] = []
        self.debtor: str | None = None
        self.driving: _Driving | None = None
        self.published = [y for y in rehearsal.calendar if y.at is not None and y.at > rehearsal.starts_at]

    async def play(self) -> Report:
        self.open()
        await self.stage.rest()
        for step in self.rehearsal.steps:
            await self.drive_on(before=step.at)
            at = self.instant_of(step)
            if at > self.rehearsal.until:
                break
            await self.move_to(at)
            await self.take(step, at)
        await self.drive_on()
        await self.move_to(self.rehearsal.until)
        with self.stage.database.read() as connection:
            return report(
                connection,
                self.stage.case_no,
                file=self.rehearsal.file,
                process=self.rehearsal.process,
                refusals=self.refusals,
                until=self.stage.now,
            )

    def open(self) -> None:
        stage, at = self.stage, self.rehearsal.starts_at
        match self.rehearsal.open:
            case ArrearsOpening(account=account) as opening:
                place = intake.open_arrears(stage.database, account, opening.owed(at=at), pack=self.pack, at=at)
                stage.begin(place, process="arrears", subject=account.no)
            case ConnectionOpening() as opening:
                if (owes := opening.arrears) is not None:
                    self.debtor = owes.account.no
                    with stage.database.write() as connection:
                        ledger.put_account(connection, owes.account, at=at)
                        for bill in owes.owed(at=at):
                            ledger.post(connection, owes.account.no, bill)
                record = opening.record(checklist=checklist(self.pack, opening.project.kind))
                place = projects.open_project(stage.database, record, pack=self.pack, at=at)
                stage.begin(place, process="connection", subject=place.case_no)
            case OrderOpening():
                raise NotImplementedError("the reader lets no order through")

    def instant_of(self, step: Step) -> datetime:
        """Counted from the step before, or from where a drive ended, when the file gives no instant."""
        return step.at if step.at is not None else self.stage.now + (step.after or timedelta())

    async def move_to(self, instant: datetime) -> None:
        """On to an instant, publishing on the way the years that become known."""
        while self.published and self.published[0].at is not None and self.published[0].at <= instant:
            year = self.published.pop(0)
            await self.stage.hop_to(max(year.at or instant, self.stage.now))
            self.publish((year,))
            await self.stage.rest()
        await self.stage.hop_to(instant)

    async def take(self, step: Step, at: datetime) -> None:
        if step.stale:
            self.stage.sync_ledger(stale=True)
        try:
            await self.do(step, at)
            await self.stage.rest()
        except Refused as refused:
            also = self.as_true(step.body, refused.code)
            self.refusals.append(Refusal(step=step.number, code=refused.code, message=refused.message, also=also))
        finally:
            if step.stale:
                self.stage.sync_ledger(stale=False)

    def as_true(self, body: Body, code: RefusalCode) -> tuple[RefusalCode, ...]:
        """What else is true of a refused step.

        A limit whose task was taken back is not open, and the interlock says no; a task that somebody is given who
        cannot decide it is a form filled in wrongly, and the wrong role.
        """
        if isinstance(body, Reassign) and code == "form-invalid":
            return ("wrong-role",)
        if not isinstance(body, Decide) or body.task not in (APPROVE_LIMIT.key, LIMIT_PRESSURE.key):
            return ()
        if code == "interlock" and not any(task.key == body.task for task in self.stage.open_tasks()):
            return ("not-open",)
        return ("interlock",) if code == "not-open" and self.stage.took_back(body.task) else ()

    async def do(self, step: Step, at: datetime) -> None:
        stage, account_no = self.stage, self.debtor or self.stage.subject
        match step.body:
            case Decide() as decide:
                await self.decide(decide, step, at)
            case Pay() as pay:
                intake.record_payment(stage.database, account_no, pay.payment(at=at))
            case Reverse() as reverse:
                intake.reverse_payment(stage.database, account_no, reverse.reversal(at=at))
            case AnotherBill() as another:
                intake.add_bill(stage.database, account_no, another.bill(at=at), pack=self.pack, at=at)
            case Correct() as correct:
                instead = correct.instead.bill(at=at) if correct.instead else None
                with stage.database.write() as connection:
                    postings.correct(connection, account_no, correct.void(at=at), instead, pack=self.pack, at=at)
            case ChangeOfAccount() as changed:
                self.change_account(changed, at)
            case Publish() as publish:
                self.publish(publish.years)
            case Crash():
                await stage.players.crash()
            case Drive() as drive:
                self.driving = _Driving(drive, step.number, began_at=at)
            case Occupancy(share=share):
                reporter = self.rehearsal.person(step.by or "representative")
                await stage.instruct(ReportOccupancy(by=reporter, at=at, share=share))
            case Declare(what=what, form=form):
                kind = DECLARATIONS[what]
                declarer, whole = self.rehearsal.person(step.by or kind.roles[0]), filled(kind.form, form)
                await stage.instruct(commands.Declare(by=declarer, at=at, what=what, form=whole))
            case Print(anew=anew):
                await self.print_notice(self.rehearsal.person(step.by or "collector"), anew, at)
            case Unfit(code=code, message=message):
                raise Refused(code, message)
            case Instruction() as instruction:
                if isinstance(instruction, Reassign):
                    self.refuse_stranger(instruction)
                by = step.by or self.whoever_tells(step.verb)
                await stage.instruct(instruction.told(by=self.rehearsal.person(by), at=at))
            case _:
                pass  # nothing but a stale ledger, which lasts as long as the step

    def whoever_tells(self, verb: str) -> Role:
        """The role that tells a case this when nobody is named: a leader, unless it is somebody else's to say."""
        told_by = BY_DEFAULT[self.rehearsal.process].get(verb, "supervisor")
        connection = load_pack(self.pack).connection
        if (verb, self.rehearsal.process) != ("reassign", "connection") or connection is None:
            return told_by
        may = connection.reassigned_by.value if connection.reassigned_by else REASSIGN
        return told_by if told_by in may else may[0]

    def refuse_stranger(self, reassign: Reassign) -> None:
        """As the door does: a task goes to nobody who could not decide it. Raises `Refused`."""
        known = self.rehearsal.known(reassign.to)
        meant = [task for task in self.stage.open_tasks() if task.key == reassign.task]
        roles: set[Role] = {role for task in meant for role in task.posts}
        if known is not None and roles and not any(known.holds(role) for role in roles):
            raise Refused("form-invalid", f"to: {reassign.to} does not hold {' or '.join(sorted(roles))}")

    async def print_notice(self, by: Actor, anew: str | None, at: datetime) -> None:
        """Make the notice out that is called for, as the door does at its first print."""
        with self.stage.database.read() as connection:
            row = reads.case_on_record(connection, self.stage.case_no)
            to = papers.addressee(connection, self.stage.subject)
        facts, pack = ArrearsFacts.model_validate(row.facts), load_pack(self.pack)
        due = next(iter(notices_due(facts, pack.arrears)), None) if pack.arrears else None
        if due is None or pack.arrears is None:
            raise nothing_due()
        filled = notice(
            due=due,
            facts=facts.model_copy(update={"as_of": max(facts.as_of, at)}),
            policy=pack.arrears,
            calendar=self.calendar,
            utility=pack.title.zh,
            addressee=to,
            at=at,
        )
        await self.stage.instruct(IssueNotice(by=by, at=at, anew=anew, **as_told(due, filled)))

    def change_account(self, changed: ChangeOfAccount, at: datetime) -> None:
        said = changed.model_dump(include={"customer_class", "protected"}, exclude_none=True)
        with self.stage.database.write() as connection:
            if said:
                stands = ledger.account_record(connection, self.stage.subject)
                ledger.put_account(connection, stands.model_copy(update=said), at=at)
            if (change := changed.change(at=at)) is not None:
                postings.change(connection, self.stage.subject, change)

    async def decide(self, body: Decide, step: Step, at: datetime) -> None:
        kind = TASKS[body.task]
        open_now = [task for task in self.stage.open_tasks() if task.key == kind.key]
        if step.optional and not open_now:
            return
        checked = [person for task in open_now[:1] for person in task.not_by]
        meant = next((task for task in open_now if task.subject == body.subject), open_now[0] if open_now else None)
        role, demands = (meant.role, meant.demands) if meant else (kind.role, ())
        by = self.rehearsal.person(step.by) if step.by else self.whoever_signs(meant)
        by = by or self.rehearsal.default_person(role, avoiding=checked)
        form = filled(kind.form, body.form, demands=demands)
        await self.stage.decide(DecideTask(by=by, at=at, key=kind.key, subject=body.subject, form=form))

    def whoever_signs(self, task: Task | None) -> Actor | None:
        """Whose signature a task is; None for any other task."""
        return self.rehearsal.person(task.assignee) if task and task.assignee and task.key.endswith(COSIGN) else None

    def publish(self, years: Collection[object]) -> None:
        with self.stage.database.write() as connection:
            for year in years:
                calendars.publish(
                    connection,
                    year=getattr(year, "year"),  # noqa: B009
                    days=getattr(year, "days"),  # noqa: B009
                    by="administrator",
                    at=self.stage.now,
                )

    async def drive_on(self, *, before: datetime | None = None) -> None:
        """Decide every task the plain good way `each` after it opened, up to the moment that was asked for.

        A step that comes at an instant of its own (`before`) is waited for: the drive goes on behind it. A task before
        a shut gate is tried again once something else has happened; it counts as refused if it never opens.
        """
        if (driving := self.driving) is None:
            return
        driving.shut.clear()
        # What came in between may have cleared the way for what the interlock forbade.
        driving.refused = {task: code for task, code in driving.refused.items() if code != "interlock"}
        ends_at = self.rehearsal.until if before is None else min(before, self.rehearsal.until)
        while not self.reached(driving.drive.until, since=driving.began_at):
            task = self.next_driven(driving)
            wake = await self.stage.rest()
            due = max(task.opened_at + driving.drive.each, self.stage.now) if task else None
            moment = min((at for at in (wake, due) if at is not None), default=None)
            if moment is None or moment > ends_at:
                if before is not None and before <= self.rehearsal.until:
                    return
                self.refusals += driving.shut.values()
                break
            await self.move_to(moment)
            if task is None or moment != due:
                driving.shut.clear()
                continue
            refusal = await self.decided_plainly(task, driving.number)
            if refusal is None:
                driving.shut.clear()
            elif refusal.code == "gate":
                driving.shut[task.id] = refusal
            else:
                driving.refused[task.id] = refusal.code
                self.refusals.append(refusal)
        self.driving = None

    def next_driven(self, driving: _Driving) -> Task | None:
        """The task that has waited longest of those that a drive may decide."""
        left_out = {*driving.refused, *driving.shut}
        waiting = [
            task
            for task in self.stage.open_tasks()
            if task.key not in driving.drive.left_alone and task.id not in left_out and task.pause is None
        ]
        return min(waiting, key=lambda task: task.opened_at, default=None)

    async def decided_plainly(self, task: Task, number: int) -> Refusal | None:
        """Why a task could not be decided the plain good way; None when it was."""
        kind = TASKS[task.key]
        by = self.whoever_signs(task) or self.rehearsal.default_person(task.role, avoiding=task.not_by)
        form = filled(kind.form, {}, demands=task.demands)
        command = DecideTask(by=by, at=self.stage.now, key=task.key, task_id=task.id, form=form)
        try:
            await self.stage.decide(command)
        except Refused as refusal:
            return Refusal(step=number, code=refusal.code, message=refusal.message, driven=True)
        finally:
            await self.stage.rest()
        return None

    def reached(self, moment: str, *, since: datetime) -> bool:
        """Whether a task of that key is open, that stage has been entered since, or the case has ended."""
        if moment in TASKS:
            return any(task.key == moment for task in self.stage.open_tasks())
        with self.stage.database.read() as connection:
            happened = casebook.timeline(connection, self.stage.case_no)
        if any(entry.event == "CaseClosed" and entry.at >= since for entry in happened):
            return True
        name = StageEntered.model_fields["event"].default
        return any(entry.event == name and entry.body["stage"] == moment and entry.at >= since for entry in happened)
