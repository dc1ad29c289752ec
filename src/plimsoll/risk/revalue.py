"""The P&L array: what one unit of each contract gains in each scenario."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np

from plimsoll.contracts import Contract
from plimsoll.documents import DAY_SECONDS, DocumentError, Problem, refuse
from plimsoll.kernels import lognormal_values
from plimsoll.market import Market
from plimsoll.risk.plan import F64, I64, INVERSE, Plan, compile_plan
from plimsoll.scenarios import ABSOLUTE_SKEW, Scenarios, years_of

Currency = Literal["settlement", "usd"]

CELLS = 2**15
"""Numbers of an array that are gone over together."""


def shocked_forward(plan: Plan, scenarios: Scenarios) -> F64:
    """`[E, S]` forward of each expiry: only its variable part moves, by spot and basis."""
    moved: F64 = plan.variable[:, None] * (scenarios.spot * scenarios.basis)[None, :] + plan.fixed[:, None]
    return moved


def option_values(plan: Plan, scenarios: Scenarios, *, discount: F64 | None = None, side: F64 | None = None) -> F64:
    """`[options, S]` Black-76 value in USD of one option on one coin, rows as `plan.options`.

    `discount` is `[E]`, one if left out. An option that cannot be priced is carried at the no-arbitrage bound that
    is worse for its holder, by the sign of `side` (`[N]`, the position): nothing when long, the forward (call) or
    the strike (put) when short. Without `side` such rows are NaN.
    """
    rows = plan.options
    size = len(scenarios)
    if rows.size == 0:
        return np.zeros((0, size))
    if not plan.failures:
        return _values(plan, scenarios, rows, discount)
    good = np.array([int(i) not in plan.failures for i in rows])
    values = np.full((rows.size, size), np.nan)
    if good.any():
        values[good] = _values(plan, scenarios, rows[good], discount)
    if side is not None and not good.all():
        bad = rows[~good]
        cap = np.where(
            plan.call[bad][:, None],
            shocked_forward(plan, scenarios)[plan.group[bad]],
            plan.strike[bad][:, None],
        )
        values[~good] = np.where(side[bad][:, None] < 0, cap, 0.0)
    return values


def _values(plan: Plan, scenarios: Scenarios, rows: I64, discount: F64 | None) -> F64:
    used, group = np.unique(plan.group[rows], return_inverse=True)
    seconds = plan.seconds[used]
    forward = np.ascontiguousarray(shocked_forward(plan, scenarios)[used])
    factor = np.ones(used.size) if discount is None else discount[used]
    scale = scenarios.vol_scale(seconds)
    root = np.sqrt(years_of(seconds))
    floor = scenarios.vol_floor()[None, :] * root[:, None]
    if scenarios.days.any():
        left = np.maximum(seconds[:, None] - scenarios.days[None, :] * DAY_SECONDS, 0.0)
        shrink = np.sqrt(np.divide(left, seconds[:, None], out=np.zeros_like(left), where=seconds[:, None] > 0))
        scale, floor = scale * shrink, floor * shrink
    strike, call = plan.strike[rows], plan.call[rows]
    total_vol = plan.vol[rows] * root[group]
    in_range(forward, scale, total_vol)
    values = lognormal_values(group.astype(np.int64), strike, total_vol, call, forward, scale, floor, factor)
    tilted = np.flatnonzero(scenarios.skew)
    if tilted.size:
        # the tilt depends on the strike, so in these columns every option is a group of its own
        values[:, tilted] = _tilted(plan, scenarios.take(tilted), rows, total_vol, factor[group])
    return values


def in_range(forward: F64, scale: F64, total_vol: F64) -> None:
    """Raise `DocumentError` where a shocked forward or volatility is no finite number."""
    for what, numbers in (("forward", forward), ("volatility shock", scale), ("total volatility", total_vol)):
        if not np.isfinite(numbers).all():
            raise refuse(f"shocked {what}", "a number beyond double precision", "markets and shocks of sane size")


def _tilted(plan: Plan, scenarios: Scenarios, rows: I64, total_vol: F64, discount: F64) -> F64:
    rule = scenarios.skew_rule
    assert rule is not None
    group = plan.group[rows]
    years = years_of(plan.seconds[group])
    forward = np.ascontiguousarray(shocked_forward(plan, scenarios)[group])
    scale = np.empty((rows.size, len(scenarios)))
    k = log_moneyness(plan, rows)
    for s in range(len(scenarios)):
        tilt = rule.multiplier(k, years, bool(scenarios.skew[s] == ABSOLUTE_SKEW))
        scale[:, s] = np.maximum(0.0, tilt)
    own = np.arange(rows.size, dtype=np.int64)
    floor = np.zeros_like(scale)
    in_range(forward, scale, total_vol)
    return lognormal_values(own, plan.strike[rows], total_vol, plan.call[rows], forward, scale, floor, discount)


def log_moneyness(plan: Plan, rows: I64) -> F64:
    """`ln(strike / forward)` with both floored at 1e-18, so that a zero strike or forward stays finite."""
    forward = np.maximum(plan.forward[plan.group[rows]], 1e-18)
    k: F64 = np.log(np.maximum(plan.strike[rows] / forward, 1e-18))
    return k


def unit_values(plan: Plan, scenarios: Scenarios, currency: Currency = "settlement", side: F64 | None = None) -> F64:
    """`[N, S]` value of one contract, options of every kind and spot only; futures and perpetuals give zero.

    `settlement`: units of the settlement currency. `usd`: converted at the price of that currency, which moves with
    the scenario when it is a coin that has an index. `side` as for `option_values`.
    """
    size = len(scenarios)
    values = np.zeros((len(plan), size))
    rows = plan.options
    if rows.size:
        worth = option_values(plan, scenarios, side=side)
        worth *= plan.multiplier[rows, None]
        _in_coins(worth, plan, rows, scenarios)
        values[rows] = worth
    if plan.exotic.any():
        from plimsoll.risk.exotics import exotic_unit_values

        values[plan.exotics] = exotic_unit_values(plan, scenarios, side)
    for i, contract in enumerate(plan.contracts):
        if contract.kind == "spot":
            values[i] = 1.0
    if currency == "usd":
        for some in _pieces(np.arange(len(plan), dtype=np.int64), size):
            values[some] *= settle_price(plan, scenarios, some)
    return values


def _in_coins(worth: F64, plan: Plan, rows: I64, scenarios: Scenarios) -> None:
    """USD to coins where an option is inverse, nothing where no forward is left; `worth` are those `rows`, in place."""
    own = np.flatnonzero(plan.style[rows] == INVERSE)
    forward, group = shocked_forward(plan, scenarios), plan.group[rows]
    for some in _pieces(own, worth.shape[1]):
        price = forward[group[some]]
        worth[some] = np.divide(worth[some], price, out=np.zeros_like(price), where=price > 0)


def _pieces(rows: I64, scenarios: int) -> Iterator[I64]:
    """Some of the rows at a time, few enough that a cache holds what is computed of them."""
    step = max(1, CELLS // max(1, scenarios))
    for start in range(0, rows.size, step):
        yield rows[start : start + step]


def settle_price(plan: Plan, scenarios: Scenarios, rows: I64 | slice = slice(None)) -> F64:
    """`[R, S]` USD price of the settlement currency of some rows, all if left out; every coin moves with the same spot
    shock."""
    price: F64 = plan.settle[rows, None] * np.where(plan.settle_moves[rows, None], scenarios.spot[None, :], 1.0)
    return price


def plan_pnl(plan: Plan, scenarios: Scenarios, currency: Currency = "settlement", side: F64 | None = None) -> F64:
    """`[N, S]` gain of one contract in each scenario, unweighted.

    Options of every kind: change of value; in `usd` the value is taken in the settlement currency and converted at that
    currency's shocked price, so a coin-settled premium carries its own currency risk. Futures and perpetuals: the
    cash flow of the move, `m (P_s - P)` or `m (1/P - 1/P_s)` coins, converted at the shocked price.
    """
    base = Scenarios.build([1.0])
    pnl = unit_values(plan, scenarios, currency, side)
    pnl -= unit_values(plan, base, currency, side)
    for i, contract in enumerate(plan.contracts):
        if contract.kind not in ("future", "perpetual"):
            continue
        moved = scenarios.spot
        if plan.group[i] >= 0:
            e = plan.group[i]
            total = plan.variable[e] + plan.fixed[e]
            share = plan.variable[e] / total if total > 0 else 1.0
            share = share if np.isfinite(share) else 1.0
            moved = share * scenarios.spot * scenarios.basis + (1.0 - share)
        price, m = plan.price[i], plan.multiplier[i]
        row = m / price * (1.0 - 1.0 / moved) if plan.style[i] == INVERSE else m * price * (moved - 1.0)
        pnl[i] = row * settle_price(plan, scenarios, slice(i, i + 1))[0] if currency == "usd" else row
    return pnl


def pnl_array(
    contracts: Sequence[Contract], market: Market, scenarios: Scenarios, currency: Currency = "settlement"
) -> F64:
    """`float64[N, S]`: the gain of one contract `i` in scenario `s`, unweighted, scenario axis contiguous.

    `currency="settlement"` gives it in each contract's settlement currency, `"usd"` in US dollars at the shocked
    price of that currency. Raises `DocumentError` naming every contract that cannot be valued.
    """
    if currency not in ("settlement", "usd"):
        raise refuse("currency", currency, "'settlement' or 'usd'")
    plan = compile_plan(contracts, market)
    if plan.failures:
        problems = [Problem(f"contracts[{i}]", f.reason.value, f.message) for i, f in plan.failures.items()]
        raise DocumentError(problems)
    return plan_pnl(plan, scenarios, currency)
