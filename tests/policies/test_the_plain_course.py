"""The vocabulary that others run cases by: in the plain course of a case a pack asks for nothing that it does not name.

A rule may ask for more where something was declared, failed or told; then the case has left the plain course.
"""

from typing import Any

import pytest

from domain.arrears.policy import ArrearsPolicy
from domain.connection.policy import KINDS
from policies.packs import load_pack, pack_versions
from tests.policies.lives import arrears_lives, begun

PROJECT_TASKS = (
    "check-papers",
    "arrange-survey",
    "survey",
    "draft-scheme",
    "approve-scheme",
    "design",
    "submit-drawings",
    "review-drawings",
    "sign-contract",
    "register-works",
    "inspect-node",
    "install-meters",
    "accept",
    "test-water",
    "settle-fee",
    "open-account",
    "activate",
    "follow-up",
    "switch-meters",
)
ARREARS_TASKS = (
    "serve-dunning-notice",
    "dun-customer",
    "report-nonpayer",
    "serve-limit-notice",
    "publish-limit",
    "approve-limit",
    "limit-pressure",
    "restore",
    "refer-legal",
)
PACKS = pack_versions()


def opened(told: list[Any], *, before: str = "2199") -> list[str]:
    events = [
        each for each in told if isinstance(each, dict) and each.get("event") == "TaskOpened" and each["at"] < before
    ]
    return [event["task"]["key"].partition(".")[2] for event in events]


@pytest.mark.parametrize("design_by", ["utility", "customer"])
@pytest.mark.parametrize("meters", [1, 30])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("pack", PACKS)
def test_a_project_decided_the_plain_good_way_asks_for_the_known_tasks_once_each_and_closes(
    pack: str, kind: str, meters: int, design_by: str
) -> None:
    policy = load_pack(pack).connection
    assert policy is not None
    project = {"kind": kind, "meters": meters, "high_rise": meters > 1, "design_by": design_by, "sector": "other"}
    told = begun(policy, project, {}).live()
    assert "stuck" not in told
    assert any(isinstance(each, dict) and each["event"] == "CaseClosed" for each in told)
    keys = opened(told)
    assert set(keys) - set(PROJECT_TASKS) == set()
    assert [key for key in PROJECT_TASKS if keys.count(key) > 1 and key != "inspect-node"] == []


@pytest.mark.parametrize("life", range(len(arrears_lives())))
@pytest.mark.parametrize("pack", PACKS)
def test_an_arrears_case_asks_for_the_known_tasks_only(pack: str, life: int) -> None:
    policy = load_pack(pack).arrears
    assert isinstance(policy, ArrearsPolicy)
    # A debt that nobody moves for years is watched before it is out of time: no plain course lasts so long.
    assert set(opened(arrears_lives()[life](policy), before="2028-09")) - set(ARREARS_TASKS) == set()
