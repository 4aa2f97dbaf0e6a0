"""The small forms of an arrears case that are drawn from what the JSON doors take: holds, waivers, violations, bills.

Each is one body of `api.bodies` (or a flat one of its own), shown by its schema and read back by it.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from fastapi import APIRouter, Request, Response, UploadFile
from pydantic import BaseModel
from pydantic import Field as Fill
from starlette.concurrency import run_in_threadpool

from api import billing, bodies, files
from api.access import DecidableCase
from api.once import Once
from api.pages.forms import Field, fields_of, meant, read_back
from api.pages.frame import Looking, Viewer
from api.pages.tasks import case_address
from domain.arrears.commands import RecordViolation, WaiveFees
from domain.arrears.policy import ArrearsPolicy
from domain.commands import Command, PlaceHold
from domain.money import PositiveYuan
from domain.refusals import Refused

router = APIRouter(include_in_schema=False)
B = TypeVar("B", bound=BaseModel)


class HoldForm(bodies.Body):
    """A hold on a ground of the pack's list, or for another reason."""

    ground: str | None = Fill(None, title="理由 Ground")
    reason: bodies.Prose = Fill(title="说明 In words")
    until: bodies.Day | None = Fill(None, title="到哪一天 Until")
    reference: bodies.Reference | None = Fill(None, title="代扣流水号 Reference of the bank's collection")
    evidence: bodies.Evidence = None


class CorrectionForm(bodies.Body):
    """A bill taken back; with a number, the one in its place."""

    bill: bodies.BillNo = Fill(title="有误的账单 Bill that was wrong")
    reason: bodies.Line = Fill(title="原因 Reason")
    no: bodies.BillNo | None = Fill(
        None, title="新账单号（不填就只作废） Number of the new bill (none: taken back only)"
    )
    period: bodies.Period | None = Fill(None, title="账期 Billing month")
    amount: PositiveYuan | None = Fill(None, title="金额（元） Amount (yuan)")
    due_on: bodies.Day | None = Fill(None, title="缴费期限 Due on")
    late_fee: PositiveYuan | None = Fill(None, title="违约金（元） Late fee (yuan)")
    reading_before: bodies.Cubic | None = Fill(None, title="上期止码 Reading before")
    reading: bodies.Cubic | None = Fill(None, title="本期止码 Reading")
    volume: bodies.Cubic | None = Fill(None, title="水量（m³） Volume (m³)")
    estimated: bool = Fill(False, title="估抄 Estimated")


class Small(NamedTuple):
    """A small form on the page: where it is sent, what it is called, its fields."""

    verb: str
    zh: str
    en: str
    fields: list[Field]


def small_forms(viewer: Viewer, shown: Any, policy: ArrearsPolicy) -> list[Small]:
    """The forms that this person may send for a case as it stands."""
    roles = viewer.person.roles
    bills = [bill.no for bill in shown.bills if not bill.taken_back]
    grounds = tuple(policy.holds)
    found: list[Small] = []
    if {"collector", "supervisor", "clerk"} & set(roles):
        found.append(Small("hold", "暂缓", "Hold", _with_choice(fields_of(HoldForm), "ground", grounds)))
    if {"collector", "supervisor", "clerk"} & set(roles) and policy.waiver is not None:
        owing = [bill.no for bill in shown.bills if bill.late_fee and not bill.taken_back]
        if owing:
            fields = fields_of(bodies.WaiveBody, options={"bills": owing})
            found.append(Small("waive", "申请减免违约金", "Ask to waive late fees", fields))
    if {"collector", "supervisor", "engineer", "meter-technician"} & set(roles) and shown.limited_at is not None:
        fields = fields_of(bodies.ViolationBody)
        found.append(Small("violation", "登记私自开阀", "Record a valve opened without leave", fields))
    if "clerk" in roles:
        fields = _with_choice(fields_of(CorrectionForm), "bill", bills)
        found.append(Small("correct", "更正账单", "Correct a bill", fields))
        fields = fields_of(bodies.AccountChangeBody, options={"bills": bills})
        found.append(Small("account", "过户、报停、销户", "Another tenant, closed, suspended", fields))
    return found


