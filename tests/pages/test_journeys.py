"""Four people's work through the door they use: a browser at a real site, and what the store holds afterwards."""

import re
from pathlib import Path
from uuid import uuid4

import pytest
from PIL import Image
from playwright.sync_api import expect

from store.tables import case_files
from tests.api.conftest import Site, eventually
from tests.pages.conftest import PageFor, fits
from tests.pages.doors import debt, project, task, told

SURVEYED = {
    "scope": "全户生活用水",
    "tapping_point": "门前支管",
    "diameter": 20,
    "depth_cm": 80,
    "pressure": "0.28",
    "secondary_supply": False,
    "customer_sheet": True,
    "fees_told": True,
    "signed": True,
}


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "notice.jpg"
    Image.effect_noise((900, 600), 60).convert("RGB").save(path, "JPEG")
    return path


@pytest.fixture
def collector(site: Site) -> tuple[str, str]:
    """A collector of a grid that nobody else works in: the person and the grid."""
    grid = f"东1-{uuid4().hex[:6]}"
    return site.add(f"collector-{uuid4().hex[:6]}", "collector", grid=grid), grid


def test_a_collector_serves_a_notice_in_place_and_sees_why_the_water_stays_on(
    site: Site, page_for: PageFor, collector: tuple[str, str], account_no: str, photo: Path
) -> None:
    who, grid = collector
    case_no, task_id = debt(site, account_no, grid=grid)
    debt(site, f"{account_no}9", grid=grid, name="另一户")
    page = page_for(who)
    page.click("nav.places a[href='/arrears']")
    expect(page.locator("tr[data-row]")).to_have_count(2)
    page.fill("[data-search]", account_no)
    page.check("[name=proof_missing]")
    page.click("form.filters button:not([type=button])")
    row = page.locator("tr[data-row]").filter(has=page.locator(f"a[href='/arrears/{case_no}']"))
    expect(row).to_contain_text("缺凭证")
    row.locator("a[data-decide]").click()
    below = page.locator(".opened-below")
    below.locator("[name=outcome][value=served]").check()
    below.locator("[name=method][value=posted]").check()
    below.locator("button.main").click()
    expect(below.locator(".fault, .told")).to_contain_text("已送达要有凭证")
    below.locator("input[type=file]").first.set_input_files(photo)
    below.locator("button.main").click()
    expect(page.locator(f"a[href='/tasks/{task_id}']")).to_have_count(0)

    decided = eventually(lambda: row_decided(site, task_id))
    assert decided.body["decided_by"] == who
    assert decided.body["form"]["photo"].startswith("sha256:")
    assert [entry.by for entry in told(site, case_no, "NoticeServed")] == [who]
    with site.database.read() as connection:
        kept = connection.execute(case_files.select().where(case_files.c.case_no == case_no)).all()
    assert [file.role for file in kept] == ["photo"]

    page.goto(f"/arrears/{case_no}")
    expect(page.locator(".rail [aria-current=step]")).to_have_text("宽限期")
    expect(page.locator(".steps .running")).to_contain_text("宽限期")
    expect(page.locator(".steps .running")).to_contain_text("→")
    expect(page.locator(".verdict")).to_have_text("不得限压")
    expect(page.locator(".conditions .unmet").first).to_contain_text("不满足")
    expect(page.locator(".conditions .met").first).to_contain_text("满足")
    expect(page.locator("#timeline .shots img")).to_have_count(1)


def row_decided(site: Site, task_id: str) -> object:
    row = task(site, task_id)
    return row if row.status == "decided" else None


def test_a_representative_takes_a_project_on_and_gives_the_time_to_the_customer_and_back(
    site: Site, page_for: PageFor
) -> None:
    case_no, task_id = project(site, until="connection.arrange-survey")
    page = page_for("representative")
    page.click("nav.places a[href='/projects']")
    page.fill("[data-search]", case_no)
    page.press("[data-search]", "Enter")
    expect(page.locator("tr[data-row]")).to_have_count(1)
    page.click(f"a[href='/projects/{case_no}']")
    expect(page.locator(".rail li")).to_have_count(5)
    expect(page.locator(".legend .utility")).to_contain_text("我方")
    page.click(f"a[href='/tasks/{task_id}']")
    page.click("text=转由他方计时")
    page.select_option("[name=party]", "customer")
    page.fill("#pause-why", "用户约下周再来，有微信记录")
    page.click("button:has-text('暂停计时')")
    expect(page.locator(".chip.paused").first).to_contain_text("等用户")
    assert [entry.body["party"] for entry in told(site, case_no, "TaskPaused")] == ["customer"]
    page.goto(f"/projects/{case_no}")
    expect(page.locator("section.panel").first).to_contain_text("用户约下周再来")
    page.goto(f"/tasks/{task_id}")
    page.click("button:has-text('恢复计时')")
    expect(page.locator(".chip.paused")).to_have_count(0)
    assert len(told(site, case_no, "TaskResumed")) == 1
    page.goto(f"/projects/{case_no}")
    expect(page.locator(".legend")).to_contain_text("用户")

    page.click(f"a[href='/tasks/{task_id}']")
    page.click("form.filled button.main")
    expect(page.locator(".told.done")).to_contain_text("已记录在案")
    assert task(site, task_id).body["decided_by"] == "representative"
    expect(page.locator("section.panel").first).to_contain_text("现场勘察")


