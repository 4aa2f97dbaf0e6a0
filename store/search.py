"""Found by a few characters: the numbers, names and addresses of accounts and projects, from the start of any word.

A contained text of Chinese has no word breaks, two characters are too few for trigrams, and a ledger has a million
rows: so each subject stands under the beginnings of what people type, and a search is one range of one index, alike on
SQLite and PostgreSQL. A name may be entered from any of its characters, an address from any of its parts
(示例园3号2-12室: 示例园3号…, 3号2-12室, 2-12室, 12室).
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, delete, exists, func, select

from store.database import insert_many
from store.tables import cases, found_by, tasks

LONGEST = 24
MOST = 24
ENOUGH = 5000
"""Up to so many matches are read and put in order; more are so dense that the list is read in order instead."""

_CASE_NO = re.compile(r"[A-Z]{2}-\d{8}-\d{4,}")
_PART = re.compile(r"(?<=[路街道巷弄里村镇乡县市区园苑号栋座楼院庄幢元])(?=\w)|(?<![0-9])(?=[0-9])|(?<=[^\w])(?=\w)")


def terms(*, name: str | None, address: str | None, numbers: Iterable[str | None] = ()) -> list[str]:
    """The beginnings under which a subject is found."""
    found = [_plain(number) for number in numbers if number]
    whole = _plain(name or "")
    found += [whole[at:] for at in range(max(1, len(whole) - 1))]
    place = _plain(address or "")
    found += [place[at:] for at in [0, *(match.start() for match in _PART.finditer(place))]]
    return list(dict.fromkeys(term[:LONGEST] for term in found if term))[:MOST]


def put(connection: Connection, process: str, subject: str, terms: Sequence[str]) -> None:
    """A subject stands under these, and no others."""
    mine = (found_by.c.process == process, found_by.c.subject == subject)
    connection.execute(delete(found_by).where(*mine))
    put_new(connection, process, {subject: terms})


def put_new(connection: Connection, process: str, subjects: Mapping[str, Sequence[str]]) -> None:
    """Subjects that did not stand anywhere yet."""
    # Some eight rows an account: a ledger has a million.
    rows = [{"process": process, "subject": no, "term": term} for no, given in subjects.items() for term in given]
    insert_many(connection, found_by, rows)


def also(connection: Connection, process: str, subject: str, numbers: Iterable[str | None]) -> None:
    """A subject stands under these numbers too, from now on: of its contract, its meters, its accounts."""
    wanted = {_plain(number)[:LONGEST] for number in numbers if number} - {""}
    if not wanted:
        return
    mine = (found_by.c.process == process, found_by.c.subject == subject)
    known = set(connection.scalars(select(found_by.c.term).where(*mine)))
    put_new(connection, process, {subject: sorted(wanted - known)})


def _plain(text: str) -> str:
    """As it is compared: full-width and upper-case forms folded, blanks left out."""
    return "".join(unicodedata.normalize("NFKC", text).lower().split())


def _begins(q: str) -> ColumnElement[bool]:
    start = _plain(q)[:LONGEST]
    return and_(found_by.c.term >= start, found_by.c.term < start + "\U0010ffff")


def cases_found(q: str) -> Select[Any]:
    """Numbers of the cases that a search finds, by the index of the search."""
    if _CASE_NO.fullmatch(number := q.strip().upper()):
        return select(cases.c.case_no).where(cases.c.case_no == number)
    subject = and_(cases.c.process == found_by.c.process, cases.c.subject == found_by.c.subject)
    return select(cases.c.case_no).join(found_by, subject).where(_begins(q))


def case_fits(q: str) -> ColumnElement[bool]:
    """Whether a case at hand is among those that a search finds."""
    if _CASE_NO.fullmatch(number := q.strip().upper()):
        return cases.c.case_no == number
    return exists().where(found_by.c.process == cases.c.process, found_by.c.subject == cases.c.subject, _begins(q))


def tasks_found(q: str) -> Select[Any]:
    return select(tasks.c.task_id).where(tasks.c.case_no.in_(cases_found(q)))


def task_fits(q: str) -> ColumnElement[bool]:
    if _CASE_NO.fullmatch(number := q.strip().upper()):
        return tasks.c.case_no == number
    return exists().where(cases.c.case_no == tasks.c.case_no, case_fits(q))


def probe(q: str) -> Select[Any]:
    """What a search finds before anything is joined to it: enough to know whether it is little."""
    if _CASE_NO.fullmatch(number := q.strip().upper()):
        return select(cases.c.case_no).where(cases.c.case_no == number)
    return select(found_by.c.subject).where(_begins(q))


def fewest(connection: Connection, candidates: Sequence[Select[Any]]) -> int | None:
    """Of several ways to narrow a list down, which one leaves the fewest rows, if any leaves few. One statement."""
    if not candidates:
        return None
    counts = [
        select(func.count()).select_from(each.limit(ENOUGH + 1).subquery()).scalar_subquery() for each in candidates
    ]
    found = list(connection.execute(select(*counts)).one())
    least = min(range(len(found)), key=found.__getitem__)
    return least if found[least] <= ENOUGH else None
