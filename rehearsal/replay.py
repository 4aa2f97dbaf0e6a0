"""Replaying histories on this build: a release that would treat a running case differently fails here, not in life."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer

from worker import WORKFLOWS, workflow_runner
from workflows.payloads import data_converter


async def replay(files: Sequence[Path], *, keys: Mapping[str, bytes]) -> dict[Path, str]:
    """Replay stored histories; returns what went wrong by file, empty when all of them replay.

    `keys` open the payloads. A file is one history in the JSON form of the engine's own tools.
    """
    replayer = Replayer(workflows=WORKFLOWS, data_converter=data_converter(keys), workflow_runner=workflow_runner())
    failures: dict[Path, str] = {}
    for file in files:
        history = WorkflowHistory.from_json(file.stem, file.read_text(encoding="utf-8"))
        result = await replayer.replay_workflow(history, raise_on_replay_failure=False)
        if result.replay_failure is not None:
            failures[file] = f"{type(result.replay_failure).__name__}: {result.replay_failure}"
    return failures
