"""Many rows at once, and a contact in two taps: what a collector does in the work list, and what the store has then."""

from pathlib import Path
from uuid import uuid4

import pytest
from PIL import Image
from playwright.sync_api import expect
from sqlalchemy import func, select

from runtime.wall_clock import now
from store import batches
from store.batches import Batch, BatchRow
from store.tables import case_files, cases, entries
from tests.api.conftest import Site, eventually
from tests.pages.conftest import PageFor, fits
from tests.pages.doors import debt, task, told


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "notice.jpg"
    Image.effect_noise((600, 400), 60).convert("RGB").save(path, "JPEG")
    return path


@pytest.fixture
def collector(site: Site) -> tuple[str, str]:
    """A collector of a grid that nobody else works in: the person and the grid."""
    grid = f"东2-{uuid4().hex[:6]}"
    return site.add(f"collector-{uuid4().hex[:6]}", "collector", grid=grid), grid


def test_notices_are_served_together_each_with_its_own_proof_and_its_own_word(
    site: Site, page_for: PageFor, collector: tuple[str, str], account_no: str, photo: Path
) -> None:
    who, grid = collector
    debts = [debt(site, f"{account_no}{no}", grid=grid) for no in range(3)]
    page = page_for(who)
    page.goto("/arrears")
    expect(page.locator("#chosen")).to_be_hidden()
    page.check("[data-all]")
    expect(page.locator("[data-chosen]")).to_have_text("3")
    page.click("text=一起送达")
    (with_photo, first), (with_receipt, second), (without, third) = debts
    page.fill("#t-place", "示例路 9 号门口")
    page.set_input_files(f"[name='photo-{with_photo}']", photo)
    page.fill(f"[name='receipt-{with_receipt}']", "EMS-1")
    page.dblclick("button.main")
    page.wait_for_url("**/arrears/together/*")
    expect(page.locator(f"tr[data-case='{with_photo}']")).to_contain_text("已办")
    expect(page.locator(f"tr[data-case='{with_receipt}']")).to_contain_text("已办")
    expect(page.locator(f"tr[data-case='{without}']")).to_contain_text("已送达要有凭证")
    assert task(site, first).body["form"]["photo"].startswith("sha256:")
    form = task(site, second).body["form"]
    assert (form["method"], form["receipt"], form["place"]) == ("posted", "EMS-1", "示例路 9 号门口")
    assert task(site, third).status == "open"
    with site.database.read() as connection:
        kept = connection.execute(select(case_files.c.case_no).where(case_files.c.case_no == with_photo)).all()
    assert len(kept) == 1
    assert [len(told(site, case_no, "NoticeServed")) for case_no, _ in debts] == [1, 1, 0]

    page.click("text=把没有记下的再办一次")
    expect(page.locator("input[name=case]")).to_have_count(1)


def test_a_contact_is_recorded_for_many_and_a_second_sending_changes_nothing(
    site: Site, page_for: PageFor, collector: tuple[str, str], account_no: str
) -> None:
    who, grid = collector
    debts = [debt(site, f"{account_no}{no}", grid=grid) for no in range(2)]
    page = page_for(who)
    page.goto("/arrears")
    for case_no, _ in debts:
        page.check(f"input[name=case][value='{case_no}']")
    page.click("text=一起记录沟通")
    expect(page.locator("#p-amount")).to_be_hidden()
    page.check("[name=outcome][value=promised]")
    page.fill("#p-by", "2099-01-10")
    once = page.get_attribute("[name=once]", "value") or ""
    page.click("button.main")
    page.wait_for_url("**/arrears/together/*")
    expect(page.locator(".told.done")).to_contain_text("已办理 2 行")
    done = page.url
    sent: dict[str, str | float | bool] = {"once": once, "do": "contact", "outcome": "reached", "case": debts[0][0]}
    again = page.request.post("/arrears/together", form=sent, headers={"Sec-Fetch-Site": "same-origin"})
    assert again.url == done
    for case_no, _ in debts:
        (contact,) = told(site, case_no, "ContactRecorded")
        assert (contact.body["outcome"], contact.body["reached"], contact.by) == ("promised", True, who)
        (hold,) = told(site, case_no, "HoldPlaced")
        assert [part["amount_fen"] for part in hold.body["parts"]] == [8640]
    page.goto("/arrears")
    expect(page.locator("tr[data-row]").first).to_contain_text("答应付款")


