"""From frozen trees and an asset's rows to the forecast that margin rates take, as it would have run day by day."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from plimsoll.documents import refuse
from plimsoll.market.history import instant_ns
from plimsoll.rates.learned.baselines import Baseline, baseline_variance
from plimsoll.rates.learned.drift import (
    DriftRule,
    DriftState,
    ForecastSeries,
    QuantileSeries,
    Use,
    outside_share,
    raise_at_once,
    watch,
)
from plimsoll.rates.learned.features import FEATURES, Panel
from plimsoll.rates.learned.scores import pinball, qlike
from plimsoll.rates.learned.trees import VARIANCE, Charter, FrozenTrees, charters, shipped

F64 = npt.NDArray[np.float64]

LEAST_DAYS = 250


def served_all(rows: Panel) -> tuple[ForecastSeries, tuple[QuantileSeries, ...]]:
    """Everything that the shipped trees say of an asset: the forecast of its next day's volatility, and the quantiles
    for which the gate let them in.

    Where the gate kept the trees of the variance out, their baseline stands; where it kept a quantile's out, there is
    none. Errors as `served`.
    """
    quantiles = []
    for name, charter in charters().items():
        kind = charter.baselines.get(rows.name)
        if charter.target == "quantile" and kind is not None:
            quantiles.append(served_quantile(rows, shipped(name), charter, kind))
    variance = charters()[VARIANCE]
    gate = variance.baselines
    forecast = served(rows, shipped(), kind=gate.get(rows.name, "har-log"), let_in=rows.name in gate, lam=variance.lam)
    return forecast, tuple(quantiles)


def served(
    rows: Panel, trees: FrozenTrees, *, kind: Baseline = "har-log", let_in: bool = True, lam: float = 0.94
) -> ForecastSeries:
    """The forecast of the next day's volatility at each day after the trees were grown; none before.

    Sigma is that of a day's return: forecasts of ranges are scaled by what squared returns were in units of them. The
    scale, the baseline's parameters, the range of the features and the usual deviation of the losses are of days up to
    `trees.trained_until`; from there on each day's forecast is judged on the next, and the drift monitor says whose
    stands. Where the trees are `let_in` by the gate, trusted and above the baseline they stand, else the baseline. The
    outcome of a day is known at its end, so the state at t has seen the forecasts up to t - 1. `lam` is the decay of
    the baseline's exponential weights.

    Errors: `DocumentError` for other features, trees that do not say until when they were grown, and fewer than
    `LEAST_DAYS` usable days before that.
    """
    cut = _cut(rows, trees)
    base = baseline_variance(kind, rows.returns, rows.rv, cut, 1, lam=lam)
    grown = base * trees.predict(rows.X)
    realised = rows.target_variance(1)
    with np.errstate(invalid="ignore", divide="ignore"):
        mine, theirs = _loss(realised, grown), _loss(realised, base)
    use = _watched(rows, cut, 1, mine, theirs, let_in=let_in)
    both = np.isfinite(rows.returns[:cut]) & np.isfinite(rows.rv[:cut])
    scale = float((rows.returns[:cut][both] ** 2).mean() / rows.rv[:cut][both].mean())
    known = np.isfinite(base[cut:]) & (base[cut:] > 0.0)
    times, kept = rows.times[cut:][known], tuple(u for u, k in zip(use, known.tolist(), strict=True) if k)
    return raise_at_once(
        rows.name,
        times,
        np.sqrt(scale * grown[cut:][known]),
        np.sqrt(scale * base[cut:][known]),
        kept,
        model_hash=trees.hash(),
    )


def served_quantile(rows: Panel, trees: FrozenTrees, charter: Charter, kind: Baseline) -> QuantileSeries:
    """What a position is forecast to lose over the charter's days, at each day after the trees were grown.

    The trees say the quantile of the return in units of the baseline's sigma over those days, the baseline that of its
    own scaled residuals before the trees were frozen (filtered history). The larger loss stands where the trees are
    trusted, else the baseline's. A forecast is judged, by the pinball loss in units of its sigma, when its last day has
    ended. Errors as `served`.
    """
    cut, days, level = _cut(rows, trees), charter.horizon, charter.level
    if charter.target != "quantile" or level is None:
        raise refuse("charter.target", charter.target, "quantile, with its level")
    sigma = np.sqrt(days * baseline_variance(kind, rows.returns, rows.rv, cut, days, lam=charter.lam))
    with np.errstate(invalid="ignore", divide="ignore"):
        scaled = rows.target_return(days) / sigma
    grown = trees.predict(rows.X)
    # outcomes that had ended by the border, of days with a month behind them
    past = scaled[: cut - days][np.isfinite(scaled[: cut - days]) & np.isfinite(rows.X[: cut - days, _MONTH])]
    if past.size < LEAST_DAYS:
        raise refuse("rows", f"{past.size} outcomes before the trees were grown", f"at least {LEAST_DAYS}")
    plain = float(np.quantile(past, level))
    mine, theirs = (np.full(scaled.shape, np.nan) for _ in range(2))
    there = np.isfinite(scaled)
    mine[there] = pinball(scaled[there], grown[there], level)
    theirs[there] = pinball(scaled[there], np.full(int(there.sum()), plain), level)
    use = _watched(rows, cut, days, mine, theirs)
    known = np.isfinite(sigma[cut:]) & (sigma[cut:] > 0.0)
    here = sigma[cut:][known]
    side = -1.0 if level < 0.5 else 1.0
    challenger = np.maximum(side * np.expm1(grown[cut:][known] * here), 0.0)
    baseline = np.maximum(side * np.expm1(plain * here), 0.0)
    trusted = np.array([u == "challenger" for u in use])[known]
    learned = trusted & (challenger > baseline)
    whose: tuple[Use, ...] = tuple("challenger" if w else "baseline" for w in learned.tolist())
    loss = np.where(learned, challenger, baseline)
    return QuantileSeries(rows.name, days, level, rows.times[cut:][known], loss, whose, trees.hash())


_MONTH = FEATURES.index("rv_22")


def _cut(rows: Panel, trees: FrozenTrees) -> int:
    """The first row after the trees were grown."""
    if trees.features != FEATURES:
        raise refuse("trees.features", trees.features, ", ".join(FEATURES))
    if not trees.trained_until:
        raise refuse("trees.trained_until", "nothing", "the instant until which the trees were grown")
    until = trees.trained_until
    border = instant_ns(until if "T" in until else f"{until}T00:00:00Z", "trees.trained_until")
    cut = int(np.searchsorted(rows.times, border, side="right"))
    if cut >= len(rows.times):
        raise refuse("rows", f"days up to {border} ns", "days after the trees were grown")
    # of the days before the border only, which is why there are none of them without a year or so of history
    before = int(np.isfinite(rows.rv[:cut]).sum())
    if before < LEAST_DAYS:
        raise refuse("rows", f"{before} days before the trees were grown", f"at least {LEAST_DAYS}")
    return cut


def _watched(rows: Panel, cut: int, days: int, mine: F64, theirs: F64, *, let_in: bool = True) -> list[Use]:
    """Whose forecast stands at each row from `cut` on; `mine` and `theirs` `[T]` are the losses of the forecasts made
    at each row, known `days` later."""
    past = (mine - theirs)[: cut - days]
    rule = DriftRule(scale=max(float(np.nanstd(past)), 1e-9))
    seen = rows.X[:cut]
    here = np.isfinite(seen).any(axis=0)
    low = np.where(here, np.nanmin(np.where(np.isfinite(seen), seen, np.inf), axis=0), np.inf)
    high = np.where(here, np.nanmax(np.where(np.isfinite(seen), seen, -np.inf), axis=0), -np.inf)
    outside = outside_share(rows.X, low, high)
    state, use = DriftState(), list[Use]()
    for t in range(cut, len(rows.times)):
        made = t - days
        if made >= cut and np.isfinite(theirs[made]):
            state = watch(rule, state, float(mine[made]), float(theirs[made]), float(outside[made]))
        # what lies outside today is known today, before its forecast is used
        use.append("baseline" if not let_in or outside[t] > rule.strange else state.use)
    return use


def _loss(realised: F64, forecast: F64) -> F64:
    """QLIKE where both are known, NaN elsewhere."""
    good = np.isfinite(realised) & np.isfinite(forecast) & (forecast > 0.0) & (realised > 0.0)
    found = np.full(realised.shape, np.nan)
    found[good] = qlike(realised[good], forecast[good])
    return found
