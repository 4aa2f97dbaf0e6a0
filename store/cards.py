"""Service cards: what a customer is told of whoever serves their project, and nothing else of a person."""

from sqlalchemy import Connection, func, select

from domain.policy import Strict
from store.tables import people, tasks


class Card(Strict):
    """A name, a post and a telephone at work. `role` says the post where nobody has written one."""

    name: str
    role: str
    post: str | None
    work_phone: str | None


def of_project(connection: Connection, case_no: str, role: str | None) -> Card | None:
    """Whoever serves the project: to whom a task of that role was given, or who has last done one; None: nobody yet."""
    if role is None:
        return None
    done_by = tasks.c.body["decided_by"].as_string()
    whose = func.coalesce(tasks.c.assignee, tasks.c.holder, done_by)
    mine = select(whose).where(tasks.c.case_no == case_no, tasks.c.role == role, whose.is_not(None))
    last = mine.order_by((tasks.c.status == "open").desc(), tasks.c.opened_at.desc(), tasks.c.task_id.desc()).limit(1)
    shown = [people.c.name, people.c.post, people.c.work_phone]
    row = connection.execute(select(*shown).where(people.c.id == last.scalar_subquery(), people.c.active)).one_or_none()
    return None if row is None else Card(role=role, **row._mapping)
