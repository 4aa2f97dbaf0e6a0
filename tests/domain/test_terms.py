import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter, ValidationError
from ruamel.yaml import YAML

from domain.calendars import CHINA, Calendar, PublishedYear, day_of, start_of
from domain.terms import Due, Remaining, Term, due_at, remaining, resumed

CN_FILE = Path(__file__).parents[2] / "policies" / "calendars" / "cn.yaml"
CN = Calendar.model_validate({"years": YAML(typ="rt").load(CN_FILE)})
ONE_DAY = timedelta(days=1)

offsets = st.sampled_from([UTC, CHINA, timezone(timedelta(hours=-11)), timezone(timedelta(hours=5, minutes=45))])
instants = st.datetimes(datetime(2024, 1, 1), datetime(2027, 6, 30), timezones=offsets)
published_instants = st.datetimes(datetime(2004, 1, 2), datetime(2026, 9, 30), timezones=offsets)
natural = st.builds(lambda n, roll: Term.parse(f"P{n}D", roll=roll), st.integers(0, 60), st.booleans())
working = st.builds(lambda n: Term.parse(f"{n}WD"), st.integers(1, 30))
month_end = st.builds(lambda roll: Term.parse("month-end", roll=roll), st.booleans())
elapsed = st.builds(lambda n: Term.parse(f"PT{n}M"), st.integers(0, 3000))
day_terms = natural | working | month_end
terms = day_terms | elapsed


class Promise(BaseModel):
    term: Term


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=CHINA)


def due(term: str, started: str, *, roll: bool = False, calendar: Calendar | None = None) -> Due:
    return due_at(term=Term.parse(term, roll=roll), started_at=at(started), calendar=calendar or CN)


def pause(term: Term, before: Due, paused: datetime, calendar: Calendar | None = None) -> Remaining:
    return remaining(due=before, term=term, paused_at=paused, calendar=calendar or CN)


def go_on(term: Term, left: Remaining, instant: datetime, calendar: Calendar | None = None) -> Due:
    return resumed(left=left, term=term, resumed_at=instant, calendar=calendar or CN)


# What a term is


