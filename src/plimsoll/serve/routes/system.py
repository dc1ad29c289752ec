"""Health, metrics, and the token that asks."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

import plimsoll
from plimsoll.serve import measures, wire
from plimsoll.serve.auth import caller_of, tenant_of
from plimsoll.serve.operations import answer, operation
from plimsoll.serve.state import Service

router = APIRouter(prefix="/v1", tags=["system"])


@operation(router, "GET", "/health", scope=None, reply=wire.Health)
async def health(request: Request) -> Response:
    """Whether every engine takes events; needs no token and says nothing of any tenant."""
    service: Service = request.app.state.service
    good = all(t.live.failure is None for t in service.tenants.values())
    found = wire.Health(status="ok" if good else "failed", version=plimsoll.__version__)
    return answer(request, found, 200 if good else 503)


@operation(router, "GET", "/metrics", scope="read", reply="text/plain")
async def metrics(request: Request) -> Response:
    """The numbers of the caller's tenant in Prometheus' text format."""
    tenant = tenant_of(request)
    return Response(await tenant.compute(tenant.measure), media_type=measures.MEDIA)


@operation(router, "GET", "/token", scope="read", reply=wire.Whoami)
async def whoami(request: Request) -> Response:
    """The token that asks: its tenant, scope, rate and expiry."""
    t = caller_of(request)
    found = wire.Whoami(token=t.id, name=t.name, tenant=t.tenant, scope=t.scope, expires=t.expires, rate=t.rate)
    return answer(request, found)
