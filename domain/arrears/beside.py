"""What an arrears case asks for beside its ladder: what was declared open, and what a predecessor left behind."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from domain.arrears.events import LimitationNear
from domain.arrears.facts import ArrearsFacts
from domain.arrears.forms import (
    APPROVE_WAIVER,
    HANDLE_VIOLATION,
    REFER_LEGAL,
    REVIEW_HOLD,
    SETTLE_FINAL,
    WATCH_LIMITATION,
)
from domain.arrears.policy import ArrearsPolicy
from domain.calendars import day_of, start_of
from domain.policy import Sourced
from domain.steps import Ask
from domain.terms import Term

LEFT_BEHIND = "left-behind"
"""The subject that tells the referral of a predecessor's debt from that of the customer's own."""


def asked_beside(facts: ArrearsFacts, policy: ArrearsPolicy) -> tuple[Ask, ...]:
    """The tasks that run beside the ladder, whatever it calls for."""
    return tuple(_asks(facts, policy))


def _asks(facts: ArrearsFacts, policy: ArrearsPolicy) -> Iterator[Ask]:
    if (term := policy.waiver) is not None:
        yield from (_ask(APPROVE_WAIVER.key, term, subject=each.id, not_by=(each.by,)) for each in facts.waivers)
    if (term := policy.violation) is not None:
        yield from (_ask(HANDLE_VIOLATION.key, term, subject=each.id) for each in facts.violations)
    if (term := policy.review_hold) is not None:
        yield from (_ask(REVIEW_HOLD.key, term, subject=hold.id) for hold in facts.holds if hold.fell_due)
    if facts.limitation_open and policy.limitation is not None:
        yield _ask(WATCH_LIMITATION.key, policy.limitation.answer)
    left = set(facts.owed().left_behind)
    if policy.left_behind is None or left <= set(facts.referred_bills):
        return
    if left <= set(facts.settled_bills):
        yield _ask(REFER_LEGAL.key, policy.left_behind.refer, subject=LEFT_BEHIND)
    elif facts.settle_again_at is None:
        yield _ask(SETTLE_FINAL.key, policy.left_behind.settle)


def _ask(key: str, term: Sourced[Term], *, subject: str | None = None, not_by: tuple[str, ...] = ()) -> Ask:
    return Ask(key=key, term=term.value, clauses=term.clauses, subject=subject, not_by=not_by)


def out_of_time_at(facts: ArrearsFacts, policy: ArrearsPolicy) -> datetime | None:
    """When the oldest of the debt can be sued for no more (Civil Code 188); None: nothing owed, or not watched.

    Counted from the day after it was due, or from the last time that the customer was asked for it, or owned up.
    """
    if policy.limitation is None:
        return None
    owed, renewed_at = facts.owed().owed, facts.renewed_at
    began = [max(bill.overdue_from, renewed_at or bill.overdue_from) for bill in facts.bills() if bill.no in owed]
    if not began:
        return None
    day = day_of(min(began))
    years_on = (day + timedelta(days=1)).replace(day=1) if (day.month, day.day) == (2, 29) else day
    last = years_on.replace(year=years_on.year + policy.limitation.years.value)
    return start_of(last + timedelta(days=1))


def limitation_near(facts: ArrearsFacts, policy: ArrearsPolicy) -> LimitationNear | None:
    """The next warning that the debt is soon out of time; None once it was given, and when it is too late."""
    ends_at = out_of_time_at(facts, policy)
    if policy.limitation is None or ends_at is None or ends_at <= facts.as_of or facts.limitation_warned == ends_at:
        return None
    warn = policy.limitation.warn
    warn_at = ends_at - timedelta(days=warn.value.days)
    return LimitationNear(at=max(warn_at, facts.as_of), until=ends_at, clauses=warn.clauses)
