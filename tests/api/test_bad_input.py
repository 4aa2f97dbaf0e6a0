"""What is sent wrong is refused in one shape, in words that mend it, and never as a fault of ours."""

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel
from structlog.testing import capture_logs

from api import bodies as bodies_of
from tests.api.conftest import Site, eventually, opening, standing
from tests.api.test_access import MATRIX

PHONE, NAME = "13800000000", "张示例"


def fields(answer: Any) -> list[str]:
    assert (answer.status_code, answer.json()["code"]) == (422, "form-invalid"), answer.text
    return [fault["field"] for fault in answer.json()["where"]]


def test_every_fault_is_named_by_its_path_with_what_to_do(site: Site) -> None:
    body = {
        "account": {"no": "no spaces please", "class": PHONE, "phone": NAME},
        "bills": [{"no": "B1", "period": "2026-13", "amount": 86.4, "due_on": "10.3.2026"}, {"no": "B2"}],
    }
    refused = site.post("/arrears-cases", body, who="clerk")
    assert fields(refused) == [
        "account.no",
        "account.class",
        "account.phone",
        "bills[0].period",
        "bills[0].amount",
        "bills[0].due_on",
        "bills[1].period",
        "bills[1].amount",
        "bills[1].due_on",
    ]
    said = {fault["field"]: fault["problem"] for fault in refused.json()["where"]}
    assert said["account.class"] == "is none of the words known: write 'resident' or 'organisation'"
    assert "yuan string" in said["bills[0].amount"]
    assert said["bills[1].period"] == "is missing: give a value"


@pytest.mark.parametrize(
    "body",
    [
        {"account": {"no": PHONE * 5, "class": "resident", "phone": f"{NAME}{PHONE}"}, "bills": []},
        {"account": {"no": "1", "class": NAME, "phone": PHONE}, "bills": [{PHONE: NAME, "no": f"{NAME} {PHONE}"}]},
        {"account": [NAME, PHONE], "bills": f"{NAME}{PHONE}"},
    ],
)
def test_personal_data_is_never_said_back(site: Site, body: Any) -> None:
    answer = site.post("/arrears-cases", body, who="clerk")
    assert answer.status_code == 422
    assert PHONE not in answer.text
    assert NAME not in answer.text


def test_a_field_that_the_sender_made_up_is_not_said_back(site: Site, opened: dict[str, Any]) -> None:
    path = f"/cases/{opened['case_no']}/contact"
    answer = site.post(path, {"method": "phone", f"{NAME} {PHONE}": 1, "lenght": 2})
    assert fields(answer) == ["…", "lenght"]
    assert PHONE not in answer.text
    form = {"outcome": "served", "method": "posted", "photo": "x.jpg", PHONE: NAME}
    answer = site.post(f"/tasks/{opened['tasks'][0]['task_id']}/decide", {"form": form})
    assert fields(answer) == ["form.…"]


def test_a_form_names_its_own_fields(site: Site, opened: dict[str, Any]) -> None:
    path = f"/tasks/{opened['tasks'][0]['task_id']}/decide"
    assert fields(site.post(path, {"form": {}})) == ["form.outcome", "form.method"]
    no_proof = site.post(path, {"form": {"outcome": "served", "method": "posted"}})
    assert no_proof.json()["where"] == [{"field": "form", "problem": "served needs proof: give photo or receipt"}]


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"{not json", "application/json"),
        (b"\xff\xfe{}", "application/json"),
        (b"[" * 200_000, "application/json"),
        (b'{"form": ' + b'{"a":' * 400 + b"1" + b"}" * 400 + b"}", "application/json"),
        (b'{"form": {"reason": "\\u0000"}}', "application/json"),
        (b'{"form": {"reason": "\\ud800"}}', "application/json"),
        (b'{"form": {"outcome": NaN}}', "application/json"),
        (b'{"form": {"outcome": ' + b"9" * 5000 + b"}}", "application/json"),
        (b"form=1", "application/x-www-form-urlencoded"),
        (b"", "application/json"),
        (b"null", "application/json"),
        (b'"text"', "application/json"),
        (b"[]", "application/json"),
    ],
)
def test_a_body_that_is_no_form_is_refused(site: Site, opened: dict[str, Any], content: bytes, kind: str) -> None:
    headers = site.as_("collector") | {"Content-Type": kind}
    path = f"/tasks/{opened['tasks'][0]['task_id']}/decide"
    answer = site.http.post(path, content=content, headers=headers)
    assert fields(answer)


