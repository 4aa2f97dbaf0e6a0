"""Money around a deadline, on a grid of milliseconds, in every order of arrival: nobody who has paid is limited.

The judge is a sum: what has been billed less all the money that is here, whatever its instant. Around each deadline of
the ladder (a period's end, the approval, the order, the valve) the debt is paid from a second before to a second after,
and word of it comes at once, after the deadline, late under its earlier instant, to a case that overslept, or with the
money taken back in between. `make explore` takes every millisecond; the gate those next to the deadline, and every
tenth beyond.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from typing import get_args

import pytest

from domain.account import Payment, Reversal
from domain.arrears.events import PressureLimited, WaterRestored
from domain.arrears.interlock import Moment
from domain.refusals import Refused
from tests.domain.arrears.openings import APPROVE, DUNNING, HOUR, LIMIT, LIMIT_NOTICE, RESTORE, SECOND, at
from tests.domain.arrears.play import Play, opened

MS = timedelta(milliseconds=1)
DEBT, THRESHOLD = 8640, 5000
NEAR, EVERY = 50, 1 if "GUANJIA_EXPLORE" in os.environ else 10
GRID = [ms for ms in range(-1000, 1001) if abs(ms) <= NEAR or ms % EVERY == 0]
GOOD_PEOPLE = 40


@dataclass(frozen=True)
class Deadline:
    """An instant, the case shortly before it, and what somebody decides right then."""

    at: datetime
    before: Play
    decides: str | None = None


@cache
def deadlines() -> dict[str, Deadline]:
    def shortly_before(instant: str, *decided: tuple[str, str]) -> Play:
        play = opened()
        for key, when in decided:
            play.decide(key, when=when)
        return play.until(at(instant) - 2 * SECOND)

    dunned = (DUNNING, "2026-03-12 10:00")
    told = (dunned, (LIMIT_NOTICE, "2026-04-15 10:00"))
    by_day, by_night = (APPROVE, "2026-04-21 09:30"), (APPROVE, "2026-04-21 18:00")
    return {
        "the end of the grace": Deadline(at("2026-04-14"), shortly_before("2026-04-14", dunned)),
        "the end of the notice": Deadline(at("2026-04-21"), shortly_before("2026-04-21", *told)),
        "the approval": Deadline(at("2026-04-21 09:30"), shortly_before("2026-04-21 09:30", *told), APPROVE),
        "the order": Deadline(at("2026-04-22 08:30"), shortly_before("2026-04-22 08:30", *told, by_night)),
        "the valve": Deadline(at("2026-04-21 11:00"), shortly_before("2026-04-21 11:00", *told, by_day), LIMIT),
    }


class Race:
    """One payment against one deadline. Every answer of the interlock that allows is held against the sum."""

    def __init__(self, deadline: Deadline, paid_at: datetime) -> None:
        before = deadline.before
        self.play = replace(
            before,
            ledger=list(before.ledger),
            orders=deepcopy(before.orders),
            said=[],
            tasks=dict(before.tasks),
            asked=self.judge,
        )
        self.deadline, self.paid_at = deadline, paid_at
        self.wrongful: list[tuple[Moment, datetime]] = []

    @property
    def owed(self) -> int:
        back = {fact.reference for fact in self.play.ledger if isinstance(fact, Reversal)}
        money = [f.amount_fen for f in self.play.ledger if isinstance(f, Payment) and f.reference not in back]
        return DEBT - sum(money)

    def judge(self, moment: Moment, _at: datetime, unmet: tuple[str, ...]) -> None:
        if not unmet and self.owed <= THRESHOLD:
            self.wrongful.append((moment, self.paid_at))

    def live(self, to: datetime) -> None:
        """Up to an instant; what is decided at the deadline is decided on the way."""
        key, due = self.deadline.decides, self.deadline.at
        if key is not None and self.play.now < due <= to:
            self.play.until(due)
            self.decide(key)
        self.play.until(to)

    def decide(self, key: str) -> None:
        if key in self.play.open():
            untouched = key == RESTORE and self.play.facts.limited_at is None
            with suppress(Refused):
                self.play.decide(key, **({"outcome": "valve-untouched"} if untouched else {}))

    def pay(self, reference: str, *, recorded_at: datetime, heard: bool) -> None:
        paid_at = min(self.paid_at, recorded_at)
        self.play.post(Payment(reference=reference, amount_fen=DEBT, paid_at=paid_at, at=recorded_at), heard)

    def end(self) -> None:
        """Everybody goes on doing their work; afterwards whoever has paid has water, and the case is over."""
        for _ in range(GOOD_PEOPLE):
            if self.play.facts.outcome is not None:
                break
            for key in self.play.open():
                self.play.until(self.play.now + HOUR)
                self.decide(key)
            if (wake := self.play.next_wake) is not None and not self.play.open():
                self.play.until(wake)
        limited = len(self.play.heard(PressureLimited))
        assert (self.play.facts.outcome, self.owed) == ("restored" if limited else "settled", 0)
        assert len(self.play.heard(WaterRestored)) == limited
        # An order that went out is looked after once: the limit undone, or the valve found untouched.
        assert len(self.play.openings(RESTORE)) == bool(limited or self.play.orders)
        assert self.wrongful == []


def heard_at_once(race: Race) -> None:
    race.live(race.paid_at - MS)
    race.play.until(race.paid_at)
    race.pay("T", recorded_at=race.paid_at, heard=True)


def recorded_but_the_nudge_comes_after_the_deadline(race: Race) -> None:
    race.live(race.paid_at - MS)
    race.pay("T", recorded_at=race.paid_at, heard=False)
    race.live(race.deadline.at + 2 * SECOND)
    race.play.hear()


def recorded_after_the_deadline_under_its_earlier_instant(race: Race) -> None:
    race.live(race.deadline.at + 2 * SECOND)
    race.pay("T", recorded_at=race.deadline.at + 2 * SECOND, heard=True)


def to_a_case_that_overslept(race: Race) -> None:
    race.pay("T", recorded_at=race.paid_at, heard=False)
    race.play.now = race.deadline.at + 2 * SECOND
    race.play.hear()


def to_a_case_that_overslept_and_wakes_before_it_hears(race: Race) -> None:
    race.pay("T", recorded_at=race.paid_at, heard=False)
    race.play.now = race.deadline.at + 2 * SECOND
    race.play.until(race.play.now)
    race.play.hear()


def taken_back_and_paid_again_unheard(race: Race) -> None:
    race.live(race.paid_at - MS)
    race.play.until(race.paid_at)
    race.pay("T", recorded_at=race.paid_at, heard=False)
    race.play.post(Reversal(reference="T", at=race.paid_at + MS), heard=True)
    race.pay("U", recorded_at=race.paid_at + 2 * MS, heard=False)
    race.live(race.deadline.at + 2 * SECOND)
    race.play.hear()


WAYS: list[Callable[[Race], None]] = [
    heard_at_once,
    recorded_but_the_nudge_comes_after_the_deadline,
    recorded_after_the_deadline_under_its_earlier_instant,
    to_a_case_that_overslept,
    to_a_case_that_overslept_and_wakes_before_it_hears,
    taken_back_and_paid_again_unheard,
]


def races(name: str, way: Callable[[Race], None]) -> Iterator[Race]:
    deadline = deadlines()[name]
    for ms in GRID:
        race = Race(deadline, deadline.at + ms * MS)
        way(race)
        yield race


@pytest.mark.parametrize("way", WAYS, ids=[way.__name__ for way in WAYS])
@pytest.mark.parametrize("name", deadlines())
def test_whoever_pays_around_a_deadline_is_not_limited(name: str, way: Callable[[Race], None]) -> None:
    for race in races(name, way):
        race.end()


def test_the_grid_is_one_of_milliseconds_around_every_moment_at_which_the_interlock_is_asked() -> None:
    assert set(range(-NEAR, NEAR + 1)) <= set(GRID)
    assert {-1000, 0, 1000} <= set(GRID)
    asked: set[Moment] = set()
    for deadline in deadlines().values():
        race = Race(deadline, deadline.at)
        race.play.asked = lambda moment, _at, _unmet: asked.add(moment)
        race.live(deadline.at + 2 * SECOND)
    assert asked == set(get_args(Moment))


def test_without_money_every_deadline_leads_to_a_limit() -> None:
    """The races are about something: each of these debts is limited when nobody pays."""
    for deadline in deadlines().values():
        race = Race(deadline, deadline.at)
        race.live(deadline.at + 2 * SECOND)
        if race.play.facts.limited_at is None:
            race.play.drive(LIMIT).decide(LIMIT)
        assert (len(race.play.heard(PressureLimited)), race.play.facts.stage) == (1, "limited")


def test_money_a_millisecond_after_the_valve_undoes_the_limit_at_once() -> None:
    deadline = deadlines()["the valve"]
    race = Race(deadline, deadline.at + MS)
    race.live(race.paid_at)
    race.pay("T", recorded_at=race.paid_at, heard=True)
    assert (race.play.open(), race.play.task(RESTORE).opened_at) == ([RESTORE], race.paid_at)
