"""The sign at a site: one form for every site of a utility, filled in from the project."""

from typing import NamedTuple

from domain.clauses import keeps
from domain.connection.works import Works
from domain.connection.works_policy import WorksPolicy


class Line(NamedTuple):
    """One part of the board; without a text it is still to be had before the board can stand."""

    part: str
    text: str | None


@keeps("jinan.construction.site-board-uniform", "jinan.construction.site-board-content")
def site_board(works: Works, policy: WorksPolicy, *, name: str, address: str | None) -> tuple[str, list[Line]] | None:
    """The board's title and its parts in the pack's order; None where the pack has no board."""
    if policy.board is None:
        return None
    board, builder = policy.board.value, works.parties.get("construction-unit")
    told = {
        "summary": f"{name}，{address}" if address else name,
        "period": f"{works.starts_on} 至 {works.ends_on}" if works.starts_on and works.ends_on else None,
        "sketch": works.drawing,
        "contractor": works.contractor or (builder.organisation if builder else None),
        "phone": board.phone,
    }
    return board.title, [Line(part, told[part]) for part in board.parts]
