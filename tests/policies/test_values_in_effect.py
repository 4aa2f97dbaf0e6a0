"""Every value of a pack that rests on a sentence is in effect, and a number that a sentence gives is that number."""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple, get_args

import pytest
from pydantic import BaseModel

from domain.arrears.policy import Channel
from domain.calendars import DailyHours
from domain.case import EscalationPolicy
from domain.connection.policy import Depth, DesignBy, Phase, Server
from domain.money import fen
from domain.people import ROLES
from domain.policy import Sourced
from domain.terms import Term
from policies.packs import _values as values_of
from policies.packs import clauses, load_pack, pack_versions
from policies.written import spelled
from tests.policies.lives import arrears_lives, connection_lives, organisation_lives

LIVES: Mapping[str, list[Callable[[Any], list[Any]]]] = {
    "arrears": arrears_lives(),
    "connection": connection_lives(),
    "organisation": organisation_lives(),
}
# Of each group of words that a pack may write, any may stand for any other.
WORDS: tuple[tuple[str, ...], ...] = (
    get_args(Server),
    get_args(Channel),
    get_args(Phase),
    get_args(DesignBy),
    ROLES,
)


class Value(NamedTuple):
    pack: str
    path: tuple[str | int, ...]

    @property
    def sourced(self) -> Sourced[Any]:
        return dict(values_of(load_pack(self.pack), ()))[self.path]

    def __str__(self) -> str:
        return f"{self.pack} {spelled(self.path)}"


VALUES = [
    Value(name, path) for name in pack_versions() for path, value in values_of(load_pack(name), ()) if value.clauses
]


@pytest.mark.parametrize("value", VALUES, ids=str)
def test_a_value_of_a_sentence_changes_what_a_case_does(value: Value) -> None:
    assert is_read(value), f"{value}: whatever it says, every case goes the same way; nothing reads it"


def test_a_value_that_nothing_reads_is_found_out() -> None:
    """At Qingdao the customer has the drawings made, so how long the utility would take for them changes nothing."""
    assert not is_read(Value("qingdao@2021-01-01", ("connection", "terms", "design_single")))
    assert is_read(Value("jinan@2020-01-29", ("connection", "terms", "design_single")))


@pytest.mark.parametrize("value", VALUES, ids=str)
def test_what_a_sentence_gives_is_what_the_pack_has(value: Value) -> None:
    """Entered twice, in the register from the sentence and in the pack; the test above shows that a case goes by it.

    Neither of the two proves a sentence: the first holds with a wrong value too, the second with one nobody lives by.
    """
    said = clauses()[value.sourced.clauses[0]].value
    if said is not None and not value.sourced.chosen:
        assert differs(value.sourced.value, said) is None


def is_read(value: Value) -> bool:
    """Whether some life of a case goes another way once the value is another."""
    process = str(value.path[0])
    policy = getattr(load_pack(value.pack), process)
    for other in others(value.sourced.value):
        changed = with_value(policy, value.path[1:], value.sourced.model_copy(update={"value": other}))
        if any(LIVES[process][life](changed) != lived for life, lived in enumerate(as_it_is(value.pack, process))):
            return True
    return False


@lru_cache
def as_it_is(pack: str, process: str) -> list[list[Any]]:
    policy = getattr(load_pack(pack), process)
    return [life(policy) for life in LIVES[process]]


def with_value(part: Any, path: tuple[str | int, ...], value: Sourced[Any]) -> Any:
    """`part` with the value at `path` exchanged, unvalidated: what a wrong pack would be."""
    if not path:
        return value
    here, rest = path[0], path[1:]
    if isinstance(part, BaseModel):
        return part.model_copy(update={str(here): with_value(getattr(part, str(here)), rest, value)})
    if isinstance(part, tuple):
        return tuple(with_value(each, rest, value) if at == here else each for at, each in enumerate(part))
    return {key: with_value(each, rest, value) if key == here else each for key, each in part.items()}


def others(value: Any) -> Iterator[Any]:
    """Something else that might stand in its place."""
    match value:
        case Term():
            yield value.model_copy(update={"written": "P77D"})
        case bool():
            yield not value
        case int():
            yield from (value - 1, value + 1)
        case Decimal():
            yield from (value + Decimal("0.1"), value * 2)
        case str():
            group = next((words for words in WORDS if value in words), (f"{value}！",))
            yield from (word for word in group if word != value)
        case tuple():
            if len(value) == 1 and isinstance(value[0], str):
                yield from ((other,) for other in others(value[0]))
            else:
                yield from (value[:at] + value[at + 1 :] for at in range(len(value)))
        case DailyHours():
            yield value.model_copy(update={"opens": value.closes, "closes": value.opens})
        case EscalationPolicy():
            day = Term.parse("1WD")
            yield from (value.model_copy(update={"budgets": each}) for each in ({}, {"section": day, "office": day}))
        case BaseModel():
            for name, inner in value:
                yield from (value.model_copy(update={name: other}) for other in others(inner))
        case dict():
            yield {}
        case timedelta():
            yield value * 2


def differs(value: Any, said: str) -> str | None:
    """What a sentence's value writes, where the pack's is another of the same kind; None: the same, or no number."""
    numbers = [Decimal(number.replace(",", "")) for number in re.findall(r"\d[\d,]*(?:\.\d+)?", said)]
    match value:
        case Term():
            written = as_term(said)
            return None if written in (None, str(value)) else written
        case bool():
            return None
        case int() if numbers and "CNY" in said:
            return None if value == fen(numbers[0]) else said
        case int() if numbers and said.endswith(" m"):
            return None if value == 100 * numbers[0] else said
        case int() if numbers:
            return None if "working days" in said or value == numbers[0] else said
        case Decimal() if said.partition("%")[1]:
            return None if value * 100 == numbers[0] else said
        case DailyHours():
            return None if said == f"{value.opens:%H:%M}-{value.closes:%H:%M}" else said
        case tuple() if numbers and re.search(r" (functions|services|types)$", said):
            return None if len(value) == numbers[0] else said
        case Depth() if len(numbers) == 2:
            return None if (value.least, value.most) == (numbers[0] - numbers[1], numbers[0] + numbers[1]) else said
        case _:
            return None


def as_term(said: str | None) -> str | None:
    """The term that a sentence's value writes: P3D, PT10M, 7 working days, same calendar month; None: it is no term."""
    if said is None:
        return None
    if working := re.fullmatch(r"(?:\d+-)?(\d+) working days", said):
        return f"{working[1]}WD"
    if said == "same calendar month":
        return "month-end"
    return said if re.fullmatch(r"P\d+D|PT\d+[HM]", said) else None


def test_a_sentence_writes_its_term_in_one_of_three_ways() -> None:
    assert [as_term(said) for said in ("P3D", "1-2 working days", "same calendar month", "immediate", None)] == [
        "P3D",
        "2WD",
        "month-end",
        None,
        None,
    ]
    assert {value.pack for value in VALUES} == {name for name in pack_versions() if not name.startswith("standard@")}
