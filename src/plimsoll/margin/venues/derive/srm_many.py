"""SRM on blocks of accounts: the rules of `srm_workings` and `srm_options`, expiry by expiry of every account."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from plimsoll.kernels import aggregate_accounts
from plimsoll.margin.many.positions import F64
from plimsoll.margin.many.totals import Amounts
from plimsoll.margin.many.universe import Lots, Runs, Universe
from plimsoll.margin.venues.derive.srm_options import Legs, isolated_margins
from plimsoll.margin.venues.derive.srm_parameters import SrmParameters
from plimsoll.risk import option_values
from plimsoll.scenarios import Scenarios

UNPAIRED = ("unpaired_im_scale", "unpaired_mm_scale")


@dataclass(frozen=True, eq=False)
class SrmTables:
    """SRM on one universe, accounts without collateral; cash, for one contract.

    `value[N]` of an option, `isolated` its initial and maintenance margin sold alone (at most zero), `charged` the two
    charges by size; `prices[E, K]` and `payoff[N, K]` as in `settlements`; `scales` the two rates `[E]` on unpaired
    calls; `forward[E]` USD.
    """

    positions: int
    value: F64
    isolated: tuple[F64, F64]
    charged: tuple[F64, F64]
    prices: F64
    payoff: F64
    scales: tuple[F64, F64]
    forward: F64

    @classmethod
    def of(cls, p: SrmParameters, universe: Universe) -> SrmTables | None:
        """The tables; `None` where the cash has no price."""
        plan, stable = universe.plan, universe.market.price_of(p.cash)
        if stable is None or stable.price <= 0:
            return None
        value = np.zeros(len(plan))
        now = option_values(plan, Scenarios.build([1.0]), side=np.ones(len(plan)))[:, 0]
        value[plan.options] = now * plan.multiplier[plan.options]
        value = universe.known(value)
        below = max(0.0, p.depeg.threshold - stable.price) * p.depeg.factor
        first, second = (np.array([getattr(p.option(e.underlying), n) for e in plan.expiries]) for n in UNPAIRED)
        return cls(
            p.max_positions,
            value,
            isolated_units(p, universe, value),
            size_charges(p, universe, below),
            *settlements(universe),
            (first, second),
            plan.forward.copy(),
        )

    def amounts(self, lots: Lots) -> Amounts:
        """Initial, maintenance and equity of a block, in cash."""
        plan = lots.universe.plan
        options = lots.only(plan.option)
        expiries, branches = self.branches(options)
        equity = options.sum(options.quantity * self.value[options.item])
        margins = [expiries.total(np.maximum(*pair), lots.accounts) for pair in branches]
        size = np.where(plan.option[lots.item], np.maximum(-lots.quantity, 0.0), np.abs(lots.quantity))
        initial, maintenance = (lots.sum(size * unit[lots.item]) for unit in self.charged)
        odd = np.bincount(lots.account, minlength=lots.accounts) > self.positions
        return Amounts(initial + equity - margins[0], maintenance + equity - margins[1], equity, odd)

    def branches(self, options: Lots) -> tuple[Runs, list[tuple[F64, F64]]]:
        """Expiries of each account, and for the initial and the maintenance margin the two branches `[R]` of each:
        every sold option by itself, and the settlement with unpaired calls; at most zero, the larger is charged.
        """
        plan = options.universe.plan
        expiries = options.runs(plan.group)
        group = plan.group[options.item[expiries.start]]
        loss = _settlement_loss(options, expiries, self.prices[group], self.payoff)
        calls = expiries.sum(np.where(plan.call[options.item], options.quantity * plan.multiplier[options.item], 0.0))
        unpaired = np.minimum(calls, 0.0) * self.forward[group]
        short = np.maximum(-options.quantity, 0.0)
        return expiries, [
            (expiries.sum(short * alone[options.item]), loss + scale[group] * unpaired)
            for alone, scale in zip(self.isolated, self.scales, strict=True)
        ]


def isolated_units(p: SrmParameters, universe: Universe, value: F64) -> tuple[F64, F64]:
    """`[N]` initial and maintenance margin, at most zero, of one sold option by itself; `value[N]` of one contract."""
    plan = universe.plan
    initial, maintenance = np.zeros(len(plan)), np.zeros(len(plan))
    for e, row in enumerate(plan.expiries):
        mine = np.flatnonzero((plan.group == e) & plan.option & universe.taken)
        if mine.size:
            legs = Legs(plan.call[mine], plan.strike[mine], -plan.multiplier[mine], -value[mine])
            spot = float(plan.spot[mine[0]])
            initial[mine], maintenance[mine] = isolated_margins(p.option(row.underlying), legs, spot)
    return initial, maintenance


def settlements(universe: Universe) -> tuple[F64, F64]:
    """`[E, K]` settlement prices of each expiry, zero and its strikes (the last repeated), `[N, K]` payoff of one
    option.

    The payoff of a book between two strikes is a straight line, so strikes that it does not hold find no greater loss.
    """
    plan = universe.plan
    lists = []
    for e in range(len(plan.expiries)):
        mine = (plan.group == e) & plan.option & universe.taken
        lists.append(np.unique(np.append(plan.strike[mine], 0.0)))
    width = max((found.size for found in lists), default=1)
    prices = np.array([np.append(f, np.full(width - f.size, f[-1])) for f in lists]).reshape(len(lists), width)
    payoff = np.zeros((len(plan), width))
    rows = plan.options
    above = prices[plan.group[rows]] - plan.strike[rows, None]
    inside = np.maximum(np.where(plan.call[rows, None], above, -above), 0.0)
    payoff[rows] = inside * plan.multiplier[rows, None]
    return prices, universe.known(payoff)


def size_charges(p: SrmParameters, universe: Universe, below: float) -> tuple[F64, F64]:
    """`[N]` what one perpetual, or one sold option, adds to initial and to maintenance margin by its size alone."""
    plan, market = universe.plan, universe.market
    initial, maintenance = np.zeros(len(plan)), np.zeros(len(plan))
    for i in np.flatnonzero(universe.taken).tolist():
        contract, m = plan.contracts[i], float(plan.multiplier[i])
        terms, spot = p.oracle(contract.underlying), market.indices[contract.underlying]
        if plan.option[i]:
            row = plan.expiries[plan.group[i]]
            forward = 1.0 if row.forward is None else row.forward.confidence
            trust, threshold = min(spot.confidence, forward, row.vol_confidence), terms.option_threshold
        else:
            mark, rates = market.marks.get(contract.name), p.perp(contract.underlying)
            trust, threshold = min(spot.confidence, 1.0 if mark is None else mark.confidence), terms.perp_threshold
            initial[i] = rates.im_req * m * plan.price[i]
            maintenance[i] = rates.mm_req * m * plan.price[i]
        initial[i] += m * (terms.charge(trust, threshold) * spot.price + below * plan.spot[i])
    return initial, maintenance


def _settlement_loss(options: Lots, expiries: Runs, prices: F64, payoff: F64) -> F64:
    """`[R]` the least payoff of each run among its `prices[R, K]` up to its highest strike, at most zero."""
    if len(expiries) == 0:
        return np.zeros(0)
    gains = aggregate_accounts(expiries.indptr, options.item, options.quantity, payoff)
    highest = np.maximum.reduceat(options.universe.plan.strike[options.item], expiries.start)
    # beyond the highest strike only the unpaired calls lose, and those have a charge of their own
    least: F64 = np.where(prices <= highest[:, None], gains, 0.0).min(axis=1)
    return np.minimum(least, 0.0)
