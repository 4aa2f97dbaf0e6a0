"""Rehearsal files: what a good one says, and where a bad one is wrong."""

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.account import Bill, Payment, Reversal
from domain.arrears.commands import (
    AgreePlan,
    DisputeBills,
    RecordContact,
    ResolveDispute,
    TakePromise,
)
from domain.calendars import CHINA
from domain.commands import PauseTask, PlaceHold, ReassignTask, ReleaseHold, ResumeTask, UrgeTask, WithdrawCase
from domain.people import Actor
from rehearsal.expectations import (
    ClockExpected,
    EscalatedExpected,
    NeverExpected,
    NoticeExpected,
    RefusedExpected,
    StageExpected,
    TaskExpected,
)
from rehearsal.files import Rehearsal, Step, WrongFile, read
from rehearsal.openings import ArrearsOpening
from rehearsal.verbs import (
    OF_ONE_PROCESS,
    VERBS,
    AnotherBill,
    Crash,
    Decide,
    Drive,
    Instruction,
    Pay,
    Publish,
    Reverse,
    Stale,
    Unfit,
)
from store.ledger import AccountRecord

SAMPLE = """\
pack: jinan                          # or jinan@2020-01-29
process: arrears                     # arrears | connection | order
starts_at: 2026-03-11T09:00:00+08:00
calendar: {2027: {at: 2026-11-05T09:00:00+08:00, days_off: [], make_up: []}}   # optional: years published on the way
people:                              # optional; each role has a default person named after it
  wang: {role: collector}
  li: {role: [supervisor, collector], level: section}   # one role or several
open:                                # the body that the API takes to open such a case
  account: {no: "0410023", class: resident, estate: open, phone: "13800000000"}
  bills: [{no: "B1", period: 2026-02, amount: "86.40", due_on: 2026-03-10}]
steps:                               # in order; `at` is an instant, or `after: P1D` counts from the step before
  - at: 2026-03-12T10:00:00+08:00
    decide: arrears.serve-dunning-notice
    by: wang
    form: {method: posted, place: door, photo: p1.jpg}
  - at: 2026-04-20T08:00:00+08:00
    pay: {reference: "T-1", amount: "86.40"}
until: 2026-06-30T00:00:00+08:00     # stop here, or when the case ends
expect:
  - {task: arrears.serve-dunning-notice, opened_at: 2026-03-11T09:00:00+08:00, due_at: 2026-03-15T00:00:00+08:00}
  - {never: arrears.limit-pressure}
  - {stage: settled, at: 2026-04-20T08:00:00+08:00}
  # {refused: 2, code: four-eyes}: step 2 (from 1) was refused with this code; a refused step changes nothing
"""
HEAD = """\
pack: jinan
process: arrears
starts_at: 2026-03-11T09:00:00+08:00
open:
  account: {no: A1, class: resident}
  bills: [{no: B1, period: 2026-02, amount: 86.40, due_on: 2026-03-10}]
until: 2026-06-30T00:00:00+08:00
"""
STARTS_AT = datetime(2026, 3, 11, 9, tzinfo=CHINA)
WANG = Actor(id="wang", roles=("collector",))

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(text: str) -> Path:
        path = tmp_path / "case.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return written


@pytest.fixture
def steps_of(write: Write) -> Callable[[str], tuple[Step, ...]]:
    return lambda steps: read(write(f"{HEAD}steps:\n{steps}")).steps


@pytest.fixture
def faults_of(write: Write) -> Callable[[str], list[str]]:
    """Faults as `line:column: field: what`, the file's name cut off."""

    def faults(text: str) -> list[str]:
        path = write(text)
        with pytest.raises(WrongFile) as wrong:
            read(path)
        assert str(wrong.value) == "\n".join(wrong.value.faults)
        assert all(fault.startswith(f"{path}:") for fault in wrong.value.faults)
        return [fault.removeprefix(f"{path}:") for fault in wrong.value.faults]

    return faults


Steps = Callable[[str], tuple[Step, ...]]
Faults = Callable[[str], list[str]]


# What a good file says.


def test_the_sample_of_the_contract_is_read_whole(write: Write) -> None:
    path = write(SAMPLE)
    rehearsal = read(path)
    assert (rehearsal.file, rehearsal.pack, rehearsal.process) == (str(path), "jinan", "arrears")
    assert rehearsal.starts_at == STARTS_AT
    assert rehearsal.until == datetime(2026, 6, 30, tzinfo=CHINA)
    assert [(year.year, year.at) for year in rehearsal.calendar] == [(2027, datetime(2026, 11, 5, 9, tzinfo=CHINA))]
    assert isinstance(rehearsal.open, ArrearsOpening)
    assert isinstance(rehearsal.open.account, AccountRecord)
    assert rehearsal.open.account.model_dump(exclude_none=True) == {
        "no": "0410023",
        "customer_class": "resident",
        "estate": "open",
        "phone": "13800000000",
        "protected": (),
    }
    assert rehearsal.open.bills[0].bill(at=STARTS_AT) == Bill(
        no="B1", period="2026-02", amount_fen=8640, due_on=date(2026, 3, 10), at=STARTS_AT
    )
    first, second = rehearsal.steps
    assert (first.number, first.verb, first.by, first.line) == (1, "decide", "wang", 12)
    assert first.at == datetime(2026, 3, 12, 10, tzinfo=CHINA)
    assert isinstance(first.body, Decide)
    assert first.body.task == "arrears.serve-dunning-notice"
    assert first.body.form == {"method": "posted", "place": "door", "photo": "p1.jpg"}
    assert isinstance(second.body, Pay)
    assert second.at is not None
    assert second.body.payment(at=second.at) == Payment(
        reference="T-1", amount_fen=8640, paid_at=second.at, at=second.at
    )
    assert rehearsal.expect == (
        TaskExpected(
            task="arrears.serve-dunning-notice",
            opened_at=STARTS_AT,
            due_at=datetime(2026, 3, 15, tzinfo=CHINA),
            line=20,
        ),
        NeverExpected(never="arrears.limit-pressure", line=21),
        StageExpected(stage="settled", at=datetime(2026, 4, 20, 8, tzinfo=CHINA), line=22),
    )


