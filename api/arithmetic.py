"""A deadline's arithmetic, said in Chinese and English line by line: what the clock of a task shows."""

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from itertools import groupby

from pydantic import AwareDatetime, BaseModel, Field

from domain.arithmetic import Arithmetic, DayRead, Stood, Stretch, explained
from domain.calendars import Calendar, local
from domain.clock import Party
from domain.tasks import Task
from domain.terms import Remaining, Term

PARTIES: dict[Party, tuple[str, str]] = {
    "utility": ("供水企业", "the utility"),
    "customer": ("用户", "the customer"),
    "government": ("政府部门", "the government"),
    "contractor": ("施工单位", "the contractor"),
    "force-majeure": ("不可抗力", "force majeure"),
}
_DAY = timedelta(days=1)
_MINUTE = timedelta(minutes=1)


class Line(BaseModel):
    """One step of the arithmetic. `kind`: term, not-counted, counted, pause, rolled, end, provisional or source."""

    kind: str
    zh: str
    en: str


class PauseShown(BaseModel):
    """A pause: who had the task, why and on what evidence, and what was left of the term; `late`: it was over."""

    party: Party
    reason: str | None
    evidence: str | None
    since: AwareDatetime
    until: AwareDatetime | None
    left_seconds: int | None
    left_days: int | None
    left_until: date | None
    late: bool


class ArithmeticShown(BaseModel):
    """How a deadline comes about: the account itself, and the same in words, in order."""

    term: str
    starts_at: AwareDatetime
    ends_at: AwareDatetime = Field(description="the exclusive end: 00:00 is the 24:00 of the day before")
    standing: bool = Field(description="the clock stands still; the deadline is counted again when it goes on")
    provisional: bool
    provisional_years: list[int]
    parts: list[Stretch | PauseShown] = Field(description="stretches that ran, and pauses between them")
    clauses: list[str]
    lines: list[Line]


def arithmetic_of(task: Task, calendar: Calendar) -> ArithmeticShown | None:
    """How the task's deadline comes about, for a page or for JSON; None for a task without a term."""
    told = explained(task, calendar=calendar)
    if told is None:
        return None
    return ArithmeticShown(
        term=told.term.written,
        starts_at=told.starts_at,
        ends_at=told.ends_at,
        standing=told.standing,
        provisional=told.provisional,
        provisional_years=list(told.provisional_years),
        parts=[_pause_shown(part) if isinstance(part, Stood) else part for part in told.parts],
        clauses=list(told.clauses),
        lines=list(lines(told)),
    )


def _pause_shown(part: Stood) -> PauseShown:
    left = part.left
    return PauseShown(
        party=part.party,
        reason=part.reason,
        evidence=part.evidence,
        since=local(part.since),
        until=local(part.until) if part.until is not None else None,
        left_seconds=int(left.duration.total_seconds()) if left.duration is not None else None,
        left_days=left.days,
        left_until=left.until,
        late=left.overdue is not None,
    )


def lines(told: Arithmetic) -> Iterator[Line]:
    """The arithmetic in words, step by step."""
    term_zh, term_en = said_term(told.term)
    opened = told.starts == "opened"
    yield Line(
        kind="term",
        zh=f"自{moment_zh(told.starts_at)}{'任务开启' if opened else ''}起，{term_zh}",
        en=f"{term_en}, from {moment_en(told.starts_at)}{', when the task opened' if opened else ''}",
    )
    for part in told.parts:
        match part:
            case Stretch():
                yield from _stretch(part)
            case Stood():
                yield _stood(part, told.term)
    yield _end(told)
    if told.provisional:
        years = "、".join(str(year) for year in told.provisional_years)
        yield Line(
            kind="provisional",
            zh=f"{years}年节假日安排尚未公布，为暂定日期，公布后重新推算" if years else "为暂定日期，公布后重新推算",
            en=f"provisional: the days off of {years or 'a year'} are not published yet;"
            " it is counted again once they are",
        )
    if told.clauses:
        yield Line(
            kind="source",
            zh=f"依据：{'、'.join(told.clauses)}",
            en=f"by clause{_s(told.clauses)} {', '.join(told.clauses)}",
        )


