"""The sign at a site: one form for every site of a utility, filled in from the project."""

from datetime import datetime

from domain.clauses import keeps
from domain.connection.facts import ProjectFacts
from domain.connection.works_policy import WorksPolicy
from domain.papers import Paper
from domain.policy import Strict

TEMPLATE = "site-board"


class Line(Strict):
    """One part of the board; without a text it is still to be had before the board can stand."""

    part: str
    text: str | None


class SiteBoard(Paper):
    """施工公示牌, as it is printed."""

    utility: str
    no: str
    lines: tuple[Line, ...]


@keeps("jinan.construction.site-board-uniform", "jinan.construction.site-board-content")
def site_board(
    facts: ProjectFacts, policy: WorksPolicy, *, utility: str, name: str, address: str | None, at: datetime
) -> SiteBoard | None:
    """The board with its parts in the pack's order; None where the pack has no board."""
    if policy.board is None:
        return None
    works, board = facts.works, policy.board.value
    builder = works.parties.get("construction-unit")
    told = {
        "summary": f"{name}，{address}" if address else name,
        "period": f"{works.starts_on} 至 {works.ends_on}" if works.starts_on and works.ends_on else None,
        "sketch": works.drawing,
        "contractor": works.contractor or (builder.organisation if builder else None),
        "phone": board.phone,
    }
    lines = tuple(Line(part=part, text=told[part]) for part in board.parts)
    return SiteBoard(title=board.title, dated_at=at, utility=utility, no=f"{facts.case_no}-P", lines=lines)
