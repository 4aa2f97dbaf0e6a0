"""How each paper stands: asked for, handed in, checked, missing, or to follow later; who looked at it, and when."""

from typing import Any

import pytest

from domain.connection.commands import CheckPaper, events_of
from domain.connection.papers import Paper, papers
from domain.people import Actor
from domain.refusals import Refused
from policies.packs import load_calendar
from tests.domain.connection.test_forecast import life
from tests.policies.lives import ProjectLife

ASKED = ("用水申请表", "身份证明", "产权证明")


def played(form: dict[str, Any]) -> ProjectLife:
    """A project of Jinan whose papers were checked once, with this outcome."""
    project = life("jinan@2020-01-29", {"kind": "single"})
    decide(project, "check-papers", form)
    return project


def decide(project: ProjectLife, key: str, form: dict[str, Any]) -> None:
    task = project.facts.open_task(f"connection.{key}")
    assert task is not None
    decided = project.tried(task, form, completed=False)
    assert decided is not None, project.told[-1]
    project.say(decided)
    project.settle()


def stand(project: ProjectLife) -> dict[str, Paper]:
    return {paper.name: paper for paper in papers(project.facts, project.policy)}


def states(project: ProjectLife) -> dict[str, str]:
    return {name: paper.state for name, paper in stand(project).items()}


def test_before_the_check_a_paper_is_handed_in_or_asked_for() -> None:
    project = life("jinan@2020-01-29", {"kind": "single"})
    assert states(project) == dict.fromkeys(ASKED, "handed-in")
    project.facts = project.facts.model_copy(update={"papers": ("身份证明", "委托书")})
    assert states(project) == {
        "用水申请表": "asked",
        "身份证明": "handed-in",
        "产权证明": "asked",
        "委托书": "handed-in",
    }


def test_a_missing_paper_has_its_day_and_once_sent_waits_to_be_checked() -> None:
    project = played({"outcome": "missing", "missing": ["产权证明", "委托书"]})
    assert states(project) == {
        "用水申请表": "checked",
        "身份证明": "checked",
        "产权证明": "missing",
        "委托书": "missing",
    }
    due = stand(project)["委托书"].due_at
    task = project.facts.open_task("connection.supply-papers")
    assert task is not None
    assert due == task.due_at is not None
    decide(project, "supply-papers", {"papers": ["产权证明", "委托书"]})
    assert states(project)["委托书"] == "handed-in"
    decide(project, "check-papers", {"outcome": "complete"})
    checked = stand(project)["委托书"]
    assert (checked.state, checked.checked_by, checked.due_at) == ("checked", "clerk-1", None)


def test_a_tolerated_paper_follows_later_and_somebody_looks_at_it() -> None:
    project = played({"outcome": "complete", "tolerated": ["产权证明"]})
    later = stand(project)["产权证明"]
    assert (later.state, later.due_at is not None) == ("tolerated", True)
    decide(project, "supply-papers", {})  # handed in without a list: it is what was asked for
    assert states(project)["产权证明"] == "handed-in"
    looked = CheckPaper(by=Actor(id="ming", roles=("representative",)), at=project.now, paper="产权证明")
    (event,) = events_of(looked, project.facts, project.policy, load_calendar())
    project.say(event)
    checked = stand(project)["产权证明"]
    assert (checked.state, checked.checked_by, checked.checked_at) == ("checked", "ming", project.now)
    assert stand(project)["身份证明"].checked_by == "clerk-1"
    with pytest.raises(Refused, match="does not wait"):
        events_of(looked, project.facts, project.policy, load_calendar())
