"""The order, the valve and the way back: the limit window, unable, recall, restore at once, legal recovery."""

from contextlib import nullcontext
from datetime import timedelta

import pytest

from domain.arrears.commands import (
    AgreePlan,
    DisputeBills,
    PlaceHold,
    ReleaseHold,
    ResolveDispute,
    WithdrawCase,
    decide,
    refuse_limit_without_its_time,
)
from domain.arrears.events import (
    DebtReferred,
    LadderRestarted,
    LimitOrderIssued,
    LimitOrderRecalled,
    LimitOrderRefused,
    MessageSettled,
    PressureLimited,
)
from domain.commands import DecideTask
from domain.refusals import Refused
from tests.domain.arrears.openings import (
    APPROVE,
    DUNNING,
    HOUR,
    LIMIT,
    LIMIT_NOTICE,
    REFER,
    RESTORE,
    SECOND,
    ZHAO,
    at,
    bill,
    plain,
)
from tests.domain.arrears.play import Play, opened

DAY = timedelta(days=1)


def approved(when: str, *, opened_at: str = "2025-01-08 09:00") -> Play:
    """A case whose approval comes at this instant."""
    play = opened(when=opened_at).drive(APPROVE)
    play.decide(APPROVE, when=when)
    return play


def ordered() -> Play:
    """A case with its order out since Monday 20 April 10:00, due with Tuesday."""
    play = opened()
    play.decide(DUNNING, when="2026-03-12 10:00")
    play.decide("arrears.serve-limit-notice", when="2026-04-14 10:00")
    play.decide(APPROVE, when="2026-04-20 10:00")
    assert play.open() == [LIMIT]
    return play


def limited() -> Play:
    play = ordered()
    play.decide(LIMIT, when="2026-04-20 14:00")
    return play


# The limit window.


@pytest.mark.parametrize(
    ("approved_at", "opens_at"),
    [
        ("2026-04-20 10:00", "2026-04-20 10:00"),  # a Monday within the window
        ("2026-04-20 08:29:59", "2026-04-20 08:30"),
        ("2026-04-20 08:30", "2026-04-20 08:30"),
        ("2026-04-20 15:59:59", "2026-04-20 15:59:59"),
        ("2026-04-20 16:00", "2026-04-21 08:30"),
        ("2026-04-23 16:00", "2026-04-27 08:30"),  # Thursday evening: Friday precedes a day off
        ("2026-04-24 10:00", "2026-04-27 08:30"),  # Friday
        ("2026-04-25 10:00", "2026-04-27 08:30"),  # Saturday
        ("2026-04-26 23:00", "2026-04-27 08:30"),  # Sunday
        ("2026-04-30 10:00", "2026-05-06 08:30"),  # the eve of Labour Day
        ("2026-05-03 10:00", "2026-05-06 08:30"),  # within the holiday
        ("2026-05-08 10:00", "2026-05-08 10:00"),  # a Friday before a Saturday that is worked
        ("2026-05-09 10:00", "2026-05-11 08:30"),  # that Saturday: Sunday follows
        ("2026-09-18 10:00", "2026-09-20 08:30"),  # a Friday before a free Saturday; Sunday is worked
        ("2026-09-20 10:00", "2026-09-20 10:00"),  # that Sunday: Monday follows
        ("2026-09-24 10:00", "2026-09-28 08:30"),  # the eve of Mid-Autumn
        ("2026-09-30 10:00", "2026-10-08 08:30"),  # the eve of National Day
        ("2025-12-31 10:00", "2026-01-04 08:30"),  # the eve of New Year; Sunday 4 January is worked
        ("2026-12-30 10:00", "2026-12-30 10:00"),  # 31 December is a working day
        ("2026-12-31 10:00", "2027-01-04 08:30"),  # the next year is not published: 1 January is off
    ],
)
def test_a_limit_is_ordered_only_on_a_working_day_that_no_day_off_follows(approved_at, opens_at):
    play = approved(approved_at)
    play.until(at(opens_at) + SECOND)
    assert play.openings(LIMIT) == [at(opens_at)]


