"""`guanjia packs move` on running cases: what the dry run lists is what the move then does, once."""

import asyncio
import base64
import json
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Row, select
from temporalio.client import Client
from temporalio.worker import Replayer, Worker
from typer.testing import CliRunner

from cli import app
from domain.account import Bill
from domain.calendars import CHINA
from domain.commands import DecideTask, WithdrawCase
from domain.connection.facts import Project
from domain.filling import filled
from domain.move_preview import MovePreview
from domain.people import Actor
from domain.processes import PROCESSES, TASKS
from domain.refusals import Refused
from domain.tasks import Task
from policies.packs import load_calendar, load_pack
from runtime.pack_moves import Moved, PackMove
from runtime.pack_moves_shown import words_of
from runtime.relay import Relay
from runtime.wall_clock import now as engine_now
from store import casebook, intake, projects
from store.database import Database
from store.ledger import AccountRecord
from store.people import Person, add_person
from store.projects import ProjectRecord
from store.tables import cases, openings, refusals, tasks
from tests.api.conftest import eventually
from tests.conftest import TEST_KEYS, RunningEngine, number_apart
from tests.own_packs import DESIGN, JINAN, LONGER, SHORTER, WITHOUT_GRACE, looked_up_in, write_pack
from worker import WORKFLOWS, workflow_runner
from workflows.messages import workflow_id
from workflows.payloads import data_converter

CALENDAR = load_calendar()
MARCH = datetime(2026, 3, 12, 9, tzinfo=CHINA)
STAFF = Actor(id="li", roles=("collector", "supervisor", "clerk", "representative", "engineer", "designer"))
SECOND = Actor(id="chen", roles=("supervisor", "engineer"))
TO_DESIGN = ("check-papers", "arrange-survey", "survey", "draft-scheme", "approve-scheme")


class Office:
    """An office on a day in March, whatever the day of the machine is."""

    def __init__(self, client: Client, database: Database, task_queue: str, *, on: datetime | None = MARCH) -> None:
        self.client, self.database = client, database
        self.shift = on - engine_now() if on is not None else timedelta()
        self.relay = Relay(client, database, task_queue=task_queue, shift=lambda: self.shift)
        number_apart(database, self.now())
        with database.write() as connection:
            for role in ("administrator", "auditor"):
                add_person(connection, Person(id=role, name=role, roles=(role,)))  # type: ignore[arg-type]

    def now(self) -> datetime:
        return engine_now() + self.shift

    async def deliver(self) -> None:
        while await self.relay.deliver(now=self.now()):
            pass

    async def in_grace(self, account_no: str) -> str:
        record = AccountRecord(no=account_no, customer_class="resident", phone="13800000000")
        at = self.now()
        bill = Bill(no="B1", period="2026-02", amount_fen=8640, due_on=date(2026, 3, 10), at=at)
        case_no = intake.open_arrears(self.database, record, [bill], pack=JINAN, at=at).case_no
        await self.deliver()
        await self.decide(case_no, "arrears.serve-dunning-notice")
        await settled(lambda: self.row(case_no).stage == "grace")
        if self.shift:  # by day; at the machine's own hour a reminder may wait for the morning
            await settled(lambda: not self.row(case_no).facts["messages"])
        return case_no

    async def designing(self) -> str:
        connection = load_pack(JINAN).connection
        assert connection is not None
        papers = connection.checklist["single"].value
        record = ProjectRecord(name="泉城路小店", project=Project(kind="single", meters=1), papers=papers)
        case_no = projects.open_project(self.database, record, pack=JINAN, at=self.now()).case_no
        await self.deliver()
        for key in TO_DESIGN:
            await self.decide(case_no, f"connection.{key}", by=SECOND if key == "approve-scheme" else STAFF)
        await settled(lambda: self.open_task(case_no, "connection.design") is not None)
        return case_no

    async def decide(self, case_no: str, key: str, *, by: Actor = STAFF) -> None:
        await settled(lambda: self.open_task(case_no, key) is not None)
        task = self.open_task(case_no, key)
        form = filled(TASKS[key].form, {}, demands=task.demands if task else ())
        await self.handle(case_no).execute_update("decide", DecideTask(by=by, at=self.now(), key=key, form=form))

    def handle(self, case_no: str) -> Any:
        row = self.row(case_no)
        return self.client.get_workflow_handle(workflow_id(row.process, row.subject))

    def row(self, case_no: str) -> Row[Any]:
        with self.database.read() as connection:
            return connection.execute(select(cases).where(cases.c.case_no == case_no)).one()

    def period_ends(self, case_no: str) -> datetime | None:
        """The end of what the case waits for, by its facts and the pack it carries."""
        row, process = self.row(case_no), PROCESSES["arrears"]
        moment = process.next_moment(process.facts.model_validate(row.facts), load_pack(row.pack).arrears, CALENDAR)
        return moment.at if moment is not None else None

    def open_task(self, case_no: str, key: str) -> Task | None:
        with self.database.read() as connection:
            mine = (tasks.c.case_no == case_no, tasks.c.key == key, tasks.c.status == "open")
            body = connection.scalar(select(tasks.c.body).where(*mine))
        return Task.model_validate(body) if body is not None else None

    def move(self, to: str, *, was: str = JINAN, case_no: str | None = None, by: str = "administrator") -> PackMove:
        about = {"from_pack": was, "to_pack": to, "reason": "新版规范施行", "case_no": case_no, "by": by}
        return PackMove(self.database, at=self.now(), **about)  # type: ignore[arg-type]

    async def moved(self, move: PackMove) -> list[Moved]:
        return [each async for each in move.move(self.client)]

    def events(self, case_no: str) -> list[str]:
        with self.database.read() as connection:
            return [entry.event for entry in casebook.timeline(connection, case_no)]

    def is_sound(self, case_no: str) -> int:
        with self.database.read() as connection:
            return casebook.verify(connection, case_no)


