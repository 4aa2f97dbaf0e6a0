"""Which sentence is kept where, and what proves it: read from packs, forms, code, tests and rehearsals.

Nothing is executed but imports, and nothing is written by hand: what names a sentence keeps it, what claims to prove it
is a test or a rehearsal that names it.
"""

import ast
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Literal, NamedTuple

from pydantic.fields import FieldInfo
from rich.table import Table

from domain.policy import Strict
from domain.processes import TASKS
from domain.tasks import TaskKind
from policies.packs import FOLDER, clauses, load_pack, pack_versions
from policies.register import Clause
from policies.written import read

ROOT = FOLDER.parent
ROW = "claiming"
"""`tests.claiming`: a row of a table whose first value is the sentence that it proves."""
ROOMS = ("domain", "policies", "workflows", "activities", "store", "runtime", "api")

State = Literal["kept", "not-software", "open"]
Why = Literal["not-built", "not-kept", "not-proved"]
ReferenceKind = Literal["value", "field", "optional-field", "form", "task", "code"]
ProofKind = Literal["test", "rehearsal"]


class Reference(Strict):
    """What names a sentence: a value of a pack, a field, form or task declaration, or marked code."""

    kind: ReferenceKind
    path: str


class Proof(Strict):
    """A test that fails when the sentence is broken (path::name), or a rehearsal (path)."""

    kind: ProofKind
    path: str


class Covered(Strict):
    """One sentence and how it stands. `why`: what is missing of an open one.

    `readings`: the packs that say how they read it, as `jinan@2020-01-29 X05`. A reading alone keeps nothing.
    """

    clause: Clause
    state: State
    why: Why | None = None
    references: tuple[Reference, ...] = ()
    proofs: tuple[Proof, ...] = ()
    readings: tuple[str, ...] = ()


class _Named(NamedTuple):
    clause: str
    at: Reference | Proof


@dataclass(frozen=True)
class _Marks:
    """What the tests claim: sentences one by one, and every reference of a kind at once."""

    single: tuple[_Named, ...]
    whole: Mapping[str, tuple[Proof, ...]]
    faults: tuple[str, ...]


@lru_cache
def coverage() -> Mapping[str, Covered]:
    """How every sentence stands, by its id, in the order of the register."""
    references, proofs = _by_clause(_references()), _by_clause(_proofs())
    running = {name.partition("@")[0] for name in pack_versions()}
    built = {clause.process for id_, clause in clauses().items() if references.get(id_)}
    readings: dict[str, list[str]] = defaultdict(list)
    for name in pack_versions():
        for reading in load_pack(name).readings:
            for id_ in reading.clauses:
                readings[id_].append(f"{name} {reading.code}")
    return MappingProxyType(
        {
            id_: _covered(
                Covered(
                    clause=clause,
                    state="open",
                    references=references.get(id_, ()),
                    proofs=proofs.get(id_, ()),
                    readings=tuple(readings[id_]),
                ),
                built=clause.process in built and clause.utility in running,
            )
            for id_, clause in clauses().items()
        }
    )


def _covered(stands: Covered, *, built: bool) -> Covered:
    if stands.clause.not_software is not None and not stands.references:
        return stands.model_copy(update={"state": "not-software"})
    if stands.references and stands.proofs and built:
        return stands.model_copy(update={"state": "kept"})
    why: Why = "not-built" if not built else "not-proved" if stands.references else "not-kept"
    return stands.model_copy(update={"why": why})


def chosen(*, doc: str | None = None, process: str | None = None, only_open: bool = False) -> list[Covered]:
    """The sentences of a utility, of a process of the register, or only the open ones, in the order of the register."""
    return [
        each
        for each in coverage().values()
        if doc in (None, each.clause.utility)
        and process in (None, each.clause.process)
        and (not only_open or each.state == "open")
    ]


