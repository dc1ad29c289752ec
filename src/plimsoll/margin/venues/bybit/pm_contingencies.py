"""What portfolio margin adds to the worst loss of a risk unit: five contingencies, as the venue names them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plimsoll.documents import DAY_SECONDS, YEAR_SECONDS
from plimsoll.kernels.lognormal import d1_d2
from plimsoll.margin.parts.legs import moving_share
from plimsoll.margin.venues.bybit.parameters import RiskUnit
from plimsoll.pricing.black76 import forward_delta
from plimsoll.risk import Plan
from plimsoll.risk.plan import INVERSE
from plimsoll.scenarios import years_of

F64 = npt.NDArray[np.float64]
STEP = 1e-5
"""Relative change of a bucket with which its part of a charge is told; a charge is piecewise straight in it."""


@dataclass(frozen=True, eq=False)
class Held:
    """`N` positions in one underlying: signed `coins[N]` held, their `delta[N]` and `vega[N]` in coins.

    `vega` is for a change of volatility by one (100 points) and zero but for options. `index` in USD; `spot` are the
    coins of spot that hedge and `spot_price` their USD price. `seconds[N]` to expiry, zero for a perpetual.
    """

    currencies: tuple[str, ...]
    option: npt.NDArray[np.bool_]
    call: npt.NDArray[np.bool_]
    seconds: F64
    coins: F64
    delta: F64
    vega: F64
    index: float
    spot: float
    spot_price: float


def coins_held(plan: Plan, rows: npt.NDArray[np.int64], quantity: F64, price: F64) -> F64:
    """Coins of `rows` at signed `quantity[N]`; an inverse future is USD over its `price`, `[N]` or `[N, K]`.

    What has settled is no position any more.
    """
    inverse = (plan.style[rows] == INVERSE) & ~plan.option[rows]
    size = quantity * plan.multiplier[rows]
    wide = size[:, None] if price.ndim > 1 else size
    over = np.where(inverse[:, None] if price.ndim > 1 else inverse, price, 1.0)
    live = moving_share(plan)[rows] > 0.0
    coins: F64 = np.where(live[:, None] if price.ndim > 1 else live, wide / over, 0.0)
    return coins


def option_greeks(plan: Plan, rows: npt.NDArray[np.int64], forward: F64, vol: F64, index: F64) -> tuple[F64, F64]:
    """Delta and vega of one coin of option, in coins, of any shape that begins with the `rows`.

    `vega` is the USD that a volatility higher by one would add, over the index.
    """
    wide = (slice(None), *(None for _ in forward.shape[1:]))
    years = years_of(plan.seconds[plan.group[rows]])[wide]
    strike, call = plan.strike[rows][wide], plan.call[rows][wide]
    delta = forward_delta(forward, strike, years, vol, call)
    spread = vol * np.sqrt(years)
    d1 = d1_d2(forward, np.maximum(strike, 1e-300), spread)[0]
    density = np.exp(-0.5 * d1 * d1) / np.sqrt(2.0 * np.pi)
    vega = np.where((spread > 0.0) & (strike > 0.0), forward / index * density * np.sqrt(years), 0.0)
    return np.asarray(delta, dtype=np.float64), np.asarray(vega, dtype=np.float64)


def sensitivities(plan: Plan, rows: npt.NDArray[np.int64], quantity: F64) -> tuple[F64, F64, F64]:
    """Coins held, delta and vega in coins of `rows` at signed `quantity`, each `[N]`."""
    coins = coins_held(plan, rows, quantity, plan.price[rows])
    delta, vega = coins.copy(), np.zeros(rows.size)
    bad = np.array([int(i) in plan.failures for i in rows], dtype=bool)
    option = plan.option[rows]
    good = np.flatnonzero(option & ~bad)
    if good.size:
        mine = rows[good]
        one = option_greeks(plan, mine, plan.price[mine], plan.vol[mine], plan.spot[mine])
        delta[good], vega[good] = coins[good] * one[0], coins[good] * one[1]
    # at its bound a short call is the forward; any other option that cannot be valued does not move with it
    bound = option & bad
    delta[bound] = np.where(plan.call[rows][bound] & (quantity[bound] < 0.0), coins[bound], 0.0)
    return coins, delta * moving_share(plan)[rows], vega


def paired(amounts: F64, places: F64) -> float:
    """Positive `amounts` matched with negative ones, each pair times the distance of their places.

    The order of matching is not published: here near ones of one sign meet far ones of the other, from either end,
    whichever charges more.

    >>> paired(np.array([2.0, -1.0, -1.0]), np.array([0.0, 10.0, 30.0]))
    40.0
    """
    order = np.argsort(places, kind="stable")
    found = 0.0
    for turn in (1.0, -1.0):
        up = [[float(turn * amounts[i]), float(places[i])] for i in order if turn * amounts[i] > 0.0]
        down = [[float(-turn * amounts[i]), float(places[i])] for i in order[::-1] if turn * amounts[i] < 0.0]
        total, i, j = 0.0, 0, 0
        while i < len(up) and j < len(down):
            size = min(up[i][0], down[j][0])
            total += size * abs(up[i][1] - down[j][1])
            up[i][0] -= size
            down[j][0] -= size
            i += up[i][0] <= 0.0
            j += down[j][0] <= 0.0
        found = max(found, total)
    return found


def offset(amounts: F64) -> float:
    """What positive and negative amounts offset of each other."""
    return min(float(amounts[amounts > 0.0].sum()), -float(amounts[amounts < 0.0].sum()))


@dataclass(frozen=True, eq=False)
class Charge:
    """A contingency in USD; `shares[N + 1]` are Euler shares of the positions and of hedging spot, the last.

    They add up to the amount but for `amount - shares.sum()`, which a charge that is not smooth where the book stands
    leaves over. `rate` is the parameter that it rests on.
    """

    amount: float
    shares: F64
    rate: str


def contingencies(u: Held, p: RiskUnit) -> dict[str, Charge]:
    """The five contingencies of a risk unit in USD, by name.

    ```
    option        short_option * index * coins net short, of calls and of puts in each expiry
    option_vega   vega_spread * index * vega that expiries offset * days between them
    usdt_usdc     stable_spread * index * delta that settlement currencies offset
    future_delta  the larger of  basis * index * delta that expiries offset * years between them
                  and            future_delta * price of spot * |net delta of futures and hedging spot|
    future        future * index * coins of all futures and perpetuals
    ```

    Sources: venues-cex 4.3 (a secondary source for the forms); the second `future_delta` and `future` meet the venue's
    own example.
    """
    future = ~u.option
    outright = np.append(np.where(future, u.delta, 0.0), u.spot)
    net = float(outright.sum())
    price = u.spot_price if u.spot else u.index
    each = p.future_delta * price * np.sign(net) * outright
    held = Charge(p.future_delta * price * abs(net), each, "future_delta")
    delta, place = np.append(u.delta, u.spot), np.append(u.seconds, -1.0)
    # spot is no perpetual: it stands at time zero, in a bucket of its own
    spread = _bucketed(delta, place, _by_years, u.index, p, "basis")
    vega = _bucketed(np.append(u.vega, 0.0), np.append(u.seconds, 0.0), _by_days, u.index, p, "vega_spread")
    names = sorted(set(u.currencies))
    kind = np.array([*(float(names.index(c)) for c in u.currencies), -1.0])
    stable = _bucketed(np.append(u.delta, 0.0), kind, _offset, u.index, p, "stable_spread")
    every = p.future * u.index * np.append(np.where(future, np.abs(u.coins), 0.0), 0.0)
    return {
        "option": _net_short(u, p.short_option * u.index),
        "option_vega": vega,
        "usdt_usdc": stable,
        "future_delta": spread if spread.amount > held.amount else held,
        "future": Charge(float(every.sum()), every, "future"),
    }


def _by_years(amounts: F64, places: F64) -> float:
    return paired(amounts, np.maximum(places, 0.0) / YEAR_SECONDS)


def _by_days(amounts: F64, places: F64) -> float:
    return paired(amounts, places / DAY_SECONDS)


def _offset(amounts: F64, _places: F64) -> float:
    return offset(amounts)


def _net_short(u: Held, rate: float) -> Charge:
    """Calls and puts of each expiry by themselves; what is long among them has a negative share."""
    size = u.coins.size
    shares = np.zeros(size + 1)
    for t in np.unique(u.seconds[u.option]):
        for call in (True, False):
            mine = u.option & (u.seconds == t) & (u.call == call)
            if u.coins[mine].sum() < 0.0:
                shares[:size][mine] = -rate * u.coins[mine]
    return Charge(float(shares.sum()), shares, "short_option")


def _bucketed(
    amounts: F64, places: F64, measure: Callable[[F64, F64], float], index: float, p: RiskUnit, name: str
) -> Charge:
    """The rate called `name` times the index on the sums of `amounts` at each place; shares by the slope in each."""
    rate = float(getattr(p, name)) * index
    at, group = np.unique(places, return_inverse=True)
    sums = np.zeros(at.size)
    np.add.at(sums, group, amounts)
    total = measure(sums, at)
    if total == 0.0:
        return Charge(0.0, np.zeros_like(amounts), name)
    slope = np.zeros(at.size)
    for b in np.flatnonzero(sums).tolist():
        step = np.zeros(at.size)
        step[b] = STEP * sums[b]
        slope[b] = (measure(sums + step, at) - measure(sums - step, at)) / (2.0 * step[b])
    return Charge(rate * total, rate * slope[group] * amounts, name)
