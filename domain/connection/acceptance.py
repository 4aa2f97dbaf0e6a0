"""What may be told a project about its acceptance and its new customers, and what the decisions there entail."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field

from domain.calendars import Calendar, local
from domain.case import TaskDecided
from domain.clauses import keeps
from domain.commands import Command, DecideTask, decided_task, refuse_unless_acting
from domain.connection.events import (
    AcceptanceAttended,
    AcceptanceInvited,
    AccountsOpened,
    ConnectionEvent,
    DataReported,
    ItemTableTaken,
    ReadingBegins,
    WaterUsed,
)
from domain.connection.facts import ProjectFacts
from domain.connection.forms import CONNECTION_TASKS, Acceptance, AccountOpened, FeeSettled, MetersSwitched
from domain.connection.items import MOST_ITEMS, Table, ranges
from domain.connection.policy import ConnectionPolicy
from domain.money import NotMoney, fen, yuan
from domain.people import Role
from domain.refusals import Refused
from domain.terms import Term, due_at

MOST_AT_ONCE = 500
ON_SITE: tuple[Role, ...] = (
    "representative",
    "inspector",
    "engineer",
    "meter-technician",
    "service-manager",
    "supervisor",
)
A_DAY = timedelta(days=1)
ItemNo = Annotated[int, Field(ge=1, le=MOST_ITEMS)]


class TakeItemTable(Command):
    """The table of a project's items stands in the store. The case keeps its hash and length."""

    command: Literal["item-table"] = "item-table"
    table: Table
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    items: int = Field(ge=1, le=MOST_ITEMS)


class InviteToAcceptance(Command):
    """The customer is asked to be there when the meters are accepted."""

    command: Literal["invite"] = "invite"
    appointment: AwareDatetime
    method: Literal["phone", "sms", "wechat", "in-person"] = "phone"


class ReportRectified(Command):
    """A contractor reports several failed items as mended, in one go."""

    command: Literal["rectified"] = "rectified"
    items: tuple[ItemNo, ...] = Field(min_length=1, max_length=MOST_AT_ONCE)
    remark: str = Field(min_length=1, max_length=1000)
    photo: str | None = Field(None, max_length=200)
    place: str | None = Field(None, max_length=200)


class ReportData(Command):
    """Data of new customers is missing or wrong; whoever owes it is asked to complete it."""

    command: Literal["data-wanted"] = "data-wanted"
    what: str = Field(min_length=1, max_length=1000)
    items: tuple[ItemNo, ...] = Field((), max_length=MOST_AT_ONCE)


AcceptanceCommand = TakeItemTable | InviteToAcceptance | ReportRectified | ReportData


def told(
    command: AcceptanceCommand, facts: ProjectFacts, policy: ConnectionPolicy, calendar: Calendar
) -> list[ConnectionEvent]:
    """What such a command makes happen. Raises `Refused` when it may not."""
    match command:
        case TakeItemTable():
            return _table_taken(command, facts)
        case InviteToAcceptance():
            return [_invited(command, facts, policy, calendar)]
        case ReportRectified():
            return list(_rectified(command, facts))
        case ReportData():
            return [_data_reported(command, facts)]


def _table_taken(command: TakeItemTable, facts: ProjectFacts) -> list[ConnectionEvent]:
    refuse_unless_acting(command.by, *ON_SITE, "clerk", "contractor")
    stands = facts.tables.get(command.table)
    if stands is not None and stands.sha256 == command.sha256:
        return []
    if facts.is_done("accept"):
        raise Refused(
            "not-open",
            "every item has passed: the table that was accepted stands",
            zh="各户都已验收合格，验收时的表不再更换。",
        )
    meters = facts.project.meters
    if command.table == "order" and command.items != meters:
        raise Refused(
            "form-invalid",
            f"items: the table has {command.items} meters, the project {meters}: make them the same",
            zh=f"表里有 {command.items} 块表，项目登记的是 {meters} 块：请先核对一致。",
        )
    return [
        ItemTableTaken(at=command.at, by=command.by.id, table=command.table, sha256=command.sha256, items=command.items)
    ]


