"""A rehearsal file as it may be written, read strictly: every fault at its line and column, or the whole rehearsal."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args

from pydantic import (
    BaseModel,
    Field,
    ValidationError,
)
from pydantic_core import ErrorDetails

from domain.arrears.forms import ARREARS_TASKS
from domain.arrears.policy import Stage
from domain.connection.forms import CONNECTION_TASKS
from domain.connection.phases import PHASES
from domain.people import ROLES, SYSTEM, Actor, Level, Role
from domain.policy import Strict
from domain.refusals import RefusalCode
from policies import written
from policies.packs import PackError, clauses, load_pack
from policies.written import Fault, Node, Place, spelled
from policies.written import Path as TreePath
from rehearsal.expectations import KINDS, Expectation, Known, PersonId, Text
from rehearsal.openings import ANY_TIME, OPENINGS, Opening
from rehearsal.report import Duration, Instant, instant
from rehearsal.report import written as shown
from rehearsal.verbs import OF_ONE_PROCESS, VERBS, Body, Decide, Instruction, OneOrSeveral, Publish, Stale, Unfit, Year

Process = Literal["arrears", "connection", "order"]
TASKS: dict[str, Collection[str]] = {"arrears": ARREARS_TASKS, "connection": CONNECTION_TASKS}
STAGES: dict[str, Collection[str]] = {"arrears": get_args(Stage), "connection": (*PHASES, "closed")}
DEFAULT_PEOPLE = {name: Actor(id=name, roles=(role,)) for role in ROLES for name in (role, f"{role}-2")}
AFTER_THE_LAST_STEP = timedelta(days=730)
AT_ONCE = ("drive", "crash")
"""Verbs that need no time of their own: without one they begin where the step before them ends."""


class WrongFile(Exception):
    """Everything that is wrong with a file: `faults`, each `file:line:column: field: what and how to mend`."""

    def __init__(self, faults: Iterable[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(self.faults))


@dataclass(frozen=True)
class Step:
    """One step; `number` counts from 1. It comes at `at`, or `after` the moment of the step before.

    `at` is worked out wherever the file alone says it. It is None only behind a drive, whose end nobody knows yet:
    then `after` counts from there, and None means at that moment.
    """

    number: int
    at: datetime | None
    after: timedelta | None
    verb: str
    body: Body
    by: str | None
    optional: bool
    stale: bool
    line: int


@dataclass(frozen=True)
class Rehearsal:
    """A file that is well written.

    `people` are those it declares, `calendar` is in order of publication; without an `until` it runs two years on from
    its last step. `clauses` are the sentences whose breach it would show.
    """

    file: str
    pack: str
    process: Process
    starts_at: datetime
    calendar: tuple[Year, ...]
    people: Mapping[str, Actor]
    open: Opening
    steps: tuple[Step, ...]
    until: datetime
    expect: tuple[Expectation, ...]
    clauses: tuple[str, ...] = ()

    def person(self, name: str) -> Actor:
        """The person declared under that name, else the default one. Raises KeyError."""
        return self.people.get(name) or DEFAULT_PEOPLE[name]

    def known(self, name: str) -> Actor | None:
        """The same; None when there is nobody of that name."""
        return self.people.get(name) or DEFAULT_PEOPLE.get(name)

    def default_person(self, role: Role, *, avoiding: Collection[str] = ()) -> Actor:
        """Who does a role's work when nobody is named: its default, its second, or another who holds the role."""
        holders = (actor.id for actor in self.people.values() if actor.holds(role))
        names = (name for name in (role, f"{role}-2", *holders) if name not in avoiding)
        return self.person(next(names, f"{role}-2"))


def read(path: Path) -> Rehearsal:
    """The rehearsal that a file writes. Raises WrongFile with every fault found; nothing is run."""
    try:
        root, faults = written.read(path.read_bytes(), follow=True)
    except OSError as wrong:
        root, faults = None, [Fault(1, 1, "file", f"cannot be read: {wrong.strerror or wrong}")]
    rehearsal = None
    if root is not None:
        reading = _Reading(root, faults)
        rehearsal = reading.rehearsal(str(path))
    if faults or rehearsal is None:
        raise WrongFile(_told(path, faults))
    return rehearsal


# The reading.


class _Head(Strict):
    pack: Text
    process: Process
    starts_at: Instant
    until: Instant | None = None


class _Person(Strict):
    role: Annotated[tuple[Role, ...], Field(min_length=1), OneOrSeveral]
    level: Level | None = None
    name: Text | None = None
    district: Text | None = None


