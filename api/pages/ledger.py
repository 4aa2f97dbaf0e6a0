"""台账: a ledger file in, after its preview; and what came of earlier ones."""

import shutil
import tempfile
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Response, UploadFile
from starlette.concurrency import run_in_threadpool

from activities.balance_file import read_balances
from activities.ledger_file import UnreadableLedger
from api.imports import state_of, take_kept
from api.incoming import suffix_of
from api.pages.frame import Looking, Viewer
from api.previews import Importer, incoming_of, kept_file, look_at
from api.reconciliation import FORMULA, Reconciler, compared, whole
from api.running import Progress, running_of
from domain.refusals import Refused
from store import events, reads, reconciliations
from store.people import READS_ALL, Person

router = APIRouter(include_in_schema=False, prefix="/ledger")
FAULTS_SHOWN = 100
EARLIER = 20
DIFFERENCES_SHOWN = 200
BY_HAND = "billing"
A_MOMENT = 1.5


async def _reader(viewer: Looking) -> Viewer:
    """Who may see which ledgers came in: people of the utility whose view is not bounded."""
    person = viewer.person
    if person.part is not None or not person.holds("clerk", "collector", "supervisor", *READS_ALL):
        raise Refused(
            "wrong-role",
            "imports cover the whole utility: this is for people whose view is not bounded",
            zh="台账导入涉及全公司，由全公司的受理员、催缴员或主任办理。",
        )
    return viewer


Reading = Annotated[Viewer, Depends(_reader)]


@router.get("")
def earlier(viewer: Reading) -> Response:
    return _upload(viewer)


@router.post("/preview")
def preview(viewer: Reading, person: Importer, file: UploadFile) -> Response:
    """Read a file and lead to what it would bring about; one that is no ledger is asked for again, with the reason."""
    if not file.filename:
        return _upload(viewer, status=422, refused=viewer.say("请先选择一个文件。", "Choose a file first."))
    try:
        told = look_at(viewer.house, person, file)
    except UnreadableLedger as error:
        zh = viewer.language == "zh"
        return _upload(
            viewer,
            status=422,
            refused=error.what_zh if zh else error.what[:1].upper() + error.what[1:],
            mend=error.mend_zh if zh else error.mend,
            where=error.where,
            filename=file.filename,
        )
    return viewer.go(f"/ledger/preview/{told.sha256}")


@router.get("/preview/{sha256}")
def previewed(viewer: Reading, person: Importer, sha256: str) -> Response:
    told = kept_file(viewer.house, sha256).what_was_told()
    return viewer.show(
        "ledger_preview.html",
        told=told,
        preview=told.preview,
        faults=told.preview.errors[:FAULTS_SHOWN],
        may_import=not told.preview.unchanged and bool(told.preview.bills_new or told.preview.accounts_changed),
    )


@router.post("/preview/{sha256}/drop")
def drop(viewer: Reading, person: Importer, sha256: str) -> Response:
    """No: what was sent is taken away at once."""
    incoming_of(viewer.house).drop(sha256)
    return viewer.go("/ledger")


@router.post("/imports/{sha256}")
async def confirm(viewer: Reading, person: Importer, sha256: str) -> Response:
    """Take in exactly what was previewed. A large file goes on while the page tells how far it is."""
    await run_in_threadpool(kept_file, viewer.house, sha256)
    running = running_of(viewer.request.app)
    await running.begin(sha256, partial(take_kept, viewer.house, person, sha256), wait=A_MOMENT)
    return viewer.go(f"/ledger/imports/{sha256}")


@router.get("/imports/{sha256}")
def imported(viewer: Reading, sha256: str) -> Response:
    """How far an import is, or what came of it."""
    return viewer.show("ledger_import.html", **_state(viewer, sha256))


@router.get("/imports/{sha256}/state")
def state(viewer: Reading, sha256: str) -> Response:
    return viewer.show("ledger_import_state.html", **_state(viewer, sha256))


