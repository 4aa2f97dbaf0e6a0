"""A work list that comes back as Excel with its last columns filled in: what each row would tell its case.

The export writes a number of its own into every row: a row of one sheet is carried out once, however often and in
whatever form the sheet comes back.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from sqlalchemy import Connection, select

from activities.ledger_file import UnreadableLedger
from activities.ledger_file.sheet import EXCEL_EPOCH, Sheet
from activities.ledger_file.workbook import visible_sheets
from api import bodies, processes
from api.labels import LABELS
from api.pages.refusals import said_refusal
from api.together import faults_of, open_service
from domain.arrears.commands import RecordContact
from domain.calendars import CHINA
from domain.commands import Command, DecideTask
from domain.refusals import Refused
from store import arrears_work, reads
from store.arrears_work import WorkFilter, WorkRow
from store.batches import MOST, Action, BatchRow
from store.people import Person
from store.tables import answers

FILLED: dict[str, tuple[str, str]] = {
    "outcome": ("沟通结果", "Contact outcome"),
    "method": ("本次沟通方式", "Contact by"),
    "amount": ("答应金额（元）", "Promised (yuan)"),
    "by": ("答应日期", "Promised by"),
    "note": ("沟通备注", "Contact note"),
    "served_by": ("本次送达方式", "Notice served by"),
    "served_at": ("本次送达时间", "Notice served at"),
    "place": ("本次送达地点", "Notice served where"),
    "receipt": ("回执", "Receipt"),
}
"""What people fill in, by field: the headings in both languages."""
KNOWN = {"case_no": ("案号", "Case"), "sheet": ("表号", "Sheet no.")}
HEADER_WITHIN = 30
_HEADINGS = {title: field for field, titles in {**FILLED, **KNOWN}.items() for title in titles}
_CONTACT = ("outcome", "method", "amount", "by", "note")
_SERVICE = ("served_by", "served_at", "place", "receipt")
_SERIAL = re.compile(r"[0-9]{5}(?:\.[0-9]+)?")


class Line(NamedTuple):
    """One row of the sheet as it was filled in: its number, and its cells by field."""

    no: int
    cells: Mapping[str, str]


def lines_of(path: Path) -> list[Line]:
    """The rows that somebody filled in. Raises `Refused("form-invalid")` for a file that is no such sheet."""
    try:
        for sheet in visible_sheets(path):
            if (found := _lines(sheet)) is not None:
                return found
    except UnreadableLedger as unreadable:
        raise Refused("form-invalid", f"file: {unreadable.what}", zh=unreadable.what_zh) from None
    raise Refused(
        "form-invalid",
        "file: no sheet has the columns of a work list: export one, fill in its last columns, and send it back",
        zh="没有找到外业表的列：请先从催缴清单导出外业表，填好后面几列再传回来。",
    )


def _lines(sheet: Sheet) -> list[Line] | None:
    columns: dict[int, str] = {}
    found: list[Line] = []
    with closing(sheet.rows()) as rows:
        for no, cells in rows:
            if not columns:
                titles = {index: _HEADINGS[text.strip()] for index, text in cells.items() if text.strip() in _HEADINGS}
                if "case_no" in titles.values() and {"outcome", "served_by"} & set(titles.values()):
                    columns = titles
                elif no > HEADER_WITHIN:
                    return None
                continue
            line = {field: cells[index].strip() for index, field in columns.items() if cells.get(index, "").strip()}
            if line.get("case_no") and any(field in line for field in FILLED):
                found.append(Line(no, line))
    if not columns:
        return None
    if len(found) > MOST:
        raise Refused(
            "form-invalid",
            f"file: {len(found)} rows are filled in; at most {MOST} at once",
            zh=f"填了 {len(found)} 行，一次最多 {MOST} 行：请分几张表。",
        )
    return found


def planned(connection: Connection, person: Person, lines: list[Line], *, at: datetime) -> list[BatchRow]:
    """What each line comes to: ready to be carried out, or what is wrong with it. Changes nothing."""
    nos = tuple(dict.fromkeys(line.cells["case_no"].upper() for line in lines))
    page = arrears_work.arrears_work(connection, person, WorkFilter(case_nos=nos), at=at, after=None, limit=MOST)
    known = {row.case_no: row for row in page.rows}
    rows = [
        _row(connection, person, no, line, action, known, at=at)
        for no, (line, action) in enumerate((line, action) for line in lines for action in _actions(line))
    ]
    return _without_those_done(connection, person, rows)


def _actions(line: Line) -> Iterator[Action]:
    if any(field in line.cells for field in _SERVICE):
        yield "serve"
    if any(field in line.cells for field in _CONTACT):
        yield "contact"


def _row(
    connection: Connection,
    person: Person,
    no: int,
    line: Line,
    action: Action,
    known: Mapping[str, WorkRow],
    *,
    at: datetime,
) -> BatchRow:
    case_no = line.cells["case_no"].upper()
    row = known.get(case_no)
    once = hashlib.sha256("/".join((line.cells.get("sheet", ""), case_no, action)).encode()).hexdigest()[:40]
    fields: dict[str, Any] = {"no": no, "line": line.no, "action": action, "once": f"sheet-{once}"}
    if row is None:
        gone = {
            "zh": "没有这个案件，或者已经结案，或者不在您的范围内。",
            "en": "There is no such open case, or not for you.",
        }
        return BatchRow(**fields, case_no=None, title=case_no, said={}, state="fault", **gone)
    fields |= {"case_no": case_no, "title": f"{row.title} · {row.account_no}"}
    try:
        said = _said(line, action, row)
        _refuse_as_the_case_would(connection, person, row, action, said, at=at)
        return BatchRow(**fields, said=said)
    except (RequestValidationError, ValidationError) as invalid:
        zh, en = faults_of(action, invalid)
    except Refused as refused:
        zh, en = said_refusal(refused.message, refused.zh, "zh"), refused.message
    return BatchRow(**fields, said={}, state="fault", zh=zh, en=en)


def _said(line: Line, action: Action, row: WorkRow) -> dict[str, Any]:
    cells = line.cells
    if action == "contact":
        said: dict[str, Any] = {
            "method": _word(cells.get("method", "电话"), ("phone", "visit", "message")),
            "outcome": _word(cells.get("outcome", ""), bodies.OUTCOMES),
        }
        said |= {name: cells[name] for name in ("amount", "note") if name in cells}
        return said | ({"by": _moment(cells["by"]).date().isoformat()} if "by" in cells else {})
    service = open_service(row.tasks)
    if service is None:
        raise Refused("not-open", "no notice is to be served in this case", zh="没有要送达的通知单。")
    said = {"outcome": "served", "method": _word(cells.get("served_by", ""), bodies.SERVED_BY)}
    said |= {name: cells[name] for name in ("place", "receipt") if name in cells}
    if "served_at" in cells:
        said["served_at"] = _moment(cells["served_at"]).isoformat()
    processes.refuse_bad_form(service.key, said)
    return said | {"task_id": service.task_id}


def _word(text: str, words: tuple[str, ...]) -> str:
    """A word of the vocabulary, as either language has it, or as it is in code. Raises `Refused`."""
    for word in words:
        if text.casefold() in (word, *(said.casefold() for said in LABELS[word])):
            return word
    choices = "、".join(LABELS[word][0] for word in words)
    raise Refused(
        "form-invalid",
        f"{text or 'nothing'}: is none of {', '.join(LABELS[word][1] for word in words)}",
        zh=f"“{text}”不在可选的词里：{choices}。" if text else f"要填：{choices}。",
    )


def _moment(text: str) -> datetime:
    """A day or instant as it is written, or as Excel counts days; a day alone is its midnight. Raises `Refused`."""
    with suppress(ValueError, OverflowError):
        if _SERIAL.fullmatch(text):
            counted = datetime.combine(EXCEL_EPOCH, datetime.min.time()) + timedelta(days=float(text))
            return counted.replace(second=0, microsecond=0, tzinfo=CHINA)
        plain = re.sub(r"[年月/.]", "-", text.replace("日", "")).strip()
        parts = re.fullmatch(r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[ T]+(\d{1,2}):(\d{2})(?::\d{2}(?:\.\d+)?)?)?", plain)
        if parts:
            year, month, day, hour, minute = (int(part or 0) for part in parts.groups())
            on = date(year, month, day)
            return datetime(on.year, on.month, on.day, hour, minute, tzinfo=CHINA)
    raise Refused("form-invalid", f"{text}: is no day or time", zh=f"“{text}”不是日期或时间，例如 2026-12-01。")


def _refuse_as_the_case_would(
    connection: Connection, person: Person, row: WorkRow, action: Action, said: dict[str, Any], *, at: datetime
) -> None:
    """What the case itself would say now, by its record."""
    case = processes.on_record(connection, reads.case_on_record(connection, row.case_no))
    command: Command
    if action == "contact":
        command = RecordContact(by=person.actor, at=at, **bodies.ContactBody.model_validate(said).said())
    else:
        form = {name: value for name, value in said.items() if name != "task_id"}
        service = open_service(row.tasks)
        key = service.key if service is not None else ""
        command = DecideTask(by=person.actor, at=at, key=key, task_id=said["task_id"], form=form)
    processes.refuse_by_record(command, case)


def _without_those_done(connection: Connection, person: Person, rows: list[BatchRow]) -> list[BatchRow]:
    """Rows of this sheet that were carried out before are not ready a second time."""
    keys = {f"{person.id}:{row.once}": row.no for row in rows if row.state == "ready"}
    known = connection.execute(select(answers.c.key, answers.c.body).where(answers.c.key.in_(keys)))
    done = {keys[row.key] for row in known if row.body}
    told = {
        "state": "fault",
        "zh": "这张表的这一行已经办过，不会再办。",
        "en": "This row of this sheet is done already.",
    }
    seen: set[str] = set()
    checked = []
    for row in rows:
        twice = row.state == "ready" and row.once in seen
        seen.add(row.once)
        checked.append(row.model_copy(update=told) if row.no in done or twice else row)
    return checked


def batch_id(person: Person, content: bytes) -> str:
    """The same file of the same person is one batch."""
    return hashlib.sha256(person.id.encode() + b"/" + content).hexdigest()
