"""Whole lives of cases under one policy, told as lists: what was asked of whom and until when, said, sent and refused.

Pure, so that a life can be lived again with one value changed. A life that gets stuck says so and ends.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, get_args

from domain.account import Account, Bill, CustomerClass, Estate
from domain.arrears.commands import RecordContact
from domain.arrears.events import MessageDue
from domain.arrears.facts import ArrearsFacts
from domain.arrears.notices import Addressee, notice, notices_due
from domain.arrears.policy import ArrearsPolicy
from domain.asking import not_open, opened
from domain.calendars import CHINA
from domain.case import CaseClosed, CaseOpened, Event, TaskWithdrawn
from domain.commands import Command, DecideTask, ReassignTask
from domain.connection import commands
from domain.connection.acceptance import InviteToAcceptance, ReportData
from domain.connection.facts import Project, ProjectFacts
from domain.connection.forms import CONNECTION_TASKS
from domain.connection.items import Fault, Item, Measured, faults
from domain.connection.phases import item_checks, next_moment, next_step
from domain.connection.policy import ConnectionPolicy
from domain.connection.site_board import site_board
from domain.connection.visits import judged
from domain.connection.works_forms import DECLARATIONS, Service, Step, Unit
from domain.filling import filled
from domain.money import fen
from domain.organisation import (
    Grid,
    Holder,
    OrganisationPolicy,
    appointed,
    departures,
    refuse_unless_handed_over,
)
from domain.people import ROLES, Actor, Role
from domain.recovery import meets
from domain.refusals import Refused
from domain.steps import Close, asked
from domain.tasks import Task
from policies.packs import load_calendar
from tests.domain.arrears.openings import APPROVE, DAY, DUNNING, LIMIT, LIMIT_NOTICE, REFER, RESTORE, WANG, at, bill
from tests.domain.arrears.play import Play

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
ANYBODY = Actor(id="p", roles=("representative",))
TABLED = Item(no=1, building="3", room="1201", meter_no="M1", start_reading=Decimal(5), seal_no="S1")
SEEN: tuple[dict[str, Any], ...] = (
    {"nameplate": "M2"},
    {"reading": 4},
    {"seal": "S2"},
    {"flow": "reversed"},
    {"valve": "open"},
    {"valve": "closed"},
    *({"depth_cm": depth} for depth in (34, 35, 45, 46)),
    *({name: False} for name in ("masonry", "cover", "place", "space")),
)
OPENED_AT = datetime(2026, 3, 11, 9, tzinfo=CHINA)
ENOUGH = 200


# Connection.


@dataclass
class ProjectLife:
    """One project, each task decided the plain good way an hour after the last, or `forms` instead the first time."""

    policy: ConnectionPolicy
    facts: ProjectFacts
    forms: dict[str, dict[str, Any]]
    now: datetime = OPENED_AT
    told: list[Any] = field(default_factory=list)

    def live(self) -> list[Any]:
        self.say(CaseOpened(at=self.now, process="connection", pack="x", subject="BZ-20260311-0001"))
        for _ in range(ENOUGH):
            self.settle()
            if self.facts.outcome is not None or not self.step_on():
                break
        return self.told

    def live_until(self, key: str) -> None:
        """Live on until a task of this kind is open."""
        self.say(CaseOpened(at=self.now, process="connection", pack="x", subject="BZ-20260311-0001"))
        self.settle()
        while all(task.key != key for task in self.facts.tasks.values()):
            assert self.step_on(), f"nothing will ever open {key}"
            self.settle()

    def neglect(self) -> list[Any]:
        """Nobody decides anything: only time passes."""
        self.say(CaseOpened(at=self.now, process="connection", pack="x", subject="BZ-20260311-0001"))
        self.settle()
        for _ in range(12):
            if (moment := next_moment(self.facts, self.policy, load_calendar())) is None:
                break
            self.now = max(self.now, moment.at)
            self.say(moment)
        return self.told

    def step_on(self) -> bool:
        """Decide the first task that can be; without one, let more people move in. False when nothing moves."""
        self.now += HOUR
        for task in tuple(self.facts.tasks.values()):
            self.probe(task)
            form = self.forms.pop(task.key, None)
            if (decided := self.tried(task, form or {})) is not None:
                self.say(decided)
                return True
        if self.facts.tasks or self.facts.occupancy >= 1:
            self.told.append("stuck")
            return False
        share = self.facts.occupancy + Decimal("0.05")
        report = commands.ReportOccupancy(by=Actor(id="someone", roles=("representative",)), at=self.now, share=share)
        for event in commands.events_of(report, self.facts, *self._policy_and_calendar()):
            self.say(event)
        return True

    def probe(self, task: Task) -> None:
        """What is refused about a task: each demanded field left out, no certificate, a depth, a paper, a role."""
        whole = self.plain(task, {})
        for name in getattr(task, "demands", ()):
            self.tried(task, {**whole, name: None}, completed=False)
        match task.key:
            case "connection.activate":
                self.tried(task, {"secondary_supply_certificate": ""})
            case "connection.accept":
                for depth in range(30, 51):
                    self.tried(task, {**whole, "depth_least": depth, "depth_most": depth})
                self.told += [fault.check for seen in SEEN for fault in self.wrong_with(seen)]
                self.instructed(
                    InviteToAcceptance(by=ANYBODY, at=self.now, appointment=self.now + HOUR * 12),
                    InviteToAcceptance(by=ANYBODY, at=self.now, appointment=self.now + HOUR * 24),
                )
            case "connection.open-account":
                said = self.instructed(ReportData(by=ANYBODY, at=self.now, what="缺房号"))
                self.told += [str(ask.term) for event in said for ask in self.asked_after(event)]
            case "connection.check-papers":
                self.tried(task, {"outcome": "missing", "missing": [], "tolerated": ["营业执照"]})
            case "connection.survey" if self.policy.visits is not None:
                agreed, grace = self.now, self.policy.visits.punctual.value.duration
                self.told += [judged(agreed + n * MINUTE, agreed, None, grace=grace) for n in range(-90, 91)]
                for role in ROLES:
                    self.reassigned(task, Actor(id=f"a-{role}", roles=(role,)))
            case "connection.assign" | "connection.survey":
                for role in ROLES:
                    self.reassigned(task, Actor(id=f"a-{role}", roles=(role,)))
            case _:
                pass

    def tried(self, task: Task, given: dict[str, Any], *, completed: bool = True) -> Event | None:
        form = self.plain(task, given) if completed else given
        by = Actor(id=f"{task.role}-2" if f"{task.role}-1" in task.not_by else f"{task.role}-1", roles=(task.role,))
        try:
            command = DecideTask(by=by, at=self.now, key=task.key, task_id=task.id, form=form)
            decided = commands.decide(command, self.facts, self.policy)
        except Refused as refused:
            self.told.append((task.key, refused.code, str(refused)))
            return None
        return decided

    def wrong_with(self, seen: dict[str, Any]) -> list[Fault]:
        checks = item_checks(self.facts.project, self.policy)
        depth = self.policy.depth_cm.value if self.policy.depth_cm else None
        return faults(TABLED, Measured.model_validate(seen), checks, depth)

    def instructed(self, *told: Command) -> list[Any]:
        """What each would make happen, or the code of its refusal; nothing is said."""
        made: list[Any] = []
        for command in told:
            try:
                made += commands.events_of(command, self.facts, *self._policy_and_calendar())  # type: ignore[arg-type]
            except Refused as refused:
                self.told.append(refused.code)
        self.told += [event.event for event in made]
        return made

    def asked_after(self, event: Any) -> Any:
        after, _ = commands.say(self.facts, event, self.policy, load_calendar())
        step = next_step(after, self.policy, load_calendar())
        return asked(step) if step is not None else ()

    def reassigned(self, task: Task, by: Actor) -> None:
        command = ReassignTask(by=by, at=self.now, task=task.key, to="another")
        try:
            commands.events_of(command, self.facts, *self._policy_and_calendar())
        except Refused as refused:
            self.told.append((by.id, refused.code))

    def plain(self, task: Task, given: dict[str, Any]) -> dict[str, Any]:
        return filled(CONNECTION_TASKS[task.key].form, given, demands=getattr(task, "demands", ()))

    def settle(self) -> None:
        step = next_step(self.facts, self.policy, load_calendar())
        if isinstance(step, Close):
            self.say(CaseClosed(at=self.now, outcome=step.outcome))
            return
        asks = asked(step) if step is not None else ()
        wanted = {(ask.key, ask.subject) for ask in asks}
        for task in tuple(self.facts.tasks.values()):
            if (task.key, task.subject) not in wanted:
                self.say(TaskWithdrawn(at=self.now, task_id=task.id, key=task.key, because="no longer called for"))
        for ask in not_open(self.facts, step) if step is not None else ():
            now = self.facts.model_copy(update={"as_of": self.now})
            self.say(opened(ask, facts=now, kinds=CONNECTION_TASKS, calendar=load_calendar()))

    def say(self, event: Event) -> None:
        self.facts, said = commands.say(self.facts, event, self.policy, load_calendar())  # type: ignore[arg-type]
        self.told += [each.model_dump(mode="json") for each in said]

    def declare(self, what: str, form: dict[str, Any]) -> None:
        """Somebody tells the project something beside its tasks; a refusal is told."""
        self.declare_as(Actor(id="someone", roles=DECLARATIONS[what].roles), what, form)

    def declare_as(self, by: Actor, what: str, form: dict[str, Any]) -> None:
        whole = filled(DECLARATIONS[what].form, form)
        command = commands.Declare(by=by, at=self.now, what=what, form=whole)
        try:
            for event in commands.events_of(command, self.facts, *self._policy_and_calendar()):
                self.say(event)
        except Refused as refused:
            self.told.append((what, refused.code, str(refused)))

    def passes_on(self) -> list[Any]:
        """Nobody decides anything any more: only time passes."""
        for _ in range(12):
            if (moment := next_moment(self.facts, self.policy, load_calendar())) is None:
                break
            self.now = max(self.now, moment.at)
            self.say(moment)
            self.settle()
        return self.told

    def _policy_and_calendar(self) -> tuple[Any, Any]:
        return self.policy, load_calendar()


PROJECTS: tuple[dict[str, Any], ...] = (
    {"kind": "single"},
    {"kind": "estate", "meters": 30, "high_rise": True},
    {"kind": "estate", "meters": 5},
    {"kind": "single", "meters": 2, "design_by": "customer"},
    {"kind": "linear"},
    {"kind": "temporary"},
    {"kind": "estate", "meters": 20, "design_by": "customer"},
    *(
        {"kind": "single", "sector": sector, "investment_fen": fen(amount)}
        for sector in ("industry", "trade", "real-estate", "government")
        for amount in ("49999999.99", "50000000.00", "2999999999.99", "3000000000.00")
    ),
    *({"kind": "single", "sector": sector} for sector in ("industry", "real-estate", "government", "other")),
    *({"kind": "single", flag: True} for flag in ("high_reliability", "petition", "key_government", "exceptional")),
)
PROJECTS_AT_WORK: tuple[dict[str, Any], ...] = tuple(
    {"kind": kind, "sector": "trade"} for kind in ("single", "estate", "linear", "temporary")
)
FORMS: tuple[dict[str, dict[str, Any]], ...] = (
    {},
    {"connection.check-papers": {"outcome": "missing", "tolerated": ["营业执照"], "missing": ["身份证明"]}},
    {"connection.accept": {"failed": {1: "铅封缺失"}}},
    {"connection.review-drawings": {"outcome": "return", "reason": "管径"}},
)


def with_works(policy: ConnectionPolicy, project: dict[str, Any]) -> list[Any]:
    """A life in which everything that can be declared of the works is, and the site is not as it should be."""
    played = begun(policy, project, {"connection.test-water": {"passed_at": OPENED_AT.isoformat()}})
    played.live_until("connection.inspect-node")
    board = site_board(played.facts, policy.works, utility="某", name="某项目", address=None, at=OPENED_AT)
    played.told.append(board)
    for service in get_args(Service):
        played.declare("service", {"service": service})
    for step in get_args(Step):
        played.declare("accompanied", {"step": step})
    for unit in get_args(Unit):
        played.declare("party", {"unit": unit, "account": f"{unit}-1"})
    for what in ("problem", "design-change", "excavated", "site-visit"):
        played.declare(what, {})
        played.settle()
    if (task := played.facts.open_task("connection.inspect-site")) is not None:
        played.say(found_on_site(played, task))
        played.settle()
    played.declare("works-finished", {})
    while played.facts.outcome is None and played.step_on():
        played.settle()
    return played.told


def found_on_site(played: ProjectLife, task: Task) -> Event:
    """Everything of the pack's list that is looked at here is found wanting; barriers and machines are tried first."""
    for height in range(110, 190, 5):
        played.tried(task, {"barrier_cm": height})
    for hour in range(0, 24, 2):
        at = OPENED_AT.replace(hour=hour).isoformat()
        played.tried(task, {"heavy_machinery": True, "residential": True, "done_at": at})
    failed = {
        name: "不合格"
        for name in played.policy.works.site
        if played.tried(task, {"failed": {name: "不合格"}}) is not None
    }
    decided = played.tried(task, {"failed": failed})
    assert decided is not None
    return decided


