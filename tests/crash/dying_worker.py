"""A worker that is killed right after a commit to the casebook: the engine never hears that it was made.

`python -m tests.crash.dying_worker ADDRESS DATABASE QUEUE WHEN`. WHEN is a number, and the worker dies after so many
commits; or the path of an order to die (see `Order`), and the worker stands ready until it is sent a line. Only the
tests know this script; the product has no hook.
"""

import asyncio
import json
import os
import signal
import sys
import tempfile
from collections import Counter
from pathlib import Path

from temporalio.client import Client

import activities.casebook as casebook_activity
from activities.channels import JournalChannel
from store.casebook import Batch
from store.database import Database
from tests.conftest import TEST_KEYS
from worker import build_worker
from workflows.payloads import data_converter


class Order:
    """An order to die in a file: after how many commits of which case, one number for each worker in turn."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def give(self, case_no: str, *after: int) -> None:
        fresh = self.path.with_suffix(".new")
        fresh.write_text(json.dumps({"case_no": case_no, "after": after}))
        fresh.replace(self.path)

    def take(self, case_no: str, made: int) -> bool:
        """Whether this worker is to die now; the order then stands for the next one."""
        if not self.path.exists():
            return False
        order = json.loads(self.path.read_text())
        if order["case_no"] != case_no or not order["after"] or order["after"][0] > made:
            return False
        self.give(case_no, *order["after"][1:])
        return True

    @property
    def left(self) -> int:
        """How many deaths are still to come."""
        return len(json.loads(self.path.read_text())["after"])


def die(when: str) -> None:
    """Let batches be written, and end this process as a power cut would when it is time."""
    write, made = casebook_activity.casebook.record, Counter[str]()

    def record(database: Database, batch: Batch) -> int:
        sequence = write(database, batch)
        made[batch.case_no] += 1
        if made.total() == int(when) if when.isdigit() else Order(Path(when)).take(batch.case_no, made[batch.case_no]):
            os.kill(os.getpid(), signal.SIGKILL)
        return sequence

    casebook_activity.casebook.record = record


async def main() -> None:
    address, database, queue, when = sys.argv[1:]
    die(when)
    client = await Client.connect(address, data_converter=data_converter(TEST_KEYS))
    channel = JournalChannel(Path(tempfile.mkdtemp()) / "messages")
    cached = 2000
    if not when.isdigit():
        # Without a cache nothing waits for the dead worker's own queue, which the engine gives up after ten seconds.
        cached = 0
        await asyncio.to_thread(sys.stdin.readline)
    running = build_worker(
        client, Database(database), channel, task_queue=queue, threads=4, max_cached_workflows=cached
    )
    async with running:
        print("up", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