def _stretch(part: Stretch) -> Iterator[Line]:
    for (why, zh, en), days in groupby(part.days, key=lambda read: (read.why, read.holiday_zh, read.holiday_en)):
        span_zh, span_en = _span(days)
        match why:
            case "start":
                yield Line(
                    kind="not-counted", zh=f"{span_zh}为起算当日，不计", en=f"{span_en} is the first day: not counted"
                )
            case "make-up":
                yield Line(
                    kind="counted", zh=f"{span_zh}调休上班，计入", en=f"{span_en}, worked for a holiday: counted"
                )
            case "holiday":
                yield Line(
                    kind="not-counted",
                    zh=f"{span_zh}{zh or '放假'}，不计",
                    en=f"{span_en}, {en or 'a holiday'}: not counted",
                )
            case "weekend":
                yield Line(kind="not-counted", zh=f"{span_zh}周末，不计", en=f"{span_en}, weekend: not counted")
    if part.rolled and part.last_day is not None:
        span_zh, span_en = _span(part.rolled)
        names = dict.fromkeys((read.holiday_zh or "周末", read.holiday_en or "weekend") for read in part.rolled)
        yield Line(
            kind="rolled",
            zh=f"{span_zh}休息（{'、'.join(zh for zh, _ in names)}），顺延至{day_zh(part.last_day)}",
            en=f"{span_en} {'are' if len(part.rolled) > 1 else 'is'} off ({', '.join(en for _, en in names)}):"
            f" moved to {day_en(part.last_day)}",
        )


def _stood(part: Stood, term: Term) -> Line:
    who_zh, who_en = PARTIES[part.party]
    left_zh, left_en = said_left(part.left, term)
    why = f"（{part.reason}）" if part.reason else ""
    proof_zh = f"，凭据：{part.evidence}" if part.evidence else ""
    proof_en = f", evidence: {part.evidence}" if part.evidence else ""
    lasted = part.lasted
    until_zh, until_en = "，尚未恢复", ", and still does"
    if lasted is not None and part.until is not None:
        zh, en = said_length(lasted)
        until_zh, until_en = f"，{moment_zh(part.until)}恢复，历时{zh}", f", until {moment_en(part.until)} ({en})"
    return Line(
        kind="pause",
        zh=f"{moment_zh(part.since)}起由{who_zh}占用{why}{proof_zh}，{left_zh}{until_zh}",
        en=f"from {moment_en(part.since)} {who_en} has it{f' ({part.reason})' if part.reason else ''}{proof_en},"
        f" {left_en}{until_en}",
    )


def _end(told: Arithmetic) -> Line:
    if told.standing:
        return Line(
            kind="end",
            zh=f"计时暂停；原截止时间{end_zh(told.ends_at)}，恢复后按剩余时限重新推算",
            en=f"the clock stands still: it was due by {end_en(told.ends_at)}, and goes on with what is left",
        )
    if told.overdue:
        return Line(
            kind="end",
            zh=f"{end_zh(told.ends_at)}已截止，其后的暂停不再延长时限",
            en=f"due by {end_en(told.ends_at)}: a pause after that gives nothing back",
        )
    return Line(kind="end", zh=f"{end_zh(told.ends_at)}截止", en=f"due by {end_en(told.ends_at)}")


def said_term(term: Term) -> tuple[str, str]:
    """A term in words: 5个工作日, 5 working days."""
    days = term.days
    match term.counts:
        case "elapsed":
            zh, en = said_length(term.duration)
            return f"{zh}内", f"within {en}"
        case "natural" if days == 0:
            return "当日24:00前", "by 24:00 of the same day"
        case "natural":
            zh, en = f"{days}日内", f"{days} day{'s' if days > 1 else ''}"
        case "working":
            zh, en = f"{days}个工作日内", f"{days} working day{'s' if days > 1 else ''}"
        case "month-end":
            zh, en = "当月月末前", "by the end of the month"
    return (f"{zh}，末日遇休息日顺延", f"{en}, a last day off gives way") if term.roll else (zh, en)


