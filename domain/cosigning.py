"""加签: another person's signature under a task before it is decided, asked for by whoever has the task."""

from typing import Literal

from pydantic import Field

from domain.case import COSIGN, CaseFacts, CosignAsked, CosignDropped, TaskDecided
from domain.commands import Command, refuse_unless_acting, task_at
from domain.people import Role
from domain.policy import Sourced
from domain.refusals import Refused
from domain.steps import Ask, Step, asked, with_beside
from domain.tasks import Form, TaskKind
from domain.terms import Term


class Signature(Form):
    """加签意见: agreed, or not; the task stays with whoever asked."""

    outcome: Literal["agree", "disagree"] = Field(examples=["agree"], title="意见 Opinion")
    opinion: str | None = Field(None, max_length=1000, title="说明 Remark")


def cosign_kind(process: str) -> TaskKind:
    """The task of a process that asks for a signature. Its role is that of whoever is asked."""
    return TaskKind(key=process + COSIGN, title_zh="加签", title_en="Co-sign", role="supervisor", form=Signature)


class AskCosigner(Command):
    """Ask a person (account id) to sign under a task first. `role`: one that they hold, as the door knows."""

    command: Literal["cosign"] = "cosign"
    task: str
    of: str = Field(min_length=1, max_length=100)
    role: Role
    reason: str = Field(min_length=1, max_length=500)


class DropCosigner(Command):
    """The signature is not needed any more, or another person is asked."""

    command: Literal["drop-cosign"] = "drop-cosign"
    task: str
    reason: str | None = Field(None, max_length=500)


def cosigned(
    command: AskCosigner | DropCosigner, facts: CaseFacts, term: Sourced[Term] | None
) -> list[CosignAsked | CosignDropped]:
    """What a command about a signature changes. Raises `Refused`: not-open, wrong-role, four-eyes, form-invalid."""
    if term is None:
        zh = "本案所依制度没有规定加签时限，不能加签。"
        raise Refused("not-open", "the rules that this case was opened under give no term for a signature", zh=zh)
    task = task_at(command.task, facts)
    refuse_unless_acting(command.by, task.role, "supervisor")
    before = facts.cosigns.get(task.id)
    said = {"at": command.at, "by": command.by.id, "task_id": task.id, "key": task.key}
    if isinstance(command, DropCosigner):
        if before is None:
            raise Refused("not-open", f"{task.key} waits for nobody's signature", zh="这项任务没有待签的加签。")
        return [CosignDropped(**said, reason=command.reason)]
    if task.key.endswith(COSIGN):
        zh = "加签任务不能再加签：请改派给能签的人。"
        raise Refused("form-invalid", "a signature is not signed under again: have it reassigned", zh=zh)
    if task.term is not None and task.term.elapsed:
        zh = "以小时计的任务不等人，不能加签。"
        raise Refused("form-invalid", f"{task.key} runs in hours and waits for nobody's signature", zh=zh)
    if command.of == command.by.id:
        raise Refused("four-eyes", "of: a signature is another person's than yours", zh="加签须由另一个人签。")
    dropped = [CosignDropped(**said)] if before is not None else []
    return [*dropped, CosignAsked(**said, of=command.of, role=command.role, reason=command.reason)]


def refuse_unless_signed(decided: TaskDecided, facts: CaseFacts) -> None:
    """Raises `Refused("four-eyes")` while a signature is waited for or was refused, and for another's signature."""
    task_id, key = decided.task_id, decided.key
    if key.endswith(COSIGN):
        assignee = facts.tasks[task_id].assignee
        if assignee not in (None, decided.by):
            zh = f"这项加签是请 {assignee} 签的。"
            raise Refused("four-eyes", f"{key}: this signature is {assignee}'s to give", zh=zh)
        return
    cosign = facts.cosigns.get(task_id)
    if cosign is not None and cosign.answer is None:
        zh = f"还在等 {cosign.of} 加签：签完再办，或撤回加签。"
        raise Refused("four-eyes", f"{key} waits for the signature of {cosign.of}: wait for it, or drop it", zh=zh)
    if cosign is not None and cosign.answer == "disagree":
        zh = f"{cosign.of} 加签时不同意：请改办、另请人加签，或说明理由撤回加签。"
        raise Refused("four-eyes", f"{key}: {cosign.of} did not agree; ask another, or drop it with a reason", zh=zh)


def with_signatures(step: Step | None, facts: CaseFacts, *, process: str, term: Sourced[Term] | None) -> Step | None:
    """What a step asks for, and beside it each signature that one of its open tasks waits for."""
    waited_for = {no: each for no, each in facts.cosigns.items() if each.answer is None and no in facts.tasks}
    if not waited_for or term is None or step is None:
        return step
    wanted = {(ask.key, ask.subject) for ask in asked(step)}
    signatures = tuple(
        Ask(
            key=process + COSIGN,
            term=term.value,
            clauses=term.clauses,
            subject=task_id,
            role=each.role,
            assignee=each.of,
            not_by=(each.asked_by,),
        )
        for task_id, each in waited_for.items()
        if (facts.tasks[task_id].key, facts.tasks[task_id].subject) in wanted
    )
    return with_beside(step, signatures)
