"""Every history of every release replays on this build; a build that would decide otherwise is caught."""

import importlib
import json
from pathlib import Path

import pytest

from domain.arrears import ladder
from domain.terms import Due
from rehearsal import replay as replaying
from rehearsal.clock import KEYS
from rehearsal.replay import replay

STORED = sorted(Path(__file__).parent.glob("*/*.json"))


async def test_every_stored_history_replays() -> None:
    assert len(STORED) >= 10
    assert await replay(STORED, keys=KEYS) == {}


def test_stored_histories_are_complete_and_hold_no_plain_payload() -> None:
    for file in STORED:
        text = file.read_text(encoding="utf-8")
        assert "YmluYXJ5L2VuY3J5cHRlZA==" in text
        assert "13800000000" not in text
        assert "cGxhaW4" not in text, f"{file}: a payload in json/plain or binary/plain"
        assert json.loads(text)["events"][-1]["eventType"] == "EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED"


async def test_a_ladder_that_asks_sooner_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seeded nondeterminism: a rule that no longer waits for the period must not replay."""
    monkeypatch.setattr(ladder, "period_end", lambda rung, facts, calendar: Due(at=facts.as_of))
    file = next(file for file in STORED if file.stem == "to-the-limit-and-back")
    assert file in await replay([file], keys=KEYS)


CURIOUS = """
import time

from temporalio import workflow
from workflows.arrears_case import ArrearsCase, ArrearsOpened


@workflow.defn(name="ArrearsCase")
class CuriousCase(ArrearsCase):
    @workflow.init
    def __init__(self, opened: ArrearsOpened) -> None:
        super().__init__(opened)

    @workflow.run
    async def run(self, opened: ArrearsOpened) -> str:
        time.time()
        return await super().run(opened)
"""


async def test_a_case_that_asks_the_machine_for_the_time_is_caught(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "a_curious_case.py").write_text(CURIOUS, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(replaying, "WORKFLOWS", [importlib.import_module("a_curious_case").CuriousCase])
    file = next(file for file in STORED if file.stem == "to-the-limit-and-back")
    assert file in await replay([file], keys=KEYS)
    assert "Cannot access time.time" in caplog.text
