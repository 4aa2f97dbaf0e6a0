"""An arrears case beside the bare floor: decision latency, events and cases a second, interleaved in one run.

Ours is the real case on the real store: opened by the relay, first decision (the notice served), paid, closed. The
floor is `bench.floor`'s case with one local activity a transition. One worker each, SQLite in WAL and FULL.
"""

import asyncio
import importlib
import itertools
import json
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import date
from pathlib import Path

from sqlalchemy import select
from temporalio.client import Client

from activities.channels import JournalChannel
from bench.floor import Contender, compare, engine, floor, table
from domain.account import Bill, Payment
from domain.commands import DecideTask
from domain.people import Actor
from policies.packs import load_pack
from rehearsal.clock import engine_clock
from rehearsal.files import read
from rehearsal.run import play
from runtime.engine import PROMPT
from runtime.relay import Relay
from runtime.wall_clock import now
from store import intake
from store.database import Database
from store.ledger import AccountRecord
from store.tables import cases, metadata
from worker import build_worker
from workflows.payloads import data_converter

NAME = "Guanjia, arrears case"
REHEARSALS = Path(__file__).parent.parent / "tests" / "rehearsals"
COUNT = itertools.count(1)


@asynccontextmanager
async def ours(folder: Path, client: Client) -> AsyncIterator[Contender]:
    """Arrears cases on a server that already runs."""
    database = Database(f"sqlite:///{folder / 'guanjia.db'}")
    metadata.create_all(database.engine)
    encrypted = Client(
        client.service_client, namespace=client.namespace, data_converter=data_converter({"bench": b"b" * 32})
    )
    relay = Relay(encrypted, database, task_queue="ours")
    pack = load_pack("jinan").name
    async with build_worker(encrypted, database, JournalChannel(folder / "messages"), task_queue="ours"):
        yield Contender(NAME, lambda case_no: arrears_case(relay, database, case_no, pack=pack))
    database.close()


async def arrears_case(relay: Relay, database: Database, name: str, *, pack: str) -> float:
    """Open, serve the notice, pay, closed: the seconds of the first decision."""
    at, no = now(), f"{next(COUNT):08d}"
    bill = Bill(no="B1", period="2026-02", amount_fen=8640, due_on=date(2026, 3, 10), at=at)
    account = AccountRecord(no=no, customer_class="resident")
    place = await asyncio.to_thread(intake.open_arrears, database, account, [bill], pack=pack, at=at)
    start = await asyncio.to_thread(relay.starts.opening, place.case_no)
    if start is None:
        raise RuntimeError(f"{place.case_no} had begun before it was started")
    handle = await relay.start(start)
    decision = DecideTask(
        by=Actor(id="collector", roles=("collector",)),
        at=now(),
        key="arrears.serve-dunning-notice",
        form={"outcome": "served", "method": "posted", "photo": "p.jpg"},
    )
    while not await asyncio.to_thread(on_record, database, place.case_no):  # noqa: ASYNC110 - it is in the database
        await asyncio.sleep(0.002)
    began = time.perf_counter()
    await handle.execute_update("decide", decision)
    first = time.perf_counter() - began
    paid_at = now()
    payment = Payment(reference=f"{name}-{no}", amount_fen=8640, paid_at=paid_at, at=paid_at)
    await asyncio.to_thread(intake.record_payment, database, no, payment)
    await handle.signal("nudge")
    await handle.result()
    return first


def on_record(database: Database, case_no: str) -> bool:
    with database.read() as connection:
        return connection.scalar(select(cases.c.case_no).where(cases.c.case_no == case_no)) is not None


async def main() -> None:
    """The floor and ours in one run, interleaved; then the events of whole ladders beside bare waits and updates."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        async with AsyncExitStack() as stack:
            contenders = await stack.enter_async_context(floor(Path(folder)))
            client = await stack.enter_async_context(engine(Path(folder) / "ours", dynamic_config=PROMPT))
            contenders.append(await stack.enter_async_context(ours(Path(folder), client)))
            bout = await compare(contenders, clients=(1, 16), rounds=3, seconds=1.5)
    print(table(bout, base="+ one local activity a transition"))
    print(await ladder_events())


async def ladder_events() -> str:
    """History events of whole rehearsed cases, and what the same bare waits, updates and signals would cost."""
    lines = ["", "| rehearsed case | events | bare | ratio |", "|---|---|---|---|"]
    async with engine_clock() as clock:
        for name in ("to-the-limit-and-back", "paid-before-anything-is-served", "connection-single-to-water"):
            with tempfile.TemporaryDirectory() as folder:
                kept = Path(folder) / "history.json"
                await play(read(REHEARSALS / f"{name}.yaml"), clock, keep_history=kept)
                kinds = Counter(event["eventType"] for event in json.loads(kept.read_text())["events"])
            ours_, bare = sum(kinds.values()), bare_events(kinds)
            lines.append(f"| {name} | {ours_} | {bare} | {ours_ / bare:.2f} |")
    return "\n".join(lines)


def bare_events(kinds: Counter[str]) -> int:
    """A bare start, wait, update or signal with one local activity each.

    Start and end: 2 and a workflow task of 3 with its marker. An update raced by a timer: 2, the task's 3, a marker,
    the timer started and cancelled. A timer that fires: started, fired, 3, a marker. A signal: 1, 3, a marker. A
    message that leaves the building: 3 for its activity, 3 and a marker for the task that hears of it.
    """
    updates = kinds["EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED"]
    fired = kinds["EVENT_TYPE_TIMER_FIRED"]
    signals = kinds["EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED"]
    messages = kinds["EVENT_TYPE_ACTIVITY_TASK_COMPLETED"]
    return 2 + 4 + 8 * updates + 6 * fired + 5 * signals + 7 * messages


if __name__ == "__main__":
    asyncio.run(importlib.import_module("bench.arrears").main())
