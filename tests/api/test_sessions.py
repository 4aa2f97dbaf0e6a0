"""Log in and out by HTTP: the cookie, other sites, too many attempts, and a password that is never said back."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.browser import POLICY
from runtime.wall_clock import now
from settings import Settings
from store.database import Database
from store.people import Person, add_person, set_roles, shut_out
from store.sessions import set_password
from store.tables import access_log, metadata, refusals

PASSWORD = "canary sentence 9b1d"
HERE = {"Sec-Fetch-Site": "same-origin"}
PAYMENT = {"account": "none-1", "reference": "T-1", "amount": "1.00"}


class Desk:
    """API processes over one store, at a time that the test says. No engine: nothing here needs one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.at = now()
        self.database = Database(f"sqlite:///{folder / 'guanjia.db'}", durable=False)
        metadata.create_all(self.database.engine)
        with self.database.write() as connection:
            self.token = add_person(connection, Person(id="clerk", name="陈晓雨", roles=("clerk",)))
            set_password(connection, "clerk", PASSWORD, by="administrator", at=self.at)

    @contextmanager
    def site(self, base: str = "http://testserver", **more: Any) -> Iterator[TestClient]:
        app = create_app(Settings(data=self.folder, **more), database=self.database, clock=lambda: self.at)
        with TestClient(app, base_url=base) as http:
            yield http

    def logged(self, table: Any) -> str:
        with self.database.read() as connection:
            return str(connection.execute(table.select()).all())


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    desk.database.close()


def enter(http: TestClient, password: str = PASSWORD, id: str = "clerk", **more: Any) -> Any:
    return http.post("/api/v1/session", json={"id": id, "password": password}, **more)


def test_the_cookie_of_a_plain_site(desk: Desk) -> None:
    with desk.site() as http:
        answer = enter(http)
        assert (answer.status_code, answer.content) == (204, b"")
        said = answer.headers["Set-Cookie"]
        assert said.startswith("guanjia=")
        assert {"HttpOnly", "Path=/", "SameSite=lax"} <= set(said.split("; "))
        assert "Secure" not in said
        assert "Domain" not in said
        assert http.get("/api/v1/me").json()["name"] == "陈晓雨"


@pytest.mark.parametrize(
    ("base", "more"), [("https://testserver", {}), ("https://water.example", {"public_url": "https://water.example/"})]
)
def test_the_cookie_of_a_site_by_https(desk: Desk, base: str, more: dict[str, Any]) -> None:
    with desk.site(base, **more) as http:
        said = enter(http).headers["Set-Cookie"]
        assert said.startswith("__Host-guanjia=")
        assert {"HttpOnly", "Path=/", "SameSite=lax", "Secure"} <= set(said.split("; "))
        assert "Domain" not in said
        assert http.get("/api/v1/me").status_code == 200
        token = said.partition("=")[2].partition(";")[0]
        http.cookies.clear()
        assert http.get("/api/v1/me", headers={"Cookie": f"guanjia={token}"}).status_code == 401


def test_public_url_says_https_whatever_the_proxy_speaks(desk: Desk) -> None:
    with desk.site("http://127.0.0.1:8080", public_url="https://water.example") as http:
        assert enter(http).headers["Set-Cookie"].startswith("__Host-guanjia=")
        foreign = enter(http, headers={"Origin": "http://127.0.0.1:8080"})
        assert (foreign.status_code, foreign.json()["code"]) == (403, "cross-site")
        assert enter(http, headers={"Origin": "https://water.example"}).status_code == 204


def test_a_header_of_the_sender_makes_no_site_https(desk: Desk) -> None:
    with desk.site() as http:
        assert enter(http, headers={"X-Forwarded-Proto": "https"}).headers["Set-Cookie"].startswith("guanjia=")


def test_a_session_ends_by_leaving_and_by_time(desk: Desk) -> None:
    with desk.site() as http:
        enter(http)
        old = http.cookies["guanjia"]
        left = http.delete("/api/v1/session", headers=HERE)
        assert left.status_code == 204
        assert 'guanjia=""; HttpOnly; Max-Age=0' in left.headers["Set-Cookie"]
        assert http.get("/api/v1/me", headers={"Cookie": f"guanjia={old}"}).status_code == 401
        enter(http)
        desk.at += timedelta(hours=8)
        assert http.get("/api/v1/me").json()["code"] == "not-signed-in"


def test_logging_in_again_ends_the_session_before(desk: Desk) -> None:
    with desk.site() as http:
        enter(http)
        old = http.cookies["guanjia"]
        enter(http, headers=HERE)
        assert http.cookies["guanjia"] != old
        http.cookies.clear()
        assert http.get("/api/v1/me", headers={"Cookie": f"guanjia={old}"}).status_code == 401


