"""The invariants of an arrears case, checked on what its store holds: entries, tasks, ledger, messages and orders.

Written without the ladder, so that an error there is not repeated here: the entries that stand say what had happened
before each of them, and periods are counted day by day. Two things leave no trace in a store and are not checked: how
fresh the ledger was when an order went out (1), and whose part of the town a reader was in (11).

Longer than most: the checks stand together, as the invariants do in the design.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, assert_never

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Connection, Row, select

from domain.account import (
    Account,
    Bill,
    Classed,
    CustomerClass,
    Dispute,
    LedgerFact,
    Payment,
    Protected,
    Standing,
    Void,
    received,
    standing,
)
from domain.arrears.events import ArrearsEvent
from domain.arrears.facts import ArrearsFacts
from domain.arrears.fold import fold
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
from domain.calendars import Calendar, day_of, start_of
from domain.money import yuan
from domain.terms import Term, due_at
from store import casebook, ledger
from store.casebook import Entry
from store.tables import accounts, cases, limit_orders, notices, openings, tasks

EVENT: TypeAdapter[ArrearsEvent] = TypeAdapter(ArrearsEvent)
RESTORE = "arrears.restore"
DAY = timedelta(days=1)
LIMITING = ("LimitOrderIssued", "PressureLimited")
ENDS_AN_ORDER = {"PressureLimited": "done", "LimitNotPossible": "unable", "LimitOrderRecalled": "recalled"}
ENDS_A_TASK = {"TaskDecided": "decided", "TaskWithdrawn": "withdrawn"}
LEDGER_ENTRIES = (
    "BillRecorded",
    "PaymentRecorded",
    "PaymentReversed",
    "ProtectionChanged",
    "BillVoided",
    "ClassChanged",
    "AccountChanged",
)


def violations(connection: Connection, case_no: str, policy: ArrearsPolicy, calendar: Calendar) -> list[str]:
    """Every invariant of the design that the store does not bear out for this case, each `<number>: what is wrong`.

    For a case at rest: nothing more that it can do now. `policy` is the one it opened under; `calendar` holds the days
    published when it acted. Reads only.
    """
    found = _found(connection, case_no, policy, calendar)
    if found is None:
        return [f"12: case {case_no} has its number and no record"]
    return [f"{number}: {wrong}" for number, check in CHECKS.items() for wrong in check(found)]


Stops = list[tuple[datetime, datetime | None]]


def period_over_at(*, term: Term, served_at: datetime, stops: Stops, calendar: Calendar) -> datetime | None:
    """When a period that runs against the customer is over, counted day by day; None while it stands still.

    Of a stop, the day that it begins on counts, the days after it up to and with the one that it ends on do not.
    """
    if term.counts == "month-end":
        return due_at(term=term, started_at=served_at, calendar=calendar).at
    ends = served_at + term.duration
    if not term.elapsed:
        day, left = day_of(served_at), term.days
        while left:
            day += DAY
            stopped = [until for since, until in stops if day_of(max(since, served_at)) < day]
            if None in stopped:
                return None
            if not any(until and day <= day_of(until) for until in stopped):
                left -= calendar.is_working_day(day) or term.counts == "natural"
        ends = _last_moment(day, term, calendar)
    for since, until in sorted(stops, key=lambda stop: stop[0]):
        if since >= ends or (until is not None and until <= served_at):
            continue
        if until is None:
            return None
        if term.elapsed:
            ends += until - max(since, served_at)
        else:
            ends = max(ends, _last_moment(day_of(until), term, calendar))
    return ends


def _last_moment(day: Any, term: Term, calendar: Calendar) -> datetime:
    rolls = term.roll or term.counts == "working"
    return start_of((calendar.next_working_day(day) if rolls else day) + DAY)


@dataclass
class Trail:
    """How a case stood, by the entries that came before; a round ends when the ladder starts again."""

    forms: dict[str, dict[str, Any]] = field(default_factory=dict)
    proofs: dict[str, dict[str, Any]] = field(default_factory=dict)
    served: dict[str, Entry] = field(default_factory=dict)
    reports: dict[str, str] = field(default_factory=dict)
    did: set[str] = field(default_factory=set)
    contacts: int = 0
    approval: Entry | None = None
    holds: dict[str, datetime] = field(default_factory=dict)
    disputes: list[Dispute] = field(default_factory=list)
    waived: Counter[str] = field(default_factory=Counter)
    customer_class: CustomerClass | None = None
    classes: dict[str, CustomerClass | None] = field(default_factory=dict)
    stops: Stops = field(default_factory=list)
    recorded: set[int] = field(default_factory=set)
    out: str | None = None
    limited: bool = False
    unchecked: bool = False
    stage: str | None = None
    reached: int = -1
    round: int = 1

    def take(self, entry: Entry, order: Sequence[str]) -> None:
        body = entry.body
        match entry.event:
            case "TaskDecided":
                self.forms[body["key"]] = body["form"]
            case "ClassChanged":
                self.customer_class = body["classed"]["customer_class"]
            case "NoticeServed":
                self.served[body["task"]] = entry
                self.classes[body["task"]] = self.customer_class
                self.proofs[body["task"]] = self.forms.get(body["task"], {})
            case "NonpayerReported":
                self.reports[body["task"]] = entry.by
            case "CustomerDunned" | "LimitPublished":
                self.did.add(body["task"])
            case "ContactRecorded":
                self.contacts += body["reached"]
            case "LimitApproved":
                self.approval = entry
            case "HoldPlaced":
                self.holds[body["id"]] = entry.at
            case "HoldEnded":
                self.holds.pop(body["id"], None)
            case "BillDisputed":
                self.disputes.append(Dispute(bill=body["bill"], started_at=entry.at))
            case "DisputeResolved":
                self.disputes = [
                    d.model_copy(update={"ended_at": entry.at}) if d.bill == body["bill"] and not d.ended_at else d
                    for d in self.disputes
                ]
            case "ClockStopped":
                self.stops.append((entry.at, None))
            case "ClockWentOn":
                self.stops[-1] = (self.stops[-1][0], entry.at)
            case "LimitOrderIssued":
                self.out = body["order_no"]
            case "LimitOrderRecalled":
                self.out, self.unchecked = None, True
            case "LimitNotPossible":
                self.out = None
            case "PressureLimited":
                self.out, self.limited = None, True
            case "WaterRestored":
                self.limited, self.unchecked, self.approval = False, False, None
            case "ValveFoundUntouched":
                self.unchecked = False
            case "LadderRestarted":
                self.round, self.contacts, self.approval = self.round + 1, 0, None
                self.reached = 0 if self.stage == order[0] else -1  # a stage that one stands in is not entered again
                self.served, self.reports, self.proofs, self.did = {}, {}, {}, set()
                self.unchecked = self.unchecked or self.limited
            case "NoticeOverstated":
                self.served.pop(body["task"], None)
                self.proofs.pop(body["task"], None)
                self.approval = None
            case "FeesWaived":
                self.waived.update(body["fees"])
            case "StageEntered":
                self.stage = body["stage"]
                if self.stage in order:
                    self.reached = max(self.reached, order.index(self.stage))
                elif self.stage in ("settled", "restored"):
                    self.approval = None
        if entry.event in LEDGER_ENTRIES:
            self.recorded.add(body["position"])


@dataclass(frozen=True)
class _Found:
    """Everything the store has of a case and its account."""

    policy: ArrearsPolicy
    calendar: Calendar
    case: Row[Any]
    open_subject: str | None
    open_cases: list[str]
    chain: str | None
    said: list[Entry]
    tasks: list[Row[Any]]
    messages: list[Row[Any]]
    orders: list[Row[Any]]
    ledger: list[tuple[int, LedgerFact]]
    protected: Sequence[str]
    at_first: set[int]
    start: ArrearsFacts

    @property
    def stages(self) -> list[str]:
        """Every stage on the way up, in the pack's order."""
        ways = [rung.enters for rung in self.policy.ladder if isinstance(rung, Contacts | Dun | Serve | Wait | Limit)]
        return ["reminded", *(stage for stage in ways if stage)]

    @property
    def as_of(self) -> datetime:
        return max(entry.at for entry in self.said)

    def walk(self) -> Iterator[tuple[Trail, Entry]]:
        """Each entry with how the case stood before it."""
        trail, order = Trail(), self.stages
        for entry in self.said:
            yield trail, entry
            trail.take(entry, order)

    def end(self) -> Trail:
        trail, order = Trail(), self.stages
        for entry in self.said:
            trail.take(entry, order)
        return trail

    def of(self, *events: str) -> list[Entry]:
        return [entry for entry in self.said if entry.event in events]

    def owed(self, before: Trail, at: datetime) -> Standing:
        """What the account owed at an instant, by all that was known then."""
        known = self.known(before, at)
        return standing(facts=known, disputes=before.disputes, waived=before.waived, as_of=at)

    def known(self, before: Trail, at: datetime) -> list[LedgerFact]:
        """What the ledger had by an instant, or the case had read at it."""
        return [
            fact
            for no, fact in self.ledger
            if fact.at < at or (fact.at == at and no in before.recorded | self.at_first)
        ]

    def protected_at(self, at: datetime) -> Sequence[str]:
        changes = [fact for _, fact in self.ledger if isinstance(fact, Protected)]
        if not changes:
            return self.protected
        return next((fact.protected for fact in reversed(changes) if fact.at < at), ())

    def read(self) -> list[LedgerFact]:
        """The part of the ledger that the case says it has taken in."""
        return [fact for no, fact in self.ledger if no <= self.case.ledger_position]