def test_the_order_is_due_a_day_after_it_opens():
    assert ordered().task(LIMIT).due_at == at("2026-04-22 00:00")


def test_a_debt_paid_before_the_window_opens_is_never_ordered():
    play = approved("2026-04-24 10:00")
    play.until("2026-04-27 08:29:59")
    play.pay("T", "86.40")
    assert play.facts.outcome == "settled"
    assert play.until("2026-06-30 00:00").heard(LimitOrderIssued) == []


def test_money_not_yet_heard_of_is_read_when_the_window_opens():
    play = approved("2026-04-24 10:00")
    play.pay("T", "86.40", heard=False)
    play.until("2026-04-28 00:00")
    assert (play.heard(LimitOrderIssued), play.facts.outcome) == ([], "settled")


def test_the_transaction_sees_money_that_the_case_has_not_heard_of():
    play = opened().drive(APPROVE, each=timedelta(hours=10))
    play.pay("T", "86.40", heard=False)
    with pytest.raises(Refused, match="debt"):
        play.decide(APPROVE)
    play.hear()
    assert play.facts.outcome == "settled"


def test_an_order_refused_for_an_old_ledger_is_tried_again_within_the_window():
    play = approved("2026-04-24 10:00")
    play.stale = True
    play.until("2026-04-27 09:00")
    (refused,) = play.heard(LimitOrderRefused)
    assert (refused.unmet, refused.retry_at) == (("ledger-current",), at("2026-04-27 09:30"))
    play.stale = False
    play.until("2026-04-27 12:00")
    assert play.openings(LIMIT) == [at("2026-04-27 09:30")]


def test_an_order_that_stays_refused_waits_for_the_next_window():
    play = approved("2026-04-24 10:00")
    play.stale = True
    play.until("2026-04-28 08:29")
    assert play.openings(LIMIT) == []
    # Every hour from 08:30; what would be asked again at 16:30 waits for the next day.
    assert len(play.heard(LimitOrderRefused)) == 8
    play.stale = False
    assert play.until("2026-04-28 12:00").openings(LIMIT) == [at("2026-04-28 08:30")]


def test_a_case_woken_after_the_window_closed_issues_nothing():
    play = approved("2026-04-24 10:00")
    moment = play.next_wake
    assert moment == at("2026-04-27 08:30")
    play.now = at("2026-04-27 18:00")
    play.until("2026-04-28 09:00")
    assert play.openings(LIMIT) == [at("2026-04-28 08:30")]
    assert [refused.unmet for refused in play.heard(LimitOrderRefused)] == [("window",)]


def test_a_limit_without_a_published_calendar_for_the_next_year_is_not_ordered_on_its_eve():
    play = approved("2026-12-31 10:00", opened_at="2026-11-02 09:00")
    assert not play.calendar.is_published(2027)
    assert play.until("2026-12-31 23:59:59").openings(LIMIT) == []


# At the valve.


def test_the_interlock_is_asked_again_at_the_valve():
    play = ordered()
    play.stale = True
    with pytest.raises(Refused, match="ledger-current") as refused:
        play.decide(LIMIT)
    assert (refused.value.code, play.facts.limited_at, play.open()) == ("interlock", None, [LIMIT])


def test_money_that_came_in_while_the_engineer_was_at_the_valve_stops_the_limit():
    play = ordered()
    play.pay("T", "86.40", heard=False)
    with pytest.raises(Refused, match="debt"):
        play.decide(LIMIT)
    play.hear()
    assert play.open() == [RESTORE]
    assert play.heard(PressureLimited) == []


def test_protection_that_came_while_the_order_was_out_stops_the_limit():
    play = ordered()
    play.protect("vulnerable", heard=False)
    with pytest.raises(Refused, match="not-protected"):
        play.decide(LIMIT)
    play.hear()
    assert play.open() == [RESTORE]


