"""Aevo portfolio margin: the worst of 15 scenarios, volatilities moved by points.

Source: venues-cex section 5.4 and the venue's page, own words. Rule codes `AEVO-PM-nn` are listed in docs/rules.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plimsoll.contracts import Option, Perpetual
from plimsoll.documents import Problem
from plimsoll.margin.account import Account
from plimsoll.margin.book import Book, OnFailure, open_book
from plimsoll.margin.components import component, weakest
from plimsoll.margin.forms.declared import Declared, Form
from plimsoll.margin.forms.expression import Expression, Sum, Worst
from plimsoll.margin.many.engine import Batch
from plimsoll.margin.many.totals import Amounts
from plimsoll.margin.many.universe import Lots, Universe
from plimsoll.margin.many.worst import worst_loss
from plimsoll.margin.model import Assessment, MarginModel
from plimsoll.margin.parts.delta import held_of
from plimsoll.margin.parts.linear import contract_problems
from plimsoll.margin.parts.marks import option_marks
from plimsoll.margin.parts.scan import Scan, point_profits, scan
from plimsoll.margin.parts.way import Way
from plimsoll.margin.path import ACCOUNT, States, Track
from plimsoll.margin.requirement import Binding, ScenarioLoss
from plimsoll.margin.venues.aevo.along import collateral_value, scan_along
from plimsoll.margin.venues.aevo.parameters import PmParameters
from plimsoll.margin.venues.aevo.worth import equity_of
from plimsoll.market import Market
from plimsoll.risk import Plan
from plimsoll.scenarios import percent

F64 = npt.NDArray[np.float64]

FLOOR = "the venue adds a floor margin whose formula is in no source: its requirement is this scenario margin or more"
_WHY = "the worst of the scenarios is a maximum of linear functions of the positions"


@dataclass(frozen=True, eq=False)
class Grid:
    """The `S` scenarios of one underlying: multipliers of its price and points added to volatilities."""

    spot: tuple[float, ...]
    points: tuple[float, ...]
    labels: tuple[str, ...]

    @classmethod
    def of(cls, p: PmParameters, underlying: str) -> Grid:
        """Every price step with every volatility step, volatility running fastest, as the venue numbers them."""
        r = p.underlyings[underlying]
        pairs = [
            (s * (r.spot_up if s > 0 else r.spot_down), v * (r.vol_up if v > 0 else r.vol_down))
            for s in p.spot_steps
            for v in p.vol_steps
        ]
        labels = tuple(percent(1.0 + x) + (f" iv {100 * v:+.4g} points" if v else "") for x, v in pairs)
        return cls(tuple(1.0 + x for x, _ in pairs), tuple(v for _, v in pairs), labels)

    def profits(self, plan: Plan, side: F64) -> F64:
        """`[N, S]` gain of one contract."""
        return point_profits(plan, self.spot, self.points, side)


class PortfolioMargin(MarginModel):
    """Aevo's portfolio margin of options and perpetuals, underlying by underlying, then summed.

    ```
    initial      = max(0, max_s(-dV_s)),  s: price up and down by all and half of its largest move or unmoved,
                   volatilities with all of their largest shift up and down, in points, or unmoved
    maintenance  = maintenance_factor * initial
    ```

    The venue's floor margin is not published; nothing stands for it here and every requirement says so. Maintenance
    is not published either: taken as the whole of the initial margin.
    """

    MODEL = "aevo-pm"
    PARAMETERS = PmParameters
    FORMS = Declared("exact", "linear program", _WHY, "exact", _WHY)
    MANY = "one worst-of-scenarios over 15 columns for each underlying of every account"
    parameters: PmParameters

    def problems(self, account: Account, market: Market) -> list[Problem]:
        """See `MarginModel.problems`: linear options and perpetuals on underlyings of the pack."""
        kinds: tuple[type, ...] = (Option, Perpetual)
        return contract_problems(
            account, market, self.rules.currency, dict.fromkeys(self.parameters.underlyings, kinds)
        )

    def _found(self, book: Book, underlying: str) -> tuple[Grid, Scan, F64]:
        """Grid and scan of an underlying, and its shares over the whole book."""
        grid, mine = Grid.of(self.parameters, underlying), held_of(book, underlying)
        unit = grid.profits(book.plan, book.quantity)
        found = scan(book.quantity[mine, None] * unit[mine], np.ones(len(grid.spot)))
        shares = np.zeros(len(book.plan))
        shares[mine] = found.shares
        return grid, found, shares

    def assess(self, account: Account, market: Market, on_failure: OnFailure) -> Assessment:
        """See `MarginModel.assess`."""
        self.check(account, market)
        p = self.parameters
        book = open_book(account, market, on_failure)
        held = sorted({c.underlying for c, q in zip(book.plan.contracts, book.quantity, strict=True) if q != 0.0})
        sides = {u: self._found(book, u) for u in held}
        shares = sum((s for _, _, s in sides.values()), np.zeros(len(book.plan)))
        paths = [f"underlyings.{u}" for u in sides] or ["underlyings"]
        marks = option_marks(book.plan, market, book.quantity)
        prefix = len(sides) > 1
        return Assessment(
            net_equity=equity_of(book, p.haircuts, self.rules.currency, marks),
            components=(
                component(
                    "scan",
                    "Worst scenario",
                    weakest(self.rules, [*paths, "maintenance_factor"]),
                    book.names,
                    shares,
                    shares * p.maintenance_factor,
                ),
            ),
            binding=tuple(
                Binding(
                    underlying=u,
                    kind="scan",
                    label=grid.labels[found.worst] if found.worst >= 0 else "no loss",
                    pnl=-found.amount,
                )
                for u, (grid, found, _) in sides.items()
            ),
            scenarios=tuple(
                ScenarioLoss(label=f"{u} {label}" if prefix else label, pnl=float(pnl))
                for u, (grid, found, _) in sides.items()
                for label, pnl in zip(grid.labels, found.weighted, strict=True)
            ),
            workings={f"{u}.scan": found.amount for u, (_, found, _) in sides.items()},
            failures=book.failures,
            notes=(FLOOR,),
        )

    def along(self, account: Account, market: Market, states: States) -> tuple[Track, ...]:
        """See `MarginModel.along`: all states at once."""
        self.check(account, market)
        p, book = self.parameters, open_book(account.model_copy(update={"orders": ()}), market, "refuse")
        equity_of(book, p.haircuts, self.rules.currency, np.zeros(len(book.plan)))  # refuses balances
        way = Way.of(book, states)
        grids = {u: Grid.of(p, u) for u in book.underlyings}
        scans = sum((scan_along(way, u, g.spot, g.points) for u, g in grids.items()), np.zeros(len(states)))
        balance = collateral_value(way, p.haircuts, self.rules.currency)
        return (Track(ACCOUNT, balance + way.equity(0.0), p.maintenance_factor * scans),)

    def batch(self, universe: Universe) -> Batch:
        """See `MarginModel.batch`."""
        plan, n = universe.plan, len(universe.plan)
        marks = universe.known(option_marks(plan, universe.market, np.ones(n)))
        known = [u for u in universe.underlyings if u in self.parameters.underlyings]
        pnl = {u: universe.known(Grid.of(self.parameters, u).profits(plan, np.ones(n))) for u in known}
        names = np.array([c.underlying for c in plan.contracts])

        def amounts(lots: Lots) -> Amounts:
            initial = np.zeros(lots.accounts)
            for u, unit in pnl.items():
                own = lots.only(names == u)
                books = own.runs(universe.underlying)
                initial += books.total(worst_loss(books.indptr, own.item, own.quantity, unit), lots.accounts)
            equity = lots.sum(lots.quantity * (plan.multiplier * marks)[lots.item])
            odd = np.zeros(lots.accounts, dtype=bool)
            return Amounts(initial, self.parameters.maintenance_factor * initial, equity, odd)

        return amounts

    def pieces(self, universe: Universe, reach: F64 | None) -> tuple[Form, Form]:
        """See `MarginModel.pieces`."""
        plan, n = universe.plan, len(universe.plan)
        terms: list[Expression] = []
        for u, underlying in enumerate(universe.underlyings):
            mine = np.flatnonzero(universe.underlying == u).tolist()
            pnl = Grid.of(self.parameters, underlying).profits(plan, np.ones(n))[mine]
            terms.append(Worst.signed(mine, -pnl.T).floored())
        form = Form("exact", _WHY, Sum(tuple(terms)))
        return form, form