def _found(connection: Connection, case_no: str, policy: ArrearsPolicy, calendar: Calendar) -> _Found | None:
    case = connection.execute(select(cases).where(cases.c.case_no == case_no)).one_or_none()
    if case is None:
        return None
    mine, account_no = (cases.c.process == case.process, cases.c.subject == case.subject), case.subject
    opening = connection.execute(select(openings).where(openings.c.case_no == case_no)).one()
    account = connection.execute(select(accounts.c.protected).where(accounts.c.account_no == account_no)).one()
    said = casebook.timeline(connection, case_no)
    facts = ledger.facts_after(connection, account_no, 0)
    read_later = {entry.body["position"] for entry in said if entry.event in LEDGER_ENTRIES}
    at_first = [(no, fact) for no, fact in facts if no <= case.ledger_position and no not in read_later]
    chain = None
    try:
        casebook.verify(connection, case_no)
    except casebook.BrokenChain as broken:
        chain = str(broken)
    still_open = select(cases.c.case_no).where(*mine, cases.c.status == "open")
    return _Found(
        policy=policy,
        calendar=calendar,
        case=case,
        open_subject=opening.open_subject,
        open_cases=list(connection.scalars(still_open)),
        chain=chain,
        said=said,
        tasks=list(connection.execute(select(tasks).where(tasks.c.case_no == case_no)).all()),
        messages=list(connection.execute(select(notices).where(notices.c.case_no == case_no)).all()),
        orders=list(
            connection.execute(
                select(limit_orders).where(limit_orders.c.account_no == account_no).order_by(limit_orders.c.issued_at)
            ).all()
        ),
        ledger=facts,
        protected=account.protected,
        at_first={no for no, _ in at_first},
        start=ArrearsFacts(
            case_no=case_no,
            pack=case.pack,
            opened_at=case.opened_at,
            as_of=case.opened_at,
            account=_as_it_was(ledger.account(connection, account_no), (f for f in facts if f not in at_first)),
            ledger=tuple(fact for _, fact in at_first),
            ledger_position=max((no for no, _ in at_first), default=0),
        ),
    )


