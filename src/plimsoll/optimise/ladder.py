"""What each further contract costs against its mark: the two sides of a book as steps that grow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from plimsoll.documents import DocumentError, Problem
from plimsoll.margin.parts.delta import unit_deltas
from plimsoll.market import Mark, Market
from plimsoll.optimise.terms import TradingTerms
from plimsoll.pricing.greeks import greeks
from plimsoll.risk import Plan, unit_values
from plimsoll.risk.plan import F64, INVERSE
from plimsoll.scenarios import Scenarios, years_of


@dataclass(frozen=True)
class Ladder:
    """One side of one instrument: `cost[K]` US dollars a contract (growing, at least zero) for `size[K]` contracts.

    `source` is `depth`, `quote` or `assumed`.
    """

    cost: tuple[float, ...]
    size: tuple[float, ...]
    source: str

    @property
    def most(self) -> float:
        """Contracts there are."""
        return sum(self.size)

    def of(self, quantity: float) -> float:
        """US dollars for `quantity >= 0` contracts; beyond the last step nothing is known, and it is infinite."""
        left, paid = quantity, 0.0
        for cost, size in zip(self.cost, self.size, strict=True):
            taken = min(left, size)
            paid, left = paid + taken * cost, left - taken
        return paid if left <= 1e-9 * max(1.0, quantity) else float("inf")

    def capped(self, most: float) -> Ladder:
        """The first `most` contracts of it."""
        left, costs, sizes = most, [], []
        for cost, size in zip(self.cost, self.size, strict=True):
            if left <= 0.0:
                break
            costs.append(cost)
            sizes.append(min(size, left))
            left -= size
        return Ladder(tuple(costs), tuple(sizes), self.source)


NOTHING = Ladder((), (), "none")

Sides = tuple[Ladder, Ladder]
"""Buying and selling."""


def ladders(plan: Plan, market: Market, terms: TradingTerms) -> tuple[Sides, ...]:
    """Both sides of each contract of a plan. A price better than the mark costs nothing: no gain is believed.

    Raises `DocumentError` where a quote crosses itself or `terms.sizes` names what is not listed.
    """
    stray = [n for n in terms.sizes if n not in market.contracts]
    if stray:
        allowed = f"one of the {len(market.contracts)} instruments of the market"
        raise DocumentError([Problem(f"terms.sizes.{n}", n, allowed) for n in stray])
    worth = unit_values(plan, Scenarios.build([1.0]))[:, 0]
    vega, delta = vegas(plan), unit_deltas(plan, np.ones(len(plan)))
    return tuple(
        _sides(plan, i, market, terms, float(worth[i]), float(vega[i]), float(delta[i])) for i in range(len(plan))
    )


def vegas(plan: Plan) -> F64:
    """`[N]` US dollars by one point of volatility (0.01) of one contract, undiscounted as the marks are."""
    result, rows = np.zeros(len(plan)), plan.options
    rows = rows[np.isfinite(plan.vol[rows])]
    if rows.size:
        g = plan.group[rows]
        found = greeks(
            plan.forward[g], plan.strike[rows], years_of(plan.seconds[g]), plan.vol[rows], plan.call[rows]
        ).vega
        usd = np.where(plan.style[rows] == INVERSE, plan.settle[rows] / plan.forward[g], plan.settle[rows])
        result[rows] = 0.01 * np.asarray(found) * plan.multiplier[rows] * usd
    return result


def _sides(plan: Plan, i: int, market: Market, terms: TradingTerms, worth: float, vega: float, delta: float) -> Sides:
    contract, mark = plan.contracts[i], market.marks.get(plan.contracts[i].name, Mark())
    book = market.depth.get(contract.name)
    coins = coins_of_one(plan, i)
    size = terms.sizes.get(contract.name, terms.size / coins)
    # an option deep in the money has no vega and is still no cheaper to trade than what it moves with
    half = terms.option_spread * vega + terms.spread * plan.spot[i] * abs(delta)
    fee = _fee(plan, i, coins, worth, terms)
    if mark.bid is not None and mark.ask is not None and mark.bid > mark.ask:
        raise DocumentError(Problem(f"market.marks.{contract.name}.bid", str(mark.bid), f"at most the ask, {mark.ask}"))
    found = []
    for sign, rows, best in ((1.0, book and book.asks, mark.ask), (-1.0, book and book.bids, mark.bid)):
        if rows:
            costs = [_against(plan, i, sign, price, worth) for price, _ in rows]
            found.append(Ladder(tuple(c + fee for c in costs), tuple(q for _, q in rows), "depth"))
        elif best:
            found.append(Ladder((_against(plan, i, sign, best, worth) + fee,), (size,), "quote"))
        elif terms.unquoted == "assume":
            found.append(Ladder((half + fee,), (size,), "assumed"))
        else:
            found.append(NOTHING)
    return found[0], found[1]


def coins_of_one(plan: Plan, i: int) -> float:
    """Coins of the underlying that one contract is about."""
    linear = plan.style[i] != INVERSE or plan.option[i]
    return float(plan.multiplier[i] if linear else plan.multiplier[i] / plan.price[i])


def _fee(plan: Plan, i: int, coins: float, worth: float, terms: TradingTerms) -> float:
    notional = coins * float(plan.spot[i])
    if not plan.option[i]:
        return terms.future_fee * notional
    return min(terms.option_fee * notional, terms.option_fee_cap * worth * float(plan.settle[i]))


def _against(plan: Plan, i: int, sign: float, price: float, worth: float) -> float:
    """US dollars lost by buying (`sign` 1) or selling one contract at a quoted price instead of its mark."""
    m, settle = float(plan.multiplier[i]), float(plan.settle[i])
    if plan.option[i]:
        lost = sign * (price * m - worth)
    elif plan.style[i] == INVERSE:
        lost = sign * m * (1.0 / float(plan.price[i]) - 1.0 / price)
    else:
        lost = sign * m * (price - float(plan.price[i]))
    return max(0.0, lost * settle)
