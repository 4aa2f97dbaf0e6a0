"""What people tell a case besides deciding its tasks. Each door: translate, one call, translate back."""

from typing import Annotated, Any

from fastapi import APIRouter, Body
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from api import bodies, files, processes
from api.access import DecidableCase, Decider
from api.errands import Errand, Errands, Pending, Told
from api.errors import documented
from api.house import Here, House
from domain.arrears.commands import (
    AgreePlan,
    DisputeBills,
    RecordContact,
    RecordViolation,
    ResolveDispute,
    TakePromise,
    WaiveFees,
)
from domain.commands import (
    EscalateTask,
    PauseTask,
    PlaceHold,
    ReassignTask,
    ReleaseHold,
    ResumeTask,
    TellProgress,
    UrgeTask,
    WithdrawCase,
)
from domain.connection.acceptance import InviteToAcceptance, ReportData
from domain.connection.commands import CheckPaper, ReportOccupancy
from domain.connection.sending_back import SendBack, TakeBack, refuse_unless_reopening
from domain.cosigning import AskCosigner, DropCosigner
from domain.people import Role
from domain.refusals import Refused
from domain.tasks import Task
from store import inbox, outbox, people, reads
from store.people import OUTSIDE, READS_ALL, Person

router = APIRouter(
    prefix="/cases/{case_no}",
    tags=["what a case is told"],
    responses=documented(403, 404, 409, 413, 422, 503)
    | {202: {"model": Pending, "description": "Accepted; carried out once a worker is back"}},
)
Bills = Annotated[bodies.BillNos, Field(min_length=1), Body(examples=[["B1"]])]


@router.post("/contact")
async def contact(case: DecidableCase, body: bodies.ContactBody, errand: Errand, house: Here) -> Told | Pending:
    """A contact with the customer, and the promise that came of it. Collector, supervisor."""
    await run_in_threadpool(files.refuse_foreign_files, house, case.case_no, {"photo": body.photo})
    return await errand.tell(case, RecordContact, **body.said())


@router.post("/dispute")
async def dispute(case: DecidableCase, bills: Bills, errand: Errand) -> Told | Pending:
    """The customer contests these bills; the rest of the debt goes on. Collector, supervisor, clerk."""
    return await errand.tell(case, DisputeBills, bills=bills)


@router.post("/resolve")
async def resolve(case: DecidableCase, bills: Bills, errand: Errand) -> Told | Pending:
    """The dispute about these bills is over. Collector, supervisor, clerk."""
    return await errand.tell(case, ResolveDispute, bills=bills)


@router.post("/plan")
async def plan(case: DecidableCase, body: bodies.PlanBody, errand: Errand) -> Told | Pending:
    """An instalment plan: the ladder stands still as long as it is kept. Collector, supervisor."""
    return await errand.tell(case, AgreePlan, **body.model_dump())


@router.post("/promise")
async def promise(case: DecidableCase, body: bodies.PromiseBody, errand: Errand) -> Told | Pending:
    """A promise to pay an amount by a day or instant. Collector, supervisor."""
    said = body.model_dump()
    return await errand.tell(case, TakePromise, amount=said["amount"], until=said["by"])


@router.post("/hold")
async def hold(case: DecidableCase, body: bodies.HoldBody, errand: Errand, house: Here) -> Told | Pending:
    """The case stands still, for a reason, until a day or instant, or until released. Collector, supervisor.

    On a ground of the pack's list, which says how long it may hold and what follows, also clerk.
    """
    await run_in_threadpool(files.refuse_foreign_files, house, case.case_no, {"evidence": body.evidence})
    return await errand.tell(case, PlaceHold, **body.model_dump())


@router.post("/release")
async def release(case: DecidableCase, errand: Errand, body: bodies.ReleaseBody | None = None) -> Told | Pending:
    """A hold, promise or plan of the case ends, or every one. Collector, supervisor."""
    return await errand.tell(case, ReleaseHold, **(body.model_dump() if body else {}))


@router.post("/waive")
async def waive(case: DecidableCase, body: bodies.WaiveBody, errand: Errand, house: Here) -> Told | Pending:
    """Late fees are to be waived; a second person decides. Clerk, collector, supervisor."""
    await run_in_threadpool(files.refuse_foreign_files, house, case.case_no, {"evidence": body.evidence})
    return await errand.tell(case, WaiveFees, **body.model_dump())


