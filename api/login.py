"""Log in and out: a session for a browser."""

from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from api import sessions
from api.access import SignedIn
from api.bodies import LoginBody
from api.errors import documented
from api.house import Here

router = APIRouter(tags=["session"])
FOR_ANYBODY: dict[str, Any] = {"security": []}


@router.post("/session", status_code=204, responses=documented(403, 429), openapi_extra=FOR_ANYBODY)
async def log_in(body: LoginBody, request: Request, house: Here, response: Response) -> None:
    """Begin a session; the answer sets its cookie. Further requests that change something must come from this site."""
    token = await sessions.enter(request, house, body.id, body.password.get_secret_value())
    sessions.set_cookie(request, response, token)


@router.delete("/session", status_code=204, responses=documented(403))
async def log_out(person: SignedIn, request: Request, house: Here, response: Response) -> None:
    """End the session of this browser. A bearer token stays as it is."""
    await run_in_threadpool(sessions.leave, request, house)
    sessions.clear_cookie(request, response)
