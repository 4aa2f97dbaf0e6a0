"""Started many times a case runs once; a command sent again in a case's next run has had its effect."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from temporalio.client import Client
from temporalio.worker import Worker

from domain.account import Bill
from domain.arrears.commands import RecordContact
from domain.people import Actor
from policies.packs import load_pack
from runtime.relay import Relay
from runtime.starts import Start
from runtime.wall_clock import now
from store import casebook, intake
from store.database import Database
from store.ledger import AccountRecord
from store.tables import cases, outbox

WANG = Actor(id="wang", roles=("collector",))
STARTS = 50
SOON = 25
"""Events after which a case goes on in a new run: a few commands."""


@pytest.fixture
def still(client: Client, database: Database, task_queue: str) -> Relay:
    """A relay that does nothing by itself."""
    return Relay(client, database, task_queue=task_queue)


def a_start(still: Relay, database: Database, account_no: str) -> tuple[str, Start]:
    at = now()
    bill = Bill(no="B1", period="2026-02", amount_fen=8640, due_on=(at - timedelta(days=1)).date(), at=at)
    account = AccountRecord(no=account_no, customer_class="resident", phone="13800000000")
    place = intake.open_arrears(database, account, [bill], pack=load_pack("jinan").name, at=at)
    start = still.starts.opening(place.case_no)
    assert start is not None
    return place.case_no, start


def told(database: Database, case_no: str, event: str) -> list[Any]:
    with database.read() as connection:
        return [entry for entry in casebook.timeline(connection, case_no) if entry.event == event]


def contact() -> RecordContact:
    return RecordContact(by=WANG, at=now(), method="phone", reached=True)


async def test_started_fifty_times_at_once_a_case_runs_once(
    still: Relay, worker: Worker, database: Database, account_no: str
) -> None:
    case_no, start = a_start(still, database, account_no)
    handles = await asyncio.gather(*(still.start(start) for _ in range(STARTS)))
    assert len({handle.result_run_id or handle.first_execution_run_id for handle in handles}) == 1
    await handles[0].execute_update("instruct", contact(), id="c1")
    assert len(told(database, case_no, "CaseOpened")) == 1
    assert len(told(database, case_no, "ContactRecorded")) == 1
    with database.read() as connection:
        assert connection.scalars(select(cases.c.case_no).where(cases.c.subject == account_no)).all() == [case_no]
        assert connection.scalar(select(outbox.c.kind).where(outbox.c.subject == account_no)) == "open"


async def test_a_command_sent_again_after_the_case_went_on_in_a_new_run_changes_nothing(
    still: Relay, worker: Worker, database: Database, account_no: str
) -> None:
    case_no, start = a_start(still, database, account_no)
    soon = start._replace(opened=start.opened.model_copy(update={"renew_after": SOON}))
    first = await still.start(soon)
    handle = still.handle("arrears", account_no)
    command = contact()
    answer = await handle.execute_update("instruct", command, id="once")
    sent = 1
    while (await handle.describe()).run_id == first.result_run_id:
        await handle.execute_update("instruct", contact(), id=f"more-{sent}")
        sent += 1
        assert sent < SOON, "it never went on in a new run"
    again = await handle.execute_update("instruct", command, id="once")
    assert again["case_no"] == answer["case_no"] == case_no
    assert len(told(database, case_no, "ContactRecorded")) == sent
