"""The outermost layer: sizes, headers of every reply, faults that tell nothing, and what is measured."""

from __future__ import annotations

import itertools
import logging
import secrets
import time
from typing import TYPE_CHECKING

from starlette.datastructures import Headers, MutableHeaders

from plimsoll.serve.limits import ServiceLimits
from plimsoll.serve.problems import Refused, refusal_of, response_of

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from plimsoll.serve.measures import Measures

LOG = logging.getLogger("plimsoll.serve")

POLICY = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
"""The content-security policy of the interface: nothing may be loaded. A page that needs more sets its own."""

HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
SECURE = "max-age=31536000; includeSubDomains"

URL = 4_096
"""Bytes of a path and its query."""


class Guard:
    """Wraps the application. Headers that a reply has itself are left as they are."""

    def __init__(self, app: ASGIApp, limits: ServiceLimits, measures: Measures, secure: bool) -> None:
        self.app, self.limits, self.measures = app, limits, measures
        self.headers = {**HEADERS, **({"strict-transport-security": SECURE} if secure else {})}
        # ids that do not repeat; a system call for each would hand the interpreter to another thread
        self.prefix, self.numbers = secrets.token_hex(4), itertools.count()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = time.perf_counter()
        own = f"{self.prefix}{next(self.numbers) & 0xFFFFFFFF:08x}"
        status, started = 500, False

        async def told(message: Message) -> None:
            nonlocal status, started
            if message["type"] == "http.response.start":
                status, started = message["status"], True
                headers = MutableHeaders(raw=message.setdefault("headers", []))
                for name, value in self.headers.items():
                    headers.setdefault(name, value)
                headers["x-request-id"] = own
            await send(message)

        taken = 0

        async def counted() -> Message:
            nonlocal taken
            message = await receive()
            if message["type"] == "http.request":
                taken += len(message.get("body", b""))
                if taken > self.limits.body:
                    raise _too_large(self.limits.body)
            return message

        try:
            self._admit(scope)
            await self.app(scope, counted, told)
        except Exception as error:
            found = refusal_of(error)
            if found.status == 500:
                LOG.exception("request %s: %s %s", own, scope["method"], scope["path"])
            if started:
                raise
            await response_of(found)(scope, receive, told)
        finally:
            self.measures.seen(scope, status, time.perf_counter() - began)

    def _admit(self, scope: Scope) -> None:
        """Refuse what is too long before it is read."""
        if len(scope.get("raw_path") or b"") + len(scope.get("query_string") or b"") > URL:
            raise Refused(400, f"a path and query of more than {URL} bytes")
        headers = Headers(scope=scope)
        length = headers.get("content-length")
        if length is not None and (not length.isdecimal() or len(length) > 12 or int(length) > self.limits.body):
            raise _too_large(self.limits.body)
        if headers.get("content-encoding", "identity") != "identity":
            raise Refused(415, "a body that is compressed; it has to be sent as it is")


def _too_large(most: int) -> Refused:
    return Refused(413, f"a body of more than {most} bytes", headers={"Connection": "close"})
