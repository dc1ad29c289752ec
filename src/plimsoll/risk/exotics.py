"""Exotic options in the P&L array: their values over scenarios, one payoff kind at a time.

A scenario acts at the instant: the index and the forwards of its expiries jump, volatilities change by the law of their
tenor, days may pass. What follows from it is the same for all kinds:

* a barrier that the moved index lies at or beyond has been touched, and the option is worth what is left of it;
* options without expiry take the volatility shock of the tenor 1 / holding_rate, the mean life of what they pay for;
* fixings of an average within the days that pass are set at the moved index;
* nothing is discounted, as for vanilla options. In dollars that is a rate of zero. A coin-settled option is
  undiscounted in coins: paid at expiry it is worth its dollar value over the forward, whatever the path (the payoff
  is converted at the price of that moment, so the coin value is E[payoff] / F by a change of numeraire). An American
  one may be paid earlier; in coins its exercise is decided at a zero *coin* rate, which in dollars is a rate equal
  to the carry, and the value converts at the index. Otherwise it could be worth less than exercising it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from plimsoll.contracts import AsianOption
from plimsoll.documents import DAY_SECONDS, YEAR_SECONDS, seconds_between
from plimsoll.pricing.american import american_value
from plimsoll.pricing.asian import arithmetic_value, geometric_value
from plimsoll.pricing.barrier import barrier_value
from plimsoll.pricing.digital import digital_value
from plimsoll.pricing.perpetual import everlasting_value, perpetual_american_value
from plimsoll.pricing.power import power_value
from plimsoll.risk.plan import F64, I64, INVERSE, Plan
from plimsoll.scenarios import ABSOLUTE_SKEW, Scenarios, years_of

_LEAST_PRICE = 1e-200

BOOL = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Moved:
    """`R` exotic options of one kind in `S` scenarios, arrays `[R, S]`; USD per coin and years.

    `spot` and `forward` after the move, `vol` per square-root year, `years` left (for options without expiry: their
    tenor), `passed` days `[S]` that went by, `coin` `[R]` whether the option is settled in coin.
    """

    contracts: tuple[Any, ...]
    plan: Plan
    spot: F64
    forward: F64
    vol: F64
    years: F64
    passed: F64
    coin: BOOL

    @property
    def total_vol(self) -> F64:
        """`vol * sqrt(years)`."""
        total: F64 = self.vol * np.sqrt(self.years)
        return total

    def term(self, name: str) -> npt.NDArray[Any]:
        """A term of each contract as `[R, 1]`."""
        return np.array([getattr(c, name) for c in self.contracts])[:, None]


def exotic_unit_values(plan: Plan, scenarios: Scenarios, side: F64 | None = None) -> F64:
    """`[X, S]` value of one contract in its settlement currency, rows as `plan.exotics`.

    One that cannot be priced is worth nothing where `side` (`[N]`, the position) is not negative, which is the least
    an option can be worth, and NaN elsewhere: no bound is known for what was sold.
    """
    usd, per = exotic_values(plan, scenarios)
    rows = plan.exotics
    inverse = (plan.style[rows] == INVERSE)[:, None]
    coins = np.divide(usd, per, out=np.zeros_like(usd), where=per > 0)
    values: F64 = np.where(inverse, coins, usd) * plan.multiplier[rows, None]
    if side is not None:
        lost = np.array([int(i) in plan.failures for i in rows]) & (side[rows] >= 0.0)
        values[lost] = 0.0
    return values


def exotic_values(plan: Plan, scenarios: Scenarios) -> tuple[F64, F64]:
    """`[X, S]` undiscounted USD value for one coin, and the USD price that converts it; rows as `plan.exotics`.

    That price is the forward where the option pays at its expiry, the index where it can be paid at any time. Rows of
    contracts that cannot be priced are NaN.
    """
    rows = plan.exotics
    values = np.full((rows.size, len(scenarios)), np.nan)
    per = np.full((rows.size, len(scenarios)), np.nan)
    good = np.array([int(i) not in plan.failures for i in rows], dtype=bool)
    kinds = np.array([plan.contracts[i].kind for i in rows])
    for kind in sorted(set(kinds[good].tolist())):
        some = np.flatnonzero(good & (kinds == kind))
        moved = _moved(plan, scenarios, rows[some])
        values[some] = _VALUES[kind](moved)
        at_any_time = kind in ("american_option", "perpetual_option")
        price = moved.spot if at_any_time else moved.forward
        per[some] = np.where(price > _LEAST_PRICE, price, 0.0)
    return values, per


def _moved(plan: Plan, scenarios: Scenarios, rows: I64) -> Moved:
    from plimsoll.risk.revalue import shocked_forward

    contracts: tuple[Any, ...] = tuple(plan.contracts[i] for i in rows)
    spot = plan.spot[rows, None] * scenarios.spot[None, :]
    group = plan.group[rows]
    if (group < 0).any():
        seconds = np.array([YEAR_SECONDS / c.holding_rate for c in contracts])
        left = np.broadcast_to(seconds[:, None], spot.shape)
        forward = spot
    else:
        seconds = plan.seconds[group]
        left = np.maximum(seconds[:, None] - scenarios.days[None, :] * DAY_SECONDS, 0.0)
        forward = shocked_forward(plan, scenarios)[group]
        # once settled, the delivery price is all that counts
        past = (seconds == 0.0) & (plan.variable[group] == 0.0)
        spot = np.where(past[:, None], forward, spot)
    # a coin that was delivered at nothing has no logarithm
    spot, forward = np.maximum(spot, _LEAST_PRICE), np.maximum(forward, _LEAST_PRICE)
    vol = np.maximum(plan.vol[rows, None] * _vol_scale(plan, scenarios, rows, seconds), scenarios.vol_floor()[None, :])
    coin = np.asarray(plan.style[rows] == INVERSE)
    return Moved(contracts, plan, spot, forward, vol, years_of(left), scenarios.days, coin)


def _vol_scale(plan: Plan, scenarios: Scenarios, rows: I64, seconds: F64) -> F64:
    scale = scenarios.vol_scale(seconds)
    rule = scenarios.skew_rule
    if rule is not None:
        k = np.log(np.maximum(plan.strike[rows] / np.maximum(plan.price[rows], 1e-18), 1e-18))
        for s in np.flatnonzero(scenarios.skew):
            tilt = rule.multiplier(k, years_of(seconds), bool(scenarios.skew[s] == ABSOLUTE_SKEW))
            scale[:, s] = np.maximum(0.0, tilt)
    return scale


def _american(m: Moved) -> F64:
    carry = np.log(m.forward / m.spot)
    total_rate = np.where(m.coin[:, None], carry, 0.0)
    return american_value(m.spot, m.forward, m.term("strike"), m.total_vol, m.term("call"), total_rate)


def _barrier(m: Moved) -> F64:
    strike, barrier, rebate = m.term("strike"), m.term("barrier"), m.term("rebate")
    call, up, knock_in, touched = m.term("call"), m.term("up"), m.term("knock_in"), m.term("touched")
    return barrier_value(m.spot, m.forward, strike, barrier, m.total_vol, call, up, knock_in, rebate, touched)


def _digital(m: Moved) -> F64:
    paid = digital_value(m.forward, m.term("strike"), m.total_vol, m.term("call"), m.term("pays") == "asset")
    result: F64 = paid * m.term("cash")
    return result


def _power(m: Moved) -> F64:
    cap = np.array([np.inf if c.cap is None else c.cap for c in m.contracts])[:, None]
    return power_value(m.forward, m.term("strike"), m.total_vol, m.term("call"), m.term("power"), cap)


def _perpetual(m: Moved) -> F64:
    strike, call, rate, none = m.term("strike"), m.term("call"), m.term("holding_rate"), np.zeros((1, 1))
    everlasting = everlasting_value(m.spot, strike, m.vol, call, rate, none, none)
    american = perpetual_american_value(m.spot, strike, m.vol, call, rate, none)
    result: F64 = np.where(m.term("style") == "everlasting", everlasting, american)
    return result


def _asian(m: Moved) -> F64:
    values = np.empty(m.spot.shape)
    for row, contract in enumerate(m.contracts):
        values[row] = _average(m, row, contract)
    return values


def _average(m: Moved, row: int, contract: AsianOption) -> F64:
    ahead = [seconds_between(m.plan.time, at) for at in contract.fixings]
    known = sum(1 for seconds in ahead if seconds <= 0.0)
    accrued = np.asarray(1.0 if contract.accrued is None else contract.accrued)
    side = 1.0 if contract.call else -1.0
    if known == len(ahead):
        return np.full(len(m.passed), max(0.0, side * (float(accrued) - contract.strike)))
    to_come = years_of(np.array(ahead[known:]))
    passed = m.passed * (DAY_SECONDS / YEAR_SECONDS)
    times = np.maximum(to_come[None, :] - passed[:, None], 0.0)
    years = m.years[row][:, None]
    share = np.divide(times, years, out=np.ones(times.shape), where=years > 0.0)
    forwards = m.spot[row][:, None] * (m.forward[row] / m.spot[row])[:, None] ** share
    value = arithmetic_value if contract.average == "arithmetic" else geometric_value
    strike, call = np.asarray(contract.strike), np.asarray(contract.call)
    return value(forwards, times, strike, m.vol[row], call, known, accrued)


_VALUES: dict[str, Callable[[Moved], F64]] = {
    "american_option": _american,
    "asian_option": _asian,
    "barrier_option": _barrier,
    "digital_option": _digital,
    "perpetual_option": _perpetual,
    "power_option": _power,
}


WAY = 16
"""Parts into which the way from the index to a barrier is cut."""


def barrier_moves(plan: Plan, rows: Sequence[int] | I64) -> dict[float, str]:
    """Relative index moves at which an option of `rows` with a barrier may be worth most or least, and where they lie.

    On either side of each barrier that can still be touched, and on the way to it in `WAY` equal parts: a knock-out
    that pays more towards its barrier is worth most somewhere on that way, and no table of moves is sure to look there.
    """
    found: dict[float, str] = {}
    for i in rows:
        contract = plan.contracts[int(i)]
        if contract.kind != "barrier_option" or int(i) in plan.failures or contract.touched:
            continue
        alive = plan.seconds[plan.group[i]] > 0.0
        ratio = contract.barrier / float(plan.spot[i])
        if alive and (ratio > 1.0 if contract.up else ratio < 1.0):
            hair = 1e-9 if contract.up else -1e-9
            at = f"the barrier {contract.barrier:,.10g}"
            found |= {(ratio - 1.0) * part / WAY: f"{part}/{WAY} of the way to {at}" for part in range(1, WAY)}
            found |= {ratio * (1.0 - hair) - 1.0: f"just before {at}", ratio * (1.0 + hair) - 1.0: f"just beyond {at}"}
    return dict(sorted(found.items()))
