"""How the text of a cell is read in each column: exactly, or refused with the reason."""

import re
from collections.abc import Callable, Mapping
from datetime import date, timedelta

from activities.ledger_file import phones, problems
from activities.ledger_file.problems import Problem, Refused
from activities.ledger_file.words import CLASSES, ESTATES, NOTHING, PROTECTIONS
from domain.account import CustomerClass, Estate, Protection
from domain.money import NotMoney, fen

_QUOTED_NUMBER = re.compile(r"=\"(.*)\"")
_SCIENTIFIC = re.compile(r"[0-9]+(?:\.[0-9]+)?[eE][+-]?[0-9]{1,3}")
_FLOAT_TAIL = re.compile(r"([0-9]+)\.0+")
_ACCOUNT_NO = re.compile(r"(?=.*[0-9])[0-9A-Za-z][0-9A-Za-z-]{0,31}")
_BILL_NO = re.compile(r"\S{1,64}")
_YEAR_MONTH = re.compile(r"(20[0-9]{2})(?:[-/.年]([0-9]{1,2})月?(?:份)?|([0-9]{2}))")
_YEAR_MONTH_DAY = re.compile(
    r"(20[0-9]{2})(?:[-/.年]([0-9]{1,2})[-/.月]([0-9]{1,2})日?|([0-9]{2})([0-9]{2}))"
    r"(?:[ T][0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?)?"
)
_SERIAL_DAY = re.compile(r"([0-9]{5})(?:\.[0-9]+)?")


def _number(text: str) -> str:
    """A number kept as text, without the marks of exports (`="…"`, a leading apostrophe) or the tail of a float."""
    if wrapped := _QUOTED_NUMBER.fullmatch(text):
        text = wrapped[1].strip()
    text = text.lstrip("'`")
    if _SCIENTIFIC.fullmatch(text):
        raise Refused(problems.DIGITS_LOST)
    return tail[1] if (tail := _FLOAT_TAIL.fullmatch(text)) else text


def _account_no(text: str) -> str:
    if not _ACCOUNT_NO.fullmatch(number := _number(text)):
        raise Refused(problems.ACCOUNT)
    return number


def _bill_no(text: str) -> str:
    if not _BILL_NO.fullmatch(number := _number(text)):
        raise Refused(problems.BILL)
    return number


def _amount(text: str, least: int = 1, refused: Problem = problems.NOT_OWED) -> int:
    try:
        amount = fen(re.sub(r"(\.[0-9]{2})0+$", r"\1", text))  # 86.4000 is a database's scale, not a fen split
    except NotMoney as error:
        raise Refused(problems.MONEY) from error
    if amount < least:
        raise Refused(refused)
    return amount


def _late_fee(text: str) -> int:
    return _amount(text, 0, problems.NEGATIVE_FEE)


def day(text: str, *, epoch: date) -> date:
    """A date as written, or as the days that Excel counts from `epoch`."""
    try:
        if found := _YEAR_MONTH_DAY.fullmatch(text):
            return date(*(int(part) for part in found.groups() if part))
        if found := _SERIAL_DAY.fullmatch(text):
            day_on = epoch + timedelta(days=int(found[1]))
            if 2000 <= day_on.year < 2100:
                return day_on
    except ValueError:
        pass
    raise Refused(problems.DAY)


def period(text: str, *, epoch: date) -> str:
    """A billing month as `2026-02`; a date stands for its month."""
    if (found := _YEAR_MONTH.fullmatch(text)) and 1 <= (month := int(found[2] or found[3])) <= 12:
        return f"{found[1]}-{month:02d}"
    try:
        return f"{day(text, epoch=epoch):%Y-%m}"
    except Refused:
        raise Refused(problems.PERIOD) from None


def _customer_class(text: str) -> CustomerClass:
    word = text.casefold().replace("-", "").replace(" ", "")
    for end in ("", "用户", "用水", "客户", "户"):
        if found := CLASSES.get(word.removesuffix(end)):
            return found
    raise Refused(problems.CLASS)


def _estate(text: str) -> Estate:
    if found := ESTATES.get(text.casefold()):
        return found
    raise Refused(problems.ESTATE)


def _protected(text: str) -> tuple[Protection, ...]:
    words = [word for word in re.split(r"[、,;/|\s]+", text.casefold()) if word and word not in NOTHING]
    if not PROTECTIONS.keys() >= set(words):
        raise Refused(problems.PROTECTED)
    return tuple(dict.fromkeys(PROTECTIONS[word] for word in words))


def _phone(text: str) -> str | None:
    numbers = phones.numbers(_number(text))
    if numbers is None:
        raise Refused(problems.PHONE)
    return numbers[0] if numbers else None


def free_text(text: str) -> str:
    """A name, an address, a place: as written."""
    if len(text) > 200:
        raise Refused(problems.TOO_LONG)
    return text


READERS: Mapping[str, Callable[[str], object]] = {
    "account_no": _account_no,
    "customer_class": _customer_class,
    "amount_fen": _amount,
    "bill_no": _bill_no,
    "estate": _estate,
    "phone": _phone,
    "protected": _protected,
    "late_fee_fen": _late_fee,
}
"""By field, for half-width text; what is not here and no date is free text."""
