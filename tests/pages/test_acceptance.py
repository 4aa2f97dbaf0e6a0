"""Six hundred meters accepted on a phone: a table taken in, three fail, are mended and seen again; accounts open."""

import os
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect
from sqlalchemy import func, select

from store.tables import accounts, item_looks, meters
from tests.api.conftest import Site, eventually
from tests.api.estates import decided, driven, estate, table
from tests.pages.conftest import PageFor, fits

METERS = 600
PICTURES = os.environ.get("GUANJIA_LOOK_AT")


def pictured(page: Page, name: str) -> None:
    """Kept for somebody to look at, where a folder is named."""
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / f"{name}.png")


def ready(page: Page) -> None:
    page.wait_for_selector("html[data-items-ready]", state="attached")


def row(page: Page, no: int) -> Any:
    return page.locator(f".item[data-no='{no}']")


def scroll_to(page: Page, no: int) -> None:
    page.evaluate("(no) => scrollTo(0, document.querySelector('[data-list]').offsetTop + (no - 2) * 84)", no)
    expect(row(page, no)).to_be_visible()


def looks(site: Site, case_no: str) -> dict[int, tuple[bool, str | None]]:
    with site.database.read() as connection:
        rows = connection.execute(select(item_looks).where(item_looks.c.case_no == case_no, item_looks.c.round == 1))
        return {each.no: (each.passed, each.reason) for each in rows}


