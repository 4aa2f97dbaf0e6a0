"""Workers die at any moment and come back from the dead: the record is what the survivors said, and nothing else."""

from dataclasses import dataclass
from itertools import count

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from store import casebook
from store.casebook import Batch
from store.database import Database
from tests.store.records import Told, expected, place, shown

NUMBERS = count(1)
ORDERS = 3


@dataclass(frozen=True)
class Saying:
    """One thing to say, as far as the case stands so that it can."""

    kind: int
    which: int

    def by(self, told: Told, orders: tuple[str, ...]) -> Told:
        if told.outcome is not None:
            return told.telling("CaseReopened", because="debt came back")
        out = [no for no in orders if no not in told.ended]
        match self.kind:
            case 1:
                return told.opening_a_task(f"arrears.task-{self.which}")
            case 2 if told.open_tasks:
                return told.deciding(told.open_tasks[self.which % len(told.open_tasks)])
            case 3 if told.open_tasks:
                return told.escalating(told.open_tasks[self.which % len(told.open_tasks)])
            case 4 if f"message-{self.which}" not in told.withdrawn:
                return told.withdrawing_a_message(f"message-{self.which}")
            case 5 if out:
                return told.recalling(out[self.which % len(out)])
            case 6:
                return told.limiting(orders[self.which])
            case 7:
                return told.telling("CaseClosed", outcome="settled")
        return told.noting(f"note {self.which}")


SAYING = st.builds(Saying, kind=st.integers(0, 7), which=st.integers(0, 2))


@dataclass(frozen=True)
class Attempt:
    """One attempt at a workflow task: batches of things to say, and how many are committed before the worker dies.

    `dies_after` None: it survives. `later` is how much longer the history is than at the attempt before; 0 is what the
    engine gives to a third attempt, and a second one must not lose to. `haunts`: the batch that was not committed
    before the death comes after so many further commits of others. `echoes`: every batch is written again once the
    next one is, as when the database was so slow that the first try at it was given up and came through after all.
    """

    batches: tuple[tuple[Saying, ...], ...]
    dies_after: int | None
    later: int
    repeats: bool
    haunts: int | None
    renews: bool
    echoes: bool = False


BATCHES = st.lists(st.lists(SAYING, min_size=1, max_size=3).map(tuple), min_size=1, max_size=3).map(tuple)
ATTEMPTS = st.lists(
    st.builds(
        Attempt,
        batches=BATCHES,
        dies_after=st.one_of(st.none(), st.integers(0, 3)),
        later=st.integers(0, 3),
        repeats=st.booleans(),
        haunts=st.one_of(st.none(), st.integers(0, 4)),
        renews=st.booleans(),
        echoes=st.booleans(),
    ),
    min_size=1,
    max_size=8,
)


class Play:
    """Plays attempts on a store, and knows what the survivors said."""

    def __init__(self, database: Database, *, knows_its_past: bool) -> None:
        no = next(NUMBERS)
        self.database, self.knows_its_past = database, knows_its_past
        self.orders = tuple(f"QF-{no}-L{order}" for order in range(1, ORDERS + 1))
        self.survivor = place(database, f"QF-{no}", f"A{no}", orders=self.orders)
        self.run, self.history = 1, 3
        self.zombies: list[tuple[int, Batch]] = []

    def play(self, attempt: Attempt, before: Attempt | None) -> None:
        """One attempt, from where the survivors stand."""
        self.history += attempt.later
        told, lives = self.survivor, attempt.dies_after is None
        batches = attempt.batches
        if attempt.repeats and before is not None:
            batches = (*before.batches[:1], *batches)
        written: list[Batch] = []
        for index, sayings in enumerate(batches):
            for saying in sayings:
                told = saying.by(told, self.orders)
            batch = told.batch(run=self.run, history=self.history, knows_its_past=self.knows_its_past)
            if attempt.dies_after == index:
                if attempt.haunts is not None:
                    self.zombies.append((attempt.haunts, batch))
                return
            casebook.record(self.database, batch)
            for echo in written if attempt.echoes else ():
                self.change_nothing(echo)
            told, written = told.written(), [*written, batch]
            self.committed()
        if not lives:
            return
        self.survivor = told
        self.history += 1  # what completes a workflow task is an event itself
        if attempt.renews:
            self.run, self.history = self.run + 1, 3

    def committed(self) -> None:
        """After each commit zombies may come; whatever comes, the record verifies."""
        self.verify()
        waiting, self.zombies = self.zombies, []
        for commits, batch in waiting:
            late = (batch.run, batch.history) < (self.run, self.history)
            if commits > 0:
                self.zombies.append((commits - 1, batch))
            elif late or self.knows_its_past:
                event("a late zombie" if late else "a zombie of equal rank")
                self.change_nothing(batch) if late else casebook.record(self.database, batch)
                self.verify()

    def change_nothing(self, batch: Batch) -> None:
        with self.database.read() as connection:
            before = shown(connection, batch.case_no)
        casebook.record(self.database, batch)
        with self.database.read() as connection:
            assert shown(connection, batch.case_no) == before

    def verify(self) -> None:
        with self.database.read() as connection:
            casebook.verify(connection, self.survivor.case_no)

    def check(self) -> None:
        with self.database.read() as connection:
            assert shown(connection, self.survivor.case_no) == expected(self.survivor, orders=self.orders)


@pytest.mark.parametrize("knows_its_past", [True, False])
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(attempts=ATTEMPTS)
def test_the_record_is_what_the_survivors_said(
    database: Database, knows_its_past: bool, attempts: list[Attempt]
) -> None:
    play = Play(database, knows_its_past=knows_its_past)
    before = None
    for attempt in attempts:
        play.play(attempt, before)
        before = attempt
    last = Attempt(batches=((Saying(0, 0),),), dies_after=None, later=1, repeats=False, haunts=None, renews=False)
    play.play(last, None)
    play.check()
    for _ in range(5):
        play.committed()
    play.check()
