"""How values look: money, instants, days, and stretches of time in words."""

import re
from datetime import date, datetime, time, timedelta

from api.pages.words import Language
from domain.calendars import CHINA
from domain.money import yuan

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def money(amount_fen: int) -> str:
    """¥1,860.55, from fen."""
    return f"¥{float(yuan(amount_fen)):,.2f}" if abs(amount_fen) < 10**13 else f"¥{yuan(amount_fen)}"


def day(on: date, *, language: Language, today: date) -> str:
    """3月12日, with the year when it is not this one."""
    if language == "zh":
        return f"{on.month}月{on.day}日" if on.year == today.year else f"{on.year}年{on.month}月{on.day}日"
    return f"{on.day} {MONTHS[on.month - 1]}" + ("" if on.year == today.year else f" {on.year}")


def month(written: str, *, language: Language) -> str:
    """2026年11月, of 2026-11."""
    year, number = written.split("-")
    return f"{year}年{int(number)}月" if language == "zh" else f"{MONTHS[int(number) - 1]} {year}"


def instant(at: datetime, *, language: Language, today: date) -> str:
    """3月12日 10:00."""
    at = at.astimezone(CHINA)
    return f"{day(at.date(), language=language, today=today)} {at:%H:%M}"


def hours(starts_at: datetime, ends_at: datetime | None, *, language: Language, today: date) -> str:
    """3月13日（周五）08:30–11:30: the hours of a visit."""
    at = starts_at.astimezone(CHINA)
    weekday = "一二三四五六日"[at.weekday()] if language == "zh" else WEEKDAYS[at.weekday()]
    on = day(at.date(), language=language, today=today)
    on = f"{on}（周{weekday}）" if language == "zh" else f"{weekday} {on}, "
    return f"{on}{at:%H:%M}" + (f"–{ends_at.astimezone(CHINA):%H:%M}" if ends_at is not None else "")


def due(at: datetime, *, language: Language, today: date) -> str:
    """A due instant is an exclusive end: midnight is said as 24:00 of the day before."""
    at = at.astimezone(CHINA)
    if at.time() == time():
        return f"{day(at.date() - timedelta(days=1), language=language, today=today)} 24:00"
    return instant(at, language=language, today=today)


def iso(written: str, *, language: Language) -> str:
    """3 天, of P3D; whatever is no ISO duration stays as it is written."""
    found = re.fullmatch(r"P(\d+)([YMD])|PT(\d+)([HM])", written)
    if found is None:
        return written
    count, unit = (found[1], found[2]) if found[1] else (found[3], f"T{found[4]}")
    zh, en = {"Y": ("年", "y"), "M": ("个月", "months"), "D": ("天", "d"), "TH": ("小时", "h"), "TM": ("分", "min")}[
        unit
    ]
    return f"{count} {zh if language == 'zh' else en}"


def stretch(time: timedelta, *, language: Language) -> str:
    """2 天 4 小时: the two largest units that say something, down to a minute."""
    minutes = max(0, int(time.total_seconds()) // 60)
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    units = ("天", "小时", "分") if language == "zh" else ("d", "h", "min")
    parts = [f"{count} {unit}" for count, unit in zip((days, hours, minutes), units, strict=True) if count]
    if days >= 10:
        parts = parts[:1]
    return " ".join(parts[:2]) or f"0 {units[2]}"
