"""What waits for a yes or a no: tasks of a second person, with what the decision rests on."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, select

from domain.calendars import local
from domain.policy import Strict
from domain.processes import TASKS
from store.arrears_work import ServedNotice
from store.keyset import Page
from store.people import Person
from store.pressing import NEVER
from store.tables import cases
from store.work import InboxFilter, InboxRow, inbox

APPROVALS = tuple(
    key
    for key, kind in TASKS.items()
    if kind.role in ("supervisor", "leading-group") or key == "connection.review-drawings"
)
"""The limit of a customer's water, a legal referral, a scheme, drawings, and who serves a project."""


class ApprovalRow(Strict):
    """A decision to take. `days`: since the oldest unpaid bill fell due, of a project since it was opened.

    `served`: the notices that were served, in order; `protected`: what forbids a limit; `disputed_fen`: contested.
    """

    task: InboxRow
    days: int
    bills: int
    disputed_fen: int
    protected: list[str]
    served: list[ServedNotice]
    holds: list[dict[str, Any]]
    kind: str | None
    meters: int | None
    oldest_due_on: date | None
    opened_at: datetime


def approvals(
    connection: Connection,
    person: Person,
    *,
    at: datetime,
    where: InboxFilter | None = None,
    after: str | None,
    limit: int,
) -> Page[ApprovalRow]:
    """Decisions that fall to this person, the most pressing first. Two statements, three with a search.

    `where` narrows down as in the inbox; those who watch ask for `everyone`.
    """
    asked = (where or InboxFilter()).model_copy(update={"keys": APPROVALS})
    page = inbox(connection, person, asked, at=at, after=after, limit=limit)
    mine = cases.c.case_no.in_({row.case_no for row in page.rows})
    looks = select(cases.c.case_no, cases.c.kind, cases.c.oldest_due_on, cases.c.opened_at, cases.c.glance).where(mine)
    found = {row.case_no: row for row in connection.execute(looks)}
    return Page(rows=[_row(row, found[row.case_no], at=at) for row in page.rows], next=page.next)


def _row(task: InboxRow, case: Any, *, at: datetime) -> ApprovalRow:
    glance = case.glance or {}
    since = case.oldest_due_on if case.oldest_due_on != NEVER else None
    return ApprovalRow(
        task=task,
        days=(local(at).date() - (since or local(case.opened_at).date())).days,
        bills=glance.get("bills", 0),
        disputed_fen=glance.get("disputed_fen", 0),
        protected=glance.get("protected", []),
        served=[ServedNotice.model_validate(each) for each in glance.get("served", [])],
        holds=glance.get("holds", []),
        kind=case.kind,
        meters=glance.get("meters"),
        oldest_due_on=since,
        opened_at=case.opened_at,
    )