def test_a_contact_in_the_row_is_two_taps_and_works_without_script_too(
    site: Site, page_for: PageFor, collector: tuple[str, str], account_no: str
) -> None:
    who, grid = collector
    case_no, _ = debt(site, account_no, grid=grid)
    page = page_for(who)
    page.goto("/arrears")
    page.click("tr[data-row] >> text=沟通")
    below = page.locator(".opened-below")
    below.locator("[name=outcome][value=wrong-number]").check()
    below.locator("button.main").click()
    expect(page.locator("#told .told.done")).to_contain_text("沟通已记录在案")
    (first,) = eventually(lambda: told(site, case_no, "ContactRecorded"))
    assert (first.body["outcome"], first.body["reached"]) == ("wrong-number", False)

    plain = page_for(who, java_script_enabled=False, phone=True)
    plain.goto("/arrears")
    assert fits(plain)
    plain.click("tr[data-row] >> text=沟通")
    plain.check("[name=outcome][value=promised]")
    plain.click("button.main")
    expect(plain.locator(".fault, .told.refused").first).to_contain_text("承诺付款要写明金额和日期")
    plain.check("[name=outcome][value=not-reached]")
    plain.check("[name=method][value=visit]")
    plain.click("button.main")
    expect(plain.locator(".told.done")).to_contain_text("已记录在案")
    assert [entry.body["outcome"] for entry in told(site, case_no, "ContactRecorded")] == [
        "wrong-number",
        "not-reached",
    ]


def test_rows_are_chosen_and_told_the_same_without_script(
    site: Site, page_for: PageFor, collector: tuple[str, str], account_no: str
) -> None:
    who, grid = collector
    case_no, _ = debt(site, account_no, grid=grid)
    page = page_for(who, java_script_enabled=False)
    page.goto("/arrears")
    page.check(f"input[name=case][value='{case_no}']")
    page.click("text=一起记录沟通")
    page.check("[name=outcome][value=invoice-wanted]")
    page.click("button.main")
    page.wait_for_url("**/arrears/together/*")
    expect(page.locator("tr[data-case]")).to_contain_text("已办")
    assert [entry.body["outcome"] for entry in told(site, case_no, "ContactRecorded")] == ["invoice-wanted"]


def test_a_batch_is_its_persons_alone(
    site: Site, page_for: PageFor, collector: tuple[str, str], account_no: str
) -> None:
    who, grid = collector
    case_no, _ = debt(site, account_no, grid=grid)
    page = page_for(who)
    page.goto(f"/arrears/together?do=contact&case={case_no}")
    page.check("[name=outcome][value=reached]")
    page.click("button.main")
    page.wait_for_url("**/arrears/together/*")
    other = page_for("collector")
    other.goto(page.url)
    expect(other.locator(".told.refused")).to_contain_text("没有这一批")
    with site.database.read() as connection:
        mine = select(func.count()).select_from(entries).join(cases, cases.c.case_no == entries.c.case_no)
        seen = connection.scalar(mine.where(cases.c.case_no == case_no, entries.c.event == "ContactRecorded"))
    assert seen == 1


def test_a_round_is_walked_by_house_numbers_and_a_household_is_one_visit(
    site: Site, page_for: PageFor, collector: tuple[str, str], account_no: str
) -> None:
    who, grid = collector
    for no, (name, address) in enumerate(
        (("示例甲", "示例园10号楼1单元101室"), ("示例乙", "示例园2号楼1单元101室"), ("示例乙", "示例园2号楼1单元101室"))
    ):
        debt(site, f"{account_no}{no}", grid=grid, name=name, address=address)
    page = page_for(who, phone=True)
    page.goto("/arrears/walk")
    assert fits(page)
    rows = page.locator("tr[data-visit]")
    expect(rows).to_have_count(3)
    assert [rows.nth(no).get_attribute("data-visit") for no in range(3)] == ["1", "1", "2"]
    expect(rows.nth(0)).to_contain_text("2号楼")
    expect(rows.nth(1)).to_contain_text("同上")
    expect(rows.nth(2)).to_contain_text("10号楼")
    elsewhere = page_for("collector")
    elsewhere.goto("/arrears/walk")
    expect(elsewhere.locator(".empty")).to_contain_text("先选一个网格或管区")


def test_what_a_process_that_died_left_undone_goes_on_when_asked(
    site: Site, page_for: PageFor, collector: tuple[str, str], account_no: str
) -> None:
    who, grid = collector
    case_no, _ = debt(site, account_no, grid=grid)
    row = BatchRow(
        no=0,
        case_no=case_no,
        title=account_no,
        action="contact",
        said={"method": "phone", "outcome": "reached"},
        once=uuid4().hex,
    )
    left = Batch(id=uuid4().hex, person=who, kind="together", filename=None, at=now(), confirmed_at=now(), rows=[row])
    with site.database.write() as connection:
        assert batches.put(connection, left)
        assert not batches.put(connection, left)
    page = page_for(who, language="en")
    page.goto(f"/arrears/together/{left.id}")
    expect(page.locator("#state .told")).to_contain_text("1 rows are still to be carried out")
    page.click("text=Go on")
    expect(page.locator("#state .told.done")).to_contain_text("1 rows carried out")
    assert len(told(site, case_no, "ContactRecorded")) == 1
