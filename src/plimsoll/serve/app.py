"""The application: every operation, its description, and the tenants behind it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

import plimsoll
from plimsoll.documents import PlimsollError, Problem, shorten
from plimsoll.serve import wire
from plimsoll.serve.dashboard.attach import attach
from plimsoll.serve.guard import Guard
from plimsoll.serve.measures import Measures
from plimsoll.serve.operations import MODELS
from plimsoll.serve.problems import Refused, refusal_of, response_of
from plimsoll.serve.routes import accounts, analysis, audit, computing, rules, stream, system, tokens, trading, verifier
from plimsoll.serve.schemas import components
from plimsoll.serve.state import Service

ROUTERS = (trading, system, accounts, analysis, computing, rules, audit, tokens, stream, verifier)

ABOUT = (
    "Margins of accounts that follow fills and prices, orders checked before they go, and a verified record. Every "
    "operation needs a token of a scope (`x-scope`); each scope includes those before it: read, trade-check, operate, "
    "admin. Refusals are problem documents (RFC 9457) that name the fields. Calls of the scopes operate and admin are "
    "recorded."
)


def create_app(service: Service, *, secure: bool = False, history: str | None = None) -> FastAPI:
    """The application of a service, the dashboard with it. `secure` under TLS: browsers are told to stay there.

    `history` is a file of daily bars for the dashboard's pages on rates and coverage.

    Closing the application closes the tenants. Routes that are added later stand beside these; `app.state.service` is
    the service.
    """

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        own = service.tenants.values()
        pumps = [asyncio.create_task(pump.run()) for t in own for pump in (t.hub, t.monitors)]
        try:
            yield
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            board.close()
            await asyncio.gather(*(t.jobs.close() for t in service.tenants.values()))
            await asyncio.to_thread(service.close)

    app = FastAPI(
        title="Plimsoll",
        version=plimsoll.__version__,
        summary="The margin engine as a service.",
        description=ABOUT,
        openapi_url="/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        redirect_slashes=False,
    )
    app.state.service = service
    app.router.routes.append(QuickRoute("/v1/what-if", trading.quick_what_if, methods=["POST"], name="what_if"))
    for module in ROUTERS:
        app.include_router(module.router)
    board = attach(app, service, history)
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(PlimsollError, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _plain)
    app.add_middleware(GZipMiddleware, minimum_size=2_048, compresslevel=4)
    app.add_middleware(Guard, limits=service.limits, measures=Measures(), secure=secure)
    app.openapi = lambda: described(app)  # type: ignore[method-assign]
    return app


class QuickRoute(Route):
    """A route ahead of the described ones."""

    @property
    def operation_id(self) -> str:
        """As in the description."""
        return self.name

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve, known by its name."""
        scope["route"] = self
        await super().handle(scope, receive, send)


def described(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document, made once."""
    if app.openapi_schema is None:
        made = FastAPI.openapi(app)
        own = components([*MODELS, wire.ProblemDetails])
        parts = made.setdefault("components", {})
        parts["schemas"] = {**parts.get("schemas", {}), **own}
        for name in ("HTTPValidationError", "ValidationError"):
            parts["schemas"].pop(name, None)
        parts["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        app.openapi_schema = made
    return app.openapi_schema


async def _refused(_request: Request, error: Exception) -> Response:
    found = refusal_of(error)
    if found.status == 500:
        raise error
    return response_of(found)


async def _invalid(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    problems = [
        Problem(".".join(map(str, item["loc"])), shorten(item.get("input")), str(item["msg"]))
        for item in error.errors()
    ]
    return response_of(Refused(422, "something in the request is not allowed", problems))


async def _plain(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    words = {404: "no such path", 405: "not with this method"}
    headers = dict(error.headers or {})
    return response_of(Refused(error.status_code, words.get(error.status_code, str(error.detail)), headers=headers))
