"""现场: what a person does on site, one task a screen, on a phone that may have no network.

The pages are plain pages. What makes them work without a network lies in the browser: `offline.js` keeps the pages that
`field.js` asked for, and `queue.js` keeps what was filled in until it is sent, each once, under its own key.
"""

from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, Query, Response
from sqlalchemy import Connection

from api import processes
from api.access import VisibleTask
from api.cases import looked_into
from api.pages.frame import Looking, Viewer
from api.pages.tasks import about, form_of
from domain.connection.visits import SURVEY
from domain.processes import TASKS
from store import reads, work
from store.arrears_work import WorkFilter, WorkOrder, WorkRow, arrears_work
from store.ledger import phones
from store.notices import masked
from store.people import watches_only
from store.work import InboxFilter, InboxRow

router = APIRouter(include_in_schema=False, prefix="/field")
ROWS = 60
TALKS = 30
ON_SITE = (
    "connection.survey",
    "connection.sign-contract",
    "connection.inspect-node",
    "connection.install-meters",
    "connection.accept",
    "connection.rectify",
    "connection.test-water",
    "connection.activate",
    "connection.switch-meters",
    "connection.change-design",
    "connection.inspect-site",
    "connection.mend-site",
    "connection.look-again",
    "connection.restore-road",
    "connection.remove-spoil",
    "connection.remove-temporary",
    "arrears.serve-dunning-notice",
    "arrears.serve-limit-notice",
    "arrears.limit-pressure",
    "arrears.restore",
)
"""What is done where the water is, not at a desk."""
BY_PLACE_AND_TIME = ("place", "done_at", "served_at")
"""Fields that the phone fills in by itself: where, and when by its clock."""


class Round(NamedTuple):
    """The tasks of one grid, the most pressing first."""

    name: str | None
    rows: list[InboxRow]


@router.get("")
def look(viewer: Looking, after: Annotated[str | None, Query(max_length=400)] = None) -> Response:
    """What this person has to do outside, in the order in which it presses, grid by grid."""
    where = InboxFilter(keys=ON_SITE)
    with viewer.house.database.read() as connection:
        page = work.inbox(connection, viewer.person, where, at=viewer.now, after=after, limit=ROWS)
        rows = [row for row in page.rows if _mine(row, viewer)]
        to_talk = [] if after else _to_talk(connection, viewer)
        owing = {row.subject for row in rows if row.process == "arrears"} | {row.account_no for row in to_talk}
        found = phones(connection, owing)
    if watches_only(viewer.person):
        found = {no: masked(phone) or "" for no, phone in found.items()}
    return viewer.show(
        "field.html",
        rounds=_rounds(rows),
        many=len(rows) + len(to_talk),
        phones=found,
        next=page.next,
        to_talk=to_talk,
        collects=viewer.person.holds("collector"),
    )


def _to_talk(connection: Connection, viewer: Viewer) -> list[WorkRow]:
    """Whom a collector is still to speak to, along the way where their part has one."""
    if not viewer.person.holds("collector"):
        return []
    part = viewer.person.part or ("", "")
    order: WorkOrder = "route" if part[0] in ("grid", "section") else "due"
    where = WorkFilter(standing="contacts")
    page = arrears_work(connection, viewer.person, where, at=viewer.now, order=order, after=None, limit=TALKS)
    return page.rows


def _mine(row: InboxRow, viewer: Viewer) -> bool:
    """Whether it falls to this person: what somebody else has in hand does not."""
    me = viewer.person.id
    return row.assignee == me or (row.holder in (None, me) and row.assignee in (None, me))


def _rounds(rows: list[InboxRow]) -> list[Round]:
    """Grid by grid, the one with the most pressing task first; within it one address after the other."""
    grids: dict[str | None, dict[str | None, list[InboxRow]]] = {}
    for row in rows:
        grids.setdefault(row.grid or row.section, {}).setdefault(row.address or row.case_no, []).append(row)
    return [Round(name, [row for places in found.values() for row in places]) for name, found in grids.items()]


@router.get("/offline")
def offline(viewer: Looking) -> Response:
    """What a phone shows without a network in place of a page that it has not kept."""
    return viewer.show("field_offline.html")


@router.get("/{task_id}")
def one(viewer: Looking, task: VisibleTask) -> Response:
    """One task on one screen: what, why, where, whom to meet, and its form."""
    with viewer.house.database.read() as connection:
        row = reads.case_on_record(connection, task.case_no)
        standing = processes.on_record(connection, row)
        case = looked_into(connection, row, viewer.person, at=viewer.now, case=standing)
        address = work.address_of(connection, viewer.person, task.case_no)
    form = form_of(viewer, task, inline=False)
    rules = _rules(task.key, demanded=task.body.get("demands") or [])
    return viewer.show(
        "field_task.html",
        **about(viewer, task),
        **form,
        case=case,
        address_of_work=address,
        rules=rules,
        by_itself=BY_PLACE_AND_TIME,
        outside=task.key in ON_SITE,
        visit=standing.facts.visit if task.key == SURVEY else None,
        may_arrive=task.key == SURVEY and task.status == "open",
    )


def _rules(key: str, *, demanded: list[str]) -> dict[str, Any]:
    """What the form and the case's pack demand, for a phone that cannot ask: by outcome, ticked, or filled in."""
    schema = TASKS[key].form.model_json_schema()
    when = []
    for rule in schema.get("allOf", ()):
        then = rule["then"]
        any_of = [choice["required"][0] for choice in then.get("anyOf", ())]
        when.append(
            {"outcome": rule["if"]["properties"]["outcome"]["const"], "all": then.get("required", []), "any": any_of}
        )
    ticked = [name for name, part in schema["properties"].items() if part.get("const") is True]
    return {"when": when, "ticked": ticked, "demanded": demanded, "unfinished": TASKS[key].form.unfinished}
