"""Dated rule packs."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from plimsoll.margin import Rules
from plimsoll.serve import wire
from plimsoll.serve.auth import tenant_of
from plimsoll.serve.operations import answer, encoded, operation, paged
from plimsoll.serve.problems import Refused
from plimsoll.serve.reads import packs

router = APIRouter(prefix="/v1", tags=["rules"])


@operation(router, "GET", "/rules", scope="read", reply=wire.RulePage)
async def list_rules(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> Response:
    """Every rule pack that comes with the package."""
    page, after = paged("rules", await tenant_of(request).compute(packs), cursor, limit)
    rows = tuple(
        wire.RuleRow(
            rules=p.label,
            title=p.title,
            model=p.model,
            currency=p.currency,
            effective=p.effective.isoformat(),
            until=None if p.until is None else p.until.isoformat(),
            hash=p.hash(),
        )
        for p in page
    )
    return answer(request, wire.RulePage(rules=rows, next=after))


@operation(router, "GET", "/rules/{rules}", scope="read", reply=Rules)
async def get_rules(request: Request, rules: str) -> Response:
    """A rule pack with its parameters, their evidence and their sources, by its exact name and day."""
    tenant = tenant_of(request)
    found = {p.label: p for p in await tenant.compute(packs)} | {tenant.model.rules.label: tenant.model.rules}
    if rules not in found:
        raise Refused(404, "no such rule pack")
    pack = found[rules]
    return answer(request, await tenant.compute(lambda: encoded(pack)))
