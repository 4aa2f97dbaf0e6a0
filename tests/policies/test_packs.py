"""The packs that come with Guanjia, and how they are found."""

import re
from collections.abc import Iterator
from datetime import date
from typing import Any, get_args

import pytest
from pydantic import BaseModel, ValidationError

from domain.arrears.policy import ArrearsPolicy, Serve, Wait
from domain.connection.policy import ConnectionPolicy, Kind
from domain.money import yuan
from domain.policy import Sourced
from policies import packs
from policies.coverage import coverage
from policies.packs import Pack, PackError, check_packs, clauses, load_calendar, load_pack, pack_versions

UTILITIES = {"changchun", "jinan", "kaifeng", "liaocheng", "qingdao"}
VERSIONS = (
    "changchun@2019-10-09",
    "jinan@2020-01-29",
    "kaifeng@2021-01-01",
    "liaocheng@2021-01-01",
    "qingdao@2021-01-01",
    "standard@2026-01-01",
)
WITH_A_DOCUMENT = [name for name in VERSIONS if not name.startswith("standard")]
# What says where a value belongs, not what it is.
STRUCTURE = {"rung", "task", "enters", "period", "after"}
# Of the utilities that have a register: a reason may also speak of another one's sentence, as Jinan's of Changchun's.
AN_ID = re.compile(r"\b(?:changchun|jinan|kaifeng|liaocheng|qingdao)\.[a-z-]+\.[a-z0-9-]+[a-z0-9]")


def policy(name: str) -> ArrearsPolicy:
    arrears = load_pack(name).arrears
    assert arrears is not None
    return arrears


def connection() -> ConnectionPolicy:
    jinan = load_pack("jinan").connection
    assert jinan is not None
    return jinan


def rungs(name: str) -> list[str]:
    return [getattr(rung, "task", rung.rung) for rung in policy(name).ladder]


def unsourced(part: object, name: str) -> Iterator[str]:
    match part:
        case Sourced():
            return
        case BaseModel():
            for field, inner in part:
                if field not in STRUCTURE or isinstance(inner, BaseModel):
                    yield from unsourced(inner, f"{name}.{field}")
        case tuple():
            for at, inner in enumerate(part):
                yield from unsourced(inner, f"{name}[{at}]")
        case dict():
            for key, inner in part.items():
                yield from unsourced(inner, f"{name}.{key}")
        case None:
            return
        case _:
            yield name


def test_the_packs_that_come_with_guanjia_are_found_by_name_and_day() -> None:
    assert pack_versions() == VERSIONS
    assert [load_pack(name).name for name in VERSIONS] == list(VERSIONS)


def test_nothing_that_comes_with_guanjia_has_a_fault() -> None:
    assert check_packs([packs.FOLDER]) == []
    assert {path.parent.name for path in packs.pack_files()} == {packs.FOLDER.name, "calendars", "standard", *UTILITIES}
    assert check_packs(packs.pack_files()) == []


@pytest.mark.parametrize("name", VERSIONS)
def test_every_value_of_a_pack_stands_with_its_source(name: str) -> None:
    assert list(unsourced(policy(name), "arrears")) == []
    assert list(unsourced(load_pack(name).connection, "connection")) == []
    values = load_pack(name).values()
    assert {"arrears.threshold", "arrears.ladder[0].channel", "arrears.messages.reminder"} <= set(values)
    for path, value in values.items():
        assert value.clause or (value.chosen and value.reason), path


@pytest.mark.parametrize("name", WITH_A_DOCUMENT)
def test_every_clause_of_a_pack_is_a_sentence_of_that_utility(name: str) -> None:
    utility = name.partition("@")[0]
    named = {id_ for value in load_pack(name).values().values() for id_ in value.clauses}
    assert named
    assert named <= set(clauses())
    assert all(id_.startswith(f"{utility}.") for id_ in named)


@pytest.mark.parametrize("name", VERSIONS)
def test_a_clause_that_a_reason_speaks_of_is_in_the_register_too(name: str) -> None:
    spoken_of = {id_ for value in load_pack(name).values().values() for id_ in AN_ID.findall(value.reason or "")}
    assert spoken_of
    assert spoken_of <= set(clauses())


@pytest.mark.parametrize("name", VERSIONS)
def test_a_pack_survives_being_pinned_into_a_case(name: str) -> None:
    pinned = policy(name).model_dump_json()
    assert ArrearsPolicy.model_validate_json(pinned) == policy(name)


def test_a_connection_section_survives_being_pinned_into_a_project() -> None:
    assert ConnectionPolicy.model_validate_json(connection().model_dump_json()) == connection()


