"""A rehearsal file as it may be written, read strictly: every fault at its line and column, or the whole rehearsal.

Longer than most: the models are the contract of the file and stand together, the reading follows them.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self, TypeVar, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails

from domain.account import BILL_DETAILS, Bill, Change, Changed, CustomerClass, Payment, Protection, Reversal, Void
from domain.arrears.forms import ARREARS_TASKS
from domain.arrears.policy import Stage
from domain.calendars import CHINA, Calendar, PublishedYear
from domain.clock import Party
from domain.commands import Command
from domain.connection import facts as domain_project
from domain.connection.forms import CONNECTION_TASKS
from domain.connection.phases import PHASES
from domain.connection.works_forms import DECLARATIONS
from domain.money import PositiveYuan, Yuan
from domain.people import ROLES, SYSTEM, Actor, Level, Role
from domain.policy import Strict
from domain.processes import PROCESSES
from policies import written
from policies.packs import PackError, clauses, load_pack
from policies.written import Fault, Node, Place, spelled
from policies.written import Path as TreePath
from rehearsal.expectations import KINDS, Expectation, Known, PersonId, TaskKey, Text, one_of
from rehearsal.report import Day, Duration, Instant, day, instant
from rehearsal.report import written as shown
from store.ledger import AccountRecord
from store.projects import ProjectRecord

Process = Literal["arrears", "connection", "order"]
TASKS: dict[str, Collection[str]] = {"arrears": ARREARS_TASKS, "connection": CONNECTION_TASKS}
STAGES: dict[str, Collection[str]] = {"arrears": get_args(Stage), "connection": (*PHASES, "closed")}
DEFAULT_PEOPLE = {name: Actor(id=name, roles=(role,)) for role in ROLES for name in (role, f"{role}-2")}
AFTER_THE_LAST_STEP = timedelta(days=730)

_COMMANDS: dict[str, TypeAdapter[Any]] = {
    word: process.commands
    for process in PROCESSES.values()
    for word in process.commands.json_schema()["discriminator"]["mapping"]
}
_ANY_TIME = datetime(2000, 1, 1, tzinfo=CHINA)


class WrongFile(Exception):
    """Everything that is wrong with a file: `faults`, each `file:line:column: field: what and how to mend`."""

    def __init__(self, faults: Iterable[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(self.faults))


# Values.


def _day_or_instant(given: object) -> date:
    return day(given) if isinstance(given, str) and len(given) <= len("2026-03-10") else instant(given)


def _each_once(bills: tuple["OpeningBill", ...]) -> tuple["OpeningBill", ...]:
    numbers = [bill.no for bill in bills]
    if twice := sorted({no for no in numbers if numbers.count(no) > 1}):
        raise ValueError(f"bill {', '.join(twice)} stands more than once: give each bill its own number")
    return bills


DayOrInstant = Annotated[datetime | date, BeforeValidator(_day_or_instant)]
OneOrSeveral = BeforeValidator(lambda given: (given,) if isinstance(given, str) else given)
Moment = Annotated[
    str, one_of("task or stage of this process, nor end", lambda k: k.tasks and [*k.tasks, *(k.stages or ()), "end"])
]


# What a case is opened with. More fields are welcome there: those that the store knows are passed on.


class OpeningAccount(AccountRecord):
    """An account as the API takes it, fit to be handed to the intake."""

    model_config = ConfigDict(extra="ignore")

    no: Text
    customer_class: CustomerClass = Field(alias="class")


class OverdueBill(Strict):
    """A bill; `amount` and `late_fee` are fen here, yuan in the file."""

    no: Text
    period: Text
    amount: PositiveYuan
    due_on: Day
    late_fee: Yuan = Field(0, ge=0)
    reading_before: Decimal | None = Field(None, ge=0)
    reading: Decimal | None = Field(None, ge=0)
    volume: Decimal | None = Field(None, ge=0)
    fees: dict[str, Yuan] = {}
    estimated: bool = False
    final: bool = False

    def bill(self, *, at: datetime) -> Bill:
        """The bill as the ledger takes it at `at`."""
        return Bill(
            no=self.no,
            period=self.period,
            amount_fen=self.amount,
            due_on=self.due_on,
            late_fee_fen=self.late_fee,
            at=at,
            **{name: getattr(self, name) for name in BILL_DETAILS},
        )


class OpeningBill(OverdueBill):
    model_config = ConfigDict(extra="ignore")


class ArrearsOpening(Strict):
    model_config = ConfigDict(extra="ignore")

    account: OpeningAccount
    bills: Annotated[tuple[OpeningBill, ...], Field(min_length=1), AfterValidator(_each_once)]


class Project(Strict):
    model_config = ConfigDict(extra="ignore")

    name: Text
    kind: Literal["single", "estate", "linear", "temporary"]
    address: Text | None = None
    district: Text | None = None
    meters: int = Field(1, ge=1)
    high_rise: bool = False
    design_by: Literal["utility", "customer"] = "utility"
    sector: Literal["industry", "trade", "real-estate", "government", "other"] = "other"
    investment: Yuan | None = None
    high_reliability: bool = False
    petition: bool = False
    key_government: bool = False
    exceptional: bool = False
    account: Text | None = None
    metered: bool = True
    sections: tuple[Text, ...] = ()
    ends_on: Day | None = None

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        domain_project.refuse_odd(kind=self.kind, metered=self.metered, sections=self.sections, ends_on=self.ends_on)
        return self


class ConnectionOpening(Strict):
    """A project, and the papers handed in; None: all of the kind's checklist.

    `arrears`: what whoever applies owes on the account that the project names; their own case is not played.
    """

    model_config = ConfigDict(extra="ignore")

    project: Project
    papers: tuple[Text, ...] | None = None
    arrears: ArrearsOpening | None = None

    def record(self, *, checklist: tuple[str, ...]) -> ProjectRecord:
        """The application as the intake takes it; papers left out mean all of the kind's checklist."""
        given = self.project.model_dump(exclude={"name", "address", "investment"})
        return ProjectRecord(
            name=self.project.name,
            address=self.project.address,
            district=self.project.district,
            project=domain_project.Project(**given, investment_fen=self.project.investment),
            papers=self.papers if self.papers is not None else checklist,
        )


