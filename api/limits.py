"""How much a door reads: a body beyond it is refused in the one shape, before it fills the memory."""

import re
from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import problem
from domain.refusals import Refused

TOO_LARGE = "the body is larger than this door takes: send it in parts"

_TOLD = Refused("form-invalid", TOO_LARGE, zh="超过了这里能收的大小：请拆成几份再传。")


class BodyLimit:
    """Bodies up to `largest` bytes; `elsewhere` by path, with `{…}` for any part. A length not announced is counted."""

    def __init__(self, app: ASGIApp, *, largest: int, elsewhere: Mapping[str, int]) -> None:
        self.app = app
        self.largest = largest
        self.elsewhere = [(re.compile(re.sub(r"{\w+}", "[^/]+", path)), most) for path, most in elsewhere.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        left = next((most for path, most in self.elsewhere if path.fullmatch(scope["path"])), self.largest)
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        if announced.isdigit() and int(announced) > left:
            said = problem(413, "too-large", TOO_LARGE)
            draw = getattr(scope["app"].state, "draw_problem", None)
            drawn = await draw(Request(scope, receive), _TOLD, said) if draw is not None else None
            await (drawn or said)(scope, receive, send)
            return

        async def receiving() -> Message:
            nonlocal left
            message = await receive()
            left -= len(message.get("body", b""))
            if left < 0:
                raise HTTPException(413)
            return message

        await self.app(scope, receiving, send)
