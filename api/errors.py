"""Every answer that is not a success: one shape, one place where codes become statuses."""

import traceback
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Literal
from uuid import uuid4

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel
from sqlalchemy.exc import OperationalError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from activities.ledger_file import UnreadableLedger
from api import sessions
from api.bodies import PATTERNS
from api.house import EngineAway, House
from api.signed import NotSigned
from domain.refusals import RefusalCode, Refused
from store import refusals
from store.attempts import TooOften
from store.people import Person
from store.sessions import NotLetIn

log = structlog.get_logger()

STATUS: dict[RefusalCode, int] = {
    "not-open": 409,
    "wrong-role": 403,
    "four-eyes": 403,
    "form-invalid": 422,
    "gate": 409,
    "interlock": 409,
    "duplicate": 409,
    "unknown": 404,
}
Code = (
    RefusalCode
    | Literal[
        "not-signed-in",
        "not-let-in",
        "too-often",
        "cross-site",
        "no-such-method",
        "too-large",
        "unavailable",
        "unexpected",
    ]
)
RETRY_AFTER = "5"
ALTERNATIVES = ("day", "instant")  # of one field, in `api.bodies`; no part of its name


class Fault(BaseModel):
    """One field that is wrong: its path in what was sent, and what to write instead."""

    field: str
    problem: str


class Problem(BaseModel):
    """Why nothing was done. `code` is fixed vocabulary; `where` names each field of a form that is wrong."""

    code: Code
    message: str
    where: list[Fault] | None = None


class NotSignedIn(Exception):
    """No token and no session, or one that lets nobody in."""


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The refusals of a door, for its OpenAPI description."""
    words = {
        401: "No token and no session, or one that lets nobody in",
        403: "`wrong-role` or `four-eyes`: this person may not",
        404: "`unknown`: it does not exist, or not for this person",
        409: "`not-open`, `gate`, `interlock` or `duplicate`: not as things stand",
        413: "`too-large`: the body is larger than this door takes",
        422: "`form-invalid`: every field that is wrong, and what to write",
        429: "`too-often`: too many attempts; `Retry-After` says in how many seconds",
        503: "`unavailable`: the engine or the database does not answer; nothing is lost, try again",
    }
    return {status: {"model": Problem, "description": words[status]} for status in (401, 422, *statuses)}


def problem(
    status: int, code: Code, message: str, *, where: list[Fault] | None = None, headers: dict[str, str] | None = None
) -> JSONResponse:
    body = Problem(code=code, message=message, where=where)
    return JSONResponse(body.model_dump(exclude_none=True), status_code=status, headers=headers)


def install(app: FastAPI) -> None:
    """Give the app its handlers."""
    handlers: dict[type[Exception], Any] = {
        Refused: _refused,
        RequestValidationError: _invalid,
        HTTPException: _of_http,
        NotSignedIn: _not_signed_in,
        NotLetIn: _not_let_in,
        NotSigned: _not_signed,
        TooOften: _too_often,
        EngineAway: _unavailable,
        OperationalError: _unavailable,
        UnreadableLedger: _unreadable,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, _as_asked(handler))


def _as_asked(handler: Callable[..., Awaitable[JSONResponse]]) -> Callable[[Request, Exception], Awaitable[Response]]:
    """JSON for machines; for somebody at a page the same as the pages draw it."""

    async def answer(request: Request, error: Exception) -> Response:
        said = await handler(request, error)
        draw = getattr(request.app.state, "draw_problem", None)
        drawn: Response | None = await draw(request, error, said) if draw is not None else None
        return drawn or said

    return answer


async def _refused(request: Request, refused: Refused) -> JSONResponse:
    await audit(request, refused.code, refused.message)
    return problem(STATUS[refused.code], refused.code, refused.message)


async def _invalid(request: Request, invalid: RequestValidationError) -> JSONResponse:
    if not _for_anybody(request) and await who_asks(request) is None:
        return await _not_signed_in(request, NotSignedIn())
    errors = invalid.errors()
    # A list whose items are at fault is also called too short: that is no news.
    told = [each for each in errors if not (each["type"] == "too_short" and _has_parts(each["loc"], errors))]
    faults = [Fault(field=_path(fault["loc"]), problem=_words(fault)) for fault in told]
    message = "; ".join(f"{fault.field}: {fault.problem}" for fault in faults)
    await audit(request, "form-invalid", message)
    return problem(422, "form-invalid", message, where=faults)


def _has_parts(loc: tuple[int | str, ...], errors: Sequence[Any]) -> bool:
    return any(len(each["loc"]) > len(loc) and tuple(each["loc"][: len(loc)]) == tuple(loc) for each in errors)


def _path(loc: tuple[int | str, ...]) -> str:
    """account.phone or parts[0].amount. A field's name that the sender made up is not said back."""
    said = ""
    for part in loc[1:] or loc:
        if part in ALTERNATIVES:
            continue
        if isinstance(part, int):
            said += f"[{part}]"
        else:
            fits = len(part) <= 40 and part.replace("-", "_").replace("[", "").isidentifier() and part.isascii()
            said += f".{part if fits else '…'}"
    return said.lstrip(".") or "body"


