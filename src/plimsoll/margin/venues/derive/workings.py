"""PMRM_2 for one account: every intermediate in the order of the calculation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plimsoll.documents import refuse
from plimsoll.margin.book import Book
from plimsoll.margin.venues.derive.columns import scenario_columns
from plimsoll.margin.venues.derive.contingencies import Holdings, holdings, naked_shorts, oracle_charges
from plimsoll.margin.venues.derive.parameters import Pmrm2Parameters
from plimsoll.margin.venues.derive.span import ExpiryValues, Span, expiry_values, rate_discount, span, static_discounts
from plimsoll.scenarios import Scenarios, years_of

F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Workings:
    """Amounts in the settlement currency. Arrays `[N + C]` run over positions, then collateral (`subjects`).

    `span_shares` add up to `span.value`; notionals and haircuts are `>= 0`, before the percentages of the rules.
    """

    book: Book
    underlying: str
    scenarios: Scenarios
    forbidden: tuple[int, ...]
    values: ExpiryValues
    held: Holdings
    span: Span
    im_factor: float
    perp_mtm: float
    equity: float
    span_shares: F64
    perp_notional: F64
    naked_notional: F64
    mm_haircut: F64
    im_haircut_extra: F64
    oracle: F64

    @property
    def subjects(self) -> tuple[str, ...]:
        """Instrument names, then `collateral ASSET`."""
        return (*self.book.names, *(f"collateral {a}" for a in self.held.assets))

    @property
    def option_mtm(self) -> float:
        """Discounted value of the options."""
        return float(self.values.now.sum())

    @property
    def collateral_mtm(self) -> float:
        """Value of the collateral other than cash, before haircuts."""
        return float(self.held.value.sum())


def evaluate(p: Pmrm2Parameters, book: Book, underlying: str) -> Workings:
    """Run the whole calculation for one account of one `underlying`."""
    plan, market = book.plan, book.market
    index, stable = market.indices.get(underlying), market.price_of(p.cash)
    if index is None:
        raise refuse(f"market.indices.{underlying}", None, "an index price")
    if stable is None or stable.price <= 0:
        raise refuse(f"market.assets.{p.cash}", None if stable is None else stable.price, "a price above zero")
    coins = book.quantity * plan.multiplier
    perpetual = np.array([c.kind == "perpetual" for c in plan.contracts], dtype=bool)
    held = holdings(p, book, underlying, stable.price)

    scenarios, forbidden = scenario_columns(p, p.scenario_tables[p.underlyings[underlying].scenarios])
    values = expiry_values(plan, coins, scenarios, p.basis, rate_discount(plan))
    # a position of size zero may stand without a price, only to carry money that is still to settle
    moving = np.where(perpetual & (coins != 0.0), coins * plan.price, 0.0)
    factors = static_discounts(p.margin, plan.rate, years_of(plan.seconds))
    found = span(p.basis, plan, values, np.concatenate([moving, held.moving]), scenarios, factors)

    by_position, _ = oracle_charges(p.other, book, coins, perpetual, index)
    by_collateral = held.oracle(p.other, index.confidence)
    none = np.zeros(len(held.assets))
    nothing = np.zeros(len(plan))
    perp_mtm = float(book.unrealised[perpetual].sum())
    cash = book.account.collateral.get(p.cash, 0.0)
    settled = perp_mtm + float(book.funding[perpetual].sum()) + cash
    return Workings(
        book=book,
        underlying=underlying,
        scenarios=scenarios,
        forbidden=forbidden,
        values=values,
        held=held,
        span=found,
        im_factor=p.margin.im_factor + p.other.peg(stable.price),
        perp_mtm=perp_mtm,
        equity=float(values.now.sum()) + float(held.value.sum()) + settled,
        span_shares=np.concatenate([found.option_shares, none]) + found.linear_shares,
        perp_notional=np.concatenate([np.where(perpetual, np.abs(coins) * index.price, 0.0), none]),
        naked_notional=np.concatenate([naked_shorts(plan, coins) * index.price, none]),
        mm_haircut=np.concatenate([nothing, held.maintenance_haircut]),
        im_haircut_extra=np.concatenate([nothing, held.extra_haircut]),
        oracle=np.concatenate([by_position, by_collateral]),
    )
