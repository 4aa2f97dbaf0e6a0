"""外业表: the work list out as Excel with columns to fill in, and back: looked at first, then carried out once."""

import tempfile
from pathlib import Path

from fastapi import APIRouter, Response, UploadFile

from api.pages.frame import Viewer
from api.pages.refusals import said_refusal
from api.pages.together import Acting
from api.returned import batch_id, lines_of, planned
from domain.refusals import Refused
from store import batches
from store.batches import Batch

router = APIRouter(include_in_schema=False, prefix="/arrears/sheet")
EARLIER = 20
LARGEST = 8 * 2**20


@router.get("")
def look(viewer: Acting) -> Response:
    return _page(viewer)


def _page(viewer: Viewer, *, status: int = 200, refused: str | None = None) -> Response:
    with viewer.house.database.read() as connection:
        rows = batches.earlier(connection, viewer.person.id, "sheet", limit=EARLIER)
    return viewer.show("sheet.html", status=status, earlier=rows, refused=refused)


@router.post("")
def take(viewer: Acting, file: UploadFile) -> Response:
    """Read what came back, and lead to what it would bring about. The same file again leads to the same page."""
    content = file.file.read(LARGEST + 1)
    name = Path(file.filename or "").name[:200]
    try:
        if not name or not content:
            raise Refused("form-invalid", "file: choose a file first", zh="请先选择一个文件。")
        if len(content) > LARGEST:
            raise Refused("form-invalid", "file: is larger than 8 MB", zh="文件超过 8 MB：外业表没有这么大。")
        batch = _planned(viewer, name, content)
    except Refused as refused:
        return _page(viewer, status=422, refused=said_refusal(refused.message, refused.zh, viewer.language))
    return viewer.go(f"/arrears/together/{batch.id}")


def _planned(viewer: Viewer, name: str, content: bytes) -> Batch:
    id = batch_id(viewer.person, content)
    with viewer.house.database.read() as connection:
        if (known := batches.read(connection, viewer.person.id, id)) is not None:
            return known
    with tempfile.TemporaryDirectory(prefix="guanjia-sheet-") as folder:
        path = Path(folder) / "sheet.xlsx"
        path.write_bytes(content)
        lines = lines_of(path)
    if not lines:
        raise Refused("form-invalid", "file: no row is filled in", zh="没有一行填了结果：填好后面几列再传回来。")
    with viewer.house.database.read() as connection:
        rows = planned(connection, viewer.person, lines, at=viewer.now)
    batch = Batch(
        id=id, person=viewer.person.id, kind="sheet", filename=name, at=viewer.now, confirmed_at=None, rows=rows
    )
    with viewer.house.database.write() as connection:
        batches.put(connection, batch)
    return batch
