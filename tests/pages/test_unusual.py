"""What is not as usual stands beside the question whether a limit is safe."""

from playwright.sync_api import expect
from sqlalchemy import update

from store.tables import tasks
from tests.api.conftest import Site, eventually
from tests.pages.conftest import PageFor
from tests.pages.doors import debt, told


def test_whoever_approves_a_limit_reads_what_is_not_as_usual(site: Site, page_for: PageFor, account_no: str) -> None:
    here = {"grid": f"un-{account_no}", "address": f"示例路{account_no}号"}
    case_no, task_id = debt(site, account_no, **here)
    debt(site, f"{account_no}9", protected=["vulnerable"], **here)
    for _ in range(2):
        said = {"method": "phone", "outcome": "not-reached"}
        assert site.post(f"/cases/{case_no}/contact", said).status_code == 200
    eventually(lambda: len(told(site, case_no, "ContactRecorded")) == 2)
    with site.database.write() as connection:  # as the task stands weeks later, at the end of the ladder
        asked = {"key": "arrears.approve-limit", "role": "supervisor"}
        connection.execute(update(tasks).where(tasks.c.task_id == task_id).values(asked))
    page = page_for("supervisor")
    page.goto(f"/tasks/{task_id}")
    differs = page.locator(".differs")
    expect(differs).to_contain_text("同一地址有受保护的用户")
    expect(differs).to_contain_text("2 次沟通没有联系上")
    expect(differs).to_contain_text("这一户以前没有限过压")
    page = page_for("supervisor", language="en")
    page.goto(f"/tasks/{task_id}")
    expect(page.locator(".differs")).to_contain_text("2 contacts did not reach the customer")
