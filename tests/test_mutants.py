"""The tool that takes guards away finds each of them in the source, and sees when no test notices.

`make mutants` itself runs for minutes and is no part of the gate.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from bench.mutants import EQUIVALENT, HELD_IN, ROOT, YES, Guard, all_guards, guards
from domain.arrears.interlock import interlock
from tests.domain.arrears.test_interlock import question

SAMPLE = '''
def may(case, limit, at):
    """Whether it may go on: 催缴."""
    if case.held or case.paid:
        raise ValueError(f"{case.held or 'no'}")
    lock(case)
    return not case.ended and limit < at
'''


def sample(tmp_path: Path) -> list[Guard]:
    (tmp_path / "rules.py").write_text(SAMPLE, encoding="utf-8")
    return guards("rules.py", ["may"], root=tmp_path)


def test_guards_are_found_in_the_source_and_words_are_none(tmp_path: Path) -> None:
    assert [guard.what for guard in sample(tmp_path)] == [
        "without case.held in case.held or case.paid",
        "if case.held or case.paid never",
        "without case.paid in case.held or case.paid",
        "lock(case) left out",
        "without not case.ended in not case.ended and limit < at",
        "not case.ended without not",
        "without limit < at in not case.ended and limit < at",
        "limit < at with <=",
    ]


def test_each_is_taken_away_alone_and_leaves_sound_code(tmp_path: Path) -> None:
    made = {guard.taken_away(SAMPLE.encode()).decode() for guard in sample(tmp_path)}
    assert len(made) == 8
    assert SAMPLE not in made
    for source in made:
        compile(source, "rules.py", "exec")


def test_a_function_that_is_gone_is_told(tmp_path: Path) -> None:
    (tmp_path / "rules.py").write_text(SAMPLE, encoding="utf-8")
    with pytest.raises(ValueError, match="no might any more"):
        guards("rules.py", ["may", "might"], root=tmp_path)


def test_every_condition_of_the_interlock_and_every_answer_of_the_store_is_among_them() -> None:
    found = {guard.what for guard in all_guards()}
    keys = {condition.key for condition in interlock(**question())}
    assert {f"condition {key} always met" for key in keys} <= found
    assert {f"{name} not asked for" for name, answer in YES.items() if answer is not None} <= found
    assert all(guard.taken_away((ROOT / guard.path).read_bytes()) for guard in all_guards())
    assert EQUIVALENT.keys() <= {guard.name for guard in all_guards()}


def test_the_tests_that_are_to_notice_are_there() -> None:
    assert all((ROOT / test).exists() for _, tests in HELD_IN.values() for test in tests)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("tests", "last"),
    [
        (["tests/domain/arrears/test_interlock.py"], "1 of 1 mutants killed"),
        (["tests/domain/test_money.py"], "0 of 1 mutants killed"),
    ],
)
def test_a_guard_that_no_test_misses_is_told(tests: list[str], last: str) -> None:
    """Both halves of the same: tests that look, and tests that are blind."""
    command = [sys.executable, "-m", "bench.mutants", "--only", "condition no-hold", "--jobs", "1", "--tests", *tests]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert ran.stdout.splitlines()[-1] == last, ran.stdout + ran.stderr
    assert ran.returncode == (0 if last.startswith("1") else 1)
    survived = [line for line in ran.stdout.splitlines() if line.startswith("survived: domain/arrears/interlock.py:")]
    assert len(survived) == (0 if last.startswith("1") else 1)