class Order(Strict):
    model_config = ConfigDict(extra="ignore")

    type: Text
    source: Text | None = None
    address: Text | None = None
    contact: Text | None = None
    reporter: Text | None = None
    content: Text | None = None
    fault_class: Text | None = None
    pipe_dn: int | None = Field(None, ge=1)
    contact_window: Any = None
    appointment: Instant | None = None


class OrderOpening(Strict):
    model_config = ConfigDict(extra="ignore")

    order: Order


Opening = ArrearsOpening | ConnectionOpening | OrderOpening
OPENINGS: dict[str, type[Opening]] = {
    "arrears": ArrearsOpening,
    "connection": ConnectionOpening,
    "order": OrderOpening,
}


# What a step does: one body a verb. `bare` names the field of a body that is written without one.


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


@dataclass(frozen=True)
class Step:
    """One step; `number` counts from 1. It comes at `at`, or `after` the moment of the step before.

    `at` is worked out wherever the file alone says it. It is None only behind a drive, whose end nobody knows yet:
    then `after` counts from there, and None means at that moment.
    """

    number: int
    at: datetime | None
    after: timedelta | None
    verb: str
    body: Body
    by: str | None
    optional: bool
    stale: bool
    line: int


@dataclass(frozen=True)
class Rehearsal:
    """A file that is well written.

    `people` are those it declares, `calendar` is in order of publication; without an `until` it runs two years on from
    its last step. `clauses` are the sentences whose breach it would show.
    """

    file: str
    pack: str
    process: Process
    starts_at: datetime
    calendar: tuple[Year, ...]
    people: Mapping[str, Actor]
    open: Opening
    steps: tuple[Step, ...]
    until: datetime
    expect: tuple[Expectation, ...]
    clauses: tuple[str, ...] = ()

    def person(self, name: str) -> Actor:
        """The person declared under that name, else the default one. Raises KeyError."""
        return self.people.get(name) or DEFAULT_PEOPLE[name]

    def default_person(self, role: Role, *, avoiding: Collection[str] = ()) -> Actor:
        """Who does a role's work when nobody is named: its default, its second, or another who holds the role."""
        holders = (actor.id for actor in self.people.values() if actor.holds(role))
        names = (name for name in (role, f"{role}-2", *holders) if name not in avoiding)
        return self.person(next(names, f"{role}-2"))


def read(path: Path) -> Rehearsal:
    """The rehearsal that a file writes. Raises WrongFile with every fault found; nothing is run."""
    try:
        root, faults = written.read(path.read_bytes())
    except OSError as wrong:
        root, faults = None, [Fault(1, 1, "file", f"cannot be read: {wrong.strerror or wrong}")]
    rehearsal = None
    if root is not None:
        reading = _Reading(root, faults)
        rehearsal = reading.rehearsal(str(path))
    if faults or rehearsal is None:
        raise WrongFile(_told(path, faults))
    return rehearsal


