"""Whatever people, banks and clocks do in whatever order: the invariants hold after every step.

The reference is told what the world did; where it and the rules disagree, one of them is wrong.
"""

import random
from datetime import datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from domain.account import Bill, Payment, Reversal, standing
from domain.arrears.commands import (
    AgreePlan,
    DisputeBills,
    PlaceHold,
    RecordContact,
    ReleaseHold,
    ResolveDispute,
    TakePromise,
    WithdrawCase,
)
from domain.arrears.events import (
    ClassChanged,
    ClockStopped,
    ClockWentOn,
    LadderRestarted,
    LimitNotPossible,
    LimitOrderIssued,
    MessageSettled,
    NonpayerReported,
    NoticeOverstated,
    NoticeServed,
    PressureLimited,
    ValveFoundUntouched,
    WaterRestored,
)
from domain.arrears.facts import ArrearsFacts
from domain.arrears.interlock import Moment
from domain.arrears.policy import Limit, Wait
from domain.case import CaseReopened, StageEntered
from domain.commands import PauseTask, ResumeTask
from domain.money import yuan
from domain.refusals import Refused
from tests.domain.arrears.openings import (
    APPROVE,
    CHEN,
    DAY,
    DUNNING,
    HOUR,
    LIMIT,
    LIMIT_NOTICE,
    PEOPLE,
    REPORT,
    RESTORE,
    SECOND,
    WANG,
    at,
    bill,
)
from tests.domain.arrears.play import Play, opened
from tests.domain.arrears.reference import Contest, Debt, Money, Reference, Standstill, Told

FORWARD = ["reminded", "notified", "grace", "limit-notified", "limited"]
OF_THE_ACCOUNT = {"debt", "debt-told", "ledger-current", "no-hold", "no-plan", "not-protected", "not-withdrawn"}
OTHERWISE: dict[str, list[dict[str, Any]]] = {
    DUNNING: [{"outcome": "failed", "reason": "nobody in"}],
    LIMIT_NOTICE: [{"outcome": "failed", "reason": "nobody in"}],
    APPROVE: [{"outcome": "refuse", "reason": "no"}, {"outcome": "defer", "until": "2026-06-01"}],
    LIMIT: [{"outcome": "unable", "reason": "locked door"}],
    RESTORE: [{"outcome": "valve-untouched"}],
    "arrears.refer-legal": [{"outcome": "keep"}],
}
around = st.sampled_from([-SECOND, timedelta(0), SECOND])
amounts = st.sampled_from([100, 3640, 3639, 5000, 5001, 8640, 9000, 20_000])
days = st.integers(1, 40)


