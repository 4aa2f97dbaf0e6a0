"""What is answered: rows and facts as people and systems read them. Money is a string in yuan, instants are +08:00."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, WithJsonSchema

from api.arithmetic import ArithmeticShown, arithmetic_of
from api.words import NextMoment, NextStep
from domain.account import BILL_DETAILS, Bill, Standing, Void
from domain.arrears.facts import ArrearsFacts, Asking
from domain.arrears.interlock import Condition
from domain.calendars import Calendar
from domain.clock import spent
from domain.money import yuan
from domain.processes import TASKS
from domain.tasks import Task
from store.notices import masked, starred
from store.people import Person, watches_only
from store.work import InboxRow

Shown = TypeVar("Shown")
Money = Annotated[
    int,
    PlainSerializer(yuan, return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^-?[0-9]+\.[0-9]{2}$", "examples": ["86.40"]}),
]


class Of(BaseModel):
    """Read from rows and models by the names of its fields."""

    model_config = ConfigDict(from_attributes=True)


class Listed(BaseModel, Generic[Shown]):
    """A page of a list; `next` goes into `after` for the page that follows, and is null on the last one."""

    items: Sequence[Shown]
    next: str | None = None


class CaseLine(Of):
    """A case in a list. `standing`: why it stands still, if it does; `next_wake`: when it moves by itself."""

    case_no: str
    process: str
    subject: str
    pack: str
    stage: str | None
    status: str
    outcome: str | None
    standing: str | None
    amount: Money = Field(validation_alias="amount_fen")
    opened_at: datetime
    closed_at: datetime | None
    next_wake: datetime | None
    grid: str | None
    section: str | None
    office: str | None


class Interval(Of):
    party: str
    started_at: datetime
    ended_at: datetime | None
    reason: str | None
    evidence: str | None


class TaskFields(BaseModel):
    """A task. `provisional`: the deadline rests on a year whose days off are not published yet."""

    task_id: str
    case_no: str
    process: str
    subject: str
    item: str | None = Field(description="which of several tasks of one key: a node, an item")
    key: str
    title_zh: str
    title_en: str
    role: str
    level: str | None
    status: str
    opened_at: datetime
    due_at: datetime | None
    provisional: bool
    paused: bool
    urged: int
    holder: str | None = Field(description="who has claimed it")
    assignee: str | None = Field(description="whom a supervisor gave it to")
    stage: str | None
    amount: Money
    grid: str | None
    section: str | None
    office: str | None


class TaskLine(TaskFields):
    """A task in a list, with what its case is about. Title and address are masked for those who only watch."""

    title: str = Field(description="the project's name, or the account's name or number")
    address: str | None
    standing: str | None = Field(description="why the case stands still, if it does")
    limited_at: datetime | None
    party: str = Field(description="whose time it is now")
    utility_seconds: int = Field(description="seconds so far that were the utility's own")
    total_seconds: int
    group: str = Field(description="late, today, later, or paused: in another party's hands")


class TaskCounts(Of):
    """How many tasks are in each group, counted up to 2000: 2001 means more than that."""

    late: int
    today: int
    later: int
    paused: int
    mine: int


class TaskShown(TaskFields):
    """A task with its clock: whose time each stretch was, seconds so far that were the utility's own, and its sum."""

    clauses: list[str]
    clock: list[Interval]
    utility_seconds: int
    total_seconds: int
    arithmetic: ArithmeticShown | None = Field(description="how the deadline comes about")
    breached_at: datetime | None
    escalations: list[dict[str, Any]]
    pause: dict[str, Any] | None
    closed_at: datetime | None
    decided_by: str | None
    form: dict[str, Any] | None


class TaskWithForm(TaskShown):
    schema_: dict[str, Any] = Field(alias="schema", description="JSON Schema of the form that decides it")

    model_config = ConfigDict(populate_by_name=True)


class AccountShown(BaseModel):
    """The account. Name, address and phone are whole only for those who act on the case, masked for those who watch."""

    no: str
    customer_class: str = Field(alias="class")
    estate: str
    protected: list[str]
    name: str | None
    address: str | None
    phone: str | None

    model_config = ConfigDict(populate_by_name=True)


class BillShown(BaseModel):
    """A bill: `owed` is what is left of its principal.

    `fees` are what the amount is made of; `taken_back` says that it was wrong, `corrected_by` what stands in its place,
    `left_behind` that it is a predecessor's debt, `waived` how much of its late fee is.
    """

    no: str
    period: str
    amount: Money
    late_fee: Money
    due_on: date
    owed: Money
    overdue: bool
    disputed: bool
    reading_before: Decimal | None = None
    reading: Decimal | None = None
    volume: Decimal | None = None
    fees: dict[str, Money] = {}
    estimated: bool = False
    final: bool = False
    waived: Money = 0
    taken_back: bool = False
    corrected_by: str | None = None
    left_behind: bool = False


