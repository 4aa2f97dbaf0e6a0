"""What a rehearsal reports of a store, and what expectations make of the report."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from domain.calendars import CHINA, Calendar
from domain.case import Event, StageEntered, TaskDecided, TaskEscalated, TaskOpened, TaskWithdrawn, changed_task
from domain.clock import Interval, handed_to
from domain.tasks import Pause, Task
from domain.terms import Due, Remaining, Term, due_at
from rehearsal.expectations import KINDS, Expectation, check, unexpected_refusals
from rehearsal.report import Duration, Refusal, Report, report, written
from store.casebook import Batch, Entry, Snapshot, record
from store.database import Database
from store.tables import metadata, notices, openings

CASE = "QF-20260311-0001"
SERVE, APPROVE, RESTORE = "arrears.serve-dunning-notice", "arrears.approve-limit", "arrears.restore"
LENGTH: TypeAdapter[timedelta] = TypeAdapter(Duration)


def at(month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0, micro: int = 0) -> datetime:
    return datetime(2026, month, day, hour, minute, second, micro, tzinfo=CHINA)


def task(number: int, key: str, opened_at: datetime, term: str, **more: Any) -> Task:
    counted = Term.parse(term)
    return Task(
        id=f"{CASE}-{number:02d}",
        key=key,
        role="collector" if key == SERVE else "supervisor" if key == APPROVE else "engineer",
        level="section" if key == APPROVE else "grid",
        opened_at=opened_at,
        counts_from=opened_at,
        term=counted,
        due=due_at(term=counted, started_at=opened_at, calendar=Calendar(years={})),
        clock=(Interval(party="utility", started_at=opened_at),),
        **more,
    )


def decided(task: Task, when: datetime, by: str, form: dict[str, Any]) -> tuple[TaskDecided, Task]:
    event = TaskDecided(at=when, by=by, task_id=task.id, key=task.key, form=form)
    return event, changed_task(task, event)


class Story:
    """Events of one case, and the tasks as they stand, written by the casebook itself."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.events: list[Event] = []
        self.tasks: dict[str, Task] = {}

    def say(self, *events: Event, tasks: tuple[Task, ...] = ()) -> None:
        self.events += events
        self.tasks |= {each.id: each for each in tasks}

    def write(self, *, stage: str, outcome: str | None = None, closed_at: datetime | None = None) -> None:
        entries = tuple(
            Entry(
                sequence=number,
                event=getattr(event, "event"),  # noqa: B009 - each kind of event declares its own
                at=event.at,
                by=event.by,
                clauses=event.clauses,
                body=event.model_dump(mode="json", exclude={"event", "at", "by", "clauses"}),
            )
            for number, event in enumerate(self.events, 1)
        )
        snapshot = Snapshot(
            process="arrears",
            subject="A1",
            workflow_id="arrears/A1",
            pack="jinan@2020-01-29",
            stage=stage,
            outcome=outcome,
            standing=None,
            amount_fen=8640,
            opened_at=at(3, 11, 9),
            closed_at=closed_at,
            next_wake=None,
            ledger_position=1,
            facts={"tasks": {}},
        )
        batch = Batch(
            case_no=CASE, run=1, history=5, entries=entries, snapshot=snapshot, tasks=tuple(self.tasks.values())
        )
        record(self.database, batch)

    def notice(self, key: str, template: str, when: datetime, status: str) -> None:
        row = {"key": key, "template": template, "at": when, "status": status, "recipient": "138****0000"}
        with self.database.write() as connection:
            connection.execute(notices.insert().values(case_no=CASE, channel="sms", **row))


@pytest.fixture
def story(tmp_path: Path) -> Iterator[Story]:
    database = Database(f"sqlite:///{tmp_path}/store.db", durable=False)
    metadata.create_all(database.engine)
    with database.write() as connection:
        connection.execute(
            openings.insert().values(
                case_no=CASE,
                process="arrears",
                subject="A1",
                open_subject="A1",
                pack="jinan@2020-01-29",
                at=at(3, 11, 9),
            )
        )
    yield Story(database)
    database.close()


def seen(story: Story, *, until: datetime, refusals: tuple[Refusal, ...] = ()) -> Report:
    with story.database.read() as connection:
        return report(connection, CASE, file="case.yaml", process="arrears", refusals=refusals, until=until)


