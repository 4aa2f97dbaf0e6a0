"""Our ledger beside billing's own list of a day, and what an account owed at any moment."""

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, status
from fastapi.responses import FileResponse
from pydantic import BaseModel, Field, StringConstraints, model_validator

from api import bodies, shown, workbooks
from api.access import SignedIn, holding
from api.errors import documented
from api.house import Here, House
from api.imports import WholeView
from api.pages.words import Language, language_of
from api.previews import whole_utility
from api.sheets import differences_sheet
from api.workbooks import BOOK
from domain.account import standing
from domain.calendars import local
from domain.money import Yuan
from domain.reconciliation import BillDifference, Difference, Theirs
from domain.refusals import Refused
from store import ledger, reads, reconciliations
from store.people import Person

router = APIRouter(tags=["billing"])
MOST_ACCOUNTS = 1_000_000
SHOWN = 1000
FORMULA = {
    "zh": "余额 = 到当日24:00已过缴费期限的账单本金 − 缴费（以缴费时间为准）+ 冲回；"
    "作废的账单不计，违约金另计，有争议的照计。",
    "en": "Balance = principal of bills past their due day at 24:00 of the day − payments (by when they were made) + "
    "payments taken back; void bills do not count, late fees stand apart, disputed bills count.",
}


class BillTheirs(bodies.Body):
    no: bodies.BillNo
    owed: Annotated[Yuan, Field(ge=0)]


class AccountTheirs(bodies.Body):
    """`bills` left out: only the whole is compared. Given, they make up the balance."""

    account: bodies.AccountNo
    balance: Annotated[Yuan, Field(ge=0)]
    bills: tuple[BillTheirs, ...] | None = Field(None, max_length=bodies.LONGEST_LIST)

    @model_validator(mode="after")
    def _adds_up(self) -> "AccountTheirs":
        if self.bills is not None and sum(bill.owed for bill in self.bills) != self.balance:
            raise ValueError("bills do not make up the balance")
        return self


class StatementBody(bodies.Body):
    """Everything that billing has overdue at the end of a day: an account that is not named owes nothing there."""

    source: Annotated[bodies.Line, StringConstraints(max_length=50)] = Field("billing", examples=["billing"])
    day: bodies.Day = Field(examples=["2026-03-10"])
    accounts: tuple[AccountTheirs, ...] = Field(
        max_length=MOST_ACCOUNTS, examples=[[{"account": "0410023", "balance": "86.40"}]]
    )


class ReconciliationShown(shown.Of):
    """One comparison. `formula`: what a balance is, in words."""

    id: int
    day: date
    source: str
    at: datetime
    by: str
    accounts: int
    differences: int
    ours: shown.Money = Field(validation_alias="ours_fen")
    theirs: shown.Money = Field(validation_alias="theirs_fen")


class BillDiffers(shown.Of):
    no: str
    kind: str
    ours: shown.Money = Field(validation_alias="ours_fen")
    theirs: shown.Money = Field(validation_alias="theirs_fen")


class AccountDiffers(shown.Of):
    """`not-here`: unknown here; `not-there`: they have no debt. Of a bill `paid-there`: a payment is missing here."""

    account: str = Field(validation_alias="account_no")
    kind: str
    ours: shown.Money = Field(validation_alias="ours_fen")
    theirs: shown.Money = Field(validation_alias="theirs_fen")
    bills: list[BillDiffers]


class ReconciliationWhole(BaseModel):
    """A comparison with its first thousand differing accounts; all of them can be had as Excel."""

    about: ReconciliationShown
    formula: str
    first: list[AccountDiffers]


class BalanceShown(BaseModel):
    """What an account owed at a moment, by all that is known now; disputes are the case's and left aside."""

    account: str
    at: datetime
    overdue: shown.Money
    late_fees: shown.Money
    prepaid: shown.Money
    bills: dict[str, shown.Money]
    formula: str


async def _reconciler(
    person: Annotated[Person, holding("clerk", "collector", "supervisor", "administrator")],
) -> Person:
    return whole_utility(person)


Reconciler = Annotated[Person, Depends(_reconciler)]
"""Brings billing's list in: the system itself (administrator), or whoever brings in ledgers."""


