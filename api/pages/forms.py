"""A task's form as a page shows it and reads it back: fields from the schema, the sender's words kept when wrong."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple, TypeVar, cast

from fastapi import UploadFile
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from starlette.datastructures import FormData
from starlette.datastructures import UploadFile as Uploaded

from domain.calendars import CHINA

Kind = Literal["choice", "tick", "text", "long", "number", "instant", "day", "photo", "signature", "names", "items"]
B = TypeVar("B", bound=BaseModel)
LONG = 400
NOT_FIELDS = ("once", "lang")


class Field(NamedTuple):
    """One field. `when`: the outcomes that demand it. `options`: what may be picked from; more may be typed.

    `told`: what each option is called, where its name says too little.
    """

    name: str
    title: str
    kind: Kind
    required: bool
    when: tuple[str, ...]
    one_of: tuple[str, ...]
    options: tuple[str, ...]
    value: Any
    fault: str | None
    step: str = "any"
    longest: int | None = None
    told: tuple[str, ...] = ()


def fields_of(
    form: type[BaseModel],
    *,
    given: Mapping[str, Any] | None = None,
    faults: Mapping[str, str] | None = None,
    options: Mapping[str, Sequence[str]] | None = None,
    told: Mapping[str, Sequence[str]] | None = None,
) -> list[Field]:
    """The fields of a form, in its order, filled with what was `given` before and with what was wrong with it."""
    schema = form.model_json_schema()
    given, faults, options = given or {}, faults or {}, options or {}
    demanded = _demanded(schema)
    return [
        Field(
            name=name,
            title=part.get("title", name),
            kind=_kind(name, part),
            required=name in schema.get("required", ()),
            when=tuple(demanded.get(name, ())),
            one_of=tuple(_plain(part).get("enum", ())),
            options=tuple(options.get(name, ())),
            value=given.get(name),
            fault=faults.get(name),
            step="1" if _plain(part).get("type") == "integer" else "any",
            longest=_plain(part).get("maxLength"),
            told=tuple((told or {}).get(name, ())),
        )
        for name, part in schema["properties"].items()
    ]


def _plain(part: dict[str, Any]) -> dict[str, Any]:
    """The first of several shapes a field may have, with what is said of all of them."""
    return (
        {**part["anyOf"][0], **{key: value for key, value in part.items() if key != "anyOf"}}
        if "anyOf" in part
        else part
    )


def _kind(name: str, part: dict[str, Any]) -> Kind:
    if "contentMediaType" in part:
        return "signature" if name == "signature" else "photo"
    shapes = [each.get("format") for each in part.get("anyOf", ())]
    match _plain(part):
        case {"enum": _}:
            return "choice"
        case {"type": "boolean"}:
            return "tick"
        case {"type": "integer" | "number"}:
            return "number"
        case {"format": "date-time"} if "date" not in shapes:
            return "instant"
        case {"format": "date" | "date-time"}:
            return "day"
        case {"type": "array"}:
            return "names"
        case {"type": "object"}:
            return "items"
        case {"maxLength": longest} if longest >= LONG:
            return "long"
        case _:
            return "text"


def _demanded(schema: dict[str, Any]) -> dict[str, list[str]]:
    """Which outcomes demand a field."""
    found: dict[str, list[str]] = {}
    for rule in schema.get("allOf", ()):
        outcome, then = rule["if"]["properties"]["outcome"]["const"], rule["then"]
        for name in [*then.get("required", ()), *(each["required"][0] for each in then.get("anyOf", ()))]:
            found.setdefault(name, []).append(outcome)
    return found


def read_back(form: type[BaseModel], sent: FormData) -> tuple[dict[str, Any], dict[str, UploadFile]]:
    """What was filled in, as the JSON door takes it, and the files that came with it. Empty fields are left out."""
    filled: dict[str, Any] = {}
    files: dict[str, UploadFile] = {}
    for field in fields_of(form):
        values = sent.getlist(field.name)
        texts = [value.strip() for value in values if isinstance(value, str) and value.strip()]
        uploads = [cast(UploadFile, value) for value in values if isinstance(value, Uploaded) and value.filename]
        match field.kind:
            case "tick":
                filled[field.name] = bool(texts)
            case "names":
                lines = [line.strip() for text in texts for line in text.splitlines() if line.strip()]
                if lines:
                    filled[field.name] = list(dict.fromkeys(lines))
            case "items":
                items = dict(_item(line) for text in texts for line in text.splitlines() if line.strip())
                items |= _named_items(field.name, sent)
                if items:
                    filled[field.name] = items
            case "instant" if texts:
                filled[field.name] = instant_of(texts[0])
            case "photo" | "signature" if uploads:
                files[field.name] = uploads[0]
            case _ if texts:
                filled[field.name] = texts[0]
            case _:
                pass
    return filled, files


def _named_items(name: str, sent: FormData) -> dict[str, str]:
    """Items that have a line of their own on the page: `failed.barriers` says what is wrong with the barriers."""
    lines = ((key.partition(".")[2], value) for key, value in sent.multi_items() if key.startswith(f"{name}."))
    return {item: why.strip() for item, why in lines if isinstance(why, str) and why.strip()}


def _item(line: str) -> tuple[str, str]:
    """`12 渗漏`, `12: 渗漏` or `12，渗漏`: an item's number and the reason."""
    number, _, reason = line.strip().replace("：", " ").replace(":", " ").replace("，", " ").partition(" ")
    return number, reason.strip()


def instant_of(text: str) -> str:
    """A browser's date and time, which says no zone: the utility's own."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return text
    return (at if at.tzinfo else at.replace(tzinfo=CHINA)).isoformat()


def faults_by_field(invalid: RequestValidationError, form: type[BaseModel]) -> dict[str, str]:
    """What is wrong, by field; what concerns the form as a whole is at the field it names, or under ``."""
    told: dict[str, str] = {}
    for fault in invalid.errors():
        words = str(fault["msg"]).removeprefix("Value error, ")
        name = next((part for part in fault["loc"] if part in form.model_fields), None)
        if name is None:
            name = next((field for field in form.model_fields if field in words.replace(":", " ").split()), "")
        told.setdefault(str(name), words)
    return told


def meant(kind: type[B], /, **said: Any) -> B:
    """What a page's small form says, as the JSON door takes it. Raises `RequestValidationError` naming each field."""
    try:
        return kind.model_validate(said)
    except ValidationError as invalid:
        faults = invalid.errors(include_url=False, include_input=False)
        raise RequestValidationError([fault | {"loc": ("body", *fault["loc"])} for fault in faults]) from None
