"""What each position adds to the charges of a unit in one state: Euler shares, and along the ray for MR7 and MR9.

`[N + 1]` throughout: the positions of the unit, then its spot in use.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from plimsoll.margin.venues.okx.pm_account import UnitCharge
from plimsoll.margin.venues.okx.pm_unit import VOL_WORDS, Unit
from plimsoll.scenarios import percent

F64 = npt.NDArray[np.float64]


def binding_of(unit: Unit) -> tuple[str, str, F64]:
    """Kind, label and gains `[N + 1]` of the scenario that set the core: MR1 before MR2 before MR6 where they tie."""
    one, two = float(unit.mr1.worst[0]), float(unit.mr2[0])
    six = float(unit.parameters.extreme_share * unit.mr6.worst[0])
    if max(one, two, six) == 0.0:
        return "none", "no loss", np.zeros(len(unit.plan) + 1)
    if one >= max(two, six):
        v, m = np.unravel_index(int(unit.mr1.pnl[:, :, 0].argmin()), unit.mr1.pnl.shape[:2])
        move = unit.moves[int(m)]
        return "mr1", label(move, int(v)), unit.scenario(int(v), move)[:, 0]
    if two >= six:
        return "mr2", f"after {unit.parameters.theta_days:g} d", np.append(unit.mr2_gains[:, 0], 0.0)
    far = int(unit.mr6.pnl[0, :, 0].argmin())
    move = float(unit.mr6.move[far])
    return "mr6", f"{percent(1.0 + move)} (half)", unit.parameters.extreme_share * unit.scenario(1, move)[:, 0]


def label(move: float, vol: int) -> str:
    """`+12% iv up`."""
    return f"{percent(1.0 + move)} {VOL_WORDS[vol]}".strip()


def mr3_shares(unit: Unit) -> F64:
    """Shares of the term structure: gains in the direction of each expiry less those in the direction of the whole."""
    found = np.zeros(len(unit.plan) + 1)
    best = 0.0
    for measure in unit.shocked_vols if unit.mr3[0] > 0.0 else ():
        gains = np.stack([unit.vol_gains(measure, d)[:, 0] for d in (0, 1)])
        apart = np.zeros(len(unit.plan))
        for e in range(len(unit.plan.expiries)):
            mine = unit.plan.group == e
            sums = gains[:, mine].sum(axis=1)
            if sums.min() < 0.0:
                apart[mine] = -gains[int(sums.argmin()), mine]
        whole = gains.sum(axis=1)
        together = -gains[int(whole.argmin())] if whole.min() < 0.0 else np.zeros(len(unit.plan))
        shares = unit.parameters.term_structure * (apart - together)
        if shares.sum() > best:
            best, found = float(shares.sum()), np.append(shares, 0.0)
    return found


def mr4_shares(unit: Unit) -> F64:
    """The sign of its bucket's delta times the position's own."""
    found = np.zeros(len(unit.plan) + 1)
    for mine, rate in unit.buckets:
        delta = unit.cash_delta[mine, 0]
        found[mine] = rate * np.sign(delta.sum()) * delta
    return found


def mr5_shares(unit: Unit) -> F64:
    """Losses under the shock of the curve that binds."""
    if unit.mr5[0] <= 0.0:
        return np.zeros(len(unit.plan) + 1)
    worst = min(unit.mr5_gains, key=lambda g: float(g[:, 0].sum()))
    return np.append(-worst[:, 0], 0.0)


def mr9_shares(charged: UnitCharge) -> F64:
    """Tiers along the ray: each position has its part of the hedged amount at the mean rate of the tiers below it."""
    found = np.zeros(len(charged.unit.plan) + 1)
    for hedge in charged.hedges:
        amount = float(hedge.amount[0])
        if amount > 0.0:
            found += hedge.parts[:, 0] * (float(hedge.charge[0]) / amount)
    return found


def floor_shares(charged: UnitCharge, before: F64) -> F64:
    """Shares of `max(MR7 - before, 0)` along the ray from nothing to the book; `before[N + 1]` those of the rest.

    All but MR7 and MR9 grow in proportion to the book and MR7 faster, so where MR7 binds at the end it binds from some
    part `t` of the book on: `(MR7(1) - MR7(t)) raw_i / raw - (1 - t) before_i`. MR9, which grows faster too, is taken
    as if it were proportional, which moves shares but not their sum.
    """
    unit = charged.unit
    raw = np.append(unit.closing[:, 0], 0.0)
    total, core, full = float(raw.sum()), float(before.sum()), float(unit.mr7[0])
    if full <= core or total <= 0.0:
        return np.zeros(len(raw))

    def excess(t: float) -> float:
        return float(unit.scaled(np.array([t * total]))[0]) - t * core

    low, high = 0.0, 1.0
    if excess(1e-9) < 0.0:
        for _ in range(200):
            middle = 0.5 * (low + high)
            low, high = (low, middle) if excess(middle) > 0.0 else (middle, high)
    start = low
    at = float(unit.scaled(np.array([start * total]))[0])
    return raw / total * (full - at) - before * (1.0 - start)