def test_fields_that_the_store_knows_are_passed_on_and_others_passed_over(write: Write) -> None:
    text = HEAD.replace("class: resident", "class: resident, name: 示例某, grid: 东1-01, colour: red")
    rehearsal = read(write(text.replace("amount: 86.40", "amount: 86.40, late_fee: 1.2, meter: 7")))
    assert isinstance(rehearsal.open, ArrearsOpening)
    assert (rehearsal.open.account.name, rehearsal.open.account.grid) == ("示例某", "东1-01")
    assert rehearsal.open.bills[0].bill(at=STARTS_AT).late_fee_fen == 120


@pytest.mark.parametrize(
    ("typed", "fen"), [('"86.40"', 8640), ("86.40", 8640), ("86.4", 8640), ("86", 8600), ("1234567.89", 123456789)]
)
def test_money_without_quotes_is_taken_as_it_was_typed(steps_of: Steps, typed: str, fen: int) -> None:
    (step,) = steps_of(f"  - {{pay: {{reference: 0012, amount: {typed}}}}}")
    assert isinstance(step.body, Pay)
    assert (step.body.reference, step.body.amount) == ("0012", fen)


@pytest.mark.parametrize(
    "typed",
    [
        "2026-03-12T10:00:00+08:00",
        "'2026-03-12T10:00:00+08:00'",
        "2026-03-12 10:00:00 +08:00",
        "2026-03-12t10:00+0800",
        "2026-03-12T02:00:00Z",
        "2026-03-12T02:00:00.000+00",
    ],
)
def test_an_instant_may_be_written_in_any_way_that_names_its_offset(steps_of: Steps, typed: str) -> None:
    (step,) = steps_of(f"  - {{at: {typed}, crash: worker}}")
    assert step.at == datetime(2026, 3, 12, 10, tzinfo=CHINA)
    assert isinstance(step.body, Crash)


def test_every_verb_of_the_contract_is_read(steps_of: Steps) -> None:
    told = """\
  - {decide: arrears.limit-pressure, item: 3, form: {outcome: done, pressure_before: 0.28}}
  - {after: PT1H, pay: {reference: T-1, amount: 10, bills: [B1]}}
  - {after: PT1H, reverse: {reference: T-1}}
  - {after: PT1H, bill: {no: B2, period: 2026-03, amount: "5.00", due_on: "2026-04-10"}}
  - {after: PT1H, contact: {method: visit, note: gone}}
  - {after: PT1H, dispute: [B1, 2]}
  - {after: PT1H, resolve: [B1]}
  - {after: PT1H, plan: {parts: [{amount: 1, due_on: 2026-05-01}]}}
  - {after: PT1H, promise: {amount: 86.40, by: 2026-05-01}}
  - {after: PT1H, promise: {amount: 86.40, by: 2026-05-01T12:00:00+08:00}}
  - {after: PT1H, hold: {reason: court, until: 2026-05-01}}
  - {after: PT1H, release: {}}
  - {after: PT1H, release: }
  - {after: PT1H, pause: {task: arrears.restore, party: customer, reason: away}}
  - {after: PT1H, resume: {task: arrears.restore}}
  - {after: PT1H, resume: {}}
  - {after: PT1H, reassign: {task: arrears.restore, to: zhao}}
  - {after: PT1H, urge: {task: arrears.restore}, by: supervisor-2}
  - {after: PT1H, withdraw: {reason: mistake}}
  - {after: PT1H, publish: {2027: {days_off: [2027-01-01], make_up: [2027-01-02]}}}
  - {after: PT1H, crash: worker}
  - {after: PT1H, drive: {until: limited, each: P1DT2H, except: [arrears.approve-limit]}, optional: true}
  - {stale: true}
  - {after: PT1H, cosign: {task: arrears.approve-limit, of: zhao, role: supervisor, reason: unusual}}
  - {after: PT1H, drop-cosign: {task: arrears.approve-limit}}
  - {after: PT1H, correct: {bill: B2, reason: x, instead: {no: B3, period: 2026-03, amount: 4, due_on: 2026-04-09}}}
  - {after: PT1H, account: {what: tenant, on: 2026-04-01, bills: [B1], class: organisation}}
  - {after: PT1H, progress: {task: arrears.restore, note: on the way}}
  - {after: PT1H, escalate: {task: arrears.restore, reason: no way in}}
  - {after: PT1H, waive: {reason: late delivery}}
  - {after: PT1H, violation: {found: self-opened, evidence: p.jpg}}
  - {after: PT1H, print: {anew: 新账单并入}}
"""
    steps = steps_of(told)
    of_projects = {verb for verb, process in OF_ONE_PROCESS.items() if process == "connection"}
    assert {step.verb for step in steps} == {*VERBS, "stale"} - of_projects
    assert [step.number for step in steps] == list(range(1, 33))
    by_verb = {step.verb: step.body for step in steps}
    decide = by_verb["decide"]
    assert isinstance(decide, Decide)
    assert (decide.subject, decide.form) == ("3", {"outcome": "done", "pressure_before": "0.28"})
    assert isinstance(by_verb["reverse"], Reverse)
    assert by_verb["reverse"].reversal(at=STARTS_AT) == Reversal(reference="T-1", at=STARTS_AT)
    assert isinstance(by_verb["bill"], AnotherBill)
    assert by_verb["bill"].bill(at=STARTS_AT).overdue_from == datetime(2026, 4, 11, tzinfo=CHINA)
    publish = by_verb["publish"]
    assert isinstance(publish, Publish)
    assert publish.years[0].days.days_off == (date(2027, 1, 1),)
    assert publish.years[0].days.make_up == (date(2027, 1, 2),)
    drive = by_verb["drive"]
    assert isinstance(drive, Drive)
    assert (drive.until, drive.each, drive.left_alone) == (
        "limited",
        timedelta(days=1, hours=2),
        ("arrears.approve-limit",),
    )
    assert (steps[17].by, steps[21].optional) == ("supervisor-2", True)
    assert isinstance(steps[22].body, Stale)
    assert steps[22].stale


