"""Saved views: a list's filters under a name of one's own."""

from datetime import datetime

from sqlalchemy import Connection, delete, func, select

from domain.policy import Strict
from domain.refusals import Refused
from store.database import upsert
from store.tables import views

MOST = 30


class View(Strict):
    """`query` is what stands in the address bar after the question mark."""

    name: str
    query: str


def keep(connection: Connection, person: str, page: str, view: View, *, at: datetime) -> None:
    """Keep a view; the same name again replaces it. Raises `Refused("form-invalid")` for one too many."""
    mine = (views.c.person == person, views.c.page == page)
    others = select(func.count()).select_from(views).where(*mine, views.c.name != view.name)
    if (connection.scalar(others) or 0) >= MOST:
        zh = f"每个清单最多存 {MOST} 个，请先删一个。"
        raise Refused("form-invalid", f"name: {MOST} views are kept already: take one out first", zh=zh)
    row = {"person": person, "page": page, "name": view.name, "query": view.query, "at": at}
    upsert(connection, views, row, key=("person", "page", "name"))


def take_out(connection: Connection, person: str, page: str, name: str) -> None:
    """Forget a view; one that is not there is forgotten already."""
    connection.execute(delete(views).where(views.c.person == person, views.c.page == page, views.c.name == name))


def of(connection: Connection, person: str, page: str) -> list[View]:
    """A person's views of a list, by name."""
    mine = select(views.c.name, views.c.query).where(views.c.person == person, views.c.page == page)
    return [View(name=row.name, query=row.query) for row in connection.execute(mine.order_by(views.c.name))]
