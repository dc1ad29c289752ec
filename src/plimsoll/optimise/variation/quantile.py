"""The least amount that is exceeded with probability p or less, from weighted paths, and its error."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plimsoll.documents import refuse
from plimsoll.liquidation.passage.estimate import mean_error

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Least:
    """`amount` is exceeded with estimated probability `rate <= p`; `error` is its standard error, that of the
    probability (`rate_error`, of `plimsoll.liquidation.passage.estimate`) carried to amounts (Woodruff 1952). It is no
    `Estimate`: the probability was given and the amount is what was found. No path lies beyond the largest: an
    error is an understatement where `p` times the paths is a handful.
    """

    amount: float
    error: float
    rate: float
    rate_error: float


def checked_breach(p: float, size: int) -> float:
    """`p`. Raises `DocumentError` unless it is a probability that so many paths can speak of."""
    if not 0.0 < p < 1.0:
        raise refuse("breach", p, "a probability between 0 and 1")
    if p * size < 1.0:
        raise refuse("paths", f"{size} of them", f"at least {int(np.ceil(1.0 / p))}: one by itself has more than {p:g}")
    return p


def least(values: F64, weight: F64, p: float, clusters: I64 | None = None) -> Least:
    """The least of `values[P]` that is exceeded with probability `p` or less.

    `weight[P]` are likelihood ratios, `clusters[P, C]` what paths share, by which `mean_error` goes.
    """
    checked_breach(p, values.size)
    amount = _exceeded(values, weight, p)
    over = values > amount + _slack(amount)
    rate = float(np.mean(weight * over))
    error = mean_error(weight * (values >= amount - _slack(amount)), clusters)
    low, high = (_exceeded(values, weight, min(max(x, 0.0), 1.0)) for x in (p + error, p - error))
    return Least(amount, 0.5 * (high - low), rate, error)


def _slack(amount: float) -> float:
    return 1e-12 * max(1.0, abs(amount))


def _exceeded(values: F64, weight: F64, p: float) -> float:
    """The least value that is exceeded on paths of mean weight `p` or less."""
    order = np.argsort(-values, kind="stable")
    above = np.cumsum(weight[order]) / values.size
    # the value at place i is exceeded by those before it: the last place whose predecessors weigh p or less
    before = np.concatenate([[0.0], above[:-1]])
    kept = np.flatnonzero(before <= p + 1e-12)
    return float(values[order[kept[-1]]])


def tail_mean(values: F64, weight: F64, p: float) -> float:
    """`min over a of a + mean(weight max(values - a, 0)) / p`: the mean of the worst part `p`, at least `least`.

    Source: Rockafellar and Uryasev (2000), "Optimization of conditional value-at-risk".
    """
    level = _exceeded(values, weight, p)
    return level + float(np.mean(weight * np.maximum(values - level, 0.0))) / p
