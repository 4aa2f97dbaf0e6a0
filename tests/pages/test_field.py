"""On site with a phone: filled in without a network, kept, sent once, and told in words what became of it."""

from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from PIL import Image
from playwright.sync_api import Page, expect
from sqlalchemy import select

from store.tables import case_files, entries, files, tasks
from tests.api.conftest import Site, eventually, second
from tests.pages.conftest import PageFor, fits, log_in
from tests.pages.doors import debt, told
from tests.pages.lossy import LossyNetwork

FORMS: dict[str, tuple[str, dict[str, Any]]] = {
    "connection.check-papers": ("clerk", {"outcome": "complete"}),
    "connection.assign": ("leading-group", {"to": "representative"}),
    "connection.arrange-survey": ("representative", {}),
}


@pytest.fixture
def grid() -> str:
    """A grid that nobody else works in: the lists of its people hold what this test put there."""
    return f"东5-{uuid4().hex[:6]}"


@pytest.fixture
def engineer(site: Site, grid: str) -> str:
    return site.somebody("engineer", grid=grid)


@pytest.fixture
def survey(site: Site, grid: str) -> str:
    """The id of a survey that waits for the engineer of the grid."""
    name = f"泉城路{uuid4().hex[:6]}小店"
    body = {"project": {"name": name, "kind": "single", "address": "示例路 8 号楼 1 单元"}}
    case_no = site.post("/connection-projects", body, who=site.somebody("clerk", grid=grid)).json()["case_no"]

    def found() -> str | None:
        for task in site.get(f"/cases/{case_no}").json()["tasks"]:
            if task["key"] == "connection.survey":
                return str(task["task_id"])
            if task["key"] in FORMS:
                who, form = FORMS[task["key"]]
                site.post(f"/tasks/{task['task_id']}/decide", {"form": form}, who=who)
        return None

    return eventually(found)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A photo as a phone takes it: much larger than what is sent."""
    taken = Image.effect_noise((3000, 2000), 60).convert("RGB")
    path = tmp_path / "IMG_0001.jpg"
    taken.save(path, "JPEG", quality=90)
    return path


def ready(page: Page) -> None:
    page.wait_for_selector("html[data-field-ready]", state="attached")


def kept_on_the_phone(page: Page, task_id: str) -> None:
    """Wait until this task's page is kept, and the worker answers for the site."""
    look = """async (address) => {
        if (!navigator.serviceWorker.controller) return false;
        for (const name of await caches.keys())
            if (name.startsWith("field:") && await (await caches.open(name)).match(address)) return true;
        return false;
    }"""
    eventually(lambda: page.evaluate(look, f"/field/{task_id}"))


def fill_in(page: Page, photo: Path) -> None:
    """The survey, by thumb."""
    page.fill("[name=scope]", "全户生活用水")
    page.fill("[name=tapping_point]", "门前支管")
    page.fill("[name=diameter]", "20")
    page.fill("[name=depth_cm]", "80")
    page.fill("[name=pressure]", "0.28")
    for name in ("customer_sheet", "fees_told", "signed"):
        page.check(f"[name={name}]")
    page.set_input_files("input[type=file][name=photo]", photo)
    expect(page.locator(".shots img")).to_have_count(1)
    sign(page)


def sign(page: Page) -> None:
    canvas = page.locator("canvas[data-signing=signature]")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 30, box["y"] + 60)
    page.mouse.down()
    for step in range(1, 12):
        page.mouse.move(box["x"] + 30 + 20 * step, box["y"] + (60 if step % 2 else 110))
    page.mouse.up()
    eventually(lambda: page.evaluate("document.querySelector('input[data-signed]').files.length === 1"))


def decided(site: Site, task_id: str) -> Any:
    with site.database.read() as connection:
        row = connection.execute(select(tasks).where(tasks.c.task_id == task_id)).one()
    return row if row.status == "decided" else None


def times_decided(site: Site, row: Any) -> int:
    mine = (entries.c.case_no == row.case_no, entries.c.event == "TaskDecided", entries.c.superseded.is_(False))
    with site.database.read() as connection:
        found = connection.execute(select(entries.c.body).where(*mine)).scalars()
        return sum(body["key"] == row.key for body in found)


