"""GARCH and GJR: variance that remembers, fitted by `arch`, with the exponential weights as the named way out."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from plimsoll.documents import DocumentError, Failure, Problem, Reason, refuse
from plimsoll.dynamics.ewma import ewma_variance

F64 = npt.NDArray[np.float64]

Kind = Literal["garch", "gjr"]

LEAST_RETURNS = 250
FALLBACK_LAMBDA = 0.94


@dataclass(frozen=True)
class Garch:
    """A variance recursion with zero mean, per period of the returns it was fitted to.

    ```
    v_t = omega + (alpha + gamma * [r_{t-1} < 0]) * r_{t-1}^2 + beta * v_{t-1},   v_0 = start
    ```
    `gamma` is zero for plain GARCH(1,1); `nu` are the degrees of freedom of the t innovations of the fit. Sources:
    Bollerslev (1986); Glosten, Jagannathan and Runkle (1993).
    """

    kind: Kind
    omega: float
    alpha: float
    gamma: float
    beta: float
    nu: float
    start: float

    @property
    def persistence(self) -> float:
        """`alpha + gamma / 2 + beta`: below one, variance returns to `omega / (1 - persistence)`."""
        return self.alpha + self.gamma / 2.0 + self.beta

    def variance(self, returns: npt.ArrayLike) -> F64:
        """`[T+1]` variance known before each of `[T]` returns; the last row is the forecast.

        A missing return (NaN) counts as one of the size that was expected: `r^2 = v`, down or up with even odds.
        """
        r = np.asarray(returns, dtype=np.float64)
        if r.ndim != 1 or np.isinf(r).any():
            raise refuse("returns", f"shape {r.shape}", "finite numbers of shape [T], NaN where missing")
        v = self.start
        result = np.empty(len(r) + 1)
        result[0] = v
        for t, x in enumerate(r.tolist()):
            if math.isnan(x):
                v = self.omega + self.persistence * v
            else:
                v = self.omega + (self.alpha + (self.gamma if x < 0.0 else 0.0)) * x * x + self.beta * v
            result[t + 1] = v
        return result

    def horizon(self, variance: npt.ArrayLike, periods: int) -> F64:
        """Variance of the sum of the next `periods` returns, from the one-period forecast `variance`.

        `v + (omega + p v) + ...`, `periods` terms, `p` the persistence; no square root of time.
        """
        if periods < 1:
            raise refuse("periods", periods, "a whole number of at least one")
        v = np.asarray(variance, dtype=np.float64)
        total = np.zeros_like(v)
        # term by term: the closed form loses its digits where persistence is close to one
        for _ in range(periods):
            total = total + v
            v = self.omega + self.persistence * v
        return total


@dataclass(frozen=True)
class VarianceForecast:
    """`variance` `[T+1]` as `ewma_variance` gives it; the model that gave it, and why it is not the one asked for."""

    variance: F64
    model: Garch | None
    failure: Failure | None

    @property
    def method(self) -> str:
        """`garch`, `gjr`, or `ewma` after a failure."""
        return "ewma" if self.model is None else self.model.kind


def load_arch() -> Any:
    """`arch.arch_model`, or an error that names the extra that brings it."""
    try:
        from arch import arch_model
    except ImportError:
        raise refuse("arch", "nothing", "the library arch: pip install 'plimsoll-margin[history]'") from None
    return arch_model


def fit_garch(returns: npt.ArrayLike, kind: Kind = "gjr") -> Garch:
    """Maximum likelihood with t innovations and zero mean on `[T]` returns without gaps, by the library `arch`.

    The same returns give the same numbers: starting values follow from the returns, and nothing is random. Raises
    `DocumentError` where there are fewer than `LEAST_RETURNS`, none that moves, a gap, where the search does not
    converge, and where the fit is not stationary (persistence of one or more).
    """
    if kind not in ("garch", "gjr"):
        raise refuse("kind", kind, "garch or gjr")
    r = np.asarray(returns, dtype=np.float64)
    if r.ndim != 1 or not np.isfinite(r).all():
        raise refuse("returns", f"shape {r.shape} with {int((~np.isfinite(r)).sum())} gaps", "finite numbers [T]")
    if len(r) < LEAST_RETURNS:
        raise refuse("returns", f"{len(r)} of them", f"at least {LEAST_RETURNS}")
    size = float(r.std())
    if not size > 0.0:
        raise refuse("returns", "returns that do not move", "returns that move")
    arch_model = load_arch()
    # the likelihood is searched on returns of size one: tolerances of the search are absolute
    model = arch_model(r / size, mean="Zero", vol="GARCH", p=1, o=int(kind == "gjr"), q=1, dist="t", rescale=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = model.fit(disp="off", show_warning=False)
    if fitted.convergence_flag != 0 or not np.isfinite(np.asarray(fitted.params)).all():
        raise refuse("fit", f"convergence flag {fitted.convergence_flag}", "a search that converges")
    number = fitted.params
    start = float(model.volatility.backcast(r / size)) * size**2
    # arch starts its recursion as if the return before the first had the size of the backcast
    p = [float(number[k]) if k in number else 0.0 for k in ("omega", "alpha[1]", "gamma[1]", "beta[1]", "nu")]
    start = p[0] * size**2 + (p[1] + p[2] / 2.0 + p[3]) * start
    result = Garch(kind, p[0] * size**2, p[1], p[2], p[3], p[4], start)
    if not (result.persistence < 1.0 and result.omega > 0.0):
        raise refuse(
            "fit", f"persistence {result.persistence:.6f}", "a persistence below one, so that variance returns"
        )
    return result


def garch_forecast(returns: npt.ArrayLike, kind: Kind = "gjr", *, name: str = "returns") -> VarianceForecast:
    """The fit on all of `[T]` returns and its variance; EWMA at 0.94 where there is none, with the reason.

    A failure is a value: `too_few_returns` or `no_convergence`, with what was found. Rows before the last are *in
    sample*: only the last one is a forecast, and who backtests fits on past views. Missing returns are left out of the
    fit and counted as expected by the recursion. Raises `DocumentError` for input that is no series of returns and
    where `arch` is absent.
    """
    r = np.asarray(returns, dtype=np.float64)
    if r.ndim != 1 or np.isinf(r).any():
        raise refuse("returns", f"shape {r.shape}", "finite numbers of shape [T], NaN where missing")
    load_arch()
    present = r[~np.isnan(r)]
    reason = Reason.TOO_FEW_RETURNS if len(present) < LEAST_RETURNS else Reason.NO_CONVERGENCE
    try:
        model = fit_garch(present, kind)
    except DocumentError as error:
        problem: Problem = error.problems[0]
        message = f"{problem.path}: {problem.got.strip(chr(39))}; EWMA at {FALLBACK_LAMBDA} instead"
        failure = Failure(reason=reason, subject=f"{name} {kind}", message=message, effect="notice")
        return VarianceForecast(ewma_variance(r, FALLBACK_LAMBDA), None, failure)
    return VarianceForecast(model.variance(r), model, None)
