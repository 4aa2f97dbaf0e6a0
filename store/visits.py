"""Hours of visits that are agreed on, and how many more fit: one transaction takes an hour, so that none is sold twice.

What stands here follows each case's own record; an hour that a door has just taken waits here for the case to say so.
Those who come are counted in the case's section, or in its office, or in the whole utility where it has neither.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, func, insert, or_, select, true

from domain.connection.visits import SURVEY, Slot
from domain.people import Role
from domain.policy import Strict
from domain.refusals import Refused
from store.database import upsert
from store.tables import people, visits

PARTS = ("section", "office")
A_MOMENT = timedelta(minutes=1)


class Offer(Strict):
    """Hours on offer, how many visits are agreed on within them, and how many those who come can make."""

    starts_at: datetime
    ends_at: datetime
    taken: int
    room: int

    @property
    def full(self) -> bool:
        return self.taken >= self.room


class Held(Strict):
    """An hour taken for a case, and the one it had before."""

    case_no: str
    before: dict[str, Any] | None


def offers(connection: Connection, case: Any, slots: Sequence[Slot], *, role: Role, each: int) -> list[Offer]:
    """What of these hours is taken by others."""
    room = _room(connection, case, role=role, each=each)
    found = []
    for slot in slots:
        taken = _taken(connection, case, slot.starts_at, slot.ends_at)
        found.append(Offer(starts_at=slot.starts_at, ends_at=slot.ends_at, taken=taken, room=room))
    return found


def hold(
    connection: Connection,
    case: Any,
    starts_at: datetime,
    ends_at: datetime | None,
    *,
    role: Role,
    each: int,
    may_overbook: bool,
) -> Held:
    """Take an hour for a case. Raises `Refused("gate")` where it is full and nobody who answers for it takes it."""
    if not may_overbook:
        room = _room(connection, case, role=role, each=each)
        if _taken(connection, case, starts_at, ends_at) >= room:
            zh = "这个时段刚刚约满了：请选别的时间。"
            raise Refused("gate", "starts_at: these hours are full: take others", zh=zh)
    mine = and_(visits.c.case_no == case.case_no, visits.c.key == SURVEY)
    before = connection.execute(select(visits).where(mine)).one_or_none()
    row = {"case_no": case.case_no, "key": SURVEY, "starts_at": starts_at, "ends_at": ends_at}
    upsert(connection, visits, row | _scope(case), key=("case_no", "key"))
    return Held(case_no=case.case_no, before=None if before is None else dict(before._mapping))


def give_back(connection: Connection, held: Held) -> None:
    """The case did not take the hour: it has what it had before."""
    connection.execute(delete(visits).where(visits.c.case_no == held.case_no, visits.c.key == SURVEY))
    if held.before is not None:
        connection.execute(insert(visits).values(**held.before))


def _scope(case: Any) -> dict[str, str | None]:
    return {part: getattr(case, part) for part in ("grid", *PARTS)}


def _within(case: Any) -> ColumnElement[bool]:
    part = next((part for part in PARTS if getattr(case, part) is not None), None)
    return true() if part is None else visits.c[part] == getattr(case, part)


def _taken(connection: Connection, case: Any, starts_at: datetime, ends_at: datetime | None) -> int:
    ends_at = ends_at or starts_at + A_MOMENT
    within = and_(visits.c.starts_at < ends_at, or_(visits.c.ends_at > starts_at, visits.c.starts_at >= starts_at))
    others = and_(visits.c.key == SURVEY, visits.c.case_no != case.case_no, _within(case), within)
    return connection.scalar(select(func.count()).select_from(visits).where(others)) or 0


def _room(connection: Connection, case: Any, *, role: Role, each: int) -> int:
    """How many visits those who may come to this case can make within the same hours."""
    parts = ("grid", *PARTS)
    rows = connection.execute(select(people.c.roles, *(people.c[part] for part in parts)).where(people.c.active))
    serving = 0
    for row in rows:
        own = next(((part, value) for part in parts if (value := getattr(row, part)) is not None), None)
        serving += role in row.roles and (own is None or getattr(case, own[0]) == own[1])
    return serving * each
