"""The tables. Cases are written by the casebook alone; the ledger and the outbox by the doors."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)

from domain.calendars import CHINA

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Instant(TypeDecorator[datetime]):
    """An aware instant, kept in UTC and shown at +08:00. A naive one is a programming error."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value} has no time zone")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(CHINA)


# SQLite only counts by itself in a column that is exactly INTEGER.
AutoKey = BigInteger().with_variant(Integer, "sqlite")


def _scope() -> list[Column[Any]]:
    """Where in the organisation a row belongs: the columns that access is decided by."""
    return [Column("grid", String(50)), Column("section", String(50)), Column("office", String(50))]


accounts = Table(
    "accounts",
    metadata,
    Column("account_no", String(50), primary_key=True),
    Column("customer_class", String(20), nullable=False),
    Column("estate", String(10), nullable=False),
    Column("phone", String(50)),
    Column("name", String(200)),
    Column("address", String(300)),
    Column("protected", JSON, nullable=False),
    *_scope(),
    Column("updated_at", Instant, nullable=False),
)

ledger = Table(
    "ledger",
    metadata,
    Column("position", AutoKey, primary_key=True, autoincrement=True),
    Column("account_no", String(50), ForeignKey("accounts.account_no"), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("unique_key", String(160), nullable=False),
    Column("amount_fen", BigInteger),
    Column("body", JSON, nullable=False),
    Column("at", Instant, nullable=False),
    UniqueConstraint("kind", "unique_key"),
    Index(None, "account_no", "position"),
)

projects = Table(
    "projects",
    metadata,
    Column("case_no", String(40), ForeignKey("openings.case_no"), primary_key=True),
    Column("reference", String(100), unique=True),
    Column("name", String(200), nullable=False),
    Column("address", String(300)),
    Column("district", String(50)),
    Column("channel", String(50)),
    Column("department", String(100)),
    Column("responsible", String(100)),
    Column("arrived_at", Instant),
    Column("planned_end", Instant),
    Column("body", JSON, nullable=False),
    Column("papers", JSON, nullable=False),
    Column("at", Instant, nullable=False),
    *_scope(),
    Index(None, "name"),
)

sources = Table(
    "sources",
    metadata,
    Column("name", String(50), primary_key=True),
    Column("synced_at", Instant, nullable=False),
)

numbers = Table(
    "numbers",
    metadata,
    Column("prefix", String(20), primary_key=True),
    Column("last", Integer, nullable=False),
)

openings = Table(
    "openings",
    metadata,
    Column("case_no", String(40), primary_key=True),
    Column("process", String(20), nullable=False),
    Column("subject", String(60), nullable=False),
    Column("open_subject", String(60)),
    Column("pack", String(60), nullable=False),
    Column("at", Instant, nullable=False),
    UniqueConstraint("process", "open_subject"),
    Index(None, "process", "subject"),
)

cases = Table(
    "cases",
    metadata,
    Column("case_no", String(40), ForeignKey("openings.case_no"), primary_key=True),
    Column("process", String(20), nullable=False),
    Column("subject", String(60), nullable=False),
    Column("workflow_id", String(120), nullable=False),
    Column("pack", String(60), nullable=False),
    Column("stage", String(30)),
    Column("status", String(10), nullable=False),
    Column("outcome", String(30)),
    Column("standing", String(30)),
    Column("amount_fen", BigInteger, nullable=False),
    Column("opened_at", Instant, nullable=False),
    Column("closed_at", Instant),
    Column("next_wake", Instant),
    Column("sequence", Integer, nullable=False),
    Column("run", Integer, nullable=False),
    Column("history", Integer, nullable=False),
    Column("ledger_position", BigInteger, nullable=False),
    Column("chain_hash", String(64), nullable=False),
    Column("facts", JSON, nullable=False),
    *_scope(),
    Index(None, "process", "status", "opened_at", "case_no"),
    Index(None, "process", "subject"),
    Index(None, "status", "next_wake"),
)

entries = Table(
    "entries",
    metadata,
    Column("id", AutoKey, primary_key=True, autoincrement=True),
    Column("case_no", String(40), ForeignKey("openings.case_no"), nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("content_hash", String(64), nullable=False),
    Column("run", Integer, nullable=False),
    Column("history", Integer, nullable=False),
    Column("late", Boolean, nullable=False),
    Column("chain_hash", String(64), nullable=False),
    Column("superseded", Boolean, nullable=False),
    Column("event", String(40), nullable=False),
    Column("at", Instant, nullable=False),
    Column("by", String(100), nullable=False),
    Column("clauses", JSON, nullable=False),
    Column("body", JSON, nullable=False),
    Index(None, "case_no", "id"),
)
# Of all that was ever written at a sequence, one entry stands.
STANDING = entries.c.superseded.is_(False)
Index(
    "uq_entries_standing",
    entries.c.case_no,
    entries.c.sequence,
    unique=True,
    sqlite_where=STANDING,
    postgresql_where=STANDING,
)

tasks = Table(
    "tasks",
    metadata,
    Column("task_id", String(60), primary_key=True),
    Column("case_no", String(40), ForeignKey("openings.case_no"), nullable=False),
    Column("process", String(20), nullable=False),
    Column("key", String(60), nullable=False),
    Column("role", String(30), nullable=False),
    Column("level", String(10)),
    Column("status", String(10), nullable=False),
    Column("opened_at", Instant, nullable=False),
    Column("due_at", Instant),
    Column("paused", Boolean, nullable=False),
    Column("closed_at", Instant),
    Column("assignee", String(100)),
    Column("holder", String(100)),
    Column("sequence", Integer, nullable=False),
    Column("body", JSON, nullable=False),
    *_scope(),
    Index(None, "case_no"),
    Index(None, "status", "due_at", "task_id"),
    Index(None, "status", "role", "due_at", "task_id"),
)

notices = Table(
    "notices",
    metadata,
    Column("case_no", String(40), ForeignKey("openings.case_no"), primary_key=True),
    Column("key", String(60), primary_key=True),
    Column("template", String(40), nullable=False),
    Column("channel", String(20), nullable=False),
    Column("at", Instant, nullable=False),
    Column("recipient", String(50)),
    Column("status", String(20), nullable=False),
    Column("provider_reference", String(100)),
)

limit_orders = Table(
    "limit_orders",
    metadata,
    Column("order_no", String(60), primary_key=True),
    Column("case_no", String(40), ForeignKey("openings.case_no"), nullable=False),
    Column("account_no", String(50), ForeignKey("accounts.account_no"), nullable=False),
    Column("fence", Integer, nullable=False),
    Column("status", String(10), nullable=False),
    Column("issued_at", Instant, nullable=False),
    Column("closed_at", Instant),
    UniqueConstraint("account_no", "fence"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", AutoKey, primary_key=True, autoincrement=True),
    Column("kind", String(20), nullable=False),
    Column("process", String(20), nullable=False),
    Column("subject", String(60), nullable=False),
    Column("body", JSON, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("next_try_at", Instant),
    Column("attempts", Integer, nullable=False),
    Column("last_error", Text),
    Index(None, "next_try_at", "id"),
)

refusals = Table(
    "refusals",
    metadata,
    Column("id", AutoKey, primary_key=True, autoincrement=True),
    Column("case_no", String(40)),
    Column("command", String(80), nullable=False),
    Column("code", String(20), nullable=False),
    Column("message", Text, nullable=False),
    Column("by", String(100), nullable=False),
    Column("at", Instant, nullable=False),
    Index(None, "case_no"),
)

inbox_log = Table(
    "inbox_log",
    metadata,
    Column("id", AutoKey, primary_key=True, autoincrement=True),
    Column("task_id", String(60), nullable=False),
    Column("action", String(20), nullable=False),
    Column("by", String(100), nullable=False),
    Column("at", Instant, nullable=False),
    Index(None, "task_id"),
)

people = Table(
    "people",
    metadata,
    Column("id", String(100), primary_key=True),
    Column("name", String(100), nullable=False),
    Column("roles", JSON, nullable=False),
    Column("level", String(10)),
    Column("token_hash", String(64), unique=True),
    Column("active", Boolean, nullable=False),
    *_scope(),
)

imports = Table(
    "imports",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("filename", String(200), nullable=False),
    Column("at", Instant, nullable=False),
    Column("by", String(100), nullable=False),
    Column("rows", Integer, nullable=False),
    Column("bills_new", Integer, nullable=False),
    Column("bills_known", Integer, nullable=False),
    Column("cases_opened", Integer, nullable=False),
    Column("errors", JSON, nullable=False),
)

calendars = Table(
    "calendars",
    metadata,
    Column("year", Integer, primary_key=True),
    Column("body", JSON, nullable=False),
    Column("at", Instant, nullable=False),
    Column("by", String(100), nullable=False),
)

answers = Table(
    "answers",
    metadata,
    Column("key", String(200), primary_key=True),
    Column("fingerprint", String(64), nullable=False),
    Column("at", Instant, nullable=False),
    Column("body", JSON),
)