def test_two_supervisors_decide_at_once_and_the_second_is_told_who_when_and_what(site: Site, page_for: PageFor) -> None:
    grid = f"东6-{uuid4().hex[:6]}"
    one, other = site.somebody("supervisor", grid=grid), site.somebody("supervisor", grid=grid)
    case_no, survey = project(site, until="connection.survey", grid=grid)
    site.post(f"/tasks/{survey}/decide", {"form": SURVEYED}, who="engineer")
    draft = eventually(lambda: open_task(site, case_no, "connection.draft-scheme"))
    scheme = {"summary": "门前支管开口，DN20"}
    answer = site.post(f"/tasks/{draft}/decide", {"form": scheme}, who="designer")
    assert answer.status_code == 200, answer.text
    asked = eventually(lambda: open_task(site, case_no, "connection.approve-scheme"))
    first, second = page_for(one), page_for(other)
    for page in (first, second):
        page.goto("/approvals")
        page.locator(f"tr[data-row='/tasks/{asked}']").locator("text=审阅").click()
        expect(page.locator(".timeline")).to_contain_text("门前支管")
    first.check("[name=outcome][value=approve]")
    first.click("form.filled button.main")
    expect(first.locator(".told.done")).to_contain_text("已记录在案")
    second.check("[name=outcome][value=return]")
    second.fill("[name=reason]", "深度不够")
    second.click("form.filled button.main")
    beaten = second.locator(".told.refused")
    expect(beaten).to_contain_text(f"{one} 已经先一步办理了")
    expect(beaten).to_contain_text(re.compile(r"\d+月\d+日 \d\d:\d\d"))
    expect(beaten).to_contain_text("同意")
    decided = [entry for entry in told(site, case_no, "TaskDecided") if entry.body["task_id"] == asked]
    assert [(entry.by, entry.body["form"]["outcome"]) for entry in decided] == [(one, "approve")]


def open_task(site: Site, case_no: str, key: str) -> str | None:
    found = [task for task in site.get(f"/cases/{case_no}").json()["tasks"] if task["key"] == key]
    return str(found[0]["task_id"]) if found else None


def test_an_engineer_is_told_on_a_phone_what_is_missing_and_loses_nothing_typed(site: Site, page_for: PageFor) -> None:
    case_no, survey = project(site, until="connection.survey")
    page = page_for("engineer", phone=True)
    page.goto(f"/inbox?q={case_no}")
    assert fits(page)
    page.locator(f"tr[data-row='/tasks/{survey}'] a[data-decide]").click()
    page.wait_for_url(f"**/tasks/{survey}")
    page.fill("[name=scope]", "全户生活用水")
    page.fill("[name=tapping_point]", "门前支管")
    page.fill("[name=diameter]", "20")
    page.fill("[name=depth_cm]", "80")
    page.fill("[name=pressure]", "0.28")
    page.check("[name=customer_sheet]")
    page.check("[name=fees_told]")
    page.click("form.filled button.main")
    expect(page.locator(".field.wrong")).to_contain_text("没有客户签字不能办结")
    expect(page.locator("[name=tapping_point]")).to_have_value("门前支管")
    expect(page.locator("[name=customer_sheet]")).to_be_checked()
    assert fits(page)
    assert task(site, survey).status == "open"
    page.check("[name=signed]")
    page.click("form.filled button.main")
    expect(page.locator(".told.done")).to_contain_text("已记录在案")
    assert task(site, survey).body["form"]["tapping_point"] == "门前支管"


def test_a_list_that_stands_shows_what_somebody_else_decided_without_reload(
    site: Site, page_for: PageFor, collector: tuple[str, str], account_no: str
) -> None:
    who, grid = collector
    _, task_id = debt(site, account_no, grid=grid)
    page = page_for(who)
    page.goto("/inbox")
    page.evaluate("window.neverReloaded = true")
    row = page.locator(f"tr[data-row='/tasks/{task_id}']")
    expect(row).to_have_count(1)
    form = {"outcome": "served", "method": "registered", "receipt": "R-1"}
    assert site.post(f"/tasks/{task_id}/decide", {"form": form}, who="collector").status_code == 200
    expect(row).to_have_count(0)
    expect(page.locator(".empty")).to_contain_text("现在没有要您办的任务")
    assert page.evaluate("window.neverReloaded")


