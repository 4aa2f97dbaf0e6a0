"""Coming in and going out, and how a person likes the pages: language and light."""

from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response
from starlette.concurrency import run_in_threadpool

from api import sessions
from api.house import Here
from api.pages.frame import THEME_COOKIE, Guest
from api.pages.words import LANGUAGE_COOKIE
from store.attempts import TooOften
from store.sessions import NotLetIn

router = APIRouter(include_in_schema=False)
A_YEAR = 365 * 24 * 3600


@router.get("/login")
async def ask(viewer: Guest, next: str = "/") -> Response:
    return viewer.show("login.html", next=inside(next), id="", fault=None)


@router.post("/login")
async def enter(
    request: Request,
    viewer: Guest,
    id: Annotated[str, Form(max_length=200)] = "",
    password: Annotated[str, Form(max_length=1000)] = "",
    next: Annotated[str, Form(max_length=2000)] = "/",
) -> Response:
    """In, or asked again with a word why not."""
    headers: dict[str, str] = {}
    try:
        token = await sessions.enter(request, viewer.house, id, password)
    except NotLetIn:
        status, fault = (
            401,
            viewer.say("账号或密码不对，请再试一次。", "The account or the password is wrong: try again."),
        )
    except TooOften as often:
        status, minutes = 429, -(-often.retry_after // 60)
        headers = {"Retry-After": str(often.retry_after)}
        fault = viewer.say(
            f"试得太多次了，请 {minutes} 分钟后再来。", f"Too many attempts: try again in {minutes} min."
        )
    else:
        answer = RedirectResponse(inside(next), status_code=303)
        sessions.set_cookie(request, answer, token)
        return answer
    return viewer.show("login.html", status=status, headers=headers, next=inside(next), id=id, fault=fault)


@router.post("/logout")
async def leave(request: Request, house: Here, keep: Annotated[str, Form(max_length=10)] = "") -> Response:
    """Out. `keep`: what is still to be sent stays on the phone, for its owner alone, until they come in again."""
    await run_in_threadpool(sessions.leave, request, house)
    answer = RedirectResponse("/login", status_code=303)
    sessions.clear_cookie(request, answer)
    # What the browser kept for work without a network goes with the session.
    answer.headers["Clear-Site-Data"] = '"cache"' if keep == "queue" else '"cache", "storage"'
    return answer


@router.post("/preferences")
async def prefer(
    language: Annotated[str | None, Form()] = None,
    theme: Annotated[str | None, Form()] = None,
    back: Annotated[str, Form(max_length=2000)] = "/",
) -> Response:
    answer = RedirectResponse(inside(back), status_code=303)
    if language in ("zh", "en"):
        answer.set_cookie(LANGUAGE_COOKIE, language, max_age=A_YEAR, samesite="lax")
    if theme in ("light", "dark", "auto"):
        answer.set_cookie(THEME_COOKIE, theme, max_age=A_YEAR, samesite="lax")
    return answer


def inside(address: str) -> str:
    """An address of this site; anything else leads to the first page."""
    parts = urlsplit(address)
    fits = not (parts.scheme or parts.netloc) and address.startswith("/") and not address.startswith(("//", "/\\"))
    return address if fits and address.isprintable() else "/"
