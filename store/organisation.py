"""The register of grids and who holds them, who stands in for whom, and who is on duty; each change on record."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Literal

from sqlalchemy import Connection, Row, and_, insert, or_, select, update

from domain.clauses import keeps
from domain.organisation import Grid, Handed, Holder, Post
from domain.people import Role
from domain.policy import Strict
from domain.refusals import Refused
from store.tables import absences, duties, grids, organisation_log, people, posts


class Absence(Strict):
    """Somebody is away from an instant to another, and another person does their work meanwhile."""

    id: int
    person: str
    stand_in: str
    starts_at: datetime
    ends_at: datetime
    reason: str


def register(connection: Connection) -> tuple[list[Grid], list[Holder]]:
    """The grids by name, and whoever holds a post of one or is proposed for it."""
    all_grids = [
        Grid(name=row.name, kind=row.kind, section=row.section, office=row.office)
        for row in connection.execute(select(grids).order_by(grids.c.office, grids.c.section, grids.c.name))
    ]
    held = (
        select(posts, people.c.roles)
        .join(people, people.c.id == posts.c.person)
        .where(posts.c.until_on.is_(None))
        .order_by(posts.c.grid, posts.c.post)
    )
    return all_grids, [_holder(row) for row in connection.execute(held)]


def _holder(row: Row[Any]) -> Holder:
    return Holder(
        grid=row.grid,
        post=row.post,
        person=row.person,
        roles=tuple(row.roles),
        work_phone=row.work_phone,
        wechat=row.wechat,
        kind=row.kind,
        since=row.since_on,
        approved=row.approved_by is not None,
    )


def roles_of(connection: Connection, id: str) -> tuple[Role, ...]:
    """The roles of an active account. Raises `Refused("unknown")`."""
    found = connection.scalar(select(people.c.roles).where(people.c.id == id, people.c.active))
    if found is None:
        raise Refused("unknown", f"person: there is no active account {id}", zh="没有这个账号，或者已停用。")
    return tuple(found)


def add_grid(connection: Connection, grid: Grid, *, by: str, at: datetime) -> None:
    """A new grid. Raises `Refused("duplicate")`."""
    if connection.scalar(select(grids.c.name).where(grids.c.name == grid.name)) is not None:
        raise Refused("duplicate", f"name: there is a grid {grid.name} already", zh="已有这个网格。")
    connection.execute(insert(grids).values(**grid.model_dump()))
    _log(connection, "grid", grid.name, grid.model_dump(mode="json"), by=by, at=at)


def appoint(connection: Connection, holder: Holder, *, by: str, at: datetime) -> None:
    """Put a holder into the register, in force when `holder.approved`."""
    row = holder.model_dump(include={"grid", "post", "person", "work_phone", "wechat", "kind"})
    connection.execute(
        insert(posts).values(**row, since_on=holder.since, appointed_by=by, approved_by=by if holder.approved else None)
    )
    _log(
        connection,
        "appoint",
        holder.grid,
        holder.model_dump(mode="json", exclude={"roles", "work_phone"}),
        by=by,
        at=at,
    )


@keeps("changchun.organisation.leading-group-selects")
def approve(connection: Connection, grid: str, post: Post, *, by: str, at: datetime) -> None:
    """The word that a proposal waits for. Raises `Refused("not-open")`."""
    this = and_(*_this(grid, post), posts.c.approved_by.is_(None))
    if not connection.execute(update(posts).where(this).values(approved_by=by)).rowcount:
        raise Refused("not-open", f"no proposal for post {post} of {grid} waits", zh="这个岗位没有待审核的人选。")
    _log(connection, "approve", grid, {"post": post}, by=by, at=at)


def leave(
    connection: Connection, grid: str, post: Post, *, on: date, handed: Sequence[Handed], by: str, at: datetime
) -> Holder:
    """Whoever holds the post holds it no more, and what was handed over is on record. Raises `Refused("not-open")`."""
    row = connection.execute(
        select(posts, people.c.roles).join(people, people.c.id == posts.c.person).where(*_this(grid, post))
    ).one_or_none()
    if row is None:
        raise Refused("not-open", f"nobody holds post {post} of {grid}", zh="这个岗位现在没有人。")
    connection.execute(update(posts).where(posts.c.id == row.id).values(until_on=on, handed_over=list(handed)))
    _log(connection, "leave", grid, {"post": post, "person": row.person, "handed": list(handed)}, by=by, at=at)
    return _holder(row)


def _this(grid: str, post: Post) -> tuple[Any, ...]:
    return posts.c.grid == grid, posts.c.post == post, posts.c.until_on.is_(None)


def b_of(connection: Connection, person: str) -> str | None:
    """Whoever holds the other post of this person's grid: who stands in when nobody is named."""
    mine = posts.alias()
    return connection.scalar(
        select(posts.c.person)
        .join(mine, and_(mine.c.grid == posts.c.grid, mine.c.post != posts.c.post))
        .where(mine.c.person == person, mine.c.until_on.is_(None), posts.c.until_on.is_(None))
        .order_by(posts.c.grid)
        .limit(1)
    )