def test_an_order_taken_over_by_a_newer_one_is_refused_at_the_valve():
    play = ordered()
    (order,) = play.orders.values()
    play.orders["another case's"] = type(order)(fence=order.fence + 1)
    with pytest.raises(Refused, match="fence"):
        play.decide(LIMIT)


def test_unable_ends_the_order_and_a_new_one_is_tried_from_the_next_day_on():
    play = ordered()
    play.decide(LIMIT, outcome="unable", reason="locked door", when="2026-04-20 14:00")
    assert (play.open(), play.facts.stage) == ([], "limit-notified")
    assert play.until("2026-04-22 00:00").openings(LIMIT)[1:] == [at("2026-04-21 08:30")]
    assert [order.fence for order in play.orders.values()] == [1, 2]


def test_unable_on_a_thursday_waits_for_monday():
    play = opened().drive(APPROVE)
    play.decide(APPROVE, when="2026-04-23 10:00")
    play.decide(LIMIT, outcome="unable", reason="no valve found")
    assert play.until("2026-04-30 00:00").openings(LIMIT)[1:] == [at("2026-04-27 08:30")]


def test_a_debt_paid_after_unable_needs_no_look_at_the_valve():
    play = ordered()
    play.decide(LIMIT, outcome="unable", reason="locked door")
    play.pay("T", "86.40")
    assert (play.facts.outcome, play.openings(RESTORE)) == ("settled", [])


def test_a_limit_after_unable_needs_no_new_approval():
    play = ordered()
    play.decide(LIMIT, outcome="unable", reason="locked door")
    play.until("2026-04-22 00:00")
    play.decide(LIMIT)
    assert (play.facts.stage, len(play.openings(APPROVE))) == ("limited", 1)


@pytest.mark.parametrize(
    ("done_at", "said"),
    [
        ("2026-04-20 10:00", None),
        ("2026-04-20 09:50", None),  # a phone's clock may be ten minutes slow
        ("2026-04-20 09:49:59", "before the order went out"),
        ("2026-04-20 15:59:59", None),
        ("2026-04-20 16:00", "outside the hours"),
        ("2026-04-20 22:00", "outside the hours"),
        ("2026-04-21 08:29:59", "outside the hours"),
        ("2026-04-21 08:30", None),
        ("2026-04-24 10:00", "outside the hours"),  # a Friday: a day off follows
        ("2026-04-25 10:00", "outside the hours"),
    ],
)
def test_a_limit_done_on_site_at_another_time_is_to_be_put_back(done_at, said):
    play = ordered().until("2026-04-26 09:00")
    if said is None:
        play.decide(LIMIT, done_at=at(done_at))
        assert play.facts.stage == "limited"
        return
    with pytest.raises(Refused, match=said) as refused:
        play.decide(LIMIT, done_at=at(done_at))
    assert (refused.value.code, play.facts.limited_at, play.open()) == ("gate", None, [LIMIT])
    assert refused.value.zh
    play.decide(LIMIT, outcome="unable", reason="put back", done_at=at(done_at))
    assert play.until("2026-04-28 00:00").openings(LIMIT)[1:] == [at("2026-04-27 08:30")]


@pytest.mark.parametrize(
    ("written_at", "said", "refused"),
    [
        ("2026-04-20 15:59:59", {}, False),
        ("2026-04-20 16:00", {}, True),
        ("2026-04-20 21:00", {"done_at": at("2026-04-20 15:40")}, False),
        ("2026-04-20 21:00", {"outcome": "unable", "reason": "locked door"}, False),
        ("2026-04-24 10:00", {}, True),  # a Friday: a day off follows
    ],
)
def test_a_desk_that_writes_a_limit_down_outside_the_hours_has_to_say_when_it_was_done(written_at, said, refused):
    play = ordered()
    command = DecideTask(by=ZHAO, at=at(written_at), key=LIMIT, form=plain(LIMIT, **said))
    with pytest.raises(Refused, match="done_at: is missing") if refused else nullcontext():
        refuse_limit_without_its_time(command, play.policy, play.calendar)


