"""Oracle dislocation: how far the sources of an index are from what is believed, and contracts from their index."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from plimsoll.live.gate import Gate
from plimsoll.live.prices import HotPrices
from plimsoll.market.oracle import band


@dataclass(frozen=True)
class IndexReading:
    """One index as the oracle's rule sees it at the time of the clock.

    `price` is what is margined on and `believed` the last good price of the oracle. `sources` are log distances of each
    source's last quote from it, `furthest` the largest of them in size over the band of the rule at the quote's age;
    `suspect_seconds` how long a move has been waiting to be believed. `basis` is the largest log distance of a future's
    or perpetual's mark from the index, of `basis_of`.
    """

    price: float
    believed: float | None
    status: str
    sources: dict[str, float]
    furthest: float
    quarantined: tuple[str, ...]
    suspect_seconds: float
    basis: float
    basis_of: str


@dataclass(frozen=True)
class Oracle:
    """By underlying; `furthest` is the largest of all, in bands of the oracle's rule."""

    indices: dict[str, IndexReading]
    furthest: float

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "indices": {u: dict(vars(x)) | {"quarantined": list(x.quarantined)} for u, x in self.indices.items()},
            "furthest": self.furthest,
        }


def oracle(gate: Gate, prices: HotPrices) -> Oracle:
    """Every index of a market, as its gate judges the sources."""
    rule, beliefs = gate.rule.oracle, gate.beliefs
    now = max(gate.clock, gate.newest)
    basis = _basis(prices)
    found = {}
    for name in beliefs.underlyings:
        price = prices.index(name)
        if price is None:
            continue
        state, quotes = beliefs.state(name), beliefs.quotes(name)
        distances, bands = {}, [0.0]
        for quote in quotes:
            if not (quote.price > 0.0 and math.isfinite(quote.price)):
                continue
            distances[quote.source] = math.log(quote.price / (state.price or price))
            width = band(rule, state.variance, max(0.0, now - quote.time) + rule.lag)
            bands.append(abs(distances[quote.source]) / width)
        fresh = [q for q in quotes if now - q.time <= rule.stale and state.quarantined.get(q.source, 0.0) <= now]
        status = "suspect" if state.suspect_since is not None else "thin" if len(fresh) < rule.least else "good"
        since = 0.0 if state.suspect_since is None else now - state.suspect_since
        found[name] = IndexReading(
            price=price,
            believed=state.price,
            status=status,
            sources=distances,
            furthest=max(bands),
            quarantined=tuple(sorted(s for s, until in state.quarantined.items() if until > now)),
            suspect_seconds=since,
            basis=basis.get(name, (0.0, ""))[0],
            basis_of=basis.get(name, (0.0, ""))[1],
        )
    return Oracle(found, max((x.furthest for x in found.values()), default=0.0))


def _basis(prices: HotPrices) -> dict[str, tuple[float, str]]:
    plan = prices.plan
    found: dict[str, tuple[float, str]] = {}
    for row, contract in enumerate(plan.contracts):
        if not prices.swaps[row] or (plan.group[row] >= 0 and plan.seconds[plan.group[row]] == 0.0):
            continue
        price, index = float(plan.price[row]), prices.index(contract.underlying)
        if index is None or not price > 0.0:
            continue
        basis = math.log(price / index)
        if abs(basis) > abs(found.get(contract.underlying, (0.0, ""))[0]):
            found[contract.underlying] = (basis, contract.name)
    return found
