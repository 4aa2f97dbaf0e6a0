"""Who acts: roles, levels and the actor a command carries."""

from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict

from domain.clauses import keeps

Role = Literal[
    "clerk",
    "representative",
    "service-manager",
    "designer",
    "engineer",
    "inspector",
    "meter-technician",
    "collector",
    "supervisor",
    "dispatcher",
    "leading-group",
    "contractor",
    "follow-up",
    "customer",
    "auditor",
    "administrator",
]
ROLES: tuple[Role, ...] = get_args(Role)

Level = Literal["grid", "section", "office", "centre"]
LEVELS: tuple[Level, ...] = get_args(Level)


@keeps(
    "kaifeng.escalation.level-1",
    "kaifeng.escalation.level-2",
    "kaifeng.escalation.level-3",
    "kaifeng.escalation.level-4",
)
def level_above(level: Level) -> Level | None:
    """The next level of the chain grid, section, office, centre; None above the centre."""
    at = LEVELS.index(level) + 1
    return LEVELS[at] if at < len(LEVELS) else None


class Actor(BaseModel):
    """The person behind a command: an account id (no personal data), the roles held, and a supervisor's level.

    `level` None means every level, as the default people of a rehearsal have it.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    roles: tuple[Role, ...]
    level: Level | None = None

    def holds(self, role: Role, *, level: Level | None = None) -> bool:
        """Whether this person may act as `role`; a higher level may act for a lower one, never the other way."""
        if role not in self.roles:
            return False
        if level is None or self.level is None:
            return True
        return LEVELS.index(self.level) >= LEVELS.index(level)


SYSTEM = Actor(id="system", roles=())
