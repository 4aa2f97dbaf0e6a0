"""What each sentence on arrears and escalation has said, asked and sent, at the utility whose sentence it is."""

from datetime import timedelta
from typing import Any

import pytest

from domain.account import Estate
from domain.arrears.commands import RecordContact
from domain.arrears.events import MessageDue, NoticeServed
from domain.arrears.notices import Addressee, notice, notices_due
from domain.case import TaskEscalated
from domain.people import ROLES, Actor, Level, Role
from domain.recovery import meets
from domain.refusals import Refused
from policies.packs import load_calendar
from tests.claiming import claiming
from tests.domain.arrears.openings import DUNNING, LIMIT_NOTICE, REPORT, WANG, at, bill, policy_of
from tests.domain.arrears.play import Play, opened

TO = Addressee(name="王五", address="南京路1号", estate="gated")
DUN, PUBLISH = "arrears.dun-customer", "arrears.publish-limit"


def contacted(play: Play) -> Play:
    for day in ("2026-03-12 10:00", "2026-03-12 11:00"):
        play.instruct(RecordContact, by=WANG, method="phone", when=day)
    return play


def neglected(pack: str) -> list[TaskEscalated]:
    """How high the first task of a case climbs when nobody does it."""
    play = opened(pack=pack)
    if pack == "kaifeng":
        contacted(play)
    return play.until(play.now + timedelta(days=60)).heard(TaskEscalated)


# Words and papers.


@pytest.mark.parametrize(
    ("clause", "template", "channels"),
    [
        claiming("jinan.dunning.notice-within-3-days", "reminder", ("sms",)),
        claiming("kaifeng.dunning.reminder-channels", "reminder", ("sms", "wechat")),
        claiming("liaocheng.notification.wechat-mechanism", "reminder", ("wechat", "sms")),
        claiming("qingdao.dunning.dun-after-sms", "reminder", ("sms",)),
    ],
)
def test_a_case_begins_with_the_utilitys_reminder_by_each_of_its_channels(
    clause: str, template: str, channels: tuple[str, ...]
) -> None:
    play = opened(pack=clause.partition(".")[0], unreachable_by=("sms", "wechat"))
    sent = play.until(play.now + timedelta(days=2)).heard(MessageDue)
    assert [(due.template, due.channel) for due in sent] == [(template, channel) for channel in channels]


@pytest.mark.parametrize(
    ("clause", "template", "said"),
    [
        claiming("jinan.dunning.notice-within-3-days", "reminder", "已过缴费期，请尽快交纳"),
        claiming("jinan.dunning.restriction-sms-or-call", "limit-notice", "限压停水通知单已送达"),
        claiming("kaifeng.dunning.reminder-channels", "reminder", "已过缴费期，请尽快交纳"),
        claiming("liaocheng.notification.wechat-mechanism", "reminder", "已过缴费期，请尽快交纳"),
        claiming("liaocheng.notification.fixed-templates", "limit-notice", "限压停水通知单已送达"),
        claiming("qingdao.dunning.dun-after-sms", "reminder", "已过缴费期，请尽快交纳"),
    ],
)
def test_a_message_says_what_it_is_for_and_for_which_account(clause: str, template: str, said: str) -> None:
    words = policy_of(clause.partition(".")[0]).messages[template].value
    written = words.format(account_no="0410023", amount="86.40", case_no="QF-1")
    assert said in written
    assert all(part in written for part in ("0410023", "86.40元", "QF-1"))


@pytest.mark.parametrize(
    ("clause", "task", "title"),
    [
        claiming("jinan.dunning.notice-within-3-days", DUNNING, "水费催缴通知单"),
        claiming("jinan.dunning.restriction-notice-within-3-days", LIMIT_NOTICE, "限压停水通知单"),
        claiming("kaifeng.dunning.issue-shutoff-notice", LIMIT_NOTICE, "停水通知单"),
        claiming("kaifeng.dunning.two-contacts-before-shutoff-notice", None, "催费通知单"),
    ],
)
def test_the_paper_of_a_step_is_called_what_the_sentence_calls_it(clause: str, task: str | None, title: str) -> None:
    play = opened(pack=clause.partition(".")[0])
    if task is not None:
        play.drive(task)
    (due,) = notices_due(play.facts, play.policy)
    assert due.task == task
    paper: Any = notice(
        due=due,
        facts=play.facts,
        policy=play.policy,
        calendar=load_calendar(),
        utility="某",
        addressee=TO,
        at=play.now,
    )
    assert paper.title == title


@pytest.mark.parametrize(
    ("clause", "estate", "ways"),
    [
        claiming("jinan.dunning.open-estate-post", "open", ("posted",)),
        claiming("jinan.dunning.closed-estate-call", "gated", ("phone", "sms")),
    ],
)
@pytest.mark.parametrize("task", [DUNNING, LIMIT_NOTICE])
def test_either_notice_reaches_an_estate_as_its_sentence_says_or_is_on_record_as_served_otherwise(
    clause: str, estate: Estate, ways: tuple[str, ...], task: str
) -> None:
    def otherwise(method: str) -> bool:
        play = opened(pack="jinan")
        play.account = play.account.model_copy(update={"estate": estate})
        play.facts = play.facts.model_copy(update={"account": play.account})
        play.drive(task).decide(task, method=method)
        return play.heard(NoticeServed)[-1].otherwise

    methods = ("in-person", "posted", "registered", "sms", "phone")
    assert tuple(method for method in ("posted", "phone", "sms") if not otherwise(method)) == ways
    assert all(otherwise(method) for method in methods if method not in ways)