def said_left(left: Remaining, term: Term) -> tuple[str, str]:
    """What is left of a term, in words."""
    if left.overdue is not None:
        return "已超期", "already overdue"
    if left.duration is not None:
        zh, en = said_length(left.duration)
        return f"剩余{zh}", f"{en} left"
    if left.until is not None:
        return f"截止日仍为{day_zh(left.until)}", f"its day stays {day_en(left.until)}"
    days = left.days or 0
    kind_zh, kind_en = ("个工作日", "working day") if term.counts == "working" else ("日", "day")
    return f"剩余{days}{kind_zh}", f"{days} {kind_en}{'' if days == 1 else 's'} left"


def said_length(length: timedelta) -> tuple[str, str]:
    """A length of time to the minute: 2天3小时, 2 days 3 hours; less than a minute in seconds."""
    if length < _MINUTE:
        seconds = int(length.total_seconds())
        return f"{seconds}秒", f"{seconds} second{'' if seconds == 1 else 's'}"
    days, rest = divmod(int(length / _MINUTE), 24 * 60)
    hours, minutes = divmod(rest, 60)
    if length <= 2 * _DAY:
        days, hours = 0, hours + days * 24
    counts = [(days, "天", "day"), (hours, "小时", "hour"), (minutes, "分钟", "minute")]
    said = [(f"{n}{zh}", f"{n} {en}{'s' if n > 1 else ''}") for n, zh, en in counts if n]
    return "".join(zh for zh, _ in said), " ".join(en for _, en in said)


def day_zh(day: date) -> str:
    return f"{day.year}年{day.month}月{day.day}日"


def day_en(day: date) -> str:
    return f"{day.day} {day:%B %Y}"


def moment_zh(instant: datetime) -> str:
    here = local(instant)
    return f"{day_zh(here.date())}{here:%H:%M}"


def moment_en(instant: datetime) -> str:
    here = local(instant)
    return f"{day_en(here.date())} {here:%H:%M}"


def end_zh(end: datetime) -> str:
    """An exclusive end as it is spoken of: 00:00 is the 24:00 of the day before."""
    day, clock = _spoken(end)
    return f"{day_zh(day)}{clock}"


def end_en(end: datetime) -> str:
    day, clock = _spoken(end)
    return f"{day_en(day)} {clock}"


def _spoken(end: datetime) -> tuple[date, str]:
    here = local(end)
    if (here.hour, here.minute, here.second, here.microsecond) == (0, 0, 0, 0):
        return here.date() - _DAY, "24:00"
    return here.date(), f"{here:%H:%M}"


def _span(days: Iterable[DayRead]) -> tuple[str, str]:
    """Days of one kind, next to each other or not: 2月15日至23日, 15 to 23 February."""
    runs: list[list[date]] = []
    for read in days:
        if runs and read.day == runs[-1][-1] + _DAY:
            runs[-1].append(read.day)
        else:
            runs.append([read.day])
    zh = "、".join(_run_zh(run[0], run[-1]) for run in runs)
    en = ", ".join(_run_en(run[0], run[-1]) for run in runs)
    return zh, en


def _run_zh(first: date, last: date) -> str:
    if first == last:
        return f"{first.month}月{first.day}日"
    same = (first.year, first.month) == (last.year, last.month)
    return f"{first.month}月{first.day}日至{'' if same else f'{last.month}月'}{last.day}日"


def _run_en(first: date, last: date) -> str:
    if first == last:
        return f"{first.day} {first:%B}"
    same = (first.year, first.month) == (last.year, last.month)
    return f"{first.day}{'' if same else f' {first:%B}'} to {last.day} {last:%B}"


def _s(many: tuple[str, ...]) -> str:
    return "s" if len(many) > 1 else ""
