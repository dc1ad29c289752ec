"""What a portfolio margin says of itself: workings, scenarios, what bound, and notes."""

from __future__ import annotations

import numpy as np

from plimsoll.margin.requirement import Binding, ScenarioLoss
from plimsoll.margin.venues.okx.pm_account import Evaluation
from plimsoll.margin.venues.okx.pm_shares import binding_of, label


def workings_of(found: Evaluation) -> dict[str, float]:
    """Every charge of every unit, and what is held and counts in each currency."""
    rows: dict[str, float] = {}
    for charged in found.units:
        u = charged.unit
        amounts = {
            "mr1": u.mr1.worst,
            "mr2": u.mr2,
            "mr3": u.mr3,
            "mr4": u.mr4,
            "mr5": u.mr5,
            "mr6": u.parameters.extreme_share * u.mr6.worst,
            "mr7_raw": u.closing.sum(axis=0),
            "mr7": u.mr7,
            "mr9": charged.mr9,
            "mr": charged.before_floor,
            "mmr": charged.maintenance,
            "imr": u.parameters.initial_factor * charged.maintenance,
            "cash_delta": u.cash_delta.sum(axis=0),
            "spot_in_use": u.used,
        }
        rows |= {f"{u.name}.{key}": float(value[0]) + 0.0 for key, value in amounts.items()}
    for m in found.money:
        rows[f"equity.{m.currency}"] = float(m.equity[0])
        rows[f"counted.{m.currency}"] = float(m.counted[0])
    return rows


def bindings_of(found: Evaluation) -> tuple[Binding, ...]:
    """What set the margin of each unit: the worst scenario, or the scaled minimum charge where it is more."""
    rows = []
    for charged in found.units:
        kind, text, gains = binding_of(charged.unit)
        pnl = float(gains.sum())
        least = float(charged.unit.mr7[0])
        if least > float(charged.before_floor[0]):
            kind, text, pnl = "mr7", "minimum charge, scaled", -least
        rows.append(Binding(underlying=charged.unit.name, kind=kind, label=text, pnl=pnl))
    return tuple(rows)


def losses_of(found: Evaluation) -> tuple[ScenarioLoss, ...]:
    """Every scenario of MR1 and MR6 of every unit, MR6 in full."""
    rows = []
    for charged in found.units:
        unit = charged.unit
        for v in range(3):
            rows += [
                ScenarioLoss(label=f"{unit.name} {label(m, v)}", pnl=float(unit.mr1.pnl[v, i, 0]))
                for i, m in enumerate(unit.moves)
            ]
        rows += [
            ScenarioLoss(label=f"{unit.name} {label(float(m), 1)} (extreme)", pnl=float(unit.mr6.pnl[0, i, 0]))
            for i, m in enumerate(unit.mr6.move)
        ]
    return tuple(rows)


def notes_of(found: Evaluation) -> tuple[str, ...]:
    """What a holder should know: assumed parts, the fee outside the margin, what the venue does at this ratio."""
    notes = []
    if any(u.unit.plan.option.any() for u in found.units):
        notes.append("options: MR2, MR3, MR5 and their part of MR7 have no public formula; the pack's are assumed")
    if any(m.owed[0] > 0.0 for m in found.money):
        notes.append("the venue's margin ratio counts a liquidation fee on what is owed: see workings.margin_ratio")
    ratio = found.parameters.liquidation
    if found.units or any(m.owed[0] > 0.0 for m in found.money):
        total = float(found.maintenance[0] + found.fees[0])
        status = float(found.adjusted_equity[0]) / total if total > 0 else np.inf
        if status <= ratio.liquidate_at:
            notes.append(
                f"margin ratio at or below {ratio.liquidate_at:.0%}: {', '.join(ratio.steps)}".replace("_", " ")
            )
        elif status <= ratio.warn_at:
            notes.append(f"margin ratio at or below {ratio.warn_at:.0%}: the venue warns")
    return tuple(notes)