def test_a_body_that_is_too_large_is_refused_before_it_is_read(site: Site, opened: dict[str, Any]) -> None:
    path = f"/cases/{opened['case_no']}/contact"
    answer = site.post(path, {"method": "phone", "note": "x" * 2_000_000})
    assert (answer.status_code, answer.json()["code"]) == (413, "too-large")

    def parts() -> Any:
        yield from (b"x" * 100_000 for _ in range(20))

    headers = site.as_("collector") | {"Content-Type": "application/json"}
    answer = site.http.post(path, content=parts(), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (413, "too-large")


def test_days_far_from_any_life_are_refused(site: Site, opened: dict[str, Any]) -> None:
    path = f"/cases/{opened['case_no']}"
    for until in ("9999-12-31", "9999-12-31T23:59:59+00:00", "0001-01-01T00:00:00+08:00", 1, "2026-01-01T00:00:00"):
        assert fields(site.post(f"{path}/hold", {"reason": "x", "until": until})) == ["until"]
    served = {"outcome": "served", "method": "posted", "photo": "x.jpg", "served_at": "9999-12-31T23:59:59Z"}
    assert fields(site.post(f"/tasks/{opened['tasks'][0]['task_id']}/decide", {"form": served})) == ["form.served_at"]


def test_a_misspelt_filter_is_refused_and_not_passed_over(site: Site) -> None:
    assert fields(site.get("/cases", grids="G1")) == ["grids"]
    assert fields(site.get("/cases", limit=201)) == ["limit"]
    assert fields(site.get("/tasks", due_before="soon")) == ["due_before"]
    for after in ("nonsense", "W10", "WyJhIiwiYiJd", "¤"):
        answer = site.get("/cases", after=after)
        assert (answer.status_code, answer.json()["code"]) == (422, "form-invalid"), after


def test_an_address_without_a_door_and_a_wrong_method(site: Site) -> None:
    nowhere = site.get("/nowhere")
    assert (nowhere.status_code, nowhere.json()["code"]) == (404, "unknown")
    wrong = site.http.delete("/cases", headers=site.as_("auditor"))
    assert (wrong.status_code, wrong.json()["code"]) == (405, "no-such-method")
    for strange in ("%00", "%ED%A0%80", "%F0%9F%92%A7", "a" * 3000, "..%2F..", "'; drop table cases"):
        assert site.get(f"/cases/{strange}").status_code == 404, strange
        assert site.get(f"/tasks/{strange}").status_code == 404, strange


def test_what_nobody_foresaw_shows_nothing_of_its_insides(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*_: Any, **__: Any) -> None:
        raise RuntimeError(f"secret {PHONE}")

    monkeypatch.setattr("store.reads.case_list", breaks)
    answer = site.get("/cases")
    assert (answer.status_code, answer.json()["code"]) == (500, "unexpected")
    assert "secret" not in answer.text


# Whatever is sent to any door: an answer in the one shape, and never a fault of ours.

WORDS = [
    "B1",
    "86.40",
    "-1",
    "1e9",
    "2026-02",
    "2026-03-10",
    "9999-12-31",
    "0001-01-01T00:00:00Z",
    "phone",
    "customer",
    "collector",
    "served",
    "posted",
    "arrears.serve-dunning-notice",
    "2026-02-30",
]
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20),
    st.sampled_from([*WORDS, chr(0), chr(0xD800)]),
)
KINDS = [kind for kind in vars(bodies_of).values() if isinstance(kind, type) and issubclass(kind, BaseModel)]
FIELDS = sorted({field.alias or name for kind in KINDS for name, field in kind.model_fields.items()})
JSON = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.one_of(st.sampled_from(FIELDS), st.text(max_size=5)), inner)
    ),
    max_leaves=12,
)
GOOD: dict[str, Any] = {
    "/calendars/{year}": {"days_off": ["2170-01-01"], "make_up": ["2170-01-06"], "notice": "通知"},
    "/arrears-cases": opening("fuzz-1"),
    "/payments": {"account": "fuzz-1", "reference": "R", "amount": "1.00", "bills": [], "paid_at": None},
    "/payments/{reference}/reverse": {"account": "fuzz-1"},
    "/bills": {"account": "fuzz-1"} | opening("x")["bills"][0],
    "/bills/{no}/correct": {"account": "fuzz-1", "reason": "x", "instead": opening("x")["bills"][0] | {"no": "B1c"}},
    "/accounts/{account}/changes": {"what": "owner", "on": "2026-11-01", "bills": ["B1"], "class": "organisation"},
    "waive": {"bills": ["B1"], "reason": "x", "evidence": "x.jpg"},
    "violation": {"found": "self-opened", "evidence": "x.jpg", "note": "x"},
    "/ledger/confirm": {"source": "billing", "at": "2026-03-11T06:00:00+08:00"},
    "contact": {"method": "phone", "reached": True, "note": "x"},
    "dispute": ["B1"],
    "resolve": ["B1"],
    "plan": {"parts": [{"amount": "1.00", "due_on": "2027-01-01"}]},
    "promise": {"amount": "1.00", "by": "2027-01-01"},
    "hold": {"reason": "x", "until": "2027-01-01"},
    "release": {},
    "pause": {"task": "arrears.serve-dunning-notice", "party": "customer", "reason": "x"},
    "resume": {"task": "arrears.serve-dunning-notice"},
    "reassign": {"task": "arrears.serve-dunning-notice", "to": "collector", "reason": "x"},
    "urge": {"task": "arrears.serve-dunning-notice"},
    "progress": {"task": "arrears.serve-dunning-notice", "note": "x"},
    "escalate": {"task": "arrears.serve-dunning-notice", "reason": "x"},
    "occupancy": {"share": 0.5},
    "declare": {"what": "problem", "form": {"problem": "x"}},
    "cosign": {"task": "arrears.serve-dunning-notice", "of": "engineer", "reason": "x"},
    "drop-cosign": {"task": "arrears.serve-dunning-notice", "reason": "x"},
    "send-back": {"to": "connection.survey", "reason": "x"},
    "take-back": {"task": "connection.survey", "reason": "x"},
    "reopen": {"reason": "x"},
    "grids": {"name": "1", "kind": "reading-area", "section": "x", "office": "x"},
    "posts": {"grid": "1", "post": "A", "person": "collector", "work_phone": "13800000000", "wechat": True},
    "approve": {"grid": "1", "post": "A"},
    "hand-overs": {"grid": "1", "post": "A", "person": "collector", "handed": ["accounts"]},
    "absences": {
        "person": "collector",
        "stand_in": "collector",
        "starts_at": "2170-03-11T09:00:00+08:00",
        "ends_at": "2170-03-12T09:00:00+08:00",
        "reason": "x",
    },
    "hand-over": {"to": "collector", "reason": "x"},
    "duties": {
        "person": "engineer",
        "part": "office",
        "name": "x",
        "starts_at": "2170-03-11T09:00:00+08:00",
        "ends_at": "2170-03-12T09:00:00+08:00",
    },
    "decide": {"form": {"outcome": "failed", "method": "posted", "reason": "x"}, "subject": None},
}
POSTS = sorted(path for method, path in MATRIX if method == "POST" and not path.endswith(("imports", "withdraw")))


