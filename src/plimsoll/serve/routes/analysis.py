"""Requirement, comparison, surface, liquidation and calendar of an account as it stands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from plimsoll.documents import format_instant, refuse
from plimsoll.margin import Account, Requirement
from plimsoll.market import Market
from plimsoll.serve import reads, wire
from plimsoll.serve.auth import tenant_of
from plimsoll.serve.body import body_of
from plimsoll.serve.operations import answer, encoded, operation
from plimsoll.serve.state import Book

router = APIRouter(prefix="/v1", tags=["analysis"])

Rules = Annotated[str | None, Query(pattern=r"^[a-z0-9][a-z0-9-]*@\d{4}-\d{2}-\d{2}$", max_length=80)]
Numbers = Annotated[str, Query(max_length=2_000, description="Numbers that increase, with commas between.")]


async def _analysed(request: Request, account: str, work: Callable[[Book], dict[str, Any]]) -> Response:
    tenant = tenant_of(request)
    book = await tenant.book(account)

    def whole() -> bytes:
        head = {"event": book.event, "account": account, "as_of": format_instant(book.market.time)}
        return encoded({**head, "result": work(book)})

    return answer(request, await tenant.compute(whole))


@operation(router, "GET", "/accounts/{account}/requirement", scope="read", reply=Requirement)
async def get_requirement(request: Request, account: str, rules: Rules = None) -> Response:
    """The requirement document of an account by the exact engine, under the tenant's rules or a shipped rule set."""
    tenant = tenant_of(request)
    book = await tenant.book(account)
    return answer(request, await tenant.compute(lambda: encoded(reads.requirement(book, rules))))


@operation(router, "POST", "/requirement", scope="trade-check", reply=Requirement, body=wire.RequirementIn)
async def compute_requirement(request: Request) -> Response:
    """The requirement of documents that come with the request; nothing of the tenant's books."""
    tenant = tenant_of(request)
    given = await body_of(request, wire.RequirementIn, tenant.limits.depth)

    def work() -> bytes:
        account, market = Account.from_dict(given.account, "account"), Market.from_dict(given.market, "market")
        return encoded(reads.requirement_of(account, market, given.rules, given.on_failure))

    return answer(request, await tenant.compute(work))


@operation(router, "GET", "/accounts/{account}/compare", scope="read", reply=wire.Analysis)
async def compare_account(
    request: Request, account: str, rules: Annotated[str, Query(max_length=1_000)] = ""
) -> Response:
    """The account under several rule sets and margin modes; `rules` with commas, all in force where none is named."""
    named = [r.strip() for r in rules.split(",") if r.strip()]
    if len(named) > 20:
        raise refuse("rules", f"{len(named)} of them", "at most 20")
    return await _analysed(request, account, lambda book: reads.compare(book, named))


@operation(router, "GET", "/accounts/{account}/surface", scope="read", reply=wire.Analysis)
async def get_surface(
    request: Request,
    account: str,
    moves: Numbers = "-0.3,-0.2,-0.1,-0.05,0,0.05,0.1,0.2,0.3",
    vols: Numbers = "-0.3,0,0.5",
    days: Numbers = "0",
) -> Response:
    """Profit and loss over price and volatility (parts of one) and days, with the scenario that binds."""
    axes = [_numbers(n, t) for n, t in (("moves", moves), ("vols", vols), ("days", days))]
    return await _analysed(request, account, lambda book: reads.surface(book, *axes))


@operation(router, "GET", "/accounts/{account}/liquidation", scope="read", reply=wire.Analysis)
async def get_liquidation(
    request: Request,
    account: str,
    underlying: Annotated[str | None, Query(max_length=24)] = None,
    low: Annotated[float, Query(gt=-1.0, lt=0.0, allow_inf_nan=False)] = -0.9,
    high: Annotated[float, Query(gt=0.0, le=100.0, allow_inf_nan=False)] = 3.0,
) -> Response:
    """Every liquidation line of the account: one underlying alone, or all together."""
    return await _analysed(request, account, lambda book: reads.liquidation(book, underlying, low, high))


@operation(router, "GET", "/accounts/{account}/liquidation/probability", scope="read", reply=wire.Analysis)
async def get_liquidation_probability(
    request: Request,
    account: str,
    days: Annotated[float, Query(gt=0.0, le=30.0, allow_inf_nan=False)] = 1.0,
    paths: Annotated[int, Query(ge=100, le=10_000)] = 1_000,
    seed: Annotated[int, Query(ge=0, le=2**31)] = 1,
) -> Response:
    """How likely the line is reached within some days, on paths at the market's own volatility, with its error."""
    return await _analysed(request, account, lambda book: reads.probability(book, days, paths, seed))


@operation(router, "GET", "/accounts/{account}/calendar", scope="read", reply=wire.Analysis)
async def get_calendar(
    request: Request, account: str, days: Annotated[float, Query(gt=0.0, le=30.0, allow_inf_nan=False)] = 7.0
) -> Response:
    """Margin and health hour by hour through expiries, funding, theta and announced rules."""
    return await _analysed(request, account, lambda book: reads.calendar(book, days))


@operation(router, "GET", "/accounts/{account}/call", scope="read", reply=wire.Analysis)
async def get_call(request: Request, account: str) -> Response:
    """Where the account stands in a margin call: what is missing, by when, and the smallest closes that would do."""
    return await _analysed(request, account, reads.call)


def _numbers(name: str, text: str) -> list[float]:
    try:
        return [float(t) for t in text.split(",")]
    except ValueError:
        raise refuse(name, text, "numbers with commas between") from None
