from datetime import UTC, date, datetime, time, timedelta, timezone
from pathlib import Path

import chinese_calendar
import holidays
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from ruamel.yaml import YAML

from domain.calendars import (
    CHINA,
    Calendar,
    DailyHours,
    LimitWindow,
    PublishedYear,
    ServiceHours,
    day_of,
    local,
    start_of,
)

CN_FILE = Path(__file__).parents[2] / "policies" / "calendars" / "cn.yaml"
CN = Calendar.model_validate({"years": YAML(typ="rt").load(CN_FILE)})
ONE_DAY = timedelta(days=1)

QUIET = DailyHours(opens=time(22), closes=time(8, 30))
SERVICE = ServiceHours(opens=time(8, 30), closes=time(17, 30))
LIMIT = LimitWindow(opens=time(8, 30), closes=time(16))

instants = st.datetimes(
    min_value=datetime(2004, 1, 2),
    max_value=datetime(2026, 12, 20),
    timezones=st.sampled_from([UTC, CHINA, timezone(timedelta(hours=-11)), timezone(timedelta(hours=5, minutes=45))]),
)
days = st.dates(date(2004, 1, 1), date(2026, 12, 20))
minutes = st.builds(time, st.integers(0, 23), st.integers(0, 59))


def every_day() -> list[date]:
    first = date(2004, 1, 1)
    return [first + ONE_DAY * ahead for ahead in range((date(2027, 1, 1) - first).days)]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=CHINA)


def test_every_day_since_2004_agrees_with_chinesecalendar() -> None:
    # The notice for 2006 (国办发明电〔2005〕35号) has Saturday 31 December 2005 worked for 3 January 2006 off.
    # chinesecalendar leaves that make-up day out, as it knows January's half of the swap only.
    known_gap = {date(2005, 12, 31)}
    assert {day for day in every_day() if CN.is_working_day(day) != chinese_calendar.is_workday(day)} <= known_gap
    assert all(CN.is_working_day(day) for day in known_gap)


def test_every_day_since_2004_agrees_with_holidays() -> None:
    # All years at once: the library learns the make-up days of a December from the year after it.
    theirs = holidays.country_holidays("CN", years=range(2004, 2028))
    assert [day for day in every_day() if CN.is_working_day(day) != theirs.is_working_day(day)] == []


def test_the_published_days_off_are_whole_holidays_and_the_make_up_days_are_the_weekends_given_up() -> None:
    gone = {day for published in CN.years.values() for day in published.days_off}
    worked = {day for published in CN.years.values() for day in published.make_up}
    assert gone == set(chinese_calendar.constants.holidays)
    assert worked - set(chinese_calendar.constants.workdays) <= {date(2005, 12, 31)}
    assert set(chinese_calendar.constants.workdays) <= worked


def test_the_file_has_each_year_from_2004_to_2026_and_only_its_own_dates() -> None:
    assert sorted(CN.years) == list(range(2004, 2027))
    for year, published in CN.years.items():
        assert {day.year for day in (*published.days_off, *published.make_up)} == {year}


@pytest.mark.parametrize(
    ("day", "off"),
    [
        (date(2026, 2, 14), False),  # Saturday before Spring Festival, worked
        (date(2026, 2, 16), True),  # Monday, New Year's Eve
        (date(2026, 2, 28), False),
        (date(2026, 3, 7), True),  # an ordinary Saturday
        (date(2026, 3, 9), False),
        (date(2020, 1, 31), True),  # Spring Festival made longer
        (date(2015, 9, 3), True),
    ],
)
def test_days_that_people_remember(day: date, off: bool) -> None:
    assert CN.is_day_off(day) is off
    assert CN.is_working_day(day) is not off


def test_of_an_unpublished_year_only_the_weekends_are_off() -> None:
    assert not CN.is_published(2027)
    assert CN.is_working_day(date(2027, 10, 1))
    assert CN.is_day_off(date(2027, 10, 2))


