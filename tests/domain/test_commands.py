from datetime import date

import pytest
from pydantic import ValidationError

from domain.arrears.commands import (
    AgreePlan,
    DisputeBills,
    PlaceHold,
    RecordContact,
    ReleaseHold,
    ResolveDispute,
    TakePromise,
    WithdrawCase,
    decide,
)
from domain.arrears.events import BillDisputed, ContactRecorded, HoldPlaced
from domain.commands import Command, DecideTask, PauseTask, ReassignTask, ResumeTask, UrgeTask
from domain.people import Actor
from domain.refusals import Refused
from tests.domain.arrears.openings import DUNNING, LI, LIMIT, PEOPLE, RESTORE, SECOND, WANG, ZHAO, at, bill, plain
from tests.domain.arrears.play import Play, opened

AUDITOR = Actor(id="sun", roles=("auditor",))
CLERK = Actor(id="zhou", roles=("clerk",))


def refused(play: Play, kind: type[Command], **said: object) -> str:
    """The code with which a command is refused; a refused one has changed nothing."""
    before, heard = play.facts, len(play.said)
    with pytest.raises(Refused) as no:
        play.instruct(kind, **said)
    assert (play.facts, len(play.said)) == (before, heard)
    return no.value.code


def decision_refused(play: Play, key: str, **said: object) -> str:
    before = play.facts
    with pytest.raises(Refused) as no:
        play.decide(key, **said)
    assert play.facts == before
    return no.value.code


# Decisions.


def test_a_decision_needs_an_instant_with_an_offset():
    with pytest.raises(ValidationError, match="timezone"):
        DecideTask(by=WANG, at=at("2026-03-11 10:00").replace(tzinfo=None), key=DUNNING)


def test_a_task_that_is_not_open_cannot_be_decided():
    assert decision_refused(opened(), RESTORE) == "not-open"


def test_a_decision_on_a_closed_case_is_not_open():
    play = opened()
    play.pay("T", "86.40")
    assert decision_refused(play, DUNNING) == "not-open"


def test_a_task_that_the_process_does_not_have_is_unknown():
    play = opened()
    command = DecideTask(by=WANG, at=play.now, key="arrears.cut-off")
    with pytest.raises(Refused, match="no task is called") as no:
        decide(command, play.facts)
    assert no.value.code == "unknown"


def test_a_task_of_another_number_is_not_open():
    play = opened()
    with pytest.raises(Refused) as no:
        decide(DecideTask(by=WANG, at=play.now, key=DUNNING, task_id="QF-20260311-0001-99"), play.facts)
    assert no.value.code == "not-open"


def test_a_task_number_and_a_key_that_disagree_are_refused():
    play = opened()
    with pytest.raises(Refused, match="not arrears") as no:
        decide(
            DecideTask(by=WANG, at=play.now, key="arrears.report-nonpayer", task_id=play.task(DUNNING).id), play.facts
        )
    assert no.value.code == "unknown"


@pytest.mark.parametrize("key", [DUNNING, "arrears.approve-limit", LIMIT])
def test_only_the_role_of_a_task_decides_it(key):
    play = opened().drive(key)
    stranger = next(person for role, person in PEOPLE.items() if role != play.task(key).role)
    assert decision_refused(play, key, by=stranger) == "wrong-role"


def test_an_auditor_decides_nothing_and_instructs_nothing():
    play = opened()
    assert decision_refused(play, DUNNING, by=AUDITOR) == "wrong-role"
    assert refused(play, PlaceHold, by=AUDITOR, reason="court") == "wrong-role"
    assert refused(play, WithdrawCase, by=AUDITOR, reason="court") == "wrong-role"


def test_a_supervisor_of_a_grid_approves_nothing_that_a_section_decides():
    play = opened().drive("arrears.approve-limit")
    grid = Actor(id="hu", roles=("supervisor",), level="grid")
    assert decision_refused(play, "arrears.approve-limit", by=grid) == "wrong-role"


def test_an_unknown_field_is_refused_so_that_nothing_typed_is_lost():
    assert decision_refused(opened(), DUNNING, witness="neighbour") == "form-invalid"


