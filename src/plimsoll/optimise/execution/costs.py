"""What an execution costs as a distribution: spread and impact, prices meanwhile, the delay before, the chain's part.

```
cost = spread + impact + sqrt(variance) Z + sqrt(Y'CY delay) Z' + sum over orders of (gas + MEV)
```
Z and Z' standard normal, gas and MEV log-normal, all independent. The mean and the standard deviation are exact; the
quantiles come from draws of a seed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from plimsoll.documents import refuse
from plimsoll.optimise.execution.terms import ChainCost
from plimsoll.risk.plan import F64

DRAWS = 20_000


@dataclass(frozen=True)
class Orders:
    """Orders at one venue: `notional[M]` US dollars each."""

    chain: ChainCost
    notional: F64


@dataclass(frozen=True)
class CostLaw:
    """US dollars. `known` is spread and impact, certain in the model; `waiting` and `delay` the standard deviations of
    the prices during the schedule and before it; `gas` and `mev` means. `q95` is what 19 of 20 executions cost at most.
    """

    known: float
    waiting: float
    delay: float
    gas: float
    mev: float
    mean: float
    sd: float
    q95: float
    draws: int
    seed: int

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return dict(vars(self))


def _square(spread: float) -> float:
    """Variance of a log-normal number of mean one."""
    return float(np.expm1(spread * spread))


def cost_law(
    known: float, variance: float, delay: float, orders: list[Orders], *, seed: int = 0, draws: int = DRAWS
) -> CostLaw:
    """The law of one execution; `variance` and `delay` in US dollars squared, at least zero.

    The gas of the orders of one venue moves together (one shared draw, for a schedule is short against the weather of a
    chain), MEV order by order. Raises `DocumentError` for amounts that are none.
    """
    for name, value in (("known", known), ("variance", variance), ("delay", delay)):
        if not 0.0 <= value < float("inf"):
            raise refuse(name, value, "an amount of at least zero")
    if draws < 100:
        raise refuse("draws", draws, "at least 100")
    random = np.random.default_rng([17, seed])
    cost = known + np.sqrt(variance) * random.standard_normal(draws) + np.sqrt(delay) * random.standard_normal(draws)
    gas = mev = square = 0.0
    for venue in orders:
        chain, count = venue.chain, venue.notional.size
        fee, each = chain.gas_usd * count, chain.mev * venue.notional
        gas, mev = gas + fee, mev + float(each.sum())
        square += fee * fee * _square(chain.gas_spread) + float(each @ each) * _square(chain.mev_spread)
        if fee:
            cost += fee * _drawn(random, chain.gas_spread, draws)
        for amount in each.tolist() if chain.mev else ():
            cost += amount * _drawn(random, chain.mev_spread, draws)
    return CostLaw(
        known=known,
        waiting=float(np.sqrt(variance)),
        delay=float(np.sqrt(delay)),
        gas=gas,
        mev=mev,
        mean=known + gas + mev,
        sd=float(np.sqrt(variance + delay + square)),
        q95=float(np.quantile(cost, 0.95)),
        draws=draws,
        seed=seed,
    )


def _drawn(random: np.random.Generator, spread: float, draws: int) -> F64:
    found: F64 = np.exp(spread * random.standard_normal(draws) - 0.5 * spread * spread)
    return found
