"""A server on this machine that speaks the provider's format: checks every signature, keeps what it takes, and can fail
in the ways that networks do."""

import hashlib
import hmac
import json
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Semaphore, Thread
from typing import Any, Literal
from urllib.parse import parse_qsl, urlsplit

KEY_ID, SECRET = "LTAI-of-a-test", "secret-of-a-test"
Mode = Literal[
    "ok", "stalls", "takes-and-stalls", "resets", "takes-and-resets", "throttles", "refuses", "breaks", "babble"
]


class Provider:
    """`modes`: how the next calls of `SendSms` go, then all go well. `asked` counts calls by action.

    `stalled` is released for every message that arrived and gets no answer.
    """

    def __init__(self) -> None:
        self.modes: list[Mode] = []
        self.taken: list[dict[str, str]] = []
        self.undelivered: dict[str, str] = {}
        self.asked: dict[str, int] = {"SendSms": 0, "QuerySendDetails": 0}
        self.silent = False
        self.stalled = Semaphore(0)
        self.over = Event()
        self.nonces: set[str] = set()
        self.url = ""

    def send(self, query: dict[str, str], respond: "_Respond") -> None:
        mode = self.modes.pop(0) if self.modes else "ok"
        if mode in ("ok", "takes-and-stalls", "takes-and-resets"):
            self.taken.append(query)
        match mode:
            case "stalls" | "takes-and-stalls":
                self.stalled.release()
                self.over.wait(30)
            case "resets" | "takes-and-resets":
                respond.reset()
            case "throttles":
                respond.say(400, {"Code": "Throttling.User", "Message": f"too many for {query['PhoneNumbers']}"})
            case "refuses":
                respond.say(200, {"Code": "isv.MOBILE_NUMBER_ILLEGAL", "Message": f"{query['PhoneNumbers']} 非法"})
            case "breaks":
                respond.say(500, {"Code": "InternalError", "Message": "?"})
            case "babble":
                respond.say(200, f"<html>{query['PhoneNumbers']}")
            case _:
                respond.say(200, {"Code": "OK", "Message": "OK", "BizId": f"{len(self.taken)}^0", "RequestId": "R"})

    def list(self, query: dict[str, str], respond: "_Respond") -> None:
        if self.silent:
            respond.reset()
            return
        rows = [
            {
                "PhoneNum": each["PhoneNumbers"],
                "OutId": each["OutId"],
                "SendStatus": 2 if each["OutId"] in self.undelivered else 1,
                "ErrCode": self.undelivered.get(each["OutId"], ""),
                "TemplateCode": each["TemplateCode"],
            }
            for each in self.taken
            if each["PhoneNumbers"] == query["PhoneNumber"]
        ]
        size, page = int(query["PageSize"]), int(query["CurrentPage"])
        shown = rows[size * (page - 1) : size * page]
        body = {"Code": "OK", "TotalCount": str(len(rows)), "SmsSendDetailDTOs": {"SmsSendDetailDTO": shown}}
        respond.say(200, body)


class _Respond(BaseHTTPRequestHandler):
    provider: Provider

    def do_POST(self) -> None:
        parts = urlsplit(self.path)
        query = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=True))
        action = self.headers["x-acs-action"]
        self.provider.asked[action] += 1
        if not self._signed(parts.query):
            self.say(400, {"Code": "SignatureDoesNotMatch", "Message": "no"})
        elif action == "SendSms":
            self.provider.send(query, self)
        else:
            self.provider.list(query, self)

    def _signed(self, query: str) -> bool:
        """By the provider's own rules: the headers that are named, in their order, under the secret; a nonce once."""
        scheme, _, given = self.headers["authorization"].partition(" ")
        told = dict(part.split("=", 1) for part in given.split(","))
        names = told["SignedHeaders"].split(";")
        lines = "".join(f"{name}:{self.headers[name].strip()}\n" for name in names)
        request = f"POST\n/\n{query}\n{lines}\n{told['SignedHeaders']}\n{self.headers['x-acs-content-sha256']}"
        text = f"{scheme}\n{hashlib.sha256(request.encode()).hexdigest()}"
        fits = hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).hexdigest() == told["Signature"]
        fresh = (nonce := self.headers["x-acs-signature-nonce"]) not in self.provider.nonces
        self.provider.nonces.add(nonce)
        wanted = {
            "host",
            "x-acs-action",
            "x-acs-content-sha256",
            "x-acs-date",
            "x-acs-signature-nonce",
            "x-acs-version",
        }
        ordered = query.split("&") == sorted(query.split("&"), key=lambda each: each.partition("=")[0])
        return fits and fresh and ordered and told["Credential"] == KEY_ID and wanted <= set(names)

    def say(self, status: int, body: Any) -> None:
        content = (body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def finish(self) -> None:
        if not self.connection._closed:  # type: ignore[attr-defined]
            super().finish()


@contextmanager
def running() -> Iterator[Provider]:
    """A provider that serves for as long as the block lasts."""
    provider = Provider()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Respond", (_Respond,), {"provider": provider}))
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    provider.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        provider.over.set()
        server.shutdown()
        server.server_close()
