"""The projection of a record: case, tasks, messages and orders as its snapshot and standing entries have them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, TypeAdapter
from sqlalchemy import Connection, Row, bindparam, delete, not_, null, select, tuple_, update

from domain.case import CoreEvent, changed_task
from domain.tasks import Task
from store import dues, glance, new_accounts, search
from store.database import upsert, upsert_all
from store.pressing import party_of, presses_at
from store.tables import (
    PARTS,
    STANDING,
    accounts,
    cases,
    entries,
    limit_orders,
    notices,
    openings,
    projects,
    tasks,
    visits,
)

if TYPE_CHECKING:
    from store.casebook import Batch, Entry, Snapshot

TASK_EVENT: TypeAdapter[CoreEvent] = TypeAdapter(Annotated[CoreEvent, Field(discriminator="event")])
NUMBERED = ("contract_no", "order_no", "drawing", "minutes", "report", "sample_no")
"""Fields of forms that people look a project up by."""
HOURS = ("starts_at", "ends_at")
VISIT_CHANGES = {"VisitBooked", "SentBack", "ProjectWithdrawn", "CaseClosed"}
CONTESTED = {"BillDisputed", "DisputeResolved"}
ORDER_ENDED = {"LimitOrderRecalled": "recalled", "LimitNotPossible": "unable", "PressureLimited": "done"}
SCOPE = {
    "arrears": select(*(accounts.c[part] for part in PARTS), null().label("responsible")).where(
        accounts.c.account_no == bindparam("subject")
    ),
    "connection": select(*(projects.c[part] for part in PARTS), projects.c.responsible).where(
        projects.c.case_no == bindparam("subject")
    ),
}
"""Where a case of each process belongs, and whom its application names as responsible."""


def follow(
    connection: Connection,
    batch: "Batch",
    *,
    said: "Sequence[Entry]",
    gave_way: Sequence[Row[Any]],
    head: tuple[int, str],
    place: str | None,
    seen: Mapping[str, Any] | None,
) -> None:
    """Bring every projected row to where `batch` leaves the case: what `gave_way` had brought about is undone first.

    `head` is the sequence and chain hash that the record ends with. `place` is the subject whose one open case this is
    by the openings, None when it is not (any more). `seen` is the case's glance before, None when it had none.
    """
    scope, responsible = _scope(connection, batch.snapshot)
    seen = _seen_anew(connection, batch.case_no) if gave_way else glance.seen_in(said, seen or {})
    _case(connection, batch, head, scope, responsible=responsible, seen=seen)
    _tasks(connection, batch, said, head[0], scope, anew=bool(gave_way))
    _notices(connection, batch.case_no, said, gave_way)
    _new_customers(connection, batch.case_no, said)
    _orders(connection, batch.case_no, said, gave_way)
    _visit(connection, batch, said, gave_way, scope)
    _numbered(connection, batch, said)
    _settle_opening(connection, batch, place)
    if CONTESTED & {*(entry.event for entry in said), *(row.event for row in gave_way)}:
        dues.refresh(connection, [batch.snapshot.subject])
    if "PackMoved" in [*(entry.event for entry in said), *(row.event for row in gave_way)]:
        mine = openings.c.case_no == batch.case_no
        connection.execute(update(openings).where(mine).values(pack=batch.snapshot.pack))


def _scope(connection: Connection, snapshot: "Snapshot") -> tuple[dict[str, str | None], str | None]:
    """Where in the organisation a case belongs, and whom its application names as responsible."""
    row = connection.execute(SCOPE[snapshot.process], {"subject": snapshot.subject}).one_or_none()
    return ({part: row._mapping[part] for part in PARTS}, row.responsible) if row else ({}, None)


def _seen_anew(connection: Connection, case_no: str) -> dict[str, Any]:
    """The last contact and the proof of the last service, as the standing entries have them."""
    mine = (entries.c.case_no == case_no, STANDING, entries.c.event.in_(glance.SEEN))
    standing = connection.execute(
        select(entries.c.event, entries.c.at, entries.c.body).where(*mine).order_by(entries.c.sequence)
    )
    return glance.seen_in(standing, {})


def _case(
    connection: Connection,
    batch: "Batch",
    head: tuple[int, str],
    scope: dict[str, str | None],
    *,
    responsible: str | None,
    seen: Mapping[str, Any],
) -> None:
    snapshot = batch.snapshot
    row = {name: getattr(snapshot, name) for name in type(snapshot).model_fields} | {
        "case_no": batch.case_no,
        "status": "closed" if snapshot.outcome else "open",
        "sequence": head[0],
        "run": batch.run,
        "history": batch.history,
        "chain_hash": head[1],
        **glance.columns(
            snapshot.process, snapshot.facts, responsible=responsible, closed=snapshot.outcome is not None, seen=seen
        ),
        **scope,
    }
    upsert(connection, cases, row, key=("case_no",))


def _tasks(
    connection: Connection,
    batch: "Batch",
    said: "Sequence[Entry]",
    sequence: int,
    scope: dict[str, str | None],
    *,
    anew: bool,
) -> None:
    opened = {entry.body["task"]["id"]: entry.sequence for entry in said if entry.event == "TaskOpened"}
    touched = {task.id: task for task in batch.tasks}
    if anew:
        touched, opened = _tasks_on_record(connection, batch.case_no)
        # A task opened again under the same number stays with whoever holds it.
        mine = tuple_(tasks.c.task_id, tasks.c.key).in_([(task.id, task.key) for task in touched.values()])
        connection.execute(delete(tasks).where(tasks.c.case_no == batch.case_no, not_(mine)))
    rows = [
        {
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
            "presses_at": presses_at(task),
            "party": party_of(task),
            "provisional": task.due is not None and task.due.provisional,
            "urged": task.urged,
            "item": task.subject[:100] if task.subject else None,
            **scope,
        }
        for task in touched.values()
    ]
    # The sequence is that of the opening: a later change of the task does not move it.
    upsert_all(connection, tasks, rows, key=("task_id",), keep=() if anew else ("sequence",))


def _tasks_on_record(connection: Connection, case_no: str) -> tuple[dict[str, Task], dict[str, int]]:
    """Every task that the standing entries of a case opened, open or closed, and the sequence of its opening."""
    found: dict[str, Task] = {}
    opened: dict[str, int] = {}
    for row in connection.execute(
        select(entries).where(entries.c.case_no == case_no, STANDING).order_by(entries.c.sequence)
    ):
        if row.event == "TaskOpened":
            task = Task.model_validate(row.body["task"])
            found[task.id], opened[task.id] = task, row.sequence
        elif (changed := found.get(row.body.get("task_id", ""))) is not None:
            said = {"event": row.event, "at": row.at, "by": row.by, "clauses": row.clauses} | row.body
            found[changed.id] = changed_task(changed, TASK_EVENT.validate_python(said))
    return found, opened


def _notices(connection: Connection, case_no: str, said: "Sequence[Entry]", gave_way: Sequence[Row[Any]]) -> None:
    """Messages that will not go out any more. What went out was written by the activity that sent it."""
    entries_now: Sequence[Row[Any] | Entry] = said
    if undone := {entry.body["key"] for entry in gave_way if _withdraws(entry)}:
        mine = (notices.c.case_no == case_no, notices.c.key.in_(undone), notices.c.status == "withdrawn")
        connection.execute(delete(notices).where(*mine))
        entries_now = _on_record(connection, case_no, ["MessageSettled"])
    for entry in entries_now:
        if _withdraws(entry):
            row = {
                "case_no": case_no,
                "key": entry.body["key"],
                "template": entry.body["template"],
                "channel": entry.body["channel"],
                "at": entry.at,
                "status": "withdrawn",
            }
            upsert(connection, notices, row, key=("case_no", "key"), keep=tuple(row))


def _new_customers(connection: Connection, case_no: str, said: "Sequence[Entry]") -> None:
    """Accounts and meters of accepted items, and by when they are read. Said again, or given way: they stay as made."""
    for entry in said:
        match entry.event:
            case "AccountsOpened":
                new_accounts.open_of(connection, case_no, entry.body, at=entry.at)
            case "ReadingBegins":
                new_accounts.watch(connection, case_no, entry.body, at=entry.at)


def _withdraws(entry: "Row[Any] | Entry") -> bool:
    return entry.event == "MessageSettled" and entry.body["status"] == "withdrawn"


def _orders(connection: Connection, case_no: str, said: "Sequence[Entry]", gave_way: Sequence[Row[Any]]) -> None:
    """Limit orders that are out no more, as the record has it.

    One that was marked done at the valve by a worker that died, and whose case then heard of a payment first, is
    recalled; one done before its recall was heard stands on record after it, and is done.
    """
    entries_now: Sequence[Row[Any] | Entry] = said
    if undone := {entry.body["order_no"] for entry in gave_way if entry.event in ORDER_ENDED}:
        mine = limit_orders.c.order_no.in_(undone)
        connection.execute(update(limit_orders).where(mine).values(status="issued", closed_at=None))
        entries_now = _on_record(connection, case_no, ORDER_ENDED)
    for entry in entries_now:
        if entry.event in ORDER_ENDED:
            mine = limit_orders.c.order_no == entry.body["order_no"]
            ended = {"status": ORDER_ENDED[entry.event], "closed_at": entry.at}
            connection.execute(update(limit_orders).where(mine).values(**ended))


def _visit(
    connection: Connection,
    batch: "Batch",
    said: "Sequence[Entry]",
    gave_way: Sequence[Row[Any]],
    scope: dict[str, str | None],
) -> None:
    """The hour that a project's survey is agreed on for, as long as somebody is to come."""
    if not {*(entry.event for entry in said), *(row.event for row in gave_way)} & VISIT_CHANGES:
        return
    connection.execute(delete(visits).where(visits.c.case_no == batch.case_no))
    facts = batch.snapshot.facts
    visit = facts.get("visit") or {}
    if visit.get("starts_at") is None or batch.snapshot.outcome is not None or facts.get("withdrawn") is not None:
        return
    hours = {
        name: datetime.fromisoformat(visit[name]) if visit.get(name) else None for name in ("starts_at", "ends_at")
    }
    connection.execute(visits.insert().values(case_no=batch.case_no, key="connection.survey", **hours, **scope))