@router.post("/violation")
async def violation(case: DecidableCase, body: bodies.ViolationBody, errand: Errand, house: Here) -> Told | Pending:
    """A limited valve was opened without leave: the limit stands. Collector, engineer, meter technician, supervisor."""
    await run_in_threadpool(files.refuse_foreign_files, house, case.case_no, {"evidence": body.evidence})
    return await errand.tell(case, RecordViolation, **body.model_dump())


@router.post("/pause")
async def pause(case: DecidableCase, body: bodies.PauseBody, errand: Errand) -> Told | Pending:
    """A task's clock stops while another party holds it. The task's role, supervisor."""
    return await errand.tell(case, PauseTask, **body.model_dump())


@router.post("/resume")
async def resume(case: DecidableCase, errand: Errand, body: bodies.ResumeBody | None = None) -> Told | Pending:
    """The clock goes on with what was left. The task's role, supervisor."""
    return await errand.tell(case, ResumeTask, **(body.model_dump() if body else {}))


@router.post("/reassign")
async def reassign(case: DecidableCase, body: bodies.ReassignBody, errand: Errand, house: Here) -> Told | Pending:
    """The task is given to another person, and whoever had it in hand has it no more. Supervisor, leading group."""
    return await given(case, body, errand, house)


async def given(case: Any, body: bodies.ReassignBody, errand: Errands, house: House) -> Told | Pending:
    """Give a task of a case (a row of it, or of one of its tasks) to somebody who could decide it."""
    await run_in_threadpool(_refuse_stranger, house, case, body)
    told = await errand.tell(case, ReassignTask, **body.model_dump())
    await run_in_threadpool(
        lambda: inbox.hand_over(
            house.database, case.case_no, body.task, to=body.to, by=errand.person.id, at=house.clock()
        )
    )
    return told


def _refuse_stranger(house: House, case: Any, body: bodies.ReassignBody) -> None:
    """A task goes to nobody who is not here, or could not decide it."""
    with house.database.read() as connection:
        to = people.person(connection, body.to)
        meant = [task for task in reads.tasks_of(connection, case.case_no) if body.task in (task.key, task.task_id)]
        roles: set[Role] = {role for task in meant for role in Task.model_validate(task.body).posts}
        sees = to is not None and (not to.inside or reads.case(connection, to, case.case_no) is not None)
    if to is None or not sees or (roles and not to.holds(*roles)):
        holding = f" who holds {' or '.join(sorted(roles))}" if roles else ""
        raise Refused(
            "form-invalid",
            f"to: nobody of this id{holding} works on this case: give the id of somebody who does",
            zh="没有这个账号，或者此人办不了这项任务：请填写能办的人的账号。",
        )


@router.post("/cosign")
async def cosign(case: DecidableCase, body: bodies.CosignBody, errand: Errand, house: Here) -> Told | Pending:
    """加签: another person signs under a task before it is decided. The task's role, supervisor."""
    return await signed_by(case, body, errand, house)


async def signed_by(case: Any, body: bodies.CosignBody, errand: Errands, house: House) -> Told | Pending:
    """Ask somebody who works on this case for a signature, in a role that they hold."""
    role = await run_in_threadpool(_role_of_signer, house, case, body.of)
    return await errand.tell(case, AskCosigner, role=role, **body.model_dump())


def _role_of_signer(house: House, case: Any, id: str) -> Role:
    with house.database.read() as connection:
        of = people.person(connection, id)
        sees = of is not None and of.inside and reads.case(connection, of, case.case_no) is not None
    role = next((role for role in of.roles if role not in (*READS_ALL, *OUTSIDE)), None) if of and sees else None
    if role is None:
        zh = "没有这个账号，或者此人不办这个案件：请填写能加签的人的账号。"
        raise Refused("form-invalid", "of: nobody of this id works on this case: give the id of somebody", zh=zh)
    return role


@router.post("/drop-cosign")
async def drop_cosign(case: DecidableCase, body: bodies.DropCosignBody, errand: Errand) -> Told | Pending:
    """The signature is not waited for any more. The task's role, supervisor."""
    return await errand.tell(case, DropCosigner, **body.model_dump())


