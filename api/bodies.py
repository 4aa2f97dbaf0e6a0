"""What may be sent. Money is a string in yuan, an instant carries its offset, a day is YYYY-MM-DD.

Unknown fields are refused, so that nothing typed is lost; only the opening of a case passes over what it does not know.
"""

import math
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    SecretStr,
    StringConstraints,
    Tag,
    model_validator,
)

from domain.account import BILL_DETAILS, Bill, Change, Changed, CustomerClass, Estate, Protection
from domain.arrears.commands import Found
from domain.arrears.events import ContactOutcome, Ground
from domain.arrears.forms import Method
from domain.calendars import local
from domain.clock import Party
from domain.connection.acceptance import MOST_AT_ONCE
from domain.connection.facts import Project, Sector, refuse_odd
from domain.connection.forms import Satisfaction
from domain.connection.items import LONGEST_REASON, MOST_ITEMS, Measured
from domain.connection.policy import Kind
from domain.money import PositiveYuan, Yuan
from domain.tasks import PICTURE
from store.ledger import AccountRecord
from store.projects import ProjectRecord

DEEPEST = 12
LONGEST_LIST = 500


OUTCOMES: tuple[str, ...] = get_args(ContactOutcome)
SERVED_BY: tuple[str, ...] = get_args(Method)


def _written(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError("is written as text: 2026-03-10, or 2026-03-10T09:00:00+08:00")
    return value


def _instant(at: datetime) -> datetime:
    if not 2000 < at.year < 2200:
        raise ValueError("lies outside the years 2001 to 2199")
    return local(at)


def _day_or_instant(said: object) -> str:
    is_day = len(said) <= len("2026-03-10") if isinstance(said, str) else type(said) is date
    return "day" if is_day else "instant"


def _day(on: date) -> date:
    if not 2000 < on.year < 2200:
        raise ValueError("lies outside the years 2001 to 2199")
    return on


def _plain(text: str) -> str:
    if not text.replace("\n", "").isprintable():
        raise ValueError("holds characters that cannot be printed: write plain text")
    return text


def _each_once(texts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))


def storable(value: Any, depth: int = 0) -> Any:
    """JSON that every store can keep: no lone surrogates, no NUL, no NaN, of moderate depth."""
    match value:
        case str():
            if "\x00" in value or any("\ud800" <= sign <= "\udfff" for sign in value):
                raise ValueError("holds characters that cannot be kept: write plain text")
        case float() if not math.isfinite(value):
            raise ValueError("holds a number that is none")
        case int() if abs(value) >= 2**63:
            raise ValueError("holds a number that is too large")
        case dict() | list():
            if depth >= DEEPEST:
                raise ValueError("is nested too deeply")
            for part in [*value, *value.values()] if isinstance(value, dict) else value:
                storable(part, depth + 1)
        case _:
            pass
    return value


Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100), AfterValidator(_plain)]
Prose = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500), AfterValidator(_plain)]
_ACCOUNT_NO, _BILL_NO, _REFERENCE = r"^[0-9A-Za-z][0-9A-Za-z-]{0,31}$", r"^\S{1,64}$", r"^[^\s/]{1,100}$"
_PERIOD, _PHONE = r"^20[0-9]{2}-(0[1-9]|1[0-2])$", r"^[+0-9][0-9 ()-]{2,30}$"
_SHA256 = r"^[0-9a-f]{64}$"
PATTERNS = {
    _ACCOUNT_NO: "is not an account number: write up to 32 letters, digits and hyphens",
    _BILL_NO: "is not a bill number: write up to 64 characters without spaces",
    _REFERENCE: "is not a reference: write up to 100 characters without spaces and slashes",
    _PERIOD: "is not a billing month: write one such as 2026-02",
    _PHONE: "is not a phone number: write its digits",
    _SHA256: "is no SHA-256: write the 64 hexadecimal digits that the preview has told",
}
"""What to say of text that does not fit its pattern."""
AccountNo = Annotated[str, StringConstraints(pattern=_ACCOUNT_NO)]
BillNo = Annotated[str, StringConstraints(pattern=_BILL_NO), AfterValidator(_plain)]
Reference = Annotated[str, StringConstraints(pattern=_REFERENCE), AfterValidator(_plain)]
Period = Annotated[str, StringConstraints(pattern=_PERIOD)]
Phone = Annotated[str, StringConstraints(pattern=_PHONE)]
Instant = Annotated[AwareDatetime, BeforeValidator(_written), AfterValidator(_instant)]
Day = Annotated[date, BeforeValidator(_written), AfterValidator(_day)]
Until = Annotated[
    Annotated[Instant, Tag("instant")] | Annotated[Day, Tag("day")],
    Discriminator(_day_or_instant),
]
BillNos = Annotated[tuple[BillNo, ...], Field(max_length=LONGEST_LIST), AfterValidator(_each_once)]


