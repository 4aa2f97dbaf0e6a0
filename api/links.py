"""The applicant's link: an address that opens one project's page, made of the link's id and our signature.

The address is in nobody's table and in no log. It can be shown again, for who has the key can make it again; whoever
steals the database cannot.
"""

import base64
import hmac
from datetime import datetime
from typing import Any

import segno
from fastapi import APIRouter, Request, Response, status
from pydantic import BaseModel

from api import sessions
from api.access import ServedCase, SignedIn
from api.errors import documented
from api.house import Here, House
from domain.people import Role
from domain.refusals import Refused
from settings import Settings
from store import links
from store.links import Link

router = APIRouter(prefix="/cases/{case_no}/link", tags=["cases"])
PURPOSE = b"guanjia: the applicant's link"
LENGTH = 16
HANDS_OUT: tuple[Role, ...] = ("clerk", "representative", "service-manager", "supervisor")
"""Who gives an applicant their link: whoever takes applications in or serves their projects."""


class LinkShown(BaseModel):
    """The address to hand out, and until when it opens."""

    address: str
    expires_at: datetime


def token(settings: Settings, link_id: str) -> str:
    """The part of the address that stands for a link."""
    key, *_ = _keys(settings)
    return _spelled(bytes.fromhex(link_id), key)


def link_of(settings: Settings, token: str) -> str | None:
    """The link that a token stands for; None for whatever we did not sign. Says nothing of whether it still opens."""
    try:
        whole = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except ValueError:
        return None
    if len(whole) != 2 * LENGTH:
        return None
    said = whole[:LENGTH]
    mine = [hmac.compare_digest(_spelled(said, key).encode(), token.encode()) for key in _keys(settings)]
    return said.hex() if any(mine) else None


def _spelled(link_id: bytes, key: bytes) -> str:
    signed = link_id + hmac.digest(key, link_id, "sha256")[:LENGTH]
    return base64.urlsafe_b64encode(signed).decode().rstrip("=")


def _keys(settings: Settings) -> list[bytes]:
    """One for each key of the payloads, the newest first, and of no use for anything else."""
    return [hmac.digest(key, PURPOSE, "sha256") for key in settings.encryption_keys().values()]


def address(request: Request, link: Link) -> str:
    """Where the applicant's page is, as people outside reach it."""
    settings = sessions.settings_of(request)
    return f"{sessions.origin(request)}/p/{token(settings, link.link_id)}"


def qr(address: str, *, scale: float = 4) -> str:
    """The address as a picture to point a phone at: SVG, dark on light whatever the page's own light."""
    code = segno.make(address, error="m", micro=False)
    return str(code.svg_inline(scale=scale, border=4, dark="#000", light="#fff", omitsize=False))


@router.post("", status_code=status.HTTP_201_CREATED, responses=documented(403, 404, 409))
def give_link(request: Request, person: SignedIn, house: Here, case: ServedCase) -> LinkShown:
    """The applicant's link of a project: made, or open for longer again. Whoever serves the project."""
    link = given(house, case, by=person.id)
    return LinkShown(address=address(request, link), expires_at=link.expires_at)


@router.delete("", status_code=status.HTTP_204_NO_CONTENT, responses=documented(403, 404, 409))
def revoke_link(person: SignedIn, house: Here, case: ServedCase) -> Response:
    """The applicant's link opens no more, from the next look on."""
    revoked(house, case, by=person.id)
    return Response(status_code=204)


def given(house: House, case: Any, *, by: str) -> Link:
    """Give a project its link. Raises `Refused` where there is no applicant."""
    _refuse_unless_project(case)
    at = house.clock()
    with house.database.write() as connection:
        return links.give(connection, case.case_no, until=at + house.settings.link_lasts, by=by, at=at)


def revoked(house: House, case: Any, *, by: str) -> None:
    _refuse_unless_project(case)
    with house.database.write() as connection:
        links.revoke(connection, case.case_no, by=by, at=house.clock())


def _refuse_unless_project(case: Any) -> None:
    if case.process != "connection":
        zh = "只有报装项目有申请人页面。"
        raise Refused("form-invalid", "only a connection project has a page for its applicant", zh=zh)
