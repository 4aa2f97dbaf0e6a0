"""When a message was handed to its provider, how often, and why it failed."""

import sqlalchemy as sa
from alembic import op

revision: str = "0007"
down_revision: str | None = "0006"


def upgrade() -> None:
    with op.batch_alter_table("notices", schema=None) as batch_op:
        batch_op.add_column(sa.Column("detail", sa.String(length=100), nullable=True))
        batch_op.add_column(sa.Column("handed_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("hand_overs", sa.Integer(), nullable=False, server_default="0"))
    # Whoever was sending may have handed it over: it is asked about first.
    op.execute("UPDATE notices SET handed_at = at, hand_overs = 1 WHERE status IN ('sending', 'sent')")
    with op.batch_alter_table("notices", schema=None) as batch_op:
        batch_op.alter_column("hand_overs", existing_type=sa.Integer(), existing_nullable=False, server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("notices", schema=None) as batch_op:
        for name in ("hand_overs", "handed_at", "detail"):
            batch_op.drop_column(name)
