"""What a pack says of the works: who takes part, what is looked at on site, and how long each side task may take."""

from typing import Literal, Self, TypeVar, get_args

from pydantic import Field, model_validator

from domain.calendars import DailyHours
from domain.connection.kinds import KINDS, Kind
from domain.connection.works_forms import Service, Step, Unit
from domain.money import Yuan
from domain.policy import Sourced, Strict
from domain.terms import Term

Part = Literal["in-charge", "accompanies", "tracks", "assists"]
T = TypeVar("T")


def _before(value: T) -> Sourced[T]:
    """What a project that was pinned before packs spoke of the works goes by."""
    return Sourced(value=value, chosen=True, reason="Before packs spoke of the works.")


def _term(written: str) -> Sourced[Term]:
    return _before(Term.parse(written))


class Attends(Strict):
    """Units whose representatives take part in these tasks, and how.

    The one `in-charge` who is named with an account has the task in hand from its opening.
    """

    units: tuple[Unit, ...] = Field(min_length=1)
    part: Part
    tasks: tuple[str, ...] = Field(min_length=1)


class SiteItem(Strict):
    """One point of the look at a site: for which kinds of project, in which months, and until when it is mended."""

    zh: str
    en: str
    kinds: tuple[Kind, ...] = KINDS
    months: tuple[int, ...] = ()
    mend: Term


class Board(Strict):
    """The sign at every site: one form for all of them, filled in from the project."""

    title: str
    phone: str
    parts: tuple[Literal["summary", "period", "sketch", "contractor", "phone"], ...]


class SideTerms(Strict):
    """How long what the works bring about may take."""

    change_design: Sourced[Term] = _term("P0D")
    review_change: Sourced[Term] = _term("3WD")
    obtain_permit: Sourced[Term] = _term("5WD")
    inspect_site: Sourced[Term] = _term("1WD")
    look_again: Sourced[Term] = _term("1WD")
    restore_road: Sourced[Term] = _term("PT24H")
    remove_spoil: Sourced[Term] = _term("P0D")
    notify_valve: Sourced[Term] = _term("PT10M")
    solve_problem: Sourced[Term] = _term("3WD")
    hand_over: Sourced[Term] = _term("5WD")
    remove_temporary: Sourced[Term] = _term("3WD")


class WorksPolicy(Strict):
    """The works section of a pack's connection section. Everything has a default: what a project before it goes by.

    `nodes` are offered when works are registered; `permit_watch` is how long before its end a permit is renewed;
    `liaison` how often somebody speaks with a unit, by the phase; `longest_supply` and `deposit` of a temporary supply.
    """

    terms: SideTerms = SideTerms()
    nodes: dict[Kind, Sourced[tuple[str, ...]]] = {}
    attends: dict[str, Sourced[Attends]] = {}
    accompanied_steps: Sourced[tuple[Step, ...]] = _before(get_args(Step))
    services: Sourced[tuple[Service, ...]] = _before(get_args(Service))
    site: dict[str, Sourced[SiteItem]] = {}
    barrier_cm: dict[Kind, Sourced[int]] = {}
    quiet_machinery: Sourced[DailyHours] | None = None
    board: Sourced[Board] | None = None
    liaison: dict[Unit, Sourced[Term]] = {}
    permit_watch: Sourced[Term] = _term("P3D")
    longest_supply: Sourced[Term] = _term("P365D")
    deposit: Sourced[Yuan] = _before(0)

    @model_validator(mode="after")
    def _looks_at_what_there_is(self) -> Self:
        if self.barrier_cm and "barriers" not in self.site:
            raise ValueError("barrier_cm measures the item barriers: add it to site")
        if self.quiet_machinery and "night-machinery" not in self.site:
            raise ValueError("quiet_machinery is for the item night-machinery: add it to site")
        return self

    def checklist(self, kind: Kind, month: int) -> dict[str, Sourced[SiteItem]]:
        """What is looked at on a site of this kind in this month of the year."""
        return {
            name: item
            for name, item in self.site.items()
            if kind in item.value.kinds and (not item.value.months or month in item.value.months)
        }
