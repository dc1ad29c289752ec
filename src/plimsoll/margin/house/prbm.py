"""PRBM, the house model: worst weighted scenario with a minimum delta charge, a short-option floor and a basis charge.

Implements the named system under the reading of capabilities K4. Rule codes `PRBM-nn` are listed in docs/rules.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plimsoll.contracts import is_dated
from plimsoll.documents import DocumentError, Problem, Reason
from plimsoll.margin.account import Account
from plimsoll.margin.book import Book, OnFailure, open_book
from plimsoll.margin.components import component, known_collateral
from plimsoll.margin.house.parameters import PrbmParameters
from plimsoll.margin.model import Assessment, MarginModel
from plimsoll.margin.requirement import Binding, Component, Evidence, ScenarioLoss
from plimsoll.market import Market
from plimsoll.pricing.black76 import forward_delta
from plimsoll.risk import Plan, plan_pnl, unit_values
from plimsoll.scenarios import Scenarios, VolRule, years_of

F64 = npt.NDArray[np.float64]

FLOORS = ("scan", "min_delta", "short_option")
"""The terms of the core in the order in which a tie is decided."""


@dataclass(frozen=True, eq=False)
class Core:
    """The core of one underlying. Arrays are `[N]` over the whole book, zero outside this underlying; USD.

    `amount[f]` and `shares[f]` for each of `FLOORS`; `worst` is the binding scenario, -1 when none loses.
    """

    underlying: str
    pnl: F64
    worst: int
    amount: dict[str, float]
    shares: dict[str, F64]

    @property
    def binding(self) -> str:
        """The largest term; the first in `FLOORS` on a tie."""
        return max(FLOORS, key=lambda f: (self.amount[f], -FLOORS.index(f)))


class Prbm(MarginModel):
    """Portfolio risk-based margin in USD, per underlying, then summed.

    ```
    core        = max(max_s(-w_s * dV_s), minimum delta charge, short-option floor)
    initial     = sum over underlyings of core + basis charge
    maintenance = maintenance_factor * initial
    ```

    Options are revalued undiscounted on the shocked forward with the shocked volatility; coin-settled contracts are
    revalued in coin and converted at the shocked index. Each term is homogeneous of degree one in the positions, so
    shares are Euler shares; a tie goes to the first scenario of the table and to the scan before the floors.
    Net equity is collateral after haircut, option and spot value, unrealised profit and funding.
    """

    MODEL = "prbm"
    PARAMETERS = PrbmParameters

    @property
    def parameters(self) -> PrbmParameters:
        """The validated numbers of the pack."""
        assert isinstance(self._parameters, PrbmParameters)
        return self._parameters

    def applies_to(self, account: Account, market: Market) -> str | None:
        """Every contract of this package, in portfolio mode."""
        problems = self._problems(account)
        return None if not problems else f"{problems[0].got}; allowed: {problems[0].allowed}"

    def _problems(self, account: Account) -> list[Problem]:
        if account.mode == "portfolio":
            return []
        return [Problem("account.mode", f"{account.mode!r} ({Reason.UNSUPPORTED_MODE.value})", "'portfolio'")]

    def scenarios(self) -> Scenarios:
        """The pack's table as columns."""
        p = self.parameters
        return Scenarios.build(
            [1.0 + row.move for row in p.scenarios],
            [row.vol for row in p.scenarios],
            [row.weight for row in p.scenarios],
            vol_rule=VolRule(p.vol_power_short, p.vol_power_long, p.vol_reference_days, p.vol_days_floor),
            kinds=["regular" if row.weight == 1.0 else "tail" for row in p.scenarios],
        )

    def cores(self, book: Book) -> tuple[Core, ...]:
        """Scan and floors of every underlying in the book."""
        scenarios = self.scenarios()
        pnl = book.quantity[:, None] * plan_pnl(book.plan, scenarios, "usd", book.quantity)
        held = {c.underlying for c, q in zip(book.plan.contracts, book.quantity, strict=True) if q != 0.0}
        return tuple(self._core(book, u, pnl, scenarios.weight) for u in sorted(held))

    def _core(self, book: Book, underlying: str, pnl: F64, weight: F64) -> Core:
        p, plan = self.parameters, book.plan
        # a row of size zero only carries money still to settle, and may stand without a price
        mine = np.array([c.underlying == underlying for c in plan.contracts]) & (book.quantity != 0.0)
        weighted = pnl[mine].sum(axis=0) * weight
        worst = int(np.argmin(weighted))
        shares = {f: np.zeros(len(plan)) for f in FLOORS}
        if weighted[worst] < 0:
            shares["scan"][mine] = -pnl[mine, worst] * weight[worst]
        else:
            worst = -1
        spot = float(plan.spot[mine][0])
        shares["min_delta"][mine] = self._min_delta(book, mine, spot)
        shares["short_option"][mine] = self._short_options(plan, book.quantity, mine) * p.short_option_rate * spot
        amount = {f: float(v.sum()) for f, v in shares.items()}
        amount["scan"] = max(0.0, -float(weighted.min()))
        return Core(underlying, weighted, worst, amount, shares)

    def _min_delta(self, book: Book, mine: npt.NDArray[np.bool_], spot: float) -> F64:
        """Euler shares of `(net * |net delta| + hedged * (gross - |net delta|) / 2) * spot` over `mine`."""
        rule, plan = self.parameters.min_delta, book.plan
        delta = (book.quantity * unit_deltas(plan, book.quantity))[mine]
        sign = np.sign(delta.sum())
        shares = spot * (rule.net * sign * delta + rule.hedged * (np.abs(delta) - sign * delta) / 2.0)
        if rule.cap_long_only and bool(np.all(plan.option[mine])) and bool(np.all(book.quantity[mine] >= 0)):
            value = book.quantity * unit_values(plan, Scenarios.build([1.0]), "usd", book.quantity)[:, 0]
            if value[mine].sum() < shares.sum():
                return value[mine]
        result: F64 = shares
        return result

    @staticmethod
    def _short_options(plan: Plan, quantity: F64, mine: npt.NDArray[np.bool_]) -> F64:
        """Net short coins of each (expiry, call or put), split over the options of that group by their own coins."""
        coins = quantity * plan.multiplier
        shares = np.zeros(len(plan))
        for expiry in set(plan.group[plan.option & mine].tolist()):
            for call in (True, False):
                group = plan.option & mine & (plan.group == expiry) & (plan.call == call)
                if coins[group].sum() < 0:
                    shares[group] = -coins[group]
        return shares[mine]

    def basis_shares(self, book: Book) -> F64:
        """`[N]` Euler shares of the basis charge in USD: the worse of two forward shocks, expiry by expiry."""
        rule, plan = self.parameters.basis, book.plan
        shocks = Scenarios.build([1.0, 1.0], basis=[rule.up, rule.down])
        dated = np.array([is_dated(c) for c in plan.contracts], dtype=bool) & (book.quantity != 0.0)
        moves = book.quantity[:, None] * plan_pnl(plan, shocks, "usd", book.quantity)
        shares = np.zeros(len(plan))
        factor = rule.add + rule.mult * years_of(plan.seconds)
        for e in range(len(plan.expiries)):
            mine = dated & (plan.group == e)
            column = int(np.argmin(moves[mine].sum(axis=0)))
            if moves[mine, column].sum() < 0:
                shares[mine] = -moves[mine, column] * factor[e]
        return shares

    def assess(self, account: Account, market: Market, on_failure: OnFailure) -> Assessment:
        """See `MarginModel.assess`."""
        problems = self._problems(account)
        if problems:
            raise DocumentError(problems)
        known_collateral(account.collateral, self.parameters.haircuts)
        book = open_book(account, market, on_failure)
        cores = self.cores(book)
        basis = self.basis_shares(book)
        workings = {f"{c.underlying}.{f}": c.amount[f] for c in cores for f in FLOORS}
        workings["basis"] = float(basis.sum())
        return Assessment(
            net_equity=self.net_equity(book),
            components=self._components(book, cores, basis),
            binding=tuple(self._binding(c) for c in cores),
            scenarios=self._losses(cores),
            workings=workings,
            failures=book.failures,
        )

    def _components(self, book: Book, cores: tuple[Core, ...], basis: F64) -> tuple[Component, ...]:
        phi = self.parameters.maintenance_factor
        size = len(book.plan)
        # each floor is shown as what it adds to the terms before it, so that the components add up
        parts = {f: np.zeros(size) for f in FLOORS}
        for core in cores:
            charged = FLOORS[0]
            parts[charged] += core.shares[charged]
            for floor in FLOORS[1:]:
                if core.amount[floor] > core.amount[charged]:
                    parts[floor] += core.shares[floor] - core.shares[charged]
                    charged = floor
        evidence: dict[str, Evidence] = {
            "scan": self.rules.evidence_for("scenarios"),  # type: ignore[dict-item]
            "min_delta": self.rules.evidence_for("min_delta"),  # type: ignore[dict-item]
            "short_option": self.rules.evidence_for("short_option_rate"),  # type: ignore[dict-item]
            "basis": self.rules.evidence_for("basis"),  # type: ignore[dict-item]
        }
        titles = {
            "scan": "Worst weighted scenario",
            "min_delta": "Minimum delta charge above the scan",
            "short_option": "Short-option floor above both",
            "basis": "Basis charge",
        }
        parts["basis"] = basis
        return tuple(component(n, titles[n], evidence[n], book.names, a, a * phi) for n, a in parts.items())

    def _binding(self, core: Core) -> Binding:
        kind = core.binding
        label = {"min_delta": "minimum delta charge", "short_option": "short-option floor"}.get(kind, "no loss")
        if kind == "scan" and core.worst >= 0:
            label = self.scenarios().labels[core.worst]
        return Binding(underlying=core.underlying, kind=kind, label=label, pnl=-core.amount[kind])

    def _losses(self, cores: tuple[Core, ...]) -> tuple[ScenarioLoss, ...]:
        labels = self.scenarios().labels
        prefix = len(cores) > 1
        return tuple(
            ScenarioLoss(label=f"{c.underlying} {labels[s]}" if prefix else labels[s], pnl=float(c.pnl[s]))
            for c in cores
            for s in range(len(labels))
        )

    def net_equity(self, book: Book) -> float:
        """Collateral after haircuts, option and spot value, unrealised profit and unsettled funding, USD."""
        total = 0.0
        for asset, amount in book.account.collateral.items():
            if amount == 0.0:
                continue
            price = book.market.price_of(asset)
            if price is None:
                raise DocumentError(Problem(f"market.assets.{asset}", "nothing", "a USD price of this collateral"))
            haircut = self.parameters.haircuts[asset]
            total += amount * price.price * (1.0 - haircut if amount >= 0 else 1.0 + haircut)
        value = unit_values(book.plan, Scenarios.build([1.0]), "usd", book.quantity)[:, 0]
        owed = np.where(book.unrealised + book.funding == 0.0, 0.0, (book.unrealised + book.funding) * book.plan.settle)
        return total + float(np.where(book.quantity == 0.0, 0.0, book.quantity * value).sum()) + float(owed.sum())


def unit_deltas(plan: Plan, side: F64) -> F64:
    """`[N]` delta of one contract in coins; an option carried at a bound has the delta of that bound."""
    m = plan.multiplier
    delta = np.where(plan.style == 1, m / plan.price, np.where(plan.style == 2, m * plan.settle, m))
    rows = plan.options
    if rows.size:
        bad = np.array([int(i) in plan.failures for i in rows])
        good = rows[~bad]
        g = plan.group[good]
        delta[good] = m[good] * forward_delta(
            plan.forward[g], plan.strike[good], years_of(plan.seconds[g]), plan.vol[good], plan.call[good]
        )
        carried = rows[bad]
        delta[carried] = np.where((side[carried] < 0) & plan.call[carried], m[carried], 0.0)
    result: F64 = delta
    return result