# The reading.


class _Head(Strict):
    pack: Text
    process: Process
    starts_at: Instant
    until: Instant | None = None


class _Person(Strict):
    role: Annotated[tuple[Role, ...], Field(min_length=1), OneOrSeveral]
    level: Level | None = None
    name: Text | None = None
    district: Text | None = None


class _When(Strict):
    at: Instant | None = None
    after: Duration | None = None


class _Frame(Strict):
    """What any step may say besides its time and its verb."""

    by: PersonId | None = None
    optional: bool = False
    stale: bool = False


@dataclass(frozen=True)
class _Draft:
    node: Node
    when: _When | None = None
    frame: _Frame | None = None
    verb: str = ""
    body: Body | None = None


M = TypeVar("M", bound=BaseModel)
_PARTS = ("calendar", "people", "open", "steps", "expect", "clauses")
_OF_DECIDE = ("form", "item", "node")
_INNER = {"notice": "template", "refused": "step", "clock": "task", "escalated": "task"}


class _Reading:
    def __init__(self, root: Node, faults: list[Fault]) -> None:
        self._root = root
        self._faults = faults
        self._known = Known()
        self._process = ""
        self._owes = False

    def rehearsal(self, file: str) -> Rehearsal | None:
        parts = self._mapping(self._root, ())
        if not parts:
            if self._root.value in (None, {}):
                self._fault(self._root.at, (), "no rehearsal: begin with pack: <name>")
            return None
        self._unreadable_text()
        self._unknown_keys(parts, (*_names(_Head), *_PARTS), ())
        head = self._value(_Head, _only(self._root, _names(_Head)), ())
        process, starts_at = _typed(parts, "process"), self._starts_at(parts)
        self._process = process
        self._owes = "arrears" in self._mapping(parts.get("open"), ()) and process == "connection"
        self._unbuilt(parts, process)
        steps, people = self._sequence(parts.get("steps"), ("steps",)), self._people(parts.get("people"))
        names = {*self._mapping(parts.get("people"), ()), *DEFAULT_PEOPLE}
        self._known = Known(tasks=TASKS.get(process), stages=STAGES.get(process), people=names, steps=len(steps))
        opening = self._opening(parts.get("open"), process, starts_at)
        calendar = self._years(parts.get("calendar"), ("calendar",), "days_off", "make_up", "at")
        drafts = [self._draft(node, ("steps", at)) for at, node in enumerate(steps)]
        timed = self._timed(drafts, starts_at)
        wanted = self._sequence(parts.get("expect"), ("expect",))
        expect = [self._expectation(node, ("expect", at)) for at, node in enumerate(wanted)]
        claimed = self._clauses(parts.get("clauses"), utility=_typed(parts, "pack").partition("@")[0])
        if head is not None and head.until is not None and head.until < head.starts_at:
            self._fault(parts["until"].at, ("until",), "is before starts_at: write a later instant")
        if head is None or opening is None:
            return None
        last = max([head.starts_at, *(step.at for step in timed if step.at)])
        return Rehearsal(
            file=file,
            pack=head.pack,
            process=head.process,
            starts_at=head.starts_at,
            calendar=tuple(sorted(calendar, key=lambda year: year.at or head.starts_at)),
            people=people,
            open=opening,
            steps=tuple(timed),
            until=head.until or last + AFTER_THE_LAST_STEP,
            expect=tuple(each for each in expect if each),
            clauses=claimed,
        )

    # Parts of the file.

    def _starts_at(self, parts: Mapping[str, Node]) -> datetime | None:
        try:
            return instant(_typed(parts, "starts_at"))
        except ValueError:
            return None

    def _unbuilt(self, parts: Mapping[str, Node], process: str) -> None:
        if process in get_args(Process) and process not in TASKS:
            self._fault(
                parts["process"].at, ("process",), f"process {process} is not built yet: rehearse arrears or connection"
            )
        if name := _typed(parts, "pack"):
            try:
                pack = load_pack(name)
            except PackError as wrong:
                self._fault(parts["pack"].at, ("pack",), wrong.faults[0])
            else:
                if process in TASKS and getattr(pack, process) is None:
                    self._fault(parts["pack"].at, ("pack",), f"{name} says nothing of {process}: name another pack")

    def _clauses(self, node: Node | None, *, utility: str) -> tuple[str, ...]:
        """The sentences that the file claims to prove: known ones, of the utility whose pack it runs under."""
        claimed: list[str] = []
        for at, each in enumerate(self._sequence(node, ("clauses",))):
            if each.typed not in clauses():
                near = get_close_matches(each.typed, clauses(), n=1)
                mend = f"did you mean {near[0]}?" if near else "guanjia clauses lists them"
                self._fault(each.at, ("clauses", at), f"{each.typed!r} is no clause of the register: {mend}")
            elif not each.typed.startswith(f"{utility}."):
                self._fault(
                    each.at, ("clauses", at), f"{each.typed} is not a sentence of {utility}, whose pack this runs"
                )
            else:
                claimed.append(each.typed)
        return tuple(claimed)

    def _people(self, node: Node | None) -> dict[str, Actor]:
        people = {}
        for name, each in self._mapping(node, ("people",)).items():
            person = self._value(_Person, each, ("people", name))
            if person is not None:
                people[name] = Actor(id=name, roles=person.role, level=person.level)
        return people

    def _opening(self, node: Node | None, process: str, starts_at: datetime | None) -> Opening | None:
        if node is None:
            self._fault(self._root.at, ("open",), "is missing: add what the case is opened with")
        if node is None or process not in OPENINGS:
            return None
        opening = self._value(OPENINGS[process], node, ("open",))
        if isinstance(opening, ArrearsOpening) and starts_at is not None:
            overdue_from = [bill.bill(at=starts_at).overdue_from for bill in opening.bills]
            if min(overdue_from) > starts_at:
                message = f"none is overdue at starts_at: the first is from {shown(min(overdue_from))}; start then"
                self._fault(node.find(("bills",))[0].at, ("open", "bills"), message)
        return opening

    def _years(self, node: Node | None, path: TreePath, *names: str) -> list[Year]:
        years = []
        for name, each in self._mapping(node, path).items():
            here, days = (*path, name), self._mapping(each, (*path, name))
            self._unknown_keys(days, names, here)
            named = Node(name, each.key_at, each.key_at, typed=name)
            whole = {key: inner for key, inner in days.items() if key in names} | {"year": named}
            year = self._value(Year, replace(each, value=whole), here)
            years += [year] if year else []
        return years

    def _draft(self, node: Node, path: TreePath) -> _Draft:
        parts = self._mapping(node, path)
        if not parts:
            if node.value in (None, {}):
                self._fault(node.at, path, f"does nothing: add one of {', '.join(VERBS)}")
            return _Draft(node)
        verbs = [key for key in parts if key in VERBS]
        allowed = (*_names(_When), *_names(_Frame), *VERBS, *(_OF_DECIDE if "decide" in verbs else ()))
        clean = self._unknown_keys(parts, allowed, path)
        when = self._value(_When, _only(node, _names(_When)), path)
        frame = self._value(_Frame, _only(node, _names(_Frame)), path)
        if len(verbs) > 1:
            message = f"a step does one thing: make {' and '.join(verbs)} steps of their own"
            self._fault(parts[verbs[1]].key_at, (*path, verbs[1]), message)
        if len(verbs) == 1:
            if verbs[0] in ("pay", "reverse") and self._owes:
                pass
            elif self._process in TASKS and OF_ONE_PROCESS.get(verbs[0], self._process) != self._process:
                message = f"a case of {self._process} knows no {verbs[0]}: that is for {OF_ONE_PROCESS[verbs[0]]}"
                self._fault(parts[verbs[0]].key_at, (*path, verbs[0]), message)
            return _Draft(node, when, frame, verbs[0], self._body(verbs[0], node, path))
        if frame is not None and frame.stale and not verbs:
            return _Draft(node, when, frame, "stale", Stale())
        if clean and not verbs:
            self._fault(node.at, path, f"does nothing: add one of {', '.join(VERBS)}")
        return _Draft(node, when, frame)

    def _body(self, verb: str, step: Node, path: TreePath) -> Body | None:
        kind, node, here = VERBS[verb], step.value[verb], (*path, verb)
        if kind is Publish:
            years = self._years(node, here, "days_off", "make_up")
            if node.value in (None, {}):
                self._fault(node.at, here, "is empty: write {2027: {days_off: [...], make_up: [...]}}")
            return Publish(years=tuple(years)) if years else None
        if kind is Decide:
            node, here = _only(step, (verb, *_OF_DECIDE)), path
        elif node.value is None:
            node = replace(node, value={})
        elif kind.bare and not (isinstance(node.value, dict) and kind.bare in node.value):
            node = replace(node, value={kind.bare: node})
        body = self._value(kind, node, here)
        if isinstance(body, Instruction):
            try:
                body.told(by=SYSTEM, at=_ANY_TIME)
            except ValidationError as invalid:
                self._invalid(invalid, kind, node, here)
        return body

    def _timed(self, drafts: Iterable[_Draft], starts_at: datetime | None) -> list[Step]:
        """The steps with their instants worked out, where each is well written and in order of time."""
        steps = []
        before, exact, free = starts_at, True, True
        for number, draft in enumerate(drafts, 1):
            path, when, frame = ("steps", number - 1), draft.when or _When(), draft.frame or _Frame()
            at, after = when.at, when.after
            if at is not None and after is not None:
                self._fault(
                    draft.node.find(("after",))[0].key_at, (*path, "after"), "at is given too: keep one of them"
                )
            elif at is not None:
                if before is not None and at < before:
                    earlier = f"step {number - 1}" if number > 1 else "starts_at"
                    message = f"{shown(at)} is before {earlier} ({shown(before)}): put the steps in order of time"
                    self._fault(draft.node.find(("at",))[0].at, (*path, "at"), message)
                before, exact = at, True
            elif after is not None and before is not None:
                before += after
                if before.year > 2299:
                    self._fault(draft.node.find(("after",))[0].at, (*path, "after"), "leads out of reach: shorten it")
                    before = None
                if exact:
                    at, after = before, None
            elif free:
                at = before if exact else None
            elif after is None and draft.when is not None:
                self._fault(draft.node.at, path, "needs its time: add at: <instant> or after: P1D")
            exact = exact and draft.verb != "drive" and draft.when is not None
            free = draft.verb == "drive"
            if draft.body is not None:
                step = Step(
                    number=number,
                    at=at,
                    after=after,
                    verb=draft.verb,
                    body=draft.body,
                    by=frame.by,
                    optional=frame.optional,
                    stale=frame.stale,
                    line=draft.node.at.line,
                )
                steps.append(step)
        return steps

    def _expectation(self, node: Node, path: TreePath) -> Expectation | None:
        fields = dict(self._mapping(node, path))
        kinds = [key for key in KINDS if key in fields]
        if len(kinds) > 1:
            self._fault(node.at, path, f"expects one thing: make {' and '.join(kinds)} entries of their own")
            return None
        if not kinds:
            written_well = isinstance(node.value, dict | None) and self._unknown_keys(
                fields, (*KINDS, "at", "within"), path
            )
            if written_well:
                self._fault(node.at, path, f"expects nothing: add one of {', '.join(KINDS)}")
            return None
        kind, model = kinds[0], KINDS[kinds[0]]
        if kind in _INNER and isinstance(fields[kind].value, dict):
            inner = fields.pop(kind).value
            fields |= {kind if key == _INNER[kind] else key: each for key, each in inner.items()}
        names = tuple(name for name in _names(model) if name != "line")
        self._unknown_keys(fields, names, path)
        expectation = self._value(model, _only(replace(node, value=fields), names), path)
        return expectation.model_copy(update={"line": node.at.line}) if expectation else None

    # Values and faults.

    def _mapping(self, node: Node | None, path: TreePath) -> Mapping[str, Node]:
        if node is None or node.value is None:
            return {}
        if isinstance(node.value, dict):
            return node.value
        self._fault(node.at, path, "write keys and values here" if path else "no rehearsal: begin with pack: <name>")
        return {}

    def _sequence(self, node: Node | None, path: TreePath) -> list[Node]:
        if node is None or node.value is None:
            return []
        if isinstance(node.value, list):
            return node.value
        self._fault(node.at, path, "write a list here, each entry after a dash")
        return []

    def _value(self, model: type[M], node: Node, path: TreePath) -> M | None:
        data = plain(node)
        if isinstance(node.value, dict) and model.model_config.get("extra") == "forbid":
            empty = {key: each for key, each in node.value.items() if each.value is None}
            self._unknown_keys(empty, _names(model), path)  # others are found below; these count as left out
        if model is Decide and "form" in data:
            data["form"] = _as_given(node.value["form"])
        try:
            return model.model_validate(data, context=self._known)
        except ValidationError as invalid:
            self._invalid(invalid, model, node, path)
            return None

    def _invalid(self, invalid: ValidationError, model: type[BaseModel], node: Node, path: TreePath) -> None:
        for error in invalid.errors(include_url=False):
            at, inner = node.find(error["loc"])
            if error["type"] == "too_short" and at.value:
                continue  # entries that have faults of their own were not counted
            if error["type"] == "missing":
                self._fault(at.at, (*path, *inner, error["loc"][-1]), "is missing: add it here")
            elif error["type"] == "extra_forbidden":
                names = _names(model) if len(error["loc"]) == 1 else ()
                self._fault(at.key_at, (*path, *inner), _no_key(str(error["loc"][-1]), at, names))
            else:
                self._fault(at.at, (*path, *inner), _said(error, at))

    def _unknown_keys(self, parts: Mapping[str, Node], names: Collection[str], path: TreePath) -> bool:
        """Whether every key is known; a fault for each that is not."""
        unknown = [key for key in parts if key not in names]
        for key in unknown:
            self._fault(parts[key].key_at, (*path, key), _no_key(key, parts[key], names))
        return not unknown

    def _unreadable_text(self) -> None:
        for node, path in self._root.walk():
            try:
                f"{spelled(path)}{node.typed}".encode()
            except UnicodeEncodeError:
                self._fault(node.at, path, "half a character stands here (\\ud800 to \\udfff): write the whole one")

    def _fault(self, at: Place, path: TreePath, message: str) -> None:
        self._faults.append(Fault(*at, spelled(path), message))