def test_an_instruction_becomes_the_command_that_the_case_takes(steps_of: Steps) -> None:
    steps = steps_of("""\
  - {contact: {method: phone, reached: false}}
  - {after: PT1H, dispute: [B1, 2]}
  - {after: PT1H, resolve: [B1]}
  - {after: PT1H, plan: {parts: [{amount: 1.5, due_on: 2026-05-01}]}}
  - {after: PT1H, promise: {amount: 86.40, by: 2026-05-01}}
  - {after: PT1H, hold: {reason: court, until: 2026-05-01T12:00:00+08:00}}
  - {after: PT1H, release: {}}
  - {after: PT1H, pause: {task: arrears.restore, party: customer, reason: away}}
  - {after: PT1H, resume: {}}
  - {after: PT1H, reassign: {task: arrears.restore, to: zhao}}
  - {after: PT1H, urge: {task: arrears.restore}}
  - {after: PT1H, withdraw: {reason: mistake}}
""")
    bodies = [step.body for step in steps if isinstance(step.body, Instruction)]
    said = {"by": WANG, "at": STARTS_AT}
    assert [body.told(by=WANG, at=STARTS_AT) for body in bodies] == [
        RecordContact(**said, method="phone", reached=False),
        DisputeBills(**said, bills=("B1", "2")),
        ResolveDispute(**said, bills=("B1",)),
        AgreePlan(**said, parts=({"amount": "1.50", "due_on": date(2026, 5, 1)},)),
        TakePromise(**said, amount="86.40", until=date(2026, 5, 1)),
        PlaceHold(**said, reason="court", until=datetime(2026, 5, 1, 12, tzinfo=CHINA)),
        ReleaseHold(**said),
        PauseTask(**said, task="arrears.restore", party="customer", reason="away"),
        ResumeTask(**said),
        ReassignTask(**said, task="arrears.restore", to="zhao"),
        UrgeTask(**said, task="arrears.restore"),
        WithdrawCase(**said, reason="mistake"),
    ]
    plan = bodies[3].told(by=WANG, at=STARTS_AT)
    assert isinstance(plan, AgreePlan)
    assert plan.parts[0].amount == 150


def test_after_counts_from_the_step_before_and_the_first_step_may_leave_its_time_out(steps_of: Steps) -> None:
    steps = steps_of("  - {crash: worker}\n  - {after: P1D, crash: worker}\n  - {after: PT30M, crash: worker}\n")
    assert [step.at for step in steps] == [
        STARTS_AT,
        STARTS_AT + timedelta(days=1),
        STARTS_AT + timedelta(days=1, minutes=30),
    ]
    assert all(step.after is None for step in steps)


def test_behind_a_drive_nobody_knows_the_instant_until_one_is_given_again(steps_of: Steps) -> None:
    steps = steps_of("""\
  - {at: 2026-03-12T10:00:00+08:00, drive: {until: end}}
  - {crash: worker}
  - {after: P1D, crash: worker}
  - {at: 2026-05-01T10:00:00+08:00, crash: worker}
  - {after: PT1H, crash: worker}
""")
    assert [(step.at, step.after) for step in steps[1:]] == [
        (None, None),
        (None, timedelta(days=1)),
        (datetime(2026, 5, 1, 10, tzinfo=CHINA), None),
        (datetime(2026, 5, 1, 11, tzinfo=CHINA), None),
    ]
    assert isinstance(steps[0].body, Drive)
    assert steps[0].body.each == timedelta(hours=1)


def test_a_form_keeps_what_was_given_as_nothing_and_numbers_as_their_text(steps_of: Steps) -> None:
    form = 'form: {photo: , receipt: "", failed: {3: 深度不足}, signed: true, parts: [1, 0.50], at: 2026-03-12}'
    (step,) = steps_of(f"  - {{decide: arrears.restore, {form}}}")
    assert isinstance(step.body, Decide)
    assert step.body.form == {
        "photo": None,
        "receipt": "",
        "failed": {"3": "深度不足"},
        "signed": True,
        "parts": ["1", "0.50"],
        "at": "2026-03-12",
    }


