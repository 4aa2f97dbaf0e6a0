"""What follows at once from an event: named facts of a decision, stages, messages, a recall, a kept promise.

Pure, so that a state change and everything it entails are one record, and the tests' reference can check it.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from domain.account import Bill, received
from domain.arrears.beside import LEFT_BEHIND
from domain.arrears.events import (
    ArrearsEvent,
    BillVoided,
    ClassChanged,
    ClockStopped,
    ClockWentOn,
    CustomerDunned,
    CustomerNotReached,
    DebtReferred,
    FeesWaived,
    FinalSettled,
    HoldEnded,
    HoldProlonged,
    LadderRestarted,
    LeftBehindReferred,
    LimitApproved,
    LimitationAnswered,
    LimitGivenUp,
    LimitNotPossible,
    LimitOrderRecalled,
    LimitPublished,
    LimitPutOff,
    MessageDue,
    MessageReported,
    MessageSettled,
    NonpayerReported,
    NoticeAttemptFailed,
    NoticeOverstated,
    NoticeServed,
    PressureLimited,
    ReferralPutOff,
    UnableJudged,
    ValveFoundUntouched,
    ViolationHandled,
    WaiverRefused,
    WaterRestored,
)
from domain.arrears.facts import ArrearsFacts
from domain.arrears.fold import fold
from domain.arrears.forms import (
    ARREARS_TASKS,
    DunningRecord,
    FinalSettlement,
    HoldReview,
    LegalReferral,
    LimitApproval,
    LimitationAnswer,
    LimitPublication,
    LimitRecord,
    NonpayerReport,
    RestoreRecord,
    Service,
    UnableDecision,
    ViolationRecord,
    WaiverDecision,
)
from domain.arrears.ladder import limit_stands, pursuable
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
    Serve,
    Wait,
)
from domain.calendars import Calendar, start_of
from domain.case import CaseOpened, StageEntered, TaskDecided, answered_escalation
from domain.clauses import keeps
from domain.commands import end_of
from domain.cosigning import Signature
from domain.terms import due_at

NOT_STAGED = (Remind, Report, Publish, Approve, Refer)


def say(
    facts: ArrearsFacts, event: ArrearsEvent, policy: ArrearsPolicy, calendar: Calendar
) -> tuple[ArrearsFacts, list[ArrearsEvent]]:
    """The facts after `event` and everything it entails, and all that was said, in order, the event itself first."""
    before, facts = facts, fold(facts, event)
    said: list[ArrearsEvent] = [event]
    for entailed in _of_the_event(before, event, facts, policy, calendar):
        facts, more = say(facts, entailed, policy, calendar)
        said += more
    while (derived := _derived(facts, policy, event)) is not None:
        facts = fold(facts, derived)
        said.append(derived)
    return facts, said


def _derived(facts: ArrearsFacts, policy: ArrearsPolicy, event: ArrearsEvent) -> ArrearsEvent | None:
    """The next thing that the facts themselves entail, whatever event brought them about."""
    checks = (_kept_hold, _clock, _recall, _stage, _unwanted_message)
    return next((entailed for check in checks if (entailed := check(facts, policy, event)) is not None), None)


def _of_the_event(
    before: ArrearsFacts, event: ArrearsEvent, after: ArrearsFacts, policy: ArrearsPolicy, calendar: Calendar
) -> Iterator[ArrearsEvent]:
    match event:
        case CaseOpened() | LadderRestarted():
            remind = next(rung for rung in policy.ladder if isinstance(rung, Remind))
            yield _message(remind.message.value, remind.channel.value, event.at, after, policy, remind.message.clauses)
            if after.order is not None:
                yield LimitOrderRecalled(at=event.at, order_no=after.order.no, because="never-told")
        case TaskDecided():
            yield from _of_a_decision(before, event, policy, calendar)
        case NoticeServed():
            rung = _serving(event.task, policy)
            if rung.message is not None and rung.channel is not None:
                yield _message(rung.message.value, rung.channel.value, after.as_of, after, policy, rung.message.clauses)
        case MessageSettled(status="failed") | MessageReported(status="failed"):
            if (other := _by_another_channel(event, after, policy)) is not None:
                yield other
        case BillVoided():
            yield from _of_a_correction(event, after, policy)
        case ClassChanged():
            yield from _answered_holds(event, after, "use-class")
        case WaterRestored() if after.restored_at is None:
            yield StageEntered(at=event.at, by=event.by, clauses=event.clauses, stage="restored")
        case _:
            pass
    if after.overdue_bills() - before.overdue_bills():
        owed = before.owed()
        paid_down = owed.own <= policy.threshold.value and not pursuable(owed, policy)
        begun = before.served or before.contacts or before.did or before.reports or before.restored_at
        if paid_down and begun and pursuable(after.owed(), policy):
            yield LadderRestarted(at=event.at)


def _of_a_correction(event: BillVoided, facts: ArrearsFacts, policy: ArrearsPolicy) -> Iterator[ArrearsEvent]:
    """A notice that named more than was due is served again, and an order that rests on it is recalled."""
    yield from _answered_holds(event, facts, "meter-check", "relief")
    amounts = {fact.no: fact for fact in facts.ledger if isinstance(fact, Bill)}
    void, instead = amounts[event.void.no], amounts.get(event.void.corrected_by or "")
    if void.amount_fen <= (instead.amount_fen if instead else 0) or not pursuable(facts.owed(), policy):
        return
    said = {"at": event.at, "clauses": event.clauses}
    order = facts.order
    for at, rung in enumerate(policy.ladder):
        served = facts.served.get(rung.task) if isinstance(rung, Serve) else None
        if served is not None and isinstance(rung, Serve) and void.overdue_from <= served.at:
            periods = tuple(later.period for later in policy.ladder[at:] if isinstance(later, Wait))
            yield NoticeOverstated(**said, task=rung.task, amount_fen=served.amount_fen, periods=periods)
            if order is not None:
                yield LimitOrderRecalled(**said, order_no=order.no, because="notice-overstated")
                order = None


def _answered_holds(event: ArrearsEvent, facts: ArrearsFacts, *grounds: str) -> Iterator[HoldEnded]:
    """The holds that waited for just this."""
    for hold in facts.holds:
        if hold.ground in grounds:
            yield HoldEnded(at=event.at, id=hold.id, kind=hold.kind, how="kept", ground=hold.ground)


def _of_a_decision(
    before: ArrearsFacts, event: TaskDecided, policy: ArrearsPolicy, calendar: Calendar
) -> Iterator[ArrearsEvent]:
    """The facts that a filled form states, and the word to each level that had the task before the last."""
    task = before.tasks[event.task_id]
    form = ARREARS_TASKS[event.key].filled(event.form)
    said = {"at": event.at, "by": event.by, "clauses": task.clauses}
    match form:
        case Service(outcome="served"):
            ways = _serving(event.key, policy).ways.get(before.account.estate)
            manager = "property-manager" if "shared-master" in before.account.protected else None
            yield _served(before, event.key, form.method, **said | {"at": form.served_at or event.at}).model_copy(
                update={
                    "otherwise": ways is not None and form.method not in ways.value,
                    "recipient": form.recipient or manager,
                }
            )
        case Service():
            yield NoticeAttemptFailed(
                **said, task=event.key, method=form.method, reason=form.reason, counts_from=task.counts_from
            )
        case DunningRecord(outcome="reached"):
            yield CustomerDunned(**said, task=event.key, method=form.method, record=form.record)
        case DunningRecord():
            dun = next(rung for rung in policy.ladder if isinstance(rung, Dun))
            again_at = due_at(term=dun.again.value, started_at=event.at, calendar=calendar).at
            yield CustomerNotReached(**said, task=event.key, method=form.method, record=form.record, again_at=again_at)
        case LimitPublication():
            yield LimitPublished(**said, task=event.key, channel=form.channel, text=form.text)
        case NonpayerReport():
            yield NonpayerReported(**said, task=event.key, reason=form.reason)
        case LimitApproval(outcome="approve"):
            yield LimitApproved(**said)
        case LimitApproval(outcome="defer", until=until) if until is not None:
            asked_at = until if isinstance(until, datetime) else start_of(until)
            yield LimitPutOff(**said, how="deferred", until=asked_at, reason=form.reason)
        case LimitApproval() if _only_referred(before, policy):
            yield LimitGivenUp(**said, because="protected")
        case LimitApproval():
            approve = next(rung for rung in policy.ladder if isinstance(rung, Approve))
            asked_at = due_at(term=approve.ask_again.value, started_at=event.at, calendar=calendar).at
            yield LimitPutOff(**said, how="refused", until=asked_at, reason=form.reason)
        case LimitRecord() if before.order is not None:
            order_no = before.order.no
            if form.outcome == "done":
                yield PressureLimited(**said, order_no=order_no)
            else:
                limit = next(rung for rung in policy.ladder if isinstance(rung, Limit))
                retry_at = due_at(term=limit.retry.value, started_at=event.at, calendar=calendar).at
                yield LimitNotPossible(
                    **said, order_no=order_no, reason=form.reason or "", retry_at=retry_at, cause=form.cause
                )
        case LimitRecord():
            # The order was recalled while the engineer decided; what was done at the valve has been said already.
            pass
        case RestoreRecord(outcome="restored"):
            yield WaterRestored(**said)
        case RestoreRecord():
            yield ValveFoundUntouched(**said)
        case Signature():
            # The core keeps what was signed; the ladder does not move by it.
            pass
        case LegalReferral(outcome="refer") if task.subject == LEFT_BEHIND:
            yield LeftBehindReferred(**said, bills=before.owed().left_behind)
        case LegalReferral() if task.subject == LEFT_BEHIND:
            yield _kept_here(event, before, policy, calendar)
        case FinalSettlement(outcome="refer"):
            yield FinalSettled(**said, how="refer", bills=before.owed().left_behind)
        case FinalSettlement():
            yield _kept_here(event, before, policy, calendar)
        case WaiverDecision():
            asked = next(waiver for waiver in before.waivers if waiver.id == task.subject)
            if form.outcome == "approve":
                yield FeesWaived(**said, id=asked.id, fees=asked.fees)
            else:
                yield WaiverRefused(**said, id=asked.id, reason=form.reason)
        case ViolationRecord():
            yield ViolationHandled(**said, id=task.subject or "", how=form.outcome)
        case HoldReview(outcome="prolong", until=until) if until is not None:
            yield HoldProlonged(**said, id=task.subject or "", until=end_of(until), reason=form.reason)
        case HoldReview():
            hold = next(hold for hold in before.holds if hold.id == task.subject)
            yield HoldEnded(**said, id=hold.id, kind=hold.kind, how="over", ground=hold.ground, reason=form.reason)
        case UnableDecision():
            not_before = start_of(form.until) if form.until else None
            yield UnableJudged(**said, how=form.outcome, again_at=not_before, reason=form.reason)
        case LimitationAnswer():
            yield LimitationAnswered(**said, how=form.outcome, method=form.method)
        case LegalReferral(outcome="refer"):
            yield DebtReferred(**said)
        case LegalReferral():
            refer = next(rung for rung in policy.ladder if isinstance(rung, Refer))
            put_off_to = due_at(term=refer.after.value, started_at=event.at, calendar=calendar).at
            yield ReferralPutOff(**said, until=put_off_to)
        case _:
            raise AssertionError(f"{event.key} was decided with a form that no rule reads")
    if (answered := answered_escalation(task, event)) is not None:
        yield answered


def _served(facts: ArrearsFacts, task: str, method: str, **said: Any) -> NoticeServed:
    """Service of the paper that was made out for the task; without one, of all that is owed."""
    paper = next((each for each in facts.issued.values() if each.task == task and each.served_at is None), None)
    if paper is None:
        return NoticeServed(**said, task=task, method=method, amount_fen=facts.owed().own)
    return NoticeServed(
        **said,
        task=task,
        method=method,
        amount_fen=paper.amount_fen,
        notice=paper.no,
        bills=paper.bills,
        content=paper.content,
    )


def _kept_here(event: TaskDecided, facts: ArrearsFacts, policy: ArrearsPolicy, calendar: Calendar) -> FinalSettled:
    """What was left behind is asked for here for another term."""
    term = (policy.left_behind.again if policy.left_behind else policy.review_every).value
    again_at = due_at(term=term, started_at=event.at, calendar=calendar).at
    return FinalSettled(
        at=event.at, by=event.by, clauses=event.clauses, how="keep", bills=facts.owed().left_behind, again_at=again_at
    )


def _only_referred(facts: ArrearsFacts, policy: ArrearsPolicy) -> bool:
    """Whether the debt of such an account is referred, since its water may never be limited."""
    only = policy.refer_protected.value if policy.refer_protected else ()
    return bool(set(only) & set(facts.account.protected))


def _serving(task: str, policy: ArrearsPolicy) -> Serve:
    return next(rung for rung in policy.ladder if isinstance(rung, Serve) and rung.task == task)


@keeps("jinan.follow-up.feedback-next-day-0830")
def _message(
    template: str, channel: str, at: datetime, facts: ArrearsFacts, policy: ArrearsPolicy, clauses: tuple[str, ...]
) -> MessageDue:
    """A message to the customer, held back during quiet hours."""
    not_before = policy.quiet_hours.value.next_outside(at)
    key = f"{template}-{facts.messages_due + 1}"
    return MessageDue(at=at, key=key, template=template, channel=channel, not_before=not_before, clauses=clauses)


def _by_another_channel(
    failed: MessageSettled | MessageReported, facts: ArrearsFacts, policy: ArrearsPolicy
) -> MessageDue | None:
    """The same words by the channel that comes next in the pack; once, and to nobody who owes nothing any more."""
    channel = policy.channel_after(failed.template, failed.channel)
    if channel is None or failed.key in facts.replaced or facts.owed().own == 0 or facts.withdrawn:
        return None
    due = _message(failed.template, channel.value, failed.at, facts, policy, channel.clauses)
    return due.model_copy(update={"instead_of": failed.key})


def _kept_hold(facts: ArrearsFacts, policy: ArrearsPolicy, event: ArrearsEvent) -> HoldEnded | None:
    """A promise or plan is kept once its whole sum is paid, a wait for the bank once its money is here."""
    for hold in facts.holds:
        if hold.reference is not None and any(each.reference == hold.reference for each in received(facts.ledger)):
            return HoldEnded(at=event.at, id=hold.id, kind=hold.kind, how="kept", ground=hold.ground)
        if hold.parts and not hold.left(facts.paid_since(hold.started_at)):
            return HoldEnded(at=event.at, id=hold.id, kind=hold.kind, how="kept")
    return None


def _clock(facts: ArrearsFacts, policy: ArrearsPolicy, event: ArrearsEvent) -> ClockStopped | ClockWentOn | None:
    """The customer's periods stop while a hold stands or what is left above the threshold is disputed."""
    owed = facts.owed()
    stands = bool(facts.holds) or (owed.own > policy.threshold.value and not pursuable(owed, policy))
    stopped = bool(facts.stood) and facts.stood[-1].ended_at is None
    if stands and not stopped:
        return ClockStopped(at=event.at, because=facts.holds[0].kind if facts.holds else "dispute")
    if stopped and not stands:
        return ClockWentOn(at=event.at)
    return None


