"""The dashboard: figures that open their rows, for the part of the organisation that its reader sees."""

from datetime import date
from uuid import uuid4

import pytest
from playwright.sync_api import expect

from runtime.wall_clock import now
from tests.api.conftest import Site, eventually
from tests.pages.conftest import PageFor, fits
from tests.pages.doors import debt, told


@pytest.fixture
def head(site: Site) -> tuple[str, str]:
    """A supervisor of a grid that nobody else works in: the person and the grid."""
    grid = f"东3-{uuid4().hex[:6]}"
    return site.add(f"head-{uuid4().hex[:6]}", "supervisor", grid=grid), grid


def due_on() -> date:
    """Yesterday, when debts of tests fall due."""
    return date.fromordinal(now().date().toordinal() - 1)


@pytest.mark.clause("kaifeng.dunning.watch-payments")
def test_a_head_sees_the_rate_with_its_formula_and_who_has_not_paid(
    site: Site, page_for: PageFor, head: tuple[str, str], account_no: str
) -> None:
    who, grid = head
    paid, _ = debt(site, f"{account_no}1", grid=grid)
    owing, _ = debt(site, f"{account_no}2", grid=grid)
    money = {"account": f"{account_no}1", "reference": f"T-{account_no}", "amount": "86.40"}
    money |= {"paid_at": f"{due_on()}T12:00:00+08:00"}
    assert site.post("/payments", money, who="clerk").status_code == 201
    eventually(lambda: told(site, paid, "PaymentRecorded"))
    month = f"{due_on():%Y-%m}"
    page = page_for(who)
    page.goto(f"/dashboard?month={month}")
    figure = page.locator(".figure").first
    expect(figure).to_contain_text("50.00 %")
    expect(figure).to_contain_text("未达标")
    expect(figure).to_contain_text("应收 ¥172.80，已收 ¥86.40")
    expect(page.locator("main")).to_contain_text("期内到期账单在期末之前收到的金额")
    expect(page.locator(".chart svg title")).to_have_text("各月回收率")
    expect(page.locator("main")).to_contain_text(grid)

    figure.locator("strong a").click()
    expect(page.locator("tr[tabindex]")).to_have_count(2)
    page.click("text=没交清 >> nth=-1")
    expect(page.locator("tr[tabindex]")).to_have_count(1)
    expect(page.locator("tr[tabindex]")).to_contain_text(f"{account_no}2")
    page.locator(f"a[href='/arrears/{owing}']").click()
    expect(page.locator(".rail")).to_be_visible()

    page.goto(f"/dashboard?month={now():%Y-%m}")
    page.click("a[href*='/dashboard/came-in'][href*='stage=reminded']")
    expect(page.locator("main")).to_contain_text(f"{account_no}1")
    page.goto(f"/dashboard?month={now():%Y-%m}")
    page.click("a[href='/inbox?all=true&key=arrears.serve-dunning-notice']")
    expect(page.locator("tr[data-row]")).to_have_count(1)

    phone = page_for(who, phone=True, language="en")
    for address in ("/dashboard", f"/dashboard/payments?month={month}", "/dashboard/came-in"):
        phone.goto(address)
        assert fits(phone), address


def test_systems_read_the_same_figures(site: Site, account_no: str) -> None:
    grid = f"rep-{uuid4().hex[:6]}"
    who = site.add(f"reads-{uuid4().hex[:6]}", "supervisor", grid=grid)
    debt(site, account_no, grid=grid)
    month = f"{due_on():%Y-%m}"
    told = site.get("/reports/recovery", who, month=month).json()
    assert (told["all_month"]["due"], told["all_month"]["rate"], told["all_month"]["met"]) == ("86.40", "0.0000", False)
    assert (told["goal_month"], told["goal_year"]) == ("0.97", "0.99")
    assert [each["name"] for each in told["parts"] if each["part"] == "grid"] == [grid]
    ages = site.get("/reports/ageing", who).json()
    assert [(each["first"], each["unpaid"]) for each in ages if each["bills"]] == [(0, "86.40")]
    (bill,) = site.get("/reports/bills", who, month=month, paid="no").json()["items"]
    assert (bill["account_no"], bill["amount"], bill["paid"]) == (account_no, "86.40", "0.00")
    assert site.get("/reports/bills", who, month=month, paid="yes").json()["items"] == []
    for address in ("ladder", "lateness", "load", "recovery.xlsx", "bills.xlsx"):
        assert site.get(f"/reports/{address}", who).status_code == 200, address
    assert site.get("/reports/recovery", who, month="2026-13").status_code == 422
