"""Money: integer fen (分) inside, yuan (元) as text at the edges, never a float in between."""

import re
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

# Thirteen digits of yuan are fifteen of fen: within any 64-bit column and within a double, should a browser sum them.
_LARGEST = 10**15 - 1
_TEXT = re.compile(
    r"(?P<sign>-?)¥?\s*(?P<again>-?)(?P<whole>[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.(?P<part>[0-9]+))?\s*元?"
)
_WIDE = str.maketrans("０１２３４５６７８９，．－−￥", "0123456789,.--¥")

Refusal = Literal["float", "not-money", "decimals", "negative", "not-positive", "too-large"]


class NotMoney(ValueError):
    """An amount that cannot be read exactly; `code` says why for those who translate."""

    def __init__(self, code: Refusal, message: str) -> None:
        super().__init__(message)
        self.code = code


def fen(text: str | int | Decimal, *, negative: bool = True) -> int:
    """Read yuan exactly into integer fen.

    Takes "86.40", "1,860.55", "¥86.40", "86.4元", full-width digits, whole yuan as int, or a Decimal.
    Raises `NotMoney` for a float or bool, more than two decimals (zeros too), NaN or infinity, wrongly grouped commas,
    thirteen digits of yuan exceeded, and, with `negative=False`, anything below zero.
    """
    if isinstance(text, float | bool):
        raise NotMoney("float", 'money travels as a yuan string such as "86.40", not as a JSON number or a truth value')
    amount = _from_text(text) if isinstance(text, str) else _from_number(text)
    if abs(amount) > _LARGEST:
        raise NotMoney("too-large", "more than thirteen digits of yuan")
    if amount < 0 and not negative:
        raise NotMoney("negative", "the amount may not be negative")
    return amount


def yuan(fen: int) -> str:
    """Write fen as yuan with two decimals and no grouping: 8640 as "86.40", -5 as "-0.05"."""
    whole, part = divmod(abs(fen), 100)
    return f"{'-' if fen < 0 else ''}{whole}.{part:02d}"


_DIGITS = "零壹贰叁肆伍陆柒捌玖"
_PLACES = ("", "拾", "佰", "仟")


def in_words(fen: int) -> str:
    """An amount as papers write it out, so that no digit can be added: 186055 as "壹仟捌佰陆拾元伍角伍分"."""
    whole, part = divmod(abs(fen), 100)
    jiao, left = divmod(part, 10)
    words = f"{_whole(whole)}元" if whole or not part else ""
    words += f"{_DIGITS[jiao]}角" if jiao else "零" if words and left else ""
    words += f"{_DIGITS[left]}分" if left else "整"
    return f"{'负' if fen < 0 else ''}{words}"


def _whole(number: int) -> str:
    """A whole number in groups of four digits: each group's zeros are read once, and not at its end."""
    words, gap = "", False
    groups = [number // 10**at % 10**4 for at in (12, 8, 4, 0)]
    for group, name in zip(groups, ("万亿", "亿", "万", ""), strict=True):
        for place in (3, 2, 1, 0):
            digit = group // 10**place % 10
            if digit:
                words += ("零" if gap and words else "") + _DIGITS[digit] + _PLACES[place]
            gap = not digit
        words += name if group else ""
    return words or "零"


def _from_text(text: str) -> int:
    found = _TEXT.fullmatch(text.strip().translate(_WIDE))
    if found is None or (found["sign"] and found["again"]):
        raise NotMoney("not-money", 'not an amount in yuan such as "86.40"')
    whole, part = found["whole"].replace(",", ""), found["part"] or ""
    if len(part) > 2:
        raise NotMoney("decimals", "more than two decimals: a fen cannot be split")
    if len(whole) > 15:
        raise NotMoney("too-large", "more than thirteen digits of yuan")
    amount = int(whole) * 100 + int(part.ljust(2, "0"))
    return -amount if found["sign"] or found["again"] else amount


def _from_number(number: int | Decimal) -> int:
    if isinstance(number, int):
        return number * 100
    if not isinstance(number, Decimal) or not number.is_finite():
        raise NotMoney("not-money", 'not an amount in yuan such as "86.40"')
    exponent = number.as_tuple().exponent
    if isinstance(exponent, int) and exponent < -2:
        raise NotMoney("decimals", "more than two decimals: a fen cannot be split")
    if number and number.adjusted() > 15:  # before scaling: Decimal("1E+999999") would fill the memory
        raise NotMoney("too-large", "more than thirteen digits of yuan")
    return int(number.scaleb(2)) if number else 0


def _taken(value: object) -> int:
    if isinstance(value, str | int | float | Decimal):
        return fen(value)  # type: ignore[arg-type]  # a float is passed on to be refused in fen's words
    raise NotMoney("not-money", 'not an amount in yuan such as "86.40"')


def _taken_positive(value: object) -> int:
    amount = _taken(value)
    if amount <= 0:
        raise NotMoney("not-positive", "the amount must be more than zero")
    return amount


Yuan = Annotated[
    int,
    BeforeValidator(_taken),
    PlainSerializer(yuan, return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^-?[0-9]{1,13}(\.[0-9]{1,2})?$", "examples": ["86.40"]}),
]
"""A model field that is given yuan ("86.40"), holds fen (8640) and dumps yuan again, in Python and in JSON.

What goes in is always yuan, an int too: hand a fen amount over as `yuan(amount_fen)`, or the field holds a hundredfold.
"""

PositiveYuan = Annotated[
    int,
    BeforeValidator(_taken_positive),
    PlainSerializer(yuan, return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^(?=.*[1-9])[0-9]{1,13}(\.[0-9]{1,2})?$", "examples": ["86.40"]}),
]
"""As `Yuan`, and more than zero: a bill, a payment, a part of a plan."""