@router.post("/send-back")
async def send_back(case: DecidableCase, body: bodies.SendBackBody, errand: Errand) -> Told | Pending:
    """退回: an earlier task of a project is done again. Whoever has an open task, and those in charge of it."""
    return await errand.tell(case, SendBack, **body.model_dump())


@router.post("/take-back")
async def take_back(case: DecidableCase, body: bodies.TakeBackBody, errand: Errand) -> Told | Pending:
    """撤回: whoever decided a task of a project takes it back, while nothing rests on it."""
    return await errand.tell(case, TakeBack, **body.model_dump())


@router.post("/reopen", status_code=202)
def reopen(person: Decider, case: DecidableCase, body: bodies.ReopenBody, house: Here) -> Pending:
    """重新办理: a closed project goes on, within the pack's term. Clerk, representative, manager, supervisor."""
    return reopened(house, person, case.case_no, body)


def reopened(house: House, person: Person, case_no: str, body: bodies.ReopenBody) -> Pending:
    """Leave word that a closed project goes on. Raises `Refused`: not-open, wrong-role, form-invalid."""
    at = house.clock()
    with house.database.write() as connection:
        row = reads.case_on_record(connection, case_no)
        if row.process != "connection":
            zh = "欠费案件在款项退回后自行重开，不用人工重开。"
            raise Refused("form-invalid", "an arrears case opens again by itself when debt comes back", zh=zh)
        stands = processes.on_record(connection, row)
        refuse_unless_reopening(stands.facts, stands.policy, stands.calendar, by=person.actor, at=at)
        asked = {"case_no": row.case_no, "run": row.run + 1, "at": at.isoformat(), "by": person.id}
        outbox.put(
            connection, kind="reopen", process="connection", subject=row.subject, at=at, body=asked | body.model_dump()
        )
    return Pending(case_no=case_no)


@router.post("/invite")
async def invite(case: DecidableCase, body: bodies.InviteBody, errand: Errand) -> Told | Pending:
    """预约验收: the customer is asked to be at an acceptance, as far ahead as the pack has it. Who serves on site."""
    return await errand.tell(case, InviteToAcceptance, **body.model_dump())


@router.post("/data-wanted")
async def data_wanted(case: DecidableCase, body: bodies.DataWantedBody, errand: Errand) -> Told | Pending:
    """资料待补: data of new customers is missing or wrong; no account opens before it is complete."""
    return await errand.tell(case, ReportData, **body.model_dump())


@router.post("/urge")
async def urge(case: DecidableCase, body: bodies.UrgeBody, errand: Errand) -> Told | Pending:
    """催办: whoever has the task is reminded, on record."""
    return await errand.tell(case, UrgeTask, **body.model_dump())


@router.post("/progress")
async def progress(case: DecidableCase, body: bodies.ProgressBody, errand: Errand) -> Told | Pending:
    """通报进度: how far a task is that has risen, told to each level below. A supervisor of its level or above."""
    return await errand.tell(case, TellProgress, **body.model_dump())


@router.post("/escalate")
async def escalate(case: DecidableCase, body: bodies.EscalateBody, errand: Errand) -> Told | Pending:
    """上报: what a level cannot resolve goes up, late or not. Whoever has the task, then a supervisor of its level."""
    return await errand.tell(case, EscalateTask, **body.model_dump())


@router.post("/withdraw")
async def withdraw(case: DecidableCase, body: bodies.WithdrawBody, errand: Errand) -> Told | Pending:
    """The case is called off. Supervisor; of a connection project also its clerk and representative."""
    return await errand.tell(case, WithdrawCase, **body.model_dump())


@router.post("/occupancy")
async def occupancy(case: DecidableCase, body: bodies.OccupancyBody, errand: Errand) -> Told | Pending:
    """The share of households that have moved into an estate. Representative, meter technician, supervisor."""
    return await errand.tell(case, ReportOccupancy, **body.model_dump())


@router.post("/check-paper")
async def check_paper(case: DecidableCase, body: bodies.PaperBody, errand: Errand) -> Told | Pending:
    """A paper that came later (容缺) is in order. Clerk, representative, service manager, supervisor."""
    return await errand.tell(case, CheckPaper, **body.model_dump())
