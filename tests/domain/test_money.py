from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from domain.money import NotMoney, PositiveYuan, Yuan, fen, in_words, yuan

amounts = st.integers(-(10**15 - 1), 10**15 - 1)


class Bill(BaseModel, frozen=True):
    amount: PositiveYuan
    balance: Yuan = 0


@given(amounts)
def test_what_is_written_in_yuan_reads_back_as_the_same_fen(amount: int) -> None:
    assert fen(yuan(amount)) == amount


@given(amounts)
def test_grouping_a_currency_mark_and_full_width_digits_change_nothing(amount: int) -> None:
    grouped = f"{amount // 100:,}.{amount % 100:02d}" if amount >= 0 else yuan(amount)
    wide = yuan(amount).translate({ord(digit): ord(digit) + 0xFEE0 for digit in "0123456789.-"})
    assert fen(grouped) == fen(f" {yuan(amount)}元 ") == fen(wide) == amount
    assert fen(f"¥{yuan(amount)}") == fen(f"￥ {yuan(amount)}") == amount


@given(amounts)
def test_text_and_decimal_agree_to_the_fen(amount: int) -> None:
    assert fen(Decimal(amount).scaleb(-2)) == amount


@given(st.text())
def test_any_text_is_read_exactly_or_refused_as_not_money(text: str) -> None:
    try:
        amount = fen(text)
    except NotMoney:
        return
    assert fen(yuan(amount)) == amount


@given(st.decimals(allow_nan=True, allow_infinity=True))
def test_any_decimal_is_read_exactly_or_refused_as_not_money(number: Decimal) -> None:
    try:
        amount = fen(number)
    except NotMoney:
        return
    assert Decimal(amount) == number * 100


@pytest.mark.parametrize(
    ("text", "amount"),
    [("1,860.55", 186_055), ("¥86.40", 8_640), ("86.4", 8_640), ("-¥0.05", -5), ("¥-0.05", -5), ("0", 0), ("007", 700)],
)
def test_the_ways_offices_write_yuan_are_read(text: str, amount: int) -> None:
    assert fen(text) == amount


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("86.405", "decimals"),
        ("86.400", "decimals"),
        (Decimal("86.405"), "decimals"),
        ("1,86", "not-money"),
        ("18,60.55", "not-money"),
        ("86.", "not-money"),
        (".5", "not-money"),
        ("--1", "not-money"),
        ("-¥-1", "not-money"),
        ("1e3", "not-money"),
        ("86²", "not-money"),
        ("NaN", "not-money"),
        ("", "not-money"),
        (Decimal("NaN"), "not-money"),
        (Decimal("-Infinity"), "not-money"),
        (Decimal("1E+999999"), "too-large"),
        ("9" * 14, "too-large"),
        ("9" * 10_000, "too-large"),
        (10**13, "too-large"),
        (86.4, "float"),
        (float("nan"), "float"),
        (True, "float"),
    ],
)
def test_what_cannot_be_read_exactly_is_refused_with_the_reason(value: object, code: str) -> None:
    with pytest.raises(NotMoney) as refused:
        fen(value)  # type: ignore[arg-type]
    assert refused.value.code == code


def test_a_negative_amount_is_refused_where_told() -> None:
    assert fen("-1.00") == -100
    with pytest.raises(NotMoney, match="negative"):
        fen("-1.00", negative=False)


def test_an_int_is_whole_yuan() -> None:
    assert fen(86) == 8_600


def test_a_field_takes_yuan_holds_fen_and_dumps_yuan() -> None:
    bill = Bill.model_validate_json('{"amount": "1,860.55"}')
    assert bill.amount == 186_055
    assert bill.model_dump_json() == '{"amount":"1860.55","balance":"0.00"}'
    assert Bill.model_validate(bill.model_dump()) == Bill.model_validate_json(bill.model_dump_json()) == bill


def test_a_json_number_with_a_fraction_is_told_to_travel_as_text() -> None:
    with pytest.raises(ValidationError, match="money travels as a yuan string"):
        Bill.model_validate_json('{"amount": 1.10}')


@pytest.mark.parametrize("body", ['{"amount": "0.00"}', '{"amount": "-1"}', '{"amount": null}', '{"amount": [1]}'])
def test_a_bill_of_nothing_is_no_bill(body: str) -> None:
    with pytest.raises(ValidationError):
        Bill.model_validate_json(body)


def test_the_schema_describes_a_string_with_an_example() -> None:
    schema = Bill.model_json_schema()["properties"]["amount"]
    assert (schema["type"], schema["examples"]) == ("string", ["86.40"])


@given(st.from_regex(Bill.model_json_schema()["properties"]["amount"]["pattern"].replace("$", r"\Z")))
def test_whatever_the_schema_allows_is_taken(text: str) -> None:
    assert Bill.model_validate({"amount": text}).amount > 0


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        ("0", "零元整"),
        ("0.05", "伍分"),
        ("0.50", "伍角整"),
        ("86.40", "捌拾陆元肆角整"),
        ("100.05", "壹佰元零伍分"),
        ("1860.55", "壹仟捌佰陆拾元伍角伍分"),
        ("10001.00", "壹万零壹元整"),
        ("100000000.00", "壹亿元整"),
        ("-5.00", "负伍元整"),
    ],
)
def test_an_amount_is_written_out_so_that_no_digit_can_be_added(amount: str, words: str) -> None:
    assert in_words(fen(amount)) == words
