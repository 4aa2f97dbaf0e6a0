"""The evidence of a case as one PDF: for whoever approves a limit, and for a court.

All of it is read from the record at one moment; files are hashed anew and the chain is checked, so that the paper says
what was found and not what should be there.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, cast

from fastapi import APIRouter, Response
from sqlalchemy import Connection

from api import files, processes
from api.access import SignedIn, VisibleCase
from api.arithmetic import day_zh, moment_zh, said_term
from api.cases import looked_into
from api.errors import documented
from api.house import Here, House
from api.labels import EVENTS
from api.notices import A_PDF, as_pdf
from api.pages import ladder_steps, timeline
from api.pages.frame import Viewer, label
from api.pages.shapes import money
from domain.arrears.ladder import period_end
from domain.arrears.policy import Wait
from domain.calendars import day_of, local
from domain.evidence_pack import EvidencePack, Part, Photo
from domain.papers import Picture
from domain.processes import TASKS
from policies.packs import load_pack
from store import casebook, papers, people, projects, reads
from store import files as kept_files
from store.people import Person
from store.shelf import EvidenceDamaged, Shelf

router = APIRouter(tags=["cases"])
MOST_ENTRIES = 5000
MOST_PHOTOS = 60
"""Shown as pictures, the latest ones; all files are listed with their hashes."""
TELLING = {
    "沟通": ("ContactRecorded", "CustomerDunned", "CustomerNotReached", "LimitPublished", "NonpayerReported"),
    "异议、暂缓、承诺和分期": (
        "BillDisputed",
        "DisputeResolved",
        "HoldPlaced",
        "HoldEnded",
        "ClockStopped",
        "ClockWentOn",
    ),
    "审批": ("LimitApproved", "LimitPutOff", "DeferralEnded"),
    "限压单和执行": (
        "LimitOrderIssued",
        "LimitOrderRefused",
        "LimitOrderRecalled",
        "PressureLimited",
        "LimitNotPossible",
    ),
    "恢复供水": ("WaterRestored", "ValveFoundUntouched"),
}
"""Parts of the evidence that are entries of the record, by the events that they are of."""

TOLD = {event for events in TELLING.values() for event in events}
TOLD |= {"NoticeServed", "NoticeAttemptFailed", "NoticeIssued", "TaskDecided", *timeline.QUIET}


@dataclass
class InChinese:
    """Who reads a paper, as the words of pages want to know: it is in Chinese."""

    now: datetime
    language: str = "zh"

    def say(self, zh: str, en: str) -> str:
        return zh


@router.get("/cases/{case_no}/evidence.pdf", response_class=Response, responses=A_PDF | documented(404))
def read_evidence(house: Here, person: SignedIn, case: VisibleCase) -> Response:
    """Everything that a case rests on as a PDF: bills, notices, proofs, periods, decisions, photos, and all hashes."""
    pack, pictures = evidence_pack(house, person, case)
    pdf = house.press.printed("evidence", pack, pack=case.pack, pictures=pictures)
    with house.database.write() as connection:
        sha256 = hashlib.sha256(pdf).hexdigest()
        papers.note_looks(connection, [(case.case_no, sha256)], "evidence", at=pack.dated_at, by=person.id)
    return as_pdf(pdf, pack.no)


def evidence_pack(house: House, person: Person, row: Any) -> tuple[EvidencePack, dict[str, Path]]:
    """The evidence as it is on record now, and the pictures that it shows."""
    at, place = house.clock(), files.shelf(house.settings)
    with house.database.read() as connection:
        row = reads.case_on_record(connection, row.case_no)
        stands = processes.on_record(connection, row)
        entries = reads.timeline(connection, row.case_no, after=0, limit=MOST_ENTRIES)
        sent = kept_files.of_case(connection, row.case_no)
        names = people.names(connection, {entry.by for entry in entries} | {each.by for each in sent})
        whole = looked_into(connection, row, person, at=at, case=stands)
        told = _Told(InChinese(at), names, entries, conditions=_conditions(whole))
        if row.process == "arrears":
            about, parts = _of_arrears(connection, told, row, stands, whole)
        else:
            shown = projects.shown(connection, person, row.case_no)
            about, parts = _of_project(told, row, shown, whole["project"]["kind"])
        chain_is = _chain(connection, row.case_no)
    states = {each.sha256: _state(place, each.sha256) for each in sent}
    photos = [each for each in sent if each.media_type.startswith("image/")][-MOST_PHOTOS:]
    pictures = {each.sha256: path for each in photos if (path := _picture(place, each.sha256)) is not None}
    pack = load_pack(row.pack)
    return (
        EvidencePack(
            title="案件证据包",
            dated_at=at,
            utility=pack.title.zh,
            no=f"{row.case_no}-E{row.sequence}",
            case_no=row.case_no,
            about=about,
            parts=tuple(part for part in parts if part.lines or part.rows),
            photos=tuple(
                Photo(
                    sha256=each.sha256,
                    words=f"{each.name or each.filename}，{moment_zh(each.at)}，{told.who(each.by)}",
                    picture=Picture(sha256=each.sha256) if each.sha256 in pictures else None,
                )
                for each in photos
            ),
            files=tuple((each.filename, states[each.sha256], each.sha256) for each in sent),
            chain=tuple(
                (str(each.sequence), moment_zh(each.at), EVENTS.get(each.event, (each.event,))[0], each.chain_hash)
                for each in entries
            ),
            chain_head=row.chain_hash,
            chain_is=chain_is,
        ),
        pictures,
    )


def _conditions(whole: Mapping[str, Any]) -> dict[str, str]:
    """The interlock's conditions in words, by key."""
    return {each.key: each.zh for each in whole["arrears"].may_limit} if "arrears" in whole else {}


