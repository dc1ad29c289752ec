"""Least expected shortfall of shares by skfolio."""

from __future__ import annotations

from typing import Any

import numpy as np


def long_only(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """Shares that add up to one, by its mean-risk optimiser with its own choice of a solver."""
    from skfolio import RiskMeasure
    from skfolio.optimization import MeanRisk

    pnl, level = inputs["pnl"], float(inputs["level"])
    returns = np.ascontiguousarray(pnl.T)

    def run() -> dict[str, Any]:
        found = MeanRisk(risk_measure=RiskMeasure.CVAR, cvar_beta=level).fit(returns)
        x = np.asarray(found.weights_)
        losses = np.sort(-(x @ pnl))[::-1]
        count = (1.0 - level) * losses.size
        objective = losses @ np.clip(count - np.arange(losses.size), 0.0, 1.0) / count
        return {"objective": np.asarray(objective), "x": x}

    return {"run": run, "units": 1}