def table(covered: Iterable[Covered]) -> Table:
    """One row a sentence: how it stands, where it is kept, what proves it."""
    shown = Table("", "", "", "", box=None, show_header=False, padding=(0, 2, 0, 0))
    for each in covered:
        kept = ", ".join(reference.path for reference in each.references)
        proved = ", ".join(proof.path for proof in each.proofs)
        state = each.state if each.why is None else f"{each.state}: {each.why}"
        shown.add_row(each.clause.id, state, kept or each.clause.not_software or "-", proved or "-")
    return shown


def counts(covered: Iterable[Covered]) -> Table:
    """How many of each process stand how; `enforceable` are those that some software could keep."""
    by_process: dict[str, Counter[str]] = defaultdict(Counter)
    for each in covered:
        states: list[str] = ["sentences", each.state, *([each.why] if each.why else [])]
        states += ["enforceable"] if each.clause.enforce != "none" else []
        for key in (each.clause.process, "all"):
            by_process[key].update(states)
    columns = ("sentences", "enforceable", "kept", "not-software", "open", "not-built", "not-kept", "not-proved")
    shown = Table("process", box=None, padding=(0, 2, 0, 0))
    for column in columns:
        shown.add_column(column.replace("-", " "), justify="right")
    for process in (*sorted(by_process.keys() - {"all"}), *by_process.keys() & {"all"}):
        shown.add_row(process, *(str(by_process[process][column]) for column in columns))
    return shown


def faults() -> list[str]:
    """Every reference or claim that does not hold together; an empty list when all do."""
    found = [*_marks().faults]
    found += (
        f"{named.at.path}: {named.clause} is no clause of the register: mend the id"
        for named in (*_references(), *_proofs())
        if named.clause not in clauses()
    )
    for id_, stands in coverage().items():
        if stands.references and not stands.proofs:
            found.append(f"{id_}: kept by {stands.references[0].path}, and no test or rehearsal says so: add one")
        if stands.proofs and not stands.references:
            found.append(f"{id_}: proved by {stands.proofs[0].path}, and nothing says it keeps it: mark what does")
        if stands.clause.not_software and stands.references:
            found.append(f"{id_}: not software, and kept by {stands.references[0].path}: it can be one of the two")
    return list(dict.fromkeys(found))


def _by_clause(named: Iterable[_Named]) -> dict[str, tuple]:  # type: ignore[type-arg]
    found: dict[str, dict[Reference | Proof, None]] = defaultdict(dict)
    for clause, at in named:
        found[clause][at] = None
    return {clause: tuple(each) for clause, each in found.items()}


# What names a sentence.


@lru_cache
def _references() -> tuple[_Named, ...]:
    return (*_of_packs(), *_of_forms(), *_of_code())


def _of_packs() -> Iterator[_Named]:
    for name in pack_versions():
        for path, value in load_pack(name).values().items():
            for clause in value.clauses:
                yield _Named(clause, Reference(kind="value", path=f"{name} {path}"))


def _of_forms() -> Iterator[_Named]:
    for kind in TASKS.values():
        yield from (_Named(clause, Reference(kind="task", path=kind.key)) for clause in kind.clauses)
        whole = kind.form.model_config.get("json_schema_extra")
        yield from (_Named(clause, Reference(kind="form", path=kind.key)) for clause in _asking(whole))
        for name, field in kind.form.model_fields.items():
            for clause in _asking(field.json_schema_extra):
                demanded: ReferenceKind = "field" if is_demanded(field) else "optional-field"
                yield _Named(clause, Reference(kind=demanded, path=f"{kind.key} {name}"))


def is_demanded(field: FieldInfo) -> bool:
    """Whether a form cannot be filled without this field."""
    return field.is_required()


def fields_asked_for() -> list[tuple[TaskKind, str]]:
    """Every field that a sentence asks for and that no form can be filled without."""
    return [
        (kind, name)
        for kind in TASKS.values()
        for name, field in kind.form.model_fields.items()
        if is_demanded(field) and _asking(field.json_schema_extra)
    ]


def _asking(extra: object) -> tuple[str, ...]:
    named = extra.get("clauses", ()) if isinstance(extra, dict) else ()
    return tuple(named) if isinstance(named, list) else ()


