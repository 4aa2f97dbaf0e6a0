"""Grids and who holds them, and who stands in for whom."""

import sqlalchemy as sa
from alembic import op

revision: str = "0012"
down_revision: str | None = "0011"


def upgrade() -> None:
    op.create_table(
        "grids",
        sa.Column("name", sa.String(length=50), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("section", sa.String(length=50), nullable=True),
        sa.Column("office", sa.String(length=50), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_grids")),
    )
    op.create_table(
        "posts",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("grid", sa.String(length=50), nullable=False),
        sa.Column("post", sa.String(length=1), nullable=False),
        sa.Column("person", sa.String(length=100), nullable=False),
        sa.Column("work_phone", sa.String(length=50), nullable=True),
        sa.Column("wechat", sa.Boolean(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=True),
        sa.Column("since_on", sa.Date(), nullable=False),
        sa.Column("until_on", sa.Date(), nullable=True),
        sa.Column("appointed_by", sa.String(length=100), nullable=False),
        sa.Column("approved_by", sa.String(length=100), nullable=True),
        sa.Column("handed_over", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(["grid"], ["grids.name"], name=op.f("fk_posts_grid")),
        sa.ForeignKeyConstraint(["person"], ["people.id"], name=op.f("fk_posts_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_posts")),
    )
    op.create_table(
        "absences",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("person", sa.String(length=100), nullable=False),
        sa.Column("stand_in", sa.String(length=100), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("by", sa.String(length=100), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["person"], ["people.id"], name=op.f("fk_absences_person")),
        sa.ForeignKeyConstraint(["stand_in"], ["people.id"], name=op.f("fk_absences_stand_in")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_absences")),
    )
    op.create_table(
        "organisation_log",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("action", sa.String(length=20), nullable=False),
        sa.Column("about", sa.String(length=100), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("by", sa.String(length=100), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organisation_log")),
    )
    held = sa.text("until_on IS NULL")
    with op.batch_alter_table("posts", schema=None) as batch_op:
        batch_op.create_index("ix_posts_held", ["grid", "post"], unique=True, sqlite_where=held, postgresql_where=held)
        batch_op.create_index(batch_op.f("ix_posts_person"), ["person"], unique=False)
    with op.batch_alter_table("absences", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_absences_stand_in_ends_at"), ["stand_in", "ends_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_absences_ends_at"), ["ends_at"], unique=False)
    with op.batch_alter_table("organisation_log", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_organisation_log_about_id"), ["about", "id"], unique=False)


def downgrade() -> None:
    for name in ("organisation_log", "absences", "posts", "grids"):
        op.drop_table(name)