@pytest.mark.parametrize("proof", [{"photo": None, "receipt": None}, {"photo": "", "receipt": ""}])
def test_served_without_proof_is_refused(proof):
    assert decision_refused(opened(), DUNNING, **proof) == "form-invalid"


def test_a_receipt_is_proof_as_a_photo_is():
    play = opened()
    play.decide(DUNNING, method="registered", photo=None, receipt="RA 123 456 789 CN")
    assert DUNNING in play.facts.served


@pytest.mark.parametrize("missing", ["pressure_before", "pressure_after", "photo", "seal"])
def test_a_limit_is_recorded_with_both_pressures_a_photo_and_the_seal(missing):
    assert decision_refused(opened().drive(LIMIT), LIMIT, **{missing: None}) == "form-invalid"


@pytest.mark.parametrize(
    ("key", "form"),
    [
        (LIMIT, {"outcome": "unable", "reason": None}),
        ("arrears.approve-limit", {"outcome": "refuse", "reason": None}),
        ("arrears.approve-limit", {"outcome": "defer"}),
        ("arrears.approve-limit", {"outcome": "perhaps"}),
    ],
)
def test_an_outcome_without_what_it_needs_is_refused(key, form):
    assert decision_refused(opened().drive(key), key, **form) == "form-invalid"


def test_a_notice_cannot_have_been_served_tomorrow():
    assert decision_refused(opened(), DUNNING, served_at="2026-03-11T09:00:01+08:00") == "form-invalid"


def test_a_notice_cannot_have_been_served_before_it_was_called_for():
    assert decision_refused(opened(), DUNNING, served_at="2026-03-11T08:59:59+08:00") == "form-invalid"
    play = opened().drive("arrears.serve-limit-notice")
    # In the grace period there was no limit notice to serve.
    assert decision_refused(play, "arrears.serve-limit-notice", served_at="2026-03-20T10:00:00+08:00") == "form-invalid"


def test_a_notice_served_before_a_hold_may_be_recorded_after_it():
    play = opened()
    play.instruct(PlaceHold, reason="meter check", when="2026-03-12 10:00")
    play.instruct(ReleaseHold, when="2026-03-16 10:00")
    play.decide(DUNNING, served_at="2026-03-11T15:00:00+08:00", when="2026-03-16 11:00")
    assert play.facts.served[DUNNING].at == at("2026-03-11 15:00")


def test_a_limit_whose_order_was_recalled_cannot_be_decided():
    # As it is when a hold and the engineer's word arrive together: the task is not withdrawn yet.
    play = opened().drive(LIMIT)
    held = HoldPlaced(at=play.now, by="li", id="hold-1", kind="hold", reason="court")
    play.say(held)
    assert play.open() == [LIMIT]
    for outcome in ("done", "unable"):
        with pytest.raises(Refused, match="recalled") as no:
            decide(DecideTask(by=ZHAO, at=play.now, key=LIMIT, form=plain(LIMIT, outcome=outcome)), play.facts)
        assert no.value.code == "not-open"


# Pause, resume, reassign, urge.


def test_a_pause_names_the_party_that_has_the_task_now():
    assert refused(opened(), PauseTask, task=DUNNING, party="utility", reason="busy") == "form-invalid"


def test_a_task_is_paused_once():
    play = opened()
    play.instruct(PauseTask, task=DUNNING, party="customer", reason="abroad")
    assert refused(play, PauseTask, task=DUNNING, party="government", reason="road") == "not-open"


def test_only_a_paused_task_is_resumed():
    assert refused(opened(), ResumeTask) == "not-open"
    assert refused(opened(), ResumeTask, task=DUNNING) == "not-open"


def test_a_task_that_is_not_open_is_neither_paused_nor_reassigned_nor_urged():
    play = opened()
    assert refused(play, PauseTask, task=RESTORE, party="customer", reason="abroad") == "not-open"
    assert refused(play, ReassignTask, task=RESTORE, to="qian") == "not-open"
    assert refused(play, UrgeTask, task=RESTORE) == "not-open"


def test_a_supervisor_reassigns_and_a_collector_does_not():
    play = opened()
    assert refused(play, ReassignTask, by=WANG, task=DUNNING, to="qian") == "wrong-role"
    play.instruct(ReassignTask, task=DUNNING, to="qian")
    assert play.task(DUNNING).assignee == "qian"


