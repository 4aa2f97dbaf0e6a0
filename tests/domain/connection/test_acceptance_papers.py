"""What stands on the papers of an acceptance: each round in figures, and what the form stated."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from domain.calendars import CHINA
from domain.connection.acceptance_papers import Decided, minutes, reading_notice, report, runs
from domain.connection.facts import ItemTable, Project, ProjectFacts
from domain.connection.items import Item
from domain.refusals import Refused
from policies.packs import load_pack

AT = datetime(2026, 3, 20, 10, tzinfo=CHINA)
WHERE: dict[str, Any] = {"utility": "供水公司", "project": "示例家园", "address": "示例路 8 号"}
TABLED = {no: Item(no=no, building="3", room=f"{no}01") for no in range(1, 51)}


def facts(**more: Any) -> ProjectFacts:
    project = Project(kind="estate", meters=50)
    plain = {"case_no": "BZ-20260311-0001", "pack": "x", "opened_at": AT, "as_of": AT, "project": project}
    return ProjectFacts.model_validate(plain | more)


def decided(*failed: dict[str, str], **form: Any) -> list[Decided]:
    plain = {"works_finished": True, "matches_drawings": True, "valve_open": False} | form
    return [
        Decided(at=AT + timedelta(days=no), by="王工", form=plain | {"failed": each}) for no, each in enumerate(failed)
    ]


@pytest.mark.clause("kaifeng.acceptance.minutes-by-developer")
def test_the_minutes_of_a_round_name_what_passed_as_runs_and_what_failed_with_its_reason() -> None:
    accepted = decided(
        {"3": "埋深不足", "17": "缺铅封"}, {"17": "铅封号不符"}, attendants=["李示例"], terms="月底前恢复绿化"
    )
    first = minutes(facts(), accepted, TABLED, round_=1, **WHERE)
    assert first.round.passed == ("1—2", "4—16", "18—50")
    assert [(each.no, each.door, each.reason) for each in first.round.failed] == [
        (3, "3-301", "埋深不足"),
        (17, "3-1701", "缺铅封"),
    ]
    assert (first.attendants, first.terms, first.points) == (
        ("李示例",),
        "月底前恢复绿化",
        ("给水工程全部完工", "与图纸相符"),
    )
    second = minutes(facts(), accepted, {}, round_=2, **WHERE)
    assert (second.round.passed, second.round.passed_many) == (("3",), 1)
    with pytest.raises(Refused, match="round 3"):
        minutes(facts(), accepted, {}, round_=3, **WHERE)


@pytest.mark.clause("jinan.acceptance.acceptance-report-filed")
def test_the_report_sums_the_rounds_up_and_says_whether_all_have_passed() -> None:
    known = facts(fees={1: 420, 2: 84}, tables={"order": ItemTable(sha256="ab" * 32, items=50)})
    accepted = decided({"3": "埋深不足"}, {}, depth_least=38, depth_most=42, water_used="1.0", report="YSBG-7")
    told = report(known, accepted, TABLED, **WHERE)
    assert (told.no, told.whole, told.depth, told.fee) == ("YSBG-7", True, "38—42 厘米", 504)
    assert [(each.passed_many, len(each.failed)) for each in told.rounds] == [(49, 1), (1, 0)]
    assert not report(known, accepted[:1], TABLED, **WHERE).whole
    with pytest.raises(Refused):
        report(known, [], TABLED, **WHERE)


@pytest.mark.clause("qingdao.account-opening.publicise-reading-and-payment")
def test_the_notice_tells_how_meters_are_read_and_water_is_asked_about_and_paid() -> None:
    policy = load_pack("qingdao").connection
    assert policy is not None
    assert policy.reading_notice is not None
    told = reading_notice(policy.reading_notice.value, opened={"reading_book": "册 07"}, at=AT, **WHERE)
    assert all(word in told.words for word in ("抄读", "周期", "查询", "水费", "缴费"))
    assert told.reading_book == "册 07"
    with pytest.raises(Refused):
        reading_notice(None, opened=None, at=AT, **WHERE)


def test_runs_of_numbers() -> None:
    assert runs([1, 2, 3, 5, 7, 8]) == ["1—3", "5", "7—8"]
    assert runs([]) == []
