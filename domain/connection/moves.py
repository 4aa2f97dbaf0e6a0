"""A connection project moves to another version of its pack."""

from domain.calendars import Calendar
from domain.case import PackMoved
from domain.connection.facts import ProjectFacts
from domain.connection.phases import PHASES, next_step, phase_now
from domain.connection.policy import ConnectionPolicy
from domain.pack_moves import MovePack, refuse_unless_movable
from domain.refusals import Refused


def moved(
    command: MovePack, facts: ProjectFacts, policy: ConnectionPolicy, to: ConnectionPolicy, calendar: Calendar
) -> PackMoved:
    """The move. Raises `Refused` where the new pack would take the project back to a phase that it has left."""
    refuse_unless_movable(command, facts, next_step(facts, policy, calendar))
    if facts.project.kind not in to.checklist:
        raise Refused(
            "gate",
            f"{command.to_pack} has no checklist for a project of kind {facts.project.kind}",
            zh=f"{command.to_pack}没有这类项目（{facts.project.kind}）的资料清单。",
        )
    phases, then = list(PHASES), phase_now(facts, to)
    if facts.stage in phases and phases.index(then) < phases.index(facts.stage):
        raise Refused(
            "gate",
            f"under {command.to_pack} the project would go back from {facts.stage} to {then}",
            zh=f"按{command.to_pack}项目会从{facts.stage}退回{then}。",
        )
    return PackMoved(
        at=command.at,
        by=command.by.id,
        from_pack=command.from_pack,
        to_pack=command.to_pack,
        reason=command.reason,
    )
