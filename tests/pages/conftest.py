"""A real browser at a real site: pages as people see them, at a desk and on a phone.

A module that asks for `browser` holds plain `def` tests only: the browser's loop and the tests' own do not mix.
"""

import importlib.util
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from runtime.wall_clock import now
from store.sessions import set_password
from tests.api.conftest import Site, standing

CHROMIUM = os.environ.get("GUANJIA_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser") or ""
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
PASSWORD = "water for every house"
PHONE = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
}
DESK = {"viewport": {"width": 1280, "height": 800}}
FONTS = """<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>{fonts}</dir><cachedir>{cache}</cachedir>
<alias><family>sans-serif</family><prefer><family>Noto Sans CJK SC</family></prefer></alias>
<alias><family>system-ui</family><prefer><family>Noto Sans CJK SC</family></prefer></alias>
</fontconfig>"""
PageFor = Callable[..., Page]

PATIENCE = 120_000
"""Milliseconds that a browser waits for what is to come: a busy machine is no fault."""

expect.set_options(timeout=PATIENCE)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever needs a browser runs on one worker: one site and one engine do for all."""
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("browser"))


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The house with a worker and an engine of its own, for case numbers are; people log in as often as tests like."""
    often = {"logins_per_account": "10000 per minute", "logins_per_address": "10000 per minute"}
    with standing(tmp_path_factory.mktemp("pages"), **often) as house:
        yield house


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Chromium, with a font that has Chinese where the lock file brings one."""
    if not CHROMIUM:
        pytest.skip("there is no chromium on this machine: install it, or say where it is in GUANJIA_CHROMIUM")
    folder = tmp_path_factory.mktemp("chromium")
    env: dict[str, Any] = {"HOME": str(folder)}
    font = importlib.util.find_spec("manimgx_fonts_cjk")
    if font is not None and font.origin is not None:
        described = folder / "fonts.conf"
        described.write_text(FONTS.format(fonts=Path(font.origin).parent, cache=folder / "fonts"), encoding="utf-8")
        env["FONTCONFIG_FILE"] = str(described)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET, env=env)
        yield running
        running.close()


@pytest.fixture
def page_for(site: Site, browser: Browser) -> Iterator[PageFor]:
    """`page_for(person)`: a page in a browser of their own, logged in. What a script trips over fails the test."""
    contexts: list[BrowserContext] = []
    tripped: list[str] = []

    def opened(
        person: str | None, *, phone: bool = False, language: str = "zh", at: str | None = None, **more: Any
    ) -> Page:
        base = at or f"http://127.0.0.1:{site.settings.api_port}"
        context = browser.new_context(base_url=base, locale="zh-CN", **((PHONE if phone else DESK) | more))
        contexts.append(context)
        context.set_default_timeout(PATIENCE)
        context.add_cookies([{"name": "language", "value": language, "url": base}])
        page = context.new_page()
        page.on("pageerror", lambda error: tripped.append(str(error)))
        page.on("console", lambda said: tripped.append(said.text) if _is_fault(said.type, said.text) else None)
        if person is not None:
            log_in(page, site, person)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not tripped, tripped


def _is_fault(kind: str, text: str) -> bool:
    """A refused form and a network that is not there are on the console as well, and are no fault of a script's."""
    return (
        kind == "error"
        and "Failed to load resource" not in text
        and "Response Status Error Code 4" not in text
        and "net::ERR" not in text
    )


def log_in(page: Page, site: Site, person: str) -> None:
    """Through the door, as people do."""
    with site.database.write() as connection:
        set_password(connection, person, PASSWORD, by="administrator", at=now())
    page.goto("/login")
    page.fill("input[name=id]", person)
    page.fill("input[name=password]", PASSWORD)
    page.click("button.main")
    page.wait_for_url(lambda address: "/login" not in address)


SMALL = """() => [...document.querySelectorAll(
    'button, .button, summary, select, textarea, nav a, input:not([type=hidden]), table.list td > a')]
    .filter((each) => !each.closest('thead, .clause, .out-of-sight, .skip, td p, .hint'))
    .map((each) => each.matches('[type=checkbox], [type=radio]') ? each.closest('label') || each : each)
    .filter((each) => each.checkVisibility({ opacityProperty: true, visibilityProperty: true }))
    .map((each) => [each, each.getBoundingClientRect()])
    .filter(([each, box]) => box.width && box.height < 43.5)
    .map(([each, box]) => [each.tagName, Math.round(box.height), (each.textContent || each.name).trim().slice(0, 20)])
    .map((said) => said.join(' '))
"""


def too_small(page: Page) -> list[str]:
    """What a thumb has to meet on a phone and is lower than 44 px. Links within a text are as high as the text."""
    return list(dict.fromkeys(page.evaluate(SMALL)))


def fits(page: Page) -> bool:
    """Nothing sticks out to the side. The innerWidth of a phone grows with what does; its root's width stays."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"))
