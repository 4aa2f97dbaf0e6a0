"""Policy packs: dated files of values with their sources, read strictly.

A pack is `<utility>/<day it takes force>.yaml`; the sentences it rests on stand in the `clauses.yaml` beside it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, Field

from domain.arrears.policy import ArrearsPolicy
from domain.calendars import Calendar
from domain.connection.policy import ConnectionPolicy
from domain.organisation import OrganisationPolicy
from domain.policy import Sourced, Strict
from policies.faults import unknown_clauses, validated, wrong_hours, wrong_messages
from policies.register import Clause, Line, Register, at_a_glance
from policies.written import Fault, Node, read, spelled

FOLDER = Path(__file__).parent
CLAUSES = "clauses.yaml"
CALENDARS = "calendars"
TITLES = "titles.yaml"
M = TypeVar("M", bound=BaseModel)
_folders: tuple[Path, ...] = (FOLDER,)


class PackError(Exception):
    """Everything that is wrong with a file: `faults`, each `file:line:column: path: what and how to mend`."""

    def __init__(self, faults: Iterable[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(self.faults))


class Title(Strict):
    zh: Line
    en: Line


class ValueTitle(Title):
    """What a value is called, and its unit where its type does not say it."""

    unit: Line | None = None


class _Titles(Strict):
    titles: dict[str, ValueTitle]


class Reading(Strict):
    """How a utility reads sentences that can be read in more than one way, and why.

    `code` is the register's: X where utilities differ, I where one document is at odds with itself.
    """

    code: Annotated[str, Field(pattern=r"^[XI][0-9]{2}$")]
    clauses: tuple[str, ...]
    reading: Title


class Pack(Strict):
    """What one utility promised from a day on. A process that the pack does not speak of is None."""

    pack: str
    in_force_on: date = Field(alias="from")
    title: Title
    arrears: ArrearsPolicy | None = None
    connection: ConnectionPolicy | None = None
    organisation: OrganisationPolicy | None = None
    readings: tuple[Reading, ...] = ()

    @property
    def name(self) -> str:
        """The full name that a case carries: jinan@2020-01-29."""
        return f"{self.pack}@{self.in_force_on.isoformat()}"

    def values(self) -> dict[str, Sourced[Any]]:
        """Every value of the pack with its source, by path: arrears.ladder[1].term."""
        return {spelled(path): value for path, value in _values(self, ())}


def _values(part: object, path: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], Sourced[Any]]]:
    match part:
        case Sourced():
            yield path, part
        case BaseModel():
            for name, inner in part:
                yield from _values(inner, (*path, name))
        case tuple():
            for at, inner in enumerate(part):
                yield from _values(inner, (*path, at))
        case dict():
            for key, inner in part.items():
                yield from _values(inner, (*path, key))
        case _:
            pass


def also_in(folder: Path | None) -> None:
    """Look for packs and sentences in a utility's own folder too, laid out as the one that comes with Guanjia.

    None: in that one alone. What was read is forgotten, so that an edited folder is read again.
    """
    global _folders
    _folders = (FOLDER,) if folder is None else (FOLDER, folder.resolve())
    for read_once in (clauses, titles, _pack):
        read_once.cache_clear()


def folders() -> tuple[Path, ...]:
    """Where policy files are looked for: what comes with Guanjia, then the utility's own."""
    return _folders


def pack_versions() -> tuple[str, ...]:
    """Full names of the packs there are, oldest first within a utility: ("jinan@2020-01-29", ...)."""
    return tuple(sorted(_packs_there()))


def _packs_there() -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {}
    for folder in _folders:
        for path in folder.glob("*/*.yaml"):
            if path.name != CLAUSES and path.parent.name != CALENDARS:
                found.setdefault(f"{path.parent.name}@{path.stem}", []).append(path)
    return found


def pack_files() -> list[Path]:
    """Every policy file there is: packs, their clauses, their titles, calendars; the utility's own last."""
    return [path for folder in _folders for path in sorted(folder.rglob("*.yaml"))]


def load_pack(name: str, *, on: date | None = None) -> Pack:
    """The pack `jinan@2020-01-29`, or for `jinan` the newest: of all, or of those in force `on` a day.

    Raises PackError with every fault of the file, or saying which packs there are.
    """
    there = _packs_there()
    versions = tuple(sorted(there))
    if "@" in name:
        fitting = [version for version in versions if version == name]
    else:
        fitting = [version for version in versions if version.partition("@")[0] == name]
        if on is not None:
            fitting = [version for version in fitting if version.partition("@")[2] <= on.isoformat()]
    if not fitting:
        since = f" in force on {on.isoformat()}" if on else ""
        raise PackError([f"{name}: no such pack{since}: there are {', '.join(versions) or 'none'}"])
    path, *others = there[fitting[-1]]
    if others:
        raise PackError([f"{others[0]}:1:1: file: {fitting[-1]} comes with Guanjia already: date it with another day"])
    return _pack(path)


@lru_cache
def clauses() -> Mapping[str, Clause]:
    """Every sentence that the packs may name, by its id. Raises PackError."""
    found = {}
    for folder in _folders:
        for path in sorted(folder.glob(f"*/{CLAUSES}")):
            found.update(_sentences(path))
    return MappingProxyType(found)


