"""The ladder of an arrears case as its page shows it: each rung with its proof or its period."""

from datetime import datetime
from typing import Any, Literal, NamedTuple

from api.arithmetic import said_term
from domain.arrears.facts import ArrearsFacts
from domain.arrears.ladder import period_end
from domain.arrears.policy import Approve, ArrearsPolicy, Contacts, Limit, Refer, Remind, Report, Serve, Wait
from domain.calendars import Calendar
from domain.processes import TASKS

State = Literal["done", "running", "ahead"]
PERIODS = {"grace": ("宽限期", "Grace"), "notice": ("限压通知期", "Notice period")}


class Rung(NamedTuple):
    """A rung. `until`: the exclusive end of a period; `by` and `at`: who did it, when; `detail` in both languages."""

    zh: str
    en: str
    state: State
    at: datetime | None
    until: datetime | None
    by: str | None
    detail: tuple[str, str] | None
    clauses: tuple[str, ...]


def steps(facts: ArrearsFacts, policy: ArrearsPolicy, calendar: Calendar) -> list[Rung]:
    """Every rung of the pack's ladder, from the first."""
    return [_rung(rung, facts, calendar) for rung in policy.ladder]


def _rung(rung: Any, facts: ArrearsFacts, calendar: Calendar) -> Rung:
    match rung:
        case Remind():
            return _made("提醒缴费", "Remind", True, at=facts.opened_at, clauses=rung.message.clauses)
        case Contacts():
            enough, told = facts.contacts >= rung.count.value, f"{facts.contacts} / {rung.count.value}"
            return _made("有效沟通", "Contacts", enough, detail=(told, told), clauses=rung.count.clauses)
        case Report():
            by = facts.reports.get(rung.task)
            return _made(*_titles(rung.task), by is not None, by=by, clauses=rung.term.clauses)
        case Serve():
            served = facts.served.get(rung.task)
            tried = facts.attempts.get(rung.task)
            failed = (f"{tried.failed} 次未送达", f"{tried.failed} failed") if tried and tried.failed else None
            if served is None:
                return _made(*_titles(rung.task), False, detail=failed, clauses=rung.term.clauses)
            return _made(*_titles(rung.task), True, at=served.at, by=served.by, clauses=rung.term.clauses)
        case Wait():
            term = rung.term(facts.account.customer_class)
            zh, en = PERIODS[rung.period]
            started = facts.served.get(rung.after)
            ended = rung.period in facts.periods
            until = period_end(rung, facts, calendar).at if started else None
            state: State = "done" if ended else "running" if started else "ahead"
            return Rung(
                zh, en, state, started.at if started else None, until, None, said_term(term.value), term.clauses
            )
        case Approve():
            given = facts.approval
            return _made(
                *_titles(rung.task),
                given is not None or facts.limited_at is not None,
                at=given.at if given else None,
                by=given.by if given else None,
                clauses=rung.term.clauses,
            )
        case Limit():
            out = (f"限压单 {facts.order.no}", f"order {facts.order.no}") if facts.order else None
            return _made(
                *_titles(rung.task),
                facts.limited_at is not None,
                at=facts.limited_at,
                detail=out,
                clauses=rung.term.clauses,
            )
        case Refer():
            return _made(*_titles(rung.task), facts.referred, clauses=rung.after.clauses)
        case _:
            name = str(getattr(rung, "rung", type(rung).__name__))
            return _made(name, name, False)


def _titles(key: str) -> tuple[str, str]:
    return TASKS[key].title_zh, TASKS[key].title_en


def _made(
    zh: str,
    en: str,
    done: bool,
    *,
    at: datetime | None = None,
    by: str | None = None,
    detail: tuple[str, str] | None = None,
    clauses: tuple[str, ...] = (),
) -> Rung:
    return Rung(zh, en, "done" if done else "ahead", at, None, by, detail, clauses)
