"""Tables of a project's meters and doors: looked at, then taken in; the case hears of their hash and length."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Form, UploadFile
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from activities.item_table import ItemFault, TableRead, read_table
from api import bodies, processes
from api.access import DecidableCase, SignedIn, VisibleCase
from api.errands import Errand, Errands, Pending, Told
from api.errors import documented
from api.house import Here, House
from api.incoming import Incoming, Kept
from domain.commands import refuse_unless_acting
from domain.connection.acceptance import ON_SITE, TakeItemTable
from domain.connection.items import Mismatched, Table, mismatched
from domain.policy import Strict
from domain.refusals import Refused
from store import items, new_accounts
from store.items import TableKept
from store.people import Person

router = APIRouter(prefix="/cases/{case_no}", tags=["items"])
FAULTS_TOLD = 1000
PLACE = "incoming-tables"


class TableTold(Strict):
    """What a table says, told before it is taken in. `fits`: it has no fault, and as many items as the project.

    `mismatched`: where it disagrees with itself, or with the other table of the project, about doors and meters.
    """

    sha256: str
    table: Table
    filename: str
    at: datetime
    by: str
    items: int
    meters: int
    faults: tuple[ItemFault, ...]
    faults_total: int
    ignored: tuple[str, ...]
    mismatched: tuple[Mismatched, ...]
    fits: bool


class TableTaken(BaseModel):
    """A table that stands now. `new`: false when it stood already. `told`: what the case made of it.

    Once the accounts are open a table only completes what is known of them: `completed` are the items it changed.
    """

    table: TableKept
    new: bool
    told: Told | Pending | None
    completed: int | None = None


class TablesShown(BaseModel):
    """The tables of a project, and where they disagree with each other and with the doors."""

    tables: list[TableKept]
    mismatched: list[Mismatched]


def incoming(house: House) -> Incoming:
    return Incoming(house.settings.data, PLACE)


@router.get("/item-tables", responses=documented(404))
def read_tables(house: Here, case: VisibleCase) -> TablesShown:
    """Which tables a project has: 顺序表 (order) numbers its items, 移交表 (handover) names the doors again."""
    with house.database.read() as connection:
        tables = items.tables_of(connection, case.case_no)
        both = [items.of_case(connection, case.case_no, kind) for kind in ("order", "handover")]
    return TablesShown(tables=list(tables.values()), mismatched=mismatched(*both))


@router.post("/item-tables/preview", responses=documented(403, 404, 413, 422))
def preview(
    person: SignedIn,
    case: DecidableCase,
    house: Here,
    file: UploadFile,
    table: Annotated[Table, Form()] = "order",
) -> TableTold:
    """Say what a table (.xlsx or .csv) has and what is wrong with which row. Nothing is changed.

    The file is kept for an hour, so that `POST …/item-tables` can take its `sha256`.
    """
    return look_at(house, person, case, table, file)


@router.post("/item-tables", responses=documented(403, 404, 409, 413, 422, 503))
async def take(case: DecidableCase, body: bodies.PreviewedFile, errand: Errand, house: Here) -> TableTaken:
    """Take a previewed table in, in the place of the one before. The same one again changes nothing."""
    return await taken(house, errand, case, body.sha256)


def look_at(house: House, person: Person, case: Any, table: Table, file: UploadFile) -> TableTold:
    """Keep a file and find out what it says. Raises `UnreadableLedger`; then nothing is kept."""
    at, name = house.clock(), Path(file.filename or "table").name[:200]
    _refuse_other_process(case)
    with incoming(house).receive(file.file, name, at=at) as kept:
        read = read_table(kept.file)
        told = _told(house, case, table, read) | {"filename": name, "at": at, "by": person.id}
        found = TableTold.model_validate(told)
        kept.tell(found)
    return found


def _told(house: House, case: Any, table: Table, read: TableRead) -> dict[str, Any]:
    with house.database.read() as connection:
        stands = processes.on_record(connection, case)
        other = items.of_case(connection, case.case_no, "handover" if table == "order" else "order")
    order, handover = (read.items, other) if table == "order" else (other, read.items)
    meters = stands.facts.project.meters
    return {
        "sha256": read.sha256,
        "table": table,
        "items": len(read.items),
        "meters": meters,
        "faults": read.faults[:FAULTS_TOLD],
        "faults_total": len(read.faults),
        "ignored": read.ignored,
        "mismatched": tuple(mismatched(order, handover)[:FAULTS_TOLD]),
        "fits": not read.faults and (table == "handover" or len(read.items) == meters) and bool(read.items),
    }


def kept_table(house: House, sha256: str) -> Kept:
    """A previewed table. Refuses `unknown` for one that is not kept, or no more."""
    kept = incoming(house).find(sha256, at=house.clock())
    if kept is None:
        raise Refused(
            "unknown",
            "sha256: no such table was previewed here within the hour: send it again",
            zh="预览只保留一小时：没有这个文件，或者已经过期，请重新上传。",
        )
    return kept


def previewed(house: House, sha256: str) -> TableTold:
    return kept_table(house, sha256).what_was_told(TableTold)


async def taken(house: House, errand: Errands, case: Any, sha256: str) -> TableTaken:
    """Take a table in and tell its case. What the case would refuse is refused before a row is written."""
    told = await run_in_threadpool(previewed, house, sha256)
    at, person = house.clock(), errand.person
    with house.database.read() as connection:
        has_accounts = bool(new_accounts.opened(connection, case.case_no, limit=1))
    if has_accounts and told.table == "order":
        return await run_in_threadpool(_completed, house, person, case, told)
    command = {"table": told.table, "sha256": told.sha256, "items": max(1, told.items)}
    new = await run_in_threadpool(_put, house, person, case, told, TakeItemTable(by=person.actor, at=at, **command))
    heard = await errand.tell(case, TakeItemTable, **command)
    with house.database.read() as connection:
        table = items.tables_of(connection, case.case_no)[told.table]
    return TableTaken(table=table, new=new, told=heard)


def _put(house: House, person: Person, case: Any, told: TableTold, command: TakeItemTable) -> bool:
    read = read_table(kept_table(house, told.sha256).file)
    _refuse_unfit(told, read)
    with house.database.write() as connection:
        stands = processes.on_record(connection, case)
        processes.refuse_by_record(command, stands)
        return items.put_table(
            connection,
            case.case_no,
            told.table,
            read.items,
            sha256=read.sha256,
            filename=told.filename,
            at=command.at,
            by=person.id,
        )


def _completed(house: House, person: Person, case: Any, told: TableTold) -> TableTaken:
    """What a table says of accounts that are open: it completes them, and the case hears nothing of it."""
    refuse_unless_acting(person.actor, *ON_SITE, "clerk")
    read = read_table(kept_table(house, told.sha256).file)
    _refuse_unfit(told, read)
    with house.database.write() as connection:
        changed = new_accounts.complete(connection, case.case_no, read.items, at=house.clock())
        table = items.tables_of(connection, case.case_no)[told.table]
    return TableTaken(table=table, new=False, told=None, completed=changed)


def _refuse_unfit(told: TableTold, read: TableRead) -> None:
    if read.faults:
        row = read.faults[0]
        raise Refused(
            "form-invalid",
            f"row {row.row}: {row.problem}; {row.mend} ({len(read.faults)} rows are at fault)",
            zh=f"第 {row.row} 行：{row.problem_zh}，{row.mend_zh}（共 {len(read.faults)} 处）。",
        )
    if not read.items:
        raise Refused("form-invalid", "file: the table has no rows", zh="表里一行也没有。")


def _refuse_other_process(case: Any) -> None:
    if case.process != "connection":
        raise Refused("form-invalid", "items: this is for connection projects", zh="只有报装项目才有逐户表。")
