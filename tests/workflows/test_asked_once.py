"""What a case calls for is asked once of the same facts, policy and calendar, and again of any other."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from workflows.case import once_a_change


@dataclass
class Asked:
    facts: object
    policy: object
    calendar: object
    answers: dict[str, Any] = field(default_factory=dict)
    times: int = 0

    @once_a_change
    def next_step(self) -> int:
        self.times += 1
        return self.times

    @once_a_change
    def next_moment(self) -> None:
        self.times += 1


def test_the_same_facts_are_asked_once() -> None:
    case = Asked([], [], [])
    assert [case.next_step(), case.next_step()] == [1, 1]
    assert [case.next_moment(), case.next_moment(), case.times] == [None, None, 2]


@pytest.mark.parametrize("changed", ["facts", "policy", "calendar"])
def test_others_are_asked_again_although_they_are_equal(changed: str) -> None:
    case = Asked([], [], [])
    case.next_step()
    setattr(case, changed, [])
    assert case.next_step() == 2
