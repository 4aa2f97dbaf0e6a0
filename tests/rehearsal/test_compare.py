"""A small population lived under two packs on the real workflows, and the sums, tables and charts made of it."""

import io
import json
from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree

import pytest
import pytest_asyncio
from rich.console import Console

from domain.calendars import CHINA
from rehearsal.charts import charts
from rehearsal.clock import EngineClock, engine_clock
from rehearsal.command import rehearse, rehearse_population
from rehearsal.compare import Comparison, added_up, compare_population, compared, spread, table
from rehearsal.files import WrongFile
from rehearsal.lives import Doing, Life
from rehearsal.living import lived
from rehearsal.population import Applicant, Debtor, read_population, sampled

PEOPLE = """\
- process: arrears
  account: {no: "0410001", class: resident, estate: open, phone: "13800138001"}
  bills: [{no: B1, period: 2026-02, amount: "86.40", due_on: 2026-03-10}]
  pay: [{at: 2026-03-12T10:00:00+08:00, amount: "86.40"}]
- process: arrears
  account: {no: "0410002", class: organisation, estate: gated, phone: "13800138002"}
  bills: [{no: B1, period: 2026-02, amount: "320.00", due_on: 2026-03-10}]
- process: connection
  starts_at: 2026-03-11T09:00:00+08:00
  project: {name: 泉城路小店, kind: single, meters: 1}
"""
FINES = """\
amount,case:concept:name,concept:name,dismissal,expense,paymentAmount,time:timestamp,totalPaymentAmount
80.0,A1,Create Fine,NIL,,0.0,2005-03-01 00:00:00+01:00,0.0
,A1,Payment,,,80.0,2005-03-05 00:00:00+01:00,80.0
120.0,A3,Create Fine,NIL,,0.0,2005-02-01 00:00:00+01:00,0.0
,A3,Send Fine,,11.0,,2005-04-12 00:00:00+02:00,
,A3,Payment,,,131.0,2005-04-20 16:20:00+02:00,131.0
"""
INTAKE = """\
case:concept:name,case:startdate,case:channel,case:department,case:responsible,time:timestamp
case-1,2011-10-11 13:42:22+02:00,Internet,General,Resource21,2011-10-11 13:42:22+02:00
case-2,2011-10-12 10:00:00+02:00,Desk,Experts,Resource10,2011-10-12 10:00:00+02:00
"""


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def clock() -> AsyncIterator[EngineClock]:
    async with engine_clock() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def seen(clock: EngineClock, tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    """The three of the list under Jinan's and Kaifeng's packs."""
    file = tmp_path_factory.mktemp("population") / "people.yaml"
    file.write_text(PEOPLE, encoding="utf-8")
    members = [each for each in read_population(file) if isinstance(each, Debtor)]
    return await compare_population(members, clock, pack="jinan", compare="kaifeng", seed=1, source="people.yaml")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=CHINA)


def doing(key: str, opened: str, decided: str | None, *, late: bool = False) -> Doing:
    return Doing(
        key=key,
        role="engineer" if key.endswith("pressure") else "collector",
        opened_at=at(opened),
        due_at=None,
        decided_at=at(decided) if decided else None,
        late=late,
    )


def a_life(no: str, *, days: float | None = 10.0, limited: bool = False, doings: tuple[Doing, ...] = ()) -> Life:
    return Life(
        no=no,
        case_no=f"QF-{no}",
        process="arrears",
        opened_at=at("2026-03-11 09:00"),
        doings=doings,
        days=days,
        outcome="settled" if days is not None else None,
        stage="settled" if days is not None else "limited",
        utility_days=2.0,
        customer_days=1.0,
        messages=2,
        escalations=1,
        limited=limited,
        near_limit=True,
        recovered={"grace": 8640},
    )


# Reading.


def test_a_list_a_log_of_fines_and_an_intake_log_are_told_apart(tmp_path: Path) -> None:
    for name, text in (("people.yaml", PEOPLE), ("fines.csv", FINES), ("intake.csv", INTAKE)):
        (tmp_path / name).write_text(text, encoding="utf-8")
    people = read_population(tmp_path / "people.yaml")
    assert [type(each) for each in people] == [Debtor, Debtor, Applicant]
    fines = read_population(tmp_path / "fines.csv")
    assert [(type(each), each.no) for each in fines] == [(Debtor, "A1"), (Debtor, "A3")]
    applications = read_population(tmp_path / "intake.csv")
    assert [(each.no, each.record.project.kind) for each in applications if isinstance(each, Applicant)] == [
        ("case-1", "single"),
        ("case-2", "estate"),
    ]


