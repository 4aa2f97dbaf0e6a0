"""News without reload: a browser hears that something was recorded, and fetches again what it shows."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError
from starlette.concurrency import run_in_threadpool

from api.house import House
from api.pages.frame import Looking
from store.database import Database
from store.tables import entries, inbox_log

router = APIRouter(include_in_schema=False)
EVERY = 0.7
HEARTBEAT = 20.0


class News:
    """One look at the record at a time for everybody who waits, and none when nobody does."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: set[asyncio.Queue[int]] = set()
        self._watching: asyncio.Task[None] | None = None

    async def heard(self) -> AsyncIterator[int | None]:
        """A number each time that something was recorded; None now and then, to see whether anybody listens."""
        queue: asyncio.Queue[int] = asyncio.Queue(maxsize=1)
        self._waiting.add(queue)
        if self._watching is None:
            self._watching = asyncio.create_task(self._watch())
        try:
            while True:
                try:
                    yield await asyncio.wait_for(queue.get(), HEARTBEAT)
                except TimeoutError:
                    yield None
        finally:
            self._waiting.discard(queue)

    async def _watch(self) -> None:
        seen = await run_in_threadpool(self._last)
        while self._waiting:
            await asyncio.sleep(EVERY)
            with suppress(OperationalError):
                last = await run_in_threadpool(self._last)
                if last != seen:
                    seen = last
                    for queue in self._waiting:
                        if queue.empty():
                            queue.put_nowait(sum(last))
        self._watching = None

    def _last(self) -> tuple[int, int]:
        with self._database.read() as connection:
            last = connection.execute(
                select(
                    select(func.coalesce(func.max(entries.c.id), 0)).scalar_subquery(),
                    select(func.coalesce(func.max(inbox_log.c.id), 0)).scalar_subquery(),
                )
            ).one()
        return last[0], last[1]


@router.get("/live")
async def live(request: Request, viewer: Looking) -> StreamingResponse:
    """Server-sent events that carry nothing but a number: whoever hears one looks with their own eyes."""
    news = news_of(request, viewer.house)

    async def told() -> AsyncIterator[str]:
        yield "retry: 3000\n\n"
        async for number in news.heard():
            if await request.is_disconnected():
                return
            yield ": still here\n\n" if number is None else f"event: recorded\ndata: {number}\n\n"

    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(told(), media_type="text/event-stream", headers=headers)


def news_of(request: Request, house: House) -> News:
    state = request.app.state
    if not hasattr(state, "news"):
        state.news = News(house.database)
    news: News = state.news
    return news
