"""退回 and 撤回: work that does not stand is done again from where it went wrong; what is signed for stays signed."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from domain.calendars import Calendar
from domain.commands import Command, refuse_unless_acting
from domain.connection.events import SentBack
from domain.connection.facts import ProjectFacts
from domain.connection.policy import ConnectionPolicy
from domain.people import Actor, Role
from domain.refusals import Refused
from domain.terms import due_at

ORDER = (
    "check-papers",
    "arrange-survey",
    "survey",
    "draft-scheme",
    "approve-scheme",
    "submit-drawings",
    "design",
    "review-drawings",
    "sign-contract",
    "register-works",
    "install-meters",
)
"""What may be done again, in the order in which one rests on the other. Papers that are told once stay told."""

BACK_TO = ("check-papers", "arrange-survey", "survey", "draft-scheme", "submit-drawings", "design", "register-works")


class SendBack(Command):
    """退回: an earlier task, and all that rests on it, is to be done again. `to`: the key of that task."""

    command: Literal["send-back"] = "send-back"
    to: str = Field(max_length=60)
    reason: str = Field(min_length=1, max_length=500)


class TakeBack(Command):
    """撤回: whoever decided a task takes the decision back, as long as nothing rests on it."""

    command: Literal["take-back"] = "take-back"
    task: str = Field(max_length=60)
    reason: str = Field(min_length=1, max_length=500)


def sent_back(
    command: SendBack | TakeBack, facts: ProjectFacts, policy: ConnectionPolicy, calendar: Calendar, *roles: Role
) -> SentBack:
    """What is undone. `roles`: who may send back besides those with an open task. Raises `Refused`."""
    key = command.to if isinstance(command, SendBack) else command.task
    name = key.removeprefix("connection.")
    if isinstance(command, SendBack) and name not in BACK_TO:
        known = ", ".join(f"connection.{each}" for each in BACK_TO)
        zh = "不能退回到这一步：可退回到核对资料、预约勘察、勘察、方案、图纸、施工备案。"
        raise Refused("form-invalid", f"to: nothing is sent back to {key}; write one of {known}", zh=zh)
    done = facts.done.get(f"connection.{name}")
    if name not in ORDER or done is None:
        raise Refused(
            "not-open", f"{key} is not decided, so there is nothing to do again", zh="这一步还没有办，不用退回。"
        )
    if facts.is_done("accept") or facts.failing or facts.round > 1:
        zh = "已有水表验收签字，不能再退回：需要改动的，走设计变更或整改。"
        raise Refused("gate", f"{key}: meters are accepted and signed for; what was accepted stays", zh=zh)
    undone = tuple(f"connection.{each}" for each in ORDER[ORDER.index(name) :] if facts.is_done(each))
    if isinstance(command, SendBack):
        refuse_unless_acting(command.by, *dict.fromkeys((*(task.role for task in facts.tasks.values()), *roles)))
    else:
        _refuse_late(command, facts, policy, calendar)
    return SentBack(
        at=command.at,
        by=command.by.id,
        to=f"connection.{name}",
        reason=command.reason,
        undone=undone,
        taken_back=isinstance(command, TakeBack),
    )


def refuse_unless_reopening(
    facts: ProjectFacts, policy: ConnectionPolicy, calendar: Calendar, *, by: Actor, at: datetime
) -> None:
    """重新办理: whether a closed project may be opened again. Raises `Refused`: not-open, wrong-role."""
    refuse_unless_acting(by, "clerk", "representative", "service-manager", "supervisor")
    if facts.outcome is None:
        raise Refused(
            "not-open", f"case {facts.case_no} has not ended: nothing to reopen", zh="案件还没有办结，不用重新办理。"
        )
    within = policy.reopen_within
    if within is None or at >= due_at(term=within.value, started_at=facts.as_of, calendar=calendar).at:
        zh = "已过重新办理的期限：请重新申请。"
        raise Refused("not-open", f"case {facts.case_no} ended too long ago to be reopened: apply anew", zh=zh)


def _refuse_late(command: TakeBack, facts: ProjectFacts, policy: ConnectionPolicy, calendar: Calendar) -> None:
    done = facts.done[f"connection.{command.task.removeprefix('connection.')}"]
    if done.by != command.by.id:
        zh = "只有办理的人可以撤回自己的办理；别人请用退回。"
        raise Refused("wrong-role", f"{command.task}: {done.by} decided it, and takes it back or nobody", zh=zh)
    within = policy.take_back_within
    until = due_at(term=within.value, started_at=done.at, calendar=calendar).at if within else done.at
    if command.at >= until or any(other.at > done.at for other in facts.done.values()):
        zh = "已经过了撤回时限，或者后面的步骤已经办了：请用退回。"
        raise Refused("not-open", f"{command.task}: too late, or something rests on it; have it sent back", zh=zh)
