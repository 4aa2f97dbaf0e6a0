"""One timer that can be moved: it rings once at the latest instant it was set to."""

import asyncio
from datetime import datetime, timedelta

from temporalio import workflow


class MovableTimer:
    """A durable timer for the case's next wake. Setting it to the instant it already has costs nothing."""

    def __init__(self) -> None:
        self.rang = False
        self._armed_for: datetime | None = None
        self._sleeping: asyncio.Task[None] | None = None

    def move(self, *, to: datetime | None, now: datetime) -> None:
        """Ring at `to` instead (None: not at all). An instant that is past rings at once, without a timer."""
        if to == self._armed_for and not self.rang:
            return
        if self._sleeping is not None and not self._sleeping.done():
            self._sleeping.cancel()
        self._sleeping, self._armed_for, self.rang = None, to, False
        if to is None:
            return
        if to <= now:
            self.rang = True
            return
        self._sleeping = asyncio.create_task(self._ring(to - now))

    async def _ring(self, after: timedelta) -> None:
        await workflow.sleep(after)
        self.rang = True