def test_tasks_are_taken_in_hand_one_and_many_and_put_back_by_hand_and_by_key(
    site: Site, page_for: PageFor, collector: tuple[str, str], account_no: str
) -> None:
    who, grid = collector
    ids = [debt(site, f"{account_no}{no}", grid=grid)[1] for no in range(3)]
    page = page_for(who)
    page.goto("/inbox")
    expect(page.locator("tr[data-row]")).to_have_count(3)
    first = page.locator("tr[data-row]").first
    mine = first.get_attribute("data-row").rpartition("/")[2]
    first.locator("text=领取").click()
    expect(page.locator(f"tr[data-row='/tasks/{mine}']")).to_contain_text("放回")
    assert task(site, mine).holder == who
    page.locator(f"tr[data-row='/tasks/{mine}']").locator("text=放回").click()
    expect(page.locator(f"tr[data-row='/tasks/{mine}']")).to_contain_text("领取")
    assert task(site, mine).holder is None

    page.keyboard.press("j")
    page.keyboard.press("x")
    page.keyboard.press("j")
    page.keyboard.press("x")
    expect(page.locator("[data-chosen]")).to_have_text("2")
    page.keyboard.press("k")
    expect(page.locator("tr[data-row]").first).to_be_focused()
    page.click("text=一起领取")
    expect(page.locator(".told.done")).to_contain_text("已领取 2 项")
    assert sorted(task(site, id).holder or "" for id in ids) == ["", who, who]

    page.goto("/inbox")
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    expect(page.locator("[data-search]")).to_be_focused()
    page.locator("h1").click()
    page.keyboard.press("j")
    page.keyboard.press("e")
    expect(page.locator(".opened-below form.filled")).to_be_visible()


def test_everything_is_done_without_script_as_well(
    site: Site, page_for: PageFor, collector: tuple[str, str], account_no: str
) -> None:
    who, grid = collector
    case_no, task_id = debt(site, account_no, grid=grid)
    page = page_for(who, java_script_enabled=False)
    page.goto("/inbox")
    page.locator(f"tr[data-row='/tasks/{task_id}'] a[data-decide]").click()
    page.check("[name=outcome][value=failed]")
    page.check("[name=method][value=in-person]")
    page.fill("[name=reason]", "家中无人")
    page.click("form.filled button.main")
    expect(page.locator(".told.done")).to_contain_text("已记录在案")
    assert [entry.by for entry in told(site, case_no, "NoticeAttemptFailed")] == [who]


def test_what_is_typed_outlives_a_reload_until_it_is_sent(
    site: Site, page_for: PageFor, collector: tuple[str, str], account_no: str
) -> None:
    who, grid = collector
    _, task_id = debt(site, account_no, grid=grid)
    page = page_for(who)
    page.goto(f"/tasks/{task_id}")
    page.check("[name=outcome][value=failed]")
    page.fill("[name=place]", "南门岗亭")
    page.reload()
    expect(page.locator("[name=place]")).to_have_value("南门岗亭")
    expect(page.locator("[name=outcome][value=failed]")).to_be_checked()
    page.check("[name=method][value=phone]")
    page.click("form.filled button.main")
    expect(page.locator(".told.done")).to_be_visible()
    drafts = "Object.keys(localStorage).filter((name) => name.startsWith('draft:')).length"
    eventually(lambda: page.evaluate(drafts) == 0)


def test_language_and_light_are_chosen_once_and_kept(page_for: PageFor) -> None:
    page = page_for("collector")
    expect(page.locator("h1")).to_have_text("我的任务")
    page.click(".me summary")
    page.click("button:has-text('English')")
    expect(page.locator("h1")).to_have_text("My tasks")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    page.click(".me summary")
    page.click("button:has-text('Dark')")
    expect(page.locator("body")).to_have_css("background-color", "rgb(13, 18, 23)")
    page.goto("/arrears")
    expect(page.locator("body")).to_have_css("background-color", "rgb(13, 18, 23)")
    expect(page.locator("h1")).to_have_text("Arrears")


def test_on_paper_there_is_the_list_and_nothing_to_press(
    site: Site, page_for: PageFor, collector: tuple[str, str], account_no: str
) -> None:
    who, grid = collector
    debt(site, account_no, grid=grid)
    page = page_for(who)
    page.goto("/arrears")
    page.emulate_media(media="print")
    for gone in (".top", ".filters", ".row-actions", ".head .actions"):
        expect(page.locator(gone).first).to_be_hidden()
    expect(page.locator("table.list")).to_be_visible()
    assert page.pdf(format="A4").startswith(b"%PDF")


def test_a_refusal_is_said_in_words_of_the_readers_language(site: Site, page_for: PageFor, account_no: str) -> None:
    case_no, task_id = debt(site, account_no)
    page = page_for("representative", language="zh")
    page.goto("/tasks/nothing-of-the-kind")
    expect(page.locator(".told.refused")).to_contain_text("没有找到，或者不在您的范围内")
    page = page_for("supervisor")
    page.goto(f"/tasks/{task_id}")
    expect(page.locator(".told:not(:empty)").first).to_contain_text("这不归您办")
    expect(page.locator(".told:not(:empty)").first).to_contain_text("催缴员")
    page.goto(f"/arrears/{case_no}")
    page.click("summary:has-text('分期')")
    page.fill("#parts", "一百元")
    page.click("text=约定分期")
    expect(page.locator(".told.refused")).to_contain_text("每行一期：金额，空格，日期。")
