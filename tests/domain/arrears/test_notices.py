"""Notices on paper: of what debt each speaks, what is on it, and that the interlock takes as told what it says."""

from datetime import date
from typing import Any

import pytest

from domain.account import Changed, Void
from domain.arrears.commands import DisputeBills, IssueNotice
from domain.arrears.events import LadderRestarted, NoticeIssued, NoticeServed
from domain.arrears.ladder import told
from domain.arrears.notices import Addressee, next_notice_no, notice, notices_due, pursued, standing_notice
from domain.money import fen
from domain.refusals import Refused
from policies.packs import load_calendar
from tests.domain.arrears.openings import (
    APPROVE,
    CASE_NO,
    DUNNING,
    LI,
    LIMIT,
    LIMIT_NOTICE,
    RESTORE,
    WANG,
    ZHAO,
    at,
    bill,
)
from tests.domain.arrears.play import Play, opened

OPEN = Addressee(name="王五", address="南京路1号", estate="open")
GATED = OPEN.model_copy(update={"estate": "gated"})


def made_out(play: Play, to: Addressee = GATED) -> Any:
    (due,) = notices_due(play.facts, play.policy)
    return notice(
        due=due,
        facts=play.facts,
        policy=play.policy,
        calendar=load_calendar(),
        utility="供水公司",
        addressee=to,
        at=play.now,
    )


def issue(play: Play, **more: Any) -> None:
    """Make out what is due, as the door does."""
    paper, (due,) = made_out(play), notices_due(play.facts, play.policy)
    said = {"name": due.name, "task": due.task, "no": paper.no, "amount_fen": paper.amount, "content": paper.content}
    play.instruct(IssueNotice, **{"by": WANG} | said | more)


def to_limit_notice(play: Play) -> Play:
    play.decide(DUNNING)
    return play.until("2026-04-12 00:00")


# What is on it.


def test_a_notice_says_what_is_owed_until_when_and_on_what_it_rests():
    play = opened(bill("B1", "86.40", "2026-03-10"), bill("B2", "1774.15", "2026-03-09", late_fee="3.20"))
    paper = made_out(play)
    assert (paper.title, paper.no, paper.account_no) == ("水费催缴通知单", f"{CASE_NO}-T1", play.account.no)
    assert [(line.no, line.period, line.due_on, line.amount) for line in paper.bills] == [
        ("B2", "2026-03", date(2026, 3, 9), fen("1774.15")),
        ("B1", "2026-03", date(2026, 3, 10), fen("86.40")),
    ]
    assert (paper.amount, paper.amount_in_words) == (fen("1860.55"), "壹仟捌佰陆拾元伍角伍分")
    assert paper.late_fees == fen("3.20")
    assert (paper.within, paper.last_day) == ("30日", date(2026, 4, 10))
    assert any("第六百五十四条、第六百五十六条" in line for line in paper.basis)
    assert paper.code.text == f"https://pay.example.invalid/jinan?account={play.account.no}&notice={CASE_NO}-T1"
    assert "王五" not in paper.code.text


def test_the_last_day_is_the_one_the_ladder_waits_for_when_it_is_served_that_day():
    play = opened(bill("B1", "86.40", "2026-03-10"))
    paper = made_out(play)
    play.decide(DUNNING)
    last = play.until("2026-05-01 00:00").openings(LIMIT_NOTICE)[0]
    assert (last - at("2026-03-11 00:00")).days - 1 == (paper.last_day - date(2026, 3, 11)).days


@pytest.mark.parametrize(
    ("pack", "to", "named"),
    [
        ("jinan", OPEN, None),
        ("jinan", GATED, "王五"),
        ("kaifeng", OPEN, "王**"),
        ("kaifeng", GATED, "王**"),
        ("standard", OPEN, None),
    ],
)
def test_a_customer_is_named_as_far_as_the_pack_lets_others_read_it(pack: str, to: Addressee, named: str | None):
    assert made_out(opened(bill("B1", "86.40", "2026-03-10"), pack=pack), to).customer == named


