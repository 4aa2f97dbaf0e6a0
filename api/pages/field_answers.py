"""What a phone is told that sends what it kept while it had no network: sent, wrong, or somebody was quicker."""

from typing import Any

from fastapi.responses import JSONResponse, Response
from pydantic import ValidationError

from api import errors
from api.pages.frame import Viewer, label
from api.pages.refusals import headline
from api.pages.shapes import instant
from domain.processes import TASKS
from domain.refusals import Refused
from store import people, reads


def done_told(*, pending: bool) -> Response:
    return JSONResponse({"state": "pending" if pending else "done"}, status_code=202 if pending else 200)


def fault_told(faults: dict[str, str], *, status: int = 422) -> Response:
    """What is wrong, by field; under `` what concerns the whole."""
    return JSONResponse({"state": "wrong" if status == 422 else "later", "faults": faults}, status_code=status)


def beaten_told(viewer: Viewer, task: Any, refused: Refused, filled: dict[str, Any]) -> Response:
    """Why it was not taken. A task that this person decided just so has been sent before, and counts as sent."""
    why = (refused.zh if viewer.language == "zh" else "") or refused.message
    words = f"{headline(refused.code, viewer.language)} {why}"
    if task is not None and task.status == "decided":
        by = task.body.get("decided_by")
        if by == viewer.person.id and _same(task.key, task.body.get("form"), filled):
            return done_told(pending=False)
        with viewer.house.database.read() as connection:
            who = people.names(connection, [by] if by else []).get(by, by)
        at = instant(task.closed_at, language=viewer.language, today=viewer.now.date())
        words = viewer.say(
            f"{who} 已经先一步办理了（{at}），没有记下您的办理。",
            f"{who} was quicker ({at}); what you filled in was not recorded.",
        )
    elif task is not None and task.status == "withdrawn":
        words = viewer.say(
            "您提交之前，这项任务已经撤回，没有记下您的办理。",
            "The task was withdrawn before this was sent; what you filled in was not recorded.",
        )
    return JSONResponse({"state": "beaten", "words": words}, status_code=errors.STATUS[refused.code])


def closed_told(viewer: Viewer, case: Any, refused: Refused) -> Response:
    """Why a contact was not taken: the case is over, since when and with what."""
    with viewer.house.database.read() as connection:
        row = reads.case_on_record(connection, case.case_no)
    at = instant(row.closed_at, language=viewer.language, today=viewer.now.date()) if row.closed_at else ""
    how = label(row.outcome, viewer.language)
    words = viewer.say(
        f"案件已经结案（{how}，{at}），没有记下您的沟通。",
        f"The case has ended ({how}, {at}); your contact was not recorded.",
    )
    return JSONResponse({"state": "beaten", "words": words}, status_code=errors.STATUS[refused.code])


def _same(key: str, kept: dict[str, Any] | None, filled: dict[str, Any]) -> bool:
    form = TASKS[key].form
    try:
        return kept is not None and form.model_validate(kept) == form.model_validate(filled)
    except ValidationError:
        return False
