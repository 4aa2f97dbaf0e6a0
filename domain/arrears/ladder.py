"""The ladder: what an arrears case calls for now, what time alone will bring, and what follows from an event.

Three pure functions of the facts and the pack. The workflow runs them, the case page shows them, a pack move and the
tests' reference compare with them.
"""

from collections.abc import Iterator
from datetime import datetime

from domain.account import Bill, Standing, in_place_of
from domain.arrears.beside import asked_beside, limitation_near
from domain.arrears.events import (
    BillFellOverdue,
    DeferralEnded,
    HoldEnded,
    HoldFellDue,
    LimitWindowOpened,
    PeriodEnded,
    ReviewDue,
    SettlementDueAgain,
)
from domain.arrears.facts import ArrearsFacts, OpenHold
from domain.arrears.forms import DECIDE_UNABLE, RESTORE
from domain.arrears.policy import (
    Approve,
    ArrearsPolicy,
    Contacts,
    Dun,
    Limit,
    Publish,
    Refer,
    Remind,
    Report,
    Rung,
    Serve,
    Wait,
)
from domain.calendars import Calendar
from domain.case import Event, ends
from domain.chain import alarms
from domain.cosigning import with_signatures
from domain.steps import Act, Ask, Close, StandStill, Step, with_beside
from domain.terms import Due, Term, due_at


class IssueOrder(Act):
    """The limit order is to be issued now, if the interlock agrees."""


def pursuable(owed: Standing, policy: ArrearsPolicy) -> bool:
    """Whether there is debt that the ladder may go on for: undisputed, overdue and above the threshold.

    One that is the threshold to the fen is not below it: the ladder goes on until part of it is paid or disputed.
    """
    exactly = owed.whole and 0 < owed.undisputed == policy.threshold.value
    return exactly or limitable(owed, policy)


def limitable(owed: Standing, policy: ArrearsPolicy) -> bool:
    """Whether there is debt that water may be limited for: undisputed, overdue and above the threshold."""
    return owed.undisputed > policy.threshold.value


def told(owed: Standing, facts: ArrearsFacts) -> int:
    """How much of what is pursued (fen) the last notice served spoke of.

    The bills on its paper, each up to what that named; of one without a paper, the bills that were here and overdue by
    then. What was put right since is told as far as the bill before it was.
    """
    last = max(facts.served.values(), key=lambda served: served.at, default=None)
    if last is None:
        return 0
    contested = {dispute.bill for dispute in facts.disputes if dispute.ended_at is None}
    left = {no: fen for no, fen in owed.owed.items() if no not in contested and no not in owed.left_behind}
    here = (f for f in facts.ledger if isinstance(f, Bill) and max(f.at, f.overdue_from) <= last.at)
    named = in_place_of(facts.ledger, last.bills or {bill.no: bill.amount_fen for bill in here})
    return sum(min(fen, named.get(no, 0)) for no, fen in left.items())


def begins_anew(facts: ArrearsFacts, policy: ArrearsPolicy) -> bool:
    """Whether the debt that is pursued was told to nobody, and no notice is left on this ladder that could tell it."""
    notices = [rung.task for rung in policy.ladder if isinstance(rung, Serve)]
    if facts.withdrawn or not notices or any(task not in facts.served for task in notices):
        return False
    owed = facts.owed()
    return limitable(owed, policy) and told(owed, facts) <= policy.threshold.value


def limit_stands(facts: ArrearsFacts, policy: ArrearsPolicy) -> bool:
    """Whether a limit may be carried out or an order stay out: debt above the threshold and nothing that forbids it."""
    forbidden = facts.holds or facts.account.protected or facts.withdrawn
    return not forbidden and limitable(facts.owed(), policy)


def _ordered_again(facts: ArrearsFacts, policy: ArrearsPolicy) -> bool:
    """Whether what recalled an order is over and it goes out again as it was approved: its visit checks the valve."""
    return facts.approval is not None and limit_stands(facts, policy)


