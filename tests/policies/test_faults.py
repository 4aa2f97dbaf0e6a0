"""A wrong pack: every fault at once, each at its line and column, with how to mend it."""

import re
from pathlib import Path

import pytest

from policies.packs import FOLDER, check_packs

JINAN = (FOLDER / "jinan" / "2020-01-29.yaml").read_text(encoding="utf-8")
TERM = "term: {value: P3D, clause: jinan.dunning.notice-within-3-days}"
RESTORE = next(line.strip() for line in JINAN.splitlines() if line.startswith("  restore:"))
ESTATE = "{value: 18WD, clause: jinan.design.estate-18wd}"
SHOP = "[用水申请表, 身份证明, 产权证明]"
WINDOW = '{opens: "08:30", closes: "16:00"}'


def copy(folder: Path, text: str) -> Path:
    path = folder / "jinan" / "2020-01-29.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def changed(old: str, new: str, text: str = JINAN, *, within: str = "arrears") -> str:
    """`text` with the one `old` of a section replaced; the lines above the sections belong to the first, arrears."""
    upper, heading, lower = text.partition("\nconnection:\n")
    part = {"arrears": upper, "connection": lower}[within]
    assert part.count(old) == 1, f"{old!r} stands {part.count(old)} times in {within}"
    replaced = part.replace(old, new)
    return replaced + heading + lower if within == "arrears" else upper + heading + replaced


def place(text: str, mark: str) -> str:
    """line:column of the one place where `mark` stands, counted from 1."""
    assert text.count(mark) == 1
    before = text[: text.index(mark)]
    return f"{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}"


def test_a_sound_copy_has_no_faults(tmp_path: Path) -> None:
    assert check_packs([copy(tmp_path, JINAN)]) == []


@pytest.mark.parametrize(
    ("old", "new", "mark", "said"),
    [
        (TERM, "term: {value: P3, clause: jinan.dunning.notice-within-3-days}", "P3, ", "is not a term: write PT10M"),
        (TERM, "term: {value: P3D}", "{value: P3D}", "arrears.ladder[1].term: a value needs its source"),
        (TERM, "term: P3D", "P3D\n      enters: notified", "needs its source: {value: ..., clause: <id>}"),
        (TERM, "term: {value: P3D, clause: jinan.dunning.nope}", "jinan.dunning.nope", "is no clause of the register"),
        (TERM, TERM.replace("within-3-days", "within-3-day"), "jinan.dunning.notice-within-3-day}", "did you mean"),
        (TERM, TERM + "\n      terms: 3", "terms: 3", "arrears.ladder[1].terms: is no key here: take it out"),
        (RESTORE, RESTORE.replace("restore:", "restor:"), "restor:", "is no key here: did you mean restore?"),
        ("- rung: refer", "- rung: refers", "refers", "arrears.ladder[7].rung: 'refers' is unknown: write one of"),
        ("- rung: refer\n", "- rang: refer\n", "rang: refer", "does not say which: add 'rung'"),
        ("enters: limited\n", "enters: dry\n", "dry\n", "'dry' is unknown: write 'limited'"),
        ('"50.00"', "50.00", "50.00", 'put it in quotes: "50.00"'),
        ('"50.00"', '"50.001"', '"50.001"', "more than two decimals"),
        ("from: 2020-01-29", "from: 2020-02-30", "2020-02-30", "the file is '2020-01-29': make them the same"),
        ("pack: jinan", "pack: kaifeng", "kaifeng\n", "the folder is 'jinan': make them the same"),
        ("en: Jinan Water Group", "en: 7", "7}", 'not text as it stands: put it in quotes: "7"'),
        (WINDOW, '{opens: "8:30", closes: "16:00"}', '"8:30"', 'write it as "08:30", with both zeros'),
        (WINDOW, '{opens: 510, closes: "16:00"}', "510", "510 is not a time of day"),
        (WINDOW, '{opens: "08:30", closes: "24:00"}', '"24:00"', 'write midnight as "00:00"'),
        (WINDOW, '{opens: "16:00", closes: "08:30"}', '{opens: "16:00", closes: "08:30"}', "is not before closes"),
        (WINDOW, '{opens: "08:30", closes: "16:00", lunch: "12:00"}', "lunch", "is no key here: take it out"),
        ("budgets: {section: 1WD", "budgets: {secton: 1WD", "secton", "'secton' is unknown: write 'grid'"),
        ("PT24H, chosen: true", "PT24H, chosen: maybe", "maybe", "maybe is neither true nor false"),
        ("message: {value: limit-notice", "message: {value: limits", "limits, clause", "has no words under"),
        ("户号{account_no}有", "户号{account}有", "【济南水务】您好", "{account} is not a gap that is filled"),
        ("户号{account_no}有", "户号{account_no有", "【济南水务】您好", "braces do not pair"),
        ("value: P60D", "value: !!python/name:os.system P60D", "!!python", "tags are not obeyed: take"),
        ("value: P60D", "value: *p", "*p", "aliases are not followed: write the value out"),
        ("reason: Payments by bank", "reason: Payments, by bank", "by bank", "a comma within {...} ends a value"),
    ],
)
def test_a_fault_is_told_at_its_place(tmp_path: Path, old: str, new: str, mark: str, said: str) -> None:
    broken = changed(old, new)
    path = copy(tmp_path, broken)
    assert_told(check_packs([path]), path, place(broken, mark), said)


