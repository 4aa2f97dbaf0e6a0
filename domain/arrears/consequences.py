"""What follows at once from an event: named facts of a decision, stages, messages, a recall, a kept promise.

Pure, so that a state change and everything it entails are one record, and the tests' reference can check it.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from domain.arrears.facts import (
    ArrearsEvent,
    ArrearsFacts,
    ClockStopped,
    ClockWentOn,
    CustomerDunned,
    CustomerNotReached,
    DebtReferred,
    HoldEnded,
    LadderRestarted,
    LimitApproved,
    LimitNotPossible,
    LimitOrderRecalled,
    LimitPublished,
    LimitPutOff,
    MessageDue,
    MessageReported,
    MessageSettled,
    NonpayerReported,
    NoticeAttemptFailed,
    NoticeServed,
    PressureLimited,
    ReferralPutOff,
    ValveFoundUntouched,
    WaterRestored,
    fold,
)
from domain.arrears.forms import (
    ARREARS_TASKS,
    DunningRecord,
    LegalReferral,
    LimitApproval,
    LimitPublication,
    LimitRecord,
    NonpayerReport,
    RestoreRecord,
    Service,
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
        case WaterRestored() if after.restored_at is None:
            yield StageEntered(at=event.at, by=event.by, clauses=event.clauses, stage="restored")
        case _:
            pass
    if after.overdue_bills() - before.overdue_bills():
        paid_down = before.owed().overdue <= policy.threshold.value
        begun = before.served or before.contacts or before.did or before.reports or before.restored_at
        if paid_down and begun and pursuable(after.owed(), policy):
            yield LadderRestarted(at=event.at)


def _of_a_decision(
    before: ArrearsFacts, event: TaskDecided, policy: ArrearsPolicy, calendar: Calendar
) -> Iterator[ArrearsEvent]:
    """The facts that a filled form states, and the word to each level that had the task before the last."""
    task = before.tasks[event.task_id]
    form = ARREARS_TASKS[event.key].filled(event.form)
    said = {"at": event.at, "by": event.by, "clauses": task.clauses}
    match form:
        case Service(outcome="served"):
            yield _served(before, event.key, form.method, **said | {"at": form.served_at or event.at})
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
                yield LimitNotPossible(**said, order_no=order_no, reason=form.reason or "", retry_at=retry_at)
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
        return NoticeServed(**said, task=task, method=method, amount_fen=facts.owed().overdue)
    return NoticeServed(
        **said,
        task=task,
        method=method,
        amount_fen=paper.amount_fen,
        notice=paper.no,
        bills=paper.bills,
        content=paper.content,
    )


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
    if channel is None or failed.key in facts.replaced or facts.owed().overdue == 0 or facts.withdrawn:
        return None
    due = _message(failed.template, channel.value, failed.at, facts, policy, channel.clauses)
    return due.model_copy(update={"instead_of": failed.key})


def _kept_hold(facts: ArrearsFacts, policy: ArrearsPolicy, event: ArrearsEvent) -> HoldEnded | None:
    """A promise or plan is kept once its whole sum is paid."""
    for hold in facts.holds:
        if hold.parts and facts.paid_since(hold.started_at) >= sum(part.amount_fen for part in hold.parts):
            return HoldEnded(at=event.at, id=hold.id, kind=hold.kind, how="kept")
    return None


def _clock(facts: ArrearsFacts, policy: ArrearsPolicy, event: ArrearsEvent) -> ClockStopped | ClockWentOn | None:
    """The customer's periods stop while a hold stands or what is left above the threshold is disputed."""
    owed = facts.owed()
    stands = bool(facts.holds) or (owed.overdue > policy.threshold.value and not pursuable(owed, policy))
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
    if facts.withdrawn or facts.outcome == "withdrawn":
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
    if facts.owed().overdue > 0 and not facts.withdrawn:
        return None
    for message in facts.messages.values():
        return MessageSettled(
            at=event.at, key=message.key, template=message.template, channel=message.channel, status="withdrawn"
        )
    return None
