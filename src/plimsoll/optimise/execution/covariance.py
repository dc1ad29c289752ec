"""How the worth of what is still to be traded moves: covariance of contracts by price and volatility of each coin."""

from __future__ import annotations

import numpy as np

from plimsoll.documents import YEAR_SECONDS, refuse
from plimsoll.laboratory.shocked import levels_of
from plimsoll.market import Market
from plimsoll.optimise.execution.terms import ExecutionTerms
from plimsoll.risk import Plan
from plimsoll.risk.plan import F64

TYPICAL = 0.6
"""Volatility a year of a coin of which the market has no option and the terms none, assumed."""


def volatilities(market: Market, coins: tuple[str, ...], terms: ExecutionTerms) -> tuple[F64, tuple[str, ...]]:
    """`[U]` a year, and the coins among them for which it is only assumed."""
    stray = [c for c in terms.volatility if c not in market.indices]
    if stray:
        raise refuse(f"terms.volatility.{stray[0]}", stray[0], "one of " + ", ".join(sorted(market.indices)))
    implied = levels_of(market, coins)
    found = [terms.volatility.get(c, implied[c]) for c in coins]
    assumed = tuple(c for c, v in zip(coins, found, strict=True) if not np.isfinite(v))
    return np.array([v if np.isfinite(v) else TYPICAL for v in found]), assumed


def factor_covariance(volatility: F64, terms: ExecutionTerms) -> F64:
    """`[2 U, 2 U]` a year: relative moves of the prices, then of the implied volatilities, of `U` coins.

    ```
    corr(price, price') = rho    corr(vol, vol') = rho    corr(price, vol) = s    corr(price, vol') = s rho
    ```
    the product of two correlations, so a correlation too.
    """
    count = volatility.size
    coins = np.full((count, count), terms.correlation)
    np.fill_diagonal(coins, 1.0)
    pair = np.array([[1.0, terms.spot_vol], [terms.spot_vol, 1.0]])
    sd = np.concatenate([volatility, np.full(count, terms.vol_of_vol)])
    found: F64 = np.kron(pair, coins) * np.outer(sd, sd)
    return found


def contract_covariance(
    plan: Plan, delta: F64, vega: F64, market: Market, terms: ExecutionTerms
) -> tuple[F64, tuple[str, ...]]:
    """`[N, N]` US dollars squared a second of one contract each, and coins whose volatility is assumed.

    To first order: `delta[N]` coins by the price, `vega[N]` US dollars a point by the implied volatility, which moves
    in proportion to its level.
    """
    coins = tuple(sorted({c.underlying for c in plan.contracts}))
    volatility, assumed = volatilities(market, coins, terms)
    own = np.array([[c.underlying == u for u in coins] for c in plan.contracts], dtype=bool)
    level = np.where(np.isfinite(plan.vol), plan.vol, 0.0)
    by_price = np.where(own, (delta * plan.spot)[:, None], 0.0)
    by_vol = np.where(own, (100.0 * vega * level)[:, None], 0.0)
    factors = np.concatenate([by_price, by_vol], axis=1)
    found: F64 = factors @ factor_covariance(volatility, terms) @ factors.T / YEAR_SECONDS
    return found, assumed
