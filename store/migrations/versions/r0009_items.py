"""Items of acceptances, what was seen of each, the meters that came of them, and when their first bill is due."""

import sqlalchemy as sa
from alembic import op

revision: str = "0009"
down_revision: str | None = "0008"


def upgrade() -> None:
    op.create_table(
        "item_tables",
        sa.Column("case_no", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("items", sa.Integer(), nullable=False),
        sa.Column("filename", sa.String(length=200), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.String(length=100), nullable=False),
        sa.ForeignKeyConstraint(["case_no"], ["openings.case_no"], name=op.f("fk_item_tables_case_no")),
        sa.PrimaryKeyConstraint("case_no", "kind", name=op.f("pk_item_tables")),
    )
    op.create_table(
        "items",
        sa.Column("case_no", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("no", sa.Integer(), nullable=False),
        sa.Column("building", sa.String(length=60), nullable=False),
        sa.Column("unit", sa.String(length=60)),
        sa.Column("room", sa.String(length=60), nullable=False),
        sa.Column("position", sa.String(length=60)),
        sa.Column("meter_no", sa.String(length=60)),
        sa.Column("dn", sa.Integer()),
        sa.Column("start_reading", sa.String(length=20)),
        sa.Column("seal_no", sa.String(length=60)),
        sa.Column("customer_class", sa.String(length=20)),
        sa.Column("remote", sa.Boolean()),
        sa.Column("account_no", sa.String(length=50)),
        sa.ForeignKeyConstraint(["account_no"], ["accounts.account_no"], name=op.f("fk_items_account_no")),
        sa.ForeignKeyConstraint(["case_no"], ["openings.case_no"], name=op.f("fk_items_case_no")),
        sa.PrimaryKeyConstraint("case_no", "kind", "no", name=op.f("pk_items")),
        sa.UniqueConstraint("account_no", name=op.f("uq_items_account_no")),
    )
    op.create_index("ix_items_case_no_kind_building_no", "items", ["case_no", "kind", "building", "no"])
    op.create_table(
        "item_looks",
        sa.Column("case_no", sa.String(length=40), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("no", sa.Integer(), nullable=False),
        sa.Column("passed", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(length=200)),
        sa.Column("measured", sa.JSON(), nullable=False),
        sa.Column("photo", sa.String(length=80)),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.String(length=100), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["case_no"], ["openings.case_no"], name=op.f("fk_item_looks_case_no")),
        sa.PrimaryKeyConstraint("case_no", "round", "no", name=op.f("pk_item_looks")),
    )
    op.create_table(
        "meters",
        sa.Column("account_no", sa.String(length=50), nullable=False),
        sa.Column("case_no", sa.String(length=40), nullable=False),
        sa.Column("item", sa.Integer(), nullable=False),
        sa.Column("meter_no", sa.String(length=60)),
        sa.Column("dn", sa.Integer()),
        sa.Column("start_reading", sa.String(length=20)),
        sa.Column("seal_no", sa.String(length=60)),
        sa.Column("position", sa.String(length=60)),
        sa.Column("remote", sa.Boolean()),
        sa.Column("reading_book", sa.String(length=100)),
        sa.Column("reading_cycle", sa.String(length=50)),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account_no"], ["accounts.account_no"], name=op.f("fk_meters_account_no")),
        sa.ForeignKeyConstraint(["case_no"], ["openings.case_no"], name=op.f("fk_meters_case_no")),
        sa.PrimaryKeyConstraint("account_no", name=op.f("pk_meters")),
    )
    op.create_index("ix_meters_case_no_item", "meters", ["case_no", "item"])
    op.create_index("ix_meters_meter_no", "meters", ["meter_no"])
    op.create_table(
        "reading_watches",
        sa.Column("case_no", sa.String(length=40), nullable=False),
        sa.Column("of", sa.String(length=10), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("route", sa.String(length=100)),
        sa.Column("route_by", sa.DateTime(timezone=True)),
        sa.Column("billed_by", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["case_no"], ["openings.case_no"], name=op.f("fk_reading_watches_case_no")),
        sa.PrimaryKeyConstraint("case_no", "of", name=op.f("pk_reading_watches")),
    )
    op.create_index("ix_reading_watches_billed_by_case_no", "reading_watches", ["billed_by", "case_no"])


def downgrade() -> None:
    for name in ("reading_watches", "meters", "item_looks", "items", "item_tables"):
        op.drop_table(name)
