"""One row of a table that proves one sentence: the row is named after it and claims it, read by `policies.coverage`."""

from typing import Any

import pytest


def claiming(clause: str, *values: Any, **said: Any) -> Any:
    """Parameters that begin with a sentence's id, and that prove it alone; `said` becomes the last of them."""
    shown = (clause, *map(str, (value for value in values if isinstance(value, str))), *map(str, said.values()))
    return pytest.param(
        clause, *values, *([said] if said else []), id=" ".join(shown), marks=pytest.mark.clause(clause)
    )