def test_every_fault_of_a_list_is_named_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "people.yaml"
    file.write_text(PEOPLE.replace('"320.00"', '"much"').replace("kind: single", "kind: castle"), encoding="utf-8")
    with pytest.raises(WrongFile) as wrong:
        read_population(file)
    assert wrong.value.faults[0].startswith(f"{file}:5:3: case 2: arrears.bills.0.amount")
    assert wrong.value.faults[-1].startswith(f"{file}:8:3: case 3: connection.project.kind")
    assert not any("case 1" in fault for fault in wrong.value.faults)


def test_what_is_no_population_says_so(tmp_path: Path) -> None:
    for name, text in (("a.yaml", "pack: jinan\n"), ("b.csv", "one,two\n1,2\n")):
        (tmp_path / name).write_text(text)
        with pytest.raises(WrongFile):
            read_population(tmp_path / name)
    with pytest.raises(WrongFile, match="cannot be read"):
        read_population(tmp_path / "absent.csv")


def test_a_sample_is_drawn_by_its_seed_and_keeps_the_order(tmp_path: Path) -> None:
    file = tmp_path / "people.yaml"
    file.write_text(PEOPLE, encoding="utf-8")
    members = read_population(file)
    drawn = sampled(members, size=2, seed=3)
    assert drawn == sampled(members, size=2, seed=3)
    assert [members.index(each) for each in drawn] == sorted(members.index(each) for each in drawn)
    assert sampled(members, size=9, seed=3) == members


# Adding up.


def test_lives_are_added_up() -> None:
    served = doing("arrears.serve-dunning-notice", "2026-03-11 09:00", "2026-03-12 09:00", late=True)
    again = doing("arrears.serve-limit-notice", "2026-03-12 09:00", "2026-03-18 09:00")
    waiting = doing("arrears.limit-pressure", "2026-03-18 09:00", None, late=True)
    side = added_up(
        [a_life("1", doings=(served, again)), a_life("2", days=None, limited=True, doings=(waiting,))], pack="jinan"
    )
    assert (side.cases, side.closed, side.steps, side.late) == (2, 1, 2, 2)
    assert (side.limited, side.near_limit, side.limits_avoided) == (1, 2, 1)
    assert side.recovered == {"grace": 17280}
    assert side.workload == {"collector": {date(2026, 3, 9): 1, date(2026, 3, 16): 1}}
    (collector, engineer) = side.roles
    assert (collector.decided, collector.late, collector.a_week, collector.most_a_week) == (2, 1, 1.0, 1)
    assert (engineer.decided, engineer.late, engineer.a_week) == (0, 1, 0.0)
    assert side.outcomes == {"open: limited": 1, "settled": 1}


def test_what_changes_is_told_case_by_case() -> None:
    told = compared(
        [a_life("1", limited=True), a_life("2")], [a_life("1"), a_life("2", days=None)], packs=("a", "b"), source="x"
    )
    assert (told.limits_avoided, told.limits_added) == (1, 0)
    assert [(change.no, change.what, change.before, change.after) for change in told.changed] == [
        ("1", "limited", "yes", "no"),
        ("2", "outcome", "settled", "open: limited"),
    ]


def test_a_spread_of_nothing_has_no_middle() -> None:
    assert spread(()).median is None
    ten = spread([float(day) for day in range(1, 11)])
    assert (ten.least, ten.median, ten.nine_in_ten, ten.most) == (1.0, 5.5, 9.0, 10.0)


# Living.


@pytest.mark.engine
@pytest.mark.asyncio(loop_scope="module")
async def test_two_packs_meet_the_same_people_and_differ_where_their_rules_do(seen: Comparison) -> None:
    assert (seen.one.pack, seen.other.pack) == ("jinan", "kaifeng")
    assert (seen.one.cases, seen.other.cases, seen.unopened) == (2, 2, 0)
    tasks = {each.key for each in seen.one.tasks}, {each.key for each in seen.other.tasks}
    assert "arrears.serve-dunning-notice" in tasks[0] - tasks[1]
    assert "arrears.report-nonpayer" in tasks[1] - tasks[0]
    # The first pays the day after the reminder, whatever the pack; the second never does.
    assert seen.one.recovered == seen.other.recovered == {"reminded": 8640}
    assert seen.one.closed == seen.other.closed == 1
    assert seen.one.limited == seen.other.limited == 1
    assert seen.one.utility_days != seen.other.utility_days


