"""An arrears case beside the bare floor: decision latency, events and cases a second, interleaved in one run.

Ours is the real case on the real store: opened by the relay, first decision (the notice served), paid, closed. The
floor is `bench.floor`'s case with one local activity a transition. One worker each, SQLite in WAL and FULL.
"""

import asyncio
import base64
import importlib
import itertools
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
from sqlalchemy import select
from temporalio.client import Client, WorkflowHandle

from activities.channels import JournalChannel
from bench.counts import all_events, bare_events, counted, events_in
from bench.floor import CLIENTS, Contender, compare, engine, floor, free_port, table
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
from settings import Settings
from store import intake
from store.database import Database
from store.ledger import AccountRecord
from store.people import Person, add_person
from store.tables import entries, metadata
from worker import build_worker, workflow_runner
from workflows.payloads import data_converter

NAME = "Guanjia, arrears case"
BASE = "+ one local activity a transition"
OVER_HTTP = f"{NAME}, decided over HTTP"
KEY = b"b" * 32
SERVED = {"outcome": "served", "method": "posted", "photo": "p.jpg"}
LOCAL = ("record", "read_ledger", "ask_interlock")
REHEARSALS = Path(__file__).parent.parent / "tests" / "rehearsals"
COUNT = itertools.count(1)


@dataclass(frozen=True)
class Ours:
    """Arrears cases on a running server and a store of their own."""

    relay: Relay
    database: Database
    pack: str
    http: httpx2.AsyncClient

    async def case(self, name: str, *, over_http: bool = False) -> float:
        """Open, serve the notice, pay, closed: the seconds of the first decision."""
        handle, no, case_no = await self.opened(until="CaseOpened")
        began = time.perf_counter()
        await (self.decided_over_http(case_no) if over_http else decided(handle))
        first = time.perf_counter() - began
        paid_at = now()
        payment = Payment(reference=f"{name}-{no}", amount_fen=8640, paid_at=paid_at, at=paid_at)
        await asyncio.to_thread(intake.record_payment, self.database, no, payment)
        await handle.signal("nudge")
        await handle.result()
        return first

    async def decided_over_http(self, case_no: str) -> None:
        """The same decision as a browser or another system sends it."""
        answer = await self.http.post(f"/tasks/{case_no}-01/decide", json={"form": SERVED})
        answer.raise_for_status()

    async def opened(self, *, until: str) -> tuple[WorkflowHandle[Any, Any], str, str]:
        """A case that has put an event on record, its account and its number."""
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
            await asyncio.sleep(0.05)
        return handle, no, place.case_no

    async def counts_of_a_decision(self) -> str:
        """SQL statements and local activities of a decision, on its own."""
        handle, _, _ = await self.opened(until="MessageSettled")
        await asyncio.sleep(1)  # its record stands before its event in the history does
        before = await markers(handle)
        with counted(self.database) as counts:
            await decided(handle)
        local = await markers(handle) - before
        return f"A decision: {counts.statements} SQL statements, {counts.writes} write, {local} local activity."


@asynccontextmanager
async def ours(folder: Path, client: Client) -> AsyncIterator[Ours]:
    """Arrears cases on a server that already runs; the API is a process of its own, as in life."""
    address, keys = client.service_client.config.target_host, base64.b64encode(KEY).decode()
    told = {"DATA": str(folder), "TEMPORAL_ADDRESS": address, "PAYLOAD_KEYS": f"bench:{keys}"}
    settings = Settings(data=folder, api_port=free_port())
    database = Database(settings.database)
    metadata.create_all(database.engine)
    with database.write() as connection:
        token = add_person(connection, Person(id="collector", name="催缴员", roles=("collector",)))
    encrypted = Client(client.service_client, namespace=client.namespace, data_converter=data_converter({"bench": KEY}))
    relay = Relay(encrypted, database, task_queue="ours")
    env = os.environ | {f"GUANJIA_{name}": value for name, value in told.items()}
    env["GUANJIA_API_PORT"] = str(settings.api_port)
    api = await asyncio.create_subprocess_exec(sys.executable, "-m", "cli", "api", env=env)
    try:
        async with (
            build_worker(encrypted, database, JournalChannel(folder / "messages"), task_queue="ours"),
            httpx2.AsyncClient(
                base_url=f"http://127.0.0.1:{settings.api_port}/api/v1",
                headers={"Authorization": f"Bearer {token}"},
                timeout=120,
            ) as http,
        ):
            await answering(http)
            yield Ours(relay, database, load_pack("jinan").name, http)
    finally:
        api.terminate()
        await api.wait()
        database.close()


async def answering(http: httpx2.AsyncClient) -> None:
    """Wait, up to two minutes, until the API is up."""
    for _ in range(600):
        try:
            await http.get("/tasks")
            return
        except httpx2.TransportError:
            await asyncio.sleep(0.2)
    raise RuntimeError("the API does not answer")


async def decided(handle: WorkflowHandle[Any, Any]) -> None:
    """Serve the notice: it is on record when this returns."""
    by = Actor(id="collector", roles=("collector",))
    await handle.execute_update("decide", DecideTask(by=by, at=now(), key="arrears.serve-dunning-notice", form=SERVED))


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
            contenders.append(Contender(OVER_HTTP, partial(mine.case, over_http=True)))
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