@pytest.mark.parametrize("text", ["PT10M", "PT12H", "PT1H30M", "PT45S", "PT0M", "P3D", "P0D", "5WD", "month-end"])
def test_a_term_is_kept_as_it_was_written(text: str) -> None:
    assert Term.parse(text).written == str(Term.parse(text)) == text
    assert Term.parse(text) == Term.parse(text)
    assert len({Term.parse(text), Term.parse(text)}) == 1


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "PT",
            "P",
            "P3",
            "3D",
            "p3d",
            "P3D ",
            "P3D\n",
            "P-3D",
            "P03D",
            "P1.5D",
            "P1DT2H",
            "P1W",
            "P99999D",
            "P٣D",
        ),
        *("PT1M1H", "WD", "0WD", "5wd", "month", "Month-End", "tomorrow"),
    ],
)
def test_anything_else_is_refused_with_what_is_accepted(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a term: write PT10M, .* 5WD .* month-end"):
        Term.parse(text)
    with pytest.raises(ValidationError, match="is not a term: write PT10M"):
        Promise.model_validate({"term": text})


@pytest.mark.parametrize("given_", [3, None, ["P3D"], 1.5])
def test_what_is_not_text_is_refused_in_the_same_words(given_: Any) -> None:
    with pytest.raises(ValidationError, match="is not a term: write PT10M"):
        Promise.model_validate({"term": given_})


def test_time_that_elapses_has_no_last_day_to_roll() -> None:
    with pytest.raises(ValueError, match="PT12H cannot roll"):
        Term.parse("PT12H", roll=True)


def test_a_term_says_what_it_counts() -> None:
    assert [Term.parse(text).counts for text in ("PT1H", "P3D", "5WD", "month-end")] == [
        "elapsed",
        "natural",
        "working",
        "month-end",
    ]
    assert [Term.parse(text).elapsed for text in ("PT1H", "P3D", "5WD", "month-end")] == [True, False, False, False]
    assert [Term.parse(text).counts_days for text in ("PT1H", "P3D", "5WD", "month-end")] == [False, True, True, False]
    assert [Term.parse(text).days for text in ("PT1H", "P3D", "5WD", "month-end")] == [0, 3, 5, 0]
    assert Term.parse("PT1H30M5S").duration == timedelta(hours=1, minutes=30, seconds=5)


def test_a_term_that_does_not_roll_is_a_string_and_one_that_rolls_a_mapping() -> None:
    assert Promise.model_validate({"term": "P3D"}).model_dump() == {"term": "P3D"}
    assert Promise.model_validate({"term": {"term": "P3D"}}).model_dump() == {"term": "P3D"}
    rolling = Promise.model_validate({"term": {"term": "P30D", "roll": True}})
    assert rolling.term == Term.parse("P30D", roll=True)
    assert rolling.model_dump() == {"term": {"term": "P30D", "roll": True}}
    assert Term.parse("P30D") != rolling.term
    with pytest.raises(ValidationError, match="rol"):
        Promise.model_validate({"term": {"term": "P30D", "rol": True}})


@given(terms)
def test_a_term_survives_json_alone_and_in_a_model(term: Term) -> None:
    promise = Promise(term=term)
    assert Promise.model_validate_json(promise.model_dump_json()) == promise
    assert Promise.model_validate(promise.model_dump()) == promise
    alone: TypeAdapter[Term] = TypeAdapter(Term)
    assert alone.validate_json(alone.dump_json(term)) == term


def test_the_schema_of_a_term_is_plain_and_the_same_both_ways() -> None:
    schema = Promise.model_json_schema()
    text, mapping = schema["$defs"]["Term"]["anyOf"]
    assert text["type"] == "string"
    assert mapping["properties"]["roll"] == {"type": "boolean", "default": False}
    assert mapping["required"] == ["term"]
    assert Promise.model_json_schema(mode="serialization")["$defs"] == schema["$defs"]
    for example in text["examples"]:
        assert Term.parse(example)


# When a term ends


@pytest.mark.parametrize(
    ("term", "started", "ends"),
    [
        ("PT10M", "2026-03-12T23:55", "2026-03-13T00:05"),
        ("PT24H", "2026-03-12T10:00", "2026-03-13T10:00"),
        ("P3D", "2026-03-12T10:00", "2026-03-16T00:00"),
        ("P3D", "2026-03-11T09:00", "2026-03-15T00:00"),
        ("P3D", "2026-03-12T23:59:59", "2026-03-16T00:00"),
        ("P0D", "2026-03-12T10:00", "2026-03-13T00:00"),
        ("P1D", "2024-02-28T10:00", "2024-03-01T00:00"),
        ("5WD", "2026-03-12T10:00", "2026-03-20T00:00"),
        ("5WD", "2026-03-14T10:00", "2026-03-21T00:00"),  # from a Saturday
        ("2WD", "2026-02-13T10:00", "2026-02-25T00:00"),  # worked Saturday, then Spring Festival
        ("1WD", "2026-02-27T10:00", "2026-03-01T00:00"),  # worked Saturday
        ("month-end", "2026-02-10T10:00", "2026-03-01T00:00"),
        ("month-end", "2024-02-29T10:00", "2024-03-01T00:00"),
        ("month-end", "2026-12-31T10:00", "2027-01-01T00:00"),
    ],
)
def test_a_term_ends_as_the_regulation_counts(term: str, started: str, ends: str) -> None:
    assert due(term, started).at == at(ends)
    assert due(term, started).at.isoformat() == f"{ends}:00+08:00"


def test_the_grace_of_a_resident_rolls_over_the_weekend() -> None:
    found = due("P30D", "2026-03-12T10:00", roll=True)
    assert found == Due(
        at=at("2026-04-14T00:00"),
        started_on=date(2026, 3, 12),
        last_day=date(2026, 4, 13),
        rolled_from=date(2026, 4, 11),
    )


@pytest.mark.parametrize(
    ("term", "started", "ends", "rolled_from"),
    [
        ("P15D", "2026-01-31T10:00", "2026-02-25T00:00", date(2026, 2, 15)),  # the whole of Spring Festival
        ("P14D", "2026-01-31T10:00", "2026-02-15T00:00", None),  # a Saturday, but worked
        ("P0D", "2026-03-14T10:00", "2026-03-17T00:00", date(2026, 3, 14)),
        ("month-end", "2026-05-10T10:00", "2026-06-02T00:00", date(2026, 5, 31)),
    ],
)
def test_a_last_day_that_is_a_legal_day_off_gives_way(
    term: str, started: str, ends: str, rolled_from: date | None
) -> None:
    found = due(term, started, roll=True)
    assert found.at == at(ends)
    assert found.rolled_from == rolled_from


def test_a_working_day_term_tells_how_many_days_it_passed_over() -> None:
    assert due("2WD", "2026-02-13T10:00") == Due(
        at=at("2026-02-25T00:00"), started_on=date(2026, 2, 13), last_day=date(2026, 2, 24), skipped=9
    )


def test_a_start_at_midnight_belongs_to_the_day_that_it_ends() -> None:
    grace_ended = at("2026-02-25T00:00")
    assert day_of(grace_ended) == date(2026, 2, 24)
    first = due_at(term=Term.parse("P1D"), started_at=grace_ended, calendar=CN)
    assert first.started_on == date(2026, 2, 24)
    assert first.last_day == date(2026, 2, 25)
    assert due_at(term=Term.parse("P3D"), started_at=grace_ended, calendar=CN).at == at("2026-02-28T00:00")
    assert due_at(term=Term.parse("P0D"), started_at=grace_ended, calendar=CN).at == grace_ended
    assert due_at(term=Term.parse("month-end"), started_at=at("2026-03-01T00:00"), calendar=CN).at == at(
        "2026-03-01T00:00"
    )


@given(day_terms, st.dates(date(2004, 1, 2), date(2026, 9, 30)))
def test_one_term_after_another_leaves_no_day_out_and_counts_none_twice(term: Term, day: date) -> None:
    first = due_at(term=Term.parse("P1D"), started_at=start_of(day), calendar=CN)
    chained = due_at(term=term, started_at=first.at, calendar=CN)
    assert first.last_day == chained.started_on
    assert chained == due_at(term=term, started_at=first.at - timedelta(seconds=1), calendar=CN)


def test_instants_without_an_offset_are_refused() -> None:
    naive = datetime(2026, 3, 12, 10)
    term = Term.parse("P3D")
    found = due("P3D", "2026-03-12T10:00")
    left = pause(term, found, at("2026-03-13T10:00"))
    with pytest.raises(ValueError, match="is naive"):
        due_at(term=term, started_at=naive, calendar=CN)
    with pytest.raises(ValueError, match="is naive"):
        due_at(term=Term.parse("PT1H"), started_at=naive, calendar=CN)
    with pytest.raises(ValueError, match="is naive"):
        pause(term, found, naive)
    with pytest.raises(ValueError, match="is naive"):
        go_on(term, left, naive)


@given(terms, instants, instants)
def test_a_later_start_never_ends_earlier(term: Term, one: datetime, other: datetime) -> None:
    sooner, later = sorted((one, other))
    assert due_at(term=term, started_at=sooner, calendar=CN).at <= due_at(term=term, started_at=later, calendar=CN).at


@given(instants, st.integers(1, 30), st.booleans())
def test_one_day_more_never_ends_earlier(started: datetime, days: int, roll: bool) -> None:
    def end(text: str, roll: bool = False) -> datetime:
        return due_at(term=Term.parse(text, roll=roll), started_at=started, calendar=CN).at

    assert end(f"P{days}D", roll) <= end(f"P{days + 1}D", roll)
    assert end(f"{days}WD") < end(f"{days + 1}WD")
    assert end(f"P{days}D") <= end(f"{days}WD")


@given(day_terms, instants)
def test_a_day_term_ends_at_local_midnight_of_the_day_it_names_and_never_before_its_start(
    term: Term, started: datetime
) -> None:
    found = due_at(term=term, started_at=started, calendar=CN)
    assert found.last_day is not None
    assert found.at == start_of(found.last_day + ONE_DAY)
    assert found.at.isoformat().endswith("T00:00:00+08:00")
    assert found.started_on == day_of(started)
    assert found.at >= started


@given(natural, instants)
def test_natural_days_are_simply_added(term: Term, started: datetime) -> None:
    found = due_at(term=term, started_at=started, calendar=CN)
    assert found.last_day is not None
    assert (found.rolled_from or found.last_day) - day_of(started) == ONE_DAY * term.days


@given(working, instants)
def test_working_days_end_on_a_working_day_with_exactly_that_many_after_the_start(
    term: Term, started: datetime
) -> None:
    found = due_at(term=term, started_at=started, calendar=CN)
    assert found.last_day is not None
    assert CN.is_working_day(found.last_day)
    after = [day_of(started) + ONE_DAY * n for n in range(1, (found.last_day - day_of(started)).days + 1)]
    assert sum(map(CN.is_working_day, after)) == term.days
    assert sum(map(CN.is_day_off, after)) == found.skipped


@given(natural | month_end, instants)
def test_rolling_never_shortens_and_ends_on_the_first_working_day(term: Term, started: datetime) -> None:
    plain = due_at(term=Term.parse(term.written), started_at=started, calendar=CN)
    rolled = due_at(term=Term.parse(term.written, roll=True), started_at=started, calendar=CN)
    assert plain.last_day is not None
    assert rolled.at >= plain.at
    assert rolled.last_day == CN.next_working_day(plain.last_day)
    assert rolled.rolled_from == (None if rolled.last_day == plain.last_day else plain.last_day)
    assert plain.rolled_from is None


@given(elapsed, instants)
def test_elapsed_time_knows_no_calendar(term: Term, started: datetime) -> None:
    found = due_at(term=term, started_at=started, calendar=Calendar(years={}))
    assert found == Due(at=started + term.duration)
    assert found.at.utcoffset() == timedelta(hours=8)


# Years not published yet


@pytest.mark.parametrize(
    ("term", "started", "roll", "provisional"),
    [
        ("5WD", "2026-12-24T10:00", False, False),  # ends on 31 December
        ("6WD", "2026-12-24T10:00", False, True),
        ("1WD", "2027-01-04T10:00", False, True),
        ("1WD", "2026-12-31T10:00", False, True),
        ("P30D", "2026-12-24T10:00", False, False),  # natural days need no calendar
        ("P30D", "2026-12-24T10:00", True, True),  # a Saturday in January
        ("P8D", "2026-12-24T10:00", True, True),  # a Friday in January, but who knows
        ("P7D", "2026-12-24T10:00", True, False),
        ("P2D", "2026-12-24T10:00", True, False),  # rolled within December
        ("month-end", "2027-02-10T10:00", False, False),
        ("month-end", "2027-02-10T10:00", True, True),
        ("PT480H", "2026-12-24T10:00", False, False),
    ],
)
def test_a_date_is_provisional_exactly_when_a_day_of_an_unpublished_year_mattered(
    term: str, started: str, roll: bool, provisional: bool
) -> None:
    assert due(term, started, roll=roll).provisional is provisional


def test_publishing_the_year_makes_the_date_firm_and_may_move_it() -> None:
    newer = CN.published(2027, PublishedYear(days_off=(date(2027, 1, 1),), make_up=(date(2027, 1, 3),)))
    before, after = due("6WD", "2026-12-24T10:00"), due("6WD", "2026-12-24T10:00", calendar=newer)
    assert (before.at, before.provisional) == (at("2027-01-02T00:00"), True)
    assert (after.at, after.provisional, after.skipped) == (at("2027-01-04T00:00"), False, 4)


@given(terms, st.datetimes(datetime(2026, 9, 1), datetime(2027, 3, 1), timezones=offsets), st.data())
def test_a_firm_date_never_moves_whatever_is_published_later(
    term: Term, started: datetime, data: st.DataObject
) -> None:
    before = due_at(term=term, started_at=started, calendar=CN)
    assume(not before.provisional)
    in_2027 = st.dates(date(2027, 1, 1), date(2027, 6, 30))
    gone = data.draw(st.sets(in_2027, max_size=40))
    worked = data.draw(st.sets(in_2027.filter(lambda day: day.weekday() >= 5), max_size=8))
    newer = CN.published(2027, PublishedYear(days_off=tuple(gone), make_up=tuple(worked - gone)))
    assert due_at(term=term, started_at=started, calendar=newer) == before


# Pause and resume


@given(terms, published_instants, st.floats(0, 1), st.floats(0, 1))
def test_a_pause_within_one_day_changes_nothing(term: Term, started: datetime, share: float, rest: float) -> None:
    before = due_at(term=term, started_at=started, calendar=CN)
    assume(before.at > started)
    paused = started + (before.at - started) * share
    assume(paused < before.at)
    end_of_day = min(start_of(day_of(paused) + ONE_DAY), before.at)
    back = paused if term.elapsed else paused + (end_of_day - paused) * rest
    after = go_on(term, pause(term, before, paused), back)
    assert after.at == before.at
    assert after.last_day == before.last_day
    # A pause in the days that a roll gave has another day off to explain the same end by.
    if before.rolled_from is None or day_of(paused) <= before.rolled_from:
        assert after.rolled_from == before.rolled_from
    assert after.provisional == before.provisional


@given(terms, published_instants, st.floats(0, 1), st.timedeltas(timedelta(0), timedelta(days=60)))
def test_a_pause_never_ends_a_term_earlier_and_a_longer_one_never_sooner(
    term: Term, started: datetime, share: float, away: timedelta
) -> None:
    before = due_at(term=term, started_at=started, calendar=CN)
    paused = started + (before.at - started) * share
    left = pause(term, before, paused)
    after = go_on(term, left, paused + away)
    assert after.at >= before.at
    assert go_on(term, left, paused + away + timedelta(hours=7)).at >= after.at


@given(elapsed, instants, st.floats(0, 0.99), st.timedeltas(timedelta(0), timedelta(days=60)))
def test_elapsed_time_goes_on_with_exactly_what_was_left(
    term: Term, started: datetime, share: float, away: timedelta
) -> None:
    before = due_at(term=term, started_at=started, calendar=CN)
    paused = started + term.duration * share
    assume(paused < before.at)
    left = pause(term, before, paused)
    assert left.duration == before.at - paused
    assert go_on(term, left, paused + away) == Due(at=before.at + away)


@given(working, published_instants, st.floats(0, 1), st.timedeltas(timedelta(0), timedelta(days=60)))
def test_the_working_days_before_and_after_a_pause_make_up_the_term(
    term: Term, started: datetime, share: float, away: timedelta
) -> None:
    before = due_at(term=term, started_at=started, calendar=CN)
    paused = started + (before.at - started) * share
    assume(started <= paused < before.at)
    left = pause(term, before, paused)
    after = go_on(term, left, paused + away)
    assert left.days is not None
    assert after.last_day is not None

    def worked(day: date, last: date) -> int:
        return sum(CN.is_working_day(day + ONE_DAY * n) for n in range(1, (last - day).days + 1))

    assert worked(day_of(started), day_of(paused)) + left.days == term.days
    if left.days:
        assert worked(day_of(paused + away), after.last_day) == left.days
    assert CN.is_working_day(after.last_day)


@pytest.mark.parametrize(
    ("term", "roll", "started", "paused", "back", "ends"),
    [
        ("P3D", False, "2026-03-12T10:00", "2026-03-13T09:00", "2026-03-20T15:00", "2026-03-23T00:00"),
        ("P3D", False, "2026-03-12T10:00", "2026-03-12T11:00", "2026-03-20T15:00", "2026-03-24T00:00"),
        ("P3D", False, "2026-03-12T10:00", "2026-03-15T09:00", "2026-03-20T15:00", "2026-03-21T00:00"),
        ("5WD", False, "2026-03-12T10:00", "2026-03-13T18:00", "2026-04-03T09:00", "2026-04-11T00:00"),
        ("5WD", False, "2026-03-12T10:00", "2026-03-14T18:00", "2026-04-04T09:00", "2026-04-11T00:00"),
        ("5WD", False, "2026-03-12T10:00", "2026-03-19T10:00", "2026-03-21T10:00", "2026-03-24T00:00"),
        # last day Saturday 11 April, two days left on the Thursday: they end on a Sunday and roll again
        ("P30D", True, "2026-03-12T10:00", "2026-04-09T10:00", "2026-04-17T10:00", "2026-04-21T00:00"),
        # the two days of the roll are a gift of the calendar, not days left
        ("P30D", True, "2026-03-12T10:00", "2026-04-12T10:00", "2026-04-15T10:00", "2026-04-16T00:00"),
        ("P30D", True, "2026-03-12T10:00", "2026-04-13T10:00", "2026-04-13T12:00", "2026-04-14T00:00"),
        ("month-end", False, "2026-03-12T10:00", "2026-03-13T10:00", "2026-03-30T10:00", "2026-04-01T00:00"),
        ("month-end", False, "2026-03-12T10:00", "2026-03-13T10:00", "2026-04-10T10:00", "2026-04-11T00:00"),
        ("month-end", True, "2026-03-12T10:00", "2026-03-13T10:00", "2026-04-11T10:00", "2026-04-14T00:00"),
        ("PT10M", False, "2026-03-12T10:00", "2026-03-12T10:04", "2026-03-13T23:58", "2026-03-14T00:04"),
    ],
)
def test_what_was_left_goes_on_after_the_pause(
    term: str, roll: bool, started: str, paused: str, back: str, ends: str
) -> None:
    kind = Term.parse(term, roll=roll)
    left = pause(kind, due(term, started, roll=roll), at(paused))
    assert go_on(kind, left, at(back)).at == at(ends)


@given(terms, published_instants, st.timedeltas(timedelta(0), timedelta(days=30)))
def test_a_term_past_at_the_pause_stays_due_when_it_was(term: Term, started: datetime, late: timedelta) -> None:
    before = due_at(term=term, started_at=started, calendar=CN)
    left = pause(term, before, before.at + late)
    assert left.overdue == before
    assert go_on(term, left, before.at + late + timedelta(days=9)) == before


def test_a_last_moment_pause_is_not_overdue() -> None:
    left = pause(Term.parse("P3D"), due("P3D", "2026-03-12T10:00"), at("2026-03-15T23:59:59"))
    assert (left.overdue, left.days) == (None, 0)


def test_a_pause_before_the_term_began_leaves_all_of_it() -> None:
    assert pause(Term.parse("P3D"), due("P3D", "2026-03-12T10:00"), at("2026-03-10T10:00")).days == 3
    assert pause(Term.parse("5WD"), due("5WD", "2026-03-12T10:00"), at("2026-03-03T10:00")).days == 5


def test_a_resume_stamped_before_its_pause_counts_as_one_at_the_pause() -> None:
    for text in ("PT12H", "P3D", "5WD"):
        term = Term.parse(text)
        before = due(text, "2026-03-12T10:00")
        left = pause(term, before, at("2026-03-12T12:00"))
        assert go_on(term, left, at("2026-03-02T12:00")).at == before.at


def test_a_due_that_knows_only_its_instant_can_pause_too() -> None:
    for text in ("P3D", "5WD", "month-end", "PT12H"):
        term = Term.parse(text)
        full = due(text, "2026-03-12T10:00")
        assert pause(term, Due(at=full.at), at("2026-03-12T11:00")) == pause(term, full, at("2026-03-12T11:00"))


@given(terms, published_instants, st.floats(0, 1), st.timedeltas(timedelta(0), timedelta(days=20)))
def test_a_due_and_what_is_left_survive_json(term: Term, started: datetime, share: float, away: timedelta) -> None:
    before = due_at(term=term, started_at=started, calendar=CN)
    paused = started + (before.at - started) * share
    left = pause(term, before, paused)
    assert Due.model_validate_json(before.model_dump_json()) == before
    assert Remaining.model_validate_json(left.model_dump_json()) == left
    back = paused + away
    assert go_on(term, Remaining.model_validate_json(left.model_dump_json()), back) == go_on(term, left, back)


def test_days_left_that_were_counted_without_a_calendar_keep_the_date_provisional() -> None:
    term = Term.parse("10WD")
    newer = CN.published(2027, PublishedYear(days_off=(date(2027, 1, 5),), make_up=()))
    before = due("10WD", "2027-01-04T10:00")
    left = pause(term, before, at("2027-01-06T10:00"))
    assert (left.days, left.provisional) == (8, True)
    after = go_on(term, left, at("2027-01-11T10:00"), newer)
    assert after.provisional
    again = pause(term, after, at("2027-01-12T10:00"), newer)
    assert again.provisional
    corrected = due("10WD", "2027-01-04T10:00", calendar=newer)
    left = pause(term, corrected, at("2027-01-06T10:00"), newer)
    assert (left.days, left.provisional) == (9, False)


def test_days_used_up_in_a_published_year_are_firm_even_if_the_rest_was_not() -> None:
    term = Term.parse("10WD")
    newer = CN.published(2027, PublishedYear(days_off=(date(2027, 1, 1),), make_up=()))
    before = due("10WD", "2026-12-24T10:00")
    assert before.provisional
    left = pause(term, before, at("2026-12-28T10:00"))
    assert not left.provisional
    assert go_on(term, left, at("2027-01-04T10:00")).provisional
    assert not go_on(term, left, at("2027-01-04T10:00"), newer).provisional


# The host


@contextmanager
def host_in(zone: str) -> Iterator[int]:
    """The process's own time zone set to `zone` (POSIX), giving its offset west of UTC in seconds."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = zone
    time.tzset()
    try:
        yield time.timezone
    finally:
        if before is None:
            del os.environ["TZ"]
        else:
            os.environ["TZ"] = before
        time.tzset()


def test_the_time_zone_of_the_host_does_not_matter() -> None:
    def answers() -> list[Any]:
        starts = [at("2026-02-13T23:59:59"), at("2026-03-08T02:30"), datetime(2026, 11, 1, 6, 30, tzinfo=UTC)]
        every: list[Any] = []
        for text in ("PT24H", "P3D", "P0D", "5WD", "month-end"):
            for started in starts:
                term = Term.parse(text)
                before = due_at(term=term, started_at=started, calendar=CN)
                left = pause(term, before, started + timedelta(hours=1))
                after = go_on(term, left, started + timedelta(days=30))
                every += [before.model_dump_json(), left.model_dump_json(), after.model_dump_json()]
        return every

    seen = {}
    zones = ["UTC0", "CST-8", "EST5EDT,M3.2.0,M11.1.0", "XXX-14", "NPT-5:45"]
    for zone in zones:
        with host_in(zone) as west:
            seen[zone] = (west, answers())
    assert len({west for west, _ in seen.values()}) == len(zones)
    assert all(found == seen["UTC0"][1] for _, found in seen.values())
