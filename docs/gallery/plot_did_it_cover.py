"""
Did it cover?
=============

A margin at 99 % should be too small on one day in a hundred, no more, no less, and not on three days in a row. Here a
model forecasts eight books day after day from what it knew, next to the same model with its volatility halved. Do the
tests tell them apart, and how sure are they?
"""

# %%
# The walk
# --------
# A generated history, so that the page needs no data: ``plimsoll validate run --prices FILE`` takes a real one. Each
# day every book is written anew at standard tenors, its loss forecast by filtered history, and revalued a day later.

from datetime import UTC, datetime

import numpy as np

from plimsoll.feeds.generated_history import generated_history
from plimsoll.report.validation_figure import coverage_figure, track_figure
from plimsoll.risk.models import risk_model
from plimsoll.validate.books import library
from plimsoll.validate.judge import judge
from plimsoll.validate.levels import factor_levels
from plimsoll.validate.walk import EngineModel, walk_forward

history = generated_history(datetime(2026, 1, 1, tzinfo=UTC))
levels = factor_levels(history.select(["BTC", "ETH"]), ["BTC", "ETH"])
fhs = risk_model("fhs")
walk = walk_forward(
    [EngineModel(fhs), EngineModel(fhs, "halved", 0.5)],
    library(["linear", "short-strangle", "call-spread", "market-maker", "coin-margined"]),
    levels,
    start="2025-01-01T00:00:00Z",
)
judged = judge(walk, draws=199)

# %%
# One book
# --------
# Vertical lines are losses, the small ones left out; a dot is a day that the full model did not cover. The halved one
# is the lower line.

figure = track_figure(walk.track("linear"))

# %%
# All books and regimes
# ---------------------
# Each mark is a share of days with its exact interval. After Holm's adjustment over everything on the picture, the
# filled ones are rejected; an interval that is wide says that the span was short, not that the model was good.

figure = coverage_figure(judged, "halved")

# %%
# The number
# ----------
# Rejections of the promised coverage over all days, with 5 % error over the five books together.

for model in judged.models:
    whole = [v for v in judged.verdicts if v.model == model and v.regime == "all"]
    rejected = sum(v.rejected() for v in whole)
    share = np.mean([v.exceptions / v.days for v in whole])
    print(f"{model}: {share:.1%} of the days not covered in the mean, rejected on {rejected} of {len(whole)} books")