def test_publishing_a_year_gives_a_new_calendar_and_leaves_the_old_one_alone() -> None:
    days = PublishedYear(days_off=(date(2027, 10, 1),), make_up=(date(2027, 10, 9),))
    newer = CN.published(2027, days)
    assert newer.is_published(2027)
    assert newer.is_day_off(date(2027, 10, 1))
    assert newer.is_working_day(date(2027, 10, 9))
    assert not CN.is_published(2027)
    assert newer.published(2027, PublishedYear(days_off=(), make_up=())).is_working_day(date(2027, 10, 1))


def test_the_notice_of_a_year_has_the_last_word_on_the_december_before_it() -> None:
    notice = PublishedYear(days_off=(date(2026, 12, 31), date(2027, 1, 1)), make_up=(date(2026, 12, 26),))
    newer = CN.published(2027, notice)
    assert CN.is_working_day(date(2026, 12, 31))
    assert newer.is_day_off(date(2026, 12, 31))
    assert CN.is_day_off(date(2026, 12, 26))
    assert newer.is_working_day(date(2026, 12, 26))
    earlier = PublishedYear(days_off=(date(2026, 12, 26), date(2026, 12, 30)), make_up=())
    both = Calendar(years={2026: earlier, 2027: notice})
    assert both.is_working_day(date(2026, 12, 26))
    assert both.is_day_off(date(2026, 12, 30))


def test_a_publication_contradicts_the_days_that_were_lived_otherwise_and_no_others() -> None:
    known = CN.years[2026]
    lost = PublishedYear(days_off=known.days_off[1:], make_up=known.make_up)
    assert CN.contradicted(lost, year=2026, before=date(2026, 1, 1)) == ()
    assert CN.contradicted(lost, year=2026, before=date(2026, 1, 2)) == (date(2026, 1, 1),)
    assert CN.contradicted(known, year=2026, before=date(2026, 12, 31)) == ()
    ahead = PublishedYear(days_off=(date(2026, 12, 31), date(2027, 1, 1)), make_up=())
    assert CN.contradicted(ahead, year=2027, before=date(2027, 1, 1)) == (date(2026, 12, 31),)


@given(days)
def test_a_notice_says_what_its_weekday_does_not(day: date) -> None:
    said = CN.said_of(day)
    weekend = day.weekday() >= 5
    assert CN.is_day_off(day) is (said == "day-off" or (weekend and said is None))
    assert said != "make-up" or weekend


@pytest.mark.parametrize("stray", [date(2027, 1, 1), date(2025, 11, 30), date(2024, 12, 31)])
def test_a_date_of_another_year_is_refused(stray: date) -> None:
    with pytest.raises(ValidationError, match=f"{stray.isoformat()} stands under 2026"):
        Calendar(years={2026: PublishedYear(days_off=(stray,), make_up=())})


def test_a_day_cannot_be_off_and_worked() -> None:
    with pytest.raises(ValidationError, match="2026-02-14: both a day off and a make-up day"):
        PublishedYear(days_off=(date(2026, 2, 14),), make_up=(date(2026, 2, 14),))


def test_a_make_up_day_in_the_week_is_a_slip_of_the_pen() -> None:
    with pytest.raises(ValidationError, match="2026-02-16: a make-up day is a Saturday or a Sunday"):
        PublishedYear(days_off=(), make_up=(date(2026, 2, 14), date(2026, 2, 16)))


def test_published_days_are_kept_in_order_and_once() -> None:
    a, b = date(2026, 1, 1), date(2026, 1, 2)
    assert PublishedYear(days_off=(b, a, b), make_up=()).days_off == (a, b)


def test_a_case_carries_only_the_years_it_needs() -> None:
    section = CN.only([2026, 2027, 2026])
    assert list(section.years) == [2026]
    assert section.years[2026] == CN.years[2026]


def test_a_calendar_survives_json() -> None:
    assert Calendar.model_validate_json(CN.model_dump_json()) == CN


