"""Least expected shortfall by the public function of the optimiser."""

from __future__ import annotations

from typing import Any

import numpy as np


def options(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """Trades within one contract, neutral in delta."""
    return _job(inputs, rows=(inputs["rows"], 0.0, 0.0), boxes=(-1.0, 1.0), base=inputs["base"])


def long_only(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """Shares that add up to one."""
    return _job(inputs, rows=(np.ones((1, inputs["pnl"].shape[0])), 1.0, 1.0), boxes=(0.0, 1.0))


def _job(inputs: dict[str, Any], **limits: Any) -> dict[str, Any]:
    """Timed: from the arrays to the answer with its certificate, checks included."""
    from plimsoll.optimise import minimum_es

    level = float(inputs["level"])

    def run() -> dict[str, Any]:
        found = minimum_es(inputs["pnl"], level, **limits)
        names = {"objective": found.objective, "gap": found.gap, "x": found.x}
        return {name: np.asarray(value) for name, value in names.items()}

    return {"run": run, "units": 1}
