"""What a step costs by count: SQL statements, transactions, events, local activities. Counts know no slow machine."""

import base64
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import event

from store.database import Database


@dataclass
class Counts:
    """Statements run, those left out that begin a transaction or look for the relay's work; transactions that write."""

    statements: int = 0
    writes: int = 0


@contextmanager
def counted(database: Database) -> Iterator[Counts]:
    """Count what runs on a database meanwhile, on whichever thread."""
    counts = Counts()

    def saw(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        counts.writes += statement == "BEGIN IMMEDIATE"
        counts.statements += not statement.startswith("BEGIN") and "FROM outbox" not in statement

    event.listen(database.engine, "before_cursor_execute", saw)
    try:
        yield counts
    finally:
        event.remove(database.engine, "before_cursor_execute", saw)


def events_in(history: Path) -> Counter[str]:
    """The events of a kept history by kind, and besides its local activities by name."""
    kinds: Counter[str] = Counter()
    for each in json.loads(history.read_text(encoding="utf-8"))["events"]:
        kinds[each["eventType"]] += 1
        marked = each.get("markerRecordedEventAttributes")
        if marked is not None and marked["markerName"] == "core_local_activity":
            about = json.loads(base64.b64decode(marked["details"]["data"]["payloads"][0]["data"]))
            kinds[about["activity_type"]] += 1
    return kinds


def bare_events(kinds: Counter[str]) -> int:
    """How many events the same bare start, waits, updates and signals with one local activity each would be.

    Start and end: 2 and a workflow task of 3 with its marker. An update raced by a timer: 2, the task's 3, a marker,
    the timer started and cancelled. A timer that fires: started, fired, 3, a marker. A signal: 1, 3, a marker. A
    message that leaves the building: 3 for its activity, 3 and a marker for the task that hears of it.
    """
    updates = kinds["EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED"]
    fired = kinds["EVENT_TYPE_TIMER_FIRED"]
    signals = kinds["EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED"]
    messages = kinds["EVENT_TYPE_ACTIVITY_TASK_COMPLETED"]
    return 2 + 4 + 8 * updates + 6 * fired + 5 * signals + 7 * messages


def all_events(kinds: Counter[str]) -> int:
    return sum(many for kind, many in kinds.items() if kind.startswith("EVENT_TYPE_"))
