"""Futures and perpetuals of a book as arrays: notional and profit at any price, tiers of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from plimsoll.margin.book import Book
from plimsoll.margin.parts.tiers import Tiers
from plimsoll.margin.path import States
from plimsoll.risk.plan import INVERSE, Plan

F64 = npt.NDArray[np.float64]
Unit = Literal["notional", "coins", "contracts"]
"""What a table of tiers counts: notional in the settlement currency, coins of the underlying, or contracts."""


@dataclass(frozen=True, eq=False)
class Legs:
    """`N` positions in futures and perpetuals; amounts in each one's settlement currency.

    `price[N]` is the mark (USD), `profit[N]` what is not settled at that mark, funding included, `margin[N]` the money
    set apart for an isolated position and NaN where it shares, `leverage[N]` what the holder chose or NaN. `tiers` and
    `unit` are those of each position.
    """

    book: Book
    price: F64
    profit: F64
    margin: F64
    leverage: F64
    tiers: tuple[Tiers, ...]
    unit: tuple[Unit, ...]

    @classmethod
    def of(cls, book: Book, tiers: Sequence[Tiers], unit: Sequence[Unit]) -> Legs:
        """The legs of a book that holds futures and perpetuals only, with the tiers of each position."""
        nothing = float("nan")
        margin = [nothing if p.isolated_margin is None else p.isolated_margin for p in book.positions]
        leverage = [nothing if p.leverage is None else p.leverage for p in book.positions]
        return cls(
            book,
            book.plan.price.copy(),
            book.unrealised + book.funding,
            np.array(margin, dtype=np.float64),
            np.array(leverage, dtype=np.float64),
            tuple(tiers),
            tuple(unit),
        )

    @property
    def isolated(self) -> npt.NDArray[np.bool_]:
        """`[N]` which positions have money of their own."""
        return ~np.isnan(self.margin)

    @property
    def unchosen(self) -> npt.NDArray[np.bool_]:
        """`[N]` which positions have no leverage that was chosen for them."""
        found: npt.NDArray[np.bool_] = np.isnan(self.leverage) & (self.book.quantity != 0.0)
        return found

    @property
    def subjects(self) -> tuple[str, ...]:
        """Names for reports: the instrument, with its leg where both sides are held apart."""
        return tuple(p.instrument if p.leg == "net" else f"{p.instrument} {p.leg}" for p in self.book.positions)

    def prices(self, states: States) -> F64:
        """`[N, K]` marks along a path."""
        return path_prices(self.book.plan, states)

    def notional(self, prices: F64) -> F64:
        """`[N, K]` absolute value of the positions at `prices[N, K]`, in the settlement currency."""
        plan = self.book.plan
        contracts = np.abs(self.book.quantity * plan.multiplier)[:, None]
        inverse = (plan.style == INVERSE)[:, None]
        value: F64 = np.where(inverse, contracts / prices, contracts * prices)
        return value

    def profits(self, prices: F64) -> F64:
        """`[N, K]` unsettled profit and funding at `prices[N, K]`, in the settlement currency."""
        plan = self.book.plan
        held = (self.book.quantity * plan.multiplier)[:, None]
        inverse = (plan.style == INVERSE)[:, None]
        now = self.price[:, None]
        gained = np.where(inverse, held * (1.0 / now - 1.0 / prices), held * (prices - now))
        total: F64 = self.profit[:, None] + gained
        return total

    def sizes(self, row: int, notional: F64) -> F64:
        """Sizes of one position as its tiers count them; `notional` are its values, of any shape."""
        plan = self.book.plan
        contracts = abs(float(self.book.quantity[row]))
        if self.unit[row] == "notional":
            return notional
        # coins of an inverse contract are its notional, those of a linear one its quantity
        if self.unit[row] == "coins" and plan.style[row] == INVERSE:
            return notional
        size = contracts if self.unit[row] == "contracts" else contracts * float(plan.multiplier[row])
        return np.full_like(notional, size)

    def maintenance(self, notional: F64) -> F64:
        """`[N, K]` maintenance margin of each position at the rate and deduction of its tier."""
        margin = np.empty_like(notional)
        for i, tiers in enumerate(self.tiers):
            size = self.sizes(i, notional[i])
            margin[i] = tiers.charge(size, notional[i])
        return margin

    def initial_rate(self, notional: F64, default: float | None) -> F64:
        """`[N, K]` initial margin rate: one over the chosen leverage, at least what the tier asks for.

        A position without a chosen leverage has `default`, or the highest that its tier allows where that is `None`.
        """
        rate = np.empty_like(notional)
        for i, tiers in enumerate(self.tiers):
            least = tiers.initial_rate[tiers.place(self.sizes(i, notional[i]))]
            chosen = self.leverage[i] if np.isfinite(self.leverage[i]) else default
            rate[i] = least if chosen is None else np.maximum(least, 1.0 / chosen)
        return rate

    def tier_multipliers(self) -> dict[str, F64]:
        """For each underlying the price multipliers at which a position comes to the end of a tier."""
        found: dict[str, set[float]] = {}
        plan = self.book.plan
        share = moving_share(plan)
        notional = self.notional(self.price[:, None])[:, 0]
        for i, tiers in enumerate(self.tiers):
            inverse = bool(plan.style[i] == INVERSE)
            moving = self.unit[i] == "notional" or (self.unit[i] == "coins" and inverse)
            if not moving or notional[i] <= 0 or share[i] <= 0:
                continue
            ratios = notional[i] / tiers.ends if inverse else tiers.ends / notional[i]
            # of a forward only a part moves with the price of the underlying
            multipliers = 1.0 + (ratios - 1.0) / share[i]
            found.setdefault(plan.contracts[i].underlying, set()).update(multipliers.tolist())
        return {name: np.array(sorted(x for x in ratios if x > 0)) for name, ratios in found.items()}


def moving_share(plan: Plan) -> F64:
    """`[N]` part of each contract's price that moves with its underlying: one without an expiry."""
    share = np.ones(len(plan))
    total = plan.forward
    inside = np.flatnonzero(plan.group >= 0)
    moving = np.divide(plan.variable, total, out=np.ones_like(total), where=total > 0)
    share[inside] = np.where(np.isfinite(moving), moving, 1.0)[plan.group[inside]]
    return share


def path_prices(plan: Plan, states: States) -> F64:
    """`[N, K]` prices of futures and perpetuals along a path: only the part of a forward that still moves is
    multiplied.
    """
    factor = np.array([states.multiplier(c.underlying) for c in plan.contracts]).reshape(len(plan), len(states))
    along: F64 = plan.price[:, None] * (1.0 + (factor - 1.0) * moving_share(plan)[:, None])
    return along


def tier_parts(legs: Legs, worth: F64) -> dict[str, float]:
    """Of each position the part whose closing brings it to the end of the tier below, one in the lowest tier.

    `worth[N]` is the value that the tiers of those in notional are taken on. By subject; a size on the end of a tier
    belongs to it.
    """
    found = {}
    for i, subject in enumerate(legs.subjects):
        size = float(legs.sizes(i, worth[i : i + 1])[0])
        if size <= 0.0:
            continue
        at = int(legs.tiers[i].place(np.array([size]))[0])
        found[subject] = 1.0 if at == 0 else 1.0 - float(legs.tiers[i].ends[at - 1]) / size
    return found
