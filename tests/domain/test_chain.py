"""What a level cannot resolve is raised: by whom, as high as its utility's chain goes, and never a step late for it."""

from datetime import timedelta
from typing import Any

import pytest

from domain.arrears.commands import RecordContact
from domain.case import EscalationAnswered, TaskEscalated
from domain.commands import EscalateTask, PauseTask, ResumeTask, TellProgress
from domain.people import Actor, Level
from domain.refusals import Refused
from tests.claiming import claiming
from tests.domain.arrears.openings import DUNNING, LI, REPORT, WANG, ZHAO, at
from tests.domain.arrears.play import Play, opened

WHY = "用户拒不配合，本级解决不了"


def head(level: Level) -> Actor:
    return Actor(id=f"head-of-{level}", roles=("supervisor",), level=level)


def begun(pack: str) -> Play:
    """A case on Wednesday 11 March 2026 with its first task open."""
    play = opened(pack=pack)
    if pack == "kaifeng":
        for hour in ("10", "11"):
            play.instruct(RecordContact, by=WANG, method="phone", when=f"2026-03-12 {hour}:00")
    elif pack == "qingdao":
        play.drive("arrears.dun-customer")
    return play


def raised(play: Play, *, by: Actor, **said: Any) -> TaskEscalated:
    (task,) = play.facts.tasks.values()
    play.instruct(EscalateTask, by=by, task=task.id, reason=WHY, **said)
    return play.heard(TaskEscalated)[-1]


def refused(play: Play, *, by: Actor) -> str:
    before = play.facts
    with pytest.raises(Refused) as why:
        raised(play, by=by)
    assert play.facts == before
    return why.value.code


@pytest.mark.parametrize(
    ("clause", "told"),
    [
        claiming("kaifeng.escalation.l4-to-l3", ["section", "office", "centre"]),
        claiming("kaifeng.escalation.l3-to-l2", ["section", "office", "centre"]),
        claiming("kaifeng.escalation.l2-to-l1", ["section", "office", "centre"]),
        claiming("jinan.escalation.escalate-by-leak-standard", ["section", "office", "centre"]),
        claiming("liaocheng.escalation.major-event-report-at-once", ["section"]),
        claiming("changchun.connection.exceptional-served-by-head", ["section", "office", "centre"]),
    ],
)
def test_it_goes_up_at_once_a_level_at_a_time_and_no_higher_than_the_chain(clause: str, told: list[Level]) -> None:
    play = begun(clause.partition(".")[0])
    raised(play, by=WANG)
    while refused(play, by=WANG) and play.heard(TaskEscalated)[-1].level != told[-1]:
        raised(play, by=head(play.heard(TaskEscalated)[-1].level))
    assert refused(play, by=head("centre")) == "not-open"
    assert [(each.level, each.at, each.reason) for each in play.heard(TaskEscalated)] == [
        (level, play.now, WHY) for level in told
    ]


@pytest.mark.parametrize("by", [ZHAO, Actor(id="a", roles=("auditor",)), Actor(id="c", roles=("customer",))])
def test_nobody_raises_what_is_not_theirs(by: Actor) -> None:
    assert refused(begun("jinan"), by=by) == "wrong-role"


def test_a_head_raises_what_has_come_to_them_and_nobody_below_does_it_for_them() -> None:
    play = begun("kaifeng")
    raised(play, by=WANG)
    assert [refused(play, by=by) for by in (WANG, head("grid"))] == ["wrong-role", "wrong-role"]
    assert raised(play, by=head("section")).level == "office"
    assert refused(play, by=head("section")) == "wrong-role"


@pytest.mark.clause("kaifeng.escalation.l3-group-members", "kaifeng.escalation.feedback-down")
def test_the_group_of_the_level_hears_of_it_and_the_answer_goes_down_to_each_that_had_it() -> None:
    play = begun("kaifeng")
    assert raised(play, by=WANG).told == ("representative", "collector", "supervisor")
    raised(play, by=head("section"))
    play.decide(REPORT, by=WANG)
    (answered,) = play.heard(EscalationAnswered)
    assert (answered.level, answered.told) == ("office", ("grid", "section"))


@pytest.mark.clause("kaifeng.escalation.l3-section-resolves")
def test_the_section_may_resolve_what_was_raised_to_it() -> None:
    play = begun("kaifeng")
    with pytest.raises(Refused):
        play.decide(REPORT, by=head("section"))
    raised(play, by=WANG)
    play.decide(REPORT, by=head("section"))


def test_what_was_raised_in_time_is_not_late_and_climbs_by_itself_only_once_it_is() -> None:
    play = begun("jinan")
    raised(play, by=WANG)
    assert play.task(DUNNING).breached_at is None
    # Due with the end of Saturday the 14th; the section's working day was over with Thursday the 12th.
    play.until("2026-03-16 08:29:59")
    assert len(play.heard(TaskEscalated)) == 1
    risen = play.until("2026-03-16 08:30").heard(TaskEscalated)[-1]
    assert (risen.level, risen.at, risen.reason) == ("office", at("2026-03-16 08:30"), None)
    assert play.task(DUNNING).breached_at == at("2026-03-15 00:00")


def test_what_was_raised_late_is_late_and_has_the_budget_of_its_level() -> None:
    play = begun("jinan").until("2026-03-17 10:00")
    assert [each.level for each in play.heard(TaskEscalated)] == ["section"]
    raised(play, by=head("section"))
    assert play.task(DUNNING).breached_at == at("2026-03-15 00:00")
    play.until("2026-03-19 08:30")
    assert [(each.level, each.at) for each in play.heard(TaskEscalated)[1:]] == [
        ("office", at("2026-03-17 10:00")),
        ("centre", at("2026-03-19 08:30")),
    ]


def test_nothing_is_raised_in_another_partys_time_and_none_rings_in_it() -> None:
    play = begun("jinan")
    raised(play, by=WANG)
    play.instruct(PauseTask, by=LI, task=DUNNING, party="customer", reason="用户约了下月")
    assert refused(play, by=head("section")) == "not-open"
    play.until("2026-04-20 10:00")
    assert len(play.heard(TaskEscalated)) == 1
    play.instruct(ResumeTask, by=LI, task=DUNNING)
    # What was left of three days: three whole days, which end with Thursday the 23rd.
    assert play.until("2026-04-24 08:29").heard(TaskEscalated)[1:] == []
    assert [each.at for each in play.until("2026-04-24 08:30").heard(TaskEscalated)[1:]] == [at("2026-04-24 08:30")]


@pytest.mark.clause("kaifeng.escalation.progress-when-long")
def test_progress_is_told_of_what_was_raised_as_of_what_was_late() -> None:
    play = begun("kaifeng")
    raised(play, by=WANG)
    play.instruct(TellProgress, by=head("section"), task=REPORT, note="已约社区一起上门")
    assert play.now < at("2026-03-12 12:00") + timedelta(hours=1)
    assert [each.event for each in play.said[-1:]] == ["ProgressTold"]
