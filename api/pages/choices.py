"""What may be picked in a task's form, by its project and its pack."""

from datetime import datetime
from typing import Any, NamedTuple

from api.house import House
from api.pages.words import Language
from domain.calendars import local
from domain.connection.facts import Project, ProjectFacts
from domain.connection.policy import ConnectionPolicy
from domain.connection.works import attending
from policies.packs import load_pack
from store import projects, reads

TOLD_OF = tuple(
    f"connection.{key}" for key in ("change-design", "review-change", "mend-site", "look-again", "solve-problem")
)
PAPERS = ("connection.check-papers", "connection.supply-papers")


class Choices(NamedTuple):
    """By field: what may be picked, and what each is called where its name says too little."""

    options: dict[str, list[str]]
    told: dict[str, list[str]]


def choices(house: House, task: Any, *, language: Language, at: datetime) -> Choices:
    """Papers, nodes or the checklist of a site, as the project's kind and its pack have them."""
    if task.key not in (*PAPERS, "connection.register-works", "connection.inspect-site"):
        return Choices({}, {})
    with house.database.read() as connection:
        row = reads.case_on_record(connection, task.case_no)
        project, papers = projects.project(connection, task.case_no)
    policy = load_pack(row.pack).connection
    if policy is None:
        return Choices({}, {})
    match task.key:
        case "connection.register-works":
            return Choices(_nodes(project, policy), {})
        case "connection.inspect-site":
            items = policy.works.checklist(project.kind, local(at).month)
            named = [item.value.zh if language == "zh" else item.value.en for item in items.values()]
            return Choices({"failed": list(items)}, {"failed": named})
        case _:
            return Choices(_papers(row, project, policy, papers), {})


def brief(house: House, task: Any) -> str | None:
    """What somebody declared and this task is about: a change, a problem, what was wrong on site."""
    if task.key not in TOLD_OF:
        return None
    with house.database.read() as connection:
        row = reads.case_on_record(connection, task.case_no)
    works, about = ProjectFacts.model_validate(row.facts).works, task.body.get("subject") or ""
    match task.key.removeprefix("connection."):
        case "change-design" | "review-change" if about in works.changes:
            change = works.changes[about]
            return "，".join(part for part in (change.reason, change.node, change.treatment, change.drawing) if part)
        case "mend-site" | "look-again" if about in works.findings:
            return works.findings[about].why
        case "solve-problem" if about in works.problems:
            return works.problems[about].what
        case _:
            return None


class GoesAlong(NamedTuple):
    """A unit that takes part in a task, how, and who represents it, if the project names somebody."""

    unit: str
    part: str
    representative: str | None


def going_along(house: House, task: Any) -> list[GoesAlong]:
    """Who takes part in a task of a project, by its pack, whoever has it in hand first."""
    if task.process != "connection":
        return []
    with house.database.read() as connection:
        row = reads.case_on_record(connection, task.case_no)
    policy = load_pack(row.pack).connection
    if policy is None:
        return []
    parties = ProjectFacts.model_validate(row.facts).works.parties
    return [
        GoesAlong(unit, each.value.part, parties[unit].representative if unit in parties else None)
        for each in attending(task.key, policy.works)
        for unit in each.value.units
    ]


def _nodes(project: Project, policy: ConnectionPolicy) -> dict[str, list[str]]:
    offered = policy.works.nodes.get(project.kind)
    nodes = list(dict.fromkeys((*project.sections, *(offered.value if offered else ()))))
    return dict.fromkeys(("nodes", "road_nodes", "backfill"), nodes)


def _papers(row: Any, project: Project, policy: ConnectionPolicy, papers: tuple[str, ...]) -> dict[str, list[str]]:
    asked = list(policy.checklist[project.kind].value)
    wanted = row.facts.get("missing") or row.facts.get("tolerated") or asked
    missing = [name for name in asked if name not in papers]
    return {"missing": missing + [name for name in asked if name in papers], "tolerated": asked, "papers": list(wanted)}
