"""欠费催缴: notice, 15 or 30 days, pressure limit; settled or restored at any moment."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError

from activities.casebook import Casebook, LedgerQuestion
from activities.notices import LAST_TRY, Letter, Notices
from domain.account import Bill, LedgerFact
from domain.arrears import commands, moves
from domain.arrears.commands import ArrearsCommand
from domain.arrears.consequences import say
from domain.arrears.events import (
    HoldEnded,
    LadderRestarted,
    LimitOrderIssued,
    LimitOrderRefused,
    LimitWindowOpened,
    MessageHeld,
    MessageSettled,
    PeriodEnded,
    PressureLimited,
)
from domain.arrears.facts import ArrearsFacts, Message
from domain.arrears.fold import heard
from domain.arrears.forms import ARREARS_TASKS
from domain.arrears.interlock import Moment
from domain.arrears.ladder import IssueOrder, begins_anew, next_moment, next_step
from domain.arrears.policy import ArrearsPolicy, Limit
from domain.case import Event, PackMoved, TaskDecided
from domain.commands import DecideTask
from domain.pack_moves import MovePack
from domain.refusals import Refused
from domain.steps import Act, StandStill, Step
from domain.terms import due_at
from store.casebook import Snapshot
from store.orders import LimitAnswer, LimitRequest
from workflows.case import LOCAL, Case, once_a_change, refuse
from workflows.messages import Answer, ArrearsOpened, workflow_id

PROMPT = timedelta(minutes=1)
OUTSIDE: workflow.ActivityConfig = {
    "start_to_close_timeout": timedelta(seconds=30),
    "retry_policy": RetryPolicy(maximum_interval=timedelta(minutes=10), maximum_attempts=LAST_TRY + 5),
}


@workflow.defn
class ArrearsCase(Case[ArrearsFacts]):
    """欠费催缴. What comes next is `next_step`, a pure function of the pack's ladder and the case's facts."""

    kinds = ARREARS_TASKS

    @workflow.init
    def __init__(self, opened: ArrearsOpened) -> None:
        super().__init__(opened)
        self.opened: ArrearsOpened = opened
        self.policy = opened.policy
        self.sending: dict[str, asyncio.Task[None]] = {}
        self.held_to: dict[str, datetime] = {}
        self.facts = ArrearsFacts.model_validate(opened.carried.facts) if opened.carried else first_facts(opened)

    @workflow.run
    async def run(self, opened: ArrearsOpened) -> str:
        bills = [fact.no for _, fact in opened.ledger if isinstance(fact, Bill)]
        self.begin(process="arrears", subject=opened.account.no, about={"bills": bills})
        for event in opened.stands if opened.carried is None else ():
            self.say(event)
        return await self.walk()

    async def act(self, step: Act) -> None:
        match step:
            case IssueOrder():
                await self.issue_order()

    async def issue_order(self) -> None:
        """One transaction decides; what it refuses is tried again when the pack says, or when the facts change."""
        await self.written()
        limit, at = self.limit_rung, self.facts.as_of
        if self.now > at and not limit.window.value.contains(self.now, self.calendar):
            # Woken too late: the window that opened has closed again.
            self.say(LimitOrderRefused(at=at, unmet=("window",), retry_at=self.now))
            return
        answer = await self.ask_interlock("issue", at=at)
        if answer.allowed and answer.fence is not None:
            self.say(
                LimitOrderIssued(at=at, order_no=self.next_order_no, fence=answer.fence, clauses=limit.term.clauses)
            )
            return
        await self.read_facts()
        retry_at = due_at(term=limit.recheck.value, started_at=max(at, self.now), calendar=self.calendar).at
        unmet = tuple(condition.key for condition in answer.unmet)
        self.say(LimitOrderRefused(at=self.facts.as_of, unmet=unmet, retry_at=retry_at))

    def comes_back(self) -> bool:
        owed = self.facts.owed()
        return owed.own > 0 or not set(owed.left_behind) <= set(self.facts.referred_bills)

    @property
    def busy(self) -> bool:
        return bool(self.sending)

    # What people may do.

    @workflow.update
    async def instruct(self, command: ArrearsCommand) -> Answer:
        """Record a contact, dispute, hold, plan, promise, pause and the like."""
        return await self.carry_out(
            command, lambda: commands.events_of(command, self.facts, self.policy, self.calendar)
        )

    @instruct.validator
    def _check_instruction(self, command: ArrearsCommand) -> None:
        self.check(lambda: commands.events_of(command, self.facts, self.policy, self.calendar))

    def decision(self, command: DecideTask) -> TaskDecided:
        return commands.decide(command, self.facts)

    def at_the_door(self, command: DecideTask) -> None:
        commands.refuse_limit_at_another_time(command, self.facts, self.policy, self.calendar)
        commands.refuse_sms_that_serves_nothing(command, self.policy)

    async def before_decision(self, command: DecideTask) -> None:
        """The interlock at the decision and at the valve: one transaction says whether the form may stand."""
        try:
            decision = self.decision(command)
        except Refused as refused:
            refuse(refused)
        moments: dict[tuple[str, str | None], Moment] = {
            ("arrears.approve-limit", "approve"): "decision",
            ("arrears.limit-pressure", "done"): "valve",
        }
        moment = moments.get((decision.key, decision.outcome))
        if moment is None:
            return
        order = self.facts.order
        answer = await self.ask_interlock(moment, at=command.at, approver=command.by.id)
        if not answer.allowed:
            words = "; ".join(f"{condition.en} / {condition.zh}" for condition in answer.unmet)
            refuse(Refused("interlock", f"not met or unknown: {words}"))
        if moment == "valve" and order is not None and self.facts.order is None:
            # Done at the valve before the recall was heard: it stands on record, and the open restore undoes it.
            self.say(PressureLimited(at=command.at, by=command.by.id, order_no=order.no))

    async def ask_interlock(self, moment: Moment, *, at: datetime, approver: str | None = None) -> LimitAnswer:
        """Asked on the latest record; asked again when only the record moved on in the meantime."""
        for _ in range(5):
            await workflow.wait_condition(lambda: self.recorded == self.sequence)
            request = self.limit_request(moment, at=at, approver=approver)
            answer = await workflow.execute_local_activity_method(Casebook.ask_interlock, request, **LOCAL)
            if [condition.key for condition in answer.unmet] != ["record-current"]:
                break
        return answer

    def limit_request(self, moment: Moment, *, at: datetime, approver: str | None) -> LimitRequest:
        return LimitRequest(
            moment=moment,
            case_no=self.opened.case_no,
            account_no=self.opened.account.no,
            sequence=self.recorded,
            policy=self.policy,
            calendar=self.calendar,
            at=at,
            order_no=self.facts.order.no if self.facts.order else self.next_order_no,
            approver=approver,
        )

    def move(self, command: MovePack) -> tuple[PackMoved, ArrearsPolicy]:
        policy = ArrearsPolicy.model_validate(command.policy)
        return moves.moved(command, self.facts, self.policy, policy, self.calendar), policy

    # What time and the ledger bring.

    def applied(self, event: Event) -> tuple[ArrearsFacts, Sequence[Event]]:
        facts, said = say(self.facts, event, self.policy, self.calendar)  # type: ignore[arg-type]
        # A patch each time: a case that an earlier build left limited for such a debt is mended by what it hears next.
        if begins_anew(facts, self.policy) and workflow.patched(f"told-apart-{self.sequence}"):
            facts, more = say(facts, LadderRestarted(at=facts.as_of), self.policy, self.calendar)
            said += more
        return facts, said

    @once_a_change
    def next_step(self) -> Step | None:
        return next_step(self.facts, self.policy, self.calendar)

    @once_a_change
    def next_moment(self) -> Event | None:
        return next_moment(self.facts, self.policy, self.calendar)

    def reads_first(self, moment: Event) -> bool:
        """A period that ends is judged on the ledger as of its end."""
        return isinstance(moment, PeriodEnded | HoldEnded | LimitWindowOpened)

    async def read_facts(self) -> None:
        """Take in what the ledger has since, in order of time, between the moments that came before it."""
        self.nudged = False
        question = LedgerQuestion(account_no=self.opened.account.no, after=self.facts.ledger_position)
        answer = await workflow.execute_local_activity_method(Casebook.read_ledger, question, **LOCAL)
        for position, fact in sorted(answer.facts, key=lambda each: (each[1].at, each[0])):
            if position > self.facts.ledger_position:
                self.take_in(position, fact)

    def take_in(self, position: int, fact: LedgerFact) -> None:
        while (moment := self.next_moment()) is not None and moment.at <= fact.at:
            self.say(moment)
        self.say(heard(position, fact))

    # Messages leave the building beside the ladder, never on it.

    def wakes(self) -> list[datetime]:
        messages = self.facts.messages.values()
        return [self.goes_at(message) for message in messages if message.key not in self.sending]

    def goes_at(self, message: Message) -> datetime:
        return self.held_to.get(message.key, message.not_before)

    def wake_up(self) -> None:
        for key, message in self.facts.messages.items():
            if key in self.sending or self.goes_at(message) > self.now:
                continue
            if self.comes_late_at_night(message):
                morning = self.policy.quiet_hours.value.next_outside(self.now)
                if workflow.patched("held-on-record"):
                    self.say(MessageHeld(at=self.now, key=key, not_before=morning))
                else:
                    self.held_to[key] = morning
                continue
            self.sending[key] = asyncio.create_task(self.send(message))

    def comes_late_at_night(self, message: Message) -> bool:
        """Whether nobody was there to send a message when it was due, and now the customer is asleep."""
        late = self.now - self.goes_at(message) >= PROMPT
        return late and self.policy.quiet_hours.value.contains(self.now) and workflow.patched("quiet-when-late")

    async def send(self, message: Message) -> None:
        goes_at = self.goes_at(message)
        letter = Letter(
            case_no=self.opened.case_no,
            account_no=self.opened.account.no,
            pack=self.opened.pack,
            key=message.key,
            template=message.template,
            channel=message.channel,
            amount_fen=self.facts.owed().own,
            at=goes_at if self.now - goes_at < PROMPT else self.now,
        )
        try:
            delivery = await workflow.execute_activity_method(Notices.send, letter, **OUTSIDE)
            status, detail = delivery.status, delivery.detail
        except ActivityError:
            status, detail = "unknown", "the provider did not answer"
        if status == "sent" or message.key in self.facts.messages:
            self.say(
                MessageSettled(
                    at=max(letter.at, self.facts.as_of),
                    key=message.key,
                    template=message.template,
                    channel=message.channel,
                    status=status,
                    detail=detail,
                )
            )
        del self.sending[message.key]

    # The record.

    @property
    def limit_rung(self) -> Limit:
        return next(rung for rung in self.policy.ladder if isinstance(rung, Limit))

    @property
    def next_order_no(self) -> str:
        return f"{self.opened.case_no}-L{self.facts.orders_issued + 1}"

    @property
    def projected_wake(self) -> datetime | None:
        """A message on its way counts too, until its fate is known."""
        on_their_way = [self.goes_at(message) for message in self.facts.messages.values()]
        wake = super().projected_wake
        return min([*on_their_way, *([wake] if wake else [])], default=None)

    def snapshot(self) -> Snapshot:
        step, owed = self.next_step(), self.facts.owed()
        return Snapshot(
            process="arrears",
            subject=self.opened.account.no,
            workflow_id=workflow_id("arrears", self.opened.account.no),
            pack=self.opened.pack,
            stage=self.facts.stage,
            outcome=self.facts.outcome,
            standing=step.because if isinstance(step, StandStill) else None,
            amount_fen=owed.overdue,
            opened_at=self.opened.opened_at,
            closed_at=self.facts.as_of if self.facts.outcome else None,
            next_wake=self.projected_wake,
            ledger_position=self.facts.ledger_position,
            facts=self.facts.model_dump(mode="json"),
        )


def first_facts(opened: ArrearsOpened) -> ArrearsFacts:
    """A new case: the account's ledger as its door read it, and nothing said yet."""
    return ArrearsFacts(
        case_no=opened.case_no,
        pack=opened.pack,
        opened_at=opened.opened_at,
        as_of=opened.opened_at,
        account=opened.account,
        ledger=tuple(fact for _, fact in opened.ledger),
        ledger_position=max((position for position, _ in opened.ledger), default=0),
    )
