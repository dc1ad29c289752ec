"""The cost of margin in a quote with loops: one exact requirement at a time."""

from __future__ import annotations

import math
from collections.abc import Sequence

from plimsoll.liquidation.later import later
from plimsoll.margin import Account, MarginModel
from plimsoll.margin.path import moved
from plimsoll.margin.trade import traded
from plimsoll.market import Market


def cost(
    model: MarginModel,
    account: Account,
    market: Market,
    instrument: str,
    quantity: float,
    days: Sequence[float],
    prices: Sequence[Sequence[float]],
    vols: Sequence[Sequence[float]],
    spread: float,
    discount: float,
) -> list[float]:
    """Each path's cost in US dollars; `prices[k][p]` and `vols[k][p]` multiply at `days[k]`."""
    with_trade = traded(account, market, instrument, quantity)

    def extra(k: int, p: int) -> float:
        found = []
        for book in (account, with_trade):
            then_book, then = book, market
            if k > 0:
                age = days[k - 1] if k < len(days) else days[k - 1] - 1.0 / 1440.0
                coin = market.contracts[instrument].underlying
                then_book, then = moved(*later(book, market, age), {coin: prices[k - 1][p]}, vols[k - 1][p])
            required = model.requirement(then_book, then)
            price = then.price_of(required.currency)
            assert price is not None
            found.append(required.initial * price.price)
        return found[1] - found[0]

    times = [0.0, *days]
    total = []
    for p in range(len(prices[0])):
        run, sum_ = [extra(k, p) * spread * math.exp(-discount * times[k] / 365.0) for k in range(len(times))], 0.0
        for k in range(len(days)):
            sum_ += (run[k] + run[k + 1]) / 2.0 * (times[k + 1] - times[k]) / 365.0
        total.append(sum_)
    return total
