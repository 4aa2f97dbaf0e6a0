"""The machine of `test_safety.py`, and what offices really meet: bills put right, people who move, papers, waivers,
violations, money at the bank, every ground to hold, signatures, days off published and packs moved on the way.
"""

import os
from datetime import timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from domain.account import Bill, Changed, Void
from domain.arrears.commands import IssueNotice, PlaceHold, RecordViolation, WaiveFees
from domain.arrears.events import HoldPlaced
from domain.arrears.facts import ArrearsFacts
from domain.arrears.interlock import Moment
from domain.arrears.notices import next_notice_no, pursued
from domain.arrears.policy import ArrearsPolicy, Serve, Wait
from domain.calendars import PublishedYear, day_of
from domain.case import COSIGN
from domain.commands import end_of
from domain.cosigning import AskCosigner, DropCosigner
from domain.refusals import Refused
from domain.terms import due_at
from tests.domain.arrears.openings import APPROVE, DAY, DUNNING, QIAN, ZHAO
from tests.domain.arrears.play import opened
from tests.domain.arrears.reference import Debt, Newcomer, Standstill
from tests.domain.arrears.test_safety import AnAccountInArrears, amounts

REVIEW, WAIVER, SIGN = "arrears.review-hold", "arrears.approve-waiver", f"arrears{COSIGN}"
GROUNDS = [
    "vulnerable-review",
    "meter-check",
    "force-majeure",
    "court",
    "bankruptcy",
    "death",
    "use-class",
    "relief",
    "invoice-first",
]
WHAT = ["tenant", "owner", "closed", "suspended", "resumed", "resumed", "demolished"]


