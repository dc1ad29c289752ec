"""Who asks, and may they: tokens, scopes and rates; what a refused caller hears is always the same."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable

from starlette.requests import HTTPConnection, Request

from plimsoll.serve.problems import Refused
from plimsoll.serve.state import Service, Tenant
from plimsoll.serve.tokens import Scope, Token

PRIVILEGED: tuple[Scope, ...] = ("operate", "admin")
"""Scopes whose calls are recorded, the refused ones too."""


def token_of(service: Service, connection: HTTPConnection, text: str | None = None) -> Token:
    """The token of a connection, by its header or as it was sent. Raises `Refused` (401, 429)."""
    if text is None:
        kind, _, text = connection.headers.get("authorization", "").partition(" ")
        text = text.strip() if kind.lower() == "bearer" else ""
    token = service.tokens.verify(text)
    if token is not None and token.tenant in service.tenants:
        return token
    # only those without one are slowed down: behind a proxy all callers have one address, and a stranger who guesses
    # must not keep the others out
    address = "" if connection.client is None else connection.client.host
    if service.failures.wait(address, service.limits.failures) > 0.0:
        raise Refused(429, "too many tokens that do not hold", headers={"Retry-After": "1"})
    raise Refused(401, "a token that holds is needed", headers={"WWW-Authenticate": "Bearer"})


def take(service: Service, token: Token, cost: float = 1.0) -> None:
    """Count a call against the rate of its token. Raises `Refused` (429)."""
    wait = service.rates.wait(token.id, token.rate, cost)
    if wait > 0.0:
        raise Refused(429, f"more than {token.rate:g} a second", headers={"Retry-After": str(math.ceil(wait))})


def needs(scope: Scope) -> Callable[[Request], Awaitable[None]]:
    """A dependency that lets callers with a scope pass; `request.state` then has `token` and `tenant`."""

    async def check(request: Request) -> None:
        service: Service = request.app.state.service
        token = token_of(service, request)
        tenant = service.tenants[token.tenant]
        request.state.token, request.state.tenant = token, tenant
        take(service, token)
        await demand(request, scope)

    return check


async def demand(request: Request, scope: Scope) -> None:
    """Raises `Refused` (403) unless the token that asks has a scope; a privileged call that is refused is recorded."""
    token = caller_of(request)
    if not token.may(scope):
        if scope in PRIVILEGED:
            await tenant_of(request).called(_denied(request, token, scope))
        raise Refused(403, f"the scope {scope!r} is needed; the token has {token.scope!r}")


def _denied(request: Request, token: Token, scope: Scope) -> dict[str, object]:
    route = request.scope.get("route")
    return {
        "operation": getattr(route, "operation_id", "") or "",
        "token": token.id,
        "name": token.name,
        "needed": scope,
        "scope": token.scope,
        "status": 403,
    }


def tenant_of(request: Request) -> Tenant:
    """The tenant of the token that asks."""
    found = request.state.tenant
    assert isinstance(found, Tenant)
    return found


def caller_of(request: Request) -> Token:
    """The token that asks."""
    found = request.state.token
    assert isinstance(found, Token)
    return found
