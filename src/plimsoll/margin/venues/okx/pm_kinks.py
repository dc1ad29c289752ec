"""Prices at which a portfolio margin bends: ends of tiers, and where a currency begins to be owed."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from plimsoll.margin.parts.discounts import Discounts
from plimsoll.margin.venues.okx.pm_account import Evaluation
from plimsoll.margin.venues.okx.pm_parameters import group_of

F64 = npt.NDArray[np.float64]


def kinks_of(found: Evaluation, strikes: dict[str, F64]) -> dict[str, F64]:
    """Multipliers by coin: strikes, and what follows from amounts that grow in proportion to the price.

    Tiers of MR7 and MR9 and discounts are exact for units of linear futures and perpetuals and for coins held; with
    options among them they say about where the end is.
    """
    p = found.parameters
    rows: dict[str, set[float]] = {name: set(x.tolist()) for name, x in strikes.items()}

    def add(coin: str, ends: list[float], amount: float) -> None:
        if amount > 0.0:
            rows.setdefault(coin, set()).update(e / amount for e in ends)

    for charged in found.units:
        unit = charged.unit
        tiers = group_of(p.scaling, unit.coin)[1].tiers
        add(unit.coin, [t.upto for t in tiers if t.upto is not None], float(unit.closing[:, 0].sum()))
        for hedge in charged.hedges:
            assert p.mr9 is not None
            add(unit.coin, [t.upto for t in p.mr9.tiers if t.upto is not None], float(hedge.amount[0]))
    for m in found.money:
        bends = Discounts.of(p.discounts[m.currency]).bends(float(m.equity[0]), float(m.price[0]))
        moved = [u for u in found.units if m.currency in {c.currency for c in u.unit.plan.contracts}]
        coins = {u.unit.coin for u in moved}
        if m.currency in {u.unit.coin for u in found.units} or bends:
            rows.setdefault(m.currency, set()).update(bends)
        for coin in coins:
            gained = 0.0
            for charged in moved:
                unit = charged.unit
                mine = np.array([c.currency == m.currency for c in unit.plan.contracts]) & ~unit.inverse
                if unit.coin == coin:
                    gained += float((unit.size * unit.price)[mine & ~unit.plan.option, 0].sum())
            # equity of the currency is E + gained (x - 1): nothing is owed at x = 1 - E / gained
            if gained != 0.0:
                rows.setdefault(coin, set()).add(1.0 - float(m.equity[0]) / gained)
    return {coin: np.array(sorted(x for x in found_at if x > 0)) for coin, found_at in rows.items()}