@given(days)
def test_the_next_working_day_is_the_first_on_or_after(day: date) -> None:
    found = CN.next_working_day(day)
    assert CN.is_working_day(found)
    assert all(CN.is_day_off(day + ONE_DAY * ahead) for ahead in range((found - day).days))


@given(days)
def test_a_day_begins_at_local_midnight_and_that_instant_still_belongs_to_the_day_before(day: date) -> None:
    assert start_of(day).isoformat() == f"{day.isoformat()}T00:00:00+08:00"
    assert day_of(start_of(day)) == day - ONE_DAY
    assert day_of(start_of(day) + timedelta(microseconds=1)) == day
    assert day_of(start_of(day + ONE_DAY)) == day


@given(instants)
def test_an_instant_shown_locally_is_the_same_instant(instant: datetime) -> None:
    assert local(instant) == instant
    assert local(instant).utcoffset() == timedelta(hours=8)
    assert start_of(day_of(instant)) < instant <= start_of(day_of(instant) + ONE_DAY)


def test_an_instant_without_its_offset_is_refused_wherever_it_comes_in() -> None:
    naive = datetime(2026, 3, 12, 10)
    for ask in (
        local,
        day_of,
        QUIET.contains,
        QUIET.next_outside,
        lambda instant: SERVICE.contains(instant, CN),
        lambda instant: LIMIT.next_inside(instant, CN),
    ):
        with pytest.raises(ValueError, match="2026-03-12T10:00:00 is naive"):
            ask(naive)


@pytest.mark.parametrize(
    ("instant", "until"),
    [
        ("2026-03-12T21:59:59", "2026-03-12T21:59:59"),
        ("2026-03-12T22:00", "2026-03-13T08:30"),
        ("2026-03-13T00:00", "2026-03-13T08:30"),
        ("2026-03-13T08:29:59", "2026-03-13T08:30"),
        ("2026-03-13T08:30", "2026-03-13T08:30"),
        ("2026-03-13T12:00", "2026-03-13T12:00"),
    ],
)
def test_quiet_hours_hold_a_message_until_the_morning(instant: str, until: str) -> None:
    assert QUIET.next_outside(at(instant)) == at(until)
    assert QUIET.contains(at(instant)) is (instant != until)


def test_hours_within_one_day_and_up_to_midnight_are_left_the_same_day() -> None:
    noon = DailyHours(opens=time(12), closes=time(14))
    assert noon.next_outside(at("2026-03-12T12:00")) == at("2026-03-12T14:00")
    assert noon.next_outside(at("2026-03-12T14:00")) == at("2026-03-12T14:00")
    evening = DailyHours(opens=time(20), closes=time(0))
    assert evening.next_outside(at("2026-03-12T23:00")) == at("2026-03-13T00:00")
    assert not evening.contains(at("2026-03-13T00:00"))


def test_quiet_hours_read_the_local_clock_whatever_offset_the_instant_has() -> None:
    assert QUIET.next_outside(datetime(2026, 3, 12, 15, tzinfo=UTC)) == at("2026-03-13T08:30")


@given(instants, minutes, minutes)
def test_the_next_instant_outside_is_outside_and_the_first(instant: datetime, opens: time, closes: time) -> None:
    if opens == closes:
        with pytest.raises(ValidationError, match="nothing would ever be outside"):
            DailyHours(opens=opens, closes=closes)
        return
    hours = DailyHours(opens=opens, closes=closes)
    out = hours.next_outside(instant)
    assert not hours.contains(out)
    assert instant <= out <= instant + ONE_DAY
    if out != instant:
        assert hours.contains(instant)
        assert hours.contains(out - timedelta(microseconds=1))
        assert local(out).time() == closes


