"""What the portfolio managers add to the scenarios: collateral, naked shorts, confidence of the oracles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plimsoll.documents import refuse
from plimsoll.margin.book import Book
from plimsoll.margin.components import known_collateral
from plimsoll.margin.venues.derive.parameters import Collateral, Doubt, Pmrm2Parameters
from plimsoll.market import Index
from plimsoll.risk import Plan

F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Holdings:
    """Collateral other than cash: `value[C] = amount * price / stable`, confidence in each price, its haircuts."""

    assets: tuple[str, ...]
    value: F64
    confidence: F64
    terms: tuple[Collateral, ...]

    @property
    def moving(self) -> F64:
        """`[C]` value that moves with the scenarios: that of risk-cancelling assets."""
        cancelling = np.array([t.risk_cancelling for t in self.terms], dtype=bool)
        result: F64 = np.where(cancelling, self.value, 0.0)
        return result

    @property
    def maintenance_haircut(self) -> F64:
        """`[C]` haircut in both margins."""
        result: F64 = self.value * np.array([t.mm_haircut for t in self.terms], dtype=np.float64)
        return result

    @property
    def extra_haircut(self) -> F64:
        """`[C]` haircut in the initial margin on top."""
        result: F64 = self.value * np.array([t.im_haircut_extra for t in self.terms], dtype=np.float64)
        return result

    def oracle(self, doubt: Doubt, spot_confidence: float) -> F64:
        """`[C]` confidence contingency, `>= 0`: by the lesser of the asset's own confidence and that in spot."""
        factors = [doubt.charge(min(c, spot_confidence)) for c in self.confidence.tolist()]
        result: F64 = self.value * np.array(factors, dtype=np.float64)
        return result


def holdings(p: Pmrm2Parameters, book: Book, underlying: str, stable: float) -> Holdings:
    """The account's collateral. Raises `DocumentError` for an unknown, unpriced or borrowed asset."""
    table = p.underlyings[underlying].collaterals
    balances = book.account.collateral
    known_collateral(balances, {**table, p.cash: None})
    assets, value, confidence = [], [], []
    for asset, amount in balances.items():
        if asset == p.cash or amount == 0.0:
            continue
        if amount < 0:
            allowed = f"an amount of at least zero; only {p.cash} can be owed"
            raise refuse(f"account.collateral.{asset}", amount, allowed)
        price = book.market.price_of(asset)
        if price is None:
            raise refuse(f"market.assets.{asset}", None, "a USD price of this collateral")
        assets.append(asset)
        value.append(amount * price.price / stable)
        confidence.append(price.confidence)
    terms = tuple(table[a] for a in assets)
    return Holdings(tuple(assets), np.array(value, dtype=float), np.array(confidence, dtype=float), terms)


def naked_shorts(plan: Plan, coins: F64) -> F64:
    """`[N]` each option's part of the naked shorts in coins: `max(-(call + put), 0)` by strike and expiry."""
    nets: dict[tuple[int, float], float] = {}
    for i in plan.options:
        key = (int(plan.group[i]), float(plan.strike[i]))
        nets[key] = nets.get(key, 0.0) + float(coins[i])
    naked = np.zeros(len(plan))
    for i in plan.options:
        if nets[int(plan.group[i]), float(plan.strike[i])] < 0:
            naked[i] = -coins[i]
    return naked


def oracle_charges(
    doubt: Doubt, book: Book, coins: F64, perpetual: npt.NDArray[np.bool_], index: Index
) -> tuple[F64, float]:
    """Confidence contingency by position `[N]`, `>= 0`, and the confidence in spot and the perpetual held, if any.

    A confidence below the threshold charges `(1 - confidence) * conf_margin` of the notional. Perpetuals answer to
    spot and their own price; an expiry to spot, forward, rate, smile and, while a perpetual is held, to its price.
    """
    plan, marks = book.plan, book.market.marks
    live = [c.name for c, ok in zip(plan.contracts, perpetual & (coins != 0.0), strict=True) if ok]
    trust = min([index.confidence, *(marks[n].confidence for n in live if n in marks)])
    by_position = np.zeros(len(plan))
    by_position[perpetual] = doubt.charge(trust) * np.abs(coins[perpetual]) * index.price
    for e, row in enumerate(plan.expiries):
        forward = row.forward.confidence if row.forward is not None else 1.0
        mine = plan.group == e
        factor = doubt.charge(min(trust, forward, row.rate.confidence, row.vol_confidence))
        by_position[mine] = factor * np.abs(coins[mine]) * index.price
    return by_position, trust