def kept_files(site: Site, case_no: str) -> list[Any]:
    with site.database.read() as connection:
        joined = select(files, case_files.c.role).join(case_files, case_files.c.sha256 == files.c.sha256)
        return list(connection.execute(joined.where(case_files.c.case_no == case_no)).all())


def test_a_survey_filled_in_without_a_network_goes_out_once_when_there_is_one(
    site: Site, page_for: PageFor, engineer: str, survey: str, photo: Path
) -> None:
    page = page_for(engineer, phone=True)
    page.goto("/field")
    ready(page)
    kept_on_the_phone(page, survey)
    page.context.set_offline(True)
    page.click(f"[data-task='{survey}'] a[data-open]")
    expect(page.locator("[data-kept-told]")).to_be_visible()
    assert fits(page)
    fill_in(page, photo)
    page.click("form.field-form button.main")
    expect(page.locator("[data-standing]")).to_contain_text("待发")
    assert decided(site, survey) is None

    again = page.context.new_page()
    page.close()
    again.goto("/field")
    waits = again.locator("[data-queued] li")
    expect(waits).to_have_count(1)
    expect(waits).to_contain_text("待发")
    expect(again.locator("[data-net]")).to_contain_text("1 项待发")

    again.context.set_offline(False)
    expect(again.locator("[data-queued] li")).to_contain_text("已发")
    row = eventually(lambda: decided(site, survey))
    assert times_decided(site, row) == 1
    assert row.body["decided_by"] == engineer
    form = row.body["form"]
    pictures = kept_files(site, row.case_no)
    assert sorted(file.role for file in pictures) == ["photo", "signature"]
    assert {form["photo"], form["signature"]} == {f"sha256:{file.sha256}" for file in pictures}
    (taken,) = (file for file in pictures if file.role == "photo")
    assert max(taken.width, taken.height) == 1600
    assert taken.size < photo.stat().st_size
    assert form["done_at"] is not None


def test_an_answer_that_was_lost_on_the_way_is_asked_for_again_and_nothing_is_doubled(
    site: Site, page_for: PageFor, engineer: str, survey: str, photo: Path
) -> None:
    network = LossyNetwork(site, loses=99)  # a browser asks again by itself
    page = page_for(engineer, phone=True, at=f"http://127.0.0.1:{network.port}")
    page.goto(f"/field/{survey}")
    ready(page)
    fill_in(page, photo)
    page.click("form.field-form button.main")
    expect(page.locator("[data-standing]")).to_contain_text("待发")
    row = eventually(lambda: decided(site, survey))
    # On record a moment before the answer sets out: that one has to be lost too.
    eventually(lambda: network.lost > 0)
    network.loses = 0
    # Sent by hand, unless the page has asked again by itself meanwhile.
    send, standing = page.locator("[data-send]"), page.locator("[data-standing]")
    eventually(lambda: send.is_visible() or "记录在案" in standing.inner_text())
    if send.is_visible():
        send.dispatch_event("click")
    expect(standing).to_contain_text("记录在案")
    network.close()
    assert times_decided(site, row) == 1
    assert len(kept_files(site, row.case_no)) == 2


def test_whoever_was_beaten_is_told_by_whom_and_when(
    site: Site, page_for: PageFor, engineer: str, survey: str, photo: Path
) -> None:
    page = page_for(engineer, phone=True)
    page.goto(f"/field/{survey}")
    ready(page)
    page.context.set_offline(True)
    fill_in(page, photo)
    page.click("form.field-form button.main")
    expect(page.locator("[data-standing]")).to_contain_text("待发")
    form = {
        "scope": "全户",
        "tapping_point": "巷口",
        "diameter": 25,
        "depth_cm": 90,
        "pressure": "0.30",
        "secondary_supply": False,
        "customer_sheet": True,
        "fees_told": True,
        "signed": True,
    }
    told = site.post(f"/tasks/{survey}/decide", {"form": form}, who=second("engineer"))
    assert told.status_code == 200, told.text
    page.context.set_offline(False)
    expect(page.locator("[data-standing]")).to_contain_text(f"{second('engineer')} 已经先一步办理了")
    page.click("[data-standing] button")
    expect(page.locator("[data-standing]")).to_be_hidden()


