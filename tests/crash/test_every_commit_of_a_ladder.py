"""A debt goes up the ladder and back; at each of its commits in turn the worker dies right after it.

While nobody works a payment and a hold arrive, so that the retried workflow task says something else than the dead one
wrote. In the end the record is what everybody was told, and the store is what the workflow knows.
"""

import asyncio
from collections import Counter
from typing import Any

import pytest
from sqlalchemy import select
from temporalio.client import Client
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner

from domain.commands import DecideTask, PlaceHold, ReleaseHold
from runtime.relay import Relay
from runtime.wall_clock import now
from store import casebook
from store.casebook import Entry
from store.database import Database
from store.tables import cases, limit_orders, openings, tasks
from tests.conftest import TEST_KEYS
from tests.crash.conftest import Workers
from tests.crash.ladder import TODAY, Ladder
from workflows.arrears_case import ArrearsCase
from workflows.payloads import data_converter

LEAST_COMMITS = 8


@pytest.fixture
def ladder_of(impatient_client: Client, database: Database, task_queue: str, account_no: str) -> Any:
    """Makes a ladder for an account; business time stands at the morning of its limit."""
    shift = TODAY - now()
    relay = Relay(impatient_client, database, task_queue=task_queue, shift=lambda: shift)
    return lambda no: Ladder(database, relay, f"{account_no}-{no}", lambda: now() + shift)


@pytest.mark.slow
@pytest.mark.timeout(1800)
async def test_a_worker_killed_after_any_commit_of_a_ladder_drops_and_doubles_nothing(
    ladder_of: Any, workers: Workers, database: Database
) -> None:
    await workers.start()
    commit = 0
    died = True
    while died:
        commit += 1
        died = await climb(ladder_of(commit), workers, deaths=(commit,))
    assert commit > LEAST_COMMITS


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("commit", [1, 4])
async def test_workers_killed_one_after_the_other_at_one_workflow_task_drop_and_double_nothing(
    ladder_of: Any, workers: Workers, database: Database, commit: int
) -> None:
    """From the second attempt on the engine gives every attempt the same history."""
    await workers.start()
    ladder = ladder_of(commit)
    assert await climb(ladder, workers, deaths=(commit, 1, 1))


async def climb(ladder: Ladder, workers: Workers, *, deaths: tuple[int, ...]) -> bool:
    """One ladder with these deaths; False when it was over before the first."""
    case_no = await ladder.begin()
    workers.order.give(case_no, *deaths)
    climbing = asyncio.create_task(ladder.climb())
    holding: list[asyncio.Task[None]] = []
    while workers.order.left:
        death = asyncio.create_task(workers.death())
        await asyncio.wait({climbing, death}, return_when=asyncio.FIRST_COMPLETED)
        if not death.done():
            break
        await ladder.pay(100)
        if not holding:
            holding.append(asyncio.create_task(ladder.hold_for_a_moment()))
            await asyncio.sleep(0.1)
        await workers.start()
    await asyncio.gather(climbing, *holding)
    await check(ladder)
    return len(deaths) > workers.order.left


async def check(ladder: Ladder) -> None:
    """Everything that anybody was told is on record once; everything on record was told or happened."""
    with ladder.database.read() as connection:
        casebook.verify(connection, ladder.case_no)
        standing = casebook.timeline(connection, ladder.case_no)
        case = connection.execute(select(cases).where(cases.c.case_no == ladder.case_no)).one()
        shown = connection.execute(select(tasks).where(tasks.c.case_no == ladder.case_no)).all()
        orders = connection.execute(select(limit_orders).where(limit_orders.c.case_no == ladder.case_no)).all()
        place = connection.scalar(select(openings.c.open_subject).where(openings.c.case_no == ladder.case_no))
    said = Counter(entry.event for entry in standing)
    assert paid(standing) == Counter(ladder.paid)
    decided = Counter(command.task_id for command in ladder.answered if isinstance(command, DecideTask))
    assert Counter(entry.body["task_id"] for entry in standing if entry.event == "TaskDecided") == decided
    assert set(decided.values()) == {1}
    assert said["HoldPlaced"] == sum(isinstance(command, PlaceHold) for command in ladder.answered)
    assert said["HoldEnded"] == sum(isinstance(command, ReleaseHold) for command in ladder.answered)
    assert said["CaseOpened"] == 1
    assert said["CaseClosed"] == said["CaseReopened"] + 1
    messages = Counter(entry.body["key"] for entry in standing if entry.event == "MessageSettled")
    assert set(messages.values()) <= {1}
    assert {order.order_no for order in orders if order.status == "done"} == {
        entry.body["order_no"] for entry in standing if entry.event == "PressureLimited"
    }
    assert {task.task_id: task.status for task in shown} == statuses(standing)
    assert (case.status, place) == ("closed", None)
    knows = await replayed(ladder)
    assert case.facts == knows.facts.model_dump(mode="json")
    assert (case.sequence, len(standing)) == (knows.sequence, knows.sequence)


def paid(standing: list[Entry]) -> Counter[str]:
    return Counter(entry.body["payment"]["reference"] for entry in standing if entry.event == "PaymentRecorded")


def statuses(standing: list[Entry]) -> dict[str, str]:
    found = {}
    for entry in standing:
        match entry.event:
            case "TaskOpened":
                found[entry.body["task"]["id"]] = "open"
            case "TaskDecided":
                found[entry.body["task_id"]] = "decided"
            case "TaskWithdrawn":
                found[entry.body["task_id"]] = "withdrawn"
    return found


async def replayed(ladder: Ladder) -> ArrearsCase:
    """The workflow as its history leaves it: what it knows, without asking the store."""
    found: list[ArrearsCase] = []

    class Watched(UnsandboxedWorkflowRunner):
        def create_instance(self, det: Any) -> Any:
            instance = super().create_instance(det)
            activate = instance.activate

            def watched(act: Any) -> Any:
                done = activate(act)
                found[:] = [instance._object]
                return done

            instance.activate = watched
            return instance

    history = await ladder.relay.handle("arrears", ladder.account_no).fetch_history()
    replayer = Replayer(workflows=[ArrearsCase], data_converter=data_converter(TEST_KEYS), workflow_runner=Watched())
    await replayer.replay_workflow(history)
    return found[0]
