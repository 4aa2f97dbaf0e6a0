"""Evidence in a form: a text may be the plain name of a photo or paper, or stand for an uploaded file of the case."""

import re
from collections.abc import Iterator
from typing import Any

STANDS_FOR = "sha256:"
_NAMED = re.compile(rf"{STANDS_FOR}\S*")
_FILE = re.compile(rf"{STANDS_FOR}([0-9a-f]{{64}})")


def files_in(form: Any) -> Iterator[tuple[str, str | None]]:
    """Each value of a form that stands for a file: its field, and the file's hash; None where that is none."""
    yield from _in("", form)


def _in(path: str, value: Any) -> Iterator[tuple[str, str | None]]:
    match value:
        case str() if _NAMED.fullmatch(value):
            found = _FILE.fullmatch(value)
            yield path, found[1] if found else None
        case dict():
            for name, part in value.items():
                yield from _in(f"{path}.{name}".lstrip("."), part)
        case list() | tuple():
            for index, part in enumerate(value):
                yield from _in(f"{path}[{index}]", part)
