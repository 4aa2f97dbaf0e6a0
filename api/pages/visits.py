"""The survey's hour on pages: chosen or moved by whoever serves the project, and an arrival on site."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Response

from api import bodies
from api.access import DecidableCase, DecidableTask
from api.pages.forms import instant_of, meant
from api.pages.frame import Looking, Viewer
from api.pages.tasks import case_address
from api.visits import booked, on_offer
from domain.connection.visits import AGREES, ARRANGE, SURVEY, Arrive

router = APIRouter(include_in_schema=False)


def panel(viewer: Viewer, case: Any, facts: Any) -> dict[str, Any]:
    """The survey's hour, and the hours on offer to whoever may agree on one."""
    arranging = facts.open_task(ARRANGE) or facts.open_task(SURVEY)
    if arranging is None or not viewer.person.holds(*AGREES):
        return {"offers": None}
    with viewer.house.database.read() as connection:
        return {"offers": on_offer(connection, case, at=viewer.now)}


@router.post("/projects/{case_no}/book")
async def book(
    viewer: Looking,
    case: DecidableCase,
    slot: Annotated[str, Form(max_length=100)] = "",
    at: Annotated[str, Form(max_length=40)] = "",
    reason: Annotated[str, Form(max_length=500)] = "",
) -> Response:
    """Hours on offer, or any hour that was agreed on the telephone."""
    body = chosen(slot, at=at, reason=reason)
    await booked(viewer.house, viewer.errands(), case, body.starts_at, body.ends_at, reason=body.reason)
    return viewer.go(f"{case_address(case.process, case.case_no)}?told=book")


@router.post("/field/{task_id}/arrive")
async def arrive(viewer: Looking, task: DecidableTask) -> Response:
    """Here now: on time or not."""
    await viewer.errands().tell(task, Arrive)
    return viewer.go(f"/field/{task.task_id}")


def chosen(slot: str, *, at: str = "", reason: str = "") -> bodies.BookBody:
    """What was chosen, as the JSON door takes it. Raises `RequestValidationError`."""
    starts_at, _, ends_at = (at.strip() or slot).partition("/")
    return meant(
        bodies.BookBody,
        starts_at=instant_of(starts_at),
        ends_at=instant_of(ends_at) or None,
        reason=reason.strip() or None,
    )
