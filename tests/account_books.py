"""Random sparse accounts, and their measures by plain loops."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
from hypothesis import strategies as st

Arrays = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]

#: Exact sums of few of these; ties, cancellation and both signs of zero are common.
AMOUNTS = [0.0, -0.0, 1.0, -1.0, 2.0, -3.0, 0.5]
HUGE = [1e150, -1e150, 3e-150, 1e-300]

amounts = st.one_of(st.sampled_from(AMOUNTS), st.floats(-1e6, 1e6))
extremes = st.one_of(amounts, st.sampled_from(HUGE))
levels = st.sampled_from([1e-9, 0.01, 0.25, 0.5, 0.625, 0.75, 0.9, 0.95, 0.975, 0.99, 0.999, 1.0 - 1e-9])


def random_accounts(seed: int, accounts: int, instruments: int, scenarios: int, held: float = 5.0) -> Arrays:
    """Poisson many positions per account, some accounts empty, the first of all without any."""
    rng = np.random.default_rng(seed)
    count = rng.poisson(held, accounts)
    count[rng.random(accounts) < 0.05] = 0
    count[:1] = 0
    indptr = np.concatenate([[0], np.cumsum(count)])
    indices = rng.integers(0, instruments, indptr[-1])
    return indptr, indices, rng.normal(size=indptr[-1]), rng.normal(size=(instruments, scenarios))


@st.composite
def sparse_accounts(draw: st.DrawFn, values: st.SearchStrategy[float] = extremes) -> Arrays:
    """Few accounts: empty ones, repeated instruments, one account, none, one scenario, ties."""
    n, s = draw(st.integers(1, 5)), draw(st.sampled_from([1, 2, 3, 7, 8, 9, 17, 40]))
    few = draw(st.lists(values, min_size=1, max_size=6))
    pnl = np.array(draw(st.lists(st.sampled_from(few), min_size=n * s, max_size=n * s))).reshape(n, s)
    position = st.tuples(st.integers(0, n - 1), values)
    held = draw(st.lists(st.lists(position, max_size=6), max_size=5))
    indptr = np.cumsum([0, *(len(account) for account in held)])
    flat = [one for account in held for one in account]
    indices = np.array([i for i, _ in flat], dtype=np.int64)
    return indptr, indices, np.array([q for _, q in flat], dtype=float), pnl


def loop_losses(arrays: Arrays) -> list[list[Fraction]]:
    """Exact losses of each account in each scenario."""
    indptr, indices, quantity, pnl = arrays
    rows = [[Fraction(float(x)) for x in row] for row in pnl]
    losses = []
    for a in range(len(indptr) - 1):
        sums = [Fraction(0)] * pnl.shape[1]
        for j in range(indptr[a], indptr[a + 1]):
            q = Fraction(float(quantity[j]))
            sums = [x - q * y for x, y in zip(sums, rows[indices[j]], strict=True)]
        losses.append(sums)
    return losses


def gross(arrays: Arrays) -> np.ndarray:
    """Sum of |quantity| times the largest |pnl| of its row, and the number of positions, per account: [2, A]."""
    indptr, indices, quantity, pnl = arrays
    size = np.abs(quantity) * np.abs(pnl).max(axis=1)[indices]
    pairs = list(pairwise(indptr))
    return np.array([[size[x:y].sum() for x, y in pairs], [float(y - x) for x, y in pairs]]).reshape(2, -1)


def loop_tail(losses: list[Fraction], level: float) -> tuple[Fraction, Fraction]:
    """Value at risk and expected shortfall by their definitions; ``level`` is the decimal that it prints as."""
    alpha = Fraction(str(level))
    rising = sorted(losses)
    place = max(math.ceil(alpha * len(rising)), 1) - 1
    var = rising[place]
    beyond = [x for x in rising if x > var]
    mass = Fraction(len(beyond), len(rising))
    total = sum(beyond, Fraction(0)) / len(rising) + var * (1 - alpha - mass)
    return var, total / (1 - alpha)


def parts(arrays: Arrays, accounts: list[int]) -> Arrays:
    """Some accounts alone, in that order."""
    indptr, indices, quantity, pnl = arrays
    own = [np.arange(indptr[a], indptr[a + 1]) for a in accounts]
    where: Any = np.concatenate([*own, np.empty(0, dtype=np.int64)]).astype(np.int64)
    return np.cumsum([0, *(len(x) for x in own)]), indices[where], quantity[where], pnl
