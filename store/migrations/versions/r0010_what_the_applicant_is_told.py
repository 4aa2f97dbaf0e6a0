"""Links of applicants and who used them, visits agreed on, whom to reach about a project, and service cards."""

import sqlalchemy as sa
from alembic import op

revision: str = "0010"
down_revision: str | None = "0009"

PARTS = ("grid", "section", "office")


def upgrade() -> None:
    op.create_table(
        "links",
        sa.Column("link_id", sa.String(length=32), nullable=False),
        sa.Column("case_no", sa.String(length=40), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(length=100), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("link_id", name=op.f("pk_links")),
        sa.ForeignKeyConstraint(["case_no"], ["openings.case_no"], name=op.f("fk_links_case_no")),
    )
    op.create_index(op.f("ix_links_case_no"), "links", ["case_no"])
    op.create_table(
        "link_log",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("link_id", sa.String(length=32), nullable=False),
        sa.Column("case_no", sa.String(length=40), nullable=False),
        sa.Column("action", sa.String(length=20), nullable=False),
        sa.Column("by", sa.String(length=100), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_link_log")),
    )
    op.create_index(op.f("ix_link_log_case_no_id"), "link_log", ["case_no", "id"])
    op.create_table(
        "visits",
        sa.Column("case_no", sa.String(length=40), nullable=False),
        sa.Column("key", sa.String(length=60), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        *(sa.Column(part, sa.String(length=50), nullable=True) for part in PARTS),
        sa.PrimaryKeyConstraint("case_no", "key", name=op.f("pk_visits")),
        sa.ForeignKeyConstraint(["case_no"], ["openings.case_no"], name=op.f("fk_visits_case_no")),
    )
    op.create_index(op.f("ix_visits_key_starts_at"), "visits", ["key", "starts_at"])
    for table, name, length in _COLUMNS:
        op.add_column(table, sa.Column(name, sa.String(length=length), nullable=True))


def downgrade() -> None:
    for table, name, _ in reversed(_COLUMNS):
        with op.batch_alter_table(table) as batch:
            batch.drop_column(name)
    for table in ("visits", "link_log", "links"):
        op.drop_table(table)


_COLUMNS = (
    ("projects", "contact", 100),
    ("projects", "phone", 50),
    ("people", "post", 100),
    ("people", "work_phone", 50),
)
