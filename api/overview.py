"""What the API offers, as one page without script or anything from elsewhere; the whole is in openapi.json."""

from base64 import b64encode
from hashlib import sha256
from html import escape
from typing import Any

STYLE = """
:root { color-scheme: light dark; font: 15px/1.5 system-ui, "PingFang SC", "Microsoft YaHei", sans-serif }
body { max-width: 62rem; margin: 2rem auto; padding: 0 1rem } h2 { margin: 2rem 0 .3rem }
table { border-collapse: collapse; width: 100% } td { padding: .25rem .6rem .25rem 0; vertical-align: top }
tr { border-top: 1px solid #8884 } code { white-space: nowrap } pre { white-space: pre-wrap; font: inherit }
"""
POLICY = f"default-src 'none'; style-src 'sha256-{b64encode(sha256(STYLE.encode()).digest()).decode()}'"
"""No script, and no style but the one written here."""


def page(openapi: dict[str, Any]) -> str:
    """An HTML page of every door by its tag: method, address, and what it does."""
    rooms: dict[str, list[str]] = {}
    for path, doors in openapi["paths"].items():
        for method, door in doors.items():
            words = escape(door.get("description", ""))
            row = f"<tr><td><code>{method.upper()} {escape(path)}</code></td><td>{words}</td>"
            rooms.setdefault(door["tags"][0], []).append(row)
    tables = "".join(f"<h2>{escape(tag)}</h2><table>{''.join(rows)}</table>" for tag, rows in rooms.items())
    info = openapi["info"]
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{escape(info['title'])}</title>"
        f"<meta name=viewport content='width=device-width'><style>{STYLE}</style>"
        f"<h1>{escape(info['title'])}</h1><pre>{escape(info['description'])}</pre>"
        f"<p><a href=/api/v1/openapi.json>openapi.json</a></p>{tables}</html>"
    )
