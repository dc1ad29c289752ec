"""Walking forward over seven coins: baselines and boosted challengers on the same days, before 2022 and after."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from plimsoll.dynamics.ewma import ewma_variance
from plimsoll.feeds import read_bars, read_dvol, read_funding
from plimsoll.market.history import DAY_NS, History, instant_ns
from plimsoll.rates.learned import (
    BASELINES,
    FEATURES,
    Baseline,
    BoostedForecaster,
    Panel,
    PurgedWalkForward,
    baseline_variance,
    panel,
    pinball,
    qlike,
)

F64 = npt.NDArray[np.float64]

COINS = ("BTC", "ETH", "BNB", "XRP", "ADA", "DOGE", "SOL")
HORIZONS = (1, 5)
LEVELS = (0.01, 0.99)
EMBARGO_NS = 5 * DAY_NS
TUNED = ("2019-07-01", "2020-01-01", "2020-07-01", "2021-01-01", "2021-07-01", "2022-01-01")
JUDGED = (*(f"{y}-{m}-01" for y in range(2022, 2026) for m in ("01", "07")), "2026-01-01", "2026-07-01")
GRID = (
    {"max_iter": 40, "learning_rate": 0.05, "max_leaf_nodes": 4},
    {"max_iter": 120, "learning_rate": 0.05, "max_leaf_nodes": 4},
    {"max_iter": 60, "learning_rate": 0.1, "max_leaf_nodes": 8},
    {"max_iter": 200, "learning_rate": 0.03, "max_leaf_nodes": 8},
)
LAMBDAS = (0.90, 0.94, 0.97)
MIN_TRAIN = 365


def zulu(day: str) -> str:
    return f"{day}T00:00:00Z"


def load(data: Path) -> list[Panel]:
    """The rows of every coin; BTC stands for the market, with its funding and its index."""
    names = {f"{c}USDT": c for c in COINS}
    bars = read_bars(data / "prices" / "binance_spot_daily_7coins.parquet", names=names)
    funding = read_funding(
        data / "funding" / "binance_BTCUSDT_funding_8h_2019_2026.csv.gz", name="BTC", utc_offset_hours=0
    ).history
    index = read_dvol(data / "vol" / "deribit_dvol_btc_daily_2022_2025.csv.gz").history
    table: Mapping[str, History] = {"close": bars.history, **bars.fields}
    return [panel(table, c, market="BTC", funding=funding, index=index) for c in COINS]


@dataclass
class Fold:
    """What one fold says of one coin and horizon, on its test rows; all `[n]`."""

    coin: str
    times: npt.NDArray[np.int64]
    X: F64
    realised: F64
    outcome: F64
    base: dict[Baseline, F64]
    quantile: dict[float, F64]
    train_ratio: F64
    train_scaled: F64
    train_X: F64


def folds(panels: list[Panel], boundaries: tuple[str, ...], horizon: int, chosen: Mapping[str, Baseline], lam: float
          ) -> Iterator[list[Fold]]:  # fmt: skip
    """For each fold those of every coin that has a year to train on; outcomes end before the last boundary."""
    walk = PurgedWalkForward([zulu(b) for b in boundaries], horizon_ns=horizon * DAY_NS, embargo_ns=EMBARGO_NS)
    ends = walk.boundaries[1:]
    splits = [list(walk.split(p.X, groups=p.times)) for p in panels]
    for f in range(walk.get_n_splits()):
        made = []
        for p, found in zip(panels, splits, strict=True):
            train, test = found[f]
            known = np.flatnonzero(np.isfinite(p.returns))
            if not len(known) or len(train) - known[0] < MIN_TRAIN or not len(test):
                continue
            made.append(_fold(p, train, test, horizon, chosen.get(p.name, "har-log"), lam, ends[-1]))
        yield made


def _fold(p: Panel, train: Any, test: Any, horizon: int, kind: Baseline, lam: float, end: int) -> Fold:
    cut = int(train[-1]) + 1
    forecasts = {b: baseline_variance(b, p.returns, p.rv, cut, horizon, lam=lam) for b in BASELINES}
    target, outcome = p.target_variance(horizon), p.target_return(horizon)
    sigma = np.sqrt(horizon * forecasts[kind])
    usable = np.isfinite(target) & np.isfinite(outcome) & np.isfinite(forecasts[kind])
    usable &= np.isfinite(np.column_stack([forecasts[b] for b in BASELINES])).all(axis=1)
    inside = usable & (p.times + horizon * DAY_NS <= end)
    rows = test[inside[test]]
    # the first months of a series have no month behind them
    fit = train[usable[train] & np.isfinite(p.X[train, 2])]
    scaled = outcome[fit] / sigma[fit]
    quantiles = {q: float(np.quantile(scaled, q)) * sigma[rows] for q in LEVELS}
    return Fold(
        coin=p.name,
        times=p.times[rows],
        X=p.X[rows],
        realised=target[rows],
        outcome=outcome[rows],
        base={b: forecasts[b][rows] for b in BASELINES},
        quantile=quantiles,
        train_ratio=target[fit] / forecasts[kind][fit],
        train_scaled=scaled,
        train_X=p.X[fit],
    )


@dataclass
class Losses:
    """Losses of one coin and horizon over all folds, in order of time."""

    times: list[npt.NDArray[np.int64]]
    base: dict[Baseline, list[F64]]
    boosted: list[F64]
    quantile: dict[float, list[F64]]
    boosted_quantile: dict[float, list[F64]]
    boosted_forecast: list[F64]

    @classmethod
    def empty(cls) -> Losses:
        return cls([], {b: [] for b in BASELINES}, [], {q: [] for q in LEVELS}, {q: [] for q in LEVELS}, [])


def run(
    panels: list[Panel],
    boundaries: tuple[str, ...],
    horizon: int,
    chosen: Mapping[str, Baseline],
    lam: float,
    options: Mapping[str, Any] | None,
) -> dict[str, Losses]:
    """Losses of every coin over the folds; without `options` only those of the baselines."""
    result: dict[str, Losses] = {}
    for found in folds(panels, boundaries, horizon, chosen, lam):
        models = _grown(found, options) if options is not None else {}
        for one in found:
            losses = result.setdefault(one.coin, Losses.empty())
            losses.times.append(one.times)
            for b in BASELINES:
                losses.base[b].append(qlike(one.realised, one.base[b]))
            kind = chosen.get(one.coin, "har-log")
            sigma = np.sqrt(horizon * one.base[kind])
            if options is None:
                continue
            forecast = one.base[kind] * models["variance"].predict(one.X)
            losses.boosted.append(qlike(one.realised, forecast))
            losses.boosted_forecast.append(forecast)
            for q in LEVELS:
                # in units of the day's sigma, so that a stormy year does not decide alone
                losses.quantile[q].append(pinball(one.outcome / sigma, one.quantile[q] / sigma, q))
                losses.boosted_quantile[q].append(pinball(one.outcome / sigma, models[str(q)].predict(one.X), q))
    return result


def _grown(found: list[Fold], options: Mapping[str, Any]) -> dict[str, BoostedForecaster]:
    X = np.vstack([f.train_X for f in found])
    ratio = np.concatenate([f.train_ratio for f in found])
    scaled = np.concatenate([f.train_scaled for f in found])
    grown = {"variance": BoostedForecaster("variance", features=FEATURES, **options).fit(X, ratio)}
    for q in LEVELS:
        grown[str(q)] = BoostedForecaster("quantile", level=q, features=FEATURES, **options).fit(X, scaled)
    return grown


def best_lambda(panels: list[Panel]) -> float:
    """The decay with the least loss over all coins before 2022."""
    cut = instant_ns(zulu(TUNED[-1]))
    totals = {}
    for lam in LAMBDAS:
        losses = []
        for p in panels:
            before = p.times <= cut
            rv = p.rv[before]
            forecast = ewma_variance(np.sqrt(rv), lam)[:-1]
            good = np.isfinite(rv) & np.isfinite(forecast) & (np.cumsum(np.isfinite(rv)) > 100)
            losses.append(qlike(rv[good], forecast[good]))
        totals[lam] = float(np.concatenate(losses).mean())
    return min(totals, key=lambda v: totals[v])


def best_baselines(panels: list[Panel], horizon: int, lam: float) -> dict[str, Baseline]:
    """Per coin the baseline of least loss before 2022; coins too young for a fold take that of all coins."""
    found = run(panels, TUNED, horizon, {}, lam, None)
    mean = {c: {b: float(np.concatenate(v.base[b]).mean()) for b in BASELINES} for c, v in found.items()}
    pooled: dict[Baseline, float] = {
        b: float(np.concatenate([x for v in found.values() for x in v.base[b]]).mean()) for b in BASELINES
    }
    own: dict[str, Baseline] = {c: min(BASELINES, key=lambda b: m[b]) for c, m in mean.items()}
    return {c: own.get(c, min(BASELINES, key=lambda b: pooled[b])) for c in COINS}


def best_options(panels: list[Panel], horizon: int, chosen: Mapping[str, Baseline], lam: float) -> dict[str, Any]:
    """Of the grid, the options of least variance loss before 2022, over all coins."""
    scores = []
    for options in GRID:
        found = run(panels, TUNED, horizon, chosen, lam, options)
        scores.append(float(np.concatenate([x for v in found.values() for x in v.boosted]).mean()))
    return dict(GRID[int(np.argmin(scores))])