Cubic = Annotated[Decimal, Field(ge=0, max_digits=12, decimal_places=3)]
"""Cubic metres, as a meter shows them."""


class Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LoginBody(Body):
    """An account id and its password."""

    id: Line = Field(examples=["collector"])
    password: SecretStr = Field(max_length=1000, examples=["a sentence that only you know"])


class OpeningAccount(BaseModel):
    """The account that owes. `protected` or `estate` left out keep what is known, of a new account none and open."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    no: AccountNo = Field(examples=["0410023"])
    customer_class: CustomerClass = Field(alias="class", examples=["resident"])
    estate: Estate = "open"
    phone: Phone | None = Field(None, examples=["13800000000"])
    protected: tuple[Protection, ...] = Field((), max_length=4)
    name: Line | None = None
    address: Annotated[str, StringConstraints(strip_whitespace=True, max_length=300), AfterValidator(_plain)] | None = (
        None
    )
    grid: Annotated[Line, Field(max_length=50)] | None = None
    section: Annotated[Line, Field(max_length=50)] | None = None
    office: Annotated[Line, Field(max_length=50)] | None = None
    book: Annotated[Line, Field(max_length=50)] | None = Field(None, description="the reading book")
    book_place: int | None = Field(None, ge=0, le=999_999, description="where in the reading book")

    def record(self) -> AccountRecord:
        return AccountRecord(**self.model_dump())


class OpeningBill(BaseModel):
    """One overdue bill; the late fee (违约金) stands apart from the principal."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    no: BillNo = Field(examples=["B1"])
    period: Period = Field(examples=["2026-02"])
    amount: PositiveYuan = Field(examples=["86.40"])
    due_on: Day = Field(examples=["2026-03-10"])
    late_fee: Annotated[Yuan, Field(ge=0)] = 0
    reading_before: Cubic | None = None
    reading: Cubic | None = None
    volume: Cubic | None = None
    fees: Annotated[dict[Line, Annotated[Yuan, Field(ge=0)]], Field(max_length=20)] = Field(
        {}, description="What the amount is made of, by name: its parts add up to it"
    )
    estimated: bool = False
    final: bool = Field(False, description="The last bill of a customer who leaves")

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        if self.fees and sum(self.fees.values()) != self.amount:
            raise ValueError("fees: do not add up to the amount: correct one of them")
        if self.reading is not None and self.reading_before is not None and self.reading < self.reading_before:
            raise ValueError("reading: is less than reading_before: a meter does not run backwards")
        return self

    def fact(self, at: datetime) -> Bill:
        return Bill(
            no=self.no,
            period=self.period,
            amount_fen=self.amount,
            due_on=self.due_on,
            late_fee_fen=self.late_fee,
            at=at,
            **{name: getattr(self, name) for name in BILL_DETAILS},
        )


def _bills_once(bills: tuple[OpeningBill, ...]) -> tuple[OpeningBill, ...]:
    if len({bill.no for bill in bills}) < len(bills):
        raise ValueError("names a bill more than once: give each its own number")
    return bills


