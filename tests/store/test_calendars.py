from collections.abc import Sequence
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import select

from domain.calendars import CHINA, PublishedYear
from domain.refusals import Refused
from policies.packs import load_calendar
from store import calendars
from store.calendars import CASES_A_SECOND, Published
from store.database import Database
from store.tables import openings, outbox

RELEASE = load_calendar()
NOW = datetime(2026, 11, 26, 9, tzinfo=CHINA)


def off(*days: str, make_up: Sequence[str] = ()) -> PublishedYear:
    return PublishedYear(
        days_off=tuple(date.fromisoformat(day) for day in days),
        make_up=tuple(date.fromisoformat(day) for day in make_up),
    )


def publish(
    database: Database, year: int, days: PublishedYear, *, at: datetime = NOW, because: str | None = None
) -> Published:
    with database.write() as connection:
        return calendars.publish_with_care(
            connection, year=year, days=days, calendar=RELEASE, by="administrator", at=at, because=because
        )


def open_places(database: Database, how_many: int) -> None:
    rows = [
        {"case_no": f"QF-{n}", "process": "arrears", "subject": f"{n}", "open_subject": f"{n}", "pack": "p", "at": NOW}
        for n in range(how_many)
    ]
    with database.write() as connection:
        connection.execute(openings.insert(), rows)


def test_a_published_year_lies_over_the_release_and_the_same_again_changes_nothing(database: Database) -> None:
    days = off("2027-01-01", "2027-01-02", "2027-01-03")
    assert publish(database, 2027, days) == Published(year=2027, changed=True, cases=0)
    with database.read() as connection:
        known = calendars.published(connection, RELEASE)
    assert known.is_day_off(date(2027, 1, 1))
    assert not RELEASE.is_published(2027)
    assert publish(database, 2027, days) == Published(year=2027, changed=False, cases=0)


def test_open_cases_are_told_at_a_bounded_rate_and_closed_ones_not(database: Database) -> None:
    open_places(database, 2 * CASES_A_SECOND + 1)
    with database.write() as connection:
        connection.execute(
            openings.insert().values(
                case_no="closed", process="arrears", subject="closed", open_subject=None, pack="p", at=NOW
            )
        )
    assert publish(database, 2027, off("2027-01-01")).cases == 2 * CASES_A_SECOND + 1
    with database.read() as connection:
        rows = connection.execute(select(outbox.c.subject, outbox.c.next_try_at)).all()
        assert calendars.waiting_for(connection) == len(rows)
    due = [row.next_try_at - NOW for row in rows]
    assert {after: due.count(after) for after in due} == {
        timedelta(0): CASES_A_SECOND,
        timedelta(seconds=1): CASES_A_SECOND,
        timedelta(seconds=2): 1,
    }
    assert "closed" not in {row.subject for row in rows}


def test_days_lived_through_are_not_published_otherwise_without_a_reason(database: Database) -> None:
    release = RELEASE.years[2026]
    wrong = PublishedYear(days_off=release.days_off[1:], make_up=release.make_up)
    with pytest.raises(Refused, match="2026-01-01: lived through otherwise") as refused:
        publish(database, 2026, wrong)
    assert refused.value.code == "gate"
    told = publish(database, 2026, wrong, because="录入有误，按通知更正")
    assert told.changed_past == ("2026-01-01",)


def test_days_to_come_may_be_corrected_and_what_they_replaced_is_kept(database: Database) -> None:
    publish(database, 2027, off("2027-01-01"))
    later = NOW + timedelta(days=1)
    assert publish(database, 2027, off("2027-01-01", "2027-01-04"), at=later).changed
    with database.read() as connection:
        (kept,) = calendars.publications(connection)
    assert (kept.by, kept.at, len(kept.days.days_off)) == ("administrator", later, 2)
    (before,) = kept.before
    assert before["days"]["days_off"] == ["2027-01-01"]
    assert datetime.fromisoformat(before["at"]) == NOW


def test_a_year_published_late_says_which_days_were_lived_through_otherwise(database: Database) -> None:
    late = datetime(2027, 1, 6, 9, tzinfo=CHINA)
    told = publish(database, 2027, off("2027-01-01", "2027-01-02", "2027-01-03"), at=late)
    assert told.changed_past == ("2027-01-01",)


def test_days_of_another_year_are_refused(database: Database) -> None:
    with pytest.raises(Refused, match="2028-01-01 stands under 2027") as refused:
        publish(database, 2027, off("2028-01-01"))
    assert refused.value.code == "form-invalid"
