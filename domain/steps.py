"""What a case can call for: tasks, an act of its own, standing still, or its end."""

from datetime import datetime

from pydantic import SerializeAsAny

from domain.case import Event
from domain.clock import Party
from domain.people import Level, Role
from domain.policy import Strict
from domain.terms import Term


class Ask(Strict):
    """A human task is called for. The term counts from `counts_from`, or from the opening.

    `subject` tells tasks of one key apart (an item, a node); `party` is whose time the task is. `role` and `level`
    stand in for the task kind's own where the pack says who; `demands` are fields of the form that it asks for.
    `assists`: posts that may decide it too. `assignee`: the one person whom it is put to, who has it in hand from its
    opening.
    """

    key: str
    term: Term
    clauses: tuple[str, ...] = ()
    counts_from: datetime | None = None
    not_by: tuple[str, ...] = ()
    assignee: str | None = None
    subject: str | None = None
    party: Party = "utility"
    role: Role | None = None
    level: Level | None = None
    demands: tuple[str, ...] = ()
    assists: tuple[Role, ...] = ()


class Calls(Strict):
    """Several tasks at once, in the order in which they open."""

    asks: tuple[Ask, ...]


class Act(Strict):
    """Something the case does by itself. `beside`: tasks that are called for at the same time."""

    beside: tuple[Ask, ...] = ()


class StandStill(Strict):
    """Nothing to do until something happens, or until `moment` comes. `beside`: tasks called for meanwhile."""

    because: str
    moment: SerializeAsAny[Event] | None = None
    beside: tuple[Ask, ...] = ()


class Close(Strict):
    outcome: str


Step = Ask | Calls | Act | StandStill | Close


def asked(step: Step) -> tuple[Ask, ...]:
    """The tasks that a step asks for."""
    match step:
        case Ask():
            return (step,)
        case Calls():
            return step.asks
        case StandStill() | Act():
            return step.beside
        case Close():
            return ()


def with_beside(step: Step | None, asks: tuple[Ask, ...]) -> Step | None:
    """The step with more tasks beside what it calls for itself."""
    match step:
        case _ if not asks:
            return step
        case Ask():
            return Calls(asks=(step, *asks))
        case Calls():
            return Calls(asks=(*step.asks, *asks))
        case StandStill() | Act():
            return step.model_copy(update={"beside": (*step.beside, *asks)})
        case _:
            return step
