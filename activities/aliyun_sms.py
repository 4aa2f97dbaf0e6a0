"""SMS by Alibaba Cloud (阿里云短信): `SendSms` and `QuerySendDetails` of 2017-05-25, signed with ACS3-HMAC-SHA256.

Our own reference travels as `OutId`, by which a message is found again among those of its day and number. The provider
has the words: a template approved there stands for each of ours, and gets the parameters.
"""

import hashlib
import hmac
import json
import logging
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import httpx2

from activities.notices import Found, Handed, Message
from domain.calendars import local

VERSION = "2017-05-25"
ALGORITHM = "ACS3-HMAC-SHA256"
TIMEOUT = 8.0
PAGE, MOST_PAGES = 50, 4
FAILED = 2
# The provider has not taken it, and would once its counters run over or the operator has mended the account.
NOT_NOW = re.compile(
    r"Throttling.*|isv\.BUSINESS_LIMIT_CONTROL|isv\.AMOUNT_NOT_ENOUGH|isv\.OUT_OF_SERVICE|isp\.RAM_PERMISSION_DENY"
    r"|InvalidAccessKeyId.*|SignatureDoesNotMatch|SignatureNonceUsed|InvalidTimeStamp.*|ServiceUnavailable.*"
)
_FIT_TO_BE_TOLD = re.compile(r"[A-Za-z0-9_.:-]{1,60}")

# It writes the address of every request, and here the number stands in it.
logging.getLogger("httpx2").setLevel(logging.WARNING)


def signed(
    *,
    key_id: str,
    secret: str,
    host: str,
    action: str,
    version: str,
    query: Mapping[str, str],
    at: datetime,
    nonce: str,
) -> tuple[str, dict[str, str]]:
    """The query as it is sent, and the headers with its signature, of a call without a body."""
    body = hashlib.sha256(b"").hexdigest()
    headers = {
        "host": host,
        "x-acs-action": action,
        "x-acs-content-sha256": body,
        "x-acs-date": f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "x-acs-signature-nonce": nonce,
        "x-acs-version": version,
    }
    asked = "&".join(f"{_percent(name)}={_percent(query[name])}" for name in sorted(query))
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    request = "\n".join(("POST", "/", asked, lines, names, body))
    to_sign = f"{ALGORITHM}\n{hashlib.sha256(request.encode()).hexdigest()}"
    signature = hmac.new(secret.encode(), to_sign.encode(), hashlib.sha256).hexdigest()
    return asked, headers | {
        "authorization": f"{ALGORITHM} Credential={key_id},SignedHeaders={names},Signature={signature}"
    }


def _percent(text: str) -> str:
    return quote(text, safe="-_.~")


class AliyunSms:
    """One client for the life of the process. `templates`: the provider's code by `<utility>/<template>`, or by the
    template alone for every utility."""

    # Its lists follow a hand-over by some seconds.
    patience = timedelta(minutes=2)

    def __init__(
        self,
        *,
        url: str,
        key_id: str,
        secret: str,
        sign_name: str,
        templates: Mapping[str, str],
        clock: Callable[[], datetime],
        timeout: float = TIMEOUT,
    ) -> None:
        self._http = httpx2.Client(base_url=url, timeout=timeout)
        self._host = self._http.base_url.netloc.decode()
        self._key_id, self._secret = key_id, secret
        self._sign_name, self._templates = sign_name, templates
        self._clock = clock

    def send(self, message: Message) -> Handed:
        code = self._template(message)
        if code is None:
            return Handed(status="refused", code="no template of the provider is set for it")
        query = {
            "PhoneNumbers": message.recipient,
            "SignName": self._sign_name,
            "TemplateCode": code,
            "TemplateParam": json.dumps(message.parameters, ensure_ascii=False),
            "OutId": message.reference,
        }
        try:
            answer = self._call("SendSms", query)
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout):
            return Handed(status="later", code="not reached")
        except httpx2.TransportError:
            return Handed(status="unknown")
        said = _told(answer)
        match said:
            case None:
                return Handed(status="unknown")
            case "OK":
                return Handed(status="accepted", reference=str(_json(answer).get("BizId", ""))[:100] or None)
            case _ if NOT_NOW.fullmatch(said) or answer.status_code == 429:
                return Handed(status="later", code=said)
            case _ if answer.status_code >= 500:
                return Handed(status="unknown")
        return Handed(status="refused", code=said)

    def find(self, message: Message, *, handed_at: datetime) -> Found:
        """Of several under one reference any that was not refused on its way counts: the customer has it."""
        mine: list[dict[str, Any]] = []
        for page in range(1, MOST_PAGES + 1):
            query = {
                "PhoneNumber": message.recipient,
                "SendDate": f"{local(handed_at):%Y%m%d}",
                "PageSize": str(PAGE),
                "CurrentPage": str(page),
            }
            try:
                answer = self._call("QuerySendDetails", query)
            except httpx2.TransportError:
                return Found(status="unknown")
            listed = _json(answer).get("SmsSendDetailDTOs")
            if _told(answer) != "OK" or not isinstance(listed, dict):
                return Found(status="unknown")
            rows = [row for row in listed.get("SmsSendDetailDTO") or [] if isinstance(row, dict)]
            mine += [row for row in rows if row.get("OutId") == message.reference]
            if len(rows) < PAGE:
                break
        if not mine:
            return Found(status="absent")
        if all(str(row.get("SendStatus")) == str(FAILED) for row in mine):
            return Found(status="failed", code=_fit(mine[0].get("ErrCode")))
        return Found(status="accepted")

    def _template(self, message: Message) -> str | None:
        utility = message.pack.partition("@")[0]
        return self._templates.get(f"{utility}/{message.template}") or self._templates.get(message.template)

    def _call(self, action: str, query: dict[str, str]) -> httpx2.Response:
        asked, headers = signed(
            key_id=self._key_id,
            secret=self._secret,
            host=self._host,
            action=action,
            version=VERSION,
            query=query,
            at=self._clock(),
            nonce=uuid4().hex,
        )
        return self._http.post(f"/?{asked}", headers=headers | {"accept": "application/json"})


def _json(answer: httpx2.Response) -> dict[str, Any]:
    try:
        body = answer.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _told(answer: httpx2.Response) -> str | None:
    """The provider's code; None when it said nothing that can be read."""
    code = _json(answer).get("Code")
    return _fit(code) if isinstance(code, str) else None


def _fit(code: Any) -> str:
    """A code may be told and kept; what else a provider writes there may name the customer."""
    return code if isinstance(code, str) and _FIT_TO_BE_TOLD.fullmatch(code) else "another reason"
