"""YAML as it was written: each value with its line and column, and every fault of the writing at once.

Built from the parser's events: nothing is constructed, no tag is obeyed, no alias is followed unless asked. Unquoted
true, false, null and numbers are what they look like; everything else is the text that was typed. So 08:30 is never
510 minutes and 2020-01-29 never an object, whichever YAML version an editor assumes.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, NamedTuple

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)
from ruamel.yaml.reader import ReaderError

MOST_REPEATED = 10_000
"""How many values the aliases of one file may stand for together."""
DEEPEST = 32
_INTEGER = re.compile(r"[-+]?[0-9]{1,18}")
_DECIMAL = re.compile(r"[-+]?[0-9]{1,18}\.[0-9]{1,18}")
_WORDS = {"": None, "~": None, "null": None, "true": True, "false": False}

Path = tuple[str | int, ...]


class Fault(NamedTuple):
    """What is wrong, where (line and column from 1) and how to mend it; sorts by place."""

    line: int
    column: int
    path: str
    message: str


class Place(NamedTuple):
    line: int
    column: int


@dataclass(frozen=True)
class Node:
    """One value: a scalar, or a dict or list of nodes. `key_at` is where its key stands, `typed` a scalar's text."""

    value: Any
    at: Place
    key_at: Place
    typed: str = ""
    quoted: bool = False

    @property
    def plain(self) -> Any:
        """The value without its places."""
        match self.value:
            case dict():
                return {key: node.plain for key, node in self.value.items()}
            case list():
                return [node.plain for node in self.value]
            case scalar:
                return scalar

    def find(self, path: Sequence[str | int]) -> tuple["Node", Path]:
        """The node nearest to `path` and its own path; steps that were never written are passed over."""
        node, found = self, ()  # type: tuple[Node, Path]
        for step in path:
            match node.value:
                case dict() if str(step) in node.value:
                    node, found = node.value[str(step)], (*found, str(step))
                case list() if isinstance(step, int) and step < len(node.value):
                    node, found = node.value[step], (*found, step)
                case _:
                    pass
        return node, found

    def walk(self, path: Path = ()) -> Iterator[tuple["Node", Path]]:
        """This node and all below it, in the order written."""
        yield self, path
        match self.value:
            case dict():
                for key, node in self.value.items():
                    yield from node.walk((*path, key))
            case list():
                for at, node in enumerate(self.value):
                    yield from node.walk((*path, at))
            case _:
                pass


class Unreadable(Exception):
    """The text cannot be read any further; `fault` says where."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


def spelled(path: Sequence[str | int]) -> str:
    """A path as a person writes it: arrears.ladder[1].term; the whole file is `file`."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".") or "file"


def read(raw: bytes, *, follow: bool = False) -> tuple[Node | None, list[Fault]]:
    """The tree that `raw` writes, None when its syntax breaks off, and the faults of its writing. Never raises.

    `follow`: an alias stands for what its anchor marks, and the key << takes in what it does not say itself.
    """
    faults: list[Fault] = []
    try:
        return _Reading(_events(_decoded(raw)), faults, follow=follow).document(), faults
    except Unreadable as broken:
        return None, [*faults, broken.fault]


def _decoded(raw: bytes) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as wrong:
        before = raw[: wrong.start]
        line, column = before.count(b"\n") + 1, wrong.start - before.rfind(b"\n")
        raise Unreadable(Fault(line, column, "file", "not UTF-8 text: save the file as UTF-8")) from None


def _events(text: str) -> Iterator[Event]:
    reached = Place(1, 1)
    try:
        for event in YAML(typ="safe", pure=True).parse(text):
            reached = _place(event)
            yield event
    except MarkedYAMLError as wrong:
        mark = wrong.problem_mark or wrong.context_mark
        place = Place(mark.line + 1, mark.column + 1) if mark else reached
        problem = " ".join(filter(None, (wrong.context, wrong.problem)))
        raise Unreadable(Fault(*place, "file", f"not YAML: {problem}: mend it here or just before")) from None
    except ReaderError as wrong:
        before = text[: wrong.position]
        place = Place(before.count("\n") + 1, len(before) - before.rfind("\n"))
        raise Unreadable(Fault(*place, "file", f"not YAML: {wrong.reason}: take the character out")) from None
    except (YAMLError, ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError) as wrong:
        # The parser trips over some garbled input itself; that is the file's fault, not a crash of ours.
        problem = f"not YAML: {wrong}: mend what comes after this place"
        raise Unreadable(Fault(*reached, "file", problem.replace("\n", " "))) from None