@st.composite
def bodies(draw: st.DrawFn, good: Any) -> Any:
    """A good body with something in it gone, swapped or added, or anything at all."""
    if draw(st.integers(0, 4)) == 0:
        return draw(JSON)
    body = json.loads(json.dumps(good))
    for _ in range(draw(st.integers(0, 3))):
        place = body
        while isinstance(place, dict | list) and place:
            keys = list(place) if isinstance(place, dict) else range(len(place))
            key = draw(st.sampled_from(list(keys)))
            if isinstance(place[key], dict | list) and place[key] and draw(st.booleans()):
                place = place[key]
                continue
            if draw(st.integers(0, 3)) == 0:
                del place[key]
            else:
                place[key] = draw(JSON)
            break
    return body


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A house of its own: whatever comes may send anybody there away, and hand their work to anybody else."""
    with standing(tmp_path_factory.mktemp("fuzzed")) as house:
        house.add("anybody", "clerk", "collector", "supervisor", "engineer", "administrator", "representative")
        yield house


@pytest.fixture(scope="module")
def fuzzed(house: Site) -> dict[str, str]:
    """One case that takes whatever comes."""
    made = house.post("/arrears-cases", opening("fuzz-1", amount="1000000.00"), who="clerk").json()
    return {
        "case_no": made["case_no"],
        "task_id": made["tasks"][0]["task_id"],
        "key": "arrears.serve-dunning-notice",
        "reference": "R",
        "no": "B1",
        "account": "fuzz-1",
        "year": "2170",
        "number": "1",
        "id": "collector",
    }


@pytest.mark.parametrize("path", POSTS)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_no_body_is_ever_a_fault_of_ours(house: Site, fuzzed: dict[str, str], path: str, data: st.DataObject) -> None:
    good = GOOD.get(path, GOOD.get(path.rpartition("/")[2], {}))
    body = data.draw(bodies(good))
    key = data.draw(st.sampled_from([None, None, "k1", "k2", "é", "x" * 200]))
    headers: dict[str, Any] = house.as_("anybody") | {"Content-Type": "application/json"}
    if key is not None:
        headers["Idempotency-Key"] = key.encode()
    answer = house.http.post(path.format(**fuzzed), content=json.dumps(body).encode(), headers=headers)
    assert answer.status_code in (200, 201, 202, 204, 403, 404, 409, 422), answer.text
    if answer.status_code >= 400:
        assert {"code", "message"} <= set(answer.json())


def test_the_case_that_took_it_all_still_answers(house: Site, fuzzed: dict[str, str]) -> None:
    told = house.post(f"/cases/{fuzzed['case_no']}/contact", {"method": "phone"}, who="anybody")
    assert told.status_code == 200, told.text
    assert house.get(f"/cases/{fuzzed['case_no']}").status_code == 200


def test_whoever_goes_away_in_the_middle_of_a_form_leaves_no_fault_behind(site: Site, opened: dict[str, Any]) -> None:
    """A phone on a weak network: half of what it promised came, and then nothing."""
    body, path = b"outcome=served&meth", f"/tasks/{opened['tasks'][0]['task_id']}/decide"
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body) * 2}\r\n"
    head += f"Authorization: {site.as_('collector')['Authorization']}\r\nSec-Fetch-Site: same-origin\r\n"
    head += "Content-Type: application/x-www-form-urlencoded\r\n\r\n"
    with capture_logs() as said:
        with socket.create_connection(("127.0.0.1", site.settings.api_port)) as sent:
            sent.sendall(head.encode() + body)
        eventually(lambda: any(each["event"] == "api.gone" for each in said))
    assert not [each for each in said if each["event"] == "api.unexpected"]
