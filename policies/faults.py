"""What can be wrong with a policy file beyond its writing, where it stands and how to mend it."""

import re
from collections.abc import Collection, Iterator
from difflib import get_close_matches
from string import Formatter
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from policies.written import Fault, Node, Path, spelled

PLACEHOLDERS = ("account_no", "amount", "case_no")
IN_A_CODE = ("account_no", "amount", "notice_no")
_HOUR = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
M = TypeVar("M", bound=BaseModel)


def validated(model: type[M], data: Any, root: Node) -> tuple[M | None, list[Fault]]:
    """`data` as a model, or the faults that its fields have, each at its place in `root`."""
    try:
        # Forbidden in every model on the way, those of the domain that would pass extras over too.
        return model.model_validate(data, extra="forbid"), []
    except ValidationError as invalid:
        errors = invalid.errors(include_url=False)
        return None, [_fault(error, errors, root) for error in errors if not _follows(error, errors)]


def _follows(error: ErrorDetails, errors: list[ErrorDetails]) -> bool:
    """Whether a list is too short only because of what is wrong with something in it."""
    at = error["loc"]
    return error["type"] == "too_short" and any(len(e["loc"]) > len(at) and e["loc"][: len(at)] == at for e in errors)


def unknown_clauses(root: Node, known: Collection[str]) -> Iterator[Fault]:
    """Clause ids that no register has."""
    for node, path in root.walk():
        names_one = path[-1:] == ("clause",) or (len(path) > 1 and path[-2] == "clauses")
        if names_one and isinstance(node.value, str) and node.value not in known:
            near = get_close_matches(node.value, sorted(known), n=1)
            mend = f"did you mean {near[0]}?" if near else "correct it, or add the sentence to clauses.yaml"
            yield Fault(*node.at, spelled(path), f"{node.value!r} is no clause of the register: {mend}")


def wrong_hours(root: Node) -> Iterator[Fault]:
    """Times of day that would be taken for seconds since midnight, or are not written as a clock shows them."""
    for node, path in root.walk():
        if path and path[-1] in ("opens", "closes") and not _HOUR.fullmatch(node.typed):
            mend = 'write midnight as "00:00"' if node.typed == "24:00" else 'write it as "08:30", with both zeros'
            yield Fault(*node.at, spelled(path), f"{node.typed or 'this'} is not a time of day: {mend}")


def wrong_messages(root: Node) -> Iterator[Fault]:
    """Rungs that send a message without words, and words (of a code too) with a gap that nobody fills."""
    messages, found = root.find(("arrears", "messages"))
    names = list(messages.value) if len(found) == 2 and isinstance(messages.value, dict) else []
    for node, path in root.walk():
        if not isinstance(node.value, str):
            continue
        if names and path[-2:] == ("message", "value") and node.value not in names:
            mend = f"write one of {', '.join(names)}, or add its words there"
            yield Fault(*node.at, spelled(path), f"{node.value!r} has no words under arrears.messages: {mend}")
        filled = PLACEHOLDERS if path[:2] == ("arrears", "messages") and path[-1] == "value" else ()
        filled = IN_A_CODE if path == ("arrears", "pay_code", "value") else filled
        if filled and (gap := _unfilled(node.value, filled)) is not None:
            mend = f"only {', '.join(f'{{{name}}}' for name in filled)} are filled in"
            yield Fault(*node.at, spelled(path), f"{gap}: {mend}")


def _unfilled(words: str, filled: tuple[str, ...]) -> str | None:
    try:
        parts = list(Formatter().parse(words))
    except ValueError as wrong:
        return f"braces do not pair ({wrong})"
    for _, name, layout, conversion in parts:
        if name is not None and (name not in filled or layout or conversion):
            return f"{{{name}}} is not a gap that is filled"
    return None


def _fault(error: ErrorDetails, errors: list[ErrorDetails], root: Node) -> Fault:
    node, path = root.find(error["loc"])
    context, last = error.get("ctx", {}), error["loc"][-1] if error["loc"] else ""
    match error["type"]:
        case "missing":
            return Fault(*node.at, spelled((*path, str(last))), "is missing: add it here")
        case "extra_forbidden":
            return Fault(*node.key_at, spelled(path), _no_key(error, errors, node))
        case "union_tag_invalid":
            node, path = root.find((*error["loc"], str(context["discriminator"]).strip("'")))
            message = f"{context['tag']!r} is unknown: write one of {context['expected_tags']}"
            return Fault(*node.at, spelled(path), message)
        case "literal_error" if last == "[key]":
            return Fault(*node.key_at, spelled(path), f"{path[-1]!r} is unknown: write {context['expected']}")
        case _:
            return Fault(*node.at, spelled(path), _said(error, node, path))


def _no_key(error: ErrorDetails, errors: list[ErrorDetails], node: Node) -> str:
    if node.value is None and " " in str(error["loc"][-1]):
        return "is no key here: a comma within {...} ends a value; put the whole value in quotes"
    around = error["loc"][:-1]
    missing = [str(other["loc"][-1]) for other in errors if other["type"] == "missing" and other["loc"][:-1] == around]
    near = get_close_matches(str(error["loc"][-1]), missing, n=1)
    return f"is no key here: did you mean {near[0]}?" if near else "is no key here: take it out"


def _said(error: ErrorDetails, node: Node, path: Path) -> str:
    context, typed = error.get("ctx", {}), node.typed or "this"
    match error["type"]:
        case "union_tag_not_found":
            return f"does not say which: add {context['discriminator']}"
        case "literal_error":
            return f"{node.typed!r} is unknown: write {context['expected']}"
        case "model_type" if str(context.get("class_name", "")).startswith("Sourced"):
            return "a value needs its source: {value: ..., clause: <id>} or {value: ..., chosen: true, reason: ...}"
        case "model_type" | "dict_type" if path:
            return "write keys and values here"
        case "model_type" | "dict_type":
            return "not a policy file: begin with keys and values"
        case "string_type" if node.typed and not node.quoted:
            return f'not text as it stands: put it in quotes: "{node.typed}"'
        case "value_error" if isinstance(node.value, float):
            return f'{context["error"]}: put it in quotes: "{node.typed}"'
        case "value_error":
            return str(context["error"])
        case kind if kind.startswith("date"):
            return f"{typed} is not a day: write it as 2020-01-29"
        case kind if kind.startswith("bool"):
            return f"{typed} is neither true nor false: write one of them"
        case kind if kind.startswith("int"):
            return f"{typed} is not a whole number: write one such as 2"
        case kind if kind.startswith("decimal"):
            return f'{typed} is not a number: write one such as "0.70"'
        case "too_short":
            return f"too few: write at least {context['min_length']}"
        case kind if kind.startswith("tuple"):
            return "write a list here: [one, two]"
        case _:
            return f"{error['msg'][:1].lower()}{error['msg'][1:]}: correct it"