async def settled(look: Callable[[], bool]) -> None:
    await asyncio.to_thread(eventually, look)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    with looked_up_in(tmp_path / "packs") as own:
        yield own


@pytest.fixture
async def office(client: Client, database: Database, task_queue: str, worker: Worker) -> Office:
    return Office(client, database, task_queue)


async def replays(office: Office, case_no: str) -> bool:
    history = await office.handle(case_no).fetch_history()
    replayer = Replayer(
        workflows=WORKFLOWS, data_converter=data_converter(TEST_KEYS), workflow_runner=workflow_runner()
    )
    return (await replayer.replay_workflow(history)).replay_failure is None


def the_one(move: PackMove) -> MovePreview:
    (seen,) = move.would_change()
    return seen


async def test_a_grace_that_runs_is_kept_and_then_lengthened(office: Office, folder: Path, account_no: str) -> None:
    shorter, longer = write_pack(folder, "2026-11-01", SHORTER), write_pack(folder, "2026-12-01", LONGER)
    case_no = await office.in_grace(account_no)
    before, said = office.row(case_no), office.events(case_no)
    thirty_days = datetime(2026, 4, 14, tzinfo=CHINA)
    assert before.next_wake == thirty_days

    assert words_of(the_one(office.move(shorter))) == "nothing"
    assert (office.row(case_no), office.events(case_no)) == (before, said)  # a dry run changes nothing
    assert [each.became for each in await office.moved(office.move(shorter))] == ["moved"]
    kept = office.row(case_no)
    assert (kept.pack, kept.stage, kept.next_wake) == (shorter, "grace", thirty_days)
    assert office.events(case_no) == [*said, "PackMoved"]
    assert await office.moved(office.move(shorter)) == []  # again: nothing is left

    seen = the_one(office.move(longer, was=shorter))
    assert words_of(seen) == "waits until 2026-04-14 00:00 → 2026-04-22 00:00"
    assert [each.became for each in await office.moved(office.move(longer, was=shorter))] == ["moved"]
    assert (office.row(case_no).next_wake, office.row(case_no).pack) == (seen.until_after, longer)
    with office.database.read() as connection:
        assert connection.scalar(select(openings.c.pack).where(openings.c.case_no == case_no)) == longer
    assert office.is_sound(case_no) == len(said) + 2
    assert await replays(office, case_no)
    await office.handle(case_no).terminate()


async def test_a_design_that_runs_gets_the_new_term_and_the_dry_run_said_so(office: Office, folder: Path) -> None:
    to = write_pack(folder, "2026-12-01", DESIGN)
    case_no = await office.designing()
    before = office.open_task(case_no, "connection.design")
    assert before is not None
    seen = the_one(office.move(to))
    (change,) = seen.tasks
    assert (change.key, change.fate, change.before) == ("connection.design", "moved", before.due_at)
    await office.moved(office.move(to))
    after = office.open_task(case_no, "connection.design")
    assert after is not None
    assert (after.id, after.due_at, after.opened_at) == (before.id, change.after, before.opened_at)
    assert str(after.term) != str(before.term)
    assert office.events(case_no)[-3:] == ["PackMoved", "TaskReasked", "DeadlineMoved"]
    await office.decide(case_no, "connection.design")  # and the case goes on
    await settled(lambda: office.open_task(case_no, "connection.review-drawings") is not None)
    office.is_sound(case_no)
    assert await replays(office, case_no)
    await office.handle(case_no).terminate()


async def test_what_the_new_ladder_has_no_place_for_is_refused_and_kept_on_record(
    office: Office, folder: Path, account_no: str
) -> None:
    to = write_pack(folder, "2026-12-01", WITHOUT_GRACE)
    case_no = await office.in_grace(account_no)
    said = office.events(case_no)
    seen = the_one(office.move(to))
    (became,) = await office.moved(office.move(to))
    assert (became.became, became.code, became.why) == ("refused", seen.refused, seen.why)
    assert "has no stage grace" in became.why[0]
    assert (office.row(case_no).pack, office.events(case_no)) == (JINAN, said)
    with office.database.read() as connection:
        (kept,) = connection.execute(select(refusals).where(refusals.c.case_no == case_no)).all()
    assert (kept.code, kept.by) == ("gate", "administrator")
    await office.handle(case_no).terminate()


