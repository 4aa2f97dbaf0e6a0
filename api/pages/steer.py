"""What people tell a task or a project besides deciding: urge, pause, give away, have signed, send back, reopen."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Response
from starlette.concurrency import run_in_threadpool

from api import bodies, verbs
from api.access import DecidableCase, DecidableTask
from api.pages.forms import meant
from api.pages.frame import Looking, Viewer
from api.pages.tasks import case_address
from domain.commands import EscalateTask, PauseTask, ResumeTask, TellProgress, UrgeTask
from domain.connection.sending_back import SendBack, TakeBack
from domain.cosigning import DropCosigner

router = APIRouter(include_in_schema=False)
Why = Annotated[str, Form(min_length=1, max_length=500)]


@router.post("/tasks/{task_id}/urge")
async def urge(viewer: Looking, task: DecidableTask) -> Response:
    return await _tell(viewer, task, UrgeTask)


@router.post("/tasks/{task_id}/progress")
async def progress(viewer: Looking, task: DecidableTask, note: Why) -> Response:
    return await _tell(viewer, task, TellProgress, note=note)


@router.post("/tasks/{task_id}/escalate")
async def escalate(viewer: Looking, task: DecidableTask, reason: Why) -> Response:
    return await _tell(viewer, task, EscalateTask, reason=reason)


@router.post("/tasks/{task_id}/pause")
async def pause(
    viewer: Looking,
    task: DecidableTask,
    party: Annotated[Any, Form()],
    reason: Annotated[str, Form(min_length=1, max_length=500)],
) -> Response:
    return await _tell(viewer, task, PauseTask, party=party, reason=reason)


@router.post("/tasks/{task_id}/resume")
async def resume(viewer: Looking, task: DecidableTask) -> Response:
    return await _tell(viewer, task, ResumeTask)


@router.post("/tasks/{task_id}/reassign")
async def reassign(
    viewer: Looking,
    task: DecidableTask,
    to: Annotated[str, Form(max_length=100)],
    reason: Annotated[str | None, Form(max_length=500)] = None,
) -> Response:
    """Give a task to somebody; whoever had it in hand has it no more."""
    body = meant(bodies.ReassignBody, task=task.task_id, to=to, reason=reason or None)
    await verbs.given(task, body, viewer.errands(), viewer.house)
    return viewer.go(f"/tasks/{task.task_id}")


@router.post("/tasks/{task_id}/cosign")
async def cosign(
    viewer: Looking, task: DecidableTask, of: Annotated[str, Form(max_length=100)], reason: Why
) -> Response:
    body = meant(bodies.CosignBody, task=task.task_id, of=of, reason=reason)
    await verbs.signed_by(task, body, viewer.errands(), viewer.house)
    return viewer.go(f"/tasks/{task.task_id}")


@router.post("/tasks/{task_id}/drop-cosign")
async def drop_cosign(
    viewer: Looking, task: DecidableTask, reason: Annotated[str | None, Form(max_length=500)] = None
) -> Response:
    return await _tell(viewer, task, DropCosigner, reason=reason or None)


@router.post("/projects/{case_no}/send-back")
async def send_back(viewer: Looking, case: DecidableCase, to: Annotated[str, Form()], reason: Why) -> Response:
    body = meant(bodies.SendBackBody, to=to, reason=reason)
    await viewer.errands().tell(case, SendBack, **body.model_dump())
    return viewer.go(f"{case_address(case.process, case.case_no)}?told=send-back")


@router.post("/projects/{case_no}/take-back")
async def take_back(viewer: Looking, case: DecidableCase, task: Annotated[str, Form()], reason: Why) -> Response:
    body = meant(bodies.TakeBackBody, task=task, reason=reason)
    await viewer.errands().tell(case, TakeBack, **body.model_dump())
    return viewer.go(f"{case_address(case.process, case.case_no)}?told=take-back")


@router.post("/projects/{case_no}/reopen")
async def reopen(viewer: Looking, case: DecidableCase, reason: Why) -> Response:
    """A closed project goes on; the page says so until the case itself does."""
    body = meant(bodies.ReopenBody, reason=reason)
    await run_in_threadpool(verbs.reopened, viewer.house, viewer.person, case.case_no, body)
    return viewer.go(f"{case_address(case.process, case.case_no)}?pending=reopen")


async def _tell(viewer: Viewer, row: Any, kind: Any, **said: Any) -> Response:
    await viewer.errands().tell(row, kind, task=row.task_id, **said)
    return viewer.go(f"/tasks/{row.task_id}")