class _Told:
    """The record in words."""

    def __init__(
        self, reader: InChinese, names: Mapping[str, str], entries: list[Any], conditions: Mapping[str, str]
    ) -> None:
        self._reader = cast(Viewer, reader)
        self._names = names
        self._conditions = conditions
        self.entries = entries

    def who(self, by: str) -> str:
        name = self._names.get(by, by)
        return timeline.in_place(self._reader, by) or (name if name == by else f"{name}（{by}）")

    def rows(self, events: Iterable[str]) -> tuple[tuple[str, ...], ...]:
        """Entries of these kinds: when, what, the rest in one line, and who."""
        wanted = set(events)
        return tuple(self._row(entry) for entry in self.entries if entry.event in wanted)

    def decided(self, prefix: str) -> tuple[tuple[str, ...], ...]:
        return tuple(
            self._row(entry)
            for entry in self.entries
            if entry.event == "TaskDecided" and str(entry.body["key"]).startswith(prefix)
        )

    def _row(self, entry: Any) -> tuple[str, ...]:
        words = timeline.detail(self._reader, entry, self._names)[0]
        if "fence" in entry.body:
            words = f"{words}，令牌 {entry.body['fence']}"
        if entry.body.get("unmet"):
            words = f"{words}，未满足：{'、'.join(self._conditions.get(key, key) for key in entry.body['unmet'])}"
        return moment_zh(entry.at), EVENTS.get(entry.event, (entry.event,))[0], words, self.who(entry.by)


_OF_RECORD = {"head": ("时间", "事项", "内容", "办理人"), "widths": (3, 2, 6, 2)}


def _of_arrears(
    connection: Connection, told: _Told, row: Any, stands: processes.Case, whole: dict[str, Any]
) -> tuple[tuple[tuple[str, str | None], ...], list[Part]]:
    shown, account = whole["arrears"], whole["arrears"].account
    made = list(_notices(connection, row, stands))
    about = (
        ("案号", row.case_no),
        ("户号", account.no),
        ("户名", account.name),
        ("地址", account.address),
        ("用户类别", label(account.customer_class, "zh")),
        ("阶段", label(row.stage, "zh")),
        ("立案", moment_zh(row.opened_at)),
        ("结案", moment_zh(row.closed_at) if row.closed_at else None),
        ("制度", row.pack),
        ("欠费", f"{money(shown.owed.overdue)}，可追缴 {money(shown.owed.undisputed)}"),
        ("受保护", "、".join(label(word, "zh") for word in account.protected) or "否"),
    )
    parts = [
        Part(
            title="账单",
            head=("账单", "账期", "应缴日", "金额", "尚欠", "说明"),
            widths=(3, 2, 2, 2, 2, 2),
            rows=tuple(
                (
                    bill.no,
                    bill.period,
                    bill.due_on.isoformat(),
                    money(bill.amount),
                    money(bill.owed),
                    "有异议" if bill.disputed else "" if bill.overdue else "未到期",
                )
                for bill in shown.bills
            ),
        ),
        Part(
            title="缴费",
            head=("时间", "流水号", "金额", "说明"),
            widths=(3, 4, 2, 2),
            rows=tuple(
                (moment_zh(each.paid_at), each.reference, money(each.amount), "已冲正" if each.reversed else "")
                for each in shown.payments
            ),
        ),
        Part(
            title="通知单",
            head=("编号", "名称", "开具", "金额", "送达"),
            widths=(4, 3, 3, 2, 3),
            rows=tuple(row for row, _ in made),
            after=tuple(f"{row[0]} 校验码 {content}" for row, content in made),
        ),
        Part(title="送达", **_OF_RECORD, rows=told.rows(("NoticeServed", "NoticeAttemptFailed"))),
        Part(title="送达凭证和各项办理", **_OF_RECORD, rows=told.decided("arrears.")),
        Part(title="催缴程序走到哪里", lines=tuple(_steps(stands, told)) if row.status == "open" else ()),
        Part(title="期限怎样算出", lines=tuple(_periods(stands))),
        *(Part(title=title, **_OF_RECORD, rows=told.rows(events)) for title, events in TELLING.items()),
        Part(title="其他记录", **_OF_RECORD, rows=told.rows({each.event for each in told.entries} - TOLD)),
        Part(
            title="此刻能不能限压",
            head=("条件", "结果"),
            widths=(8, 2),
            rows=tuple(
                (each.zh, "满足" if each.met else "不明" if each.met is None else "不满足")
                for each in (shown.may_limit if row.status == "open" else ())
            ),
        ),
    ]
    return about, parts


