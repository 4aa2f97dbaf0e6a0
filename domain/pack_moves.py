"""A running case moves to another version of its utility's pack: the command, and when it may not."""

from typing import Any, Literal

from pydantic import Field

from domain.case import CaseFacts
from domain.commands import Command, refuse_unless_acting
from domain.refusals import Refused
from domain.steps import Act, Step


class MovePack(Command):
    """`policy` is the section of the new pack for this kind of case: it is pinned in place of the old one."""

    command: Literal["move-pack"] = "move-pack"
    from_pack: str
    to_pack: str
    reason: str = Field(min_length=1, max_length=500)
    policy: dict[str, Any]


def refuse_unless_movable(command: MovePack, facts: CaseFacts, step: Step | None) -> None:
    """Raises `Refused`: wrong-role, not-open for a case that has ended, gate for one that is not where it should be."""
    refuse_unless_acting(command.by, "administrator")
    if facts.outcome is not None:
        raise Refused(
            "not-open", f"case {facts.case_no} has ended ({facts.outcome})", zh="案件已经办结，不再变更版本。"
        )
    if facts.pack != command.from_pack:
        raise Refused(
            "gate",
            f"the case runs under {facts.pack}, not under {command.from_pack}",
            zh=f"案件按{facts.pack}办理，不是{command.from_pack}。",
        )
    if command.to_pack.partition("@")[0] != facts.pack.partition("@")[0]:
        raise Refused(
            "gate",
            f"{command.to_pack} is another utility's pack: a case stays with its utility",
            zh=f"{command.to_pack}是另一家企业的制度，案件不能换企业。",
        )
    if isinstance(step, Act):
        raise Refused(
            "gate",
            "the case is about to act by itself (a limit order): move it when that is done",
            zh="系统正在下达限压指令，等它完成后再变更版本。",
        )
