"""The casebook: the only writer of case state. One batch is one transaction, written once however often it arrives."""

import hashlib
import json
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict
from sqlalchemy import Connection, Row, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from domain.calendars import local
from domain.tasks import Task
from store.database import Database
from store.tables import accounts, cases, entries, limit_orders, notices, openings, tasks

GENESIS = "0" * 64


class Entry(BaseModel):
    """One event as it is recorded: at once timeline, audit row, projection delta and mining event."""

    model_config = ConfigDict(frozen=True)

    sequence: int
    event: str
    at: AwareDatetime
    by: str
    clauses: tuple[str, ...] = ()
    body: dict[str, Any]

    @property
    def content_hash(self) -> str:
        return _digest(self.model_dump(mode="json") | {"at": local(self.at).isoformat()})


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
    `tasks` are those that this batch opened, changed or closed; the snapshot's facts hold all that are open.
    """

    model_config = ConfigDict(frozen=True)

    case_no: str
    run: int
    history: int
    entries: tuple[Entry, ...]
    snapshot: Snapshot
    tasks: tuple[Task, ...]


def record(database: Database, batch: Batch) -> int:
    """Write a batch; returns the highest sequence recorded. Writing it again changes nothing.

    Entries of an earlier workflow task at the same or a higher sequence stay, marked superseded; one that comes late is
    kept the same way and moves nothing else.
    """
    with database.write() as connection:
        connection.execute(select(openings.c.case_no).where(openings.c.case_no == batch.case_no).with_for_update())
        rank = (batch.run, batch.history)
        known = connection.execute(
            select(cases.c.sequence, cases.c.run, cases.c.history).where(cases.c.case_no == batch.case_no)
        ).one_or_none()
        late = known is not None and rank < (known.run, known.history)
        replaced = _append(connection, batch, late=late)
        if late:
            return int(known.sequence) if known else 0
        highest = max((entry.sequence for entry in batch.entries), default=known.sequence if known else 0)
        scope = _scope(connection, batch.snapshot)
        _project_case(connection, batch, highest, scope)
        _project_tasks(connection, batch, highest, scope, start_over=replaced)
        _project_notices(connection, batch)
        _project_orders(connection, batch)
        _settle_opening(connection, batch)
        return highest


def _append(connection: Connection, batch: Batch, *, late: bool) -> bool:
    """Add the entries to the chain; True when entries of an earlier workflow task gave way."""
    if not batch.entries:
        return False
    first = batch.entries[0].sequence
    standing = {
        (row.sequence, row.content_hash): row
        for row in connection.execute(
            select(entries).where(entries.c.case_no == batch.case_no, entries.c.sequence >= first)
        )
    }
    chain = connection.scalar(
        select(entries.c.chain_hash).where(entries.c.case_no == batch.case_no).order_by(entries.c.id.desc()).limit(1)
    )
    chain = chain or GENESIS
    mine = {(entry.sequence, entry.content_hash) for entry in batch.entries}
    for entry in batch.entries:
        if (entry.sequence, entry.content_hash) in standing:
            continue
        chain = _chained(chain, batch.case_no, entry.content_hash, entry.sequence, batch.run, batch.history)
        connection.execute(
            entries.insert().values(
                case_no=batch.case_no,
                content_hash=entry.content_hash,
                run=batch.run,
                history=batch.history,
                chain_hash=chain,
                superseded=late,
                **entry.model_dump(),
            )
        )
    if late:
        return False
    losers = [
        row.id
        for key, row in standing.items()
        if key not in mine and not row.superseded and (row.run, row.history) <= (batch.run, batch.history)
    ]
    winners = [standing[key].id for key in mine if key in standing and standing[key].superseded]
    for ids, superseded in ((losers, True), (winners, False)):
        if ids:
            connection.execute(update(entries).where(entries.c.id.in_(ids)).values(superseded=superseded))
    return bool(losers)


def _scope(connection: Connection, snapshot: Snapshot) -> dict[str, str | None]:
    row = connection.execute(
        select(accounts.c.grid, accounts.c.section, accounts.c.office).where(accounts.c.account_no == snapshot.subject)
    ).one_or_none()
    return {"grid": row.grid, "section": row.section, "office": row.office} if row else {}


def _project_case(connection: Connection, batch: Batch, sequence: int, scope: dict[str, str | None]) -> None:
    snapshot = batch.snapshot.model_dump(exclude={"facts"}) | {
        "facts": batch.snapshot.facts,
        "case_no": batch.case_no,
        "status": "closed" if batch.snapshot.outcome else "open",
        "sequence": sequence,
        "run": batch.run,
        "history": batch.history,
        **scope,
    }
    upsert(connection, cases, snapshot, key=("case_no",))


def _project_tasks(
    connection: Connection, batch: Batch, sequence: int, scope: dict[str, str | None], *, start_over: bool
) -> None:
    if start_over:
        first = batch.entries[0].sequence
        connection.execute(delete(tasks).where(tasks.c.case_no == batch.case_no, tasks.c.sequence >= first))
    opened = {e.body["task"]["id"]: e.sequence for e in batch.entries if e.event == "TaskOpened"}
    touched = {task.id: task for task in batch.tasks}
    if start_over:
        touched = {no: Task.model_validate(task) for no, task in batch.snapshot.facts["tasks"].items()} | touched
    for task in touched.values():
        row = {
            "task_id": task.id,
            "case_no": batch.case_no,
            "process": batch.snapshot.process,
            "key": task.key,
            "role": task.role,
            "level": task.escalations[-1].level if task.escalations else task.level,
            "status": task.status,
            "opened_at": task.opened_at,
            "due_at": task.due_at,
            "paused": task.pause is not None,
            "closed_at": task.closed_at,
            "assignee": task.assignee,
            "sequence": opened.get(task.id, sequence),
            "body": task.model_dump(mode="json"),
            **scope,
        }
        # The sequence is that of the opening: a later change of the task does not move it.
        upsert(connection, tasks, row, key=("task_id",), keep=() if task.id in opened else ("sequence",))


def _project_notices(connection: Connection, batch: Batch) -> None:
    """Messages that will not go out any more. What went out was written by the activity that sent it."""
    for entry in batch.entries:
        if entry.event == "MessageSettled" and entry.body["status"] == "withdrawn":
            row = {
                "case_no": batch.case_no,
                "key": entry.body["key"],
                "template": entry.body["template"],
                "channel": entry.body["channel"],
                "at": entry.at,
                "status": "withdrawn",
            }
            upsert(connection, notices, row, key=("case_no", "key"), keep=tuple(row))


def _project_orders(connection: Connection, batch: Batch) -> None:
    """Limit orders that are out no more: recalled, or found impossible at the valve."""
    ended = {"LimitOrderRecalled": "recalled", "LimitNotPossible": "unable"}
    for entry in batch.entries:
        if entry.event in ended:
            connection.execute(
                update(limit_orders)
                .where(limit_orders.c.order_no == entry.body["order_no"], limit_orders.c.status == "issued")
                .values(status=ended[entry.event], closed_at=entry.at)
            )


def _settle_opening(connection: Connection, batch: Batch) -> None:
    """An account's one place for an open case is free again once the case has ended."""
    subject = None if batch.snapshot.outcome else batch.snapshot.subject
    connection.execute(update(openings).where(openings.c.case_no == batch.case_no).values(open_subject=subject))


