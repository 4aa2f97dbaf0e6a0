"""The whole house for tests of the API: uvicorn, a worker and the relay in one loop on a thread, spoken to by HTTP."""

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from datetime import date
from itertools import count
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import httpx2
import pytest
import uvicorn
from pydantic import SecretStr

from activities.channels import JournalChannel
from api.app import create_app
from domain.people import ROLES
from runtime.relay import Relay
from runtime.wall_clock import now
from settings import Settings
from store.database import Database
from store.people import Person, add_person
from store.tables import metadata
from tests.conftest import TEST_KEYS, RunningEngine, start_engine
from worker import build_worker

T = TypeVar("T")
RECEIPTS = "the-provider-signs-with-this"
BILLING, NEXT = "billing-signs-with-this", "and-soon-with-this-one"
PATIENCE, IMPATIENCE = 60.0, 0.5
"""Seconds that doors wait for a case: a busy machine is no outage; when the worker was sent away, nobody is coming."""
KEY = SecretStr(",".join(f"{name}:dGVzdHMtaG9sZC1uby1wZXJzb25hbC1kYXRhLWhlcmU=" for name in TEST_KEYS))


def second(role: str) -> str:
    """Whoever else has a role at every site, where it takes another pair of eyes."""
    return f"{role}-2"


class Site:
    """A running API, and its worker and relay, which can be sent away and called back."""

    def __init__(self, folder: Path, address: str, **more: Any) -> None:
        self._door = socket.create_server(("127.0.0.1", 0))  # held from now on: nobody else gets this port
        patient = {"decision_timeout": PATIENCE}
        self.settings = Settings(
            data=folder,
            temporal_address=address,
            task_queue=f"site-{uuid4().hex[:8]}",
            payload_keys=KEY,
            api_port=self._door.getsockname()[1],
            **patient | more,
        )
        self.database = Database(self.settings.database, durable=False)
        metadata.create_all(self.database.engine)
        self.tokens: dict[str, str] = {}
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()
        self.app = create_app(self.settings, database=self.database)
        self._server = uvicorn.Server(uvicorn.Config(self.app, log_level="error", access_log=False))
        self._serving = asyncio.run_coroutine_threadsafe(self._server.serve(sockets=[self._door]), self.loop)
        while not self._server.started:
            assert not self._serving.done(), self._serving
            time.sleep(0.01)
        self.http = httpx2.Client(base_url=f"http://127.0.0.1:{self.settings.api_port}/api/v1", timeout=120)
        self._worker: Any = None
        self._relaying: Any = None
        for role in ROLES:
            self.add(role, role)
            self.add(second(role), role)

    def add(self, id: str, *roles: Any, **part: Any) -> str:
        """Let a person in under an id that nobody has; `as_` and `get`/`post` know them by it."""
        assert id not in self.tokens, f"{id} is here already, let in by another test: take `site.somebody({roles})`"
        with self.database.write() as connection:
            self.tokens[id] = add_person(connection, Person(id=id, name=id, roles=roles, **part))
        return id

    def somebody(self, *roles: Any, **part: Any) -> str:
        """Let in a person of the test's own, whom no other test knows; their id."""
        return self.add(f"{roles[0]}-{uuid4().hex[:8]}", *roles, **part)

    def as_(self, who: str | None) -> dict[str, str]:
        """How a person's requests are headed. Two of every role are here: `clerk` and `second("clerk")`, and so on."""
        if who is None:
            return {}
        assert who in self.tokens, (
            f"{who} is not let in here: a test lets its own people in, with `site.somebody(role)`"
        )
        return {"Authorization": f"Bearer {self.tokens[who]}"}

    def get(self, path: str, who: str | None = "auditor", **query: Any) -> httpx2.Response:
        return self.http.get(path, headers=self.as_(who), params=query)

    def post(
        self, path: str, body: Any = None, who: str | None = "collector", key: str | None = None, **more: Any
    ) -> httpx2.Response:
        headers = self.as_(who) | ({"Idempotency-Key": key} if key else {})
        return self.http.post(path, json=body, headers=headers, **more)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run something in the site's own loop."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(120)

    def call_worker(self) -> None:
        """A worker and the relay come."""
        self._wait(PATIENCE)

        async def come() -> None:
            client = await self.app.state.house.engine.client()
            channel = JournalChannel(self.settings.data / "messages")
            self._worker = build_worker(client, self.database, channel, task_queue=self.settings.task_queue, threads=4)
            await self._worker.__aenter__()
            relay = Relay(client, self.database, task_queue=self.settings.task_queue)
            self._relaying = asyncio.create_task(relay.run(now, every=0.02))

        self.run(come())

    def send_worker_away(self) -> None:
        """No worker and no relay any more; whoever asks for a decision is soon told that it is pending."""
        self._wait(IMPATIENCE)

        async def go() -> None:
            if self._relaying is not None:
                self._relaying.cancel()
                with suppress(asyncio.CancelledError):
                    await self._relaying
            if self._worker is not None:
                await self._worker.__aexit__(None, None, None)
            self._worker = self._relaying = None

        self.run(go())

    def _wait(self, seconds: float) -> None:
        vars(self.settings)["decision_timeout"] = seconds  # frozen for everybody else

    def close(self) -> None:
        self.send_worker_away()
        self.http.close()
        self._server.should_exit = True
        self._serving.result(120)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(120)
        self.loop.close()
        self.database.close()


@pytest.fixture(scope="session")
def site(engine: RunningEngine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The house with a worker, for the session, in which other tests were and others will be, in any order.

    So each test opens accounts of its own, lets in people of its own, and looks at lists through their eyes: in a grid
    of its own it sees its own rows and no others. What is claimed of all there is takes `standing(...)`.
    """
    secrets = {"billing_secrets": SecretStr(f"{BILLING},{NEXT}"), "receipts_secrets": SecretStr(RECEIPTS)}
    house = Site(tmp_path_factory.mktemp("site"), engine.address, **secrets)
    house.call_worker()
    yield house
    house.close()


@contextmanager
def standing(folder: Path, **more: Any) -> Iterator[Site]:
    """A house with a worker and an engine of its own: what is in it, one test or one module has put there."""
    (folder / "engine").mkdir()
    engine = start_engine(folder / "engine")
    house = Site(folder / "site", engine.address, **more)
    house.call_worker()
    yield house
    house.close()
    engine.stop()


NUMBERS = count(1)


def opening(no: str, *, amount: str = "86.40", **account: Any) -> dict[str, Any]:
    """A body that opens a case: one bill, overdue since yesterday."""
    due = date.fromordinal(now().date().toordinal() - 1)
    bill = {"no": "B1", "period": "2026-02", "amount": amount, "due_on": due.isoformat()}
    return {"account": {"no": no, "class": "resident", "phone": "13800000000", **account}, "bills": [bill]}


@pytest.fixture
def opened(site: Site, account_no: str) -> dict[str, Any]:
    """A case of its own, just opened."""
    answer = site.post("/arrears-cases", opening(account_no), who="clerk")
    assert answer.status_code == 201, answer.text
    return answer.json()


def eventually(look: Callable[[], T]) -> T:
    """What `look` gives once it gives something. How long it takes is the machine's affair: two minutes are for ever.

    A worker that went away is missed for ten seconds by the engine.
    """
    until = time.monotonic() + 120
    while not (found := look()):
        assert time.monotonic() < until, "it never came"
        time.sleep(0.02)
    return found