def _as_it_was(account: Account, since: Iterable[tuple[int, LedgerFact]]) -> Account:
    """The account when its case opened: of the two classes the other one, if it has changed since."""
    changed = next((fact for _, fact in since if isinstance(fact, Classed)), None)
    if changed is None:
        return account
    before = "resident" if changed.customer_class == "organisation" else "organisation"
    return account.model_copy(update={"customer_class": before})


def _no_wrongful_limit(found: _Found) -> Iterator[str]:
    for before, entry in found.walk():
        if entry.event not in LIMITING:
            continue
        what = f"{entry.event} at {entry.at.isoformat()}"
        owed = found.owed(before, entry.at).undisputed
        if owed <= found.policy.threshold.value:
            yield f"{what} for {yuan(owed)} of undisputed overdue debt"
        if standing_holds := [hold for hold, since in before.holds.items() if since < entry.at]:
            yield f"{what} while {', '.join(standing_holds)} stood"
        if protected := found.protected_at(entry.at):
            yield f"{what} on an account protected as {', '.join(protected)}"


def _everything_before_a_limit(found: _Found) -> Iterator[str]:
    limit = next((rung for rung in found.policy.ladder if isinstance(rung, Limit)), None)
    if limit is None:
        yield from (
            f"{entry.event} at {entry.at.isoformat()}: this utility limits nobody" for entry in found.of(*LIMITING)
        )
        return
    below = found.policy.ladder[: found.policy.ladder.index(limit)]
    for before, entry in found.walk():
        if entry.event not in LIMITING:
            continue
        what = f"{entry.event} at {entry.at.isoformat()}"
        yield from (f"{what}: {wanting}" for rung in below if (wanting := _wanting(rung, before, entry.at, found)))
        for rung in below:
            if isinstance(rung, Serve) and rung.task in before.served:
                proof = before.proofs[rung.task]
                if not (proof.get("photo") or proof.get("receipt")):
                    yield f"{what}: {rung.task} was served without proof"
        if (told := _told(found, before, entry.at)) <= found.policy.threshold.value:
            yield f"{what}: with {yuan(told)} of debt that a served notice spoke of"
        if entry.event == "LimitOrderIssued" and not limit.window.value.contains(entry.at, found.calendar):
            yield f"{what}: outside the hours in which pressure may be limited"
        if entry.event == "PressureLimited" and entry.body["order_no"] not in {row.order_no for row in found.orders}:
            yield f"{what}: without an order"


