"""What a provider reports of a message afterwards."""

import sqlalchemy as sa
from alembic import op

revision: str = "0011"
down_revision: str | None = "0010"


def upgrade() -> None:
    with op.batch_alter_table("notices", schema=None) as batch_op:
        batch_op.add_column(sa.Column("receipt", sa.String(length=10), nullable=True))
        batch_op.add_column(sa.Column("receipt_code", sa.String(length=100), nullable=True))
        batch_op.add_column(sa.Column("receipt_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("notices", schema=None) as batch_op:
        for name in ("receipt_at", "receipt_code", "receipt"):
            batch_op.drop_column(name)