def _notices(connection: Connection, row: Any, stands: processes.Case) -> Iterator[tuple[tuple[str, ...], str]]:
    """Each notice as a row, and the hash of what it says."""
    for paper in papers.made_out(connection, row.case_no):
        words = stands.policy.notices.get(paper.name)
        served = moment_zh(paper.served_at) if paper.served_at else "未送达"
        title = words.title.value if words is not None else paper.name
        yield (paper.no, title, moment_zh(paper.at), money(paper.amount_fen), served), paper.content


def _steps(stands: processes.Case, told: _Told) -> Iterator[str]:
    state = {"done": "已完成", "running": "进行中", "ahead": "未到"}
    for step in ladder_steps.steps(stands.facts, stands.policy, stands.calendar):
        when = f"，{moment_zh(step.at)}" if step.at else ""
        until = f"至{_end_zh(step.until)}" if step.until else ""
        who = f"，{told.who(step.by)}" if step.by else ""
        detail = f"（{step.detail[0]}）" if step.detail else ""
        yield f"{step.zh}{detail}：{state[step.state]}{when}{until}{who}"


def _periods(stands: processes.Case) -> Iterator[str]:
    """Each waiting period that has begun, counted out: from when, how long, what is not counted, and its end."""
    facts = stands.facts
    for rung in stands.policy.ladder:
        if not isinstance(rung, Wait) or rung.after not in facts.served:
            continue
        term, served = rung.term(facts.account.customer_class).value, facts.served[rung.after]
        ends = period_end(rung, facts, stands.calendar)
        stood = [each for each in facts.stood if (each.ended_at or facts.as_of) > served.at]
        without = "；".join(
            f"{moment_zh(each.started_at)}至{moment_zh(each.ended_at) if each.ended_at else '现在'}停止计算"
            for each in stood
        )
        yield (
            f"{ladder_steps.PERIODS[rung.period][0]}：自{moment_zh(served.at)}{TASKS[rung.after].title_zh}起"
            f"{said_term(term)[0]}，送达当日不计{'；' + without if without else ''}，"
            f"于{_end_zh(ends.at)}届满{'（暂定）' if ends.provisional else ''}。"
        )


def _end_zh(at: datetime) -> str:
    """An exclusive end as people say it: 24:00 of the day that ends."""
    here = local(at)
    return f"{day_zh(day_of(at))}24:00" if here.hour == here.minute == 0 else moment_zh(at)


def _of_project(
    told: _Told, row: Any, project: Any, kind: str
) -> tuple[tuple[tuple[str, str | None], ...], list[Part]]:
    about = (
        ("案号", row.case_no),
        ("项目", project.name),
        ("地址", project.address),
        ("类别", label(kind, "zh")),
        ("阶段", label(row.stage, "zh")),
        ("受理", moment_zh(row.opened_at)),
        ("结案", moment_zh(row.closed_at) if row.closed_at else None),
        ("制度", row.pack),
    )
    story = {each.event for each in told.entries} - timeline.QUIET - {"TaskDecided"}
    return about, [
        Part(title="各项办理", **_OF_RECORD, rows=told.decided("connection.")),
        Part(title="经过", **_OF_RECORD, rows=told.rows(story)),
    ]


def _chain(connection: Connection, case_no: str) -> Any:
    try:
        casebook.verify(connection, case_no)
    except casebook.BrokenChain:
        return "broken"
    return "whole"


def _state(place: Shelf, sha256: str) -> str:
    try:
        place.verified(sha256)
    except EvidenceDamaged:
        return "缺失或被改动"
    return "相符"


def _picture(place: Shelf, sha256: str) -> Path | None:
    try:
        return files.picture_of(place, sha256, "preview")
    except EvidenceDamaged:
        return None
