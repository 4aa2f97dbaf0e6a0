"""What keeps a sentence, broken: each break one place in a file's bytes, read from packs, forms, declarations and code.

A value becomes a clearly other one of its kind, an entry of a named list is left out, a field is demanded no more or
gone, a task is somebody else's, and of a marked function each guard is taken away. What the strict reader of packs
refuses is no break: the next other value is tried.
"""

import ast
import inspect
import json
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel
from ruamel.yaml import YAML
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from bench.mutants import ROOT, Guard, guards
from domain.arrears.policy import Channel, Way
from domain.connection.kinds import Kind
from domain.connection.policy import DesignBy, Phase, Sector, Server
from domain.organisation import Function, GridKind, Handed
from domain.people import ROLES
from domain.processes import TASKS
from policies.coverage import Reference
from policies.packs import CLAUSES, Pack, PackError, _read_pack, load_pack

WORDS: tuple[tuple[str, ...], ...] = (
    *map(get_args, (Server, Channel, Way, Phase, DesignBy, Kind, Sector, GridKind, Function, Handed)),
    ROLES,
)
TERM = re.compile(r"(P|PT|)(\d+)(D|H|M|WD)")
SHOWN = ("zh", "en")
"""Keys under which stands what a thing is called, and nothing a case goes by."""


def breaks(reference: Reference) -> list[Guard]:
    """Every break of one thing that keeps a sentence."""
    match reference.kind:
        case "value":
            name, path = reference.path.split(" ", 1)
            return list(_of_value(name, path))
        case "field":
            return [_field(reference.path, gone=False)]
        case "optional-field":
            return [_field(reference.path, gone=True)]
        case "task":
            return [_whose(reference.path)]
        case "code":
            return _of_code(reference.path)
        case "form":
            raise ValueError(f"{reference.path}: a sentence kept by a whole form; say here how one is broken")


# Values of packs.


def _of_value(name: str, path: str) -> Iterator[Guard]:
    """The value as a clearly other one, each part in turn; and its entry left out where the pack can do without."""
    file = _file(name)
    source = file.read_bytes()
    entry, node = _entry(_composed(file), path)
    for part, at in _parts(_child(node, "value"), ()):
        for other in others(_plain(part), file):
            made = _put(file, source, path, _span(part), json.dumps(other, ensure_ascii=False), f"{at}{_short(other)}")
            if _says_otherwise(made, name, path):
                yield made
                break
    if isinstance(entry, tuple):
        made = _put(file, source, path, _whole(source, entry), "", "left out")
        if _says_otherwise(made, name, path):
            yield made


def _parts(node: Node, at: tuple[str, ...]) -> Iterator[tuple[Node, str]]:
    """What is changed alone: a scalar, a list as a whole, each entry of a mapping."""
    if not isinstance(node, MappingNode):
        yield node, "".join(f"{step}: " for step in at)
        return
    for key, inner in node.value:
        if key.value not in SHOWN:
            yield from _parts(inner, (*at, key.value))


