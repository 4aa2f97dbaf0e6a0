"""The tables. Cases are written by the casebook alone; the ledger and the outbox by the doors."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Date,
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
    and_,
    func,
    literal_column,
    text,
)

from domain.calendars import CHINA
from domain.walk import walk_key
from store.pressing import NO_TERM, NOTHING_OPEN

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


PARTS = ("grid", "section", "office")


def _scope() -> list[Column[Any]]:
    """Where in the organisation a row belongs: the columns that access is decided by."""
    return [Column(name, String(50)) for name in PARTS]


def _walk(context: Any) -> str:
    given = context.get_current_parameters(isolate_multiinsert_groups=True)
    return walk_key(given.get("address"), book=given.get("book"), place=given.get("book_place"))


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
    Column("book", String(50)),
    Column("book_place", Integer),
    # Compared byte by byte, alike everywhere.
    Column("walk", String(400).with_variant(String(400, collation="C"), "postgresql"), default=_walk),
)
Index("ix_accounts_address", accounts.c.address)
# A round on foot: within a section grid by grid, within a grid as it is walked.
Index(
    "ix_accounts_route_of_section",
    accounts.c.section,
    func.coalesce(accounts.c.grid, text("''")),
    func.coalesce(accounts.c.walk, text("''")),
    accounts.c.account_no,
)
Index(
    "ix_accounts_route_of_grid",
    accounts.c.grid,
    func.coalesce(accounts.c.walk, text("''")),
    accounts.c.account_no,
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

dues = Table(
    "dues",
    metadata,
    Column("account_no", String(50), ForeignKey("accounts.account_no"), primary_key=True),
    Column("bill_no", String(100), primary_key=True),
    Column("month", Integer, nullable=False),
    Column("due_on", Date, nullable=False),
    Column("amount_fen", BigInteger, nullable=False),
    Column("month_fen", BigInteger, nullable=False),
    Column("year_fen", BigInteger, nullable=False),
    Column("paid_fen", BigInteger, nullable=False),
    Column("disputed", Boolean, nullable=False),
    *_scope(),
)
# Reports add up months of bills: what they add stands in the index, so that no row is looked up.
Index(
    "ix_dues_month",
    *(dues.c[name] for name in ("month", "due_on", *PARTS, "amount_fen", "month_fen", "year_fen", "paid_fen")),
    dues.c.disputed,
)
UNPAID = dues.c.paid_fen < dues.c.amount_fen
Index(
    "ix_dues_unpaid",
    *(dues.c[name] for name in ("due_on", *PARTS, "amount_fen", "paid_fen", "disputed")),
    sqlite_where=literal_column("paid_fen < amount_fen"),
    postgresql_where=literal_column("paid_fen < amount_fen"),
)
# The list of who has not paid: few of many bills, in its order, within each part of the organisation.
for _part in (None, *PARTS):
    Index(
        "_".join(["ix_dues_unpaid_of", _part or "all"]),
        *(dues.c[name] for name in (_part, "account_no", "bill_no", "month", "due_on") if name),
        sqlite_where=literal_column("paid_fen < amount_fen"),
        postgresql_where=literal_column("paid_fen < amount_fen"),
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
    Column("contact", String(100)),
    Column("phone", String(50)),
    Index(None, "name"),
)

links = Table(
    "links",
    metadata,
    Column("link_id", String(32), primary_key=True),
    Column("case_no", String(40), ForeignKey("openings.case_no"), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("created_by", String(100), nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("revoked_at", Instant),
    Index(None, "case_no"),
)

link_log = Table(
    "link_log",
    metadata,
    Column("id", AutoKey, primary_key=True, autoincrement=True),
    Column("link_id", String(32), nullable=False),
    Column("case_no", String(40), nullable=False),
    Column("action", String(20), nullable=False),
    Column("by", String(100), nullable=False),
    Column("at", Instant, nullable=False),
    Index(None, "case_no", "id"),
)

visits = Table(
    "visits",
    metadata,
    Column("case_no", String(40), ForeignKey("openings.case_no"), primary_key=True),
    Column("key", String(60), primary_key=True),
    Column("starts_at", Instant, nullable=False),
    Column("ends_at", Instant),
    *_scope(),
    Index(None, "key", "starts_at"),
)

found_by = Table(
    "found_by",
    metadata,
    Column("process", String(20), primary_key=True),
    Column("subject", String(60), primary_key=True),
    # Compared byte by byte, so that a beginning is a range of the index.
    Column("term", String(32).with_variant(String(32, collation="C"), "postgresql"), primary_key=True),
    Index(None, "term"),
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

item_tables = Table(
    "item_tables",
    metadata,
    Column("case_no", String(40), ForeignKey("openings.case_no"), primary_key=True),
    Column("kind", String(10), primary_key=True),
    Column("sha256", String(64), nullable=False),
    Column("items", Integer, nullable=False),
    Column("filename", String(200), nullable=False),
    Column("at", Instant, nullable=False),
    Column("by", String(100), nullable=False),
)

items = Table(
    "items",
    metadata,
    Column("case_no", String(40), ForeignKey("openings.case_no"), primary_key=True),
    Column("kind", String(10), primary_key=True),
    Column("no", Integer, primary_key=True),
    Column("building", String(60), nullable=False),
    Column("unit", String(60)),
    Column("room", String(60), nullable=False),
    Column("position", String(60)),
    Column("meter_no", String(60)),
    Column("dn", Integer),
    Column("start_reading", String(20)),
    Column("seal_no", String(60)),
    Column("customer_class", String(20)),
    Column("remote", Boolean),
    Column("account_no", String(50), ForeignKey("accounts.account_no"), unique=True),
    Index(None, "case_no", "kind", "building", "no"),
)

item_looks = Table(
    "item_looks",
    metadata,
    Column("case_no", String(40), ForeignKey("openings.case_no"), primary_key=True),
    Column("round", Integer, primary_key=True),
    Column("no", Integer, primary_key=True),
    Column("passed", Boolean, nullable=False),
    Column("reason", String(200)),
    Column("measured", JSON, nullable=False),
    Column("photo", String(80)),
    Column("at", Instant, nullable=False),
    Column("by", String(100), nullable=False),
    Column("times", Integer, nullable=False),
)

meters = Table(
    "meters",
    metadata,
    Column("account_no", String(50), ForeignKey("accounts.account_no"), primary_key=True),
    Column("case_no", String(40), ForeignKey("openings.case_no"), nullable=False),
    Column("item", Integer, nullable=False),
    Column("meter_no", String(60)),
    Column("dn", Integer),
    Column("start_reading", String(20)),
    Column("seal_no", String(60)),
    Column("position", String(60)),
    Column("remote", Boolean),
    Column("reading_book", String(100)),
    Column("reading_cycle", String(50)),
    Column("since", Instant, nullable=False),
    Index(None, "case_no", "item"),
    Index(None, "meter_no"),
)

reading_watches = Table(
    "reading_watches",
    metadata,
    Column("case_no", String(40), ForeignKey("openings.case_no"), primary_key=True),
    Column("of", String(10), primary_key=True),
    Column("since", Instant, nullable=False),
    Column("route", String(100)),
    Column("route_by", Instant),
    Column("billed_by", Instant, nullable=False),
    Column("ended_at", Instant),
    Index(None, "billed_by", "case_no"),
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
    Column("presses_at", Instant, default=NOTHING_OPEN),
    Column("party", String(20)),
    Column("kind", String(20)),
    Column("responsible", String(100)),
    Column("oldest_due_on", Date),
    Column("limited_at", Instant),
    Column("proof_missing", Boolean, default=False),
    Column("glance", JSON, default=dict),
    Index(None, "process", "status", "opened_at", "case_no"),
    *(Index(None, "process", "status", by, "opened_at", "case_no") for by in ("stage", *PARTS)),
    Index(None, "process", "subject"),
    Index(None, "status", "next_wake"),
)
# Written out, not bound: an index that holds open rows alone is only used where the statement itself says so.
OPEN_CASE = cases.c.status == literal_column("'open'")
# What lists of open cases are ordered by, ahead of it the part of the organisation, and the phase if asked for.
for _name, _columns in {
    **{f"{order}_{part}": (part, order) for order in ("presses_at", "amount_fen", "oldest_due_on") for part in PARTS},
    **{order: (order,) for order in ("presses_at", "amount_fen", "oldest_due_on")},
    **{f"stage_{part}": (part, "stage", "presses_at") for part in PARTS},
    "stage": ("stage", "presses_at"),
    "responsible": ("responsible", "presses_at"),
    "proof_missing": ("proof_missing", "presses_at"),
    # Those that stand still for the same reason stand together in every order: none is found on a walk through it.
    **{f"standing_{part}": (part, "standing", "presses_at") for part in PARTS},
    "standing": ("standing", "presses_at"),
}.items():
    _where = and_(OPEN_CASE, cases.c.standing.is_not(None)) if "standing" in _columns else OPEN_CASE
    Index(
        f"ix_cases_open_{_name}",
        cases.c.process,
        *(cases.c[column] for column in _columns),
        cases.c.case_no,
        cases.c.status,  # SQLite looks the row up for it otherwise, even here
        sqlite_where=_where,
        postgresql_where=_where,
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

MONEY_CAME = entries.c.event == literal_column("'PaymentRecorded'")
Index("ix_entries_payments", entries.c.at, entries.c.id, sqlite_where=MONEY_CAME, postgresql_where=MONEY_CAME)

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
    Column("presses_at", Instant, default=NO_TERM),
    Column("party", String(20), default="utility"),
    Column("provisional", Boolean, default=False),
    Column("urged", Integer, default=0),
    Column("item", String(100)),
    Index(None, "case_no"),
)
Index("ix_tasks_closed", tasks.c.closed_at, tasks.c.key, tasks.c.due_at, *(tasks.c[part] for part in PARTS))
OPEN_TASK = tasks.c.status == literal_column("'open'")
RISEN = tasks.c.level != literal_column("'grid'")
# Why a task falls to somebody (any reason, its role, its key, the level it has risen to), ahead of it their part.
for _by in (None, "role", "key", "level"):
    for _part in (None, *PARTS):
        _where = and_(OPEN_TASK, RISEN) if _by == "level" else OPEN_TASK
        Index(
            "_".join(["ix_tasks_open", *(name for name in (_by, _part) if name)]),
            *(tasks.c[name] for name in (_by, _part) if name),
            tasks.c.presses_at,
            tasks.c.task_id,
            tasks.c.status,
            # The other reasons why it falls to somebody: asked without a look at the task itself.
            *{"level": (tasks.c.role,), "key": (tasks.c.role, tasks.c.level)}.get(_by or "", ()),
            sqlite_where=_where,
            postgresql_where=_where,
        )

# Whose hands a task is in: of the others, which are most, the index knows nothing.
for _name in ("holder", "assignee"):
    _where = and_(OPEN_TASK, tasks.c[_name].is_not(None))
    Index(
        f"ix_tasks_open_{_name}",
        tasks.c[_name],
        tasks.c.presses_at,
        tasks.c.task_id,
        tasks.c.status,
        sqlite_where=_where,
        postgresql_where=_where,
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
    Column("detail", String(100)),
    Column("handed_at", Instant),
    Column("hand_overs", Integer, nullable=False, default=0),
    Column("receipt", String(10)),
    Column("receipt_code", String(100)),
    Column("receipt_at", Instant),
)

files = Table(
    "files",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("media_type", String(100), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("width", Integer),
    Column("height", Integer),
    Column("at", Instant, nullable=False),
)

case_files = Table(
    "case_files",
    metadata,
    Column("case_no", String(40), ForeignKey("openings.case_no"), primary_key=True),
    Column("sha256", String(64), ForeignKey("files.sha256"), primary_key=True),
    Column("role", String(20), nullable=False),
    Column("name", String(100)),
    Column("filename", String(200), nullable=False),
    Column("task_id", String(60)),
    Column("at", Instant, nullable=False),
    Column("by", String(100), nullable=False),
    Index(None, "sha256"),
)

file_looks = Table(
    "file_looks",
    metadata,
    Column("id", AutoKey, primary_key=True, autoincrement=True),
    Column("case_no", String(40), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("size", String(10), nullable=False),
    Column("by", String(100), nullable=False),
    Column("at", Instant, nullable=False),
    Index(None, "case_no", "sha256", "by"),
)

papers = Table(
    "papers",
    metadata,
    Column("content", String(64), primary_key=True),
    Column("case_no", String(40), ForeignKey("openings.case_no"), nullable=False),
    Column("template", String(60), nullable=False),
    Column("pack", String(60), nullable=False),
    Column("body", JSON, nullable=False),
    Column("at", Instant, nullable=False),
    Column("by", String(100), nullable=False),
    Index(None, "case_no"),
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
    Column("password_hash", String(200)),
    Column("post", String(100)),
    Column("work_phone", String(50)),
)

sessions = Table(
    "sessions",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("person", String(100), ForeignKey("people.id"), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("last_seen_at", Instant, nullable=False),
    Column("idle_until", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Index(None, "person"),
)

attempts = Table(
    "attempts",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("hits", JSON, nullable=False),
    Column("until", Instant, nullable=False),
    Index(None, "until"),
)

grids = Table(
    "grids",
    metadata,
    Column("name", String(50), primary_key=True),
    Column("kind", String(20), nullable=False),
    Column("section", String(50)),
    Column("office", String(50)),
)

posts = Table(
    "posts",
    metadata,
    Column("id", AutoKey, primary_key=True, autoincrement=True),
    Column("grid", String(50), ForeignKey("grids.name"), nullable=False),
    Column("post", String(1), nullable=False),
    Column("person", String(100), ForeignKey("people.id"), nullable=False),
    Column("work_phone", String(50)),
    Column("wechat", Boolean, nullable=False),
    Column("kind", String(20)),
    Column("since_on", Date, nullable=False),
    Column("until_on", Date),
    Column("appointed_by", String(100), nullable=False),
    Column("approved_by", String(100)),
    Column("handed_over", JSON),
    Index(
        "ix_posts_held",
        "grid",
        "post",
        unique=True,
        sqlite_where=text("until_on IS NULL"),
        postgresql_where=text("until_on IS NULL"),
    ),
    Index(None, "person"),
)

absences = Table(
    "absences",
    metadata,
    Column("id", AutoKey, primary_key=True, autoincrement=True),
    Column("person", String(100), ForeignKey("people.id"), nullable=False),
    Column("stand_in", String(100), ForeignKey("people.id"), nullable=False),
    Column("starts_at", Instant, nullable=False),
    Column("ends_at", Instant, nullable=False),
    Column("reason", String(200), nullable=False),
    Column("by", String(100), nullable=False),
    Column("at", Instant, nullable=False),
    Index(None, "stand_in", "ends_at"),
    Index(None, "ends_at"),
)

recoveries = Table(
    "recoveries",
    metadata,
    Column("id", AutoKey, primary_key=True, autoincrement=True),
    Column("at", Instant, nullable=False),
    Column("because", String(20), nullable=False),
    Column("case_no", String(40)),
)

duties = Table(
    "duties",
    metadata,
    Column("id", AutoKey, primary_key=True, autoincrement=True),
    Column("person", String(100), ForeignKey("people.id"), nullable=False),
    Column("part", String(10)),
    Column("name", String(50)),
    Column("starts_at", Instant, nullable=False),
    Column("ends_at", Instant, nullable=False),
    Column("by", String(100), nullable=False),
    Column("at", Instant, nullable=False),
    Index(None, "person", "ends_at"),
    Index(None, "ends_at"),
)

organisation_log = Table(
    "organisation_log",
    metadata,
    Column("id", AutoKey, primary_key=True, autoincrement=True),
    Column("action", String(20), nullable=False),
    Column("about", String(100), nullable=False),
    Column("body", JSON, nullable=False),
    Column("by", String(100), nullable=False),
    Column("at", Instant, nullable=False),
    Index(None, "about", "id"),
)

access_log = Table(
    "access_log",
    metadata,
    Column("id", AutoKey, primary_key=True, autoincrement=True),
    Column("person", String(100)),
    Column("action", String(20), nullable=False),
    Column("by", String(100)),
    Column("at", Instant, nullable=False),
    Index(None, "person", "id"),
)

billing_events = Table(
    "billing_events",
    metadata,
    Column("id", String(100), primary_key=True),
    Column("account_no", String(50), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Column("said_at", Instant, nullable=False),
    Column("at", Instant, nullable=False),
    Column("status", String(10), nullable=False),
    Column("code", String(20)),
    Column("body", JSON, nullable=False),
    Index(None, "account_no", "status"),
)
# Written out, so that the few that are not settled are found without a look at all the others.
Index(
    "ix_billing_events_unsettled",
    billing_events.c.at,
    billing_events.c.id,
    sqlite_where=billing_events.c.status != literal_column("'taken'"),
    postgresql_where=billing_events.c.status != literal_column("'taken'"),
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

reconciliations = Table(
    "reconciliations",
    metadata,
    Column("id", AutoKey, primary_key=True, autoincrement=True),
    Column("day", Date, nullable=False),
    Column("source", String(50), nullable=False),
    Column("at", Instant, nullable=False),
    Column("by", String(100), nullable=False),
    Column("accounts", Integer, nullable=False),
    Column("differences", Integer, nullable=False),
    Column("ours_fen", BigInteger, nullable=False),
    Column("theirs_fen", BigInteger, nullable=False),
)

reconciliation_lines = Table(
    "reconciliation_lines",
    metadata,
    Column("reconciliation", BigInteger, ForeignKey("reconciliations.id"), primary_key=True),
    Column("account_no", String(50), primary_key=True),
    Column("kind", String(20), nullable=False),
    Column("ours_fen", BigInteger, nullable=False),
    Column("theirs_fen", BigInteger, nullable=False),
    Column("bills", JSON, nullable=False),
)

import_runs = Table(
    "import_runs",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("filename", String(200), nullable=False),
    Column("by", String(100), nullable=False),
    Column("pack", String(60), nullable=False),
    Column("at", Instant, nullable=False),
    Column("beat_at", Instant, nullable=False),
    Column("total", Integer, nullable=False),
    Column("through", Integer, nullable=False),
    Column("counts", JSON, nullable=False),
    Column("failed", String(50)),
)

import_faults = Table(
    "import_faults",
    metadata,
    Column("id", AutoKey, primary_key=True, autoincrement=True),
    Column("sha256", String(64), nullable=False),
    Column("row", Integer, nullable=False),
    Column("body", JSON, nullable=False),
    Index(None, "sha256", "id"),
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

views = Table(
    "views",
    metadata,
    Column("person", String(100), primary_key=True),
    Column("page", String(40), primary_key=True),
    Column("name", String(60), primary_key=True),
    Column("query", String(1000), nullable=False),
    Column("at", Instant, nullable=False),
)

batches = Table(
    "batches",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("person", String(100), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("filename", String(200)),
    Column("at", Instant, nullable=False),
    Column("confirmed_at", Instant),
    Index(None, "person", "at"),
)

batch_rows = Table(
    "batch_rows",
    metadata,
    Column("batch", String(64), ForeignKey("batches.id"), primary_key=True),
    Column("no", Integer, primary_key=True),
    Column("line", Integer),
    Column("case_no", String(40)),
    Column("title", String(200), nullable=False),
    Column("action", String(10), nullable=False),
    Column("said", JSON, nullable=False),
    Column("once", String(80), nullable=False),
    Column("state", String(10), nullable=False),
    Column("zh", Text),
    Column("en", Text),
)
