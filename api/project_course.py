"""Planned against real: a project's course through doors, and as Excel for one project or a whole board."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from math import ceil
from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse
from pydantic import BaseModel, Field
from sqlalchemy import Connection

from api import processes, shown, workbooks
from api.access import SignedIn, VisibleCase
from api.errors import documented
from api.house import Here
from api.pages.clocks import PARTIES
from api.pages.frame import label, task_title
from api.pages.lists import BoardQuery
from api.pages.words import Language, language_of
from api.workbooks import BOOK, MOST_ROWS, Column, Sheet, every_row
from domain.connection.course import PhaseCourse, Stretch, course
from domain.connection.forecast import Coming, forecast
from domain.refusals import Refused
from domain.tasks import Task
from store import board, projects, reads
from store.board import ProjectRow

router = APIRouter(tags=["cases"])
AN_HOUR = 3600


class StretchShown(BaseModel):
    """A task of the course; `late_seconds` are the utility's own, `seconds` whose time it was."""

    task: str
    title_zh: str
    title_en: str
    item: str | None
    standing: str = Field(description="done, open, or to-come")
    party: str
    from_at: datetime
    promised_at: datetime | None
    real_at: datetime | None
    expected_at: datetime | None = Field(description="of what is not done yet: by the terms, nothing sent back")
    provisional: bool
    late_seconds: int
    seconds: dict[str, int]


class PhaseShown(BaseModel):
    """A phase of the course with its tasks; what is to come is a forecast by the terms of the pack."""

    phase: str
    from_at: datetime
    promised_at: datetime | None
    real_at: datetime | None
    late_seconds: int
    seconds: dict[str, int]
    tasks: list[StretchShown]


@router.get("/cases/{case_no}/course", responses=documented(404, 422))
def read_course(house: Here, case: VisibleCase) -> shown.Listed[PhaseShown]:
    """When each task was promised and done, what is late and whose time it was, and what is to come."""
    with house.database.read() as connection:
        return shown.Listed(items=[_phase(each) for each in course_of(connection, case, at=house.clock())])


def course_of(connection: Connection, row: Any, *, at: datetime, ahead: bool = True) -> tuple[PhaseCourse, ...]:
    """A project's course by its record; with what is to come, unless it is not asked for. Raises `Refused`."""
    if row.process != "connection":
        raise Refused("form-invalid", "only a connection project has such a course", zh="只有报装项目有计划与实际。")
    standing = processes.on_record(connection, row)
    coming: tuple[Coming, ...] = ()
    if ahead and row.status == "open":
        coming = forecast(standing.facts, standing.policy, standing.calendar, now=at)
    found = [each for status in ("decided", "open") for each in reads.tasks_of(connection, row.case_no, status=status)]
    tasks = [Task.model_validate(each.body) for each in found]
    return course(tasks, coming, entered=reads.stages_of(connection, row.case_no), now=at)


def _phase(phase: PhaseCourse) -> PhaseShown:
    return PhaseShown(
        phase=phase.phase,
        from_at=phase.from_at,
        promised_at=phase.promised_at,
        real_at=phase.real_at,
        late_seconds=int(phase.late.total_seconds()),
        seconds=_seconds(phase.times),
        tasks=[_stretch(each) for each in phase.stretches],
    )


def _stretch(each: Stretch) -> StretchShown:
    return StretchShown(
        task=each.key,
        title_zh=task_title(each.key, "zh"),
        title_en=task_title(each.key, "en"),
        item=each.subject,
        late_seconds=int(each.late.total_seconds()),
        seconds=_seconds(each.times),
        **each.model_dump(include=set(StretchShown.model_fields) & set(Stretch.model_fields)),
    )


def _seconds(times: Any) -> dict[str, int]:
    return {party: int(time.total_seconds()) for party, time in times.items()}


class CourseRow(NamedTuple):
    """A task of a project as a row of a workbook."""

    case_no: str
    name: str
    phase: str
    stretch: Stretch


@router.get("/cases/{case_no}/course.xlsx", response_class=FileResponse, responses=documented(404, 422) | BOOK)
def export_course(request: Request, person: SignedIn, house: Here, case: VisibleCase) -> FileResponse:
    """A project's course as Excel, with what is to come."""
    language, at = language_of(request), house.clock()
    with house.database.read() as connection:
        phases = course_of(connection, case, at=at)
        name = projects.shown(connection, person, case.case_no).name
    return workbooks.sent(course_sheet(language), _rows(case.case_no, name, phases), language=language, at=at)


@router.get("/board-course.xlsx", response_class=FileResponse, responses=documented(422) | BOOK)
def export_courses(
    request: Request, person: SignedIn, house: Here, query: Annotated[BoardQuery, Query()]
) -> FileResponse:
    """Planned and real of every task so far, of each project of the board; filters as in its address bar."""
    language, at, where = language_of(request), house.clock(), query.where()

    def read(after: str | None, limit: int) -> Any:
        with house.database.read() as connection:
            return board.board(connection, person, where, at=at, order=query.order, after=after, limit=limit)

    def rows() -> Iterator[CourseRow]:
        for each in every_row(read, limit=MOST_ROWS):
            yield from _of_project(each)

    def _of_project(each: ProjectRow) -> Iterable[CourseRow]:
        with house.database.read() as connection:
            row = reads.case_on_record(connection, each.case_no)
            return list(_rows(each.case_no, each.name, course_of(connection, row, at=at, ahead=False)))

    return workbooks.sent(course_sheet(language), rows(), language=language, at=at)


def _rows(case_no: str, name: str, phases: Iterable[PhaseCourse]) -> Iterator[CourseRow]:
    for phase in phases:
        for stretch in phase.stretches:
            yield CourseRow(case_no, name, phase.phase, stretch)


STANDINGS = {"done": ("已办", "Done"), "open": ("在办", "Open"), "to-come": ("未开始", "To come")}


def course_sheet(language: Language) -> Sheet[CourseRow]:
    zh = language == "zh"

    def hours(time: timedelta | None) -> int | None:
        """Whole hours, one that has begun counted."""
        return ceil(time.total_seconds() / AN_HOUR) if time else None

    def spent(party: Any, name: tuple[str, str]) -> Column[CourseRow]:
        return Column(
            f"{name[0]}用时（小时）",
            f"Hours of {name[1]}",
            lambda row: hours(row.stretch.times.get(party)),
            "number",
            width=14,
        )

    return Sheet(
        "计划与实际",
        "Planned and real",
        [
            Column("案号", "Case", lambda row: row.case_no, width=20),
            Column("项目", "Project", lambda row: row.name, width=24),
            Column("阶段", "Phase", lambda row: label(row.phase, language)),
            Column("任务", "Task", lambda row: task_title(row.stretch.key, language), width=22),
            Column("子项", "Item", lambda row: row.stretch.subject),
            Column("状态", "Status", lambda row: STANDINGS[row.stretch.standing][0 if zh else 1]),
            Column("开始", "From", lambda row: row.stretch.from_at, "instant"),
            Column("承诺", "Promised", lambda row: row.stretch.promised_at, "instant"),
            Column("实际", "Real", lambda row: row.stretch.real_at, "instant"),
            Column("预计", "Expected", lambda row: row.stretch.expected_at, "instant"),
            Column("超时（小时）", "Late (hours)", lambda row: hours(row.stretch.late), "number", width=12),
            *(spent(party, name) for party, name in PARTIES.items()),
        ],
    )
