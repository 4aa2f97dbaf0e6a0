"""Takes the pictures of the README and the guides, of the sample data of a running `make run`: its pages as they are.

    .venv/bin/python docs/pictures.py

A chromium must be on the machine; GUANJIA_CHROMIUM says where when it is called otherwise.
"""

import importlib.util
import os
import shutil
import tempfile
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from settings import Settings

PICTURES = Path(__file__).parent / "pictures"
COLOURS = 128
LARGEST = 120_000
DESK = {"viewport": {"width": 1280, "height": 760}}
PHONE = {
    "viewport": {"width": 390, "height": 780},
    "device_scale_factor": 1.5,
    "is_mobile": True,
    "has_touch": True,
}
FONTS = """<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>{fonts}</dir><cachedir>{cache}</cachedir>
<alias><family>sans-serif</family><prefer><family>Noto Sans CJK SC</family></prefer></alias>
<alias><family>system-ui</family><prefer><family>Noto Sans CJK SC</family></prefer></alias>
</fontconfig>"""

# A picture's name, who looks, where, the links to follow from there, on a phone or not.
SHOTS: tuple[tuple[str, str, str, tuple[str, ...], bool], ...] = (
    ("inbox", "collector", "/inbox", (), False),
    ("work-list", "collector", "/arrears", (), False),
    ("arrears", "collector", "/arrears?stage=grace", ("tr[data-row] a[href^='/arrears/']",), False),
    ("board", "representative", "/projects", (), False),
    ("project", "representative", "/projects?phase=inspection", ("tr[data-row] a[href^='/projects/']",), False),
    ("approvals", "supervisor", "/approvals", ("tr[data-row] .row-actions a[href^='/tasks/']",), False),
    ("dashboard", "supervisor", "/dashboard", (), False),
    ("field", "engineer", "/field", (), True),
    ("field-task", "engineer", "/field", ("a[data-open]",), True),
)


def browser_environment(folder: Path) -> dict[str, str | float | bool]:
    """A font that has Chinese, where the lock file brought one."""
    found = importlib.util.find_spec("manimgx_fonts_cjk")
    if found is None or found.origin is None:
        return {"HOME": str(folder)}
    described = folder / "fonts.conf"
    described.write_text(FONTS.format(fonts=Path(found.origin).parent, cache=folder / "fonts"), encoding="utf-8")
    return {"HOME": str(folder), "FONTCONFIG_FILE": str(described)}


def logged_in(browser: Browser, base: str, who: str, password: str, *, phone: bool, language: str) -> Page:
    context = browser.new_context(base_url=base, **(PHONE if phone else DESK))
    context.add_cookies([{"name": "language", "value": language, "url": base}])
    page = context.new_page()
    page.goto("/login")
    page.fill("input[name=id]", who)
    page.fill("input[name=password]", password)
    page.click("button.main")
    page.wait_for_url(lambda address: "/login" not in address)
    return page


def keep(picture: bytes, path: Path) -> None:
    """Few colours are enough for pages, and keep the repository small."""
    full = Image.open(BytesIO(picture)).convert("RGB")
    few = full.quantize(COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    few.save(path, "PNG", optimize=True)
    if path.stat().st_size > LARGEST:
        raise ValueError(f"{path.name} has {path.stat().st_size} bytes: show less, or take fewer colours")


def main() -> None:
    settings = Settings()
    base = f"http://{settings.api_host}:{settings.api_port}"
    password = (settings.data / "password.txt").read_text("utf-8").strip()
    chromium = os.environ.get("GUANJIA_CHROMIUM") or shutil.which("chromium") or "chromium"
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"], env=browser_environment(Path(folder))
        )
        for language in ("zh", "en"):
            for name, who, address, links, phone in SHOTS:
                page = logged_in(browser, base, who, password, phone=phone, language=language)
                page.goto(address)
                for link in links:
                    page.goto(page.locator(link).first.get_attribute("href") or address)
                page.wait_for_timeout(400)
                keep(page.screenshot(), PICTURES / f"{name}.{language}.png")
                page.context.close()
        browser.close()


if __name__ == "__main__":
    main()
