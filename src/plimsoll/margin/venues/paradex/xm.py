"""Paradex cross margin: every market by itself, perpetuals and options on one balance.

Source: venues-cex section 5.3, the venue's pages and the margin engine of its public SDK, own words. Rule codes
`PARADEX-XM-nn` are listed in docs/rules.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plimsoll.contracts import Option, Perpetual, PerpetualOption
from plimsoll.documents import Problem
from plimsoll.margin.account import Account
from plimsoll.margin.book import OnFailure, open_book
from plimsoll.margin.components import component, weakest
from plimsoll.margin.forms.declared import Form
from plimsoll.margin.many.engine import Batch
from plimsoll.margin.many.universe import Universe
from plimsoll.margin.model import Assessment, MarginModel
from plimsoll.margin.parts.linear import contract_problems
from plimsoll.margin.parts.marks import option_marks, with_marked_options
from plimsoll.margin.parts.way import Way
from plimsoll.margin.path import States, Track
from plimsoll.margin.requirement import Binding
from plimsoll.margin.venues.paradex.along import xm_track
from plimsoll.margin.venues.paradex.parameters import XmParameters
from plimsoll.margin.venues.paradex.pm_orders import resting_orders
from plimsoll.margin.venues.paradex.taken import RETAIL, equity_of, idle_notes
from plimsoll.margin.venues.paradex.xm_many import XM_FORMS, xm_batch, xm_pieces
from plimsoll.margin.venues.paradex.xm_units import Units, bends, rates_of, units_of
from plimsoll.market import Market

F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Open:
    """Orders of one market: contracts bought and sold, and what they lose at once when filled, in USDC."""

    name: str
    bought: float
    sold: float
    loss: float
    units: Units
    row: int


class CrossMargin(MarginModel):
    """Paradex's cross margin of perpetuals and of options, dated and perpetual.

    ```
    perpetual      initial rate * notional at the mark, maintenance a part of that
    bought option  min(premium * mark, long_itm * S)
    sold option    max(short_itm * S - out_of_the_money, short_otm * S), a put at most its cap
    market         the larger of all buys filled and all sells filled, at the mark; maintenance for the position alone
    account        sum over markets + what open orders lose at once + fees of closing
    ```

    Nothing is netted across markets; profit and loss are. Each position's margin depends on that position alone, so its
    Aumann-Shapley share is that margin, exactly.
    """

    MODEL = "paradex-xm"
    PARAMETERS = XmParameters
    FORMS = XM_FORMS
    MODES = ("cross",)
    SETTINGS = frozenset({RETAIL})
    MANY = "every position by itself: one rate for what is bought, one for what is sold, and a fee"
    parameters: XmParameters

    def problems(self, account: Account, market: Market) -> list[Problem]:
        """See `MarginModel.problems`: contracts for whose underlying and kind the pack has rates."""
        p = self.parameters
        options = {*p.options, *p.perpetual_options}
        kinds: dict[str, tuple[type, ...]] = {}
        for name in sorted({*p.perpetuals, *options}):
            dated = (Option, PerpetualOption) if name in p.options else (PerpetualOption,)
            kinds[name] = ((Perpetual,) if name in p.perpetuals else ()) + (dated if name in options else ())
        return contract_problems(account, market, self.rules.currency, kinds)

    def batch(self, universe: Universe) -> Batch:
        """See `MarginModel.batch`."""
        return xm_batch(self.parameters, universe)

    def pieces(self, universe: Universe, reach: F64 | None) -> tuple[Form, Form]:
        """See `MarginModel.pieces`."""
        return xm_pieces(self.parameters, universe)

    def assess(self, account: Account, market: Market, on_failure: OnFailure) -> Assessment:
        """See `MarginModel.assess`."""
        self.check(account, market)
        p, retail = self.parameters, account.settings.get(RETAIL, False)
        marked = with_marked_options(account, market)
        book = open_book(account.model_copy(update={"orders": ()}), marked, on_failure)
        marks, q = option_marks(book.plan, marked, book.quantity), book.quantity
        unit = units_of(p, book.plan, marks, retail)
        initial = np.where(q > 0, q * unit.bought, -q * unit.sold)
        kept = np.where(q > 0, q * unit.bought_kept, -q * unit.sold_kept)
        fees = np.abs(q) * unit.fee
        held = dict(zip(book.names, zip(q.tolist(), initial.tolist(), fees.tolist(), strict=True), strict=True))
        resting = self._resting(account, marked, retail)
        names, added, lost = [], [], 0.0
        for o in resting:
            position, own, fee = held.get(o.name, (0.0, 0.0, 0.0))
            buys, sells = max(0.0, o.bought + position), max(0.0, o.sold - position)
            margin = max(buys * float(o.units.bought[o.row]), sells * float(o.units.sold[o.row]))
            closing = max(buys, sells) * float(o.units.fee[o.row])
            names.append(f"orders {o.name}")
            added.append(max(0.0, margin - own) + max(0.0, closing - fee) + o.loss)
            lost += o.loss
        zero = np.zeros(len(added))
        used = sorted({self._path(c.name, marked) for c in book.plan.contracts}) or ["*"]
        own = "aumann-shapley"
        return Assessment(
            net_equity=equity_of(book, self.rules.currency, marks),
            components=(
                component(
                    "positions",
                    "Positions",
                    weakest(self.rules, used),
                    book.names,
                    initial,
                    kept,
                    method=own,  # type: ignore[arg-type]
                ),
                component("open_orders", "Open orders", weakest(self.rules, ["orders"]), names, np.array(added), zero),
                component("fee_provision", "Fees of closing", weakest(self.rules, ["fees"]), book.names, fees, fees),
            ),
            binding=(
                Binding(
                    underlying=self.rules.currency,
                    kind="positions",
                    label="each market by itself",
                    pnl=-float(initial.sum() + sum(added) + fees.sum()),
                ),
            ),
            scenarios=(),
            workings={"open_loss": lost, "fee_provision": float(fees.sum())},
            failures=book.failures,
            notes=idle_notes(account, self.rules.currency),
        )

    def along(self, account: Account, market: Market, states: States) -> tuple[Track, ...]:
        """See `MarginModel.along`: all states at once."""
        self.check(account, market)
        book = open_book(account.model_copy(update={"orders": ()}), market, "refuse")
        balance, retail = account.collateral.get(self.rules.currency, 0.0), account.settings.get(RETAIL, False)
        return (xm_track(self.parameters, Way.of(book, states), balance, retail),)

    def kinks(self, account: Account, market: Market) -> dict[str, F64]:
        """See `MarginModel.kinks`: strikes, and where a rate of a sold option gives way to another or to the cap."""
        found = {name: set(x.tolist()) for name, x in super().kinks(account, market).items()}
        for p in account.positions:
            contract = market.contracts.get(p.instrument)
            if not isinstance(contract, Option | PerpetualOption) or p.quantity >= 0.0:
                continue
            index, rates = market.indices.get(contract.underlying), rates_of(self.parameters, contract)
            if index is None or rates is None:
                continue
            prices = bends(rates[1].maintenance, contract.call, contract.strike, self.parameters.short_put_cap_of)
            found.setdefault(contract.underlying, set()).update(x / index.price for x in prices)
        return {name: np.array(sorted(x for x in ratios if 0.0 < x < np.inf)) for name, ratios in found.items()}

    def _path(self, name: str, market: Market) -> str:
        contract = market.contracts[name]
        found = rates_of(self.parameters, contract)
        return f"perpetuals.{contract.underlying}" if contract.kind == "perpetual" or found is None else found[0]

    def _resting(self, account: Account, market: Market, retail: bool) -> list[Open]:
        orders = resting_orders(account, market)
        units = units_of(self.parameters, orders.plan, np.where(orders.plan.valued, orders.mark, 0.0), retail)
        size = orders.quantity * orders.plan.multiplier
        loss = np.maximum(size * (orders.price - orders.mark), 0.0)
        found = []
        for name in dict.fromkeys(orders.names):
            mine = np.array([n == name for n in orders.names])
            q = orders.quantity[mine]
            row = int(np.flatnonzero(mine)[0])
            sold = -float(q[q < 0].sum())
            found.append(Open(name, float(q[q > 0].sum()), sold, float(loss[mine].sum()), units, row))
        return found
