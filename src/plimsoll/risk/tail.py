"""Peaks over threshold: a generalised Pareto law for the losses beyond a high one, and what it says of VaR and ES.

With `N` of `n` losses above `u` and `P(L - u <= y | L > u) = 1 - (1 + xi y / beta)^(-1 / xi)`,

    VaR = u + beta / xi * ((n / N * (1 - q))^(-xi) - 1)        (u - beta ln(n / N * (1 - q)) for xi = 0)
    ES  = (VaR + beta - xi u) / (1 - xi)                        for xi < 1

Source: McNeil and Frey (2000), "Estimation of tail-related risk measures for heteroscedastic financial time series";
the likelihood in one variable: Grimshaw (1993).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from plimsoll.documents import refuse
from plimsoll.risk.measures import Estimate

F64 = npt.NDArray[np.float64]

LEAST_EXCEEDANCES = 25
"""Fewer say nothing about a shape; the fit is refused."""

SHAPES = (-0.5, 0.95)
"""Bounds of xi: below -1/2 the likelihood has no regular maximum, at 1 there is no mean."""

CHI2_95 = 3.841458820694124
"""95 % quantile of chi squared with one degree of freedom."""

_FLAT = 1e-6


@dataclass(frozen=True)
class ParetoFit:
    """`xi`, `beta` (unit of the losses), the log-likelihood, the exceedances; `bounded` if xi stopped at a bound."""

    xi: float
    beta: float
    log_likelihood: float
    count: int
    bounded: bool


@dataclass(frozen=True, eq=False)
class TailFit:
    """A fitted tail and its VaR and ES at `level`.

    `threshold` in the unit of the losses, `count` of `size` beyond it; `var_interval` and `es_interval` are 95 %
    profile likelihood intervals (an end that the likelihood does not reach is the bound of the search); `weights[S]` is
    the derivative of the ES by each loss, the sum of which with the losses is the ES; `var_weights` that of the VaR.
    """

    level: float
    threshold: float
    size: int
    fit: ParetoFit
    var: Estimate
    es: Estimate
    xi_error: float
    var_interval: tuple[float, float]
    es_interval: tuple[float, float]
    weights: F64
    var_weights: F64

    def survival(self, x: npt.ArrayLike) -> F64:
        """`P(L > x)` beyond the threshold by the fitted law."""
        y = np.maximum(np.asarray(x, dtype=np.float64) - self.threshold, 0.0)
        return self.fit.count / self.size * _survival(y, self.fit.xi, self.fit.beta)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "level": self.level,
            "threshold": self.threshold,
            "exceedances": self.fit.count,
            "scenarios": self.size,
            "xi": self.fit.xi,
            "xi_standard_error": self.xi_error if np.isfinite(self.xi_error) else None,
            "beta": self.fit.beta,
            "bounded": self.fit.bounded,
            "var": self.var.to_dict() | {"interval_95": list(self.var_interval)},
            "es": self.es.to_dict() | {"interval_95": list(self.es_interval)},
        }


def fit_pareto(excesses: npt.ArrayLike) -> ParetoFit:
    """Maximum likelihood of the generalised Pareto law for excesses above zero, with xi held within `SHAPES`.

    For each `theta = xi / beta` the best `xi` is `mean(ln(1 + theta y))`, so one variable is searched. Raises
    `DocumentError` for fewer than `LEAST_EXCEEDANCES`, or none above zero.
    """
    y = np.asarray(excesses, dtype=np.float64)
    if y.size < LEAST_EXCEEDANCES:
        raise refuse(
            "threshold", f"{y.size} losses beyond it", f"at least {LEAST_EXCEEDANCES}, for a tail to be fitted"
        )
    if not (np.isfinite(y).all() and (y >= 0.0).all() and y.max() > 0.0):
        raise refuse(
            "excesses", f"{float(y.min())} to {float(y.max())}", "finite numbers of at least zero, not all zero"
        )
    mean = float(y.mean())
    z = y / mean
    xi, beta = _best(z)
    bounded = not SHAPES[0] + 1e-6 < xi < SHAPES[1] - 1e-6
    if not bounded:
        xi, beta = _polished(z, xi, beta)
    return ParetoFit(xi, beta * mean, _log_likelihood(y, xi, beta * mean), y.size, bounded)


def peaks_over_threshold(losses: npt.ArrayLike, level: float, tail: float = 0.1) -> TailFit:
    """Fit the worst `tail` (a probability) of `losses[S]`, all equally likely, and give VaR and ES at `level`.

    The threshold is the loss just before the tail, so that `N = floor(tail * S)` lie beyond it, fewer on ties. `level`
    must lie beyond the threshold. ES is at least VaR. Standard errors are by the delta method, with the binomial
    noise of `N` in the VaR. Raises `DocumentError` naming the field.
    """
    x = np.asarray(losses, dtype=np.float64)
    if x.ndim != 1 or not np.isfinite(x).all():
        raise refuse("losses", f"shape {x.shape}", "a vector of finite numbers")
    if not 0.0 < tail < 1.0:
        raise refuse("tail", tail, "a probability above 0 and below 1")
    if not 1.0 - tail <= level < 1.0:
        raise refuse("level", level, f"at least {1.0 - tail:g}, beyond the threshold, and below 1")
    keep = int(np.floor(tail * x.size + 1e-9))
    if keep < LEAST_EXCEEDANCES:
        allowed = f"at least {LEAST_EXCEEDANCES} losses beyond the threshold: a longer history or a larger tail"
        raise refuse("tail", f"{keep} of {x.size} scenarios", allowed)
    order = np.argsort(-x, kind="stable")
    edge = int(order[keep])
    threshold = float(x[edge])
    inside = order[:keep][x[order[:keep]] > threshold]
    y = x[inside] - threshold
    fit = fit_pareto(y)
    quotient = x.size / y.size * (1.0 - level)
    var, es = _figures(threshold, fit.xi, fit.beta, quotient)
    covariance = _covariance(y, fit)
    var_slope, es_slope = _slopes(fit, quotient)
    share = y.size / x.size
    # the quotient's own noise: N is binomial
    count_variance = (1.0 - share) / (share * x.size)
    growth = fit.beta * quotient ** (-fit.xi)
    errors = []
    for slope, by_count in ((var_slope, growth), (es_slope, growth / (1.0 - fit.xi))):
        variance = float(slope @ covariance @ slope) + by_count**2 * count_variance
        errors.append(float(np.sqrt(variance)) if np.isfinite(variance) and variance >= 0.0 else float("nan"))
    weights = _derivatives(x.size, inside, edge, y, fit, es_slope, 1.0)
    var_weights = _derivatives(x.size, inside, edge, y, fit, var_slope, 1.0)
    note = "delta method, peaks over threshold" + (", xi at its bound" if fit.bounded else "")
    return TailFit(
        level=level,
        threshold=threshold,
        size=x.size,
        fit=fit,
        var=Estimate(var, errors[0], note),
        es=Estimate(es, errors[1], note),
        xi_error=float(np.sqrt(covariance[0, 0])),
        var_interval=_profile(y, fit, threshold, quotient, var, shortfall=False),
        es_interval=_profile(y, fit, threshold, quotient, es, shortfall=True),
        weights=weights,
        var_weights=var_weights,
    )


def stability(losses: npt.ArrayLike, level: float, tails: Sequence[float]) -> list[TailFit]:
    """The same fit at several thresholds; those with too few exceedances, or inside the level, are left out."""
    x = np.asarray(losses, dtype=np.float64)
    return [
        peaks_over_threshold(x, level, t)
        for t in tails
        if np.floor(t * x.size + 1e-9) >= 2 * LEAST_EXCEEDANCES and 1.0 - t <= level
    ]


def _best(z: F64) -> tuple[float, float]:
    """`xi, beta` of excesses with mean one."""
    from scipy.optimize import minimize_scalar

    top = float(z.max())

    def shape(theta: float) -> float:
        return float(np.log1p(theta * z).mean())

    def cost(theta: float) -> float:
        xi = shape(theta)
        if abs(theta) < _FLAT:
            return 1.0
        return float(np.log(xi / theta) + xi)

    # xi rises with theta: the bounds of xi are bounds of theta
    low, high = _theta_at(SHAPES[0], shape, -1.0 / top), _theta_at(SHAPES[1], shape, np.inf)
    # the cost has one valley or two; a coarse look finds the deeper one
    grid = np.concatenate([np.linspace(low, 0.0, 40)[:-1], np.geomspace(1e-4, max(high, 2e-4), 60)])
    grid = grid[(grid >= low) & (grid <= high)]
    costs = np.array([cost(t) for t in grid])
    at = int(np.argmin(costs))
    left, right = grid[max(at - 1, 0)], grid[min(at + 1, grid.size - 1)]
    found = minimize_scalar(cost, bounds=(left, right), method="bounded", options={"xatol": 1e-12})
    theta = float(found.x) if found.fun <= costs[at] else float(grid[at])
    if min(costs[0], costs[-1]) < min(float(found.fun), costs[at]) + 1e-15:
        theta = float(grid[0] if costs[0] < costs[-1] else grid[-1])
    if abs(theta) < _FLAT:
        return 0.0, 1.0
    xi = shape(theta)
    return xi, xi / theta


def _polished(z: F64, xi: float, beta: float) -> tuple[float, float]:
    """Newton's steps to where both scores vanish: shares add up only at the maximum itself."""
    for _ in range(8):
        before = _log_likelihood(z, xi, beta)
        information = _information(z, ParetoFit(xi, beta, before, z.size, False))
        if not np.linalg.det(information) > 0.0 or information[0, 0] <= 0.0:
            return xi, beta
        d = beta + xi * z
        by_beta = float(((1.0 + xi) * z / (beta * d)).sum()) - z.size / beta
        if abs(xi) < 1e-4:
            r = z / beta
            by_xi = float((r**2 / 2.0 - r).sum() + xi * (r**2 - 2.0 / 3.0 * r**3).sum())
        else:
            by_xi = float((np.log1p(xi * z / beta) / xi**2 - (1.0 + 1.0 / xi) * z / d).sum())
        step = np.linalg.solve(information, np.array([by_xi, by_beta]))
        moved = (xi + float(step[0]), beta + float(step[1]))
        if not SHAPES[0] < moved[0] < SHAPES[1] or _log_likelihood(z, *moved) < before - 1e-9 * abs(before):
            return xi, beta
        xi, beta = moved
        if float(np.abs(step).max()) < 1e-14:
            break
    return xi, beta


