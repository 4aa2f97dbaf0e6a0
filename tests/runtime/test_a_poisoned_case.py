"""A case whose messages nobody can read stands still by itself; the others go on, and so does it with its key."""

from pathlib import Path

from temporalio.client import Client
from temporalio.worker import Worker

from activities.channels import JournalChannel
from runtime.relay import Relay
from store.database import Database
from tests.conftest import TEST_KEYS, RunningEngine
from tests.runtime.test_once_in_the_engine import a_start, contact, told
from worker import build_worker
from workflows.payloads import data_converter

LOST = {"lost": b"a-key-that-somebody-has-mislaid!"}
OTHERS = 5


async def test_others_go_on_beside_a_case_that_nobody_can_read(
    engine: RunningEngine, client: Client, worker: Worker, database: Database, task_queue: str, account_no: str
) -> None:
    strange = await Client.connect(engine.address, data_converter=data_converter(LOST))
    poisoned, start = a_start(Relay(strange, database, task_queue=task_queue), database, account_no)
    await Relay(strange, database, task_queue=task_queue).start(start)
    still = Relay(client, database, task_queue=task_queue)
    for no in range(OTHERS):
        case_no, other = a_start(still, database, f"{account_no}-{no}")
        handle = await still.start(other)
        await handle.execute_update("instruct", contact(), id="c1")
        assert len(told(database, case_no, "ContactRecorded")) == 1
    assert told(database, poisoned, "CaseOpened") == []


async def test_a_case_goes_on_once_its_key_is_back(
    engine: RunningEngine, database: Database, task_queue: str, account_no: str, tmp_path: Path
) -> None:
    strange = await Client.connect(engine.address, data_converter=data_converter(LOST))
    still = Relay(strange, database, task_queue=task_queue)
    case_no, start = a_start(still, database, account_no)
    handle = await still.start(start)
    both = await Client.connect(engine.address, data_converter=data_converter(TEST_KEYS | LOST))
    channel = JournalChannel(tmp_path / "messages")
    async with build_worker(both, database, channel, task_queue=task_queue, threads=4):
        await (
            Relay(both, database, task_queue=task_queue)
            .handle("arrears", account_no)
            .execute_update("instruct", contact(), id="c1")
        )
    assert len(told(database, case_no, "ContactRecorded")) == 1
    assert handle.id == f"arrears/{account_no}"
