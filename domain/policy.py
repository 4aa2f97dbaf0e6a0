"""Policy values: what a utility promised, each with the clause it comes from or the reason it was chosen."""

from typing import Generic, Self, TypeVar

from pydantic import BaseModel, ConfigDict, model_validator

from domain.people import Level, Role

T = TypeVar("T")


class Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Sourced(Strict, Generic[T]):
    """A value and its source, in one of three ways.

    `clause` (an id of the clause register) alone: the sentence gives the value. `chosen: true` with a one-line
    `reason` alone: no sentence speaks of it. Both: the sentence obliges and leaves the value open; the value is ours.
    """

    value: T
    clause: str | None = None
    chosen: bool = False
    reason: str | None = None

    @model_validator(mode="after")
    def _names_its_source(self) -> Self:
        reason = (self.reason or "").strip()
        if self.reason is not None and not self.chosen:
            raise ValueError("a reason explains a choice: add chosen: true, or take the reason out")
        if not self.clause and not self.chosen:
            raise ValueError("a value needs its source: clause: <id>, or chosen: true with a reason")
        if self.chosen and not reason:
            raise ValueError("chosen: true needs a one-line reason")
        if "\n" in reason:
            raise ValueError("the reason is one line: shorten it")
        return self

    @property
    def clauses(self) -> tuple[str, ...]:
        return (self.clause,) if self.clause else ()


class Who(Strict):
    """Who decides a task at this utility, where that is another post than elsewhere."""

    role: Role
    level: Level | None = None
