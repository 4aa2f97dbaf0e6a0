"""The reconciler: finds what fell between store and engine, and leaves word again. Reads and the outbox, no engine.

Whatever it says may be said twice: an opening starts a case at most once, a nudge carries nothing.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Connection, exists, func, select

from runtime.starts import Starts
from store import events, new_accounts, outbox
from store.database import Database
from store.tables import cases, ledger, openings, tasks
from store.tables import outbox as waiting

log = structlog.get_logger()

ON_ITS_WAY = timedelta(minutes=1)
"""What is younger may still be with the relay or the worker."""

OVERSLEPT = timedelta(minutes=5)
OFTEN = timedelta(hours=1)
LOOKS_BACK = 3
"""What was on its way at one look, or is committed after another of a higher number, is within the next ones."""
AT_MOST = 1000
SHOWN = 10


@dataclass(frozen=True, kw_only=True)
class Findings:
    """Case numbers, by what is wrong. `adrift` and `unbilled` need a person; for the rest word was left.

    `unbilled`: new accounts of a project had no first bill within a cycle, or are in no reading book by its term.
    """

    unheard: tuple[str, ...] = ()
    unopened: tuple[str, ...] = ()
    unreopened: tuple[str, ...] = ()
    overslept: tuple[str, ...] = ()
    adrift: tuple[str, ...] = ()
    unbilled: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Looked:
    """How far the ledger went at earlier looks, the newest last, and who had not heard of something at the last one."""

    through: tuple[int, ...] = ()
    unheard: tuple[str, ...] = ()


def reconcile(database: Database, *, now: datetime, pack: str | None = None) -> Findings:
    """Look once at every case, and put right what a word can put right. At most 1,000 cases of a kind a time.

    With a `pack` for cases opened now, what billing told of accounts that came later is taken in.

    A case that does not react is nudged every minute for an hour and then once an hour, so that its history stays
    within the engine's bounds.
    """
    return look(database, now=now, pack=pack, before=Looked())[0]


def look(database: Database, *, now: datetime, pack: str | None = None, before: Looked) -> tuple[Findings, Looked]:
    """Look as `reconcile` does, after earlier looks only at what the ledger has taken in since a few minutes, and at
    those whom the last look found: a million open cases are not asked every minute what they have heard of.
    """
    if pack is not None:
        events.take_what_waited(database, pack=pack, at=now)
    unbilled = tuple(_first_bills(database, now))
    with database.read() as connection:
        through = connection.scalar(select(func.coalesce(func.max(ledger.c.position), 0))) or 0
        unheard = _unheard(connection, now, before)
        unopened = _unopened(connection, now)
        closed = _taken_back_after_closing(connection, now)
        overslept = _overslept(connection, now)
        adrift = _adrift(connection)
    starts = Starts(database, shift=timedelta, calendar=None, renew_after=0)
    unreopened = [case for case in closed if not isinstance(starts.reopening(case.subject), bool)]
    nudges = {(case.process, case.subject) for case in [*unheard, *unreopened, *overslept] if _worth_it(case, now)}
    if nudges or unopened:
        with database.write() as connection:
            _leave_word(connection, nudges, unopened, now)
    found = Findings(
        unheard=_numbers(unheard),
        unopened=_numbers(unopened),
        unreopened=_numbers(unreopened),
        overslept=_numbers(overslept),
        adrift=_numbers(adrift),
        unbilled=unbilled,
    )
    if len(found.unheard) == AT_MOST:
        return found, Looked()  # there are more: all are asked again
    return found, Looked(through=(*before.through, through)[-LOOKS_BACK:], unheard=found.unheard)


def _first_bills(database: Database, now: datetime) -> list[str]:
    """Late first bills. A watch is written to only once all of its accounts have had theirs."""
    with database.read() as connection:
        if not new_accounts.watched(connection):
            return []
    with database.write() as connection:
        return new_accounts.settle(connection, at=now)


async def reconcile_for_ever(
    database: Database,
    clock: Callable[[], datetime],
    *,
    pack_on: Callable[[datetime], str | None] = lambda _: None,
    every: timedelta = timedelta(minutes=1),
) -> None:
    """Look every minute, once an hour at every case; what is found is logged by case number, and what needs a person as
    an alarm. Then SQLite, which never does so by itself, looks anew at how many rows there are.
    """
    before: Looked | None = None
    whole = datetime.min.replace(tzinfo=UTC)
    while True:
        try:
            at = clock()
            if before is None or at - whole >= OFTEN:
                await asyncio.to_thread(_count_rows, database)
                before, whole = Looked(), at
            found, before = await asyncio.to_thread(look, database, now=at, pack=pack_on(at), before=before)
            report(found)
        except Exception as failure:  # the database is away: looked again in a minute
            log.warning("reconciler.unable", error=type(failure).__name__)
        await asyncio.sleep(every.total_seconds())


def _count_rows(database: Database) -> None:
    if database.engine.dialect.name == "sqlite":
        database.analyse()


def report(findings: Findings) -> None:
    """Log what was found: one line a kind, the first few case numbers in it, no personal data."""
    for kind, alarm in (
        ("unheard", False),
        ("unopened", False),
        ("unreopened", False),
        ("overslept", True),
        ("adrift", True),
        ("unbilled", True),
    ):
        found: tuple[str, ...] = getattr(findings, kind)
        if found:
            say = log.error if alarm else log.warning
            say(f"reconciler.{kind}", alarm=alarm, count=len(found), cases=list(found[:SHOWN]))


def _unheard(connection: Connection, now: datetime, before: Looked) -> Sequence[Any]:
    """Open cases that the ledger has facts for which they have not taken in."""
    of_late = len(before.through) == LOOKS_BACK
    news = (
        select(func.min(ledger.c.at))
        .where(ledger.c.account_no == cases.c.subject, ledger.c.position > cases.c.ledger_position)
        .scalar_subquery()
    )
    found = select(cases.c.case_no, cases.c.process, cases.c.subject, news.label("since")).where(
        cases.c.process == "arrears", cases.c.status == "open", news <= now - ON_ITS_WAY
    )
    if of_late:
        since = select(ledger.c.account_no).where(ledger.c.position > before.through[0])
        again = select(cases.c.subject).where(cases.c.case_no.in_(before.unheard))
        found = found.where(cases.c.subject.in_(since.union(again)))
    return connection.execute(found.limit(AT_MOST)).all()


def _unopened(connection: Connection, now: datetime) -> Sequence[Any]:
    """Case numbers given out under which no case has begun, and no word left to begin it."""
    begun = exists().where(cases.c.case_no == openings.c.case_no)
    found = (
        select(openings.c.case_no, openings.c.process, openings.c.subject)
        .where(openings.c.open_subject.is_not(None), openings.c.at <= now - ON_ITS_WAY, ~begun)
        .order_by(openings.c.at)
        .limit(AT_MOST)
    )
    rows = connection.execute(found).all()
    if not rows:
        return rows
    words = connection.execute(select(waiting.c.process, waiting.c.subject).where(waiting.c.kind == "open"))
    on_their_way = {(word.process, word.subject) for word in words}
    return [row for row in rows if (row.process, row.subject) not in on_their_way]


def _taken_back_after_closing(connection: Connection, now: datetime) -> Sequence[Any]:
    """Closed cases, each the last of its account, with money taken back since, and no open one to take that in."""
    later, place = cases.alias(), openings.alias()
    is_open = exists().where(place.c.process == "arrears", place.c.open_subject == cases.c.subject)
    followed = exists().where(
        later.c.process == "arrears", later.c.subject == cases.c.subject, later.c.opened_at > cases.c.opened_at
    )
    found = (
        select(cases.c.case_no, cases.c.process, cases.c.subject, func.min(ledger.c.at).label("since"))
        .join(ledger, ledger.c.account_no == cases.c.subject)
        .where(
            ledger.c.kind == "reversal",
            ledger.c.position > cases.c.ledger_position,
            ledger.c.at <= now - ON_ITS_WAY,
            cases.c.process == "arrears",
            cases.c.status == "closed",
            ~is_open,
            ~followed,
        )
        .group_by(cases.c.case_no, cases.c.process, cases.c.subject)
        .limit(AT_MOST)
    )
    return connection.execute(found).all()


def _overslept(connection: Connection, now: datetime) -> Sequence[Any]:
    """Open cases that should have woken up a while ago."""
    found = (
        select(cases.c.case_no, cases.c.process, cases.c.subject, cases.c.next_wake.label("since"))
        .where(cases.c.status == "open", cases.c.next_wake < now - OVERSLEPT)
        .order_by(cases.c.next_wake)
        .limit(AT_MOST)
    )
    return connection.execute(found).all()


def _adrift(connection: Connection) -> Sequence[Any]:
    """Open cases that nothing will ever move: no task for anyone, and no instant to wake up at."""
    asked = exists().where(tasks.c.case_no == cases.c.case_no, tasks.c.status == "open")
    found = select(cases.c.case_no).where(cases.c.status == "open", cases.c.next_wake.is_(None), ~asked)
    return connection.execute(found.order_by(cases.c.case_no).limit(AT_MOST)).all()


def _worth_it(case: Any, now: datetime) -> bool:
    return now - case.since < OFTEN or now.minute == 0


def _leave_word(connection: Connection, nudges: set[tuple[str, str]], unopened: Sequence[Any], now: datetime) -> None:
    words = connection.execute(select(waiting.c.process, waiting.c.subject).where(waiting.c.kind == "nudge"))
    for process, subject in sorted(nudges - {(word.process, word.subject) for word in words}):
        outbox.put(connection, kind="nudge", process=process, subject=subject, at=now)
    for case in unopened:
        outbox.put(
            connection, kind="open", process=case.process, subject=case.subject, at=now, body={"case_no": case.case_no}
        )


def _numbers(rows: Iterable[Any]) -> tuple[str, ...]:
    return tuple(row.case_no for row in rows)
