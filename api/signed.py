"""Doors for systems that sign what they send: known by a shared secret, not by a name.

The signature is HMAC-SHA256 over the timestamp, a full stop and the body as it is sent. During a rotation two secrets
hold, and a sender may send a signature by each.
"""

import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError

WINDOW = timedelta(minutes=5)
TIMESTAMP, SIGNATURE = "Guanjia-Timestamp", "Guanjia-Signature"
VERSION = "v1="
MOST_SIGNATURES = 4
DESCRIBED: dict[str, Any] = {
    "security": [],
    "parameters": [
        {"name": name, "in": "header", "required": True, "schema": {"type": "string"}, "description": description}
        for name, description in (
            (TIMESTAMP, "seconds since 1970, five minutes from now at most"),
            (SIGNATURE, "`v1=` and HMAC-SHA256 in hex over timestamp, a full stop and the body"),
        )
    ],
}
"""How a signed door is described."""
M = TypeVar("M", bound=BaseModel)


class NotSigned(Exception):
    """What a sender has to put right. Says nothing back of what was sent."""


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """What a sender who knows the secret writes after `v1=`."""
    return hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def check(secrets: Sequence[str], *, timestamp: str | None, given: str | None, body: bytes, now: datetime) -> None:
    """Raises `NotSigned` unless a signature by one of the secrets stands over this timestamp and body, five minutes old
    at most. Every secret is tried on every signature, so that the time taken tells nothing."""
    if not secrets:
        raise NotSigned("no system may send here yet: the operator gives this door its secret first")
    if timestamp is None or given is None:
        raise NotSigned(f"send {TIMESTAMP} and {SIGNATURE}")
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        raise NotSigned(f"{TIMESTAMP}: write the seconds since 1970, in digits")
    if abs(now.timestamp() - int(timestamp)) > WINDOW.total_seconds():
        raise NotSigned(f"{TIMESTAMP}: lies more than five minutes from now: look at the clock, and sign anew")
    offered = [each.strip().removeprefix(VERSION) for each in given.split(",")[:MOST_SIGNATURES]]
    expected = [signature(secret, timestamp, body) for secret in secrets]
    fits = [hmac.compare_digest(one.encode(), other.encode()) for one in offered for other in expected]
    if not any(fits):
        raise NotSigned(f"{SIGNATURE}: does not fit: v1= and HMAC-SHA256 in hex over timestamp, full stop and body")


async def read(request: Request, secrets: Sequence[str], model: type[M], *, now: datetime) -> M:
    """The body, once its signature fits. Raises `NotSigned`, then `RequestValidationError` for a body in wrong form."""
    body = await request.body()
    headers = request.headers
    check(secrets, timestamp=headers.get(TIMESTAMP), given=headers.get(SIGNATURE), body=body, now=now)
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        faults = [fault | {"loc": ("body", *fault["loc"])} for fault in error.errors(include_url=False)]
        raise RequestValidationError(faults) from None