@pytest.fixture
def told(story: Story) -> Report:
    """Reminded and notified; one task decided late, one withdrawn, one open; a message sent, one failed; a refusal."""
    serve = task(1, SERVE, at(3, 11, 9), "P3D", clauses=("jinan.dunning.notice-within-3-days",))
    escalated = TaskEscalated(at=at(3, 16, 8, 30), task_id=serve.id, key=SERVE, level="section")
    done, served = decided(changed_task(serve, escalated), at(3, 17, 10, 0, 0, 500_000), "wang", {"method": "posted"})
    approve = task(2, APPROVE, at(4, 20, 0), "PT24H")
    withdrawn = TaskWithdrawn(at=at(4, 20, 8), task_id=approve.id, key=APPROVE, because="no longer called for")
    again = task(3, APPROVE, at(5, 1, 0), "PT24H")
    story.say(
        StageEntered(at=at(3, 11, 9), stage="reminded"),
        TaskOpened(at=at(3, 11, 9), task=serve, clauses=serve.clauses),
        escalated,
        done,
        StageEntered(at=at(3, 17, 10), by="wang", stage="notified"),
        TaskOpened(at=at(4, 20, 0), task=approve),
        withdrawn,
        TaskOpened(at=at(5, 1, 0), task=again),
        tasks=(served, changed_task(approve, withdrawn), again),
    )
    story.notice("reminder-1", "reminder", at(3, 11, 9), "sent")
    story.notice("limit-notice-2", "limit-notice", at(4, 18, 8, 30), "failed")
    story.write(stage="notified")
    refusal = Refusal(step=2, code="four-eyes", message="a second person is needed")
    return seen(story, until=at(5, 1, 12), refusals=(refusal,))


# The report.


def test_the_json_of_a_report_is_the_object_of_the_contract(told: Report) -> None:
    shown = json.loads(json.dumps(told.model_dump(mode="json")))
    timeline = shown.pop("timeline")
    assert shown == {
        "file": "case.yaml",
        "pack": "jinan@2020-01-29",
        "process": "arrears",
        "case_no": CASE,
        "stage": "notified",
        "outcome": None,
        "closed_at": None,
        "tasks": [
            {
                "key": SERVE,
                "role": "collector",
                "level": "grid",
                "opened_at": "2026-03-11T09:00:00+08:00",
                "due_at": "2026-03-15T00:00:00+08:00",
                "provisional": False,
                "decided_at": "2026-03-17T10:00:00+08:00",
                "by": "wang",
                "status": "decided",
                "form": {"method": "posted"},
                "clauses": ["jinan.dunning.notice-within-3-days"],
            },
            {
                "key": APPROVE,
                "role": "supervisor",
                "level": "section",
                "opened_at": "2026-04-20T00:00:00+08:00",
                "due_at": "2026-04-21T00:00:00+08:00",
                "provisional": False,
                "decided_at": None,
                "by": None,
                "status": "withdrawn",
                "form": None,
                "clauses": [],
            },
            {
                "key": APPROVE,
                "role": "supervisor",
                "level": "section",
                "opened_at": "2026-05-01T00:00:00+08:00",
                "due_at": "2026-05-02T00:00:00+08:00",
                "provisional": False,
                "decided_at": None,
                "by": None,
                "status": "open",
                "form": None,
                "clauses": [],
            },
        ],
        "notices": [
            {
                "template": "reminder",
                "channel": "sms",
                "at": "2026-03-11T09:00:00+08:00",
                "to": "138****0000",
                "status": "sent",
            },
            {
                "template": "limit-notice",
                "channel": "sms",
                "at": "2026-04-18T08:30:00+08:00",
                "to": "138****0000",
                "status": "failed",
            },
        ],
        "stages": [
            {"stage": "reminded", "at": "2026-03-11T09:00:00+08:00"},
            {"stage": "notified", "at": "2026-03-17T10:00:00+08:00"},
        ],
        "clocks": [
            {
                "task": SERVE,
                "budget": "P3D",
                "utility": "P6DT1H",
                "customer": "PT0S",
                "breached_at": "2026-03-15T00:00:00+08:00",
            },
            {"task": APPROVE, "budget": "PT24H", "utility": "PT8H", "customer": "PT0S", "breached_at": None},
            {"task": APPROVE, "budget": "PT24H", "utility": "PT12H", "customer": "PT0S", "breached_at": None},
        ],
        "escalations": [{"task": SERVE, "level": "section", "at": "2026-03-16T08:30:00+08:00"}],
        "refusals": [{"step": 2, "code": "four-eyes", "message": "a second person is needed"}],
    }
    assert [entry["sequence"] for entry in timeline] == list(range(1, 9))
    assert timeline[3] == {
        "sequence": 4,
        "at": "2026-03-17T10:00:00+08:00",
        "event": "TaskDecided",
        "actor": "wang",
        "clauses": [],
    }


