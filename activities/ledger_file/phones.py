"""A phone number as offices write it, read as digits."""

import re

import phonenumbers

from activities.ledger_file.words import NOTHING

_PLAIN_MOBILE = re.compile(r"1[38][0-9]{9}")  # every such number is assigned; the library costs 40 µs a number
_HOTLINE_OR_LOCAL = re.compile(r"12[0-9]{3}|9[56][0-9]{3,4}|[2-8][0-9]{6,7}")
_WRITTEN = re.compile(r"([+0-9 ()-]{5,24})(?:(?:转|ext\.?|x)([0-9]{1,6}))?", re.IGNORECASE)


def numbers(text: str) -> list[str] | None:
    """The phone numbers of a cell, mobiles first, digits only with `-` before an extension; None if any is none."""
    if _PLAIN_MOBILE.fullmatch(text):
        return [text]
    if text == "0" or text.casefold() in NOTHING:
        return []
    parts = [text] if _number(text) else [part for part in re.split(r"[/、,;|\s]+", text) if part]
    found = [number for part in parts if (number := _number(part))]
    if not found or len(found) < len(parts):
        return None
    return sorted(found, key=lambda number: not re.fullmatch(r"1[0-9]{10}", number))


def _number(text: str) -> str | None:
    found = _WRITTEN.fullmatch(text)
    if found is None:
        return None
    digits = re.sub(r"[^0-9+]", "", found[1])
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
