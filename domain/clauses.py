"""Where code says which sentence of a regulation it keeps (`docs/decisions/0010-how-a-clause-is-kept.md`).

Read from the source by `guanjia clauses`, never at run time: a sentence is named beside what keeps it, nowhere else.
"""

from collections.abc import Callable
from typing import TypeVar

from pydantic import JsonValue

Kept = TypeVar("Kept")


def keeps(*clauses: str) -> Callable[[Kept], Kept]:
    """Marks the function or class that keeps these sentences; changes nothing in it."""
    return lambda kept: kept


def asked_by(*clauses: str) -> dict[str, JsonValue]:
    """`json_schema_extra` of a form field: the sentences that ask for it, carried in the form's JSON schema."""
    return {"clauses": list[JsonValue](clauses)}
