"""What both portfolio managers ask of many accounts of one underlying: span, notionals, doubt."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from plimsoll.kernels import aggregate_accounts
from plimsoll.margin.many.positions import F64, I64
from plimsoll.margin.many.totals import Amounts
from plimsoll.margin.many.universe import BOOL, Lots, Runs, Universe
from plimsoll.margin.venues.derive.columns import BLOCKS
from plimsoll.margin.venues.derive.parameters import Basis, Doubt
from plimsoll.margin.venues.derive.span import TIE_TOLERANCE, ExpiryValues, discounted_moves, expiry_values
from plimsoll.market import Index
from plimsoll.risk import Plan
from plimsoll.scenarios import Scenarios, years_of


@dataclass(frozen=True, eq=False)
class Sums:
    """`[A]` by account: the loss of the span (at least zero), option value, coins of perpetuals, naked shorts, doubt.

    `loss` and `value` in the settlement currency; `perpetuals` and `naked` in coins, at least zero; `doubt` is the
    confidence contingency.
    """

    loss: F64
    value: F64
    perpetuals: F64
    naked: F64
    doubt: F64


@dataclass(frozen=True, eq=False)
class SpanTables:
    """One contract of each of the universe under the scenarios of one underlying, ready for blocks of accounts.

    `unit` holds the values of one contract; `linear[N]` is what of it moves one to one with spot; `factors` the static
    discounts `[E]` on a positive and on a negative net expiry value; `strikes[N]` the number of each option's expiry
    and strike; `trust[N]` confidence in the mark of a perpetual; `belief[E]` that in an expiry.
    """

    plan: Plan
    scenarios: Scenarios
    basis: Basis
    unit: ExpiryValues
    linear: F64
    factors: tuple[F64, F64]
    index: Index
    doubt: Doubt
    perpetual: BOOL
    strikes: I64
    trust: F64
    belief: F64

    @classmethod
    def of(
        cls,
        universe: Universe,
        scenarios: Scenarios,
        rule: tuple[Basis, Doubt],
        discount: F64 | None,
        factors: tuple[F64, F64],
        index: Index,
    ) -> SpanTables:
        """Value every option once; `discount[E]` as in `expiry_values`."""
        plan, market = universe.plan, universe.market
        perpetual = np.array([c.kind == "perpetual" for c in plan.contracts], dtype=bool)
        strikes = np.full(len(plan), -1, dtype=np.int64)
        rows = plan.options
        pairs = np.stack([plan.group[rows].astype(np.float64), plan.strike[rows]])
        strikes[rows] = np.unique(pairs, axis=1, return_inverse=True)[1].reshape(-1)
        shown = [market.marks.get(c.name) for c in plan.contracts]
        return cls(
            plan=plan,
            scenarios=scenarios,
            basis=rule[0],
            unit=expiry_values(plan, plan.multiplier, scenarios, rule[0], discount),
            linear=universe.known(np.where(perpetual, plan.multiplier * plan.price, 0.0)),
            factors=factors,
            index=index,
            doubt=rule[1],
            perpetual=perpetual,
            strikes=strikes,
            trust=np.array([1.0 if mark is None else mark.confidence for mark in shown], dtype=np.float64),
            belief=np.array(
                [
                    min(1.0 if e.forward is None else e.forward.confidence, e.rate.confidence, e.vol_confidence)
                    for e in plan.expiries
                ],
                dtype=np.float64,
            ),
        )

    def put(self, rows: I64, fresh: SpanTables, plan: Plan) -> SpanTables:
        """The same with the `rows` of `plan` as in `fresh`; what is no row (discounts, index) is that of `fresh`."""
        for name in ("table", "now", "up", "down"):
            getattr(self.unit, name)[rows] = getattr(fresh.unit, name)
        self.linear[rows] = fresh.linear
        return replace(self, plan=plan, factors=fresh.factors, index=fresh.index)

    def sums(self, lots: Lots) -> Sums:
        """Everything the managers ask of the accounts of a block, all of this underlying."""
        plan, options, perps = self.plan, lots.only(self.plan.option), lots.only(self.perpetual)
        expiries, coins = options.runs(plan.group), perps.quantity * plan.multiplier[perps.item]
        linear = perps.sum(perps.quantity * self.linear[perps.item])
        strikes = options.ordered(self.strikes)
        nets = strikes.runs(self.strikes)
        naked = np.maximum(-nets.sum(strikes.quantity * plan.multiplier[strikes.item]), 0.0)
        return Sums(
            loss=-np.minimum(self._scenarios(options, expiries, linear), self._basis(options, expiries)),
            value=options.sum(options.quantity * self.unit.now[options.item]),
            perpetuals=perps.sum(np.abs(coins)),
            naked=nets.total(naked, lots.accounts),
            doubt=self._doubt(options, expiries, perps),
        )

    def binding(self, lots: Lots) -> tuple[I64, F64]:
        """`[A]` which scenario is least (their number for the basis contingency), the first of equals, and its P&L."""
        options, perps = lots.only(self.plan.option), lots.only(self.perpetual)
        expiries = options.runs(self.plan.group)
        pnl = self._weighted(options, expiries, perps.sum(perps.quantity * self.linear[perps.item]))
        every = np.concatenate([pnl, self._basis(options, expiries)[:, None]], axis=1)
        least = every.min(axis=1)
        tied = every <= (least + TIE_TOLERANCE * np.maximum(1.0, np.abs(least)))[:, None]
        # the earlier block is named, in it the row that loses most
        block = np.array([BLOCKS.index(k) for k in self.scenarios.kinds] + [len(BLOCKS) - 1])
        rank = np.where(tied, block[None, :], 9)
        first = rank == rank.min(axis=1)[:, None]
        return np.where(first, every, np.inf).argmin(axis=1).astype(np.int64), least

    def _scenarios(self, options: Lots, expiries: Runs, linear: F64) -> F64:
        """`[A]` least weighted P&L over the scenarios."""
        least: F64 = self._weighted(options, expiries, linear).min(axis=1)
        return least

    def _weighted(self, options: Lots, expiries: Runs, linear: F64) -> F64:
        """`[A, S]` weighted P&L in the scenarios."""
        columns, group = self.scenarios, self.plan.group[options.item[expiries.start]]
        net = aggregate_accounts(expiries.indptr, options.item, options.quantity, self.unit.table)
        long, short = (f[group][:, None] for f in self.factors)
        now = expiries.sum(options.quantity * self.unit.now[options.item])
        moves = discounted_moves(columns, net, now, long, short)
        pnl = linear[:, None] * (columns.spot - 1.0)[None, :]
        if len(expiries):
            first = np.flatnonzero(np.append(True, expiries.account[1:] != expiries.account[:-1]))
            pnl[expiries.account[first]] += np.add.reduceat(moves, first, axis=0)
        weighted: F64 = pnl * columns.weight[None, :]
        return weighted

    def _basis(self, options: Lots, expiries: Runs) -> F64:
        """`[A]` the basis contingency, at most zero."""
        u, item = self.unit, options.item
        now, up, down = (expiries.sum(options.quantity * column[item]) for column in (u.now, u.up, u.down))
        factor = self.basis.add_factor + self.basis.mult_factor * years_of(self.plan.seconds)
        loss = np.minimum(np.minimum(up, down) - now, 0.0) * factor[self.plan.group[item[expiries.start]]]
        return expiries.total(loss, options.accounts)

    def _doubt(self, options: Lots, expiries: Runs, perps: Lots) -> F64:
        """`[A]` confidence contingency; a perpetual that is held lends its doubt to every expiry."""
        trust = np.full(options.accounts, self.index.confidence)
        np.minimum.at(trust, perps.account, self.trust[perps.item])
        size = perps.sum(np.abs(perps.quantity * self.plan.multiplier[perps.item]))
        charges = self._charge(trust) * size
        group = self.plan.group[options.item[expiries.start]]
        dated = expiries.sum(np.abs(options.quantity * self.plan.multiplier[options.item]))
        dated *= self._charge(np.minimum(trust[expiries.account], self.belief[group]))
        return (charges + expiries.total(dated, options.accounts)) * self.index.price

    def _charge(self, confidence: F64) -> F64:
        d = self.doubt
        return np.where(confidence < d.conf_threshold, (1.0 - confidence) * d.conf_margin, 0.0)


def too_large(lots: Lots, positions: int, expiries: int) -> BOOL:
    """`[A]` accounts with more positions or expiries than the manager allows."""
    plan = lots.universe.plan
    dates = np.bincount(lots.only(plan.option).runs(plan.group).account, minlength=lots.accounts)
    large: BOOL = (np.bincount(lots.account, minlength=lots.accounts) > positions) | (dates > expiries)
    return large


def put_together(lots: Lots, odd: BOOL, parts: dict[int, Amounts]) -> Amounts:
    """The amounts of a block from those of its underlyings; accounts of several, or of none of them, are odd."""
    first = np.full(lots.accounts, -1, dtype=np.int64)
    first[lots.account] = lots.universe.underlying[lots.item]
    own = np.isin(first, list(parts))
    columns = [np.zeros(lots.accounts) for _ in range(3)]
    for underlying, part in parts.items():
        for column, values in zip(columns, (part.initial, part.maintenance, part.equity), strict=True):
            column[first == underlying] = values[first == underlying]
    odd = odd | ~own | lots.several(lots.universe.underlying)
    return Amounts(columns[0], columns[1], columns[2], odd)
