"""A network that loses answers: what was asked arrives, and what was said in return does not."""

import asyncio
from contextlib import suppress

from tests.api.conftest import Site


class LossyNetwork:
    """A way to the site. `loses`: how many answers to decisions are still lost; `lost`: how many were."""

    def __init__(self, site: Site, *, loses: int) -> None:
        self.loses = loses
        self.lost = 0
        self._site = site
        self._server = site.run(self._listen())
        self.port: int = self._server.sockets[0].getsockname()[1]

    async def _listen(self) -> asyncio.Server:
        return await asyncio.start_server(self._carry, "127.0.0.1", 0)

    async def _carry(self, near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        far, there = await asyncio.open_connection("127.0.0.1", self._site.settings.api_port)
        deciding = False

        async def ask() -> None:
            nonlocal deciding
            while sent := await near.read(65536):
                if sent.startswith(b"POST ") and b"/decide " in sent.split(b"\r\n", 1)[0]:
                    deciding = True
                there.write(sent)
                await there.drain()
            there.close()

        async def answer() -> None:
            while said := await far.read(65536):
                if deciding and self.loses > 0:
                    self.loses -= 1
                    self.lost += 1
                    break
                back.write(said)
                await back.drain()
            back.close()

        with suppress(ConnectionError):
            await asyncio.gather(ask(), answer())

    def close(self) -> None:
        async def closes() -> None:
            self._server.close()

        self._site.run(closes())
