"""走访顺序: in which order a round on foot visits accounts: by their reading book, else as addresses are walked.

2号楼 comes before 10号楼 and 二单元 with 2单元: an address is compared by its numbers, not by their signs.
"""

import re
import unicodedata
from collections.abc import Iterable
from typing import Protocol, TypeVar

LONGEST = 300
_DIGITS = re.compile(r"[0-9]+")
_UNIT = r"(?=号|楼|栋|幢|座|单元|层|室|户|院|区|期|弄|巷|门|排)"
_CHINESE = re.compile(rf"[一二三四五六七八九十百]+{_UNIT}")
_FIGURES = {sign: at for at, sign in enumerate("零一二三四五六七八九")}


def walk_key(address: str | None, *, book: str | None = None, place: int | None = None) -> str:
    """What accounts are sorted by. Those of a reading book come by its places, ahead of those that have none."""
    along = _compared(address or "")
    if book:
        along = f"0|{_compared(book)}|{place if place is not None else 999_999:06d}|{along}"
    return (along if book else f"1|{along}")[:LONGEST]


def _compared(text: str) -> str:
    plain = "".join(unicodedata.normalize("NFKC", text).lower().split())
    counted = _CHINESE.sub(lambda found: str(_number(found[0])), plain)
    return _DIGITS.sub(lambda found: found[0].lstrip("0").zfill(6), counted)


def _number(signs: str) -> int:
    """二十三 as 23; what is no number under a thousand as well as it can be read."""
    total = figure = 0
    for sign in signs:
        if sign in "十百":
            total += (figure or 1) * (10 if sign == "十" else 100)
            figure = 0
        else:
            figure = _FIGURES[sign]
    return total + figure


class Visited(Protocol):
    """A row that lies somewhere: `title` is the customer's name."""

    @property
    def title(self) -> str: ...
    @property
    def address(self) -> str | None: ...


Row = TypeVar("Row", bound=Visited)


def visits(rows: Iterable[Row]) -> list[list[Row]]:
    """Rows in order as visits: several meters of one household (the same name at the same address) are one.

    Each keeps its own case: only the way is shared.
    """
    found: dict[tuple[str, str], list[Row]] = {}
    for no, row in enumerate(rows):
        # Without an address nobody can be told to live together.
        key = (_compared(row.address), row.title) if row.address else (str(no), "")
        found.setdefault(key, []).append(row)
    return list(found.values())
