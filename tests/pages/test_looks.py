"""Every page at a desk and on a phone, in both languages and both lights: it fits, it speaks, anybody can read it."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Page
from sqlalchemy import select

from policies.packs import load_pack
from store.tables import metadata
from tests.api.conftest import Site
from tests.api.estates import driven, estate, table, take_table
from tests.pages.conftest import PageFor, fits, too_small
from tests.pages.doors import debt, project

AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
CHINESE = re.compile(r"[\u3000-\u303f\u3400-\u9fff\uff00-\uffef]+")
# Axe looks at each page twice: what it finds depends on the light and the width, and hardly on the language.
LOOKS = (
    ("zh", "light", False, True),
    ("en", "light", False, False),
    ("zh", "dark", True, True),
    ("en", "light", True, False),
)
READ = """() => {
    const page = document.body.cloneNode(true);
    page.querySelectorAll("[lang='zh-CN'], .clause, script, blockquote").forEach((each) => each.remove());
    const said = [page.textContent];
    page.querySelectorAll("[title], [aria-label], [placeholder], [alt]").forEach((each) => {
        for (const name of ["title", "aria-label", "placeholder", "alt"]) said.push(each.getAttribute(name) || "");
    });
    return said.join("\\n");
}"""


@pytest.fixture(scope="module")
def addresses(site: Site) -> dict[str, list[str]]:
    """The pages of each person, with something on every one."""
    no = uuid4().hex[:8]
    case_no, notice = debt(site, no, name="示例" + "很长的单位名称" * 5, address="示例区示例路" + "88号院" * 12)
    project_no, survey = project(site, until="connection.survey")
    _, arranged = project(site, until="connection.arrange-survey")
    estate_no = estate(site, 12)
    accepted = driven(site, estate_no, "accept")["task_id"]
    take_table(site, estate_no, table(12).replace("1,403", "1,101"))
    seen = [{"no": 1, "passed": True}, {"no": 2, "passed": False, "reason": "铅封缺失"}]
    site.post(f"/cases/{estate_no}/items/looks", {"round": 1, "looks": seen}, who="inspector")
    return {
        "collector": [
            "/inbox",
            "/arrears",
            f"/arrears/{case_no}",
            f"/arrears/notices?case={case_no}",
            f"/tasks/{notice}",
            f"/tasks/{notice}/clock",
            f"/arrears/together?do=serve&case={case_no}",
            f"/arrears/together?do=contact&case={case_no}",
            f"/arrears/{case_no}/contact",
            "/arrears/sheet",
            "/arrears/walk?grid=none",
            f"/field/contact/{case_no}",
            "/tour",
        ],
        "representative": [
            "/projects",
            f"/projects/{project_no}",
            f"/tasks/{arranged}",
            f"/projects/{project_no}/declare/party",
            f"/projects/{project_no}/board",
            "/service-ledger",
            "/organisation",
        ],
        "inspector": [
            f"/field/{accepted}/items",
            f"/field/{accepted}",
            f"/tasks/{accepted}",
            f"/projects/{estate_no}/items",
            f"/projects/{estate_no}",
            "/first-bills",
        ],
        "engineer": ["/field", f"/field/{survey}", f"/tasks/{survey}"],
        "supervisor": [
            "/approvals",
            "/inbox?all=true",
            "/dashboard",
            "/dashboard/payments",
            "/dashboard/came-in",
            "/ledger",
            "/ledger/reconciliations",
            "/organisation",
            "/policy",
            "/policy/compare",
            "/policy/packs/jinan@2020-01-29",
            f"/tasks/{notice}",
            f"/arrears/{case_no}",
            "/arrears?q=nobody-is-called-so",
            "/tasks/none",
        ],
    }


def strings(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for name, part in value.items():
                yield from strings(name)
                yield from strings(part)
        case list() | tuple():
            for part in value:
                yield from strings(part)


def data(site: Site) -> list[str]:
    """Whatever Chinese is in the store, the longest first: names, addresses, and what people wrote."""
    found: set[str] = set()
    with site.database.read() as connection:
        for table in metadata.sorted_tables:
            for row in connection.execute(select(table)):
                for value in row:
                    found.update(part for part in strings(value) if CHINESE.search(part))
    connected = load_pack("jinan").connection
    assert connected is not None
    found.update(name for papers in connected.checklist.values() for name in papers.value)
    found.update(name for nodes in connected.works.nodes.values() for name in nodes.value)
    found.update(connected.item_reasons.value if connected.item_reasons else ())
    return sorted(found, key=len, reverse=True)


def left_of(said: str, given: list[str]) -> list[str]:
    """What is still Chinese on a page once all that was given is taken away."""
    for part in given:
        said = said.replace(part, "")
    return sorted(set(CHINESE.findall(said)))


def faults(page: Page) -> list[str]:
    """What axe finds that is serious or critical."""
    page.evaluate(AXE.read_text("utf-8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{fault['id']}: {fault['nodes'][0]['html'][:160]}"
        for fault in found["violations"]
        if fault["impact"] in ("serious", "critical")
    ]


@pytest.mark.skipif(not AXE.exists(), reason="axe-core is not there: npm ci brings it")
@pytest.mark.parametrize("who", ["collector", "representative", "inspector", "engineer", "supervisor"])
def test_pages_fit_speak_and_can_be_read_by_anybody(
    site: Site, page_for: PageFor, addresses: dict[str, list[str]], who: str
) -> None:
    told: list[str] = []
    given = data(site)
    for language, theme, phone, thorough in LOOKS:
        page = page_for(who, language=language, phone=phone, bypass_csp=True)
        page.context.add_cookies([{"name": "theme", "value": theme, "url": page.url}])
        for address in addresses[who]:
            answered = page.goto(address)
            look = f"{address} {language} {theme} {'phone' if phone else 'desk'}"
            if answered is None or answered.status >= 500:
                told.append(f"{look}: no page")
            if not fits(page):
                told.append(f"{look}: wider than the screen")
            if phone:
                told += [f"{look}: too small for a thumb: {each}" for each in too_small(page)]
            if thorough:
                told += [f"{look}: {fault}" for fault in faults(page)]
            if language == "en" and not address.startswith("/policy"):
                said = page.evaluate(READ)
                if left_of(said, given):
                    given = data(site)  # cases go on meanwhile, and pages say what came in
                told += [f"{look}: {left}" for left in left_of(said, given)]
    assert told == []


def test_the_door_fits_and_can_be_read_by_anybody(page_for: PageFor) -> None:
    for language, theme, phone, thorough in LOOKS:
        page = page_for(None, language=language, phone=phone, bypass_csp=True)
        page.goto("/login")
        page.context.add_cookies([{"name": "theme", "value": theme, "url": page.url}])
        page.reload()
        assert fits(page)
        assert not thorough or faults(page) == []