@pytest.mark.parametrize(
    ("old", "new", "mark", "said"),
    [
        ("single: {value: 2WD", "single: {value: 2W", "2W, ", "terms.design_single.value: '2W' is not a term: write"),
        (ESTATE, "{value: 18WD}", "{value: 18WD}", "connection.terms.design_estate: a value needs its source"),
        (ESTATE, "18WD", "18WD\n", "needs its source: {value: ..., clause: <id>}"),
        (ESTATE, "{value: 18WD, clause: jinan.nope}", "jinan.nope", "'jinan.nope' is no clause of the register"),
        (ESTATE, ESTATE.replace("18wd", "19wd"), "jinan.design.estate-19wd", "did you mean jinan.design.estate-18wd?"),
        (ESTATE, ESTATE.replace("}", ", reason: so}"), "{value: 18WD, clause", "add chosen: true, or take the reason"),
        ("inspect_node:", "inspct_node:", "inspct_node:", "is no key here: did you mean inspect_node?"),
        ("{term: P30D, roll: true}", "{term: P30D, rol: true}", "rol: true", "supply_papers.value.rol: is no key here"),
        ("{term: P30D, roll: true}", "{term: PT30H, roll: true}", "{term: PT30H", "PT30H cannot roll"),
        ("    estate:\n", "    estates:\n", "estates:", "'estates' is unknown: write 'single', 'estate', 'linear' or"),
        (SHOP, "用水申请表", "用水申请表\n", "connection.checklist.single.value: write a list here"),
        ("身份证明", "7", "7, 产权证明", 'checklist.single.value[1]: not text as it stands: put it in quotes: "7"'),
        ('"50000000.00"', "50000000.00", "50000000.00\n", 'put it in quotes: "50000000.00"'),
        ('"3000000000.00"', '"3000000000.001"', '"3000000000.001"', "more than two decimals"),
        ("value: service-manager", "value: manager", "manager\n", "assigning.large.value: 'manager' is unknown: write"),
        ("many_meters: {value: 20", "many_meters: {value: some", "some, ", "some is not a whole number"),
        ("many_meters: {value: 20", "many_meters: {value: 20.5", "20.5", "20.5 is not a whole number"),
        ("{value: design, ", "{value: survey, ", "survey, chosen", "'survey' is unknown: write 'design' or"),
        ("switch_kinds: {value: [estate]", "switch_kinds: {value: [flat]", "flat]", "connection.switch_kinds.value[0]"),
        ('"0.70"', "seventy", "seventy", 'switch_share.value: seventy is not a number: write one such as "0.70"'),
        ('"17:30"', "1730", "1730", "connection.escalation.value.service_hours.closes: 1730 is not a time of day"),
        ("budgets: {section: 1WD", "budgets: {secton: 1WD", "secton", "'secton' is unknown: write 'grid'"),
        ("  review_every:", "  messages: {}\n  review_every:", "messages: {}", "connection.messages: is no key here"),
    ],
)
def test_a_fault_of_the_connection_section_is_told_at_its_place(
    tmp_path: Path, old: str, new: str, mark: str, said: str
) -> None:
    broken = changed(old, new, within="connection")
    path = copy(tmp_path, broken)
    told = check_packs([path])
    assert_told(told, path, place(broken, mark), said)
    assert all(fault.split(": ")[1].startswith("connection.") for fault in told)


