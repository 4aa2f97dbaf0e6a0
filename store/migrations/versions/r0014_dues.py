"""Every bill with what was paid on it, filled in from the ledger that is there."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from store import dues

revision: str = "0014"
down_revision: str | None = "0013"

AT_ONCE = 500
PARTS = ("grid", "section", "office")


def upgrade() -> None:
    op.create_table(
        "dues",
        sa.Column("account_no", sa.String(length=50), nullable=False),
        sa.Column("bill_no", sa.String(length=100), nullable=False),
        sa.Column("month", sa.Integer(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("amount_fen", "month_fen", "year_fen")),
        sa.Column("paid_fen", sa.BigInteger(), nullable=False),
        sa.Column("disputed", sa.Boolean(), nullable=False),
        *(sa.Column(part, sa.String(length=50), nullable=True) for part in PARTS),
        sa.ForeignKeyConstraint(["account_no"], ["accounts.account_no"], name=op.f("fk_dues_account_no")),
        sa.PrimaryKeyConstraint("account_no", "bill_no", name=op.f("pk_dues")),
    )
    _fill(op.get_bind())
    added = ["amount_fen", "month_fen", "year_fen", "paid_fen", "disputed"]
    op.create_index("ix_dues_month", "dues", ["month", "due_on", *PARTS, *added])
    unpaid: dict[str, Any] = _where("paid_fen < amount_fen")
    op.create_index("ix_dues_unpaid", "dues", ["due_on", *PARTS, "amount_fen", "paid_fen", "disputed"], **unpaid)
    op.create_index("ix_entries_payments", "entries", ["at", "id"], **_where("event = 'PaymentRecorded'"))
    op.create_index("ix_tasks_closed", "tasks", ["closed_at", "key", "due_at", *PARTS])


def _where(said: str) -> dict[str, Any]:
    return {"sqlite_where": sa.text(said), "postgresql_where": sa.text(said)}


def _fill(connection: sa.Connection) -> None:
    accounts = sa.table("accounts", sa.column("account_no", sa.String()))
    last = ""
    while nos := list(
        connection.scalars(
            sa.select(accounts.c.account_no)
            .where(accounts.c.account_no > last)
            .order_by(accounts.c.account_no)
            .limit(AT_ONCE)
        )
    ):
        dues.refresh(connection, nos)
        last = nos[-1]


def downgrade() -> None:
    op.drop_index("ix_tasks_closed", "tasks")
    op.drop_index("ix_entries_payments", "entries")
    op.drop_table("dues")