class AnAccountAtTheOffice(AnAccountInArrears):
    """One account's case, and everything that offices meet."""

    # Bills put right, and whom they belong to.

    @precondition(lambda self: self.is_open and len(self.reference.bills) < 6)
    @rule(which=st.integers(0, 5), amount=st.none() | amounts, heard=st.booleans())
    def a_bill_is_put_right(self, which: int, amount: int | None, heard: bool) -> None:
        standing = [no for no, debt in self.reference.bills.items() if debt.back_at_position is None]
        if not standing:
            return
        now, no, instead = self.play.now, standing[which % len(standing)], None
        wrong, position = self.reference.bills[no], len(self.play.ledger) + 1
        if amount is not None:
            said = {"period": f"{wrong.due_on:%Y-%m}", "due_on": wrong.due_on, "late_fee_fen": wrong.fee}
            instead = Bill(no=f"B{len(self.reference.bills) + 1}", amount_fen=amount, at=now, **said)
            self.reference.bills[instead.no] = Debt(amount, wrong.due_on, position, now, fee=wrong.fee)
            wrong.instead, position = instead.no, position + 1
        wrong.back_at_position = position
        corrected_by = instead.no if instead else None
        self.play.correct(Void(no=no, corrected_by=corrected_by, reason="misread", at=now), instead, heard)
        self.learn()

    @precondition(lambda self: self.is_open and len(self.reference.bills) < 5)
    @rule(amount=amounts, fee=st.sampled_from([100, 6000]), due_in=st.integers(-40, 5), heard=st.booleans())
    def a_bill_with_a_late_fee(self, amount: int, fee: int, due_in: int, heard: bool) -> None:
        no, due_on = f"B{len(self.reference.bills) + 1}", (self.play.now + DAY * due_in).date()
        self.reference.bills[no] = Debt(amount, due_on, len(self.play.ledger) + 1, self.play.now, fee=fee)
        said = {"period": f"{due_on:%Y-%m}", "amount_fen": amount, "due_on": due_on, "late_fee_fen": fee}
        self.post(Bill(no=no, at=self.play.now, **said), heard=heard)

    @precondition(lambda self: self.is_open)
    @rule(what=st.sampled_from(WHAT), days_ago=st.integers(-3, 70), named=st.booleans(), heard=st.booleans())
    def the_account_changes(self, what: Any, days_ago: int, named: bool, heard: bool) -> None:
        on, bills = (self.play.now - DAY * days_ago).date(), ("B1",) if named else ()
        change = Changed(what=what, changed_on=on, bills=bills, at=self.play.now)
        known = [(c.what, c.on, c.bills) for c in self.reference.newcomers]
        if (what, on, bills) not in known:
            self.reference.newcomers.append(Newcomer(what, on, bills, self.play.now, len(self.play.ledger) + 1))
        self.post(change, heard=heard)

    @precondition(lambda self: self.is_open)
    @rule(heard=st.booleans())
    def the_class_changes(self, heard: bool) -> None:
        other: Any = {"resident": "organisation", "organisation": "resident"}[self.play.account.customer_class]
        self.reference.classes_at.append(len(self.play.ledger) + 1)
        self.play.classify(other, heard=heard)
        self.learn()

    # Papers.

    @precondition(lambda self: self.is_open)
    @rule(anew=st.sampled_from([None, "unreadable"]))
    def a_paper_is_made_out(self, anew: str | None) -> None:
        facts = self.play.facts
        open_now = [rung.task for rung in self.play.policy.ladder if isinstance(rung, Serve) and rung.task in self.open]
        if not open_now or not (bills := pursued(facts)):
            return
        said = {"no": next_notice_no(facts), "amount_fen": sum(bills.values()), "content": "0" * 64, "anew": anew}
        self.instruct(IssueNotice, name=open_now[0].removeprefix("arrears."), task=open_now[0], **said)
        self.learn()

    @property
    def open(self) -> list[str]:
        return self.play.open()

    # Waivers, violations, signatures.

    @precondition(lambda self: self.is_open)
    @rule()
    def late_fees_are_to_be_waived(self) -> None:
        self.attempt(WaiveFees, reason="hardship")

    @precondition(lambda self: self.is_open and self.play.facts.limited_at and not self.play.facts.violations)
    @rule()
    def a_valve_is_found_opened(self) -> None:
        self.attempt(RecordViolation, by=ZHAO, found="self-opened", evidence="valve.jpg")

    @precondition(lambda self: APPROVE in self.play.open())
    @rule(drop=st.booleans())
    def a_signature_is_asked_for_or_dropped(self, drop: bool) -> None:
        if drop:
            self.attempt(DropCosigner, task=APPROVE)
        else:
            self.attempt(AskCosigner, task=APPROVE, of=QIAN.id, role="supervisor", reason="a large debt")

    @precondition(lambda self: any(task.subject for task in self.play.facts.tasks.values()))
    @rule(which=st.integers(0, 4), well=st.booleans(), more=st.integers(1, 20))
    def what_waits_beside_the_ladder_is_decided(self, which: int, well: bool, more: int) -> None:
        beside = [task for task in self.play.facts.tasks.values() if task.subject is not None]
        task = beside[which % len(beside)]
        other: dict[str, Any] = {
            REVIEW: {"outcome": "prolong", "until": (self.play.now + DAY * more).date(), "reason": "still unknown"},
            WAIVER: {"outcome": "refuse", "reason": "no hardship"},
            SIGN: {"outcome": "disagree"},
            "arrears.refer-legal": {"outcome": "keep"},
            "arrears.handle-violation": {"outcome": "not-confirmed"},
        }
        said = {} if well else other[task.key]
        self.decide(task.key, subject=task.subject, **({"by": QIAN} if task.key == SIGN else {}), **said)

    def decide(self, key: str, **said: Any) -> None:
        """What a decision does to a hold or a fee the reference hears first: an order may go out within it."""
        mine = [task for task in self.play.facts.tasks.values() if task.key == key]
        subject = said.pop("subject", mine[0].subject if mine else None)
        if subject is not None:
            said |= {"subject": subject}
        undo = self.foretold(key, subject, said)
        before = set(self.play.facts.tasks)
        if key == SIGN:
            said.setdefault("by", QIAN)
        super().decide(key, **said)
        if undo is not None and {task.id for task in mine if task.subject == subject} & set(self.play.facts.tasks):
            undo()
        assert before or self.is_open

    def foretold(self, key: str, subject: str | None, said: dict[str, Any]) -> Any:
        if key == WAIVER and said.get("outcome", "approve") == "approve":
            (asked,) = [each for each in self.play.facts.waivers if each.id == subject]
            debts = [self.reference.bills[no] for no in asked.fees]
            for debt in debts:
                debt.waived = True
            return lambda: [setattr(debt, "waived", False) for debt in debts]
        if key == REVIEW:
            (hold,) = [each for each in self.reference.standstills if each.id == subject]
            if said.get("outcome", "end") == "prolong":
                before, hold.until = hold.until, end_of(said["until"])
                return lambda: setattr(hold, "until", before)
            hold.ended = True
            return lambda: setattr(hold, "ended", False)
        return None

    def attempt(self, kind: Any, **said: Any) -> bool:
        """An instruction that may well be refused."""
        try:
            done = self.instruct(kind, **said)
        except Refused as refused:
            if refused.code not in ("form-invalid", "not-open", "gate", "four-eyes", "wrong-role"):
                raise
            return False
        self.learn()
        return done

    # Every ground to hold.

    @precondition(lambda self: self.is_open and len(self.play.facts.holds) < 3)
    @rule(ground=st.sampled_from(GROUNDS), first=st.none() | st.integers(1, 9))
    def the_ladder_is_held_on_a_ground(self, ground: str, first: int | None) -> None:
        self.hold_on(ground, until=None if first is None else (self.play.now + DAY * first).date())

    @precondition(lambda self: self.is_open and len(self.play.facts.holds) < 3)
    @rule(amount=amounts, comes=st.booleans(), heard=st.booleans())
    def money_is_on_its_way_through_the_bank(self, amount: int, comes: bool, heard: bool) -> None:
        reference = f"T{len(self.play.ledger)}"
        self.hold_on("bank-in-transit", reference=reference)
        if comes and self.is_open:
            self.receive(amount, (), late=0, heard=heard)

    def hold_on(self, ground: Any, *, until: Any = None, reference: str | None = None) -> None:
        now, pack = self.play.now, self.play.policy.holds[ground]
        longest = due_at(term=pack.longest.value, started_at=now, calendar=self.play.calendar).at
        held = Standstill(now, until=end_of(until) if until else longest, ground=ground, reference=reference)
        held.looks_at, held.read_up_to = pack.then.value == "look", self.play.facts.ledger_position
        self.reference.standstills.append(held)
        said = {"reason": ground, "evidence": "paper.pdf", "reference": reference, "until": until}
        if self.attempt(PlaceHold, ground=ground, **said):
            held.id = self.play.heard(HoldPlaced)[-1].id
        else:
            self.reference.standstills.remove(held)

    def stand_still(self, kind: Any, standstill: Standstill, **said: Any) -> None:
        super().stand_still(kind, standstill, **said)
        standstill.id = self.play.heard(HoldPlaced)[-1].id

    # Rules that change on the way.

    @rule(days=st.integers(0, 30))
    def a_day_off_is_published(self, days: int) -> None:
        """One more, from today on: what is projected moves, what is over stays over only if it still is."""
        day = day_of(self.play.now) + timedelta(days=days)
        year = self.play.calendar.years.get(day.year, PublishedYear(days_off=(), make_up=()))
        if not self.is_open or day in year.make_up:
            return
        more = year.model_copy(update={"days_off": tuple(sorted({*year.days_off, day}))})
        self.reference.calendar = self.play.calendar.published(day.year, more)
        self.play.publish(day.year, more)
        self.learn()

    @precondition(lambda self: self.is_open)
    @rule(by=st.sampled_from([-8, 8]))
    def the_pack_moves(self, by: int) -> None:
        facts, policy = self.play.facts, self.play.policy
        kept = dict(self.kept)
        for rung in policy.ladder:
            if isinstance(rung, Wait) and rung.after in facts.served and rung.period not in facts.periods:
                told = self.reference.served[rung.after].customer_class
                days = rung.term(told).value.days  # type: ignore[arg-type]
                kept[rung.period] = max(days, kept.get(rung.period, 0))
        name, _, no = facts.pack.partition("@")
        before, self.kept = self.kept, kept
        try:
            self.play.move(f"{name}@{int(no or 0) + 1}", with_waits(policy, by))
        except Refused as refused:
            if refused.code not in ("gate", "not-open"):
                raise
            self.kept = before
        self.learn()

    # After every step.

    def judge(self, moment: Moment, at: Any, unmet: tuple[str, ...]) -> None:
        super().judge(moment, at, unmet)
        if not unmet:
            for task, told in self.reference.served.items():
                assert task in self.play.facts.served, f"2: {task} is to be served again"
                assert told.at <= self.play.now or self.put_back, f"2: {task} is served in the future"

    @invariant()
    def what_stands_beside_the_ladder_is_asked_for(self) -> None:
        facts: ArrearsFacts = self.play.facts
        if facts.outcome is None:
            asked = {task.subject for task in facts.tasks.values() if task.subject is not None}
            wanted = {each.id for each in (*facts.waivers, *facts.violations)}
            wanted |= {hold.id for hold in facts.holds if hold.fell_due}
            assert wanted <= asked, "12: something waits for nobody"


def with_waits(policy: ArrearsPolicy, by: int) -> ArrearsPolicy:
    """The pack with every waiting period so many days longer or shorter; none is shorter than a day."""
    raw = policy.model_dump(mode="json")
    for rung in raw["ladder"]:
        for who in ("resident", "organisation"):
            if rung["rung"] == "wait" and rung.get(who):
                term = rung[who]["value"]
                term["term"] = f"P{max(1, int(term['term'][1:-1]) + by)}D"
    return ArrearsPolicy.model_validate(raw)


AnAccountAtTheOffice.TestCase.settings = settings(
    AnAccountInArrears.TestCase.settings, max_examples=300 if "GUANJIA_EXPLORE" in os.environ else 60
)
TestSafetyAtTheOffice = AnAccountAtTheOffice.TestCase


def test_a_period_given_to_a_resident_is_kept_though_class_and_pack_change_meanwhile() -> None:
    """The move kept the term of the class of today; the period runs by that of the day of service."""
    play = opened(customer_class="resident").drive(DUNNING)
    play.decide(DUNNING)
    ends_at = play.next_wake
    play.classify("organisation")
    play.move("jinan@2", with_waits(play.policy, -8))
    assert play.next_wake == ends_at