def test_a_file_may_be_as_short_as_its_opening(write: Write) -> None:
    rehearsal = read(write(HEAD.replace("until: 2026-06-30T00:00:00+08:00\n", "steps:\nexpect: \npeople:\n")))
    assert (rehearsal.steps, rehearsal.expect, rehearsal.people) == ((), (), {})
    assert rehearsal.until == STARTS_AT + timedelta(days=730)


def test_a_year_without_its_publication_is_known_from_the_start_and_years_come_in_order(write: Write) -> None:
    calendar = "calendar: {2028: {at: 2027-11-05T09:00:00+08:00}, 2027: {days_off: [2026-12-31, 2027-01-01]}}\n"
    years = read(write(HEAD + calendar)).calendar
    assert [(year.year, year.at is None) for year in years] == [(2027, True), (2028, False)]


def test_expectations_may_stand_beside_their_kind_or_within_it(write: Write) -> None:
    text = """\
steps: [{crash: worker}, {after: P1D, crash: worker}]
expect:
  - {notice: reminder, channel: sms}
  - {notice: {template: reminder, channel: sms}}
  - {clock: arrears.restore, utility: PT2H, customer: P1D, within: PT1M}
  - {clock: {task: arrears.restore, utility: PT2H, customer: P1D}, within: PT1M}
  - {escalated: arrears.restore, level: office, at: 2026-04-20T08:00:00+08:00}
  - {escalated: {task: arrears.restore, level: office, at: 2026-04-20T08:00:00+08:00}}
  - {refused: 2, code: interlock}
  - {refused: {step: 2, code: interlock}}
  - {refused: 2}
"""
    expect = [each.model_copy(update={"line": 0}) for each in read(write(HEAD + text)).expect]
    escalated = EscalatedExpected(
        escalated="arrears.restore", level="office", at=datetime(2026, 4, 20, 8, tzinfo=CHINA)
    )
    clock = ClockExpected(
        clock="arrears.restore",
        utility=timedelta(hours=2),
        customer=timedelta(days=1),
        within=timedelta(minutes=1),
    )
    assert expect == [
        *[NoticeExpected(notice="reminder", channel="sms")] * 2,
        *[clock] * 2,
        *[escalated] * 2,
        *[RefusedExpected(refused=2, code="interlock")] * 2,
        RefusedExpected(refused=2),
    ]


# People.


def people(write: Write, declared: str) -> Rehearsal:
    return read(write(f"{HEAD}people: {declared}\n"))


def test_each_role_has_a_default_person_and_a_second(write: Write) -> None:
    rehearsal = people(write, "{wang: {role: collector}}")
    assert rehearsal.person("wang") == WANG
    assert rehearsal.person("follow-up-2") == Actor(id="follow-up-2", roles=("follow-up",))
    assert rehearsal.person("supervisor").holds("supervisor", level="centre")
    with pytest.raises(KeyError):
        rehearsal.person("zhao")


def test_the_second_steps_in_where_the_first_is_to_be_avoided(write: Write) -> None:
    rehearsal = people(write, "{li: {role: [supervisor, collector], level: section}}")
    assert rehearsal.default_person("supervisor").id == "supervisor"
    assert rehearsal.default_person("supervisor", avoiding={"supervisor"}).id == "supervisor-2"
    assert rehearsal.default_person("supervisor", avoiding={"supervisor", "supervisor-2"}) == Actor(
        id="li", roles=("supervisor", "collector"), level="section"
    )
    everybody = {"supervisor", "supervisor-2", "li"}
    assert rehearsal.default_person("supervisor", avoiding=everybody).id == "supervisor-2"


def test_a_person_declared_under_a_roles_name_takes_the_defaults_place(write: Write) -> None:
    rehearsal = people(write, "{supervisor: {role: supervisor, level: section}}")
    assert rehearsal.default_person("supervisor").level == "section"


# Where a bad file is wrong.


