from datetime import date, datetime, timedelta

import chinese_calendar
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.arithmetic import Arithmetic, Stood, Stretch, explained
from domain.calendars import CHINA, Calendar, start_of
from domain.case import changed_task, moved_deadlines, paused_task, resumed_task
from domain.clock import Interval, Party
from domain.holidays import holiday_of
from domain.tasks import Task
from domain.terms import Term, due_at
from policies.packs import load_calendar

CN = load_calendar()
ONE_DAY = timedelta(days=1)
PARTIES: tuple[Party, ...] = ("customer", "government", "contractor", "force-majeure")

instants = st.datetimes(datetime(2024, 1, 2), datetime(2026, 6, 30), timezones=st.just(CHINA))
terms = (
    st.builds(lambda n, roll: Term.parse(f"P{n}D", roll=roll), st.integers(0, 60), st.booleans())
    | st.builds(lambda n: Term.parse(f"{n}WD"), st.integers(1, 30))
    | st.builds(lambda roll: Term.parse("month-end", roll=roll), st.booleans())
    | st.builds(lambda n: Term.parse(f"PT{n}M"), st.integers(0, 6000))
)
breaks = st.lists(
    st.tuples(st.integers(0, 200), st.integers(0, 400), st.sampled_from(PARTIES)), max_size=4
)  # hours running, hours standing, and whose they are


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=CHINA)


def task(term: Term, *, opened_at: datetime, counts_from: datetime | None = None, calendar: Calendar = CN) -> Task:
    start = counts_from or opened_at
    return Task(
        id="T-01",
        key="arrears.serve-dunning-notice",
        role="collector",
        opened_at=opened_at,
        counts_from=start,
        term=term,
        due=due_at(term=term, started_at=start, calendar=calendar),
        clauses=("KF-ARR-01",),
        clock=(Interval(party="utility", started_at=opened_at),),
    )


def lived(running: Task, stops: list[tuple[int, int, Party]], *, end: str = "running") -> Task:
    """The task after pauses, the last of them still standing when `end` says so."""
    now = running.opened_at
    for number, (ran, stood, party) in enumerate(stops, 1):
        now += timedelta(hours=ran)
        said = paused_task(running, party=party, reason="材料待补", evidence="受理单", at=now, by="li", calendar=CN)
        running = changed_task(running, said)
        if end == "standing" and number == len(stops):
            break
        now += timedelta(hours=stood)
        running = changed_task(running, resumed_task(running, at=now, by="li", calendar=CN))
    return running


def counted(found: Arithmetic) -> int:
    return sum(part.counted or 0 for part in found.parts if isinstance(part, Stretch))


def account(found: Task, *, calendar: Calendar = CN) -> Arithmetic:
    told = explained(found, calendar=calendar)
    assert told is not None
    return told


@given(terms, instants, breaks, st.sampled_from(["running", "standing"]))
def test_the_arithmetic_ends_where_the_task_is_due(term, opened_at, stops, end):
    found = lived(task(term, opened_at=opened_at), stops, end=end)
    told = account(found)
    assert told.ends_at == found.due_at
    assert told.standing is (found.pause is not None)
    if not told.standing and not told.overdue:
        last = told.parts[-1]
        assert isinstance(last, Stretch)
        assert last.ends_at == found.due_at


@given(terms, instants, breaks)
def test_what_is_listed_can_be_counted_again_by_hand(term, opened_at, stops):
    told = account(lived(task(term, opened_at=opened_at), stops))
    stretches = [part for part in told.parts if isinstance(part, Stretch)]
    if term.elapsed and not told.overdue:
        assert sum((part.elapsed or timedelta() for part in stretches), timedelta()) == term.duration
    if term.counts_days:
        assert counted(told) == term.days
    for part in stretches:
        listed = {read.day: read.why for read in part.days}
        if part.counted is None or part.last_day is None:
            continue
        unrolled = part.rolled[0].day if part.rolled else part.last_day
        first = min(listed, default=unrolled)
        by_hand = (unrolled - first).days + 1 - sum(why in ("start", "weekend", "holiday") for why in listed.values())
        if listed:
            assert by_hand == part.counted
        assert part.ends_at == start_of(part.last_day + ONE_DAY)


@given(terms, instants, breaks)
def test_stretches_and_pauses_follow_each_other_without_a_gap(term, opened_at, stops):
    told = account(lived(task(term, opened_at=opened_at), stops))
    assert [type(part) for part in told.parts if isinstance(part, Stood)] == [Stood] * len(stops)
    for one, other in zip(told.parts, told.parts[1:], strict=False):
        if isinstance(one, Stretch) and isinstance(other, Stood) and not other.left.overdue:
            assert one.ends_at == other.since
        if isinstance(one, Stood) and isinstance(other, Stretch):
            assert one.until == other.starts_at


@given(terms, instants, breaks)
def test_a_task_of_an_older_release_is_explained_too(term, opened_at, stops):
    # It kept neither where the term first counted from nor what was left at each pause.
    found = lived(task(term, opened_at=opened_at), stops)
    bare = tuple(each.model_copy(update={"left": None, "evidence": None}) for each in found.clock)
    told = account(found.model_copy(update={"first_from": None, "clock": bare}))
    assert told.ends_at == found.due_at