def test_jinan_reminds_serves_waits_serves_waits_asks_limits_and_refers() -> None:
    assert rungs("jinan") == [
        "remind",
        "arrears.serve-dunning-notice",
        "wait",
        "arrears.serve-limit-notice",
        "wait",
        "arrears.approve-limit",
        "arrears.limit-pressure",
        "arrears.refer-legal",
    ]


def test_jinan_takes_its_dunning_terms_from_its_own_sentences() -> None:
    values = load_pack("jinan").values()
    assert of_sentences(values, "arrears.") == {
        "arrears.ladder[1].term": ("P3D", "jinan.dunning.notice-within-3-days"),
        "arrears.ladder[2].resident": ("P30D", "jinan.dunning.resident-wait-30-days"),
        "arrears.ladder[2].organisation": ("P15D", "jinan.dunning.unit-wait-15-days"),
        "arrears.ladder[3].term": ("P3D", "jinan.dunning.restriction-notice-within-3-days"),
        "arrears.ladder[3].message": ("limit-notice", "jinan.dunning.restriction-sms-or-call"),
        "arrears.ladder[3].channel": ("sms", "jinan.dunning.restriction-sms-or-call"),
        "arrears.ladder[1].notice": ("dunning-notice", "jinan.dunning.notice-within-3-days"),
        "arrears.ladder[3].notice": ("limit-notice", "jinan.dunning.restriction-notice-within-3-days"),
        "arrears.notices.dunning-notice.title": ("水费催缴通知单", "jinan.dunning.notice-within-3-days"),
        "arrears.notices.limit-notice.title": ("限压停水通知单", "jinan.dunning.restriction-notice-within-3-days"),
        **{
            f"arrears.ladder[{rung}].ways.{estate}": (str(ways), f"jinan.dunning.{sentence}")
            for rung in (1, 3)
            for estate, ways, sentence in (
                ("open", ("posted",), "open-estate-post"),
                ("gated", ("phone", "sms"), "closed-estate-call"),
            )
        },
    }


def of_sentences(values: dict[str, Sourced[Any]], section: str) -> dict[str, tuple[str, str | None]]:
    """What a section takes from sentences alone."""
    return {
        path: (str(value.value), value.clause)
        for path, value in values.items()
        if path.startswith(section) and not value.chosen
    }


def test_jinan_takes_its_connection_terms_from_its_own_sentences() -> None:
    over_twenty = "jinan.meter-service.install-over-20-7wd"
    assert of_sentences(load_pack("jinan").values(), "connection.terms.") == {
        "connection.terms.check_papers": ("P0D", "jinan.design.one-time-notice-same-day"),
        "connection.terms.arrange_survey": ("P0D", "jinan.design.book-survey-same-day"),
        "connection.terms.design_single": ("2WD", "jinan.design.single-meter-1-2wd"),
        "connection.terms.design_estate": ("18WD", "jinan.design.estate-18wd"),
        "connection.terms.install_one": ("P3D", "jinan.meter-service.install-single-3-days"),
        "connection.terms.install_many": ("7WD", over_twenty),
        "connection.terms.open_account": ("month-end", "jinan.account-opening.into-route-same-month"),
    }
    seventy = "jinan.meter-service.switch-at-70-percent"
    assert of_sentences(load_pack("jinan").values(), "connection.switch_share") == {
        "connection.switch_share": ("0.70", seventy)
    }


def test_kaifeng_takes_its_connection_terms_from_its_own_sentences() -> None:
    assert of_sentences(load_pack("kaifeng").values(), "connection.terms.") == {
        "connection.terms.settle_fee": ("5WD", "kaifeng.acceptance.settle-water-fee-5wd"),
        "connection.terms.open_account_single": ("P0D", "kaifeng.acceptance.single-to-normal-reading"),
    }


@pytest.mark.parametrize("name", WITH_A_DOCUMENT)
def test_a_pack_says_how_it_reads_every_sentence_of_its_own_that_pulls_another_way(name: str) -> None:
    pack, utility = load_pack(name), name.partition("@")[0]
    processes = {"arrears", "connection", "design", "construction", "acceptance", "account-opening", "escalation"}
    mine = [clause for clause in clauses().values() if clause.id.startswith(f"{utility}.")]
    kept = {id_ for id_, stands in coverage().items() if stands.state == "kept"}
    pulling = {code for clause in mine if clause.process in processes or clause.id in kept for code in clause.conflicts}
    read = [reading.code for reading in pack.readings]
    assert pulling <= set(read)
    assert len(read) == len(set(read))
    for reading in pack.readings:
        assert set(reading.clauses) <= {clause.id for clause in mine}
        assert any(reading.code in clauses()[id_].conflicts for id_ in reading.clauses), reading.code
        assert reading.reading.en.isascii()
        assert not reading.reading.zh.isascii()


