"""People and their tokens, and the one predicate that says which rows a person may see."""

import hashlib
import secrets
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Table, and_, delete, false, or_, select, true, update

from domain.clauses import keeps
from domain.people import LEVELS, Actor, Level, Role
from domain.policy import Strict
from domain.refusals import Refused
from store.tables import absences, duties, people, sessions, tasks

READS_ALL: tuple[Role, ...] = ("auditor", "administrator")
OUTSIDE: tuple[Role, ...] = ("customer", "contractor")
NOT_PEOPLE = ("system", "applicant")
"""Who acts on record without an account: the case itself, and whoever holds the link of a project."""


class Person(Strict):
    """Somebody who may come in: an account id (no personal data in it), roles, and a part of the organisation.

    The part is the narrowest of grid, section and office that is set; none set is the whole utility. `post` and
    `work_phone` stand on the service card: with the name all that a customer is told of whoever serves them.

    While others are away, `stands_for` are those whom this person stands in for, and `covers` their parts; roles stay
    one's own.
    """

    id: str
    name: str
    roles: tuple[Role, ...]
    level: Level | None = None
    grid: str | None = None
    section: str | None = None
    office: str | None = None
    post: str | None = None
    work_phone: str | None = None
    stands_for: tuple[str, ...] = ()
    covers: tuple[tuple[str, str], ...] = ()

    @property
    def actor(self) -> Actor:
        return Actor(id=self.id, roles=self.roles, level=self.level)

    @property
    def part(self) -> tuple[str, str] | None:
        """The column and value that bound this person's view; None for the whole utility."""
        if self.holds(*READS_ALL):
            return None
        bounds = (("grid", self.grid), ("section", self.section), ("office", self.office))
        return next(((column, value) for column, value in bounds if value is not None), None)

    @property
    def parts(self) -> tuple[tuple[str, str], ...] | None:
        """The person's own part and those that they cover for others; None for the whole utility."""
        return None if self.part is None else tuple(dict.fromkeys((self.part, *self.covers)))

    def holds(self, *roles: Role) -> bool:
        """Whether the person has any of these roles."""
        return any(role in self.roles for role in roles)

    @property
    def inside(self) -> bool:
        """Whether the person works for the utility: others see nothing but what is given into their hands."""
        return any(role not in OUTSIDE for role in self.roles)


_KEPT = tuple(name for name in Person.model_fields if name in people.c)


@keeps(
    "kaifeng.escalation.rep-works-in-own-grid",
    "kaifeng.privacy.no-disclosure-to-unrelated",
    "changchun.connection.fixed-site-by-district-rep",
    "liaocheng.organisation.ab-two-cover",
)
def within(person: Person, table: Table, *, lead: bool = True) -> ColumnElement[bool]:
    """The rows of a table with grid, section and office that the person may read: roles and part, as one predicate.

    Unless it is to `lead`, it is said so that no index is entered by it.
    """
    return or_(*bounds(person, table, lead=lead))


def bounds(person: Person, table: Table, *, lead: bool = True) -> list[ColumnElement[bool]]:
    """`within` taken apart: a predicate for each part, so that each is read in order along an index of its own."""
    if not person.inside:
        return [false()]
    if person.parts is None:
        return [true()]
    columns = {column: table.c[column] if lead else table.c[column].concat("") for column, _ in person.parts}
    return [columns[column] == value for column, value in person.parts]


def task_within(person: Person, *, lead: bool = True) -> ColumnElement[bool]:
    """The same for tasks. A contractor sees those that were given into their hands, and no other."""
    return or_(*task_bounds(person, lead=lead))


def task_bounds(person: Person, *, lead: bool = True) -> list[ColumnElement[bool]]:
    """`task_within` taken apart."""
    if person.inside:
        return bounds(person, tasks, lead=lead)
    of_role = tasks.c.role.concat("").in_(person.roles)
    return [and_(of_role, column == person.id) for column in (tasks.c.assignee, tasks.c.holder)]


def reasons(person: Person) -> list[tuple[str, str]]:
    """Why tasks may fall to this person, as a column of theirs and its value: a role, or the level it has risen to."""
    found = [("role", str(role)) for role in person.roles]
    if not person.holds("supervisor"):
        return found
    return found + [("level", level) for level in LEVELS[1:] if person.level in (None, level)]


@keeps("kaifeng.privacy.confidentiality")
def watches_only(person: Person) -> bool:
    """Whether the person acts on no case: names and addresses are masked for them."""
    return all(role in READS_ALL for role in person.roles)


def add_person(connection: Connection, person: Person) -> str:
    """Let somebody in; returns their token, which is shown this once and kept as its hash only.

    Raises `Refused("duplicate")` when the id is taken.
    """
    if person.id in NOT_PEOPLE:
        raise Refused("duplicate", f"{person.id} stands for no single person: choose another id")
    if connection.scalar(select(people.c.id).where(people.c.id == person.id)) is not None:
        raise Refused("duplicate", f"there is a person {person.id} already: choose another id")
    token = secrets.token_urlsafe(32)
    row = person.model_dump(exclude={"stands_for", "covers"}) | {
        "roles": list(person.roles),
        "token_hash": hashed(token),
        "active": True,
    }
    connection.execute(people.insert().values(**row))
    return token