def test_a_closed_case_is_reported_with_its_outcome(story: Story) -> None:
    story.say(StageEntered(at=at(4, 20, 8), stage="settled"))
    story.write(stage="settled", outcome="settled", closed_at=at(4, 20, 8))
    closed = seen(story, until=at(6, 30))
    assert (closed.stage, closed.outcome, closed.closed_at) == ("settled", "settled", at(4, 20, 8))
    assert check(expects(outcome="settled"), closed) is None


def test_tasks_come_in_the_order_in_which_they_opened_though_ids_sort_as_text(story: Story) -> None:
    opened = [task(number, f"t.{number}", at(3, 11, 9), "P3D") for number in (98, 99, 100, 101)]
    story.say(*(TaskOpened(at=each.opened_at, task=each) for each in opened), tasks=tuple(reversed(opened)))
    story.write(stage="reminded")
    assert [each.key for each in seen(story, until=at(3, 12)).tasks] == ["t.98", "t.99", "t.100", "t.101"]


def test_the_customers_time_is_not_the_utilitys_and_a_clock_that_stands_is_not_late(story: Story) -> None:
    serve = task(1, SERVE, at(3, 11, 9), "PT24H")
    paused = serve.model_copy(
        update={
            "clock": handed_to(serve.clock, party="customer", at=at(3, 11, 19)),
            "pause": Pause(
                party="customer", reason="away", since=at(3, 11, 19), left=Remaining(paused_at=at(3, 11, 19))
            ),
        }
    )
    story.say(TaskOpened(at=serve.opened_at, task=serve), tasks=(paused,))
    story.write(stage="reminded")
    (clock,) = seen(story, until=at(3, 14, 19)).clocks
    assert (clock.utility, clock.customer) == (timedelta(hours=10), timedelta(days=3))
    assert clock.breached_at is None


@pytest.mark.parametrize(("until", "breached"), [(at(3, 14, 23, 59, 59), None), (at(3, 15), at(3, 15))])
def test_an_open_task_is_late_from_its_exclusive_end_alarm_or_none(
    story: Story, until: datetime, breached: datetime | None
) -> None:
    serve = task(1, SERVE, at(3, 11, 9), "P3D")
    story.say(TaskOpened(at=serve.opened_at, task=serve), tasks=(serve,))
    story.write(stage="reminded")
    assert seen(story, until=until).clocks[0].breached_at == breached


def test_a_task_without_a_term_has_no_budget_and_a_provisional_date_says_so(story: Story) -> None:
    endless = task(1, SERVE, at(3, 11, 9), "P3D").model_copy(update={"term": None, "due": None})
    unsure = task(2, APPROVE, at(3, 11, 9), "P3D").model_copy(update={"due": Due(at=at(3, 15), provisional=True)})
    story.say(*(TaskOpened(at=each.opened_at, task=each) for each in (endless, unsure)), tasks=(endless, unsure))
    story.write(stage="reminded")
    shown = seen(story, until=at(3, 12))
    assert [(each.due_at, each.provisional) for each in shown.tasks] == [(None, False), (at(3, 15), True)]
    assert [(each.budget, each.breached_at) for each in shown.clocks] == [(None, None), ("P3D", None)]


def test_a_case_that_was_never_recorded_cannot_be_reported(story: Story) -> None:
    with pytest.raises(LookupError, match=f"case {CASE} is not on record"):
        seen(story, until=at(3, 12))


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (timedelta(), "PT0S"),
        (timedelta(hours=24), "P1D"),
        (timedelta(days=1, hours=2), "P1DT2H"),
        (timedelta(minutes=90, seconds=5), "PT1H30M5S"),
        (timedelta(seconds=59, microseconds=999_999), "PT59S"),
    ],
)
def test_a_length_of_time_is_written_as_it_is_read(length: timedelta, text: str) -> None:
    assert written(length) == text
    assert LENGTH.validate_python(text) == timedelta(seconds=int(length.total_seconds()))


