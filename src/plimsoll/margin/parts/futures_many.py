"""Futures by tiers on blocks of accounts: each lot by itself, its tier looked up in padded tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from plimsoll.contracts import Contract
from plimsoll.margin.many.engine import Batch
from plimsoll.margin.many.positions import F64, I64
from plimsoll.margin.many.totals import Amounts
from plimsoll.margin.many.universe import Lots, Universe
from plimsoll.margin.parts.legs import Unit
from plimsoll.margin.parts.tiers import TierRows, Tiers, TierTable
from plimsoll.risk.plan import INVERSE

_NO_TIERS = Tiers(np.zeros(0), np.zeros(1), np.zeros(1), np.zeros(1))


class FutureRules(Protocol):
    """What the rules of a venue say of one contract; see `TieredFutures`."""

    @property
    def default_leverage(self) -> float | None: ...

    def rule(self, contract: Contract) -> tuple[str, TierTable, Unit] | None: ...

    def close_fee_rate(self, contract: Contract) -> float: ...


@dataclass(frozen=True, eq=False)
class FutureUnits:
    """`[N]` of one contract of a universe: its `notional` in the settlement currency and its `size` as its tiers count
    it, its `tiers`, the `fee` rate of closing; `floor`: one over the leverage where none was chosen, zero where that
    is the highest of the tier. Zeros for contracts that are not taken.
    """

    notional: F64
    size: F64
    tiers: TierRows
    fee: F64
    floor: float

    @classmethod
    def of(cls, rules: FutureRules, universe: Universe) -> FutureUnits:
        """Look every contract up."""
        plan = universe.plan
        notional = universe.known(
            np.where(plan.style == INVERSE, plan.multiplier / plan.price, plan.multiplier * plan.price)
        )
        size, fee, tables = notional.copy(), np.zeros(len(plan)), []
        for i, contract in enumerate(plan.contracts):
            rule = rules.rule(contract) if universe.taken[i] else None
            tables.append(_NO_TIERS if rule is None else Tiers.of(rule[1]))
            if rule is None:
                continue
            fee[i] = rules.close_fee_rate(contract)
            if rule[2] == "contracts":
                size[i] = 1.0
            elif rule[2] == "coins" and plan.style[i] != INVERSE:
                size[i] = plan.multiplier[i]
        leverage = rules.default_leverage
        return cls(notional, size, TierRows.of(tables), fee, 0.0 if leverage is None else 1.0 / leverage)

    def margins(self, item: I64, quantity: F64) -> tuple[F64, F64]:
        """`[P]` initial and maintenance margin of so many contracts of each `item`, with the fee of closing."""
        held = np.abs(quantity)
        notional, size = held * self.notional[item], held * self.size[item]
        at = self.tiers.place(item, size)
        # a deduction in the unit of the size is worth that many times the price where sizes are not notional
        scale = np.divide(notional, size, out=np.ones_like(notional), where=size > 0)
        initial = notional * (np.maximum(self.tiers.initial_rate[item, at], self.floor) + self.fee[item])
        maintenance = notional * (self.tiers.maintenance_rate[item, at] + self.fee[item])
        return initial, maintenance - self.tiers.deduction[item, at] * scale


def futures_batch(unit: FutureUnits, universe: Universe) -> Batch:
    """The arithmetic on blocks of accounts of one settlement currency, none of it set apart."""
    names = np.array([c.currency for c in universe.plan.contracts])
    number = np.unique(names, return_inverse=True)[1].astype(np.int64)

    def amounts(lots: Lots) -> Amounts:
        initial, maintenance = unit.margins(lots.item, lots.quantity)
        currency = np.full(lots.accounts, "", dtype=names.dtype)
        currency[lots.account] = names[lots.item]
        nothing = np.zeros(lots.accounts)
        return Amounts(lots.sum(initial), lots.sum(maintenance), nothing, lots.several(number), currency)

    return amounts
