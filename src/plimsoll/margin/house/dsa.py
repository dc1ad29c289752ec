"""DSA, Delta Solvency Architecture: delta charges and the worst second-order loss over a box, held to revaluation.

Implements the named system under the reading of capabilities K5. Rule codes `DSA-nn` are listed in docs/rules.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from plimsoll.documents import Problem
from plimsoll.margin.account import Account, Position
from plimsoll.margin.book import Book, OnFailure, open_book
from plimsoll.margin.components import component, known_collateral, weakest
from plimsoll.margin.forms.declared import Form
from plimsoll.margin.house.barriers import held_moves
from plimsoll.margin.house.box import TIE_TOLERANCE, Box
from plimsoll.margin.house.dsa_along import dsa_path
from plimsoll.margin.house.dsa_forms import DSA_FORMS, dsa_form_at, dsa_pieces
from plimsoll.margin.house.dsa_many import DsaTables
from plimsoll.margin.house.dsa_parameters import DsaParameters
from plimsoll.margin.house.dsa_rows import DsaRows
from plimsoll.margin.house.equity import net_equity
from plimsoll.margin.house.expansion import unit_expansion
from plimsoll.margin.house.prbm import Prbm
from plimsoll.margin.house.prbm_along import finite_track
from plimsoll.margin.house.remainder import Remainder, remainder
from plimsoll.margin.house.steps import Steps
from plimsoll.margin.many.engine import Batch
from plimsoll.margin.many.universe import Universe
from plimsoll.margin.model import Assessment, MarginModel
from plimsoll.margin.parts.delta import delta_charge_shares, held_of, unit_deltas, worth_of
from plimsoll.margin.parts.floors import largest, stacked
from plimsoll.margin.path import States, Track
from plimsoll.margin.requirement import Binding, Component, ScenarioLoss
from plimsoll.margin.rules import find_rules
from plimsoll.market import Market
from plimsoll.risk import plan_pnl
from plimsoll.scenarios import Scenarios, VolRule

F64 = npt.NDArray[np.float64]

TERMS = ("box", "delta", "min_delta")
"""The terms of the core in the order in which a tie is decided."""

COEFFICIENTS = ("delta", "gamma", "vega", "vanna", "volga")


@dataclass(frozen=True, eq=False)
class DsaCore:
    """The core of one underlying, USD; arrays over positions are `[N]` over the whole book, zero outside it.

    `quadratic[5]` are the derivatives of the book's gain in a relative spot move and a volatility move; `expansion`
    their largest loss over the box, `tolerance` the error that would be allowed, `check` the grid. `full`: the full
    revaluation is charged. `worst` is the (spot, vol) move charged, `listed` the gains at the points of the box that
    are shown. `amount[t]` and `shares[t]` for each of `TERMS`.
    """

    underlying: str
    quadratic: F64
    expansion: float
    tolerance: float
    check: Remainder
    full: bool
    worst: tuple[float, float]
    listed: dict[tuple[float, float], float]
    amount: dict[str, float]
    shares: dict[str, F64]

    @property
    def binding(self) -> str:
        """The largest term; the first in `TERMS` on a tie."""
        return largest(TERMS, self.amount)


class Dsa(MarginModel):
    """Greeks margin in USD, per underlying, then summed.

    ```
    core        = max(box, delta_rate * |net delta| * S, minimum delta charge)
    box         = max over the box of -(D x + G x^2/2 + V y + C x y + O y^2/2)       by expansion
                = max over the nodes of a grid of -(full revaluation)                where the expansion may lie
    initial     = sum over underlyings of core;  maintenance = maintenance_factor * initial
    ```

    `x` is a relative move of the index and `y` a volatility move at the reference tenor, one for all expiries. The
    full revaluation is charged where the certified error of the expansion exceeds `tolerance` of the charge, unless
    even the expansion plus its error stays below the delta charges. The charge by expansion is then within that error
    of the true worst loss over the box; the charge by revaluation falls short of it by no more than `full_gap`. No
    error bound is known for exotic options: a book that holds one is revalued, also at each
    barrier in the box and on the way to it, and `bound` and `full_gap` are left out of the workings.

    Both branches and the floors are homogeneous of degree one in the positions: shares are Euler shares, the gradient
    at the charged point. On a tie the first candidate of the box is taken (see `Box.worst`), of the grid the node
    nearest to no move in volatility, then in spot the lowest; and the box before the floors.

    Workings for each underlying `U`: `U.coefficient.*` (USD for a move of 100 %), `U.expansion`, `U.bound`, `U.seen`
    (the error at a node, so `seen <= true error <= bound`), `U.tolerance`, `U.full`, `U.full_gap`, `U.full_used`
    (1 if the revaluation is charged), `U.used`, the two charges, and `U.prbm_scan` with what `used` exceeds it by.
    """

    MODEL = "dsa"
    PARAMETERS = DsaParameters
    FORMS = DSA_FORMS
    MANY = (
        "the certified bound on the expansion needs the book at 845 nodes and in 768 cells of the box, some seventy "
        "times "
        "the columns of PRBM, before the five Greeks may be trusted"
    )
    parameters: DsaParameters

    def batch(self, universe: Universe) -> Batch:
        """See `MarginModel.batch`."""
        return DsaTables.of(self.parameters, self.box, universe).amounts

    def rows(self, universe: Universe) -> DsaRows | None:
        """See `MarginModel.rows`."""
        return DsaRows(self, universe)

    def pieces(self, universe: Universe, reach: F64 | None) -> tuple[Form, Form]:
        """See `MarginModel.pieces`."""
        return dsa_pieces(self.parameters, self.box, universe)

    @property
    def maintenance_part(self) -> float:
        """See `MarginModel.maintenance_part`."""
        return self.parameters.maintenance_factor

    def form_at(self, universe: Universe, quantity: F64) -> Form:
        """See `MarginModel.form_at`: exact, with the charge on the box that these positions have."""
        held = tuple(Position(instrument=n, quantity=q) for n, q in zip(universe.names, quantity.tolist(), strict=True))
        cores = self.cores(open_book(Account(positions=held), universe.market))
        revalued = dict.fromkeys(universe.underlyings, False) | {c.underlying: c.full for c in cores}
        return dsa_form_at(self.parameters, self.box, universe, revalued)

    @cached_property
    def reference(self) -> Prbm:
        """The house scenario model that the charge is compared with."""
        return Prbm(find_rules(self.parameters.prbm))

    @property
    def box(self) -> Box:
        """The pack's box with its tenor law."""
        p = self.parameters
        law = VolRule(p.vol_power_short, p.vol_power_long, p.vol_reference_days, p.vol_days_floor)
        return Box(p.box.move, p.box.vol_down, p.box.vol_up, law)

    def vol_rule(self, account: Account, market: Market) -> VolRule:
        """See `MarginModel.vol_rule`."""
        return self.scenarios().vol_rule

    def problems(self, account: Account, market: Market) -> list[Problem]:
        """See `MarginModel.problems`: every contract of this package is taken, in portfolio mode."""
        return []

    def along(self, account: Account, market: Market, states: States) -> tuple[Track, ...]:
        """See `MarginModel.along`: all states at once, but for exotic options."""
        self.check(account, market)
        known_collateral(account.collateral, self.parameters.haircuts)
        steps = Steps.of(open_book(account, market, "refuse"), states)
        found = None if steps is None else finite_track(*dsa_path(self.parameters, self.box, steps))
        return super().along(account, market, states) if found is None else (found,)

    def scenarios(self) -> Scenarios:
        """The nodes of the grid as columns; spot runs fastest."""
        box, p = self.box, self.parameters.grid
        return box.nodes(*box.axes(p.spot_cells, p.vol_cells))

    def cores(self, book: Book) -> tuple[DsaCore, ...]:
        """Box and charges of every underlying in the book."""
        spot, vol = self.box.axes(self.parameters.grid.spot_cells, self.parameters.grid.vol_cells)
        unit = plan_pnl(book.plan, self.scenarios(), "usd", book.quantity).reshape(-1, vol.size, spot.size)
        held = {c.underlying for c, q in zip(book.plan.contracts, book.quantity, strict=True) if q != 0.0}
        return tuple(self._core(book, u, unit, (spot, vol)) for u in sorted(held))

    def _core(self, book: Book, underlying: str, unit: F64, axes: tuple[F64, F64]) -> DsaCore:
        p, plan, box = self.parameters, book.plan, self.box
        mine = held_of(book, underlying)
        moves = held_moves(book, underlying, -box.move, box.move)
        if moves:
            axes = (np.unique(np.concatenate([axes[0], list(moves)])), axes[1])
            unit = plan_pnl(plan, box.nodes(*axes), "usd", book.quantity).reshape(-1, axes[1].size, axes[0].size)
        shares = {t: np.zeros(len(plan)) for t in TERMS}
        delta = (book.quantity * unit_deltas(plan, book.quantity))[mine]
        index = float(plan.spot[mine][0])
        rule, worth = p.min_delta, worth_of(book, mine, p.min_delta.cap_long_options)
        shares["delta"][mine] = delta_charge_shares(delta, index, p.delta_rate, 0.0, worth)
        shares["min_delta"][mine] = delta_charge_shares(delta, index, rule.net, rule.hedged, worth)
        own = book.quantity[mine, None] * unit_expansion(plan, mine, book.quantity, box.vol_rule)[mine]
        quadratic: F64 = own.sum(axis=0)
        x, y, expansion = box.worst(quadratic)
        check = remainder(plan, book.quantity, unit, quadratic, axes, box.vol_rule, mine)
        floor_amount = max(float(shares[t].sum()) for t in ("delta", "min_delta"))
        tolerance = p.tolerance * max(expansion, floor_amount)
        full = check.bound > tolerance + 2.0 * check.rounding and expansion + check.bound > floor_amount
        if full:
            row, column = _worst_node(check.pnl)
            x, y = float(axes[0][column]), float(axes[1][row])
            shares["box"][mine] = -(book.quantity[mine] * unit[mine, row, column])
        else:
            shares["box"][mine] = -(own @ _powers(x, y))
        amount = {t: float(v.sum()) for t, v in shares.items()}
        amount["box"] = check.worst if full else expansion
        listed = {
            (a, b): float(check.pnl[_at(axes[1], b), _at(axes[0], a)]) if full else float(quadratic @ _powers(a, b))
            for b in (box.vol_up, 0.0, -box.vol_down)
            for a in (-box.move, 0.0, box.move)
        }
        listed[x, y] = -amount["box"]
        return DsaCore(underlying, quadratic, expansion, tolerance, check, full, (x, y), listed, amount, shares)

    def assess(self, account: Account, market: Market, on_failure: OnFailure) -> Assessment:
        """See `MarginModel.assess`."""
        self.check(account, market)
        known_collateral(account.collateral, self.parameters.haircuts)
        book = open_book(account, market, on_failure)
        cores = self.cores(book)
        scans = {c.underlying: c.amount["scan"] for c in self.reference.cores(book)}
        workings: dict[str, float] = {}
        for core in cores:
            workings |= _workings(core, scans[core.underlying])
        return Assessment(
            net_equity=net_equity(book, self.parameters.haircuts),
            components=self._components(book, cores),
            binding=tuple(_binding(c) for c in cores),
            scenarios=_losses(cores),
            workings=workings,
            failures=book.failures,
            notes=tuple(_note(c) for c in cores),
        )

    def _components(self, book: Book, cores: tuple[DsaCore, ...]) -> tuple[Component, ...]:
        phi = self.parameters.maintenance_factor
        parts = stacked(TERMS, cores, len(book.plan))
        known = {"box": ["box", "tolerance", "grid"], "delta": ["delta_rate"], "min_delta": ["min_delta"]}
        titles = {
            "box": "Worst loss over the box",
            "delta": "Net delta charge above the box",
            "min_delta": "Minimum delta charge above both",
        }
        return tuple(
            component(t, titles[t], weakest(self.rules, known[t]), book.names, parts[t], parts[t] * phi) for t in TERMS
        )