def _theta_at(xi: float, shape: Any, edge: float) -> float:
    from scipy.optimize import brentq

    if xi < 0.0:
        low = edge * (1.0 - 1e-10)
        return low if shape(low) > xi else float(brentq(lambda t: shape(t) - xi, low, 0.0))
    high = 1.0
    while shape(high) < xi:
        high *= 4.0
    return float(brentq(lambda t: shape(t) - xi, 0.0, high))


def _log_likelihood(y: F64, xi: float, beta: float) -> float:
    if beta <= 0.0 or 1.0 + xi * float(y.max()) / beta <= 0.0:
        return -np.inf
    if abs(xi) < _FLAT:
        return float(-y.size * np.log(beta) - y.sum() / beta)
    return float(-y.size * np.log(beta) - (1.0 + 1.0 / xi) * np.log1p(xi * y / beta).sum())


def _survival(y: F64, xi: float, beta: float) -> F64:
    if abs(xi) < _FLAT:
        flat: F64 = np.exp(-y / beta)
        return flat
    inside = np.maximum(1.0 + xi * y / beta, 0.0)
    with np.errstate(divide="ignore"):
        result: F64 = np.where(inside > 0.0, inside ** (-1.0 / xi), 0.0)
    return result


def _reach(xi: float, quotient: float) -> float:
    """`(quotient^-xi - 1) / xi`, how many betas the VaR lies beyond the threshold; at least zero for quotient <= 1."""
    log = -np.log(quotient)
    return float(np.expm1(xi * log) / xi) if abs(xi) > _FLAT else float(log * (1.0 + xi * log / 2.0))