def new_token(connection: Connection, id: str) -> str:
    """A new token for a person; the one before is void at once. Raises `Refused("unknown")`."""
    token = secrets.token_urlsafe(32)
    _change(connection, id, token_hash=hashed(token))
    return token


def set_roles(connection: Connection, id: str, roles: tuple[Role, ...]) -> None:
    """Give a person these roles and no others, from the next request on. Raises `Refused("unknown")`."""
    _change(connection, id, roles=list(roles))


def set_card(connection: Connection, id: str, *, post: str | None, work_phone: str | None) -> None:
    """What stands on a person's service card besides their name. Raises `Refused("unknown")`."""
    _change(connection, id, post=post, work_phone=work_phone)


def shut_out(connection: Connection, id: str) -> None:
    """Let a person in no more, from the next request on; token, password and sessions are void. Raises `Refused`."""
    _change(connection, id, active=False, token_hash=None, password_hash=None)
    connection.execute(delete(sessions).where(sessions.c.person == id))


def _change(connection: Connection, id: str, **values: object) -> None:
    if not connection.execute(update(people).where(people.c.id == id).values(**values)).rowcount:
        raise Refused("unknown", f"there is no person {id}")


def hashed(token: str) -> str:
    """What is kept of a token. It has 256 random bits of its own, so a plain hash holds."""
    return hashlib.sha256(token.encode()).hexdigest()


def bearer(connection: Connection, token: str, *, at: datetime) -> Person | None:
    """Whose token this is; None for nobody's and for a person who was shut out. One statement."""
    return as_present(connection.execute(present(at).where(people.c.token_hash == hashed(token))).all())


def everybody(connection: Connection) -> list[tuple[Person, bool, bool]]:
    """All accounts by id, with whether each is let in and whether it has a password."""
    rows = connection.execute(select(people).order_by(people.c.id)).all()
    return [(_of(row), row.active, row.password_hash is not None) for row in rows]


def inside(connection: Connection) -> list[Person]:
    """Those of the utility's own who are let in, by id."""
    return [who for who, active, _ in everybody(connection) if active and who.inside]


def person(connection: Connection, id: str, *, at: datetime | None = None) -> Person | None:
    """An active person by id; with whomever they stand in for at an instant."""
    if at is not None:
        return as_present(connection.execute(present(at).where(people.c.id == id)).all())
    row = connection.execute(select(people).where(people.c.id == id, people.c.active)).one_or_none()
    return _of(row) if row is not None else None


_AWAY = people.alias("away")


def present(at: datetime) -> Select[Any]:
    """Active people, each with those whom they stand in for and what they are on duty for at an instant.

    For `as_present`: a row for each pair of an absence and a duty, as good as always one.
    """

    def now(table: Table) -> ColumnElement[bool]:
        return and_(table.c.ends_at > at, table.c.starts_at <= at)

    return (
        select(
            *(people.c[name] for name in _KEPT),
            *(_AWAY.c[name].label(f"away_{name}") for name in _KEPT),
            duties.c.id.label("duty"),
            duties.c.part.label("duty_part"),
            duties.c.name.label("duty_name"),
        )
        .select_from(people)
        .outerjoin(absences, and_(absences.c.stand_in == people.c.id, now(absences)))
        .outerjoin(_AWAY, and_(_AWAY.c.id == absences.c.person, _AWAY.c.active))
        .outerjoin(duties, and_(duties.c.person == people.c.id, now(duties)))
        .where(people.c.active)
        .order_by(absences.c.id, duties.c.id)
    )


def as_present(rows: Sequence[Any]) -> Person | None:
    """The one person of `present` rows with what they cover: for others who are away, or on duty.

    Covering all is seeing all; who is not of the utility covers nobody. None when there are no rows.
    """
    if not rows:
        return None
    who = _of(rows[0])
    away = {row.away_id: _of(row, prefix="away_") for row in rows if row.away_id is not None}
    watched = {row.duty: (row.duty_part, row.duty_name) for row in rows if row.duty is not None}
    if not who.inside or not (away or watched):
        return who
    covered: list[tuple[str, str] | None] = [each.part for each in away.values()]
    covered += [None if part is None else (part, name) for part, name in watched.values()]
    widest = {"grid": None, "section": None, "office": None} if None in covered else {}
    covers = tuple(part for part in covered if part is not None) if not widest else ()
    return who.model_copy(update={"stands_for": tuple(away), "covers": covers, **widest})


def _of(row: Any, *, prefix: str = "") -> Person:
    return Person.model_validate({name: getattr(row, f"{prefix}{name}") for name in _KEPT})


def names(connection: Connection, ids: Iterable[str]) -> dict[str, str]:
    """The names of people by id; an id that is nobody's (the system's) is left out."""
    wanted = set(ids)
    if not wanted:
        return {}
    return {
        row.id: row.name
        for row in connection.execute(select(people.c.id, people.c.name).where(people.c.id.in_(wanted)))
    }