@pytest.mark.parametrize(
    ("was", "becomes", "fault"),
    [
        ("pack: jinan ", "pack: jinann ", "1:7: pack: jinann: no such pack"),
        ("pack: jinan ", "", "2:1: pack: is missing"),
        ("process: arrears ", "process: arears ", "2:10: process: 'arears' is unknown: write 'arrears', 'connection'"),
        ("process: arrears ", "process: order ", "2:10: process: process order is not built yet"),
        ("09:00:00+08:00\ncal", "09:00:00\ncal", "3:12: starts_at: 2026-03-11T09:00:00 has no offset: write it as"),
        ("09:00:00+08:00\ncal", "25:00:00+08:00\ncal", "3:12: starts_at: 2026-03-11T25:00:00+08:00 is not an instant"),
        ("2026-03-11T09:00:00+08:00\ncal", "2026-03-11\ncal", "3:12: starts_at: 2026-03-11 is a day, not an instant"),
        ("2026-03-11T09:00:00+08:00\ncal", "20260311\ncal", "3:12: starts_at: '20260311' is not an instant: write it"),
        ("{2027:", "{next:", "4:12: calendar.next.year: next is not a whole number"),
        ("days_off: []", "days_off: [2027-02-29]", "4:61: calendar.2027.days_off[0]: 2027-02-29 is not a day: day is"),
        ("days_off: []", "days_off: [2028-05-01]", "4:18: calendar.2027: 2028-05-01 stands under 2027"),
        ("make_up: []", "make_up: [2027-01-04]", "4:18: calendar.2027: 2027-01-04: a make-up day is a Saturday"),
        ("{at: 2026-11-05T09:00:00+08:00, ", "{on: 2026-11-05, ", "4:19: calendar.2027.on: is no key here"),
        ("people: ", "peeple: ", "5:1: peeple: is no key here: did you mean people?"),
        ("role: collector", "role: colector", "6:16: people.wang.role: 'colector' is unknown"),
        ("{role: collector}", "{rolle: collector}", "6:10: people.wang.rolle: is no key here: did you mean role?"),
        ("level: section", "level: secton", "7:46: people.li.level: 'secton' is unknown: write 'grid'"),
        ("no: \"0410023\"", "nr: 1", "9:12: open.account.no: is missing"),
        ("class: resident", "class: residents", "9:35: open.account.class: 'residents' is unknown"),
        ("estate: open", "protected: [clinic]", "9:57: open.account.protected[0]: 'clinic' is unknown"),
        ("bills: [{", "bill: [{", "9:3: open.bills: is missing"),
        ('amount: "86.40", due_on', "amount: 86.405, due_on", "10:47: open.bills[0].amount: more than two decimals"),
        ('amount: "86.40", due_on', "amount: 8.64e1, due_on", '10:47: open.bills[0].amount: not an amount in yuan'),
        ('amount: "86.40", due_on', "amount: 0, due_on", "10:47: open.bills[0].amount: the amount must be more than"),
        ("due_on: 2026-03-10", "due_on: soon", "10:64: open.bills[0].due_on: 'soon' is not a day: write it as 2026"),
        ("decide: arrears", "deicde: arrears", "13:5: step 1.deicde: is no key here: did you mean decide?"),
        ("serve-dunning-notice\n", "serve-duning-notice\n", "13:13: step 1.decide: 'arrears.serve-duning-notice' is"),
        ("by: wang", "by: wong", "14:9: step 1.by: 'wong' is no person known here: did you mean wang?"),
        ("by: wang", "by: 张某", "14:9: step 1.by: '张某' is no person known here: declare it under people"),
        ("form: {method", "from: {method", "15:5: step 1.from: is no key here: did you mean form?"),
        ("form: {method: posted, place: door, photo: p1.jpg}", "form: [door]", "15:11: step 1.form: write keys and"),
        ("2026-04-20T08:00:00+08:00\n    pay", "2026-03-12T09:59:59+08:00\n    pay", "16:9: step 2.at: 2026-03-12T09"),
        ("- at: 2026-04-20T08:00:00+08:00\n    pay", "- pay", "16:5: step 2: needs its time: add at: <instant> or"),
        ("pay: {", "after: P1D\n    pay: {", "17:5: step 2.after: at is given too: keep one of them"),
        ("- at: 2026-04-20T08:00:00+08:00\n", "- after: P1M\n", "16:12: step 2.after: 'P1M' is not a length of time"),
        ("- at: 2026-04-20T08:00:00+08:00\n", "- after: 3600\n", "16:12: step 2.after: '3600' is not a length of time"),
        ('reference: "T-1", ', "", "17:10: step 2.pay.reference: is missing"),
        ('{reference: "T-1", amount: "86.40"}', "86.40", "17:10: step 2.pay: write keys and values here"),
        ('amount: "86.40"}\nuntil', 'amount: "-1.00"}\nuntil', "17:37: step 2.pay.amount: the amount must be more"),
        ("until: 2026-06-30", "until: 2026-03-10", "18:8: until: is before starts_at"),
        ("opened_at: ", "open_at: ", "20:42: expect 1.open_at: is no key here: did you mean opened_at?"),
        ("due_at: 2026-03-15T00:00:00+08:00", "due_at: 2026-03-15T00:00:00", "20:88: expect 1.due_at: 2026-03-15T00"),
        ("never: arrears.limit-pressure", "never: arrears.limit-presure", "21:13: expect 2.never: 'arrears.limit-pre"),
        ("stage: settled", "stage: setled", "22:13: expect 3.stage: 'setled' is no stage of this process: did you"),
        ("stage: settled", "outcome: settled, stage: settled", "22:5: expect 3: expects one thing: make stage and out"),
        ("{stage: settled, at", "{at", "22:5: expect 3: expects nothing: add one of task, never"),
    ],
)  # fmt: skip
def test_a_fault_is_told_at_its_line_and_column(faults_of: Faults, was: str, becomes: str, fault: str) -> None:
    assert SAMPLE.count(was) == 1
    told = faults_of(SAMPLE.replace(was, becomes))
    assert [each for each in told if each.startswith(fault)], told
    assert len(told) <= 2  # a key misspelt is a key missing too


