from datetime import datetime, timedelta

from hypothesis import given

from api.arithmetic import arithmetic_of, end_en, end_zh, said_length, said_term
from domain.calendars import CHINA, Calendar
from domain.terms import Term
from tests.domain.test_arithmetic import CN, at, breaks, instants, lived, task, terms


def told(term: str, opened_at: str, *, roll: bool = False, calendar: Calendar = CN) -> list[tuple[str, str, str]]:
    found = arithmetic_of(task(Term.parse(term, roll=roll), opened_at=at(opened_at), calendar=calendar), calendar)
    assert found is not None
    return [(line.kind, line.zh, line.en) for line in found.lines]


def test_working_days_over_the_spring_festival_are_told_day_by_day() -> None:
    assert told("5WD", "2026-02-12 10:00") == [
        (
            "term",
            "自2026年2月12日10:00任务开启起，5个工作日内",
            "5 working days, from 12 February 2026 10:00, when the task opened",
        ),
        ("not-counted", "2月12日为起算当日，不计", "12 February is the first day: not counted"),
        ("counted", "2月14日调休上班，计入", "14 February, worked for a holiday: counted"),
        ("not-counted", "2月15日至23日春节，不计", "15 to 23 February, Spring Festival: not counted"),
        ("end", "2026年2月26日24:00截止", "due by 26 February 2026 24:00"),
        ("source", "依据：KF-ARR-01", "by clause KF-ARR-01"),
    ]


def test_a_last_day_off_is_told_with_the_day_that_it_gave_way_to() -> None:
    assert told("P3D", "2026-03-11 10:00", roll=True)[2] == (
        "rolled",
        "3月14日至15日休息（周末），顺延至2026年3月16日",
        "14 to 15 March are off (weekend): moved to 16 March 2026",
    )


def test_a_pause_is_told_with_its_party_reason_evidence_and_what_was_left() -> None:
    found = arithmetic_of(lived(task(Term.parse("P3D"), opened_at=at("2026-03-11 09:00")), [(24, 145, "customer")]), CN)
    assert found is not None
    (pause,) = (line for line in found.lines if line.kind == "pause")
    assert pause.zh == (
        "2026年3月12日09:00起由用户占用（材料待补），凭据：受理单，剩余2日，2026年3月18日10:00恢复，历时6天1小时"
    )
    assert pause.en == (
        "from 12 March 2026 09:00 the customer has it (材料待补), evidence: 受理单, 2 days left,"
        " until 18 March 2026 10:00 (6 days 1 hour)"
    )


def test_a_clock_that_stands_still_says_so() -> None:
    standing = lived(
        task(Term.parse("PT12H"), opened_at=at("2026-03-11 09:00")), [(5, 0, "government")], end="standing"
    )
    found = arithmetic_of(standing, CN)
    assert found is not None
    assert found.standing
    assert [line.zh for line in found.lines][1:3] == [
        "2026年3月11日14:00起由政府部门占用（材料待补），凭据：受理单，剩余7小时，尚未恢复",
        "计时暂停；原截止时间2026年3月11日21:00，恢复后按剩余时限重新推算",
    ]


def test_a_provisional_date_names_the_year_that_is_missing() -> None:
    assert told("5WD", "2026-12-30 10:00")[-2][1:] == (
        "2027年节假日安排尚未公布，为暂定日期，公布后重新推算",
        "provisional: the days off of 2027 are not published yet; it is counted again once they are",
    )


def test_an_exclusive_end_is_spoken_of_as_the_24th_hour() -> None:
    assert end_zh(at("2026-03-16 00:00")) == "2026年3月15日24:00"
    assert end_en(at("2026-03-16 00:00")) == "15 March 2026 24:00"
    assert end_zh(at("2026-03-16 09:30")) == "2026年3月16日09:30"


def test_terms_and_lengths_are_said_as_people_say_them() -> None:
    assert said_term(Term.parse("PT24H")) == ("24小时内", "within 24 hours")
    assert said_term(Term.parse("PT1H30M")) == ("1小时30分钟内", "within 1 hour 30 minutes")
    assert said_term(Term.parse("P0D")) == ("当日24:00前", "by 24:00 of the same day")
    assert said_term(Term.parse("month-end")) == ("当月月末前", "by the end of the month")
    assert said_term(Term.parse("P15D", roll=True)) == (
        "15日内，末日遇休息日顺延",
        "15 days, a last day off gives way",
    )
    assert said_length(timedelta(days=3, hours=2)) == ("3天2小时", "3 days 2 hours")
    assert said_length(timedelta(0)) == ("0秒", "0 seconds")


@given(terms, instants, breaks)
def test_whatever_happened_is_said_in_both_languages_and_ends_with_the_deadline(
    term: Term, opened_at: datetime, stops: list[tuple[int, int, str]]
) -> None:
    found = lived(task(term, opened_at=opened_at), stops)  # type: ignore[arg-type]
    shown = arithmetic_of(found, CN)
    assert shown is not None
    assert shown.ends_at == found.due_at
    assert all(line.zh and line.en for line in shown.lines)
    (end,) = (line for line in shown.lines if line.kind == "end")
    assert found.due_at is not None
    assert end_zh(found.due_at.astimezone(CHINA)) in end.zh