class _When(Strict):
    at: Instant | None = None
    after: Duration | None = None


class _Frame(Strict):
    """What any step may say besides its time and its verb."""

    by: PersonId | None = None
    optional: bool = False
    stale: bool = False


@dataclass(frozen=True)
class _Draft:
    node: Node
    when: _When | None = None
    frame: _Frame | None = None
    verb: str = ""
    body: Body | None = None


M = TypeVar("M", bound=BaseModel)
_PARTS = ("calendar", "people", "open", "steps", "expect", "clauses")
_OF_DECIDE = ("form", "item", "node")
_INNER = {"notice": "template", "refused": "step", "clock": "task", "escalated": "task"}


class _Reading:
    def __init__(self, root: Node, faults: list[Fault]) -> None:
        self._root = root
        self._faults = faults
        self._known = Known()
        self._refused: set[tuple[str, str]] = set()
        self._process = ""
        self._owes = False

    def rehearsal(self, file: str) -> Rehearsal | None:
        parts = self._mapping(self._root, ())
        if not parts:
            if self._root.value in (None, {}):
                self._fault(self._root.at, (), "no rehearsal: begin with pack: <name>")
            return None
        self._unreadable_text()
        self._unknown_keys(parts, (*_names(_Head), *_PARTS), ())
        head = self._value(_Head, _only(self._root, _names(_Head)), ())
        process, starts_at = _typed(parts, "process"), self._starts_at(parts)
        self._process = process
        self._owes = "arrears" in self._mapping(parts.get("open"), ()) and process == "connection"
        self._unbuilt(parts, process)
        steps, people = self._sequence(parts.get("steps"), ("steps",)), self._people(parts.get("people"))
        names = {*self._mapping(parts.get("people"), ()), *DEFAULT_PEOPLE}
        self._known = Known(tasks=TASKS.get(process), stages=STAGES.get(process), people=names, steps=len(steps))
        opening = self._opening(parts.get("open"), process)
        calendar = self._years(parts.get("calendar"), ("calendar",), "days_off", "make_up", "at")
        wanted = self._sequence(parts.get("expect"), ("expect",))
        expected = [each.value for each in wanted if isinstance(each.value, dict)]
        self._refused = {(_typed(each, "refused"), _typed(each, "code")) for each in expected}
        drafts = [self._draft(node, ("steps", at)) for at, node in enumerate(steps)]
        timed = self._timed(drafts, starts_at)
        expect = [self._expectation(node, ("expect", at)) for at, node in enumerate(wanted)]
        claimed = self._clauses(parts.get("clauses"), utility=_typed(parts, "pack").partition("@")[0])
        if head is not None and head.until is not None and head.until < head.starts_at:
            self._fault(parts["until"].at, ("until",), "is before starts_at: write a later instant")
        if head is None or opening is None:
            return None
        last = max([head.starts_at, *(step.at for step in timed if step.at)])
        return Rehearsal(
            file=file,
            pack=head.pack,
            process=head.process,
            starts_at=head.starts_at,
            calendar=tuple(sorted(calendar, key=lambda year: year.at or head.starts_at)),
            people=people,
            open=opening,
            steps=tuple(timed),
            until=head.until or last + AFTER_THE_LAST_STEP,
            expect=tuple(each for each in expect if each),
            clauses=claimed,
        )

    # Parts of the file.

    def _starts_at(self, parts: Mapping[str, Node]) -> datetime | None:
        try:
            return instant(_typed(parts, "starts_at"))
        except ValueError:
            return None

    def _unbuilt(self, parts: Mapping[str, Node], process: str) -> None:
        if process in get_args(Process) and process not in TASKS:
            self._fault(
                parts["process"].at, ("process",), f"process {process} is not built yet: rehearse arrears or connection"
            )
        if name := _typed(parts, "pack"):
            try:
                pack = load_pack(name)
            except PackError as wrong:
                self._fault(parts["pack"].at, ("pack",), wrong.faults[0])
            else:
                if process in TASKS and getattr(pack, process) is None:
                    self._fault(parts["pack"].at, ("pack",), f"{name} says nothing of {process}: name another pack")

    def _clauses(self, node: Node | None, *, utility: str) -> tuple[str, ...]:
        """The sentences that the file claims to prove: known ones, of the utility whose pack it runs under."""
        claimed: list[str] = []
        for at, each in enumerate(self._sequence(node, ("clauses",))):
            if each.typed not in clauses():
                near = get_close_matches(each.typed, clauses(), n=1)
                mend = f"did you mean {near[0]}?" if near else "guanjia clauses lists them"
                self._fault(each.at, ("clauses", at), f"{each.typed!r} is no clause of the register: {mend}")
            elif not each.typed.startswith(f"{utility}."):
                self._fault(
                    each.at, ("clauses", at), f"{each.typed} is not a sentence of {utility}, whose pack this runs"
                )
            else:
                claimed.append(each.typed)
        return tuple(claimed)

    def _people(self, node: Node | None) -> dict[str, Actor]:
        people = {}
        for name, each in self._mapping(node, ("people",)).items():
            person = self._value(_Person, each, ("people", name))
            if person is not None:
                people[name] = Actor(id=name, roles=person.role, level=person.level)
        return people

    def _opening(self, node: Node | None, process: str) -> Opening | None:
        if node is None:
            self._fault(self._root.at, ("open",), "is missing: add what the case is opened with")
        if node is None or process not in OPENINGS:
            return None
        return self._value(OPENINGS[process], node, ("open",))

    def _years(self, node: Node | None, path: TreePath, *names: str) -> list[Year]:
        years = []
        for name, each in self._mapping(node, path).items():
            here, days = (*path, name), self._mapping(each, (*path, name))
            self._unknown_keys(days, names, here)
            named = Node(name, each.key_at, each.key_at, typed=name)
            whole = {key: inner for key, inner in days.items() if key in names} | {"year": named}
            year = self._value(Year, replace(each, value=whole), here)
            years += [year] if year else []
        return years

    def _draft(self, node: Node, path: TreePath) -> _Draft:
        parts = self._mapping(node, path)
        if not parts:
            if node.value in (None, {}):
                self._fault(node.at, path, f"does nothing: add one of {', '.join(VERBS)}")
            return _Draft(node)
        verbs = [key for key in parts if key in VERBS]
        allowed = (*_names(_When), *_names(_Frame), *VERBS, *(_OF_DECIDE if "decide" in verbs else ()))
        clean = self._unknown_keys(parts, allowed, path)
        when = self._value(_When, _only(node, _names(_When)), path)
        frame = self._value(_Frame, _only(node, _names(_Frame)), path)
        if len(verbs) > 1:
            message = f"a step does one thing: make {' and '.join(verbs)} steps of their own"
            self._fault(parts[verbs[1]].key_at, (*path, verbs[1]), message)
        if len(verbs) == 1:
            if verbs[0] in ("pay", "reverse") and self._owes:
                pass
            elif self._process in TASKS and OF_ONE_PROCESS.get(verbs[0], self._process) != self._process:
                message = f"a case of {self._process} knows no {verbs[0]}: that is for {OF_ONE_PROCESS[verbs[0]]}"
                self._fault(parts[verbs[0]].key_at, (*path, verbs[0]), message)
            before = len(self._faults)
            body = self._body(verbs[0], node, path)
            return _Draft(node, when, frame, verbs[0], body or self._unfit(verbs[0], path, before))
        if frame is not None and frame.stale and not verbs:
            return _Draft(node, when, frame, "stale", Stale())
        if clean and not verbs:
            self._fault(node.at, path, f"does nothing: add one of {', '.join(VERBS)}")
        return _Draft(node, when, frame)

    def _body(self, verb: str, step: Node, path: TreePath) -> Body | None:
        kind, node, here = VERBS[verb], step.value[verb], (*path, verb)
        if kind is Publish:
            years = self._years(node, here, "days_off", "make_up")
            if node.value in (None, {}):
                self._fault(node.at, here, "is empty: write {2027: {days_off: [...], make_up: [...]}}")
            return Publish(years=tuple(years)) if years else None
        if kind is Decide:
            node, here = _only(step, (verb, *_OF_DECIDE)), path
        elif node.value is None:
            node = replace(node, value={})
        elif kind.bare and not (isinstance(node.value, dict) and kind.bare in node.value):
            node = replace(node, value={kind.bare: node})
        body = self._value(kind, node, here)
        if isinstance(body, Instruction):
            try:
                body.told(by=SYSTEM, at=ANY_TIME)
            except ValidationError as invalid:
                self._invalid(invalid, kind, node, here)
        return body

    def _unfit(self, verb: str, path: TreePath, before: int) -> Unfit | None:
        """A body that is no good where the file expects just that: what was found since `before` is then no fault."""
        found = self._faults[before:]
        code: RefusalCode = (
            "unknown" if verb == "decide" and not any("form" in each.path for each in found) else "form-invalid"
        )
        if (str(int(path[1]) + 1), code) not in self._refused or not found:
            return None
        del self._faults[before:]
        return Unfit(code=code, message=f"{verb}: {found[0].message}")

    def _timed(self, drafts: Iterable[_Draft], starts_at: datetime | None) -> list[Step]:
        """The steps with their instants worked out, where each is well written and in order of time."""
        steps = []
        before, exact, free = starts_at, True, True
        for number, draft in enumerate(drafts, 1):
            path, when, frame = ("steps", number - 1), draft.when or _When(), draft.frame or _Frame()
            at, after = when.at, when.after
            if at is not None and after is not None:
                self._fault(
                    draft.node.find(("after",))[0].key_at, (*path, "after"), "at is given too: keep one of them"
                )
            elif at is not None:
                if before is not None and at < before:
                    earlier = f"step {number - 1}" if number > 1 else "starts_at"
                    message = f"{shown(at)} is before {earlier} ({shown(before)}): put the steps in order of time"
                    self._fault(draft.node.find(("at",))[0].at, (*path, "at"), message)
                before, exact = at, True
            elif after is not None and before is not None:
                before += after
                if before.year > 2299:
                    self._fault(draft.node.find(("after",))[0].at, (*path, "after"), "leads out of reach: shorten it")
                    before = None
                if exact:
                    at, after = before, None
            elif free or draft.verb in AT_ONCE:
                at = before if exact else None
            elif after is None and draft.when is not None:
                self._fault(draft.node.at, path, "needs its time: add at: <instant> or after: P1D")
            exact = exact and draft.verb != "drive" and draft.when is not None
            free = draft.verb == "drive"
            if draft.body is not None:
                step = Step(
                    number=number,
                    at=at,
                    after=after,
                    verb=draft.verb,
                    body=draft.body,
                    by=frame.by,
                    optional=frame.optional,
                    stale=frame.stale,
                    line=draft.node.at.line,
                )
                steps.append(step)
        return steps

    def _expectation(self, node: Node, path: TreePath) -> Expectation | None:
        fields = dict(self._mapping(node, path))
        kinds = [key for key in KINDS if key in fields]
        if len(kinds) > 1:
            self._fault(node.at, path, f"expects one thing: make {' and '.join(kinds)} entries of their own")
            return None
        if not kinds:
            written_well = isinstance(node.value, dict | None) and self._unknown_keys(
                fields, (*KINDS, "at", "within"), path
            )
            if written_well:
                self._fault(node.at, path, f"expects nothing: add one of {', '.join(KINDS)}")
            return None
        kind, model = kinds[0], KINDS[kinds[0]]
        if kind in _INNER and isinstance(fields[kind].value, dict):
            inner = fields.pop(kind).value
            fields |= {kind if key == _INNER[kind] else key: each for key, each in inner.items()}
        names = tuple(name for name in _names(model) if name != "line")
        self._unknown_keys(fields, names, path)
        expectation = self._value(model, _only(replace(node, value=fields), names), path)
        return expectation.model_copy(update={"line": node.at.line}) if expectation else None

    # Values and faults.

    def _mapping(self, node: Node | None, path: TreePath) -> Mapping[str, Node]:
        if node is None or node.value is None:
            return {}
        if isinstance(node.value, dict):
            return node.value
        self._fault(node.at, path, "write keys and values here" if path else "no rehearsal: begin with pack: <name>")
        return {}

    def _sequence(self, node: Node | None, path: TreePath) -> list[Node]:
        if node is None or node.value is None:
            return []
        if isinstance(node.value, list):
            return node.value
        self._fault(node.at, path, "write a list here, each entry after a dash")
        return []

    def _value(self, model: type[M], node: Node, path: TreePath) -> M | None:
        data = plain(node)
        if isinstance(node.value, dict) and model.model_config.get("extra") == "forbid":
            empty = {key: each for key, each in node.value.items() if each.value is None}
            self._unknown_keys(empty, _names(model), path)  # others are found below; these count as left out
        if model is Decide and "form" in data:
            data["form"] = _as_given(node.value["form"])
        try:
            return model.model_validate(data, context=self._known)
        except ValidationError as invalid:
            self._invalid(invalid, model, node, path)
            return None

    def _invalid(self, invalid: ValidationError, model: type[BaseModel], node: Node, path: TreePath) -> None:
        for error in invalid.errors(include_url=False):
            at, inner = node.find(error["loc"])
            if error["type"] == "too_short" and at.value:
                continue  # entries that have faults of their own were not counted
            if error["type"] == "missing":
                self._fault(at.at, (*path, *inner, error["loc"][-1]), "is missing: add it here")
            elif error["type"] == "extra_forbidden":
                names = _names(model) if len(error["loc"]) == 1 else ()
                self._fault(at.key_at, (*path, *inner), _no_key(str(error["loc"][-1]), at, names))
            else:
                self._fault(at.at, (*path, *inner), _said(error, at))

    def _unknown_keys(self, parts: Mapping[str, Node], names: Collection[str], path: TreePath) -> bool:
        """Whether every key is known; a fault for each that is not."""
        unknown = [key for key in parts if key not in names]
        for key in unknown:
            self._fault(parts[key].key_at, (*path, key), _no_key(key, parts[key], names))
        return not unknown

    def _unreadable_text(self) -> None:
        for node, path in self._root.walk():
            try:
                f"{spelled(path)}{node.typed}".encode()
            except UnicodeEncodeError:
                self._fault(node.at, path, "half a character stands here (\\ud800 to \\udfff): write the whole one")

    def _fault(self, at: Place, path: TreePath, message: str) -> None:
        self._faults.append(Fault(*at, spelled(path), message))