@pytest.mark.parametrize(
    "text", ["P", "PT", "P1DT", "1H", "PT1.5H", "-PT1H", "P1M", "P1Y", "PT1H1D", "5WD", "", " P1D"]
)
def test_what_is_no_length_of_time_is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="is not a length of time: write it as PT1H"):
        LENGTH.validate_python(text)


# Expectations.


def expects(**fields: object) -> Expectation:
    kind = next(name for name in KINDS if name in fields)
    return KINDS[kind].model_validate(fields)


@pytest.mark.parametrize(
    "fields",
    [
        {"task": SERVE},
        {"task": SERVE, "opened_at": at(3, 11, 9), "due_at": at(3, 15), "by": "wang", "role": "collector", "count": 1},
        {"task": SERVE, "decided_at": at(3, 17, 10)},
        {"task": SERVE, "decided_at": at(3, 17, 10, 0, 0, 900_000)},
        {"task": SERVE, "decided_at": at(3, 17, 10, 1), "within": "PT1M"},
        {"task": APPROVE, "opened_at": at(5, 1), "count": 2},
        {"task": RESTORE, "count": 0},
        {"never": RESTORE},
        {"stage": "reminded"},
        {"stage": "notified", "at": at(3, 17, 10)},
        {"stage": "notified", "at": at(3, 17, 9, 59), "within": "PT1M"},
        {"notice": "reminder"},
        {"notice": "reminder", "channel": "sms", "at": at(3, 11, 9)},
        {"refused": 2, "code": "four-eyes"},
        {"refused": 2},
        {"clock": SERVE, "utility": "P6DT1H", "customer": "PT0S"},
        {"clock": APPROVE, "utility": "PT12H"},
        {"clock": APPROVE, "utility": "PT11H", "within": "PT1H"},
        {"escalated": SERVE},
        {"escalated": SERVE, "level": "section", "at": at(3, 16, 8, 30)},
    ],
)
def test_an_expectation_that_holds_says_nothing(told: Report, fields: dict[str, object]) -> None:
    assert check(expects(**fields), told) is None


@pytest.mark.parametrize(
    ("fields", "failure"),
    [
        (
            {"task": SERVE, "due_at": at(3, 16), "by": "li"},
            f"task {SERVE}: due_at expected 2026-03-16T00:00:00+08:00, seen 2026-03-15T00:00:00+08:00;"
            " by expected li, seen wang",
        ),
        (
            {"task": SERVE, "decided_at": at(3, 17, 10, 0, 1)},
            f"task {SERVE}: decided_at expected 2026-03-17T10:00:01+08:00, seen 2026-03-17T10:00:00+08:00",
        ),
        (
            {"task": SERVE, "decided_at": at(3, 17, 10, 1, 1), "within": "PT1M"},
            f"task {SERVE}: decided_at expected 2026-03-17T10:01:01+08:00, seen 2026-03-17T10:00:00+08:00",
        ),
        (
            {"task": APPROVE, "opened_at": at(5, 1), "decided_at": at(5, 1, 8)},
            f"task {APPROVE}: decided_at expected 2026-05-01T08:00:00+08:00, seen none (the nearest of 2)",
        ),
        (
            {"task": APPROVE, "count": 1},
            f"task {APPROVE}: expected 1 openings, seen 2"
            " (at 2026-04-20T00:00:00+08:00, 2026-05-01T00:00:00+08:00)",
        ),
        ({"task": RESTORE, "count": 1}, f"task {RESTORE}: expected 1 openings, seen 0"),
        ({"task": RESTORE}, f"task {RESTORE}: not seen; tasks opened: {SERVE}, {APPROVE}"),
        (
            {"never": APPROVE},
            f"never {APPROVE}: it opened at 2026-04-20T00:00:00+08:00, 2026-05-01T00:00:00+08:00",
        ),
        (
            {"stage": "grace"},
            "stage grace: not seen; stages entered: reminded 2026-03-11T09:00:00+08:00,"
            " notified 2026-03-17T10:00:00+08:00",
        ),
        (
            {"stage": "notified", "at": at(3, 18)},
            "stage notified: at expected 2026-03-18T00:00:00+08:00, seen 2026-03-17T10:00:00+08:00",
        ),
        ({"outcome": "settled"}, "outcome settled: seen the case open, at stage notified"),
        (
            {"notice": "limit-notice"},
            "notice limit-notice: not seen; notices: reminder by sms 2026-03-11T09:00:00+08:00 (sent),"
            " limit-notice by sms 2026-04-18T08:30:00+08:00 (failed)",
        ),
        ({"notice": "reminder", "channel": "wechat"}, "notice reminder: channel expected wechat, seen sms"),
        ({"refused": 1}, "refused 1: the step was not refused; refused were: step 2 (four-eyes)"),
        (
            {"refused": 2, "code": "interlock"},
            "refused 2: expected code interlock, seen four-eyes: a second person is needed",
        ),
        ({"clock": SERVE, "utility": "P6D"}, f"clock of {SERVE}: utility expected P6D, seen P6DT1H"),
        ({"clock": RESTORE, "utility": "P6D"}, f"clock of {RESTORE}: not seen; tasks opened: {SERVE}, {APPROVE}"),
        (
            {"escalated": SERVE, "level": "office"},
            f"escalated {SERVE}: level expected office, seen section",
        ),
        (
            {"escalated": APPROVE},
            f"escalated {APPROVE}: not seen; escalations: {SERVE} to section 2026-03-16T08:30:00+08:00",
        ),
    ],
)  # fmt: skip
def test_an_expectation_that_fails_says_what_was_expected_and_what_was_seen(
    told: Report, fields: dict[str, object], failure: str
) -> None:
    assert check(expects(**fields), told) == failure


