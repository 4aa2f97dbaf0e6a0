"""What a rehearsal prints: a line for each file, and one for each thing that does not hold."""

from pathlib import Path

import pytest

from rehearsal.command import rehearse

A_LONG_STORY = """\
pack: jinan
process: connection
starts_at: 2026-03-11T09:00:00+08:00
open:
  project: {name: 泉城路小店, kind: single, address: 泉城路 1 号, district: 历下, meters: 1}
steps:
  - {at: 2026-03-11T10:00:00+08:00, decide: connection.check-papers, by: auditor}
until: 2026-03-11T11:00:00+08:00
expect:
  - {stage: application}
"""


@pytest.mark.engine
async def test_what_does_not_hold_is_one_line_and_nothing_else_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    file = tmp_path / "a[b]c.yaml"
    file.write_text(A_LONG_STORY, encoding="utf-8")
    assert await rehearse([file], pack=None, compare=None, as_json=False) == 1
    assert capsys.readouterr().out.splitlines() == [
        f"fails  {file}",
        "  step 1 was refused and nothing expects it: wrong-role: connection.check-papers is decided by a clerk; "
        "auditor holds auditor",
    ]
