"""A played case on a real store: its doors, its casebook, the interlock's transaction and messages that go out once.

It writes what `workflows/case.py` writes, one batch a workflow task, and can lose a task as a killed worker does: what
was committed stays, what the case knew of it is gone, and the engine asks again.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from activities.notices import Found, Handed, Letter, Notices
from activities.notices import Message as Handover
from domain.account import Account, Bill, Changed, CustomerClass, LedgerFact, Payment, Protection, Reversal, Void
from domain.arrears.facts import ArrearsFacts, Message
from domain.arrears.interlock import Condition, Moment
from domain.arrears.ladder import IssueOrder, next_step
from domain.case import CaseOpened, CaseReopened, Event, TaskOpened
from domain.people import Actor
from domain.steps import Close, StandStill
from domain.tasks import Task
from policies.packs import load_calendar, load_pack
from rehearsal.invariants import violations
from store import casebook, events, intake, ledger, orders, postings
from store.casebook import Batch, Entry, Snapshot
from store.database import Database
from store.events import BillingEvent
from store.ledger import AccountRecord
from store.orders import LimitRequest
from store.tables import metadata
from tests.domain.arrears.openings import CASE_NO, LI, at
from tests.domain.arrears.play import Fate, Order, Play

NO = "0410023"
WORKFLOW_TASK = 3
"""Events of the engine's history that one workflow task adds."""


class Counted:
    """A provider that counts what it is given."""

    patience = timedelta()

    def __init__(self) -> None:
        self.sent: Counter[str] = Counter()

    def send(self, message: Handover) -> Handed:
        self.sent[message.reference] += 1
        return Handed(status="accepted", reference=message.reference)

    def find(self, message: Handover, *, handed_at: datetime) -> Found:
        known = self.sent[message.reference]
        return Found(status="accepted", reference=message.reference) if known else Found(status="absent")


@dataclass(frozen=True)
class Memory:
    """What a worker knows of a case at the beginning of a workflow task."""

    facts: ArrearsFacts
    tasks: dict[str, Task]
    said: int
    sequence: int
    run: int
    history: int