@keeps("jinan.acceptance.accept-invite-one-day-ahead")
def _invited(
    command: InviteToAcceptance, facts: ProjectFacts, policy: ConnectionPolicy, calendar: Calendar
) -> AcceptanceInvited:
    refuse_unless_acting(command.by, *ON_SITE)
    if facts.is_done("accept"):
        raise Refused("not-open", "every item has passed: nobody is invited any more", zh="已经验收完毕，不用再约。")
    if policy.invite_ahead is not None:
        earliest = _earliest(policy.invite_ahead.value, command.at, calendar)
        if command.appointment < earliest:
            raise Refused(
                "form-invalid",
                f"appointment: the customer is invited ahead: {local(earliest):%Y-%m-%d} at the earliest",
                zh=f"要提前约客户：最早约在 {local(earliest):%Y-%m-%d}。",
            )
    return AcceptanceInvited(
        at=command.at,
        by=command.by.id,
        clauses=policy.invite_ahead.clauses if policy.invite_ahead else (),
        round=facts.round,
        appointment=command.appointment,
        method=command.method,
    )


def _earliest(ahead: Term, at: datetime, calendar: Calendar) -> datetime:
    """The beginning of the last day of the term: invited today with P1D, the customer may be asked for tomorrow."""
    due = due_at(term=ahead, started_at=at, calendar=calendar).at
    return due if ahead.elapsed else due - A_DAY


def _rectified(command: ReportRectified, facts: ProjectFacts) -> Iterator[TaskDecided]:
    """The decision of each named item's task: all of them, or none."""
    form = command.model_dump(include={"remark", "photo", "place"}, exclude_none=True)
    named = list(dict.fromkeys(command.items))
    closed = [item for item in named if facts.open_task("connection.rectify", subject=str(item)) is None]
    if closed:
        raise Refused(
            "not-open",
            f"items {closed[:10]} are not to be rectified now: leave them out",
            zh=f"{'、'.join(map(str, closed[:10]))} 号现在不用整改，请去掉。",
        )
    for item in named:
        task = facts.open_task("connection.rectify", subject=str(item))
        yield decided_task(
            DecideTask(
                by=command.by, at=command.at, key="connection.rectify", task_id=task.id if task else None, form=form
            ),
            facts,
            CONNECTION_TASKS,
        )


def _data_reported(command: ReportData, facts: ProjectFacts) -> DataReported:
    refuse_unless_acting(command.by, *ON_SITE)
    if facts.open_task("connection.open-account") is None:
        raise Refused(
            "not-open",
            "data is asked for between the acceptance and the opening of the accounts",
            zh="验收合格之后、立户之前，才要求补齐资料。",
        )
    if facts.data_wanted is not None:
        raise Refused(
            "not-open", "data is asked for already: wait until it is complete", zh="已经要求补齐资料，请等补齐。"
        )
    return DataReported(at=command.at, by=command.by.id, what=command.what, items=command.items)


# Decisions.


def refuse_unless_right(command: DecideTask, form: object, facts: ProjectFacts) -> None:
    """Raises `Refused` for a decision that what was declared before stands against."""
    match form:
        case Acceptance():
            _refuse_before_the_appointment(command, form, facts)
        case AccountOpened() if facts.data_wanted is not None:
            raise Refused(
                "gate",
                f"accounts open once the data is complete: {facts.data_wanted}",
                zh=f"客户资料还没有补齐（{facts.data_wanted}），补齐之后再立户。",
            )
        case FeeSettled(amount=str() as amount) if facts.fee_fen is not None:
            _refuse_other_amount(amount, facts.fee_fen)
        case _:
            pass


@keeps("jinan.acceptance.acceptance-on-time")
def _refuse_before_the_appointment(command: DecideTask, form: Acceptance, facts: ProjectFacts) -> None:
    invited = facts.invited
    if invited is None or invited.round != facts.round:
        return
    if local(command.at).date() < local(invited.appointment).date():
        raise Refused(
            "gate",
            f"the customer is invited for {local(invited.appointment):%Y-%m-%d %H:%M}: accept then, or invite anew",
            zh=f"客户约在 {local(invited.appointment):%Y-%m-%d %H:%M}：请到时验收，或者重新约定。",
        )
    late = late_minutes(form, invited.appointment)
    if late is not None and form.attendance == ("late" if late == 0 else "on-time"):
        words = f"{late} minutes after" if late else "in time for"
        raise Refused(
            "form-invalid",
            f"attendance: the arrival lies {words} the appointment: say so",
            zh=f"到场时间比约定{f'晚了 {late} 分钟' if late else '没有晚'}，请如实选择。",
        )