def neglected_from(policy: ConnectionPolicy, project: dict[str, Any], key: str) -> list[Any]:
    played = begun(policy, project, {})
    played.live_until(key)
    return played.passes_on()


def connection_lives() -> list[Callable[[ConnectionPolicy], list[Any]]]:
    def life(project: dict[str, Any], forms: dict[str, Any]) -> Callable[[ConnectionPolicy], list[Any]]:
        return lambda policy: begun(policy, project, dict(forms)).live()

    whole = [life(project, {}) for project in PROJECTS]
    varied = [life(project, forms) for project in PROJECTS[:3] for forms in FORMS[1:]]
    neglected = [lambda policy, project=project: begun(policy, project, {}).neglect() for project in PROJECTS[:2]]
    works = [lambda policy, project=project: with_works(policy, project) for project in PROJECTS_AT_WORK]
    late = [
        lambda policy, key=key: neglected_from(policy, PROJECTS[1], f"connection.{key}")
        for key in ("draft-scheme", "register-works")
    ]
    return [*whole, *varied, *neglected, *works, *late]


def begun(policy: ConnectionPolicy, project: dict[str, Any], forms: dict[str, dict[str, Any]]) -> ProjectLife:
    facts = ProjectFacts(
        case_no="BZ-20260311-0001",
        pack="x",
        opened_at=OPENED_AT,
        as_of=OPENED_AT,
        project=Project.model_validate(project),
        papers=policy.checklist[project["kind"]].value,
    )
    return ProjectLife(policy, facts, forms)


