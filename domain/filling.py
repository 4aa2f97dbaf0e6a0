"""Forms filled in the plain good way, for rehearsals and forecasts: what is left out takes its first example."""

from collections.abc import Iterable, Mapping
from copy import deepcopy
from functools import lru_cache
from typing import Any

from domain.tasks import Form


def filled(form: type[Form], given: Mapping[str, Any], *, demands: Iterable[str] = ()) -> dict[str, Any]:
    """`given` with its missing required fields filled in, and those that its outcome or the case's pack demands.

    A field that is given stays as it is, empty or wrong as it may be: the form itself refuses it. One that has no
    examples stays missing. Of alternatives (`anyOf`) the first with examples is taken when none is given.
    """
    schema = _schema(form)
    fields: dict[str, dict[str, Any]] = schema.get("properties", {})
    # A text that may be empty is asked for like any other; only whoever writes nothing into it means nothing.
    may_be_empty = (name for name, field in fields.items() if field.get("default") == "")
    whole = _completed(dict(given), (*schema.get("required", ()), *demands, *may_be_empty), fields)
    for rule in schema.get("allOf", ()):
        if not _applies(rule.get("if", {}), whole, fields):
            continue
        then = rule.get("then", {})
        whole = _completed(whole, then.get("required", ()), fields)
        choices = [choice.get("required", ()) for choice in then.get("anyOf", ())]
        if not any(all(name in whole for name in choice) for choice in choices):
            examples = (
                choice for choice in choices if all(name in whole or _has_example(fields, name) for name in choice)
            )
            whole = _completed(whole, next(examples, ()), fields)
    return whole


@lru_cache
def _schema(form: type[Form]) -> dict[str, Any]:
    return form.model_json_schema()


def _has_example(fields: Mapping[str, dict[str, Any]], name: str) -> bool:
    return bool(fields.get(name, {}).get("examples"))


def _completed(given: dict[str, Any], names: Iterable[str], fields: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    missing = (name for name in names if name not in given and _has_example(fields, name))
    return given | {name: deepcopy(fields[name]["examples"][0]) for name in missing}


def _applies(condition: Mapping[str, Any], given: Mapping[str, Any], fields: Mapping[str, dict[str, Any]]) -> bool:
    """Whether a form, with its defaults, meets the `if` of a rule."""
    values = {name: field["default"] for name, field in fields.items() if "default" in field} | dict(given)
    if not all(name in values for name in condition.get("required", ())):
        return False
    wanted: dict[str, dict[str, Any]] = condition.get("properties", {})
    return all(
        values[name] == rule["const"] if "const" in rule else values[name] in rule.get("enum", [values[name]])
        for name, rule in wanted.items()
        if name in values
    )
