"""A message leaves once, whatever its provider and the network do, and nothing personal is told of it."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.aliyun_sms import AliyunSms, signed
from activities.channels import ByChannel, JournalChannel, NoProvider
from activities.notices import LAST_TRY, Delivery, Handed, Letter, Message, Notices
from domain.calendars import CHINA
from settings import Settings
from store import intake
from store.database import Database
from store.tables import accounts, notices
from tests.activities import sms_provider
from tests.activities.sms_provider import Mode, Provider
from tests.store.debts import OPENED_AT, PACK, open_case, payment
from worker import channels, message_text

PHONE, ACCOUNT = "13800000000", "0410023"
NO_SOONER = timedelta(seconds=1)


class Sender:
    """Sends as the engine would: again after a failure, later each time, until it has a fate."""

    def __init__(self, database: Database, provider: Provider) -> None:
        self.database = database
        self.provider = provider
        self.now = OPENED_AT
        self.case_no = open_case(database, ACCOUNT).case_no
        self.channel = AliyunSms(
            url=provider.url,
            key_id=sms_provider.KEY_ID,
            secret=sms_provider.SECRET,
            sign_name="济南水务",
            templates={"jinan/reminder": "SMS_1", "limit-notice": "SMS_2"},
            clock=lambda: self.now,
        )
        self.notices = Notices(database, self.channel, message_text, clock=lambda: self.now)
        self.failures: list[ApplicationError] = []

    def letter(self, template: str = "reminder") -> Letter:
        told = {"case_no": self.case_no, "account_no": ACCOUNT, "pack": PACK, "channel": "sms", "at": OPENED_AT}
        return Letter(key=f"{template}-1", template=template, amount_fen=8640, **told)

    def once(self, letter: Letter, attempt: int = 1) -> Delivery | None:
        activity = ActivityEnvironment()
        activity.info = replace(activity.info, attempt=attempt)
        # Nobody waits long for one that stalls, but until the message is there; a busy machine does not stall.
        stalls = self.provider.modes[:1] in (["stalls"], ["takes-and-stalls"])
        self.channel._http.timeout = 0.3 if stalls else 60
        try:
            delivery: Delivery = activity.run(self.notices.send, letter)
        except ApplicationError as failure:
            self.failures.append(failure)
            self.now += failure.next_retry_delay or NO_SOONER
            assert not stalls or self.provider.stalled.acquire(timeout=60)
            return None
        return delivery

    def send(self, letter: Letter | None = None) -> Delivery:
        for attempt in range(1, LAST_TRY + 1):
            if (delivery := self.once(letter or self.letter(), attempt)) is not None:
                return delivery
        raise AssertionError("it never came to an end")

    def row(self) -> Any:
        with self.database.read() as connection:
            return connection.execute(select(notices)).one()


@pytest.fixture
def provider() -> Iterator[Provider]:
    with sms_provider.running() as running:
        yield running


@pytest.fixture
def sender(database: Database, provider: Provider) -> Sender:
    return Sender(database, provider)


def test_the_signature_is_the_one_that_the_provider_publishes() -> None:
    """The example of its documentation, to the last digit."""
    _, headers = signed(
        key_id="YourAccessKeyId",
        secret="YourAccessKeySecret",
        host="ecs.cn-shanghai.aliyuncs.com",
        action="RunInstances",
        version="2014-05-26",
        query={"RegionId": "cn-shanghai", "ImageId": "win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd"},
        at=datetime(2023, 10, 26, 18, 22, 32, tzinfo=CHINA),
        nonce="3156853299f313e23d1673dc12e1703d",
    )
    assert headers["authorization"] == (
        "ACS3-HMAC-SHA256 Credential=YourAccessKeyId,"
        "SignedHeaders=host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version,"
        "Signature=06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0"
    )


def test_a_message_goes_out_as_the_providers_template_with_our_reference(sender: Sender, provider: Provider) -> None:
    assert sender.send() == Delivery(status="sent")
    assert sender.send() == Delivery(status="sent")
    [taken] = provider.taken
    assert {name: taken[name] for name in ("PhoneNumbers", "SignName", "TemplateCode", "OutId")} == {
        "PhoneNumbers": PHONE,
        "SignName": "济南水务",
        "TemplateCode": "SMS_1",
        "OutId": f"{sender.case_no}/reminder-1",
    }
    assert taken["TemplateParam"] == f'{{"account_no": "{ACCOUNT}", "amount": "86.40", "case_no": "{sender.case_no}"}}'
    assert (sender.row().status, sender.row().provider_reference, sender.row().hand_overs) == ("sent", "1^0", 1)


@pytest.mark.parametrize("mode", ["takes-and-stalls", "takes-and-resets"])
def test_one_that_was_taken_and_not_answered_is_asked_about_and_not_sent_again(
    sender: Sender, provider: Provider, mode: Mode
) -> None:
    provider.modes = [mode]
    assert sender.send() == Delivery(status="sent")
    assert (len(provider.taken), provider.asked) == (1, {"SendSms": 1, "QuerySendDetails": 1})
    assert sender.failures[0].next_retry_delay == AliyunSms.patience


@pytest.mark.parametrize("mode", ["stalls", "resets", "breaks", "babble"])
def test_one_that_never_came_is_sent_once_more_under_the_same_reference(
    sender: Sender, provider: Provider, mode: Mode
) -> None:
    provider.modes = [mode]
    assert sender.send() == Delivery(status="sent")
    assert [each["OutId"] for each in provider.taken] == [f"{sender.case_no}/reminder-1"]
    assert (provider.asked["SendSms"], sender.row().hand_overs) == (2, 2)


def test_one_whose_fate_stays_unknown_is_not_sent_a_third_time(sender: Sender, provider: Provider) -> None:
    provider.modes = ["resets"] * 9
    delivery = sender.send()
    assert (delivery.status, provider.asked["SendSms"]) == ("unknown", 2)
    assert sender.row().status == "unknown"
    assert sender.send() == delivery
    assert provider.asked["SendSms"] == 2


def test_a_provider_that_says_nothing_at_all_leaves_it_unknown(sender: Sender, provider: Provider) -> None:
    provider.modes, provider.silent = ["takes-and-stalls"], True
    assert sender.send().status == "unknown"
    assert (len(provider.taken), provider.asked["SendSms"]) == (1, 1)


def test_no_answer_is_believed_before_the_providers_lists_have_caught_up(sender: Sender, provider: Provider) -> None:
    """A worker died in the middle; its successor asks at once, and is told of nothing."""
    provider.modes = ["resets"]
    assert sender.once(sender.letter()) is None
    sender.now = OPENED_AT + timedelta(seconds=1)
    assert sender.once(sender.letter(), 2) is None
    assert sender.failures[-1].next_retry_delay == AliyunSms.patience - timedelta(seconds=1)
    assert provider.asked["SendSms"] == 1


def test_a_provider_that_is_busy_is_tried_later_as_if_for_the_first_time(sender: Sender, provider: Provider) -> None:
    provider.modes = ["throttles", "throttles", "throttles", "takes-and-resets"]
    assert sender.send() == Delivery(status="sent")
    assert (len(provider.taken), sender.row().hand_overs) == (1, 1)


def test_a_provider_that_stays_away_is_given_up(database: Database, provider: Provider) -> None:
    provider.url = "http://127.0.0.1:9"
    sender = Sender(database, provider)
    assert sender.send() == Delivery(status="failed", detail="not reached")


def test_what_a_provider_refuses_has_failed_for_its_reason(sender: Sender, provider: Provider) -> None:
    provider.modes = ["refuses"]
    assert sender.send() == Delivery(status="failed", detail="isv.MOBILE_NUMBER_ILLEGAL")
    assert sender.send().status == "failed"
    assert provider.asked["SendSms"] == 1


def test_a_query_that_finds_it_twice_counts_any_that_was_delivered(sender: Sender, provider: Provider) -> None:
    provider.modes = ["takes-and-resets"]
    assert sender.once(sender.letter()) is None
    provider.taken.append(provider.taken[0])
    assert sender.send() == Delivery(status="sent")


def test_a_query_that_finds_it_undelivered_is_its_fate(sender: Sender, provider: Provider) -> None:
    provider.modes = ["takes-and-stalls"]
    provider.undelivered[f"{sender.case_no}/reminder-1"] = "UNDELIV"
    assert sender.send() == Delivery(status="failed", detail="UNDELIV")


def test_it_is_found_behind_many_others_of_its_day(sender: Sender, provider: Provider) -> None:
    provider.taken = [{"PhoneNumbers": PHONE, "OutId": f"other-{n}", "TemplateCode": "SMS_9"} for n in range(120)]
    provider.modes = ["takes-and-stalls"]
    assert sender.send() == Delivery(status="sent")
    assert provider.asked == {"SendSms": 1, "QuerySendDetails": 3}


def test_a_debt_paid_while_its_provider_was_busy_is_not_written_about(sender: Sender, provider: Provider) -> None:
    provider.modes = ["throttles"]
    assert sender.once(sender.letter()) is None
    sender.now = OPENED_AT + timedelta(hours=2)
    intake.record_payment(sender.database, ACCOUNT, payment(at=OPENED_AT + timedelta(hours=1)))
    assert sender.send() == Delivery(status="withdrawn")
    assert sender.row().status == "withdrawn"
    assert provider.taken == []


def test_a_customer_without_a_number_gets_none(sender: Sender, provider: Provider) -> None:
    with sender.database.write() as connection:
        connection.execute(accounts.update().values(phone=None))
    assert sender.send() == Delivery(status="failed", detail="no phone number is known")
    assert provider.asked["SendSms"] == 0


class Dying(JournalChannel):
    """A journal whose process dies before it has written, so many times."""

    def __init__(self, folder: Path, times: int) -> None:
        super().__init__(folder)
        self.left = times

    def send(self, message: Message) -> Handed:
        self.left -= 1
        return Handed(status="unknown") if self.left >= 0 else super().send(message)


def test_what_a_journal_does_not_have_was_never_handed_over_however_often_somebody_died(
    sender: Sender, tmp_path: Path
) -> None:
    sender.notices.channel = Dying(tmp_path / "messages", times=4)
    assert sender.send() == Delivery(status="sent")
    assert len(list((tmp_path / "messages").iterdir())) == 1
    assert [failure.next_retry_delay for failure in sender.failures] == [None] * 4
    assert sender.send() == Delivery(status="sent")


def test_a_message_without_a_template_or_a_provider_has_failed(sender: Sender, database: Database) -> None:
    sender.channel._templates = {}
    assert sender.send() == Delivery(status="failed", detail="no template of the provider is set for it")
    sender.notices.channel = ByChannel({"wechat": NoProvider()})
    refused = sender.send(sender.letter("limit-notice"))
    assert refused == Delivery(status="failed", detail="no provider for this channel")


def test_a_wrong_secret_is_no_reason_to_give_a_message_up_at_once(sender: Sender, provider: Provider) -> None:
    sender.channel._secret = "mistyped"
    assert sender.once(sender.letter()) is None
    sender.channel._secret = sms_provider.SECRET
    assert sender.send() == Delivery(status="sent")


@pytest.mark.parametrize("mode", ["ok", "refuses", "throttles", "babble", "takes-and-stalls", "resets"])
def test_neither_logs_nor_failures_tell_the_number_the_words_or_the_secret(
    sender: Sender, provider: Provider, mode: Mode, caplog: pytest.LogCaptureFixture
) -> None:
    provider.modes = [mode] * 3
    with caplog.at_level(logging.INFO):
        delivery = sender.send()
    told = [caplog.text, str(delivery), sender.letter().model_dump_json()]
    for failure in sender.failures:
        told += [repr(failure), str(failure.details), repr(failure.__cause__), repr(failure.__context__)]
    for personal in (PHONE, "86.40", "济南水务】", sms_provider.SECRET):
        assert not any(personal in each for each in told), personal


def test_the_settings_choose_the_provider(tmp_path: Path) -> None:
    chosen = channels(Settings(data=tmp_path))
    assert isinstance(chosen, ByChannel)
    assert isinstance(chosen.providers["sms"], JournalChannel)
    with pytest.raises(ValueError, match="sms=aliyun needs sms_key_id, sms_key_secret, sms_sign_name, sms_templates"):
        Settings(data=tmp_path, sms="aliyun")
    given = {"sms_key_id": "a", "sms_key_secret": "b", "sms_sign_name": "c", "sms_templates": {"reminder": "SMS_1"}}
    settings = Settings(data=tmp_path, sms="aliyun", **given)
    assert "'b'" not in repr(settings)
    real = channels(settings)
    assert isinstance(real, ByChannel)
    assert isinstance(real.providers["sms"], AliyunSms)
    assert isinstance(real.providers["wechat"], NoProvider)