# Arrears.


def arrears_lives() -> list[Callable[[ArrearsPolicy], list[Any]]]:
    def to_the_end(customer_class: CustomerClass, when: str) -> Callable[[ArrearsPolicy], list[Any]]:
        def life(play: Play) -> None:
            drive(play, REFER)
            play.decide(REFER)

        return lambda policy: told(policy, life, when=when, customer_class=customer_class)

    def paid_when_limited(play: Play) -> None:
        drive(play, LIMIT)
        play.decide(LIMIT)
        play.pay("T-1", "86.40")
        play.decide(RESTORE)

    def refused(play: Play) -> None:
        drive(play, APPROVE)
        play.decide(APPROVE, outcome="refuse", reason="未见凭证")
        play.until("2026-09-01 00:00")

    def phoned(play: Play) -> None:
        for task in (DUNNING, LIMIT_NOTICE):
            drive(play, task)
            play.decide(task, method="phone")

    def left_lying(play: Play) -> None:
        """Somebody has work, and does nothing about it for two months."""
        drive(play, next((rung.task for rung in play.policy.ladder if rung.rung == "report"), DUNNING))
        play.until(play.now + 60 * DAY)

    def talked_to(play: Play) -> None:
        """By whoever may, and by whoever may not."""
        for role in ROLES:
            with suppress(Refused):
                play.instruct(RecordContact, by=Actor(id=role, roles=(role,)), when=play.now + HOUR, method="phone")

    return [
        lambda policy: told(policy, lambda play: drive(play, LIMIT), unreachable_by=("sms", "wechat")),
        to_the_end("resident", "2026-03-11 09:00"),
        to_the_end("organisation", "2026-03-11 09:00"),
        to_the_end("resident", "2026-03-11 23:30"),
        lambda policy: told(policy, lambda play: play.until("2026-08-01 00:00")),
        lambda policy: told(policy, paid_when_limited),
        lambda policy: told(policy, refused),
        lambda policy: told(policy, lambda play: play.until("2026-08-01 00:00"), amount="50.00"),
        lambda policy: told(policy, phoned, estate="gated"),
        lambda policy: told(policy, talked_to),
        lambda policy: told(policy, left_lying),
        goals_met,
    ]