@pytest.mark.parametrize(
    ("instant", "inside"),
    [
        ("2026-03-12T08:29", "2026-03-12T08:30"),
        ("2026-03-12T08:30", "2026-03-12T08:30"),
        ("2026-03-12T17:29", "2026-03-12T17:29"),
        ("2026-03-12T17:30", "2026-03-13T08:30"),
        ("2026-03-13T18:00", "2026-03-16T08:30"),  # Friday evening
        ("2026-03-14T09:00", "2026-03-16T08:30"),
        ("2026-02-13T18:00", "2026-02-14T08:30"),  # make-up Saturday
        ("2026-02-14T18:00", "2026-02-24T08:30"),  # Spring Festival
    ],
)
def test_an_office_serves_on_working_days(instant: str, inside: str) -> None:
    assert SERVICE.next_inside(at(instant), CN) == at(inside)
    assert SERVICE.contains(at(instant), CN) is (instant == inside)


@pytest.mark.parametrize(
    ("instant", "inside"),
    [
        ("2026-03-12T15:59", "2026-03-12T15:59"),  # Thursday
        ("2026-03-12T16:00", "2026-03-16T08:30"),  # Friday stands before a weekend
        ("2026-03-13T10:00", "2026-03-16T08:30"),
        ("2026-03-15T10:00", "2026-03-16T08:30"),
        ("2026-02-13T10:00", "2026-02-13T10:00"),  # Friday, and the Saturday after it is worked
        ("2026-02-14T10:00", "2026-02-24T08:30"),  # worked, but the festival follows
        ("2026-04-30T10:00", "2026-05-06T08:30"),  # Thursday before Labour Day
        ("2026-09-20T10:00", "2026-09-20T10:00"),  # worked Sunday before a Monday
    ],
)
def test_pressure_is_limited_only_when_no_day_off_follows(instant: str, inside: str) -> None:
    assert LIMIT.next_inside(at(instant), CN) == at(inside)
    assert LIMIT.contains(at(instant), CN) is (instant == inside)


@given(instants, st.sampled_from([SERVICE, LIMIT, ServiceHours(opens=time(9), closes=time(0))]))
def test_the_next_instant_inside_is_inside_and_nothing_before_it_is(
    instant: datetime, window: ServiceHours | LimitWindow
) -> None:
    found = window.next_inside(instant, CN)
    assert found >= instant
    assert window.contains(found, CN)
    if found != instant:
        assert local(found).time() == window.opens
        for step in range(1, int((found - instant) / timedelta(hours=1)) + 1):
            assert not window.contains(found - timedelta(hours=step), CN)
        assert not window.contains(instant, CN)


@given(instants)
def test_whatever_the_limit_window_admits_the_service_hours_of_the_same_clock_admit_too(instant: datetime) -> None:
    service = ServiceHours(opens=LIMIT.opens, closes=LIMIT.closes)
    assert service.contains(instant, CN) or not LIMIT.contains(instant, CN)
    assert LIMIT.next_inside(instant, CN) >= service.next_inside(instant, CN)


def test_service_round_the_clock_opens_and_closes_at_midnight() -> None:
    whole_day = ServiceHours(opens=time(0), closes=time(0))
    assert whole_day.contains(at("2026-03-13T23:59:59"), CN)
    assert not whole_day.contains(at("2026-03-14T00:00"), CN)
    assert whole_day.next_inside(at("2026-03-14T12:00"), CN) == at("2026-03-16T00:00")


@pytest.mark.parametrize("window", [ServiceHours, LimitWindow])
@pytest.mark.parametrize(("opens", "closes"), [(time(22), time(8)), (time(9), time(9))])
def test_working_hours_do_not_run_past_midnight(
    window: type[ServiceHours | LimitWindow], opens: time, closes: time
) -> None:
    with pytest.raises(ValidationError, match="is not before closes"):
        window(opens=opens, closes=closes)


def test_hours_are_local_and_carry_no_offset() -> None:
    with pytest.raises(ValidationError, match="written without an offset"):
        DailyHours.model_validate({"opens": "22:00+00:00", "closes": "08:30"})
    assert DailyHours.model_validate({"opens": "22:00", "closes": "08:30"}) == QUIET
    assert DailyHours.model_validate_json(QUIET.model_dump_json()) == QUIET
