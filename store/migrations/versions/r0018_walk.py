"""Accounts in the order in which they are walked: by their reading book, else by address as numbers go."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from domain.walk import walk_key

revision: str = "0018"
down_revision: str | None = "0017"

AT_ONCE = 500
WALK = sa.String(length=400).with_variant(sa.String(length=400, collation="C"), "postgresql")


def upgrade() -> None:
    for column in (
        sa.Column("book", sa.String(length=50), nullable=True),
        sa.Column("book_place", sa.Integer(), nullable=True),
        sa.Column("walk", WALK, nullable=True),
    ):
        op.add_column("accounts", column)
    _fill(op.get_bind())
    _index_by("walk")


def _index_by(name: str) -> None:
    empty = "coalesce({}, '')".format
    for index in ("ix_accounts_route_of_section", "ix_accounts_route_of_grid"):
        op.drop_index(index, "accounts")
    section: list[Any] = ["section", sa.text(empty("grid")), sa.text(empty(name)), "account_no"]
    op.create_index("ix_accounts_route_of_section", "accounts", section)
    op.create_index("ix_accounts_route_of_grid", "accounts", ["grid", sa.text(empty(name)), "account_no"])


def _fill(connection: sa.Connection) -> None:
    accounts = sa.table(
        "accounts", sa.column("account_no", sa.String()), sa.column("address", sa.String()), sa.column("walk", WALK)
    )
    known = sa.select(accounts.c.account_no, accounts.c.address).order_by(accounts.c.account_no).limit(AT_ONCE)
    last = ""
    while rows := connection.execute(known.where(accounts.c.account_no > last)).all():
        mine = sa.update(accounts).where(accounts.c.account_no == sa.bindparam("key"))
        filled = [{"key": row.account_no, "walk": walk_key(row.address)} for row in rows]
        connection.execute(mine.values(walk=sa.bindparam("walk")), filled)
        last = rows[-1].account_no


def downgrade() -> None:
    _index_by("address")
    for name in ("walk", "book_place", "book"):
        op.drop_column("accounts", name)
