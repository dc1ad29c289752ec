"""The proxy of implied volatility as wrong as it was on real chains, carried through the loss of a book of options.

Between two days the market's volatility at a strike moves as the proxy's does, times what the proxy's error did. The
errors of whole surfaces are those measured on the chains of 2026 (`IvProxy.errors`); a draw takes two days in a row, so
that what an error is at the start, and how it changed over a day at each tenor and moneyness, is what it was then.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from plimsoll.dynamics.iv_proxy import IvProxy
from plimsoll.market.history import DAY_NS
from plimsoll.pricing.black76 import price
from plimsoll.scenarios.moves import IV
from plimsoll.scenarios.rules import VolRule
from plimsoll.validate.books import BookLeg, BookShape
from plimsoll.validate.levels import YEAR_DAYS
from plimsoll.validate.result import F64

CHAIN_DRAWS = 20
"""Pairs of days of the chains drawn on each day of a walk."""

DAY_SECONDS = 86_400.0


def chain_days(coins: tuple[str, ...], time_ns: int, seed: int) -> npt.NDArray[np.int64]:
    """`[CHAIN_DRAWS]` first days of the pairs drawn at an instant: the same for all coins, as chains are of one day."""
    count = min(len(IvProxy.load(coin).errors("realised")) for coin in coins)
    rng = np.random.default_rng([seed, 2026, time_ns // DAY_NS])
    return rng.integers(0, count - 1, CHAIN_DRAWS).astype(np.int64)


def chain_losses(
    shape: BookShape,
    here: Mapping[str, float],
    move: Mapping[str, float],
    rule: VolRule,
    days: npt.NDArray[np.int64],
    *,
    elapsed: float = 1.0,
) -> F64:
    """`[K]` what the error of the proxy adds to the loss of a book, US dollars, for `days[K]` (and the day after each).

    `here` are the levels at the start, `move` what each was multiplied by, `rule` how a move of volatility reaches
    other tenors, `elapsed` the days that pass. With `B` the Black value, `v` the proxy's volatility of a leg at the
    start, `w` that after the move, and `f0`, `f1` the factors of the errors of the two days:

    ```
    added = -sum q ((B(S1, w f1) - B(S1, w)) - (B(S0, v f0) - B(S0, v)))
    ```
    Added to the loss under the proxy it is the loss in a market that the proxy missed by these errors. Zero for books
    without options.
    """
    added = np.zeros(days.size)
    for coin in shape.coins:
        legs = [leg for leg in shape.legs if leg.coin == coin and leg.kind in ("call", "put")]
        if legs:
            added += _of_coin(coin, legs, here, move, rule, days, elapsed)
    return added


def _of_coin(
    coin: str,
    legs: list[BookLeg],
    here: Mapping[str, float],
    move: Mapping[str, float],
    rule: VolRule,
    days: npt.NDArray[np.int64],
    elapsed: float,
) -> F64:
    proxy = IvProxy.load(coin)
    errors = proxy.errors("realised")
    spot, level = here[coin], here[coin + IV]
    held = np.array([leg.quantity for leg in legs])
    call = np.array([leg.kind == "call" for leg in legs])
    tenor = np.array([leg.tenor for leg in legs])
    years = tenor / YEAR_DAYS
    k = np.array([leg.z for leg in legs]) * level * np.sqrt(years)
    grown = np.maximum(1.0 + rule.scale(tenor * DAY_SECONDS) * (move[coin + IV] - 1.0), 0.0)
    parts = []
    # the start and the end: log-moneyness, years left, the proxy's volatility at the strike and at the money
    for day, forward, left, up in (
        (days, spot, years, np.ones_like(years)),
        (days + 1, spot * move[coin], np.maximum(years - elapsed / YEAR_DAYS, 1e-9), grown),
    ):
        strike = spot * np.exp(k)
        vol, middle = proxy.vol(k, years, level) * up, proxy.vol(0.0, years, level) * up
        at = day[:, None]
        # moneyness in the market's own deviations, as the errors were measured
        atm = np.maximum(middle * errors.factor(at, 0.0, left), 1e-9)
        z = np.log(strike / forward) / (atm * np.sqrt(left))
        wrong = price(forward, strike, left, vol * errors.factor(at, z, left), call)
        parts.append((wrong - price(forward, strike, left, vol, call)) @ held)
    loss: F64 = parts[0] - parts[1]
    return loss
