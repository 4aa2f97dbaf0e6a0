"""The applicant's page in a browser: on a phone, without a script, in both lights and languages, read by anybody."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.api.conftest import Site
from tests.api.test_applicant import decide, link, opened
from tests.api.test_files import photo
from tests.pages.conftest import PATIENCE, PHONE, PageFor, fits
from tests.pages.test_looks import AXE, CHINESE, READ, faults
from tests.pages.test_weight import HEAVIEST, carried


@pytest.fixture
def case(site: Site) -> dict[str, Any]:
    mine = opened(site, contact="示例联系人", phone="13800000000")
    form = {"outcome": "missing", "missing": ["身份证明"], "tolerated": ["产权证明"]}
    decide(site, mine, "check-papers", form, "clerk")
    return mine


def without_script(browser: Browser, address: str, **more: Any) -> Page:
    """A phone whose browser runs no script."""
    page = browser.new_context(locale="zh-CN", java_script_enabled=False, **(PHONE | more)).new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(address)
    return page


def test_an_applicant_sends_a_paper_chooses_an_hour_and_withdraws_without_a_script(
    site: Site, browser: Browser, case: dict[str, Any], tmp_path: Path
) -> None:
    shot = tmp_path / "id.jpg"
    shot.write_bytes(photo(colour="brown"))
    page = without_script(browser, link(site, case))
    expect(page.locator(".says")).to_contain_text("正在等您：补交资料")
    page.set_input_files("#paper-missing-0", shot)
    page.locator("section.now button.main").first.click()
    expect(page.locator(".told.done")).to_contain_text("文件收到了")
    expect(page.locator(".says")).to_contain_text("我们正在办：核对资料")
    decide(site, case, "check-papers", {"outcome": "complete"}, "clerk")
    page.reload()
    page.locator("ul.slots label").nth(2).click()
    page.locator("form[action$='/visit'] button").click()
    expect(page.locator("main")).to_contain_text("约在")
    assert site.get(f"/cases/{case['case_no']}").json()["project"]["visit"]["starts_at"]
    page.locator("summary", has_text="撤回申请").click()
    page.fill("#w-why", "不再开店")
    page.locator("form[action$='/withdraw'] button").click()
    expect(page.locator(".says")).to_contain_text("申请已经撤回")
    page.context.close()


def test_the_page_fits_a_phone_speaks_two_languages_and_can_be_read_by_anybody(
    site: Site, page_for: PageFor, case: dict[str, Any]
) -> None:
    address, told = link(site, case), []
    for language, dark in (("zh", False), ("en", False), ("zh", True)):
        page = page_for(None, phone=True, language=language, bypass_csp=True, color_scheme="dark" if dark else "light")
        page.goto(f"{address}?lang={language}")
        told += [] if fits(page) else [f"{language}: wider than the screen"]
        told += [f"{language} {'dark' if dark else 'light'}: {fault}" for fault in faults(page)] if AXE.exists() else []
        if language == "en":
            said = page.evaluate(READ)
            for part in (case["name"], "身份证明", "产权证明", "用水申请表"):
                said = said.replace(part, "")
            told += sorted(set(CHINESE.findall(said)))
    assert told == []


def test_the_page_is_light(site: Site, page_for: PageFor, case: dict[str, Any]) -> None:
    page = page_for(None, phone=True)
    weighs = carried(page, link(site, case))
    print(f"\napplicant's page: {sum(weighs.values()) / 1024:.1f} KB over the wire {weighs}")
    assert sum(weighs.values()) <= HEAVIEST
    assert len([name for name in weighs if "favicon" not in name]) == 1


def test_a_link_is_copied_shown_as_a_code_and_taken_back(site: Site, page_for: PageFor, case: dict[str, Any]) -> None:
    page = page_for("representative")
    page.goto(f"/projects/{case['case_no']}")
    page.get_by_role("button", name="生成链接").click()
    address = page.locator("#applicant input").input_value()
    assert "/p/" in address
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="复制链接").click()
    expect(page.get_by_role("button", name="已复制")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == address
    page.get_by_role("link", name="二维码、打印").click()
    expect(page.locator(".qr svg")).to_be_visible()
    page.go_back()
    guest = page_for(None, phone=True)
    assert guest.goto(address).status == 200
    page.get_by_role("button", name="收回链接").click()
    expect(page.get_by_role("button", name="生成链接")).to_be_visible()
    assert guest.reload().status == 404
    expect(guest.locator("h1")).to_have_text("这个链接打不开")