def _powers(x: float, y: float) -> F64:
    """What the five coefficients are multiplied by at a point of the box."""
    return np.array([x, x * x / 2.0, y, x * y, y * y / 2.0])


def _at(axis: F64, value: float) -> int:
    return int(np.argmin(np.abs(axis - value)))


def _worst_node(pnl: F64) -> tuple[int, int]:
    """Row and column of the worst node; of equal ones the nearest to no move in volatility, then the lowest spot."""
    lowest = pnl.min()
    rows, columns = np.nonzero(pnl <= lowest + TIE_TOLERANCE * abs(lowest))
    order = np.lexsort((columns, np.abs(rows - pnl.shape[0] // 2)))
    return int(rows[order[0]]), int(columns[order[0]])


def _label(x: float, y: float) -> str:
    return Scenarios.build([1.0 + x], [y]).labels[0]


def _binding(core: DsaCore) -> Binding:
    kind = core.binding
    label = {"delta": "net delta charge", "min_delta": "minimum delta charge"}.get(kind, "no loss")
    if kind == "box" and core.amount["box"] > 0:
        label = _label(*core.worst)
    return Binding(underlying=core.underlying, kind=kind, label=label, pnl=-core.amount[kind])


def _losses(cores: tuple[DsaCore, ...]) -> tuple[ScenarioLoss, ...]:
    prefix = len(cores) > 1
    return tuple(
        ScenarioLoss(label=f"{c.underlying} {_label(*point)}" if prefix else _label(*point), pnl=gain)
        for c in cores
        for point, gain in c.listed.items()
    )


def _workings(core: DsaCore, scan: float) -> dict[str, float]:
    values = {f"coefficient.{n}": float(v) for n, v in zip(COEFFICIENTS, core.quadratic, strict=True)}
    values |= {
        "expansion": core.expansion,
        **({"bound": core.check.bound} if np.isfinite(core.check.bound) else {}),
        "seen": core.check.seen,
        "tolerance": core.tolerance,
        "full": core.check.worst,
        **({"full_gap": core.check.gap} if np.isfinite(core.check.gap) else {}),
        "full_used": float(core.full),
        "used": core.amount["box"],
        "delta": core.amount["delta"],
        "min_delta": core.amount["min_delta"],
        "prbm_scan": scan,
        "difference_to_prbm": core.amount["box"] - scan,
    }
    return {f"{core.underlying}.{n}": v for n, v in values.items()}


def _note(core: DsaCore) -> str:
    if not np.isfinite(core.check.bound):
        return f"{core.underlying}: full revaluation, because no error bound is known for its exotic options"
    bound, limit = f"{core.check.bound:,.2f}", f"{core.tolerance:,.2f}"
    if core.full:
        return f"{core.underlying}: full revaluation, because the expansion may err by {bound}, more than {limit} USD"
    why = "within" if core.check.bound <= core.tolerance else "which no charge depends on, above"
    return f"{core.underlying}: expansion, which errs by at most {bound} USD anywhere in the box, {why} {limit}"
