"""What may happen, and what happened: verdicts on orders, and events."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Any

import numpy as np
from fastapi import APIRouter, Request
from starlette.responses import Response

from plimsoll.documents import DocumentError, Problem, refuse
from plimsoll.live.engine import Engine
from plimsoll.live.events import KINDS, Event
from plimsoll.live.orders import REASONS, Candidates, Leg, Order, Verdicts
from plimsoll.live.orders import Standing as Amounts
from plimsoll.live.outcome import Outcome
from plimsoll.live.runner import OverloadedError
from plimsoll.serve import wire
from plimsoll.serve.auth import caller_of, needs, take, tenant_of
from plimsoll.serve.body import parsed, raw_of
from plimsoll.serve.operations import answer, encoded, operation, privileged
from plimsoll.serve.problems import Refused
from plimsoll.serve.state import Tenant

router = APIRouter(prefix="/v1", tags=["trading"])

PART = 2_048
"""Candidates that are judged in one turn of the engine; others' questions come between two turns."""

PER_CALL = 1_000.0
"""Candidates that count as one call against the rate of a token."""


@operation(router, "POST", "/what-if", scope="trade-check", reply=wire.WhatIf, body=wire.OrderIn)
async def what_if(request: Request) -> Response:
    """May this order be sent? Margins before and after, what binds, and each limit that it would break."""
    return await _judged(request)


async def quick_what_if(request: Request) -> Response:
    """The same without FastAPI's dependencies, which take longer than the verdict: what is asked most goes this way."""
    await _check(request)
    return await _judged(request)


_check = needs("trade-check")


async def _judged(request: Request) -> Response:
    tenant = tenant_of(request)
    given = parsed(await raw_of(request), wire.OrderIn, tenant.limits.depth)
    order = Order(given.account, tuple(Leg(leg.instrument, leg.quantity, leg.price) for leg in given.legs))
    tenant.of(given.account)
    event, verdict = await tenant.whatifs.check(order)
    return answer(
        request,
        {
            "event": event,
            "allowed": verdict.allowed,
            "reasons": list(verdict.reasons),
            "before": _amounts(verdict.before),
            "after": _amounts(verdict.after),
            "binding": verdict.binding,
        },
    )


def _amounts(found: Amounts) -> dict[str, float | None]:
    own = (found.initial, found.maintenance, found.equity, found.excess)
    return dict(zip(("initial", "maintenance", "equity", "excess"), map(_finite, own), strict=True))


def _finite(value: float) -> float | None:
    return value if abs(value) < float("inf") else None


@operation(router, "POST", "/what-if/batch", scope="trade-check", reply=wire.CandidatesOut, body=wire.CandidatesIn)
async def what_if_batch(request: Request) -> Response:
    """Up to 100,000 orders of one leg, each judged by itself. A large batch takes several turns of the engine."""
    tenant = tenant_of(request)
    raw = await raw_of(request)
    given = await asyncio.to_thread(parsed, raw, wire.CandidatesIn, tenant.limits.depth)
    take(request.app.state.service, caller_of(request), len(given.quantity) / PER_CALL)
    orders = await tenant.compute(lambda: _columns(tenant, given))
    parts: list[tuple[int, Verdicts]] = []
    for start in range(0, len(orders), PART):
        part = orders.part(start, min(start + PART, len(orders)))

        def judge(engine: Engine, part: Candidates = part) -> tuple[int, Verdicts]:
            return engine.events, engine.check_many(part)

        parts.append(await tenant.ask(judge))
    return answer(request, await tenant.compute(lambda: _verdicts(parts)))


def _columns(tenant: Tenant, given: wire.CandidatesIn) -> Candidates:
    size = len(given.quantity)
    problems = [
        Problem(name, f"{len(column)} values", f"{size}, as many as quantities")
        for name, column in (("account", given.account), ("instrument", given.instrument), ("price", given.price))
        if column is not None and not isinstance(column, str) and len(column) != size
    ]
    if problems:
        raise DocumentError(problems)
    if isinstance(given.account, str):
        accounts: Any = tenant.of(given.account)
    else:
        try:
            accounts = np.array([tenant.number[name] for name in given.account], dtype=np.int64)
        except KeyError:
            raise Refused(404, "no such account") from None
    price = None if given.price is None else np.array([np.nan if p is None else p for p in given.price])
    instrument = np.array(given.instrument) if not isinstance(given.instrument, str) else given.instrument
    return Candidates.single(tenant.live.engine.holdings, accounts, instrument, np.array(given.quantity), price)


def _verdicts(parts: list[tuple[int, Verdicts]]) -> bytes:
    found = [v for _, v in parts]
    return encoded(
        {
            "first": parts[0][0],
            "last": parts[-1][0],
            "allowed": [x for v in found for x in v.allowed.tolist()],
            "before": [row for v in found for row in _rows(v.before)],
            "after": [row for v in found for row in _rows(v.after)],
            "reasons": list(REASONS),
            "broken": [np.flatnonzero(column).tolist() for v in found for column in v.broken.T],
            "binding": [str(x) for v in found for x in v.binding],
        }
    )


def _rows(amounts: np.ndarray[Any, np.dtype[np.float64]]) -> list[list[float | None]]:
    if np.isfinite(amounts).all():
        return amounts.T.tolist()  # type: ignore[no-any-return]
    return [[_finite(x) for x in row] for row in amounts.T.tolist()]


@operation(router, "POST", "/events", scope="operate", reply=wire.EventsOut, body=wire.EventsIn, once=True)
async def send_events(request: Request) -> Response:
    """Fills, transfers, prices, the clock and settlements, applied in their order; answered once they are durable.

    Each carries the number that its source gave it, so sending the same events again books nothing twice.
    """
    tenant = tenant_of(request)
    raw = await raw_of(request)

    async def work() -> tuple[int, bytes]:
        given = parsed(raw, wire.EventsIn, tenant.limits.depth)
        if len(given.events) > tenant.limits.events:
            raise refuse("events", f"{len(given.events)} events", f"at most {tenant.limits.events}")
        return 200, encoded({"outcomes": await applied(tenant, [event_of(e) for e in given.events]),
                             "durable": tenant.ledger is not None})  # fmt: skip

    return await privileged(request, raw, work)


def event_of(given: Any) -> Event:
    """The engine's event of one that came over the wire."""
    values = {name: getattr(given, name) for name in type(given).model_fields if name != "kind"}
    return KINDS[given.kind](**values)


async def applied(tenant: Tenant, events: list[Event]) -> list[dict[str, Any]]:
    """Outcomes of events, durable where there is a ledger."""
    futures = []
    try:
        for event in events:
            futures.append(asyncio.wrap_future(tenant.submit(event)))  # noqa: PERF401  some may be taken
    except OverloadedError:
        await asyncio.gather(*futures, return_exceptions=True)
        words = f"the engine is behind: {len(futures)} of {len(events)} events were taken; send all of them again"
        raise Refused(503, words, headers={"Retry-After": "1"}) from None
    return [outcome_json(outcome) for outcome in await asyncio.gather(*futures)]


def outcome_json(outcome: Outcome) -> dict[str, Any]:
    """An outcome as it goes over the wire."""
    return {
        "number": outcome.number,
        "applied": outcome.applied,
        "touched": outcome.touched,
        "margined": outcome.margined,
        "skipped": outcome.skipped,
        "decisions": [asdict(d) for d in outcome.decisions],
        "set_apart": [asdict(r) for r in outcome.refusals],
        "problems": [asdict(p) for p in outcome.problems],
    }
