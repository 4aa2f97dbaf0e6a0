"""What projects cost their customers: days from application to the end, and how often papers had to be brought."""

from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select

from domain.clauses import keeps
from domain.policy import Strict
from store.people import Person, within
from store.tables import cases, tasks

QUARTER = timedelta(days=90)
MOST = 5000
"""Projects of one quarter that are counted; more than that says no more about the average."""


class CustomerCost(Strict):
    """The projects that were done in a quarter of a year; averages are None when there are none."""

    until: datetime
    projects: int
    days: float | None
    papers_brought: float | None


@keeps("changchun.connection.lower-customer-cost")
def customer_cost(connection: Connection, person: Person, *, until: datetime) -> CustomerCost:
    """What the projects in sight that were done in the quarter up to an instant took of their customers."""
    done = (
        select(cases.c.case_no, cases.c.opened_at, cases.c.closed_at)
        .where(
            within(person, cases),
            cases.c.process == "connection",
            cases.c.status == "closed",
            cases.c.outcome == "closed",
            cases.c.closed_at > until - QUARTER,
            cases.c.closed_at <= until,
        )
        .limit(MOST)
    ).subquery()
    rows = connection.execute(select(done)).all()
    brought = (
        select(func.count())
        .select_from(tasks.join(done, done.c.case_no == tasks.c.case_no))
        .where(tasks.c.key == "connection.supply-papers", tasks.c.status == "decided")
    )
    if not rows:
        return CustomerCost(until=until, projects=0, days=None, papers_brought=None)
    took = sum((row.closed_at - row.opened_at for row in rows), timedelta())
    times = connection.scalar(brought) or 0
    return CustomerCost(
        until=until,
        projects=len(rows),
        days=round(took / timedelta(days=1) / len(rows), 1),
        papers_brought=round(times / len(rows), 2),
    )
