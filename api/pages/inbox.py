"""我的任务: what must I do now, in which order."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from api.access import Decider
from api.pages.frame import Looking, Viewer
from api.pages.refusals import said_refusal
from api.pages.saved import saved
from domain.refusals import Refused
from store import inbox as hands
from store import people, reads, work
from store.people import READS_ALL, Person
from store.work import Group, InboxFilter, InboxRow

router = APIRouter(include_in_schema=False, prefix="/inbox")
ROWS = 50
GROUPS: tuple[Group, ...] = ("late", "today", "later", "paused")


class InboxQuery(BaseModel):
    """The address bar of the inbox. What it does not know it passes over: an old link still opens."""

    model_config = ConfigDict(populate_by_name=True)

    group: Group | Literal[""] = ""
    mine: bool = False
    everyone: bool = Field(False, alias="all")
    process: Literal["arrears", "connection", "order", ""] = ""
    key: str = Field("", max_length=60)
    hand: str = Field("", max_length=100)
    q: str = Field("", max_length=100)
    after: str | None = Field(None, max_length=400)

    def where(self, person: Person) -> InboxFilter:
        return InboxFilter(
            mine=self.mine,
            everyone=self.everyone and person.holds("supervisor", *READS_ALL),
            process=self.process or None,
            key=self.key or None,
            hand=self.hand.strip() or None,
            group=self.group or None,
            q=self.q.strip() or None,
        )


@router.get("")
def look(viewer: Looking, query: Annotated[InboxQuery, Query()]) -> Response:
    return viewer.show("inbox.html", **_listed(viewer, query), **saved(viewer, "inbox"))


@router.get("/rows")
def rows(viewer: Looking, query: Annotated[InboxQuery, Query()]) -> Response:
    """The counts and rows alone, for a page that has heard of something new."""
    return viewer.show("inbox_rows.html", **_listed(viewer, query))


def _listed(viewer: Viewer, query: InboxQuery) -> dict[str, Any]:
    person, at = viewer.person, viewer.now
    where = query.where(person)
    with viewer.house.database.read() as connection:
        page = work.inbox(connection, person, where, at=at, after=query.after, limit=ROWS)
        counts = work.inbox_counts(connection, person, where.model_copy(update={"mine": False}), at=at)
        names = people.names(connection, {name for row in page.rows for name in (row.holder, row.assignee) if name})
    grouped: list[tuple[Group, list[InboxRow]]] = []
    for row in page.rows:
        group = row.group(at)
        if not grouped or grouped[-1][0] != group:
            grouped.append((group, []))
        grouped[-1][1].append(row)
    return {
        "grouped": grouped,
        "next": page.next,
        "counts": counts,
        "query": query,
        "many": work.MANY,
        "names": names,
    }


@router.post("/claim")
def claim_many(viewer: Looking, person: Decider, task: Annotated[list[str], Form(max_length=200)]) -> Response:
    """Take several tasks in hand; those that somebody else was quicker with are named."""
    taken, missed = 0, []
    for task_id in task:
        with viewer.house.database.read() as connection:
            row = reads.task(connection, person, task_id)
        try:
            if row is None:
                raise Refused("unknown", task_id)
            hands.claim(viewer.house.database, task_id, by=person.actor, at=viewer.now, stands_for=person.stands_for)
            taken += 1
        except Refused as refused:
            missed.append(f"{task_id}: {said_refusal(refused.message, refused.zh, viewer.language)}")
    headline = viewer.say(f"已领取 {taken} 项。", f"{taken} taken in hand.")
    return viewer.show(
        "told.html",
        kind="refused" if missed else "done",
        headline=headline,
        detail="; ".join(missed),
        back="/inbox?mine=true",
    )
