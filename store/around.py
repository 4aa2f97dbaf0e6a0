"""What stands around a case that somebody is to approve: earlier limits, contacts that failed, and who lives there."""

from sqlalchemy import Connection, and_, exists, func, select

from domain.arrears.unusual import Around
from store.tables import STANDING, accounts, entries, limit_orders


def around(connection: Connection, case_no: str, account_no: str) -> Around:
    """Three statements."""
    limited = select(exists().where(limit_orders.c.account_no == account_no, limit_orders.c.status == "done"))
    mine = (entries.c.case_no == case_no, STANDING, entries.c.event.in_(("ContactRecorded", "HoldEnded")))
    not_reached = broken = 0
    for row in connection.execute(select(entries.c.event, entries.c.body).where(*mine)):
        not_reached += row.event == "ContactRecorded" and not row.body.get("reached")
        broken += row.event == "HoldEnded" and row.body.get("how") == "broken"
    here = accounts.alias()
    together = and_(
        accounts.c.address == here.c.address,
        func.coalesce(accounts.c.grid, "") == func.coalesce(here.c.grid, ""),
        accounts.c.account_no != here.c.account_no,
    )
    near = select(accounts.c.protected).select_from(here).join(accounts, together)
    found = connection.scalars(near.where(here.c.account_no == account_no)).all()
    return Around(
        limited_before=bool(connection.scalar(limited)),
        not_reached=not_reached,
        broken=broken,
        near=tuple(sorted({word for protected in found for word in protected})),
    )