def _numbered(connection: Connection, batch: "Batch", said: "Sequence[Entry]") -> None:
    """A project is found by the numbers of its papers, as they are decided."""
    if batch.snapshot.process != "connection":
        return
    forms = [entry.body["form"] for entry in said if entry.event == "TaskDecided"]
    numbers = [str(form[name]) for form in forms for name in NUMBERED if form.get(name)]
    if numbers:
        search.also(connection, "connection", batch.case_no, numbers)


def _on_record(connection: Connection, case_no: str, events: Iterable[str]) -> list[Row[Any]]:
    """What stands of these events, in order."""
    mine = (entries.c.case_no == case_no, STANDING, entries.c.event.in_(events))
    return list(connection.execute(select(entries).where(*mine).order_by(entries.c.sequence)))


def _settle_opening(connection: Connection, batch: "Batch", place: str | None) -> None:
    """An account's one place for an open case is free once the case has ended.

    A case that goes on after all (money taken back while it closed) takes its place again, unless a door has given it
    to a next case meanwhile: that one then waits until this one has ended.
    """
    process, subject = batch.snapshot.process, batch.snapshot.subject
    wanted = None if batch.snapshot.outcome else subject
    if place == wanted:
        return
    taken = select(openings.c.case_no).where(openings.c.process == process, openings.c.open_subject == subject)
    if wanted is None or connection.scalar(taken) is None:
        connection.execute(update(openings).where(openings.c.case_no == batch.case_no).values(open_subject=wanted))