def test_a_limit_that_states_no_time_on_site_may_be_written_down_in_the_evening():
    play = ordered()
    play.decide(LIMIT, when="2026-04-20 21:00")
    assert play.facts.stage == "limited"


def test_an_order_stays_out_over_the_night_until_it_is_carried_out_or_its_grounds_are_gone():
    play = ordered().until("2026-04-24 03:00")
    assert (play.open(), play.openings(LIMIT)) == ([LIMIT], [at("2026-04-20 10:00")])
    play.pay("T", "86.40")
    assert (play.open(), play.task(RESTORE).opened_at) == ([RESTORE], at("2026-04-24 03:00"))


# Recall.


def test_paid_before_the_valve_is_reached_the_order_is_recalled_and_the_valve_looked_at():
    play = ordered()
    play.pay("T", "86.40")
    (recalled,) = play.heard(LimitOrderRecalled)
    assert recalled.because == "settled"
    assert (play.task(LIMIT).status, play.open()) == ("withdrawn", [RESTORE])
    assert play.task(RESTORE).due_at == play.now + 12 * HOUR
    assert play.facts.outcome is None
    play.decide(RESTORE, outcome="valve-untouched")
    assert (play.facts.outcome, play.stages()[-1]) == ("settled", "settled")


def test_the_look_at_the_valve_may_end_with_restoring():
    play = ordered()
    play.pay("T", "86.40")
    play.decide(RESTORE)
    assert play.facts.outcome == "restored"


def test_a_recalled_order_can_be_decided_no_more():
    play = ordered()
    play.pay("T", "86.40")
    with pytest.raises(Refused) as refused:
        play.decide(LIMIT)
    assert refused.value.code == "not-open"


def test_paid_below_the_threshold_the_order_is_recalled():
    play = ordered()
    play.pay("T", "36.40")
    assert play.open() == [RESTORE]
    play.decide(RESTORE, outcome="valve-untouched")
    assert (play.facts.outcome, play.open()) == (None, [])


def test_paid_in_part_above_the_threshold_the_order_stays_out():
    play = ordered()
    play.pay("T", "36.39")
    assert (play.open(), play.heard(LimitOrderRecalled)) == ([LIMIT], [])


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (PlaceHold, {"reason": "vulnerable review"}),
        (DisputeBills, {"bills": ("B1",)}),
        (AgreePlan, {"parts": ({"amount": "86.40", "due_on": "2026-05-20"},)}),
        (WithdrawCase, {"reason": "wrong account"}),
    ],
)
def test_whatever_forbids_a_limit_recalls_the_order(kind, said):
    play = ordered()
    play.instruct(kind, **said)
    assert play.heard(LimitOrderRecalled)[0].because == "no-longer-justified"
    assert play.open() == [RESTORE]


def test_the_order_of_a_protected_account_is_recalled():
    play = ordered()
    play.protect("hospital")
    assert play.open() == [RESTORE]


def test_a_hold_released_after_a_recall_leads_to_a_new_order_with_a_higher_token():
    play = ordered()
    play.instruct(PlaceHold, reason="vulnerable review")
    play.decide(RESTORE, outcome="valve-untouched")
    play.instruct(ReleaseHold, when="2026-04-21 10:00")
    assert play.openings(LIMIT)[1:] == [at("2026-04-21 10:00")]
    assert [(order.status, order.fence) for order in play.orders.values()] == [("recalled", 1), ("issued", 2)]


def test_an_order_that_goes_out_again_takes_the_place_of_the_check():
    play = ordered()
    play.instruct(PlaceHold, reason="vulnerable review")
    assert play.open() == [RESTORE]
    play.instruct(ReleaseHold, when="2026-04-21 10:00")
    assert (play.open(), len(play.openings(APPROVE))) == ([LIMIT], 1)


