"""The machine of `tests/domain/arrears/test_safety.py` on a real store, and workers that die after their commits.

The interlock is the database's own transaction, what a case says is a batch of the casebook, a message goes out by the
real activity. After every step every invariant of the design is checked on what the store holds.
"""

import os
import tempfile
from collections.abc import Callable
from contextlib import nullcontext, suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule
from sqlalchemy import update

from domain.account import Bill, Payment, Reversal
from domain.refusals import Refused
from store import ledger
from store.ledger import AccountRecord
from store.tables import ledger as rows
from tests.domain.arrears.openings import APPROVE, PEOPLE
from tests.domain.arrears.reference import Money
from tests.domain.arrears.test_safety import amounts
from tests.domain.arrears.test_safety_at_the_office import AnAccountAtTheOffice
from tests.store.booked import Booked, booked

OTHER = "0410024"
IN_ORDER_OF_INSTANTS = ("1: ", "2: ", "3: ", "5: ", "6: ")
"""What a store cannot show once a clock was put back: what was known first is no longer seen. The reference knows."""


class AnAccountOnTheCasebook(AnAccountAtTheOffice):
    """The same account and everything that may happen to it, and to the workers."""

    play: Booked

    def case(self, bills: list[Bill], pack: str, customer_class: Any) -> Booked:
        self.others = 0
        self.folder = tempfile.TemporaryDirectory(prefix="guanjia-safety-")
        return booked(self.folder.name, *bills, pack=pack, customer_class=customer_class)

    # What the store judges by the rules that a case opened under; the machine above it plays the others.

    def a_day_off_is_published(self) -> None: ...  # type: ignore[override]

    def the_pack_moves(self) -> None: ...  # type: ignore[override]

    # What billing tells by itself: twice, late, and what is taken back before it came.

    @precondition(lambda self: self.is_open)
    @rule(amount=amounts, back_first=st.booleans(), again=st.booleans(), heard=st.booleans())
    def billing_tells(self, amount: int, back_first: bool, again: bool, heard: bool) -> None:
        now, reference = self.play.now, f"E{len(self.play.ledger)}"
        money = Payment(reference=reference, amount_fen=amount, paid_at=now, at=now)
        if back_first:
            back = Reversal(reference=reference, at=now)
            assert self.play.told_by_billing(f"{reference}-back", back) == "waiting"
        told = Money(reference, amount, (), now, now, position=len(self.play.ledger) + 1)
        self.reference.payments.append(told)
        for _ in range(1 + again):
            assert self.play.told_by_billing(reference, money) == "taken"
        if back_first:
            told.back_at, told.back_at_position = now, len(self.play.ledger)
            assert isinstance(self.play.ledger[-1], Reversal)
        if heard:
            self.play.hear()
        self.learn()

    @rule(amount=amounts)
    def the_other_account_of_the_household_pays(self, amount: int) -> None:
        """Its money is not ours, and a reference that stands with us is not taken for another's."""
        now, before = self.play.now, list(self.play.ledger)
        with self.play.database.write() as connection:
            other = AccountRecord(no=OTHER, customer_class="resident", phone="13800000001")
            ledger.put_account(connection, other, at=now)
            mine = [fact.reference for fact in before if isinstance(fact, Payment)]
            self.others += 1
            for reference in [f"N{self.others}", *mine[:1]]:
                money = Payment(reference=reference, amount_fen=amount, paid_at=now, at=now)
                with nullcontext() if reference not in mine else pytest.raises(Refused, match="stands already"):
                    ledger.post(connection, OTHER, money)
            # The played case counts the facts of its own account alone: those of the other lie out of the way.
            theirs = update(rows).where(rows.c.account_no == OTHER, rows.c.position > 0)
            connection.execute(theirs.values(position=-rows.c.position - 10_000 * self.others))
        self.play._look(heard=True)
        assert self.play.ledger == before
        self.learn()

    # What a killed worker leaves behind: its commits, and a task that the engine gives to the next one.

    @precondition(lambda self: bool(self.play.open()))
    @rule(deaths=st.integers(1, 2), amount=st.none() | amounts)
    def the_worker_dies_after_a_decision_was_written(self, deaths: int, amount: int | None) -> None:
        key = self.play.open()[0]
        approver = self.reference.approver
        if key == APPROVE:
            self.reference.approver = PEOPLE["supervisor"].id
        self.die(lambda: self.play.decide(key), deaths, amount)
        self.reference.approver = approver
        if key in self.play.open():  # else the money that came first has withdrawn it
            self.decide(key)

    @rule(deaths=st.integers(1, 2), amount=st.none() | amounts)
    def the_worker_dies_after_it_woke(self, deaths: int, amount: int | None) -> None:
        if (wake := self.play.next_wake) is not None:
            self.play.now = max(self.play.now, wake)
            self.die(self.play._wake, deaths, amount)
            self.live(self.play.now)

    @rule(deaths=st.integers(1, 2), amount=st.none() | amounts)
    def the_worker_dies_after_it_heard(self, deaths: int, amount: int | None) -> None:
        self.die(self.play.hear, deaths, amount)
        self.the_nudge_arrives()

    def die(self, task: Callable[[], None], deaths: int, amount: int | None) -> None:
        """A task that is lost after its commits, once or twice; money that comes meanwhile is what it hears first."""
        self.live(self.play.now)
        memory = self.play.remember()
        for _ in range(deaths):
            self.play.doomed = True
            with suppress(Refused):
                task()
            self.play.lose(memory)
        if amount is not None and self.is_open:
            self.receive(amount, (), late=0, heard=True)

    # After every step.

    @invariant()
    def the_store_bears_out_every_invariant(self) -> None:
        """Asked when the case has heard of everything: until then it may not know better."""
        if self.play.facts.ledger_position == len(self.play.ledger):
            wrong = self.play.wrong()
            if self.put_back:
                wrong = [each for each in wrong if not each.startswith(IN_ORDER_OF_INSTANTS)]
            assert not wrong, "\n".join(wrong)

    @invariant()
    def the_provider_got_each_message_once(self) -> None:
        assert set(self.play.provider.sent.values()) <= {1}, "5"

    def teardown(self) -> None:
        super().teardown()
        if hasattr(self, "play"):
            self.play.database.close()
            self.folder.cleanup()


AnAccountOnTheCasebook.TestCase.settings = settings(
    max_examples=100 if "GUANJIA_EXPLORE" in os.environ else 10,
    stateful_step_count=25,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
TestSafetyOnTheCasebook = AnAccountOnTheCasebook.TestCase
