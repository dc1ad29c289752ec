"""Deltas in coins and the charges on them, which the house models and some venues share."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from plimsoll.contracts import BarrierOption, DigitalOption, PowerOption
from plimsoll.margin.book import Book
from plimsoll.pricing.black76 import forward_delta
from plimsoll.risk import Plan, unit_values
from plimsoll.risk.exotics import exotic_values
from plimsoll.risk.plan import INVERSE, QUANTO
from plimsoll.scenarios import Scenarios, years_of

F64 = npt.NDArray[np.float64]
BOOL = npt.NDArray[np.bool_]


def coins_of(plan: Plan) -> F64:
    """`[N]` coins that one option, or one contract that is not inverse, stands for; zero once it is settled.

    A quanto multiplier is money for each dollar of price change, so it counts at the price of that money.
    """
    coins: F64 = np.where(plan.style == QUANTO, plan.multiplier * plan.settle, plan.multiplier)
    return np.where(settled(plan), 0.0, coins)


def settled(plan: Plan) -> BOOL:
    """`[N]` contracts past their expiry: their worth no longer moves with the price of the underlying."""
    past = np.append((plan.seconds == 0.0) & (plan.variable == 0.0), False)
    result: BOOL = past[plan.group]
    return result


EXOTIC_STEP = 0.01
"""Relative spot move on either side over which the delta of an exotic option is the mean slope."""


def exotic_deltas(plan: Plan) -> F64:
    """`[X]` delta of one coin of each exotic option, rows as `plan.exotics`; 0 where it is carried at a bound.

    The mean slope of the dollar value over spot -1 % to +1 %, over the forward: a knock-out or a digital payout within
    that reach counts with what it costs over the reach, not with a slope that may have no bound.
    """
    values, _ = exotic_values(plan, Scenarios.build([1.0 - EXOTIC_STEP, 1.0 + EXOTIC_STEP]))
    price = plan.price[plan.exotics]
    slope = np.divide(
        np.diff(values, axis=1)[:, 0], 2.0 * EXOTIC_STEP * price, out=np.zeros(price.size), where=price > 0
    )
    return np.nan_to_num(slope)


def sold_coins(plan: Plan) -> F64:
    """`[X]` coins that one sold exotic option stands for in a short-option floor, rows as `plan.exotics`.

    Its coins; times the power of a power option; for a cash payout or a rebate, those that the payout is worth at the
    index, if more. Nothing for an option that can no longer become one: settled, or knocked out.
    """
    rows = plan.exotics
    coins = coins_of(plan)[rows]
    for x, i in enumerate(rows):
        contract, index = plan.contracts[i], float(plan.spot[i])
        if isinstance(contract, PowerOption):
            coins[x] *= max(1.0, contract.power)
        elif isinstance(contract, DigitalOption) and contract.pays == "cash":
            coins[x] *= contract.cash / index
        elif isinstance(contract, BarrierOption):
            gone = contract.touched or (index >= contract.barrier if contract.up else index <= contract.barrier)
            ended = 0.0 if gone and not contract.knock_in else 1.0
            coins[x] *= max(ended, 0.0 if gone else contract.rebate / index)
    return coins


def unit_deltas(plan: Plan, side: F64) -> F64:
    """`[N]` delta of one contract in coins; an option carried at a bound has the delta of that bound."""
    coins = coins_of(plan)
    inverse = np.divide(coins, plan.price, out=np.zeros(len(plan)), where=plan.price > 0)
    delta = np.where(plan.style == INVERSE, inverse, coins)
    rows = plan.options
    if rows.size:
        bad = np.array([int(i) in plan.failures for i in rows])
        good = rows[~bad]
        g = plan.group[good]
        delta[good] = coins[good] * forward_delta(
            plan.forward[g], plan.strike[good], years_of(plan.seconds[g]), plan.vol[good], plan.call[good]
        )
        carried = rows[bad]
        delta[carried] = np.where((side[carried] < 0) & plan.call[carried], coins[carried], 0.0)
    if plan.exotic.any():
        delta[plan.exotics] = coins[plan.exotics] * exotic_deltas(plan)
    result: F64 = delta
    return result


def held_of(book: Book, underlying: str) -> BOOL:
    """`[N]` rows of `underlying` that are held: a row of size zero only carries money and may stand without a price."""
    named = np.array([c.underlying == underlying for c in book.plan.contracts])
    held: BOOL = named & (book.quantity != 0.0)
    return held


def delta_charge_shares(delta: F64, spot: float, net: float, hedged: float, worth: F64) -> F64:
    """Euler shares of the delta charge of one underlying, in USD; `delta[M]` signed position deltas in coins.

    The charge is `(net * |C - P| + hedged * min(C, P)) * spot`, where `C` and `P` are the sums of positive and of
    negative deltas. No bought option is charged more than it can lose: any part of a position may be left out of the
    charge against its value, `worth[M]` (USD; infinite where a position can lose more), and the cheapest way counts:

        min over 0 <= x <= 1 of charge(x * delta) + sum((1 - x) * worth)
        = max over 0 <= t <= 1 of sum(min(worth, rate(t) * |delta|)),
        rate(t) = ((2 net - hedged) * t' - (net - hedged)) * spot, t' = t for positive and 1 - t for negative deltas

    The infimal convolution of two subadditive functions is subadditive in what is bought and what is sold, so joined
    books are never charged more than apart, as long as no contract is bought in one and sold in the other. Where one
    is, what cancels had been sold as a hedge in one book and given up for its value in the other, and the charge of
    the joined book may be higher, by no more than

        sum over what cancels of max(0, (net - hedged) * |delta| * spot - worth)

    which is zero but for options worth less than that part of their delta. The maximum of this concave, piecewise
    linear function lies at a kink; of a flat top the middle is taken. Needs `hedged <= 2 * net`.
    """
    size, up = np.abs(delta), delta > 0

    def terms(t: float) -> F64:
        side = np.where(up, t, 1.0 - t)
        rate = ((2.0 * net - hedged) * side - (net - hedged)) * spot
        result: F64 = np.minimum(worth, rate * size)
        return result

    slope = (2.0 * net - hedged) * spot
    kinks = np.array([0.0, 1.0])
    capped = np.isfinite(worth) & (size > 0)
    if slope > 0 and capped.any():
        with np.errstate(over="ignore"):  # beyond every number, the cap of hardly any delta never binds
            level = worth[capped] / size[capped] + (net - hedged) * spot
        inner = np.where(up[capped], level / slope, 1.0 - level / slope)
        kinks = np.unique(np.concatenate([kinks, inner[(inner > 0) & (inner < 1)]]))
    low, high = 0, len(kinks) - 1
    while low < high:
        middle = (low + high) // 2
        if terms(float(kinks[middle])).sum() < terms(float(kinks[middle + 1])).sum():
            low = middle + 1
        else:
            high = middle
    best = terms(float(kinks[low]))
    top = float(best.sum())
    last = low
    while last + 1 < len(kinks) and terms(float(kinks[last + 1])).sum() >= top:
        last += 1
    if last > low:
        best = terms(float((kinks[low] + kinks[last]) / 2.0))
    return best


def worth_of(book: Book, mine: BOOL, capped: bool) -> F64:
    """What each position of `mine` can lose at most: the USD value of a bought option if `capped`, else no limit."""
    worth = np.full(int(mine.sum()), np.inf)
    bought = (book.plan.valued & (book.quantity > 0))[mine]
    if capped and bought.any():
        value = book.quantity * unit_values(book.plan, Scenarios.build([1.0]), "usd", book.quantity)[:, 0]
        worth[bought] = value[mine][bought]
    return worth
