"""A first hour, a page for each role: what to look at, in which order, and what to try."""

from fastapi import APIRouter, Response

from api.pages.frame import Looking
from api.pages.guides import GUIDES, guide_for

router = APIRouter(include_in_schema=False)


@router.get("/tour")
async def tour(viewer: Looking, role: str = "") -> Response:
    """The guide of the reader's own role, or of another."""
    guide = GUIDES.get(role) or guide_for(viewer.person.roles)
    return viewer.show("tour.html", guide=guide, guides=GUIDES)
