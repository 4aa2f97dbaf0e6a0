"""How we are doing, for systems and as Excel: the figures of the dashboard, and the rows behind them."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse
from pydantic import BaseModel, ConfigDict, Field

from api import shown, workbooks
from api.access import SignedIn
from api.errors import documented
from api.house import Here, House
from api.pages.words import language_of
from api.sheets import dues_sheet, recovery_sheet
from api.workbooks import BOOK, every_row
from domain.arrears.policy import RecoveryGoals
from domain.recovery import meets
from policies.packs import load_pack
from store import reports
from store.keyset import LONGEST_PAGE
from store.reports import DueFilter, Load, PartRecovery, Recovery, StepLate, Sum, this_month

router = APIRouter(tags=["reports"], prefix="/reports")
Month = Annotated[str, Query(pattern=r"^(20[0-9]{2}-(0[1-9]|1[0-2]))?$", description="2026-03; left out: this month")]
FORMULA = (
    "回收率 = 期内到期账单在期末之前收到的金额 ÷ 期内到期账单的金额。账单按缴费期限归月、归年，期限当天过完才算到期；"
    "退回的缴费不算；有争议的账单照算应收，未缴的争议金额另列。只计台账里有的账单："
    "台账若只有欠费账单，算出的只是欠费的回收率，不能拿来对照目标。",
    "Recovery = paid by the period's end on bills due in the period ÷ those bills, by amount. A bill belongs to the "
    "month and year of its due day, once that day is over; payments taken back do not count; disputed bills count as "
    "due, and what of them is unpaid is shown apart. Of the bills that the ledger holds: where it holds overdue bills "
    "alone, this is the recovery of arrears, and no goal is to be held against it.",
)


class SumShown(shown.Of):
    """`rate`: a share, cut off after four decimals; null when nothing was due. `met`: whether it reaches the goal."""

    due: shown.Money
    paid: shown.Money
    disputed: shown.Money
    bills: int
    rate: str | None
    met: bool | None


class PartShown(BaseModel):
    part: Literal["office", "section", "grid"]
    name: str | None
    month: SumShown
    year: SumShown


class MonthShown(BaseModel):
    month: str
    figures: SumShown


class RecoveryShown(BaseModel):
    """`goal_month`, `goal_year`: shares that the pack asks for; null where it names none."""

    month: str
    formula_zh: str
    formula_en: str
    goal_month: str | None
    goal_year: str | None
    all_month: SumShown
    all_year: SumShown
    months: list[MonthShown]
    parts: list[PartShown]


class AgeShown(shown.Of):
    """Unpaid bills that fell due `first` to `last` (null: or more) days ago."""

    first: int
    last: int | None
    bills: int
    unpaid: shown.Money
    disputed: shown.Money


class StepShown(shown.Of):
    """What came in while cases stood at a stage."""

    stage: str
    payments: int
    paid: shown.Money


class StageShown(shown.Of):
    stage: str | None
    cases: int
    limited: int
    owed: shown.Money


class LadderShown(BaseModel):
    """What the ladder brought in during the month, and where open cases stand now."""

    month: str
    came_in: list[StepShown]
    stages: list[StageShown]


class BillShown(shown.Of):
    """A bill with what was paid on it, and the open case of its account."""

    account_no: str
    bill_no: str
    name: str = Field(validation_alias="title")
    address: str | None
    due_on: date
    amount: shown.Money = Field(validation_alias="amount_fen")
    paid: shown.Money = Field(validation_alias="paid_fen")
    disputed: bool
    case_no: str | None
    stage: str | None
    grid: str | None
    section: str | None
    office: str | None


class DuesQuery(BaseModel):
    """Filters of the bills; an empty one is none. `age`: days since the due day, `31-60` or `366-`."""

    model_config = ConfigDict(extra="ignore")

    month: str = Field("", pattern=r"^(20[0-9]{2}-(0[1-9]|1[0-2]))?$")
    age: str = Field("", pattern=r"^([0-9]{1,4}-[0-9]{0,4})?$")
    paid: Literal["yes", "no", ""] = ""
    disputed: bool = False
    grid: str = Field("", max_length=50)
    section: str = Field("", max_length=50)
    office: str = Field("", max_length=50)

    def where(self, *, at: datetime) -> DueFilter:
        """This month's, where neither month nor age is asked for."""
        first, _, last = self.age.partition("-")
        return DueFilter(
            month=number_of(self.month, at=at) if self.month or not self.age else None,
            age=(int(first), int(last) if last else None) if self.age else None,
            paid={"yes": True, "no": False}.get(self.paid),
            disputed=True if self.disputed else None,
            grid=self.grid.strip() or None,
            section=self.section.strip() or None,
            office=self.office.strip() or None,
        )


class DuesPage(DuesQuery):
    after: str | None = Field(None, max_length=400, description="`next` of the page before")
    limit: int = Field(50, ge=1, le=LONGEST_PAGE)


def number_of(month: str, *, at: datetime) -> int:
    """`2026-03` as the store counts months; left out, the running one."""
    return int(month.replace("-", "")) if month else this_month(at)


