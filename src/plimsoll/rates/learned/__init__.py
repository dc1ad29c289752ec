"""Learned forecasts of variance and quantiles: baselines, boosted challengers, the gate, drift, and frozen files."""

from plimsoll.rates.learned.baselines import BASELINES, Baseline, baseline_variance
from plimsoll.rates.learned.boosted import BoostedForecaster
from plimsoll.rates.learned.drift import (
    DriftRule,
    DriftState,
    ForecastSeries,
    outside_share,
    raise_at_once,
    watch,
)
from plimsoll.rates.learned.features import FEATURES, Panel, garman_klass, panel
from plimsoll.rates.learned.scores import LossTest, diebold_mariano, pinball, qlike
from plimsoll.rates.learned.serve import served
from plimsoll.rates.learned.splits import PurgedWalkForward
from plimsoll.rates.learned.trees import FrozenTrees, Tree, admitted, freeze, load_frozen, shipped

__all__ = [
    "BASELINES",
    "FEATURES",
    "Baseline",
    "BoostedForecaster",
    "DriftRule",
    "DriftState",
    "ForecastSeries",
    "FrozenTrees",
    "LossTest",
    "Panel",
    "PurgedWalkForward",
    "Tree",
    "admitted",
    "baseline_variance",
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
    "shipped",
    "watch",
]
