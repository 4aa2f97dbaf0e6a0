"""What a page weighs on the way to a phone far from the office: 400 kbit/s, 400 ms, a processor four times slower."""

from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Page
from sqlalchemy import insert, select

from store.tables import accounts, cases, openings, tasks
from tests.api.conftest import Site, eventually, opening
from tests.pages.conftest import PageFor

KILOBIT = 1000 / 8
HEAVIEST = 60 * 1024
ROWS = 50


@pytest.fixture
def busy(site: Site, account_no: str) -> str:
    """A collector with more than a page of tasks: one case opened, and its rows set down again for other accounts."""
    grid = uuid4().hex[:8]
    account = {"name": "示例用户00", "address": "示例区示例路0号1单元101室", "grid": grid}
    case_no = site.post("/arrears-cases", opening(account_no, **account), who="clerk").json()["case_no"]
    eventually(lambda: site.get(f"/cases/{case_no}").json()["tasks"])
    with site.database.write() as connection:
        for no in range(1, ROWS + 2):
            other = {"case_no": f"{case_no}{no:02d}", "account_no": f"{account_no}{no:02d}"}
            other |= {"subject": other["account_no"], "name": f"示例用户{no:02d}"}
            other |= {"task_id": f"{case_no}{no:02d}-01", "amount_fen": 8640 + 131 * no, "open_subject": None}
            other |= {
                "workflow_id": f"arrears/{other['subject']}",
                "address": f"示例区示例路{no}号{no % 6 + 1}单元{no}01室",
            }
            for table, mine in (
                (accounts, accounts.c.account_no == account_no),
                (openings, openings.c.case_no == case_no),
                (cases, cases.c.case_no == case_no),
                (tasks, tasks.c.case_no == case_no),
            ):
                for row in connection.execute(select(table).where(mine)).mappings().all():
                    kept = {name: value for name, value in row.items() if name != "id"}
                    connection.execute(
                        insert(table).values(kept | {name: other[name] for name in other if name in kept})
                    )
    return site.add(f"busy-{grid}", "collector", grid=grid)


def carried(page: Page, address: str) -> dict[str, float]:
    """The bytes over the wire of everything that a first look at an address loads, as the browser counts them."""
    network = page.context.new_cdp_session(page)
    names: dict[str, str] = {}
    weighs: dict[str, float] = {}

    def begun(said: dict[str, Any]) -> None:
        if said.get("type") != "EventSource":  # news, which goes on for as long as the page stands
            names.setdefault(said["requestId"], said["request"]["url"])

    network.send("Network.enable")
    network.on("Network.requestWillBeSent", begun)
    network.on("Network.loadingFailed", lambda said: names.pop(said["requestId"], None))
    network.on("Network.loadingFinished", lambda said: weighs.update({said["requestId"]: said["encodedDataLength"]}))
    network.send("Network.setCacheDisabled", {"cacheDisabled": True})
    network.send(
        "Network.emulateNetworkConditions",
        {"offline": False, "latency": 400, "downloadThroughput": 400 * KILOBIT, "uploadThroughput": 400 * KILOBIT},
    )
    network.send("Emulation.setCPUThrottlingRate", {"rate": 4})
    page.goto(address, wait_until="load")

    def over() -> bool:
        page.wait_for_timeout(100)  # the browser's words come in meanwhile
        return not names.keys() - weighs.keys()

    eventually(over)
    return {names.get(id, id).split("/", 3)[-1]: weight for id, weight in weighs.items()}


def test_the_first_look_at_an_inbox_is_light(site: Site, page_for: PageFor, busy: str) -> None:
    page = page_for(busy, phone=True)
    page.context.clear_cookies(name="style")  # as on a browser that has never been here
    weighs = carried(page, "/inbox")
    assert page.locator("[data-rows] tr[data-row]").count() == ROWS
    assert page.evaluate("getComputedStyle(document.querySelector('.top')).position") == "sticky"
    painted = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    answered = page.evaluate("performance.getEntriesByType('navigation')[0].responseEnd")
    total = sum(weighs.values())
    print(f"\ninbox, {ROWS} rows: {total / 1024:.1f} KB over the wire {weighs}; rows after {painted:.0f} ms", end="")
    print(f", all of the page's own text after {answered:.0f} ms")
    assert total <= HEAVIEST
    assert painted > 0


def test_text_is_packed_and_news_and_photos_are_not(site: Site) -> None:
    base = f"http://127.0.0.1:{site.settings.api_port}"
    for path in ("/login", "/static/guanjia.css", "/static/guanjia.js", "/static/htmx.min.js"):
        answer = site.http.get(f"{base}{path}", headers={"Accept-Encoding": "gzip"})
        assert answer.headers["Content-Encoding"] == "gzip", path
        plain = site.http.get(f"{base}{path}", headers={"Accept-Encoding": "identity"})
        assert "Content-Encoding" not in plain.headers
        assert plain.content == answer.content or path == "/login"
        assert "Accept-Encoding" in answer.headers["Vary"]
    with site.http.stream("GET", f"{base}/live", headers=site.as_("collector")) as news:
        assert "Content-Encoding" not in news.headers
        assert next(news.iter_text()).startswith("retry:")
