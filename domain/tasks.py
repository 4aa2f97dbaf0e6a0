"""Human tasks: the declaration, the open task, and the rule that says who may decide it."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, ClassVar, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from domain.calendars import Calendar
from domain.clock import Ledger, Party
from domain.people import Actor, Level, Role
from domain.refusals import Refused
from domain.terms import Due, Remaining, Term, due_at, resumed


class Form(BaseModel):
    """What a person fills in to decide a task. Frozen; unknown fields are refused, so that nothing typed is lost.

    `unfinished`: outcomes after which the work goes on, so that a pack's demands of finished work do not hold yet.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    unfinished: ClassVar[tuple[str, ...]] = ()

    @property
    def decision(self) -> str | None:
        """The outcome chosen, where the task can go several ways."""
        return getattr(self, "outcome", None)


PICTURE: dict[str, Any] = {"contentMediaType": "image/*"}
"""JSON Schema of a text that stands for a picture: a page takes it with a camera, or as a signature by hand."""
TICKED: dict[str, Any] = {"const": True}
"""JSON Schema of a point that must be true before the task can be decided."""


def required_when(outcome: str, *names: str, any_of: tuple[str, ...] = ()) -> dict[str, Any]:
    """JSON Schema for fields that one outcome demands (`any_of`: at least one of them)."""
    then: dict[str, Any] = {"required": list(names)} if names else {}
    if any_of:
        then["anyOf"] = [{"required": [name]} for name in any_of]
    return {"if": {"properties": {"outcome": {"const": outcome}}, "required": ["outcome"]}, "then": then}


F = TypeVar("F", bound=Form)


def typed(form: type[F], name: str, raw: Mapping[str, Any]) -> F:
    """A filled form. Raises `Refused("form-invalid")` naming each field and what is wrong with it."""
    try:
        return form.model_validate(dict(raw))
    except ValidationError as invalid:
        faults = "; ".join(
            f"{'.'.join(str(part) for part in fault['loc']) or 'form'}: {fault['msg']}"
            for fault in invalid.errors(include_url=False, include_input=False)
        )
        raise Refused("form-invalid", f"{name}: {faults}") from None


class TaskKind(BaseModel):
    """One declaration a human task: the API's schema, the page's form and the rehearsal's step come from it.

    `clauses`: the sentences that ask for the task, or say whose it is.
    """

    model_config = ConfigDict(frozen=True)

    key: str
    title_zh: str
    title_en: str
    role: Role
    level: Level | None = None
    form: type[Form]
    clauses: tuple[str, ...] = ()

    def filled(self, raw: Mapping[str, Any]) -> Form:
        """The typed form. Raises `Refused("form-invalid")` naming each field and what is wrong with it."""
        return typed(self.form, self.key, raw)

    def form_schema(self, demands: Iterable[str] = ()) -> dict[str, Any]:
        """JSON Schema of the form, with the fields that a case's pack demands among those required."""
        schema = self.form.model_json_schema()
        required = dict.fromkeys((*schema.get("required", ()), *demands))
        return schema | {"required": list(required)} if required else schema


class Pause(BaseModel):
    """A utility clock that stands still while another party holds the task, with what is left of its term."""

    model_config = ConfigDict(frozen=True)

    party: Party
    reason: str
    since: datetime
    left: Remaining | None
    evidence: str | None = None


class Escalation(BaseModel):
    """A rise to the next level: by lateness, or because somebody raised it, who says why."""

    model_config = ConfigDict(frozen=True)

    level: Level
    at: datetime
    resolver: Role | None = None
    reason: str | None = None


class Task(BaseModel):
    """A human task of one case, open or done. Instants are aware; `due_at` is the exclusive end of its term.

    `counts_from` starts the term: the opening, or after a pause the instant it went on with what was `left`. Where the
    term first counted from is `first_from`, once a pause has moved it. `demands` are fields that the case's pack asks
    for although the form itself lets them stay empty. `assists` are posts that may decide it beside its own.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    key: str
    role: Role
    level: Level | None = None
    opened_at: datetime
    counts_from: datetime
    first_from: datetime | None = None
    term: Term | None = None
    left: Remaining | None = None
    due: Due | None = None
    clauses: tuple[str, ...] = ()
    subject: str | None = None
    not_by: tuple[str, ...] = ()
    demands: tuple[str, ...] = ()
    assists: tuple[Role, ...] = ()
    assignee: str | None = None
    clock: Ledger = ()
    pause: Pause | None = None
    breached_at: datetime | None = None
    escalations: tuple[Escalation, ...] = ()
    progress_due_at: datetime | None = None
    progress_at: datetime | None = None
    urged: int = 0
    status: Literal["open", "decided", "withdrawn"] = "open"
    closed_at: datetime | None = None
    decided_by: str | None = None
    form: dict[str, Any] | None = None

    @property
    def due_at(self) -> datetime | None:
        return self.due.at if self.due else None

    @property
    def posts(self) -> tuple[Role, ...]:
        """Whose it is to decide it, whatever their level: its own, and those that assist."""
        return self.role, *self.assists

    @property
    def with_another(self) -> bool:
        """Whether the time is another party's now."""
        return self.pause is not None or (bool(self.clock) and self.clock[-1].party != "utility")

    def projected(self, calendar: Calendar) -> Due | None:
        """The deadline as `calendar` has it: a pure function of the term, where it counts from and what was left."""
        if self.term is None:
            return None
        if self.left is not None:
            return resumed(left=self.left, term=self.term, resumed_at=self.counts_from, calendar=calendar)
        return due_at(term=self.term, started_at=self.counts_from, calendar=calendar)


def refuse_unless_complete(task: Task, form: Form) -> None:
    """Raises `Refused("form-invalid")` naming each field that the case's pack demands and the form leaves open."""
    if form.decision in form.unfinished:
        return
    wanting = [name for name in task.demands if getattr(form, name, None) in (None, False, "", (), {})]
    if wanting:
        raise Refused(
            "form-invalid",
            f"{task.key}: {', '.join(wanting)}: this utility's rules ask for it; fill it in or stay open",
        )


def refuse_unless_decidable(task: Task | None, *, key: str, actor: Actor) -> Task:
    """The task, when `actor` may decide it now: its own post, or one that resolves what has risen to its level.

    Raises `Refused`: `not-open` when nothing of that kind is open, `wrong-role` when the person does not hold the
    role or level, `four-eyes` when the person did the work that is to be checked.
    """
    if task is None or task.status != "open":
        zh = "这项任务现在没有开着：可能已经办理或撤回。"
        raise Refused("not-open", f"{key} is not open in this case: nothing to decide now", zh=zh)
    resolves = any(each.resolver and actor.holds(each.resolver, level=each.level) for each in task.escalations)
    assists = any(actor.holds(role) for role in task.assists)
    if not (resolves or assists or actor.holds(task.role, level=task.level)):
        wanted = f"{task.role} of level {task.level} or above" if task.level else task.role
        raise Refused(
            "wrong-role", f"{key} is decided by a {wanted}; {actor.id} holds {', '.join(actor.roles) or 'no role'}"
        )
    if actor.id in task.not_by:
        zh = f"需要另一个人：{actor.id} 做了被检查的那一步。"
        raise Refused("four-eyes", f"{key} needs a second person: {actor.id} did the work that it checks", zh=zh)
    return task