def test_urging_is_counted_and_moves_no_deadline():
    play = opened()
    due_at = play.task(DUNNING).due_at
    play.instruct(UrgeTask, task=DUNNING)
    play.instruct(UrgeTask, task=play.task(DUNNING).id)
    assert (play.task(DUNNING).urged, play.task(DUNNING).due_at) == (2, due_at)


# What only an arrears case is told.


def test_a_contact_reached_unless_it_says_otherwise():
    play = opened()
    play.instruct(RecordContact, by=WANG, method="visit")
    play.instruct(RecordContact, by=WANG, method="phone", reached=False)
    assert [contact.reached for contact in play.heard(ContactRecorded)] == [True, False]
    assert play.facts.contacts == 1


def test_an_engineer_records_no_contact():
    assert refused(opened(), RecordContact, by=ZHAO, method="phone") == "wrong-role"


@pytest.mark.parametrize("kind", [DisputeBills, ResolveDispute])
def test_a_bill_that_the_case_does_not_have_is_unknown(kind):
    assert refused(opened(), kind, bills=("B1", "B9")) == "unknown"


def test_a_bill_disputed_twice_is_disputed_once():
    play = opened()
    play.instruct(DisputeBills, by=CLERK, bills=("B1", "B1"))
    play.instruct(DisputeBills, by=CLERK, bills=("B1",))
    assert len(play.heard(BillDisputed)) == 1


def test_resolving_what_is_not_disputed_changes_nothing():
    play = opened()
    before = play.facts
    play.instruct(ResolveDispute, bills=("B1",))
    assert play.facts == before


def test_a_hold_that_would_be_over_already_is_refused():
    play = opened()
    assert refused(play, PlaceHold, reason="court", until=play.now) == "form-invalid"
    assert refused(play, PlaceHold, reason="court", until=date(2026, 3, 10)) == "form-invalid"


def test_a_hold_until_today_lasts_to_the_end_of_the_day():
    play = opened()
    play.instruct(PlaceHold, reason="court", until=date(2026, 3, 11))
    assert play.facts.holds[0].until == at("2026-03-12 00:00")


def test_a_promise_or_a_part_that_is_due_already_is_refused():
    play = opened()
    assert refused(play, TakePromise, amount="86.40", until=play.now) == "form-invalid"
    parts = ({"amount": "40", "due_on": "2026-03-20"}, {"amount": "46.40", "due_on": "2026-03-10"})
    assert refused(play, AgreePlan, parts=parts) == "form-invalid"


@pytest.mark.parametrize("amount", ["0", "-1", 86.40, "much"])
def test_a_promise_is_of_a_sum_of_money(amount):
    with pytest.raises(ValidationError):
        TakePromise(by=LI, at=at("2026-03-11 09:00"), amount=amount, until=date(2026, 3, 20))


def test_a_plan_has_parts():
    with pytest.raises(ValidationError):
        AgreePlan(by=LI, at=at("2026-03-11 09:00"), parts=())


def test_without_a_hold_there_is_nothing_to_release():
    assert refused(opened(), ReleaseHold) == "not-open"


def test_only_a_supervisor_withdraws_a_case():
    assert refused(opened(), WithdrawCase, by=WANG, reason="wrong account") == "wrong-role"


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (PlaceHold, {"reason": "court"}),
        (RecordContact, {"method": "phone"}),
        (DisputeBills, {"bills": ("B1",)}),
        (TakePromise, {"amount": "1", "until": date(2026, 12, 31)}),
        (WithdrawCase, {"reason": "wrong account"}),
    ],
)
def test_a_closed_case_is_told_nothing_more(kind, said):
    play = opened()
    play.pay("T", "86.40")
    assert refused(play, kind, **said) == "not-open"


def test_a_bill_that_is_not_overdue_yet_may_be_disputed():
    play = opened()
    play.post(bill("B2", "90", "2026-04-10"))
    play.instruct(DisputeBills, bills=("B2",))
    play.until(at("2026-04-11 00:00") + SECOND)
    assert (play.facts.owed().undisputed, play.facts.owed().disputed) == (8640, 9000)
