"""Photos and papers of cases, and who has looked at them."""

import sqlalchemy as sa
from alembic import op

revision: str = "0004"
down_revision: str | None = "0003"


def upgrade() -> None:
    op.create_table(
        "files",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("media_type", sa.String(length=100), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=True),
        sa.Column("height", sa.Integer(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_files")),
    )
    op.create_table(
        "case_files",
        sa.Column("case_no", sa.String(length=40), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=True),
        sa.Column("filename", sa.String(length=200), nullable=False),
        sa.Column("task_id", sa.String(length=60), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.String(length=100), nullable=False),
        sa.ForeignKeyConstraint(["case_no"], ["openings.case_no"], name=op.f("fk_case_files_case_no")),
        sa.ForeignKeyConstraint(["sha256"], ["files.sha256"], name=op.f("fk_case_files_sha256")),
        sa.PrimaryKeyConstraint("case_no", "sha256", name=op.f("pk_case_files")),
    )
    op.create_index(op.f("ix_case_files_sha256"), "case_files", ["sha256"], unique=False)
    op.create_table(
        "file_looks",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("case_no", sa.String(length=40), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", sa.String(length=10), nullable=False),
        sa.Column("by", sa.String(length=100), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_file_looks")),
    )
    op.create_index(op.f("ix_file_looks_case_no_sha256_by"), "file_looks", ["case_no", "sha256", "by"], unique=False)


def downgrade() -> None:
    op.drop_table("file_looks")
    op.drop_table("case_files")
    op.drop_table("files")
