"""From frozen trees and an asset's rows to the forecast that margin rates take, as it would have run day by day."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from plimsoll.documents import refuse
from plimsoll.market.history import instant_ns
from plimsoll.rates.learned.baselines import Baseline, baseline_variance
from plimsoll.rates.learned.drift import DriftRule, DriftState, ForecastSeries, Use, outside_share, raise_at_once, watch
from plimsoll.rates.learned.features import FEATURES, Panel
from plimsoll.rates.learned.scores import qlike
from plimsoll.rates.learned.trees import FrozenTrees

F64 = npt.NDArray[np.float64]

LEAST_DAYS = 250


def served(rows: Panel, trees: FrozenTrees, *, kind: Baseline = "har-log", let_in: bool = True) -> ForecastSeries:
    """The forecast of the next day's volatility at each day after the trees were grown; none before.

    Sigma is that of a day's return: forecasts of ranges are scaled by what squared returns were in units of them. The
    scale, the baseline's parameters, the range of the features and the usual deviation of the losses are of days up to
    `trees.trained_until`; from there on each day's forecast is judged on the next, and the drift monitor says whose
    stands. Where the trees are `let_in` by the gate, trusted and above the baseline they stand, else the baseline. The
    outcome of a day is known at its end, so the state at t has seen the forecasts up to t - 1.

    Errors: `DocumentError` for other features, trees that do not say until when they were grown, and fewer than
    `LEAST_DAYS` usable days before that.
    """
    if trees.features != FEATURES:
        raise refuse("trees.features", trees.features, ", ".join(FEATURES))
    if not trees.trained_until:
        raise refuse("trees.trained_until", "nothing", "the instant until which the trees were grown")
    until = trees.trained_until
    border = instant_ns(until if "T" in until else f"{until}T00:00:00Z", "trees.trained_until")
    cut = int(np.searchsorted(rows.times, border, side="right"))
    count = len(rows.times)
    if cut >= count:
        raise refuse("rows", f"days up to {border} ns", "days after the trees were grown")
    # of the days before the border only, which is why there are none of them without a year or so of history
    before = int(np.isfinite(rows.rv[:cut]).sum())
    if before < LEAST_DAYS:
        raise refuse("rows", f"{before} days before the trees were grown", f"at least {LEAST_DAYS}")
    base = baseline_variance(kind, rows.returns, rows.rv, cut, 1)
    grown = base * trees.predict(rows.X)
    realised = rows.target_variance(1)
    with np.errstate(invalid="ignore", divide="ignore"):
        mine, theirs = _loss(realised, grown), _loss(realised, base)
    past = (mine - theirs)[: cut - 1]
    rule = DriftRule(scale=max(float(np.nanstd(past)), 1e-9))
    seen = rows.X[:cut]
    here = np.isfinite(seen).any(axis=0)
    low = np.where(here, np.nanmin(np.where(np.isfinite(seen), seen, np.inf), axis=0), np.inf)
    high = np.where(here, np.nanmax(np.where(np.isfinite(seen), seen, -np.inf), axis=0), -np.inf)
    outside = outside_share(rows.X, low, high)
    state, use = DriftState(), list[Use]()
    for t in range(cut, count):
        if t > cut and np.isfinite(realised[t - 1]) and np.isfinite(theirs[t - 1]):
            state = watch(rule, state, float(mine[t - 1]), float(theirs[t - 1]), float(outside[t - 1]))
        # what lies outside today is known today, before its forecast is used
        use.append("baseline" if not let_in or outside[t] > rule.strange else state.use)
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


def _loss(realised: F64, forecast: F64) -> F64:
    """QLIKE where both are known, NaN elsewhere."""
    good = np.isfinite(realised) & np.isfinite(forecast) & (forecast > 0.0) & (realised > 0.0)
    found = np.full(realised.shape, np.nan)
    found[good] = qlike(realised[good], forecast[good])
    return found