def _figures(threshold: float, xi: float, beta: float, quotient: float) -> tuple[float, float]:
    beyond = max(beta * _reach(xi, quotient), 0.0)
    var = threshold + beyond
    # (VaR + beta - xi u) / (1 - xi), written so that no rounding takes it below the VaR
    return var, var + (xi * beyond + beta) / (1.0 - xi)


def _slopes(fit: ParetoFit, quotient: float) -> tuple[F64, F64]:
    """Derivatives of VaR and ES by xi and beta."""
    xi, beta = fit.xi, fit.beta
    log = -np.log(quotient)
    reach = _reach(xi, quotient)
    if abs(xi) > 1e-4:
        by_xi = (log * np.exp(xi * log) - reach) / xi
    else:
        by_xi = log**2 / 2.0 + xi * log**3 / 3.0
    var = np.array([beta * by_xi, reach])
    es = np.array([beta * by_xi / (1.0 - xi) + beta * (reach + 1.0) / (1.0 - xi) ** 2, (reach + 1.0) / (1.0 - xi)])
    return var, es


def _information(y: F64, fit: ParetoFit) -> F64:
    """Minus the second derivatives of the log-likelihood by xi and beta, observed."""
    xi, beta = fit.xi, fit.beta
    if abs(xi) < 1e-4:
        # the limit, from the series of ln(1 + x) about zero
        r = y / beta
        xx = (2.0 / 3.0 * r**3 - r**2).sum()
        xb = (r**2 - r).sum() / beta
        bb = (2.0 * r - 1.0).sum() / beta**2
        return np.array([[xx, xb], [xb, bb]])
    d = beta + xi * y
    log = np.log1p(xi * y / beta)
    xx = (2.0 * log / xi**3 - 2.0 * y / (xi**2 * d) - (1.0 + 1.0 / xi) * y**2 / d**2).sum()
    xb = ((y - beta) * y / (beta * d**2)).sum()
    bb = ((1.0 + xi) * y * (2.0 * beta + xi * y) / (beta**2 * d**2)).sum() - y.size / beta**2
    return np.array([[xx, xb], [xb, bb]])


