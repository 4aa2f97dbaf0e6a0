"""Imports that go on after their answer: how far each is, for as long as this process lives.

What is taken in stands in the store, with how far it is; this only tells of what runs here. After a crash it goes on
where it stood, by itself while its file is kept, else once the file is sent again.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import structlog
from fastapi import FastAPI

log = structlog.get_logger()
Work = Callable[[Callable[[int, int], None]], Any]


@dataclass
class Progress:
    """Rows done and rows expected; `failed` when it broke off."""

    done: int = 0
    total: int = 0
    failed: bool = False


class Running:
    """Imports of this process, one at a time a file. Those that ended well are forgotten: the store has them."""

    def __init__(self) -> None:
        self._progress: dict[str, Progress] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def begin(self, sha256: str, work: Work, *, wait: float) -> None:
        """Start an import, unless it runs already, and wait a moment: a small one is done before it is asked for."""
        task = self._tasks.get(sha256)
        if task is None:
            self._progress[sha256] = Progress()
            task = self._tasks[sha256] = asyncio.create_task(self._run(sha256, work))
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(task), wait)

    async def _run(self, sha256: str, work: Work) -> None:
        progress = self._progress[sha256]

        def hear(done: int, total: int) -> None:
            progress.done, progress.total = done, total

        try:
            await asyncio.to_thread(work, hear)
            del self._progress[sha256]
        except Exception as error:
            progress.failed = True
            log.warning("api.import-broke-off", error=type(error).__name__)
        finally:
            del self._tasks[sha256]

    def progress(self, sha256: str) -> Progress | None:
        """How far an import is; None for one that does not run here."""
        return self._progress.get(sha256)

    async def finish(self) -> None:
        """Wait for what runs: at the end of the process."""
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)


def running_of(app: FastAPI) -> Running:
    running: Running = app.state.running
    return running
