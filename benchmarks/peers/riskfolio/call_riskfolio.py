"""Least expected shortfall of shares by Riskfolio-Lib."""

from __future__ import annotations

from typing import Any

import numpy as np


def long_only(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """Shares that add up to one, by its own choice of a solver; not timed: its statistics of the assets."""
    import pandas as pd
    import riskfolio as rp

    pnl, level = inputs["pnl"], float(inputs["level"])
    book = rp.Portfolio(returns=pd.DataFrame(pnl.T), alpha=1.0 - level)
    book.assets_stats(method_mu="hist", method_cov="hist")

    def run() -> dict[str, Any]:
        found = book.optimization(model="Classic", rm="CVaR", obj="MinRisk", hist=True)
        if found is None:
            raise RuntimeError("no solution")
        x = found.to_numpy().ravel()
        losses = np.sort(-(x @ pnl))[::-1]
        count = (1.0 - level) * losses.size
        objective = losses @ np.clip(count - np.arange(losses.size), 0.0, 1.0) / count
        return {"objective": np.asarray(objective), "x": x}

    return {"run": run, "units": 1}