@pytest.mark.parametrize(
    ("step", "fault"),
    [
        ("{crash: worker, pay: {reference: T, amount: 1}}", "9:21: step 1.pay: a step does one thing: make crash and"),
        ("{crash: server}", "9:13: step 1.crash.killed: 'server' is unknown: write 'worker'"),
        ("{by: wang, crash: worker}", "9:10: step 1.by: 'wang' is no person known here"),
        ("{by: collector}", "9:5: step 1: does nothing: add one of decide, pay"),
        ("", "step 1: does nothing"),
        ("restore", "9:5: step 1: write keys and values here"),
        ("{crash: worker, optional: perhaps}", "9:31: step 1.optional: perhaps is neither true nor false"),
        ("{pay: {reference: T, amount: 1, bils: [B1]}}", "9:37: step 1.pay.bils: is no key here: did you mean bills?"),
        ("{pay: {reference: T, amount: 1}, form: {}}", "9:38: step 1.form: is no key here"),
        ("{contact: {method: letter}}", "9:24: step 1.contact.method: 'letter' is unknown: write 'phone', 'visit'"),
        ("{dispute: B1}", "9:15: step 1.dispute.bills: write a list here"),
        ("{dispute: []}", "9:15: step 1.dispute.bills: is empty"),
        ("{plan: {parts: [{amount: 1}]}}", "9:21: step 1.plan.parts[0].due_on: is missing"),
        ("{plan: {parts: [{amount: 0, due_on: 2026-05-01}]}}", "9:30: step 1.plan.parts[0].amount: the amount must be"),
        ("{promise: {amount: 1, by: 2026-05-01T00:00:00}}", "9:31: step 1.promise.by: 2026-05-01T00:00:00 has no off"),
        ("{promise: {amount: 1, by: 20260501}}", "9:31: step 1.promise.by: '20260501' is not a day"),
        ("{hold: {reason: a, b, until: 2026-05-01}}", "9:24: step 1.hold.b: is no key here"),
        ("{hold: {reason: true}}", '9:21: step 1.hold.reason: not text as it stands: put it in quotes: "true"'),
        (f"{{hold: {{reason: {'x' * 501}}}}}", "9:21: step 1.hold.reason: string should have at most 500"),
        ("{pause: {task: arrears.restor, party: customer, reason: x}}", "9:20: step 1.pause.task: 'arrears.restor' is"),
        ("{pause: {task: arrears.restore, party: me, reason: x}}", "9:44: step 1.pause.party: 'me' is unknown"),
        ("{publish: }", "9:14: step 1.publish: is empty: write {2027"),
        ("{publish: {2027: {at: 2026-11-05T09:00:00+08:00}}}", "9:23: step 1.publish.2027.at: is no key here"),
        ("{publish: {2027: [2027-01-01]}}", "9:22: step 1.publish.2027: write keys and values here"),
        ("{drive: {until: limitd}}", "9:21: step 1.drive.until: 'limitd' is no task or stage of this process, nor end"),
        ("{drive: {until: end, each: 1h}}", "9:32: step 1.drive.each: '1h' is not a length of time"),
        ("{drive: {until: end, except: arrears.restore}}", "9:34: step 1.drive.except: write a list here"),
        ("{occupancy: {share: 0.7}}", "9:6: step 1.occupancy: a case of arrears knows no occupancy: that is for conn"),
        ("{at: 2026-03-11T08:59:59+08:00, crash: worker}", "9:10: step 1.at: 2026-03-11T08:59:59+08:00 is before star"),
        ("{at: 9999-12-31T23:59:59+08:00, crash: worker}", "9:10: step 1.at: the year 9999 is out of reach"),
        ("{at: 2026-03-12T10:00:00+99:00, crash: worker}", "9:10: step 1.at: 2026-03-12T10:00:00+99:00 is not an ins"),
        ("{after: P36526D, crash: worker}", "9:13: step 1.after: P36526D is longer than a hundred years"),
        ('{decide: arrears.restore, form: {"a\\ud800": x}}', "9:49: step 1.form"),
    ],
)  # fmt: skip
def test_a_faulty_step_is_told_at_its_line_and_column(faults_of: Faults, step: str, fault: str) -> None:
    told = faults_of(f"{HEAD}steps:\n  - {step}\n")
    assert len(told) == 1, told
    assert fault in told[0]


@pytest.mark.parametrize(
    ("expectation", "fault"),
    [
        ("{refused: 2, code: four-eyes}", "11:15: expect 1.refused: there is no step 2: steps count from 1, the last"),
        ("{refused: 0}", "11:15: expect 1.refused: input should be greater than or equal to 1"),
        ("{refused: 1, code: foureyes}", "11:24: expect 1.code: 'foureyes' is unknown: write 'not-open', 'wrong-role'"),
        ("{task: arrears.restore, count: many}", "11:36: expect 1.count: many is not a whole number"),
        ("{task: arrears.restore, by: zhao}", "11:33: expect 1.by: 'zhao' is no person known here"),
        ("{task: arrears.restore, role: king}", "11:35: expect 1.role: 'king' is unknown"),
        ("{task: arrears.restore, line: 3}", "11:29: expect 1.line: is no key here"),
        ("{clock: arrears.restore, utility: 5WD}", "11:39: expect 1.utility: '5WD' is not a length of time"),
        ("{escalated: arrears.restore, level: top}", "11:41: expect 1.level: 'top' is unknown"),
        ("{notice: {channel: sms}}", "11:5: expect 1.notice: is missing"),
        ("{never: arrears.restore, within: 1}", "11:38: expect 1.within: '1' is not a length of time"),
        ("{happens: arrears.restore}", "11:6: expect 1.happens: is no key here: write one of task"),
        ("settled", "11:5: expect 1: write keys and values here"),
        ("", "expect 1: expects nothing"),
    ],
)
def test_a_faulty_expectation_is_told_at_its_line_and_column(faults_of: Faults, expectation: str, fault: str) -> None:
    told = faults_of(f"{HEAD}steps:\n  - {{crash: worker}}\nexpect:\n  - {expectation}\n")
    assert len(told) == 1, told
    assert fault in told[0]