def goals_met(policy: ArrearsPolicy) -> list[Any]:
    """Which shares of a hundred are recovery enough."""
    goals = policy.recovery
    return (
        [] if goals is None else [meets(n, 100, goal.value) for goal in (goals.month, goals.year) for n in range(101)]
    )


def drive(play: Play, key: str) -> None:
    """Live on the plain good way until a task of this kind is open, or for as long as something moves."""
    for _ in range(40):
        play.said += papers_of(play)  # read with what was said: a paper is what a customer is told
        if key in play.open():
            return
        if task := next(iter(play.facts.tasks.values()), None):
            play.decide(task.key, when=max(play.now, task.opened_at + HOUR))
        elif play.policy.ladder[1].rung == "contacts" and play.facts.contacts < 2:
            play.instruct(RecordContact, by=WANG, when=play.now + HOUR, method="phone")
        elif play.next_wake is not None:
            play.until(play.next_wake)


def papers_of(play: Play) -> list[Any]:
    """Every notice that could be made out now."""
    to = Addressee(name="王五", address="南京路1号", estate="open")
    return [
        notice(
            due=due,
            facts=play.facts,
            policy=play.policy,
            calendar=load_calendar(),
            utility="供水公司",
            addressee=to,
            at=play.now,
        )
        for due in notices_due(play.facts, play.policy)
    ]


