"""
How likely is the line?
=======================

A liquidation line says how far; a desk wants to know how likely, within the days that it takes to do something about
it. The margin has to be computed again on the way: options age, volatility moves, and a book of short options needs
more margin exactly when it has lost. How likely is the line within three days, and what do two puts do to that?
"""

# %%
# The account, the rules, the paths
# ---------------------------------
# The book of ``plimsoll demo`` under PRBM, and two thousand simulated paths of the price and of its implied volatility,
# looked at every six hours: fat-tailed steps, jumps, a volatility that follows the moves. Options that expire on the
# way pay at the price of their path.

import matplotlib.pyplot as plt
import numpy as np

import plimsoll as pl
from plimsoll.feeds import demo_account, demo_market
from plimsoll.liquidation.passage import compare, passage
from plimsoll.liquidation.passage.laws import of_market
from plimsoll.margin.trade import traded

account, market = demo_account(), demo_market()
model = pl.margin_model("prbm@2026-03-01")
law = of_market(account, market, 3.0, size=2_000, seed=1, step_days=0.25)
print(*law.words, sep="\n")

# %%
# First passage
# -------------
# Equity against maintenance margin at each instant of each path, by the exact engine or by a surface of exact states
# whose error bound is checked. Half of the collateral is taken out first, so that there is something to see.

poor = account.model_copy(update={"collateral": {c: 0.5 * x for c, x in account.collateral.items()}})
found = passage(model, poor, market, law.paths)
one = found.probability()
print(f"{one.value:.2%} within three days, error {one.error:.2%}; {found.computed:,} states by the exact engine")
print(f"{found.surface.given:,} signs from the surface, errors at most {found.surface.worst:.0%} of their bounds")

# %%
# Two puts
# --------
# Of two weeks, a tenth below the price, bought at their mark. The same paths for both books: chance falls out of the
# difference, and its error is far below that of two sets of paths.

put = "BTC-10APR26-63000-P"
hedged = passage(model, traded(poor, market, put, 2.0), market, law.paths)
gain = compare(found, hedged)
print(f"two of {put}: {gain.value * 100:.2f} points less likely, error {gain.error * 100:.2f}")
print(f"with paths of their own for each book the error were {gain.apart * 100:.2f} points")

# %%
# The picture
# -----------

figure, axes = plt.subplots(figsize=(8, 4), layout="constrained")
for one_of, title, colour in ((found, "as it is", "tab:blue"), (hedged, "with two puts", "tab:orange")):
    p = np.array([e.value for e in one_of.curve()])
    error = np.array([e.error for e in one_of.curve()])
    axes.fill_between(found.days, p - 1.645 * error, p + 1.645 * error, color=colour, alpha=0.2, linewidth=0)
    axes.plot(found.days, p, color=colour, marker="o", markersize=3, label=title)
axes.yaxis.set_major_formatter(lambda value, _: f"{value:.1%}")
axes.set(xlabel="days from now", ylabel="below the line by then", ylim=(0.0, None))
axes.grid(alpha=0.3)
legend = axes.legend(frameon=False)

# %%
# The number
# ----------

print(f"liquidated within three days: {one.value:.2%}, with two puts {hedged.probability().value:.2%}")
