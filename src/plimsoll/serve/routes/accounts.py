"""Accounts, positions, the market and its instruments, as the engine sees them at this moment."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from plimsoll.live.engine import Engine
from plimsoll.live.outcome import STATUSES
from plimsoll.margin import Account
from plimsoll.market import Market
from plimsoll.serve import wire
from plimsoll.serve.auth import tenant_of
from plimsoll.serve.hub import fleet_frame, marks, standing
from plimsoll.serve.operations import answer, cursor_of, operation, paged, start_of

router = APIRouter(prefix="/v1", tags=["books"])

Limit = Annotated[int, Query(ge=1, le=1_000, description="Rows of a page.")]
Cursor = Annotated[str | None, Query(max_length=200, description="The `next` of the page before.")]


@operation(router, "GET", "/fleet", scope="read", reply=wire.FleetFrame)
async def fleet(request: Request) -> Response:
    """Accounts by status, and the worst of those that are not healthy."""
    return answer(request, await tenant_of(request).ask(fleet_frame))


@operation(router, "GET", "/accounts", scope="read", reply=wire.AccountPage)
async def list_accounts(
    request: Request, limit: Limit = 100, cursor: Cursor = None, status: wire.Status | None = None
) -> Response:
    """Accounts with their margins and status, in the order in which they were opened; perhaps of one status."""
    tenant = tenant_of(request)
    start = start_of("accounts", cursor)

    def look(engine: Engine) -> dict[str, Any]:
        chosen: list[int] = []
        after = None
        for a in range(start, len(tenant.names)):
            if status is None or STATUSES[int(engine.level[a])] == status:
                if len(chosen) == limit:
                    after = cursor_of("accounts", a)
                    break
                chosen.append(a)
        rules = engine.model.rules
        rows = [standing(engine, a) for a in chosen]
        head = {"event": engine.events, "currency": rules.currency, "decimals": rules.decimals}
        return {**head, "accounts": rows, "next": after}

    return answer(request, await tenant.ask(look))


@operation(router, "GET", "/accounts/{account}", scope="read", reply=Account)
async def get_account(request: Request, account: str) -> Response:
    """The account document: what `plimsoll margin --account` reads."""
    book = await tenant_of(request).book(account)
    return answer(request, book.account)


@operation(router, "GET", "/accounts/{account}/standing", scope="read", reply=wire.Standing)
async def get_standing(request: Request, account: str) -> Response:
    """Margins, equity, health and status of one account."""
    tenant = tenant_of(request)
    a = tenant.of(account)
    return answer(request, await tenant.ask(lambda engine: standing(engine, a)))


@operation(router, "GET", "/accounts/{account}/positions", scope="read", reply=wire.PositionPage)
async def list_positions(request: Request, account: str, limit: Limit = 100, cursor: Cursor = None) -> Response:
    """Positions with their marks, and the balances."""
    tenant = tenant_of(request)
    a = tenant.of(account)

    def look(engine: Engine) -> dict[str, Any]:
        items = engine.holdings.items[a].tolist()
        prices = marks(engine)
        document = engine.account(a)
        rows = [
            {
                "instrument": position.instrument,
                "quantity": position.quantity,
                "mark": prices[row],
                "unrealised": float(position.unrealised_pnl or 0.0),
            }
            for position, row in zip(document.positions, items, strict=True)
        ]
        page, after = paged("positions", rows, cursor, limit)
        head = {"event": engine.events, "account": document.name, "collateral": dict(document.collateral)}
        return {**head, "positions": list(page), "next": after}

    return answer(request, await tenant.ask(look))


@operation(router, "GET", "/market", scope="read", reply=Market)
async def get_market(request: Request) -> Response:
    """The market document as the engine sees it."""
    tenant = tenant_of(request)
    market = await tenant.ask(tenant.market)
    return answer(request, await tenant.compute(market.to_dict))


@operation(router, "GET", "/instruments", scope="read", reply=wire.InstrumentPage)
async def list_instruments(request: Request, limit: Limit = 100, cursor: Cursor = None) -> Response:
    """The contracts that the market lists, with the price at which each is marked."""
    tenant = tenant_of(request)

    def look(engine: Engine) -> dict[str, Any]:
        prices = marks(engine)
        page, after = paged("instruments", tenant.market(engine).instruments, cursor, limit)
        rows = []
        for c in page:
            row = engine.prices.row.get(c.name)
            price = None if row is None else prices[row]
            rows.append({"instrument": c.name, "kind": c.kind, "underlying": c.underlying, "mark": price})
        return {"event": engine.events, "instruments": rows, "next": after}

    return answer(request, await tenant.ask(look))