@lru_cache
def titles() -> Mapping[str, ValueTitle]:
    """What the values of packs are called, by name. Raises PackError."""
    found: dict[str, ValueTitle] = {}
    for path in (folder / TITLES for folder in _folders):
        if path.parent == FOLDER or path.is_file():
            found |= _titles(path).titles
    return MappingProxyType(found)


@lru_cache
def load_calendar() -> Calendar:
    """The published days off and make-up days of every year known. Raises PackError."""
    return _calendar(FOLDER / "calendars" / "cn.yaml")


def check_packs(paths: Iterable[Path]) -> list[str]:
    """Every fault of the given pack, clause and calendar files, or folders of them; an empty list when all is well.

    A pack may name the sentences of the packs that come with Guanjia and those in the `clauses.yaml` beside it.
    """
    faults: list[str] = []
    twice = [paths[1] for paths in _packs_there().values() if len(paths) > 1]
    for given in paths:
        files = sorted(given.rglob("*.yaml")) if given.is_dir() else [given]
        if not files:
            faults.append(f"{given}:1:1: file: no pack here: a pack is <utility>/<day it takes force>.yaml")
        for path in files:
            if path.resolve() in twice:
                faults.append(f"{path}:1:1: file: this pack comes with Guanjia already: date it with another day")
            try:
                if path.name == CLAUSES:
                    _sentences(path, strictly=True)
                elif path.parent.name == CALENDARS:
                    _calendar(path)
                elif path.name == TITLES:
                    _titles(path)
                else:
                    _read_pack(path)
            except PackError as wrong:
                faults += wrong.faults
    return list(dict.fromkeys(faults))


@lru_cache
def _pack(path: Path) -> Pack:
    return _read_pack(path)


def _read_pack(path: Path) -> Pack:
    known, of_the_register = _known_clauses(path.parent / CLAUSES)

    def checks(root: Node) -> Iterator[Fault]:
        yield from _misnamed(path, root)
        yield from wrong_hours(root)
        yield from wrong_messages(root)
        if not of_the_register:
            yield from unknown_clauses(root, known)

    try:
        pack = _read(path, Pack, checks)
    except PackError as wrong:
        raise PackError([*of_the_register, *wrong.faults]) from None
    if of_the_register:
        raise PackError(of_the_register)
    return pack


def _known_clauses(beside: Path) -> tuple[set[str], tuple[str, ...]]:
    """Ids that a pack may name, and the faults of a register that cannot say."""
    try:
        return {*clauses(), *(_sentences(beside) if beside.is_file() else ())}, ()
    except PackError as wrong:
        return set(), wrong.faults


def _sentences(path: Path, *, strictly: bool = False) -> dict[str, Clause]:
    """The sentences of a register: at a glance when it is written plainly and in order, else by the strict reader."""
    utility = path.parent.name

    def foreign(root: Node) -> Iterator[Fault]:
        for node, at in root.walk():
            if len(at) == 2 and at[0] == "clauses" and not str(at[1]).startswith(f"{utility}."):
                yield Fault(*node.key_at, spelled(at), f"begin the id with the folder's name: {utility}.")

    register = None if strictly else _glance(path)
    if register is None or not all(id_.startswith(f"{utility}.") for id_ in register.clauses):
        register = _read(path, Register, foreign)
    return {
        id_: Clause(id=id_, document=register.document, **dict(sentence)) for id_, sentence in register.clauses.items()
    }


def _glance(path: Path) -> Register | None:
    try:
        said = at_a_glance(path.read_text(encoding="utf-8"))
        return None if said is None else Register.model_validate(said)
    except (OSError, ValueError):
        return None


def _titles(path: Path) -> _Titles:
    return _read(path, _Titles, lambda _: ())


def _calendar(path: Path) -> Calendar:
    return _read(path, Calendar, lambda _: (), under="years")


def _read(path: Path, model: type[M], checks: Callable[[Node], Iterable[Fault]], *, under: str | None = None) -> M:
    """The model that a file writes (as its field `under`). Raises PackError with every fault, in the order written."""
    try:
        root, faults = read(path.read_bytes())
    except OSError as wrong:
        root, faults = None, [Fault(1, 1, "file", f"cannot be read: {wrong.strerror or wrong}")]
    part = None
    if root is not None:
        part, wrong_fields = validated(model, {under: root.plain} if under else root.plain, root)
        faults += [*checks(root), *wrong_fields]
    if faults or part is None:
        shown = path.relative_to(FOLDER.parent) if path.is_relative_to(FOLDER) else path
        raise PackError(f"{shown}:{f.line}:{f.column}: {f.path}: {f.message}" for f in _one_a_place(faults))
    return part


def _one_a_place(faults: Iterable[Fault]) -> list[Fault]:
    """One fault a place, the one said first: it tells most."""
    by_place: dict[tuple[int, int, str], Fault] = {}
    for fault in faults:
        by_place.setdefault((fault.line, fault.column, fault.path), fault)
    return sorted(by_place.values())


def _misnamed(path: Path, root: Node) -> Iterator[Fault]:
    for key, kind, expected in (("pack", "folder", path.parent.name), ("from", "file", path.stem)):
        node, found = root.find((key,))
        if found and node.typed != expected:
            yield Fault(*node.at, key, f"says {node.typed!r}, but the {kind} is {expected!r}: make them the same")
