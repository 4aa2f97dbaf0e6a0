"""What a rehearsal opens its case with: the bodies of the API, and whatever more the store knows."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    model_validator,
)

from domain.account import BILL_DETAILS, Bill, CustomerClass
from domain.calendars import CHINA, local
from domain.connection import facts as domain_project
from domain.money import PositiveYuan, Yuan
from domain.policy import Strict
from rehearsal.expectations import Text
from rehearsal.report import Day, Instant
from store.ledger import AccountRecord
from store.projects import ProjectRecord

ANY_TIME = datetime(2000, 1, 1, tzinfo=CHINA)


def _each_once(bills: tuple["OpeningBill", ...]) -> tuple["OpeningBill", ...]:
    numbers = [bill.no for bill in bills]
    if twice := sorted({no for no in numbers if numbers.count(no) > 1}):
        raise ValueError(f"bill {', '.join(twice)} stands more than once: give each bill its own number")
    return bills


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

    def owed(self, *, at: datetime) -> list[Bill]:
        """The bills as the ledger takes them at `at`. A rehearsed case opens then: with none overdue yet, all are."""
        bills = [bill.bill(at=at) for bill in self.bills]
        if any(bill.overdue_from <= at for bill in bills):
            return bills
        return [bill.model_copy(update={"due_on": local(at).date() - timedelta(days=1)}) for bill in bills]


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