def test_all_faults_are_told_at_once_in_order_of_place(faults_of: Faults) -> None:
    text = SAMPLE.replace("pack: jinan ", "pack: jinann ").replace("by: wang", "by: wong")
    text = text.replace("class: resident", "class: residents").replace("stage: settled", "stage: setled")
    told = [re.fullmatch(r"([0-9]+):[0-9]+: ([^:]+): .*", fault) for fault in faults_of(text)]
    assert [found.groups() for found in told if found] == [
        ("1", "pack"),
        ("9", "open.account.class"),
        ("14", "step 1.by"),
        ("22", "expect 3.stage"),
    ]


def test_a_drive_does_not_excuse_the_steps_behind_it_from_order_or_time(faults_of: Faults) -> None:
    told = faults_of(f"""\
{HEAD}steps:
  - {{at: 2026-03-12T10:00:00+08:00, drive: {{until: end}}}}
  - {{urge: {{task: arrears.restore}}}}
  - {{urge: {{task: arrears.restore}}}}
  - {{at: 2026-03-12T09:00:00+08:00, crash: worker}}
""")
    assert [fault.split(": ")[1:3] for fault in told] == [
        ["step 3", "needs its time"],
        ["step 4.at", "2026-03-12T09:00:00+08:00 is before step 3 (2026-03-12T10:00:00+08:00)"],
    ]


def test_a_drive_and_a_crash_without_a_time_begin_where_the_step_before_ends(write: Write) -> None:
    rehearsal = read(
        write(f"""\
{HEAD}steps:
  - {{at: 2026-03-12T10:00:00+08:00, contact: {{method: phone}}}}
  - {{crash: worker}}
  - {{drive: {{until: grace}}}}
  - {{drive: {{until: end}}}}
""")
    )
    at = datetime(2026, 3, 12, 10, tzinfo=CHINA)
    assert [(step.at, step.after) for step in rehearsal.steps] == [(at, None)] * 3 + [(None, None)]


def test_a_case_opens_at_its_start_though_no_bill_would_be_overdue_yet(write: Write) -> None:
    opening = read(write(HEAD.replace("due_on: 2026-03-10", "due_on: 2026-03-31"))).open
    assert isinstance(opening, ArrearsOpening)
    assert [bill.due_on for bill in opening.owed(at=STARTS_AT)] == [date(2026, 3, 10)]


def test_a_body_that_is_no_good_is_a_fault_unless_the_file_expects_just_that_refusal(
    write: Write, faults_of: Faults
) -> None:
    steps = "steps:\n  - {after: P1D, pay: {reference: T, amount: 0}}\n  - {after: P1D, decide: arrears.cut-water}\n"
    expected = "expect:\n  - {refused: 1, code: form-invalid}\n  - {refused: 2, code: unknown}\n"
    bodies = [step.body for step in read(write(HEAD + steps + expected)).steps]
    assert [body.code for body in bodies if isinstance(body, Unfit)] == ["form-invalid", "unknown"]
    for otherwise in ("", expected.replace("form-invalid", "gate").replace("unknown", "gate")):
        assert [fault.split(": ")[1] for fault in faults_of(HEAD + steps + otherwise)] == [
            "step 1.pay.amount",
            "step 2.decide",
        ]


def test_an_alias_stands_for_what_its_anchor_marks(write: Write) -> None:
    rehearsal = read(
        write(f"""\
{HEAD}steps:
  - &told {{at: &then 2026-03-12T10:00:00+08:00, contact: {{method: phone}}}}
  - *told
  - {{<<: *told, by: collector-2}}
expect:
  - {{stage: reminded, at: *then}}
""")
    )
    first, second, third = rehearsal.steps
    assert rehearsal.expect[0] == StageExpected(stage="reminded", at=first.at, line=rehearsal.expect[0].line)
    assert (second.body, second.at) == (first.body, first.at)
    assert (third.body, third.by) == (first.body, "collector-2")