def assert_told(told: list[str], path: Path, at: str, said: str) -> None:
    here = [fault for fault in told if fault.startswith(f"{path}:{at}: ")]
    assert any(said in fault for fault in here), told
    for fault in told:
        assert re.fullmatch(r"[^:]+:\d+:\d+: [^:]+: .+", fault), fault


def test_a_term_that_is_missing_is_told_where_the_terms_begin(tmp_path: Path) -> None:
    broken = changed(f"    design_estate: {ESTATE}\n", "", within="connection")
    path = copy(tmp_path, broken)
    assert check_packs([path]) == [
        f"{path}:{place(broken, 'check_papers:')}: connection.terms.design_estate: is missing: add it here"
    ]


def test_faults_of_both_processes_are_told_together(tmp_path: Path) -> None:
    broken = changed("value: 2WD, clause: jinan.design", "value: 2 WD, clause: jinan.dezign", within="connection")
    broken = changed(TERM, "term: {value: P3, clause: jinan.dunning.notice-within-3-days}", broken)
    assert [fault.split(": ")[1] for fault in check_packs([copy(tmp_path, broken)])] == [
        "arrears.ladder[1].term.value",
        "connection.terms.design_single.value",
        "connection.terms.design_single.clause",
    ]


def test_a_pack_may_leave_a_process_out(tmp_path: Path) -> None:
    assert check_packs([copy(tmp_path, JINAN.partition("\nconnection:\n")[0])]) == []


def test_a_key_written_twice_is_told_at_the_second_with_the_line_of_the_first(tmp_path: Path) -> None:
    broken = changed(RESTORE, f"{RESTORE}\n  restore: PT6H")
    path = copy(tmp_path, broken)
    first = place(broken, RESTORE).partition(":")[0]
    assert check_packs([path]) == [
        f"{path}:{place(broken, 'restore: PT6H')}: arrears.restore: "
        f"written twice, first on line {first}: keep one of them"
    ]


def test_a_ladder_that_does_not_hold_together_is_told_with_what_is_wrong(tmp_path: Path) -> None:
    # The limit before its approval: each rung is sound by itself.
    start, limit, refer = (JINAN.index(f"    - rung: {rung}") for rung in ("approve", "limit", "refer"))
    broken = JINAN[:start] + JINAN[limit:refer] + JINAN[start:limit] + JINAN[refer:]
    path = copy(tmp_path, broken)
    assert check_packs([path]) == [f"{path}:{place(broken, 'threshold:')}: arrears: ladder: limit comes after approve"]


def test_a_missing_value_is_told_where_its_rung_begins(tmp_path: Path) -> None:
    broken = changed(TERM, "# no term")
    path = copy(tmp_path, broken)
    assert check_packs([path]) == [
        f"{path}:{place(broken, 'rung: serve' + chr(10) + '      task: arrears.serve-dunning')}: "
        "arrears.ladder[1].term: is missing: add it here"
    ]


def test_all_the_faults_of_a_file_are_told_together_in_the_order_written(tmp_path: Path) -> None:
    broken = JINAN
    for old, new in (
        ("from: 2020-01-29", "from: 2020-01-30"),
        ('"50.00"', "50.00"),
        (TERM, "term: {value: P3, clause: jinan.dunning.nope}"),
        ("      retry:", "      retyr:"),
        (RESTORE, f"{RESTORE}\n  {RESTORE}"),
        ('opens: "22:00"', "opens: 2200"),
        ("budgets: {section: 1WD", "colour: blue\n      budgets: {section: 1WD"),
    ):
        broken = changed(old, new, broken)
    path = copy(tmp_path, broken)
    told = [fault.removeprefix(f"{path}:") for fault in check_packs([path])]
    assert [fault.split(": ")[1] for fault in told] == [
        "from",
        "arrears.threshold.value",
        "arrears.ladder[1].term.value",
        "arrears.ladder[1].term.clause",
        "arrears.ladder[6].retry",
        "arrears.ladder[6].retyr",
        "arrears.restore",
        "arrears.quiet_hours.value.opens",
        "arrears.escalation.value.colour",
    ]
    assert [int(fault.split(":")[0]) for fault in told] == sorted(int(fault.split(":")[0]) for fault in told)


