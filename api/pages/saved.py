"""Saved views of the lists, kept and taken out."""

from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Response

from api.pages.frame import Looking, Viewer
from store import views
from store.views import View

router = APIRouter(include_in_schema=False, prefix="/views")
Listed = Literal["inbox", "projects", "arrears"]


@router.post("")
def keep(
    viewer: Looking,
    page: Annotated[Listed, Form()],
    name: Annotated[str, Form(min_length=1, max_length=60, pattern=r"\S")],
    query: Annotated[str, Form(max_length=1000, pattern=r"^[^\r\n]*$")] = "",
) -> Response:
    with viewer.house.database.write() as connection:
        views.keep(connection, viewer.person.id, page, View(name=name.strip(), query=query), at=viewer.now)
    return viewer.go(f"/{page}?{query}" if query else f"/{page}")


@router.post("/{page}/remove")
def remove(viewer: Looking, page: Listed, name: Annotated[str, Form(max_length=60)]) -> Response:
    with viewer.house.database.write() as connection:
        views.take_out(connection, viewer.person.id, page, name)
    return viewer.go(f"/{page}")


def saved(viewer: Viewer, page: Listed) -> dict[str, Any]:
    """What a list shows of its saved views, and the filters that stand in the address bar now."""
    with viewer.house.database.read() as connection:
        mine = views.of(connection, viewer.person.id, page)
    standing = [(name, value) for name, value in viewer.request.query_params.multi_items() if name != "after" and value]
    return {"views": mine, "page": page, "standing": urlencode(standing)}
