"""The pages of the site put together, and how a refusal looks on one."""

import json
from urllib.parse import quote

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from starlette.concurrency import run_in_threadpool

from api.access import SignedIn
from api.browser import BY_LINK
from api.errors import who_asks
from api.house import House
from api.pages import (
    applicant,
    applicant_link,
    assets,
    case_forms,
    cases,
    contacts,
    dashboard,
    entrance,
    field,
    inbox,
    items,
    ledger,
    lists,
    live,
    notices,
    organisation,
    policy,
    returned,
    saved,
    service,
    steer,
    tasks,
    together,
    tour,
    visits,
    works,
)
from api.pages.frame import Viewer
from api.pages.refusals import headline, said_refusal
from domain.refusals import Refused

OF_MACHINES = ("/api/", "/healthz", "/readyz", "/docs", "/static/", "/offline.js", "/live")


def install(app: FastAPI) -> None:
    """Give the app its pages."""
    app.router.routes.extend(assets.ROUTES)
    app.state.draw_problem = draw_problem
    for room in (
        entrance,
        applicant,
        applicant_link,
        visits,
        live,
        inbox,
        field,
        items,
        tasks,
        together,
        returned,
        notices,
        lists,
        contacts,
        case_forms,
        cases,
        dashboard,
        ledger,
        tour,
        policy,
        organisation,
        saved,
        service,
        steer,
        works,
    ):
        app.include_router(room.router)
    app.include_router(applicant_link.papers)

    @app.get("/", include_in_schema=False)
    async def first(person: SignedIn) -> Response:
        return RedirectResponse("/inbox", status_code=303)


async def draw_problem(request: Request, error: Exception, said: JSONResponse) -> Response | None:
    """A refusal as a page, or in the page that stands; None where a machine asked."""
    if request.url.path.startswith(OF_MACHINES) or request.headers.get("Accept") == "application/json":
        return None
    house: House = request.app.state.house
    if request.url.path.startswith(BY_LINK):
        return await run_in_threadpool(applicant.refused, request, house, said.status_code, said.headers)
    status = said.status_code
    asked = getattr(request.state, "person", None)
    if status == 404 and asked is None:  # no door of ours has looked who it is
        asked = await who_asks(request)
    viewer = Viewer(request, house, asked)
    if status == 401:
        if request.method == "GET" and not viewer.by_htmx:
            here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            return RedirectResponse(f"/login?next={quote(here)}", status_code=303)
        return viewer.go("/login")
    problem = json.loads(bytes(said.body))
    zh = error.zh if isinstance(error, Refused) else ""
    facts = {
        "kind": "refused",
        "headline": headline(problem["code"], viewer.language),
        "detail": said_refusal(problem["message"], zh, viewer.language),
    }
    headers = {name: value for name in ("retry-after",) if (value := said.headers.get(name)) is not None}
    if viewer.by_htmx:
        headers |= {"HX-Retarget": "#told", "HX-Reswap": "innerHTML"}
        return viewer.show("told_fragment.html", status=status, headers=headers, **facts, address_after=None)
    back = request.headers.get("Referer") or "/"
    return viewer.show("told.html", status=status, headers=headers, **facts, back=back)
