"""A limit that a desk writes down outside the hours for it: the door asks when it was done on site."""

from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import Response

from api.errands import Errands
from api.once import Once
from domain.refusals import Refused
from store.people import Person
from tests.domain.arrears.openings import CASE_NO, LIMIT, at, bill, plain
from tests.store.booked import Booked, booked


class Reached(Exception):
    """The door had nothing against it."""


class Engine:
    async def client(self) -> Any:
        raise Reached


def errands(play: Booked, clock: datetime) -> Errands:
    house: Any = SimpleNamespace(database=play.database, clock=lambda: clock, engine=Engine())
    return Errands(Person(id="zhao", name="zhao", roles=("engineer",)), house, Once(None, ""), Response())


@pytest.mark.parametrize(
    ("written_at", "said", "asks"),
    [
        ("2026-04-20 15:59", {}, False),
        ("2026-04-20 21:00", {}, True),
        ("2026-04-20 21:00", {"done_at": "2026-04-20T15:40:00+08:00"}, False),
    ],
)
async def test_a_limit_written_down_in_the_evening_says_when_it_was_done(
    tmp_path: Path, written_at: str, said: dict[str, Any], asks: bool
) -> None:
    play = booked(str(tmp_path), bill("B1", "86.40", "2026-03-10"))
    play.drive(LIMIT)
    case: Any = SimpleNamespace(case_no=CASE_NO, process="arrears", subject="0410023")
    telling = errands(play, at(written_at)).decide(case, LIMIT, plain(LIMIT, **said))
    with pytest.raises(Refused if asks else Reached) as told:
        await telling
    if asks:
        assert "done_at" in str(told.value)
    play.database.close()