def test_the_check_is_asked_for_again_when_the_debt_is_paid_before_the_order_goes_out_again():
    play = ordered()
    play.instruct(PlaceHold, reason="vulnerable review")
    play.instruct(ReleaseHold, when="2026-04-21 17:00")
    assert play.open() == []
    play.until("2026-04-21 20:00").pay("T", "86.40")
    assert play.open() == [RESTORE]
    play.decide(RESTORE, outcome="valve-untouched")
    assert (play.facts.outcome, len(play.openings(LIMIT))) == ("settled", 1)


def test_the_check_stays_when_the_ladder_starts_over_for_a_debt_that_nobody_was_told_of():
    play = ordered()
    play.post(bill("B2", "90", "2026-04-20"))
    play.until("2026-04-21 12:00").pay("T", "86.40", "B1")
    assert play.open() == [RESTORE]


# Restore.


@pytest.mark.parametrize("paid_at", ["2026-04-20 14:00", "2026-04-21 23:30", "2026-04-25 03:00", "2026-05-01 12:00"])
def test_a_restore_opens_the_moment_the_debt_is_settled(paid_at):
    play = limited().until(paid_at)
    play.pay("T", "86.40")
    task = play.task(RESTORE)
    assert (task.opened_at, task.due_at, task.role) == (at(paid_at), at(paid_at) + 12 * HOUR, "engineer")
    play.decide(RESTORE, when=at(paid_at) + HOUR)
    assert (play.facts.outcome, play.stages()[-2:]) == ("restored", ["limited", "restored"])


def test_what_was_limited_is_not_left_untouched():
    play = limited()
    play.pay("T", "86.40")
    with pytest.raises(Refused, match="must be restored") as refused:
        play.decide(RESTORE, outcome="valve-untouched")
    assert refused.value.code == "form-invalid"


def test_an_unpaid_late_fee_delays_no_restore():
    play = opened(bill("B1", "86.40", "2026-03-10", late_fee="12.00")).drive(LIMIT)
    play.decide(LIMIT)
    play.pay("T", "86.40")
    assert play.open() == [RESTORE]


def test_paid_below_the_threshold_the_water_is_restored_and_the_case_stays_open():
    play = limited()
    play.pay("T", "36.40")
    assert play.open() == [RESTORE]
    play.decide(RESTORE)
    assert (play.facts.outcome, play.facts.stage, play.open()) == (None, "restored", [])
    play.pay("U", "50")
    assert play.facts.outcome == "restored"


def test_paid_in_part_above_the_threshold_the_limit_stays():
    play = limited()
    play.pay("T", "36.39")
    assert (play.open(), play.facts.stage) == ([], "limited")


def test_a_limit_that_proves_wrong_is_undone():
    play = limited()
    play.instruct(DisputeBills, bills=("B1",))
    assert play.open() == [RESTORE]
    play.decide(RESTORE)
    assert (play.facts.outcome, play.facts.limited_at, play.open()) == (None, None, [])


def test_a_dispute_decided_against_the_customer_leads_to_a_new_approval_not_to_an_order():
    play = limited()
    play.instruct(DisputeBills, bills=("B1",))
    play.decide(RESTORE)
    play.instruct(ResolveDispute, bills=("B1",), when="2026-04-28 10:00")
    assert play.open() == [APPROVE]


def test_protection_found_after_the_limit_undoes_it():
    play = limited()
    play.protect("vulnerable")
    assert play.open() == [RESTORE]


def test_a_case_withdrawn_while_limited_ends_after_the_restore():
    play = limited()
    play.instruct(WithdrawCase, reason="wrong account")
    assert (play.open(), play.facts.outcome) == ([RESTORE], None)
    play.decide(RESTORE)
    assert (play.facts.outcome, play.facts.stage) == ("withdrawn", "closed")


def test_a_restore_that_is_late_climbs_by_night_too():
    play = limited().until("2026-04-24 20:00")
    play.pay("T", "86.40")
    play.until("2026-04-25 12:00")
    assert [(alarm.level, alarm.at) for alarm in play.task(RESTORE).escalations] == [
        ("section", at("2026-04-25 08:00")),
        ("office", at("2026-04-25 10:00")),
        ("centre", at("2026-04-25 12:00")),
    ]


