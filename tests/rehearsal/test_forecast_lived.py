"""What is forecast of a project is what it then lives on the engine, driven as fast as the forecast was told."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from domain.calendars import CHINA
from domain.connection.facts import Project, ProjectFacts
from domain.connection.forecast import after, forecast
from policies.packs import load_calendar, load_pack
from rehearsal.clock import EngineClock, engine_clock
from rehearsal.files import read
from rehearsal.run import play

pytestmark = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="module")]
STARTS = datetime(2026, 3, 11, 9, tzinfo=CHINA)
DRIVEN = """
pack: {pack}
process: connection
starts_at: 2026-03-11T09:00:00+08:00
open: {{project: {{name: 泉城路小店, kind: {kind}, meters: {meters}}}}}
steps:
  - {{at: 2026-03-11T09:00:00+08:00, drive: {{until: end, each: {each}}}}}
until: 2026-12-31T00:00:00+08:00
expect:
  - {{stage: application, at: 2026-03-11T09:00:00+08:00}}
"""


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def clock() -> AsyncIterator[EngineClock]:
    async with engine_clock() as running:
        yield running


@pytest.mark.parametrize(
    ("pack", "kind", "meters", "each"),
    [("jinan", "single", 1, "PT1H"), ("jinan", "estate", 3, "P1D"), ("kaifeng", "linear", 1, "P3D")],
)
async def test_a_project_driven_at_the_earliest_lives_its_forecast(
    clock: EngineClock, tmp_path: Path, pack: str, kind: str, meters: int, each: str
) -> None:
    file = tmp_path / "driven.yaml"
    file.write_text(DRIVEN.format(pack=pack, kind=kind, meters=meters, each=each), encoding="utf-8")
    seen = await play(read(file), clock)
    policy = load_pack(pack).connection
    assert policy is not None
    project = Project(kind=kind, meters=meters, sector="other")  # type: ignore[arg-type]
    facts = ProjectFacts(
        case_no="BZ-20260311-0001",
        pack=pack,
        opened_at=STARTS,
        as_of=STARTS,
        project=project,
        papers=policy.checklist[project.kind].value,
    )
    pace = {"PT1H": timedelta(hours=1), "P1D": timedelta(days=1), "P3D": timedelta(days=3)}[each]
    coming = forecast(facts, policy, load_calendar(), now=STARTS, pace=after(pace))
    expected = [(task.key, task.opens_at, task.by) for task in coming]
    lived = [(task.key, task.opened_at, task.decided_at) for task in seen.tasks if task.decided_at is not None]
    assert len(lived) > 12
    assert sorted(lived) == sorted(expected)