def told(
    policy: ArrearsPolicy,
    life: Callable[[Play], object],
    *,
    when: str = "2026-03-11 09:00",
    amount: str = "86.40",
    customer_class: CustomerClass = "resident",
    unreachable_by: tuple[str, ...] = (),
    estate: Estate = "open",
) -> list[Any]:
    ledger: list[Bill] = [bill("B1", amount, "2026-03-10", recorded_at=when)]
    account = Account(no="0410023", customer_class=customer_class, estate=estate)
    facts = ArrearsFacts(
        case_no="QF-20260311-0001",
        pack="x",
        opened_at=at(when),
        as_of=at(when),
        account=account,
        ledger=tuple(ledger),
        ledger_position=1,
    )
    play = Play(
        policy=policy, calendar=load_calendar(), facts=facts, account=account, now=at(when), ledger=list(ledger)
    )
    play.unreachable_by = unreachable_by
    stuck: list[Any] = []
    try:
        play.say(CaseOpened(at=at(when), process="arrears", pack="x", subject=account.no))
        play.until(play.now)
        life(play)
    except (AssertionError, Refused, StopIteration, ValueError, IndexError, KeyError) as wrong:
        stuck.append(f"stuck: {type(wrong).__name__}")
    return [*_said(play), *stuck]


def _said(play: Play) -> Iterator[Any]:
    for event in play.said:
        yield event.model_dump(mode="json")
        if isinstance(event, MessageDue):
            yield (words := play.policy.messages.get(event.template)) and words.value


# Organisation.


def organisation_lives() -> list[Callable[[OrganisationPolicy], list[Any]]]:
    """A register of two small grids, looked through; and what is refused of it."""
    grids = [Grid(name="1", kind="reading-area", office="营业所"), Grid(name="2", kind="team-area", office="营业所")]
    whole: tuple[Role, ...] = ("collector", "representative")

    def holder(grid: str, person: str, **more: Any) -> Holder:
        given = {"grid": grid, "person": person, "post": "A", "roles": whole, "since": OPENED_AT.date()}
        return Holder.model_validate(given | {"work_phone": "13800000001", "wechat": True, "kind": "工程"} | more)

    registers = (
        [],
        [holder("1", "wang")],
        [holder("1", "wang"), holder("2", "wang")],
        [holder("1", "wang", work_phone=None)],
        [holder("1", "wang", wechat=False)],
        [holder("1", "wang", roles=("collector",)), holder("2", "li", roles=("representative",))],
    )

    def looked_through(policy: OrganisationPolicy) -> list[Any]:
        return [each.model_dump() for held in registers for each in departures(grids, held, policy)]

    def tried(policy: OrganisationPolicy) -> list[Any]:
        said: list[Any] = []
        for role in ROLES:
            for wanted in (
                holder("1", "li"),
                holder("1", "li", post="B"),
                *(holder("1", "li", kind=k) for k in "工营服"),
            ):
                try:
                    said.append(appointed(wanted, grids=grids, holders=[], by=(role,), policy=policy).model_dump())
                except Refused as refused:
                    said.append(str(refused))
        for kind in ("工程", "营销", "服务"):
            try:
                appointed(holder("1", "li", kind=kind), grids=grids, holders=[], by=("supervisor",), policy=policy)
            except Refused as refused:
                said.append(str(refused))
        try:
            refuse_unless_handed_over((), policy)
        except Refused as refused:
            said.append(str(refused))
        return said

    return [looked_through, tried]
