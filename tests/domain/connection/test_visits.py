"""The survey's hour: on offer, taken, moved with a reason, and kept or not."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from domain.calendars import CHINA
from domain.case import TaskDecided
from domain.connection.commands import RateService, events_of
from domain.connection.events import SurveyorArrived, VisitBooked
from domain.connection.visits import Arrive, BookVisit, Slot, judged, slots
from domain.people import Actor
from domain.refusals import Refused
from policies.packs import load_calendar, load_pack
from tests.domain.connection.test_forecast import PACKS, life, policy_of
from tests.policies.lives import ProjectLife

CALENDAR = load_calendar()
ANNE = Actor(id="applicant", roles=("customer",))
LIU = Actor(id="liu", roles=("representative",))
SUN = Actor(id="sun", roles=("engineer",))
MINUTE = timedelta(minutes=1)


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 3, day, hour, minute, tzinfo=CHINA)


@pytest.fixture
def played() -> ProjectLife:
    """A project of Jinan whose survey is to be arranged: Wednesday, 11 March 2026."""
    project = life("jinan@2020-01-29", {"kind": "single"})
    project.live_until("connection.arrange-survey")
    return project


def say(project: ProjectLife, kind: Any, by: Actor, **said: Any) -> list[Any]:
    command = kind(by=by, at=said.pop("when", project.now), **said)
    events = list(events_of(command, project.facts, project.policy, CALENDAR))
    for event in events:
        project.now = max(project.now, event.at)
        project.say(event)
    project.settle()
    return events


def take(project: ProjectLife, slot: Slot, by: Actor = ANNE, **said: Any) -> list[Any]:
    return say(project, BookVisit, by, starts_at=slot.starts_at, ends_at=slot.ends_at, **said)


def test_half_days_of_working_days_are_on_offer_that_have_not_begun() -> None:
    jinan = policy_of("jinan@2020-01-29")
    found = slots(jinan, CALENDAR, now=at(12, 10))  # a Thursday
    assert [slot.starts_at for slot in found] == [
        at(12, 13, 30),
        at(13, 8, 30),
        at(13, 13, 30),
        at(16, 8, 30),
        at(16, 13, 30),
        at(17, 8, 30),
        at(17, 13, 30),
    ]
    assert found[1].ends_at == at(13, 11, 30)
    without = jinan.model_copy(update={"visits": None})
    assert slots(without, CALENDAR, now=at(12, 10)) == ()


@pytest.mark.parametrize("pack", PACKS)
def test_every_pack_offers_hours_within_the_term_of_the_survey(pack: str) -> None:
    connection = load_pack(pack).connection
    assert connection is not None
    assert connection.visits is not None
    assert connection.visits.ahead.value == connection.terms.survey.value
    assert slots(connection, CALENDAR, now=at(12, 10))


def test_an_hour_that_the_applicant_takes_arranges_the_survey(played: ProjectLife) -> None:
    slot = slots(played.policy, CALENDAR, now=played.now)[1]
    (decided,) = take(played, slot)
    assert isinstance(decided, TaskDecided)
    assert (decided.by, decided.key) == ("applicant", "connection.arrange-survey")
    assert played.facts.visit is not None
    assert (played.facts.visit.starts_at, played.facts.visit.ends_at, played.facts.visit.moved) == (
        slot.starts_at,
        slot.ends_at,
        0,
    )
    assert played.facts.open_task("connection.survey") is not None


def test_an_applicant_takes_what_is_on_offer_and_nothing_else(played: ProjectLife) -> None:
    slot = slots(played.policy, CALENDAR, now=played.now)[0]
    for other in (
        slot.model_copy(update={"starts_at": slot.starts_at + MINUTE}),
        slot.model_copy(
            update={"starts_at": slot.starts_at + timedelta(days=30), "ends_at": slot.ends_at + timedelta(days=30)}
        ),
    ):
        with pytest.raises(Refused, match="not on offer"):
            take(played, other)
    past = Slot(starts_at=played.now - MINUTE, ends_at=played.now + MINUTE)
    with pytest.raises(Refused, match="lies ahead"):
        take(played, past, LIU)
    with pytest.raises(Refused, match="engineer"):
        take(played, slot, SUN)
    any_hour = Slot(starts_at=slot.starts_at + MINUTE, ends_at=slot.ends_at)
    take(played, any_hour, LIU)  # agreed by telephone
    assert played.facts.is_done("arrange-survey")


def test_an_hour_agreed_in_the_form_stands_like_any_other(played: ProjectLife) -> None:
    task = played.facts.open_task("connection.arrange-survey")
    assert task is not None
    decided = played.tried(task, {"appointment": at(13, 9)})
    assert decided is not None
    played.say(decided)
    assert played.facts.visit is not None
    assert (played.facts.visit.starts_at, played.facts.visit.ends_at) == (at(13, 9), None)


@pytest.mark.clause("liaocheng.customer-service.late-explain")
def test_whoever_moves_an_agreed_hour_says_why(played: ProjectLife) -> None:
    first, then, *_ = slots(played.policy, CALENDAR, now=played.now)
    take(played, first)
    with pytest.raises(Refused, match="says why"):
        take(played, then, LIU)
    (moved,) = take(played, then, LIU, reason="暴雨")
    assert isinstance(moved, VisitBooked)
    assert played.facts.visit is not None
    assert (played.facts.visit.starts_at, played.facts.visit.moved, played.facts.visit.reason) == (
        then.starts_at,
        1,
        "暴雨",
    )
    take(played, first)  # the applicant owes nobody a reason
    assert played.facts.visit.moved == 2


@pytest.mark.clause("jinan.design.survey-on-time")
@pytest.mark.parametrize(
    ("came", "punctual", "minutes"),
    [
        (at(12, 8, 14), "early", 16),
        (at(12, 8, 15), "on-time", 0),
        (at(12, 8, 30), "on-time", 0),
        (at(12, 11, 45), "on-time", 0),
        (at(12, 11, 46), "late", 16),
        (at(13, 8, 30), "late", 1260),
    ],
)
def test_whoever_surveys_is_there_when_it_was_agreed_or_not(
    played: ProjectLife, came: datetime, punctual: str, minutes: int
) -> None:
    take(played, Slot(starts_at=at(12, 8, 30), ends_at=at(12, 11, 30)), LIU)
    (arrived,) = say(played, Arrive, SUN, when=came)
    assert isinstance(arrived, SurveyorArrived)
    assert arrived.clauses == ("jinan.design.survey-on-time",)
    assert played.facts.visit is not None
    assert (played.facts.visit.punctual, played.facts.visit.minutes) == (punctual, minutes)
    with pytest.raises(Refused, match="arrived already"):
        say(played, Arrive, SUN, when=came + MINUTE)


def test_an_arrival_in_the_form_counts_where_none_was_recorded(played: ProjectLife) -> None:
    take(played, Slot(starts_at=at(12, 8, 30), ends_at=at(12, 11, 30)), LIU)
    task = played.facts.open_task("connection.survey")
    assert task is not None
    decided = played.tried(task, {"arrived_at": at(12, 9)})
    assert decided is not None
    played.say(decided)
    assert played.facts.visit is not None
    assert (played.facts.visit.punctual, played.facts.visit.arrived_at) == ("on-time", at(12, 9))


def test_an_hour_to_the_minute_has_its_grace_on_both_sides() -> None:
    hour, grace = at(12, 9), timedelta(minutes=15)
    assert [judged(hour + n * MINUTE, hour, None, grace=grace) for n in (-16, -15, 0, 15, 16)] == [
        ("early", 16),
        ("on-time", 0),
        ("on-time", 0),
        ("on-time", 0),
        ("late", 16),
    ]


def test_nobody_arranges_or_arrives_at_what_is_over(played: ProjectLife) -> None:
    slot = slots(played.policy, CALENDAR, now=played.now)[0]
    with pytest.raises(Refused, match="not open"):
        say(played, Arrive, SUN)
    played.live_until("connection.draft-scheme")
    with pytest.raises(Refused, match="no survey"):
        take(played, slot)


@pytest.mark.clause("changchun.follow-up.follow-up-four-methods")
@pytest.mark.parametrize("pack", PACKS)
def test_a_customer_answers_the_follow_up_without_being_called(pack: str) -> None:
    project = life(pack, {"kind": "single"})
    project.live_until("connection.follow-up")
    with pytest.raises(Refused, match="customer"):
        say(project, RateService, LIU, satisfaction="satisfied")
    (decided,) = say(project, RateService, ANNE, satisfaction="dissatisfied", opinion="等了很久")
    assert decided.form == {"satisfaction": "dissatisfied", "opinion": "等了很久", "method": "questionnaire"}
    assert "ComplaintRecorded" in [each["event"] for each in project.told if isinstance(each, dict)]
    with pytest.raises(Refused, match=r"nothing to rate|has ended"):
        say(project, RateService, ANNE, satisfaction="satisfied")


@pytest.mark.clause(
    "qingdao.follow-up.connection-follow-up-content", "changchun.follow-up.collect-and-register-opinions"
)
@pytest.mark.parametrize("pack", ["qingdao@2021-01-01", "changchun@2019-10-09"])
def test_a_follow_up_asks_for_an_opinion_and_says_what_came_of_it(pack: str) -> None:
    project = life(pack, {"kind": "single"})
    project.live_until("connection.follow-up")
    task = project.facts.open_task("connection.follow-up")
    assert task is not None
    asked = {"satisfaction": "satisfied", "method": "phone"}
    assert project.tried(task, asked, completed=False) is None
    assert project.tried(task, asked | {"opinion": "希望快一点"}, completed=False) is not None
    (decided,) = say(project, RateService, ANNE, satisfaction="satisfied")
    assert decided.form["opinion"] == "没有写意见"


@pytest.mark.clause("changchun.follow-up.follow-up-four-methods")
def test_changchun_has_each_follow_up_say_how_it_was_done() -> None:
    project = life("changchun@2019-10-09", {"kind": "single"})
    project.live_until("connection.follow-up")
    task = project.facts.open_task("connection.follow-up")
    assert task is not None
    assert project.tried(task, {"satisfaction": "satisfied", "opinion": "没有意见"}, completed=False) is None
    for method in ("phone", "visit", "meeting", "questionnaire"):
        form = {"satisfaction": "satisfied", "method": method, "opinion": "没有意见"}
        assert project.tried(task, form, completed=False) is not None