def test_an_alias_that_stands_for_nothing_or_for_too_much_is_a_fault(faults_of: Faults) -> None:
    assert faults_of(f"{HEAD}steps: *none\n")[0].split(": ")[1:] == [
        "steps",
        "*none stands for nothing",
        "mark what it means with &none before it",
    ]
    laughs = "a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1]\n"
    laughs += "".join(f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n" for a, b in pairwise("abcdefgh"))
    assert faults_of(laughs)[-1].endswith("aliases repeat more than 10000 values: write fewer")


def test_a_project_is_asked_for_its_own_fields_verbs_and_stages(faults_of: Faults) -> None:
    told = faults_of("""\
pack: jinan
process: connection
starts_at: 2026-03-11T09:00:00+08:00
open: {project: {name: 示例小区, kind: village, meters: 0, colour: red}, papers: all}
steps:
  - {pay: {reference: T-1, amount: 1}}
  - {after: P1D, occupancy: {share: 70}}
  - {after: P1D, decide: arrears.restore}
  - {after: P1D, drive: {until: limited}}
""")
    expected = [
        "4:36: open.project.kind: 'village' is unknown: write 'single', 'estate', 'linear' or 'temporary'",
        "4:53: open.project.meters: input should be greater than or equal to 1",
        "4:78: open.papers: write a list here",
        "6:6: step 1.pay: a case of connection knows no pay: that is for arrears",
        "7:37: step 2.occupancy.share: input should be less than or equal to 1",
        "8:26: step 3.decide: 'arrears.restore' is no task of this process",
        "9:33: step 4.drive.until: 'limited' is no task or stage of this process, nor end",
    ]
    told = [
        fault for fault in told if ": pack: " not in fault
    ]  # whether this pack speaks of projects is its own affair
    assert [fault[: len(start)] for fault, start in zip(told, expected, strict=True)] == expected


def test_a_bill_opened_twice_is_a_fault(faults_of: Faults) -> None:
    bill = "{no: B1, period: 2026-02, amount: 86.40, due_on: 2026-03-10}"
    assert faults_of(HEAD.replace(f"[{bill}]", f"[{bill}, {bill}]")) == [
        "6:10: open.bills: bill B1 stands more than once: give each bill its own number"
    ]


@pytest.mark.parametrize("text", ["", "~", "{}", "[]", "jinan", "# nothing\n", "---\n---\n", "pack: [", "\t- a", "? x"])
def test_a_file_that_is_no_rehearsal_says_so_and_nothing_else_happens(faults_of: Faults, text: str) -> None:
    assert faults_of(text)


def test_a_file_that_cannot_be_opened_is_a_wrong_file(tmp_path: Path) -> None:
    with pytest.raises(WrongFile, match=r"gone\.yaml:1:1: file: cannot be read"):
        read(tmp_path / "gone.yaml")


# Garbage.

fuzz = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
WORDS = sorted({*re.findall(r"[a-z_]+(?=:)", SAMPLE), *VERBS, "arrears.restore", "end", "P1D", "2027", "2026-03-10"})
scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.sampled_from(WORDS), st.text(max_size=6))
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=4),
    max_leaves=12,
)


def flow(value: object) -> str:
    match value:
        case dict():
            return "{" + ", ".join(f"{key}: {flow(inner)}" for key, inner in value.items()) + "}"
        case list():
            return "[" + ", ".join(flow(inner) for inner in value) + "]"
        case str() if value not in WORDS:
            return "'" + value.replace("'", "''") + "'"
        case _:
            return str(value)


def survives(path: Path, raw: bytes) -> None:
    """Read, or refused with faults that can be printed, each with its place; any other end is a crash."""
    path.write_bytes(raw)
    faults: tuple[str, ...] = ()
    try:
        rehearsal = read(path)
    except WrongFile as wrong:
        faults = wrong.faults or ("none told",)
    else:
        assert rehearsal.process == "arrears"
    assert all(re.match(rf"^{re.escape(str(path))}:[0-9]+:[0-9]+: .+: ", fault) for fault in faults)
    assert "\n".join(faults).encode() is not None


@fuzz
@given(st.binary(max_size=80))
def test_any_bytes_are_read_or_refused_in_words(tmp_path: Path, raw: bytes) -> None:
    survives(tmp_path / "f.yaml", raw)


@fuzz
@given(st.integers(0, len(SAMPLE)), st.integers(0, 12), st.text("{}[]:,-'\"\n #&*!|>%@`0129TZ+\\u\x00é", max_size=6))
def test_the_sample_with_a_hole_or_a_patch_is_read_or_refused_in_words(
    tmp_path: Path, at: int, gone: int, patch: str
) -> None:
    survives(tmp_path / "f.yaml", (SAMPLE[:at] + patch + SAMPLE[at + gone :]).encode())


@fuzz
@given(st.sampled_from(["people", "calendar", "open", "steps", "expect", "until", "starts_at", "pack"]), values)
def test_any_value_for_any_part_is_read_or_refused_in_words(tmp_path: Path, part: str, value: object) -> None:
    head = re.sub(rf"(?m)^{part}:.*\n(?: .*\n)*", "", HEAD)
    survives(tmp_path / "f.yaml", f"{head}{part}: {flow(value)}\n".encode())


@fuzz
@given(st.sampled_from(sorted(VERBS)), values)
def test_any_body_for_any_verb_is_read_or_refused_in_words(tmp_path: Path, verb: str, value: object) -> None:
    survives(tmp_path / "f.yaml", f"{HEAD}steps: [{{{verb}: {flow(value)}}}]\n".encode())


def test_a_file_says_which_sentences_it_proves(write: Write) -> None:
    claimed = "clauses: [jinan.dunning.notice-within-3-days, jinan.dunning.resident-wait-30-days]\n"
    assert read(write(SAMPLE)).clauses == ()
    assert read(write(SAMPLE + claimed)).clauses == (
        "jinan.dunning.notice-within-3-days",
        "jinan.dunning.resident-wait-30-days",
    )


@pytest.mark.parametrize(
    ("claimed", "said"),
    [
        ("clauses: [jinan.dunning.notice-within-3-day]", "did you mean jinan.dunning.notice-within-3-days?"),
        ("clauses: [x]", "'x' is no clause of the register: guanjia clauses lists them"),
        ("clauses: [kaifeng.escalation.four-levels]", "is not a sentence of jinan, whose pack this runs"),
        ("clauses: jinan.dunning.notice-within-3-days", "write a list here"),
    ],
)
def test_a_claim_of_no_sentence_or_of_another_utility_is_a_fault(
    faults_of: Callable[[str], list[str]], claimed: str, said: str
) -> None:
    (fault,) = faults_of(f"{SAMPLE}{claimed}\n")
    assert fault.split(": ")[1].startswith("clauses")
    assert said in fault
