"""What goes into a case: read back as it was said, and one policy for all that are pinned to it."""

from datetime import datetime
from typing import Any

from domain.account import Account
from domain.calendars import CHINA
from policies.packs import load_calendar, load_pack
from workflows.messages import AT_MOST, ArrearsOpened


def opened(no: str, **changed: Any) -> ArrearsOpened:
    pack = load_pack("jinan")
    assert pack.arrears is not None
    return ArrearsOpened(
        case_no=f"QF-20260311-{no}",
        pack=pack.name,
        calendar=load_calendar(),
        opened_at=datetime(2026, 3, 11, 9, tzinfo=CHINA),
        account=Account(no=no, customer_class="resident"),
        policy=pack.arrears.model_copy(update=changed),
        ledger=(),
    )


def read(message: ArrearsOpened) -> ArrearsOpened:
    return ArrearsOpened.model_validate_json(message.model_dump_json())


def test_cases_pinned_to_the_same_policy_hold_one_object() -> None:
    first, second = read(opened("0001")), read(opened("0002"))
    assert first == opened("0001")
    assert first.policy is second.policy
    assert first.account != second.account


def test_a_policy_that_differs_is_another() -> None:
    plain = opened("0001").policy
    threshold = plain.threshold.model_copy(update={"value": plain.threshold.value + 1})
    other = read(opened("0001", threshold=threshold))
    assert other.policy.threshold.value == plain.threshold.value + 1
    assert read(opened("0002")).policy == plain


def test_what_is_kept_of_policies_does_not_grow_for_ever() -> None:
    plain = opened("0001").policy
    for more in range(AT_MOST + 2):
        threshold = plain.threshold.model_copy(update={"value": more})
        assert read(opened("0001", threshold=threshold)).policy.threshold.value == more