def _with_choice(fields: list[Field], name: str, one_of: Sequence[str]) -> list[Field]:
    """The same, one field to be picked from these."""
    if not one_of:
        return [field for field in fields if field.name != name]
    picked = tuple(one_of)
    return [field._replace(kind="choice", one_of=picked) if field.name == name else field for field in fields]


@router.post("/{place}/{case_no}/hold")
async def hold(request: Request, viewer: Looking, place: str, case: DecidableCase) -> Response:
    said = await _said(request, viewer, case, HoldForm)
    body = meant(bodies.HoldBody, **said)
    return await _tell(viewer, case, PlaceHold, body)


@router.post("/{place}/{case_no}/waive")
async def waive(request: Request, viewer: Looking, place: str, case: DecidableCase) -> Response:
    body = meant(bodies.WaiveBody, **await _said(request, viewer, case, bodies.WaiveBody))
    return await _tell(viewer, case, WaiveFees, body)


@router.post("/{place}/{case_no}/violation")
async def violation(request: Request, viewer: Looking, place: str, case: DecidableCase) -> Response:
    body = meant(bodies.ViolationBody, **await _said(request, viewer, case, bodies.ViolationBody))
    return await _tell(viewer, case, RecordViolation, body)


@router.post("/{place}/{case_no}/correct")
async def correct(request: Request, viewer: Looking, place: str, case: DecidableCase) -> Response:
    """What billing reports, by a clerk at the counter."""
    _refuse_all_but_clerks(viewer)
    said = await _said(request, viewer, case, CorrectionForm)
    form = meant(CorrectionForm, **said)
    instead = {name: value for name, value in said.items() if name not in ("bill", "reason")}
    if form.no is None:
        instead = {}
    body = meant(bodies.CorrectionBody, account=case.subject, reason=form.reason, instead=instead or None)
    await billing.corrected(viewer.person, viewer.house, form.bill, body, Once(None, ""))
    return viewer.go(f"{case_address(case.process, case.case_no)}?told=correct")


@router.post("/{place}/{case_no}/account")
async def account(request: Request, viewer: Looking, place: str, case: DecidableCase) -> Response:
    _refuse_all_but_clerks(viewer)
    body = meant(bodies.AccountChangeBody, **await _said(request, viewer, case, bodies.AccountChangeBody))
    await billing.changed(viewer.person, viewer.house, case.subject, body, Once(None, ""))
    return viewer.go(f"{case_address(case.process, case.case_no)}?told=account")


def _refuse_all_but_clerks(viewer: Viewer) -> None:
    if not viewer.person.holds("clerk"):
        raise Refused("wrong-role", f"this is for clerk; {viewer.person.id} holds {', '.join(viewer.person.roles)}")


async def _said(request: Request, viewer: Viewer, case: Any, form: type[BaseModel]) -> dict[str, Any]:
    """What was filled in, each file put with the case and named by its hash. Empty fields are left out."""
    sent = await request.form(max_files=2, max_part_size=2**20)
    said, uploads = read_back(form, sent)
    for name, upload in uploads.items():
        said[name] = await run_in_threadpool(_kept, viewer, case, upload)
    return said


def _kept(viewer: Viewer, case: Any, upload: UploadFile) -> str:
    kept = files.take(viewer.house, case.case_no, viewer.person, None, upload, None, None, None)
    return str(kept.effect["value"])


async def _tell(viewer: Viewer, case: Any, kind: type[Command], body: BaseModel) -> Response:
    said: Mapping[str, Any] = body.model_dump()
    await run_in_threadpool(files.refuse_foreign_files, viewer.house, case.case_no, {"evidence": said.get("evidence")})
    await viewer.errands().tell(case, kind, **said)
    word = str(kind.model_fields["command"].default)
    return viewer.go(f"{case_address(case.process, case.case_no)}?told={word}")