def _names(model: type[BaseModel]) -> tuple[str, ...]:
    return tuple(field.alias or name for name, field in model.model_fields.items())


def _typed(parts: Mapping[str, Node], key: str) -> str:
    return parts[key].typed if key in parts else ""


def _only(node: Node, names: Collection[str]) -> Node:
    return replace(node, value={key: each for key, each in node.value.items() if key in names})


def plain(node: Node) -> Any:
    """What was typed, true and false apart; keys without a value count as left out."""
    match node.value:
        case dict():
            return {key: plain(each) for key, each in node.value.items() if each.value is not None}
        case list():
            return [plain(each) for each in node.value]
        case None | bool():
            return node.value
        case _:
            return node.typed


def _as_given(node: Node) -> Any:
    """A form, where a field given as nothing is given."""
    match node.value:
        case dict():
            return {key: _as_given(each) for key, each in node.value.items()}
        case list():
            return [_as_given(each) for each in node.value]
        case _:
            return plain(node)


def _no_key(key: str, node: Node, names: Collection[str]) -> str:
    if near := get_close_matches(key, names, n=1, cutoff=0.7):
        return f"is no key here: did you mean {near[0]}?"
    if node.value is None and " " in key:
        return "is no key here: a comma within {...} ends a value; put the whole value in quotes"
    return f"is no key here: write one of {', '.join(names)}" if names else "is no key here: take it out"