async def test_a_case_that_closes_meanwhile_is_skipped_and_said_so(
    office: Office, folder: Path, account_no: str
) -> None:
    to = write_pack(folder, "2026-12-01", LONGER)
    case_no = await office.in_grace(account_no)
    move = office.move(to)
    rows = list(move._rows())
    closing = WithdrawCase(by=STAFF, at=office.now(), reason="开错了")
    await office.handle(case_no).execute_update("instruct", closing)
    await settled(lambda: office.row(case_no).status == "closed")
    assert (await move._move(office.client, rows[0])).became == "closed"
    assert office.row(case_no).pack == JINAN
    assert list(office.move(to).would_change()) == []


async def test_the_command_lists_moves_and_has_nothing_left(
    client: Client,
    database: Database,
    task_queue: str,
    worker: Worker,
    engine: RunningEngine,
    folder: Path,
    account_no: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    to = write_pack(folder, "2026-12-01", LONGER)
    office = Office(client, database, task_queue, on=None)
    case_no = await office.in_grace(account_no)
    keys = ",".join(f"{id_}:{base64.b64encode(key).decode()}" for id_, key in TEST_KEYS.items())
    for name, value in {
        "PACKS": str(folder),
        "DATABASE_URL": database.url,
        "TEMPORAL_ADDRESS": engine.address,
        "PAYLOAD_KEYS": keys,
    }.items():
        monkeypatch.setenv(f"GUANJIA_{name}", value)

    async def move(*more: str) -> tuple[int, list[str]]:
        words = ["packs", "move", "--from", JINAN, "--to", to, *more]
        done = await asyncio.to_thread(CliRunner().invoke, app, words)
        return done.exit_code, done.stdout.splitlines()

    assert (await move())[0] == 2  # neither a reason nor a dry run
    assert (await move("--reason", "新版", "--by", "auditor"))[0] == 2
    code, told = await move("--dry-run")
    assert code == 0
    assert told[0].startswith(f"{case_no}  grace  waits until ")
    assert told[1] == f"{JINAN} → {to}: 1 would change"
    _, listed = await move("--dry-run", "--json", "--process", "arrears", "--case", case_no)
    seen = MovePreview.model_validate_json(listed[0])
    assert json.loads(listed[1])["totals"] == {"would change": 1}
    assert await move("--dry-run", "--process", "connection") == (0, [f"{JINAN} → {to}: no open case"])
    assert await move("--reason", "新版规范施行") == (0, [f"{case_no}  grace  moved", f"{JINAN} → {to}: 1 moved"])
    assert (office.row(case_no).pack, office.period_ends(case_no)) == (to, seen.until_after)
    with database.read() as connection:
        entry = casebook.timeline(connection, case_no)[-1]
    assert (entry.event, entry.by, entry.body["reason"]) == ("PackMoved", "administrator", "新版规范施行")
    assert await move("--reason", "新版规范施行") == (0, [f"{JINAN} → {to}: no open case"])
    await office.handle(case_no).terminate()


async def test_only_an_administrator_on_record_moves_packs(office: Office, folder: Path) -> None:
    to = write_pack(folder, "2026-12-01", LONGER)
    for nobody in ("auditor", "nobody"):
        with pytest.raises(Refused, match="no administrator on record"):
            office.move(to, by=nobody)
    with pytest.raises(Refused, match="another utility"):
        office.move("kaifeng@2021-01-01")


async def test_a_case_goes_on_under_the_new_pack_in_its_next_run(
    client: Client, database: Database, task_queue: str, worker: Worker, folder: Path, account_no: str
) -> None:
    """The pinned pack goes along when a long case is continued as new."""
    office = Office(client, database, task_queue)
    office.relay = Relay(client, database, task_queue=task_queue, shift=lambda: office.shift, renew_after=60)
    to = write_pack(folder, "2026-12-01", LONGER)
    case_no = await office.in_grace(account_no)
    await office.moved(office.move(to))
    run = office.row(case_no).run
    for day in range(60):
        if office.row(case_no).run > run:
            break
        contact = {"command": "contact", "by": STAFF.model_dump(), "at": office.now().isoformat(), "method": "phone"}
        await office.handle(case_no).execute_update("instruct", contact, id=f"contact-{day}")
    await settled(lambda: office.row(case_no).run > run)
    row = office.row(case_no)
    assert (row.pack, row.next_wake) == (to, datetime(2026, 4, 22, tzinfo=CHINA))
    assert row.next_wake - MARCH < timedelta(days=42)
    await office.handle(case_no).terminate()
