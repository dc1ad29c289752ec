"""Tokens of the caller's own tenant."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from plimsoll.serve import wire
from plimsoll.serve.auth import tenant_of
from plimsoll.serve.body import parsed, raw_of
from plimsoll.serve.operations import encoded, operation, paged, privileged
from plimsoll.serve.problems import Refused
from plimsoll.serve.state import Service
from plimsoll.serve.tokens import Token

router = APIRouter(prefix="/v1", tags=["tokens"])


def _row(token: Token) -> wire.TokenRow:
    return wire.TokenRow.model_validate({name: getattr(token, name) for name in wire.TokenRow.model_fields})


@operation(router, "GET", "/tokens", scope="admin", reply=wire.TokenPage)
async def list_tokens(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> Response:
    """The tokens of the tenant, never their secrets."""
    service: Service = request.app.state.service
    tenant = tenant_of(request)

    async def work() -> tuple[int, bytes]:
        own = [t for t in service.tokens.all() if t.tenant == tenant.name]
        page, after = paged("tokens", own, cursor, limit)
        return 200, encoded(wire.TokenPage(tokens=tuple(map(_row, page)), next=after))

    return await privileged(request, b"", work, kept=False)


@operation(router, "POST", "/tokens", scope="admin", reply=wire.TokenOut, body=wire.TokenIn, status=201)
async def create_token(request: Request) -> Response:
    """A new token of the tenant. Its secret is in this answer and nowhere else."""
    service: Service = request.app.state.service
    tenant = tenant_of(request)
    raw = await raw_of(request)

    async def work() -> tuple[int, bytes]:
        given = parsed(raw, wire.TokenIn, tenant.limits.depth)
        token, secret = service.tokens.create(
            tenant.name, given.scope, name=given.name, days=given.days, rate=given.rate
        )
        return 201, encoded(wire.TokenOut(token=_row(token), secret=secret))

    return await privileged(request, raw, work, kept=False)


@operation(router, "DELETE", "/tokens/{token}", scope="admin", reply=wire.TokenRow)
async def revoke_token(request: Request, token: str) -> Response:
    """Make a token of the tenant worthless at once."""
    service: Service = request.app.state.service
    tenant = tenant_of(request)

    async def work() -> tuple[int, bytes]:
        if token not in {t.id for t in service.tokens.all() if t.tenant == tenant.name}:
            raise Refused(404, "no such token")
        return 200, encoded(_row(service.tokens.revoke(token)))

    return await privileged(request, b"", work, {"revoked": token[:40]}, kept=False)


__all__ = ["router"]
