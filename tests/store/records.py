"""What a case says in the tests of the store, and what the store should then show: a small model of a case."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select

from domain.calendars import CHINA
from domain.case import TaskDecided, TaskEscalated, changed_task
from domain.tasks import Task
from store import casebook, ledger
from store.casebook import GENESIS, Batch, Entry, Snapshot
from store.database import Database
from store.ledger import AccountRecord
from store.tables import STANDING, cases, entries, limit_orders, notices, openings, tasks

AT = datetime(2026, 3, 11, 9, tzinfo=CHINA)
SUBJECT = "0410023"


@dataclass(frozen=True)
class Told:
    """A case as it stands after what it has said. A value: an attempt that dies leaves it alone."""

    case_no: str
    subject: str = SUBJECT
    said: tuple[Entry, ...] = ()
    unwritten: tuple[Entry, ...] = ()
    head: str = GENESIS
    written_head: str = GENESIS
    tasks: dict[str, Task] = field(default_factory=dict)
    opened_at: dict[str, int] = field(default_factory=dict)
    touched: frozenset[str] = frozenset()
    withdrawn: frozenset[str] = frozenset()
    ended: dict[str, str] = field(default_factory=dict)
    outcome: str | None = None

    @property
    def sequence(self) -> int:
        return len(self.said)

    @property
    def open_tasks(self) -> list[Task]:
        return [task for task in self.tasks.values() if task.status == "open"]

    def telling(self, event: str, **body: Any) -> "Told":
        """The case after one more event."""
        at = AT + timedelta(minutes=self.sequence)
        entry = Entry(sequence=self.sequence + 1, event=event, at=at, by="collector", clauses=("c.1",), body=body)
        after = replace(
            self, said=(*self.said, entry), unwritten=(*self.unwritten, entry), head=entry.hash_after(self.head)
        )
        match event:
            case "TaskOpened":
                task = Task.model_validate(body["task"])
                after = replace(after, opened_at={**self.opened_at, task.id: entry.sequence})
                return after._with(task)
            case "TaskDecided":
                return after._with(
                    changed_task(self.tasks[body["task_id"]], TaskDecided(at=at, by="collector", **body))
                )
            case "TaskEscalated":
                return after._with(
                    changed_task(self.tasks[body["task_id"]], TaskEscalated(at=at, by="collector", **body))
                )
            case "MessageSettled":
                return replace(after, withdrawn=self.withdrawn | {body["key"]})
            case "LimitOrderRecalled":
                return replace(after, ended={**self.ended, body["order_no"]: "recalled"})
            case "PressureLimited":
                return replace(after, ended={**self.ended, body["order_no"]: "done"})
            case "CaseClosed":
                return replace(after, outcome=body["outcome"])
            case "CaseReopened":
                return replace(after, outcome=None)
        return after

    def _with(self, task: Task) -> "Told":
        return replace(self, tasks={**self.tasks, task.id: task}, touched=self.touched | {task.id})

    def noting(self, note: str) -> "Told":
        return self.telling("ContactRecorded", method="phone", reached=True, note=note)

    def opening_a_task(self, key: str) -> "Told":
        at = AT + timedelta(minutes=self.sequence)
        no = f"{self.case_no}-{len(self.tasks) + 1:02d}"
        task = Task(id=no, key=key, role="collector", opened_at=at, counts_from=at)
        return self.telling("TaskOpened", task=task.model_dump(mode="json"))

    def deciding(self, task: Task) -> "Told":
        return self.telling("TaskDecided", task_id=task.id, key=task.key, form={"outcome": "served"})

    def escalating(self, task: Task) -> "Told":
        return self.telling("TaskEscalated", task_id=task.id, key=task.key, level="office")

    def withdrawing_a_message(self, key: str) -> "Told":
        return self.telling("MessageSettled", key=key, template="reminder", channel="sms", status="withdrawn")

    def recalling(self, order_no: str) -> "Told":
        return self.telling("LimitOrderRecalled", order_no=order_no, because="settled")

    def limiting(self, order_no: str) -> "Told":
        return self.telling("PressureLimited", order_no=order_no)

    def snapshot(self) -> Snapshot:
        return Snapshot(
            process="arrears",
            subject=self.subject,
            workflow_id=f"arrears/{self.subject}",
            pack="jinan@2020-01-29",
            stage=f"stage-{self.sequence}",
            outcome=self.outcome,
            standing=None,
            amount_fen=100 * self.sequence,
            opened_at=AT,
            closed_at=AT if self.outcome else None,
            next_wake=AT + timedelta(days=self.sequence),
            ledger_position=self.sequence,
            facts={
                "heads": self.head,
                "tasks": {task.id: task.model_dump(mode="json") for task in self.open_tasks},
            },
        )

    def batch(self, *, run: int = 1, history: int, knows_its_past: bool = True) -> Batch:
        """What is not written yet, as the workflow task of that rank writes it."""
        return Batch(
            case_no=self.case_no,
            run=run,
            history=history,
            after=self.written_head if knows_its_past else None,
            entries=self.unwritten,
            snapshot=self.snapshot(),
            tasks=tuple(self.tasks[no] for no in sorted(self.touched)),
        )

    def written(self) -> "Told":
        return replace(self, unwritten=(), touched=frozenset(), written_head=self.head)


def place(
    database: Database, case_no: str = "QF-20260311-0001", subject: str = SUBJECT, *, orders: tuple[str, ...] = ()
) -> Told:
    """An account, and a case number for it; with limit orders that are out."""
    with database.write() as connection:
        ledger.put_account(connection, AccountRecord(no=subject, customer_class="resident", grid="g1"), at=AT)
        connection.execute(
            openings.insert().values(
                case_no=case_no,
                process="arrears",
                subject=subject,
                open_subject=subject,
                pack="jinan@2020-01-29",
                at=AT,
            )
        )
        for fence, order_no in enumerate(orders, start=1):
            row = {"order_no": order_no, "case_no": case_no, "account_no": subject, "fence": fence}
            connection.execute(limit_orders.insert().values(**row, status="issued", issued_at=AT))
    return Told(case_no, subject)


def write(database: Database, told: Told, *, run: int = 1, history: int, knows_its_past: bool = True) -> Told:
    """Record what is not written yet."""
    casebook.record(database, told.batch(run=run, history=history, knows_its_past=knows_its_past))
    return told.written()


def shown(connection: Connection, case_no: str) -> dict[str, Any]:
    """What the store shows of a case."""
    row = connection.execute(select(cases).where(cases.c.case_no == case_no)).one_or_none()
    standing = connection.execute(
        select(entries).where(entries.c.case_no == case_no, STANDING).order_by(entries.c.sequence)
    ).all()
    mine = connection.execute(select(tasks).where(tasks.c.case_no == case_no).order_by(tasks.c.task_id)).all()
    messages = connection.execute(select(notices.c.key, notices.c.status).where(notices.c.case_no == case_no)).all()
    orders = connection.execute(
        select(limit_orders.c.order_no, limit_orders.c.status, limit_orders.c.closed_at).where(
            limit_orders.c.case_no == case_no
        )
    ).all()
    place = select(openings.c.open_subject).where(openings.c.case_no == case_no)
    return {
        "timeline": [(entry.sequence, entry.event, entry.body) for entry in standing],
        "head": standing[-1].content_hash if standing else GENESIS,
        "case": row and (row.sequence, row.stage, row.status, row.outcome, row.amount_fen, row.next_wake, row.facts),
        "tasks": [(task.task_id, task.key, task.status, task.level, task.sequence, task.body) for task in mine],
        "messages": {(message.key, message.status) for message in messages},
        "orders": {order.order_no: (order.status, order.closed_at is not None) for order in orders},
        "place": connection.scalar(place),
    }


def expected(told: Told, *, orders: tuple[str, ...] = ()) -> dict[str, Any]:
    """What the store should show of a case that has said this and nothing else."""
    snapshot = told.snapshot()
    status = "closed" if told.outcome else "open"
    return {
        "timeline": [(entry.sequence, entry.event, entry.body) for entry in told.said],
        "head": told.head,
        "case": (
            told.sequence,
            snapshot.stage,
            status,
            told.outcome,
            snapshot.amount_fen,
            snapshot.next_wake,
            snapshot.facts,
        ),
        "tasks": [
            (
                task.id,
                task.key,
                task.status,
                task.escalations[-1].level if task.escalations else None,
                told.opened_at[task.id],
                task.model_dump(mode="json"),
            )
            for task in sorted(told.tasks.values(), key=lambda task: task.id)
        ],
        "messages": {(key, "withdrawn") for key in told.withdrawn},
        "orders": {no: (told.ended.get(no, "issued"), no in told.ended) for no in orders},
        "place": None if told.outcome else told.subject,
    }
