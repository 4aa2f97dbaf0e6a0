"""Sessions of people at a browser: how one begins and ends, the cookie that carries it, and who sent a request.

The cookie is of no use to a script, and over https no other host or path can set it. Where the site is https is said by
the setting `public_url`, and without it by the request itself.
"""

from ipaddress import IPv6Address, ip_address
from urllib.parse import urlsplit

from fastapi import Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection

from api.house import House
from settings import Settings
from store import people, sessions
from store.people import Person
from store.sessions import Terms

COOKIE, SECURE_COOKIE = "guanjia", "__Host-guanjia"
LONGEST_ID = 100
NETWORK = 64  # of an IPv6 address: one home has as many as it likes of the rest


async def enter(request: Request, house: House, id: str, password: str) -> str:
    """Log somebody in; returns the token for `set_cookie`. A session that the browser had ends.

    Raises `store.sessions.NotLetIn`, or `store.attempts.TooOften` with its `retry_after` in seconds.
    """
    before = read(request)
    async with house.hashing:
        return await run_in_threadpool(_log_in, house, id.strip(), password, address_of(request), before)


def _log_in(house: House, id: str, password: str, address: str, before: str | None) -> str:
    at = house.clock()
    known = id if id.isprintable() and len(id) <= LONGEST_ID else ""
    token = sessions.log_in(house.database, known, password, address=address, terms=terms(house.settings), at=at)
    if before is not None:
        with house.database.write() as connection:
            sessions.log_out(connection, before, at=at)
    return token


def leave(request: Request, house: House) -> None:
    """End the session that the request carries, if it carries one. The answer needs `clear_cookie` as well."""
    token = read(request)
    if token is not None:
        with house.database.write() as connection:
            sessions.log_out(connection, token, at=house.clock())


def who(request: HTTPConnection, house: House) -> Person | None:
    """Who sent this, by token or by session; a request with a token is judged by that alone."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        with house.database.read() as connection:
            return people.bearer(connection, token, at=house.clock())
    session = read(request)
    if session is None:
        return None
    at = house.clock()
    with house.database.read() as connection:
        found = sessions.session_person(connection, session, at=at)
    if found is None:
        return None
    person, long_unseen = found
    if long_unseen:
        sessions.seen(house.database, session, at=at)
    return person


def set_cookie(request: Request, response: Response, token: str) -> None:
    """Give the browser its session."""
    longest = int(settings_of(request).session_longest.total_seconds())
    _cookie(request, response, token, max_age=longest)


def clear_cookie(request: Request, response: Response) -> None:
    """Take the session from the browser."""
    _cookie(request, response, "", max_age=0)


def _cookie(request: Request, response: Response, value: str, *, max_age: int) -> None:
    https = is_https(request)
    name = SECURE_COOKIE if https else COOKIE
    response.set_cookie(name, value, max_age=max_age, path="/", secure=https, httponly=True, samesite="lax")


def read(request: HTTPConnection) -> str | None:
    """The session token that a request carries."""
    return request.cookies.get(SECURE_COOKIE if is_https(request) else COOKIE) or None


def is_https(request: HTTPConnection) -> bool:
    """Whether people reach this site by https."""
    return origin(request).startswith("https:")


def origin(request: HTTPConnection) -> str:
    """The site's own origin, as a browser names it."""
    public = settings_of(request).public_url
    url = urlsplit(public) if public is not None else request.url
    return f"{url.scheme}://{url.netloc}".lower()


def address_of(request: HTTPConnection) -> str:
    """Where a request comes from; of an IPv6 address the network."""
    host = request.client.host if request.client is not None else ""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(int(address) >> (128 - NETWORK))
    return str(address)


def terms(settings: Settings) -> Terms:
    return Terms(
        idle=settings.session_idle,
        longest=settings.session_longest,
        per_account=settings.logins_per_account,
        per_address=settings.logins_per_address,
    )


def settings_of(request: HTTPConnection) -> Settings:
    house: House = request.app.state.house
    return house.settings
