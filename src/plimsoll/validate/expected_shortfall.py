"""Did a forecast of Expected Shortfall hold: how large the losses beyond VaR were against what was promised.

Losses, VaR and ES are positive when bad, in one unit, one for each day; `level` is the share of days beyond VaR. The
null of the Acerbi and Székely tests is simulated from the forecasts alone: each day's loss is beyond VaR with chance
`level`, and by a generalised Pareto amount whose mean is `ES − VaR` and whose shape is stated. No assumption about the
rest of the distribution is needed, since neither statistic looks at days within VaR.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.special import xlogy
from scipy.stats import chi2

from plimsoll.documents import refuse
from plimsoll.validate.result import F64, Test, checked_level, checked_series

SHAPE = 0.2
"""Shape of the excesses under the null: 0 is exponential, 0.2 about a Student t with five degrees."""


def mcneil_frey(
    losses: npt.ArrayLike,
    var: npt.ArrayLike,
    es: npt.ArrayLike,
    scale: npt.ArrayLike | None = None,
    *,
    draws: int = 9999,
    seed: int = 0,
) -> Test:
    """Are losses beyond VaR larger, on average, than ES? One-sided bootstrap of the exceedance residuals.

    Residuals `(loss − ES) / scale` of the exceptions have mean zero when ES is right; `scale` is the forecast of
    volatility, by default ES itself. The statistic is their mean over its standard error; the p-value is the share of
    bootstrap samples of the centred residuals (Efron and Tibshirani 1993, 16.4) with one as large. Not `defined` with
    fewer than two exceptions. McNeil and Frey (2000), Journal of Empirical Finance 7, section 4.2.
    """
    loss, value, tail = _three(losses, var, es)
    width = tail if scale is None else checked_series(scale, "scale", like=loss.size, positive=True)
    beyond = loss > value
    residuals = (loss[beyond] - tail[beyond]) / width[beyond]
    count = residuals.size
    detail = {"exceptions": count, "mean": float(residuals.mean()) if count else 0.0}
    if count < 2 or np.ptp(residuals) == 0:
        return Test("McNeil and Frey", 0.0, 1.0, None, "simulated", False, detail)
    if draws < 1:
        raise refuse("draws", draws, "a number above zero")
    statistic = float(residuals.mean() / (residuals.std(ddof=1) / np.sqrt(count)))
    rng, centred = np.random.default_rng(seed), residuals - residuals.mean()
    larger, left = 0, draws
    while left:
        size = min(left, max(1, 2_000_000 // count))
        samples = centred[rng.integers(0, count, (size, count))]
        spread = samples.std(axis=1, ddof=1)
        means = samples.mean(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            found = np.where(spread > 0, means / (spread / np.sqrt(count)), np.sign(means) * np.inf)
        larger += int((found >= statistic).sum())
        left -= size
    chance = (1 + larger) / (1 + draws)
    return Test("McNeil and Frey", statistic, chance, None, "simulated", True, detail | _error(chance, draws))


def acerbi_szekely_1(
    losses: npt.ArrayLike,
    var: npt.ArrayLike,
    es: npt.ArrayLike,
    level: float,
    *,
    shape: float = SHAPE,
    draws: int = 4999,
    seed: int = 0,
) -> Test:
    """Z1: are losses beyond VaR larger than ES, given that they happened? Negative when ES was too small.

    `Z1 = 1 − mean over exceptions of loss / ES`; expected 0. One-sided, simulated; not `defined` without an exception.
    Acerbi and Székely (2014), Backtesting Expected Shortfall, Risk, equation 4.
    """
    loss, value, tail = _three(losses, var, es)
    p = checked_level(level)
    beyond = loss > value
    count = int(beyond.sum())
    if count == 0:
        return Test("Acerbi and Székely Z1", 0.0, 1.0, None, "simulated", False, {"exceptions": 0})
    statistic = float(1 - (loss[beyond] / tail[beyond]).mean())
    hits, ratios = _null(value, tail, p, shape, draws, seed)
    with np.errstate(invalid="ignore", divide="ignore"):
        null = 1 - ratios / hits
    # a series without an exception has no Z1: the null is that of series with one
    return _lower("Acerbi and Székely Z1", statistic, null[hits > 0], count)


def acerbi_szekely_2(
    losses: npt.ArrayLike,
    var: npt.ArrayLike,
    es: npt.ArrayLike,
    level: float,
    *,
    shape: float = SHAPE,
    draws: int = 4999,
    seed: int = 0,
) -> Test:
    """Z2: were losses beyond VaR too many or too large? Negative when there was more tail than promised.

    `Z2 = 1 − Σ loss·hit / (T·level·ES)`; expected 0, the lower tail rejects. At 2.5 % and 250 days its 5 % critical
    value is about −0.7 for any usual tail. Acerbi and Székely (2014), equation 6.
    """
    loss, value, tail = _three(losses, var, es)
    p = checked_level(level)
    beyond = loss > value
    statistic = float(1 - (loss[beyond] / tail[beyond]).sum() / (loss.size * p))
    _, ratios = _null(value, tail, p, shape, draws, seed)
    return _lower("Acerbi and Székely Z2", statistic, 1 - ratios / (loss.size * p), int(beyond.sum()))


def multinomial(losses: npt.ArrayLike, forecasts: npt.ArrayLike, levels: Sequence[float]) -> Test:
    """Are losses spread over the bands between several VaR forecasts as promised? An implicit test of ES.

    `forecasts` has shape (T, k) with one column for each of `levels`, which fall (0.05, 0.025, 0.01). The likelihood
    ratio of the k + 1 counts against chi-square with k degrees. Kratz, Lok and McNeil (2018), Journal of Banking &
    Finance 88, section 3.
    """
    loss = checked_series(losses, "losses")
    grid = np.asarray(forecasts, dtype=np.float64)
    shares = [checked_level(x, f"levels[{i}]") for i, x in enumerate(levels)]
    if grid.shape != (loss.size, len(shares)) or not np.isfinite(grid).all():
        raise refuse("forecasts", f"an array of shape {grid.shape}", f"finite, of shape {(loss.size, len(shares))}")
    if sorted(set(shares), reverse=True) != shares:
        raise refuse("levels", list(levels), "falling shares of exceptions, such as 0.05, 0.025, 0.01")
    band = (loss[:, None] > grid).sum(axis=1)
    found = np.bincount(band, minlength=len(shares) + 1).astype(np.float64)
    edges = np.array([1.0, *shares, 0.0])
    promised = edges[:-1] - edges[1:]
    ratio = 2 * float((xlogy(found, found / loss.size) - xlogy(found, promised)).sum())
    chance = float(chi2.sf(max(ratio, 0.0), len(shares)))
    detail = {f"band{i}": float(n) for i, n in enumerate(found)}
    return Test("multinomial", max(ratio, 0.0), chance, len(shares), detail=detail)


def _three(losses: npt.ArrayLike, var: npt.ArrayLike, es: npt.ArrayLike) -> tuple[F64, F64, F64]:
    loss = checked_series(losses, "losses")
    value = checked_series(var, "var", like=loss.size)
    tail = checked_series(es, "es", like=loss.size, positive=True)
    if (tail < value).any():
        at = int(np.flatnonzero(tail < value)[0])
        raise refuse(f"es[{at}]", float(tail[at]), f"at least VaR of that day ({float(value[at])!r})")
    return loss, value, tail


def _null(var: F64, es: F64, level: float, shape: float, draws: int, seed: int) -> tuple[F64, F64]:
    """Number of exceptions and sum of `loss / ES` over them, each of shape (draws,), when the forecasts are right."""
    if not 0.0 <= shape < 0.5:
        raise refuse("shape", shape, "from 0 (exponential) to below 0.5, where the variance ends")
    if draws < 1:
        raise refuse("draws", draws, "a number above zero")
    rng = np.random.default_rng(seed)
    # only the days that are beyond are drawn: how many, which, and by how much
    counts = rng.binomial(var.size, level, draws)
    whose = np.repeat(np.arange(draws), counts)
    days = rng.integers(0, var.size, whose.size)
    if whose.size:
        days = _distinct(whose, days, var.size, rng)
    scale = (es - var)[days] * (1 - shape)
    u = 1.0 - rng.random(whose.size)
    excess = -scale * np.log(u) if shape == 0 else scale * np.expm1(-shape * np.log(u)) / shape
    ratios = np.bincount(whose, (var[days] + excess) / es[days], minlength=draws)
    return counts.astype(np.float64), ratios.astype(np.float64)


def _distinct(
    whose: npt.NDArray[np.int64], days: npt.NDArray[np.int64], size: int, rng: np.random.Generator
) -> npt.NDArray[np.int64]:
    """The same draws without a day twice in one series: repeated ones are drawn again."""
    while True:
        keys = whose * size + days
        _, first = np.unique(keys, return_index=True)
        again = np.ones(keys.size, dtype=np.bool_)
        again[first] = False
        if not again.any():
            return days
        days = days.copy()
        days[again] = rng.integers(0, size, int(again.sum()))


def _lower(name: str, statistic: float, null: F64, count: int) -> Test:
    """The test whose lower tail rejects."""
    draws = null.size
    chance = (1 + int((null <= statistic + 1e-12).sum())) / (1 + draws)
    detail = {"exceptions": count, "critical_5": float(np.quantile(null, 0.05)) if draws else float("nan")}
    return Test(name, statistic, chance, None, "simulated", draws > 0, detail | _error(chance, draws))


def _error(chance: float, draws: int) -> dict[str, float]:
    return {"standard_error": float(np.sqrt(chance * (1 - chance) / (1 + draws)))}
