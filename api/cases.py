"""Cases: found and looked into."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from api import bodies, processes, shown
from api.access import SignedIn, VisibleCase
from api.errors import documented
from api.house import Here
from api.words import said_moment, said_step
from domain.arrears.beside import out_of_time_at
from domain.clock import Party, by_party, by_phase
from store import orders, projects, reads
from store.keyset import LONGEST_PAGE
from store.orders import LimitRequest
from store.people import Person
from store.reads import CaseFilter

router = APIRouter(tags=["cases"])


class CaseQuery(BaseModel):
    """Filters of the list; all that are given must fit."""

    model_config = ConfigDict(extra="forbid")

    process: Literal["arrears", "connection", "order"] | None = None
    status: Literal["open", "closed"] | None = None
    stage: str | None = Field(None, max_length=30)
    account: bodies.AccountNo | None = None
    grid: str | None = Field(None, max_length=50)
    section: bodies.Line | None = None
    office: bodies.Line | None = None
    q: bodies.Line | None = None
    order: Literal["newest", "oldest"] = "newest"
    after: str | None = Field(None, max_length=400, description="`next` of the page before")
    limit: int = Field(50, ge=1, le=LONGEST_PAGE)


@router.get("/cases", responses=documented(422))
def list_cases(person: SignedIn, house: Here, query: Annotated[CaseQuery, Query()]) -> shown.Listed[shown.CaseLine]:
    """Cases in sight, by their opening."""
    where = CaseFilter(**query.model_dump(exclude={"order", "after", "limit"}))
    with house.database.read() as connection:
        page = reads.case_list(
            connection, person, where, after=query.after, limit=query.limit, newest=query.order == "newest"
        )
    return shown.Listed(items=[shown.CaseLine.model_validate(row) for row in page.rows], next=page.next)


@router.get("/cases/{case_no}", responses=documented(404))
def read_case(person: SignedIn, house: Here, case: VisibleCase) -> shown.CaseShown:
    """One case: tasks with their clocks, what is owed, what comes next, and whether the water may be limited."""
    with house.database.read() as connection:
        return shown.CaseShown(**looked_into(connection, case, person, at=house.clock()))


@router.get("/cases/{case_no}/timeline", responses=documented(404, 422))
def read_timeline(
    house: Here,
    case: VisibleCase,
    after: Annotated[int, Query(ge=0, le=2**31 - 1, description="the last sequence known")] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = LONGEST_PAGE,
) -> shown.Listed[shown.EntryShown]:
    """Everything on record of a case, in order."""
    with house.database.read() as connection:
        rows = reads.timeline(connection, case.case_no, after=after, limit=limit + 1)
    items = [shown.entry_shown(row) for row in rows[:limit]]
    return shown.Listed(items=items, next=str(items[-1].sequence) if len(rows) > limit else None)


def looked_into(
    connection: Connection, row: Any, person: Person, *, at: datetime, case: processes.Case | None = None
) -> dict[str, Any]:
    """The fields of `CaseShown`, by the record and the rules as they are at `at`; `case` when it is read already."""
    case = case or processes.on_record(connection, row)
    fields = dict(row._mapping) | {
        "tasks": [
            shown.task_shown(task, at=at, calendar=case.calendar) for task in reads.tasks_of(connection, row.case_no)
        ],
        "next": said_step(case.process.next_step(case.facts, case.policy, case.calendar)),
        "next_moment": said_moment(case.process.next_moment(case.facts, case.policy, case.calendar)),
        **whose_time(connection, row, at=at),
        "notices": [shown.NoticeShown.model_validate(notice) for notice in reads.notices_of(connection, row.case_no)],
    }
    if row.process == "arrears":
        facts, no = case.facts, case.facts.account.no
        order = reads.order_of(connection, facts.order.no) if facts.order else None
        question = LimitRequest(
            moment="valve" if facts.order else "issue",
            case_no=row.case_no,
            account_no=no,
            sequence=row.sequence,
            policy=case.policy,
            calendar=case.calendar,
            at=at,
            order_no=facts.order.no if facts.order else "",
        )
        conditions = orders.conditions_now(connection, question, order=order)
        account = shown.account_shown(reads.account_on_record(connection, no), person)
        ends_at = out_of_time_at(facts, case.policy)
        fields["arrears"] = shown.arrears_shown(facts, account, conditions, out_of_time_at=ends_at)
    else:
        project, papers = projects.project(connection, row.case_no)
        visit = case.facts.visit.model_dump(mode="json") if case.facts.visit else None
        fields["project"] = shown.in_yuan(project.model_dump(mode="json")) | {"papers": papers, "visit": visit}
        if person.inside:
            fields["project"]["works"] = case.facts.works.model_dump(mode="json")
    return fields


def whose_time(connection: Connection, row: Any, *, at: datetime) -> dict[str, Any]:
    """Gross and each party's own time of a case, whole and phase by phase, in seconds."""
    clocks, entered = reads.clocks_of(connection, row.case_no), reads.stages_of(connection, row.case_no)
    phases = by_phase(clocks, entered=entered, until=at)
    return {
        "time": _in_seconds(by_party(clocks, until=at)),
        "gross_seconds": int(((row.closed_at or max(at, row.opened_at)) - row.opened_at).total_seconds()),
        "phase_time": {phase: _in_seconds(times) for phase, times in phases.items()},
    }


def _in_seconds(times: Mapping[Party, timedelta]) -> dict[str, int]:
    return {party: int(time.total_seconds()) for party, time in times.items()}
