"""GMX v2: isolated positions in USD.

Source: venues-onchain section 3.4, own words. Rule codes `GMX-nn` are in docs/rules.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from plimsoll.documents import Problem
from plimsoll.margin.account import Account
from plimsoll.margin.book import OnFailure, open_book
from plimsoll.margin.components import component, weakest
from plimsoll.margin.forms.declared import Declared, Form
from plimsoll.margin.many.universe import Universe
from plimsoll.margin.model import Assessment, MarginModel
from plimsoll.margin.path import States, Track
from plimsoll.margin.pools import SHARED, pool, pooled_equity
from plimsoll.margin.procedure import SUPPOSED, Assumed, Procedure
from plimsoll.margin.requirement import Binding, Pool
from plimsoll.margin.venues.gmx.orders import order_charges
from plimsoll.margin.venues.gmx.parameters import GmxParameters
from plimsoll.margin.venues.gmx.procedure import GmxProcedure
from plimsoll.margin.venues.gmx.state import Interest, Row, cash_price, gmx_problems, rows_of
from plimsoll.market import Market

F64 = npt.NDArray[np.float64]
_WHY = (
    "every position stands or falls with the collateral that was set apart for it, which no position says by itself, "
    "and what it takes to open one follows the open interest of everybody"
)


class GmxPositions(MarginModel):
    """Isolated positions at GMX v2, in USD; each has its own collateral.

    ```
    equity       collateral + profit + funding
    maintenance  max(size * liquidation factor, least collateral) + fee of closing + borrowing + price impact
    initial      the same with the factor for opening, and collateral alone at least
                 size * max(factor, open interest of the side * multiplier)
    ```

    `size` is what the position was opened for in USD and does not move with the price. Liquidatable when equity is
    below maintenance. Read from `account.reported` (USD): `open_interest_long.INSTRUMENT` and
    `open_interest_short.INSTRUMENT` with the position in them (the most that the market allows where missing),
    `price_impact.INSTRUMENT` of closing (else it follows from both open interests, else the most that a liquidation
    takes) and `borrowing_fee.INSTRUMENT`. `workings` hold `liquidation_price.SUBJECT`.
    """

    MODEL = "gmx-v2"
    PARAMETERS = GmxParameters
    MODES = ("isolated",)
    TAKES: ClassVar[frozenset[str]] = frozenset({"isolated", "legs"})
    FORMS = Declared("refused", "none", _WHY, "refused", _WHY)
    MANY = "account by account through the exact engine: no position has a margin without its own collateral"
    parameters: GmxParameters

    def problems(self, account: Account, market: Market) -> list[Problem]:
        """See `MarginModel.problems`."""
        return gmx_problems(self.parameters, account, market)

    def procedure(self, assumed: Assumed = SUPPOSED) -> Procedure | None:
        """See `MarginModel.procedure`."""
        return GmxProcedure(self.parameters, "assumed")

    def assess(self, account: Account, market: Market, on_failure: OnFailure) -> Assessment:
        """See `MarginModel.assess`."""
        self.check(account, market)
        p = self.parameters
        book = open_book(account.model_copy(update={"orders": ()}), market, on_failure)
        rows = rows_of(p, account, market, book)
        names = [r.subject for r in rows]
        markets = [f"markets.{c.underlying}" for c in book.plan.contracts]
        least = [f"{m}.min_collateral_factor_liquidation" for m in markets] or ["markets"]
        taken = [f"{m}.max_impact_factor_liquidation" for m in markets] or ["markets"]
        costs = np.array([r.costs for r in rows], dtype=np.float64)
        initial = np.array([r.initial(r.profit) for r in rows], dtype=np.float64)
        maintenance = np.array([r.maintenance for r in rows], dtype=np.float64)
        orders = order_charges(p, account, market, rows)
        rise = np.array([x for _, x in orders], dtype=np.float64)
        components = (
            component("positions", "Least collateral", weakest(self.rules, least), names, initial, maintenance),
            component("closing", "Fees and price impact of closing", weakest(self.rules, taken), names, costs, costs),
            component("open_orders", "Open orders", "assumed", [f"orders {n}" for n, _ in orders], rise, 0.0 * rise),
        )
        balance = account.collateral.get(p.collateral, 0.0) * cash_price(p, market) - sum(r.margin for r in rows)
        pools = self._pools(rows, balance, float(rise.sum()))
        charged = sum(c.initial for c in components)
        return Assessment(
            net_equity=pooled_equity(pools),
            components=components,
            binding=(
                Binding(
                    underlying=self.rules.currency, kind="positions", label="each position by itself", pnl=-charged
                ),
            ),
            scenarios=(),
            workings=_workings(rows),
            failures=book.failures,
            notes=_notes(account),
            pools=pools if rows else (),
        )

    def along(self, account: Account, market: Market, states: States) -> tuple[Track, ...]:
        """See `MarginModel.along`: profit moves, size and costs stay."""
        self.check(account, market)
        p = self.parameters
        book = open_book(account.model_copy(update={"orders": ()}), market, "refuse")
        rows, ones = rows_of(p, account, market, book), np.ones(len(states))
        cash = cash_price(p, market)
        # a collateral token with an index moves with it
        token = states.multiplier(p.collateral) if p.collateral in market.indices else ones
        held = account.collateral.get(p.collateral, 0.0) * cash - sum(r.margin for r in rows)
        tracks = [Track(SHARED if rows else "account", held * token, 0.0 * ones)]
        live = [i for i in range(len(book.plan)) if book.quantity[i] != 0.0]
        for i, row in zip(live, rows, strict=True):
            x = states.multiplier(book.plan.contracts[i].underlying)
            funding = float(book.funding[i]) * cash * (token - 1.0)
            gained = row.tokens * row.price * (x - 1.0) + funding
            equity = row.margin * token + row.profit + gained
            tracks.append(Track(row.subject, equity, (row.maintenance + row.costs) * ones))
        return tuple(tracks)

    def kinks(self, account: Account, market: Market) -> dict[str, F64]:
        """See `MarginModel.kinks`: none, equity is straight in the price and maintenance does not move."""
        return {}

    def pieces(self, universe: Universe, reach: F64 | None) -> tuple[Form, Form]:
        """See `MarginModel.pieces`: refused, with the reason."""
        return Form("refused", _WHY), Form("refused", _WHY)

    @staticmethod
    def _pools(rows: tuple[Row, ...], balance: float, orders: float) -> tuple[Pool, ...]:
        own = [
            pool(r.subject, r.margin, r.margin + r.profit, r.initial(r.profit) + r.costs, r.maintenance + r.costs)
            for r in rows
        ]
        return (pool(SHARED, None, balance, orders, 0.0), *own)


def _workings(rows: tuple[Row, ...]) -> dict[str, float]:
    found: dict[str, float] = {}
    for r in rows:
        found |= {f"{r.subject}.size": r.size, f"{r.subject}.open_factor": r.factor, f"{r.subject}.fee": r.fee}
        found |= {f"{r.subject}.price_impact": -r.impact, f"{r.subject}.remaining": r.margin + r.profit - r.costs}
        found |= {} if r.line is None else {f"liquidation_price.{r.subject}": r.line}
    return found


def _notes(account: Account) -> tuple[str, ...]:
    held = [x.instrument for x in account.positions if x.quantity]
    names = dict.fromkeys([*held, *(o.instrument for o in account.orders if o.quantity)])
    unknown = [n for n in names if None in (Interest.of(account, n).long, Interest.of(account, n).short)]
    told = "open interest not reported, so leverage as if the market were full and the largest price impact"
    return (f"{told}: {', '.join(unknown)}",) if unknown else ()
