"""The dashboard as routes: who comes in, what the pages share, and how they hear of changes."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from importlib.resources import files
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from plimsoll.documents import DocumentError, PlimsollError
from plimsoll.serve.dashboard.desk import Desk, Desks
from plimsoll.serve.dashboard.forms import form_of, own_origin
from plimsoll.serve.dashboard.shell import HEADERS, page, trouble
from plimsoll.serve.dashboard.visitors import COOKIE, Admits, Sessions, Visitor
from plimsoll.serve.dashboard.worker import BusyError, Worker

Handler = Callable[[Request, Visitor, Desk], Awaitable[Response]]
Parts = Callable[[Desk, Visitor, dict[str, str]], Awaitable[dict[str, str]]]

TICK, BEAT = 1.0, 5.0
"""Seconds between two looks for what changed, and between two signs of life."""

SLOW = 5.0
"""A browser that takes no message for so many seconds is let go; it comes back by itself."""

EXPIRED, REFUSED, MANY = 4401, 4403, 4429
"""Codes with which the live connection ends: no session, not of this page, too many."""

CONNECTIONS = 200
"""Live connections of a tenant at once."""

TYPES = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}
PRIVILEGED = ("operate", "admin")
"""Scopes whose calls are recorded, the refused ones too."""

LOGINS, LOGIN_SECONDS = 20, 60.0
"""Logins that one address may try in a minute."""


class Board:
    """Sessions, desks, the worker and the routes of one dashboard.

    `admits` knows the tokens, `engaged` the engine of a tenant; `history` is a file of daily bars for the pages on
    rates and coverage, which otherwise show a generated one and say so. `routes` go into the server's application;
    `close` when it ends.
    """

    def __init__(self, admits: Admits, engaged: Callable[[str], Any], history: str | None = None) -> None:
        self.sessions = Sessions(admits)
        self.desks = Desks(engaged)
        self.worker = Worker()
        self._workers: dict[int, Worker] = {}
        self.history = history
        self.open: Counter[str] = Counter()
        self.live: dict[str, Parts] = {"": _nothing}
        self.routes: list[BaseRoute] = []
        self._tries: dict[str, list[float]] = {}
        self._rendered: dict[tuple[str, str, str], tuple[float, dict[str, str]]] = {}
        self._static()
        self.routes += [
            Route("/dashboard/login", self._login, methods=["GET", "POST"]),
            Route("/dashboard/logout", self._logout, methods=["POST"]),
            WebSocketRoute("/dashboard/live", self._live),
        ]
        from plimsoll.serve.dashboard import account, audit, fleet, history_pages, stress

        for one in (fleet, account, history_pages, stress, audit):
            one.add(self)

    def close(self) -> None:
        """End what the dashboard runs."""
        for worker in (self.worker, *self._workers.values()):
            worker.close()

    def worker_of(self, desk: Desk) -> Worker:
        """The process that computes for a tenant: nobody waits for the pictures of another. `worker` is for pages that
        show nothing of any tenant."""
        return self._workers.setdefault(id(desk), Worker())

    def get(self, path: str, handler: Handler) -> None:
        """A page or a piece of one, for every visitor."""
        self.routes.append(Route(path, self._guarded(handler, None), methods=["GET"]))

    def post(self, path: str, handler: Handler, scope: str) -> None:
        """What a visitor with a scope may do; only from a page of ours."""
        self.routes.append(Route(path, self._guarded(handler, scope), methods=["POST"]))

    def _guarded(self, handler: Handler, scope: str | None) -> Callable[[Request], Awaitable[Response]]:
        async def guarded(request: Request) -> Response:
            visitor = self.sessions.visitor(request.cookies.get(COOKIE))
            whole = request.headers.get("x-plimsoll-part") is None
            if visitor is None:
                if whole and scope is None:
                    return RedirectResponse("/dashboard/login", 303, HEADERS)
                return trouble("The session is over: log in again.", 401)
            if scope is not None:
                if not own_origin(request):
                    return trouble("This request does not come from a page of this dashboard.", 403)
                if not visitor.may(scope):
                    if scope in PRIVILEGED:
                        told = {"operation": request.url.path, "token": visitor.token, "name": visitor.name}
                        denied = told | {"needed": scope, "status": 403}
                        await self.desks.of(visitor.tenant).engaged.called(denied)
                    return trouble(f"This token may not do that: it lacks the scope {scope}.", 403)
            try:
                return await handler(request, visitor, self.desks.of(visitor.tenant))
            except DocumentError as error:
                words, status = "; ".join(str(p) for p in error.problems[:5]), 422
            except BusyError as error:
                words, status = str(error), 503
            except PlimsollError as error:
                words, status = str(error), 409
            except TimeoutError:
                words, status = "The engine does not answer: it is behind.", 503
            return page(request, visitor, "fault", status, words=words) if whole else trouble(words, status)

        return guarded

    async def _login(self, request: Request) -> Response:
        if request.method == "GET":
            here = self.sessions.visitor(request.cookies.get(COOKIE))
            return page(request, None, "login", words="") if here is None else RedirectResponse("/dashboard", 303)
        if not own_origin(request):
            return page(request, None, "login", 403, words="Log in from this page itself.")
        if not self._may_try(request):
            return page(request, None, "login", 429, words="Too many tries: wait a minute.")
        token = (await form_of(request)).get("token", "").strip()
        secret = self.sessions.login(token)
        if secret is None:
            return page(request, None, "login", 401, words="This token is wrong, has expired or was revoked.")
        answer = RedirectResponse("/dashboard", 303, HEADERS)
        answer.set_cookie(
            COOKIE, secret, path="/dashboard", httponly=True, samesite="strict", secure=request.url.scheme == "https"
        )
        return answer

    async def _logout(self, request: Request) -> Response:
        if not own_origin(request):
            return trouble("This request does not come from a page of this dashboard.", 403)
        self.sessions.logout(request.cookies.get(COOKIE))
        answer = RedirectResponse("/dashboard/login", 303, HEADERS)
        answer.delete_cookie(COOKIE, path="/dashboard")
        return answer

    def _may_try(self, request: Request) -> bool:
        now, who = time.monotonic(), request.client.host if request.client else ""
        if len(self._tries) > 10_000:
            self._tries.clear()
        tries = [t for t in self._tries.get(who, []) if now - t < LOGIN_SECONDS]
        if len(tries) >= LOGINS:
            return False
        self._tries[who] = [*tries, now]
        return True

    async def _live(self, socket: WebSocket) -> None:
        """What changed of a page, once a second at most; each message holds the present, so nothing queues up."""
        visitor = self.sessions.visitor(socket.cookies.get(COOKIE))
        query = dict(socket.query_params)
        parts = self.live.get(query.get("page", ""))
        if not own_origin(socket) or parts is None:
            await socket.close(REFUSED)
            return
        await socket.accept()
        if visitor is None or self.open[visitor.tenant] >= CONNECTIONS:
            await socket.close(EXPIRED if visitor is None else MANY)
            return
        self.open[visitor.tenant] += 1
        listening = asyncio.ensure_future(_until_gone(socket))
        try:
            await self._tell(socket, parts, query, listening)
        except (TimeoutError, WebSocketDisconnect, RuntimeError):
            # it is slow or gone; RuntimeError is what is raised for a message after the end
            pass
        finally:
            self.open[visitor.tenant] -= 1
            listening.cancel()

    async def _tell(
        self, socket: WebSocket, parts: Parts, query: dict[str, str], listening: asyncio.Future[None]
    ) -> None:
        sent: dict[str, str] = {}
        heard = 0.0
        while not listening.done():
            visitor = self.sessions.visitor(socket.cookies.get(COOKIE))
            if visitor is None:
                await socket.close(EXPIRED)
                return
            message: dict[str, Any] = {}
            try:
                found = await self._parts(parts, visitor, query)
            except (PlimsollError, TimeoutError) as error:
                message["trouble"] = str(error) or "the engine does not answer"
                found = {}
            marks = {name: hashlib.blake2b(text.encode(), digest_size=16).hexdigest() for name, text in found.items()}
            fresh = {name: found[name] for name, mark in marks.items() if sent.get(name) != mark}
            sent.update(marks)
            if fresh:
                message["parts"] = fresh
            if message or time.monotonic() - heard >= BEAT:
                heard = time.monotonic()
                await asyncio.wait_for(socket.send_text(json.dumps(message)), SLOW)
            await asyncio.wait([listening], timeout=TICK)

    async def _parts(self, parts: Parts, visitor: Visitor, query: dict[str, str]) -> dict[str, str]:
        """The pieces of a page, made once for all who look at the same."""
        key = (visitor.tenant, ",".join(sorted(visitor.scopes)), json.dumps(sorted(query.items())))
        kept = self._rendered.get(key)
        now = time.monotonic()
        if kept is not None and now - kept[0] < TICK / 2:
            return kept[1]
        found = await parts(self.desks.of(visitor.tenant), visitor, query)
        if len(self._rendered) > CONNECTIONS:
            self._rendered = {k: v for k, v in self._rendered.items() if now - v[0] < TICK}
        self._rendered[key] = (now, found)
        return found

    def _static(self) -> None:
        folder = files("plimsoll.serve.dashboard").joinpath("static")
        self._files = {f.name: f.read_bytes() for f in folder.iterdir() if f.name.rpartition(".")[2] in TYPES}
        self.routes.append(Route("/dashboard/static/{name}", self._file))

    async def _file(self, request: Request) -> Response:
        name = request.path_params["name"]
        content = self._files.get(name)
        if content is None:
            return trouble("There is no such file.", 404)
        tag = f'"{hashlib.blake2b(content, digest_size=12).hexdigest()}"'
        headers = HEADERS | {"Cache-Control": "no-cache", "ETag": tag}
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return Response(content, media_type=TYPES[name.rpartition(".")[2]], headers=headers)


async def _nothing(_desk: Desk, _visitor: Visitor, _query: dict[str, str]) -> dict[str, str]:
    """A page on which nothing moves hears that the server is there and the session holds."""
    return {}


async def _until_gone(socket: WebSocket) -> None:
    """Read and forget whatever the browser says, until it goes."""
    try:
        while True:
            message = await socket.receive()
            if message["type"] == "websocket.disconnect":
                return
    except RuntimeError:
        return
