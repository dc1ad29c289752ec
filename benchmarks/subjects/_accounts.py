"""Seeded accounts with sparse positions in options."""

from __future__ import annotations

import numpy as np

from benchmarks.harness.race import Inputs
from benchmarks.subjects._options import option_inputs
from plimsoll.kernels import lognormal_values

POSITIONS = 20


def account_inputs(rng: np.random.Generator, accounts: int, instruments: int, scenarios: int) -> Inputs:
    """A accounts with about 20 positions each (Poisson) in N options, and the options' P&L in S scenarios.

    Arrays: `indptr` [A + 1], `indices` and `quantity` [positions] in compressed rows; `pnl` [N, S], the value of one
    unit less its mean over the scenarios.
    """
    held = rng.poisson(POSITIONS, accounts)
    indptr = np.concatenate([[0], np.cumsum(held)]).astype(np.int64)
    book = option_inputs(rng, instruments, scenarios)
    value = lognormal_values(
        *(book["group"], book["strike"], book["total_vol"], book["call"]),
        *(book["forward"], book["vol_scale"], None, book["discount"]),
    )
    return {
        "indptr": indptr,
        "indices": rng.integers(0, instruments, indptr[-1]).astype(np.int64),
        "quantity": np.round(10.0 * rng.standard_normal(indptr[-1]), 1),
        "pnl": value - value.mean(axis=1, keepdims=True),
    }