def _told(found: _Found, before: Trail, at: datetime) -> int:
    """How much of the undisputed debt (fen) the last notice spoke of: its paper's bills, or all overdue when served.

    A bill put right since is told as far as the one before it was.
    """
    last = max(before.served.values(), key=lambda entry: entry.at, default=None)
    if last is None:
        return 0
    contested = {dispute.bill for dispute in before.disputes if dispute.ended_at is None}
    owed = found.owed(before, at)
    known = found.known(before, at)
    bills = [fact for fact in known if isinstance(fact, Bill)]
    here = {bill.no: bill.amount_fen for bill in bills if bill.at <= last.at and bill.overdue_from <= last.at}
    instead = {fact.no: fact.corrected_by for fact in known if isinstance(fact, Void)}
    named = Counter[str | None]()
    for no, fen in (last.body.get("bills") or here).items():
        named[_stands(no, instead)] += fen
    left = {no: fen for no, fen in owed.owed.items() if no not in contested and no not in owed.left_behind}
    return sum(min(fen, named[no]) for no, fen in left.items())


def _stands(no: str | None, instead: dict[str, str | None]) -> str | None:
    """The bill in the place of this one; None where none is."""
    seen = set[str | None]()
    while no in instead and no not in seen:
        seen.add(no)
        no = instead[no]
    return no


