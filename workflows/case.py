"""What every case shares as a running process: one door for changes, human tasks, time, and the record of it all.

A process adds its rules (pure, in `domain`) and its `run`. Handlers only check, say and wait; the loop of `run` alone
writes, so that what is said in one go is one record.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Generic, NoReturn, TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError

from activities.casebook import Casebook
from domain.asking import not_called_for, not_open, opened, reasked
from domain.calendars import CHINA
from domain.case import (
    CalendarPublished,
    CaseClosed,
    CaseFacts,
    CaseOpened,
    CaseReopened,
    Event,
    PackMoved,
    TaskDecided,
    TaskOpened,
    changed_task,
    moved_deadlines,
)
from domain.commands import Command, DecideTask
from domain.pack_moves import MovePack
from domain.refusals import Refused
from domain.steps import Act, Ask, Calls, Close, StandStill, Step, asked
from domain.tasks import Task, TaskKind
from store.casebook import Batch, Entry, Snapshot
from workflows.messages import Answer, Carried, Opened, Publication
from workflows.movable_timer import MovableTimer

LOCAL: workflow.LocalActivityConfig = {
    "start_to_close_timeout": timedelta(seconds=30),
    "retry_policy": RetryPolicy(initial_interval=timedelta(milliseconds=200), maximum_interval=timedelta(seconds=10)),
}


Facts = TypeVar("Facts", bound=CaseFacts)
T = TypeVar("T")
KEPT_KEYS = 500


def once_a_change(rule: Callable[[Any], T]) -> Callable[[Any], T]:
    """A pure rule of a case's facts, policy and calendar, asked anew only when one of them is another.

    A case asks what it calls for whenever anything stirs, some thirty times for four records.
    """

    def ask(case: "Case[Any]") -> T:
        given = (case.facts, case.policy, case.calendar)
        known = case.answers.get(rule.__name__)
        if known is None or any(now is not then for now, then in zip(given, known[0], strict=True)):
            known = case.answers[rule.__name__] = (given, rule(case))
        answer: T = known[1]
        return answer

    return ask


class Case(ABC, Generic[Facts]):
    """A durable case. `facts` change through `say` alone; `written` puts what was said on record, in order."""

    kinds: dict[str, TaskKind]
    facts: Facts
    policy: Any

    def __init__(self, opened: Opened) -> None:
        carried = opened.carried
        self.opened = opened
        self.calendar = opened.calendar
        self.sequence = carried.sequence if carried else 0
        self.run_no = carried.run if carried else 1
        self.processed: dict[str, int] = dict.fromkeys(carried.processed, 0) if carried else {}
        self.alarm = MovableTimer()
        self.nudged = False
        self.recorded = self.sequence
        self.answers: dict[str, tuple[tuple[Any, ...], Any]] = {}
        self._unwritten: list[Entry] = []
        self._touched: dict[str, Task] = {}

    # What a process brings.

    @abstractmethod
    def applied(self, event: Event) -> tuple[Facts, Sequence[Event]]:
        """The facts after an event and all it entails, and everything that was said."""

    @abstractmethod
    def next_step(self) -> Step | None:
        """What the case calls for now; None when it has ended."""

    @abstractmethod
    def next_moment(self) -> Event | None:
        """The next thing that time alone will bring."""

    @abstractmethod
    def snapshot(self) -> Snapshot:
        """The case as a whole, for the store."""

    async def read_facts(self) -> None:
        """Re-read what the world has recorded since, and say it. A case that has no such facts only wakes up."""
        self.nudged = False

    def reads_first(self, moment: Event) -> bool:
        """Whether the world is read again, as of its instant, before a moment is said."""
        return False

    def wakes(self) -> list[datetime]:
        """Instants besides the next moment at which this case has something to do."""
        return []

    def wake_up(self) -> None:
        """Do what is due at those instants."""

    # Time.

    @property
    def now(self) -> datetime:
        """Business time. For waking up; what happened is stamped by its message or its term."""
        return (workflow.now() + self.opened.shift).astimezone(CHINA)

    @property
    def next_wake(self) -> datetime | None:
        moment = self.next_moment()
        return min([*self.wakes(), *([moment.at] if moment else [])], default=None)

    @property
    def projected_wake(self) -> datetime | None:
        """The next wake as others see it; now, when the case is about to act by itself."""
        return self.facts.as_of if isinstance(self.next_step(), Act | Close) else self.next_wake

    # The one door.

    def say(self, event: Event) -> None:
        """Apply an event to the facts, and queue it and all it entails for the record."""
        before = self.facts.tasks
        self.facts, said = self.applied(event)
        for each in said:
            self._touch(each, before)
            self.sequence += 1
            body = each.model_dump(mode="json", exclude={"event", "at", "by", "clauses"})
            name: str = getattr(each, "event")  # noqa: B009 - each kind of event declares its own literal
            self._unwritten.append(
                Entry(sequence=self.sequence, event=name, at=each.at, by=each.by, clauses=each.clauses, body=body)
            )

    def _touch(self, event: Event, before: dict[str, Task]) -> None:
        if isinstance(event, TaskOpened):
            self._touched[event.task.id] = event.task
        elif (task_id := getattr(event, "task_id", None)) is not None:
            task = self._touched.get(task_id) or before.get(task_id) or self.facts.tasks[task_id]
            self._touched[task_id] = changed_task(task, event)  # type: ignore[arg-type]

    async def written(self) -> None:
        """Put everything said so far on record. Called by the loop of `run` alone."""
        while self._unwritten:
            said, touched, through = tuple(self._unwritten), tuple(self._touched.values()), self.sequence
            self._unwritten, self._touched = [], {}
            batch = Batch(
                case_no=self.opened.case_no,
                run=self.run_no,
                history=workflow.info().get_current_history_length(),
                entries=said,
                snapshot=self.snapshot(),
                tasks=touched,
            )
            await workflow.execute_local_activity_method(Casebook.record, batch, **LOCAL)
            self.recorded = through

    # Waiting.

    async def until(self, over: Callable[[], bool]) -> None:
        """Live on until `over()`: write, wake at the next moment, take in facts. Ends early when the run must renew."""
        while not over() and not self.renewing:
            await self.written()
            if over():
                return
            self.alarm.move(to=self.next_wake, now=self.now)
            await workflow.wait_condition(lambda: bool(self._unwritten) or self.nudged or self.alarm.rang or over())
            if self.nudged:
                await self.read_facts()
            await self.catch_up(self.now)
            self.wake_up()

    async def catch_up(self, to: datetime) -> None:
        """Say every moment that has come by `to`, each at its own instant."""
        while (moment := self.next_moment()) is not None and moment.at <= to:
            if self.reads_first(moment):
                await self.read_facts()
                if self.next_moment() != moment:
                    continue
            self.say(moment)

    # What is called for.

    async def walk(self) -> str:
        """Do what the facts call for, one step after the other, until nothing is called for any more."""
        while True:
            while (step := self.next_step()) is not None:
                await self.take(step)
                if self.renewing:
                    await self.renew()
            if await self.ended():
                return self.facts.outcome or "closed"

    async def take(self, step: Step) -> None:
        """Ask, wait or act until the facts call for something else. Lateness is no answer: it is an event."""
        match step:
            case Ask() | Calls() | StandStill():
                self.call_for(step)
                await self.until(lambda: self.next_step() != step or self.answered(step))
            case Close():
                self.call_for(step)
                await self.until(lambda: not self.busy or self.next_step() != step)
                if not self.busy and self.next_step() == step:
                    self.say(CaseClosed(at=self.facts.as_of, outcome=step.outcome))
            case Act():
                self.call_for(step)
                await self.act(step)

    def call_for(self, step: Step) -> None:
        """Open each task that the step asks for and is not open; withdraw each that is open and not asked for."""
        for withdrawn in not_called_for(self.facts, step):
            self.say(withdrawn)
        for ask in not_open(self.facts, step):
            self.say(opened(ask, facts=self.facts, kinds=self.kinds, calendar=self.calendar))

    def answered(self, step: Step) -> bool:
        """Whether a task of the step was decided. A node with defects is asked for again by the very same step."""
        open_now = {(task.key, task.subject) for task in self.facts.tasks.values()}
        return any((ask.key, ask.subject) not in open_now for ask in asked(step))

    @property
    def busy(self) -> bool:
        """Whether something that left the building is still on its way: a case ends only after its effects."""
        return False

    async def act(self, step: Act) -> None:
        """Carry out what the case does by itself."""
        raise NotImplementedError(f"{type(self).__name__} has no act {type(step).__name__}")

    # Messages.

    @workflow.signal
    def nudge(self) -> None:
        """Something was recorded about this case: read it. Carries nothing, so nothing in it can be wrong."""
        self.nudged = True

    @workflow.signal
    def calendar_published(self, publication: Publication) -> None:
        """Deadlines are projected again on the days now known. The same word a second time says nothing."""
        heard = self.calendar.years.get(publication.year) == publication.days
        if heard and workflow.patched("calendar-heard-once"):
            return
        self.calendar = self.calendar.published(publication.year, publication.days)
        said = CalendarPublished(at=publication.at, year=publication.year, days=publication.days)
        self.say(said)
        for moved in moved_deadlines(self.facts.tasks.values(), calendar=self.calendar, at=publication.at):
            self.say(moved)

    @workflow.update
    async def move_pack(self, command: MovePack) -> Answer:
        """Go on under another version of the pack. A case that has it already says nothing."""
        if self._repeated():
            return self._answer()
        await self.catch_up(command.at)
        if self.facts.pack != command.to_pack:
            moved, policy = self._move(command)
            self.pin(command.to_pack, policy)
            self.say(moved)
            for event in reasked(self.facts, self.next_step(), self.kinds, moved=moved, calendar=self.calendar):
                self.say(event)
        return await self._carried_out()

    @move_pack.validator
    def _check_move(self, command: MovePack) -> None:
        if not self._repeated() and self.facts.pack != command.to_pack:
            self._move(command)

    def _move(self, command: MovePack) -> tuple[PackMoved, Any]:
        try:
            return self.move(command)
        except Refused as refused:
            refuse(refused)

    @abstractmethod
    def move(self, command: MovePack) -> tuple[PackMoved, Any]:
        """What is said of a move, and the policy that it pins. Raises `Refused`."""

    def pin(self, pack: str, policy: Any) -> None:
        """From here on, and in every run to come, these are the case's rules."""
        self.policy = policy
        self.opened = self.opened.model_copy(update={"pack": pack, "policy": policy})

    @workflow.update
    async def decide(self, command: DecideTask) -> Answer:
        """Decide an open task. Refused without a trace in history when the rules say no."""
        if self._repeated():
            return self._answer()
        await self.catch_up(command.at)
        await self.before_decision(command)
        self.say(self._decision(command))
        return await self._carried_out()

    @decide.validator
    def _check_decision(self, command: DecideTask) -> None:
        if not self._repeated():
            self._decision(command)
            try:
                self.at_the_door(command)
            except Refused as refused:
                refuse(refused)

    def _decision(self, command: DecideTask) -> TaskDecided:
        try:
            return self.decision(command)
        except Refused as refused:
            refuse(refused)

    @abstractmethod
    def decision(self, command: DecideTask) -> TaskDecided:
        """The decision a command makes. Raises `Refused`."""

    def at_the_door(self, command: DecideTask) -> None:
        """What only a new decision is judged by, and one that is on record never again. Raises `Refused`."""

    async def before_decision(self, command: DecideTask) -> None:
        """A check that needs the world. Raises `ApplicationError` with a refusal code."""

    async def carry_out(self, command: Command, rule: Callable[[], Sequence[Event]]) -> Answer:
        """Say what a command makes happen, once, and wait until it is on record."""
        if self._repeated():
            return self._answer()
        await self.catch_up(command.at)
        for event in self.ruled(rule):
            self.say(event)
        return await self._carried_out()

    def check(self, rule: Callable[[], Sequence[Event]]) -> None:
        """For validators: raise the refusal, change nothing."""
        if not self._repeated():
            self.ruled(rule)

    def ruled(self, rule: Callable[[], Sequence[Event]]) -> Sequence[Event]:
        try:
            return rule()
        except Refused as refused:
            refuse(refused)

    def _repeated(self) -> bool:
        update = workflow.current_update_info()
        return update is not None and update.id in self.processed

    def _answer(self) -> Answer:
        return Answer(case_no=self.opened.case_no, sequence=self.sequence, stage=self.facts.stage)

    async def _carried_out(self) -> Answer:
        update = workflow.current_update_info()
        if update is not None:
            self.processed[update.id] = self.sequence
        through = self.sequence
        await workflow.wait_condition(lambda: self.recorded >= through)
        return self._answer()

    # The beginning and the ends of a run.

    def begin(self, *, process: str, subject: str, about: dict[str, Any]) -> None:
        """Say that the case is open; in a later run nothing, unless something has opened it again."""
        carried = self.opened.carried
        if carried is None:
            at, pack = self.opened.opened_at, self.opened.pack
            self.say(CaseOpened(at=at, process=process, pack=pack, subject=subject, about=about))
            return
        if carried.reopened_at is not None:
            self.say(CaseReopened(at=carried.reopened_at, by=carried.reopened_by, because=carried.reopened_because))
        self.nudged = True  # one that the run before had no time for must not be lost

    @property
    def renewing(self) -> bool:
        """Whether this run has grown so long that the case should go on in a new one."""
        info = workflow.info()
        return info.is_continue_as_new_suggested() or info.get_current_history_length() >= self.opened.renew_after

    async def renew(self) -> None:
        """Continue as new with the facts, the record's sequence and the commands already carried out."""
        await workflow.wait_condition(lambda: not self.busy)
        await self.settled()
        workflow.continue_as_new(self.opened.model_copy(update={"carried": self.carried(), "calendar": self.calendar}))

    async def ended(self) -> bool:
        """Whether the case is over for good: all on record, and nothing heard in the meantime that takes it back."""
        await self.settled()
        if self.nudged:
            await self.read_facts()
            if self.comes_back():
                self.say(CaseReopened(at=self.facts.as_of, because="something came back while closing"))
                return False
            await self.settled()
        return True

    def comes_back(self) -> bool:
        """Whether a case that has closed is called for again by what was read."""
        return False

    async def settled(self) -> None:
        """Everything on record and every handler answered: safe to end the run or to go on in a new one."""
        await self.written()
        while not workflow.all_handlers_finished():
            await workflow.wait_condition(lambda: bool(self._unwritten) or workflow.all_handlers_finished())
            await self.written()

    def carried(self) -> Carried:
        """What the next run needs of this one."""
        return Carried(
            facts=self.facts.model_dump(mode="json"),
            sequence=self.sequence,
            run=self.run_no + 1,
            processed=tuple(self.processed)[-KEPT_KEYS:],
        )


def refuse(refused: Refused) -> NoReturn:
    """A refusal as the engine carries it: its code as the type, its Chinese words beside, never retried."""
    raise ApplicationError(refused.message, refused.zh, type=refused.code, non_retryable=True) from None
