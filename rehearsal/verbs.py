"""What a step of a rehearsal does: one body a verb. `bare` names the field of a body that is written without one."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    BeforeValidator,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from domain.account import Change, Changed, CustomerClass, Payment, Protection, Reversal, Void
from domain.calendars import Calendar, PublishedYear
from domain.clock import Party
from domain.commands import Command
from domain.connection.works_forms import DECLARATIONS
from domain.money import PositiveYuan
from domain.people import Actor, Role
from domain.policy import Strict
from domain.processes import PROCESSES
from domain.refusals import RefusalCode
from rehearsal.expectations import TaskKey, Text, one_of
from rehearsal.openings import OverdueBill
from rehearsal.report import Day, Duration, Instant, day, instant

_COMMANDS: dict[str, TypeAdapter[Any]] = {
    word: process.commands
    for process in PROCESSES.values()
    for word in process.commands.json_schema()["discriminator"]["mapping"]
}


def _day_or_instant(given: object) -> date:
    return day(given) if isinstance(given, str) and len(given) <= len("2026-03-10") else instant(given)


DayOrInstant = Annotated[datetime | date, BeforeValidator(_day_or_instant)]
OneOrSeveral = BeforeValidator(lambda given: (given,) if isinstance(given, str) else given)
Moment = Annotated[
    str, one_of("task or stage of this process, nor end", lambda k: k.tasks and [*k.tasks, *(k.stages or ()), "end"])
]


class Body(Strict):
    bare: ClassVar[str | None] = None


class Decide(Body):
    """`form` is as written: numbers as their text, to be filled and checked when its turn comes."""

    task: TaskKey = Field(alias="decide")
    item: Text | None = None
    node: Text | None = None
    form: dict[str, Any] = {}

    @property
    def subject(self) -> str | None:
        """Which one, where several of a key are open."""
        return self.item or self.node


class Pay(Body):
    reference: Text
    amount: PositiveYuan
    bills: tuple[Text, ...] = ()

    def payment(self, *, at: datetime) -> Payment:
        return Payment(reference=self.reference, amount_fen=self.amount, bills=self.bills, paid_at=at, at=at)


class Reverse(Body):
    reference: Text

    def reversal(self, *, at: datetime) -> Reversal:
        return Reversal(reference=self.reference, at=at)


class AnotherBill(OverdueBill, Body):
    """Another bill falls overdue."""


class Correct(Body):
    """A bill was wrong: it is taken back, and another issued in its place, or none."""

    bill: Text
    reason: Text
    instead: OverdueBill | None = None

    def void(self, *, at: datetime) -> Void:
        return Void(no=self.bill, corrected_by=self.instead.no if self.instead else None, reason=self.reason, at=at)


class ChangeOfAccount(Body):
    """Another tenant or owner from a day on; closed, suspended, resumed, demolished; another class or protection."""

    what: Change | None = None
    changed_on: Day | None = Field(None, alias="on")
    bills: tuple[Text, ...] = ()
    customer_class: CustomerClass | None = Field(None, alias="class")
    protected: tuple[Protection, ...] | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if (self.what is None) != (self.changed_on is None):
            raise ValueError("what and on belong together: what changed, and on which day")
        if self.what is None and self.customer_class is None and self.protected is None:
            raise ValueError("changes nothing: write what and on, class, or protected")
        return self

    def change(self, *, at: datetime) -> Changed | None:
        if self.what is None or self.changed_on is None:
            return None
        return Changed(what=self.what, changed_on=self.changed_on, bills=self.bills, at=at)


class Instruction(Body):
    """A verb that is a command of the case."""

    verb: ClassVar[str]

    def told(self, *, by: Actor, at: datetime) -> Command:
        """The command. Raises ValidationError where the domain asks for more; a file that was read has none such."""
        command: Command = _COMMANDS[self.verb].validate_python(
            {"command": self.verb, "by": by, "at": at, **self.model_dump(exclude_none=True)}
        )
        return command


class Contact(Instruction):
    verb = "contact"
    method: Literal["phone", "visit", "message"]
    reached: bool = True
    note: str | None = None
    outcome: str | None = None


class Print(Body):
    """The notice that is called for is printed: made out the first time, and later a copy. `anew`: why another is."""

    anew: Text | None = None


class Dispute(Instruction):
    verb, bare = "dispute", "bills"
    bills: tuple[Text, ...] = Field(min_length=1)


class Resolve(Instruction):
    verb, bare = "resolve", "bills"
    bills: tuple[Text, ...] = Field(min_length=1)


class PlanPart(Strict):
    amount: PositiveYuan
    due_on: Day


class Plan(Instruction):
    verb = "plan"
    parts: tuple[PlanPart, ...] = Field(min_length=1)


class Promise(Instruction):
    verb = "promise"
    amount: PositiveYuan
    until: DayOrInstant = Field(alias="by")


class Hold(Instruction):
    verb = "hold"
    reason: Text
    until: DayOrInstant | None = None
    ground: str | None = None
    evidence: Text | None = None
    reference: Text | None = None


class Release(Instruction):
    verb = "release"
    task: TaskKey | None = None
    hold: Text | None = None
    how: Literal["released", "kept", "broken"] = "released"
    reason: Text | None = None


class Waive(Instruction):
    verb = "waive"
    bills: tuple[Text, ...] = ()
    reason: Text
    evidence: Text | None = None


class Violation(Instruction):
    verb = "violation"
    found: Literal["self-opened", "seal-broken", "bypass", "other"]
    evidence: Text
    note: str | None = None


class Pause(Instruction):
    verb = "pause"
    task: TaskKey
    party: Party
    reason: Text
    evidence: Text | None = None


class Resume(Instruction):
    verb = "resume"
    task: TaskKey | None = None


class Reassign(Instruction):
    verb = "reassign"
    task: TaskKey
    to: Text
    reason: Text | None = None


class Urge(Instruction):
    verb = "urge"
    task: TaskKey


class Cosign(Instruction):
    """`of` signs under a task first, in a `role` that they hold."""

    verb = "cosign"
    task: TaskKey
    of: Text
    role: Role
    reason: Text


class DropCosign(Instruction):
    verb = "drop-cosign"
    task: TaskKey
    reason: Text | None = None


class SendBack(Instruction):
    verb = "send-back"
    to: TaskKey
    reason: Text


class TakeBack(Instruction):
    verb = "take-back"
    task: TaskKey
    reason: Text


class Progress(Instruction):
    verb = "progress"
    task: TaskKey
    note: Text


class Escalate(Instruction):
    verb = "escalate"
    task: TaskKey
    reason: Text


class Withdraw(Instruction):
    verb = "withdraw"
    reason: Text


class Occupancy(Body):
    """The share of households that have moved in, 0 to 1."""

    share: Decimal = Field(ge=0, le=1)


class Declare(Body):
    """Something told to a project beside its tasks; what its form leaves out takes its first example."""

    what: Text
    form: dict[str, Any] = {}

    @model_validator(mode="after")
    def _is_known(self) -> Self:
        if self.what not in DECLARATIONS:
            raise ValueError(f"what: nothing is declared as {self.what}: write one of {', '.join(DECLARATIONS)}")
        return self


class Year(Strict):
    """A published year. `at` None: known from the start."""

    year: int
    days_off: tuple[Day, ...] = ()
    make_up: tuple[Day, ...] = ()
    at: Instant | None = None

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        try:
            Calendar(years={self.year: self.days})
        except ValidationError as wrong:
            raise ValueError(str(wrong.errors()[0]["ctx"]["error"])) from None
        return self

    @property
    def days(self) -> PublishedYear:
        return PublishedYear(days_off=self.days_off, make_up=self.make_up)


class Publish(Body):
    years: tuple[Year, ...] = Field(min_length=1)


class Crash(Body):
    bare = "killed"
    killed: Literal["worker"]


class Drive(Body):
    """From this step on every task is decided the plain good way `each` after it opened, up to `until`."""

    until: Moment
    each: Duration = timedelta(hours=1)
    left_alone: tuple[TaskKey, ...] = Field((), alias="except")


class Unfit(Body):
    """A step that the file expects to be refused for what it says."""

    code: RefusalCode
    message: str


class Stale(Body):
    """Nothing but the ledger growing stale."""


VERBS: dict[str, type[Body]] = {
    "decide": Decide,
    "pay": Pay,
    "reverse": Reverse,
    "bill": AnotherBill,
    "correct": Correct,
    "account": ChangeOfAccount,
    "contact": Contact,
    "print": Print,
    "dispute": Dispute,
    "resolve": Resolve,
    "plan": Plan,
    "promise": Promise,
    "waive": Waive,
    "violation": Violation,
    "hold": Hold,
    "release": Release,
    "pause": Pause,
    "resume": Resume,
    "reassign": Reassign,
    "urge": Urge,
    "progress": Progress,
    "escalate": Escalate,
    "cosign": Cosign,
    "drop-cosign": DropCosign,
    "send-back": SendBack,
    "take-back": TakeBack,
    "withdraw": Withdraw,
    "occupancy": Occupancy,
    "declare": Declare,
    "publish": Publish,
    "crash": Crash,
    "drive": Drive,
}
OF_ONE_PROCESS: dict[str, str] = {
    **dict.fromkeys(("pay", "reverse", "bill", "correct", "account", "contact", "print"), "arrears"),
    **dict.fromkeys(("dispute", "resolve", "plan", "promise", "waive", "violation"), "arrears"),
    **dict.fromkeys(("occupancy", "send-back", "take-back", "declare"), "connection"),
}
"""Verbs that only one process understands."""