def _wanting(rung: Rung, before: Trail, at: datetime, found: _Found) -> str | None:
    """What this rung still lacks at `at`, None when it stands fulfilled."""
    match rung:
        case Contacts():
            return None if before.contacts >= rung.count.value else f"{before.contacts} contacts reached the customer"
        case Dun():
            return None if rung.task in before.did else f"{rung.task} was not done"
        case Report():
            return None if rung.task in before.reports else f"{rung.task} was not written"
        case Serve():
            return None if rung.task in before.served else f"{rung.task} was not served"
        case Wait():
            if rung.after not in before.served:
                return f"the period {rung.period} has not begun"
            term = rung.term(before.classes[rung.after] or found.start.account.customer_class).value
            served_at = before.served[rung.after].at
            over_at = period_over_at(term=term, served_at=served_at, stops=before.stops, calendar=found.calendar)
            if over_at is not None and over_at <= at:
                return None
            return f"the period {rung.period} runs until {over_at.isoformat() if over_at else 'the clock goes on'}"
        case Approve():
            if before.approval is None:
                return None if before.limited else "nobody approved"
            first = {entry.by for key, entry in before.served.items() if key in rung.not_by.value}
            first |= {by for key, by in before.reports.items() if key in rung.not_by.value}
            return f"{before.approval.by} approved their own work" if before.approval.by in first else None
        case Limit():
            return None if before.limited else "the pressure is not limited"
        case Remind() | Publish() | Refer():
            return None
    assert_never(rung)


def _one_stage_at_a_time(found: _Found) -> Iterator[str]:
    order = found.stages
    rungs = {
        rung.task: at for at, rung in enumerate(found.policy.ladder) if not isinstance(rung, Remind | Contacts | Wait)
    }
    entered = {
        rung.enters: at
        for at, rung in enumerate(found.policy.ladder)
        if isinstance(rung, Contacts | Dun | Serve | Limit) and rung.enters
    }
    for before, entry in found.walk():
        wanted: Sequence[Rung] = ()
        what = ""
        if entry.event == "StageEntered":
            stage = entry.body["stage"]
            what = f"stage {stage} at {entry.at.isoformat()}"
            if stage in order and order.index(stage) > before.reached + 1:
                yield f"{what} right after {before.stage}"
            if stage == "settled" and (owed := found.owed(before, entry.at).overdue):
                yield f"{what} with {yuan(owed)} overdue"
            wanted = found.policy.ladder[: entered[stage] + 1] if stage in entered and not before.limited else ()
        elif entry.event == "TaskOpened" and entry.body["task"]["key"] in rungs and not entry.body["task"]["subject"]:
            what = f"{entry.body['task']['key']} opened at {entry.at.isoformat()}"
            wanted = found.policy.ladder[: rungs[entry.body["task"]["key"]]]
        yield from (f"{what}: {wanting}" for rung in wanted if (wanting := _wanting(rung, before, entry.at, found)))


def _restored_when_settled(found: _Found) -> Iterator[str]:
    end, restores = found.end(), [row for row in found.tasks if row.key == RESTORE and row.status == "open"]
    hanging = end.limited or end.unchecked or end.out is not None
    settled = found.owed(end, found.as_of).overdue == 0
    told = _told(found, end, found.as_of)
    unfounded = settled or told <= found.policy.threshold.value
    if len(restores) > 1 or (unfounded and hanging and not restores):
        state = f"limited: {end.limited}, order out: {end.out}, settled: {settled}, told: {yuan(told)}"
        yield f"{len(restores)} restores are open, {state}"
    if restores and not hanging:
        yield "a restore is open and there is nothing to restore"
    if any(row.due_at is None for row in restores):
        yield "the open restore has no due time"
    if hanging and found.case.status == "closed":
        yield "the case closed and left the valve as it was"
    if settled and (out := [row.order_no for row in found.orders if row.status == "issued"]):
        yield f"order {', '.join(out)} is out and nothing is owed"


def _few_messages(found: _Found) -> Iterator[str]:
    due: Counter[tuple[str | None, str, str, int]] = Counter()
    sent = {row.key: row for row in found.messages if row.status in ("sent", "sending", "unknown")}
    for before, entry in found.walk():
        if entry.event == "MessageDue" and entry.body["key"] in sent:
            due[before.stage, entry.body["template"], entry.body["channel"], before.round] += 1
    for (stage, template, channel, _), count in due.items():
        if count > 1:
            yield f"{count} messages {template} by {channel} in one stage ({stage or 'opening'})"
    announced = {entry.body["key"] for entry in found.of("MessageDue")}
    for row in sent.values():
        what = f"message {row.key} at {row.at.isoformat()}"
        known = [
            fact
            for _, fact in found.ledger
            if fact.at < row.at or (fact.at == row.at and not isinstance(fact, Payment | Void))
        ]
        if standing(facts=known, as_of=row.at).overdue == 0:
            yield f"{what}: nothing was owed any more"
        if row.key not in announced:
            yield f"{what}: no entry called for it"
        if found.policy.quiet_hours.value.contains(row.at):
            yield f"{what}: in quiet hours"