@router.post("/ledger/reconciliations", status_code=status.HTTP_201_CREATED, responses=documented(403, 413, 422, 503))
def reconcile(request: Request, person: Reconciler, house: Here, body: StatementBody) -> ReconciliationWhole:
    """Compare the whole ledger with billing's list of a day. Nothing is changed by it.

    Where the pack says so, an account that does not agree is not limited until it does.
    """
    theirs = {
        each.account: Theirs(
            balance_fen=each.balance,
            bills=None if each.bills is None else {bill.no: bill.owed for bill in each.bills},
        )
        for each in body.accounts
    }
    if len(theirs) < len(body.accounts):
        raise Refused("form-invalid", "accounts: one stands there more than once", zh="有的户出现了不止一次。")
    number = compared(house, person, theirs, day=body.day, source=body.source)
    return whole(house, number, language_of(request))


def compared(house: House, person: Person, theirs: dict[str, Theirs], *, day: date, source: str) -> int:
    """Compare and keep. Refuses a day that is not over."""
    at = house.clock()
    if day >= local(at).date():
        raise Refused("form-invalid", "day: is not over yet; compare a day that has ended", zh="这一天还没有结束。")
    return reconciliations.take(house.database, theirs, day=day, source=source, at=at, by=person.id)


@router.get("/ledger/reconciliations", responses=documented(403, 422))
def list_reconciliations(
    person: WholeView, house: Here, limit: Annotated[int, Query(ge=1, le=100)] = 20
) -> shown.Listed[ReconciliationShown]:
    """Comparisons with billing's lists, newest first."""
    with house.database.read() as connection:
        rows = reconciliations.listed(connection, limit=limit)
    return shown.Listed(items=[ReconciliationShown.model_validate(row) for row in rows])


@router.get("/ledger/reconciliations/{number}", responses=documented(403, 404, 422))
def read_reconciliation(request: Request, person: WholeView, house: Here, number: int) -> ReconciliationWhole:
    """One comparison, with the accounts that do not agree."""
    return whole(house, number, language_of(request))


@router.get(
    "/ledger/reconciliations/{number}/differences.xlsx",
    response_class=FileResponse,
    responses=documented(403, 404, 422) | BOOK,
)
def export_differences(request: Request, person: WholeView, house: Here, number: int) -> FileResponse:
    """Every account that does not agree as Excel, bill by bill where billing told them."""
    refuse_unknown(house, number)
    language = language_of(request)
    rows = reconciliations.lines(house.database, number)
    return workbooks.sent(differences_sheet(language), _by_bill(rows), language=language, at=house.clock())


def _by_bill(lines: Iterable[Difference]) -> Iterator[tuple[Difference, BillDifference | None]]:
    for line in lines:
        yield from ((line, bill) for bill in line.bills or (None,))


def refuse_unknown(house: House, number: int) -> ReconciliationShown:
    with house.database.read() as connection:
        row = reconciliations.one(connection, number) if 0 < number < 2**63 else None
    if row is None:
        raise Refused("unknown", "there is no such comparison: look it up in the list", zh="没有这次对账。")
    return ReconciliationShown.model_validate(row)


def whole(house: House, number: int, language: Language, *, limit: int = SHOWN) -> ReconciliationWhole:
    about = refuse_unknown(house, number)
    first = [AccountDiffers.model_validate(line) for line in reconciliations.lines(house.database, number, limit=limit)]
    return ReconciliationWhole(about=about, formula=FORMULA[language], first=first)


async def _inside(person: SignedIn) -> Person:
    if not person.inside:
        raise Refused("wrong-role", "balances are for people of the utility")
    return person


@router.get("/accounts/{account_no}/balance", responses=documented(403, 404, 422))
def balance(
    request: Request,
    person: Annotated[Person, Depends(_inside)],
    house: Here,
    account_no: str,
    at: bodies.Instant | None = None,
) -> BalanceShown:
    """What an account owed at a moment (`at` left out: now): the same whatever order its facts came in."""
    when = at or house.clock()
    with house.database.read() as connection:
        reads.refuse_foreign_account(connection, person, account_no, absent=False)
        facts = [fact for _, fact in ledger.facts_after(connection, account_no, 0)]
    stands = standing(facts=facts, as_of=when)
    return BalanceShown(
        account=account_no,
        at=local(when),
        overdue=stands.overdue,
        late_fees=stands.late_fees,
        prepaid=stands.prepaid,
        bills=stands.owed,
        formula=FORMULA[language_of(request)],
    )
