"""
The cost of margin in a quote
=============================

A book that buys and one that sells the same option do not pay the same for its margin. What funding it costs until it
expires belongs into the bid and the ask, and it depends on what the book already holds.
"""

# %%
# The paths
# ---------
# Filtered history of a generated market, with prices whose mean stays where it is: a quote is no opinion on drift.
# Margins are computed again at twelve instants of every path, options aged, what has expired gone.

import matplotlib.pyplot as plt
import numpy as np

import plimsoll as pl
from plimsoll.feeds.demo import demo_account, demo_market
from plimsoll.feeds.generated_history import generated_history
from plimsoll.optimise.sizing import FundingTerms, Watch, life_of, margin_cost, still
from plimsoll.risk.engine import volatility
from plimsoll.scenarios.factors import FactorHistory
from plimsoll.scenarios.path_makers import filtered_joint_paths

market, book = demo_market(), demo_account()
model, terms = pl.margin_model("prbm@2026-03-01"), FundingTerms(spread=0.08)
history = FactorHistory.of_levels(generated_history(market.time), ("BTC", "BTC iv"))


def watch(days: float, size: int = 256) -> Watch:
    """The market on paths of so many days."""
    steps = max(1, round(days))
    paths = filtered_joint_paths(
        history.names,
        history.returns,
        volatility(history.returns, 0.97),
        size=size,
        decay=0.97,
        seed=3,
        steps=steps,
        keep=sorted({max(1, round(k * steps / 12)) for k in range(1, 13)}),
    )
    return Watch(market, model, still(paths))


# %%
# Two sides of one put
# --------------------
# The book is short of strangles. Buying the put closes a part of its risk, at first: bid and ask are not mirrors.

name = "BTC-26JUN26-70000-P"
life = life_of(market, name)
found = margin_cost(watch(life), book, name, 10.0, terms)

figure, axes = plt.subplots(figsize=(7, 3.4), layout="constrained")
for side, label in ((found.ask, "sold"), (found.bid, "bought")):
    axes.plot(side.days, side.profile / 1_000, marker="o", ms=3, label=f"10 puts {label}")
axes.axhline(0.0, color="0.7", lw=0.8)
axes.set(xlabel="days from now", ylabel="thousand USD", title="incremental initial margin, mean of the paths")
axes.legend(frameon=False)

# %%
# By strike
# ---------
# Points of volatility that the margin adds to the ask and takes off the bid. Below zero the trade earns.

strikes = (50_000, 55_000, 60_000, 65_000, 70_000, 75_000, 80_000)
quotes = [margin_cost(watch(life, 128), book, f"BTC-26JUN26-{k}-P", 10.0, terms) for k in strikes]

smile, place = plt.subplots(figsize=(7, 3.4), layout="constrained")
for sides, label in (([q.ask for q in quotes], "ask"), ([q.bid for q in quotes], "bid")):
    points = [s.vol_points for s in sides]
    errors = [s.error / s.vega for s in sides]
    place.errorbar([k / 1_000 for k in strikes], points, yerr=errors, marker="o", ms=4, capsize=3, label=label)
place.axhline(0.0, color="0.7", lw=0.8)
place.set(xlabel="strike, thousand USD", ylabel="points of volatility", title="margin in the quote of a put")
place.legend(frameon=False)

# %%
# The number
# ----------
# What the two sides of the quote are apart for margin alone.

wide = found.ask.vol_points + found.bid.vol_points
print(f"ask +{found.ask.vol_points:.2f}, bid -{found.bid.vol_points:.2f}: {wide:.2f} points of volatility apart")
assert found.ask.cost > found.bid.cost
assert np.isfinite([q.ask.cost for q in quotes]).all()