class ArrearsOpening(BaseModel):
    """An account and its overdue bills."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    account: OpeningAccount = Field(examples=[{"no": "0410023", "class": "resident", "phone": "13800000000"}])
    bills: Annotated[
        tuple[OpeningBill, ...], Field(min_length=1, max_length=LONGEST_LIST), AfterValidator(_bills_once)
    ] = Field(examples=[[{"no": "B1", "period": "2026-02", "amount": "86.40", "due_on": "2026-03-10"}]])


class ProjectBody(BaseModel):
    """An application for water; fields that are not known here are passed over."""

    model_config = ConfigDict(extra="ignore")

    name: Line = Field(examples=["泉城路小店"])
    kind: Kind = Field(examples=["single"])
    address: Line | None = None
    district: Line | None = None
    contact: Line | None = Field(None, description="Whom to ask for at the applicant's")
    phone: Phone | None = Field(None, examples=["13800000000"])
    meters: int = Field(1, ge=1, le=100_000)
    high_rise: bool = False
    design_by: Literal["utility", "customer"] = "utility"
    sector: Sector = "other"
    investment: PositiveYuan | None = None
    high_reliability: bool = False
    petition: bool = False
    key_government: bool = False
    exceptional: bool = False
    metered: bool = True
    sections: Annotated[tuple[Line, ...], Field(max_length=50)] = ()
    ends_on: Day | None = None
    reference: Line | None = Field(None, description="The sender's own number: the same one finds the same project")
    account: AccountNo | None = Field(None, description="An account that whoever applies has here already")

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        refuse_odd(kind=self.kind, metered=self.metered, sections=self.sections, ends_on=self.ends_on)
        return self


class ConnectionOpening(BaseModel):
    """A project, and the papers handed in; left out: all of the kind's checklist."""

    model_config = ConfigDict(extra="ignore")

    project: ProjectBody = Field(examples=[{"name": "泉城路小店", "kind": "single", "meters": 1}])
    papers: Annotated[tuple[Line, ...], Field(max_length=100)] | None = None

    def record(
        self, *, checklist: tuple[str, ...], grid: str | None, section: str | None, office: str | None
    ) -> ProjectRecord:
        """The application as the intake takes it, in the part of the organisation of whoever brings it in."""
        given = self.project
        told = {"name", "address", "investment", "reference", "contact", "phone"}
        project = Project(**given.model_dump(exclude=told), investment_fen=given.investment)
        return ProjectRecord(
            name=given.name,
            address=given.address,
            district=given.district,
            reference=given.reference,
            contact=given.contact,
            phone=given.phone,
            project=project,
            papers=self.papers if self.papers is not None else checklist,
            grid=grid,
            section=section,
            office=office,
        )


class PaymentBody(Body):
    """Money received. `bills` left out: undisputed overdue bills, oldest first. `paid_at` left out: now."""

    account: AccountNo = Field(examples=["0410023"])
    reference: Reference = Field(examples=["T-1"])
    amount: PositiveYuan = Field(examples=["86.40"])
    bills: BillNos = ()
    paid_at: Instant | None = None


class ReversalBody(Body):
    """A payment taken back. The account may be named to make sure."""

    account: AccountNo | None = None


class BillBody(OpeningBill):
    """Another bill of an account known here."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    account: AccountNo = Field(examples=["0410023"])


class ConfirmBody(Body):
    """Billing says: everything up to `at` is here."""

    source: Annotated[Line, Field(max_length=50)] = Field(examples=["billing"])
    at: Instant = Field(examples=["2026-03-11T06:00:00+08:00"])


class PreviewedFile(Body):
    """A ledger file that was sent to the preview within the hour, by its SHA-256."""

    sha256: Annotated[str, StringConstraints(pattern=_SHA256)] = Field(examples=["0" * 64])


class ContactBody(Body):
    """A try to speak to the customer. `outcome` says more than `reached`; `promised` needs `amount` and `by`.

    `place`, `photo` (a file of the case) and `spoke_at` as a phone kept them that had no network.
    """

    method: Literal["phone", "visit", "message"] = Field(examples=["phone"])
    reached: bool = True
    note: Annotated[Prose, Field(max_length=1000)] | None = None
    outcome: ContactOutcome | None = Field(None, examples=["reached"])
    amount: PositiveYuan | None = None
    by: Until | None = None
    place: Annotated[Line, Field(max_length=200)] | None = None
    photo: Annotated[Line, Field(max_length=200)] | None = None
    spoke_at: Instant | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.outcome == "promised" and (self.amount is None or self.by is None):
            raise ValueError("promised needs amount and by: how much, and by which day")
        return self

    def said(self) -> dict[str, Any]:
        """As the command takes it."""
        told = self.model_dump()
        return told | {"until": told.pop("by")}


class InstalmentBody(Body):
    amount: PositiveYuan = Field(examples=["86.40"])
    due_on: Day = Field(examples=["2026-04-10"])


class PlanBody(Body):
    parts: tuple[InstalmentBody, ...] = Field(
        min_length=1, max_length=60, examples=[[{"amount": "86.40", "due_on": "2026-04-10"}]]
    )


class PromiseBody(Body):
    """The customer will pay `amount` before the end of the day `by`, or before that instant."""

    amount: PositiveYuan = Field(examples=["86.40"])
    by: Until = Field(examples=["2026-03-20"])


Evidence = Annotated[
    Annotated[Line, Field(max_length=200)] | None,
    Field(title="凭证 Evidence (a file of the case)", json_schema_extra=PICTURE),
]
"""A file of the case, or the plain name of a paper."""


class HoldBody(Body):
    """`ground`: a reason of the pack's list, which says how long it may hold. `reference`: of money at the bank."""

    reason: Prose = Field(examples=["用户申请"], title="原因 Reason")
    until: Until | None = None
    ground: Ground | None = None
    evidence: Evidence = None
    reference: Reference | None = None


