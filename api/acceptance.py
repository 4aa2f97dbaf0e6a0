"""An acceptance in front of the meters: what is asked of each item, looks noted, and folded into the decision."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection

from api import processes
from api.house import House
from domain.connection.facts import ProjectFacts
from domain.connection.items import Check, Depth, Fault, Item, Look, fingerprint, judged, water_used
from domain.connection.phases import item_checks
from domain.connection.policy import ConnectionPolicy
from domain.money import yuan
from domain.refusals import Refused
from domain.tasks import refuse_unless_decidable
from store import items, reads
from store.items import Replaced
from store.people import Person

ACCEPT = "connection.accept"


class Standing(NamedTuple):
    """The acceptance of a project as it is on record."""

    case_no: str
    facts: ProjectFacts
    policy: ConnectionPolicy

    @property
    def checks(self) -> tuple[Check, ...]:
        return item_checks(self.facts.project, self.policy)

    @property
    def depth(self) -> Depth | None:
        return self.policy.depth_cm.value if self.policy.depth_cm else None

    @property
    def reasons(self) -> tuple[str, ...]:
        return self.policy.item_reasons.value if self.policy.item_reasons else ()


class Noted(NamedTuple):
    """A look as it was kept, what the rules found wrong, and what it replaced of somebody else's."""

    no: int
    look: Look | None
    faults: list[Fault]
    replaced: Replaced | None


def standing(connection: Connection, case_no: str) -> Standing:
    """What is on record of a project's acceptance. Raises `Refused("form-invalid")` for a case of another process."""
    row = reads.case_on_record(connection, case_no)
    if row.process != "connection":
        raise Refused("form-invalid", "items: this is for connection projects", zh="只有报装项目才有逐户验收。")
    stands = processes.on_record(connection, row)
    return Standing(case_no, stands.facts, stands.policy)


def note(
    house: House, person: Person, case_no: str, round_: int, looks: Iterable[tuple[int, Look | None]]
) -> list[Noted]:
    """Keep looks at items of the round that is on; None takes one back. All of them or none.

    Raises `Refused`: not-open when no acceptance is open or the round is over, wrong-role, form-invalid for an item of
    another round.
    """
    at, noted = house.clock(), list[Noted]()
    with house.database.write() as connection:
        stands = standing(connection, case_no)
        refuse_unless_decidable(stands.facts.open_task(ACCEPT), key=ACCEPT, actor=person.actor)
        if round_ != stands.facts.round:
            raise Refused(
                "not-open",
                f"round {round_} is over: the items of round {stands.facts.round} are looked at now",
                zh=f"第 {round_} 轮已经办结，现在是第 {stands.facts.round} 轮：请刷新后再记。",
            )
        asked = set(stands.facts.round_items())
        for no, look in looks:
            if no not in asked:
                raise Refused("form-invalid", f"no: item {no} is not in this round", zh=f"{no} 号不在这一轮验收里。")
            noted.append(_noted(connection, stands, no, look, at=at, by=person.id))
    return noted


def _noted(connection: Connection, stands: Standing, no: int, look: Look | None, *, at: datetime, by: str) -> Noted:
    round_ = stands.facts.round
    if look is None:
        items.forget(connection, stands.case_no, round_, no)
        return Noted(no, None, [], None)
    kept, faults = judged(look, items.one(connection, stands.case_no, no), stands.checks, stands.depth)
    replaced = items.note(connection, stands.case_no, round_, no, kept, at=at, by=by)
    return Noted(no, kept, faults, replaced)


def folded(house: House, case_no: str, key: str, form: Mapping[str, Any]) -> dict[str, Any]:
    """The form of an acceptance with what was noted of its items: which failed, how deep they lie, the water used.

    What the form itself says stands; a failed look fails its item whatever the form leaves out. `record` is the hash of
    all looks. A form of another task, and one of an acceptance that nobody looked at item by item, stays as it is.
    """
    if key != ACCEPT:
        return dict(form)
    with house.database.read() as connection:
        if reads.case_on_record(connection, case_no).process != "connection":
            return dict(form)
        stands = standing(connection, case_no)
        looks = items.looks(connection, case_no, stands.facts.round)
        if not looks:
            return dict(form)
        tabled = {item.no: item for item in items.of_case(connection, case_no)}
    return _fold(form, looks, tabled)


def fee_due(house: House, case_no: str, key: str) -> dict[str, str]:
    """What the settling of the fee is filled with: the water used before the acceptance times its price."""
    if key != "connection.settle-fee":
        return {}
    with house.database.read() as connection:
        fee = standing(connection, case_no).facts.fee_fen
    return {} if fee is None else {"amount": yuan(fee)}


def _fold(form: Mapping[str, Any], looks: Mapping[int, Look], tabled: Mapping[int, Item]) -> dict[str, Any]:
    failed = {str(no): look.reason for no, look in looks.items() if not look.passed}
    given = form.get("failed") or {}
    depths = [look.measured.depth_cm for look in looks.values() if look.passed and look.measured.depth_cm is not None]
    used = water_used(tabled, looks)
    known: dict[str, Any] = {"record": fingerprint(looks)}
    if depths:
        known |= {"depth_least": min(depths), "depth_most": max(depths)}
    if used is not None:
        known |= {"water_used": format(used, "f")}
    whole = known | {name: value for name, value in form.items() if value not in (None, "")}
    merged = failed | {str(no): reason for no, reason in given.items()}
    return whole | ({"failed": merged} if merged else {}) | {"record": known["record"]}