def test_jinans_sentences_oblige_to_steps_of_a_project_whose_terms_are_ours() -> None:
    ours = {path: value for path, value in load_pack("jinan").values().items() if value.chosen and value.clause}
    assert {path: (str(v.value), v.clause) for path, v in ours.items() if path.startswith("connection.terms.")} == {
        "connection.terms.accept": ("3WD", "jinan.acceptance.accept-invite-one-day-ahead"),
        "connection.terms.test_water": ("2WD", "jinan.water-quality.test-after-pipe-works"),
        "connection.terms.activate": ("2WD", "jinan.meter-service.install-and-water-on"),
        "connection.terms.follow_up": ("5WD", "jinan.follow-up.design-follow-up"),
        "connection.terms.switch_meters": ("5WD", "jinan.meter-service.switch-at-70-percent"),
    }


def test_jinan_asks_every_kind_of_project_for_papers_each_once() -> None:
    assert set(connection().checklist) == set(get_args(Kind))
    for papers in connection().checklist.values():
        assert papers.value
        assert len(set(papers.value)) == len(papers.value)
        assert all(paper.strip() for paper in papers.value)


def test_jinan_borrows_the_lines_between_large_and_general_and_names_the_sentences() -> None:
    tiers = connection().assigning
    assert yuan(tiers.large_investment.value) == "50000000.00"
    assert yuan(tiers.large_real_estate.value) == "3000000000.00"
    for value in (tiers.large_investment, tiers.large_real_estate, tiers.large, tiers.general, tiers.linear):
        assert "changchun.connection." in str(value.reason)


def test_in_a_project_only_the_customers_own_terms_roll() -> None:
    rolling = {name for name, term in connection().terms if term is not None and term.value.roll}
    assert rolling == {"supply_papers", "submit_drawings"}


def test_kaifeng_reminds_contacts_twice_reports_serves_waits_asks_limits_and_refers() -> None:
    assert rungs("kaifeng") == [
        "remind",
        "contacts",
        "arrears.report-nonpayer",
        "arrears.serve-limit-notice",
        "wait",
        "arrears.approve-limit",
        "arrears.limit-pressure",
        "arrears.refer-legal",
    ]
    values = load_pack("kaifeng").values()
    assert values["arrears.ladder[1].count"].value == 2
    assert str(values["arrears.ladder[3].term"].value) == "P0D"


def test_a_sentence_that_gives_no_number_obliges_while_the_number_is_marked_as_ours() -> None:
    report = load_pack("kaifeng").values()["arrears.ladder[2].term"]
    assert (str(report.value), report.clause, report.chosen) == (
        "P1D",
        "kaifeng.dunning.report-nonpayer-in-writing",
        True,
    )
    escalation = policy("kaifeng").escalation
    assert (escalation.clause, escalation.chosen) == ("kaifeng.escalation.four-levels", True)


@pytest.mark.parametrize("name", VERSIONS)
def test_periods_against_a_customer_roll_and_the_utilitys_own_duties_do_not(name: str) -> None:
    for rung in policy(name).ladder:
        if isinstance(rung, Wait):
            assert rung.resident.value.roll
            assert rung.organisation.value.roll
        elif isinstance(rung, Serve):
            assert not rung.term.value.roll


@pytest.mark.parametrize("name", VERSIONS)
def test_every_message_that_is_sent_has_words_without_a_gap(name: str) -> None:
    sent = {rung.message.value for rung in policy(name).ladder if hasattr(rung, "message") and rung.message}
    assert sent == set(policy(name).messages)
    assert "reminder" in sent
    for template in sent:
        words = policy(name).messages[template].value
        filled = words.format(account_no="0410023", amount="86.40", case_no="QF-20260311-0001")
        assert "0410023" in filled
        assert "86.40" in filled
        assert "{" not in filled


def test_a_utility_without_a_day_means_its_newest_pack() -> None:
    assert load_pack("jinan") == load_pack("jinan@2020-01-29")


def test_on_a_day_means_the_newest_pack_in_force_on_it() -> None:
    assert load_pack("kaifeng", on=date(2021, 1, 1)).name == "kaifeng@2021-01-01"
    with pytest.raises(PackError, match="no such pack in force on 2020-12-31"):
        load_pack("kaifeng", on=date(2020, 12, 31))


@pytest.mark.parametrize("name", ["", "beijing", "jinan@2019-01-01", "../jinan", "jinan@", "calendars@cn"])
def test_a_pack_that_is_not_there_is_refused_with_those_that_are(name: str) -> None:
    with pytest.raises(PackError, match="no such pack: there are changchun@2019-10-09, jinan@2020-01-29, kaifeng"):
        load_pack(name)