def _names(model: type[BaseModel]) -> tuple[str, ...]:
    return tuple(field.alias or name for name, field in model.model_fields.items())


def _typed(parts: Mapping[str, Node], key: str) -> str:
    return parts[key].typed if key in parts else ""


def _only(node: Node, names: Collection[str]) -> Node:
    return replace(node, value={key: each for key, each in node.value.items() if key in names})


def plain(node: Node) -> Any:
    """What was typed, true and false apart; keys without a value count as left out."""
    match node.value:
        case dict():
            return {key: plain(each) for key, each in node.value.items() if each.value is not None}
        case list():
            return [plain(each) for each in node.value]
        case None | bool():
            return node.value
        case _:
            return node.typed


def _as_given(node: Node) -> Any:
    """A form, where a field given as nothing is given."""
    match node.value:
        case dict():
            return {key: _as_given(each) for key, each in node.value.items()}
        case list():
            return [_as_given(each) for each in node.value]
        case _:
            return plain(node)


def _no_key(key: str, node: Node, names: Collection[str]) -> str:
    if near := get_close_matches(key, names, n=1, cutoff=0.7):
        return f"is no key here: did you mean {near[0]}?"
    if node.value is None and " " in key:
        return "is no key here: a comma within {...} ends a value; put the whole value in quotes"
    return f"is no key here: write one of {', '.join(names)}" if names else "is no key here: take it out"