def _recall(facts: ArrearsFacts, policy: ArrearsPolicy, event: ArrearsEvent) -> LimitOrderRecalled | None:
    """An order that is out is recalled the moment its grounds are gone."""
    if facts.order is None or limit_stands(facts, policy):
        return None
    because = "settled" if facts.owed().overdue == 0 else "no-longer-justified"
    return LimitOrderRecalled(at=event.at, order_no=facts.order.no, because=because)


def _stage(facts: ArrearsFacts, policy: ArrearsPolicy, event: ArrearsEvent) -> StageEntered | None:
    """The next stage on the way to where the facts stand: forwards one after the other, skipping none."""
    stage = stage_now(facts, policy)
    if stage == facts.stage:
        return None
    order = ["reminded", *(rung.enters for rung in policy.ladder if not isinstance(rung, NOT_STAGED) and rung.enters)]
    here = order.index(facts.stage) if facts.stage in order else -1
    if stage in order and (facts.stage is None or -1 < here < order.index(stage)):
        stage = order[here + 1]
    return StageEntered(at=event.at, by=event.by, clauses=event.clauses, stage=stage)


def stage_now(facts: ArrearsFacts, policy: ArrearsPolicy) -> str:
    """The stage that the facts put the case in."""
    if facts.limited_at is not None:
        return "limited"
    if facts.withdrawn or facts.outcome in ("withdrawn", "referred"):
        return "closed"
    if facts.restored_at is not None:
        return "restored"
    if facts.owed().overdue == 0:
        return "settled"
    stage = "reminded"
    for rung in policy.ladder:
        match rung:
            case Contacts() if facts.contacts >= rung.count.value:
                stage = rung.enters
            case Dun() if rung.task in facts.did and rung.enters:
                stage = rung.enters
            case Serve() if rung.task in facts.served:
                stage = rung.enters
            case Wait() if rung.after in facts.served and rung.enters:
                stage = rung.enters
            case _:
                pass
    return stage


def _unwanted_message(facts: ArrearsFacts, policy: ArrearsPolicy, event: ArrearsEvent) -> MessageSettled | None:
    """A debt that is settled is not written about any more."""
    if facts.owed().own > 0 and not facts.withdrawn:
        return None
    for message in facts.messages.values():
        return MessageSettled(
            at=event.at, key=message.key, template=message.template, channel=message.channel, status="withdrawn"
        )
    return None