def test_an_estate_is_accepted_meter_by_meter_on_a_phone(site: Site, page_for: PageFor, tmp_path: Path) -> None:
    case_no = estate(site, METERS)
    task = driven(site, case_no, "accept")
    file = tmp_path / "order.csv"
    file.write_text(table(METERS).replace("SB00007,20", "SB00007,大"), encoding="utf-8")

    page = page_for("inspector", phone=True)
    page.goto(f"/projects/{case_no}/items")
    page.set_input_files("#t-file", file)
    page.click("form.filled button.main")
    expect(page.locator("main")).to_contain_text("不是有效的口径")
    assert fits(page)
    pictured(page, "table-with-a-fault")
    file.write_text(table(METERS), encoding="utf-8")
    page.set_input_files("#t-file", file)
    page.click("form.filled button.main")
    expect(page.locator("main")).to_contain_text(f"读到 {METERS} 户")
    page.click("button:has-text('导入这张表')")
    expect(page.locator("main")).to_contain_text("表与门牌一致")
    pictured(page, "tables")

    page.goto(f"/field/{task['task_id']}")
    page.click("a.button:has-text('逐户验收')")
    ready(page)
    assert fits(page)
    expect(page.locator("[data-left]")).to_have_text(str(METERS))
    assert page.locator(".item").count() < 60, "only what is on the screen is drawn"
    row(page, 1).locator("[data-pass]").click()
    row(page, 2).locator("[data-fail]").click()
    pictured(page, "sheet")
    page.click("[data-reasons] button[value='铅封缺失']")
    expect(row(page, 2).locator(".item-why")).to_contain_text("铅封缺失")
    pictured(page, "items")
    # What was measured is held against the table: a reading below the start fails by itself.
    row(page, 3).locator("[data-more]").click()
    page.fill("[data-sheet] [name=reading]", "0.1")
    page.click("[data-sheet-pass]")
    expect(row(page, 3).locator(".item-why")).to_contain_text("表指低于起度")

    kept = """async (where) =>
        Boolean(await caches.match(where, {ignoreVary: true})) &&
        Boolean((await navigator.serviceWorker.getRegistration())?.active)"""
    eventually(lambda: page.evaluate(kept, f"/field/{task['task_id']}/items"))
    # The last answer has come, and the copy on the phone knows what it said.
    rows = "async (where) => (await (await caches.match(where, {ignoreVary: true}))?.text()) || ''"
    eventually(lambda: "表指低于起度 0.5" in page.evaluate(rows, f"/field/{task['task_id']}/items/rows"))
    page.context.set_offline(True)
    page.reload()
    ready(page)
    expect(row(page, 2).locator(".item-why")).to_contain_text("铅封缺失")
    scroll_to(page, 599)
    row(page, 599).locator("[data-pass]").click()
    row(page, 600).locator("[data-fail]").click()
    page.click("[data-reasons] button[value='漏水']")
    expect(page.locator("[data-told]")).to_contain_text("2 户待发")
    pictured(page, "without-a-network")
    assert set(looks(site, case_no)) == {1, 2, 3}
    page.context.set_offline(False)
    eventually(lambda: 600 in looks(site, case_no))
    noted = eventually(lambda: looks(site, case_no))
    assert noted == {
        1: (True, None),
        2: (False, "铅封缺失"),
        3: (False, "表指低于起度 0.5"),
        599: (True, None),
        600: (False, "漏水"),
    }
    page.evaluate("scrollTo(0, 0)")
    page.click("[data-show=failed]")
    expect(page.locator(".item")).to_have_count(3)
    assert page.url.endswith("show=failed")
    pictured(page, "failed")

    page.click(".items-end a")
    expect(page.locator(".field-form textarea[name=failed]")).to_have_value(
        "2 铅封缺失\n3 表指低于起度 0.5\n600 漏水\n"
    )
    for tick in ("start_readings_signed", "matches_drawings", "papers_complete", "general_drawing", "invited"):
        page.check(f".field-form [name={tick}]")
    page.check(".field-form [name=attendance][value=on-time]")
    page.fill(".field-form [name=report]", "YSBG-0001")
    page.wait_for_selector("html[data-field-ready]", state="attached")
    page.click(".field-form button.main")
    expect(page.locator("[data-standing]")).to_contain_text("记录在案")

    mending = eventually(lambda: [t for t in site.get(f"/cases/{case_no}").json()["tasks"] if t["item"]])
    assert sorted(int(each["item"]) for each in mending) == [2, 3, 600]
    for each in mending:
        given = {"task": each["task_id"], "to": "contractor"}
        assert site.post(f"/cases/{case_no}/reassign", given, who="supervisor").status_code == 200
    builder = page_for("contractor", phone=True)
    builder.goto(f"/field/{mending[0]['task_id']}")
    builder.click("a:has-text('几户一并上报整改')")
    expect(builder.locator("[name=item]")).to_have_count(3)
    assert fits(builder)
    builder.fill("#m-remark", "铅封已补，接口已换")
    pictured(builder, "mended")
    builder.click("button.main")

    again = eventually(
        lambda: [t for t in site.get(f"/cases/{case_no}").json()["tasks"] if t["key"].endswith("accept")]
    )
    page.goto(f"/field/{again[0]['task_id']}/items")
    ready(page)
    expect(page.locator(".item")).to_have_count(3)
    for no in (2, 3, 600):
        row(page, no).locator("[data-pass]").click()
    expect(page.locator("[data-left]")).to_have_text("0")
    eventually(lambda: page.evaluate("document.querySelector('[data-items]').dataset.waiting") == "0")
    decided(site, again[0])

    opening = driven(site, case_no, "settle-fee") and next(
        t for t in site.get(f"/cases/{case_no}").json()["tasks"] if t["key"] == "connection.open-account"
    )
    desk = page_for("representative")
    desk.goto(f"/tasks/{opening['task_id']}")
    desk.fill("[name=reading_book]", "册 07")
    desk.check("[name=data_checked_on_site]")
    desk.click("form.filled button.main")
    desk.wait_for_url(f"**/projects/{case_no}*")
    expect(desk.locator("#timeline")).to_contain_text("逐户立户")
    pictured(desk, "opened")
    desk.goto("/first-bills")
    expect(desk.locator("main")).to_contain_text(f"0/{METERS}")
    with site.database.read() as connection:
        mine = select(func.count()).select_from(accounts).join(meters, meters.c.account_no == accounts.c.account_no)
        assert connection.scalar(mine.where(meters.c.case_no == case_no)) == METERS