def _said(error: ErrorDetails, node: Node) -> str:
    context, typed = error.get("ctx", {}), node.typed or "this"
    match error["type"]:
        case "value_error":
            return str(context["error"])
        case "literal_error":
            return f"{typed!r} is unknown: write {context['expected']}"
        case "string_type" if node.typed:
            return f'not text as it stands: put it in quotes: "{typed}"'
        case "string_type":
            return "write text here"
        case "string_too_short" | "too_short":
            return "is empty: write at least one"
        case "model_type" | "dict_type":
            return "write keys and values here"
        case "tuple_type":
            return "write a list here: [one, two]"
        case kind if kind.startswith("bool"):
            return f"{typed} is neither true nor false: write one of them"
        case kind if kind.startswith("int"):
            return f"{typed} is not a whole number: write digits only"
        case kind if kind.startswith("decimal"):
            return f"{typed} is not a number: write one such as 0.7"
        case _:
            return f"{error['msg'][:1].lower()}{error['msg'][1:]}: correct it"


def _told(path: Path, faults: Iterable[Fault]) -> list[str]:
    # One place, one fault: the first said is the most telling.
    by_place: dict[tuple[int, int, str], Fault] = {}
    for fault in faults:
        by_place.setdefault((fault.line, fault.column, fault.path), fault)
    lines = (f"{path}:{f.line}:{f.column}: {_numbered(f.path)}: {f.message}" for f in sorted(by_place.values()))
    return [line.encode(errors="backslashreplace").decode() for line in lines]


def _numbered(path: str) -> str:
    """Steps and expectations count from 1, as the file counts them: steps[1].pay is step 2.pay."""
    return re.sub(r"^(step|expect)s?\[([0-9]+)\]", lambda found: f"{found[1]} {int(found[2]) + 1}", path)
