"""The casebook: the only writer of case state. One batch is one transaction, written once however often it arrives."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict
from sqlalchemy import Connection, Row, bindparam, select, update

from domain.calendars import local
from domain.tasks import Task
from store import recoveries
from store.database import Database
from store.projection import follow
from store.tables import STANDING, cases, entries, openings

GENESIS = "0" * 64
CASES_A_LOOK = 500

# What every record reads. Whoever else writes the case waits for its place, so the rest is the latest.
PLACE = select(openings.c.open_subject).where(openings.c.case_no == bindparam("case")).with_for_update()
KNOWN = select(cases.c.sequence, cases.c.run, cases.c.history, cases.c.chain_hash, cases.c.glance).where(
    cases.c.case_no == bindparam("case")
)
HASHES = select(entries.c.sequence, entries.c.content_hash).where(
    entries.c.case_no == bindparam("case"), STANDING, entries.c.sequence >= bindparam("since")
)


class Entry(BaseModel):
    """One event as it is recorded: at once timeline, audit row, projection delta and mining event."""

    model_config = ConfigDict(frozen=True)

    sequence: int
    event: str
    at: AwareDatetime
    by: str
    clauses: tuple[str, ...] = ()
    body: dict[str, Any]

    def hash_after(self, previous: str) -> str:
        """The entry's hash where it follows the one with hash `previous`: it stands for the whole case up to here."""
        return _digest([previous, self.model_dump(mode="json") | {"at": local(self.at).isoformat()}])


class Snapshot(BaseModel):
    """A case as a whole at its latest entry; it replaces the one before."""

    model_config = ConfigDict(frozen=True)

    process: str
    subject: str
    workflow_id: str
    pack: str
    stage: str | None
    outcome: str | None
    standing: str | None
    amount_fen: int
    opened_at: AwareDatetime
    closed_at: AwareDatetime | None
    next_wake: AwareDatetime | None
    ledger_position: int
    facts: dict[str, Any]


class Batch(BaseModel):
    """What a case has said since it last wrote.

    `run` and `history` (events of the run so far) rank workflow tasks: where two wrote at one sequence, the later wins.
    `after` is the hash of the entry before these, as the case itself has it; None: of the one that stands there.
    `tasks` are those that this batch opened, changed or closed; the snapshot's facts hold all that are open.
    """

    model_config = ConfigDict(frozen=True)

    case_no: str
    run: int
    history: int
    after: str | None = None
    entries: tuple[Entry, ...]
    snapshot: Snapshot
    tasks: tuple[Task, ...]


def record(database: Database, batch: Batch) -> int:
    """Write a batch; returns the highest sequence recorded. Writing it again changes nothing.

    Entries of an earlier workflow task at the same or a higher sequence stay, marked superseded, and are never put
    back: said again, they are written again. A batch that comes late is kept as superseded and moves nothing else.
    """
    with database.write() as connection:
        place = connection.scalar(PLACE, {"case": batch.case_no})
        known = connection.execute(KNOWN, {"case": batch.case_no}).one_or_none()
        rank, first = (batch.run, batch.history), batch.entries[0].sequence
        chain = known.chain_hash if known else GENESIS
        stands = _standing(connection, batch.case_no, since=first - 1)
        said = _said(connection, batch, before=stands.get(first - 1, GENESIS))
        if known is not None and rank < (known.run, known.history):
            chain = _keep_late(connection, batch, said, chain)
            connection.execute(update(cases).where(cases.c.case_no == batch.case_no).values(chain_hash=chain))
            return int(known.sequence)
        if first > (known.sequence if known else 0) + 1:
            recoveries.note(connection, because="behind-its-case", at=batch.entries[-1].at, case_no=batch.case_no)
        if said[0][0].sequence < first:
            stands = _standing(connection, batch.case_no, since=said[0][0].sequence)
        same = 0
        while same < len(said) and stands.get(said[same][0].sequence) == said[same][1]:
            same += 1
        last = said[-1][0].sequence
        if same == len(said) and max(stands) > last:
            if known is not None and rank == (known.run, known.history):
                return int(known.sequence)  # an echo of what this very workflow task wrote before it went on
            same -= 1  # what follows gives way, and only an entry written anew can bear witness to that
        new, gave_way = said[same:], list[Row[Any]]()
        if new and max(stands, default=0) >= new[0][0].sequence:
            gave_way = _set_aside(connection, batch.case_no, since=new[0][0].sequence)
        chain = _append(connection, batch, new, chain, late=False)
        entries_said = [entry for entry, _ in said]
        seen = known.glance if known else None
        follow(connection, batch, said=entries_said, gave_way=gave_way, head=(last, chain), place=place, seen=seen)
        return last


