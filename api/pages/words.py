"""Words of the pages in two languages: Chinese in the source, English from its catalogue."""

import re
from functools import lru_cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path
from typing import Literal

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from fastapi import Request

Language = Literal["zh", "en"]
LANGUAGE_COOKIE = "language"
CATALOGUE = Path(__file__).parent / "locale" / "en.po"
REASONS = CATALOGUE.with_name("reasons.po")
_TWO_NAMES = re.compile(r"(?P<zh>\S*[^\x00-\x7f]\S*)\s+(?P<en>[A-Z(].*)", re.DOTALL)


@lru_cache
def translations(language: Language) -> NullTranslations:
    """The catalogue of a language. Chinese needs none."""
    return NullTranslations() if language == "zh" else _compiled(CATALOGUE)


@lru_cache
def reasons() -> NullTranslations:
    """Why the packs chose a value, in Chinese: packs give their reasons in English, and those of others stay so."""
    return _compiled(REASONS)


def _compiled(path: Path) -> GNUTranslations:
    with path.open("rb") as source:
        catalogue = read_po(source)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return GNUTranslations(compiled)


def language_of(request: Request) -> Language:
    """The language chosen last; for a first visit what the browser asks for, Chinese before all."""
    chosen = request.cookies.get(LANGUAGE_COOKIE)
    if chosen in ("zh", "en"):
        return "zh" if chosen == "zh" else "en"
    asked = request.headers.get("Accept-Language", "").lower()
    first = next((tag.strip() for tag in asked.split(",") if tag.strip()[:2] in ("zh", "en")), "zh")
    return "en" if first.startswith("en") else "zh"


def in_language(both: str, language: Language) -> str:
    """One half of a title that carries both: `送达方式 Method` is 送达方式, or Method."""
    found = _TWO_NAMES.fullmatch(both)
    return found[language] if found else both