@router.get("/reconciliations")
def comparisons(viewer: Reading) -> Response:
    return _comparisons(viewer)


@router.post("/reconciliations")
def compare(viewer: Reading, person: Reconciler, file: UploadFile, day: Annotated[str, Form()]) -> Response:
    """Billing's list of a day, as a file; one that cannot be read is asked for again, with the reason."""
    zh = viewer.language == "zh"
    try:
        on = date.fromisoformat(day)
        with tempfile.TemporaryDirectory(prefix="guanjia-balances-") as folder:
            path = Path(folder) / f"balances{suffix_of(file.filename or '')}"
            with path.open("wb") as copy:
                shutil.copyfileobj(file.file, copy)
            theirs = read_balances(path)
        number = compared(viewer.house, person, theirs, day=on, source=BY_HAND)
    except UnreadableLedger as error:
        said = {"refused": error.what_zh if zh else error.what, "mend": error.mend_zh if zh else error.mend}
        return _comparisons(viewer, status=422, **said)
    except ValueError:
        return _comparisons(viewer, status=422, refused=viewer.say("请填写对账日期。", "Give the day."))
    except Refused as refused:
        if refused.code != "form-invalid":
            raise
        return _comparisons(viewer, status=422, refused=viewer.say(refused.zh, refused.message))
    return viewer.go(f"/ledger/reconciliations/{number}")


@router.get("/reconciliations/{number}")
def comparison(viewer: Reading, number: int) -> Response:
    told = whole(viewer.house, number, viewer.language, limit=DIFFERENCES_SHOWN)
    return viewer.show("reconciliation.html", told=told, names=viewer.names([told.about.by]))


def _comparisons(viewer: Viewer, *, status: int = 200, **refusal: Any) -> Response:
    with viewer.house.database.read() as connection:
        rows = reconciliations.listed(connection, limit=EARLIER)
    facts = {"refused": None, "mend": None} | refusal
    yesterday = viewer.now.date() - timedelta(days=1)
    person = viewer.person
    may = person.part is None and person.holds("clerk", "collector", "supervisor", "administrator")
    return viewer.show(
        "reconciliations.html",
        status=status,
        rows=rows,
        names=viewer.names(row.by for row in rows),
        may=may,
        yesterday=yesterday,
        formula=FORMULA[viewer.language],
        **facts,
    )


def _state(viewer: Viewer, sha256: str) -> dict[str, Any]:
    """By the store, in whichever process the import runs; by this one alone for as long as the store knows nothing."""
    progress: Progress | None = running_of(viewer.request.app).progress(sha256)
    kept = incoming_of(viewer.house).find(sha256, at=viewer.now)
    result, broken_at = None, None
    try:
        known = state_of(viewer.house, sha256)
    except Refused:
        if progress is None and kept is None:
            raise
    else:
        result = known.result
        if known.state == "running":
            progress = Progress(done=known.done, total=known.total)
        elif known.state == "broken" and (progress is None or progress.failed):
            broken_at = Progress(done=known.done, total=known.total)
    return {
        "sha256": sha256,
        "result": result,
        "imported_by": viewer.names([result.by]).get(result.by, result.by) if result else None,
        "shown": FAULTS_SHOWN,
        "progress": progress if result is None and broken_at is None else None,
        "broken_at": broken_at,
        "kept": kept is not None,
    }


def _upload(viewer: Viewer, *, status: int = 200, **refusal: Any) -> Response:
    with viewer.house.database.read() as connection:
        rows = reads.import_list(connection, limit=EARLIER)
        unsettled = events.unsettled(connection, limit=EARLIER)
    facts = {"refused": None, "mend": None, "where": None, "filename": None} | refusal
    return viewer.show(
        "ledger.html",
        status=status,
        imports=rows,
        names=viewer.names(row.by for row in rows),
        unsettled=unsettled,
        may_import=may_import(viewer.person),
        **facts,
    )


def may_import(person: Person) -> bool:
    return person.part is None and person.holds("clerk", "collector", "supervisor")
