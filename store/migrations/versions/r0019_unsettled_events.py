"""Finds the few events of billing that wait or were refused."""

import sqlalchemy as sa
from alembic import op

revision: str = "0019"
down_revision: str | None = "0018"
UNSETTLED = sa.text("status != 'taken'")


def upgrade() -> None:
    op.create_index(
        "ix_billing_events_unsettled",
        "billing_events",
        ["at", "id"],
        unique=False,
        sqlite_where=UNSETTLED,
        postgresql_where=UNSETTLED,
    )


def downgrade() -> None:
    op.drop_index("ix_billing_events_unsettled", table_name="billing_events")