def _words(fault: Any) -> str:
    match fault["type"]:
        case "missing":
            return "is missing: give a value"
        case "extra_forbidden":
            return "is not a field of this form: take it out, or correct its name"
        case "json_invalid":
            return "is not JSON: correct it from this position on"
        case "string_pattern_mismatch" if (pattern := fault["ctx"]["pattern"]) in PATTERNS:
            return PATTERNS[pattern]
        case "literal_error":
            return f"is none of the words known: write {fault['ctx']['expected']}"
        case "union_tag_invalid":
            return f"{fault['ctx']['discriminator'].strip(chr(39))}: write one of {fault['ctx']['expected_tags']}"
        case "union_tag_not_found":
            return f"{fault['ctx']['discriminator'].strip(chr(39))}: is missing: give a value"
        case "model_attributes_type" | "dict_type" if fault["loc"] == ("body",):
            return "is not a JSON object: send one, with Content-Type: application/json"
    words = str(fault["msg"]).removeprefix("Value error, ")
    return words[:1].lower() + words[1:]


async def _of_http(request: Request, error: HTTPException) -> JSONResponse:
    headers = dict(error.headers or {})
    match error.status_code:
        case 400 if not _for_anybody(request) and await who_asks(request) is None:
            return await _not_signed_in(request, NotSignedIn())
        case 400:
            fault = Fault(field="body", problem="cannot be read: send UTF-8 JSON of moderate depth")
            message = f"{fault.field}: {fault.problem}"
            await audit(request, "form-invalid", message)
            return problem(422, "form-invalid", message, where=[fault])
        case 404:
            return problem(404, "unknown", "there is nothing at this address", headers=headers)
        case 405:
            return problem(405, "no-such-method", f"{request.method} is not for this address", headers=headers)
        case 413:
            return problem(413, "too-large", "the body is larger than this door takes: send it in parts")
    return problem(error.status_code, "unexpected", "the request could not be read")


async def _not_signed_in(request: Request, error: NotSignedIn) -> JSONResponse:
    message = "sign in: send `Authorization: Bearer` with the token that you were given, or log in"
    return problem(401, "not-signed-in", message, headers={"WWW-Authenticate": "Bearer"})


async def _not_let_in(request: Request, error: NotLetIn) -> JSONResponse:
    message = "no account has this id and this password: look both up and try again"
    return problem(401, "not-let-in", message, headers={"WWW-Authenticate": "Bearer"})


async def _not_signed(request: Request, error: NotSigned) -> JSONResponse:
    return problem(401, "not-signed-in", str(error), headers={"WWW-Authenticate": "Guanjia-Signature"})


async def _too_often(request: Request, error: TooOften) -> JSONResponse:
    return problem(429, "too-often", str(error), headers={"Retry-After": str(error.retry_after)})


def _for_anybody(request: Request) -> bool:
    """Whether this door is for those who are not signed in yet, as its description says."""
    extra = getattr(request.scope.get("route"), "openapi_extra", None)
    return extra is not None and extra.get("security") == []


async def _unavailable(request: Request, error: Exception) -> JSONResponse:
    what = "the engine" if isinstance(error, EngineAway) else "the database"
    log.warning("api.unavailable", what=what, error=type(error).__name__)
    message = f"{what} does not answer at the moment; nothing of this was done: send it again in a while"
    return problem(503, "unavailable", message, headers={"Retry-After": RETRY_AFTER})


async def _unreadable(request: Request, error: UnreadableLedger) -> JSONResponse:
    fault = Fault(field="file", problem=f"{error.what} / {error.what_zh} ({error.where})")
    message = f"{error.what} ({error.where}). {error.mend} / {error.what_zh}。{error.mend_zh}"
    await audit(request, "form-invalid", message)
    return problem(422, "form-invalid", message, where=[fault])


async def who_asks(request: Request) -> Person | None:
    """Who sent this. A body is read before the token: where it cannot be, nobody has asked for the token yet."""
    known: Person | None = getattr(request.state, "person", None)
    if known is not None:
        return known
    return await run_in_threadpool(sessions.who, request, request.app.state.house)


async def audit(request: Request, code: RefusalCode, message: str) -> None:
    """Keep what was refused: one row each. What a person was refused is told them even when it cannot be kept."""
    person = await who_asks(request)
    if person is None:
        return
    house: House = request.app.state.house
    path = getattr(request.scope.get("route"), "path", request.url.path).removeprefix("/api/v1")
    case_no = request.path_params.get("case_no")
    command = f"{request.method} {path}"

    def keep() -> None:
        refusals.note(
            house.database,
            case_no=case_no if case_no and case_no.isprintable() and len(case_no) <= 40 else None,
            command=command,
            code=code,
            message=message,
            by=person.id,
            at=house.clock(),
        )

    try:
        await run_in_threadpool(keep)
    except OperationalError as error:
        log.error("api.refusal-not-kept", command=command, code=code, error=type(error).__name__)


class Unexpected:
    """The outermost wall: what nobody foresaw is answered without a word of its insides, and logged without values."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def sending(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self.app(scope, receive, sending)
        except ClientDisconnect:
            # Whoever sent it is gone, as on a weak network; nobody hears an answer, and nothing went wrong here.
            log.info("api.gone", method=scope["method"])
        except Exception as error:
            if scope["type"] != "http" or begun:
                raise
            reference = uuid4().hex[:12]
            lines = traceback.format_tb(error.__traceback__)[-6:]
            log.error("api.unexpected", reference=reference, error=type(error).__name__, at="".join(lines))
            message = f"something went wrong that should not; give the operator the reference {reference}"
            said = problem(500, "unexpected", message)
            draw = getattr(scope["app"].state, "draw_problem", None)
            drawn = await draw(Request(scope, receive), error, said) if draw is not None else None
            await (drawn or said)(scope, receive, send)
