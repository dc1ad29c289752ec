"""PRBM along a path, all states at once: the amounts that `plimsoll.margin.house.prbm` gives one by one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plimsoll.contracts import is_dated
from plimsoll.margin.house.parameters import PrbmParameters
from plimsoll.margin.house.steps import Steps, delta_charge
from plimsoll.margin.path import ACCOUNT, Track
from plimsoll.scenarios import Scenarios, years_of

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class CorePath:
    """One underlying in `K` states, USD: `weighted[K, S]` gains, the terms of the core and its basis charge `[K]`.

    `value` is that of its options and coins now.
    """

    underlying: str
    weighted: F64
    scan: F64
    floor: F64
    basis: F64
    value: F64

    @property
    def core(self) -> F64:
        """The largest term."""
        return np.maximum(self.scan, self.floor)


def path_columns(p: PrbmParameters) -> Scenarios:
    """The table, then no move, then the two shocks of the basis charge."""
    table = p.columns()
    one, none = np.ones(len(table)), np.zeros(3)
    return Scenarios.build(
        np.concatenate([table.spot, [1.0, 1.0, 1.0]]),
        np.concatenate([table.vol, none]),
        basis=np.concatenate([one, [1.0, p.basis.up, p.basis.down]]),
        vol_rule=table.vol_rule,
    )


def core_path(p: PrbmParameters, columns: Scenarios, weight: F64, steps: Steps, underlying: str) -> CorePath:
    """Scan, floors and basis charge of one underlying."""
    plan, rows, now = steps.book.plan, steps.rows(underlying), weight.size
    quantity = steps.book.quantity[rows]
    pnl, basis = np.zeros((len(steps), now)), np.zeros(len(steps))
    worth, value = np.full((rows.size, len(steps)), np.inf), np.zeros(len(steps))
    moves: dict[int, F64] = {}
    options = np.flatnonzero(plan.option[rows])
    if options.size:
        whole = steps.option_values(rows[options], columns)
        paid = (quantity * plan.multiplier[rows])[options, None] * steps.settle[rows[options]]
        for n, (at, i) in enumerate(zip(options.tolist(), rows[options].tolist(), strict=True)):
            spot = columns.spot if plan.settle_moves[i] else np.ones(len(columns))
            held = whole[n] * paid[n][:, None] * spot[None, :]
            own = held[:, now]
            value = value + own
            if quantity[at] > 0 and p.min_delta.cap_long_options:
                worth[at] = own
            pnl += held[:, :now] - own[:, None]
            e = int(plan.group[i])
            moves[e] = moves.get(e, 0.0) + held[:, now + 1 :] - own[:, None]
    for n, i in enumerate(rows.tolist()):
        if plan.option[i]:
            continue
        gain = quantity[n] * steps.linear_gains(i, columns)
        pnl += gain[:, :now]
        if plan.contracts[i].kind == "spot":
            value = value + quantity[n] * steps.settle[i]
        if is_dated(plan.contracts[i]):
            e = int(plan.group[i])
            moves[e] = moves.get(e, 0.0) + gain[:, now + 1 :]
    factor = p.basis.add + p.basis.mult * years_of(plan.seconds)
    for e, found in moves.items():
        basis = basis + np.maximum(0.0, -found.min(axis=1)) * factor[e]
    weighted = pnl * weight[None, :]
    spot = steps.index[rows[0]]
    delta = quantity[:, None] * steps.deltas(rows)
    charge = delta_charge(delta, worth, spot, p.min_delta.net, p.min_delta.hedged)
    floor = np.maximum(charge, _sold(steps, rows) * p.short_option_rate * spot)
    return CorePath(underlying, weighted, np.maximum(0.0, -weighted.min(axis=1)), floor, basis, value)


def _sold(steps: Steps, rows: I64) -> F64:
    """`[K]` net short coins of each (expiry, call or put), added."""
    plan, total = steps.book.plan, np.zeros(len(steps))
    coins = steps.book.quantity[rows][:, None] * steps.coins(rows)
    for expiry in set(plan.group[rows[plan.option[rows]]].tolist()):
        for call in (True, False):
            group = plan.option[rows] & (plan.group[rows] == expiry) & (plan.call[rows] == call)
            if group.any():
                total = total + np.maximum(0.0, -coins[group].sum(axis=0))
    return total


def core_paths(p: PrbmParameters, steps: Steps) -> tuple[CorePath, ...]:
    """Every underlying that is held."""
    columns, weight = path_columns(p), p.columns().weight
    return tuple(core_path(p, columns, weight, steps, u) for u in steps.underlyings)


def equity_path(steps: Steps, cut: F64, value: F64) -> F64:
    """`[K]` collateral as it counts, option and spot value, unrealised profit and funding."""
    total: F64 = cut + value + steps.money()
    return total


def counted_balances(steps: Steps, haircuts: dict[str, float]) -> F64:
    """`[K]` collateral after its haircut, what is owed with its haircut on top."""
    total = np.zeros(len(steps))
    for asset, value in steps.dollars(steps.book.account.collateral).items():
        total = total + value * (1.0 - haircuts[asset] if (value >= 0).all() else 1.0 + haircuts[asset])
    return total


def prbm_path(p: PrbmParameters, steps: Steps) -> tuple[F64, F64]:
    """`[K]` equity and maintenance margin."""
    equity, kept = np.zeros(len(steps)), np.zeros(len(steps))
    for part, some in steps.blocks():
        cores = core_paths(p, some)
        value = sum((c.value for c in cores), np.zeros(len(some)))
        equity[part] = equity_path(some, counted_balances(some, p.haircuts), value)
        kept[part] = p.maintenance_factor * sum((c.core + c.basis for c in cores), np.zeros(len(some)))
    return equity, kept


def finite_track(equity: F64, maintenance: F64) -> Track | None:
    """The one track of an account without pools; `None` where an amount left the range of double precision."""
    fine = np.isfinite(equity).all() and np.isfinite(maintenance).all()
    return Track(ACCOUNT, equity, maintenance) if fine else None
