"""What is told a project about its acceptance and its new customers, and what its decisions there entail."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from domain.calendars import CHINA
from domain.commands import Command
from domain.connection.acceptance import InviteToAcceptance, ReportData, ReportRectified, TakeItemTable
from domain.connection.commands import events_of
from domain.people import Actor
from domain.refusals import Refused
from policies.packs import load_calendar, load_pack
from tests.policies.lives import HOUR, ProjectLife, begun

REPRESENTATIVE = Actor(id="r", roles=("representative",))
CONTRACTOR = Actor(id="c", roles=("contractor",))
SHA = "a" * 64


def at(task_key: str, pack: str = "jinan", **project: Any) -> ProjectLife:
    """A project lived up to a task."""
    policy = load_pack(pack).connection
    assert policy is not None
    played = begun(policy, {"kind": "estate", "meters": 5} | project, {})
    played.live_until(f"connection.{task_key}")
    return played


def told(played: ProjectLife, command: Command) -> list[Any]:
    made = events_of(command, played.facts, played.policy, load_calendar())  # type: ignore[arg-type]
    for event in made:
        played.say(event)
    played.settle()
    return list(made)


def decided(played: ProjectLife, key: str, form: dict[str, Any] | None = None) -> None:
    task = next(task for task in played.facts.tasks.values() if task.key == f"connection.{key}")
    event = played.tried(task, form or {})
    assert event is not None, played.told[-1]
    played.say(event)
    played.settle()


def said(played: ProjectLife, event: str) -> list[dict[str, Any]]:
    return [each for each in played.told if isinstance(each, dict) and each.get("event") == event]


def test_a_table_is_known_by_its_hash_and_must_have_as_many_items_as_the_project() -> None:
    played = at("accept")
    table = TakeItemTable(by=REPRESENTATIVE, at=played.now, table="order", sha256=SHA, items=5)
    with pytest.raises(Refused, match="the project 5"):
        told(played, table.model_copy(update={"items": 4}))
    assert len(told(played, table)) == 1
    assert told(played, table) == []
    assert played.facts.tables["order"].items == 5
    assert told(played, table.model_copy(update={"table": "handover", "items": 4})) != []


@pytest.mark.clause("jinan.acceptance.accept-invite-one-day-ahead")
def test_the_customer_is_invited_the_day_before_at_the_latest() -> None:
    played = at("accept")
    now = played.now.replace(hour=9, minute=0)
    invitation = InviteToAcceptance(by=REPRESENTATIVE, at=now, appointment=now + timedelta(hours=10))
    with pytest.raises(Refused, match="invited ahead"):
        told(played, invitation)
    tomorrow = (now + timedelta(days=1)).replace(hour=8)
    (event,) = told(played, invitation.model_copy(update={"appointment": tomorrow}))
    assert event.clauses == ("jinan.acceptance.accept-invite-one-day-ahead",)


@pytest.mark.clause("jinan.acceptance.acceptance-on-time")
def test_nobody_accepts_before_the_appointment_and_who_comes_late_is_on_record_as_late() -> None:
    played = at("accept")
    played.now = datetime(2026, 4, 1, 9, tzinfo=CHINA)
    appointment = datetime(2026, 4, 2, 9, tzinfo=CHINA)
    told(played, InviteToAcceptance(by=REPRESENTATIVE, at=played.now, appointment=appointment))
    task = next(iter(played.facts.tasks.values()))
    assert played.tried(task, {}) is None
    assert "invited for" in str(played.told[-1])
    played.now = appointment + HOUR
    late = {"arrived_at": (appointment + timedelta(minutes=35)).isoformat()}
    assert played.tried(task, late | {"attendance": "on-time"}) is None
    decided(played, "accept", late | {"attendance": "late"})
    (attended,) = said(played, "AcceptanceAttended")
    assert attended["late_minutes"] == 35


def test_a_contractor_reports_many_items_as_mended_in_one_go_all_or_none() -> None:
    played = at("accept", meters=400)
    decided(played, "accept", {"failed": {str(no): "铅封缺失" for no in range(1, 301)}})
    report = ReportRectified(by=CONTRACTOR, at=played.now, items=tuple(range(1, 300)), remark="已整改")
    with pytest.raises(Refused, match="301"):
        told(played, report.model_copy(update={"items": (1, 301)}))
    with pytest.raises(Refused, match="contractor"):
        told(played, report.model_copy(update={"by": REPRESENTATIVE}))
    assert len(told(played, report)) == 299
    assert [task.subject for task in played.facts.tasks.values() if task.key == "connection.rectify"] == ["300"]
    told(played, report.model_copy(update={"items": (300,)}))
    assert {task.key for task in played.facts.tasks.values()} == {"connection.accept", "connection.open-account"}
    assert played.facts.round == 2


def test_the_fee_is_the_water_times_the_price_and_another_amount_is_refused() -> None:
    played = at("accept", "kaifeng")
    decided(played, "accept", {"failed": {"2": "埋深不符"}, "water_used": "10.5"})
    told(played, ReportRectified(by=CONTRACTOR, at=played.now, items=(2,), remark="已整改"))
    decided(played, "accept", {"water_used": "0.500"})
    assert [used["cubic_metres"] for used in said(played, "WaterUsed")] == ["10.5", "0.500"]
    assert played.facts.fee_fen == 11 * 420
    task = next(task for task in played.facts.tasks.values() if task.key == "connection.settle-fee")
    assert played.tried(task, {"amount": "46.00"}) is None
    assert played.tried(task, {"amount": "46.20"}) is not None
    assert played.tried(task, {}) is not None


def test_accounts_are_opened_of_the_items_once_there_is_a_table_and_not_without() -> None:
    played = at("accept")
    told(played, TakeItemTable(by=REPRESENTATIVE, at=played.now, table="order", sha256=SHA, items=5))
    decided(played, "accept")
    decided(played, "open-account", {"reading_book": "册 07", "reading_cycle": "每月"})
    (opened,) = said(played, "AccountsOpened")
    assert (opened["items"], opened["prefix"], opened["digits"], opened["reading_book"]) == (5, "01", 8, "册 07")
    plain = at("open-account")
    decided(plain, "open-account")
    assert said(plain, "AccountsOpened") == []


def test_what_passed_gets_its_account_while_the_rest_is_rectified_and_the_rest_follows() -> None:
    played = at("accept", "kaifeng")
    told(played, TakeItemTable(by=REPRESENTATIVE, at=played.now, table="order", sha256=SHA, items=5))
    decided(played, "accept", {"failed": {"2": "埋深不符", "3": "埋深不符", "5": "铅封缺失"}})
    assert "connection.activate" not in {task.key for task in played.facts.tasks.values()}
    decided(played, "open-account")
    told(played, ReportRectified(by=CONTRACTOR, at=played.now, items=(2, 3, 5), remark="已整改"))
    # Nothing has passed since: there is nothing to open.
    assert {task.key for task in played.facts.tasks.values()} == {"connection.accept"}
    decided(played, "accept", {"failed": {"5": "铅封缺失"}})
    assert "connection.open-account" in {task.key for task in played.facts.tasks.values()}
    told(played, ReportRectified(by=CONTRACTOR, at=played.now, items=(5,), remark="已整改"))
    decided(played, "accept")
    decided(played, "open-account")
    opened = [(each["items"], each["without"]) for each in said(played, "AccountsOpened")]
    assert opened == [(2, [[2, 3], [5, 5]]), (5, [])]
    assert played.facts.is_done("accept", "open-account")


def test_a_project_under_a_pack_that_does_not_say_so_opens_its_accounts_once_all_have_passed() -> None:
    played = at("accept", "kaifeng")
    played.policy = played.policy.model_copy(update={"accounts_as_passed": None})
    decided(played, "accept", {"failed": {"2": "埋深不符"}})
    assert {task.key for task in played.facts.tasks.values()} == {"connection.rectify"}


@pytest.mark.clause(
    "jinan.account-opening.billed-within-one-cycle",
    "jinan.account-opening.switched-billed-within-one-cycle",
    "jinan.account-opening.switched-into-route-same-month",
)
def test_a_first_bill_is_expected_within_a_cycle_of_the_acceptance_and_again_of_the_switch() -> None:
    played = at("open-account")
    accepted = played.facts.done["connection.accept"].at
    decided(played, "open-account")
    (opened,) = said(played, "ReadingBegins")
    midnight = accepted.replace(hour=0, minute=0)
    assert (opened["of"], datetime.fromisoformat(opened["billed_by"])) == ("opened", midnight + timedelta(days=32))
    played.live()
    _, switched = said(played, "ReadingBegins")
    by = datetime.fromisoformat(switched["route_by"])
    when = datetime.fromisoformat(switched["at"])
    assert (switched["of"], by.day, (by - timedelta(days=1)).month) == ("switched", 1, when.month)
    assert timedelta(days=31) < datetime.fromisoformat(switched["billed_by"]) - when <= timedelta(days=32)
    assert switched["route"] == "线 01"
    assert "jinan.account-opening.switched-into-route-same-month" in switched["clauses"]


@pytest.mark.clause("qingdao.account-opening.fix-incomplete-data")
def test_no_account_opens_while_data_that_was_found_wanting_is_not_completed() -> None:
    played = at("open-account", "qingdao")
    told(played, ReportData(by=REPRESENTATIVE, at=played.now, what="3 号楼缺房号", items=(3, 4)))
    wanted = next(task for task in played.facts.tasks.values() if task.key == "connection.complete-data")
    assert (wanted.role, wanted.clauses) == ("contractor", ("qingdao.account-opening.fix-incomplete-data",))
    assert str(wanted.term) == "P15D"
    opening = next(task for task in played.facts.tasks.values() if task.key == "connection.open-account")
    assert played.tried(opening, {}) is None
    assert played.told[-1][1] == "gate"
    with pytest.raises(Refused, match="already"):
        told(played, ReportData(by=REPRESENTATIVE, at=played.now, what="again"))
    decided(played, "complete-data")
    decided(played, "open-account")


@pytest.mark.clause("qingdao.account-opening.chase-account-contract-handbook")
def test_at_qingdao_no_water_before_account_contract_and_handbook_and_who_dawdles_is_told_on() -> None:
    played = at("open-account", "qingdao", sector="real-estate")
    activate = next(task for task in played.facts.tasks.values() if task.key == "connection.activate")
    assert played.tried(activate, {}) is None
    assert "open-account" in played.told[-1][2]
    assert "sign-contract" in played.told[-1][2]
    opening = next(task for task in played.facts.tasks.values() if task.key == "connection.open-account")
    assert {"handbook", "handbook_via"} <= set(opening.demands)
    assert played.tried(opening, {**played.plain(opening, {}), "handbook": None}, completed=False) is None
    late = begun(played.policy, {"kind": "estate", "meters": 5, "sector": "real-estate"}, {})
    late.facts = played.facts
    late.neglect()
    assert "connection.open-account" in {each["key"] for each in said(late, "TaskEscalated")}


def test_water_used_is_counted_in_thousandths() -> None:
    played = at("accept", "kaifeng")
    decided(played, "accept", {"water_used": "0.333"})
    assert played.facts.fee_fen == round(Decimal("0.333") * 420)
