"""Log-normal paths of one or more coins for tests of sizes, and a market with perpetuals."""

from __future__ import annotations

from typing import Any

import numpy as np

import plimsoll as pl
from builders import NOW
from plimsoll.scenarios.paths import JointPaths

PRICES = {"BTC": 70_000.0, "ETH": 2_500.0}


def log_normal(
    seed: int,
    sigmas: dict[str, float],
    *,
    days: float = 30.0,
    instants: int = 10,
    size: int = 4_000,
    correlation: float = 0.0,
) -> JointPaths:
    """Paths without drift, every pair of coins with one correlation."""
    rng, names = np.random.default_rng(seed), tuple(sigmas)
    count, step = len(names), days / instants / 365.0
    matrix = np.full((count, count), correlation) + (1.0 - correlation) * np.eye(count)
    z = np.einsum("ab,kbp->kap", np.linalg.cholesky(matrix), rng.standard_normal((instants, count, size)))
    sigma = np.array(list(sigmas.values()))[:, None]
    moves = np.cumsum(sigma * np.sqrt(step) * z - 0.5 * sigma**2 * step, axis=0)
    return JointPaths(names, np.exp(moves), np.arange(1, instants + 1) * days / instants, np.ones(size))


def perpetuals() -> Any:
    """A market with a linear perpetual of each coin, at its index."""
    settle = {"settlement": "linear", "currency": "USDC"}
    return pl.Market.from_dict(
        {
            "schema": "plimsoll.market",
            "schema_version": 1,
            "time": NOW,
            "indices": {c: {"price": x} for c, x in PRICES.items()},
            "assets": {"USDC": {"price": 1.0}},
            "instruments": [{"kind": "perpetual", "name": f"{c}-PERP", "underlying": c, **settle} for c in PRICES],
            "marks": {f"{c}-PERP": {"price": x} for c, x in PRICES.items()},
        }
    )
