"""Every history of every release replays on this build; a build that would decide otherwise is caught."""

import json
from pathlib import Path

import pytest

from domain.arrears import ladder
from rehearsal.clock import KEYS
from rehearsal.replay import replay

STORED = sorted(Path(__file__).parent.glob("*/*.json"))


async def test_every_stored_history_replays() -> None:
    assert len(STORED) >= 10
    assert await replay(STORED, keys=KEYS) == {}


async def test_stored_histories_hold_no_plain_payload() -> None:
    for file in STORED:
        text = file.read_text(encoding="utf-8")
        assert "0410023" not in json.dumps(json.loads(text)["events"][1:])
        assert "binary/encrypted" in text or "YmluYXJ5L2VuY3J5cHRlZA==" in text


async def test_a_ladder_that_asks_sooner_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seeded nondeterminism: a rule that no longer waits for the period must not replay."""
    monkeypatch.setattr(ladder, "next_moment", lambda *_: None)
    monkeypatch.setattr("workflows.arrears_case.next_moment", lambda *_: None, raising=False)
    file = next(file for file in STORED if file.stem == "to-the-limit-and-back")
    assert file in await replay([file], keys=KEYS)