class PaymentShown(BaseModel):
    reference: str
    amount: Money
    bills: list[str]
    paid_at: datetime
    reversed: bool


class Owed(BaseModel):
    """`undisputed` is what may be pursued; a late fee stands apart."""

    overdue: Money
    undisputed: Money
    disputed: Money
    late_fees: Money
    prepaid: Money
    apart: Money = Field(description="What a predecessor, or an account that is no more, left behind")


class HoldShown(BaseModel):
    id: str
    kind: str
    reason: str
    started_at: datetime
    until: datetime | None
    parts: list[dict[str, Any]]
    ground: str | None = None
    evidence: str | None = None
    reference: str | None = None
    looked_at: bool = False
    fell_due: bool = False


class DisputeShown(Of):
    bill: str
    started_at: datetime
    ended_at: datetime | None


class NoticeShown(Of):
    """A message to the customer; the recipient is masked."""

    template: str
    channel: str
    at: datetime
    status: str
    recipient: str | None
    detail: str | None = None
    receipt: str | None = None
    receipt_at: datetime | None = None


class ArrearsShown(BaseModel):
    """What an arrears case is about. `may_limit`: each condition of the interlock, met, not met or unknown (null)."""

    account: AccountShown
    owed: Owed
    bills: list[BillShown]
    payments: list[PaymentShown]
    holds: list[HoldShown]
    disputes: list[DisputeShown]
    limited_at: datetime | None
    restored_at: datetime | None
    may_limit: list[Condition]
    waivers: list[dict[str, Any]] = []
    violations: list[dict[str, Any]] = []
    out_of_time_at: datetime | None = Field(None, description="When the oldest of it can be sued for no more")


class CaseShown(CaseLine):
    """A case: where it stands, what is open, what comes next and when at the earliest."""

    tasks: list[TaskShown]
    next: NextStep | None
    next_moment: NextMoment | None
    notices: list[NoticeShown]
    time: dict[str, int] = Field(description="Seconds that the tasks so far, open and done, belonged to each party")
    gross_seconds: int = Field(description="Seconds from the opening to the end, or to now")
    phase_time: dict[str, dict[str, int]] = Field(description="The same seconds of each party, phase by phase")
    arrears: ArrearsShown | None = None
    project: dict[str, Any] | None = None


class EntryShown(BaseModel):
    """One event on record."""

    sequence: int
    at: datetime
    event: str
    actor: str
    clauses: list[str]
    body: dict[str, Any]


def task_line(row: InboxRow, *, at: datetime) -> TaskLine:
    kind = TASKS[row.key]
    until = max(at, row.opened_at)
    times = {
        "utility_seconds": int(spent(row.clock, party="utility", until=until).total_seconds()),
        "total_seconds": int(spent(row.clock, until=until).total_seconds()),
    }
    fields = (
        row.model_dump(exclude={"amount_fen", "presses_at", "clock"})
        | times
        | {"amount": row.amount_fen, "group": row.group(at)}
    )
    fields["status"] = "open"
    return TaskLine(**fields, title_zh=kind.title_zh, title_en=kind.title_en)


def task_shown(row: Any, *, at: datetime, calendar: Calendar) -> TaskShown:
    return TaskShown(**_with_clock(row, at, calendar))


def task_with_form(row: Any, *, at: datetime, calendar: Calendar) -> TaskWithForm:
    schema = TASKS[row.key].form_schema(Task.model_validate(row.body).demands)
    return TaskWithForm(**_with_clock(row, at, calendar), schema=schema)


def _task(row: Any, task: Task) -> dict[str, Any]:
    kind = TASKS[row.key]
    return {name: getattr(row, name) for name in TaskFields.model_fields if hasattr(row, name)} | {
        "item": task.subject,
        "title_zh": kind.title_zh,
        "title_en": kind.title_en,
        "provisional": task.due is not None and task.due.provisional,
        "urged": task.urged,
        "amount": row.amount_fen,
    }


