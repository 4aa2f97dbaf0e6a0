"""The work list out as Excel and back: what would happen is told first, and each row is carried out once."""

import zipfile
from pathlib import Path
from uuid import uuid4

import xlsxwriter
from playwright.sync_api import expect

from activities.ledger_file.workbook import visible_sheets
from tests.api.conftest import Site
from tests.pages.conftest import PageFor
from tests.pages.doors import debt, task, told


def cells(path: Path) -> list[dict[int, str]]:
    (sheet,) = visible_sheets(path)
    return [row for _, row in sheet.rows()]


def written(path: Path, rows: list[dict[int, str]]) -> Path:
    with xlsxwriter.Workbook(str(path)) as book:
        page = book.add_worksheet()
        for no, row in enumerate(rows):
            for column, text in row.items():
                page.write_string(no, column, text)
    return path


def test_a_sheet_is_filled_in_looked_at_and_carried_out_once(
    site: Site, page_for: PageFor, account_no: str, tmp_path: Path
) -> None:
    grid = f"东4-{uuid4().hex[:6]}"
    who = site.add(f"collector-{uuid4().hex[:6]}", "collector", grid=grid)
    debts = [debt(site, f"{account_no}{no}", grid=grid) for no in range(3)]
    page = page_for(who)
    page.goto("/arrears")
    page.check("[data-all]")
    with page.expect_download() as sent:
        page.click("text=导出外业表")
    out = tmp_path / "out.xlsx"
    sent.value.save_as(out)
    assert zipfile.is_zipfile(out)
    head, *rows = cells(out)
    at = {title: column for column, title in head.items()}
    by_case = {row[at["案号"]]: row for row in rows}
    assert set(by_case) == {case_no for case_no, _ in debts}
    (talked, _), (served, notice), (wrong, _) = debts
    by_case[talked] |= {at["沟通结果"]: "答应付款", at["答应日期"]: "2099-01-10", at["答应金额（元）"]: "50"}
    by_case[served] |= {at["本次送达方式"]: "挂号信", at["回执"]: "EMS-7"}
    by_case[wrong] |= {at["沟通结果"]: "改天再说"}
    filled = written(tmp_path / "filled.xlsx", [head, *by_case.values()])

    page.goto("/arrears/sheet")
    page.set_input_files("[name=file]", filled)
    page.click("button.main")
    page.wait_for_url("**/arrears/together/*")
    preview = page.url
    expect(page.locator("#state .told").first).to_contain_text("将办理 2 行；1 行有问题")
    expect(page.locator("tbody")).to_contain_text("“改天再说”不在可选的词里")
    assert told(site, talked, "ContactRecorded") == []
    assert task(site, notice).status == "open"
    page.click("button.main")
    expect(page.locator("#state .told").first).to_contain_text("已办理 2 行")
    (contact,) = told(site, talked, "ContactRecorded")
    assert (contact.body["outcome"], contact.by) == ("promised", who)
    assert [part["amount_fen"] for part in told(site, talked, "HoldPlaced")[0].body["parts"]] == [5000]
    assert task(site, notice).body["form"]["receipt"] == "EMS-7"

    page.goto("/arrears/sheet")
    page.set_input_files("[name=file]", filled)
    page.click("button.main")
    page.wait_for_url(preview)

    by_case[wrong] |= {at["沟通结果"]: "未联系上"}
    page.goto("/arrears/sheet")
    page.set_input_files("[name=file]", written(tmp_path / "again.xlsx", [head, *by_case.values()]))
    page.click("button.main")
    page.wait_for_url("**/arrears/together/*")
    expect(page.locator("#state .told").first).to_contain_text("将办理 1 行")
    expect(page.locator(f"tr[data-case='{talked}']")).to_contain_text("已经办过")
    page.click("button.main")
    expect(page.locator("#state .told").first).to_contain_text("已办理 1 行")
    assert [len(told(site, case_no, "ContactRecorded")) for case_no in (talked, wrong)] == [1, 1]


def test_a_file_that_is_no_such_sheet_is_told_so(site: Site, page_for: PageFor, tmp_path: Path) -> None:
    page = page_for("collector")
    page.goto("/arrears/sheet")
    page.set_input_files("[name=file]", written(tmp_path / "other.xlsx", [{0: "天气"}, {0: "晴"}]))
    page.click("button.main")
    expect(page.locator(".told.refused")).to_contain_text("没有找到外业表的列")
    (tmp_path / "bad.xlsx").write_text("not a workbook")
    page.set_input_files("[name=file]", tmp_path / "bad.xlsx")
    page.click("button.main")
    expect(page.locator(".told.refused")).to_be_visible()
