"""The API: every door, and what they share."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime

from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from starlette.middleware.gzip import DEFAULT_EXCLUDED_CONTENT_TYPES, GZipMiddleware
from temporalio.client import Client

from api import (
    about,
    acceptance_papers,
    billing,
    board,
    calendars,
    cases,
    declarations,
    errors,
    evidence,
    exports,
    files,
    imports,
    incoming,
    item_tables,
    items,
    ledger_events,
    links,
    login,
    new_accounts,
    notices,
    openings,
    organisation,
    overview,
    previews,
    project_course,
    project_papers,
    receipts,
    reconciliation,
    reports,
    service_ledger,
    tasks,
    verbs,
    visits,
)
from api.browser import OwnSite, SafeHeaders
from api.house import Engine, House
from api.limits import BodyLimit
from api.pages import site
from api.running import Running
from api.together import Together
from policies.packs import also_in
from runtime.wall_clock import now
from settings import Settings
from store.database import Database

LARGEST_BODY = 1024 * 1024
LARGEST_FILE = 64 * LARGEST_BODY
PREFIX = "/api/v1"
PACKED = (
    *DEFAULT_EXCLUDED_CONTENT_TYPES,
    "application/octet-stream",
    "application/pdf",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
)
"""What is small already, or must be heard at once: it is sent as it is. No page carries a secret that packing tells."""
DESCRIPTION = """
Durable case management for water utilities. Sign in with `Authorization: Bearer <token>`,
or with the session that `POST /session` begins.

* Money is a string in yuan (`"86.40"`); an instant carries its offset and is answered at +08:00; a day is `YYYY-MM-DD`.
* Every refusal has one shape, `{"code", "message", "where"?}`, and is kept on record.
* A POST may carry an `Idempotency-Key`: sent again it has one effect and one answer.
* 202 with `"pending": true`: accepted while no worker answers, and carried out once, when one does.
* Lists give `items` and `next`; `next` goes into `after`.
""".strip()


def create_app(
    settings: Settings,
    *,
    database: Database | None = None,
    client: Client | None = None,
    clock: Callable[[], datetime] | None = None,
) -> FastAPI:
    """The application. It starts and serves reads without an engine, and looks for one when something is to be done.

    A database, a client or a clock that is given is used and left open; the others are made from the settings.
    """

    if settings.packs is not None:
        also_in(settings.packs)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        store = database or Database(settings.database)
        app.state.house = House(settings, store, Engine(settings, store, client), clock or now)
        app.state.running, app.state.together = Running(), Together()
        beside = [
            asyncio.create_task(incoming.sweep_now_and_then(settings.data, app.state.house.clock)),
            asyncio.create_task(imports.carry_on_now_and_then(app.state.house, app.state.running)),
        ]
        yield
        for task in beside:
            task.cancel()
        await app.state.running.finish()
        await app.state.together.finish()
        await app.state.house.engine.close()
        if database is None:
            store.close()

    app = FastAPI(
        title="Guanjia 水管家",
        version="1",
        description=DESCRIPTION,
        lifespan=lifespan,
        openapi_url=f"{PREFIX}/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    errors.install(app)
    photo, paper = ((most + 1) * LARGEST_BODY for most in (settings.photo_megabytes, settings.paper_megabytes))
    larger = {
        f"{PREFIX}/ledger/imports": LARGEST_FILE,
        f"{PREFIX}/ledger/preview": LARGEST_FILE,
        "/ledger/preview": LARGEST_FILE,
        f"{PREFIX}/ledger/reconciliations": LARGEST_FILE,
        "/ledger/reconciliations": LARGEST_FILE,
        f"{PREFIX}/cases/{{case_no}}/files": max(photo, paper),
        f"{PREFIX}/cases/{{case_no}}/item-tables/preview": paper,
        "/projects/{case_no}/items/preview": paper,
        "/tasks/{task_id}/items/{no}": photo,
        "/arrears/together": LARGEST_FILE,
        "/arrears/sheet": LARGEST_FILE,
        "/arrears/{case_no}/contact": photo,
        "/p/{token}/papers": LARGEST_FILE,  # several at once
        "/p/{token}/drawings": LARGEST_FILE,
        "/projects/{case_no}/declare/{what}": photo,
        "/tasks/{task_id}/decide": 2 * photo,  # a form with a photo and a signature
    }
    app.add_middleware(BodyLimit, largest=LARGEST_BODY, elsewhere=larger)
    app.add_middleware(OwnSite)
    app.add_middleware(errors.Unexpected)
    app.add_middleware(SafeHeaders)
    app.add_middleware(GZipMiddleware, compresslevel=6, exclude_content_types=PACKED)
    for room in (
        cases,
        board,
        openings,
        organisation,
        verbs,
        declarations,
        visits,
        tasks,
        files,
        notices,
        evidence,
        links,
        project_papers,
        project_course,
        item_tables,
        items,
        acceptance_papers,
        new_accounts,
        exports,
        billing,
        ledger_events,
        receipts,
        reconciliation,
        imports,
        previews,
        service_ledger,
        reports,
        calendars,
        login,
        about,
    ):
        app.include_router(room.router, prefix=PREFIX)
    app.include_router(about.health)
    site.install(app)

    @app.get("/docs", include_in_schema=False)
    def what_there_is() -> HTMLResponse:
        return HTMLResponse(overview.page(app.openapi()), headers={"Content-Security-Policy": overview.POLICY})

    return app
