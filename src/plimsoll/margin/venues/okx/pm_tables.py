"""What one contract adds to the charges of its risk unit: tables for blocks of accounts and for forms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plimsoll.margin.many.universe import Universe
from plimsoll.margin.path import States
from plimsoll.margin.venues.okx.pm_account import settle_group
from plimsoll.margin.venues.okx.pm_parameters import PmParameters
from plimsoll.margin.venues.okx.pm_unit import Unit
from plimsoll.risk import compile_plan

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
MEASURES = ("points", "percent")


@dataclass(frozen=True, eq=False)
class UnitTable:
    """Contracts `rows[n]` of a universe that share a risk unit; gains of one bought contract in USD.

    `core[n, S]` in every scenario of MR1, MR2 and MR6 (its share taken), `vols[2, 2, n]` of volatility shocks alone, by
    measure, up and down, `rates[n, 4]` of the rate curve, `delta[n]` cash delta, `bucket[n]` the number of its bucket
    of MR4 and `basis[B]` its rate, `group[n]` its expiry, `closing[2, n]` MR7 of one bought and one sold,
    `value[n]` USD of an option, `side[n]` where it stands in the hedges of MR9.
    """

    unit: Unit
    rows: I64
    core: F64
    vols: F64
    rates: F64
    delta: F64
    bucket: I64
    basis: F64
    group: I64
    closing: F64
    value: F64
    side: tuple[str, ...]


def tables_of(p: PmParameters, universe: Universe) -> tuple[UnitTable, ...]:
    """A table for each risk unit of the contracts that are taken."""
    plan = universe.plan
    members: dict[tuple[str, str], list[int]] = {}
    for i in np.flatnonzero(universe.taken).tolist():
        contract = plan.contracts[i]
        side = settle_group(int(plan.style[i]), contract.currency)
        name = contract.underlying if p.unit == "underlying" else f"{contract.underlying}-{side}"
        members.setdefault((name, contract.underlying), []).append(i)
    return tuple(_table(p, universe, name, coin, rows) for (name, coin), rows in sorted(members.items()))


def _table(p: PmParameters, universe: Universe, name: str, coin: str, rows: list[int]) -> UnitTable:
    plan = compile_plan([universe.plan.contracts[i] for i in rows], universe.market)
    here = States({}, np.ones(1))
    bought, sold = (
        Unit(name, coin, p, plan, np.array(rows, dtype=np.int64), np.full(len(rows), q), here, 0.0) for q in (1.0, -1.0)
    )
    vols: list[F64 | None] = [None]
    if plan.option.any():
        vols += [v for measure in MEASURES for v in bought.shocked_vols[measure]]
    core = [bought.gains(m, v)[:, 0] for v in vols for m in bought.moves]
    core.append(bought.mr2_gains[:, 0])
    core += [p.extreme_share * bought.gains(float(m))[:, 0] for m in bought.mr6.move]
    shocks = np.zeros((2, 2, len(rows)))
    if plan.option.any():
        for n, measure in enumerate(MEASURES):
            for d in (0, 1):
                shocks[n, d] = bought.vol_gains(measure, d)[:, 0]
    bucket = np.zeros(len(rows), dtype=np.int64)
    for b, (mine, _) in enumerate(bought.buckets):
        bucket[mine] = b
    rates = np.stack([g[:, 0] for g in bought.mr5_gains], axis=1) if plan.option.any() else np.zeros((len(rows), 0))
    return UnitTable(
        unit=bought,
        rows=np.array(rows, dtype=np.int64),
        core=np.stack(core, axis=1),
        vols=shocks,
        rates=rates,
        delta=bought.cash_delta[:, 0],
        bucket=bucket,
        basis=np.array([rate for _, rate in bought.buckets]),
        group=plan.group,
        closing=np.stack([bought.closing[:, 0], sold.closing[:, 0]]),
        value=bought.option_now[:, 0],
        side=tuple(settle_group(int(s), c.currency) for s, c in zip(plan.style, plan.contracts, strict=True)),
    )
