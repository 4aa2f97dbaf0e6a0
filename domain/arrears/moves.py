"""An arrears case moves to another version of its pack."""

from domain.arrears.consequences import NOT_STAGED, stage_now
from domain.arrears.facts import ArrearsFacts
from domain.arrears.ladder import next_step, running_periods
from domain.arrears.policy import ArrearsPolicy
from domain.calendars import Calendar
from domain.case import PackMoved
from domain.pack_moves import MovePack, refuse_unless_movable
from domain.refusals import Refused

OFF_THE_LADDER = ("settled", "restored", "closed")


def moved(
    command: MovePack, facts: ArrearsFacts, policy: ArrearsPolicy, to: ArrearsPolicy, calendar: Calendar
) -> PackMoved:
    """The move, with the customer's running periods kept. Raises `Refused` where the facts have no place in `to`."""
    refuse_unless_movable(command, facts, next_step(facts, policy, calendar))
    stages = ["reminded", *(rung.enters for rung in to.ladder if not isinstance(rung, NOT_STAGED) and rung.enters)]
    if facts.stage not in (*stages, *OFF_THE_LADDER):
        raise Refused(
            "gate",
            f"the ladder of {command.to_pack} has no stage {facts.stage}, in which the case stands",
            zh=f"{command.to_pack}没有案件所在的阶段（{facts.stage}）。",
        )
    then = stage_now(facts, to)
    if then in stages and facts.stage in stages and stages.index(then) < stages.index(facts.stage):
        raise Refused(
            "gate",
            f"under {command.to_pack} the case would go back from {facts.stage} to {then}",
            zh=f"按{command.to_pack}案件会从{facts.stage}退回{then}。",
        )
    if not to.limits and (facts.order is not None or facts.limited_at is not None):
        raise Refused(
            "gate",
            f"{command.to_pack} limits nobody's water, and here a limit stands or is ordered: restore it first",
            zh=f"{command.to_pack}不限压，而这里已限压或已下达限压指令：先恢复供水。",
        )
    if unknown := sorted({message.template for message in facts.messages.values()} - to.messages.keys()):
        raise Refused(
            "gate",
            f"{command.to_pack} has no words for {', '.join(unknown)}, which is still to be sent: move it after that",
            zh=f"{command.to_pack}没有待发短信{'、'.join(unknown)}的文本：发出后再变更。",
        )
    return PackMoved(
        at=command.at,
        by=command.by.id,
        from_pack=command.from_pack,
        to_pack=command.to_pack,
        reason=command.reason,
        kept=running_periods(facts, policy),
    )
