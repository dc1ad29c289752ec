"""The profit and loss of a whole book over price move, volatility shock and passing days."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from plimsoll.contracts import Contract
from plimsoll.documents import DocumentError, Failure, Problem, refuse
from plimsoll.market import Market
from plimsoll.risk.plan import compile_plan
from plimsoll.risk.revalue import Currency, plan_pnl
from plimsoll.scenarios import FLAT, VolRule, grid

F64 = npt.NDArray[np.float64]

CELL_LIMIT = 20_000
"""Most cells of one surface: beyond it the picture shows nothing more and the array no longer fits a small machine."""


@dataclass(frozen=True, eq=False)
class Surface:
    """`pnl[D, V, M]` of the book, positive is gain, over `days[D]`, `vols[V]` and `moves[M]`.

    `moves` are relative price moves (-0.1 = -10 %) of every underlying together, `vols` relative volatility shocks
    (at the reference tenor of `vol_rule`), `days` calendar days that pass. Unweighted, no margin rule applied.
    `failures` names options that could not be priced and are carried at the bound that is worse for the book.
    """

    moves: F64
    vols: F64
    days: F64
    pnl: F64
    currency: Currency
    vol_rule: VolRule
    failures: tuple[Failure, ...] = ()

    def worst(self) -> tuple[float, float, float, float]:
        """`(days, vol, move, pnl)` of the cell with the least P&L; the first such cell on a tie."""
        d, v, m = np.unravel_index(int(np.argmin(self.pnl)), self.pnl.shape)
        return float(self.days[d]), float(self.vols[v]), float(self.moves[m]), float(self.pnl[d, v, m])

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values; `pnl` nested as `[day][vol][move]`."""
        return {
            "moves": self.moves.tolist(),
            "vols": self.vols.tolist(),
            "days": self.days.tolist(),
            "pnl": self.pnl.tolist(),
            "currency": self.currency,
            "failures": [f.model_dump(mode="json") for f in self.failures],
        }


def surface(
    contracts: Sequence[Contract],
    quantity: F64,
    market: Market,
    moves: Sequence[float] | F64,
    vol_shocks: Sequence[float] | F64,
    days: Sequence[float] | F64 = (0.0,),
    currency: Currency = "usd",
    vol_rule: VolRule = FLAT,
) -> Surface:
    """Revalue `quantity[i]` of `contracts[i]` in every combination of move, volatility shock and passed days.

    An option without a volatility is carried at its no-arbitrage bound by the sign of its quantity and named in
    `failures`; a contract that has not even a bound is refused. Raises `DocumentError` on bad axes or shapes.
    """
    move_axis, vol_axis = _axis("moves", moves, -1.0), _axis("vols", vol_shocks, None)
    day_axis = _axis("days", days, None)
    if day_axis.min() < 0:
        raise refuse("days", float(day_axis.min()), "days of at least zero")
    cells = move_axis.size * vol_axis.size * day_axis.size
    if cells > CELL_LIMIT:
        raise refuse("moves, vols, days", f"{cells} cells", f"at most {CELL_LIMIT} cells together")
    held = np.asarray(quantity, dtype=np.float64)
    if held.shape != (len(contracts),) or not np.isfinite(held).all():
        raise refuse("quantity", f"shape {held.shape}", f"{len(contracts)} finite numbers, one for each contract")
    if currency != "usd" and len({getattr(c, "currency", "") for c in contracts}) > 1:
        raise refuse("currency", currency, "'usd' for contracts that settle in several currencies")
    plan = compile_plan(contracts, market)
    columns = grid((1.0 + move_axis).tolist(), vol_axis.tolist(), day_axis.tolist(), vol_rule=vol_rule)
    rows = held[:, None] * plan_pnl(plan, columns, currency, held)
    rows[held == 0.0] = 0.0
    lost = [i for i, f in plan.failures.items() if held[i] != 0.0 and not np.isfinite(rows[i]).all()]
    if lost:
        raise DocumentError(
            [Problem(f"contracts[{i}]", plan.failures[i].reason.value, plan.failures[i].message) for i in lost]
        )
    carried = tuple(f.model_copy(update={"effect": "conservative"}) for i, f in plan.failures.items() if held[i] != 0.0)
    pnl = rows.sum(axis=0).reshape(day_axis.size, vol_axis.size, move_axis.size)
    return Surface(move_axis, vol_axis, day_axis, pnl, currency, vol_rule, carried)


def _axis(name: str, values: Sequence[float] | F64, above: float | None) -> F64:
    axis = np.asarray(values, dtype=np.float64)
    if axis.ndim != 1 or axis.size == 0 or not np.isfinite(axis).all():
        raise refuse(name, f"shape {axis.shape}", "one or more finite numbers")
    if axis.size > 1 and not (np.diff(axis) > 0).all():
        raise refuse(name, axis.tolist(), "numbers that increase")
    if above is not None and axis[0] <= above:
        raise refuse(name, float(axis[0]), f"numbers above {above:g}")
    return axis
