"""How the text of a cell is read in each column: exactly, or refused with the reason."""

import re
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from functools import partial

import phonenumbers

from activities.ledger_file.problems import Refused
from activities.ledger_file.sheet import EXCEL_EPOCH
from activities.ledger_file.words import NOTHING, Kind, meaning
from domain.money import NotMoney, fen

_QUOTED = re.compile(r'="(.*)"')
_SCIENTIFIC = re.compile(r"[0-9](?:\.[0-9]+)?[eE][+-]?[0-9]{1,3}")
_FLOAT = re.compile(r"([0-9]+)\.0+")
_PADDED_SCALE = re.compile(r"(.*\.[0-9]{2})0+")
_ACCOUNT_NO = re.compile(r"(?=.*[0-9])[0-9A-Za-z][0-9A-Za-z-]{0,31}")
_BILL_NO = re.compile(r"\S{1,64}")
_YEAR_MONTH = re.compile(r"(20[0-9]{2})(?:[-/.年]([0-9]{1,2})月?(?:份)?|([0-9]{2}))")
_YEAR_MONTH_DAY = re.compile(
    r"(20[0-9]{2})(?:[-/.年]([0-9]{1,2})[-/.月]([0-9]{1,2})日?|([0-9]{2})([0-9]{2}))"
    r"(?:[ T][0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?)?"
)
_SERIAL_DAY = re.compile(r"([0-9]{5})(?:\.[0-9]+)?")
_PLAIN_MOBILE = re.compile(r"1[38][0-9]{9}")  # every such number is assigned; the library costs 40 µs a number
_HOTLINE_OR_LOCAL = re.compile(r"12[0-9]{3}|9[56][0-9]{3,4}|[2-8][0-9]{6,7}")  # no numbers to the library
_PHONE = re.compile(r"([+0-9 ()-]{5,24})(?:(?:转|ext\.?|x)([0-9]{1,6}))?", re.IGNORECASE)


def _number(text: str) -> str:
    """A number kept as text, without the marks of exports (`="…"`, a leading apostrophe) or the tail of a float."""
    if quoted := _QUOTED.fullmatch(text):
        text = quoted[1].strip()
    text = text.lstrip("'`")
    if _SCIENTIFIC.fullmatch(text):
        raise Refused("digits-lost")
    return whole[1] if (whole := _FLOAT.fullmatch(text)) else text


def _named(text: str, *, form: re.Pattern[str], otherwise: str) -> str:
    if form.fullmatch(number := _number(text)):
        return number
    raise Refused(otherwise)


def _amount(text: str, *, least: int, below: str) -> int:
    if padded := _PADDED_SCALE.fullmatch(text):
        text = padded[1]  # 86.4000 is a database's scale, not a fen split
    try:
        amount = fen(text)
    except NotMoney as error:
        raise Refused("money") from error
    if amount < least:
        raise Refused(below)
    return amount


def _day(text: str, *, epoch: date) -> date:
    """A date as written, or as the days that Excel counts from `epoch`."""
    try:
        if found := _YEAR_MONTH_DAY.fullmatch(text):
            return date(*(int(part) for part in found.groups() if part))
    except ValueError:
        raise Refused("date") from None
    if found := _SERIAL_DAY.fullmatch(text):
        day_on = epoch + timedelta(days=int(found[1]))
        if 2000 <= day_on.year < 2100:
            return day_on
    raise Refused("date")


def _period(text: str, *, epoch: date) -> str:
    """A billing month as `2026-02`; a date stands for its month."""
    if (found := _YEAR_MONTH.fullmatch(text)) and 1 <= (month := int(found[2] or found[3])) <= 12:
        return f"{found[1]}-{month:02d}"
    try:
        return f"{_day(text, epoch=epoch):%Y-%m}"
    except Refused:
        raise Refused("period") from None


def _word(text: str, *, kind: Kind) -> str:
    if found := meaning(kind, text):
        return found
    raise Refused(kind)


def _protected(text: str) -> list[str]:
    words = [word for word in re.split(r"[、,;/|\s]+", text) if word and word.casefold() not in NOTHING]
    return list(dict.fromkeys(_word(word, kind="protections") for word in words))


def _phone(text: str) -> str | None:
    if _PLAIN_MOBILE.fullmatch(text):
        return text
    text = _number(text)
    if text == "0" or text.casefold() in NOTHING:
        return None
    if whole := _one_phone(text):
        return whole
    numbers = [_one_phone(part) for part in re.split(r"[/、,;|\s]+", text) if part]
    if None in numbers or not numbers:
        raise Refused("phone")
    return next((number for number in numbers if number and re.fullmatch(r"1[0-9]{10}", number)), numbers[0])


def _one_phone(text: str) -> str | None:
    """Its digits, with `-` before an extension; None for what is no number."""
    if not (found := _PHONE.fullmatch(text)):
        return None
    digits = re.sub(r"[ ()-]", "", found[1])
    if not _HOTLINE_OR_LOCAL.fullmatch(digits):
        try:
            number = phonenumbers.parse(digits, "CN")
        except phonenumbers.NumberParseException:
            return None
        if number.country_code != 86 or not phonenumbers.is_valid_number(number):
            return None
        national = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL)
        digits = re.sub(r"[^0-9]", "", national)
    return f"{digits}-{found[2]}" if found[2] else digits


def _cubic(text: str) -> Decimal | None:
    """What a meter shows, in cubic metres; whatever else stands there says nothing: no bill waits for it."""
    try:
        shown = Decimal(_number(text.replace(",", "")))
    except (InvalidOperation, Refused):
        return None
    return shown if shown.is_finite() and 0 <= shown < Decimal(10**9) else None


def _ticked(text: str) -> bool:
    return text.casefold() in ("是", "估", "估抄", "y", "yes", "true", "1", "√")


def free_text(text: str) -> str:
    """A name, an address, a place, as written."""
    if len(text) > 200:
        raise Refused("too-long")
    return text


_READERS: Mapping[str, Callable[[str], object]] = {
    "account_no": partial(_named, form=_ACCOUNT_NO, otherwise="account"),
    "customer_class": partial(_word, kind="classes"),
    "amount_fen": partial(_amount, least=1, below="not-owed"),
    "bill_no": partial(_named, form=_BILL_NO, otherwise="bill"),
    "estate": partial(_word, kind="estates"),
    "phone": _phone,
    "protected": _protected,
    "late_fee_fen": partial(_amount, least=0, below="negative-fee"),
    "reading_before": _cubic,
    "reading": _cubic,
    "volume": _cubic,
    "estimated": _ticked,
}
DETAILS = ("reading_before", "reading", "volume", "estimated")
"""What a bill was made from: shown beside it, and no reason to leave it out."""


def readers(*, epoch: date = EXCEL_EPOCH) -> Mapping[str, Callable[[str], object]]:
    """By field, for half-width text; the other fields are free text."""
    return {**_READERS, "period": partial(_period, epoch=epoch), "due_on": partial(_day, epoch=epoch)}
