"""What a browser is told, and what is believed of it: other sites change nothing here in somebody's name."""

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import sessions
from api.errors import problem

SAFE = ("GET", "HEAD", "OPTIONS", "TRACE")
OWN = ("same-origin", "none")


def policy(*, styles: str = "'self'") -> str:
    """What a page of ours may load and run."""
    return (
        f"default-src 'self'; img-src 'self' data: blob:; style-src {styles}; script-src 'self'; worker-src 'self'; "
        "frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
    )


POLICY = policy()
STATIC = "/static/"
BY_LINK = "/p/"
"""Pages of applicants: their address is the key, so it is told to no other site and found by no search."""
UNTOLD = {"Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex, nofollow, noarchive"}
FOREIGN = "this was sent from another site: open the page here and send it again"


class OwnSite:
    """Refuses what changes something and comes from another site's page; also a login, which would be a stranger's.

    A browser says where a request comes from (`Sec-Fetch-Site`, or else `Origin`). One that says neither is refused
    when it carries a session. A bearer token is no browser's to send unasked, and passes. So does an applicant's page:
    who knows its address may act there, nobody's session counts, and a browser that tells no referrer tells no origin.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] not in SAFE and _foreign(HTTPConnection(scope)):
            await problem(403, "cross-site", FOREIGN)(scope, receive, send)
            return
        await self.app(scope, receive, send)


def _foreign(request: HTTPConnection) -> bool:
    if request.scope["path"].startswith(BY_LINK):
        return False
    if request.headers.get("Authorization", "").partition(" ")[0].lower() == "bearer":
        return False
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site not in OWN
    origin = request.headers.get("Origin")
    if origin is not None:
        return origin.lower() != sessions.origin(request)
    return sessions.read(request) is not None


class SafeHeaders:
    """What every answer says to the browser. One that has said it already (a page's own policy) is left as it is.

    Answers are not stored, static files excepted: a shared computer keeps nobody's data.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("X-Content-Type-Options", "nosniff")
                if scope["path"].startswith(BY_LINK):
                    headers.update(UNTOLD)
                headers.setdefault("Referrer-Policy", "same-origin")
                if headers.get("Content-Type", "").startswith("text/html"):
                    headers.setdefault("Content-Security-Policy", POLICY)
                if not scope["path"].startswith(STATIC):
                    headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self.app(scope, receive, sending if scope["type"] == "http" else send)
