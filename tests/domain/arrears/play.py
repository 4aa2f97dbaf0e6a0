"""Plays one arrears case with the pure rules alone: the ledger, the clock, orders and people in one synchronous object.

It goes where `workflows/arrears_case.py` goes, and guards a limit where `store/orders.py` does: with the whole ledger,
whatever the case has heard of it. What only the engine has it cannot show: crashes, replays, two handlers at once.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal, TypeVar

from domain.account import (
    Account,
    Bill,
    Changed,
    Classed,
    CustomerClass,
    LedgerFact,
    Payment,
    Protected,
    Protection,
    Reversal,
    Standing,
    Void,
    standing,
)
from domain.arrears import commands, moves
from domain.arrears.consequences import say
from domain.arrears.events import (
    ArrearsEvent,
    HoldEnded,
    LadderRestarted,
    LimitNotPossible,
    LimitOrderIssued,
    LimitOrderRecalled,
    LimitOrderRefused,
    LimitWindowOpened,
    MessageHeld,
    MessageSettled,
    PeriodEnded,
)
from domain.arrears.facts import ArrearsFacts, Message
from domain.arrears.fold import heard
from domain.arrears.forms import ARREARS_TASKS, SETTLE_FINAL, WATCH_LIMITATION
from domain.arrears.interlock import Condition, Moment, interlock, unmet
from domain.arrears.ladder import IssueOrder, begins_anew, next_moment, next_step
from domain.arrears.policy import ArrearsPolicy, Limit
from domain.asking import opened as asked_for
from domain.asking import reasked
from domain.calendars import Calendar, PublishedYear
from domain.case import (
    CalendarPublished,
    CaseClosed,
    CaseOpened,
    CaseReopened,
    Event,
    StageEntered,
    TaskOpened,
    TaskWithdrawn,
    changed_task,
    moved_deadlines,
)
from domain.commands import Command, DecideTask
from domain.money import fen
from domain.pack_moves import MovePack
from domain.people import Actor
from domain.refusals import Refused
from domain.steps import Ask, Close, asked
from domain.tasks import Task
from domain.terms import due_at
from policies.packs import load_calendar
from tests.domain.arrears.openings import CASE_NO, DAY, HOUR, LI, PEOPLE, WANG, at, bill, plain, policy_of

E = TypeVar("E", bound=Event)
Fate = Literal["sent", "failed", "withdrawn", "unknown"]
PROMPT = timedelta(minutes=1)
MOMENTS: dict[tuple[str, str | None], Moment] = {
    ("arrears.approve-limit", "approve"): "decision",
    ("arrears.limit-pressure", "done"): "valve",
}


@dataclass
class Order:
    """A row of the store's limit orders."""

    fence: int
    status: Literal["issued", "done", "recalled", "unable"] = "issued"


