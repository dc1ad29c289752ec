"""VaR and ES as estimates: the number, its standard error, and the weights that say which scenarios made it.

The standard error of the shortfall is that of its influence function, `((L - q)^+ / a - (ES - q))` with `a` the tail
probability; that of the quantile is Maritz and Jarrett's (1978) mean over the neighbouring order statistics. Unequal
probabilities, overlapping windows (Bartlett's weights), days drawn more than once and randomised low-discrepancy points
enter through the variance of a weighted mean (`mean_variance`): the quantile has the sample size at which its
indicator would have that variance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from plimsoll.kernels import expected_shortfall, tail_weights, value_at_risk
from plimsoll.kernels.selection import MASS_TOLERANCE
from plimsoll.risk.clusters import clustered_variance

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Estimate:
    """`value` and its `standard_error`, in the unit of the losses; `method` says how the error was found."""

    value: float
    standard_error: float
    method: str

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values; an error that is not known is null."""
        error = self.standard_error if np.isfinite(self.standard_error) else None
        return {"value": self.value, "standard_error": error, "method": self.method}


@dataclass(frozen=True, eq=False)
class TailMeasures:
    """VaR and ES of one vector of losses.

    `binding` is the scenario whose loss is the VaR; `weights[S]` add to one and give the ES as their sum with the
    losses; `effective` is the number of independent scenarios of equal probability that would be as exact.
    """

    var: Estimate
    es: Estimate
    binding: int
    weights: F64
    effective: float


def tail_measures(
    losses: npt.ArrayLike,
    level: float,
    probability: npt.ArrayLike | None = None,
    *,
    lag: int = 0,
    clusters: npt.ArrayLike | None = None,
) -> TailMeasures:
    """VaR and ES at `level` of `losses[S]`, positive for a loss.

    `probability[S]`, `lag` and `clusters[S, K]` as in `FactorMoves`. ES is at least VaR, always. Where the whole sample
    lies on one side (a tail of less than one scenario) the errors say so by being those of the extreme itself. Raises
    ValueError naming the argument.

    >>> m = tail_measures([1.0, 2.0, 3.0, 4.0], 0.75)
    >>> m.var.value, m.es.value, m.binding
    (3.0, 4.0, 2)
    """
    x = np.asarray(losses, dtype=np.float64)
    p = None if probability is None else np.asarray(probability, dtype=np.float64)
    var, es = float(value_at_risk(x, level, p)), float(expected_shortfall(x, level, p))
    mass = np.full(x.size, 1.0 / x.size) if p is None else p / p.sum()
    tail = 1.0 - level
    # without weights they are as many as they are, not to the rounding of a sum of squares
    count = float(x.size) if p is None else 1.0 / float(mass @ mass)
    inflation = 1.0
    if lag or clusters is not None:
        beyond = (x > var).astype(np.float64)
        indicator = beyond - float(mass @ beyond)
        alone = float((mass * indicator) @ (mass * indicator))
        inflation = mean_variance(indicator, mass, lag, clusters) / alone if alone > 0.0 else 1.0
    effective = count / max(inflation, 1e-12)
    influence = np.maximum(x - var, 0.0) / tail - (es - var)
    es_error = float(np.sqrt(max(mean_variance(influence, mass, lag, clusters), 0.0)))
    var_error = maritz_jarrett(x, mass, level, effective)
    kind = "clusters" if clusters is not None else f"Bartlett, {lag} lags" if lag else "independent"
    return TailMeasures(
        var=Estimate(var, var_error, f"Maritz-Jarrett, {kind}"),
        es=Estimate(es, es_error, f"influence function, {kind}"),
        binding=int(np.flatnonzero(x == var)[0]),
        weights=tail_weights(x, level, p),
        effective=effective,
    )


def maritz_jarrett(losses: F64, mass: F64, level: float, effective: float) -> float:
    """Standard error of the quantile at `level`: the spread of the order statistics under a beta law.

    The weight of a loss is what `Beta(m q, m (1 - q))` puts on its step of the distribution function, `m = effective`;
    with equal masses and `m = S` that is Maritz and Jarrett's estimator with `[S q]` for their index. Source: Maritz
    and Jarrett (1978), "A note on estimating the variance of the sample median".
    """
    if mass[0] == mass[-1] and (mass == mass[0]).all():
        # ten standard deviations of the rank hold all of the beta law that a float64 can see
        reach = 10.0 * losses.size * np.sqrt(level * (1.0 - level) / max(effective, 1.0)) + 10.0
        low = max(0, int(level * losses.size - reach))
        high = min(losses.size - 1, int(level * losses.size + reach))
        x = np.sort(np.partition(losses, (low, high) if high > low else low)[low : high + 1])
        upto = np.arange(low + 1, high + 2) / losses.size
        return _spread(x, upto, level, effective, low / losses.size)
    order = np.argsort(losses, kind="stable")
    upto = np.minimum(np.cumsum(mass[order]), 1.0)
    upto[-1] = 1.0
    return _spread(losses[order], upto, level, effective, 0.0)


def _spread(x: F64, upto: F64, level: float, effective: float, before: float) -> float:
    """Standard deviation of rising losses `x` under the beta law; `upto` the mass up to each, `before` below all."""
    from scipy.special import betainc

    a, b = max(effective * level, 1e-9), max(effective * (1.0 - level), 1e-9)
    weight = np.diff(betainc(a, b, upto), prepend=betainc(a, b, before))
    # centred first: a quantile far from zero must not lose its spread in the subtraction of squares
    centre = x[min(int(np.searchsorted(upto, level - MASS_TOLERANCE)), x.size - 1)]
    mean = float(weight @ (x - centre))
    return float(np.sqrt(max(float(weight @ (x - centre) ** 2) - mean**2, 0.0)))


def mean_variance(influence: F64, mass: F64, lag: int, clusters: npt.ArrayLike | None) -> float:
    """Variance of `sum_s mass[s] * influence[s]`, whose mean is zero, under the stated dependence."""
    parts = mass * influence
    if clusters is not None:
        return clustered_variance(parts, clusters)
    variance = float(parts @ parts)
    for k in range(1, min(lag, parts.size - 1) + 1):
        variance += 2.0 * (1.0 - k / (lag + 1.0)) * float(parts[k:] @ parts[:-k])
    # negative sums of sample covariances are noise: never below a tenth of the independent case
    return max(variance, 0.1 * float(parts @ parts))