def others(plain: Any, file: Path) -> Iterator[Any]:
    """Something else of its kind that might stand in its place, the plainest first."""
    match plain:
        case bool():
            yield not plain
        case int():
            yield from (plain * 2 or 1, plain // 2)
        case list():
            yield from (plain[:-1], plain[1:]) if len(plain) > 1 else ()
            yield from ([*plain[:-1], other] for other in others(plain[-1], file)) if plain else ()
        case dict():
            for key, inner in plain.items():
                yield from (plain | {key: other} for other in others(inner, file))
        case str() if term := TERM.fullmatch(plain):
            yield f"{term[1]}{int(term[2]) * 3 + 2}{term[3]}"
        case "month-end":
            yield "P75D"
        case str() if re.fullmatch(r"\d\d:\d\d", plain):
            yield from ("11:15", "15:45", "02:30")
        case str() if re.fullmatch(r"\d+\.\d+", plain):
            yield str(round(float(plain) / 2, 3))
        case str():
            groups = [words for words in (*WORDS, _names(file)) if plain in words]
            yield from dict.fromkeys(word for words in groups for word in words if word != plain)
            if not groups:
                yield " ".join(("别的", *re.findall(r"\{\w+\}", plain)))


@lru_cache
def _names(file: Path) -> tuple[str, ...]:
    """What the pack calls its messages and notices: any may be named where another is."""
    policy = load_pack(f"{file.parent.name}@{file.stem}").arrears
    return () if policy is None else (*policy.messages, *policy.notices)


def _file(name: str) -> Path:
    utility, _, day = name.partition("@")
    return ROOT / "policies" / utility / f"{day}.yaml"


@lru_cache
def _composed(file: Path) -> Node:
    node: Node = YAML(typ="safe", pure=True).compose(file.read_text(encoding="utf-8"))
    return node


def _entry(node: Node, path: str) -> tuple[tuple[Node, Node] | None, Node]:
    """The node at a path as it is spelled, and its key with it where it stands in a mapping."""
    entry = None
    for step in _steps(node, path):
        if isinstance(step, int):
            entry, node = None, node.value[step]
        else:
            entry = next((key, inner) for key, inner in node.value if key.value == step)
            node = entry[1]
    return entry, node


def _steps(node: Node, path: str) -> Iterator[str | int]:
    """`a.b[1].c.d` taken apart; a key may have dots of its own, so the longest that is there is taken."""
    rest = path
    while rest:
        if at := re.match(r"\[(\d+)\]\.?", rest):
            yield int(at[1])
            node, rest = node.value[int(at[1])], rest[at.end() :]
        else:
            keys: list[str] = [key.value for key, _ in node.value]
            key = max((key for key in keys if re.match(re.escape(key) + r"(\.|\[|$)", rest)), key=len)
            yield key
            node, rest = _child(node, key), rest[len(key) :].removeprefix(".")


def _child(node: Node, name: str) -> Node:
    found: Node = next(inner for key, inner in node.value if key.value == name)
    return found


def _plain(node: Node) -> Any:
    match node:
        case MappingNode():
            return {key.value: _plain(inner) for key, inner in node.value}
        case SequenceNode():
            return [_plain(inner) for inner in node.value]
        case ScalarNode(value=value, style=None) if value in ("true", "false"):
            return value == "true"
        case ScalarNode(value=value, style=None) if re.fullmatch(r"-?\d+", value):
            return int(value)
        case _:
            return node.value


def _span(node: Node) -> tuple[int, int]:
    """Characters from and to; a block ends with the last thing in it."""
    begins = node.start_mark.index
    if not isinstance(node, MappingNode | SequenceNode) or node.flow_style or not node.value:
        return begins, node.end_mark.index
    last = node.value[-1][1] if isinstance(node, MappingNode) else node.value[-1]
    return begins, _span(last)[1]


def _whole(source: bytes, entry: tuple[Node, Node]) -> tuple[int, int]:
    """An entry of a mapping with its key, and with the comma that parts it from the next one."""
    text, begins, ends = source.decode(), entry[0].start_mark.index, _span(entry[1])[1]
    if after := re.compile(r"\s*,\s*").match(text, ends):
        return begins, after.end()
    return begins, ends


def _put(file: Path, source: bytes, path: str, span: tuple[int, int], instead: str, what: str) -> Guard:
    text = source.decode()
    begins, ends = (len(text[:at].encode()) for at in span)
    line = text.count("\n", 0, span[0]) + 1
    return Guard(file.relative_to(ROOT).as_posix(), path, line, what, begins, ends, instead)


def _says_otherwise(made: Guard, name: str, path: str) -> bool:
    """Whether the pack can still be read, and another value stands there then, or none."""
    there = ROOT / made.path
    with tempfile.TemporaryDirectory(prefix="guanjia-break-") as folder:
        file = Path(folder) / there.parent.name / there.name
        file.parent.mkdir()
        shutil.copy(there.parent / CLAUSES, file.parent) if (there.parent / CLAUSES).exists() else None
        file.write_bytes(made.taken_away(there.read_bytes()))
        try:
            pack: Pack = _read_pack(file)
        except PackError:
            return False
    now, before = pack.values().get(path), load_pack(name).values()[path]
    return now is None or now.value != before.value


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:59]}…"