@dataclass
class Play:
    """`asked` hears every answer of the interlock within its transaction, before the case does: () when it allows."""

    policy: ArrearsPolicy
    calendar: Calendar
    facts: ArrearsFacts
    account: Account
    now: datetime
    ledger: list[LedgerFact]
    stale: bool = False
    unreachable_by: tuple[str, ...] = ()
    orders: dict[str, Order] = field(default_factory=dict)
    said: list[ArrearsEvent] = field(default_factory=list)
    tasks: dict[str, Task] = field(default_factory=dict)
    asked: Callable[[Moment, datetime, tuple[str, ...]], None] = lambda _moment, _at, _unmet: None

    # What time brings.

    def until(self, to: datetime | str) -> "Play":
        """Live on to an instant; every moment on the way is said at its own, and acted on before the next."""
        to = at(to) if isinstance(to, str) else to
        self.settle()
        while (wake := self.next_wake) is not None and wake <= to:
            self.now = max(self.now, wake)
            self._wake()
        self.now = max(self.now, to)
        return self

    @property
    def next_wake(self) -> datetime | None:
        moment = self._next_moment()
        letters = [letter.not_before for letter in self._letters()]
        return min([*letters, *([moment.at] if moment else [])], default=None)

    def _wake(self) -> None:
        moment = self._next_moment()
        if moment is not None and moment.at <= self.now:
            if isinstance(moment, PeriodEnded | HoldEnded | LimitWindowOpened):
                self._read_ledger()
            if self._next_moment() == moment:
                self.say(moment)
        for letter in self._letters():
            quiet = self.policy.quiet_hours.value
            if letter.not_before > self.now:
                continue
            if self.now - letter.not_before >= PROMPT and quiet.contains(self.now):
                self.say(MessageHeld(at=self.now, key=letter.key, not_before=quiet.next_outside(self.now)))
                continue
            said = {"key": letter.key, "template": letter.template, "channel": letter.channel}
            at = max(letter.not_before, self.facts.as_of)
            self.say(MessageSettled(at=at, status=self._send(letter), **said))
        self.settle()

    def _letters(self) -> list[Message]:
        """Messages that wait to leave the building."""
        return list(self.facts.messages.values())

    def _send(self, letter: Message) -> Fate:
        """What becomes of a message that leaves the building."""
        return "failed" if letter.channel in self.unreachable_by else "sent"

    def _next_moment(self) -> Event | None:
        return next_moment(self.facts, self.policy, self.calendar)

    def publish(self, year: int, days: PublishedYear) -> None:
        """An operator publishes a year's days off."""
        self.calendar = self.calendar.published(year, days)
        self.say(CalendarPublished(at=self.now, year=year, days=days))
        for moved in moved_deadlines(self.facts.tasks.values(), calendar=self.calendar, at=self.now):
            self.say(moved)
        self.until(self.now)

    def move(self, to_pack: str, policy: ArrearsPolicy) -> None:
        """The case goes on under another version of its pack. Raises `Refused`."""
        said = {"from_pack": self.facts.pack, "to_pack": to_pack, "reason": "new rules", "policy": {}}
        command = MovePack(by=PEOPLE["administrator"], at=self.now, **said)
        moved = moves.moved(command, self.facts, self.policy, policy, self.calendar)
        self.policy = policy
        self.say(moved)
        step = next_step(self.facts, self.policy, self.calendar)
        for event in reasked(self.facts, step, ARREARS_TASKS, moved=moved, calendar=self.calendar):
            self.say(event)
        self.until(self.now)

    # What the ledger brings.

    def pay(
        self, reference: str, amount: str, *bills: str, paid_at: datetime | None = None, heard: bool = True
    ) -> None:
        paid_at = paid_at or self.now
        self.post(
            Payment(reference=reference, amount_fen=fen(amount), bills=bills, paid_at=paid_at, at=self.now), heard
        )

    def reverse(self, reference: str, *, heard: bool = True) -> None:
        self.post(Reversal(reference=reference, at=self.now), heard)

    def protect(self, *protected: Protection, heard: bool = True) -> None:
        self.account = self.account.model_copy(update={"protected": protected})
        self.post(Protected(protected=protected, at=self.now), heard)

    def classify(self, customer_class: CustomerClass, *, heard: bool = True) -> None:
        self.account = self.account.model_copy(update={"customer_class": customer_class})
        self.post(Classed(customer_class=customer_class, at=self.now), heard)

    def correct(self, void: Void, instead: Bill | None, heard: bool = True) -> None:
        """A bill taken back and the one in its place, at once."""
        if instead is not None:
            self.post(instead, heard=False)
        self.post(void, heard)

    def post(self, fact: LedgerFact, heard: bool = True) -> None:
        """Commit a fact, once however often it comes; `heard` when its nudge arrives at once."""
        if isinstance(fact, Protected | Classed) or _key(fact) not in {_key(known) for known in self.ledger}:
            self.ledger.append(fact)
        if heard:
            self.hear()

    def hear(self) -> None:
        """The nudge arrives. A closed case is opened again when money taken back has left it unpaid."""
        if self.facts.outcome is not None:
            taken_back = [f.at for f in self.ledger[self.facts.ledger_position :] if isinstance(f, Reversal)]
            if self.facts.outcome == "withdrawn" or not taken_back or not self._balance(max(taken_back)).overdue:
                return
            self.say(CaseReopened(at=min(taken_back), because="debt came back after closing"))
        self._read_ledger()
        self.until(self.now)

    def _read_ledger(self) -> None:
        known = self.facts.ledger_position
        news = [(position, fact) for position, fact in enumerate(self.ledger, 1) if position > known]
        for position, fact in sorted(news, key=lambda each: (each[1].at, each[0])):
            self._take_in(position, fact)

    def _take_in(self, position: int, fact: LedgerFact) -> None:
        while (moment := self._next_moment()) is not None and moment.at <= fact.at:
            self.say(moment)
        self.say(heard(position, fact))

    # What people do.

    def decide(
        self,
        key: str,
        *,
        by: Actor | None = None,
        when: datetime | str | None = None,
        subject: str | None = None,
        **form: Any,
    ) -> None:
        """Decide the open task of a kind the plain good way, or as `form` says. Raises `Refused`."""
        self.until(when or self.now)
        actor = by or PEOPLE[ARREARS_TASKS[key].role]
        command = DecideTask(by=actor, at=self.now, key=key, subject=subject, form=plain(key, **form))
        decided = commands.decide(command, self.facts)
        commands.refuse_limit_at_another_time(command, self.facts, self.policy, self.calendar)
        commands.refuse_sms_that_serves_nothing(command, self.policy)
        moment = MOMENTS.get((key, decided.outcome))
        if moment and (missing := self._ask_interlock(moment, at=self.now, approver=actor.id)):
            raise Refused("interlock", ", ".join(condition.key for condition in missing))
        self.say(decided)
        self.until(self.now)

    def instruct(self, kind: type[Command], *, by: Actor = LI, when: datetime | str | None = None, **said: Any) -> None:
        """Any other command; amounts in yuan. Raises `Refused`."""
        self.until(when or self.now)
        command: Any = kind(by=by, at=self.now, **said)
        for event in commands.events_of(command, self.facts, self.policy, self.calendar):
            self.say(event)
        self.until(self.now)

    def drive(self, key: str, *, each: timedelta = HOUR) -> "Play":
        """Live on the plain good way, each task decided `each` after it opened, until a task of this kind is open."""
        while key not in self.open():
            if task := next(iter(self.facts.tasks.values()), None):
                self.decide(task.key, when=max(self.now, task.opened_at + each))
            elif self.policy.ladder[1].rung == "contacts" and self.facts.contacts < 2:
                self.instruct(commands.RecordContact, by=WANG, when=self.now + each, method="phone")
            else:
                # A ladder that never asks for it goes on from review to review.
                near = self.next_wake is not None and self.next_wake < self.facts.opened_at + timedelta(days=3 * 365)
                assert near, f"nothing will ever open {key}"
                assert self.next_wake is not None
                self.until(self.next_wake)
        return self

    # What the case does.

    def say(self, event: Event) -> None:
        before = self.facts.tasks
        self.facts, said = say(self.facts, event, self.policy, self.calendar)  # type: ignore[arg-type]
        if begins_anew(self.facts, self.policy):
            restarted = LadderRestarted(at=self.facts.as_of)
            self.facts, more = say(self.facts, restarted, self.policy, self.calendar)
            said += more
        for each in said:
            self.said.append(each)
            if isinstance(each, TaskOpened):
                self.tasks[each.task.id] = each.task
            elif (task_id := getattr(each, "task_id", None)) is not None:
                self.tasks[task_id] = changed_task(self.tasks.get(task_id) or before[task_id], each)  # type: ignore[arg-type]
            elif isinstance(each, LimitOrderRecalled) and self.orders[each.order_no].status == "issued":
                self.orders[each.order_no].status = "recalled"
            elif isinstance(each, LimitNotPossible):
                self.orders[each.order_no].status = "unable"

    def settle(self) -> None:
        """Do what the facts call for, until they call for waiting."""
        while (step := next_step(self.facts, self.policy, self.calendar)) is not None:
            asks = asked(step)
            wanted = {(ask.key, ask.subject) for ask in asks}
            for task in self.facts.tasks.values():
                if (task.key, task.subject) not in wanted:
                    because = "no longer called for"
                    self.say(TaskWithdrawn(at=self.facts.as_of, task_id=task.id, key=task.key, because=because))
            there = {(task.key, task.subject) for task in self.facts.tasks.values()}
            missing = [ask for ask in asks if (ask.key, ask.subject) not in there]
            for ask in missing:
                self._open(ask)
            match step:
                case IssueOrder():
                    self._issue_order()
                case Close():
                    self.say(CaseClosed(at=self.facts.as_of, outcome=step.outcome))
                case _ if not missing:
                    return
                case _:
                    pass

    def _open(self, step: Ask) -> None:
        self.say(asked_for(step, facts=self.facts, kinds=ARREARS_TASKS, calendar=self.calendar))

    def _issue_order(self) -> None:
        rung, as_of = self._limit_rung, self.facts.as_of
        if self.now > as_of and not rung.window.value.contains(self.now, self.calendar):
            self.say(LimitOrderRefused(at=as_of, unmet=("window",), retry_at=self.now))
            return
        if not (missing := self._ask_interlock("issue", at=as_of)):
            no = self._order_no
            self.say(LimitOrderIssued(at=as_of, order_no=no, fence=self.orders[no].fence))
            return
        self._read_ledger()
        retry_at = due_at(term=rung.recheck.value, started_at=max(as_of, self.now), calendar=self.calendar).at
        keys = tuple(condition.key for condition in missing)
        self.say(LimitOrderRefused(at=self.facts.as_of, unmet=keys, retry_at=retry_at))

    # The store's transaction.

    def _ask_interlock(self, moment: Moment, *, at: datetime, approver: str | None = None) -> Sequence[Condition]:
        order = self.orders.get(self._order_no)
        latest = max((each.fence for each in self.orders.values()), default=0)
        conditions = interlock(
            moment=moment,
            facts=self.facts.model_copy(update={"account": self.account}),
            owed=self._balance(at),
            policy=self.policy,
            calendar=self.calendar,
            at=at,
            synced_at=at - timedelta(days=3) if self.stale else at,
            snapshot_is_current=True,
            fence_is_current=order is not None and order.status == "issued" and order.fence == latest,
            approver=approver,
        )
        missing = unmet(conditions)
        self.asked(moment, at, tuple(condition.key for condition in missing))
        if missing:
            return missing
        if moment == "issue":
            self.orders[self._order_no] = Order(fence=latest + 1)
        elif moment == "valve":
            self.orders[self._order_no].status = "done"
        return ()

    def _balance(self, at: datetime) -> Standing:
        """By the ledger itself; money and disputes that are here count, even at an instant before them."""
        facts = [_known(fact, at) for fact in self.ledger]
        disputes = [d.model_copy(update={"started_at": min(d.started_at, at)}) for d in self.facts.disputes]
        return standing(facts=facts, disputes=disputes, waived=self.facts.waived, as_of=at)

    @property
    def _order_no(self) -> str:
        return self.facts.order.no if self.facts.order else f"{CASE_NO}-L{self.facts.orders_issued + 1}"

    @property
    def _limit_rung(self) -> Limit:
        return next(rung for rung in self.policy.ladder if isinstance(rung, Limit))

    # What a test asks.

    def open(self) -> list[str]:
        """The keys of the tasks that are open."""
        return [task.key for task in self.facts.tasks.values()]

    def on_the_ladder(self) -> list[str]:
        """The same without those beside the ladder: of the years, of whoever left, and of what was declared open."""
        beside = (WATCH_LIMITATION.key, SETTLE_FINAL.key)
        return [task.key for task in self.facts.tasks.values() if task.key not in beside and task.subject is None]

    def task(self, key: str) -> Task:
        """The latest task of a kind, open or not."""
        return [task for task in self.tasks.values() if task.key == key][-1]

    def openings(self, key: str) -> list[datetime]:
        return [task.opened_at for task in self.tasks.values() if task.key == key]

    def heard(self, kind: type[E]) -> list[E]:
        """Everything of a kind that was said, in order."""
        return [event for event in self.said if isinstance(event, kind)]

    def stages(self) -> list[str]:
        return [entered.stage for entered in self.heard(StageEntered)]