Said = tuple[Entry, str]


def _said(connection: Connection, batch: Batch, *, before: str) -> list[Said]:
    """The entries of a batch with their hashes.

    Where others stand in the place of what the case said before (a workflow task of equal rank that was thought dead
    came last), these come first again: the case's own hash leads back through them.
    """
    first = batch.entries[0].sequence
    if batch.after is None or batch.after == before:
        return _hashed(batch.entries, before)
    return [*_way_back(connection, batch.case_no, first - 1, batch.after), *_hashed(batch.entries, batch.after)]


def _hashed(said: Sequence[Entry], previous: str) -> list[Said]:
    hashed = []
    for entry in said:
        previous = entry.hash_after(previous)
        hashed.append((entry, previous))
    return hashed


def _way_back(connection: Connection, case_no: str, sequence: int, content_hash: str) -> list[Said]:
    """What was said from the last entry that stands up to the one with this hash."""
    rows = connection.execute(select(entries).where(entries.c.case_no == case_no, entries.c.sequence <= sequence)).all()
    found = {(row.sequence, row.content_hash): row for row in rows}
    stands = {(row.sequence, row.content_hash) for row in rows if not row.superseded}
    way: list[Said] = []
    while (sequence, content_hash) in found and (sequence, content_hash) not in stands:
        entry = as_entry(found[sequence, content_hash])
        way.insert(0, (entry, content_hash))
        sequence -= 1
        content_hash = next((h for at, h in found if at == sequence and entry.hash_after(h) == content_hash), GENESIS)
    return way


def _standing(connection: Connection, case_no: str, *, since: int) -> dict[int, str]:
    """The hash that stands at each sequence."""
    rows = connection.execute(HASHES, {"case": case_no, "since": since})
    return {row.sequence: row.content_hash for row in rows}


def _set_aside(connection: Connection, case_no: str, *, since: int) -> list[Row[Any]]:
    """Mark everything that stands from `since` on as superseded; returns it."""
    theirs = (entries.c.case_no == case_no, STANDING, entries.c.sequence >= since)
    gave_way = connection.execute(select(entries).where(*theirs).order_by(entries.c.sequence)).all()
    connection.execute(update(entries).where(*theirs).values(superseded=True))
    return list(gave_way)


def _keep_late(connection: Connection, batch: Batch, said: Sequence[Said], chain: str) -> str:
    rows = connection.execute(
        select(entries.c.sequence, entries.c.content_hash).where(
            entries.c.case_no == batch.case_no, entries.c.sequence >= said[0][0].sequence
        )
    )
    known = {(row.sequence, row.content_hash) for row in rows}
    new = [(entry, content_hash) for entry, content_hash in said if (entry.sequence, content_hash) not in known]
    return _append(connection, batch, new, chain, late=True)


def _append(connection: Connection, batch: Batch, new: Sequence[Said], chain: str, *, late: bool) -> str:
    """Add entries to the chain; returns its new head."""
    rows = []
    for entry, content_hash in new:
        chain = _chained(chain, batch.case_no, entry.sequence, content_hash, batch.run, batch.history, late)
        rows.append(
            entry.model_dump()
            | {
                "case_no": batch.case_no,
                "content_hash": content_hash,
                "run": batch.run,
                "history": batch.history,
                "late": late,
                "chain_hash": chain,
                "superseded": late,
            }
        )
    if rows:
        connection.execute(entries.insert(), rows)
    return chain


