"""The inbox: tasks found, taken in hand, put back and decided."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from api import acceptance, bodies, files, processes, shown
from api.access import DecidableCase, DecidableTask, Decider, SignedIn, VisibleTask
from api.errands import Errand, Errands, Pending, Told
from api.errors import documented
from api.house import Here, House
from domain.connection.acceptance import ReportRectified
from domain.people import Role
from domain.refusals import Refused
from store import inbox, reads, work
from store.keyset import LONGEST_PAGE
from store.people import READS_ALL, Person
from store.work import Group, InboxFilter

router = APIRouter(tags=["tasks"])
DECIDED = documented(403, 404, 409, 413, 422, 503) | {
    202: {"model": Pending, "description": "Accepted; carried out once a worker is back"}
}


class TaskQuery(BaseModel):
    """Filters of the inbox; all that are given must fit."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    key: str | None = Field(None, max_length=60)
    role: Role | None = None
    process: Literal["arrears", "connection", "order"] | None = None
    stage: str | None = Field(None, max_length=30)
    grid: bodies.Line | None = None
    section: bodies.Line | None = None
    office: bodies.Line | None = None
    group: Group | None = Field(None, description="late, due today, due later, or paused: in another party's hands")
    q: bodies.Line | None = None
    mine: bool = Field(False, description="only what I have claimed or was given")
    everyone: bool = Field(False, alias="all", description="tasks of every role; supervisor, auditor, administrator")
    due_before: bodies.Instant | None = None
    case_no: str | None = Field(None, max_length=40)


class TaskPage(TaskQuery):
    after: str | None = Field(None, max_length=400, description="`next` of the page before")
    limit: int = Field(50, ge=1, le=LONGEST_PAGE)


@router.get("/tasks", responses=documented(403, 422))
def list_tasks(person: SignedIn, house: Here, query: Annotated[TaskPage, Query()]) -> shown.Listed[shown.TaskLine]:
    """What is to be done, soonest due first: tasks of my roles, and those that have risen to my level.

    What has no term, and then what is in another party's hands, comes last.
    """
    where, at = _where(person, query), house.clock()
    with house.database.read() as connection:
        page = work.inbox(connection, person, where, at=at, after=query.after, limit=query.limit)
    return shown.Listed(items=[shown.task_line(row, at=at) for row in page.rows], next=page.next)


@router.get("/tasks/counts", responses=documented(403, 422))
def count_tasks(person: SignedIn, house: Here, query: Annotated[TaskQuery, Query()]) -> shown.TaskCounts:
    """How many tasks of the list are late, due today, due later, and paused; and how many are in my hands."""
    with house.database.read() as connection:
        counts = work.inbox_counts(connection, person, _where(person, query), at=house.clock())
    return shown.TaskCounts.model_validate(counts)


def _where(person: Person, query: TaskQuery) -> InboxFilter:
    if query.everyone and not person.holds("supervisor", *READS_ALL):
        raise Refused("wrong-role", "all: this is for a supervisor, auditor or administrator; leave it out")
    return InboxFilter(**query.model_dump(include=set(InboxFilter.model_fields)))


@router.get("/tasks/{task_id}", responses=documented(404))
def read_task(house: Here, task: VisibleTask) -> shown.TaskWithForm:
    """One task with its clock and how its deadline comes about, and the form that decides it."""
    with house.database.read() as connection:
        calendar = processes.calendar_now(connection)
    return shown.task_with_form(task, at=house.clock(), calendar=calendar)


@router.post("/tasks/{task_id}/claim", responses=documented(403, 404, 409))
def claim(person: Decider, house: Here, task: DecidableTask) -> shown.TaskShown:
    """Take a task in hand: nobody else decides it until it is put back or reassigned."""
    inbox.claim(house.database, task.task_id, by=person.actor, at=house.clock(), stands_for=person.stands_for)
    return _now(house, task.task_id, person)


@router.post("/tasks/{task_id}/release", responses=documented(403, 404, 409))
def release(person: Decider, house: Here, task: DecidableTask) -> shown.TaskShown:
    """Put a task back for the others; a supervisor may, for whoever has it."""
    inbox.release(house.database, task.task_id, by=person.actor, at=house.clock())
    return _now(house, task.task_id, person)