@dataclass(kw_only=True)
class Booked(Play):
    """`history` and `run` rank what it writes, as the engine's own numbers do."""

    database: Database
    pack: str
    provider: Counted = field(default_factory=Counted)
    sequence: int = 0
    run: int = 1
    history: int = WORKFLOW_TASK
    in_task: bool = False
    doomed: bool = False
    unwritten: list[Entry] = field(default_factory=list)
    touched: dict[str, Task] = field(default_factory=dict)

    # The record.

    def say(self, event: Event) -> None:
        if isinstance(event, CaseReopened):
            self.run, self.history = self.run + 1, WORKFLOW_TASK
        first = len(self.said)
        super().say(event)
        for each in self.said[first:]:
            self.sequence += 1
            body = each.model_dump(mode="json", exclude={"event", "at", "by", "clauses"})
            said = {"event": each.event, "at": each.at, "by": each.by, "clauses": each.clauses, "body": body}
            self.unwritten.append(Entry(sequence=self.sequence, **said))
            task_id = each.task.id if isinstance(each, TaskOpened) else getattr(each, "task_id", None)
            if task_id is not None:
                self.touched[task_id] = self.tasks[task_id]

    def write(self) -> None:
        if not self.unwritten:
            return
        said, touched = tuple(self.unwritten), tuple(self.touched.values())
        self.unwritten, self.touched = [], {}
        batch = Batch(
            case_no=CASE_NO,
            run=self.run,
            history=self.history,
            entries=said,
            snapshot=self._snapshot(),
            tasks=touched,
        )
        casebook.record(self.database, batch)

    def _snapshot(self) -> Snapshot:
        step, facts = next_step(self.facts, self.policy, self.calendar), self.facts
        acts = isinstance(step, IssueOrder | Close)
        return Snapshot(
            process="arrears",
            subject=NO,
            workflow_id=f"arrears/{NO}",
            pack=self.pack,
            stage=facts.stage,
            outcome=facts.outcome,
            standing=step.because if isinstance(step, StandStill) else None,
            amount_fen=facts.owed().overdue,
            opened_at=facts.opened_at,
            closed_at=facts.as_of if facts.outcome else None,
            next_wake=facts.as_of if acts else self.next_wake,
            ledger_position=facts.ledger_position,
            facts=facts.model_dump(mode="json"),
        )

    # One workflow task after the other.

    @contextmanager
    def workflow_task(self) -> Iterator[None]:
        """What the engine gives the worker at once; whatever comes of it belongs to the same task."""
        outermost, self.in_task = not self.in_task, True
        if outermost:
            self.history += WORKFLOW_TASK
        try:
            yield
        finally:
            self.in_task = not outermost

    def _wake(self) -> None:
        with self.workflow_task():
            super()._wake()

    def hear(self) -> None:
        with self.workflow_task():
            super().hear()

    def decide(self, key: str, *, by: Actor | None = None, when: datetime | str | None = None, **form: Any) -> None:
        self.until(when or self.now)
        with self.workflow_task():
            super().decide(key, by=by, **form)

    def instruct(self, kind: Any, *, by: Actor = LI, when: datetime | str | None = None, **said: Any) -> None:
        self.until(when or self.now)
        with self.workflow_task():
            super().instruct(kind, by=by, **said)

    def settle(self) -> None:
        super().settle()
        self.write()

    def remember(self) -> Memory:
        """What the worker knows now, at the beginning of a workflow task."""
        assert not self.unwritten
        return Memory(
            facts=self.facts,
            tasks=dict(self.tasks),
            said=len(self.said),
            sequence=self.sequence,
            run=self.run,
            history=self.history,
        )

    def lose(self, memory: Memory) -> None:
        """The worker died after its commits. The first lost task grows the history, those lost after it do not."""
        self.facts, self.tasks, self.sequence = memory.facts, dict(memory.tasks), memory.sequence
        del self.said[memory.said :]
        self.run, self.history = memory.run, memory.history + WORKFLOW_TASK
        self.unwritten, self.touched, self.doomed = [], {}, False

    # The doors.

    def post(self, fact: LedgerFact, heard: bool = True) -> None:
        match fact:
            case Bill() if self.facts.outcome is None:
                intake.add_bill(self.database, NO, fact, pack=self.pack, at=self.now)
            case Bill():
                with self.database.write() as connection:
                    ledger.post(connection, NO, fact)
            case Payment():
                intake.record_payment(self.database, NO, fact)
            case Reversal():
                intake.reverse_payment(self.database, NO, fact)
            case Changed():
                with self.database.write() as connection:
                    postings.change(connection, NO, fact)
        self._look(heard)

    def correct(self, void: Void, instead: Bill | None, heard: bool = True) -> None:
        with self.database.write() as connection:
            postings.correct(connection, NO, void, instead, pack=self.pack, at=self.now)
        self._look(heard)

    def classify(self, customer_class: CustomerClass, *, heard: bool = True) -> None:
        with self.database.write() as connection:
            known = ledger.account_record(connection, NO)
            changed = known.model_copy(update={"customer_class": customer_class})
            ledger.put_account(connection, changed, at=self.now)
        self._look(heard)

    def told_by_billing(self, id: str, fact: Payment | Reversal) -> str:
        """An event of the billing system; what became of it."""
        event = BillingEvent(id, NO, fact.at, {"id": id, "kind": fact.kind}, fact=fact)
        fate = events.take(self.database, event, pack=self.pack, at=self.now).fate
        self._look(heard=False)
        return fate

    def protect(self, *protected: Protection, heard: bool = True) -> None:
        with self.database.write() as connection:
            known = ledger.account_record(connection, NO)
            ledger.put_account(connection, known.model_copy(update={"protected": protected}), at=self.now)
        self._look(heard)

    def _look(self, heard: bool) -> None:
        with self.database.read() as connection:
            self.ledger = [fact for _, fact in ledger.facts_after(connection, NO, 0)]
            self.account = ledger.account(connection, NO)
        if heard:
            self.hear()

    # The store's transaction.

    def _ask_interlock(self, moment: Moment, *, at: datetime, approver: str | None = None) -> Sequence[Condition]:
        self.write()
        with self.database.write() as connection:
            ledger.confirm_sync(connection, source="billing", at=at - timedelta(days=3) if self.stale else at)
        request = LimitRequest(
            moment=moment,
            case_no=CASE_NO,
            account_no=NO,
            sequence=self.sequence,
            policy=self.policy,
            calendar=self.calendar,
            at=at,
            order_no=self._order_no,
            approver=approver,
        )
        answer = orders.ask(self.database, request)
        self.asked(moment, at, tuple(condition.key for condition in answer.unmet))
        if answer.allowed and moment == "issue":
            assert answer.fence is not None
            self.orders[self._order_no] = Order(fence=answer.fence)
        return answer.unmet

    # What leaves the building.

    def _letters(self) -> list[Message]:
        """None from a task that the worker does not live to complete: only then does the engine hear of them."""
        return [] if self.doomed else super()._letters()

    def _send(self, letter: Message) -> Fate:
        def texts(pack: str, template: str) -> str:
            return self.policy.messages[template].value

        office = Notices(self.database, self.provider, texts, clock=lambda: self.now)
        sent = office.send(
            Letter(
                case_no=CASE_NO,
                account_no=NO,
                pack=self.pack,
                key=letter.key,
                template=letter.template,
                channel=letter.channel,
                amount_fen=self.facts.owed().overdue,
                at=letter.not_before if self.now - letter.not_before < timedelta(minutes=1) else self.now,
            )
        )
        return sent.status

    # What a test asks.

    def wrong(self) -> list[str]:
        """Every invariant that the store does not bear out; asked when the case has heard of everything."""
        with self.database.read() as connection:
            return violations(connection, CASE_NO, self.policy, self.calendar)


def booked(
    folder: str,
    *bills: Bill,
    pack: str = "jinan",
    when: str = "2026-03-11 09:00",
    customer_class: CustomerClass = "resident",
) -> Booked:
    """A case just opened through the door, its store in this folder."""
    database = Database(f"sqlite:///{folder}/store.db", durable=False)
    metadata.create_all(database.engine)
    found = load_pack(pack)
    assert found.arrears is not None
    record = AccountRecord(no=NO, customer_class=customer_class, phone="13800000000")
    place = intake.open_arrears(database, record, bills, pack=found.name, at=at(when))
    assert place.case_no == CASE_NO
    account = Account(no=NO, customer_class=customer_class)
    facts = ArrearsFacts(
        case_no=CASE_NO,
        pack=found.name,
        opened_at=at(when),
        as_of=at(when),
        account=account,
        ledger=bills,
        ledger_position=len(bills),
    )
    play = Booked(
        policy=found.arrears,
        calendar=load_calendar(),
        facts=facts,
        account=account,
        now=at(when),
        ledger=list(bills),
        database=database,
        pack=found.name,
    )
    play.say(CaseOpened(at=at(when), process="arrears", pack=found.name, subject=NO))
    play.until(play.now)
    return play
