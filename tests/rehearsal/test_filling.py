"""Forms left out, wholly or in part."""

from datetime import UTC, date, datetime
from typing import Any, Literal

import pytest
from pydantic import ConfigDict, Field

from domain.arrears.forms import (
    LegalReferral,
    LimitApproval,
    LimitRecord,
    NonpayerReport,
    RestoreRecord,
    Service,
)
from domain.filling import filled
from domain.processes import TASKS
from domain.refusals import Refused
from domain.tasks import Form, TaskKind, required_when


@pytest.mark.parametrize("kind", TASKS.values(), ids=TASKS)
def test_an_empty_form_becomes_the_plain_good_outcome_of_its_task(kind: TaskKind) -> None:
    form = kind.filled(filled(kind.form, {}))
    assert form.decision in (None, *kind.form.model_json_schema()["properties"].get("outcome", {}).get("examples", []))


@pytest.mark.parametrize(
    ("form", "given", "whole"),
    [
        (Service, {}, {"outcome": "served", "method": "posted", "photo": "notice.jpg"}),
        (Service, {"receipt": "R-1"}, {"outcome": "served", "method": "posted", "receipt": "R-1"}),
        (Service, {"outcome": "failed"}, {"outcome": "failed", "method": "posted"}),
        (NonpayerReport, {"reason": "搬走"}, {"reason": "搬走"}),
        (LimitApproval, {}, {"outcome": "approve"}),
        (LimitApproval, {"outcome": "refuse"}, {"outcome": "refuse", "reason": "见案卷"}),
        (
            LimitRecord,
            {"seal": "S-7"},
            {
                "outcome": "done",
                "seal": "S-7",
                "pressure_before": "0.28",
                "pressure_after": "0.05",
                "photo": "valve.jpg",
            },
        ),
        (LimitRecord, {"outcome": "unable"}, {"outcome": "unable", "reason": "到场记录"}),
        (RestoreRecord, {}, {"outcome": "restored"}),
        (LegalReferral, {"outcome": "keep"}, {"outcome": "keep"}),
    ],
)
def test_what_the_outcome_demands_is_filled_in_and_nothing_else(
    form: type[Form], given: dict[str, Any], whole: dict[str, Any]
) -> None:
    before = dict(given)
    assert filled(form, given) == whole
    assert given == before


@pytest.mark.parametrize("nothing", [None, ""])
def test_a_field_given_as_nothing_is_left_for_the_form_to_refuse(nothing: str | None) -> None:
    whole = filled(Service, {"photo": nothing})
    assert whole == {"outcome": "served", "method": "posted", "photo": nothing}
    with pytest.raises(Refused, match="served needs proof"):
        TASKS["arrears.serve-dunning-notice"].filled(whole)


def test_what_has_no_example_stays_missing_and_the_form_says_so() -> None:
    assert filled(LimitApproval, {"outcome": "defer"}) == {"outcome": "defer"}
    with pytest.raises(Refused, match="defer needs until"):
        TASKS["arrears.approve-limit"].filled(filled(LimitApproval, {"outcome": "defer"}))


@pytest.mark.parametrize("until", [date(2026, 5, 1), datetime(2026, 5, 1, tzinfo=UTC), "2026-05-01"])
def test_days_and_instants_are_passed_on_as_they_are(until: object) -> None:
    assert filled(LimitApproval, {"outcome": "defer", "until": until})["until"] == until


class Visit(Form):
    """A form with everything that a schema may do to filling."""

    model_config = ConfigDict(
        json_schema_extra={
            "allOf": [required_when("met", "names"), required_when("missed", "slip", any_of=("note", "photo"))]
        }
    )

    outcome: Literal["met", "missed"] = "met"
    names: list[str] | None = Field(None, examples=[["李"]])
    slip: str | None = None
    note: str | None = None
    photo: str | None = Field(None, examples=["door.jpg"])


def test_a_default_outcome_counts_and_the_first_alternative_with_an_example_is_taken() -> None:
    assert filled(Visit, {}) == {"names": ["李"]}
    assert filled(Visit, {"outcome": "missed"}) == {"outcome": "missed", "photo": "door.jpg"}
    assert filled(Visit, {"outcome": "missed", "note": "ill"}) == {"outcome": "missed", "note": "ill"}


def test_an_example_that_was_filled_in_may_be_changed_without_changing_the_next() -> None:
    filled(Visit, {})["names"].append("王")
    assert filled(Visit, {}) == {"names": ["李"]}