def _now(house: House, task_id: str, person: Decider) -> shown.TaskShown:
    with house.database.read() as connection:
        row = reads.task(connection, person, task_id)
        calendar = processes.calendar_now(connection)
    if row is None:
        raise Refused("unknown", "the task is in your sight no more")
    return shown.task_shown(row, at=house.clock(), calendar=calendar)


@router.post("/tasks/{task_id}/decide", responses=DECIDED)
async def decide(task: DecidableTask, body: bodies.DecisionBody, errand: Errand, house: Here) -> Told | Pending:
    """Decide a task with its form filled in."""
    processes.refuse_bad_form(task.key, body.form)
    form = await run_in_threadpool(acceptance.folded, house, task.case_no, task.key, body.form)
    await run_in_threadpool(files.refuse_foreign_files, house, task.case_no, form)
    against = inbox.against(task, by=errand.person.actor, stands_for=errand.person.stands_for)
    return await errand.decide(task, task.key, form, task_id=task.task_id, against=against)


@router.post("/cases/{case_no}/tasks/{key}/decide", responses=DECIDED)
async def decide_by_key(
    case: DecidableCase, key: str, body: bodies.DecisionBody, errand: Errand, house: Here
) -> Told | Pending:
    """Decide the open task of a key; `subject` says which where several are open."""
    processes.refuse_bad_form(key, body.form)
    form = await run_in_threadpool(acceptance.folded, house, case.case_no, key, body.form)
    await run_in_threadpool(files.refuse_foreign_files, house, case.case_no, form)
    task = await run_in_threadpool(_open_task, house, case.case_no, key, body.subject)
    task_id, against = None, None
    if task is not None:
        task_id, against = (
            task.task_id,
            inbox.against(task, by=errand.person.actor, stands_for=errand.person.stands_for),
        )
    return await errand.decide(case, key, form, task_id=task_id, subject=body.subject, against=against)


@router.post("/tasks/{task_id}/rectified", responses=DECIDED)
async def report_rectified(
    task: DecidableTask, body: bodies.RectifiedBody, errand: Errand, house: Here
) -> Told | Pending:
    """整改完成: several failed items of this task's project at once, all or none. Contractor, of what is in hand."""
    return await rectified(task, body, errand, house)


async def rectified(task: Any, body: bodies.RectifiedBody, errand: Errands, house: House) -> Told | Pending:
    """Report items as mended, by whoever has each in hand. A contractor from outside sees and reports no other."""
    photo = {"photo": body.photo} if body.photo else {}
    await run_in_threadpool(files.refuse_foreign_files, house, task.case_no, photo)
    await run_in_threadpool(_refuse_others_items, house, errand.person, task.case_no, body)
    return await errand.tell(task, ReportRectified, **body.model_dump())


def _refuse_others_items(house: House, person: Person, case_no: str, body: bodies.RectifiedBody) -> None:
    with house.database.read() as connection:
        open_now = [each for each in reads.tasks_of(connection, case_no) if each.key == "connection.rectify"]
    in_hand = {each.item for each in open_now if person.inside or person.id in (each.assignee, each.holder)}
    strange = [no for no in dict.fromkeys(body.items) if str(no) not in in_hand]
    if strange:
        told = "、".join(map(str, strange[:10]))
        raise Refused(
            "not-open",
            f"items: {strange[:10]} are not to be rectified now, or not in your hands: leave them out",
            zh=f"{told} 号现在不用整改，或者不在您手上，请去掉。",
        )
    for each in open_now:
        if (
            int(each.item) in body.items
            and (refused := inbox.against(each, by=person.actor, stands_for=person.stands_for)) is not None
        ):
            raise refused


def _open_task(house: House, case_no: str, key: str, subject: str | None) -> Any:
    with house.database.read() as connection:
        mine = [task for task in reads.tasks_of(connection, case_no) if task.key == key]
    return next((task for task in mine if subject is None or task.body.get("subject") == subject), None)
