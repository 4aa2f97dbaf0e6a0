"""When the store was put back to an earlier point, and how it was noticed."""

import sqlalchemy as sa
from alembic import op

revision: str = "0022"
down_revision: str | None = "0021"


def upgrade() -> None:
    op.create_table(
        "recoveries",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("because", sa.String(length=20), nullable=False),
        sa.Column("case_no", sa.String(length=40), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recoveries")),
    )


def downgrade() -> None:
    op.drop_table("recoveries")
