"""The papers of a project: what its kind asks for, and how each stands."""

from datetime import datetime
from typing import Literal

from domain.account import Frozen
from domain.connection.facts import ProjectFacts
from domain.connection.policy import ConnectionPolicy
from domain.tasks import Task

PaperState = Literal["asked", "handed-in", "checked", "tolerated", "missing"]
CHECK = "connection.check-papers"
SUPPLY = "connection.supply-papers"


class Paper(Frozen):
    """A paper. `due_at`: until when the applicant hands it in; `checked_by`: who has looked at it, and when.

    A tolerated paper (容缺) may follow later and blocks only the water.
    """

    name: str
    state: PaperState
    due_at: datetime | None = None
    provisional: bool = False
    checked_by: str | None = None
    checked_at: datetime | None = None


def papers(facts: ProjectFacts, policy: ConnectionPolicy) -> tuple[Paper, ...]:
    """Every paper of the kind's checklist and every other that was named, each once, in that order."""
    kind = facts.project.kind
    asked = policy.checklist[kind].value if kind in policy.checklist else ()
    return tuple(
        _paper(name, facts) for name in dict.fromkeys((*asked, *facts.papers, *facts.missing, *facts.tolerated))
    )


def _paper(name: str, facts: ProjectFacts) -> Paper:
    checked = facts.done.get(CHECK)
    if name in facts.tolerated:
        return _wanted(name, "tolerated", facts.open_task(SUPPLY, subject="tolerated"))
    if name in facts.missing:
        return _wanted(name, "missing", facts.open_task(SUPPLY, subject="missing"))
    if name in facts.unchecked or checked is None:
        return Paper(name=name, state="handed-in" if name in facts.papers else "asked")
    looked = facts.looked_at.get(name, checked)
    return Paper(name=name, state="checked", checked_by=looked.by, checked_at=looked.at)


def _wanted(name: str, state: PaperState, task: Task | None) -> Paper:
    due = task.due if task is not None and task.pause is None else None
    return Paper(
        name=name, state=state, due_at=due.at if due else None, provisional=due is not None and due.provisional
    )


def wanted(task: Task, facts: ProjectFacts) -> tuple[str, ...]:
    """The papers that a task of the applicant's waits for."""
    return facts.tolerated if task.subject == "tolerated" else facts.missing
