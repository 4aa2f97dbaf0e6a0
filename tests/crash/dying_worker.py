"""A worker that is killed right after its nth commit to the casebook: the engine never hears that it was made.

`python -m tests.crash.dying_worker ADDRESS DATABASE QUEUE N`. Only the test knows this script; the product has no hook.
"""

import asyncio
import os
import signal
import sys
import tempfile
from pathlib import Path

from temporalio.client import Client

import activities.casebook as casebook_activity
from activities.channels import JournalChannel
from store.casebook import Batch
from store.database import Database
from tests.conftest import TEST_KEYS
from worker import build_worker
from workflows.payloads import data_converter


def die_after(commits: int) -> None:
    """Let so many batches be written, then end this process as a power cut would."""
    write, made = casebook_activity.casebook.record, 0

    def record(database: Database, batch: Batch) -> int:
        nonlocal made
        sequence = write(database, batch)
        made += 1
        if made == commits:
            os.kill(os.getpid(), signal.SIGKILL)
        return sequence

    casebook_activity.casebook.record = record


async def main() -> None:
    address, database, queue, commits = sys.argv[1:]
    die_after(int(commits))
    client = await Client.connect(address, data_converter=data_converter(TEST_KEYS))
    channel = JournalChannel(Path(tempfile.mkdtemp()) / "messages")
    async with build_worker(client, Database(database), channel, task_queue=queue, threads=4):
        print("up", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
