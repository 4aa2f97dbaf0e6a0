"""What a decision costs between its request and its answer, counted and not timed: counts know no slow machine."""

from pathlib import Path

from sqlalchemy import select

from bench.counts import counted
from store.database import Database
from store.tables import entries
from tests.api.conftest import eventually, opening, standing

SERVED = {"form": {"outcome": "served", "method": "posted", "photo": "door.jpg"}}


def told(database: Database, case_no: str, event: str) -> bool:
    with database.read() as connection:
        mine = (entries.c.case_no == case_no, entries.c.event == event)
        return connection.scalar(select(entries.c.id).where(*mine)) is not None


def test_a_decision_costs_nine_statements_and_one_transaction_that_writes(tmp_path: Path) -> None:
    """Two for who asks and what is asked; place, head, last hash and part of the case; entries, case and tasks."""
    with standing(tmp_path) as site:
        case_no = site.post("/arrears-cases", opening("0410023", phone=None), who="clerk").json()["case_no"]
        # The reminder goes out beside the decision, and has statements of its own.
        eventually(lambda: told(site.database, case_no, "MessageSettled"))
        task = site.get("/tasks", "collector", case_no=case_no).json()["items"][0]
        with counted(site.database) as counts:
            answer = site.post(f"/tasks/{task['task_id']}/decide", SERVED)
        assert answer.json()["stage"] == "grace", answer.text
        assert told(site.database, case_no, "TaskDecided")
        assert (counts.statements, counts.writes) == (9, 1)