def _said(error: ErrorDetails, node: Node) -> str:
    context, typed = error.get("ctx", {}), node.typed or "this"
    match error["type"]:
        case "value_error":
            return str(context["error"])
        case "literal_error":
            return f"{typed!r} is unknown: write {context['expected']}"
        case "string_type" if node.typed:
            return f'not text as it stands: put it in quotes: "{typed}"'
        case "string_type":
            return "write text here"
        case "string_too_short" | "too_short":
            return "is empty: write at least one"
        case "model_type" | "dict_type":
            return "write keys and values here"
        case "tuple_type":
            return "write a list here: [one, two]"
        case kind if kind.startswith("bool"):
            return f"{typed} is neither true nor false: write one of them"
        case kind if kind.startswith("int"):
            return f"{typed} is not a whole number: write digits only"
        case kind if kind.startswith("decimal"):
            return f"{typed} is not a number: write one such as 0.7"
        case _:
            return f"{error['msg'][:1].lower()}{error['msg'][1:]}: correct it"


def _told(path: Path, faults: Iterable[Fault]) -> list[str]:
    # One place, one fault: the first said is the most telling.
    by_place: dict[tuple[int, int, str], Fault] = {}
    for fault in faults:
        by_place.setdefault((fault.line, fault.column, fault.path), fault)
    lines = (f"{path}:{f.line}:{f.column}: {_numbered(f.path)}: {f.message}" for f in sorted(by_place.values()))
    return [line.encode(errors="backslashreplace").decode() for line in lines]


def _numbered(path: str) -> str:
    """Steps and expectations count from 1, as the file counts them: steps[1].pay is step 2.pay."""
    return re.sub(r"^(step|expect)s?\[([0-9]+)\]", lambda found: f"{found[1]} {int(found[2]) + 1}", path)
