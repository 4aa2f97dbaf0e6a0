"""The inbox: who has a task in hand. What must be done, by which role and when, is the workflow's."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, or_, select, update

from domain.people import Actor
from domain.refusals import Refused
from domain.tasks import Task, refuse_unless_decidable
from store.database import Database
from store.tables import inbox_log, tasks


def claim(database: Database, task_id: str, *, by: Actor, at: datetime, stands_for: Collection[str] = ()) -> None:
    """Take a task in hand, so that nobody else decides it; again by the same person changes nothing.

    Raises `Refused`: `not-open` when it is decided or in somebody else's hands, `wrong-role` and `four-eyes` when this
    person could not decide it. Whoever a supervisor assigned it to takes it from whoever has it.
    """
    with database.write() as connection:
        row = _locked(connection, task_id)
        refuse_unless_decidable(Task.model_validate(row.body), key=row.key, actor=by)
        refuse_if_held(row, by=by, stands_for=stands_for)
        if row.holder != by.id:
            _hand(connection, task_id, to=by.id, action="claim", by=by.id, at=at)


def release(database: Database, task_id: str, *, by: Actor, at: datetime) -> None:
    """Put a task back for the others; a supervisor may do so for whoever has it.

    Raises `Refused`: `not-open` when it is decided or in nobody's hands, `wrong-role` when it is in another's.
    """
    with database.write() as connection:
        row = _locked(connection, task_id)
        if row.status != "open" or row.holder is None:
            raise Refused("not-open", f"{row.key} is in nobody's hands: nothing to release")
        if row.holder != by.id and not by.holds("supervisor"):
            raise Refused("wrong-role", f"{row.key} is held by {row.holder}: they or a supervisor may release it")
        _hand(connection, task_id, to=None, action="release", by=by.id, at=at)


def hand_over(database: Database, case_no: str, task: str, *, to: str, by: str, at: datetime) -> None:
    """After a reassignment: whoever else had the task (key or id) in hand has it no more."""
    with database.write() as connection:
        held = connection.scalars(
            select(tasks.c.task_id).where(
                tasks.c.case_no == case_no,
                tasks.c.status == "open",
                or_(tasks.c.key == task, tasks.c.task_id == task),
                tasks.c.holder.is_not(None),
                tasks.c.holder != to,
            )
        ).all()
        for task_id in held:
            _hand(connection, task_id, to=None, action="hand-over", by=by, at=at)


def refuse_if_held(task: Any, *, by: Actor, stands_for: Collection[str] = ()) -> None:
    """Raises `Refused("not-open")` when the task is in the hands of another, whom this person does not stand in for."""
    mine = (by.id, *stands_for)
    if task.holder not in (None, *mine) and task.assignee not in mine:
        raise Refused("not-open", f"{task.key} is held by {task.holder}: ask them to release it, or have it reassigned")


def against(task: Any, *, by: Actor, stands_for: Collection[str] = ()) -> Refused | None:
    """What the record has against this person deciding this task (a row of it): status, role, four eyes, or holder."""
    try:
        refuse_unless_decidable(Task.model_validate(task.body), key=task.key, actor=by)
        refuse_if_held(task, by=by, stands_for=stands_for)
    except Refused as refused:
        return refused
    return None


def _locked(connection: Connection, task_id: str) -> Any:
    row = connection.execute(select(tasks).where(tasks.c.task_id == task_id).with_for_update()).one_or_none()
    if row is None:
        raise Refused("unknown", f"there is no task {task_id}")
    return row


def _hand(connection: Connection, task_id: str, *, to: str | None, action: str, by: str, at: datetime) -> None:
    connection.execute(update(tasks).where(tasks.c.task_id == task_id).values(holder=to))
    connection.execute(inbox_log.insert().values(task_id=task_id, action=action, by=by, at=at))
