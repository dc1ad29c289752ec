"""How sure a mean difference of costs is, when episodes of a history are not independent.

Drawn episodes are: they are resampled one by one. Recorded ones share their days with the same days of other coins,
and a storm goes on into the next episode. So a *period* (all coins of the same days) stays together, and periods are
resampled in blocks of neighbours, the last one beside the first: the circular block bootstrap of Politis and Romano
(1992), blocks of `n^(1/3)` periods. The percentiles are widened for few blocks as Hesterberg (2015, "What teachers
should know about the bootstrap") does: the level is that of `-sqrt(n / (n - 1)) t(n - 1)` under the normal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import norm
from scipy.stats import t as student

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

RESAMPLES = 10_000
LEAST = 5
"""Blocks below which nothing is told apart: resampling so few says little of what others would have said."""


@dataclass(frozen=True)
class Difference:
    """Mean cost of `name` less that of `base` on the same episodes, with a 95 % interval from `blocks` independent
    pieces; `cheaper` is the part of the episodes in which it cost less, `worst` the largest that it cost more."""

    name: str
    base: str
    mean: float
    low: float
    high: float
    blocks: int
    cheaper: float
    worst: float

    @property
    def verdict(self) -> str:
        """In words."""
        if self.blocks >= LEAST and self.high < 0.0:
            return f"costs less than {self.base}"
        if self.blocks >= LEAST and self.low > 0.0:
            return f"costs more than {self.base}"
        return f"is not told apart from {self.base}"


def periods_of(starts: Sequence[int | None], span: int) -> I64 | None:
    """The period of each recorded start (ns), `span` ns long, counted from the first; None for drawn episodes."""
    known = [s for s in starts if s is not None]
    if len(known) < len(starts) or not known:
        return None
    at = np.array(known, dtype=np.int64)
    return np.asarray((at - at.min()) // span)


def paired(name: str, base: str, apart: F64, periods: I64 | None, *, seed: int = 1) -> Difference:
    """From the differences of the same episodes, `apart[E]`, and the period of each, None where all are independent."""
    where = np.arange(apart.size) if periods is None else np.unique(periods, return_inverse=True)[1]
    sums, counts = np.bincount(where, weights=apart), np.bincount(where)
    n = sums.size
    length = 1 if periods is None else max(1, round(n ** (1.0 / 3.0)))
    blocks = n // length
    random = np.random.default_rng(seed)
    first = random.integers(0, n, (RESAMPLES, -(-n // length)))
    rows = ((first[:, :, None] + np.arange(length)) % n).reshape(RESAMPLES, -1)[:, :n]
    means = sums[rows].sum(axis=1) / counts[rows].sum(axis=1)
    tail = 0.025
    if blocks > 1:
        tail = float(norm.cdf(-np.sqrt(blocks / (blocks - 1.0)) * student.ppf(0.975, blocks - 1)))
    low, high = np.quantile(means, (tail, 1.0 - tail)).tolist()
    return Difference(
        name, base, float(apart.mean()), low, high, blocks, float((apart < 0.0).mean()), float(apart.max())
    )
