"""Until when each sentence has a step of a project done, at the utility whose sentence it is.

What the sentence says stands here once more, beside its name; the project itself goes by the pack.
"""

from typing import Any

import pytest

from domain.connection.kinds import KINDS
from domain.tasks import Task
from domain.terms import Term, due_at
from policies.packs import load_calendar
from tests.claiming import claiming
from tests.domain.connection.test_sentences_of_a_project import life, open_until


def open_(clause: str, key: str, about: dict[str, Any]) -> Task:
    project = {"kind": "estate", "meters": 30} | about
    return open_until(life(clause.partition(".")[0], project), f"connection.{key}")


@pytest.mark.clause(
    "qingdao.connection.pass-application-at-once",
    "qingdao.connection.arrange-survey-at-once",
    "changchun.connection.tell-once-guide-throughout",
    "jinan.design.book-survey-same-day",
    "jinan.design.one-time-notice-same-day",
)
@pytest.mark.parametrize("pack", ["qingdao", "changchun", "jinan"])
@pytest.mark.parametrize("key", ["check-papers", "arrange-survey"])
def test_papers_are_looked_through_and_the_survey_is_booked_the_same_day(pack: str, key: str) -> None:
    task = open_until(life(pack), f"connection.{key}")
    assert task.due is not None
    assert task.due.last_day == task.opened_at.date()


@pytest.mark.parametrize(
    ("clause", "key", "term", "about"),
    [
        claiming("qingdao.connection.plan-within-process-limit", "draft-scheme", "2WD", {}),
        claiming("qingdao.connection.plan-within-process-limit", "approve-scheme", "1WD", {}),
        claiming("qingdao.construction.eng-rep-filing-and-inspection", "register-works", "3WD", {}),
        claiming("qingdao.construction.inspect-each-node", "inspect-node", "1WD", {}),
        claiming("qingdao.design.drawing-review-on-notice", "review-drawings", "3WD", {}),
        claiming("qingdao.acceptance.branch-meter-acceptance", "accept", "3WD", {}),
        claiming("qingdao.account-opening.contract-for-public-building-meters", "sign-contract", "3WD", {}),
        claiming("qingdao.account-opening.complete-data-before-account", "open-account", "month-end", {}),
        claiming("qingdao.connection.water-on-by-customer-need", "activate", "2WD", {}),
        claiming("jinan.design.single-meter-1-2wd", "design", "2WD", kind="single", meters=1),
        claiming("jinan.design.estate-18wd", "design", "18WD", {}),
        claiming("jinan.acceptance.accept-invite-one-day-ahead", "accept", "3WD", {}),
        claiming("jinan.meter-service.install-single-3-days", "install-meters", "P3D", kind="single", meters=1),
        claiming("jinan.meter-service.install-over-20-7wd", "install-meters", "7WD", meters=21),
        claiming("jinan.account-opening.into-route-same-month", "open-account", "month-end", {}),
        claiming("kaifeng.acceptance.attend-at-notified-time", "accept", "3WD", {}),
        claiming("kaifeng.acceptance.single-to-normal-reading", "open-account", "P0D", kind="single", meters=1),
        claiming("kaifeng.acceptance.settle-water-fee-5wd", "settle-fee", "5WD", {}),
        claiming("kaifeng.acceptance.data-entry-before-opening", "open-account", "month-end", {}),
        claiming("kaifeng.acceptance.notify-contract-and-opening-date", "sign-contract", "3WD", {}),
        claiming("changchun.connection.leading-group-assigns", "assign", "1WD", kind="single", sector="industry"),
        claiming("changchun.connection.chase-each-step", "arrange-survey", "P0D", {}),
        claiming("changchun.connection.chase-each-step", "survey", "3WD", {}),
        claiming("changchun.connection.chase-each-step", "draft-scheme", "2WD", {}),
        claiming("changchun.connection.chase-each-step", "approve-scheme", "1WD", {}),
        claiming("changchun.connection.chase-each-step", "design", "18WD", {}),
        claiming("changchun.connection.chase-each-step", "review-drawings", "3WD", {}),
        claiming("changchun.connection.chase-each-step", "sign-contract", "3WD", {}),
        claiming("changchun.connection.chase-each-step", "register-works", "3WD", {}),
        claiming("changchun.connection.chase-each-step", "inspect-node", "1WD", {}),
        claiming("changchun.connection.chase-each-step", "install-meters", "7WD", {}),
        claiming("changchun.connection.chase-each-step", "accept", "3WD", {}),
        claiming("changchun.connection.chase-each-step", "open-account", "month-end", {}),
        claiming("changchun.connection.chase-each-step", "activate", "2WD", {}),
        claiming("changchun.connection.chase-each-step", "design", "2WD", kind="single", meters=1),
        claiming("changchun.connection.chase-each-step", "install-meters", "P3D", kind="single", meters=1),
        claiming("changchun.connection.chase-each-step", "install-meters", "7WD", meters=20),
    ],
)
def test_a_step_is_due_when_its_sentence_says(clause: str, key: str, term: str, about: dict[str, Any]) -> None:
    task = open_(clause, key, about)
    assert task.due == due_at(term=Term.parse(term), started_at=task.counts_from, calendar=load_calendar())
    assert clause in task.clauses


@pytest.mark.clause("qingdao.design.customer-commissions-qualified-designer")
@pytest.mark.parametrize("kind", KINDS)
def test_at_qingdao_the_customers_own_designer_draws_in_the_customers_time(kind: str) -> None:
    task = open_("qingdao.x", "submit-drawings", {"kind": kind})
    assert task.clock[-1].party == "customer"
    assert str(task.term) == "P60D"
    assert task.term is not None
    assert task.term.roll


@pytest.mark.clause("changchun.connection.papers-online-or-at-home")
def test_at_changchun_papers_follow_within_a_month_of_the_customers_time() -> None:
    task = open_until(
        life("changchun", **{"check-papers": {"outcome": "missing", "missing": ["身份证明"]}}),
        "connection.supply-papers",
    )
    assert (str(task.term), task.clock[-1].party) == ("P30D", "customer")
    assert task.term is not None
    assert task.term.roll


@pytest.mark.clause("qingdao.acceptance.branch-partial-acceptance", "kaifeng.acceptance.failed-part-rectified")
@pytest.mark.parametrize("pack", ["qingdao", "kaifeng"])
def test_what_did_not_pass_is_put_right_in_the_contractors_fifteen_days(pack: str) -> None:
    task = open_until(life(pack, accept={"failed": {2: "铅封缺失"}}), "connection.rectify")
    assert (task.role, task.clock[-1].party, str(task.term)) == ("contractor", "contractor", "P15D")