def written(month: int) -> str:
    return f"{month // 100}-{month % 100:02d}"


def goals_on(house: House, at: datetime) -> RecoveryGoals | None:
    """What the pack in force asks for."""
    arrears = load_pack(house.pack_on(at)).arrears
    return arrears.recovery if arrears is not None else None


def sum_shown(figures: Sum, goal: Any) -> SumShown:
    share = figures.rate
    return SumShown(
        **figures.model_dump(),
        rate=None if share is None else f"{share:.4f}",
        met=None if goal is None else meets(figures.paid, figures.due, goal.value),
    )


@router.get("/recovery", responses=documented(422))
def read_recovery(person: SignedIn, house: Here, month: Month = "") -> RecoveryShown:
    """The recovery of a month and of its year, by office, section and grid, against the goals of the pack."""
    at = house.clock()
    goals = goals_on(house, at)
    monthly, yearly = (goals.month, goals.year) if goals else (None, None)
    with house.database.read() as connection:
        found = reports.recovery(connection, person, month=number_of(month, at=at), at=at)
    return RecoveryShown(
        month=written(found.month),
        formula_zh=FORMULA[0],
        formula_en=FORMULA[1],
        goal_month=str(monthly.value) if monthly else None,
        goal_year=str(yearly.value) if yearly else None,
        all_month=sum_shown(found.all_month, monthly),
        all_year=sum_shown(found.all_year, yearly),
        months=[MonthShown(month=written(no), figures=sum_shown(each, monthly)) for no, each in found.months],
        parts=[
            PartShown(
                part=each.part,
                name=each.name,
                month=sum_shown(each.month, monthly),
                year=sum_shown(each.year, yearly),
            )
            for each in found.parts
        ],
    )


@router.get("/recovery.xlsx", response_class=FileResponse, responses=documented(422) | BOOK)
def export_recovery(request: Request, person: SignedIn, house: Here, month: Month = "") -> FileResponse:
    """The recovery by office, section and grid as Excel, with its formula in the last row."""
    at, language = house.clock(), language_of(request)
    with house.database.read() as connection:
        found = reports.recovery(connection, person, month=number_of(month, at=at), at=at)
    sheet = recovery_sheet(language, goals_on(house, at), FORMULA[language == "en"])
    rows: list[PartRecovery | Recovery] = [*found.parts, found]
    return workbooks.sent(sheet, rows, language=language, at=at)


@router.get("/ageing", responses=documented())
def read_ageing(person: SignedIn, house: Here) -> list[AgeShown]:
    """What is unpaid, by the days since it fell due."""
    with house.database.read() as connection:
        return [AgeShown.model_validate(each) for each in reports.ageing(connection, person, at=house.clock())]


@router.get("/ladder", responses=documented(422))
def read_ladder(person: SignedIn, house: Here, month: Month = "") -> LadderShown:
    """What came in at each stage of the ladder during a month, and the open cases by stage."""
    at = house.clock()
    with house.database.read() as connection:
        came = reports.by_step(connection, person, month=number_of(month, at=at))
        stages = reports.by_stage(connection, person)
    return LadderShown(
        month=written(number_of(month, at=at)),
        came_in=[StepShown.model_validate(each) for each in came],
        stages=[StageShown.model_validate(each) for each in stages],
    )


@router.get("/lateness", responses=documented(422))
def read_lateness(person: SignedIn, house: Here, month: Month = "") -> list[StepLate]:
    """What is past due now, by step and by whose time it is; and what was closed late in a month."""
    at = house.clock()
    with house.database.read() as connection:
        return reports.lateness(connection, person, month=number_of(month, at=at), at=at)


@router.get("/load", responses=documented())
def read_load(person: SignedIn, house: Here) -> list[Load]:
    """Open tasks by whose hands they are in."""
    with house.database.read() as connection:
        return reports.load(connection, person, at=house.clock())


@router.get("/bills", responses=documented(422))
def read_bills(person: SignedIn, house: Here, query: Annotated[DuesPage, Query()]) -> shown.Listed[BillShown]:
    """Who has paid and who has not: bills due in a month (left out: this one) or of an age, by account."""
    at = house.clock()
    with house.database.read() as connection:
        page = reports.watched(connection, person, query.where(at=at), at=at, after=query.after, limit=query.limit)
    return shown.Listed(items=[BillShown.model_validate(row) for row in page.rows], next=page.next)


@router.get("/bills.xlsx", response_class=FileResponse, responses=documented(422) | BOOK)
def export_bills(request: Request, person: SignedIn, house: Here, query: Annotated[DuesQuery, Query()]) -> FileResponse:
    """The same as Excel, all of them."""
    at, language = house.clock(), language_of(request)
    where, limit = query.where(at=at), workbooks.MOST_ROWS
    with house.database.read() as connection:
        rows = every_row(
            lambda after, count: reports.watched(connection, person, where, at=at, after=after, limit=count),
            limit=limit,
        )
        return workbooks.sent(dues_sheet(language), rows, language=language, at=at, limit=limit)
