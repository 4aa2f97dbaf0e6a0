"""A field that a sentence asks for cannot be left out, and what must be true cannot be false."""

from typing import Any

import pytest

from domain.filling import filled
from domain.refusals import Refused
from domain.tasks import TaskKind
from policies.coverage import fields_asked_for

FIELDS = fields_asked_for()
# A question that may be answered either way.
EITHER_WAY = {("connection.survey", "secondary_supply")}


def plain(kind: TaskKind) -> dict[str, Any]:
    """The form filled in the plain good way."""
    form = filled(kind.form, {})
    kind.filled(form)
    return form


@pytest.mark.clauses_of("field")
@pytest.mark.parametrize(("kind", "name"), FIELDS, ids=[f"{kind.key} {name}" for kind, name in FIELDS])
def test_a_field_that_a_sentence_asks_for_is_demanded(kind: TaskKind, name: str) -> None:
    form = plain(kind)
    with pytest.raises(Refused, match=name):
        kind.filled({field: value for field, value in form.items() if field != name})
    if form[name] is True:
        with pytest.raises(Refused, match="form"):
            kind.filled(form | {name: False})
    elif isinstance(form[name], bool):
        assert (kind.key, name) in EITHER_WAY
    else:
        for empty in ("", [], None):
            with pytest.raises(Refused, match=name):
                kind.filled(form | {name: empty})