def _with_clock(row: Any, at: datetime, calendar: Calendar) -> dict[str, Any]:
    task = Task.model_validate(row.body)
    until = task.closed_at or max(at, task.opened_at)
    return _task(row, task) | {
        "clauses": list(task.clauses),
        "clock": [Interval.model_validate(interval) for interval in task.clock],
        "utility_seconds": int(spent(task.clock, party="utility", until=until).total_seconds()),
        "total_seconds": int(spent(task.clock, until=until).total_seconds()),
        "arithmetic": arithmetic_of(task, calendar),
        "breached_at": task.breached_at,
        "escalations": [escalation.model_dump() for escalation in task.escalations],
        "pause": task.pause.model_dump(exclude={"left"}) if task.pause else None,
        "closed_at": task.closed_at,
        "decided_by": task.decided_by,
        "form": task.form,
    }


def account_shown(row: Any, person: Person) -> AccountShown:
    whole = not watches_only(person)
    return AccountShown(
        no=row.account_no,
        customer_class=row.customer_class,
        estate=row.estate,
        protected=row.protected,
        name=row.name if whole else starred(row.name),
        address=row.address if whole else starred(row.address),
        phone=row.phone if whole else masked(row.phone),
    )


def arrears_shown(
    facts: ArrearsFacts,
    account: AccountShown,
    may_limit: tuple[Condition, ...],
    *,
    out_of_time_at: datetime | None = None,
) -> ArrearsShown:
    owed = facts.owed()
    bills = {fact.no: fact for fact in facts.ledger if isinstance(fact, Bill)}
    taken_back = {fact.no: fact.corrected_by for fact in facts.ledger if isinstance(fact, Void)}
    disputed = {dispute.bill for dispute in facts.disputes if dispute.ended_at is None}
    reversed_ = {fact.reference for fact in facts.ledger if fact.kind == "reversal"}
    return ArrearsShown(
        account=account,
        owed=Owed.model_validate(owed, from_attributes=True),
        bills=[
            BillShown(
                no=bill.no,
                period=bill.period,
                amount=bill.amount_fen,
                late_fee=bill.late_fee_fen,
                due_on=bill.due_on,
                owed=_left_of(bill, facts, owed, taken_back),
                overdue=bill.overdue_from <= facts.as_of,
                disputed=bill.no in disputed,
                **{name: getattr(bill, name) for name in BILL_DETAILS},
                waived=facts.waived.get(bill.no, 0),
                taken_back=bill.no in taken_back,
                corrected_by=taken_back.get(bill.no),
                left_behind=bill.no in owed.left_behind,
            )
            for bill in sorted(bills.values(), key=lambda bill: (bill.due_on, bill.no))
        ],
        payments=[
            PaymentShown(
                reference=fact.reference,
                amount=fact.amount_fen,
                bills=list(fact.bills),
                paid_at=fact.paid_at,
                reversed=fact.reference in reversed_,
            )
            for fact in facts.ledger
            if fact.kind == "payment"
        ],
        holds=[HoldShown(**in_yuan(hold.model_dump())) for hold in facts.holds],
        disputes=[DisputeShown.model_validate(dispute) for dispute in facts.disputes],
        limited_at=facts.limited_at,
        restored_at=facts.restored_at,
        may_limit=list(may_limit),
        waivers=[in_yuan(_asking(waiver)) for waiver in facts.waivers],
        violations=[_asking(violation) for violation in facts.violations],
        out_of_time_at=out_of_time_at,
    )


def _left_of(bill: Bill, facts: ArrearsFacts, owed: Standing, taken_back: Mapping[str, str | None]) -> int:
    if bill.no in taken_back:
        return 0
    return owed.owed.get(bill.no, 0) if bill.overdue_from <= facts.as_of else bill.amount_fen


def _asking(asking: Asking) -> dict[str, Any]:
    told = asking.model_dump(mode="json", exclude_none=True)
    fees = told.pop("fees")
    return told | ({"fees": {no: yuan(fen) for no, fen in fees.items()}} if fees else {})


def entry_shown(row: Any) -> EntryShown:
    return EntryShown(
        sequence=row.sequence,
        at=row.at,
        event=row.event,
        actor=row.by,
        clauses=row.clauses,
        body=in_yuan(row.body),
    )


def in_yuan(value: Any) -> Any:
    """The same with every `…_fen` of it as a string in yuan under the name without the ending, and so sums by bill."""
    match value:
        case dict():
            return {
                name.removesuffix("_fen"): yuan(part)
                if name.endswith("_fen") and isinstance(part, int)
                else {no: yuan(fen) for no, fen in part.items()}
                if name == "bills" and isinstance(part, dict)
                else in_yuan(part)
                for name, part in value.items()
            }
        case list() | tuple():
            return [in_yuan(part) for part in value]
        case _:
            return value
