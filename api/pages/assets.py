"""What a browser keeps: our own style and script, and htmx as the npm registry gives it. Named by content."""

import base64
import gzip
import hashlib
from functools import lru_cache
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

OURS = Path(__file__).parent / "static"
TAKEN = {"htmx.min.js": Path(__file__).parents[2] / "node_modules" / "htmx.org" / "dist" / "htmx.min.js"}
SQUEEZED = (".css", ".js", ".svg", ".webmanifest")
A_YEAR = "public, max-age=31536000, immutable"
KINDS = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".webmanifest": "application/manifest+json",
}


@lru_cache
def asset(name: str) -> str:
    """The address of an asset; another content has another address."""
    return f"/static/{name}?v={hashlib.sha256(_path(name).read_bytes()).hexdigest()[:12]}"


@lru_cache
def first_style(name: str = "guanjia.css") -> tuple[str, str]:
    """A style as a first page carries it within itself, and its hash as a policy names it.

    A browser that has not kept the style yet would wait another round trip for it before it draws anything.
    """
    style = " ".join(_path(name).read_text(encoding="utf-8").split())
    return style, base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()


def _path(name: str) -> Path:
    return TAKEN.get(name, OURS / name)


def _serve(request: Request) -> Response:
    name = request.path_params["name"]
    path = _path(name)
    if path.suffix not in KINDS or not path.is_file():
        raise HTTPException(404)
    kept = A_YEAR if "v" in request.query_params else "no-cache"
    headers = {"Cache-Control": kept, "Vary": "Accept-Encoding"}
    if path.suffix in SQUEEZED and "gzip" in request.headers.get("Accept-Encoding", ""):
        body = _squeezed(name, path.stat().st_mtime_ns)
        return Response(body, media_type=KINDS[path.suffix], headers=headers | {"Content-Encoding": "gzip"})
    return FileResponse(path, media_type=KINDS[path.suffix], headers=headers)


@lru_cache(maxsize=32)
def _squeezed(name: str, as_of: int) -> bytes:
    """An asset as small as it gets: made once for everybody."""
    return gzip.compress(_path(name).read_bytes(), 9, mtime=0)


async def _worker(request: Request) -> Response:
    """The service worker speaks for the whole site, so it lies at its root."""
    return FileResponse(OURS / "offline.js", media_type=KINDS[".js"], headers={"Cache-Control": "no-cache"})


ROUTES = [Route("/static/{name}", _serve), Route("/offline.js", _worker)]