def test_a_utility_that_serves_no_notice_yet_has_a_reminder_on_paper():
    play = opened(bill("B1", "86.40", "2026-03-10"), pack="kaifeng")
    paper = made_out(play)
    assert (paper.title, paper.within, paper.last_day) == ("催费通知单", None, None)


def test_disputed_bills_and_bills_not_yet_due_are_not_on_it():
    play = opened(
        bill("B1", "86.40", "2026-03-10"), bill("B2", "70.00", "2026-03-10"), bill("B3", "99.00", "2026-03-31")
    )
    play.instruct(DisputeBills, by=WANG, bills=("B2",))
    assert pursued(play.facts) == {"B1": fen("86.40")}


def test_a_predecessors_bill_is_not_on_it():
    play = opened(bill("B1", "86.40", "2026-03-10"), bill("B0", "300.00", "2026-01-10", late_fee="9.00"))
    play.post(Changed(what="tenant", changed_on=date(2026, 2, 1), at=play.now))
    paper = made_out(play)
    assert ([line.no for line in paper.bills], paper.amount, paper.late_fees) == (["B1"], fen("86.40"), None)


def test_a_notice_of_a_bill_that_was_corrected_is_made_out_anew():
    play = opened(bill("B1", "186.40", "2026-03-10"))
    issue(play)
    play.post(bill("B1c", "86.40", "2026-03-10"))
    play.post(Void(no="B1", corrected_by="B1c", reason="抄错", at=play.now))
    issue(play)
    first, second = play.heard(NoticeIssued)
    assert (first.bills, second.no, second.bills) == ({"B1": fen("186.40")}, f"{CASE_NO}-T2", {"B1c": fen("86.40")})


def test_below_the_threshold_or_closed_there_is_no_notice():
    play = opened(bill("B1", "86.40", "2026-03-10"))
    play.pay("T", "40.00")
    assert notices_due(play.facts, play.policy) == ()


def test_another_name_is_another_content_and_a_copy_is_not():
    play = opened(bill("B1", "86.40", "2026-03-10"))
    paper = made_out(play)
    assert paper.content == made_out(play).content == paper.model_copy(update={"copy_no": 3}).sealed().content
    assert paper.content != made_out(play, GATED.model_copy(update={"name": "王六"})).content


# Made out once, and frozen.


def test_what_a_notice_speaks_of_is_on_record_and_stays_as_it_was():
    play = opened(bill("B1", "86.40", "2026-03-10"))
    issue(play)
    play.until("2026-03-12 09:00").post(bill("B2", "200.00", "2026-03-11", recorded_at="2026-03-12 09:00"))
    play.until("2026-03-12 10:00")
    assert set(pursued(play.facts)) == {"B1", "B2"}
    issue(play)
    (issued,) = play.heard(NoticeIssued)
    assert (issued.no, issued.bills, issued.amount_fen) == (f"{CASE_NO}-T1", {"B1": fen("86.40")}, fen("86.40"))
    assert standing_notice(play.facts, "dunning-notice").no == issued.no


def test_a_notice_that_asks_for_more_than_is_owed_now_is_made_out_anew():
    play = opened(bill("B1", "86.40", "2026-03-10"))
    issue(play)
    play.pay("T", "20.00")
    assert standing_notice(play.facts, "dunning-notice") is None
    issue(play)
    first, second = play.heard(NoticeIssued)
    assert (second.no, second.instead_of, second.bills) == (f"{CASE_NO}-T2", first.no, {"B1": fen("66.40")})
    assert second.reason