@pytest.mark.engine
@pytest.mark.asyncio(loop_scope="module")
async def test_the_same_seed_lives_the_same_life(clock: EngineClock, tmp_path: Path) -> None:
    file = tmp_path / "people.yaml"
    file.write_text(PEOPLE, encoding="utf-8")
    member = read_population(file)[2]
    one, again = [await lived(member, clock, pack="jinan", seed=5) for _ in range(2)]
    assert one is not None
    assert one == again
    assert (one.outcome, one.limited, one.near_limit) == ("closed", False, False)
    assert {"connection.survey", "connection.activate"} <= {each.key for each in one.doings}
    other = await lived(member, clock, pack="jinan", seed=6)
    assert other is not None
    assert other.days != one.days


# Showing.


@pytest.mark.engine
@pytest.mark.asyncio(loop_scope="module")
async def test_a_comparison_is_a_table_in_both_languages(seen: Comparison) -> None:
    for lang, words in (("en", ("late tasks", "money recovered")), ("zh", ("超期任务", "回收金额"))):
        paper = io.StringIO()
        Console(file=paper, width=140).print(table(seen, lang=lang))
        assert all(word in paper.getvalue() for word in words)
        assert "86.40" in paper.getvalue()


@pytest.mark.engine
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("lang", ["zh", "en"])
async def test_charts_are_svg_with_a_title_and_fetch_nothing(seen: Comparison, dark: bool, lang: str) -> None:
    drawn = charts(seen, dark=dark, lang=lang)
    assert len(drawn) == 5
    for svg in drawn:
        root = ElementTree.fromstring(svg)  # noqa: S314 - drawn here
        assert root.tag.endswith("svg")
        title = root.find("{http://www.w3.org/2000/svg}title")
        assert title is not None
        assert "jinan" in str(title.text)
        assert "href" not in svg


def test_what_has_no_data_has_no_chart() -> None:
    empty = compared([], [], packs=("jinan", "kaifeng"), source="nobody")
    assert charts(empty) == []


@pytest.mark.engine
async def test_the_command_prints_json_and_draws(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, folder = tmp_path / "people.yaml", tmp_path / "charts"
    file.write_text(PEOPLE, encoding="utf-8")
    code = await rehearse_population(
        file, pack="jinan", compare="kaifeng", sample=1, seed=1, as_json=True, drawn_in=folder, lang="zh"
    )
    assert code == 0
    told = Comparison.model_validate_json(capsys.readouterr().out)
    assert (told.sample, told.seed) == (1, 1)
    assert list(folder.glob("people-*.svg"))
    wrong = await rehearse_population(
        file, pack="jinan", compare="nowhere", sample=1, seed=1, as_json=True, drawn_in=None, lang="zh"
    )
    assert wrong == 2


@pytest.mark.engine
async def test_one_rehearsal_under_two_packs_shows_what_changes(capsys: pytest.CaptureFixture[str]) -> None:
    file = Path(__file__).parents[1] / "rehearsals" / "paid-after-the-grace.yaml"
    assert await rehearse([file], pack=None, compare="kaifeng", as_json=True) == 0
    report, comparison = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert report["pack"].startswith("jinan")
    told = Comparison.model_validate(comparison)
    assert sum(told.one.recovered.values()) > 0
    assert told.one.spread.most is None or told.one.spread.most < timedelta(days=400) / timedelta(days=1)


@pytest.mark.parametrize("option", ["pack", "compare"])
async def test_a_pack_beside_the_files_that_is_not_there_is_told_and_nothing_runs(
    option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = Path(__file__).parents[1] / "rehearsals" / "paid-after-the-grace.yaml"
    packs = {"pack": None, "compare": None} | {option: "nowhere"}
    assert await rehearse([file], **packs, as_json=True) == 2
    told = capsys.readouterr()
    assert (told.out, told.err.partition(":")[0]) == ("", f"--{option}")
