"""The words of offices: what their headings name, and what classes, estates and protections they mean."""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

WORDING: Mapping[str, Any] = tomllib.loads(Path(__file__).with_name("wording.toml").read_text(encoding="utf-8"))

Kind = Literal["classes", "estates", "protections"]
REQUIRED = ("account_no", "customer_class", "period", "amount_fen", "due_on")
NOTHING = frozenset(["-", "--", "/", "无", "暂无", "否", "none", "n/a", "null"])
FORMULA_ERRORS = frozenset(["#N/A", "#DIV/0!", "#REF!", "#NAME?", "#VALUE!", "#NUM!", "#NULL!"])

_WIDE = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | str.maketrans("\u3000\u00a0。￥", "  .¥")
_MEANINGS: Mapping[str, Mapping[str, str]] = {
    kind: {word: meaning for meaning, words in WORDING[kind].items() for word in words.split()}
    for kind in ("headings", "classes", "estates", "protections")
}


def narrow(text: str) -> str:
    """Half-width letters, digits and signs; NFKC would also turn 86² into 862."""
    return text if text.isascii() else text.translate(_WIDE).strip()


def field_under(title: str) -> str | None:
    """The field that a heading names, whatever its spaces, marks and harmless brackets; one in 万元 names none."""
    return _MEANINGS["headings"].get(bare(title))


def bare(title: str) -> str:
    """A heading as it is looked up: without spaces, marks and harmless brackets, in small half-width letters."""
    word = re.sub(r'[\s*_:."\-]', "", narrow(title)).casefold().replace("帐", "账")
    return re.sub(r"[(\[【][^十百千万亿分角]*[)\]】]", "", word).removesuffix("必填")


def called(field: str) -> str:
    """A field as it is called to the person."""
    return str(WORDING["headings"][field]).partition(" ")[0]


def meaning(kind: Kind, text: str) -> str | None:
    """What a word of a cell means: 居民, 居民用户 and 居民用水 are one; None for a word that is not known."""
    known = _MEANINGS[kind]
    if text in known:
        return known[text]
    word = text.casefold().replace("-", "").replace(" ", "")
    return known.get(word) or known.get(re.sub(r"(?:用户|用水|客户|小区|户)$", "", word))
