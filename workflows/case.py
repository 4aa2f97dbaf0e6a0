"""What every case shares as a running process: one door for changes, human tasks, time, and the record of it all.

A process adds its rules (pure, in `domain`) and its `run`. Handlers only check, say and wait; the loop of `run` alone
writes, so that what is said in one go is one record.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Generic, NoReturn, TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError

from workflows.movable_timer import MovableTimer

with workflow.unsafe.imports_passed_through():
    from activities.casebook import Casebook
    from domain.calendars import CHINA
    from domain.case import (
        CalendarPublished,
        CaseFacts,
        Event,
        TaskDecided,
        TaskOpened,
        TaskWithdrawn,
        changed_task,
        moved_deadlines,
    )
    from domain.clock import Interval
    from domain.commands import Command, DecideTask
    from domain.refusals import Refused
    from domain.tasks import Task, TaskKind
    from domain.terms import Term, due_at
    from store.casebook import Batch, Entry, Snapshot
    from workflows.messages import Answer, Carried, Opened, Publication

LOCAL: workflow.LocalActivityConfig = {
    "start_to_close_timeout": timedelta(seconds=30),
    "retry_policy": RetryPolicy(initial_interval=timedelta(milliseconds=200), maximum_interval=timedelta(seconds=10)),
}


Facts = TypeVar("Facts", bound=CaseFacts)
KEPT_KEYS = 500


class Case(ABC, Generic[Facts]):
    """A durable case. `facts` change through `say` alone; `written` puts what was said on record, in order."""

    kinds: dict[str, TaskKind]
    facts: Facts

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
        self._unwritten: list[Entry] = []
        self._touched: dict[str, Task] = {}

    # What a process brings.

    @abstractmethod
    def applied(self, event: Event) -> tuple[Facts, Sequence[Event]]:
        """The facts after an event and all it entails, and everything that was said."""

    @abstractmethod
    def next_moment(self) -> Event | None:
        """The next thing that time alone will bring."""

    @abstractmethod
    def snapshot(self) -> Snapshot:
        """The case as a whole, for the store."""

    @abstractmethod
    async def read_facts(self) -> None:
        """Re-read what the world has recorded since, and say it."""

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

    # Human tasks.

    async def ask(
        self,
        key: str,
        *,
        term: Term,
        clauses: tuple[str, ...] = (),
        counts_from: datetime | None = None,
        not_by: tuple[str, ...] = (),
        subject: str | None = None,
        while_: Callable[[], bool] = lambda: True,
    ) -> None:
        """Open a human task (or find it open) and wait until it is decided, or no longer called for by `while_`.

        Lateness is no answer: the task escalates and stays open. A task no longer called for is withdrawn.
        """
        task = self.facts.open_task(key, subject=subject)
        if task is None:
            task = self._open(key, term=term, clauses=clauses, counts_from=counts_from, not_by=not_by, subject=subject)
        task_id = task.id
        await self.until(lambda: task_id not in self.facts.tasks or not while_())
        if task_id in self.facts.tasks and not self.renewing:
            self.say(TaskWithdrawn(at=self.facts.as_of, task_id=task_id, key=key, because="no longer called for"))

    def _open(
        self,
        key: str,
        *,
        term: Term,
        clauses: tuple[str, ...],
        counts_from: datetime | None,
        not_by: tuple[str, ...],
        subject: str | None,
    ) -> Task:
        kind, at = self.kinds[key], self.facts.as_of
        task = Task(
            id=f"{self.opened.case_no}-{self.facts.tasks_opened + 1:02d}",
            key=key,
            role=kind.role,
            level=kind.level,
            opened_at=at,
            counts_from=counts_from or at,
            term=term,
            due=due_at(term=term, started_at=counts_from or at, calendar=self.calendar),
            clauses=clauses,
            subject=subject,
            not_by=not_by,
            clock=(Interval(party="utility", started_at=at),),
        )
        self.say(TaskOpened(at=at, clauses=clauses, task=task))
        return task

    # Messages.

    @workflow.signal
    def nudge(self) -> None:
        """Something was recorded about this case: read it. Carries nothing, so nothing in it can be wrong."""
        self.nudged = True

    @workflow.signal
    def calendar_published(self, publication: Publication) -> None:
        """Deadlines are projected again on the days now known."""
        self.calendar = self.calendar.published(publication.year, publication.days)
        said = CalendarPublished(at=publication.at, year=publication.year, days=publication.days)
        self.say(said)
        for moved in moved_deadlines(self.facts.tasks.values(), calendar=self.calendar, at=publication.at):
            self.say(moved)

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

    def _decision(self, command: DecideTask) -> TaskDecided:
        try:
            return self.decision(command)
        except Refused as refused:
            refuse(refused)

    @abstractmethod
    def decision(self, command: DecideTask) -> TaskDecided:
        """The decision a command makes. Raises `Refused`."""

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

    # The ends of a run.

    @property
    def renewing(self) -> bool:
        """Whether this run has grown so long that the case should go on in a new one."""
        info = workflow.info()
        return info.is_continue_as_new_suggested() or info.get_current_history_length() >= self.opened.renew_after

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
    """A refusal as the engine carries it: its code as the type, never retried."""
    raise ApplicationError(refused.message, type=refused.code, non_retryable=True) from None