def next_step(facts: ArrearsFacts, policy: ArrearsPolicy, calendar: Calendar) -> Step | None:
    """What the case calls for now, and of whom; None when it has ended."""
    step = _next_step(facts, policy, calendar)
    if isinstance(step, Ask):
        step = _by_whom(step, policy)
    beside = tuple(_by_whom(ask, policy) for ask in asked_beside(facts, policy))
    return with_signatures(with_beside(step, beside), facts, process="arrears", term=policy.cosign)


def _by_whom(ask: Ask, policy: ArrearsPolicy) -> Ask:
    who = policy.who.get(ask.key)
    return ask.model_copy(update={"role": who.value.role, "level": who.value.level}) if who else ask


def _next_step(facts: ArrearsFacts, policy: ArrearsPolicy, calendar: Calendar) -> Step | None:
    if facts.outcome is not None:
        return None
    owed = facts.owed()
    wrongly_limited = facts.limited_at is not None and (
        not limitable(owed, policy) or facts.withdrawn or facts.account.protected or facts.notice_overstated
    )
    if wrongly_limited or (facts.check_valve and not _ordered_again(facts, policy)):
        return Ask(key=RESTORE.key, term=policy.restore.value, clauses=policy.restore.clauses)
    if facts.withdrawn:
        return Close(outcome="withdrawn")
    if owed.overdue == 0:
        return Close(outcome="restored" if facts.restored_at else "settled")
    if owed.own == 0:
        if set(owed.left_behind) <= set(facts.referred_bills):
            return Close(outcome="referred")
        return _standing(facts, policy, calendar, because="left-behind")
    if facts.holds:
        return _standing(facts, policy, calendar, because=facts.holds[0].kind)
    if not pursuable(owed, policy):
        return _standing(facts, policy, calendar, because="disputed" if owed.disputed else "below-threshold")
    published: tuple[Ask, ...] = ()
    for rung in policy.ladder:
        if isinstance(rung, Publish):
            published = _to_publish(rung, facts)
            continue
        step = _called_for(rung, facts, policy, calendar)
        if step is not None:
            return with_beside(step, published)
    return with_beside(_standing(facts, policy, calendar, because="end-of-ladder"), published)


def _to_publish(rung: Publish, facts: ArrearsFacts) -> tuple[Ask, ...]:
    """The word in the groups of a limit that is coming: beside the ladder, which does not wait for it."""
    if rung.task in facts.did or facts.account.protected or facts.limit_given_up_at is not None:
        return ()
    return (Ask(key=rung.task, term=rung.term.value, clauses=rung.term.clauses),)