def _digest(content: Any) -> str:
    text = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _chained(previous: str, *parts: str | int | bool) -> str:
    return _digest([previous, *parts])


class BrokenChain(Exception):
    """The record of a case was changed outside the casebook. Says which case, which entry, and what is wrong."""


def verify(connection: Connection, case_no: str) -> int:
    """Check a case's chain, content and supersession; returns the number of entries. Raises `BrokenChain`.

    What stands follows from the chain alone: each entry that did not come late took the place of all from its sequence
    on. So an entry put back, or set aside, is found as one that was edited, moved or deleted is.
    """
    rows = connection.execute(select(entries).where(entries.c.case_no == case_no).order_by(entries.c.id)).all()
    chain, known, stands = GENESIS, {(0, GENESIS)}, dict[int, Row[Any]]()
    for row in rows:
        where = f"case {case_no}, entry {row.sequence}"
        chain = _chained(chain, case_no, row.sequence, row.content_hash, row.run, row.history, row.late)
        if chain != row.chain_hash:
            raise BrokenChain(f"{where}: it was changed, or an entry before it is missing, moved or added")
        entry = as_entry(row)
        before = [content_hash for sequence, content_hash in known if sequence == row.sequence - 1]
        if row.content_hash not in {entry.hash_after(content_hash) for content_hash in [*before, GENESIS]}:
            raise BrokenChain(f"{where}: its content was changed after it was recorded, or what it follows is missing")
        known.add((row.sequence, row.content_hash))
        if not row.late:
            stands = {sequence: other for sequence, other in stands.items() if sequence < row.sequence}
            stands[row.sequence] = row
    for row in rows:
        if row.superseded is (stands.get(row.sequence) is row):
            did = "stood and was set aside" if row.superseded else "had given way and was put back"
            raise BrokenChain(f"case {case_no}, entry {row.sequence}: it {did}")
    previous = GENESIS
    for sequence, row in enumerate(stands.values(), start=1):
        if row.sequence != sequence:
            raise BrokenChain(f"case {case_no}: entry {sequence} is missing")
        if row.content_hash != as_entry(row).hash_after(previous):
            raise BrokenChain(f"case {case_no}, entry {sequence}: it does not follow the entry that stands before it")
        previous = row.content_hash
    case = connection.execute(
        select(cases.c.sequence, cases.c.chain_hash).where(cases.c.case_no == case_no)
    ).one_or_none()
    if case is None and rows:
        raise BrokenChain(f"case {case_no}: there are entries, and the case they are about is missing")
    if case is not None and (case.sequence, case.chain_hash) != (len(stands), chain):
        raise BrokenChain(
            f"case {case_no}: the case stands at {case.sequence}, its record at {len(stands)}; the end differs"
        )
    return len(rows)


def verify_all(database: Database) -> Iterator[tuple[int, int]]:
    """Check every case that was ever opened, some hundred at a time: how many so far, and how many entries.

    Each look is a short one, for one that held on to its view would let SQLite's log grow as long as it lasts. A case
    whose own row is gone is found by its opening. Raises `BrokenChain`.
    """
    done = checked = 0
    after = ""
    while True:
        with database.read() as connection:
            following = select(openings.c.case_no).where(openings.c.case_no > after)
            numbers = list(connection.scalars(following.order_by(openings.c.case_no).limit(CASES_A_LOOK)))
            if not numbers:
                return
            checked += sum(verify(connection, number) for number in numbers)
        done, after = done + len(numbers), numbers[-1]
        yield done, checked


def as_entry(row: Row[Any]) -> Entry:
    return Entry(
        sequence=row.sequence, event=row.event, at=row.at, by=row.by, clauses=tuple(row.clauses), body=row.body
    )


def timeline(connection: Connection, case_no: str) -> list[Entry]:
    """The entries of a case that stand, in order."""
    rows = connection.execute(
        select(entries).where(entries.c.case_no == case_no, STANDING).order_by(entries.c.sequence)
    )
    return [as_entry(row) for row in rows]