def upsert(
    connection: Connection, table: Any, row: dict[str, Any], *, key: tuple[str, ...], keep: tuple[str, ...] = ()
) -> None:
    """Insert a row, or overwrite its columns except the key and those to `keep`."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(table).values(**row)
    changed = {name: statement.excluded[name] for name in row if name not in key and name not in keep}
    if changed:
        connection.execute(statement.on_conflict_do_update(index_elements=list(key), set_=changed))
    else:
        connection.execute(statement.on_conflict_do_nothing(index_elements=list(key)))


def _digest(content: Any) -> str:
    text = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _chained(previous: str, case_no: str, content_hash: str, sequence: int, run: int, history: int) -> str:
    return _digest([previous, case_no, content_hash, sequence, run, history])


class BrokenChain(Exception):
    """The record of a case was changed outside the casebook. Says which case, which entry, and what is wrong."""


def verify(connection: Connection, case_no: str) -> int:
    """Check a case's chain, content and supersession; returns the number of entries. Raises `BrokenChain`."""
    chain, count = GENESIS, 0
    best: dict[int, tuple[int, int]] = {}
    rows = connection.execute(select(entries).where(entries.c.case_no == case_no).order_by(entries.c.id)).all()
    for row in rows:
        content = as_entry(row).content_hash
        if content != row.content_hash:
            raise BrokenChain(f"case {case_no}, entry {row.sequence}: its content was changed after it was recorded")
        chain = _chained(chain, case_no, content, row.sequence, row.run, row.history)
        if chain != row.chain_hash:
            raise BrokenChain(f"case {case_no}, entry {row.sequence}: an entry before it is missing, moved or added")
        best[row.sequence] = max(best.get(row.sequence, (0, 0)), (row.run, row.history))
        count += 1
    outranked = [row.sequence for row in rows if not row.superseded and (row.run, row.history) < best[row.sequence]]
    if outranked:
        raise BrokenChain(f"case {case_no}, entry {outranked[0]}: a superseded entry was put back")
    standing = sorted(row.sequence for row in rows if not row.superseded)
    if standing != list(range(1, len(standing) + 1)):
        raise BrokenChain(f"case {case_no}: sequences {standing} are not one after the other")
    recorded = connection.scalar(select(cases.c.sequence).where(cases.c.case_no == case_no))
    if recorded is not None and recorded != len(standing):
        raise BrokenChain(f"case {case_no}: the case stands at {recorded}, its record at {len(standing)}")
    return count


def as_entry(row: Row[Any]) -> Entry:
    return Entry(
        sequence=row.sequence, event=row.event, at=row.at, by=row.by, clauses=tuple(row.clauses), body=row.body
    )


def timeline(connection: Connection, case_no: str) -> list[Entry]:
    """The entries of a case that stand, in order."""
    rows = connection.execute(
        select(entries)
        .where(entries.c.case_no == case_no, entries.c.superseded.is_(False))
        .order_by(entries.c.sequence)
    )
    return [as_entry(row) for row in rows]
