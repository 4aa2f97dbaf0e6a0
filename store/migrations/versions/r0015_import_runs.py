"""How far the taking in of a ledger file is, and every fault that was found in it."""

import sqlalchemy as sa
from alembic import op

revision: str = "0015"
down_revision: str | None = "0014"


def upgrade() -> None:
    op.create_table(
        "import_runs",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("filename", sa.String(length=200), nullable=False),
        sa.Column("by", sa.String(length=100), nullable=False),
        sa.Column("pack", sa.String(length=60), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("beat_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("through", sa.Integer(), nullable=False),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.Column("failed", sa.String(length=50), nullable=True),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_import_runs")),
    )
    op.create_table(
        "import_faults",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("row", sa.Integer(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import_faults")),
    )
    with op.batch_alter_table("import_faults", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_import_faults_sha256_id"), ["sha256", "id"], unique=False)


def downgrade() -> None:
    op.drop_table("import_faults")
    op.drop_table("import_runs")
