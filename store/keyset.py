"""Pages of a list by keys: a cursor is the key of the last row shown, so rows that come and go hide or repeat none."""

import base64
import json
from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any, Generic, Literal, TypeVar

from sqlalchemy import BigInteger, ColumnElement, CompoundSelect, Date, Select, String, literal, select, tuple_, union

from domain.calendars import CHINA
from domain.policy import Strict
from domain.refusals import Refused
from store.tables import Instant

LONGEST_PAGE = 200
R = TypeVar("R")
Kind = Literal["instant", "day", "fen", "text"]
Read = Callable[[str], Any]


class Page(Strict, Generic[R]):
    """Some rows in order, and where the next ones start; `next` None on the last page."""

    rows: list[R]
    next: str | None = None


def page_of(rows: Sequence[R], limit: int, key: Callable[[R], Sequence[Any]]) -> Page[R]:
    """The first `limit` of rows that were read up to one more."""
    shown = list(rows[:limit])
    return Page(rows=shown, next=cursor([_written(part) for part in key(shown[-1])]) if len(rows) > limit else None)


def beyond(key: Sequence[ColumnElement[Any]], kinds: Sequence[Kind], after: str, *, down: bool) -> ColumnElement[bool]:
    """The rows after a cursor in a list by `key`. Raises `Refused("form-invalid")` for another list's cursor."""
    parts = read_cursor(after, kinds)
    here = tuple_(*key)
    there = tuple_(*(literal(part, _SQL[kind]) for part, kind in zip(parts, kinds, strict=True)))
    return here < there if down else here > there


def together(drawn: Sequence[Select[Any]]) -> Select[Any] | CompoundSelect[Any]:
    """Several limited selects as one, each row once: what falls into two parts stands in both."""
    return drawn[0] if len(drawn) == 1 else union(*(select(part.subquery()) for part in drawn))


def cursor(key: Sequence[str]) -> str:
    return base64.urlsafe_b64encode(json.dumps(list(key), separators=(",", ":")).encode()).decode().rstrip("=")


def read_cursor(cursor: str, kinds: Sequence[Kind]) -> list[Any]:
    """The key in a cursor. Raises `Refused("form-invalid")` when it is none of such a list."""
    try:
        key = json.loads(base64.urlsafe_b64decode(cursor.encode() + b"=" * (-len(cursor) % 4)))
        if not (isinstance(key, list) and len(key) == len(kinds) and all(isinstance(part, str) for part in key)):
            raise ValueError(cursor)
        if not all(part.isprintable() for part in key):
            raise ValueError(cursor)
        return [_READ[kind](part) for part, kind in zip(key, kinds, strict=True)]
    except (ValueError, RecursionError):
        raise Refused("form-invalid", "after: not a cursor of this list; take it from `next` of a page") from None


def _instant(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None or not 2000 <= at.year <= 9000:
        raise ValueError(text)
    return at.astimezone(CHINA)


def _fen(text: str) -> int:
    if len(text) > 18:
        raise ValueError(text)
    return int(text)


def _written(part: Any) -> str:
    return part.isoformat() if isinstance(part, date) else str(part)


_READ: dict[Kind, Read] = {"instant": _instant, "day": date.fromisoformat, "fen": _fen, "text": str}
_SQL: dict[Kind, Any] = {"instant": Instant(), "day": Date(), "fen": BigInteger(), "text": String()}