def _called_for(rung: Rung, facts: ArrearsFacts, policy: ArrearsPolicy, calendar: Calendar) -> Step | None:
    """The step that a rung still needs, or None when it stands fulfilled."""
    match rung:
        case Remind():
            return None
        case Contacts() if facts.contacts < rung.count.value:
            return _standing(facts, policy, calendar, because="contacts")
        case Dun() if rung.task not in facts.did:
            speaks_at = max(dunning_starts(rung, facts, calendar).at, facts.dun_again_at or facts.opened_at)
            if "dun" not in facts.periods or facts.periods["dun"] < speaks_at:
                return StandStill(
                    because="dun", moment=PeriodEnded(at=speaks_at, period="dun", clauses=rung.after.clauses)
                )
            return Ask(key=rung.task, term=rung.term.value, clauses=rung.term.clauses)
        case Report() if rung.task not in facts.reports:
            return Ask(key=rung.task, term=rung.term.value, clauses=rung.term.clauses)
        case Serve() if rung.task not in facts.served:
            attempts = facts.attempts.get(rung.task)
            return Ask(
                key=rung.task,
                term=rung.term.value,
                clauses=rung.term.clauses,
                counts_from=attempts.counts_from if attempts else None,
            )
        case Wait() if rung.period not in facts.periods:
            ends = period_end(rung, facts, calendar)
            return StandStill(
                because=rung.period,
                moment=PeriodEnded(
                    at=ends.at, period=rung.period, clauses=rung.term(facts.account.customer_class).clauses
                ),
            )
        case Approve() | Limit() if facts.limit_given_up_at is not None and facts.limited_at is None:
            return None
        case Approve() if facts.approval is None and facts.limited_at is None:
            if facts.ask_again_at is not None:
                return StandStill(because="put-off", moment=DeferralEnded(at=max(facts.ask_again_at, facts.as_of)))
            return Ask(
                key=rung.task, term=rung.term.value, clauses=rung.term.clauses, not_by=_checked_people(rung, facts)
            )
        case Limit() if facts.order is not None:
            return Ask(key=rung.task, term=rung.term.value, clauses=rung.term.clauses)
        case Limit() if facts.limited_at is None and facts.account.protected:
            return _standing(facts, policy, calendar, because="protected")
        case Limit() if facts.limited_at is None and not limitable(facts.owed(), policy):
            return _standing(facts, policy, calendar, because="at-threshold")
        case Limit() if facts.limited_at is None and _tried_in_vain(rung, facts) and policy.decide_unable:
            return Ask(key=DECIDE_UNABLE.key, term=policy.decide_unable.value, clauses=policy.decide_unable.clauses)
        case Limit() if facts.limited_at is None:
            earliest = max(facts.as_of, facts.retry_at or facts.as_of)
            opens = rung.window.value.next_inside(earliest, calendar)
            if opens > facts.as_of:
                return StandStill(
                    because="limit-window", moment=LimitWindowOpened(at=opens, clauses=rung.window.clauses)
                )
            return IssueOrder()
        case Refer() if (since := referral_counts_from(facts, policy)) is not None and not facts.referred:
            terms = (rung.after.value, *facts.kept_terms.get("refer", ()))
            due = max(due_at(term=each, started_at=since, calendar=calendar).at for each in terms)
            due = max(due, facts.refer_again_at or due)
            if "refer" not in facts.periods or facts.periods["refer"] < due:
                return StandStill(
                    because="refer", moment=PeriodEnded(at=due, period="refer", clauses=rung.after.clauses)
                )
            return Ask(key=rung.task, term=rung.term.value, clauses=rung.term.clauses)
        case _:
            return None


def _tried_in_vain(rung: Limit, facts: ArrearsFacts) -> bool:
    """Whether the limit was not possible as often as the pack tries it before somebody decides."""
    return rung.tries is not None and facts.unable >= rung.tries.value


def _standing(facts: ArrearsFacts, policy: ArrearsPolicy, calendar: Calendar, *, because: str) -> StandStill:
    """Standing with no end of its own: a review comes if nothing happens for the pack's review term."""
    review_at = due_at(term=policy.review_every.value, started_at=facts.as_of, calendar=calendar).at
    review = ReviewDue(at=review_at, because=because, clauses=policy.review_every.clauses)
    return StandStill(because=because, moment=review)


def _checked_people(rung: Approve, facts: ArrearsFacts) -> tuple[str, ...]:
    """Whoever did the work that an approval checks."""
    people = {facts.served[key].by for key in rung.not_by.value if key in facts.served}
    people |= {facts.reports[key] for key in rung.not_by.value if key in facts.reports}
    return tuple(sorted(people))


def period_end(rung: Wait, facts: ArrearsFacts, calendar: Calendar) -> Due:
    """When a period ends: counted from service, days in which the ladder stood still on a hold left out.

    The customer's class of that day holds for the period, though it should be another one meanwhile.
    """
    return _end(rung.period, _given(rung, facts), since=facts.served[rung.after].at, facts=facts, calendar=calendar)


def _given(rung: Wait, facts: ArrearsFacts) -> Term:
    return rung.term(facts.served[rung.after].customer_class or facts.account.customer_class).value


