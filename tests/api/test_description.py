"""The description of the API is true: every door says what it takes and answers, and examples fit."""

from typing import Any, get_args

import pytest
from pydantic import BaseModel

from api import bodies, errors
from api.app import create_app
from domain.refusals import RefusalCode
from settings import Settings
from tests.api.conftest import Site

FILES = {("/api/v1/files/{sha256}", "200"), ("/api/v1/files/{sha256}", "304")}
"""What is answered as a file, or with nothing at all."""


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    return create_app(Settings()).openapi()


def doors(described: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [(path, method, door) for path, methods in described["paths"].items() for method, door in methods.items()]


WITHOUT_TOKEN = {("post", "/api/v1/session"), ("post", "/api/v1/ledger/events"), ("post", "/api/v1/messages/receipts")}


def test_every_door_says_what_it_is_for_and_how_it_refuses(described: dict[str, Any]) -> None:
    for path, method, door in doors(described):
        assert door["description"], path
        if path.startswith("/api/"):
            assert "401" in door["responses"], path
            assert door["security"] or (method, path) in WITHOUT_TOKEN, path
        for status, answer in door["responses"].items():
            if status == "204" or (path, status) in FILES or (path.endswith((".xlsx", ".pdf")) and status == "200"):
                continue
            schema = answer["content"]["application/json"]["schema"]
            assert schema, (path, status)
            if status in ("401", "403", "404", "409", "413", "422", "503") and path.startswith("/api/"):
                assert schema["$ref"].endswith("/Problem"), (path, method, status)


def test_money_is_a_string_wherever_it_goes_in_or_out(described: dict[str, Any]) -> None:
    for name, schema in described["components"]["schemas"].items():
        for field, said in schema.get("properties", {}).items():
            if field in ("amount", "late_fee", "owed", "overdue", "prepaid") and "$ref" not in said:
                kinds = {each["type"] for each in said.get("anyOf", [said])} - {"null"}
                assert kinds <= {"string", "boolean"}, (name, field)
            assert not field.endswith("_fen"), (name, field)


def test_every_refusal_code_has_one_status() -> None:
    assert set(errors.STATUS) == set(get_args(RefusalCode))


def test_the_examples_of_every_body_are_good() -> None:
    kinds = [kind for kind in vars(bodies).values() if isinstance(kind, type) and issubclass(kind, BaseModel)]
    for kind in (kind for kind in kinds if kind.__module__ == bodies.__name__):
        fields = {field.alias or name: field for name, field in kind.model_fields.items()}
        kind.model_validate({name: field.examples[0] for name, field in fields.items() if field.is_required()})


def test_the_overview_needs_nothing_from_elsewhere(site: Site) -> None:
    page = site.http.get("/../../docs")
    assert page.status_code == 200
    assert "/api/v1/arrears-cases" in page.text
    assert "<script" not in page.text
    assert "http" not in page.text
    assert site.http.get("/openapi.json").json()["info"]["title"] == "Guanjia 水管家"