class PauseBody(Body):
    """`task`: its key, or its id where several of a key are open."""

    task: Line = Field(examples=["arrears.serve-dunning-notice"])
    party: Party = Field(examples=["customer"])
    reason: Prose = Field(examples=["用户申请"])
    evidence: Prose | None = Field(None, examples=["用户签字的申请书"])


class ResumeBody(Body):
    task: Line | None = None


class ReassignBody(Body):
    task: Line = Field(examples=["arrears.serve-dunning-notice"])
    to: Line = Field(examples=["collector-2"])
    reason: Prose | None = None


class CosignBody(Body):
    """`of`: the account id of whoever is to sign under the task before it is decided."""

    task: Line = Field(examples=["arrears.approve-limit"])
    of: Line = Field(examples=["supervisor-2"])
    reason: Prose = Field(examples=["金额异常，请复核"])


class DropCosignBody(Body):
    task: Line = Field(examples=["arrears.approve-limit"])
    reason: Prose | None = None


class SendBackBody(Body):
    """`to`: the key of the task that is to be done again, and with it all that rests on it."""

    to: Annotated[Line, Field(max_length=60)] = Field(examples=["connection.survey"])
    reason: Prose = Field(examples=["埋深与现场不符"])


class TakeBackBody(Body):
    task: Annotated[Line, Field(max_length=60)] = Field(examples=["connection.draft-scheme"])
    reason: Prose = Field(examples=["附件传错"])


class ReopenBody(Body):
    reason: Prose = Field(examples=["用户反映仍无水"])


class ProgressBody(Body):
    """How far something that has risen is."""

    task: Line = Field(examples=["arrears.serve-dunning-notice"])
    note: Prose = Field(examples=["已约用户周三上门"])


class EscalateBody(Body):
    """What its level cannot resolve goes to the level above."""

    task: Line = Field(examples=["arrears.serve-dunning-notice"])
    reason: Prose = Field(examples=["用户拒不配合，需要管区出面"])


class UrgeBody(Body):
    task: Line = Field(examples=["arrears.serve-dunning-notice"])


class ReleaseBody(Body):
    """Nothing needs to be said. `hold`: this one alone. `how`: whether what it waited for came about."""

    hold: Line | None = None
    how: Literal["released", "kept", "broken"] = "released"
    reason: Prose | None = None


class WaiveBody(Body):
    """Late fees are to be waived: of these bills, or of all. A second person decides."""

    bills: BillNos = Field((), title="账单（不选就是全部） Bills (none: all)")
    reason: Prose = Field(examples=["账单投递有误"], title="理由 Reason")
    evidence: Evidence = None


class ViolationBody(Body):
    """A limited valve was found opened, its seal broken, or a pipe around it."""

    found: Found = Field(examples=["self-opened"], title="发现 What was found")
    evidence: Annotated[Line, Field(max_length=200)] = Field(
        examples=["valve.jpg"], title="照片 Photo", json_schema_extra=PICTURE
    )
    note: Annotated[Prose, Field(max_length=1000)] | None = Field(None, title="说明 Remark")