def dunning_starts(rung: Dun, facts: ArrearsFacts, calendar: Calendar) -> Due:
    """When the representative's turn comes: counted from the reminder, without days in which the ladder stood still."""
    reminded_at = facts.ladder_from or facts.opened_at
    return _end("dun", rung.after.value, since=reminded_at, facts=facts, calendar=calendar)


def _end(period: str, term: Term, *, since: datetime, facts: ArrearsFacts, calendar: Calendar) -> Due:
    """When a period of the customer's ends: by its term, or later by one it had before the case moved to this pack."""
    stood = [(each.started_at, each.ended_at or facts.as_of) for each in facts.stood]
    terms = (term, *facts.kept_terms.get(period, ()))
    found = [ends(term=each, started_at=since, paused=stood, calendar=calendar) for each in terms]
    return max(found, key=lambda due: due.at)


def running_periods(facts: ArrearsFacts, policy: ArrearsPolicy) -> dict[str, Term]:
    """The terms of the customer's periods that have begun and are not over."""
    running: dict[str, Term] = {}
    for rung in policy.ladder:
        match rung:
            case Wait() if rung.after in facts.served and rung.period not in facts.periods:
                running[rung.period] = _given(rung, facts)
            case Dun() if rung.task not in facts.did and "dun" not in facts.periods:
                running["dun"] = rung.after.value
            case Refer() if referral_counts_from(facts, policy) is not None and "refer" not in facts.periods:
                running["refer"] = rung.after.value
            case _:
                pass
    return running


def referral_counts_from(facts: ArrearsFacts, policy: ArrearsPolicy) -> datetime | None:
    """The instant from which the end of the ladder counts: the limit, or the last thing done where no limit comes."""
    if policy.limits:
        return facts.limited_at or facts.limit_given_up_at
    done = [facts.did[rung.task].at for rung in policy.ladder if isinstance(rung, Dun) and rung.task in facts.did]
    done += [facts.served[r.task].at for r in policy.ladder if isinstance(r, Serve) and r.task in facts.served]
    return max(done, default=None)


def next_moment(facts: ArrearsFacts, policy: ArrearsPolicy, calendar: Calendar) -> Event | None:
    """The next thing that time alone will bring, or None. An event in the past is one the case has yet to notice."""
    return min(_moments(facts, policy, calendar), key=lambda event: event.at, default=None)


def _moments(facts: ArrearsFacts, policy: ArrearsPolicy, calendar: Calendar) -> Iterator[Event]:
    if facts.outcome is not None:
        return
    step = next_step(facts, policy, calendar)
    if isinstance(step, StandStill) and step.moment is not None:
        yield step.moment
    for hold in facts.holds:
        if (ended := hold_end(hold, facts)) is not None:
            yield ended
    for fact in facts.ledger:
        if fact.kind == "bill" and fact.overdue_from > facts.as_of:
            yield BillFellOverdue(at=fact.overdue_from, no=fact.no)
    if (near := limitation_near(facts, policy)) is not None:
        yield near
    if facts.settle_again_at is not None:
        yield SettlementDueAgain(at=max(facts.settle_again_at, facts.as_of))
    for task in facts.tasks.values():
        yield from alarms(task, policy=policy.escalation.value, chain=policy.chain, calendar=calendar)


def hold_end(hold: OpenHold, facts: ArrearsFacts) -> HoldEnded | HoldFellDue | None:
    """How a hold will end by itself: at its `until`, or broken at the first instalment not covered by then.

    One that is to be looked at only falls due: it ends when somebody says so.
    """
    if hold.fell_due:
        return None
    if hold.until is not None and hold.looked_at:
        return HoldFellDue(at=max(hold.until, facts.as_of), id=hold.id, ground=hold.ground)
    if hold.until is not None:
        return HoldEnded(at=max(hold.until, facts.as_of), id=hold.id, kind=hold.kind, how="over", ground=hold.ground)
    left = hold.left(facts.paid_since(hold.started_at))
    if not left:
        return None
    return HoldEnded(at=max(left[0].due_at, facts.as_of), id=hold.id, kind=hold.kind, how="broken")