def _balance(found: _Found) -> Iterator[str]:
    read, as_of = found.read(), found.as_of
    end = found.end()
    owed = standing(facts=read, disputes=end.disputes, waived=end.waived, as_of=as_of)
    if found.case.amount_fen != owed.overdue:
        yield f"the case says {yuan(found.case.amount_fen)} is overdue, its ledger {yuan(owed.overdue)}"
    instead = {fact.no: fact.corrected_by for fact in read if isinstance(fact, Void)}
    bills = {fact.no: fact for fact in read if isinstance(fact, Bill)}
    stand = [bill for no, bill in bills.items() if no not in instead and bill.overdue_from <= as_of]
    billed = sum(bill.amount_fen + max(0, bill.late_fee_fen - end.waived[bill.no]) for bill in stand)
    payments = [payment for payment in received(read) if payment.counts_from <= as_of]
    paid = sum(payment.amount_fen for payment in payments)
    left = owed.overdue + owed.late_fees - owed.prepaid
    named = {_stands(no, instead) for payment in payments for no in payment.bills}
    ahead = any(bill.overdue_from > as_of for no, bill in bills.items() if no in named)
    if left < billed - paid or (left > billed - paid and not ahead):
        yield f"bills {yuan(billed)} less payments {yuan(paid)} leave {yuan(billed - paid)}, not {yuan(left)}"
    positions = [entry.body["position"] for entry in found.of(*LEDGER_ENTRIES)]
    if twice := [no for no, count in Counter(positions).items() if count > 1]:
        yield f"ledger positions {twice} were taken in more than once"
    unread = {no for no, _ in found.ledger if no <= found.case.ledger_position} - set(positions)
    if positions and unread and max(unread) > min(positions):
        yield f"ledger positions {sorted(no for no in unread if no > min(positions))} were passed over"


def _one_open_case(found: _Found) -> Iterator[str]:
    is_open = found.case.status == "open"
    if len(found.open_cases) > 1:
        yield f"account {found.case.subject} has open cases {', '.join(found.open_cases)}"
    if is_open is not (found.open_subject is not None):
        yield f"the case is {found.case.status}, its account's place {'taken' if found.open_subject else 'free'}"
    end = found.end()
    if found.case.stage != end.stage:
        yield f"the case shows stage {found.case.stage}, its record {end.stage}"
    ends = found.of("CaseClosed", "CaseReopened")
    outcome = ends[-1].body.get("outcome") if ends else None
    if found.case.outcome != outcome or is_open is (outcome is not None):
        yield f"the case shows {found.case.status} ({found.case.outcome}), its record outcome {outcome}"


def _fences(found: _Found) -> Iterator[str]:
    fences = [row.fence for row in found.orders]
    if any(later <= earlier for earlier, later in pairwise(fences)):
        yield f"fence tokens do not grow: {fences}"
    if stale := [row.order_no for row in found.orders[:-1] if row.status == "issued"]:
        yield f"order {', '.join(stale)} is out beside a later one"
    rows = {row.order_no: row.fence for row in found.orders}
    for entry in found.of("LimitOrderIssued"):
        if rows.get(entry.body["order_no"]) != entry.body["fence"]:
            yield f"order {entry.body['order_no']} has fence {rows.get(entry.body['order_no'])}, the record another"