def test_a_notice_is_made_out_anew_when_somebody_says_why():
    play = opened(bill("B1", "86.40", "2026-03-10"))
    issue(play)
    play.until("2026-03-12 09:00").post(bill("B2", "200.00", "2026-03-11", recorded_at="2026-03-12 09:00"))
    issue(play, anew="新账单并入")
    assert [set(event.bills) for event in play.heard(NoticeIssued)] == [{"B1"}, {"B1", "B2"}]
    assert play.heard(NoticeIssued)[1].reason == "新账单并入"


def test_a_notice_filled_in_before_the_case_moved_on_is_refused():
    play = opened(bill("B1", "86.40", "2026-03-10"))
    with pytest.raises(Refused, match="moved on") as refused:
        issue(play, amount_fen=fen("80.00"))
    assert (refused.value.code, bool(refused.value.zh)) == ("gate", True)
    with pytest.raises(Refused, match="moved on"):
        issue(play, no=f"{CASE_NO}-T2")
    with pytest.raises(Refused, match="not open"):
        issue(play, name="limit-notice", task=LIMIT_NOTICE)
    with pytest.raises(Refused, match="this is for") as refused:
        issue(play, by=ZHAO)
    assert refused.value.code == "wrong-role"
    assert next_notice_no(play.facts) == f"{CASE_NO}-T1"


# What was told is what it says.


def test_service_is_of_the_paper_that_was_made_out():
    play = opened(bill("B1", "86.40", "2026-03-10"))
    issue(play)
    play.until("2026-03-12 09:00").post(bill("B2", "200.00", "2026-03-11", recorded_at="2026-03-12 09:00"))
    play.decide(DUNNING)
    (served,) = play.heard(NoticeServed)
    paper = play.heard(NoticeIssued)[0]
    assert (served.notice, served.content, served.bills) == (paper.no, paper.content, {"B1": fen("86.40")})
    assert served.amount_fen == fen("86.40")
    assert told(play.facts.owed(), play.facts) == fen("86.40")


def test_service_without_a_paper_tells_of_all_that_is_overdue():
    play = opened(bill("B1", "86.40", "2026-03-10"), bill("B2", "200.00", "2026-03-10"))
    play.decide(DUNNING)
    (served,) = play.heard(NoticeServed)
    assert (served.notice, served.bills, served.amount_fen) == (None, {}, fen("286.40"))
    assert told(play.facts.owed(), play.facts) == fen("286.40")


def test_no_water_is_limited_for_a_bill_that_the_last_paper_did_not_name():
    play = to_limit_notice(opened(bill("B1", "86.40", "2026-03-10")))
    issue(play)
    play.until("2026-04-12 08:00").post(bill("B2", "200.00", "2026-04-11", recorded_at="2026-04-12 08:00"))
    play.until("2026-04-12 10:00")
    play.decide(LIMIT_NOTICE)  # B2 was overdue by then, and is not on the paper
    play.until("2026-04-17 09:00")
    play.decide(APPROVE, by=LI)
    play.until("2026-04-20 10:00")
    assert play.open() == [LIMIT]
    play.pay("T", "86.40", "B1")
    assert play.open() == [RESTORE]
    assert play.heard(LadderRestarted)


def test_a_payment_taken_back_does_not_make_a_paper_tell_more_than_it_named():
    play = opened(bill("B1", "186.40", "2026-03-10"))
    play.pay("T", "100.00")
    issue(play)
    play.decide(DUNNING)
    play.reverse("T")
    assert play.facts.owed().undisputed == fen("186.40")
    assert told(play.facts.owed(), play.facts) == fen("86.40")


def test_a_served_notice_does_not_stand_for_the_next_one():
    play = opened(bill("B1", "86.40", "2026-03-10"))
    issue(play)
    to_limit_notice(play)
    issue(play)
    assert [event.name for event in play.heard(NoticeIssued)] == ["dunning-notice", "limit-notice"]
    play.decide(LIMIT_NOTICE)
    assert [event.notice for event in play.heard(NoticeServed)] == [f"{CASE_NO}-T1", f"{CASE_NO}-T2"]