class _Reading:
    def __init__(self, events: Iterator[Event], faults: list[Fault], *, follow: bool) -> None:
        self._events = events
        self._faults = faults
        self._follow = follow
        self._anchors: dict[str, Node] = {}
        self._repeated = 0

    def document(self) -> Node:
        next(self._events)  # the stream's start
        first = next(self._events)
        if isinstance(first, StreamEndEvent):
            raise Unreadable(Fault(1, 1, "file", "the file is empty"))
        root = self._node(next(self._events), (), None)
        for event in self._events:
            if not isinstance(event, DocumentEndEvent | StreamEndEvent):
                raise Unreadable(
                    Fault(*_place(event), "file", "a second document: one file holds one, take the --- out")
                )
        return root

    def _node(self, event: Event, path: Path, key_at: Place | None) -> Node:
        at = _place(event)
        if len(path) > DEEPEST:
            raise Unreadable(Fault(*at, "file", f"nested deeper than {DEEPEST}: no policy is"))
        tag = getattr(event, "tag", None)
        if tag not in (None, "!"):
            self._fault(at, path, f"tags are not obeyed: take {tag} out")
        match event:
            case AliasEvent():
                return replace(self._meant(event.anchor, at, path), at=at, key_at=key_at or at)
            case MappingStartEvent():
                node = Node(self._mapping(path), at, key_at or at)
            case SequenceStartEvent():
                node = Node(self._sequence(path), at, key_at or at)
            case ScalarEvent():
                quoted = event.style is not None
                value = event.value if quoted else _scalar(event.value)
                node = Node(value, at, key_at or at, typed=event.value, quoted=quoted)
            case _:
                return Node(None, at, key_at or at)
        if (anchor := getattr(event, "anchor", None)) is not None:
            self._anchors[anchor] = node
        return node

    def _meant(self, anchor: str, at: Place, path: Path) -> Node:
        """What an alias stands for; nothing where that cannot be said."""
        node = self._anchors.get(anchor)
        if not self._follow:
            self._fault(at, path, f"aliases are not followed: write the value out instead of *{anchor}")
        elif node is None:
            self._fault(at, path, f"*{anchor} stands for nothing: mark what it means with &{anchor} before it")
        else:
            self._repeated += sum(1 for _ in islice(node.walk(), MOST_REPEATED))
            if self._repeated <= MOST_REPEATED:
                return node
            raise Unreadable(Fault(*at, "file", f"aliases repeat more than {MOST_REPEATED} values: write fewer"))
        return Node(None, at, at)

    def _mapping(self, path: Path) -> dict[str, Node]:
        nodes: dict[str, Node] = {}
        while not isinstance(event := next(self._events), MappingEndEvent):
            key_at = _place(event)
            key = self._node(event, (*path, "?"), None)
            name = key.typed
            if not isinstance(event, ScalarEvent):
                self._fault(key_at, path, "a key is a word, not a list or a mapping")
            node = self._node(next(self._events), (*path, name), key_at)
            if (first := nodes.get(name)) is not None:
                self._fault(
                    key_at, (*path, name), f"written twice, first on line {first.key_at.line}: keep one of them"
                )
            elif isinstance(event, ScalarEvent):
                nodes[name] = node
        if self._follow and (taken_in := nodes.pop("<<", None)) is not None:
            for each in taken_in.value if isinstance(taken_in.value, list) else [taken_in]:
                if isinstance(each.value, dict):
                    nodes = {**each.value, **nodes}
                else:
                    self._fault(each.at, (*path, "<<"), "takes in keys and values: give it a mapping")
        return nodes

    def _sequence(self, path: Path) -> list[Node]:
        nodes: list[Node] = []
        while not isinstance(event := next(self._events), SequenceEndEvent):
            nodes.append(self._node(event, (*path, len(nodes)), None))
        return nodes

    def _fault(self, at: Place, path: Path, message: str) -> None:
        self._faults.append(Fault(*at, spelled(path), message))


def _place(event: Event) -> Place:
    return Place(event.start_mark.line + 1, event.start_mark.column + 1)


def _scalar(text: str) -> Any:
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _DECIMAL.fullmatch(text) else text