class CorrectionBody(Body):
    """A bill was wrong: it is taken back, and another issued in its place, or none."""

    account: AccountNo = Field(examples=["0410023"])
    reason: Prose = Field(examples=["抄错止码"])
    instead: OpeningBill | None = None


class AccountChangeBody(Body):
    """Another tenant or owner from a day on; an account closed, suspended, resumed; its house demolished.

    `bills` belong to whoever was there before although their month says otherwise. `class`: the customer's, from now.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    what: Change | Literal["class"] = Field(examples=["tenant"], title="变更 What changed")
    changed_on: Day = Field(alias="on", examples=["2026-04-01"], title="从哪一天起 From which day")
    bills: BillNos = Field((), title="另归前用户的账单 More bills of whoever was there before")
    customer_class: CustomerClass | None = Field(None, alias="class", title="用户类别改为 Class of customer")

    @model_validator(mode="after")
    def _says_which(self) -> Self:
        if self.what == "class" and self.customer_class is None:
            raise ValueError("class: is missing: say which class it is now")
        return self

    def fact(self, at: datetime) -> Changed | None:
        """The change as the ledger has it; of the class it has a fact of its own."""
        if self.what == "class":
            return None
        return Changed(what=self.what, changed_on=self.changed_on, bills=self.bills, at=at)


class WithdrawBody(Body):
    reason: Prose = Field(examples=["用户申请"])


class OccupancyBody(Body):
    """The share of households that have moved in, 0 to 1, as a string or a number."""

    share: Annotated[Decimal, Field(ge=0, le=1, decimal_places=4)] = Field(examples=["0.7"])


class PaperBody(Body):
    """A paper by the name that the project has it under."""

    paper: Line = Field(examples=["产权证明"])


class InviteBody(Body):
    """预约验收: when the customer is asked to be there, and how they were told."""

    appointment: Instant = Field(examples=["2026-03-20T09:00:00+08:00"])
    method: Literal["phone", "sms", "wechat", "in-person"] = "phone"


ItemNos = Annotated[list[Annotated[int, Field(ge=1, le=MOST_ITEMS)]], Field(max_length=MOST_AT_ONCE)]


class RectifiedBody(Body):
    """Items that a contractor has mended, up to 500 at once."""

    items: Annotated[ItemNos, Field(min_length=1)] = Field(examples=[[7, 12]])
    remark: Prose = Field(examples=["已整改"])
    photo: Line | None = None
    place: Line | None = None


class DataWantedBody(Body):
    """What of new customers' data is missing or wrong."""

    what: Prose = Field(examples=["3 号楼缺房号"])
    items: ItemNos = []


class LookBody(Body):
    """What was seen of one item. `passed` null takes a look back."""

    no: Annotated[int, Field(ge=1, le=MOST_ITEMS)] = Field(examples=[7])
    passed: bool | None = Field(examples=[True])
    reason: Annotated[Prose, Field(max_length=LONGEST_REASON)] | None = None
    measured: Measured = Measured()
    photo: Annotated[Line, Field(max_length=80)] | None = None


class LooksBody(Body):
    """Looks at up to 500 items of the round that is on."""

    round: Annotated[int, Field(ge=1, le=1000)] = Field(examples=[1])
    looks: Annotated[list[LookBody], Field(min_length=1, max_length=MOST_AT_ONCE)] = Field(
        examples=[[{"no": 7, "passed": True}]]
    )


class BookBody(Body):
    """An hour of the survey, or from one to another; moving what was agreed needs its reason."""

    starts_at: Instant = Field(examples=["2026-03-13T08:30:00+08:00"])
    ends_at: Instant | None = None
    reason: Prose | None = None


class RatingBody(Body):
    satisfaction: Satisfaction = Field(examples=["satisfied"])
    opinion: Annotated[str, StringConstraints(max_length=2000), AfterValidator(_plain)] | None = None


class DecisionBody(Body):
    """`form` as the task's JSON Schema (GET /forms) has it; `subject` where several of a key are open."""

    form: Annotated[dict[str, Any], AfterValidator(storable)] = Field({}, examples=[{"outcome": "served"}])
    subject: Line | None = None
