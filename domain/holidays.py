"""The names of China's legal holidays, told from the time of year (全国年节及纪念日放假办法).

The notices publish days, and the name of each follows from when it falls; a name is shown, nothing is counted by it.
"""

from datetime import date
from typing import NamedTuple

MonthDay = tuple[int, int]


class Holiday(NamedTuple):
    zh: str
    en: str


NEW_YEAR = Holiday("元旦", "New Year's Day")
VICTORY = Holiday("抗战胜利纪念日", "Victory Day")
# First and last month and day on which a day of the holiday may fall; the lunar ones wander.
SEASONS: tuple[tuple[MonthDay, MonthDay, Holiday], ...] = (
    ((1, 1), (1, 4), NEW_YEAR),
    ((1, 19), (3, 1), Holiday("春节", "Spring Festival")),
    ((4, 1), (4, 8), Holiday("清明节", "Tomb-Sweeping Day")),
    ((4, 27), (5, 8), Holiday("劳动节", "Labour Day")),
    ((5, 26), (6, 30), Holiday("端午节", "Dragon Boat Festival")),
    ((9, 6), (9, 28), Holiday("中秋节", "Mid-Autumn Festival")),
    ((9, 29), (9, 30), Holiday("中秋、国庆假期", "Mid-Autumn and National Day holiday")),
    ((10, 1), (10, 10), Holiday("国庆节", "National Day")),
    ((12, 28), (12, 31), NEW_YEAR),
)


def holiday_of(day: date) -> Holiday | None:
    """The holiday that a published day off belongs to; None when no holiday is kept at that time of year."""
    if (day.year, day.month) == (2015, 9) and day.day in (3, 4, 5):
        return VICTORY
    here = (day.month, day.day)
    return next((holiday for first, last, holiday in SEASONS if first <= here <= last), None)