def late_minutes(form: Acceptance, appointment: datetime) -> int | None:
    """By how many minutes whoever accepts came after the appointment; None where nobody said when they came."""
    if form.arrived_at is None:
        return None
    return max(0, int((form.arrived_at - appointment).total_seconds() // 60))


def _refuse_other_amount(amount: str, due_fen: int) -> None:
    try:
        paid = fen(amount)
    except NotMoney:
        words = "amount: not an amount in yuan such as 86.40"
        raise Refused("form-invalid", words, zh="金额要写成 86.40 这样。") from None
    if paid != due_fen:
        raise Refused(
            "form-invalid",
            f"amount: the water used before the acceptance costs {yuan(due_fen)} yuan",
            zh=f"验收水费是 {yuan(due_fen)} 元，请核对。",
        )


def entailed(
    form: object, facts: ProjectFacts, policy: ConnectionPolicy, calendar: Calendar, said: dict[str, Any]
) -> list[ConnectionEvent]:
    """What an acceptance, an account's opening or a switch of meters states beside its own decision."""
    match form:
        case Acceptance():
            return [*_attended(form, facts, said), *_water(form, facts, policy, said)]
        case AccountOpened():
            return [*_accounts(form, facts, policy, said), *_read_from_acceptance(facts, policy, calendar, said)]
        case MetersSwitched():
            return _read_from_switch(form, policy, calendar, said)
        case _:
            return []


def _attended(form: Acceptance, facts: ProjectFacts, said: dict[str, Any]) -> list[ConnectionEvent]:
    invited = facts.invited
    if invited is None or invited.round != facts.round or (late := late_minutes(form, invited.appointment)) is None:
        return []
    return [AcceptanceAttended(**said, round=facts.round, appointment=invited.appointment, late_minutes=late)]


def _water(
    form: Acceptance, facts: ProjectFacts, policy: ConnectionPolicy, said: dict[str, Any]
) -> list[ConnectionEvent]:
    if form.water_used is None:
        return []
    price, fee = policy.accept_water_price, None
    if price is not None and facts.project.kind in policy.fee_kinds.value:
        fee = round(form.water_used * price.value)
        said = said | {"clauses": (*said["clauses"], *price.clauses)}
    return [WaterUsed(**said, round=facts.round, cubic_metres=form.water_used, fee_fen=fee)]


def _accounts(
    form: AccountOpened, facts: ProjectFacts, policy: ConnectionPolicy, said: dict[str, Any]
) -> list[ConnectionEvent]:
    table, numbers = facts.tables.get("order"), policy.account_numbers
    if table is None or numbers is None:
        return []
    return [
        AccountsOpened(
            **said,
            items=facts.passed if facts.failing else table.items,
            without=ranges(sorted(facts.failing)),
            prefix=numbers.value.prefix,
            digits=numbers.value.digits,
            reading_book=form.reading_book,
            reading_cycle=form.reading_cycle,
        )
    ]


@keeps("jinan.account-opening.billed-within-one-cycle")
def _read_from_acceptance(
    facts: ProjectFacts, policy: ConnectionPolicy, calendar: Calendar, said: dict[str, Any]
) -> list[ConnectionEvent]:
    """Where items pass one after another, the first bill of all is watched from the last."""
    done = facts.done.get("connection.accept")
    accepted_at = done.at if done is not None else facts.passed_at
    if policy.first_bill is None or accepted_at is None:
        return []
    due = due_at(term=policy.first_bill.value, started_at=accepted_at, calendar=calendar).at
    return [ReadingBegins(**said | {"clauses": policy.first_bill.clauses}, of="opened", billed_by=due)]


@keeps("jinan.account-opening.switched-billed-within-one-cycle")
def _read_from_switch(
    form: MetersSwitched, policy: ConnectionPolicy, calendar: Calendar, said: dict[str, Any]
) -> list[ConnectionEvent]:
    """In a route by the end of the month of the switch, and billed within a cycle from it."""
    if policy.first_bill is None:
        return []
    into, at = policy.switched_into_route, said["at"]
    return [
        ReadingBegins(
            **said | {"clauses": (*(into.clauses if into else ()), *policy.first_bill.clauses)},
            of="switched",
            route=form.route,
            route_by=due_at(term=into.value, started_at=at, calendar=calendar).at if into else None,
            billed_by=due_at(term=policy.first_bill.value, started_at=at, calendar=calendar).at,
        )
    ]