def _of_code() -> Iterator[_Named]:
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            yield from _marked_in(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8"))


def _marked_in(path: str, source: str) -> Iterator[_Named]:
    if "keeps(" not in source:
        return
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            for mark in node.decorator_list:
                if isinstance(mark, ast.Call) and isinstance(mark.func, ast.Name) and mark.func.id == "keeps":
                    for clause in _texts(mark):
                        yield _Named(clause, Reference(kind="code", path=f"{path} {node.name}"))


# What proves it.


@lru_cache
def _proofs() -> tuple[_Named, ...]:
    whole = _marks().whole
    of_kinds = (_Named(clause, proof) for clause, at in _references() for proof in whole.get(_kind(at), ()))
    return (*_marks().single, *_of_rehearsals(), *of_kinds)


def _kind(at: Reference | Proof) -> str:
    return at.kind


def _of_rehearsals() -> Iterator[_Named]:
    for path in sorted((ROOT / "tests" / "rehearsals").glob("*.yaml")):
        raw = path.read_bytes()
        if b"\nclauses:" not in raw:
            continue
        root, _ = read(raw)
        claimed = root.plain.get("clauses") if root is not None and isinstance(root.value, dict) else None
        for clause in claimed if isinstance(claimed, list) else ():
            yield _Named(str(clause), Proof(kind="rehearsal", path=path.relative_to(ROOT).as_posix()))


@lru_cache
def _marks() -> _Marks:
    single: list[_Named] = []
    whole: dict[str, tuple[Proof, ...]] = defaultdict(tuple)
    wrong: list[str] = []
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        source, shown = path.read_text(encoding="utf-8"), path.relative_to(ROOT).as_posix()
        if not any(said in source for said in (".mark.clause", f"{ROW}(")):
            continue
        for test, mark in _claims(ast.parse(source)):
            proof = Proof(kind="test", path=f"{shown}::{test.name}")
            if not test.name.startswith("test_"):
                wrong.append(f"{shown}:{test.lineno}: {test.name} is no test: mark one that runs")
            elif any(name in ast.unparse(each) for each in test.decorator_list for name in ("mark.skip", "mark.xfail")):
                wrong.append(f"{shown}:{test.lineno}: {test.name} may not run: what proves a clause always does")
            elif not _texts(mark) or len(_texts(mark)) != len(_named(mark)):
                wrong.append(f"{shown}:{mark.lineno}: {test.name}: name each clause as a text")
            elif _mark_name(mark) == "clauses_of":
                for kind in _texts(mark):
                    whole[kind] = (*whole[kind], proof)
            else:
                single += (_Named(clause, proof) for clause in _texts(mark))
    return _Marks(single=tuple(single), whole=whole, faults=tuple(wrong))


def _claims(module: ast.Module) -> Iterator[tuple[ast.FunctionDef | ast.AsyncFunctionDef, ast.Call]]:
    """Each claim of a function: a mark that is its decorator or stands inside one, or a row that is `claiming(...)`."""
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            for decorator in node.decorator_list:
                for inner in ast.walk(decorator):
                    if isinstance(inner, ast.Call) and _mark_name(inner) in ("clause", "clauses_of", ROW):
                        yield node, inner


def _mark_name(call: ast.Call) -> str | None:
    match call.func:
        case ast.Attribute(attr=name, value=ast.Attribute(attr="mark", value=ast.Name(id="pytest"))):
            return name
        case ast.Name(id=name) if name == ROW:
            return name
        case _:
            return None


def _named(call: ast.Call) -> list[ast.expr]:
    """Where a mark names sentences: all that it is given, or of a row the first."""
    return call.args[:1] if _mark_name(call) == ROW else [*call.args, *(keyword.value for keyword in call.keywords)]


def _texts(call: ast.Call) -> tuple[str, ...]:
    return tuple(each.value for each in _named(call) if isinstance(each, ast.Constant) and isinstance(each.value, str))
