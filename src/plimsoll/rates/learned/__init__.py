"""Learned forecasts of variance and quantiles: baselines, boosted challengers, the gate, drift, and frozen files."""

from plimsoll.rates.learned.baselines import BASELINES, Baseline, baseline_variance
from plimsoll.rates.learned.boosted import BoostedForecaster
from plimsoll.rates.learned.drift import (
    DriftRule,
    DriftState,
    ForecastSeries,
    QuantileSeries,
    outside_share,
    raise_at_once,
    watch,
)
from plimsoll.rates.learned.features import FEATURES, Panel, garman_klass, panel
from plimsoll.rates.learned.scores import LossTest, diebold_mariano, pinball, qlike
from plimsoll.rates.learned.serve import served, served_all, served_quantile
from plimsoll.rates.learned.splits import PurgedWalkForward
from plimsoll.rates.learned.trees import Charter, FrozenTrees, Tree, admitted, charters, freeze, load_frozen, shipped

__all__ = [
    "BASELINES",
    "FEATURES",
    "Baseline",
    "BoostedForecaster",
    "Charter",
    "DriftRule",
    "DriftState",
    "ForecastSeries",
    "FrozenTrees",
    "LossTest",
    "Panel",
    "PurgedWalkForward",
    "QuantileSeries",
    "Tree",
    "admitted",
    "baseline_variance",
    "charters",
    "diebold_mariano",
    "freeze",
    "garman_klass",
    "load_frozen",
    "outside_share",
    "panel",
    "pinball",
    "qlike",
    "raise_at_once",
    "served",
    "served_all",
    "served_quantile",
    "shipped",
    "watch",
]
