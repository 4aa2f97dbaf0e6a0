"""A bill that reaches us after the last notice was served is told to nobody, however long ago it fell due."""

import pytest

from domain.account import Void
from domain.arrears.ladder import told
from domain.money import fen
from domain.refusals import Refused
from tests.domain.arrears.openings import APPROVE, DUNNING, LIMIT, LIMIT_NOTICE, at, bill
from tests.domain.arrears.play import Play, opened


def back_dated(play: Play, no: str = "B0", amount: str = "200.00") -> None:
    """Billing makes up for an old month: due before anything was served, here only now."""
    late = bill(no, amount, "2026-02-10", recorded_at=f"{play.now:%Y-%m-%d %H:%M}")
    play.post(late)


def test_a_back_dated_bill_is_not_told_by_a_notice_served_before_it_came() -> None:
    play = opened().drive(APPROVE)
    back_dated(play)
    assert told(play.facts.owed(), play.facts) == fen("86.40")


def test_whoever_pays_what_they_were_told_of_is_not_limited_for_a_back_dated_bill() -> None:
    play = opened().drive(LIMIT)
    back_dated(play)
    play.pay("T1", "86.40", "B1", heard=False)
    with pytest.raises(Refused, match="debt-told"):
        play.decide(LIMIT)
    play.hear()
    assert play.on_the_ladder() == ["arrears.restore"]


def test_a_back_dated_bill_is_told_of_from_the_first_rung_on() -> None:
    play = opened().drive(APPROVE)
    back_dated(play)
    play.pay("T1", "86.40", "B1")
    assert play.on_the_ladder() == [DUNNING]


def test_a_service_written_down_later_tells_of_what_was_here_when_it_was_served() -> None:
    play = opened().drive(LIMIT_NOTICE)
    served_at = play.now
    play.until(f"{play.now.date()} 23:00")
    back_dated(play)
    play.decide(LIMIT_NOTICE, served_at=served_at.isoformat())
    assert told(play.facts.owed(), play.facts) == fen("86.40")


def test_a_bill_put_right_upwards_is_told_as_far_as_the_one_before_it_was() -> None:
    play = opened().drive(APPROVE)
    instead = bill("B2", "300.00", "2026-03-10", recorded_at=f"{play.now:%Y-%m-%d %H:%M}")
    play.post(instead, heard=False)
    play.post(Void(no="B1", corrected_by="B2", reason="misread", at=play.now))
    assert told(play.facts.owed(), play.facts) == fen("86.40")
    assert play.now > at("2026-03-11 09:00")