class AnAccountInArrears(RuleBasedStateMachine):
    """One account's case, and everything that may happen to it."""

    @initialize(
        pack=st.sampled_from(["jinan", "kaifeng"]),
        customer_class=st.sampled_from(["resident", "organisation"]),
        so_far=st.sampled_from([None, LIMIT_NOTICE, APPROVE, LIMIT, LIMIT, RESTORE]),
        two=st.booleans(),
    )
    def opens(self, pack: str, customer_class: Any, so_far: str | None, two: bool) -> None:
        bills = [bill("B1", "86.40", "2026-03-10"), *([bill("B2", "90.00", "2026-03-05")] if two else [])]
        self.play: Play = self.case(bills, pack, customer_class)
        self.play.asked = self.judge
        self.reference = Reference(calendar=self.play.calendar)
        self.customer_class: str = customer_class
        self.kept: dict[str, int] = {}
        self.overstated = False
        for position, each in enumerate(bills, 1):
            self.reference.bills[each.no] = Debt(each.amount_fen, each.due_on, position, each.at)
        self.seen = 0
        self.stage: str | None = None
        self.settled = False
        self.sent: set[tuple[int, str, str]] = set()
        self.round = 1
        self.fence = 0
        self.touched = False
        self.put_back = False
        self.learn()
        while so_far is not None and so_far not in self.play.open():
            self.forward()
            if so_far == RESTORE and self.touched and self.play.facts.limited_at is not None:
                break

    def case(self, bills: list[Bill], pack: str, customer_class: Any) -> Play:
        """The case that is opened: here with the rules alone."""
        return opened(*bills, pack=pack, customer_class=customer_class)

    # What the world does.

    @rule(hours=st.integers(1, 24 * 12))
    def time_passes(self, hours: int) -> None:
        self.live(self.play.now + HOUR * hours)

    @rule(offset=around)
    def the_next_moment_comes(self, offset: timedelta) -> None:
        if (wake := self.play.next_wake) is not None:
            self.live(wake + offset)

    @rule(by=st.sampled_from([-DAY, -HOUR, HOUR, DAY]))
    def the_clock_is_put(self, by: timedelta) -> None:
        """Forward, everything on the way is there at once; back, what has happened stays, and is stamped later."""
        self.put_back = self.put_back or by < timedelta()
        self.play.now += by
        self.live(self.play.now)

    @rule(offset=around)
    def a_deadline_comes(self, offset: timedelta) -> None:
        for task in self.play.facts.tasks.values():
            if task.due_at is not None:
                self.live(task.due_at + offset)

    @precondition(lambda self: self.is_open)
    @rule()
    def forward(self) -> None:
        """The next good thing: a task decided, a contact made, or the next moment."""
        self.live(self.play.now)
        if (keys := self.play.open()) and self.play.task(keys[0]).pause is None:
            self.live(self.play.now + HOUR)
            if keys == self.play.open():
                self.decide(keys[0])
        elif "contacts" in [rung.rung for rung in self.play.policy.ladder] and self.play.facts.contacts < 2:
            self.a_contact(reached=True)
        elif (wake := self.play.next_wake) is not None:
            self.live(wake)

    @precondition(lambda self: bool(self.play.open()))
    @rule(which=st.integers(0, 1))
    def a_task_goes_another_way(self, which: int) -> None:
        key = self.play.open()[0]
        ways = OTHERWISE.get(key, [{}])
        self.decide(key, **ways[which % len(ways)])

    @precondition(lambda self: bool(self.play.open()))
    @rule()
    def somebody_with_two_hats_decides(self) -> None:
        self.decide(self.play.open()[0], by=CHEN)

    @precondition(lambda self: self.is_open)
    @rule(amount=amounts, named=st.sampled_from([(), ("B1",), ("B2",)]), late=st.integers(0, 72), heard=st.booleans())
    def money_comes(self, amount: int, named: tuple[str, ...], late: int, heard: bool) -> None:
        self.receive(amount, tuple(no for no in named if no in self.reference.bills), late, heard)

    @precondition(lambda self: self.is_open)
    @rule(late=st.integers(0, 72), heard=st.booleans(), short=st.sampled_from([0, 0, 1, 5000, 5001]))
    def everything_is_paid_or_nearly(self, late: int, heard: bool, short: int) -> None:
        owed, _ = self.reference.owed(self.play.now)
        if owed > short:
            self.receive(owed - short, (), late, heard)

    def receive(self, amount: int, named: tuple[str, ...], late: int, heard: bool) -> None:
        now, reference = self.play.now, f"T{len(self.play.ledger)}"
        paid_at = now - HOUR * late
        money = Money(reference, amount, named, paid_at, now, position=len(self.play.ledger) + 1)
        self.reference.payments.append(money)
        fact = Payment(reference=reference, amount_fen=amount, bills=named, paid_at=paid_at, at=now)
        self.post(fact, heard=heard)

    @rule(which=st.integers(0, 9), heard=st.booleans())
    def money_is_taken_back(self, which: int, heard: bool) -> None:
        standing_now = [money for money in self.reference.payments if not money.taken_back]
        if standing_now:
            money = standing_now[which % len(standing_now)]
            money.back_at, money.back_at_position = self.play.now, len(self.play.ledger) + 1
            self.post(Reversal(reference=money.reference, at=self.play.now), heard=heard)

    @precondition(lambda self: self.is_open and len(self.reference.bills) < 5)
    @rule(due_in=st.integers(-3, 5), amount=amounts)
    def the_debt_is_paid_down_and_a_new_one_follows(self, due_in: int, amount: int) -> None:
        self.everything_is_paid_or_nearly(late=0, heard=True, short=5000)
        if self.is_open:
            self.another_bill(amount=amount, due_in=due_in, heard=True)
            self.live(self.play.now + DAY * 6)

    @precondition(lambda self: bool(self.play.open()))
    @rule(news=st.sampled_from(["stale", "paid", "part", "protected"]))
    def the_world_changes_and_the_case_decides_before_it_hears(self, news: str) -> None:
        key = self.play.open()[0]
        if news == "stale":
            self.the_ledger_ages_or_is_confirmed(stale=True)
        elif news == "protected":
            self.protection_changes(protected=True, heard=False)
        else:
            self.everything_is_paid_or_nearly(late=1, heard=False, short=0 if news == "paid" else 5001)
        self.decide(key)
        self.the_ledger_ages_or_is_confirmed(stale=False)

    @rule(which=st.integers(0, 9))
    def a_fact_is_reported_again(self, which: int) -> None:
        facts = [fact for fact in self.play.ledger if isinstance(fact, Bill | Payment | Reversal)]
        self.post(facts[which % len(facts)], heard=True)

    @precondition(lambda self: self.is_open and len(self.reference.bills) < 5)
    @rule(amount=amounts, due_in=st.integers(-10, 25), heard=st.booleans())
    def another_bill(self, amount: int, due_in: int, heard: bool) -> None:
        no, due_on = f"B{len(self.reference.bills) + 1}", (self.play.now + DAY * due_in).date()
        self.reference.bills[no] = Debt(amount, due_on, len(self.play.ledger) + 1, self.play.now)
        fact = Bill(no=no, period=f"{due_on:%Y-%m}", amount_fen=amount, due_on=due_on, at=self.play.now)
        self.post(fact, heard=heard)

    @rule()
    def the_nudge_arrives(self) -> None:
        self.play.hear()
        self.learn()

    @rule(stale=st.booleans())
    def the_ledger_ages_or_is_confirmed(self, stale: bool) -> None:
        self.play.stale = self.reference.stale = stale

    @rule(protected=st.booleans(), heard=st.booleans())
    def protection_changes(self, protected: bool, heard: bool) -> None:
        self.reference.protected = protected
        self.play.protect(*(["hospital"] if protected else []), heard=heard)  # type: ignore[arg-type]
        self.learn()

    # What people do.

    @precondition(lambda self: self.is_open)
    @rule(which=st.integers(0, 4))
    def a_bill_is_disputed(self, which: int) -> None:
        no = f"B{which % len(self.known_bills) + 1}"
        if no in self.known_bills and self.instruct(DisputeBills, bills=(no,)):
            if not any(contest.bill == no and contest.ended_at is None for contest in self.reference.contests):
                self.reference.contests.append(Contest(no, self.play.now))
            self.learn()

    @precondition(lambda self: self.is_open and bool(self.reference.contests))
    @rule()
    def disputes_are_resolved(self) -> None:
        open_now = [contest for contest in self.reference.contests if contest.ended_at is None]
        if open_now:
            for contest in open_now:
                contest.ended_at = self.play.now
            self.instruct(ResolveDispute, bills=tuple(contest.bill for contest in open_now))
            self.learn()

    @property
    def known_bills(self) -> list[str]:
        return [fact.no for fact in self.play.facts.ledger if isinstance(fact, Bill)]

    @precondition(lambda self: self.is_open and len(self.play.facts.holds) < 2)
    @rule(kind=st.sampled_from(["hold", "promise", "plan"]), amount=amounts, first=days, then=st.none() | days)
    def the_ladder_is_stopped(self, kind: str, amount: int, first: int, then: int | None) -> None:
        now = self.play.now
        if kind == "hold":
            ends_at = now + DAY * first if then else None
            self.stand_still(PlaceHold, Standstill(now, until=ends_at), reason="court", until=ends_at)
        elif kind == "promise":
            promise = Standstill(now, parts=((now + DAY * first, amount),))
            self.stand_still(TakePromise, promise, amount=yuan(amount), until=now + DAY * first)
        else:
            dates = [(now + DAY * first).date(), (now + DAY * (first + (then or 1))).date()]
            parts = tuple((at(f"{day} 00:00") + DAY, amount) for day in dates)
            told = tuple({"amount": yuan(amount), "due_on": day} for day in dates)
            self.stand_still(AgreePlan, Standstill(now, parts=parts), parts=told)

    def stand_still(self, kind: Any, standstill: Standstill, **said: Any) -> None:
        # Money paid at this very instant counts: the reference has to know of it before the case hears.
        standstill.read_up_to = self.play.facts.ledger_position
        self.reference.standstills.append(standstill)
        self.instruct(kind, **said)
        self.learn()

    @precondition(lambda self: self.is_open and bool(self.play.facts.holds))
    @rule()
    def holds_are_released(self) -> None:
        # Told first: an order may go out within the very instruction.
        for standstill in self.reference.standstills:
            standstill.ended = True
        self.instruct(ReleaseHold)
        self.learn()

    @precondition(lambda self: self.is_open)
    @rule(reached=st.booleans())
    def a_contact(self, reached: bool) -> None:
        if self.instruct(RecordContact, by=WANG, method="phone", reached=reached):
            self.reference.contacts += reached
            self.learn()

    @precondition(lambda self: bool(self.play.on_the_ladder()))
    @rule()
    def a_task_is_paused_or_goes_on(self) -> None:
        key = self.play.on_the_ladder()[0]
        if self.play.task(key).pause is None:
            self.instruct(PauseTask, task=key, party="customer", reason="abroad")
        else:
            self.instruct(ResumeTask, task=key)
        self.learn()

    @precondition(lambda self: self.is_open)
    @rule(sure=st.integers(0, 7))
    def the_case_is_withdrawn(self, sure: int) -> None:
        if sure == 0:
            self.reference.withdrawn = True
            self.instruct(WithdrawCase, reason="wrong account")
            self.learn()

    @property
    def is_open(self) -> bool:
        return self.play.facts.outcome is None

    # How the reference hears of it.

    def live(self, to: datetime) -> None:
        self.play.until(to)
        self.learn()

    def post(self, fact: Any, *, heard: bool) -> None:
        self.play.post(fact, heard)
        self.learn()

    def instruct(self, kind: Any, **said: Any) -> bool:
        try:
            self.play.instruct(kind, **said)
        except Refused as refused:
            if refused.code != "not-open" or self.is_open:
                raise
            return False
        return True

    def decide(self, key: str, **said: Any) -> None:
        approver = self.reference.approver
        if key == APPROVE and said.get("outcome", "approve") == "approve":
            self.reference.approver = said.get("by", PEOPLE["supervisor"]).id
        try:
            self.play.decide(key, **said)
        except Refused as refused:
            self.reference.approver = approver
            # A limit may be forbidden; one may lack the role, or not check oneself; a limited valve is not untouched.
            if refused.code not in ("interlock", "four-eyes", "wrong-role", "form-invalid"):
                raise
        self.learn()

    def learn(self) -> None:
        """Tell the reference what the case said since, and check each thing that was said."""
        self.reference.pass_to(self.play.now, read_up_to=self.play.facts.ledger_position)
        for event in self.play.said[self.seen :]:
            match event:
                case NoticeServed():
                    self.reference.served[event.task] = Told(event.at, event.by, self.customer_class)
                case NoticeOverstated():
                    del self.reference.served[event.task]
                    self.reference.approver = None
                    self.overstated = self.play.facts.limited_at is not None
                case ClassChanged():
                    self.customer_class = event.classed.customer_class
                case NonpayerReported():
                    self.reference.reporter = event.by
                case LadderRestarted():
                    self.reference.served, self.reference.reporter, self.reference.contacts = {}, None, 0
                    self.reference.approver = None
                    self.kept = {}
                    self.round += 1
                case ClockStopped():
                    self.reference.stood.append((event.at, None))
                case ClockWentOn():
                    self.reference.stood[-1] = (self.reference.stood[-1][0], event.at)
                case LimitOrderIssued():
                    assert event.fence > self.fence, "8: a fence token only grows"
                    self.fence = event.fence
                    self.touched = True
                case PressureLimited():
                    self.touched = True
                case WaterRestored() | ValveFoundUntouched() | LimitNotPossible():
                    self.touched = self.overstated = False
                case StageEntered():
                    self.enter(event.stage)
                case CaseReopened():
                    self.settled = False
                case MessageSettled(status="sent"):
                    self.send(event)
                case _:
                    pass
        self.seen = len(self.play.said)

    def enter(self, stage: str) -> None:
        if stage in FORWARD:
            order = [each for each in FORWARD if each != "grace" or self.play.facts.pack.startswith("jinan")]
            if self.stage in order and order.index(stage) > order.index(self.stage):
                assert order.index(stage) == order.index(self.stage) + 1, f"3: {self.stage} to {stage} skips a stage"
        self.stage, self.settled = stage, stage in ("settled", "closed")

    def send(self, event: MessageSettled) -> None:
        once = (self.round, event.template, event.channel)
        assert once not in self.sent, f"5: {once} was sent before"
        assert not self.settled, "5: a settled customer was written to"
        self.sent.add(once)

    # 1, 2, 9: asked within the transaction that allows or refuses a limit.

    def judge(self, moment: Moment, at: datetime, unmet: tuple[str, ...]) -> None:
        reference, facts = self.reference, self.play.facts
        reference.pass_to(self.play.now, read_up_to=facts.ledger_position)
        forbidden = reference.forbids(at, read_up_to=facts.ledger_position)
        assert OF_THE_ACCOUNT & set(unmet) == forbidden, f"9: {moment} at {at}"
        if unmet:
            return
        for rung in self.play.policy.ladder:
            if isinstance(rung, Wait):
                told = reference.served.get(rung.after)
                term = rung.term(told.customer_class if told else self.customer_class).value  # type: ignore[arg-type]
                stood = [(s.started_at, s.ended_at) for s in facts.stood]
                reference.stood = stood
                days = max(term.days, self.kept.get(rung.period, 0))
                assert not reference.too_early(at, notice=rung.after, days=days), f"2: {rung.period} is not over"
        if self.play.facts.pack.startswith("kaifeng"):
            assert REPORT in facts.reports
            assert facts.contacts >= 2
        if moment != "decision":
            checked = {reference.served[LIMIT_NOTICE].by, reference.reporter}
            assert reference.approver is not None, "2: nobody approved"
            assert reference.approver not in checked, "2: nobody else approved"
        if moment == "issue":
            window = next(rung for rung in self.play.policy.ladder if isinstance(rung, Limit)).window.value
            assert window.contains(at, self.play.calendar), "issued outside the limit window"

    # After every step.

    @invariant()
    def the_two_balances_agree_in_any_order(self) -> None:
        facts = self.play.facts
        owed = facts.owed()
        read = self.reference.owed(facts.as_of, read_up_to=facts.ledger_position)
        assert (owed.overdue, owed.undisputed) == read, "6, 9"
        shuffled = list(facts.ledger) * 2
        random.Random(len(shuffled)).shuffle(shuffled)
        known = {"disputes": facts.disputes, "waived": facts.waived, "as_of": facts.as_of}
        assert standing(facts=shuffled, **known) == owed, "6"  # type: ignore[arg-type]

    @invariant()
    def a_hold_stands_as_long_as_the_reference_says(self) -> None:
        if self.play.facts.outcome is None:
            standing_still = sum(not standstill.ended for standstill in self.reference.standstills)
            assert len(self.play.facts.holds) == standing_still

    @invariant()
    def what_was_touched_is_restored_once_the_debt_is_gone(self) -> None:
        facts, owed = self.play.facts, self.play.facts.owed()
        if not self.touched:
            assert RESTORE not in self.play.open()
            return
        assert facts.outcome is None, "4: closed with the valve touched"
        position = facts.ledger_position
        told = self.reference.told(facts.as_of, by=position, read_up_to=position)
        gone = owed.undisputed <= 5000 or told <= 5000 or self.overstated
        if gone or facts.account.protected or facts.withdrawn:
            assert self.play.on_the_ladder() == [RESTORE], "4"
            assert self.play.task(RESTORE).due_at is not None, "4: without a due time"
            assert facts.order is None, "4: the order is still out"

    @invariant()
    def an_open_case_has_a_timer_or_a_task(self) -> None:
        facts = self.play.facts
        assert len(self.play.on_the_ladder()) <= 1
        if facts.outcome is None:
            assert self.play.open() or self.play.next_wake is not None, "12"
        else:
            assert not self.play.open()
        assert self.play.next_wake is None or self.play.next_wake > self.play.now, "12: a moment was missed"

    def teardown(self) -> None:
        if hasattr(self, "play"):
            facts = self.play.facts
            assert ArrearsFacts.model_validate(facts.model_dump(mode="json")) == facts


AnAccountInArrears.TestCase.settings = settings(
    max_examples=150,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)
TestSafety = AnAccountInArrears.TestCase


def test_a_part_paid_when_it_was_due_counts_until_the_case_hears_that_its_money_went_back() -> None:
    """Found by the machine: the reference broke a plan by a reversal that nobody had told the case of yet."""
    state = AnAccountInArrears()
    state.opens(pack="jinan", customer_class="resident", so_far=None, two=False)
    state.the_ladder_is_stopped(amount=5000, first=6, kind="plan", then=None)
    state.the_debt_is_paid_down_and_a_new_one_follows(amount=100, due_in=0)
    state.money_comes(amount=3640, heard=False, late=0, named=())
    state.forward()
    state.money_is_taken_back(heard=False, which=0)
    state.a_hold_stands_as_long_as_the_reference_says()
    assert state.play.facts.holds
    state.the_nudge_arrives()
    state.a_hold_stands_as_long_as_the_reference_says()
    assert not state.play.facts.holds
