"""Links of applicants: one standing link a case, who made it, until when it opens, and every use of it.

What is kept is the link's id alone. The address that a customer has cannot be made from it without the key.
"""

import secrets
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select, update

from domain.policy import Strict
from store.tables import cases, link_log, links

APPLICANT = "applicant"
"""Who acts on record through a link."""


class Link(Strict):
    """A link that stands: it opens one case until `expires_at`."""

    link_id: str
    case_no: str
    created_at: datetime
    created_by: str
    expires_at: datetime


_SHOWN = [links.c[name] for name in Link.model_fields]


def give(connection: Connection, case_no: str, *, until: datetime, by: str, at: datetime) -> Link:
    """The case's link, open until then: the standing one goes on, so that what was printed still leads there."""
    standing = of_case(connection, case_no, at=at)
    if standing is not None:
        connection.execute(update(links).where(links.c.link_id == standing.link_id).values(expires_at=until))
        note(connection, standing, "renewed", by=by, at=at)
        return standing.model_copy(update={"expires_at": until})
    link = Link(link_id=secrets.token_hex(16), case_no=case_no, created_at=at, created_by=by, expires_at=until)
    connection.execute(links.insert().values(**link.model_dump()))
    note(connection, link, "given", by=by, at=at)
    return link


def of_case(connection: Connection, case_no: str, *, at: datetime) -> Link | None:
    """The link of a case that opens now."""
    mine = select(*_SHOWN).where(links.c.case_no == case_no, links.c.revoked_at.is_(None), links.c.expires_at > at)
    row = connection.execute(mine.order_by(links.c.created_at.desc()).limit(1)).one_or_none()
    return None if row is None else Link.model_validate(dict(row._mapping))


def revoke(connection: Connection, case_no: str, *, by: str, at: datetime) -> None:
    """No link of the case opens any more."""
    standing = of_case(connection, case_no, at=at)
    mine = update(links).where(links.c.case_no == case_no, links.c.revoked_at.is_(None))
    connection.execute(mine.values(revoked_at=at))
    if standing is not None:
        note(connection, standing, "revoked", by=by, at=at)


def opens(connection: Connection, link_id: str, *, at: datetime) -> tuple[Link, Row[Any]] | None:
    """The link of an id and the case that it opens; None alike for one unknown, expired or revoked."""
    wanted = links.c.link_id == link_id, links.c.revoked_at.is_(None), links.c.expires_at > at
    row = connection.execute(select(*_SHOWN).where(*wanted)).one_or_none()
    if row is None:
        return None
    link = Link.model_validate(dict(row._mapping))
    case = connection.execute(select(cases).where(cases.c.case_no == link.case_no)).one_or_none()
    return None if case is None else (link, case)


def note(connection: Connection, link: Link, action: str, *, by: str, at: datetime) -> None:
    """Put on record what was done with a link, or through it."""
    row = {"link_id": link.link_id, "case_no": link.case_no, "action": action, "by": by, "at": at}
    connection.execute(link_log.insert().values(**row))


def log_of(connection: Connection, case_no: str, *, limit: int = 50) -> list[Row[Any]]:
    """The last uses of a case's links, the newest first."""
    mine = select(link_log.c.action, link_log.c.by, link_log.c.at).where(link_log.c.case_no == case_no)
    return list(connection.execute(mine.order_by(link_log.c.id.desc()).limit(limit)))
