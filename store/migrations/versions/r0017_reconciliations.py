"""Billing's own lists of a day beside our ledger, and the accounts on which the two did not agree."""

import sqlalchemy as sa
from alembic import op

revision: str = "0017"
down_revision: str | None = "0016"


def upgrade() -> None:
    op.create_table(
        "reconciliations",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("source", sa.String(length=50), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.String(length=100), nullable=False),
        sa.Column("accounts", sa.Integer(), nullable=False),
        sa.Column("differences", sa.Integer(), nullable=False),
        sa.Column("ours_fen", sa.BigInteger(), nullable=False),
        sa.Column("theirs_fen", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reconciliations")),
    )
    op.create_table(
        "reconciliation_lines",
        sa.Column("reconciliation", sa.BigInteger(), nullable=False),
        sa.Column("account_no", sa.String(length=50), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("ours_fen", sa.BigInteger(), nullable=False),
        sa.Column("theirs_fen", sa.BigInteger(), nullable=False),
        sa.Column("bills", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["reconciliation"], ["reconciliations.id"], name=op.f("fk_reconciliation_lines_reconciliation")
        ),
        sa.PrimaryKeyConstraint("reconciliation", "account_no", name=op.f("pk_reconciliation_lines")),
    )


def downgrade() -> None:
    op.drop_table("reconciliation_lines")
    op.drop_table("reconciliations")
