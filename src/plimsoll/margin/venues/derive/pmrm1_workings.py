"""PMRM, first version, for one account: every intermediate in the order of the calculation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plimsoll.documents import refuse
from plimsoll.margin.book import Book
from plimsoll.margin.venues.derive.columns import vol_rule
from plimsoll.margin.venues.derive.contingencies import naked_shorts, oracle_charges
from plimsoll.margin.venues.derive.pmrm1_parameters import Pmrm1Margin, Pmrm1Parameters
from plimsoll.margin.venues.derive.span import ExpiryValues, Span, expiry_values, span
from plimsoll.scenarios import Scenarios, years_of

F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Pmrm1Workings:
    """Amounts in the settlement currency. Arrays `[N + 1]` run over positions, then the base asset (`subjects`).

    `span_shares` add up to `span.value`; notionals are `>= 0`, before the percentages of the rules, and `static` is
    their sum after these.
    """

    book: Book
    underlying: str
    scenarios: Scenarios
    values: ExpiryValues
    span: Span
    im_factor: float
    base_mtm: float
    perp_mtm: float
    equity: float
    span_shares: F64
    perp_notional: F64
    naked_notional: F64
    base_notional: F64
    oracle: F64
    static: float

    @property
    def worst_scenario(self) -> int:
        """The first scenario of the least P&L; the number of scenarios if the basis contingency is less still."""
        return int(np.argmin(np.append(self.span.pnl, self.span.basis)))

    def maintenance(self, scenario: int | None = None) -> float:
        """Net maintenance margin (excess) over the whole table, or over one scenario and the basis contingency."""
        least = self.span.value
        if scenario is not None and scenario < len(self.scenarios):
            least = min(self.span.basis, float(self.span.pnl[scenario]))
        elif scenario is not None:
            least = self.span.basis
        return least - self.static + self.equity

    @property
    def subjects(self) -> tuple[str, ...]:
        """Instrument names, then the base asset as `collateral ASSET`."""
        return (*self.book.names, f"collateral {self.underlying}")

    @property
    def option_mtm(self) -> float:
        """Undiscounted value of the options."""
        return float(self.values.now.sum())


def scenario_columns(p: Pmrm1Parameters) -> Scenarios:
    """The pack's table as columns; no weights, no tilts."""
    vols = {"up": p.vol_shock.range_up, "down": -p.vol_shock.range_down, "none": 0.0}
    spots, shocks = [row.spot_shock for row in p.scenarios], [vols[row.vol_shock] for row in p.scenarios]
    return Scenarios.build(spots, shocks, vol_rule=vol_rule(p.vol_shock))


def static_discount(margin: Pmrm1Margin, rates: F64, years: F64) -> F64:
    """`[E]` factor on a positive net expiry value, `base * exp(-t (max(rate, 0) * mult + add))`."""
    factor: F64 = margin.base_static_discount * np.exp(
        -years * (np.maximum(rates, 0.0) * margin.rate_mult + margin.rate_add)
    )
    return factor


def evaluate(p: Pmrm1Parameters, book: Book, underlying: str) -> Pmrm1Workings:
    """Run the whole calculation for one account of one `underlying`."""
    plan, market = book.plan, book.market
    index, stable = market.indices.get(underlying), market.price_of(p.cash)
    if index is None:
        raise refuse(f"market.indices.{underlying}", None, "an index price")
    if stable is None or stable.price <= 0:
        raise refuse(f"market.assets.{p.cash}", None if stable is None else stable.price, "a price above zero")
    coins = book.quantity * plan.multiplier
    perpetual = np.array([c.kind == "perpetual" for c in plan.contracts], dtype=bool)
    base = book.account.collateral.get(underlying, 0.0)
    base_mtm = base * index.price / stable.price

    scenarios = scenario_columns(p)
    values = expiry_values(plan, coins, scenarios, p.basis)
    # a position of size zero may stand without a price, only to carry money that is still to settle
    moving = np.where(perpetual & (coins != 0.0), coins * plan.price, 0.0)
    factors = (static_discount(p.margin, plan.rate, years_of(plan.seconds)), np.ones(len(plan.expiries)))
    found = span(p.basis, plan, values, np.append(moving, base_mtm), scenarios, factors)

    by_position, trust = oracle_charges(p.other, book, coins, perpetual, index)
    perp_mtm = float(book.unrealised[perpetual].sum())
    settled = perp_mtm + float(book.funding[perpetual].sum()) + book.account.collateral.get(p.cash, 0.0)
    perp = np.append(np.where(perpetual, np.abs(coins) * index.price, 0.0), 0.0)
    naked = np.append(naked_shorts(plan, coins) * index.price, 0.0)
    coin = np.append(np.zeros(len(plan)), base * index.price)
    static = perp * p.other.perp_pct + naked * p.other.option_pct + coin * p.other.base_pct
    return Pmrm1Workings(
        book=book,
        underlying=underlying,
        scenarios=scenarios,
        values=values,
        span=found,
        im_factor=p.margin.im_factor + p.other.peg(stable.price),
        base_mtm=base_mtm,
        perp_mtm=perp_mtm,
        equity=float(values.now.sum()) + base_mtm + settled,
        span_shares=np.append(found.option_shares, 0.0) + found.linear_shares,
        perp_notional=perp,
        naked_notional=naked,
        base_notional=coin,
        oracle=np.append(by_position, p.other.charge(trust) * base * index.price),
        static=float(static.sum()),
    )
