"""An arrears case beside the bare floor: decision latency, events and cases a second, interleaved in one run.

Ours is the real case on the real store: opened by the relay, first decision (the notice served), paid, closed. The
floor is `bench.floor`'s case with one local activity a transition. One worker each, SQLite in WAL and FULL.
"""

import asyncio
import importlib
import itertools
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy import select
from temporalio.client import Client, WorkflowHandle

from activities.channels import JournalChannel
from bench.counts import all_events, bare_events, counted, events_in
from bench.floor import CLIENTS, Contender, compare, engine, floor, table
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
from store.tables import entries, metadata
from worker import build_worker, workflow_runner
from workflows.payloads import data_converter

NAME = "Guanjia, arrears case"
BASE = "+ one local activity a transition"
LOCAL = ("record", "read_ledger", "ask_interlock")
REHEARSALS = Path(__file__).parent.parent / "tests" / "rehearsals"
COUNT = itertools.count(1)


@dataclass(frozen=True)
class Ours:
    """Arrears cases on a running server and a store of their own."""

    relay: Relay
    database: Database
    pack: str

    async def case(self, name: str) -> float:
        """Open, serve the notice, pay, closed: the seconds of the first decision."""
        handle, no = await self.opened(until="CaseOpened")
        first = await decided(handle)
        paid_at = now()
        payment = Payment(reference=f"{name}-{no}", amount_fen=8640, paid_at=paid_at, at=paid_at)
        await asyncio.to_thread(intake.record_payment, self.database, no, payment)
        await handle.signal("nudge")
        await handle.result()
        return first

    async def opened(self, *, until: str) -> tuple[WorkflowHandle[Any, Any], str]:
        """A case that has put an event on record, and its account."""
        at, no = now(), f"{next(COUNT):08d}"
        bill = Bill(no="B1", period="2026-02", amount_fen=8640, due_on=date(2026, 3, 10), at=at)
        account = AccountRecord(no=no, customer_class="resident")
        place = await asyncio.to_thread(intake.open_arrears, self.database, account, [bill], pack=self.pack, at=at)
        start = await asyncio.to_thread(self.relay.starts.opening, place.case_no)
        if start is None:
            raise RuntimeError(f"{place.case_no} had begun before it was started")
        handle = await self.relay.start(start)
        # Seldom enough that the looking itself does not show in what is measured.
        while not await asyncio.to_thread(on_record, self.database, place.case_no, until):  # noqa: ASYNC110 - a store
            await asyncio.sleep(0.02)
        return handle, no

    async def counts_of_a_decision(self) -> str:
        """SQL statements and local activities of a decision, on its own."""
        handle, _ = await self.opened(until="MessageSettled")
        before = await markers(handle)
        with counted(self.database) as counts:
            await decided(handle)
        local = await markers(handle) - before
        return f"A decision: {counts.statements} SQL statements, {counts.writes} write, {local} local activity."


@asynccontextmanager
async def ours(folder: Path, client: Client) -> AsyncIterator[Ours]:
    """Arrears cases on a server that already runs."""
    database = Database(f"sqlite:///{folder / 'guanjia.db'}")
    metadata.create_all(database.engine)
    encrypted = Client(
        client.service_client, namespace=client.namespace, data_converter=data_converter({"bench": b"b" * 32})
    )
    relay = Relay(encrypted, database, task_queue="ours")
    async with build_worker(encrypted, database, JournalChannel(folder / "messages"), task_queue="ours"):
        yield Ours(relay, database, load_pack("jinan").name)
    database.close()


async def decided(handle: WorkflowHandle[Any, Any]) -> float:
    """Serve the notice: the seconds until it is on record."""
    decision = DecideTask(
        by=Actor(id="collector", roles=("collector",)),
        at=now(),
        key="arrears.serve-dunning-notice",
        form={"outcome": "served", "method": "posted", "photo": "p.jpg"},
    )
    began = time.perf_counter()
    await handle.execute_update("decide", decision)
    return time.perf_counter() - began


async def markers(handle: WorkflowHandle[Any, Any]) -> int:
    return sum(e.HasField("marker_recorded_event_attributes") for e in (await handle.fetch_history()).events)


def on_record(database: Database, case_no: str, event: str) -> bool:
    with database.read() as connection:
        mine = (entries.c.case_no == case_no, entries.c.event == event)
        return connection.scalar(select(entries.c.id).where(*mine).limit(1)) is not None


async def main() -> None:
    """The floor and ours in one run, interleaved; then the events of whole ladders beside bare waits and updates."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        async with AsyncExitStack() as stack:
            contenders = await stack.enter_async_context(floor(Path(folder), runner=workflow_runner()))
            client = await stack.enter_async_context(engine(Path(folder) / "ours", dynamic_config=PROMPT))
            mine = await stack.enter_async_context(ours(Path(folder), client))
            contenders.append(Contender(NAME, mine.case))
            bout = await compare(contenders, clients=CLIENTS, rounds=3, seconds=1.5, budget=240)
            spent, counts = await costs(contenders), await mine.counts_of_a_decision()
    print(table(bout, base=BASE), spent, counts, sep="\n")
    print(await ladder_events())


async def costs(contenders: Sequence[Contender], *, cases: int = 32, clients: int = 16) -> str:
    """The CPU of this process a case, worker and client together: what neighbours on the machine change least."""
    lines = ["", "| setting | own CPU a case, 16 clients |", "|---|---|"]
    for each in contenders:
        if each.name in (BASE, NAME):
            before = time.process_time()
            await asyncio.gather(*(one_after_another(each, cases // clients) for _ in range(clients)))
            lines.append(f"| {each.name} | {1000 * (time.process_time() - before) / cases:.0f} ms |")
    return "\n".join(lines)


async def one_after_another(contender: Contender, cases: int) -> None:
    for _ in range(cases):
        await contender.case(uuid4().hex)


async def ladder_events() -> str:
    """History events of whole rehearsed cases, and what the same bare waits, updates and signals would cost."""
    lines = ["", "| rehearsed case | events | bare | ratio | local activities |", "|---|---|---|---|---|"]
    async with engine_clock() as clock:
        for name in ("to-the-limit-and-back", "paid-before-anything-is-served", "connection-single-to-water"):
            with tempfile.TemporaryDirectory() as folder:
                kept = Path(folder) / "history.json"
                await play(read(REHEARSALS / f"{name}.yaml"), clock, keep_history=kept)
                kinds = events_in(kept)
            events, bare = all_events(kinds), bare_events(kinds)
            local = ", ".join(f"{kinds[name]} {name}" for name in LOCAL if kinds[name])
            lines.append(f"| {name} | {events} | {bare} | {events / bare:.2f} | {local} |")
    return "\n".join(lines)


if __name__ == "__main__":
    asyncio.run(importlib.import_module("bench.arrears").main())
