"""An operator publishes a year while cases run: each hears of it once, and its deadlines are counted again."""

import asyncio
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import select
from temporalio.client import Client, WorkflowHandle
from temporalio.worker import Replayer, Worker

from domain.calendars import CHINA, PublishedYear
from domain.commands import DecideTask, PauseTask, ResumeTask
from domain.connection.facts import Project
from domain.filling import filled
from domain.people import Actor
from domain.processes import TASKS
from domain.tasks import Task
from policies.packs import load_calendar, load_pack
from runtime.relay import Relay
from runtime.wall_clock import now as engine_now
from store import calendars, casebook, projects
from store.calendars import Published
from store.database import Database
from store.projects import ProjectRecord
from store.tables import tasks
from tests.api.conftest import eventually
from tests.conftest import TEST_KEYS, number_apart
from worker import WORKFLOWS, workflow_runner
from workflows.messages import Publication
from workflows.payloads import data_converter

NEW_YEAR = PublishedYear(days_off=(date(2027, 1, 1), date(2027, 1, 2), date(2027, 1, 3)), make_up=())
DECEMBER = datetime(2026, 12, 30, 9, tzinfo=CHINA)
PACK = load_pack("jinan")
EVERYONE = Actor(id="li", roles=("clerk", "representative", "engineer", "supervisor"))


class Office:
    """A project office on a day in December, whatever the day of the machine is."""

    def __init__(self, client: Client, database: Database, task_queue: str) -> None:
        self.database = database
        self.shift = DECEMBER - engine_now()
        number_apart(database, DECEMBER)
        self.relay = Relay(client, database, task_queue=task_queue, shift=lambda: self.shift)

    def now(self) -> datetime:
        return engine_now() + self.shift

    async def deliver(self, *, ahead: timedelta = timedelta()) -> None:
        while await self.relay.deliver(now=self.now() + ahead):
            pass

    async def open(self) -> str:
        assert PACK.connection is not None
        papers = PACK.connection.checklist["single"].value
        record = ProjectRecord(name="泉城路小店", project=Project(kind="single", meters=1), papers=papers)
        place = projects.open_project(self.database, record, pack=PACK.name, at=self.now())
        await self.deliver()
        return place.case_no

    def handle(self, case_no: str) -> WorkflowHandle[Any, Any]:
        return self.relay.handle("connection", case_no)

    async def decide(self, case_no: str, key: str) -> None:
        await settled(lambda: self.opens(case_no, key))
        form = filled(TASKS[key].form, {})
        command = DecideTask(by=EVERYONE, at=self.now(), key=key, form=form)
        await self.handle(case_no).execute_update("decide", command)

    async def survey(self) -> str:
        """A case whose survey is open: three working days, two of them in the new year."""
        case_no = await self.open()
        await self.decide(case_no, "connection.check-papers")
        await self.decide(case_no, "connection.arrange-survey")
        return case_no

    def opens(self, case_no: str, key: str) -> bool:
        with self.database.read() as connection:
            mine = (tasks.c.case_no == case_no, tasks.c.key == key, tasks.c.status == "open")
            return connection.scalar(select(tasks.c.task_id).where(*mine)) is not None

    def task(self, case_no: str) -> Task:
        with self.database.read() as connection:
            mine = (tasks.c.case_no == case_no, tasks.c.key == "connection.survey")
            return Task.model_validate(connection.scalars(select(tasks.c.body).where(*mine)).one())

    def publish(self, days: PublishedYear = NEW_YEAR, *, because: str | None = None) -> Published:
        with self.database.write() as connection:
            return calendars.publish_with_care(
                connection,
                year=2027,
                days=days,
                calendar=load_calendar(),
                by="administrator",
                at=self.now(),
                because=because,
            )

    def events(self, case_no: str) -> list[str]:
        with self.database.read() as connection:
            return [entry.event for entry in casebook.timeline(connection, case_no)]


async def settled(look: Callable[[], bool]) -> None:
    await asyncio.to_thread(eventually, look)


async def test_a_running_case_counts_again_once_the_year_is_published(
    client: Client, database: Database, task_queue: str, worker: Worker
) -> None:
    office = Office(client, database, task_queue)
    case_no = await office.survey()
    before = office.task(case_no)
    assert before.due is not None
    assert (before.due.provisional, before.due_at) == (True, datetime(2027, 1, 5, tzinfo=CHINA))
    with database.read() as connection:
        (waiting,) = calendars.provisional_tasks(connection, before=office.now() + timedelta(days=30))
    assert waiting.task_id == before.id
    told = office.publish()
    assert (told.changed, told.cases, told.changed_past) == (True, 1, ())
    await office.deliver()
    await settled(lambda: office.task(case_no).due_at != before.due_at)
    after = office.task(case_no)
    assert after.due is not None
    assert (after.due.provisional, after.due_at) == (False, datetime(2027, 1, 6, tzinfo=CHINA))
    assert office.events(case_no)[-2:] == ["CalendarPublished", "DeadlineMoved"]

    assert office.publish() == Published(year=2027, changed=False, cases=0)
    word = Publication(year=2027, days=NEW_YEAR, at=office.now())
    await office.handle(case_no).signal("calendar_published", word)  # delivered twice, as a relay may
    await office.decide(case_no, "connection.survey")
    await settled(lambda: "TaskDecided" in office.events(case_no)[-4:])
    assert office.events(case_no).count("CalendarPublished") == 1

    history = await office.handle(case_no).fetch_history()
    replayer = Replayer(
        workflows=WORKFLOWS, data_converter=data_converter(TEST_KEYS), workflow_runner=workflow_runner()
    )
    assert (await replayer.replay_workflow(history)).replay_failure is None
    await office.handle(case_no).terminate()


async def test_a_task_that_stands_still_is_counted_again_when_it_goes_on(
    client: Client, database: Database, task_queue: str, worker: Worker
) -> None:
    office = Office(client, database, task_queue)
    case_no = await office.survey()
    task = office.task(case_no)
    handle = office.handle(case_no)
    await handle.execute_update(
        "instruct", PauseTask(by=EVERYONE, at=office.now(), task=task.id, party="customer", reason="用户不在")
    )
    office.publish()
    await office.deliver()
    await settled(lambda: "CalendarPublished" in office.events(case_no))
    assert "DeadlineMoved" not in office.events(case_no)
    await handle.execute_update("instruct", ResumeTask(by=EVERYONE, at=office.now(), task=task.id))
    gone_on = office.task(case_no)
    assert gone_on.due is not None
    assert (gone_on.due.provisional, gone_on.due_at) == (False, datetime(2027, 1, 6, tzinfo=CHINA))
    await handle.terminate()


async def test_a_case_opened_after_the_publication_knows_it_from_the_start(
    client: Client, database: Database, task_queue: str, worker: Worker
) -> None:
    office = Office(client, database, task_queue)
    office.publish()
    case_no = await office.survey()
    due = office.task(case_no).due
    assert due is not None
    assert (due.provisional, due.at) == (False, datetime(2027, 1, 6, tzinfo=CHINA))
    assert "CalendarPublished" not in office.events(case_no)
    await office.handle(case_no).terminate()
