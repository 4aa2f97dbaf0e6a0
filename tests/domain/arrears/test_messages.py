"""A message that does not arrive goes by the next channel of the pack, once, and never to somebody who owes nothing."""

from typing import Any, Literal

import pytest
from pydantic import ValidationError

from domain.arrears.commands import ReportMessage
from domain.arrears.events import MessageDue, MessageReported
from domain.arrears.policy import ArrearsPolicy
from domain.people import SYSTEM
from domain.policy import Sourced
from domain.refusals import Refused
from policies.packs import load_pack, pack_versions
from tests.domain.arrears.openings import DUNNING, LI, at, policy_of
from tests.domain.arrears.play import Play, opened


def due(play: Play) -> list[tuple[str, str, str | None]]:
    return [(each.key, each.channel, each.instead_of) for each in play.heard(MessageDue)]


def report(
    play: Play, key: str, status: Literal["delivered", "failed"], *, channel: str = "sms", when: str | None = None
) -> None:
    said = {"key": key, "template": key.rpartition("-")[0], "channel": channel, "status": status}
    play.instruct(ReportMessage, by=SYSTEM, when=when, **said)


def test_a_message_that_its_provider_refuses_goes_by_the_next_channel() -> None:
    play = opened(pack="kaifeng", unreachable_by=("sms",)).until("2026-03-11 10:00")
    assert due(play) == [("reminder-1", "sms", None), ("reminder-2", "wechat", "reminder-1")]
    assert [each.at for each in play.heard(MessageDue)] == [at("2026-03-11 09:00")] * 2


def test_after_the_last_channel_there_is_no_other() -> None:
    play = opened(pack="kaifeng", unreachable_by=("sms", "wechat")).until("2026-03-14 10:00")
    assert len(due(play)) == 2
    assert due(opened(unreachable_by=("sms",)).until("2026-03-14 10:00")) == [("reminder-1", "sms", None)]


def test_one_that_was_sent_and_is_reported_lost_goes_by_the_next_channel_once() -> None:
    play = opened(pack="kaifeng").until("2026-03-11 10:00")
    report(play, "reminder-1", "failed")
    report(play, "reminder-1", "failed")
    assert due(play) == [("reminder-1", "sms", None), ("reminder-2", "wechat", "reminder-1")]
    assert [each.status for each in play.heard(MessageReported)] == ["failed", "failed"]


def test_one_that_arrived_goes_by_no_other_channel() -> None:
    play = opened(pack="kaifeng").until("2026-03-11 10:00")
    report(play, "reminder-1", "delivered")
    assert len(due(play)) == 1


def test_the_other_channel_keeps_the_quiet_hours() -> None:
    play = opened(pack="kaifeng").until("2026-03-11 10:00")
    report(play, "reminder-1", "failed", when="2026-03-11 23:10")
    [_, other] = play.heard(MessageDue)
    assert (other.at, other.not_before) == (at("2026-03-11 23:10"), at("2026-03-12 08:30"))


def test_a_debt_that_is_paid_is_written_about_by_no_channel() -> None:
    play = opened(pack="kaifeng").until("2026-03-11 10:00")
    report(play, "reminder-1", "failed", when="2026-03-11 23:10")
    play.pay("T-1", "86.40")
    assert play.facts.messages == {}
    settled = opened(pack="kaifeng").until("2026-03-11 10:00")
    settled.pay("T-1", "86.40")
    with pytest.raises(Refused, match="has ended"):
        report(settled, "reminder-1", "failed")
    assert len(due(settled)) == 1


def test_what_became_of_a_message_is_told_by_its_provider_alone() -> None:
    play = opened(pack="kaifeng").until("2026-03-11 10:00")
    said = {"key": "reminder-1", "template": "reminder", "channel": "sms", "status": "failed"}
    with pytest.raises(Refused, match="told by its provider"):
        play.instruct(ReportMessage, by=LI, **said)


def test_an_sms_serves_a_notice_only_where_the_pack_lets_it() -> None:
    served: dict[str, Any] = {"method": "sms", "photo": None, "receipt": "1^0 DELIVERED"}
    lets = opened()
    lets.decide(DUNNING, when="2026-03-12 10:00", **served)
    assert DUNNING in lets.facts.served
    play = opened()
    play.policy = with_sms_serving(play.policy, serves=False)
    with pytest.raises(Refused, match="an SMS does not serve this notice"):
        play.decide(DUNNING, when="2026-03-12 10:00", **served)
    play.decide(DUNNING, when="2026-03-12 10:00")
    assert DUNNING in play.facts.served


def with_sms_serving(policy: ArrearsPolicy, *, serves: bool) -> ArrearsPolicy:
    said = Sourced(value=serves, chosen=True, reason="A test.")
    ladder = tuple(
        rung.model_copy(update={"sms_serves": said}) if rung.rung == "serve" else rung for rung in policy.ladder
    )
    return policy.model_copy(update={"ladder": ladder})


@pytest.mark.parametrize("order", [["wechat", "sms"], ["sms", "wechat", "sms"], []])
def test_an_order_of_channels_that_begins_elsewhere_is_refused(order: list[str]) -> None:
    written = policy_of("jinan").model_dump(mode="json")
    written["channels"]["reminder"]["value"] = order
    with pytest.raises(ValidationError, match=r"channels.reminder: begins with the channel of its rung, sms"):
        ArrearsPolicy.model_validate(written)


def test_every_pack_that_ships_says_by_what_its_messages_go_and_whether_an_sms_serves() -> None:
    for name in pack_versions():
        policy = load_pack(name).arrears
        if policy is None:
            continue
        sent = {rung.message.value for rung in policy.ladder if rung.rung in ("remind", "serve") and rung.message}
        assert sent <= set(policy.channels), name
        assert all(rung.sms_serves is not None for rung in policy.ladder if rung.rung == "serve"), name