def be_absent(connection: Connection, away: Absence, *, by: str, at: datetime) -> int:
    """Enter an absence; returns its number. Raises `Refused`: unknown stand-in, or one who could not do the work."""
    theirs, others = roles_of(connection, away.person), roles_of(connection, away.stand_in)
    if away.person == away.stand_in:
        raise Refused("form-invalid", "stand_in: is the person who is away", zh="不能由本人代班。")
    if not set(theirs) & set(others):
        zh = "此人没有请假人的任何岗位，代不了班。"
        raise Refused("form-invalid", f"stand_in: {away.stand_in} holds none of the roles of {away.person}", zh=zh)
    if away.ends_at <= max(away.starts_at, at):
        raise Refused(
            "form-invalid", "ends_at: lies before the start, or in the past", zh="结束时间要晚于开始时间和现在。"
        )
    number: int = connection.execute(
        insert(absences).values(**away.model_dump(exclude={"id"}), by=by, at=at).returning(absences.c.id)
    ).scalar_one()
    _log(connection, "absent", away.person, away.model_dump(mode="json", exclude={"id"}), by=by, at=at)
    return number


def be_back(connection: Connection, number: int, *, by: str, at: datetime) -> None:
    """The absence ends now. Raises `Refused("not-open")`."""
    this = and_(absences.c.id == number, absences.c.ends_at > at)
    if not connection.execute(update(absences).where(this).values(ends_at=at)).rowcount:
        raise Refused("not-open", "this absence is over", zh="这次请假已经结束。")
    _log(connection, "back", str(number), {}, by=by, at=at)


def absence(connection: Connection, number: int) -> Absence | None:
    row = connection.execute(select(absences).where(absences.c.id == number)).one_or_none()
    return _absence(row) if row is not None else None


def absences_from(connection: Connection, at: datetime) -> list[Absence]:
    """Who is away now or will be, the nearest first."""
    found = select(absences).where(absences.c.ends_at > at).order_by(absences.c.starts_at, absences.c.id).limit(200)
    return [_absence(row) for row in connection.execute(found)]


class Duty(Strict):
    """值班: who is there for a part of the organisation (None: all of it) from an instant to another."""

    id: int
    person: str
    part: Literal["grid", "section", "office"] | None = None
    name: str | None = None
    starts_at: datetime
    ends_at: datetime


def be_on_duty(connection: Connection, duty: Duty, *, by: str, at: datetime) -> int:
    """Enter a duty; returns its number. Raises `Refused`: unknown account, or an end before the start."""
    roles_of(connection, duty.person)
    if duty.ends_at <= max(duty.starts_at, at):
        zh = "结束时间要晚于开始时间和现在。"
        raise Refused("form-invalid", "ends_at: lies before the start, or in the past", zh=zh)
    if (duty.part is None) != (duty.name is None):
        zh = "请同时写明哪一级和名称；都不写是全公司。"
        raise Refused("form-invalid", "name: part and name go together; leave out both for all of it", zh=zh)
    number: int = connection.execute(
        insert(duties).values(**duty.model_dump(exclude={"id"}), by=by, at=at).returning(duties.c.id)
    ).scalar_one()
    _log(connection, "duty", duty.person, duty.model_dump(mode="json", exclude={"id"}), by=by, at=at)
    return number


def off_duty(connection: Connection, number: int, *, by: str, at: datetime) -> None:
    """The duty ends now. Raises `Refused`: unknown, not-open."""
    if connection.scalar(select(duties.c.id).where(duties.c.id == number)) is None:
        raise Refused("unknown", "there is no such duty: look it up in the list", zh="没有这次值班。")
    this = and_(duties.c.id == number, duties.c.ends_at > at)
    if not connection.execute(update(duties).where(this).values(ends_at=at)).rowcount:
        raise Refused("not-open", "this duty is over", zh="这次值班已经结束。")
    _log(connection, "off-duty", str(number), {}, by=by, at=at)


def duties_from(connection: Connection, at: datetime) -> list[Duty]:
    """Who is on duty now or will be, the nearest first."""
    found = select(duties).where(duties.c.ends_at > at).order_by(duties.c.starts_at, duties.c.id).limit(200)
    return [_duty(row) for row in connection.execute(found)]


def on_duty(connection: Connection, place: Mapping[str, str | None], role: Role, *, at: datetime) -> list[str]:
    """The accounts that are on duty for a place (its grid, section and office) in a role."""
    parts = [and_(duties.c.part == part, duties.c.name == name) for part, name in place.items() if name is not None]
    now = (duties.c.starts_at <= at, duties.c.ends_at > at, people.c.active)
    found = (
        select(duties.c.person, people.c.roles)
        .join(people, people.c.id == duties.c.person)
        .where(*now, or_(duties.c.part.is_(None), *parts))
        .order_by(duties.c.id)
    )
    return list(dict.fromkeys(row.person for row in connection.execute(found) if role in row.roles))


def _duty(row: Row[Any]) -> Duty:
    return Duty.model_validate({name: getattr(row, name) for name in Duty.model_fields})


def _absence(row: Row[Any]) -> Absence:
    return Absence.model_validate({name: getattr(row, name) for name in Absence.model_fields})


def _log(connection: Connection, action: str, about: str, body: dict[str, Any], *, by: str, at: datetime) -> None:
    connection.execute(insert(organisation_log).values(action=action, about=about, body=body, by=by, at=at))
