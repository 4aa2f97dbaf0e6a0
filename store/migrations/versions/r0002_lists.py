"""What lists show, are ordered by and narrowed down by, filled in for the cases, tasks and subjects that are there."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from domain.tasks import Task
from store import glance, search
from store.pressing import party_of, presses_at
from store.tables import Instant

revision: str = "0002"
down_revision: str | None = "0001"

PARTS = ("grid", "section", "office")
AT_ONCE = 500
OPEN_CASES = {
    **{f"{order}_{part}": [part, order] for order in ("presses_at", "amount_fen", "oldest_due_on") for part in PARTS},
    **{order: [order] for order in ("presses_at", "amount_fen", "oldest_due_on")},
    **{f"stage_{part}": [part, "stage", "presses_at"] for part in PARTS},
    "stage": ["stage", "presses_at"],
    "responsible": ["responsible", "presses_at"],
    "proof_missing": ["proof_missing", "presses_at"],
}
OPEN_TASKS = [[by, part] for by in (None, "role", "key", "level") for part in (None, *PARTS)]


def upgrade() -> None:
    term = sa.String(length=32).with_variant(sa.String(length=32, collation="C"), "postgresql")
    op.create_table(
        "found_by",
        sa.Column("process", sa.String(length=20), nullable=False),
        sa.Column("subject", sa.String(length=60), nullable=False),
        sa.Column("term", term, nullable=False),
        sa.PrimaryKeyConstraint("process", "subject", "term", name=op.f("pk_found_by")),
    )
    of_cases: tuple[sa.Column[Any], ...] = (
        sa.Column("presses_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("party", sa.String(length=20), nullable=True),
        sa.Column("kind", sa.String(length=20), nullable=True),
        sa.Column("responsible", sa.String(length=100), nullable=True),
        sa.Column("oldest_due_on", sa.Date(), nullable=True),
        sa.Column("limited_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("proof_missing", sa.Boolean(), nullable=True),
        sa.Column("glance", sa.JSON(), nullable=True),
    )
    of_tasks: tuple[sa.Column[Any], ...] = (
        sa.Column("presses_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("party", sa.String(length=20), nullable=True),
        sa.Column("provisional", sa.Boolean(), nullable=True),
        sa.Column("urged", sa.Integer(), nullable=True),
        sa.Column("item", sa.String(length=100), nullable=True),
    )
    for table, columns in (("cases", of_cases), ("tasks", of_tasks)):
        for column in columns:
            op.add_column(table, column)
    connection = op.get_bind()
    _fill_tasks(connection)
    _fill_cases(connection)
    _fill_terms(connection)
    _create_indexes()


def _create_indexes() -> None:
    op.create_index(op.f("ix_found_by_term"), "found_by", ["term"])
    empty = "coalesce({}, '')".format
    section: list[Any] = ["section", sa.text(empty("grid")), sa.text(empty("address")), "account_no"]
    op.create_index("ix_accounts_route_of_section", "accounts", section)
    op.create_index("ix_accounts_route_of_grid", "accounts", ["grid", sa.text(empty("address")), "account_no"])
    for by in ("stage", *PARTS):
        columns = ["process", "status", by, "opened_at", "case_no"]
        op.create_index(op.f(f"ix_cases_{'_'.join(columns)}"), "cases", columns)
    is_open = sa.text("status = 'open'")
    where: dict[str, Any]
    for name, keys in OPEN_CASES.items():
        columns = ["process", *keys, "case_no", "status"]
        where = {"sqlite_where": is_open, "postgresql_where": is_open}
        op.create_index(f"ix_cases_open_{name}", "cases", columns, **where)
    for reason, part in OPEN_TASKS:
        names = [name for name in (reason, part) if name]
        open_now = sa.text("status = 'open' AND level != 'grid'") if reason == "level" else is_open
        where = {"sqlite_where": open_now, "postgresql_where": open_now}
        op.create_index(
            "_".join(["ix_tasks_open", *names]), "tasks", [*names, "presses_at", "task_id", "status"], **where
        )
    for column in ("holder", "assignee"):
        op.create_index(op.f(f"ix_tasks_{column}_status"), "tasks", [column, "status"])
    op.drop_index(op.f("ix_tasks_status_due_at_task_id"), "tasks")
    op.drop_index(op.f("ix_tasks_status_role_due_at_task_id"), "tasks")


def _table(table: str, key: str, /, **columns: Any) -> sa.TableClause:
    return sa.table(table, sa.column(key, sa.String()), *(sa.column(name, type_) for name, type_ in columns.items()))


def _chunks(connection: sa.Connection, table: sa.TableClause, key: str) -> Any:
    """The rows of a table by its key, some at a time."""
    last = ""
    while rows := connection.execute(
        sa.select(table).where(table.c[key] > last).order_by(table.c[key]).limit(AT_ONCE)
    ).all():
        yield rows
        last = getattr(rows[-1], key)


def _fill(connection: sa.Connection, table: sa.TableClause, key: str, rows: list[dict[str, Any]]) -> None:
    if rows:
        names = [name for name in rows[0] if name != "key"]
        mine = sa.update(table).where(table.c[key] == sa.bindparam("key"))
        connection.execute(mine.values({name: sa.bindparam(name) for name in names}), rows)


def _fill_tasks(connection: sa.Connection) -> None:
    shown = {"presses_at": Instant(), "party": sa.String(), "provisional": sa.Boolean(), "urged": sa.Integer()}
    tasks = _table("tasks", "task_id", body=sa.JSON(), item=sa.String(), **shown)
    for rows in _chunks(connection, tasks, "task_id"):
        filled = []
        for row in rows:
            task = Task.model_validate(row.body)
            filled.append(
                {
                    "key": row.task_id,
                    "presses_at": presses_at(task),
                    "party": party_of(task),
                    "provisional": task.due is not None and task.due.provisional,
                    "urged": task.urged,
                    "item": task.subject[:100] if task.subject else None,
                }
            )
        _fill(connection, tasks, "task_id", filled)


def _fill_cases(connection: sa.Connection) -> None:
    shown = {
        "presses_at": Instant(),
        "party": sa.String(),
        "kind": sa.String(),
        "responsible": sa.String(),
        "oldest_due_on": sa.Date(),
        "limited_at": Instant(),
        "proof_missing": sa.Boolean(),
        "glance": sa.JSON(),
    }
    cases = _table("cases", "case_no", process=sa.String(), outcome=sa.String(), facts=sa.JSON(), **shown)
    entries = _table(
        "entries",
        "case_no",
        sequence=sa.Integer(),
        superseded=sa.Boolean(),
        event=sa.String(),
        at=Instant(),
        body=sa.JSON(),
    )
    named = _table("projects", "case_no", responsible=sa.String())
    for rows in _chunks(connection, cases, "case_no"):
        nos = [row.case_no for row in rows]
        said: dict[str, list[Any]] = {}
        standing = (entries.c.case_no.in_(nos), entries.c.superseded.is_(False), entries.c.event.in_(glance.SEEN))
        for entry in connection.execute(sa.select(entries).where(*standing).order_by(entries.c.sequence)):
            said.setdefault(entry.case_no, []).append(entry)
        responsible = {
            row.case_no: row.responsible for row in connection.execute(sa.select(named).where(named.c.case_no.in_(nos)))
        }
        filled = [
            {"key": row.case_no}
            | glance.columns(
                row.process,
                row.facts,
                responsible=responsible.get(row.case_no),
                closed=row.outcome is not None,
                seen=glance.seen_in(said.get(row.case_no, ()), {}),
            )
            for row in rows
        ]
        _fill(connection, cases, "case_no", filled)


def _fill_terms(connection: sa.Connection) -> None:
    accounts = _table("accounts", "account_no", name=sa.String(), address=sa.String())
    projects = _table("projects", "case_no", name=sa.String(), address=sa.String(), reference=sa.String())
    found_by = _table("found_by", "process", subject=sa.String(), term=sa.String())
    for process, table, key in (("arrears", accounts, "account_no"), ("connection", projects, "case_no")):
        for rows in _chunks(connection, table, key):
            terms = [
                {"process": process, "subject": getattr(row, key), "term": term}
                for row in rows
                for term in search.terms(
                    name=row.name, address=row.address, numbers=(getattr(row, key), getattr(row, "reference", None))
                )
            ]
            connection.execute(sa.insert(found_by), terms)


def downgrade() -> None:
    for by, part in OPEN_TASKS:
        op.drop_index("_".join(["ix_tasks_open", *(name for name in (by, part) if name)]), "tasks")
    for column in ("holder", "assignee"):
        op.drop_index(op.f(f"ix_tasks_{column}_status"), "tasks")
    op.create_index(op.f("ix_tasks_status_due_at_task_id"), "tasks", ["status", "due_at", "task_id"])
    op.create_index(op.f("ix_tasks_status_role_due_at_task_id"), "tasks", ["status", "role", "due_at", "task_id"])
    for name in OPEN_CASES:
        op.drop_index(f"ix_cases_open_{name}", "cases")
    for by in ("stage", *PARTS):
        op.drop_index(op.f(f"ix_cases_process_status_{by}_opened_at_case_no"), "cases")
    op.drop_index("ix_accounts_route_of_grid", "accounts")
    op.drop_index("ix_accounts_route_of_section", "accounts")
    for column in ("item", "urged", "provisional", "party", "presses_at"):
        op.drop_column("tasks", column)
    for column in (
        *("glance", "proof_missing", "limited_at", "oldest_due_on"),
        *("responsible", "kind", "party", "presses_at"),
    ):
        op.drop_column("cases", column)
    op.drop_table("found_by")
