"""A mean or a probability from weighted paths: its standard errors, its upper limit, the paths it is worth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from plimsoll.risk.clusters import clustered_variance
from plimsoll.scenarios.paths import JointPaths

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

SURE = 0.95
"""Confidence of the upper limit, one-sided."""


@dataclass(frozen=True)
class Estimate:
    """A mean over `paths`: `value`, its `error` (one standard deviation), and of how many paths it is not zero (`met`).

    The true value is below `at_most` with 95 % confidence. What `chance_of` gives is a probability, what `estimate`
    gives the mean of an amount. An amount that is exceeded with a probability, and not the probability, is a
    `plimsoll.optimise.variation.quantile.Least`: its error is in money and is worked out from that of a probability.
    """

    value: float
    error: float
    at_most: float
    met: int
    paths: int

    @property
    def effective(self) -> float | None:
        """How many plain independent paths would give a probability of that value this error, `p (1 - p) / error^2`;
        `None` where it is zero, and for what is no probability.
        """
        if not (0.0 < self.value < 1.0 and self.error > 0.0):
            return None
        return self.value * (1.0 - self.value) / self.error**2

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {**vars(self), "effective": self.effective}


def estimate(values: F64, paths: JointPaths) -> Estimate:
    """The mean of `weight * values[P]`, an amount. The limit is the quantile of Student's t."""
    weighted = paths.weight * values
    mean, error = float(weighted.mean()), mean_error(weighted, paths.clusters)
    return Estimate(mean, error, mean + _student(paths) * error, int(np.count_nonzero(values)), weighted.size)


def chance_of(met: npt.ArrayLike, paths: JointPaths) -> Estimate:
    """The probability of what `met[P]` says of each path: whether it came to it, or the probability that it did.

    The limit is the quantile of Student's t on the scale of the log-odds, where a rare event is not skewed, and for
    paths of equal weight that came to it or not never below Clopper and Pearson's exact one, which is above zero also
    where no path came to it.
    """
    from scipy.special import betaincinv, expit, logit

    values = np.asarray(met, dtype=np.float64)
    size, count = values.size, int(np.count_nonzero(values))
    weighted = paths.weight * values
    value, error = float(weighted.mean()), mean_error(weighted, paths.clusters)
    exact = float(betaincinv(count + 1.0, float(size - count), SURE)) if count < size else 1.0
    upper = value
    if 0.0 < value < 1.0 and error > 0.0:
        upper = float(expit(logit(value) + _student(paths) * min(error / (value * (1.0 - value)), 1e6)))
    if count == 0:
        # with weights, the exact limit of the count stands in for none seen, at the largest weight
        upper = exact * max(1.0, float(paths.weight.max()))
    elif bool((paths.weight == 1.0).all() and np.isin(values, (0.0, 1.0)).all()):
        upper = max(upper, exact)
    return Estimate(value, error, min(1.0, upper), count, size)


def mean_error(values: F64, clusters: I64 | None) -> float:
    """Standard error of the mean of `values[P]`, by the `clusters[P, C]` of the paths; infinite for a single path.

    Filtered history draws days again and again: the error is that of another history and another drawing, which more
    paths do not lower below what the history can tell.
    """
    size = values.size
    if size < 2:
        return float("inf")
    centred = values - values.mean()
    if clusters is None:
        return float(np.sqrt((centred @ centred) / (size - 1.0) / size))
    return float(np.sqrt(max(clustered_variance(centred / size, clusters), 0.0)))


def drawing_error(values: F64, clusters: I64 | None) -> float:
    """Standard error of the mean of `values[P]` over other drawings from the same history.

    Two sets of paths of one history differ by it, and by no more: it is what a test of one against the other takes.
    Days stand in several columns of `clusters` and are drawn independently; the numbers of one column are taken as a
    partition of dependent paths, and then the error is no less than theirs.
    """
    centred = (values - values.mean()) / values.size
    alone = float(centred @ centred)
    if clusters is None or clusters.shape[1] > 1:
        return float(np.sqrt(alone))
    return float(np.sqrt(max(alone, clustered_variance(centred, clusters))))


def _student(paths: JointPaths) -> float:
    """Quantile of Student's t: days of a history are many; randomisations of a sequence are few."""
    from scipy.special import stdtrit

    free = paths.weight.size if paths.clusters is None else np.unique(paths.clusters).size
    return float(stdtrit(max(1, free - 1), SURE))


def effective_size(weight: F64) -> float:
    """Kish's effective sample size of likelihood weights, `(sum w)^2 / sum w^2`.

    >>> effective_size(np.array([1.0, 1.0, 2.0]))
    2.6666666666666665
    """
    return float(weight.sum() ** 2 / (weight @ weight))
