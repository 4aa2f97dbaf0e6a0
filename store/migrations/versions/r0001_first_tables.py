"""The tables of the first release."""

import sqlalchemy as sa
from alembic import op

revision: str = "0001"
down_revision: str | None = None


def upgrade() -> None:
    op.create_table(
        "accounts",
        sa.Column("account_no", sa.String(length=50), nullable=False),
        sa.Column("customer_class", sa.String(length=20), nullable=False),
        sa.Column("estate", sa.String(length=10), nullable=False),
        sa.Column("phone", sa.String(length=50), nullable=True),
        sa.Column("name", sa.String(length=200), nullable=True),
        sa.Column("address", sa.String(length=300), nullable=True),
        sa.Column("protected", sa.JSON(), nullable=False),
        sa.Column("grid", sa.String(length=50), nullable=True),
        sa.Column("section", sa.String(length=50), nullable=True),
        sa.Column("office", sa.String(length=50), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("account_no", name=op.f("pk_accounts")),
    )
    op.create_table(
        "answers",
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("body", sa.JSON(), nullable=True),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_answers")),
    )
    op.create_table(
        "calendars",
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.String(length=100), nullable=False),
        sa.PrimaryKeyConstraint("year", name=op.f("pk_calendars")),
    )
    op.create_table(
        "imports",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("filename", sa.String(length=200), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.String(length=100), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("bills_new", sa.Integer(), nullable=False),
        sa.Column("bills_known", sa.Integer(), nullable=False),
        sa.Column("cases_opened", sa.Integer(), nullable=False),
        sa.Column("errors", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_imports")),
    )
    op.create_table(
        "inbox_log",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("task_id", sa.String(length=60), nullable=False),
        sa.Column("action", sa.String(length=20), nullable=False),
        sa.Column("by", sa.String(length=100), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbox_log")),
    )
    op.create_index(op.f("ix_inbox_log_task_id"), "inbox_log", ["task_id"], unique=False)
    op.create_table(
        "numbers",
        sa.Column("prefix", sa.String(length=20), nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("prefix", name=op.f("pk_numbers")),
    )
    op.create_table(
        "openings",
        sa.Column("case_no", sa.String(length=40), nullable=False),
        sa.Column("process", sa.String(length=20), nullable=False),
        sa.Column("subject", sa.String(length=60), nullable=False),
        sa.Column("open_subject", sa.String(length=60), nullable=True),
        sa.Column("pack", sa.String(length=60), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("case_no", name=op.f("pk_openings")),
        sa.UniqueConstraint("process", "open_subject", name=op.f("uq_openings_process_open_subject")),
    )
    op.create_index(op.f("ix_openings_process_subject"), "openings", ["process", "subject"], unique=False)
    op.create_table(
        "outbox",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("process", sa.String(length=20), nullable=False),
        sa.Column("subject", sa.String(length=60), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
    )
    op.create_index(op.f("ix_outbox_next_try_at_id"), "outbox", ["next_try_at", "id"], unique=False)
    op.create_table(
        "people",
        sa.Column("id", sa.String(length=100), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("roles", sa.JSON(), nullable=False),
        sa.Column("level", sa.String(length=10), nullable=True),
        sa.Column("token_hash", sa.String(length=64), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("grid", sa.String(length=50), nullable=True),
        sa.Column("section", sa.String(length=50), nullable=True),
        sa.Column("office", sa.String(length=50), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_people")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_people_token_hash")),
    )
    op.create_table(
        "refusals",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("case_no", sa.String(length=40), nullable=True),
        sa.Column("command", sa.String(length=80), nullable=False),
        sa.Column("code", sa.String(length=20), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("by", sa.String(length=100), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refusals")),
    )
    op.create_index(op.f("ix_refusals_case_no"), "refusals", ["case_no"], unique=False)
    op.create_table(
        "sources",
        sa.Column("name", sa.String(length=50), nullable=False),
        sa.Column("synced_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_sources")),
    )
    op.create_table(
        "cases",
        sa.Column("case_no", sa.String(length=40), nullable=False),
        sa.Column("process", sa.String(length=20), nullable=False),
        sa.Column("subject", sa.String(length=60), nullable=False),
        sa.Column("workflow_id", sa.String(length=120), nullable=False),
        sa.Column("pack", sa.String(length=60), nullable=False),
        sa.Column("stage", sa.String(length=30), nullable=True),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("outcome", sa.String(length=30), nullable=True),
        sa.Column("standing", sa.String(length=30), nullable=True),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_wake", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("history", sa.Integer(), nullable=False),
        sa.Column("ledger_position", sa.BigInteger(), nullable=False),
        sa.Column("chain_hash", sa.String(length=64), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("grid", sa.String(length=50), nullable=True),
        sa.Column("section", sa.String(length=50), nullable=True),
        sa.Column("office", sa.String(length=50), nullable=True),
        sa.ForeignKeyConstraint(["case_no"], ["openings.case_no"], name=op.f("fk_cases_case_no")),
        sa.PrimaryKeyConstraint("case_no", name=op.f("pk_cases")),
    )
    op.create_index(
        op.f("ix_cases_process_status_opened_at_case_no"),
        "cases",
        ["process", "status", "opened_at", "case_no"],
        unique=False,
    )
    op.create_index(op.f("ix_cases_process_subject"), "cases", ["process", "subject"], unique=False)
    op.create_index(op.f("ix_cases_status_next_wake"), "cases", ["status", "next_wake"], unique=False)
    op.create_table(
        "entries",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("case_no", sa.String(length=40), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("history", sa.Integer(), nullable=False),
        sa.Column("late", sa.Boolean(), nullable=False),
        sa.Column("chain_hash", sa.String(length=64), nullable=False),
        sa.Column("superseded", sa.Boolean(), nullable=False),
        sa.Column("event", sa.String(length=40), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.String(length=100), nullable=False),
        sa.Column("clauses", sa.JSON(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["case_no"], ["openings.case_no"], name=op.f("fk_entries_case_no")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_entries")),
    )
    op.create_index(op.f("ix_entries_case_no_id"), "entries", ["case_no", "id"], unique=False)
    op.create_index(
        "uq_entries_standing",
        "entries",
        ["case_no", "sequence"],
        unique=True,
        sqlite_where=sa.text("superseded IS 0"),
        postgresql_where=sa.text("superseded IS false"),
    )
    op.create_table(
        "ledger",
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("account_no", sa.String(length=50), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("unique_key", sa.String(length=160), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=True),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account_no"], ["accounts.account_no"], name=op.f("fk_ledger_account_no")),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_ledger")),
        sa.UniqueConstraint("kind", "unique_key", name=op.f("uq_ledger_kind_unique_key")),
    )
    op.create_index(op.f("ix_ledger_account_no_position"), "ledger", ["account_no", "position"], unique=False)
    op.create_table(
        "limit_orders",
        sa.Column("order_no", sa.String(length=60), nullable=False),
        sa.Column("case_no", sa.String(length=40), nullable=False),
        sa.Column("account_no", sa.String(length=50), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["account_no"], ["accounts.account_no"], name=op.f("fk_limit_orders_account_no")),
        sa.ForeignKeyConstraint(["case_no"], ["openings.case_no"], name=op.f("fk_limit_orders_case_no")),
        sa.PrimaryKeyConstraint("order_no", name=op.f("pk_limit_orders")),
        sa.UniqueConstraint("account_no", "fence", name=op.f("uq_limit_orders_account_no_fence")),
    )
    op.create_table(
        "notices",
        sa.Column("case_no", sa.String(length=40), nullable=False),
        sa.Column("key", sa.String(length=60), nullable=False),
        sa.Column("template", sa.String(length=40), nullable=False),
        sa.Column("channel", sa.String(length=20), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recipient", sa.String(length=50), nullable=True),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("provider_reference", sa.String(length=100), nullable=True),
        sa.ForeignKeyConstraint(["case_no"], ["openings.case_no"], name=op.f("fk_notices_case_no")),
        sa.PrimaryKeyConstraint("case_no", "key", name=op.f("pk_notices")),
    )
    op.create_table(
        "projects",
        sa.Column("case_no", sa.String(length=40), nullable=False),
        sa.Column("reference", sa.String(length=100), nullable=True),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("address", sa.String(length=300), nullable=True),
        sa.Column("district", sa.String(length=50), nullable=True),
        sa.Column("channel", sa.String(length=50), nullable=True),
        sa.Column("department", sa.String(length=100), nullable=True),
        sa.Column("responsible", sa.String(length=100), nullable=True),
        sa.Column("arrived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("planned_end", sa.DateTime(timezone=True), nullable=True),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("papers", sa.JSON(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("grid", sa.String(length=50), nullable=True),
        sa.Column("section", sa.String(length=50), nullable=True),
        sa.Column("office", sa.String(length=50), nullable=True),
        sa.ForeignKeyConstraint(["case_no"], ["openings.case_no"], name=op.f("fk_projects_case_no")),
        sa.PrimaryKeyConstraint("case_no", name=op.f("pk_projects")),
        sa.UniqueConstraint("reference", name=op.f("uq_projects_reference")),
    )
    op.create_index(op.f("ix_projects_name"), "projects", ["name"], unique=False)
    op.create_table(
        "tasks",
        sa.Column("task_id", sa.String(length=60), nullable=False),
        sa.Column("case_no", sa.String(length=40), nullable=False),
        sa.Column("process", sa.String(length=20), nullable=False),
        sa.Column("key", sa.String(length=60), nullable=False),
        sa.Column("role", sa.String(length=30), nullable=False),
        sa.Column("level", sa.String(length=10), nullable=True),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paused", sa.Boolean(), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("assignee", sa.String(length=100), nullable=True),
        sa.Column("holder", sa.String(length=100), nullable=True),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("grid", sa.String(length=50), nullable=True),
        sa.Column("section", sa.String(length=50), nullable=True),
        sa.Column("office", sa.String(length=50), nullable=True),
        sa.ForeignKeyConstraint(["case_no"], ["openings.case_no"], name=op.f("fk_tasks_case_no")),
        sa.PrimaryKeyConstraint("task_id", name=op.f("pk_tasks")),
    )
    op.create_index(op.f("ix_tasks_case_no"), "tasks", ["case_no"], unique=False)
    op.create_index(op.f("ix_tasks_status_due_at_task_id"), "tasks", ["status", "due_at", "task_id"], unique=False)
    op.create_index(
        op.f("ix_tasks_status_role_due_at_task_id"), "tasks", ["status", "role", "due_at", "task_id"], unique=False
    )


def downgrade() -> None:
    op.drop_table("tasks")
    op.drop_table("projects")
    op.drop_table("notices")
    op.drop_table("limit_orders")
    op.drop_table("ledger")
    op.drop_table("entries")
    op.drop_table("cases")
    op.drop_table("sources")
    op.drop_table("refusals")
    op.drop_table("people")
    op.drop_table("outbox")
    op.drop_table("openings")
    op.drop_table("numbers")
    op.drop_table("inbox_log")
    op.drop_table("imports")
    op.drop_table("calendars")
    op.drop_table("answers")
    op.drop_table("accounts")
