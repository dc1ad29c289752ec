"""The density of liquidations: how much of the accounts of a venue is closed within a move, against its order books.

What `plimsoll.margin.cavb` charges on. Each account is liquidated whole at its own nearest line; what others' sales do
to the price is not followed here: that is a cascade.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, fsum

import numpy as np
import numpy.typing as npt

from plimsoll.contracts import is_option
from plimsoll.documents import refuse
from plimsoll.liquidation.line import Progress, liquidation
from plimsoll.liquidation.path import alone
from plimsoll.margin import Account, MarginModel
from plimsoll.margin.cavb import DIRECTIONS, SIGNS, Book, Crowd, CrowdingCurves, Crowds, Direction
from plimsoll.margin.parts.delta import unit_deltas
from plimsoll.margin.path import ACCOUNT
from plimsoll.margin.pools import SHARED
from plimsoll.market import Market
from plimsoll.risk import compile_plan

F64 = npt.NDArray[np.float64]
MOVES = tuple(k / 100.0 for k in range(1, 31))
"""The default moves: one per cent to thirty."""

NEAR = 1e-9
"""A sum this near to a whole number of units is that number: rounding of floats makes no unit more."""


@dataclass(frozen=True)
class Edge:
    """Where one pool of an account is liquidated when one underlying moves: the parts it may fall and rise (infinite:
    never, zero: now), and its USD of delta there, signed."""

    account: str
    subject: str
    underlying: str
    fall: float
    rise: float
    exposure: float


def exposures(account: Account, market: Market, subject: str | None = None) -> dict[str, float]:
    """USD of delta by underlying, signed, of the positions of an account, or of one of its pools.

    Collateral is no position. A contract that cannot be valued here raises `DocumentError`.
    """
    mine = [
        p for p in account.positions if p.quantity != 0.0 and _in_pool(p.instrument, p.leg, p.isolated_margin, subject)
    ]
    unknown = [p.instrument for p in mine if p.instrument not in market.contracts]
    if unknown:
        raise refuse("positions", ", ".join(unknown), "instruments of the market")
    plan = compile_plan([market.contracts[p.instrument] for p in mine], market)
    quantity = np.array([p.quantity for p in mine], dtype=np.float64)
    found: dict[str, float] = {}
    if not mine:
        return found
    delta = quantity * unit_deltas(plan, quantity) * plan.price
    for contract, usd in zip(plan.contracts, delta.tolist(), strict=True):
        if not np.isfinite(usd):
            raise refuse(f"positions.{contract.name}", "no price", "a contract that can be valued in this market")
        found[contract.underlying] = found.get(contract.underlying, 0.0) + usd
    return {u: x for u, x in found.items() if x != 0.0}


def book_of(model: MarginModel, account: Account, market: Market) -> Book:
    """What `cavb.crowding` needs of an account: its exposures and its initial margin, in USD."""
    with np.errstate(all="ignore"):
        need = model.requirement(account, market)
    price = 1.0 if need.currency == "USD" else _price(market, need.currency)
    return Book(exposures(account, market), need.initial * price)


def edges(
    model: MarginModel, accounts: Sequence[Account], market: Market, progress: Progress | None = None
) -> tuple[Edge, ...]:
    """Of each pool of each account and each underlying of its positions: where it is liquidated when that underlying
    moves alone."""
    found: list[Edge] = []
    for k, account in enumerate(accounts):
        if progress is not None:
            progress("accounts", k, len(accounts))
        for underlying in sorted(exposures(account, market)):
            lines = liquidation(model, account, market, alone(underlying, market))
            for pool in lines.pools:
                usd = exposures(account, market, pool.subject).get(underlying, 0.0)
                if usd == 0.0:
                    continue
                down, up = pool.nearest(-1), pool.nearest(1)
                fall = 0.0 if not pool.above else float("inf") if down is None else -down.move
                rise = 0.0 if not pool.above else float("inf") if up is None else up.move
                found.append(Edge(account.name or f"account {k}", pool.subject, underlying, fall, rise, usd))
    return tuple(found)


def published(
    edges: Sequence[Edge],
    market: Market,
    *,
    rules: str,
    moves: Sequence[float] = MOVES,
    stress: float = 0.5,
    unit: float = 1_000.0,
    venue: str = "",
) -> CrowdingCurves:
    """The curves that a venue publishes, from where its accounts are liquidated.

    ```
    fall   liquidated(x) = sum of |exposure| of bought pools whose line is within a fall of x
    rise   liquidated(x) = the same of sold pools and a rise of x
    depth(x) = (1 - stress) * posted USD within x of the index, on the side that is hit
    ```

    Whoever is below the line now is liquidated at the smallest move. `liquidated` is rounded up and `depth` down to a
    whole `unit` of USD, so that nobody's book can be read to the dollar and no charge gets smaller; the charge of
    everybody, the venue's own too, follows from the rounded numbers. Posted orders are those of the linear and inverse
    futures and perpetuals of the underlying; beyond the last of them depth stays what it is.
    """
    if not (0.0 <= stress <= 1.0 and unit > 0.0):
        raise refuse("stress", f"{stress} with a unit of {unit}", "a part from 0 to 1, and a unit above zero")
    grid = np.array(moves, dtype=np.float64)
    if not grid.size or not ((grid > 0.0) & (grid < 1.0)).all() or (np.diff(grid) <= 0.0).any():
        raise refuse("moves", list(moves), "growing parts of the price, above zero and below one")
    underlyings = sorted({e.underlying for e in edges})
    found: dict[str, Crowds] = {}
    for u in underlyings:
        mine = [e for e in edges if e.underlying == u]
        sides: dict[Direction, Crowd] = {}
        for direction in DIRECTIONS:
            sign = SIGNS[direction]
            hurt = [(e.fall if sign > 0 else e.rise, abs(e.exposure)) for e in mine if sign * e.exposure > 0.0]
            sides[direction] = Crowd(
                liquidated=tuple(_up(fsum(x for at, x in hurt if at <= m), unit) for m in moves),
                depth=tuple(unit * floor((1.0 - stress) * d / unit + NEAR) for d in posted(market, u, direction, grid)),
            )
        found[u] = Crowds(fall=sides["fall"], rise=sides["rise"])
    return CrowdingCurves(
        time=market.time,
        venue=venue,
        rules=rules,
        accounts=len({e.account for e in edges}),
        stress=stress,
        moves=tuple(moves),
        underlyings=found,
    )


def posted(market: Market, underlying: str, direction: Direction, moves: F64) -> list[float]:
    """USD that the posted books of an underlying's futures and perpetuals take within each move of their own middle."""
    total = np.zeros(len(moves))
    for name in sorted(market.depth):
        contract = market.contracts[name]
        if contract.underlying != underlying or contract.kind == "spot" or is_option(contract):
            continue
        book = market.depth[name]
        if not (book.bids and book.asks):
            continue
        mid = (book.bids[0][0] + book.asks[0][0]) / 2.0
        plan = compile_plan([contract], market)
        usd_each = contract.settlement == "inverse"
        for price, quantity in book.bids if direction == "fall" else book.asks:
            usd = quantity * float(plan.multiplier[0]) * (1.0 if usd_each else price)
            total += np.where(abs(price - mid) <= moves * mid * (1.0 + 1e-12), usd, 0.0)
    return [float(x) for x in total]


def _up(amount: float, unit: float) -> float:
    return unit * ceil(amount / unit - NEAR)


def _in_pool(instrument: str, leg: str, isolated: float | None, subject: str | None) -> bool:
    if subject is None:
        return True
    if subject in (ACCOUNT, SHARED):
        return isolated is None
    return isolated is not None and subject in (instrument, f"{instrument} {leg}")


def _price(market: Market, currency: str) -> float:
    price = market.price_of(currency)
    if price is None:
        raise refuse(f"market.assets.{currency}", "nothing", "a USD price of the currency of the requirement")
    return price.price