def test_hours_and_days_mean_the_same_with_and_without_quotes(tmp_path: Path) -> None:
    bare = JINAN.replace('"08:30"', "08:30").replace('"22:00"', "22:00")
    assert bare != JINAN
    assert check_packs([copy(tmp_path, bare)]) == []
    assert check_packs([copy(tmp_path, "%YAML 1.1\n---\n" + bare)]) == []
    assert check_packs([copy(tmp_path, changed("from: 2020-01-29", 'from: "2020-01-29"'))]) == []


def test_a_tag_is_never_executed(tmp_path: Path) -> None:
    trap = tmp_path / "touched"
    call = f"value: !!python/object/apply:pathlib.Path.touch [!!python/object/apply:pathlib.Path ['{trap}']]"
    told = check_packs([copy(tmp_path, changed("value: P60D", call))])
    assert any("tags are not obeyed" in fault for fault in told)
    assert not trap.exists()


def test_a_pack_may_name_the_sentences_that_stand_beside_it(tmp_path: Path) -> None:
    path = copy(tmp_path, changed(TERM, TERM.replace("notice-within-3-days", "ours")))
    assert [fault.split(": ")[1] for fault in check_packs([path])] == ["arrears.ladder[1].term.clause"]
    sentence = (
        "{section: 一, text: 三日内送达, gloss_zh: 三天, gloss_en: Three days., process: arrears, kind: time-limit,"
        " actor_zh: 某, actor_en: someone, enforce: timer}"
    )
    beside = path.with_name("clauses.yaml")
    beside.write_text(f"document: 某\nclauses:\n  jinan.dunning.ours: {sentence}\n", encoding="utf-8")
    assert check_packs([tmp_path]) == []


def test_faults_of_a_register_are_told_with_those_of_its_packs_and_once(tmp_path: Path) -> None:
    broken = changed("value: P60D", "value: P60")
    path = copy(tmp_path, broken)
    beside = path.with_name("clauses.yaml")
    sentence = (
        "{section: 一, text: '', gloss_zh: 三, process: arrears, kind: gate, actor_zh: 某, actor_en: x, enforce: gate}"
    )
    beside.write_text(f"document: 某\nclauses:\n  kaifeng.x.y: {sentence}\n", encoding="utf-8")
    told = check_packs([tmp_path])
    assert [fault.removeprefix(f"{tmp_path}/jinan/").split(": ")[:2] for fault in told] == [
        ["clauses.yaml:3:3", "clauses.kaifeng.x.y"],
        ["clauses.yaml:3:16", "clauses.kaifeng.x.y.gloss_en"],
        ["clauses.yaml:3:35", "clauses.kaifeng.x.y.text"],
        [f"2020-01-29.yaml:{place(broken, 'P60,')}", "arrears.ladder[7].after.value"],
    ]


def test_a_calendar_is_checked_too(tmp_path: Path) -> None:
    path = tmp_path / "calendars" / "cn.yaml"
    path.parent.mkdir()
    path.write_text("2026:\n  days_off: [2026-01-01, 2026-02-30]\n  makeup: []\n", encoding="utf-8")
    assert check_packs([path]) == [
        f"{path}:2:3: 2026.make_up: is missing: add it here",
        f"{path}:2:26: 2026.days_off[1]: 2026-02-30 is not a day: write it as 2020-01-29",
        f"{path}:3:3: 2026.makeup: is no key here: did you mean make_up?",
    ]


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    missing = tmp_path / "jinan" / "2020-01-29.yaml"
    assert check_packs([missing]) == [f"{missing}:1:1: file: cannot be read: No such file or directory"]
    assert check_packs([tmp_path]) == [
        f"{tmp_path}:1:1: file: no pack here: a pack is <utility>/<day it takes force>.yaml"
    ]