@pytest.mark.clause("jinan.dunning.restriction-sms-or-call")
def test_at_jinan_the_limit_notice_goes_with_an_sms() -> None:
    play = opened(pack="jinan").drive(LIMIT_NOTICE)
    play.decide(LIMIT_NOTICE)
    due = play.heard(MessageDue)[-1]
    assert (due.template, due.channel) == ("limit-notice", "sms")


# Terms.


@pytest.mark.clause("kaifeng.dunning.report-nonpayer-in-writing")
def test_the_report_is_written_by_the_end_of_the_next_day() -> None:
    task = contacted(opened(pack="kaifeng")).task(REPORT)
    assert (task.opened_at, task.due_at) == (at("2026-03-12 11:00"), at("2026-03-14 00:00"))


@pytest.mark.clause("qingdao.dunning.dun-after-due", "qingdao.dunning.dun-after-sms")
def test_at_qingdao_somebody_speaks_to_whoever_still_owes_three_days_after_the_sms() -> None:
    play = opened(pack="qingdao").until("2026-03-13 23:59")
    assert play.on_the_ladder() == []
    # The third day is a Saturday: what runs against a customer rolls to the Monday, and ends with it.
    task = play.until("2026-03-17 00:00").task(DUN)
    assert (task.opened_at, task.due_at) == (at("2026-03-17 00:00"), at("2026-03-24 00:00"))


@pytest.mark.clause("qingdao.dunning.dun-after-sms")
def test_at_qingdao_whoever_paid_after_the_sms_is_spoken_to_by_nobody() -> None:
    play = opened(pack="qingdao")
    play.pay("T-1", "86.40")
    assert (play.facts.outcome, play.openings(DUN)) == ("settled", [])


@pytest.mark.clause("liaocheng.notification.publish-outage-arrears-knowledge")
def test_at_liaocheng_the_coming_limit_is_made_known_within_a_day() -> None:
    task = opened(pack="liaocheng").drive(PUBLISH).task(PUBLISH)
    assert str(task.term) == "P1D"


# Who.


@pytest.mark.clause("kaifeng.dunning.pursue-arrears")
def test_at_kaifeng_the_representative_pursues_the_debt_or_whoever_leads_them() -> None:
    def may(role: Role) -> bool:
        try:
            opened(pack="kaifeng").instruct(RecordContact, by=Actor(id="p", roles=(role,)), method="phone")
        except Refused:
            return False
        return True

    assert [role for role in ROLES if may(role)] == ["representative", "collector", "supervisor"]


@pytest.mark.clause(
    "kaifeng.escalation.four-levels", "kaifeng.escalation.l3-group-members", "kaifeng.escalation.l1-group-members"
)
def test_at_kaifeng_late_work_climbs_three_times_and_each_group_hears_of_it() -> None:
    risen = neglected("kaifeng")
    assert [(each.level, each.told) for each in risen] == [
        ("section", ("representative", "collector", "supervisor")),
        ("office", ()),
        ("centre", ("supervisor", "dispatcher")),
    ]


@pytest.mark.clause("kaifeng.escalation.l3-section-resolves", "kaifeng.escalation.l1-centre-coordinates")
@pytest.mark.parametrize(("level", "risen"), [("section", 1), ("centre", 3)])
def test_at_kaifeng_the_head_of_a_level_resolves_what_has_come_there(level: Level, risen: int) -> None:
    play = contacted(opened(pack="kaifeng"))
    while len(play.heard(TaskEscalated)) < risen:
        assert play.next_wake is not None
        play.until(play.next_wake)
    (task,) = play.facts.tasks.values()
    assert (task.escalations[-1].level, task.escalations[-1].resolver) == (level, "supervisor")
    play.decide(REPORT, by=Actor(id="head", roles=("supervisor",), level=level), when=play.now)


@pytest.mark.clause("kaifeng.escalation.progress-when-long")
def test_at_kaifeng_what_lies_two_working_days_at_one_level_has_its_progress_told() -> None:
    play = contacted(opened(pack="kaifeng")).until("2026-04-10 00:00")
    asked = [each for each in play.said if each.event == "ProgressDue"]
    # It rises on Monday the 16th, Wednesday and Friday; two working days at the centre end with Tuesday the 24th.
    assert (asked[0].level, asked[0].at) == ("centre", at("2026-03-25 08:30"))


@pytest.mark.clause("jinan.escalation.escalate-by-leak-standard")
def test_at_jinan_late_work_goes_up_level_by_level() -> None:
    assert [each.level for each in neglected("jinan")] == ["section", "office", "centre"]


@pytest.mark.clause("liaocheng.escalation.major-event-mechanism", "liaocheng.escalation.major-event-report-at-once")
def test_at_liaocheng_what_is_late_is_the_department_heads_at_once_and_goes_no_further() -> None:
    assert [(each.level, each.told) for each in neglected("liaocheng")] == [("section", ("supervisor",))]


# Goals.


@pytest.mark.clause("kaifeng.dunning.recovery-rate-month-97", "kaifeng.dunning.recovery-rate-year-99")
def test_kaifengs_goals_are_met_by_ninety_seven_and_ninety_nine_of_a_hundred_and_by_no_less() -> None:
    goals = policy_of("kaifeng").recovery
    assert goals is not None
    assert [next(n for n in range(101) if meets(n, 100, goal.value)) for goal in (goals.month, goals.year)] == [97, 99]


@pytest.mark.clause("kaifeng.dunning.two-contacts-before-shutoff-notice")
def test_at_kaifeng_no_stop_notice_goes_out_after_one_contact_however_long() -> None:
    play = opened(bill("B1", "300.00", "2026-03-10"), pack="kaifeng")
    play.instruct(RecordContact, by=WANG, method="phone", when="2026-03-12 10:00")
    assert play.until("2026-12-01 00:00").openings(LIMIT_NOTICE) == []