def test_a_message_that_was_taken_back_was_not_sent(story: Story) -> None:
    story.say(StageEntered(at=at(3, 11, 23), stage="reminded"))
    story.write(stage="reminded")
    story.notice("reminder-1", "reminder", at(3, 12, 8, 30), "withdrawn")
    failure = check(expects(notice="reminder"), seen(story, until=at(3, 12)))
    assert failure == "notice reminder: not seen; notices: reminder by sms 2026-03-12T08:30:00+08:00 (withdrawn)"


def test_nothing_seen_at_all_is_said_as_none(story: Story) -> None:
    story.say(StageEntered(at=at(3, 11, 23), stage="reminded"))
    story.write(stage="reminded")
    nothing = seen(story, until=at(3, 12))
    assert check(expects(task=SERVE), nothing) == f"task {SERVE}: not seen; tasks opened: none"
    assert check(expects(refused=1), nothing) == "refused 1: the step was not refused; refused were: none"


def test_a_refusal_that_nothing_expects_fails_the_rehearsal(told: Report) -> None:
    line = "step 2 was refused and nothing expects it: four-eyes: a second person is needed"
    assert unexpected_refusals([], told) == [line]
    assert unexpected_refusals([expects(refused=1), expects(refused=2, code="interlock")], told) == [line]
    assert unexpected_refusals([expects(refused=2)], told) == []
    assert unexpected_refusals([expects(refused=2, code="four-eyes")], told) == []


def test_a_drive_that_was_refused_twice_names_each_refusal_it_expects(told: Report) -> None:
    second = Refusal(step=2, code="interlock", message="the debt is paid")
    twice = told.model_copy(update={"refusals": (*told.refusals, second)})
    expectations = [expects(refused=2, code="four-eyes")]
    assert check(expectations[0], twice) is None
    assert unexpected_refusals(expectations, twice) == [
        "step 2 was refused and nothing expects it: interlock: the debt is paid"
    ]


def test_a_drive_that_comes_to_a_forbidden_limit_fails_nothing_and_may_be_named(told: Report) -> None:
    met = Refusal(step=1, code="interlock", message="a school", driven=True)
    driven = told.model_copy(update={"refusals": (met,)})
    assert unexpected_refusals([], driven) == []
    assert check(expects(refused=1, code="interlock"), driven) is None
    shut = told.model_copy(update={"refusals": (met.model_copy(update={"code": "gate"}),)})
    assert len(unexpected_refusals([], shut)) == 1


def test_a_refusal_may_be_expected_by_either_code_that_is_true_of_it(told: Report) -> None:
    met = Refusal(step=3, code="not-open", message="taken back", also=("interlock",))
    seen = told.model_copy(update={"refusals": (met,)})
    for code in ("not-open", "interlock"):
        assert check(expects(refused=3, code=code), seen) is None
        assert unexpected_refusals([expects(refused=3, code=code)], seen) == []
    assert check(expects(refused=3, code="gate"), seen) is not None
    assert met.model_dump(mode="json") == {"step": 3, "code": "not-open", "message": "taken back"}
