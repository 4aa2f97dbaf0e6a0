"""The whole house for tests of the API: uvicorn, a worker and the relay in one loop on a thread, spoken to by HTTP."""

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import suppress
from datetime import date, timedelta
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
from tests.conftest import TEST_KEYS, RunningEngine, free_port
from worker import build_worker

T = TypeVar("T")
RECEIPTS = "the-provider-signs-with-this"
BILLING, NEXT = "billing-signs-with-this", "and-soon-with-this-one"
KEY = SecretStr(",".join(f"{name}:dGVzdHMtaG9sZC1uby1wZXJzb25hbC1kYXRhLWhlcmU=" for name in TEST_KEYS))


class Site:
    """A running API, and its worker and relay, which can be sent away and called back."""

    def __init__(self, folder: Path, address: str, **more: Any) -> None:
        patient = {"decision_timeout": 20.0}  # a busy machine is no outage; those that are about one say how long
        self.settings = Settings(
            data=folder,
            temporal_address=address,
            task_queue=f"site-{uuid4().hex[:8]}",
            payload_keys=KEY,
            api_port=free_port(),
            **patient | more,
        )
        self.database = Database(self.settings.database, durable=False)
        metadata.create_all(self.database.engine)
        self.tokens: dict[str, str] = {}
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()
        self.app = create_app(self.settings, database=self.database)
        config = uvicorn.Config(
            self.app, host="127.0.0.1", port=self.settings.api_port, log_level="error", access_log=False
        )
        self._server = uvicorn.Server(config)
        self._serving = asyncio.run_coroutine_threadsafe(self._server.serve(), self.loop)
        while not self._server.started:
            time.sleep(0.01)
        self.http = httpx2.Client(base_url=f"http://127.0.0.1:{self.settings.api_port}/api/v1", timeout=30)
        self._worker: Any = None
        self._relaying: Any = None
        for role in ROLES:
            self.add(role, role)

    def add(self, id: str, *roles: Any, **part: Any) -> str:
        """Let a person in; `as_` and `get`/`post` know them by id."""
        with self.database.write() as connection:
            self.tokens[id] = add_person(connection, Person(id=id, name=id, roles=roles, **part))
        return id

    def as_(self, who: str | None) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens[who]}"} if who else {}

    def get(self, path: str, who: str | None = "auditor", **query: Any) -> httpx2.Response:
        return self.http.get(path, headers=self.as_(who), params=query)

    def post(
        self, path: str, body: Any = None, who: str | None = "collector", key: str | None = None, **more: Any
    ) -> httpx2.Response:
        headers = self.as_(who) | ({"Idempotency-Key": key} if key else {})
        return self.http.post(path, json=body, headers=headers, **more)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run something in the site's own loop."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(60)

    def call_worker(self) -> None:
        """A worker and the relay come."""

        async def come() -> None:
            client = await self.app.state.house.engine.client()
            channel = JournalChannel(self.settings.data / "messages")
            self._worker = build_worker(client, self.database, channel, task_queue=self.settings.task_queue, threads=4)
            await self._worker.__aenter__()
            relay = Relay(client, self.database, task_queue=self.settings.task_queue)
            self._relaying = asyncio.create_task(relay.run(now, every=0.02))

        self.run(come())

    def send_worker_away(self) -> None:
        """No worker and no relay any more."""

        async def go() -> None:
            if self._relaying is not None:
                self._relaying.cancel()
                with suppress(asyncio.CancelledError):
                    await self._relaying
            if self._worker is not None:
                await self._worker.__aexit__(None, None, None)
            self._worker = self._relaying = None

        self.run(go())

    def close(self) -> None:
        self.send_worker_away()
        self.http.close()
        self._server.should_exit = True
        self._serving.result(30)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(10)
        self.loop.close()
        self.database.close()


@pytest.fixture(scope="session")
def site(engine: RunningEngine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The house with a worker, for the session. Each test opens accounts of its own."""
    secrets = {"billing_secrets": SecretStr(f"{BILLING},{NEXT}"), "receipts_secrets": SecretStr(RECEIPTS)}
    house = Site(tmp_path_factory.mktemp("site"), engine.address, **secrets)
    house.call_worker()
    yield house
    house.close()


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


def eventually(look: Callable[[], T], *, within: timedelta = timedelta(seconds=30)) -> T:
    """What `look` gives once it gives something. A worker that went away is missed for ten seconds by the engine."""
    until = time.monotonic() + within.total_seconds()
    while not (found := look()):
        assert time.monotonic() < until, "it never came"
        time.sleep(0.05)
    return found
