"""Where a person can go: the entries of the top bar, by role."""

from typing import NamedTuple

from domain.people import Role
from store.people import READS_ALL, Person

ARREARS: tuple[Role, ...] = ("collector", "supervisor", "clerk", *READS_ALL)
PROJECTS: tuple[Role, ...] = (
    "clerk",
    "representative",
    "service-manager",
    "designer",
    "engineer",
    "inspector",
    "meter-technician",
    "supervisor",
    "leading-group",
    "follow-up",
    *READS_ALL,
)
STAFF: tuple[Role, ...] = ("collector", "representative", "service-manager", "supervisor", "leading-group", *READS_ALL)
FIELD: tuple[Role, ...] = (
    "engineer",
    "inspector",
    "meter-technician",
    "collector",
    "contractor",
    "representative",
    "designer",
)


class Place(NamedTuple):
    """An address and its name in both languages; `roles` None: everybody's."""

    path: str
    zh: str
    en: str
    roles: tuple[Role, ...] | None = None


PLACES = (
    Place("/inbox", "我的任务", "My tasks"),
    Place("/projects", "项目", "Projects", PROJECTS),
    Place("/arrears", "催缴", "Arrears", ARREARS),
    Place("/approvals", "审批", "Approvals", ("supervisor", "leading-group")),
    Place("/dashboard", "看板", "Dashboard", ("supervisor", "leading-group", *READS_ALL)),
    Place("/field", "现场", "Field", FIELD),
    Place("/ledger", "台账", "Ledger", ("clerk", "collector", "supervisor", "administrator")),
    Place("/organisation", "网格", "Grids", STAFF),
    Place("/policy", "制度", "Policy"),
)

BESIDE = {"/first-bills": "/projects", "/service-ledger": "/projects"}
"""Pages that stand beside a list, under no address of its own."""


def places_for(person: Person) -> tuple[Place, ...]:
    return tuple(place for place in PLACES if place.roles is None or person.holds(*place.roles))


def place_of(path: str) -> str | None:
    """The entry under which an address lies."""
    path = BESIDE.get(path, path)
    return next((place.path for place in PLACES if path == place.path or path.startswith(f"{place.path}/")), None)