def test_what_is_missing_is_said_before_anybody_leaves_the_site(
    page_for: PageFor, engineer: str, survey: str, photo: Path
) -> None:
    page = page_for(engineer, phone=True)
    page.goto(f"/field/{survey}")
    ready(page)
    page.context.set_offline(True)
    fill_in(page, photo)
    page.uncheck("[name=signed]")
    page.click("form.field-form button.main")
    expect(page.locator(".field.wrong")).to_contain_text("办结前这一项要完成")
    expect(page.locator("[data-standing]")).to_be_hidden()


def test_a_form_that_the_server_sends_back_keeps_its_photo_and_is_sent_corrected(
    site: Site, page_for: PageFor, engineer: str, survey: str, photo: Path
) -> None:
    page = page_for(engineer, phone=True)
    page.goto(f"/field/{survey}")
    ready(page)
    page.evaluate(
        "document.querySelector('form.field-form').dataset.rules = JSON.stringify({when: [], ticked: [], demanded: []})"
    )
    fill_in(page, photo)
    page.uncheck("[name=signed]")
    page.click("form.field-form button.main")
    expect(page.locator("[data-standing]")).to_contain_text("要修改")
    expect(page.locator(".field.wrong")).to_contain_text("没有客户签字不能办结")
    page.reload()
    ready(page)
    expect(page.locator(".shots img")).to_have_count(2)
    page.check("[name=signed]")
    page.click("form.field-form button.main")
    expect(page.locator("[data-standing]")).to_contain_text("记录在案")
    row = eventually(lambda: decided(site, survey))
    assert len(kept_files(site, row.case_no)) == 2


def test_another_login_on_the_same_phone_neither_sees_nor_sends_what_is_kept(
    site: Site, page_for: PageFor, engineer: str, survey: str, photo: Path
) -> None:
    page = page_for(engineer, phone=True)
    page.goto(f"/field/{survey}")
    ready(page)
    page.context.set_offline(True)
    fill_in(page, photo)
    page.click("form.field-form button.main")
    expect(page.locator("[data-standing]")).to_contain_text("待发")
    page.context.clear_cookies(name="guanjia")
    page.context.set_offline(False)
    expect(page.locator("[data-kept-told]")).to_contain_text("登录已过期")

    log_in(page, site, second("engineer"))
    page.goto("/field")
    ready(page)
    expect(page.locator("[data-queued] li")).to_have_count(0)
    assert decided(site, survey) is None

    warned: list[str] = []
    page.context.clear_cookies(name="guanjia")
    log_in(page, site, engineer)
    page.context.route("**/decide", lambda route: route.abort())
    page.goto("/field")
    ready(page)
    expect(page.locator("[data-queued] li")).to_contain_text("待发")
    page.once("dialog", lambda dialog: (warned.append(dialog.message), dialog.dismiss()))
    page.click(".me summary")
    page.click("form[action='/logout'] button")
    assert "没有发出" in warned[0]
    page.keyboard.press("Escape")
    page.context.unroute("**/decide")
    page.click("[data-send]")
    expect(page.locator("[data-queued] li")).to_contain_text("已发")
    assert decided(site, survey).body["decided_by"] == engineer


def test_it_works_without_script(site: Site, page_for: PageFor, engineer: str, survey: str, photo: Path) -> None:
    page = page_for(engineer, phone=True, java_script_enabled=False)
    page.goto("/field")
    page.click(f"[data-task='{survey}'] a[data-open]")
    page.fill("[name=scope]", "全户生活用水")
    page.fill("[name=tapping_point]", "门前支管")
    page.fill("[name=diameter]", "20")
    page.fill("[name=depth_cm]", "80")
    page.fill("[name=pressure]", "0.28")
    for name in ("customer_sheet", "fees_told", "signed"):
        page.check(f"[name={name}]")
    page.set_input_files("input[type=file][name=photo]", photo)
    page.click("form.field-form button.main")
    row = eventually(lambda: decided(site, survey))
    assert row.body["form"]["photo"].startswith("sha256:")


