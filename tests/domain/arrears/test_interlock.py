"""The cut interlock: each condition stands alone, and what is unknown refuses."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.account import Dispute, Protection, Standing, standing
from domain.arrears.events import Hold
from domain.arrears.facts import Approval, ArrearsFacts, Did, OpenHold
from domain.arrears.interlock import Moment, interlock, unmet
from domain.arrears.ladder import period_end, told
from domain.arrears.policy import ArrearsPolicy, Dun, Serve, Wait
from tests.domain.arrears.openings import LIMIT, LIMIT_NOTICE, SECOND, bill, policy_of
from tests.domain.arrears.play import Play, opened

MOMENTS: tuple[Moment, ...] = get_args(Moment)
OUT = {pack: opened(pack=pack).drive(LIMIT) for pack in ("jinan", "kaifeng")}
Question = dict[str, Any]


def question(pack: str = "jinan", moment: Moment = "valve") -> Question:
    """A question to which everything answers yes."""
    return about(OUT[pack], moment)


def about(play: Play, moment: Moment = "valve") -> Question:
    return {
        "moment": moment,
        "facts": play.facts,
        "owed": play.facts.owed(),
        "policy": play.policy,
        "calendar": play.calendar,
        "at": play.now,
        "synced_at": play.now - timedelta(hours=1),
        "snapshot_is_current": True,
        "fence_is_current": True,
        "approver": "li",
    }


def refuses(asked: Question) -> list[str]:
    return [condition.key for condition in unmet(interlock(**asked))]


def fact(name: str, value: Any) -> Callable[[Question], Question]:
    return lambda asked: asked | {"facts": asked["facts"].model_copy(update={name: value})}


def said(name: str, value: Any) -> Callable[[Question], Question]:
    return lambda asked: asked | {name: value}


def held(kind: Hold) -> OpenHold:
    return OpenHold(id="1", kind=kind, reason="r", started_at=OUT["jinan"].now)


def protected(*kinds: Protection) -> Callable[[Question], Question]:
    return lambda asked: fact("account", asked["facts"].account.model_copy(update={"protected": kinds}))(asked)


def owing(overdue: int, undisputed: int) -> Standing:
    return Standing(overdue=overdue, undisputed=undisputed, late_fees=10_000, prepaid=0, owed={"B1": undisputed})


def without(name: str, key: str) -> Callable[[Question], Question]:
    return lambda asked: fact(name, {k: v for k, v in getattr(asked["facts"], name).items() if k != key})(asked)


def a_second_too_early(asked: Question) -> Question:
    waits = [rung for rung in asked["policy"].ladder if isinstance(rung, Wait)]
    over_at = max(period_end(rung, asked["facts"], asked["calendar"]).at for rung in waits)
    return asked | {"at": over_at - SECOND, "synced_at": over_at - SECOND}


FLIPS: dict[str, Callable[[Question], Question]] = {
    "debt": said("owed", owing(5000, 5000)),
    "debt-told": said("owed", owing(9000, 9000).model_copy(update={"owed": {"B1": 5000, "B2": 4000}})),
    "ledger-current": said("synced_at", None),
    "record-current": said("snapshot_is_current", False),
    "steps-taken": fact("contacts", 1),
    "approved": lambda asked: fact("approval", None)(asked) | {"approver": None},
    "no-hold": lambda asked: fact("holds", (*asked["facts"].holds, held("hold")))(asked),
    "no-plan": lambda asked: fact("holds", (*asked["facts"].holds, held("plan")))(asked),
    "not-protected": protected("hospital"),
    "not-withdrawn": fact("withdrawn", "wrong account"),
    "fence": said("fence_is_current", None),
}


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("pack", OUT)
def test_with_every_condition_met_a_limit_is_allowed(pack, moment):
    assert refuses(question(pack, moment)) == []


@pytest.mark.parametrize("key", [key for key in FLIPS if key != "fence"])
@pytest.mark.parametrize("moment", MOMENTS)
def test_each_condition_alone_refuses_and_is_named(key, moment):
    assert refuses(FLIPS[key](question("kaifeng", moment))) == [key]


@given(st.sets(st.sampled_from(sorted(FLIPS))))
@settings(max_examples=80, deadline=None)
def test_all_that_is_not_met_is_named_and_nothing_else(keys):
    asked = question("kaifeng")
    for key in sorted(keys, reverse=True):
        asked = FLIPS[key](asked)
    # What is not pursued needs no telling.
    assert set(refuses(asked)) == keys - ({"debt-told"} if "debt" in keys else set())


def test_there_is_no_condition_that_these_tests_do_not_flip():
    keys = {condition.key for condition in interlock(**question())}
    assert keys == {*FLIPS, "notices-served", "periods-over"}


@pytest.mark.parametrize(
    ("owed", "allowed"),
    [
        (owing(5001, 5001), True),
        (owing(5000, 5000), False),
        (owing(0, 0), False),  # a late fee alone
        (owing(9000, 5000), False),  # the rest is disputed
        (owing(9000, 0), False),
        (owing(9000, 5001), True),
    ],
)
def test_only_undisputed_principal_above_the_threshold_limits(owed, allowed):
    assert refuses(question() | {"owed": owed}) == ([] if allowed else ["debt"])


@pytest.mark.parametrize(
    ("age", "current"),
    [
        (timedelta(0), True),
        (timedelta(hours=24) - SECOND, True),
        (timedelta(hours=24), False),
        (timedelta(days=3), False),
    ],
)
def test_the_ledger_must_be_fresher_than_the_packs_limit(age, current):
    asked = question()
    assert refuses(asked | {"synced_at": asked["at"] - age}) == ([] if current else ["ledger-current"])


def test_a_ledger_never_confirmed_is_unknown_not_old():
    (condition,) = unmet(interlock(**question() | {"synced_at": None}))
    assert condition.met is None


@pytest.mark.parametrize("key", ["record-current", "fence", "ledger-current"])
def test_what_is_unknown_refuses(key):
    (condition,) = unmet(interlock(**FLIPS[key](question())))
    assert (condition.key, condition.met) == (key, None)


def test_every_condition_says_what_it_is_in_both_languages():
    assert all(condition.zh and condition.en for condition in interlock(**question()))


@pytest.mark.parametrize(
    ("pack", "notice"),
    [(pack, rung.task) for pack in OUT for rung in OUT[pack].policy.ladder if isinstance(rung, Serve)],
)
def test_a_notice_that_was_not_served_refuses_and_its_period_with_it(pack, notice):
    refused = set(refuses(without("served", notice)(question(pack))))
    # Without its only notice Kaifeng told nobody of the debt either.
    assert refused == {"notices-served", "periods-over", *(["debt-told"] if pack == "kaifeng" else [])}


def test_a_notice_that_no_period_follows_is_required_all_the_same():
    jinan = policy_of("jinan")
    ladder = tuple(rung for rung in jinan.ladder if not (isinstance(rung, Wait) and rung.period == "grace"))
    without_grace = ArrearsPolicy.model_validate(jinan.model_dump() | {"ladder": [r.model_dump() for r in ladder]})
    asked = question() | {"policy": without_grace}
    assert refuses(asked) == []
    assert refuses(without("served", "arrears.serve-dunning-notice")(asked)) == ["notices-served"]


@pytest.mark.parametrize("pack", OUT)
def test_a_second_before_the_last_period_is_over_is_too_early(pack):
    early = a_second_too_early(question(pack))
    assert refuses(early) == ["periods-over"]
    assert refuses(early | {"at": early["at"] + SECOND}) == []


def test_a_report_that_was_not_written_refuses():
    assert refuses(without("reports", "arrears.report-nonpayer")(question("kaifeng"))) == ["steps-taken"]


def test_a_talk_that_a_ladder_asks_for_before_its_limit_and_was_not_held_refuses():
    asked = question("jinan")
    dun = next(rung for rung in policy_of("qingdao").ladder if isinstance(rung, Dun))
    first, *rest = asked["policy"].ladder
    talks = asked | {"policy": asked["policy"].model_copy(update={"ladder": (first, dun, *rest)})}
    assert refuses(talks) == ["steps-taken"]
    assert refuses(fact("did", {dun.task: Did(by="wang", at=asked["at"])})(talks)) == []


def test_a_word_in_the_group_that_was_not_given_refuses_nothing():
    asked = about(opened(pack="liaocheng").drive(LIMIT))
    assert refuses(without("did", "arrears.publish-limit")(asked)) == []


def test_jinan_asks_for_neither_contact_nor_report():
    facts: ArrearsFacts = OUT["jinan"].facts
    assert (facts.contacts, facts.reports) == (0, {})


@pytest.mark.parametrize("kind", get_args(Protection))
def test_every_protected_status_refuses(kind):
    assert refuses(protected(kind)(question())) == ["not-protected"]


@pytest.mark.parametrize(("kind", "key"), [("hold", "no-hold"), ("plan", "no-plan"), ("promise", "no-plan")])
def test_each_kind_of_hold_refuses(kind, key):
    assert refuses(fact("holds", (held(kind),))(question())) == [key]


# The second person.


def approved_by(who: str, play: Play, at: datetime) -> Callable[[Question], Question]:
    return fact("approval", Approval(by=who, at=at))


@pytest.mark.parametrize("moment", ["issue", "valve"])
@pytest.mark.parametrize("pack", OUT)
def test_an_approval_by_whoever_served_the_limit_notice_is_none(pack, moment):
    play = OUT[pack]
    server = play.facts.served[LIMIT_NOTICE].by
    assert refuses(approved_by(server, play, play.now)(question(pack, moment))) == ["approved"]


def test_an_approval_by_whoever_wrote_the_report_is_none():
    play = OUT["kaifeng"]
    asked = fact("reports", {"arrears.report-nonpayer": "chen"})(question("kaifeng"))
    assert refuses(asked) == []
    assert refuses(approved_by("chen", play, play.now)(asked)) == ["approved"]


def test_at_the_decision_it_is_the_person_deciding_who_counts():
    play = OUT["jinan"]
    asked = fact("approval", None)(question(moment="decision"))
    assert refuses(asked) == []
    assert refuses(asked | {"approver": play.facts.served[LIMIT_NOTICE].by}) == ["approved"]
    assert refuses(asked | {"approver": None}) == ["approved"]


def test_after_the_decision_the_person_asking_counts_for_nothing():
    assert refuses(fact("approval", None)(question(moment="issue")) | {"approver": "li"}) == ["approved"]


# The token.


@pytest.mark.parametrize("current", [False, None])
def test_a_token_that_is_not_the_latest_refuses_at_the_valve(current):
    assert refuses(question() | {"fence_is_current": current}) == ["fence"]


def test_an_order_that_the_case_has_taken_back_refuses_at_the_valve():
    assert refuses(fact("order", None)(question())) == ["fence"]


@pytest.mark.parametrize("moment", ["decision", "issue"])
def test_there_is_no_token_before_the_order(moment):
    assert "fence" not in {condition.key for condition in interlock(**question(moment=moment))}


@pytest.mark.parametrize(
    ("left", "fell_overdue_after_the_notice", "allowed"),
    [
        ({"B1": 5001}, "2026-03-10", True),
        ({"B1": 5000, "B2": 9000}, "2026-03-10", True),
        ({"B1": 5001, "B2": 9000}, "", True),
        ({"B1": 5000, "B2": 9000}, "", False),
        ({"B1": 1, "B2": 9000}, "", False),
        ({"B2": 9000}, "", False),
    ],
)
def test_only_debt_that_a_served_notice_could_speak_of_limits(left, fell_overdue_after_the_notice, allowed) -> None:
    asked = question()
    told_on = max(served.at for served in asked["facts"].served.values()).date().isoformat()
    known = bill("B1", "86.40", "2026-03-10")
    later = bill("B2", "90", fell_overdue_after_the_notice or told_on)
    facts = asked["facts"].model_copy(update={"ledger": (known, later)})
    owed = Standing(overdue=sum(left.values()), undisputed=sum(left.values()), late_fees=0, prepaid=0, owed=left)
    assert refuses(asked | {"facts": facts, "owed": owed}) == ([] if allowed else ["debt-told"])


def test_a_bill_overdue_from_the_very_instant_of_the_notice_was_told() -> None:
    asked = question()
    facts = asked["facts"].model_copy(update={"ledger": (bill("B1", "86.40", "2026-04-11"),)})
    notice = facts.served[LIMIT_NOTICE].model_copy(update={"at": facts.ledger[0].overdue_from})
    facts = facts.model_copy(update={"served": facts.served | {LIMIT_NOTICE: notice}})
    assert told(owing(8640, 8640), facts) == 8640
    earlier = notice.model_copy(update={"at": notice.at - SECOND})
    facts = facts.model_copy(update={"served": facts.served | {LIMIT_NOTICE: earlier}})
    assert told(owing(8640, 8640), facts) == 0


def test_told_debt_that_somebody_left_behind_is_no_ground() -> None:
    owed = owing(18_640, 10_000).model_copy(update={"owed": {"B1": 8640, "B2": 10_000}, "left_behind": ("B1",)})
    assert told(owed, question()["facts"]) == 0
    assert refuses(question() | {"owed": owed}) == ["debt-told"]


def test_told_debt_that_is_disputed_is_no_ground() -> None:
    asked = question()
    told_at = max(served.at for served in asked["facts"].served.values())
    ledger = (bill("B1", "86.40", "2026-03-10"), bill("B2", "90", told_at.date().isoformat()))
    facts = asked["facts"].model_copy(update={"ledger": ledger, "disputes": (Dispute(bill="B1", started_at=told_at),)})
    owed = standing(facts=ledger, disputes=facts.disputes, as_of=asked["at"])
    assert refuses(asked | {"facts": facts, "owed": owed}) == ["debt-told"]


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_balance_that_billing_has_otherwise_is_unknown_where_the_pack_says_so(moment: Moment) -> None:
    asked = question(moment=moment) | {"billing_differs": True}
    (condition,) = unmet(interlock(**asked))
    assert (condition.key, condition.met) == ("ledger-agrees", None)
    for said_by_pack in (None, asked["policy"].differences_hold.model_copy(update={"value": False})):
        policy = asked["policy"].model_copy(update={"differences_hold": said_by_pack})
        assert refuses(asked | {"policy": policy}) == []


@pytest.mark.parametrize("moment", MOMENTS)
def test_what_a_door_has_taken_in_and_the_case_has_not_heard_of_is_unknown(moment: Moment) -> None:
    (condition,) = unmet(interlock(**question(moment=moment) | {"unheard": True}))
    assert (condition.key, condition.met) == ("all-heard", None)
