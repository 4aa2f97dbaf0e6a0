"""The processes there are, each as pure functions of facts, policy and calendar, and every human task of theirs."""

from collections.abc import Callable
from typing import Any, NamedTuple

from pydantic import TypeAdapter

from domain.arrears import commands as arrears_commands
from domain.arrears import ladder
from domain.arrears import moves as arrears_moves
from domain.arrears.commands import ArrearsCommand
from domain.arrears.consequences import say as say_arrears
from domain.arrears.facts import ArrearsFacts
from domain.arrears.forms import ARREARS_TASKS
from domain.case import CaseFacts, Event
from domain.connection import commands as connection_commands
from domain.connection import moves as connection_moves
from domain.connection import phases
from domain.connection.commands import ConnectionCommand
from domain.connection.facts import ProjectFacts
from domain.connection.forms import CONNECTION_TASKS
from domain.tasks import TaskKind

TASKS: dict[str, TaskKind] = {**ARREARS_TASKS, **CONNECTION_TASKS}


class Process(NamedTuple):
    """One process as pure functions of facts, policy and calendar."""

    facts: type[CaseFacts]
    kinds: dict[str, TaskKind]
    commands: TypeAdapter[Any]
    events_of: Callable[..., Any]
    decide: Callable[..., Any]
    say: Callable[..., Any]
    next_step: Callable[..., Any]
    next_moment: Callable[..., Event | None]
    moved: Callable[..., Any]


PROCESSES: dict[str, Process] = {
    "arrears": Process(
        facts=ArrearsFacts,
        kinds=ARREARS_TASKS,
        commands=TypeAdapter(ArrearsCommand),
        events_of=arrears_commands.events_of,
        decide=lambda command, facts, policy: arrears_commands.decide(command, facts),
        say=say_arrears,
        next_step=ladder.next_step,
        next_moment=ladder.next_moment,
        moved=arrears_moves.moved,
    ),
    "connection": Process(
        facts=ProjectFacts,
        kinds=CONNECTION_TASKS,
        commands=TypeAdapter(ConnectionCommand),
        events_of=connection_commands.events_of,
        decide=connection_commands.decide,
        say=connection_commands.say,
        next_step=phases.next_step,
        next_moment=phases.next_moment,
        moved=connection_moves.moved,
    ),
}