def _the_record_is_enough(found: _Found) -> Iterator[str]:
    facts = found.start
    for entry in found.said:
        said = {"event": entry.event, "at": entry.at, "by": entry.by, "clauses": entry.clauses} | entry.body
        try:
            facts = fold(facts, EVENT.validate_python(said))
        except ValidationError:
            yield f"entry {entry.sequence} is no {entry.event}"
            return
    told = facts.model_dump(mode="json")
    if different := [name for name, value in told.items() if value != found.case.facts.get(name)]:
        yield f"folded anew, the record leads to other facts: {', '.join(different)}"


def _each_change_has_its_entry(found: _Found) -> Iterator[str]:
    if found.chain:
        yield found.chain
    opened = Counter(entry.body["task"]["id"] for entry in found.of("TaskOpened"))
    ended = {entry.body["task_id"]: ENDS_A_TASK[entry.event] for entry in found.of(*ENDS_A_TASK)}
    yield from _unwitnessed("task", {row.task_id: row.status for row in found.tasks}, opened, ended, running="open")
    issued = Counter(entry.body["order_no"] for entry in found.of("LimitOrderIssued"))
    over: dict[str, str] = {}
    for entry in found.of(*ENDS_AN_ORDER):  # done at the valve outlasts a recall that came too late
        if over.get(entry.body["order_no"]) != "done":
            over[entry.body["order_no"]] = ENDS_AN_ORDER[entry.event]
    orders = {row.order_no: row.status for row in found.orders if row.case_no == found.case.case_no}
    yield from _unwitnessed("order", orders, issued, over, running="issued")
    due = Counter(entry.body["key"] for entry in found.of("MessageDue"))
    fates = Counter(entry.body["key"] for entry in found.of("MessageSettled"))
    if twice := [key for key, count in fates.items() if count > 1]:
        yield f"messages {', '.join(twice)} were settled more than once"
    became = {entry.body["key"]: entry.body["status"] for entry in found.of("MessageSettled")}
    waiting = dict.fromkeys(due.keys() - became.keys() - {row.key for row in found.messages}, "sending")
    rows = {row.key: row.status for row in found.messages}
    yield from _unwitnessed("message", rows | waiting, due, became, running="sending")


def _unwitnessed(
    what: str, rows: dict[str, str], begun: Counter[str], ended: dict[str, str], *, running: str
) -> Iterator[str]:
    """Rows and entries that do not tell the same story: each begun once, and ended as the record says."""
    for no, count in begun.items():
        if count > 1:
            yield f"{what} {no} began {count} times"
        if no not in rows:
            yield f"{what} {no} is on record and has no row"
    for no, status in rows.items():
        if no not in begun:
            yield f"{what} {no} has a row and no entry"
        elif status != ended.get(no, running):
            yield f"{what} {no} is {status}, on record {ended.get(no, running)}"


def _by_a_second_person(found: _Found) -> Iterator[str]:
    opened = {entry.body["task"]["id"]: entry.body["task"] for entry in found.of("TaskOpened")}
    for entry in found.of("TaskDecided"):
        if entry.by in opened.get(entry.body["task_id"], {}).get("not_by", ()):
            yield f"{entry.body['key']} was decided by {entry.by}, who did the work that it checks"
        if entry.by == "system":
            yield f"{entry.body['key']} was decided by nobody"


def _never_forgotten(found: _Found) -> Iterator[str]:
    tasks_open = [row for row in found.tasks if row.status == "open"]
    if found.case.status == "open" and found.case.next_wake is None and not tasks_open:
        yield "the case is open and has no timer, no task and no alarm"
    if found.case.status == "closed" and tasks_open:
        yield f"the case is closed and {', '.join(row.key for row in tasks_open)} is open"


CHECKS: dict[int, Callable[[_Found], Iterator[str]]] = {
    1: _no_wrongful_limit,
    2: _everything_before_a_limit,
    3: _one_stage_at_a_time,
    4: _restored_when_settled,
    5: _few_messages,
    6: _balance,
    7: _one_open_case,
    8: _fences,
    9: _the_record_is_enough,
    10: _each_change_has_its_entry,
    11: _by_a_second_person,
    12: _never_forgotten,
}