def test_a_second_debt_does_not_take_back_a_restore_that_is_owed():
    play = limited()
    play.post(bill("B2", "90", "2026-04-21", recorded_at="2026-04-20 15:00"))
    play.pay("T", "86.40", "B1")
    play.until("2026-04-23 12:00")
    assert play.facts.owed().owed == {"B2": 9000}
    assert (play.open(), len(play.openings(RESTORE))) == ([RESTORE], 1)
    play.decide(RESTORE)
    assert play.stages()[-2:] == ["restored", "reminded"]
    assert (play.open(), play.facts.served) == ([DUNNING], {})


def test_a_second_debt_paid_before_the_restore_ends_the_case_as_restored():
    play = limited()
    play.post(bill("B2", "90", "2026-04-21", recorded_at="2026-04-20 15:00"))
    play.pay("T", "86.40", "B1")
    play.until("2026-04-23 12:00")
    play.pay("U", "90")
    play.decide(RESTORE)
    assert play.facts.outcome == "restored"


# Debt that no notice spoke of.


def limited_with_another_bill(amount: str = "90") -> Play:
    """Limited for B1; B2 has fallen overdue since, and no notice spoke of it."""
    play = limited()
    play.post(bill("B2", amount, "2026-04-21", recorded_at="2026-04-20 15:00"))
    return play.until("2026-04-23 12:00")


def test_whoever_pays_all_that_they_were_told_of_has_water_again_and_is_told_of_the_rest_anew():
    play = limited_with_another_bill()
    assert (play.open(), play.facts.stage) == ([], "limited")
    play.pay("T", "86.40", "B1")
    assert (play.open(), play.task(RESTORE).opened_at) == ([RESTORE], play.now)
    assert [restarted.at for restarted in play.heard(LadderRestarted)] == [play.now]
    play.decide(RESTORE, when=play.now + HOUR)
    assert (play.facts.limited_at, play.facts.stage, play.facts.served, play.open()) == (
        None,
        "reminded",
        {},
        [DUNNING],
    )
    play.drive(LIMIT)
    assert [len(play.openings(key)) for key in (DUNNING, LIMIT_NOTICE, APPROVE, LIMIT)] == [2, 2, 2, 2]


@pytest.mark.parametrize(("paid", "restored"), [("36.39", False), ("36.40", True), ("86.39", True)])
def test_a_limit_stands_as_long_as_more_than_the_threshold_of_what_was_told_is_left(paid, restored):
    play = limited_with_another_bill()
    play.pay("T", paid, "B1")
    assert play.open() == ([RESTORE] if restored else [])


def test_told_debt_that_is_disputed_holds_no_limit_for_a_bill_that_was_not_told():
    play = limited_with_another_bill()
    play.instruct(DisputeBills, bills=("B1",))
    assert play.open() == [RESTORE]
    play.decide(RESTORE)
    assert play.open() == [DUNNING]


def test_a_message_that_waits_for_the_morning_is_not_sent_in_a_case_that_was_withdrawn():
    play = opened(when="2026-03-11 23:00")
    play.instruct(WithdrawCase, reason="wrong account")
    play.until("2026-03-12 12:00")
    assert [settled.status for settled in play.heard(MessageSettled)] == ["withdrawn"]


def test_a_case_that_was_withdrawn_tells_nobody_of_anything_any_more():
    play = limited_with_another_bill()
    play.instruct(WithdrawCase, reason="wrong account")
    play.pay("T", "86.40", "B1")
    assert (play.open(), play.heard(LadderRestarted)) == ([RESTORE], [])
    play.decide(RESTORE)
    assert play.facts.outcome == "withdrawn"


def test_money_for_the_told_debt_taken_back_leads_to_new_notices_for_both():
    play = limited_with_another_bill()
    play.pay("T", "86.40", "B1")
    play.reverse("T")
    assert play.open() == [RESTORE]
    play.decide(RESTORE)
    assert (play.open(), play.facts.owed().overdue) == ([DUNNING], 17640)