def opened(
    *bills: Bill,
    pack: str = "jinan",
    when: str = "2026-03-11 09:00",
    customer_class: CustomerClass = "resident",
    protected: tuple[Protection, ...] = (),
    unreachable_by: tuple[str, ...] = (),
) -> Play:
    """A case just opened: by default one resident's bill of ¥86.40, a day overdue."""
    ledger: list[LedgerFact] = list(bills or (bill("B1", "86.40", f"{at(when) - DAY:%Y-%m-%d}", recorded_at=when),))
    account = Account(no="0410023", customer_class=customer_class, protected=protected)
    facts = ArrearsFacts(
        case_no=CASE_NO,
        pack=pack,
        opened_at=at(when),
        as_of=at(when),
        account=account,
        ledger=tuple(ledger),
        ledger_position=len(ledger),
    )
    play = Play(
        policy=policy_of(pack),
        calendar=load_calendar(),
        facts=facts,
        account=account,
        now=at(when),
        ledger=ledger,
        unreachable_by=unreachable_by,
    )
    play.say(CaseOpened(at=at(when), process="arrears", pack=pack, subject=account.no))
    return play.until(play.now)


def _known(fact: LedgerFact, at: datetime) -> LedgerFact:
    match fact:
        case Payment():
            return fact.model_copy(update={"paid_at": min(fact.paid_at, at)})
        case Changed():
            return fact.model_copy(update={"at": min(fact.at, at)})
        case _:
            return fact


def _key(fact: LedgerFact) -> tuple[str, str]:
    if isinstance(fact, Changed):
        return fact.kind, f"{fact.what}/{fact.changed_on}/{fact.bills}"
    return fact.kind, getattr(fact, "reference", "") or getattr(fact, "no", "")