def test_a_role_taken_away_is_gone_from_a_session_at_the_next_request(desk: Desk) -> None:
    with desk.site() as http:
        enter(http)
        assert http.post("/api/v1/payments", json=PAYMENT, headers=HERE).json()["code"] == "unknown"
        with desk.database.write() as connection:
            set_roles(connection, "clerk", ("auditor",))
        assert http.post("/api/v1/payments", json=PAYMENT, headers=HERE).json()["code"] == "wrong-role"
        with desk.database.write() as connection:
            shut_out(connection, "clerk")
        assert http.get("/api/v1/me").status_code == 401


def test_a_token_wins_over_a_session(desk: Desk) -> None:
    with desk.site() as http:
        enter(http)
        assert http.get("/api/v1/me", headers={"Authorization": "Bearer nobody"}).status_code == 401
        with desk.database.write() as connection:
            other = add_person(connection, Person(id="auditor", name="梁鉴水", roles=("auditor",)))
        assert http.get("/api/v1/me", headers={"Authorization": f"Bearer {other}"}).json()["id"] == "auditor"


@pytest.mark.parametrize(
    ("said", "passes"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "none"}, True),
        ({"Origin": "http://testserver"}, True),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "http://testserver"}, False),
        ({"Origin": "http://evil.example"}, False),
        ({"Origin": "http://testserver:81"}, False),
        ({"Origin": "null"}, False),
        ({}, False),
    ],
)
def test_another_site_changes_nothing_in_a_session(desk: Desk, said: dict[str, str], passes: bool) -> None:
    with desk.site() as http:
        enter(http)
        answer = http.post("/api/v1/payments", json=PAYMENT, headers=said)
        assert answer.json()["code"] == ("unknown" if passes else "cross-site"), answer.text
        assert answer.status_code == (404 if passes else 403)
        assert http.get("/api/v1/me", headers=said).status_code == 200
        bearer = said | {"Authorization": f"Bearer {desk.token}"}
        assert http.post("/api/v1/payments", json=PAYMENT, headers=bearer).json()["code"] == "unknown"


def test_another_site_logs_nobody_in(desk: Desk) -> None:
    with desk.site() as http:
        assert enter(http, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
        assert enter(http, headers={"Origin": "http://evil.example"}).status_code == 403


def test_the_limit_holds_across_api_processes(desk: Desk) -> None:
    with desk.site() as one, desk.site() as two:
        told = [enter((one, two)[number % 2], "a wrong password").status_code for number in range(10)]
        assert told == [401] * 10
        for http in (one, two):
            refused = enter(http)
            assert (refused.status_code, refused.json()["code"]) == (429, "too-often")
            assert refused.headers["Retry-After"] == str(15 * 60)
        desk.at += timedelta(minutes=15)
        assert enter(two).status_code == 204


def test_an_address_is_limited_whatever_ids_it_tries(desk: Desk) -> None:
    with desk.site(logins_per_address="3 per minute") as http:
        told = [enter(http, id=f"nobody-{number}").status_code for number in range(4)]
        assert told == [401, 401, 401, 429]


def test_a_password_is_never_said_back_nor_logged(desk: Desk, capfd: pytest.CaptureFixture[str]) -> None:
    wrong = "canary wrong 3c5e"
    bodies: list[Any] = [
        {"id": "clerk", "password": wrong},
        {"id": wrong, "password": wrong},
        {"id": "clerk", "password": [wrong]},
        {"id": "clerk", "password": wrong, wrong: wrong},
        {"id": "clerk", "password": wrong * 100},
        wrong,
    ]
    with desk.site() as http:
        answers = [http.post("/api/v1/session", json=body) for body in bodies]
        answers.append(http.post("/api/v1/session", content=f'{{"id": "clerk", "password": "{wrong}'))
        assert [answer.status_code for answer in answers] == [401, 401, 422, 422, 422, 422, 422]
    for told in (*(answer.text for answer in answers), *capfd.readouterr()):
        assert "canary" not in told
    for table in (access_log, refusals):
        assert "canary" not in desk.logged(table)


@pytest.mark.parametrize("strange", ["\u0000", "水" * 100, "clerk\n", " "])
def test_a_strange_id_is_an_answer_and_no_fault(desk: Desk, strange: str) -> None:
    with desk.site() as http:
        assert enter(http, id=strange).status_code in (204, 401, 422)


def test_pages_say_what_a_browser_may_do(desk: Desk) -> None:
    with desk.site() as http:
        me = enter(http)
        assert me.headers["Cache-Control"] == "no-store"
        page = http.get("/docs")
        assert page.headers["X-Content-Type-Options"] == "nosniff"
        assert page.headers["Referrer-Policy"] == "same-origin"
        assert page.headers["Cache-Control"] == "no-store"
        assert "style-src 'sha256-" in page.headers["Content-Security-Policy"]
        assert "Content-Security-Policy" not in http.get("/api/v1/me").headers
        http.app.router.add_route("/hello", _hello)  # type: ignore[attr-defined]
        assert http.get("/hello").headers["Content-Security-Policy"] == POLICY


async def _hello(request: Any) -> Any:
    from starlette.responses import HTMLResponse

    return HTMLResponse("<!doctype html>")