def _covariance(y: F64, fit: ParetoFit) -> F64:
    """Of xi and beta by the observed information; of beta alone where xi is at a bound, NaN without a maximum."""
    information = _information(y, fit)
    if fit.bounded:
        variance = 1.0 / information[1, 1] if information[1, 1] > 0.0 else np.nan
        return np.array([[0.0, 0.0], [0.0, variance]])
    determinant = information[0, 0] * information[1, 1] - information[0, 1] ** 2
    if not (determinant > 0.0 and information[0, 0] > 0.0):
        return np.full((2, 2), np.nan)
    return np.asarray(np.linalg.inv(information), dtype=np.float64)


def _derivatives(
    size: int, inside: npt.NDArray[np.intp], edge: int, y: F64, fit: ParetoFit, slope: F64, by_threshold: float
) -> F64:
    """`[S]` derivative of a figure by each loss: through the excesses, and through the threshold that they share.

    The scores of one excess are `(y - beta) / (beta + xi y)^2` and `(1 + xi) / (beta + xi y)^2` by y; the parameters
    move by the inverse information times these.
    """
    d2 = (fit.beta + fit.xi * y) ** 2
    by_y = np.vstack([(y - fit.beta) / d2, (1.0 + fit.xi) / d2])
    covariance = _covariance(y, fit)
    if not np.isfinite(covariance).all():
        covariance = np.array([[0.0, 0.0], [0.0, fit.beta**2 / (y.size * (1.0 + fit.xi))]])
    per_excess = slope @ covariance @ by_y
    weights = np.zeros(size)
    weights[inside] = per_excess
    weights[edge] += by_threshold - float(per_excess.sum())
    return weights


def _profile(
    y: F64, fit: ParetoFit, threshold: float, quotient: float, centre: float, *, shortfall: bool
) -> tuple[float, float]:
    """95 % interval of VaR or ES: where the likelihood, maximised over the shape, has not fallen by chi squared / 2."""
    from scipy.optimize import brentq, minimize_scalar

    def beta_of(value: float, xi: float) -> float:
        unit = _reach(xi, quotient)
        return (value - threshold) / ((unit + 1.0) / (1.0 - xi) if shortfall else unit)

    def best(value: float) -> float:
        found = minimize_scalar(
            lambda xi: -max(_log_likelihood(y, xi, beta_of(value, xi)), -1e300), bounds=SHAPES, method="bounded"
        )
        return float(-found.fun)

    def gap(value: float) -> float:
        return 2.0 * (fit.log_likelihood - best(value)) - CHI2_95

    beyond = centre - threshold
    if quotient >= 1.0 or beyond <= 0.0:
        return centre, centre
    ends = []
    for factor in (0.5, 2.0):
        outer, moved = centre, 0
        while gap(outer) < 0.0 and moved < 20:
            outer = threshold + (outer - threshold) * factor
            moved += 1
        ends.append(outer if gap(outer) < 0.0 else float(brentq(gap, *sorted((centre, outer)), xtol=1e-6 * beyond)))
    return ends[0], ends[1]
