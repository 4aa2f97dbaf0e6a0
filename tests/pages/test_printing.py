"""A round of notices, printed from the work list in a browser."""

from uuid import uuid4

from playwright.sync_api import expect

from tests.api.conftest import Site
from tests.api.test_notices import pages
from tests.pages.conftest import PageFor, fits
from tests.pages.doors import debt, told


def test_a_collector_ticks_a_round_and_prints_it(site: Site, page_for: PageFor) -> None:
    no = uuid4().hex[:8]
    cases = [debt(site, f"{no}{at}", name=f"示例{no}", address=f"示例路{at}号")[0] for at in range(3)]
    page = page_for("collector")
    page.goto(f"/arrears?q={no}")
    for case_no in cases[:2]:
        page.check(f"input[name=case][value='{case_no}']")
    page.click("form.bulk button[formaction='/arrears/notices']")
    expect(page.get_by_role("heading", name="打印通知单")).to_be_visible()
    assert fits(page)
    page.get_by_role("button", name="开具并打印").click()
    link = page.get_by_role("link", name="打开这一批（PDF）")
    expect(link).to_be_visible()
    assert fits(page)
    sheets = pages(page.request.get(str(link.get_attribute("href"))).body())
    assert [f"{case_no}-T1" in sheet for case_no, sheet in zip(cases, sheets, strict=False)] == [True, True]
    assert [len(told(site, case_no, "NoticeIssued")) for case_no in cases] == [1, 1, 0]


def test_the_task_that_serves_a_notice_prints_it(site: Site, page_for: PageFor) -> None:
    case_no, task_id = debt(site, uuid4().hex[:8])
    page = page_for("collector", phone=True)
    page.goto(f"/tasks/{task_id}")
    button = page.get_by_role("button", name="打印通知单")
    expect(button).to_be_visible()
    assert fits(page)
    form = button.locator("xpath=ancestor::form")
    answer = page.request.post(str(form.get_attribute("action")), headers={"Sec-Fetch-Site": "same-origin"})
    assert answer.headers["content-type"] == "application/pdf"
    (sheet,) = pages(answer.body())
    assert f"{case_no}-T1" in sheet
    page.reload()
    expect(page.get_by_text("已开具，编号")).to_be_visible()


def test_paper_is_white_whatever_the_light_on_the_screen(site: Site, page_for: PageFor) -> None:
    no = uuid4().hex[:8]
    debt(site, no)
    ground = "getComputedStyle(document.documentElement).getPropertyValue('--ground')"
    for theme in ("dark", "auto"):
        page = page_for("collector", color_scheme="dark")
        page.context.add_cookies([{"name": "theme", "value": theme, "url": page.url}])
        page.goto(f"/arrears?q={no}")
        expect(page.locator("td.ticking")).to_be_visible()
        page.emulate_media(color_scheme="dark", media="screen")
        assert page.evaluate(ground).strip() != "#ffffff"
        page.emulate_media(color_scheme="dark", media="print")
        assert page.evaluate(ground).strip() in ("#ffffff", "#fff")
        expect(page.locator("td.ticking")).to_be_hidden()
