"""How values and vocabulary are said on a page, without a browser."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from api.labels import LABELS
from api.pages import shapes
from api.pages.frame import pack_name, tags_of
from api.pages.refusals import said_refusal
from api.pages.words import reasons
from policies.packs import load_pack, pack_versions
from policies.shown import shown

ROOT = Path(__file__).parents[2]
PLACES_OF_STANDING = ("StandStill", "_standing")
"""Why a case stands still is said by `api.words`, in a sentence of its own."""
ACCEPTING = (
    "jinan.acceptance.accept-invite-one-day-ahead",
    "jinan.acceptance.accept-start-reading-signed",
    "jinan.dunning.notice-within-3-days",
)


def given(path: Path) -> Iterator[str]:
    """Whatever a case puts on record as the reason of what it does of itself."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        match node:
            case ast.Call(func=ast.Name(id=name), keywords=named) if name not in PLACES_OF_STANDING:
                for each in named:
                    match each:
                        case ast.keyword(arg="because", value=ast.Constant(value=str(said))):
                            yield said
            case ast.Assign(targets=[ast.Name(id="because")], value=ast.Constant(value=str(said))):
                yield said


def test_what_a_case_gives_as_its_reason_is_said_in_both_languages() -> None:
    found = {said for room in ("domain", "workflows") for path in (ROOT / room).rglob("*.py") for said in given(path)}
    assert len(found) > 5
    assert sorted(found - set(LABELS)) == []
    assert {f"customer's {kind}" for kind in ("promise", "plan")} <= set(LABELS)


def test_the_sentences_of_one_section_stand_under_one_tag() -> None:
    zh, en = tags_of(ACCEPTING, "zh"), tags_of(ACCEPTING, "en")
    assert [len(found) for _, found in zh] == [2, 1] == [len(found) for _, found in en]
    assert zh[0][0].startswith("济南 ")
    assert zh[0][0] != zh[1][0]
    assert [tag for tag, _ in en] == ["accept invite one day ahead +1", "notice within 3 days"]


def test_a_sentence_that_nobody_knows_keeps_its_id_and_a_repeated_one_is_there_once() -> None:
    assert tags_of(["nobody.knows.this", "nobody.knows.this"], "zh") == [("this", [("nobody.knows.this", None)])]


def test_a_pack_is_called_by_whose_it_is_and_of_which_day() -> None:
    assert pack_name("jinan@2020-01-29", "zh") == "济南（2020年1月29日）"
    assert pack_name("jinan@2020-01-29", "en") == "Jinan, 29 Jan 2020"
    assert pack_name("a draft", "en") == "a draft"


def test_each_reason_of_each_pack_is_said_in_chinese_with_the_sentences_that_it_names() -> None:
    told = {each.reason for name in pack_versions() for each in shown(load_pack(name)) if each.reason}
    assert len(told) > 300
    assert sorted(reason for reason in told if reasons().gettext(reason) == reason) == []
    named = re.compile(r"[a-z]+\.[a-z-]+\.[a-z0-9-]+")
    assert {r for r in told if set(named.findall(r)) != set(named.findall(reasons().gettext(r)))} == set()


def test_months_and_written_durations_are_said_in_words() -> None:
    assert (shapes.month("2026-11", language="zh"), shapes.month("2026-01", language="en")) == (
        "2026年11月",
        "Jan 2026",
    )
    said = {written: shapes.iso(written, language="zh") for written in ("P3D", "PT10M", "PT2H", "P2M", "100 %")}
    assert said == {"P3D": "3 天", "PT10M": "10 分", "PT2H": "2 小时", "P2M": "2 个月", "100 %": "100 %"}
    assert shapes.iso("PT10M", language="en") == "10 min"


def test_a_refusal_in_english_names_tasks_by_their_titles_and_nobody_by_account() -> None:
    message = (
        "arrears.serve-dunning-notice is decided by a collector of level grid or above; supervisor holds supervisor"
    )
    assert said_refusal(message, "这不归您办。", "en") == (
        "“Serve the dunning notice” is decided by a collector of level grid or above"
    )
    assert said_refusal("there is nothing at this address", "", "zh").startswith("这个地址上没有内容")
    unexpected = "something went wrong that should not; give the operator the reference 38a9de1b466f"
    assert said_refusal(unexpected, "", "zh") == "请把编号 38a9de1b466f 告诉系统管理员。"