# Forms, tasks, code.


def _field(path: str, *, gone: bool) -> Guard:
    """A field that may stay empty, or is not there at all."""
    key, name = path.split(" ")
    form = next(each for each in TASKS[key].form.__mro__ if name in inspect.get_annotations(each))
    file, source, node = _class(form)
    field = next(
        each
        for each in node.body
        if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name) and each.target.id == name
    )
    if gone:
        return _at(file, source, path, field, "...", f"{name} gone")
    assert isinstance(field.value, ast.Call), path
    first = field.value.args[0] if field.value.args else field.value.keywords[0]
    begins = _offset(source, first.lineno, first.col_offset)
    return Guard(file, path, field.lineno, f"{name} may stay empty", begins, begins, "None, ")


def _class(made: type[BaseModel]) -> tuple[str, bytes, ast.ClassDef]:
    file = Path(inspect.getsourcefile(made) or "")
    source = file.read_bytes()
    node = next(
        each for each in ast.walk(ast.parse(source)) if isinstance(each, ast.ClassDef) and each.name == made.__name__
    )
    return file.relative_to(ROOT).as_posix(), source, node


def _whose(key: str) -> Guard:
    """A task that is somebody else's."""
    kind = TASKS[key]
    other = next(role for role in ROLES if role not in (kind.role, "auditor", "administrator", "customer"))
    for file in sorted((ROOT / "domain").rglob("*.py")):
        source = file.read_bytes()
        for node in ast.walk(ast.parse(source)) if kind.title_en.encode() in source else ():
            if isinstance(node, ast.Call):
                given = [*node.args, *(keyword.value for keyword in node.keywords)]
                said = {each.value: each for each in given if isinstance(each, ast.Constant)}
                if kind.title_en in said and kind.role in said:
                    path = file.relative_to(ROOT).as_posix()
                    return _at(path, source, key, said[kind.role], repr(other), f"a task of the {other}")
    raise ValueError(f"no declaration of {key} was found")


def _of_code(path: str) -> list[Guard]:
    """Each guard of a function; where it has none, what it gives back. Of a class, each of its fields."""
    file, name = path.split(" ")
    source = (ROOT / file).read_bytes()
    nodes = [node for node in ast.walk(ast.parse(source)) if getattr(node, "name", None) == name]
    if isinstance(made := nodes[0], ast.ClassDef):
        return [
            _at(file, source, name, each, "...", "a field gone")
            for each in made.body
            if isinstance(each, ast.AnnAssign)
        ]
    return guards(file, [name]) or [
        _at(file, source, name, each.value, "None", "gives nothing back")
        for node in nodes
        for each in ast.walk(node)
        if isinstance(each, ast.Return) and each.value is not None
    ]


def _at(file: str, source: bytes, function: str, node: ast.expr | ast.stmt, instead: str, what: str) -> Guard:
    begins = _offset(source, node.lineno, node.col_offset)
    ends = _offset(source, node.end_lineno or 0, node.end_col_offset or 0)
    return Guard(file, function, node.lineno, what, begins, ends, instead)


def _offset(source: bytes, line: int, column: int) -> int:
    return sum(map(len, source.splitlines(keepends=True)[: line - 1])) + column


def distinct(found: Iterable[Guard]) -> list[Guard]:
    return list({(guard.path, guard.begins, guard.ends, guard.instead): guard for guard in found}.values())
