"""A disk without room: a clean 503, nothing half written, and work goes on once there is room again."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, func, select

from store.tables import ledger
from tests.api.conftest import Site, opening
from tests.conftest import RunningEngine

NO_ROOM, ROOM = 1, 2**30
AT_MOST = 500


@pytest.fixture
def alone(engine: RunningEngine, tmp_path: Path) -> Iterator[Site]:
    """A house without a worker: money is taken by the store alone."""
    house = Site(tmp_path / "site", engine.address)
    yield house
    house.close()


def test_money_is_refused_whole_while_the_disk_is_full_and_taken_afterwards(alone: Site, account_no: str) -> None:
    pages = {"at most": ROOM}

    @event.listens_for(alone.database.engine, "checkout")
    def _bounded(connection: Any, *_: Any) -> None:
        # Less than the file has already is as much as it has: it cannot grow.
        connection.execute(f"PRAGMA max_page_count={pages['at most']}")

    assert alone.post("/arrears-cases", opening(account_no), who="clerk").status_code in (201, 202)

    def pay(no: int) -> Any:
        body = {"account": account_no, "reference": f"{account_no}-{no}", "amount": "0.01"}
        return alone.post("/payments", body, who="clerk")

    pages["at most"] = NO_ROOM
    taken = 0
    while (answer := pay(taken)).status_code == 201:
        taken += 1
        assert taken < AT_MOST, "the disk never filled"
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    assert alone.get("/cases", "auditor").status_code == 200

    pages["at most"] = ROOM
    assert pay(taken).status_code == 201
    with alone.database.read() as connection:
        mine = (ledger.c.account_no == account_no, ledger.c.kind == "payment")
        assert connection.scalar(select(func.count()).where(*mine)) == taken + 1
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