@given(terms, st.datetimes(datetime(2025, 11, 1), datetime(2026, 1, 20), timezones=st.just(CHINA)), breaks)
def test_after_a_publication_it_ends_where_the_deadline_was_moved_to(term, opened_at, stops):
    unpublished = Calendar(years={year: days for year, days in CN.years.items() if year != 2026})
    found = task(term, opened_at=opened_at, calendar=unpublished)
    now = opened_at
    for ran, stood, party in stops:
        now += timedelta(hours=ran)
        found = changed_task(found, paused_task(found, party=party, reason="r", at=now, by="li", calendar=unpublished))
        now += timedelta(hours=stood)
        found = changed_task(found, resumed_task(found, at=now, by="li", calendar=unpublished))
    for moved in moved_deadlines([found], calendar=CN, at=now):
        found = changed_task(found, moved)
    assert account(found).ends_at == found.due_at


def test_working_days_over_the_spring_festival():
    told = account(task(Term.parse("5WD"), opened_at=at("2026-02-12 10:00")))
    (part,) = told.parts
    assert isinstance(part, Stretch)
    assert [(read.day.day, read.why, read.holiday_zh) for read in part.days] == [
        (12, "start", None),
        (14, "make-up", None),
        *((day, "holiday", "春节") for day in range(15, 24)),
    ]
    assert (part.counted, part.last_day, told.ends_at) == (5, date(2026, 2, 26), at("2026-02-27 00:00"))
    assert told.clauses == ("KF-ARR-01",)


def test_a_last_day_off_gives_way():
    told = account(task(Term.parse("P3D", roll=True), opened_at=at("2026-03-11 10:00")))
    (part,) = told.parts
    assert isinstance(part, Stretch)
    assert [(read.day.isoformat(), read.why) for read in part.rolled] == [
        ("2026-03-14", "weekend"),
        ("2026-03-15", "weekend"),
    ]
    assert (part.counted, part.last_day) == (3, date(2026, 3, 16))


def test_a_pause_shows_who_had_it_why_for_how_long_and_what_was_left():
    stops: list[tuple[int, int, Party]] = [(24, 6 * 24, "customer")]
    told = account(lived(task(Term.parse("P3D"), opened_at=at("2026-03-11 09:00")), stops))
    before, stood, after = told.parts
    assert isinstance(before, Stretch)
    assert isinstance(stood, Stood)
    assert isinstance(after, Stretch)
    assert (before.counted, stood.left.days, after.counted) == (1, 2, 2)
    assert (stood.party, stood.reason, stood.evidence, stood.lasted) == ("customer", "材料待补", "受理单", ONE_DAY * 6)
    assert told.ends_at == at("2026-03-21 00:00")


def test_a_term_over_before_the_pause_is_not_given_back():
    stops: list[tuple[int, int, Party]] = [(10 * 24, 24, "customer")]
    told = account(lived(task(Term.parse("P3D"), opened_at=at("2026-03-11 09:00")), stops))
    assert told.overdue
    assert [type(part) for part in told.parts] == [Stretch, Stood]
    assert told.ends_at == at("2026-03-15 00:00")


def test_a_start_that_the_rules_give_is_told_apart_from_the_opening():
    told = account(task(Term.parse("P3D"), opened_at=at("2026-03-11 09:00"), counts_from=at("2026-03-10 00:00")))
    assert (told.starts, told.starts_at) == ("given", at("2026-03-10 00:00"))


def test_years_not_published_yet_are_named():
    told = account(task(Term.parse("5WD"), opened_at=at("2026-12-30 09:00")))
    assert told.provisional
    assert told.provisional_years == (2027,)
    assert not account(task(Term.parse("P5D"), opened_at=at("2026-12-30 09:00"))).provisional


def test_a_task_without_a_term_has_no_arithmetic():
    bare = task(Term.parse("P3D"), opened_at=at("2026-03-11 09:00")).model_copy(update={"term": None, "due": None})
    assert explained(bare, calendar=CN) is None


NAMES = {
    "New Year's Day": "元旦",
    "Spring Festival": "春节",
    "Tomb-sweeping Day": "清明节",
    "Labour Day": "劳动节",
    "Dragon Boat Festival": "端午节",
    "Mid-autumn Festival": "中秋节",
    "National Day": "国庆节",
    "Anti-Fascist 70th Day": "抗战胜利纪念日",
}
JOINED = {"中秋、国庆假期", "国庆节"}  # where the two meet, one name stands for both


@pytest.mark.parametrize("year", sorted(CN.years))
def test_every_published_holiday_since_2004_is_called_by_its_name(year):
    for day in CN.years[year].days_off:
        found = holiday_of(day)
        assert found is not None, day
        theirs = NAMES[chinese_calendar.constants.holidays[day]]
        assert found.zh == theirs or (found.zh in JOINED and theirs in ("中秋节", "国庆节")), day


def test_an_ordinary_day_belongs_to_no_holiday():
    assert holiday_of(date(2026, 3, 14)) is None
