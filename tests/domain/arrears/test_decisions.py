"""What a decision is refused for besides its role: a signature, a time, a name in a group, a thing no longer asked."""

from datetime import date, timedelta
from typing import Any

import pytest

from domain.arrears import commands
from domain.arrears.commands import WaiveFees
from domain.commands import DecideTask, PlaceHold
from domain.cosigning import AskCosigner
from domain.people import Actor
from domain.refusals import Refused
from tests.domain.arrears.openings import APPROVE, DUNNING, LI, LIMIT, PEOPLE, REPORT, SECOND, at, bill, plain
from tests.domain.arrears.play import Play, opened

SUN = Actor(id="sun", roles=("supervisor",))
PUBLISH, WAIVER, REVIEW = "arrears.publish-limit", "arrears.approve-waiver", "arrears.review-hold"


def refused(play: Play, key: str, *, by: Actor | None = None, **form: Any) -> str | None:
    """The code of the refusal that a decision now would meet, or None."""
    command = DecideTask(by=by or LI, at=play.now, key=key, form=plain(key, **form))
    try:
        commands.decide(command, play.facts)
    except Refused as refusal:
        return refusal.code
    return None


def test_an_approval_that_waits_for_a_signature_is_no_approval() -> None:
    play = opened().drive(APPROVE)
    play.instruct(AskCosigner, task=APPROVE, of=SUN.id, role="supervisor", reason="首次限压")
    assert refused(play, APPROVE) == "four-eyes"
    assert refused(play, "arrears.cosign", by=LI) == "four-eyes"
    play.decide("arrears.cosign", by=SUN)
    assert refused(play, APPROVE) is None


def test_a_notice_was_served_between_its_being_called_for_and_now_both_ends_included() -> None:
    play = opened(when="2026-03-11 09:00").until("2026-03-12 10:00")
    for served_at, code in (
        ("2026-03-11 09:00", None),
        ("2026-03-12 10:00", None),
        (at("2026-03-11 09:00") - SECOND, "form-invalid"),
        (at("2026-03-12 10:00") + SECOND, "form-invalid"),
    ):
        when = at(served_at) if isinstance(served_at, str) else served_at
        assert refused(play, DUNNING, by=PEOPLE["collector"], served_at=when.isoformat()) == code, served_at


def test_word_in_a_group_names_no_account() -> None:
    play = opened(pack="liaocheng").drive(PUBLISH)
    by = Actor(id="zhou", roles=(play.facts.open_task(PUBLISH).role,))  # type: ignore[union-attr]
    assert refused(play, PUBLISH, by=by, text="3 号楼今日 10 时起限压供水") is None
    assert refused(play, PUBLISH, by=by, text=f"户号 {play.facts.account.no} 今日限压") == "form-invalid"


def test_a_waiver_that_is_not_asked_for_any_more_is_not_decided() -> None:
    play = opened(bill("B1", "86.40", "2026-03-10", late_fee="9.00"))
    play.instruct(WaiveFees, reason="账单投递有误")
    assert refused(play, WAIVER, by=SUN) is None
    gone = play.facts.model_copy(update={"waivers": ()})
    with pytest.raises(Refused, match="nothing to decide"):
        commands.decide(DecideTask(by=SUN, at=play.now, key=WAIVER, form=plain(WAIVER)), gone)


def test_a_hold_is_prolonged_into_the_future_or_ended() -> None:
    play = opened()
    play.instruct(PlaceHold, reason="表已送检", ground="meter-check", until=date(2026, 3, 20))
    play.until("2026-03-23 10:00")
    today = play.now.date()
    assert refused(play, REVIEW) is None
    for until, code in ((today - timedelta(days=1), "form-invalid"), (today, None), (today + timedelta(days=9), None)):
        assert refused(play, REVIEW, outcome="prolong", until=until.isoformat(), reason="还没检完") == code, until
    gone = play.facts.model_copy(update={"holds": ()})
    with pytest.raises(Refused, match="nothing to decide"):
        commands.decide(DecideTask(by=LI, at=play.now, key=REVIEW, form=plain(REVIEW)), gone)


def test_a_hold_prolonged_to_the_very_instant_of_the_decision_is_not_prolonged() -> None:
    play = opened()
    play.instruct(PlaceHold, reason="表已送检", ground="meter-check", until=date(2026, 3, 20))
    play.until("2026-03-24 00:00")
    assert refused(play, REVIEW, outcome="prolong", until="2026-03-23", reason="还没检完") == "form-invalid"
    assert refused(play, REVIEW, outcome="prolong", until="2026-03-24", reason="还没检完") is None


@pytest.mark.parametrize("key", [REPORT, LIMIT])
def test_the_hours_for_a_limit_are_asked_of_a_limit_with_an_order_alone(key: str) -> None:
    play = opened(pack="kaifeng")
    said = {"done_at": at("2026-03-14 03:00").isoformat()} if key == LIMIT else {}
    command = DecideTask(by=LI, at=play.now, key=key, form=plain(key, **said))
    commands.refuse_limit_at_another_time(command, play.facts, play.policy, play.calendar)
    assert play.facts.order is None
