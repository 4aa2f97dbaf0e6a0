"""The clock ledger: whose time each minute of a task was."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict

from domain.terms import Remaining

Party = Literal["utility", "customer", "government", "contractor", "force-majeure"]


class Interval(BaseModel):
    """A half-open stretch of time that belongs to one party; `ended_at` None while it runs.

    Another party's has its reason, its evidence (a text, or the reference of a document) and what was `left` of the
    term when it began.
    """

    model_config = ConfigDict(frozen=True)

    party: Party
    started_at: datetime
    ended_at: datetime | None = None
    reason: str | None = None
    evidence: str | None = None
    left: Remaining | None = None


Ledger = tuple[Interval, ...]


def handed_to(
    ledger: Ledger,
    *,
    party: Party,
    at: datetime,
    reason: str | None = None,
    evidence: str | None = None,
    left: Remaining | None = None,
) -> Ledger:
    """The ledger after the clock passes to `party` at `at`: the running interval ends there, the next begins."""
    begun = Interval(party=party, started_at=at, reason=reason, evidence=evidence, left=left)
    return (*ended(ledger, at=at), begun)


def ended(ledger: Ledger, *, at: datetime) -> Ledger:
    """The ledger with its running interval closed at `at`."""
    if not ledger or ledger[-1].ended_at is not None:
        return ledger
    return (*ledger[:-1], ledger[-1].model_copy(update={"ended_at": at}))


def spent(ledger: Ledger, *, party: Party | None = None, until: datetime) -> timedelta:
    """Time that belonged to `party` (every party when None), a running interval counted up to `until`."""
    total = timedelta()
    for interval in ledger:
        if party is None or interval.party == party:
            total += max(timedelta(), (interval.ended_at or until) - interval.started_at)
    return total


def by_party(ledgers: Iterable[Ledger], *, until: datetime) -> dict[Party, timedelta]:
    """Whose time it was: what belonged to each party over several tasks, parties without any left out."""
    times: dict[Party, timedelta] = {}
    for ledger in ledgers:
        for party in dict.fromkeys(interval.party for interval in ledger):
            times[party] = times.get(party, timedelta()) + spent(ledger, party=party, until=until)
    return times


def by_phase(
    ledgers: Iterable[Ledger], *, entered: Sequence[tuple[str, datetime]], until: datetime
) -> dict[str, dict[Party, timedelta]]:
    """Whose time it was in each phase: `entered` are phases and instants in order; one that came back adds up."""
    kept = list(ledgers)
    ends = [at for _, at in entered[1:]] + [max([until, *(at for _, at in entered)])]
    phases: dict[str, dict[Party, timedelta]] = {}
    for (phase, since), end in zip(entered, ends, strict=True):
        times = phases.setdefault(phase, {})
        for party, time in by_party((_within(ledger, since, end, until) for ledger in kept), until=until).items():
            if time:
                times[party] = times.get(party, timedelta()) + time
    return phases


def _within(ledger: Ledger, since: datetime, end: datetime, until: datetime) -> Ledger:
    """The part of a ledger that lies between two instants."""
    cut = (
        each.model_copy(
            update={"started_at": max(each.started_at, since), "ended_at": min(each.ended_at or until, end)}
        )
        for each in ledger
    )
    return tuple(each for each in cut if each.ended_at is not None and each.started_at < each.ended_at)