def test_an_order_for_told_debt_is_recalled_when_only_an_untold_bill_is_left():
    play = ordered()
    play.post(bill("B2", "90", "2026-04-20", recorded_at="2026-04-20 09:30"))
    play.until("2026-04-21 00:30")
    assert (play.open(), play.facts.owed().overdue) == ([LIMIT], 17640)
    play.pay("T", "86.40", "B1")
    assert [recalled.because for recalled in play.heard(LimitOrderRecalled)] == ["never-told"]
    assert (play.task(LIMIT).status, play.open(), play.facts.order) == ("withdrawn", [RESTORE], None)
    play.decide(RESTORE, outcome="valve-untouched")
    assert (play.open(), play.facts.stage) == ([DUNNING], "reminded")


def test_approved_for_told_debt_that_is_then_paid_nothing_is_ordered_for_the_untold_bill():
    play = approved("2026-04-24 10:00")
    play.post(bill("B2", "90", "2026-04-24", recorded_at="2026-04-24 11:00"))
    play.until("2026-04-26 12:00")
    play.pay("T", "86.40", "B1")
    assert (play.open(), play.facts.stage, play.facts.approval) == ([DUNNING], "reminded", None)


def test_a_bill_overdue_before_the_last_notice_is_told_by_it_and_the_stage_stays():
    play = opened()
    play.decide(DUNNING, when="2026-03-12 10:00")
    play.post(bill("B2", "90", "2026-04-10", recorded_at="2026-04-01 10:00"))
    play.until("2026-04-12 09:00").pay("T", "86.40", "B1")
    assert (play.heard(LadderRestarted), play.facts.stage) == ([], "grace")
    play.drive(LIMIT)
    assert (play.heard(LadderRestarted), len(play.openings(DUNNING))) == ([], 1)


def test_a_limit_done_before_the_recall_was_heard_stands_and_is_restored():
    # The valve's transaction came first; the case hears of the money while it waits for the answer.
    play = ordered()
    order = play.facts.order
    assert order is not None
    play.orders[order.no].status = "done"
    play.pay("T", "86.40", heard=False)
    play._read_ledger()
    play.say(PressureLimited(at=play.now, by=ZHAO.id, order_no=order.no))
    play.say(decide(DecideTask(by=ZHAO, at=play.now, key=LIMIT, form=plain(LIMIT)), play.facts))
    play.settle()
    assert play.open() == [RESTORE]
    with pytest.raises(Refused, match="must be restored"):
        play.decide(RESTORE, outcome="valve-untouched")
    play.decide(RESTORE)
    assert play.facts.outcome == "restored"


# The end of the ladder.


def test_sixty_days_after_the_limit_a_supervisor_is_asked_for_legal_recovery():
    play = limited().until("2026-08-01 00:00")
    # The sixtieth day after 20 April is 19 June.
    assert play.openings(REFER) == [at("2026-06-20 00:00")]
    assert play.task(REFER).role == "supervisor"


def test_a_debt_referred_stands_and_is_still_settled_by_payment():
    play = limited().until("2026-06-22 10:00")
    play.decide(REFER)
    assert len(play.heard(DebtReferred)) == 1
    assert play.until("2026-12-01 00:00").open() == []
    play.pay("T", "86.40")
    assert play.open() == [RESTORE]


def test_a_debt_kept_here_is_asked_about_again_after_another_term():
    play = limited().until("2026-06-22 10:00")
    play.decide(REFER, outcome="keep")
    assert play.until("2026-12-01 00:00").openings(REFER) == [at("2026-06-20 00:00"), at("2026-08-22 00:00")]


def test_a_payment_withdraws_the_referral_and_opens_the_restore():
    play = limited().until("2026-06-22 10:00")
    play.pay("T", "86.40")
    assert (play.task(REFER).status, play.open()) == ("withdrawn", [RESTORE])
