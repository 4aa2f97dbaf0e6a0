"""Finds who lives at an address, whose hands a task is in and what stands still; tells tasks apart by the index."""

import sqlalchemy as sa
from alembic import op

revision: str = "0021"
down_revision: str | None = "0020"

PARTS = ((), ("grid",), ("section",), ("office",))
OPEN = sa.text("status = 'open'")
RISEN = sa.text("status = 'open' AND level != 'grid'")
UNPAID = sa.text("paid_fen < amount_fen")
STANDING = sa.text("status = 'open' AND standing IS NOT NULL")


def upgrade() -> None:
    for part in PARTS:
        _open("key", part, also=["role", "level"])
        _open("level", part, also=["role"])
        op.create_index(
            _standing(part),
            "cases",
            ["process", *part, "standing", "presses_at", "case_no", "status"],
            unique=False,
            sqlite_where=STANDING,
            postgresql_where=STANDING,
        )
    for name in ("all", "grid", "section", "office"):
        op.create_index(
            f"ix_dues_unpaid_of_{name}",
            "dues",
            [*([] if name == "all" else [name]), "account_no", "bill_no", "month", "due_on"],
            unique=False,
            sqlite_where=UNPAID,
            postgresql_where=UNPAID,
        )
    op.create_index("ix_accounts_address", "accounts", ["address"], unique=False)
    for name in ("holder", "assignee"):
        op.drop_index(f"ix_tasks_{name}_status", table_name="tasks")
        held = sa.text(f"status = 'open' AND {name} IS NOT NULL")
        op.create_index(
            f"ix_tasks_open_{name}",
            "tasks",
            [name, "presses_at", "task_id", "status"],
            unique=False,
            sqlite_where=held,
            postgresql_where=held,
        )


def downgrade() -> None:
    for part in PARTS:
        _open("level", part, also=[])
        _open("key", part, also=[])
        op.drop_index(_standing(part), table_name="cases")
    for name in ("holder", "assignee"):
        op.drop_index(f"ix_tasks_open_{name}", table_name="tasks")
        op.create_index(f"ix_tasks_{name}_status", "tasks", [name, "status"], unique=False)
    for name in ("all", "grid", "section", "office"):
        op.drop_index(f"ix_dues_unpaid_of_{name}", table_name="dues")
    op.drop_index("ix_accounts_address", table_name="accounts")


def _standing(part: tuple[str, ...]) -> str:
    return "_".join(["ix_cases_open_standing", *part])


def _open(by: str, part: tuple[str, ...], *, also: list[str]) -> None:
    name = "_".join(["ix_tasks_open", by, *part])
    columns = [by, *part, "presses_at", "task_id", "status", *also]
    where = RISEN if by == "level" else OPEN
    op.drop_index(name, table_name="tasks")
    op.create_index(name, "tasks", columns, unique=False, sqlite_where=where, postgresql_where=where)