def test_a_pack_is_read_once() -> None:
    assert load_pack("jinan") is load_pack("jinan@2020-01-29")


def test_a_process_that_a_pack_does_not_speak_of_is_absent() -> None:
    bare = Pack.model_validate({"pack": "x", "from": "2026-01-01", "title": {"zh": "某", "en": "X"}})
    assert bare.arrears is None
    assert bare.values() == {}


def test_the_calendar_knows_the_make_up_days_that_were_published() -> None:
    calendar = load_calendar()
    assert calendar.is_published(2004)
    assert calendar.is_published(2026)
    assert calendar.is_working_day(date(2026, 2, 14))
    assert calendar.is_day_off(date(2026, 2, 16))


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ({}, "needs its source"),
        ({"clause": ""}, "needs its source"),
        ({"chosen": False}, "needs its source"),
        ({"reason": "so"}, "add chosen: true"),
        ({"clause": "jinan.x.y", "reason": "so"}, "add chosen: true"),
        ({"chosen": True}, "needs a one-line reason"),
        ({"chosen": True, "reason": "  "}, "needs a one-line reason"),
        ({"clause": "jinan.x.y", "chosen": True}, "needs a one-line reason"),
        ({"chosen": True, "reason": "one\ntwo"}, "one line"),
    ],
)
def test_a_value_without_an_honest_source_is_refused(source: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Sourced[int].model_validate({"value": 1, **source})


@pytest.mark.parametrize(
    ("source", "cited"),
    [
        ({"clause": "jinan.x.y"}, ("jinan.x.y",)),
        ({"chosen": True, "reason": "so"}, ()),
        ({"clause": "jinan.x.y", "chosen": True, "reason": "so"}, ("jinan.x.y",)),
    ],
)
def test_a_value_cites_its_sentence_whether_or_not_the_number_is_ours(
    source: dict[str, object], cited: tuple[str, ...]
) -> None:
    assert Sourced[int].model_validate({"value": 1, **source}).clauses == cited


def test_the_standard_pack_is_chosen_throughout() -> None:
    assert all(value.chosen and not value.clause for value in load_pack("standard").values().values())


@pytest.mark.parametrize("name", VERSIONS)
def test_every_pack_says_which_gates_hold_the_water_back(name: str) -> None:
    pack = load_pack(name)
    assert pack.connection is not None
    assert {"gates", "reassigned_by", "design_by", "tolerates_papers"} <= pack.connection.model_fields_set
    assert {"water-test", "account", "certificate"} <= set(pack.connection.gates)


def test_qingdao_has_an_sms_and_a_talk_and_no_limit() -> None:
    assert rungs("qingdao") == ["remind", "arrears.dun-customer", "arrears.refer-legal"]
    assert [name for name in VERSIONS if not policy(name).limits] == ["qingdao@2021-01-01"]


def test_liaocheng_makes_the_coming_limit_known() -> None:
    assert [name for name in VERSIONS if "arrears.publish-limit" in rungs(name)] == ["liaocheng@2021-01-01"]


def test_what_is_late_climbs_as_far_as_the_document_has_levels() -> None:
    budgets = {name.partition("@")[0]: set(policy_of(name).escalation.value.budgets) for name in VERSIONS}
    assert budgets["liaocheng"] == set()
    assert budgets["changchun"] == {"section"}
    assert budgets["kaifeng"] == {"section", "office"}


def policy_of(name: str) -> ConnectionPolicy:
    section = load_pack(name).connection
    assert section is not None
    return section


def ladder_of(*rungs: dict[str, Any]) -> dict[str, Any]:
    """Qingdao's arrears section with another ladder."""
    whole = policy("qingdao").model_dump(mode="json", exclude_none=True)
    return whole | {"ladder": [whole["ladder"][0], *rungs]}


REFER, DUN = policy("qingdao").model_dump(mode="json", exclude_none=True)["ladder"][:0:-1]


@pytest.mark.parametrize(
    ("ladder", "said"),
    [
        (ladder_of(REFER), "refer comes after something was done"),
        (ladder_of(DUN, DUN), "dun stands more than once"),
        (
            ladder_of(DUN, {"rung": "publish", "task": "arrears.publish-limit", "term": DUN["term"]}),
            "speak of a limit, and this ladder has none",
        ),
    ],
)
def test_a_ladder_without_a_limit_still_has_to_hold_together(ladder: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        ArrearsPolicy.model_validate(ladder)


def test_a_ladder_may_end_in_nothing_but_reviews() -> None:
    assert not ArrearsPolicy.model_validate(ladder_of(DUN)).limits
