"""Papers that were made out: what each says, by the hash of its content, and how often it was printed.

What is on record of a case names a paper by its hash; what it says, with name and address, is here. A print is a look
at the paper, and is kept as looks at files are.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, func, insert, select

from domain.arrears.notices import Addressee, Notice
from domain.policy import Strict
from store import reads
from store.database import upsert
from store.people import Person, within
from store.tables import accounts, cases, entries, file_looks, papers

_ROUTE = select(cases.c.case_no, accounts.c.section, accounts.c.grid, accounts.c.walk, accounts.c.account_no).join_from(
    cases, accounts, accounts.c.account_no == cases.c.subject
)


class PaperMade(Strict):
    """A notice on record of a case. `at` and `by`: made out; `printed`: how often; `served_at`: None until it is."""

    case_no: str
    no: str
    name: str
    task: str | None
    at: datetime
    by: str
    amount_fen: int
    bills: dict[str, int]
    content: str
    instead_of: str | None
    reason: str | None
    served_at: datetime | None
    printed: int


class PaperKept(Strict):
    """What a paper says, and what it is printed with."""

    template: str
    pack: str
    notice: Notice


def keep(connection: Connection, case_no: str, paper: PaperKept, *, at: datetime, by: str) -> None:
    """Keep what a paper says, before the case is told of it. One that the case never hears of is no paper."""
    row = {
        "content": paper.notice.content,
        "case_no": case_no,
        "template": paper.template,
        "pack": paper.pack,
        "body": paper.notice.model_dump(mode="json"),
        "at": at,
        "by": by,
    }
    upsert(connection, papers, row, key=("content",), keep=tuple(row))


def addressee(connection: Connection, account_no: str) -> Addressee:
    row = reads.account_on_record(connection, account_no)
    return Addressee(name=row.name, address=row.address, estate=row.estate)


def made_out(connection: Connection, *case_nos: str) -> list[PaperMade]:
    """Every notice on record of these cases, in the order of their numbers. Two statements."""
    mine = (entries.c.case_no.in_(case_nos), entries.c.superseded.is_(False))
    told = select(entries).where(*mine, entries.c.event.in_(("NoticeIssued", "NoticeServed")))
    rows = connection.execute(told.order_by(entries.c.case_no, entries.c.sequence)).all()
    served = {row.body.get("notice"): row.at for row in rows if row.event == "NoticeServed"}
    counts = printed(connection, *case_nos)
    return [
        PaperMade(
            case_no=row.case_no,
            at=row.at,
            by=row.by,
            served_at=served.get(row.body["no"]),
            printed=counts.get(row.body["content"], 0),
            **{name: row.body[name] for name in ("no", "name", "task", "amount_fen", "bills", "content")},
            **{name: row.body.get(name) for name in ("instead_of", "reason")},
        )
        for row in rows
        if row.event == "NoticeIssued"
    ]


def printed(connection: Connection, *case_nos: str) -> dict[str, int]:
    """How often each paper of these cases was printed, by its content."""
    counted = select(file_looks.c.sha256, func.count()).where(
        file_looks.c.case_no.in_(case_nos), file_looks.c.size == "print"
    )
    return {row[0]: row[1] for row in connection.execute(counted.group_by(file_looks.c.sha256))}


def of_numbers(connection: Connection, person: Person, numbers: Iterable[str]) -> dict[str, PaperMade]:
    """Notices by their numbers: those that are there and whose case lies within the person's part. Three statements."""
    wanted = {no: no.rpartition("-T")[0] for no in numbers}
    mine = select(cases.c.case_no).where(cases.c.case_no.in_(set(wanted.values())), within(person, cases))
    seen = connection.scalars(mine).all()
    return {paper.no: paper for paper in made_out(connection, *seen) if paper.no in wanted}


def contents(connection: Connection, hashes: Iterable[str]) -> dict[str, PaperKept]:
    """What papers say, by the hash of it."""
    rows = connection.execute(select(papers).where(papers.c.content.in_(list(hashes))))
    return {
        row.content: PaperKept(template=row.template, pack=row.pack, notice=Notice.model_validate(row.body))
        for row in rows
    }


def note_looks(
    connection: Connection,
    got: Iterable[tuple[str, str]],
    what: Literal["print", "evidence"],
    *,
    at: datetime,
    by: str,
) -> None:
    """Put on record that somebody printed papers, or had evidence made: each case with the hash of what they got."""
    rows = [{"case_no": case_no, "sha256": sha256, "size": what, "by": by, "at": at} for case_no, sha256 in got]
    connection.execute(insert(file_looks), rows)


def in_route_order(connection: Connection, case_nos: Iterable[str]) -> dict[str, int]:
    """Where each case comes on a round on foot: section by section, grid by grid, and there as it is walked."""
    found = connection.execute(_ROUTE.where(cases.c.case_no.in_(list(case_nos)))).all()
    on_foot = sorted(found, key=lambda row: (row.section or "", row.grid or "", row.walk or "", row.account_no))
    return {row.case_no: at for at, row in enumerate(on_foot)}
