"""The worker dies after the casebook's commit and before the workflow task ends, and the world goes on meanwhile.

What the next worker says in the retried task is not what the dead one wrote. Nothing may be dropped, nothing doubled.
"""

import asyncio
import subprocess
import sys
from collections import Counter
from datetime import date, datetime
from pathlib import Path

import pytest
from sqlalchemy import func, select
from temporalio.client import Client

from activities.channels import JournalChannel
from domain.account import Bill, Payment
from domain.commands import DecideTask, PlaceHold
from domain.people import Actor
from policies.packs import load_pack
from runtime.relay import Relay
from runtime.wall_clock import now as engine_now
from store import casebook, intake
from store.database import Database
from store.ledger import AccountRecord
from store.tables import cases, entries
from tests.conftest import RunningEngine
from tests.crash.ladder import TODAY
from worker import build_worker

COLLECTOR = Actor(id="collector", roles=("collector",))
ROOT = Path(__file__).parent.parent.parent


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("commits", [1, 2, 3])
async def test_nothing_is_dropped_and_nothing_doubled(
    commits: int,
    engine: RunningEngine,
    client: Client,
    database: Database,
    account_no: str,
    task_queue: str,
    tmp_path: Path,
) -> None:
    # By day, whatever the hour of the machine: at night the reminder waits, and with it the third commit.
    shift = TODAY - engine_now()

    def now() -> datetime:
        return engine_now() + shift

    relay = Relay(client, database, task_queue=task_queue, shift=lambda: shift)
    dying = subprocess.Popen(
        [sys.executable, "-m", "tests.crash.dying_worker", engine.address, database.url, task_queue, str(commits)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert dying.stdout is not None
    assert await asyncio.to_thread(dying.stdout.readline) == "up\n"

    at = now()
    bills = [Bill(no="B1", period="2026-01", amount_fen=30000, due_on=date(2026, 2, 10), at=at)]
    account = AccountRecord(no=account_no, customer_class="resident")
    place = intake.open_arrears(database, account, bills, pack=load_pack("jinan").name, at=at)
    await relay.deliver(now=now())
    case = relay.handle("arrears", account_no)
    while commits > 1 and not on_record(database, place.case_no):
        await asyncio.sleep(0.02)
    served = {"outcome": "served", "method": "posted", "photo": "p.jpg"}
    serve = DecideTask(by=COLLECTOR, at=now(), key="arrears.serve-dunning-notice", form=served)
    deciding = asyncio.create_task(case.execute_update("decide", serve, id=f"serve-{commits}"))
    assert await asyncio.to_thread(dying.wait, 240) == -9

    # While nobody works: money comes in, and a hold is placed.
    paid_at = now()
    payment = Payment(reference=f"T-{account_no}", amount_fen=10000, paid_at=paid_at, at=paid_at)
    intake.record_payment(database, account_no, payment)
    await relay.deliver(now=now())
    hold = PlaceHold(by=COLLECTOR, at=now(), reason="meter check")
    holding = asyncio.create_task(case.execute_update("instruct", hold, id=f"hold-{commits}"))
    await asyncio.sleep(0.3)

    async with build_worker(client, database, JournalChannel(tmp_path / "m"), task_queue=task_queue, threads=4):
        outcomes = await asyncio.gather(deciding, holding, return_exceptions=True)
        while not settled(database, place.case_no, account_no):
            await relay.deliver(now=now())
            await asyncio.sleep(0.05)
        with database.read() as connection:
            standing = casebook.timeline(connection, place.case_no)
            casebook.verify(connection, place.case_no)
            facts = connection.execute(select(cases.c.facts).where(cases.c.case_no == place.case_no)).scalar_one()
        said = Counter(entry.event for entry in standing)
        assert said["HoldPlaced"] == 1
        assert said["PaymentRecorded"] == 1
        assert len(facts["holds"]) == 1
        # A decision is either answered and on record once, or refused and not on record: never one without the other.
        answered = not isinstance(outcomes[0], BaseException)
        assert (said["TaskDecided"], said["NoticeServed"]) == ((1, 1) if answered else (0, 0))
        assert [entry.sequence for entry in standing] == list(range(1, len(standing) + 1))
        await case.terminate("the test is over")


def on_record(database: Database, case_no: str) -> bool:
    with database.read() as connection:
        return connection.scalar(select(cases.c.case_no).where(cases.c.case_no == case_no)) is not None


def settled(database: Database, case_no: str, account_no: str) -> bool:
    """Whether the hold and the payment have both been taken in."""
    with database.read() as connection:
        found = connection.scalar(
            select(func.count())
            .select_from(entries)
            .where(
                entries.c.case_no == case_no,
                entries.c.superseded.is_(False),
                entries.c.event.in_(["HoldPlaced", "PaymentRecorded"]),
            )
        )
    return (found or 0) >= 2