def test_a_collector_finds_whom_to_meet_and_the_notice_is_served_when_the_phone_says(
    site: Site, page_for: PageFor, grid: str, account_no: str, photo: Path
) -> None:
    _, task_id = debt(site, account_no, grid=grid, address="示例路 9 号")
    page = page_for(site.somebody("collector", grid=grid), phone=True, language="en")
    page.goto("/field")
    ready(page)
    card = page.locator(f"[data-task='{task_id}']")
    expect(card).to_contain_text("示例路 9 号")
    expect(card.locator("a[href^='tel:']")).to_be_visible()
    assert fits(page)
    card.locator("a[data-open]").click()
    ready(page)
    page.check("[name=outcome][value=served]")
    page.check("[name=method][value=posted]")
    page.click("form.field-form button.main")
    expect(page.locator(".field.wrong")).to_contain_text("At least one is needed")
    page.set_input_files("input[type=file][name=photo]", photo)
    page.click("form.field-form button.main")
    expect(page.locator("[data-standing]")).to_contain_text("on record")
    form = eventually(lambda: decided(site, task_id)).body["form"]
    assert form["served_at"] is not None
    assert form["photo"].startswith("sha256:")


def test_a_contact_at_the_door_is_kept_without_a_network_and_sent_once_with_place_and_time(
    site: Site, page_for: PageFor, grid: str, account_no: str, photo: Path
) -> None:
    case_no, _ = debt(site, account_no, grid=grid)
    page = page_for(site.somebody("collector", grid=grid), phone=True)
    page.goto("/field")
    ready(page)
    kept_on_the_phone(page, f"contact/{case_no}")
    page.context.set_offline(True)
    page.click(f"a[href='/field/contact/{case_no}']")
    expect(page.locator("[data-kept-told]")).to_be_visible()
    expect(page.locator("#p-by")).to_be_hidden()
    page.check("[name=outcome][value=promised]")
    page.click("form.field-form button.main")
    expect(page.locator(".field.wrong").first).to_contain_text("请填写")
    page.fill("#p-amount", "40")
    page.fill("#p-by", "2099-01-10")
    page.fill("#f-place", "示例路 9 号门口")
    page.set_input_files("#f-photo", photo)
    expect(page.locator(".shots img")).to_have_count(1)
    page.click("form.field-form button.main")
    expect(page.locator("[data-standing]")).to_contain_text("待发")
    assert told(site, case_no, "ContactRecorded") == []

    page.goto("/field")
    expect(page.locator("[data-queued] li")).to_contain_text("待发")
    page.context.set_offline(False)
    expect(page.locator("[data-queued] li")).to_contain_text("已发")
    (contact,) = eventually(lambda: told(site, case_no, "ContactRecorded"))
    body = contact.body
    assert (body["outcome"], body["method"], body["place"]) == ("promised", "visit", "示例路 9 号门口")
    assert body["photo"].startswith("sha256:")
    assert body["spoke_at"] is not None
    assert len(told(site, case_no, "HoldPlaced")) == 1
    assert len(kept_files(site, case_no)) == 1


def test_a_contact_for_a_case_that_is_over_is_told_since_when(
    site: Site, page_for: PageFor, account_no: str, photo: Path
) -> None:
    case_no, _ = debt(site, account_no)
    page = page_for("collector", phone=True)
    page.goto(f"/field/contact/{case_no}")
    ready(page)
    page.context.set_offline(True)
    page.check("[name=outcome][value=reached]")
    page.click("form.field-form button.main")
    expect(page.locator("[data-standing]")).to_contain_text("待发")
    assert site.post(f"/cases/{case_no}/withdraw", {"reason": "记错了户"}, who="supervisor").status_code == 200
    eventually(lambda: told(site, case_no, "CaseClosed"))
    page.context.set_offline(False)
    expect(page.locator("[data-standing]")).to_contain_text("案件已经结案")
